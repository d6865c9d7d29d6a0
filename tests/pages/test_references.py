"""One file of works: what the course must hold is in it, pages cite from it, and the page searches it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

import pytest

from pages.catalogue import CATALOGUE, PAGES
from pages.citations import KINDS, cite, search, works
from pages.reading import references
from tests.pages.app import opened, said, sound

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "reading" / "references.py"


def test_the_works_are_whole():
    assert len(works()) >= 50
    for work in works().values():
        assert work.kind in KINDS
        assert work.title
        assert work.authors
        assert re.fullmatch(r"https://[^\s/]+\.[^\s]+", work.link)
        if work.where.startswith("arXiv:"):
            number = work.where.removeprefix("arXiv:")
            assert re.fullmatch(r"\d{4}\.\d{4,5}", number)
            assert work.link == f"https://arxiv.org/abs/{number}"
            # arXiv numbers begin with the year and month of the first version.
            assert abs(2000 + int(number[:2]) - work.year) <= 1
        if work.kind == "paper":
            assert work.year
            assert 1900 < work.year <= 2026


# Every paper that the course rests on, by its arXiv number, with the page it belongs to.
RESTS_ON = {
    "1406.2661": "gan", "1511.06434": "dcgan", "1412.6806": "dcgan", "1312.6114": "vae", "1509.00519": "elbo",
    "1601.06759": "pixelrnn", "1606.05328": "gated-pixelcnn", "1701.05517": "pixelcnn-pp", "1704.06001": "pixelcnn",
    "1701.07875": "gan", "1704.00028": "gan", "1802.05957": "gan", "1801.04406": "gan", "1809.01587": "gan",
    "1411.1784": "cgan", "1606.03476": "gail", "1606.03657": "infogan",
    "1609.04802": "srgan", "1610.07584": "3dgan", "1708.05509": "anime", "1703.10593": "cyclegan",
    "1611.07004": "pix2pix", "1711.11585": "pix2pix", "1611.02200": "dtn", "1705.09368": "pose-guided",
    "1603.07442": "pixeldtgan", "1704.04086": "tpgan", "1612.03242": "stackgan", "1605.05396": "stackgan",
    "1606.07536": "cyclegan", "1703.05192": "discogan", "1604.04382": "mgan", "1611.06355": "icgan",
    "1702.01983": "age-cgan", "1703.05921": "anogan", "1703.10847": "midinet", "1706.05274": "perceptual-gan",
}  # fmt: skip
OTHERS = ("Sy2fzU9gl", "distill.00003", "5WoItGTWV54", "jaan.io", "tensorflow-generative-model-collections", "udemy",
          "generative-models", "jonathan-hui", "modules/mixture", "udlbook", "pml-book", "1703.07195")  # fmt: skip


def test_what_the_course_rests_on_is_there():
    found = {work.where.removeprefix("arXiv:"): work for work in works().values()}
    for number, page in RESTS_ON.items():
        assert page in found[number].pages
    for key in ("mao2016", "szekely2013", "korpelevich1976", "white2016"):  # cited without a number of arXiv's
        assert key in works()
    links = " ".join(work.link for work in works().values())
    for part in OTHERS:
        assert part in links
    slugs = {page for work in works().values() for page in work.pages}
    assert {item.slug for item in CATALOGUE if item.section != "Reading"} <= slugs


def test_what_pages_and_engines_cite_is_there():
    root, numbers = PAGES.parent, {work.where for work in works().values()}
    for file in [*root.glob("pages/**/*.py"), *root.glob("engines/**/*.py")]:
        cited = set(re.findall(r"arXiv:\d{4}\.\d{4,5}", file.read_text(encoding="utf-8")))
        assert cited <= numbers, file


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
    box = at.text_input[0]
    sound(box.set_value("nothing like this").run())
    assert "Nothing fits" in at.info[0].value
    assert any("kind has no value `song`" in sentence for sentence in said(opened(PAGE, kind="song")))


def test_every_work_stands_under_its_sections_with_links_that_leave_in_a_tab_of_their_own():
    every = list(works().values())
    html = references.grouped(every, all_open=False)
    for work in every:
        assert references.line(work) in html
        assert f'href="{escape(work.link)}" target="_blank" rel="noopener noreferrer"' in references.line(work)
        for slug in set(work.pages) & set(references.TITLES):
            assert f'href="/{slug}"' in references.line(work)
    assert html.count("<details open>") == 1
    assert "The whole course (" in html
    few = references.grouped(search("kingma"), all_open=True)
    assert few.count("<details open>") == few.count("<details") > 1
    odd = replace(every[0], title="<b>A & B</b>")
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in references.line(odd)
