"""The KL between two Gaussians: three ways that must agree."""

import numpy as np
import pytest
from scipy import integrate, stats

from engines.maths.divergences import integrand, kl_closed_form, kl_three_ways

CASES = [(0, 1, 0, 1), (1, 0.5, -1, 2), (-3, 0.3, 2, 1), (0, 3, 0, 0.3), (2, 1, 2, 1)]


@pytest.mark.parametrize("case", CASES)
def test_closed_form_integral_and_estimate_agree(case):
    found = kl_three_ways(*case, n_samples=400_000, generator=np.random.default_rng(0))
    q, p = stats.norm(*case[:2]), stats.norm(*case[2:])
    exact, _ = integrate.quad(
        lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)), case[0] - 20 * case[1], case[0] + 20 * case[1]
    )
    assert found.closed == pytest.approx(exact, abs=1e-6)
    assert found.integral == pytest.approx(found.closed, abs=0.01)
    assert abs(found.estimate - found.closed) <= max(0.01, 4 * found.standard_error)
    assert found.closed >= 0
    assert (found.closed < 1e-12) == (case[:2] == case[2:])


def test_the_standard_error_is_that_of_the_mean():
    estimates = [kl_three_ways(1, 0.5, 0, 1, n_samples=200, generator=np.random.default_rng(s)) for s in range(400)]
    spread = np.std([e.estimate for e in estimates])
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(spread, rel=0.1)


def test_the_integrand_is_negative_where_p_is_larger():
    assert integrand(np.array([3.0]), 0, 1, 3, 1)[0] < 0
    assert integrand(np.array([0.0]), 0, 1, 3, 1)[0] > 0
    assert kl_closed_form(0, 1, 3, 1) == pytest.approx(4.5)


@pytest.mark.parametrize("sd", [0, -1, float("nan"), float("inf")])
def test_a_spread_of_zero_is_refused(sd):
    with pytest.raises(ValueError, match="sd_q must be above 0"):
        kl_three_ways(0, sd, 0, 1, n_samples=10, generator=np.random.default_rng(0))
