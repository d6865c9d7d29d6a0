"""Scenes by link: settings that show something worth seeing, with a sentence on why, and the change that cures it.

A page's scenes are name -> {"title", "link", "cure", "cure_title", "text"}: the settings that make the scene (all
others at their defaults), those that cure it, and what there is to see. ``play(name, values)`` sets them and puts
the name into the address; without values it only takes the scene's text away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from pages.ui import settings
from pages.ui.plain import quoted

BEGUN = "scenes:begun"  # the scene that an address has begun
Play = Callable[[str, "dict[str, Any] | None"], None]


def begin(scenes: Mapping[str, dict[str, Any]], play: Play) -> None:
    """Play the scene of an address that names one and says nothing else, when it is first opened; before the settings
    are read."""
    name = st.query_params.get("scene", "")
    alone = set(st.query_params) <= set(settings.COMMON)
    if alone and name in scenes and st.session_state.get(BEGUN) != name:
        st.session_state[BEGUN] = name
        play(name, scenes[name]["link"])


def links(scenes: Mapping[str, dict[str, Any]], play: Play) -> None:
    """A button a scene."""
    with st.expander("Scenes", icon=":material/theaters:"):
        for name, scene in scenes.items():
            st.button(scene["title"], key=f"scene:{name}", on_click=play, args=(name, scene["link"]), width="stretch")


def show(scenes: Mapping[str, dict[str, Any]], play: Play) -> None:
    """What the scene in the address is about, with the change that cures it."""
    name = st.query_params.get("scene", "")
    if name not in scenes:
        if name:
            st.warning(f"There is no scene called {quoted(name)}; there are {', '.join(scenes)}.")
        return
    scene = scenes[name]
    with st.container(border=True, key="lab-more-scene"):
        st.markdown(f"**{scene['title']}.** {scene['text']}")
        with st.container(horizontal=True):
            st.button("See it", key=f"see:{name}", on_click=play, args=(name, scene["link"]))
            st.button(scene["cure_title"], key=f"cure:{name}", on_click=play, args=(name, scene["cure"]))
            st.button("Leave the scene", key=f"leave:{name}", on_click=play, args=("", None), type="tertiary")
