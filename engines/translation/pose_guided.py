r"""PG2, pose guided person generation: Ma, Jia, Sun, Schiele, Tuytelaars & Van Gool 2017 (arXiv:1705.09368).

I_A is a person, I_B the same person in another pose, P_B that pose as heat maps, one a keypoint: 1 within a few pixels
of it and 0 elsewhere. M_B is 1 on the body and 0 beside it. Two generators, one after the other:

    \hat I_{B1} = G1(I_A, P_B)                                              stage 1: the coarse image
    \hat I_{B2} = \hat I_{B1} + G2(I_A, \hat I_{B1})                        stage 2: a difference map is added to it

    L_{G1}    = ||(\hat I_{B1} - I_B) \odot (1 + M_B)||_1                                             eq. 1
    L^D_{adv} = L_{bce}(D(I_A, I_B), 1) + L_{bce}(D(I_A, \hat I_{B2}), 0)                             eq. 2
    L^G_{adv} = L_{bce}(D(I_A, \hat I_{B2}), 1)                                                       eq. 3
    L_{G2}    = L^G_{adv} + \lambda ||(\hat I_{B2} - I_B) \odot (1 + M_B)||_1                         section 3.2

D sees pairs with I_A: an image that is natural alone, such as I_A itself, does not pass for I_B. The norm is the mean
over pixels and colours. The first ``stage1_steps`` batches train G1; then it is frozen, and G2 and D learn. G1 has a
fully connected layer in its middle, so that distant parts of the body meet; G2 has none, two blocks fewer, and keeps
details (section 3.3). Neither normalises.

Departures: \lambda = 100 where the authors' code has 10: most pixels here are white ground and right from the start, so
that a mean over all weighs the body less, and with 10 stage 2 learned to please D alone; 64 pixels and drawn figures on
white; 7 keypoints instead of 18, with a radius of 2 pixels instead of 4, for the figures are half as tall; the
silhouette of the bare body as mask; few channels; fewer batches at a larger rate, which falls along a cosine in
either stage; G2 begins with a difference of 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields
from engines.maths.intervals import named
from engines.maths.ssim import ssim, ssim_map, within
from engines.translation import poses
from engines.translation.poses import KEYPOINTS, SIDE, Poses, by_outfit, heat_maps, mirrored, paired

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 8, "n_features": 64, "stage1_steps": 750, "n_steps": 1_200}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-mask": {**_SMALL, "mask_weight": 0.0},
    "stage1": {**_SMALL, "refine": False, "adversarial": False},  # G1 alone, for as many batches
    "one-stage": {**_SMALL, "refine": False},  # G1 against D from the first batch
    "no-gan": {**_SMALL, "adversarial": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseGuidedConfig(learning.LearnerConfig):
    channels: int = 12  # of the layers next to the image, in all networks
    n_features: int = 128  # of G1's fully connected layer
    radius: float = 2.0  # of a keypoint in its heat map, pixels
    refine: bool = True  # stage 2; without it G1's image is the result
    adversarial: bool = True
    mask_weight: float = 1.0  # of M_B, beside 1 for every pixel
    l1_weight: float = 100.0  # lambda
    stage1_steps: int = 1_700  # the first batches, for G1 alone, where there are two stages
    learning_rate: float = 1e-3  # of G1
    refining_rate: float = 3e-4  # of G2 and D
    beta1: float = 0.5
    batch_size: int = 8
    n_steps: int = 2_700

    def __post_init__(self) -> None:
        sizes = {"channels": (1, 512), "n_features": (1, 4096), "radius": (0, SIDE), "batch_size": (2, 1024)}
        rates = {"mask_weight": (0, 1000), "l1_weight": (1e-6, 1000), "refining_rate": (1e-9, 1)}
        learning.check(self, n_steps=(1, 10**7), stage1_steps=(0, self.n_steps), **sizes, **rates)


def conv(n_in: int, n_out: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1), nn.ReLU())


class Block(nn.Module):
    """Two convolutions, and what came in added to what they make where it is ``residual``: (B, C, H, W) as it was."""

    def __init__(self, c: int, *, residual: bool) -> None:
        super().__init__()
        self.layers, self.residual = nn.Sequential(conv(c, c), conv(c, c)), residual

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class UNet(nn.Module):
    """Blocks of c, 2 c, 3 c ... channels, half as large one after the other, and back; beside what goes up lies what
    had that size on the way down: (B, n_in, 64, 64) -> (B, 3, 64, 64).
    """

    def __init__(self, n_in: int, c: int, n_blocks: int, n_features: int = 0) -> None:
        super().__init__()
        widths, full = [c * (i + 1) for i in range(n_blocks)], n_features > 0
        self.first, self.last = conv(n_in, c), nn.Conv2d(c, 3, 3, padding=1)
        self.down = nn.ModuleList(Block(width, residual=full) for width in widths)
        self.halve = nn.ModuleList(conv(a, b, stride=2) for a, b in pairwise(widths))
        self.middle: nn.Module = nn.Identity()
        below = widths[-1]
        if full:
            side, below = SIDE >> (n_blocks - 1), c
            through = [nn.Linear(widths[-1] * side * side, n_features), nn.Linear(n_features, c * side * side)]
            self.middle = nn.Sequential(nn.Flatten(), *through, nn.Unflatten(1, (c, side, side)))
        self.join = nn.ModuleList()  # what came from below beside what lies there
        for width in reversed(widths):
            self.join.append(conv(below + width, width))
            below = width
        self.up = nn.ModuleList(Block(width, residual=full) for width in reversed(widths))

    def forward(self, x: Tensor) -> Tensor:
        x, beside = self.first(x), []
        for i, block in enumerate(self.down):
            beside.append(x := block(self.halve[i - 1](x) if i else x))
        x = self.middle(x)
        for i, (join, block) in enumerate(zip(self.join, self.up, strict=True)):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest") if i else x
            x = block(join(torch.cat([x, beside.pop()], dim=1)))
        return self.last(x)


class Discriminator(nn.Module):
    """DCGAN's, on pairs: I_A and an image (B, 3, 64, 64) each -> the logit of "real" (B,)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(6, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for i in range(3):
            layers += [nn.Conv2d(c << i, c << (i + 1), 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(c << (i + 1), track_running_stats=False), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * c, 1, 4), nn.Flatten(0))

    def forward(self, source: Tensor, image: Tensor) -> Tensor:
        return self.layers(torch.cat([source, image], dim=1))


def masked_l1(made: Tensor, true: Tensor, mask: Tensor, weight: float = 1.0) -> Tensor:
    """Eq. 1 as a mean: images (B, 3, H, W), mask (B, H, W) of 0 and 1 -> ()."""
    return ((made - true).abs() * (1 + weight * mask[:, None])).mean()


class PoseGuided(learning.Learner):
    """Learns from `Poses`; without data it poses only."""

    name: ClassVar[str] = "pose_guided"
    Config: ClassVar[type] = PoseGuidedConfig
    learns_from = Poses
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        players: dict[str, nn.Module] = {"G1": UNet(3 + len(KEYPOINTS), config.channels, 5, config.n_features)}
        if config.refine:
            players["G2"] = UNet(6, config.channels, 3)
        if config.adversarial:
            players["D"] = Discriminator(config.channels)
        return nn.ModuleDict(players)

    def start(self, network: Any) -> nn.Module:
        """D as DCGAN's; G1 and G2 as the authors' code does, by Glorot & Bengio 2010, but for G2's last layer: the
        difference is 0 until G2 learns, so that stage 2 starts from the coarse image.
        """
        for player, net in network.items():
            if player == "D":
                learning.start_small(self, net)
                continue
            for layer in net.modules():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.xavier_uniform_(layer.weight, generator=self.rng)
                    layer.bias.data.zero_()  # type: ignore[union-attr]
            if player == "G2":
                nn.init.zeros_(net.last.weight)
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of G1 on eq. 1 in stage 1; afterwards one of D on eq. 2 and one of G2 on its sum."""
        config, D = self.config, self.learners.get("D")
        flip = torch.randint(0, 2, (self.n_batch,), generator=self.rng)  # half of the pairs, section 4.1
        batch = mirrored(batch, self.shared(flip) == 1)
        source, true, mask = self.pixels(batch["source"]), self.pixels(batch["image"]), batch["mask"].float()
        given = torch.cat([source, heat_maps(batch["keypoints"].float(), batch["visible"], config.radius)], dim=1)
        if config.refine and self.iteration < config.stage1_steps:
            loss = masked_l1(self.learners["G1"](given), true, mask, config.mask_weight)
            self.descend(loss, "G1")
            return {"coarse_l1": loss}

        if config.refine:
            with self.held("G1") as G1:
                coarse = G1(given)
            made, player = coarse + self.learners["G2"](torch.cat([source, coarse], dim=1)), "G2"
        else:
            made, player = self.learners["G1"](given), "G1"
        l1 = masked_l1(made, true, mask, config.mask_weight)
        if D is None:
            self.descend(l1, player)
            return {"l1": l1}
        real, fake = D(source, true), D(source, made.detach())
        d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        self.descend(d_loss, "D")
        with self.held("D") as judge:
            gan = F.softplus(-judge(source, made)).mean()
        self.descend(gan + config.l1_weight * l1, player)
        said = {"l1": l1, "gan": gan, "d_loss": d_loss}
        return said | {"d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}

    def learning_rate_of(self, player: str) -> float:
        return self.config.learning_rate if player == "G1" else self.config.refining_rate

    @property
    def phase_starts(self) -> tuple[int, ...]:
        """The steps at which a stage begins."""
        return (0, -(-self.config.stage1_steps // self.config.batches_per_step)) if self.config.refine else (0,)

    @property
    def decayed(self) -> float:
        """The learning rates fall along a cosine to 0 in either stage."""
        cut = self.config.stage1_steps if self.config.refine else 0
        start, end = (0, cut) if self.iteration < cut else (cut, self.config.n_steps)
        return learning.cosine(self.iteration - start, max(end - start, 1))

    def pixels(self, images: Any) -> Tensor:
        """Images (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
        return learning.pixels_of(images, SIDE, self.device)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def pose(self, source: Any, keypoints: Any, visible: Any) -> tuple[Tensor, Tensor, Tensor]:
        r"""Figures (B, 64, 64, 3), bytes or 0..1, in the poses (B, 7, 2), (B, 7): the coarse image, the difference map
        and their sum \hat I_{B2}, (B, 64, 64, 3) each, in levels where 0 is black and 1 white; they may pass both.
        """
        x = self.pixels(source)
        points, seen = (torch.as_tensor(value, device=self.device) for value in (keypoints, visible))
        coarse = self.network["G1"](torch.cat([x, heat_maps(points.float(), seen, self.config.radius)], dim=1))
        difference = torch.zeros_like(coarse)
        if "G2" in self.network:
            difference = self.network["G2"](torch.cat([x, coarse], dim=1))
        coarse, difference = (coarse.permute(0, 2, 3, 1) + 1) / 2, difference.permute(0, 2, 3, 1) / 2
        return coarse, difference, coarse + difference

    def posed(self, test: Fields) -> tuple[Fields, Tensor, Tensor]:
        """Every row of ``test`` made from another picture of its outfit: the pairs, coarse and final images in 0..1."""
        pairs = paired(test, torch.arange(len(test["image"])))
        given = zip(*(pairs[key].split(60) for key in ("source", "keypoints", "visible")), strict=True)
        parts = zip(*(self.pose(*part) for part in given), strict=True)
        coarse, _, made = (torch.cat(part).clamp(0, 1).cpu() for part in parts)
        return pairs, coarse, made

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Measures over test pictures, with 95 % intervals over the outfits: ``ssim``, ``mask_ssim`` within the pose
        mask and ``l1`` there, in levels of 255; the same of the ``coarse`` image and of three floors: the source itself
        (``copy``), the ``mean`` training image, and the mean of those in this very ``pose``. ``pair``, where there is a
        discriminator: how often it rather takes the true picture for real beside its source than beside another
        outfit's (chance: 0.5).
        """
        test = {key: value.cpu() for key, value in test.items()}
        pairs, coarse, made = self.posed(test)
        true, mask = test["image"] / 255, test["mask"]
        stands = {"": made, "coarse_": coarse, "copy_": pairs["source"].cpu() / 255}
        if self.data is not None:
            train = {key: value.cpu() for key, value in self.data.train.items()}
            stands["mean_"] = (train["image"] / 255).mean(dim=0).expand_as(true)
            stands["pose_"] = poses.mean_in_pose(train, test)
        result: dict[str, float] = {}
        for prefix, guess in stands.items():
            alike, off = ssim_map(guess, true), 255 * (guess - true).abs().mean(dim=3)
            found = {"ssim": alike.mean(dim=(1, 2)), "mask_ssim": within(alike, mask), "l1": within(off, mask)}
            for key, values in found.items():
                result |= named(prefix + key, by_outfit(values, test["outfit"]))
        if "D" in self.network:
            images, sources = self.pixels(test["image"]), self.pixels(pairs["source"])
            others = sources.roll(len(sources) // 2, dims=0)
            said = [self.network["D"](beside, images).cpu() for beside in (sources, others)]
            result |= named("pair", by_outfit((said[0] > said[1]).double(), test["outfit"]))
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``coarse``, ``difference`` (grey is none) and ``made`` of the same test pairs at every step, each the bytes
        of a WebP picture (see `engines.data.webp`); ``test_ssim`` and ``coarse_ssim`` over the pictures to watch.
        """
        probe = self.data.probe
        pairs, coarse, made = self.posed(probe)
        true = (probe["image"] / 255).cpu()
        at = poses.shown(len(true))
        difference = self.pose(*(pairs[key][at] for key in ("source", "keypoints", "visible")))[1].cpu()
        arrays = {"coarse": coarse[at], "difference": difference / 2 + 0.5, "made": made[at]}
        packed = {key: webp.pack(learning.to_bytes(value).numpy(), quality=90) for key, value in arrays.items()}
        scalars = {"test_ssim": float(ssim(made, true).mean()), "coarse_ssim": float(ssim(coarse, true).mean())}
        return self.framed(scalars, **packed)
