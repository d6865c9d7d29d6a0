"""Frames of a variational mixture as pictures and numbers: the mixture's own, with its weights as bars that die."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

import engines
from engines import data
from engines.engine import Frame
from engines.history import History
from engines.maths import gaussians
from engines.mixtures.variational_gmm import ALIVE, log_student, student_scales
from engines.run import Run
from pages.mixtures import gmm_pictures
from pages.mixtures.gmm_runs import Cloud, moved
from pages.ui import palette
from pages.ui.hand import index
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.traces import bars_across

FRESH = 1000  # points that the run has not seen


def scene(cloud: Cloud, density: str, **settings: Any) -> Live:
    """Variational inference on the cloud; settings are those of the engine."""
    return scene_of(Run(engines.create("variational_gmm", data=cloud.x, **settings), slots=SLOTS), cloud, density)


def scene_of(run: Run, cloud: Cloud, density: str) -> Live:
    """How a run on this cloud is drawn and explained."""
    engine: Any = run.engine
    ranges, k = cloud.ranges or gmm_pictures.extent(cloud.x), engine.config.n_components
    curves = [{"scalar": "lower_bound", "name": "ELBO", "colour": "@bound"}]
    shown = gmm_pictures.base(
        cloud.x[engine.shown], k, axes=cloud.axes, ranges=ranges, curves=curves, label="ELBO, nats"
    )
    shown["layout"]["xaxis"]["domain"] = [0, 0.79]
    shown["layout"]["xaxis2"] = {"domain": [0.84, 1], "anchor": "y2", "title": "weight", "range": [0, 1]}
    shown["layout"]["yaxis2"] = {"anchor": "x2", "type": "category", "autorange": "reversed", "showgrid": False}
    colours, numbers = [palette.component(j) for j in range(k)], [str(j + 1) for j in range(k)]
    dashed = {"line": {"width": 1.4, "dash": "dash"}, "colorscale": [[0, "@text/45"], [1, "@text"]]}
    shown["traces"] += [bars_across(colours, axes=2, y=numbers), {**shown["traces"][0], **dashed, "visible": False}]
    diagonal, history, fresh = engine.config.covariance_type == "diag", run.history, unseen(cloud)
    return Live(
        run=run,
        base=shown,
        draw=lambda frame: picture(frame, history, ranges, density, diagonal),
        explain=lambda frame, pick: explain(frame, pick) + scores(frame, fresh, diagonal),
        again=lambda other: scene_of(other, cloud, density),
    )


def picture(frame: Frame, history: History[Frame], ranges: Any, density: str, diagonal: bool) -> dict[str, Any]:
    """The mixture's picture without its dead components, the chosen density, and the weights as bars."""
    words = caption(frame, history)
    drawn = gmm_pictures.picture(frame, history, ranges, words)
    weights = frame.arrays["weights"]
    k, patches = len(weights), drawn["traces"]
    dead = weights <= ALIVE
    marks = frame.arrays["means"].astype(np.float32)
    marks[dead] = np.nan
    for j in np.flatnonzero(dead):
        nothing = {"x": np.zeros(0, dtype=np.float32), "y": np.zeros(0, dtype=np.float32)}
        patches[1 + int(j)] = patches[1 + k + int(j)] = nothing
    patches[1 + 2 * k] = {"x": marks[:, 0], "y": marks[:, 1]}
    patches[2 + 2 * k] = {"x": weights.astype(np.float32)}
    if density == "both":
        patches[3 + 2 * k] = {**patches[0], "visible": True}
    if density != "plug-in":
        patches[0] = gmm_pictures.contour_lines(predictive_log_prob(frame, gmm_pictures.grid_points(ranges), diagonal))
    return drawn


def predictive_log_prob(frame: Frame, x: np.ndarray, diagonal: bool) -> np.ndarray:
    """The Student-t mixture at x (B, 2), from a frame's posterior, in nats: (B,)."""
    arrays = {name: torch.tensor(frame.arrays[name], dtype=torch.float64) for name in frame.arrays}
    covariances = arrays["covariances"]
    if diagonal:
        covariances = covariances.diagonal(dim1=1, dim2=2)
    t = student_scales(arrays["mean_precision"], arrays["degrees_of_freedom"], covariances)
    each = arrays["weights"].log() + log_student(torch.from_numpy(x), arrays["means"], *t)
    return each.logsumexp(dim=1).numpy()


@lru_cache(maxsize=8)
def _unseen(name: str) -> np.ndarray:
    return np.array(data.load_points(name, n=FRESH, seed=1).x)


def unseen(cloud: Cloud) -> np.ndarray | None:
    """Fresh points of a made-up set, from another seed than those on the stage; None where there are none."""
    name = cloud.key[0] if isinstance(cloud.key, tuple) else ""
    return _unseen(name) if name in data.names(kind="toy") else None


def scores(frame: Frame, fresh: np.ndarray | None, diagonal: bool) -> Blocks:
    """How well both densities foresee points that the run has not seen."""
    if fresh is None:
        return []
    arrays = (torch.tensor(frame.arrays[name], dtype=torch.float64) for name in ("weights", "means", "covariances"))
    plug_in = gaussians.mixture_log_prob(torch.from_numpy(fresh), *arrays).numpy()
    rows = [["density", "mean log p", "lowest"]]
    rows += [
        [name, f"{log_p.mean():.3f}", f"{log_p.min():.2f}"]
        for name, log_p in (("predictive", predictive_log_prob(frame, fresh, diagonal)), ("plug-in", plug_in))
    ]
    return [
        {"text": f"{FRESH:,} fresh points of the same kind, in nats. The predictive density is wider: with few points "
                 "it gives some height away in the middle, and is less surprised far out."},
        {"table": rows},
    ]  # fmt: skip


def caption(frame: Frame, history: History[Frame]) -> str:
    s = frame.scalars
    alive = f"{s['alive']:.0f} of {len(frame.arrays['weights'])} components hold more than 1 % of the weight"
    if frame.phase == "start":
        return f"Start: every point belongs to the nearest first mean. The ELBO is {number(s['lower_bound'])} nats."
    earlier = history.at(frame.step - 1)
    before = earlier.scalars["lower_bound"] if earlier else s["lower_bound"]
    what = "points are shared out" if frame.phase == "E" else "posteriors are updated"
    return (
        f"{frame.phase} step {s['iteration']:.0f}: {what}; the ELBO {moved(before, s['lower_bound'])}. {alive}."
        + order(frame)
    )


def order(frame: Frame) -> str:
    """Of sticks: whether their weights fall in order."""
    if frame.arrays["concentration"].ndim == 1:
        return ""
    weights = frame.arrays["weights"]
    kept = [k for k in range(len(weights)) if weights[k] > ALIVE]
    rises = [k for j, k in pairwise(kept) if weights[k] > weights[j]]
    if not rises:
        return " Their weights fall from the first stick to the last."
    return f" Stick {rises[0] + 1} outweighs the one kept before it."


def outweighed(frame: Frame) -> Blocks:
    """How much the prior of the weights counts beside the data."""
    alphas, counts = frame.arrays["concentration"], frame.arrays["counts"]
    if alphas.ndim > 1 or frame.phase != "M":
        return []
    prior, n = float((alphas - counts).sum()), float(counts.sum())  # alpha_k = alpha_0 + N_k
    words = f"The weights' prior counts as {number(prior)} points beside {n:.0f} of data"
    return [{"text": words + (": they outweigh it." if prior < 0.05 * n else ".")}]


def explain(frame: Frame, pick: dict[str, Any]) -> Blocks:
    """One component's posterior, and the weights of all."""
    arrays = frame.arrays
    weights = arrays["weights"]
    k = index(pick.get("component", int(np.argmax(weights))), len(weights))
    alphas = arrays["concentration"]
    n, beta, nu = arrays["counts"][k], arrays["mean_precision"][k], arrays["degrees_of_freedom"][k]
    if alphas.ndim == 1:
        head, tail = ["k", "N", "α", "E[π]"], [f"{a:.2f}" for a in alphas]
        rule = rf"\mathbb{{E}}[\pi_{{{k + 1}}}] = \frac{{\alpha_{{{k + 1}}}}}{{\sum_j \alpha_j}} = {weights[k]:.4f}"
    else:
        head, tail = ["k", "N", "stick", "E[π]"], [f"Beta({a:.1f}, {b:.1f})" for a, b in alphas.T]
        rule = rf"\pi_{{{k + 1}}} = v_{{{k + 1}}}\prod_{{j<{k + 1}}}(1-v_j),\quad \mathbb{{E}} = {weights[k]:.4f}"
    rows = [head]
    rows += [
        [str(j + 1), f"{arrays['counts'][j]:.1f}", tail[j], f"{weights[j]:.4f}"] for j in np.argsort(weights)[::-1][:12]
    ]
    return [
        {"text": f"Component {k + 1} at step {frame.step}: {n:.1f} points."},
        formula(rule),
        formula(rf"\beta = {beta:.2f},\quad \nu = {nu:.2f}"),
        {"text": "Its mean is known as if from β points, its covariance as if from ν."},
        *outweighed(frame),
        {"table": rows},
        {"text": f"ELBO {frame.scalars['lower_bound']:.3f} nats, of which {frame.scalars['divergence']:.3f} are the "
                 "price of having moved away from the prior."},
    ]  # fmt: skip
