"""Which pixels a model of pixels looks at, measured by gradient: of its distributions, and layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engines.learning import stream

if TYPE_CHECKING:
    from engines.autoregressive.raster import RasterModel


def dependence(model: RasterModel, row: int, column: int, *, x: Any = None, label: Any = None) -> Tensor:
    r"""\sum |\partial parameters_{row, column} / \partial x|, the pixels that one pixel's distribution looks at:
    (H, W), summed over the images x (B, H, W) of levels; without them over 8 of noise.
    """
    values = measured(model, row, column, x)
    with torch.enable_grad():
        parameters = model.network(values, model._labels(label, len(values)))[:, :, row, column]
        # Every number by itself: in a sum of them, gradients of opposite sign could cancel.
        return sum(gradient(parameters[:, k].sum(), values) for k in range(parameters.shape[1]))  # type: ignore[return-value]


def fields(model: RasterModel, row: int, column: int, *, x: Any = None, label: Any = None) -> Tensor:
    """As `dependence`, of the features after each layer: (layers, H, W). Instead of every channel by itself a
    random mixture of all, in which nothing cancels but by chance.
    """
    values = measured(model, row, column, x)
    found = []
    with torch.enable_grad():
        for i, features in enumerate(model.network.features(values, model._labels(label, len(values)))):
            mixture = torch.rand(features.shape[1], generator=stream(i, 6)).to(values) + 0.5
            found.append(gradient((features[:, :, row, column] * mixture).sum(), values))
    return torch.stack(found)


def measured(model: RasterModel, row: int, column: int, x: Any) -> Tensor:
    """Images to differentiate by, (B, 1, H, W)."""
    size = model.config.size
    if not (0 <= row < size and 0 <= column < size):
        raise ValueError(f"row and column must be from 0 to {size - 1}, got {row} and {column}")
    if x is None:
        noise = torch.rand(8, 1, size, size, generator=stream(model.config.seed, 5))
        return noise.to(next(model.network.parameters())).requires_grad_()
    return model._as_input(model._levels(x)).requires_grad_()


def gradient(value: Tensor, by: Tensor) -> Tensor:
    """|d value / d by|, summed over images and channels: (H, W)."""
    (found,) = torch.autograd.grad(value, by, retain_graph=True)
    return found.abs().sum(dim=(0, 1))
