"""The translation pages: from an outline to its picture."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return _colouring()


def _colouring() -> list[dict[str, Any]]:
    from pages.translation import colouring

    question = {"x": base64.b64encode(bytes(4096)).decode()}
    times = []
    for i in range(25):
        began = time.perf_counter()
        colouring.colour("default", {**question, "seed": i})
        times.append(1000 * (time.perf_counter() - began))
    note = "median of the last 20 answers, at the server; the bar at the browser is 150 ms"
    return [
        {"name": "an outline coloured and judged", "value": statistics.median(times[5:]), "unit": "ms", "note": note}
    ]
