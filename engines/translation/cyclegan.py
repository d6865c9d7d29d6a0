r"""CycleGAN: two styles, no pairs. Zhu, Park, Isola & Efros 2017 (arXiv:1703.10593).

    L_GAN(G, D_Y)  = E (D_Y(G(x)) - 1)^2   for G,   E (D_Y(y) - 1)^2 + E D_Y(G(x))^2   for D_Y      section 4
    L_cyc(G, F)    = E|F(G(x)) - x|_1 + E|G(F(y)) - y|_1                                            eq. 2
    L(G, F)        = L_GAN(G, D_Y) + L_GAN(F, D_X) + \lambda L_cyc(G, F),  \lambda = 10             eq. 3
    L_identity     = E|G(y) - y|_1 + E|F(x) - x|_1,  weighted by 0.5 \lambda where it is used       section 5.2

G turns x into y's style and F back. The least squares stand for the logarithms of eq. 1. D's loss is halved, and D sees
images out of a pool of the last 50 that were made, so that G cannot run from it in circles (section 4).

x are emoji in a flat style, y in a shaded one. The files hold the same emoji in both; training knows two heaps of
images, and only `evaluate` knows the partners. ``cycle_weight`` 0, ``both_ways`` False and ``identity_weight`` 0 take
parts away.

Departures: 32 pixels instead of 256, so one halving less in G and F, patches of 16 pixels instead of 70 and three
residual blocks; 16 channels instead of 64; zeros around the images, not reflections; batches of 4 instead of 1; a
learning rate of 5e-4 instead of 2e-4, which falls along a cosine from the start, not along a line over the second half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.foundations import classifier
from engines.material import Fields, Unpaired
from engines.maths.intervals import named

SIDE = 64  # of the files' images
SHOWN = 8  # test emoji that a frame translates
POOL = 50  # past images of each kind that D is shown
NOISE = 4 / 255  # on a translation, too small to see

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 12, "n_blocks": 2, "n_steps": 1_500}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-cycle": {**_SMALL, "cycle_weight": 0.0, "identity_weight": 0.0},
    "one-way": {**_SMALL, "both_ways": False},
    "no-identity": {**_SMALL, "identity_weight": 0.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleGANConfig(learning.LearnerConfig):
    side: int = 32  # pixels of the images that it learns from, 32 or 64
    channels: int = 16  # next to the image, in all networks
    n_blocks: int = 3
    cycle_weight: float = 10.0  # lambda
    both_ways: bool = True  # False: the cycle x -> y -> x alone
    identity_weight: float = 5.0
    learning_rate: float = 5e-4
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 4
    n_steps: int = 4_500

    def __post_init__(self) -> None:
        weights = {"cycle_weight": (0, 1000), "identity_weight": (0, 1000)}
        learning.check(self, channels=(1, 512), n_blocks=(0, 16), batch_size=(1, 256), n_steps=(1, 10**7), **weights)
        if self.side not in (32, 64):
            raise ValueError(f"side must be 32 or 64, got {self.side}")


class Block(nn.Module):
    """x plus two convolutions of it, as many channels out as in."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_conv(c, c, 3), nn.ReLU(), *_conv(c, c, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def generator(c: int, n_blocks: int) -> nn.Module:
    """c7s1-c, d2c, blocks, uc, c7s1-3 in the paper's words: (B, 3, S, S) in -1..1 -> the same."""
    down = [*_conv(3, c, 7), nn.ReLU(), *_conv(c, 2 * c, 3, stride=2), nn.ReLU()]
    up = [nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), nn.InstanceNorm2d(c), nn.ReLU()]
    return nn.Sequential(*down, *(Block(2 * c) for _ in range(n_blocks)), *up, nn.Conv2d(c, 3, 7, padding=3), nn.Tanh())


def discriminator(c: int) -> nn.Module:
    """One number for every patch of 16 pixels: (B, 3, S, S) -> (B, 1, S / 2 - 2, S / 2 - 2)."""
    first = [nn.Conv2d(3, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    second = [nn.Conv2d(c, 2 * c, 4, padding=1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2)]
    return nn.Sequential(*first, *second, nn.Conv2d(2 * c, 1, 4, padding=1))


def both(network: nn.Module, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Two batches through a network in one go, which is quicker; instance normalisation keeps the images apart."""
    return network(torch.cat([a, b])).chunk(2)


def _conv(n_in: int, n_out: int, kernel: int, *, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2), nn.InstanceNorm2d(n_out)]


class Pool:
    """The last images made: half of what goes in comes out again, for the other half an older one (section 4)."""

    def __init__(self, side: int, size: int = POOL) -> None:
        self.size, self.images = size, torch.zeros(0, 3, side, side)

    def exchange(self, made: Tensor, rng: torch.Generator) -> Tensor:
        """(B, 3, S, S) -> (B, 3, S, S), detached: while the pool fills, what was given."""
        out = []
        for image in made.detach():
            if len(self.images) < self.size:
                self.images = torch.cat([self.images.to(image.device), image[None]])
                out.append(image)
                continue
            swap, at = (int(torch.randint(n, (1,), generator=rng)) for n in (2, self.size))
            out.append(self.images[at].clone() if swap else image)
            if swap:
                self.images[at] = image
        return torch.stack(out)


class Styles(Unpaired):
    """``flat`` and ``noto`` (B, 64, 64, 3); on the test side row i is the same emoji.

    The training rows of each style stand in the order of their own bytes' hashes, and batches draw the two apart: in
    whatever order the files hold them, the same run follows, so no pair can be learned from.
    """

    fields = ("flat", "noto")

    def __init__(self, train: Mapping[str, Any], test: Mapping[str, Any] | None = None, **about: Any) -> None:
        super().__init__(train, test, **about)
        self.train = {key: rows[by_hash(rows)] for key, rows in self.train.items()}


def by_hash(rows: Tensor) -> list[int]:
    """The rows' numbers by the sha256 of what each holds."""
    held = rows.cpu().numpy()
    return sorted(range(len(held)), key=lambda i: hashlib.sha256(held[i].tobytes()).digest())


class CycleGAN(learning.Learner):
    """Learns from two kinds of images without pairs; without data it translates only."""

    name: ClassVar[str] = "cyclegan"
    Config: ClassVar[type] = CycleGANConfig
    learns_from = Styles
    VARIANTS = VARIANTS
    training_state: ClassVar[tuple[str, ...]] = (*learning.TRAINING_STATE, "pool.")

    def __init__(self, config: CycleGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self.pools = {"X": Pool(config.side), "Y": Pool(config.side)}

    start = learning.start_small

    def make(self) -> nn.Module:
        c, n = self.config.channels, self.config.n_blocks
        return nn.ModuleDict(
            {"G": generator(c, n), "F": generator(c, n), "D_X": discriminator(c), "D_Y": discriminator(c)}
        )

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of G and F on eq. 3 (and the identity loss), then a step of each discriminator."""
        config, G, F_ = self.config, self.learners["G"], self.learners["F"]
        x, y = self.images(batch["flat"]), self.images(batch["noto"])
        if config.identity_weight:
            (to_y, same_y), (to_x, same_x) = both(G, x, y), both(F_, y, x)
        else:
            to_y, to_x = G(x), F_(y)
        with self.held("D_Y") as D_Y, self.held("D_X") as D_X:
            gan = ((D_Y(to_y) - 1) ** 2).mean() + ((D_X(to_x) - 1) ** 2).mean()
        loss, said = gan, {"gan": gan}
        if config.cycle_weight:
            cycle = F.l1_loss(F_(to_y), x)
            if config.both_ways:
                cycle = cycle + F.l1_loss(G(to_x), y)
            loss, said = loss + config.cycle_weight * cycle, said | {"cycle": cycle}
        if config.identity_weight:
            identity = F.l1_loss(same_y, y) + F.l1_loss(same_x, x)
            loss, said = loss + config.identity_weight * identity, said | {"identity": identity}
        self.descend(loss, "G", "F")
        for kind, real, made in (("Y", y, to_y), ("X", x, to_x)):
            D = self.learners[f"D_{kind}"]
            past = self.pools[kind].exchange(made, self.rng)
            on_real, on_past = both(D, real, past)
            d_loss = (((on_real - 1) ** 2).mean() + (on_past**2).mean()) / 2
            self.descend(d_loss, f"D_{kind}")
            said[f"d_{kind.lower()}"] = d_loss
        return said

    def images(self, x: Any) -> Tensor:
        """Images (B, 64, 64, 3), bytes or 0..1, at the network's size -> (B, 3, S, S) in -1..1."""
        rows = learning.rows_of(x, 3 * SIDE * SIDE, self.device).reshape(-1, SIDE, SIDE, 3)
        return 2 * F.avg_pool2d(rows.permute(0, 3, 1, 2), SIDE // self.config.side) - 1

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(self, x: Any, way: str = "G") -> Tensor:
        """Flat as shaded ("G") or shaded as flat ("F"): (B, 64, 64, 3) -> (B, S, S, 3) in 0..1."""
        return self.lead(shown(self.images(x)), way)

    @torch.no_grad()
    def cycle(self, x: Any, way: str = "G") -> tuple[Tensor, Tensor]:
        """There and back, G(x) and F(G(x)), by ``way`` "F" F(x) and G(F(x)): (B, 64, 64, 3) -> two of (B, S, S, 3)."""
        there = self.translate(x, way)
        return there, self.lead(there, "F" if way == "G" else "G")

    @torch.no_grad()
    def lead(self, images: Tensor, way: str) -> Tensor:
        """What G or F makes of images at its own size: (B, S, S, 3) in 0..1 -> the same."""
        return torch.cat([shown(self.network[way](2 * x.permute(0, 3, 1, 2) - 1)) for x in images.split(50)])

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over test emoji, whose partners are known here alone, each mean with its 95 % interval:

        ``partner``, the share of G(x) that are nearest, among all test images of the other style, to their own
        partner, by `features`; ``untranslated``, the same for x as it is; ``gain``, the one less the other, emoji by
        emoji; ``back``, ``back_untranslated`` and ``back_gain``, the same for F(y) among the flat ones; ``chance``.
        ``colours`` and ``colours_untranslated``: as the first two, by nothing but mean colours at 8 x 8.
        ``cycle`` and ``cycle_back``, how far F(G(x)) is from x and G(F(y)) from y, in levels of 255; ``cycle_mean``,
        how far the mean of all x is. ``noisy``: as ``cycle``, with noise of four levels on G(x); ``noisy_other``: with
        the same noise on the true y, how far F of it moves. ``off``, how far G(x) is from its partner, and
        ``off_untranslated``, how far x is. ``changed``, how far G(x) is from x.
        """
        x, y = shown(self.images(test["flat"])), shown(self.images(test["noto"]))
        made, back = self.cycle(test["flat"])
        made_x, back_y = self.cycle(test["noto"], "F")
        f_x, f_y, f_made, f_made_x = (features(images) for images in (x, y, made, made_x))
        partner, untranslated = nearest_is_own(f_made, f_y), nearest_is_own(f_x, f_y)
        partner_back, untranslated_back = nearest_is_own(f_made_x, f_x), nearest_is_own(f_y, f_x)
        draw = learning.stream(self.config.seed, 2)
        noisy, moved = (self.lead(with_noise(images, NOISE, draw), "F") for images in (made, y))
        return {
            **named("partner", partner),
            **named("untranslated", untranslated),
            **named("gain", partner - untranslated),
            **named("back", partner_back),
            **named("back_untranslated", untranslated_back),
            **named("back_gain", partner_back - untranslated_back),
            "chance": 1 / len(x),
            **named("colours", nearest_is_own(coarse(made), coarse(y))),
            **named("colours_untranslated", nearest_is_own(coarse(x), coarse(y))),
            **named("cycle", off(back, x)),
            **named("cycle_back", off(back_y, y)),
            **named("cycle_mean", off(x.mean(dim=0, keepdim=True), x)),
            **named("noisy", off(noisy, x)),
            **named("noisy_other", off(moved, made_x)),
            **named("off", off(made, y)),
            **named("off_untranslated", off(x, y)),
            **named("changed", off(made, x)),
        }

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made``: G(x), F(G(x)) and F(y) of the first test emoji, the bytes of a WebP picture (see
        `engines.data.webp`). Over all emoji to watch: ``partner``, `evaluate`'s, among these, and ``test_cycle``.
        """
        flat, noto = self.data.probe["flat"], self.data.probe["noto"]
        there, back = self.cycle(flat)
        own = nearest_is_own(features(there), features(shown(self.images(noto))))
        scalars = {"partner": float(own.mean()), "test_cycle": float(off(back, shown(self.images(flat))).mean())}
        every = torch.cat([there[:SHOWN], back[:SHOWN], self.translate(noto[:SHOWN], "F")])
        return self.framed(scalars, made=webp.pack(learning.to_bytes(every).cpu().numpy()))

    # -- saving ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {f"pool.{kind}": pool.images.clone() for kind, pool in self.pools.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        for kind, pool in self.pools.items():
            pool.images = state.get(f"pool.{kind}", pool.images[:0]).clone()


def shown(x: Tensor) -> Tensor:
    """(B, 3, S, S) in -1..1 -> (B, S, S, 3) in 0..1."""
    return (x.clamp(-1, 1).permute(0, 2, 3, 1) + 1) / 2


def with_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Images in 0..1 with Gaussian noise of this deviation on every level. What noise too small to see destroys on the
    way back was hidden in the translation (Chu et al. 2017, arXiv:1712.02950).
    """
    return images + deviation * torch.randn(images.shape, generator=generator).to(images.device)


# -- measures ------------------------------------------------------------------------------------------


def features(images: Tensor) -> Tensor:
    """The last hidden layer of the shipped classifier of Fashion-MNIST, which has seen clothes in grey and no emoji,
    for red, green and blue each, on black ground: (N, S, S, 3) in 0..1 -> (N, 192) of length 1.
    """
    planes = F.adaptive_avg_pool2d(1 - images.permute(0, 3, 1, 2), 28).reshape(-1, 784)
    found = classifier.shipped("fashion", str(images.device)).features(planes)
    return F.normalize(found.reshape(len(images), -1).double())


def coarse(images: Tensor) -> Tensor:
    """Mean colours at 8 x 8: (N, S, S, 3) -> (N, 192)."""
    return F.adaptive_avg_pool2d(images.permute(0, 3, 1, 2), 8).flatten(1).double()


def nearest_is_own(made: Tensor, others: Tensor) -> np.ndarray:
    """1 where row i of ``others`` is the nearest to row i of ``made``: (N, F) twice -> (N,)."""
    return (nearest(made, others) == torch.arange(len(made))).double().numpy()


def nearest(made: Tensor, others: Tensor) -> Tensor:
    """Which row of ``others`` (M, F) each row of ``made`` (N, F) is nearest to: (N,)."""
    return torch.cdist(made, others).argmin(dim=1).cpu()


def off(guess: Tensor, true: Tensor) -> np.ndarray:
    """Mean distance of each image in levels of 255: (N, S, S, 3) in 0..1 twice -> (N,)."""
    return 255 * (guess - true).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()
