"""A class without browsers: each speaks Streamlit's protocol to get its run, then the player's to watch it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.driver import ROOT, free_port

TOKEN = re.compile(rb'"token":\s*"([A-Za-z0-9_-]{22})"')


@dataclass(kw_only=True)
class Seen:
    """What one viewer waited for, in seconds, and what went missing."""

    first: float = float("nan")  # opened address to first picture
    play: float = float("nan")  # pressed play to the next picture
    steps: list[float] = field(default_factory=list)  # pressed step to its picture
    lost: int = 0  # pictures out of order, or a run that was gone
    process: str = ""  # the cookie that says which process served it


async def viewer(url: str, page: str, *, computing: bool, seconds: float) -> Seen:
    """Open ``page``, then play for ``seconds`` (``computing``) or take a step every second or so."""
    import websockets

    seen = Seen()
    began = time.perf_counter()
    cookie = await asyncio.to_thread(_cookie, f"{url}/{page}")
    seen.process = cookie
    headers = {"Cookie": cookie} if cookie else {}
    base = url.replace("http", "ws", 1)
    async with websockets.connect(
        f"{base}/_stcore/stream", subprotocols=["streamlit"], additional_headers=headers, max_size=None
    ) as session:
        token = await asyncio.wait_for(_token(session, page), 120)
        drain = asyncio.create_task(_drain(session))  # the page goes on drawing its notes
        async with websockets.connect(f"{base}/lab/run/{token}", additional_headers=headers, max_size=None) as run:
            step = await _picture(run, seen, after=-1)
            seen.first = time.perf_counter() - began
            end = time.perf_counter() + seconds
            if computing:
                await run.send(json.dumps({"do": "play", "speed": None}))
                began = time.perf_counter()
                step = await _picture(run, seen, after=step)
                seen.play = time.perf_counter() - began
                while time.perf_counter() < end:
                    step = await _picture(run, seen, after=step)
                await run.send(json.dumps({"do": "pause"}))
            else:
                await run.send(json.dumps({"do": "pause"}))
                await asyncio.sleep(0.5)
                while time.perf_counter() < end:
                    while True:  # what was under way when it paused
                        try:
                            step = await asyncio.wait_for(_picture(run, seen, after=step), 0.05)
                        except TimeoutError:
                            break
                    await run.send(json.dumps({"do": "step"}))
                    began = time.perf_counter()
                    step = await _picture(run, seen, after=step)
                    seen.steps.append(time.perf_counter() - began)
                    await asyncio.sleep(1)
        drain.cancel()
    return seen


async def class_of(n: int, url: str, *, page: str, seconds: float) -> list[Seen]:
    """``n`` viewers who come within five seconds; every other one computes at full speed."""

    async def one(i: int) -> Seen:
        await asyncio.sleep(5 * i / n)
        return await viewer(url, page, computing=i % 2 == 0, seconds=seconds)

    return await asyncio.gather(*(one(i) for i in range(n)))


def _cookie(address: str) -> str:
    """The first visit, as a browser makes it: what a proxy wants remembered."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        kept = [text.partition(";")[0] for text in answer.headers.get_all("Set-Cookie", []) if text.startswith("lab=")]
    return kept[0] if kept else ""


async def _token(session: Any, page: str) -> str:
    from streamlit.proto.BackMsg_pb2 import BackMsg

    hello = BackMsg()
    hello.rerun_script.query_string = ""
    hello.rerun_script.page_name = page
    await session.send(hello.SerializeToString())
    async for message in session:
        if found := TOKEN.search(message if isinstance(message, bytes) else message.encode()):
            return found[1].decode()
    raise ConnectionError("the session ended before its run was on the stage")


async def _drain(session: Any) -> None:
    async for _ in session:
        pass


async def _picture(run: Any, seen: Seen, *, after: int) -> int:
    """Wait for a picture later than ``after``; its step."""
    while True:
        text = await asyncio.wait_for(run.recv(), 120)
        head = text[:40] if isinstance(text, str) else ""
        if head.startswith('{"type":"gone"') or head.startswith('{"type":"error"'):
            seen.lost += 1
            raise ConnectionError(text[:200])
        if not head.startswith('{"type":"frames"'):
            continue
        steps = [picture["step"] for picture in json.loads(text)["frames"]]
        seen.lost += sum(b <= a for a, b in zip([after, *steps], steps, strict=False))
        if steps:
            return int(steps[-1])


class Proxy:
    """nginx with deploy/nginx.conf in front of two servers of this machine; ended by ``stop``."""

    def __init__(self, first: str, second: str, folder: Path) -> None:
        port = free_port()
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for name, url in (("lab1:8501", first), ("lab2:8501", second), ("listen 8080", f"//listen 127.0.0.1:{port}")):
            assert name in text
            text = text.replace(name, url.partition("//")[2].replace("localhost", "127.0.0.1"))
        config = folder / "nginx.conf"
        config.write_text(text.replace("/tmp/lab-nginx", str(folder / "nginx")))
        command = ["nginx", "-c", str(config), "-p", str(folder), "-g", "daemon off;"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=(folder / "log").open("wb"))
        self.url = f"http://localhost:{port}"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"nginx did not start: {(folder / 'log').read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=5)
