"""A drawing board for one 28 x 28 image, as MNIST's are, or an image file in its place (photos.py prepares it)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import numpy as np
import streamlit as st

from engines import devices
from pages.ui import photos, player
from pages.ui.photos import SIDE

TYPES = ["png", "jpg", "jpeg", "gif", "bmp", "webp"]


def show(key: str, *, label: str = "Drawing board") -> np.ndarray | None:
    """The board; the image drawn on it (28, 28) in 0..1, or None while it is empty.

    It changes when a stroke ends. What the browser sends is checked like any other input.
    """
    result = player.mount("board", key=key, data={"label": label}, on_image_change=lambda: None)
    return read(getattr(result, "image", None))


def upload(key: str, side: int | None = None) -> tuple[np.ndarray | None, str]:
    """An image file in place of a drawing, as MNIST has them (28, 28) or, given a side, in colour (side, side, 3), in
    0..1; None without one, and what is wrong with the file.
    """
    most = _limit() // 1_000_000
    hint = f"PNG, JPEG, GIF, BMP or WebP, up to {most} MB. "
    hint += "One figure on a plain ground works best." if side is None else "Its middle square is taken."
    return _asked("Or an image file", side, key=key, help=hint, max_upload_size=most)


def photo(label: str, key: str, side: int, note: str = "") -> tuple[np.ndarray | None, str]:
    """An image file, its middle square as bytes (side, side, 3), and what is wrong with the file."""
    hint = f"Up to {_limit() // 1_000_000} MB. The middle square is taken{note}."
    given, problem = _asked(label, side, key=key, help=hint)
    return None if given is None else np.rint(255 * given).astype(np.uint8), problem


def _limit() -> int:
    return min(devices.limits().max_upload_bytes, photos.MAX_BYTES)


def _asked(label: str, side: int | None, **more: Any) -> tuple[np.ndarray | None, str]:
    file = st.file_uploader(label, type=TYPES, **more)
    if file is None:
        return None, ""
    raw = file.getvalue()
    try:
        return _prepared(hashlib.sha256(raw).hexdigest(), side, _limit(), _raw=raw), ""
    except ValueError as error:
        return None, str(error)


@st.cache_data(max_entries=64, show_spinner=False)
def _prepared(digest: str, side: int | None, limit: int, _raw: bytes) -> np.ndarray:  # noqa: ARG001
    """Unpacked once for each content, not once for each run of the script."""
    return photos.figure(_raw, max_bytes=limit) if side is None else photos.colour(_raw, side, max_bytes=limit)


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
