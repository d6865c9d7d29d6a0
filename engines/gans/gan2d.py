r"""The two-player game on points in the plane: every step of Goodfellow et al. 2014, algorithm 1, to be watched.

    for d_steps:  draw a batch of data and of noise; the discriminator descends its loss
    for g_steps:  draw a batch of noise; the generator descends its loss            losses: engines/gans/objectives.py

Both networks are small multilayer perceptrons. A visible step is one round (`GAN2D.algorithm`), or, with ``slow``, one
line of it. The same lines make up both, so slow motion goes where the round goes, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engines import checks, devices, learning
from engines.data.dataset import Dataset, Truth
from engines.engine import Engine, Frame
from engines.gans import objectives
from engines.maths import samples

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
}
NOISES = ("gaussian", "uniform")
OPTIMIZERS = ("adam", "sgd")
PLAYERS = ("both", "discriminator", "generator")
SPAN = 4.5  # the stage is the square [-SPAN, SPAN]^2
FIELD = 40  # cells a side of D's field
CELLS = 24  # cells a side for the Jensen-Shannon divergence
WARP = 21  # lines a side of the generator's grid
SHOWN = 300  # fake points of a frame, from the same noise at every step
JUDGED = 10_000  # samples that the Jensen-Shannon divergence rests on
PAIRED = 600  # points each of the data and of the samples whose distances the energy distance is made of


@dataclass(frozen=True, slots=True, kw_only=True)
class GAN2DConfig:
    objective: str = "non-saturating"
    noise: str = "gaussian"
    noise_dim: int = 2
    g_depth: int = 2  # hidden layers
    g_width: int = 32
    d_depth: int = 2
    d_width: int = 32
    activation: str = "relu"
    optimizer: str = "adam"
    g_learning_rate: float = 1e-3
    d_learning_rate: float = 1e-3
    beta1: float = 0.5  # of Adam
    d_steps: int = 1  # of a round
    g_steps: int = 1
    penalty: float = 1.0  # lambda of wgan-gp, gamma of r1
    clip: float = 0.05  # of wgan-clip: every weight of the critic stays within it
    batch_size: int = 150
    play: str = "both"  # who learns
    slow: bool = False  # a visible step is one part of a round
    n_steps: int = 200_000  # visible steps in all
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, objective=objectives.OBJECTIVES, noise=NOISES, activation=ACTIVATIONS)
        checks.known(self, optimizer=OPTIMIZERS, play=PLAYERS)
        checks.within(self, noise_dim=(1, 2), batch_size=(1, 10_000), d_steps=(1, 20), g_steps=(1, 20))
        checks.within(self, g_depth=(0, 4), d_depth=(0, 4), g_width=(2, 128), d_width=(2, 128), n_steps=(1, 10**9))
        checks.above_zero(self, "g_learning_rate", "d_learning_rate", "clip")
        checks.zero_or_more(self, "penalty")
        if not 0 <= self.beta1 < 1:
            raise ValueError(f"beta1 must be from 0 to below 1, got {self.beta1}")


class Perceptron(nn.Module):
    r"""Linear layers with an activation between them: (B, n_in) -> (B, n_out).

    ``spectral`` divides every weight W by u^T W v, which nears its largest singular value as u and v follow it by one
    step of the power method at each call of `follow` (Miyato et al. 2018, algorithm 1).
    """

    def __init__(self, n_in: int, n_out: int, *, depth: int, width: int, activation: str) -> None:
        super().__init__()
        sizes = [n_in, *[width] * depth, n_out]
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.linear: Any = nn.ModuleList(layers)
        self.activation = ACTIVATIONS[activation]()
        self.spectral = False
        for i, layer in enumerate(layers):
            self.register_buffer(f"u{i}", torch.empty(layer.out_features))

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.linear):
            if i:
                x = self.activation(x)
            x = nn.functional.linear(x, self._normalised(i), layer.bias) if self.spectral else layer(x)
        return x

    def _normalised(self, i: int) -> Tensor:
        weight, u = self.linear[i].weight, getattr(self, f"u{i}")
        v = nn.functional.normalize(weight.detach().T @ u, dim=0)
        return weight / (u @ weight @ v)

    @torch.no_grad()
    def follow(self) -> None:
        for i, layer in enumerate(self.linear):
            u = getattr(self, f"u{i}")
            v = nn.functional.normalize(layer.weight.T @ u, dim=0)
            u.copy_(nn.functional.normalize(layer.weight @ v, dim=0))


class GAN2D(Engine):
    """The game on ``data``: a Dataset whose truth gives modes and density, or an array of points (N, 2)."""

    name: ClassVar[str] = "gan2d"
    Config: ClassVar[type] = GAN2DConfig
    n_threads: ClassVar[int] = 1  # a run computes on one: 1,250 rounds/s instead of 900 on two free cores

    def __init__(self, config: GAN2DConfig, *, data: Any = None, device: str = "auto") -> None:
        self.config = config
        # Networks of this size are quickest on a CPU: a GPU's launches cost more than their arithmetic.
        self.device = devices.resolve("cpu" if device == "auto" else device)
        self.data = data if data is None or isinstance(data, (Dataset, np.ndarray)) else np.asarray(data)
        self.truth: Truth | None = getattr(data, "truth", None)
        self.x = _points(self.data, self.device)  # (N, 2)
        self.generator = torch.Generator().manual_seed(config.seed)
        common = {"activation": config.activation}

        def build(n_in: int, n_out: int, depth: int, width: int) -> Any:
            made = learning.build(
                lambda: Perceptron(n_in, n_out, depth=depth, width=width, **common),
                generator=self.generator,
                device=self.device,
            )
            for i, layer in enumerate(made.linear):  # type: ignore[arg-type]
                u = torch.randn(layer.out_features, generator=self.generator)
                getattr(made, f"u{i}").copy_(nn.functional.normalize(u, dim=0))
            return made

        self.G = build(config.noise_dim, 2, config.g_depth, config.g_width)
        self.D = build(2, 1, config.d_depth, config.d_width)
        self.D.spectral = config.objective == "spectral"
        self.optimizers = {"G": self._optimizer(self.G), "D": self._optimizer(self.D)}
        self.networks = nn.ModuleDict({"G": self.G, "D": self.D})
        self.visible = 0  # steps
        self.round = 0
        self.part = 0  # of the round under way
        self.said = "start"
        self.pending: dict[str, Tensor] = {}  # what the parts of a round hand on
        self.scalars: dict[str, float] = {}
        self.shown_noise = self._noise(SHOWN, learning.stream(config.seed, 1))
        self.judged_noise = self._noise(JUDGED, learning.stream(config.seed, 2))
        rows = torch.randperm(len(self.x), generator=learning.stream(config.seed, 3))[:SHOWN]
        self.shown_real = self.x[rows] if len(self.x) > SHOWN else self.x  # few points in the order they came in
        self._paired = (
            self.x[torch.randperm(len(self.x), generator=learning.stream(config.seed, 4))[:PAIRED]].cpu().numpy()
        )
        self._real_distance = samples.mean_distance(self._paired) if len(self._paired) > 1 else 0.0
        self._real_cells = samples.cells(self.x.cpu().numpy(), low=-SPAN, high=SPAN, n=CELLS)

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        if self.config.optimizer == "sgd":
            return torch.optim.SGD(network.parameters(), lr=1.0)
        return learning.adam(network, 1.0, (self.config.beta1, 0.999))

    # -- the game --------------------------------------------------------------------------------------

    def algorithm(self) -> list[Callable[[], None]]:
        """One round, line by line."""
        lines: list[Callable[[], None]] = []
        if self.config.play != "generator":
            for _ in range(self.config.d_steps):
                lines += [self.draw, self.generate, self.score, self.find_d_gradient, self.descend_d]
        if self.config.play != "discriminator":
            for _ in range(self.config.g_steps):
                lines += [self.draw, self.find_g_gradient, self.descend_g]
        return lines

    def step(self) -> None:
        """One round, what is left of one, or with ``slow`` one line of it; FloatingPointError when it diverges."""
        if self.done:
            return
        lines = self.algorithm()
        self.part %= len(lines)
        for line in lines[self.part :]:
            line()
            self.part += 1
            if self.config.slow:
                break
        if self.part == len(lines):
            self.part = 0
            self.round += 1
        self.visible += 1

    def draw(self) -> None:
        """Data, noise, and where between a real and a fake point the penalty looks."""
        n, self.said = self.config.batch_size, "noise"
        rows = torch.randint(len(self.x), (n,), generator=self.generator)
        z = self._noise(n, self.generator)
        mix = torch.rand(n, 1, generator=self.generator)
        self.pending = {"x_real": self.x[rows.to(self.device)], "z": z, "mix": mix.to(self.device)}

    @torch.no_grad()
    def generate(self) -> None:
        self.said = "generate"
        self.pending["x_fake"] = self.G(self.pending["z"])

    @torch.no_grad()
    def score(self) -> None:
        """D's answers, which are only looked at: a whole round does without."""
        if self.config.slow:
            self.said = "score"
            self.pending["logit_real"] = self.D(self.pending["x_real"])[:, 0]
            self.pending["logit_fake"] = self.D(self.pending["x_fake"])[:, 0]

    def find_d_gradient(self) -> None:
        self.said = "d-gradient"
        if self.D.spectral:
            self.D.follow()
        self._gradient("D", self.d_loss(self.pending["x_real"], self.pending["x_fake"], self.pending["mix"]))

    def descend_d(self) -> None:
        self.said = "d-step"
        self._descend("D")
        if self.config.objective == "wgan-clip":
            with torch.no_grad():
                for parameter in self.D.parameters():
                    parameter.clamp_(-self.config.clip, self.config.clip)

    def find_g_gradient(self) -> None:
        self.said = "g-gradient"
        self._gradient("G", self.g_loss(self.pending["z"]))

    def descend_g(self) -> None:
        self.said = "g-step"
        self._descend("G")

    def _noise(self, n: int, generator: torch.Generator) -> Tensor:
        shape = (n, self.config.noise_dim)
        if self.config.noise == "gaussian":
            return torch.randn(shape, generator=generator).to(self.device)
        return (2 * torch.rand(shape, generator=generator) - 1).to(self.device)

    def d_loss(self, x_real: Tensor, x_fake: Tensor, mix: Tensor) -> Tensor:
        """The discriminator's loss with its penalty: points (B, 2), (B, 2), (B, 1) -> ()."""
        objective, weight = self.config.objective, self.config.penalty
        logits = self.D(torch.cat([x_real, x_fake]))[:, 0]
        logit_real, logit_fake = logits[: len(x_real)], logits[len(x_real) :]
        loss = objectives.discriminator_loss(objective, logit_real=logit_real, logit_fake=logit_fake)
        if objective == "wgan-gp":
            loss = loss + weight * objectives.gradient_penalty(self.D, x_real=x_real, x_fake=x_fake, mix=mix)
        elif objective == "r1":
            loss = loss + weight * objectives.r1_penalty(self.D, x_real=x_real)
        return loss

    def g_loss(self, z: Tensor) -> Tensor:
        """The generator's loss: noise (B, noise_dim) -> ()."""
        return objectives.generator_loss(self.config.objective, logit_fake=self.D(self.G(z))[:, 0])

    def _gradient(self, key: str, loss: Tensor) -> None:
        parameters = list(self.networks[key].parameters())
        gradients = torch.autograd.grad(loss, parameters)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{key}'s loss is {value} in round {self.round + 1}: go back, fork, and lower the learning rates (now "
                f"{self._rate('D'):g} for D and {self._rate('G'):g} for G)"
            )
        self.scalars["d_loss" if key == "D" else "g_loss"] = value
        for i, gradient in enumerate(gradients):
            self.pending[f"{key}.{i}"] = gradient

    def _descend(self, key: str) -> None:
        parameters, optimizer = list(self.networks[key].parameters()), self.optimizers[key]
        for i, parameter in enumerate(parameters):
            parameter.grad = self.pending.pop(f"{key}.{i}")
        optimizer.param_groups[0]["lr"] = self._rate(key)
        optimizer.step()

    def _rate(self, key: str) -> float:
        return self.config.g_learning_rate if key == "G" else self.config.d_learning_rate

    @property
    def done(self) -> bool:
        return self.visible >= self.config.n_steps

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """G(z) for n draws of the noise: (n, 2)."""
        return self.sample_of(self._noise(n, generator))

    # -- what a viewer sees ----------------------------------------------------------------------------

    def frame(self) -> Frame:
        """Arrays: ``fake`` (300, 2) from the same noise at every step; ``pull`` (300, 2), minus the gradient of the
        generator's loss by each of them; ``logit_fake`` (300,), ``logit_real`` (at most 300,); ``field`` (40, 40):
        D's output over the stage, first row lowest; ``slope`` (12, 12, 2): its gradient; ``warp`` (21, 21, 2) or
        (21, 2): the generator's grid; ``shares`` (24, 24) of its samples over the cells. Scalars: last losses, V(D, G)
        where D gives a probability, and the measures: ``js`` in nats, ``energy``, ``modes`` where the truth has any.
        """
        fake = self.sample_of(self.shown_noise).requires_grad_(True)
        logit_fake = self.D(fake)[:, 0]
        loss = objectives.generator_loss(self.config.objective, logit_fake=logit_fake)
        (gradient,) = torch.autograd.grad(loss, fake)
        coarse = _square(12).to(self.device).requires_grad_(True)
        (slope,) = torch.autograd.grad(self.D(coarse).sum(), coarse)
        with torch.no_grad():
            logit_real = self.D(self.shown_real)[:, 0]
            field = self.D(_square(FIELD).to(self.device)).reshape(FIELD, FIELD)
            warp = self.sample_of(warp_codes(self.config).to(self.device))
            judged = self.sample_of(self.judged_noise).cpu().numpy()
        fake = fake.detach()
        if not np.isfinite(judged).all():
            raise FloatingPointError(
                f"the generator's points are no longer finite in round {self.round}: go back, fork, and lower the "
                f"learning rates (now {self._rate('D'):g} for D and {self._rate('G'):g} for G)"
            )
        shares = samples.cells(judged, low=-SPAN, high=SPAN, n=CELLS)
        js = samples.jensen_shannon(self._real_cells, shares, n_p=len(self.x), n_q=JUDGED)
        scalars = {"round": float(self.round), "js": js, **self.scalars}
        if self.config.objective in objectives.LOGISTIC:  # elsewhere D gives no probability, and V is not defined
            scalars["value"] = float(objectives.value(logit_real=logit_real, logit_fake=logit_fake.detach()))
        if len(self._paired) > 1:
            scalars["energy"] = samples.energy_distance(self._paired, judged[:PAIRED], within_a=self._real_distance)
        if self.truth is not None:
            deviations = np.sqrt(np.linalg.eigvalsh(self.truth.covariances)[:, -1])
            scalars["modes"] = float(samples.modes_covered(judged[:2000], self.truth.means, deviations))
        arrays = {
            "fake": fake,
            "pull": -gradient * len(fake),
            "logit_fake": logit_fake.detach(),
            "logit_real": logit_real,
            "field": field,
            "slope": slope.reshape(12, 12, 2),
            "warp": warp.reshape(*(WARP,) * self.config.noise_dim, 2),
            "shares": shares.astype(np.float32),
        }
        return Frame(
            step=self.visible,
            phase=self.said if self.config.slow else ("start" if not self.visible else "round"),
            scalars=scalars,
            arrays=arrays,
        )

    @torch.no_grad()
    def sample_of(self, z: Tensor) -> Tensor:
        """G(z): (B, noise_dim) -> (B, 2)."""
        return self.G(z)

    # -- saving ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"visible": self.visible, "round": self.round, "part": self.part, "said": self.said}
        kept |= {f"network.{name}": value.clone() for name, value in self.networks.state_dict().items()}
        if self.config.optimizer == "adam":
            for key, network in self.networks.items():
                kept |= learning.optimizer_state(self.optimizers[key], network, key)
        kept |= {f"pending.{name}": value.clone() for name, value in self.pending.items()}
        kept |= {f"scalar.{name}": value for name, value in self.scalars.items()}
        return kept | {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state`` under this engine's objective, rates and counts; another size is a ValueError."""
        learning.load_network(self.networks, state, self.name)
        for key, network in self.networks.items():
            learning.load_optimizer_state(self.optimizers[key], network, state, key)
        self.visible, self.round, self.said = int(state["visible"]), int(state["round"]), str(state["said"])
        # A round that was under way with other players or counts begins anew.
        self.part = int(state["part"]) if int(state["part"]) < len(self.algorithm()) else 0
        self.pending = {k.removeprefix("pending."): v.clone() for k, v in state.items() if k.startswith("pending.")}
        self.scalars = {k.removeprefix("scalar."): float(v) for k, v in state.items() if k.startswith("scalar.")}
        self.generator.set_state(state["generator"].cpu())


def warp_codes(config: GAN2DConfig) -> Tensor:
    """The noise that the generator's grid is drawn from: (21^d, d), over the middle 95 % of each axis.

    Gaussian noise by quantiles, so that every cell holds the same share of it, as uniform noise's cells do.
    """
    at = torch.linspace(0.025, 0.975, WARP)
    line = torch.special.ndtri(at) if config.noise == "gaussian" else 2 * at - 1
    if config.noise_dim == 1:
        return line[:, None]
    return _grid(line)


def _square(n: int) -> Tensor:
    """The middles of n x n cells of the stage, first row lowest: (n^2, 2)."""
    return _grid((torch.arange(n) + 0.5) / n * 2 * SPAN - SPAN)


def _grid(line: Tensor) -> Tensor:
    """Every pair of places along both axes, row by row: (n,) -> (n^2, 2)."""
    return torch.cartesian_prod(line, line).flip(1)


def _points(data: Any, device: torch.device) -> Tensor:
    """Points as float32 (N, 2); ValueError where there are none or they are none."""
    if data is None:
        raise ValueError("gan2d learns from points: create it with data=points (N, 2)")
    x = np.asarray(data.x if isinstance(data, Dataset) else data, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != 2 or len(x) < 1:
        raise ValueError(f"points must have shape (N, 2) with N >= 1, got {x.shape}: draw at least one")
    if not np.isfinite(x).all() or np.abs(x).max() > 1e3:
        raise ValueError("points must be finite and within 1,000 of zero: scale them to about [-4, 4]")
    return torch.tensor(x, dtype=torch.float32, device=device)
