"""Scenes by link: settings that show something worth seeing, with what there is to see, and the change that cures it.

A page hands them over as data, ``page(..., scenes={"collapse": Scene(...)})``. They stand as a strip under the stage;
``?scene=collapse`` alone plays one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages.ui import live, settings, show, stage
from pages.ui.plain import quoted

Words = str | Callable[[live.Live | None], str]  # what is said of the run on the stage, computed where it has figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """``link`` and ``cure`` are settings by key, all others at their defaults. ``beside`` offers both at once: for a
    page whose stage is `show.learn`, where the cure differs in the settings of the engine only.
    """

    title: str
    text: Words
    link: Mapping[str, Any]
    cure: Mapping[str, Any] = field(default_factory=dict)
    cure_title: str = "Show the cure"
    cured: Words = ""  # what is said where the cure is on the stage; "": the same
    beside: bool = False


Scenes = Mapping[str, Scene]


def begin(slug: str, scenes: Scenes, every: Sequence[settings.Setting]) -> None:
    """Set the scene of an address that names one and says nothing else; before the settings are read."""
    name = st.query_params.get("scene", "")
    alone = set(st.query_params) <= set(settings.COMMON)
    if alone and name in scenes and settings.arrives(slug):
        settings.apply(every, scenes[name].link)


def show_strip(slug: str, scenes: Scenes, every: Sequence[settings.Setting], chosen: Mapping[str, Any]) -> None:
    """A button a scene, under the stage; of the one in the address what there is to see, and its cure."""
    if not scenes:
        return
    name = st.query_params.get("scene", "")
    with st.container(key="lab-scenes", gap="xsmall"):
        with st.container(horizontal=True, gap="small", key="lab-scenes-row"):
            for key, scene in scenes.items():
                kind = "primary" if key == name else "secondary"
                st.button(scene.title, key=f"{slug}:scene:{key}", type=kind, on_click=play,
                          args=(slug, every, key, scene.link))  # fmt: skip
        if name in scenes:
            _told(slug, name, scenes[name], every, chosen)
        elif name:
            st.warning(f"There is no scene called {quoted(name)}; there are {', '.join(scenes)}.")


def _told(slug: str, name: str, scene: Scene, every: Sequence[settings.Setting], chosen: Mapping[str, Any]) -> None:
    def stands(values: Mapping[str, Any]) -> bool:
        return all(chosen[s.key] == values.get(s.key, s.default) for s in every)

    cured = bool(scene.cure) and stands(scene.cure)
    words = scene.cured if cured and scene.cured else scene.text
    if not cured and not stands(scene.link):
        st.caption("The controls have been changed since: the stage shows something else.")
    if isinstance(words, str):
        st.markdown(words)
    else:
        _going(slug, words)
    with st.container(horizontal=True, key="lab-scenes-do"):
        if scene.cure and cured:
            st.button("Back to the trouble", key=f"{slug}:see", on_click=play, args=(slug, every, name, scene.link))
        elif scene.cure:
            st.button(scene.cure_title, key=f"{slug}:cure", on_click=play, args=(slug, every, name, scene.cure))
            if scene.beside:
                values = {s.key: scene.cure.get(s.key, s.default) for s in every}
                args = (slug, scene.cure_title, values)
                st.button("Both side by side", key=f"{slug}:beside", on_click=show.beside, args=args)
        st.button("Leave the scene", key=f"{slug}:leave", on_click=leave, args=(slug,), type="tertiary")


@st.fragment(run_every=5.0)
def _going(slug: str, words: Callable[[live.Live | None], str]) -> None:
    """What has figures is computed anew as the run goes on."""
    st.markdown(words(stage.current(show.slot(slug))))


def play(slug: str, every: Sequence[settings.Setting], name: str, values: Mapping[str, Any]) -> None:
    """Put a scene on the stage, from its start; for a callback."""
    settings.apply(every, values)
    st.query_params["scene"] = name
    show.restart(slug)


def leave(slug: str) -> None:
    st.query_params.pop("scene", None)
    show.alone(slug)
