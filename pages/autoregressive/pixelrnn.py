"""PixelRNN: a triangle, a whole past, two scales; and what each network costs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.autoregressive import fills, pixelrnn_notes
from pages.autoregressive import pixelrnn_runs as runs
from pages.autoregressive.pixelcnn_notes import download
from pages.catalogue import entry
from pages.ui import frame, live, settings, stage
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real

PAGE = entry("pixelrnn")

VIEW = Choice(
    key="view",
    label="What to see",
    options=("diagonal BiLSTM", "row LSTM", "multi-scale"),
    default="diagonal BiLSTM",
    help="What a pixel sees through each network, measured; multi-scale: a small image first, then the large one.",
)
AT_ROW = Number(key="atrow", label="Row of the pixel", low=1, high=28, default=18, help="Counted from the top.")
AT_COLUMN = Number(key="atcol", label="Column of the pixel", low=1, high=28, default=13, help="Counted from the left.")
N = Choice(key="n", label="Images side by side", options=("1", "4", "9", "16"), default="9", slider=True)
TEMPERATURE = Real(
    key="t", label="Temperature T", low=0.0, high=2.0, default=1.0, step=0.1,
    help="Chances to the power 1/T: 1 is the model, 0 always takes the likelier level, 2 dares more. Applies live.",
)  # fmt: skip
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same images."
)
ALL = (VIEW, AT_ROW, AT_COLUMN, N, TEMPERATURE, SEED)
RUN = "pixelrnn:run"


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    with st.container(key="lab-about"):
        if chosen["view"] == "multi-scale" and record is not None:
            download(record)
        pixelrnn_notes.costs()
    frame.notes(PAGE, why=pixelrnn_notes.why, questions=pixelrnn_notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, drawing = settings.show, chosen["view"] == "multi-scale"
    show(VIEW)
    show(AT_ROW, when=not drawing)
    show(AT_COLUMN, when=not drawing)
    show(N, when=drawing)
    show(TEMPERATURE, when=drawing)
    show(SEED, when=drawing)
    if drawing:
        left, right = st.columns(2)
        left.button("Restart", on_click=stage.drop, args=(RUN,), width="stretch", help="The same images again.")
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, other random numbers.")


def new_seed() -> None:
    settings.next_of(SEED)


def shown(chosen: dict[str, Any]) -> Any:
    view = chosen["view"]
    at = (chosen["atrow"] - 1, chosen["atcol"] - 1)
    drawing = view == "multi-scale"
    makers = {
        "diagonal BiLSTM": (at, lambda: runs.diagonal_scene(*at)),
        "row LSTM": (at, lambda: runs.row_scene(*at)),
        "multi-scale": (
            (chosen["n"], chosen["seed"]),
            lambda: runs.multiscale_scene(n=int(chosen["n"]), seed=chosen["seed"], temperature=chosen["t"]),
        ),
    }
    own, make = makers[view]
    changing = {"temperature": chosen["t"]} if drawing else {}
    record, problem = stage.keep(RUN, fixed={"view": view, "own": own}, changing=changing, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    options: dict[str, Any] = {"slug": PAGE.slug, "present": st.query_params.get("present") == "1", "autoplay": True}
    if drawing:
        options |= {"speed": 60, "speeds": fills.SPEEDS, "layers": layers(*fills.LAYERS), "go": stage.goes(RUN)}
    else:
        record.run.play(None)
        options |= {"wide": True, "speed": 8 if view == "diagonal BiLSTM" else 4}
    player(record.token, key=f"pixelrnn-{view.split()[0]}", on_event=on_event, numbers=True, **options)
    return record


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


main()
