"""People of whom every picture is there: what packs of heads have in common, and pictures as networks take them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from engines.material import Rows


class People(Rows):
    """A picture a row; a person's rows follow each other, one for each value of ``EACH`` of the pack's field ``BY``."""

    BY: ClassVar[str]
    EACH: ClassVar[tuple[int, ...]]

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Self:
        """The pack ``name``: the training people (the first ``n`` pictures, whole people) and all test people."""
        from engines.data import zoo

        pack, each = zoo.load(name), len(cls.EACH)
        rows, held = pack.rows("train"), pack.rows("test")
        if n is not None and not each <= n <= len(rows):
            raise ValueError(f"--n must be from {each} to {len(rows):,} for {name}, got {n}")
        rows = rows[: len(rows) if n is None else n - n % each]
        train, test = cls.of_pack(pack, rows), cls.of_pack(pack, held)
        about = {"split": "the pack's own, by person", "n_train": len(rows), "n_test": len(held)}
        return cls(train, test, about=about | {"people": len(rows) // each}, sha256=pack.sha256)

    @classmethod
    def of_pack(cls, pack: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Rows of whole people: ``person`` counts them from 0, ``identity`` is the pack's own number."""
        identity = pack.take("identity", rows).astype(np.int64)
        people, person = np.unique(identity, return_inverse=True)
        if not np.array_equal(pack.take(cls.BY, rows).astype(np.int64), np.tile(cls.EACH, len(people))):
            first, last = cls.EACH[0], cls.EACH[-1]
            each = f"{len(cls.EACH)} pictures each, their {cls.BY} from {first} to {last}"
            raise ValueError(f"the pack must hold whole people, {each}")
        return {"person": person.astype(np.int64), "identity": identity}


def pixels(images: Any, side: int, device: torch.device | None = None) -> Tensor:
    """Pictures (B, S, S, 3), bytes or 0..1 -> (B, 3, S, S) in -1..1."""
    x = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images, device=device)
    x = x.to(torch.float32) / 255 if x.dtype == torch.uint8 else x
    if x.dim() != 4 or x.shape[1:] != (side, side, 3):
        raise ValueError(f"pictures must have shape (B, {side}, {side}, 3), got {tuple(x.shape)}")
    return 2 * x.permute(0, 3, 1, 2) - 1
