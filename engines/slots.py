"""Who computes when, and how much all runs of one server may keep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

QUEUE_NOTICE = 0.3  # seconds of waiting after which a run says that it is queued
MAX_KEPT_BYTES = 2 << 30  # of frames and states, over all runs


class _Keeper(Protocol):
    def limit(self, max_bytes: int) -> None: ...


class Slots:
    """At most ``n`` runs compute at once; the others wait in line, single steps before all others.

    A run holds a slot for one step and gives it back while it waits for its next one, so a class of
    slow-motion viewers shares two cores without waiting, and a queue forms only where work does. Who pressed
    for one step waits for the steps in hand at most, not behind those who play at full speed.
    """

    def __init__(self, n: int, *, max_bytes: int = MAX_KEPT_BYTES) -> None:
        if n < 1:
            raise ValueError(f"the number of concurrent runs must be >= 1, got {n}")
        self.n, self.max_bytes = n, max_bytes
        self._busy = 0
        self._line: dict[object, Callable[[], bool]] = {}  # who waits, in order, and whether it is for a single step
        self._changed = threading.Condition()
        self._runs: WeakSet[_Keeper] = WeakSet()

    def acquire(
        self,
        ticket: object,
        *,
        wanted: Callable[[], bool],
        on_wait: Callable[[int], None],
        single: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait for a slot; False if it is no longer ``wanted``. ``on_wait(ahead)`` is told of a long wait."""
        started = time.monotonic()
        with self._changed:
            self._line[ticket] = single
            try:
                while self._busy >= self.n or self._order()[0] is not ticket:
                    if not wanted():
                        return False
                    self._changed.wait(0.1)
                    if time.monotonic() - started > QUEUE_NOTICE:
                        on_wait(self._busy + self._order().index(ticket))
                self._busy += 1
            finally:
                del self._line[ticket]
                self._changed.notify_all()
        return True

    def _order(self) -> list[object]:
        return sorted(self._line, key=lambda ticket: not self._line[ticket]())  # a stable sort

    def release(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()

    # -- memory ----------------------------------------------------------------------------------------

    def join(self, run: _Keeper) -> None:
        """A run begins: from now on each may keep an equal part of ``max_bytes``."""
        with self._changed:
            self._runs.add(run)
        self._divide()

    def leave(self, run: _Keeper) -> None:
        with self._changed:
            self._runs.discard(run)
        self._divide()

    def _divide(self) -> None:
        with self._changed:
            runs = list(self._runs)
        for run in runs:
            run.limit(self.max_bytes // len(runs))
