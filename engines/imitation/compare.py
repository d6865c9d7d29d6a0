"""How many demonstrations are needed: `python -m engines.imitation.compare`, the paper's figure 1 measured here.

For 1, 4, 7 and 10 trajectories and five seeds, behavioural cloning and GAIL learn from the same pairs; each is then
measured over the same 50 starts by its likeliest actions. A score is where a return lies from acting at random (0) to
the expert (1), both over 200 starts. Written to assets/imitation/compare.json with what it took.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shlex
import sys
import time
from typing import Any

COUNTS = (1, 4, 7, 10)
SEEDS = (0, 1, 2, 3, 4)
# Every so many-th pair is kept, and how many steps GAIL takes. CartPole's expert is imitated from a quarter of its
# trajectory by anyone, so its pairs are thinned as Ho & Ermon do.
TASKS = {"pendulum": {"thin": 1, "n_steps": 80}, "cartpole": {"thin": 20, "n_steps": 60}}


def measure(task: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Both learners from the first n trajectories with one seed."""
    import torch

    import engines
    from engines.imitation import demonstrations, experts

    torch.set_num_threads(1)
    name, n, seed = task
    shown, (floor, ceiling) = demonstrations.load(name), experts.scale(name)
    common = {"n_trajectories": n, "thin": TASKS[name]["thin"], "seed": seed}
    rows = []
    for method, more in (("behavioural_cloning", {}), ("gail", {"n_steps": TASKS[name]["n_steps"]})):
        start = time.perf_counter()
        engine: Any = engines.create(method, data=shown, device="cpu", **common, **more)
        while not engine.done:
            engine.step()
        seconds = time.perf_counter() - start
        value = engine.evaluate()["return"]
        env_steps = engine.agent.env_steps if method == "gail" else 0
        row = {"environment": name, "n": n, "seed": seed, "method": method, "return": round(value, 2)}
        score = round((value - floor) / (ceiling - floor), 4)
        rows.append({**row, "score": score, "seconds": round(seconds, 1), "env_steps": env_steps})
    return rows


def main() -> int:
    from engines.imitation import demonstrations, experts

    parser = argparse.ArgumentParser(
        description="Return against number of trajectories, into assets/imitation/compare.json."
    )
    parser.add_argument("names", nargs="*", default=list(TASKS), help=", ".join(TASKS))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    tasks = [(name, n, seed) for name in given.names for n in COUNTS for seed in SEEDS]
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        rows = [row for some in pool.imap(measure, tasks) for row in some]
    scales = {name: experts.scale(name) for name in given.names}
    written = {
        "command": shlex.join(["python", "-m", "engines.imitation.compare", *sys.argv[1:]]),
        "tasks": {
            name: {**TASKS[name], "at_random": round(scales[name][0], 2), "expert": round(scales[name][1], 2)}
            for name in given.names
        },
        "rows": rows,
    }
    path = demonstrations.FOLDER / "compare.json"
    path.write_text(json.dumps(written, indent=1) + "\n")
    for name in given.names:
        for n in COUNTS:
            for method in ("behavioural_cloning", "gail"):
                scores = [r["score"] for r in rows if (r["environment"], r["n"], r["method"]) == (name, n, method)]
                print(f"{name}, {n} trajectories, {method}: {sorted(scores)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
