"""People: a batch of TP-GAN, and a person turned all the way and brought to the front as the page does."""

from __future__ import annotations

from typing import Any

from tests.bench.bench_making import median


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from engines import create
    from engines.people.heads import Heads
    from pages.people import tpgan

    engine = create("tpgan", data=Heads.load("heads_yaw"), device="cpu")
    return [
        {"name": "TP-GAN: a batch of 8 heads", "value": median(lambda _: engine.step()), "unit": "ms", "note": "CPU"},
        {
            "name": "TP-GAN: a person's 13 turns brought to the front",
            "value": median(lambda i: tpgan.turning("", i, "near")),
            "unit": "ms",
            "note": "at the server: made, judged and framed",
        },
    ]
