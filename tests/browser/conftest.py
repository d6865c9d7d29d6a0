"""A real server and a real browser for the tests in this folder.

Fixtures: server, serve, browser, page, page_errors, outside. They live for this folder only: Playwright keeps an
event loop running in the main thread, which `asyncio.run` elsewhere would trip over.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.browser import driver
from tests.browser.driver import Server

HERE = Path(__file__).parent
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",  # the app needs no network
]
# Opened at /gmm, Streamlit's own page first looks for its server below /gmm, and finds it one up.
STREAMLIT_PROBE = re.compile(r"/[^/]+/_stcore/(health|host-config)$")
_report = pytest.StashKey[dict[str, pytest.TestReport]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder, and run them last: the quick ones speak first."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash.setdefault(_report, {})[report.when] = report
    return report


@pytest.fixture(scope="package")
def serve() -> Iterator[Callable[..., Server]]:
    """Starts one more server: ``serve(LAB_HOSTED="1")`` or ``serve(app=path)``. It lasts until its stop()."""
    started: list[Server] = []

    def start(app: Path = driver.ROOT / "app.py", **env: str) -> Server:
        started.append(Server(app, env))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="package")
def server(serve: Callable[..., Server]) -> Server:
    """The app, served on a free port: .url, .pid, .log(), .threads(), .rss(), .cpu_seconds()."""
    return serve()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=_executable(playwright), args=ARGUMENTS)
        yield running
        running.close()


def _executable(playwright: Playwright) -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and Path(playwright.chromium.executable_path).exists():
        found = playwright.chromium.executable_path
    if found is None:
        reason = "no Chromium or Chrome on the PATH: install one, or run `python -m playwright install chromium`"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


@pytest.fixture
def page_errors() -> list[str]:
    """Errors of the page so far: console errors and uncaught exceptions. Assert that it is empty."""
    return []


@pytest.fixture
def outside() -> list[str]:
    """Addresses beyond this machine that the page asked for. Assert that it is empty."""
    return []


@pytest.fixture(scope="package")
def context(browser: Browser) -> BrowserContext:
    """One for all, so that the scripts are fetched once; what a test leaves in it is taken away after the test."""
    return browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")


@pytest.fixture
def page(
    request: pytest.FixtureRequest, context: BrowserContext, page_errors: list[str], outside: list[str]
) -> Iterator[Page]:
    """A fresh page, 1280 x 800, light. Where the test fails, its screenshot and errors are printed."""
    context.set_default_timeout(30_000)  # where all is well nothing waits
    page = context.new_page()
    kept = {"origin": "*", "storageTypes": "cookies,local_storage"}  # by the tests before this one
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            if STREAMLIT_PROBE.search(where):
                return
            page_errors.append(f"{message.text} ({where})" if where else message.text)

    def on_request(asked: str) -> None:
        address = urlsplit(asked)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in ("localhost", "127.0.0.1"):
            outside.append(asked)

    page.on("console", on_console)
    page.on("pageerror", lambda error: page_errors.append(f"uncaught: {error}"))
    page.on("request", lambda asked: on_request(asked.url))
    yield page
    reports = request.node.stash.get(_report, {})
    if "call" in reports and reports["call"].failed:
        _explain(request, page, page_errors)
    for one in context.pages:
        one.close()
    context.clear_permissions()


def _explain(request: pytest.FixtureRequest, page: Page, page_errors: list[str]) -> None:
    try:
        driver.shot(page, request.node.nodeid.removeprefix("tests/browser/"))
        for text in driver.faults(page):
            print(f"on the page: {text}")
    except Exception as error:  # the page may have crashed; the test's own failure matters more
        print(f"no screenshot: {error}")
    for text in page_errors:
        print(f"in the console: {text}")
    if "server" in request.fixturenames:
        print("the end of the server's log:", request.getfixturevalue("server").log()[-3000:], sep="\n")
