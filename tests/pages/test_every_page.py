"""What every page of the catalogue must do, once for all: open in every view, play its scenes, judge its answers."""

from __future__ import annotations

import importlib
import re
from html import escape
from typing import Any

import pytest

from pages import home
from pages.catalogue import CATALOGUE, PAGES, Entry
from pages.ui import frame
from pages.ui.strip import Scene
from tests.pages.app import on_stage, opened, said, sound, value

pytestmark = pytest.mark.usefixtures("alone")

PAGED = [item for item in CATALOGUE if item.section != "Reading"]


def of(item: Entry, name: str) -> dict[str, Any]:
    """A table of the page's own, or of its notes: its VIEWS, its SCENES."""
    module = ".".join(item.file.relative_to(PAGES.parent).with_suffix("").parts)
    page = importlib.import_module(module)
    for holder in (page, getattr(page, "notes", None), getattr(page, f"{item.file.stem}_notes", None)):
        if hasattr(holder, name):
            return getattr(holder, name)
    return {}


VIEWS = [(item, view) for item in PAGED for view in of(item, "VIEWS")]
SCENES = [(item, name) for item in PAGED for name, scene in of(item, "SCENES").items() if isinstance(scene, Scene)]


def ids(pairs: list[tuple[Entry, str]]) -> list[str]:
    return [f"{item.slug}-{name}" for item, name in pairs]


def test_home_opens_through_the_shell_with_a_card_a_page():
    at = opened(PAGES / "shell.py")
    assert said(at) == []
    for item in CATALOGUE:
        card = home.card(item)
        assert escape(item.idea) in card
        assert card.count("href=") == 2 + len(item.starts)


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.slug)
def test_a_page_opens_through_the_shell_on_something_to_see(item):
    at = opened(PAGES / "shell.py")
    at.switch_page(str(item.file.relative_to(PAGES)))
    sound(at.run())
    assert said(at) == []
    if item.section != "Reading":
        assert [tab.label for tab in at.tabs] == ["Why", "Try it", "Source"]


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.slug)
def test_the_places_to_begin_lead_somewhere_without_complaint(item):
    for _, query in item.starts:
        at = opened(item.file, **query)
        assert said(at) == []
        for key, wanted in query.items():
            if key not in ("scene", "q"):
                assert str(value(at, key)).lower() == wanted.lower()


@pytest.mark.parametrize(("item", "view"), VIEWS, ids=ids(VIEWS))
def test_every_view_opens(item, view):
    at = opened(item.file, **({"view": view} if len(of(item, "VIEWS")) > 1 else {}))
    assert said(at) == []


@pytest.mark.parametrize(("item", "name"), SCENES, ids=ids(SCENES))
def test_a_scene_plays_by_its_name_and_its_cure_differs(item, name):
    scene = of(item, "SCENES")[name]
    at = opened(item.file, scene=name)
    assert said(at) == []
    for key, wanted in scene.link.items():
        assert str(value(at, key)) == str(wanted)
    assert scene.cure != scene.link
    if scene.cure:
        at = sound(at.button(key=f"{item.slug}:cure").click().run())
        assert said(at) == []
        for key, wanted in scene.cure.items():
            assert str(value(at, key)) == str(wanted)


def figures(sentence: str) -> list[float]:
    """The numbers in a sentence, as they are shown."""
    return [float(text.replace(",", "").replace("−", "-")) for text in re.findall(r"[−-]?\d[\d,]*\.?\d*", sentence)]


@pytest.mark.parametrize("item", PAGED, ids=lambda item: item.slug)
def test_a_question_takes_its_own_answer_and_refuses_another(item, monkeypatch):
    """Of a choice one option is right; of a number, what the verdict says is taken and what lies far off is not.
    A question that cannot be asked of what is on the stage yet says so."""
    judged: dict[str, bool] = {}

    def judge(_entry, **parts):
        for question in parts["questions"]:
            try:
                if question.kind == "choice":
                    good = sum(question.check(option)[0] for option in question.options) == 1
                else:
                    far, sentence = question.check(10**7)
                    good = not far and any(question.check(figure)[0] for figure in figures(sentence))
            except ValueError as error:
                good = bool(str(error))
            judged[question.text] = good

    at = opened(item.file)
    if (record := on_stage(at, f"{item.slug}:run")) is not None:
        record.run.play()
        record.run.wait(5)
        record.run.pause()
    monkeypatch.setattr(frame, "notes", judge)
    sound(at.run())
    assert judged
    assert [text for text, good in judged.items() if not good] == []


def test_no_file_is_too_large_for_the_repository():
    folders = [PAGES, PAGES.parent / "assets", PAGES.parent / "checkpoints", PAGES.parent / "engines"]
    large = [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 9.5 * 2**20
    ]
    assert large == []
