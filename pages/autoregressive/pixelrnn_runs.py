"""PixelRNN's stages: what each of its networks sees on its way through an image, the skewing, and what they cost."""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache
from typing import Any

import numpy as np
import torch

import engines
from engines.autoregressive.diagonal_bilstm import skew
from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.autoregressive import fills
from pages.autoregressive.cards import card
from pages.autoregressive.fills import SIDE
from pages.ui.live import SLOTS, Blocks
from pages.ui.sheets import GAP, OPEN, PAPER, sheet_axes
from pages.ui.stage import Scene

SPAN = 2 * SIDE - 1  # columns of the skewed map
FRONT = 255  # the grey of a diagonal under way; gradients stay below it
DECADES = 8  # gradients from the largest down to 10^-8 of it are told apart in grey
# Name, engine, test NLL in nats of the paper's table 4 (binarised MNIST, its own fixed draw); None: not in it.
MODELS = (
    ("PixelCNN", "pixelcnn", 81.30),
    ("Row LSTM", "row_lstm", 80.54),
    ("Diagonal BiLSTM", "diagonal_bilstm", 79.20),
    ("Multi-scale", "multiscale", None),
)


def grey(field: np.ndarray) -> np.ndarray:
    """Gradients (..., H, W) as greys: black is exactly none, the rest by the logarithm."""
    top = max(float(field.max()), 1e-30)
    with np.errstate(divide="ignore"):
        depth = np.log10(np.maximum(field, 1e-300) / top) / DECADES  # 0 at the strongest, -1 at 10^-8 of it
    return np.where(field > 0, np.clip(80 + 150 * (1 + depth), 80, 230), 0).astype(np.uint8)


# -- Row LSTM --------------------------------------------------------------------------------------------------


def row_scene(row: int, column: int) -> Scene:
    """The Row LSTM going down the image to a pixel, beside a PixelCNN: what each pixel's distribution looks at."""
    fields = np.stack([fills.model(name).dependence(row, column).cpu().numpy() for name in ("row_lstm", "pixelcnn")])
    frames = [
        Frame(step=k, scalars={f"seen{i}": float((field[: k + 1] > 0).sum()) for i, field in enumerate(fields)})
        for k in range(row + 1)
    ]
    images = grey(fields[0]), grey(fields[1])
    shape = (SIDE + 2 * GAP, 2 * (SIDE + GAP) + GAP)

    def draw(frame: Frame) -> dict[str, Any]:
        place = np.full(shape, PAPER, dtype=np.uint8)
        for i, image in enumerate(images):
            left = GAP + i * (SIDE + GAP)
            shown = image.copy()
            shown[frame.step + 1 :] = 0
            place[GAP : GAP + SIDE, left : left + SIDE] = shown
        at = frame.step + GAP + 0.5
        width = np.count_nonzero(fields[0][frame.step])
        words = (
            f"Row {frame.step + 1}: of it the marked pixel sees {width} pixels through the Row LSTM (left), "
            f"{np.count_nonzero(fields[1][frame.step])} through PixelCNN (right). Greys are gradients, on a log scale."
        )
        patch = {"x": np.array([GAP, shape[1] - GAP], dtype=np.float32), "y": np.array([at, at], dtype=np.float32)}
        return {"sheet": place, "traces": {0: patch}, "caption": words, "alt": words}

    base = _base(shape, [(GAP + i * (SIDE + GAP) + column, GAP + row) for i in range(2)])
    base["curve_sets"] = [{"name": "Pixels seen", "curve_label": "pixels", "curve_step": "row", "curves": [
        {"scalar": "seen0", "name": "Row LSTM", "colour": "@first"},
        {"scalar": "seen1", "name": "PixelCNN", "colour": "@second", "dash": "dot"}]}]  # fmt: skip
    earlier = row * SIDE + column
    table = [["network", "pixels seen", f"of {earlier}"]]
    for name, field in zip(("Row LSTM", "PixelCNN"), fields, strict=True):
        seen = np.count_nonzero(field)
        table.append([name, str(seen), f"{100 * seen / max(1, earlier):.0f} %"])
    blocks: Blocks = [
        {"table": table},
        {"text": "The LSTM's state carries a row's news to all rows below; it widens by one place a row and a layer."},
    ]
    return Scene(run=Run(Recorded(frames), slots=SLOTS), base=base, draw=draw, explain=lambda _f, _p: blocks)


# -- Diagonal BiLSTM -------------------------------------------------------------------------------------------


def diagonal_scene(row: int, column: int) -> Scene:
    """Both LSTMs crossing the image along its diagonals, the skewed map that lets them, and what they tell a pixel."""
    model = fills.model("diagonal_bilstm")
    directions = model.directions(row, column).cpu().numpy()
    whole = model.dependence(row, column).cpu().numpy()
    frames = [
        Frame(step=k, phase="left" if k < SPAN else "right" if k < 2 * SPAN else "both", scalars={"diagonal": k % SPAN})
        for k in range(2 * SPAN + 1)
    ]
    shape = (SIDE + 2 * GAP, SIDE + SPAN + 3 * GAP)
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
        place[GAP : GAP + SIDE, GAP : GAP + SIDE] = np.where(front, FRONT, image)
        place[GAP : GAP + SIDE, 2 * GAP + SIDE : 2 * GAP + SIDE + SPAN] = np.where(
            inside, np.where(line > 0, FRONT, tilted), PAPER
        )
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
        return {"sheet": place, "traces": {}, "caption": words, "alt": words}

    base = _base(shape, [(GAP + column, GAP + row)], x=(0, 1))
    table = [["seen by", "pixels"], ["the LSTM from the left", str(np.count_nonzero(directions[0]))]]
    table += [
        ["the LSTM from the right", str(np.count_nonzero(directions[1]))],
        ["all layers", str(np.count_nonzero(whole))],
    ]
    blocks: Blocks = [
        {"table": table},
        {"text": "Left the image, right the same map skewed: every row moved one place further than the one above it. "
                 "The right LSTM's states are moved down by a row before they are added, or it would see the future."},
    ]  # fmt: skip
    return Scene(run=Run(Recorded(frames), slots=SLOTS), base=base, draw=draw, explain=lambda _f, _p: blocks)


def _skewed(map_: np.ndarray) -> np.ndarray:
    return skew(torch.tensor(np.ascontiguousarray(map_))[None, None])[0, 0].numpy()


def _base(shape: tuple[int, int], marks: list[tuple[float, float]], x: tuple[float, float] = (0, 1)) -> dict[str, Any]:
    return {
        "layout": {
            "xaxis": {"domain": [0.98, 1], "visible": False},
            "yaxis": {"visible": False},
            **sheet_axes(shape, x=x),
        },
        "traces": [
            {"type": "scatter", "mode": "lines", "xaxis": "x2", "yaxis": "y2",
             "line": {"color": "@second", "width": 2}},
            {**OPEN, "x": [left + 0.5 for left, _ in marks], "y": [top + 0.5 for _, top in marks],
             "marker": {"symbol": "square-open", "size": 11, "color": "@second", "line": {"width": 3}}},
        ],
        "components": 0,
        "points": 0,
    }  # fmt: skip


# -- multi-scale -----------------------------------------------------------------------------------------------


def multiscale_scene(*, n: int, seed: int, temperature: float) -> Scene:
    """Whole images by the multi-scale model: the small image's pixels first."""
    everything = np.ones((SIDE, SIDE), dtype=bool)
    blank = np.zeros((SIDE, SIDE), dtype=np.uint8)
    return fills.fill_scene(fills.model("multiscale"), blank, everything, n=n, seed=seed, temperature=temperature)


# -- what they cost --------------------------------------------------------------------------------------------


def from_cards() -> list[list[str]]:
    """What the cards say: weights, minutes, epochs and batch size of the training, test NLL, and the paper's own."""
    rows = []
    for title, name, paper in MODELS:
        found = card(name)
        config, data = found["config"], found["data"]
        epochs = found["steps"] * config["batches_per_step"] * config["batch_size"] / data["n_train"]
        rows.append([
            title,
            f"{found['parameter_count']:,}",
            f"{found['wall_time_s'] / 60:.0f}",
            f"{epochs:.1f}",
            str(config["batch_size"]),
            f"{found['metrics']['test_nll']:.2f}",
            "–" if paper is None else f"{paper:.2f}",
        ])  # fmt: skip
    return rows


def unequal() -> str:
    """Why the table compares no equals: who trained longest, and with how many times the weights of the smallest."""
    cards = {title: card(name) for title, name, _ in MODELS}
    best = min(cards, key=lambda title: cards[title]["metrics"]["test_nll"])
    times = sorted(cards, key=lambda title: cards[title]["wall_time_s"])
    weights = sorted(cards, key=lambda title: cards[title]["parameter_count"])
    ratio = cards[weights[-1]]["parameter_count"] / cards[weights[0]]["parameter_count"]
    longest = cards[times[-1]]["wall_time_s"] / cards[times[0]]["wall_time_s"]
    return (
        f"This is no comparison of equals: {weights[-1]} has {ratio:.1f} times the weights of {weights[0]}, and "
        f"{times[-1]} was trained {longest:.1f} times as long as {times[0]}. That {best} has the lowest nats here does "
        "not rank the four kinds."
    )


@lru_cache(maxsize=8)
def measured(name: str) -> tuple[float, float]:
    """On this machine: minutes of an epoch of 60,000 images (from one batch of 32 after another), and seconds to draw
    16 images.
    """
    model = fills.model(name)
    images = np.random.default_rng(0).integers(0, 256, size=(64, SIDE * SIDE), dtype=np.uint8)
    engine: Any = engines.create(name, data=images, **{**dataclasses.asdict(model.config), "batch_size": 32})
    engine.step()
    start = time.perf_counter()
    for _ in range(2):
        engine.step()
    minutes = (time.perf_counter() - start) / 2 * 60_000 / 32 / 60
    start = time.perf_counter()
    model.sample(16, generator=torch.Generator().manual_seed(0))
    return minutes, time.perf_counter() - start
