"""3D-GAN: a solid to turn in the hand, the way between two of them, arithmetic with codes, and what D has learned."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

from engines import learning
from engines.engine import Frame
from engines.making import solids
from engines.making.solids import CLASSES
from engines.making.threedgan import FILLED, SHOWN, unpacked
from pages.catalogue import entry
from pages.making import threedgan_notes as notes
from pages.making.threedgan_notes import WORDS, model, tests, trained_on
from pages.ui import shipped, show, stage
from pages.ui.comparison import networks
from pages.ui.live import Blocks
from pages.ui.maths import latex
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, volume_base
from pages.ui.show import Film

SLUG = "3dgan"
CODES = 200  # codes to choose from
PERCENT = np.arange(5, 100, 5)  # thresholds of the first view
WAY = 25  # places on the way between two codes
DRAWN = 512  # codes that the averages rest on

BY = networks(WORDS)
CODE = Number(key="code", label="Code", low=1, high=CODES, default=notes.OPENING, help="Which of 200 drawn codes.")
BESIDE = Choice(
    key="beside", label="Beside it", options=("nothing", "nearest"), default="nothing",
    labels={"nearest": "the training solid most like it"},
)  # fmt: skip
FROM = Number(key="from", label="From code", low=1, high=CODES, default=notes.ENDS[0])
TO = Number(key="to", label="To code", low=1, high=CODES, default=notes.ENDS[1])
THRESHOLD = Choice(
    key="threshold", label="Filled from an occupancy of", options=("0.1", "0.3", "0.5", "0.7", "0.9"), default="0.5",
    slider=True, kind=float,
)  # fmt: skip
MORE = Choice(
    key="more", label="Add what makes solids", options=tuple(notes.PROPERTIES), default="height",
    labels={key: words for key, (words, _, _) in notes.PROPERTIES.items()},
)  # fmt: skip
VIEWS = {
    "solid": ("Make a solid", (CODE, BESIDE, BY)),
    "walk": ("Walk between two", (FROM, TO, THRESHOLD)),
    "sum": ("Add and subtract", (CODE, MORE)),
    "film": ("Watch it learn", ()),
    "features": ("What D has learned", ()),
    "parts": ("Take a part away", ()),
}


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        variant = "" if chosen["by"] == "trained" else chosen["by"]
        match chosen["view"]:
            case "solid":
                of = (variant, chosen["code"])
                show.film(SLUG, solid, *of, chosen["beside"] == "nearest", autoplay=False, open=50)
                with st.container(key="lab-about"):
                    st.caption(notes.learned(variant))
                    files(*of)
            case "walk":
                show.film(SLUG, walk, chosen["from"], chosen["to"], float(chosen["threshold"]), open=WAY // 2, speed=8)
            case "sum":
                show.film(SLUG, added, chosen["code"], chosen["more"], autoplay=False, open=10)
                st.caption(notes.AVERAGES)
            case "film":
                show.film(SLUG, training)
                st.caption(notes.learned(""))
            case "features":
                show.film(SLUG, judged, autoplay=False)
                st.table(notes.probes())
                st.caption(notes.PROBED)
            case "parts":
                show.film(SLUG, side_by_side, autoplay=False)
                st.table(notes.table())
                st.caption(notes.MEASURES)
                st.markdown(notes.agrees())


# -- solids ----------------------------------------------------------------------------------------------------


def codes(variant: str) -> Any:
    """The codes that can be chosen: (200, Z)."""
    engine = model(variant)
    return engine.codes(CODES, learning.stream(engine.config.seed, 4))


@lru_cache(maxsize=64)
def occupancy(variant: str, code: int) -> np.ndarray:
    """What G makes of code 1..200: every cell's occupancy (32, 32, 32)."""
    return model(variant).decode(codes(variant)[code - 1 : code])[0].numpy()


def pictured(*some: np.ndarray) -> np.ndarray:
    """Solids (32, 32, 32), [x right, y up, z front], as the stage takes them: (N, 32, 32, 32) bytes, front to back."""
    return np.stack([np.where(one > 0, 255, 0).astype(np.uint8).transpose(2, 1, 0) for one in some])


def facts(solid: np.ndarray) -> dict[str, float]:
    return {"filled": float(solid.sum()), "piece": float(100 * solids.in_one_piece(solid[None])[0])}


def solid(variant: str, code: int, beside: bool) -> Film:
    """A frame a threshold: what is filled from that occupancy on."""
    made, frames = occupancy(variant, code), []
    usual = trained_on().flatten(1).sum(dim=1).float().mean()
    near, overlap, said = notes.nearest(variant, made) if beside else (None, 0.0, "")
    for percent in PERCENT:
        full = made >= percent / 100
        scalars = {**facts(full), "usual": float(usual)}
        frames.append(Frame(step=int(percent), scalars=scalars, arrays={"solid": np.packbits(full)}))

    def draw(frame: Frame) -> dict[str, Any]:
        full, s = unpacked(frame.arrays["solid"][None])[0], frame.scalars
        words = (
            f"Filled from an occupancy of {frame.step / 100:.2f}: {s['filled']:,.0f} of 32,768 cells, "
            f"{s['piece']:.0f} % of them in one piece. Training solids fill {s['usual']:,.0f} on average."
        )
        if near is not None:
            words += f" At 0.50 the most like it is a training solid of class {said}: IoU {overlap:.2f}."
        some = [full] if near is None else [full, near]
        return {"volume": pictured(*some), "caption": words}

    sets = [
        curves("Filled cells", "cells", filled="this solid", usual="training solids, mean"),
        curves("In one piece", "%", piece="this solid"),
    ]
    names = () if near is None else ("made", "the training solid most like it")
    return Film(frames=frames, base={**volume_base(names=names), "curve_sets": sets}, draw=draw, numbers=cells_of(made))


def cells_of(made: np.ndarray) -> Any:
    """How the occupancies are spread: most cells are sure."""
    shares = [float(((made >= low) & (made < high)).mean()) for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9))]
    rows = [["occupancy", "cells, %"]]
    for said, share in zip(("below 0.1", "0.1 to 0.5", "0.5 to 0.9", "0.9 and more"), (*shares, 1 - sum(shares)),
                           strict=True):  # fmt: skip
        rows.append([said, f"{100 * share:.1f}"])

    def numbers(frame: Frame) -> Blocks:
        return [
            {"math": latex(r"o = \sigma(G(z)), \qquad \text{filled where}\ o \geq " + f"{frame.step / 100:.2f}")},
            {"table": rows},
            {"text": "o is a cell's occupancy, σ the sigmoid and z the code, 64 numbers between −1 and 1."},
        ]

    return numbers


def shown_threshold() -> float:
    """The threshold under the scrubber, as the browser last said."""
    record = stage.current(show.slot(SLUG))
    step = record.shown if record is not None else None
    return (50 if step is None or step not in PERCENT else step) / 100


def files(variant: str, code: int) -> None:
    """The solid at the threshold shown, to keep."""

    def of(kind: Any) -> Any:
        return lambda: kind(occupancy(variant, code) >= shown_threshold())

    with st.container(horizontal=True):
        st.download_button("OBJ", of(solids.obj), "solid.obj", "model/obj", on_click="ignore",
                           help="The solid at the threshold shown, as a mesh.")  # fmt: skip
        st.download_button("STL", of(solids.stl), "solid.stl", "model/stl", on_click="ignore",
                           help="The same for a printer.")  # fmt: skip


def walk(a: int, b: int, threshold: float) -> Film:
    """From one code to another, beside the mixture of the two solids' occupancies."""
    first_code, last_code = codes("")[[a - 1, b - 1]].numpy()
    way = np.linspace(0, 1, WAY, dtype=np.float32)[:, None]
    lengths = (1 - way) * np.linalg.norm(first_code) + way * np.linalg.norm(last_code)
    made = model("").decode(as_long((1 - way) * first_code + way * last_code, lengths)).numpy()
    first, last, frames = made[0] >= threshold, made[-1] >= threshold, []
    for i, occupied in enumerate(made):
        full, mixed = occupied >= threshold, (1 - way[i]) * made[0] + way[i] * made[-1] >= threshold
        scalars = {
            **facts(full), "mixed": facts(mixed)["piece"], "share": 100 * float(way[i, 0]),
            "like_first": iou(full, first), "like_last": iou(full, last),
        }  # fmt: skip
        frames.append(Frame(step=i, scalars=scalars, arrays={"pair": np.packbits(np.stack([full, mixed]))}))

    def draw(frame: Frame) -> dict[str, Any]:
        s = frame.scalars
        words = (
            f"{s['share']:.0f} % of the way from code {a} to code {b}: {s['filled']:,.0f} cells, {s['piece']:.0f} % of "
            f"them in one piece; of the mixture of the two solids {s['mixed']:.0f} %."
        )
        pair = unpacked(frame.arrays["pair"].reshape(2, -1))
        return {"volume": pictured(*pair), "caption": words}

    def numbers(frame: Frame) -> Blocks:
        t = frame.scalars["share"] / 100
        rows = [["IoU with", ""], [f"code {a}", f"{frame.scalars['like_first']:.2f}"],
                [f"code {b}", f"{frame.scalars['like_last']:.2f}"]]  # fmt: skip
        return [
            {"math": latex(rf"z \propto {1 - t:.2f}\, z_{{{a}}} + {t:.2f}\, z_{{{b}}}")},
            {"table": rows},
            {"text": "Its length is kept, as a code halfway is shorter than drawn ones are. IoU: the cells that both "
                     "fill, of those that one of them fills. On the right the occupancies are mixed, not the codes."},
        ]  # fmt: skip

    sets = [
        curves("Likeness", "IoU", like_first=f"with code {a}", like_last=f"with code {b}"),
        curves("In one piece", "%", piece="between the codes", mixed="mixture of the solids"),
        curves("Filled cells", "cells", filled="between the codes"),
    ]
    base = volume_base(names=("between the codes", "mixture of the two solids"))
    return Film(frames=frames, base={**base, "curve_sets": sets}, draw=draw, numbers=numbers)


def as_long(z: np.ndarray, lengths: Any) -> np.ndarray:
    """Codes (N, Z) at other lengths: halfway between two, a code is shorter than drawn ones are, its solid small."""
    return (z * (lengths / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9))).astype(np.float32)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


# -- arithmetic ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def drawn() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Codes (512, Z), and every property of what G makes of them (512,)."""
    engine = model("")
    z = engine.codes(DRAWN, learning.stream(engine.config.seed, 5))
    full = engine.decode(z).numpy() >= FILLED
    return z.numpy(), {key: measure(full) for key, (_, _, measure) in notes.PROPERTIES.items()}


@lru_cache(maxsize=8)
def direction(more: str) -> np.ndarray:
    """The mean code of the tenth of solids with most of a property less that of the tenth with least: (Z,)."""
    z, measured = drawn()
    order = np.argsort(measured[more], kind="stable")
    tenth = DRAWN // 10
    return z[order[-tenth:]].mean(axis=0) - z[order[:tenth]].mean(axis=0)


def added(code: int, more: str) -> Film:
    """A frame a weight from -1 to 2: the code and so much of the difference of the averages."""
    words, unit, measure = notes.PROPERTIES[more]
    start, weights = codes("")[code - 1].numpy(), np.arange(-10, 21) / 10
    z = as_long(start + weights[:, None] * direction(more), np.linalg.norm(start))
    made = model("").decode(z).numpy() >= FILLED
    values, before = measure(made), int(np.flatnonzero(weights == 0)[0])
    frames = [
        Frame(step=i, scalars={**facts(full), "weight": weight, "value": value, "before": values[before]},
              arrays={"pair": np.packbits(np.stack([made[before], full]))})
        for i, (full, weight, value) in enumerate(zip(made, weights, values, strict=True))
    ]  # fmt: skip

    def draw(frame: Frame) -> dict[str, Any]:
        s = frame.scalars
        said = (
            f"Code {code} {'−' if s['weight'] < 0 else '+'} {abs(s['weight']):.1f} times what makes solids {words}: "
            f"{s['value']:.0f} {unit}; before {s['before']:.0f}."
        )
        pair = unpacked(frame.arrays["pair"].reshape(2, -1))
        return {"volume": pictured(*pair), "caption": said}

    def numbers(frame: Frame) -> Blocks:
        _, measured = drawn()
        order = np.sort(measured[more])
        tenth = DRAWN // 10
        rows = [["mean " + unit, ""], ["tenth with most", f"{order[-tenth:].mean():.1f}"],
                ["tenth with least", f"{order[:tenth].mean():.1f}"]]  # fmt: skip
        return [
            {"math": latex(rf"z' \propto z + {frame.scalars['weight']:.1f}\,(\bar z_{{\text{{most}}}} - "
                           r"\bar z_{\text{least}})")},
            {"table": rows},
            {"text": f"Averages over {tenth} codes each, of {DRAWN} drawn ones. The code's length is kept."},
        ]  # fmt: skip

    sets = [
        curves(words.capitalize(), unit, value="this solid", before="before"),
        curves("In one piece", "%", piece="this solid"),
    ]
    base = volume_base(names=(f"code {code}", "with the difference added"))
    return Film(frames=frames, base={**base, "curve_sets": sets}, draw=draw, numbers=numbers)


# -- the training ----------------------------------------------------------------------------------------------


def training() -> Film:
    usual = float(trained_on().flatten(1).sum(dim=1).float().mean())
    sets = [
        curves("Filled cells", "cells", filled="64 made solids", usual="training solids"),
        curves("Losses", "nats", d_loss="D", g_loss="G, −log D(G(z))"),
        curves("D", "%", accuracy="accuracy", held="batches it was held back"),
        curves("In one piece", "%", piece="64 made solids"),
    ]
    base = {**volume_base(names=("",) * SHOWN), "curve_sets": sets, "curve_log": True}

    def added(frame: Frame) -> dict[str, float]:
        percent = {key: 100 * frame.scalars[key] for key in ("accuracy", "held") if key in frame.scalars}
        return {"usual": usual, "piece": 100 * frame.scalars["one_piece"], **percent}

    return shipped.film(SLUG, added=added, base=base, draw=learning_to, numbers=notes.numbers)


def learning_to(frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    words = (
        f"After {s['batches']:,.0f} batches, from the same {SHOWN} codes at every step: {s['filled']:,.0f} cells a "
        f"solid, training solids {s['usual']:,.0f}; {s['piece']:.0f} % in one piece."
    )
    return {"volume": pictured(*unpacked(frame.arrays["made"])), "caption": words}


# -- what D has learned ----------------------------------------------------------------------------------------


def judged() -> Film:
    """A frame a test solid: its class, and what each classifier says."""
    of, said = tests(), notes.verdicts()
    frames = []
    for i in range(len(of["label"])):
        right = {key: 100 * float((rows[: i + 1] == of["label"][: i + 1]).mean()) for key, rows in said.items()}
        frames.append(Frame(step=i, scalars=right, arrays={"said": np.array([rows[i] for rows in said.values()])}))

    def draw(frame: Frame) -> dict[str, Any]:
        words = f"A test solid of class {CLASSES[of['label'][frame.step]]}. Linear classifiers say, " + "; ".join(
            f"by {notes.SEEN[key]}: {CLASSES[one]}" for key, one in zip(said, frame.arrays["said"], strict=True)
        )
        return {"volume": pictured(of["voxels"][frame.step]), "caption": words + ".", "alt": words}

    def numbers(frame: Frame) -> Blocks:
        rows = [["right so far", "%"], *([notes.SEEN[key], f"{frame.scalars[key]:.0f}"] for key in said)]
        return [
            {"table": rows},
            {"text": f"After {frame.step + 1} of {len(frames)} test solids. The table below has intervals."},
        ]

    sets = [curves("Right so far", "%", **{key: notes.SEEN[key] for key in said})]
    return Film(frames=frames, base={**volume_base(), "curve_sets": sets}, draw=draw, numbers=numbers)


# -- take a part away ------------------------------------------------------------------------------------------

COMPARED = tuple(variant for variant in WORDS if variant)


def side_by_side() -> Film:
    """A frame a code: what every network makes of it."""
    made = {variant: model(variant).decode(codes(variant)[:12]).numpy() >= FILLED for variant in COMPARED}
    frames = []
    for i in range(12):
        filled = {f"filled{j}": facts(made[variant][i])["filled"] for j, variant in enumerate(COMPARED)}
        some = np.packbits(np.stack([made[variant][i] for variant in COMPARED]))
        frames.append(Frame(step=i, scalars=filled, arrays={"solids": some}))

    def draw(frame: Frame) -> dict[str, Any]:
        words = f"Code {frame.step + 1} of 12. Filled cells: " + ", ".join(
            f"{WORDS[variant]} {frame.scalars[f'filled{j}']:,.0f}" for j, variant in enumerate(COMPARED)
        )
        some = unpacked(frame.arrays["solids"].reshape(len(COMPARED), -1))
        return {"volume": pictured(*some), "caption": words + ".", "alt": words}

    def numbers(frame: Frame) -> Blocks:
        rows = [["", "cells"], *([WORDS[v], f"{frame.scalars[f'filled{j}']:,.0f}"] for j, v in enumerate(COMPARED))]
        return [{"table": rows}, {"text": "The same code means another solid to another network: compare what they are "
                                          "like, not which they are."}]  # fmt: skip

    return Film(
        frames=frames, base=volume_base(names=[WORDS[v] for v in COMPARED]), draw=draw, numbers=partial(numbers)
    )


if __name__ == "__main__":
    main()
