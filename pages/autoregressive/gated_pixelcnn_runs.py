"""Gated PixelCNN's stages: classes drawn side by side, a class that changes on the way, the blind spot and its cure."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines import data
from engines.autoregressive.raster import RasterModel
from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.autoregressive import fills
from pages.autoregressive.fills import SIDE
from pages.ui.live import SLOTS, Blocks
from pages.ui.sheets import GAP, OPEN, sheet, sheet_axes
from pages.ui.stage import Scene

VARIANTS = {"mnist": "", "fashion": "fashion"}


def model(name: str) -> Any:
    return fills.model("gated_pixelcnn", VARIANTS[name])


def words_of(name: str) -> tuple[str, ...]:
    return data.load(name, split="test").class_names


def classes_scene(name: str, *, seed: int, temperature: float) -> Scene:
    """One image of each class, drawn side by side from the same random numbers."""
    everything = np.ones((SIDE, SIDE), dtype=bool)
    blank = np.zeros((SIDE, SIDE), dtype=np.uint8)
    settings = {"n": 10, "labels": tuple(range(10)), "seed": seed, "temperature": temperature}
    return fills.fill_scene(model(name), blank, everything, **settings)


def turn_scene(name: str, y: int, then: int, turn: int, *, n: int, seed: int, temperature: float) -> Scene:
    """Images of class y down to row ``turn``, of class ``then`` below it."""
    everything = np.ones((SIDE, SIDE), dtype=bool)
    blank = np.zeros((SIDE, SIDE), dtype=np.uint8)
    settings = {"labels": (y,), "then": (then,), "turn": turn, "n": n, "seed": seed, "temperature": temperature}
    return fills.fill_scene(model(name), blank, everything, **settings)


# -- the blind spot --------------------------------------------------------------------------------------------


def blind_scene(plain: RasterModel, gated: RasterModel, row: int, column: int) -> Scene:
    """Both networks' fields, layer by layer: what each sees of the pixels within its kernels' reach."""
    # Which class is asked of the conditional one does not matter: what it may look at is the same for all.
    fields = [
        plain.fields(row, column).cpu().numpy(),
        gated.fields(row, column, label=0 if gated.config.n_classes else None).cpu().numpy(),
    ]
    frames = []
    for depth in range(max(map(len, fields))):
        maps = np.stack([field[min(depth, len(field) - 1)] for field in fields])
        reaches = [network.reaches[min(depth, len(network.reaches) - 1)] for network in (plain.network, gated.network)]
        scalars = {"depth": float(depth)}
        near = np.stack([fills.within(row, column, reach) for reach in reaches])
        for i, key in enumerate(("plain", "gated")):
            scalars[f"{key}_seen"] = float(((maps[i] > 0) & near[i]).sum())
            scalars[f"{key}_missed"] = float((near[i] & (maps[i] == 0)).sum())
        frames.append(Frame(step=depth, scalars=scalars, arrays={"fields": maps, "near": near}))
    shape = (SIDE + 2 * GAP, 2 * (SIDE + GAP) + GAP)
    names = ["plain", "gated"]
    at = [[fills.corner(i, 2)[0, 0] + column + 0.5, GAP + row + 0.5] for i in range(2)]
    bar = {"type": "bar", "x": names}
    base = {
        "layout": {
            "xaxis": {"domain": [0.82, 1], "type": "category"},
            "yaxis": {"domain": [0.12, 0.92], "title": "pixels (hatched: missed)", "rangemode": "tozero"},
            "barmode": "stack",
            **sheet_axes(shape, x=(0, 0.7)),
        },
        "traces": [
            {**bar, "marker": {"color": "@first"}},
            {**bar, "marker": {"color": "@second", "pattern": {"shape": "/"}}},
            {"type": "scatter", "mode": "lines", "xaxis": "x2", "yaxis": "y2",
             "line": {"color": "@second", "width": 2.5}},
            {**OPEN, "x": [x for x, _ in at], "y": [y for _, y in at],
             "marker": {"symbol": "square-open", "size": 11, "color": "@second", "line": {"width": 3}}},
        ],
        "curve_sets": [{"name": "Missed pixels", "curve_label": "pixels", "curve_step": "layer", "curves": [
            {"scalar": "plain_missed", "name": "PixelCNN", "colour": "@second"},
            {"scalar": "gated_missed", "name": "Gated PixelCNN", "colour": "@first", "dash": "dot"}]}],
        "components": 0,
        "points": 0,
    }  # fmt: skip
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=base,
        draw=blind_picture,
        explain=lambda frame, _: blind_table(frame),
    )


def blind_picture(frame: Frame) -> dict[str, Any]:
    fields, near, s = frame.arrays["fields"], frame.arrays["near"], frame.scalars
    strength = np.sqrt(fields / fields.max(axis=(1, 2), keepdims=True))
    images = np.where(fields > 0, 90 + 165 * strength, 0).astype(np.uint8)
    outline = np.concatenate([fills.edges(mask) + fills.corner(i, 2) for i, mask in enumerate(near)], axis=1)
    words = (
        f"Layer {frame.step + 1}. Grey: what the marked pixel sees, measured by gradient. The line: earlier pixels "
        f"within the kernels' reach. PixelCNN (left) misses {s['plain_missed']:.0f} of them, Gated PixelCNN "
        f"{s['gated_missed']:.0f}."
    )
    seen, missed = (np.array([s[f"plain_{what}"], s[f"gated_{what}"]], dtype=np.float32) for what in ("seen", "missed"))
    patches = {0: {"y": seen}, 1: {"y": missed}, 2: {"x": outline[0], "y": outline[1]}}
    return {"sheet": sheet(images, 2), "traces": patches, "caption": words, "alt": words}


def blind_table(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["", "in reach", "seen", "missed"]]
    for key, name in (("plain", "PixelCNN"), ("gated", "Gated PixelCNN")):
        seen, missed = s[f"{key}_seen"], s[f"{key}_missed"]
        rows.append([name, f"{seen + missed:.0f}", f"{seen:.0f}", f"{missed:.0f}"])
    return [{"table": rows}, {"text": "In reach: earlier pixels as many rows above and columns beside as the kernels, "
                                      "added up, could step."}]  # fmt: skip
