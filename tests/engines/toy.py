"""A tiny engine whose every state is known: a random walk that can be told to fail."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from engines.engine import Engine, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    stride: float = 1.0
    stop_at: int = 1_000_000
    fail_at: int = -1
    nan_at: int = -1
    seconds: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.stride <= 0:
            raise ValueError(f"stride must be > 0, got {self.stride}")


class Walk(Engine):
    name: ClassVar[str] = "walk"
    Config: ClassVar[type] = Config

    def __init__(self, config: Config, *, data: Any = None, device: str = "cpu") -> None:  # noqa: ARG002
        self.config, self.data, self.device = config, data, torch.device("cpu")
        self.generator = torch.Generator().manual_seed(config.seed)
        self.steps = 0
        self.place = torch.zeros(3, dtype=torch.float64)

    @property
    def done(self) -> bool:
        return self.steps >= self.config.stop_at

    def step(self) -> None:
        if self.config.seconds:
            time.sleep(self.config.seconds)
        self.steps += 1
        if self.steps == self.config.fail_at:
            raise RuntimeError("the walk fell\nand here are its details")
        self.place += self.config.stride * torch.randn(3, generator=self.generator, dtype=torch.float64)
        if self.steps == self.config.nan_at:
            self.place[1] = float("nan")

    def frame(self) -> Frame:
        return Frame(
            step=self.steps,
            phase="walk",
            scalars={"x": self.place[0].item()},
            arrays={"place": self.place.numpy()},
        )

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "place": self.place.clone(), "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.place = state["place"].clone()
        self.generator.set_state(state["generator"])


def walk(**settings: Any) -> Walk:
    return Walk(Config(**settings))


def places(frames: list[Frame]) -> dict[int, np.ndarray]:
    return {frame.step: frame.arrays["place"] for frame in frames}


def walked_alone(steps: int, **settings: Any) -> dict[int, np.ndarray]:
    """The same walk without a Run: the truth that runs are held against."""
    engine = walk(**settings)
    seen = {0: engine.frame().arrays["place"]}
    for _ in range(steps):
        engine.step()
        seen[engine.steps] = engine.frame().arrays["place"]
    return seen
