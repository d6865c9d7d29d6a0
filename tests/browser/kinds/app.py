"""Every kind of picture on a page of its own, for tests/browser/test_kinds.py: /?kind=images and so on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import asyncio
import contextlib

import streamlit as st

from pages.ui import live, player


@contextlib.asynccontextmanager
async def lifespan(_app):
    sweeper = asyncio.create_task(live.sweep_forever(live.TABLE))
    yield
    sweeper.cancel()


app = st.App(Path(__file__).parent / "kinds.py", routes=[*live.ROUTES, *player.ROUTES], lifespan=lifespan)
