"""From the page's settings to what the player shows: points with and without labels, text, digits, melodies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from engines import data
from engines.engine import Frame
from engines.foundations.bayes_classifier import fit
from engines.maths.pca import PCA, fit_pca, project, reconstruct
from engines.run import Run
from pages.ui import palette
from pages.ui.code import OF_ITSELF
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.sheets import images_base
from pages.ui.show import Film
from pages.ui.traces import bars_across, contours, curve, density_lines, heatmap

SPAN = 4.2
GRID = 60
LINE = 44  # letters across the stage
SHOWN = 12  # letters or notes whose chances are drawn
DIGIT_STYLES, DIGIT_IMAGES, DIGIT_DIMENSIONS = 40, 4_000, 30
DIGITS_DRAWN = 40
REDRAWS = 6
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


# -- points ----------------------------------------------------------------------------------------------------

STAGES = ("data", "boundary", "clusters", "samples")


def points(name: str, n: int, seed: int) -> Film:
    """The same points four times: as they come, with labels and a boundary, without and in clusters, and made up."""
    given = data.load(name, n=n, seed=seed)
    labels = np.asarray(given.labels)
    k = int(labels.max()) + 1
    at = (np.arange(GRID) + 0.5) / GRID * 2 * SPAN - SPAN
    grid = torch.tensor(np.stack(np.meshgrid(at, at), axis=2).reshape(-1, 2))
    classes = fit(given.x, labels, regularisation=1e-6)
    posterior = classes.log_posterior(grid).exp()  # p(y|x), (G, K)
    density_model: Any = engines.create("gmm", data=given.x, n_components=k, seed=seed, device="cpu")
    while not density_model.done:
        density_model.step()
    density = torch.as_tensor(density_model.log_prob(grid)).exp().reshape(GRID, GRID).numpy()
    found = density_model.frame().arrays
    generator = torch.Generator().manual_seed(seed)
    made = np.asarray(density_model.sample(len(given.x), generator=generator))
    right = float((classes.log_posterior(torch.tensor(np.array(given.x))).argmax(dim=1).numpy() == labels).mean())
    frames = [Frame(step=i, phase=stage, scalars={"right": right}) for i, stage in enumerate(STAGES)]
    one_hot = np.eye(k, dtype=np.uint8)[labels] * 255
    shares = np.rint(255 * np.asarray(found["responsibilities"])).astype(np.uint8)
    sure = posterior.max(dim=1).values.reshape(GRID, GRID).numpy().astype(np.float32)
    winner = posterior.argmax(dim=1).reshape(GRID, GRID).numpy().astype(np.float32)
    nothing = {"z": np.full((2, 2), np.nan, dtype=np.float32)}
    words = {
        "data": f"{len(labels)} points. Somebody may have named each one, or nobody.",
        "boundary": "With labels: lines where the most likely label changes, pale where p(y | x) is not sure. "
        f"{100 * right:.1f} % of these points lie on the right side.",
        "clusters": "Without labels: a density p(x), from which clusters follow. Their colours are numbers, not names.",
        "samples": f"Made up: {len(made)} draws from p(x). A boundary alone could not do this.",
    }

    def draw(frame: Frame) -> dict[str, Any]:
        with_labels, dense = frame.phase == "boundary", frame.phase in ("clusters", "samples")
        x = made if frame.phase == "samples" else given.x
        blank = np.zeros((len(x), k), dtype=np.uint8)
        mix = {"boundary": one_hot, "clusters": shares}.get(frame.phase, blank)
        return {
            "traces": {
                0: {"z": sure} if with_labels else nothing,
                1: {"z": winner} if with_labels else nothing,
                2: {"z": density.astype(np.float32)} if dense else nothing,
            },
            "cloud": {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32), "mix": mix},
            "caption": words[frame.phase],
        }

    shared = {"x": at.astype(np.float32), "y": at.astype(np.float32)}
    axis = {"range": [-SPAN, SPAN], "zeroline": False}
    base = {
        "layout": {"xaxis": {"title": "x₁", **axis}, "yaxis": {"title": "x₂", "scaleanchor": "x", **axis}},
        "traces": [
            heatmap(1 / k, 1, "@prior/45", "@prior/5", **shared),
            contours(**shared, line={"width": 2.5, "color": "@text"}, autocontour=False,
                     contours={"coloring": "none", "start": 0.5, "end": k - 1.5, "size": 1}),
            density_lines(**shared),
        ],
        "cloud": {
            "x": given.x[:, 0].astype(np.float32),
            "y": given.x[:, 1].astype(np.float32),
            "colours": [palette.component(j) for j in range(k)],
        },
        "pick": {},
    }  # fmt: skip
    return Film(frames=frames, base=base, draw=draw, numbers=answers)


def answers(frame: Frame) -> Blocks:
    """What each kind of learning can answer."""
    rows = [
        ["question", "with labels, p(y|x)", "without, p(x)"],
        ["What is this point called?", "yes", "no, only which cluster"],
        ["How sure is that?", "yes", "of the cluster, yes"],
        ["Is this point unusual?", "no", "yes"],
        ["Make up a new point", "no", "yes"],
        ["Needs names for the data", "yes", "no"],
    ]
    blocks: Blocks = [{"table": rows}]
    if frame.phase == "boundary":
        blocks.append({"text": "Here the boundary comes from a Gaussian a class, by Bayes' rule; a model of p(y|x) "
                               "alone would draw it too, and know nothing of where points lie."})  # fmt: skip
    return blocks


# -- text ------------------------------------------------------------------------------------------------------


def text_scene(text: str | None, **settings: Any) -> Live:
    """Letters drawn one by one, with the chances of the next; settings are those of the engine."""
    run = Run(engines.create("ngram", data=text, **settings), slots=SLOTS)
    order = settings["order"]
    base = {
        "layout": {
            "xaxis": {"domain": [0, 0.68], "range": [0, 1], "visible": False, "title": ""},
            "yaxis": {"range": [13, -0.6], "visible": False, "title": ""},
            "xaxis3": {"domain": [0.78, 1], "title": "next letter", "anchor": "y3", "rangemode": "tozero", "nticks": 3},
            "yaxis3": {"type": "category", "autorange": "reversed", "anchor": "x3", "showgrid": False},
        },
        "traces": [
            {"type": "scatter", "mode": "text", "x": [0] * 13, "y": list(range(13)), "textposition": "middle right",
             "textfont": {"family": "monospace", "color": "@text"}, "meta": {"page": [LINE, 13]}},
            bars_across("@generated", axes=3),
        ],
        "curves": [{"scalar": "nats", "name": "nats a letter", "colour": "@bound"}],
        "curve_label": "nats a letter",
    }  # fmt: skip
    return Live(
        run=run,
        base=base,
        draw=lambda frame: text_picture(frame, order),
        explain=lambda frame, _: text_numbers(frame, order),
        data_code=OF_ITSELF if text is None else "",
    )


def written(frame: Frame) -> str:
    return "".join(map(chr, frame.arrays["text"]))


def said(code: int) -> str:
    return {10: "new line", 32: "space"}.get(int(code), chr(int(code)))


def text_picture(frame: Frame, order: int) -> dict[str, Any]:
    """The last thirteen lines, and the likeliest next letters as bars."""
    lines = []
    for line in written(frame).split("\n"):
        lines += [line[i : i + LINE] for i in range(0, max(1, len(line)), LINE)]
    lines = lines[-13:]
    p, symbols = frame.arrays["probabilities"], frame.arrays["symbols"]
    best = np.argsort(-p)[:SHOWN]
    memory = written(frame)[max(0, len(frame.arrays["text"]) - order + 1) :] if order > 1 else ""
    held = int(frame.scalars["remembered"])
    context = f"the last {held} letters, {memory[len(memory) - held :]!r}" if held else "no letter before it"
    words = f"Letter {frame.step}. The next one is drawn from what followed {context} in the text."
    return {
        "traces": {
            0: {"text": [line or "\u00a0" for line in lines] + ["\u00a0"] * (13 - len(lines))},
            1: {"x": p[best].astype(np.float32), "y": [said(symbols[i]) for i in best]},
        },
        "caption": words,
        "alt": f"{words} So far: {written(frame)[-200:]}",
    }


def text_numbers(frame: Frame, order: int) -> Blocks:
    p = frame.arrays["probabilities"]
    entropy = -float((p * np.log(p)).sum())
    blocks: Blocks = [
        formula(rf"p(\text{{text}}) = \prod_i p(\text{{letter}}_i \mid \text{{the {order - 1} before it}})"),
        {"text": f"{len(p)} different letters; the chances add up to {p.sum():.6f}."},
        {"text": f"The next letter's entropy is {number(entropy)} nats; one of {len(p)} at random would be "
                 f"{number(np.log(len(p)))}."},
    ]  # fmt: skip
    if "nats" in frame.scalars:
        blocks.append({"text": f"The letters drawn so far cost {number(frame.scalars['nats'])} nats each."})
    return blocks


# -- digits ----------------------------------------------------------------------------------------------------


@st.cache_resource(show_spinner="Fitting forty Gaussians to digits")
def mixture() -> tuple[Any, PCA]:
    """Forty Gaussians on the first 30 principal components of 4,000 digits of all kinds, fitted to the end."""
    images = data.images("mnist", n=DIGIT_IMAGES, seed=0).flat()
    pca = fit_pca(images, DIGIT_DIMENSIONS)
    fitted: Any = engines.create(
        "gmm", data=project(pca, images), n_components=DIGIT_STYLES, seed=0, max_iterations=40, regularisation=1e-3
    )
    while not fitted.done:
        fitted.step()
    return fitted, pca


def digits(seed: int) -> Film:
    """Digits that nobody wrote, from a mixture that nobody gave labels to; every frame is another draw."""
    fitted, pca = mixture()
    frames = []
    for step in range(REDRAWS):
        generator = torch.Generator().manual_seed(1000 * seed + step)
        codes = np.asarray(fitted.sample(DIGITS_DRAWN, generator=generator))
        levels = np.clip(reconstruct(pca, codes), 0, 1)
        images = np.rint(255 * levels).astype(np.uint8).reshape(-1, 28, 28)
        frames.append(Frame(step=step, arrays={"images": images}))

    def draw(frame: Frame) -> dict[str, Any]:
        words = (
            f"Draw {frame.step + 1} of {REDRAWS}: {DIGITS_DRAWN} digits that nobody wrote, from a mixture of "
            f"{DIGIT_STYLES} Gaussians fitted to {DIGIT_IMAGES:,} images without their labels."
        )
        return {"images": frame.arrays["images"], "caption": words}

    return Film(frames=frames, base=images_base(), draw=draw, numbers=lambda _: digits_numbers())


def digits_numbers() -> Blocks:
    """The density that the digits are drawn from."""
    fitted, pca = mixture()
    weights = np.sort(np.asarray(fitted.frame().arrays["weights"]))[::-1]
    kept = 100 * float(pca.explained_ratio.sum())
    return [
        formula(r"p(x) = \sum_k \pi_k\, N(x \mid \mu_k, \Sigma_k)"),
        {"text": f"First a Gaussian k is drawn by its weight, then x from it. There are {len(weights)}, with weights "
                 f"from {weights[-1]:.3f} to {weights[0]:.3f}; nobody said that there are ten digits."},
        {"text": f"x are {DIGIT_DIMENSIONS} numbers: the image's place along the directions in which images vary most, "
                 f"{kept:.0f} % of their variance. What is left out is why strokes look soft."},
    ]  # fmt: skip


# -- melodies --------------------------------------------------------------------------------------------------


def melody_scene(**settings: Any) -> Live:
    """Notes drawn one by one as a piano roll, with the chances of the next; settings are those of the engine."""
    run = Run(engines.create("melody", **settings), slots=SLOTS)
    low, high = 54, 74
    base = {
        "layout": {
            "xaxis": {"domain": [0, 0.68], "title": "beats", "range": [0, 32]},
            "yaxis": {"range": [low, high], "title": "pitch", "tickvals": [55, 60, 64, 67, 72],
                      "ticktext": ["G3", "C4", "E4", "G4", "C5"]},
            "xaxis3": {"domain": [0.8, 1], "title": "next note", "anchor": "y3", "rangemode": "tozero", "nticks": 3},
            "yaxis3": {"type": "category", "autorange": "reversed", "anchor": "x3", "showgrid": False},
        },
        "traces": [
            curve("@generated", 9),
            bars_across("@generated", axes=3),
        ],
    }  # fmt: skip
    return Live(run=run, base=base, draw=melody_picture, explain=lambda frame, _: melody_numbers(frame),
                 data_code=OF_ITSELF)  # fmt: skip


def name_of(pitch: float, beats: float) -> str:
    return f"{NAMES[int(pitch) % 12]}{int(pitch) // 12 - 1}, {beats:g}"


def spoken(pitch: float, beats: float) -> str:
    return f"{name_of(pitch, beats)} beat{'' if beats == 1 else 's'}"


def melody_picture(frame: Frame) -> dict[str, Any]:
    notes, p = frame.arrays["notes"], frame.arrays["probabilities"]
    ends = np.cumsum(notes[:, 1])
    since = max(0.0, float(ends[-1]) - 32) if len(ends) else 0.0  # the stage shows the last 32 beats
    roll = np.full((len(notes), 3, 2), np.nan)
    if len(notes):
        roll[:, 0] = np.stack([ends - notes[:, 1] + 0.05 - since, notes[:, 0]], axis=1)
        roll[:, 1] = np.stack([ends - 0.05 - since, notes[:, 0]], axis=1)
        roll = roll[ends > since]
    line = roll.reshape(-1, 2).astype(np.float32)
    best = np.argsort(-p)[:SHOWN]
    symbols = frame.arrays["symbols"]
    now = f"Note {frame.step}: {spoken(*notes[-1])}." if len(notes) else "Press play to draw notes."
    held = int(frame.scalars["remembered"])
    past = "what is in the tunes, whatever came before" if not held else (
        f"what followed the last {'one' if held == 1 else held} in the tunes")  # fmt: skip
    words = f"{now} The next one is drawn from {past}."
    return {
        "traces": {
            0: {"x": line[:, 0], "y": line[:, 1]},
            1: {"x": p[best].astype(np.float32), "y": [name_of(*symbols[i]) for i in best]},
        },
        "caption": words,
    }


def melody_numbers(frame: Frame) -> Blocks:
    from engines.foundations.melody import tunes

    p = frame.arrays["probabilities"]
    return [
        formula(r"p(\text{note}_i \mid \text{the notes before it})"),
        {"text": f"{len(p)} different notes, each a pitch with a length; the chances add up to {p.sum():.6f}."},
        {"text": f"Learned from {len(tunes())} tunes: {', '.join(tunes())}."},
    ]


@lru_cache(maxsize=16)
def melody_sound(order: int, n_steps: int, seed: int, tempo: int) -> bytes:
    """The whole melody of these settings as a WAV file; the same notes as on the stage."""
    from engines.foundations.melody import sound

    engine: Any = engines.create("melody", order=order, n_steps=n_steps, seed=seed)
    while not engine.done:
        engine.step()
    return sound(engine.notes, beats_per_minute=tempo)
