"""What the app is made of before anything runs: a light start, a whole catalogue, pictures that can be drawn anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pages import course_map
from pages.catalogue import ASSETS, CATALOGUE, COURSE, PAGES, entry
from pages.ui import frame, warm

ROOT = PAGES.parent
HEAVY = ("torch", "sklearn", "scipy", "plotly", "matplotlib", "torchvision")


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter in the project's folder prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "imports",
    [
        "import app",
        "import pages.catalogue, pages.ui.frame, pages.ui.player, pages.ui.settings, pages.ui.stage",  # shell and home
        "import engines; engines.names(); from engines import data, devices; data.names(); devices.limits()",
    ],
)
def test_the_first_page_does_not_wait_for_heavy_libraries(imports):
    # Streamlit itself imports plotly's graph objects; that is not ours to change.
    code = f"import sys, streamlit; theirs = set(sys.modules); {imports}"
    code += f"; print(*sorted({set(HEAVY)!r} & (set(sys.modules) - theirs)))"
    assert python(code) == ""


def test_engines_do_not_import_streamlit():
    code = "import sys, engines, engines.run, engines.mixtures.gmm, engines.mixtures.kmeans, engines.train"
    assert python(f"{code}; print('streamlit' in sys.modules)") == "False"


def test_slugs_and_titles_are_unique_and_fit_an_address():
    for values in ([item.slug for item in CATALOGUE], [item.title for item in CATALOGUE]):
        assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item.slug) for item in CATALOGUE)


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.slug)
def test_what_an_entry_names_exists(item):
    assert item.file.is_file()
    assert item.sources or item.section == "Reading"
    assert all((ROOT / "engines" / source).is_file() for source in item.sources)
    assert item.idea.endswith(".")
    assert entry(item.slug) is item
    if item.section != "Reading":
        assert item.paper


def test_every_page_file_is_in_the_catalogue():
    """A file with a main() call at its end is a page; it must be reachable."""
    found = {
        path for path in PAGES.glob("*/*.py") if path.parent.name != "ui" and path.read_text().endswith("main()\n")
    }
    assert found == {item.file for item in CATALOGUE}


def test_the_map_of_the_course_has_a_stop_for_every_page_under_its_own_name():
    slugs = [stop.slug for stop in COURSE]
    assert set(slugs) == {item.slug for item in CATALOGUE if item.section != "Reading"}
    assert len(set(slugs)) == len(slugs)
    assert len({stop.place for stop in COURSE}) == len(COURSE)
    assert {to for stop in COURSE for to, _ in stop.leads_to} <= set(slugs)
    for tall in (False, True):
        drawn = ElementTree.fromstring(course_map.drawing(tall=tall))
        for link in drawn.iter("a"):
            slug = link.get("data-stop")
            assert link.get("href") == f"/{slug}"
            lines = [text.text for text in link.iter("text") if text.get("class") == "title"]
            assert " ".join(lines) == entry(slug).title
            assert len(lines) <= 2
        assert len(list(drawn.iter("a"))) == len(COURSE)
    assert len(course_map.in_words()) == sum(len(stop.leads_to) for stop in COURSE)


@pytest.mark.parametrize("item", [None, *CATALOGUE], ids=lambda item: item.slug if item else "home")
def test_the_bar_leads_to_every_page_and_to_the_neighbours(item):
    bar = ElementTree.fromstring(frame.bar_html(item))
    menu = {link.text: link.get("href") for link in bar.find(".//div[@class='pages']").iter("a")}
    assert menu == {"Home": "/", **{one.title: f"/{one.slug}" for one in CATALOGUE}}
    assert [heading.text for heading in bar.iter("h2")] == list(dict.fromkeys(one.section for one in CATALOGUE))
    here = [link.text for link in bar.iter("a") if link.get("aria-current") == "page"]
    assert here == [item.title if item else "Home"]
    assert bar.find("h1").text == (item.title if item else frame.COURSE_TITLE)
    now = CATALOGUE.index(item) if item else -1
    around = [CATALOGUE[i].slug for i in (now - 1, now + 1) if 0 <= i < len(CATALOGUE)]
    assert [link.get("href") for link in bar.iter("a") if link.get("class") == "step"] == [f"/{to}" for to in around]


def test_an_unknown_page_is_an_error_with_the_known_ones():
    with pytest.raises(KeyError, match="no page is called 'nope'; known: bayes, learning"):
        entry("nope")


def test_every_entry_has_its_two_thumbnails_and_no_other_lies_about():
    wanted = {item.thumbnail(theme).name for item in CATALOGUE for theme in ("light", "dark")}
    assert {path.name for path in (ASSETS / "thumbnails").iterdir()} == wanted


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.slug)
def test_a_thumbnail_is_small_shows_something_and_suits_its_theme(item, theme):
    path = item.thumbnail(theme)
    assert path.stat().st_size < 40_000
    grey = np.asarray(Image.open(path).convert("L"), dtype=float)
    assert grey.shape == (225, 400)
    assert grey.std() > 4  # not one flat ground
    assert (grey[0].mean() < 128) == (theme == "dark")


def test_what_is_loaded_once_is_no_garbage(monkeypatch):
    """Streamlit collects after every run of a script: what the warm-up has loaded must not be looked through then."""
    froze = []
    monkeypatch.setattr(warm.gc, "freeze", lambda: froze.append(True))
    warm.begin()
    warm.wait()
    assert froze == [True]
