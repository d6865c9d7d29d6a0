"""The wardrobe against the pack: a figure dressed here is the figure that the recipe drew, to the bit."""

import numpy as np
import pytest

from engines.data import zoo
from engines.translation import wardrobe
from engines.translation.wardrobe import DESIGNS, DYES, POSES, SLOTS, dress, product, training

ALL_ALIKE = dict.fromkeys(SLOTS, 0)


def test_dressing_gives_the_packs_own_figures():
    pack, poses = zoo.load("figures"), zoo.load("wardrobe").text("poses")
    assert len(poses) == len(POSES)
    said = pack.text("names")["poses"]
    of_pose = [poses.index(said[i]) if said[i] in poses else -1 for i in pack["pose"]]
    rows = [i for i, pose in enumerate(of_pose) if pose >= 0][::5]
    assert len(rows) > 40
    assert {of_pose[i] for i in rows} == {0, 1, 2, 3}
    for i in rows:
        worn = {slot: int(pack[slot][i]) for slot in SLOTS}
        np.testing.assert_array_equal(dress(of_pose[i], int(pack["sex"][i]), worn), pack["figure"][i])


def test_pieces_have_the_packs_names():
    said = zoo.load("figures").text("names")
    assert said["slots"] == list(SLOTS)
    assert {slot: list(names) for slot, names in DESIGNS.items()} == said["designs"]
    assert list(DYES) == said["dyes"]


def test_every_piece_changes_the_picture():
    before = dress(0, 1, ALL_ALIKE)
    for slot in SLOTS:
        assert (dress(0, 1, {**ALL_ALIKE, slot: 13}) != before).any(), slot
    assert (dress(0, 0, ALL_ALIKE) != before).any()


def test_what_was_never_worn_is_known():
    held = zoo.load("figures").text("names")["held_out"]["chest"]
    worn = training()
    for sex in (0, 1):
        assert {chest for s, chest in worn.garments if s == sex} == set(range(40)) - set(held)
    pack = zoo.load("figures")
    new = pack["split"] == 1  # new combinations of seen garments
    assert not set(zip(pack["chest"][new].tolist(), pack["legs"][new].tolist(), strict=True)) & worn.outfits
    assert product(1, 8).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ((0, 2, ALL_ALIKE), "sex must be 0 or 1, got 2"),
        ((4, 0, ALL_ALIKE), "pose must be from 0 to 3, got 4"),
        ((0, 0, {**ALL_ALIKE, "legs": 40}), "legs must be a garment from 0 to 39, got 40"),
        ((0, 0, {"chest": 1}), "legs must be a garment from 0 to 39, got None"),
    ],
)
def test_what_cannot_be_worn_is_named(ask, words):
    with pytest.raises(ValueError, match=words):
        wardrobe.dress(*ask)
