"""The conditional GAN's page: what it draws and says is what the engine computes."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import learning
from pages.gans import cgan
from pages.ui import shipped

VARIANTS = list(cgan.WORDS)


@torch.no_grad()
def test_the_film_ends_at_the_shipped_weights():
    engine = engines.pretrained("cgan", device="cpu")
    last = cgan.training().frames[-1]
    z = engine.noise(550, learning.stream(0, 1))[:7]
    made = learning.to_bytes(engine.draw(z.repeat_interleave(10, 0), torch.arange(70) % 10)).numpy()
    assert np.abs(made.astype(int) - last.arrays["made"]).mean() < 0.5  # the weights are kept in half precision
    assert f"{100 * last.scalars['accuracy']:.0f} %" in cgan.training().draw(last)["caption"]


@torch.no_grad()
def test_between_two_labels_the_ends_are_the_labels():
    images = cgan.between("", 4, 9, 7).draw(cgan.training().frames[0])["images"].reshape(7, 8, 28, 28)
    engine = engines.pretrained("cgan", device="cpu")
    z = engine.noise(7, torch.Generator().manual_seed(7))
    for column, label in ((0, 4), (7, 9)):
        wanted = learning.to_bytes(engine.draw(z, torch.full((7,), label))).numpy()
        assert np.abs(images[:, column].astype(int) - wanted).max() <= 1


def test_between_says_when_there_is_nothing_between():
    frame = cgan.training().frames[0]
    same, untold = cgan.between("", 4, 4, 0).draw(frame), cgan.between("untold", 4, 9, 0).draw(frame)
    assert "The label is 4 throughout" in same["caption"]
    assert "told no label" in untold["caption"]
    for drawn in (same, untold):  # and along a row nothing changes
        rows = drawn["images"].reshape(7, 8, 28, 28).astype(int)
        assert np.abs(rows - rows[:, :1]).max() <= 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_judge_says_what_d_says(variant):
    film = cgan.judged(variant, 3, None)
    x = shipped.images("mnist").test["image"][3].numpy().reshape(28, 28)
    rows = next(block["table"] for block in film.numbers(film.frames[0]) if "table" in block)
    said = engines.pretrained("cgan", variant, device="cpu").judge(x[None])[0]
    assert_close(torch.tensor([float(p) for p in rows[1][1:]]), said, atol=6e-3, rtol=0)
    drawn = film.draw(film.frames[0])
    assert np.array_equal(drawn["images"][0], x)
    assert ("told no label" in drawn["caption"]) == (variant in ("blind", "untold"))


def test_a_digit_of_ones_own_takes_the_place_of_the_test_image():
    own = np.zeros((28, 28))
    own[4:24, 13:16] = 1.0
    film = cgan.judged("", 3, own)
    drawn = film.draw(film.frames[0])
    assert drawn["caption"].startswith("Your digit")
    assert np.array_equal(drawn["images"][0], np.rint(255 * own).astype(np.uint8))


def test_what_the_scenes_claim_is_so():
    own, read = (
        {variant: cgan.metrics("cgan", variant)[f"test_{key}"] for variant in VARIANTS} for key in ("own", "accuracy")
    )
    assert own[""] < 0.6 < own["pairs"]  # a judge that forgets, and its cure
    assert read["blind"] < 0.3 < 0.8 < read[""]  # told, but not held to it
    assert own["blind"] == pytest.approx(0.5, abs=1e-3)  # told nothing, it answers all labels alike
    assert own["untold"] == pytest.approx(0.5, abs=1e-3)
