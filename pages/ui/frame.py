"""The page frame: the same parts in the same places on every page.

Stage and In numbers come from the player; Controls are the sidebar; Why, Try it and Source are tabs below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from pages.catalogue import CATALOGUE, PAGES, Entry
from pages.ui import links, settings
from pages.ui.tryit import Question, ask

CONTROLS_WIDTH = 213  # pixels, the least that Streamlit gives at this size of type
COURSE_TITLE = "Generative Models Lab"
COURSE_IDEA = (
    "Watch one idea at work on each page: play it, stop it, go back, change one thing and run it again. "
    "Everything runs on this machine, on real data."
)

STYLE = PAGES / "ui" / "static" / "frame.css"


def bar(entry: Entry | None) -> None:
    """The line at the top; the home page has no entry."""
    links.show(bar_html(entry), key="lab-bar")


def bar_html(entry: Entry | None) -> str:
    """All pages in a menu, the page before and the one after, the title and its idea."""
    now = CATALOGUE.index(entry) if entry else -1
    around = [
        ("Previous", "‹", CATALOGUE[now - 1] if now > 0 else None),
        ("Next", "›", CATALOGUE[now + 1] if now + 1 < len(CATALOGUE) else None),
    ]
    steps = "".join(
        f'<a class="step" href="{escape(links.address(to.slug))}" title="{way} page: {escape(to.title)}" '
        f'aria-label="{way} page: {escape(to.title)}">{sign}</a>'
        if to
        else f'<span class="step" aria-hidden="true">{sign}</span>'
        for way, sign, to in around
    )
    title, idea = (entry.title, entry.idea) if entry else (COURSE_TITLE, COURSE_IDEA)
    return (
        f'<div class="bar"><nav aria-label="Pages"><details class="menu"><summary>Pages</summary>{_all_pages(entry)}'
        f"</details>{steps}</nav><h1>{escape(title)}</h1>"
        f'<p class="idea" tabindex="0" title="{escape(idea)}"><span>{escape(idea)}</span></p>'
        '<button class="copy" title="The address of this page with its settings">Copy link</button></div>'
    )


def _all_pages(entry: Entry | None) -> str:
    """The menu: every section with its pages, two clicks from any page to any other."""

    def line(slug: str, title: str, here: bool) -> str:
        current = ' aria-current="page"' if here else ""
        return f'<li><a href="{escape(links.address(slug))}"{current}>{escape(title)}</a></li>'

    parts = [f'<ul class="start">{line("", "Home", entry is None)}</ul>']
    for section in dict.fromkeys(item.section for item in CATALOGUE):
        lines = "".join(line(item.slug, item.title, item is entry) for item in CATALOGUE if item.section == section)
        parts.append(f"<section><h2>{escape(section)}</h2><ul>{lines}</ul></section>")
    return f'<div class="pages">{"".join(parts)}</div>'


def head(entry: Entry) -> None:
    """Whose settings these are, before any is read; the shell has drawn the title."""
    settings.at(entry.slug)
    settings.one_entry()


def notes(entry: Entry, *, why: Callable[[], None], questions: Sequence[Question]) -> None:
    """The tabs below the stage: Why, Try it, Source."""
    with st.container(key="lab-notes"):
        _tabs(entry, why, questions)


@st.fragment
def _tabs(entry: Entry, why: Callable[[], None], questions: Sequence[Question]) -> None:
    # Only the open tab is made: the player's first picture does not wait for the others.
    tab_why, tab_try, tab_source = st.tabs(["Why", "Try it", "Source"], on_change="rerun", key=f"{entry.slug}:tabs")
    if tab_why.open:
        with tab_why:
            why()
            st.caption(f"Source: {entry.paper}")
    if tab_try.open:
        with tab_try:
            for number, question in enumerate(questions):
                ask(entry.slug, number, question)
    if tab_source.open:
        with tab_source:
            _show_sources(entry)


def _show_sources(entry: Entry) -> None:
    st.markdown("The code that runs on this page, as it is:")
    files = [f"engines/{name}" for name in entry.sources]
    text = (PAGES.parent / st.selectbox("File", files, key=f"{entry.slug}:source")).read_text(encoding="utf-8")
    st.code(text, language="python", line_numbers=True, height=520)
