"""Try your own: an input drawn, given as a file or taken from the test images, and what each model makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import board

BIG = 320  # pixels that an image is at least drawn with
WAYS = {"example": "A test image", "draw": "Draw", "file": "An image file"}


@st.fragment
def desk(
    slug: str,
    models: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    examples: np.ndarray,
) -> None:
    """``models`` are titles and functions from an image (S, S) or (S, S, 3) in 0..1 to another. ``examples`` are bytes
    (N, S, S) or (N, S, S, 3); a file is made like them, and there is a board for grey images of 28 pixels. Only this
    part of the page runs again.
    """
    grey = examples.shape[1:] == (28, 28)
    with st.container(key="lab-more-desk"):
        left, right = st.columns([1, 3])
        with left:
            ways = [way for way in WAYS if grey or way != "draw"]
            how = st.segmented_control("Input", ways, format_func=WAYS.get, default="example", required=True,
                                       key=f"{slug}:desk:how")  # fmt: skip
            x = _input(slug, how or "example", examples)
        with right:
            if x is None:
                st.info("Draw or choose an input on the left.")
                return
            shown: dict[str, Any] = {"input": x, **{title: model(x) for title, model in models.items()}}
            for column, (title, image) in zip(st.columns(len(shown)), shown.items(), strict=True):
                column.image(big(image), caption=title, clamp=True, width="stretch")


def _input(slug: str, how: str, examples: np.ndarray) -> np.ndarray | None:
    if how == "draw":
        return board.show(f"{slug}:desk:board")
    if how == "file":
        side = None if examples.shape[1:] == (28, 28) else examples.shape[1]
        given, problem = board.upload(f"{slug}:desk:file", side)
        if problem:
            st.warning(problem)
        colour = given is not None and given.ndim == 3
        return given.mean(axis=2) if colour and examples.ndim == 3 else given
    row = st.number_input("Test image", 0, len(examples) - 1, 0, key=f"{slug}:desk:row")
    return examples[int(row)] / 255


def big(image: np.ndarray) -> np.ndarray:
    """Each pixel as a square, without smoothing: (S, S) or (S, S, 3) to at least 320 pixels a side."""
    times = -(-BIG // image.shape[0])
    return image.repeat(times, axis=0).repeat(times, axis=1)
