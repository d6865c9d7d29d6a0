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

import torch
from torch import Tensor

from engines import checks
from engines.engine import Frame
from engines.maths import gaussians
from engines.mixtures.mixture import MixtureConfig, SoftMixture
from engines.mixtures.start import choose_means, like
from engines.mixtures.survey import Parameters, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class GMMConfig(MixtureConfig):
    covariance_type: str = "full"
    regularisation: float = 1e-6  # added to every variance, in units of the data's mean variance
    tolerance: float = 1e-4  # done when the mean log-likelihood rises by less, in nats per point

    def __post_init__(self) -> None:
        MixtureConfig.__post_init__(self)
        checks.known(self, covariance_type=gaussians.COVARIANCE_TYPES)
        checks.zero_or_more(self, "regularisation", "tolerance")


class GaussianMixture(SoftMixture):
    """EM on ``data`` (N, D), in float64."""

    name: ClassVar[str] = "gmm"
    Config: ClassVar[type] = GMMConfig

    def __init__(self, config: GMMConfig, *, data: Any, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if config.regularisation == 0 and bool((self.data == self.data[0]).all()):
            raise ValueError("all points are the same: add different points, or set a regularisation above 0")
        self.begin(self._start())

    # -- the two half-steps ------------------------------------------------------------------------

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

    def objective(self) -> float:
        return self.log_likelihood

    def settings_held(self) -> dict[str, Any]:
        return {"covariance_type": self.config.covariance_type, "regularisation": self.config.regularisation}

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
        return self.log_likelihood - self.gap()

    def frame(self) -> Frame:
        """Scalars in nats; arrays weights (K,), means (K, D), covariances (K, D, D) (variances (K, D) where
        D > 64), counts (K,), responsibilities (M, K) of the points ``shown``.
        """
        n_points, n_dims = self.data.shape
        weights, means, full = self._mixture()
        arrays = {"weights": weights, "means": means, **self.shares(weights)}
        if n_dims <= 64:
            arrays["covariances"] = full
        else:
            arrays["variances"] = full.diagonal(dim1=1, dim2=2)
        scalars = {
            "log_likelihood": self.log_likelihood,
            "mean_log_likelihood": self.log_likelihood / n_points,
            "lower_bound": self.lower_bound(),
            "bic": self.bic(),
            "aic": self.aic(),
        }
        return self.framed(scalars, arrays)

    # -- the fitted model ----------------------------------------------------------------------------

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
        r"""Ancestral sampling: first k, then x = \mu_k + L_k noise with \Sigma_k = L_k L_k^T: -> (n, D), (n,)."""
        component = torch.multinomial(self.parameters.weights.cpu(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.data.shape[1], dtype=torch.float64, generator=generator)
        k, factors = component.to(self.device), gaussians.cholesky(self.full_covariances())
        x = self.parameters.means[k] + torch.einsum("nij,nj->ni", factors[k], noise.to(self.device))
        return x, component

    # -- saving ----------------------------------------------------------------------------------------

    def _carried(self, state: Mapping[str, Any], prefix: str) -> Parameters:
        """As of every mixture; covariances of another type are converted."""
        kind, wanted = state["covariance_type"], self.config.covariance_type
        if kind != wanted:
            full = gaussians.to_full(state[prefix + "covariances"], kind, *state[prefix + "means"].shape)
            state = {**state, prefix + "covariances": gaussians.from_full(full, wanted, state[prefix + "weights"])}
        return super()._carried(state, prefix)
