"""The bound in numbers: a divergence between two Gaussians, one image's ELBO taken apart, and the sweep over beta."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
import streamlit as st

from engines import data
from engines.engine import Frame
from pages.autoencoders import elbo_notes, elbo_pictures, gaussians, latent
from pages.catalogue import entry
from pages.ui import board, settings, shipped, show
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Real, seed
from pages.ui.show import Film

BETAS = ("0.1", "0.25", "0.5", "1", "2", "4", "8", "16")
MODELS = {"mnist": "default", "mnist-20": "beta-1", "mnist-32": "conv"}  # the variant, as `latent` calls it
N_PROBE = 500  # test images behind the bars of used dimensions

# Where the film of the sweep opens: the scrubber is what chooses among its models.
OPEN = Choice(key="beta", label="Beta", options=BETAS, default="1", when=lambda _: False)
MODEL = Choice(
    key="model",
    label="Model",
    default="mnist-20",
    labels={"mnist": "2 dimensions", "mnist-20": "20 dimensions", "mnist-32": "32 dimensions, convolutional"},
)
ROW = Number(
    key="row", label="Test image", low=0, high=999, default=0, slider=False, help="One that no training saw: 0 to 999."
)
DRAWS = Choice(
    key="draws", label="Monte Carlo draws", options=("10", "100", "1000", "10000", "100000"), default="1000",
    slider=True, kind=int,
)  # fmt: skip
MQ = Real(key="mq", label="Mean of q", low=-5.0, high=5.0, default=1.0, step=0.05)
SQ = Real(key="sq", label="Standard deviation of q", low=0.2, high=3.0, default=0.6, step=0.05)
MP = Real(key="mp", label="Mean of p", low=-5.0, high=5.0, default=-1.0, step=0.05)
SP = Real(key="sp", label="Standard deviation of p", low=0.2, high=3.0, default=1.4, step=0.05)
HANDLES = (MQ, SQ, MP, SP)
SEED = seed("Of the random draws.")
VIEWS = {
    "trade-off": ("Rate against distortion", (OPEN,)),
    "image": ("One image's bound", (MODEL, ROW, SEED)),
    "divergence": ("Two Gaussians", (*HANDLES, DRAWS, SEED)),
}


def main() -> None:
    notes = elbo_notes
    asked = notes.questions(sweep_frames, partial(show.frames, "elbo"))
    with page(entry("elbo"), VIEWS, why=notes.WHY, questions=asked, scenes=notes.SCENES) as chosen:
        match chosen["view"]:
            case "trade-off":
                beta = chosen["beta"]
                show.film("elbo", sweep, beta, open=BETAS.index(beta), autoplay=False, speed=1)
            case "image":
                drawn = board.drawn("elbo")
                record = show.film("elbo", image, chosen["model"], chosen["row"], drawn, chosen["seed"], speed=8)
                if record is not None:
                    seen_and_back(record.run.history.at(0))
                board.kept("elbo", "Draw an image, or give a file", "Clear the board to go back to the test image.")
            case "divergence":
                values = {setting.key: float(chosen[setting.key]) for setting in HANDLES}
                draws = {"n": int(chosen["draws"]), "seed": chosen["seed"]}
                gaussians.show(key="elbo-gaussians", values=values | draws, on_moved=moved)
                st.button("Make q equal to p", on_click=make_equal, help="Both divergences are zero then.")


def seen_and_back(first: Frame | None) -> None:
    """The image as the model takes it, and the mean image that comes back."""
    if first is None:
        return
    with st.container(key="lab-about"), st.container(horizontal=True):
        for name, words in (("seen", "black and white pixels, as the model takes them"), ("mean", "what comes back")):
            st.image(first.arrays[name].reshape(28, 28), caption=words, width=140, clamp=True)


def moved() -> None:
    """A drag has ended: the sliders and the address follow."""
    event = (st.session_state.get("elbo-gaussians") or {}).get("moved")
    if event:
        settings.put({s.key: min(max(float(event[s.key]), s.low), s.high) for s in HANDLES})


def make_equal() -> None:
    settings.put({"mq": settings.value(MP), "sq": settings.value(SP)})


# -- one image -------------------------------------------------------------------------------------------------


def image_frames(model: str, row: int, drawn: np.ndarray | None, seed: int) -> list[Frame]:
    """The bound of one image under a shipped model, for K = 1 to 500; ``drawn`` (28, 28) takes the place of a row."""
    import torch

    from engines.autoencoders.bounds import bound_frames

    vae = latent.model(MODELS[model])
    image = np.rint(255 * drawn).astype(np.uint8) if drawn is not None else data.load("mnist", split="test").x[row]
    x = latent.seen(vae, image[None], first_row=row)
    return bound_frames(vae, x, generator=torch.Generator().manual_seed(seed))


def image(model: str, row: int, drawn: np.ndarray | None, seed: int) -> Film:
    frames = image_frames(model, row, drawn, seed)
    return Film(
        frames=frames,
        base=elbo_pictures.image_base(frames),
        draw=partial(elbo_pictures.image_picture, frames=frames),
        numbers=elbo_pictures.image_numbers,
    )


# -- the sweep over beta ---------------------------------------------------------------------------------------


def sweep(_open: str) -> Film:
    """A model a step; the film opens at a beta."""
    frames = sweep_frames()
    base = elbo_pictures.sweep_base(list(frames))
    return Film(frames=frames, base=base, draw=elbo_pictures.sweep_picture, numbers=elbo_pictures.sweep_numbers)


@lru_cache(maxsize=1)
def sweep_frames() -> tuple[Frame, ...]:
    """A frame for every beta: the figures of its card, and the same images through each model."""
    return tuple(of_beta(i, beta) for i, beta in enumerate(BETAS))


def of_beta(i: int, beta: str) -> Frame:
    import torch

    from engines.maths.variational import kl_per_dimension

    card = shipped.card("vae", f"beta-{beta}")
    vae = latent.model(f"beta-{beta}")
    probe = shipped.images("mnist").probe["image"][:N_PROBE].numpy()
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


if __name__ == "__main__":
    main()
