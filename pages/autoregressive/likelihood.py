"""Why an explicit density matters: an image becomes as many bytes as its likelihood says, and comes back whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.autoregressive import fills, likelihood_notes, likelihood_runs
from pages.catalogue import entry
from pages.ui import board, frame, live, settings, stage
from pages.ui.player import player
from pages.ui.settings import Choice, Number

PAGE = entry("likelihood")

MODEL = Choice(
    key="model",
    label="Model and images",
    options=("pixelcnn", "pixelcnn_pp"),
    default="pixelcnn",
    help="pixelcnn: black and white digits; pixelcnn_pp: digits of 256 grey levels.",
)
SHOW = Choice(
    key="image",
    label="Image",
    options=("digit", "upside down", "clothes", "noise"),
    default="digit",
    help="A test image, or what the model has never learned from.",
)
ROW = Number(key="row", label="Test image", low=0, high=9999, default=0, slider=False, help="Of MNIST's 10,000.")
DAMAGE = Number(
    key="damage", label="Byte to damage", low=0, high=40, default=0, help="One of its bits is changed. 0: none."
)
ALL = (MODEL, SHOW, ROW, DAMAGE)
RUN = "likelihood:run"


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record, x = shown(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls()
    board.kept(PAGE.slug, "Draw an image of your own", "Clear the board to go back to the test image.")
    with st.container(key="lab-about"):
        likelihood_notes.files(chosen["model"], x)
        likelihood_notes.against_gan()
    frame.notes(PAGE, why=likelihood_notes.why, questions=likelihood_notes.questions())


def controls() -> None:
    settings.show(MODEL)
    settings.show(SHOW)
    settings.show(ROW)
    st.button("Another test image", on_click=another, width="stretch")
    settings.show(DAMAGE)


def another() -> None:
    settings.put({ROW.key: int(np.random.default_rng().integers(ROW.high + 1))})


def image_of(chosen: dict[str, Any], drawn: np.ndarray | None) -> np.ndarray:
    """The image to encode, as bytes (28, 28)."""
    if drawn is not None:
        return np.rint(255 * drawn).astype(np.uint8)
    digit = fills.test_image("mnist", chosen["row"])
    if chosen["image"] == "upside down":
        return np.ascontiguousarray(digit[::-1])
    if chosen["image"] == "clothes":
        return fills.test_image("fashion", chosen["row"] % 5000)
    if chosen["image"] == "noise":
        return np.random.default_rng(chosen["row"]).integers(0, 256, size=(28, 28), dtype=np.uint8)
    return digit


def shown(chosen: dict[str, Any]) -> tuple[Any, np.ndarray]:
    model = fills.model(chosen["model"])
    drawn = board.drawn(PAGE.slug)
    x = fills.levels(model, image_of(chosen, drawn), seed=chosen["row"])
    with st.spinner("Encoding and decoding, pixel by pixel"):
        record, problem = stage.keep(
            RUN,
            fixed={"model": chosen["model"], "x": x.tobytes(), "damage": chosen["damage"]},
            changing={},
            make=lambda: likelihood_runs.coding_scene(model, x, chosen["damage"]),
        )
    if problem:
        st.warning(problem)
    if record is None:
        return None, x
    record.run.play(None)  # its frames are ready
    player(
        record.token,
        key="likelihood-player",
        on_event=on_event,
        numbers=True,
        slug=PAGE.slug,
        wide=True,
        autoplay=True,
        speed=16,
        present=st.query_params.get("present") == "1",
    )
    return record, x


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


main()
