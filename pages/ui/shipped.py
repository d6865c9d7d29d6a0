"""What ships in checkpoints/, loaded once for all viewers: a model, its recorded training, its card."""

from __future__ import annotations

from typing import Any

import streamlit as st

import engines
from engines import checkpoints
from engines.engine import Frame

_once = st.cache_resource(max_entries=16, show_spinner="Loading what was trained")


@_once
def model(name: str, variant: str = "") -> Any:
    return engines.pretrained(name, variant)


@_once
def frames(name: str, variant: str = "") -> tuple[Frame, ...]:
    return tuple(checkpoints.load_frames(checkpoints.folder(name, variant) / checkpoints.FRAMES))


@_once
def card(name: str, variant: str = "") -> dict[str, Any]:
    return dict(checkpoints.read(checkpoints.folder(name, variant)).card)
