"""The words around DCGAN's stage: what was measured, the recipe, questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.ui import photos, shipped
from pages.ui.tryit import Question, fact

VARIANTS = {"mnist": "", "fashion": "fashion"}
# What `engines.gans.dcgan.scale` says of each data set, which takes seconds; a test computes it again.
SCALE = {
    "mnist": {"precision": 0.879, "recall": 0.899, "clear": 0.9815, "noise": 1.0},
    "fashion": {"precision": 0.88, "recall": 0.8665, "clear": 0.809, "noise": 0.045},
}


def measured(name: str) -> None:
    """What the card says of the shipped model, in words and with its floor."""
    card = shipped.card("dcgan", VARIANTS[name])
    m = card["metrics"]
    what, scale = "digits" if name == "mnist" else "clothes", SCALE[name]
    st.caption(
        f"5,000 samples against {card['data']['n_test']:,} test images: Fréchet distance {m['test_frechet']:.1f} "
        f"(5,000 real training images: {m['test_frechet_real']:.1f}), and the classifier is sure of "
        f"{100 * m['test_clear']:.0f} % (of real {what}: {100 * scale['clear']:.0f} %, of noise: "
        f"{100 * scale['noise']:.0f} %). 2,000 of the samples against 2,000 test images drawn at random: precision "
        f"{m['test_precision']:.2f} and recall {m['test_recall']:.2f} (2,000 other test images: "
        f"{scale['precision']:.2f} and {scale['recall']:.2f}). The rarest class has "
        f"{100 * m['test_rarest']:.1f} %, the commonest {100 * m['test_commonest']:.1f} %. All in the features of a "
        f"classifier that ships with the app, so these are not FID.{after_one_epoch(name)} {trained(card['config'])}"
    )


def trained(config: dict[str, Any]) -> str:
    """How the shipped networks learned, where the recipe leaves it open or they depart from it."""
    words = (
        f"Both networks learned from {config['n_steps']:,} batches of {config['batch_size']}, G {config['g_steps']} "
        f"times each, at a rate of {config['learning_rate']:g} that fell to zero; codes have {config['latent_dim']} "
        "numbers"
    )
    switches = config.get("switches", 0)
    return words + (f", {switches} of them switches (see Why)." if switches else ".")


def after_one_epoch(name: str) -> str:
    """How far the recorded run had come when it had seen every training image about once."""
    frames = shipped.frames("dcgan", VARIANTS[name])
    card = shipped.card("dcgan", VARIANTS[name])
    epoch = card["data"]["n_train"] / card["config"]["batch_size"]
    first = min(frames, key=lambda frame: abs(frame.scalars["batches"] - epoch)).scalars
    return (
        f" In the recorded run, over 2,000 samples, the distance was {first['frechet']:.0f} after "
        f"{first['batches']:,.0f} batches, about one pass over the images, and {frames[-1].scalars['frechet']:.0f} at "
        "the end."
    )


def sheet(pixels: np.ndarray, name: str) -> None:
    """The 64 images that the codes give, to choose from and to take away."""
    with st.expander("All 64 codes, numbered row by row from 0", icon=":material/grid_view:"):
        st.image(np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1), caption="Row r, column c is code 8 r + c.")
        st.download_button("PNG", photos.png(pixels), f"dcgan-{name}.png", "image/png", on_click="ignore")


WHY = (
    r"""
The game is that of the page before: a discriminator $D$ learns to tell images $x$ from generated ones $G(z)$, the
generator $G$ learns to raise $D(G(z))$. What DCGAN added is a recipe by which convolutional networks survive it:

1. **Strides instead of pooling.** $G$ enlarges by fractionally-strided convolutions, $D$ shrinks by strided ones, so
   both learn how to sample.
2. **Batch normalisation** in both, but not where the image goes in or out: it keeps $G$ from collapsing to one point
   early on.
3. **No fully connected hidden layers.**
4. **ReLU in $G$, tanh at its output; LeakyReLU in $D$**, so that $D$'s gradient never dies.
5. **Small random weights**, and Adam with a learning rate of 0.0002 and $\beta_1 = 0.5$: with the usual 0.9 the
   momentum keeps the game swinging.

In the view *Train one now* every rule is a switch. Take one away and watch.

**Apart from the paper.** Digits have 28 pixels a side instead of 64, and kernels are 4 × 4 where the paper's are 5 × 5:
a multiple of the stride, so that stamps cover all inner pixels alike (see *Transposed convolution*). Normalisation's
weights start from $N(1, 0.02^2)$, as in the authors' code; the paper speaks of all weights as from $N(0, 0.02^2)$.
$D$ is shown as it learned, with normalisation by the batch's own statistics.
""",
    r"""
**The generator** reads a code as a map of one pixel and many channels, and trades channels for pixels: 1 × 1, 4 × 4,
7 × 7, 14 × 14, 28 × 28 (view *Layer by layer*).

**Between two codes** images change without a break. If the network had only memorised, there would be
jumps. The walk follows a great circle: on a straight line the middle would be shorter than any code that $G$ has seen.

**Switches.** A Gaussian is of one piece and $G$ has no jumps, so between the codes of a 3 and of an 8 lie codes of
neither. Some numbers of the digits' codes therefore keep at least 1 away from zero: codes then lie in pieces with gaps
between them, which a walk crosses and no sample comes from.

**Arithmetic** with codes: $c + (a - b)$ puts what tells $a$ from $b$ onto $c$. Here $a$, $b$ and $c$ are single codes;
the paper averages three of each, for with single ones the result is unstable.

**How good is it?** The *Fréchet distance* compares mean $\mu$ and covariance $C$ of features of real ($r$) and
generated ($g$) images,

$$
\lVert\mu_r - \mu_g\rVert^2 + \mathrm{tr}\big(C_r + C_g - 2 (C_r C_g)^{1/2}\big).
$$

*Precision* is the share of generated images among the real ones (closer to some real image than that image's third
neighbour), *recall* the other way round: what share of the real ones is reached. The classifier is *sure* of a sample
where it gives one class at least 0.9; that says nothing where it is sure of noise too.
The features are the last hidden layer of a small classifier of these images.
""",
)


def questions(chosen: dict[str, Any]) -> list[Question]:
    return [
        Question(
            text="A generator's loss can fall while its images get worse. Which curve tells you that they get better?",
            kind="choice",
            options=("G's loss", "D's loss", "the Fréchet distance"),
            check=lambda answer: _check_curve(chosen["data"], answer),
            hint="Choose curves above the plot, and compare with the images.",
        ),
        Question(
            text="A fractionally-strided convolution of kernel 4, stride 1/2 and padding 1 takes a side of 14 to what?",
            kind="whole",
            check=fact(28, "(14 − 1) × 2 − 2 × 1 + 4 = 28."),
            hint="The view Layer by layer spells it out, in the numbers beside each layer.",
        ),
    ]


def _check_curve(name: str, answer: str) -> tuple[bool, str]:
    frames = [frame.scalars for frame in shipped.frames("dcgan", VARIANTS[name]) if "g_loss" in frame.scalars]
    first, last = frames[0], frames[-1]
    return answer == "the Fréchet distance", (
        f"In the recorded run G's loss went from {first['g_loss']:.2f} to {last['g_loss']:.2f}, the Fréchet "
        f"distance from {first['frechet']:.0f} to {last['frechet']:.0f}."
    )
