"""Perceptual GAN: put a sticker into a scene, shrink it, and see its features raised to those of a large one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from engines.data import zoo
from engines.engine import Frame
from pages.catalogue import entry
from pages.making import perceptual_gan_notes as notes
from pages.making import raising
from pages.making.perceptual_gan_notes import SLUG, WORDS, card_of, model
from pages.ui import shipped, show
from pages.ui.comparison import networks, strip
from pages.ui.page import page
from pages.ui.settings import Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film

BY = networks(WORDS, "All were trained alike.", plain="all")
STICKER = Number(key="sticker", label="Sticker to begin with", low=0, high=47, default=19, slider=False)
GROUND = Number(key="ground", label="Photograph", low=0, high=5, default=2)
PX = Number(key="px", label="Pixels to begin with", low=raising.SMALLEST, high=raising.LARGEST, default=10)
SCENE = Number(key="scene-number", label="Scene", low=0, high=8, default=0)
OBJECT = Number(key="object", label="Object to begin with", low=0, high=10, default=3)
VIEWS = {
    "try": ("Try it out", (BY, STICKER, GROUND, PX)),
    "scenes": ("Whole scenes", (BY, SCENE, OBJECT)),
    "sizes": ("By size", ()),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}
RIGHT = curves("Named rightly", "share of test objects", test_raised="small, raised", test_small="small, plain",
               test_large="large")  # fmt: skip
LOSSES = curves("Losses", "nats", d_loss="D, adversarial branch", adversarial="G, adversarial",
                perception="G, perception", perception_large="P on large objects")  # fmt: skip


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        variant = "" if chosen["by"] == "all" else chosen["by"]
        match chosen["view"]:
            case "try":
                raising.show(variant, key=f"{SLUG}:board", mode="sticker", sticker=chosen["sticker"],
                             ground=chosen["ground"], px=chosen["px"])  # fmt: skip
                st.caption(notes.learned(variant))
            case "scenes":
                raising.show(variant, key=f"{SLUG}:board", mode="scene", scene=chosen["scene-number"],
                             object=chosen["object"])  # fmt: skip
                st.caption(notes.learned(variant))
            case "sizes":
                sizes()
            case "film":
                show.film(SLUG, training)
                st.caption(notes.learned(""))
            case "parts":
                parts()


# -- by size ---------------------------------------------------------------------------------------------------

BANDS = {  # in two colours that stand out from a light ground and from a dark one
    "height": 420,
    "encoding": {
        "x": {"field": "pixels", "type": "quantitative", "scale": {"type": "log", "base": 2, "domain": [6, 40]},
              "axis": {"values": [6, 8, 10, 12, 16, 20, 24, 32, 37]}, "title": "pixels of the object's long side"},
        "color": {"field": "network", "type": "nominal", "title": None,
                  "scale": {"range": ["#2b7bd1", "#d9631e"]}, "legend": {"orient": "top"}},
    },
    "layer": [
        {"mark": {"type": "area", "opacity": 0.18},
         "encoding": {"y": {"field": "low", "type": "quantitative", "title": "named rightly, %"},
                      "y2": {"field": "high"}}},
        {"mark": {"type": "line", "point": True},
         "encoding": {"y": {"field": "right", "type": "quantitative"},
                      "tooltip": [{"field": "pixels"}, {"field": "network"}, {"field": "right", "format": ".1f"}]}},
    ],
}  # fmt: skip


def sizes() -> None:
    st.vega_lite_chart(notes.by_size(""), BANDS, width="stretch")
    st.caption(notes.BY_SIZE)
    st.markdown(notes.from_which_size())


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    near, far, names = filmed()
    fixed = {"small": maps("small"), "large": maps("large")}
    rows = ("small", "its features", "raised", "features of the large", "large")
    return shipped.film(
        "perceptual_gan",
        base=images_base(columns=len(names), rows=rows, names=names)
        | {"curve_sets": [RIGHT, LOSSES], "curve_log": True},
        draw=lambda frame: pictured(frame, near, far, fixed),
        numbers=notes.numbers,
    )


def pictured(frame: Frame, near: np.ndarray, far: np.ndarray, fixed: dict[str, np.ndarray]) -> dict[str, Any]:
    s = frame.scalars
    held = s["batches"] <= card_of("")["config"]["perception_steps"]
    words = (
        f"After {s['batches']:,.0f} batches, {'P learning on large objects' if held else 'D and G taking turns'}: of "
        f"the small test objects {100 * s['test_small']:.0f} % are named rightly without the generator, "
        f"{100 * s['test_raised']:.0f} % with it; of the large ones {100 * s['test_large']:.0f} %."
    )
    raised = np.stack([coloured(raising.mosaic(one)) for one in frame.arrays["raised"][:FILMED]])
    return {"images": np.concatenate([far, fixed["small"], raised, fixed["large"], near]), "caption": words}


FILMED = 5  # objects: as many as fill the stage


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """The test objects' crops, ``large`` (N, 48, 48, 3) and ``small`` (N, 16, 16, 3), and their ``label``."""
    pack = zoo.load("scenes")
    rows = pack.rows("test")
    return {key: pack.take(key, rows) for key in ("large", "small", "label")}


def rows_shown() -> np.ndarray:
    import torch

    from engines.making.perceptual_gan import shown

    return shown(torch.from_numpy(tests()["label"].astype(np.int64))).numpy()[:FILMED]


def filmed() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The test objects of the film in cells of 56 x 32, near and far, and their classes."""
    rows = rows_shown()
    near, far = (np.stack([cell(tests()[key][row]) for row in rows]) for key in ("large", "small"))
    return near, far, tuple(raising.classes()[label] for label in tests()["label"][rows])


def cell(image: np.ndarray) -> np.ndarray:
    """A crop in the middle of a cell as large as a picture of features: (32, 56, 3)."""
    from PIL import Image

    found = np.full((32, 56, 3), 255, dtype=np.uint8)
    found[:, 12:44] = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC))
    return found


@lru_cache(maxsize=2)
def maps(kind: str) -> np.ndarray:
    """Features of the film's objects as the network has them at the end: (5, 32, 56, 3)."""
    from engines.making.perceptual_gan import as_bytes, look

    z = as_bytes(model("").standard(look(tests()[kind][rows_shown()])[1])).cpu().numpy()
    return np.stack([coloured(raising.mosaic(one)) for one in z])


def coloured(levels: np.ndarray) -> np.ndarray:
    """Bytes about 128 as colours, blue below, orange above, white at it: (..., 3)."""
    z = np.clip((levels.astype(float) - 128) / 110, -1, 1)[..., None]
    to = np.where(z < 0, (0, 88, 163), (198, 74, 0))
    return np.rint(255 + np.abs(z) ** 0.8 * (to - 255)).astype(np.uint8)


# -- take a part away ------------------------------------------------------------------------------------------

COMPARED = 10  # test objects side by side


def parts() -> None:
    rows, names = compared()
    strip("near", tests()["large"][rows])
    strip("far, 8 to 12 pixels", np.stack([larger(image) for image in tests()["small"][rows]]))
    st.table(answers())
    st.caption(f"The same {len(rows)} test objects ({', '.join(names)}) seen from far; ✓ where the class is right.")
    st.table(notes.table())
    st.caption(notes.MEASURES)
    st.markdown(notes.agrees())


def compared() -> tuple[list[int], list[str]]:
    """A test object of every second class, and its class."""
    labels = tests()["label"]
    rows = [int(np.flatnonzero(labels == c)[3]) for c in range(0, 18, 2)] + [int(np.flatnonzero(labels == 1)[3])]
    return rows[:COMPARED], [raising.classes()[labels[row]] for row in rows[:COMPARED]]


def larger(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BICUBIC))


@lru_cache(maxsize=1)
def answers() -> dict[str, list[str]]:
    """What every network names the compared objects, small; and the plain one when they are large."""
    from engines.making.perceptual_gan import look

    rows, _ = compared()
    labels, names = tests()["label"][rows], raising.classes()
    (early, pooled), (_, near) = look(tests()["small"][rows]), look(tests()["large"][rows])
    whole = model("")
    said = {"large, plain": whole.named(whole.standard(near)), "small, plain": whole.named(whole.standard(pooled))}
    for variant, words in WORDS.items():
        engine = model(variant)
        said[words] = engine.named(engine.raised(early, pooled))
    found: dict[str, list[str]] = {"": list(said)}
    for i, label in enumerate(labels):
        best = [int(p[i].argmax()) for p in said.values()]
        found[f"{i + 1}: {names[label]}"] = [f"✓ {names[k]}" if k == label else names[k] for k in best]
    return found


if __name__ == "__main__":
    main()
