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

_CSS = Path(__file__).parent / "static" / "course.css"

_JS = """
// Between a phone, where Streamlit starts with the controls closed, and 1100 px they are a drawer: closed at first.
function drawer() {
  if (window.labDrawer) return;
  window.labDrawer = true;
  const between = () => innerWidth > 768 && innerWidth < 1100;
  const shut = () => {
    const side = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]');
    const button = side?.querySelector('[data-testid="stSidebarCollapseButton"] button');
    button?.click();
    return Boolean(button);
  };
  const ready = () => document.body.classList.add("lab-ready");
  if (between()) {
    const look = new MutationObserver(() => { if (shut()) { look.disconnect(); setTimeout(ready, 400); } });
    look.observe(document.body, { childList: true, subtree: true });
    setTimeout(() => { look.disconnect(); ready(); }, 20000);
  } else ready();
  document.addEventListener("pointerdown", (event) => {
    if (between() && event.target.closest?.('[data-testid="stMain"]')) shut();
  });
}

export default function (component) {
  const root = component.parentElement;
  const place = root.querySelector(".course");
  if (place.innerHTML !== component.data.html && root.was !== component.data.html) {
    place.innerHTML = root.was = component.data.html;
  }
  drawer();
  const menu = place.querySelector("details.menu");
  const close = () => { if (menu?.open) { menu.open = false; return true; } };
  place.onclick = (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    const to = new URL(link.href.baseVal ?? link.href, document.baseURI);
    if (to.origin !== location.origin) return;
    event.preventDefault();
    close();
    history.pushState({}, "", to);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  };
  place.onkeydown = (event) => {
    event.stopPropagation();  // the player's keys are the page's, not the menu's
    if (event.key === "Escape" && close()) menu.querySelector("summary").focus();
    const links = menu?.open ? [...menu.querySelectorAll("a")] : [];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !links.length) return;
    event.preventDefault();
    const now = links.indexOf(root.getRootNode().activeElement ?? document.activeElement);
    links[now < 0 ? (step > 0 ? 0 : links.length - 1) : (now + step + links.length) % links.length].focus();
  };
  if (!menu) return;
  const away = (event) => { if (!event.composedPath().includes(menu)) close(); };
  document.addEventListener("pointerdown", away);
  return () => document.removeEventListener("pointerdown", away);
}
"""

_mount_lock = threading.Lock()


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    return st.components.v2.component("lab_links", html='<div class="course"></div>', css=_CSS.read_text(), js=_JS)


def show(html: str, *, key: str) -> None:
    """Our own markup, its texts escaped, with links that open pages."""
    with _mount_lock:
        mount = _component()
    mount(key=key, data={"html": html})


def address(slug: str = "", **query: str) -> str:
    """Where a page is, with settings in its address; the home page without a slug. Unescaped."""
    return f"{player.root()}{slug}" + (f"?{urlencode(query)}" if query else "")
