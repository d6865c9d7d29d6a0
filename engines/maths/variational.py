r"""Pieces of variational inference with Gaussian codes and Bernoulli pixels; everything in nats.

Kingma & Welling 2013 (arXiv:1312.6114), Burda, Grosse & Salakhutdinov 2015 (arXiv:1509.00519).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


def reparameterise(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    r"""z = \mu + \sigma \epsilon, with the noise passed in (Kingma & Welling 2013, section 2.4)."""
    return mean + (0.5 * log_var).exp() * noise


def kl_per_dimension(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""KL(N(\mu_d, \sigma_d^2) || N(0, 1)) in nats: (..., D) -> (..., D).

    Kingma & Welling 2013, appendix B, negated; the sum over d is the KL of the whole code.
    """
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def normal_log_prob(z: Tensor, mean: Tensor | float = 0.0, log_var: Tensor | None = None) -> Tensor:
    r"""log N(z | \mu, diag \sigma^2) in nats: (..., D) -> (...); the standard normal by default."""
    log_var = torch.zeros_like(z) if log_var is None else log_var
    return -0.5 * (LOG_2PI + log_var + (z - mean).square() * (-log_var).exp()).sum(dim=-1)


def bernoulli_log_prob(x: Tensor, logits: Tensor) -> Tensor:
    r"""x \log p + (1 - x) \log(1 - p) of every pixel in nats, p = sigmoid(logits): no sum is taken.

    For x in {0, 1} a log-likelihood. For grey levels the negated cross-entropy, which no longer sums to
    one over images: good to learn from, no likelihood.
    """
    x, logits = torch.broadcast_tensors(x, logits)
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none")


def importance_log_weights(
    x: Tensor, mean: Tensor, log_var: Tensor, decode: Callable[[Tensor], Tensor], noise: Tensor
) -> Tensor:
    r"""log p(x|z_k) + log p(z_k) - log q(z_k|x) for z_k from q(z|x): (B, P), noise (K, B, D) -> (K, B).

    Burda et al. 2015, eq. 7. Their mean over k is an estimate of the ELBO, their log-mean-exp the
    importance-weighted bound L_K.
    """
    z = reparameterise(mean, log_var, noise)  # (K, B, D)
    log_likelihood = bernoulli_log_prob(x, decode(z)).sum(dim=-1)  # (K, B)
    return log_likelihood + normal_log_prob(z) - normal_log_prob(z, mean, log_var)


def log_mean_exp(log_weights: Tensor) -> Tensor:
    r"""log (1/K) \sum_k exp(w_k): L_K of eq. 8, at most log p(x) on average and rising with K (theorem 1)."""
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))
