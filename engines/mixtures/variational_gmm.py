r"""A Gaussian mixture whose parameters have posteriors: mean-field variational inference, in two visible half-steps.

    q(Z, \pi, \mu, \Lambda) = q(Z) q(\pi) \prod_k q(\mu_k, \Lambda_k)                   Bishop 2006, eqs. 10.42, 10.55
    q(\mu_k, \Lambda_k) = N(\mu_k | m_k, (\beta_k \Lambda_k)^{-1}) W(\Lambda_k | W_k, \nu_k)             eq. 10.59
    E:  log \rho_nk = E[log \pi_k] + E[log|\Lambda_k|]/2 - D/2 log 2\pi
                      - (D/\beta_k + \nu_k (x_n - m_k)^T W_k (x_n - m_k))/2              eqs. 10.46, 10.64 to 10.67
    M:  \beta_k = \beta_0 + N_k,  m_k = (\beta_0 m_0 + N_k \bar x_k)/\beta_k,  \nu_k = \nu_0 + N_k,
        W_k^{-1} = W_0^{-1} + N_k S_k + \beta_0 N_k/\beta_k (\bar x_k - m_0)(\bar x_k - m_0)^T   eqs. 10.60 to 10.63

The weights have a Dirichlet prior (\alpha_k = \alpha_0 + N_k, eq. 10.58) or a Dirichlet process, truncated at K
sticks (Blei & Jordan 2006): v_k ~ Beta(1 + N_k, \alpha_0 + \sum_{j>k} N_j), \pi_k = v_k \prod_{j<k} (1 - v_j).

Departures: W_k is kept as the covariance W_k^{-1}/\nu_k, as scikit-learn does. With diagonal covariances each
dimension has a Gamma posterior of its own, for which every step raises the bound; scikit-learn keeps the Wishart's
digamma terms there, which ``wishart_diagonal`` reproduces (its bound may then fall).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engines import checks
from engines.engine import Frame
from engines.maths import gaussians
from engines.mixtures.mixture import MixtureConfig, SoftMixture
from engines.mixtures.start import choose_means, like
from engines.mixtures.survey import Survey

COVARIANCE_TYPES = ("full", "diag")
WEIGHT_PRIORS = ("dirichlet", "process")
ALIVE = 0.01  # a component with more weight than this counts as kept


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationalGMMConfig(MixtureConfig):
    n_components: int = 10  # K, more than are needed
    covariance_type: str = "full"
    weight_prior: str = "dirichlet"
    concentration: float = 0.01  # alpha_0: below 1 few components are favoured
    mean_precision: float = 1.0  # beta_0: how many points the prior mean counts as
    degrees_of_freedom: float | None = None  # nu_0; D where none is given
    wishart_diagonal: bool = False
    tolerance: float = 1e-5  # done when the bound rises by less, in nats per point
    max_iterations: int = 300

    def __post_init__(self) -> None:
        MixtureConfig.__post_init__(self)
        checks.known(self, covariance_type=COVARIANCE_TYPES, weight_prior=WEIGHT_PRIORS)
        checks.above_zero(self, "concentration", "mean_precision")
        checks.zero_or_more(self, "tolerance")


@dataclass(frozen=True, slots=True)
class Posterior:
    """Of all parameters. ``concentration`` is (K,) of a Dirichlet, or (2, K) of the sticks' Betas."""

    concentration: Tensor
    mean_precision: Tensor  # beta_k (K,)
    means: Tensor  # m_k (K, D)
    degrees_of_freedom: Tensor  # nu_k (K,)
    covariances: Tensor  # W_k^{-1} / nu_k: (K, D, D) or (K, D)


class VariationalGaussianMixture(SoftMixture):
    """Coordinate ascent on the ELBO of ``data`` (N, D), in float64."""

    name: ClassVar[str] = "variational_gmm"
    Config: ClassVar[type] = VariationalGMMConfig

    def __init__(self, config: VariationalGMMConfig, *, data: Any, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if len(self.data) < 2 or bool((self.data == self.data[0]).all()):
            raise ValueError("all points are the same, which leaves the prior without a width: add different points")
        self.prior = self._prior()
        self.begin(self._start())

    def _prior(self) -> Posterior:
        """The data's mean and covariance (with N - 1 below), as wide as the whole cloud for every component."""
        config, (_, n_dims) = self.config, self.data.shape
        k, like = config.n_components, {"dtype": self.data.dtype, "device": self.device}
        dof = float(n_dims) if config.degrees_of_freedom is None else config.degrees_of_freedom
        if not dof > n_dims - 1:
            raise ValueError(f"degrees_of_freedom must be above {n_dims - 1} for {n_dims} dimensions, got {dof}")
        full = torch.cov(self.data.T).reshape(n_dims, n_dims)  # W_0^{-1}
        scale = full.diagonal() if config.covariance_type == "diag" else full
        concentration = torch.full((k,), config.concentration, **like)
        if config.weight_prior == "process":
            concentration = torch.stack([torch.ones_like(concentration), concentration])
        return Posterior(
            concentration,
            torch.full((k,), config.mean_precision, **like),
            self.data.mean(dim=0).expand(k, n_dims),
            torch.full((k,), dof, **like),
            (scale / dof).expand(k, *scale.shape),
        )

    def _start(self) -> Posterior:
        """Each point to the nearest of the chosen means, then an M step."""
        config = self.config
        means = choose_means(self.data, config.init, config.n_components, config.means, self.generator)
        nearest = torch.cdist(self.data, means).argmin(dim=1)
        shares = torch.nn.functional.one_hot(nearest, config.n_components).T.to(self.data.dtype).contiguous()
        return self._maximise(self._features.weighed(shares))

    # -- the two half-steps ------------------------------------------------------------------------

    def objective(self) -> float:
        return self.lower_bound()

    def settings_held(self) -> dict[str, Any]:
        config = self.config
        return {"prior.concentration": config.concentration, "prior.mean_precision": config.mean_precision}

    def _survey(self, posterior: Posterior) -> Survey:
        r"""Responsibilities and \sum_n log \sum_k \rho_nk: a mixture of N(x | m_k, W_k^{-1}/\nu_k) whose log-weights
        carry what the expectations add (eq. 10.46).
        """
        n_dims = self.data.shape[1]
        log_det = _log_det(posterior.covariances)  # of W^{-1} / nu
        extra = self._log_det_precision(posterior) + log_det - n_dims / posterior.mean_precision
        log_weights = self._log_weights(posterior) + 0.5 * extra
        return self._features.survey(log_weights, posterior.means, posterior.covariances, self.config.covariance_type)

    def _maximise(self, survey: Survey) -> Posterior:
        """Eqs. 10.58 to 10.63."""
        config, prior, counts = self.config, self.prior, survey.counts
        held = counts > 1e-12
        safe = torch.where(held, counts, 1.0)
        centres = torch.where(held[:, None], survey.sums / safe[:, None], prior.means)  # \bar x_k
        spread = self._features.covariances(survey, centres, safe, config.covariance_type, 0.0)  # S_k
        spread = torch.where(_wide(held, spread), spread, 0.0)
        mean_precision = prior.mean_precision + counts
        means = (prior.mean_precision[:, None] * prior.means + counts[:, None] * centres) / mean_precision[:, None]
        dof = prior.degrees_of_freedom + counts
        offset = centres - prior.means
        outer = offset.square() if config.covariance_type == "diag" else offset[:, :, None] * offset[:, None, :]
        pull = prior.mean_precision * counts / mean_precision
        scale = (
            _wide(prior.degrees_of_freedom, spread) * prior.covariances
            + _wide(counts, spread) * spread
            + _wide(pull, spread) * outer
        )
        return Posterior(self._concentration(counts), mean_precision, means, dof, scale / _wide(dof, spread))

    def _concentration(self, counts: Tensor) -> Tensor:
        if self.config.weight_prior == "dirichlet":
            return self.prior.concentration + counts
        later = counts.flip(0).cumsum(0).flip(0) - counts  # points on later sticks
        return torch.stack([1 + counts, self.config.concentration + later])

    # -- expectations ---------------------------------------------------------------------------------

    def _log_weights(self, posterior: Posterior) -> Tensor:
        r"""E[log \pi_k] (K,): eq. 10.66, or of the sticks."""
        if self.config.weight_prior == "dirichlet":
            return torch.digamma(posterior.concentration) - torch.digamma(posterior.concentration.sum())
        a, b = posterior.concentration
        total = torch.digamma(a + b)
        left = torch.digamma(b) - total  # E[log(1 - v_k)]
        return torch.digamma(a) - total + torch.cat([torch.zeros_like(left[:1]), left.cumsum(0)[:-1]])

    def _log_det_precision(self, posterior: Posterior) -> Tensor:
        r"""E[log|\Lambda_k|] (K,): eq. 10.65; of independent Gammas where the covariances are diagonal."""
        n_dims, dof = self.data.shape[1], posterior.degrees_of_freedom
        below = torch.arange(n_dims, dtype=dof.dtype, device=dof.device)
        if self.config.covariance_type == "diag" and not self.config.wishart_diagonal:
            below = torch.zeros_like(below)
        digammas = torch.digamma(0.5 * (dof[:, None] - below)).sum(dim=1)
        return digammas - n_dims * (0.5 * dof).log() - _log_det(posterior.covariances)

    def weights(self) -> Tensor:
        r"""E[\pi_k] (K,), of the sticks normalised to sum to one as the truncation leaves a remainder."""
        if self.config.weight_prior == "dirichlet":
            return self.parameters.concentration / self.parameters.concentration.sum()
        a, b = self.parameters.concentration
        left = torch.cat([torch.ones_like(a[:1]), (b / (a + b)).cumprod(0)[:-1]])
        sticks = a / (a + b) * left
        return sticks / sticks.sum()

    # -- the bound --------------------------------------------------------------------------------------

    def lower_bound(self) -> float:
        r"""The complete ELBO in nats (eq. 10.70, constants included): \sum_n log \sum_k \rho_nk less the divergences of
        the posteriors from their priors, less the gap that the next E step closes.
        """
        return self._ready.log_likelihood - float(self.divergence()) - self.gap()

    def divergence(self) -> Tensor:
        r"""KL(q(\pi) || p(\pi)) + \sum_k KL(q(\mu_k, \Lambda_k) || p(\mu_k, \Lambda_k)) in nats: ()."""
        return self._weight_divergence() + self.component_divergences().sum()

    def _weight_divergence(self) -> Tensor:
        q, p = self.parameters.concentration, self.prior.concentration
        if self.config.weight_prior == "process":
            q, p = q.T, p.T  # (K, 2): a Beta is a Dirichlet of two
        total_q, total_p = q.sum(dim=-1), p.sum(dim=-1)
        inner = (q - p) * (torch.digamma(q) - torch.digamma(total_q)[..., None])
        each = torch.lgamma(p) - torch.lgamma(q) + inner
        return (torch.lgamma(total_q) - torch.lgamma(total_p) + each.sum(dim=-1)).sum()

    def component_divergences(self) -> Tensor:
        r"""KL of each Gauss-Wishart (of the Gauss-Gammas of all dimensions) from its prior: (K,)."""
        q, p, n_dims = self.parameters, self.prior, self.data.shape[1]
        offset = q.means - p.means  # (K, D)
        ratio = p.mean_precision / q.mean_precision
        dof_q, dof_p = q.degrees_of_freedom, p.degrees_of_freedom
        if self.config.covariance_type == "diag":
            distance = (offset.square() / q.covariances).sum(dim=1)
            shape_q, shape_p = 0.5 * dof_q[:, None], 0.5 * dof_p[:, None]
            rate_q, rate_p = shape_q * q.covariances, shape_p * p.covariances
            gamma = (
                (shape_q - shape_p) * torch.digamma(shape_q)
                - torch.lgamma(shape_q)
                + torch.lgamma(shape_p)
                + shape_p * (rate_q.log() - rate_p.log())
                + shape_q * (rate_p - rate_q) / rate_q
            ).sum(dim=1)  # Penny 2001, "KL-divergences of Normal, Gamma, Dirichlet and Wishart densities"
        else:
            factor = gaussians.cholesky(q.covariances)
            white = torch.linalg.solve_triangular(factor, offset[:, :, None], upper=False)[:, :, 0]
            distance = white.square().sum(dim=1)
            trace = torch.cholesky_solve(p.covariances, factor).diagonal(dim1=1, dim2=2).sum(dim=1)
            gamma = (
                _log_wishart_norm(dof_q, q.covariances)
                - _log_wishart_norm(dof_p, p.covariances)
                + 0.5 * (dof_q - dof_p) * self._log_det_precision(q)
                - 0.5 * n_dims * dof_q
                + 0.5 * dof_p * trace
            )
        mean = 0.5 * (n_dims * (ratio - 1 - ratio.log()) + p.mean_precision * distance)
        return mean + gamma

    # -- what a viewer sees ------------------------------------------------------------------------------

    def frame(self) -> Frame:
        """Scalars in nats; arrays weights (K,), means (K, D), covariances (K, D, D), counts (K,) and
        responsibilities (M, K) of the points ``shown``; ``concentration`` and the other posterior parameters.
        """
        q, weights, bound = self.parameters, self.weights(), self.lower_bound()
        arrays = {
            "weights": weights,
            "means": q.means,
            "covariances": self.full_covariances(),
            **self.shares(weights),
            "concentration": q.concentration,
            "mean_precision": q.mean_precision,
            "degrees_of_freedom": q.degrees_of_freedom,
        }
        scalars = {
            "lower_bound": bound,
            "mean_lower_bound": bound / len(self.data),
            "divergence": float(self.divergence()),
            "alive": float((weights > ALIVE).sum()),
        }
        return self.framed(scalars, arrays)

    # -- the fitted model ----------------------------------------------------------------------------------

    def log_prob(self, x: Any) -> Tensor:
        r"""log p(x | data) in nats, a mixture of Student's t (Bishop 2006, eqs. 10.81, 10.82): (B, D) -> (B,)."""
        each = log_student(like(self.data, x), self.parameters.means, *self._student())
        return (self.weights().log() + each).logsumexp(dim=1)

    def plug_in_log_prob(self, x: Any) -> Tensor:
        """log p(x) of the mixture at the posterior's means, which forgets how unsure they are: (B, D) -> (B,)."""
        return gaussians.mixture_log_prob(
            like(self.data, x), self.weights(), self.parameters.means, self.full_covariances()
        )

    def _student(self) -> tuple[Tensor, Tensor]:
        q = self.parameters
        return student_scales(q.mean_precision, q.degrees_of_freedom, q.covariances)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """n points of the predictive density: -> (n, D)."""
        component = torch.multinomial(self.weights().cpu(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.data.shape[1], dtype=torch.float64, generator=generator)
        dof, scale = (value.cpu() for value in self._student())
        diagonal = self.config.covariance_type == "diag"
        # A t is a normal over the root of a chi-square by its degrees of freedom, one for all of a full matrix's rows.
        shape = (0.5 * dof[component])[:, None].expand(n, self.data.shape[1] if diagonal else 1)
        chi_square = 2 * torch._standard_gamma(shape.contiguous(), generator=generator)
        noise = noise * (dof[component][:, None] / chi_square).sqrt()
        if diagonal:
            noise = scale[component].sqrt() * noise
        else:
            noise = torch.einsum("nij,nj->ni", gaussians.cholesky(scale)[component], noise)
        return self.parameters.means[component.to(self.device)] + noise.to(self.device)


def student_scales(mean_precision: Tensor, dof: Tensor, covariances: Tensor) -> tuple[Tensor, Tensor]:
    r"""Degrees of freedom (K,) and scale matrices (K, D, D) of each component's predictive t (Bishop 2006, eq. 10.82);
    of variances (K, D) the squared scales of one t for every dimension, its Gamma's own.
    """
    wider = (1 + mean_precision) / mean_precision
    if covariances.dim() == 2:
        return dof, wider[:, None] * covariances
    reduced = dof + 1 - covariances.shape[1]
    return reduced, (wider * dof / reduced)[:, None, None] * covariances


def log_student(x: Tensor, means: Tensor, dof: Tensor, scales: Tensor) -> Tensor:
    """log of every component's t in nats: (B, D), (K, D), (K,), (K, D, D) or (K, D) -> (B, K)."""
    n_dims, columns = x.shape[1], []
    for k, mean in enumerate(means):
        if scales.dim() == 2:
            t = torch.distributions.StudentT(dof[k], mean, scales[k].sqrt())
            columns.append(t.log_prob(x).sum(dim=1))
            continue
        factor = gaussians.cholesky(scales[k : k + 1])[0]
        white = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)  # (D, B)
        norm = torch.lgamma(0.5 * (dof[k] + n_dims)) - torch.lgamma(0.5 * dof[k]) - factor.diagonal().log().sum()
        norm = norm - 0.5 * n_dims * (dof[k] * math.pi).log()
        columns.append(norm - 0.5 * (dof[k] + n_dims) * torch.log1p(white.square().sum(dim=0) / dof[k]))
    return torch.stack(columns, dim=1)


def _wide(each: Tensor, like: Tensor) -> Tensor:
    """One number a component (K,), shaped to multiply covariances (K, D) or (K, D, D)."""
    return each.view(-1, *[1] * (like.dim() - 1))


def _log_det(covariances: Tensor) -> Tensor:
    """log|C_k| of covariances (K, D, D) or variances (K, D): (K,)."""
    if covariances.dim() == 2:
        return covariances.log().sum(dim=1)
    return 2 * gaussians.cholesky(covariances).diagonal(dim1=1, dim2=2).log().sum(dim=1)


def _log_wishart_norm(dof: Tensor, covariances: Tensor) -> Tensor:
    r"""log B(W, \nu) for W = (\nu C)^{-1}, Bishop 2006, eq. B.79: (K,), (K, D, D) -> (K,)."""
    n_dims = covariances.shape[1]
    below = torch.arange(n_dims, dtype=dof.dtype, device=dof.device)
    log_det_w = -_log_det(covariances) - n_dims * dof.log()
    gammas = torch.lgamma(0.5 * (dof[:, None] - below)).sum(dim=1)
    rest = 0.5 * dof * n_dims * math.log(2) + 0.25 * n_dims * (n_dims - 1) * math.log(math.pi)
    return -0.5 * dof * log_det_w - rest - gammas
