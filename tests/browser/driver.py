"""Helpers for tests that drive the app in a real browser against a real server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SCREENS = Path(tempfile.gettempdir()) / "lab-screens"
APP = '[data-testid="stApp"]'
HOME = "Generative Models Lab"
FAULT = '[data-testid="stAlertContentError"]'  # an error box: the app's own (app.py, `sorry`) or Streamlit's


class Server:
    """`streamlit run` in a process of its own; ended by ``stop``."""

    def __init__(self, app: Path = ROOT / "app.py", env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._log_path = Path(tempfile.mkdtemp(prefix="lab-server-")) / "log.txt"
        began = time.perf_counter()
        command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(self.port)]
        command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=app.parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_for_health()
        self.start_seconds = time.perf_counter() - began

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        """Everything that the server has printed."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def threads(self) -> int:
        """How many threads the server has (Linux)."""
        return len(os.listdir(self._proc("task")))

    def rss(self) -> int:
        """The server's resident memory in bytes (Linux)."""
        return int(self._proc("statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_rss(self) -> int:
        """The most resident memory that the server has had, in bytes (Linux)."""
        found = re.search(r"VmHWM:\s+(\d+) kB", self._proc("status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def cpu_seconds(self) -> float:
        """Processor time that the server has used so far (Linux)."""
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def loaded(self, library: str) -> bool:
        """Whether a file of that name is mapped into the server's memory (Linux)."""
        return library in self._proc("maps").read_text()

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """End the server; a second call does nothing."""
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=5)
        shutil.rmtree(self._log_path.parent, ignore_errors=True)

    def _proc(self, name: str) -> Path:
        path = Path(f"/proc/{self.pid}/{name}")
        if not path.exists():
            pytest.skip("needs /proc of a running server")
        return path

    def _wait_for_health(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.alive() and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        log = self.log()
        self.stop()
        pytest.fail(f"the server did not start; its log:\n{log}", pytrace=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- pages --------------------------------------------------------------------------------------


def open_page(page: Page, url: str, *, timeout: float = 60) -> None:
    """Go to ``url`` and wait until Streamlit's first run is over and its elements stand."""
    page.goto(url, wait_until="commit")
    settled(page, timeout=timeout)


def settled(page: Page, *, timeout: float = 60) -> None:
    """Wait until no script runs and the set of elements has been the same for 10 animation frames.

    The script is over before the browser has drawn it all: widgets load their code when they are first needed.
    """
    page.wait_for_selector(f'{APP}[data-test-script-state="notRunning"]', timeout=timeout * 1000)
    page.wait_for_function(
        """async () => {
            const look = () => document.querySelectorAll('[data-testid]').length;
            const frame = () => new Promise(done => requestAnimationFrame(done));
            const app = document.querySelector('[data-testid="stApp"]');
            const before = look();
            for (let i = 0; i < 10; i++) {
                await frame();
                if (look() !== before || app.dataset.testScriptState !== 'notRunning') return false;
            }
            return !document.querySelector('[data-testid="stSkeleton"]');
        }""",
        timeout=timeout * 1000,
    )


def faults(page: Page) -> list[str]:
    """The text of every error box on the page."""
    return page.locator(FAULT).all_inner_texts()


def href(page: Page) -> str:
    """The address as the browser has it now: `page.url` stays as it was while nothing is asked of the browser."""
    return str(page.evaluate("location.href"))


def go_to(page: Page, title: str) -> None:
    """Open a page through the menu at the top, as a viewer would."""
    page.locator(".bar summary").click()
    link = page.locator(".pages").get_by_role("link", name=title, exact=True)
    if link.count() != 1:
        raise AssertionError(f"the menu has no page called {title!r}, or more than one")
    path = urlsplit(link.get_attribute("href") or "").path.strip("/")
    link.click()
    page.wait_for_url(lambda url: urlsplit(url).path.strip("/") == path)
    heading = page.locator(".bar h1").filter(has_text=HOME if title == "Home" else title)
    heading.wait_for()
    settled(page)


def set_theme(page: Page, theme: str) -> None:
    """Show the page "light" or "dark", as a change of the system's setting does."""
    assert theme in ("light", "dark"), theme
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(
        """dark => {
            const app = document.querySelector('[data-testid="stApp"]');
            if (!app) return false;
            const [r, g, b] = getComputedStyle(app).backgroundColor.match(/[0-9.]+/g).map(Number);
            return (r + g + b < 384) === dark;
        }""",
        arg=theme == "dark",
        timeout=10_000,
    )


def shot(page: Page, name: str, *, full: bool = False) -> Path:
    """Save a screenshot and print where."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    path = SCREENS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:120]}.png"
    page.screenshot(path=str(path), full_page=full, timeout=10_000)
    print(f"screenshot: {path}")
    return path


# --- the player ---------------------------------------------------------------------------------

PLAYER = "[data-frames]"  # inside an open shadow root, which Playwright's selectors see through


def player(page: Page, *, index: int = 0, timeout: float = 60) -> Locator:
    """The root element of a player, once it has painted something."""
    root = page.locator(PLAYER).nth(index)
    root.wait_for(state="attached", timeout=timeout * 1000)
    until(lambda: player_state(page, index=index)["painted"] > 0, "the player painted nothing", timeout=timeout)
    return root


def player_state(page: Page, *, index: int = 0) -> dict[str, int]:
    """What the player says of itself: frame, frames, playing (0 or 1), painted; -1 where it says nothing."""
    data = page.locator(PLAYER).nth(index).evaluate("e => ({...e.dataset})")
    return {name: _whole(data.get(name)) for name in ("frame", "frames", "playing", "painted")}


def menu(page: Page, item: str, *, index: int = 0) -> None:
    """Choose an item of a player's menu by its key: present, live, row, fork, stop, png, csv, gif, video, code."""
    root = page.locator(PLAYER).nth(index)
    root.locator("[data-do=menu]").click()
    root.locator(f"[role=menu] [data-do={item}]").click()


def _whole(text: str | None) -> int:
    if text in ("true", "false"):
        return int(text == "true")
    try:
        return int(text or "")
    except ValueError:
        return -1


def until(condition: Callable[[], Any], what: str, *, timeout: float = 40, every: float = 0.05) -> Any:
    """Wait for a true value of ``condition`` and return it; AssertionError(what) after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} (waited {timeout:g} s)")
        time.sleep(every)


FAST = "30"  # pictures a second


def attribute(page: Page, name: str, index: int = 0) -> str:
    return page.locator(PLAYER).nth(index).get_attribute(f"data-{name}") or ""


def finished(page: Page, index: int = 0) -> None:
    until(lambda: attribute(page, "state", index) == "finished", "the run did not finish", timeout=60)


def played_out(page: Page, speed: str = FAST) -> int:
    """Let the run on the page play to its end; returns the number of frames."""
    page.get_by_label("Speed").first.select_option(speed)
    finished(page)
    until(lambda: not player_state(page)["playing"], "it went on playing", timeout=60)
    return player_state(page)["frames"]


def rate(page: Page) -> float:
    """Pictures painted per second over the film, played once as fast as it goes."""
    return page.locator("[data-frames]").evaluate("""async root => {
        root.querySelector('[data-do=play]').click();
        while (root.dataset.playing !== 'true') await new Promise(requestAnimationFrame);
        const before = Number(root.dataset.painted), began = performance.now();
        while (root.dataset.playing === 'true') await new Promise(requestAnimationFrame);
        return (1000 * (Number(root.dataset.painted) - before)) / (performance.now() - began);
    }""")
