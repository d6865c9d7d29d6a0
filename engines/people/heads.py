"""Pictures of heads that turn, and the same person seen from the front: what `recogniser` and `tpgan` learn from.

The people are rendered and belong to nobody. A person is a test person in all of their pictures or in none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.material import Fields, batch_rows
from engines.people import whole
from engines.people.whole import People

SIDE = 64
YAWS = tuple(range(-90, 91, 15))  # degrees, positive: the face turned to the right of the picture
FRONT = YAWS.index(0)
# Of the six landmarks of the pack, the mirror's: left eye, right eye, nose tip, mouth left, mouth right, chin.
MIRROR = (1, 0, 2, 4, 3, 5)


class Heads(People):
    """A picture a row: ``image`` (B, 64, 64, 3) bytes, ``landmarks`` (B, 6, 2) pixels x, y, ``yaw`` (B,) degrees,
    ``person`` (B,), and ``front`` (B,), the row that shows the same person from the front; a batch has that picture
    itself as ``frontal``.

    A person's 13 rows follow each other, from -90 to 90 degrees.
    """

    fields = ("image", "landmarks", "yaw", "person", "front")
    n_probe = 12 * len(YAWS)

    BY, EACH = "yaw", YAWS

    @classmethod
    def of_pack(cls, pack: Any, rows: np.ndarray) -> dict[str, Any]:
        people = super().of_pack(pack, rows)
        return {
            "image": pack.take("image", rows),
            "landmarks": pack.take("landmarks", rows).astype(np.float32),
            "yaw": pack.take("yaw", rows).astype(np.int64),
            "front": people["person"] * len(YAWS) + FRONT,
            **people,
        }

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        rows = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed).to(self.train["image"].device)
        found = {key: self.train[key][rows] for key in self.fields}
        return found | {"frontal": self.train["image"][found["front"]]}


def pixels(images: Any, device: torch.device | None = None) -> Tensor:
    """Pictures (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
    return whole.pixels(images, SIDE, device)


def mirrored(landmarks: Tensor) -> Tensor:
    """Where the landmarks (B, 6, 2) lie in the mirrored picture, and whose they are there."""
    turned = landmarks[:, list(MIRROR)]
    return torch.stack([SIDE - 1 - turned[..., 0], turned[..., 1]], dim=2)
