"""Outfits in poses: the same person as source and target, a pose as heat maps, and what can be said without a network.

A pose is 7 keypoints, x and y in pixels of a picture of 64 x 64, and which of them can be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.material import Fields, Rows, batch_rows

SIDE = 64
KEYPOINTS = ("head", "chest", "hips", "right hand", "left hand", "right foot", "left foot")
MIRRORED = (0, 1, 2, 4, 3, 6, 5)  # which keypoint each one is in a mirror
SHOWN = 6  # test pairs that a frame shows


class Poses(Rows):
    """Outfits in several poses each, an outfit's rows one behind the other: ``image`` (B, 64, 64, 3), ``keypoints``
    (B, 7, 2) x and y, ``visible`` (B, 7), ``mask`` (B, 64, 64) of 0 and 1, ``outfit`` (B,). A batch has beside them
    ``source``, the same outfit in another pose.
    """

    fields = ("image", "keypoints", "visible", "mask", "outfit")
    n_probe = 72

    def __init__(self, train: Any, test: Any = None, **about: Any) -> None:
        super().__init__(train, test, **about)
        for side in (self.train, self.test):
            side["outfit"] = side["outfit"].to(torch.int64)
            if (side["outfit"].diff() < 0).any() or (torch.unique(side["outfit"], return_counts=True)[1] < 2).any():
                raise ValueError("outfits must come one behind the other, each in two poses or more: sort the rows")
        self.probe["outfit"] = self.test["outfit"][: self.n_probe]

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Poses:
        """The pack ``name``: its first ``n`` training rows, all without. Test outfits are never trained on."""
        from engines.data import zoo

        pack = zoo.load(name)
        rows, held = pack.rows("train"), pack.rows("test")
        if n is not None and not 2 <= n <= len(rows):
            raise ValueError(f"--n must be from 2 to {len(rows):,} for {name}, got {n}")

        def side(at: np.ndarray) -> dict[str, np.ndarray]:
            posed = (pack.take("pose", at), pack.take("sex", at))
            own = {key: pack[f"pose_{key}"][posed] for key in ("keypoints", "visible", "mask")}
            return {"image": pack.take("image", at), **own, "outfit": pack.take("outfit", at)}

        about = {"split": "the pack's own, by outfit", "n_train": len(rows[:n]), "n_test": len(held)}
        return cls(side(rows[:n]), side(held), about=about, sha256=pack.sha256)

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        rows = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed)
        draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
        return paired(self.train, rows, torch.randint(0, 1 << 30, rows.shape, generator=draw))


def paired(side: Fields, rows: Tensor, turn: Tensor | int = 0) -> Fields:
    """``rows`` (B,) with their ``source``: the same outfit's picture ``turn`` + 1 places on, never the row's own."""
    outfit = side["outfit"]
    rows, turn = rows.to(outfit.device), torch.as_tensor(turn, device=outfit.device)
    first, end = (torch.searchsorted(outfit, outfit[rows], right=right) for right in (False, True))
    count = end - first
    source = first + (rows - first + 1 + turn % (count - 1)) % count
    return {**{key: value[rows] for key, value in side.items()}, "source": side["image"][source]}


def heat_maps(keypoints: Tensor, visible: Tensor, radius: float) -> Tensor:
    """P_B: keypoints (B, K, 2), x and y in pixels, ``visible`` (B, K) -> (B, K, 64, 64), 1 within the radius; of a
    hidden keypoint all 0.
    """
    at = torch.arange(SIDE, device=keypoints.device)
    x, y = keypoints[..., 0, None, None], keypoints[..., 1, None, None]
    near = (at[None, :] - x) ** 2 + (at[:, None] - y) ** 2 <= radius**2
    return (near & (visible[..., None, None] > 0)).to(torch.float32)


def mirrored(batch: Fields, flip: Tensor) -> Fields:
    """The pairs that ``flip`` (B,) names as in a mirror, where right and left change places too."""
    turned = {key: batch[key].flip(2) for key in ("image", "source", "mask")}
    turned["visible"], points = batch["visible"][:, MIRRORED], batch["keypoints"][:, MIRRORED]
    turned["keypoints"] = torch.stack([SIDE - 1 - points[..., 0], points[..., 1]], dim=2)
    where = {key: flip.reshape(-1, *[1] * (value.dim() - 1)) for key, value in turned.items()}
    return batch | {key: torch.where(where[key], value, batch[key]) for key, value in turned.items()}


def shown(n: int) -> list[int]:
    """The rows of ``n`` pictures that a frame shows: evenly spread, at most 6."""
    return [i * n // SHOWN for i in range(SHOWN)] if n >= SHOWN else list(range(n))


def by_outfit(values: Tensor, outfit: Tensor) -> np.ndarray:
    """The mean over each outfit's pictures, which are no independent items: (N,) -> (outfits,)."""
    _, at, count = torch.unique(outfit, return_inverse=True, return_counts=True)
    return (torch.zeros(len(count), dtype=torch.float64).index_add_(0, at, values.double()) / count).numpy()


def mean_in_pose(train: Fields, test: Fields) -> Tensor:
    """For every test picture the mean of the training pictures with the very same keypoints: (N, 64, 64, 3) in 0..1."""
    known: dict[bytes, list[int]] = {}
    for i, points in enumerate(train["keypoints"].numpy()):
        known.setdefault(points.tobytes(), []).append(i)
    every, found = list(range(len(train["image"]))), {}
    for points in test["keypoints"].numpy():
        if (key := points.tobytes()) not in found:
            found[key] = (train["image"][known.get(key, every)] / 255).mean(dim=0)
    return torch.stack([found[points.tobytes()] for points in test["keypoints"].numpy()])
