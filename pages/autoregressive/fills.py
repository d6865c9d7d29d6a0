"""Images being filled in, for all pages that show it: the model, what is hidden, the stage, and a pixel asked about."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
import torch

import engines
from engines import data
from engines.autoregressive.fill import Picture
from engines.autoregressive.raster import RasterModel
from engines.engine import Frame
from engines.run import Run
from pages.ui.live import SLOTS, Blocks
from pages.ui.maths import latex, number
from pages.ui.sheets import GAP, OPEN, sheet, sheet_axes
from pages.ui.stage import Scene

SIDE = 28
HIDDEN = 75  # the grey of a pixel that is not drawn yet
HIDE = ("lower half", "right half", "block", "everything", "painted")
NOTHING = "nothing is hidden yet: choose Hide pixels below the stage and paint over the image"
SPEEDS = [1, 4, 16, 60, 200, 600]
_loading = threading.Lock()


def model(name: str, variant: str = "") -> Any:
    """A shipped model; one copy for all viewers."""
    with _loading:  # two viewers who ask at once must not load it twice
        return _model(name, variant)


@lru_cache(maxsize=8)
def _model(name: str, variant: str) -> Any:
    return engines.pretrained(name, variant)


def test_image(name: str, row: int) -> np.ndarray:
    """A test image as bytes: (28, 28)."""
    return np.array(data.load(name, split="test").x[row])


def levels(model: RasterModel, image: np.ndarray, seed: int = 0) -> np.ndarray:
    """Bytes (28, 28) as the model's levels (28, 28); black and white are drawn once, by the seed."""
    generator = torch.Generator().manual_seed(seed)
    return model.quantise(image.reshape(1, SIDE, SIDE), generator=generator)[0].cpu().numpy()


def hidden(what: str, cells: tuple[int, ...] = ()) -> np.ndarray:
    """True where a pixel is hidden: (28, 28); ``cells`` are the raster positions of a painted mask."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    if what == "lower half":
        mask[SIDE // 2 :] = True
    elif what == "right half":
        mask[:, SIDE // 2 :] = True
    elif what == "block":
        mask[9:20, 8:20] = True
    elif what == "everything":
        mask[:] = True
    else:
        mask.flat[list(cells)] = True
    return mask


def within(row: int, column: int, reach: int) -> np.ndarray:
    """The pixels before (row, column) that lie within ``reach`` rows and columns: (28, 28)."""
    r, c = np.indices((SIDE, SIDE))
    before = (r < row) | ((r == row) & (c < column))
    return before & (row - r <= reach) & (np.abs(column - c) <= reach)


def cells_of(value: Any) -> tuple[int, ...]:
    """Raster positions as a browser sends them; what is none is left out."""
    if not isinstance(value, list):
        return ()
    return tuple(sorted({v for v in value[: SIDE * SIDE] if type(v) is int and 0 <= v < SIDE * SIDE}))


def as_bytes(x: np.ndarray, n_levels: int) -> np.ndarray:
    return (x.astype(np.uint16) * 255 // (n_levels - 1)).astype(np.uint8)


# -- the stage -------------------------------------------------------------------------------------------------


def fill_scene(model: RasterModel, image: np.ndarray, mask: np.ndarray, **settings: Any) -> Scene:
    """Completions of ``image`` (28, 28) levels where ``mask`` hides it; settings are those of the engine `fill`."""
    engine: Any = engines.create("fill", data=Picture(model=model, image=image, mask=mask), **settings)
    return scene_of(Run(engine, slots=SLOTS), engine.filling.order)


def scene_of(run: Run, order: np.ndarray) -> Scene:
    engine: Any = run.engine
    picture, n = engine.data, engine.config.n
    return Scene(
        run=run,
        base=base(picture, n, order, engine.config.labels),
        draw=lambda frame: draw(frame, picture, order),
        explain=lambda frame, pick: explain(frame, pick, picture, order, engine.classes_at(frame.step)),
        again=lambda other: scene_of(other, order),
    )


def base(picture: Picture, n: int, order: np.ndarray, labels: tuple[int, ...] = ()) -> dict[str, Any]:
    """The completions as a sheet on the left, the distribution of the pixel at hand on the right; of two levels for
    every completion, under its class where they differ in it.
    """
    columns = columns_of(n)
    rows = -(-n // columns)
    shape = (rows * (SIDE + GAP) + GAP, columns * (SIDE + GAP) + GAP)
    n_levels = picture.model.config.n_levels
    steps = np.zeros(SIDE * SIDE, dtype=int)
    steps[order] = np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.diff(order // SIDE, append=-1) != 0) + 1
    # A line around everything would say nothing.
    mask = picture.mask if not picture.mask.all() else np.zeros_like(picture.mask)
    outline = np.concatenate([edges(mask) + corner(i, columns) for i in range(n)], axis=1)
    chance = "chance of white" if n_levels == 2 else "probability"
    if n_levels > 2:
        horizontal: dict[str, Any] = {"title": "level, of completion 1", "range": [-0.6, n_levels - 0.4]}
    else:
        horizontal = {"title": "completion", "dtick": 1, "range": [0.4, n + 0.6], "tickangle": 0}
        if len(set(labels)) > 1:
            horizontal |= {"title": "class", "tickvals": list(range(1, n + 1)), "ticktext": [str(y) for y in labels]}
    return {
        "layout": {
            "xaxis": {"domain": [0.76, 1], **horizontal},
            "yaxis": {"title": chance, "domain": [0.12, 0.92], "range": [0, 1]} if n_levels == 2 else
            {"title": chance, "domain": [0.12, 0.92], "rangemode": "tozero"},
            **sheet_axes(shape, x=(0, 0.63)),
        },
        "traces": [
            {"type": "bar", "marker": {"color": "@first"}},
            {"type": "scatter", "mode": "lines", "x": outline[0], "y": outline[1], "xaxis": "x2", "yaxis": "y2",
             "line": {"color": "@second", "width": 2.5}, "meta": {"layer": "mask"}},
            {**OPEN, "meta": {"layer": "pixel"}, "marker": {
                "symbol": "square-open", "size": max(8, 26 // columns), "color": "@second", "line": {"width": 3}}},
        ],
        "pixels": {"side": SIDE, "gap": GAP, "columns": columns, "n": n, "steps": steps.tolist(),
                   "hidden": np.flatnonzero(picture.mask).tolist()},
        "rows": ends.tolist(),
        "curve_sets": [
            {"name": "Doubt", "curve_label": "nats",
             "curves": [{"scalar": "entropy", "name": "entropy of the next pixel", "colour": "@first"}]},
            {"name": "Surprise", "curve_label": "nats",
             "curves": [{"scalar": "surprise", "name": "of the pixels drawn so far", "colour": "@bound"}]},
        ],
        "components": 0,
        "points": 0,
    }  # fmt: skip


LAYERS = (("sheet", "Images"), ("mask", "What was hidden"), ("pixel", "The pixel at hand"))


def columns_of(n: int) -> int:
    """How many images stand side by side: two rows of five for ten classes, else a square."""
    return 5 if n == 10 else int(np.ceil(np.sqrt(n)))


def corner(i: int, columns: int) -> np.ndarray:
    """The left upper corner of the i-th image on the sheet: x, y as a column."""
    return np.array([[GAP + (i % columns) * (SIDE + GAP)], [GAP + (i // columns) * (SIDE + GAP)]], dtype=np.float32)


def edges(mask: np.ndarray) -> np.ndarray:
    """The outline of a mask (H, W) as line pieces with gaps between them: x, y (2, M)."""
    padded = np.pad(mask, 1)
    pieces = []
    for r, c in np.argwhere(padded[:, 1:] != padded[:, :-1]):  # upright pieces, at x = c, from y = r - 1
        pieces += [(c, r - 1), (c, r), (np.nan, np.nan)]
    for r, c in np.argwhere(padded[1:] != padded[:-1]):
        pieces += [(c - 1, r), (c, r), (np.nan, np.nan)]
    return np.array(pieces or [(np.nan, np.nan)], dtype=np.float32).T


def shown(frame: Frame, picture: Picture, order: np.ndarray) -> np.ndarray:
    """The completions as bytes (n, 28, 28), grey where nothing is drawn yet."""
    images = as_bytes(frame.arrays["images"], picture.model.config.n_levels).reshape(-1, SIDE * SIDE).copy()
    images[:, order[frame.step :]] = HIDDEN
    return images.reshape(-1, SIDE, SIDE)


def draw(frame: Frame, picture: Picture, order: np.ndarray) -> dict[str, Any]:
    images = shown(frame, picture, order)
    n = len(images)
    columns = columns_of(n)
    patches: dict[int, dict[str, Any]] = {2: {"x": np.zeros(0, np.float32), "y": np.zeros(0, np.float32)}}
    position = int(frame.scalars["position"])
    total = len(order)
    if position >= 0:
        row, column = divmod(position, SIDE)
        inside = np.array([[column + 0.5], [row + 0.5]])
        places = np.concatenate([corner(i, columns) + inside for i in range(n)], axis=1)
        patches[2] = {"x": places[0].astype(np.float32), "y": places[1].astype(np.float32)}
        chances = frame.arrays["probabilities"]
        if chances.shape[1] == 2:
            patches[0] = {"x": np.arange(1, n + 1, dtype=np.float32), "y": chances[:, 1].astype(np.float32)}
            low, high = chances[:, 1].min(), chances[:, 1].max()
            said = f"white with a chance of {low:.2f}" + (
                f" to {high:.2f}, depending on the completion" if n > 1 else ""
            )
        else:
            patches[0] = {"x": np.arange(chances.shape[1], dtype=np.float32), "y": chances[0].astype(np.float32)}
            best = int(chances[0].argmax())
            said = f"of completion 1 likeliest at level {best}, with {chances[0, best]:.2f}"
        words = f"Pixel {frame.step} of {total}, row {row + 1}, column {column + 1}: {said}."
    else:
        words = f"{total} pixels are hidden. Press play: each is drawn from its chance, given all pixels before it."
    if frame.step == total:
        words = f"All {total} pixels are drawn, {frame.scalars['surprise']:.1f} nats a completion. Point at a pixel."
    return {"sheet": sheet(images, columns), "traces": patches, "caption": words, "alt": words}


# -- a pixel asked about ---------------------------------------------------------------------------------------


def pixel_of(pick: dict[str, Any], n: int) -> tuple[int, int, int] | None:
    """[image, row, column] of a question, where it is one."""
    asked = pick.get("pixel")
    if not (isinstance(asked, list) and len(asked) == 3 and all(type(v) is int for v in asked)):
        return None
    image, row, column = asked
    return (image, row, column) if 0 <= image < n and 0 <= row < SIDE and 0 <= column < SIDE else None


def explain(frame: Frame, pick: dict[str, Any], picture: Picture, order: np.ndarray, labels: tuple[int, ...]) -> Any:
    images = frame.arrays["images"]
    asked = pixel_of(pick, len(images))
    if asked is None:
        return so_far(frame)
    image, row, column = asked
    position = row * SIDE + column
    drawn = np.flatnonzero(order == position)
    state = "known from the start" if not len(drawn) else ("drawn" if drawn[0] < frame.step else "not drawn yet")
    known = state != "not drawn yet"
    label = labels[image % len(labels)] if labels else None
    found = about(picture.model, images[image], (row, column), label=label, known=known)
    found["overlay"]["image"] = image
    found["blocks"].insert(0, {"text": f"Completion {image + 1}, row {row + 1}, column {column + 1}: {state}."})
    return found


def so_far(frame: Frame) -> Blocks:
    """The completions in numbers: what the pixel at hand was drawn from."""
    if frame.step == 0:
        return [{"text": "Point at a pixel of an image: its distribution and what it looks at appear here."}]
    chances, position = frame.arrays["probabilities"], int(frame.scalars["position"])
    row, column = divmod(position, SIDE)
    values = frame.arrays["images"][:, row, column]
    table = [["completion", "drawn", "P(drawn)"]]
    table += [[str(i + 1), name(int(v), chances.shape[1]), f"{chances[i, v]:.4f}"] for i, v in enumerate(values[:10])]
    return [
        {"text": f"The pixel in row {row + 1}, column {column + 1}:"},
        {"table": table},
        {"math": latex(rf"-\sum_i \log p(x_i \mid x_{{<i}}) = {number(frame.scalars['surprise'], tex=True)}")},
        {"text": "in nats, over the pixels drawn so far, the mean of the completions."},
    ]


def name(level: int, n_levels: int) -> str:
    return ("black", "white")[level] if n_levels == 2 else str(level)


def about(
    model: RasterModel, x: np.ndarray, at: tuple[int, int], *, label: int | None = None, known: bool = True
) -> dict[str, Any]:
    """One pixel of an image (28, 28) of levels: its distribution, its surprise, and the pixels that it looks at, as an
    overlay and in words.
    """
    row, column = at
    log_probs = model.log_probs_of(model.parameters(x[None], label))[0, :, row, column].cpu().numpy()
    n_levels = len(log_probs)
    looked = model.dependence(row, column, x=x[None], label=label).cpu().numpy()
    earlier = row * SIDE + column
    strength = np.sqrt(looked / max(float(looked.max()), 1e-12))
    alpha = np.where(looked > 0, 40 + 190 * strength, 0).astype(np.uint8)
    best = np.argsort(-log_probs)[: min(n_levels, 4)]
    table = [["level", "P", "−log P, nats"]]
    table += [[name(int(v), n_levels), f"{np.exp(log_probs[v]):.4f}", f"{-log_probs[v]:.3f}"] for v in sorted(best)]
    blocks: Blocks = [
        {"math": latex(r"p(x_i \mid x_1, \ldots, x_{i-1})")},
        {"table": table},
    ]
    value = int(x[row, column])
    if known:
        blocks.append({"text": f"It is {name(value, n_levels)}: {-log_probs[value]:.3f} nats of surprise."})
    blocks.append(
        {"text": f"Its distribution looks at {int((looked > 0).sum())} of the {earlier} pixels before it, coloured by "
                 "how much it would change with each: the gradient, measured."}
    )  # fmt: skip
    tip = f"P(white) = {np.exp(log_probs[1]):.3f}" if n_levels == 2 else f"likeliest: {best[0]}"
    return {"blocks": blocks, "overlay": {"image": 0, "alpha": alpha, "colour": "@first"}, "tip": tip}
