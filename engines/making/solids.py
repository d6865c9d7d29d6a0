"""Solids as cells: the furniture to learn from, its turns, what is measured of solids, and files of them.

A solid is 32^3 cells of 0 and 1, [x right, y up, z front]. Turns are about the upright axis: four quarters of a solid
and four of its mirror image.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from engines.material import Volumes, checked

SIDE = 32
TURNS = 8
CLASSES = ("stool", "bench", "armchair", "chair", "sofa", "bed", "lamp", "table", "cupboard", "appliance", "bathroom",
           "vehicle", "figure", "door or window", "plant", "vessel", "electronics")  # fmt: skip


class Furniture(Volumes):
    """The pack's solids of a class with a name; what is of class 'other' is left out."""

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        rows = super().load(name)
        sides = []
        for side in (rows.train, rows.test):
            kept = side["label"] < len(CLASSES)
            sides.append({key: value[kept] for key, value in side.items()})
        m = checked(n, len(sides[0]["label"]), name)
        sides[0] = {key: value[:m] for key, value in sides[0].items()}
        about = {**rows.about, "n_train": len(sides[0]["label"]), "n_test": len(sides[1]["label"])}
        return cls(*sides, about=about, sha256=rows.sha256)


def turn(x: Tensor, way: int) -> Tensor:
    """Solids (..., 32, 32, 32) by ``way`` % 4 quarters about the upright axis; mirrored from 4 on."""
    turned = torch.rot90(x, way % 4, (-3, -1))
    return turned.flip(-3) if way >= TURNS // 2 else turned


def turned(x: Tensor, ways: Tensor) -> Tensor:
    """Each of solids (B, 32, 32, 32) its own way (B,) in 0..7."""
    out = torch.empty_like(x)
    for way in range(TURNS):
        out[ways == way] = turn(x[ways == way], way)
    return out


# -- measures ------------------------------------------------------------------------------------------


def in_one_piece(solids: np.ndarray) -> np.ndarray:
    """The share of each solid's cells (N, 32, 32, 32) that hang together with its largest piece through faces: (N,).

    An empty solid has 0.
    """
    shares = np.zeros(len(solids))
    for i, solid in enumerate(solids):
        pieces, n = ndimage.label(solid)
        if n:
            shares[i] = np.bincount(pieces.ravel())[1:].max() / np.count_nonzero(solid)
    return shares


def overlap(a: Tensor, b: Tensor, *, ways: Sequence[int] = range(TURNS)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of solids ``a`` (N, 32, 32, 32) the best IoU with ``b`` (M, 32, 32, 32) over the turns of ``a``:
    the IoU (N,), which of ``b`` (N,) and which way (N,).

    IoU: cells that both fill, of the cells that one of them fills.
    """
    others = b.reshape(len(b), -1).float()
    sizes = others.sum(dim=1)
    found = []
    for way in ways:
        rows = turn(a, way).reshape(len(a), -1).float()
        both = rows @ others.T
        found.append(both / (rows.sum(dim=1)[:, None] + sizes - both).clamp(min=1))
    best = torch.stack(found)  # (ways, N, M)
    value, at = best.permute(1, 0, 2).reshape(len(a), -1).max(dim=1)
    return value.double().numpy(), (at % len(b)).numpy(), np.asarray(list(ways))[(at // len(b)).numpy()]


def by_cell(solids: Tensor, n: int, *, generator: torch.Generator) -> Tensor:
    """The floor of measures: ``n`` solids whose every cell is filled for itself, as often as in ``solids`` and their
    turns: (n, 32, 32, 32) uint8.
    """
    share = torch.stack([turn(solids.float().mean(dim=0), way) for way in range(TURNS)]).mean(dim=0)
    return (torch.rand(n, *share.shape, generator=generator) < share).to(torch.uint8)


def components(solids: Tensor, k: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mean (C,) and the first ``k`` principal components (C, k) of solids (N, 32, 32, 32) in all their turns, each
    cell of 16^3 being the mean of eight: what distances are taken in. No network has a part in it.
    """
    rows = torch.cat([coarse(turn(solids, way)) for way in range(TURNS)])
    mean = rows.mean(dim=0)
    start = torch.randn(rows.shape[1], k + 8, generator=generator)
    basis = start
    for _ in range(4):  # subspace iteration: the spectrum falls fast enough
        basis, _ = torch.linalg.qr((rows - mean).T @ ((rows - mean) @ basis))
    values = torch.linalg.svd((rows - mean) @ basis, full_matrices=False)
    return mean, basis @ values.Vh.T[:, :k]


def energy(rows: Tensor, whole: Tensor) -> np.ndarray:
    r"""Items (N,) whose mean is the energy distance 2 E|x - y| - E|x - x'| - E|y - y'| of ``rows`` x (N, F) to
    ``whole`` y (M, F), 0 where they are distributed alike. What an item differs from the mean by is its influence, so
    that a bootstrap of the mean is one of the distance.
    """
    apart, among = torch.cdist(rows, whole).mean(dim=1), torch.cdist(rows, rows).sum(dim=1) / (len(rows) - 1)
    items = 2 * apart - 2 * among + among.mean() - torch.cdist(whole, whole).mean()
    return items.numpy()


def coarse(solids: Tensor) -> Tensor:
    """Solids (N, 32, 32, 32) as the means of 2 x 2 x 2 cells, flat: (N, 4096)."""
    return torch.nn.functional.avg_pool3d(solids[:, None].float(), 2).flatten(1)


def probe(train: np.ndarray, labels: np.ndarray, test: np.ndarray, *, folds: int = 5) -> np.ndarray:
    """What a linear classifier says of ``test`` (M, F): ridge regression on one number a class, learned from ``train``
    (N, F) and ``labels`` (N,); its weight decay is the one of best accuracy over folds of ``train``: (M,) labels.
    """
    mean, scale = train.mean(axis=0), train.std() + 1e-12
    a, b = (train - mean) / scale, (test - mean) / scale
    a, b = (np.concatenate([x, np.ones((len(x), 1))], axis=1) for x in (a, b))
    kinds = np.unique(labels)
    target = (labels[:, None] == kinds).astype(float)
    kernel, across = a @ a.T, b @ a.T
    fold = np.random.default_rng(0).permutation(len(a)) % folds
    decays = kernel.trace() / len(a) * 10.0 ** np.arange(-5.0, 3.0, 0.5)

    def said(rows: np.ndarray, decay: float, k: np.ndarray) -> np.ndarray:
        weights = np.linalg.solve(kernel[np.ix_(rows, rows)] + decay * np.eye(len(rows)), target[rows])
        return kinds[(k @ weights).argmax(axis=1)]

    right = []
    for decay in decays:
        hits = 0
        for i in range(folds):
            rows, held = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
            hits += int((said(rows, decay, kernel[np.ix_(held, rows)]) == labels[held]).sum())
        right.append(hits)
    return said(np.arange(len(a)), decays[int(np.argmax(right))], across)


# -- files ---------------------------------------------------------------------------------------------


def faces(solid: np.ndarray) -> np.ndarray:
    """The outer faces of a solid's cells, (F, 4, 3) corners in cells, counter-clockwise seen from outside."""
    full = np.pad(np.asarray(solid) > 0, 1)
    squares = []
    for axis in range(3):
        u, v = np.eye(3, dtype=int)[(axis + 1) % 3], np.eye(3, dtype=int)[(axis + 2) % 3]
        for side in (0, 1):
            beside = np.roll(full, 1 - 2 * side, axis=axis)
            at = np.argwhere(full & ~beside) - 1
            corner = at + side * np.eye(3, dtype=int)[axis]
            around = (0 * u, u, u + v, v) if side else (0 * u, v, u + v, u)
            squares.append(np.stack([corner + step for step in around], axis=1))
    return np.concatenate(squares)


def obj(solid: np.ndarray) -> bytes:
    """A solid's faces as a Wavefront OBJ file, y upwards."""
    squares = faces(solid)
    corners, at = np.unique(squares.reshape(-1, 3), axis=0, return_inverse=True)
    lines = [f"v {x} {y} {z}" for x, y, z in corners]
    lines += ["f " + " ".join(map(str, row)) for row in (at.reshape(-1, 4) + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def stl(solid: np.ndarray) -> bytes:
    """A solid's faces as a binary STL file, z upwards as printers have it."""
    squares = faces(solid)[:, :, [2, 0, 1]]
    triangles = np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]]).astype("<f4")
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    rows = np.zeros(len(triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
    rows["normal"], rows["corners"] = normals, triangles
    return bytes(80) + struct.pack("<I", len(rows)) + rows.tobytes()
