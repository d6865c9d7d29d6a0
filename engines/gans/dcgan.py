r"""A deep convolutional GAN: Radford, Metz & Chintala 2015 (arXiv:1511.06434), section 3, for small grey images.

    min over the discriminator's weights:  - log D(x) - log(1 - D(G(z)))      Goodfellow et al. 2014, eq. 1
    min over the generator's weights:      - log D(G(z))                      section 3, the non-saturating form

The recipe, each rule a switch of the config:
    strided         fractionally-strided convolutions up, strided ones down, instead of resizing and pooling
    batch_norm      in both networks, except the generator's output and the discriminator's input
    hidden_layer    False: no fully connected hidden layers
    generator_relu  ReLU in the generator (False: tanh), tanh at its output
    leaky           LeakyReLU of slope 0.2 in the discriminator (False: ReLU)
    small_start     all weights from N(0, 0.02^2) (False: uniform by fan-in)
    beta1           0.5 in Adam, with a learning rate of 0.0002

Departures: three enlarging layers instead of four and 64 to 256 channels instead of 128 to 1024, for images of 28 or
32 pixels (28 goes 4, 7, 14, 28, with a kernel of 3 once); the code is Gaussian, not uniform, and some of its numbers
may keep away from zero (`switches`); the learning rate may fall to zero along a cosine (`decay`). With several devices
each takes its batch statistics from its own share.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checks, learning, material
from engines.engine import Frame
from engines.foundations import classifier
from engines.maths.samples import frechet_distance, precision_recall

SHOWN = 64  # samples of a frame, from the same codes at every step
JUDGED = 2_000  # samples that a frame's measures rest on
GAP = 1.0  # how far from zero a code's switches keep
SURE = 0.9  # a sample is clear where the classifier gives one class at least this


@dataclass(frozen=True, slots=True, kw_only=True)
class DCGANConfig(learning.LearnerConfig):
    size: int = 28  # pixels a side: 28, or 32 (padded with black)
    latent_dim: int = 100  # D
    switches: int = 0  # so many of a code's numbers keep away from zero; see `draw_codes`
    channels: int = 64  # C: of the layer next to the image; twice and four times as many below it
    strided: bool = True
    batch_norm: bool = True
    hidden_layer: bool = False
    generator_relu: bool = True
    leaky: bool = True
    small_start: bool = True
    beta1: float = 0.5
    learning_rate: float = 2e-4
    decay: bool = False
    g_steps: int = 1  # of the generator a batch; the paper takes one, two keep up with a discriminator that wins
    batch_size: int = 128
    judge: str = ""  # "mnist" or "fashion": frames measure their samples by the shipped classifier of that set

    def __post_init__(self) -> None:
        if self.size not in (28, 32):
            raise ValueError(f"size must be 28 or 32 pixels, got {self.size}")
        checks.at_least(self, 1, "latent_dim", "channels", "n_steps", "batches_per_step", "g_steps")
        if not 0 <= self.switches <= self.latent_dim:
            raise ValueError(f"switches must be from 0 to latent_dim, {self.latent_dim}, got {self.switches}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2 for batch normalisation, got {self.batch_size}")
        learning.check(self)
        if not 0 <= self.beta1 < 1:
            raise ValueError(f"beta1 must be from 0 to below 1, got {self.beta1}")
        if self.judge not in ("", "mnist", "fashion"):
            raise ValueError(f"judge {self.judge!r} is not known; choose mnist, fashion or nothing")


class Generator(nn.Module):
    """A code becomes a 4 x 4 map of many channels, then three times a map of twice the size: (B, D) -> (B, 1, S, S)."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        c, sizes = config.channels, sides(config)
        n_in = config.latent_dim
        self.hidden: nn.Module = nn.Identity()
        if config.hidden_layer:
            self.hidden, n_in = nn.Sequential(nn.Linear(n_in, 256), _active(config)), 256
        widths = [4 * c, 2 * c, c, 1]
        layers = [_normed(nn.ConvTranspose2d(n_in, 4 * c, 4, bias=False), 4 * c, config)]  # (B, 4 C, 4, 4)
        for k in (1, 2):
            layers.append(_normed(_up(widths[k - 1], widths[k], sizes[k], config), widths[k], config))
        layers.append(nn.Sequential(_up(c, 1, config.size, config, bias=True), nn.Tanh()))  # (B, 1, S, S)
        self.layers = nn.ModuleList(layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.maps(z)[-1]

    def maps(self, z: Tensor) -> list[Tensor]:
        """What every layer gives, the code as a 1 x 1 map first and the image in -1..1 last."""
        maps = [self.hidden(z)[:, :, None, None]]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return maps


class Discriminator(nn.Module):
    """Three times a map of half the size, then one number: the logit of "real", (B, 1, S, S) -> (B,)."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        c, sizes = config.channels, sides(config)
        act = nn.LeakyReLU(0.2) if config.leaky else nn.ReLU()
        layers = [*_down(1, c, sizes[2], config), act]  # (B, C, S/2, S/2), without normalisation at the input
        for n_in, n_out, side in ((c, 2 * c, sizes[1]), (2 * c, 4 * c, 4)):
            norm: list[nn.Module] = [nn.BatchNorm2d(n_out)] if config.batch_norm else []
            layers += [*_down(n_in, n_out, side, config, bias=not config.batch_norm), *norm, act]
        self.body = nn.Sequential(*layers, nn.Flatten())  # (B, 4 C 4^2)
        n = 4 * c * 16
        # A convolution over all of the map: the same as a linear layer, and not a hidden one.
        self.head = nn.Sequential(nn.Linear(n, 256), act, nn.Linear(256, 1)) if config.hidden_layer else nn.Linear(n, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).squeeze(1)


def draw_codes(n: int, config: DCGANConfig, *, generator: torch.Generator) -> Tensor:
    r"""Codes from the prior, (n, D): z = \epsilon + GAP sign(\epsilon) in the first ``switches`` numbers, \epsilon in
    the others, with \epsilon from N(0, I).

    A generator is continuous, so a prior of one piece is drawn, here and there, between two digits. Switches leave
    2^switches pieces with nothing between them (compare Gurumurthy et al. 2017, arXiv:1706.02071, a mixture as prior).
    """
    z = torch.randn(n, config.latent_dim, generator=generator)
    z[:, : config.switches] += GAP * z[:, : config.switches].sign()
    return z


def sides(config: DCGANConfig) -> tuple[int, int, int, int]:
    """The side of the generator's maps in pixels: 4, 7, 14, 28 or 4, 8, 16, 32."""
    return (4, config.size // 4, config.size // 2, config.size)


def _active(config: DCGANConfig) -> nn.Module:
    return nn.ReLU() if config.generator_relu else nn.Tanh()


def _normed(layer: nn.Module, n: int, config: DCGANConfig) -> nn.Module:
    norm: list[nn.Module] = [nn.BatchNorm2d(n)] if config.batch_norm else []
    return nn.Sequential(layer, *norm, _active(config))


def _up(n_in: int, n_out: int, side: int, config: DCGANConfig, *, bias: bool = False) -> nn.Module:
    """Twice the side (4 to 7 with a smaller kernel): stride 1/2, or each pixel repeated and then a convolution."""
    if config.strided:
        return nn.ConvTranspose2d(n_in, n_out, 3 if side == 7 else 4, stride=2, padding=1, bias=bias)
    return nn.Sequential(nn.Upsample(size=side), nn.Conv2d(n_in, n_out, 3, padding=1, bias=bias))


def _down(n_in: int, n_out: int, side: int, config: DCGANConfig, *, bias: bool = True) -> list[nn.Module]:
    """Half the side (7 to 4 with a smaller kernel)."""
    if config.strided:
        return [nn.Conv2d(n_in, n_out, 3 if (config.size, side) == (28, 4) else 4, stride=2, padding=1, bias=bias)]
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=bias), nn.MaxPool2d(2, ceil_mode=True)]


class DCGAN(learning.Learner):
    """Both networks learn from ``data`` (images), the discriminator first; without data it generates only."""

    name: ClassVar[str] = "dcgan"
    Config: ClassVar[type] = DCGANConfig
    shapes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (784,)}

    def __init__(self, config: DCGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self._real: np.ndarray | None = None  # features of training images, once frames measure
        self.codes = draw_codes(SHOWN, config, generator=learning.stream(config.seed, 1))

    def make(self) -> nn.Module:
        return nn.ModuleDict({"G": Generator(self.config), "D": Discriminator(self.config)})

    def start(self, network: nn.Module) -> nn.Module:
        return learning.start_small(self, network) if self.config.small_start else network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: material.Fields) -> dict[str, Tensor]:
        """The discriminator learns, then the generator."""
        G, D = self.learners["G"], self.learners["D"]
        x_fake = G(self._codes())  # (B, 1, S, S)
        logit_real, logit_fake = D(self._image(batch["image"])), D(x_fake.detach())
        d_loss = F.softplus(-logit_real).mean() + F.softplus(logit_fake).mean()  # -log D(x) - log(1 - D(G(z)))
        self.descend(d_loss, "D")
        for i in range(self.config.g_steps):
            if i:
                x_fake = G(self._codes())
            with self.held("D") as judge:
                g_loss = F.softplus(-judge(x_fake)).mean()  # -log D(G(z))
            self.descend(g_loss, "G")
        d_real, d_fake = (logit.sigmoid().mean() for logit in (logit_real, logit_fake))
        return {"d_loss": d_loss, "g_loss": g_loss, "d_real": d_real, "d_fake": d_fake}

    def _codes(self) -> Tensor:
        """Codes for a batch, this process's share of them: (B, D)."""
        return self.shared(draw_codes(self.n_batch, self.config, generator=self.rng))

    def _image(self, rows: Any) -> Tensor:
        """Images (B, ...) of 784 pixels, bytes or 0..1, as the discriminator takes them: (B, 1, S, S) in -1..1."""
        x = learning.greys_of(rows, 28, self.device)
        margin = (self.config.size - 28) // 2
        return F.pad(x, (margin,) * 4, value=-1.0) if margin else x

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """The image of each code, in 0..1: (B, D) -> (B, S, S)."""
        return (self.maps(z)[-1].squeeze(1) + 1) / 2

    @torch.no_grad()
    def maps(self, z: Any) -> list[Tensor]:
        """What every layer of the generator gives for codes (B, D): (B, C, H, W) each, the image in -1..1 last."""
        z = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        if z.dim() != 2 or z.shape[1] != self.config.latent_dim:
            raise ValueError(f"codes must have shape (B, {self.config.latent_dim}), got {tuple(z.shape)}")
        return self.network["G"].maps(z)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Codes from the prior, then G(z): (n, S, S) in 0..1."""
        z = draw_codes(n, self.config, generator=generator)
        return torch.cat([self.decode(part) for part in z.split(250)])

    @torch.no_grad()
    def score(self, images: Any, *, among: Any = None) -> Tensor:
        """The logit of "real": images (B, S, S) or (B, 784), bytes or 0..1 -> (B,).

        D scores as it learned, with batch normalisation by the batch's own statistics: under the running averages its
        answers are others (.41 instead of .60 for test digits, of the shipped D). ``among`` are the images
        (N, ...) that a few are scored together with.
        """
        scored = self._scored(images)
        batch = scored if among is None else torch.cat([scored, self._scored(among)])
        network = copy.deepcopy(self.network["D"]).train()  # a copy: other viewers score with the same networks
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.track_running_stats = False
        return network(batch)[: len(scored)]

    def _scored(self, images: Any) -> Tensor:
        x = material.tensor_of(images).to(self.device)
        if x.shape[1:] == (self.config.size,) * 2 and self.config.size == 32:
            return 2 * x[:, None].to(torch.float32) - 1
        return self._image(x)

    @torch.no_grad()
    def judge(self, images: Tensor, *, real: np.ndarray, by: classifier.Classifier) -> dict[str, float]:
        """Measures of samples (N, S, S) in 0..1 against the features of real images (M, F), by a classifier:
        ``frechet`` distance, ``precision`` and ``recall`` in its features, the share of ``clear`` samples (one class
        has at least 0.9), and the ``rarest`` and ``commonest`` class's share.
        """
        features = by.features(self._cut(images))
        probability = by.network.head(features).softmax(dim=1)  # (N, C)
        shares = torch.bincount(probability.argmax(dim=1), minlength=by.config.n_classes).double() / len(images)
        fake = features.cpu().numpy()
        precision, recall = precision_recall(real[:JUDGED], fake[:JUDGED])
        return {
            "frechet": frechet_distance(real, fake),
            "precision": precision,
            "recall": recall,
            "clear": clear(probability),
            "rarest": float(shares.min()),
            "commonest": float(shares.max()),
        }

    def _cut(self, images: Tensor) -> Tensor:
        """The inner 28 x 28 pixels, flat: (N, S, S) -> (N, 784)."""
        margin = (self.config.size - 28) // 2
        return images[:, margin : margin + 28, margin : margin + 28].reshape(len(images), 784)

    def evaluate(self, images: Any) -> dict[str, float]:
        """`judge` of 5,000 samples against test images (B, ...), by the classifier of ``config.judge`` (MNIST's where
        it is empty), and ``frechet_real``: the distance of 5,000 training images from the same test images. Precision
        and recall rest on 2,000 of each: of the test images a draw, for MNIST's first half is written more clearly.
        """
        by = classifier.shipped(self.config.judge or "mnist", str(self.device))
        real = by.features(np.array(images)[shuffled(len(images))]).cpu().numpy()
        result = self.judge(self.sample(5_000, generator=learning.stream(self.config.seed, 2)), real=real, by=by)
        if self.data is not None:
            result["frechet_real"] = frechet_distance(real, by.features(self.data.train["image"][:5_000]).cpu().numpy())
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    @torch.no_grad()
    def frame(self) -> Frame:
        """``samples`` (64, S^2) bytes from the same codes at every step, ``score_real`` and ``score_fake`` (64,):
        D's probability of "real" for test images and for the samples; scalars: running averages over the batches,
        and the measures of `judge` where the config names one.
        """
        images = self.decode(self.codes.to(self.device))
        arrays: dict[str, Any] = {
            "samples": learning.to_bytes(images).flatten(1),
            "score_fake": self.score(images).sigmoid(),
        }
        scalars: dict[str, float] = {}
        if self.data is not None:
            arrays["score_real"] = self.score(self.data.probe["image"][:SHOWN]).sigmoid()
            if self.config.judge:
                by = classifier.shipped(self.config.judge, str(self.device))
                if self._real is None:
                    self._real = by.features(self.data.train["image"][: 2 * JUDGED]).cpu().numpy()
                samples = self.sample(JUDGED, generator=learning.stream(self.config.seed, 3))
                scalars |= self.judge(samples, real=self._real, by=by)
        return self.framed(scalars, **arrays)


def clear(probability: Tensor) -> float:
    """The share of samples of which one class has at least 0.9: p(class | sample) (N, C)."""
    return float((probability.max(dim=1).values >= SURE).double().mean())


def shuffled(n: int) -> np.ndarray:
    """The rows of a test set in the order in which they are drawn to judge by, always the same: (n,)."""
    return torch.randperm(n, generator=learning.stream(0, 5)).numpy()


@lru_cache(maxsize=4)
def scale(data_name: str) -> dict[str, float]:
    """What `judge` would say of real images and of noise: ``precision`` and ``recall`` of 2,000 test images against the
    2,000 others that `evaluate` draws, the share that is ``clear``, and that of ``noise`` which is as clear to it.
    """
    from engines import data

    by = classifier.shipped(data_name, "cpu")
    test = np.array(data.load(data_name, split="test").x)
    test = test[shuffled(len(test))[: 2 * JUDGED]]
    noise = torch.rand((JUDGED, 784), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        real, drawn = by.features(test), by.features(noise)
        sure = [clear(by.network.head(x).softmax(dim=1)) for x in (real[JUDGED:], drawn)]
    precision, recall = precision_recall(real[:JUDGED].cpu().numpy(), real[JUDGED:].cpu().numpy())
    return {"precision": precision, "recall": recall, "clear": sure[0], "noise": sure[1]}
