r"""An engine that replays a recorded run: the frames that `engines.train --frames` wrote, one by one.

It keeps the contract (step, frame, done, state), so that the player shows a training of an hour like any other
run; its visible steps are the frames, and each keeps the step that it was taken at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from engines.engine import Engine, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConfig:
    pass


class Recorded(Engine):
    name: ClassVar[str] = "recorded"
    Config: ClassVar[type] = RecordedConfig

    def __init__(self, frames: Sequence[Frame]) -> None:
        if not frames:
            raise ValueError("a recorded run needs at least one frame")
        self.config, self.data, self.device = RecordedConfig(), None, "cpu"
        self.frames = tuple(frames)
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at == len(self.frames) - 1

    def step(self) -> None:
        """On to the next frame; the last one stays."""
        self.at = min(self.at + 1, len(self.frames) - 1)

    def frame(self) -> Frame:
        return self.frames[self.at]

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ValueError where this run has fewer frames."""
        if not 0 <= state["at"] < len(self.frames):
            raise ValueError(f"the state is at frame {state['at']}, this run has {len(self.frames)}")
        self.at = state["at"]
