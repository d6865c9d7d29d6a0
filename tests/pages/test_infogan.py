"""InfoGAN's page: what it draws and says is what the engine computes."""

import numpy as np
import pytest
import torch

import engines
from engines import data, learning
from pages.gans import infogan
from pages.ui import shipped

VARIANTS = list(infogan.WORDS)


def sorted_by(variant, row, dial=1, drawn=None):
    film = infogan.sorting(variant, row, dial, drawn)
    return film.draw(film.frames[0]), film.numbers(film.frames[0])


@torch.no_grad()
def test_the_film_ends_at_the_shipped_weights():
    engine = engines.pretrained("infogan", device="cpu")
    film = infogan.training()
    z, code = (part.repeat_interleave(10, 0) for part in engine.inputs(7, learning.stream(0, 1)))
    made = learning.to_bytes(engine.draw(z, engine.code(torch.arange(10).repeat(7), code[:, 10:]))).numpy()
    assert np.abs(made.astype(int) - film.draw(film.frames[-1])["images"]).mean() < 0.5  # weights in half precision
    assert "After 10,000 batches" in film.draw(film.frames[-1])["caption"]
    wrong = film.frames[-1].scalars["category"]
    assert f"{np.log(10) - wrong:.3f}" in infogan.numbers(film.frames[-1])[1]["math"]


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_an_image_stands_above_its_category_and_one_dial_turns(variant):
    engine = engines.pretrained("infogan", variant, device="cpu")
    x = shipped.images("mnist").test["image"][5].numpy().reshape(28, 28)
    q, dials = engine.read(x[None])
    best, n = int(q.argmax()), engine.config.n_categories
    for dial in (1, 2):
        shown, said = sorted_by(variant, 5, dial)
        images = shown["images"].reshape(6, n, 28, 28)
        assert np.array_equal(images[0, best], x)
        assert np.delete(images[0], best, axis=0).max() == 0
        turned = dials.clone()
        turned[0, dial - 1] = 2  # the last row
        z = engine.inputs(1, learning.stream(0, 3))[0]
        wanted = learning.to_bytes(engine.draw(z, engine.code(torch.tensor([n - 1]), turned)))[0].numpy()
        assert np.abs(images[5, n - 1].astype(int) - wanted).max() <= 1
        assert f"category {best} (Q: {float(q.max()):.2f})" in shown["caption"]
        assert [float(p) for p in said[0]["table"][1][1:]] == pytest.approx(q[0].tolist(), abs=6e-3)


def test_a_digit_of_ones_own_takes_the_place_of_the_test_image():
    own = np.zeros((28, 28))
    own[4:24, 13:16] = 1.0
    shown, _ = sorted_by("", 5, drawn=own)
    assert shown["caption"].startswith("Your digit is sorted into category")
    images = shown["images"][:10]
    assert np.array_equal(images.max(axis=0), np.rint(255 * own).astype(np.uint8))


def test_what_the_notes_claim_is_so():
    found, nats = ({v: infogan.metrics("infogan", v)[f"test_{key}"] for v in VARIANTS} for key in ("found", "nats"))
    assert found[""] > 0.8
    assert nats["light"] < 1 < 2 < nats[""] <= np.log(10)
    assert nats["twenty"] > np.log(10)  # more is told than ten categories could hold
    digits = data.load("mnist", split="test").labels[5000:]
    assert 100 * np.bincount(digits).max() / len(digits) == pytest.approx(11, abs=0.5)  # "about 11": one name for all
