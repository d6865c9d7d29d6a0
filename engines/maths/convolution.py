r"""Convolution and its transpose by hand, on one channel: every sum as a loop that can be read.

"Convolution" is what networks call it: the kernel is not turned around (cross-correlation). All maps and kernels are
square. The arithmetic of sizes follows Dumoulin & Visin 2016 (arXiv:1603.07285), relationships 6 and 14:

    convolution              o = floor((n + 2p - k) / s) + 1
    transposed convolution   o = (n - 1) s - 2p + k + a            stride "1/s"; a is the output padding, 0 <= a < s
"""

from __future__ import annotations

import numpy as np

Term = tuple[tuple[int, int], tuple[int, int]]  # a cell of the input, a cell of the kernel


def convolution_size(n: int, *, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """The side of the output; ValueError where the kernel does not fit."""
    if n + 2 * padding < kernel:
        raise ValueError(
            f"a kernel of {kernel} does not fit into {n} + 2 x {padding} = {n + 2 * padding} cells: "
            "take a smaller kernel or more padding"
        )
    return (n + 2 * padding - kernel) // stride + 1


def transposed_size(n: int, *, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0) -> int:
    """The side of the output; ValueError where nothing is left, or the output padding reaches the stride."""
    if not 0 <= output_padding < max(stride, 1):
        raise ValueError(
            f"output padding {output_padding} must be below the stride, {stride}: it chooses among the sizes that a "
            "convolution of this stride would take to the same one"
        )
    side = (n - 1) * stride - 2 * padding + kernel + output_padding
    if side < 1:
        raise ValueError(f"padding {padding} cuts everything away, the output would have {side} cells: take less")
    return side


def convolution_terms(cell: tuple[int, int], n: int, *, kernel: int, stride: int, padding: int) -> list[Term]:
    """What an output cell is the sum of: input and kernel cells that lie on each other; padding adds nothing."""

    def along(at: int) -> list[tuple[int, int]]:  # along one side: cells of the input and of the kernel
        return [(at * stride + u - padding, u) for u in range(kernel) if 0 <= at * stride + u - padding < n]

    return [((i, j), (u, v)) for i, u in along(cell[0]) for j, v in along(cell[1])]


def transposed_terms(cell: tuple[int, int], n: int, *, kernel: int, stride: int, padding: int) -> list[Term]:
    """What an output cell of the transposed convolution is the sum of: every stamp that covers it."""

    def along(at: int) -> list[tuple[int, int]]:  # along one side: cells of the input and of the kernel
        return [(i, at + padding - i * stride) for i in range(n) if 0 <= at + padding - i * stride < kernel]

    return [((i, j), (u, v)) for i, u in along(cell[0]) for j, v in along(cell[1])]


def convolve(x: np.ndarray, w: np.ndarray, *, stride: int = 1, padding: int = 0) -> np.ndarray:
    """The kernel moves over the input: (n, n), (k, k) -> (o, o)."""
    side = convolution_size(len(x), kernel=len(w), stride=stride, padding=padding)
    out = np.zeros((side, side))
    for cell in np.ndindex(side, side):
        terms = convolution_terms(cell, len(x), kernel=len(w), stride=stride, padding=padding)
        out[cell] = sum(x[a] * w[b] for a, b in terms)
    return out


def convolve_transposed(
    x: np.ndarray, w: np.ndarray, *, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> np.ndarray:
    """Every input cell stamps the kernel, times its value, into the output: (n, n), (k, k) -> (o, o)."""
    n, k = len(x), len(w)
    side = transposed_size(n, kernel=k, stride=stride, padding=padding, output_padding=output_padding)
    uncut = np.zeros(((n - 1) * stride + k + output_padding,) * 2)
    for i, j in np.ndindex(n, n):
        uncut[i * stride : i * stride + k, j * stride : j * stride + k] += x[i, j] * w
    return uncut[padding : padding + side, padding : padding + side]


def zero_inserted(x: np.ndarray, *, kernel: int, stride: int, padding: int, output_padding: int) -> np.ndarray:
    """The input with stride - 1 zeros between its cells and kernel - 1 - padding around it: an ordinary convolution of
    this, stride 1, with the kernel turned by 180 degrees is the transposed convolution. padding < kernel.
    """
    margin, side = kernel - 1 - padding, (len(x) - 1) * stride + 1
    out = np.zeros((side + 2 * margin + output_padding,) * 2)
    out[margin : margin + side : stride, margin : margin + side : stride] = x
    return out


def matrix(n: int, w: np.ndarray, *, stride: int, padding: int, output_padding: int) -> np.ndarray:
    """The transposed convolution of (n, n) as a matrix (o^2, n^2); its transpose is the convolution that goes back."""
    k = len(w)
    side = transposed_size(n, kernel=k, stride=stride, padding=padding, output_padding=output_padding)
    out = np.zeros((side * side, n * n))
    for row, column in np.ndindex(side, side):
        for (i, j), b in transposed_terms((row, column), n, kernel=k, stride=stride, padding=padding):
            out[row * side + column, i * n + j] = w[b]
    return out


def overlap(n: int, *, kernel: int, stride: int, padding: int, output_padding: int) -> np.ndarray:
    """How many stamps cover each output cell: (o, o). Uneven where the kernel is no multiple of the stride."""
    ones = np.ones((n, n)), np.ones((kernel, kernel))
    return convolve_transposed(*ones, stride=stride, padding=padding, output_padding=output_padding)


def enlarged(x: np.ndarray, factor: int) -> np.ndarray:
    """Every cell repeated: (n, n) -> (n f, n f), the nearest-neighbour enlargement."""
    return x.repeat(factor, axis=0).repeat(factor, axis=1)
