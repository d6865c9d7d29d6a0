"""Trainings that are killed or meet a full disk, checkpoints that are changed: one for a test, many for the bench."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engines import checkpoints
from engines.checkpoints import CheckpointError, read, restore
from engines.train import main

AE = ["autoencoder", "--data", "mnist", "--n", "300", "--set", "code_dim=8", "--set", "batch_size=20"]


def kill_at_random(out: Path, n: int, *, seed: int, n_steps: int) -> list[str]:
    """Train into ``out``, killed at a random moment after it began, ``n`` times; what was there after each."""
    rng, seen = random.Random(seed), []
    words = [*AE, "--set", f"n_steps={n_steps}", "--save-every", "1", "--out", str(out)]
    for _ in range(n):
        resume = ["--resume"] if (out / "unfinished" / checkpoints.CARD).exists() else []
        process = subprocess.Popen([sys.executable, "-m", "engines.train", *words, *resume], stderr=subprocess.PIPE)
        assert process.stderr is not None
        process.stderr.readline()  # it says what it learns from: the first step comes now
        patience = time.monotonic() + 120
        while not seen and not (out / "unfinished" / checkpoints.CARD).exists() and time.monotonic() < patience:
            time.sleep(0.05)  # the first one is let come to its first save
        time.sleep(rng.uniform(0, 2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = []
        for directory in (out, out / "unfinished"):
            if (directory / checkpoints.CARD).exists():
                found.append(f"{directory.name} at step {restore(read(directory)).iteration}")  # it loads, always
        seen.append(", ".join(found) or "nothing yet")
    return seen


def full_disk_at_every_write(out: Path) -> dict[str, int]:
    """Overwrite a checkpoint on a disk that is full from the first, second, ... writing on: how many ended how."""
    assert main([*AE, "--set", "n_steps=3", "--out", str(out / "base")]) == 0
    ends: dict[str, int] = {}
    for full_from in range(100):
        shutil.rmtree(out / "work", ignore_errors=True)
        shutil.copytree(out / "base", out / "work")
        done = [0]

        def full(real: Any, full_from: int = full_from, done: list[int] = done) -> Any:
            def write(*arguments: Any) -> None:
                done[0] += 1
                if done[0] > full_from:
                    raise OSError(28, "No space left on device")
                real(*arguments)

            return write

        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
            patch.setattr(checkpoints.os, "fsync", full(os.fsync))
            patch.setattr(checkpoints.os, "replace", full(os.replace))
            status = main([*AE, "--set", "n_steps=5", "--out", str(out / "work")])
        there = restore(read(out / "work")).iteration  # it loads, always
        if done[0] <= full_from:
            assert (status, there) == (0, 5)
            return ends
        last = said.getvalue().splitlines()[-1]
        assert status == 2
        assert last.startswith("error: ")
        assert "No space left on device" in last
        end = f"one sentence, the {'former' if there == 3 else 'new'} checkpoint loads"
        ends[end] = ends.get(end, 0) + 1
    raise AssertionError("it never comes to an end")


def mutate(directory: Path, rng: random.Random, *, seal: bool) -> str:
    """One thing in the checkpoint changes: a bit, a piece of the card, a size, or the file's kind."""
    card_path, weights = directory / checkpoints.CARD, directory / checkpoints.WEIGHTS
    kind = rng.choice(["card bit", "weights bit", "cut", "value", "value", "value"])
    if kind in ("card bit", "weights bit"):
        path = card_path if kind == "card bit" else weights
        raw = bytearray(path.read_bytes())
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        return kind
    if kind == "cut":
        path = rng.choice([card_path, weights])
        raw = path.read_bytes()
        path.write_bytes(raw[: rng.randrange(len(raw))])
        return kind
    card = json.loads(card_path.read_text())
    place = card
    while True:
        key = rng.choice(list(place))
        if not isinstance(place[key], dict) or not place[key] or rng.random() < 0.2:
            break
        place = place[key]
    others = [None, True, -1, 0, 10**9, 10**18, 10**400, 1.5, "x", "9" * 50, [], [[[]]], {}, {"float": "nan"}]
    place[key] = rng.choice([value for value in others if value != place[key]])
    if seal:
        card["checksum"] = checkpoints.checksum(card)
    card_path.write_text(json.dumps(card))
    return f"{key} = {str(place[key])[:30]}"


def try_mutations(base: Path, work: Path, n: int, *, seed: int) -> dict[str, int]:
    """How ``n`` mutated checkpoints ended; anything but CheckpointError or a whole engine raises."""
    rng, ends = random.Random(seed), {"refused": 0, "loaded": 0}
    for i in range(n):
        shutil.copytree(base, work, dirs_exist_ok=True)
        seal = i % 2 == 0
        what = mutate(work, rng, seal=seal)
        try:
            restore(read(work)).frame()
        except CheckpointError as error:
            ends["refused" if "\n" not in str(error) else f"in two lines: {what}"] += 1
        else:
            # Only what a card may well say (a figure, a name, a learning rate) loads, and only resealed.
            assert seal, what
            ends["loaded"] += 1
    return ends
