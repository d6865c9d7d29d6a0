r"""Age-cGAN: a face at another age, and still the same person's. Antipov, Baccouche & Dugelay 2017 (arXiv:1702.01983).

x is a face, y its age as one of eight classes, z a code from N(0, I). First a conditional GAN learns faces by age; y
enters G at its input, and D behind its first layer:

    min_G max_D  E log D(x, y) + E log(1 - D(G(z, y'), y'))

Then an encoder learns to undo G from pairs that G has made, z and x = G(z, y), and gives the first guess of a new face:

    L_E = E|z - E(G(z, y))|^2,        z_0 = E(x)

From there z is searched for this one face, by L-BFGS, so that a network FR which tells people apart sees the same
person; beside it, so that the pixels agree. The face at another age is G(z*, y') with the z* that was found:

    z*_IP    = argmin_z |FR(x) - FR(G(z, y))|^2
    z*_pixel = argmin_z |x - G(z, y)|^2

FR is `age_judge`, learned on the training people and frozen. Whom a picture shows and how old it looks is judged by two
other ones of these, which take no part here.

Departures: 48 pixels and few channels; eight ages instead of six ranges; 250 rendered people. G is the mean of its
latest weights, as in Karras et al. 2018. G minimises -log D(G(z, y')). D sees each picture mirrored half of the time
and moved by up to three pixels, made ones too, so that it cannot know 2,000 pictures by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from engines import checkpoints, learning
from engines.data import webp
from engines.engine import Frame
from engines.material import Fields
from engines.people.ages import AGES, Ages, levels, pixels

if TYPE_CHECKING:
    from engines.people.age_judge import AgeJudge

SHIFT = 3  # pixels that D's view is moved by at most, each way
FOUND = ("codes", "hits", "read")
N_CODES = 3  # whose faces at all ages a film shows

_SMALL: dict[str, Any] = {"channels": 10, "n_steps": 1_200, "n_encoder": 200}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "no-age-in-d": {**_SMALL, "told": False},
    "short-code": {**_SMALL, "n_latent": 8},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeCGANConfig(learning.LearnerConfig):
    n_latent: int = 50  # numbers of z
    channels: int = 16
    told: bool = True  # D is told the age
    mean: float = 0.995  # how slowly the mean of G's weights follows
    learning_rate: float = 5e-4
    d_learning_rate: float = 3e-4
    e_learning_rate: float = 2e-3
    beta1: float = 0.5
    decay: bool = True
    batch_size: int = 16
    n_steps: int = 3_800  # of both
    n_encoder: int = 600  # the last of these, in which E learns

    def __post_init__(self) -> None:
        sizes = {"n_latent": (1, 1024), "channels": (1, 256), "batch_size": (2, 1024), "mean": (0, 1)}
        learning.check(self, n_steps=(1, 10**7), d_learning_rate=(1e-9, 1), e_learning_rate=(1e-9, 1), **sizes)
        if not 0 <= self.n_encoder < self.n_steps:
            raise ValueError(f"n_encoder must be from 0 to n_steps - 1 = {self.n_steps - 1}, got {self.n_encoder}")


class Generator(nn.Module):
    """A code (B, Z) and an age (B, 8) -> (B, 3, 48, 48) in -1..1."""

    def __init__(self, n_latent: int, c: int) -> None:
        super().__init__()
        self.start = nn.Sequential(
            nn.Linear(n_latent + len(AGES), 8 * c * 36, bias=False), nn.Unflatten(1, (8 * c, 6, 6))
        )
        self.layers = nn.Sequential(
            nn.BatchNorm2d(8 * c), nn.ReLU(),
            nn.ConvTranspose2d(8 * c, 4 * c, 4, stride=2, padding=1, bias=False),  # (B, 4 C, 12, 12)
            nn.BatchNorm2d(4 * c), nn.ReLU(),
            nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1, bias=False),  # (B, 2 C, 24, 24)
            nn.BatchNorm2d(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, 3, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.layers(self.start(torch.cat([z, y], dim=1)))


def halves(n_in: int, n_out: int, *, tracked: bool) -> list[nn.Module]:
    norm = nn.BatchNorm2d(n_out, track_running_stats=tracked)
    return [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False), norm, nn.LeakyReLU(0.2)]


class Discriminator(nn.Module):
    """(B, 3, 48, 48) and the age (B, 8) -> the logit of "real" (B,). The age joins the maps of the first layer."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2))
        self.rest = nn.Sequential(
            *halves(2 * c + len(AGES), 4 * c, tracked=False), *halves(4 * c, 8 * c, tracked=False),
            nn.Flatten(), nn.Linear(8 * c * 36, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        maps = self.first(x)
        return self.rest(torch.cat([maps, y[:, :, None, None].expand(-1, -1, *maps.shape[2:])], dim=1))[:, 0]


class Encoder(nn.Module):
    """(B, 3, 48, 48) -> the code (B, Z)."""

    def __init__(self, n_latent: int, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
            *halves(c, 2 * c, tracked=True), *halves(2 * c, 4 * c, tracked=True),
            nn.Flatten(), nn.Linear(4 * c * 36, 8 * c), nn.BatchNorm1d(8 * c), nn.LeakyReLU(0.2),
            nn.Linear(8 * c, n_latent),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class AgeCGAN(learning.Learner):
    """Learns from `Ages`; without data it encodes, searches and ages faces only."""

    name: ClassVar[str] = "age_cgan"
    Config: ClassVar[type] = AgeCGANConfig
    learns_from = Ages
    VARIANTS = VARIANTS
    training_state = (*learning.TRAINING_STATE, "mean.")

    def __init__(self, config: AgeCGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self.mean = {key: value.detach().clone() for key, value in self.network["G"].state_dict().items()}
        # What `evaluate` found, by way, test person and age given: the codes; and by age asked whether the person is
        # kept (nearest of all, near enough), and the years read off.
        self.codes, self.hits = torch.zeros(5, 0, 3, config.n_latent), torch.zeros(2, 5, 0, 3, len(AGES))
        self.read = torch.zeros(5, 0, 3, len(AGES))
        self.shown = torch.randn(N_CODES, config.n_latent, generator=learning.stream(config.seed, 1))

    def make(self) -> nn.Module:
        config = self.config
        return nn.ModuleDict({
            "G": Generator(config.n_latent, config.channels), "D": Discriminator(config.channels),
            "E": Encoder(config.n_latent, config.channels),
        })  # fmt: skip

    def start(self, network: Any) -> nn.Module:
        for player in ("G", "D"):
            learning.start_small(self, network[player])
        return network

    # -- learning --------------------------------------------------------------------------------------

    @property
    def phase_starts(self) -> tuple[int, ...]:
        """The batches at which the players, and then the encoder, begin to learn."""
        return (0, self.config.n_steps - self.config.n_encoder)

    @property
    def decayed(self) -> float:
        n_gan = self.phase_starts[1]
        if not self.config.decay:
            return 1.0
        if self.iteration < n_gan:
            return learning.cosine(self.iteration, n_gan)
        return learning.cosine(self.iteration - n_gan, max(1, self.config.n_encoder))

    def learning_rate_of(self, player: str) -> float:
        config = self.config
        return {"G": config.learning_rate, "D": config.d_learning_rate, "E": config.e_learning_rate}[player]

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        return self.play(batch) if self.iteration < self.phase_starts[1] else self.undo()

    def play(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D, then one of G: the conditional GAN."""
        G, D = self.learners["G"], self.learners["D"]
        x, y = pixels(batch["image"], self.device), self.said(batch["age"])
        flip = self.shared(torch.randint(0, 2, (self.n_batch,), generator=self.rng)) == 1
        x = torch.where(flip[:, None, None, None], x.flip(3), x)
        z, drawn = self.drawn()
        made = G(z, drawn)
        told = y if self.config.told else torch.zeros_like(y)
        claimed = drawn if self.config.told else torch.zeros_like(drawn)
        real, fake = D(self.moved(x), told), D(self.moved(made.detach()), claimed)
        d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        self.descend(d_loss, "D")
        with self.held("D") as judge:
            g_loss = F.softplus(-judge(self.moved(made), claimed)).mean()
        self.descend(g_loss, "G")
        self.follow()
        return {"d_loss": d_loss, "g_loss": g_loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}

    def undo(self) -> dict[str, Tensor]:
        """A step of E on L_E, with a batch that G has made."""
        z, y = self.drawn()
        with torch.no_grad():
            x = self.made(z, y)
        loss = (z - self.learners["E"](x)).square().mean()
        self.descend(loss, "E")
        return {"e_loss": loss}

    def drawn(self) -> tuple[Tensor, Tensor]:
        """Codes (B, Z) and ages (B, 8) for a batch."""
        z = torch.randn(self.n_batch, self.config.n_latent, generator=self.rng)
        age = torch.randint(0, len(AGES), (self.n_batch,), generator=self.rng)
        return self.shared(z), self.said(self.shared(age))

    def said(self, age: Any) -> Tensor:
        """Places in AGES (B,) as the networks are told them: (B, 8)."""
        return F.one_hot(torch.as_tensor(age, device=self.device).long(), len(AGES)).float()

    def moved(self, x: Tensor) -> Tensor:
        down, right = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=self.rng).tolist()
        return torch.roll(x, (down, right), dims=(2, 3))

    def follow(self) -> None:
        """The mean of G's weights follows; before E learns, it takes G's place."""
        for key, value in self.network["G"].state_dict().items():
            if value.is_floating_point():
                self.mean[key].lerp_(value, 1 - min(self.config.mean, (1 + self.iteration) / (10 + self.iteration)))
        if self.iteration + 1 == self.phase_starts[1]:
            self.network["G"].load_state_dict(self.mean)

    def made(self, z: Tensor, y: Tensor) -> Tensor:
        """G as it is used: the mean of its weights, normalised by what it has seen on average. Moves nothing."""
        G = self.network["G"]
        training = G.training
        if not training and self.iteration >= self.phase_starts[1]:
            return G(z, y)  # the mean already; others may be looking through it at this moment
        made = functional_call(G.eval(), self.mean, (z, y))
        G.train(training)
        return made

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def guess(self, images: Any) -> Tensor:
        """z_0 of pictures (B, 48, 48, 3), bytes or 0..1: (B, Z)."""
        return self.network["E"](pixels(images, self.device))

    @torch.no_grad()
    def face(self, z: Tensor, age: Any) -> Tensor:
        """Codes (B, Z) at ages, places in AGES (B,), -> pictures (B, 48, 48, 3) in 0..1."""
        parts = zip(z.split(200), self.said(age).split(200), strict=True)
        return levels(torch.cat([self.made(*part) for part in parts]))

    def ages_of(self, z: Tensor) -> Tensor:
        """Codes (B, Z) at every age: (B, 8, 48, 48, 3) in 0..1."""
        made = self.face(z.repeat_interleave(len(AGES), dim=0), torch.arange(len(AGES)).repeat(len(z)))
        return made.reshape(len(z), len(AGES), *made.shape[1:])

    def evaluate(self, test: Fields) -> dict[str, float]:
        """Over people never seen, each given at three ages, with 95 % intervals by person; WAY is how the code was
        found: ``guess``, ``pixels``, ``identity``, ``both`` or ``blind`` (both, from the code 0).

        ``kept_WAY``: how often, of all people's pictures at the age given, the nearest to the face made at another age
        is the same person's, by the `age_judge` called judge; chance is 1 in ``people``, ``kept_true`` that of true
        pictures at those ages. ``same_WAY``: how often it is nearer than 99 % of pairs of two people. ``_again_``: at
        the age given, where true pictures are mirrored. ``_over_``: one way less another, paired.
        ``spearman_WAY``: of the years read off by another network and those asked for, ``spearman_true`` of true
        pictures. ``psnr_WAY`` (dB) against the true picture at the age asked; floor: the training people's mean at that
        age; ``psnr_again_pixels_train``: people that G has learned. ``code_again``: correlation of z and E(G(z, y)).
        """
        from engines.people.age_measures import measure

        return measure(self, test)

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        probe = {key: value[: 8 * len(AGES) : 9] for key, value in self.data.probe.items()}
        true = probe["image"].cpu() / 255
        again = self.face(self.guess(probe["image"]), probe["age"]).cpu()
        decibels = -10 * (again - true).square().mean(dim=(1, 2, 3)).log10()
        made = self.ages_of(self.shown.to(self.device)).flatten(0, 1).cpu()
        packed = webp.pack(learning.to_bytes(torch.cat([made, again])).numpy(), quality=85)
        return self.framed({"test_psnr": float(decibels.mean())}, made=packed)

    def state_dict(self) -> dict[str, Any]:
        kept = {key: getattr(self, key).clone() for key in FOUND}
        return {**super().state_dict(), **kept, **{f"mean.{key}": value.clone() for key, value in self.mean.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        network = self.network["G"].state_dict()
        for key in FOUND:
            setattr(self, key, state.get(key, getattr(self, key)).clone())
        self.mean = {key: state.get(f"mean.{key}", value).to(self.device).clone() for key, value in network.items()}


def judge(variant: str, device: str) -> AgeJudge:
    """The shipped network FR (""), the ``judge`` of persons, or the one that reads the ``age``."""
    return checkpoints.teacher("age_judge", variant, device)
