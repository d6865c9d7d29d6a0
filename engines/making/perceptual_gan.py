r"""Perceptual GAN: small objects get features like those of large ones. Li et al. 2017 (arXiv:1706.05274).

No image is enlarged. A base network turns an object into features F, pooled to the same size however large the object
is; what is missing in a small one's is made from f, features of an early layer, where its details still are:

    min_G max_D  E log D_a(F_l) + E log(1 - D_a(F_s + G(f)))     l large, s small; G minimises -log D_a
    L_G = w_a (-log D_a(F_s + G(f))) + w_p (-log P(y | F_s + G(f)))    adversarial and perception branch

D has two branches: D_a says whether features are a large object's, the perception branch P names the object. First P
learns on large objects alone (``perception_steps`` batches); then it is held, and steps of D_a and of G take turns.
Large and small objects are drawn apart: no pair is learned from. G starts at zero, so the first raised features are the
plain ones; and it is used where an object is below ``LARGE`` pixels, so that large ones stay as they are.

Departures: the base is EfficientNet-Lite0, trained to name ImageNet's photos and frozen here; objects come in their
box, so P has a class and no box regression; 18 kinds of drawn objects on photographs; G has few channels, and its last
layer is a 1x1 convolution without normalisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.making import features
from engines.material import Fields, Rows, batch_rows, checked
from engines.maths.intervals import named

CLASSES = 18
LARGE = 13  # pixels of an object's long side from which on nothing is added: small training objects have up to 12
NOISY = 20  # below, what is shrunk has noise
SIDE = 64  # pixels to which every crop is enlarged or shrunk before the base sees it
EARLY, POOLED = (24, 16, 16), (112, 4, 4)  # f, of the base's second stage, and F, of its fifth
HIDDEN = 96  # of P
SHOWN = 8  # test objects whose features a frame holds

VARIANTS: dict[str, dict[str, Any]] = {  # all trained alike
    "": {},
    "no-adversarial": {"adversarial_weight": 0.0},
    "no-perception": {"perception_weight": 0.0},
    "from-pooled": {"source": "pooled"},
    "perception-learns": {"perception_learns": True},
    "fine-tuned": {"generator": False, "perception_learns": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptualGANConfig(learning.LearnerConfig):
    generator: bool = True
    source: str = "early"  # what the residual is made from: f, or F itself ("pooled")
    perception_learns: bool = False  # P goes on learning, on large and on raised small objects
    adversarial_weight: float = 1.0  # w_a
    perception_weight: float = 1.0  # w_p
    channels: int = 24  # within G's residual blocks
    blocks: int = 2
    perception_steps: int = 400  # the first batches, for P alone
    learning_rate: float = 5e-4
    perception_learning_rate: float = 1e-3
    beta1: float = 0.5
    n_steps: int = 900

    def __post_init__(self) -> None:
        learning.check(
            self, adversarial_weight=(0, 100), perception_weight=(0, 100), channels=(1, 512), blocks=(0, 16),
            perception_steps=(0, self.n_steps), perception_learning_rate=(1e-9, 1), batch_size=(2, 4096),
            n_steps=(1, 10**7),
        )  # fmt: skip
        if self.source not in ("early", "pooled"):
            raise ValueError(f"source must be early or pooled, got {self.source!r}")
        if self.generator and not (self.adversarial_weight or self.perception_weight):
            raise ValueError("G learns by nothing: keep adversarial_weight or perception_weight above 0")


class Block(nn.Module):
    """A residual block: (B, 112, 4, 4) -> the same."""

    def __init__(self, n: int, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, n, 3, padding=1, bias=False), nn.BatchNorm2d(n),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """The residual from f (B, 24, 16, 16), or from F (B, 112, 4, 4): (B, 112, 4, 4), at first 0."""

    def __init__(self, config: PerceptualGANConfig) -> None:
        super().__init__()
        n, pooled = POOLED[0], config.source == "pooled"
        first = [nn.Conv2d(n, 64, 3, padding=1), nn.ReLU()] if pooled else [
            nn.BatchNorm2d(EARLY[0]), nn.Conv2d(EARLY[0], 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(),
        ]  # fmt: skip
        blocks = [Block(n, config.channels) for _ in range(config.blocks)]
        self.layers = nn.Sequential(*first, nn.Conv2d(64, n, 1), *blocks, nn.Conv2d(n, n, 1))

    def forward(self, source: Tensor) -> Tensor:
        return self.layers(source)


class Adversarial(nn.Module):
    """D_a, three layers: features (B, 112, 4, 4) -> the logit of "a large object's" (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(1792, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48),
                                    nn.LeakyReLU(0.2), nn.Linear(48, 1))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, 0]


class Perception(nn.Module):
    """P, two layers: features (B, 112, 4, 4) -> logits of the classes (B, 18). It holds the mean and deviation of each
    channel over large training objects, in whose units all features are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, POOLED[0], 1, 1))
        self.register_buffer("deviation", torch.ones(1, POOLED[0], 1, 1))
        self.first, self.second = nn.Linear(1792, HIDDEN), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor, kept: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """``kept`` are dropout's masks, (B, 1792) and (B, 96) of 0 and 2; without them nothing is dropped."""
        x = x.flatten(1)
        x = F.relu(self.first(x if kept is None else x * kept[0]))
        return self.second(x if kept is None else x * kept[1])


class NearAndFar(Rows):
    """What the base sees in crops. To learn from, of objects and their mirror images (N, 2, ...): ``large`` and
    ``small``, F; ``early``, f of the small; ``label``. To be tested on, without mirroring (N, ...): these, and
    ``early_large``, and ``sticker``, which drawing it is. Row i is one object, near and far; only tests use that.
    """

    fields = ("large", "small", "early", "label")
    n_probe = 10_000

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> NearAndFar:
        train, test, sha256 = seen(name)
        m = checked(n, len(train["label"]), name)
        train = {key: value[:m] for key, value in train.items()}
        about = {"split": "by drawing and by photograph", "n_train": len(train["label"]), "n_test": len(test["label"])}
        return cls(train, test, about=about, sha256=sha256)

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        """Large objects with their ``label``, and others, small, with ``label_small``; half of each mirrored."""
        near, far = (
            batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=s).to(self.train["label"].device)
            for s in (seed, seed + 7919)
        )
        draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
        left, right = torch.randint(0, 2, (2, len(near)), generator=draw).to(near.device)
        train = self.train
        return {"large": train["large"][near, left], "label": train["label"][near],
                "small": train["small"][far, right], "early": train["early"][far, right],
                "label_small": train["label"][far]}  # fmt: skip


@lru_cache(maxsize=1)
def base() -> features.Features:
    return features.load()


@torch.no_grad()
def look(images: Any) -> tuple[Tensor, Tensor]:
    """What the base sees in crops (B, S, S, 3) of any side, bytes or 0..1: f (B, 24, 16, 16) and F (B, 112, 4, 4)."""
    x = torch.as_tensor(np.array(images))
    x = x.permute(0, 3, 1, 2).float() / (255 if x.dtype == torch.uint8 else 1)
    x = F.interpolate(2 * x - 1, size=(SIDE, SIDE), mode="bicubic", align_corners=False, antialias=x.shape[2] > SIDE)
    found = [base()(part.clamp(-1, 1), ("stage2", "stage5")) for part in x.split(64)]
    return torch.cat([one["stage2"] for one in found]), torch.cat([one["stage5"] for one in found])


@lru_cache(maxsize=1)  # 150 MB, for those who train: several trainings in a row look once
def seen(name: str) -> tuple[Fields, Fields, str]:
    """The training and the test side of a pack through the base."""
    from engines.data import zoo

    pack = zoo.load(name)
    sides: list[Fields] = []
    for split in ("train", "test"):
        rows = pack.rows(split)
        near, far = pack.take("large", rows), pack.take("small", rows)
        fields = {"label": torch.from_numpy(pack.take("label", rows).astype(np.int64))}
        if split == "train":
            (_, large), (_, large_mirrored) = look(near), look(near[:, :, ::-1])
            (early, small), (early_mirrored, small_mirrored) = look(far), look(far[:, :, ::-1])
            both = {
                "large": (large, large_mirrored),
                "small": (small, small_mirrored),
                "early": (early, early_mirrored),
            }
            fields |= {key: torch.stack(pair, dim=1).half() for key, pair in both.items()}
        else:
            (early_large, large), (early, small) = look(near), look(far)
            fields |= {"large": large, "small": small, "early": early, "early_large": early_large}
            fields["sticker"] = torch.from_numpy(pack.take("sticker", rows).astype(np.int64))
        sides.append(fields)
    return sides[0], sides[1], pack.sha256


class PerceptualGAN(learning.Learner):
    """Learns from `NearAndFar`; without data it raises features and names objects only."""

    name: ClassVar[str] = "perceptual_gan"
    Config: ClassVar[type] = PerceptualGANConfig
    learns_from = NearAndFar
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        players: dict[str, nn.Module] = {"P": Perception()}
        if config.generator:
            players["G"] = Generator(config)
        if config.generator and config.adversarial_weight:
            players["D"] = Adversarial()
        return nn.ModuleDict(players)

    def start(self, network: Any) -> nn.Module:
        """G's last layer at zero; P's mean and deviation those of the large training objects."""
        P = network["P"]
        P.mean.zero_(), P.deviation.fill_(1)
        if self.data is not None:
            large = self.data.train["large"].float()
            dims = tuple(i for i in range(large.dim()) if i != large.dim() - 3)
            P.mean.copy_(large.mean(dim=dims)[None, :, None, None])
            P.deviation.copy_(large.std(dim=dims)[None, :, None, None].clamp(min=1e-3))
        if "G" in network:
            for parameter in network["G"].layers[-1].parameters():
                nn.init.zeros_(parameter)
        return network

    @property
    def phase_starts(self) -> tuple[int, ...]:
        return 0, -(-self.config.perception_steps // self.config.batches_per_step)

    @property
    def decayed(self) -> float:
        """Along a cosine to 0 in each of the two phases."""
        first, at = self.config.perception_steps, self.iteration
        return learning.cosine(at, first) if at < first else learning.cosine(at - first, self.config.n_steps - first)

    def learning_rate_of(self, player: str) -> float:
        return self.config.perception_learning_rate if player == "P" else self.config.learning_rate

    def betas_of(self, player: str) -> tuple[float, float]:
        return (0.9, 0.999) if player == "P" else (self.config.beta1, 0.999)

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A batch for P while it learns; afterwards a step of D_a, then one of G."""
        config, large, label = self.config, self.standard(batch["large"]), batch["label"]
        P, G, D = self.learners["P"], self.learners.get("G"), self.learners.get("D")
        if self.iteration < config.perception_steps:
            loss = F.cross_entropy(P(large, self.dropout()), label)
            self.descend(loss, "P")
            return {"perception_large": loss}

        small, early, label_small = self.standard(batch["small"]), batch["early"].float(), batch["label_small"]
        raised: Tensor = small
        said: dict[str, Tensor] = {}
        if G is not None:
            raised = small + G(early if config.source == "early" else small)  # F_s + G(f)
        if D is not None:
            real, fake = D(large), D(raised.detach())
            d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()  # -log D_a(F_l) - log(1 - D_a(F_s + G(f)))
            self.descend(d_loss, "D")
            said |= {"d_loss": d_loss, "d_large": real.sigmoid().mean(), "d_raised": fake.sigmoid().mean()}
        if G is not None:
            loss, more = self.loss_of_g(raised, label_small)
            self.descend(loss, "G")
            said |= more
        if config.perception_learns:
            named_right = (
                F.cross_entropy(P(large, self.dropout()), label),
                F.cross_entropy(P(raised.detach(), self.dropout()), label_small),
            )
            self.descend((named_right[0] + named_right[1]) / 2, "P")
            said |= dict(zip(("perception_large", "perception_small"), named_right, strict=True))
        return said

    def loss_of_g(self, raised: Tensor, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """w_a (-log D_a) + w_p (-log P(y)), both branches of D held."""
        config = self.config
        loss, said = raised.new_zeros(()), {}
        if config.adversarial_weight:
            with self.held("D") as judge:
                said["adversarial"] = F.softplus(-judge(raised)).mean()
            loss = loss + config.adversarial_weight * said["adversarial"]
        if config.perception_weight:
            with self.held("P") as P:
                said["perception"] = F.cross_entropy(P(raised), label)
            loss = loss + config.perception_weight * said["perception"]
        return loss, said

    def dropout(self) -> tuple[Tensor, Tensor]:
        """Masks for P: half of the numbers go to 0 and the rest are doubled."""
        drawn = (torch.randint(0, 2, (self.n_batch, n), generator=self.rng) for n in (1792, HIDDEN))
        return tuple(2.0 * self.shared(mask) for mask in drawn)  # type: ignore[return-value]

    def standard(self, pooled: Tensor) -> Tensor:
        """The base's F (B, 112, 4, 4), each channel in deviations of large training objects from their mean."""
        P = self.network["P"]
        return (pooled.to(self.device).float() - P.mean) / P.deviation

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def residual(self, early: Tensor, pooled: Tensor) -> Tensor:
        """G's part alone, of the base's f and F: (B, 112, 4, 4); 0 without a generator."""
        own = self.standard(pooled)
        if "G" not in self.network:
            return torch.zeros_like(own)
        return self.network["G"](early.to(self.device).float() if self.config.source == "early" else own)

    def raised(self, early: Tensor, pooled: Tensor, px: Any = 0) -> Tensor:
        """F + G(f) where the object's long side is below `LARGE` pixels ``px`` (B,), elsewhere F: (B, 112, 4, 4)."""
        small = torch.as_tensor(px, device=self.device).expand(len(pooled)) < LARGE
        return self.standard(pooled) + small[:, None, None, None] * self.residual(early, pooled)

    @torch.no_grad()
    def named(self, standard: Tensor) -> Tensor:
        """What P makes of features in standard units (B, 112, 4, 4): p(class), (B, 18)."""
        return self.network["P"](standard).softmax(dim=1)

    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over test objects, drawings and photographs never learned from, with 95 % intervals over the drawings: the
        share that P names rightly when they are ``large``, ``small`` without and ``raised`` with the generator;
        ``gain``, the difference; ``large_raised``, when a residual is added to large ones too; ``chance``. ``off``, the
        mean squared distance of the small one's features from the large one's of the same object, and ``off_raised``.
        """
        label, drawing = test["label"].cpu(), test["sticker"].cpu().numpy()
        large, small = self.standard(test["large"]), self.standard(test["small"])
        raised = self.raised(test["early"], test["small"])
        forced = large + self.residual(test["early_large"], test["large"])

        def right(z: Tensor) -> np.ndarray:
            return (self.named(z).argmax(dim=1).cpu() == label).double().numpy()

        def off(z: Tensor) -> np.ndarray:
            return (z - large).square().mean(dim=(1, 2, 3)).double().cpu().numpy()

        items = {"large": right(large), "small": right(small), "raised": right(raised),
                 "gain": right(raised) - right(small), "large_raised": right(forced),
                 "off": off(small), "off_raised": off(raised)}  # fmt: skip
        result = {"chance": 1 / CLASSES}
        for key, values in items.items():
            result |= over_drawings(key, values, drawing)
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``raised`` (8, 112, 4, 4) bytes, of the first test objects of eight classes, see `as_bytes`; ``test_large``,
        ``test_small`` and ``test_raised``: the share of test objects that P names rightly.
        """
        if "sticker" not in self.data.probe:
            return self.framed({})
        probe, scalars = self.data.probe, {}
        raised = self.raised(probe["early"], probe["small"])
        seen_as = {"large": self.standard(probe["large"]), "small": self.standard(probe["small"]), "raised": raised}
        for key, z in seen_as.items():
            scalars[f"test_{key}"] = float((self.named(z).argmax(dim=1) == probe["label"]).double().mean())
        return self.framed(scalars, raised=as_bytes(raised[shown(probe["label"])]))


def shown(labels: Tensor) -> Tensor:
    """Rows of the first object of each of `SHOWN` classes."""
    firsts = [int((labels == c).nonzero()[0, 0]) for c in range(CLASSES) if (labels == c).any()]
    return torch.tensor(firsts[:SHOWN])


def as_bytes(standard: Tensor) -> Tensor:
    """Features in standard units as bytes: 128 is a channel's mean, 42 a deviation."""
    return (128 + 42 * standard).round().clamp(0, 255).to(torch.uint8)


def over_drawings(name: str, values: np.ndarray, drawing: np.ndarray) -> dict[str, float]:
    """The mean of values (N,) with its interval over drawings (N,), whose objects stand or fall together."""
    _, at = np.unique(drawing, return_inverse=True)
    sums = np.stack([np.bincount(at, weights=values), np.bincount(at)], axis=1)
    return named(name, sums, lambda rows: float(rows[:, 0].sum() / rows[:, 1].sum()))


def shrunk(images: np.ndarray, px: int, *, seed: int = 0) -> np.ndarray:
    """Large crops (N, 48, 48, 3), whose side is 1.3 times their object's, seen from so far away that the object has
    ``px`` pixels: averaged over areas, with noise of 4 levels as small training objects have: (N, C, C, 3) bytes."""
    side = max(4, round(1.3 * px))
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float()
    x = F.interpolate(x, size=(side, side), mode="area") if side < 48 else x
    x = x + (4 * torch.randn(x.shape, generator=learning.stream(seed, px)) if px < NOISY else 0)
    return x.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
