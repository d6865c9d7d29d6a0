"""CycleGAN's page and what ships with it: the cards are found again, what is drawn and said was computed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

import engines
from engines.material import Fields
from engines.translation.cyclegan import Styles, features, nearest_is_own, off, shown
from pages.translation import cyclegan
from pages.ui import shipped
from pages.ui.comparison import metrics


@lru_cache(maxsize=1)
def held_out() -> Fields:
    return {key: torch.from_numpy(cyclegan.tests()[key].copy()) for key in Styles.fields}


def test_the_card_is_found_again():
    """The weights that ship are rounded to half precision, the card's were not."""
    found, card = engines.pretrained("cyclegan").evaluate(held_out()), metrics("cyclegan")
    for key in ("untranslated", "back_untranslated", "colours_untranslated", "cycle_mean", "off_untranslated"):
        assert found[key] == pytest.approx(card[f"test_{key}"], abs=1e-3)
    for key in ("partner", "back", "colours", "gain"):
        assert found[key] == pytest.approx(card[f"test_{key}"], abs=0.02)
    for key in ("cycle", "cycle_back", "noisy", "noisy_other", "off", "changed"):
        assert found[key] == pytest.approx(card[f"test_{key}"], rel=0.02)


def test_there_and_back_is_what_the_network_makes_and_the_partner_found_is_the_nearest():
    model, n = shipped.model("cyclegan"), 8
    frames = cyclegan.led("", "G")
    assert len(frames) == cyclegan.N_TRIED
    x, y = (shown(model.images(held_out()[key])) for key in Styles.fields)
    there, back = model.cycle(held_out()["flat"][:n])
    own = nearest_is_own(features(there), features(y))
    for i, frame in enumerate(frames[:n]):
        assert frame.scalars["off"] == pytest.approx(off(back, x[:n])[i], abs=0.01)
        assert (frame.scalars["found"] == i) == bool(own[i])
        drawn = torch.from_numpy(frame.arrays["images"].copy()).float() / 255
        found = y[int(frame.scalars["found"])]
        for image, wanted in zip(drawn, (x[i], there[i], back[i], y[i], found, back[i]), strict=True):
            assert float((image - wanted).abs().max()) < 0.01
        said = cyclegan.there_picture("G", frame)["caption"]
        assert ("nearest to its own partner" in said) == bool(own[i])


def test_the_curve_of_the_noise_begins_at_the_way_back_and_rises():
    misses, moved = cyclegan.disturbed("small")
    frames = cyclegan.hidden("small", 3).frames
    assert [frame.step for frame in frames] == list(cyclegan.NOISES)
    np.testing.assert_allclose([frame.scalars["every"] for frame in frames], misses.mean(axis=1))
    quiet = [frame.scalars["off"] for frame in cyclegan.led("small", "G")]
    np.testing.assert_allclose(misses[0], quiet, atol=0.01)
    assert moved[0].max() < 1e-4
    assert misses[-1].mean() > misses[0].mean()
    assert f"{misses[0].mean():.2f}" in str(cyclegan.hidden_numbers(frames[-1]))
    assert np.all(np.diff(moved.mean(axis=1)) > 0)


def test_the_table_has_a_row_a_network_between_floor_and_untranslated():
    table = cyclegan.table()
    assert {len(column) for column in table.values()} == {2 + len(cyclegan.PARTS)}
    whole = metrics("cyclegan", "small")
    assert table["G(x) nearest to its partner, %"][-1].startswith(f"{100 * whole['test_partner']:.0f} (")
    configs = [shipped.card("cyclegan", variant)["config"] for variant in cyclegan.PARTS]
    for key in ("side", "channels", "n_blocks", "n_steps", "batch_size", "seed", "learning_rate"):
        assert len({config[key] for config in configs}) == 1, f"not compared alike: {key}"
    assert len({shipped.card("cyclegan", variant)["data"]["sha256"] for variant in cyclegan.PARTS}) == 1


def test_the_sum_in_numbers_is_the_loss():
    from pages.ui.maths import number

    frame = shipped.frames("cyclegan")[-1]
    s = frame.scalars
    total = number(s["gan"] + 10 * s["cycle"] + 5 * s["identity"], tex=True)
    assert total in str(cyclegan.film_numbers(frame))
    assert cyclegan.film_numbers(shipped.frames("cyclegan")[0]) == [{"text": "Nothing has been learned yet."}]
    assert cyclegan.film_picture(frame, *(np.zeros((8, 32, 32, 3), np.uint8),) * 2, 32)["images"].shape == (
        40,
        32,
        32,
        3,
    )


def test_the_cycle_keeps_what_the_gan_alone_loses():
    """The signature: with the cycle the partner is found and the way back meets its start, without it neither."""
    with_cycle, without = metrics("cyclegan", "no-identity"), metrics("cyclegan", "no-cycle")
    assert with_cycle["test_partner_low"] > without["test_partner_high"] + 0.1
    assert with_cycle["test_back_low"] > without["test_back_high"] + 0.1
    assert with_cycle["test_cycle_high"] < without["test_cycle_low"] / 2
    assert without["test_cycle"] > without["test_cycle_mean"] - 5  # no better than the mean of all emoji


def test_the_trained_network_against_the_emoji_as_they_are():
    """Its translations come nearer to their partners in every pixel; by the features they find them about as often."""
    m = metrics("cyclegan")
    assert m["test_off"] < m["test_off_untranslated"] - 1
    assert m["test_gain_low"] > -0.1
    assert m["test_gain_high"] > 0
    assert m["test_partner_low"] > 50 * m["test_chance"]
    assert m["test_cycle_high"] < m["test_changed_low"] < m["test_cycle_mean_low"]  # it changes x, and leads it back
