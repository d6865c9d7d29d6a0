"""What every test shares: one thread a process, of which there are two, and a guard on the global random state."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported


def _global_random_state() -> dict[str, bytes]:
    """A digest of each library's global generator, of those already imported."""
    state: dict[str, bytes] = {}
    if hasattr(sys.modules.get("torch"), "get_rng_state"):  # a thread may be half through importing it
        state["torch"] = hashlib.md5(sys.modules["torch"].get_rng_state().numpy().tobytes()).digest()
    if hasattr(sys.modules.get("numpy"), "random"):
        _, keys, position, *rest = sys.modules["numpy"].random.get_state()
        state["numpy"] = hashlib.md5(keys.tobytes() + repr((position, rest)).encode()).digest()
    return state


@pytest.fixture
def global_random() -> None:
    """Ask for this where a test has a good reason to use the global generators."""


@pytest.fixture(autouse=True)
def _global_random_untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Randomness is an argument: nothing draws from, or seeds, the global generators."""
    before = _global_random_state()
    yield
    if "global_random" in request.fixturenames:
        return
    after = _global_random_state()
    changed = [name for name, digest in before.items() if after[name] != digest]
    if changed:
        pytest.fail(
            f"the global random state of {' and '.join(changed)} changed: pass a torch.Generator "
            "(or a numpy.random.Generator, or a random_state) instead",
            pytrace=False,
        )
