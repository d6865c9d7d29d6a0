"""TP-GAN's page: what it draws is what the network makes, the judge's word is the judge's, the table is the cards'."""

from __future__ import annotations

import numpy as np
import pytest

from engines import learning
from engines.people.heads import FRONT, YAWS
from pages.catalogue import PAGES
from pages.people import tpgan as page
from pages.people import tpgan_notes as notes
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")


def test_what_an_address_gets_wrong_is_named():
    at = opened(PAGES / "people" / "tpgan.py", person="86", by="no-nose")
    assert any("person" in text and "by has no value" in text for text in said(at))


def test_a_head_is_turned_and_brought_to_the_front():
    film, at = page.turning("small", 4, "near"), page.rows_of(4)
    assert [frame.scalars["yaw"] for frame in film.frames] == list(YAWS)
    tests = page.tests()
    made = learning.to_bytes(page.model("small").front(tests["image"][at], tests["landmarks"][at])).numpy()
    for k, frame in enumerate(film.frames):
        shown = film.draw(frame)["images"]
        assert shown.shape == (6, 64, 64, 3)
        np.testing.assert_array_equal(shown[0], tests["image"][at][k])
        np.testing.assert_array_equal(shown[1], made[k])
        np.testing.assert_array_equal(shown[2], tests["image"][at][FRONT])
        for cell, key in ((4, "made"), (5, "raw")):
            who = int(frame.scalars[f"{key}_who"])
            assert frame.scalars[f"{key}_right"] == (who == 4)
            np.testing.assert_array_equal(shown[cell], tests["image"][13 * who + FRONT])
    assert film.frames[FRONT].scalars["raw"] == pytest.approx(1, abs=1e-5)  # the frontal picture is its own front


def test_frames_stand_around_the_patches():
    """Seen from the front a patch lies near where it is put; turned left and right they mirror each other."""
    film = page.turning("small", 4, "near")
    boxes = [film.draw(frame)["marks"] for frame in film.frames]
    assert all(len(marks) == 8 for marks in boxes)
    for taken, put in zip(boxes[FRONT][::2], boxes[FRONT][1::2], strict=True):
        assert (taken["cell"], put["cell"]) == (0, 3)
        assert np.abs(np.subtract(taken["box"], put["box"])).max() <= 4
    assert film.draw(film.frames[0])["marks"] != film.draw(film.frames[12])["marks"]
    assert page.turning("no-local", 4, "near").draw(film.frames[0])["marks"] == []


def test_the_loss_of_a_part_is_paired_by_person():
    value, low, high = notes.lost("no-local")
    per_person = 100 * (notes.far_hits("small") - notes.far_hits("no-local"))
    assert value == pytest.approx(per_person.mean())
    assert low < value < high
    assert value == pytest.approx(
        100 * (notes.metrics("small")["test_near_rank1"] - notes.metrics("no-local")["test_near_rank1"]), abs=0.01
    )


def test_a_table_has_a_row_for_every_network_and_floor():
    assert {len(column) for column in page.table().values()} == {4 + len(notes.ALIKE)}
    for words in notes.WORDS.values():
        assert words in page.table()[""]


@pytest.mark.parametrize("judge", notes.JUDGES)
def test_the_curves_are_the_cards(judge):
    film = page.recognised(judge, "alike")
    traces = film.base["traces"]
    assert len(traces) == len(notes.ALIKE) + 1
    prefix = notes.JUDGES[judge]
    m = notes.metrics("small")
    assert traces[0]["y"][-1] == pytest.approx(100 * m[f"test_{prefix}rank1_90"])
    assert traces[-1]["y"][0] == pytest.approx(100 * m[f"test_{prefix}raw_15"])
