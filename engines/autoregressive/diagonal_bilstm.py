r"""Diagonal BiLSTM: two LSTMs that cross the image along its diagonals and together see every pixel before.

    [o_i, f_i, i_i, g_i] = \sigma(K^{ss} \circledast h_{i-1} + K^{is} \circledast x_i)     (g by tanh)
    c_i = f_i \odot c_{i-1} + i_i \odot g_i
    h_i = o_i \odot tanh(c_i)                                                      eq. 3, i counts diagonals

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks" (arXiv:1601.06759), section 3.2. The
image is skewed: each row moved one place further to the right than the one above it, so that a diagonal lies in a
column of an H x (W + H - 1) map and its pixels can be computed at once. K^{ss}, a 2 x 1 kernel, then sees a pixel's
left and upper neighbour. The second LSTM does so from the right; its states are moved down by one row, or it would
see the future. One pixel escapes both: the last of the row above, which features of that row may not see (mask A) and
those of this row see only from nearby, through the first layer's kernel.

Departures: Adam instead of RMSProp; no skip connections from every layer to the output, which the paper tries beside
its residual ones (section 3.3).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.autoregressive.pixelcnn import Ends, flat
from engines.autoregressive.raster import RasterModel
from engines.autoregressive.receptive import gradient, measured
from engines.autoregressive.row_lstm import LSTMConfig, LSTMNetwork, lstm

LEFT, RIGHT = 0, 1  # the side that an LSTM comes from


def skew(x: Tensor, fill: float = 0.0) -> Tensor:
    """Row r moved r places to the right, ``fill`` around it: (B, C, H, W) -> (B, C, H, W + H - 1).

    Padded by H and read as one line of H (W + H) numbers, of which the last H are cut off, every row of W + H - 1
    starts one place later.
    """
    n, channels, height, width = x.shape
    line = F.pad(x, (0, height), value=fill).reshape(n, channels, -1)
    return line[:, :, : height * (width + height - 1)].reshape(n, channels, height, width + height - 1)


def unskew(x: Tensor) -> Tensor:
    """What `skew` did, undone: (B, C, H, W + H - 1) -> (B, C, H, W)."""
    n, channels, height, wide = x.shape
    line = F.pad(x.reshape(n, channels, -1), (0, height))
    return line.reshape(n, channels, height, wide + 1)[:, :, :, : wide + 1 - height]


class Layer(nn.Module):
    """x + (1 x 1 conv to 2h)(both LSTMs), (B, 2h, H, W) -> (B, 2h, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.input_to_state = nn.Conv2d(2 * channels, 8 * channels, 1)  # of the LSTM from the left, and from the right
        # The 2 x 1 kernel down a column of the skewed map, as a matrix on (state above, state beside).
        self.from_left = nn.Linear(2 * channels, 4 * channels, bias=False)
        self.from_right = nn.Linear(2 * channels, 4 * channels, bias=False)
        self.up = nn.Conv2d(channels, 2 * channels, 1)

    def scan(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States h and c of both LSTMs, each where its pixel is: (B, 2h, H, W) -> (2, B, h, H, W) twice."""
        n, _, height, _ = x.shape
        left, right = self.input_to_state(x).chunk(2, dim=1)
        # Gates of -10,000 are shut: outside the image, where the skewed map holds no pixel, states are zero.
        both = skew(torch.cat([left, right.flip(3)]), fill=-1e4)  # (2B, 4h, H, J), J = W + H - 1
        inputs = both.unflatten(0, (2, n)).permute(4, 0, 3, 1, 2).flatten(2, 3).contiguous()  # (J, 2, H B, 4h)
        weight = torch.stack([self.from_left.weight.T, self.from_right.weight.T])  # (2, 2h, 4h)
        h = c = inputs.new_zeros(2, height * n, self.channels)
        kept = []
        for gates in inputs:
            above = torch.cat([torch.zeros_like(h[:, :n]), h[:, :-n]], dim=1)
            gates = torch.baddbmm(gates, torch.cat([above, h], dim=2), weight)
            h, c = lstm(gates, c, dim=2)
            kept.append(torch.stack([h, c]))
        states = torch.stack(kept, dim=-1).unflatten(2, (height, n))  # (2, 2, H, B, h, J)
        states = unskew(states.permute(0, 1, 3, 4, 2, 5).reshape(4 * n, self.channels, height, -1))
        states = states.unflatten(0, (2, 2, n))  # (h and c, left and right, B, h, H, W)
        h, c = torch.stack([states[:, 0], states[:, 1].flip(4)], dim=1)
        return h, c

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.scan(x)
        return x + self.up(h[0] + down(h[1]))


def down(x: Tensor) -> Tensor:
    """Moved down by one row, zeros above: of the row above, the LSTM from the right has seen all but its left part."""
    return F.pad(x, (0, 0, 1, -1))


class Reader:
    """One pixel at a time: the LSTM from the left a pixel at once, the one from the right for the row above, when
    that row is complete.
    """

    def __init__(self, network: LSTMNetwork, x: Tensor) -> None:
        self.width, self.row, self.ends = x.shape[3], -1, Ends(network, x)
        self.features: list[Tensor] = []  # what every layer reads, (B, 2h, H, W)
        self.states: list[tuple[Tensor, Tensor]] = []  # h and c, (2, B, h, H, W) each
        features = network.first(x)
        for layer in network.layers:
            self.features.append(features.clone())
            h, c = layer.scan(features)
            self.states.append((h.contiguous(), c.contiguous()))
            features = features + layer.up(h[0] + down(h[1]))
        self.cells = [_cells(layer) for layer in network.layers]
        self.up = [flat(layer.up) for layer in network.layers]

    def _step(self, layer: int, direction: int, row: int, column: int) -> None:
        """States of one LSTM at one place from those above it and beside it, written where they belong."""
        h, c = (state[direction] for state in self.states[layer])  # (B, h, H, W)
        beside = column + 1 if direction else column - 1
        nothing = torch.zeros_like(h[:, :, 0, 0])
        above = h[:, :, row - 1, column] if row else nothing
        inside = 0 <= beside < h.shape[3]
        h_before, c_before = (h[:, :, row, beside], c[:, :, row, beside]) if inside else (nothing, nothing)
        weight, bias = self.cells[layer][direction]
        x = self.features[layer][:, :, row, column]
        gates = torch.addmm(bias, torch.cat([x, above, h_before], dim=1), weight)
        h[:, :, row, column], c[:, :, row, column] = lstm(gates, c_before)

    def _enter(self, row: int) -> None:
        self.row = row
        if row:
            for layer in range(len(self.cells)):
                for column in reversed(range(self.width)):
                    self._step(layer, RIGHT, row - 1, column)

    def at(self, row: int, column: int) -> Tensor:
        """Pixels before this one as they are now -> (B, K)."""
        if row != self.row:
            self._enter(row)
        features = self.ends.begin(row, column)
        for i, (up, up_bias) in enumerate(self.up):
            self.features[i][:, :, row, column] = features
            self._step(i, LEFT, row, column)
            h = self.states[i][0]
            seen = h[LEFT, :, :, row, column]
            if row:
                seen = seen + h[RIGHT, :, :, row - 1, column]
            features = features + torch.addmm(up_bias, seen, up)
        return self.ends.end(features)


def _cells(layer: Layer) -> list[tuple[Tensor, Tensor]]:
    """Both LSTMs' gates at one place as a matrix, of (features, state above, state beside): (4h, 4h), (4h,)."""
    weight, bias = flat(layer.input_to_state)
    states = (layer.from_left.weight.T, layer.from_right.weight.T)
    parts = zip(weight.chunk(2, dim=1), states, bias.chunk(2), strict=True)
    return [(torch.cat([of_input, of_state.detach()]), offset) for of_input, of_state, offset in parts]


class DiagonalBiLSTMNetwork(LSTMNetwork):
    """Parameters of every pixel's distribution from all pixels before it."""

    Layer = Layer
    Reader = Reader


class DiagonalBiLSTM(RasterModel):
    """LSTMs along both diagonals, fitted by maximum likelihood."""

    name: ClassVar[str] = "diagonal_bilstm"
    Config: ClassVar[type] = LSTMConfig
    Network: ClassVar[type] = DiagonalBiLSTMNetwork

    def directions(self, row: int, column: int) -> Tensor:
        """What the first layer's two LSTMs, by themselves, tell the pixel at (row, column): by gradient, (2, H, W)."""
        values = measured(self, row, column, None)
        with torch.enable_grad():
            h, _ = self.network.layers[0].scan(self.network.first(values))
            left = gradient(h[LEFT][:, :, row, column].sum(), values)
            right = gradient(h[RIGHT][:, :, row - 1, column].sum(), values) if row else torch.zeros_like(left)
        return torch.stack([left, right])
