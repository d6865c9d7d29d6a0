"""What stands around the stage of the autoencoder: theory, questions, the drawing board."""

from __future__ import annotations

import streamlit as st

from pages.autoencoders import autoencoder_runs
from pages.ui.frame import Question
from pages.ui.maths import close


def why() -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(
            r"""
An autoencoder learns to give back what it was given, through a hidden layer that is too small to copy it:

$$
z = a(W x + b), \qquad \hat x = \mathrm{sigmoid}(W' z + b')
$$

Here $x$ holds the 784 pixels of an image in $0..1$, $z$ the $M$ numbers of its *code*, $a$ is the activation, and
$W, W', b, b'$ are learned. Nobody says what the code should mean; it is what helps most to rebuild the image.

**The loss** takes each pixel's level as the chance of being white and asks how surprised $\hat x$ is, in nats:

$$
-\sum_{i=1}^{784} \left( x_i \log \hat x_i + (1 - x_i) \log (1 - \hat x_i) \right)
$$
"""
        )
    with right:
        st.markdown(
            r"""
**PCA is its linear relative.** With a linear code and squared error, the best autoencoder spans the same directions as
the first $M$ principal components (Baldi & Hornik 1989). The axes of its code may lie anywhere in that plane; the
images that come back are the same. You can watch this: choose *train*, linear, squared.

**What it cannot do.** A code drawn at random need not be the code of anything: the autoencoder says nothing about
where its codes lie. That is what the *variational* autoencoder adds, and what turns it into a generative model.

**Hidden units as images.** With one hidden layer, unit $m$ adds $z_m W'_{\cdot m}$ to the image before the
sigmoid: its outgoing weights are themselves an image. Orange adds ink, blue takes it away; each unit is scaled to its
largest weight.
"""
        )


def questions() -> list[Question]:
    return [
        Question(
            text="With how many numbers in its code does the autoencoder first lose less than PCA with 8 directions?",
            kind="choice",
            options=tuple(str(m) for m in autoencoder_runs.SHIPPED),
            check=_first_below,
            hint="Choose narrow and compare the solid curve with the dashed one.",
        ),
        Question(
            text="What is the squared error per image of the model with M = 2, to one decimal place?",
            kind="number",
            check=_error_of_two,
            hint="Choose narrow and go to the first step.",
        ),
    ]


def _errors() -> dict[int, float]:
    frames = autoencoder_runs.narrowing_frames(0, None)
    return {int(frame.scalars["code_dim"]): frame.scalars["squared_error"] for frame in frames}


def _first_below(answer: str) -> tuple[bool, str]:
    errors, bar = _errors(), float(autoencoder_runs.pca_of_shipped()[list(autoencoder_runs.SHIPPED).index(8)])
    first = min(m for m, error in errors.items() if error < bar)
    return int(
        answer
    ) == first, f"PCA loses {bar:.1f} with 8 directions; the autoencoder {errors[first]:.1f} with M = {first}."


def _error_of_two(answer: float) -> tuple[bool, str]:
    error = _errors()[2]
    return close(answer, error, places=1), f"It is {error:.1f}, over 10,000 test images."
