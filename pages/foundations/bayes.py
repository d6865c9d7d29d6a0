"""Bayes' rule: what is believed before and after each observation; and a Gaussian under the hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines.run import Run
from pages.catalogue import entry
from pages.foundations import bayes_notes, bayes_pictures
from pages.ui import frame, live, settings, stage
from pages.ui.live import SLOTS
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Real
from pages.ui.stage import Scene

PAGE = entry("bayes")

VIEW = Choice(
    key="view",
    label="What to look at",
    options=("coin", "mean", "test", "gaussian"),
    default="coin",
    help="coin: a chance of heads. mean: the mean of a Gaussian. test: ill or healthy, after a medical test. "
    "gaussian: the density itself, in one and two dimensions.",
)
HEADS = Real(key="heads", label="The coin's true chance of heads", low=0.0, high=1.0, default=0.7, step=0.05)
A = Real(key="a", label="Prior a", low=0.5, high=30.0, default=3.0, step=0.5, help="As if a − 1 heads had been seen.")
B = Real(key="b", label="Prior b", low=0.5, high=30.0, default=3.0, step=0.5, help="As if b − 1 tails had been seen.")
TRUTH = Real(key="mu", label="The true mean", low=-8.0, high=8.0, default=3.0, step=0.5)
SD = Real(key="sd", label="Known spread of the data, sigma", low=0.5, high=6.0, default=2.0, step=0.5)
M0 = Real(key="m0", label="Prior mean", low=-8.0, high=8.0, default=-2.0, step=0.5)
S0 = Real(key="s0", label="Prior standard deviation", low=0.5, high=8.0, default=2.0, step=0.5)
ILL = Choice(
    key="ill", label="The patient is", options=("ill", "healthy"), default="ill", help="Which nobody knows yet."
)
PREVALENCE = Choice(
    key="prev", label="How many are ill", options=("0.001", "0.01", "0.1", "0.5"), default="0.01", help="The prior."
)
SENSITIVITY = Real(key="sens", label="Sensitivity: ill and positive", low=0.5, high=0.99, default=0.9, step=0.01)
SPECIFICITY = Real(key="spec", label="Specificity: healthy and negative", low=0.5, high=0.99, default=0.95, step=0.01)
MEAN = Real(key="gm", label="Mean", low=-4.0, high=4.0, default=0.0, step=0.1)
SPREAD = Real(key="gs", label="Standard deviation", low=0.2, high=3.0, default=1.0, step=0.1)
SPREAD2 = Real(key="gt", label="Standard deviation of the second axis", low=0.2, high=3.0, default=1.5, step=0.1)
RHO = Real(key="rho", label="Correlation", low=-0.95, high=0.95, default=0.6, step=0.05)
COUNT = Number(key="n", label="Observations", low=1, high=200, default=40, help="Restarts the run.")
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="Of the data.")
OF = {
    "coin": (HEADS, A, B, COUNT, SEED),
    "mean": (TRUTH, SD, M0, S0, COUNT, SEED),
    "test": (ILL, PREVALENCE, SENSITIVITY, SPECIFICITY, COUNT, SEED),
    "gaussian": (MEAN, SPREAD, SPREAD2, RHO),
}
ALL = (VIEW, *dict.fromkeys(setting for group in OF.values() for setting in group))
RUN = "bayes:run"


def main() -> None:
    frame.head(PAGE)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    record = None
    if chosen["view"] == "gaussian":
        bayes_notes.gaussian(chosen)
    else:
        record = run(chosen)
        if record is not None:
            live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        settings.show(VIEW)
        for setting in ALL[1:]:
            settings.show(setting, when=setting in OF[chosen["view"]])
        if record is not None:
            st.button("New data", on_click=new_seed, width="stretch", help="The same settings, another draw.")
    if record is not None:
        about(record)
    frame.notes(PAGE, why=bayes_notes.why, questions=bayes_notes.questions(lambda: stage.current(RUN)))


def engine_settings(chosen: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What needs new data, and what changes the belief about the data at hand."""
    view = chosen["view"]
    own = {"model": view, "n_data": chosen["n"], "seed": chosen["seed"]}
    if view == "coin":
        return {**own, "truth": chosen["heads"]}, {"a": chosen["a"], "b": chosen["b"]}
    if view == "mean":
        return {**own, "truth": chosen["mu"], "sd": chosen["sd"]}, {
            "prior_mean": chosen["m0"],
            "prior_sd": chosen["s0"],
        }
    rates = {"sensitivity": chosen["sens"], "specificity": chosen["spec"]}
    return {**own, "truth": float(chosen["ill"] == "ill"), **rates}, {"prevalence": float(chosen["prev"])}


def run(chosen: dict[str, Any]) -> Any:
    """The data come one by one; a changed prior applies to all that was seen."""
    fixed, changing = engine_settings(chosen)
    record, problem = stage.keep(RUN, fixed={**fixed, **changing}, changing={}, make=lambda: scene(**fixed, **changing))
    if problem:
        st.warning(problem)
    if record is not None:
        shown = bayes_pictures.LAYERS if chosen["view"] != "test" else (("prior", "Prior"), ("posterior", "Posterior"))
        player(
            record.token,
            key="bayes-player",
            on_event=on_event,
            numbers=True,
            slug=PAGE.slug,
            layers=layers(*shown),
            autoplay=True,
            speed=4,
            present=st.query_params.get("present") == "1",
        )
    return record


def scene(**own: Any) -> Scene:
    made = Run(engines.create("bayes", **own), slots=SLOTS)
    config = made.engine.config  # type: ignore[union-attr]
    return Scene(
        run=made,
        base=bayes_pictures.base(config),
        draw=partial(bayes_pictures.picture, config=config),
        explain=lambda frame, _: bayes_pictures.numbers(frame, config),
    )


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


def new_seed() -> None:
    settings.next_of(SEED)


def about(record: Any) -> None:
    engine: Any = record.run.engine
    if engine is not None:
        text = "x\n" + "\n".join(f"{x:.6g}" for x in np.asarray(engine.data))
        with st.container(key="lab-about"):
            st.download_button("Data as CSV", text, "data.csv", "text/csv", on_click="ignore")


main()
