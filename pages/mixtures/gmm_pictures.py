"""Frames of a mixture as pictures for the player: points, ellipses, contours, paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from engines.engine import Frame
from engines.history import History
from engines.maths import gaussians
from engines.maths.gaussians import ellipse
from pages.ui import palette
from pages.ui.maths import number
from pages.ui.traces import curve, density_lines, trace

GRID = 52  # density contours are computed on GRID x GRID points
PATH_POINTS = 64
ASPECT = 1.2  # width to height of a usual stage
OVERHANG = 0.25  # of the range: how far contours are computed beyond it on each side, for other shapes of stage

LAYERS = (("points", "Points"), ("ellipses", "Ellipses"), ("density", "Density"), ("paths", "Paths"))


def extent(x: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Axis ranges that hold all points (N, 2) with a margin; never empty."""
    if len(x) == 0:
        return (-5.0, 5.0), (-5.0, 5.0)
    low, high = x.min(axis=0), x.max(axis=0)
    width = float(np.max(high - low))
    pad = np.maximum(0.09 * (high - low), 0.05 * width) if width > 0 else np.ones(2)
    pad = np.maximum(pad, 1e-12 * np.abs(x).max(axis=0))  # far out, a smaller one would be lost in rounding
    low, high = low - pad, high + pad
    # The two axes share one scale, so a long thin cloud gets the room beside it that the stage has anyway.
    short = np.maximum(0, (high - low)[::-1] / np.array([1 / ASPECT, ASPECT]) - (high - low)) / 2
    low, high = low - short, high + short
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def base(
    shown: np.ndarray, n_components: int, *, axes: Sequence[str], ranges: Any, curves: list[dict[str, Any]], label: str
) -> dict[str, Any]:
    """What all pictures of one run share. ``shown`` (M, 2) are the points that are drawn."""
    colours = [palette.component(k) for k in range(n_components)]
    x, y = (grid_along(*ends).astype(np.float32) for ends in ranges)
    means = {
        "marker": {"size": 21, "color": colours, "line": {"width": 2, "color": "@ground"}},
        "text": [str(k + 1) for k in range(n_components)],
        "textfont": {"color": "@ground", "size": 13, "weight": 700},
    }
    return {
        "layout": plane(axes, ranges),
        "traces": [
            density_lines(layer="density", x=x, y=y),
            *(curve(colour, layer="ellipses") for colour in colours),
            *(curve(colour, 1.8, "dot", layer="paths") for colour in colours),
            trace("scatter", mode="markers+text", layer="ellipses", pick="component", **means),
        ],
        "cloud": {"x": shown[:, 0].astype(np.float32), "y": shown[:, 1].astype(np.float32), "colours": colours},
        "curves": curves,
        "curve_label": label,
        "components": n_components,
        "points": len(shown),
    }


def plane(axes: Sequence[str], ranges: Any) -> dict[str, Any]:
    """Two axes of one scale."""
    across, up = ({"title": title, "range": list(ends)} for title, ends in zip(axes, ranges, strict=True))
    return {"xaxis": across, "yaxis": {**up, "scaleanchor": "x"}}


def picture(frame: Frame, history: History[Frame], ranges: Any, caption: str) -> dict[str, Any]:
    """One frame of a mixture in two dimensions."""
    weights, means, covariances = (frame.arrays[name] for name in ("weights", "means", "covariances"))
    n_components = len(means)
    patches: dict[int, dict[str, Any]] = {0: contours(weights, means, covariances, ranges)}
    for k in range(n_components):
        outline = ellipse(means[k], covariances[k])
        patches[1 + k] = {"x": outline[0], "y": outline[1]}
    trail = paths(frame, history)  # (T, K, 2)
    for k in range(n_components):
        patches[1 + n_components + k] = {"x": trail[:, k, 0], "y": trail[:, k, 1]}
    patches[1 + 2 * n_components] = {"x": means[:, 0], "y": means[:, 1]}
    mix = np.rint(255 * frame.arrays["responsibilities"]).astype(np.uint8)
    return {"traces": patches, "cloud": {"mix": mix}, "caption": caption, "alt": account(frame, caption)}


def grid_along(low: float, high: float) -> np.ndarray:
    """Where the density is computed along one axis: (GRID,)."""
    return np.linspace(low - OVERHANG * (high - low), high + OVERHANG * (high - low), GRID)


def contours(weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, ranges: Any) -> dict[str, Any]:
    """log p(x) of a mixture in nats on the grid, as contours."""
    (x0, x1), (y0, y1) = ranges
    grid = torch.from_numpy(grid_points(ranges))
    # k-means with a point per mean has no spread at all; a hair of it keeps the picture drawable.
    hair = 1e-10 * max(x1 - x0, y1 - y0) ** 2 * np.eye(2)
    mixture = (torch.tensor(array) for array in (weights, means, covariances + hair))
    return contour_lines(gaussians.mixture_log_prob(grid, *mixture).numpy())


def grid_points(ranges: Any) -> np.ndarray:
    """Where contours are computed: (GRID * GRID, 2)."""
    xs, ys = np.meshgrid(*(grid_along(low, high) for low, high in ranges))
    return np.stack([xs.ravel(), ys.ravel()], axis=1)


def contour_lines(log_density: np.ndarray) -> dict[str, Any]:
    """log p (GRID * GRID,) in nats, drawn one nat apart down to seven below the peak."""
    log_density = log_density.reshape(GRID, GRID)
    peak = float(log_density.max())
    z = np.maximum(log_density, peak - 9).astype(np.float32)
    lines = {"coloring": "lines", "start": peak - 7, "end": peak - 0.2, "size": 1.0}
    return {"z": z, "contours": lines, "zmin": peak - 7, "zmax": peak}


def paths(frame: Frame, history: History[Frame]) -> np.ndarray:
    """Where the means have been up to this frame: (T, K, 2), T <= PATH_POINTS."""
    past = [kept.arrays["means"] for kept in history.after(-1) if kept.step < frame.step]
    stride = max(1, -(-len(past) // (PATH_POINTS - 1)))
    return np.stack([*past[::stride], frame.arrays["means"]]).astype(np.float32)


def account(frame: Frame, caption: str) -> str:
    """The stage in words, for those who do not see it."""
    weights, means = frame.arrays["weights"], frame.arrays["means"]
    parts = [
        f"component {k + 1} holds {100 * weights[k]:.0f} % around ({number(means[k][0])}, {number(means[k][1])})"
        for k in range(len(means))
    ]
    return f"Step {frame.step}. {caption} " + "; ".join(parts) + "."


def still_base(x: np.ndarray, *, axes: Sequence[str], ranges: Any) -> dict[str, Any]:
    """Only the points: shown where no run can be started from them yet."""
    return {
        "layout": plane(axes, ranges),
        "traces": [{"type": "scatter", "x": [], "y": []}],
        "cloud": {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32), "colours": [palette.component(0)]},
        "points": len(x),
    }
