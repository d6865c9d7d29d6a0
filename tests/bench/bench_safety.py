"""How trainings bear being killed, checkpoints being changed, pages and routes being asked for nonsense; what images
and messages of any size cost. All of it takes a quarter of an hour."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines.train import main
from pages.ui import live
from tests.browser.conftest import ARGUMENTS
from tests.browser.driver import Server
from tests.browser.walk import walk_over
from tests.engines.damage import AE, full_disk_at_every_write, kill_at_random, try_mutations
from tests.memory import risen
from tests.pages.app import PAGED, hostile, opened, settings_of
from tests.pages.fire import closed_by_its_head, routes_under_fire
from tests.pages.pictures import image_files, rises_of

N_KILLS, N_MUTATIONS, N_ADDRESSES, N_MESSAGES = 20, 2_000, 500, 500


def addresses() -> dict[str, int]:
    """How pages opened at hostile addresses: "fine", or the exception's first words."""
    os.environ["LAB_HOSTED"] = "1"
    live.Table.wait_until_drawn = lambda *_args, **_more: None  # type: ignore[method-assign]
    rng, ends = random.Random(2), {"fine": 0}
    for i in range(N_ADDRESSES):
        item = PAGED[i % len(PAGED)]
        try:
            opened(item.file, **hostile([setting.key for setting in settings_of(item)], rng))
            ends["fine"] += 1
        except Exception as error:
            said = f"{item.slug}: {' '.join(str(error).split())}"[:200]
            ends[said] = ends.get(said, 0) + 1
        for token in list(live.TABLE._lives):
            live.TABLE.remove(token)
    return ends


def _walk() -> dict[str, int]:
    """Over all pages in a browser."""
    from playwright.sync_api import sync_playwright

    server = Server()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            return walk_over(PAGED, browser.new_page(viewport={"width": 1280, "height": 900}), server)
    finally:
        server.stop()


def bench() -> Iterator[dict[str, Any]]:
    """Rows for `make bench`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        (out / "images").mkdir()
        image_files(out / "images")
        rises = rises_of(out / "images")
        worst = max(rises, key=rises.__getitem__)
        note = f"of {len(rises)} files of at most 10 MB; needs 60"
        yield {"name": f"an image's memory, the worst: {worst}", "value": rises[worst], "unit": "MB", "note": note}

        main([*AE, "--set", "n_steps=2", "--out", str(out / "base")])
        with risen() as rise:
            ends = try_mutations(out / "base", out / "work", N_MUTATIONS, seed=1)
        for end, count in ends.items():
            yield {"name": f"mutated checkpoints {end}", "value": count, "unit": f"of {N_MUTATIONS}"}
        yield {"name": "memory of all those", "value": rise[0], "unit": "MB", "note": "needs 200"}

        with risen() as rise:
            answers = routes_under_fire(N_MESSAGES, seed=1)
        for status, count in sorted(answers.items()):
            yield {"name": f"hostile messages answered {status}", "value": count, "unit": f"of {N_MESSAGES}"}
        yield {"name": "memory of all those", "value": rise[0], "unit": "MB", "note": "needs 200"}

        server = Server(env={"LAB_HOSTED": "1"})
        try:
            for path in ("/_stcore/stream", "/lab/run/x"):
                rise = closed_by_its_head(server, path, megabytes=200)
                note = "the server's; closed, alive"
                yield {"name": f"200 MB sent to {path}", "value": rise, "unit": "MB", "note": note}
        finally:
            server.stop()

        for what, ended in full_disk_at_every_write(out / "full").items():
            yield {"name": f"disk full: {what}", "value": ended, "unit": "writings"}

        for i, name in enumerate(("a first training", "an overwrite")):
            if i:
                main([*AE, "--set", "n_steps=3", "--out", str(out / name)])
            seen = kill_at_random(out / name, N_KILLS, seed=i, n_steps=1_000_000)
            note = f"last: {seen[-1]}; before its first state: {seen.count('nothing yet')}"
            yield {"name": f"{name} survived", "value": len(seen), "unit": f"of {N_KILLS} kills", "note": note}

        found = _walk()
        note = f"{found['changed']} of {found['pages']} pages with a setting changed, back and forward; needs 0"
        yield {"name": "places that were not as they were left", "value": found["strange"], "unit": "", "note": note}

        with risen() as rise:
            opened_at = addresses()
        for said, count in opened_at.items():
            yield {"name": f"pages at hostile addresses: {said}", "value": count, "unit": f"of {N_ADDRESSES}"}
        yield {"name": "memory of all those pages", "value": rise[0], "unit": "MB", "note": "their models"}
