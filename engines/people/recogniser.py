r"""A network that tells people apart by their faces: features of a picture, near for one person and far for others.

    \ell = -\log p(k|x),   p(k|x) = softmax(s \cos(w_k, f(x)))              the person k of the picture x

f(x) are 64 numbers, w_k one direction for each training person, s = 16. After training the w_k are of no further use:
two pictures, of people never seen as well, are as like as the cosine of their features. As in face recognition by
Light CNN (Wu et al. 1511.02683), which TP-GAN leans on, the network sees grey levels only.

It looks at a window of 48 pixels without the shoulders: a shirt's colour would give people away. Hair lies within it,
and a person has one hair style at every turn.

Three of them ship. TP-GAN's identity loss uses the first; ``judge``, of another seed and one layer more, says whom a
picture shows and never takes part in a training. ``near`` is like it but has learned from turns of up to 45 degrees
alone: most pictures that people are recognised by are taken near the front. None has seen a test person.
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
from engines.people.heads import FRONT, YAWS, Heads, pixels

TOP, LEFT, WINDOW = 5, 8, 48  # of a picture of 64 pixels, what the network looks at
SCALE = 16.0
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "judge": {"deep": True, "seed": 1, "n_steps": 700},
    "near": {"deep": True, "seed": 2, "n_steps": 600, "most": 45},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniserConfig(learning.LearnerConfig):
    people: int = 425
    width: int = 16  # channels of the first convolution
    n_features: int = 64
    deep: bool = False  # one layer more, at 12 pixels a side
    grey: bool = True
    most: int = 90  # degrees; pictures turned further are left out of training
    shift: int = 2  # pixels that a picture is moved by at most, each way
    learning_rate: float = 4e-3
    decay: bool = True
    n_steps: int = 700

    def __post_init__(self) -> None:
        sizes = {"people": (1, 10**5), "width": (1, 512), "n_features": (1, 4096), "shift": (0, 5), "most": (0, 90)}
        learning.check(self, batch_size=(2, 1024), n_steps=(1, 10**7), **sizes)


def tower(c: int, *, grey: bool, deep: bool) -> nn.Sequential:
    """Three halvings of the side, (B, 1 or 3, S, S) -> (B, 4 C, S/8, S/8); ``deep``: one layer more before the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in ((1 if grey else 3, c), (c, 2 * c), (2 * c, 4 * c)):
        if deep and n_out == 4 * c:
            layers += [nn.Conv2d(n_in, n_in, 3, padding=1, bias=False), nn.BatchNorm2d(n_in), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out)]
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(4 * c, 4 * c, 3, padding=1, bias=False))


class RecogniserNetwork(nn.Module):
    """Maps of 24, 12 and 6 pixels a side, then the features: (B, 3, 64, 64) in -1..1 -> (B, F)."""

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        c, self.grey = config.width, config.grey
        self.body = tower(c, grey=config.grey, deep=config.deep)
        self.norm = nn.BatchNorm2d(4 * c)
        self.last = nn.Linear(4 * c * 36, config.n_features, bias=False)
        self.after = nn.BatchNorm1d(config.n_features)
        self.people = nn.Linear(config.n_features, config.people, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The last map (B, 4 C, 6, 6) and the features (B, F)."""
        x = x[:, :, TOP : TOP + WINDOW, LEFT : LEFT + WINDOW]
        if self.grey:
            x = x.mean(dim=1, keepdim=True)
        maps = F.leaky_relu(self.norm(self.body(x)), 0.2)
        return maps, self.after(self.last(maps.flatten(1)))

    def logits(self, features: Tensor) -> Tensor:
        r"""s \cos(w_k, f): (B, F) -> (B, K)."""
        return SCALE * F.normalize(features) @ F.normalize(self.people.weight).T


class Recogniser(learning.Learner):
    """Learns from `Heads`; without data it compares pictures only."""

    name: ClassVar[str] = "recogniser"
    Config: ClassVar[type] = RecogniserConfig
    Network: ClassVar[type] = RecogniserNetwork
    learns_from = Heads
    VARIANTS = VARIANTS

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """One batch, moved by up to ``shift`` pixels, half of it mirrored, and one step of Adam; pictures turned too
        far do not count.
        """
        shift = self.config.shift
        down, right = torch.randint(-shift, shift + 1, (2,), generator=self.rng).tolist()
        x = torch.roll(pixels(batch["image"]), (down, right), dims=(2, 3))
        flip = self.shared(torch.randint(0, 2, (self.n_batch,), generator=self.rng)) == 1
        x = torch.where(flip[:, None, None, None], x.flip(3), x)
        kept = batch["yaw"].abs() <= self.config.most
        if not kept.any():
            return {}
        _, features = self.learners[""](x[kept])
        logits = self.network.logits(features)
        loss = F.cross_entropy(logits, batch["person"][kept])
        self.descend(loss)
        return {"loss": loss, "accuracy": (logits.argmax(dim=1) == batch["person"][kept]).float().mean()}

    @torch.no_grad()
    def features(self, x: Any) -> Tensor:
        """Features of length 1: pictures (B, 64, 64, 3), bytes or 0..1 -> (B, F)."""
        return torch.cat([F.normalize(self.network(part)[1]) for part in pixels(x, self.device).split(128)])

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over people never seen, with 95 % intervals: ``rank1``, how often the nearest frontal picture of all is the
        same person's, for pictures at 15 to 90 degrees, and ``rank1_15`` .. ``rank1_90`` one by one; chance is 1 in
        ``people``. ``confident``: of the frontal pictures mirrored, and ``confident_noise``: of pictures of noise, the
        share that is nearer to someone than 99 % of pairs of two people are.
        """
        features = self.features(test["image"]).cpu()
        hits = first_hits(features, test)
        result = {**named("rank1", hits[:, np.arange(len(YAWS)) != FRONT].mean(axis=1)), "people": float(len(hits))}
        for angle in range(15, 91, 15):
            at = [YAWS.index(-angle), YAWS.index(angle)]
            result |= named(f"rank1_{angle}", hits[:, at].mean(axis=1))
        gallery = features[test["front"].unique()]
        others = (gallery @ gallery.T)[~torch.eye(len(gallery), dtype=torch.bool)]
        near = float(others.quantile(0.99))
        noise = torch.rand(200, *test["image"].shape[1:], generator=learning.stream(self.config.seed, 3))
        again = self.features(test["image"][test["front"].unique()].flip(2)).cpu()
        for name, found in (("confident", again), ("confident_noise", self.features(noise).cpu())):
            result |= named(name, ((found @ gallery.T).amax(dim=1) > near).double().numpy())
        return result

    def picture(self) -> Frame:
        """``rank1`` over the people to watch, among these alone."""
        probe = {key: value.cpu() for key, value in self.data.probe.items()}
        return self.framed({"rank1": float(first_hits(self.features(probe["image"]).cpu(), probe).mean())})


def first_hits(features: Tensor, of: Fields, gallery: Tensor | None = None) -> np.ndarray:
    """Whether the nearest of the gallery is the same person: features (N, F) of whole people, 13 rows each, of length
    1 -> (people, 13) of 0 and 1. The gallery (people, F) is the frontal picture of each without another.
    """
    gallery = features[of["front"].unique()] if gallery is None else gallery
    nearest = (features @ gallery.T).argmax(dim=1)
    return (nearest.reshape(-1, len(YAWS)) == torch.arange(len(gallery))[:, None]).double().numpy()
