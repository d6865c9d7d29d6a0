"""Where a mixture starts: what EM and k-means accept as data, and how they choose their first means."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

INITS = ("kmeans++", "random", "bad", "given")


def points_of(data: Any, n_components: int, device: torch.device) -> Tensor:
    """(N, D) finite float64 on the device; ValueError says which value is wrong and what to do."""
    if data is None:
        raise ValueError("a mixture needs data: pass an array of shape (N, D)")
    points = data if isinstance(data, Tensor) else torch.from_numpy(np.array(data, dtype=np.float64))
    points = points.to(device=device, dtype=torch.float64)
    if points.dim() != 2 or points.shape[1] == 0:
        raise ValueError(f"data must have shape (N, D), got {tuple(points.shape)}")
    if len(points) == 0:
        raise ValueError("there are no points: add at least as many as components")
    wrong = ~torch.isfinite(points)
    if wrong.any():
        row, column = (int(i) for i in wrong.nonzero()[0])
        raise ValueError(
            f"row {row + 1}, column {column + 1} is {float(points[row, column])}: remove it or fill it in, "
            "every value must be a finite number"
        )
    if n_components > len(points):
        raise ValueError(
            f"n_components is {n_components} but there {'is' if len(points) == 1 else 'are'} only {len(points)} "
            f"point{'' if len(points) == 1 else 's'}: use at most {len(points)} or add points"
        )
    n_different = distinct(points, n_components)
    if n_components > n_different:
        found = f"only {n_different} of the {len(points):,} points differ"
        found = f"all {len(points):,} points are the same" if n_different == 1 else found
        raise ValueError(f"n_components is {n_components} but {found}: use at most {n_different} or add others")
    return points


def like(data: Tensor, x: Any) -> Tensor:
    """``x`` as rows (B, D) beside ``data`` (N, D)."""
    rows = torch.as_tensor(x, dtype=torch.float64, device=data.device)
    if rows.dim() != 2 or rows.shape[1] != data.shape[1]:
        raise ValueError(f"x must have shape (B, {data.shape[1]}), got {tuple(rows.shape)}")
    return rows


def distinct(points: Tensor, enough: int) -> int:
    """How many different points there are, counted no further than where the first rows already hold ``enough``."""
    first = len(torch.unique(points[: 64 * enough], dim=0))
    return first if first >= enough else len(torch.unique(points, dim=0))


def choose_means(data: Tensor, init: str, k: int, given: Any, generator: torch.Generator) -> Tensor:
    """The first means (K, D) for one of INITS."""
    if init == "given":
        means = torch.tensor(given, dtype=data.dtype, device=data.device)
        if means.shape != (k, data.shape[1]):
            raise ValueError(f"the given means must have shape ({k}, {data.shape[1]}), got {tuple(means.shape)}")
        return means
    if init == "random":
        return data[torch.randperm(len(data), generator=generator)[:k].to(data.device)].clone()
    if init == "bad":
        return _crowded(data, k, generator)
    return kmeans_plus_plus(data, k, generator)


def kmeans_plus_plus(data: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Each next mean is a data point drawn with probability proportional to its squared distance
    to the nearest mean chosen so far (Arthur & Vassilvitskii 2007): -> (K, D).
    """
    first = int(torch.randint(len(data), (1,), generator=generator))
    means = [data[first]]
    nearest = (data - means[0]).square().sum(dim=1)  # (N,)
    for _ in range(k - 1):
        mass = nearest.cumsum(dim=0)
        if mass[-1] <= 0:  # every point is a mean already
            chosen = int(torch.randint(len(data), (1,), generator=generator))
        else:
            target = torch.rand(1, dtype=data.dtype, generator=generator).to(data.device) * mass[-1]
            chosen = min(int(torch.searchsorted(mass, target, right=True)), len(data) - 1)
        means.append(data[chosen])
        nearest = torch.minimum(nearest, (data - means[-1]).square().sum(dim=1))
    return torch.stack(means)


def _crowded(data: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """All means huddled at the point farthest from the centre: a start that EM has to crawl out of."""
    offset = data - data.mean(dim=0)
    corner = data[int(offset.square().sum(dim=1).argmax())]
    spread = 0.02 * data.std(dim=0, correction=0)
    noise = torch.randn(k, data.shape[1], dtype=data.dtype, generator=generator).to(data.device)
    return corner + noise * spread
