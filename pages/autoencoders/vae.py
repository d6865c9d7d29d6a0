"""The variational autoencoder: its latent space under the hand, its training as a film, and one that learns now."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines import data, devices
from engines.engine import Frame
from pages.autoencoders import latent, vae_notes
from pages.autoencoders import vae_pictures as pictures
from pages.catalogue import entry
from pages.ui import board, sheets, shipped, show, stage
from pages.ui.live import Live
from pages.ui.page import page
from pages.ui.settings import Choice, Number, seed
from pages.ui.show import Film

# What ships: name in the address -> variant, data, and what a viewer reads.
MODELS: dict[str, tuple[str, str, str]] = {
    "mnist": ("", "mnist", "MNIST digits, 2 dimensions"),
    "fashion": ("fashion", "fashion", "Fashion-MNIST, 2 dimensions"),
    "mnist-20": ("beta-1", "mnist", "MNIST digits, 20 dimensions"),
    "mnist-32": ("conv", "mnist", "MNIST digits, 32 dimensions, convolutional"),
}
BATCHES_PER_STEP = 10
N_CODES = 1000

MODEL = Choice(
    key="model",
    label="Model",
    labels={name: said for name, (_, _, said) in MODELS.items()} | {"mine": "The one that learns here"},
    help="With two dimensions the plane is the whole latent space.",
)
FILM = Choice(key="film", label="Training of", labels=shipped.SETS)
DATA = Choice(key="data", label="Images to learn from", labels=shipped.SETS)
LATENT = Number(
    key="dims", label="Latent dimensions D", low=2, high=50, default=2, field="latent_dim", help="Numbers in a code."
)
BETA = Choice(
    key="beta",
    label="Beta",
    options=("0.1", "0.25", "0.5", "1", "2", "4", "8", "16"),
    default="1",
    slider=True,
    field="beta",
    kind=float,
    live=True,
    help="The weight of the KL term in the loss; 1 is the ELBO. Applies live, from the newest step on.",
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("1e-4", "3e-4", "1e-3", "3e-3", "1e-2"),
    default="1e-3",
    slider=True,
    field="learning_rate",
    kind=float,
    live=True,
    help="The size of Adam's steps. Applies live, from the newest step on.",
)
WIDTH = Number(
    key="width",
    label="Units of a hidden layer",
    low=32,
    high=200 if devices.hosted() else 512,
    default=200,
    field="width",
    help="Two hidden layers in the encoder, two in the decoder.",
)
SEED = seed("The same seed gives the same run on the same machine.", field="seed")
TRAIN = (LATENT, BETA, RATE, WIDTH, SEED)
VIEWS = {
    "explore": ("Move through the latent space", (MODEL,)),
    "film": ("Replay the training", (FILM,)),
    "train": ("Let one learn now", (DATA, *TRAIN)),
}
REPLAY = "vae-film"  # the film has a stage of its own: the one that learns is kept beside it


def main() -> None:
    with page(entry("vae"), VIEWS, why=vae_notes.WHY, questions=questions) as chosen:
        name = chosen["data"]
        match chosen["view"]:
            case "explore":
                explore(chosen["model"])
            case "film":
                show.film(REPLAY, recorded, chosen["film"], layers=pictures.LAYERS)
            case "train":
                on = [item for item in pictures.LAYERS if item[0] != "prior" or chosen["dims"] == 2]
                record = show.learn("vae", partial(training, name), TRAIN, chosen, of=name, layers=on, speed=8)
                if record is not None:
                    about(record.run.engine)


def questions(chosen: dict[str, Any]) -> Any:
    """Asked of the run that learns, or of the recorded training."""
    if chosen["view"] == "train":
        return vae_notes.questions(partial(show.frames, "vae"))
    film = chosen["film"] if chosen["view"] == "film" else "mnist"
    return vae_notes.questions(lambda: show.frames(REPLAY) or shipped.frames("vae", MODELS[film][0]))


def about(engine: Any) -> None:
    if engine is not None and engine.data is not None:
        with st.container(key="lab-about"):
            st.caption(
                f"{len(engine.data):,} images, batches of {engine.config.batch_size}; a step is "
                f"{engine.config.batches_per_step} batches. {engine.n_parameters:,} parameters. To move through what "
                "this one has learned, choose the latent space and the model that learns here."
            )


# -- the latent space ------------------------------------------------------------------------------------------


def explore(model: str) -> None:
    """The latent space of a trained model under the hand."""
    source, name, step = source_of(model)
    if not source:
        st.info("No model has learned in this visit yet: let one learn now, or choose another model.")
        return
    codes, nats = codes_of(source, name, step)
    drawn = board.drawn("vae")
    latent.plane(
        source,
        key="vae-plane",
        codes=codes,
        labels=shipped.labels(name),
        names=shipped.class_names(name),
        order=np.argsort(nats)[::-1],
        nats=nats,
        data=name,
        binary=name == "mnist",
        glyphs=sheets.GLYPHS,
        drawn="" if drawn is None else base64.b64encode(np.rint(255 * drawn).astype(np.uint8).tobytes()).decode(),
    )
    board.kept("vae", "Draw an image and let the encoder place it")
    head = ",".join(["label", *[f"z{d + 1}" for d in range(codes.shape[1])]])
    rows = [f"{label},{','.join(f'{v:.5g}' for v in z)}" for label, z in zip(shipped.labels(name), codes, strict=True)]
    with st.container(key="lab-about"):
        st.caption(
            "The marks are the first 1,000 test images, which no training saw, at the mean of q(z|x). The dashed "
            "circles are one and two standard deviations of the prior."
        )
        text = "\n".join([head, *rows])
        st.download_button("Codes as CSV", text, f"codes-{model}.csv", "text/csv", on_click="ignore")


def source_of(model: str) -> tuple[str, str, int]:
    """What the latent routes call this model, its set of images, and the step of one that learns; ("", "", 0) where
    there is none.
    """
    if model != "mine":
        variant, name, _ = MODELS[model]
        return variant or "default", name, -1
    record = stage.current("vae:run")
    if record is None or record.run.engine is None:
        return "", "", 0
    return record.token, st.session_state["vae:run"]["fixed"]["of"], record.run.status.step


@st.cache_data(max_entries=8, show_spinner="Encoding test images")
def codes_of(source: str, name: str, step: int = -1) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    r"""\mu (M, D) of the first 1,000 test images as the model sees them, and the mean KL of each dimension (D,)."""
    from engines.maths.variational import kl_per_dimension

    vae = latent.model(source)
    mean, log_var = vae.encode(latent.seen(vae, data.load(name, split="test").x[:N_CODES]))
    return mean.cpu().numpy(), kl_per_dimension(mean, log_var).mean(dim=0).cpu().numpy()


# -- learning --------------------------------------------------------------------------------------------------


def recorded(name: str) -> Film:
    """The recorded training of a shipped model."""
    frames = shipped.frames("vae", MODELS[name][0])
    return shipped.film("vae", MODELS[name][0], **shown(frames[-1], name, 2, recorded=True))


def training(name: str, **own: Any) -> Live:
    """An autoencoder that starts to learn now."""
    hosted = devices.hosted()
    engine: Any = engines.create(
        "vae",
        data=shipped.images(name),
        shown=300 if hosted else 500,
        batches_per_step=BATCHES_PER_STEP,
        n_steps=3000 if hosted else 30_000,
        pixels="binary" if name == "mnist" else "grey",
        **own,
    )
    how = shown(engine.frame(), name, own["latent_dim"], recorded=False)
    return show.learning(engine, how, shipped.code_of(name))


def shown(frame: Frame, name: str, latent_dim: int, *, recorded: bool) -> dict[str, Any]:
    """How a training on this set of images is drawn and explained."""
    classes = shipped.labels(name)[: len(frame.arrays["means"])]
    return {
        "base": pictures.base(classes, latent_dim, binary=name == "mnist", recorded=recorded),
        "draw": partial(pictures.picture, latent_dim=latent_dim),
        "explain": partial(pictures.explain, names=shipped.class_names(name), labels=classes),
    }


if __name__ == "__main__":
    main()
