"""What every visit runs: page settings, the navigation, and the page that was asked for."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # where a test runs this file alone
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from pages.catalogue import CATALOGUE, PAGES  # noqa: E402
from pages.ui import frame, settings, warm  # noqa: E402

home = st.Page(PAGES / "home.py", title="Home", default=True)
pages = {st.Page(item.file, title=item.title, url_path=item.slug): item for item in CATALOGUE}
chosen = st.navigation([home, *pages], position="hidden")
entry = pages.get(chosen)
# A Space's address has no path: the page is in its query (static/course.js).
asked = next((page for page, item in pages.items() if item.slug == st.query_params.get("page")), None)
if entry is None and asked is not None:
    rest = {key: value for key, value in st.query_params.items() if key != "page"}
    st.switch_page(asked, query_params=rest)
st.set_page_config(
    page_title=f"{entry.title} · {frame.COURSE_TITLE}" if entry else frame.COURSE_TITLE,
    page_icon=str(ROOT / "assets" / "icon.png"),
    layout="wide",
    initial_sidebar_state=frame.CONTROLS_WIDTH,
)
st.html(frame.STYLE)  # a path to a style sheet becomes one
frame.bar(entry)
settings.arriving(chosen.url_path)
if entry:
    warm.wait()
chosen.run()
