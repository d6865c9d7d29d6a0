"""The game in the plane: rounds a second bare, driven by a Run, and watched; how often it covers or loses the ring."""

from __future__ import annotations

import shutil
import time
from typing import Any

import engines
from engines import data, devices
from engines.run import Run
from tests.bench.bench_making import median

SMALL = {"g_width": 16, "d_width": 16, "batch_size": 150, "seed": 0}
SEEDS = range(10)


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    return [*_speed(), *_watched(), *_ring(), *_dcgan(), *_told()]


def _bare(seconds: float = 3.0) -> float:
    game = engines.create("gan2d", data=data.load("ring", n=10_000), **SMALL)
    for _ in range(50):
        game.step()
    began, before = time.perf_counter(), game.round
    while time.perf_counter() - began < seconds:
        game.step()
    return (game.round - before) / (time.perf_counter() - began)


def _driven(seconds: float = 5.0) -> tuple[float, float]:
    """Rounds and frames a second of a run as the page makes it, its pictures made and packed, without a browser."""
    from pages.gans import gan_runs
    from pages.ui.wire import pack

    made = gan_runs.game(gan_runs.points_of("ring"), **SMALL)
    run: Run = made.run
    run.play(None)
    time.sleep(0.5)
    began, before, sent = time.perf_counter(), run.status.step, run.history.last.step
    pictures = 0
    while time.perf_counter() - began < seconds:
        for frame in run.history.after(sent):
            pack(made.draw(frame))
            sent, pictures = frame.step, pictures + 1
        time.sleep(0.02)
    elapsed = time.perf_counter() - began
    rounds = run.status.step - before
    run.close()
    return rounds / elapsed, pictures / elapsed


def _speed() -> list[dict[str, Any]]:
    with devices.threads(1):
        one = _bare()
    usual = _bare()
    rounds, frames = _driven()
    return [
        {"name": "bare loop, one thread", "value": one, "unit": "rounds/s", "note": "2 x 16 units, batch 150, Adam"},
        {"name": "bare loop, usual threads", "value": usual, "unit": "rounds/s", "note": ""},
        {"name": "a run with its pictures", "value": rounds, "unit": "rounds/s", "note": "needs 0.9 of one thread's"},
        {"name": "its pictures", "value": frames, "unit": "/s", "note": ""},
    ]


def _watched(seconds: float = 8.0) -> list[dict[str, Any]]:
    """What a browser on the same machine leaves of it, and what it paints."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS
    from tests.browser.driver import Server, player, player_state, settled

    server = Server()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{server.url}/gan?gwidth=16&dwidth=16&batch=150")
            player(page)
            settled(page)
            page.wait_for_timeout(2000)
            began, first = time.perf_counter(), (_step(page), player_state(page)["painted"])
            page.wait_for_timeout(1000 * seconds)
            elapsed = time.perf_counter() - began
            rounds, painted = _step(page) - first[0], player_state(page)["painted"] - first[1]
            browser.close()
    finally:
        server.stop()
    return [
        {"name": "watched", "value": rounds / elapsed, "unit": "rounds/s", "note": "needs 500"},
        {"name": "painted while watched", "value": painted / elapsed, "unit": "pictures/s", "note": "needs 8"},
    ]


def _step(page: Any) -> int:
    return int(page.locator("[data-frames]").first.get_attribute("data-step") or 0)


def _ring() -> list[dict[str, Any]]:
    rows = []
    games = {
        "default": ({}, 5_000, lambda modes: modes >= 7, "seeds with >= 7 of 8 modes after 5,000 rounds; needs 8"),
        "wgan-gp": ({"objective": "wgan-gp"}, 5_000, lambda modes: modes >= 7, "the same"),
        "collapse scene": ({"g_steps": 5}, 3_000, lambda modes: modes <= 3, "seeds with <= 3 modes; needs 8"),
    }
    ring = data.load("ring", n=10_000)
    for name, (settings, rounds, good, note) in games.items():
        found = []
        with devices.threads(1):
            for seed in SEEDS:
                game = engines.create("gan2d", data=ring, seed=seed, **settings)
                while game.round < rounds:
                    game.step()
                found.append(int(game.frame().scalars["modes"]))
        counted = f"{note}: {' '.join(map(str, found))}"
        rows.append({"name": f"ring, {name}", "value": sum(map(good, found)), "unit": "of 10 seeds", "note": counted})
    return rows


def _dcgan() -> list[dict[str, Any]]:
    """The shipped networks, as their cards say."""
    from engines import checkpoints

    rows = []
    for variant in ("", "fashion"):
        metrics = checkpoints.read(checkpoints.folder("dcgan", variant)).card["metrics"]
        note = ", ".join(f"{key.removeprefix('test_')} {value:.3f}" for key, value in metrics.items())
        rows.append(
            {"name": f"dcgan/{variant or 'mnist'}", "value": metrics["test_clear"], "unit": "clear", "note": note}
        )
    return rows


def _told() -> list[dict[str, Any]]:
    """The networks that are told something beside the noise: a batch, and an image of one's own answered."""
    from engines.material import LabelledImages
    from pages.gans import cgan, infogan

    rows, images = [], LabelledImages.load("mnist", n=6400)
    answers = {
        "cgan": ("an image beside all ten labels", lambda i: cgan.judged("", i, None)),
        "infogan": ("an image sorted, every category drawn", lambda i: infogan.sorting("", i, 1, None)),
    }
    for name, (what, answer) in answers.items():
        engine = engines.create(name, data=images, device="cpu")
        batch = median(lambda _, engine=engine: engine.step())
        rows.append({"name": f"{name}: a batch of 64", "value": batch, "unit": "ms", "note": "CPU"})
        rows.append({"name": f"{name}: {what}", "value": median(answer), "unit": "ms", "note": "at the server"})
    return rows
