"""Frames of the bound as pictures for the player: one image taken apart, and the sweep over beta."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.autoencoders.vae import USED_NATS
from engines.engine import Frame
from pages.ui.live import Blocks
from pages.ui.maths import added, adds_up, formula, number
from pages.ui.sheets import images_base
from pages.ui.shipped import interval_of
from pages.ui.traces import HIDDEN, bars, curve, heatmap, ring, texts

SIDE = 28
ROWS = ("image", "back", "drawn")  # of the sweep's sheet: test images, reconstructions, draws from the prior
SHOWN = 4  # images


def image_base(frames: list[Frame]) -> dict[str, Any]:
    """One image: log p(x_i|z) per pixel, KL per dimension, and L_K against K."""
    first, last = frames[0], frames[-1]
    pixels, kl = first.arrays["pixels"].reshape(SIDE, SIDE), first.arrays["kl"]
    order = np.argsort(kl)[::-1][:32]
    bounds = [frame.scalars["bound"] for frame in frames]
    elbo = first.scalars["elbo"]
    low, high = min(elbo, min(bounds)), max(bounds)
    pad = 0.12 * max(high - low, 1.0)
    ks = {"type": "log", "dtick": 1, "range": [-0.1, 2.8]}
    return {
        "layout": {
            "xaxis": {"domain": [0, 0.46], "constrain": "domain", "range": [-0.5, SIDE - 0.5], **HIDDEN},
            "yaxis": {"range": [SIDE - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain", **HIDDEN},
            "xaxis2": {"domain": [0.52, 1], "anchor": "y2", "title": "dimension", "type": "category", "tickangle": 0},
            "yaxis2": {"domain": [0.6, 1], "anchor": "x2", "title": "KL, nats", "rangemode": "tozero"},
            "xaxis3": {"domain": [0.52, 1], "anchor": "y3", "title": "samples K", **ks},
            "yaxis3": {"domain": [0, 0.44], "anchor": "x3", "title": "nats", "range": [low - pad, high + pad]},
        },
        "below": True,
        "narrow": {
            "xaxis": {"domain": [0.1, 1]},
            "yaxis": {"domain": [0.52, 1]},
            "xaxis2": {"domain": [0, 0.42]},
            "yaxis2": {"domain": [0, 0.36]},
            "xaxis3": {"domain": [0.62, 1]},
            "yaxis3": {"domain": [0, 0.36]},
        },
        "traces": [
            heatmap(-4, 0, "@second", "@second/45", "@ground", z=pixels.astype(np.float32)),
            bars("@posterior", axes=2, x=[str(d + 1) for d in order], y=kl[order].astype(np.float32)),
            curve("@bound", dash="dot", axes=3, x=[1, 500], y=[elbo, elbo]),
            curve("@first", axes=3, mode="lines+markers", marker={"size": 6}),
            texts(["ELBO"], "@bound", axes=3, x=[150], y=[elbo], textposition="top center"),
        ],
        "ends": [first.step, last.step],
    }


def image_picture(frame: Frame, frames: list[Frame]) -> dict[str, Any]:
    """Up to the frame's K."""
    s = frame.scalars
    shown = [f for f in frames if f.step <= frame.step]
    words = (
        f"K = {frame.step}: the bound is {s['bound']:.2f} nats (± {s['standard_error']:.2f}), "
        f"{s['bound'] - s['elbo']:.2f} above the ELBO. "
        "Left: what each pixel costs, in full colour from 4 nats on. Right: what each dimension of the code costs, and "
        "the bound by K."
    )
    path = {
        "x": np.array([f.step for f in shown], dtype=np.float32),
        "y": np.array([f.scalars["bound"] for f in shown], dtype=np.float32),
    }
    return {"traces": {3: path}, "caption": words.replace("-", "−")}


def image_numbers(frame: Frame) -> Blocks:
    """The bound of one image as a sum of its parts."""
    s, kl = frame.scalars, frame.arrays["kl"].astype(float)
    pixels = frame.arrays["pixels"].astype(float)
    order = np.argsort(kl)[::-1][:6]
    rows = [["dimension", "KL, nats"], *[[str(d + 1), f"{kl[d]:.4f}"] for d in order]]
    rounded = "" if len(kl) > len(order) or adds_up(kl, kl.sum(), places=4) else " (rounded)"
    rows.append([f"all {len(kl)}{rounded}", f"{kl.sum():.4f}"])
    worst = int(np.argmin(pixels))
    return [
        {"text": "In nats, for this image:"},
        formula(r"\mathrm{ELBO} = \mathbb{E}_q[\log p(x|z)] - \mathrm{KL}"),
        formula("= " + added(s["reconstruction"], s["kl"], weights=(1, -1), places=4, tex=True)),
        {"text": f"The {len(pixels)} pixels sum to {pixels.sum():.4f}; the costliest, in row {worst // SIDE + 1} and "
                 f"column {worst % SIDE + 1}, takes {pixels[worst]:.2f}."},
        {"table": rows},
        formula(rf"L_{{{frame.step}}} = {s['bound']:.3f} \pm {s['standard_error']:.3f}"),
        formula(rf"L_{{{frame.step}}} - \mathrm{{ELBO}} = {number(s['bound'] - s['elbo'], tex=True)}"),
        {"text": "The gap to log p(x) is KL(q(z|x) || p(z|x)): how far q is from the true posterior."},
    ]  # fmt: skip


def sweep_base(frames: list[Frame]) -> dict[str, Any]:
    """Rate against distortion of every beta, lines of equal ELBO, the chosen model's images and its dimensions."""
    rates = np.array([frame.scalars["kl"] for frame in frames])
    distortions = np.array([frame.scalars["reconstruction"] for frame in frames])
    names = [f"  β={frame.scalars['beta']:g}" for frame in frames]
    places = {-1: "top center", 0: "bottom left", 1: "middle right"}  # of a name, where beta is below, at, above 1
    best = max(frames, key=lambda frame: frame.scalars["elbo"]).scalars["elbo"]
    lines_x: list[float] = []
    lines_y: list[float] = []
    for level in (0, 15, 40, 80):  # nats below the best ELBO
        total = level - best  # rate + distortion
        lines_x += [0, 65, np.nan]
        lines_y += [total, total - 65, np.nan]
    return {
        "layout": {
            "xaxis": {"title": "rate: KL, nats", "range": [-2, 66]},
            "yaxis": {"domain": [0.4, 1], "title": "distortion: −E[log p(x|z)], nats", "range": [45, 185]},
            "xaxis3": {"anchor": "y3", "title": "dimension, most used first", "type": "category"},
            "yaxis3": {"domain": [0, 0.29], "anchor": "x3", "title": "KL, nats", "range": [0, 4]},
        },
        **images_base(columns=len(ROWS), names=ROWS, share=0.62),
        "narrow": {
            "xaxis": {"domain": [0, 0.6], "title": "rate, nats"},
            "yaxis": {"domain": [0, 1], "title": "distortion, nats"},
            "xaxis3": {"domain": [0.76, 1], "title": "dimension"},
            "yaxis3": {"domain": [0, 1]},
        },
        "traces": [
            curve("@muted", 1, "dot", x=np.array(lines_x, dtype=np.float32), y=np.array(lines_y, dtype=np.float32)),
            curve(
                "@first",
                2,
                mode="lines+markers+text",
                x=rates.astype(np.float32),
                y=distortions.astype(np.float32),
                text=names,
                textposition=[places[int(np.sign(frame.scalars["beta"] - 1))] for frame in frames],
                textfont={"size": 12, "color": "@text"},
                marker={"size": 8},
            ),
            ring("@second"),
            bars("@posterior", axes=3),
        ],
        "curves": [
            {"scalar": "negative_elbo", "name": "−ELBO", "colour": "@bound"},
            {"scalar": "reconstruction", "name": "distortion", "colour": "@first", "dash": "dot"},
            {"scalar": "kl", "name": "rate", "colour": "@second", "dash": "dash", "symbol": "square"},
        ],
        "curve_label": "nats",
        "curve_step": "model, from the smallest β to the largest",
    }


def sweep_picture(frame: Frame) -> dict[str, Any]:
    """The model of one beta."""
    s, kl = frame.scalars, frame.arrays["kl"]
    order = np.argsort(kl)[::-1]
    words = (
        f"β = {s['beta']:g}: rate {interval_of(s, 'kl')} nats, distortion {interval_of(s, 'reconstruction')} nats, "
        f"−ELBO {interval_of(s, 'elbo', factor=-1)}. {interval_of(s, 'used_dimensions', 0)} of {len(kl)} dimensions "
        "are used. Columns: test images, what comes back, draws from the prior."
    )
    return {
        "traces": {
            2: {"x": [s["kl"]], "y": [s["reconstruction"]]},
            3: {"x": [str(d + 1) for d in order], "y": kl[order].astype(np.float32)},
        },
        "images": np.stack(
            [frame.arrays[n][:SHOWN] for n in ("originals", "reconstructions", "samples")], axis=1
        ).reshape(-1, SIDE, SIDE),
        "scalars": {**s, "negative_elbo": -s["elbo"]},
        "caption": words,
    }


def sweep_numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    rounded = "" if adds_up((-s["elbo"], s["nll"]), s["gap"], weights=(1, -1)) else " (rounded)"
    terms = (("distortion", "reconstruction", 1), ("rate", "kl", 1), ("−ELBO", "elbo", -1))
    rows = [
        ["", "nats, with 95 % interval"],
        *[[name, interval_of(s, key, 2, factor=sign)] for name, key, sign in terms],
    ]
    rows.append(["−log p(x), 500 samples", interval_of(s, "nll", 2)])
    rows.append([f"gap of the bound{rounded}", interval_of(s, "gap", 2)])
    return [
        {"text": f"The model trained with β = {s['beta']:g}, over 10,000 test images, in nats per image:"},
        formula(r"-\mathrm{ELBO} = " + added(s["reconstruction"], s["kl"], tex=True)),
        formula(r"\mathrm{loss} = " + added(s["reconstruction"], s["kl"], weights=(1, s["beta"]), tex=True)),
        {"table": rows},
        {
            "text": f"A dimension is used where its mean KL is above {USED_NATS} nats: "
            f"{interval_of(s, 'used_dimensions', 0)} here."
        },
    ]
