r"""Distributions over the grey levels 0, ..., L - 1 of a pixel: a softmax, and a discretised mixture of logistics.

    softmax:   P(x = l) = exp a_l / \sum_k exp a_k                        van den Oord et al. 2016a, section 2.2
    mixture:   P(x) = \sum_i \pi_i [\sigma((x + h - \mu_i) / s_i) - \sigma((x - h - \mu_i) / s_i)]
                                                                          Salimans et al. 2017, eq. 2
with the levels laid out on -1..1, h half the distance between two of them, and the first and the last bin
reaching to -\infty and \infty, so that the bins fill the line and the sum is one.

Salimans et al. approximate a bin's mass by density times width where it is small; here it is exact, through
    \sigma(a) - \sigma(b) = \sigma(a) \sigma(-b) (1 - e^{b - a}).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_SCALES = (-7.0, 7.0)  # from 0.12 of a bin of 256 to flat, between which nothing under- or overflows


def spread(x: Tensor, n_levels: int) -> Tensor:
    """Levels 0..L-1, as floats, on -1..1."""
    return x * (2 / (n_levels - 1)) - 1


def mixture_parts(parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""log \pi, \mu and log s of each pixel's mixture: (B, 3M, ...) -> (B, M, ...) each."""
    if parameters.shape[1] % 3:
        raise ValueError(f"a mixture takes three numbers a component, got {parameters.shape[1]} channels")
    logits, mean, log_scale = parameters.chunk(3, dim=1)
    return F.log_softmax(logits, dim=1), mean, log_scale.clamp(*LOG_SCALES)


def mixture_log_prob(parameters: Tensor, x: Tensor, n_levels: int) -> Tensor:
    """log P(x) in nats under the mixture: parameters (B, 3M, ...), levels x (B, ...) -> (B, ...)."""
    log_weight, mean, log_scale = mixture_parts(parameters)
    x = x.unsqueeze(1)
    return torch.logsumexp(log_weight + bin_log_mass(x, mean, log_scale, n_levels), dim=1)


def bin_log_mass(x: Tensor, mean: Tensor, log_scale: Tensor, n_levels: int) -> Tensor:
    """The log of a logistic's mass in the bin of level x; shapes that broadcast to the result's."""
    half = 1 / (n_levels - 1)
    value = spread(x.to(mean.dtype), n_levels)
    above = (value + half - mean) * torch.exp(-log_scale)
    below = (value - half - mean) * torch.exp(-log_scale)
    width = 2 * half * torch.exp(-log_scale)
    middle = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(-width))
    return torch.where(x == 0, F.logsigmoid(above), torch.where(x == n_levels - 1, F.logsigmoid(-below), middle))


def mixture_log_probs(parameters: Tensor, n_levels: int) -> Tensor:
    """log P of every level: (B, 3M, ...) -> (B, L, ...)."""
    log_weight, mean, log_scale = (part.unsqueeze(2) for part in mixture_parts(parameters))  # (B, M, 1, ...)
    x = torch.arange(n_levels, device=parameters.device).reshape(1, 1, -1, *[1] * (parameters.dim() - 2))
    return torch.logsumexp(log_weight + bin_log_mass(x, mean, log_scale, n_levels), dim=1)


def softmax_log_prob(logits: Tensor, x: Tensor) -> Tensor:
    """log P(x) in nats: logits (B, L, ...), levels x (B, ...) -> (B, ...)."""
    return -F.cross_entropy(logits, x.long(), reduction="none")


def tempered(log_probs: Tensor, temperature: float) -> Tensor:
    r"""Probabilities proportional to P^{1/T}: (B, L, ...) -> (B, L, ...). T = 1 leaves them, T = 0 takes the likeliest.

    ValueError where T is negative, above 100 or no number.
    """
    if not (math.isfinite(temperature) and 0 <= temperature <= 100):
        raise ValueError(
            f"temperature must be from 0 (always the likeliest level) to 100, got {temperature}: 1 is fair"
        )
    if temperature == 0:
        best = log_probs.argmax(dim=1, keepdim=True)
        return torch.zeros_like(log_probs).scatter_(1, best, 1.0)
    return torch.softmax(log_probs / temperature, dim=1)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The level at which the cumulative probability passes u: (B, L), u (B,) in [0, 1) -> (B,) int64."""
    passed = probabilities.cumsum(dim=1) <= uniform[:, None]
    return passed.sum(dim=1).clamp(max=probabilities.shape[1] - 1)
