"""The words around the likelihood's stage: files to take away and bring back, a table of models, theory, questions."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines.autoregressive import coding
from pages.autoregressive import fills
from pages.ui import photos, shipped
from pages.ui.maths import close
from pages.ui.tryit import Question, fact

MAX_BYTES = 20_000


def files(name: str, x: np.ndarray) -> None:
    """The image's bytes to take away, and a file to decode."""
    with (
        st.container(key="lab-about"),
        st.expander("Take the bytes away, and decode a file", icon=":material/folder_zip:"),
    ):
        model = shipped.model(name)
        if st.button("Make the file", help="Encodes the image on the stage."):
            st.session_state["likelihood:file"] = (name, x.tobytes(), coding.encode(model, x).data)
        held = st.session_state.get("likelihood:file")
        if held and held[:2] == (name, x.tobytes()):
            st.download_button(
                f"image.{name}, {len(held[2])} bytes", held[2], f"image.{name}", "application/octet-stream",
                on_click="ignore",
            )  # fmt: skip
        given = st.file_uploader(f"A file made by {name}", key=f"likelihood-upload-{name}", help="Up to 20 kB.")
        if given is not None:
            raw = given.getvalue()
            if len(raw) > MAX_BYTES:
                st.warning(f"The file has {len(raw):,} bytes, the limit is {MAX_BYTES:,}: give one that was made here.")
                return
            try:
                levels = coding.decode(model, raw)
            except coding.DamagedError as error:
                st.warning(f"This file cannot be decoded: {error}.")
                return
            pixels = fills.as_bytes(levels, model.config.n_levels)
            st.image(np.repeat(np.repeat(pixels, 6, axis=0), 6, axis=1), caption=f"Decoded from {len(raw)} bytes.")
            st.download_button("As PNG", photos.png(pixels), "decoded.png", "image/png", on_click="ignore")


@st.fragment
def against_gan() -> None:
    """What an autoregressive model and a GAN can and cannot give, with times measured here."""
    with (
        st.container(key="lab-more-gan"),
        st.expander("An autoregressive model against a GAN", icon=":material/balance:"),
    ):
        found = None
        if st.button("Measure the times on this machine", help="Takes some seconds."):
            with st.spinner("Drawing 16 images by each"):
                found = seconds()
        elif seconds.cache_info().currsize:
            found = seconds()

        def time(key: str) -> str:
            return f"{1000 * found[key]:,.0f} ms" if found else "press the button"

        st.markdown(
            f"""
| | PixelCNN | DCGAN |
| --- | --- | --- |
| log p(x) of an image | exact, {time("log_prob")} | none: there is no density |
| how it is fitted | maximum likelihood: one network, one loss, −log p(x) | a game between two networks |
| modes of the data it may drop | a dropped mode costs it infinitely | nothing in its loss counts them |
| 16 images of 28 × 28 | {time("pixelcnn")} ({time("plain")} without keeping what was computed) | {time("dcgan")} |
| fill in a hidden part | exactly, where the hidden part comes last | by a search for a code |
| a code to move along | none | a few numbers per image |
| compress without loss | yes: this page | no |
"""
        )


@lru_cache(maxsize=1)
def seconds() -> dict[str, float]:
    """Seconds on this machine, measured once: 16 images by PixelCNN, cached and plain (estimated from 40 pixels), and
    by DCGAN, and one exact log-likelihood.
    """
    pixelcnn: Any = shipped.model("pixelcnn")
    dcgan: Any = shipped.model("dcgan")
    generator = torch.Generator().manual_seed(0)
    x = pixelcnn.sample(16, generator=generator)
    mask = np.zeros((fills.SIDE, fills.SIDE), dtype=bool)
    mask.flat[:40] = True
    plain = {"given": x, "mask": mask, "cached": False}
    return {
        "pixelcnn": timed(lambda: pixelcnn.sample(16, generator=generator)),
        "plain": timed(lambda: pixelcnn.sample(16, generator=generator, **plain)) * fills.SIDE * fills.SIDE / 40,
        "dcgan": timed(lambda: dcgan.sample(16, generator=generator)),
        "log_prob": timed(lambda: pixelcnn.log_prob(x[:1])),
    }


def timed(do: Any) -> float:
    """The shorter of two runs, in seconds."""
    found = []
    for _ in range(2):
        start = time.perf_counter()
        do()
        found.append(time.perf_counter() - start)
    return min(found)


WHY = (
    r"""
**A likelihood is a length.** No code can be shorter on average than $-\log_2 p(x)$ bits if images come from $p$, and an
arithmetic coder gets within a few bits of it, for a whole image at once (Shannon 1948). So a model that predicts better
compresses better, and a difference of one nat between two models is 1.44 bits of every image, for ever.

**The coder.** It starts from the interval $[0, 1)$. Each pixel's distribution cuts the interval into pieces as wide
as its levels are likely; the pixel's own level chooses one, which becomes the next interval. After the last pixel its
width is
$p(x)$. Any number inside it names the image, and the shortest takes about $-\log_2 p(x)$ bits.
""",
    r"""
**The decoder** draws the image as the page on PixelCNN does, with one change: where that drew random numbers, it
reads the number from the file. Both sides must compute the same chances to the last digit, so both ask pixel by
pixel. Damage one bit and everything after it is drawn from wrong numbers; the checksum tells.

**What you see compared.** *Plain bits* stores each pixel by itself. *gzip* finds repetitions; *PNG* predicts a pixel
from its neighbours by fixed rules; both carry a head of some bytes. The model knows digits, and nothing else: a
digit upside down mostly costs more, clothes much more, some of them more than plain bits, and noise always did.

What is not counted: the model itself, which both sides must have.
""",
)

QUESTIONS = [
    Question(
        text="A test image costs 83 nats. How many bytes can it shrink to, to the nearest whole one?",
        kind="number",
        check=lambda answer: (
            close(answer, 83 / math.log(2) / 8),
            "83 / log 2 = 119.7 bits, 14.97 bytes: 15; the checksum comes on top.",
        ),
        hint="A nat is 1/log 2 = 1.4427 bits, a byte is 8.",
    ),
    Question(
        text="Encode noise. Is the model's file larger than the plain bits?",
        kind="choice",
        options=("yes", "no"),
        check=fact("yes", "What a model thinks unlikely costs more than one bit a pixel. No code shortens everything."),
        hint="Choose the image noise and compare the bars.",
    ),
]
