"""Gated PixelCNN: images by class, a class that changes half-way down, and the blind spot beside its cure."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.engine import Frame
from pages.autoregressive import fills, gated_pixelcnn_notes
from pages.catalogue import entry
from pages.ui import shipped, show
from pages.ui.forks import Change
from pages.ui.live import Blocks
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import GAP, curves, sheet, sheet_axes, sheet_shape
from pages.ui.show import Film
from pages.ui.traces import bars, curve

DATA = Choice(
    key="data",
    label="Images",
    labels={"mnist": "Handwritten digits (MNIST)", "fashion": "Clothes in 16 grey levels (Fashion-MNIST)"},
)
CLASS = Number(key="y", label="Class y", low=0, high=9, default=3, help="Of the upper rows.")
THEN = Number(key="then", label="Class below", low=0, high=9, default=8, help="From the row below on.")
TURN = Number(key="turn", label="Changes at row", low=2, high=28, default=14, help="Counted from the top.")
VIEWS = {
    "classes": ("Ten classes", (DATA, fills.TEMPERATURE, fills.SEED)),
    "turn": ("A class that changes", (DATA, CLASS, THEN, TURN, fills.images("9"), fills.TEMPERATURE, fills.SEED)),
    "blind spot": ("The blind spot", fills.place(15, 12)),
}
CLASSES = Change(
    field="labels",
    choice=Choice(key="", label="All of class", options=tuple("0123456789"), default="0"),
    parse=lambda text: (int(text),),
)


def main() -> None:
    notes = gated_pixelcnn_notes
    with page(entry("gated-pixelcnn"), VIEWS, why=notes.WHY, questions=notes.QUESTIONS) as chosen:
        view, name = chosen["view"], chosen["data"]
        if view == "blind spot":
            show.film("gated-pixelcnn", blind_spot, *fills.at(chosen), speed=1)
            notes.price()
        else:
            which: dict[str, Any] = {"n": 10, "labels": tuple(range(10))} if view == "classes" else {
                "labels": (chosen["y"],), "then": (chosen["then"],), "turn": chosen["turn"] - 1}  # fmt: skip
            shown = "gated_pixelcnn", "" if name == "mnist" else name
            which |= {"changes": (fills.WARMTHS, CLASSES), "code": fills.code_of(*shown)}
            fills.fill("gated-pixelcnn", shipped.model(*shown), chosen, of=(name,), view=view, **which)
        notes.measured(name)


def blind_spot(row: int, column: int) -> Film:
    """Both networks' fields, layer by layer: what each sees of the pixels within its kernels' reach."""
    plain, gated = shipped.model("pixelcnn", "k3"), shipped.model("gated_pixelcnn")
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
    shape, names = sheet_shape(1, 2), ["PixelCNN", "Gated"]
    hatched = bars("@second", x=names)
    hatched["marker"]["pattern"] = {"shape": "/"}
    base = {
        "layout": {
            "xaxis": {"domain": [0.9, 1], "type": "category"},
            "yaxis": {"domain": [0.1, 0.98], "title": "pixels (hatched: missed)", "rangemode": "tozero"},
            "barmode": "stack",
            **sheet_axes(shape, x=(0, 0.83)),
        },
        "below": True,
        "narrow": {"xaxis": {"domain": [0.12, 1]}, "yaxis": {"domain": [0, 0.36], "title": "pixels"},
                   **sheet_axes(shape, x=(0, 1), y=(0.5, 1))},
        "traces": [
            bars("@first", x=names),
            hatched,
            curve("@second", axes=2),
            fills.boxed([(fills.corner(i, 2)[0, 0] + column + 0.5, GAP + row + 0.5) for i in range(2)], 11),
        ],
        "curve_sets": [curves("Missed pixels", "pixels", "@second", "@first", plain_missed="PixelCNN",
                              gated_missed="Gated PixelCNN") | {"curve_step": "layer"}],
    }  # fmt: skip
    return Film(frames=frames, base=base, draw=blind_picture, numbers=blind_table)


def blind_picture(frame: Frame) -> dict[str, Any]:
    fields, near, s = frame.arrays["fields"], frame.arrays["near"], frame.scalars
    outline = np.concatenate([fills.edges(mask) + fills.corner(i, 2) for i, mask in enumerate(near)], axis=1)
    words = (
        f"Layer {frame.step + 1}. Grey: what the marked pixel sees, measured by gradient. The line: earlier pixels "
        f"within the kernels' reach. PixelCNN (left) misses {s['plain_missed']:.0f} of them, Gated PixelCNN "
        f"{s['gated_missed']:.0f}."
    )
    seen, missed = (np.array([s[f"plain_{what}"], s[f"gated_{what}"]], dtype=np.float32) for what in ("seen", "missed"))
    patches = {0: {"y": seen}, 1: {"y": missed}, 2: {"x": outline[0], "y": outline[1]}}
    return {"sheet": sheet(fills.seen(fields), 2), "traces": patches, "caption": words}


def blind_table(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["", "in reach", "seen", "missed"]]
    for key, name in (("plain", "PixelCNN"), ("gated", "Gated PixelCNN")):
        seen, missed = s[f"{key}_seen"], s[f"{key}_missed"]
        rows.append([name, f"{seen + missed:.0f}", f"{seen:.0f}", f"{missed:.0f}"])
    return [{"table": rows}, {"text": "In reach: earlier pixels as many rows above and columns beside as the kernels, "
                                      "added up, could step."}]  # fmt: skip


if __name__ == "__main__":
    main()
