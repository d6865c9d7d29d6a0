"""An engine that shows one frame and never moves: what a stage holds before there is anything to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engines.engine import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class StillConfig:
    pass


class Still:
    name: ClassVar[str] = "still"
    Config: ClassVar[type] = StillConfig
    done = True

    def __init__(self, frame: Frame) -> None:
        self.config, self.data, self.device = StillConfig(), None, "cpu"
        self._frame = frame

    def step(self) -> None:
        """Nothing moves."""

    def frame(self) -> Frame:
        return self._frame

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to load."""
