"""Settings that live in the address bar, so that a link reproduces a scene.

Each setting is one widget bound to a query parameter of the same name (Streamlit's own binding does the
reading and writing). `notices` looks at the address first and says in one sentence each what in it is
unknown or out of range, because Streamlit drops such values without a word.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

# A scene sets widgets that have a default, which is what we want and Streamlit logs a stack trace about.
logging.getLogger("streamlit.elements.lib.policies").setLevel(logging.ERROR)

# Parameters that belong to the app, not to a page.
COMMON = ("present", "scene")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    key: str
    label: str
    options: Sequence[str]
    default: str
    help: str = ""
    slider: bool = False  # where the options have an order
    field: str = ""  # the engine's setting, where it is one
    live: bool = False  # may change while a run goes
    kind: Callable[[str], Any] = str  # what the engine takes

    def problem(self, text: str) -> str:
        if text in self.options:
            return ""
        return f"{self.key} has no value {text[:30]!r}; choose one of {', '.join(self.options)}"

    def parse(self, text: str) -> str:
        """The value that an address means, as the widget will read it; the default where it means none."""
        return text if text in self.options else self.default

    def widget(self, **more: Any) -> str:
        if self.slider:
            return st.select_slider(
                self.label,
                list(self.options),
                self.default,
                key=self.key,
                help=self.help,
                bind="query-params",
                **more,
            )
        index = list(self.options).index(self.default)
        return st.selectbox(
            self.label, list(self.options), index=index, key=self.key, help=self.help, bind="query-params", **more
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    key: str
    label: str
    low: int
    high: int
    default: int
    help: str = ""
    slider: bool = True
    field: str = ""
    live: bool = False
    kind: Callable[[Any], Any] = int

    def problem(self, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if value == math.floor(value) if math.isfinite(value) else False:
            if self.low <= value <= self.high:
                return ""
            return f"{self.key} is {text[:20]}; it goes from {self.low} to {self.high}"
        return f"{self.key} is {text[:20]!r}; it must be a whole number from {self.low} to {self.high}"

    def parse(self, text: str) -> int:
        with contextlib.suppress(ValueError, OverflowError):
            if self.low <= float(text) <= self.high:
                return int(float(text))
        return self.default

    def widget(self, **more: Any) -> int:
        make = st.slider if self.slider else st.number_input
        return int(
            make(
                self.label,
                self.low,
                self.high,
                self.default,
                key=self.key,
                help=self.help,
                bind="query-params",
                **more,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A number with a fraction, on a slider."""

    key: str
    label: str
    low: float
    high: float
    default: float
    step: float
    help: str = ""

    def problem(self, text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            return f"{self.key} is {text[:20]!r}; it must be a number from {self.low:g} to {self.high:g}"
        return (
            ""
            if self.low <= value <= self.high
            else f"{self.key} is {text[:20]}; it goes from {self.low:g} to {self.high:g}"
        )

    def parse(self, text: str) -> float:
        with contextlib.suppress(ValueError):
            if self.low <= float(text) <= self.high:
                return float(text)
        return self.default

    def widget(self, **more: Any) -> float:
        return float(
            st.slider(
                self.label,
                self.low,
                self.high,
                self.default,
                self.step,
                key=self.key,
                help=self.help,
                bind="query-params",
                **more,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    key: str
    label: str
    default: bool = False
    help: str = ""
    field: str = ""
    live: bool = False
    kind: Callable[[Any], Any] = bool

    def problem(self, text: str) -> str:
        return "" if text.lower() in ("true", "false") else f"{self.key} is {text[:20]!r}; it must be true or false"

    def parse(self, text: str) -> bool:
        return {"true": True, "false": False}.get(text.lower(), self.default)

    def widget(self, **more: Any) -> bool:
        return st.toggle(self.label, self.default, key=self.key, help=self.help, bind="query-params", **more)


Setting = Choice | Number | Real | Switch


def apply(settings: Sequence[Setting], values: Mapping[str, Any]) -> None:
    """Set these settings to ``values`` and all others to their defaults; for a callback, before the widgets."""
    for setting in settings:
        st.session_state[setting.key] = values.get(setting.key, setting.default)


def value(setting: Setting) -> Any:
    """The setting's value before its widget has been drawn, so that a page can show its stage first."""
    if setting.key in st.session_state:
        return st.session_state[setting.key]
    text = st.query_params.get(setting.key)
    return setting.default if text is None else setting.parse(text)


def show(setting: Setting, *, when: bool = True, **more: Any) -> Any:
    """The setting's widget and its value. ``when`` it does not apply it stays on the page, out of sight:
    so it keeps its value and its place in the address, and a scene can set it.
    """
    # The same container either way: a widget that moves to another one loses touch with the address.
    with st.container(key=f"lab-setting-{setting.key}"):
        value = setting.widget(**more)
        if not when:
            # Its wrapper too, which would leave a gap.
            place = f".st-key-lab-setting-{setting.key}"
            st.html(f"<style>{place}, [data-testid=stLayoutWrapper]:has(> {place}) {{ display: none; }}</style>")
    return value


def _instead(setting: Setting, text: str) -> str:
    """What Streamlit makes of a value that has a problem: of 5.5 its whole part, else the default."""
    if isinstance(setting, Number):
        with contextlib.suppress(ValueError, OverflowError):
            if setting.low <= float(text) <= setting.high:
                return f"Its whole part, {int(float(text))},"
    default = str(setting.default)
    return f"The default, {default.lower() if isinstance(setting, Switch) else default},"


def notices(settings: Sequence[Setting], query: Mapping[str, str]) -> list[str]:
    """One sentence for every part of the address that this page cannot follow; [] where all is well."""
    by_key = {setting.key: setting for setting in settings}
    sentences = []
    for key, text in query.items():
        if key in COMMON:
            continue
        if key not in by_key:
            known = ", ".join(by_key)
            sentences.append(f"The address sets {key[:30]!r}, which this page does not know; it knows {known}.")
        elif problem := by_key[key].problem(text):
            sentences.append(f"In the address, {problem}. {_instead(by_key[key], text)} is used instead.")
    return sentences


def show_notices(slug: str, settings: Sequence[Setting]) -> None:
    """Say what is wrong with the address, once per visit, before the widgets read it."""
    query = dict(st.query_params)
    new = notices(settings, query)
    kept_key = f"{slug}:address"
    if new:
        st.session_state[kept_key] = new
        for key in query:
            if key not in COMMON and key not in {setting.key for setting in settings}:
                del st.query_params[key]
    if sentences := st.session_state.get(kept_key):
        st.warning("  \n".join(sentences), icon=":material/link_off:")
        if st.button("Understood", key=f"{kept_key}:seen"):
            st.session_state.pop(kept_key)
            st.rerun()


def next_of(setting: Number) -> None:
    """The next number, from the highest on to 0; for a button."""
    st.session_state[setting.key] = (int(st.session_state.get(setting.key, setting.default)) + 1) % (setting.high + 1)


def of_engine(settings: Sequence[Any], chosen: Mapping[str, Any], *, live: bool) -> dict[str, Any]:
    """What an engine is made of, by its own names: the settings that may change while it runs, or the others."""
    return {s.field: s.kind(chosen[s.key]) for s in settings if s.field and s.live == live}
