"""Faces at eight ages, each person at all of them: what `age_judge` and `age_cgan` learn from.

The people are rendered and belong to nobody. A person is a test person in all of their pictures or in none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.material import Rows

AGES = (1, 6, 12, 20, 35, 50, 65, 80)  # years; 12, 20 and 35 look much alike
TOP, LEFT, SIDE = 4, 8, 48  # of a picture of 64 pixels, the square that holds the face: hair, but hardly a shirt


class Ages(Rows):
    """A picture a row: ``image`` (B, 48, 48, 3) bytes, ``age`` (B,), its place in `AGES`, and ``person`` (B,).

    A person's eight rows follow each other, from the youngest to the oldest.
    """

    fields = ("image", "age", "person")
    n_probe = 12 * len(AGES)

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Ages:
        """The pack ``name``: the training people (the first ``n`` pictures, whole people) and all test people."""
        from engines.data import zoo

        pack = zoo.load(name)
        rows, held = pack.rows("train"), pack.rows("test")
        if n is not None and not len(AGES) <= n <= len(rows):
            raise ValueError(f"--n must be from {len(AGES)} to {len(rows):,} for {name}, got {n}")
        rows = rows[: len(rows) if n is None else n - n % len(AGES)]
        train, test = cls.of_pack(pack, rows), cls.of_pack(pack, held)
        people = len(rows) // len(AGES)
        about = {"split": "the pack's own, by person", "n_train": len(rows), "n_test": len(held), "people": people}
        return cls(train, test, about=about, sha256=pack.sha256)

    @staticmethod
    def of_pack(pack: Any, rows: np.ndarray) -> dict[str, Any]:
        """Rows of whole people, as fields; ``person`` counts them from 0, ``identity`` is the pack's own number."""
        identity, years = pack.take("identity", rows), pack.take("age", rows)
        people, person = np.unique(identity, return_inverse=True)
        if not np.array_equal(years, np.tile(AGES, len(people))):
            raise ValueError("the pack must hold whole people, 8 pictures each from 1 to 80 years")
        return {
            "image": pack.take("image", rows)[:, TOP : TOP + SIDE, LEFT : LEFT + SIDE],
            "age": np.tile(np.arange(len(AGES)), len(people)),
            "person": person.astype(np.int64),
            "identity": identity.astype(np.int64),
        }


def pixels(images: Any, device: torch.device | None = None) -> Tensor:
    """Pictures (B, 48, 48, 3), bytes or 0..1 -> (B, 3, 48, 48) in -1..1."""
    x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=device)
    x = x.to(torch.float32) / 255 if x.dtype == torch.uint8 else x
    if x.dim() != 4 or x.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"pictures must have shape (B, {SIDE}, {SIDE}, 3), got {tuple(x.shape)}")
    return 2 * x.permute(0, 3, 1, 2) - 1


def levels(x: Tensor) -> Tensor:
    """(B, 3, 48, 48) in -1..1 -> pictures (B, 48, 48, 3) in 0..1."""
    return (x.permute(0, 2, 3, 1) + 1) / 2
