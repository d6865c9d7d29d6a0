"""From the page's settings to recorded runs: one image's bound, and the sweep over beta."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from engines import checkpoints, data
from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.autoencoders import elbo_pictures, latent
from pages.autoencoders.images import images
from pages.ui.live import SLOTS
from pages.ui.stage import Scene

BETAS = ("0.1", "0.25", "0.5", "1", "2", "4", "8", "16")
MODELS = {"mnist": ("default", "2 dimensions"), "mnist-20": ("beta-1", "20"), "mnist-32": ("conv", "32")}
N_PROBE = 500  # test images behind the bars of used dimensions


def image_frames(model: str, row: int, drawn: np.ndarray | None, seed: int) -> list[Frame]:
    """The bound of one image under a shipped model, for K = 1 to 500; ``drawn`` (28, 28) takes the place of a row."""
    import torch

    from engines.autoencoders.bounds import bound_frames

    vae = latent.model(MODELS[model][0])
    image = np.rint(255 * drawn).astype(np.uint8) if drawn is not None else data.load("mnist", split="test").x[row]
    x = latent.seen(vae, image[None], first_row=row)
    return bound_frames(vae, x, generator=torch.Generator().manual_seed(seed))


def image_scene(model: str, row: int, drawn: np.ndarray | None, seed: int) -> Scene:
    frames = image_frames(model, row, drawn, seed)
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=elbo_pictures.image_base(frames),
        draw=partial(elbo_pictures.image_picture, frames=frames),
        explain=lambda frame, _: elbo_pictures.image_numbers(frame),
    )


def sweep_scene() -> Scene:
    frames = list(sweep_frames())
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=elbo_pictures.sweep_base(frames),
        draw=elbo_pictures.sweep_picture,
        explain=lambda frame, _: elbo_pictures.sweep_numbers(frame),
    )


@lru_cache(maxsize=1)
def sweep_frames() -> tuple[Frame, ...]:
    """A frame for every beta: the figures of its card, and the same images through each model."""
    return tuple(_of_beta(i, beta) for i, beta in enumerate(BETAS))


def _of_beta(i: int, beta: str) -> Frame:
    import torch

    from engines.maths.variational import kl_per_dimension

    card: dict[str, Any] = dict(checkpoints.read(checkpoints.folder("vae", f"beta-{beta}")).card)
    vae = latent.model(f"beta-{beta}")
    probe = images("mnist").probe["image"][:N_PROBE].numpy()
    x = latent.seen(vae, probe)
    mean, log_var = vae.encode(x)
    samples = vae.sample(10, generator=torch.Generator().manual_seed(0), mean=True)
    scalars = {key.removeprefix("test_"): value for key, value in card["metrics"].items()}
    return Frame(
        step=i,
        scalars={"beta": vae.config.beta, **scalars},
        arrays={
            "kl": kl_per_dimension(mean, log_var).mean(dim=0).numpy(),
            "originals": probe[:10],
            "reconstructions": np.rint(255 * vae.decode(mean[:10]).numpy()).astype(np.uint8),
            "samples": np.rint(255 * samples.numpy()).astype(np.uint8),
        },
    )
