"""Questions under "Try it", checked against what is on the viewer's own stage at the step shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``check(answer)`` gives (right?, the answer in one sentence with the run's own figures). A ValueError says in a
    sentence why it cannot be asked yet.
    """

    text: str
    kind: str  # "number", "whole" or "choice"
    check: Callable[[Any], tuple[bool, str]]
    options: Sequence[str] = ()
    hint: str = ""  # the way to find out


def fact(right: Any, why: str) -> Callable[[Any], tuple[bool, str]]:
    """The check of a question whose answer does not depend on a run."""
    return lambda answer: (answer == right, why)


def ask(slug: str, number: int, question: Question) -> None:
    """A question with its verdict: who is wrong is told the way, and the answer when they ask for it."""
    key = f"{slug}:try:{number}"
    with st.form(key, border=True):
        st.markdown(f"**{number + 1}.** {question.text}")
        if question.kind == "choice":
            answer: Any = st.radio("Your answer", question.options, index=None, key=f"{key}:answer", horizontal=True)
        elif question.kind == "whole":
            answer = st.number_input("Your answer", value=None, step=1, key=f"{key}:answer", width=220)
        else:
            answer = st.number_input("Your answer", value=None, format="%g", key=f"{key}:answer", width=220)
        asked = st.form_submit_button("Check")
    if asked:
        st.session_state[f"{key}:asked"] = answer
    elif f"{key}:asked" not in st.session_state:
        return
    answer = st.session_state[f"{key}:asked"]
    if answer is None:
        st.info("Give an answer first.")
        return
    if asked:
        try:
            st.session_state[f"{key}:verdict"] = question.check(answer)
        except ValueError as error:
            st.session_state[f"{key}:verdict"] = (None, str(error))
    right, sentence = st.session_state[f"{key}:verdict"]
    if right:
        st.success(sentence)
    elif right is None:
        st.info(sentence)
    else:
        way = question.hint or "Look at the stage again, and at the numbers beside it."
        st.warning(f"Not quite. {way}")
        if st.button("Show the answer", key=f"{key}:show"):
            st.info(sentence)
