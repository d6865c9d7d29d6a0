"""The words around Gated PixelCNN's stage: what was measured, the theory, questions."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from pages.ui import shipped
from pages.ui.tryit import Question, fact


def measured(name: str) -> None:
    """What the card says of the shipped model."""
    found = shipped.card("gated_pixelcnn", "" if name == "mnist" else "fashion")
    what = "black and white digits" if name == "mnist" else "clothes in 16 grey levels"
    metrics, bits = found["metrics"], math.log2(found["config"]["n_levels"])
    with st.container(key="lab-about"):
        st.caption(
            f"Given its class, a test image costs {shipped.interval(metrics, 'nll', 2)} nats on average ({what}, "
            f"{metrics['test_bits_per_dim']:.4f} bits a pixel of {bits:.0f} without any model, "
            f"{found['data']['n_test']:,} images). {found['parameter_count']:,} weights, trained in "
            f"{found['wall_time_s'] / 60:.0f} minutes on {found['device']}."
        )


def price() -> None:
    """Which PixelCNN stands here, and why its nats say nothing about kernels."""
    with st.container(key="lab-more-price"):
        st.caption(unequal(shipped.card("pixelcnn", "k3"), shipped.card("pixelcnn")))


def unequal(here: dict[str, Any], other: dict[str, Any]) -> str:
    """Two PixelCNNs that differ in more than their kernels, as their cards say."""

    def said(card: dict[str, Any]) -> str:
        c, nats = card["config"], shipped.interval(card["metrics"], "nll", 2)
        return (
            f"{c['kernel']} × {c['kernel']} kernels in {c['n_blocks']} blocks, {card['parameter_count']:,} weights, "
            f"{card['steps']:,} batches of {c['batch_size']}: {nats} nats a test image"
        )

    return (
        f"PixelCNN here has {said(here)}. The one on PixelCNN's own page has {said(other)}. They differ in more than "
        "their kernels, so the two figures do not say what a blind spot costs."
    )


WHY = (
    r"""
**The blind spot.** Stack masked 3 × 3 convolutions, and what a pixel sees grows by one row up and one column to the
side with each layer; but in its own row a layer sees nothing to the right. So in the row above the field ends one place
to the right, two rows up two places, and so on. Everything right of that slope is missed for ever, although it comes
earlier: up to a quarter of what the kernels could reach.

**Two stacks cure it.** The *vertical* stack looks at all rows above, with a kernel that needs no mask because it ends
above the pixel. The *horizontal* stack looks along the row to the left and reads the vertical one's features through a
1 × 1 convolution. Information goes from the vertical to the horizontal stack, never back, or a pixel would see itself.
""",
    r"""
**Gates** replace the ReLUs, as in an LSTM:

$$
\mathbf{y} = \tanh(W_f * \mathbf{x} + V_f^\top \mathbf{h}) \odot \sigma(W_g * \mathbf{x} + V_g^\top \mathbf{h})
$$

Here $*$ is a convolution, $\odot$ a product place by place, and $\mathbf{h}$ the class as a one-hot vector: $V_f$ and
$V_g$ turn it into a bias for every channel. That is all that makes the model **conditional**:
$p(x \mid \mathbf{h})$, again a product of conditionals, and again exact.

Under *A class that changes* it does so on the way. The rows above stay as they were drawn; the model goes on from them
as best it can.
""",
)

QUESTIONS = [
    Question(
        text="Which stack may see pixels to the right of the present one, in rows above?",
        kind="choice",
        options=("the vertical one", "the horizontal one", "neither"),
        check=fact(
            "the vertical one",
            "Rows above are complete when a pixel is drawn, so the vertical stack may look at their whole width.",
        ),
        hint="Watch the blind spot.",
    ),
    Question(
        text="The ten images of ten classes use the same random numbers. What makes them differ?",
        kind="choice",
        options=("the class alone", "the order of the pixels", "the temperature"),
        check=fact(
            "the class alone",
            "The class is a bias in every gate; the distributions differ, and the same draws fall elsewhere.",
        ),
        hint="They share seed, order and temperature.",
    ),
]
