r"""DTN, the Domain Transfer Network: Taigman, Polyak & Wolf 2016 (arXiv:1611.02200). Printed digits become handwriting.

s are source images (digits printed over photos), t target images (MNIST), without pairs. f is a classifier's last
hidden layer, learned on the labelled source and frozen from then on. Only g and D learn:  G = g o f.

    L_D     = -E_s log D_1(g(f(x))) - E_t log D_2(g(f(x))) - E_t log D_3(x)     three answers: from s, from t, a real t
    L_GANG  = -E_s log D_3(g(f(x))) - E_t log D_3(g(f(x)))
    L_CONST =  E_s d(f(x), f(g(f(x))))                                          f sees the same in what is drawn
    L_TID   =  E_t d(x, g(f(x)))                                                a target image stays itself
    L_TV    =  E |\nabla g(f(x))|                                               smooth images
    L_G     =  L_GANG + \alpha L_CONST + \beta L_TID + \gamma L_TV              d is the mean squared difference

A grey image goes into f three times over, as red, green and blue. The first ``f_steps`` batches train f by
cross-entropy; then it is frozen, and the networks of all variants start from the same f.

Departures: the source is not SVHN but digits of 52 free type families over photos, drawn in its manner; f is small, has
64 features and learns from 800 batches; few channels in g and D.
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
from engines.foundations import classifier
from engines.material import Fields, LabelledColourImages, Rows, batch_rows
from engines.maths.intervals import named

SIDE = 32
SHOWN = 24  # test images that a frame translates
SURE = 0.9

VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "no-const": {"alpha": 0.0},
    "no-tid": {"beta": 0.0},
    "no-gan": {"adversarial": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DTNConfig(learning.LearnerConfig):
    channels: int = 16  # of the layers next to the image, in g and D
    n_features: int = 64  # of f
    f_steps: int = 800  # the first batches, for f alone
    alpha: float = 15.0
    beta: float = 15.0
    gamma: float = 0.0
    adversarial: bool = True
    learning_rate: float = 3e-4
    f_learning_rate: float = 2e-3
    beta1: float = 0.5
    batch_size: int = 32
    n_steps: int = 3_000

    def __post_init__(self) -> None:
        learning.check(
            self,
            channels=(1, 512),
            n_features=(1, 1024),
            f_steps=(0, self.n_steps),
            alpha=(0, 1000),
            beta=(0, 1000),
            gamma=(0, 1000),
            f_learning_rate=(1e-9, 1),
            batch_size=(2, 1024),
            n_steps=(1, 10**7),
        )
        if not (self.adversarial or self.alpha or self.beta):
            raise ValueError("nothing is left to learn by: keep the discriminator, alpha or beta above 0")


class Content(nn.Module):
    """f and, above it, the layer that names the digit: (B, 3, 32, 32) in -1..1 -> (B, F) in -1..1 -> (B, 10)."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in ((3, 24), (24, 48), (48, 96)):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.Conv2d(96, n_features, 4, bias=False), nn.BatchNorm2d(n_features), nn.Flatten(), nn.Tanh()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(n_features, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Generator(nn.Module):
    """g: a map of 4 x 4 from the features, then three times twice the side: (B, F) -> (B, 1, 32, 32) in -1..1."""

    def __init__(self, c: int, n_features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (n_in, n_out) in enumerate(((n_features, 4 * c), (4 * c, 2 * c), (2 * c, c))):
            up = nn.ConvTranspose2d(n_in, n_out, 4, stride=2 if i else 1, padding=1 if i else 0, bias=False)
            layers += [up, nn.BatchNorm2d(n_out), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features[:, :, None, None])


class Discriminator(nn.Module):
    """Logits of the three answers: (B, 1, 32, 32) -> (B, 3)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for n_in, n_out in ((c, 2 * c), (2 * c, 4 * c)):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out)]
            layers += [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(4 * c, 3, 4), nn.Flatten())

    def forward(self, y: Tensor) -> Tensor:
        return self.layers(y)


FROM_SOURCE, FROM_TARGET, REAL = 0, 1, 2  # D's three answers


def answer(logits: Tensor, which: int) -> Tensor:
    """-E log D_i: logits (B, 3) -> ()."""
    return -F.log_softmax(logits, dim=1)[:, which].mean()


def total_variation(y: Tensor) -> Tensor:
    r"""The mean over pixels of \sqrt{(y_{i,j+1} - y_{ij})^2 + (y_{i+1,j} - y_{ij})^2}: (B, 1, H, W) -> ()."""
    right, down = y[..., :-1, 1:] - y[..., :-1, :-1], y[..., 1:, :-1] - y[..., :-1, :-1]
    return (right**2 + down**2 + 1e-12).sqrt().mean()


class Domains(Rows):
    """Labelled colour images of the source, ``image`` (B, 32, 32, 3) and ``label`` (B,); and of the target, without
    label or pair and in an order of their own, ``target`` (B, 28, 28).
    """

    fields = ("image", "label", "target")
    n_probe = 500

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Domains:
        """The pack ``name`` as the source, MNIST's training digits as the target; tested on the source's test side."""
        from engines import data

        source = LabelledColourImages.load(name, n=n)
        target = data.load("mnist").x
        about = {**source.about, "target": f"mnist, {len(target):,} digits"}
        return cls({**source.train, "target": target}, source.test, about=about, sha256=source.sha256)

    def __len__(self) -> int:
        return len(self.train["image"])

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        target = self.train["target"]
        drawn = batch_rows(step, n_rows=len(target), batch_size=batch_size, seed=seed + 1)
        own = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed)
        source = {key: self.train[key][own.to(target.device)] for key in ("image", "label")}
        return source | {"target": target[drawn.to(target.device)]}


class DTN(learning.Learner):
    """Learns from `Domains`; without data it translates only."""

    name: ClassVar[str] = "dtn"
    Config: ClassVar[type] = DTNConfig
    learns_from = Domains
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        players = {"f": Content(config.n_features), "g": Generator(config.channels, config.n_features)}
        if config.adversarial:
            players["D"] = Discriminator(config.channels)
        return nn.ModuleDict(players)

    def start(self, network: Any) -> nn.Module:
        for player in ("g", "D"):  # as DCGAN, which g and D follow
            if player in network:
                learning.start_small(self, network[player])
        return network

    @property
    def phase_starts(self) -> tuple[int, ...]:
        """f's first step and g's: a film shows the beginning of both."""
        return 0, -(-self.config.f_steps // self.config.batches_per_step)

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A batch for f while it learns; afterwards a step of D on L_D and a step of g on L_G."""
        config, x = self.config, self.colour(batch["image"])
        if self.iteration < config.f_steps:
            loss = F.cross_entropy(self.network["f"].head(self.learners["f"](x)), batch["label"].long())
            self.descend(loss, "f")
            return {"f_loss": loss}

        g, D = self.learners["g"], self.learners.get("D")
        t = self.grey(batch["target"])
        with self.held("f") as f:
            f.eval()  # frozen: its normalisation too
            f_x, f_t = f(x), f(triple(t))
            from_x, from_t = g(f_x), g(f_t)
            const = F.mse_loss(f(triple(from_x)), f_x)
        tid = F.mse_loss(from_t, t)
        tv = (total_variation(from_x) + total_variation(from_t)) / 2
        loss = config.alpha * const + config.beta * tid + config.gamma * tv
        said = {"const": const, "tid": tid, "tv": tv}
        if D is not None:
            d_loss = (
                answer(D(from_x.detach()), FROM_SOURCE) + answer(D(from_t.detach()), FROM_TARGET) + answer(D(t), REAL)
            )
            self.descend(d_loss, "D")
            with self.held("D") as judge:
                gang = answer(judge(from_x), REAL) + answer(judge(from_t), REAL)
            loss = loss + gang
            said |= {"gang": gang, "d_loss": d_loss}
        self.descend(loss, "g")
        return said

    def learning_rate_of(self, player: str) -> float:
        return self.config.f_learning_rate if player == "f" else self.config.learning_rate

    def colour(self, images: Any) -> Tensor:
        """Source images (B, 32, 32, 3), bytes or 0..1, as f takes them: (B, 3, 32, 32) in -1..1."""
        return learning.pixels_of(images, SIDE, self.device)

    def grey(self, images: Any) -> Tensor:
        """Target images (B, 28, 28), bytes or 0..1, with a black margin: (B, 1, 32, 32) in -1..1."""
        x = learning.greys_of(images, 28, self.device)
        return F.pad(x, (2, 2, 2, 2), value=-1.0)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(self, x: Any) -> Tensor:
        """G = g o f of source images (B, 32, 32, 3), bytes or 0..1: (B, 32, 32) in 0..1."""
        return self._drawn(self.network["f"](self.colour(x)))

    @torch.no_grad()
    def features(self, x: Any) -> tuple[Tensor, Tensor]:
        """f(x) and f(G(x)) of source images: (B, F) each, in -1..1."""
        f_x = self.network["f"](self.colour(x))
        return f_x, self.network["f"](triple(2 * self._drawn(f_x)[:, None] - 1))

    @torch.no_grad()
    def named(self, features: Any) -> Tensor:
        """What f's own last layer makes of features (B, F): p(digit), (B, 10)."""
        return self.network["f"].head(features).softmax(dim=1)

    def _drawn(self, features: Tensor) -> Tensor:
        return (self.network["g"](features)[:, 0] + 1) / 2

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """By the classifier that ships for MNIST and never saw a source image, on test images, ``image`` and ``label``,
        of type families not learned from: ``accuracy`` over their translations, ``untranslated`` over their grey
        levels, ``f`` that of f itself on the images; ``clear``, the share of translations with one digit at 0.9 or
        more, and ``clear_noise``, the same for images of uniform noise; ``const``, L_CONST.
        """
        by, known, images = classifier.shipped("mnist", str(self.device)), test["label"].cpu().long(), test["image"]
        made, own, const = [], [], []
        for part in images.split(500):
            f_x, f_made = self.features(part)
            made.append(self._drawn(f_x).cpu())
            own.append(self.named(f_x).argmax(dim=1).cpu())
            const.append(((f_x - f_made) ** 2).mean(dim=1).cpu())
        levels = (self.colour(images).mean(dim=1).cpu() + 1) / 2
        noise = torch.rand(1_000, 784, generator=learning.stream(self.config.seed, 2))
        p_made, p_plain, p_noise = (by.log_posterior(x).exp().cpu() for x in (cut(torch.cat(made)), cut(levels), noise))

        def right(p: Tensor) -> np.ndarray:
            return (p.argmax(dim=1) == known).double().numpy()

        def clear(p: Tensor) -> np.ndarray:
            return (p.max(dim=1).values >= SURE).double().numpy()

        return {
            **named("accuracy", right(p_made)),
            **named("untranslated", right(p_plain)),
            **named("f", (torch.cat(own) == known).double().numpy()),
            **named("clear", clear(p_made)),
            **named("clear_noise", clear(p_noise)),
            **named("const", torch.cat(const).double().numpy()),
        }

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made`` (24, 32, 32) bytes from the same test images at every step; ``accuracy`` of the MNIST classifier
        over the translations of all images to watch.
        """
        made = self.translate(self.data.probe["image"])
        read = classifier.read("mnist", cut(made), self.device)
        right = read == self.data.probe["label"].cpu()
        return self.framed({"accuracy": float(right.double().mean())}, made=learning.to_bytes(made[:SHOWN]))


def triple(grey: Tensor) -> Tensor:
    """(B, 1, 32, 32) as red, green and blue."""
    return grey.expand(-1, 3, -1, -1)


def cut(images: Tensor) -> Tensor:
    """The inner 28 x 28 pixels, flat: (N, 32, 32) -> (N, 784)."""
    return images[:, 2:30, 2:30].reshape(len(images), 784)
