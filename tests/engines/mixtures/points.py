"""Points to fit mixtures to, and runs compared bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save


def blobs(n: int = 100, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(m, s, (n, 2)) for m, s in (((0, 0), 1.0), ((4, 3), 0.6), ((-4, 3), 0.8))])


def through_bytes(state: dict[str, Any]) -> dict[str, Any]:
    tensors = {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}
    return {**state, **load(save(tensors))}


def same_frames(a: Any, b: Any) -> bool:
    a, b = a.frame(), b.frame()
    return (
        (a.step, a.phase) == (b.step, b.phase)
        and dict(a.scalars) == dict(b.scalars)
        and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)
    )
