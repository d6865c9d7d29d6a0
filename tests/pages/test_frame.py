"""What the app is made of before anything runs: a light start, a whole catalogue, pictures that can be drawn anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import engines
from pages import course_map, thumbnails
from pages.catalogue import ASSETS, CATALOGUE, COURSE, PAGES, entry
from pages.ui import frame

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
    assert item.thumbnail.is_file()
    assert item.sources or item.section == "Reading"
    assert all((ROOT / source).is_file() for source in item.sources)
    assert set(item.engines) <= set(engines.names())
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
    assert len({(stop.column, stop.row) for stop in COURSE}) == len(COURSE)
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


def test_every_entry_has_a_thumbnail_that_can_be_drawn_and_no_other_lies_about():
    assert set(thumbnails.THUMBNAILS) == {item.slug for item in CATALOGUE}
    assert {path.stem for path in (ASSETS / "thumbnails").glob("*.svg")} == {item.slug for item in CATALOGUE}


def without_images(svg: str) -> str:
    """Images decoded by a network may differ in a grey level from one processor to another."""
    return re.sub(r'href="data:image/png;base64,[^"]+"', "", svg)


def test_the_script_writes_the_same_bytes(tmp_path: Path):
    code = "import pathlib, sys, pages.catalogue; pages.catalogue.ASSETS = pathlib.Path(sys.argv[1])"
    python(f"{code}; import pages.thumbnails; pages.thumbnails.main()", str(tmp_path))
    for item in CATALOGUE:
        written = (tmp_path / "thumbnails" / item.thumbnail.name).read_text(encoding="utf-8")
        assert without_images(written) == without_images(item.thumbnail.read_text(encoding="utf-8"))


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.slug)
def test_a_thumbnail_is_small_sound_and_asks_for_nothing(item):
    raw = item.thumbnail.read_text(encoding="utf-8")
    assert len(raw) < 300_000
    root = ElementTree.fromstring(raw)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title").text
    assert "prefers-reduced-motion" in raw
    assert "nan" not in without_images(raw)  # letters may meet in base64
    assert not re.search(r"<script|href=\"(?!data:image/png;base64,)|url\(|https?://(?!www\.w3\.org/2000/svg)", raw)
