"""A drawing board for one 28 x 28 image, as MNIST's are: white on black, fitted into 20 x 20, centred by mass."""

from __future__ import annotations

import base64
import binascii
import io
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from engines import devices
from pages.ui import player

SIDE, BOX = 28, 20
MAX_BYTES = 5_000_000
MAX_PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")

_LOADER = """
export default async function (component) {
  const { root, version } = component.data;
  const { mount } = await import(new URL(`${root}lab/static/${version}/board.js`, document.baseURI));
  return mount(component);
}
"""

_mount_lock = threading.Lock()


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    css = (player.STATIC / "player.css").read_text() + (player.STATIC / "board.css").read_text()
    return st.components.v2.component("lab_board", css=css, js=_LOADER)


def show(key: str, *, label: str = "Drawing board") -> np.ndarray | None:
    """The board; the image drawn on it (28, 28) in 0..1, or None while it is empty.

    It changes when a stroke ends. What the browser sends is checked like any other input.
    """
    with _mount_lock:
        mount = _component()
    data = {"root": player.root(), "version": player.version(), "label": label}
    result = mount(key=key, data=data, on_image_change=lambda: None)
    return read(getattr(result, "image", None))


def upload(key: str) -> tuple[np.ndarray | None, str]:
    """An image file in place of a drawing: the image (28, 28) in 0..1 or None, and what is wrong with the file."""
    limit = min(devices.limits().max_upload_bytes, MAX_BYTES)
    hint = f"PNG, JPEG, GIF, BMP or WebP, up to {limit // 1_000_000} MB. One figure on a plain ground works best."
    file = st.file_uploader("Or an image file", type=["png", "jpg", "jpeg", "gif", "bmp", "webp"], key=key, help=hint)
    if file is None:
        return None, ""
    try:
        return from_file(file.getvalue(), max_bytes=limit), ""
    except ValueError as error:
        return None, str(error)


def from_file(raw: bytes, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Any image as MNIST has them: grey, the ink white on black, fitted into 20 x 20, centred by mass: (28, 28).

    Transparency counts as white paper. Where the border is light the image is turned into its negative.
    ValueError: too large, no image, or nothing on it.
    """
    from PIL import Image

    if len(raw) > max_bytes:
        raise ValueError(f"the file has {len(raw):,} bytes, the limit is {max_bytes:,}: make the image smaller")
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:  # known from the head, before anything is unpacked
                raise ValueError(
                    f"the image has {width:,} x {height:,} pixels, the limit is {MAX_PIXELS:,} in all: make it smaller"
                )
            clear = image.convert("RGBA")
            paper = Image.new("RGBA", clear.size, (255, 255, 255, 255))
            grey = np.asarray(Image.alpha_composite(paper, clear).convert("L"), dtype=np.float64) / 255
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"the file is no image that can be read ({type(error).__name__}): give a PNG or JPEG"
        ) from None
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = float(np.median(border))
    ink = np.abs(grey - ground)
    if ink.max() < 0.1:
        raise ValueError("the image is blank: give one with a figure on it")
    return centred(ink / ink.max())


def centred(ink: np.ndarray) -> np.ndarray:
    """Ink (H, W) in 0..1 -> (28, 28): its box scaled to 20 x 20, its centre of mass in the middle."""
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.15) for axis in (1, 0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(box.shape)
    height, width = (max(1, round(scale * side)) for side in box.shape)
    small = Image.fromarray(np.rint(255 * box).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    levels = np.asarray(small, dtype=np.float64) / 255
    mass = levels.sum() or 1.0
    along = [(levels.sum(axis=1 - axis) * (np.arange(levels.shape[axis]) + 0.5)).sum() / mass for axis in (0, 1)]
    top, left = (
        min(max(0, round(SIDE / 2 - centre)), SIDE - side) for centre, side in zip(along, levels.shape, strict=True)
    )
    out = np.zeros((SIDE, SIDE))
    out[top : top + height, left : left + width] = levels
    return out


def kept(slug: str, title: str, note: str = "") -> None:
    """A board and an upload in a fold; what is drawn is kept for `drawn`, and a change runs the page again."""
    with st.container(key="lab-more-board"), st.expander(title, icon=":material/draw:"):
        image = show(f"{slug}-board")
        uploaded, problem = upload(f"{slug}-upload")
        if problem:
            st.warning(problem)
        image = uploaded if uploaded is not None else image
        before = drawn(slug)
        if (image is None) != (before is None) or (image is not None and not np.array_equal(before, image)):
            st.session_state[f"{slug}:drawn"] = image
            st.rerun()
        if note:
            st.caption(note)


def drawn(slug: str) -> np.ndarray | None:
    """The image that the page's board holds, (28, 28) in 0..1."""
    return st.session_state.get(f"{slug}:drawn")


def read(text: Any) -> np.ndarray | None:
    """784 bytes in base64 -> (28, 28) in 0..1; None for an empty board and for what is no image."""
    if not isinstance(text, str):
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != SIDE * SIDE or not any(raw):
        return None
    return np.frombuffer(raw, dtype=np.uint8).reshape(SIDE, SIDE) / 255.0
