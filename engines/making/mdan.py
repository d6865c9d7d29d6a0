r"""MDAN: the optimisation that MGAN replaces. Li & Wand 2016 (arXiv:1604.04382), section 4.

The same discriminator of feature patches as in `mgan.py`, but what descends is one image's pixels, and D learns along:

    D:  1/N \sum_i max(0, 1 - s_i(x_t)) + 1/N \sum_i max(0, 1 + s_i(x))
    x:  E_t(x) + \alpha_1 E_c(x, x_c) + \alpha_2 \Upsilon(x)

x_t are crops of the texture, x_c a photo whose things have to stay; without a photo E_c is left out. x begins as brown
noise, or as the photo. Every image of every size costs the whole of it again.

Departures: as for MGAN; Adam for the pixels, with steps of 0.02 of the range -1..1; pixels are cut to that range.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from engines import checks, learning
from engines.engine import Engine, Frame
from engines.making import patches
from engines.making.mgan import (
    GIVEN,
    JUDGED,
    STRIP,
    Discriminator,
    content_loss,
    hinge_d,
    phi,
    pink_noise,
    scaled,
    smoothness,
    texture_loss,
)

RANGES: dict[str, tuple[float, float]] = {
    "side": (64, 256), "d_channels": (1, 256), "content_weight": (0, 1000), "smooth_weight": (0, 1000),
    "learning_rate": (1e-6, 1), "d_learning_rate": (1e-9, 1), "batch_size": (1, 64), "n_steps": (1, 10**6),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MDANConfig:
    side: int = 128  # pixels
    d_channels: int = 32
    content_weight: float = 1.0  # \alpha_1
    smooth_weight: float = 1e-4  # \alpha_2
    learning_rate: float = 0.02  # of the pixels
    d_learning_rate: float = 1e-3
    batch_size: int = 2  # crops of the texture a step
    n_steps: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        checks.within(self, **RANGES)
        if self.side % 16:
            raise ValueError(f"side must be a multiple of 16, got {self.side}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """A texture (1, 3, H, W) in -1..1, its right strip held out for the measure, and perhaps a photo, as large as x."""

    texture: Tensor
    photo: Tensor | None = None


class MDAN(Engine):
    """A visible step is one of D and one of the pixels."""

    name: ClassVar[str] = "mdan"
    Config: ClassVar[type] = MDANConfig
    n_threads: ClassVar[int | None] = 1

    def __init__(self, config: MDANConfig, *, data: Task, device: str = "auto") -> None:
        from engines import devices

        self.config, self.data, self.device = config, data, devices.resolve(device)
        self.rng = torch.Generator().manual_seed(config.seed)
        self.phi = phi().to(self.device)
        self.texture = data.texture[..., :-STRIP].to(self.device)
        held = data.texture[..., -STRIP:].to(self.device)
        self.reference = patches.Reference(self.phi(held, (patches.STAGE,))[patches.STAGE])
        self.D: Any = learning.build(
            lambda: Discriminator("features", config.d_channels), generator=self.rng, device=self.device
        )
        start = pink_noise(1, config.side, config.side, self.rng) if data.photo is None else data.photo
        if start.shape != (1, 3, config.side, config.side):
            raise ValueError(f"the photo must be of {config.side} pixels a side, got {tuple(start.shape)}")
        self.x = start.to(self.device).clone().requires_grad_()
        self.kept = None if data.photo is None else scaled(self.phi, self.x.detach(), (GIVEN,))[GIVEN]
        self.of_x = torch.optim.Adam([self.x], lr=config.learning_rate, betas=(0.5, 0.999))
        self.of_d = torch.optim.Adam(self.D.parameters(), lr=config.d_learning_rate, betas=(0.5, 0.999))
        self.iteration = 0
        self.said: dict[str, float] = {}
        self.seconds = 0.0  # that its steps took here: of the clock, so no part of the state

    def step(self) -> None:
        config, began = self.config, time.perf_counter()
        stages = (*JUDGED, GIVEN) if self.kept is not None and config.content_weight else tuple(JUDGED)
        seen = scaled(self.phi, self.x, stages)
        with torch.no_grad():
            real = scaled(self.phi, self.cut(), tuple(JUDGED))
        d_loss = hinge_d(self.D(real), self.D({stage: maps.detach() for stage, maps in seen.items()}))
        self.of_d.zero_grad(set_to_none=True)
        d_loss.backward()
        self.of_d.step()
        for group in self.of_x.param_groups:
            group["lr"] = config.learning_rate
        terms = {"texture": texture_loss(self.D(seen)), "smooth": smoothness(self.x)}
        loss = terms["texture"] + config.smooth_weight * terms["smooth"]
        if GIVEN in stages and self.kept is not None:
            terms["content"] = content_loss(seen[GIVEN], self.kept)
            loss = loss + config.content_weight * terms["content"]
        self.of_x.zero_grad(set_to_none=True)
        loss.backward()
        self.of_x.step()
        with torch.no_grad():
            self.x.clamp_(-1, 1)
        self.iteration += 1
        self.said = {**{key: float(value.detach()) for key, value in terms.items()}, "d_loss": float(d_loss.detach())}
        if not torch.isfinite(self.x).all():
            raise FloatingPointError(f"a pixel is not finite after step {self.iteration}: lower the learning rate")
        self.seconds += time.perf_counter() - began

    def cut(self) -> Tensor:
        """Crops of the texture, as large as the image where it is large enough: (B, 3, S, S)."""
        height, width = self.texture.shape[2:]
        side = min(self.config.side, height, width)
        tops, lefts = (torch.randint(0, length - side + 1, (self.config.batch_size,), generator=self.rng).tolist()
                       for length in (height, width))  # fmt: skip
        corners = zip(tops, lefts, strict=True)
        return torch.cat([self.texture[..., top : top + side, left : left + side] for top, left in corners])

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    @torch.no_grad()
    def distance(self) -> float:
        """Of the patches of the image's maps from the held-out texture's, see `patches`."""
        return float(self.reference.distance(self.phi(self.x, (patches.STAGE,))[patches.STAGE])[0])

    def frame(self) -> Frame:
        """``image`` (S, S, 3) bytes; ``distance`` from the held-out texture, and the losses."""
        image = learning.to_bytes((self.x.detach()[0].permute(1, 2, 0) + 1) / 2).cpu().numpy()
        return Frame(step=self.iteration, scalars={"distance": self.distance(), **self.said}, arrays={"image": image})

    def state_dict(self) -> dict[str, Any]:
        pixels = {f"pixels.{key}": value for key, value in self._moments().items()}
        return {
            "iteration": self.iteration,
            "x": self.x.detach().clone(),
            **{f"said.{key}": value for key, value in self.said.items()},
            **{f"D.{key}": value.detach().clone() for key, value in self.D.state_dict().items()},
            **learning.optimizer_state(self.of_d, self.D),
            **pixels,
            "generator": self.rng.get_state(),
        }

    def _moments(self) -> dict[str, Tensor]:
        state = self.of_x.state.get(self.x, {})
        zeros = {"exp_avg": torch.zeros_like(self.x), "exp_avg_sq": torch.zeros_like(self.x), "step": torch.zeros(())}
        return {key: state.get(key, zero).detach().clone() for key, zero in zeros.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if tuple(state["x"].shape) != tuple(self.x.shape):
            raise ValueError(f"x has shape {tuple(state['x'].shape)}, this image has {tuple(self.x.shape)}")
        self.iteration = int(state["iteration"])
        self.said = {key.removeprefix("said."): float(state[key]) for key in state if key.startswith("said.")}
        with torch.no_grad():
            self.x.copy_(state["x"])
        self.D.load_state_dict({key: state[f"D.{key}"] for key in self.D.state_dict()})
        learning.load_optimizer_state(self.of_d, self.D, state)
        self.of_x.state.pop(self.x, None)
        if float(state["pixels.step"]):
            self.of_x.state[self.x] = {key: state[f"pixels.{key}"].clone() for key in ("exp_avg", "exp_avg_sq", "step")}
        self.rng.set_state(state["generator"].cpu())
