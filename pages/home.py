"""The course at a glance: the map of its ideas, and every page as a card with its picture and one line."""

from __future__ import annotations

from html import escape

import streamlit as st

from pages import course_map
from pages.catalogue import CATALOGUE, Entry
from pages.ui import links, player


def main() -> None:
    cards = "".join(card(item) for item in CATALOGUE)
    links.show(f'{course_map.html()}<div class="cards">{cards}</div>', key="lab-course")
    with st.expander("How one idea leads to the next"):
        st.markdown("\n".join(f"- {sentence}" for sentence in course_map.in_words()))
    player.prefetch()


def card(item: Entry) -> str:
    """One page: its section, its picture, what it shows, and where else to begin."""
    page = escape(links.address(item.slug))
    starts = "".join(
        f'<li><a href="{escape(links.address(item.slug, **query))}">{escape(label)}</a></li>'
        for label, query in item.starts
    )
    pictures = "".join(
        f'<img class="{theme}" src="{player.root()}lab/thumbnails/{item.thumbnail(theme).name}" alt="" loading="lazy">'
        for theme in ("light", "dark")
    )
    return (
        f'<article class="card"><a class="picture" href="{page}" tabindex="-1" aria-hidden="true">{pictures}</a>'
        f'<p class="section">{escape(item.section)}</p><h2><a href="{page}">{escape(item.title)}</a></h2>'
        f'<p class="says" title="{escape(item.idea)}">{escape(item.idea)}</p>'
        f"<details><summary>Begin with</summary><ul>{starts}</ul></details></article>"
    )


if __name__ == "__main__":
    main()
