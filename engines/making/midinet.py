r"""MidiNet: a melody bar by bar, each made by a convolutional GAN that sees the bar before. Yang, Chou & Yang 2017
(arXiv:1703.10847), on bars of 16 steps from old fiddle tunes.

    min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))]                         G minimises -log D(G(z))
    + \lambda_1 / 2 |E[x] - E[G(z)]|^2 + \lambda_2 / 2 |E[f(x)] - E[f(G(z))]|^2             feature matching

f is D's first convolution; the expectations are over a batch, the squares are summed over cells and features. The bar
before enters G through a *conditioner* CNN that runs the other way, its maps laid beside G's at every width. A *chord*
of 13 numbers (one of 12 roots, and 1 where it is minor) is laid beside every layer of G and D. \lambda_1 = 0.01 and
\lambda_2 = 0.1 are the authors' code's (github.com/RichardYang40148/MidiNet, v1/model.py).

What does not link bars, and what does. All (transposed) convolutions over time have width and stride 2, so the first
half of a bar sees the first half of the bar before and never its end; and D is shown one bar, so nothing asks G for a
link. So here, beyond the paper: the conditioner goes on to width 1, and that map joins z (``joined``); D sees the bar
before in front of the bar, as two bars in a row (``judges_both``), which the authors name as a possibility; its
gradient at true bars is penalised, \gamma / 2 |\nabla D|^2 (R1, Mescheder et al. 2018, eq. 9); what is played is an
average of G's weights (``average``). The variant "paper" takes the first three away.

Other departures: 32 pitches instead of 128, and a row of onsets, which the paper's matrix does not have; width; no
batch normalisation in D and no smoothed labels; one step of G a batch; old tunes instead of pop songs; chords estimated
from the melody. G's cells are sigmoids while it learns, as in the authors' code; of each step the largest is played.
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
from engines.making import bars
from engines.making.bars import PITCHES, STEPS
from engines.material import Bars, Fields

ROWS = PITCHES + 1  # and the onsets
SHOWN, LONG = 4, 8  # melodies of a frame, bars of each

VARIANTS: dict[str, dict[str, Any]] = {  # all trained alike
    "": {},
    "paper": {"joined": False, "judges_both": False, "r1_weight": 0.0},
    "not-joined": {"joined": False},
    "no-previous": {"previous": False, "joined": False, "judges_both": False},
    "no-matching": {"mean_weight": 0.0, "feature_weight": 0.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MidiNetConfig(learning.LearnerConfig):
    latent_dim: int = 100
    channels: int = 32
    previous: bool = True  # G sees the bar before, through the conditioner
    joined: bool = True  # all of it at once as well, beside z
    judges_both: bool = True  # D sees the bar before too
    mean_weight: float = 0.01  # \lambda_1
    feature_weight: float = 0.1  # \lambda_2
    r1_weight: float = 1.0  # \gamma
    average: float = 0.995
    learning_rate: float = 5e-4
    beta1: float = 0.5
    batch_size: int = 72
    n_steps: int = 6_000

    def __post_init__(self) -> None:
        learning.check(
            self, latent_dim=(1, 1024), channels=(1, 256), mean_weight=(0, 100), feature_weight=(0, 100),
            r1_weight=(0, 1000), average=(0, 0.9999), batch_size=(2, 4096), n_steps=(1, 10**7),
        )  # fmt: skip
        if self.joined and not self.previous:
            raise ValueError("joined needs previous: without the conditioner there is nothing to join")


class Conditioner(nn.Module):
    """The bar before as maps of widths 16, 8, 4, 2 and, where it is joined, 1: (B, 33, 16) -> (B, C, width) each."""

    def __init__(self, c: int, *, joined: bool) -> None:
        super().__init__()
        first = nn.Conv1d(ROWS, c, 1)  # all pitches of a step at once
        halves = [nn.Conv1d(c, c, 2, stride=2) for _ in range(4 if joined else 3)]
        layers = (nn.Sequential(conv, nn.BatchNorm1d(c), nn.LeakyReLU(0.2)) for conv in (first, *halves))
        self.layers = nn.ModuleList(layers)

    def forward(self, bar: Tensor) -> dict[int, Tensor]:
        maps = {}
        for layer in self.layers:
            bar = layer(bar)
            maps[bar.shape[2]] = bar
        return maps


class Generator(nn.Module):
    """z (B, Z), the bar before (B, 33, 16) and a chord (B, 13) -> cells in 0..1 (B, 33, 16)."""

    def __init__(self, config: MidiNetConfig) -> None:
        super().__init__()
        c = config.channels
        self.conditioner = Conditioner(c, joined=config.joined) if config.previous else None
        beside = 13 + (c if config.previous else 0)
        self.start = nn.Sequential(
            nn.Linear(config.latent_dim + 13 + (c if config.joined else 0), 8 * c), nn.BatchNorm1d(8 * c), nn.ReLU(),
            nn.Linear(8 * c, 4 * c), nn.BatchNorm1d(4 * c), nn.ReLU(), nn.Unflatten(1, (2 * c, 2)),
        )  # fmt: skip
        self.doubles = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose1d(2 * c + beside, 2 * c, 2, stride=2), nn.BatchNorm1d(2 * c), nn.ReLU())
            for _ in range(3)
        )
        self.out = nn.ConvTranspose1d(2 * c + beside, ROWS, 1)  # every step's pitches at once

    def forward(self, z: Tensor, bar: Tensor, chord: Tensor, other: Tensor | None = None, steer: float = 1.0) -> Tensor:
        """``steer`` mixes the conditioner's maps: 1 those of ``bar``, 0 those of the ``other`` bar."""
        maps = {} if self.conditioner is None else self.conditioner(bar)
        if maps and other is not None and self.conditioner is not None:
            away = self.conditioner(other)
            maps = {width: away[width] + steer * (seen - away[width]) for width, seen in maps.items()}
        joined = [maps[1].flatten(1)] if 1 in maps else []
        h = self.start(torch.cat([z, chord, *joined], dim=1))  # (B, 2 C, 2)
        for layer in (*self.doubles, self.out):
            width = h.shape[2]
            h = layer(torch.cat([h, *([maps[width]] if maps else []), tiled(chord, width)], dim=1))
        return h.sigmoid()


class Discriminator(nn.Module):
    """Cells (B, 33, T) and a chord (B, 13) -> the logit of "real" (B,) and f, the first convolution (B, C, T / 2).

    T is 16, or 32 where the bar before stands in front: filters of 4 steps then reach over the bar line.
    """

    def __init__(self, config: MidiNetConfig) -> None:
        super().__init__()
        c, steps = config.channels, STEPS * (2 if config.judges_both else 1)
        self.first = nn.Sequential(nn.Conv1d(ROWS, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2))
        self.second = nn.Sequential(nn.Conv1d(c + 13, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Flatten())
        self.dense = nn.Sequential(nn.Linear(2 * c * steps // 4 + 13, 8 * c), nn.LeakyReLU(0.2))
        self.judge = nn.Linear(8 * c + 13, 1)

    def forward(self, x: Tensor, chord: Tensor) -> tuple[Tensor, Tensor]:
        f = self.first(x)
        h = self.second(torch.cat([f, tiled(chord, f.shape[2])], dim=1))
        h = self.dense(torch.cat([h, chord], dim=1))
        return self.judge(torch.cat([h, chord], dim=1))[:, 0], f


def tiled(chord: Tensor, width: int) -> Tensor:
    """A chord (B, 13) at every step: (B, 13, width)."""
    return chord[:, :, None].expand(-1, -1, width)


def cells(pitch: Any, onset: Any) -> Tensor:
    """Rows of pitches 0..31 and onsets (N, 16) -> cells of 0 and 1 (N, 33, 16)."""
    rows, starts = (torch.as_tensor(np.array(x) if isinstance(x, np.ndarray) else x) for x in (pitch, onset))
    held = F.one_hot(rows.long(), PITCHES).transpose(1, 2)  # (N, 32, 16)
    return torch.cat([held, starts.long()[:, None]], dim=1).float()


def played(made: Tensor) -> tuple[Tensor, Tensor]:
    """Cells in 0..1 (N, 33, 16) -> each step's largest pitch and where a note starts, (N, 16) uint8 each.

    A note starts where the onset's cell is above 1/2, where the pitch changes, and at the first step.
    """
    pitch, onset = made[:, :PITCHES].argmax(dim=1), made[:, PITCHES] > 0.5
    onset[:, 1:] |= pitch[:, 1:] != pitch[:, :-1]
    onset[:, 0] = True
    return pitch.to(torch.uint8), onset.to(torch.uint8)


class MidiNet(learning.Learner):
    """Learns from bars, the bar before each and its chord; without data it composes only."""

    name: ClassVar[str] = "midinet"
    Config: ClassVar[type] = MidiNetConfig
    learns_from: ClassVar[type[Bars]] = Bars
    VARIANTS = VARIANTS

    def make(self) -> nn.Module:
        config = self.config
        return nn.ModuleDict({"G": Generator(config), "D": Discriminator(config), "mean": Generator(config)})

    def start(self, network: nn.Module) -> nn.Module:
        network["mean"].load_state_dict(network["G"].state_dict())  # type: ignore[index]
        return network

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D, then one of G, whose average follows."""
        x, before, chord = cells(batch["pitch"], batch["onset"]), self.before(batch), batch["cond"].float()
        z = self.shared(torch.randn(self.n_batch, self.config.latent_dim, generator=self.rng))
        made = self.learners["G"](z, before, chord)
        d_loss, said_d = self.loss_of_d(x, made.detach(), before, chord)
        self.descend(d_loss, "D")
        g_loss, said_g = self.loss_of_g(x, made, before, chord)
        self.descend(g_loss, "G")
        now = self.network["G"].state_dict()
        for key, mean in self.network["mean"].state_dict().items():
            mean.lerp_(now[key], 1 - self.config.average) if mean.is_floating_point() else mean.copy_(now[key])
        return said_d | said_g

    def loss_of_d(self, x: Tensor, made: Tensor, before: Tensor, chord: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-log D(x) - log(1 - D(G(z))), and R1 at the true bars."""
        D, weight = self.learners["D"], self.config.r1_weight
        seen = self.beside(before, x).detach().requires_grad_(weight > 0)
        real, fake = D(seen, chord)[0], D(self.beside(before, made), chord)[0]
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        said = {"d_loss": loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}
        if weight:
            (slope,) = torch.autograd.grad(real.sum(), seen, create_graph=True)
            said["r1"] = slope.square().sum(dim=(1, 2)).mean() / 2
            loss = loss + weight * said["r1"]
        return loss, said

    def loss_of_g(self, x: Tensor, made: Tensor, before: Tensor, chord: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-log D(G(z)), and feature matching."""
        with self.held("D") as judge:
            fake, f_made = judge(self.beside(before, made), chord)
            _, f_true = judge(self.beside(before, x), chord)
        gan, mean, feature = F.softplus(-fake).mean(), apart(x, made), apart(f_true, f_made)
        loss = gan + self.config.mean_weight * mean + self.config.feature_weight * feature
        return loss, {"gan": gan, "mean": mean, "feature": feature}

    def before(self, rows: Fields) -> Tensor:
        return cells(rows["before"], rows["before_onset"])

    def beside(self, before: Tensor, x: Tensor) -> Tensor:
        """What D looks at: two bars in a row (B, 33, 32), or the bar alone."""
        return torch.cat([before, x], dim=2) if self.config.judges_both else x

    # -- the model -------------------------------------------------------------------------------------

    @torch.no_grad()
    def follow(self, before: Any, chord: np.ndarray, z: Any, *, other: Any = None, steer: float = 1.0) -> Any:
        """The bar after each (N, 33, 16), to chords (N, 13), from noise (N, Z): pitches and onsets (N, 16)."""
        z, before, other = (None if part is None else part.to(self.device) for part in (z, before, other))
        told = torch.tensor(chord, dtype=torch.float32, device=self.device)
        made = self.network["mean"](z, before, told, other, steer)
        return tuple(part.cpu().numpy() for part in played(made))

    def compose(
        self, pitch: Any, onset: Any, chords: Any, *, generator: torch.Generator, others: Any = None, steer: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bars to chords (N, L, 13), each after the one before, the first after (N, 16): pitches, onsets (N, L, 16).

        ``others``, cells (L, 33, 16), are the bars that ``steer`` < 1 mixes in.
        """
        made = []
        for i in range(chords.shape[1]):
            z = torch.randn(len(chords), self.config.latent_dim, generator=generator)
            other = None if others is None else others[i : i + 1].expand(len(chords), -1, -1)
            pitch, onset = self.follow(cells(pitch, onset), chords[:, i], z, other=other, steer=steer)
            made.append((pitch, onset))
        return tuple(np.stack(part, axis=1) for part in zip(*made, strict=True))  # type: ignore[return-value]

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """`bars.measured` of bars made after the true bar before each test bar, to its chord; of true ones ("_true")
        and the n-gram's ("_ngram"), with 95 % intervals over tunes. And ``leap_shuffled``, where G was shown a bar of
        another tune, ``gain``, by how much that is worse, ``leap_chance``, of true bars after a bar of another tune,
        and ``chord_shuffled``, on the bar's chord where G was told another.
        """
        rows = {key: value.cpu().numpy() for key, value in test.items()}
        n, before, tune = len(rows["pitch"]), self.before(test), rows["tune"]
        z = torch.randn(n, self.config.latent_dim, generator=learning.stream(self.config.seed, 2))
        made, blind = self.follow(before, rows["cond"], z), self.follow(before.roll(n // 2, dims=0), rows["cond"], z)
        astray, _ = self.follow(before, np.roll(rows["cond"], n // 2, axis=0), z)
        leap, lost = bars.leaps(rows["before"], made[0]), bars.leaps(rows["before"], blind[0])
        other = np.roll(rows["before"], n // 2, axis=0)
        result = {
            **bars.measured(made[0], made[1], rows), **bars.measured(rows["pitch"], rows["onset"], rows, "_true"),
            **bars.over("leap_shuffled", lost, tune), **bars.over("gain", lost - leap, tune),
            **bars.over("leap_chance", bars.leaps(other, rows["pitch"]), tune),
            **bars.over("chord_shuffled", bars.on_chord(astray, rows["cond"]), tune),
        }  # fmt: skip
        if self.data is not None:
            train = {key: value.cpu().numpy() for key, value in self.data.train.items()}
            pitch, onset = bars.drawn_after(train, rows)
            result |= bars.measured(pitch, onset, rows, "_ngram")
        return result

    # -- what a viewer sees ----------------------------------------------------------------------------

    def picture(self) -> Frame:
        """``pitch`` and ``onset`` (4, 8, 16): melodies after the first test bars, to their chords, from the same noise
        at every step; ``test_leap`` and ``test_key`` over the test bars to watch.
        """
        probe = {key: value.cpu().numpy() for key, value in self.data.probe.items()}
        chords, draw = np.resize(probe["cond"], (SHOWN, LONG, 13)), learning.stream(self.config.seed, 1)
        first = probe["before"][:SHOWN], probe["before_onset"][:SHOWN]
        pitch, onset = self.compose(*first, chords, generator=draw)
        z = torch.randn(len(probe["cond"]), self.config.latent_dim, generator=learning.stream(self.config.seed, 3))
        made, _ = self.follow(cells(probe["before"], probe["before_onset"]), probe["cond"], z)
        leap, key = bars.leaps(probe["before"], made).mean(), bars.in_key(made).mean()
        return self.framed({"test_leap": float(leap), "test_key": float(key)}, pitch=pitch, onset=onset)


def apart(a: Tensor, b: Tensor) -> Tensor:
    """|E[a] - E[b]|^2 / 2 over two batches (B, ...)."""
    return (a.mean(dim=0) - b.mean(dim=0)).square().sum() / 2
