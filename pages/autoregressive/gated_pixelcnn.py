"""Gated PixelCNN: images by class, a class that changes half-way down, and the blind spot beside its cure."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.autoregressive import fills, gated_pixelcnn_notes
from pages.autoregressive import gated_pixelcnn_runs as runs
from pages.autoregressive.pixelcnn_notes import download
from pages.catalogue import entry
from pages.ui import forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real

PAGE = entry("gated-pixelcnn")

VIEW = Choice(
    key="view",
    label="What to see",
    options=("classes", "turn", "blind spot"),
    default="classes",
    help="classes: one image of each; turn: another class from a row on; blind spot: what two networks see.",
)
DATA = Choice(
    key="data",
    label="Images",
    options=("mnist", "fashion"),
    default="mnist",
    help="mnist: black and white digits; fashion: clothes in 16 grey levels.",
)
CLASS = Number(key="y", label="Class y", low=0, high=9, default=3, help="Of the upper rows.")
THEN = Number(key="then", label="Class below", low=0, high=9, default=8, help="From the row below on.")
TURN = Number(key="turn", label="Changes at row", low=2, high=28, default=14, help="Counted from the top.")
N = Choice(key="n", label="Images side by side", options=("1", "4", "9", "16"), default="9", slider=True)
TEMPERATURE = Real(
    key="t", label="Temperature T", low=0.0, high=2.0, default=1.0, step=0.1,
    help="Chances to the power 1/T: 1 is the model, 0 always takes the likeliest level, 2 dares more. Applies live.",
)  # fmt: skip
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same images."
)
AT_ROW = Number(key="atrow", label="Row of the pixel", low=1, high=28, default=15, help="Counted from the top.")
AT_COLUMN = Number(key="atcol", label="Column of the pixel", low=1, high=28, default=12, help="Counted from the left.")
ALL = (VIEW, DATA, CLASS, THEN, TURN, N, TEMPERATURE, SEED, AT_ROW, AT_COLUMN)
FORKS = (
    Change(
        field="temperature",
        choice=Choice(key="", label="Temperature T", options=("0", "0.5", "0.8", "1", "1.5", "2"), default="0.5"),
        parse=float,
    ),
    Change(
        field="labels",
        choice=Choice(key="", label="All of class", options=tuple("0123456789"), default="0"),
        parse=lambda text: (int(text),),
    ),
)
RUN, RIVAL = (f"gated-pixelcnn:{name}" for name in ("run", "rival"))


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] != "blind spot" and record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    with st.container(key="lab-about"):
        if chosen["view"] == "blind spot":
            gated_pixelcnn_notes.price()
        gated_pixelcnn_notes.measured(chosen["data"])
        if chosen["view"] != "blind spot" and record is not None:
            download(record)
    frame.notes(PAGE, why=gated_pixelcnn_notes.why, questions=gated_pixelcnn_notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    drawing, turning = view != "blind spot", view == "turn"
    show(VIEW)
    show(DATA, when=drawing)
    show(CLASS, when=turning)
    show(THEN, when=turning)
    show(TURN, when=turning)
    show(N, when=turning)
    show(TEMPERATURE, when=drawing)
    show(SEED, when=drawing)
    if drawing:
        left, right = st.columns(2)
        left.button("Restart", on_click=restart, width="stretch", help="The same images again, from the first pixel.")
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, other random numbers.")
    show(AT_ROW, when=not drawing)
    show(AT_COLUMN, when=not drawing)


def restart() -> None:
    forks.drop(PAGE.slug, RIVAL)
    stage.drop(RUN)


def new_seed() -> None:
    settings.next_of(SEED)


def shown(chosen: dict[str, Any]) -> Any:
    view, name, warmth = chosen["view"], chosen["data"], chosen["t"]
    more = {"seed": chosen["seed"], "temperature": warmth}
    turn = (chosen["y"], chosen["then"], chosen["turn"] - 1)
    at = (chosen["atrow"] - 1, chosen["atcol"] - 1)
    makers = {
        "classes": ((name, chosen["seed"]), lambda: runs.classes_scene(name, **more)),
        "turn": (
            (name, *turn, chosen["n"], chosen["seed"]),
            lambda: runs.turn_scene(name, *turn, n=int(chosen["n"]), **more),
        ),
        "blind spot": (at, lambda: runs.blind_scene(fills.model("pixelcnn", "k3"), runs.model("mnist"), *at)),
    }
    own, make = makers[view]
    changing = {} if view == "blind spot" else {"temperature": warmth}
    record, problem = stage.keep(RUN, fixed={"view": view, "own": own}, changing=changing, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    rival = None if view == "blind spot" else forks.of(PAGE.slug, record, RIVAL)
    options: dict[str, Any] = {
        "slug": PAGE.slug,
        "autoplay": True,
        "present": st.query_params.get("present") == "1",
    }
    if view == "blind spot":
        record.run.play(None)
        options |= {"wide": True, "speed": 1}
    else:
        options |= {"speed": 60, "speeds": fills.SPEEDS, "layers": layers(*fills.LAYERS), "go": stage.goes(RUN)}
        options |= {"forkable": rival is None, "wide": rival is not None or view == "classes"}
    key = f"gated-{view.replace(' ', '-')}"
    if rival is None:
        player(record.token, key=key, on_event=on_event, numbers=True, **options)
        return record
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(record.token, key=f"{key}-a", on_event=on_event, title="As it was", lead=True, **options)
    with right:
        player(rival.token, key=f"{key}-b", title=forks.title(PAGE.slug), lead=False, open="end", **options)
    st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))
    return record


def on_event(name: str) -> None:
    """What the viewer did in the player, before the page runs again."""
    keys = [f"gated-{view.replace(' ', '-')}{more}" for view in VIEW.options for more in ("", "-a")]
    events = [st.session_state[key].get(name) for key in keys if st.session_state.get(key)]
    event = next((event for event in events if event), None)
    if name == "gone":
        stage.drop(RUN)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


main()
