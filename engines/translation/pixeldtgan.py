r"""PixelDTGAN: pixel-level domain transfer. Yoo, Kim, Park, Paek & Kweon 2016 (arXiv:1603.07442).

A source I_S (a dressed figure) becomes a target I_T (its upper garment alone), another thing in another place:

    \hat I_T = C(I_S | \Theta^C)                                                           eq. 3, the converter

    L_R(I)      = -t log D_R(I) + (t - 1) log(1 - D_R(I))                                  section 4.2, real or fake
                  t = 1: I is a garment that exists, I_T or I_T^-;  0: I is \hat I_T
    L_A(I_S, I) = -t log D_A(I_S, I) + (t - 1) log(1 - D_A(I_S, I))                        section 4.2, the pair
                  t = 1: I is I_T, the pair is associated;  0: I is I_T^-, not associated;  0: I is \hat I_T, generated
    D_R, D_A minimise L_R, L_A over I drawn evenly from {I_T, \hat I_T, I_T^-}             section 4.3
    C maximises (L_R(\hat I_T) + L_A(I_S, \hat I_T)) / 2

I_T^- is the garment of somebody else. C encodes the figure into 64 numbers by five convolutions and decodes them by
five; nothing asks for the true garment's pixels, as L_MSE = ||C(I_S) - I_T||^2 would (section 4.1, a variant here).

Departures: drawn figures of a game instead of photos, 3,000 instead of about 75,000; few channels, fewer in the
discriminators, which also learn at half of C's rate; C minimises -log D instead of maximising -log(1 - D), as GANs
do since Goodfellow et al. 2014; Adam with DCGAN's beta_1; both discriminators normalise over each image instead of over
the batch, so that a pair is judged the same alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields, Rows, batch_rows, checked
from engines.maths.intervals import named
from engines.maths.ssim import ssim

SIDE = 64
CODE = 64  # numbers between encoder and decoder
SHOWN = 8  # test figures that a frame undresses

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 12, "d_channels": 8, "n_steps": 5_000}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-domain": {**_SMALL, "domain": False},
    "no-real-fake": {**_SMALL, "real_fake": False},
    "mse": {**_SMALL, "domain": False, "real_fake": False, "mse_weight": 1.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDTGANConfig(learning.LearnerConfig):
    channels: int = 16  # of C's layers next to the image
    d_channels: int = 10  # of D_R's and D_A's
    real_fake: bool = True  # D_R
    domain: bool = True  # D_A
    mse_weight: float = 0.0
    learning_rate: float = 4e-4  # of C
    d_learning_rate: float = 2e-4
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 16
    n_steps: int = 7_500

    def __post_init__(self) -> None:
        learning.check(
            self,
            channels=(1, 512),
            d_channels=(1, 512),
            d_learning_rate=(1e-9, 1),
            mse_weight=(0, 1000),
            batch_size=(2, 1024),
            n_steps=(1, 10**7),
        )
        if not (self.real_fake or self.domain or self.mse_weight):
            raise ValueError("nothing is left to learn by: keep real_fake, domain, or an mse_weight above 0")


class Converter(nn.Module):
    """Five convolutions to a code, five back: (B, 3, 64, 64) in -1..1 -> (B, 3, 64, 64) in -1..1."""

    def __init__(self, c: int) -> None:
        super().__init__()
        down, up = [3, c, 2 * c, 4 * c, 8 * c, CODE], [CODE, 8 * c, 4 * c, 2 * c, c, 3]
        layers: list[nn.Module] = []
        for i in range(5):  # sides 32, 16, 8, 4, 1
            stride, padding = (2, 1) if i < 4 else (1, 0)
            layers += [nn.Conv2d(down[i], down[i + 1], 4, stride=stride, padding=padding, bias=i == 0)]
            layers += [*([nn.BatchNorm2d(down[i + 1])] if i else []), nn.LeakyReLU(0.2)]
        for i in range(5):  # sides 4, 8, 16, 32, 64
            stride, padding = (2, 1) if i else (1, 0)
            layers += [nn.ConvTranspose2d(up[i], up[i + 1], 4, stride=stride, padding=padding, bias=i == 4)]
            layers += [nn.Tanh()] if i == 4 else [nn.BatchNorm2d(up[i + 1]), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, source: Tensor) -> Tensor:
        return self.layers(source)


class Discriminator(nn.Module):
    """One logit an input: D_R of a target (B, 3, 64, 64), D_A of a source and a target above each other (B, 6, ...)."""

    def __init__(self, c: int, n_in: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(n_in, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for k in (c, 2 * c, 4 * c):
            layers += [nn.Conv2d(k, 2 * k, 4, stride=2, padding=1, bias=False), nn.GroupNorm(1, 2 * k)]
            layers += [nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * c, 1, 4), nn.Flatten(0))

    def forward(self, *images: Tensor) -> Tensor:
        return self.layers(torch.cat(images, dim=1))


class Dressed(Rows):
    """Figures and garments of the pack: ``figure`` and ``product`` (B, 64, 64, 3) uint8, row by row; ``garment``
    (B,) says which of the 80 upper garments it is, ``new`` (B,) whether nobody wore it in training.

    A batch adds ``other`` (B, 64, 64, 3): for each row a garment that somebody else wore in training.
    """

    fields = ("figure", "product", "garment")

    def __init__(self, train: Any, test: Any = None, **about: Any) -> None:
        super().__init__(train, test, **about)
        # Of a garment one row is enough: all rows of it hold the same picture.
        self.worn = {int(g): i for i, g in reversed(list(enumerate(self.train["garment"].tolist())))}
        if len(self.worn) < 2:
            raise ValueError(f"a pair that does not belong together needs two garments, got {len(self.worn)}")
        every = max(1, len(self.test["garment"]) // self.n_probe)
        self.probe = {key: value[::every][: self.n_probe] for key, value in self.test.items()}

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Dressed:
        from engines.data import zoo

        pack = zoo.load(name)
        rows = pack.rows("train")
        sides = []
        for at in (rows[: checked(n, len(rows), name)], pack.rows("test")):
            sex, chest = (pack.take(key, at).astype(np.int64) for key in ("sex", "chest"))
            new = np.isin(chest, pack.text("names")["held_out"]["chest"])
            sides.append({"figure": pack.take("figure", at), "product": pack["product_chest"][sex, chest],
                          "garment": 40 * sex + chest, "new": new})  # fmt: skip
        about = {"split": "the pack's own, by outfit", "n_train": len(sides[0]["new"]), "n_test": len(sides[1]["new"])}
        return cls(*sides, about=about, sha256=pack.sha256)

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        rows = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed)
        garments, places = list(self.worn), {g: i for i, g in enumerate(self.worn)}
        own = torch.tensor([places[g] for g in self.train["garment"][rows].tolist()])
        draw = torch.Generator().manual_seed(1_000_003 * (seed + 1) + step)
        away = torch.randint(1, len(garments), own.shape, generator=draw)  # never its own
        other = torch.tensor([self.worn[garments[i]] for i in ((own + away) % len(garments)).tolist()])
        batch = {key: self.train[key][rows.to(self.train[key].device)] for key in ("figure", "product")}
        return batch | {"other": self.train["product"][other.to(self.train["product"].device)]}


class PixelDTGAN(learning.Learner):
    """Learns from `Dressed`; without data it converts only."""

    name: ClassVar[str] = "pixeldtgan"
    Config: ClassVar[type] = PixelDTGANConfig
    learns_from = Dressed
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        players: dict[str, nn.Module] = {"C": Converter(config.channels)}
        if config.real_fake:
            players["D_R"] = Discriminator(config.d_channels, 3)
        if config.domain:
            players["D_A"] = Discriminator(config.d_channels, 6)
        return nn.ModuleDict(players)

    def learning_rate_of(self, player: str) -> float:
        return self.config.learning_rate if player == "C" else self.config.d_learning_rate

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D_R and one of D_A on the three kinds of targets, then one of C."""
        C, D_R, D_A = self.learners["C"], self.learners.get("D_R"), self.learners.get("D_A")
        source, target, other = (self.levels(batch[key]) for key in ("figure", "product", "other"))
        made = C(source)
        mse = F.mse_loss(made, target)
        loss, said = self.config.mse_weight * mse, {"rmse": 127.5 * mse.sqrt()}
        if D_R is not None:
            real, real_other, fake = D_R(target), D_R(other), D_R(made.detach())
            r_loss = (says(real, True) + says(real_other, True) + says(fake, False)) / 3
            self.descend(r_loss, "D_R")
            with self.held("D_R") as judge:
                gan_r = says(judge(made), True)
            loss = loss + gan_r / 2
            said |= {"gan_r": gan_r, "r_loss": r_loss, "r_real": mean(real, real_other), "r_fake": mean(fake)}
        if D_A is not None:
            associated, not_associated = D_A(source, target), D_A(source, other)
            generated = D_A(source, made.detach())
            a_loss = (says(associated, True) + says(not_associated, False) + says(generated, False)) / 3
            self.descend(a_loss, "D_A")
            with self.held("D_A") as judge:
                gan_a = says(judge(source, made), True)
            loss = loss + gan_a / 2
            said |= {"gan_a": gan_a, "a_loss": a_loss, "associated": mean(associated)}
            said |= {"not_associated": mean(not_associated), "generated": mean(generated)}
        self.descend(loss, "C")
        return said

    def levels(self, images: Any) -> Tensor:
        """Images (B, 64, 64, 3), bytes or 0..1, as the networks take them: (B, 3, 64, 64) in -1..1."""
        return learning.pixels_of(images, SIDE, self.device)

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def convert(self, figures: Any) -> Tensor:
        """C of figures (B, 64, 64, 3), bytes or 0..1: the garments it predicts, (B, 64, 64, 3) in 0..1."""
        return (self.network["C"](self.levels(figures)).permute(0, 2, 3, 1) + 1) / 2

    @torch.no_grad()
    def associated(self, figures: Any, garments: Any) -> Tensor:
        """D_A's logit, log p / (1 - p), that a figure and a garment belong together, (B, 64, 64, 3) each: (B,)."""
        return self.network["D_A"](self.levels(figures), self.levels(garments))

    @torch.no_grad()
    def real(self, garments: Any) -> Tensor:
        """D_R's logit that a garment (B, 64, 64, 3) is real: (B,)."""
        return self.network["D_R"](self.levels(garments))

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Measures over test figures, ``figure``, ``product``, ``garment`` and ``new``, with 95 % intervals:

        ``rmse`` between predicted and true garment, of each image, in levels of 255, and ``ssim``; the same where the
        figure itself (``_copy``), another test figure's garment (``_other``) or the mean of the training garments
        (``_mean``) stands in for the prediction; ``rmse_new`` and ``ssim_new`` over garments nobody wore in training;
        ``named``: the share of predictions whose nearest of all the garments there are is the true one (``named_new``);
        ``prefers``: how often D_A finds a garment likelier beside its own figure than beside another test figure in
        another garment (``prefers_new``), half by chance; ``objects``: how often beside its own than another garment.
        """
        figures, true = test["figure"].cpu(), test["product"].cpu()
        garment, new = test["garment"].cpu(), test["new"].cpu().numpy().astype(bool)
        away = elsewhere(garment)
        made = torch.cat([self.convert(part).cpu() for part in figures.split(100)])
        result: dict[str, float] = {}

        def compared(end: str, guess: Tensor) -> None:
            off, alike = rmse(guess, true / 255).numpy(), torch.cat(
                [ssim(a, b / 255) for a, b in zip(guess.split(100), true.split(100), strict=True)]).numpy()  # fmt: skip
            result.update({**named(f"rmse{end}", off), **named(f"ssim{end}", alike)})
            if not end and new.any():
                result.update({**named("rmse_new", off[new]), **named("ssim_new", alike[new])})

        compared("", made)
        compared("_copy", figures / 255)
        compared("_other", true[away] / 255)
        if self.data is not None:
            every = self.data.train["product"].cpu().to(torch.float32) / 255
            compared("_mean", every.mean(dim=0).expand_as(made))
        each = torch.stack([true[(garment == g).nonzero()[0, 0]] for g in garment.unique()]) / 255
        nearest = torch.cdist(made.flatten(1), each.flatten(1)).argmin(dim=1)
        right = (garment.unique()[nearest] == garment).double().numpy()
        result |= {**named("named", right), "garments": float(len(each))}
        if new.any():
            result |= named("named_new", right[new])
        if "D_A" in self.network:
            own, swapped, exchanged = (
                torch.cat([self.associated(*pair).cpu() for pair in zip(a.split(100), b.split(100), strict=True)])
                for a, b in ((figures, true), (figures[away], true), (figures, true[away]))
            )
            prefers = (own > swapped).double().numpy()
            result |= {**named("prefers", prefers), **named("objects", (own > exchanged).double().numpy())}
            if new.any():
                result |= named("prefers_new", prefers[new])
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``made``: the garments of `watched` test figures, the bytes of a WebP picture (`engines.data.webp`);
        ``test_rmse`` and ``test_ssim`` over all of those, ``test_prefers`` as in `evaluate`.
        """
        probe = self.data.probe
        made, true = self.convert(probe["figure"]).cpu(), probe["product"].cpu() / 255
        scalars = {"test_rmse": float(rmse(made, true).mean()), "test_ssim": float(ssim(made, true).mean())}
        if "D_A" in self.network:
            away = elsewhere(probe["garment"].cpu())
            own, swapped = (
                self.associated(figures, probe["product"]) for figures in (probe["figure"], probe["figure"][away])
            )
            scalars["test_prefers"] = float((own > swapped).double().mean())
        return self.framed(scalars, made=webp.pack(learning.to_bytes(watched(made)).numpy()))


def says(logits: Tensor, t: bool) -> Tensor:
    """-t log D + (t - 1) log(1 - D), the mean over logits (B,) of D."""
    return F.softplus(-logits if t else logits).mean()


def mean(*logits: Tensor) -> Tensor:
    """The mean probability."""
    return torch.cat(logits).sigmoid().mean()


def rmse(made: Tensor, true: Tensor) -> Tensor:
    """The root of each image's mean squared difference, in levels of 255: (N, 64, 64, 3) in 0..1 -> (N,)."""
    return 255 * (made - true).double().square().mean(dim=(1, 2, 3)).sqrt()


def watched(rows: Tensor) -> Tensor:
    """Those of the figures to watch that a frame shows, spread over them: (N, ...) -> (SHOWN, ...), fewer of few."""
    return rows[:: max(1, len(rows) // SHOWN)][:SHOWN]


def elsewhere(garment: Tensor) -> Tensor:
    """For each row another row that wears another garment, by a fixed rule: (N,) -> (N,). ValueError: all wear one."""
    n = len(garment)
    if bool((garment == garment[0]).all()):
        raise ValueError("another garment is needed to compare with: all of these figures wear the same")
    away = (torch.arange(n) + n // 2) % n
    while bool((same := garment[away] == garment).any()):
        away = torch.where(same, (away + 1) % n, away)
    return away
