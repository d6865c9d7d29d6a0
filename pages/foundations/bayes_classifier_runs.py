"""From the page's settings to what the player shows: draws of y and x, pen styles, directions, p(y|x)."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from engines import data
from engines.engine import Frame
from engines.foundations.bayes_classifier import GaussianClasses
from engines.foundations.class_mixtures import ClassMixtures
from engines.history import History
from engines.mixtures.variational_gmm import ALIVE
from engines.run import Run
from pages.ui import shipped
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.sheets import OPEN, PAPER, images_base, sheet_axes
from pages.ui.show import Film
from pages.ui.traces import HIDDEN, bars, bars_across

VARIANTS = {"mnist": "", "fashion": "fashion"}  # of what ships
KINDS = ("", "variational")
SIDE = 28
BIG = 3  # times as large, of the images in the middle of the stage
RECENT = 6
STYLES = 10  # components of a mixture
REDRAWS = 8


def classes(name: str) -> GaussianClasses:
    """A Gaussian a class, as shipped: fitted to all training images, so that no page waits for a fit."""
    return shipped.model("bayes_classifier", VARIANTS[name]).data


def as_bytes(levels: np.ndarray, *, raw: bool) -> np.ndarray:
    """Levels (..., 784) as bytes (..., 28, 28): clipped to 0..1, or raw, with the whole range made to fit."""
    if raw:
        low, high = min(0.0, float(levels.min())), max(1.0, float(levels.max()))
        levels = (levels - low) / (high - low)
    return np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8).reshape(*levels.shape[:-1], SIDE, SIDE)


# -- drawing ---------------------------------------------------------------------------------------------------


def draw_scene(name: str, *, raw: bool, **settings: Any) -> Live:
    """y, then x, one after the other; settings are those of the engine."""
    run = Run(engines.create("bayes_classifier", data=classes(name), **settings), slots=SLOTS)
    history, words = run.history, shipped.class_names(name)
    shipped_as = f'"bayes_classifier", "{VARIANTS[name]}"' if VARIANTS[name] else '"bayes_classifier"'
    return Live(
        run=run,
        base=draw_base(words),
        draw=lambda frame: draw_picture(frame, history, words, raw),
        explain=lambda frame, _: draw_numbers(frame, words, classes(name)),
        data_code=f"data = engines.pretrained({shipped_as}).data",
    )


SHAPE = (2 * BIG * SIDE + 9, BIG * SIDE + SIDE + 9)


def draw_base(words: tuple[str, ...]) -> dict[str, Any]:
    """The graphical model on the left, images in the middle, how often each class came on the right."""
    hidden = {**HIDDEN, "title": ""}
    node = {"type": "scatter", "mode": "markers+text", "cliponaxis": False, "textposition": "middle center",
            "textfont": {"size": 22, "color": "@text"}}  # fmt: skip
    return {
        "layout": {
            "xaxis": {"domain": [0, 0.11], "range": [-1, 1], **hidden},
            "yaxis": {"range": [-1.7, 1.7], **hidden},
            "xaxis3": {"domain": [0.72, 1], "title": "times drawn", "anchor": "y3", "rangemode": "tozero",
                       "autorangeoptions": {"include": 4}},
            "yaxis3": {"domain": [0.08, 0.99], "type": "category", "autorange": "reversed", "anchor": "x3",
                       "showgrid": False},
            **sheet_axes(SHAPE, x=(0.12, 0.63)),
        },
        "narrow": {"xaxis": {"domain": [0, 0.16]}, "xaxis2": {"domain": [0.2, 0.66]}},
        "traces": [
            {"type": "scatter", "mode": "lines+markers", "x": [0, 0], "y": [0.55, -0.5],
             "line": {"width": 4, "color": "@muted"},
             "marker": {"symbol": "arrow", "angleref": "previous", "size": [0, 18], "color": "@muted"}},
            {**node, "x": [0], "y": [1], "text": ["y"]},
            {**node, "x": [0], "y": [-1], "text": ["x"]},
            OPEN,
            bars_across("@prior", axes=3, y=list(words)),
        ],
    }  # fmt: skip


def draw_picture(frame: Frame, history: History[Frame], words: tuple[str, ...], raw: bool) -> dict[str, Any]:
    arrays, y = frame.arrays, int(frame.scalars["y"])
    place = np.full(SHAPE, PAPER, dtype=np.uint8)
    blank = np.zeros(SIDE * SIDE)
    pair = as_bytes(arrays.get("mean", blank), raw=False), as_bytes(arrays.get("sample", blank), raw=raw)
    for i, image in enumerate(pair):
        top = 3 + i * (BIG * SIDE + 3)
        place[top : top + BIG * SIDE, 3 : 3 + BIG * SIDE] = image.repeat(BIG, axis=0).repeat(BIG, axis=1)
    recent = [f for f in history.after(max(-1, frame.step - 2 * RECENT - 1)) if f.step <= frame.step]
    earlier = [f.arrays["sample"] for f in recent if "sample" in f.arrays][-RECENT:]
    for i, levels in enumerate(earlier):
        top = 3 + i * SIDE
        place[top : top + SIDE, -3 - SIDE : -3] = as_bytes(levels, raw=raw)
    lit = {"start": (), "y": (1,), "x": (2,)}[frame.phase]
    patches: dict[int, dict[str, Any]] = {
        k: {"marker": {"size": 58, "color": "@second/70" if k in lit else "@ground",
                       "line": {"width": 3, "color": "@second" if k in lit else "@muted"}}}
        for k in (1, 2)
    }  # fmt: skip
    patches[4] = {"x": arrays["counts"].astype(np.float32)}
    caption = {
        "start": "Press play. First y is chosen, then an image x of that class is drawn.",
        "y": f"y = {words[y]}: the class is chosen. Above its mean; the image comes next.",
        "x": f"x is drawn from p(x | y = {words[y]}). Above the class's mean, below the sample, beside them others.",
    }[frame.phase]
    return {"sheet": place, "traces": patches, "caption": caption}


def draw_numbers(frame: Frame, words: tuple[str, ...], fitted: GaussianClasses) -> Blocks:
    y = int(frame.scalars["y"])
    if y < 0:
        return [{"text": "Nothing is drawn yet."}]
    if frame.phase == "y":
        return [formula(rf"p(y) = {float(fitted.priors[y]):.4f}"), {"text": "The image comes next."}]
    blocks: Blocks = [formula(rf"p(y) = {float(fitted.priors[y]):.4f}")]
    if "sample" in frame.arrays:
        levels = frame.arrays["sample"]
        found = fitted.log_posterior(torch.tensor(levels)[None])[0].exp().numpy()
        log_density = frame.scalars["log_density"]
        blocks += [
            formula(rf"\log p(x \mid y) = {number(log_density, tex=True)}"),
            {"text": f"in nats, over 784 pixels. Levels from {levels.min():.2f} to {levels.max():.2f}: a Gaussian does "
                     "not know that a pixel lies between 0 and 1."},
            {"text": "The same model asked back, p(y|x):"},
            {"table": [["class", "p(y|x)"], *[[words[k], f"{found[k]:.4f}"] for k in np.argsort(-found)[:3]]]},
        ]  # fmt: skip
    return blocks


# -- pen styles ------------------------------------------------------------------------------------------------


def mixture(name: str, kind: str) -> ClassMixtures:
    """Ten styles a class, as shipped: a mixture on the first principal components of a thousand images of each."""
    return shipped.model("class_mixtures", "-".join(filter(None, (VARIANTS[name], kind))))


def styles(name: str, y: int, seed: int) -> Film:
    """Redraws: for each of three models ten pairs, the mean that the sample came from above the sample."""
    fitted, word, frames = classes(name), shipped.class_names(name)[y], []
    for step in range(REDRAWS):
        generator = torch.Generator().manual_seed(1000 * seed + step)
        noise = torch.randn(STYLES, 784, generator=generator, dtype=torch.float64)
        rows = [np.repeat(fitted.of(y).mean.numpy()[None], STYLES, axis=0)]
        rows.append(fitted.draw(torch.full((STYLES,), y), noise).numpy())
        for kind in KINDS:
            rows += [part.numpy() for part in mixture(name, kind).draw(y, STYLES, generator=generator)]
        images = np.concatenate([as_bytes(np.asarray(row), raw=False) for row in rows])
        frames.append(Frame(step=step, arrays={"images": images}))
    kept = int((mixture(name, "variational").mixture(y)[0] > ALIVE).sum())
    rows = ("Gaussian: mean", "sample", "mixture: mean", "sample", "variational: mean", "sample")

    def draw(frame: Frame) -> dict[str, Any]:
        words = (
            f"{word}, draw {frame.step + 1} of {REDRAWS}. One Gaussian averages all ways to draw it; of a mixture a "
            f"style comes first, then a sample around its mean. The variational one keeps {kept} of {STYLES} styles."
        )
        return {"images": frame.arrays["images"], "caption": words}

    base = {**images_base(columns=STYLES, rows=rows), "below": True}
    return Film(frames=frames, base=base, draw=draw, numbers=lambda _: styles_numbers(name, y))


def styles_numbers(name: str, y: int) -> Blocks:
    rows = [["style", "mixture", "variational"]]
    weights = [np.sort(mixture(name, kind).mixture(y)[0].numpy())[::-1] for kind in KINDS]
    rows += [[str(k + 1), f"{weights[0][k]:.3f}", f"{weights[1][k]:.3f}"] for k in range(STYLES)]
    n = mixture(name, "").config.n_images
    return [{"text": f"Shares of the styles of {n:,} images, largest first:"}, {"table": rows}]


# -- directions ------------------------------------------------------------------------------------------------


def directions(name: str, y: int, *amounts: float) -> Film:
    """The mean moved along the leading directions of its covariance, and the directions themselves as images."""
    gaussian, word, d = classes(name).of(y), shipped.class_names(name)[y], len(amounts)
    moved = classes(name).move(y, torch.tensor(amounts, dtype=torch.float64)).numpy()
    images = [as_bytes(gaussian.mean.numpy(), raw=False), as_bytes(moved, raw=False)]
    images += [_signed(direction) for direction in gaussian.directions[:, :d].T.numpy()]
    share = float(gaussian.variances[:d].sum()) / gaussian.total_variance
    words = (
        f"{word}: the mean, the mean moved, then the {d} directions that the sliders move along (white "
        f"adds ink, black takes it away); together they hold {100 * share:.0f} % of the variance."
    )
    n = 30
    x, deviations = np.arange(1, n + 1).astype(np.float32), gaussian.variances[:n].sqrt().numpy()
    tips = ["the mean", "the mean moved", *[f"direction {i + 1}, moved by {a:+.1f}" for i, a in enumerate(amounts)]]
    rows = [["direction", "moved by"], *[[str(i + 1), f"{a:+.1f} sd"] for i, a in enumerate(amounts)]]
    return Film(
        frames=[Frame(step=0, arrays={"images": np.stack(images)})],
        base={
            **images_base(names=("mean", "moved", *(f"direction {i + 1}" for i in range(d))), share=0.7),
            "layout": {
                "xaxis": {"title": "direction", "range": [0.5, n + 0.5]},
                "yaxis": {"title": "standard deviation", "rangemode": "tozero"},
            },
            "traces": [bars(["@second"] * d + ["@muted"] * (n - d), x=x, y=deviations)],
        },
        draw=lambda frame: {"images": frame.arrays["images"], "tips": tips, "caption": words},
        numbers=lambda _: [
            formula(r"x = \mu_y + \sum_d a_d \sqrt{\lambda_d}\, v_d"),
            {"table": rows},
            {"text": "v are the eigenvectors of the class's covariance, λ its eigenvalues."},
        ],
    )


def _signed(direction: np.ndarray) -> np.ndarray:
    """A direction (784,) as an image: grey is 0, white adds ink, black takes it away."""
    return np.rint(127.5 + 127.5 * direction / np.abs(direction).max()).astype(np.uint8).reshape(SIDE, SIDE)


# -- the other way round ---------------------------------------------------------------------------------------


def classify(name: str, row: int, drawn: np.ndarray | None) -> Film:
    """p(y|x) of a test image or a drawing."""
    test, fitted, words = data.load(name, split="test"), classes(name), shipped.class_names(name)
    image = np.rint(255 * drawn).astype(np.uint8) if drawn is not None else np.asarray(test.x[row])
    x = torch.tensor(image, dtype=torch.float64).reshape(1, 784) / 255
    log_density, log_posterior = fitted.log_density(x)[0], fitted.log_posterior(x)[0]
    probability = log_posterior.exp().numpy()
    best = int(probability.argmax())
    said = f"The drawing is most likely {words[best]}" if drawn is not None else (
        f"Test image {row}, in truth {words[int(test.labels[row])]}: most likely {words[best]}")  # fmt: skip
    caption = f"{said}, with p(y | x) = {probability[best]:.4f}. The second image is the mean of that class."
    table = [["class", "log p(x|y)", "log p(y)", "p(y|x)"]]
    table += [
        [words[k], f"{float(log_density[k]):.1f}", f"{float(fitted.priors[k].log()):.2f}", f"{probability[k]:.4f}"]
        for k in range(fitted.n_classes)
    ]
    images = np.stack([image.reshape(SIDE, SIDE), as_bytes(fitted.of(best).mean.numpy(), raw=False)])
    return Film(
        frames=[Frame(step=0, scalars={"class": best}, arrays={"images": images})],
        base={
            **images_base(names=("the image", f"mean of {words[best]}"), share=0.4),
            "layout": {"xaxis": {"title": "p(y | x)", "range": [0, 1]},
                       "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False}},
            "traces": [bars_across("@posterior", y=list(words), x=probability.astype(np.float32))],
        },
        draw=lambda frame: {"images": frame.arrays["images"], "caption": caption},
        numbers=lambda _: [
            formula(r"p(y \mid x) = \frac{p(x \mid y)\, p(y)}{\sum_k p(x \mid k)\, p(k)}"),
            {"table": table},
            {"text": "In nats. The covariances are full, but the images of a class are no Gaussian: where 784 pixels "
                     "add to a density that does not fit, the model is far too sure of itself."},
        ],
    )  # fmt: skip


@st.cache_data(max_entries=2, show_spinner=False)
def confusion(name: str) -> np.ndarray:
    """Counts over all test images: rows the truth, columns the answer, (C, C)."""
    test, fitted = data.load(name, split="test"), classes(name)
    rows = torch.tensor(np.array(test.x)).flatten(1)
    answers = torch.cat([fitted.log_posterior(part.double() / 255).argmax(dim=1) for part in rows.split(1000)]).numpy()
    table = np.zeros((fitted.n_classes,) * 2, dtype=np.int64)
    np.add.at(table, (np.asarray(test.labels), answers), 1)
    return table
