r"""A small convolutional classifier of 28 x 28 images: p(y|x) by softmax, trained by cross-entropy.

    loss = -log p(y|x),  p(y|x) = softmax(W h(x) + b)                        Bishop 2006, eq. 4.104 and 4.108

It serves as a measure: its last hidden layer gives the features in which samples of a generator are compared with
data (`maths/samples.py`), and its p(y|x) says which digit a sample shows and how clearly.

Three convolutions with batch normalisation (Ioffe & Szegedy 2015), after LeCun et al. 1998. Every batch is moved by
up to two pixels each way, so that a digit is known wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checkpoints, checks, learning, material
from engines.engine import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig(learning.LearnerConfig):
    n_classes: int = 10
    width: int = 32  # channels of the first convolution
    n_features: int = 64  # units of the last hidden layer
    learning_rate: float = 2e-3
    batch_size: int = 128
    n_steps: int = 3_000  # batches in all; the learning rate falls to zero over them
    shift: int = 2  # pixels

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "n_classes", "width", "n_features", "batch_size", "n_steps", "batches_per_step")
        learning.check(self, shift=(0, 6))


class ClassifierNetwork(nn.Module):
    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        width = config.width

        def layer(n_in: int, n_out: int) -> list[nn.Module]:
            return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]

        self.body = nn.Sequential(
            *layer(1, width), nn.MaxPool2d(2),  # (B, width, 14, 14)
            *layer(width, 2 * width), nn.MaxPool2d(2),  # (B, 2 width, 7, 7)
            *layer(2 * width, 2 * width), nn.Flatten(),
            nn.Linear(2 * width * 49, config.n_features), nn.ReLU(),  # (B, F)
        )  # fmt: skip
        self.head = nn.Linear(config.n_features, config.n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes: (B, 1, 28, 28) -> (B, C)."""
        return self.head(self.body(x))


class Classifier(learning.Learner):
    """Stochastic gradient descent on the cross-entropy of labelled images; without data it classifies only."""

    name: ClassVar[str] = "classifier"
    Config: ClassVar[type] = ClassifierConfig
    shapes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (784,)}
    Network: ClassVar[type] = ClassifierNetwork
    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages

    def __init__(self, config: ClassifierConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if self.data is not None:
            if "label" not in self.data.train:
                raise ValueError("a classifier learns from labelled images: give material.Images with labels")
            highest = int(self.data.train["label"].max())
            if highest >= config.n_classes:
                raise ValueError(f"label {highest} needs n_classes of at least {highest + 1}, got {config.n_classes}")

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """One batch, moved by up to ``shift`` pixels, and one step of Adam."""
        shift = self.config.shift
        dy, dx = torch.randint(-shift, shift + 1, (2,), generator=self.rng).tolist()
        x = F.pad(self._image(batch["image"]), (shift,) * 4)
        x = x[:, :, shift + dy : shift + dy + 28, shift + dx : shift + dx + 28]
        loss = F.cross_entropy(self.learners[""](x), batch["label"])
        self.descend(loss)
        return {"loss": loss}

    @property
    def decayed(self) -> float:
        return learning.cosine(self.iteration, self.config.n_steps)

    def _image(self, rows: Tensor) -> Tensor:
        return learning.rows_of(rows, 784, self.device).reshape(-1, 1, 28, 28)

    @torch.no_grad()
    def log_posterior(self, x: Any) -> Tensor:
        """log p(y|x) in nats: images (B, ...) of 784 pixels, bytes or 0..1 -> (B, C)."""
        return F.log_softmax(self.network.head(self.features(x)), dim=1)

    @torch.no_grad()
    def features(self, x: Any) -> Tensor:
        """The last hidden layer: images (B, ...) of 784 pixels -> (B, F)."""
        return torch.cat([self.network.body(self._image(part)) for part in material.tensor_of(x).split(250)])

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """``accuracy`` and ``cross_entropy`` (nats) on labelled images (B, ...)."""
        log_posterior = self.log_posterior(images).cpu().double()
        known = material.tensor_of(labels)
        return {
            "accuracy": float((log_posterior.argmax(dim=1) == known).double().mean()),
            "cross_entropy": float(F.nll_loss(log_posterior, known)),
        }

    def picture(self) -> Frame:
        """Scalars over the probe (test images); ``posterior`` (10, C) of its first images."""
        probe, scalars = self.data.probe, {}
        if "label" in probe:
            scalars = self.evaluate(probe["image"][:500].cpu(), probe["label"][:500].cpu())
        return self.framed(scalars, posterior=self.log_posterior(probe["image"][:10]).exp())


def shipped(data_name: str, device: str) -> Classifier:
    """The one that ships for ``mnist`` or ``fashion``: a judge of what others draw."""
    return checkpoints.teacher("classifier", "" if data_name == "mnist" else data_name, device)


def read(data_name: str, images: Tensor, device: Any) -> Tensor:
    """The class that the shipped one finds most probable: images (B, ...) of 784 pixels -> (B,), on the CPU."""
    return shipped(data_name, str(device)).log_posterior(images).argmax(dim=1).cpu()
