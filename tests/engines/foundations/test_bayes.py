"""Conjugate updates against numerical integration; one by one against all at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

import engines
from engines.foundations.bayes import BayesConfig, density, log_evidence, log_likelihood, prior, summary, update

COINS = [BayesConfig(a=a, b=b, truth=t) for a, b, t in ((1, 1, 0.7), (2, 5, 0.3), (0.5, 0.5, 0.9), (20, 20, 0.5))]
MEANS = [
    BayesConfig(model="mean", truth=t, prior_mean=m, prior_sd=s, sd=d)
    for t, m, s, d in ((2.0, 0.0, 3.0, 2.0), (-3.0, 1.0, 0.5, 1.0), (0.0, 4.0, 10.0, 0.7))
]


def drawn(config: BayesConfig, n: int = 12) -> np.ndarray:
    return engines.create("bayes", model=config.model, truth=config.truth, sd=config.sd, n_data=n).data


@pytest.mark.parametrize("config", COINS + MEANS)
def test_posteriors_are_the_integrals(config):
    data = drawn(config)
    belief = update(config, prior(config), data)
    low, high = (0, 1) if config.model == "coin" else (-60, 60)

    def joint(z: float) -> float:
        return math.exp(log_likelihood(config, z, data)) * density(config, prior(config), np.array([z]))[0]

    points = [summary(config, belief)["mean"]]
    evidence, _ = integrate.quad(joint, low, high, points=points, epsabs=0, epsrel=1e-11, limit=500)
    assert log_evidence(config, data) == pytest.approx(math.log(evidence), abs=1e-6)
    moments = [
        integrate.quad(lambda z, k=k: z**k * joint(z), low, high, points=points, epsabs=0, epsrel=1e-11, limit=500)[0]
        for k in (1, 2)
    ]
    mean = moments[0] / evidence
    found = summary(config, belief)
    assert found["mean"] == pytest.approx(mean, abs=1e-6)
    assert found["variance"] == pytest.approx(moments[1] / evidence - mean**2, abs=1e-6)
    below, _ = integrate.quad(joint, low, found["median"], epsabs=0, epsrel=1e-10, limit=500)
    assert below / evidence == pytest.approx(0.5, abs=1e-6)
    for z in (0.2, 0.55, 0.8):
        assert density(config, belief, np.array([z]))[0] == pytest.approx(joint(z) / evidence, rel=1e-6)


def test_a_medical_test_by_hand():
    config = BayesConfig(model="test", truth=1, prevalence=0.01, sensitivity=0.9, specificity=0.95)
    once = update(config, prior(config), [1])
    assert once.first == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.05 * 0.99), abs=1e-12)
    data = [1, 1, 0]
    joint = [0.01 * 0.9 * 0.9 * 0.1, 0.99 * 0.05 * 0.05 * 0.95]
    assert update(config, prior(config), data).first == pytest.approx(joint[0] / sum(joint), abs=1e-12)
    assert log_evidence(config, data) == pytest.approx(math.log(sum(joint)), abs=1e-12)


@pytest.mark.parametrize("model", ["coin", "mean", "test"])
def test_one_by_one_is_all_at_once(model):
    engine = engines.create("bayes", model=model, truth=1.0 if model == "test" else 0.6, n_data=25)
    while not engine.done:
        engine.step()
        s = engine.frame().scalars
        for key in ("mean", "median", "variance"):
            assert s[key] == pytest.approx(s[f"batch_{key}"], abs=1e-9)
    assert engine.frame().step == 25


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 0.5), (3.0, 30.0)])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_all_successes_and_all_failures_leave_a_finite_belief(truth, a, b):
    engine = engines.create("bayes", truth=truth, a=a, b=b, n_data=200)
    assert set(engine.data) == {truth}
    while not engine.done:
        engine.step()
    frame = engine.frame()
    heads = 200 * truth
    exact = stats.beta(a + heads, b + 200 - heads)
    assert frame.scalars["mean"] == pytest.approx(exact.mean(), rel=1e-12)
    assert frame.scalars["median"] == pytest.approx(exact.median(), rel=1e-9)
    assert frame.scalars["variance"] == pytest.approx(exact.var(), rel=1e-12)
    evidence = stats.betabinom(200, a, b).logpmf(heads)  # one order of 200 equal flips
    assert frame.scalars["log_evidence"] == pytest.approx(evidence, abs=1e-9)
    assert all(np.isfinite(values).all() for values in frame.arrays.values())


@pytest.mark.parametrize("model", ["coin", "mean", "test"])
def test_without_data_the_posterior_is_the_prior(model):
    frame = engines.create("bayes", model=model, truth=1.0).frame()
    assert (frame.step, frame.phase, len(frame.arrays["data"])) == (0, "start", 0)
    np.testing.assert_array_equal(frame.arrays["posterior"], frame.arrays["prior"])
    np.testing.assert_array_equal(frame.arrays["likelihood"], 1)
    assert frame.scalars["log_evidence"] == pytest.approx(0, abs=1e-12)


def test_drawn_data_follow_the_truth():
    coin = engines.create("bayes", truth=0.3, n_data=5000).data
    assert coin.mean() == pytest.approx(0.3, abs=0.03)
    mean = engines.create("bayes", model="mean", truth=-2.0, sd=1.5, n_data=5000).data
    assert stats.kstest(mean, stats.norm(-2, 1.5).cdf).pvalue > 0.001
    healthy = engines.create("bayes", model="test", truth=0.0, specificity=0.8, n_data=5000).data
    assert healthy.mean() == pytest.approx(0.2, abs=0.03)


def test_the_likelihood_curve_peaks_where_the_data_say():
    engine = engines.create("bayes", truth=0.7, n_data=200)
    while not engine.done:
        engine.step()
    frame = engine.frame()
    z = frame.arrays["z"]
    assert z[frame.arrays["likelihood"].argmax()] == pytest.approx(engine.data.mean(), abs=0.005)
    assert np.trapezoid(frame.arrays["posterior"], z) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "dice"}, "model 'dice' is not known; choose one of coin, mean, test"),
        ({"truth": 1.5}, "truth must be from 0 to 1 for the model coin, got 1.5"),
        ({"a": 0.0}, "a must be above zero, got 0.0"),
        ({"prevalence": 1.0}, "prevalence must lie between 0 and 1, got 1.0"),
        ({"n_data": 0}, "n_data must be at least 1, got 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, said):
    with pytest.raises(ValueError, match=said):
        BayesConfig(**settings)


def test_data_that_no_coin_gives_are_refused():
    with pytest.raises(ValueError, match="must be 0 or 1"):
        engines.create("bayes", data=[0, 2])
    with pytest.raises(ValueError, match="row of finite numbers"):
        engines.create("bayes", model="mean", data=[float("nan")])
