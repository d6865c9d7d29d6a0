r"""Multivariate Gaussians and their mixtures: densities in nats, conversions between covariance types.

Everything takes and gives torch tensors in the dtype it is handed; nothing has state.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
LOG_2PI = math.log(2 * math.pi)
CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 41)), np.sin(np.linspace(0, 2 * np.pi, 41))])  # (2, 41)


def log_density(x: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    r"""log N(x_n | \mu_k, \Sigma_k) in nats: (N, D), (K, D), (K, D, D) -> (N, K).

    Bishop 2006, eq. 2.43, by the Cholesky factor \Sigma = L L^T: the quadratic form is |L^{-1}(x - \mu)|^2 and
    log|\Sigma| = 2 \sum_d log L_dd. One component at a time, so nothing of size N x K x D is made. Raises
    FloatingPointError, naming the component, where a covariance is not positive definite.
    """
    n_dims = x.shape[1]
    factors = cholesky(covariances)  # (K, D, D)
    columns = []
    for mean, factor in zip(means, factors, strict=True):
        whitened = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)  # (D, N)
        log_det = 2 * factor.diagonal().log().sum()
        columns.append(-0.5 * (whitened.square().sum(dim=0) + log_det + n_dims * LOG_2PI))
    return torch.stack(columns, dim=1)


def cholesky(covariances: Tensor, *, least: float | None = None, unit: float = 1.0) -> Tensor:
    """Lower factors, (K, D, D) -> (K, D, D); FloatingPointError names the first component that has none, or whose
    smallest pivot is not above ``least``, with its variance times ``unit``.
    """
    factors, failed = torch.linalg.cholesky_ex(covariances)
    bad = failed > 0
    if least is not None:
        bad |= ~(factors.diagonal(dim1=1, dim2=2).square().amin(dim=1) > least)
    if bad.any():
        k = int(bad.nonzero()[0])
        raise FloatingPointError(collapsed(k, float(torch.linalg.eigvalsh(covariances[k])[0]) * unit))
    return factors


def collapsed(k: int, variance: float) -> str:
    """The sentence for a component that has shrunk to nothing."""
    fell = f"fell to {variance:.1e}" if variance > 0 else "fell to zero"
    return (
        f"component {k + 1} collapsed (its smallest variance {fell}), and the likelihood "
        "grows without bound: raise the regularisation, use fewer components, or start from another seed"
    )


def log_joint(x: Tensor, weights: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    r"""log \pi_k + log N(x_n | \mu_k, \Sigma_k) in nats: -> (N, K)."""
    return weights.log() + log_density(x, means, covariances)


def mixture_log_prob(x: Tensor, weights: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    r"""log p(x_n) = log \sum_k \pi_k N(x_n | \mu_k, \Sigma_k) in nats: -> (N,). Bishop 2006, eq. 9.7."""
    return log_joint(x, weights, means, covariances).logsumexp(dim=1)


def responsibilities(x: Tensor, weights: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    r"""\gamma_nk, the posterior of the component given the point: -> (N, K). Bishop 2006, eq. 9.23."""
    return log_joint(x, weights, means, covariances).softmax(dim=1)


def to_full(covariances: Tensor, covariance_type: str, n_components: int, n_dims: int) -> Tensor:
    """Covariances of any type as (K, D, D): full (K, D, D), tied (D, D), diag (K, D), spherical (K,)."""
    if covariance_type == "full":
        return covariances
    if covariance_type == "tied":
        return covariances.expand(n_components, n_dims, n_dims)
    if covariance_type == "diag":
        return torch.diag_embed(covariances)
    return torch.diag_embed(covariances[:, None].expand(n_components, n_dims))


def from_full(covariances: Tensor, covariance_type: str, weights: Tensor) -> Tensor:
    """(K, D, D) as the given type: its diagonal, the mean of that, or the mean over components by weight."""
    if covariance_type == "full":
        return covariances.clone()
    if covariance_type == "tied":
        return torch.einsum("k,kij->ij", weights / weights.sum(), covariances)
    diagonals = covariances.diagonal(dim1=1, dim2=2)  # (K, D)
    return diagonals.clone() if covariance_type == "diag" else diagonals.mean(dim=1)


def n_free_parameters(covariance_type: str, n_components: int, n_dims: int) -> int:
    """What BIC and AIC count: weights sum to one, so K - 1 of them are free."""
    per_type = {
        "full": n_components * n_dims * (n_dims + 1) // 2,
        "tied": n_dims * (n_dims + 1) // 2,
        "diag": n_components * n_dims,
        "spherical": n_components,
    }
    return n_components - 1 + n_components * n_dims + per_type[covariance_type]


def ellipse(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""The one- and two-sigma ellipses as one line with a gap: (2,), (2, 2) -> (2, 83).

    Points \mu + s V \Lambda^{1/2} u for u on the unit circle, s = 1, 2 and \Sigma = V \Lambda V^T.
    """
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors * np.sqrt(np.maximum(values, 0))  # (2, 2)
    ring = axes @ CIRCLE  # (2, 41)
    gap = np.full((2, 1), np.nan)
    return np.concatenate([mean[:, None] + ring, gap, mean[:, None] + 2 * ring], axis=1).astype(np.float32)
