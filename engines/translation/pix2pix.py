r"""pix2pix: image to image, learned from pairs. Isola, Zhu, Zhou & Efros 2017 (arXiv:1611.07004).

    L_{cGAN}(G, D) = E[log D(x, y)] + E[log(1 - D(x, G(x, z)))]                   eq. 1
    L_{GAN}(G, D)  = E[log D(y)] + E[log(1 - D(G(x, z)))]                         eq. 2, D does not see x
    L_{L1}(G)      = E|y - G(x, z)|_1                                             eq. 3
    G*             = arg min_G max_D  L_{cGAN}(G, D) + \lambda L_{L1}(G)          eq. 4, with \lambda = 100

x is the outline of an emoji, y its flat colour drawing. G is a U-Net: skips carry every line past the bottleneck
(section 3.2.1). z is dropout and nothing else, at test time too (section 3.1). D is a PatchGAN: it calls each patch
real or not and averages (section 3.2.2). G minimises -log D(x, G(x, z)) and D's loss is halved (section 3.3).

Departures: 64 pixels instead of 256, so five halvings instead of eight, dropout in two layers instead of three, patches
of 34 pixels instead of 70; 24 channels instead of 64; batches of 16; the learning rate falls to zero along a cosine.
The paper normalises by the batch at hand, which its batch of one makes the image at hand: D does that here (instance
normalisation), G takes running averages at test time.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields, Pairs
from engines.maths.intervals import named

SIDE = 64
SHOWN = 12  # test outlines that a frame translates
NOISY = 2  # decoder layers with dropout, from the bottleneck outwards
# What answer (i, j) of D sees: stride * i + first pixel is where its patch begins, and it has so many pixels a side.
PATCHES = MappingProxyType({"1": (1, 0, 1), "16": (2, -5, 16), "34": (4, -11, 34), "image": (8, -23, 70)})

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 8, "n_steps": 1_500}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "l1": {**_SMALL, "adversarial": False},  # eq. 3 alone
    "cgan": {**_SMALL, "l1_weight": 0.0},  # eq. 1 alone
    "gan-l1": {**_SMALL, "conditional": False},  # eq. 2 and eq. 3
    "encoder-decoder": {**_SMALL, "skips": False},
    "patch-1": {**_SMALL, "patch": "1"},
    "patch-16": {**_SMALL, "patch": "16"},
    "patch-image": {**_SMALL, "patch": "image"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pix2PixConfig(learning.LearnerConfig):
    channels: int = 24  # of the layers next to the image, in both networks
    skips: bool = True
    patch: str = "34"
    conditional: bool = True  # D sees the outline too
    adversarial: bool = True
    l1_weight: float = 100.0  # lambda
    learning_rate: float = 2e-4
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 16
    n_steps: int = 4_000

    def __post_init__(self) -> None:
        learning.check(self, channels=(1, 512), l1_weight=(0, 1000), batch_size=(1, 1024), n_steps=(1, 10**7))
        if self.patch not in PATCHES:
            raise ValueError(f"patch must be one of {', '.join(PATCHES)}, got {self.patch!r}")
        if not (self.adversarial or self.l1_weight):
            raise ValueError("nothing is left to learn by: keep the discriminator, or an l1_weight above 0")


class UNet(nn.Module):
    """Down from 64 to 2, and up again; beside what goes up lies what had that size on the way down (``skips``)."""

    def __init__(self, c: int, *, skips: bool) -> None:
        super().__init__()
        down, up = [1, c, 2 * c, 4 * c, 4 * c, 4 * c], [4 * c, 4 * c, 4 * c, 2 * c, c, 3]
        self.skips = skips
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i in range(5):  # no normalisation in the first layer (section 6.1.1)
            conv = nn.Conv2d(down[i], down[i + 1], 4, stride=2, padding=1, bias=i == 0)
            norm = [nn.BatchNorm2d(down[i + 1])] if i else []
            self.down.append(nn.Sequential(conv, *norm, nn.LeakyReLU(0.2)))
        for i in range(5):
            n_in = up[i] + (down[5 - i] if skips and i else 0)
            conv_up = nn.ConvTranspose2d(n_in, up[i + 1], 4, stride=2, padding=1, bias=i == 4)
            after = [nn.Tanh()] if i == 4 else [nn.BatchNorm2d(up[i + 1]), nn.ReLU()]
            self.up.append(nn.Sequential(conv_up, *after))

    def forward(self, x: Tensor, z: list[Tensor]) -> Tensor:
        """Outlines (B, 1, 64, 64) in -1..1 and dropout's masks, see `Pix2Pix.noise` -> (B, 3, 64, 64) in -1..1."""
        passed = []
        for down in self.down:
            passed.append(x := down(x))
        for i, up in enumerate(self.up):
            beside = passed.pop()
            x = up(torch.cat([x, beside], dim=1) if self.skips and i else x)
            if i < len(z):
                x = x * z[i]
        return x


class PatchGAN(nn.Module):
    """The logit of "real" for every patch: outlines (B, 1, 64, 64) and images (B, 3, 64, 64) -> (B, H, W).

    16 pixels: one halving and H = 30; 34: two and 14; 70, which is more than the image: three and 6; 1: none and 64.
    """

    def __init__(self, c: int, patch: str, *, conditional: bool) -> None:
        super().__init__()
        self.conditional = conditional
        n_in = 4 if conditional else 3
        if patch == "1":
            layers = [nn.Conv2d(n_in, c, 1), nn.LeakyReLU(0.2), nn.Conv2d(c, 2 * c, 1, bias=False)]
            layers += [nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2), nn.Conv2d(2 * c, 1, 1)]
        else:
            halvings = {"16": 1, "34": 2, "image": 3}[patch]
            layers = [nn.Conv2d(n_in, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            for i in range(1, halvings + 1):
                stride = 2 if i < halvings else 1
                layers += [nn.Conv2d(c, 2 * c, 4, stride=stride, padding=1, bias=False)]
                layers += [nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2)]
                c = 2 * c
            layers += [nn.Conv2d(c, 1, 4, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.layers(torch.cat([x, y], dim=1) if self.conditional else y)[:, 0]


class Pix2Pix(learning.Learner):
    """Learns from pairs of an outline and its flat drawing; without data it translates only."""

    name: ClassVar[str] = "pix2pix"
    Config: ClassVar[type] = Pix2PixConfig
    learns_from = Pairs.of_fields("outline", "flat")
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        G = UNet(config.channels, skips=config.skips)
        if not config.adversarial:
            return nn.ModuleDict({"G": G})
        return nn.ModuleDict({"G": G, "D": PatchGAN(config.channels, config.patch, conditional=config.conditional)})

    def start(self, network: nn.Module) -> nn.Module:
        return learning.start_small(self, network)  # section 6.2

    def noise(self, n: int, generator: torch.Generator) -> list[Tensor]:
        """z: in the first layers up half of the numbers go to 0 and the rest are doubled: masks (n, 4 C, S, S)."""
        c = 4 * self.config.channels
        return [2.0 * torch.randint(0, 2, (n, c, side, side), generator=generator) for side in (4, 8)[:NOISY]]

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D on eq. 1 (eq. 2 where it is not conditional), then a step of G on eq. 4."""
        config, G, D = self.config, self.learners["G"], self.learners.get("D")
        x, y = self.jitter(*self.pair(batch))
        made = G(x, [self.shared(z) for z in self.noise(self.n_batch, self.rng)])
        l1 = (y - made).abs().mean()
        loss, said = config.l1_weight * l1, {"l1": 127.5 * l1}
        if D is not None:
            real, fake = D(x, y), D(x, made.detach())
            d_loss = (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2  # -log D(x, y) - log(1 - D(x, G)), halved
            self.descend(d_loss, "D")
            with self.held("D") as judge:
                gan = F.softplus(-judge(x, made)).mean()  # -log D(x, G(x, z))
            loss = loss + gan
            said |= {"gan": gan, "d_loss": d_loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        self.descend(loss, "G")
        return said

    def pair(self, rows: Fields) -> tuple[Tensor, Tensor]:
        """Pairs of bytes as the networks take them: outlines (B, 1, 64, 64) and drawings (B, 3, 64, 64), -1..1."""
        return self.outlines(rows["outline"]), self.drawings(rows["flat"])

    def outlines(self, x: Any) -> Tensor:
        """Outlines (B, 64, 64), black on white, bytes or 0..1 -> (B, 1, 64, 64) in -1..1."""
        return learning.greys_of(x, SIDE, self.device)

    def drawings(self, y: Any) -> Tensor:
        """Drawings (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
        return learning.pixels_of(y, SIDE, self.device)

    def jitter(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Half of the pairs mirrored, all of the batch moved by up to two pixels each way (section 6.2)."""
        mirrored = self.shared(torch.randint(0, 2, (self.n_batch,), generator=self.rng))[:, None, None, None] == 1
        right, down = torch.randint(0, 5, (2,), generator=self.rng).tolist()
        both = torch.cat([x, y], dim=1)
        both = F.pad(torch.where(mirrored, both.flip(3), both), (2, 2, 2, 2), value=1.0)  # the paper is white
        both = both[:, :, down : down + SIDE, right : right + SIDE]
        return both[:, :1], both[:, 1:]

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(self, x: Any, *, generator: torch.Generator) -> Tensor:
        """What G makes of outlines (B, 64, 64), black on white, bytes or 0..1: (B, 64, 64, 3) in 0..1."""
        z = [mask.to(self.device) for mask in self.noise(len(x), generator)]
        return (self.network["G"](self.outlines(x), z).permute(0, 2, 3, 1) + 1) / 2

    @torch.no_grad()
    def judge(self, x: Any, y: Any) -> Tensor:
        """D's probability of "real" for every patch: outlines (B, 64, 64), drawings (B, 64, 64, 3) -> (B, H, W)."""
        return self.network["D"](self.outlines(x), self.drawings(y)).sigmoid()

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Measures over test pairs, ``outline`` (N, 64, 64) and ``flat`` (N, 64, 64, 3) bytes, with 95 % intervals:

        ``l1`` between drawing and translation in levels of 255, and where the mean training drawing
        (``l1_mean``), the outline itself (``l1_copy``) or another test drawing (``l1_other``) stands instead;
        ``spread``, the share that the chroma histograms of translations and drawings have in common, 1 where they are
        alike, and ``spread_real``, the same for training drawings; ``chroma`` and ``chroma_real``, its mean;
        ``exchange``: by how much D's probability of a patch of a true drawing changes, up or down, when the outline
        beside it is exchanged for another test drawing's (0 where D does not see it).
        """
        x, true = test["outline"], test["flat"].to(torch.float32) / 255
        generator = learning.stream(self.config.seed, 2)
        made = torch.cat([self.translate(part, generator=generator).cpu() for part in x.split(64)])
        where = coloured(true)
        real, fake = chroma_histogram(true, where), chroma_histogram(made, where)

        def off(guess: Tensor) -> np.ndarray:
            return 255 * (true - guess).abs().mean(dim=(1, 2, 3)).double().numpy()

        result = {
            **named("l1", off(made)),
            **named("l1_copy", off(x[..., None] / 255)),
            **named("l1_other", off(true.roll(len(true) // 2, dims=0))),
            **named("spread", np.stack([fake, real], axis=1), in_common),
            **named("chroma", fake, mean_chroma),
            **named("chroma_real", real, mean_chroma),
        }
        if self.data is not None:
            before = self.data.train["flat"].cpu() / 255
            result |= named("l1_mean", off(before.mean(dim=0)))
            learned = chroma_histogram(before, coloured(before)).mean(axis=0)
            result |= named("spread_real", real, lambda rows: in_common(np.stack([rows, rows * 0 + learned], axis=1)))
        if "D" in self.network:
            own, other = (self.judge(outline, true) for outline in (x, x.roll(len(x) // 2, dims=0)))
            result |= named("exchange", (own - other).abs().mean(dim=(1, 2)).double().cpu().numpy())
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made``: what G makes of the first test outlines with the same dropout at every step, the bytes of a WebP
        picture (see `engines.data.webp`); ``test_l1`` over the test pairs to watch, in levels of 255.
        """
        made = self.translate(self.data.probe["outline"], generator=learning.stream(self.config.seed, 1))
        off = 255 * (made - self.data.probe["flat"] / 255).abs().mean()
        return self.framed({"test_l1": float(off)}, made=webp.pack(learning.to_bytes(made[:SHOWN]).cpu().numpy()))


# -- colour spread -------------------------------------------------------------------------------------

BINS = 32
MOST = 128.0  # chroma of the most colourful pixel there is, rounded down; what is above falls into the last bin
_MIDDLES = (np.arange(BINS) + 0.5) * MOST / BINS


def chroma(rgb: Tensor) -> Tensor:
    r"""CIELAB's C = \sqrt{a^2 + b^2} of sRGB levels in 0..1 (..., 3), white point D65: 0 is grey, (...,)."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = linear.new_tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = linear @ to_xyz.T / to_xyz.sum(dim=1)
    f = torch.where(t > (6 / 29) ** 3, t.clamp(min=1e-12) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)
    a, b = 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])
    return (a**2 + b**2).sqrt()


def chroma_histogram(images: Tensor, where: Tensor) -> np.ndarray:
    """How many of each image's pixels ``where`` (N, 64, 64) fall into each of 32 equal bins of chroma from 0 to 128:
    (N, 64, 64, 3) in 0..1 -> (N, 32).
    """
    bins = (chroma(images) * (BINS / MOST)).long().clamp(max=BINS - 1)
    return np.stack([torch.bincount(b[w], minlength=BINS).cpu().numpy() for b, w in zip(bins, where, strict=True)])


def coloured(images: Tensor) -> Tensor:
    """Where a drawing is not the white of the paper: (N, 64, 64, 3) in 0..1 -> (N, 64, 64) bool."""
    return (images < 0.95).any(dim=3)


def in_common(counts: np.ndarray) -> float:
    """The intersection of two histograms, each over all images: (N, 2, 32) -> 0..1, as in section 4.2."""
    made, true = (side / side.sum() for side in counts.sum(axis=0))
    return float(np.minimum(made, true).sum())


def mean_chroma(counts: np.ndarray) -> float:
    """(N, 32) -> the mean over all pixels counted."""
    return float(counts.sum(axis=0) @ _MIDDLES / counts.sum())
