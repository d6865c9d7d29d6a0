"""MGAN's page: what it shows and says is what was made and measured; what ships is found again."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from engines import checkpoints, learning
from engines.data import webp
from engines.making import patches
from engines.making.mgan import N_MEASURED, SHOWN, SIDE, STRIP
from pages.making import mgan, mgan_notes
from pages.ui import photos, shipped
from tests.pages.app import on_stage, opened, said

pytestmark = pytest.mark.usefixtures("alone")


def metrics_of(variant):
    return checkpoints.read(checkpoints.folder("mgan", variant)).card["metrics"]


def test_the_cards_distance_is_found_again():
    """The same textures drawn anew; the weights that ship are rounded to half precision."""
    engine = shipped.model("mgan", "")
    reference = patches.Reference(engine.measured(mgan.held("gravel")))
    drawn = engine.images(engine.draw(SIDE, STRIP, generator=learning.stream(engine.config.seed, 2), n=N_MEASURED))
    found = float(reference.distance(engine.measured(drawn)).mean())
    assert found == pytest.approx(metrics_of("")["test_distance"], abs=0.01)


def test_the_cards_content_loss_is_found_again():
    engine = shipped.model("mgan", "")
    photo = mgan.pack()[1][1:2]
    painted = engine.paint(photo.copy(), generator=learning.stream(engine.config.seed, 3))
    off = (engine.given(engine.images(painted)) - engine.given(engine.images(photo.copy()))).square().mean()
    found = metrics_of("")
    assert float(off) == pytest.approx(found["test_content"], rel=0.15)  # other noise than the card's
    assert found["test_content_low"] <= found["test_content"] <= found["test_content_high"]


def test_the_signature_textures_are_several_times_nearer_than_an_untrained_generators():
    """Five times in pixels, without any network; four times in features, where true gravel has seven."""
    m = metrics_of("")
    assert m["test_pixels_untrained_low"] > 5 * m["test_pixels_high"]
    assert m["test_distance_untrained_low"] > 4 * m["test_distance_high"]
    assert m["test_distance_real"] < m["test_distance"] < m["test_distance_noise"]
    assert m["test_content_high"] < m["test_content_other_low"]
    assert m["test_painted_high"] < m["test_painted_before_low"]


def test_features_judge_better_than_pixels_and_without_a_judge_there_is_no_texture():
    small, pixels, alone = (metrics_of(name) for name in ("small", "pixels", "no-adversarial"))
    assert small["test_distance_high"] < pixels["test_distance_low"]
    assert small["test_pixels_high"] < pixels["test_pixels_low"]  # though it saw no pixel
    assert pixels["test_distance_high"] < alone["test_distance_low"]
    assert alone["test_content_high"] < small["test_content_low"]
    rows = mgan.table()
    assert {len(column) for column in rows.values()} == {len(mgan_notes.PARTS) + 3}
    assert rows["distance of textures"][5].startswith(f"{small['test_distance']:.2f}")


def test_a_small_photo_is_lost_and_a_large_one_stays():
    (painted, other), (large, large_other) = (mgan_notes.kept(size) for size in (mgan_notes.LITTLE, mgan_notes.MUCH))
    assert large / large_other < painted / other


@pytest.mark.parametrize("size", [64, 200])
def test_any_size_is_made_and_a_photo_too(size):
    images, seconds = mgan.made("gravel", None, size, 0)
    assert images.shape == (2, size, size, 3)
    assert seconds > 0
    photo = mgan.pack()[1][1]
    painted, _ = mgan.made("gravel", photo.tobytes(), size, 0)
    np.testing.assert_array_equal(painted[0], mgan.resized(photo, size))
    again, _ = mgan.made("gravel", photo.tobytes(), size, 1)
    assert (painted[1] != again[1]).any()  # other noise
    assert Image.open(io.BytesIO(photos.png(painted[1]))).size == (size, size)


def test_a_large_example_stands_at_its_own_scale_on_grey():
    texture = mgan.pack()[0][2]
    sheet = mgan.on_paper(texture, 300)
    np.testing.assert_array_equal(sheet[22 : 22 + SIDE, 22 : 22 + SIDE], texture)
    np.testing.assert_array_equal(mgan.on_paper(texture, 100), texture[78:178, 78:178])


def test_the_race_is_told_by_the_clock_and_by_the_same_measure():
    live = mgan.race("gravel", learning_rate=0.02, seed=0)
    run, (image, target, seconds) = live.run, mgan.rival("gravel", 0)
    try:
        run.step()
        run.wait(20)
        frame = run.history.after(0)[0]
        picture = live.draw(frame)
        np.testing.assert_array_equal(picture["images"][1], image)
        taken = mgan.spent(run, frame)
        assert taken == pytest.approx(run.engine.seconds)
        assert f"{taken / seconds:,.0f} times as long" in picture["caption"]
        assert mgan.reached(run, target) is None
        assert mgan.reached(run, 99.0).step == 0
        x = torch.from_numpy(np.array(frame.arrays["image"]))[None]
        engine = mgan.model("gravel")
        again = patches.Reference(engine.measured(mgan.held("gravel"))).distance(engine.measured(engine.images(x)))
        assert float(again[0]) == pytest.approx(frame.scalars["distance"], abs=0.01)  # of bytes
    finally:
        run.close()


def test_the_film_shows_what_the_frames_hold():
    film = mgan.training()
    picture = film.draw(film.frames[-1])
    assert picture["images"].shape == (2, SHOWN, SHOWN, 3)
    np.testing.assert_array_equal(picture["images"], webp.unpack(film.frames[-1].arrays["made"], height=SHOWN))
    assert f"{film.frames[-1].scalars['distance']:.2f}" in picture["caption"]


def test_a_photo_of_ones_own_is_asked_for_and_a_broken_one_refused():
    at = opened(mgan.entry("mgan").file, what="own")
    assert [box.value for box in at.info] == ["Choose an image file below."]
    at = at.file_uploader[0].upload("a.png", b"no image", "image/png").run() if hasattr(at, "file_uploader") else at
    image = io.BytesIO()
    Image.fromarray(mgan.pack()[1][0]).save(image, "PNG")
    assert mgan.photos.colour(image.getvalue(), SIDE).shape == (SIDE, SIDE, 3)
    assert on_stage(opened(mgan.entry("mgan").file), "mgan:run") is not None
    assert said(at) == [] or "no image that can be read" in said(at)[0]


def test_a_map_of_a_crop_has_as_many_scores_as_the_question_says():
    engine = shipped.model("mgan")
    seen = engine.seen(torch.zeros(1, 3, 96, 96))
    found = tuple(int(engine.network["D"][stage](seen[stage]).shape[1]) for stage in ("stage1", "stage2"))
    assert found == mgan_notes.scores(96)
