"""What the cards of the shipped autoregressive models say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from engines import checkpoints


@lru_cache(maxsize=16)
def card(name: str, variant: str = "") -> dict[str, Any]:
    """The card of a shipped model, as a dictionary."""
    return dict(checkpoints.read(checkpoints.folder(name, variant)).card)
