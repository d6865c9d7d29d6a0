r"""How near a set of samples is to a set of data, both given as features: (N, F) and (M, F).

Fréchet distance of the two Gaussians that fit them (Heusel et al. 2017, arXiv:1706.08500, eq. 6; Dowson & Landau
1982), and precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2). In the features of an
Inception network the first is called FID; in any other features it is not, and the figures cannot be compared.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


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


def precision_recall(real: np.ndarray, fake: np.ndarray, *, k: int = 3) -> tuple[float, float]:
    """The share of fakes inside the real manifold, and of real ones inside the fakes'.

    A set's manifold is the union of balls around its members, each as far as its ``k``-th nearest other member.
    """
    real_, fake_ = (torch.as_tensor(np.asarray(x), dtype=torch.float32) for x in (real, fake))
    if min(len(real_), len(fake_)) <= k:
        raise ValueError(f"each set needs more than k = {k} members, got {len(real_)} and {len(fake_)}")
    return _inside(fake_, real_, k), _inside(real_, fake_, k)


def _inside(x: Tensor, members: Tensor, k: int) -> float:
    # Straight distances: by the inner product, twice the same point would not be at distance 0.
    mode = "donot_use_mm_for_euclid_dist"
    reach = torch.cat(
        [torch.cdist(part, members, compute_mode=mode).kthvalue(k + 1, dim=1).values for part in members.split(1000)]
    )  # (M,); the nearest member is the point itself
    inside = [(torch.cdist(part, members, compute_mode=mode) <= reach).any(dim=1) for part in x.split(1000)]
    return float(torch.cat(inside).double().mean())
