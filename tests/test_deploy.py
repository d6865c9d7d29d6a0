"""Several processes behind nginx, as deploy/ sets it up: a viewer stays with one process, and outlives the other."""

from __future__ import annotations

import asyncio
import shutil
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bench.classroom import Proxy, viewer
from tests.browser.driver import ROOT, Server

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx (Debian: apt install nginx-light)")


@pytest.fixture(scope="module")
def two():
    with ThreadPoolExecutor() as both:  # at once: most of a start is waiting for imports
        servers = list(both.map(lambda _: Server(env={"LAB_HOSTED": "1"}), range(2)))
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def proxy(two, tmp_path: Path):
    running = Proxy(two[0].url, two[1].url, tmp_path)
    yield running
    running.stop()


def cookie_of(url: str, sent: str = "") -> str:
    request = urllib.request.Request(f"{url}/", headers={"Cookie": sent} if sent else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return (answer.headers.get("Set-Cookie") or "").partition(";")[0]


def test_new_viewers_go_to_both_and_stay_where_they_are(proxy):
    given = [cookie_of(proxy.url) for _ in range(60)]
    assert set(given) == {"lab=lab1", "lab=lab2"}
    assert 12 <= given.count("lab=lab1") <= 48  # six standard deviations about 30 of 60
    assert cookie_of(proxy.url, "lab=lab2") == ""  # who has one keeps it
    assert cookie_of(proxy.url, "lab=elsewhere") in {"lab=lab1", "lab=lab2"}


def test_four_viewers_each_watch_a_run_through_the_proxy(proxy):
    async def four():
        return await asyncio.gather(*(viewer(proxy.url, "gan", computing=i % 2 == 0, seconds=1) for i in range(4)))

    seen = asyncio.run(four())
    assert sum(one.lost for one in seen) == 0
    assert all(one.first > 0 for one in seen)
    assert all(one.steps for one in seen[1::2])


def test_when_one_process_is_gone_the_other_takes_its_viewers(two, proxy):
    two[0].stop()
    for sent in ("lab=lab1", "lab=lab2"):
        request = urllib.request.Request(f"{proxy.url}/_stcore/health", headers={"Cookie": sent})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200


def test_the_compose_file_names_what_the_configuration_names():
    compose = (ROOT / "deploy" / "compose.yml").read_text()
    config = (ROOT / "deploy" / "nginx.conf").read_text()
    for name in ("lab1", "lab2"):
        assert f"\n  {name}:" in compose
        assert f"server {name}:8501" in config
    assert '"8080:8080"' in compose
    assert "listen 8080;" in config
