"""The map of the course as a picture: its stops as boxes that open their pages, arrows where one idea leads to another.

An inline SVG in a component of its own: it takes the theme's colours from Streamlit's CSS variables, and its links
open pages without loading the app anew. There is a wide drawing and a tall one; the window's width chooses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any

import streamlit as st

from pages.catalogue import CATALOGUE, COURSE, Stop
from pages.ui import player

BOX = (196, 64)
WIDE_GAP = (34, 52)
TALL_GAP = 30
MARGIN = 6

_CSS = """
.map { width: 100%; font-family: var(--st-font); color: var(--st-text-color); }
.map svg { display: block; width: 100%; height: auto; margin: 0 auto; overflow: visible; }
.map .wide { max-width: 1360px; }
.map .tall { display: none; max-width: 420px; }
@media (max-width: 900px) { .map .wide { display: none; } .map .tall { display: block; } }
.map text { fill: var(--st-text-color); text-anchor: middle; }
.map .title { font-size: 16px; font-weight: 700; }
.map .note { font-size: 13px; }
.map .box { fill: var(--st-secondary-background-color); stroke: var(--st-link-color); stroke-width: 2; }
.map .later .box { fill: none; stroke: var(--st-border-color); stroke-dasharray: 6 5; stroke-width: 1.5; }
.map .later .title { font-weight: 500; }
.map .later text { opacity: 0.8; }
.map a { cursor: pointer; outline: none; }
.map a .title { fill: var(--st-link-color); text-decoration: underline; }
.map a:hover .box { stroke-width: 3.5; }
.map a:focus-visible .box { stroke: var(--st-text-color); stroke-width: 5; }
.map .arrow { fill: none; stroke: var(--st-text-color); stroke-opacity: 0.75; stroke-width: 1.8; }
.map .head { fill: var(--st-text-color); fill-opacity: 0.75; }
"""

# The link that Streamlit's own card or navigation has for a page opens it without loading the app anew.
_JS = """
export default function (component) {
  const root = component.parentElement;
  const map = root.querySelector(".map");
  if (map.innerHTML !== component.data.svg) map.innerHTML = component.data.svg;
  map.onclick = (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const own = [...document.querySelectorAll('[data-testid="stPageLink-NavLink"]')];
    const wanted = new URL(link.href.baseVal, document.baseURI).pathname;
    const card = own.find((one) => new URL(one.href).pathname === wanted);
    if (card) { event.preventDefault(); card.click(); }
  };
}
"""


def is_open(stop: Stop) -> bool:
    return stop.slug in {item.slug for item in CATALOGUE}


def drawing(*, tall: bool) -> str:
    """The map as SVG: rows and columns as the stops say, or all of them below one another."""
    places = _tall_places() if tall else _wide_places()
    # Below one another, arrows past a box bulge out on the right.
    width = max(x for x, _ in places.values()) + BOX[0] + (70 if tall else MARGIN)
    height = max(y for _, y in places.values()) + BOX[1] + MARGIN
    kind = "tall" if tall else "wide"
    arrows = "".join(
        _arrow(places[stop.key], places[to], kind, tall) for stop in COURSE for to, _ in stop.leads_to
    )  # fmt: skip
    boxes = "".join(_box(stop, *places[stop.key]) for stop in COURSE)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="group" aria-label="Map of the course">'
        f'<defs><marker id="head-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto-start-reverse"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f'<g aria-hidden="true">{arrows}</g>{boxes}</svg>'
    )


def _wide_places() -> dict[str, tuple[float, float]]:
    step = (BOX[0] + WIDE_GAP[0], BOX[1] + WIDE_GAP[1])
    return {stop.key: (MARGIN + stop.column * step[0], MARGIN + stop.row * step[1]) for stop in COURSE}


def _tall_places() -> dict[str, tuple[float, float]]:
    """One below another, stepped aside so that an arrow past a box finds room on the left."""
    return {stop.key: (64.0, MARGIN + i * (BOX[1] + TALL_GAP)) for i, stop in enumerate(COURSE)}


def _arrow(start: tuple[float, float], end: tuple[float, float], kind: str, tall: bool) -> str:
    (x0, y0), (x1, y1), (w, h) = start, end, BOX
    if tall:
        line = _tall_line(y0, y1, x0)
    elif y0 == y1:
        line = f"M{x0 + w} {y0 + h / 2} H{x1 - 2}" if x1 > x0 else f"M{x0} {y0 + h / 2} H{x1 + w + 2}"
    elif x0 == x1:
        line = f"M{x0 + w / 2} {y0 + h} V{y1 - 2}" if y1 > y0 else f"M{x0 + w / 2} {y0} V{y1 + h + 2}"
    elif y1 > y0:  # down, as an S from below the one to above the other
        a, b, middle = x0 + w / 2, x1 + w / 2, (y0 + h + y1) / 2
        line = f"M{a} {y0 + h} C{a} {middle} {b} {middle} {b} {y1 - 2}"
    elif x1 < x0:  # up and back, from above the one to below the other
        a, b, middle = x0 + w / 4, x1 + 3 * w / 4, (y1 + h + y0) / 2
        line = f"M{a} {y0} C{a} {middle} {b} {middle} {b} {y1 + h + 2}"
    else:  # up, from side to side
        a, b = x0 + w, x1 - 2
        middle = (a + b) / 2
        line = f"M{a} {y0 + h / 2} C{middle} {y0 + h / 2} {middle} {y1 + h / 2} {b} {y1 + h / 2}"
    return f'<path class="arrow" d="{line}" marker-end="url(#head-{kind})"/>'


def _tall_line(y0: float, y1: float, x: float) -> str:
    w, h = BOX
    step = h + TALL_GAP
    skipped = round(abs(y1 - y0) / step) - 1
    if skipped == 0:
        return f"M{x + w / 2} {y0 + h} V{y1 - 2}"
    # Around the boxes between: the further, the wider; every second distance on the other side.
    reach, left = 14 + 8 * skipped, skipped % 2 == 1
    side = x - reach if left else x + w + reach
    edge = x if left else x + w
    tip = edge - 2 if left else edge + 2
    return f"M{edge} {y0 + 0.7 * h} C{side} {y0 + 0.7 * h} {side} {y1 + 0.3 * h} {tip} {y1 + 0.3 * h}"


def _box(stop: Stop, x: float, y: float) -> str:
    w, h = BOX
    note = stop.note if is_open(stop) else f"{stop.note} (to come)"
    inside = (
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="8"/>'
        f'<text class="title" x="{x + w / 2:g}" y="{y + 27:g}">{escape(stop.title)}</text>'
        f'<text class="note" x="{x + w / 2:g}" y="{y + 48:g}">{escape(note)}</text>'
    )
    if not is_open(stop):
        return f'<g class="later">{inside}</g>'
    return f'<a href="{player.root()}{stop.slug}" data-stop="{stop.key}">{inside}</a>'


def in_words() -> list[str]:
    """Every arrow as a sentence."""
    titles = {stop.key: stop.title for stop in COURSE}
    return [f"**{stop.title} → {titles[to]}:** {how}" for stop in COURSE for to, how in stop.leads_to]


_mount_lock = threading.Lock()


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    return st.components.v2.component("lab_map", html='<div class="map"></div>', css=_CSS, js=_JS)


def show() -> None:
    """The map, and below it the same in words."""
    with _mount_lock:
        mount = _component()
    mount(key="map", data={"svg": drawing(tall=False) + drawing(tall=True)})
    with st.expander("How one idea leads to the next"):
        st.markdown("\n".join(f"- {sentence}" for sentence in in_words()))
