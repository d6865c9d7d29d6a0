r"""Two players on a saddle: min over x, max over y of f(x, y), the smallest game in which GAN training circles.

    bilinear    f = x y                        the only equilibrium is (0, 0), and every step turns around it
    quadratic   f = x y + (c/2)(x^2 - y^2)     the same saddle with a slope towards it: c = ``pull``

    simultaneous  (x, y) <- (x - h f_x(x, y), y + h f_y(x, y))                both from where they stood
    alternating   x moves first, then y answers x's new place                 as GAN training does
    extragradient a look-ahead step, then the real step with its gradients    Korpelevich 1976; Gidel et al. 2019

On f = x y a simultaneous step multiplies the distance from (0, 0) by sqrt(1 + h^2) exactly: it spirals out at any
step size. An alternating one keeps x^2 + y^2 - h x y: a closed curve, for h < 2. An extragradient step multiplies the
distance by sqrt(1 - h^2 + h^4): inwards for h < 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engines import checks
from engines.engine import Engine, Frame

METHODS = ("simultaneous", "alternating", "extragradient")
FORMS = ("bilinear", "quadratic")
FAR = 20.0  # a path that has gone this far has nothing more to show

Vector = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EquilibriumConfig:
    method: str = "simultaneous"
    form: str = "bilinear"
    pull: float = 0.2  # c of the quadratic form
    learning_rate: float = 0.2  # h
    x: float = 1.0
    y: float = 0.0
    n_steps: int = 200
    seed: int = 0  # nothing is drawn; every engine has one

    def __post_init__(self) -> None:
        checks.known(self, method=METHODS, form=FORMS)
        checks.within(self, learning_rate=(1e-9, 2), pull=(0, 2), x=(-10, 10), y=(-10, 10))
        checks.at_least(self, 1, "n_steps")


def slopes(config: EquilibriumConfig) -> Callable[[float, float], Vector]:
    """(f_x, f_y) at a point."""
    c = config.pull if config.form == "quadratic" else 0.0
    return lambda x, y: (y + c * x, x - c * y)


def move(config: EquilibriumConfig, x: float, y: float) -> Vector:
    """One step of both players."""
    slope, h = slopes(config), config.learning_rate
    f_x, f_y = slope(x, y)
    if config.method == "simultaneous":
        return x - h * f_x, y + h * f_y
    if config.method == "alternating":
        x = x - h * f_x
        return x, y + h * slope(x, y)[1]
    ahead_x, ahead_y = slope(x - h * f_x, y + h * f_y)
    return x - h * ahead_x, y + h * ahead_y


class Equilibrium(Engine):
    """The path of both players from (x, y); needs no data."""

    name: ClassVar[str] = "equilibrium"
    Config: ClassVar[type] = EquilibriumConfig

    def __init__(self, config: EquilibriumConfig, *, data: Any = None, device: str = "auto") -> None:  # noqa: ARG002
        self.config, self.data, self.device = config, None, "cpu"
        self.path: list[Vector] = [(config.x, config.y)]

    def step(self) -> None:
        if not self.done:
            self.path.append(move(self.config, *self.path[-1]))

    @property
    def done(self) -> bool:
        return len(self.path) > self.config.n_steps or math.hypot(*self.path[-1]) > FAR

    def frame(self) -> Frame:
        """``path`` (T + 1, 2); scalars x, y, the distance from the equilibrium and f."""
        x, y = self.path[-1]
        c = self.config.pull if self.config.form == "quadratic" else 0.0
        scalars = {"x": x, "y": y, "distance": math.hypot(x, y), "f": x * y + c / 2 * (x * x - y * y)}
        return Frame(step=len(self.path) - 1, scalars=scalars, arrays={"path": np.array(self.path)})

    def state_dict(self) -> dict[str, Any]:
        import torch

        return {"path": torch.tensor(self.path, dtype=torch.float64)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.path = [(float(x), float(y)) for x, y in state["path"]]
