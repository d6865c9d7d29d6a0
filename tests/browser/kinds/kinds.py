"""The script of app.py: pictures made up of arrays, one kind a page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from engines.engine import Frame
from pages.ui import sheets, show

N = 40
RNG = np.random.default_rng(0)


def smooth(n: int, side: int) -> np.ndarray:
    """Colour images that look like photographs to a codec: waves of low frequency, (n, side, side, 3) bytes."""
    y, x = np.mgrid[:side, :side] / side
    out = np.zeros((n, side, side, 3))
    for _ in range(6):
        a, b, phase, colour = RNG.normal(size=(4, n, 1, 1, 1)) * 4
        out += np.cos(2 * np.pi * (a * x[..., None] + b * y[..., None]) + phase + np.arange(3) * colour)
    return np.uint8(np.clip(128 + 25 * out, 0, 255))


def images(side: int = 64, n: int = 64):
    pool = smooth(n + N, side)
    return sheets.images_base(), lambda t: {"images": pool[t : t + n]}


def rows():
    pool = smooth(24, 32)
    base = sheets.images_base(rows=("input", "made", "true"), columns=8, pick=True)
    return base, lambda t: {"images": np.roll(pool, t, axis=0), "tips": [f"cell {i}" for i in range(24)]}


def maps():
    pool = smooth(4, 64)
    over = sheets.map_base("share called real", 0, 1, field=(22, 8, -7))
    base = sheets.images_base(over=over)

    def draw(t):
        values = np.broadcast_to(np.linspace(0, 1, 64).reshape(1, 8, 8), (4, 8, 8))
        return {"images": pool, "map": sheets.levels(np.roll(values, t, axis=2), 0, 1)}

    return base, draw


def compare():
    pool = smooth(2, 64)
    return sheets.compare_base("bicubic", "SRGAN"), lambda t: {"compare": np.roll(pool, t, axis=2)}


def volume():
    d, h, w = np.mgrid[:32, :32, :32] - 15.5

    def draw(t):
        ball = (d**2 + h**2 + w**2 < (6 + t % 9) ** 2) | ((abs(d) < 3) & (abs(w) < 3))
        return {"volume": np.uint8(255) * np.stack([ball, (abs(d) < 10) & (abs(h) < 10) & (abs(w) < 10)])}

    return sheets.volume_base(names=("made", "true")), draw


def roll():
    notes = np.zeros((2, 64, 60), dtype=np.uint8)
    for t in range(0, 64, 4):
        notes[0, t : t + 3, 24 + (t * 5) % 17] = 200
        notes[1, t, 5] = 255
    tracks = [{"name": "piano", "colour": "@first"}, {"name": "drums", "colour": "@second", "drum": True}]
    return sheets.roll_base(tracks, low=36, step_seconds=0.05), lambda t: {"roll": np.roll(notes, 4 * t, axis=1)}


def world():
    ground = [sheets.line([(-2.4, 0), (2.4, 0)], "@muted")]

    def cart(x: float, angle: float):
        box = [(x - 0.3, 0), (x + 0.3, 0), (x + 0.3, 0.25), (x - 0.3, 0.25)]
        tip = (x + np.sin(angle), 0.25 + np.cos(angle))
        return [sheets.polygon(box, "@first"), sheets.line([(x, 0.25), tip], "@second", 6), sheets.circle(*tip, 0.08)]

    base = sheets.world_base((-2.4, 2.4), (-0.3, 1.5), still=ground, names=("expert", "learner"))
    return base, lambda t: {"world": [cart(np.sin(t / 5), 0.3 * np.cos(t / 3)), cart(0, t / 7)]}


KINDS = {
    "images": images,
    "rows": rows,
    "maps": maps,
    "compare": compare,
    "volume": volume,
    "roll": roll,
    "world": world,
}


def film(kind: str) -> show.Film:
    base, draw = KINDS[kind]()
    frames = [Frame(step=t, scalars={"height": float(np.sin(t / 4))}) for t in range(N)]
    curve = {"curves": [{"scalar": "height", "name": "height", "colour": "@first"}], "curve_label": "height"}

    def picture(frame: Frame):
        return {"caption": f"Picture {frame.step} of {kind}.", **draw(frame.step)}

    return show.Film(frames=frames, base={**base, **curve}, draw=picture)


def run() -> None:
    kind = st.query_params.get("kind", "images")
    layers = [("track0", "piano"), ("track1", "drums")] if kind == "roll" else []
    show.film("kinds", film, kind, speed="max", autoplay=False, layers=layers)


st.set_page_config(layout="wide")
run()
