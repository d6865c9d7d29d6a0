"""The map of the course: every page as a picture that moves and one line that says what it shows."""

from __future__ import annotations

import streamlit as st

from pages import course_map
from pages.catalogue import CATALOGUE, Entry
from pages.ui import player


def main() -> None:
    st.title("Generative Models Lab", anchor=False)
    st.markdown(
        "Each page lets you watch one idea of generative modelling at work: play it, stop it, go back, change one "
        "thing and run it again. Everything runs on this machine, on real data."
    )
    course_map.show()
    for section in dict.fromkeys(item.section for item in CATALOGUE):
        st.subheader(section, anchor=False)
        for item in CATALOGUE:
            if item.section == section:
                card(item)
    player.prefetch()


def card(item: Entry) -> None:
    """One page: its picture, what it shows, and where to begin."""
    page = st.Page(item.file, title=item.title, url_path=item.slug)
    with st.container(border=True, key=f"card-{item.slug}"):
        picture, words = st.columns([2, 3], vertical_alignment="center")
        with picture:
            if item.thumbnail.exists():
                st.image(str(item.thumbnail), width="stretch")
        with words:
            st.page_link(page, label=f"**{item.title}**", icon=item.icon or None)
            st.markdown(item.idea)
            if item.starts:
                st.markdown("Or begin with:")
                with st.container(horizontal=True):
                    for label, query in item.starts:
                        st.page_link(page, label=label, query_params=query)
            if item.paper:
                st.caption(item.paper)


main()
