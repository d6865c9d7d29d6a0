"""The bound in numbers: a divergence between two Gaussians, one image's ELBO taken apart, and the sweep over beta."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.autoencoders import elbo_notes, elbo_runs, gaussians
from pages.catalogue import entry
from pages.ui import board, frame, live, scenes, settings, stage
from pages.ui.player import player
from pages.ui.settings import Choice, Number, Real

PAGE = entry("elbo")

VIEW = Choice(
    key="view",
    label="What to look at",
    options=("trade-off", "image", "divergence"),
    default="trade-off",
    help="trade-off: reconstruction against KL as beta grows. image: one image's bound, pixel by pixel. "
    "divergence: the KL between two Gaussians that you drag.",
)
BETA = Choice(
    key="beta",
    label="Beta",
    options=elbo_runs.BETAS,
    default="1",
    help="The weight of the KL in the loss that the shown model was trained with. Or play through all eight.",
)
MODEL = Choice(
    key="model",
    label="Model",
    options=tuple(elbo_runs.MODELS),
    default="mnist-20",
    help="mnist has 2 latent dimensions, mnist-20 has 20, mnist-32 is convolutional and has 32.",
)
ROW = Number(
    key="row", label="Test image", low=0, high=999, default=0, slider=False, help="One that no training saw: 0 to 999."
)
DRAWS = Choice(key="draws", label="Monte Carlo draws", options=("10", "100", "1000", "10000", "100000"), default="1000")
MQ = Real(key="mq", label="Mean of q", low=-5.0, high=5.0, default=1.0, step=0.05)
SQ = Real(key="sq", label="Standard deviation of q", low=0.2, high=3.0, default=0.6, step=0.05)
MP = Real(key="mp", label="Mean of p", low=-5.0, high=5.0, default=-1.0, step=0.05)
SP = Real(key="sp", label="Standard deviation of p", low=0.2, high=3.0, default=1.4, step=0.05)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="Of the random draws.")
ALL = (VIEW, BETA, MODEL, ROW, MQ, SQ, MP, SP, DRAWS, SEED)
HANDLES = (MQ, SQ, MP, SP)
IMAGE, SWEEP = "elbo:image", "elbo:sweep"


def main() -> None:
    frame.head(PAGE)
    scenes.begin(elbo_notes.SCENES, play_scene)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    scenes.show(elbo_notes.SCENES, play_scene)
    record = {"trade-off": trade_off, "image": image, "divergence": divergence}[chosen["view"]](chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if chosen["view"] == "image":
        board.kept(PAGE.slug, "Draw an image, or give a file", "Clear the board to go back to the test image.")
    frame.notes(PAGE, why=elbo_notes.why, questions=elbo_notes.questions(lambda: stage.current(IMAGE)))


def controls(chosen: dict[str, Any]) -> None:
    show, view = settings.show, chosen["view"]
    scenes.links(elbo_notes.SCENES, play_scene)
    show(VIEW)
    show(BETA, when=view == "trade-off")
    show(MODEL, when=view == "image")
    show(ROW, when=view == "image")
    for setting in HANDLES:
        show(setting, when=view == "divergence")
    show(DRAWS, when=view == "divergence")
    show(SEED, when=view != "trade-off")
    if view == "divergence":
        st.button(
            "Make them equal", on_click=make_equal, width="stretch", help="q becomes p: both divergences are zero."
        )


def play_scene(name: str, values: dict[str, Any] | None) -> None:
    """Put a scene on the stage; without values, only take its text away."""
    if values is None:
        st.query_params.pop("scene", None)
        return
    settings.apply(ALL, values)
    st.query_params["scene"] = name


def make_equal() -> None:
    for q, p in ((MQ, MP), (SQ, SP)):
        settings.put({q.key: settings.value(p)})


def trade_off(chosen: dict[str, Any]) -> Any:
    """The sweep: every beta is a step of the player."""
    with st.spinner("Loading the models of the sweep"):
        record, problem = stage.keep(SWEEP, fixed={"beta": chosen["beta"]}, changing={}, make=elbo_runs.sweep_scene)
    if problem:
        st.warning(problem)
    if record is not None:
        opening = elbo_runs.BETAS.index(chosen["beta"])
        record.run.play(None)  # its eight frames are ready: the scrubber holds all of them at once
        show(record, autoplay=False, open=opening, speed=1)
    return record


def image(chosen: dict[str, Any]) -> Any:
    """One image's bound, with more and more samples."""
    drawn = board.drawn(PAGE.slug)
    own = {"model": chosen["model"], "row": chosen["row"], "seed": chosen["seed"]}
    key = None if drawn is None else drawn.tobytes()
    record, problem = stage.keep(
        IMAGE, fixed={**own, "drawn": key}, changing={}, make=lambda: elbo_runs.image_scene(drawn=drawn, **own)
    )
    if problem:
        st.warning(problem)
    if record is not None:
        show(record, autoplay=True, speed=8)
        elbo_notes.show_images(record)
    return record


def show(record: Any, **options: Any) -> None:
    present = st.query_params.get("present") == "1"
    player(
        record.token,
        key="elbo-player",
        on_event=on_event,
        numbers=True,
        slug=PAGE.slug,
        present=present,
        wide=True,
        **options,
    )


def on_event(name: str) -> None:
    if name == "gone":
        for slot in (IMAGE, SWEEP):
            stage.drop(slot)


def divergence(chosen: dict[str, Any]) -> None:
    """Two Gaussians under the hand."""
    values = {setting.key: float(chosen[setting.key]) for setting in HANDLES}
    gaussians.show(
        key="elbo-gaussians",
        values={**values, "n": int(chosen["draws"]), "seed": int(chosen["seed"])},
        on_moved=moved,
    )


def moved() -> None:
    """A drag has ended: the sliders and the address follow."""
    event = (st.session_state.get("elbo-gaussians") or {}).get("moved")
    if event:
        for setting in HANDLES:
            settings.put({setting.key: min(max(float(event[setting.key]), setting.low), setting.high)})


main()
