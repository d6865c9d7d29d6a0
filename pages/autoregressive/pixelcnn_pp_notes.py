"""The words around PixelCNN++'s stage: what was measured, the theory, questions."""

from __future__ import annotations

import math

import streamlit as st

from pages.ui import shipped
from pages.ui.tryit import Question, fact


def measured() -> None:
    """What the card says of the shipped model."""
    found = shipped.card("pixelcnn_pp")
    metrics = found["metrics"]
    with st.container(key="lab-about"):
        st.caption(
            f"Test digits of 256 grey levels cost {metrics['test_bits_per_dim']:.3f} bits a pixel on average (8 "
            f"without any model), {shipped.interval(metrics, 'nll', 0)} nats an image (of "
            f"{784 * math.log(256):,.0f}), over all {found['data']['n_test']:,}. {found['parameter_count']:,} weights, "
            f"trained in {found['wall_time_s'] / 60:.0f} minutes on {found['device']}."
        )


WHY = (
    r"""
A softmax over 256 levels treats them as 256 names: nothing tells it that level 127 lies beside 128. It has to learn
that from data, for every pixel, and stores 256 numbers each.

PixelCNN++ takes a **continuous** density over the levels, a mixture of a few logistics, and integrates it over the bin
of each level. With $\sigma(t) = 1 / (1 + e^{-t})$, the integral has a closed form:

$$
P(x) = \sum_i \pi_i \left[ \sigma(u_i^+) - \sigma(u_i^-) \right], \quad
u_i^\pm = \frac{x \pm \frac12 - \mu_i}{s_i}
$$

$\pi_i$ are the components' weights, $\mu_i$ their means and $s_i$ their scales. The first bin reaches down without end
and the last one up, so black and white, which are common, get the tails for nothing, and all levels sum to one.
""",
    r"""
**Three resolutions.** The network shrinks the image by strided convolutions to 14 × 14 and 7 × 7 and enlarges it again:
a wide view at low cost. **Short-cuts** carry the fine detail across, from each block on the way down to its partner on
the way up. Two streams, one of the rows above and one of the pixels to the left, see to the order.

**Whole-pixel conditioning** is the paper's word for colours: red, green and blue of a pixel are drawn from one
three-dimensional distribution. A grey pixel has one number, so there is nothing to split here.

**Dropout** keeps a large network from learning its training images by heart. The one here is small and short trained,
and shipped without it.
""",
)

QUESTIONS = [
    Question(
        text="The mixture has five components. How many numbers describe one pixel's distribution?",
        kind="number",
        check=fact(15, "Each component has a weight, a mean and a scale: 5 · 3 = 15."),
        hint="Point at a pixel and count the table.",
    ),
    Question(
        text="Point at a pixel in the black corner. What makes level 0 so likely there?",
        kind="choice",
        options=("a component with its mean below 0", "a very tall density at 0 alone", "rounding"),
        check=fact(
            "a component with its mean below 0",
            "The first bin has no lower end: all mass below it is counted as level 0.",
        ),
        hint="Compare μ with the range of the levels.",
    ),
]
