"""Variational inference for a mixture: it starts with too many components and finds its own size."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engines import devices
from pages.catalogue import entry
from pages.mixtures import gmm_notes, gmm_pictures, gmm_runs, own_table, variational_gmm_notes, variational_gmm_runs
from pages.ui import forks, show
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Switch, seed

LIMITS = devices.limits()
SLUG = "variational-gmm"

DATA_SET = Choice(
    key="data",
    label="Data",
    options=tuple(name for name in gmm_runs.SETS if name != "draw"),
    default="blobs",
    labels=gmm_runs.SETS,
    help="Made-up sets, measured sets on their first two principal components, or a CSV of yours. Restarts the run.",
)
POINTS = Number(
    key="n", label="Points", low=20, high=2000, default=300, help="Of a made-up set, or of MNIST. Restarts the run.",
    when=lambda chosen: chosen["data"] in gmm_runs.SIZED,
)  # fmt: skip
COMPONENTS = Number(
    key="k",
    label="Components to start with",
    low=1,
    high=min(16, LIMITS.max_components),
    default=10,
    help="More than you expect to need. Restarts the run.",
)
COVARIANCE = Choice(
    key="cov",
    label="Covariance",
    labels={"full": "An ellipse each", "diag": "Ellipses along the axes"},
    help="Restarts the run.",
)
PRIOR = Choice(
    key="prior",
    label="Prior of the weights",
    labels={"dirichlet": "A Dirichlet", "process": "A Dirichlet process (sticks)"},
    help="Restarts the run.",
)
CONCENTRATION = Choice(
    key="conc",
    label="Concentration",
    options=("0.001", "0.01", "0.1", "1", "10", "100", "1000"),
    default="0.01",
    slider=True,
    field="concentration",
    kind=float,
    live=True,
    help="Below 1 favours few components, far above 1 equal weights. Applies live, from the newest step on.",
)
DENSITY = Choice(
    key="density",
    label="Density shown",
    labels={"predictive": "Predictive", "plug-in": "Plug-in", "both": "Both"},
    help="predictive: averaged over the posterior, a mixture of Student's t; plug-in: at the posterior's means; both: "
    "the plug-in one dashed. Restarts the run.",
)
INIT = Choice(
    key="init",
    label="Start",
    labels=gmm_runs.FIRST_MEANS,
    help="Where the means begin.",
)
SEED = seed("The same seed gives the same run.")
COMPARE = Switch(key="compare", label="Beside it: EM", help="EM with the same number of components, played together.")
OWN = (DATA_SET, POINTS, COMPONENTS, CONCENTRATION, PRIOR, COVARIANCE, DENSITY, INIT, SEED, COMPARE)
VIEWS = {"run": ("Variational inference", OWN)}
FORKS = [forks.Change(field="concentration", choice=CONCENTRATION, parse=float)]


def main() -> None:
    notes = variational_gmm_notes
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.questions(), scenes=notes.SCENES) as chosen:
        cloud = own_table.chosen_cloud(SLUG, chosen["data"], chosen["n"])
        if cloud is not None:
            run(cloud, chosen)
            gmm_notes.about(cloud, chosen["data"], "BIC's choice of K", chosen["cov"], 1e-6, chosen["seed"])


def run(cloud: gmm_runs.Cloud, chosen: Mapping[str, Any]) -> None:
    """Variational inference, alone or beside EM with as many components from the same start."""
    own = {
        "n_components": chosen["k"],
        "seed": chosen["seed"],
        "init": chosen["init"],
        "covariance_type": chosen["cov"],
    }
    live = {"concentration": float(chosen["conc"])}
    kinds = {"weight_prior": chosen["prior"]}
    make = partial(variational_gmm_runs.scene, cloud, chosen["density"], **own, **kinds, **live)
    if problem := gmm_runs.problem(cloud, chosen["k"], 0.0) if chosen["data"] == "csv" else "":
        st.warning(problem)
        show.run(SLUG, partial(gmm_runs.still_scene, cloud), fixed={"data": cloud.key, "still": True})
        return
    other = None
    if chosen["compare"]:
        beside = partial(gmm_runs.mixture_scene, cloud, regularisation=1e-4, **own)
        other = show.Beside(titles=("Variational inference", "EM"), make=beside)
    show.run(
        SLUG, make, fixed={"data": cloud.key, "density": chosen["density"], **own, **kinds}, changing=live, other=other,
        changes=() if other else FORKS, layers=gmm_pictures.LAYERS, autoplay=True, speed=8,
    )  # fmt: skip


if __name__ == "__main__":
    main()
