r"""CGAN, the conditional GAN: Mirza & Osindero 2014 (arXiv:1411.1784). You say which digit; the noise says how.

A label y goes into both players, beside the noise z and beside the image x (their equation 2):

    min_G max_D  E_x log D(x|y) + E_z log(1 - D(G(z|y)|y))

    L_D = -E log D(x|y) - E log(1 - D(G(z|y)|y))        the label of a made image is the one that was asked for
    L_G = -E log D(G(z|y)|y)                            Goodfellow et al. 2014, section 3: the same aim, more slope

As soon as G obeys, D meets no image beside a wrong label and may forget what labels mean. Reed et al. 2016
(arXiv:1605.05396, algorithm 1) show it real images beside a wrong label y' as well:

    L_D = -E log D(x|y) - 1/2 (E log(1 - D(G(z|y)|y)) + E log(1 - D(x|y')))

The label is ten numbers, one of them 1. G takes it as more noise; D takes it as ten more channels of the image, each
of them all 0 or all 1.

Departures: the players are convolutional, as DCGAN's (Radford et al. 2015), where the paper's are layers of ReLU and
maxout units without convolutions; z is normal, not uniform; Adam instead of gradient descent with momentum; no dropout;
the images made in a batch have the labels of its real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.foundations import classifier
from engines.material import Fields, LabelledImages
from engines.maths.intervals import named

N_CLASSES, SIDE = 10, 28
SHOWN = 7  # noises that a frame shows, each with all ten labels

VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "blind": {"judged_by_label": False},  # D sees the image alone: nobody asks whether the label fits
    "untold": {"judged_by_label": False, "told": False},  # the plain GAN: no player sees a label
    "no-noise": {"noisy": False},
    "pairs": {"wrong_pairs": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CGANConfig(learning.LearnerConfig):
    n_noise: int = 100
    channels: int = 16  # of the layers next to the image
    told: bool = True  # whether G is told the label
    judged_by_label: bool = True  # whether D is
    noisy: bool = True  # whether z changes
    wrong_pairs: bool = False  # whether D also meets real images beside a wrong label
    learning_rate: float = 2e-4
    beta1: float = 0.5
    n_steps: int = 8_000

    def __post_init__(self) -> None:
        learning.check(self, n_noise=(1, 1000), channels=(1, 512), batch_size=(2, 4096), n_steps=(1, 10**7))


class Generator(nn.Module):
    """G(z|y): (B, Z), (B, 10) -> (B, 1, 28, 28) in -1..1."""

    def __init__(self, c: int, n_noise: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_noise + N_CLASSES, 4 * c * 49, bias=False), nn.Unflatten(1, (4 * c, 7, 7)),  # (B, 4c, 7, 7)
            nn.BatchNorm2d(4 * c), nn.ReLU(),
            nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1, bias=False),  # (B, 2c, 14, 14)
            nn.BatchNorm2d(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, 1, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.layers(torch.cat([z, y], dim=1))


class Discriminator(nn.Module):
    """The logit of D(x|y): (B, 1, 28, 28) in -1..1, (B, 10) -> (B,)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1 + N_CLASSES, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),  # (B, c, 14, 14)
            nn.Conv2d(c, 4 * c, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(4 * c), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(4 * c * 49, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        maps = y[:, :, None, None].expand(-1, -1, SIDE, SIDE)
        return self.layers(torch.cat([x, maps], dim=1))[:, 0]


def real(logits: Tensor) -> Tensor:
    """-E log D of logits (B,): (); of the negative logits, -E log(1 - D)."""
    return F.softplus(-logits).mean()


class CGAN(learning.Learner):
    """Learns from labelled grey images; without data it draws and judges only."""

    name: ClassVar[str] = "cgan"
    Config: ClassVar[type] = CGANConfig
    learns_from = LabelledImages
    shapes: ClassVar[dict[str, tuple[int, ...]]] = {"image": (SIDE * SIDE,)}
    VARIANTS = VARIANTS
    start = learning.start_small

    def make(self) -> nn.Module:
        c = self.config.channels
        return nn.ModuleDict({"G": Generator(c, self.config.n_noise), "D": Discriminator(c)})

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D on L_D, then a step of G on L_G."""
        G, D = self.learners["G"], self.learners["D"]
        x, y = learning.greys_of(batch["image"], SIDE, self.device), self.hot(batch["label"])
        z = self.shared(self.noise(self.n_batch, self.rng))
        made, seen = G(z, self.told(y)), self.judged(y)
        fake = real(-D(made.detach(), seen))
        if self.config.wrong_pairs:
            off = self.shared(torch.randint(1, N_CLASSES, (self.n_batch,), generator=self.rng))
            fake = (fake + real(-D(x, self.judged(self.hot((batch["label"] + off) % N_CLASSES))))) / 2
        d_loss = real(D(x, seen)) + fake
        self.descend(d_loss, "D")
        with self.held("D") as judge:
            g_loss = real(judge(made, seen))
        self.descend(g_loss, "G")
        return {"d_loss": d_loss, "g_loss": g_loss}

    def hot(self, labels: Any) -> Tensor:
        """Labels (B,) as ten numbers each, or ten numbers each as they are: (B, 10)."""
        y = torch.as_tensor(labels, device=self.device)
        return (F.one_hot(y.long(), N_CLASSES) if y.dim() == 1 else y).float()

    def told(self, y: Tensor) -> Tensor:
        return y if self.config.told else torch.zeros_like(y)

    def judged(self, y: Tensor) -> Tensor:
        return y if self.config.judged_by_label else torch.zeros_like(y)

    def noise(self, n: int, rng: torch.Generator) -> Tensor:
        """z from N(0, I): (n, Z); zeros for the one without noise."""
        return torch.randn(n, self.config.n_noise, generator=rng) * self.config.noisy

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def draw(self, z: Any, y: Any) -> Tensor:
        """Images (B, 28, 28) in 0..1 of noises (B, Z) and of labels (B,), or of weights of the ten labels (B, 10)."""
        return (self.network["G"](z.to(self.device), self.told(self.hot(y)))[:, 0] + 1) / 2

    @torch.no_grad()
    def judge(self, x: Any) -> Tensor:
        """D(x|y) for each of the ten labels: images (B, ...) of 784 pixels, bytes or 0..1 -> (B, 10)."""
        rows, labels = learning.greys_of(x, SIDE, self.device), self.judged(torch.eye(N_CLASSES, device=self.device))
        answers = [self.network["D"](rows, y.expand(len(rows), -1)) for y in labels]
        return torch.stack(answers, dim=1).sigmoid()

    @torch.no_grad()
    def evaluate(self, images: Any, labels: Any) -> dict[str, float]:
        """``accuracy``: how often the shipped classifier reads the asked label in 500 made images of each, ``real`` in
        the test images; ``spread``: squared distance of two images made for one label over that of two test images of
        it; ``own``: how often D finds a test image truer beside its own label than beside another, 1/2 by chance.
        """
        rng = learning.stream(self.config.seed, 2)
        asked = torch.arange(5000) % N_CLASSES
        distinct = 5000 if self.config.noisy else N_CLASSES  # without noise a label has one drawing
        made = torch.cat([self.draw(part, asked[:500]) for part in self.noise(5000, rng).split(500)])
        images, known = torch.as_tensor(images), torch.as_tensor(labels).long()
        other = (known + torch.randint(1, N_CLASSES, known.shape, generator=rng)) % N_CLASSES
        belief = torch.cat([self.judge(part) for part in images.split(500)]).cpu()
        own, wrong = (belief.gather(1, y[:, None])[:, 0] for y in (known, other))
        apart = (made[:-10] - made[10:]).square().sum(dim=(1, 2)).cpu()  # rows ten apart were asked for one label
        rows = learning.rows_of(images[known.argsort(stable=True)], SIDE * SIDE, self.device).cpu()
        real_apart = (rows[:-1] - rows[1:]).square().sum(dim=1)[known.sort().values.diff() == 0]
        return {
            **named("accuracy", (classifier.read("mnist", made, self.device) == asked)[:distinct].double().numpy()),
            **named("real", (classifier.read("mnist", images, self.device) == known).double().numpy()),
            **named("spread", (apart / real_apart.mean()).double().numpy()),
            **named("own", ((own > wrong).double() + (own == wrong).double() / 2).numpy()),
        }

    def frame(self) -> Frame:
        """``made`` (70, 28, 28) bytes: seven noises, the same at every step, each with all ten labels; ``accuracy`` of
        the shipped classifier over 500 more images.
        """
        z, asked = self.noise(550, learning.stream(self.config.seed, 1)), torch.arange(500) % N_CLASSES
        made = self.draw(z[:SHOWN].repeat_interleave(N_CLASSES, 0), torch.arange(10 * SHOWN) % N_CLASSES)
        read = classifier.read("mnist", self.draw(z[50:], asked), self.device)
        return self.framed({"accuracy": float((read == asked).double().mean())}, made=learning.to_bytes(made))
