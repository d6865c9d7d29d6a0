r"""A Gaussian mixture fitted by expectation-maximisation, in two visible half-steps.

    p(x) = \sum_k \pi_k N(x | \mu_k, \Sigma_k)                                   Bishop 2006, eq. 9.7
    E:  \gamma_nk = \pi_k N(x_n | \mu_k, \Sigma_k) / p(x_n)                       eq. 9.23
    M:  N_k = \sum_n \gamma_nk,   \pi_k = N_k / N,
        \mu_k = \sum_n \gamma_nk x_n / N_k,
        \Sigma_k = \sum_n \gamma_nk (x_n - \mu_k)(x_n - \mu_k)^T / N_k            eqs. 9.24 to 9.27

Dempster, Laird & Rubin 1977; the bound of Neal & Hinton 1998 is what both half-steps raise.

Departures: a small constant (the regularisation) is added to every variance; an empty component stays
where it is; and the two sums over the data run in one pass. That pass rests on writing the log-density
as a linear function of features phi(x) = (x_i x_j, x_i, 1): then log(pi_k N(x_n|k)) is one matrix product,
and N_k, sum gamma x and sum gamma x x^T are another, over chunks of points that stay in the cache.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engines import devices
from engines.engine import Frame
from engines.maths import gaussians
from engines.mixtures.start import INITS, choose_means, points_of

CHUNK_BYTES = 2 << 20  # of features: a chunk that stays in the cache between its two products
KEPT_FEATURE_BYTES = 160 << 20  # features of all points are kept below this, made per chunk above
SHARP = 1e-5  # a variance this small, relative to the data's, is recomputed without the expanded square
COLLAPSED = 1e-12  # and below this it is no longer a Gaussian


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    n_components: int = 3  # K
    covariance_type: str = "full"
    init: str = "kmeans++"
    means: tuple[tuple[float, ...], ...] = ()  # for init="given", one per component
    regularisation: float = 1e-6  # added to every variance, in squared units of the data
    tolerance: float = 1e-4  # done when the mean log-likelihood rises by less, in nats per point
    max_iterations: int = 200
    seed: int = 0
    shown: int = 2000  # points whose responsibilities a frame carries, evenly spaced over the data

    def __post_init__(self) -> None:
        if self.n_components < 1:
            raise ValueError(f"n_components must be at least 1, got {self.n_components}")
        if self.covariance_type not in gaussians.COVARIANCE_TYPES:
            known = ", ".join(gaussians.COVARIANCE_TYPES)
            raise ValueError(f"covariance_type {self.covariance_type!r} is not known; choose one of {known}")
        if self.init not in INITS:
            raise ValueError(f"init {self.init!r} is not known; choose one of {', '.join(INITS)}")
        if self.init == "given" and len(self.means) != self.n_components:
            raise ValueError(f"init 'given' needs {self.n_components} means, one per component; got {len(self.means)}")
        if not (math.isfinite(self.regularisation) and self.regularisation >= 0):
            raise ValueError(f"regularisation must be zero or more, got {self.regularisation}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be zero or more, got {self.tolerance}")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, got {self.max_iterations}")
        if self.shown < 1:
            raise ValueError(f"shown must be at least 1, got {self.shown}")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of a mixture: weights (K,), means (K, D), covariances in the form of their type."""

    weights: Tensor
    means: Tensor
    covariances: Tensor


class GaussianMixture:
    """EM on ``data`` (N, D), in float64."""

    name: ClassVar[str] = "gmm"
    Config: ClassVar[type] = Config

    def __init__(self, config: Config, *, data: Any, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve(device, float64=True)
        self.data = points_of(data, config.n_components, self.device)  # (N, D)
        if config.regularisation == 0 and bool((self.data == self.data[0]).all()):
            raise ValueError("all points are the same: add different points, or set a regularisation above 0")
        self.generator = torch.Generator().manual_seed(config.seed)
        self.shown = np.unique(np.linspace(0, len(self.data) - 1, min(config.shown, len(self.data))).astype(int))
        self._features = _Features(self.data, config.covariance_type)
        self.iteration = 0
        self.phase = "start"
        self._converged = False
        self.parameters = self._start()
        self._previous = self.parameters  # those of the E step whose responsibilities show after an M step
        self._ready = self._survey(self.parameters)  # what the next half-steps publish
        self._responsibilities: Tensor | None = None  # (K, N); None before the first E step

    # -- the two half-steps ------------------------------------------------------------------------

    def step(self) -> None:
        """One half-step: E after the start or an M step, M after an E step."""
        if self.phase == "E":
            self._m_step()
        else:
            self._e_step()

    def _e_step(self) -> None:
        r"""\gamma_nk for the present parameters; the survey made after the last M step holds them."""
        self._responsibilities = self._ready.responsibilities
        self._previous = self.parameters
        self.iteration += 1
        self.phase = "E"

    def _m_step(self) -> None:
        """Parameters from the responsibilities, then the survey that gives their log-likelihood."""
        before = self._ready
        self.parameters = self._maximise(before)
        self._ready = self._survey(self.parameters)
        gain = (self._ready.log_likelihood - before.log_likelihood) / len(self.data)
        self._converged = gain < self.config.tolerance
        self.phase = "M"

    @property
    def done(self) -> bool:
        return self.phase == "M" and (self._converged or self.iteration >= self.config.max_iterations)

    def _survey(self, parameters: Parameters) -> _Survey:
        """One pass over the data: responsibilities, log-likelihood and the sums that an M step needs."""
        return self._features.survey(parameters, self.config.covariance_type)

    def _maximise(self, survey: _Survey) -> Parameters:
        """Bishop 2006, eqs. 9.24 to 9.27, from the sums of a survey."""
        kind, reg = self.config.covariance_type, self.config.regularisation
        counts = survey.counts  # N_k (K,)
        held = counts > 10 * torch.finfo(counts.dtype).eps
        safe = torch.where(held, counts, 1.0)
        means = torch.where(held[:, None], survey.sums / safe[:, None], self.parameters.means)
        weights = counts / counts.sum()
        covariances = self._features.covariances(survey, means, safe, kind, reg)
        if kind != "tied":
            kept = held.view(-1, *[1] * (covariances.dim() - 1))
            covariances = torch.where(kept, covariances, self.parameters.covariances)
        return Parameters(weights, means, covariances)

    def _start(self) -> Parameters:
        """Equal weights, means by ``init``, and round covariances that share the data's spread among K."""
        n_points, n_dims = self.data.shape
        k = self.config.n_components
        means = choose_means(self.data, self.config.init, k, self.config.means, self.generator)
        spread = self.data.var(dim=0, correction=0).mean() / k ** (2 / n_dims) + self.config.regularisation
        if spread <= 0:
            spread = torch.ones_like(spread)
        full = spread * torch.eye(n_dims, dtype=self.data.dtype, device=self.device).expand(k, n_dims, n_dims)
        weights = torch.full((k,), 1 / k, dtype=self.data.dtype, device=self.device)
        return Parameters(weights, means, gaussians.from_full(full, self.config.covariance_type, weights))

    def set_parameters(self, weights: Any, means: Any, covariances: Any) -> None:
        """Start again from these parameters, covariances in the form of this mixture's type."""
        made = [torch.as_tensor(np.asarray(value), dtype=torch.float64, device=self.device) for value in
                (weights, means, covariances)]  # fmt: skip
        for label, value, present in zip(
            ("weights", "means", "covariances"), made,
            (self.parameters.weights, self.parameters.means, self.parameters.covariances), strict=True
        ):  # fmt: skip
            if value.shape != present.shape:
                raise ValueError(f"{label} must have shape {tuple(present.shape)}, got {tuple(value.shape)}")
        self.parameters = self._previous = Parameters(*made)
        self.iteration, self.phase, self._converged, self._responsibilities = 0, "start", False, None
        self._ready = self._survey(self.parameters)

    # -- what a viewer sees ------------------------------------------------------------------------

    @property
    def log_likelihood(self) -> float:
        """log p(data) under the present parameters, in nats, summed over the points."""
        return self._ready.log_likelihood

    @property
    def n_parameters(self) -> int:
        return gaussians.n_free_parameters(self.config.covariance_type, self.config.n_components, self.data.shape[1])

    def bic(self) -> float:
        """-2 log L + (number of parameters) log N; smaller is better (Schwarz 1978)."""
        return -2 * self.log_likelihood + self.n_parameters * math.log(len(self.data))

    def aic(self) -> float:
        """-2 log L + 2 (number of parameters); smaller is better (Akaike 1974)."""
        return -2 * self.log_likelihood + 2 * self.n_parameters

    def lower_bound(self) -> float:
        r"""\sum_n \sum_k \gamma_nk log(\pi_k N(x_n|k) / \gamma_nk) in nats: the likelihood less the gap
        \sum_n KL(\gamma_n || posterior) that an E step closes (Neal & Hinton 1998; Bishop 2006, eq. 9.70).
        """
        if self.phase != "M" or self._responsibilities is None:
            return self.log_likelihood
        gap = 0.0
        for start in range(0, len(self.data), 1 << 18):
            old = self._responsibilities[:, start : start + (1 << 18)]
            new = self._ready.responsibilities[:, start : start + (1 << 18)].clamp_min(1e-300)
            gap += float((torch.xlogy(old, old) - torch.xlogy(old, new)).sum())
        return self.log_likelihood - gap

    def frame(self) -> Frame:
        """Scalars in nats; arrays weights (K,), means (K, D), covariances (K, D, D) (variances (K, D) where
        D > 64), counts (K,), responsibilities (M, K) of the points ``shown``.
        """
        n_points, n_dims = self.data.shape
        k = self.config.n_components
        held = self._responsibilities
        if held is None:
            shares = torch.full((len(self.shown), k), 1 / k)
            counts = n_points * self.parameters.weights
        else:
            shares = held[:, torch.from_numpy(self.shown).to(held.device)].T
            counts = held.sum(dim=1)
        arrays = {
            "weights": self.parameters.weights,
            "means": self.parameters.means,
            "counts": counts,
            "responsibilities": shares.to(torch.float32),
        }
        full = self.full_covariances()
        if n_dims <= 64:
            arrays["covariances"] = full
        else:
            arrays["variances"] = full.diagonal(dim1=1, dim2=2)
        scalars = {
            "iteration": self.iteration,
            "log_likelihood": self.log_likelihood,
            "mean_log_likelihood": self.log_likelihood / n_points,
            "lower_bound": self.lower_bound(),
            "bic": self.bic(),
            "aic": self.aic(),
        }
        step = 2 * self.iteration - (self.phase == "E")
        return Frame(
            step=step, phase=self.phase, scalars=scalars, arrays={n: a.cpu().numpy() for n, a in arrays.items()}
        )

    # -- the fitted model ----------------------------------------------------------------------------

    def full_covariances(self) -> Tensor:
        """(K, D, D), whatever the type."""
        k, n_dims = self.parameters.means.shape
        return gaussians.to_full(self.parameters.covariances, self.config.covariance_type, k, n_dims)

    def _mixture(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.parameters.weights, self.parameters.means, self.full_covariances()

    def log_prob(self, x: Any) -> Tensor:
        """log p(x) in nats: (B, D) -> (B,)."""
        return gaussians.mixture_log_prob(self._rows(x), *self._mixture())

    def responsibilities(self, x: Any) -> Tensor:
        """p(component | x): (B, D) -> (B, K)."""
        return gaussians.responsibilities(self._rows(x), *self._mixture())

    def _rows(self, x: Any) -> Tensor:
        rows = torch.as_tensor(x, dtype=torch.float64, device=self.device)
        if rows.dim() != 2 or rows.shape[1] != self.data.shape[1]:
            raise ValueError(f"x must have shape (B, {self.data.shape[1]}), got {tuple(rows.shape)}")
        return rows

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """n points of the mixture: -> (n, D)."""
        return self.sample_with_components(n, generator=generator)[0]

    def sample_with_components(self, n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Ancestral sampling: first the component, then the point: -> (n, D), (n,)."""
        component = torch.multinomial(self.parameters.weights.cpu(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.data.shape[1], dtype=torch.float64, generator=generator)
        return self.place(component.to(self.device), noise.to(self.device)), component

    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        r"""x = \mu_k + L_k noise with \Sigma_k = L_k L_k^T: (n,), (n, D) -> (n, D)."""
        factors = gaussians.cholesky(self.full_covariances())
        return self.parameters.means[component] + torch.einsum("nij,nj->ni", factors[component], noise)

    # -- saving ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        now, before = self.parameters, self._previous
        return {
            "iteration": self.iteration,
            "phase": self.phase,
            "converged": self._converged,
            "covariance_type": self.config.covariance_type,
            "weights": now.weights.clone(),
            "means": now.means.clone(),
            "covariances": now.covariances.clone(),
            "previous.weights": before.weights.clone(),
            "previous.means": before.means.clone(),
            "previous.covariances": before.covariances.clone(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; one of another covariance type is converted, another K or D is a ValueError."""
        means = state["means"]
        if means.shape != self.parameters.means.shape:
            raise ValueError(
                f"the state has means of shape {tuple(means.shape)} and this mixture {tuple(self.parameters.means.shape)}: "
                "start again to change the number of components or dimensions"
            )
        made = [self._converted(state, prefix) for prefix in ("", "previous.")]
        self.parameters, self._previous = made
        self.iteration, self.phase = int(state["iteration"]), str(state["phase"])
        self.generator.set_state(state["generator"].cpu())
        self._ready = self._survey(self.parameters)
        # A change of type or regularisation lets EM move again from where it had settled.
        same = state["covariance_type"] == self.config.covariance_type
        self._converged = bool(state["converged"]) and same
        self._responsibilities = None
        if self.phase == "E":
            self._responsibilities = self._ready.responsibilities
        elif self.phase == "M":
            self._responsibilities = self._survey(self._previous).responsibilities

    def _converted(self, state: dict[str, Any], prefix: str) -> Parameters:
        weights, means, covariances = (
            state[prefix + key].to(self.device, torch.float64) for key in ("weights", "means", "covariances")
        )
        kind = state["covariance_type"]
        if kind != self.config.covariance_type:
            full = gaussians.to_full(covariances, kind, *means.shape)
            covariances = gaussians.from_full(full, self.config.covariance_type, weights)
        return Parameters(weights.clone(), means.clone(), covariances.clone())


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one pass over the data finds, the sums in centred and scaled units."""

    responsibilities: Tensor  # (K, N)
    log_likelihood: float  # nats, all points
    counts: Tensor  # N_k (K,)
    sums: Tensor  # sum_n gamma_nk x_n (K, D), in the data's units
    moments: Tensor  # sum_n gamma_nk phi(x_n) (K, F), in scaled units


class _Features:
    """phi(x) for all points: (x_i x_j for i <= j) or (x_i^2), then x_i, then 1.

    Points are centred and scaled by one number first, so that squares stay of order one and every
    covariance type keeps its form.
    """

    def __init__(self, data: Tensor, covariance_type: str) -> None:
        n_points, n_dims = data.shape
        self.data = data
        self.centre = data.mean(dim=0)
        self.scale = data.std(correction=0).clamp_min(1e-300) if n_points > 1 else torch.ones((), dtype=data.dtype)
        if self.scale < 1e-150:
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

    def survey(self, parameters: Parameters, kind: str) -> _Survey:
        """log-sum-exp over components and the sums weighted by responsibilities, chunk by chunk."""
        coefficients = self._coefficients(parameters, kind)  # (K, F)
        n_points, n_dims = self.data.shape
        shares = torch.empty(len(coefficients), n_points, dtype=self.data.dtype, device=self.data.device)
        moments = torch.zeros_like(coefficients)
        total = torch.zeros((), dtype=self.data.dtype, device=self.data.device)
        for start in range(0, n_points, self.chunk):
            part = slice(start, start + self.chunk)
            phi = self._make(self.data[part]) if self.kept is None else self.kept[:, part]  # (F, c)
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
        counts = moments[:, -1]
        sums = self.scale * moments[:, self.n_squares : -1] + counts[:, None] * self.centre
        return _Survey(shares, log_likelihood, counts, sums, moments)

    def _coefficients(self, parameters: Parameters, kind: str) -> Tensor:
        r"""log \pi_k + log N(z | m_k, S_k) as a linear function of phi(z), for z the scaled point: (K, F).

        With P = S^{-1}:  -1/2 z^T P z + (P m)^T z - 1/2 m^T P m - 1/2 log|2 pi S| + log pi.
        """
        means = (parameters.means - self.centre) / self.scale  # (K, D)
        k, n_dims = means.shape
        covariances = parameters.covariances / self.scale**2
        if self.quadratic:
            full = gaussians.to_full(covariances, kind, k, n_dims)
            factors = self._factors(full)
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
        constant = parameters.weights.log() - 0.5 * (
            (linear * means).sum(dim=1) + log_det + n_dims * gaussians.LOG_2PI
        )
        return torch.cat([-0.5 * squares, linear, constant[:, None]], dim=1)

    def _factors(self, full: Tensor) -> Tensor:
        factors, failed = torch.linalg.cholesky_ex(full)
        smallest = factors.diagonal(dim1=1, dim2=2).square().amin(dim=1)  # (K,)
        bad = (failed > 0) | ~(smallest > COLLAPSED)
        if bad.any():
            k = int(bad.nonzero()[0])
            variance = float(torch.linalg.eigvalsh(full[k])[0] * self.scale**2)
            raise FloatingPointError(gaussians.collapsed(k, variance))
        return factors

    def covariances(self, survey: _Survey, means: Tensor, counts: Tensor, kind: str, reg: float) -> Tensor:
        r"""\sum_n \gamma_nk x x^T / N_k - \mu \mu^T in the form of ``kind``, regularised, in the data's units."""
        k, n_dims = means.shape
        scaled = (means - self.centre) / self.scale  # (K, D)
        squares = survey.moments[:, : self.n_squares]
        if not self.quadratic:
            variances = squares / counts[:, None] - scaled.square()
            sharp = (variances < SHARP).any(dim=1)
            for j in sharp.nonzero().flatten().tolist():
                variances[j] = self._centred(survey.responsibilities[j], means[j], counts[j]).diagonal()
            variances = self.scale**2 * variances + reg
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
        full = self.scale**2 * full
        full.diagonal(dim1=-2, dim2=-1).add_(reg)
        return full

    def _centred(self, shares: Tensor, mean: Tensor, count: Tensor) -> Tensor:
        """One component's covariance by the two-pass formula, which keeps its digits when it is tiny: (D, D)."""
        total = torch.zeros(len(mean), len(mean), dtype=mean.dtype, device=mean.device)
        for start in range(0, len(self.data), 1 << 17):
            offset = (self.data[start : start + (1 << 17)] - mean) / self.scale
            total += (shares[start : start + (1 << 17), None] * offset).T @ offset
        return total / count
