"""The map of the course: every page as a picture that moves and one line that says what it shows."""

from __future__ import annotations

import streamlit as st

from pages.catalogue import CATALOGUE

st.title("Generative Models Lab", anchor=False)
st.markdown(
    "Each page lets you watch one idea of generative modelling at work: play it, stop it, go back, change one thing "
    "and run it again. Everything runs on this machine, on real data."
)
for section in dict.fromkeys(item.section for item in CATALOGUE):
    st.subheader(section, anchor=False)
    items = [item for item in CATALOGUE if item.section == section]
    for column, item in zip(st.columns(3) * (len(items) // 3 + 1), items, strict=False):
        with column, st.container(border=True, key=f"card-{item.slug}"):
            if item.thumbnail.is_file():
                st.image(str(item.thumbnail), width="stretch")
            st.page_link(st.Page(item.file, title=item.title, url_path=item.slug), icon=item.icon or None)
            st.markdown(item.idea)
            st.caption(item.paper)
