"""From the page's settings to runs: a recorded one, or one that learns now."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import engines
from engines import checkpoints, data, devices
from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.autoencoders import latent, vae_pictures
from pages.autoencoders.images import images, labels
from pages.ui.live import SLOTS
from pages.ui.stage import Scene

# What ships: name in the address -> variant, data, and what a viewer reads.
MODELS: dict[str, tuple[str, str, str]] = {
    "mnist": ("", "mnist", "MNIST digits, 2 dimensions"),
    "fashion": ("fashion", "fashion", "Fashion-MNIST, 2 dimensions"),
    "mnist-20": ("beta-1", "mnist", "MNIST digits, 20 dimensions"),
    "mnist-32": ("conv", "mnist", "MNIST digits, 32 dimensions, convolutional"),
}
RECORDED = ("mnist", "fashion")
BATCHES_PER_STEP = 10
FRAME_INTERVAL = 1.0  # seconds, of a run at full speed: watching must not slow it
N_CODES = 1000


def names_of(name: str) -> tuple[str, ...]:
    return data.load(name, split="test").class_names


@lru_cache(maxsize=2)
def recorded_frames(model: str) -> tuple[Frame, ...]:
    """The frames that the training of a shipped model left, 5 MB each."""
    variant, _, _ = MODELS[model]
    return tuple(checkpoints.load_frames(checkpoints.folder("vae", variant) / checkpoints.FRAMES))


def movie(model: str) -> Scene:
    """The recorded training of a shipped model."""
    _, name, _ = MODELS[model]
    return scene_of(Run(Recorded(recorded_frames(model)), slots=SLOTS), name, 2)


def live_scene(name: str, **settings: Any) -> Scene:
    """An autoencoder that starts to learn now."""
    hosted = devices.hosted()
    engine = engines.create(
        "vae",
        data=images(name),
        shown=300 if hosted else 500,
        batches_per_step=BATCHES_PER_STEP,
        n_steps=3000 if hosted else 30_000,
        pixels="binary" if name == "mnist" else "grey",
        **settings,
    )
    return scene_of(Run(engine, slots=SLOTS, frame_interval=FRAME_INTERVAL), name, settings["latent_dim"])


def scene_of(run: Run, name: str, latent_dim: int) -> Scene:
    """How a run on this set of images is drawn and explained."""
    first = run.history.last
    shown = len(first.arrays["means"]) if first is not None and "means" in first.arrays else 0
    classes, names = labels(name)[:shown], names_of(name)
    return Scene(
        run=run,
        base=vae_pictures.base(classes, latent_dim, binary=name == "mnist", recorded=isinstance(run.engine, Recorded)),
        draw=lambda frame: vae_pictures.picture(frame, latent_dim),
        explain=lambda frame, pick: vae_pictures.explain(frame, pick, names, classes),
        again=lambda other: scene_of(other, name, latent_dim),
    )


def codes_of(source: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    r"""\mu (M, D) of the first 1,000 test images as the model sees them, and the mean KL of each dimension (D,)."""
    from engines.maths.variational import kl_per_dimension

    vae = latent.model(source)
    mean, log_var = vae.encode(latent.seen(vae, data.load(name, split="test").x[:N_CODES]))
    return mean.cpu().numpy(), kl_per_dimension(mean, log_var).mean(dim=0).cpu().numpy()
