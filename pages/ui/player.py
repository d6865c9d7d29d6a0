"""The player: the one widget that shows a run. Its browser half is in pages/ui/static/."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.ui import palette

STATIC = Path(__file__).parent / "static"
OTHERS = (
    "latent.js",
    "board.js",
    "gaussians.js",
    "colouring.js",
    "drive.js",
    "posing.js",
    "raising.js",
    "asking.js",
    "presenter.js",
    "hand.js",
    "strokes.js",
)  # what single pages bring
# Plotly's build for plane charts: a third of the whole library, which the browser would have to read before it draws.
PLOTLY = "vendor/plotly-cartesian.min.js"
VENDOR = ("vendor/lit-html.js", "vendor/gifenc.js", "vendor/lab-math.woff2", PLOTLY)
# The player's own modules, which import each other; the GIF encoder comes when it is asked for.
SCRIPTS = (*sorted({path.name for path in STATIC.glob("*.js")} - set(OTHERS)), VENDOR[0])

# The component itself is three lines: the modules come from our own route, where the browser caches them.
_LOADER = """
export default async function (component) {{
  const {{ root, version }} = component.data;
  const {{ mount }} = await import(new URL(`${{root}}lab/static/${{version}}/{name}.js`, document.baseURI));
  return mount(component);
}}
"""


@lru_cache(maxsize=1)
def version() -> str:
    """A hash of what the browser may cache forever."""
    digest = hashlib.sha256()
    for name in sorted({*SCRIPTS, *OTHERS, *VENDOR, "player.css"}):
        digest.update((STATIC / name).read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=64)
def _asset(name: str) -> bytes:
    return gzip.compress((STATIC / name).read_bytes(), compresslevel=6, mtime=0)


def static_file(request: Request) -> Response:
    """Serve a script or font of the player, compressed once and cached by the browser.

    Starlette's StaticFiles behind its GZip would compress Plotly's 1.5 MB anew for every viewer.
    """
    name = request.path_params["name"]
    if name not in (*SCRIPTS, *OTHERS, *VENDOR):
        return Response("no such file", status_code=404)
    headers = {
        "Content-Encoding": "gzip",
        "Cache-Control": "public, max-age=31536000, immutable"
        if request.path_params["version"] == version()
        else "no-store",
    }
    kind = "font/woff2" if name.endswith(".woff2") else "text/javascript"
    return Response(_asset(name), media_type=kind, headers=headers)


def warm() -> None:
    """Compress the scripts before the first viewer asks for them."""
    for name in (*SCRIPTS, PLOTLY):
        _asset(name)


ROUTES = [Route("/lab/static/{version}/{name:path}", static_file)]


class Preload:
    """Middleware: tells the browser, with the page itself, to fetch the player's scripts at once.

    Without it they are asked for only when Streamlit has drawn the page around the player, a second later.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_links(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                    message = {**message, "headers": [*headers, (b"link", _links().encode())]}
            await send(message)

        await self.app(scope, receive, with_links if scope["type"] == "http" else send)


@lru_cache(maxsize=1)
def _links() -> str:
    address = f"{root()}lab/static/{version()}"
    scripts = [f"<{address}/{name}>; rel=modulepreload" for name in SCRIPTS]
    return ", ".join([f"<{address}/{PLOTLY}>; rel=preload; as=script", *scripts])


_registering = threading.Lock()


@lru_cache(maxsize=32)
def registered(name: str) -> Callable[..., Any]:
    """The component whose browser half is static/NAME.js, with NAME.css after the player's; registered once."""
    sheets = [STATIC / f"{sheet}.css" for sheet in dict.fromkeys(("player", name))]
    css = "".join(sheet.read_text() for sheet in sheets)
    return st.components.v2.component(f"lab_{name}", css=css, js=_LOADER.format(name=name))


def mount(name: str, *, key: str, data: dict[str, Any], **callbacks: Callable[[], Any]) -> Any:
    """Show the component NAME; what its browser half needs to find its modules and colours is added to ``data``."""
    with _registering:
        show = registered(name)
    given = {"root": root(), "version": version(), "palette": palette.ROLES, **data}
    return show(key=key, data=given, **callbacks)


def player(
    token: str, *, key: str, on_event: Callable[[str], None], layers: Sequence[Sequence[Any]] = (), **options: Any
) -> Any:
    """Show the live run behind ``token``; returns the component's result with its triggers.

    ``layers`` of the stage can be switched: (name, words for readers, on at first?), on unless said; traces belong to
    one by ``meta={"layer": name}``. Options: title, slug, speed, speeds, autoplay, open ("start" or "end"), numbers,
    edit, forkable, group, lead, background. Triggers: points, means, cells, fork, gone; ``on_event(key)`` is called for
    each before the page's script runs.
    """
    callbacks = {
        f"on_{name}_change": lambda name=name: on_event(name) for name in ("points", "means", "cells", "fork", "gone")
    }
    switches = [{"id": name, "label": label, "on": on[0] if on else True} for name, label, *on in layers]
    return mount("player", key=key, data={"token": token, "layers": switches, **options}, **callbacks)


def prefetch() -> None:
    """On a page without a player: let the browser load the drawing library while it has nothing to do."""
    address = f"{root()}lab/static/{version()}/{PLOTLY}"
    st.html(
        "<script>requestIdleCallback(() => { if (!window.Plotly) window.labPlotly ??= new Promise((done, fail) => "
        "document.head.append(Object.assign(document.createElement('script'), "
        f"{{ src: '{address}', onload: done, onerror: fail }}))); }}, {{ timeout: 1500 }});</script>",
        unsafe_allow_javascript=True,
    )


def root() -> str:
    """The path that the app is served under, as the browser sees it."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/" if base else "/"
