"""SRGAN's page: what it draws and says is what the networks made of the photo that was chosen or given."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from engines import checkpoints
from engines.data import webp
from engines.making.srgan import shrunk
from pages.making import srgan, srgan_notes
from pages.making.srgan_notes import KINDS, card_of, model, of_test, reduced
from pages.making.srgan_notes import tests as held
from pages.ui import photos
from tests.pages.app import opened

pytestmark = pytest.mark.usefixtures("alone")


def test_every_test_photo_has_a_name_and_a_credit():
    of = held()
    assert sorted(of["crops"]) == sorted(srgan_notes.PHOTOS.values())
    assert all(crop.shape == (256, 256, 3) for crop in of["crops"].values())
    assert all(credit for credit in of["credits"].values())


def test_a_photo_is_made_small_in_three_ways():
    photo = np.float32(held()["crops"]["cat"]) / 255
    small = {way: reduced(photo, way) for way in srgan_notes.WAYS}
    assert {x.shape for x in small.values()} == {(64, 64, 3)}
    expected = shrunk(2 * torch.from_numpy(photo)[None].permute(0, 3, 1, 2) - 1)[0].permute(1, 2, 0)
    np.testing.assert_allclose(small["bicubic"], (expected + 1) / 2, atol=1e-6)
    assert np.array_equal(small["fourth"][3, 5], photo[14, 22])
    off = 255 * (small["noise"] - small["bicubic"])
    assert off.std() == pytest.approx(8, abs=0.5)
    assert abs(off.mean()) < 0.5


def test_the_edge_lies_over_what_the_networks_made():
    film = srgan.compared("cat", "mse", "G", "bicubic", None)
    found = of_test("cat", "bicubic")
    (frame,) = film.frames
    shown = film.draw(frame)
    assert np.array_equal(shown["compare"][0], found["images"]["mse"])
    assert np.array_equal(shown["compare"][1], found["images"]["G"])
    small = reduced(np.float32(held()["crops"]["cat"]) / 255, "bicubic")
    made = model().enlarge(small[None])[0].numpy()
    np.testing.assert_allclose(found["images"]["G"], 255 * made, atol=0.51)
    error = ((made - np.float32(held()["crops"]["cat"]) / 255) ** 2).mean()
    assert found["measured"]["G"]["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert f"SRGAN {found['measured']['G']['psnr']:.1f}" in shown["caption"]
    assert [float(trace["x"][0]) for trace in shown["traces"].values()] == pytest.approx(
        [found["measured"][kind]["psnr"] for kind in srgan.MARKS], abs=1e-4
    )
    kept = np.asarray(Image.open(io.BytesIO(photos.png(found["images"]["G"]))))
    assert np.array_equal(kept, found["images"]["G"])


def test_the_fourth_network_is_measured_where_it_stands():
    usual, fourth = (srgan.compared("cat", "mse", right, "bicubic", None) for right in ("G", "no-pixels"))
    psnr = of_test("cat", "bicubic")["measured"]["no-pixels"]["psnr"]
    for film, there in ((usual, False), (fourth, True)):
        shown = film.draw(film.frames[0])
        assert (f"without pixels: {psnr:.1f} dB" in shown["caption"]) == there
        assert len(shown["traces"]) == len(film.base["traces"]) == 3 + there
        assert len(film.numbers(film.frames[0])[1]["table"]) == 4 + there


def test_ones_own_photo_is_enlarged_as_a_test_photo_is():
    photo = np.float32(held()["crops"]["bee"]) / 255
    own = srgan.enlarged("cat", "bicubic", photo)
    assert np.array_equal(own["images"]["G"], of_test("bee", "bicubic")["images"]["G"])
    at = opened(srgan.entry("srgan").file, state={srgan.OWN: photo}, photo="own")
    assert any("Until you give one" in caption.value for caption in at.caption)


def test_the_film_is_the_recorded_training_and_its_path_turns():
    film, frames = srgan.training(), srgan_notes.recorded()
    shown = film.draw(film.frames[-1])
    lively = srgan_notes.liveliest(held()["patches"], 3)
    assert np.array_equal(shown["images"][3:6], webp.unpack(frames[-1].arrays["made"], height=64)[lively])
    assert np.array_equal(shown["images"][6:], held()["patches"][lively])
    way = np.array([[f.scalars["test_psnr"], f.scalars["test_feature"]] for f in frames])
    turn = int(way[:, 0].argmax())
    assert 0 < turn < len(frames) - 1  # PSNR rises, then falls
    assert way[turn:, 1].min() < way[turn, 1]  # while features come nearer
    small = (shrunk(model().levels(held()["patches"])).permute(0, 2, 3, 1) + 1) / 2
    again = 255 * model().enlarge(small).numpy()  # half precision, then a WebP that loses a little
    assert np.abs(again - webp.unpack(frames[-1].arrays["made"], height=64)).mean() < 4


def test_the_tables_say_what_the_cards_say():
    table = srgan_notes.table()
    rows = table[""]
    assert rows == ["bicubic", *srgan_notes.WORDS.values(), "the photo"]
    for i, variant in enumerate(srgan_notes.WORDS, 1):
        assert table["PSNR, dB"][i].startswith(f"{card_of(variant)['test_psnr']:.1f} (")
    cards = [checkpoints.read(checkpoints.folder("srgan", variant)).card for variant in srgan_notes.WORDS]
    own = ("content", "adversarial_weight")
    alike = {json.dumps({k: v for k, v in card["config"].items() if k not in own}, sort_keys=True) for card in cards}
    assert len(alike) == 1
    scores = [float(score) for score in srgan_notes.paper()["opinion, 1 to 5"]]
    assert scores == sorted(scores)


def test_noise_in_the_small_photo_is_worse_than_none():
    clean, noise = (of_test(srgan_notes.FAILS, way)["measured"] for way in ("bicubic", "noise"))
    assert noise["G"]["psnr"] < clean["G"]["psnr"] - 0.5
    assert noise["G"]["detail"] > clean["G"]["detail"]
    lost = {kind: clean[kind]["psnr"] - noise[kind]["psnr"] for kind in ("G", "bicubic")}
    assert lost["G"] > lost["bicubic"]
    assert f"{noise['G']['psnr']:.1f} dB" in srgan_notes.noisy(None)
    images = of_test(srgan_notes.FAILS, "bicubic")["images"]
    assert set(images) == set(KINDS)
    turns = {kind: srgan_notes.mesh(image) for kind, image in images.items()}
    assert turns["mse"] < turns["G"] < turns["true"] < turns["no-pixels"]  # the mesh of the other scene
