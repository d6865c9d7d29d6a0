"""Settings: each page has its own, and the address bar shows them, so that a link reproduces what is seen.

A setting of the page `gmm` with the key "k" is the widget "gmm:k" and the parameter "k" of the address: no other page
reads either. `read` looks once a run at what says how the page stands: the address, where the viewer has just come to
it (a link, the menu, Back, Forward); the widgets after that; and a scene or a button, which go before both. It then
writes the address, which holds what is not at its default. Nothing else writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.plain import quoted

# Parameters that belong to the app, not to a page.
COMMON = ("present", "scene")
MAX_NAMED = 5  # unknown keys that are named
WHOLE = re.compile(
    r"-?[0-9]{1,15}(\.0{1,3})?"
)  # as the controls write it: no 1e3, 1_000, NaN or digits of another script
FRACTION = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    key: str  # its parameter in the address
    label: str
    help: str = ""
    field: str = ""  # the engine's setting, where it is one
    live: bool = False  # may change while a run goes
    when: Callable[[Mapping[str, Any]], bool] | None = None  # shown only where this holds of what is chosen
    fold: str = ""  # the title of the fold that it is put into


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(_Setting):
    options: Sequence[str] = ()  # unless given, those that have labels
    default: str = ""  # unless given, the first
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)  # words for readers; the address has the key
    slider: bool = False  # where the options have an order
    kind: Callable[[str], Any] = str  # what the engine takes

    def __post_init__(self) -> None:
        options = self.options or tuple(self.labels)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "default", self.default or options[0])

    def said(self, option: str) -> str:
        return self.labels.get(option, option)

    def problem(self, text: str) -> str:
        if text in self.options:
            return ""
        return f"{self.key} has no value {quoted(text)}; choose one of {', '.join(self.options)}"

    def parse(self, text: str) -> str:
        """The value that an address means; the default where it means none."""
        return text if text in self.options else self.default

    def widget(self, **more: Any) -> str:
        make = st.select_slider if self.slider else st.selectbox
        return make(self.label, list(self.options), help=self.help, format_func=self.said, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(_Setting):
    low: int
    high: int
    default: int
    slider: bool = True
    kind: Callable[[Any], Any] = int

    def problem(self, text: str) -> str:
        if not WHOLE.fullmatch(text):
            return f"{self.key} is {quoted(text)}; it must be a whole number from {self.low} to {self.high}"
        within = self.low <= float(text) <= self.high
        return "" if within else f"{self.key} is {text}; it goes from {self.low} to {self.high}"

    def parse(self, text: str) -> int:
        return self.default if self.problem(text) else int(float(text))

    def widget(self, **more: Any) -> int:
        make = st.slider if self.slider else st.number_input
        return int(make(self.label, self.low, self.high, help=self.help, **more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Real(_Setting):
    """A number with a fraction, on a slider."""

    low: float
    high: float
    default: float
    step: float
    kind: Callable[[Any], Any] = float

    def problem(self, text: str) -> str:
        if not FRACTION.fullmatch(text):
            return f"{self.key} is {quoted(text)}; it must be a number from {self.low:g} to {self.high:g}"
        within = self.low <= float(text) <= self.high
        return "" if within else f"{self.key} is {text}; it goes from {self.low:g} to {self.high:g}"

    def parse(self, text: str) -> float:
        return self.default if self.problem(text) else float(text)

    def widget(self, **more: Any) -> float:
        return float(st.slider(self.label, self.low, self.high, step=self.step, help=self.help, **more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(_Setting):
    default: bool = False
    kind: Callable[[Any], Any] = bool

    def problem(self, text: str) -> str:
        return "" if text.lower() in ("true", "false") else f"{self.key} is {quoted(text)}; it must be true or false"

    def parse(self, text: str) -> bool:
        return {"true": True, "false": False}.get(text.lower(), self.default)

    def widget(self, **more: Any) -> bool:
        return st.toggle(self.label, help=self.help, **more)


Setting = Choice | Number | Real | Switch


def seed(words: str, **more: Any) -> Number:
    """The seed of a run, for which `page` has two buttons; ``words`` are its help."""
    return Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help=words, **more)


def written(value: Any) -> str:
    """A value as the address has it."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- how a page stands -----------------------------------------------------------------------------------------


def arriving(place: str) -> None:
    """The shell says which page is shown: where it is another than before, the address speaks first."""
    before = st.session_state.get("settings:place")
    if before != place:
        st.session_state.update({"settings:place": place, "settings:arrived": True, "settings:from": before})


def at(slug: str) -> None:
    """The page whose settings are meant from here on, in callbacks too."""
    if st.session_state.get("settings:page") != slug:
        st.session_state.update({"settings:page": slug, "settings:arrived": True})


def arrives(slug: str) -> bool:
    """Whether the viewer has just come to this address: by a link, the menu, Back or Forward."""
    at(slug)
    context = get_script_run_ctx(suppress_warning=True)
    back = context is not None and context.is_history_navigation
    return back or bool(st.session_state.get("settings:arrived"))


def read(slug: str, settings: Sequence[Setting]) -> dict[str, Any]:
    """What is chosen on the page, by key, before any widget has been drawn; the address then says the same."""
    state, arrived = st.session_state, arrives(slug)
    state.pop("settings:arrived", None)
    address = dict(st.query_params)
    kept = state.get(f"{slug}:settings", {})
    if arrived:
        said = notices(settings, address)
        state[f"{slug}:address"] = said
        chosen = {s.key: s.parse(address[s.key]) if s.key in address else s.default for s in settings}
    else:
        chosen = {s.key: state.get(_widget(slug, s.key), kept.get(s.key, s.default)) for s in settings}
    # A callback may have put something; a set of options may have changed under a value.
    chosen |= {key: value for key, value in state.pop(f"{slug}:put", {}).items() if key in chosen}
    chosen = {s.key: chosen[s.key] if not s.problem(written(chosen[s.key])) else s.default for s in settings}
    for key, value in chosen.items():
        name = _widget(slug, key)
        if name in state and state[name] != value:
            del state[name]  # `show` starts the widget again from what is chosen
    state[f"{slug}:settings"] = kept | chosen
    shown = {s.key: written(chosen[s.key]) for s in settings if chosen[s.key] != s.default}
    new = {key: address[key] for key in COMMON if key in address} | shown
    # A page that was left in the middle of a change may have changed the address behind this one's back.
    if new != address or state.get("settings:from"):
        st.query_params.from_dict(new)  # does not come back where a rerun is asked for: then nothing was said yet
        state.pop("settings:from", None)
    return chosen


def _widget(slug: str, key: str) -> str:
    return f"{slug}:{key}"


def _page() -> str:
    return st.session_state.get("settings:page", "")


def value(setting: Setting) -> Any:
    """The setting's value, which `read` has found; the default before that."""
    return st.session_state.get(f"{_page()}:settings", {}).get(setting.key, setting.default)


def put(values: Mapping[str, Any]) -> None:
    """Set some settings, by key; for a callback, before the page runs again."""
    name = f"{_page()}:put"
    st.session_state[name] = st.session_state.get(name, {}) | dict(values)


def apply(settings: Sequence[Setting], values: Mapping[str, Any]) -> None:
    """Set these settings to ``values`` and all others to their defaults."""
    put({setting.key: values.get(setting.key, setting.default) for setting in settings})


def next_of(setting: Number) -> None:
    """The next number, from the highest on to the lowest; for a button."""
    put({setting.key: value(setting) + 1 if value(setting) < setting.high else setting.low})


def show(setting: Setting, *, when: bool = True, **more: Any) -> Any:
    """The setting's widget and its value; ``when`` it does not apply there is none, and the value stays as it is."""
    if not when:
        return value(setting)
    name = _widget(_page(), setting.key)
    if name not in st.session_state:
        st.session_state[name] = value(setting)
    with st.container(key=f"lab-setting-{setting.key}"):
        return setting.widget(key=name, **more)


def of_engine(settings: Sequence[Any], chosen: Mapping[str, Any], *, live: bool) -> dict[str, Any]:
    """What an engine is made of, by its own names: the settings that may change while it runs, or the others."""
    return {s.field: s.kind(chosen[s.key]) for s in settings if s.field and s.live == live}


# -- what in an address cannot be followed ---------------------------------------------------------------------


def notices(settings: Sequence[Setting], query: Mapping[str, str]) -> list[str]:
    """One sentence for every part of the address that this page cannot follow; [] where all is well."""
    by_key = {setting.key: setting for setting in settings}
    unknown = [key for key in query if key not in COMMON and key not in by_key]
    sentences = []
    for key, text in query.items():
        if key in unknown[:MAX_NAMED]:
            known = f"it knows {', '.join(by_key)}" if by_key else "it has no settings"
            sentences.append(f"The address sets {quoted(key)}, which this page does not know; {known}.")
        elif key in by_key and (problem := by_key[key].problem(text)):
            default = written(by_key[key].default)
            sentences.append(f"In the address, {problem}. The default, {default}, is used instead.")
    if (more := len(unknown) - MAX_NAMED) > 0:
        sentences.append(f"It sets {more} more that this page does not know.")
    return sentences


def show_notices(slug: str, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read the settings and say what is wrong with the address, once per visit."""
    chosen = read(slug, settings)
    kept_key = f"{slug}:address"
    if sentences := st.session_state.get(kept_key):
        st.warning("  \n".join(sentences), icon=":material/link_off:")
        if st.button("Understood", key=f"{kept_key}:seen"):
            st.session_state.pop(kept_key)
            st.rerun()
    return chosen


# Streamlit makes a new entry in the browser's history of every change of the query; the pages' settings are one place.
_ONE_ENTRY = """<script>
if (!history.labOneEntry) {
  history.labOneEntry = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, title, address) => {
    const url = new URL(address, location.href);
    if (history.labPresent) url.searchParams.set("present", "1");
    else if (history.labPresent === false) url.searchParams.delete("present");
    if (url.pathname === location.pathname) history.replaceState(state, title, url);
    else push(state, title, url);
  };
}
</script>"""


def one_entry() -> None:
    """Settings change the address in place; only another page is a step of Back and Forward."""
    st.html(_ONE_ENTRY, unsafe_allow_javascript=True)
