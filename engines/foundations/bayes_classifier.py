r"""A Bayes classifier with one Gaussian a class, used both ways: to draw images, and to say what an image shows.

    p(y) = n_y / n                                               shares of the classes, Bishop 2006, eq. 4.73
    p(x|y) = N(x | \mu_y, \Sigma_y)                              \mu_y, \Sigma_y by maximum likelihood, a \Sigma a class
    (Bishop, eqs. 4.75, 4.76 for the means, 4.79, 4.80 for the covariances)
    p(y|x) = p(x|y) p(y) / \sum_k p(x|k) p(k)                    Bayes' rule, eq. 1.82

Drawing: y is given, or drawn from p(y); then x = \mu_y + \Sigma_y^{1/2} \epsilon with \epsilon from N(0, I), by the
symmetric root along the eigenvectors, \Sigma_y = V_y \Lambda_y V_y^T, found once.

Pixels that are black in every image of a class have no variance, so \Sigma_y is singular; it is mixed with the unit
matrix, (1 - r) \Sigma_y + r I, as scikit-learn's quadratic discriminant analysis does (its ``reg_param`` r).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engines import checks, devices, learning, material
from engines.engine import Engine, Frame
from engines.maths import intervals

METHODS = ("given", "drawn")
LEVEL = 0.005  # of the regularisation: directions whose variance is above it by less are kept as one number


class Gaussian(NamedTuple):
    """Of one class, float64: variances along D directions, largest first, and one for all that lies across them."""

    mean: Tensor  # (P,)
    variances: Tensor  # (D,), eigenvalues of the covariance
    directions: Tensor  # (P, D), their eigenvectors as columns
    rest: float  # the eigenvalue of the P - D others

    def log_density(self, x: Tensor) -> Tensor:
        r"""log p(x|y) in nats: (B, P) -> (B,). Bishop 2006, eq. 2.43, along the directions."""
        away = x.to(self.mean.dtype) - self.mean
        along = away @ self.directions  # (B, D)
        squared, log_det = (along.square() / self.variances).sum(dim=1), self.variances.log().sum()
        if n_others := len(self.mean) - len(self.variances):
            squared = squared + (away.square().sum(dim=1) - along.square().sum(dim=1)).clamp_min(0) / self.rest
            log_det = log_det + n_others * math.log(self.rest)
        return -0.5 * (squared + log_det + len(self.mean) * math.log(2 * math.pi))

    def draw(self, noise: Tensor) -> Tensor:
        r"""\mu + \Sigma^{1/2} \epsilon: noise (B, P) -> (B, P)."""
        beyond = self.variances.sqrt() - math.sqrt(self.rest)
        return self.mean + math.sqrt(self.rest) * noise + ((noise @ self.directions) * beyond) @ self.directions.T

    @property
    def total_variance(self) -> float:
        """Of all pixels: the covariance's trace."""
        return float(self.variances.sum()) + (len(self.mean) - len(self.variances)) * self.rest

    def covariance(self) -> Tensor:
        r"""\Sigma_y as it is used, (P, P)."""
        others = self.rest * torch.eye(len(self.mean), dtype=self.mean.dtype)
        return others + (self.directions * (self.variances - self.rest)) @ self.directions.T


class GaussianClasses:
    """One Gaussian a class, and how often each class comes: ``priors`` (C,), p(y)."""

    def __init__(self, priors: Tensor, gaussians: Sequence[Gaussian], *, regularisation: float) -> None:
        self.priors, self.regularisation, self._gaussians = priors, regularisation, tuple(gaussians)

    @property
    def n_classes(self) -> int:
        return len(self._gaussians)

    @property
    def n_pixels(self) -> int:
        return len(self._gaussians[0].mean)

    def of(self, y: int) -> Gaussian:
        """The Gaussian of class y."""
        return self._gaussians[y]

    # -- as a checkpoint holds them --------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """All Gaussians as few numbers: only pixels with ink, and only directions whose variance stands out.

        The others are taken for their mean variance, of which they differ by less than LEVEL r.
        """
        out = {"priors": self.priors, "means": torch.stack([g.mean for g in self._gaussians])}
        rests = []
        for y, g in enumerate(self._gaussians):
            stand_out = g.variances > (1 + LEVEL) * self.regularisation
            others = g.variances[~stand_out]
            n_others = self.n_pixels - int(stand_out.sum())
            n_blank = n_others - len(others)
            rests.append(float((others.sum() + n_blank * g.rest) / n_others) if n_others else 0.0)
            directions = g.directions[:, stand_out]
            inked = (directions != 0).any(dim=1)
            out |= {f"inked.{y}": inked, f"variances.{y}": g.variances[stand_out],
                    f"directions.{y}": directions[inked].float()}  # fmt: skip
        as_tensor = partial(torch.tensor, dtype=torch.float64)
        return {**out, "rests": as_tensor(rests), "regularisation": as_tensor(self.regularisation)}

    @classmethod
    def from_tensors(cls, kept: Mapping[str, Tensor]) -> GaussianClasses:
        """What `tensors` gave; ValueError where they do not fit each other. Nothing is fitted."""
        priors, means, rests = kept["priors"], kept["means"], kept["rests"]
        if priors.dim() != 1 or means.dim() != 2 or not len(means) == len(rests) == len(priors):
            raise ValueError("means, rests and priors must be of the same classes")
        gaussians = []
        for y, mean in enumerate(means):
            inked, variances, packed = (kept[f"{key}.{y}"] for key in ("inked", "variances", "directions"))
            if inked.shape != mean.shape or tuple(packed.shape) != (int(inked.sum()), len(variances)):
                raise ValueError(f"the directions of class {y} do not fit its pixels and variances")
            if not bool((variances > 0).all()) or not float(rests[y]) >= 0:
                raise ValueError(f"class {y} has a variance that is not above zero")
            directions = torch.zeros(len(mean), len(variances), dtype=torch.float64)
            directions[inked] = packed.double()
            gaussians.append(Gaussian(mean, variances, directions, float(rests[y])))
        return cls(priors, gaussians, regularisation=float(kept["regularisation"]))

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x|y) in nats for every class: (B, P) -> (B, C)."""
        return torch.stack([self.of(y).log_density(x) for y in range(self.n_classes)], dim=1)

    def log_posterior(self, x: Tensor) -> Tensor:
        """log p(y|x) in nats: (B, P) -> (B, C)."""
        return torch.log_softmax(self.log_density(x) + self.priors.log(), dim=1)

    def draw(self, y: Tensor, noise: Tensor) -> Tensor:
        r"""x = \mu_y + \Sigma_y^{1/2} \epsilon: classes (B,), noise (B, P) -> (B, P), not clipped to 0..1."""
        out = torch.empty_like(noise)
        for k in y.unique().tolist():
            rows, gaussian = y == k, self.of(k)
            out[rows] = gaussian.draw(noise[rows])
        return out

    def move(self, y: int, amounts: Tensor) -> Tensor:
        r"""The mean moved by so many standard deviations along the leading directions: (..., D) -> (..., P)."""
        d, gaussian = amounts.shape[-1], self.of(y)
        return gaussian.mean + (amounts * gaussian.variances[:d].sqrt()) @ gaussian.directions[:, :d].T


def fit(x: Any, labels: Any, *, regularisation: float = 0.02) -> GaussianClasses:
    """The Gaussians of maximum likelihood (over n) of x (N, P) in 0..1 or bytes, labels (N,) from 0. ValueError: labels
    that do not fit, a class with fewer than two rows, and a covariance that stays singular.
    """
    if not 0 <= regularisation <= 1:
        raise ValueError(f"regularisation must be from 0 to 1, got {regularisation}")
    rows, labels = material.tensor_of(x).flatten(1), material.tensor_of(labels).long()
    if len(rows) != len(labels) or len(rows) == 0:
        raise ValueError(f"every row needs a label, got {len(rows)} rows and {len(labels)} labels")
    counts = torch.bincount(labels)
    for y, count in enumerate(counts.tolist()):
        if count < 2:
            images = f"{count} image{'' if count == 1 else 's'}"
            raise ValueError(f"class {y} has {images}: a covariance needs at least 2")
    gaussians = [fit_class(rows[labels == y], y, regularisation=regularisation) for y in range(len(counts))]
    return GaussianClasses(counts.double() / counts.sum(), gaussians, regularisation=regularisation)


def fit_class(rows: Tensor, y: int, *, regularisation: float = 0.02) -> Gaussian:
    """The Gaussian of one class, whose rows (n, P) are given."""
    inked = (rows != 0).any(dim=0)  # the other pixels vary in no image: their axes are directions, r their variance
    blank, inner, r = int((~inked).sum()), rows[:, inked], regularisation
    inner = inner.double() / 255 if inner.dtype == torch.uint8 else inner.double()
    mean = torch.zeros(len(inked), dtype=torch.float64)
    mean[inked] = inner.mean(dim=0)
    inner = inner - mean[inked]
    covariance = (1 - r) * (inner.T @ inner) / len(rows)
    covariance.diagonal().add_(r)
    variances, inner_directions = torch.linalg.eigh(covariance)  # smallest first
    directions = torch.zeros(len(inked), len(variances), dtype=torch.float64)
    directions[inked] = inner_directions
    every = [*variances.tolist(), *([r] if blank else [])]
    if min(every) <= 1e-12 * max(every):
        raise ValueError(
            f"the covariance of class {y} is singular ({len(rows)} rows of {len(inked)} numbers): raise the "
            f"regularisation above {regularisation:g}"
        )
    return Gaussian(mean, variances.flip(0), directions.flip(1), r if blank else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesClassifierConfig:
    method: str = "drawn"  # y is drawn from p(y), or given
    given: int = 0  # the class where it is given
    regularisation: float = 0.02
    n_steps: int = 400  # half of them draw y, half x
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, method=METHODS)
        checks.zero_or_more(self, "given")
        checks.within(self, regularisation=(0, 1))
        checks.at_least(self, 1, "n_steps")


class BayesClassifier(Engine):
    """Draws images, a visible step for y and one for x; ``data``: labelled `material.Images`, or what `fit` gave.

    What a checkpoint keeps are the Gaussians: restored, it needs no images and fits nothing.
    """

    name: ClassVar[str] = "bayes_classifier"
    Config: ClassVar[type] = BayesClassifierConfig
    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages

    def __init__(self, config: BayesClassifierConfig, *, data: Any = None, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve("cpu" if device == "auto" else device)  # float64
        if isinstance(data, material.Images) and "label" in data.train:
            images, labels = data.train["image"], data.train["label"]
            data = fit(images, labels, regularisation=config.regularisation)
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

    @classmethod
    def stand_in(cls, state: Mapping[str, Any]) -> GaussianClasses:
        """The Gaussians that `tensors_of_data` gave: enough to draw and to answer."""
        kept = {key.removeprefix("data."): value for key, value in state.items() if key.startswith("data.")}
        return GaussianClasses.from_tensors(kept)

    def tensors_of_data(self) -> dict[str, Tensor]:
        return self.data.tensors()

    @property
    def n_parameters(self) -> int:
        """Of every class a mean, a covariance and a share; the shares add up to one."""
        p, c = self.data.n_pixels, self.data.n_classes
        return c * (p + p * (p + 1) // 2) + c - 1

    def step(self) -> None:
        """y, or x for the y that was just chosen."""
        if self.done:
            return
        if self.visible % 2 == 0:
            self.x, self.y = None, self.config.given
            if self.config.method == "drawn":
                self.y = int(torch.multinomial(self.data.priors, 1, generator=self.generator))
            self.drawn[self.y] += 1
        else:
            noise = torch.randn(1, self.data.n_pixels, generator=self.generator, dtype=torch.float64)
            self.x = self.data.draw(torch.tensor([self.y]), noise)[0]
        self.visible += 1

    @property
    def done(self) -> bool:
        return self.visible >= self.config.n_steps

    def sample(self, n: int, *, generator: torch.Generator, y: int | None = None) -> Tensor:
        """n images of class ``y``, or of classes drawn from p(y): (n, P), not clipped."""
        classes = torch.full((n,), y or 0) if y is not None else torch.multinomial(
            self.data.priors, n, replacement=True, generator=generator)  # fmt: skip
        noise = torch.randn(n, self.data.n_pixels, generator=generator, dtype=torch.float64)
        return self.data.draw(classes, noise)

    def log_prob(self, x: Any) -> Tensor:
        r"""log p(x) = log \sum_y p(x|y) p(y) in nats: (B, P) -> (B,)."""
        rows = learning.rows_of(x, self.data.n_pixels, self.device).double()
        return torch.logsumexp(self.data.log_density(rows) + self.data.priors.log(), dim=1)

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """``accuracy`` on labelled images (B, ...), with its interval."""
        rows = learning.rows_of(images, self.data.n_pixels, self.device)
        found = torch.cat([self.data.log_density(part) for part in rows.split(1000)]) + self.data.priors.log()
        right = found.argmax(dim=1) == material.tensor_of(labels)
        return intervals.of_mean("accuracy", right.double().numpy())

    def frame(self) -> Frame:
        """``sample`` (P,) once x is drawn and ``mean`` (P,) of its class; ``counts`` (C,) of the classes so far;
        scalars ``y`` (-1 before the first) and, with x, ``log_density`` log p(x|y) in nats.
        """
        arrays: dict[str, Any] = {"counts": self.drawn.numpy().astype(np.float64)}
        scalars = {"y": float(self.y)}
        if self.y >= 0:
            arrays["mean"] = self.data.of(self.y).mean.numpy()
        if self.x is not None:
            arrays["sample"] = self.x.numpy()
            scalars["log_density"] = float(self.data.of(self.y).log_density(self.x[None]))
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
