"""An outline under the hand, coloured while it is drawn: the component, and the routes that it asks past Streamlit."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.ui import player
from pages.ui.questions import follow, network, route, row_or_seed

if TYPE_CHECKING:
    from engines.translation.pix2pix import Pix2Pix

SIDE = 64


# -- what the routes answer ------------------------------------------------------------------------------


def model(variant: str) -> Pix2Pix:
    """The shipped network; ValueError where there is none of that name."""
    from engines.translation.pix2pix import VARIANTS

    return network("pix2pix", variant, VARIANTS, "pix2pix")


def colour(variant: str, question: dict[str, Any]) -> dict[str, Any]:
    """``x``, an outline as 4,096 bytes in base64, and a ``seed`` of the dropout: the picture ``made`` (64, 64, 3) and,
    where there is a discriminator, its ``map`` of probabilities (1, H * W) as bytes, ``side`` answers a side.
    """
    import torch

    engine = model(variant)
    x, seed = outline(question.get("x")), row_or_seed(question.get("seed", 0))
    made = engine.translate(x, generator=torch.Generator().manual_seed(seed))
    answer: dict[str, Any] = {"made": as_bytes(made[0])}
    if "D" in engine.network:
        said = engine.judge(x, made)
        answer |= {"map": as_bytes(said), "side": said.shape[1]}
    return answer


def example(variant: str, question: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  # the same for all
    """The test pair ``row``: outline (64, 64) and drawing (64, 64, 3)."""
    pairs, row = tests(), row_or_seed(question.get("row"))
    if row >= len(pairs["outline"]):
        raise ValueError(f"row must be from 0 to {len(pairs['outline']) - 1}, got {row}")
    return {"outline": pairs["outline"][row : row + 1], "drawing": pairs["flat"][row]}


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """The test emoji: ``outline`` (N, 64, 64), ``flat`` (N, 64, 64, 3), bytes, and their ``names``."""
    from engines.data import zoo

    pack = zoo.load("emoji")
    rows = pack.rows("test")
    names = pack.text("names")
    said = tuple(names[i].replace("-", " ") for i in rows)
    return {"outline": pack.take("outline", rows), "flat": pack.take("flat", rows), "names": said}


def outline(value: Any) -> np.ndarray:
    """4,096 bytes in base64 as (1, 64, 64); ValueError for anything else."""
    try:
        raw = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != SIDE * SIDE:
        raise ValueError(f"an outline must be {SIDE * SIDE:,} bytes in base64, got {len(raw):,}")
    return np.frombuffer(raw, dtype=np.uint8).reshape(1, SIDE, SIDE)


def as_bytes(levels: Any) -> np.ndarray:
    return np.rint(255 * np.asarray(levels.cpu())).astype(np.uint8)


ROUTES = [
    follow("/lab/pix2pix/{variant}/follow", colour),
    *(route(f"/lab/pix2pix/{{variant}}/{ask.__name__}", ask) for ask in (colour, example)),
]


# -- the component ---------------------------------------------------------------------------------------


def board(variant: str, *, key: str, row: int) -> Any:
    """The board beside what the network ``variant`` makes of it; it begins with the test outline ``row`` (-1: none)."""
    from engines.translation.pix2pix import PATCHES

    stride, first, size = PATCHES[model(variant or "default").config.patch]
    data = {
        "variant": variant or "default",
        "names": list(tests()["names"]),
        "row": row,
        "field": [stride, first, size],
        "judges": "D" in model(variant or "default").network,
    }
    return player.mount("colouring", key=key, data=data)
