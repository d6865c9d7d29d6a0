r"""MGAN: texture by one pass of a network, judged patch by patch in feature space. Li & Wand 2016 (arXiv:1604.04382).

\Phi is a frozen network that was trained to name photos, s_i(x) the score that the discriminator D gives the i-th patch
of the *feature maps* \Phi(x): D never sees a pixel. Both players descend hinges over the N patches of a batch,

    D:  1/N \sum_i max(0, 1 - s_i(x_t)) + 1/N \sum_i max(0, 1 + s_i(G(x)))           x_t: crops of the texture
    G:  E_t + \alpha_1 E_c + \alpha_2 \Upsilon
    E_t = 1/N \sum_i max(0, 1 - s_i(G(x)))                                           each patch is to pass for real
    E_c = mean (\Psi(G(x)) - \Psi(x))^2                                              what is where in x stays there
    \Upsilon = squared differences of neighbouring pixels, mean

x is a photo, or pink noise for plain texture; of noise nothing has to stay: E_c is taken of photos alone. G decodes: a
frozen part of the same network sees x, and strided convolutions that are learned make pixels of its maps, whatever
their size. `mdan.py` is the optimisation that G replaces: the same D, with the pixels themselves as what moves.

Departures: EfficientNet-Lite0 for VGG-19: D's \Phi are its stages 1 and 2, G decodes stage 3, which is \Psi too. Beside
the maps G takes white noise, so that a photo can be drawn anew; the noise in a photo's place is pink (the paper's is
brown), which tells neighbouring places apart. G learns from E_c and E_t at once; the authors' code teaches it pixels
that the optimisation made before. D has no batch normalisation and a lower learning rate. Small: crops of 96 pixels,
batches of 4, 32 channels. A texture's right-hand strip is held out, for measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.making import features, patches
from engines.material import Fields, Rows
from engines.maths.intervals import named

TEXTURES = ("brick", "grass", "gravel", "cork", "stars", "citrus", "seed head", "bark")
PHOTOS = ("astronaut", "cat", "coffee", "rocket")
HELD_OUT = "cat"  # the photo that no network learns from
SIDE, STRIP = 256, 80  # pixels of a texture; columns at its right that are held out
JUDGED = MappingProxyType({"stage1": (16, 2), "stage2": (24, 4)})  # D's \Phi: channels, pixels to a place
GIVEN, N_GIVEN, EVERY = "stage3", 40, 8  # what G decodes and E_c compares: its channels, pixels to a place
SCALE = MappingProxyType({"stage1": 7.0, "stage2": 8.0, "stage3": 6.0})  # maps are divided by their rough deviation
N_NOISE = 8  # maps of white noise beside them
SHOWN = 160  # pixels a side of what a frame shows
LONGEST = 96  # pixels of the longest wave of pink noise that has more power than shorter ones
MARGIN = 16  # pixels around an image that are drawn and cut away
N_MEASURED = 12  # textures drawn for a measure

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 16, "n_steps": 700}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "seed-head": {"texture": "seed head", "n_steps": 1_000},  # other textures
    "cork": {"texture": "cork", "n_steps": 600},
    "small": _SMALL,
    "pixels": {**_SMALL, "judged": "pixels"},  # D sees pixels
    "no-adversarial": {**_SMALL, "adversarial": False},  # E_c and \Upsilon alone
    "no-content": {**_SMALL, "content_weight": 0.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MGANConfig(learning.LearnerConfig):
    texture: str = "gravel"
    channels: int = 32  # of G
    d_channels: int = 32
    judged: str = "features"
    adversarial: bool = True  # \beta: 1 or 0
    content_weight: float = 1.0  # \alpha_1
    smooth_weight: float = 1e-4  # \alpha_2
    crop: int = 96
    learning_rate: float = 2e-3  # of G
    d_rate: float = 0.25  # D's learning rate in G's
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 4  # half of them photos, half pink noise
    n_steps: int = 1_500

    def __post_init__(self) -> None:
        learning.check(self, channels=(2, 256), d_channels=(1, 256), d_rate=(1e-6, 100), content_weight=(0, 1000),
                       smooth_weight=(0, 1000), crop=(64, 176), batch_size=(2, 256), n_steps=(1, 10**7))  # fmt: skip
        if self.texture not in TEXTURES:
            raise ValueError(f"texture must be one of {', '.join(TEXTURES)}, got {self.texture!r}")
        if self.judged not in ("features", "pixels"):
            raise ValueError(f"judged must be features or pixels, got {self.judged!r}")
        if self.crop % 16:
            raise ValueError(f"crop must be a multiple of 16, got {self.crop}")
        if not (self.adversarial or self.content_weight):
            raise ValueError("nothing is left to learn by: keep the discriminator, or a content_weight above 0")


class Textures(Rows):
    """``texture`` and ``photo`` (N, 256, 256, 3) uint8: batches have a texture's training side and some photo a row."""

    fields = ("texture", "photo")

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        from engines.data import zoo

        pack = zoo.load(name)
        if "texture" not in pack or n is not None:
            raise ValueError("mgan learns from --data textures, without --n")
        held = np.array([photo == HELD_OUT for photo in PHOTOS])
        texture, photo = pack["texture"], pack["content"]
        about = {"split": f"the right {STRIP} columns of a texture and the photo {HELD_OUT} are held out",
                 "n_train": int((~held).sum()), "n_test": int(held.sum())}  # fmt: skip
        sides = ({"texture": texture[:, :, :-STRIP], "photo": photo[~held]},
                 {"texture": texture[:, :, -STRIP:], "photo": photo[held]})  # fmt: skip
        return cls(*sides, about=about, sha256=pack.sha256)

    def of_one(self, row: int) -> Self:
        """The same with one texture alone."""
        kept = copy(self)
        for side in ("train", "test", "probe"):
            texture = getattr(self, side)["texture"]
            one = texture[row : row + 1] if len(texture) > 1 else texture
            setattr(kept, side, {**getattr(self, side), "texture": one})
        return kept

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        texture, photo = self.train["texture"], self.train["photo"]
        draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(photo), (batch_size,), generator=draw)
        return {"texture": texture[:1].expand(batch_size, -1, -1, -1), "photo": photo[rows.to(photo.device)]}


class Generator(nn.Module):
    """Maps (B, 40, H/8, W/8), noise (B, 8, H/8, W/8) and (B, 8, H/4, W/4) -> (B, 3, H, W) in -1..1."""

    def __init__(self, c: int) -> None:
        super().__init__()

        def layer(before: int, after: int, *, doubles: bool = False) -> list[nn.Module]:
            conv = (nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False) if doubles
                    else nn.Conv2d(before, after, 3, padding=1, bias=False))  # fmt: skip
            return [conv, nn.BatchNorm2d(after), nn.ReLU()]

        self.coarse = nn.Sequential(
            *layer(N_GIVEN + N_NOISE, 2 * c), *layer(2 * c, 2 * c), *layer(2 * c, c, doubles=True)
        )  # fmt: skip
        self.fine = nn.Sequential(
            *layer(c + N_NOISE, c), *layer(c, c // 2, doubles=True), *layer(c // 2, c // 2),
            nn.ConvTranspose2d(c // 2, 3, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, maps: Tensor, z: Sequence[Tensor]) -> Tensor:
        coarse = self.coarse(torch.cat([maps, z[0]], dim=1))
        return self.fine(torch.cat([coarse, z[1]], dim=1))


class Patches(nn.Module):
    """The scores s_i of patches of maps (B, C, H, W): two halvings, so each is of 10 x 10 places, every 4: (B, N)."""

    def __init__(self, n_in: int, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n_in, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(4 * c, 1, 1),
        )  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps).flatten(1)


class Discriminator(nn.ModuleDict):
    """Patches of each judged map; their scores in one row: {name: (B, C, H, W)} -> (B, N)."""

    def __init__(self, judged: str, c: int) -> None:
        n_in = {"pixels": 3} if judged == "pixels" else {stage: n for stage, (n, _) in JUDGED.items()}
        super().__init__({name: Patches(n, c) for name, n in n_in.items()})

    def forward(self, maps: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([judge(maps[name]) for name, judge in self.items()], dim=1)


@lru_cache(maxsize=1)
def phi() -> features.Features:
    """The frozen network, shared by all who look through it; it holds no state."""
    return features.load()


def scaled(network: nn.Module, images: Tensor, stages: tuple[str, ...]) -> dict[str, Tensor]:
    """The maps of images (B, 3, H, W) in -1..1, of about deviation 1."""
    return {stage: maps / SCALE[stage] for stage, maps in network(images, stages).items()}


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """What D descends, of the scores of real and of made patches."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def texture_loss(scores: Tensor) -> Tensor:
    """E_t."""
    return F.relu(1 - scores).mean()


def content_loss(made: Tensor, given: Tensor) -> Tensor:
    """E_c, of maps."""
    return (made - given).square().mean()


def smoothness(x: Tensor) -> Tensor:
    r"""\Upsilon of images (B, 3, H, W)."""
    return (x[..., 1:, :] - x[..., :-1, :]).square().mean() + (x[..., :, 1:] - x[..., :, :-1]).square().mean()


def pink_noise(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Images whose power falls with the frequency, (n, 3, H, W): mean 0, deviation 0.5, cut at -1 and 1.

    Waves longer than 96 pixels have no more power than those: noise is alike at every size.
    """
    white = torch.randn(n, 3, height, width, generator=generator)
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (down.square() + across.square()).sqrt().clamp(min=1 / LONGEST)
    pink = torch.fft.irfft2(torch.fft.rfft2(white) / frequency.sqrt(), s=(height, width))
    pink = pink - pink.mean(dim=(2, 3), keepdim=True)
    return (0.5 * pink / pink.std(dim=(2, 3), keepdim=True)).clamp(-1, 1)


class MGAN(learning.Learner):
    """One texture's generator; without data it draws only."""

    name: ClassVar[str] = "mgan"
    Config: ClassVar[type] = MGANConfig
    learns_from = Textures
    VARIANTS = VARIANTS

    def __init__(self, config: MGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if self.data is not None:
            self.data = self.data.of_one(TEXTURES.index(config.texture))

    def teachers(self) -> Mapping[str, nn.Module]:
        return {"phi": phi()}

    def make(self) -> nn.Module:
        config = self.config
        G = Generator(config.channels)
        if not config.adversarial:
            return nn.ModuleDict({"G": G})
        return nn.ModuleDict({"G": G, "D": Discriminator(config.judged, config.d_channels)})

    def learning_rate_of(self, player: str) -> float:
        return self.config.learning_rate * (self.config.d_rate if player == "D" else 1)

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D, then one of G, on crops: the texture's, and as many photos as images of pink noise."""
        config, G, D = self.config, self.learners["G"], self.learners.get("D")
        texture, photo = (self.cut(self.images(batch[key])) for key in ("texture", "photo"))
        n = len(photo) // 2
        x = torch.cat([photo[:n], self.pink(len(photo) - n, config.crop, config.crop, self.rng)])
        given = self.given(x)
        made = G(given, self.white(len(x), config.crop, config.crop, self.rng))
        seen = self.seen(made)
        smooth = smoothness(made)
        loss, said = config.smooth_weight * smooth, {"smooth": smooth}
        if config.content_weight:
            kept = content_loss(seen[GIVEN][:n], given[:n])
            loss, said["content"] = loss + config.content_weight * kept, kept
        if D is not None:
            with torch.no_grad():
                real = self.seen(texture)
            s_real, s_fake = D(real), D({name: maps.detach() for name, maps in seen.items()})
            d_loss = hinge_d(s_real, s_fake)
            self.descend(d_loss, "D")
            with self.held("D") as judge:
                gan = texture_loss(judge(seen))
            loss = loss + gan
            said |= {"gan": gan, "d_loss": d_loss, "s_real": s_real.mean(), "s_fake": s_fake.mean()}
        self.descend(loss, "G")
        return said

    def seen(self, images: Tensor) -> dict[str, Tensor]:
        """The maps of images (B, 3, H, W) that D judges and E_c compares."""
        stages = () if self.config.judged == "pixels" else tuple(JUDGED)
        if self.config.content_weight:
            stages = (*stages, GIVEN)
        maps = scaled(self.frozen["phi"], images, stages) if stages else {}
        return maps | {"pixels": images}

    def images(self, rows: Any) -> Tensor:
        """Bytes or levels in 0..1 (B, H, W, 3) as the networks take them: (B, 3, H, W) in -1..1."""
        x = torch.as_tensor(np.asarray(rows)) if not isinstance(rows, Tensor) else rows
        x = x.to(self.device, torch.float32) / (255 if x.dtype == torch.uint8 else 1)
        return 2 * x.permute(0, 3, 1, 2) - 1

    def cut(self, images: Tensor) -> Tensor:
        """A crop of each image (B, 3, H, W) at a place of its own: (B, 3, S, S)."""
        side, (height, width) = self.config.crop, images.shape[2:]
        tops, lefts = (torch.randint(0, length - side + 1, (len(images),), generator=self.rng).tolist()
                       for length in (height, width))  # fmt: skip
        rows = zip(images, tops, lefts, strict=True)
        return torch.stack([one[:, top : top + side, left : left + side] for one, top, left in rows])

    def pink(self, n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        return pink_noise(n, height, width, generator).to(self.device)

    def white(self, n: int, height: int, width: int, generator: torch.Generator) -> list[Tensor]:
        """z for images of this size: (n, 8, H/8, W/8) and (n, 8, H/4, W/4)."""
        sizes = [(n, N_NOISE, height // every, width // every) for every in (EVERY, EVERY // 2)]
        return [torch.randn(size, generator=generator).to(self.device) for size in sizes]

    @torch.no_grad()
    def given(self, x: Tensor) -> Tensor:
        """What G decodes of images (B, 3, H, W): (B, 40, H/8, W/8)."""
        return scaled(self.frozen["phi"], x, (GIVEN,))[GIVEN]

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def draw(self, height: int, width: int, *, generator: torch.Generator, n: int = 1) -> Tensor:
        """Texture of any size: (n, H, W, 3) in 0..1."""
        tall, wide = (2 * MARGIN + EVERY * -(-length // EVERY) for length in (height, width))
        return self._decoded(self.pink(n, tall, wide, generator), height, width, generator)

    @torch.no_grad()
    def paint(self, photos: Any, *, generator: torch.Generator) -> Tensor:
        """Photos (B, H, W, 3), bytes or 0..1, in this texture: (B, H, W, 3) in 0..1."""
        x = self.images(photos)
        height, width = x.shape[2:]
        around = (MARGIN, MARGIN + -width % EVERY, MARGIN, MARGIN + -height % EVERY)
        return self._decoded(F.pad(x, around, mode="replicate"), height, width, generator)

    def _decoded(self, x: Tensor, height: int, width: int, generator: torch.Generator) -> Tensor:
        """What is drawn of more than is wanted: the margin sees G's padding."""
        made = self.network["G"](self.given(x), self.white(len(x), x.shape[2], x.shape[3], generator))
        made = made[:, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        return (made.permute(0, 2, 3, 1) + 1) / 2

    @torch.no_grad()
    def evaluate(self, test: Fields, n: int = N_MEASURED) -> dict[str, float]:
        """Distances (`patches.Reference`) from the texture's held-out strip, each with its 95 % interval.

        ``distance``: of ``n`` textures drawn at the strip's size; ``distance_untrained``: of an untrained generator's;
        ``distance_real``: of crops of the texture's training side; ``distance_noise``: of the pink noise itself. The
        same in pixels, without any network: ``pixels``, ``pixels_untrained``, ``pixels_real``, ``pixels_noise``.
        ``painted`` and ``painted_before``: of the held-out photo's three thirds after and before. ``content``: E_c of
        the painted photo over 16 tiles; ``content_other``: where plain texture stands for it; 0 is the photo itself.
        """
        row = TEXTURES.index(self.config.texture) if len(test["texture"]) > 1 else 0
        strip, photo = self.images(test["texture"][row : row + 1]), test["photo"][:1]
        height, width = strip.shape[2:]

        def noise(use: int) -> torch.Generator:
            return learning.stream(self.config.seed, use)

        blank = type(self)(self.config, device=str(self.device))
        drawn = {"": self.images(self.draw(height, width, generator=noise(2), n=n)),
                 "_untrained": self.images(blank.draw(height, width, generator=noise(2), n=n)),
                 "_noise": self.pink(n, height, width, noise(2))}  # fmt: skip
        if self.data is not None:
            side = self.images(self.data.train["texture"][:1])
            lefts = range(0, max(1, side.shape[3] - width + 1), 16)
            drawn["_real"] = torch.cat([side[..., :height, left : left + width] for left in lefts])
        plain, before = self.draw(*photo.shape[1:3], generator=noise(3)), self.images(photo)
        painted = self.images(self.paint(photo, generator=noise(3)))
        result: dict[str, float] = {}
        for name, look in (("distance", self.measured), ("pixels", lambda images: images)):
            reference = patches.Reference(look(strip))
            for end, images in drawn.items():
                away = [reference.distance(look(some)) for some in images.split(4)]
                result |= named(f"{name}{end}", torch.cat(away).double().cpu().numpy())
            if name == "distance":
                for end, image in (("", painted), ("_before", before)):
                    thirds = [reference.distance(look(part)) for part in image.tensor_split(3, dim=3)]
                    result |= named(f"painted{end}", torch.cat(thirds).double().cpu().numpy())
        of_photo = self.given(before)
        for name, images in (("content", painted), ("content_other", self.images(plain))):
            off = (self.given(images) - of_photo).square().mean(dim=1, keepdim=True)
            result |= named(name, F.adaptive_avg_pool2d(off, 4).flatten().double().cpu().numpy())
        return result

    def measured(self, images: Tensor) -> Tensor:
        """The maps of images (B, 3, H, W) that are measured, as the network gives them."""
        return self.frozen["phi"](images, (patches.STAGE,))[patches.STAGE]

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made``: a texture and the held-out photo in it, from the same noise at every step, the bytes of a WebP
        picture (see `engines.data.webp`); ``distance`` of two textures from the held-out strip.
        """
        strip = self.images(self.data.probe["texture"])
        drawn = self.images(self.draw(*strip.shape[2:], generator=learning.stream(self.config.seed, 1), n=2))
        away = patches.Reference(self.measured(strip)).distance(self.measured(drawn)).mean()
        photo = F.interpolate(self.images(self.data.probe["photo"][:1]), (SHOWN, SHOWN), mode="area")
        generator = learning.stream(self.config.seed, 1)
        both = torch.cat([self.draw(SHOWN, SHOWN, generator=generator),
                          self.paint((photo.permute(0, 2, 3, 1) + 1) / 2, generator=generator)])  # fmt: skip
        return self.framed({"distance": float(away)}, made=webp.pack(learning.to_bytes(both).cpu().numpy()))
