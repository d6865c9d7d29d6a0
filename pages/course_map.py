"""The map of the course as a picture: its pages as boxes that open them, arrows where one idea leads to another.

An inline SVG of ``links``: it takes the theme's colours from Streamlit's CSS variables. There is a wide drawing and a
tall one; the window's width chooses.
"""

from __future__ import annotations

import textwrap
from html import escape

from pages.catalogue import COURSE, Stop, entry
from pages.ui import links

BOX = (200, 64)
WIDE_GAP = (30, 40)
TALL_GAP = 14
MARGIN = 6
LINE = 24  # letters of a title's line


def drawing(*, tall: bool) -> str:
    """The map as SVG: rows and columns as the stops say, or all of them below one another."""
    places = _tall_places() if tall else _wide_places()
    # Below one another, arrows past a box bulge out on the right.
    width = max(x for x, _ in places.values()) + BOX[0] + (70 if tall else MARGIN)
    height = max(y for _, y in places.values()) + BOX[1] + MARGIN
    kind = "tall" if tall else "wide"
    arrows = "".join(
        _arrow(places[stop.slug], places[to], kind, tall) for stop in COURSE for to, _ in stop.leads_to
    )  # fmt: skip
    boxes = "".join(_box(stop, *places[stop.slug]) for stop in COURSE)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="group" aria-label="Map of the course">'
        f'<defs><marker id="head-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto-start-reverse"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f'<g aria-hidden="true">{arrows}</g>{boxes}</svg>'
    )


def _wide_places() -> dict[str, tuple[float, float]]:
    step = (BOX[0] + WIDE_GAP[0], BOX[1] + WIDE_GAP[1])
    return {stop.slug: (MARGIN + stop.column * step[0], MARGIN + stop.row * step[1]) for stop in COURSE}


def _tall_places() -> dict[str, tuple[float, float]]:
    """One below another, stepped aside so that an arrow past a box finds room on the left."""
    return {stop.slug: (64.0, MARGIN + i * (BOX[1] + TALL_GAP)) for i, stop in enumerate(COURSE)}


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
    lines = textwrap.wrap(entry(stop.slug).title, LINE)
    first = y + (27 if len(lines) == 1 else 19)
    title = "".join(
        f'<text class="title" x="{x + w / 2:g}" y="{first + 18 * i:g}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )
    below = y + (48 if len(lines) == 1 else 55)
    return (
        f'<a href="{escape(links.address(stop.slug))}" data-stop="{stop.slug}">'
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="8"/>{title}'
        f'<text class="note" x="{x + w / 2:g}" y="{below:g}">{escape(stop.note)}</text></a>'
    )


def in_words() -> list[str]:
    """Every arrow as a sentence."""
    return [f"**{entry(stop.slug).title} → {entry(to).title}:** {how}" for stop in COURSE for to, how in stop.leads_to]


def html() -> str:
    return f'<div class="map">{drawing(tall=False)}{drawing(tall=True)}</div>'
