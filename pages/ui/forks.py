"""A second run from a step of the first, with one setting changed; the two play side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui import live, stage
from pages.ui.settings import Choice

# A form that opens is scrolled to, and takes the keys.
_INTO_VIEW = """<script>
setTimeout(() => {
  const form = document.querySelector(".st-key-lab-fork");
  form?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  form?.querySelector("input")?.focus({ preventScroll: true });
}, 50);
</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting that a fork may change: the engine's field, the page's choice, and how its text is read."""

    field: str
    choice: Choice
    parse: Callable[[str], Any] = str


def ask(slug: str, step: int) -> None:
    """The viewer pressed Fork at this step: the form shows from the next run of the script on."""
    st.session_state[f"{slug}:fork-at"] = step


def form(slug: str, record: live.Live, rival_slot: str, changes: Sequence[Change]) -> None:
    """One setting to change from the step at hand on; puts the fork into ``rival_slot``."""
    at = st.session_state.get(f"{slug}:fork-at")
    if at is None:
        return
    by_label = {change.choice.label: change for change in changes}
    with st.container(key="lab-fork", border=True):
        st.markdown(f"**Branch from step {at}: a second run with one thing changed**")
        what = st.radio("Change", list(by_label), horizontal=True, key=f"{slug}:fork-what")
        change = by_label[what]
        value = st.selectbox(
            f"{what} from step {at} on", change.choice.options, format_func=change.choice.said,
            key=f"{slug}:fork:{what}",
        )  # fmt: skip
        start, cancel, _ = st.columns([1, 1, 4])
        st.html(_INTO_VIEW, unsafe_allow_javascript=True)
        if cancel.button("Cancel"):
            del st.session_state[f"{slug}:fork-at"]
            st.rerun()
        if start.button("Branch", type="primary"):
            try:
                run = record.run.fork(at, **{change.field: change.parse(value)})
            except (ValueError, KeyError, FloatingPointError) as error:
                st.error(str(error.args[0]))
                return
            assert record.again is not None  # only such runs have a fork button
            beside = record.again(run)
            beside.data_code = record.data_code
            stage.put(rival_slot, beside)
            name(slug, record, f"From step {at}: {what.lower()} {change.choice.said(value)}")
            del st.session_state[f"{slug}:fork-at"]
            st.rerun()


def name(slug: str, record: live.Live, title: str) -> None:
    """What stands beside ``record`` is called so."""
    st.session_state[f"{slug}:fork"] = {"title": title, "of": record.token}


def title(slug: str) -> str:
    """What the fork on the stage changed; "" where there is none."""
    held = st.session_state.get(f"{slug}:fork")
    return held["title"] if held else ""


def of(slug: str, record: live.Live, rival_slot: str) -> live.Live | None:
    """The fork of ``record`` on the stage; one whose run has gone is dropped."""
    held = st.session_state.get(f"{slug}:fork")
    if held is None:
        return None
    if held["of"] == record.token:
        return stage.current(rival_slot)
    drop(slug, rival_slot)
    return None


def drop(slug: str, rival_slot: str) -> None:
    st.session_state.pop(f"{slug}:fork", None)
    stage.drop(rival_slot)
