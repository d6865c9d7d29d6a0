"""The words around PixelRNN's stage: what its networks cost, the theory, questions."""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from pages.ui import shipped
from pages.ui.tryit import Question, fact

SIDE = 28
# Name, engine, test NLL in nats of the paper's table 4 (binarised MNIST, its own fixed draw); None: not in it.
MODELS = (
    ("PixelCNN", "pixelcnn", 81.30),
    ("Row LSTM", "row_lstm", 80.54),
    ("Diagonal BiLSTM", "diagonal_bilstm", 79.20),
    ("Multi-scale", "multiscale", None),
)


@st.fragment
def costs() -> None:
    """What the four networks cost, as their cards say, beside the paper's figures, and as measured here."""
    with st.expander("What the four networks cost", icon=":material/table_chart:", expanded=True):
        measured: dict[str, tuple[float, float]] = {}
        if st.button("Measure on this machine", help="Some steps of each, and 16 images: about half a minute."):
            bar = st.progress(0.0, "Measuring")
            for i, (title, name, _) in enumerate(MODELS):
                bar.progress(i / len(MODELS), f"Measuring {title}")
                measured[title] = measure(name)
            bar.empty()
            st.session_state["pixelrnn:measured"] = measured
        measured = st.session_state.get("pixelrnn:measured", {})
        lines = [
            "| network | weights | minutes of training | epochs | batch size | test NLL, nats (95 % interval) "
            "| the paper's | minutes an epoch, measured | 16 images, measured |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for row in from_cards():
            found = measured.get(row[0])
            here = [f"{found[0]:.1f}", f"{found[1]:.2f} s"] if found else ["–", "–"]
            lines.append("| " + " | ".join([*row, *here]) + " |")
        st.markdown("\n".join(lines))
        st.caption(
            f"{unequal()} The nats are of all 10,000 test images, black and white drawn once from their "
            "grey levels; the intervals are what another 10,000 images might have said, not another training. "
            "The paper's (table 4) are on another, fixed draw, by larger networks trained for much "
            "longer: its Diagonal BiLSTM has seven layers."
        )


def from_cards() -> list[list[str]]:
    """What the cards say: weights, minutes, epochs and batch size of the training, test NLL, and the paper's own."""
    rows = []
    for title, name, paper in MODELS:
        found = shipped.card(name)
        config, data = found["config"], found["data"]
        epochs = found["steps"] * config["batches_per_step"] * config["batch_size"] / data["n_train"]
        rows.append([
            title,
            f"{found['parameter_count']:,}",
            f"{found['wall_time_s'] / 60:.0f}",
            f"{epochs:.1f}",
            str(config["batch_size"]),
            shipped.interval(found["metrics"], "nll", 2),
            "–" if paper is None else f"{paper:.2f}",
        ])  # fmt: skip
    return rows


def unequal() -> str:
    """Why the table compares no equals: who trained longest, and with how many times the weights of the smallest."""
    cards = {title: shipped.card(name) for title, name, _ in MODELS}
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
def measure(name: str) -> tuple[float, float]:
    """On this machine: minutes of an epoch of 60,000 images (from one batch of 32 after another), and seconds to draw
    16 images.
    """
    model = shipped.model(name)
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


WHY = (
    r"""
All four networks of the paper compute the same thing, $p(x_i \mid x_1, \ldots, x_{i-1})$ for every pixel. They differ
in what a pixel gets to see and in how much of the work can be done at once.

**Row LSTM.** A long short-term memory runs down the image, a whole row at a step, by convolutions along the row. Its
state carries news from all rows above, through a **triangle**: three places of the row above, five of the one above
that, and so on. What lies to the far left and right is missed.

**Diagonal BiLSTM.** Two of them cross the image from both upper corners. A pixel's state depends on its neighbour
beside it and the one above it, so all pixels on a diagonal can be computed at once. To get there with ordinary
convolutions the map is **skewed**: each row is moved one place further, and a diagonal becomes a column.
""",
    r"""
Each step of either is that of an LSTM, with convolutions $\circledast$:

$$
\begin{aligned}
[\mathbf{o}, \mathbf{f}, \mathbf{i}, \mathbf{g}] &= \sigma(K^{ss} \circledast \mathbf{h}_{t-1} + K^{is} \circledast
\mathbf{x}_t) \\
\mathbf{c}_t &= \mathbf{f} \odot \mathbf{c}_{t-1} + \mathbf{i} \odot \mathbf{g} \\
\mathbf{h}_t &= \mathbf{o} \odot \tanh(\mathbf{c}_t)
\end{aligned}
$$

$t$ counts rows or diagonals, $\mathbf{h}$ is the state and $\mathbf{c}$ the cell, $K^{ss}$ and $K^{is}$ the kernels
from state to state and from input to state; $\mathbf{g}$ takes tanh in place of $\sigma$.

**PixelCNN** gives the memory up: all pixels at once, a bounded field. In the paper it is quicker to train and a little
worse.

**Multi-scale.** First every second pixel of every second row, as an image of its own; then all others, each told of the
whole small image. The order is no longer the raster, the chain rule holds as before.
""",
)

QUESTIONS = [
    Question(
        text="How many steps does one LSTM of the Diagonal BiLSTM take through an image of 28 × 28 pixels?",
        kind="number",
        check=fact(55, "There are 28 + 28 − 1 = 55 diagonals."),
        hint="Count the columns of the skewed map.",
    ),
    Question(
        text="Why are the states of the LSTM from the right moved down by one row?",
        kind="choice",
        options=("to save time", "they have seen pixels to the right in their own row", "to fill the skewed map"),
        check=fact(
            "they have seen pixels to the right in their own row",
            "Those come later in the raster; a row further down they are past.",
        ),
        hint="What may a pixel's distribution look at?",
    ),
]
