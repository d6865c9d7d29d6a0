r"""SRGAN: a photo enlarged four times, with detail that the small one lacks. Ledig et al. 2016 (arXiv:1609.04802).

    \hat\theta_G = arg min  1/N \sum_n l^{SR}(G(I^{LR}_n), I^{HR}_n)                          eq. 1
    min_G max_D  E[log D(I^{HR})] + E[log(1 - D(G(I^{LR})))]                                  eq. 2
    l^{SR}  = l_X^{SR} + \lambda l_{Gen}^{SR}                     content + adversarial          eq. 3
    l_{MSE} = the mean of (I^{HR} - G(I^{LR}))^2 over pixels                                  eq. 4
    l_{VGG} = the mean of (\phi(I^{HR}) - \phi(G(I^{LR})))^2 over a map of features           eq. 5
    l_{Gen} = \sum_n -log D(G(I^{LR}))                                                        eq. 6

I^{LR} is I^{HR} reduced four times. G is a residual network on the small image (SRResNet), enlarged at its end by two
sub-pixel convolutions: four times the channels, which a pixel shuffle lays out as twice the side. It learns l_{MSE}
first, and from there l_{VGG} with l_{Gen}. Many sharp photos have the same small one; the MSE asks for their mean,
which is blurred, D for one of them.

Departures: \phi are stages of EfficientNet-Lite0 (`engines.making.features`), not of VGG-19, each distance divided by
the mean square of the true photo's features; beside it stands 5 l_{MSE}, without which G draws a mesh that the features
do not see; l_{Gen} is a mean, and \lambda = 0.03 fits that scale (in the paper, and here beside l_{MSE} alone, it is
10^{-3}). Patches of 64 pixels instead of 96, mirrored, turned; fewer channels, blocks and steps. G adds to the bicubic
enlargement, has LeakyReLU for PReLU, no batch normalisation (as in Lim et al. 2017) and 5 x 5 at its end for 9 x 9; D
has half the layers and no batch normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checkpoints, learning
from engines.data import webp
from engines.engine import Frame
from engines.making import features
from engines.material import ColourImages, Fields
from engines.maths.intervals import named
from engines.maths.ssim import ssim

FACTOR, SIDE = 4, 64
SHOWN, WATCHED = 12, 48  # test patches that a frame shows, and that it measures
JUDGE = "stage5"  # of the same network, deeper than what is learned by

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small. The names behind
# are the paper's.
_SMALL: dict[str, Any] = {"channels": 16, "blocks": 4, "batch_size": 8, "mse_steps": 500, "n_steps": 900}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {"begin": "no-pixels", "mse_steps": 0, "n_steps": 1_400, "batch_size": 8},  # the second part alone
    "no-pixels": {"pixel_weight": 0.0, "stages": ("stage1", "stage3")},  # trained first, both parts, as large
    "small": _SMALL,  # SRGAN-VGG
    "mse": {**_SMALL, "content": "pixels", "adversarial_weight": 0.0},  # SRResNet-MSE
    "features": {**_SMALL, "adversarial_weight": 0.0},  # SRResNet-VGG
    "pixels-gan": {**_SMALL, "content": "pixels", "adversarial_weight": 1e-3},  # SRGAN-MSE
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SRGANConfig(learning.LearnerConfig):
    channels: int = 24
    blocks: int = 6
    content: str = "features"  # or "pixels": what the second part keeps, beside D
    stages: tuple[str, ...] = ("stage3",)  # \phi
    pixel_weight: float = 5.0  # of l_{MSE} beside features
    adversarial_weight: float = 0.03  # \lambda
    learning_rate: float = 1e-3  # of the first part, falling along a cosine
    gan_rate: float = 2e-4  # of the second
    mse_steps: int = 1_600  # the first part
    begin: str = ""  # or the variant whose first part stands for it: the paper starts from a trained SRResNet, too
    n_steps: int = 2_800
    batch_size: int = 16

    def __post_init__(self) -> None:
        learning.check(
            self, channels=(1, 256), blocks=(0, 64), pixel_weight=(0, 1000), adversarial_weight=(0, 100),
            gan_rate=(1e-9, 1), n_steps=(1, 10**7), mse_steps=(0, self.n_steps), batch_size=(1, 1024),
        )  # fmt: skip
        if self.content not in ("features", "pixels"):
            raise ValueError(f"content must be features or pixels, got {self.content!r}")
        if not self.stages or any(name not in features.NAMES for name in self.stages):
            raise ValueError(f"stages must be some of {', '.join(features.NAMES)}, got {', '.join(self.stages)}")


class Residual(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(c, c, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """Small images (B, 3, h, w) in -1..1 -> (B, 3, 4 h, 4 w): bicubic, and what the network adds."""

    def __init__(self, config: SRGANConfig) -> None:
        super().__init__()
        c = config.channels
        self.first = nn.Sequential(nn.Conv2d(3, c, 9, padding=4), nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*(Residual(c) for _ in range(config.blocks)), nn.Conv2d(c, c, 3, padding=1))
        doubled = (nn.Conv2d(c, 4 * c, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.2))
        again = (nn.Conv2d(c, 4 * c, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.2))
        self.up = nn.Sequential(*doubled, *again, nn.Conv2d(c, 3, 5, padding=2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return enlarged(x) + self.up(h + self.body(h))


class Discriminator(nn.Module):
    """The logit of "a photo": (B, 3, 64, 64) in -1..1 -> (B,)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        widths = (3, c, 2 * c, 4 * c, 4 * c)
        halvings = [
            layer
            for before, after in pairwise(widths)
            for layer in (nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2))
        ]
        dense = [nn.Flatten(), nn.Linear(4 * c * (SIDE // 16) ** 2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)]
        self.layers = nn.Sequential(*halvings, *dense)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, 0]


def shrunk(images: Tensor) -> Tensor:
    """(B, 3, H, W) in -1..1 -> (B, 3, H / 4, W / 4): bicubic reduction, rounded to the 256 levels of a file."""
    small = F.interpolate(images, scale_factor=1 / FACTOR, mode="bicubic", antialias=True)
    return (small.clamp(-1, 1) * 127.5 + 127.5).round() / 127.5 - 1


def enlarged(small: Tensor) -> Tensor:
    """Bicubic interpolation: (B, 3, h, w) -> (B, 3, 4 h, 4 w)."""
    return F.interpolate(small, scale_factor=FACTOR, mode="bicubic")


class SRGAN(learning.Learner):
    """Learns from photo patches of 64 x 64; without data it enlarges only."""

    name: ClassVar[str] = "srgan"
    Config: ClassVar[type] = SRGANConfig
    learns_from = ColourImages.of_fields("image", "photo")
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        """``mse`` is G as it stood at the end of the first part."""
        config = self.config
        players: dict[str, nn.Module] = {"G": Generator(config), "mse": Generator(config)}
        if config.adversarial_weight:
            players["D"] = Discriminator(config.channels)
        return nn.ModuleDict(players)

    def start(self, network: nn.Module) -> nn.Module:
        last = network["G"].up[-1]  # type: ignore[index]
        nn.init.zeros_(last.weight)  # G starts as bicubic interpolation
        nn.init.zeros_(last.bias)
        network["mse"].load_state_dict(network["G"].state_dict())  # type: ignore[index]
        return network

    def teachers(self) -> Mapping[str, nn.Module]:
        return {"phi": features.load()}

    # -- learning --------------------------------------------------------------------------------------

    @property
    def sharpening(self) -> bool:
        """In the second part, where \\phi and D teach."""
        return self.iteration >= self.config.mse_steps

    @property
    def phase_starts(self) -> tuple[int, ...]:
        """The first step of both parts: a film shows the beginning of each."""
        return 0, -(-self.config.mse_steps // self.config.batches_per_step)

    @property
    def decayed(self) -> float:
        config, n = self.config, self.iteration
        if self.sharpening:
            return config.gan_rate / config.learning_rate
        return learning.cosine(n, config.mse_steps)

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of G on eq. 4; in the second part a step of D on eq. 2, then one of G on eq. 3."""
        if self.iteration == 0 and self.config.begin:
            self.take_over(self.config.begin)
        photo = self.turned(self.levels(batch["image"]))
        made = self.learners["G"](shrunk(photo))
        mse = (photo - made).square().mean()  # eq. 4
        if not self.sharpening:
            self.descend(mse, "G")
            if self.iteration + 1 == self.config.mse_steps:
                self.network["mse"].load_state_dict(self.network["G"].state_dict())
            return {"mse": mse}
        by_features = self.config.content == "features"
        content = self.apart(made, photo) + self.config.pixel_weight * mse if by_features else mse
        loss, said = content, {"content": content, "mse": mse}
        if self.config.adversarial_weight:
            D = self.learners["D"]
            real, fake = D(photo), D(made.detach())
            d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()  # -log D(I^HR) - log(1 - D(G(I^LR)))
            self.descend(d_loss, "D")
            with self.held("D") as judge:
                gen = F.softplus(-judge(made)).mean()  # eq. 6
            loss = content + self.config.adversarial_weight * gen  # eq. 3
            said |= {"gen": gen, "d_loss": d_loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        self.descend(loss, "G")
        return said

    def take_over(self, variant: str) -> None:
        """G starts as another checkpoint's SRResNet; CheckpointError where there is none."""
        given = checkpoints.read(checkpoints.folder(self.name, variant), name=self.name).state
        for player in ("mse", "G"):
            network = self.network[player]
            network.load_state_dict({key: given[f"network.mse.{key}"] for key in network.state_dict()})

    def apart(self, made: Tensor, photo: Tensor) -> Tensor:
        r"""Eq. 5 over the mean square of the photo's features, the mean over batch and stages: ().

        Both begin up to seven pixels further in, by chance: a stage looks at places 2, 4 or 8 pixels apart, and would
        never see what lies between them.
        """
        down, right = torch.randint(0, 8, (2,), generator=self.rng).tolist()
        made, photo = (x[:, :, down:, right:] for x in (made, photo))
        return feature_distance(self.frozen["phi"], made, photo, self.config.stages).mean()

    def levels(self, images: Any) -> Tensor:
        """Photos (B, H, W, 3), bytes or 0..1 -> (B, 3, H, W) in -1..1."""
        x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=self.device)
        x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
        return 2 * x.permute(0, 3, 1, 2) - 1

    def turned(self, x: Tensor) -> Tensor:
        """Half of the patches mirrored, half turned upside down; half of the batches transposed."""
        across, down = (
            self.shared(torch.randint(0, 2, (self.n_batch,), generator=self.rng))[:, None, None, None] == 1
            for _ in range(2)
        )
        x = torch.where(down, x.flip(2), x)
        x = torch.where(across, x.flip(3), x)
        return x.transpose(2, 3) if int(torch.randint(0, 2, (), generator=self.rng)) else x

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def enlarge(self, small: Any, which: str = "G") -> Tensor:
        """Small images (B, h, w, 3), bytes or 0..1 -> (B, 4 h, 4 w, 3) in 0..1. ``which``: "G", the SRGAN, "mse", the
        SRResNet that it began as, or "bicubic"; ValueError for another.
        """
        if which not in ("G", "mse", "bicubic"):
            raise ValueError(f"which must be G, mse or bicubic, got {which!r}")
        x = self.levels(small)
        made = enlarged(x) if which == "bicubic" else self.network[which](x)
        return ((made.permute(0, 2, 3, 1) + 1) / 2).clamp(0, 1)

    @torch.no_grad()
    def measured(self, made: Tensor, photo: Tensor) -> dict[str, np.ndarray]:
        """What is measured of enlargements (B, H, W, 3) in 0..1 beside their photos, image by image, (B,) each:

        ``psnr`` in dB, ``ssim``, ``feature``, the distance in a stage of \\phi that nothing was trained by, and
        ``detail``, the mean contrast between neighbouring pixels over the photo's, 1 where they are as sharp.
        """
        inside = self.levels(made), self.levels(photo)
        found = {
            "psnr": psnr(made, photo),
            "ssim": ssim(made, photo),
            "feature": feature_distance(self.frozen["phi"], *inside, (JUDGE,)),
            "detail": contrast(made) / contrast(photo).clamp(min=1e-3),
        }
        return {key: value.double().cpu().numpy() for key, value in found.items()}

    def evaluate(self, test: Fields) -> dict[str, float]:
        """`measured` of test patches ``image`` (N, 64, 64, 3) by the SRGAN, the SRResNet ("_mse") and bicubic
        interpolation ("_bicubic"); each measure is the mean over photos of their patches' means, with 95 % intervals
        over the photos. And of how many photos the SRResNet's PSNR is above bicubic's (``won``), by how much the
        SRGAN's is below the SRResNet's (``psnr_lost``) and its feature distance smaller (``feature_gained``), photo by
        photo, what another test patch would have (``feature_other``), and each photo's PSNR (``psnr_0``, ...).
        """
        true, of = test["image"].to(self.device).float() / 255, test["photo"].cpu().numpy()
        small = (shrunk(self.levels(true)).permute(0, 2, 3, 1) + 1) / 2
        by_photo: dict[str, dict[str, np.ndarray]] = {}
        for which, suffix in (("G", ""), ("mse", "_mse"), ("bicubic", "_bicubic"), ("other", "_other")):
            parts = []
            for rows in torch.arange(len(true)).split(32):
                made = true.roll(len(true) // 2, 0)[rows] if which == "other" else self.enlarge(small[rows], which)
                parts.append(self.measured(made, true[rows]))
            whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
            by_photo[suffix] = {key: means_by(value, of) for key, value in whole.items()}
        result: dict[str, float] = {}
        for suffix in ("", "_mse", "_bicubic"):
            result |= {f"psnr{suffix}_{i}": float(value) for i, value in enumerate(by_photo[suffix]["psnr"])}
        for suffix, measures in by_photo.items():
            for key in ("feature",) if suffix == "_other" else measures:
                result |= named(f"{key}{suffix}", measures[key])
        ours, mse, bicubic = by_photo[""], by_photo["_mse"], by_photo["_bicubic"]
        return result | {
            "photos": float(len(ours["psnr"])),
            "won": float((mse["psnr"] > bicubic["psnr"]).sum()),
            **named("psnr_lost", mse["psnr"] - ours["psnr"]),
            **named("feature_gained", mse["feature"] - ours["feature"]),
        }

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made``: the first test patches enlarged, the bytes of a WebP picture; ``test_psnr``, ``test_ssim``,
        ``test_feature`` and ``test_detail`` over the test patches to watch.
        """
        photo = self.data.probe["image"][:WATCHED]
        made = self.enlarge((shrunk(self.levels(photo)).permute(0, 2, 3, 1) + 1) / 2)
        means = {f"test_{key}": float(value.mean()) for key, value in self.measured(made, photo.float() / 255).items()}
        return self.framed(means, made=webp.pack(learning.to_bytes(made[:SHOWN]).cpu().numpy()))


def feature_distance(phi: nn.Module, made: Tensor, photo: Tensor, stages: Sequence[str]) -> Tensor:
    """The mean of (phi(photo) - phi(made))^2 over that of phi(photo)^2, image by image, and the mean of that over the
    stages: (B, 3, H, W) -> (B,).
    """
    with torch.no_grad():
        wanted = phi(photo, stages)
    found = phi(made, stages)
    apart = [(wanted[s] - found[s]).square().mean((1, 2, 3)) / wanted[s].square().mean((1, 2, 3)) for s in stages]
    return torch.stack(apart).mean(0)


def psnr(made: Tensor, photo: Tensor) -> Tensor:
    """10 log_10 (1 / MSE) in dB of images (B, H, W, 3) in 0..1, at most 60: (B,)."""
    return -10 * (made - photo).square().mean((1, 2, 3)).clamp(min=1e-6).log10()


def contrast(x: Tensor) -> Tensor:
    """Mean difference between neighbours across and down, images (B, H, W, 3) -> (B,)."""
    return x.diff(dim=1).abs().mean((1, 2, 3)) + x.diff(dim=2).abs().mean((1, 2, 3))


def means_by(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The mean of values (N,) for each of the photos in ``of`` (N,), in ascending order."""
    return np.array([values[of == photo].mean() for photo in np.unique(of)])
