"""The map of the course as a picture: its pages as boxes that open them, arrows where one idea leads to another.

An inline SVG of ``links``: it takes the theme's colours from Streamlit's CSS variables. There is a wide drawing and a
tall one; the window's width chooses.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from html import escape

from pages.catalogue import COURSE, Stop, entry
from pages.ui import links

BOX = (200, 64)
WIDE_GAP = (30, 40)
TALL_GAP = 14
MARGIN = 6
LANES = 64.0  # room for arrows beside the tall one
LINE = 24  # letters of a title's line

Places = dict[str, tuple[float, float]]
Route = Callable[[str, str], str]


def drawing(*, tall: bool) -> str:
    """The map as SVG: rows and columns as the stops say, or all of them below one another."""
    places = _tall_places() if tall else _wide_places()
    width = max(x for x, _ in places.values()) + BOX[0] + MARGIN
    height = max(y for _, y in places.values()) + BOX[1] + MARGIN
    kind = "tall" if tall else "wide"
    route = _beside(places) if tall else _between(places)
    arrows = "".join(
        f'<path class="arrow" d="{route(stop.slug, to)}" marker-end="url(#head-{kind})"/>'
        for stop in COURSE for to, _ in stop.leads_to
    )  # fmt: skip
    boxes = "".join(_box(stop, *places[stop.slug]) for stop in COURSE)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="group" aria-label="Map of the course">'
        f'<defs><marker id="head-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto-start-reverse"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f'<g aria-hidden="true">{arrows}</g>{boxes}</svg>'
    )


def _wide_places() -> Places:
    step = (BOX[0] + WIDE_GAP[0], BOX[1] + WIDE_GAP[1])
    return {stop.slug: (MARGIN + stop.place[0] * step[0], MARGIN + stop.place[1] * step[1]) for stop in COURSE}


def _tall_places() -> Places:
    """One below another, stepped aside so that an arrow past a box finds room on the left."""
    return {stop.slug: (LANES, MARGIN + i * (BOX[1] + TALL_GAP)) for i, stop in enumerate(COURSE)}


def _between(places: Places) -> Route:
    """Straight to a neighbour; to others through the gaps between rows and columns, never behind a box.

    What starts at one box shares a line, and each box has a line of its own.
    """
    w, h = BOX
    far = [stop.slug for stop in COURSE if any(not _neighbours(stop.slug, to) for to, _ in stop.leads_to)]

    def route(start: str, end: str) -> str:
        (x0, y0), (x1, y1) = places[start], places[end]
        if _neighbours(start, end):
            if y0 == y1:
                return f"M{x0 + w} {y0 + h / 2} H{x1 - 2}" if x1 > x0 else f"M{x0} {y0 + h / 2} H{x1 + w + 2}"
            return f"M{x0 + w / 2} {y0 + h} V{y1 - 2}" if y1 > y0 else f"M{x0 + w / 2} {y0} V{y1 + h + 2}"
        aside = (-10, -5, 5, 10)[far.index(start) % 4]
        leave = x0 + w / 2 + 4 * aside
        down = y1 >= y0
        gap = y0 + h + WIDE_GAP[1] / 2 + aside if down else y0 - WIDE_GAP[1] / 2 + aside
        begin = f"M{leave} {y0 + h if down else y0} V{gap}"
        if y1 != y0 and abs(y1 - y0) <= h + WIDE_GAP[1]:
            return f"{begin} H{x1 + w / 2 - 4 * aside} V{y1 - 2 if down else y1 + h + 2}"
        side = x1 - WIDE_GAP[0] / 2 + aside if x1 >= x0 else x1 + w + WIDE_GAP[0] / 2 + aside
        return f"{begin} H{side} V{y1 + h / 2 + 2 * aside} H{x1 - 2 if x1 >= x0 else x1 + w + 2}"

    return route


def _neighbours(start: str, end: str) -> bool:
    (a,), (b,) = ([stop.place for stop in COURSE if stop.slug == slug] for slug in (start, end))
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1


def _beside(places: Places) -> Route:
    """Straight to the next below; to others along a lane on the left, one for all that starts at a box."""
    w, h = BOX
    lanes: dict[str, int] = {}
    ends: dict[str, tuple[float, float]] = {}
    for stop in COURSE:
        own = [places[to][1] for to, _ in stop.leads_to if abs(places[to][1] - places[stop.slug][1]) > h + TALL_GAP]
        if own:
            ends[stop.slug] = min(*own, places[stop.slug][1]), max(*own, places[stop.slug][1])
    for slug, (top, bottom) in sorted(ends.items(), key=lambda item: item[1][1] - item[1][0]):
        taken = {lane for other, lane in lanes.items() if ends[other][0] <= bottom and top <= ends[other][1]}
        lanes[slug] = next(lane for lane in range(len(ends)) if lane not in taken)
    most = max(lanes.values(), default=0) + 1

    def route(start: str, end: str) -> str:
        (x, y0), (_, y1) = places[start], places[end]
        if 0 < y1 - y0 <= h + TALL_GAP:
            return f"M{x + w / 2} {y0 + h} V{y1 - 2}"
        lane = x - 16 - (LANES - 20) * lanes[start] / most
        return f"M{x} {y0 + 0.7 * h} H{lane} V{y1 + 0.3 * h} H{x - 2}"

    return route


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
