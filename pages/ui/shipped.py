"""What ships, loaded once for all viewers: a model, its recorded training, its card; the images to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines import checkpoints, data, devices
from engines.engine import Frame
from engines.material import Images
from pages.ui.show import Film

SETS = {"mnist": "Handwritten digits (MNIST)", "fashion": "Clothes (Fashion-MNIST)"}
N_HOSTED = 10_000  # images that a run on a shared server learns from
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


def interval(m: Mapping[str, float], key: str, digits: int = 1, *, factor: float = 1.0) -> str:
    """ "36.2 (34.2 to 38.3)": a measure with its 95 % interval; "" where the card has none."""
    if f"test_{key}_low" not in m:
        return f"{factor * m[f'test_{key}']:.{digits}f}".replace("-", "−") if f"test_{key}" in m else ""
    low, high = sorted(factor * m[f"test_{key}_{end}"] for end in ("low", "high"))  # a negative factor turns them
    return f"{factor * m[f'test_{key}']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")


def interval_of(scalars: Mapping[str, float], key: str, digits: int = 1, *, factor: float = 1.0) -> str:
    """The same of a frame whose scalars are a card's measures."""
    return interval({f"test_{name}": value for name, value in scalars.items()}, key, digits, factor=factor)


@_once
def images(name: str) -> Images:
    """The set's training images and its first 1,000 test images, as bytes."""
    return Images.load(name, n=N_HOSTED if devices.hosted() else None)


def code_of(name: str) -> str:
    """The lines of Python that load them."""
    n = N_HOSTED if devices.hosted() else None
    return f"from engines.material import Images\ndata = Images.load({name!r}, n={n})"


def code_of_frames(name: str, variant: str = "") -> str:
    """The lines of Python that load a recorded training."""
    where = f"checkpoints.folder({name!r}, {variant!r}) / checkpoints.FRAMES"
    return f"from engines import checkpoints\nframes = checkpoints.load_frames({where})"


def film(
    name: str, variant: str = "", *, added: Callable[[Frame], Mapping[str, float]] | None = None, **how: Any
) -> Film:
    """A recorded training, shown as `Film` says; ``added`` are scalars that its frames have besides."""
    ready = frames(name, variant)
    if added:
        ready = tuple(replace(frame, scalars={**frame.scalars, **added(frame)}) for frame in ready)
    return Film(frames=ready, code=code_of_frames(name, variant), **how)


def class_names(name: str) -> tuple[str, ...]:
    return data.load(name, split="test").class_names


def labels(name: str) -> np.ndarray:
    """The classes of those test images: (1000,)."""
    found = data.load(name, split="test").labels
    assert found is not None
    return found[:1000]
