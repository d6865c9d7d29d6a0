"""Distributions over grey levels against SciPy's logistic distribution, and against their own sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import logistic

from engines.maths import levels


def some(n_components: int, seed: int = 0) -> torch.Tensor:
    """Parameters of 7 pixels, some of them sharp and some far out."""
    generator = torch.Generator().manual_seed(seed)
    logits, means, scales = torch.randn(3, 7, n_components, generator=generator, dtype=torch.float64)
    return torch.cat([2 * logits, 1.5 * means, 2 * scales - 3], dim=1)  # (7, 3M)


@pytest.mark.parametrize("n_levels", [2, 4, 16, 256])
def test_the_mixture_is_scipy_s_logistic_cut_into_bins(n_levels: int):
    parameters = some(3)
    found = levels.mixture_log_probs(parameters, n_levels).exp().numpy()  # (7, L)
    logits, mean, log_scale = (part.numpy() for part in parameters.chunk(3, dim=1))
    weight, scale = softmax(logits, axis=1), np.exp(np.clip(log_scale, -7, 7))
    centres = np.linspace(-1, 1, n_levels)
    edges = np.concatenate([[-np.inf], (centres[1:] + centres[:-1]) / 2, [np.inf]])
    cdf = logistic.cdf(edges[None, None, :], loc=mean[:, :, None], scale=scale[:, :, None])
    expected = (weight[:, :, None] * np.diff(cdf, axis=2)).sum(axis=1)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_levels", [2, 16, 256])
def test_it_sums_to_one_and_each_level_is_the_one_asked_for(n_levels: int, dtype: torch.dtype):
    parameters = some(5, seed=1).to(dtype)
    log_probs = levels.mixture_log_probs(parameters, n_levels)
    assert log_probs.exp().sum(dim=1).numpy() == pytest.approx(1, abs=1e-6)
    for value in (0, 1, n_levels - 1):
        one = levels.mixture_log_prob(parameters, torch.full((7,), value), n_levels)
        assert torch.allclose(one, log_probs[:, value])


def test_extreme_numbers_stay_finite_and_can_be_learned_from():
    wild = torch.tensor([[80.0, -80.0, 1e4, -1e4, -50.0, 50.0]], requires_grad=True)
    for value in (0, 100, 255):
        log_prob = levels.mixture_log_prob(wild, torch.tensor([value]), 256)
        assert torch.isfinite(log_prob).all()
        (gradient,) = torch.autograd.grad(log_prob.sum(), wild)
        assert torch.isfinite(gradient).all()


def test_temperature_and_draws():
    log_probs = torch.log(torch.tensor([[0.1, 0.2, 0.7]]))
    assert levels.tempered(log_probs, 1.0).numpy() == pytest.approx(np.array([[0.1, 0.2, 0.7]]), abs=1e-6)
    assert levels.tempered(log_probs, 0.5).numpy() == pytest.approx(np.array([[1, 4, 49]]) / 54, abs=1e-6)
    assert levels.tempered(log_probs, 0.0).tolist() == [[0, 0, 1]]
    uniform = torch.tensor([0.0, 0.0999, 0.1001, 0.2999, 0.3001, 0.9999999])
    drawn = levels.draw(log_probs.exp().expand(6, 3), uniform)
    assert drawn.tolist() == [0, 0, 1, 1, 2, 2]


def test_an_odd_number_of_channels_is_named():
    with pytest.raises(ValueError, match="three numbers a component, got 4"):
        levels.mixture_parts(torch.zeros(1, 4))
