"""Do the ten modes depend on luck? `python -m engines.translation.ten_modes`: the toy in the plane, ten seeds.

All three models of `discogan2d` learn from the same points with each seed. How many of B's ten modes each covers
(`DiscoGAN2D.measures`) is counted at some numbers of batches and written to assets/translation/ten_modes.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shlex
import sys
from pathlib import Path
from typing import Any

from engines.translation.discogan import MODELS

SEEDS = tuple(range(10))
BATCHES = (1_000, 2_500, 5_000)
FILE = Path(__file__).resolve().parents[2] / "assets" / "translation" / "ten_modes.json"


def measure(seed: int, batches: tuple[int, ...] = BATCHES) -> list[dict[str, Any]]:
    """What all three models cover with one seed, a row a model and number of batches."""
    import torch

    import engines

    torch.set_num_threads(1)
    engine: Any = engines.create("discogan2d", device="cpu", seed=seed, n_steps=max(batches), batches_per_step=500)
    rows = []
    while not engine.done:
        engine.step()
        if engine.iteration in batches:
            for model in MODELS:
                measured = {key: round(value, 4) for key, value in engine.measures(model).items()}
                rows.append({"seed": seed, "model": model, "batches": engine.iteration, **measured})
    return rows


def load() -> list[dict[str, Any]]:
    """The rows that ship."""
    held: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return held["rows"]


def covered(rows: list[dict[str, Any]], batches: int) -> dict[str, list[int]]:
    """Modes of B covered after so many batches: for each model its counts (seeds,), in the order of the seeds."""
    return {
        model: [int(row["modes"]) for row in rows if row["model"] == model and row["batches"] == batches]
        for model in MODELS
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Modes covered with ten seeds, into assets/translation/ten_modes.json")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        rows = [row for some in pool.imap(measure, SEEDS) for row in some]
    command = shlex.join(["python", "-m", "engines.translation.ten_modes", *sys.argv[1:]])
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"command": command, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    for batches in BATCHES:
        print(batches, covered(rows, batches))
    return 0


if __name__ == "__main__":
    sys.exit(main())
