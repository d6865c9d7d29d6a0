r"""Row LSTM: an LSTM that goes down the image row by row, every row at once by convolutions along it.

    [o_i, f_i, i_i, g_i] = \sigma(K^{ss} \circledast h_{i-1} + K^{is} \circledast x_i)     (g by tanh)
    c_i = f_i \odot c_{i-1} + i_i \odot g_i
    h_i = o_i \odot tanh(c_i)                                                      eq. 3, i counts rows

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks" (arXiv:1601.06759), section 3.1. K^{is}
is masked (B) and sees its own row to the left; K^{ss} sees three places of the row above, so that a pixel's context
widens by one place a row: a triangle, which misses pixels to the far left and right.

Departures: Adam instead of RMSProp; no skip connections from every layer to the output, which the paper tries beside
its residual ones (section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks
from engines.autoregressive.pixelcnn import Ends, MaskedConv2d, flat
from engines.autoregressive.raster import RasterConfig, RasterModel


@dataclass(frozen=True, slots=True, kw_only=True)
class LSTMConfig(RasterConfig):
    """Of both of the paper's recurrent networks; neither knows classes."""

    channels: int = 16  # h; the residual stream is 2h wide
    n_layers: int = 3
    first_kernel: int = 7

    def __post_init__(self) -> None:
        RasterConfig.__post_init__(self)
        checks.at_least(self, 1, "channels", "n_layers")
        checks.odd_kernels(self, "first_kernel")


def lstm(gates: Tensor, c: Tensor, dim: int = 1) -> tuple[Tensor, Tensor]:
    """One step of an LSTM, its channels at ``dim``: gates (B, 4h, ...), c (B, h, ...) -> h, c of the shape of c."""
    o, f, i, g = gates.chunk(4, dim=dim)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class Layer(nn.Module):
    """Figure 5 (right): x + (1 x 1 conv to 2h)(LSTM(x)), (B, 2h, H, W) -> (B, 2h, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.input_to_state = nn.Conv2d(2 * channels, 4 * channels, (1, 2))  # 3 x 1, mask B: the left place and its own
        self.state_to_state = nn.Conv1d(channels, 4 * channels, 3, padding=1)
        self.up = nn.Conv2d(channels, 2 * channels, 1)

    def scan(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States of all rows: (B, 2h, H, W) -> h, c, (B, h, H, W) each."""
        inputs = self.input_to_state(F.pad(x, (1, 0)))  # (B, 4h, H, W), of the whole image at once
        h = c = inputs.new_zeros(len(x), self.channels, x.shape[3])
        kept = []
        for row in range(x.shape[2]):
            h, c = lstm(inputs[:, :, row] + self.state_to_state(h), c)  # (B, h, W)
            kept.append((h, c))
        return torch.stack([h for h, _ in kept], dim=2), torch.stack([c for _, c in kept], dim=2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(self.scan(x)[0])


class LSTMNetwork(nn.Module):
    """A masked convolution, residual LSTMs of the kind ``Layer``, two 1 x 1 convolutions: table 1."""

    Layer: ClassVar[type[nn.Module]]
    Reader: ClassVar[type]

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__()
        wide = 2 * config.channels
        self.first = MaskedConv2d("A", 1, wide, config.first_kernel)
        self.layers: Any = nn.ModuleList(type(self).Layer(config.channels) for _ in range(config.n_layers))
        self.head = nn.Conv2d(wide, wide, 1)
        self.out = nn.Conv2d(wide, config.n_out, 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the family's signature
        """Pixels (B, 1, H, W) in 0..1 -> (B, K, H, W)."""
        return self.out(F.relu(self.head(F.relu(self.features(x)[-1]))))

    def features(self, x: Tensor, label: Tensor | None = None) -> list[Tensor]:  # noqa: ARG002
        """What the first layer and every LSTM give: (B, 2h, H, W) each."""
        kept = [self.first(x)]
        for layer in self.layers:
            kept.append(layer(kept[-1]))
        return kept

    def reader(self, x: Tensor, label: Tensor | None = None) -> Any:  # noqa: ARG002
        return type(self).Reader(self, x)


class Reader:
    """One pixel at a time: what the row above says is computed once a row, the rest a pixel at once."""

    def __init__(self, network: LSTMNetwork, x: Tensor) -> None:
        self.network, self.row, self.ends = network, -1, Ends(network, x)
        self.layers = [(flat(layer.input_to_state), flat(layer.up)) for layer in network.layers]
        # Features of the pixel to the left (a zero before the first), and the states of all rows.
        self.left: list[Tensor] = []
        self.states: list[tuple[Tensor, Tensor]] = []
        features = network.first(x)
        for layer in network.layers:
            self.left.append(F.pad(features, (1, 0)))
            self.states.append(layer.scan(features))
            features = features + layer.up(self.states[-1][0])
        self.from_above: list[Tensor] = []

    def _enter(self, row: int) -> None:
        self.row, self.from_above = row, []
        for layer, (h, _) in zip(self.network.layers, self.states, strict=True):
            above = h[:, :, row - 1] if row else torch.zeros_like(h[:, :, 0])
            self.from_above.append(layer.state_to_state(above).permute(2, 0, 1).contiguous())  # (W, B, 4h)

    def at(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> (B, K)."""
        if row != self.row:
            self._enter(row)
        features = self.ends.begin(row, column)
        for i, ((weight, bias), (up, up_bias)) in enumerate(self.layers):
            left, (h, c) = self.left[i], self.states[i]
            left[:, :, row, column + 1] = features
            gates = torch.addmm(bias, left[:, :, row, column : column + 2].flatten(1), weight)
            before = c[:, :, row - 1, column] if row else torch.zeros_like(c[:, :, 0, 0])
            state, cell = lstm(gates + self.from_above[i][column], before)
            h[:, :, row, column], c[:, :, row, column] = state, cell
            features = features + torch.addmm(up_bias, state, up)
        return self.ends.end(features)


class RowLSTMNetwork(LSTMNetwork):
    """Parameters of every pixel's distribution from the triangle above it and its row to the left."""

    Layer = Layer
    Reader = Reader


class RowLSTM(RasterModel):
    """An LSTM down the rows, fitted by maximum likelihood."""

    name: ClassVar[str] = "row_lstm"
    Config: ClassVar[type] = LSTMConfig
    Network: ClassVar[type] = RowLSTMNetwork
