r"""Principal component analysis in float64 NumPy: fit, project, reconstruct.

Bishop 2006, chapter 12.1: the components are the orthonormal eigenvectors u_1, ..., u_M of the
covariance S of x with the largest eigenvalues \lambda_i, z = U(x - \bar x), \hat x = \bar x + U^T z.
An eigenvector has no sign of its own: here the entry of largest size is positive, as in scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK_ROWS = 4096  # rows centred at a time, so that 60,000 x 784 needs 26 MB beside the input


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PCA:
    """A linear map to M of D directions and back; arrays are read-only float64."""

    mean: np.ndarray  # (D,)
    components: np.ndarray  # (M, D), orthonormal rows, largest variance first
    explained_variance: np.ndarray  # (M,), eigenvalues of the covariance with N - 1 below
    explained_ratio: np.ndarray  # (M,), of the total variance; 0 where there is none

    def __post_init__(self) -> None:
        for name in ("mean", "components", "explained_variance", "explained_ratio"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        n_components, n_features = self.components.shape
        if self.mean.shape != (n_features,) or self.explained_variance.shape != (n_components,):
            raise ValueError(
                f"mean {self.mean.shape}, components {self.components.shape} and "
                f"explained_variance {self.explained_variance.shape} must be (D,), (M, D) and (M,)"
            )


def fit_pca(x: np.ndarray, n_components: int) -> PCA:
    """The first ``n_components`` principal components of x (N, D).

    By eigendecomposition of the (D, D) covariance where N > D, else by singular values of the centred
    data. ValueError: fewer than 2 rows, NaN or infinity, or M outside 1 <= M <= min(N, D).
    """
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"PCA needs at least 2 rows of numbers, (N, D) with N >= 2, got shape {x.shape}")
    n, d = x.shape
    if not 1 <= n_components <= min(n, d):
        raise ValueError(f"n_components must be from 1 to {min(n, d)} for {n} x {d} data, got {n_components}")
    with np.errstate(invalid="ignore"):
        mean = x.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise ValueError("PCA needs finite numbers, got NaN or infinity: remove those rows first")

    if n > d:
        scatter = np.zeros((d, d))
        for start in range(0, n, CHUNK_ROWS):
            centred = x[start : start + CHUNK_ROWS] - mean
            scatter += centred.T @ centred
        eigenvalues, eigenvectors = np.linalg.eigh(scatter / (n - 1))  # ascending
        variances, components = eigenvalues[::-1].clip(min=0), eigenvectors.T[::-1]
    else:
        _, singular, components = np.linalg.svd(x - mean, full_matrices=False)
        variances = singular**2 / (n - 1)

    components = components[:n_components]
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(n_components), largest])[:, None]
    total = variances.sum()
    return PCA(
        mean=mean,
        components=components,
        explained_variance=variances[:n_components],
        explained_ratio=variances[:n_components] / (total if total > 0 else 1.0),
    )


def project(pca: PCA, x: np.ndarray) -> np.ndarray:
    """z = U(x - mean): (N, D) -> (N, M)."""
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != len(pca.mean):
        raise ValueError(f"this PCA takes (N, {len(pca.mean)}), got shape {x.shape}")
    z = np.empty((len(x), len(pca.components)))
    for start in range(0, len(x), CHUNK_ROWS):
        z[start : start + CHUNK_ROWS] = (x[start : start + CHUNK_ROWS] - pca.mean) @ pca.components.T
    return z


def reconstruct(pca: PCA, z: np.ndarray) -> np.ndarray:
    r"""\hat x = mean + U^T z: (N, M) -> (N, D), the point of the M-dimensional plane that z names."""
    z = np.asarray(z)
    if z.ndim != 2 or z.shape[1] != len(pca.components):
        raise ValueError(f"this PCA takes back (N, {len(pca.components)}), got shape {z.shape}")
    return pca.mean + z @ pca.components
