"""PixelCNN filling an image: what is hidden is drawn pixel by pixel, and every pixel can be asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.autoregressive import fills, pixelcnn_notes, pixelcnn_runs
from pages.catalogue import entry
from pages.ui import board, forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real

PAGE = entry("pixelcnn")

VIEW = Choice(
    key="view",
    label="What to see",
    options=("fill", "layers", "surprise"),
    default="fill",
    help="fill: a hidden part being drawn; layers: what each layer's mask lets a pixel see; surprise: nats per pixel.",
)
ROW = Number(key="row", label="Test image", low=0, high=9999, default=11, slider=False, help="Of MNIST's 10,000.")
HIDE = Choice(
    key="hide",
    label="What is hidden",
    options=fills.HIDE,
    default="lower half",
    help="Or choose Hide pixels below the stage and paint over an image.",
)
N = Choice(
    key="n", label="Completions side by side", options=("1", "4", "9", "16"), default="4", slider=True,
    help="From the same known pixels, with different random numbers.",
)  # fmt: skip
TEMPERATURE = Real(
    key="t",
    label="Temperature T",
    low=0.0,
    high=2.0,
    default=1.0,
    step=0.1,
    help="Chances to the power 1/T: 1 is the model, 0 always takes the likelier level, 2 dares more. Applies live.",
)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same fill.")
KERNEL = Choice(
    key="kernel",
    label="Kernel of the blocks",
    options=("7", "3"),
    default="7",
    help="7 x 7 is the network that fills; 3 x 3 is the paper's, with the larger blind spot.",
)
AT_ROW = Number(key="atrow", label="Row of the pixel", low=1, high=28, default=15, help="Counted from the top.")
AT_COLUMN = Number(key="atcol", label="Column of the pixel", low=1, high=28, default=15, help="Counted from the left.")
ALL = (VIEW, ROW, HIDE, N, TEMPERATURE, SEED, KERNEL, AT_ROW, AT_COLUMN)
FORKS = (
    Change(
        field="seed",
        choice=Choice(
            key="", label="Random numbers", options=tuple(f"seed {i}" for i in range(1, 10)), default="seed 1"
        ),
        parse=lambda text: int(text.removeprefix("seed ")),
    ),
    Change(
        field="temperature",
        choice=Choice(key="", label="Temperature T", options=("0", "0.5", "0.8", "1", "1.5", "2"), default="0.5"),
        parse=float,
    ),
)
KERNELS = {"7": "", "3": "k3"}  # checkpoints/pixelcnn and its variant
RUN, RIVAL, CELLS = (f"pixelcnn:{name}" for name in ("run", "rival", "cells"))


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = filled(chosen) if chosen["view"] == "fill" else shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "fill" and record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    if chosen["view"] != "layers":
        board.kept(PAGE.slug, "Draw an image of your own", "Clear the board to go back to the test image.")
    with st.container(key="lab-about"):
        pixelcnn_notes.measured()
        if chosen["view"] == "fill" and record is not None:
            pixelcnn_notes.download(record)
    frame.notes(PAGE, why=pixelcnn_notes.why, questions=pixelcnn_notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    filling = view == "fill"
    show(VIEW)
    show(ROW, when=view != "layers")
    if view != "layers":
        st.button("Another test image", on_click=another, width="stretch")
    show(HIDE, when=filling)
    show(N, when=filling)
    show(TEMPERATURE, when=filling)
    show(SEED, when=filling)
    if filling:
        left, right = st.columns(2)
        left.button("Restart", on_click=restart, width="stretch", help="The same fill again, from its start.")
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, other random numbers.")
    show(KERNEL, when=view == "layers")
    show(AT_ROW, when=view == "layers")
    show(AT_COLUMN, when=view == "layers")


def another() -> None:
    settings.put({ROW.key: int(np.random.default_rng().integers(ROW.high + 1))})


def restart() -> None:
    forks.drop(PAGE.slug, RIVAL)
    stage.drop(RUN)


def new_seed() -> None:
    settings.next_of(SEED)


def picture_of(chosen: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """The image at hand as bytes, and the drawing if it is one."""
    drawn = board.drawn(PAGE.slug)
    return fills.test_image("mnist", chosen["row"]) if drawn is None else np.rint(255 * drawn).astype(np.uint8), drawn


def filled(chosen: dict[str, Any]) -> Any:
    """The fill, and its fork beside it."""
    image, drawn = picture_of(chosen)
    cells = tuple(st.session_state.get(CELLS, ())) if chosen["hide"] == "painted" else ()
    record, problem = stage.keep(
        RUN,
        fixed={
            "row": chosen["row"] if drawn is None else drawn.tobytes(),
            "hide": (chosen["hide"], cells),
            "n": chosen["n"],
            "seed": chosen["seed"],
        },
        changing={"temperature": chosen["t"]},
        make=lambda: scene(chosen, image, cells),
    )
    if problem:
        st.warning(f"{problem[:1].upper()}{problem[1:]}." if not problem.endswith(".") else problem)
    if record is None:
        return None
    rival = forks.of(PAGE.slug, record, RIVAL)
    options: dict[str, Any] = {
        "slug": PAGE.slug,
        "layers": layers(*fills.LAYERS),
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
        player(record.token, key="pixelcnn-fill", on_event=on_event, numbers=True, edit=edit, **options)
        return record
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(record.token, key="pixelcnn-fill-a", on_event=on_event, title="The fill as it was", lead=True, **options)
    with right:
        title = forks.title(PAGE.slug)
        player(rival.token, key="pixelcnn-fill-b", title=title, lead=False, open="end", **options)
    st.button("Back to one fill", on_click=forks.drop, args=(PAGE.slug, RIVAL))
    return record


def scene(chosen: dict[str, Any], image: np.ndarray, cells: tuple[int, ...]) -> stage.Scene:
    mask = fills.hidden(chosen["hide"], cells)
    if not mask.any():
        raise ValueError(fills.NOTHING)
    model = fills.model("pixelcnn")
    x = fills.levels(model, image, seed=chosen["row"])
    return fills.fill_scene(model, x, mask, n=int(chosen["n"]), temperature=chosen["t"], seed=chosen["seed"])


def shown(chosen: dict[str, Any]) -> Any:
    """The layers, or the surprise: frames that are ready."""
    view = chosen["view"]
    drawn = board.drawn(PAGE.slug)
    at = (chosen["atrow"] - 1, chosen["atcol"] - 1)
    makers = {
        "layers": (
            (chosen["kernel"], at),
            lambda: pixelcnn_runs.field_scene(fills.model("pixelcnn", KERNELS[chosen["kernel"]]), *at),
        ),
        "surprise": (
            (chosen["row"], None if drawn is None else drawn.tobytes()),
            lambda: pixelcnn_runs.surprise_scene(
                fills.model("pixelcnn"), fills.test_image("mnist", chosen["row"]), chosen["row"], drawn
            ),
        ),
    }
    own, make = makers[view]
    record, problem = stage.keep(RUN, fixed={"view": view, "own": own}, changing={}, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    record.run.play(None)
    player(
        record.token,
        key=f"pixelcnn-{view}",
        on_event=on_event,
        numbers=True,
        slug=PAGE.slug,
        wide=True,
        autoplay=view == "layers",
        speed=1,
        present=st.query_params.get("present") == "1",
    )
    return record


def on_event(name: str) -> None:
    """What the viewer did in the player, before the page runs again."""
    keys = [*(f"pixelcnn-{view}" for view in VIEW.options), "pixelcnn-fill-a"]
    events = [st.session_state[key].get(name) for key in keys if st.session_state.get(key)]
    event = next((event for event in events if event), None)
    if name == "gone":
        stage.drop(RUN)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))
    elif event and name == "cells":
        st.session_state[CELLS] = fills.cells_of(event.get("cells"))
        settings.put({HIDE.key: "painted"})


main()
