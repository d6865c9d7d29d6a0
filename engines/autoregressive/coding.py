r"""An image as bytes and back, without loss: a model's chances drive an arithmetic coder.

    length in bits  ~  -\log_2 p(x) = -\sum_i \log_2 p(x_i | x_1, ..., x_{i-1})         Shannon 1948, section 9

A range coder (Martin 1979; the package `constriction`) narrows an interval by each pixel's chance. To decode is to fill
in an image with the coder choosing each pixel. Both sides must find the same chances to the last digit, so both ask the
model pixel by pixel in the same way, and chances are rounded to multiples of 2^-16; between machines whose arithmetic
differs a decoder may still go wrong. A checksum of the image tells: what does not fit it is an error, never an image.

    bytes = checksum (CRC-32 of the levels), then the shortest bytes that name a number in the interval
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
import torch

from engines.autoregressive.raster import RasterModel

CHECK = 4  # bytes
RESOLUTION = 1 << 16
FAMILY = constriction.stream.model.Categorical(perfect=False)  # of distributions, one a row of chances
LONGEST = 20_000  # bytes: more than 28 x 28 pixels of 256 levels could ever need


class DamagedError(ValueError):
    """Bytes that are no image of this model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The bytes, and what the model promised: ``nats``, -log p(x); ``nats_per_pixel`` (H, W)."""

    data: bytes
    nats: float
    nats_per_pixel: np.ndarray

    @property
    def promised_bytes(self) -> float:
        return self.nats / math.log(2) / 8


def encode(model: RasterModel, x: Any, label: int | None = None) -> Encoded:
    """Levels (H, W) as bytes; ValueError where they are none of the model's."""
    levels = model._levels(np.asarray(x)[None])[0].cpu().numpy()
    table = []  # the chances of every level, a row a pixel, in the model's order
    nats = np.zeros(levels.size)

    def known(position: int, log_probs: np.ndarray) -> int:
        level = int(levels.flat[position])
        nats[position] = -log_probs[level]
        table.append(_rounded(log_probs))
        return level

    walk(model, label, known)
    chances = np.stack(table)
    message = levels.flat[model.order].astype(np.int32)
    data = _shortest(chances, message)
    return Encoded(data=_check(levels) + data, nats=float(nats.sum()), nats_per_pixel=nats.reshape(levels.shape))


def decode(model: RasterModel, data: bytes, label: int | None = None) -> np.ndarray:
    """The levels (H, W) behind what `encode` gave; DamagedError where the bytes are no such image."""
    levels, problem = read(model, data, label)
    if problem:
        raise DamagedError(problem)
    return levels


def read(model: RasterModel, data: bytes, label: int | None = None) -> tuple[np.ndarray, str]:
    """What bytes decode to, (H, W), and what is wrong with them: "" where nothing is."""
    size = model.config.size
    if not CHECK <= len(data) <= LONGEST:
        found = f"an image has from {CHECK} to {LONGEST:,} bytes, got {len(data):,}: give the bytes of encode()"
        return np.zeros((size, size), dtype=np.uint8), found
    decoder = constriction.stream.queue.RangeDecoder(_words(data[CHECK:]))
    levels, table = np.zeros((size, size), dtype=np.uint8), []

    def draw(position: int, log_probs: np.ndarray) -> int:
        table.append(_rounded(log_probs))
        levels.flat[position] = level = int(decoder.decode(FAMILY, table[-1][None])[0])
        return level

    try:
        walk(model, label, draw)
    except AssertionError:  # the coder's own word for a number in no interval
        return levels, "the bytes are damaged, or of another model: they name no image"
    # Of the numbers in an interval only one is what encode() gives: any other has been tampered with.
    again = _shortest(np.stack(table), levels.flat[model.order].astype(np.int32))
    if _check(levels) != data[:CHECK] or again != data[CHECK:]:
        return levels, "the bytes are damaged, or of another model: the image that they name fails its checksum"
    return levels, ""


@torch.no_grad()
def walk(model: RasterModel, label: int | None, choose: Callable[[int, np.ndarray], int]) -> np.ndarray:
    """Every pixel in the model's order: ``choose(position, log_probs)`` gives its level. The image: (H, W)."""
    size, n_levels = model.config.size, model.config.n_levels
    levels = np.zeros((size, size), dtype=np.uint8)
    values = model._as_input(torch.zeros(1, size, size, dtype=torch.uint8, device=model.device))
    reader = model.network.reader(values, model._labels(label, 1))
    for position in model.order:
        row, column = divmod(int(position), size)
        log_probs = model.log_probs_of(reader.at(row, column))[0].double().cpu().numpy()
        level = choose(int(position), log_probs)
        levels[row, column] = level
        values[0, 0, row, column] = level / (n_levels - 1)
    return levels


def _rounded(log_probs: np.ndarray) -> np.ndarray:
    """Chances as multiples of 2^-16, none of them zero: (L,) float64, not summing to one."""
    return np.rint(np.exp(log_probs) * RESOLUTION) + 1


def _check(levels: np.ndarray) -> bytes:
    return binascii.crc32(levels.tobytes()).to_bytes(CHECK, "big")


def _words(data: bytes) -> np.ndarray:
    """Bytes as the coder's 32-bit words, zeros behind them."""
    padded = data + bytes(8 + -len(data) % 4)
    return np.frombuffer(padded, dtype=">u4").astype(np.uint32)


def _shortest(chances: np.ndarray, message: np.ndarray) -> bytes:
    """The fewest bytes that decode to the message with zeros read behind them.

    The coder gives whole words that name the interval's lower end. A number a little above it, which ends earlier, may
    lie in the interval too: the prefix plus one in its last place.
    """
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(message, FAMILY, chances)
    whole = encoder.get_compressed().astype(">u4").tobytes()

    def names_it(data: bytes) -> bool:
        try:
            found = constriction.stream.queue.RangeDecoder(_words(data)).decode(FAMILY, chances)
        except AssertionError:  # outside every interval
            return False
        return bool(np.array_equal(found, message))

    for length in range(max(0, len(whole) - 12), len(whole)):
        prefix = int.from_bytes(whole[:length], "big")
        for value in (prefix, prefix + 1):
            if length and value < 1 << (8 * length) and names_it(value.to_bytes(length, "big")):
                return value.to_bytes(length, "big")
    return whole
