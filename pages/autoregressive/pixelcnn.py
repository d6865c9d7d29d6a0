"""PixelCNN filling an image: what is hidden is drawn pixel by pixel, and every pixel can be asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.autoregressive.pixelcnn import mask
from engines.autoregressive.raster import RasterModel
from engines.engine import Frame
from pages.autoregressive import fills, pixelcnn_notes
from pages.autoregressive.fills import SIDE
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.live import Blocks
from pages.ui.maths import formula
from pages.ui.page import page
from pages.ui.settings import Choice
from pages.ui.sheets import GAP, OPEN, levels, sheet, sheet_axes, sheet_shape
from pages.ui.show import Film
from pages.ui.traces import bars_across, trace

ROW = fills.row(11)
KERNEL = Choice(
    key="kernel",
    label="Kernel of the blocks",
    labels={"7": "7 × 7, the network that fills", "3": "3 × 3, the paper's"},
    help="The smaller one has the larger blind spot.",
)
KERNELS = {"7": "", "3": "k3"}  # checkpoints/pixelcnn and its variant
VIEWS = {
    "fill": ("Complete a hidden part", (ROW, fills.HIDE, fills.images(), fills.TEMPERATURE, fills.SEED)),
    "layers": ("What each layer sees", (KERNEL, *fills.place(15, 15))),
    "surprise": ("Surprise of each pixel", (ROW,)),
}


def main() -> None:
    with page(entry("pixelcnn"), VIEWS, why=pixelcnn_notes.WHY, questions=pixelcnn_notes.QUESTIONS) as chosen:
        row, drawn, network = chosen["row"], board.drawn("pixelcnn"), shipped.model("pixelcnn")
        match chosen["view"]:
            case "fill":
                image = fills.test_image("mnist", row) if drawn is None else fills.bytes_of(drawn)
                x, hidden = fills.levels(network, image, seed=row), fills.hidden(chosen["hide"])
                code = fills.code_of("pixelcnn", row=row, seed=row) if drawn is None else ""
                fills.fill("pixelcnn", network, chosen, of=(), image=x, mask=hidden, edit=True, code=code)
            case "layers":
                show.film("pixelcnn", layers, chosen["kernel"], *fills.at(chosen), speed=1)
            case "surprise":
                show.film("pixelcnn", surprise, row, drawn)
        if chosen["view"] != "layers":
            board.kept("pixelcnn", "Draw an image of your own", "Clear the board to go back to the test image.")
        pixelcnn_notes.measured()


CAP = 4.0  # nats that are drawn white on a map of surprise


# -- what each layer sees --------------------------------------------------------------------------------------


def layers(kernel: str, row: int, column: int) -> Film:
    """Layer by layer: the pixels that a feature at (row, column) depends on, measured, beside the layer's mask."""
    model = shipped.model("pixelcnn", KERNELS[kernel])
    fields = model.fields(row, column).cpu().numpy()  # (layers, 28, 28)
    network: Any = model.network
    masked = [network.first, *(block.masked for block in network.blocks)]
    frames = [
        Frame(step=i, scalars={"seen": float((field > 0).sum())}, arrays={"field": field})
        for i, field in enumerate(fields)
    ]
    kernels = [mask(layer.kind, layer.kernel_size[1], layer.weight.device).cpu().numpy() for layer in masked]
    base = {
        "layout": {
            "xaxis": {"domain": [0.81, 1], "visible": False, "range": [-0.5, 6.5], "constrain": "domain"},
            "yaxis": {"domain": [0.1, 0.9], "visible": False, "range": [6.5, -0.5], "scaleanchor": "x"},
            **sheet_axes(sheet_shape(1, 1), x=(0, 0.79)),
        },
        "traces": [
            trace("heatmap", zmin=0, zmax=1, xgap=2, ygap=2, showscale=False,
                  colorscale=[[0, "@grid"], [1, "@first"]]),
            fills.boxed([(column + GAP + 0.5, row + GAP + 0.5)], 15),
        ],
        "curve_sets": [{"name": "Pixels seen", "curve_label": "pixels", "curve_step": "layer",
                        "curve_mark": {"value": float(row * SIDE + column), "text": "all that come before"},
                        "curves": [{"scalar": "seen", "name": "seen", "colour": "@first"}]}],
    }  # fmt: skip
    return Film(
        frames=frames,
        base=base,
        draw=lambda frame: field_picture(frame, kernels[frame.step], row, column, last=len(frames) - 1),
        numbers=lambda frame: field_numbers(frame, kernels[frame.step], row, column, network.reaches),
    )


def field_picture(frame: Frame, kernel: np.ndarray, row: int, column: int, *, last: int) -> dict[str, Any]:
    field, size = frame.arrays["field"], kernel.shape[1]
    full = np.zeros((size, size), dtype=int)  # the rows below are masked too
    full[: len(kernel)] = kernel
    cells = np.full((7, 7), np.nan, dtype=np.float32)  # in the middle of the largest kernel's place
    shift = (7 - size) // 2
    cells[shift : shift + size, shift : shift + size] = full
    seen, before = int(frame.scalars["seen"]), row * SIDE + column
    kind = "the first layer, mask A" if frame.step == 0 else f"block {frame.step} of {last}, mask B"
    words = (
        f"After {kind}: the marked pixel's features see {seen} of the {before} pixels before it, measured by gradient. "
        "Right, where the kernel may look (blue)."
    )
    return {"sheet": sheet(fills.seen(field)[None], 1), "traces": {0: {"z": cells}}, "caption": words}


def field_numbers(frame: Frame, kernel: np.ndarray, row: int, column: int, reaches: list[int]) -> Blocks:
    field, reach = frame.arrays["field"] > 0, reaches[frame.step]
    missed = int((fills.within(row, column, reach) & ~field).sum())
    return [
        {"text": f"Layer {frame.step + 1} of {len(reaches)}: {kernel.shape[1]} × {kernel.shape[1]} kernel, "
                 f"{int(kernel.sum())} of {kernel.shape[1] ** 2} weights in use."},
        {"table": [["pixels seen", "missed"], [str(int(field.sum())), str(missed)]]},
        {"text": f"Missed: earlier pixels within {reach} rows and columns, which is how far the kernels reach in a "
                 "straight line. They lie to the right above: the blind spot."},
    ]  # fmt: skip


# -- surprise --------------------------------------------------------------------------------------------------


def relatives(model: RasterModel, row: int, drawn: np.ndarray | None) -> dict[str, np.ndarray]:
    """A test image and what may surprise the model: names -> levels (28, 28)."""
    x = fills.levels(model, fills.test_image("mnist", row), seed=row)
    shoe = fills.levels(model, fills.test_image("fashion", row % 5000), seed=row)
    found = {"as it is": x, "upside down": x[::-1], "mirrored": x[:, ::-1], "clothes": shoe}
    if drawn is not None:
        found["your drawing"] = fills.levels(model, fills.bytes_of(drawn), seed=row)
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def surprise(row: int, drawn: np.ndarray | None) -> Film:
    """Images above, maps of their nats per pixel below, and what each sums to."""
    model = shipped.model("pixelcnn")
    found = relatives(model, row, drawn)
    names, x = list(found), np.stack(list(found.values()))
    nats = -model.log_prob_per_pixel(x).cpu().numpy()  # (N, 28, 28)
    totals = nats.sum(axis=(1, 2))
    n = len(x)
    place = sheet(np.concatenate([fills.as_bytes(x, model.config.n_levels), levels(nats, 0, CAP)]), n)
    base = {
        "layout": {
            "xaxis": {"domain": [0.22, 1], "title": "−log p(x), nats", "rangemode": "tozero"},
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False, "dtick": 1,
                      "domain": [0.1, 0.29]},
            **sheet_axes(place.shape, x=(0, 1), y=(0.35, 1)),  # type: ignore[arg-type]
        },
        "traces": [
            bars_across(["@first"] + ["@muted"] * (n - 1), y=names, x=totals.astype(np.float32),
                        text=[f"{value:.0f}" for value in totals], textposition="auto"),
            OPEN,
        ],
        "pixels": {"side": SIDE, "gap": GAP, "columns": n, "n": 2 * n},
    }  # fmt: skip
    said = ", ".join(f"{name} {total:.0f}" for name, total in zip(names, totals, strict=True))
    words = f"Above the images, below where they surprise: white is {CAP:.0f} nats. In all: {said} nats."

    def ask(_frame: Frame, pick: dict[str, Any]) -> Any:
        asked = fills.pixel_of(pick, 2 * n)
        if asked is None:
            table = [["image", "nats", "bits a pixel"]]
            table += [
                [name, f"{total:.1f}", f"{total / (SIDE * SIDE * np.log(2)):.4f}"]
                for name, total in zip(names, totals, strict=True)
            ]
            return [
                formula(r"-\log p(x) = -\sum_i \log p(x_i \mid x_1, \ldots, x_{i-1})"),
                {"table": table},
                {"text": "Point at a pixel to see its share of the sum."},
            ]
        which, r, c = asked
        answer = fills.about(model, x[which % n], (r, c))
        answer["overlay"]["image"] = which
        answer["tip"] = f"{nats[which % n, r, c]:.3f} nats"
        answer["blocks"].insert(0, {"text": f"{names[which % n].capitalize()}, row {r + 1}, column {c + 1}:"})
        return answer

    return Film(
        frames=[Frame(step=0, scalars={"nats": float(totals[0])})],
        base=base,
        draw=lambda _: {"sheet": place, "caption": words},
        explain=ask,
    )


if __name__ == "__main__":
    main()
