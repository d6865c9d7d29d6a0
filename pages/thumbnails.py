"""Pictures of the pages for the home page: `python -m pages.thumbnails` takes them anew, `... gmm vae` only those.

Each is what the page's own stage shows at the last picture of what it opens on, in both themes. It starts the app and
needs Playwright and a Chromium (requirements-dev.txt).
"""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from typing import Any

from PIL import Image

from pages.catalogue import CATALOGUE, PAGES, Entry

SIZE = (400, 225)
# The player's stage, the latent plane, the drawing board of an outline, the list of references.
STAGE = ".stage, .plane, .colouring, .posing, .works"
# The last picture of a film, the newest of a run; tools, legends and axes are for the page.
LAST = """(stage) => {
  const root = stage.getRootNode(), bar = root.querySelector("input[type=range].scrub");
  if (bar) { bar.value = bar.max; bar.dispatchEvent(new Event("input", { bubbles: true })); }
}"""


def main(slugs: Sequence[str]) -> None:
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=PAGES.parent, stdout=subprocess.DEVNULL)
    try:
        until_up(f"http://localhost:{port}/_stcore/health")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            for item in CATALOGUE:
                if not slugs or item.slug in slugs:
                    take(page, f"http://localhost:{port}/{item.slug}", item)
    finally:
        server.terminate()


def until_up(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the app did not start: nothing at {address}")


def take(page: Any, address: str, item: Entry) -> None:
    page.goto(address)
    stage = page.locator(STAGE).first
    stage.wait_for(timeout=60_000)
    time.sleep(6)  # a run gets somewhere
    stage.evaluate(LAST)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        time.sleep(1.5)
        shot = Image.open(io.BytesIO(stage.screenshot())).convert("RGB")
        ground = shot.getpixel((1, 1))
        shot.thumbnail((SIZE[0] - 8, SIZE[1] - 8), Image.Resampling.LANCZOS)  # the theme's ground all around
        picture = Image.new("RGB", SIZE, ground)
        picture.paste(shot, ((SIZE[0] - shot.width) // 2, (SIZE[1] - shot.height) // 2))
        path = item.thumbnail(theme)
        picture.save(path, "WEBP", quality=82, method=6)
        print(path.name, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
