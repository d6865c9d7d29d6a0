"""A drawing board for one 28 x 28 image, as MNIST's are: white on black, fitted into 20 x 20, centred by mass."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import player

SIDE = 28

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
