"""What stands around the stage of the variational autoencoder: theory, questions, the drawing board, downloads."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from pages.autoencoders import vae_pictures, vae_runs
from pages.autoencoders.images import labels
from pages.ui import board, stage
from pages.ui.frame import Question
from pages.ui.maths import added, close

GLYPHS = "0123456789"


def source_of(model: str, run_slot: str) -> tuple[str, str]:
    """What the latent routes call this model, and its set of images; ("", "") where there is none."""
    if model != "mine":
        variant, name, _ = vae_runs.MODELS[model]
        return variant or "default", name
    record = stage.current(run_slot)
    if record is None or record.run.engine is None:
        return "", ""
    held = st.session_state[run_slot]["fixed"]
    return record.token, held["data"]


def codes(source: str, name: str, record: Any) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the test images and the nats of each dimension; of a run as it stands at its newest step."""
    return _codes(source, name, record.run.status.step if record is not None else -1)


@st.cache_data(max_entries=8, show_spinner="Encoding test images")
def _codes(source: str, name: str, step: int) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    return vae_runs.codes_of(source, name)


def labels_of(name: str) -> np.ndarray:
    return labels(name)


def layers_of(record: Any) -> list[tuple[str, str]]:
    return [item for item in vae_pictures.LAYERS if "cloud" in record.base or item[0] != "prior"]


def drawn_image() -> str:
    """The digit on the drawing board, 784 bytes in base64; "" where there is none."""
    image = board.drawn("vae")
    if image is None:
        return ""
    return base64.b64encode(np.rint(255 * image).astype(np.uint8).tobytes()).decode()


def downloads(model: str, run_slot: str) -> None:
    """The codes as a table."""
    source, name = source_of(model, run_slot)
    if not source:
        return
    found, _ = codes(source, name, stage.current(run_slot) if model == "mine" else None)
    head = ",".join(["label", *[f"z{d + 1}" for d in range(found.shape[1])]])
    rows = [",".join([str(label), *[f"{v:.5g}" for v in z]]) for label, z in zip(labels(name), found, strict=True)]
    with st.container(key="lab-about"):
        st.caption(
            "The marks are the first 1,000 test images, which no training saw, at the mean of q(z|x). The dashed "
            "circles are one and two standard deviations of the prior."
        )
        st.download_button(
            "Codes as CSV", "\n".join([head, *rows]), f"codes-{model}.csv", "text/csv", on_click="ignore"
        )


def why() -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(
            r"""
An autoencoder squeezes an image $x$ through a few numbers $z$. A *variational* one says how sure it is: the encoder
gives a whole Gaussian of codes,

$$
q(z \mid x) = N\!\left(z \mid \mu(x),\ \mathrm{diag}\,\sigma^2(x)\right),
$$

and the decoder gives every pixel's chance of being white, $p(x_i = 1 \mid z)$. Codes are meant to come from the prior
$p(z) = N(0, I)$: then you can draw $z$ yourself and get an image. That is **prior predictive sampling**; drawing $z$
from $q(z \mid x)$ of an image instead is **posterior predictive**.

The likelihood $p(x) = \int p(x \mid z)\, p(z)\, dz$ has no closed form. What is raised instead is a bound on it:

$$
\log p(x) \ \ge\ \underbrace{\mathbb{E}_{q(z \mid x)}\left[\log p(x \mid z)\right]}_{\text{reconstruction}}
\ -\ \underbrace{\mathrm{KL}\left(q(z \mid x)\,\|\,p(z)\right)}_{\text{price of the code}}
$$

the *evidence lower bound*, ELBO, in nats.
"""
        )
    with right:
        st.markdown(
            r"""
**Learning through a random draw.** The draw is written as $z = \mu + \sigma \epsilon$ with $\epsilon$ from $N(0, I)$,
so that the gradient passes to $\mu$ and $\sigma$ (the *reparameterisation trick*).

**The KL in closed form**, for $D$ latent dimensions:

$$
\mathrm{KL} = \tfrac12 \sum_{d=1}^{D} \left(\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2\right)
$$

**Beta** weighs it: the loss is $-\text{reconstruction} + \beta\,\mathrm{KL}$. A small $\beta$ gives sharp images and
codes that lie far from the prior, so that draws from the prior fall between them; a large $\beta$ gives up dimensions
one by one.

**The mean is not a sample.** The decoder's mean image is smooth, and it is what papers print. A sample of the model
draws every pixel from its chance, and is rough, because the decoder takes the pixels as independent given $z$.

**A path between codes** passes through images that the decoder draws; a blend of pixels passes through double
exposures. Not every place on the way is as likely under the prior: where few codes lie, the images are poorer.
"""
        )


def questions(frames: Callable[[], list[Any]]) -> list[Question]:
    """Asked of the viewer, answered from the frames of the viewer's own run, or of the recorded training."""
    return [
        Question(
            text="Which of the two terms of the ELBO is larger, in nats, at the newest step?",
            kind="choice",
            options=("reconstruction", "KL"),
            check=lambda answer: _larger(frames(), answer),
            hint="See the curves beside the film, or pick an image on the plane.",
        ),
        Question(
            text="From the first step to the newest, does the KL rise all the way?",
            kind="choice",
            options=("yes", "no"),
            check=lambda answer: _kl_moves(frames(), answer),
            hint="A code that says nothing costs nothing. Choose film and look at the dashed curve.",
        ),
        Question(
            text="How many nats is −ELBO at the newest step, to the nearest whole number?",
            kind="number",
            check=lambda answer: _bound(frames(), answer),
            hint="It is the sum of the reconstruction term and the KL.",
        ),
    ]


NO_RUN = (False, "There is no step with figures yet: let the run go on for a moment.")


def _measured(frames: list[Any]) -> list[Any]:
    return [frame for frame in frames if "elbo" in frame.scalars]


def _larger(frames: list[Any], answer: str) -> tuple[bool, str]:
    found = _measured(frames)
    if not found:
        return NO_RUN
    s = found[-1].scalars
    larger = "reconstruction" if s["reconstruction"] > s["kl"] else "KL"
    return (
        answer == larger,
        f"At step {found[-1].step}: reconstruction {s['reconstruction']:.1f}, KL {s['kl']:.1f} nats.",
    )


def _kl_moves(frames: list[Any], answer: str) -> tuple[bool, str]:
    found = _measured(frames)
    if len(found) < 2:
        return NO_RUN
    first, last = found[0], found[-1]
    falls = [b for a, b in pairwise(found) if b.scalars["kl"] < a.scalars["kl"]]
    said = (
        f"It falls {len(falls)} times, first before step {falls[0].step}."
        if falls
        else "It never falls on the way: the code comes to say more about the image."
    )
    return (answer == "no") == bool(falls), (
        f"From {first.scalars['kl']:.2f} nats at step {first.step} to {last.scalars['kl']:.2f} at step {last.step}. "
        + said
    )


def _bound(frames: list[Any], answer: float) -> tuple[bool, str]:
    found = _measured(frames)
    if not found:
        return NO_RUN
    s = found[-1].scalars
    return close(answer, -s["elbo"]), (
        f"At step {found[-1].step} it is {added(s['reconstruction'], s['kl'], places=1)} nats."
    )
