"""Age-cGAN's page: what it draws is what the codes make, the judge's word is the judge's, the table is the cards'."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines import learning
from engines.people.age_measures import SOURCES, WAYS
from engines.people.ages import AGES
from pages.catalogue import PAGES
from pages.people import age_cgan as page
from pages.people import age_cgan_notes as notes
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")
GIVEN = AGES.index(35)


def test_what_an_address_gets_wrong_is_named():
    at = opened(PAGES / "people" / "age_cgan.py", person="51", given="12")
    assert any("person" in text and "given has no value" in text for text in said(at))


def test_a_face_is_aged():
    film = page.ageing("small", 4, GIVEN)
    assert [frame.scalars["asked"] for frame in film.frames] == list(AGES)
    engine, true = page.model("small"), page.tests()
    z = engine.codes[:, 4, SOURCES.index(GIVEN)]
    for k in (0, 7):
        shown = film.draw(film.frames[k])["images"]
        assert shown.shape == (6, 48, 48, 3)
        np.testing.assert_array_equal(shown[0], true[4, GIVEN])
        np.testing.assert_array_equal(shown[3], true[4, k])
        for cell, way in ((1, "guess"), (2, "pixels"), (4, "identity"), (5, "both")):
            made = learning.to_bytes(engine.face(z[WAYS.index(way)][None], [k])[0]).numpy()
            assert np.abs(shown[cell].astype(int) - made).max() <= 1
        s = film.frames[k].scalars
        for w, way in enumerate(WAYS):
            assert s[f"{way}_right"] == (s[f"{way}_who"] == 4)
            assert s[f"{way}_read"] == pytest.approx(float(engine.read[w, 4, SOURCES.index(GIVEN), k]), abs=0.5)


def test_all_ages_stand_below_the_true_ones():
    film = page.every_age("small", 2, GIVEN)
    picture = film.draw(film.frames[0])
    np.testing.assert_array_equal(picture["images"][:8], page.tests()[2])
    assert picture["images"].shape == (40, 48, 48, 3)
    assert picture["marks"][0]["cell"] == GIVEN


def test_the_search_on_the_stage_comes_nearer():
    scene = page.searching(3, GIVEN, "both")
    run = scene.run
    try:
        for _ in range(4):
            run.step()
            run.wait(20)
        frames = run.history.after(-1)
        assert frames[-1].scalars["objective"] < frames[0].scalars["objective"]
        picture = scene.draw(frames[-1])
        assert picture["images"].shape == (6, 48, 48, 3)
        np.testing.assert_array_equal(picture["images"][1], frames[0].arrays["made"][0])
        guess = page.model("").guess(torch.from_numpy(page.tests()[3, GIVEN][None].copy()))
        np.testing.assert_allclose(frames[0].arrays["z"], guess.numpy(), atol=1e-4)
    finally:
        run.close()


def test_a_difference_is_paired_by_person():
    value, low, high = notes.lost(("small", "both"), ("small", "guess"))
    m = notes.metrics("small")
    assert low < value < high
    assert value == pytest.approx(100 * (m["test_kept_both"] - m["test_kept_guess"]), abs=0.05)
    assert notes.reading(3.0, 1.0, 5.0) == "3.0 points more (1.0 to 5.0)"
    assert notes.reading(-3.0, -5.0, -1.0) == "3.0 points less (1.0 to 5.0)"
    assert "holds 0" in notes.reading(1.0, -1.0, 3.0)


def test_a_table_has_a_row_for_every_way_floor_and_ceiling():
    table = page.table()
    assert {len(column) for column in table.values()} == {7 + len(notes.PLAIN)}
    assert sum(text.startswith(notes.WORDS[""]) for text in table[""]) == len(WAYS)


def test_the_curves_of_ages_are_the_cards():
    film = page.ages_read("small")
    head = next(trace for trace in film.base["traces"] if trace["meta"]["layer"] == notes.HEAD)
    read = page.model("small").read[WAYS.index(notes.HEAD)].reshape(-1, len(AGES)).numpy()
    np.testing.assert_allclose(head["y"], np.median(read, axis=0))
