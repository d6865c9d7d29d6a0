"""Sheets: many small images as one grey picture on the stage's second axes."""

from __future__ import annotations

from typing import Any

import numpy as np

GAP = 2
PAPER = 110  # the grey level between images

# A trace that holds the second pair of axes open: the sheet itself is painted below it.
OPEN: dict[str, Any] = {
    "type": "scatter",
    "mode": "markers",
    "x": [0],
    "y": [0],
    "marker": {"opacity": 0},
    "xaxis": "x2",
    "yaxis": "y2",
}


def sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Square images as bytes (N, S, S) -> one sheet of ``columns`` across, with grey lines between."""
    n, side = len(images), images.shape[1]
    rows, cell = -(-n // columns), side + GAP
    out = np.full((rows * cell + GAP, columns * cell + GAP), PAPER, dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + (i // columns) * cell, GAP + (i % columns) * cell
        out[top : top + side, left : left + side] = image
    return out


def sheet_axes(shape: tuple[int, int], *, x: tuple[float, float], y: tuple[float, float] = (0, 1)) -> dict[str, Any]:
    """The second pair of axes, for a sheet of this many rows and columns of pixels."""
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "constrain": "domain"}
    rows, columns = shape
    return {
        "xaxis2": {"domain": list(x), "range": [0, columns], "anchor": "y2", **hidden},
        "yaxis2": {"domain": list(y), "range": [rows, 0], "anchor": "x2", "scaleanchor": "x2", **hidden},
    }


def film_base(rows: int, columns: int, side: int, *curves: dict[str, Any], log: bool = True) -> dict[str, Any]:
    """What the pictures of a training share: a sheet of images over all of the stage, and curves beside it."""
    cell = side + GAP
    hidden = {"visible": False}
    return {
        "layout": {"xaxis": hidden, "yaxis": hidden,
                   **sheet_axes((rows * cell + GAP, columns * cell + GAP), x=(0, 1))},
        "traces": [OPEN],
        "curve_sets": list(curves),
        "curve_log": log,
    }  # fmt: skip


def curves(name: str, unit: str, **scalars: str) -> dict[str, Any]:
    """One choice of curves: ``curves("Losses", "nats", d_loss="D", g_loss="G")``."""
    looks = [("@first", "solid"), ("@second", "dot"), ("@bound", "dash")]
    return {
        "name": name,
        "curve_label": unit,
        "curves": [
            {"scalar": scalar, "name": said, "colour": colour, "dash": dash}
            for (scalar, said), (colour, dash) in zip(scalars.items(), looks, strict=False)
        ],
    }
