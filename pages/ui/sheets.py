"""What a picture may hold besides a figure: images, comparisons, maps, volumes, rolls, scenes that move.

A function of ``*_base`` gives the part of a run's base that says what the pictures mean; a picture then holds the
bytes of one moment under the same name: ``base = images_base(rows=("input", "made", "true"), columns=8)`` and
``{"images": uint8 (24, 64, 64, 3), "caption": ...}``. A base may have several kinds, and a Plotly figure beside
them: each gets its ``share`` of the stage, and the browser lays them out so that they fill it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pages.ui import palette
from pages.ui.traces import HIDDEN, marks

Shape = dict[str, Any]

GLYPHS = "0123456789"  # of classes in a cloud
GAP = 2
PAPER = 110  # the grey level between images

# A trace that holds the second pair of axes open: the sheet itself is painted below it.
OPEN = marks(axes=2, x=[0], y=[0], marker={"opacity": 0})


def sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Square images as bytes (N, S, S) -> one sheet of ``columns`` across, with grey lines between."""
    n, side = len(images), images.shape[1]
    cell = side + GAP
    out = np.full(sheet_shape(-(-n // columns), columns, side), PAPER, dtype=np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + (i // columns) * cell, GAP + (i % columns) * cell
        out[top : top + side, left : left + side] = image
    return out


def sheet_shape(rows: int, columns: int, side: int = 28) -> tuple[int, int]:
    """Its rows and columns of pixels."""
    return rows * (side + GAP) + GAP, columns * (side + GAP) + GAP


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, H, W, ...), so many in a row, with nothing between: (N / columns * H, columns * W, ...)."""
    n, height, width, *rest = images.shape
    cells = images.reshape(n // columns, columns, height, width, *rest)
    return cells.swapaxes(1, 2).reshape(n // columns * height, columns * width, *rest)


def sheet_axes(shape: tuple[int, int], *, x: tuple[float, float], y: tuple[float, float] = (0, 1)) -> dict[str, Any]:
    """The second pair of axes, for a sheet of this many rows and columns of pixels."""
    hidden = {**HIDDEN, "constrain": "domain"}
    rows, columns = shape
    return {
        "xaxis2": {"domain": list(x), "range": [0, columns], "anchor": "y2", **hidden},
        "yaxis2": {"domain": list(y), "range": [rows, 0], "anchor": "x2", "scaleanchor": "x2", **hidden},
    }


def rows_sheet(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Rows of images (n, 784) bytes, the first ``columns`` of each, as one sheet; a short row leaves places empty."""
    places = np.full((len(rows), columns, 28, 28), PAPER, dtype=np.uint8)
    for i, images in enumerate(rows):
        places[i, : len(images)] = images[:columns].reshape(-1, 28, 28)
    return sheet(places.reshape(-1, 28, 28), columns)


def rows_axes(names: Sequence[str], columns: int, *, x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    """The second pair of axes, for such a sheet, with the names of its rows beside it."""
    cell = 28 + GAP
    axes = sheet_axes(sheet_shape(len(names), columns), x=x, y=y)
    places = [GAP + cell * i + 14 for i in range(len(names))]
    axes["yaxis2"] |= {"showticklabels": True, "tickvals": places, "ticktext": list(names)}
    return axes


def curves(name: str, unit: str, *colours: str, **scalars: str) -> dict[str, Any]:
    """One choice of curves: ``curves("Losses", "nats", d_loss="D", g_loss="G")``."""
    looks = zip(colours or ("@first", "@second", "@bound"), ("solid", "dot", "dash"), strict=False)
    return {
        "name": name,
        "curve_label": unit,
        "curves": [
            {"scalar": scalar, "name": said, "colour": colour, "dash": dash}
            for (scalar, said), (colour, dash) in zip(scalars.items(), looks, strict=False)
        ],
    }


def digits_base(labels: np.ndarray) -> dict[str, Any]:
    """A cloud of points that each picture places, drawn as the digits that they are: labels (N,)."""
    start = np.zeros(len(labels), dtype=np.float32)
    colours = [palette.label(k) for k in range(10)]
    return {"x": start, "y": start, "mix": np.eye(10, dtype=np.uint8)[labels], "colours": colours, "glyphs": GLYPHS}


def images_base(
    *,
    columns: int = 0,
    rows: Sequence[str] = (),
    names: Sequence[str] = (),
    share: float = 1.0,
    pick: bool | str = False,
    over: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """For pictures with ``images``: uint8 (N, H, W) or (N, H, W, 3), as large as there is room.

    The browser chooses how many columns make the cells largest, unless ``columns`` fixes it because rows mean
    something; ``rows`` and ``names`` are written beside them and above, or above every cell where there are more.
    ``pick`` lets cells be asked about: ``explain(frame, {"cell": i})``; with "send" a click also comes to the page, as
    the event "cells": ``{"cells": [i], "step": ...}``. ``over`` is a `map_base`. A picture may
    have ``tips``, a text for each cell, and ``marks``: ``{"cell": i, "box": [top, left, height, width], "colour":
    "@second"}``.
    """
    return {"images": {"columns": columns, "rows": list(rows), "names": list(names), "share": share, "pick": pick,
                       "map": over}}  # fmt: skip


def map_base(
    label: str,
    low: float,
    high: float,
    *,
    scale: str = "heat",
    alpha: float = 0.75,
    cells: Sequence[int] | None = None,
    field: tuple[int, int, int] | None = None,
) -> dict[str, Any]:
    """A map over images, `levels` of which a picture holds as ``map``: its label and the ends of its scale.

    ``scale`` is "heat" or "diverging"; ``cells`` are the images that have a map, all of them unless given.
    ``field`` (size, stride, offset) says which pixels one value of the map has seen: value (i, j) those from
    i * stride + offset on; they are outlined under the pointer, beside the value.
    """
    if not high > low:
        raise ValueError(f"the scale of a map must rise, got {low} to {high}")
    return {"label": label, "low": low, "high": high, "scale": scale, "alpha": alpha,
            "cells": None if cells is None else list(cells),
            "field": field and dict(zip(("size", "stride", "offset"), field, strict=True))}  # fmt: skip


def levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values (N, h, w) as bytes of 0 (low, or less) to 255 (high, or more): what a picture's ``map`` holds."""
    return np.round(255 * np.clip((np.asarray(values, dtype=float) - low) / (high - low), 0, 1)).astype(np.uint8)


def compare_base(first: str, second: str, *, smooth: bool = False, share: float = 1.0) -> dict[str, Any]:
    """For pictures with ``compare``: uint8 (2, H, W) or (2, H, W, 3), two images under one edge that moves."""
    return {"compare": {"names": [first, second], "smooth": smooth, "share": share}}


def episodes_base(
    environment: str, states: np.ndarray, moves: np.ndarray, *, names: tuple[str, str], share: float = 0.5
) -> dict[str, Any]:
    """For pictures with ``episodes``: {"states" (L + 1, S), "moves" (L,)}, an episode of an environment that plays
    beside the expert's, given here; ``names`` of both. The environments are those of engines/imitation.
    """
    expert = {"states": states.astype(np.float32), "moves": moves.astype(np.float32)}
    return {"episodes": {"environment": environment, "expert": expert, "names": list(names), "share": share}}


def volume_base(
    *, names: Sequence[str] = (), threshold: int = 128, colour: str = "@first", share: float = 1.0
) -> dict[str, Any]:
    """For pictures with ``volume``: uint8 (D, H, W), or (N, D, H, W) for N beside each other; H goes up.

    Filled is what reaches ``threshold``. All turn together, by dragging or with the arrow keys.
    """
    return {"volume": {"names": list(names), "threshold": threshold, "colour": colour, "share": share}}


def roll_base(
    tracks: Sequence[dict[str, Any]],
    *,
    low: int,
    step_seconds: float = 0.125,
    beat: int = 4,
    bar: int = 16,
    share: float = 1.0,
) -> dict[str, Any]:
    """For pictures with ``roll``: uint8 (tracks, T, P), how loud each pitch is at each step; it can be heard.

    ``low`` is the MIDI number of the first pitch; a track may have ``name``, ``colour``, ``wave`` ("sine",
    "triangle", "square", "sawtooth") and ``drum``. Layers called ``track0``, ``track1``, ... switch them.
    """
    return {"roll": {"tracks": [dict(track) for track in tracks], "low": low, "step_seconds": step_seconds,
                     "beat": beat, "bar": bar, "share": share}}  # fmt: skip


def world_base(
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    still: Iterable[Shape] = (),
    names: Sequence[str] = (),
    share: float = 1.0,
) -> dict[str, Any]:
    """For pictures with ``world``: a list of views, each a list of shapes (`line`, `polygon`, `circle`, `label`).

    ``x`` and ``y`` are the extents, the same unit on both; ``still`` is what never moves, ``names`` one a view.
    """
    return {"world": {"x": list(x), "y": list(y), "still": list(still), "names": list(names), "share": share}}


def line(points: Any, colour: str = "@text", width: float = 2) -> Shape:
    """A line through points (n, 2); ``width`` in pixels."""
    return {"line": np.round(np.asarray(points, dtype=float), 4).tolist(), "colour": colour, "width": width}


def polygon(points: Any, colour: str = "@text", *, filled: bool = True) -> Shape:
    return {"polygon": np.round(np.asarray(points, dtype=float), 4).tolist(), "colour": colour, "filled": filled}


def circle(x: float, y: float, radius: float, colour: str = "@text", *, filled: bool = True) -> Shape:
    return {"circle": [round(float(v), 4) for v in (x, y, radius)], "colour": colour, "filled": filled}


def label(x: float, y: float, text: str, colour: str = "@text") -> Shape:
    return {"text": [float(x), float(y), text], "colour": colour}
