"""An engine that shows one frame and never moves: what a stage holds before there is anything to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engines.engine import Engine, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class StillConfig:
    pass


class Still(Engine):
    name: ClassVar[str] = "still"
    Config: ClassVar[type] = StillConfig

    def __init__(self, frame: Frame) -> None:
        self.config, self.data, self.device = StillConfig(), None, "cpu"
        self._frame = frame

    @property
    def done(self) -> bool:
        return True

    def step(self) -> None:
        """Nothing moves."""

    def frame(self) -> Frame:
        return self._frame

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to load."""
