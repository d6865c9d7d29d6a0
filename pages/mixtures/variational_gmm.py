"""Variational inference for a mixture: it starts with too many components and finds its own size."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from engines import devices
from pages.catalogue import entry
from pages.mixtures import gmm_notes, gmm_pictures, gmm_runs, own_table, variational_gmm_notes, variational_gmm_runs
from pages.ui import forks, frame, live, scenes, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Switch

PAGE = entry("variational-gmm")
LIMITS = devices.limits()
SIZED = ("blobs", "stretched", "overlap", "moons", "ring", "mnist")

DATA_SET = Choice(
    key="data",
    label="Data",
    options=("blobs", "stretched", "overlap", "moons", "ring", "iris", "wine", "cancer", "mnist", "csv"),
    default="blobs",
    help="Made-up sets, measured sets on their first two principal components, or a CSV of yours. Restarts the run.",
)
POINTS = Number(
    key="n", label="Points", low=20, high=2000, default=300, help="Of a made-up set, or of MNIST. Restarts the run."
)
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
    options=("full", "diag"),
    default="full",
    help="full: each component its own ellipse; diag: ellipses along the axes. Restarts the run.",
)
PRIOR = Choice(
    key="prior",
    label="Prior of the weights",
    options=("dirichlet", "process"),
    default="dirichlet",
    help="A Dirichlet, or a Dirichlet process by stick-breaking. Restarts the run.",
)
CONCENTRATION = Choice(
    key="conc",
    label="Concentration",
    options=("0.001", "0.01", "0.1", "1", "10", "100", "1000"),
    default="0.01",
    slider=True,
    help="Below 1 favours few components, far above 1 equal weights. Applies live, from the newest step on.",
)
DENSITY = Choice(
    key="density",
    label="Density shown",
    options=variational_gmm_runs.DENSITIES,
    default="predictive",
    help="predictive: averaged over the posterior, a mixture of Student's t; plug-in: at the posterior's means; both: "
    "the plug-in one dashed. Restarts the run.",
)
INIT = Choice(
    key="init", label="Start", options=("kmeans++", "random", "bad"), default="kmeans++", help="Where the means begin."
)
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed gives the same run."
)
COMPARE = Switch(key="compare", label="Beside it: EM", help="EM with the same number of components, played together.")
ALL = (DATA_SET, POINTS, COMPONENTS, COVARIANCE, PRIOR, CONCENTRATION, DENSITY, INIT, SEED, COMPARE)
FORKS = (Change(field="concentration", choice=CONCENTRATION, parse=float),)
RUN, RIVAL = (f"variational-gmm:{name}" for name in ("run", "rival"))


def main() -> None:
    frame.head(PAGE)
    scenes.begin(variational_gmm_notes.SCENES, play_scene)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    scenes.show(variational_gmm_notes.SCENES, play_scene)
    record, cloud = run_of(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    if cloud is not None:
        more(cloud, chosen)
    questions = variational_gmm_notes.questions(lambda: stage.current(RUN))
    frame.notes(PAGE, why=variational_gmm_notes.why, questions=questions)


def controls(chosen: dict[str, Any]) -> None:
    show = settings.show
    scenes.links(variational_gmm_notes.SCENES, play_scene)
    show(DATA_SET)
    if chosen["data"] == "csv":
        own_table.ask(PAGE.slug)
    show(POINTS, when=chosen["data"] in SIZED)
    show(COMPONENTS)
    show(CONCENTRATION)
    for setting in (PRIOR, COVARIANCE, DENSITY, INIT, SEED):
        show(setting)
    left, right = st.columns(2)
    left.button("Restart", on_click=restart, width="stretch", help="The same run again, from its start.")
    right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, another start.")
    show(COMPARE)


def restart() -> None:
    st.session_state.pop(f"{PAGE.slug}:fork", None)
    for slot in (RUN, RIVAL):
        stage.drop(slot)


def new_seed() -> None:
    settings.next_of(SEED)


def play_scene(name: str, values: dict[str, Any] | None) -> None:
    """Put a scene on the stage, from its start; without values, only take its text away."""
    if values is None:
        st.query_params.pop("scene", None)
        return
    settings.apply(ALL, values)
    st.query_params["scene"] = name
    restart()


def run_of(chosen: dict[str, Any]) -> tuple[Any, gmm_runs.Cloud | None]:
    """Puts the run, and EM or a fork beside it, on the stage; returns it and its points."""
    try:
        name = chosen["data"]
        cloud = own_table.cloud(PAGE.slug) if name == "csv" else gmm_runs.bundled(name, chosen["n"])
    except ValueError as error:
        st.error(str(error), icon=":material/upload_file:")
        cloud = None
    if cloud is None:
        restart()  # what was there before is not what the file holds
        record, problem = None, ""
    else:
        own = {"n_components": chosen["k"], "seed": chosen["seed"], "init": chosen["init"]}
        kinds = {"covariance_type": chosen["cov"], "weight_prior": chosen["prior"]}
        changing = {"concentration": float(chosen["conc"])}
        record, problem = stage.keep(
            RUN,
            fixed={"data": cloud.key, "density": chosen["density"], **own, **kinds},
            changing=changing,
            make=lambda: variational_gmm_runs.scene(cloud, chosen["density"], **own, **kinds, **changing),
        )
    if problem:
        st.warning(problem, icon=":material/info:")
    if record is None:
        st.info("Choose a file in the controls, or another data set. A CSV needs two or more columns of numbers.")
        return None, None
    show(record, rival_of(record, None if problem else cloud, chosen), chosen)
    return record, cloud


def rival_of(record: Any, cloud: Any, chosen: dict[str, Any]) -> Any:
    """A fork, or EM with the same number of components from the same start."""
    if fork := forks.of(PAGE.slug, record, RIVAL):
        return fork
    if not chosen["compare"] or cloud is None:
        stage.drop(RIVAL)
        return None
    own = {
        "n_components": chosen["k"],
        "seed": chosen["seed"],
        "init": chosen["init"],
        "covariance_type": chosen["cov"],
    }
    rival, problem = stage.keep(
        RIVAL,
        fixed={"data": cloud.key, **own},
        changing={},
        make=lambda: gmm_runs.mixture_scene(cloud, regularisation=1e-4, **own),
    )
    if problem:
        st.warning(problem)
    return rival


def show(record: Any, rival: Any, chosen: dict[str, Any]) -> None:  # noqa: ARG001
    """The player, or two of them side by side."""
    options = {
        "slug": PAGE.slug,
        "layers": layers(*gmm_pictures.LAYERS),
        "autoplay": True,
        "go": stage.goes(RUN),
        "speed": 8,
        "present": st.query_params.get("present") == "1",
    }
    if rival is None:
        player(record.token, key="vgmm-player", on_event=on_event, numbers=True, forkable=True, **options)
        return
    options |= {"group": record.token}
    forked = forks.title(PAGE.slug)
    left, right = st.columns(2)
    with left:
        title = "The run as it was" if forked else "Variational inference"
        player(record.token, key="vgmm-player-a", on_event=on_event, title=title, lead=True, **options)
    with right:
        opening = {"open": "end"} if forked else {}
        player(rival.token, key="vgmm-player-b", title=forked or "EM", lead=False, **options, **opening)
    if forked:
        st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer pressed in the player, before the page runs again."""
    result = next((st.session_state[key] for key in ("vgmm-player", "vgmm-player-a") if key in st.session_state), {})
    event = result.get(name) if result else None
    if name == "gone":
        stage.drop(RUN)
    elif event and name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


def more(cloud: gmm_runs.Cloud, chosen: dict[str, Any]) -> None:
    """About the data, and BIC's choice for comparison."""
    with st.container(key="lab-about"):
        st.caption(cloud.about)
        own_table.show_first(cloud)
        left, middle, _ = st.columns([1, 1, 3])
        name, text = f"{chosen['data']}.csv", partial(own_table.as_csv, np.asarray(cloud.x))
        left.download_button("Points as CSV", text, name, "text/csv", on_click="ignore")
        middle.button("BIC's choice of K", on_click=gmm_notes.ask_bic, help="EM with K = 1 to 10, compared by BIC.")
    gmm_notes.show_bic(cloud, {"cov": chosen["cov"], "reg": 1e-6, "seed": chosen["seed"]})


main()
