"""Sampling from a Bayes classifier: y, then x; pen styles; directions; and the same model asked what an image shows."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.catalogue import entry
from pages.foundations import bayes_classifier_notes as notes
from pages.foundations import bayes_classifier_runs as runs
from pages.ui import board, frame, live, settings, stage
from pages.ui.player import player
from pages.ui.settings import Choice, Number, Real, Switch

PAGE = entry("bayes-classifier")
DIRECTIONS = 6

VIEW = Choice(
    key="view",
    label="What to see",
    options=("draw", "styles", "directions", "classify"),
    default="draw",
    help="draw: y, then x; styles: one Gaussian a class against ten; directions: how a class varies; classify: the "
    "same model asked what an image shows.",
)
DATA = Choice(key="data", label="Images", options=("mnist", "fashion"), default="mnist", help="What is learned from.")
METHOD = Choice(
    key="method",
    label="Where y comes from",
    options=("drawn", "given"),
    default="drawn",
    help="drawn: from p(y), so x is a draw of p(x); given: you choose, and x is a draw of p(x|y).",
)
CLASS = Number(key="y", label="Class y", low=0, high=9, default=3, help="Of digits the digit itself.")
RAW = Switch(
    key="raw", label="Raw levels", help="A Gaussian goes below black and beyond white. Off: cut off there; on: the "
    "whole range made to fit."
)  # fmt: skip
ROWS = {
    name: Number(key="row", label="Test image", low=0, high=n - 1, default=0, slider=False, help=f"Of {n:,}.")
    for name, n in (("mnist", 10_000), ("fashion", 5_000))
}
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same draws."
)
AMOUNTS = tuple(
    Real(key=f"d{i + 1}", label=f"Direction {i + 1}, in standard deviations", low=-3.0, high=3.0, default=0.0, step=0.5)
    for i in range(DIRECTIONS)
)
SHARED = (VIEW, DATA, METHOD, CLASS, RAW, SEED, *AMOUNTS)
RUN = "bayes-classifier:run"


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, (*SHARED, ROWS["mnist"]))
    row = ROWS[settings.value(DATA)]
    if settings.value(row) > row.high:  # the viewer changed to a set with fewer images
        settings.put({row.key: row.high})
        settings.read(PAGE.slug, (*SHARED, row))
    chosen = {setting.key: settings.value(setting) for setting in (*SHARED, row)}
    record = shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "classify":
        board.kept(PAGE.slug, "Draw an image and ask what it shows", "Clear the board to go back to the test image.")
        notes.confusion(chosen["data"])
    frame.notes(PAGE, why=notes.why, questions=notes.questions(chosen["data"]))


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    show(VIEW)
    show(DATA)
    show(METHOD, when=view == "draw")
    show(CLASS, when=view in ("styles", "directions") or (view == "draw" and chosen["method"] == "given"))
    show(RAW, when=view == "draw")
    show(ROWS[chosen["data"]], when=view == "classify")
    for setting in AMOUNTS:
        show(setting, when=view == "directions")
    if view == "directions":
        st.button("Back to the mean", on_click=still, width="stretch")
        st.button("A random draw", on_click=shake, width="stretch", help="Amounts from N(0, 1), in half steps.")
    show(SEED, when=view in ("draw", "styles"))
    if view in ("draw", "styles"):
        st.button("New draws", on_click=new_seed, width="stretch", help="The same settings, another seed.")
    if view == "classify":
        st.button("Another test image", on_click=another, args=(ROWS[chosen["data"]],), width="stretch")


def still() -> None:
    for setting in AMOUNTS:
        settings.put({setting.key: 0.0})


def shake() -> None:
    import numpy as np

    drawn = np.random.default_rng().standard_normal(DIRECTIONS)
    for setting, amount in zip(AMOUNTS, drawn, strict=True):
        settings.put({setting.key: float(np.clip(np.round(2 * amount) / 2, -3, 3))})


def new_seed() -> None:
    settings.next_of(SEED)


def another(row: Number) -> None:
    settings.next_of(row)


def shown(chosen: dict[str, Any]) -> Any:
    """What is chosen, on the stage; the Gaussians are fitted once for all viewers."""
    view, name, y = chosen["view"], chosen["data"], chosen["y"]
    drawn = board.drawn(PAGE.slug) if view == "classify" else None
    amounts = tuple(chosen[setting.key] for setting in AMOUNTS)
    own = {"method": chosen["method"], "given": y, "seed": chosen["seed"]}
    if chosen["method"] == "drawn":
        own["given"] = 0
    makers = {
        "draw": ((*own.values(), chosen["raw"]), lambda: runs.draw_scene(name, raw=chosen["raw"], **own)),
        "styles": ((y, chosen["seed"]), lambda: runs.styles_scene(name, y, chosen["seed"])),
        "directions": ((y, amounts), lambda: runs.directions_scene(name, y, amounts)),
        "classify": (
            (chosen["row"], None if drawn is None else drawn.tobytes()),
            lambda: runs.classify_scene(name, chosen["row"], drawn),
        ),
    }
    key, make = makers[view]
    what = "Fitting two mixtures of ten Gaussians" if view == "styles" else "Fitting a Gaussian to every class"
    with st.spinner(what, show_time=True):
        record, problem = stage.keep(RUN, fixed={"view": view, "data": name, "own": key}, changing={}, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    if view != "draw":
        record.run.play(None)  # its frames are ready
    player(
        record.token,
        key=f"bayes-classifier-{view}",
        on_event=on_event,
        numbers=True,
        slug=PAGE.slug,
        wide=True,
        autoplay=view == "draw",
        speed=2 if view == "draw" else 1,
        present=st.query_params.get("present") == "1",
    )
    return record


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


main()
