"""The autoencoder: what survives a bottleneck, its code, its hidden units, and one that learns now."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

import engines
from engines import data, devices
from engines.engine import Frame
from pages.autoencoders import autoencoder_notes
from pages.autoencoders import autoencoder_pictures as pictures
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.live import Live
from pages.ui.page import page
from pages.ui.settings import Choice, Number, seed
from pages.ui.show import Film

SHIPPED = {2: "m2", 8: "m8", 32: "", 128: "m128", 300: "m300"}  # M -> variant
N_PCA = 20_000  # training images that PCA is fitted to
BATCHES_PER_STEP = 20

# Where the film of the shipped models opens: the scrubber is what chooses among them.
OPEN = Choice(
    key="m", label="Numbers in the code, M", options=tuple(map(str, SHIPPED)), default="32", when=lambda _: False
)
ROW = Number(
    key="row", label="Test images from", low=0, high=990, default=0, slider=False, help="Eight images from this one on."
)
DATA = Choice(key="data", label="Images to learn from", labels=shipped.SETS)
CODE = Number(
    key="code", label="Numbers in the code", low=1, high=300, default=2, field="code_dim", help="Hidden units M."
)
DEPTH = Number(
    key="depth", label="Further layers", low=0, high=3, default=0, field="depth", help="On each side of the code."
)
UNITS = Number(
    key="units",
    label="Units of a further layer",
    low=16,
    high=200 if devices.hosted() else 512,
    default=128,
    field="width",
    when=lambda chosen: chosen["depth"] > 0,
)
ACTIVATION = Choice(
    key="act",
    label="Activation",
    options=("sigmoid", "tanh", "relu", "linear"),
    labels={"relu": "ReLU", "linear": "none: linear"},
    default="sigmoid",
    field="activation",
    help="Of the code and of every further layer; linear with squared error finds what PCA finds.",
)
LOSS = Choice(
    key="loss",
    label="Loss",
    labels={"bernoulli": "Cross-entropy, each level taken as a chance", "squared": "Squared error"},
    field="loss",
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("1e-4", "3e-4", "1e-3", "3e-3", "1e-2"),
    default="3e-3",
    slider=True,
    field="learning_rate",
    kind=float,
    live=True,
    help="The size of Adam's steps. Applies live, from the newest step on.",
)
SEED = seed("The same seed gives the same run on the same machine.", field="seed")
TRAIN = (CODE, DEPTH, UNITS, ACTIVATION, LOSS, RATE, SEED)
VIEWS = {
    "narrow": ("Through a bottleneck", (OPEN, ROW)),
    "film": ("Replay the training", ()),
    "train": ("Let one learn now", (DATA, *TRAIN)),
}


def main() -> None:
    notes = autoencoder_notes
    asked = notes.questions(partial(narrowing_frames, 0, None))
    with page(entry("autoencoder"), VIEWS, why=notes.WHY, questions=asked) as chosen:
        match chosen["view"]:
            case "narrow":
                drawn, m = board.drawn("autoencoder"), chosen["m"]
                show.film("autoencoder", narrowing, chosen["row"], drawn, m, open=OPEN.options.index(m), autoplay=False)
                board.kept(
                    "autoencoder",
                    "Draw an image and send it through every bottleneck",
                    "It takes the first place in the row of images. Clear the board to go back to the test image.",
                )
            case "film":
                show.film("autoencoder", recorded, layers=pictures.LAYERS)
            case "train":
                name = chosen["data"]
                show.learn(
                    "autoencoder",
                    partial(training, name),
                    TRAIN,
                    chosen,
                    of=name,
                    layers=pictures.LAYERS,
                    speed=8,
                    wide=False,
                )


# -- the shipped models, by width ------------------------------------------------------------------------------


def network(m: int) -> Any:
    return shipped.model("autoencoder", SHIPPED[m])


@lru_cache(maxsize=1)
def pca_of_shipped() -> tuple[dict[str, float], ...]:
    """PCA's squared error per test image with as many directions as each shipped model has hidden units."""
    from engines.autoencoders.autoencoder import pca_errors
    from engines.maths import intervals

    train, test = data.load("mnist"), data.load("mnist", split="test")
    errors = pca_errors(train.x[:N_PCA], test.x, tuple(SHIPPED))
    return tuple(intervals.of_mean("pca_error", of_width) for of_width in errors.T)


def narrowing_frames(first: int, drawn: np.ndarray | None) -> list[Frame]:
    """A frame for every M: the figures of its card, ten images through each model, its hidden units.

    The images are the test images from row ``first`` on; a drawing (28, 28) takes the first place.
    """
    probe = shipped.images("mnist").probe["image"][first : first + pictures.COLUMNS].numpy().copy()
    if drawn is not None:
        probe[0] = np.rint(255 * drawn).astype(np.uint8).reshape(-1)
    back = (network(m).reconstruct(probe).numpy() for m in SHIPPED)
    rows = np.stack([probe, *(np.rint(255 * images).astype(np.uint8) for images in back)])
    frames = []
    for i, (m, pca_error) in enumerate(zip(SHIPPED, pca_of_shipped(), strict=True)):
        metrics = shipped.card("autoencoder", SHIPPED[m])["metrics"]
        scalars = {key.removeprefix("test_"): float(value) for key, value in metrics.items()}
        engine = network(m)
        frames.append(
            Frame(
                step=i,
                scalars={"code_dim": m, "n_parameters": engine.n_parameters, **pca_error, **scalars},
                arrays={"rows": rows, "units": engine.unit_images()[: pictures.MAX_UNITS**2].numpy()},
            )
        )
    return frames


def narrowing(first: int, drawn: np.ndarray | None, _open: str) -> Film:
    """The shipped models, a width a step."""
    frames = narrowing_frames(first, drawn)
    base = pictures.narrowing_base(frames, ["image", *[f"M = {m}" for m in SHIPPED]])
    return Film(frames=frames, base=base, draw=pictures.narrowing_picture, numbers=pictures.narrowing_numbers)


# -- learning --------------------------------------------------------------------------------------------------


def recorded() -> Film:
    """The recorded training with M = 2."""
    frames = shipped.frames("autoencoder", "m2")
    return shipped.film("autoencoder", "m2", **shown(frames[0], "mnist", 2, "sigmoid", bernoulli=True, recorded=True))


def training(name: str, **own: Any) -> Live:
    """An autoencoder that starts to learn now."""
    hosted = devices.hosted()
    engine: Any = engines.create(
        "autoencoder",
        data=shipped.images(name),
        shown=300 if hosted else 500,
        batches_per_step=BATCHES_PER_STEP,
        n_steps=3000 if hosted else 30_000,
        **own,
    )
    how = shown(
        engine.frame(), name, own["code_dim"], own["activation"], bernoulli=own["loss"] == "bernoulli", recorded=False
    )
    return show.learning(engine, how, shipped.code_of(name))


def shown(
    first: Frame, name: str, code_dim: int, activation: str, *, bernoulli: bool, recorded: bool
) -> dict[str, Any]:
    """How a training on this set of images is drawn and explained."""
    classes = shipped.labels(name)[: len(first.arrays["codes"])]
    return {
        "base": pictures.learning_base(classes, code_dim, activation, bernoulli=bernoulli, recorded=recorded),
        "draw": partial(pictures.learning_picture, code_dim=code_dim, activation=activation),
        "explain": partial(pictures.learning_numbers, names=shipped.class_names(name), labels=classes),
    }


if __name__ == "__main__":
    main()
