r"""CycleGAN: two styles, no pairs. Zhu, Park, Isola & Efros 2017 (arXiv:1703.10593).

    L_GAN(G, D_Y)  = E (D_Y(G(x)) - 1)^2   for G,   E (D_Y(y) - 1)^2 + E D_Y(G(x))^2   for D_Y      section 4
    L_cyc(G, F)    = E|F(G(x)) - x|_1 + E|G(F(y)) - y|_1                                            eq. 2
    L(G, F)        = L_GAN(G, D_Y) + L_GAN(F, D_X) + \lambda L_cyc(G, F),  \lambda = 10             eq. 3
    L_identity     = E|G(y) - y|_1 + E|F(x) - x|_1,  weighted by 0.5 \lambda where it is used       section 5.2

G turns x into y's style and F back. The least squares stand for the logarithms of eq. 1. D's loss is halved, and D sees
images out of a pool of the last 50 that were made, so that G cannot run from it in circles (section 4).

x are emoji in a flat style, y in a shaded one. The files hold the same emoji in both; training draws the two in orders
of their own, and only `evaluate` knows the partners. ``cycle_weight`` 0, ``both_ways`` False and ``identity_weight`` 0
take parts away.

Departures: 32 pixels instead of 256, so one halving less and four residual blocks instead of six; 16 channels instead
of 64; batches of 4 instead of 1; the learning rate falls along a cosine, not a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields, Unpaired
from engines.maths.intervals import named

SIDE = 32
SHOWN = 8  # test emoji that a frame translates
POOL = 50  # past images of each kind that D is shown

_SMALL: dict[str, Any] = {"channels": 8, "n_steps": 1_500}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-cycle": {**_SMALL, "cycle_weight": 0.0, "identity_weight": 0.0},
    "one-way": {**_SMALL, "both_ways": False},
    "no-identity": {**_SMALL, "identity_weight": 0.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleGANConfig:
    channels: int = 16  # next to the image, in all networks
    n_blocks: int = 4
    cycle_weight: float = 10.0  # lambda
    both_ways: bool = True  # False: the cycle x -> y -> x alone
    identity_weight: float = 5.0
    learning_rate: float = 2e-4
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 4
    n_steps: int = 4_000
    batches_per_step: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        weights = {"cycle_weight": (0, 1000), "identity_weight": (0, 1000)}
        learning.check(self, channels=(1, 512), n_blocks=(0, 16), batch_size=(1, 256), n_steps=(1, 10**7), **weights)


class Block(nn.Module):
    """x plus two convolutions of it, as many channels out as in."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_conv(c, c, 3), nn.ReLU(), *_conv(c, c, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def generator(c: int, n_blocks: int) -> nn.Module:
    """c7s1-c, d2c, blocks, uc, c7s1-3 in the paper's words: (B, 3, 32, 32) in -1..1 -> the same."""
    down = [*_conv(3, c, 7), nn.ReLU(), *_conv(c, 2 * c, 3, stride=2), nn.ReLU()]
    up = [nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), nn.InstanceNorm2d(c), nn.ReLU()]
    return nn.Sequential(*down, *(Block(2 * c) for _ in range(n_blocks)), *up, nn.Conv2d(c, 3, 7, padding=3), nn.Tanh())


def discriminator(c: int) -> nn.Module:
    """One number for every patch of 16 pixels: (B, 3, 32, 32) -> (B, 1, 14, 14)."""
    first = [nn.Conv2d(3, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    second = [nn.Conv2d(c, 2 * c, 4, padding=1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2)]
    return nn.Sequential(*first, *second, nn.Conv2d(2 * c, 1, 4, padding=1))


def _conv(n_in: int, n_out: int, kernel: int, *, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2), nn.InstanceNorm2d(n_out)]


class Pool:
    """The last images made: half of what goes in comes out again, for the other half an older one (section 4)."""

    def __init__(self, size: int = POOL) -> None:
        self.size, self.images = size, torch.zeros(0, 3, SIDE, SIDE)

    def exchange(self, made: Tensor, rng: torch.Generator) -> Tensor:
        """(B, 3, 32, 32) -> (B, 3, 32, 32), detached: while the pool fills, what was given."""
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
    """``flat`` and ``noto`` (B, 64, 64, 3), each in an order of its own; on the test side row i is the same emoji."""

    fields = ("flat", "noto")


class CycleGAN(learning.Learner):
    """Learns from two kinds of images without pairs; without data it translates only."""

    name: ClassVar[str] = "cyclegan"
    Config: ClassVar[type] = CycleGANConfig
    learns_from = Styles
    VARIANTS = VARIANTS
    training_state: ClassVar[tuple[str, ...]] = (*learning.TRAINING_STATE, "pool.")

    def __init__(self, config: CycleGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self.pools = {"X": Pool(), "Y": Pool()}

    def make(self) -> nn.Module:
        c, n = self.config.channels, self.config.n_blocks
        return nn.ModuleDict(
            {"G": generator(c, n), "F": generator(c, n), "D_X": discriminator(c), "D_Y": discriminator(c)}
        )

    def start(self, network: nn.Module) -> nn.Module:
        return learning.start_small(network, self.rng)

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of G and F on eq. 3 (and the identity loss), then a step of each discriminator."""
        config, G, F_ = self.config, self.learners["G"], self.learners["F"]
        x, y = self.images(batch["flat"]), self.images(batch["noto"])
        to_y, to_x = G(x), F_(y)
        with self.held("D_Y") as D_Y, self.held("D_X") as D_X:
            gan = ((D_Y(to_y) - 1) ** 2).mean() + ((D_X(to_x) - 1) ** 2).mean()
        cycle = F.l1_loss(F_(to_y), x)
        if config.both_ways:
            cycle = cycle + F.l1_loss(G(to_x), y)
        loss, said = gan + config.cycle_weight * cycle, {"gan": gan, "cycle": cycle}
        if config.identity_weight:
            identity = F.l1_loss(G(y), y) + F.l1_loss(F_(x), x)
            loss, said = loss + config.identity_weight * identity, said | {"identity": identity}
        self.descend(loss, "G", "F")
        for kind, real, made in (("Y", y, to_y), ("X", x, to_x)):
            D = self.learners[f"D_{kind}"]
            past = self.pools[kind].exchange(made, self.rng)
            d_loss = (((D(real) - 1) ** 2).mean() + (D(past) ** 2).mean()) / 2
            self.descend(d_loss, f"D_{kind}")
            said[f"d_{kind.lower()}"] = d_loss
        return said

    def images(self, x: Any) -> Tensor:
        """Images (B, 64, 64, 3), bytes or 0..1, at half their size -> (B, 3, 32, 32) in -1..1."""
        rows = learning.rows_of(x, 12 * SIDE * SIDE, self.device).reshape(-1, 2 * SIDE, 2 * SIDE, 3)
        return 2 * F.avg_pool2d(rows.permute(0, 3, 1, 2), 2) - 1

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(self, x: Any, way: str = "G") -> Tensor:
        """Flat as shaded ("G") or shaded as flat ("F"): (B, 64, 64, 3) -> (B, 32, 32, 3) in 0..1."""
        return shown(self._through(self.images(x), way))

    @torch.no_grad()
    def cycle(self, x: Any, *, noise: float = 0.0, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """G(x) and F(G(x) + noise): (B, 64, 64, 3) -> two of (B, 32, 32, 3) in 0..1. ``noise`` is a deviation in 0..1.

        What noise too small to see destroys was hidden in the picture (Chu et al. 2017, arXiv:1712.02950).
        """
        there = self._through(self.images(x), "G")
        drawn = torch.randn(there.shape, generator=generator).to(self.device)
        return shown(there), shown(self._through(there + 2 * noise * drawn, "F"))

    def _through(self, x: Tensor, way: str) -> Tensor:
        return torch.cat([self.network[way](part) for part in x.split(100)])

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over test emoji, whose partners are known here alone: ``partner``, the share whose translation is nearest,
        among all test emoji of the other style, to its own partner, by colours at 8 x 8; ``untranslated``, the same
        for the flat ones as they are; ``chance``; ``cycle``, how far x led back is from x, in levels of 255, and
        ``cycle_mean``, how far the mean of all x is.
        """
        x, y = shown(self.images(test["flat"])), shown(self.images(test["noto"]))
        made, back = self.cycle(test["flat"], generator=learning.stream(self.config.seed, 2))

        def off(guess: Tensor) -> np.ndarray:
            return 255 * (x - guess).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()

        return {
            **named("partner", nearest_is_own(made, y)),
            **named("untranslated", nearest_is_own(x, y)),
            "chance": 1 / len(x),
            **named("cycle", off(back)),
            **named("cycle_mean", off(x.mean(dim=0, keepdim=True))),
        }

    # -- what a viewer sees ----------------------------------------------------------------------------

    @torch.no_grad()
    def frame(self) -> Frame:
        """``made``: G(x), F(G(x)) and F(y) of the first test emoji, the bytes of a WebP picture; see
        `engines.data.webp`."""
        if self.data is None:
            return self.framed({})
        some = {key: rows[:SHOWN] for key, rows in self.data.probe.items()}
        there, back = self.cycle(some["flat"], generator=learning.stream(self.config.seed, 1))
        every = torch.cat([there, back, self.translate(some["noto"], "F")])
        return self.framed({}, made=webp.pack(learning.to_bytes(every).cpu().numpy()))

    # -- saving ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {f"pool.{kind}": pool.images.clone() for kind, pool in self.pools.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        for kind, pool in self.pools.items():
            pool.images = state.get(f"pool.{kind}", torch.zeros(0, 3, SIDE, SIDE)).clone()


def shown(x: Tensor) -> Tensor:
    """(B, 3, 32, 32) in -1..1 -> (B, 32, 32, 3) in 0..1."""
    return (x.clamp(-1, 1).permute(0, 2, 3, 1) + 1) / 2


def nearest_is_own(made: Tensor, others: Tensor) -> np.ndarray:
    """1 where image i of ``others`` is the nearest to image i of ``made`` by colours at 8 x 8: (N, 32, 32, 3) twice."""
    a, b = (F.avg_pool2d(images.permute(0, 3, 1, 2), SIDE // 8).flatten(1).cpu().double() for images in (made, others))
    return (torch.cdist(a, b).argmin(dim=1) == torch.arange(len(a))).double().numpy()
