"""The translation pages: from an outline to its picture; how many of the toy's ten modes each DiscoGAN model covers."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any

import engines
from engines.translation.discogan import MODELS

SEEDS = range(10)
N_BATCHES = 2_500


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*_colouring(), *_modes()]


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


def _modes() -> list[dict[str, Any]]:
    covered: dict[str, list[float]] = {model: [] for model in MODELS}
    for seed in SEEDS:
        engine = engines.create("discogan2d", device="cpu", seed=seed, n_steps=N_BATCHES, batches_per_step=N_BATCHES)
        engine.step()
        for model in MODELS:
            covered[model].append(engine.measures(model)["modes"])  # type: ignore[attr-defined]
    return [
        {
            "name": f"modes of ten covered: {model}",
            "value": statistics.mean(found),
            "unit": "modes",
            "note": f"{N_BATCHES:,} batches, by seed: {', '.join(f'{n:.0f}' for n in found)}; "
            f"all ten for {sum(n == 10 for n in found)} of {len(found)}",
        }
        for model, found in covered.items()
    ]
