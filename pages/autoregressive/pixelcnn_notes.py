"""The words around PixelCNN's stage: what was measured, the theory, questions."""

from __future__ import annotations

import math

import streamlit as st

from pages.ui import shipped
from pages.ui.tryit import Question, fact


def measured() -> None:
    """What the card says of the shipped model."""
    found = shipped.card("pixelcnn")
    with st.container(key="lab-about"):
        st.caption(
            f"Test images cost {shipped.interval(found['metrics'], 'nll', 2)} nats on average over all 10,000, "
            f"black and white drawn once from their grey levels ({found['metrics']['test_bits_per_dim']:.4f} "
            f"bits a pixel; as many fair coins would cost {784 * math.log(2):.2f}). The paper reports "
            f"81.30 for its PixelCNN on another, fixed draw. {found['parameter_count']:,} weights, trained in "
            f"{found['wall_time_s'] / 60:.0f} minutes on: "
            f"{found['device']}."
        )


WHY = (
    r"""
Any density over $P$ pixels is a product of conditionals, one for each pixel given those before it in raster order
(row by row, left to right):

$$
p(x) = \prod_{i=1}^{P} p(x_i \mid x_1, \ldots, x_{i-1})
$$

A PixelCNN learns all of them with one network. Nothing is approximated: $\log p(x)$ is a plain sum, and to draw an
image is to draw its pixels one after another, each from its own distribution.

**Masks** make it possible. A convolution whose kernel is zero to the right of the middle and below it sees only earlier
pixels. In the first layer the middle is zero as well (mask A), or a pixel would see itself; later layers may look at
their own place (mask B), whose features know earlier pixels only.
""",
    r"""
**To learn is fast, to draw is slow.** When an image is known, every conditional is computed at once. When it is being
drawn, pixel $i$ needs all pixels before it: 784 steps in a row. Here each layer keeps what it has computed, so that a
new pixel costs one column through the network and not the whole image again.

**Temperature** $T$ draws from $p^{1/T}$, made to sum to one. Below 1 it prefers the likely, above 1 it dares.

**Nats** are units of surprise: a pixel of probability $p$ costs $-\log p$. Sum them over an image and you have its
negative log-likelihood, which is also what the best code for it would cost (see the page on likelihood).

Watch how the completions agree at first and part where a stroke could go either way. What lies *below* the pixel is
never looked at, even where it is known: the chain rule in this order knows the past only.
""",
)

QUESTIONS = [
    Question(
        text="The lower half is hidden. How many pixels does the model draw for one completion?",
        kind="number",
        check=fact(392, "14 rows of 28 pixels are 392 steps, one after another."),
        hint="The counter under the stage counts them.",
    ),
    Question(
        text="Hide the right half of a digit. Do the completions make use of the known pixels below the one drawn?",
        kind="choice",
        options=("yes", "no"),
        check=fact("no", "Each conditional is of the pixels before it in raster order. Point at a pixel to see which."),
        hint="Point at a pixel on the border: what does the colour cover?",
    ),
    Question(
        text="Under What each layer sees: how many of the 49 weights of the first kernel are in use?",
        kind="number",
        check=fact(24, "Three rows of seven above, and three to the left: 24."),
        hint="Mask A hides the middle as well.",
    ),
]
