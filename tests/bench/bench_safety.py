"""How trainings bear being killed, checkpoints being changed, and pages being asked for nonsense."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from engines.train import main
from pages.ui import live
from tests.engines.test_safety import AE, kill_at_random, try_mutations
from tests.pages.app import PAGED, hostile, opened, settings_of

N_KILLS, N_MUTATIONS, N_ADDRESSES = 20, 2_000, 500


def addresses() -> int:
    """How many of the hostile addresses a page opened at without an exception."""
    os.environ["LAB_HOSTED"] = "1"
    live.Table.wait_until_drawn = lambda *_args, **_more: None  # type: ignore[method-assign]
    rng, fine = random.Random(2), 0
    for i in range(N_ADDRESSES):
        item = PAGED[i % len(PAGED)]
        try:
            opened(item.file, **hostile([setting.key for setting in settings_of(item)], rng))
            fine += 1
        except Exception as error:
            print(f"{item.slug}: {error}"[:300])
        for token in list(live.TABLE._lives):
            live.TABLE.remove(token)
    return fine


def bench() -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for i, name in enumerate(("a first training", "an overwrite")):
            if i:
                main([*AE, "--set", "n_steps=3", "--out", str(out / name)])
            seen = kill_at_random(out / name, N_KILLS, seed=i, n_steps=1_000_000)
            note = f"last: {seen[-1]}; before its first state: {seen.count('nothing yet')}"
            rows.append({"name": f"{name} survived", "value": len(seen), "unit": "of 20 kills", "note": note})
        main([*AE, "--set", "n_steps=2", "--out", str(out / "base")])
        for end, count in try_mutations(out / "base", out / "work", N_MUTATIONS, seed=1).items():
            rows.append({"name": f"mutated checkpoints {end}", "value": count, "unit": f"of {N_MUTATIONS}"})
    rows.append({"name": "pages opened at hostile addresses", "value": addresses(), "unit": f"of {N_ADDRESSES}"})
    return rows
