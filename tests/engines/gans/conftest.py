"""What tests of players of a game share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch


@pytest.fixture
def moved_in_a_step() -> Callable[[Any], list[tuple[str, str, bool]]]:
    """Which network moved at each descent of one step: (whose descent, network, whether it moved)."""

    def look(engine: Any) -> list[tuple[str, str, bool]]:
        moved, descend = [], engine.descend

        def descended(loss: torch.Tensor, player: str) -> None:
            before = {key: [p.clone() for p in net.parameters()] for key, net in engine.network.items()}
            descend(loss, player)
            for key, net in engine.network.items():
                same = all(torch.equal(a, b) for a, b in zip(before[key], net.parameters(), strict=True))
                moved.append((player, key, not same))

        engine.descend = descended
        engine.step()
        return moved

    return look
