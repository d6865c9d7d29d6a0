"""IcGAN's page: it draws what the network makes, says what the judge reads, and its tables are the cards'."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from engines import learning
from engines.people.attributes import PACKS
from pages.catalogue import PAGES
from pages.people import icgan as page
from pages.people import icgan_notes as notes
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")
KEYS = list(PACKS["facesjs"])


def test_what_an_address_gets_wrong_is_named():
    at = opened(PAGES / "people" / "icgan.py", face="451", by="no-face")
    assert any("face is 451" in text and "by has no value" in text for text in said(at))


def test_every_change_of_one_is_made_from_the_same_z():
    film = page.each("", 4, ("found",) * 8)
    sheet, (z, found, _) = film.frames[0].arrays["images"], page.apart("", 4)
    pairs = page.singles(found[0])
    assert len(sheet) == 2 + len(pairs) + page.FRESH == 24
    np.testing.assert_array_equal(sheet[0], page.tests()["image"][4])
    for k, (i, value) in list(enumerate(pairs))[::5]:
        values = found.clone()
        values[0, i] = value
        made = learning.to_bytes(page.model("").draw(z, values)).numpy()[0]
        assert np.abs(sheet[k + 2].astype(int) - made).max() <= 1
    hits = sum(int(page.read(sheet[k + 2][None])[0, i] == value) for k, (i, value) in enumerate(pairs))
    assert film.frames[0].scalars["hits"] == hits


def test_a_click_makes_the_change_and_on_the_face_takes_all_back(monkeypatch):
    put, wanted = [], ("found",) * 8
    monkeypatch.setattr(page.settings, "put", put.append)
    found = page.apart("", 4)[1]
    (i, value), *_ = page.singles(found[0])
    page.taken(4, "", wanted, {"cells": [2], "step": 0})
    assert put == [{KEYS[i]: PACKS["facesjs"][KEYS[i]][value]}]
    changed = (PACKS["facesjs"][KEYS[0]][value], *wanted[1:])
    back = page.singles(page.asked(found, changed)[0]).index((0, int(found[0, 0])))
    page.taken(4, "", changed, {"cells": [2 + back], "step": 0})
    assert put[1] == {KEYS[0]: "found"}
    page.taken(4, "", changed, {"cells": [0], "step": 0})
    assert put[2] == dict.fromkeys(KEYS, "found")
    page.taken(4, "", changed, {"cells": [1], "step": 0})
    assert len(put) == 3


def test_an_edit_changes_what_was_asked_for_and_downloads():
    wanted = ("long", "found", "found", "found", "worn", "found", "found", "found")
    images, found, values = page.three("", 7, wanted)
    assert [KEYS[i] for i in range(8) if values[i] != found[i]] == [
        key for key, i, v in (("hair", 0, 3), ("glasses", 4, 1)) if int(found[i]) != v
    ]
    assert (int(values[0]), int(values[4])) == (3, 1)
    with Image.open(io.BytesIO(page.picture_of("", 7, wanted))) as picture:
        assert picture.size == (8 * 96, 8 * 32)
        np.testing.assert_array_equal(np.asarray(picture)[4::8, 4::8], np.concatenate(list(images), axis=1))
    film = page.edited("", 7, ("found",) * 8)
    np.testing.assert_array_equal(*film.frames[0].arrays["images"][1:])
    assert film.frames[0].scalars["changes"] == 0


def test_twelve_faces_of_one_y():
    wanted = tuple(setting.default for setting in page.NEW)
    images, values = page.drawn("", wanted, 3)
    again, _ = page.drawn("", wanted, 3)
    other, _ = page.drawn("", wanted, 4)
    np.testing.assert_array_equal(images, again)
    assert (images != other).any()
    right = (page.read(images) == values.numpy()).mean()
    assert page.composed("", wanted, 3).frames[0].scalars["right"] == pytest.approx(right)


def test_attributes_are_swapped_one_by_one():
    film = page.swapped("", 7, 20)
    (z, y, _), (z2, y2, _) = page.apart("", 7), page.apart("", 20)
    assert len(film.frames) == 1 + int((y != y2).sum())
    made = learning.to_bytes(page.model("").draw(torch.cat([z, z2]), torch.cat([y2, y]))).numpy()
    assert np.abs(film.frames[-1].arrays["images"][[1, 3]].astype(int) - made).max() <= 1


def test_a_walk_goes_from_z_to_z():
    film = page.walk("", 7, 20)
    (z, y, _), (z2, y2, _) = page.apart("", 7), page.apart("", 20)
    for k, code in ((0, z), (page.STEPS - 1, z2)):
        made = learning.to_bytes(page.model("").draw(code.expand(2, -1), torch.cat([y, y2]))).numpy()
        assert np.abs(film.frames[k].arrays["images"][[1, 3]].astype(int) - made).max() <= 1


def test_the_figure_and_the_table_are_the_cards():
    m = notes.metrics("")
    traces = page.figures("").base["traces"]
    for trace, name in zip(traces, ("changed", "others"), strict=True):
        np.testing.assert_allclose(trace["y"], [100 * m[f"test_{name}_{key}"] for key in KEYS])
    if notes.ALIKE:
        assert {len(column) for column in notes.table().values()} == {3 + len(notes.ALIKE)}
    least = min(KEYS, key=lambda key: m[f"test_changed_{key}"])
    assert notes.check_worst(notes.NAMES[least])[0]
    assert notes.check_trained("faces that G made")[0]
    assert notes.NAMES[least] in notes.worst("")


def test_the_film_begins_before_the_game_and_says_its_losses():
    film = page.training()
    batches = [frame.scalars["batches"] for frame in film.frames]
    assert batches[0] == 0
    assert batches[-1] == notes.card_of("")["steps"]
    assert sum(b > notes.card_of("")["config"]["read_steps"] for b in batches) >= 6
    for frame in film.frames:
        assert film.numbers(frame)
        assert film.draw(frame)["images"].shape == (18, 32, 32, 3)
    assert film.frames[-1].scalars["obeyed"] > film.frames[0].scalars["obeyed"] + 40


@pytest.mark.skipif(not notes.HEADS, reason="no network of heads ships")
def test_true_edits_show_the_same_person_with_one_attribute_changed():
    film, data = page.truth(2), page.heads()
    start, end, which = data["edits"]
    assert (data["identity"][start] == data["identity"][end]).all()
    assert ((data["attributes"][start] != data["attributes"][end]).sum(axis=1) == 1).all()
    who = np.unique(data["identity"])[2]
    rows = np.flatnonzero(data["identity"][start] == who)
    assert len(film.frames) == len(rows)
    np.testing.assert_array_equal(film.frames[1].arrays["images"][3], data["image"][end[rows[1]]])
    assert notes.metrics("heads")["test_edits"] == len(which)
