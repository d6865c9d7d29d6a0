"""How long the foundation pages take from a control to the next picture, in headless Chromium."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np

# Page, the sidebar's slider to move by one step, and what else the address says.
SLIDERS = (
    ("bayes", "Prior a", "n=5"),
    ("bayes", "The coin's true chance of heads", "n=5"),
    ("bayes-classifier", "Direction 1, in standard deviations", "view=directions"),
    ("bayes-classifier", "Class y", "view=directions"),
    ("learning", "Points", ""),
    ("learning", "Order: letters that hang together", "view=text&length=20"),
    ("learning", "Order: notes that hang together", "view=melody"),
    ("variational-gmm", "Concentration", "k=4"),
)
REPEATS = 7


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server

    server, rows = Server(), []
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            for slug, label, query in SLIDERS:
                page = browser.new_context(viewport={"width": 1280, "height": 1600}).new_page()
                times = _moves(page, f"{server.url}/{slug}?{query}", label)
                page.context.close()
                note = f"worst {max(times):.0f} of {len(times)}; needs 300"
                rows.append({"name": f"/{slug}: {label}", "value": float(np.median(times)), "unit": "ms", "note": note})
            browser.close()
    finally:
        server.stop()
    return rows


def _moves(page: Any, url: str, label: str) -> list[float]:
    """Milliseconds from an arrow key on the slider to the next painted picture, in the quiet after a finished run."""
    from tests.browser.driver import open_page, player, until

    open_page(page, url)
    root = player(page, timeout=60)
    until(lambda: root.get_attribute("data-state") in ("finished", "paused"), "it does not come to rest", timeout=60)
    slider = page.get_by_test_id("stSidebar").get_by_role("slider", name=label)
    if not slider.count():  # Streamlit names the group, not the handle
        slider = page.get_by_test_id("stSidebar").locator(f"div:has(> label:has-text('{label}'))").get_by_role("slider")
    slider.first.focus()
    times = []
    for i in range(REPEATS + 1):
        page.wait_for_timeout(700)
        before, began = root.get_attribute("data-painted"), time.perf_counter()
        page.keyboard.press("ArrowRight" if i % 2 == 0 else "ArrowLeft")
        until(lambda before=before: root.get_attribute("data-painted") != before, "no new picture", every=0.005)
        times.append(1000 * (time.perf_counter() - began))
    return times[1:]  # the first one warms up
