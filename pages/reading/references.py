"""Papers, books, courses and further reading, searchable; each with the page that it belongs to."""

from __future__ import annotations

import csv
import io

import streamlit as st

from pages.catalogue import CATALOGUE, entry
from pages.citations import KINDS, Work, search, works
from pages.ui import frame, settings
from pages.ui.settings import Choice

PAGE = entry("references")
SLUGS = sorted({page for work in works().values() for page in work.pages})
KIND = Choice(key="kind", label="Kind", options=("all", *KINDS), default="all", help="What to list.")
OF = Choice(key="page", label="For the page", options=("all", *SLUGS), default="all", help="Works behind one page.")


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, (KIND, OF, WORDS))
    words, kind, of = st.columns([2, 1, 1])
    with words:
        text = st.text_input(
            "Search", key="q", placeholder="a name, a word of the title, a year", bind="query-params", max_chars=100
        )
    with kind:
        wanted = settings.show(KIND)
    with of:
        page = settings.show(OF)
    found = search(text or "", "" if wanted == "all" else wanted, "" if page == "all" else page)
    st.caption(f"{len(found)} of {len(works())} works. Links leave the app only when you press them.")
    if not found:
        st.info("Nothing fits all of these words: take one away, or choose another kind.")
        return
    for name, title in KINDS.items():
        group = [work for work in found if work.kind == name]
        if group:
            st.subheader(title, anchor=False)
            for work in group:
                show(work)
    st.download_button("This list as CSV", table(found), "references.csv", "text/csv", on_click="ignore")


def show(work: Work) -> None:
    """One work: who, when, what, where, and the pages that it belongs to."""
    title = f"[{work.title}]({work.link})" if work.link else f"*{work.title}*"
    line = f"**{work.short}.** {title}" + (f" · {work.where}" if work.where else "")
    open_pages = [item for item in CATALOGUE if item.slug in work.pages]
    rest = [slug for slug in work.pages if slug not in {item.slug for item in open_pages}]
    with st.container(border=True):
        st.markdown(line)
        if len(work.authors) > 1:
            st.caption(", ".join(work.authors))
        if open_pages or rest:
            with st.container(horizontal=True):
                for item in open_pages:
                    st.page_link(st.Page(item.file, title=item.title, url_path=item.slug), label=item.title)
                for slug in rest:
                    st.caption(f"{slug} (to come)")


def table(found: list[Work]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["key", "kind", "authors", "year", "title", "where", "link", "pages"])
    for work in found:
        writer.writerow(
            [
                work.key,
                work.kind,
                "; ".join(work.authors),
                work.year or "",
                work.title,
                work.where,
                work.link,
                " ".join(work.pages),
            ]
        )
    return out.getvalue()


class _Words:
    """The search box in the address: any text will do."""

    key = "q"
    default = ""

    def problem(self, _text: str) -> str:
        return ""


WORDS = _Words()
main()
