"""What an engine learns from: rows in the order of the seed, held-out rows apart, bytes as they lie in the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines import material
from engines.data import zoo

NAMES = [name for name in zoo.NAMES if (zoo.FOLDER / f"{name}.npz").exists() and name != "patches_test"]


def test_an_epoch_gives_every_row_once_and_fields_keep_together():
    rows = material.Rows({"a": np.arange(12), "b": np.arange(12) * 10}, {"a": np.arange(3), "b": np.arange(3)})
    for epoch in range(3):
        batches = [rows.batch(4 * epoch + i, 3, seed=7) for i in range(4)]
        assert sorted(torch.cat([batch["a"] for batch in batches]).tolist()) == list(range(12))
        assert all(torch.equal(10 * batch["a"], batch["b"]) for batch in batches)
    assert rows.probe["a"].tolist() == [0, 1, 2]


def test_unpaired_fields_do_not_tell_of_each_other():
    rows = material.Unpaired({"a": np.arange(1000), "b": np.arange(1000)})
    batches = [rows.batch(i, 100, seed=0) for i in range(10)]
    a, b = (torch.cat([batch[key] for batch in batches]) for key in ("a", "b"))
    assert sorted(a.tolist()) == sorted(b.tolist()) == list(range(1000))
    assert (a == b).sum() <= 6  # one is expected by chance


def test_of_one_class_only_that_class_is_learned_from():
    images = {"image": np.arange(40, dtype=np.uint8).reshape(10, 4), "label": np.arange(10) % 2}
    kept = material.Images(images, images).only(1)
    learned = material.Images.of(kept.given, device=torch.device("cpu"))  # as an engine takes it
    assert len(learned) == 5
    assert learned.train["label"].tolist() == [1] * 5
    assert len(kept.held_out[0]) == 10  # the test side stays whole


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_says_what_is_held_out(name):
    pack = zoo.load(name)
    train, test = pack.rows("train"), pack.rows("test")
    assert (len(train) > 0) == (name != "stickers")  # those that a viewer places were never learned from
    assert np.intersect1d(train, test).size == 0
    for key in ("identity", "group", "outfit", "sticker", "tune"):
        if key in pack and len(test):
            assert np.intersect1d(pack[key][train], pack[key][test]).size == 0, key  # never the same one on both sides
