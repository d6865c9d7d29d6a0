"""Images being filled in, for all pages that show it: what is hidden, the stage, and a pixel asked about."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from engines import data
from engines.autoregressive.fill import Picture
from engines.autoregressive.raster import RasterModel
from engines.engine import Frame
from engines.run import Run
from pages.ui import forks, settings, show, stage
from pages.ui.forks import Change
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.settings import Choice, Number, Real
from pages.ui.sheets import GAP, curves, sheet, sheet_axes, sheet_shape
from pages.ui.traces import Trace, bars, curve, marks

SIDE = 28
HIDDEN = 75  # the grey of a pixel that is not drawn yet
NOTHING = "Nothing is hidden yet: choose Hide pixels above the stage and paint over the image."
SPEEDS = [1, 4, 16, 60, 200, 600]
LAYERS = (("sheet", "Images"), ("mask", "What was hidden"), ("pixel", "The pixel at hand"))


# -- what is hidden --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenPart(Choice):
    """A part that has a name, or one painted by hand: in the address "painted." and its pixels."""

    def said(self, option: str) -> str:
        return f"Painted, {hidden(option).sum()} pixels" if option.startswith(PAINTED) else Choice.said(self, option)

    def problem(self, text: str) -> str:
        return "" if text.startswith(PAINTED) and hidden(text).any() else Choice.problem(self, text)

    def parse(self, text: str) -> str:
        return self.default if self.problem(text) else text

    def widget(self, **more: Any) -> str:
        now = settings.value(self)
        options = [*PARTS, now if now.startswith(PAINTED) else "painted"]
        return st.selectbox(self.label, options, format_func=self.said, help=self.help, **more)


PAINTED = "painted."
PARTS: dict[str, Any] = {
    "lower half": np.s_[SIDE // 2 :],
    "right half": np.s_[:, SIDE // 2 :],
    "block": np.s_[9:20, 8:20],
    "everything": np.s_[:],
}


def hidden(what: str) -> np.ndarray:
    """True where a pixel is hidden: (28, 28); nowhere where the text means none."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    if what in PARTS:
        mask[PARTS[what]] = True
    elif what.startswith(PAINTED):
        try:
            bits = base64.b64decode(what.removeprefix(PAINTED)[:200] + "=", altchars=b"-_", validate=True)
        except ValueError:
            bits = b""
        if len(bits) == SIDE * SIDE // 8:
            mask = np.unpackbits(np.frombuffer(bits, dtype=np.uint8)).reshape(SIDE, SIDE).astype(bool)
    return mask


def painted(cells: Any) -> str:
    """Raster positions as a browser sends them, as the setting has them; what is none is left out."""
    mask = np.zeros(SIDE * SIDE, dtype=bool)
    if isinstance(cells, list):
        mask[[v for v in cells[: SIDE * SIDE] if type(v) is int and 0 <= v < SIDE * SIDE]] = True
    bits = base64.urlsafe_b64encode(np.packbits(mask).tobytes()).decode().rstrip("=")
    return PAINTED + bits if mask.any() else "painted"


# -- settings that these pages share ---------------------------------------------------------------------------


def row(default: int) -> Number:
    return Number(
        key="row", label="Test image", low=0, high=9999, default=default, slider=False, help="Of MNIST's 10,000."
    )


HIDE = HiddenPart(
    key="hide",
    label="What is hidden",
    options=(*PARTS, "painted"),
    default="lower half",
    labels={"lower half": "The lower half", "right half": "The right half", "block": "A block in the middle",
            "everything": "Everything", "painted": "Painted by hand"},
    help="Or choose Hide pixels above the stage and paint over an image.",
)  # fmt: skip


def images(default: str = "4") -> Choice:
    return Choice(
        key="n", label="Images side by side", options=("1", "4", "9", "16"), default=default, slider=True,
        help="From the same known pixels, with different random numbers.",
    )  # fmt: skip


TEMPERATURE = Real(
    key="t", label="Temperature T", low=0.0, high=2.0, default=1.0, step=0.1,
    help="Chances to the power 1/T: 1 is the model, 0 always takes the likeliest level, 2 dares more. Applies live.",
)  # fmt: skip
SEED = settings.seed("The same seed, the same images.")
SEEDS = Change(
    field="seed",
    choice=Choice(key="", label="Random numbers", options=tuple(f"seed {i}" for i in range(1, 10)), default="seed 1"),
    parse=lambda text: int(text.removeprefix("seed ")),
)
WARMTHS = Change(
    field="temperature",
    choice=Choice(key="", label="Temperature T", options=("0", "0.5", "0.8", "1", "1.5", "2"), default="0.5"),
    parse=float,
)


def place(row: int, column: int) -> tuple[Number, Number]:
    """Which pixel is looked at."""
    return (
        Number(key="atrow", label="Row of the pixel", low=1, high=28, default=row, help="Counted from the top."),
        Number(key="atcol", label="Column of the pixel", low=1, high=28, default=column, help="Counted from the left."),
    )


def at(chosen: Mapping[str, Any]) -> tuple[int, int]:
    return chosen["atrow"] - 1, chosen["atcol"] - 1


# -- images ----------------------------------------------------------------------------------------------------


def test_image(name: str, row: int) -> np.ndarray:
    """A test image as bytes: (28, 28)."""
    return np.array(data.load(name, split="test").x[row])


def bytes_of(drawn: np.ndarray) -> np.ndarray:
    """A drawing in 0..1 as bytes."""
    return np.rint(255 * drawn).astype(np.uint8)


def levels(model: RasterModel, image: np.ndarray, seed: int = 0) -> np.ndarray:
    """Bytes (28, 28) as the model's levels (28, 28); black and white are drawn once, by the seed."""
    generator = torch.Generator().manual_seed(seed)
    return model.quantise(image.reshape(1, SIDE, SIDE), generator=generator)[0].cpu().numpy()


def as_bytes(x: np.ndarray, n_levels: int) -> np.ndarray:
    return (x.astype(np.uint16) * 255 // (n_levels - 1)).astype(np.uint8)


def within(row: int, column: int, reach: int) -> np.ndarray:
    """The pixels before (row, column) that lie within ``reach`` rows and columns: (28, 28)."""
    r, c = np.indices((SIDE, SIDE))
    before = (r < row) | ((r == row) & (c < column))
    return before & (row - r <= reach) & (np.abs(column - c) <= reach)


# -- the stage -------------------------------------------------------------------------------------------------


def fill(
    slug: str,
    model: RasterModel,
    chosen: Mapping[str, Any],
    *,
    of: Sequence[Any],
    image: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    scene: Callable[[Run], Live] | None = None,
    view: str = "fill",
    layers: Sequence[Sequence[Any]] = LAYERS,
    changes: Sequence[Change] = (SEEDS, WARMTHS),
    edit: bool = False,
    code: str = "",
    **own: Any,
) -> Live | None:
    """Completions of ``image`` (28, 28) of levels where ``mask`` hides it, whole images without one: in the player,
    with a fork beside them. ``of`` says which model and image these are; ``own`` are further settings of the engine
    `fill`; with ``edit`` the viewer paints the mask; ``scene`` draws it otherwise than `scene_of`; ``code`` are the
    lines of Python that make ``model`` and ``image`` (`code_of`), "" where the viewer drew the image.
    """
    hide = np.ones((SIDE, SIDE), dtype=bool) if mask is None else mask
    known = np.zeros((SIDE, SIDE), dtype=np.uint8) if image is None else image
    own = {"n": int(chosen.get("n", 1)), "seed": chosen["seed"], **own}

    def make() -> Live:
        if not hide.any():
            raise ValueError(NOTHING)
        return fill_scene(model, known, hide, scene=scene, code=code, temperature=chosen["t"], **own)

    return show.run(
        slug, make, fixed={"of": (*of, known.tobytes(), hide.tobytes()), **own}, changing={"temperature": chosen["t"]},
        changes=changes,
        on_event={"cells": lambda event: settings.put({HIDE.key: painted(event.get("cells"))}),
                  "reroll": lambda event: reroll(slug, event)},
        view=view, layers=layers, speed=60, speeds=SPEEDS, autoplay=True, reroll=bool(changes),
        **({"edit": {"tools": ["hide", "reveal"], "max": SIDE * SIDE}} if edit else {}),
    )  # fmt: skip


def reroll(slug: str, event: Mapping[str, Any]) -> None:
    """A second run beside the first, from the pixel asked about on, with random numbers of its own; for a callback."""
    record = stage.current(show.slot(slug))
    asked = pixel_of(dict(event), 1 << 16)
    if record is None or asked is None or record.run.engine is None or record.again is None:
        return
    _, row, column = asked
    step = record.base["pixels"]["steps"][row * SIDE + column]  # that drew it; 0: it was known
    if not 0 < step <= record.run.status.step:
        return
    key = f"{slug}:rerolls"
    st.session_state[key] = st.session_state.get(key, 0) + 1
    seed = (record.run.engine.config.seed + st.session_state[key]) % 10_000
    stage.put(f"{slug}:rival", record.again(record.run.fork(step - 1, seed=seed)))
    forks.name(slug, record, f"From row {row + 1}, column {column + 1} on: seed {seed}")


def fill_scene(
    model: RasterModel,
    image: np.ndarray,
    mask: np.ndarray,
    *,
    scene: Callable[[Run], Live] | None = None,
    code: str = "",
    **settings: Any,
) -> Live:
    """The stage of such a fill; settings are those of the engine `fill`."""

    def staged(run: Run) -> Live:
        made = (scene or scene_of)(run)
        made.data_code, made.again = code and f"{code}\n{code_of_mask(mask)}", staged
        return made

    engine: Any = engines.create("fill", data=Picture(model=model, image=image, mask=mask), **settings)
    return staged(Run(engine, slots=SLOTS))


def code_of(name: str, variant: str = "", *, row: int | None = None, seed: int = 0) -> str:
    """The lines of Python that make the shipped ``model`` and, of a test image, its ``image``; else an empty one."""
    lines = ["import numpy as np", "from engines.autoregressive.fill import Picture"]
    if row is not None:
        lines += ["import torch", "from engines.data import load"]
    lines.append(f"model = engines.pretrained({name!r}, {variant!r})")
    if row is None:
        return "\n".join([*lines, f"image = np.zeros(({SIDE}, {SIDE}), dtype=np.uint8)"])
    lines.append(f"grey = load('mnist', split='test').x[{row}].reshape(1, {SIDE}, {SIDE})")
    lines.append(f"image = model.quantise(grey, generator=torch.Generator().manual_seed({seed}))[0].cpu().numpy()")
    return "\n".join(lines)


def code_of_mask(mask: np.ndarray) -> str:
    """The lines that hide a part of ``image``: a rectangle by its sides, what was painted by its raster positions."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = f"[{rows[0]}:{rows[-1] + 1}, {columns[0]}:{columns[-1] + 1}]"
    whole = mask.sum() == len(rows) * len(columns)
    where = f"mask{box}" if whole else f"mask.flat[{np.flatnonzero(mask).tolist()}]"
    return "\n".join([
        f"mask = np.zeros(({SIDE}, {SIDE}), dtype=bool)", f"{where} = True",
        "data = Picture(model=model, image=image, mask=mask)",
    ])  # fmt: skip


def scene_of(run: Run) -> Live:
    engine: Any = run.engine
    picture, order = engine.data, engine.filling.order
    return Live(
        run=run,
        base=base(picture, engine.config.n, order, engine.config.labels),
        draw=lambda frame: draw(frame, picture, order),
        explain=lambda frame, pick: explain(frame, pick, picture, order, engine.classes_at(frame.step)),
        again=scene_of,
    )


def base(picture: Picture, n: int, order: np.ndarray, labels: tuple[int, ...] = ()) -> dict[str, Any]:
    """The completions as a sheet on the left, the distribution of the pixel at hand on the right; of two levels for
    every completion, under its class where they differ in it.
    """
    columns = columns_of(n)
    rows = -(-n // columns)
    shape = sheet_shape(rows, columns)
    n_levels = picture.model.config.n_levels
    steps = np.zeros(SIDE * SIDE, dtype=int)
    steps[order] = np.arange(1, len(order) + 1)
    ends = np.flatnonzero(np.diff(order // SIDE, append=-1) != 0) + 1
    across = 0.75 * min(1, columns / rows)  # as wide as its height allows; the rest is for the distribution
    # A line around everything would say nothing.
    mask = picture.mask if not picture.mask.all() else np.zeros_like(picture.mask)
    outline = np.concatenate([edges(mask) + corner(i, columns) for i in range(n)], axis=1)
    if n_levels > 2:
        horizontal: dict[str, Any] = {"title": "P(level)", "range": [-0.6, n_levels - 0.4]}
    else:
        horizontal = {"title": "P(white)", "dtick": 1, "range": [0.4, n + 0.6], "tickangle": 0}
        if len(set(labels)) > 1:
            horizontal |= {
                "title": "P(white), class",
                "tickvals": list(range(1, n + 1)),
                "ticktext": [str(y) for y in labels],
            }
    return {
        "layout": {
            "xaxis": {"domain": [across + 0.075, 1], **horizontal},
            "yaxis": {"domain": [0.08, 0.98], **({"range": [0, 1]} if n_levels == 2 else {"rangemode": "tozero"})},
            **sheet_axes(shape, x=(0, across)),
        },
        "beside": {"most": across, "gap": 0.075, "aspect": columns / rows},
        "narrow": {"xaxis": {"domain": [0, 1]}, "yaxis": {"domain": [0, 0.2]},
                   **sheet_axes(shape, x=(0, 1), y=(0.34, 1))},
        "traces": [
            bars("@first"),
            curve("@second", axes=2, layer="mask", x=outline[0], y=outline[1]),
            boxed([(0, 0)], max(8, 26 // columns), layer="pixel"),
        ],
        "pixels": {"side": SIDE, "gap": GAP, "columns": columns, "n": n, "steps": steps.tolist(),
                   "hidden": np.flatnonzero(picture.mask).tolist()},
        "rows": ends.tolist(),
        "curve_sets": [
            curves("Entropy of each pixel", "nats", entropy="of the pixel drawn last"),
            curves("Surprise so far", "nats", "@bound", surprise="of the pixels drawn so far"),
        ],
    }  # fmt: skip


def columns_of(n: int) -> int:
    """How many images stand side by side: three for ten classes, as on a telephone, else a square."""
    return 3 if n == 10 else int(np.ceil(np.sqrt(n)))


def corner(i: int, columns: int) -> np.ndarray:
    """The left upper corner of the i-th image on the sheet: x, y as a column."""
    return np.array([[GAP + (i % columns) * (SIDE + GAP)], [GAP + (i // columns) * (SIDE + GAP)]], dtype=np.float32)


def boxed(places: Sequence[tuple[float, float]], size: int, *, layer: str = "") -> Trace:
    """Squares around pixels of the sheet, by the places of their middles."""
    square = {"symbol": "square-open", "size": size, "color": "@second", "line": {"width": 3}}
    return marks(axes=2, layer=layer, x=[x for x, _ in places], y=[y for _, y in places], marker=square)


def seen(field: np.ndarray) -> np.ndarray:
    """What a pixel sees, by gradient (..., H, W), as greys: black is nothing."""
    strongest = np.maximum(field.max(axis=(-2, -1), keepdims=True), 1e-12)
    return np.where(field > 0, 90 + 165 * np.sqrt(field / strongest), 0).astype(np.uint8)


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
            alike = f"{low:.2f}" == f"{high:.2f}"
            said = f"white with a chance of {low:.2f}" + (
                "" if n == 1 else " in every completion" if alike else f" to {high:.2f}, depending on the completion"
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
    return {"sheet": sheet(images, columns), "traces": patches, "caption": words}


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
        formula(rf"-\sum_i \log p(x_i \mid x_{{<i}}) = {number(frame.scalars['surprise'], tex=True)}"),
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
        formula(r"p(x_i \mid x_1, \ldots, x_{i-1})"),
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
