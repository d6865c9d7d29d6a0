"""How far a measure over test items may be off: percentile bootstrap (Efron 1979) over the items, or of a mean of many
the standard error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

DRAWS = 1_000


def bootstrap(items: np.ndarray, measure: Callable[[np.ndarray], float] | None = None) -> tuple[float, float, float]:
    """(measure, low, high): ``measure`` of the items (N, ...), its 2.5 and 97.5 % points over redrawn sets of items.

    Without a measure it is the mean. ValueError where there is no item.
    """
    if len(items) == 0:
        raise ValueError("a measure needs at least one item, got none")
    rows = np.random.default_rng(0).integers(0, len(items), size=(DRAWS, len(items)))
    if measure is None:
        flat = np.asarray(items, dtype=np.float64)
        drawn = flat[rows].mean(axis=1)
        value = float(flat.mean())
    else:
        value, drawn = measure(items), np.array([measure(items[row]) for row in rows])
    low, high = np.percentile(drawn, (2.5, 97.5))
    return value, float(low), float(high)


def named(name: str, items: np.ndarray, measure: Callable[[np.ndarray], float] | None = None) -> dict[str, float]:
    """`bootstrap` as a card keeps it: NAME, NAME_low, NAME_high."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), bootstrap(items, measure), strict=True))


def of_mean(name: str, items: np.ndarray) -> dict[str, float]:
    """The mean of items (N,), thousands of them, as a card keeps it: NAME, and 1.96 standard errors about it."""
    value, error = float(items.mean()), float(items.std(ddof=1) / np.sqrt(len(items))) if len(items) > 1 else np.inf
    return {name: value, f"{name}_low": value - 1.96 * error, f"{name}_high": value + 1.96 * error}
