"""One file of works: what the course must hold is in it, pages cite from it, and the page searches it."""

from __future__ import annotations

import re

import pytest

from pages.catalogue import CATALOGUE, PAGES
from pages.citations import KINDS, cite, search, works
from tests.pages.test_pages import _alone, opened, said, sound  # noqa: F401

PAGE = PAGES / "reading" / "references.py"


def test_the_works_are_whole():
    assert len(works()) >= 50
    for work in works().values():
        assert work.kind in KINDS
        assert work.title
        assert work.authors
        assert work.link == "" or work.link.startswith("https://")
        if work.where.startswith("arXiv:"):
            number = work.where.removeprefix("arXiv:")
            assert re.fullmatch(r"\d{4}\.\d{4,5}", number)
            assert work.link == f"https://arxiv.org/abs/{number}"
            # arXiv numbers begin with the year and month of the first version.
            assert abs(2000 + int(number[:2]) - work.year) <= 1
        if work.kind == "paper":
            assert work.year
            assert 1900 < work.year <= 2026


def test_what_the_course_rests_on_is_there():
    numbers = {work.where.removeprefix("arXiv:") for work in works().values()}
    for number in ("1406.2661", "1511.06434", "1312.6114", "1509.00519", "1601.06759", "1606.05328", "1701.05517",
                   "1606.03476", "1703.10593", "1611.07004", "1609.04802", "1703.10847", "1703.05921"):  # fmt: skip
        assert number in numbers
    slugs = {page for work in works().values() for page in work.pages}
    assert {item.slug for item in CATALOGUE if item.section != "Reading"} <= slugs


def test_pages_cite_from_the_file():
    assert cite("kingma2013") == "Kingma & Welling 2013 (arXiv:1312.6114)"
    assert cite("dempster1977").startswith("Dempster, Laird & Rubin 1977 (")
    assert cite("goodfellow2014", "burda2015").startswith("Goodfellow et al. 2014 (arXiv:1406.2661); Burda, Grosse & ")
    with pytest.raises(KeyError, match="no work is called 'nobody1900'"):
        cite("nobody1900")
    for item in CATALOGUE:
        if item.section != "Reading":
            assert item.paper


@pytest.mark.parametrize(
    ("words", "kind", "page", "keys"),
    [
        ("welling", "", "", {"kingma2013"}),
        ("WELLING variational", "", "", {"kingma2013"}),
        ("", "book", "", {"bishop2006", "prince2023", "murphy2023"}),
        ("2006", "paper", "variational-gmm", {"blei2006"}),
        ("no such words", "", "", set()),
    ],
)
def test_the_search_finds_every_word(words, kind, page, keys):
    assert {work.key for work in search(words, kind, page)} == keys


def test_the_page_lists_what_the_address_asks_for():
    at = opened(PAGE, kind="book")
    assert said(at) == []
    assert at.caption[0].value.startswith("3 of ")
    text = " ".join(element.value for element in at.markdown)
    assert "Pattern Recognition and Machine Learning" in text
    box = at.text_input[0]
    sound(box.set_value("nothing like this").run())
    assert "Nothing fits" in at.info[0].value
    assert any("kind has no value 'song'" in sentence for sentence in said(opened(PAGE, kind="song")))
