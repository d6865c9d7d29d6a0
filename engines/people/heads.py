"""Pictures of heads that turn, and the same person seen from the front: what `recogniser` and `tpgan` learn from.

The people are rendered and belong to nobody. A person is a test person in all of their pictures or in none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.material import Fields, Rows, batch_rows

SIDE = 64
YAWS = tuple(range(-90, 91, 15))  # degrees, positive: the face turned to the right of the picture
FRONT = YAWS.index(0)
# Of the six landmarks of the pack, the mirror's: left eye, right eye, nose tip, mouth left, mouth right, chin.
MIRROR = (1, 0, 2, 4, 3, 5)


class Heads(Rows):
    """A picture a row: ``image`` (B, 64, 64, 3) bytes, ``landmarks`` (B, 6, 2) pixels x, y, ``yaw`` (B,) degrees,
    ``person`` (B,), and ``front`` (B,), the row that shows the same person from the front; a batch has that picture
    itself as ``frontal``.

    A person's 13 rows follow each other, from -90 to 90 degrees.
    """

    fields = ("image", "landmarks", "yaw", "person", "front")
    n_probe = 12 * len(YAWS)

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Heads:
        """The pack ``name``: the training people (the first ``n`` pictures, whole people) and all test people."""
        from engines.data import zoo

        pack = zoo.load(name)
        rows, held = pack.rows("train"), pack.rows("test")
        if n is not None and not len(YAWS) <= n <= len(rows):
            raise ValueError(f"--n must be from {len(YAWS)} to {len(rows):,} for {name}, got {n}")
        rows = rows[: len(rows) if n is None else n - n % len(YAWS)]
        train, test = cls.of_pack(pack, rows), cls.of_pack(pack, held)
        people = len(rows) // len(YAWS)
        about = {"split": "the pack's own, by person", "n_train": len(rows), "n_test": len(held), "people": people}
        return cls(train, test, about=about, sha256=pack.sha256)

    @staticmethod
    def of_pack(pack: Any, rows: np.ndarray) -> dict[str, Any]:
        """Rows of whole people, as fields; ``person`` counts them from 0, ``identity`` is the pack's own number."""
        identity, yaw = pack.take("identity", rows), pack.take("yaw", rows).astype(np.int64)
        people, person = np.unique(identity, return_inverse=True)
        if not np.array_equal(yaw, np.tile(YAWS, len(people))):
            raise ValueError("the pack must hold whole people, 13 pictures each from -90 to 90 degrees")
        return {
            "image": pack.take("image", rows),
            "landmarks": pack.take("landmarks", rows).astype(np.float32),
            "yaw": yaw,
            "person": person.astype(np.int64),
            "front": person.astype(np.int64) * len(YAWS) + FRONT,
            "identity": identity.astype(np.int64),
        }

    def batch(self, step: int, batch_size: int, seed: int) -> Fields:
        rows = batch_rows(step, n_rows=len(self), batch_size=batch_size, seed=seed).to(self.train["image"].device)
        found = {key: self.train[key][rows] for key in self.fields}
        return found | {"frontal": self.train["image"][found["front"]]}


def pixels(images: Any, device: torch.device | None = None) -> Tensor:
    """Pictures (B, 64, 64, 3), bytes or 0..1 -> (B, 3, 64, 64) in -1..1."""
    x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=device)
    x = x.to(torch.float32) / 255 if x.dtype == torch.uint8 else x
    if x.dim() != 4 or x.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"pictures must have shape (B, {SIDE}, {SIDE}, 3), got {tuple(x.shape)}")
    return 2 * x.permute(0, 3, 1, 2) - 1


def mirrored(landmarks: Tensor) -> Tensor:
    """Where the landmarks (B, 6, 2) lie in the mirrored picture, and whose they are there."""
    turned = landmarks[:, list(MIRROR)]
    return torch.stack([SIDE - 1 - turned[..., 0], turned[..., 1]], dim=2)
