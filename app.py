"""Generative Models Lab: `streamlit run app.py`."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from pages import catalogue
from pages.autoencoders import gaussians, latent
from pages.making import raising
from pages.translation import colouring, posing
from pages.ui import code, guard, live, player, warm


def sorry(error: Exception) -> bool:
    """A fault of ours reaches the log whole and the viewer as one sentence."""
    from streamlit.logger import get_logger

    get_logger("lab").error("A page failed", exc_info=error)
    st.error(
        f"This page ran into a fault ({type(error).__name__}). Reload it; if that does not help, "
        "clear the settings in the address bar.",
        icon=":material/error:",
    )
    return True


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    sweeper = asyncio.create_task(live.sweep_forever(live.TABLE))
    threading.Thread(target=player.warm, name="lab-warm", daemon=True).start()
    warm.begin()
    yield
    sweeper.cancel()


THUMBNAILS = Mount("/lab/thumbnails", StaticFiles(directory=catalogue.ASSETS / "thumbnails"))
guard.limit_uploads()
app = st.App(
    Path(__file__).parent / "pages" / "shell.py",
    routes=[
        *live.ROUTES,
        *latent.ROUTES,
        *gaussians.ROUTES,
        *colouring.ROUTES,
        *posing.ROUTES,
        *raising.ROUTES,
        *player.ROUTES,
        *code.ROUTES,
        THUMBNAILS,
    ],
    middleware=[Middleware(guard.Guard), Middleware(player.Preload)],
    lifespan=lifespan,
    on_script_error=sorry,
)
