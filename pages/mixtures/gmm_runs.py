"""From the page's settings to points and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import engines
from engines import data, devices
from engines.engine import Frame
from engines.history import History
from engines.mixtures.start import distinct, points_of
from engines.run import Run
from pages.mixtures import gmm_numbers, gmm_pictures
from pages.ui.live import SLOTS, Live
from pages.ui.maths import number
from pages.ui.reel import Reel

SETS = {
    "iris": "Iris flowers",
    "blobs": "Three blobs",
    "stretched": "Stretched clusters",
    "overlap": "A tight one in a broad one",
    "moons": "Two moons",
    "ring": "A ring of eight",
    "wine": "Wines",
    "cancer": "Breast tumours",
    "mnist": "Handwritten digits (MNIST)",
    "draw": "Points of your own",
    "csv": "A table of your own (CSV)",
}
SIZED = ("blobs", "stretched", "overlap", "moons", "ring", "mnist")  # of as many points as asked for
FIRST_MEANS = {
    "kmeans++": "Points far from each other (k-means++)",
    "random": "Points picked at random",
    "bad": "All in one corner",
}
SHOWN_AS = {"x1": "x₁", "x2": "x₂"}
MAX_DRAWN = 500
MAX_DRAWABLE = 1e30  # the browser gets float32
FAR = 1e4  # standard deviations from zero
STARTER = np.array(  # what the drawing board opens with
    [
        [-2.6, 1.1], [-2.1, 1.6], [-1.9, 0.8], [-2.4, 0.4], [-1.5, 1.3], [-1.7, 1.9], [-2.9, 1.7], [-2.2, 1.1],
        [1.2, -0.4], [1.9, -1.1], [2.4, -0.6], [1.6, -1.6], [2.8, -1.3], [2.1, -0.2], [1.4, -1.0], [2.3, -1.7],
        [0.4, 2.4], [0.9, 2.9], [1.3, 2.2], [0.7, 1.9],
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Points on the stage: (N, 2) with the names of their axes and what they are."""

    x: np.ndarray
    axes: tuple[str, str]
    about: str
    ranges: Any = None
    key: Any = field(default=None)  # tells one cloud from another
    code: str = ""  # the lines of Python that make x, for a set that ships
    first: Any = ()  # of a table of one's own: its first rows as they were read


def bundled(name: str, n: int) -> Cloud:
    """One of the sets that ship, in two dimensions; made-up sets are always drawn with the same seed,
    so that another seed of the run changes one thing only.
    """
    limit = devices.limits().max_points
    asked = min(n, limit) if data.points.registry.kind_of(name) != "real" else None
    points = data.load_points(name, n=asked)
    set_ = points.dataset
    about = f"{set_.title}: {set_.description}."
    if points.pca is not None:
        kept = 100 * float(points.pca.explained_ratio.sum())
        about += f" Shown: {len(points)} points on their first two principal components ({kept:.0f} % of the variance)."
    first, second = points.axis_names[:2]
    return Cloud(
        x=points.x,
        axes=(SHOWN_AS.get(first, first), SHOWN_AS.get(second, second)),
        about=about,
        key=(name, n),
        code=f"from engines.data import load_points\ndata = load_points({name!r}, n={asked}).x",
    )


def drawn(x: np.ndarray) -> Cloud:
    """What the viewer put on the stage; the axes stay where they are while points are added."""
    about = f"{len(x)} points of your own. Choose Add points above the stage, then click on it."
    return Cloud(x=x, axes=("x", "y"), about=about, ranges=((-4.5, 4.5), (-3.5, 4.0)), key=("draw", x.tobytes()))


def near_zero(x: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, str]]:
    """Two columns as they are, less their size where their spread is lost beside it: dates in seconds, map
    coordinates. The axis says what was taken off. ValueError where a number is too large to be drawn.
    """
    largest = float(np.abs(x).max())
    if largest > MAX_DRAWABLE:
        raise ValueError(f"the file holds {largest:.3g}, and the stage draws up to {MAX_DRAWABLE:.0e}: change its unit")
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.maximum(spread, 1e-3 * spread.max() or 1.0)
    offset = np.where(np.abs(centre) > FAR * spread, [float(f"{c:.9g}") for c in centre], 0.0)
    axes = [f"{n} {'−' if o > 0 else '+'} {abs(o):.9g}" if o else n for n, o in zip(names, offset, strict=True)]
    return x - offset, (axes[0], axes[1])


def problem(cloud: Cloud, k: int, regularisation: float) -> str:
    """Why no mixture of k components can start from the viewer's own points; "" where one can."""
    try:
        points_of(cloud.x, k, torch.device("cpu"))
    except ValueError as error:
        return str(error)
    if regularisation == 0 and distinct(torch.from_numpy(np.array(cloud.x)), 2) == 1:
        return "all points are the same: add different points, or set a regularisation above 0"
    return ""


def mixture_scene(cloud: Cloud, **settings: Any) -> Live:
    """EM on the cloud; settings are those of the engine."""
    return scene_of(Run(engines.create("gmm", data=cloud.x, **settings), slots=SLOTS), cloud)


def kmeans_scene(cloud: Cloud, **settings: Any) -> Live:
    return scene_of(Run(engines.create("kmeans", data=cloud.x, **settings), slots=SLOTS), cloud)


def scene_of(run: Run, cloud: Cloud) -> Live:
    """How a run on this cloud is drawn and explained."""
    engine: Any = run.engine
    shown = cloud.x[engine.shown]
    ranges = cloud.ranges or gmm_pictures.extent(cloud.x)
    soft = engine.name == "gmm"
    curves = (
        [
            {"scalar": "log_likelihood", "name": "log-likelihood", "colour": "@first"},
            {"scalar": "lower_bound", "name": "lower bound", "colour": "@bound", "dash": "dot", "symbol": "diamond"},
        ]
        if soft
        else [{"scalar": "inertia", "name": "inertia", "colour": "@first"}]
    )
    label = "nats" if soft else "sum of squared distances"
    k = engine.config.n_components
    base = gmm_pictures.base(shown, k, axes=cloud.axes, ranges=ranges, curves=curves, label=label)
    history = run.history
    explain = gmm_numbers.mixture if soft else gmm_numbers.clusters
    init, regularised = engine.config.init, soft and engine.config.regularisation > 0
    return Live(
        run=run,
        base=base,
        draw=lambda frame: gmm_pictures.picture(frame, history, ranges, caption(frame, history, init, regularised)),
        explain=lambda frame, pick: explain(frame, shown, pick),
        again=lambda other: scene_of(other, cloud),
        data_code=cloud.code,
    )


def still_scene(cloud: Cloud) -> Live:
    """The points alone, for when no run can start from them."""
    ranges = cloud.ranges or gmm_pictures.extent(cloud.x)
    words = {"caption": "No run yet.", "alt": f"{len(cloud.x)} points, no mixture yet."}
    base = gmm_pictures.still_base(cloud.x, axes=cloud.axes, ranges=ranges)
    return Live(run=Reel([Frame(step=0, phase="start")]), base=base, draw=lambda _: words)


STARTS = {
    "kmeans++": "the means are data points far from each other (k-means++)",
    "random": "the means are data points picked at random",
    "bad": "all means are crowded into one corner, a bad start",
    "given": "the means are where you put them",
}


def caption(frame: Frame, history: History[Frame], init: str, regularised: bool = False) -> str:
    """What the step just did, in a sentence or two with its figures."""
    soft = "log_likelihood" in frame.scalars
    measure, unit = ("log_likelihood", " nats") if soft else ("inertia", "")
    value = frame.scalars[measure]
    if frame.phase == "start":
        return f"Start: {STARTS.get(init, init)}. The {measure.replace('_', '-')} is {number(value)}{unit}."
    earlier = history.at(frame.step - 1)
    before = earlier.scalars[measure] if earlier else value
    head = f"{frame.phase} step {frame.scalars['iteration']:.0f}: "
    if frame.phase == "E" and soft:
        bound = earlier.scalars["lower_bound"] if earlier else value
        return (
            f"{head}each point is shared out by responsibility. The bound {moved(bound, value)}, where it meets the "
            "log-likelihood."
        )
    if frame.phase == "E":
        return f"{head}each point goes to the nearest mean. The inertia {moved(before, value, unit='')}."
    if not soft:
        return f"{head}each mean moves to the centre of its points. The inertia {moved(before, value, unit='')}."
    words = (
        f"{head}each component moves to the weighted mean and covariance of its points. "
        f"The log-likelihood {moved(before, value)}."
    )
    if value < before and regularised:
        words += " With regularisation the M step is not the exact maximum, and it may fall."
    return words


def moved(before: float, after: float, unit: str = " nats") -> str:
    """ "rises by 3.2 to 14.1 nats", "falls by ...", or "stays at ..." where the difference is rounding."""
    gain = after - before
    if abs(gain) <= 1e-9 * max(1.0, abs(after)):
        return f"stays at {number(after)}{unit}"
    return f"{'rises' if gain > 0 else 'falls'} by {number(abs(gain))} to {number(after)}{unit}"
