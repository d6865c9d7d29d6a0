r"""How far two images' patches of feature maps lie apart: a sliced Wasserstein distance.

A patch is 3 x 3 places of a map of C channels, so 9 C numbers, each divided by the channel's deviation over the
reference. Along a random direction the patches of an image are a heap of numbers; two heaps' distance is

    W_2^2 = \int_0^1 (Q_a(u) - Q_b(u))^2 du,      Q their quantile functions,

and the measure the square root of its mean over 128 directions (Bonneel et al. 2015; Rabin et al. 2011).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

STAGE = "stage3"  # the map that is measured; no loss of MGAN's or MDAN's is taken there
N_DIRECTIONS, N_QUANTILES = 128, 128
BORDER = 1  # places next to the edge, which see the padding


def patches_of(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) -> the 3 x 3 patches of each (B, N, 9 C), without those at the edge."""
    inner = maps[..., BORDER:-BORDER, BORDER:-BORDER]
    return F.unfold(inner, 3).transpose(1, 2)


def directions(n_numbers: int) -> Tensor:
    """The same unit vectors at every call: (n_numbers, 128)."""
    drawn = torch.randn(n_numbers, N_DIRECTIONS, generator=torch.Generator().manual_seed(0))
    return drawn / drawn.norm(dim=0)


class Reference:
    """One image's patches, which others are compared with."""

    def __init__(self, maps: Tensor) -> None:
        """``maps`` (1, C, H, W) of the reference."""
        self.deviation = maps.std(dim=(0, 2, 3), keepdim=True)
        self.along = directions(9 * maps.shape[1]).to(maps)
        self.quantiles = self._quantiles(maps)

    def _quantiles(self, maps: Tensor) -> Tensor:
        """Of each image and direction: (B, 128, 128)."""
        heaps = patches_of(maps / self.deviation) @ self.along
        at = (torch.arange(N_QUANTILES, dtype=heaps.dtype, device=heaps.device) + 0.5) / N_QUANTILES
        return torch.quantile(heaps, at, dim=1).transpose(0, 1)

    def distance(self, maps: Tensor) -> Tensor:
        """Of each of the images (B, C, H, W), of any size: (B,)."""
        return (self._quantiles(maps) - self.quantiles).square().mean(dim=(1, 2)).sqrt()
