"""The autoencoder: what survives a bottleneck, its code, its hidden units, and one that learns now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import devices
from pages.autoencoders import autoencoder_notes, autoencoder_runs
from pages.autoencoders.autoencoder_pictures import LAYERS
from pages.catalogue import entry
from pages.ui import board, forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number

PAGE = entry("autoencoder")
WIDTHS = tuple(str(m) for m in autoencoder_runs.SHIPPED)

VIEW = Choice(
    key="view",
    label="What to do",
    options=("narrow", "film", "train"),
    default="narrow",
    help="narrow: trained models with 300 to 2 numbers in the code. film: a recorded training with 2. "
    "train: let one learn now.",
)
WIDTH = Choice(
    key="m", label="Numbers in the code, M", options=WIDTHS, default="32", help="Of the model shown; or play through."
)
ROW = Number(
    key="row", label="Test images from", low=0, high=990, default=0, slider=False, help="Ten images from this one on."
)
DATA = Choice(
    key="data", label="Images", options=("mnist", "fashion"), default="mnist", help="To learn from. Restarts the run."
)
CODE = Number(
    key="code", label="Numbers in the code", low=1, high=300, default=2, help="Hidden units M. Restarts the run."
)
DEPTH = Number(
    key="depth", label="Further layers", low=0, high=3, default=0, help="On each side of the code. Restarts the run."
)
UNITS = Number(
    key="units",
    label="Units of a further layer",
    low=16,
    high=200 if devices.hosted() else 512,
    default=128,
    help="Restarts the run.",
)
ACTIVATION = Choice(
    key="act",
    label="Activation",
    options=("sigmoid", "tanh", "relu", "linear"),
    default="sigmoid",
    help="Of the code and of every further layer; linear with squared error finds what PCA finds. Restarts the run.",
)
LOSS = Choice(
    key="loss",
    label="Loss",
    options=("bernoulli", "squared"),
    default="bernoulli",
    help="bernoulli: cross-entropy, each pixel's level taken as a chance; squared: squared error. Restarts the run.",
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("1e-4", "3e-4", "1e-3", "3e-3", "1e-2"),
    default="3e-3",
    help="The size of Adam's steps. Applies live, from the newest step on.",
)
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed gives the same run."
)
ALL = (VIEW, WIDTH, ROW, DATA, CODE, DEPTH, UNITS, ACTIVATION, LOSS, RATE, SEED)
FORKS = (Change(field="learning_rate", choice=RATE, parse=float),)
NARROW, FILM, RUN, RIVAL = (f"autoencoder:{name}" for name in ("narrow", "film", "run", "rival"))


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = {"narrow": narrow, "film": film, "train": train}[chosen["view"]](chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "narrow":
        board.kept(
            PAGE.slug,
            "Draw an image and send it through every bottleneck",
            "It takes the first place in the row of images. Clear the board to go back to the test image.",
        )
    elif chosen["view"] == "train" and record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    frame.notes(PAGE, why=autoencoder_notes.why, questions=autoencoder_notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    show(VIEW)
    show(WIDTH, when=view == "narrow")
    show(ROW, when=view == "narrow")
    training = view == "train"
    for setting in (DATA, CODE, DEPTH):
        show(setting, when=training)
    show(UNITS, when=training and chosen["depth"] > 0)
    for setting in (ACTIVATION, LOSS, RATE, SEED):
        show(setting, when=training)
    if training:
        left, right = st.columns(2)
        left.button("Restart", on_click=restart, width="stretch", help="The same run again, from its start.")
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, another start.")


def restart() -> None:
    forks.drop(PAGE.slug, RIVAL)
    stage.drop(RUN)


def new_seed() -> None:
    settings.next_of(SEED)


def narrow(chosen: dict[str, Any]) -> Any:
    """The shipped models: every width is a step of the player."""
    drawn = board.drawn(PAGE.slug)
    key = None if drawn is None else drawn.tobytes()
    with st.spinner("Loading the models"):
        record, problem = stage.keep(
            NARROW,
            fixed={"row": chosen["row"], "drawn": key, "m": chosen["m"]},
            changing={},
            make=lambda: autoencoder_runs.narrowing(chosen["row"], drawn),
        )
    if problem:
        st.warning(problem)
    if record is not None:
        record.run.play(None)  # its five frames are ready: the scrubber holds all of them at once
        show(record, None, autoplay=False, open=WIDTHS.index(chosen["m"]), speed=1)
    return record


def film(chosen: dict[str, Any]) -> Any:  # noqa: ARG001
    """A recorded training."""
    record, problem = stage.keep(FILM, fixed={"film": True}, changing={}, make=autoencoder_runs.film)
    if problem:
        st.warning(problem)
    if record is not None:
        show(record, None, layers=layers(*LAYERS), autoplay=True, speed=4)
    return record


def train(chosen: dict[str, Any]) -> Any:
    """One that learns now; the learning rate changes on the way."""
    own = {
        "code_dim": chosen["code"],
        "depth": chosen["depth"],
        "width": chosen["units"],
        "activation": chosen["act"],
        "loss": chosen["loss"],
        "seed": chosen["seed"],
    }
    changing = {"learning_rate": float(chosen["rate"])}
    with st.spinner("Preparing the images"):
        record, problem = stage.keep(
            RUN,
            fixed={"data": chosen["data"], **own},
            changing=changing,
            make=lambda: autoencoder_runs.live_scene(chosen["data"], **own, **changing),
        )
    if problem:
        st.warning(problem)
    if record is None:
        return None
    rival = forks.of(PAGE.slug, record, RIVAL)
    show(record, rival, layers=layers(*LAYERS), autoplay=True, speed=8, go=stage.goes(RUN), forkable=rival is None)
    return record


def show(record: Any, rival: Any, **options: Any) -> None:
    """The player, or two of them side by side."""
    options |= {"slug": PAGE.slug, "present": st.query_params.get("present") == "1"}
    if rival is None:
        player(record.token, key="autoencoder-player", on_event=on_event, numbers=True, **options)
        return
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        own = {"title": "The run as it was", "lead": True, **options}
        player(record.token, key="autoencoder-player-a", on_event=on_event, **own)
    with right:
        own = {"title": forks.title(PAGE.slug), "lead": False, "open": "end", **options}
        player(rival.token, key="autoencoder-player-b", **own)
    st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer pressed in the player, before the page runs again."""
    keys = ("autoencoder-player", "autoencoder-player-a")
    result = next((st.session_state[key] for key in keys if key in st.session_state), {})
    event = result.get(name) if result else None
    if name == "gone":
        for slot in (NARROW, FILM, RUN):
            stage.drop(slot)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


main()
