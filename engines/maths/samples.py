r"""How near a set of samples is to a set of data.

Of features (N, F) and (M, F): Fréchet distance of the two Gaussians that fit them (Heusel et al. 2017,
arXiv:1706.08500, eq. 6; Dowson & Landau 1982), and precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991,
eq. 1 and 2). In the features of an Inception network the first is called FID; in any other features it is not, and
the figures cannot be compared.

Of points in the plane: Jensen-Shannon divergence over cells, energy distance, modes covered.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engines.maths.intervals import bootstrap


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    r"""|\mu_a - \mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^{1/2}) of samples (N, F) and (M, F), N, M >= 2.

    The trace of the root is taken from the symmetric C_a^{1/2} C_b C_a^{1/2}, which has the same eigenvalues.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    for x in (a, b):
        if x.ndim != 2 or len(x) < 2 or x.shape[1] != a.shape[1]:
            raise ValueError(f"features must have shape (N, F) with N >= 2, got {a.shape} and {b.shape}")
    covariance_a, covariance_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ covariance_b @ root), 0, None)).sum()
    apart = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(apart + np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross)


def frechet_named(name: str, true: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """The Frechet distance of two sets of features (N, F), as a card keeps it: its interval is as wide as the
    bootstrap's, about the distance itself: redrawn sets hold some items twice, vary less and lie farther apart.
    """
    pairs = np.stack([true, made], axis=1)
    value, low, high = bootstrap(pairs, lambda rows: frechet_distance(rows[:, 0], rows[:, 1]))
    return {name: value, f"{name}_low": value - (high - low) / 2, f"{name}_high": value + (high - low) / 2}


def precision_recall(real: np.ndarray, fake: np.ndarray, *, k: int = 3) -> tuple[float, float]:
    """The share of fakes inside the real manifold, and of real ones inside the fakes'.

    A set's manifold is the union of balls around its members, each as far as its ``k``-th nearest other member.
    """
    real_, fake_ = (torch.as_tensor(np.asarray(x), dtype=torch.float64) for x in (real, fake))
    if min(len(real_), len(fake_)) <= k:
        raise ValueError(f"each set needs more than k = {k} members, got {len(real_)} and {len(fake_)}")
    return _inside(fake_, real_, k), _inside(real_, fake_, k)


def _inside(x: Tensor, members: Tensor, k: int) -> float:
    reach = torch.cat([_squared(part, members).kthvalue(k + 1, dim=1).values for part in members.split(1000)])  # (M,)
    # The nearest member of a member is itself, hence k + 1; rounding must not push a point out of its own ball.
    reach = reach * (1 + 1e-9) + 1e-9
    inside = [(_squared(part, members) <= reach).any(dim=1) for part in x.split(1000)]
    return float(torch.cat(inside).double().mean())


def _squared(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2: (N, F), (M, F) -> (N, M)."""
    return (a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * a @ b.T).clamp_(min=0)


def cells(x: np.ndarray, *, low: float, high: float, n: int) -> np.ndarray:
    """Shares of points (N, 2) in the n x n cells of the square [low, high]^2, first row lowest: (n, n), sum 1.

    Points beyond the square count in the cell at its edge, so that nothing is lost.
    """
    at = np.clip(((np.asarray(x) - low) * (n / (high - low))).astype(np.int64), 0, n - 1)  # (N, 2)
    counts = np.bincount(at[:, 1] * n + at[:, 0], minlength=n * n)
    return counts.reshape(n, n) / len(at)


def jensen_shannon(p: np.ndarray, q: np.ndarray, *, n_p: int | None = None, n_q: int | None = None) -> float:
    r"""JS(p || q) = H((p + q)/2) - H(p)/2 - H(q)/2 in nats, of shares over the same cells; from 0 to log 2.

    Shares counted from ``n_p`` and ``n_q`` points have too low an entropy, by (cells in use - 1)/2N on average
    (Miller 1955); with these numbers given the three entropies are corrected, and a set compared with another draw of
    itself gives 0 within sampling error instead of about cells/8N.
    """
    p, q = np.asarray(p, dtype=np.float64).ravel(), np.asarray(q, dtype=np.float64).ravel()
    if p.shape != q.shape:
        raise ValueError(f"shares must be over the same cells, got {p.size} and {q.size}")
    both = (p + q) / 2
    divergence = _entropy(both) - _entropy(p) / 2 - _entropy(q) / 2
    if n_p and n_q:
        extra = [(np.count_nonzero(share) - 1) / (2 * n) for share, n in ((both, n_p + n_q), (p, n_p), (q, n_q))]
        divergence += extra[0] - extra[1] / 2 - extra[2] / 2
    return float(np.clip(divergence, 0, np.log(2)))


def _entropy(shares: np.ndarray) -> float:
    used = shares[shares > 0]
    return -float((used * np.log(used)).sum())


def energy_distance(a: np.ndarray, b: np.ndarray, *, within_a: float | None = None) -> float:
    """2 E|A - B| - E|A - A'| - E|B - B'| (Székely & Rizzo 2013, eq. 1), unbiased, of points (N, D) and (M, D).

    0 for two draws of one distribution on average, so it may come out a little below. ``within_a``, the second term as
    `mean_distance` gives it, saves computing it anew for data that stay.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"each set needs at least 2 points, got {len(a)} and {len(b)}")
    first, second = (torch.tensor(np.asarray(x), dtype=torch.float32) for x in (a, b))
    within = (mean_distance(a) if within_a is None else within_a) + mean_distance(b)
    return float(2 * torch.cdist(first, second).mean()) - within


def mean_distance(x: np.ndarray) -> float:
    """E|X - X'| over the pairs of different points: (N, D), N >= 2."""
    points = torch.tensor(np.asarray(x), dtype=torch.float32)
    return float(torch.cdist(points, points).sum() / (len(points) * (len(points) - 1)))


def modes_covered(x: np.ndarray, means: np.ndarray, deviations: np.ndarray, *, share: float = 0.25) -> int:
    """How many modes (K, D) have enough points: within 3 standard deviations (K,) lie at least ``share`` of N / K."""
    near = np.linalg.norm(np.asarray(x)[:, None] - means[None], axis=2) <= 3 * deviations  # (N, K)
    return int((near.sum(axis=0) >= share * len(x) / len(means)).sum())
