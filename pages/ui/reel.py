"""Frames that are ready: a film is served from memory, and needs no worker, no place in a queue and no kept states."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from engines.engine import Frame
from engines.run import Status


class Reel:
    """Stands where a run stands: its history is whole from the start, and commands have nothing to do."""

    engine: Any = None

    def __init__(self, frames: Sequence[Frame]) -> None:
        if not frames:
            raise ValueError("there is nothing to show: a film needs at least one frame")
        self.frames = tuple(frames)
        self.history = self
        self.status = Status(state="finished", step=self.frames[-1].step)

    def after(self, step: int, limit: int | None = None) -> list[Frame]:
        """The frames later than ``step``, at most ``limit`` of them, oldest first."""
        start = bisect_right(self.frames, step, key=lambda frame: frame.step)
        return list(self.frames[start : None if limit is None else start + limit])

    def at(self, step: int) -> Frame:
        """The newest frame not later than ``step``; the first one where there is none."""
        return self.frames[max(0, bisect_right(self.frames, step, key=lambda frame: frame.step) - 1)]

    @property
    def last(self) -> Frame:
        return self.frames[-1]

    def __len__(self) -> int:
        return len(self.frames)

    def subscribe(self, _listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    def play(self, _steps_per_second: float | None = None) -> None:
        """The browser plays what it has."""

    def pause(self) -> None: ...

    step = stop = close = pause

    def change(self, **_settings: Any) -> None:
        """Nothing learns here."""

    def wait(self, _timeout: float | None = None) -> Status:
        return self.status
