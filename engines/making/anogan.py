r"""AnoGAN: what a generator of normal images cannot make is no normal image. Schlegl et al. 2017 (arXiv:1703.05921).

A DCGAN learns normal images only. For a new image x the code z of the nearest image that it can make is searched by
gradient descent, and what is still missing is the anomaly:

    R(x) = sum |x - G(z)|                       residual loss
    D(x) = sum |f(x) - f(G(z))|                 discrimination loss; f, a layer inside the discriminator
    A(x) = (1 - \lambda) R(x) + \lambda D(x)    minimised over z, and the anomaly score; \lambda = 0.1

Departures: digits or clothes of 28 x 28 pixels instead of patches of retinal scans; normal is one class, ``normal``.
G's code is from N(0, I); each player has two (transposed) convolutions, D no batch normalisation, so that f(x) does
not depend on which other images are looked at. The search is by Adam, from the best of ``n_starts`` drawn codes
instead of one. The sums are means over pixels and over features, so that \lambda weighs two numbers of like size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks, learning, material
from engines.engine import Engine, Frame

SHOWN = 32  # generated images that a frame shows, from the same codes at every step
N_SCORED = 200  # normal test images that `evaluate` scores, as many anomalies, and as many damaged normal ones
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of \lambda, for the sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class AnoGANConfig(learning.LearnerConfig):
    normal: int = 0  # the class that is learned; the nine others are anomalies
    latent_dim: int = 32
    channels: int = 16
    learning_rate: float = 2e-4
    beta1: float = 0.5
    n_steps: int = 4_000

    def __post_init__(self) -> None:
        learning.check(
            self, normal=(0, 9), latent_dim=(1, 512), channels=(1, 256), batch_size=(2, 4096), n_steps=(1, 10**7)
        )


class Generator(nn.Module):
    """(B, Z) -> (B, 1, 28, 28) in -1..1."""

    def __init__(self, latent_dim: int, c: int) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(latent_dim, 4 * c * 49, bias=False), nn.Unflatten(1, (4 * c, 7, 7)))
        self.layers = nn.Sequential(
            nn.BatchNorm2d(4 * c), nn.ReLU(),
            nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1, bias=False),  # (B, 2 C, 14, 14)
            nn.BatchNorm2d(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, 1, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.start(z))


class Discriminator(nn.Module):
    """(B, 1, 28, 28) -> the logit of "real" (B,). `features` is f, the layer below the verdict: (B, 4 C, 7, 7)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.judge = nn.Sequential(nn.Flatten(), nn.Linear(4 * c * 49, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.features(x))[:, 0]


class AnoGAN(learning.Learner):
    """Learns from the images of one class of ``data``; without data it searches and scores only."""

    name: ClassVar[str] = "anogan"
    Config: ClassVar[type] = AnoGANConfig
    shapes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (784,)}
    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages
    VARIANTS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mnist-3": {"normal": 3}, "mnist-0": {"normal": 0}, "fashion-7": {"normal": 7},
    }  # fmt: skip

    def __init__(self, config: AnoGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if self.data is not None and "label" in self.data.train:
            self.data = self.data.only(config.normal)
        self.shown_codes = torch.randn(SHOWN, config.latent_dim, generator=learning.stream(config.seed, 1))
        self.scored = torch.zeros(
            0, 4
        )  # what `evaluate` found: test row (half precision rounds it: ask `looked_at`), label, R and D

    def make(self) -> nn.Module:
        config = self.config
        return nn.ModuleDict({"G": Generator(config.latent_dim, config.channels), "D": Discriminator(config.channels)})

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """A step of D on Goodfellow et al. 2014, eq. 1, then one of G on -log D(G(z))."""
        x, G, D = self.images(batch["image"]), self.learners["G"], self.learners["D"]
        x_fake = G(self.shared(torch.randn(self.n_batch, self.config.latent_dim, generator=self.rng)))
        d_loss = F.softplus(-D(x)).mean() + F.softplus(D(x_fake.detach())).mean()
        self.descend(d_loss, "D")
        with self.held("D") as judge:
            g_loss = F.softplus(-judge(x_fake)).mean()
        self.descend(g_loss, "G")
        return {"d_loss": d_loss, "g_loss": g_loss}

    def images(self, rows: Any) -> Tensor:
        """Bytes or levels in 0..1 (B, ...) as the networks take them: (B, 1, 28, 28) in -1..1."""
        return learning.greys_of(rows, 28, self.device)

    def parts(self, x: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """R and D of images (B, 1, 28, 28) in -1..1 against generated ones: (B,) each, R in levels of 0..1."""
        f = self.network["D"].features
        return (x - made).abs().mean(dim=(1, 2, 3)) / 2, (f(x) - f(made)).abs().mean(dim=(1, 2, 3))

    def find(self, images: Any, **settings: Any) -> Search:
        """The whole search for images (B, ...), bytes or levels in 0..1."""
        search = Search(SearchConfig(**settings), data=Query(gan=self, x=self.images(images)), device=str(self.device))
        while not search.done:
            search.step()
        return search

    def looked_at(self, labels: Any, draw: np.random.Generator | None = None) -> np.ndarray:
        """The rows of a test set with these classes (N,) that `evaluate` scores: normal ones first, then others."""
        draw = draw or np.random.default_rng(self.config.seed)
        is_normal = np.asarray(labels) == self.config.normal
        kinds = np.flatnonzero(is_normal), np.flatnonzero(~is_normal)
        return np.concatenate([draw.choice(kind, min(N_SCORED, len(kind)), replace=False) for kind in kinds])

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        r"""Areas under the ROC curve of A(x) on test images (N, ...) with their classes (N,): normal against the other
        classes (with a 95 % bootstrap interval; by \lambda), normal against damaged; and how well |x - G(z)| finds the
        damaged pixels. 0.5 is chance, 1 the best. ``scored`` keeps R and D of every image looked at.
        """
        draw = np.random.default_rng(self.config.seed)
        images, labels = np.asarray(images).reshape(len(images), 28, 28), np.asarray(labels)
        rows = self.looked_at(labels, draw)
        is_normal = labels[rows] == self.config.normal
        damaged, masks = damage(images[rows[is_normal]], draw)
        found = self.find(np.concatenate([images[rows], damaged]), seed=self.config.seed)
        parts = torch.stack([found.residual, found.discrimination], dim=1).cpu().numpy()  # (N, 2)
        parts, of_damaged = parts[: len(rows)], parts[len(rows) :]
        self.scored = torch.tensor(np.column_stack([rows, labels[rows], parts]), dtype=torch.float32)

        area = {weight: auc(score(parts, weight), ~is_normal) for weight in WEIGHTS}
        low, high = auc_interval(score(parts, 0.1), ~is_normal, draw)
        both = score(np.concatenate([parts[is_normal], of_damaged]), 0.1)
        missing = (found.x - found.made).abs()[len(rows) :, 0].cpu().numpy()
        return {
            "auc": area[0.1],
            "auc_low": low,
            "auc_high": high,
            **{f"auc_at_{weight:g}": value for weight, value in area.items()},
            "auc_damaged": auc(both, np.arange(len(both)) >= is_normal.sum()),
            "auc_pixels": float(np.mean([auc(a.ravel(), m.ravel()) for a, m in zip(missing, masks, strict=True)])),
        }

    @torch.no_grad()
    def frame(self) -> Frame:
        """``made`` (32, 28, 28) bytes, from the same codes at every step."""
        made = self.network["G"](self.shown_codes.to(self.device))[:, 0]
        return self.framed({}, made=learning.to_bytes((made + 1) / 2))

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "scored": self.scored.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.scored = state["scored"].clone()


# -- the search ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    weight: float = 0.1  # \lambda
    learning_rate: float = 0.05
    n_starts: int = 16
    n_steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        checks.within(self, weight=(0, 1), learning_rate=(1e-6, 10), n_starts=(1, 1024), n_steps=(1, 10_000))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What a search is about: a trained AnoGAN, and images (B, 1, 28, 28) in -1..1."""

    gan: AnoGAN
    x: Tensor


class Search(Engine):
    r"""For every image the code whose image is nearest by A; a visible step is one step of Adam on all codes.

    Each image has gradient and moments of its own: no image's search depends on the others'.
    """

    name: ClassVar[str] = "anogan_search"
    Config: ClassVar[type] = SearchConfig

    def __init__(self, config: SearchConfig, *, data: Query, device: str = "auto") -> None:  # noqa: ARG002
        self.config, self.data, self.device = config, data, data.gan.device
        self.gan, self.x = data.gan, data.x
        self.iteration = 0
        with torch.no_grad():
            drawn = torch.randn(config.n_starts, self.gan.config.latent_dim, generator=learning.stream(config.seed, 2))
            drawn = drawn.to(self.device)
            made = self.gan.network["G"](drawn)
            away = [self.loss(*self.gan.parts(self.x, one.expand_as(self.x))) for one in made[:, None]]
            self.z = drawn[torch.stack(away).argmin(dim=0)].clone()  # (B, Z): the nearest of the drawn ones
            self.moments = [torch.zeros_like(self.z), torch.zeros_like(self.z)]
        self._look()

    def loss(self, residual: Tensor, discrimination: Tensor) -> Tensor:
        return (1 - self.config.weight) * residual + self.config.weight * discrimination

    def _look(self) -> None:
        with torch.no_grad():
            self.made = self.gan.network["G"](self.z)
            self.residual, self.discrimination = self.gan.parts(self.x, self.made)

    def step(self) -> None:
        """z <- z - (a step of Adam along dA/dz), Kingma & Ba 2014, algorithm 1."""
        z = self.z.clone().requires_grad_()
        away = self.loss(*self.gan.parts(self.x, self.gan.network["G"](z)))
        (gradient,) = torch.autograd.grad(away.sum(), z)
        self.iteration += 1
        first, second = self.moments
        first.lerp_(gradient, 0.1)
        second.lerp_(gradient.square(), 0.001)
        m, v = first / (1 - 0.9**self.iteration), second / (1 - 0.999**self.iteration)
        self.z = self.z - self.config.learning_rate * m / (v.sqrt() + 1e-8)
        self._look()
        if not torch.isfinite(self.z).all():
            raise FloatingPointError(f"a code is not finite after step {self.iteration}: lower the learning rate")

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    def frame(self) -> Frame:
        """``x``, ``made`` and ``missing`` = |x - G(z)| (B, 28, 28) bytes; of the first image R, D and A."""
        x, made = (self.x[:, 0] + 1) / 2, (self.made[:, 0] + 1) / 2
        arrays = {"x": x, "made": made, "missing": (x - made).abs()}
        scalars = {
            "residual": float(self.residual[0]),
            "discrimination": float(self.discrimination[0]),
            "score": float(self.loss(self.residual, self.discrimination)[0]),
            "length": float(self.z[0].norm()),
        }
        shown = {key: learning.to_bytes(value).cpu().numpy() for key, value in arrays.items()}
        return Frame(step=self.iteration, scalars=scalars, arrays=shown)

    def state_dict(self) -> dict[str, Any]:
        first, second = self.moments
        return {"iteration": self.iteration, "z": self.z.clone(), "first": first.clone(), "second": second.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["z"].shape != self.z.shape:
            raise ValueError(f"z has shape {tuple(state['z'].shape)}, this search has {tuple(self.z.shape)}")
        self.iteration = int(state["iteration"])
        self.z = state["z"].to(self.device).clone()
        self.moments = [state[key].to(self.device).clone() for key in ("first", "second")]
        self._look()


# -- measures --------------------------------------------------------------------------------------------------


def score(parts: np.ndarray, weight: float) -> np.ndarray:
    r"""A = (1 - \lambda) R + \lambda D from both (N, 2): (N,)."""
    return (1 - weight) * parts[:, 0] + weight * parts[:, 1]


def damage(images: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bytes (N, 28, 28) with a bar drawn or erased in each, and where: masks (N, 28, 28).

    Half of the bars are white; the others, black, lie on the brightest row or column, so that they cover something.
    """
    damaged, masks = images.copy(), np.zeros(images.shape, dtype=bool)
    for i, image in enumerate(images):
        white, upright = draw.random(2) < 0.5
        length, thick = draw.integers(8, 15), draw.integers(2, 4)
        weight = image.sum(axis=0 if upright else 1)
        across = draw.integers(4, 22) if white else min(int(weight.argmax()), 28 - int(thick))
        along = draw.integers(3, 25 - length + 1)
        place = (slice(along, along + length), slice(across, across + thick))
        masks[i][place if upright else place[::-1]] = True
        damaged[i][masks[i]] = 255 if white else 0
    return damaged, masks


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive scores above a negative, ties half: the area under the ROC curve (Fawcett 2006)."""
    from scipy.stats import rankdata

    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        raise ValueError(f"both kinds are needed, got {n} positive and {m} negative ones")
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(scores: np.ndarray, positive: np.ndarray, draw: np.random.Generator) -> tuple[float, float]:
    """The middle 95 % of 500 bootstrap draws of both kinds."""
    kinds = np.flatnonzero(positive), np.flatnonzero(~positive)
    areas = []
    for _ in range(500):
        rows = np.concatenate([draw.choice(kind, len(kind)) for kind in kinds])
        areas.append(auc(scores[rows], positive[rows]))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
