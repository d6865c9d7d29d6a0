"""EM on a Gaussian mixture, live: on points in the plane, and on images of digits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from engines import devices
from pages.catalogue import entry
from pages.mixtures import gmm_digits, gmm_notes, gmm_runs, own_table
from pages.ui import forks, frame, live, scenes, settings, stage
from pages.ui.forks import Change
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number, Switch

PAGE = entry("gmm")
LIMITS = devices.limits()
DATA = ("iris", "blobs", "stretched", "overlap", "moons", "ring", "wine", "cancer", "mnist", "draw", "csv")
SIZED = ("blobs", "stretched", "overlap", "moons", "ring", "mnist")
REGULARISATION = ("0", "1e-6", "1e-4", "1e-3", "1e-2", "0.1")

VIEW = Choice(
    key="view",
    label="What to fit",
    options=("points", "digits"),
    default="points",
    help="Points in the plane, or images of handwritten digits, pixel by pixel.",
)
DATA_SET = Choice(
    key="data",
    label="Data",
    options=DATA,
    default="iris",
    help="Measured sets (iris, wine, cancer, mnist) are shown on their first two principal components; "
    "blobs, stretched, overlap, moons and ring are made up; draw and csv are yours. Restarts the run.",
)
POINTS = Number(
    key="n", label="Points", low=50, high=2000, default=400, help="Of a made-up set, or of MNIST. Restarts the run."
)
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
    label="Covariance",
    options=("full", "tied", "diag", "spherical"),
    default="full",
    help="full: each component its own ellipse; tied: one ellipse for all; diag: ellipses along the axes; "
    "spherical: circles. Applies live, from the newest step on.",
)
INIT = Choice(
    key="init",
    label="Start",
    options=("kmeans++", "random", "bad"),
    default="kmeans++",
    help="Where the means begin. Or drag them: choose Move means on the stage. Restarts the run.",
)
REG = Choice(
    key="reg",
    label="Regularisation",
    options=REGULARISATION,
    default="1e-6",
    help="Added to every variance, as a share of the data's mean variance, so that no component can shrink to a point. "
    "Applies live.",
)
SEED = Number(
    key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="The same seed gives the same run."
)
COMPARE = Switch(
    key="compare", label="Beside it: the other method", help="EM and k-means on the same points, played together."
)
DIGIT = Choice(
    key="digit", label="Digit", options=("all", *"0123456789"), default="all", help="All ten, or one of them."
)
DIMENSIONS = Choice(
    key="dims",
    label="Principal components kept",
    options=("10", "20", "50"),
    default="20",
    help="The 784 pixels go through PCA to this many numbers first.",
)
ALL = (VIEW, DATA_SET, POINTS, METHOD, COMPONENTS, COVARIANCE, INIT, REG, SEED, COMPARE, DIGIT, DIMENSIONS)

FORKS = (
    Change(field="covariance_type", choice=COVARIANCE),
    Change(field="regularisation", choice=REG, parse=float),
)

RUN, RIVAL, POINTS_DRAWN, MEANS = (f"gmm:{name}" for name in ("run", "rival", "drawn", "means"))


def main() -> None:
    frame.head(PAGE)
    scenes.begin(gmm_notes.SCENES, play_scene)
    settings.show_notices(PAGE.slug, ALL)
    chosen = read()
    scenes.show(gmm_notes.SCENES, play_scene)
    # The stage comes first and the controls after it: the browser draws in this order, and a dozen widgets
    # would keep the first picture waiting.
    record, cloud = digits(chosen) if chosen["view"] == "digits" else points(chosen)
    if record is not None:
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if record is not None:
        forks.form(PAGE.slug, record, RIVAL, FORKS)
    if cloud is not None and record is not None:
        more(cloud, chosen)
    elif chosen["view"] == "digits" and record is not None:
        gmm_notes.draw_samples(record.run, chosen["digit"], chosen["dims"])
    frame.notes(PAGE, why=gmm_notes.why, questions=gmm_notes.questions(lambda: stage.current(RUN)))


def read() -> dict[str, Any]:
    """What is chosen in the sidebar, or in the address before there is one."""
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    chosen["dims"], chosen["reg"] = int(chosen["dims"]), float(chosen["reg"])
    if chosen["view"] == "digits":
        chosen["method"], chosen["compare"] = "EM", False
    return chosen


def controls(chosen: dict[str, Any]) -> None:
    """The sidebar."""
    show = settings.show
    scenes.links(gmm_notes.SCENES, play_scene)
    show(VIEW)
    plane, soft = chosen["view"] == "points", chosen["method"] == "EM"
    show(DATA_SET, when=plane)
    if plane and chosen["data"] == "csv":
        own_table.ask(PAGE.slug)
    show(POINTS, when=plane and chosen["data"] in SIZED)
    show(DIGIT, when=not plane)
    show(DIMENSIONS, when=not plane)
    show(METHOD, when=plane)
    show(COMPONENTS)
    show(COVARIANCE, when=soft)
    show(REG, when=soft)
    show(INIT)
    show(SEED)
    left, right = st.columns(2)
    left.button("Restart", on_click=restart, width="stretch", help="The same run again, from its start.")
    right.button("New seed", on_click=new_seed, width="stretch", help="The same settings, another draw.")
    show(COMPARE, when=plane)


def restart() -> None:
    for slot in (RUN, RIVAL):
        stage.drop(slot)
    st.session_state.pop(f"{PAGE.slug}:fork", None)


def play_scene(name: str, values: dict[str, Any] | None) -> None:
    """Put a scene on the stage, from its start; without values, only take its text away."""
    if values is None:
        st.query_params.pop("scene", None)
        return
    settings.apply(ALL, values)
    st.query_params["scene"] = name
    restart()


def new_seed() -> None:
    settings.next_of(SEED)


def points(chosen: dict[str, Any]) -> tuple[Any, gmm_runs.Cloud | None]:
    """Points in the plane: puts the run and its rival or fork on the stage; returns it and its points."""
    try:
        cloud = cloud_of(chosen)
    except ValueError as error:
        st.error(f"{error}", icon=":material/upload_file:")
        cloud = None
    start = {"init": chosen["init"], "means": ()}
    moved = st.session_state.get(MEANS)
    if moved and cloud is not None and moved["for"] == (cloud.key, chosen["k"], chosen["init"], chosen["seed"]):
        start = {"init": "given", "means": moved["means"]}
    own = {"n_components": chosen["k"], "seed": chosen["seed"], **start}
    live_settings = {"covariance_type": chosen["cov"], "regularisation": chosen["reg"]}
    soft = chosen["method"] == "EM"
    make = gmm_runs.mixture_scene if soft else gmm_runs.kmeans_scene
    changing = live_settings if soft else {}
    if cloud is None:
        restart()  # what was there before is not what the file holds
        record, problem = None, ""
    else:
        record, problem = stage.keep(
            RUN,
            fixed={"data": cloud.key, "method": chosen["method"], **own},
            changing=changing,
            make=lambda: make(cloud, **own, **changing),
        )
    if problem:
        st.warning(problem, icon=":material/info:")
        if chosen["data"] in ("draw", "csv") and cloud is not None:
            stage.put(RUN, gmm_runs.still_scene(cloud))
            record = stage.current(RUN)
    if record is None:
        st.info("Choose a file in the controls, or another data set. A CSV needs two or more columns of numbers.")
        return None, None
    # What the first method cannot start from, the second cannot either: one sentence is enough.
    rival = rival_of(record, None if problem else cloud, chosen, own, live_settings)
    show(record, rival, chosen, titles=titles(chosen, rival))
    return record, cloud


def cloud_of(chosen: dict[str, Any]) -> gmm_runs.Cloud | None:
    name = chosen["data"]
    if name == "csv":
        return own_table.cloud(PAGE.slug)
    if name == "draw":
        return gmm_runs.drawn(st.session_state.get(POINTS_DRAWN, gmm_runs.STARTER))
    return gmm_runs.bundled(name, chosen["n"])


def rival_of(
    record: Any, cloud: Any, chosen: dict[str, Any], own: dict[str, Any], live_settings: dict[str, Any]
) -> Any:
    """The second run on the stage: a fork the viewer asked for, or the other method."""
    if fork := forks.of(PAGE.slug, record, RIVAL):
        return fork
    if chosen.get("compare") and cloud is not None:
        other = gmm_runs.kmeans_scene if chosen["method"] == "EM" else gmm_runs.mixture_scene
        more_settings = {} if chosen["method"] == "EM" else live_settings
        record, problem = stage.keep(
            RIVAL,
            fixed={"data": cloud.key, "rival": chosen["method"], **own},
            changing=more_settings,
            make=lambda: other(cloud, **own, **more_settings),
        )
        if problem:
            st.warning(problem)
        return record
    stage.drop(RIVAL)
    return None


def titles(chosen: dict[str, Any], rival: Any) -> tuple[str, str]:
    if rival is None:
        return "", ""
    if title := forks.title(PAGE.slug):
        return "The run as it was", title
    names = ("EM", "k-means")
    return names if chosen["method"] == "EM" else names[::-1]


def show(record: Any, rival: Any, chosen: dict[str, Any], titles: tuple[str, str]) -> None:
    """The player, or two of them side by side."""
    edit = None
    if chosen.get("data") == "draw":
        edit = {"tools": ["add", "move", "erase", "means"], "start": "add", "max": gmm_runs.MAX_DRAWN}
    elif chosen["view"] == "points":
        edit = {"tools": ["means"]}
    options = {
        "slug": PAGE.slug,
        "layers": layers(*gmm_runs.gmm_pictures.LAYERS) if chosen["view"] == "points" else [],
        "autoplay": True,
        "go": stage.goes(RUN),
        "speed": 4,
        "present": st.query_params.get("present") == "1",
    }
    forkable = chosen["method"] == "EM" and rival is None
    if rival is None:
        player(record.token, key="gmm-player", on_event=on_event, numbers=True, edit=edit, forkable=forkable, **options)
    else:
        group = {"group": record.token}
        left, right = st.columns(2)
        with left:
            player(record.token, key="gmm-player-a", on_event=on_event, title=titles[0], lead=True, **group, **options)
        with right:
            forked = bool(forks.title(PAGE.slug))
            opening = {"open": "end"} if forked else {}
            player(rival.token, key="gmm-player-b", title=titles[1], lead=False, **group, **options, **opening)
        if forked:
            st.button("Back to one run", on_click=forks.drop, args=(PAGE.slug, RIVAL))


def on_event(name: str) -> None:
    """What the viewer's hand did on the stage, before the page runs again."""
    result = next((st.session_state[key] for key in ("gmm-player", "gmm-player-a") if key in st.session_state), {})
    event = result.get(name) if result else None
    if name == "gone":
        stage.drop(RUN)
    elif not event:
        return
    elif name == "points":
        st.session_state[POINTS_DRAWN] = gmm_notes.pairs(event)[: gmm_runs.MAX_DRAWN]
    elif name == "means":
        held = st.session_state.get(RUN, {}).get("fixed", {})
        key = (held.get("data"), held.get("n_components"), st.session_state.get("init", INIT.default), held.get("seed"))
        means = tuple(map(tuple, gmm_notes.pairs(event).tolist()))
        if len(means) == held.get("n_components"):
            st.session_state[MEANS] = {"for": key, "means": means}
            stage.drop(RUN)
    elif name == "fork":
        forks.ask(PAGE.slug, int(event.get("step", 0)))


def more(cloud: gmm_runs.Cloud, chosen: dict[str, Any]) -> None:
    """About the data, and what can be taken away."""
    with st.container(key="lab-about"):
        st.caption(cloud.about)
        own_table.show_first(cloud)
        left, middle, _ = st.columns([1, 1, 3])
        name, text = f"{chosen['data']}.csv", partial(own_table.as_csv, np.asarray(cloud.x))
        left.download_button("Points as CSV", text, name, "text/csv", on_click="ignore")
        middle.button("BIC for every K", on_click=gmm_notes.ask_bic, help="Fits K = 1 to 10 and compares them.")
    gmm_notes.show_bic(cloud, chosen)


def digits(chosen: dict[str, Any]) -> tuple[Any, None]:
    """Images: every component's mean and samples, as EM moves them; returns the run."""
    own = {"n_components": chosen["k"], "seed": chosen["seed"], "init": chosen["init"]}
    changing = {"covariance_type": chosen["cov"], "regularisation": max(chosen["reg"], 1e-6)}
    with st.spinner("Preparing the images"):
        record, problem = stage.keep(
            RUN,
            fixed={"digit": chosen["digit"], "dims": chosen["dims"], **own},
            changing=changing,
            make=lambda: gmm_digits.scene(chosen["digit"], chosen["dims"], **own, **changing),
        )
    if problem:
        st.warning(problem)
    if record is None:
        return None, None
    rival = rival_of(record, None, chosen, own, changing)
    show(record, rival, chosen, titles=titles(chosen, rival))
    return record, None


main()
