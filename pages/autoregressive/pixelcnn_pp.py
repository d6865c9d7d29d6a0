"""PixelCNN++: grey images, and the mixture of logistics that each pixel is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.autoregressive import fills, pixelcnn_pp_notes
from pages.autoregressive import pixelcnn_pp_runs as runs
from pages.autoregressive.pixelcnn_notes import download
from pages.catalogue import entry
from pages.ui import board, forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real

PAGE = entry("pixelcnn-pp")

ROW = Number(key="row", label="Test image", low=0, high=9999, default=3, slider=False, help="Of MNIST's 10,000.")
HIDE = Choice(
    key="hide",
    label="What is hidden",
    options=fills.HIDE,
    default="lower half",
    help="Or choose Hide pixels below the stage and paint over an image.",
)
N = Choice(key="n", label="Completions side by side", options=("1", "4", "9", "16"), default="4", slider=True)
TEMPERATURE = Real(
    key="t", label="Temperature T", low=0.0, high=2.0, default=1.0, step=0.1,
    help="Chances to the power 1/T: 1 is the model, 0 always takes the likeliest level, 2 dares more. Applies live.",
)  # fmt: skip
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same fill.")
ALL = (ROW, HIDE, N, TEMPERATURE, SEED)
FORKS = (
    Change(
        field="temperature",
        choice=Choice(key="", label="Temperature T", options=("0", "0.5", "0.8", "1", "1.5", "2"), default="0.5"),
        parse=float,
    ),
    Change(
        field="seed",
        choice=Choice(key="", label="Random numbers", options=tuple(f"seed {i}" for i in range(1, 10)), default=""),
        parse=lambda text: int(text.removeprefix("seed ")),
    ),
)
RUN, RIVAL, CELLS = (f"pixelcnn-pp:{name}" for name in ("run", "rival", "cells"))


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = filled(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls()
    if record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    board.kept(PAGE.slug, "Draw an image of your own", "Clear the board to go back to the test image.")
    with st.container(key="lab-about"):
        pixelcnn_pp_notes.measured()
        if record is not None:
            download(record)
    frame.notes(PAGE, why=pixelcnn_pp_notes.why, questions=pixelcnn_pp_notes.questions())


def controls() -> None:
    settings.show(ROW)
    st.button("Another test image", on_click=another, width="stretch")
    for setting in (HIDE, N, TEMPERATURE, SEED):
        settings.show(setting)
    left, right = st.columns(2)
    left.button("Restart", on_click=restart, width="stretch", help="The same fill again, from its start.")
    right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, other random numbers.")


def another() -> None:
    settings.put({ROW.key: int(np.random.default_rng().integers(ROW.high + 1))})


def restart() -> None:
    forks.drop(PAGE.slug, RIVAL)
    stage.drop(RUN)


def new_seed() -> None:
    settings.next_of(SEED)


def filled(chosen: dict[str, Any]) -> Any:
    drawn = board.drawn(PAGE.slug)
    image = fills.test_image("mnist", chosen["row"]) if drawn is None else np.rint(255 * drawn).astype(np.uint8)
    cells = tuple(st.session_state.get(CELLS, ())) if chosen["hide"] == "painted" else ()
    record, problem = stage.keep(
        RUN,
        fixed={
            "image": image.tobytes(),
            "hide": (chosen["hide"], cells),
            "n": chosen["n"],
            "seed": chosen["seed"],
        },
        changing={"temperature": chosen["t"]},
        make=lambda: scene(chosen, image, cells),
    )
    if problem:
        st.warning(problem)
    if record is None:
        return None
    rival = forks.of(PAGE.slug, record, RIVAL)
    options: dict[str, Any] = {
        "slug": PAGE.slug,
        "layers": layers(*runs.LAYERS),
        "speed": 60,
        "speeds": fills.SPEEDS,
        "autoplay": True,
        "wide": rival is not None,
        "go": stage.goes(RUN),
        "forkable": rival is None,
        "present": st.query_params.get("present") == "1",
    }
    if rival is None:
        edit = {"tools": ["hide", "reveal"], "max": 784}
        player(record.token, key="pixelcnn-pp", on_event=on_event, numbers=True, edit=edit, **options)
        return record
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(record.token, key="pixelcnn-pp-a", on_event=on_event, title="The fill as it was", lead=True, **options)
    with right:
        player(rival.token, key="pixelcnn-pp-b", title=forks.title(PAGE.slug), lead=False, open="end", **options)
    st.button("Back to one fill", on_click=forks.drop, args=(PAGE.slug, RIVAL))
    return record


def scene(chosen: dict[str, Any], image: np.ndarray, cells: tuple[int, ...]) -> stage.Scene:
    mask = fills.hidden(chosen["hide"], cells)
    if not mask.any():
        raise ValueError(fills.NOTHING)
    model = fills.model("pixelcnn_pp")
    x = fills.levels(model, image)
    return runs.scene(model, x, mask, n=int(chosen["n"]), temperature=chosen["t"], seed=chosen["seed"])


def on_event(name: str) -> None:
    """What the viewer did in the player, before the page runs again."""
    events = [st.session_state[key].get(name) for key in ("pixelcnn-pp", "pixelcnn-pp-a") if st.session_state.get(key)]
    event = next((event for event in events if event), None)
    if name == "gone":
        stage.drop(RUN)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))
    elif event and name == "cells":
        st.session_state[CELLS] = fills.cells_of(event.get("cells"))
        settings.put({HIDE.key: "painted"})


main()
