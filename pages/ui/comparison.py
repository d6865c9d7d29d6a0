"""Networks side by side: rows of images for the same inputs, and their measures with intervals in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import shipped
from pages.ui.settings import Choice
from pages.ui.shipped import interval as interval
from pages.ui.tryit import Question

BIG = 2  # times as large
ALIKE = "The trained one; the others are small and were trained alike but for the part taken away."


def networks(words: Mapping[str, str], note: str = ALIKE, plain: str = "trained") -> Choice:
    """The setting of which variant is asked: what each is called, and how the address calls the plain one, ""."""
    labels = {name or plain: said for name, said in words.items()}
    return Choice(key="by", label="Network", options=tuple(labels), default=plain, labels=labels, help=note)


def strip(words: str, images: np.ndarray, *, ground: int = 255) -> None:
    """One row: images (N, S, S) or (N, S, S, 3) as bytes beside each other, what they are at the left."""
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    label, row = st.columns([1, 6], vertical_alignment="center")
    label.markdown(words)
    padded = np.pad(images, ((0, 0), (1, 1), (2, 2), (0, 0)), constant_values=ground)
    sheet = np.concatenate(list(padded), axis=1)
    row.image(sheet.repeat(BIG, axis=0).repeat(BIG, axis=1), width="stretch")


def metrics(name: str, variant: str = "") -> dict[str, float]:
    return shipped.card(name, variant)["metrics"]


def each(of: Mapping[Any, Mapping[str, float]], key: str, digits: int = 1, *, factor: float = 1.0) -> list[str]:
    """A measure of every network, with its interval."""
    return [interval(m, key, digits, factor=factor) for m in of.values()]


def column(
    of: Mapping[Any, Mapping[str, float]],
    key: str,
    digits: int = 1,
    *,
    factor: float = 1.0,
    floors: Sequence[str] = ("",),
    best: str = "",
    none: str = "",
) -> list[str]:
    """A measure of every network, ``none`` where one has none, between ``floors`` and the ``best`` there is: words as
    they are, or names of measures of the first network's card, where they are the same on all.
    """
    whole = next(iter(of.values()))
    above, below = ([interval(whole, end, digits, factor=factor) or end for end in ends] for ends in (floors, [best]))
    return [*above, *(said or none for said in each(of, key, digits, factor=factor)), *below]


def order(of: Mapping[str, Mapping[str, float]], key: str, *, least: bool = False) -> list[str]:
    """Names by their measure, the greatest (or the least) first."""
    return sorted(of, key=lambda name: of[name][f"test_{key}"] * (1 if least else -1))


def sure(of: Mapping[str, Mapping[str, float]], names: Sequence[str], key: str) -> str:
    """Whether the first of an order is sure of its place."""
    a, b = (of[name] for name in names[:2])
    return f"The intervals of the first two {'do not meet' if apart(a, b, key) else 'meet'}."


def apart(a: Mapping[str, float], b: Mapping[str, float], key: str) -> bool:
    """Whether the intervals of a measure do not meet."""
    low, high = f"test_{key}_low", f"test_{key}_high"
    return a[low] > b[high] or a[high] < b[low]


def which(
    text: str,
    name: str,
    words: Mapping[str, str],
    key: str,
    said: str,
    form: str = "{:.1f} %",
    *,
    factor: float = 100,
    least: bool = False,
    hint: str = "Take a part away.",
) -> Question:
    """Asks which network has the most (or the least) of a measure; the answer gives all of them after ``said``."""

    def check(answer: str) -> tuple[bool, str]:
        found = {words[variant]: factor * metrics(name, variant)[f"test_{key}"] for variant in words}
        return picked(answer, found, said, form, least=least)

    return Question(text=text, kind="choice", options=tuple(words.values()), check=check, hint=hint)


def picked(answer: str, found: Mapping[str, float], said: str, form: str, *, least: bool = False) -> tuple[bool, str]:
    """Whether ``answer`` names the greatest (or the least) of ``found``; ``said`` and all of them in their ``form``."""
    best = (min if least else max)(found.values())
    return found[answer] == best, f"{said} {', '.join(f'{words}: {form.format(of)}' for words, of in found.items())}."
