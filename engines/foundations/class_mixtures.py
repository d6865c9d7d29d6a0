r"""A mixture of Gaussians for each class: styles of one digit, as the classes are styles of all digits.

    p(x|y) = \sum_k \pi_yk N(z | m_yk, C_yk),   z the first D principal components of class y's own images

One visible step fits one class to its end, by EM (`gmm`) or variationally (`variational_gmm`), both of mixtures/; what
is kept is small, so that a checkpoint holds all classes. x = z V_y^T + mean leads back to pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engines import checks, devices, engine, learning, material
from engines.engine import Engine, Frame
from engines.maths import gaussians, intervals
from engines.maths.pca import fit_pca, project
from engines.mixtures.variational_gmm import ALIVE

KINDS = ("gmm", "variational_gmm")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMixturesConfig:
    kind: str = "gmm"
    n_components: int = 10  # K, styles a class
    n_dimensions: int = 20  # D, principal components
    n_images: int = 1000  # the first ones of a class
    n_classes: int = 10
    n_pixels: int = 784
    max_iterations: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, kind=KINDS)
        many = (1, 1_000_000)
        checks.within(self, n_components=many, n_dimensions=many, n_images=many)
        checks.within(self, n_classes=many, n_pixels=many, max_iterations=many)
        if self.n_dimensions > min(self.n_images, self.n_pixels):
            raise ValueError(f"n_dimensions must be at most {min(self.n_images, self.n_pixels)}")


class ClassMixtures(Engine):
    """``data``: labelled `material.Images`; without any what is restored draws and scores."""

    name: ClassVar[str] = "class_mixtures"
    Config: ClassVar[type] = ClassMixturesConfig
    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages
    VARIANTS: ClassVar[dict[str, dict[str, Any]]] = {
        "variational": {"kind": "variational_gmm"},
        "fashion-variational": {"kind": "variational_gmm"},
    }

    def __init__(self, config: ClassMixturesConfig, *, data: Any = None, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve("cpu" if device == "auto" else device)  # float64
        if data is not None and not (isinstance(data, material.Images) and "label" in data.train):
            raise ValueError("a mixture for each class needs labelled images: give material.Images with labels")
        self.data = data
        self.fitted = 0  # classes
        # Halved in a checkpoint, but for the shares; of covariances the factors, which rounding leaves positive.
        self.kept = {key: torch.zeros(shape) for key, shape in self.shapes_of(config).items()}
        self.kept["weights"] = self.kept["weights"].double()

    @classmethod
    def shapes_of(cls, config: ClassMixturesConfig) -> dict[str, tuple[int, ...]]:
        c, k, d, p = config.n_classes, config.n_components, config.n_dimensions, config.n_pixels
        return {
            "weights": (c, k),
            "means": (c, k, d),
            "factors": (c, k, d, d),
            "pixel_means": (c, p),
            "directions": (c, d, p),
        }

    @property
    def done(self) -> bool:
        return self.fitted >= self.config.n_classes

    def step(self) -> None:
        """The next class, to the end of its mixture."""
        if self.done:
            return
        if self.data is None:
            raise ValueError("these mixtures were restored without images: give some to fit more classes")
        y, config = self.fitted, self.config
        rows = self.data.train["label"] == y
        images = self.data.train["image"][rows][: config.n_images].double().numpy() / 255
        if len(images) <= max(config.n_components, config.n_dimensions):
            raise ValueError(f"class {y} has {len(images)} images, too few: ask for fewer components or dimensions")
        pca = fit_pca(images, config.n_dimensions)
        mixture = engine.create(
            config.kind,
            data=project(pca, images),
            n_components=config.n_components,
            max_iterations=config.max_iterations,
            seed=config.seed,
            device=str(self.device),
        )
        while not mixture.done:
            mixture.step()
        found = mixture.frame().arrays
        self.kept["weights"][y], self.kept["means"][y] = torch.tensor(found["weights"]), torch.tensor(found["means"])
        self.kept["factors"][y] = gaussians.cholesky(torch.tensor(found["covariances"]))
        self.kept["pixel_means"][y], self.kept["directions"][y] = torch.tensor(pca.mean), torch.tensor(pca.components)
        self.fitted += 1

    # -- the fitted model ------------------------------------------------------------------------------

    def mixture(self, y: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (K,), means (K, D) and lower factors of the covariances (K, D, D) of class y, float64."""
        return self.kept["weights"][y], self.kept["means"][y].double(), self.kept["factors"][y].double()

    def pixels(self, y: int, codes: Tensor) -> Tensor:
        """Codes (..., D) of class y as images (..., P), not clipped to 0..1."""
        return self.kept["pixel_means"][y].double() + codes.double() @ self.kept["directions"][y].double()

    def draw(self, y: int, n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A style, then an image of it, n times: the styles' means and the images, (n, P) each."""
        weights, means, factors = self.mixture(y)
        style = torch.multinomial(weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, means.shape[1], generator=generator, dtype=torch.float64)
        codes = means[style] + torch.einsum("nij,nj->ni", factors[style], noise)
        return self.pixels(y, means[style]), self.pixels(y, codes)

    def log_density(self, y: int, images: Tensor) -> Tensor:
        """log p(z|y) in nats of images' codes, images (B, P) in 0..1 -> (B,)."""
        weights, means, factors = self.mixture(y)
        codes = (images.double() - self.kept["pixel_means"][y].double()) @ self.kept["directions"][y].double().T
        return gaussians.mixture_log_prob(codes, weights, means, factors @ factors.mT)

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """With intervals: ``log_density`` in nats of test images' codes (D numbers) under their own class, and
        ``styles``, how many a class keeps on average.
        """
        rows, labels = learning.rows_of(images, self.config.n_pixels, self.device), np.array(labels)
        found = torch.cat([self.log_density(y, rows[labels == y]) for y in range(self.config.n_classes)])
        kept = (self.kept["weights"] > ALIVE).double().sum(dim=1).numpy()
        return intervals.of_mean("log_density", found.numpy()) | intervals.named("styles", kept)

    def frame(self) -> Frame:
        """``weights`` (C, K) and the means as images ``styles`` (K, P) of the class fitted last."""
        y = max(self.fitted - 1, 0)
        styles = self.pixels(y, self.kept["means"][y])
        arrays = {"weights": self.kept["weights"].numpy(), "styles": styles.float().numpy()}
        return Frame(step=self.fitted, phase="fit" if self.fitted else "start", scalars={"y": float(y)}, arrays=arrays)

    def state_dict(self) -> dict[str, Any]:
        return {"fitted": self.fitted, **{key: value.clone() for key, value in self.kept.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key, value in self.kept.items():
            if state[key].shape != value.shape:
                raise ValueError(f"{key} has shape {tuple(state[key].shape)}, these mixtures keep {tuple(value.shape)}")
        self.fitted = int(state["fitted"])
        self.kept = {key: state[key].to(value.dtype).clone() for key, value in self.kept.items()}
