"""The bootstrap against what is known of a mean."""

import numpy as np
import pytest

from engines.maths.intervals import bootstrap, named, of_mean


def test_the_interval_of_a_mean_is_two_standard_errors_wide_each_way():
    x = np.random.default_rng(0).normal(3.0, 2.0, size=400)
    value, low, high = bootstrap(x)
    error = x.std() / 20
    assert value == x.mean()
    assert (value - low, high - value) == pytest.approx((1.96 * error, 1.96 * error), rel=0.15)


def test_another_measure_and_the_names_of_a_card():
    x = np.array([[0.0, 1.0]] * 7)
    assert named("tip", x, lambda rows: float(rows.max())) == {"tip": 1.0, "tip_low": 1.0, "tip_high": 1.0}
    with pytest.raises(ValueError, match="at least one item"):
        bootstrap(np.zeros(0))


def test_of_many_the_standard_error_says_what_the_bootstrap_says():
    x = np.random.default_rng(1).gamma(2.0, 10.0, size=3000)
    value, low, high = bootstrap(x)
    found = of_mean("nll", x)
    assert found["nll"] == value
    assert (found["nll_low"], found["nll_high"]) == pytest.approx((low, high), abs=0.1 * (high - low))
    assert of_mean("one", np.ones(1))["one_high"] == np.inf
