r"""A convolution or its transpose, one step at a time: a kernel that moves, or a stamp.

    convolution   a step computes one output cell: the kernel moves over the input
    transposed    a step stamps one input cell's value times the kernel into the output
    inserted      the same by an ordinary convolution, of the input with zeros between its cells and a turned kernel
    resize        every cell is repeated `stride` times each way, then an ordinary convolution that keeps the size

The last is the cure for the checkerboard that overlapping stamps make (Odena, Dumoulin & Olah 2016). The formulas are
in `engines/maths/convolution.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engines import checks
from engines.engine import Engine, Frame
from engines.maths import convolution as conv

MODES = ("transposed", "inserted", "convolution", "resize")
VALUES = ("numbers", "ones", "ramp")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposedConvolutionConfig:
    mode: str = "transposed"
    size: int = 3  # n, a side of the input
    kernel: int = 3  # k
    stride: int = 2  # s; of the transposed convolution 1/s
    padding: int = 0  # p
    output_padding: int = 0  # a
    values: str = "numbers"  # small whole ones by the seed, "ones", or a "ramp" of input cells under a kernel of ones
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, mode=MODES, values=VALUES)
        checks.within(self, size=(1, 16), kernel=(1, 7), stride=(1, 4), padding=(0, 6))
        if self.padding >= self.kernel:
            raise ValueError(f"padding {self.padding} must be below the kernel's side, {self.kernel}: take less")
        _ = self.output_size  # which says what does not fit

    @property
    def geometry(self) -> dict[str, int]:
        """Of the transposed convolution."""
        return {"stride": self.stride, "padding": self.padding, "output_padding": self.output_padding}

    @property
    def output_size(self) -> int:
        """A side of the output; ValueError where nothing is left."""
        if self.mode in ("transposed", "inserted"):
            return conv.transposed_size(self.size, kernel=self.kernel, **self.geometry)
        if self.mode == "convolution":
            return conv.convolution_size(self.size, kernel=self.kernel, stride=self.stride, padding=self.padding)
        return conv.convolution_size(self.size * self.stride, kernel=self.kernel, padding=self.kernel // 2)


class TransposedConvolution(Engine):
    """Steps through one operation; ``data`` may hold an input (n, n) and a kernel (k, k) of one's own."""

    name: ClassVar[str] = "transposed_convolution"
    Config: ClassVar[type] = TransposedConvolutionConfig

    def __init__(self, config: TransposedConvolutionConfig, *, data: Any = None, device: str = "cpu") -> None:
        self.config, self.data, self.device = config, data, device
        x, self.kernel = values(config) if data is None else (np.asarray(part, dtype=float) for part in data)
        if x.shape != (config.size,) * 2 or self.kernel.shape != (config.kernel,) * 2:
            raise ValueError(
                f"input and kernel have sides {x.shape} and {self.kernel.shape}: set size and kernel to fit"
            )
        self.input = conv.enlarged(x, config.stride) if config.mode == "resize" else x  # what the kernel lies on
        if config.mode == "inserted":
            self.input = conv.zero_inserted(x, kernel=config.kernel, **config.geometry)
            self.kernel = self.kernel[::-1, ::-1]
        self.at = 0
        if config.mode == "transposed":
            self.result = conv.convolve_transposed(self.input, self.kernel, **config.geometry)
        else:
            self.result = conv.convolve(self.input, self.kernel, stride=self.stride, padding=self.padding)

    @property
    def stride(self) -> int:
        """Of the kernel's moves: 1 over zeros and after resizing."""
        return 1 if self.config.mode in ("resize", "inserted") else self.config.stride

    @property
    def padding(self) -> int:
        """Around the input: half the kernel after resizing, which keeps the size where the kernel is odd; none over
        zeros, which are there already.
        """
        if self.config.mode == "resize":
            return self.config.kernel // 2
        return 0 if self.config.mode == "inserted" else self.config.padding

    @property
    def n_steps(self) -> int:
        return self.input.size if self.config.mode == "transposed" else self.result.size

    @property
    def done(self) -> bool:
        return self.at >= self.n_steps

    def step(self) -> None:
        self.at = min(self.at + 1, self.n_steps)

    def terms(self, cell: tuple[int, int]) -> list[conv.Term]:
        """What output cell is the sum of, whether or not it has been reached."""
        config = self.config
        of = conv.transposed_terms if config.mode == "transposed" else conv.convolution_terms
        return of(cell, len(self.input), kernel=config.kernel, stride=self.stride, padding=self.padding)

    def frame(self) -> Frame:
        """``output`` (o, o) as far as it has come; ``reached`` (o, o): cells that hold something; scalars ``row`` and
        ``column`` of the cell (of the input for a transposed convolution, else of the output) that the step was about.
        """
        over = self.input if self.config.mode == "transposed" else self.result  # what the steps go over, cell by cell
        done = (np.arange(over.size) < self.at).reshape(over.shape)
        if self.config.mode == "transposed":
            output = conv.convolve_transposed(np.where(done, self.input, 0.0), self.kernel, **self.config.geometry)
            reached = conv.convolve_transposed(done, np.ones_like(self.kernel), **self.config.geometry) > 0
        else:
            output, reached = np.where(done, self.result, 0.0), done
        row, column = divmod(max(0, self.at - 1), len(over))
        return Frame(
            step=self.at,
            phase="start" if not self.at else "step",
            scalars={"row": row, "column": column},
            arrays={"output": output, "reached": reached.astype(np.uint8)},
        )

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; another size may have fewer steps, of which the last is then reached."""
        self.at = min(int(state["at"]), self.n_steps)


def values(config: TransposedConvolutionConfig) -> tuple[np.ndarray, np.ndarray]:
    """Input (n, n) and kernel (k, k): whole numbers, so that every sum can be checked in the head."""
    n, k = config.size, config.kernel
    if config.values == "ones":
        return np.ones((n, n)), np.ones((k, k))
    if config.values == "ramp":
        return np.add.outer(np.arange(n), np.arange(n)) + 1.0, np.ones((k, k))
    rng = np.random.default_rng(config.seed)
    kernel = rng.integers(-1, 3, size=(k, k)).astype(float)
    if not kernel.any():
        kernel[0, 0] = 1.0
    return rng.integers(0, 5, size=(n, n)).astype(float), kernel
