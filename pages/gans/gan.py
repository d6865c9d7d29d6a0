"""The game of two networks, live on points in the plane; and the saddle that explains why it circles."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from engines.gans.objectives import OBJECTIVES
from pages.catalogue import entry
from pages.gans import gan_notes, gan_pictures, gan_runs
from pages.ui import show
from pages.ui.forks import Change
from pages.ui.hand import pairs
from pages.ui.live import Live
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Real, Switch, seed

RATES = ("0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1")
STARTER = np.array([[2.2 * np.cos(a), 1.6 * np.sin(2 * a)] for a in np.linspace(0, 2 * np.pi, 41)[:-1]])
MAX_DRAWN = 300  # all of them are shown, and 300 are
EDIT = {"tools": ["add", "move", "erase"], "start": "add", "max": MAX_DRAWN}
DRAWN = "gan:drawn"
REST = "Networks, noise and optimiser"

DATA_SETS = {
    "ring": "Eight Gaussians in a ring",
    "pair": "Two Gaussians",
    "line": "A line",
    "grid": "A grid of Gaussians",
    "moons": "Two moons",
    "spiral": "A spiral",
    "draw": "Draw your own",
}
LOSSES = {
    "minimax": "Minimax",
    "non-saturating": "Non-saturating",
    "least-squares": "Least squares",
    "hinge": "Hinge",
    "wgan-clip": "Wasserstein, clipped",
    "wgan-gp": "Wasserstein, gradient penalty",
    "r1": "Non-saturating with R1",
    "spectral": "Non-saturating, spectral norm",
}
DATA_SET = Choice(
    key="data",
    labels=DATA_SETS,
    label="Data",
    help="What the generator is to imitate; draw is yours. Restarts the game.",
)
OBJECTIVE = Choice(
    key="objective",
    field="objective",
    live=True,
    labels=LOSSES,
    label="Objective",
    options=OBJECTIVES,
    default="non-saturating",
    help="What the two networks minimise; see Why below. Applies live.",
)
PLAY = Choice(
    key="play",
    field="play",
    live=True,
    labels={"both": "Both networks", "discriminator": "D only", "generator": "G only"},
    label="Who learns",
    help="Hold one network still and watch the other. Applies live.",
)
SLOW = Switch(
    key="slow",
    field="slow",
    live=True,
    label="Slow motion",
    help="A step is one part of a round: draw, generate, score, gradient, step.",
)
D_STEPS = Number(
    key="dsteps",
    field="d_steps",
    live=True,
    label="Steps of D a round",
    low=1,
    high=20,
    default=1,
    help="Applies live.",
)
G_STEPS = Number(
    key="gsteps",
    field="g_steps",
    live=True,
    label="Steps of G a round",
    low=1,
    high=20,
    default=1,
    help="Twice is a known trick. Applies live.",
)
D_RATE, G_RATE = (
    Choice(
        key=f"{player}lr",
        field=f"{player}_learning_rate",
        live=True,
        kind=float,
        label=f"{player.upper()}'s learning rate",
        options=RATES,
        default="0.001",
        slider=True,
        help="Applies live.",
    )
    for player in ("d", "g")
)
PENALTY = Choice(
    key="penalty",
    field="penalty",
    live=True,
    kind=float,
    when=lambda chosen: chosen["objective"] in ("wgan-gp", "r1"),
    label="Weight of the gradient penalty",
    options=("0", "0.1", "0.3", "1", "3", "10"),
    default="1",
    slider=True,
    help="Of wgan-gp and r1. Applies live.",
)
CLIP = Choice(
    key="clip",
    field="clip",
    live=True,
    kind=float,
    when=lambda chosen: chosen["objective"] == "wgan-clip",
    label="Weights clipped at",
    options=("0.01", "0.05", "0.1", "0.3", "1"),
    default="0.05",
    slider=True,
    help="Of wgan-clip. Applies live.",
)
BATCH = Number(
    key="batch",
    field="batch_size",
    live=True,
    fold=REST,
    label="Batch size",
    low=10,
    high=500,
    default=150,
    help="Applies live.",
)
NOISE = Choice(
    key="noise",
    field="noise",
    fold=REST,
    label="Noise",
    labels={"gaussian": "Gaussian", "uniform": "Uniform"},
    help="Restarts the game.",
)
NOISE_DIM = Number(
    key="nz",
    field="noise_dim",
    fold=REST,
    label="Dimensions of the noise",
    low=1,
    high=2,
    default=2,
    help="1 gives a curve. Restarts the game.",
)
G_DEPTH, D_DEPTH, G_WIDTH, D_WIDTH = (
    Number(
        key=f"{player}{what}",
        field=f"{player}_{what}",
        fold=REST,
        label=f"{player.upper()}: {words}",
        low=low,
        high=high,
        default=default,
        help="Restarts the game.",
    )
    for what, words, low, high, default in (("depth", "hidden layers", 0, 4, 2), ("width", "units a layer", 2, 128, 32))
    for player in ("g", "d")
)
ACTIVATION = Choice(
    key="act",
    field="activation",
    fold=REST,
    label="Activation",
    labels={"relu": "ReLU", "leaky": "Leaky ReLU", "elu": "ELU"},
    options=("relu", "leaky", "tanh", "elu"),
    default="relu",
    help="Restarts the game.",
)
OPTIMIZER = Choice(
    key="opt",
    field="optimizer",
    fold=REST,
    label="Optimiser",
    labels={"adam": "Adam", "sgd": "SGD"},
    help="Of both networks. Restarts the game.",
)
SEED = seed("The same seed gives the same game.", field="seed")
METHOD = Choice(
    key="method",
    field="method",
    live=True,
    label="How they move",
    labels={
        "simultaneous": "Both at once",
        "alternating": "One after the other",
        "extragradient": "With a look ahead",
    },
    help="With a look ahead: by the gradients where both would be next. Applies live.",
)
FORM = Choice(
    key="form",
    field="form",
    labels={"bilinear": "f = xy", "quadratic": "f = xy with a slope"},
    label="Game",
    help="f = xy, or with a slope towards the middle. Restarts the path.",
)
STEP = Real(
    key="h",
    field="learning_rate",
    live=True,
    label="Step size h",
    low=0.02,
    high=1.0,
    default=0.2,
    step=0.02,
    help="Applies live.",
)
PULL = Real(
    key="c",
    field="pull",
    live=True,
    when=lambda chosen: chosen["form"] == "quadratic",
    label="Slope c",
    low=0.0,
    high=1.0,
    default=0.2,
    step=0.05,
    help="Of the quadratic form. Applies live.",
)
GAME = (DATA_SET, OBJECTIVE, PLAY, SLOW, D_STEPS, G_STEPS, D_RATE, G_RATE, PENALTY, CLIP, BATCH, NOISE, NOISE_DIM,
        G_DEPTH, G_WIDTH, D_DEPTH, D_WIDTH, ACTIVATION, OPTIMIZER, SEED)  # fmt: skip
SADDLE = (METHOD, FORM, STEP, PULL)
VIEWS = {"game": ("Two networks on points", GAME), "equilibrium": ("Why it circles", SADDLE)}
STEPS = ("1", "2", "5", "10")  # of a network a round, after a fork
FORKS = (
    *(Change(field=s.field, choice=s, parse=s.kind) for s in (OBJECTIVE, G_RATE, D_RATE)),
    *(
        Change(field=s.field, choice=Choice(key="", label=s.label, options=STEPS), parse=int)
        for s in (D_STEPS, G_STEPS)
    ),
)


def main() -> None:
    questions = gan_notes.questions(lambda: show.frames("gan"))
    with page(entry("gan"), VIEWS, why=gan_notes.why, questions=questions, scenes=gan_notes.SCENES) as chosen:
        if chosen["view"] == "game":
            game(chosen)
        else:
            show.learn("gan", gan_runs.saddle, SADDLE, chosen, of="saddle", layers=(("levels", "f(x, y)"),),
                       speed=16, wide=False, view="saddle")  # fmt: skip


def game(chosen: dict[str, Any]) -> Live | None:
    """The game with these settings; points are drawn on its stage."""
    points: Any = gan_runs.points_of(chosen["data"]) if chosen["data"] != "draw" else None
    key: Any = chosen["data"]
    if points is None:
        points = st.session_state.get(DRAWN, STARTER)
        key = points.tobytes()
    return show.learn(
        "gan", partial(gan_runs.game, points, chosen["data"]), GAME, chosen, of=key, changes=FORKS,
        layers=gan_pictures.LAYERS, speed=4 if chosen["slow"] else "max", wide=False, view="game",
        edit=EDIT if chosen["data"] == "draw" else None,
        on_event={"points": took},
    )  # fmt: skip


def took(event: dict[str, Any]) -> None:
    """What the hand drew on the stage."""
    st.session_state[DRAWN] = pairs(event)[:MAX_DRAWN]


if __name__ == "__main__":
    main()
