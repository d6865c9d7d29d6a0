"""What every test of a page stands on: nobody watches, nothing is left over. Helpers are in tests/pages/app.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pages.autoencoders import gaussians, latent
from pages.translation import colouring
from pages.ui import board, drive, links, live, player
from tests.pages.app import threads, until

COMPONENTS = (player, board, latent, gaussians, colouring, drive, links)


@pytest.fixture
def alone(monkeypatch) -> Iterator[None]:
    """No browser comes, so no page waits for one; every test starts with an empty table and component registry."""
    monkeypatch.setattr(live.Table, "wait_until_drawn", lambda *_args, **_more: None)
    for name in ("LAB_HOSTED", "LAB_MAX_RUNS"):
        monkeypatch.delenv(name, raising=False)
    for part in COMPONENTS:
        getattr(part, "_component", player.registered).cache_clear()
    yield
    for part in COMPONENTS:
        getattr(part, "_component", player.registered).cache_clear()
    for token in list(live.TABLE._lives):
        live.TABLE.remove(token)
    until(lambda: not threads())
