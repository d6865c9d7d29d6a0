"""Trainings that are killed and checkpoints that lie: nothing good is lost, and every lie ends in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from engines import checkpoints
from engines.checkpoints import read, restore
from engines.train import main
from tests.engines.damage import AE, full_disk_at_every_write, kill_at_random, try_mutations
from tests.memory import measured, risen

N_KILLS, N_MUTATIONS = 2, 200  # tests/bench/bench_safety.py takes 20 and 2,000


@pytest.mark.parametrize("over", [False, True], ids=["first", "overwrite"])
def test_a_killed_training_leaves_something_to_resume(tmp_path, over):
    out = tmp_path / "ae"
    if over:
        assert main([*AE, "--set", "n_steps=3", "--out", str(out)]) == 0
    seen = kill_at_random(out, N_KILLS, seed=int(over), n_steps=1_000_000)
    assert "unfinished at step" in seen[-1]
    assert not over or all("ae at step 3" in words for words in seen)
    assert list(out.glob("**/*.new")) == [] or (out / "unfinished" / checkpoints.CARD).exists()


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


@measured
def test_mutated_checkpoints_end_in_one_sentence(tmp_path):
    assert main([*AE, "--set", "n_steps=2", "--out", str(tmp_path / "ae")]) == 0
    with risen() as rise:
        ends = try_mutations(tmp_path / "ae", tmp_path / "work", N_MUTATIONS, seed=0)
    assert ends["refused"] > 0.6 * N_MUTATIONS
    assert rise[0] < 200
