"""The images that the autoencoders' pages learn from: one copy of each set for all viewers."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np

from engines import data, devices
from engines.material import Images

N_HOSTED = 10_000  # images that a run on a shared server learns from
_loading = threading.Lock()


def images(name: str) -> Images:
    """The set's training images and its first 1,000 test images, as bytes."""
    with _loading:  # two viewers who ask at once must not make two copies of 47 MB
        return _images(name, N_HOSTED if devices.hosted() else None)


@lru_cache(maxsize=2)
def _images(name: str, n: int | None) -> Images:
    return Images.load(name, n=n)


def labels(name: str) -> np.ndarray:
    """The classes of those test images: (1000,)."""
    found = data.load(name, split="test").labels
    assert found is not None
    return found[:1000]
