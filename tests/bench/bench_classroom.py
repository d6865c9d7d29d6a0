"""Thirty viewers of a hosted server, half of them computing: on one process, and on two behind nginx."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.classroom import Proxy, Seen, class_of
from tests.browser.driver import Server

VIEWERS, SECONDS, PAGE = 30, 30.0, "gan"
HOSTED = {"LAB_HOSTED": "1", "OMP_NUM_THREADS": "1"}


def bench() -> Iterator[dict[str, Any]]:
    """Rows for `make bench`."""
    one = [Server(env=HOSTED)]
    yield from _measure("one process", one, one[0].url)
    if shutil.which("nginx") is None:
        yield {"name": "two processes", "value": None, "unit": "", "note": "not measured: no nginx here"}
        return
    two = [Server(env=HOSTED), Server(env=HOSTED)]
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(two[0].url, two[1].url, Path(folder))
        yield from _measure("two behind nginx", two, proxy.url)
        proxy.stop()


def _measure(name: str, servers: list[Server], url: str) -> list[dict[str, Any]]:
    asyncio.run(class_of(1, url, page=PAGE, seconds=1))  # imports; a server that has been up for a while
    before, began = [server.cpu_seconds() for server in servers], time.perf_counter()
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], sum(server.rss() for server in servers))

    watcher = threading.Thread(target=watch)
    watcher.start()
    seen = asyncio.run(class_of(VIEWERS, url, page=PAGE, seconds=SECONDS))
    over.set()
    watcher.join()
    cpu = sum(server.cpu_seconds() for server in servers) - sum(before)
    cores = cpu / (time.perf_counter() - began)
    for server in servers:
        server.stop()
    return [
        *_waits(f"{name}: first picture", [one.first for one in seen]),
        *_waits(f"{name}: play", [one.play for one in seen if one.play == one.play]),
        *_waits(f"{name}: a single step", [step for one in seen for step in one.steps]),
        {"name": f"{name}: lost", "value": sum(one.lost for one in seen), "unit": "pictures"},
        {"name": f"{name}: memory", "value": most[0] / 2**20, "unit": "MiB", "note": "the most, all processes"},
        {"name": f"{name}: processor", "value": cores, "unit": "cores", "note": _shares(seen)},
    ]


def _waits(name: str, waits: list[float]) -> list[dict[str, Any]]:
    p50, p95 = np.percentile(waits, [50, 95])
    note = f"p95 {p95:.3f} s, worst {max(waits):.3f} s of {len(waits)}"
    return [{"name": name, "value": float(p50), "unit": "s", "note": note}]


def _shares(seen: list[Seen]) -> str:
    names = sorted({one.process for one in seen} - {""})
    return ", ".join(f"{name}: {sum(one.process == name for one in seen)} viewers" for name in names)
