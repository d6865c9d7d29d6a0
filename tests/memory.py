"""How much memory something takes: the peak of this process, begun anew (Linux).

Not `resource.getrusage`: its peak is that of the whole life, and a new process begins with its parent's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
measured = pytest.mark.skipif(not STATUS.exists(), reason="needs /proc of Linux")


def _kilobytes(key: str) -> int:
    return int(next(line for line in STATUS.read_text().splitlines() if line.startswith(key)).split()[1])


@contextmanager
def risen() -> Iterator[list[float]]:
    """A list that holds, afterwards, by how many MB the peak within lay above the memory held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is held now
    before, rise = _kilobytes("VmRSS"), []
    try:
        yield rise
    finally:
        rise.append((_kilobytes("VmHWM") - before) / 1024)
