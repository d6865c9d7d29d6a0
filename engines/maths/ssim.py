r"""SSIM, the structural similarity of two images: Wang, Bovik, Sheikh & Simoncelli 2004 (IEEE TIP 13:4), equation 13.

    SSIM(x, y) = (2 \mu_x \mu_y + C_1)(2 \sigma_{xy} + C_2) / ((\mu_x^2 + \mu_y^2 + C_1)(\sigma_x^2 + \sigma_y^2 + C_2))

Means, variances and the covariance are taken around every pixel with a Gaussian window of 11 x 11 pixels, sigma 1.5;
C_1 = (0.01 L)^2 and C_2 = (0.03 L)^2 with L = 1, the range of the levels. 1 is equality; it may fall below 0. Colours
are compared one by one and averaged. At the rim the image goes on mirrored, so that every pixel has a value.
"""

from __future__ import annotations

import torch
from torch import Tensor

RADIUS, SIGMA = 5, 1.5
C1, C2 = 0.01**2, 0.03**2


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM around every pixel of images (N, H, W) or (N, H, W, 3) with levels in 0..1: (N, H, W).

    ValueError where the shapes differ or a side is not longer than the window's radius.
    """
    if x.shape != y.shape or x.dim() not in (3, 4):
        raise ValueError(f"SSIM compares images of one shape (N, H, W) or (N, H, W, 3): {(*x.shape,)}, {(*y.shape,)}")
    if min(x.shape[1:3]) <= RADIUS:
        raise ValueError(f"SSIM needs images of more than {RADIUS} pixels a side, got {(*x.shape[1:3],)}")
    x, y = (image[:, None] if image.dim() == 3 else image.permute(0, 3, 1, 2) for image in (x, y))
    mu_x, mu_y = _mean(x), _mean(y)
    var_x, var_y, cov = _mean(x * x) - mu_x**2, _mean(y * y) - mu_y**2, _mean(x * y) - mu_x * mu_y
    found = (2 * mu_x * mu_y + C1) * (2 * cov + C2) / ((mu_x**2 + mu_y**2 + C1) * (var_x + var_y + C2))
    return found.mean(dim=1)


def ssim(x: Tensor, y: Tensor, where: Tensor | None = None) -> Tensor:
    """The mean of `ssim_map` over each image, or over its pixels ``where`` (N, H, W) is above 0: (N,)."""
    found = ssim_map(x, y)
    return found.mean(dim=(1, 2)) if where is None else within(found, where)


def within(values: Tensor, where: Tensor) -> Tensor:
    """The mean of a map (N, H, W) over its pixels ``where`` (N, H, W) is above 0: (N,)."""
    weight = (where > 0).to(values.dtype)
    return (values * weight).sum(dim=(1, 2)) / weight.sum(dim=(1, 2)).clamp(min=1)


def _mean(x: Tensor) -> Tensor:
    """The weighted mean around every pixel: (..., H, W) -> (..., H, W)."""
    down, right = (_window(side, x) for side in x.shape[-2:])
    return down @ x @ right.T


def _window(side: int, like: Tensor) -> Tensor:
    """Row i: the weights of a line's pixels in the mean around pixel i, mirrored at both ends: (side, side)."""
    at = torch.arange(-RADIUS, RADIUS + 1, dtype=like.dtype, device=like.device)
    weights = torch.exp(-(at**2) / (2 * SIGMA**2))
    places = torch.arange(side, device=like.device)[:, None] + torch.arange(-RADIUS, RADIUS + 1, device=like.device)
    places = (side - 1) - ((side - 1) - places.abs()).abs()
    window = torch.zeros(side, side, dtype=like.dtype, device=like.device)
    return window.scatter_add_(1, places, (weights / weights.sum()).expand(side, -1))
