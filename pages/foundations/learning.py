"""Learning with labels and without: what each can answer, and three small machines that make things up from data."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.catalogue import entry
from pages.foundations import learning_notes as notes
from pages.foundations import learning_runs as runs
from pages.ui import frame, live, settings, stage
from pages.ui.player import player
from pages.ui.settings import Choice, Number

PAGE = entry("learning")
MAX_TEXT = 20_000

VIEW = Choice(
    key="view",
    label="What to see",
    options=("points", "text", "drawing", "melody"),
    default="points",
    help="points: the same data with labels and without; the others: structure learned from raw data alone.",
)
DATA = Choice(key="data", label="Data", options=("blobs", "moons", "stretched", "pair"), default="blobs")
POINTS = Number(key="n", label="Points", low=50, high=1000, default=300)
ORDER = Number(
    key="order",
    label="Order: letters that hang together",
    low=1,
    high=12,
    default=4,
    help="1: each by its frequency alone; 12: whole phrases by heart.",
)
NOTES = Number(key="notes", label="Order: notes that hang together", low=1, high=6, default=3)
LENGTH = Number(key="length", label="Length", low=20, high=600, default=400, help="Letters to draw.")
TEMPO = Number(key="tempo", label="Beats a minute", low=60, high=200, default=132)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same draws")
ALL = (VIEW, DATA, POINTS, ORDER, NOTES, LENGTH, TEMPO, SEED)
RUN, TEXT = "learning:run", "learning:text"
N_NOTES = 48


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    below(chosen, record)
    frame.notes(PAGE, why=notes.why, questions=notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    show(VIEW)
    show(DATA, when=view == "points")
    show(POINTS, when=view == "points")
    show(ORDER, when=view == "text")
    show(LENGTH, when=view == "text")
    show(NOTES, when=view == "melody")
    show(TEMPO, when=view == "melody")
    show(SEED)
    st.button("New draws", on_click=new_seed, width="stretch", help="The same settings, another seed.")
    if view == "text":
        hint = f"Up to {MAX_TEXT:,} letters. Empty: the verse that ships."
        st.text_area("Learn from a text of yours", key=TEXT, max_chars=MAX_TEXT, help=hint, height=120)


def new_seed() -> None:
    settings.next_of(SEED)


def shown(chosen: dict[str, Any]) -> Any:
    """What is chosen, on the stage."""
    view, seed = chosen["view"], chosen["seed"]
    text = st.session_state.get(TEXT) or None
    makers = {
        "points": (
            (chosen["data"], chosen["n"]),
            lambda: runs.points_scene(chosen["data"], chosen["n"], seed),
        ),
        "text": (
            (chosen["order"], chosen["length"], text),
            lambda: runs.text_scene(text, order=chosen["order"], n_steps=chosen["length"], seed=seed),
        ),
        "drawing": ((), lambda: runs.digits_scene(seed)),
        "melody": (
            (chosen["notes"],),
            lambda: runs.melody_scene(order=chosen["notes"], n_steps=N_NOTES, seed=seed),
        ),
    }
    key, make = makers[view]
    with st.spinner("Preparing"):
        record, problem = stage.keep(RUN, fixed={"view": view, "seed": seed, "own": key}, changing={}, make=make)
    if problem:
        st.warning(f"{problem[0].upper()}{problem[1:]}.", icon=":material/info:")
    if record is None:
        st.info("There is nothing on the stage yet: choose a lower order, or give a longer text.")
        return None
    if view in ("points", "drawing"):
        record.run.play(None)  # its frames are ready
    player(
        record.token,
        key=f"learning-{view}",
        on_event=on_event,
        numbers=True,
        slug=PAGE.slug,
        wide=view != "points",
        autoplay=True,
        speed={"points": 0.5, "text": 16, "drawing": 0.5, "melody": 4}[view],
        present=st.query_params.get("present") == "1",
    )
    return record


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


def below(chosen: dict[str, Any], record: Any) -> None:
    """The melody to hear, and what can be taken away."""
    if record is None:
        return
    with st.container(key="lab-about"):
        if chosen["view"] == "melody":
            sound = runs.melody_sound(chosen["notes"], N_NOTES, chosen["seed"], chosen["tempo"])
            st.audio(sound, format="audio/wav")
            st.download_button("WAV", sound, "melody.wav", "audio/wav", on_click="ignore")
        elif chosen["view"] == "text":
            last = record.run.history.last
            text = runs.written(last) if last is not None and "text" in last.arrays else ""
            st.download_button("Text so far", text or " ", "verse.txt", "text/plain", on_click="ignore")


main()
