"""Frames of a DCGAN as pictures: the same codes over the training, the generator layer by layer, walks of codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.engine import Frame
from engines.gans.dcgan import SURE
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.sheets import GAP, OPEN, images_base, sheet, sheet_axes

BINS = 20
PLACE = (240, 480)  # pixels for the maps of a layer
HATCHED = {"text": "hatched: generated", "xref": "paper", "yref": "paper", "x": 0.84, "y": 0.92, "xanchor": "center",
           "yanchor": "bottom", "showarrow": False, "font": {"size": 11, "color": "@text"}}  # fmt: skip
LAYERS = (("images", "Images"), ("scores", "D's scores"))
MEASURES = [
    {
        "name": "Losses",
        "curve_label": "nats",
        "curves": [
            {"scalar": "d_loss", "name": "D", "colour": "@first"},
            {"scalar": "g_loss", "name": "G", "colour": "@second", "dash": "dot"},
        ],
    },
    {
        "name": "What D says",
        "curve_label": "mean probability of real",
        "curves": [
            {"scalar": "d_real", "name": "of real images", "colour": "@real"},
            {"scalar": "d_fake", "name": "of generated ones", "colour": "@generated", "dash": "dot"},
        ],
    },
]
# What `engines.gans.dcgan.scale` says of each data set, which takes seconds; a test computes it again.
SCALE = {
    "mnist": {"precision": 0.879, "recall": 0.899, "clear": 0.9815, "noise": 1.0},
    "fashion": {"precision": 0.88, "recall": 0.8665, "clear": 0.809, "noise": 0.045},
}
JUDGED = [
    {
        "name": "Fréchet distance",
        "curve_label": "distance",
        "curves": [{"scalar": "frechet", "name": "Fréchet distance", "colour": "@bound"}],
    },
    {
        "name": "Precision and recall",
        "curve_label": "share",
        "curves": [
            {"scalar": "precision", "name": "precision", "colour": "@first"},
            {"scalar": "recall", "name": "recall", "colour": "@second", "dash": "dot"},
        ],
    },
    {
        "name": "Samples that the classifier is sure of",
        "curve_label": "share",
        "curves": [{"scalar": "clear", "name": "one class at 0.9 or more", "colour": "@bound"}],
    },
]


# -- training --------------------------------------------------------------------------------------------------


def training_base(*, recorded: bool, judged: bool) -> dict[str, Any]:
    """The 64 images on the left, what D says of real and generated images on the right."""
    if recorded:  # its single scores were taken under running averages, which D never learned with: the means were not
        mean = {"type": "bar", "x": ["real", "generated"], "marker": {"color": ["@real", "@generated"]}}
        return {
            **images_base(columns=8, share=0.8),
            "layout": {
                "xaxis": {"type": "category"},
                "yaxis": {"title": "D's mean output as it learned", "range": [0, 1]},
            },
            "traces": [{**mean, "meta": {"layer": "scores"}}],
            "curve_sets": [*JUDGED, *MEASURES] if judged else MEASURES,
            "curve_log": True,
            "components": 0,
            "points": 0,
        }
    bars = {"type": "bar", "x": ((np.arange(BINS) + 0.5) / BINS).astype(np.float32), "width": 1 / BINS}
    return {
        **images_base(columns=8, share=0.8),
        "layout": {
            "xaxis": {"title": "D's output", "range": [0, 1]},
            "yaxis": {"title": "images", "rangemode": "tozero"},
            "annotations": [{**HATCHED, "x": 0.5, "y": 1.0}],
            "barmode": "overlay",
            "bargap": 0,
        },
        "traces": [
            {**bars, "name": "real", "marker": {"color": "@real/60"}, "meta": {"layer": "scores"}},
            {
                **bars,
                "name": "generated",
                "marker": {"color": "@generated/60", "pattern": {"shape": "/", "size": 6}},
                "meta": {"layer": "scores"},
            },
        ],
        "curve_sets": [*JUDGED, *MEASURES] if judged else MEASURES,
        "curve_log": False,
        "components": 0,
        "points": 0,
    }


def film_picture(frame: Frame, name: str) -> dict[str, Any]:
    """A frame of the recorded training: the sheet, and D's means over the last batches."""
    s, images = frame.scalars, frame.arrays["samples"].reshape(64, 28, 28)
    means = np.array([s.get("d_real", np.nan), s.get("d_fake", np.nan)], dtype=np.float32)
    words = training_words(frame, name)
    return {"images": images, "traces": {0: {"y": means}}, "caption": words,
            "alt": f"64 generated images. {words}"}  # fmt: skip


def training_picture(frame: Frame) -> dict[str, Any]:
    samples = frame.arrays["samples"]
    side = round(samples.shape[1] ** 0.5)
    patches = {}
    for i, key in enumerate(("score_real", "score_fake")):
        if key in frame.arrays:
            counts, _ = np.histogram(frame.arrays[key], bins=BINS, range=(0, 1))
            patches[i] = {"y": counts.astype(np.float32)}
    words = training_words(frame)
    return {
        "images": samples.reshape(-1, side, side),
        "traces": patches,
        "caption": words,
        "alt": f"64 generated images. {words}",
    }


def training_words(frame: Frame, name: str = "") -> str:
    s = frame.scalars
    if not s["batches"]:
        return "Before learning: 64 codes, and what a random generator makes of them."
    words = f"After {s['batches']:,.0f} batches: the same 64 codes."
    if "frechet" in s:
        words += f" Fréchet distance {s['frechet']:.0f}; the classifier is sure of {100 * s['clear']:.0f} % of 2,000."
        if name and s["frechet"] > FAR and SCALE[name]["noise"] > 0.5:
            words += " It is as sure of noise: that says nothing yet."
    elif "d_real" in s:
        words += f" D gives real images {s['d_real']:.2f} and generated ones {s['d_fake']:.2f} on average."
    return words


FAR = 100  # a Fréchet distance at which the samples are nothing like the data


def training_numbers(frame: Frame, name: str = "mnist") -> Blocks:
    s = frame.scalars
    if "d_loss" not in s:
        return [{"text": "Nothing has been learned yet. Press play."}]
    blocks: Blocks = [
        {"text": "Averages over about the last 50 batches:"},
        {"math": latex(rf"-\log D(x) - \log(1 - D(G(z))) = {number(s['d_loss'], tex=True)}")},
        {"math": latex(rf"-\log D(G(z)) = {number(s['g_loss'], tex=True)}")},
        {"text": "Where D cannot tell, the first is log 4 = 1.386 and the second log 2 = 0.693, in nats."},
    ]
    if "frechet" in s:
        scale = SCALE[name]
        rows = [["2,000 of each", "generated", "real"]]
        rows += [["Fréchet distance", f"{s['frechet']:.1f}", ""]]
        rows += [[key, f"{s[key]:.3f}", f"{scale[key]:.3f}"] for key in ("precision", "recall")]
        rows += [[f"sure: one class at {SURE:g} or more", f"{100 * s['clear']:.1f} %", f"{100 * scale['clear']:.1f} %"]]
        rows += [["rarest class", f"{100 * s['rarest']:.1f} %", ""]]
        rows += [["commonest class", f"{100 * s['commonest']:.1f} %", ""]]
        blocks += [
            {"table": rows},
            {"text": f"The classifier is as sure of {100 * scale['noise']:.0f} % of pure noise."},
            {"text": "In the features of the shipped classifier: not FID, and not to be compared with it."},
        ]
    return blocks


# -- the generator, layer by layer -----------------------------------------------------------------------------


def layers_frames(maps: list[np.ndarray], shown: int = 32) -> list[Frame]:
    """The maps of one image, (C, H, W) each, as frames: a layer each, its first ``shown`` channels as bytes."""
    frames = []
    for step, map_ in enumerate(maps):
        part = map_[:shown].astype(np.float64)
        low, high = (-1.0, 1.0) if step == len(maps) - 1 else (float(part.min()), float(part.max()))
        levels = np.rint(255 * np.clip((part - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)
        scalars = {"layer": step, "channels": len(map_), "side": map_.shape[1], "low": low, "high": high}
        frames.append(Frame(step=step, scalars=scalars, arrays={"maps": levels}))
    return frames


def layers_base(frames: list[Frame]) -> dict[str, Any]:
    names = ["code", *(f"{f.scalars['side']:.0f}x{f.scalars['side']:.0f}" for f in frames[1:])]
    sizes = [f.scalars["channels"] * f.scalars["side"] ** 2 for f in frames]
    return {
        "layout": {
            "xaxis": {"domain": [0.77, 1], "type": "category", "title": "layer"},
            "yaxis": {"title": "numbers", "domain": [0.1, 0.9], "type": "log"},
            "barmode": "overlay",
            **sheet_axes(PLACE, x=(0, 0.62)),
        },
        "traces": [
            {"type": "bar", "x": names, "y": np.array(sizes, dtype=np.float32), "marker": {"color": "@muted"}},
            OPEN,
            {"type": "bar", "x": names, "marker": {"color": "@second"}, "xaxis": "x", "yaxis": "y"},
        ],
        "components": 0,
        "points": 0,
    }


def layers_picture(frame: Frame, last: int) -> dict[str, Any]:
    """One layer's maps, eight across, each as large as the place allows."""
    maps, s = frame.arrays["maps"], frame.scalars
    n, side = len(maps), maps.shape[1]
    scale = (PLACE[0] if n == 1 else PLACE[1] // 8 - 2 * GAP) // side
    drawn = sheet(maps.repeat(scale, axis=1).repeat(scale, axis=2), 8 if n > 1 else 1)[: PLACE[0], : PLACE[1]]
    place = np.zeros(PLACE, dtype=np.uint8)
    left = (PLACE[1] - drawn.shape[1]) // 2
    place[: drawn.shape[0], left : left + drawn.shape[1]] = drawn
    if frame.step == 0:
        words = f"The code: {s['channels']:.0f} numbers, a map of one pixel and {s['channels']:.0f} channels."
    elif frame.step == last:
        words = f"Layer {frame.step}: one channel of {side} x {side} pixels, through tanh: the image."
    else:
        words = (
            f"Layer {frame.step}: {s['channels']:.0f} channels of {side} x {side}, the first {n} shown; black is "
            f"{number(s['low'])}, white {number(s['high'])}."
        )
    bars = np.full(last + 1, np.nan, dtype=np.float32)
    bars[frame.step] = s["channels"] * s["side"] ** 2
    return {"sheet": place, "traces": {2: {"y": bars}}, "caption": words, "alt": words}


# -- walks, arithmetic and scores ------------------------------------------------------------------------------


def path_base(shape: tuple[int, int], n: int, title: str) -> dict[str, Any]:
    """Images on a path through the codes, and D's score along it."""
    return {
        "layout": {
            "xaxis": {"domain": [0.71, 1], "title": title, "range": [-1.5, n + 0.5]},
            "yaxis": {"title": "D's logit of real", "domain": [0.1, 0.9]},
            **sheet_axes(shape, x=(0, 0.56)),
        },
        "traces": [
            {"type": "scatter", "mode": "lines", "line": {"color": "@first", "width": 2.5}},
            OPEN,
            {"type": "scatter", "mode": "markers", "marker": {"size": 14, "color": "@second"}},
        ],
        "components": 0,
        "points": 0,
    }


def path_picture(frame: Frame, scores: np.ndarray, words: str) -> dict[str, Any]:
    at = np.arange(len(scores), dtype=np.float32)
    here = slice(frame.step, frame.step + 1)
    said = f"{words} D's logit is {number(scores[frame.step])}."
    return {
        "sheet": frame.arrays["sheet"],
        "traces": {
            0: {"x": at, "y": scores.astype(np.float32)},
            2: {"x": at[here], "y": scores[here].astype(np.float32)},
        },
        "caption": said,
        "alt": said,
    }


def scores_base(shape: tuple[int, int]) -> dict[str, Any]:
    base = training_base(recorded=False, judged=False)
    del base["images"]  # real and generated images with a gap between them: one sheet
    base["layout"]["xaxis"] |= {"domain": [0.68, 1]}
    base["layout"] |= {"annotations": [HATCHED], **sheet_axes(shape, x=(0, 0.6))}
    return {**base, "traces": [*base["traces"], OPEN], "curve_sets": []}
