"""Questions that a component asks past Streamlit: JSON in, pictures or numbers out, a sentence if it is wrong.

    ROUTES = [route("/lab/kl", compare), follow("/lab/vae/{source}/follow", decode)]

``ask(question=..., **path) -> dict`` is called off the event loop; a ValueError's sentence is the
answer to a wrong question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
