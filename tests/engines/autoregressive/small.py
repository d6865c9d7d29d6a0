"""Small models of every kind, for tests that look at all of them."""

from __future__ import annotations

from typing import Any

import torch

import engines

# The smallest of each that still has every kind of layer.
SMALL: dict[str, dict[str, Any]] = {
    "pixelcnn": {"channels": 3, "n_blocks": 2},
    "gated_pixelcnn": {"channels": 3, "n_layers": 3},
    "row_lstm": {"channels": 3, "n_layers": 2},
    "diagonal_bilstm": {"channels": 3, "n_layers": 2},
    "pixelcnn_pp": {"channels": 3, "dropout": 0.1, "n_levels": 2},
    "multiscale": {"channels": 3, "n_blocks": 2, "small_channels": 3, "small_blocks": 2},
}


NAMES = tuple(SMALL)


def make(name: str, **settings: Any) -> Any:
    """An untrained engine, its weights twice as large: distributions far from uniform show mistakes."""
    engine = engines.create(name, device="cpu", **{**SMALL[name], "seed": 1, **settings})
    with torch.no_grad():
        for parameter in engine.network.parameters():
            parameter.mul_(2)
    engine.network.double()
    return engine
