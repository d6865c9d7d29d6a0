"""The app's own routes, asked for nonsense."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pages.autoencoders import gaussians, latent
from pages.ui import live, player
from pages.ui.guard import Guard
from tests.browser.driver import Server, until

ROUTES = [*live.ROUTES, *latent.ROUTES, *gaussians.ROUTES, *player.ROUTES]


def routes_under_fire(n: int, *, seed: int) -> Counter[int]:
    """How often the routes answered with each status to ``n`` mutations of good questions and nonsense."""
    with TestClient(Starlette(routes=ROUTES, middleware=[Middleware(Guard)])) as client:
        return Counter(client.post(path, content=text).status_code for path, text in hostile_messages(n, seed=seed))


GOOD = [
    ("/lab/kl", json.dumps({"mq": 0, "sq": 1, "mp": 0, "sp": 1, "n": 100, "seed": 0})),
    ("/lab/vae/default/decode", json.dumps({"z": [[0.0, 0.0]]})),
    ("/lab/vae/default/prior", json.dumps({"n": 2, "seed": 0})),
    ("/lab/vae/default/posterior", json.dumps({"row": 1, "n": 2, "seed": 0})),
]


def hostile_messages(n: int, *, seed: int) -> Iterator[tuple[str, str | bytes]]:
    """Paths and bodies."""
    rng = random.Random(seed)
    odd = ["null", "-1", "1e308", "true", '"x"', "[]", "{}", "1" + "0" * 308, "NaN", '"\\u0000"', "0.5", "[[[[]]]]"]
    for _ in range(n):
        path, text = rng.choice(GOOD)
        match rng.randrange(4):
            case 0:  # another value in the place of a number
                i = rng.choice([i for i, c in enumerate(text) if c.isdigit()])
                yield path, text[:i] + rng.choice(odd) + text[i + 1 :]
            case 1:  # a byte changed
                raw = bytearray(text.encode())
                raw[rng.randrange(len(raw))] = rng.randrange(256)
                yield path, bytes(raw)
            case 2:  # cut short
                yield path, text[: rng.randrange(len(text))]
            case 3:  # another path
                paths = ("/lab/vae/%2e%2e/decode", "/lab/vae/" + "x" * 300 + "/decode", "/lab/vae//prior")
                yield rng.choice(paths), text


def _send_until_closed(url: str, megabytes: int) -> None:
    with connect(url, max_size=None, close_timeout=2) as socket:
        socket.send(b"x" * (megabytes * 1_000_000))
        for _ in range(100):
            socket.recv(timeout=20)


def at_rest(server: Server) -> None:
    """Wait until it has loaded torch and then computes nothing for half a second."""
    until(lambda: server.loaded("libtorch_cpu"), "torch is not loaded")
    before = -1.0
    while server.cpu_seconds() - before > 0.05:
        before = server.cpu_seconds()
        time.sleep(0.5)


def closed_by_its_head(server: Server, path: str, *, megabytes: int) -> float:
    """By how many MB the server's peak rose while so much was sent to a socket that it closes; it goes on living."""
    at_rest(server)  # a server that has begun imports torch, which takes more than what is allowed here
    before = server.peak_rss()
    with pytest.raises(ConnectionClosed):
        _send_until_closed(server.url.replace("http", "ws") + path, megabytes)
    assert server.alive(), path
    return (server.peak_rss() - before) / 2**20
