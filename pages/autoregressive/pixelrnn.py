"""PixelRNN: a triangle, a whole past, two scales; and what each network costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engines.autoregressive.diagonal_bilstm import skew
from engines.engine import Frame
from pages.autoregressive import fills, pixelrnn_notes
from pages.autoregressive.fills import SIDE
from pages.catalogue import entry
from pages.ui import shipped, show
from pages.ui.live import Blocks
from pages.ui.page import page
from pages.ui.sheets import GAP, PAPER, curves, sheet, sheet_axes, sheet_shape
from pages.ui.show import Film
from pages.ui.traces import curve

PLACE = fills.place(18, 13)
VIEWS = {
    "diagonal BiLSTM": ("Along the diagonals", PLACE),
    "row LSTM": ("Row by row", PLACE),
    "multi-scale": ("A small image first", (fills.images("9"), fills.TEMPERATURE, fills.SEED)),
}
SPAN = 2 * SIDE - 1  # columns of the skewed map
LOWER = 7  # rows by which the image stands lower, in the corner that the skewed map leaves free: so both are larger
FRONT = 255  # the grey of a diagonal under way; gradients stay below it
DECADES = 8  # gradients from the largest down to 10^-8 of it are told apart in grey


def main() -> None:
    with page(entry("pixelrnn"), VIEWS, why=pixelrnn_notes.WHY, questions=pixelrnn_notes.QUESTIONS) as chosen:
        match chosen["view"]:
            case "diagonal BiLSTM":
                show.film("pixelrnn", diagonal_bilstm, *fills.at(chosen), speed=8)
            case "row LSTM":
                show.film("pixelrnn", row_lstm, *fills.at(chosen))
            case "multi-scale":
                model, code = shipped.model("multiscale"), fills.code_of("multiscale")
                fills.fill("pixelrnn", model, chosen, of=(), view="multi-scale", changes=(), code=code)
        pixelrnn_notes.costs()


def grey(field: np.ndarray) -> np.ndarray:
    """Gradients (..., H, W) as greys: black is exactly none, the rest by the logarithm."""
    top = max(float(field.max()), 1e-30)
    with np.errstate(divide="ignore"):
        depth = np.log10(np.maximum(field, 1e-300) / top) / DECADES  # 0 at the strongest, -1 at 10^-8 of it
    return np.where(field > 0, np.clip(80 + 150 * (1 + depth), 80, 230), 0).astype(np.uint8)


# -- Row LSTM --------------------------------------------------------------------------------------------------


def row_lstm(row: int, column: int) -> Film:
    """The Row LSTM going down the image to a pixel, beside a PixelCNN: what each pixel's distribution looks at."""
    fields = np.stack([shipped.model(name).dependence(row, column).cpu().numpy() for name in ("row_lstm", "pixelcnn")])
    frames = [
        Frame(step=k, scalars={f"seen{i}": float((field[: k + 1] > 0).sum()) for i, field in enumerate(fields)})
        for k in range(row + 1)
    ]
    images = np.stack([grey(field) for field in fields])
    shape = sheet_shape(1, 2)

    def draw(frame: Frame) -> dict[str, Any]:
        shown = images.copy()
        shown[:, frame.step + 1 :] = 0
        at = frame.step + GAP + 0.5
        width = np.count_nonzero(fields[0][frame.step])
        words = (
            f"Row {frame.step + 1}: of it the marked pixel sees {width} pixels through the Row LSTM (left), "
            f"{np.count_nonzero(fields[1][frame.step])} through PixelCNN (right). Greys are gradients, on a log scale."
        )
        patch = {"x": np.array([GAP, shape[1] - GAP], dtype=np.float32), "y": np.array([at, at], dtype=np.float32)}
        return {"sheet": sheet(shown, 2), "traces": {0: patch}, "caption": words}

    base = _base(shape, [(GAP + i * (SIDE + GAP) + column, GAP + row) for i in range(2)])
    base["curve_sets"] = [curves("Pixels seen", "pixels", seen0="Row LSTM", seen1="PixelCNN") | {"curve_step": "row"}]
    earlier = row * SIDE + column
    table = [["network", "pixels seen", f"of {earlier}"]]
    for name, field in zip(("Row LSTM", "PixelCNN"), fields, strict=True):
        seen = np.count_nonzero(field)
        table.append([name, str(seen), f"{100 * seen / max(1, earlier):.0f} %"])
    blocks: Blocks = [
        {"table": table},
        {"text": "The LSTM's state carries a row's news to all rows below; it widens by one place a row and a layer."},
    ]
    return Film(frames=frames, base=base, draw=draw, numbers=lambda _: blocks)


# -- Diagonal BiLSTM -------------------------------------------------------------------------------------------


def diagonal_bilstm(row: int, column: int) -> Film:
    """Both LSTMs crossing the image along its diagonals, the skewed map that lets them, and what they tell a pixel."""
    model = shipped.model("diagonal_bilstm")
    directions = model.directions(row, column).cpu().numpy()
    whole = model.dependence(row, column).cpu().numpy()
    frames = [
        Frame(step=k, phase="left" if k < SPAN else "right" if k < 2 * SPAN else "both", scalars={"diagonal": k % SPAN})
        for k in range(2 * SPAN + 1)
    ]
    shape = (SIDE + LOWER + 2 * GAP, SPAN + SIDE - LOWER + 3 * GAP)
    r, c = np.indices((SIDE, SIDE))
    images = [grey(directions[0]), grey(directions[1]), grey(whole)]

    def draw(frame: Frame) -> dict[str, Any]:
        which = ("left", "right", "both").index(frame.phase)
        diagonal = int(frame.scalars["diagonal"])
        number = r + (c if which == 0 else SIDE - 1 - c)  # the diagonal that a pixel lies on
        image = images[which].copy()
        front = np.zeros_like(image, dtype=bool)
        if which < 2:
            image[number > diagonal] = 0
            front = number == diagonal
        tilted, line = (_skewed(part if which != 1 else part[:, ::-1]) for part in (image, front.astype(np.uint8)))
        inside = _skewed(np.ones((SIDE, SIDE), dtype=np.uint8)) > 0
        place = np.full(shape, PAPER, dtype=np.uint8)
        place[GAP : GAP + SIDE, -GAP - SPAN : -GAP] = np.where(inside, np.where(line > 0, FRONT, tilted), PAPER)
        place[GAP + LOWER : GAP + LOWER + SIDE, GAP : GAP + SIDE] = np.where(front, FRONT, image)
        if which == 2:
            missed = row * SIDE + column - np.count_nonzero(whole)
            words = (
                f"Together, over all layers: {np.count_nonzero(whole)} of {row * SIDE + column} earlier pixels, "
                f"{missed} missed (the last of the row above, where it is out of the first kernel's reach)."
            )
        else:
            side = "left" if which == 0 else "right"
            words = (
                f"The LSTM from the {side}, diagonal {diagonal + 1} of {SPAN} (bright): in the skewed map it is one "
                "column, so all its pixels are computed at once. Grey: what the first layer tells the marked pixel."
            )
        return {"sheet": place, "caption": words}

    base = _base(shape, [(GAP + column, GAP + LOWER + row)])
    parts = {"the LSTM from the left": directions[0], "the LSTM from the right": directions[1], "all layers": whole}
    table = [["seen by", "pixels"], *[[name, str(np.count_nonzero(field))] for name, field in parts.items()]]
    blocks: Blocks = [
        {"table": table},
        {"text": "Below left the image, right the same map skewed: every row moved one place further than the one "
                 "above it. The states of the LSTM from the right are moved down by a row before they are added, or "
                 "it would see the future."},
    ]  # fmt: skip
    return Film(frames=frames, base=base, draw=draw, numbers=lambda _: blocks)


def _skewed(map_: np.ndarray) -> np.ndarray:
    return skew(torch.tensor(np.ascontiguousarray(map_))[None, None])[0, 0].numpy()


def _base(shape: tuple[int, int], pixels: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "layout": {
            "xaxis": {"domain": [0.98, 1], "visible": False},
            "yaxis": {"visible": False},
            **sheet_axes(shape, x=(0, 1)),
        },
        "below": True,
        "traces": [
            curve("@second", 2, axes=2),
            fills.boxed([(left + 0.5, top + 0.5) for left, top in pixels], 11),
        ],
    }


if __name__ == "__main__":
    main()
