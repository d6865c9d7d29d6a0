"""Perceptual GAN's page: what it puts together and says is what the networks made; what ships is measured again."""

from __future__ import annotations

import numpy as np
import pytest

import engines
from engines import checkpoints
from engines.data import zoo
from engines.making import perceptual_gan as pg
from engines.making import perceptual_seeds as seeds
from pages.making import perceptual_gan as shown
from pages.making import perceptual_gan_notes as notes
from pages.making import raising

pytestmark = pytest.mark.usefixtures("alone")

SOME = slice(0, 120)  # test objects that are looked at once more
_looked: dict[str, tuple] = {}


def looked() -> dict[str, tuple]:
    """f and F of the first test objects, once for all tests."""
    if not _looked:
        _looked.update({key: pg.look(shown.tests()[key][SOME]) for key in ("large", "small")})
    return _looked


@pytest.mark.parametrize("variant", pg.VARIANTS)
def test_the_card_is_found_again(variant):
    """On 120 test objects, whose share may differ from that over all of them by three standard errors, and no more."""
    model, card = engines.pretrained("perceptual_gan", variant), checkpoints.read(
        checkpoints.folder("perceptual_gan", variant)).card  # fmt: skip
    m, label = card["metrics"], shown.tests()["label"][SOME]
    assert card["data"]["n_test"] == 756
    assert card["steps"] == model.config.n_steps
    (early, small), (_, large) = looked()["small"], looked()["large"]
    seen = {"large": model.standard(large), "small": model.standard(small), "raised": model.raised(early, small)}
    for key, z in seen.items():
        share = (model.named(z).argmax(dim=1).numpy() == label).mean()
        assert share == pytest.approx(m[f"test_{key}"], abs=3 * np.sqrt(0.25 / len(label))), key
    off = float((seen["raised"] - seen["large"]).square().mean())
    assert off == pytest.approx(m["test_off_raised"], rel=0.1)


def test_the_recorded_seed_is_the_one_that_ships():
    rows = seeds.load()
    assert {(v, 0) for v in pg.VARIANTS} <= {(row["variant"], row["seed"]) for row in rows}
    for row in rows:
        if row["seed"] == 0:
            for key in ("small", "raised", "large", "off_raised"):
                assert row[key] == pytest.approx(notes.metrics(row["variant"])[f"test_{key}"], abs=0.008), key
    mean, low, high = seeds.interval(np.array([0.5, 0.6, 0.7]))
    assert (mean, high - mean) == (pytest.approx(0.6), pytest.approx(4.3027 * 0.1 / np.sqrt(3), rel=1e-3))
    assert mean - low == pytest.approx(high - mean)


def test_small_objects_gain_and_large_ones_stay():
    """The signature: at least 5 points on small objects, with every seed some; large ones are not touched."""
    rows = seeds.load()
    small, raised, large = (seeds.over_seeds(rows, "", key) for key in ("small", "raised", "large"))
    assert notes.metrics("")["test_gain"] >= 0.05
    assert notes.apart("", "small").min() > 0
    assert raised.max() < large.min()
    assert notes.metrics("")["test_gain_low"] > 0
    model, (early, pooled) = notes.model(""), looked()["large"]
    assert np.array_equal(model.raised(early, pooled, 40).numpy(), model.standard(pooled).numpy())
    assert notes.metrics("")["test_chance"] < 0.5 * small.min()


def test_nothing_of_the_test_side_was_learned_from():
    pack = zoo.load("scenes")
    sides = [pack.rows(split) for split in ("train", "test")]
    for field in ("sticker", "photo"):
        assert not set(pack[field][sides[0]]) & set(pack[field][sides[1]])
    names = pack.text("names")["stickers"]
    learned = {names[i] for i in pack["sticker"][sides[0]]}
    about = zoo.load("stickers").text("names")
    assert not set(about["stickers"]) & learned
    assert {pack.text("names")["photos"].index(photo) for photo in about["photos"]} <= set(pack["photo"][sides[1]])
    assert len(raising.scenes()["image"]) == int((pack["scene_split"] == 1).sum()) == 9


def test_a_sticker_lies_where_it_was_put_and_as_large_as_asked():
    plain = raising.held_out()["grounds"][0].reshape(192, 2, 192, 2, 3).mean(axis=(1, 3))
    for px in (10, 40):
        changed = np.abs(raising.composed(3, 0, 60, 120, px) - plain).max(axis=2) > 3
        down, right = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert max(np.ptp(down), np.ptp(right)) + 1 == pytest.approx(px, abs=2)
        assert (down.mean(), right.mean()) == (pytest.approx(120, abs=1.5), pytest.approx(60, abs=1.5))
    crop = raising.cropped(raising.composed(3, 0, 60, 120, 40), 60, 120, 40)
    assert crop.shape == (52, 52, 3)
    assert raising.cropped(raising.composed(3, 0, 2, 2, 10), 2, 2, 10).shape == (13, 13, 3)  # stays in the scene


def test_an_answer_is_what_the_network_says():
    question = {"sticker": 19, "ground": 2, "x": 90.5, "y": 96, "px": 10}
    answer, model = raising.see("default", question), notes.model("")
    crop = raising.cropped(raising.composed(19, 2, 90.5, 96, 10), 90.5, 96, 10, noise=True)
    assert np.array_equal(answer["crop"].reshape(13, 13, 3), crop)
    early, pooled = pg.look(crop[None])
    assert answer["plain"] == pytest.approx(model.named(model.standard(pooled))[0].numpy(), abs=1e-5)
    assert answer["raised"] == pytest.approx(model.named(model.raised(early, pooled, 10))[0].numpy(), abs=1e-5)
    z = pg.as_bytes(model.raised(early, pooled, 10))[0].numpy()
    picture = answer["map_raised"].reshape(32, 56)
    assert np.array_equal(picture[4:8, 8:12], z[14 + 2])  # the second row of channels, the third of it
    assert raising.classes()[int(answer["plain"].argmax())] in answer["words"]
    large = raising.see("default", {**question, "px": 40})
    assert np.array_equal(large["plain"], large["raised"])
    assert "nothing is added" in large["words"]


def test_a_box_of_a_scene_is_answered_and_a_wrong_question_is_named():
    x, y, width, height, label, small = (int(v) for v in raising.scenes()["boxes"][0][4])
    answer = raising.see("default", {"scene": 0, "box": [x, y, width, height], "true": label})
    assert small == 1
    assert answer["px"] == max(width, height)
    assert raising.classes()[label] in answer["words"]
    wrong = (({"scene": 9, "box": [0, 0, 9, 9]}, "scene must be a whole number from 0 to 8"),
             ({"scene": 0, "box": [190, 0, 9, 9]}, "lie in the scene"),
             ({"scene": 0, "box": [0, 0, 1, 1]}, "at least 4"),
             ({"scene": 0, "box": "all"}, "four numbers"), ({"sticker": 0, "ground": 0, "px": 99}, "px must be"),
             ({"sticker": 0, "ground": 0, "px": 9, "x": float("nan"), "y": 0}, "x must be a number"))  # fmt: skip
    for question, words in wrong:
        with pytest.raises(ValueError, match=words):
            raising.see("default", question)
    with pytest.raises(ValueError, match="no Perceptual GAN is called 'no'"):
        raising.see("no", {})
    assert raising.picture("default", {"kind": "scene", "row": 0})["boxes"].reshape(-1, 6)[4].tolist()[:2] == [x, y]


def test_the_film_shows_what_was_recorded():
    film = shown.training()
    picture = film.draw(film.frames[-1])
    assert picture["images"].shape == (25, 32, 56, 3)
    raised, fixed = picture["images"][10:15].astype(int), picture["images"][5:10].astype(int)
    assert np.abs(raised - fixed).mean() > 3  # the generator adds something
    last = film.frames[-1].scalars
    assert last["test_raised"] == pytest.approx(notes.metrics("")["test_raised"], abs=0.01)
    assert f"{100 * last['test_raised']:.0f} % with it" in picture["caption"]
