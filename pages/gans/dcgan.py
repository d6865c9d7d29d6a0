"""DCGAN: the same noise over a whole training, the generator layer by layer, and what lies between two codes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.catalogue import entry
from pages.gans import dcgan_notes, dcgan_pictures, dcgan_runs
from pages.ui import board, forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Switch

PAGE = entry("dcgan")
LAST = dcgan_runs.N_CODES - 1

VIEW = Choice(
    key="view",
    label="What to see",
    options=("film", "layers", "walk", "arithmetic", "scores", "train"),
    default="film",
    help="film: a recorded training; layers: inside the generator; walk and arithmetic: moving the code; scores: what "
    "the discriminator says; train: networks that start to learn now.",
)
DATA = Choice(
    key="data", label="Images", options=("mnist", "fashion"), default="mnist", help="Which images were learned from."
)
CODE_SEED = Number(
    key="codes", label="Set of codes", low=0, high=9999, default=0, slider=False, help="0: the recorded ones."
)
A = Number(key="a", label="Code a", low=0, high=LAST, default=0, help="Counted row by row in the sheet of 64.")
B = Number(key="b", label="Code b", low=0, high=LAST, default=9, help="Counted row by row in the sheet of 64.")
C = Number(key="c", label="Code c", low=0, high=LAST, default=18, help="Counted row by row in the sheet of 64.")
SIZE = Choice(key="size", label="Pixels a side", options=("28", "32"), default="28", help="Restarts the run.")
CHANNELS = Choice(
    key="channels",
    label="Channels next to the image",
    options=("8", "16", "32", "64"),
    default="16",
    slider=True,
    help="Twice and four times as many below it. The shipped one has 64. Restarts the run.",
)
LATENT = Choice(
    key="nz", label="Numbers in a code", options=("2", "16", "32", "100"), default="16", help="Restarts the run."
)
STRIDED = Switch(
    key="strided", label="Strided convolutions", default=True, help="Off: resize and pool instead. Restarts the run."
)
NORM = Switch(key="norm", label="Batch normalisation", default=True, help="In both networks. Restarts the run.")
HIDDEN = Switch(key="hidden", label="A fully connected hidden layer", help="The recipe has none. Restarts the run.")
RELU = Switch(key="relu", label="ReLU in the generator", default=True, help="Off: tanh. Restarts the run.")
LEAKY = Switch(key="leaky", label="LeakyReLU in the discriminator", default=True, help="Off: ReLU. Restarts the run.")
SMALL = Switch(
    key="small", label="Weights from N(0, 0.02²)", default=True, help="Off: uniform by fan-in. Restarts the run."
)
BETA = Choice(
    key="beta1", label="Adam's β₁", options=("0", "0.5", "0.9"), default="0.5", help="0.5 in the recipe. Restarts."
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("2e-5", "2e-4", "1e-3", "1e-2"),
    default="2e-4",
    slider=True,
    help="0.0002 in the recipe. Applies live.",
)
TWICE = Number(key="gsteps", label="Steps of G a batch", low=1, high=4, default=1, help="Applies live.")
BATCH = Choice(key="batch", label="Batch size", options=("32", "64", "128"), default="64", help="Applies live.")
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed, the same run.")
RECIPE = (STRIDED, NORM, HIDDEN, RELU, LEAKY, SMALL, BETA)
TRAIN = (SIZE, CHANNELS, LATENT, *RECIPE, RATE, TWICE, BATCH, SEED)
ALL = (VIEW, DATA, CODE_SEED, A, B, C, *TRAIN)
FORKS = (
    Change(field="learning_rate", choice=RATE, parse=float),
    Change(field="batch_size", choice=BATCH, parse=int),
    Change(field="g_steps", choice=Choice(key="", label=TWICE.label, options=("1", "2", "4"), default="2"), parse=int),
)
SHOWN, RUN, RIVAL = (f"dcgan:{name}" for name in ("shown", "run", "rival"))


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = train(chosen) if chosen["view"] == "train" else shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "train" and record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    elif chosen["view"] == "scores":
        board.kept(PAGE.slug, "Draw an image and ask the discriminator", "Clear the board to take it away again.")
    below(chosen)
    frame.notes(PAGE, why=dcgan_notes.why, questions=dcgan_notes.questions(chosen["data"]))


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    training, coded = view == "train", view in ("layers", "walk", "arithmetic", "scores")
    show(VIEW)
    show(DATA)
    show(CODE_SEED, when=coded)
    show(A, when=view in ("layers", "walk", "arithmetic"))
    show(B, when=view in ("walk", "arithmetic"))
    show(C, when=view == "arithmetic")
    if coded:
        st.button("New codes", on_click=new_codes, width="stretch", help="Another 64 draws.")
    for setting in TRAIN:
        show(setting, when=training)
    if training:
        left, right = st.columns(2)
        left.button("Restart", on_click=restart, width="stretch", help="The same run again, from its start.")
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, another start.")


def restart() -> None:
    forks.drop(PAGE.slug, RIVAL)
    stage.drop(RUN)


def new_seed() -> None:
    st.session_state[SEED.key] = (int(st.session_state.get(SEED.key, 0)) + 1) % (SEED.high + 1)


def new_codes() -> None:
    st.session_state[CODE_SEED.key] = (int(st.session_state.get(CODE_SEED.key, 0)) + 1) % (CODE_SEED.high + 1)


def shown(chosen: dict[str, Any]) -> Any:
    """The shipped networks: their training as a film, or what they make of codes now."""
    view, name, seed = chosen["view"], chosen["data"], chosen["codes"]
    drawn = board.drawn(PAGE.slug) if view == "scores" else None
    makers = {
        "film": ((), lambda: dcgan_runs.film(name)),
        "layers": ((seed, chosen["a"]), lambda: dcgan_runs.layers_scene(name, seed, chosen["a"])),
        "walk": ((seed, chosen["a"], chosen["b"]), lambda: dcgan_runs.walk_scene(name, seed, chosen["a"], chosen["b"])),
        "arithmetic": (
            (seed, chosen["a"], chosen["b"], chosen["c"]),
            lambda: dcgan_runs.arithmetic_scene(name, seed, chosen["a"], chosen["b"], chosen["c"]),
        ),
        "scores": (
            (seed, None if drawn is None else drawn.tobytes()),
            lambda: dcgan_runs.scores_scene(name, seed, drawn),
        ),
    }
    own, make = makers[view]
    record, problem = stage.keep(SHOWN, fixed={"view": view, "data": name, "own": own}, changing={}, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    if view != "film":
        record.run.play(None)  # all its frames are ready
    speeds = {"film": 4, "layers": 1, "walk": 8, "arithmetic": 8, "scores": 1}
    show(record, None, key=f"dcgan-{view}", autoplay=view != "scores", speed=speeds[view], wide=True)
    return record


def train(chosen: dict[str, Any]) -> Any:
    """Networks that start to learn now; every rule of the recipe is a switch."""
    own = {
        "size": int(chosen["size"]),
        "channels": int(chosen["channels"]),
        "latent_dim": int(chosen["nz"]),
        "strided": chosen["strided"],
        "batch_norm": chosen["norm"],
        "hidden_layer": chosen["hidden"],
        "generator_relu": chosen["relu"],
        "leaky": chosen["leaky"],
        "small_start": chosen["small"],
        "beta1": float(chosen["beta1"]),
        "seed": chosen["seed"],
    }
    changing = {
        "learning_rate": float(chosen["rate"]),
        "g_steps": chosen["gsteps"],
        "batch_size": int(chosen["batch"]),
    }
    with st.spinner("Preparing the images"):
        record, problem = stage.keep(
            RUN,
            fixed={"data": chosen["data"], **own},
            changing=changing,
            make=lambda: dcgan_runs.live_scene(chosen["data"], **own, **changing),
        )
    if problem:
        st.warning(problem)
    if record is None:
        return None
    rival = forks.of(PAGE.slug, record, RIVAL)
    more = {"go": stage.goes(RUN), "forkable": rival is None, "wide": True}
    show(record, rival, key="dcgan-train", autoplay=True, speed="max", **more)
    return record


def show(record: Any, rival: Any, *, key: str, **options: Any) -> None:
    """The player, or two of them side by side."""
    options |= {"slug": PAGE.slug, "present": st.query_params.get("present") == "1"}
    if key in ("dcgan-film", "dcgan-train"):
        options["layers"] = layers(*dcgan_pictures.LAYERS)
    if rival is None:
        player(record.token, key=key, on_event=on_event, numbers=True, **options)
        return
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(record.token, key=f"{key}-a", on_event=on_event, title="The run as it was", lead=True, **options)
    with right:
        player(rival.token, key=f"{key}-b", title=forks.title(PAGE.slug), lead=False, open="end", **options)
    st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer pressed in the player, before the page runs again."""
    keys = [f"dcgan-{view}" for view in VIEW.options] + ["dcgan-train-a"]
    events = [st.session_state[key].get(name) for key in keys if st.session_state.get(key)]
    event = next((event for event in events if event), None)
    if name == "gone":
        for slot in (SHOWN, RUN):
            stage.drop(slot)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


def below(chosen: dict[str, Any]) -> None:
    """The codes to choose from, what the shipped model reaches, and downloads."""
    view = chosen["view"]
    with st.container(key="lab-about"):
        if view in ("layers", "walk", "arithmetic"):
            dcgan_notes.sheet(chosen["data"], chosen["codes"])
        elif view == "film":
            dcgan_notes.measured(chosen["data"])
        elif view == "train":
            st.caption(
                "A step is one batch. Frames are taken once a second at full speed, so that watching costs little."
            )


main()
