r"""PixelCNN: every pixel's distribution from the pixels before it, by convolutions with half of their kernel masked.

    first layer     7 x 7 convolution, mask A: the pixels above and to the left          section 3.4, table 1
    n_blocks times  x + (1 x 1 conv to 2h)(ReLU (3 x 3 conv B to h)(ReLU (1 x 1 conv to h)(ReLU x)))    figure 5
    head            ReLU, 1 x 1 conv B, ReLU, 1 x 1 conv B to the L levels               table 1

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks" (arXiv:1601.06759), the fully
convolutional one of its four networks. Mask A hides the pixel itself, mask B shows a layer its own place: its
features there have seen earlier pixels only.

Departures: Adam instead of RMSProp; no skip connections from every layer to the output (section 3.3); the kernels' rows
below the present one, which the masks make zero, are left out; the blocks' kernel may be larger than 3 x 3. Stacked
3 x 3 masks never see a wedge to the right above the pixel (van den Oord et al. 2016b, figure 1): that blind spot is the
paper's own, and `gated_pixelcnn` its cure. Wider kernels make it narrower, since a step up may go further aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks
from engines.autoregressive.raster import RasterConfig, RasterModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelCNNConfig(RasterConfig):
    channels: int = 16  # h; the residual stream is 2h wide
    n_blocks: int = 5
    first_kernel: int = 7
    kernel: int = 3

    def __post_init__(self) -> None:
        RasterConfig.__post_init__(self)
        checks.at_least(self, 1, "channels", "n_blocks")
        checks.odd_kernels(self, "first_kernel", "kernel")


@lru_cache(maxsize=32)
def mask(kind: str, kernel: int, device: torch.device) -> Tensor:
    """Ones where a kernel may look: rows above, and its own row before (A) or up to (B) the middle: (k//2 + 1, k)."""
    ones = torch.ones(kernel // 2 + 1, kernel, device=device)
    ones[-1, kernel // 2 + (kind == "B") :] = 0
    return ones


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees the pixels before (A) or up to (B) its own: (B, C, H, W) -> (B, C', H, W)."""

    def __init__(self, kind: str, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__(n_in, n_out, (kernel // 2 + 1, kernel))
        self.kind = kind

    @property
    def masked_weight(self) -> Tensor:
        return self.weight * mask(self.kind, self.kernel_size[1], self.weight.device)

    def pad(self, x: Tensor) -> Tensor:
        """Zeros around the image, as far as the kernel reaches: above, to the left and to the right."""
        side = self.kernel_size[1] // 2
        return F.pad(x, (side, side, side, 0))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(self.pad(x), self.masked_weight, self.bias)


class Block(nn.Module):
    """The residual block of figure 5 (left): (B, 2h, H, W) -> (B, 2h, H, W)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(2 * channels, channels, 1)
        self.masked = MaskedConv2d("B", channels, channels, kernel)
        self.up = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(F.relu(self.masked(F.relu(self.down(F.relu(x))))))


class PixelCNNNetwork(nn.Module):
    """Parameters of every pixel's distribution from the pixels before it."""

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__()
        wide = 2 * config.channels
        self.first = MaskedConv2d("A", 1, wide, config.first_kernel)
        self.blocks: Any = nn.ModuleList(Block(config.channels, config.kernel) for _ in range(config.n_blocks))
        self.head = nn.Conv2d(wide, wide, 1)
        self.out = nn.Conv2d(wide, config.n_out, 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the family's signature
        """Pixels (B, 1, H, W) in 0..1 -> (B, K, H, W)."""
        return self.out(F.relu(self.head(F.relu(self.features(x)[-1]))))

    def features(self, x: Tensor, label: Tensor | None = None) -> list[Tensor]:  # noqa: ARG002
        """What the first layer and every block give: (B, 2h, H, W) each."""
        kept = [self.first(x)]
        for block in self.blocks:
            kept.append(block(kept[-1]))
        return kept

    @property
    def reaches(self) -> list[int]:
        """How many rows up and columns aside each of `features` could see, were it not for the masks."""
        kernels = [self.first, *(block.masked for block in self.blocks)]
        return list(accumulate(layer.kernel_size[1] // 2 for layer in kernels))

    def reader(self, x: Tensor, label: Tensor | None = None) -> Reader:  # noqa: ARG002
        return Reader(self, x)


class Ends:
    """A network's first layer and its two last ones at one place: with these every reader begins and ends."""

    def __init__(self, network: Any, x: Tensor) -> None:
        self.x, self.side = x, network.first.kernel_size[1] // 2
        self.pixels = network.first.pad(x)  # with the zeros around it
        self.first, self.head, self.out = flat(network.first), flat(network.head), flat(network.out)

    def begin(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> what the first layer makes of them, (B, 2h)."""
        side = self.side
        # Since the last call the pixels before this one may have been written.
        self.pixels[:, :, side : side + row + 1, side:-side] = self.x[:, :, : row + 1]
        window = self.pixels[:, :, row : row + side + 1, column : column + 2 * side + 1]
        return torch.addmm(self.first[1], window.reshape(len(window), -1), self.first[0])

    def end(self, features: Tensor) -> Tensor:
        """(B, 2h) -> (B, K)."""
        features = torch.addmm(self.head[1], features.relu(), self.head[0]).relu_()
        return torch.addmm(self.out[1], features, self.out[0])


class Reader:
    """One pixel at a time, each layer keeping what it has computed.

    A layer's output at one place needs its input at the few places its mask shows, and of those only the present
    one is new: a pixel costs one column through the network instead of the whole image. Blocks that are told of
    something besides (`multiscale`) add it, ``told`` (B, h, H, W), behind their masked convolution.
    """

    def __init__(self, network: Any, x: Tensor, told: Tensor | None = None) -> None:
        self.ends = Ends(network, x)
        self.blocks = [(flat(block.down), flat(block.masked), flat(block.up)) for block in network.blocks]
        self.reach = network.blocks[0].masked.kernel_size[1] // 2
        # What the masked convolutions read, with the zeros around it. One pass fills in the image as it lies.
        self.kept, self.told = [], []
        features = network.first(x)
        for block in network.blocks:
            self.kept.append(block.masked.pad(F.relu(block.down(F.relu(features)))))
            if told is not None:
                self.told.append(block.told(told).permute(2, 3, 0, 1).contiguous())  # (H, W, B, h)
            features = block(features) if told is None else block(features, told)

    def at(self, row: int, column: int) -> Tensor:
        """Pixels up to here as they are now -> (B, K)."""
        return self.ends.end(self.features(row, column))

    def features(self, row: int, column: int) -> Tensor:
        """What the last block gives at this place: (B, 2h)."""
        reach, features = self.reach, self.ends.begin(row, column)
        for i, ((down, masked, up), kept) in enumerate(zip(self.blocks, self.kept, strict=True)):
            kept[:, :, row + reach, column + reach] = torch.addmm(down[1], features.relu(), down[0]).relu_()
            window = kept[:, :, row : row + reach + 1, column : column + 2 * reach + 1]
            middle = torch.addmm(masked[1], window.reshape(len(window), -1), masked[0])
            if self.told:
                middle = middle + self.told[i][row, column]
            features = features + torch.addmm(up[1], middle.relu_(), up[0])
        return features


def flat(layer: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """A convolution at one place as a matrix: weight (C k k', C'), bias (C',)."""
    weight = layer.masked_weight if isinstance(layer, MaskedConv2d) else layer.weight
    assert layer.bias is not None
    return weight.detach().flatten(1).T.contiguous(), layer.bias.detach()


class PixelCNN(RasterModel):
    """Masked convolutions, fitted by maximum likelihood."""

    name: ClassVar[str] = "pixelcnn"
    Config: ClassVar[type] = PixelCNNConfig
    Network: ClassVar[type] = PixelCNNNetwork
