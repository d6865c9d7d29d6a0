"""What every request to the app's own routes (/lab/...) passes: who may ask, how much, and what a fault looks like."""

from __future__ import annotations

import json
import logging
import math
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

MAX_MESSAGE = 1 << 17  # bytes of a message or a body that a browser may send to a route: 400 codes of a VAE
_log = logging.getLogger(__name__)


def limit_uploads() -> None:
    """Streamlit's own limit, from ours: it holds before bytes are read."""
    from streamlit import config

    from engines import devices

    megabytes = -(-devices.limits().max_upload_bytes // 2**20)
    config.set_option("server.maxUploadSize", megabytes, "engines.devices.limits")


def allowed(origin: str | None, host: str | None) -> bool:
    """Streamlit's rule for its own stream: the same host, or one that its settings name; no Origin is no browser."""
    from streamlit.web.server.server_util import is_url_from_allowed_origins

    if origin is None:
        return True
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:  # "http://[": no address at all
        return False
    return netloc == host or bool(is_url_from_allowed_origins(origin))


def read_json(raw: bytes | str) -> dict[str, Any]:
    """A JSON object of finite numbers; ValueError says in one sentence why it is none.

    Python's json reads NaN, Infinity and whole numbers of 309 digits, which no float can hold.
    """
    if len(raw) > MAX_MESSAGE:
        raise ValueError(f"a message of {len(raw):,} bytes is over the limit of {MAX_MESSAGE:,}: send less")
    try:
        value = json.loads(raw, parse_int=_whole, parse_float=_real, parse_constant=_real)
    except (ValueError, RecursionError) as error:
        said = str(error)[:80] if isinstance(error, ValueError) else "too many brackets"
        raise ValueError(f"a message must be JSON of finite numbers ({said})") from None
    if not isinstance(value, dict):
        raise ValueError("a message must be a JSON object")
    return value


def _whole(text: str) -> int:
    if len(text) > 16:
        raise ValueError(f"a whole number of {len(text)} digits; 15 is the limit")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


class Guard:
    """Middleware for /lab/...: the same Origin as Streamlit's stream, bounded bodies, no sniffing, no tracebacks."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket") or "/lab/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        socket = scope["type"] == "websocket"
        if not allowed(headers.get("origin"), headers.get("host")):
            await _refuse(send, socket, 403, "another site may not ask this")
            return
        size = headers.get("content-length", "0")
        if not (size.isdecimal() and len(size) < 16) or int(size) > MAX_MESSAGE:
            await _refuse(send, socket, 413, f"a body of more than {MAX_MESSAGE:,} bytes: send less")
            return
        began = False
        taken = 0

        async def take() -> Any:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > MAX_MESSAGE:  # sent in pieces, without saying how much
                    raise ClientDisconnect
            return message

        async def give(message: Any) -> None:
            nonlocal began
            if message["type"] in ("http.response.start", "websocket.accept"):
                began = True
                kept = message.get("headers", [])
                message = {**message, "headers": [*kept, (b"x-content-type-options", b"nosniff")]}
            await send(message)

        try:
            await self.app(scope, take, give)
        except ClientDisconnect:  # a browser that leaves is no fault
            if taken > MAX_MESSAGE and not began:
                await _refuse(send, socket, 413, f"a body of more than {MAX_MESSAGE:,} bytes: send less")
        except Exception:
            _log.exception("A route failed")
            if not began:
                await _refuse(send, socket, 500, "this went wrong here: reload the page")


async def _refuse(send: Any, socket: bool, status: int, sentence: str) -> None:
    if socket:  # closed before it is accepted: the browser sees a refused handshake
        await send({"type": "websocket.close", "code": 1008})
        return
    kept = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": sentence.encode()})
