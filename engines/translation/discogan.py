r"""DiscoGAN: two kinds of images, no pairs. Kim, Cha, Kim, Lee & Kim 2017 (arXiv:1703.05192), section 3.

    x_{AB} = G_{AB}(x_A),  x_{ABA} = G_{BA}(x_{AB});   the other way round with A and B exchanged
    L_{GAN_B}   = -E log D_B(x_{AB})                        what is drawn looks like B
    L_{CONST_A} =  d(x_{ABA}, x_A)                          and can be led back to where it came from
    L_{G_{AB}}  = L_{GAN_B} + L_{CONST_A}
    L_G         = L_{G_{AB}} + L_{G_{BA}}                   both ways, with the same two generators
    L_{D_B}     = -E log D_B(x_B) - E log(1 - D_B(x_{AB}));    L_D = L_{D_A} + L_{D_B}

d is the mean squared difference; no weight stands before it. The lesser ``model``s of the paper's figure 2:
"gan" is L_{GAN_B} alone, "reconstruction" is L_{G_{AB}} alone: the way back exists, but nobody judges it.

A are chairs on a turntable, B heads that turn, each within 90 degrees of the front. What the two share is the turn.
Departures: images of 32 pixels instead of 64 and fewer channels; no feature matching.
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
SHOWN = 12  # test chairs that a frame translates
MODELS = ("discogan", "reconstruction", "gan")
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "reconstruction": {"model": "reconstruction"},
    "gan": {"model": "gan"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoGANConfig:
    model: str = "discogan"
    channels: int = 16  # of the layers next to the image, in all networks
    learning_rate: float = 2e-4
    beta1: float = 0.5
    batch_size: int = 32
    n_steps: int = 2_500
    batches_per_step: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        learning.check(self, channels=(1, 512), batch_size=(2, 1024), n_steps=(1, 10**7))
        check_model(self.model)


def check_model(model: str) -> None:
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")


# -- the losses, for images and for points -------------------------------------------------------------


def generator_terms(model: str, G: Mapping[str, Any], D: Mapping[str, Any], a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """The terms of L_G that ``model`` has, by name; their sum is the loss."""
    ab = G["AB"](a)
    terms = {"gan_b": F.softplus(-D["B"](ab)).mean()}  # -log D_B(x_AB)
    if model != "gan":
        terms["const_a"] = F.mse_loss(G["BA"](ab), a)
    if model == "discogan":
        ba = G["BA"](b)
        terms["gan_a"] = F.softplus(-D["A"](ba)).mean()
        terms["const_b"] = F.mse_loss(G["AB"](ba), b)
    return terms


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


def take_turns(engine: learning.Learner, model: str, a: Tensor, b: Tensor, *, of: str = "") -> dict[str, Tensor]:
    """A step of the discriminators on L_D, then a step of the generators on L_G; ``of`` begins their names."""
    G, D = those(engine.learners, f"{of}G_"), those(engine.learners, f"{of}D_")
    d_loss = discriminator_loss(model, G, D, a, b)
    engine.descend(d_loss, *(f"{of}D_{kind}" for kind in D))
    with ExitStack() as held:
        judges = {kind: held.enter_context(engine.held(f"{of}D_{kind}")) for kind in D}
        terms = generator_terms(model, G, judges, a, b)
    engine.descend(torch.stack(list(terms.values())).sum(), *(f"{of}G_{way}" for way in G))
    return terms | {"d_loss": d_loss}


# -- images --------------------------------------------------------------------------------------------


def generator(c: int) -> nn.Module:
    """Down from 32 pixels to 4 and up again, without skips: (B, 3, 32, 32) in -1..1 -> the same."""
    down, up = (3, c, 2 * c, 4 * c), (4 * c, 2 * c, c, 3)
    layers: list[nn.Module] = []
    for i in range(3):
        layers += [nn.Conv2d(down[i], down[i + 1], 4, stride=2, padding=1, bias=i == 0)]
        layers += [*([nn.BatchNorm2d(down[i + 1])] if i else []), nn.LeakyReLU(0.2)]
    layers += [nn.Conv2d(4 * c, 4 * c, 4, bias=False), nn.BatchNorm2d(4 * c), nn.LeakyReLU(0.2)]  # (B, 4 C, 1, 1)
    layers += [nn.ConvTranspose2d(4 * c, 4 * c, 4, bias=False), nn.BatchNorm2d(4 * c), nn.ReLU()]
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

    On the test side also ``chair_yaw`` and ``head_yaw`` (N,) in degrees, positive to the right of the picture; and
    ``ruler`` (3 * 16 * 16 + 1,), which reads the yaw of a head: see `fit_ruler`.
    """

    fields = ("chair", "head")

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Turning:
        """Chairs of the pack ``name`` ("turntables") and heads of "heads_yaw", by the packs' own splits."""
        from engines.data import zoo

        sides: dict[str, dict[str, Any]] = {"train": {}, "test": {}}
        for split, side in sides.items():
            for kind, pack in (("chair", zoo.load(name)), ("head", zoo.load("heads_yaw"))):
                rows = pack.rows(split)
                rows = rows[np.abs(pack["yaw"][rows]) <= 90][: n if split == "train" else None]
                side[kind] = np.concatenate([halved(pack.take("image", part)) for part in np.array_split(rows, 20)])
                side[f"{kind}_yaw"] = pack["yaw"][rows].astype(np.float32)
        train, test = sides["train"], sides["test"]
        test["ruler"] = fit_ruler(torch.from_numpy(train["head"]), torch.from_numpy(train["head_yaw"])).numpy()
        about = {"split": "by chair and by person", "n_train": len(train["chair"]), "n_test": len(test["chair"])}
        about |= {"n_train_heads": len(train["head"]), "n_test_heads": len(test["head"])}
        train = {key: train[key] for key in cls.fields}
        return cls(train, test, about=about, sha256=zoo.load(name).sha256)


def halved(images: np.ndarray) -> np.ndarray:
    """Each 2 x 2 pixels as their mean: (N, 64, 64, 3) -> (N, 32, 32, 3) bytes."""
    means = images.reshape(len(images), SIDE, 2, SIDE, 2, 3).astype(np.float32).mean(axis=(2, 4))
    return np.rint(means).astype(np.uint8)


def fit_ruler(heads: Tensor, yaw: Tensor) -> Tensor:
    """Ridge regression of the yaw in degrees on a head's pixels at 16 x 16: (N, 32, 32, 3) bytes, (N,) -> (769,)."""
    x = _ruled(heads)
    gram = x.T @ x + 10.0 * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ yaw.double()).float()


def _ruled(heads: Tensor) -> Tensor:
    """(N, 32, 32, 3) bytes -> (N, 769) float64, the last a 1."""
    x = F.avg_pool2d(heads.permute(0, 3, 1, 2).float() / 255, 2).flatten(1).double()
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)


def circular_correlation(a: np.ndarray, b: np.ndarray) -> float:
    r"""\sum \sin(a_i - \bar a) \sin(b_i - \bar b) over the root of both sums of squares, of angles (N,) in degrees:
    -1..1. Jammalamadaka & Sarma 1988.
    """
    a, b = np.deg2rad(a), np.deg2rad(b)
    s, t = (np.sin(x - np.arctan2(np.sin(x).mean(), np.cos(x).mean())) for x in (a, b))
    return float((s * t).sum() / np.sqrt((s**2).sum() * (t**2).sum() + 1e-12))


class DiscoGAN(learning.Learner):
    """Learns from chairs and heads; without data it translates only."""

    name: ClassVar[str] = "discogan"
    Config: ClassVar[type] = DiscoGANConfig
    learns_from = Turning
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        c = self.config.channels
        return nn.ModuleDict(players(self.config.model, lambda: generator(c), lambda: discriminator(c)))

    def start(self, network: nn.Module) -> nn.Module:
        return learning.start_small(network, self.rng)

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        return take_turns(self, self.config.model, self.images(batch["chair"]), self.images(batch["head"]))

    def images(self, x: Any) -> Tensor:
        """Images (B, 32, 32, 3), bytes or 0..1 -> (B, 3, 32, 32) in -1..1."""
        rows = learning.rows_of(x, 3 * SIDE * SIDE, self.device)
        return 2 * rows.reshape(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2) - 1

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
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over test chairs: ``correlation`` (circular) of the chair's yaw with the yaw that the ruler reads from the
        head made of it, ``correlation_real``, the same for true heads and their own yaw; ``const``, the mean distance
        in levels of 255 between a chair and itself led back, where there is a way, and ``const_mean``, that of the mean
        chair; ``spread`` and ``spread_real``, the mean standard deviation of a pixel in levels, over the heads made
        and over true ones: none where all chairs become one head.
        """
        heads = learning.to_bytes(self.translate(test["chair"])).cpu()
        ruler, yaw = test["ruler"].double().cpu(), test["chair_yaw"].cpu().numpy()
        found, of_real = ((_ruled(images) @ ruler).numpy() for images in (heads, test["head"].cpu()))

        def correlated(pairs: np.ndarray) -> float:
            return circular_correlation(pairs[:, 0], pairs[:, 1])

        true = test["chair"].cpu().float()
        result = {
            **named("correlation", np.stack([yaw, found], axis=1), correlated),
            **named("correlation_real", np.stack([test["head_yaw"].cpu().numpy(), of_real], axis=1), correlated),
            **named("const_mean", (true - true.mean(dim=0)).abs().mean(dim=(1, 2, 3)).double().numpy()),
            "spread": float(heads.float().std(dim=0).mean()),
            "spread_real": float(test["head"].cpu().float().std(dim=0).mean()),
        }
        if "G_BA" in self.network:
            back = 255 * self.translate(self.translate(test["chair"]).cpu(), "BA").cpu()
            result |= named("const", (true - back).abs().mean(dim=(1, 2, 3)).double().numpy())
        return result

    @torch.no_grad()
    def frame(self) -> Frame:
        """``made``: heads made of the first test chairs, at every step the same, and below them the chairs led back
        where there is a way: the bytes of a WebP picture (see `engines.data.webp`).
        """
        if self.data is None:
            return self.framed({})
        heads = self.translate(self.data.probe["chair"][:SHOWN])
        shown = [heads, self.translate(heads, "BA")] if "G_BA" in self.network else [heads]
        return self.framed({}, made=webp.pack(learning.to_bytes(torch.cat(shown)).cpu().numpy()))
