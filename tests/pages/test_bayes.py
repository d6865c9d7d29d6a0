"""The page on Bayes' rule: its words and formulas hold the engine's numbers; its settings do what they say."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy import stats

import engines
from pages.catalogue import PAGES
from pages.foundations import bayes_notes, bayes_pictures
from pages.ui import live
from pages.ui.wire import pack
from tests.pages.app import config, on_stage, opened, press, said

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "foundations" / "bayes.py"


@pytest.mark.parametrize("model", ["coin", "mean", "test"])
def test_pictures_and_numbers_are_the_engines(model):
    engine = engines.create("bayes", model=model, truth=1.0 if model == "test" else 0.6, n_data=9, seed=2)
    for _ in range(10):
        frame = engine.frame()
        drawn = bayes_pictures.picture(frame, engine.config)
        json.loads(pack({**bayes_pictures.base(engine.config), **drawn}))
        blocks = bayes_pictures.numbers(frame, engine.config)
        table = next(block["table"] for block in blocks if "table" in block)
        assert table[1] == ["mean", f"{frame.scalars['mean']:.6f}", f"{frame.scalars['mean']:.6f}"]
        engine.step()
    heights = drawn["traces"][1 if model == "test" else 2]["y"]
    np.testing.assert_allclose(heights, frame.arrays["posterior"], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"view": "coin", "a": "4", "heads": "0.3"}, {"model": "coin", "a": 4.0, "truth": 0.3}),
        ({"view": "mean", "sd": "1.5", "m0": "2"}, {"model": "mean", "sd": 1.5, "prior_mean": 2.0}),
        ({"view": "test", "ill": "healthy", "prev": "0.1"}, {"model": "test", "truth": 0.0, "prevalence": 0.1}),
    ],
)
def test_the_address_sets_the_engine(query, wanted):
    at = opened(PAGE, **query)
    assert said(at) == []
    found = config(at, "bayes:run")
    assert {key: getattr(found, key) for key in wanted} == wanted
    press(at, "New seed")
    assert config(at, "bayes:run").seed == 1


@pytest.mark.parametrize("model", ["coin", "mean"])
def test_the_rule_holds_with_the_numbers_in_it(model):
    """p(x|z) p(z) / p(x) as shown, at the posterior's mean, is the posterior as shown."""
    engine = engines.create("bayes", model=model, truth=0.6, n_data=6, seed=2)
    for _ in range(4):
        engine.step()
    frame = engine.frame()
    line = bayes_pictures._rule_at(frame, engine.config)[1]
    shown = [float(a) * 10.0 ** float(b or 0) for a, b in re.findall(r"(\d+\.?\d*)(?:\\cdot 10\^\{(-?\d+)\})?", line)]
    likelihood, before, evidence, after = shown
    assert likelihood * before / evidence == pytest.approx(after, rel=0.01)
    z = engine.belief.first / (engine.belief.first + engine.belief.second) if model == "coin" else engine.belief.first
    exact = stats.beta(*_pair(engine)) if model == "coin" else stats.norm(*_pair(engine))
    assert after == pytest.approx(exact.pdf(z), rel=0.01)


def _pair(engine):
    return engine.belief.first, engine.belief.second


def test_all_heads_and_no_data_yet_are_drawn():
    at = opened(PAGE, heads="1", n="30")
    held = on_stage(at, "bayes:run")
    assert bayes_pictures.caption(held.run.history.at(0), config(at, "bayes:run")).startswith("No data yet")
    held.run.play()
    assert held.run.wait(20).state == "finished"
    last = held.run.history.last
    json.loads(pack([live.picture(held, last), held.explain(last, {})]))
    assert "30 heads, 0 tails" in live.picture(held, last)["caption"]


def test_a_gaussian_under_the_hand_shows_its_covariance():
    at = opened(PAGE, view="gaussian", gs="2", gt="1", rho="0.5")
    held = on_stage(at, "bayes:run")
    numbers = held.explain(held.run.history.last, {})
    assert all(value in numbers[-1]["math"] for value in ("4.00", "1.00"))
    drawn = held.base["traces"][2]
    assert np.cov(drawn["x"], drawn["y"])[0] == pytest.approx([4, 1], rel=0.2)
    assert said(at) == []


def test_questions_are_checked_against_the_run():
    at = opened(PAGE, view="coin", n="12")
    record = on_stage(at, "bayes:run")
    record.run.play()
    assert record.run.wait(20).state == "finished"
    mean = record.run.history.last.scalars["mean"]
    assert bayes_notes._check_mean(record, round(mean, 3))[0]
    assert not bayes_notes._check_mean(record, mean + 0.1)[0]
    variances = [frame.scalars["variance"] for frame in record.run.history.after(-1)]
    rises = int((np.diff(variances) > 1e-9 * np.array(variances[:-1])).sum())
    right, wrong = ("yes", "no") if rises else ("no", "yes")
    assert bayes_notes._check_variance(record, right)[0]
    assert not bayes_notes._check_variance(record, wrong)[0]
    assert f"rose {rises} times" in bayes_notes._check_variance(record, right)[1] or not rises
    assert not bayes_notes._check_mean(record, mean + 0.002)[0]
    for check, answer in ((bayes_notes._check_mean, 0.5), (bayes_notes._check_variance, "no")):
        with pytest.raises(ValueError, match="There is no run on the stage"):
            check(None, answer)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [({"heads": "1.5"}, "heads is 1.5; it goes from 0 to 1"), ({"view": "dice"}, "view has no value `dice`")],
)
def test_a_wrong_address_is_one_sentence(query, sentence):
    assert any(sentence in said_of_it for said_of_it in said(opened(PAGE, **query)))
