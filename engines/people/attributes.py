r"""Pictures whose attributes are known, and a judge that reads them off a picture.

A picture has one value of each attribute: hair long, glasses none. As numbers, y is a block of 0 and 1 for every
attribute, with a single 1 each (`one_hot`). The people of all three packs are drawn or rendered, and belong to nobody.

    loss = -\sum_a log p_a(y_a | x)            one softmax a, for each of an attribute's values (Bishop 2006, eq. 4.108)

The judge is a measure: what was asked for is compared with what it reads in the picture that was made. It has learned
from true training pictures alone and takes part in no other training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.material import Fields, Rows, checked
from engines.maths.intervals import named

# pack -> attribute -> its values, in the pack's own order and words
PACKS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "facesjs": {
            "hair": ("bald", "short", "curly", "long"),
            "hair_colour": ("black", "brown", "blond", "red", "grey"),
            "skin": ("light", "tan", "brown", "dark"),
            "facial_hair": ("none", "mustache", "goatee", "full beard"),
            "glasses": ("none", "worn"),
            "hat": ("none", "cap", "headband"),
            "mouth": ("straight", "smile", "angry"),
            "shape": ("narrow", "wide"),
        },
        "avatars": {
            "hair_style": ("shaved", "short", "curly or spiky", "long", "tied up"),
            "hair_colour": (
                "black", "brown", "red", "orange", "blond", "grey", "green", "blue", "pink", "purple"
            ),
            "skin": ("light", "tan", "brown", "dark"),
            "glasses": ("none", "clear", "dark"),
            "eyes": ("open", "narrow", "closed"),
            "mouth": ("line", "smile", "open", "small"),
            "feature": ("none", "blush", "mustache", "freckles"),
            "earrings": ("none", "worn"),
        },
        "heads_attr": {
            "male": ("female", "male"),
            "hair_style": ("bald", "short", "fringe_bob", "long", "afro", "bun"),
            "hair_colour": ("black", "brown", "blond", "red", "grey"),
            "smile": ("none", "smiling"),
            "mouth_open": ("closed", "open"),
            "glasses": ("none", "worn"),
            "beard": ("none", "worn"),
        },
    }
)  # fmt: skip
EXTRA = ("split", "identity", "eye_nose_pair")  # fields of some packs that say who is held out; the test side has them
SURE = 0.9


class Portraits(Rows):
    """``image`` (B, 64, 64, 3) bytes and ``attributes`` (B, A), the number of each attribute's value."""

    fields = ("image", "attributes")

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        """The pack ``name``: its first ``n`` training pictures (all without), its whole test side."""
        from engines.data import zoo

        if name not in PACKS:
            raise ValueError(f"{name!r} has no attributes to learn from: choose one of {', '.join(PACKS)}")
        pack = zoo.load(name)
        rows, held = pack.rows("train"), pack.rows("test")
        rows = rows[: checked(n, len(rows), name)]
        test = of_pack(pack, held) | {key: pack.take(key, held).astype(np.int64) for key in EXTRA if key in pack}
        about = {"split": "the pack's own, by identity", "n_train": len(rows), "n_test": len(held)}
        return cls(of_pack(pack, rows), test, about=about, sha256=pack.sha256)


def of_pack(pack: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
    """``image`` and ``attributes`` of these rows."""
    values = [pack.take(key, rows).astype(np.int64) for key in PACKS[pack.name]]
    return {"image": pack.take("image", rows), "attributes": np.stack(values, axis=1)}


def sizes(pack: str) -> list[int]:
    """How many values each attribute has."""
    return [len(values) for values in PACKS[pack].values()]


def one_hot(attributes: Tensor, pack: str) -> Tensor:
    """Numbers of values (B, A) -> y (B, Y), a block for every attribute."""
    blocks = zip(attributes.long().unbind(dim=1), sizes(pack), strict=True)
    return torch.cat([F.one_hot(values, n) for values, n in blocks], dim=1).float()


def values_of(y: Tensor, pack: str) -> Tensor:
    """The greatest number in each block of y (B, Y) -> (B, A)."""
    return torch.stack([block.argmax(dim=1) for block in y.split(sizes(pack), dim=1)], dim=1)


def pixels(images: Any, side: int, device: torch.device | None = None) -> Tensor:
    """Square pictures (B, S, S, 3), bytes or 0..1, as means over their pixels: (B, 3, side, side) in -1..1."""
    x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=device)
    x = x.to(torch.float32) / 255 if x.dtype == torch.uint8 else x
    if x.dim() != 4 or x.shape[1] != x.shape[2] or x.shape[3] != 3 or x.shape[1] < side:
        raise ValueError(f"pictures must have shape (B, S, S, 3), S {side} or more, got {tuple(x.shape)}")
    x = 2 * x.permute(0, 3, 1, 2) - 1
    return x if x.shape[2] == side else F.adaptive_avg_pool2d(x, side)


# -- the judge -------------------------------------------------------------------------------------------------

VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "heads": {"pack": "heads_attr", "n_steps": 500},
    "avatars": {"pack": "avatars", "side": 48, "channels": 20, "n_steps": 500},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeJudgeConfig(learning.LearnerConfig):
    pack: str = "facesjs"  # whose attributes it reads
    side: int = 32  # pixels of the pictures that it sees
    channels: int = 24  # of the first convolution
    n_features: int = 96
    shift: int = 0  # pixels that a picture is moved by at most, each way
    learning_rate: float = 3e-3
    decay: bool = True
    n_steps: int = 600
    seed: int = 1

    def __post_init__(self) -> None:
        if self.pack not in PACKS:
            raise ValueError(f"pack must be one of {', '.join(PACKS)}, got {self.pack!r}")
        learning.check(
            self, side=(8, 64), channels=(1, 256), n_features=(1, 4096), shift=(0, 4), batch_size=(2, 4096),
            n_steps=(1, 10**7),
        )  # fmt: skip


class JudgeNetwork(nn.Module):
    """(B, 3, S, S) in -1..1, halved to 8 pixels or fewer -> features (B, F) -> one answer an attribute (B, values)."""

    def __init__(self, config: AttributeJudgeConfig) -> None:
        super().__init__()
        side, widths, layers = config.side, [3], []
        while side > 8:
            widths.append(min(2 ** (len(widths) - 1), 4) * config.channels)
            side //= 2
        for n_in, n_out in pairwise(widths):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
        last = nn.Linear(widths[-1] * side * side, config.n_features, bias=False)
        self.body = nn.Sequential(*layers, nn.Flatten(), last, nn.BatchNorm1d(config.n_features), nn.ReLU())
        self.heads = nn.ModuleDict(
            {key: nn.Linear(config.n_features, len(values)) for key, values in PACKS[config.pack].items()}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits of every attribute's values."""
        features = self.body(x)
        return {key: head(features) for key, head in self.heads.items()}


class AttributeJudge(learning.Learner):
    """Learns from `Portraits`; without data it judges only."""

    name: ClassVar[str] = "attribute_judge"
    Config: ClassVar[type] = AttributeJudgeConfig
    Network: ClassVar[type] = JudgeNetwork
    learns_from = Portraits
    VARIANTS = VARIANTS

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        side, shift = self.config.side, self.config.shift
        down, right = torch.randint(0, 2 * shift + 1, (2,), generator=self.rng).tolist()
        x = F.pad(pixels(batch["image"], side), (shift,) * 4, mode="replicate")
        said = self.learners[""](x[:, :, down : down + side, right : right + side])
        known = batch["attributes"].long().unbind(dim=1)
        losses = [F.cross_entropy(logits, values) for logits, values in zip(said.values(), known, strict=True)]
        loss = torch.stack(losses).sum()
        self.descend(loss)
        return {"loss": loss}

    @torch.no_grad()
    def judged(self, images: Any) -> dict[str, Tensor]:
        """p(value | picture) of every attribute: pictures (N, S, S, 3), bytes or 0..1 -> (N, values) each."""
        parts = [self.network(self.pixels(part)) for part in torch.as_tensor(np.array(images)).split(128)]
        return {key: torch.cat([part[key] for part in parts]).softmax(dim=1).cpu() for key in PACKS[self.config.pack]}

    def read(self, images: Any) -> Tensor:
        """The likeliest value of every attribute: (N, S, S, 3) -> (N, A)."""
        return torch.stack([p.argmax(dim=1) for p in self.judged(images).values()], dim=1)

    @torch.no_grad()
    def features(self, images: Any) -> np.ndarray:
        """(N, S, S, 3) -> (N, F), in which made pictures are compared with true ones."""
        parts = [self.network.body(self.pixels(part)) for part in torch.as_tensor(np.array(images)).split(128)]
        return torch.cat(parts).cpu().double().numpy()

    def pixels(self, images: Any) -> Tensor:
        return pixels(images, self.config.side, self.device)

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Of true test pictures, with 95 % intervals: the share whose value it reads rightly, by attribute, and their
        mean (``accuracy``); ``chance_`` is the share of the most frequent value. ``sure``: the share of its answers at
        0.9 or more; ``sure_noise``: the same on uniform noise.
        """
        said, known = self.judged(test["image"]), test["attributes"].cpu().long()
        noise = torch.rand(500, self.config.side, self.config.side, 3, generator=learning.stream(self.config.seed, 2))
        right = {key: (p.argmax(dim=1) == known[:, i]).double().numpy() for i, (key, p) in enumerate(said.items())}
        result = named("accuracy", np.mean(list(right.values()), axis=0))
        for i, (key, values) in enumerate(right.items()):
            result |= named(key, values) | {f"chance_{key}": float(known[:, i].bincount().max() / len(known))}
        return result | named("sure", sure(said)) | named("sure_noise", sure(self.judged(noise)))

    def picture(self) -> Frame:
        found = self.read(self.data.probe["image"]) == self.data.probe["attributes"].cpu()
        return self.framed({"accuracy": float(found.float().mean())})


def sure(said: dict[str, Tensor]) -> np.ndarray:
    """The share of each picture's answers that are at 0.9 or more: (N,)."""
    return torch.stack([p.amax(dim=1) >= SURE for p in said.values()]).double().mean(dim=0).numpy()
