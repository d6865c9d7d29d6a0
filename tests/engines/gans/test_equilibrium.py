"""The two-player saddle against its closed forms."""

import math
from itertools import pairwise

import pytest

import engines


def path(**settings):
    game = engines.create("equilibrium", **settings)
    while not game.done:
        game.step()
    return game.path


@pytest.mark.parametrize("h", [0.05, 0.2, 0.9])
@pytest.mark.parametrize(
    ("method", "factor"),
    [("simultaneous", lambda h: math.sqrt(1 + h * h)), ("extragradient", lambda h: math.sqrt(1 - h * h + h**4))],
)
def test_on_the_bilinear_game_every_step_scales_the_distance_by_its_closed_form(method, factor, h):
    points = path(method=method, learning_rate=h, n_steps=20)
    for before, after in pairwise(points):
        assert math.hypot(*after) == pytest.approx(factor(h) * math.hypot(*before), rel=1e-12)


def test_alternating_play_stays_on_its_closed_curve():
    h = 0.3
    kept = [x * x + y * y - h * x * y for x, y in path(method="alternating", learning_rate=h, n_steps=500)]
    assert kept == pytest.approx([kept[0]] * 501, rel=1e-9)


@pytest.mark.parametrize("method", ["simultaneous", "alternating", "extragradient"])
def test_a_slope_towards_the_saddle_brings_every_method_there(method):
    assert math.hypot(*path(method=method, form="quadratic", pull=0.5, n_steps=300)[-1]) < 1e-6


def test_a_path_that_flies_away_ends_and_wrong_settings_are_named():
    assert len(path(learning_rate=2.0, n_steps=10_000)) < 100
    for wrong in ({"learning_rate": 0.0}, {"learning_rate": 3.0}, {"pull": -1.0}, {"x": 1e9}, {"method": "none"}):
        with pytest.raises(ValueError, match=f"^{next(iter(wrong))} "):
            engines.create("equilibrium", **wrong)
