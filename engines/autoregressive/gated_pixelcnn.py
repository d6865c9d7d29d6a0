r"""Gated PixelCNN: two stacks of convolutions that together see every pixel before the present one, and gates.

    v' = tanh(W_{k,f} * v + V_f y) \odot \sigma(W_{k,g} * v + V_g y)                       eq. 2 and 4
    the vertical stack v sees all rows above; the horizontal stack h sees its own row to the left, and v's features
    through a 1 x 1 convolution; residual connections in h only                            figures 1 and 2

van den Oord, Kalchbrenner, Espeholt, Vinyals, Graves & Kavukcuoglu 2016, "Conditional image generation with PixelCNN
decoders" (arXiv:1606.05328). y is the class as a one-hot vector, where the model is conditional.

No mask is needed: a kernel that lies above its output, or to the left of it, is the same as a masked one (section
2.1: "by cropping and padding"). Only the first layer may not see its own place; all later ones see features of it.

Departures: Adam instead of RMSProp; no skip connections from every layer to the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks
from engines.autoregressive.pixelcnn import flat
from engines.autoregressive.raster import RasterConfig, RasterModel


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedPixelCNNConfig(RasterConfig):
    channels: int = 24  # p
    n_layers: int = 6  # the first, with the large kernel, included
    first_kernel: int = 7
    kernel: int = 3
    knows_classes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        RasterConfig.__post_init__(self)
        checks.at_least(self, 1, "channels", "n_layers")
        checks.odd_kernels(self, "first_kernel", "kernel")


def gate(x: Tensor) -> Tensor:
    r"""tanh(a) \odot \sigma(b) of the two halves a, b of the channels: (B, 2p, ...) -> (B, p, ...)."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


class Layer(nn.Module):
    """Figure 2: both stacks one layer further, (B, p, H, W) each; the first reads the image in both, (B, 1, H, W)."""

    def __init__(self, n_in: int, channels: int, kernel: int, n_classes: int, *, first: bool) -> None:
        super().__init__()
        self.first, self.reach = first, kernel // 2
        # The first sees the rows above only, and in its own row only what is to the left.
        rows = self.reach if first else self.reach + 1
        self.vertical = nn.Conv2d(n_in, 2 * channels, (rows, kernel))
        self.horizontal = nn.Conv2d(n_in, 2 * channels, (1, rows))
        self.across = nn.Conv2d(2 * channels, 2 * channels, 1)  # from the vertical to the horizontal stack
        self.out = nn.Conv2d(channels, channels, 1)
        self.classes = nn.Linear(n_classes, 4 * channels, bias=False) if n_classes else None  # V_f, V_g of both

    def pad_vertical(self, v: Tensor) -> Tensor:
        reach = self.reach
        return F.pad(v, (reach, reach, reach, -1 if self.first else 0))  # -1: without the last row, nothing sees it

    def pad_horizontal(self, h: Tensor) -> Tensor:
        return F.pad(h, (self.reach, -1 if self.first else 0))

    def of_class(self, y: Tensor | None) -> tuple[Tensor | float, Tensor | float]:
        """What a class adds to either stack: one-hot (B, C) -> (B, 2p), (B, 2p)."""
        return (0.0, 0.0) if self.classes is None or y is None else self.classes(y).chunk(2, dim=1)

    def forward(self, v: Tensor, h: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        to_v, to_h = (part[:, :, None, None] if isinstance(part, Tensor) else part for part in self.of_class(y))
        above = self.vertical(self.pad_vertical(v))  # (B, 2p, H, W)
        beside = self.horizontal(self.pad_horizontal(h)) + self.across(above) + to_h
        out = self.out(gate(beside))
        return gate(above + to_v), out if self.first else h + out


class GatedPixelCNNNetwork(nn.Module):
    """Parameters of every pixel's distribution from all pixels before it, within reach."""

    def __init__(self, config: GatedPixelCNNConfig) -> None:
        super().__init__()
        p = config.channels
        self.n_classes = config.n_classes
        first = Layer(1, p, config.first_kernel, config.n_classes, first=True)
        later = (Layer(p, p, config.kernel, config.n_classes, first=False) for _ in range(config.n_layers - 1))
        self.layers: Any = nn.ModuleList([first, *later])
        self.head = nn.Conv2d(p, 2 * p, 1)
        self.last = nn.Conv2d(2 * p, config.n_out, 1)

    def one_hot(self, label: Tensor | None, dtype: torch.dtype) -> Tensor | None:
        return None if label is None else F.one_hot(label, self.n_classes).to(dtype)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Pixels (B, 1, H, W) in 0..1, classes (B,) -> (B, K, H, W)."""
        return self.last(F.relu(self.head(F.relu(self.features(x, label)[-1]))))

    def features(self, x: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What every layer gives in the horizontal stack: (B, p, H, W) each."""
        y, v, h = self.one_hot(label, x.dtype), x, x
        kept = []
        for layer in self.layers:
            v, h = layer(v, h, y)
            kept.append(h)
        return kept

    @property
    def reaches(self) -> list[int]:
        """How many rows up and columns aside each of `features` sees."""
        return list(accumulate(layer.reach for layer in self.layers))

    def reader(self, x: Tensor, label: Tensor | None = None) -> Reader:
        return Reader(self, x, label)


class Reader:
    """One pixel at a time: the vertical stack a row at once, when the row above it is complete; the horizontal one
    a pixel at once.
    """

    def __init__(self, network: GatedPixelCNNNetwork, x: Tensor, label: Tensor | None) -> None:
        self.network, self.x, self.row = network, x, -1
        y = network.one_hot(label, x.dtype)
        self.classes = [layer.of_class(y) for layer in network.layers]
        # What the layers after the first read, with zeros around it; one pass fills in the image as it lies.
        self.v: list[Tensor] = []
        self.h: list[Tensor] = []
        v, h = x, x
        for layer in network.layers:
            if not layer.first:
                self.v.append(layer.pad_vertical(v))
                self.h.append(layer.pad_horizontal(h))
            v, h = layer(v, h, y)
        self.flat = [tuple(flat(part) for part in (layer.horizontal, layer.out)) for layer in network.layers]
        self.head, self.last = flat(network.head), flat(network.last)
        self.above: list[Tensor] = []  # (W, B, 2p) of this row, a layer each: what v and the class add to h

    def _enter(self, row: int) -> None:
        """The vertical stack of this row, from the rows above it."""
        self.row, self.above = row, []
        for i, layer in enumerate(self.network.layers):
            to_v, to_h = self.classes[i]
            if layer.first:
                reach = layer.reach  # rows row - reach to row - 1
                window = F.pad(self.x[:, :, max(0, row - reach) : row], (reach, reach, max(0, reach - row), 0))
            else:
                window = self.v[i - 1][:, :, row : row + layer.reach + 1]
            above = layer.vertical(window)[:, :, 0]  # (B, 2p, W)
            across = layer.across(above.unsqueeze(2))[:, :, 0].permute(2, 0, 1)
            self.above.append((across + to_h).contiguous())
            if i < len(self.v):
                reach = self.network.layers[i + 1].reach
                shift = to_v[:, :, None] if isinstance(to_v, Tensor) else to_v
                self.v[i][:, :, row + reach, reach:-reach] = gate(above + shift)

    def at(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> (B, K)."""
        if row != self.row:
            self._enter(row)
        n = len(self.x)
        h: Any = None
        for i, layer in enumerate(self.network.layers):
            (weight, bias), (out_weight, out_bias) = self.flat[i]
            if layer.first:
                left = max(0, column - layer.reach)
                window = F.pad(self.x[:, 0, row, left:column], (layer.reach - column + left, 0))
            else:
                reach = layer.reach
                self.h[i - 1][:, :, row, column + reach] = h
                window = self.h[i - 1][:, :, row, column : column + reach + 1].reshape(n, -1)
            beside = torch.addmm(bias, window, weight) + self.above[i][column]
            out = torch.addmm(out_bias, gate(beside), out_weight)
            h = out if h is None else h + out
        return torch.addmm(self.last[1], torch.addmm(self.head[1], h.relu(), self.head[0]).relu_(), self.last[0])


class GatedPixelCNN(RasterModel):
    """Two stacks without a blind spot, fitted by maximum likelihood."""

    name: ClassVar[str] = "gated_pixelcnn"
    Config: ClassVar[type] = GatedPixelCNNConfig
    Network: ClassVar[type] = GatedPixelCNNNetwork
