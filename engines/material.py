r"""What an engine learns from: named rows, loaded by the set's name and given out a batch at a time.

An engine names one of these classes as its ``learns_from``. `load` reads a set (training rows, held-out test rows, a
few of them as the probe that frames show), `batch` gives the rows of a step as a dictionary of tensors on the device,
``about`` and ``sha256`` say for the card what was learned from. Bytes stay bytes until the engine needs numbers.

    class Pix2Pix(Learner):
        learns_from = Pairs.of_fields("outline", "flat")
        def learn(self, batch): x, y = batch["outline"], batch["flat"] ...
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from engines.data import bundled
from engines.maths.pca import fit_pca, project

HELD_OUT = 0.2  # of a measured set, which has no split of its own
Fields = dict[str, Tensor]


def checked(n: int | None, most: int, name: str) -> int:
    """How many of a set's ``most`` training rows are taken: all, or the ``n`` that --n asks for."""
    if n is not None and not 1 <= n <= most:
        raise ValueError(f"--n must be from 1 to {most:,} for {name}, got {n}")
    return most if n is None else n


class Material:
    """What an engine learns from and is tested on, as the command takes it, and how it came to be."""

    def __init__(self, given: Any, *held_out: Any, about: Mapping[str, Any], sha256: str) -> None:
        self.given = given  # what ``create(name, data=...)`` takes
        self.held_out = held_out  # what ``evaluate`` takes
        self.about, self.sha256 = dict(about), sha256
        self.tensors: dict[str, np.ndarray] = {}  # of the data, for the checkpoint: a PCA's
        self.settings: dict[str, Any] = {}  # of the engine, that the data say


class Rows(Material):
    """Named tensors with one row an example: ``train`` to learn from, ``test`` held out, ``probe`` some of ``test``."""

    fields: ClassVar[tuple[str, ...]] = ()  # of a batch; () takes whatever was given
    n_probe: ClassVar[int] = 64

    def __init__(
        self,
        train: Mapping[str, Any],
        test: Mapping[str, Any] | None = None,
        *,
        about: Mapping[str, Any] | None = None,
        sha256: str = "",
    ) -> None:
        self.train = {key: tensor_of(value) for key, value in train.items()}
        self.test = {key: tensor_of(value) for key, value in test.items()} if test else self.train
        if missing := [key for key in self.fields if key not in self.train]:
            raise ValueError(f"{type(self).__name__} needs {', '.join(self.fields)}: {missing[0]} was not given")
        self.probe = {key: value[: self.n_probe] for key, value in self.test.items()}
        super().__init__(self, self.test, about=about or {}, sha256=sha256)

    @classmethod
    def of_fields(cls, *fields: str) -> type[Self]:
        """The same class for other fields of a pack."""
        return type(cls.__name__, (cls,), {"fields": fields})

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        """The pack ``name`` of `engines.data.zoo`: its first ``n`` training rows (all without), its whole test side."""
        from engines.data import zoo

        pack = zoo.load(name)
        rows, held = pack.rows("train"), pack.rows("test")
        rows = rows[: checked(n, len(rows), name)]
        about = {"split": "the pack's own, by identity", "n_train": len(rows), "n_test": len(held)}
        train, test = ({field: pack.take(field, at) for field in cls.fields} for at in (rows, held))
        return cls(train, test, about=about, sha256=pack.sha256)

    @classmethod
    def of(cls, data: Any, *, device: torch.device, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Self:
        """``data`` on the device: Rows, or a mapping of fields to arrays (N, ...). ``shapes`` are those of one row;
        ValueError where a field has another."""
        rows: Any = copy(data) if isinstance(data, Rows) else cls(data)
        for side in ("train", "probe"):
            setattr(rows, side, {key: value.to(device) for key, value in getattr(rows, side).items()})
            for key, shape in (shapes or {}).items():
                found = tuple(getattr(rows, side)[key].shape)
                if found[1:] != tuple(shape) or found[0] == 0:
                    wanted = ", ".join(("N", *map(str, shape)))
                    raise ValueError(f"{key} must have shape ({wanted}), got {found}: set the model's size to fit")
        return rows

    def __len__(self) -> int:
        return len(next(iter(self.train.values())))

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        """The training rows of batch ``step``, each field (B, ...); every epoch a new order, by ``seed``."""
        rows = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed)
        return {key: value[rows.to(value.device)] for key, value in self.train.items()}

    def only(self, label: int) -> Self:
        """The training rows of one class alone; ValueError where there is none. The test side stays whole."""
        if "label" not in self.train:
            raise ValueError(f"{type(self).__name__} has no classes: leave out which one")
        rows = self.train["label"] == label
        if not rows.any():
            raise ValueError(f"no image is of class {label}: choose another")
        kept = copy(self)
        kept.given = kept  # what an engine learns from; the copy would still hand out all rows
        kept.train = {key: value[rows] for key, value in self.train.items()}
        kept.about = {**self.about, "class": label, "n_train": int(rows.sum())}
        return kept


class Images(Rows):
    """Grey images, flat: ``image`` (B, P) uint8, and ``label`` (B,) int64 where the set has them.

    Bytes become 0..1 a batch at a time: a quarter of the memory.
    """

    fields = ("image",)
    n_probe = 1000
    tested_on: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, train: Any, test: Any = None, **about: Any) -> None:
        train, test = (side if isinstance(side, Mapping | None) else {"image": side} for side in (train, test))
        sides = ({**side, "image": _bytes(side["image"])} if side else None for side in (train, test))
        super().__init__(*sides, **about)  # type: ignore[arg-type]
        self.held_out = tuple(self.test[field] for field in self.tested_on if field in self.test)

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        """A bundled set: its first ``n`` training images (all without) and its test images."""
        from engines import data

        if name not in data.names("images"):
            known = ", ".join(data.names("images"))
            raise ValueError(f"{name!r} holds no grey images, which this engine learns from: choose one of {known}")
        train, test = data.load(name), data.load(name, split="test")
        m = checked(n, len(train), name)
        rows, held = ({"image": at.x[:m], "label": at.labels[:m]} for at, m in ((train, m), (test, None)))  # type: ignore[index]
        about = {"split": "train[:n] and test", "n_train": len(rows["image"]), "n_test": len(test)}
        return cls(rows, held, about=about, sha256=bundled.data_hash(name))


class LabelledImages(Images):
    """Grey images whose labels are told when the engine is tested."""

    tested_on = ("image", "label")


def _bytes(data: Any) -> Tensor:
    """(N, ...) bytes or levels in 0..1 -> (N, P) uint8."""
    array = np.asarray(data)
    if array.ndim < 2:
        raise ValueError(f"images must have shape (N, P) or (N, height, width), got {array.shape}")
    array = array.reshape(len(array), -1)
    if array.dtype != np.uint8:
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ValueError("images must be bytes, or numbers from 0 to 1: divide them by their largest level")
        array = np.round(array * 255).astype(np.uint8)
    return torch.from_numpy(np.array(array))


class ColourImages(Rows):
    """``image`` (B, H, W, 3) uint8."""

    fields = ("image",)


class LabelledColourImages(Rows):
    """``image`` (B, H, W, 3) uint8 and ``label`` (B,) uint8."""

    fields = ("image", "label")


class Pairs(Rows):
    """Two images of one thing, row by row; name the fields by `of_fields`."""


class Unpaired(Rows):
    """Two kinds of images whose rows have nothing to do with each other: each field is drawn in an order of its own.

    The fields' training rows are shuffled apart, so that no pair is left that a model could find.
    """

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        batch = {}
        for i, (key, value) in enumerate(self.train.items()):
            rows = batch_rows(step, n_rows=len(value), batch_size=batch_size, seed=seed + 7919 * i)
            batch[key] = value[rows.to(value.device)]
        return batch

    def __len__(self) -> int:
        return min(len(value) for value in self.train.values())


class Captions(Rows):
    """``image`` (B, H, W, 3), ``tokens`` (B, captions, words), 0 behind the last word, and ``attributes`` (B, A)."""

    fields = ("image", "tokens", "attributes")


class Volumes(Rows):
    """``voxels`` (B, 32, 32, 32) of 0 and 1, [x right, y up, z front], and ``label`` (B,)."""

    fields = ("voxels", "label")


class Bars(Rows):
    """Bars of a tune: ``pitch`` and ``onset`` (B, 16), those of the bar before it as ``before`` and ``before_onset``,
    the chord ``cond`` (B, 13), and which ``tune`` (B,) it is of.

    Only bars that follow another are given; the first bar of a tune has none before it.
    """

    fields = ("pitch", "onset", "before", "before_onset", "cond", "tune")

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        from engines.data import zoo

        pack = zoo.load(name)
        before = pack["prev"]
        sides = []
        for split in ("train", "test"):
            rows = pack.rows(split)
            rows = rows[before[rows] >= 0]
            if split == "train":
                rows = rows[: checked(n, len(rows), name)]
            side = {field: pack.take(field, rows) for field in ("pitch", "onset", "cond", "tune")}
            past = {"before": pack.take("pitch", before[rows]), "before_onset": pack.take("onset", before[rows])}
            sides.append({**side, **past})
        about = {"split": "by family of tunes", "n_train": len(sides[0]["pitch"]), "n_test": len(sides[1]["pitch"])}
        return cls(*sides, about=about, sha256=pack.sha256)


class Points(Material):
    """Rows of numbers (N, D) float64, as NumPy: what the engines that need no batches learn from."""

    train: np.ndarray
    test: np.ndarray

    @classmethod
    def load(cls, name: str, *, n: int | None = None, n_dimensions: int | None = None, seed: int = 0) -> Self:
        """The set ``name``: its first ``n`` training rows and its test rows, through PCA where asked for.

        Images come as pixels in 0..1 with their own split. Of a toy set the test rows are a fresh draw; of a
        measured set every fifth row, drawn by ``seed``, is held out. The PCA is fitted to the training rows.
        """
        from engines import data
        from engines.data.registry import kind_of

        kind = kind_of(name)
        if kind == "images":
            # Cut before the pixels become floats: 60,000 images would take 376 MB.
            every, held = data.load(name), data.load(name, split="test")
            split, sha256 = "train[:n] and test", bundled.data_hash(name)
            train, test = every.x[: len(every) if n is None else n].reshape(-1, 784) / 255.0, held.flat()
        elif kind == "toy":
            drawn, fresh = (data.load(name, n=n or 600, seed=s) for s in (seed, seed + 1))
            split, train, test = "a draw and a fresh draw", drawn.x, fresh.x
        else:
            x = data.load(name).x
            order = np.random.default_rng(seed).permutation(len(x))
            cut = round(HELD_OUT * len(x))
            split, train, test = "4/5 and 1/5 by seed", x[order[cut:]][:n], x[order[:cut]]
        if n is not None and n != len(train):
            raise ValueError(f"--n must be from 1 to {len(train):,} for {name}, got {n}")
        if kind != "images":
            sha256 = hashlib.sha256(np.ascontiguousarray(train).tobytes()).hexdigest()
        about = {"split": split, "n_train": len(train), "n_test": len(test), "n_dimensions": train.shape[1],
                 "seed": seed}  # fmt: skip
        tensors = {}
        if n_dimensions is not None:
            pca = fit_pca(train, n_dimensions)
            train, test = project(pca, train), project(pca, test)
            tensors = {f"pca.{f}": getattr(pca, f) for f in pca.__slots__}
            about |= {"pca": n_dimensions, "explained": round(float(pca.explained_ratio.sum()), 4)}
        made = cls(train, test, about=about, sha256=sha256)
        made.train, made.test, made.tensors = train, test, tensors
        return made


def tensor_of(value: Any) -> Tensor:
    """An array as a tensor, a tensor as it is."""
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))  # a copy: torch wants it writable


def batch_rows(step: int, *, n_rows: int, batch_size: int, seed: int) -> Tensor:
    """The rows of the batch of ``step``: every epoch a new order, which depends on nothing but the seed: (B,)."""
    per_epoch = max(1, n_rows // batch_size)
    epoch, i = divmod(step, per_epoch)
    return _order(n_rows, seed, epoch)[i * batch_size : (i + 1) * batch_size]


@lru_cache(maxsize=8)  # some runs at a time, 0.5 MB each at 60,000 rows
def _order(n_rows: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
