"""Any set as points in few dimensions, the way the pages draw it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engines.data import registry, toy
from engines.data.dataset import Dataset, generator_of, read_only
from engines.maths.pca import PCA, fit_pca, project

MAX_CACHED = 8
DEFAULT_N = {"images": 5_000, "toy": toy.DEFAULT_N}  # unless more are asked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Points (N, M) float64, read-only, with what they are and how they were projected."""

    x: np.ndarray
    labels: np.ndarray | None
    pca: PCA | None  # None where the set has no more than M dimensions and is drawn as it is
    axis_names: tuple[str, ...]  # "PC 1 (46 %)", or the set's own features
    dataset: Dataset  # about it; its x is the set before projection

    def __len__(self) -> int:
        return len(self.x)


@lru_cache(maxsize=MAX_CACHED)
def load_points(name: str, *, n: int | None = None, seed: int = 0, n_dimensions: int = 2) -> Points:
    """The set ``name`` as (N, n_dimensions) points, through PCA where it has more dimensions than that.

    ``n`` points are drawn by ``seed``; without it a toy set has 600, images 5,000 and a measured set all
    it has. The PCA is fitted to the points that come back.
    """
    kind = registry.kind_of(name)
    if n_dimensions < 1:
        raise ValueError(f"n_dimensions must be >= 1, got {n_dimensions}")
    if kind == "real":
        dataset = registry.load(name)
    else:
        dataset = registry.load(name, n=DEFAULT_N[kind] if n is None else n, seed=seed)
    x, labels = dataset.flat(), dataset.labels
    if kind == "real" and n is not None:
        if not 1 <= n <= len(x):
            raise ValueError(f"n must be from 1 to {len(x):,} for {name}, got {n}")
        chosen = generator_of(seed).permutation(len(x))[:n]
        x, labels = x[chosen], None if labels is None else read_only(labels[chosen])
    if x.shape[1] < n_dimensions:
        raise ValueError(f"{name} has {x.shape[1]} dimensions, fewer than the {n_dimensions} asked for")
    if x.shape[1] == n_dimensions:
        return Points(x=read_only(x), labels=labels, pca=None, axis_names=dataset.feature_names, dataset=dataset)
    pca = fit_pca(x, n_dimensions)
    axis_names = tuple(f"PC {i + 1} ({100 * ratio:.0f} %)" for i, ratio in enumerate(pca.explained_ratio))
    return Points(x=read_only(project(pca, x)), labels=labels, pca=pca, axis_names=axis_names, dataset=dataset)
