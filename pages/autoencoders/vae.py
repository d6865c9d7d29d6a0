"""The variational autoencoder: its latent space under the hand, its training as a film, and one that learns now."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engines import devices
from pages.autoencoders import latent, vae_notes, vae_runs
from pages.catalogue import entry
from pages.ui import board, forks, frame, live, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number

PAGE = entry("vae")

VIEW = Choice(
    key="view",
    label="What to do",
    options=("explore", "film", "train"),
    default="explore",
    help="explore: move through the latent space of a trained model. film: watch a recorded training. "
    "train: let one learn now, and change it on the way.",
)
MODEL = Choice(
    key="model",
    label="Model",
    options=(*vae_runs.MODELS, "mine"),
    default="mnist",
    help="mnist and fashion have two dimensions, so the plane is the whole latent space; mnist-20 and mnist-32 have "
    "more. mine is the one that you train under 'train'.",
)
FILM = Choice(
    key="film", label="Training of", options=vae_runs.RECORDED, default="mnist", help="28,000 or 9,400 batches of 128."
)
DATA = Choice(
    key="data", label="Images", options=("mnist", "fashion"), default="mnist", help="To learn from. Restarts the run."
)
LATENT = Number(
    key="dims", label="Latent dimensions D", low=2, high=50, default=2, help="Numbers in a code. Restarts the run."
)
BETA = Choice(
    key="beta",
    label="Beta",
    options=("0.1", "0.25", "0.5", "1", "2", "4", "8", "16"),
    default="1",
    help="The weight of the KL term in the loss; 1 is the ELBO. Applies live, from the newest step on.",
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("1e-4", "3e-4", "1e-3", "3e-3", "1e-2"),
    default="1e-3",
    help="The size of Adam's steps. Applies live, from the newest step on.",
)
WIDTH = Number(
    key="width",
    label="Units of a hidden layer",
    low=32,
    high=200 if devices.hosted() else 512,
    default=200,
    help="Two hidden layers in the encoder, two in the decoder. Restarts the run.",
)
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed gives the same run."
)
ALL = (VIEW, MODEL, FILM, DATA, LATENT, BETA, RATE, WIDTH, SEED)
FORKS = (Change(field="beta", choice=BETA, parse=float), Change(field="learning_rate", choice=RATE, parse=float))
RUN, RIVAL, MOVIE = "vae:run", "vae:rival", "vae:film"


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = {"explore": explore, "film": film, "train": train}[chosen["view"]](chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "train" and record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
        about_training(record)
    elif chosen["view"] == "explore":
        vae_notes.downloads(chosen["model"], RUN)
    frame.notes(PAGE, why=vae_notes.why, questions=vae_notes.questions(lambda: frames_at_hand(chosen)))


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    show(VIEW)
    show(MODEL, when=view == "explore")
    show(FILM, when=view == "film")
    training = view == "train"
    for setting in (DATA, LATENT, BETA, RATE, WIDTH, SEED):
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


def explore(chosen: dict[str, Any]) -> None:
    """The latent space of a trained model under the hand."""
    source, name = vae_notes.source_of(chosen["model"], RUN)
    if not source:
        st.info(
            "You have not trained a model in this visit yet: choose **train** under *What to do*, or another model."
        )
        return
    codes, nats = vae_notes.codes(source, name, stage.current(RUN) if chosen["model"] == "mine" else None)
    drawn = vae_notes.drawn_image()
    latent.plane(
        source,
        key="vae-plane",
        codes=codes,
        labels=vae_notes.labels_of(name),
        names=vae_runs.names_of(name),
        order=np.argsort(nats)[::-1],
        nats=nats,
        data=name,
        binary=name == "mnist",
        glyphs=vae_notes.GLYPHS,
        drawn=drawn,
        present=st.query_params.get("present") == "1",
    )
    board.kept(PAGE.slug, "Draw an image and let the encoder place it")


def film(chosen: dict[str, Any]) -> Any:
    """A recorded training."""
    record, problem = stage.keep(
        MOVIE, fixed={"film": chosen["film"]}, changing={}, make=lambda: vae_runs.movie(chosen["film"])
    )
    if problem:
        st.warning(problem)
    if record is not None:
        show(record, None, chosen, forkable=False)
    return record


def train(chosen: dict[str, Any]) -> Any:
    """One that learns now; beta and the learning rate change on the way."""
    own = {"latent_dim": chosen["dims"], "width": chosen["width"], "seed": chosen["seed"]}
    changing = {"beta": float(chosen["beta"]), "learning_rate": float(chosen["rate"])}
    with st.spinner("Preparing the images"):
        record, problem = stage.keep(
            RUN,
            fixed={"data": chosen["data"], **own},
            changing=changing,
            make=lambda: vae_runs.live_scene(chosen["data"], **own, **changing),
        )
    if problem:
        st.warning(problem)
    if record is None:
        return None
    rival = forks.of(PAGE.slug, record, RIVAL)
    show(record, rival, chosen, forkable=rival is None)
    return record


def show(record: Any, rival: Any, chosen: dict[str, Any], *, forkable: bool) -> None:
    """The player, or two of them side by side."""
    options = {
        "slug": PAGE.slug,
        "layers": layers(*vae_notes.layers_of(record)),
        "wide": True,
        "autoplay": True,
        "go": stage.goes(RUN) if chosen["view"] == "train" else 0,
        "speed": 8 if chosen["view"] == "train" else 4,
        "present": st.query_params.get("present") == "1",
    }
    if rival is None:
        player(record.token, key="vae-player", on_event=on_event, numbers=True, forkable=forkable, **options)
        return
    group = {"group": record.token}
    left, right = st.columns(2)
    with left:
        player(
            record.token,
            key="vae-player-a",
            on_event=on_event,
            title="The run as it was",
            lead=True,
            **group,
            **options,
        )
    with right:
        title = forks.title(PAGE.slug)
        player(rival.token, key="vae-player-b", title=title, lead=False, open="end", **group, **options)
    st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer pressed in the player, before the page runs again."""
    result = next((st.session_state[key] for key in ("vae-player", "vae-player-a") if key in st.session_state), {})
    event = result.get(name) if result else None
    if name == "gone":
        for slot in (RUN, MOVIE):
            stage.drop(slot)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


def about_training(record: Any) -> None:
    with st.container(key="lab-about"):
        engine: Any = record.run.engine
        if engine is not None and engine.data is not None:
            st.caption(
                f"{len(engine.data):,} images, batches of {engine.config.batch_size}; a step is "
                f"{engine.config.batches_per_step} batches. {engine.n_parameters:,} parameters. To move through what "
                "this one has learned, choose explore and the model mine."
            )


def frames_at_hand(chosen: dict[str, Any]) -> list[Any]:
    """The frames that questions are checked against: the run on the stage, or the recorded training."""
    record = stage.current({"train": RUN, "film": MOVIE}.get(chosen["view"], ""))
    if record is not None:
        return list(record.run.history.after(-1))
    return list(vae_runs.recorded_frames("mnist"))


main()
