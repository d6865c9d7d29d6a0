"""Frames of the game in the plane as pictures: D's field, G's grid, points, arrows; and the saddle's path."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.data.dataset import Truth
from engines.engine import Frame
from engines.gans.gan2d import CELLS, FIELD, SPAN
from engines.gans.objectives import LOGISTIC
from pages.ui.maths import number
from pages.ui.sheets import curves
from pages.ui.traces import Trace, contours, curve, heatmap, marks

LAYERS = (
    ("field", "D's output"),
    ("best", "Best D", False),
    ("warp", "G's grid"),
    ("points", "Real points"),
    ("fake", "Generated points"),
    ("pull", "What G's loss asks"),
    ("slope", "D's gradient", False),
)
LEVELS = 5  # opacities of the grid's cells
ARROWS = 60  # fake points with an arrow
MIDDLES = ((np.arange(FIELD) + 0.5) / FIELD * 2 * SPAN - SPAN).astype(np.float32)
CURVES = [
    curves("V(D, G)", "nats", "@bound", value="V(D, G)")
    | {"curve_mark": {"value": -float(np.log(4)), "text": "−log 4"}},
    curves("Losses", "loss", d_loss="D", g_loss="G"),
    curves("Jensen-Shannon divergence", "nats", "@bound", js="JS")
    | {"curve_mark": {"value": float(np.log(2)), "text": "log 2: nothing in common"}},
    curves("Energy distance", "distance", "@bound", energy="energy distance"),
]
MODES = curves("Modes covered", "modes", "@bound", modes="modes")


def base(truth: Truth | None, objective: str = "non-saturating") -> dict[str, Any]:
    """What all pictures of one game share."""
    traces = [
        *verdict("field", color="@text", width=2),
        *verdict("best", color="@bound", width=2.5, dash="dash"),
    ]
    for level in range(LEVELS):
        share = round(14 + 60 * level / (LEVELS - 1))
        edge = f"@posterior/{min(99, share + 15)}"
        shade = {"fill": "toself", "fillcolor": f"@posterior/{share}"}
        traces.append(curve(edge, 0.8, layer="warp", hoverinfo="skip", **shade))
    for layer, colour in (("pull", "@second"), ("slope", "@muted")):
        head = {"symbol": "arrow", "angleref": "previous", "size": 9, "color": colour}
        traces.append(curve(colour, 1.6, layer=layer, mode="lines+markers", marker=head))
    diamond = {"size": 7, "symbol": "diamond", "color": "@generated", "line": {"width": 0.7, "color": "@ground"}}
    traces.append(marks(layer="fake", pick="component", marker=diamond))
    axis = {"range": [-SPAN, SPAN], "zeroline": False}
    # V is defined where D gives a probability; of the other games its curve has no points.
    sets = CURVES if objective in LOGISTIC else [*CURVES[1:], CURVES[0]]
    return {
        "layout": {"xaxis": {"title": "x₁", **axis}, "yaxis": {"title": "x₂", "scaleanchor": "x", **axis}},
        "traces": traces,
        "curve_sets": [*sets, MODES] if truth is not None and len(truth.means) > 1 else sets,
    }


def verdict(layer: str, **line: Any) -> list[Trace]:
    """What D says all over the plane, and the line where it cannot tell."""
    at = {"x": MIDDLES, "y": MIDDLES}
    half = {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"}
    return [
        heatmap(0, 1, "@generated/70", "@ground/0", "@real/70", layer=layer, zsmooth="best", **at),
        contours(layer=layer, autocontour=False, contours=half, line=line, **at),
    ]


def cloud(real: np.ndarray) -> dict[str, Any]:
    """The real points (N, 2), which do not move: on a canvas over the field."""
    x = real.astype(np.float32)
    mix = np.full((len(x), 1), 255, dtype=np.uint8)
    return {"x": x[:, 0], "y": x[:, 1], "mix": mix, "colours": ["@real"], "size": 3.4, "above": True}


def output(logit: np.ndarray, objective: str) -> np.ndarray:
    """What the field shows, in 0..1 with 1/2 where D cannot tell: a probability, or a critic's number squashed."""
    if objective in LOGISTIC:
        return 0.5 * (1 + np.tanh(logit / 2))  # the sigmoid, without overflow
    if objective == "least-squares":
        return np.clip(logit, 0, 1)
    centred = logit - (np.median(logit) if objective.startswith("wgan") else 0)
    return 0.5 + 0.5 * np.tanh(centred / (2 * np.std(logit) + 1e-9))


def data_density(truth: Truth | None, real_shares: np.ndarray) -> np.ndarray:
    """p in the middles of the field's cells, (40, 40), as shares: the density itself where it is known, blurred as
    counting in cells blurs the samples' (0.83 of a field's cell); else the shares of the points.
    """
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(density(truth), 0.83) if truth is not None else spread(real_shares)


def best(frame: Frame, p: np.ndarray) -> np.ndarray:
    """D* = p / (p + q) in the middles of the field's cells, (40, 40), with q from the shares of samples; where neither
    has any, one half. Goodfellow et al. 2014, proposition 1.
    """
    q = spread(frame.arrays["shares"])
    total = p + q
    return np.where(total > 1e-7, p / np.maximum(total, 1e-12), 0.5)


def spread(shares: np.ndarray) -> np.ndarray:
    """Shares of coarse cells as a density in the middles of the field's cells: (24, 24) -> (40, 40), sum 1."""
    from scipy.ndimage import map_coordinates

    at = (np.arange(FIELD) + 0.5) * CELLS / FIELD - 0.5  # in coarse cells
    fine = map_coordinates(shares.astype(np.float64), np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    return fine / max(fine.sum(), 1e-12)


def density(truth: Truth) -> np.ndarray:
    """The mixture's density in the middles of the field's cells, (40, 40), as shares."""
    x = np.stack(np.meshgrid(MIDDLES, MIDDLES), axis=2).astype(np.float64)  # (40, 40, 2)
    total = np.zeros((FIELD, FIELD))
    for weight, mean, covariance in zip(truth.weights, truth.means, truth.covariances, strict=True):
        away = x - mean
        exponent = -0.5 * np.einsum("ijk,kl,ijl->ij", away, np.linalg.inv(covariance), away)
        total += weight * np.exp(exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    return total / max(total.sum(), 1e-12)


def picture(frame: Frame, objective: str, n_real: int, p: np.ndarray) -> dict[str, Any]:
    """One frame of the game."""
    arrays = frame.arrays
    field = output(arrays["field"], objective).astype(np.float32)
    ideal = best(frame, p).astype(np.float32)
    if objective not in LOGISTIC:  # p / (p + q) is the best D of V(D, G) only
        ideal = np.full_like(ideal, np.nan)
    patches: dict[int, dict[str, Any]] = {0: {"z": field}, 1: {"z": field}, 2: {"z": ideal}, 3: {"z": ideal}}
    thin = {"fill": "none", "line": {"width": 4, "color": "@posterior"}} if arrays["warp"].ndim == 2 else {}
    for level, outline in enumerate(warp(arrays["warp"])):
        patches[4 + level] = {"x": outline[:, 0], "y": outline[:, 1], **thin}
    patches[4 + LEVELS] = arrows(arrays["fake"][:ARROWS], arrays["pull"][:ARROWS], "@second")
    at = np.stack(np.meshgrid(*[(np.arange(12) + 0.5) / 12 * 2 * SPAN - SPAN] * 2), axis=2).reshape(-1, 2)
    patches[5 + LEVELS] = arrows(at, arrays["slope"].reshape(-1, 2), "@muted", longest=0.35)
    patches[6 + LEVELS] = {"x": arrays["fake"][:, 0], "y": arrays["fake"][:, 1]}
    words = caption(frame, objective)
    return {
        "traces": patches,
        "caption": words,
        "alt": f"{words} {n_real} real points and {len(arrays['fake'])} generated ones over D's output.",
    }


def warp(grid: np.ndarray) -> list[np.ndarray]:
    """The generator's grid by density, lightest first: outlines (M, 2) with gaps, one array a level.

    Every cell holds the same share of the noise, so the smaller its area (or its length), the denser the samples.
    """
    if grid.ndim == 2:
        cells = np.stack([grid[:-1], grid[1:]], axis=1)  # (20, 2, 2)
        size = np.linalg.norm(np.diff(grid, axis=0), axis=1)
    else:
        corners = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2).reshape(-1, 4, 2)
        x, y = corners[..., 0], corners[..., 1]
        size = 0.5 * np.abs((x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1))
        cells = np.concatenate([corners, corners[:, :1]], axis=1)  # (400, 5, 2)
    cells = np.concatenate([cells, np.full((len(cells), 1, 2), np.nan)], axis=1)  # a gap after each
    dense = np.log(1e-4 + size)
    edges = np.quantile(dense, np.linspace(0, 1, LEVELS + 1)[1:-1])
    level = LEVELS - 1 - np.searchsorted(edges, dense)  # the densest last
    return [cells[level == k].reshape(-1, 2).astype(np.float32) for k in range(LEVELS)]


def arrows(at: np.ndarray, by: np.ndarray, colour: str, *, longest: float = 0.9) -> dict[str, Any]:
    """Arrows from points (M, 2) along vectors (M, 2), as lines with gaps; a long one is cut, a tiny one left out.

    Lengths are in proportion among themselves: the longest usual one (90 %) has ``longest`` on the stage.
    """
    size = np.linalg.norm(by, axis=1)
    usual = np.quantile(size, 0.9) if len(size) else 0.0
    if usual < 1e-9:
        nothing = np.zeros(0, dtype=np.float32)
        return {"x": nothing, "y": nothing}
    scale = np.minimum(longest / usual, 1.5 * longest / np.maximum(size, 1e-12))
    tips = at + by * scale[:, None]
    line = np.full((len(at), 3, 2), np.nan)
    line[:, 0], line[:, 1] = at, tips
    line = line[np.linalg.norm(tips - at, axis=1) > 0.02].reshape(-1, 2).astype(np.float32)
    heads = np.tile(np.array([0, 9, 0], dtype=np.float32), len(line) // 3)
    marker = {"symbol": "arrow", "angleref": "previous", "size": heads, "color": colour}
    return {"x": line[:, 0], "y": line[:, 1], "marker": marker}


PARTS = {  # a round's three steps, as the pseudo-code has them, and their parts
    "noise": "sample: draw noise z and a batch of real points x.",
    "generate": "sample: the generator turns the noise into points G(z).",
    "score": "D learns: the discriminator scores both batches.",
    "d-gradient": "D learns: its loss and the gradient are computed; its weights have not moved yet.",
    "d-step": "D learns: it takes its step, and the field moves.",
    "g-gradient": "G learns: its loss and the gradient, through a discriminator that stays as it is.",
    "g-step": "G learns: it takes its step, and the generated points move along the arrows.",
}


def caption(frame: Frame, objective: str) -> str:
    s = frame.scalars
    lead = f"Round {s['round']:.0f}."
    if frame.phase == "start":
        lead = "Start: both networks are random."
    elif frame.phase in PARTS:
        lead = f"Round {s['round'] + 1:.0f}, {PARTS[frame.phase]}"
    parts = [f"V(D, G) = {number(s['value'])} nats"] if objective in LOGISTIC else []
    parts.append(f"Jensen-Shannon divergence {number(s['js'])} nats")
    if "modes" in s and s["modes"] >= 0:
        parts.append(f"{s['modes']:.0f} {'mode' if s['modes'] == 1 else 'modes'} covered")
    return f"{lead} {', '.join(parts)}."


def still_base() -> dict[str, Any]:
    """An empty stage to draw on."""
    nothing = np.zeros(0, dtype=np.float32)
    return {
        "layout": base(None)["layout"],
        "traces": [marks(x=[], y=[])],
        "cloud": {"x": nothing, "y": nothing, "colours": ["@real"], "above": True},
        "curve_sets": [],
    }


# -- the saddle ------------------------------------------------------------------------------------------------


REACH = 4.0


def saddle_base() -> dict[str, Any]:
    at = np.linspace(-REACH, REACH, 41)
    x, y = np.meshgrid(at, at)
    levels = contours(
        layer="levels",
        x=at.astype(np.float32),
        y=at.astype(np.float32),
        z=(x * y).astype(np.float32),
        contours={"coloring": "lines", "start": -12, "end": 12, "size": 2},
        line={"width": 1},
        colorscale=[[0, "@generated"], [0.5, "@grid"], [1, "@real"]],
    )
    cross = {"size": 12, "symbol": "x-thin-open", "color": "@text", "line": {"width": 3}}
    return {
        "layout": {
            "xaxis": {"title": "x, which wants f small", "range": [-REACH, REACH]},
            "yaxis": {"title": "y, which wants f large", "range": [-REACH, REACH], "scaleanchor": "x"},
        },
        "traces": [
            levels,
            curve("@first"),
            marks(marker={"size": 13, "color": "@second"}),
            marks(x=[0], y=[0], marker=cross),
        ],
        "curves": [{"scalar": "distance", "name": "distance", "colour": "@first"}],
        "curve_label": "distance from the equilibrium",
    }


def saddle_picture(frame: Frame) -> dict[str, Any]:
    path = frame.arrays["path"].astype(np.float32)
    s = frame.scalars
    words = (
        f"Step {frame.step}: x = {number(s['x'])}, y = {number(s['y'])}, f = {number(s['f'])}. "
        f"Distance from the equilibrium: {number(s['distance'])}."
    )
    patches = {1: {"x": path[:, 0], "y": path[:, 1]}, 2: {"x": path[-1:, 0], "y": path[-1:, 1]}}
    return {"traces": patches, "caption": words}
