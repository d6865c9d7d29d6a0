r"""KL(q || p) between two Gaussians on a line, three ways: closed form, numerical integral, Monte Carlo; in nats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SPAN = 12.0  # standard deviations of q that the integral covers on each side: beyond lies less than 1e-32 of it
INTERVALS = 4000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KL:
    """KL(q || p): its closed form, the integral of q log(q/p), and the mean of log(q/p) over draws from q."""

    closed: float
    integral: float
    estimate: float
    standard_error: float


def log_normal(x: np.ndarray, mean: float, sd: float) -> np.ndarray:
    r"""log N(x | \mu, \sigma^2), elementwise."""
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)


def integrand(x: np.ndarray, mean_q: float, sd_q: float, mean_p: float, sd_p: float) -> np.ndarray:
    """q(x) log(q(x) / p(x)): negative where p is the larger, yet its integral never is."""
    log_q = log_normal(x, mean_q, sd_q)
    return np.exp(log_q) * (log_q - log_normal(x, mean_p, sd_p))


def kl_closed_form(mean_q: float, sd_q: float, mean_p: float, sd_p: float) -> float:
    r"""\log(\sigma_p/\sigma_q) + (\sigma_q^2 + (\mu_q - \mu_p)^2) / (2 \sigma_p^2) - 1/2."""
    return math.log(sd_p / sd_q) + (sd_q**2 + (mean_q - mean_p) ** 2) / (2 * sd_p**2) - 0.5


def kl_three_ways(
    mean_q: float, sd_q: float, mean_p: float, sd_p: float, *, n_samples: int, generator: np.random.Generator
) -> KL:
    """KL(q || p) of N(mean_q, sd_q^2) from N(mean_p, sd_p^2); ValueError unless both spreads are above zero."""
    for name, sd in (("sd_q", sd_q), ("sd_p", sd_p)):
        if not (math.isfinite(sd) and sd > 0):
            raise ValueError(f"{name} must be above 0, got {sd}")
    x = np.linspace(mean_q - SPAN * sd_q, mean_q + SPAN * sd_q, INTERVALS + 1)
    integral = float(np.trapezoid(integrand(x, mean_q, sd_q, mean_p, sd_p), x))
    draws = mean_q + sd_q * generator.standard_normal(n_samples)
    ratios = log_normal(draws, mean_q, sd_q) - log_normal(draws, mean_p, sd_p)
    return KL(
        closed=kl_closed_form(mean_q, sd_q, mean_p, sd_p),
        integral=integral,
        estimate=float(ratios.mean()),
        standard_error=float(ratios.std(ddof=1) / math.sqrt(n_samples)) if n_samples > 1 else math.inf,
    )
