"""A convolution or its transpose as pictures: three grids with their numbers, what lies on what, and the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.engine import Frame
from engines.gans.transposed_convolution import TransposedConvolution
from engines.maths import convolution as conv
from pages.ui.live import Blocks
from pages.ui.maths import formula
from pages.ui.traces import HIDDEN, Trace, curve, heatmap, texts

GAP = 1.4  # cells between two grids
MAX_TEXT = 22  # cells across all three grids; of more the numbers are left to the hand that hovers
MAX_MATRIX = 300  # rows of a matrix that is shown
TERMS_SHOWN = 12
BLANK = "\u00a0"  # Plotly forgets a text that is empty, and shows it one picture late when it comes back
LAYERS = (("numbers", "Numbers"), ("matrix", "Matrix"))


class Places:
    """Where the grids lie on the stage: their left edges, and the common height, in cells."""

    def __init__(self, engine: TransposedConvolution) -> None:
        self.margin = engine.padding if engine.config.mode in ("convolution", "resize") else 0
        self.n, self.k = len(engine.input) + 2 * self.margin, len(engine.kernel)
        self.o = engine.config.output_size
        self.left = {"input": 0.0, "kernel": self.n + GAP, "output": self.n + self.k + 2 * GAP}
        self.width, self.height = self.n + self.k + self.o + 2 * GAP, max(self.n, self.k, self.o)
        self.top = {
            name: (self.height - side) / 2 for name, side in zip(self.left, (self.n, self.k, self.o), strict=True)
        }

    def box(self, name: str, row: float, column: float, side: float) -> np.ndarray:
        """The outline of a square of cells: (6, 2), with a gap at its end."""
        x, y = self.left[name] + column, self.top[name] + row
        return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y], [np.nan, np.nan]])

    def middles(self, name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
        at = np.arange(side) + 0.5
        return (self.left[name] + at).astype(np.float32), (self.top[name] + at).astype(np.float32)


def base(engine: TransposedConvolution) -> dict[str, Any]:
    places = Places(engine)
    padded = np.pad(engine.input, places.margin)
    hidden = {**HIDDEN, "title": ""}
    sides = list(zip(places.left, (places.n, places.k, places.o), strict=True))
    most = [float(np.abs(values).max()) or 1.0 for values in (engine.input, engine.kernel, engine.result)]
    grids = {"input": padded, "kernel": engine.kernel}
    traces = []
    for (name, side), top in zip(sides, most, strict=True):
        x, y = places.middles(name, side)
        values = {"z": grids[name].astype(np.float32)} if name in grids else {}
        colours = ("@second/80", "@ground", "@first/80")
        traces.append(heatmap(-top, top, *colours, x=x, y=y, xgap=1, ygap=1, **values))
    traces += [figures(places, name, values) for name, values in grids.items()]
    traces.append(figures(places, "output", np.zeros((places.o,) * 2), pick="component"))
    traces.append(curve("@text", 3))
    edges = np.concatenate([places.box(name, 0, 0, side) for name, side in sides]).astype(np.float32)
    traces.append(curve("@muted", 1, x=edges[:, 0], y=edges[:, 1]))
    heads = {
        "input": {"inserted": "input, zeros inserted", "resize": "input, resized"}.get(engine.config.mode, "input"),
        "kernel": "kernel, turned" if engine.config.mode == "inserted" else "kernel",
        "output": "output",
    }
    inner = {**dict(sides), "input": len(engine.input)}
    titles = [f"{heads[name]} {inner[name]} × {inner[name]}" for name, _ in sides]
    if places.margin:
        titles[0] += f", padding {places.margin}"
    x = [places.left[name] + side / 2 for name, side in sides]
    y = [places.top[name] - 0.06 * places.height for name, _ in sides]
    traces.append(texts(titles, size=13, x=x, y=y, textposition="top center"))
    table = matrix_of(engine)
    if table is not None:
        for i, values in ((3, table), (4, table.T)):
            place = {"axes": i, "layer": "matrix"}
            colours = ("@second", "@grid/60", "@first")
            traces.append(heatmap(-most[1], most[1], *colours, z=values.astype(np.float32), **place))
            traces.append(curve("@text", 2, **place))
    nothing = np.zeros(0, dtype=np.float32)
    beyond = engine.config.padding if engine.config.mode == "transposed" else 0  # what a stamp loses at the edge
    layout = {
        "xaxis": {"range": [-0.3, places.width + 0.3 + beyond], **hidden},
        "yaxis": {"range": [places.height + 0.2 + beyond, -0.2 * places.height - 0.3], "scaleanchor": "x", **hidden,
                  "domain": [0, 1] if table is None else [0.41, 1]},
    }  # fmt: skip
    if table is not None:
        layout |= matrix_axes(*table.shape)
    return {
        "layout": layout,
        "narrow": {} if table is None else {"yaxis4": {"title": ""}},
        "traces": traces,
        "cloud": {"x": nothing, "y": nothing, "colours": ["@real"]},
        "tips": [sum_of(engine, divmod(i, places.o)) for i in range(places.o**2)],
        "components": places.o**2 if places.o <= 16 else 0,
        "component_label": "output cell",
        "pick": {},
    }


def matrix_axes(rows: int, columns: int) -> dict[str, Any]:
    """Places for a matrix with a row for every output cell, and at its right for its transpose."""
    sides = {"input cell": columns, "output cell": rows}
    layout: dict[str, Any] = {"annotations": []}
    for i, across, down, domain, title in (
        (3, "input cell", "output cell", [0, 0.465], "As a matrix"),
        (4, "output cell", "input cell", [0.545, 1], "Its transpose"),
    ):
        common = {"showgrid": False, "zeroline": False}
        ticks = {name: {"dtick": 1, "tick0": 0} if n <= 6 else {} for name, n in sides.items()}  # whole ones
        layout[f"xaxis{i}"] = {"title": across, "range": [-0.5, sides[across] - 0.5], "anchor": f"y{i}",
                               "domain": domain, **common, **ticks[across]}  # fmt: skip
        layout[f"yaxis{i}"] = {"title": down, "range": [sides[down] - 0.5, -0.5], "anchor": f"x{i}",
                               "domain": [0, 0.35], **common, **ticks[down]}  # fmt: skip
        layout["annotations"].append({"text": title, "xref": "paper", "yref": "paper", "x": sum(domain) / 2, "y": 0.36,
                                      "xanchor": "center", "yanchor": "bottom", "showarrow": False,
                                      "font": {"size": 12, "color": "@text"}})  # fmt: skip
    return layout


def matrix_of(engine: TransposedConvolution) -> np.ndarray | None:
    """The operation as a matrix from the shown input (without its padding) to the output, or None where too large."""
    rows, columns = engine.config.output_size**2, engine.input.size
    if rows > MAX_MATRIX or columns > MAX_MATRIX:
        return None
    out = np.zeros((rows, columns))
    side, n = engine.config.output_size, len(engine.input)
    for row, column in np.ndindex(side, side):
        for (i, j), b in engine.terms((row, column)):
            out[row * side + column, i * n + j] = engine.kernel[b]
    return out


def figures(places: Places, name: str, values: np.ndarray, **more: Any) -> Trace:
    """The numbers of a grid in its cells."""
    side = len(values)
    x, y = places.middles(name, side)
    text = written(values) if places.width <= MAX_TEXT else [BLANK] * side * side
    size = 13 if places.width < 17 else 10
    return texts(text, size=size, x=np.tile(x, side), y=np.repeat(y, side), layer="numbers", **more)


def written(values: np.ndarray) -> list[str]:
    """Numbers as text: whole ones as they are."""
    return [short(value) for value in values.ravel()]


def short(value: float) -> str:
    """A whole number as it is, another with two decimals."""
    whole = float(value).is_integer()
    text = f"{value:.0f}" if whole else f"{value:.2f}"
    text = text.removeprefix("-") if float(text) == 0 else text  # no minus before a zero
    return text.replace("-", "−")


def picture(frame: Frame, engine: TransposedConvolution) -> dict[str, Any]:
    """One step; hovering an output cell spells out its sum."""
    places, config, mode = Places(engine), engine.config, engine.config.mode
    output, reached = frame.arrays["output"], frame.arrays["reached"].astype(bool)
    row, column = int(frame.scalars["row"]), int(frame.scalars["column"])
    text = written(output) if places.width <= MAX_TEXT else [BLANK] * output.size
    patches: dict[int, dict[str, Any]] = {
        2: {"z": np.where(reached, output, np.nan).astype(np.float32)},
        5: {"text": [word if there else BLANK for word, there in zip(text, reached.ravel(), strict=True)]},
    }
    outline = np.zeros((0, 2))
    if frame.step:
        if mode == "transposed":
            start = (row * config.stride - config.padding, column * config.stride - config.padding)
            boxes = [places.box("input", row, column, 1), places.box("output", *start, places.k)]
        else:
            at = (row * engine.stride, column * engine.stride)
            boxes = [places.box("input", *at, places.k), places.box("output", row, column, 1)]
        outline = np.concatenate(boxes)
    patches[6] = {"x": outline[:, 0].astype(np.float32), "y": outline[:, 1].astype(np.float32)}
    if frame.step and max(engine.result.size, engine.input.size) <= MAX_MATRIX:
        rows, columns = engine.result.size, engine.input.size
        index = frame.step - 1
        x0, x1, y0, y1 = (index - 0.5, index + 0.5, -0.5, rows - 0.5) if mode == "transposed" else (
            -0.5, columns - 0.5, index - 0.5, index + 0.5)  # fmt: skip
        x, y = np.array([x0, x1, x1, x0, x0], dtype=np.float32), np.array([y0, y0, y1, y1, y0], dtype=np.float32)
        patches |= {10: {"x": x, "y": y}, 12: {"x": y, "y": x}}
    words = caption(frame, engine)
    return {"traces": patches, "caption": words}


def caption(frame: Frame, engine: TransposedConvolution) -> str:
    row, column = int(frame.scalars["row"]), int(frame.scalars["column"])
    mode, n = engine.config.mode, engine.n_steps
    if not frame.step:
        doing = "stamp the kernel into the output, once for every input cell" if mode == "transposed" else (
            "move the kernel over the input, one output cell after another")  # fmt: skip
        return f"Press play to {doing}. Hover an output cell to read its sum."
    if mode == "transposed":
        value = short(engine.input[row, column])
        words = (
            f"Stamp {frame.step} of {n}: input cell ({row}, {column}) holds {value}; {value} times the kernel is added "
            "inside the frame on the right."
        )
        return f"{words} What lies beyond the edge is cut off." if engine.config.padding else words
    return f"Cell {frame.step} of {n}: {sum_of(engine, (row, column))}."


def sum_of(engine: TransposedConvolution, cell: tuple[int, int]) -> str:
    """An output cell's sum in numbers: "out(0, 1) = 2·1 + 3·(−1) = −1"."""
    terms = engine.terms(cell)
    parts = []
    for a, b in terms:
        x, w = short(engine.input[a]), short(engine.kernel[b])
        parts.append(f"{x}·({w})" if w.startswith("−") else f"{x}·{w}")
    total = sum(engine.input[a] * engine.kernel[b] for a, b in terms)
    shown = " + ".join(parts[:TERMS_SHOWN]) + (f" + … ({len(parts)} terms)" if len(parts) > TERMS_SHOWN else "")
    return f"out({cell[0]}, {cell[1]}) = {shown or 'nothing'} = {short(float(total))}"


def numbers(frame: Frame, engine: TransposedConvolution, pick: dict[str, Any]) -> Blocks:
    """The size by formula, and the picked output cell's sum (or the one the step was about)."""
    config, side = engine.config, engine.config.output_size
    n, k, s, p, a = config.size, config.kernel, config.stride, config.padding, config.output_padding
    if config.mode in ("transposed", "inserted"):
        rule = r"o = (n-1)\,s - 2p + k + a", rf"= ({n}-1)\cdot {s} - 2\cdot {p} + {k} + {a} = {side}"
    elif config.mode == "convolution":
        said = rf"= \lfloor ({n} + 2\cdot {p} - {k})/{s} \rfloor + 1 = {side}"
        rule = r"o = \lfloor (n + 2p - k)/s \rfloor + 1", said
    else:
        rule = r"o = n s + 2\lfloor k/2 \rfloor - k + 1", rf"= {n}\cdot {s} + 2\cdot {k // 2} - {k} + 1 = {side}"
    blocks: Blocks = [{"text": "The output's side:"}, *(formula(part) for part in rule)]
    try:
        index = int(pick["component"])
    except (KeyError, TypeError, ValueError, OverflowError):
        index = -1
    if not 0 <= index < side * side:
        row, column = int(frame.scalars["row"]), int(frame.scalars["column"])
        index = (
            row * side + column if config.mode != "transposed" else min(row * s * side + column * s, side * side - 1)
        )
    cell = divmod(index, side)
    rows = [["input cell", "value", "kernel cell", "weight", "product"]]
    for at, w in engine.terms(cell)[:25]:
        product = engine.input[at] * engine.kernel[w]
        rows.append([str(at), short(engine.input[at]), str(w), short(engine.kernel[w]), short(float(product))])
    blocks += [{"text": sum_of(engine, cell)}, {"table": rows}]
    if config.mode in ("transposed", "inserted"):
        counts = conv.overlap(n, kernel=k, stride=s, padding=p, output_padding=a)
        uneven = "evenly: the kernel is a multiple of the stride" if k % s == 0 else (
            "unevenly, a checkerboard: the kernel is no multiple of the stride")  # fmt: skip
        least, most = int(counts.min()), int(counts.max())
        times = f"{most} {'time' if most == 1 else 'times'}"
        times = times if least == most else f"{least} to {times}"
        blocks.append({"text": f"Stamps cover an output cell {times}, {uneven} (edges aside)."})
    return blocks
