"""From the page's settings to runs: the shipped models by width, a recorded training, one that learns now."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

import engines
from engines import checkpoints, data, devices
from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.autoencoders import autoencoder_pictures as pictures
from pages.autoencoders.images import images, labels
from pages.ui.live import SLOTS
from pages.ui.stage import Scene

SHIPPED = {2: "m2", 8: "m8", 32: "", 128: "m128", 300: "m300"}  # M -> variant
N_PCA = 20_000  # training images that PCA is fitted to
BATCHES_PER_STEP = 20
FRAME_INTERVAL = 1.0  # seconds, of a run at full speed: watching must not slow it


@lru_cache(maxsize=5)
def shipped(code_dim: int) -> Any:
    return engines.pretrained("autoencoder", SHIPPED[code_dim])


@lru_cache(maxsize=1)
def pca_of_shipped() -> np.ndarray:
    """PCA's squared error per test image with as many directions as the shipped models have hidden units: (5,)."""
    from engines.autoencoders.autoencoder import pca_errors

    train, test = data.load("mnist"), data.load("mnist", split="test")
    return pca_errors(train.x[:N_PCA], test.x, tuple(SHIPPED))


def narrowing_frames(first: int, drawn: np.ndarray | None) -> list[Frame]:
    """A frame for every M: the figures of its card, ten images through each model, its hidden units.

    The images are the test images from row ``first`` on; a drawing (28, 28) takes the first place.
    """
    probe = images("mnist").probe["image"][first : first + pictures.COLUMNS].numpy().copy()
    if drawn is not None:
        probe[0] = np.rint(255 * drawn).astype(np.uint8).reshape(-1)
    rows = [probe]
    for m in SHIPPED:
        rows.append(np.rint(255 * shipped(m).reconstruct(probe).numpy()).astype(np.uint8))
    frames = []
    for i, (m, pca_error) in enumerate(zip(SHIPPED, pca_of_shipped(), strict=True)):
        metrics = checkpoints.read(checkpoints.folder("autoencoder", SHIPPED[m])).card["metrics"]
        scalars = {key.removeprefix("test_"): float(value) for key, value in metrics.items()}
        engine = shipped(m)
        frames.append(
            Frame(
                step=i,
                scalars={"code_dim": m, "pca_error": pca_error, "n_parameters": engine.n_parameters, **scalars},
                arrays={"rows": np.stack(rows), "units": engine.unit_images()[: pictures.MAX_UNITS**2].numpy()},
            )
        )
    return frames


def narrowing(first: int, drawn: np.ndarray | None) -> Scene:
    frames = narrowing_frames(first, drawn)
    names = ["image", *[f"M = {m}" for m in SHIPPED]]
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=pictures.narrowing_base(frames, pca_of_shipped(), names),
        draw=pictures.narrowing_picture,
        explain=lambda frame, _: pictures.narrowing_numbers(frame),
    )


@lru_cache(maxsize=1)
def recorded_frames() -> tuple[Frame, ...]:
    """The frames that the training of the model with M = 2 left."""
    return tuple(checkpoints.load_frames(checkpoints.folder("autoencoder", "m2") / checkpoints.FRAMES))


def film() -> Scene:
    """The recorded training with M = 2."""
    return learning_scene(Run(Recorded(recorded_frames()), slots=SLOTS), "mnist", 2, "sigmoid", bernoulli=True)


def live_scene(name: str, **settings: Any) -> Scene:
    """An autoencoder that starts to learn now."""
    hosted = devices.hosted()
    engine = engines.create(
        "autoencoder",
        data=images(name),
        shown=300 if hosted else 500,
        batches_per_step=BATCHES_PER_STEP,
        n_steps=3000 if hosted else 30_000,
        **settings,
    )
    bernoulli = engine.config.loss == "bernoulli"
    return learning_scene(
        Run(engine, slots=SLOTS, frame_interval=FRAME_INTERVAL),
        name,
        settings["code_dim"],
        settings["activation"],
        bernoulli=bernoulli,
    )


def learning_scene(run: Run, name: str, code_dim: int, activation: str, *, bernoulli: bool) -> Scene:
    """How a run on this set of images is drawn and explained."""
    first = run.history.last
    assert first is not None  # a run has its first frame from the start
    classes = labels(name)[: len(first.arrays["codes"])]
    names = data.load(name, split="test").class_names
    recorded = isinstance(run.engine, Recorded)
    return Scene(
        run=run,
        base=pictures.learning_base(classes, code_dim, activation, bernoulli=bernoulli, recorded=recorded),
        draw=partial(pictures.learning_picture, code_dim=code_dim, activation=activation),
        explain=lambda frame, pick: pictures.learning_numbers(frame, pick, names, classes),
        again=lambda other: learning_scene(other, name, code_dim, activation, bernoulli=bernoulli),
    )
