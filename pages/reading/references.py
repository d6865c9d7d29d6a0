"""Papers, books, courses and further reading by the section that they belong to, searchable."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from pages.catalogue import CATALOGUE, entry
from pages.citations import KINDS, Work, search, works
from pages.ui import frame, links, settings
from pages.ui.settings import Choice

PAGE = entry("references")
TITLES = {item.slug: item for item in CATALOGUE}
SLUGS = [item.slug for item in CATALOGUE if any(item.slug in work.pages for work in works().values())]
KIND = Choice(key="kind", label="Kind", labels={"all": "All kinds", **KINDS})
OF = Choice(
    key="page",
    label="For the page",
    labels={"all": "All pages", **{slug: TITLES[slug].title for slug in SLUGS}},
)


class _Words:
    """The search box, a setting like the others: any text will do."""

    key, default = "q", ""

    def problem(self, _text: str) -> str:
        return ""

    def parse(self, text: str) -> str:
        return text[:100]

    def widget(self, **more: Any) -> str:
        return st.text_input("Search", placeholder="a name, a word of the title, a year", max_chars=100, **more)


WORDS: Any = _Words()
WHOLE, FURTHER = "The whole course", "Further systems"  # works of every page, works of no page yet


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, (KIND, OF, WORDS))
    words, kind, of = st.columns([2, 1, 1])
    with words:
        text = settings.show(WORDS)
    with kind:
        wanted = settings.show(KIND)
    with of:
        page = settings.show(OF)
    found = search(text, "" if wanted == "all" else wanted, "" if page == "all" else page)
    st.caption(f"{len(found)} of {len(works())} works. Links leave the app only when you press them.")
    if not found:
        st.info("Nothing fits all of these words: take one away, or choose another kind.")
        return
    links.show(grouped(found, all_open=len(found) <= 12), key="lab-references")
    st.download_button("This list as CSV", table(found), "references.csv", "text/csv", on_click="ignore")


def grouped(found: Sequence[Work], *, all_open: bool) -> str:
    """One fold a section of the course, in its order; a work stands under every section that has a page of it."""
    parts = []
    for topic in dict.fromkeys([WHOLE, *(item.section for item in CATALOGUE), FURTHER]):
        own = [work for work in found if topic in topics(work)]
        if own:
            lines = "".join(line(work) for work in own)
            fold = "open" if all_open or not parts else ""
            parts.append(f"<details {fold}><summary>{escape(topic)} ({len(own)})</summary><ul>{lines}</ul></details>")
    return f'<div class="works">{"".join(parts)}</div>'


def topics(work: Work) -> list[str]:
    if not work.pages:
        return [WHOLE]
    return list(dict.fromkeys(TITLES[slug].section for slug in work.pages if slug in TITLES)) or [FURTHER]


def line(work: Work) -> str:
    """One work: who, when, what, where, and the pages that it belongs to."""
    pages = ", ".join(
        f'<a href="{escape(links.address(slug))}">{escape(TITLES[slug].title)}</a>'
        for slug in work.pages
        if slug in TITLES
    )
    return (
        f'<li><b>{escape(work.short)}.</b> <a href="{escape(work.link)}" target="_blank" rel="noopener noreferrer">'
        f"{escape(work.title)}</a>{' · ' + escape(work.where) if work.where else ''}"
        f"<small>{escape(', '.join(work.authors))}{' · on the page ' if pages else ''}{pages}</small></li>"
    )


def table(found: Sequence[Work]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["key", "kind", "authors", "year", "title", "where", "link", "pages"])
    for work in found:
        authors, pages = "; ".join(work.authors), " ".join(work.pages)
        writer.writerow([work.key, work.kind, authors, work.year or "", work.title, work.where, work.link, pages])
    return out.getvalue()


if __name__ == "__main__":
    main()
