"""Questions that a component asks past Streamlit: JSON in, pictures or numbers out, a sentence if it is wrong.

    ROUTES = [route("/lab/kl", compare), follow("/lab/vae/{source}/follow", decode)]

``ask(question=..., **path) -> dict`` is called off the event loop; a ValueError's sentence is the
answer to a wrong question.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pages.ui.guard import read_json
from pages.ui.wire import pack

Ask = Callable[..., dict[str, Any]]


def route(path: str, ask: Ask) -> Route:
    """One question a request (POST); a wrong one is answered with status 400."""

    async def answer(request: Request) -> Response:
        try:
            found, status = await _answer(ask, await request.body(), request.path_params), 200
        except ValueError as error:
            found, status = {"error": _sentence(error)}, 400
        return Response(pack(found), status_code=status, media_type="application/json")

    return Route(path, answer, methods=["POST"])


def follow(path: str, ask: Ask) -> WebSocketRoute:
    """One question after another over a socket: half the delay of a request each."""

    async def answer(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            try:
                text = await socket.receive_text()
            except (WebSocketDisconnect, KeyError, RuntimeError):
                return
            try:
                found = await _answer(ask, text, socket.path_params)
            except ValueError as error:
                found = {"error": _sentence(error)}
            try:
                await socket.send_text(pack(found))
            except (WebSocketDisconnect, RuntimeError):
                return

    return WebSocketRoute(path, answer)


async def _answer(ask: Ask, text: bytes | str, path: dict[str, Any]) -> dict[str, Any]:
    return await asyncio.to_thread(ask, question=read_json(text), **path)


def _sentence(error: ValueError) -> str:
    return str(error)[:300]


# -- what a question may be about ----------------------------------------------------------------------------

_loading = threading.Lock()


def network(name: str, variant: str, variants: Iterable[str], called: str) -> Any:
    """The shipped network of this variant, "default" for the plain one; ValueError where there is none."""
    if variant != "default" and variant not in variants:
        known = ", ".join(filter(None, variants))
        raise ValueError(f"no {called} is called {variant[:40]!r}: known are default, {known}")
    return shipped(name, variant)


def shipped(name: str, variant: str) -> Any:
    """As `pages.ui.shipped.model`, off Streamlit's threads."""
    with _loading:  # two viewers who ask at once must not load it twice
        return _loaded(name, "" if variant == "default" else variant)


@lru_cache(maxsize=44)
def _loaded(name: str, variant: str) -> Any:
    import engines

    return engines.pretrained(name, variant)


def whole(value: Any, name: str, high: int, low: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high:,}, got {repr(value)[:40]}")
    return value


def row_or_seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError(f"a row or seed must be a whole number >= 0, got {repr(value)[:40]}")
    return value


def real(value: Any, name: str, low: float, high: float) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {repr(value)[:40]}")
    return float(value)
