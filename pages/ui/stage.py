"""From settings to the run on the stage: keep it, change it live, or start it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import live


def put(run_slot: str, record: live.Live) -> str:
    """Put a run on the table in place of what ``run_slot`` of this session held; returns its token."""
    drop(run_slot)
    record.session = session()
    token = live.TABLE.add(record)
    st.session_state[run_slot] = {"token": token}
    return token


def current(run_slot: str) -> live.Live | None:
    """What ``run_slot`` of this session holds, if it is still on the table."""
    held = st.session_state.get(run_slot)
    return live.TABLE.get(held["token"]) if held else None


def drop(run_slot: str) -> None:
    held = st.session_state.pop(run_slot, None)
    if held:
        live.TABLE.remove(held["token"])


def keep(
    run_slot: str,
    *,
    fixed: Mapping[str, Any],
    changing: Mapping[str, Any],
    make: Callable[[], live.Live],
) -> tuple[live.Live | None, str]:
    """The run for these settings: the one at hand, changed live, or a new one.

    ``fixed`` settings need a new run when they differ; ``changing`` ones are applied to the run as it goes.
    Returns the run, or the one that was there before with a sentence that says why there is no new one.
    """
    at_hand = current(run_slot)
    held = st.session_state.get(run_slot, {})
    try:
        if at_hand is None or held.get("fixed") != dict(fixed):
            token = put(run_slot, make())
            st.session_state[run_slot].update(fixed=dict(fixed), changing=dict(changing), goes=0)
            return live.TABLE.get(token), ""
        if held.get("changing") != dict(changing):
            at_hand.run.change(**changing)
            held.update(changing=dict(changing), goes=held.get("goes", 0) + 1)
        return at_hand, ""
    except (ValueError, RuntimeError, FloatingPointError) as error:
        return at_hand, str(error)


def goes(run_slot: str) -> int:
    """Counts live changes: the player goes on by itself when it rises."""
    return int(st.session_state.get(run_slot, {}).get("goes", 0))


def session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else "none"
