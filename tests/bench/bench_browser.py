"""What a viewer waits for, in headless Chromium: first picture, page to page, playback, live pictures, keys."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

KEY_TO_PICTURE = """async key => {
    const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean);
    const lab = roots.map(r => r.querySelector('.lab')).find(Boolean);
    const before = lab.dataset.painted, began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    while (lab.dataset.painted === before) await new Promise(done => requestAnimationFrame(done));
    return performance.now() - began;
}"""


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server

    server = Server()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            rows = [*_opening(browser, server.url), *_playing(browser, server.url)]
            rows += [*_saved(browser, server.url), *_kinds(browser)]
            browser.close()
    finally:
        server.stop()
    return rows


def _opening(browser: Any, url: str) -> list[dict[str, Any]]:
    from tests.browser.driver import open_page

    first, between = [], []
    for _ in range(4):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{url}/gmm", wait_until="commit")
        page.wait_for_selector("[data-painted]:not([data-painted='0'])")
        first.append(time.perf_counter() - began)
        context.close()
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        open_page(page, url)
        page.wait_for_timeout(1500)  # a viewer reads
        began = time.perf_counter()
        page.get_by_test_id("stMain").get_by_role("link", name="Gaussian mixtures and EM", exact=True).click()
        page.wait_for_selector("[data-painted]:not([data-painted='0'])")
        between.append(time.perf_counter() - began)
        context.close()
    note = "median of 3 fresh browsers, warm server"
    return [
        {"name": "address to first picture of /gmm", "value": float(np.median(first[1:])), "unit": "s", "note": note},
        {"name": "home page to /gmm", "value": float(np.median(between[1:])), "unit": "s", "note": note},
    ]


def _playing(browser: Any, url: str) -> list[dict[str, Any]]:
    from tests.browser.driver import player, player_state, settled, until

    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{url}/gmm?data=mnist&n=500&k=6")
    player(page)
    settled(page)
    page.get_by_label("Speed").select_option("30")
    page.wait_for_timeout(300)
    live = _pictures_per_second(page, seconds=2.5)
    until(lambda: page.locator("[data-state=finished][data-playing=false]").count(), "it did not finish", timeout=60)
    page.get_by_role("heading", name="Gaussian mixtures and EM").click()
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    page.get_by_label("Speed").select_option("max")
    page.keyboard.press(" ")
    playback = _pictures_per_second(page, seconds=2.0)
    until(lambda: not player_state(page)["playing"], "it went on playing", timeout=60)
    keys = [page.evaluate(KEY_TO_PICTURE, key) for key in ["ArrowLeft"] * 15 + ["ArrowRight"] * 10]
    note = "MNIST, 500 points, K = 6; needs 8"
    return [
        {"name": "pictures while EM runs at 30 steps/s", "value": live, "unit": "/s", "note": note},
        {"name": "playback of a finished run", "value": playback, "unit": "/s", "note": "the same run; needs 20"},
        {"name": "arrow key to picture, median", "value": float(np.median(keys)), "unit": "ms", "note": "needs 150"},
        {"name": "arrow key to picture, worst of 25", "value": float(np.max(keys)), "unit": "ms", "note": ""},
    ]


def _saved(browser: Any, url: str) -> list[dict[str, Any]]:
    """How long a film of a run takes to save, for a hundred pictures: of figures with axes, and of images."""
    from tests.browser.driver import menu, open_page, player, player_state, until

    rows = []
    for of, address in (("EM", "gmm?data=mnist&n=500&k=6"), ("images", "dcgan")):
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        open_page(page, f"{url}/{address}")
        root = player(page)
        root.get_by_label("Speed").select_option("max")
        until(lambda root=root: root.get_attribute("data-state") == "finished", "it did not finish", timeout=60)
        until(lambda page=page: not player_state(page)["playing"], "it went on playing", timeout=60)
        frames = player_state(page)["frames"]
        for item in ("gif", "video"):
            began = time.perf_counter()
            with page.expect_download(timeout=120_000):
                menu(page, item)
            taken = 100 * (time.perf_counter() - began) / frames
            note = f"from {frames} pictures at 1280 x 800; needs 10"
            rows.append({"name": f"100 pictures of {of} saved, {item}", "value": taken, "unit": "s", "note": note})
        page.close()
    return rows


def _kinds(browser: Any) -> list[dict[str, Any]]:
    """Pictures a second of every kind of picture, its film played once as fast as it goes."""
    from tests.browser.driver import ROOT, Server, open_page, player, rate

    rows, server = [], Server(ROOT / "tests" / "browser" / "kinds" / "app.py")
    try:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        for kind, least in (("images", 25), ("rows", 25), ("maps", 20), ("world", 30)):
            open_page(page, f"{server.url}/?kind={kind}")
            player(page)
            found = max(rate(page) for _ in range(3))
            rows.append(
                {"name": f"pictures of the kind {kind}", "value": found, "unit": "/s", "note": f"needs {least}"}
            )
    finally:
        server.stop()
    return rows


def _pictures_per_second(page: Any, seconds: float) -> float:
    from tests.browser.driver import player_state

    before, began = player_state(page)["painted"], time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (player_state(page)["painted"] - before) / (time.perf_counter() - began)
