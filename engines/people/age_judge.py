r"""Networks that look at a face: whose it is, or how old it is.

    \ell = -\log p(k|x),   p(k|x) = softmax(s \cos(w_k, f(x)))     the person k of the picture x, at any age
    \ell = -\log p(a|x),   p(a|x) = softmax(v_a . f(x)),           the age a; read as years, \sum_a p(a|x) years_a

f(x) are 64 numbers. After training the w_k are of no further use: two pictures, of people never seen as well, are as
like as the cosine of their features, and a person is the same at every age. The years are the mean under p(a|x), as
Rothe et al. 2015 (DEX) read an age off.

Four of them ship. In Age-cGAN's search one looks for the person's features; ``judge``, of another seed, one layer more
and another window, says whom a picture shows, and ``age`` how old: these two take no part in any search or training
of pictures. None has seen a test person. Pictures are shifted, mirrored, blurred and lit a little otherwise
as they learn, so that a soft picture does not make somebody else.
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
from engines.material import Fields
from engines.maths.intervals import named
from engines.people.ages import AGES, SIDE, Ages, pixels
from engines.people.recogniser import tower

SCALE = 16.0
YEARS = torch.tensor(AGES, dtype=torch.float32)
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "judge": {"deep": True, "seed": 1, "margin": 2, "grey": True},
    "age": {"task": "age", "seed": 2, "width": 12, "n_steps": 250},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeJudgeConfig(learning.LearnerConfig):
    task: str = "person"  # or "age"
    people: int = 250
    width: int = 16  # channels of the first convolution
    n_features: int = 64
    deep: bool = False  # one layer more, at 12 pixels a side
    grey: bool = False
    margin: int = 0  # pixels left out at each side of the picture
    learning_rate: float = 4e-3
    decay: bool = True
    n_steps: int = 350

    def __post_init__(self) -> None:
        if self.task not in ("person", "age"):
            raise ValueError(f"task must be person or age, got {self.task!r}")
        sizes = {"people": (1, 10**5), "width": (1, 512), "n_features": (1, 4096), "margin": (0, 8)}
        learning.check(self, batch_size=(2, 1024), n_steps=(1, 10**7), **sizes)


class JudgeNetwork(nn.Module):
    """Maps of 24, 12 and 6 pixels a side (a little less with a margin), then the features: (B, 3, 48, 48) in -1..1 ->
    (B, F)."""

    def __init__(self, config: AgeJudgeConfig) -> None:
        super().__init__()
        c, self.grey, self.margin = config.width, config.grey, config.margin
        self.body = tower(c, grey=config.grey, deep=config.deep)
        self.norm = nn.BatchNorm2d(4 * c)
        side = (SIDE - 2 * config.margin) // 8
        self.last = nn.Linear(4 * c * side * side, config.n_features, bias=False)
        self.after = nn.BatchNorm1d(config.n_features)
        self.answers = nn.Linear(config.n_features, config.people if config.task == "person" else len(AGES), bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The last map (B, 4 C, S, S) and the features (B, F)."""
        m = self.margin
        x = x[:, :, m : SIDE - m, m : SIDE - m]
        if self.grey:
            x = x.mean(dim=1, keepdim=True)
        maps = F.leaky_relu(self.norm(self.body(x)), 0.2)
        return maps, self.after(self.last(maps.flatten(1)))


class AgeJudge(learning.Learner):
    """Learns from `Ages`; without data it compares pictures, or reads ages, only."""

    name: ClassVar[str] = "age_judge"
    Config: ClassVar[type] = AgeJudgeConfig
    Network: ClassVar[type] = JudgeNetwork
    learns_from = Ages
    VARIANTS = VARIANTS

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """One batch, disturbed, and one step of Adam."""
        x = self.disturbed(pixels(batch["image"]))
        right = batch["person" if self.config.task == "person" else "age"]
        logits = self.logits(self.learners[""](x)[1])
        loss = F.cross_entropy(logits, right)
        self.descend(loss)
        return {"loss": loss, "accuracy": (logits.argmax(dim=1) == right).float().mean()}

    def disturbed(self, x: Tensor) -> Tensor:
        """Pictures moved by up to 2 pixels, half of them mirrored, half blurred, each lit a little otherwise."""
        down, right = torch.randint(-2, 3, (2,), generator=self.rng).tolist()
        x = torch.roll(x, (down, right), dims=(2, 3))
        drawn = self.shared(torch.rand(self.n_batch, 4, generator=self.rng))[:, :, None, None, None]
        x = torch.where(drawn[:, 0] < 0.5, x.flip(3), x)
        soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        x = torch.lerp(x, soft, (2 * drawn[:, 1] - 1).clamp(min=0))
        return (x * (0.95 + 0.1 * drawn[:, 2]) + 0.08 * (drawn[:, 3] - 0.5)).clamp(-1, 1)

    def logits(self, features: Tensor) -> Tensor:
        r"""s \cos(w_k, f), or of ages v_a . f: (B, F) -> (B, K)."""
        if self.config.task == "age":
            return self.network.answers(features)
        return SCALE * F.normalize(features) @ F.normalize(self.network.answers.weight).T

    @torch.no_grad()
    def features(self, x: Any) -> Tensor:
        """Features of length 1: pictures (B, 48, 48, 3), bytes or 0..1 -> (B, F)."""
        return torch.cat([F.normalize(self.network(part)[1]) for part in pixels(x, self.device).split(200)])

    @torch.no_grad()
    def years(self, x: Any) -> Tensor:
        """The age read off pictures (B, 48, 48, 3), bytes or 0..1, in years: (B,)."""
        parts = [self.logits(self.network(part)[1]).softmax(dim=1) for part in pixels(x, self.device).split(200)]
        return torch.cat(parts) @ YEARS.to(self.device)

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over people never seen, with 95 % intervals by person.

        Of persons: ``rank1``, how often of all people's pictures at one age the nearest to a picture at another age is
        the same person's (chance is 1 in ``people``); ``same``, how often the two are nearer than 99 % of pairs of two
        people at those ages; ``same_noise``, how often a picture of noise is as near to anyone. Of ages: ``spearman``
        of the years read and the true ones, ``error`` in years, ``error_median`` where the median age were always said.
        """
        test = {key: value.cpu() for key, value in test.items()}
        if self.config.task == "age":
            read, true = self.years(test["image"]).cpu(), YEARS[test["age"]]
            both = torch.stack([read, true], dim=1).reshape(-1, len(AGES), 2).numpy()
            guess = (true - true.median()).abs().reshape(-1, len(AGES)).mean(dim=1)
            wrong = np.abs(both[..., 0] - both[..., 1]).mean(axis=1)
            return {"people": float(len(both)), **named("spearman", both, spearman), **named("error", wrong),
                    **named("error_median", guess.numpy())}  # fmt: skip
        features = self.features(test["image"]).cpu().reshape(-1, len(AGES), self.config.n_features)
        found, same = matches(features, features)
        away = ~np.eye(len(AGES), dtype=bool)
        noise = torch.rand(200, SIDE, SIDE, 3, generator=learning.stream(self.config.seed, 3))
        near = threshold(features)
        gallery = features.reshape(-1, features.shape[2])
        noisy = ((self.features(noise).cpu() @ gallery.T).amax(dim=1) > near.max()).double().numpy()
        return {"people": float(len(features)), **named("rank1", found[:, away].mean(axis=1)),
                **named("same", same[:, away].mean(axis=1)), **named("same_noise", noisy)}  # fmt: skip

    def picture(self) -> Frame:
        return self.framed({})


def threshold(gallery: Tensor) -> Tensor:
    """What 1 % of pairs of two people exceed, by both ages: features (people, 8, F) -> cosines (8, 8)."""
    n = len(gallery)
    cosines = torch.einsum("iaf,jbf->abij", gallery, gallery)
    return cosines[:, :, ~torch.eye(n, dtype=torch.bool)].quantile(0.99, dim=2)


def matches(made: Tensor, gallery: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Whom pictures show: features (people, 8, F) of each person made at every age, and of the true pictures.

    First, whether the nearest of all people's true pictures at age a is the same person's; then, whether that one is
    nearer than 99 % of pairs of two people at these ages are: (people, 8 ages made, 8 ages compared with) of 0 and 1.
    """
    cosines = torch.einsum("iaf,jbf->iabj", made, gallery)
    own = torch.arange(len(gallery))
    found = cosines.argmax(dim=3) == own[:, None, None]
    same = cosines[own, :, :, own] > threshold(gallery)
    return found.double().numpy(), same.double().numpy()


def spearman(pairs: np.ndarray) -> float:
    """The correlation of ranks, ties sharing theirs, over all pairs (..., 2) (Spearman 1904)."""
    from scipy.stats import rankdata

    first, second = (rankdata(pairs[..., i].ravel()) for i in (0, 1))
    return float(np.corrcoef(first, second)[0, 1])
