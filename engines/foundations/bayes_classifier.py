r"""A Bayes classifier with one Gaussian a class, used both ways: to draw images, and to say what an image shows.

    p(y) = n_y / n                                               shares of the classes, Bishop 2006, eq. 4.73
    p(x|y) = N(x | \mu_y, \Sigma_y)                              \mu_y, \Sigma_y by maximum likelihood, a \Sigma a class
    (Bishop, eqs. 4.75, 4.76 for the means, 4.79, 4.80 for the covariances)
    p(y|x) = p(x|y) p(y) / \sum_k p(x|k) p(k)                    Bayes' rule, eq. 1.82

Drawing: y is given, or drawn from p(y); then x = \mu_y + V_y \Lambda_y^{1/2} \epsilon with \epsilon from N(0, I), where
\Sigma_y = V_y \Lambda_y V_y^T is decomposed once, when the class is fitted.

Pixels that are black in every image of a class have no variance, so \Sigma_y is singular; it is mixed with the unit
matrix, (1 - r) \Sigma_y + r I, as scikit-learn's quadratic discriminant analysis does (its ``reg_param`` r).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engines import devices, learning, material
from engines.engine import Frame

METHODS = ("given", "drawn")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianClasses:
    """One Gaussian a class, float64, its covariance decomposed; made by `fit`."""

    priors: Tensor  # (C,), p(y)
    means: Tensor  # (C, P)
    variances: Tensor  # (C, P), eigenvalues of every covariance, largest first
    directions: Tensor  # (C, P, P), their eigenvectors as columns
    regularisation: float

    @property
    def n_classes(self) -> int:
        return len(self.priors)

    def covariance(self, y: int) -> Tensor:
        r"""\Sigma_y as it is used, (P, P)."""
        return (self.directions[y] * self.variances[y]) @ self.directions[y].T

    def log_density(self, x: Tensor) -> Tensor:
        r"""log p(x|y) in nats for every class: (B, P) -> (B, C). Bishop 2006, eq. 2.43, along the directions."""
        x = x.to(self.means.dtype)
        found = []
        for mean, variance, directions in zip(self.means, self.variances, self.directions, strict=True):
            along = (x - mean) @ directions  # (B, P)
            squared = (along.square() / variance).sum(dim=1)
            found.append(-0.5 * (squared + variance.log().sum() + len(mean) * math.log(2 * math.pi)))
        return torch.stack(found, dim=1)

    def log_posterior(self, x: Tensor) -> Tensor:
        """log p(y|x) in nats: (B, P) -> (B, C)."""
        return torch.log_softmax(self.log_density(x) + self.priors.log(), dim=1)

    def draw(self, y: Tensor, noise: Tensor) -> Tensor:
        r"""x = \mu_y + V_y \Lambda_y^{1/2} \epsilon: classes (B,), noise (B, P) -> (B, P), not clipped to 0..1."""
        out = torch.empty_like(noise)
        for k in y.unique().tolist():
            rows = y == k
            out[rows] = self.means[k] + (noise[rows] * self.variances[k].sqrt()) @ self.directions[k].T
        return out

    def move(self, y: int, amounts: Tensor) -> Tensor:
        r"""The mean moved by so many standard deviations along the leading directions: (..., D) -> (..., P)."""
        d = amounts.shape[-1]
        return self.means[y] + (amounts * self.variances[y, :d].sqrt()) @ self.directions[y, :, :d].T


def fit(x: Any, labels: Any, *, regularisation: float = 0.02) -> GaussianClasses:
    """Mean, covariance (of maximum likelihood, over n) and share of every class.

    x (N, P) in 0..1 or bytes, labels (N,) from 0.

    ValueError: a class with fewer than two rows, a covariance that stays singular, labels that do not fit.
    """
    if not (math.isfinite(regularisation) and 0 <= regularisation <= 1):
        raise ValueError(f"regularisation must be from 0 to 1, got {regularisation}")
    rows = torch.as_tensor(np.array(x) if isinstance(x, np.ndarray) else x).flatten(1)
    known = torch.as_tensor(np.array(labels) if isinstance(labels, np.ndarray) else labels).long()
    if len(rows) != len(known) or len(rows) == 0:
        raise ValueError(f"every row needs a label, got {len(rows)} rows and {len(known)} labels")
    counts = torch.bincount(known)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for y, count in enumerate(counts.tolist()):
        if count < 2:
            raise ValueError(f"class {y} has {count} image{'' if count == 1 else 's'}: a covariance needs at least 2")
        part = rows[known == y]
        part = part.double() / 255 if part.dtype == torch.uint8 else part.double()
        mean = part.mean(dim=0)
        part = part - mean
        covariance = (1 - regularisation) * (part.T @ part) / count
        covariance.diagonal().add_(regularisation)
        variance, directions = torch.linalg.eigh(covariance)
        if float(variance[0]) <= 1e-12 * float(variance[-1]):
            raise ValueError(
                f"the covariance of class {y} is singular ({count} rows of {rows.shape[1]} numbers): raise the "
                f"regularisation above {regularisation:g}"
            )
        parts.append((mean, variance.flip(0), directions.flip(1)))
    means, variances, directions = (torch.stack(list(each)) for each in zip(*parts, strict=True))
    return GaussianClasses(
        priors=counts.double() / counts.sum(),
        means=means,
        variances=variances,
        directions=directions,
        regularisation=regularisation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesClassifierConfig:
    method: str = "drawn"  # y is drawn from p(y), or given
    given: int = 0  # the class where it is given
    regularisation: float = 0.02
    n_steps: int = 400  # half of them draw y, half x
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r} is not known; choose one of {', '.join(METHODS)}")
        if self.given < 0:
            raise ValueError(f"given must be a class from 0, got {self.given}")
        if not (math.isfinite(self.regularisation) and 0 <= self.regularisation <= 1):
            raise ValueError(f"regularisation must be from 0 to 1, got {self.regularisation}")
        if self.n_steps < 1:
            raise ValueError(f"n_steps must be at least 1, got {self.n_steps}")


class BayesClassifier:
    """Draws images, a visible step for y and one for x; ``data``: labelled `material.Images`, or what `fit` gave."""

    name: ClassVar[str] = "bayes_classifier"
    Config: ClassVar[type] = BayesClassifierConfig
    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages

    def __init__(self, config: BayesClassifierConfig, *, data: Any = None, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve("cpu" if device == "auto" else device)  # float64
        if isinstance(data, material.Images) and "label" in data.train:
            data = fit(data.train["image"], data.train["label"], regularisation=config.regularisation)
        if not isinstance(data, GaussianClasses):
            raise ValueError(
                "a Bayes classifier needs labelled images: give material.Images with labels, or fit() them"
            )
        if config.given >= data.n_classes:
            raise ValueError(f"given must be a class from 0 to {data.n_classes - 1}, got {config.given}")
        self.data = data
        self.generator = torch.Generator().manual_seed(config.seed)
        self.visible = 0
        self.y = -1  # not chosen yet
        self.x: Tensor | None = None
        self.drawn = torch.zeros(data.n_classes, dtype=torch.int64)  # how often each class came

    def step(self) -> None:
        """y, or x for the y that was just chosen."""
        if self.done:
            return
        if self.visible % 2 == 0:
            self.y, self.x = self._choose(), None
            self.drawn[self.y] += 1
        else:
            noise = torch.randn(1, self.data.means.shape[1], generator=self.generator, dtype=torch.float64)
            self.x = self.data.draw(torch.tensor([self.y]), noise)[0]
        self.visible += 1

    def _choose(self) -> int:
        if self.config.method == "given":
            return self.config.given
        return int(torch.multinomial(self.data.priors, 1, generator=self.generator))

    @property
    def done(self) -> bool:
        return self.visible >= self.config.n_steps

    def sample(self, n: int, *, generator: torch.Generator, y: int | None = None) -> Tensor:
        """n images of class ``y``, or of classes drawn from p(y): (n, P), not clipped."""
        classes = torch.full((n,), y or 0) if y is not None else torch.multinomial(
            self.data.priors, n, replacement=True, generator=generator)  # fmt: skip
        noise = torch.randn(n, self.data.means.shape[1], generator=generator, dtype=torch.float64)
        return self.data.draw(classes, noise)

    def log_prob(self, x: Any) -> Tensor:
        r"""log p(x) = log \sum_y p(x|y) p(y) in nats: (B, P) -> (B,)."""
        rows = learning.rows_of(x, self.data.means.shape[1], self.device).double()
        return torch.logsumexp(self.data.log_density(rows) + self.data.priors.log(), dim=1)

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """``accuracy`` on labelled images (B, ...)."""
        rows = learning.rows_of(images, self.data.means.shape[1], self.device)
        found = torch.cat([self.data.log_density(part) for part in rows.split(1000)]) + self.data.priors.log()
        known = torch.as_tensor(np.array(labels))
        return {"accuracy": float((found.argmax(dim=1) == known).double().mean())}

    def frame(self) -> Frame:
        """``sample`` (P,) once x is drawn and ``mean`` (P,) of its class; ``counts`` (C,) of the classes so far;
        scalars ``y`` (-1 before the first) and, with x, ``log_density`` log p(x|y) in nats.
        """
        arrays: dict[str, Any] = {"counts": self.drawn.numpy().astype(np.float64)}
        scalars = {"y": float(self.y)}
        if self.y >= 0:
            arrays["mean"] = self.data.means[self.y].numpy()
        if self.x is not None:
            arrays["sample"] = self.x.numpy()
            arrays["posterior"] = self.data.log_posterior(self.x[None])[0].exp().numpy()
            scalars["log_density"] = float(self.data.log_density(self.x[None])[0, self.y])
        phase = "start" if not self.visible else ("y" if self.x is None else "x")
        return Frame(step=self.visible, phase=phase, scalars=scalars, arrays=arrays)

    def state_dict(self) -> dict[str, Any]:
        x = torch.zeros(0, dtype=torch.float64) if self.x is None else self.x.clone()
        return {"visible": self.visible, "y": self.y, "x": x, "drawn": self.drawn.clone(),
                "generator": self.generator.get_state()}  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; another number of classes is a ValueError."""
        if len(state["drawn"]) != self.data.n_classes:
            raise ValueError(f"the state has {len(state['drawn'])} classes, this classifier {self.data.n_classes}")
        self.visible, self.y, self.drawn = int(state["visible"]), int(state["y"]), state["drawn"].clone()
        self.x = state["x"].clone() if len(state["x"]) else None
        self.generator.set_state(state["generator"].cpu())
