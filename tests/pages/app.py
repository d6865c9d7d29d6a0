"""Helpers for tests that run a page as Streamlit does, without a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.catalogue import PAGES
from pages.ui import live

GMM = PAGES / "mixtures" / "gmm.py"


def until(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.002)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lab-run"]


def opened(page: Path = GMM, state: dict[str, Any] | None = None, **query: Any) -> AppTest:
    """The page at this address, after its first run."""
    at = AppTest.from_file(page, default_timeout=30)
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
