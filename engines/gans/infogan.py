r"""InfoGAN: Chen et al. 2016 (arXiv:1606.03657). Part of the noise is a code that must be legible in the image.

G draws from noise z and a code c: one of K categories, and two dials in -1..1. A network Q reads the code back, and
what it reads bounds the mutual information of code and image from below, in nats:

    I(c; G(z, c)) >= L_I = H(c) + E log Q(c | G(z, c))

    min_{G,Q} max_D  E log D(x) + E log(1 - D(G(z, c))) - lambda L_I

H(c) never changes, so G and Q descend what Q gets wrong, L_Q: the category's cross-entropy, and half the squared error
of the dials (Q's Gaussian has variance 1). Q is a second head on D, as in the paper.

Departures: D's body descends L_Q too, since Q stands on it; one lambda for both kinds of code; less noise, smaller
networks. G climbs log D instead of descending log(1 - D) (Goodfellow et al. 2014, section 3).
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
from engines.material import Fields, LabelledImages
from engines.maths.intervals import named

SIDE, N_DIALS = 28, 2
SHOWN = 7  # noises that a frame shows, each with every category

VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "light": {"information_weight": 1e-3},  # Q reads as before, by Adam; G and D's body hardly feel it
    "no-noise": {"noisy": False},  # the code alone
    "twenty": {"n_categories": 20},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoGANConfig(learning.LearnerConfig):
    n_categories: int = 10
    n_noise: int = 16
    channels: int = 16  # of the layers next to the image
    hidden: int = 256  # units of D's last layer but one
    information_weight: float = 1.0  # lambda
    noisy: bool = True  # whether z changes
    learning_rate: float = 2e-4
    generator_rate: float = 1e-3
    beta1: float = 0.5

    def __post_init__(self) -> None:
        learning.check(self, n_categories=(2, 100), n_noise=(1, 1000), channels=(1, 512), hidden=(1, 4096),
                       batch_size=(2, 4096), n_steps=(1, 10**7), generator_rate=(1e-9, 1))  # fmt: skip


class Generator(nn.Module):
    """G(z, c): (B, Z), (B, K + 2) -> (B, 1, 28, 28) in -1..1."""

    def __init__(self, n_in: int, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, 4 * c * 49, bias=False), nn.Unflatten(1, (4 * c, 7, 7)),  # (B, 4c, 7, 7)
            nn.BatchNorm2d(4 * c), nn.ReLU(),
            nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1, bias=False),  # (B, 2c, 14, 14)
            nn.BatchNorm2d(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, 1, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, code: Tensor) -> Tensor:
        return self.layers(torch.cat([z, code], dim=1))


class Discriminator(nn.Module):
    """The logit of D(x), and Q's logits and dials: (B, 1, 28, 28) in -1..1 -> (B,), (B, K + 2)."""

    def __init__(self, n_code: int, hidden: int, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),  # (B, c, 14, 14)
            nn.Conv2d(c, 4 * c, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(4 * c), nn.LeakyReLU(0.2),
            nn.Conv2d(4 * c, 4 * c, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4 * c), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(4 * c * 16, hidden, bias=False), nn.BatchNorm1d(hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1 + n_code),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        answer = self.layers(x)
        return answer[:, 0], answer[:, 1:]


class InfoGAN(learning.Learner):
    """Learns from grey images. Their labels, which no player sees, name the categories when it is tested."""

    name: ClassVar[str] = "infogan"
    Config: ClassVar[type] = InfoGANConfig
    learns_from = LabelledImages
    shapes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (SIDE * SIDE,)}
    VARIANTS = VARIANTS
    start = learning.start_small

    def make(self) -> nn.Module:
        config, n_code = self.config, self.config.n_categories + N_DIALS
        G = Generator(config.n_noise + n_code, config.channels)
        return nn.ModuleDict({"G": G, "D": Discriminator(n_code, config.hidden, config.channels)})

    def learning_rate_of(self, player: str) -> float:
        return self.config.generator_rate if player == "G" else self.config.learning_rate

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D and Q, then a step of G."""
        G, D, weight = self.learners["G"], self.learners["D"], self.config.information_weight
        z, code = (self.shared(part) for part in self.inputs(self.n_batch, self.rng))
        x, made = learning.greys_of(batch["image"], SIDE, self.device), G(z, code)
        (real, _), (fake, read) = D(x), D(made.detach())
        d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()  # -log D(x) - log(1 - D(G(z, c)))
        category, dials = self.wrong(read, code)
        self.descend(d_loss + weight * (category + dials), "D")
        with self.held("D") as judge:
            fake, read = judge(made)
        g_loss = F.softplus(-fake).mean()  # -log D(G(z, c))
        self.descend(g_loss + weight * sum(self.wrong(read, code)), "G")
        return {"d_loss": d_loss, "g_loss": g_loss, "category": category, "dials": dials}

    def wrong(self, read: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """L_Q's two parts over codes (B, K + 2): cross-entropy in nats, and half the squared error; each ()."""
        K = self.config.n_categories
        return F.cross_entropy(read[:, :K], code[:, :K]), (read[:, K:] - code[:, K:]).square().sum(dim=1).mean() / 2

    def inputs(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """z (n, Z) from N(0, I), zeros for the one without noise; codes (n, K + 2), any category and any dials."""
        z = torch.randn(n, self.config.n_noise, generator=rng) * self.config.noisy
        category = torch.randint(self.config.n_categories, (n,), generator=rng)
        return z, self.code(category, 2 * torch.rand(n, N_DIALS, generator=rng) - 1)

    def code(self, category: Tensor, dials: Tensor) -> Tensor:
        """Categories (B,) and dials (B, 2) as G takes them: (B, K + 2)."""
        return torch.cat([F.one_hot(category, self.config.n_categories), dials], dim=1)

    @torch.no_grad()
    def draw(self, z: Tensor, code: Tensor) -> Tensor:
        """Images (B, 28, 28) in 0..1 of noises (B, Z) and codes (B, K + 2)."""
        return (self.network["G"](z.to(self.device), code.to(self.device))[:, 0].cpu() + 1) / 2

    @torch.no_grad()
    def read(self, x: Any) -> tuple[Tensor, Tensor]:
        """Q(category | x) and its dials: images (B, ...) of 784 pixels, bytes or 0..1 -> (B, K), (B, 2)."""
        found = self.network["D"](learning.greys_of(x, SIDE, self.device))[1].cpu()
        return found[:, :-N_DIALS].softmax(dim=1), found[:, -N_DIALS:]

    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """Categories are named after most images of the first half in them. ``found``: how many of the second half are
        in one of their name. ``nats``: L_I of the category over 2,000 drawings.
        """
        K, digits, half = self.config.n_categories, torch.as_tensor(labels).long(), len(labels) // 2
        into = self.read(images)[0].argmax(dim=1)
        votes = torch.zeros(K, 10).index_put_((into[:half], digits[:half]), torch.ones(half), accumulate=True)
        right = votes.argmax(dim=1)[into[half:]] == digits[half:]
        z, code = self.inputs(2000, learning.stream(self.config.seed, 2))
        told = (self.read(self.draw(z, code))[0] * code[:, :K]).sum(dim=1).log() + np.log(K)
        return {**named("found", right.double().numpy()), **named("nats", told.double().numpy())}

    def frame(self) -> Frame:
        """``made`` (7 K, 28, 28) bytes: seven noises and dials, the same at every step, each with every category."""
        K = self.config.n_categories
        z, code = (part.repeat_interleave(K, 0) for part in self.inputs(SHOWN, learning.stream(self.config.seed, 1)))
        made = self.draw(z, self.code(torch.arange(K).repeat(SHOWN), code[:, K:]))
        return self.framed({}, made=learning.to_bytes(made))
