r"""Drawn characters from chosen attributes. Jin, Zhang, Li, Tian, Zhu & Fang 2017 (arXiv:1708.05509).

G draws from noise z and attributes c. D says of a picture whether it is real and, by a classifier on the same layers,
which attributes it has. x are real pictures, c_x what is known of them:

    L_adv(D) = -E log D(x) - E log(1 - D(G(z, c)))
    L_cls(D) = -E log P_D(c_x | x) - E log P_D(c | G(z, c))
    L_gp(D)  = E (||\nabla D(\hat x)||_2 - 1)^2          \hat x = x + \delta, near real pictures and nowhere else
    L(D)     = L_adv(D) + \lambda_cls L_cls(D) + \lambda_gp L_gp(D)

    L(G)     = -E log D(G(z, c)) - \lambda_cls E log P_D(c | G(z, c))

L_gp is DRAGAN's (Kodali et al. 2017, arXiv:1705.07215): the norm is that of a picture's whole gradient, all pixels and
channels together, of D's logit. \delta is uniform in 0..1, times half the standard deviation of the batch's pixels.

G is built as SRResNet is (Ledig et al. 2017): a dense layer; residual blocks with batch normalisation, and their sum
with what went into the first of them; three sub-pixel convolutions, each of which doubles the side; a wide convolution.
D has residual blocks without batch normalisation, which would tie the gradient at one picture to the others.

Departures: 48 pixels instead of 128, few channels and blocks, sub-pixel layers that grow thinner; eight attributes of
two to ten values with a softmax each, and L_cls the mean of their cross-entropies, where the paper has answers of yes
or no; \lambda_cls before L_cls, where the paper weighs L_adv. The attributes c are those of other training pictures,
so that a combination held out is never asked for in training. D's classifier learns from real pictures alone
(``on_made``): with made ones too, as in the paper, less was obeyed after as many small batches, and drawn worse.
Larger learning rates, which fall along a cosine.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import checkpoints, learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields
from engines.maths.intervals import named
from engines.maths.samples import frechet_named
from engines.people.attributes import PACKS, Portraits, one_hot, sizes

if TYPE_CHECKING:
    from engines.people.attributes import AttributeJudge

PACK = "avatars"
FIELDS = tuple(PACKS[PACK])
COUNTS = tuple(sizes(PACK))
SHOWN = 16  # test characters that a frame draws
SLOPES = 256  # test pictures near which D's gradient is measured

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"side": 32, "n_steps": 1_000}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "plain": {**_SMALL, "penalty": 0.0},
    "no-cls": {**_SMALL, "told": False},
    "on-made": {**_SMALL, "on_made": 1.0},
    "dcgan": {**_SMALL, "residual": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimeConfig(learning.LearnerConfig):
    side: int = 48
    channels: int = 8  # of G's last sub-pixel layer; D's first layer has twice as many
    blocks: int = 4  # of G, at an eighth of the side
    latent_dim: int = 64  # of z
    residual: bool = True  # without: G is as DCGAN's, of transposed convolutions
    told: bool = True  # G descends the classifier's loss
    classes: float = 2.0  # \lambda_cls
    on_made: float = 0.0  # of made pictures' part of L_cls(D)
    penalty: float = 0.5  # \lambda_gp; 0 leaves L_gp out
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 16
    n_steps: int = 4_500

    def __post_init__(self) -> None:
        learning.check(
            self, side=(16, 64), channels=(1, 256), blocks=(0, 64), latent_dim=(1, 1024), classes=(0, 1000),
            penalty=(0, 1000), on_made=(0, 1000), batch_size=(2, 4096), n_steps=(1, 10**7),
        )  # fmt: skip
        if self.side % 8:
            raise ValueError(f"side must be a multiple of 8, got {self.side}")


class Avatars(Portraits):
    """Pictures and their attributes; on the test side ``split`` is 2 where hair of that style was never seen in that
    colour. A training picture that has all eight attributes in common with a test picture is left out.
    """

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        found = super().load(name, n=n)
        train, test = (coded(side["attributes"]) for side in (found.train, found.test))
        kept = torch.from_numpy(~np.isin(train, test))
        new = int((found.test["split"] == 2).sum()) if "split" in found.test else 0
        about = {**found.about, "split": "no combination of test pictures", "n_train": int(kept.sum()), "n_new": new}
        return cls({key: value[kept] for key, value in found.train.items()}, found.test, about=about,
                   sha256=found.sha256)  # fmt: skip


def coded(attributes: Tensor) -> np.ndarray:
    """One number a combination: (N, 8) -> (N,)."""
    return np.ravel_multi_index(tuple(attributes.numpy().astype(np.int64).T), COUNTS)


# -- the networks ----------------------------------------------------------------------------------------------


class Block(nn.Module):
    """x + f(x), two convolutions. With batch normalisation, as G's; without it and with a leaky end, as D's."""

    def __init__(self, c: int, *, norm: bool) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(c, c, 3, padding=1, bias=not norm) for _ in range(2))
        self.norms = nn.ModuleList([nn.BatchNorm2d(c), nn.BatchNorm2d(c)] if norm else [])

    def forward(self, x: Tensor) -> Tensor:
        if self.norms:
            return x + self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        return F.leaky_relu(x + self.second(F.leaky_relu(self.first(x), 0.2)), 0.2)


class Generator(nn.Module):
    """z (B, Z) and attributes of `one_hot` (B, 35) -> pictures (B, 3, S, S) in -1..1."""

    def __init__(self, n_noise: int, c: int, side: int, blocks: int, *, residual: bool) -> None:
        super().__init__()
        widths = (8 * c, 4 * c, 2 * c, c)
        start = [nn.Linear(n_noise + sum(COUNTS), 8 * c * (side // 8) ** 2, bias=False)]
        self.dense = nn.Sequential(*start, nn.Unflatten(1, (8 * c, side // 8, side // 8)), *after(8 * c))
        self.blocks = nn.Sequential(*(Block(8 * c, norm=True) for _ in range(blocks)), *after(8 * c))
        layers = [layer for pair in pairwise(widths) for layer in (sub_pixel if residual else transposed)(*pair)]
        self.finer = nn.Sequential(*layers, nn.Conv2d(c, 3, 5, padding=2), nn.Tanh())
        self.residual = residual

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        h = self.dense(torch.cat([z, c], dim=1))
        return self.finer(h + self.blocks(h) if self.residual else h)


def after(c: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(c), nn.ReLU()]


def sub_pixel(n_in: int, n_out: int) -> list[nn.Module]:
    """Four channels become the four pixels of a square (Shi et al. 2016)."""
    return [nn.Conv2d(n_in, 4 * n_out, 3, padding=1, bias=False), nn.PixelShuffle(2), *after(n_out)]


def transposed(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False), *after(n_out)]


def halved(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]


class Discriminator(nn.Module):
    """Pictures (B, 3, S, S) -> the logit of "real" (B,) and the logits of every attribute's values (B, 35)."""

    def __init__(self, c: int, side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [*halved(3, c)]
        for n_in, blocks in ((c, 1), (2 * c, 2)):
            layers += [*halved(n_in, 2 * n_in), *(Block(2 * n_in, norm=False) for _ in range(blocks))]
        self.look = nn.Sequential(*layers, nn.Flatten())
        n_seen = 4 * c * (side // 8) ** 2
        self.real, self.classes = nn.Linear(n_seen, 1), nn.Linear(n_seen, sum(COUNTS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.look(x)
        return self.real(seen)[:, 0], self.classes(seen)


# -- the terms of the losses -----------------------------------------------------------------------------------


def classified(logits: Tensor, attributes: Tensor) -> Tensor:
    """-log P(c | x), the mean over the attributes and the batch: (B, 35) and (B, 8) -> ()."""
    parts = zip(logits.split(COUNTS, dim=1), attributes.long().T, strict=True)
    return torch.stack([F.cross_entropy(part, known) for part, known in parts]).mean()


def slopes(D: Any, x: Tensor) -> Tensor:
    r"""||\nabla_x D(x)||_2 of the logit, of each picture as a whole: (B, 3, S, S) -> (B,)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(D(x)[0].sum(), x, create_graph=D.training)
    return slope.flatten(1).norm(dim=1)


def near(x: Tensor, noise: Tensor) -> Tensor:
    r"""\hat x = x + \delta: noise uniform in 0..1, of the shape of the pictures."""
    return x + noise * x.std() / 2


class Anime(learning.Learner):
    """Learns from `Avatars`; without data it draws only."""

    name: ClassVar[str] = "anime"
    Config: ClassVar[type] = AnimeConfig
    learns_from: ClassVar[type[Avatars]] = Avatars
    VARIANTS = VARIANTS
    training_state = (*learning.TRAINING_STATE, "network.D.")  # D has no part in drawing, and does not ship
    has_d = True  # whether D is the one that G learned from

    @classmethod
    def shapes_of(cls, config: Any) -> dict[str, tuple[int, ...]]:
        return {key: shape for key, shape in super().shapes_of(config).items() if not key.startswith("network.D.")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.has_d = any(key.startswith("network.D.") for key in state)
        fresh = {f"network.D.{key}": value for key, value in self.network["D"].state_dict().items()}
        super().load_state_dict(state if self.has_d else fresh | state)

    def make(self) -> nn.Module:
        config = self.config
        c, side = config.channels, config.side
        G = Generator(config.latent_dim, c, side, config.blocks if config.residual else 0, residual=config.residual)
        return nn.ModuleDict({"G": G, "D": Discriminator(2 * c, side)})

    def start(self, network: Any) -> nn.Module:
        """D, without normalisation, keeps the size of what it sees (He et al. 2015). Sub-pixel layers begin with equal
        weights for the four pixels of a square (Aitken et al. 2017): otherwise G draws a grid at first.
        """
        for layer, beyond in pairwise(network["G"].finer):
            if isinstance(beyond, nn.PixelShuffle):
                layer.weight.data.copy_(layer.weight.data[::4].repeat_interleave(4, dim=0))
        for layer in network["D"].modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, a=0.2, generator=self.rng)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every one has a bias
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D on L(D), then one of G on L(G), with the attributes of the batch's other pictures."""
        config, (G, D) = self.config, (self.learners[key] for key in ("G", "D"))
        x, known = self.pixels(batch["image"]), batch["attributes"]
        z = self.shared(torch.randn(self.n_batch, config.latent_dim, generator=self.rng))
        asked = known.roll(1, dims=0)  # the batch stands in an order of chance
        made = G(z, one_hot(asked, PACK))

        real, seen = D(x)
        fake, made_seen = D(made.detach())
        adv = F.softplus(-real).mean() + F.softplus(fake).mean()
        cls = classified(seen, known) + config.on_made * classified(made_seen, asked)
        loss = adv + config.classes * cls
        said = {"d_adv": adv, "d_cls": cls, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        if config.penalty:
            noise = self.shared(torch.rand(self.n_batch, *x.shape[1:], generator=self.rng))
            steep = slopes(D, near(x, noise))
            said |= {"d_gp": (steep - 1).square().mean(), "slope": steep.mean()}
            loss = loss + config.penalty * said["d_gp"]
        self.descend(loss, "D")

        with self.held("D") as held:
            real, seen = held(made)
        said |= {"g_adv": F.softplus(-real).mean(), "g_cls": classified(seen, asked)}
        self.descend(said["g_adv"] + config.classes * said["g_cls"] if config.told else said["g_adv"], "G")
        return said

    def pixels(self, images: Any) -> Tensor:
        """Pictures (B, H, H, 3), bytes or 0..1, at this network's side, (B, 3, S, S) in -1..1."""
        x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=self.device)
        x = (x.float() / 255 if x.dtype == torch.uint8 else x.float()).permute(0, 3, 1, 2)
        side = self.config.side
        if x.shape[-1] != side:
            x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        return 2 * x - 1

    # -- drawing and what is measured ------------------------------------------------------------------

    def noise(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.config.latent_dim, generator=generator)

    @torch.no_grad()
    def draw(self, z: Tensor, c: Tensor) -> Tensor:
        """Noise (N, Z), and attributes as numbers of values (N, 8) or as `one_hot` has them (N, 35): (N, S, S, 3) in
        0..1."""
        c = one_hot(c, PACK) if c.shape[1] == len(FIELDS) else c
        parts = zip(z.to(self.device).split(64), c.to(self.device).split(64), strict=True)
        made = torch.cat([self.network["G"](a, b) for a, b in parts])
        return (made.permute(0, 2, 3, 1) + 1) / 2

    def steepness(self, images: Any, generator: torch.Generator) -> Tensor:
        r"""||\nabla D|| near each of these pictures (N, H, H, 3), which L_gp pulls to 1: (N,)."""
        found = []
        for part in self.pixels(images).split(64):
            noise = torch.rand(part.shape, generator=generator).to(self.device)
            found.append(slopes(self.network["D"], near(part, noise)).detach().cpu())
        return torch.cat(found)

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Of a character for every test picture's attributes, by `attributes`' judge, with 95 % intervals:

        ``obeyed`` and ``new``: the share of attributes that the judge reads as they were asked for, where the pair of
        hair style and colour was seen in training and where it never was, and each attribute's own, ``obeyed_skin`` and
        so on. Of true pictures brought to the same side ("_real", the ceiling); the most frequent value's share
        ("_most", the floor). ``frechet``, the distance of the judge's features from true test pictures', and
        ``frechet_real`` of true training pictures'. ``spread``: how much two characters with the same attributes
        differ, in levels of 255. ``slope``: D's gradient norm near true test pictures, where D is at hand.
        """
        by, known = judge(str(self.device)), test["attributes"].cpu().long()
        n, new = len(known), (test["split"] == 2).cpu().numpy()
        z = self.noise(2 * n, learning.stream(self.config.seed, 2))
        first, again = self.draw(z[:n], known).cpu(), self.draw(z[n:], known).cpu()
        true = self.reduced(test["image"])
        result: dict[str, float] = {}
        for end, images in (("", first), ("_real", true)):
            right = (by.read(enlarged(images, by.config.side)) == known).double().numpy()
            for key, rows in (("obeyed", ~new), ("new", new)):
                if not rows.any():
                    continue
                result |= named(key + end, right[rows].mean(axis=1))
                for i, field in enumerate(FIELDS):
                    result |= named(f"{key}_{field}{end}", right[rows, i])
        for key, rows in (("obeyed", ~new), ("new", new)):
            if rows.any():
                most = {f: float(known[rows, i].bincount().max() / rows.sum()) for i, f in enumerate(FIELDS)}
                result |= {f"{key}_{field}_most": share for field, share in most.items()}
                result[f"{key}_most"] = float(np.mean(list(most.values())))
        result |= named("spread", 255 * (first - again).abs().mean(dim=(1, 2, 3)).double().numpy())
        seen = by.features(enlarged(true, by.config.side))
        result |= frechet_named("frechet", seen, by.features(enlarged(first, by.config.side)))
        if self.data is not None:
            some = by.features(enlarged(self.reduced(self.data.train["image"][:n].cpu()), by.config.side))
            m = min(len(some), n)
            result |= frechet_named("frechet_real", seen[:m], some[:m])
        if self.has_d:
            steep = self.steepness(test["image"][:SLOPES], learning.stream(self.config.seed, 3))
            result |= named("slope", steep.double().numpy())
        return result

    def reduced(self, images: Any) -> Tensor:
        """True pictures (N, H, H, 3) at this network's side, in 0..1."""
        return (self.pixels(images).permute(0, 2, 3, 1).cpu() + 1) / 2

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made`` of the first test attributes by the same noise at every step, the bytes of a WebP picture (see
        `engines.data.webp`); ``obeyed`` by the judge over the characters to watch.
        """
        known, by = self.data.probe["attributes"].cpu().long(), judge(str(self.device))
        made = self.draw(self.noise(len(known), learning.stream(self.config.seed, 1)), known).cpu()
        right = by.read(enlarged(made, by.config.side)) == known
        packed = webp.pack(learning.to_bytes(made[:SHOWN]).numpy(), quality=85)
        return self.framed({"obeyed": float(right.double().mean())}, made=packed)


def enlarged(images: Tensor, side: int) -> Tensor:
    """Pictures (N, S, S, 3) at least as large as the judge's: (N, max(S, side), max(S, side), 3)."""
    if images.shape[1] >= side:
        return images
    larger = F.interpolate(images.permute(0, 3, 1, 2), size=(side, side), mode="bilinear", align_corners=False)
    return larger.permute(0, 2, 3, 1)


def judge(device: str) -> AttributeJudge:
    """The shipped judge of these pictures."""
    return checkpoints.teacher("attribute_judge", PACK, device)
