"""Frames of Bayes' rule as pictures for the player: prior, likelihood and posterior, and the data so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.engine import Frame
from engines.foundations.bayes import SPAN, BayesConfig, Belief, density, log_likelihood, prior
from engines.maths.divergences import log_normal
from engines.maths.gaussians import ellipse
from pages.ui.live import Blocks
from pages.ui.maths import formula, number
from pages.ui.show import Film, still
from pages.ui.traces import bars, curve, marks, trace

LAYERS = (("prior", "Prior"), ("likelihood", "Likelihood"), ("posterior", "Posterior"), ("data", "Data"))
SHARES = ("prior", "posterior")  # of the ill and the healthy, as bars
WORDS = {
    "coin": ("heads", "tails", "the chance of heads z"),
    "mean": ("", "", "the mean z"),
    "test": ("positive", "negative", ""),
}


def base(config: BayesConfig) -> dict[str, Any]:
    """What all pictures of one run share."""
    if config.model == "test":
        return _test_base()
    low, high = (0.0, 1.0) if config.model == "coin" else (-SPAN, SPAN)
    tick = {"size": 12, "symbol": "line-ns", "line": {"width": 2, "color": "@text"}}
    traces = [
        curve("@prior", dash="dash", layer="prior"),
        curve("@real", dash="dot", layer="likelihood"),
        curve("@posterior", 3.5, "solid", layer="posterior", fill="tozeroy", fillcolor="@posterior/20"),
        curve("@text", 2, "dashdot", layer="posterior"),
        marks(layer="data", marker=tick),
    ]
    return {
        "layout": {
            "xaxis": {"title": WORDS[config.model][2], "range": [low, high]},
            "yaxis": {"title": "density", "rangemode": "tozero"},
        },
        "traces": traces,
        "curves": [
            {"scalar": "mean", "name": "posterior mean", "colour": "@posterior"},
            {"scalar": "median", "name": "median", "colour": "@muted", "dash": "dot"},
        ],
        "curve_label": "z",
        "curve_step": "observations",
    }


def _test_base() -> dict[str, Any]:
    written = {"textposition": "outside", "textfont": {"color": "@text"}, "textangle": 0, "cliponaxis": False}
    return {
        "layout": {
            "xaxis": {"type": "category"},
            "yaxis": {"title": "probability", "range": [0, 1.15], "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]},
            "barmode": "group",
        },
        "traces": [bars(f"@{name}", name=name, layer=name, x=["ill", "healthy"], **written) for name in SHARES],
        "curves": [{"scalar": "mean", "name": "p(ill)", "colour": "@posterior"}],
        "curve_label": "p(ill | answers)",
        "curve_step": "tests taken",
    }


def picture(frame: Frame, config: BayesConfig) -> dict[str, Any]:
    """After the frame's observations."""
    s, arrays = frame.scalars, frame.arrays
    words = caption(frame, config)
    if config.model == "test":
        patches = {
            i: {"y": arrays[name], "text": [f"{name}<br>{100 * p:.2f} %" for p in arrays[name]]}
            for i, name in enumerate(SHARES)
        }
        return {"traces": patches, "caption": words}
    z, posterior = arrays["z"].astype(np.float32), arrays["posterior"]
    height = float(posterior.max())
    likelihood = arrays["likelihood"] * height  # its own scale means nothing beside densities
    place = np.full(2, s["mean"], dtype=np.float32)
    data = arrays["data"].astype(np.float32) if config.model == "mean" else np.zeros(0, dtype=np.float32)
    patches = {
        0: {"x": z, "y": arrays["prior"].astype(np.float32)},
        1: {"x": z, "y": likelihood.astype(np.float32)},
        2: {"x": z, "y": posterior.astype(np.float32)},
        3: {"x": place, "y": np.array([0, height], dtype=np.float32)},
        4: {"x": data, "y": np.zeros_like(data)},
    }
    return {"traces": patches, "caption": words}


def caption(frame: Frame, config: BayesConfig) -> str:
    s, data = frame.scalars, frame.arrays["data"]
    if not len(data):
        return "No data yet: the posterior is the prior. Play, or step with the right arrow key."
    if config.model == "mean":
        newest = f"the newest is {data[-1]:.2f}"
        count = f"{len(data)} observation{'s' if len(data) > 1 else ''}, {newest}"
    else:
        yes, no, _ = WORDS[config.model]
        ones = int(data.sum())
        count = f"{ones} {yes}, {len(data) - ones} {no}; the newest is {yes if data[-1] else no}"
    if config.model == "test":
        return f"{count}. The chance of being ill is now {100 * s['mean']:.2f} %."
    return (
        f"{count}. Posterior mean {s['mean']:.3f} (dash-dotted line), standard deviation {s['variance'] ** 0.5:.3f}. "
        "Dashed: the prior; dotted: the likelihood, scaled to fit; solid: the posterior."
    )


def numbers(frame: Frame, config: BayesConfig) -> Blocks:
    """Bayes' rule with the current numbers in it."""
    s, data = frame.scalars, frame.arrays["data"]
    n, ones = len(data), int(frame.arrays["data"].sum()) if config.model != "mean" else 0
    if config.model == "coin":
        first, second = s["first"], s["second"]
        rule = [
            rf"\mathrm{{Beta}}({config.a:g} + {ones},\ {config.b:g} + {n - ones})",
            rf"= \mathrm{{Beta}}({first:g},\ {second:g})",
            rf"\mathbb{{E}}[z] = \frac{{{first:g}}}{{{first + second:g}}} = {s['mean']:.4f}",
            *_rule_at(frame, config),
        ]
    elif config.model == "mean":
        parts = rf"\frac{{1}}{{{config.prior_sd:g}^2}} + \frac{{{n}}}{{{config.sd:g}^2}}"
        rule = [
            rf"\frac{{1}}{{s_n^2}} = {parts} = {1 / s['variance']:.4f}",
            rf"m_n = {s['mean']:.4f},\quad s_n = {s['variance'] ** 0.5:.4f}",
            *_rule_at(frame, config),
        ]
    else:
        rule = [_test_rule(frame, config), rf"= {s['mean']:.6f}"]
    rows = [["", "one by one", "all at once"]]
    rows += [[key, f"{s[key]:.6f}", f"{s['batch_' + key]:.6f}"] for key in ("mean", "median", "variance")]
    return [
        formula(r"p(z \mid x) = \frac{p(x \mid z)\, p(z)}{p(x)}"),
        {"text": f"After {n} observation{'' if n == 1 else 's'}:"},
        *[formula(line) for line in rule],
        {"table": rows},
        formula(rf"\log p(x) = {number(s['log_evidence'], tex=True)}\ \text{{nats}}"),
        {"text": "Today's posterior is tomorrow's prior: taking the data together changes nothing."},
    ]


def _rule_at(frame: Frame, config: BayesConfig) -> list[str]:
    """Bayes' rule with its four numbers, at z = the posterior's mean."""
    s = frame.scalars
    z, now = np.array([s["mean"]]), Belief(first=s["first"], second=s["second"])
    before, after = (float(density(config, belief, z)[0]) for belief in (prior(config), now))
    likelihood = float(np.exp(log_likelihood(config, z, frame.arrays["data"])[0]))
    evidence = float(np.exp(s["log_evidence"]))
    if min(before, likelihood, evidence) <= 0:  # too small for a float: only their logarithms are known
        return []
    likelihood_, before_, evidence_, after_ = (number(v, tex=True) for v in (likelihood, before, evidence, after))
    return [
        rf"p(z = {z[0]:.3f} \mid x) = \frac{{p(x \mid z)\, p(z)}}{{p(x)}}",
        rf"= \frac{{{likelihood_} \cdot {before_}}}{{{evidence_}}} = {after_}",
    ]


def _test_rule(frame: Frame, config: BayesConfig) -> str:
    """p(ill | all answers) as the fraction that it is."""
    data = frame.arrays["data"]
    ones = int(data.sum())
    zeros = len(data) - ones
    ill = config.sensitivity**ones * (1 - config.sensitivity) ** zeros
    well = (1 - config.specificity) ** ones * config.specificity**zeros
    top = rf"{number(ill, tex=True)}\cdot {config.prevalence:g}"
    below = rf"{number(well, tex=True)}\cdot {1 - config.prevalence:g}"
    return rf"p(\text{{ill}} \mid x) = \frac{{{top}}}{{{top} + {below}}}"


# -- the Gaussian itself ---------------------------------------------------------------------------------------


def gaussian(mean: float, sd: float, second: float, rho: float) -> Film:
    """The density in one dimension, and in two as ellipses of one and two standard deviations."""
    x = np.linspace(-8, 8, 401)
    inside = np.linspace(mean - sd, mean + sd, 101)
    covariance = np.array([[sd**2, rho * sd * second], [rho * sd * second, second**2]])
    outline = ellipse(np.array([mean, 0.0]), covariance)
    draws = np.random.default_rng(0).multivariate_normal([mean, 0.0], covariance, size=300)
    peak = float(np.exp(log_normal(np.array([mean]), mean, sd))[0])
    shade = {"fill": "tozeroy", "fillcolor": "@real/40", "line": {"width": 0}}
    base = {
        "layout": {
            "xaxis": {"title": "x", "range": [-8, 8], "domain": [0, 0.44]},
            "yaxis": {"title": "density", "rangemode": "tozero"},
            "xaxis3": {"title": "first axis", "range": [-8, 8], "domain": [0.54, 1], "anchor": "y3"},
            "yaxis3": {"title": "second axis", "range": [-8, 8], "anchor": "x3", "scaleanchor": "x3"},
        },
        "traces": [
            trace("scatter", mode="lines", x=inside, y=np.exp(log_normal(inside, mean, sd)), **shade),
            curve("@posterior", 3, x=x, y=np.exp(log_normal(x, mean, sd))),
            marks(axes=3, x=draws[:, 0], y=draws[:, 1], marker={"size": 5, "color": "@muted"}),
            curve("@posterior", 3, axes=3, x=outline[0], y=outline[1]),
        ],
    }
    words = (
        "Left: the density of a Gaussian; 68.3 % of its mass lies in the shaded part. Right: two of them, of which one "
        "goes with the other: 300 draws, and ellipses of one and two standard deviations, which hold 39.3 % and "
        "86.5 % of the mass."
    )
    rows = [[f"{value:.2f}" for value in row] for row in covariance]
    matrix = r" \\ ".join(" & ".join(row) for row in rows)
    blocks: Blocks = [
        formula(rf"N(x \mid \mu, \sigma^2), \quad \mu = {mean:.1f}, \quad \sigma = {sd:.1f}"),
        formula(rf"\text{{peak: }} \frac{{1}}{{\sigma\sqrt{{2\pi}}}} = {peak:.3f}"),
        formula(rf"\Sigma = \begin{{pmatrix}} {matrix} \end{{pmatrix}}"),
    ]
    return still(base, words, lambda _: blocks)
