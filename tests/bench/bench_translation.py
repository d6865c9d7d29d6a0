"""The translation pages: from an outline to its picture, from a pose to the figure in it."""

from __future__ import annotations

import base64
import statistics
import time
from typing import Any


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*_colouring(), *_posing(), *_dressing()]


def _colouring() -> list[dict[str, Any]]:
    from pages.translation import colouring

    question = {"x": base64.b64encode(bytes(4096)).decode()}
    times = []
    for i in range(25):
        began = time.perf_counter()
        colouring.colour("default", {**question, "seed": i})
        times.append(1000 * (time.perf_counter() - began))
    note = "median of the last 20 answers, at the server; the bar at the browser is 150 ms"
    return [
        {"name": "an outline coloured and judged", "value": statistics.median(times[5:]), "unit": "ms", "note": note}
    ]


def _posing() -> list[dict[str, Any]]:
    from pages.translation import posing

    points = posing.poses()[0]["keypoints"][0]
    times = []
    for i in range(25):
        began = time.perf_counter()
        moved = [[x, y + i % 5] for x, y in points]
        posing.pose("default", {"row": i, "source": 0, "truth": 1, "points": moved, "visible": [1] * 7})
        times.append(1000 * (time.perf_counter() - began))
    note = "median of the last 20 answers, at the server; the bar at the browser is 150 ms"
    return [{"name": "a figure put into a pose", "value": statistics.median(times[5:]), "unit": "ms", "note": note}]


def _dressing() -> list[dict[str, Any]]:
    from pages.translation import pixeldtgan as page

    outfit = {s.key: s.default for s in (page.SEX, page.POSE, *page.PIECES)}
    times = []
    for dye in page.DYES * 3:
        began = time.perf_counter()
        page.dressed("", tuple((outfit | {"chest-dye": dye}).items()))
        times.append(1000 * (time.perf_counter() - began))
    note = "median of the last 20 answers, at the server: drawn, converted, judged and measured"
    return [
        {"name": "a figure dressed and undressed", "value": statistics.median(times[4:]), "unit": "ms", "note": note}
    ]
