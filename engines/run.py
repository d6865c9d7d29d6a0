r"""Run: drives one engine in the background for one viewer, and keeps what it has shown.

A run plays, pauses, takes single steps and stops. It keeps the frames (thinned, so that their memory
stays bounded) and a few full states, from which any earlier step can be recomputed bit for bit: that is
what a fork starts from. An exception or a NaN inside the engine stops the run, keeps its history, and
becomes one sentence. A worker thread exists only while there is something to compute.

Bounds, per run: MAX_FRAMES frames and MAX_FRAME_BYTES of them, MAX_STATES states and MAX_STATE_BYTES, and its equal
part of what all runs of its `Slots` may keep.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.devices import threads
from engines.engine import Engine, Frame, rebuild
from engines.history import MAX_FRAME_BYTES, History
from engines.slots import Slots

MAX_STATES = 24
MAX_STATE_BYTES = 48 << 20
STATE_INTERVAL = 0.25  # seconds between kept states; replaying from one costs at most about this long
BURST = 0.005  # seconds of steps in one turn of the slots, at full speed
TELL_INTERVAL = 0.25  # seconds between two notices where nothing new is to be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a run is doing. ``state``: paused, playing, queued, finished, failed, stopped or closed."""

    state: str
    step: int  # of the engine, which may be ahead of the newest frame
    message: str = ""  # one sentence when failed
    ahead: int = 0  # when queued: runs that come before this one


@dataclass(frozen=True, slots=True)
class _State:
    step: int
    values: Mapping[str, Any]

    @property
    def nbytes(self) -> int:
        return sum(getattr(value, "nbytes", 64) for value in self.values.values())


@dataclass(slots=True)
class Past:
    """What a fork begins with: frames to show, states to recompute from, and the settings that held."""

    frames: History[Frame] = field(default_factory=History)
    states: History[_State] = field(default_factory=lambda: History(max_items=MAX_STATES, max_bytes=MAX_STATE_BYTES))
    configs: list[tuple[int, Any]] = field(default_factory=list)  # (from which step on, config)


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
        past: Past | None = None,
    ) -> None:
        past = past or Past()
        self.engine: Engine | None = engine
        self.history = past.frames
        self.frame_interval = frame_interval
        self._slots = slots or Slots(1)
        self._steps_per_second = steps_per_second
        self._states = past.states
        with threads(engine.n_threads):
            first = engine.frame()
        # What held from which step on.
        self._configs = [*past.configs, (first.step if past.configs else -1, engine.config)]
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
        self._step = first.step
        self._framed_at = time.monotonic()
        if self.history.last is None or self.history.last.step < first.step:
            self.history.append(first)
        self._keep_state()
        self._slots.join(self)
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
        self._slots.leave(self)

    def limit(self, max_bytes: int) -> None:
        """Keep at most so much of the past, half of it frames and half states."""
        self.history.limit(min(MAX_FRAME_BYTES, max_bytes // 2))
        self._states.limit(min(MAX_STATE_BYTES, max_bytes // 2))

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

        The past up to ``step`` is recomputed from the nearest kept state, bit for bit (so on as many threads of torch
        as the run computes on), and its frames are shared. KeyError where nothing is kept of that step; ValueError if
        the settings do not fit.
        """
        with self._work_lock:
            engine = self._living_engine()
            state = self._states.at(step)
            if step < 0 or state is None or state.step > step:
                raise KeyError(f"step {step} is not in this run's history")
            configs, states = list(self._configs), self._states.after(-1)
            replayed = self._revive(engine, _config_at(configs, state.step), state.values)
        with threads(replayed.n_threads):
            for at in range(state.step, step):
                if (config := _config_at(configs, at)) != replayed.config:
                    replayed = self._revive(engine, config, replayed.state_dict())
                if replayed.done:
                    break
                replayed.step()
            forked = rebuild(replayed, **settings)
            forked.load_state_dict(_copy(replayed.state_dict()))
        past = Past(frames=History(max_items=self.history.max_items, max_bytes=self.history.max_bytes))
        for frame in self.history.after(-1):
            if frame.step < step:
                past.frames.append(frame)
        for kept in states:
            if kept.step < step:
                past.states.append(kept)
        past.configs.extend((at, config) for at, config in configs if at < step)
        return Run(
            forked,
            slots=self._slots,
            steps_per_second=self._steps_per_second,
            frame_interval=self.frame_interval,
            past=past,
        )

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

    def _single(self) -> bool:
        return self._single_steps > 0

    def _work(self) -> None:
        try:
            with threads(self.engine.n_threads if self.engine else None):
                self._work_on()
        except BaseException as error:  # even SystemExit: no run says that it plays without a worker
            with self._wake:
                self._thread = None
            self._fail(_sentence(error, self.engine.name if self.engine else "the run", self._step))
            self._notify()

    def _work_on(self) -> None:
        while True:
            started = time.monotonic()
            with self._wake:
                if not self._wanted():
                    if self._state in ("playing", "queued"):
                        self._state = "paused"
                    self._thread = None
                    break
            if not self._slots.acquire(self, wanted=self._wanted, on_wait=self._queued, single=self._single):
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
            except BaseException as error:  # SystemExit too
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


def _config_at(configs: list[tuple[int, Any]], step: int) -> Any:
    return [config for since, config in configs if since <= step][-1]


def _copy(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that the engine's next step cannot reach into."""
    return {key: value.clone() if hasattr(value, "clone") else value for key, value in state.items()}


def _check_finite(frame: Frame) -> None:
    for name, value in (*frame.scalars.items(), *frame.arrays.items()):
        if np.asarray(value).dtype.kind == "f" and np.isnan(value).any():
            raise FloatingPointError(f"{name} became NaN at step {frame.step}: go back and change a setting")


def _sentence(error: BaseException, name: str, step: int) -> str:
    """One sentence for a viewer: an engine's own words where it has them, never a traceback."""
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, (FloatingPointError, ValueError)) and text:
        return f"Stopped at step {step}: {text}"
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return f"Stopped at step {step}: {name} ran out of memory; choose less data or a smaller model"
    return f"Stopped at step {step}: {name} failed ({type(error).__name__}: {text or 'no details'}); start it again"
