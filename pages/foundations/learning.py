"""Learning with labels and without: what each can answer, and three small machines that make things up from data."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.catalogue import entry
from pages.foundations import learning_notes as notes
from pages.foundations import learning_runs as runs
from pages.ui import show
from pages.ui.page import page
from pages.ui.settings import Choice, Number, seed

MAX_TEXT = 20_000

SETS = {"blobs": "Three blobs", "moons": "Two moons", "stretched": "Stretched", "pair": "Two Gaussians"}
DATA = Choice(key="data", label="Data", labels=SETS)
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
SEED = seed("The same seed, the same draws")
VIEWS = {
    "points": ("Points with labels and without", (DATA, POINTS, SEED)),
    "text": ("Text, letter by letter", (ORDER, LENGTH, SEED)),
    "drawing": ("Digits that nobody wrote", (SEED,)),
    "melody": ("A melody, note by note", (NOTES, TEMPO, SEED)),
}
N_NOTES = 48


def main() -> None:
    with page(entry("learning"), VIEWS, why=notes.WHY, questions=notes.questions()) as chosen:
        seed = chosen["seed"]
        match chosen["view"]:
            case "points":
                show.film("learning", runs.points, chosen["data"], chosen["n"], seed, wide=False, speed=0.5)
            case "text":
                text(chosen)
            case "drawing":
                show.film("learning", runs.digits, seed, speed=0.5)
            case "melody":
                melody(chosen)


def text(chosen: dict[str, Any]) -> None:
    """The verse that ships, or the viewer's own text."""
    own = {"order": chosen["order"], "n_steps": chosen["length"], "seed": chosen["seed"]}
    given = st.session_state.get("learning:text") or None
    record = show.run(
        "learning", partial(runs.text_scene, given, **own), fixed={"text": given, **own}, view="text", wide=True,
        autoplay=True, speed=16,
    )  # fmt: skip
    if record is None:
        st.info("There is nothing on the stage yet: choose a lower order, or give a longer text.")
    with st.container(key="lab-about"):
        hint = f"Up to {MAX_TEXT:,} letters. Empty: the verse that ships."
        st.text_area("Learn from a text of yours", key="learning:text", max_chars=MAX_TEXT, help=hint, height=120)
        if record is not None:
            last = record.run.history.last
            so_far = runs.written(last) if last is not None and "text" in last.arrays else ""
            st.download_button("Text so far", so_far or " ", "verse.txt", "text/plain", on_click="ignore")


def melody(chosen: dict[str, Any]) -> None:
    own = {"order": chosen["notes"], "n_steps": N_NOTES, "seed": chosen["seed"]}
    show.run("learning", partial(runs.melody_scene, **own), fixed=own, view="melody", wide=True, autoplay=True, speed=4)
    with st.container(key="lab-about"):
        sound = runs.melody_sound(chosen["notes"], N_NOTES, chosen["seed"], chosen["tempo"])
        st.audio(sound, format="audio/wav")
        st.download_button("WAV", sound, "melody.wav", "audio/wav", on_click="ignore")


if __name__ == "__main__":
    main()
