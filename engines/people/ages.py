"""Faces at eight ages, each person at all of them: what `age_judge` and `age_cgan` learn from.

The people are rendered and belong to nobody. A person is a test person in all of their pictures or in none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.people import whole
from engines.people.whole import People

AGES = (1, 6, 12, 20, 35, 50, 65, 80)  # years; 12, 20 and 35 look much alike
TOP, LEFT, SIDE = 4, 8, 48  # of a picture of 64 pixels, the square that holds the face: hair, but hardly a shirt


class Ages(People):
    """A picture a row: ``image`` (B, 48, 48, 3) bytes, ``age`` (B,), its place in `AGES`, and ``person`` (B,).

    A person's eight rows follow each other, from the youngest to the oldest.
    """

    fields = ("image", "age", "person")
    n_probe = 12 * len(AGES)

    BY, EACH = "age", AGES

    @classmethod
    def of_pack(cls, pack: Any, rows: np.ndarray) -> dict[str, Any]:
        people = super().of_pack(pack, rows)
        image = pack.take("image", rows)[:, TOP : TOP + SIDE, LEFT : LEFT + SIDE]
        return {"image": image, "age": np.arange(len(rows)) % len(AGES), **people}


def pixels(images: Any, device: torch.device | None = None) -> Tensor:
    """Pictures (B, 48, 48, 3), bytes or 0..1 -> (B, 3, 48, 48) in -1..1."""
    return whole.pixels(images, SIDE, device)


def levels(x: Tensor) -> Tensor:
    """(B, 3, 48, 48) in -1..1 -> pictures (B, 48, 48, 3) in 0..1."""
    return (x.permute(0, 2, 3, 1) + 1) / 2
