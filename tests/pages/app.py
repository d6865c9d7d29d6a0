"""Helpers for tests that run a page as Streamlit does, without a browser."""

from __future__ import annotations

import importlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.catalogue import CATALOGUE, PAGES, Entry
from pages.ui import live
from pages.ui.settings import Setting

GMM = PAGES / "mixtures" / "gmm.py"
PAGED = [item for item in CATALOGUE if item.section != "Reading"]


def of(item: Entry, name: str) -> dict[str, Any]:
    """A table of the page's own, or of its notes: its VIEWS, its SCENES."""
    module = ".".join(item.file.relative_to(PAGES.parent).with_suffix("").parts)
    page = importlib.import_module(module)
    for holder in (page, getattr(page, "notes", None), getattr(page, f"{item.file.stem}_notes", None)):
        if hasattr(holder, name):
            return getattr(holder, name)
    return {}


def settings_of(item: Entry) -> list[Setting]:
    """All settings of a page, over its views."""
    return list({s.key: s for _, own in of(item, "VIEWS").values() for s in own}.values())


def hostile(keys: Sequence[str], rng: random.Random) -> dict[str, str]:
    """An address that nobody writes by hand: the page's own keys and others, with values of all kinds."""
    odd = ["", " ", "nan", "-inf", "1e400", "1e3", "1_0", "9" * 400, "-1", "0", "99999999999999999999", "0x10",
           "\uff13", "true", "None", "[]", "{}", "<img src=https://evil.example/a.png>", "![x](https://evil.example/a.png)",
           "../../etc/passwd", "%00", "\x00", "a\nb", "\u202eabc", "\ud7ff", ":red[x]$x$", "x" * 5000]  # fmt: skip
    names = [*keys, "view", "scene", "present", "q", "__proto__", "key" * 200, "<script>", "seed "]
    return {rng.choice(names): rng.choice(odd) for _ in range(rng.randrange(1, 9))}


def until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lab-run"]


def opened(page: Path = GMM, state: dict[str, Any] | None = None, **query: Any) -> AppTest:
    """The page at this address, after its first run."""
    at = AppTest.from_file(page, default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    for key, value in (state or {}).items():
        at.session_state[key] = value
    return sound(at.run())


def sound(at: AppTest) -> AppTest:
    assert [error.value for error in at.exception] == []
    return at


def said(at: AppTest) -> list[str]:
    """All warnings and errors on the page."""
    return [element.value for element in (*at.warning, *at.error)]


def on_stage(at: AppTest, slot: str = "gmm:run") -> live.Live | None:
    held = at.session_state[slot] if slot in at.session_state else None  # noqa: SIM401
    return live.TABLE.get(held["token"]) if held else None


def config(at: AppTest, slot: str = "gmm:run") -> Any:
    return on_stage(at, slot).run.engine.config


def value(at: AppTest, key: str) -> Any:
    """What is chosen, shown as a control or not."""
    return at.session_state[f"{at.session_state['settings:page']}:settings"][key]


def press(at: AppTest, label: str) -> AppTest:
    return sound(next(button for button in at.button if button.label == label).click().run())


def finish(at: AppTest) -> None:
    run = on_stage(at).run
    run.play()
    assert run.wait(20).state == "finished"
