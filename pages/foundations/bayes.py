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
from pages.ui import show
from pages.ui.code import OF_ITSELF
from pages.ui.live import SLOTS, Live
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Real, seed

HEADS = Real(key="heads", label="The coin's true chance of heads", low=0.0, high=1.0, default=0.7, step=0.05)
A = Real(key="a", label="Prior a", low=0.5, high=30.0, default=3.0, step=0.5, help="As if a − 1 heads had been seen.")
B = Real(key="b", label="Prior b", low=0.5, high=30.0, default=3.0, step=0.5, help="As if b − 1 tails had been seen.")
TRUTH = Real(key="mu", label="The true mean", low=-8.0, high=8.0, default=3.0, step=0.5)
SD = Real(key="sd", label="Known spread of the data, sigma", low=0.5, high=6.0, default=2.0, step=0.5)
M0 = Real(key="m0", label="Prior mean", low=-8.0, high=8.0, default=-2.0, step=0.5)
S0 = Real(key="s0", label="Prior standard deviation", low=0.5, high=8.0, default=2.0, step=0.5)
ILL = Choice(
    key="ill",
    label="The patient is",
    help="Which nobody knows yet.",
    labels={"ill": "Ill", "healthy": "Healthy"},
)
PREVALENCE = Choice(
    key="prev",
    label="How many are ill",
    default="0.01",
    help="The prior.",
    labels={"0.001": "1 in 1,000", "0.01": "1 in 100", "0.1": "1 in 10", "0.5": "1 in 2"},
)
SENSITIVITY = Real(key="sens", label="Sensitivity: ill and positive", low=0.5, high=0.99, default=0.9, step=0.01)
SPECIFICITY = Real(key="spec", label="Specificity: healthy and negative", low=0.5, high=0.99, default=0.95, step=0.01)
MEAN = Real(key="gm", label="Mean", low=-4.0, high=4.0, default=0.0, step=0.1)
SPREAD = Real(key="gs", label="Standard deviation", low=0.2, high=3.0, default=1.0, step=0.1)
SPREAD2 = Real(key="gt", label="Standard deviation of the second axis", low=0.2, high=3.0, default=1.5, step=0.1)
RHO = Real(key="rho", label="Correlation", low=-0.95, high=0.95, default=0.6, step=0.05)
COUNT = Number(key="n", label="Observations", low=1, high=200, default=40, help="Restarts the run.")
SEED = seed("Of the data.")
VIEWS = {
    "coin": ("A coin: its chance of heads", (HEADS, A, B, COUNT, SEED)),
    "mean": ("The mean of a Gaussian", (TRUTH, SD, M0, S0, COUNT, SEED)),
    "test": ("A medical test: ill or healthy", (ILL, PREVALENCE, SENSITIVITY, SPECIFICITY, COUNT, SEED)),
    "gaussian": ("The Gaussian density itself", (MEAN, SPREAD, SPREAD2, RHO)),
}


def main() -> None:
    with page(entry("bayes"), VIEWS, why=bayes_notes.WHY, questions=bayes_notes.questions) as chosen:
        if chosen["view"] == "gaussian":
            show.film("bayes", bayes_pictures.gaussian, *(chosen[key] for key in ("gm", "gs", "gt", "rho")))
            return
        own = engine_settings(chosen)
        shown = bayes_pictures.LAYERS if chosen["view"] != "test" else (("prior", "Prior"), ("posterior", "Posterior"))
        looks = {"view": chosen["view"], "layers": shown, "autoplay": True, "speed": 4}
        record = show.run("bayes", partial(scene, **own), fixed=own, **looks)
        if record is not None:
            about(record)


def engine_settings(chosen: dict[str, Any]) -> dict[str, Any]:
    """What the engine is made of; a changed prior begins with the first observation again."""
    view = chosen["view"]
    own = {"model": view, "n_data": chosen["n"], "seed": chosen["seed"]}
    if view == "coin":
        return {**own, "truth": chosen["heads"], "a": chosen["a"], "b": chosen["b"]}
    if view == "mean":
        return {**own, "truth": chosen["mu"], "sd": chosen["sd"], "prior_mean": chosen["m0"], "prior_sd": chosen["s0"]}
    rates = {"sensitivity": chosen["sens"], "specificity": chosen["spec"], "prevalence": float(chosen["prev"])}
    return {**own, "truth": float(chosen["ill"] == "ill"), **rates}


def scene(**own: Any) -> Live:
    made = Run(engines.create("bayes", **own), slots=SLOTS)
    config = made.engine.config  # type: ignore[union-attr]
    return Live(
        run=made,
        base=bayes_pictures.base(config),
        draw=partial(bayes_pictures.picture, config=config),
        explain=lambda frame, _: bayes_pictures.numbers(frame, config),
        data_code=OF_ITSELF,
    )


def about(record: Any) -> None:
    engine: Any = record.run.engine
    if engine is not None:
        text = "x\n" + "\n".join(f"{x!r}" for x in np.asarray(engine.data).tolist())
        with st.container(key="lab-about"):
            st.download_button("Data as CSV", text, "data.csv", "text/csv", on_click="ignore")


if __name__ == "__main__":
    main()
