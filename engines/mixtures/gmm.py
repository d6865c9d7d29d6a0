r"""A Gaussian mixture fitted by expectation-maximisation, in two visible half-steps.

    p(x) = \sum_k \pi_k N(x | \mu_k, \Sigma_k)                                   Bishop 2006, eq. 9.7
    E:  \gamma_nk = \pi_k N(x_n | \mu_k, \Sigma_k) / p(x_n)                       eq. 9.23
    M:  N_k = \sum_n \gamma_nk,   \pi_k = N_k / N,
        \mu_k = \sum_n \gamma_nk x_n / N_k,
        \Sigma_k = \sum_n \gamma_nk (x_n - \mu_k)(x_n - \mu_k)^T / N_k            eqs. 9.24 to 9.27

Dempster, Laird & Rubin 1977; the bound of Neal & Hinton 1998 is what both half-steps raise.

Departures: to every variance the regularisation is added, in units of the data's mean variance, so that the fit is the
same in all units (scikit-learn's ``reg_covar`` is ``regularisation * variance``); with it the M step is no longer the
exact maximum, and the log-likelihood may fall a little. An empty component stays where it is, with weight zero. Both
half-steps come out of one pass over the data (survey.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engines import checks, devices
from engines.engine import Engine, Frame
from engines.maths import gaussians
from engines.mixtures.start import check_start, choose_means, like, means_of, points_of
from engines.mixtures.survey import Features, Parameters, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class GMMConfig:
    n_components: int = 3  # K
    covariance_type: str = "full"
    init: str = "kmeans++"
    means: tuple[tuple[float, ...], ...] = ()  # for init="given", one per component
    regularisation: float = 1e-6  # added to every variance, in units of the data's mean variance
    tolerance: float = 1e-4  # done when the mean log-likelihood rises by less, in nats per point
    max_iterations: int = 200
    seed: int = 0
    shown: int = 2000  # points whose responsibilities a frame carries, evenly spaced over the data

    def __post_init__(self) -> None:
        check_start(self)
        checks.known(self, covariance_type=gaussians.COVARIANCE_TYPES)
        if not (math.isfinite(self.regularisation) and self.regularisation >= 0):
            raise ValueError(f"regularisation must be zero or more, got {self.regularisation}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be zero or more, got {self.tolerance}")


class GaussianMixture(Engine):
    """EM on ``data`` (N, D), in float64."""

    name: ClassVar[str] = "gmm"
    Config: ClassVar[type] = GMMConfig

    @classmethod
    def stand_in(cls, state: Mapping[str, Any]) -> np.ndarray | None:
        return means_of(state)

    def __init__(self, config: GMMConfig, *, data: Any, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve(device, float64=True)
        self.data = points_of(data, config.n_components, self.device)  # (N, D)
        if config.regularisation == 0 and bool((self.data == self.data[0]).all()):
            raise ValueError("all points are the same: add different points, or set a regularisation above 0")
        self.generator = torch.Generator().manual_seed(config.seed)
        self.shown = np.unique(np.linspace(0, len(self.data) - 1, min(config.shown, len(self.data))).astype(int))
        self._features = Features(self.data, config.covariance_type)
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

    def _survey(self, parameters: Parameters) -> Survey:
        """One pass over the data: responsibilities, log-likelihood and the sums that an M step needs."""
        p = parameters
        return self._features.survey(p.weights.log(), p.means, p.covariances, self.config.covariance_type)

    def _maximise(self, survey: Survey) -> Parameters:
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
        n_dims = self.data.shape[1]
        k = self.config.n_components
        means = choose_means(self.data, self.config.init, k, self.config.means, self.generator)
        spread = self.variance * (1 / k ** (2 / n_dims) + self.config.regularisation)
        full = spread * torch.eye(n_dims, dtype=self.data.dtype, device=self.device).expand(k, n_dims, n_dims)
        weights = torch.full((k,), 1 / k, dtype=self.data.dtype, device=self.device)
        return Parameters(weights, means, gaussians.from_full(full, self.config.covariance_type, weights))

    @property
    def variance(self) -> float:
        """The mean of the dimensions' variances, the unit of the regularisation; 1 where all points are the same."""
        return float(self._features.scale**2)

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
        return gaussians.mixture_log_prob(like(self.data, x), *self._mixture())

    def responsibilities(self, x: Any) -> Tensor:
        """p(component | x): (B, D) -> (B, K)."""
        return gaussians.responsibilities(like(self.data, x), *self._mixture())

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
            "regularisation": self.config.regularisation,
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
        found, wanted = tuple(state["means"].shape), tuple(self.parameters.means.shape)
        if found != wanted:
            raise ValueError(
                f"the state has means of shape {found} and this mixture {wanted}: "
                "start again to change the number of components or dimensions"
            )
        made = [self._converted(state, prefix) for prefix in ("", "previous.")]
        self.parameters, self._previous = made
        self.iteration, self.phase = int(state["iteration"]), str(state["phase"])
        self.generator.set_state(state["generator"].cpu())
        self._ready = self._survey(self.parameters)
        # A change of type or regularisation lets EM move again from where it had settled.
        settings = self.config.covariance_type, self.config.regularisation
        same = (state["covariance_type"], state["regularisation"]) == settings
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
