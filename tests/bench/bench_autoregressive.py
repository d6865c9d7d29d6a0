"""Autoregressive models: cached against plain sampling, a fill that is watched, coded sizes, what the cards say."""

from __future__ import annotations

import shutil
import time
from typing import Any

import numpy as np
import torch

import engines
from engines import checkpoints, data
from engines.autoregressive import coding

SHIPPED = (
    ("pixelcnn", ""),
    ("pixelcnn", "k3"),
    ("gated_pixelcnn", ""),
    ("gated_pixelcnn", "fashion"),
    ("row_lstm", ""),
    ("diagonal_bilstm", ""),
    ("multiscale", ""),
    ("pixelcnn_pp", ""),
)


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*_cards(), *_sampling(), *_coding(), *_watched()]


def _cards() -> list[dict[str, Any]]:
    rows = []
    for name, variant in SHIPPED:
        card = checkpoints.read(checkpoints.folder(name, variant)).card
        note = (
            f"{card['metrics']['test_bits_per_dim']:.4f} bits a pixel, {card['parameter_count']:,} weights, trained in "
            f"{card['wall_time_s'] / 60:.0f} minutes on {card['device']}"
        )
        value = card["metrics"]["test_nll"]
        rows.append({"name": f"{name}/{variant}".rstrip("/"), "value": value, "unit": "nats", "note": note})
    return rows


def _sampling(n: int = 16) -> list[dict[str, Any]]:
    """The same images with and without keeping what was computed; one image by itself, by every engine."""
    engine: Any = engines.pretrained("pixelcnn")
    drawn, seconds = [], []
    for cached in (True, False):
        began = time.perf_counter()
        drawn.append(engine.sample(n, generator=torch.Generator().manual_seed(0), cached=cached))
        seconds.append(time.perf_counter() - began)
    same = f"{n} images, pixel for pixel the same: {torch.equal(*drawn)}"
    rows = [
        {"name": "pixelcnn, cached", "value": seconds[0], "unit": "s", "note": same},
        {"name": "pixelcnn, plain", "value": seconds[1], "unit": "s", "note": ""},
        {"name": "plain / cached", "value": seconds[1] / seconds[0], "unit": "times", "note": "needs 8"},
    ]
    for name in ("pixelcnn", "gated_pixelcnn", "row_lstm", "diagonal_bilstm", "multiscale", "pixelcnn_pp"):
        engine = engines.pretrained(name)
        label = 3 if engine.config.n_classes else None
        engine.sample(1, generator=torch.Generator().manual_seed(0), label=label)  # warms up
        began = time.perf_counter()
        engine.sample(1, generator=torch.Generator().manual_seed(1), label=label)
        value = time.perf_counter() - began
        rows.append({"name": f"one image, {name}", "value": value, "unit": "s", "note": "784 pixels"})
    return rows


def _coding(n: int = 100) -> list[dict[str, Any]]:
    """Bytes against what the likelihood promises, over test images, each decoded again."""
    engine: Any = engines.pretrained("pixelcnn")
    levels = engine.quantise(data.load("mnist", split="test").x[:n], generator=torch.Generator().manual_seed(0)).numpy()
    promised, sizes, exact, within = [], [], 0, 0
    for x in levels:
        encoded = coding.encode(engine, x)
        exact += np.array_equal(coding.decode(engine, encoded.data), x)
        within += len(encoded.data) <= 1.02 * encoded.promised_bytes + 8
        promised.append(encoded.promised_bytes)
        sizes.append(len(encoded.data))
    note = f"{np.mean(promised):.2f} promised; {within} of {n} within 2 % + 8 bytes, {exact} decoded bit for bit"
    return [{"name": "coded image", "value": float(np.mean(sizes)), "unit": "bytes", "note": note}]


def _watched() -> list[dict[str, Any]]:
    """A whole image filled while a browser on the same machine watches: seconds, and pictures painted meanwhile."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server, open_page, player, player_state, until

    server = Server()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            open_page(page, f"{server.url}/pixelcnn?n=1&hide=everything")
            root = player(page, timeout=60)
            root.get_by_label("Speed").select_option("max")
            until(lambda: root.get_attribute("data-state") == "finished", "it does not finish", timeout=60)
            page.wait_for_timeout(1000)
            times, painted = [], []
            for _ in range(3):
                page.get_by_role("button", name="New seed").click()
                until(lambda: int(root.get_attribute("data-step") or 0) < 700, "no new fill", every=0.005)
                began, before = time.perf_counter(), player_state(page)["painted"]
                until(lambda: root.get_attribute("data-state") == "finished", "it does not finish", every=0.005)
                times.append(time.perf_counter() - began)
                painted.append(player_state(page)["painted"] - before)
                page.wait_for_timeout(1500)
            browser.close()
    finally:
        server.stop()
    note = f"{', '.join(map(str, painted))} pictures painted; needs 1.5"
    return [{"name": "a whole fill, watched", "value": float(np.median(times)), "unit": "s", "note": note}]
