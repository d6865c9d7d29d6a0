"""From an opened address to the first picture in a cold browser, over that of a bare page with one chart."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from pages.catalogue import CATALOGUE

PAGES = [item.slug for item in CATALOGUE if item.section != "Reading"]
TURNS = 3  # the first warms the server
EVERY = 6  # pages between two openings of the bare page
CHART = ".js-plotly-plot .main-svg"
# The player counts its pictures, a page's own component what it has decoded or what has been answered.
PICTURE = ", ".join(f"[data-{count}]:not([data-{count}='0'])" for count in ("painted", "decoded", "answers"))


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server

    app, bare = Server(), Server(Path(__file__).with_name("bare.py"))
    seconds: dict[str, list[float]] = {name: [] for name in ("", *PAGES)}
    first: dict[str, float] = {}
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            for turn in range(TURNS):
                for i, slug in enumerate(PAGES):
                    opened = [(slug, f"{app.url}/{slug}", PICTURE)]
                    if i % EVERY == 0:
                        opened.insert(0, ("", bare.url, CHART))
                    for name, address, there in opened:
                        took = opening(browser, address, there)
                        if turn:
                            seconds[name].append(took)
                        else:
                            first[name] = took
            browser.close()
    finally:
        app.stop()
        bare.stop()
    floor = float(np.median(seconds[""]))
    note = f"a bare page with one chart takes {floor:.2f} s; needs 1.3; the server's first viewer waits {{:.2f}} s"
    return [
        {"name": f"cold /{slug}, over a bare page", "value": float(np.median(seconds[slug])) / floor, "unit": "x",
         "note": note.format(first[slug])}
        for slug in PAGES
    ]  # fmt: skip


def opening(browser: Any, address: str, there: str) -> float:
    """Seconds until ``there`` stands, in a browser that has nothing of it yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(there, state="attached", timeout=120_000)
    took = time.perf_counter() - began
    context.close()
    return took
