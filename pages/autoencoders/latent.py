r"""The latent plane under the hand: a component, and the routes that decode and encode for it.

A drag asks `/lab/vae/SOURCE/follow`, a socket, for images, past Streamlit; single questions are requests. SOURCE
names a shipped variant ("default", "fashion", "conv", "beta-4") or is the token of a run that the viewer is training.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.ui import live, player
from pages.ui.questions import follow, route, row_or_seed, shipped

if TYPE_CHECKING:
    from engines.autoencoders.vae import VariationalAutoencoder

MAX_CODES = 400  # decoded in one request
MAX_SAMPLES = 24
FAR = 30.0  # standard deviations of the prior
N_ELBO = 16  # samples of q(z|x) behind the shown reconstruction term


# -- what the routes answer ------------------------------------------------------------------------------


def model(source: str) -> VariationalAutoencoder:
    """The shipped autoencoder, or the one being trained behind a run's token; ValueError where there is none."""
    record = live.TABLE.get(source)
    if record is not None:
        engine: Any = record.run.engine
        if engine is None or engine.name != "vae":
            raise ValueError("this run has no autoencoder to ask any more: press Restart")
        return engine
    return shipped("vae", source)


def decode(source: str, question: dict[str, Any]) -> dict[str, Any]:
    """Mean images of codes ``z`` (N, D): {"images": (N, P) bytes}."""
    vae = model(source)
    z = codes(question.get("z"), vae.config.latent_dim)
    return {"images": _bytes(vae.decode(z))}


def prior(source: str, question: dict[str, Any]) -> dict[str, Any]:
    """Prior predictive: codes z (N, D), their mean images, and one black and white image drawn from each."""
    import torch

    vae = model(source)
    n, generator = count(question.get("n", 12)), torch.Generator().manual_seed(row_or_seed(question.get("seed", 0)))
    z = torch.randn(n, vae.config.latent_dim, generator=generator)
    mean = vae.decode(z)
    drawn = vae.sample_pixels(mean, generator=generator)
    return {"z": z.numpy(), "means": _bytes(mean), "samples": _bytes(drawn)}


def posterior(source: str, question: dict[str, Any]) -> dict[str, Any]:
    r"""q(z|x) of one image: \mu, \log \sigma^2 (D,), n codes drawn from it with their mean images and a drawn
    image each, and both terms of the ELBO in nats (from 16 samples).

    The image is the test image ``row`` of the model's data ``name``, or ``image``: 784 bytes in base64.
    """
    import torch

    vae = model(source)
    image = picture(question)
    generator = torch.Generator().manual_seed(row_or_seed(question.get("seed", 0)))
    x = seen(vae, image, first_row=row_or_seed(question.get("row", 0)))
    mean, log_var = vae.encode(x)
    z, means = vae.sample_posterior(x, count(question.get("n", 8)), generator=generator)
    noise = torch.randn(N_ELBO, 1, vae.config.latent_dim, generator=generator)
    log_likelihood, kl = vae.elbo(x, noise=noise)
    return {
        "image": image[0],
        "seen": _bytes(x)[0],
        "mean": mean[0].cpu().numpy(),
        "log_var": log_var[0].cpu().numpy(),
        "reconstruction": _bytes(vae.decode(mean))[0],
        "z": z[:, 0].cpu().numpy(),
        "means": _bytes(means[:, 0]),
        "samples": _bytes(vae.sample_pixels(means[:, 0], generator=generator)),
        "log_likelihood": float(log_likelihood.sum()),
        "kl": kl[0].cpu().numpy(),
    }


def seen(vae: VariationalAutoencoder, images: np.ndarray, *, first_row: int = 0) -> Any:
    """Bytes (B, ...) as this model takes them, (B, P): grey levels, or black and white drawn from them. Every row
    has its own draw, the same each time, so that an image lies where its mark on the plane is.
    """
    import torch

    levels = torch.tensor(images.reshape(len(images), -1)).to(torch.float32) / 255
    if vae.config.pixels != "binary":
        return levels
    draws = [torch.rand(784, generator=torch.Generator().manual_seed(first_row + i)) for i in range(len(levels))]
    return (levels > torch.stack(draws)).to(torch.float32)


def picture(question: dict[str, Any]) -> np.ndarray:
    """The image asked about: bytes (1, 784)."""
    if "image" in question:
        try:
            raw = base64.b64decode(str(question["image"]), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 784:
            raise ValueError(f"an image must be 784 bytes in base64, got {len(raw)}")
        return np.frombuffer(raw, dtype=np.uint8).reshape(1, 784).copy()
    from engines import data

    images = data.load(str(question.get("name", "mnist")), split="test").x
    row = row_or_seed(question.get("row", 0))
    if row >= len(images):
        raise ValueError(f"row must be from 0 to {len(images) - 1:,}, got {row}")
    return images[row].reshape(1, 784).copy()


def codes(value: Any, latent_dim: int) -> np.ndarray:
    """(N, D) from JSON; ValueError names what is wrong."""
    try:
        with np.errstate(over="ignore"):  # what is too large for a float32 becomes infinite, and is refused below
            z = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        z = np.zeros(0, dtype=np.float32)
    if z.ndim != 2 or z.shape[1] != latent_dim or not 1 <= len(z) <= MAX_CODES:
        raise ValueError(f"z must be 1 to {MAX_CODES} codes of {latent_dim} numbers, got shape {z.shape}")
    if not (np.abs(z) <= FAR).all():  # NaN is not <= either
        raise ValueError(f"z must lie within {FAR:g} of zero")
    return z


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SAMPLES:
        raise ValueError(f"n must be from 1 to {MAX_SAMPLES}, got {repr(value)[:40]}")
    return value


def _bytes(levels: Any) -> np.ndarray:
    return np.rint(255 * np.asarray(levels.cpu() if hasattr(levels, "cpu") else levels)).astype(np.uint8)


ROUTES = [
    follow("/lab/vae/{source}/follow", decode),
    *(route(f"/lab/vae/{{source}}/{ask.__name__}", ask) for ask in (decode, prior, posterior)),
]


# -- the component ---------------------------------------------------------------------------------------


def plane(
    source: str,
    *,
    key: str,
    codes: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    order: np.ndarray,
    nats: np.ndarray,
    **options: Any,
) -> Any:
    """Show the latent space of ``source`` with the codes (M, D) of test images and their labels (M,).

    ``order`` (D,) are the dimensions by use, most used first, and ``nats`` (D,) their mean KL; the plane shows
    the first two. Options: data (the set's name), glyphs, drawn (784 bytes in base64, an image to encode), seed.
    """
    data = {
        "source": source,
        "codes": base64.b64encode(np.ascontiguousarray(codes, dtype="<f4").tobytes()).decode(),
        "labels": base64.b64encode(labels.astype(np.uint8).tobytes()).decode(),
        "latent_dim": int(codes.shape[1]),
        "names": list(names),
        "order": [int(d) for d in order],
        "nats": [round(float(v), 4) if math.isfinite(v) else 0.0 for v in nats],
        **options,
    }
    return player.mount("latent", key=key, data=data)
