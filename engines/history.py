"""What a run keeps of its past: items in step order, thinned to a bound, the whole past evenly covered."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import Generic, Protocol, TypeVar

MAX_FRAMES = 2_000
MAX_FRAME_BYTES = 48 << 20


class _Dated(Protocol):
    @property
    def step(self) -> int: ...
    @property
    def nbytes(self) -> int: ...


Item = TypeVar("Item", bound=_Dated)


class History(Generic[Item]):
    """Items in step order (frames, or kept states), thinned to a bound but never at the ends.

    When full, every second one goes, and from then on only every second newcomer is kept beside the
    newest: the whole past stays evenly covered, from the first step to the last, with at most
    ``max_items`` items and ``max_bytes`` bytes.
    """

    def __init__(self, *, max_items: int = MAX_FRAMES, max_bytes: int = MAX_FRAME_BYTES) -> None:
        if max_items < 4:
            raise ValueError(f"max_items must be >= 4, got {max_items}")
        self.max_items, self.max_bytes = max_items, max_bytes
        self._items: list[tuple[int, Item]] = []  # each with the how-manieth newcomer it was
        self._arrived = 0
        self._stride = 1
        self._bytes = 0
        self._lock = threading.Lock()

    def append(self, item: Item) -> None:
        """Add an item that is later than all others."""
        with self._lock:
            if self._items:
                n, last = self._items[-1]
                if item.step <= last.step:
                    raise ValueError(f"step {item.step} comes after step {last.step}: steps must rise")
                if n % self._stride:
                    self._items.pop()
                    self._bytes -= last.nbytes
            self._items.append((self._arrived, item))
            self._arrived += 1
            self._bytes += item.nbytes
            self._thin()

    def limit(self, max_bytes: int) -> None:
        """From now on at most ``max_bytes``."""
        with self._lock:
            self.max_bytes = max_bytes
            self._thin()

    def _thin(self) -> None:
        while len(self._items) > 2 and (len(self._items) > self.max_items or self._bytes > self.max_bytes):
            self._stride *= 2
            self._items = [*((n, item) for n, item in self._items[:-1] if n % self._stride == 0), self._items[-1]]
            self._bytes = sum(item.nbytes for _, item in self._items)

    def after(self, step: int, limit: int | None = None) -> list[Item]:
        """The items later than ``step``, at most ``limit`` of them, oldest first."""
        with self._lock:
            start = self._after(step)
            return [item for _, item in self._items[start : None if limit is None else start + limit]]

    def at(self, step: int) -> Item | None:
        """The newest item not later than ``step``; the first one where there is none."""
        with self._lock:
            return self._items[max(0, self._after(step) - 1)][1] if self._items else None

    def _after(self, step: int) -> int:
        return bisect_right(self._items, step, key=lambda pair: pair[1].step)

    @property
    def last(self) -> Item | None:
        with self._lock:
            return self._items[-1][1] if self._items else None

    @property
    def nbytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._items)

    def clear(self) -> None:
        with self._lock:
            self._items, self._bytes = [], 0
