r"""DiscoGAN on points: five modes of A, ten of B, no pairs. Kim et al. 2017 (arXiv:1703.05192), section 3.4's toy.

Three models learn beside each other, from the same points: a GAN (L_{GAN_B}), one with a reconstruction (L_{G_{AB}})
and DiscoGAN (L_G); their losses are in `engines.translation.discogan`. A map that sends two modes of A to one place
cannot be led back, and one that leaves a mode of B unused is no answer to where that mode's own points come from.

Departures: A's modes lie on a circle of radius 1 and B's on one of radius 2; smaller networks with one Adam for both
generators and one for both discriminators.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.maths import samples
from engines.translation.discogan import MODELS, players, take_turns

N_A, N_B = 5, 10  # modes
RADIUS_A, RADIUS_B = 1.0, 2.0
SPREAD_A, SPREAD_B = 0.15, 0.08  # standard deviations of a mode
SPAN = 3.0  # the stage is the square [-SPAN, SPAN]^2
SHOWN = 300  # points of A that a frame translates, the same at every step
JUDGED = 2_000  # points of A that the count of modes rests on
FIELD = 24  # cells a side of D_B's field


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoGAN2DConfig(learning.LearnerConfig):
    width: int = 64  # units of a hidden layer; every network has two
    beta1: float = 0.5
    batch_size: int = 200
    n_steps: int = 10_000
    batches_per_step: int = 5

    def __post_init__(self) -> None:
        learning.check(self, width=(1, 512), batch_size=(1, 10_000), n_steps=(1, 10**7))


def modes(n: int, radius: float) -> Tensor:
    """The middles of n modes on a circle: (n, 2)."""
    angle = 2 * math.pi * torch.arange(n) / n
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def draw(n: int, kind: str, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points of A or B and the mode that each is from: (n, 2), (n,)."""
    k, radius, spread = (N_A, RADIUS_A, SPREAD_A) if kind == "A" else (N_B, RADIUS_B, SPREAD_B)
    of = torch.randint(k, (n,), generator=generator)
    return modes(k, radius)[of] + spread * torch.randn(n, 2, generator=generator), of


def perceptron(n_out: int, width: int) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in pairwise((2, width, width)):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


class DiscoGAN2D(learning.Learner):
    """All three models at once; it draws its points itself."""

    name: ClassVar[str] = "discogan2d"
    Config: ClassVar[type] = DiscoGAN2DConfig
    n_threads: ClassVar[int] = 1

    def __init__(self, config: DiscoGAN2DConfig, *, data: Any = None, device: str = "auto") -> None:  # noqa: ARG002
        super().__init__(config, device="cpu" if device == "auto" else device)
        self.shown, self.shown_modes = draw(SHOWN, "A", generator=learning.stream(config.seed, 1))
        self.judged, self.judged_modes = draw(JUDGED, "A", generator=learning.stream(config.seed, 2))

    def make(self) -> nn.Module:
        width = self.config.width
        made = {model: players(model, lambda: perceptron(2, width), lambda: perceptron(1, width)) for model in MODELS}
        return nn.ModuleDict({f"{model}_{key}": network for model in MODELS for key, network in made[model].items()})

    def step(self) -> None:
        """``batches_per_step`` batches, each seen by all three models."""
        for _ in range(self.config.batches_per_step):
            if not self.done:
                a, b = (draw(self.config.batch_size, kind, generator=self.rng)[0] for kind in "AB")
                values = self.learn({"a": a.to(self.device), "b": b.to(self.device)})
                self.iteration += 1
                self._note(values)

    def learn(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of each model the discriminators learn, then the generators."""
        said: dict[str, Tensor] = {}
        for model in MODELS:
            values = take_turns(self, model, batch["a"], batch["b"], of=f"{model}_")
            said |= {f"{model}.{key}": value for key, value in values.items()}
        return said

    @torch.no_grad()
    def translate(self, model: str, a: Tensor) -> Tensor:
        """G_AB of points (N, 2)."""
        return self.network[f"{model}_G_AB"](a.to(self.device))

    @torch.no_grad()
    def measures(self, model: str) -> dict[str, float]:
        """``modes``: how many of B's ten get a quarter of their share or more, within three deviations; ``near``: the
        share of points that land in any; ``shared``: modes of B where most of two or more modes of A's points lie.
        """
        b = self.translate(model, self.judged).cpu()
        apart = torch.cdist(b, modes(N_B, RADIUS_B))
        near, where = apart.min(dim=1)
        deviations = torch.full((N_B,), SPREAD_B).numpy()
        homes = [int(where[self.judged_modes == k].mode().values) for k in range(N_A)]
        return {
            "modes": float(samples.modes_covered(b.numpy(), modes(N_B, RADIUS_B).numpy(), deviations)),
            "near": float((near <= 3 * SPREAD_B).double().mean()),
            "shared": float(sum(homes.count(home) > 1 for home in set(homes))),
        }

    @torch.no_grad()
    def frame(self) -> Frame:
        """Of each model: ``MODEL.ab`` (300, 2), the same points of A at every step, translated; ``MODEL.aba``, led back
        (where there is a way); ``MODEL.field`` (24, 24), D_B's probability over the stage, first row lowest.
        """
        arrays: dict[str, Any] = {"a": self.shown, "mode": self.shown_modes.to(torch.uint8)}
        scalars: dict[str, float] = {}
        at = (torch.arange(FIELD) + 0.5) / FIELD * 2 * SPAN - SPAN
        rows, columns = torch.meshgrid(at, at, indexing="ij")
        square = torch.stack([columns, rows], dim=2).reshape(-1, 2).to(self.device)
        for model in MODELS:
            ab = self.translate(model, self.shown)
            arrays[f"{model}.ab"] = ab
            if model != "gan":
                arrays[f"{model}.aba"] = self.network[f"{model}_G_BA"](ab)
            arrays[f"{model}.field"] = self.network[f"{model}_D_B"](square).sigmoid().reshape(FIELD, FIELD)
            scalars |= {f"{model}.{key}": value for key, value in self.measures(model).items()}
        return self.framed(scalars, **arrays)
