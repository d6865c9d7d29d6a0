"""The words around PixelRNN's stage: a table of costs, the theory, questions."""

from __future__ import annotations

import streamlit as st

from pages.autoregressive import pixelrnn_runs
from pages.ui.frame import Question


@st.fragment
def costs() -> None:
    """What the four networks cost, as their cards say, beside the paper's figures, and as measured here."""
    with st.expander("What the four networks cost", icon=":material/table_chart:", expanded=True):
        measured: dict[str, tuple[float, float]] = {}
        if st.button("Measure on this machine", help="Some steps of each, and 16 images: about half a minute."):
            bar = st.progress(0.0, "Measuring")
            for i, (title, name, _) in enumerate(pixelrnn_runs.MODELS):
                bar.progress(i / len(pixelrnn_runs.MODELS), f"Measuring {title}")
                measured[title] = pixelrnn_runs.measured(name)
            bar.empty()
            st.session_state["pixelrnn:measured"] = measured
        measured = st.session_state.get("pixelrnn:measured", {})
        lines = [
            "| network | weights | minutes of training | epochs | batch size | test NLL, nats | the paper's "
            "| minutes an epoch, measured | 16 images, measured |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for row in pixelrnn_runs.from_cards():
            found = measured.get(row[0])
            here = [f"{found[0]:.1f}", f"{found[1]:.2f} s"] if found else ["–", "–"]
            lines.append("| " + " | ".join([*row, *here]) + " |")
        st.markdown("\n".join(lines))
        st.caption(
            f"{pixelrnn_runs.unequal()} The nats are of all 10,000 test images, black and white drawn once from their "
            "grey levels. The paper's (table 4) are on another, fixed draw, by larger networks trained for much "
            "longer: its Diagonal BiLSTM has seven layers."
        )


def why() -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(
            r"""
All four networks of the paper compute the same thing, $p(x_i \mid x_1, \ldots, x_{i-1})$ for every pixel. They differ
in what a pixel gets to see and in how much of the work can be done at once.

**Row LSTM.** A long short-term memory runs down the image, a whole row at a step, by convolutions along the row. Its
state carries news from all rows above, through a **triangle**: three places of the row above, five of the one above
that, and so on. What lies to the far left and right is missed.

**Diagonal BiLSTM.** Two of them cross the image from both upper corners. A pixel's state depends on its neighbour
beside it and the one above it, so all pixels on a diagonal can be computed at once. To get there with ordinary
convolutions the map is **skewed**: each row is moved one place further, and a diagonal becomes a column.
"""
        )
    with right:
        st.markdown(
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
"""
        )


def questions() -> list[Question]:
    return [
        Question(
            text="How many steps does one LSTM of the Diagonal BiLSTM take through an image of 28 × 28 pixels?",
            kind="number",
            check=lambda answer: (answer == 55, "There are 28 + 28 − 1 = 55 diagonals."),
            hint="Count the columns of the skewed map.",
        ),
        Question(
            text="Why are the states of the LSTM from the right moved down by one row?",
            kind="choice",
            options=("to save time", "they have seen pixels to the right in their own row", "to fill the skewed map"),
            check=lambda answer: (
                answer == "they have seen pixels to the right in their own row",
                "Those come later in the raster; a row further down they are past.",
            ),
            hint="What may a pixel's distribution look at?",
        ),
    ]
