r"""A judge of drawn birds and flowers: which attributes a drawing has. Learned from true training drawings alone.

    loss = -\sum_a log p_a(y_a | x)            one softmax a, for each of an attribute's values (Bishop 2006, eq. 4.108)

It is a measure: what a caption asks for is compared with what the judge sees in the drawing made for it. It never sees
a drawing that a network made while it learns. Its last hidden layer gives the features in which made drawings are
compared with true ones (`maths/samples.py`). Every batch is moved by up to two pixels each way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.making.captions import FIELDS, VALUES, chance
from engines.material import Captions, Fields
from engines.maths.intervals import named

SIDE = 64
SEEN = ("kind", "body", "second", "size", "pose", "facing", "place")  # the attributes that it names
SURE = 0.9
SHIFT = 2  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class BirdJudgeConfig(learning.LearnerConfig):
    channels: int = 16
    n_features: int = 64
    learning_rate: float = 2e-3
    decay: bool = True
    n_steps: int = 600

    def __post_init__(self) -> None:
        learning.check(self, channels=(1, 256), n_features=(1, 4096), batch_size=(2, 4096), n_steps=(1, 10**7))


class JudgeNetwork(nn.Module):
    """(B, 3, 64, 64) in -1..1 -> features (B, F) -> one answer an attribute (B, values)."""

    def __init__(self, c: int, n_features: int) -> None:
        super().__init__()

        def layer(n_in: int, n_out: int, *, halve: bool) -> list[nn.Module]:
            conv = nn.Conv2d(n_in, n_out, 4 if halve else 3, stride=2 if halve else 1, padding=1, bias=False)
            return [conv, nn.BatchNorm2d(n_out), nn.ReLU()]

        self.body = nn.Sequential(
            *layer(3, c, halve=True), *layer(c, 2 * c, halve=True),  # (B, 2 c, 16, 16)
            *layer(2 * c, 4 * c, halve=False), nn.MaxPool2d(2),
            *layer(4 * c, 4 * c, halve=False), nn.MaxPool2d(2),  # (B, 4 c, 4, 4)
            nn.Flatten(), nn.Linear(64 * c, n_features), nn.ReLU(),
        )  # fmt: skip
        self.heads = nn.ModuleDict({field: nn.Linear(n_features, len(VALUES[field])) for field in SEEN})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits of every attribute's values."""
        features = self.body(x)
        return {field: head(features) for field, head in self.heads.items()}


class BirdJudge(learning.Learner):
    """Learns from `Captions`, and reads none; without data it judges only."""

    name: ClassVar[str] = "bird_judge"
    Config: ClassVar[type] = BirdJudgeConfig
    learns_from = Captions.of_fields("image", "attributes")

    def make(self) -> nn.Module:
        return JudgeNetwork(self.config.channels, self.config.n_features)

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        down, right = torch.randint(0, 2 * SHIFT + 1, (2,), generator=self.rng).tolist()
        x = F.pad(self.pixels(batch["image"]), (SHIFT,) * 4, mode="replicate")
        said = self.learners[""](x[:, :, down : down + SIDE, right : right + SIDE])
        known = batch["attributes"].long()
        loss = sum(F.cross_entropy(logits, known[:, FIELDS.index(field)]) for field, logits in said.items())
        self.descend(loss)  # type: ignore[arg-type]
        return {"loss": loss}  # type: ignore[dict-item]

    def pixels(self, images: Any) -> Tensor:
        """Drawings (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
        return learning.pixels_of(images, SIDE, self.device)

    @torch.no_grad()
    def judged(self, images: Any) -> dict[str, Tensor]:
        """p(value | drawing) of every attribute: drawings (N, 64, 64, 3), bytes or 0..1 -> (N, values) each."""
        parts = [self.network(self.pixels(part)) for part in torch.as_tensor(images).split(128)]
        return {field: torch.cat([part[field] for part in parts]).softmax(dim=1).cpu() for field in SEEN}

    @torch.no_grad()
    def features(self, images: Any) -> np.ndarray:
        """(N, 64, 64, 3) -> (N, F)."""
        parts = [self.network.body(self.pixels(part)) for part in torch.as_tensor(images).split(128)]
        return torch.cat(parts).cpu().double().numpy()

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """The share of true test drawings, all of combinations not learned from, whose attribute it names, for each
        one, with 95 % intervals, and ``chance_``, the share of the most frequent value; ``sure`` and ``sure_noise``,
        the shares of its answers at 0.9 or more on drawings and on uniform noise.
        """
        said, known = self.judged(test["image"]), test["attributes"].cpu().long()
        noise = torch.rand(500, SIDE, SIDE, 3, generator=learning.stream(self.config.seed, 2))
        result: dict[str, float] = {}
        for field, p in said.items():
            right = p.argmax(dim=1) == known[:, FIELDS.index(field)]
            result |= named(field, right.double().numpy()) | {f"chance_{field}": chance(known, field)}
        return result | named("sure", sure(said)) | named("sure_noise", sure(self.judged(noise)))

    def picture(self) -> Frame:
        return self.framed({key: self.evaluate(self.data.probe)[key] for key in ("kind", "body", "place")})


def sure(said: dict[str, Tensor]) -> np.ndarray:
    """The share of each drawing's answers that are at 0.9 or more: (N,)."""
    return torch.stack([p.max(dim=1).values >= SURE for p in said.values()]).double().mean(dim=0).numpy()
