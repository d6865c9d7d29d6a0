r"""Where to compute, and how much a viewer may ask for: devices, cores, and the limits of a hosted server.

Environment variables, all read at each call, never kept:

- LAB_DEVICE   what "auto" means here ("cpu", "cuda", "cuda:1", "mps")
- LAB_HOSTED   1 on a server that many people share: smaller limits
- LAB_MAX_RUNS how many runs may compute at the same time

torch is imported inside the functions, so that reading the limits costs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server grants; pages refuse more, with a sentence."""

    max_concurrent_runs: int
    max_points: int  # N, of a data set that an engine learns from live
    max_components: int  # K
    max_upload_bytes: int


def resolve(device: str | torch.device = "auto", *, float64: bool = False) -> torch.device:
    """The device to compute on; "auto" is LAB_DEVICE where that is set, else cuda > mps > cpu.

    ``float64=True`` for engines that compute in double precision, which mps cannot: "auto" then
    passes over mps. A name that is unknown, or a device that is absent, is a ValueError.
    """
    import torch

    wanted, said = str(device).strip(), f"device {str(device)!r}"
    if wanted == "auto":
        wanted = os.environ.get("LAB_DEVICE", "").strip() or "auto"
        said = f"LAB_DEVICE={wanted!r}"
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() and not float64 else "cpu")

    kind, _, index = wanted.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (":" in wanted and not index.isdecimal()):
        raise ValueError(f"{said} is not a device: use 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{said} is not there (torch sees no CUDA GPU): use 'auto' or 'cpu'")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"{said} is not there (torch sees no Apple GPU): use 'auto' or 'cpu'")
    if kind == "mps" and float64:
        raise ValueError(f"{said} cannot compute in float64, which this engine needs: use 'auto' or 'cpu'")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if index and int(index) >= count:
        raise ValueError(f"{said} is not there ({kind} devices are numbered 0 to {count - 1}): use {kind!r}")
    return torch.device(wanted)


def describe(device: str | torch.device = "auto") -> str:
    """The device for readers: "NVIDIA H100, 80 GB", "Apple GPU (MPS)", "CPU, 2 cores"."""
    import torch

    found = resolve(device)
    if found.type == "cuda":
        properties = torch.cuda.get_device_properties(found)
        size = f"{round(properties.total_memory / 2**30)} GB"
        # "NVIDIA H100 80GB HBM3" says its size itself, and a little more than what is free to use.
        if said := re.match(r"(.+?)[ -](\d+) ?GB\b", properties.name):
            return f"{said[1]}, {said[2]} GB"
        return f"{properties.name}, {size}"
    if found.type == "mps":
        return "Apple GPU (MPS)"
    n = cores()
    return f"CPU, {n} core" + ("" if n == 1 else "s")


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """torch with ``n`` threads for what this thread computes, None: as many as it has of itself.

    Small networks are quicker on one: two would wait for each other, and for whatever else has a core. A sum that two
    share is rounded otherwise, so all that is to come out bit for bit alike is computed in here, by whichever thread.
    torch keeps one number for the process besides each thread's own, so it is put back to what it was at first, not to
    what it was before, which another run may have set.
    """
    import torch

    usual = _usual_threads()
    # A thread takes over the process's number with its first look at it, which must not come after it has its own.
    torch.get_num_threads()
    torch.set_num_threads(usual if n is None else n)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@lru_cache(maxsize=1)
def _usual_threads() -> int:
    import torch

    return torch.get_num_threads()


def cores() -> int:
    """CPU cores that this process may use: its affinity, not what the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def hosted() -> bool:
    """True on a server that many people share (LAB_HOSTED=1)."""
    return os.environ.get("LAB_HOSTED", "").strip().lower() in ("1", "true", "yes")


def limits() -> Limits:
    """The limits here and now; at most one run per core when hosted, 8 otherwise, or LAB_MAX_RUNS."""
    shared = hosted()
    max_runs = cores() if shared else 8
    wanted = os.environ.get("LAB_MAX_RUNS", "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(f"LAB_MAX_RUNS must be a whole number >= 1, got {wanted!r}: set it so, or unset it")
        max_runs = int(wanted)
    return Limits(
        max_concurrent_runs=max_runs,
        max_points=20_000 if shared else 1_000_000,
        max_components=16 if shared else 64,
        max_upload_bytes=1_000_000 if shared else 10_000_000,
    )
