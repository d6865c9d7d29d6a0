"""What several engines check their settings for; a ValueError names the first that is wrong."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any


def nearest(word: str, names: Iterable[str]) -> str:
    """A hint at the name that was meant, "" where none is near."""
    close = difflib.get_close_matches(word, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def at_least(config: Any, least: int, *names: str) -> None:
    for name in names:
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be at least {least}, got {getattr(config, name)}")


def above_zero(config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be above zero, got {value}")


def zero_or_more(config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be zero or more, got {value}")


def within(config: Any, **ranges: tuple[float, float]) -> None:
    """Each setting from the first number to the second; what is no number lies nowhere."""
    for name, (low, high) in ranges.items():
        if not low <= (value := getattr(config, name)) <= high:
            raise ValueError(f"{name} must be from {low:g} to {high:g}, got {value}")


def known(config: Any, **choices: Iterable[str]) -> None:
    for name, those in choices.items():
        if getattr(config, name) not in those:
            raise ValueError(f"{name} {getattr(config, name)!r} is not known; choose one of {', '.join(those)}")


def odd_kernels(config: Any, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 3 or getattr(config, name) % 2 == 0:
            raise ValueError(f"{name} must be odd and at least 3, got {getattr(config, name)}")
