"""A page around its stage: ``with page(entry, views, ...) as chosen:`` and draw the stage inside.

From top to bottom: what is wrong with the address, the views as tabs, the stage, the scenes, the notes; the controls
are the sidebar. The stage is drawn before all controls but the first, because the browser draws in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import streamlit as st

from pages.catalogue import Entry
from pages.ui import frame, settings, show, strip
from pages.ui.settings import Choice, Number, Setting

Views = Mapping[str, tuple[str, Sequence[Setting]]]  # key in the address -> words on its tab, the settings that it has


@contextmanager
def page(
    entry: Entry,
    views: Views,
    *,
    why: Callable[[], None] | tuple[str, str],
    questions: Any = (),
    scenes: strip.Scenes | None = None,
) -> Iterator[dict[str, Any]]:
    """Gives what is chosen, by key. ``questions`` are `tryit.Question`s, or a function of what is chosen."""
    slug, scenes = entry.slug, scenes or {}
    view = _Tabs(
        key="view",
        label="View",
        labels={name: said[:1].upper() + said[1:] for name, (said, _) in views.items()},
    )
    tabs = [view] if len(views) > 1 else []
    every = list({s.key: s for s in (*tabs, *(s for _, own in views.values() for s in own))}.values())
    frame.head(entry)
    strip.begin(slug, scenes, every)
    chosen = {"view": view.default, **settings.show_notices(slug, every)}
    own = [s for s in {s.key: s for s in views[chosen["view"]][1]}.values() if s.when is None or s.when(chosen)]
    with st.sidebar:  # the first control opens the sidebar: the picture does not move when the others come
        for setting in own[:1]:
            settings.show(setting)
    if tabs:
        with st.container(key="lab-views"):
            settings.show(view)
    yield chosen
    strip.show_strip(slug, scenes, every, chosen)
    with st.sidebar:
        _other_controls(slug, own)
    asked = questions(chosen) if callable(questions) else questions
    frame.notes(entry, why=why if callable(why) else lambda: two_columns(*why), questions=asked)


class _Tabs(Choice):
    """The views, in one row above the stage."""

    def widget(self, **more: Any) -> str:
        return st.segmented_control(
            self.label, list(self.options), format_func=self.said, required=True, label_visibility="collapsed", **more
        )


def _other_controls(slug: str, own: Sequence[Setting]) -> None:
    """The settings of the view after its first; what is seldom changed in folds below."""
    for fold in dict.fromkeys(("", *(setting.fold for setting in own))):
        shown = [setting for setting in own[1:] if setting.fold == fold]
        if not shown:
            continue
        with st.expander(fold) if fold else nullcontext():
            for setting in shown:
                settings.show(setting)
    seed = next((s for s in own if isinstance(s, Number) and s.key == "seed"), None)
    if seed is not None:
        restart, fresh = st.columns(2)
        restart.button("Restart", on_click=show.restart, args=(slug,), width="stretch", help="From its first step.")
        fresh.button("New seed", on_click=settings.next_of, args=(seed,), width="stretch")


def two_columns(left: str, right: str) -> None:
    for column, text in zip(st.columns(2), (left, right), strict=True):
        column.markdown(text)
