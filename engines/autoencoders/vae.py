r"""A variational autoencoder: a Gaussian code, a Bernoulli decoder, and the bound that trains both.

    log p(x) >= ELBO(x) = E_{q(z|x)} [log p(x|z)] - KL(q(z|x) || p(z))          Kingma & Welling 2013, eq. 3
    q(z|x) = N(z | \mu(x), diag \sigma^2(x)),  p(z) = N(0, I)                    eq. 9 and section 3
    p(x|z) = \prod_i Bernoulli(x_i | sigmoid(f_i(z)))                            appendix C.1
    loss = -E_q [log p(x|z)] + \beta KL                                          Higgins et al. 2017, eq. 4

Kingma & Welling 2013 (arXiv:1312.6114); Higgins et al. 2017 (beta-VAE); likelihoods as in Burda, Grosse &
Salakhutdinov 2015 (arXiv:1509.00519), who draw each grey level anew as a black or white pixel at every batch.

Departures: ReLU (or a convolutional body) instead of one tanh layer, Adam instead of Adagrad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from engines import checks, learning, material
from engines.engine import Frame
from engines.maths import intervals
from engines.maths.variational import (
    bernoulli_log_prob,
    importance_log_weights,
    kl_per_dimension,
    log_mean_exp,
    reparameterise,
)

BODIES = ("mlp", "conv")
PIXELS = ("binary", "grey")
USED_NATS = 0.01  # a dimension with less KL than this, on average, carries nothing
GRID = 12  # manifold of 12 x 12 images in a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class VAEConfig(learning.LearnerConfig):
    latent_dim: int = 2  # D
    beta: float = 1.0
    body: str = "mlp"
    width: int = 400  # units of a hidden layer, or twice the channels of the first convolution's successor
    depth: int = 2  # hidden layers each way, of the MLP
    pixels: str = "binary"  # black or white, drawn anew from the grey levels at every batch; or "grey", as they are
    n_pixels: int = 784  # P
    decay: bool = False  # let the learning rate fall to zero over n_steps, along a cosine
    warm_up: int = 0  # steps over which beta rises from 0, so that dimensions are taken up before they cost
    batch_size: int = 128
    n_steps: int = 20_000  # batches in all
    shown: int = 500  # test images that a frame carries the codes of

    def __post_init__(self) -> None:
        checks.at_least(
            self, 1, "latent_dim", "width", "depth", "n_pixels", "batch_size", "n_steps", "shown", "batches_per_step"
        )
        checks.known(self, body=BODIES, pixels=PIXELS)
        if self.body == "conv" and self.n_pixels != 784:
            raise ValueError(f"a convolutional body takes 28 x 28 = 784 pixels, got {self.n_pixels}: choose body 'mlp'")
        checks.zero_or_more(self, "beta", "warm_up")
        learning.check(self)


class VAENetwork(nn.Module):
    """The encoder gives mean and log-variance of q(z|x), the decoder the logits of p(x|z)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        make = _mlp if config.body == "mlp" else _conv
        self.encoder, self.decoder = make(config)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""\mu and \log \sigma^2 of q(z|x): (B, P) -> (B, D), (B, D)."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        return mean, log_var.clamp(-15, 15)  # a variance below 3e-7 says no more, and exp would overflow

    def decode(self, z: Tensor) -> Tensor:
        """Logits of every pixel: (..., D) -> (..., P)."""
        return self.decoder(z.reshape(-1, z.shape[-1])).reshape(*z.shape[:-1], -1)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Both terms of the ELBO in nats, from one sample of q: (B, P), (B, D) -> log p(x|z) (B,), KL (B, D)."""
        mean, log_var = self.encode(x)
        logits = self.decode(reparameterise(mean, log_var, noise))
        return bernoulli_log_prob(x, logits).sum(dim=1), kl_per_dimension(mean, log_var)


def _mlp(config: VAEConfig) -> tuple[nn.Module, nn.Module]:
    hidden = [config.width] * config.depth
    encoder = learning.perceptron([config.n_pixels, *hidden, 2 * config.latent_dim], nn.ReLU)
    return encoder, learning.perceptron([config.latent_dim, *hidden, config.n_pixels], nn.ReLU)


def _conv(config: VAEConfig) -> tuple[nn.Module, nn.Module]:
    """Two convolutions with stride 2 down, two fractionally-strided ones up, a hidden layer at the waist."""
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.ReLU(),  # (B, 32, 14, 14)
        nn.Conv2d(32, 64, 4, stride=2, padding=1), nn.ReLU(),  # (B, 64, 7, 7)
        nn.Flatten(), nn.Linear(64 * 49, config.width), nn.ReLU(),
        nn.Linear(config.width, 2 * config.latent_dim),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(config.latent_dim, config.width), nn.ReLU(),
        nn.Linear(config.width, 64 * 49), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(),  # (B, 32, 14, 14)
        nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1), nn.Flatten(),  # (B, 784)
    )  # fmt: skip
    return encoder, decoder


class VariationalAutoencoder(learning.Learner):
    """Stochastic gradient ascent on the ELBO of ``data`` (images); without data it encodes and decodes only."""

    name: ClassVar[str] = "vae"
    Config: ClassVar[type] = VAEConfig
    Network: ClassVar[type] = VAENetwork

    def __init__(self, config: VAEConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self._probe_noise = torch.randn(config.shown, config.latent_dim, generator=learning.stream(config.seed, 1))
        self._probe_pixels = torch.rand(config.shown, config.n_pixels, generator=learning.stream(config.seed, 2))

    # -- learning --------------------------------------------------------------------------------------

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"image": (self.config.n_pixels,)}

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """One batch: both terms of the ELBO from one sample of q per image, one step of Adam on the loss."""
        noise = self.shared(torch.randn(self.n_batch, self.config.latent_dim, generator=self.rng))
        threshold = self.shared(torch.rand(self.n_batch, self.config.n_pixels, generator=self.rng))
        log_likelihood, kl = self.learners[""](self._pixels(batch["image"], threshold), noise)  # (B,), (B, D)
        loss = (-log_likelihood + self.present_beta * kl.sum(dim=1)).mean()
        self.descend(loss)
        return {"loss": loss}

    @property
    def present_beta(self) -> float:
        return self.config.beta * min(1.0, (self.iteration + 1) / max(1, self.config.warm_up))

    def _pixels(self, levels: Tensor, threshold: Tensor) -> Tensor:
        """Bytes (B, P) as what is learned from: black or white with the level's chance, or the level itself."""
        x = levels.to(torch.float32) / 255
        return (x > threshold).to(torch.float32) if self.config.pixels == "binary" else x

    def binarise(self, images: Any, *, generator: torch.Generator) -> Tensor:
        """Grey images (B, ...), bytes or 0..1, as black and white drawn with each level's chance: (B, P)."""
        return self.sample_pixels(self._rows(images), generator=generator)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, x: Any) -> tuple[Tensor, Tensor]:
        r"""\mu and \log \sigma^2 of q(z|x): images (B, ...) -> (B, D), (B, D)."""
        return self.network.encode(self._rows(x))

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """The mean image p(x_i = 1 | z) of each code: (..., D) -> (..., P)."""
        z = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        if z.dim() < 1 or z.shape[-1] != self.config.latent_dim:
            raise ValueError(f"codes must have shape (..., {self.config.latent_dim}), got {tuple(z.shape)}")
        return torch.sigmoid(self.network.decode(z))

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator, mean: bool = False) -> Tensor:
        """Prior predictive: z from N(0, I), then pixels from p(x|z), or its mean image: -> (n, P).

        The mean is smooth and is what papers print; the sample is what the model says an image is.
        """
        z = torch.randn(n, self.config.latent_dim, generator=generator)
        return self.sample_pixels(self.decode(z), generator=generator) if not mean else self.decode(z)

    @torch.no_grad()
    def sample_posterior(self, x: Any, n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """n codes of q(z|x) and the mean image of each: x (B, ...) -> (n, B, D), (n, B, P)."""
        mean, log_var = self.encode(x)
        noise = torch.randn(n, *mean.shape, generator=generator).to(self.device)
        z = reparameterise(mean, log_var, noise)
        return z, self.decode(z)

    def sample_pixels(self, mean: Tensor, *, generator: torch.Generator) -> Tensor:
        """Black and white pixels with the chances ``mean``, of the same shape."""
        return (mean > torch.rand(mean.shape, generator=generator).to(mean.device)).to(torch.float32)

    @torch.no_grad()
    def elbo(self, x: Any, *, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Both terms in nats: log p(x|z) per pixel (B, P), averaged over the noise (K, B, D), and KL (B, D).

        ELBO = terms[0].sum(1) - terms[1].sum(1). Grey images give the negated cross-entropy instead.
        """
        rows = self._rows(x)
        mean, log_var = self.network.encode(rows)
        z = reparameterise(mean, log_var, noise.to(self.device))  # (K, B, D)
        return bernoulli_log_prob(rows, self.network.decode(z)).mean(dim=0), kl_per_dimension(mean, log_var)

    @torch.no_grad()
    def log_weights(self, x: Any, n_samples: int, *, generator: torch.Generator) -> Tensor:
        """log p(x, z_k) - log q(z_k|x) for z_k from q(z|x), Burda et al. 2015, eq. 7: (B, ...) -> (K, B)."""
        rows = self._rows(x)
        mean, log_var = self.network.encode(rows)
        noise = torch.randn(n_samples, len(rows), self.config.latent_dim, generator=generator).to(self.device)
        return importance_log_weights(rows, mean, log_var, self.network.decode, noise)

    def log_prob(self, x: Any, *, n_samples: int = 500, generator: torch.Generator | None = None) -> Tensor:
        """The importance-weighted bound L_K on log p(x) in nats, K = ``n_samples``: binary x (B, ...) -> (B,)."""
        rows = self._rows(x)
        generator = generator or learning.stream(self.config.seed, 3)
        n_rows = max(1, 12_000 // n_samples)  # 12,000 decoded images at a time: 38 MB
        parts = [log_mean_exp(self.log_weights(part, n_samples, generator=generator)) for part in rows.split(n_rows)]
        return torch.cat(parts)

    def _rows(self, x: Any) -> Tensor:
        return learning.rows_of(x, self.config.n_pixels, self.device)

    @torch.no_grad()
    def evaluate(self, images: Any, *, n_samples: int = 500) -> dict[str, float]:
        """Means over test images (B, ...) of bytes, binarised once by a fixed seed, in nats per image, with intervals:
        ``reconstruction`` -E_q[log p(x|z)] (16 samples), ``kl``, ``elbo``, ``nll`` by ``n_samples`` importance
        samples, ``gap`` between the two, and ``used_dimensions`` (mean KL above 0.01). With grey pixels the
        cross-entropy, and no nll.
        """
        generator = learning.stream(self.config.seed, 4)
        binary = self.config.pixels == "binary"
        x = self.binarise(images, generator=generator) if binary else self._rows(images)
        terms, codes = [], []
        for part in x.split(500):
            noise = torch.randn(16, len(part), self.config.latent_dim, generator=generator)
            log_likelihood, kl = self.elbo(part, noise=noise)
            terms.append(log_likelihood.sum(dim=1))
            codes.append(kl)
        reconstruction, rate = -torch.cat(terms).double().cpu().numpy(), torch.cat(codes).double().cpu().numpy()
        elbo = -reconstruction - rate.sum(axis=1)  # of each image
        result = intervals.of_mean("reconstruction", reconstruction)
        result |= intervals.of_mean("kl", rate.sum(axis=1)) | intervals.of_mean("elbo", elbo)
        result |= intervals.named("used_dimensions", rate, lambda rows: float((rows.mean(axis=0) > USED_NATS).sum()))
        if binary:
            nll = -self.log_prob(x, n_samples=n_samples).double().cpu().numpy()
            result |= intervals.of_mean("nll", nll) | intervals.of_mean("gap", -elbo - nll)
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    @torch.no_grad()
    def frame(self) -> Frame:
        """Scalars in nats per image over the probe (the first ``shown`` test images, the same noise at every step);
        arrays ``means`` and ``log_vars`` (M, D), ``kl`` (D,), ``originals`` and ``reconstructions`` (10, P) bytes,
        ``manifold`` (144, P) bytes: the grid of `manifold_codes` where D = 2, else 144 fixed draws of the prior.
        """
        arrays: dict[str, Any] = {"manifold": learning.to_bytes(self.decode(manifold_codes(self.config.latent_dim)))}
        scalars = {"beta": self.present_beta}
        if self.data is not None:
            levels = self.data.probe["image"][: self.config.shown]
            x = self._pixels(levels, self._probe_pixels[: len(levels)].to(self.device))
            mean, log_var = self.network.encode(x)
            z = reparameterise(mean, log_var, self._probe_noise[: len(levels)].to(self.device))
            log_likelihood = bernoulli_log_prob(x, self.network.decode(z)).sum(dim=1).mean()
            kl = kl_per_dimension(mean, log_var).mean(dim=0)  # (D,)
            scalars |= {
                "reconstruction": -float(log_likelihood),
                "kl": float(kl.sum()),
                "elbo": float(log_likelihood - kl.sum()),
                "used_dimensions": float((kl > USED_NATS).sum()),
            }
            arrays |= {
                "means": mean,
                "log_vars": log_var,
                "kl": kl,
                "originals": levels[:10],
                "reconstructions": learning.to_bytes(self.decode(mean[:10])),
            }
        return self.framed(scalars, **arrays)


def manifold_codes(latent_dim: int, n: int = GRID) -> Tensor:
    """Codes for a picture of the whole space: (n * n, D).

    Of two dimensions a grid, first row on top, spaced so that each cell holds the same share of the prior
    (Kingma & Welling 2013, figure 4); of any other number, n * n fixed draws of the prior.
    """
    if latent_dim != 2:
        return torch.randn(n * n, latent_dim, generator=learning.stream(0, 5))
    at = torch.tensor(ndtri((np.arange(n) + 0.5) / n), dtype=torch.float32)  # quantiles
    rows, columns = torch.meshgrid(at.flip(0), at, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], dim=1)
