"""Sampling from a Bayes classifier: y, then x; pen styles; directions; and the same model asked what an image shows."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import streamlit as st

from pages.catalogue import entry
from pages.foundations import bayes_classifier_notes as notes
from pages.foundations import bayes_classifier_runs as runs
from pages.ui import board, settings, shipped, show
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Real, Switch, seed

DIRECTIONS = 6

DATA = Choice(key="data", label="Images", labels=shipped.SETS, help="What is learned from.")
METHOD = Choice(
    key="method",
    label="Where y comes from",
    labels={"drawn": "Drawn from p(y)", "given": "Given by you"},
    help="drawn: from p(y), so x is a draw of p(x); given: you choose, and x is a draw of p(x|y).",
)
CLASS = Number(key="y", label="Class y", low=0, high=9, default=3, help="Of digits the digit itself.")
GIVEN = dataclasses.replace(CLASS, when=lambda chosen: chosen["method"] == "given")
RAW = Switch(
    key="raw", label="Raw levels", help="A Gaussian goes below black and beyond white. Off: cut off there; on: the "
    "whole range made to fit."
)  # fmt: skip
ROW = Number(
    key="row", label="Test image", low=0, high=9999, default=0, slider=False, help="Of 10,000; of 5,000 clothes."
)
SEED = seed("The same seed, the same draws.")
AMOUNTS = tuple(  # the first moved at once: two equal images would say nothing
    Real(key=f"d{i + 1}", label=f"Direction {i + 1}, in standard deviations", low=-3.0, high=3.0,
         default=2.0 if i == 0 else 0.0, step=0.5)
    for i in range(DIRECTIONS)
)  # fmt: skip
VIEWS = {
    "draw": ("Draw a class, then an image", (DATA, METHOD, GIVEN, RAW, SEED)),
    "styles": ("One Gaussian a class, or ten", (DATA, CLASS, SEED)),
    "directions": ("How a class varies", (DATA, CLASS, *AMOUNTS)),
    "classify": ("What does an image show?", (DATA, ROW)),
}
SLUG = "bayes-classifier"


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=lambda chosen: notes.questions(chosen["data"])) as chosen:
        name, y, seed = chosen["data"], chosen["y"], chosen["seed"]
        match chosen["view"]:
            case "draw":
                own = {"method": chosen["method"], "given": y if chosen["method"] == "given" else 0, "seed": seed}
                make = partial(runs.draw_scene, name, raw=chosen["raw"], **own)
                fixed = {"data": name, "raw": chosen["raw"], **own}
                show.run(SLUG, make, fixed=fixed, view="draw", wide=True, autoplay=True, speed=2)
            case "styles":
                show.film(SLUG, runs.styles, name, y, seed, speed=1, autoplay=False)
            case "directions":
                show.film(SLUG, runs.directions, name, y, *(chosen[setting.key] for setting in AMOUNTS))
                left, right, _ = st.columns([1, 1, 3])
                left.button("Back to the mean", on_click=still, width="stretch")
                right.button("A random draw", on_click=shake, width="stretch", help="From N(0, 1), in half steps.")
            case "classify":
                show.film(SLUG, runs.classify, name, test_image(name, chosen["row"]), board.drawn(SLUG))
                st.button("Another test image", on_click=settings.next_of, args=(ROW,))
                board.kept(SLUG, "Draw an image and ask what it shows", "Clear the board to go back to the test image.")
                notes.confusion(name)


def test_image(name: str, row: int) -> int:
    """The row asked for, or the last one there is."""
    last = {"mnist": 10_000, "fashion": 5_000}[name] - 1
    if row > last:
        st.warning(f"row is {row}; these images go from 0 to {last}. The last one is shown.")
    return min(row, last)


def still() -> None:
    settings.put({setting.key: 0.0 for setting in AMOUNTS})


def shake() -> None:
    drawn = np.random.default_rng().standard_normal(DIRECTIONS)
    amounts = np.clip(np.round(2 * drawn) / 2, -3, 3)
    settings.put({setting.key: float(amount) for setting, amount in zip(AMOUNTS, amounts, strict=True)})


if __name__ == "__main__":
    main()
