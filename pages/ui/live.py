r"""The runs that browsers are watching, and the socket through which they watch.

A page puts its `Run` on the table and hands the browser a token. The player opens ``/lab/run/TOKEN``,
receives pictures in batches and sends commands: playing, stepping and scrubbing cost no rerun of the
page's script. Whoever holds the token holds the run; it is 128 random bits.

A run is watched while a socket is open on it. `sweep`, called every few seconds, pauses an unwatched run
after PAUSE_AFTER seconds and closes it once its session has gone for END_AFTER seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from engines import devices
from engines.engine import Frame
from engines.run import Run
from engines.slots import Slots
from pages.ui.guard import read_json
from pages.ui.reel import Reel
from pages.ui.wire import pack, strip

PAUSE_AFTER = 2.0  # it would take the processor from the page that is opened next; who comes back plays on
END_AFTER = 15.0
SWEEP_EVERY = 1.0
MAX_LIVE = 256  # runs on the table; the one unwatched for longest makes room
MAX_PER_SESSION = 4
BATCH = 40  # frames a message: small enough that the first picture does not wait for the rest
MAX_MESSAGE = 8_192  # bytes a browser may send
MAX_ANSWERS = 2  # explanations computed at once, over all viewers
IMAGES = {"images", "map", "compare", "volume", "roll", "sheet"}  # what of a picture travels as an image file
SPEEDS = (0.01, 100_000.0)  # steps per second that a browser may ask for

_log = logging.getLogger(__name__)

Blocks = list[dict[str, Any]]
# What explains a step: its blocks; where a pixel of a sheet is asked about with "overlay", "tip" and "traces".
Explanation = Blocks | dict[str, Any]


@dataclass(kw_only=True)
class Live:
    """A run on the stage: how its frames become pictures, how a step is explained in numbers, and who watches it."""

    run: Run | Reel
    base: dict[str, Any]  # what all its pictures share: layout, traces, point positions
    draw: Callable[[Frame], dict[str, Any]]
    explain: Callable[[Frame, dict[str, Any]], Explanation] | None = None
    again: Callable[[Any], Live] | None = None  # the same stage for another run on the same data: a fork
    data_code: str = ""  # the lines of Python that make the `data` of its engine, or its `frames`, for `ui/code.py`
    session: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    watchers: int = 0
    shown: int | None = None  # the step under the scrubber, as the browser last said; None before its first picture
    unwatched_since: float = field(default_factory=time.monotonic)


class Table:
    """The live runs by token, bounded; safe to use from any thread."""

    def __init__(self, *, session_active: Callable[[str], bool] = bool) -> None:
        self.session_active = session_active
        self._lives: OrderedDict[str, Live] = OrderedDict()
        self._lock = threading.Lock()
        self.answering = asyncio.Semaphore(MAX_ANSWERS)  # whoever waits longest is next

    def add(self, live: Live) -> str:
        """Put a run on the table and return its token; RuntimeError where every place is being watched."""
        with self._lock:
            mine = [other for other in self._lives.values() if other.session == live.session]
            dropped = mine[: max(0, len(mine) - MAX_PER_SESSION + 1)]
            if not dropped and len(self._lives) >= MAX_LIVE:
                idle = [other for other in self._lives.values() if not other.watchers]
                if not idle:
                    raise RuntimeError(
                        f"{MAX_LIVE} runs are being watched on this server, which is its limit: "
                        "try again in a minute, or run the app on your own machine"
                    )
                dropped = [min(idle, key=lambda other: other.unwatched_since)]
            for other in dropped:
                del self._lives[other.token]
            self._lives[live.token] = live
        for other in dropped:
            _close(other)
        return live.token

    def get(self, token: str | None) -> Live | None:
        with self._lock:
            return self._lives.get(token or "")

    def remove(self, token: str | None) -> None:
        with self._lock:
            live = self._lives.pop(token or "", None)
        if live is not None:
            _close(live)

    def watch(self, live: Live, change: int) -> None:
        with self._lock:
            live.watchers += change
            live.unwatched_since = time.monotonic()

    def wait_until_drawn(self, token: str | None, timeout: float = 2.0) -> None:
        """Return once a browser has drawn the run's first picture, or after ``timeout`` seconds.

        What comes below the stage is sent after that: controls and formulas take the browser a second.
        """
        end = time.monotonic() + timeout
        live = self.get(token)
        while live is not None and live.shown is None and time.monotonic() < end:
            time.sleep(0.02)

    def sweep(self, now: float | None = None) -> None:
        """Pause what nobody watches, close what nobody will come back to."""
        now = time.monotonic() if now is None else now
        with self._lock:
            idle = [live for live in self._lives.values() if not live.watchers]
        for live in idle:
            away = now - live.unwatched_since
            if away > END_AFTER and not self.session_active(live.session):
                self.remove(live.token)
            elif away > PAUSE_AFTER and live.run.status.state in ("playing", "queued"):
                live.run.pause()

    def __len__(self) -> int:
        return len(self._lives)


def _close(live: Live) -> None:
    # Closing waits for the step in hand; that must not hold up the caller.
    threading.Thread(target=live.run.close, name="lab-close", daemon=True).start()


async def watch_run(socket: WebSocket, table: Table) -> None:
    """Send pictures as they come, carry out commands; ends with the socket."""
    await socket.accept()
    live = table.get(socket.path_params["token"])
    if live is None:
        await socket.send_text('{"type":"gone"}')
        await socket.close()
        return
    sent = _integer(socket.query_params.get("after"), default=-1)
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    changed.set()
    unsubscribe = live.run.subscribe(lambda: loop.call_soon_threadsafe(changed.set))
    table.watch(live, +1)
    try:
        questions: asyncio.Queue[dict[str, Any]] = asyncio.Queue(1)
        tasks = [
            asyncio.create_task(_send_pictures(socket, live, changed, sent)),
            asyncio.create_task(_answer(socket, live, questions, table.answering)),
        ]
        try:
            with contextlib.suppress(WebSocketDisconnect):  # it left before its answer
                await _receive_commands(socket, live, questions)
        finally:
            for task in tasks:
                task.cancel()
    finally:
        unsubscribe()
        table.watch(live, -1)


async def _send_pictures(socket: WebSocket, live: Live, changed: asyncio.Event, sent: int) -> None:
    with contextlib.suppress(WebSocketDisconnect):  # the browser has gone: the receiver ends the watch
        await _send_forever(socket, live, changed, sent)


async def _send_forever(socket: WebSocket, live: Live, changed: asyncio.Event, sent: int) -> None:
    hello = {"type": "hello", "base": live.base, "status": status_of(live)}
    await _send(socket, await asyncio.to_thread(pack, hello))
    while True:
        await changed.wait()
        changed.clear()
        more = True
        while more:
            frames = live.run.history.after(sent, limit=BATCH)
            try:
                message = await asyncio.to_thread(_message, live, frames)
            except Exception as error:
                _log.error("A picture failed", exc_info=error)
                live.run.pause()
                said = (
                    f"step {frames[0].step} or one soon after cannot be drawn ({type(error).__name__}): restart the run"
                )
                await _send(socket, pack({"type": "error", "message": said}))
                return
            await _send(socket, message)
            sent = frames[-1].step if frames else sent
            more = len(frames) == BATCH
        # Batches what a fast engine makes; steps without a frame are told of less often still.
        await asyncio.sleep(0.02 if frames or live.run.status.state != "playing" else 0.5)


async def _send(socket: WebSocket, message: str | bytes) -> None:
    await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))


def _message(live: Live, frames: list[Frame]) -> str | bytes:
    return pack({"type": "frames", "frames": [picture(live, frame) for frame in frames], "status": status_of(live)})


def picture(live: Live, frame: Frame) -> dict[str, Any]:
    """A frame as the player draws it: what `draw` made, with the step and its scalars. Without traces there are none,
    and who cannot see it is told the caption where it says nothing else.
    """
    drawn = {"traces": {}, **live.draw(frame)}
    drawn.setdefault("alt", drawn.get("caption", ""))
    for name in IMAGES & drawn.keys():
        if isinstance(drawn[name], np.ndarray):
            drawn = {**drawn, name: strip(drawn[name][None] if name == "sheet" else drawn[name])}
    return {"step": frame.step, "phase": frame.phase, "scalars": dict(frame.scalars), **drawn}


def status_of(live: Live) -> dict[str, Any]:
    status = live.run.status
    return {"state": status.state, "step": status.step, "message": status.message, "ahead": status.ahead}


async def _receive_commands(socket: WebSocket, live: Live, questions: asyncio.Queue[dict[str, Any]]) -> None:
    while True:
        try:
            text = await socket.receive_text()
        except (WebSocketDisconnect, KeyError, RuntimeError):
            return
        try:
            command = read_command(text)
            if command.get("do") == "explain":
                while not questions.empty():
                    questions.get_nowait()  # the viewer's newest is the one to answer
                questions.put_nowait(command)
                _look_at(live, command)
                continue
            answer = await asyncio.to_thread(carry_out, live, command)
        except ValueError as error:
            answer = {"type": "error", "message": str(error)}
        if answer is not None:
            await _send(socket, pack(answer))


async def _answer(
    socket: WebSocket, live: Live, questions: asyncio.Queue[dict[str, Any]], answering: asyncio.Semaphore
) -> None:
    """Answer one viewer's questions one at a time. A viewer has one place in the line, however many they ask, so who
    asks once waits for one question of each other viewer at most."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            command = await questions.get()
            try:
                async with answering:
                    answer = await asyncio.to_thread(_explanation, live, command)
            except ValueError as error:
                answer = {"type": "error", "message": str(error)}
            except Exception as error:
                _log.error("An explanation failed", exc_info=error)
                answer = {"type": "error", "message": f"this cannot be explained ({type(error).__name__}): go on"}
            await _send(socket, pack(answer))


def read_command(text: str) -> dict[str, Any]:
    """What a browser sent; ValueError where it is no command."""
    if len(text) > MAX_MESSAGE:
        raise ValueError(f"a command of {len(text)} characters is over the limit of {MAX_MESSAGE}")
    return read_json(text)


def carry_out(live: Live, command: dict[str, Any]) -> dict[str, Any] | None:
    """One command of the player; ValueError says in one sentence what is wrong with it."""
    match command.get("do"):
        case "play":
            live.run.play(_speed(command.get("speed")))
        case "pause":
            live.run.pause()
        case "step":
            live.run.step()
        case "stop":
            live.run.stop()
        case "at":
            live.shown = _integer(command.get("step"), default=0)
        case "explain":
            _look_at(live, command)
            return _explanation(live, command)
        case "code":
            from pages.ui import code

            step = _integer(command.get("step"), default=0)
            return {"type": "code", "step": step, "text": code.of_step(live, max(0, step))}
        case other:
            raise ValueError(f"unknown command {repr(other)[:40]}; known: play, pause, step, stop, at, explain, code")
    return None


def _speed(value: Any) -> float | None:
    """Steps per second; None for as fast as it goes."""
    if value is None:
        return None
    # JSON's true is a Python int, and Infinity or 1e-320 would be a wait that no clock can measure.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not SPEEDS[0] <= value <= SPEEDS[1]:
        low, high = SPEEDS
        raise ValueError(f"speed must be from {low:g} to {high:,.0f} steps per second, got {repr(value)[:40]}")
    return float(value)


def _look_at(live: Live, command: dict[str, Any]) -> None:
    """Who asks about a step has it before them."""
    frame = live.run.history.at(_integer(command.get("step"), default=0))
    live.shown = frame.step if frame else None


def _explanation(live: Live, command: dict[str, Any]) -> dict[str, Any]:
    frame = live.run.history.at(_integer(command.get("step"), default=0))
    pick = command.get("pick")
    if live.explain is None or frame is None or not isinstance(pick, dict):
        return {"type": "numbers", "step": -1, "blocks": []}
    found = live.explain(frame, pick)
    return {"type": "numbers", "step": frame.step, **(found if isinstance(found, dict) else {"blocks": found})}


def _integer(value: Any, *, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return default


async def sweep_forever(table: Table) -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        await asyncio.to_thread(table.sweep)


def _session_active(session: str) -> bool:
    from streamlit.runtime import Runtime

    return Runtime.exists() and Runtime.instance().is_active_session(session)


TABLE = Table(session_active=_session_active)
SLOTS = Slots(devices.limits().max_concurrent_runs)
ROUTES = [WebSocketRoute("/lab/run/{token}", lambda socket: watch_run(socket, TABLE))]
