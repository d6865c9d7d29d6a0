r"""One pass over the data: every responsibility, the log-likelihood, and the sums that an M step needs.

The log-density of a Gaussian is linear in the features phi(x) = (x_i x_j for i <= j, x_i, 1). So, for all
points and components at once, log(\pi_k N(x_n | k)) is one matrix product, and N_k, \sum_n \gamma_nk x_n and
\sum_n \gamma_nk x_n x_n^T are a second one; both run over chunks of points that stay in the cache, and nothing
of size N x K x D is ever made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engines.maths import gaussians

CHUNK_BYTES = 2 << 20  # of features: a chunk that stays in the cache between its two products
KEPT_FEATURE_BYTES = 160 << 20  # features of all points are kept below this, made per chunk above
SHARP = 1e-5  # a variance this small, relative to the data's, is recomputed without the expanded square
COLLAPSED = 1e-12  # and below this it is no longer a Gaussian


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of a mixture: weights (K,), means (K, D), covariances in the form of their type."""

    weights: Tensor
    means: Tensor
    covariances: Tensor


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the data finds, the sums in centred and scaled units."""

    responsibilities: Tensor  # (K, N)
    log_likelihood: float  # nats, all points
    counts: Tensor  # N_k (K,)
    sums: Tensor  # sum_n gamma_nk x_n (K, D), in the data's units
    moments: Tensor  # sum_n gamma_nk phi(x_n) (K, F), in scaled units


class Features:
    """phi(x) for all points: (x_i x_j for i <= j) or (x_i^2), then x_i, then 1.

    Points are centred and scaled by one number first, the root of their mean variance, so that squares stay of order
    one, every covariance type keeps its form, and a fit is the same in all units.
    """

    def __init__(self, data: Tensor, covariance_type: str) -> None:
        n_points, n_dims = data.shape
        self.data = data
        self.centre = data.mean(dim=0)
        self.scale = data.std(dim=0, correction=0).square().mean().sqrt()
        if self.scale < 1e-150:  # all points are the same
            self.scale = torch.ones_like(self.scale)
        self.quadratic = covariance_type in ("full", "tied")
        self.rows, self.columns = torch.triu_indices(n_dims, n_dims, device=data.device)
        self.n_squares = len(self.rows) if self.quadratic else n_dims
        self.n_features = self.n_squares + n_dims + 1
        self.chunk = max(256, min(1 << 16, CHUNK_BYTES // (8 * self.n_features)))
        keep = 8 * self.n_features * n_points <= KEPT_FEATURE_BYTES
        self.kept = self._make(data) if keep else None  # (F, N)

    def _make(self, x: Tensor) -> Tensor:
        scaled = ((x - self.centre) / self.scale).T  # (D, N)
        phi = torch.empty(self.n_features, x.shape[0], dtype=x.dtype, device=x.device)
        if self.quadratic:
            torch.mul(scaled[self.rows], scaled[self.columns], out=phi[: self.n_squares])
        else:
            torch.mul(scaled, scaled, out=phi[: self.n_squares])
        phi[self.n_squares : -1] = scaled
        phi[-1] = 1
        return phi

    def survey(self, log_weights: Tensor, means: Tensor, covariances: Tensor, kind: str) -> Survey:
        """log-sum-exp over components and the sums weighted by responsibilities, chunk by chunk.

        Log-weights (K,) need not be those of weights that sum to one: a variational mixture's are not.
        """
        coefficients = self._coefficients(log_weights, means, covariances, kind)  # (K, F)
        n_points, n_dims = self.data.shape
        shares = torch.empty(len(coefficients), n_points, dtype=self.data.dtype, device=self.data.device)
        moments = torch.zeros_like(coefficients)
        total = torch.zeros((), dtype=self.data.dtype, device=self.data.device)
        for part, phi in self._parts():
            joint = coefficients @ phi  # (K, c): log pi_k + log N(x_n | k)
            peak = joint.amax(dim=0)
            joint.sub_(peak).exp_()
            norm = joint.sum(dim=0)
            total += peak.sum() + norm.log().sum()
            joint.div_(norm)
            shares[:, part] = joint
            moments.addmm_(joint, phi.T)
        log_likelihood = float(total - n_points * n_dims * self.scale.log())
        if not math.isfinite(log_likelihood):
            raise FloatingPointError(
                "the log-likelihood is no longer a finite number: raise the regularisation or start again"
            )
        return self._summed(shares, log_likelihood, moments)

    def weighed(self, shares: Tensor) -> Survey:
        """The sums for responsibilities (K, N) that are given; their log-likelihood is not a number."""
        moments = torch.zeros(len(shares), self.n_features, dtype=self.data.dtype, device=self.data.device)
        for part, phi in self._parts():
            moments.addmm_(shares[:, part], phi.T)
        return self._summed(shares, math.nan, moments)

    def _parts(self) -> Iterator[tuple[slice, Tensor]]:
        """The points chunk by chunk: which they are, and their features (F, c)."""
        for start in range(0, len(self.data), self.chunk):
            part = slice(start, start + self.chunk)
            yield part, self._make(self.data[part]) if self.kept is None else self.kept[:, part]

    def _summed(self, shares: Tensor, log_likelihood: float, moments: Tensor) -> Survey:
        counts = moments[:, -1]
        sums = self.scale * moments[:, self.n_squares : -1] + counts[:, None] * self.centre
        return Survey(shares, log_likelihood, counts, sums, moments)

    def _coefficients(self, log_weights: Tensor, means: Tensor, covariances: Tensor, kind: str) -> Tensor:
        r"""log \pi_k + log N(z | m_k, S_k) as a linear function of phi(z), for z the scaled point: (K, F).

        With P = S^{-1}:  -1/2 z^T P z + (P m)^T z - 1/2 m^T P m - 1/2 log|2 pi S| + log pi.
        """
        means = (means - self.centre) / self.scale  # (K, D)
        k, n_dims = means.shape
        covariances = covariances / self.scale**2
        if self.quadratic:
            full = gaussians.to_full(covariances, kind, k, n_dims)
            factors = gaussians.cholesky(full, least=COLLAPSED, unit=float(self.scale**2))
            precisions = torch.cholesky_inverse(factors)  # (K, D, D)
            # Off-diagonal products appear once in phi and twice in z^T P z.
            twice = torch.where(self.rows == self.columns, 1.0, 2.0).to(precisions.dtype)
            squares = precisions[:, self.rows, self.columns] * twice
            linear = torch.einsum("kij,kj->ki", precisions, means)
            log_det = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        else:
            variances = covariances if kind == "diag" else covariances[:, None].expand(k, n_dims)
            smallest, where = variances.min(dim=1).values.min(dim=0)
            if not smallest > COLLAPSED:
                raise FloatingPointError(gaussians.collapsed(int(where), float(smallest * self.scale**2)))
            squares = 1 / variances
            linear = means / variances
            log_det = variances.log().sum(dim=1)
        constant = log_weights - 0.5 * ((linear * means).sum(dim=1) + log_det + n_dims * gaussians.LOG_2PI)
        return torch.cat([-0.5 * squares, linear, constant[:, None]], dim=1)

    def covariances(self, survey: Survey, means: Tensor, counts: Tensor, kind: str, reg: float) -> Tensor:
        r"""\sum_n \gamma_nk x x^T / N_k - \mu \mu^T in the form of ``kind``, in the data's units,
        with ``reg`` times the data's mean variance added to every variance.
        """
        k, n_dims = means.shape
        scaled = (means - self.centre) / self.scale  # (K, D)
        squares = survey.moments[:, : self.n_squares]
        if not self.quadratic:
            variances = squares / counts[:, None] - scaled.square()
            sharp = (variances < SHARP).any(dim=1)
            for j in sharp.nonzero().flatten().tolist():
                variances[j] = self._centred(survey.responsibilities[j], means[j], counts[j]).diagonal()
            variances = self.scale**2 * (variances + reg)
            return variances if kind == "diag" else variances.mean(dim=1)
        second = torch.empty(k, n_dims, n_dims, dtype=means.dtype, device=means.device)
        second[:, self.rows, self.columns] = squares
        second[:, self.columns, self.rows] = squares
        if kind == "tied":
            within = second.sum(dim=0) - torch.einsum("k,ki,kj->ij", counts, scaled, scaled)
            full = within / counts.sum()
        else:
            full = second / counts[:, None, None] - scaled[:, :, None] * scaled[:, None, :]
            sharp = (full.diagonal(dim1=1, dim2=2) < SHARP).any(dim=1)
            for j in sharp.nonzero().flatten().tolist():
                full[j] = self._centred(survey.responsibilities[j], means[j], counts[j])
        full.diagonal(dim1=-2, dim2=-1).add_(reg)
        return self.scale**2 * full

    def _centred(self, shares: Tensor, mean: Tensor, count: Tensor) -> Tensor:
        """One component's covariance by the two-pass formula, which keeps its digits when it is tiny: (D, D)."""
        total = torch.zeros(len(mean), len(mean), dtype=mean.dtype, device=mean.device)
        for start in range(0, len(self.data), 1 << 17):
            offset = (self.data[start : start + (1 << 17)] - mean) / self.scale
            total += (shares[start : start + (1 << 17), None] * offset).T @ offset
        return total / count
