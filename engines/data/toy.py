r"""Made-up sets of points in the plane, within about [-4, 4]; most are mixtures of Gaussians.

Where the truth is a mixture, the set carries it (`Dataset.truth`): points are drawn by choosing
a component k with probability \pi_k, then x ~ N(\mu_k, \Sigma_k). `moons` and `spiral` are no mixtures of Gaussians.
"""

from __future__ import annotations

import math

import numpy as np

from engines.data.dataset import Dataset, Truth, generator_of, read_only

DEFAULT_N = 600
MAX_N = 1_000_000


def _ellipse(major: float, minor: float, degrees: float) -> list[list[float]]:
    r"""The covariance R diag(major^2, minor^2) R^T of an ellipse with these standard deviations, tilted."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotation = np.array([[c, -s], [s, c]])
    return (rotation @ np.diag([major**2, minor**2]) @ rotation.T).tolist()


def _truth(weights: list[float], means: list[list[float]], covariances: list[list[list[float]]]) -> Truth:
    arrays = (np.array(values, dtype=np.float64) for values in (weights, means, covariances))
    return Truth(**dict(zip(("weights", "means", "covariances"), map(read_only, arrays), strict=True)))


_RING = [[3 * math.cos(k * math.pi / 4), 3 * math.sin(k * math.pi / 4)] for k in range(8)]
_GRID = [[1.5 * i, 1.5 * j] for j in range(-2, 3) for i in range(-2, 3)]
_MIXTURES = {
    "blobs": _truth(
        [0.3, 0.3, 0.4],
        [[-2.4, -1.6], [2.3, -1.8], [0.1, 2.2]],
        [_ellipse(0.6, 0.6, 0), _ellipse(0.7, 0.55, 30), _ellipse(0.75, 0.6, -20)],
    ),
    "stretched": _truth(
        [1 / 3, 1 / 3, 1 / 3],
        [[-1.27, 1.27], [0.0, 0.0], [1.27, -1.27]],
        [_ellipse(1.2, 0.22, 45)] * 3,
    ),
    "overlap": _truth([0.4, 0.6], [[0.8, 0.5], [-0.2, -0.1]], [_ellipse(0.3, 0.3, 0), _ellipse(1.6, 1.1, 25)]),
    "ring": _truth([1 / 8] * 8, _RING, [_ellipse(0.3, 0.3, 0)] * 8),
    "line": _truth([1.0], [[0.0, 0.0]], [_ellipse(1.5, 0.1, 30)]),
    "pair": _truth([0.5, 0.5], [[-1.8, -0.9], [1.8, 0.9]], [_ellipse(0.45, 0.45, 0)] * 2),
    "grid": _truth([1 / 25] * 25, _GRID, [_ellipse(0.15, 0.15, 0)] * 25),
}
_ABOUT = {
    "blobs": ("Three blobs", "three roundish Gaussians, well apart: everything works"),
    "stretched": ("Stretched", "three long, tilted Gaussians side by side: k-means cuts them across, EM does not"),
    "overlap": ("Tight in broad", "a tight Gaussian inside a broad one: no straight line parts them"),
    "moons": ("Two moons", "two half moons, not Gaussian at all: a mixture can only tile them"),
    "ring": ("Ring of eight", "eight Gaussians on a ring, the classic test for models that forget modes"),
    "line": ("A line", "one Gaussian, long and very thin: nearly one-dimensional"),
    "pair": ("Two Gaussians", "two round Gaussians of equal weight"),
    "grid": ("Grid of 25", "25 tight Gaussians in five rows"),
    "spiral": ("Spiral", "one turn and a half of a spiral, not Gaussian at all"),
}
NAMES = tuple(_ABOUT)


def make(name: str, *, n: int = DEFAULT_N, seed: int = 0) -> Dataset:
    """``n`` points of the toy set ``name``; the same seed gives the same points."""
    if name not in _ABOUT:
        raise ValueError(f"no toy set is called {name!r}; known: {', '.join(NAMES)}")
    if not 1 <= n <= MAX_N:
        raise ValueError(f"n must be from 1 to {MAX_N:,} points, got {n}")
    generator = generator_of(seed)
    truth = _MIXTURES.get(name)
    if truth is not None:
        x, labels = draw(truth, n, generator)
    else:
        x, labels = _moons(n, generator) if name == "moons" else _spiral(n, generator)
    title, description = _ABOUT[name]
    n_parts = {"moons": 2, "spiral": 1}[name] if truth is None else len(truth.weights)
    return Dataset(
        name=name,
        title=title,
        x=x,
        labels=labels,
        feature_names=("x1", "x2"),
        class_names=tuple(f"component {k + 1}" for k in range(n_parts)),
        source="made here, engines/data/toy.py",
        licence="none needed",
        description=description,
        truth=truth,
    )


def draw(truth: Truth, n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    r"""n points x = \mu_k + L_k \epsilon with L_k L_k^T = \Sigma_k: (N, D), and their components k (N,)."""
    labels = generator.choice(len(truth.weights), size=n, p=truth.weights)
    noise = generator.standard_normal((n, truth.means.shape[1]))
    cholesky = np.linalg.cholesky(truth.covariances)  # (K, D, D)
    return truth.means[labels] + np.einsum("nij,nj->ni", cholesky[labels], noise), labels.astype(np.int64)


def _moons(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles of radius 2 that interlock, blurred by 0.2."""
    labels = generator.integers(2, size=n)
    angle = generator.uniform(0, math.pi, size=n)
    upper = np.stack([2 * np.cos(angle) - 1, 2 * np.sin(angle) - 0.5], axis=1)
    x = np.where(labels[:, None] == 0, upper, -upper)
    return x + 0.2 * generator.standard_normal((n, 2)), labels


def _spiral(n: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An arm that goes out from 0.6 to 3.3 over one turn and a half, evenly along its length, blurred by 0.1."""
    low, high, pace = 0.6, 3.3, 2.7 / (3 * math.pi)  # radius grows by `pace` a radian; length goes with its square
    radius = np.sqrt(generator.uniform(low**2, high**2, size=n))
    angle = (radius - low) / pace
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x + 0.1 * generator.standard_normal((n, 2)), np.zeros(n, dtype=np.int64)
