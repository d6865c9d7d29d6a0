r"""Bayes' rule, one observation at a time: what is believed of z before and after each x.

    p(z | x) = p(x | z) p(z) / p(x),   p(x) = \int p(x | z) p(z) dz             Bishop 2006, eqs. 1.43 to 1.45

Three models whose posteriors have closed forms:

- coin: z is the chance of heads, p(z) = Beta(a, b), x is heads or tails: Beta(a + heads, b + tails)   section 2.1.1
- mean: z is the mean of a Gaussian of known spread \sigma, p(z) = N(m_0, s_0^2):
  1/s_n^2 = 1/s_0^2 + n/\sigma^2,  m_n = s_n^2 (m_0/s_0^2 + \sum x/\sigma^2)          eqs. 2.141, 2.142
- test: z is ill or healthy, x a test's answer with its sensitivity p(+ | ill) and specificity p(- | healthy)

No departures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from engines import checks
from engines.engine import Engine, Frame

MODELS = ("coin", "mean", "test")
GRID = 401  # places at which curves are drawn
SPAN = 12.0  # of the axis of a mean, on both sides of zero


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesConfig:
    model: str = "coin"
    truth: float = 0.7  # the coin's chance of heads, the mean, or 1 for ill and 0 for healthy
    a: float = 1.0  # Beta prior
    b: float = 1.0
    prior_mean: float = 0.0  # m_0
    prior_sd: float = 3.0  # s_0
    sd: float = 2.0  # sigma, known
    prevalence: float = 0.01  # p(ill)
    sensitivity: float = 0.9
    specificity: float = 0.95
    n_data: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, model=MODELS)
        checks.above_zero(self, "a", "b", "prior_sd", "sd")
        for name in ("prevalence", "sensitivity", "specificity"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        low, high = (-SPAN, SPAN) if self.model == "mean" else (0, 1)
        if not low <= self.truth <= high:
            raise ValueError(f"truth must be from {low:g} to {high:g} for the model {self.model}, got {self.truth}")
        checks.at_least(self, 1, "n_data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """About z: ``first`` and ``second`` are a and b, mean and standard deviation, or p(ill) and p(healthy)."""

    first: float
    second: float


def prior(config: BayesConfig) -> Belief:
    """What is believed before any x."""
    if config.model == "coin":
        return Belief(first=config.a, second=config.b)
    if config.model == "mean":
        return Belief(first=config.prior_mean, second=config.prior_sd)
    return Belief(first=config.prevalence, second=1 - config.prevalence)


def update(config: BayesConfig, belief: Belief, data: ArrayLike) -> Belief:
    """The posterior after ``data`` from ``belief``: all at once, or any part of it after any other."""
    x = np.asarray(data, dtype=np.float64)
    if config.model == "coin":
        return Belief(first=belief.first + x.sum(), second=belief.second + (1 - x).sum())
    if config.model == "mean":
        precision = 1 / belief.second**2 + len(x) / config.sd**2
        mean = (belief.first / belief.second**2 + x.sum() / config.sd**2) / precision
        return Belief(first=float(mean), second=precision**-0.5)
    log_ill, log_well = (math.log(p) + log_likelihood(config, z, x) for p, z in ((belief.first, 1), (belief.second, 0)))
    top = max(log_ill, log_well)
    ill, well = math.exp(log_ill - top), math.exp(log_well - top)
    return Belief(first=ill / (ill + well), second=well / (ill + well))


def log_likelihood(config: BayesConfig, z: Any, data: ArrayLike) -> Any:
    """log p(data | z) in nats; z a number or an array of them."""
    x, z = np.asarray(data, dtype=np.float64), np.asarray(z, dtype=np.float64)
    if config.model == "mean":
        squares = (x.sum() * -2 * z + np.square(x).sum() + len(x) * z**2) / config.sd**2
        return -0.5 * squares - len(x) * math.log(config.sd * math.sqrt(2 * math.pi))
    positive = z  # the chance of a 1
    if config.model == "test":
        positive = z * config.sensitivity + (1 - z) * (1 - config.specificity)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(x.sum() > 0, x.sum() * np.log(positive), 0.0)
        no = np.where((1 - x).sum() > 0, (1 - x).sum() * np.log1p(-positive), 0.0)
    total = yes + no
    return total if total.ndim else float(total)


def density(config: BayesConfig, belief: Belief, z: np.ndarray) -> np.ndarray:
    """p(z) of a belief at z: a density, or of the test the two probabilities."""
    from scipy import stats

    if config.model == "coin":
        return stats.beta.pdf(z, belief.first, belief.second)
    if config.model == "mean":
        return stats.norm.pdf(z, belief.first, belief.second)
    return np.where(z == 1, belief.first, belief.second)


def summary(config: BayesConfig, belief: Belief) -> dict[str, float]:
    """Mean, median and variance of z."""
    from scipy import special

    a, b = belief.first, belief.second
    if config.model == "coin":
        mean, median = a / (a + b), float(special.betaincinv(a, b, 0.5))
        return {"mean": mean, "median": median, "variance": a * b / ((a + b) ** 2 * (a + b + 1))}
    if config.model == "mean":
        return {"mean": a, "median": a, "variance": b**2}
    return {"mean": a, "median": float(a > 0.5), "variance": a * b}


def log_evidence(config: BayesConfig, data: ArrayLike) -> float:
    r"""log p(data) in nats: \log p(data | z) + \log p(z) - \log p(z | data) at any z, here the posterior's mean."""
    start, end = prior(config), update(config, prior(config), data)
    z = np.array([summary(config, end)["mean"] if config.model != "test" else 1.0])
    joint = log_likelihood(config, z, data) + np.log(density(config, start, z))
    return float((joint - np.log(density(config, end, z)))[0])


class Bayes(Engine):
    """Gathers its data one by one; it draws them itself from ``truth``."""

    name: ClassVar[str] = "bayes"
    Config: ClassVar[type] = BayesConfig

    def __init__(self, config: BayesConfig, *, data: Any = None, device: str = "cpu") -> None:  # noqa: ARG002
        self.config, self.device = config, "cpu"
        drawn = self._draw() if data is None else np.asarray(data, dtype=np.float64)
        if drawn.ndim != 1 or len(drawn) == 0 or not np.isfinite(drawn).all():
            raise ValueError(f"data must be a row of finite numbers, got shape {drawn.shape}")
        if config.model != "mean" and not np.isin(drawn, (0, 1)).all():
            raise ValueError("data of a coin or a test must be 0 or 1")
        self.data = drawn
        self.n = 0
        self.belief = prior(config)

    def _draw(self) -> np.ndarray:
        config, rng = self.config, np.random.default_rng(self.config.seed)
        if config.model == "mean":
            return config.truth + config.sd * rng.standard_normal(config.n_data)
        chance = config.truth
        if config.model == "test":
            chance = config.sensitivity if config.truth >= 0.5 else 1 - config.specificity
        return (rng.random(config.n_data) < chance).astype(np.float64)

    def step(self) -> None:
        """One more observation: yesterday's posterior is today's prior."""
        if not self.done:
            self.belief = update(self.config, self.belief, self.data[self.n : self.n + 1])
            self.n += 1

    @property
    def done(self) -> bool:
        return self.n >= len(self.data)

    def frame(self) -> Frame:
        """Scalars of the posterior, of the batch update beside it, and log p(x); arrays z and the three curves (GRID,),
        the likelihood scaled to the posterior's height; ``data`` so far (n,).
        """
        config, seen = self.config, self.data[: self.n]
        z = np.array([1.0, 0.0]) if config.model == "test" else self.grid()
        posterior = density(config, self.belief, z)
        likelihood = np.exp(log_likelihood(config, z, seen) - np.max(log_likelihood(config, z, seen)))
        batch = summary(config, update(config, prior(config), seen))
        scalars = {f"batch_{key}": value for key, value in batch.items()}
        scalars |= {**summary(config, self.belief), "first": self.belief.first, "second": self.belief.second}
        scalars["log_evidence"] = log_evidence(config, seen)
        arrays = {
            "z": z,
            "prior": density(config, prior(config), z),
            "likelihood": likelihood,
            "posterior": posterior,
            "data": seen,
        }
        return Frame(step=self.n, phase="update" if self.n else "start", scalars=scalars, arrays=arrays)

    def grid(self) -> np.ndarray:
        """Places z that the curves are drawn at."""
        if self.config.model == "coin":
            return np.linspace(0.001, 0.999, GRID)  # a Beta may be infinite at the ends
        return np.linspace(-SPAN, SPAN, GRID)

    def state_dict(self) -> dict[str, Any]:
        return {"n": self.n, "first": self.belief.first, "second": self.belief.second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ValueError where there are fewer data."""
        if not 0 <= state["n"] <= len(self.data):
            raise ValueError(f"the state has seen {state['n']} data, this run has {len(self.data)}")
        # From this engine's own prior: a changed prior shows at once in all that was seen.
        self.n = int(state["n"])
        self.belief = prior(self.config)
        for x in self.data[: self.n]:
            self.belief = update(self.config, self.belief, [x])
