"""Imitation: what a step costs, and how far GAIL and cloning come from four demonstrations."""

from __future__ import annotations

import time
from typing import Any

import torch

import engines
from engines.imitation import demonstrations, experts

STEPS = {"pendulum": 80, "cartpole": 80}


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`: one seed each; assets/imitation/compare.json has five."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a run does
    try:
        rows = [row for name in STEPS for row in _ours(name)]
    finally:
        torch.set_num_threads(before)
    return rows


def _ours(name: str) -> list[dict[str, Any]]:
    shown, (floor, ceiling) = demonstrations.load(name), experts.scale(name)
    rows = []
    for method, more in (("behavioural_cloning", {}), ("gail", {"n_steps": STEPS[name]})):
        began, n = time.perf_counter(), 0
        engine: Any = engines.create(method, data=shown, device="cpu", n_trajectories=4, **more)
        while not engine.done:
            engine.step()
            n += 1
        seconds = time.perf_counter() - began
        score = 100 * (engine.evaluate()["return"] - floor) / (ceiling - floor)
        note = f"{seconds:.0f} s in all" + (
            f", {engine.agent.env_steps:,} steps of the environment" * (method == "gail")
        )
        title = f"{name}, {method}"
        rows.append({"name": f"{title}: random to expert", "value": score, "unit": "%", "note": note})
        rows.append({"name": f"{title}: a visible step", "value": 1000 * seconds / n, "unit": "ms", "note": "1 thread"})
    return rows
