"""The autoencoders: steps of learning, the latent plane under the hand, and what watching a run costs it."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

SECONDS = 6.0  # of live learning and of dragging
KEY_TO_IMAGE = """async key => {
    const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean);
    const lab = roots.map(r => r.querySelector('.lab[data-decoded]')).find(Boolean);
    const before = lab.dataset.decoded, began = performance.now();
    lab.querySelector('.plane').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    while (lab.dataset.decoded === before) await new Promise(done => requestAnimationFrame(done));
    return performance.now() - began;
}"""
# Moves the pointer at every animation frame, as a hand does, and leaves the count of images a second on the window.
DRAG = """seconds => {
    const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean);
    const lab = roots.map(r => r.querySelector('.lab[data-decoded]')).find(Boolean);
    const plane = lab.querySelector('.plane'), box = plane.getBoundingClientRect();
    const began = performance.now(), before = Number(lab.dataset.decoded);
    window.dragged = null;
    const move = () => {
        const t = (performance.now() - began) / 1000;
        if (t > seconds) { window.dragged = (Number(lab.dataset.decoded) - before) / t; return; }
        const at = { clientX: box.left + box.width * (0.5 + 0.2 * Math.cos(3 * t)),
                     clientY: box.top + box.height * (0.5 + 0.2 * Math.sin(2 * t)), buttons: 1, bubbles: true };
        plane.dispatchEvent(new PointerEvent('pointermove', at));
        requestAnimationFrame(move);
    };
    move();
}"""


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*_learning(), *_in_the_browser()]


def _learning() -> list[dict[str, Any]]:
    import engines
    from engines.material import Images

    images = Images.load("mnist", n=20_000)
    rows = []
    for label, name, settings in (
        ("vae, MLP 784-400-400-2", "vae", {}),
        ("vae, convolutional, 32 dimensions", "vae", {"body": "conv", "width": 256, "latent_dim": 32}),
        ("autoencoder 784-32-784", "autoencoder", {}),
    ):
        engine = engines.create(name, data=images, device="cpu", **settings)
        for _ in range(10):
            engine.step()
        began, n = time.perf_counter(), 60
        for _ in range(n):
            engine.step()
        each = 1000 * (time.perf_counter() - began) / n
        rows.append({"name": f"a step of {label}", "value": each, "unit": "ms", "note": "batch 128"})
    return rows


def _in_the_browser() -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server

    server = Server()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            rows = [*_opening(browser, server.url), *_dragging(browser, server), *_live(browser, server.url)]
            browser.close()
    finally:
        server.stop()
    return rows


def _opening(browser: Any, url: str) -> list[dict[str, Any]]:
    from pages.catalogue import entry
    from tests.browser.driver import open_page

    rows = []
    for slug, ready in (
        ("vae", "[data-decoded]:not([data-decoded='0'])"),
        ("elbo", "[data-painted]:not([data-painted='0'])"),
        ("autoencoder", "[data-painted]:not([data-painted='0'])"),
    ):
        fresh, within = [], []
        for _ in range(4):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{url}/{slug}", wait_until="commit")
            page.wait_for_selector(ready, state="attached")
            fresh.append(time.perf_counter() - began)
            context.close()
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            open_page(page, url)
            page.wait_for_timeout(1500)  # a viewer reads
            began = time.perf_counter()
            page.get_by_test_id("stMain").get_by_role("link", name=entry(slug).title).first.click()
            page.wait_for_selector(ready, state="attached")
            within.append(time.perf_counter() - began)
            context.close()
        for where, seconds in (("a fresh browser", fresh), ("the home page", within)):
            value, note = float(np.median(seconds[1:])), "median of 3, warm server; needs 2"
            rows.append(
                {"name": f"/{slug} to its trained model, from {where}", "value": value, "unit": "s", "note": note}
            )
    return rows


def _dragging(browser: Any, server: Any) -> list[dict[str, Any]]:
    from tests.browser.driver import settled

    pages = []
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(f"{server.url}/vae")
        page.wait_for_selector("[data-decoded]:not([data-decoded='0'])", state="attached")
        settled(page)
        pages.append(page)
    first = pages[0]
    keys = [first.evaluate(KEY_TO_IMAGE, key) for key in ["ArrowLeft"] * 20 + ["ArrowUp"] * 20]
    cpu = server.cpu_seconds()
    first.evaluate(DRAG, SECONDS)
    first.wait_for_function("() => window.dragged !== null")
    alone = first.evaluate("() => window.dragged")
    cost = 1000 * (server.cpu_seconds() - cpu) / (alone * SECONDS)
    for page in pages:
        page.evaluate(DRAG, SECONDS)
    for page in pages:
        page.wait_for_function("() => window.dragged !== null")
    both = [page.evaluate("() => window.dragged") for page in pages]
    for page in pages:
        page.context.close()
    return [
        {"name": "images while dragging", "value": alone, "unit": "/s", "note": "needs 20"},
        {"name": "key to decoded image, median", "value": float(np.median(keys)), "unit": "ms", "note": "needs 60"},
        {"name": "server's processor time an image", "value": cost, "unit": "ms", "note": "needs 5"},
        {"name": "images, two viewers dragging, slower one", "value": min(both), "unit": "/s", "note": "needs 12"},
    ]


def _live(browser: Any, url: str) -> list[dict[str, Any]]:
    from pages.autoencoders.vae import BATCHES_PER_STEP, training
    from tests.browser.driver import menu, player, settled, until

    scene = training("mnist", latent_dim=2, width=200, seed=0, beta=1.0, learning_rate=1e-3)
    engine = scene.run.engine
    for _ in range(3):
        engine.step()
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        engine.step()
        n += 1
    bare = n * BATCHES_PER_STEP / (time.perf_counter() - began)
    scene.run.close()

    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{url}/vae?view=train")
    root = player(page)
    settled(page)
    page.get_by_label("Speed").first.select_option("max")
    menu(page, "live")
    page.wait_for_timeout(3000)

    def newest() -> tuple[int, float]:
        """The step of a picture as it arrives, and when."""
        before = root.get_attribute("data-step")
        until(lambda: root.get_attribute("data-step") != before, "no picture came", every=0.01)
        return int(root.get_attribute("data-step") or 0), time.perf_counter()

    first, began = newest()
    page.wait_for_timeout(1000 * SECONDS)
    last, ended = newest()
    watched = (last - first) * BATCHES_PER_STEP / (ended - began)
    page.context.close()
    return [
        {"name": "batches of a bare loop", "value": bare, "unit": "/s", "note": "vae 784-200-200-2"},
        {"name": "batches while a browser watches", "value": watched, "unit": "/s", "note": "the same engine"},
        {"name": "watched against bare", "value": watched / bare, "unit": "", "note": "needs 0.9"},
    ]
