"""Try your own: an input drawn, given as a file or taken from the test images, and what each model makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import board

BIG = 6  # times as large


@st.fragment
def desk(
    slug: str,
    models: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    examples: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda x: x,
    truth: bool = False,
) -> None:
    """``models`` are titles and functions from an image (H, W) or (H, W, 3) in 0..1 to another. ``prepare`` makes the
    input of a file or an example (N, H, W); a drawing is taken as it is. Only this part of the page runs again.
    """
    left, right = st.columns([2, 3])
    with left:
        how = st.segmented_control("Input", ("draw", "file", "example"), default="example", key=f"{slug}:how")
        x: np.ndarray | None = None
        target = None
        if how == "draw":
            x = board.show(f"{slug}:board")
        elif how == "file":
            given, problem = board.upload(f"{slug}:file")
            if problem:
                st.warning(problem)
            x = None if given is None else prepare(given)
        else:
            row = st.number_input("Test image", 0, len(examples) - 1, 0, key=f"{slug}:row")
            target = examples[row] / 255
            x = prepare(target)
    with right:
        if x is None:
            st.info("Draw or choose an input on the left.")
            return
        shown: dict[str, Any] = {"input": x, **{title: model(x) for title, model in models.items()}}
        if truth and target is not None:
            shown["taken from"] = target
        for column, (title, image) in zip(st.columns(len(shown)), shown.items(), strict=True):
            column.image(big(image), caption=title, clamp=True)


def big(image: np.ndarray) -> np.ndarray:
    """Each pixel as a square, without smoothing."""
    return image.repeat(BIG, axis=0).repeat(BIG, axis=1)
