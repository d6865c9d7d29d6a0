"""DiscoGAN: two kinds of things and no pairs; a map there and a map back must undo each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

import engines
from engines import devices
from engines.engine import Frame
from engines.run import Run
from engines.translation.discogan2d import FIELD, N_A, N_B, RADIUS_B, SPAN, modes
from pages.catalogue import entry
from pages.ui import show
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.page import page
from pages.ui.player import layers
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {"gan": "a GAN", "reconstruction": "with a way back", "discogan": "DiscoGAN"}
PANELS = ("gan", "reconstruction", "discogan")
LAYERS = layers(("field", "D's shading"))

RATE = Choice(
    key="rate", label="Learning rate", options=("3e-4", "1e-3", "3e-3"), default="1e-3", slider=True,
    field="learning_rate", kind=float, live=True,
)  # fmt: skip
BATCH = Choice(
    key="batch",
    label="Batch size",
    options=("50", "200", "500"),
    default="200",
    field="batch_size",
    kind=int,
    live=True,
)
WIDTH = Choice(key="width", label="Units of a layer", options=("16", "32", "64"), default="64", field="width", kind=int)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, field="seed")
TOY = (RATE, BATCH, WIDTH, SEED)
VIEWS = {"toy": ("In the plane", TOY)}


def main() -> None:
    with page(entry("discogan"), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        show.learn("discogan", plane, TOY, chosen, of="plane", layers=LAYERS)
        st.caption(
            "All three learn from the same points, batch by batch; they differ in the terms of their loss alone. Fork "
            "at a step to go on from there with another learning rate or batch size."
        )


# -- in the plane ----------------------------------------------------------------------------------------------


def plane(**own: Any) -> Live:
    """The three models, learning now from the same points."""
    n_steps = 5_000 if devices.hosted() else 50_000
    engine = engines.create("discogan2d", n_steps=n_steps, **own)
    return watched(Run(engine, slots=SLOTS, frame_interval=0.2))


def watched(run: Run) -> Live:
    return Live(run=run, base=plane_base(), draw=plane_picture, explain=lambda frame, _: plane_numbers(frame),
                again=watched)  # fmt: skip


def plane_base() -> dict[str, Any]:
    """Four squares: the points of A, and where each model puts them among the modes of B."""
    b, at = modes(N_B, RADIUS_B).numpy(), (np.arange(FIELD) + 0.5) / FIELD * 2 * SPAN - SPAN
    layout: dict[str, Any] = {"annotations": []}
    traces: list[dict[str, Any]] = []
    for i, words in enumerate(("A, the source", *(WORDS[model] for model in PANELS))):
        end = "" if i == 0 else str(i + 1)
        hidden = {"visible": False, "range": [-SPAN, SPAN]}
        left, low = 0.51 * (i % 2), 0.51 * (1 - i // 2)
        layout[f"xaxis{end}"] = {"domain": [left, left + 0.49], "anchor": f"y{end}", "constrain": "domain", **hidden}
        layout[f"yaxis{end}"] = {"domain": [low, low + 0.49], "scaleanchor": f"x{end}", "constrain": "domain",
                                 "anchor": f"x{end}", **hidden}  # fmt: skip
        title = {"text": words, "showarrow": False, "x": 0, "y": SPAN, "xref": f"x{end}", "yref": f"y{end}",
                 "yanchor": "top"}  # fmt: skip
        layout["annotations"].append(title)
        axes = {"xaxis": f"x{end}", "yaxis": f"y{end}", "hoverinfo": "skip"}
        if i:
            scale = [[0, "@ground/0"], [1, "@real/50"]]
            traces.append({"type": "heatmap", "x": at, "y": at, "zmin": 0, "zmax": 1, "showscale": False,
                           "zsmooth": "best", "colorscale": scale, "meta": {"layer": "field"}, **axes})  # fmt: skip
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": b[:, 0],
                    "y": b[:, 1],
                    "marker": {"size": 16, "color": "@ground/0", "line": {"width": 2, "color": "@text"}},
                    **axes,
                }
            )
        for k in range(N_A):
            traces.append({"type": "scatter", "mode": "markers", "x": [], "y": [],
                           "marker": {"size": 5, "color": f"@c{k}"}, **axes})  # fmt: skip
    return {"layout": layout, "traces": traces, "curve_sets": [COVERED, LED_BACK]}


COVERED = curves("Modes of B covered", "modes", **{f"{model}.modes": WORDS[model] for model in PANELS})
LED_BACK = curves("Off after the way back", "squared distance", **{"reconstruction.const_a": WORDS["reconstruction"],
                                                                  "discogan.const_a": WORDS["discogan"]})  # fmt: skip


def plane_picture(frame: Frame) -> dict[str, Any]:
    patches: dict[int, dict[str, Any]] = {}
    of, i = frame.arrays["mode"], 0
    for model in ("", *PANELS):
        points = frame.arrays[f"{model}.ab"] if model else frame.arrays["a"]
        if model:
            patches[i] = {"z": frame.arrays[f"{model}.field"].astype(np.float32)}
            i += 2
        for k in range(N_A):
            own = points[of == k].astype(np.float32)
            patches[i] = {"x": own[:, 0], "y": own[:, 1]}
            i += 1
    said = ", ".join(f"{WORDS[model]} {frame.scalars[f'{model}.modes']:.0f}" for model in PANELS)
    words = (
        f"After {frame.scalars['batches']:,.0f} batches. Points of A keep the colour of their mode; circles are the "
        f"ten modes of B, shading is where D takes points for B. Modes of B covered, of {N_B}: {said}."
    )
    return {"traces": patches, "caption": words, "alt": words}


def plane_numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["", *(WORDS[model] for model in PANELS)]]
    for words, key, digits in (
        ("modes of B covered, of 10", "modes", 0),
        ("points that land in a mode", "near", 2),
        ("modes of B that several modes of A share", "shared", 0),
        ("−log D_B(x_AB)", "gan_b", 3),
        ("d(x_ABA, x_A)", "const_a", 3),
        ("−log D_A(x_BA)", "gan_a", 3),
        ("d(x_BAB, x_B)", "const_b", 3),
    ):
        rows.append([words, *(f"{s[f'{m}.{key}']:.{digits}f}" if f"{m}.{key}" in s else "" for m in PANELS)])
    return [
        {"text": "Covered: a quarter of a mode's share or more lies within three deviations. Losses are averages over "
            "about the last 50 batches; what stands empty the model does not have."},
        {"table": rows},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def fewer(record: Live | None) -> str:
    frames = show.frames("discogan") if record is not None else []
    now = ""
    if frames and f"{PANELS[0]}.modes" in frames[-1].scalars:
        s = frames[-1].scalars
        now = " Now they cover " + ", ".join(f"{s[f'{model}.modes']:.0f} ({WORDS[model]})" for model in PANELS) + "."
    return (
        "*Symptom:* a GAN, and one with a way back, may leave modes of B unused. *Cause:* nothing asks where a point "
        "of B comes from: $D_B$ is content with any of its modes. *Cure:* a map back that must look like A and that "
        f"the map there undoes, for the points of B as well: the last square.{now}"
    )


SCENES = {"fewer": Scene(title="Modes that nothing asks for", text=fewer, link={"seed": 3})}
WHY = (
    r"""
You have things of two kinds, A and B, and nobody has said which go together. A GAN can make B out of A: $G_{AB}$ draws
what $D_B$ takes for a B. But *which* B? It may be the same one for all A.

**DiscoGAN** learns both directions at once and asks that they undo each other:

$$
x_{AB} = G_{AB}(x_A), \qquad x_{ABA} = G_{BA}(x_{AB}), \qquad L_{CONST_A} = d(x_{ABA}, x_A)
$$
$$
L_G = L_{GAN_B} + L_{CONST_A} + L_{GAN_A} + L_{CONST_B}
$$

$L_{GAN_B} = -\mathbb{E}\log D_B(x_{AB})$ and $d$ is the mean squared difference. Two points that become one cannot
both be led back, so what differs in A must differ in B. The square "with a way back" has the first two terms, the GAN
the first.
""",
    r"""
**Why both ways?** With one reconstruction the map there may use a part of B, and whatever lies outside is never asked
where it comes from. $L_{CONST_B}$ asks: every point of B must be led to A and back.

**Five modes onto ten.** The networks are continuous, so to cover ten modes they tear modes of A between several of B,
and points remain on the way.

**What it cannot know.** The losses never say *which* mode of B belongs to one of A. Any map that can be undone will do;
a mirror image would be as good. Try another seed.
""",
)


def check_modes(answer: float) -> tuple[bool, str]:
    frames = show.frames("discogan")
    if not frames or "discogan.modes" not in frames[-1].scalars:
        raise ValueError("Let it learn first.")
    s = frames[-1].scalars
    said = ", ".join(f"{WORDS[model]} {s[f'{model}.modes']:.0f}" for model in PANELS)
    return answer == s["discogan.modes"], f"After {s['batches']:,.0f} batches: {said}."


def check_fewest(answer: str) -> tuple[bool, str]:
    frames = show.frames("discogan")
    if not frames or frames[-1].scalars["batches"] < 500:
        raise ValueError("Let it learn from 500 batches or more first.")
    s = frames[-1].scalars
    found = {WORDS[model]: s[f"{model}.near"] for model in PANELS}
    said = ", ".join(f"{words} {100 * value:.0f} %" for words, value in found.items())
    return answer == max(found, key=lambda words: found[words]), f"After {s['batches']:,.0f} batches: {said}."


QUESTIONS = (
    Question(
        text="How many of the ten modes of B does DiscoGAN cover at the step on your stage?",
        kind="whole",
        check=check_modes,
        hint="In the plane: the caption, and In numbers.",
    ),
    Question(
        text="Whose points land in a mode of B most often at the step on your stage?",
        kind="choice",
        options=tuple(WORDS.values()),
        check=check_fewest,
        hint="In numbers: points that land in a mode.",
    ),
    Question(
        text="A map sends two points of A to the same point of B. Which term notices?",
        kind="choice",
        options=("d(x_ABA, x_A)", "−log D_B(x_AB)"),
        check=lambda answer: (
            answer == "d(x_ABA, x_A)",
            "One point of B is led back to one of A, so at least one of the two is not met.",
        ),
        hint="What would the way back have to do?",
    ),
)


if __name__ == "__main__":
    main()
