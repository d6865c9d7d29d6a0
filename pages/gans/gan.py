"""The game of two networks, live on points in the plane; and the saddle that explains why it circles."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engines.gans.objectives import OBJECTIVES
from pages.catalogue import entry
from pages.gans import gan_notes, gan_pictures, gan_runs
from pages.mixtures.gmm_notes import pairs
from pages.ui import forks, frame, live, scenes, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real, Switch

PAGE = entry("gan")
RATES = ("0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1")
STARTER = np.array([[2.2 * np.cos(a), 1.6 * np.sin(2 * a)] for a in np.linspace(0, 2 * np.pi, 41)[:-1]])
MAX_DRAWN = 300  # all of them are shown, and 300 are

VIEW = Choice(
    key="view",
    label="What to see",
    options=("game", "equilibrium"),
    default="game",
    help="game: two networks on points; equilibrium: two numbers on a saddle, the smallest game that circles.",
)
DATA_SET = Choice(
    key="data",
    label="Data",
    options=("ring", "pair", "line", "grid", "moons", "spiral", "draw"),
    default="ring",
    help="What the generator is to imitate; draw is yours. Restarts the game.",
)
OBJECTIVE = Choice(
    key="objective",
    label="Objective",
    options=OBJECTIVES,
    default="non-saturating",
    help="What the two networks minimise; see Why below. Applies live.",
)
PLAY = Choice(
    key="play",
    label="Who learns",
    options=("both", "discriminator", "generator"),
    default="both",
    help="Hold one network still and watch the other. Applies live.",
)
SLOW = Switch(
    key="slow", label="Slow motion", help="A step is one part of a round: draw, generate, score, gradient, step."
)
D_STEPS = Number(key="dsteps", label="Steps of D a round", low=1, high=20, default=1, help="Applies live.")
G_STEPS = Number(
    key="gsteps", label="Steps of G a round", low=1, high=20, default=1, help="Twice is a known trick. Applies live."
)
D_RATE = Choice(key="dlr", label="D's learning rate", options=RATES, default="0.001", slider=True, help="Applies live.")
G_RATE = Choice(key="glr", label="G's learning rate", options=RATES, default="0.001", slider=True, help="Applies live.")
PENALTY = Choice(
    key="penalty",
    label="Weight of the gradient penalty",
    options=("0", "0.1", "0.3", "1", "3", "10"),
    default="1",
    slider=True,
    help="Of wgan-gp and r1. Applies live.",
)
CLIP = Choice(
    key="clip",
    label="Weights clipped at",
    options=("0.01", "0.05", "0.1", "0.3", "1"),
    default="0.05",
    slider=True,
    help="Of wgan-clip. Applies live.",
)
BATCH = Number(key="batch", label="Batch size", low=10, high=500, default=150, help="Applies live.")
NOISE = Choice(
    key="noise", label="Noise", options=("gaussian", "uniform"), default="gaussian", help="Restarts the game."
)
NOISE_DIM = Number(
    key="nz", label="Dimensions of the noise", low=1, high=2, default=2, help="1 gives a curve. Restarts the game."
)
G_DEPTH = Number(key="gdepth", label="G: hidden layers", low=0, high=4, default=2, help="Restarts the game.")
G_WIDTH = Number(key="gwidth", label="G: units a layer", low=2, high=128, default=32, help="Restarts the game.")
D_DEPTH = Number(key="ddepth", label="D: hidden layers", low=0, high=4, default=2, help="Restarts the game.")
D_WIDTH = Number(key="dwidth", label="D: units a layer", low=2, high=128, default=32, help="Restarts the game.")
ACTIVATION = Choice(
    key="act", label="Activation", options=("relu", "leaky", "tanh", "elu"), default="relu", help="Restarts the game."
)
OPTIMIZER = Choice(
    key="opt", label="Optimiser", options=("adam", "sgd"), default="adam", help="Of both networks. Restarts the game."
)
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed gives the same game."
)
METHOD = Choice(
    key="method",
    label="How they move",
    options=("simultaneous", "alternating", "extragradient"),
    default="simultaneous",
    help="Both at once; one after the other; both with a look ahead. Applies live.",
)
FORM = Choice(
    key="form",
    label="Game",
    options=("bilinear", "quadratic"),
    default="bilinear",
    help="f = xy, or with a slope towards the middle. Restarts the path.",
)
STEP = Real(key="h", label="Step size h", low=0.02, high=1.0, default=0.2, step=0.02, help="Applies live.")
PULL = Real(
    key="c", label="Slope c", low=0.0, high=1.0, default=0.2, step=0.05, help="Of the quadratic form. Applies live."
)
GAME = (DATA_SET, OBJECTIVE, PLAY, SLOW, D_STEPS, G_STEPS, D_RATE, G_RATE, PENALTY, CLIP, BATCH)
NETWORKS = (NOISE, NOISE_DIM, G_DEPTH, G_WIDTH, D_DEPTH, D_WIDTH, ACTIVATION, OPTIMIZER)
SADDLE = (METHOD, FORM, STEP, PULL)
ALL = (VIEW, *GAME, *NETWORKS, SEED, *SADDLE)

FORK_D_STEPS, FORK_G_STEPS = (
    Choice(key="", label=steps.label, options=("1", "2", "5", "10"), default="1") for steps in (D_STEPS, G_STEPS)
)
FORKS = (
    Change(field="objective", choice=OBJECTIVE),
    Change(field="g_learning_rate", choice=G_RATE, parse=float),
    Change(field="d_learning_rate", choice=D_RATE, parse=float),
    Change(field="d_steps", choice=FORK_D_STEPS, parse=int),
    Change(field="g_steps", choice=FORK_G_STEPS, parse=int),
)
SADDLE_FORKS = (Change(field="method", choice=METHOD),)
RUN, RIVAL, DRAWN = (f"gan:{name}" for name in ("run", "rival", "drawn"))


def main() -> None:
    frame.head(PAGE)
    scenes.begin(gan_notes.SCENES, play_scene)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    scenes.show(gan_notes.SCENES, play_scene)
    record = game(chosen) if chosen["view"] == "game" else saddle(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS if chosen["view"] == "game" else SADDLE_FORKS)
        about(chosen)
    frame.notes(
        PAGE, why=lambda: gan_notes.why(chosen["view"]), questions=gan_notes.questions(lambda: stage.current(RUN))
    )


def controls(chosen: dict[str, Any]) -> None:
    show, plays = settings.show, chosen["view"] == "game"
    scenes.links(gan_notes.SCENES, play_scene)
    show(VIEW)
    for setting in SADDLE:
        show(setting, when=not plays and (setting is not PULL or chosen["form"] == "quadratic"))
    for setting in (DATA_SET, OBJECTIVE, PLAY, SLOW, D_STEPS, G_STEPS, D_RATE, G_RATE):
        show(setting, when=plays)
    show(PENALTY, when=plays and chosen["objective"] in ("wgan-gp", "r1"))
    show(CLIP, when=plays and chosen["objective"] == "wgan-clip")
    left, right = st.columns(2)
    left.button("Restart", on_click=restart, width="stretch", help="The same game again, from its start.")
    if plays:
        right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, other networks.")
        with st.expander("Networks, noise and optimiser", icon=":material/account_tree:"):
            rest(show, plays)
    else:
        rest(show, plays)


def rest(show: Any, plays: bool) -> None:
    """What is seldom changed; the saddle has none of it, and its settings are only kept."""
    for setting in (BATCH, *NETWORKS, SEED):
        show(setting, when=plays)


def restart() -> None:
    st.session_state.pop(f"{PAGE.slug}:fork", None)
    for slot in (RUN, RIVAL):
        stage.drop(slot)


def new_seed() -> None:
    settings.next_of(SEED)


def play_scene(name: str, values: dict[str, Any] | None) -> None:
    """Put a scene on the stage, from its start; without values, only take its text away."""
    if values is None:
        st.query_params.pop("scene", None)
        return
    settings.apply(ALL, values)
    st.query_params["scene"] = name
    restart()


def game(chosen: dict[str, Any]) -> Any:
    """The game with these settings on the stage, and a fork beside it; returns the run."""
    points, key = points_of(chosen["data"])
    own = {
        "noise": chosen["noise"],
        "noise_dim": chosen["nz"],
        "g_depth": chosen["gdepth"],
        "g_width": chosen["gwidth"],
        "d_depth": chosen["ddepth"],
        "d_width": chosen["dwidth"],
        "activation": chosen["act"],
        "optimizer": chosen["opt"],
        "seed": chosen["seed"],
    }
    changing = {
        "objective": chosen["objective"],
        "play": chosen["play"],
        "slow": chosen["slow"],
        "d_steps": chosen["dsteps"],
        "g_steps": chosen["gsteps"],
        "d_learning_rate": float(chosen["dlr"]),
        "g_learning_rate": float(chosen["glr"]),
        "penalty": float(chosen["penalty"]),
        "clip": float(chosen["clip"]),
        "batch_size": chosen["batch"],
    }
    record, problem = stage.keep(
        RUN,
        fixed={"data": key, **own},
        changing=changing,
        make=lambda: gan_runs.scene(points, **own, **changing),
    )
    if problem:
        st.warning(problem, icon=":material/info:")
        if chosen["data"] == "draw":  # no point is left: an empty stage to draw on
            stage.put(RUN, gan_runs.still_scene())
            record = stage.current(RUN)
    if record is None:
        st.info("There is nothing to imitate yet: choose a data set in the controls.")
        return None
    edit = None
    if chosen["data"] == "draw":
        edit = {"tools": ["add", "move", "erase"], "start": "add", "max": MAX_DRAWN}
    show(record, layers(*gan_pictures.LAYERS), speed=4 if chosen["slow"] else "max", edit=edit)
    return record


def points_of(name: str) -> tuple[Any, Any]:
    """The points to imitate, and what tells them from others."""
    if name != "draw":
        return gan_runs.points_of(name), name
    x = st.session_state.get(DRAWN, STARTER)
    return x, ("draw", x.tobytes())


def saddle(chosen: dict[str, Any]) -> Any:
    """The path of two players on a saddle."""
    changing = {"method": chosen["method"], "learning_rate": float(chosen["h"]), "pull": float(chosen["c"])}
    record, problem = stage.keep(
        RUN,
        fixed={"form": chosen["form"], "saddle": True},
        changing=changing,
        make=lambda: gan_runs.saddle_scene(form=chosen["form"], **changing),
    )
    if problem:
        st.warning(problem)
    if record is not None:
        show(record, layers(("levels", "f(x, y)")), speed=16, edit=None)
    return record


def show(record: Any, shown: list[Any], *, speed: Any, edit: Any) -> None:
    """The player, or two of them side by side."""
    options = {
        "slug": PAGE.slug,
        "layers": shown,
        "autoplay": True,
        "go": stage.goes(RUN),
        "speed": speed,
        "present": st.query_params.get("present") == "1",
    }
    rival = forks.of(PAGE.slug, record, RIVAL)
    # A player keeps its layers as the viewer left them, so each view has its own.
    key = "gan-player" if speed != 16 else "gan-saddle"
    if rival is None:
        player(record.token, key=key, on_event=on_event, numbers=True, forkable=True, edit=edit, **options)
        return
    options |= {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(record.token, key=f"{key}-a", on_event=on_event, title="The run as it was", lead=True, **options)
    with right:
        title = forks.title(PAGE.slug)
        player(rival.token, key=f"{key}-b", title=title, lead=False, open="end", **options)
    st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer's hand did on the stage, before the page runs again."""
    keys = ("gan-player", "gan-player-a", "gan-saddle", "gan-saddle-a")
    result = next((st.session_state[key] for key in keys if key in st.session_state), {})
    event = result.get(name) if result else None
    if name == "gone":
        stage.drop(RUN)
    elif event and name == "points":
        st.session_state[DRAWN] = pairs(event)[:MAX_DRAWN]
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


def about(chosen: dict[str, Any]) -> None:
    with st.container(key="lab-about"):
        if chosen["view"] == "game":
            st.caption(
                "Generated points come from the same 300 noise vectors at every step, so motion means learning. The "
                "measures rest on more: see Why. On the keyboard space plays, arrows step, Home and End jump."
            )


main()
