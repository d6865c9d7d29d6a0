"""Terms of the ELBO against closed forms, enumeration, quadrature and Monte Carlo."""

import itertools

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.testing import assert_close

from engines.maths.variational import (
    bernoulli_log_prob,
    importance_log_weights,
    kl_per_dimension,
    log_mean_exp,
    normal_log_prob,
    reparameterise,
)

CASES = [(0.0, 1.0), (1.5, 0.4), (-2.0, 1.7), (0.3, 0.05)]  # mean, standard deviation


def log_var(sd: float) -> torch.Tensor:
    return torch.tensor([2 * np.log(sd)], dtype=torch.float64)


@pytest.mark.parametrize(("mean", "sd"), CASES)
def test_kl_to_the_prior_is_the_integral_and_the_monte_carlo_mean(mean, sd):
    q, p = stats.norm(mean, sd), stats.norm()
    integral, _ = integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mean - 12 * sd, mean + 12 * sd)
    closed = kl_per_dimension(torch.tensor([mean], dtype=torch.float64), log_var(sd)).item()
    assert closed == pytest.approx(integral, abs=1e-8)
    noise = torch.randn(200_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    z = reparameterise(torch.tensor([mean], dtype=torch.float64), log_var(sd), noise)
    estimate = (normal_log_prob(z, torch.tensor([mean]), log_var(sd)) - normal_log_prob(z)).mean().item()
    assert estimate == pytest.approx(closed, abs=0.01)


def test_the_normal_log_density_is_scipys():
    rng = np.random.default_rng(0)
    z, mean, sd = rng.normal(size=(5, 3)), rng.normal(size=3), rng.uniform(0.1, 2, size=3)
    expected = stats.norm(mean, sd).logpdf(z).sum(axis=1)
    found = normal_log_prob(torch.tensor(z), torch.tensor(mean), torch.tensor(2 * np.log(sd)))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_bernoulli_probabilities_sum_to_one_over_all_images():
    logits = torch.tensor([-3.0, 0.2, 1.4, 40.0], dtype=torch.float64)
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
    log_probs = bernoulli_log_prob(images, logits).sum(dim=1)  # (16,)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert log_probs[-1].item() == pytest.approx(stats.bernoulli(torch.sigmoid(logits)).logpmf(1).sum(), abs=1e-9)


def test_importance_weights_estimate_a_likelihood_known_by_quadrature():
    """One code z, two pixels: p(x) is an integral over a line."""

    def decode(z: torch.Tensor) -> torch.Tensor:
        return torch.cat([2 * z - 0.5, -3 * z + 1], dim=-1)

    x = torch.tensor([[1.0, 0.0]], dtype=torch.float64)

    def joint(z: float) -> float:
        chances = stats.bernoulli(1 / (1 + np.exp(-np.array([2 * z - 0.5, -3 * z + 1]))))
        return float(np.exp(chances.logpmf([1, 0]).sum()) * stats.norm.pdf(z))

    exact = np.log(integrate.quad(joint, -12, 12)[0])
    mean, variance = torch.tensor([[0.4]], dtype=torch.float64), torch.tensor([[-0.3]], dtype=torch.float64)
    noise = torch.randn(40_000, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weights = importance_log_weights(x, mean, variance, decode, noise)  # (K, 1)
    assert log_mean_exp(weights).item() == pytest.approx(exact, abs=0.01)
    # Burda et al. 2015, theorem 1: the bound rises with the number of samples, from the ELBO to log p(x).
    bounds = [log_mean_exp(weights.reshape(k, -1)).mean().item() for k in (1, 2, 8, 50)]
    assert bounds == sorted(bounds)
    assert bounds[0] == pytest.approx(weights.mean().item(), abs=1e-12)
    assert bounds[0] < exact - 0.02
    assert bounds[-1] < exact + 0.005


def test_log_mean_exp_does_not_overflow():
    weights = torch.tensor([[-1000.0], [-1000.0], [-1001.0]])
    assert_close(log_mean_exp(weights), torch.tensor([-1000 + np.log((2 + np.exp(-1)) / 3)], dtype=torch.float32))
