r"""Multi-scale: a small image first, pixel by pixel, then the large one around it, told of the small one throughout.

    p(x) = p(x_small) \prod_{i not in small} p(x_i | x_1, ..., x_{i-1}, x_small)
    x_small = every second pixel of every second row

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks" (arXiv:1601.06759), section 3.6. The
small image is enlarged by a fractionally-strided convolution and added, as a bias, inside every block of the large
network.

Departures: both networks are PixelCNNs, where the paper takes its recurrent ones; pixels of the small image count as
known in the large one, where the paper leaves it to the network to copy them; Adam instead of RMSProp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks
from engines.autoregressive import pixelcnn
from engines.autoregressive.pixelcnn import MaskedConv2d, PixelCNNConfig, PixelCNNNetwork
from engines.autoregressive.raster import RasterModel

STEP = 2  # the small image has every STEP-th pixel of every STEP-th row


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiscaleConfig(PixelCNNConfig):
    small_channels: int = 16  # h of the network for the small image
    small_blocks: int = 4

    def __post_init__(self) -> None:
        PixelCNNConfig.__post_init__(self)
        checks.at_least(self, 1, "small_channels", "small_blocks")


class Block(nn.Module):
    """The residual block of `pixelcnn`, with the enlarged small image as a bias: (B, 2h, H, W) -> (B, 2h, H, W)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(2 * channels, channels, 1)
        self.masked = MaskedConv2d("B", channels, channels, kernel)
        self.told = nn.Conv2d(channels, channels, 1, bias=False)
        self.up = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor, small: Tensor) -> Tensor:
        return x + self.up(F.relu(self.masked(F.relu(self.down(F.relu(x)))) + self.told(small)))


class MultiscaleNetwork(nn.Module):
    """Parameters of every pixel's distribution: of the small image's pixels by its own network."""

    def __init__(self, config: MultiscaleConfig) -> None:
        super().__init__()
        h, wide = config.channels, 2 * config.channels
        self.small = PixelCNNNetwork(
            PixelCNNConfig(
                size=-(-config.size // STEP), n_levels=config.n_levels, output=config.output,
                n_components=config.n_components, channels=config.small_channels, n_blocks=config.small_blocks,
                first_kernel=config.first_kernel, kernel=config.kernel,
            )
        )  # fmt: skip
        self.grow = nn.ConvTranspose2d(1, h, STEP, stride=STEP)
        self.smooth = nn.Conv2d(h, h, 5, padding=2)
        self.first = MaskedConv2d("A", 1, wide, config.first_kernel)
        self.blocks: Any = nn.ModuleList(Block(h, config.kernel) for _ in range(config.n_blocks))
        self.head = nn.Conv2d(wide, wide, 1)
        self.out = nn.Conv2d(wide, config.n_out, 1)

    def told(self, x: Tensor) -> Tensor:
        """The small image, enlarged: (B, 1, H, W) -> (B, h, H, W)."""
        grown = F.relu(self.grow(x[:, :, ::STEP, ::STEP]))[:, :, : x.shape[2], : x.shape[3]]
        return F.relu(self.smooth(grown))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the family's signature
        """Pixels (B, 1, H, W) in 0..1 -> (B, K, H, W)."""
        small, told = self.small(x[:, :, ::STEP, ::STEP]), self.told(x)
        features = self.first(x)
        for block in self.blocks:
            features = block(features, told)
        large = self.out(F.relu(self.head(F.relu(features)))).clone()
        large[:, :, ::STEP, ::STEP] = small
        return large

    def reader(self, x: Tensor, label: Tensor | None = None) -> Reader:  # noqa: ARG002
        return Reader(self, x)


class Reader:
    """The small image by `pixelcnn`'s reader, then the large one by another, made when the small one is known, which
    walks over the small image's pixels too.
    """

    def __init__(self, network: MultiscaleNetwork, x: Tensor) -> None:
        self.network, self.x = network, x
        self.small = network.small.reader(x[:, :, ::STEP, ::STEP])  # a view: pixels written to x are seen there
        self.large: pixelcnn.Reader | None = None
        self.next = 0  # position that the large one has not read

    def at(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> (B, K)."""
        if row % STEP == 0 and column % STEP == 0:
            return self.small.at(row // STEP, column // STEP)
        width = self.x.shape[3]
        position = row * width + column
        if self.large is None:
            self.large, self.next = pixelcnn.Reader(self.network, self.x, self.network.told(self.x)), position
        for passed in range(self.next, position):
            self.large.features(*divmod(passed, width))
        self.next = position + 1
        return self.large.at(row, column)


class Multiscale(RasterModel):
    """A small image, then a large one given the small one, fitted together by maximum likelihood."""

    name: ClassVar[str] = "multiscale"
    Config: ClassVar[type] = MultiscaleConfig
    Network: ClassVar[type] = MultiscaleNetwork

    @property
    def order(self) -> np.ndarray:
        """The small image's pixels first, then the others in raster order: (P,)."""
        size = self.config.size
        small = np.zeros((size, size), dtype=bool)
        small[::STEP, ::STEP] = True
        return np.concatenate([np.flatnonzero(small), np.flatnonzero(~small)])
