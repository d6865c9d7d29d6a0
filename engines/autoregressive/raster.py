r"""What the models that read an image pixel by pixel share: the chain rule, learning by it, and drawing from it.

    log p(x) = \sum_i log p(x_i | x_1, ..., x_{i-1})              van den Oord et al. 2016a (arXiv:1601.06759), eq. 1
    bits per dimension = -log p(x) / (P ln 2)

over the P pixels in raster order: row by row, left to right. A model's own file holds its network, which gives every
pixel's parameters at once from an image whose later pixels it must not see, and a *reader*, which gives one pixel's
parameters while an image is being drawn and keeps what it has computed (Ramachandran et al. 2017, arXiv:1704.06001).

Binary pixels are drawn from the grey levels, anew at every batch (dynamic binarisation, Burda et al. 2015); 4, 16 or
256 levels are the bytes divided down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engines import checks, learning, material
from engines.autoregressive import receptive
from engines.autoregressive.filling import Filling
from engines.engine import Frame
from engines.maths import intervals
from engines.maths import levels as maths

LEVELS = (2, 4, 16, 256)
OUTPUTS = ("softmax", "logistic")


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterConfig(learning.LearnerConfig):
    size: int = 28  # H = W
    n_levels: int = 2  # L
    output: str = "softmax"  # or "logistic": a mixture of n_components over the levels
    n_components: int = 5  # M, of the mixture
    n_classes: int = 0  # more than 0: p(x | class)
    decay: bool = False  # let the learning rate fall to zero over n_steps, along a cosine
    shown: int = 16  # test images that a frame predicts
    knows_classes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "size", "n_components", "batch_size", "n_steps", "batches_per_step", "shown")
        if self.n_levels not in LEVELS:
            raise ValueError(f"n_levels must be one of {', '.join(map(str, LEVELS))}, got {self.n_levels}")
        checks.known(self, output=OUTPUTS)
        checks.zero_or_more(self, "n_classes")
        if self.n_classes and not self.knows_classes:
            raise ValueError(f"this network knows no classes, got n_classes={self.n_classes}: gated_pixelcnn does")
        learning.check(self)

    @property
    def n_out(self) -> int:
        """K, the numbers that describe a pixel's distribution."""
        return self.n_levels if self.output == "softmax" else 3 * self.n_components


class RasterModel(learning.Learner):
    """Maximum likelihood on ``data`` (images); without data it scores and draws only.

    A model gives its ``Network``, whose ``forward(x, label)`` takes pixels in 0..1 (B, 1, H, W) and, where it is
    conditional, classes (B,), to parameters (B, K, H, W); ``network.reader(x, label)`` gives an object whose
    ``at(row, column)`` is (B, K), read in the model's ``order`` while the caller writes the pixels drawn into ``x``.
    """

    learns_from: ClassVar[type[material.Rows]] = material.LabelledImages

    def __init__(self, config: Any, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if config.n_classes and self.data is not None and "label" not in self.data.train:
            raise ValueError(f"{self.name} with n_classes={config.n_classes} learns from labelled images")

    def start(self, network: nn.Module) -> nn.Module:
        return network.to(memory_format=torch.channels_last)  # convolutions on a CPU take half the time

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"image": (self.config.size**2,)}

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """One batch: every pixel's conditional at once, one step of Adam on -log p(x)."""
        config, uniform = self.config, None
        if config.n_levels == 2:
            uniform = self.shared(torch.rand(self.n_batch, config.size**2, generator=self.rng))
        x = self._quantise(batch["image"], uniform)
        label = batch["label"] if config.n_classes else None
        parameters = self.learners[""](self._as_input(x), label, **self._noise())
        loss = -self._score(parameters.float(), x).flatten(1).sum(dim=1).mean()
        self.descend(loss)
        return {"loss": loss}

    def _noise(self) -> dict[str, Any]:
        """What the network takes besides, while it learns."""
        return {}

    @property
    def order(self) -> np.ndarray:
        """The pixels' raster positions in the order that the chain rule takes them: (P,)."""
        return np.arange(self.config.size**2)

    def _quantise(self, rows: Tensor, uniform: Tensor | None) -> Tensor:
        """Bytes (B, P) as levels (B, H, W): drawn with each byte's chance where there are two, else divided down."""
        n_levels, size = self.config.n_levels, self.config.size
        if uniform is not None:
            x = rows.to(torch.float32) / 255 > uniform.to(rows.device)
        else:
            x = rows.to(torch.int64) * n_levels // 256
        return x.reshape(-1, size, size).to(torch.uint8)

    def _as_input(self, x: Tensor) -> Tensor:
        """Levels (B, H, W) as the network takes them: (B, 1, H, W) in 0..1."""
        dtype = next(self.network.parameters()).dtype
        return x.unsqueeze(1).to(dtype) / (self.config.n_levels - 1)

    def _score(self, parameters: Tensor, x: Tensor) -> Tensor:
        if self.config.output == "softmax":
            return maths.softmax_log_prob(parameters, x)
        return maths.mixture_log_prob(parameters, x, self.config.n_levels)

    # -- the model -------------------------------------------------------------------------------------

    def quantise(self, images: Any, *, generator: torch.Generator) -> Tensor:
        """Grey images (B, ...), bytes or 0..1, as this model's levels: (B, H, W) uint8."""
        config = self.config
        rows = (learning.rows_of(images, config.size**2, self.device) * 255).round().to(torch.uint8)
        uniform = torch.rand(rows.shape, generator=generator) if config.n_levels == 2 else None
        return self._quantise(rows, uniform)

    @torch.no_grad()
    def parameters(self, x: Any, label: Any = None) -> Tensor:
        """What describes every pixel's distribution, given the pixels before it: levels (B, H, W) -> (B, K, H, W)."""
        x = self._levels(x)
        return self.network(self._as_input(x), self._labels(label, len(x)))

    def log_probs_of(self, parameters: Tensor) -> Tensor:
        """log P of every level in nats: parameters (B, K, ...) -> (B, L, ...)."""
        if self.config.output == "softmax":
            return torch.log_softmax(parameters, dim=1)
        return maths.mixture_log_probs(parameters, self.config.n_levels)

    def log_prob_per_pixel(self, x: Any, label: Any = None) -> Tensor:
        """log p(x_i | x_1, ..., x_{i-1}) in nats: levels (B, H, W) -> (B, H, W)."""
        x = self._levels(x)
        return self._score(self.parameters(x, label), x)

    def log_prob(self, x: Any, label: Any = None) -> Tensor:
        """log p(x) in nats, exact: levels (B, H, W) -> (B,)."""
        return self.log_prob_per_pixel(x, label).flatten(1).sum(dim=1)

    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator,
        given: Any = None,
        mask: Any = None,
        label: Any = None,
        temperature: float = 1.0,
        cached: bool = True,
    ) -> Tensor:
        """n images (n, H, W) of levels; where ``given`` (H, W) or (n, H, W) is there, only the pixels where
        ``mask`` (H, W) is true are drawn, in raster order, each from its distribution given all before it.

        A pixel below what is drawn is not looked at: the chain rule knows the past only.
        """
        uniform = torch.rand(n, self.config.size**2, generator=generator)
        filling = Filling(
            self, n, uniform=uniform, given=given, mask=mask, label=label, temperature=temperature, cached=cached
        )
        while not filling.done:
            filling.advance()
        return filling.x

    dependence = receptive.dependence
    fields = receptive.fields

    def _levels(self, x: Any) -> Tensor:
        """Levels as (B, H, W) uint8 on the device; ValueError names what does not fit."""
        size, n_levels = self.config.size, self.config.n_levels
        x = material.tensor_of(x).to(self.device)
        if x.dim() < 2 or x.shape[1:].numel() != size**2:
            raise ValueError(f"images must have shape (B, {size}, {size}), got {tuple(x.shape)}: resize them first")
        if x.numel() and not (int(x.min()) >= 0 and int(x.max()) < n_levels):
            raise ValueError(
                f"levels must be whole numbers from 0 to {n_levels - 1}, got {x.min():g} to {x.max():g}: "
                "quantise() makes them of grey images"
            )
        return x.reshape(-1, size, size).to(torch.uint8)

    def _labels(self, label: Any, n: int) -> Tensor | None:
        """Classes (n,) on the device, one for all or one each; ValueError names what does not fit."""
        n_classes = self.config.n_classes
        if not n_classes:
            if label is not None:
                raise ValueError(f"this {self.name} was trained without classes: leave the class out, got {label}")
            return None
        if label is None:
            raise ValueError(f"this {self.name} is conditional: give a class from 0 to {n_classes - 1}")
        label = torch.as_tensor(label, device=self.device).to(torch.int64).reshape(-1)
        if len(label) not in (1, n):
            raise ValueError(f"one class for all or one for each of {n} images, got {len(label)}")
        if not (int(label.min()) >= 0 and int(label.max()) < n_classes):
            shown = int(label.max() if label.max() >= n_classes else label.min())
            raise ValueError(f"there is no class {shown}: choose one from 0 to {n_classes - 1}")
        return label.expand(n)

    def evaluate(self, images: Any, labels: Any = None) -> dict[str, float]:
        """Over test images (B, ...) of bytes, binary ones drawn once by a fixed seed: ``nll`` in nats per image with
        its 95 % interval (``nll_low``, ``nll_high``), and ``bits_per_dim``.
        """
        x = self.quantise(images, generator=learning.stream(self.config.seed, 4))
        label = material.tensor_of(labels) if self.config.n_classes else None
        parts = [
            self.log_prob(x[i : i + 250], None if label is None else label[i : i + 250]).double()
            for i in range(0, len(x), 250)
        ]
        found = intervals.of_mean("nll", -torch.cat(parts).numpy())
        return {**found, "bits_per_dim": found["nll"] / (self.config.size**2 * math.log(2))}

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``nll`` in nats per image over the probe (the first ``shown`` test images, binarised once); arrays
        ``originals`` (M, H, W) levels, ``nats`` (M, H, W) per pixel, ``expected`` (M, H, W), each pixel's mean level.
        """
        images = self.data.probe["image"][: self.config.shown]
        x = self.quantise(images, generator=learning.stream(self.config.seed, 1))
        label = self.data.probe["label"][: len(x)] if self.config.n_classes else None
        parameters = self.parameters(x, label)
        nats = -self._score(parameters, x)
        level = torch.arange(self.config.n_levels, device=self.device, dtype=torch.float32)
        expected = torch.einsum("blhw,l->bhw", self.log_probs_of(parameters).exp(), level)
        nll = float(nats.flatten(1).sum(dim=1).mean())
        return self.framed({"nll": nll}, originals=x, nats=nats, expected=expected)
