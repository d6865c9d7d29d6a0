"""A page around its stage: ``with page(entry, views, ...) as chosen:`` and draw the stage inside.

The stage is drawn first and the controls after it, because the browser draws in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from pages.catalogue import Entry
from pages.ui import frame, live, settings, show
from pages.ui.settings import Choice, Number, Setting

Views = Mapping[str, tuple[str, Sequence[Setting]]]  # view -> what it shows, the settings that it has


@contextmanager
def page(
    entry: Entry, views: Views, *, why: Callable[[], None] | tuple[str, str], questions: Any = ()
) -> Iterator[dict[str, Any]]:
    """Title and notices, the stage (the body of the with), controls, notes. Gives what is chosen, by key."""
    words = {name: said[:1].upper() + said[1:] for name, (said, _) in views.items()}
    view = Choice(key="view", label="What to see", options=tuple(views), default=next(iter(views)), labels=words)
    every = list({s.key: s for s in (view, *(setting for _, own in views.values() for setting in own))}.values())
    frame.head(entry)
    settings.show_notices(entry.slug, every)
    chosen = {setting.key: settings.value(setting) for setting in every}
    yield chosen
    live.TABLE.wait_until_watched(show.shown_last())
    own = views[chosen["view"]][1]
    with st.sidebar:
        for setting in every:
            if setting is view:
                settings.show(setting, when=len(views) > 1)
            else:
                settings.show(setting, when=setting in own and (setting.when is None or setting.when(chosen)))
            if isinstance(setting, Number) and setting.key == "seed" and setting in own:
                restart, fresh = st.columns(2)
                restart.button("Restart", on_click=show.restart, args=(entry.slug,), width="stretch")
                fresh.button("New seed", on_click=settings.next_of, args=(setting,), width="stretch")
    asked = questions(chosen) if callable(questions) else questions
    frame.notes(entry, why=why if callable(why) else lambda: two_columns(*why), questions=asked)


def two_columns(left: str, right: str) -> None:
    for column, text in zip(st.columns(2), (left, right), strict=True):
        column.markdown(text)
