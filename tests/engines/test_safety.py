"""Trainings that are killed and checkpoints that lie: nothing good is lost, and every lie ends in one sentence."""

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
from tests.memory import measured, risen

AE = ["autoencoder", "--data", "mnist", "--n", "300", "--set", "code_dim=8", "--set", "batch_size=20"]
N_KILLS, N_MUTATIONS = 2, 200  # tests/bench/bench_safety.py takes 20 and 2,000


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


@pytest.mark.parametrize("over", [False, True], ids=["first", "overwrite"])
def test_a_killed_training_leaves_something_to_resume(tmp_path, over):
    out = tmp_path / "ae"
    if over:
        assert main([*AE, "--set", "n_steps=3", "--out", str(out)]) == 0
    seen = kill_at_random(out, N_KILLS, seed=int(over), n_steps=1_000_000)
    assert "unfinished at step" in seen[-1]
    assert not over or all("ae at step 3" in words for words in seen)
    assert list(out.glob("**/*.new")) == [] or (out / "unfinished" / checkpoints.CARD).exists()


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


def test_a_full_disk_is_one_sentence_and_destroys_nothing(tmp_path):
    ends = full_disk_at_every_write(tmp_path)
    assert ends == {
        # Two files and two moves of what is unfinished; two files and the move of the card.
        "one sentence, the former checkpoint loads": 7,
        "one sentence, the new checkpoint loads": 1,  # the card has moved, the weights beside it are found
    }


@pytest.mark.parametrize("limit", [1_000, 100_000])
def test_a_writing_cut_short_destroys_nothing(tmp_path, capsys, limit):
    """A real limit of the system on a file's size: the folder's trial, or the weights, end in the middle."""
    import resource

    out = tmp_path / "ae"
    assert main([*AE, "--set", "n_steps=3", "--out", str(out)]) == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        assert main([*AE, "--set", "n_steps=5", "--out", str(out)]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written (File too large)" in capsys.readouterr().err.splitlines()[-1]
    assert restore(read(out)).iteration == 3
    assert list(out.glob("**/*.new")) == []


def test_what_was_learned_is_kept_before_it_is_measured(tmp_path, capsys, monkeypatch):
    import engines.train

    def fails(*_: Any) -> None:
        raise MemoryError("too many images at once")

    out, words = tmp_path / "ae", [*AE, "--set", "n_steps=4"]
    with monkeypatch.context() as patch:
        patch.setattr(engines.train, "measure", fails)
        assert main([*words, "--out", str(out)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: autoencoder failed: too many images at once"
    assert restore(read(out / "unfinished")).iteration == 4
    assert main([*words, "--out", str(out), "--resume"]) == 0
    assert restore(read(out)).iteration == 4


def test_the_target_is_looked_at_before_any_work(tmp_path, capsys, monkeypatch):
    from filelock import FileLock

    import engines.train

    monkeypatch.setattr(engines.train, "learn", lambda *_: pytest.fail("work was done"))
    (tmp_path / "file").write_text("")
    assert main([*AE, "--out", str(tmp_path / "file" / "x")]) == 2
    assert "file is a file: move it" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "x").mkdir()
    with FileLock(tmp_path / "x" / ".lock"):
        assert main([*AE, "--out", str(tmp_path / "x")]) == 2
    assert "another training writes to" in capsys.readouterr().err.splitlines()[-1]


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


@measured
def test_mutated_checkpoints_end_in_one_sentence(tmp_path):
    assert main([*AE, "--set", "n_steps=2", "--out", str(tmp_path / "ae")]) == 0
    with risen() as rise:
        ends = try_mutations(tmp_path / "ae", tmp_path / "work", N_MUTATIONS, seed=0)
    assert ends["refused"] > 0.6 * N_MUTATIONS
    assert rise[0] < 200
