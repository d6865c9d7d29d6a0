"""3D-GAN's page: what it draws, says and gives away is what the networks made, and what ships is measured again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import engines
from engines import checkpoints, learning
from engines.making import solids
from engines.making.threedgan import MEASURED, VARIANTS, ThreeDGAN, of_kinds, unpacked
from pages.making import threedgan, threedgan_notes
from pages.ui import shipped
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_card_is_found_again(variant):
    """A quarter of the solids that were measured, once more; half precision may empty or fill a cell."""
    model = engines.pretrained("3dgan", variant)
    card = checkpoints.read(checkpoints.folder("3dgan", variant)).card
    assert card["steps"] == model.config.n_steps
    assert (card["data"]["n_train"], card["data"]["n_test"]) == (436, 87)
    codes = model.codes(MEASURED, learning.stream(model.config.seed, 2))[: MEASURED // 4]
    full = (model.decode(codes) >= 0.5).to(torch.uint8)
    m, cells = card["metrics"], full.flatten(1).sum(dim=1).double().numpy()
    spread = (m["test_filled_high"] - m["test_filled_low"]) / 2
    assert cells.mean() == pytest.approx(m["test_filled"], abs=3 * spread + 1)
    train = threedgan_notes.furniture().train
    own = train["voxels"][of_kinds(train["label"], model.config.kinds)]
    size = float(own.flatten(1).sum(dim=1).double().mean())
    assert m["test_ratio"] == pytest.approx(m["test_filled"] / size, rel=1e-6)
    assert solids.in_one_piece(full.numpy()).mean() == pytest.approx(m["test_one_piece"], abs=0.08)


def test_what_makes_it_this_system():
    """The signature: as many cells as the solids have, in one piece more than by chance, near them but no copies."""
    m = threedgan_notes.card_of("")
    assert 0.8 < m["test_ratio"] < 1.2
    assert m["test_one_piece_low"] > m["test_one_piece_floor_high"]
    assert m["test_energy_high"] < m["test_energy_floor_low"]
    assert m["test_nearest_low"] > m["test_nearest_floor_high"]
    assert m["test_nearest"] < 0.9  # no copies
    assert m["test_gain"] == pytest.approx(m["test_probe"] - m["test_probe_cells"], abs=1e-9)


def test_the_classifier_on_ds_features_is_found_again():
    """All 87 test solids; the weights that ship are rounded to half precision, so a verdict or two may differ."""
    rows, engine = threedgan_notes.furniture(), threedgan_notes.model("")
    labels, true = rows.train["label"].numpy(), rows.test["label"].numpy()
    said_of = solids.probe(engine.features(rows.train["voxels"]), labels, engine.features(rows.test["voxels"]))
    assert (said_of == true).mean() == pytest.approx(threedgan_notes.card_of("")["test_probe"], abs=0.03)


def test_the_solid_shown_is_what_the_code_makes():
    film = threedgan.solid("", 7, True)
    made = threedgan.occupancy("", 7)
    counts = [frame.scalars["filled"] for frame in film.frames]
    assert counts == sorted(counts, reverse=True)  # a higher threshold never fills a cell
    half = next(frame for frame in film.frames if frame.step == 50)
    picture = film.draw(half)
    assert picture["volume"].shape == (2, 32, 32, 32)
    assert np.array_equal(picture["volume"][0].transpose(2, 1, 0) > 0, made >= 0.5)
    near, overlap, name = threedgan_notes.nearest("", made)
    assert threedgan.iou(near > 0, made >= 0.5) == pytest.approx(overlap, abs=1e-6)
    assert name in picture["caption"]
    assert f"{counts[9]:,.0f} of 32,768 cells" in picture["caption"]
    engine = engines.pretrained("3dgan")
    z = threedgan.codes("")[6:7]
    assert np.allclose(engine.decode(z)[0].numpy(), made, atol=1e-6)


def test_the_walk_begins_and_ends_at_its_codes():
    film = threedgan.walk(3, 9, 0.5)
    first, last = (unpacked(film.frames[i].arrays["pair"].reshape(2, -1)) for i in (0, -1))
    for pair, code in ((first, 3), (last, 9)):
        ends = threedgan.occupancy("", code) >= 0.5
        assert (pair[0] != ends).mean() < 1e-4
        assert (pair[1] != ends).mean() < 1e-4
    assert film.frames[0].scalars["like_first"] == pytest.approx(1)
    assert film.frames[-1].scalars["like_last"] == pytest.approx(1)


@pytest.mark.parametrize("more", threedgan_notes.PROPERTIES)
def test_what_is_added_adds_the_property(more):
    """Over twelve codes: more of it with the difference added, less with it taken away."""
    _, _, measure = threedgan_notes.PROPERTIES[more]
    z, along = threedgan.codes("")[:12].numpy(), threedgan.direction(more)
    engine = threedgan_notes.model("")
    length = np.linalg.norm(z, axis=1, keepdims=True)
    codes = [threedgan.as_long(z + weight * along, length) for weight in (-1.0, 0.0, 1.0)]
    less, here, much = (measure(engine.decode(some).numpy() >= 0.5).mean() for some in codes)
    assert less < here < much


def test_properties_are_counts():
    full = np.zeros((1, 32, 32, 32), dtype=bool)
    full[0, :4, 2:6, :4] = True
    full[0, :2, 6:10, :4] = True
    assert threedgan_notes.height(full).tolist() == [8]
    assert threedgan_notes.filled(full).tolist() == [96]
    assert threedgan_notes.above(full) == pytest.approx([100 * 32 / 96])


def test_what_is_kept_is_what_is_shown(monkeypatch):
    monkeypatch.setattr(threedgan, "shown_threshold", lambda: 0.3)
    full = threedgan.occupancy("", 2) >= 0.3
    corners = solids.faces(full).reshape(-1, 3)
    assert corners.min() >= 0
    assert corners.max() <= 32
    assert solids.obj(full).count(b"\nf ") == len(solids.faces(full))


def test_the_recording_ends_as_the_model_does():
    frames = shipped.frames("3dgan")
    engine: ThreeDGAN = engines.pretrained("3dgan")
    assert frames[-1].scalars["batches"] == engine.config.n_steps
    some = engine.sample(64, generator=learning.stream(engine.config.seed, 1)).numpy()[:6] >= 0.5
    assert (unpacked(frames[-1].arrays["made"]) != some).mean() < 1e-3
    film = threedgan.training()
    assert film.draw(film.frames[-1])["volume"].shape == (6, 32, 32, 32)


def test_the_page_takes_its_settings():
    at = opened(threedgan.entry("3dgan").file, view="walk", **{"from": "4", "to": "8"})
    assert said(at) == []
    assert at.session_state["3dgan:from"] == 4
