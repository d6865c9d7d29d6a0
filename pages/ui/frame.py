"""The page frame: the same parts in the same places on every page.

Stage and In numbers come from the player; Controls are the sidebar; Why, Try it and Source are tabs below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.catalogue import PAGES, Entry
from pages.ui import settings

# Presenter mode is a class on <body>, set by the player: nothing but the stage and the player stays.
_STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding: 4rem 2.2rem 3rem; }
body.lab-present [data-testid="stHeader"], body.lab-present [data-testid="stSidebar"],
body.lab-present [data-testid="stSidebarCollapsedControl"], body.lab-present .st-key-lab-head,
body.lab-present .st-key-lab-notes, body.lab-present .st-key-lab-about,
body.lab-present [class*="st-key-lab-more"], body.lab-present .stAlert { display: none !important; }
body.lab-present [data-testid="stMain"] { outline: none !important; }
body.lab-present [data-testid="stMainBlockContainer"] { padding: 0.6rem 1.2rem; max-width: none; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-left: 0.8rem; padding-right: 0.8rem; } }
</style>
"""


def apply_style() -> None:
    st.html(_STYLE)


def head(entry: Entry) -> None:
    """The page's title and its one-line idea."""
    settings.at(entry.slug)
    settings.one_entry()
    with st.container(key="lab-head", gap="xsmall"):
        st.header(entry.title, anchor=False)
        st.markdown(entry.idea)


def controls() -> AbstractContextManager[Any]:
    """Where the controls go."""
    return st.sidebar


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question whose answer the app checks against the viewer's own run.

    ``check(answer)`` returns (right?, one sentence with the run's own figures).
    """

    text: str
    kind: str  # "number" or "choice"
    check: Callable[[Any], tuple[bool, str]]
    options: Sequence[str] = ()
    hint: str = ""


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
                _ask(entry.slug, number, question)
    if tab_source.open:
        with tab_source:
            _show_sources(entry)


def _ask(slug: str, number: int, question: Question) -> None:
    key = f"{slug}:try:{number}"
    with st.form(key, border=True):
        st.markdown(f"**{number + 1}.** {question.text}")
        if question.kind == "choice":
            answer: Any = st.radio("Your answer", question.options, index=None, key=f"{key}:answer", horizontal=True)
        else:
            answer = st.number_input("Your answer", value=None, key=f"{key}:answer", width=220)
        asked = st.form_submit_button("Check")
    if asked:
        if answer is None:
            st.info("Give an answer first.")
            return
        right, sentence = question.check(answer)
        (st.success if right else st.warning)(sentence)
    if question.hint:
        with st.expander("Hint"):
            st.markdown(question.hint)


def _show_sources(entry: Entry) -> None:
    st.markdown("The code that runs on this page, as it is:")
    name = st.selectbox("File", entry.sources, key=f"{entry.slug}:source")
    text = (PAGES.parent / name).read_text(encoding="utf-8")
    st.code(text, language="python", line_numbers=True, height=520)
