"""EM on a Gaussian mixture, live: on points in the plane, and on images of digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engines import devices
from pages.catalogue import entry
from pages.mixtures import gmm_digits, gmm_notes, gmm_runs, own_table
from pages.ui import forks, settings, show
from pages.ui.hand import pairs
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Switch, seed

LIMITS = devices.limits()
COVARIANCES = {
    "full": "An ellipse each",
    "tied": "One ellipse for all",
    "diag": "Ellipses along the axes",
    "spherical": "Circles",
}
REGULARISATION = ("0", "1e-6", "1e-4", "1e-3", "1e-2", "0.1")


def soft(chosen: Mapping[str, Any]) -> bool:
    """Whether points are shared: by EM, which is all that there is on images."""
    return chosen["view"] == "digits" or chosen["method"] == "EM"


DATA_SET = Choice(
    key="data",
    label="Data",
    labels=gmm_runs.SETS,
    help="Measured sets of more than two numbers are shown on their first two principal components. Restarts the run.",
)
POINTS = Number(
    key="n", label="Points", low=50, high=2000, default=400, help="Of a made-up set, or of MNIST. Restarts the run.",
    when=lambda chosen: chosen["data"] in gmm_runs.SIZED,
)  # fmt: skip
METHOD = Choice(
    key="method",
    label="Method",
    options=("EM", "k-means"),
    default="EM",
    help="EM shares each point among the components; k-means gives it wholly to the nearest mean. Restarts the run.",
)
COMPONENTS = Number(
    key="k", label="Components K", low=1, high=min(16, LIMITS.max_components), default=3, help="Restarts the run."
)
COVARIANCE = Choice(
    key="cov",
    field="covariance_type",
    live=True,
    when=soft,
    label="Covariance",
    labels=COVARIANCES,
    help="Applies live, from the newest step on.",
)
INIT = Choice(
    key="init",
    label="Start",
    labels=gmm_runs.FIRST_MEANS,
    help="Where the means begin. Or drag them: choose Move means on the stage. Restarts the run.",
)
REG = Choice(
    key="reg",
    field="regularisation",
    kind=float,
    live=True,
    when=soft,
    label="Regularisation",
    options=REGULARISATION,
    default="1e-6",
    help="Added to every variance, as a share of the data's mean variance, so that no component can shrink to a point. "
    "Applies live.",
)
SEED = seed("The same seed gives the same run.")
COMPARE = Switch(
    key="compare", label="Beside it: the other method", help="EM and k-means on the same points, played together."
)
DIGIT = Choice(
    key="digit",
    label="Digit",
    options=("all", *"0123456789"),
    default="all",
    labels={"all": "All ten"},
    help="Which images are learned from.",
)
DIMENSIONS = Choice(
    key="dims",
    label="Principal components kept",
    options=("10", "20", "50"),
    default="20",
    help="The 784 pixels go through PCA to this many numbers first.",
)
VIEWS = {
    "points": (
        "Points in the plane",
        (DATA_SET, POINTS, METHOD, COMPONENTS, COVARIANCE, REG, INIT, SEED, COMPARE),
    ),
    "digits": ("Images of digits", (DIGIT, DIMENSIONS, COMPONENTS, COVARIANCE, REG, INIT, SEED)),
}
FORKS = [forks.Change(field=s.field, choice=s, parse=s.kind) for s in (COVARIANCE, REG)]


def main() -> None:
    notes = gmm_notes
    with page(entry("gmm"), VIEWS, why=notes.WHY, questions=notes.questions(), scenes=notes.SCENES) as chosen:
        (points if chosen["view"] == "points" else digits)(chosen)


def points(chosen: Mapping[str, Any]) -> None:
    """Points in the plane, by one method or by both."""
    cloud = own_table.chosen_cloud("gmm", chosen["data"], chosen["n"])
    if cloud is None:
        return
    own: dict[str, Any] = {"n_components": chosen["k"], "seed": chosen["seed"], "init": chosen["init"], "means": ()}
    moved = st.session_state.get("gmm:means")
    if moved and moved["for"] == (cloud.key, *(chosen[key] for key in ("k", "init", "seed"))):
        own |= {"init": "given", "means": moved["means"]}
    problem = gmm_runs.problem(cloud, chosen["k"], float(chosen["reg"])) if chosen["data"] in ("draw", "csv") else ""
    options: dict[str, Any] = {"layers": gmm_runs.gmm_pictures.LAYERS, "autoplay": True, "speed": 4}
    edit = {"tools": ["means"]}
    if chosen["data"] == "draw":
        edit = {"tools": ["add", "move", "erase", "means"], "start": "add", "max": gmm_runs.MAX_DRAWN}
    events = {"points": keep_points, "means": partial(keep_means, cloud.key, chosen)}
    if problem:
        st.warning(problem)
        still = partial(gmm_runs.still_scene, cloud)
        show.run("gmm", still, fixed={"data": cloud.key, "still": True}, edit=edit, on_event=events, **options)
        return
    live = settings.of_engine((COVARIANCE, REG), chosen, live=True)
    makers = {
        "EM": partial(gmm_runs.mixture_scene, cloud, **own, **live),
        "k-means": partial(gmm_runs.kmeans_scene, cloud, **own),
    }
    method, other = chosen["method"], None
    if chosen["compare"]:
        rival = "k-means" if method == "EM" else "EM"
        changing = live if rival == "EM" else {}
        other = show.Beside(titles=(method, rival), make=makers[rival], changing=changing)
    else:
        options["edit"] = edit
    show.run(
        "gmm", makers[method], fixed={"data": cloud.key, "method": method, **own}, other=other, on_event=events,
        changing=live if method == "EM" else {}, changes=FORKS if method == "EM" and other is None else (), **options,
    )  # fmt: skip
    gmm_notes.about(cloud, chosen["data"], "BIC for every K", chosen["cov"], float(chosen["reg"]), chosen["seed"])


def keep_points(event: dict[str, Any]) -> None:
    st.session_state["gmm:drawn"] = pairs(event)[: gmm_runs.MAX_DRAWN]


def keep_means(cloud_key: Any, chosen: Mapping[str, Any], event: dict[str, Any]) -> None:
    """Start again from the means as they were dragged."""
    means = tuple(map(tuple, pairs(event).tolist()))
    if len(means) == chosen["k"]:
        now = (cloud_key, *(chosen[key] for key in ("k", "init", "seed")))
        st.session_state["gmm:means"] = {"for": now, "means": means}
        show.restart("gmm")


def digits(chosen: Mapping[str, Any]) -> None:
    """Images: every component's mean and samples, as EM moves them."""
    dims = int(chosen["dims"])
    own = {"n_components": chosen["k"], "seed": chosen["seed"], "init": chosen["init"]}
    live = settings.of_engine((COVARIANCE, REG), chosen, live=True)
    live["regularisation"] = max(live["regularisation"], 1e-6)
    record = show.run(
        "gmm", partial(gmm_digits.scene, chosen["digit"], dims, **own, **live), view="digits", changing=live,
        fixed={"digit": chosen["digit"], "dims": dims, **own}, changes=FORKS, autoplay=True, speed=4, wide=True,
    )  # fmt: skip
    if record is not None:
        gmm_notes.draw_samples(record.run, chosen["digit"], dims)


if __name__ == "__main__":
    main()
