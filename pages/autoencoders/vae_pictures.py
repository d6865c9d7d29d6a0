"""Frames of a variational autoencoder as pictures for the player: codes on the plane, the images they decode to."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.autoencoders.vae import GRID, USED_NATS
from engines.engine import Frame
from pages.ui.hand import index
from pages.ui.live import Blocks
from pages.ui.maths import added, adds_up, formula, number
from pages.ui.sheets import GAP, OPEN, digits_base, sheet, sheet_axes
from pages.ui.traces import bars, curve

SIDE = 28
RANGE = 4.0  # of the plane, in standard deviations of the prior

LAYERS = (("points", "Test images"), ("sheet", "Decoded images"), ("prior", "Prior"))


def base(labels: np.ndarray, latent_dim: int, *, binary: bool, recorded: bool) -> dict[str, Any]:
    """What all pictures of one run share; ``labels`` (M,) are the classes of the images whose codes are shown.
    A recorded run has its steps evenly spaced in the logarithm.
    """
    side = GRID * (SIDE + GAP) + GAP
    plane = latent_dim == 2
    circle = np.linspace(0, 2 * np.pi, 61)
    x, y = (np.concatenate([f(circle), [np.nan], 2 * f(circle)]) for f in (np.cos, np.sin))
    prior = curve("@prior", 2, "dash", layer="prior", x=x.astype(np.float32), y=y.astype(np.float32))
    span = {"range": [-RANGE, RANGE]}
    left = {"title": "z₁", **span} if plane else {"title": "dimension, most used first", "type": "category"}
    up = {"title": "z₂", "scaleanchor": "x", **span} if plane else {"title": "KL, nats", "rangemode": "tozero"}
    layout = {
        "xaxis": {"domain": [0, 0.55], **left},
        "yaxis": up,
        **sheet_axes((side, side), x=(0.57, 1)),
    }
    kind = "nats per image" if binary else "nats per image (cross-entropy)"
    shared = {
        "layout": layout,
        "traces": [prior if plane else bars("@posterior", layer="points"), OPEN],
        "curves": [
            {"scalar": "negative_elbo", "name": "−ELBO", "colour": "@bound"},
            {"scalar": "reconstruction", "name": "reconstruction", "colour": "@first", "dash": "dot"},
            {"scalar": "kl", "name": "KL", "colour": "@second", "dash": "dash", "symbol": "square"},
        ],
        "curve_label": kind,
        "curve_log": recorded,
        "points": len(labels),
        "pick": {"point": 0},
        "below": True,
        "narrow": {
            "xaxis": {"domain": [0, 1]},
            "yaxis": {"domain": [0.54, 1]},
            **sheet_axes((side, side), x=(0, 1), y=(0, 0.44)),
        },
    }
    if plane:
        shared["cloud"] = digits_base(labels)
    return shared


def picture(frame: Frame, latent_dim: int) -> dict[str, Any]:
    """One frame; its scalars gain ``negative_elbo``."""
    arrays = frame.arrays
    drawn: dict[str, Any] = {"sheet": sheet(arrays["manifold"].reshape(-1, SIDE, SIDE), GRID), "traces": {}}
    scalars = dict(frame.scalars)
    words = f"Before learning: step {frame.step}."
    if "elbo" in scalars:
        scalars["negative_elbo"] = -scalars["elbo"]
        batches = scalars.get("batches", frame.step)
        words = (
            f"After {batches:,.0f} batches: reconstruction and KL are "
            f"{added(scalars['reconstruction'], scalars['kl'], places=1)} nats per test image. "
            f"{scalars['used_dimensions']:.0f} of {latent_dim} dimensions carry something."
        )
    if latent_dim == 2 and "means" in arrays:
        means = arrays["means"]
        drawn["cloud"] = {"x": means[:, 0].astype(np.float32), "y": means[:, 1].astype(np.float32)}
        left = "Codes of test images on the plane"
    elif "kl" in arrays:
        nats = np.sort(arrays["kl"])[::-1]
        order = np.argsort(arrays["kl"])[::-1]
        drawn["traces"][0] = {"x": [str(d + 1) for d in order], "y": nats.astype(np.float32)}
        left = "KL of every dimension as bars"
    else:
        left = "No codes"
    right = "the grid of images over the plane" if latent_dim == 2 else "images of fixed draws from the prior"
    return {**drawn, "scalars": scalars, "caption": words, "alt": f"{left}, {right}. {words}"}


def explain(frame: Frame, pick: dict[str, Any], names: tuple[str, ...], labels: np.ndarray) -> Blocks:
    """The bound at this step, and where one test image lies."""
    s, arrays = frame.scalars, frame.arrays
    if "elbo" not in s:
        return [{"text": "This step has no images to measure."}]
    i = index(pick.get("point"), len(arrays["means"]))
    mean, log_var = arrays["means"][i].astype(float), arrays["log_vars"][i].astype(float)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)  # (D,)
    top = np.argsort(kl)[::-1][:6]
    rows = [["dimension", "μ", "σ", "KL, nats"]]
    rows += [[str(d + 1), f"{mean[d]:.3f}", f"{np.exp(log_var[d] / 2):.3f}", f"{kl[d]:.3f}"] for d in top]
    rounded = "" if len(kl) > len(top) or adds_up(kl, kl.sum(), places=3) else " (rounded)"
    rows.append([f"all {len(kl)}{rounded}", "", "", f"{kl.sum():.3f}"])
    return [
        {"text": f"Over {len(arrays['means'])} test images at step {frame.step}, in nats per image:"},
        formula(r"-\mathrm{ELBO} = " + added(s["reconstruction"], s["kl"], tex=True)),
        formula(r"\mathrm{loss} = " + added(s["reconstruction"], s["kl"], weights=(1, s["beta"]), tex=True)),
        formula(rf"\beta = {number(s['beta'], tex=True)}"),
        {"text": f"Test image {i} ({names[labels[i]]}): q(z|x), its most used dimensions first."},
        {"table": rows},
        formula(r"\mathrm{KL}_d = \tfrac12\left(\mu_d^2 + \sigma_d^2 - 1 - \log\sigma_d^2\right)"),
        {"text": f"A dimension carries something where its mean KL is above {USED_NATS} nats."},
    ]
