"""What every page of the catalogue must do, once for all: open in every view, play its scenes, judge its answers."""

from __future__ import annotations

import random
import re
from html import escape

import pytest

from pages import home
from pages.catalogue import CATALOGUE, PAGES, Entry
from pages.ui import frame
from pages.ui.settings import notices, written
from pages.ui.strip import Scene
from tests.pages.app import PAGED, hostile, of, on_stage, opened, said, settings_of, sound, value

pytestmark = pytest.mark.usefixtures("alone")

VIEWS = [(item, view) for item in PAGED for view in list(of(item, "VIEWS"))[1:]]  # the first one opens by itself
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
def test_every_other_view_opens(item, view):
    assert said(opened(item.file, view=view)) == []


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


def test_five_hundred_hostile_addresses_over_all_pages():
    """What reads an address: a sentence for each part that cannot be followed, and values that the controls have."""
    rng = random.Random(0)
    for i in range(500):
        item = PAGED[i % len(PAGED)]
        own = settings_of(item)
        address = hostile([setting.key for setting in own], rng)
        for sentence in notices(own, address):
            assert "\n" not in sentence
            assert len(sentence) < 1000
            assert "evil.example" not in re.sub("`[^`]*`", "", sentence)
        for setting in own:
            parsed = setting.parse(address.get(setting.key, written(setting.default)))
            assert setting.problem(written(parsed)) == "", (item.slug, setting.key, parsed)


@pytest.mark.parametrize("item", random.Random(1).sample(PAGED, 4), ids=lambda item: item.slug)
def test_a_page_opens_at_a_hostile_address(item):
    """Four of them; make bench ARGS=safety opens all pages at 500."""
    rng = random.Random(item.slug)
    at = opened(item.file, **hostile([setting.key for setting in settings_of(item)], rng))
    assert len(said(at)) >= 1


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
        record.run.wait(2)
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
