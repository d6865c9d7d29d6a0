r"""Run: drives one engine in the background for one viewer, and keeps what it has shown.

A run plays, pauses, takes single steps and stops. It keeps the frames (thinned, so that their memory
stays bounded) and a few full states, from which any earlier step can be recomputed bit for bit: that is
what a fork starts from. An exception or a NaN inside the engine stops the run, keeps its history, and
becomes one sentence. A worker thread exists only while there is something to compute.

Bounds, per run: MAX_FRAMES frames and MAX_FRAME_BYTES of them, MAX_STATES states and MAX_STATE_BYTES.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from engines.devices import threads
from engines.engine import Engine, Frame, rebuild

MAX_FRAMES = 2_000
MAX_FRAME_BYTES = 48 << 20
MAX_STATES = 24
MAX_STATE_BYTES = 48 << 20
STATE_INTERVAL = 0.25  # seconds between kept states; replaying from one costs at most about this long
BURST = 0.005  # seconds of steps in one turn of the slots, at full speed
TELL_INTERVAL = 0.25  # seconds between two notices where nothing new is to be seen
QUEUE_NOTICE = 0.3  # seconds of waiting after which a run says that it is queued


class _Dated(Protocol):
    @property
    def step(self) -> int: ...
    @property
    def nbytes(self) -> int: ...


Item = TypeVar("Item", bound=_Dated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a run is doing. ``state``: paused, playing, queued, finished, failed, stopped or closed."""

    state: str
    step: int  # of the engine, which may be ahead of the newest frame
    message: str = ""  # one sentence when failed
    ahead: int = 0  # when queued: runs that come before this one


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
        self._items: list[Item] = []
        self._counts: list[int] = []  # the how-manieth newcomer each item was
        self._arrived = 0
        self._stride = 1
        self._bytes = 0
        self._lock = threading.Lock()

    def append(self, item: Item) -> None:
        """Add an item that is later than all others."""
        with self._lock:
            if self._items and item.step <= self._items[-1].step:
                raise ValueError(f"step {item.step} comes after step {self._items[-1].step}: steps must rise")
            if self._items and self._counts[-1] % self._stride:
                self._bytes -= self._items.pop().nbytes
                self._counts.pop()
            self._items.append(item)
            self._counts.append(self._arrived)
            self._arrived += 1
            self._bytes += item.nbytes
            while len(self._items) > 2 and (len(self._items) > self.max_items or self._bytes > self.max_bytes):
                self._stride *= 2
                kept = [i for i, n in enumerate(self._counts) if n % self._stride == 0 or i == len(self._counts) - 1]
                self._items = [self._items[i] for i in kept]
                self._counts = [self._counts[i] for i in kept]
                self._bytes = sum(item.nbytes for item in self._items)

    def after(self, step: int, limit: int | None = None) -> list[Item]:
        """The items later than ``step``, at most ``limit`` of them, oldest first."""
        with self._lock:
            start = bisect_right(self._items, step, key=lambda item: item.step)
            return self._items[start : None if limit is None else start + limit]

    def at(self, step: int) -> Item | None:
        """The newest item not later than ``step``; the first one where there is none."""
        with self._lock:
            if not self._items:
                return None
            return self._items[max(0, bisect_right(self._items, step, key=lambda item: item.step) - 1)]

    @property
    def last(self) -> Item | None:
        with self._lock:
            return self._items[-1] if self._items else None

    @property
    def nbytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._items)

    def clear(self) -> None:
        with self._lock:
            self._items, self._counts, self._bytes = [], [], 0


class Slots:
    """At most ``n`` runs compute at once; the others wait in line, first come, first served.

    A run holds a slot for one step and gives it back while it waits for its next one, so a class of
    slow-motion viewers shares two cores without waiting, and a queue forms only where work does.
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"the number of concurrent runs must be >= 1, got {n}")
        self.n = n
        self._busy = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    def acquire(self, ticket: object, *, wanted: Callable[[], bool], on_wait: Callable[[int], None]) -> bool:
        """Wait for a slot; False if it is no longer ``wanted``. ``on_wait(ahead)`` is told of a long wait."""
        started = time.monotonic()
        with self._changed:
            self._line.append(ticket)
            try:
                while self._busy >= self.n or self._line[0] is not ticket:
                    if not wanted():
                        return False
                    self._changed.wait(0.1)
                    if time.monotonic() - started > QUEUE_NOTICE:
                        on_wait(self._busy + list(self._line).index(ticket))
                self._busy += 1
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
        return True

    def release(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()


class Run:
    """One engine, driven in the background; every method may be called from any thread.

    ``steps_per_second`` paces play (None: as fast as it goes). ``frame_interval`` is the least time in
    seconds between two frames where nothing paces it: 0 keeps a frame of every step; a network that learns
    wants 0.5, for frames, and the browser that draws them, take their time from it. ``slots`` is shared by
    the runs of one server.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        slots: Slots | None = None,
        steps_per_second: float | None = None,
        frame_interval: float = 0.0,
        history: History[Frame] | None = None,
    ) -> None:
        self.engine: Engine | None = engine
        self.history: History[Frame] = history if history is not None else History()
        self.frame_interval = frame_interval
        self._slots = slots or Slots(1)
        self._steps_per_second = steps_per_second
        self._states: History[_State] = History(max_items=MAX_STATES, max_bytes=MAX_STATE_BYTES)
        self._configs: list[tuple[int, Any]] = [(-1, engine.config)]  # what held from which step on
        self._unchanged: _State | None = None  # the state that the latest change started from
        self._listeners: list[Callable[[], None]] = []
        self._wake = threading.Condition()  # guards what follows
        self._work_lock = threading.RLock()  # held while the engine computes
        self._thread: threading.Thread | None = None
        self._playing = False
        self._single_steps = 0
        self._state = "paused"
        self._message = ""
        self._ahead = 0
        self._state_kept_at = 0.0
        self._told: tuple[int, str] = (-1, "")
        self._told_at = 0.0
        first = engine.frame()
        self._step = first.step
        self._framed_at = time.monotonic()
        if self.history.last is None or self.history.last.step < first.step:
            self.history.append(first)
        self._keep_state()
        if engine.done:
            self._state = "finished"

    # -- commands ---------------------------------------------------------------------------------

    def play(self, steps_per_second: float | None = None) -> None:
        """Go on until paused or done; ``steps_per_second`` None means as fast as it goes."""
        if steps_per_second is not None and not (steps_per_second > 0 and math.isfinite(steps_per_second)):
            raise ValueError(f"speed must be a positive number of steps per second, got {steps_per_second}")
        with self._wake:
            self._steps_per_second = steps_per_second
            if self._state in ("paused", "playing", "queued"):
                self._playing = True
                self._start_worker("playing")

    def pause(self) -> None:
        """Stop after the step in hand; play goes on from there."""
        with self._wake:
            self._playing, self._single_steps = False, 0
            if self._state in ("playing", "queued"):
                self._state = "paused"
            self._wake.notify_all()
        self._notify()

    def step(self) -> None:
        """Take one step and pause."""
        with self._wake:
            if self._state in ("paused", "playing", "queued"):
                self._playing = False
                self._single_steps = min(self._single_steps + 1, 100)
                self._start_worker("playing")

    def stop(self) -> None:
        """End the run for good; its history stays."""
        self._end("stopped")

    def close(self) -> None:
        """End the run and give its memory back."""
        self._end("closed")
        with self._work_lock:  # waits for the step in hand
            self.engine = None
            self._states.clear()
            self.history.clear()

    def change(self, **settings: Any) -> None:
        """Go on from the present step with some settings changed; ValueError if they do not fit it."""
        with self._work_lock:
            engine = self._living_engine()
            if self._unchanged is None or self._unchanged.step != self._step:
                self._unchanged = _State(self._step, _copy(engine.state_dict()))
            changed = rebuild(engine, **settings)
            changed.load_state_dict(_copy(self._unchanged.values))
            self.engine = changed
            self._configs = [(step, config) for step, config in self._configs if step != self._step]
            self._configs.append((self._step, changed.config))
            with self._wake:
                if self._state == "finished" and not changed.done:
                    self._state = "paused"
        self._notify()

    def fork(self, step: int, **settings: Any) -> Run:
        """A new, paused run that goes on from ``step`` of this one with some settings changed.

        The past up to ``step`` is recomputed from the nearest kept state, bit for bit, and its frames
        are shared. KeyError where nothing is kept of that step; ValueError if the settings do not fit.
        """
        with self._work_lock:
            engine = self._living_engine()
            state = self._states.at(step)
            if step < 0 or state is None or state.step > step:
                raise KeyError(f"step {step} is not in this run's history")
            configs, states = list(self._configs), self._states.after(-1)
            replayed = self._revive(engine, _config_at(configs, state.step), state.values)
        for at in range(state.step, step):
            if (config := _config_at(configs, at)) != replayed.config:
                replayed = self._revive(engine, config, replayed.state_dict())
            if replayed.done:
                break
            replayed.step()
        forked = rebuild(replayed, **settings)
        forked.load_state_dict(_copy(replayed.state_dict()))
        history: History[Frame] = History(max_items=self.history.max_items, max_bytes=self.history.max_bytes)
        for frame in self.history.after(-1):
            if frame.step < step:
                history.append(frame)
        run = Run(
            forked,
            slots=self._slots,
            steps_per_second=self._steps_per_second,
            frame_interval=self.frame_interval,
            history=history,
        )
        run._states.clear()
        for kept in states:
            if kept.step < step:
                run._states.append(kept)
        run._keep_state()
        run._configs = [(at, config) for at, config in configs if at < step] + [(step, forked.config)]
        return run

    def _revive(self, engine: Engine, config: Any, state: Mapping[str, Any]) -> Engine:
        revived: Engine = type(engine)(config, data=engine.data, device=str(engine.device))  # type: ignore[call-arg]
        revived.load_state_dict(_copy(state))
        return revived

    def config_at(self, step: int) -> Any:
        """The settings that held from ``step`` on."""
        return _config_at(self._configs, step)

    @contextlib.contextmanager
    def steady(self) -> Iterator[Engine]:
        """The engine between two steps, for as long as the with lasts: to read its state."""
        with self._work_lock:
            yield self._living_engine()

    # -- what a viewer asks ------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        with self._wake:
            return Status(state=self._state, step=self._step, message=self._message, ahead=self._ahead)

    @property
    def alive(self) -> bool:
        """True while a worker thread exists."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` (quickly, from the worker) on every change; returns how to end that."""
        with self._wake:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._wake:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def wait(self, timeout: float | None = None) -> Status:
        """Block until no worker is left (paused, finished, failed, ...); for tests and scripts."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self.status

    # -- the worker --------------------------------------------------------------------------------

    def _start_worker(self, state: str) -> None:
        self._state = state
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="lab-run", daemon=True)
            self._thread.start()
        self._wake.notify_all()

    def _wanted(self) -> bool:
        return (self._playing or self._single_steps > 0) and self._state in ("playing", "queued")

    def _work(self) -> None:
        with threads(self.engine.n_threads if self.engine else None):
            self._work_on()

    def _work_on(self) -> None:
        while True:
            started = time.monotonic()
            with self._wake:
                if not self._wanted():
                    if self._state in ("playing", "queued"):
                        self._state = "paused"
                    self._thread = None
                    break
            if not self._slots.acquire(self, wanted=self._wanted, on_wait=self._queued):
                continue
            try:
                with self._wake:
                    self._ahead = 0
                    if self._state == "queued":
                        self._state = "playing"
                self._advance()
            finally:
                self._slots.release()
            self._tell()
            self._rest(started)
        self._notify()

    def _rest(self, started: float) -> None:
        """Sleep for what is left of this step's share of a second, unless something changes."""
        with self._wake:
            while self._playing and self._steps_per_second and self._state == "playing":
                left = started + 1 / self._steps_per_second - time.monotonic()
                if left <= 0:
                    break
                self._wake.wait(left)

    def _advance(self) -> None:
        """One step; at full speed as many as fit into BURST without a frame, for each costs a turn of the slots."""
        with self._work_lock:
            engine, began = self.engine, time.monotonic()
            if engine is None or not self._wanted():
                return
            try:
                while True:
                    engine.step()
                    done = engine.done
                    with self._wake:
                        self._step += 1
                        if self._single_steps:
                            self._single_steps -= 1
                        ending = done or not self._wanted()
                    paced, now = self._steps_per_second is not None, time.monotonic()
                    if ending or paced or now - self._framed_at >= self.frame_interval:
                        frame = engine.frame()
                        _check_finite(frame)
                        self.history.append(frame)
                        self._framed_at = time.monotonic()
                        break
                    if now - began > BURST:
                        break
                self._keep_state()
            except Exception as error:
                self._fail(_sentence(error, engine.name, self._step))
                return
        if done:
            with self._wake:
                if self._state in ("playing", "queued"):
                    self._state, self._playing, self._single_steps = "finished", False, 0

    def _fail(self, message: str) -> None:
        with self._wake:
            self._state, self._message, self._playing, self._single_steps = "failed", message, False, 0

    def _queued(self, ahead: int) -> None:
        with self._wake:
            if self._state not in ("playing", "queued") or self._ahead == ahead:
                return
            self._state, self._ahead = "queued", ahead
        self._notify()

    def _end(self, state: str) -> None:
        with self._wake:
            self._playing, self._single_steps = False, 0
            if self._state != "closed":
                self._state = state
            self._wake.notify_all()
        self._notify()

    def _tell(self) -> None:
        """Notify of what a step brought; of a step without a frame only now and then, for a thousand come a second."""
        last, now = self.history.last, time.monotonic()
        told = (last.step if last else -1, self.status.state)
        if told != self._told or now - self._told_at > TELL_INTERVAL:
            self._told, self._told_at = told, now
            self._notify()

    def _notify(self) -> None:
        with self._wake:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def _living_engine(self) -> Engine:
        if self.engine is None:
            raise ValueError("this run has ended: start a new one")
        return self.engine

    def _keep_state(self) -> None:
        """Keep a full state now and then, so that any step can be recomputed from one nearby."""
        now = time.monotonic()
        last = self._states.last
        if last is not None and (now - self._state_kept_at < STATE_INTERVAL or last.step >= self._step):
            return
        self._state_kept_at = now
        self._states.append(_State(self._step, _copy(self._living_engine().state_dict())))


@dataclass(frozen=True, slots=True)
class _State:
    step: int
    values: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        return sum(getattr(value, "nbytes", 64) for value in self.values.values())


def _config_at(configs: list[tuple[int, Any]], step: int) -> Any:
    return [config for since, config in configs if since <= step][-1]


def _copy(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that the engine's next step cannot reach into."""
    return {key: value.clone() if hasattr(value, "clone") else value for key, value in state.items()}


def _check_finite(frame: Frame) -> None:
    for name, value in frame.scalars.items():
        if math.isnan(value):
            raise FloatingPointError(f"{name} became NaN at step {frame.step}: go back and change a setting")
    for name, array in frame.arrays.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise FloatingPointError(f"{name} became NaN at step {frame.step}: go back and change a setting")


def _sentence(error: Exception, name: str, step: int) -> str:
    """One sentence for a viewer: an engine's own words where it has them, never a traceback."""
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, (FloatingPointError, ValueError)) and text:
        return f"Stopped at step {step}: {text}"
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return f"Stopped at step {step}: {name} ran out of memory; choose less data or a smaller model"
    return f"Stopped at step {step}: {name} failed ({type(error).__name__}: {text or 'no details'}); start it again"
