"""What the hand did on the stage, as the player sends it."""

from __future__ import annotations

from typing import Any

import numpy as np


def pairs(event: dict[str, Any]) -> np.ndarray:
    """Points (N, 2) from what the player sent; what is not a finite number is left out."""
    x, y = (np.asarray(event.get(axis, []), dtype=np.float64) for axis in ("x", "y"))
    both = np.stack([x[: len(y)], y[: len(x)]], axis=1)
    return both[np.isfinite(both).all(axis=1)]


def index(value: Any, count: int) -> int:
    """Which of ``count`` the browser means; the nearest there is, the first for what is no number."""
    try:
        return max(0, min(int(value), count - 1))
    except (TypeError, ValueError, OverflowError):
        return 0
