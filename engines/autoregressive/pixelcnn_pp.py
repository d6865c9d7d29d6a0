r"""PixelCNN++: grey levels as a mixture of logistics, and a network that looks at three resolutions.

    P(x) = \sum_i \pi_i [\sigma((x + h - \mu_i) / s_i) - \sigma((x - h - \mu_i) / s_i)]         eq. 2
    u sees the rows above, ul sees u, the row above and the pixels to the left               section 2.3
    scales: blocks, stride 2, blocks, stride 2, blocks, then up again                        section 2.3
    short-cuts: the block that comes up reads what the block that went down had made         section 2.4
    block: x + a \odot \sigma(b),  (a, b) = conv(dropout(elu(conv(elu x) + 1 x 1 conv(elu short-cut))))    section 2.5

Salimans, Karpathy, Chen & Kingma 2017, "PixelCNN++" (arXiv:1701.05517); elu stands for (elu(x), elu(-x)) side by side.
Whole-pixel conditioning (section 2.2) is about colours: a grey pixel has one channel, and is a whole by itself.

Departures: PyTorch's initialisation instead of weight normalisation with one that looks at data; fewer and narrower
blocks; 2 x 2 kernels on the way up in both streams; no average of the weights over time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks
from engines.autoregressive.raster import RasterConfig, RasterModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelCNNPPConfig(RasterConfig):
    n_levels: int = 256
    output: str = "logistic"
    channels: int = 24  # F
    n_scales: int = 3  # 28 x 28, 14 x 14, 7 x 7
    n_blocks: int = 1  # of each scale, each way
    dropout: float = 0.1

    def __post_init__(self) -> None:
        RasterConfig.__post_init__(self)
        checks.at_least(self, 1, "channels", "n_scales", "n_blocks")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")


def both_elu(x: Tensor) -> Tensor:
    """elu(x) and elu(-x), side by side: (B, F, ...) -> (B, 2F, ...)."""
    return F.elu(torch.cat([x, -x], dim=1))


class Causal(nn.Conv2d):
    """A convolution that sees its own row and the one above: on three columns (u), or its own and the left one (ul)."""

    def __init__(self, stream: str, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__(n_in, n_out, (2, 3 if stream == "u" else 2), stride=stride)
        self.right = int(stream == "u")

    def pad(self, x: Tensor) -> Tensor:
        return F.pad(x, (1, self.right, 1, 0))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(self.pad(x), self.weight, self.bias, self.stride)


class Block(nn.Module):
    """A gated residual block; ``run`` says how a convolution is done: on the whole image, on a row, at a pixel."""

    def __init__(self, stream: str, channels: int, n_beside: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.into = Causal(stream, 2 * channels, channels)
        self.beside = nn.Conv2d(2 * n_beside, channels, 1) if n_beside else None
        self.out = Causal(stream, 2 * channels, 2 * channels)

    def forward(self, run: Any, x: Tensor, beside: Tensor | None = None) -> Tensor:
        y = run.convolve(self.into, both_elu(x))
        if self.beside is not None and beside is not None:
            y = y + self.beside(both_elu(beside))
        a, b = run.convolve(self.out, run.drop(both_elu(y), self.dropout)).chunk(2, dim=1)
        return x + a * torch.sigmoid(b)


class Scale(nn.Module):
    """What one resolution holds of one stream: blocks down and up, and the way to the next resolution and back."""

    def __init__(self, stream: str, config: PixelCNNPPConfig, *, last: bool) -> None:
        super().__init__()
        width, many = config.channels, range(config.n_blocks)
        from_u = width if stream == "ul" else 0  # ul reads u beside it
        self.down = nn.ModuleList(Block(stream, width, from_u, config.dropout) for _ in many)
        self.up = nn.ModuleList(Block(stream, width, width + from_u, config.dropout) for _ in many)
        self.shrink = None if last else Causal(stream, width, width, stride=2)
        self.grow = None if last else nn.ConvTranspose2d(width, width, 2, stride=2)


class PixelCNNPPNetwork(nn.Module):
    """Parameters of every pixel's mixture from the pixels before it."""

    def __init__(self, config: PixelCNNPPConfig) -> None:
        super().__init__()
        width, n = config.channels, config.n_scales
        # Of the pixels and a plane of ones, which tells the image from the zeros around it.
        self.first_u = nn.Conv2d(2, width, (2, 3))  # the two rows above
        self.first_above = nn.Conv2d(2, width, (1, 3))  # the row above
        self.first_left = nn.Conv2d(2, width, (2, 1))  # the pixel to the left and the one above it
        self.u: Any = nn.ModuleList(Scale("u", config, last=s == n - 1) for s in range(n))
        self.ul: Any = nn.ModuleList(Scale("ul", config, last=s == n - 1) for s in range(n))
        self.out = nn.Conv2d(2 * width, config.n_out, 1)

    def forward(self, x: Tensor, label: Tensor | None = None, *, dropout: torch.Generator | None = None) -> Tensor:  # noqa: ARG002
        """Pixels (B, 1, H, W) in 0..1 -> (B, K, H, W); with a generator, activations are dropped by it."""
        return self._whole(x, Whole(dropout))

    def _whole(self, x: Tensor, run: Whole) -> Tensor:
        height, width = x.shape[2:]
        framed = frame(x)  # (B, 2, H + 2, W + 2): two rows above, a column on either side
        self.cross(run, "u", 0, self.first_u(framed[:, :, : height + 1]))  # rows r - 2 and r - 1
        above = self.first_above(framed[:, :, 1 : height + 1])
        left = self.first_left(framed[:, :, 1:, :width])
        return self.finish(self.cross(run, "ul", 0, above + left))

    def cross(self, run: Any, stream: str, s: int, x: Tensor) -> Tensor:
        """One stream at scale s and all below it: down its blocks, through the smaller scales, up its blocks."""
        scale = (self.u if stream == "u" else self.ul)[s]
        kept = []
        for i, block in enumerate(scale.down):
            x = block(run, x, run.beside(stream, s, "down", i))
            run.keep(stream, s, "down", i, x)
            kept.append(x)
        if scale.shrink is not None:
            x = run.smaller(scale, s, x, lambda small: self.cross(run, stream, s + 1, small))
        for i, block in enumerate(scale.up):
            beside = run.beside(stream, s, "up", i)
            short_cut = kept.pop()
            x = block(run, x, short_cut if beside is None else torch.cat([beside, short_cut], dim=1))
            run.keep(stream, s, "up", i, x)
        return x

    def finish(self, x: Tensor) -> Tensor:
        return self.out(both_elu(x))

    def reader(self, x: Tensor, label: Tensor | None = None) -> Reader:  # noqa: ARG002
        return Reader(self, x)


def frame(x: Tensor) -> Tensor:
    """Pixels and a plane of ones, zeros around both: (B, 1, H, W) -> (B, 2, H + 2, W + 2)."""
    return F.pad(torch.cat([x, torch.ones_like(x)], dim=1), (1, 1, 2, 0))


class Whole:
    """Runs the network on whole images; remembers what stream u made, for ul to read. For a reader it is also
    ``recording`` what every convolution read, with the zeros around it, and every enlargement.
    """

    def __init__(self, dropout: torch.Generator | None = None, *, recording: bool = False) -> None:
        self.dropout, self.recording = dropout, recording
        self.made: dict[tuple[int, str, int], Tensor] = {}
        self.read: dict[nn.Module, Tensor] = {}
        self.grown: dict[nn.Module, Tensor] = {}

    def convolve(self, layer: Causal, x: Tensor) -> Tensor:
        if self.recording:
            self.read[layer] = layer.pad(x).contiguous()
        return layer(x)

    def drop(self, x: Tensor, rate: float) -> Tensor:
        if self.dropout is None or rate == 0:
            return x
        kept = torch.rand(x.shape, generator=self.dropout, device=x.device) >= rate
        return x * kept / (1 - rate)

    def smaller(self, scale: Any, s: int, x: Tensor, inner: Any) -> Tensor:  # noqa: ARG002
        """Through the scales below and back to this size."""
        grown = scale.grow(inner(self.convolve(scale.shrink, x)))
        if self.recording:
            self.grown[scale] = grown = grown.contiguous()
        return grown[:, :, : x.shape[2], : x.shape[3]]

    def keep(self, stream: str, s: int, way: str, i: int, x: Tensor) -> None:
        if stream == "u":
            self.made[s, way, i] = x

    def beside(self, stream: str, s: int, way: str, i: int) -> Tensor | None:
        return self.made[s, way, i] if stream == "ul" else None


class Reader:
    """One pixel at a time: u a row at once, when the row above is complete; ul a pixel at once. A smaller scale moves
    on when the larger one enters one of its pixels (Ramachandran et al. 2017, arXiv:1704.06001, figure 2).

    The network's own `cross` is run, on parts of the image: only what a convolution reads and where differs.
    """

    def __init__(self, network: PixelCNNPPNetwork, x: Tensor) -> None:
        self.network, self.x = network, x
        self.row, self.column = -1, 0
        self.rows = False  # working on a row of u, or on a pixel of ul
        self.recorded = Whole(recording=True)
        network._whole(x, self.recorded)
        self.made = {key: value.contiguous() for key, value in self.recorded.made.items()}
        self.framed = frame(x)
        self.scale = 0

    def at(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> (B, K)."""
        network = self.network
        self.framed[:, :1, 2 : row + 3, 1:-1] = self.x[:, :, : row + 1]
        if row != self.row:
            self.row, self.rows, self.scale = row, True, 0
            network.cross(self, "u", 0, network.first_u(self.framed[:, :, row : row + 2]))
        self.column, self.rows, self.scale = column, False, 0
        above = network.first_above(self.framed[:, :, row + 1 : row + 2, column : column + 3])
        left = network.first_left(self.framed[:, :, row + 1 : row + 3, column : column + 1])
        return network.finish(network.cross(self, "ul", 0, above + left))[:, :, 0, 0]

    def convolve(self, layer: Causal, x: Tensor) -> Tensor:
        """The row or pixel x (B, C, 1, W or 1) goes where the layer reads it; gives the layer's output there."""
        read = self.recorded.read[layer]
        row, column = self.row >> self.scale, self.column >> self.scale
        if self.rows:
            read[:, :, row + 1, 1 : read.shape[3] - layer.right] = x[:, :, 0]
            window = read[:, :, row : row + 2]
        else:
            read[:, :, row + 1, column + 1] = x[:, :, 0, 0]
            window = read[:, :, row : row + 2, column : column + 2]
        return F.conv2d(window, layer.weight, layer.bias, layer.stride)

    def drop(self, x: Tensor, rate: float) -> Tensor:  # noqa: ARG002
        return x

    def smaller(self, scale: Any, s: int, x: Tensor, inner: Any) -> Tensor:
        row, column = self.row >> s, self.column >> s
        grown = self.recorded.grown[scale]
        small = self.convolve(scale.shrink, x)  # where the smaller scale has no new pixel, only written, not used
        if row % 2 == 0 and (self.rows or column % 2 == 0):
            self.scale = s + 1
            larger = scale.grow(inner(small))  # (B, C, 2, 2W' or 2)
            self.scale = s
            if self.rows:
                grown[:, :, row : row + 2] = larger
            else:
                grown[:, :, row : row + 2, column : column + 2] = larger
        if self.rows:
            return grown[:, :, row : row + 1, : x.shape[3]]
        return grown[:, :, row : row + 1, column : column + 1]

    def keep(self, stream: str, s: int, way: str, i: int, x: Tensor) -> None:
        if stream == "u":
            self.made[s, way, i][:, :, self.row >> s] = x[:, :, 0]

    def beside(self, stream: str, s: int, way: str, i: int) -> Tensor | None:
        if stream == "u":
            return None
        row, column = self.row >> s, self.column >> s
        return self.made[s, way, i][:, :, row : row + 1, column : column + 1]


class PixelCNNPP(RasterModel):
    """Two streams at three scales with a mixture of logistics, fitted by maximum likelihood."""

    name: ClassVar[str] = "pixelcnn_pp"
    Config: ClassVar[type] = PixelCNNPPConfig
    Network: ClassVar[type] = PixelCNNPPNetwork

    def _noise(self) -> dict[str, Any]:
        """Dropout's generator, set by seed, batch and process: it needs no state, and never is the global one."""
        if self.config.dropout == 0:
            return {}
        seed = (self.config.seed * 1_000_003 + self.iteration) * 64 + self.rank
        return {"dropout": torch.Generator(device=self.device).manual_seed(seed)}
