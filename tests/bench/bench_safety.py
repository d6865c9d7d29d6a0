"""How trainings bear being killed, and checkpoints being changed: 20 kills each way, 2,000 mutations."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engines.train import main
from tests.engines.test_safety import AE, kill_at_random, try_mutations


def bench() -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for i, name in enumerate(("a first training", "an overwrite")):
            if i:
                main([*AE, "--set", "n_steps=3", "--out", str(out / name)])
            seen = kill_at_random(out / name, 20, seed=i, n_steps=1_000_000)
            note = f"last: {seen[-1]}; before its first state: {seen.count('nothing yet')}"
            rows.append({"name": f"{name} survived", "value": len(seen), "unit": "of 20 kills", "note": note})
        main([*AE, "--set", "n_steps=2", "--out", str(out / "base")])
        for end, count in try_mutations(out / "base", out / "work", 2_000, seed=1).items():
            rows.append({"name": f"mutated checkpoints {end}", "value": count, "unit": "of 2000"})
    return rows
