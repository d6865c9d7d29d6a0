"""What every visit runs: page settings, the navigation, and the page that was asked for."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # where a test runs this file alone
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from pages.catalogue import CATALOGUE, PAGES  # noqa: E402
from pages.ui import settings  # noqa: E402
from pages.ui.frame import apply_style  # noqa: E402

st.set_page_config(page_title="Generative Models Lab", page_icon=str(ROOT / "assets" / "icon.png"), layout="wide")
sections: dict[str, list] = {"": [st.Page(PAGES / "home.py", title="Home", icon=":material/map:", default=True)]}
for item in CATALOGUE:
    sections.setdefault(item.section, []).append(
        st.Page(item.file, title=item.title, icon=item.icon or None, url_path=item.slug)
    )
apply_style()
chosen = st.navigation(sections, position="top")
settings.arriving(chosen.url_path)
chosen.run()
