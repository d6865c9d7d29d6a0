r"""DiscoGAN: two kinds of images, no pairs. Kim, Cha, Kim, Lee & Kim 2017 (arXiv:1703.05192), section 3.

    x_{AB} = G_{AB}(x_A),  x_{ABA} = G_{BA}(x_{AB});   the other way round with A and B exchanged
    L_{GAN_B}   = -E log D_B(x_{AB})                        what is drawn looks like B
    L_{CONST_A} =  d(x_{ABA}, x_A)                          and can be led back to where it came from
    L_{G_{AB}}  = L_{GAN_B} + L_{CONST_A}
    L_G         = L_{G_{AB}} + L_{G_{BA}}                   both ways, with the same two generators
    L_{D_B}     = -E log D_B(x_B) - E log(1 - D_B(x_{AB}));    L_D = L_{D_A} + L_{D_B}

d is the mean squared difference. The lesser ``model``s of the paper's figure 2: "gan" is L_{GAN_B} alone,
"reconstruction" is L_{G_{AB}} alone: the way back exists, but nobody judges it.

A are chairs on a turntable, B heads that turn, each within 90 degrees of the front. What the two share is the turn;
which way a head turns and where its front is nothing says, so a measure must allow for both (`expected`).

Departures: images of 32 pixels instead of 64 and fewer channels; the narrowest layer is a map of 4 x 4, as in the
authors' smaller network, not a vector; a step of D for every step of G; a few thousand batches of 16. Two weights are
not in the paper but in the authors' code (angle_pairing.py, at the rate 0.5 that it says was used): beside L_GAN the
generators match what D's layers after the first see,

    L_FEATURE_B = \sum_l mean (\overline{f_l(x_{AB})} - \overline{f_l(x_B)})^2,   f_l averaged over the batch

``feature_weight`` times, and L_CONST counts ``const_weight`` times: 0.1 L_GAN + 0.9 L_FEATURE stands there beside
reconstructions in 0..1, which is 9 and, for images in -1..1, 2.5 to the 1 of L_GAN. There the GAN alone matches no
features; here all three do, so that they are compared alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
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
N_TURNS = 19  # pictures of a chair, every 10 degrees
# What a frame translates: of three test chairs seven turns each.
SHOWN = tuple(N_TURNS * chair + 3 * turn for chair in (0, 3, 6) for turn in range(7))
MODELS = ("discogan", "reconstruction", "gan")
SEEDS = (0, 1, 2)
# Each model with three seeds: "" and "reconstruction" and "gan", then "discogan-1" and so on.
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "reconstruction": {"model": "reconstruction"},
    "gan": {"model": "gan"},
    **{f"{model}-{seed}": {"model": model, "seed": seed} for seed in SEEDS[1:] for model in MODELS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoGANConfig(learning.LearnerConfig):
    model: str = "discogan"
    channels: int = 16  # of the layers next to the image, in all networks
    const_weight: float = 2.5  # of both reconstruction losses
    feature_weight: float = 9.0  # of the matching of D's features
    learning_rate: float = 4e-4
    beta1: float = 0.5
    batch_size: int = 16
    n_steps: int = 4_000

    def __post_init__(self) -> None:
        learning.check(
            self,
            channels=(1, 512),
            const_weight=(0, 1000),
            feature_weight=(0, 1000),
            batch_size=(2, 1024),
            n_steps=(1, 10**7),
        )
        check_model(self.model)


def check_model(model: str) -> None:
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")


# -- the losses, for images and for points -------------------------------------------------------------


def generator_terms(
    model: str, G: Mapping[str, Any], D: Mapping[str, Any], a: Tensor, b: Tensor, *, match: bool = False
) -> dict[str, Tensor]:
    """The terms of L_G that ``model`` has, by name; with ``match`` also L_FEATURE of every D that judges."""
    ab = G["AB"](a)
    terms = {"gan_b": F.softplus(-D["B"](ab)).mean()}  # -log D_B(x_AB)
    if match:
        terms["feature_b"] = features_apart(D["B"], ab, b)
    if model != "gan":
        terms["const_a"] = F.mse_loss(G["BA"](ab), a)
    if model == "discogan":
        ba = G["BA"](b)
        terms["gan_a"] = F.softplus(-D["A"](ba)).mean()
        terms["const_b"] = F.mse_loss(G["AB"](ba), b)
        if match:
            terms["feature_a"] = features_apart(D["A"], ba, a)
    return terms


def features_apart(D: Any, made: Tensor, real: Tensor) -> Tensor:
    """L_FEATURE of two batches: how far the means of D's features lie apart, over its layers after the first."""
    apart, first = made.new_zeros(()), True
    for layer in D:
        made, real = layer(made), layer(real)
        if isinstance(layer, nn.LeakyReLU):
            apart = apart if first else apart + F.mse_loss(made.mean(dim=0), real.mean(dim=0))
            first = False
    return apart


def discriminator_loss(model: str, G: Mapping[str, Any], D: Mapping[str, Any], a: Tensor, b: Tensor) -> Tensor:
    """L_D, of D_B alone where nobody judges the way back."""
    with torch.no_grad():
        ab, ba = G["AB"](a), G["BA"](b) if model == "discogan" else None
    loss = F.softplus(-D["B"](b)).mean() + F.softplus(D["B"](ab)).mean()
    if ba is not None:
        loss = loss + F.softplus(-D["A"](a)).mean() + F.softplus(D["A"](ba)).mean()
    return loss


def players(model: str, make_g: Callable[[], nn.Module], make_d: Callable[[], nn.Module]) -> dict[str, nn.Module]:
    """The networks that ``model`` has: "G_AB" and "D_B", and what else there is of "G_BA" and "D_A"."""
    ways = ("AB",) if model == "gan" else ("AB", "BA")
    judged = ("A", "B") if model == "discogan" else ("B",)
    return {f"G_{way}": make_g() for way in ways} | {f"D_{kind}": make_d() for kind in judged}


def those(networks: Mapping[str, Any], begin: str) -> dict[str, Any]:
    """The networks whose names begin so, by the rest of their names: ``those(networks, "G_")["AB"]``."""
    return {key.removeprefix(begin): network for key, network in networks.items() if key.startswith(begin)}


def take_turns(
    engine: learning.Learner,
    model: str,
    a: Tensor,
    b: Tensor,
    *,
    of: str = "",
    const_weight: float = 1.0,
    feature_weight: float = 0.0,
) -> dict[str, Tensor]:
    """A step of the discriminators on L_D, then a step of the generators on L_G; ``of`` begins their names."""
    G, D = those(engine.learners, f"{of}G_"), those(engine.learners, f"{of}D_")
    d_loss = discriminator_loss(model, G, D, a, b)
    engine.descend(d_loss, *(f"{of}D_{kind}" for kind in D))
    with ExitStack() as held:
        judges = {kind: held.enter_context(engine.held(f"{of}D_{kind}")) for kind in D}
        terms = generator_terms(model, G, judges, a, b, match=feature_weight > 0)
    weight = {"gan": 1.0, "const": const_weight, "feature": feature_weight}
    weighted = [value * weight[key.split("_")[0]] for key, value in terms.items()]
    engine.descend(torch.stack(weighted).sum(), *(f"{of}G_{way}" for way in G))
    return terms | {"d_loss": d_loss}


# -- images --------------------------------------------------------------------------------------------


def generator(c: int) -> nn.Module:
    """Down from 32 pixels to a map of 4 x 4 and up again, without skips: (B, 3, 32, 32) in -1..1 -> the same."""
    down, up = (3, c, 2 * c, 4 * c), (4 * c, 2 * c, c, 3)
    layers: list[nn.Module] = []
    for i in range(3):
        layers += [nn.Conv2d(down[i], down[i + 1], 4, stride=2, padding=1, bias=i == 0)]
        layers += [*([nn.BatchNorm2d(down[i + 1])] if i else []), nn.LeakyReLU(0.2)]
    for i in range(3):
        layers += [nn.ConvTranspose2d(up[i], up[i + 1], 4, stride=2, padding=1, bias=i == 2)]
        layers += [nn.Tanh()] if i == 2 else [nn.BatchNorm2d(up[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers)


def discriminator(c: int) -> nn.Module:
    """The logit of "real": (B, 3, 32, 32) -> (B, 1)."""
    sizes = (3, c, 2 * c, 4 * c)
    layers: list[nn.Module] = []
    for i in range(3):
        layers += [nn.Conv2d(sizes[i], sizes[i + 1], 4, stride=2, padding=1, bias=i == 0)]
        layers += [*([nn.BatchNorm2d(sizes[i + 1])] if i else []), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(4 * c, 1, 4), nn.Flatten())


class Turning(Unpaired):
    """``chair`` and ``head`` (B, 32, 32, 3), each turned by up to 90 degrees to either side of the front.

    On the test side also ``chair_yaw`` and ``head_yaw`` (N,) in degrees, positive to the right of the picture, and
    ``chair_of`` and ``head_of`` (N,), which chair or person it is; and ``ruler`` (3 * 16 * 16 + 1,), which reads the
    yaw of a head: see `fit_ruler`.
    """

    fields = ("chair", "head")
    n_probe = 1_000

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Turning:
        """Chairs of the pack ``name`` ("turntables") and heads of "heads_yaw", by the packs' own splits."""
        from engines.data import zoo

        packs = {"chair": name, "head": "heads_yaw"}
        train = {key: value for kind in packs for key, value in turns(packs[kind], kind, "train", n=n).items()}
        test = {key: value for kind in packs for key, value in turns(packs[kind], kind, "test").items()}
        ruler = fit_ruler(torch.from_numpy(train["head"]), torch.from_numpy(train["head_yaw"])).numpy()
        about = {"split": "by chair and by person", "n_train": len(train["chair"]), "n_test": len(test["chair"])}
        about |= {"n_train_heads": len(train["head"]), "n_test_heads": len(test["head"])}
        fields = {key: train[key] for key in cls.fields}
        made = cls(fields, {**test, "ruler": ruler}, about=about, sha256=zoo.load(name).sha256)
        made.tensors = {"ruler": ruler}
        return made


def turns(pack: str, kind: str, split: str, *, n: int | None = None) -> dict[str, np.ndarray]:
    """The first ``n`` pictures of a pack within 90 degrees of the front: KIND (N, 32, 32, 3) bytes, KIND_yaw (N,) in
    degrees, KIND_of (N,), whose they are.
    """
    from engines.data import zoo

    held = zoo.load(pack)
    rows = held.rows(split)
    rows = rows[np.abs(held["yaw"][rows]) <= 90][:n]
    images = [halved(held.take("image", part)) for part in np.array_split(rows, 20)]  # some of them open at a time
    yaw, of = held["yaw"][rows].astype(np.float32), held["identity"][rows].astype(np.int64)
    return {kind: np.concatenate(images), f"{kind}_yaw": yaw, f"{kind}_of": of}


def halved(images: np.ndarray) -> np.ndarray:
    """Each 2 x 2 pixels as their mean: (N, 64, 64, 3) -> (N, 32, 32, 3) bytes."""
    means = images.reshape(len(images), SIDE, 2, SIDE, 2, 3).astype(np.float32).mean(axis=(2, 4))
    return np.rint(means).astype(np.uint8)


def fit_ruler(heads: Tensor, yaw: Tensor) -> Tensor:
    """Ridge regression of the yaw in degrees on a head's pixels at 16 x 16: (N, 32, 32, 3) bytes, (N,) -> (769,)
    float64.
    """
    x = _ruled(heads)
    gram = x.T @ x + 10.0 * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ yaw.double())


def _ruled(heads: Tensor) -> Tensor:
    """(N, 32, 32, 3) bytes -> (N, 769) float64, the last a 1."""
    x = F.avg_pool2d(heads.permute(0, 3, 1, 2).float() / 255, 2).flatten(1).double()
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)


def read(ruler: Tensor, heads: Tensor) -> np.ndarray:
    """The yaw of heads (N, 32, 32, 3) bytes, in degrees: (N,)."""
    return (_ruled(heads) @ ruler.cpu().double()).numpy()


# -- angles --------------------------------------------------------------------------------------------


def pairs(of: Tensor, given: Tensor, found: np.ndarray) -> np.ndarray:
    """Angles given and found, by whose they are: (things, turns, 2). All things are shown at the same turns."""
    both = np.stack([given.cpu().double().numpy(), found], axis=1)
    return np.stack([both[of.cpu().numpy() == one] for one in np.unique(of.cpu().numpy())])


def circular_correlation(a: np.ndarray, b: np.ndarray) -> float:
    r"""\sum \sin(a_i - \bar a) \sin(b_i - \bar b) over the root of both sums of squares, of angles (N,) in degrees:
    -1..1. Jammalamadaka & Sarma 1988.
    """
    a, b = np.deg2rad(a), np.deg2rad(b)
    s, t = (np.sin(x - np.arctan2(np.sin(x).mean(), np.cos(x).mean())) for x in (a, b))
    return float((s * t).sum() / np.sqrt((s**2).sum() * (t**2).sum() + 1e-12))


def correlated(x: np.ndarray) -> float:
    """The circular correlation of pairs (..., 2)."""
    return circular_correlation(x[..., 0].ravel(), x[..., 1].ravel())


def expected(x: np.ndarray) -> tuple[float, float]:
    """The head that a chair's yaw leads to expect: ``sign`` * yaw + ``shift`` in degrees. Nothing in the loss says
    which way a head must turn or where its front is, so both are taken from the pairs (..., 2): the sign of their
    correlation, the circular mean of what is left.
    """
    sign = 1.0 if correlated(x) >= 0 else -1.0
    left = np.deg2rad(x[..., 1] - sign * x[..., 0])
    return sign, float(np.rad2deg(np.arctan2(np.sin(left).mean(), np.cos(left).mean())))


def missed(x: np.ndarray) -> float:
    """The root of the mean squared difference, in degrees, between the angles found and those `expected`."""
    sign, shift = expected(x)
    off = (x[..., 1] - sign * x[..., 0] - shift + 180) % 360 - 180
    return float(np.sqrt((off**2).mean()))


def chance(x: np.ndarray, draw: np.random.Generator) -> dict[str, float]:
    """``strength`` where the angles found (..., 2) are dealt out anew: its mean, and the middle 95 % of 1,000 draws."""
    given, found = x[..., 0].ravel(), x[..., 1].ravel()
    drawn = [abs(circular_correlation(given, draw.permutation(found))) for _ in range(1_000)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"strength_chance": float(np.mean(drawn)), "strength_chance_low": float(low),
            "strength_chance_high": float(high)}  # fmt: skip


class DiscoGAN(learning.Learner):
    """Learns from chairs and heads; without data it translates only."""

    name: ClassVar[str] = "discogan"
    Config: ClassVar[type] = DiscoGANConfig
    learns_from = Turning
    VARIANTS = VARIANTS
    start = learning.start_small

    def make(self) -> nn.Module:
        c = self.config.channels
        return nn.ModuleDict(players(self.config.model, lambda: generator(c), lambda: discriminator(c)))

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        a, b = self.images(batch["chair"]), self.images(batch["head"])
        weights = {"const_weight": self.config.const_weight, "feature_weight": self.config.feature_weight}
        return take_turns(self, self.config.model, a, b, **weights)

    def images(self, x: Any) -> Tensor:
        """Images (B, 32, 32, 3), bytes or 0..1 -> (B, 3, 32, 32) in -1..1."""
        return learning.pixels_of(x, SIDE, self.device)

    @torch.no_grad()
    def translate(self, x: Any, way: str = "AB") -> Tensor:
        """Chairs as heads ("AB") or heads as chairs ("BA", where the model has that way): (B, 32, 32, 3) in 0..1."""
        G = those(self.network, "G_")
        if way not in G:
            raise ValueError(f"this model has no way {way}: it has {', '.join(G)}")
        images = self.images(x)
        parts = [G[way](part) for part in images.split(250)]
        return (torch.cat(parts).permute(0, 2, 3, 1) + 1) / 2

    @torch.no_grad()
    def turned(self, test: Fields) -> np.ndarray:
        """For every test chair, turn by turn, the chair's yaw and the yaw that the ruler reads from the head made of
        it, in degrees: (chairs, turns, 2).
        """
        heads = learning.to_bytes(self.translate(test["chair"])).cpu()
        return pairs(test["chair_of"], test["chair_yaw"], read(test["ruler"], heads))

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over test chairs; intervals are over chairs and people, whose turns belong together.

        ``correlation`` (circular) of the chair's yaw with the yaw that the ruler reads from the head made of it, below
        0 where the head turns the other way; ``strength``, that without its sign; ``off``, by how many degrees a head
        misses the yaw expected of it (`missed`). ``correlation_real`` and ``off_real`` are those of true heads and
        their own yaw, ``off_constant`` is for heads that all look the same way, ``strength_chance`` for angles dealt
        out at random. ``const``, the mean distance in levels of 255 between a chair and itself led back, where there is
        a way, and ``const_mean``, that of the mean chair; ``spread`` and ``spread_real``, the mean standard deviation
        of a pixel in levels, over the heads made and over true ones: none where all chairs become one head.
        """
        found = self.turned(test)
        real = pairs(test["head_of"], test["head_yaw"], read(test["ruler"], test["head"].cpu()))
        heads = learning.to_bytes(self.translate(test["chair"])).cpu()
        true = test["chair"].cpu().float()
        result = {
            **named("correlation", found, correlated),
            **named("strength", found, lambda x: abs(correlated(x))),
            **named("off", found, missed),
            **named("correlation_real", real, correlated),
            **named("off_real", real, missed),
            **named("off_constant", np.stack([found[..., 0], np.zeros(found.shape[:2])], axis=2), missed),
            **chance(found, np.random.default_rng(0)),
            **named("const_mean", (true - true.mean(dim=0)).abs().mean(dim=(1, 2, 3)).double().numpy()),
            "spread": float(heads.float().std(dim=0).mean()),
            "spread_real": float(test["head"].cpu().float().std(dim=0).mean()),
        }
        if "G_BA" in self.network:
            back = 255 * self.translate(self.translate(test["chair"]).cpu(), "BA").cpu()
            result |= named("const", (true - back).abs().mean(dim=(1, 2, 3)).double().numpy())
        return result

    def picture(self) -> Frame:
        """``made``: heads made of some test chairs, at every step the same, and after them the chairs led back where
        there is a way: the bytes of a WebP picture (see `engines.data.webp`). ``correlation`` over all test chairs, as
        in `evaluate`.
        """
        probe = self.data.probe
        chairs = probe["chair"][[row for row in SHOWN if row < len(probe["chair"])]]
        heads = self.translate(chairs)
        shown = [heads, self.translate(heads, "BA")] if "G_BA" in self.network else [heads]
        measured = {"correlation": correlated(self.turned(probe))} if "ruler" in probe else {}
        return self.framed(measured, made=webp.pack(learning.to_bytes(torch.cat(shown)).cpu().numpy()))
