"""The record that every data set comes in, and the truth behind the made-up ones."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def read_only(array: np.ndarray) -> np.ndarray:
    """The array itself when it cannot be written to, else a read-only view."""
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def read_checked(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of a file of assets/data; ValueError where it is missing or not the one with this hash."""
    shown = f"assets/data/{path.name}"
    try:
        raw = path.read_bytes()
    except OSError:
        raise ValueError(f"{shown} is missing: restore it with git checkout -- {shown}") from None
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{shown} is damaged (sha256 starts {found[:4]}.., expected {sha256[:4]}..): "
            f"restore it with git checkout -- {shown}"
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def generator_of(seed: int) -> np.random.Generator:
    """A generator of its own for each call; ValueError where the seed (often from an address bar) is negative."""
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}")
    return np.random.default_rng(seed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """The Gaussian mixture that a toy set was drawn from."""

    weights: np.ndarray  # (K,), sums to 1
    means: np.ndarray  # (K, D)
    covariances: np.ndarray  # (K, D, D)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """One data set, read-only: numbers (N, D) float64, or images uint8 (N, 28, 28), white on black."""

    name: str
    title: str
    x: np.ndarray
    labels: np.ndarray | None = None  # (N,) int64; what the points are, which no engine here is told
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    description: str = ""  # one line
    truth: Truth | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", read_only(self.x))
        if self.labels is not None:
            if len(self.labels) != len(self.x):
                raise ValueError(f"{self.name}: {len(self.x)} rows but {len(self.labels)} labels")
            object.__setattr__(self, "labels", read_only(self.labels))

    def __len__(self) -> int:
        return len(self.x)

    def flat(self) -> np.ndarray:
        """The points as (N, D) float64; pixels become 0..1."""
        return self.x.reshape(len(self.x), -1) / 255.0 if self.x.dtype == np.uint8 else self.x
