"""Frames of an autoencoder as pictures for the player: the code, what comes back, what each hidden unit draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engines.engine import Frame
from pages.ui.hand import index
from pages.ui.live import Blocks
from pages.ui.maths import formula, number
from pages.ui.sheets import GAP, OPEN, digits_base, rows_axes, rows_sheet
from pages.ui.shipped import interval_of
from pages.ui.traces import HIDDEN, bars, curve, heatmap, ring, texts

SIDE = 28
MAX_UNITS = 6  # hidden units along each side of their sheet
COLUMNS = 8
RANGES = {"sigmoid": (-0.05, 1.05), "tanh": (-1.1, 1.1)}
LAYERS = (("points", "Test images"), ("sheet", "Images"), ("units", "Hidden units"))


def learning_base(
    labels: np.ndarray, code_dim: int, activation: str, *, bernoulli: bool, recorded: bool
) -> dict[str, Any]:
    """An autoencoder that learns: its codes, ten images and what comes back, its hidden units."""
    plane = code_dim == 2
    rows, columns = units_shape(code_dim)
    wide = rows < columns
    span = RANGES.get(activation)
    axis = {"range": list(span)} if span else {}
    measure = "cross_entropy" if bernoulli else "squared_error"
    base: dict[str, Any] = {
        "layout": {
            "xaxis": {"domain": [0, 0.49], "title": "unit of the code"}
            | ({"title": "unit 1", **axis} if plane else {}),
            "yaxis": {"title": "unit 2" if plane else "its value", **axis},
            **rows_axes(("image", "back") * 2, COLUMNS // 2, x=(0.55, 1), y=(0.36 if wide else 0.5, 1)),
            **units_axes(code_dim, x=(0.55, 1), y=(0, 0.3 if wide else 0.44)),
        },
        "traces": [bars("@posterior", layer="points", visible=not plane), OPEN, units_trace()],
        "curves": [{"scalar": measure, "name": "test images", "colour": "@first"}],
        "curve_label": "cross-entropy, nats per image" if bernoulli else "squared error per image",
        "curve_log": recorded,
        "narrow": {
            "xaxis": {"domain": [0, 1]},
            "yaxis": {"domain": [0.48, 1]},
            **rows_axes(("image", "back") * 2, COLUMNS // 2, x=(0.1, 0.52), y=(0, 0.38)),
            **units_axes(code_dim, x=(0.6, 1), y=(0, 0.38)),
        },
        "points": len(labels),
        "pick": {"point": 0},
    }
    if plane:
        base["cloud"] = digits_base(labels)
    return base


def learning_picture(frame: Frame, code_dim: int, activation: str) -> dict[str, Any]:
    """One frame of an autoencoder that learns."""
    s, arrays = frame.scalars, frame.arrays
    codes = arrays["codes"]
    half = COLUMNS // 2
    pairs = [arrays[what][part] for part in (np.s_[:half], np.s_[half:]) for what in ("originals", "reconstructions")]
    drawn: dict[str, Any] = {
        "sheet": rows_sheet(pairs, half),
        "traces": {2: {"z": units_sheet(arrays["units"], units_shape(code_dim))}} if "units" in arrays else {},
    }
    error = f"squared error {s['squared_error']:.1f}"
    loss = f"cross-entropy {s['cross_entropy']:.1f} nats, {error}" if "cross_entropy" in s else error
    if code_dim == 2:
        scaled = codes if activation in RANGES else codes / max(1e-6, float(np.abs(codes).max()))
        drawn["cloud"] = {"x": scaled[:, 0].astype(np.float32), "y": scaled[:, 1].astype(np.float32)}
        left = "Left: the two numbers that each test image becomes."
    else:
        first = codes[0].astype(np.float32)
        drawn["traces"][0] = {"x": list(range(1, len(first) + 1)), "y": first}
        left = "Left: the code of the first image."
    batches = s.get("batches", frame.step)
    words = (
        f"After {batches:,.0f} batches: {loss} per test image. {left} Below the images: what each unit adds to them."
    )
    return {**drawn, "caption": words}


def learning_numbers(frame: Frame, pick: dict[str, Any], names: tuple[str, ...], labels: np.ndarray) -> Blocks:
    """The code of one test image, and the loss."""
    s, codes = frame.scalars, frame.arrays["codes"]
    i = index(pick.get("point"), len(codes))
    code = codes[i].astype(float)
    top = np.argsort(np.abs(code))[::-1][:8]
    rows = [["unit", "value"], *[[str(u + 1), f"{code[u]:.3f}"] for u in top]]
    blocks: Blocks = [
        {"text": f"Test image {i} ({names[labels[i]]}) as {len(code)} numbers at step {frame.step}; largest first:"},
        {"table": rows},
    ]
    if "cross_entropy" in s:
        blocks.append(formula(r"-\sum_i x_i\log\hat x_i + (1-x_i)\log(1-\hat x_i)"))
        blocks.append(formula(rf"= {s['cross_entropy']:.2f}\ \text{{nats}}"))
    blocks.append(formula(rf"\sum_i (x_i-\hat x_i)^2 = {number(s['squared_error'], tex=True)}"))
    blocks.append({"text": f"Both are means over {len(codes)} test images."})
    return blocks


def narrowing_base(frames: list[Frame], row_names: list[str]) -> dict[str, Any]:
    """The shipped ones by their number of hidden units M: error with PCA's beside it, the images, the units."""
    widths = [int(frame.scalars["code_dim"]) for frame in frames]
    errors, pca = (
        np.array([frame.scalars[key] for frame in frames], dtype=np.float32) for key in ("squared_error", "pca_error")
    )
    ticks = {"type": "log", "tickvals": widths, "ticktext": [str(m) for m in widths]}
    return {
        "layout": {
            "xaxis": {"domain": [0, 0.26], "title": "numbers in the code, M", "range": [0.15, 2.65], **ticks},
            "yaxis": {"domain": [0.47, 1], "title": "squared error per image", "rangemode": "tozero"},
            **rows_axes(row_names, COLUMNS, x=(0.33, 1), y=(0, 1)),
            **units_axes(MAX_UNITS**2, x=(0, 0.26), y=(0, 0.36)),
        },
        "traces": [
            curve("@first", mode="lines+markers", x=widths, y=errors, marker={"size": 8}),
            OPEN,
            units_trace(),
            curve(
                "@second", dash="dash", mode="lines+markers", x=widths, y=pca, marker={"size": 9, "symbol": "square"}
            ),
            ring("@text"),
            texts(
                ["autoencoder", "PCA"],
                ["@first", "@second"],
                x=[widths[0], widths[2]],
                y=[0.12 * float(errors[0]), float(pca[2])],
                textposition=["middle right", "top right"],
            ),
        ],
        "below": True,
        "narrow": {
            "xaxis": {"domain": [0, 0.52], "title": "numbers in the code, M"},
            "yaxis": {"domain": [0, 0.38], "title": "error"},
            **rows_axes(row_names, COLUMNS, x=(0.1, 1), y=(0.46, 1)),
            **units_axes(MAX_UNITS**2, x=(0.6, 1), y=(0, 0.38)),
        },
    }


def narrowing_picture(frame: Frame) -> dict[str, Any]:
    """The model with this many hidden units."""
    s, arrays = frame.scalars, frame.arrays
    m = int(s["code_dim"])
    words = (
        f"M = {m}: each image becomes {m} numbers and comes back with a squared error of "
        f"{interval_of(s, 'squared_error')}; PCA with as many directions loses {interval_of(s, 'pca_error')}. "
        "Right: the images of every model; below left, what the first units of this one draw."
    )
    return {
        "traces": {
            2: {"z": units_sheet(arrays["units"], (MAX_UNITS, MAX_UNITS))},
            4: {"x": [m], "y": [s["squared_error"]]},
        },
        "sheet": rows_sheet(list(arrays["rows"]), COLUMNS),
        "caption": words,
    }


def narrowing_numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    m = int(s["code_dim"])
    rows = [
        ["over 10,000 test images", "with 95 % interval"],
        ["cross-entropy, nats", interval_of(s, "cross_entropy", 2)],
        ["squared error", interval_of(s, "squared_error", 3)],
        [f"PCA's, {m} directions", interval_of(s, "pca_error", 3)],
        ["weights", f"{s['n_parameters']:,.0f}"],
    ]
    return [
        {"text": f"784 pixels through {m} hidden units and back."},
        formula(rf"z = \mathrm{{sigmoid}}(W x + b) \in (0, 1)^{{{m}}}"),
        formula(r"\hat x = \mathrm{sigmoid}(W' z + b')"),
        {"table": rows},
        {"text": "The autoencoder learned to lower the cross-entropy; PCA is the best there is for the squared error "
                 "among linear maps, so the two aim at different things."},
    ]  # fmt: skip


# -- sheets ---------------------------------------------------------------------------------------------------


def units_shape(n_units: int) -> tuple[int, int]:
    """Rows and columns of a sheet of that many hidden units; at most 36 are shown."""
    columns = min(MAX_UNITS, math.ceil(math.sqrt(n_units)))
    return min(columns, math.ceil(n_units / columns)), columns


def units_axes(n_units: int, *, x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    """The third pair of axes, for the sheet of hidden units."""
    high, wide = (k * (SIDE + GAP) + GAP for k in units_shape(n_units))
    hidden = {**HIDDEN, "constrain": "domain"}
    return {
        "xaxis3": {"domain": list(x), "anchor": "y3", "range": [-0.5, wide - 0.5], **hidden},
        "yaxis3": {"domain": list(y), "anchor": "x3", "range": [high - 0.5, -0.5], "scaleanchor": "x3", **hidden},
    }


def units_trace() -> dict[str, Any]:
    """Negative weights one colour, positive another; the middle is the ground, so that sign is never colour alone."""
    return heatmap(-1, 1, "@first", "@ground", "@second", axes=3, layer="units")


def units_sheet(units: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The first units (M, 784), each scaled by its largest weight, as one sheet in -1..1; NaN between them."""
    (rows, columns), cell = shape, SIDE + GAP
    out = np.full((rows * cell + GAP, columns * cell + GAP), np.nan, dtype=np.float32)
    for i, unit in enumerate(units[: rows * columns]):
        top, left = GAP + (i // columns) * cell, GAP + (i % columns) * cell
        out[top : top + SIDE, left : left + SIDE] = unit.reshape(SIDE, SIDE) / max(1e-9, float(np.abs(unit).max()))
    return out
