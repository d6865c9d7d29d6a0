"""Links between pages as HTML of our own: the bar at the top, the map and the cards are one component.

Streamlit's own links cost an element each; forty of them a page would be sent with every rerun. These are plain
``<a href>`` in one element, which open in a new tab as links do. A plain click changes the address and tells Streamlit
as the browser's Back button would, so that the page opens without loading the app anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages.ui import player

_STATIC = Path(__file__).parent / "static"


_registering = threading.Lock()


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    css, js = ((_STATIC / name).read_text(encoding="utf-8") for name in ("course.css", "course.js"))
    return st.components.v2.component("lab_links", html='<div class="course"></div>', css=css, js=js)


def show(html: str, *, key: str) -> None:
    """Our own markup, its texts escaped, with links that open pages."""
    with _registering:
        mount = _component()
    mount(key=key, data={"html": html})


def address(slug: str = "", **query: str) -> str:
    """Where a page is, with settings in its address; the home page without a slug. Unescaped."""
    return f"{player.root()}{slug}" + (f"?{urlencode(query)}" if query else "")
