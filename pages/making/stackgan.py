"""StackGAN: describe a bird or a flower, see it drawn in two stages, and walk from one caption to another."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.making import captions
from engines.making.captions import BIRDS, COLOURS, POSES, ROOTED, VALUES
from engines.making.stackgan import COARSE, SIDE, judge
from pages.catalogue import entry
from pages.making import stackgan_notes as notes
from pages.making.stackgan_notes import PARTS, WORDS, card_of, model
from pages.ui import photos, shipped, show
from pages.ui.comparison import networks, strip
from pages.ui.live import Blocks
from pages.ui.page import page
from pages.ui.plain import quoted
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, tiled
from pages.ui.show import Film

SLUG = "stackgan"
DRAWS, SETS = 8, 3  # drawings of a caption side by side, times that other noise is drawn
STEPS, WALKERS = 13, 4  # captions of a walk, drawings of each
ANY = "any"
EXAMPLES = {
    "owl": "a large grey owl with a white belly sitting on a branch",
    "duck": "a small yellow duck with an orange belly swimming in the water",
    "heron": "a large pink heron with a white belly standing in the water",
    "bird": "a red bird with a yellow belly flying in the blue sky",
    "snow": "a small blue bird with a white belly standing in the snow",
    "night": "a brown owl with a yellow belly sitting on a branch at night under the moon",
    "daisy": "a large white daisy with a yellow centre in the grass",
    "tulip": "a red tulip in a vase",
    "rose": "a pink rose with a white heart at sunset",
}

BY = networks({name: WORDS[name] for name in ("", *PARTS)})
HOW = Choice(
    key="how", label="Caption", options=("set", "own"), default="set",
    labels={"set": "from attributes", "own": "in your own words"},
)  # fmt: skip


def _set(chosen: Any) -> bool:
    return chosen["how"] == "set"


def _attribute(key: str, label: str, options: tuple[str, ...], default: str, **more: Any) -> Choice:
    return Choice(key=key, label=label, options=options, default=default, when=more.pop("when", _set), **more)


KIND = _attribute("kind", "Kind", BIRDS + captions.FLOWERS, "owl")
BODY = _attribute("body", "Colour", COLOURS, "purple", help="Of the body, or of the petals.")
SECOND = _attribute("second", "Belly or centre", (ANY, *COLOURS), "yellow", labels={ANY: "not said"})
PLACE = _attribute("place", "Place", (ANY, *VALUES["place"]), "night", labels={ANY: "not said"})
SIZE = _attribute("size", "Size", (ANY, *VALUES["size"]), "large", labels={ANY: "not said"})
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="Of the noise.")
START = Choice(key="start", label="From", options=("yours", *EXAMPLES), default="daisy",
               labels={"yours": "the caption that you described", **EXAMPLES})  # fmt: skip
END = Choice(key="end", label="To", options=("yours", *EXAMPLES), default="owl",
             labels={"yours": "the caption that you described", **EXAMPLES})  # fmt: skip
ATTRIBUTES = (KIND, BODY, SECOND, PLACE, SIZE)
VIEWS = {
    "try": ("Describe a drawing", (HOW, *ATTRIBUTES, BY, SEED)),
    "walk": ("Walk between two captions", (START, END, BY, SEED)),
    "film": ("Watch it learn", ()),
} | ({"parts": ("Take a part away", ())} if PARTS else {})
FILMED = 4  # test captions in the film
OBEYED = curves("Attributes obeyed", "%", obeyed="64 test captions", true="true drawings")
STAGE1 = curves("Losses of stage 1", "nats", d_loss0="D", gan0="G, −log D")
STAGE2 = curves("Losses of stage 2", "nats", d_loss="D", gan="G, −log D")
MATCHING = curves("D takes for real and right", "probability", d_real="true, own caption", d_wrong="wrong caption",
                  d_fake="made")  # fmt: skip


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        variant = "" if chosen["by"] == "trained" else chosen["by"]
        match chosen["view"]:
            case "try":
                described(chosen, variant)
            case "walk":
                caption = yours(chosen)
                ends = (caption if chosen[key] == "yours" else EXAMPLES[chosen[key]] for key in ("start", "end"))
                show.film(SLUG, walk, variant, *ends, chosen["seed"])
            case "film":
                show.film(SLUG, training)
                st.caption(notes.learned(""))
            case "parts":
                parts()


# -- try it out ------------------------------------------------------------------------------------------------


def described(chosen: dict[str, Any], variant: str) -> None:
    if chosen["how"] == "own":
        st.text_input("Caption", key=f"{SLUG}:words", placeholder=EXAMPLES["duck"], max_chars=200,
                      label_visibility="collapsed")  # fmt: skip
    try:
        caption, missing = yours(chosen), []
        missing = captions.tokens([caption])[1][0]
    except ValueError as problem:
        st.warning(f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
        caption = EXAMPLES["duck"]
    if missing:
        st.warning(said_of(missing))
    show.film(SLUG, drawings, variant, caption, chosen["seed"], autoplay=False)
    with st.container(key="lab-about"):
        st.caption(f"{quoted(caption, 220)} {notes.learned(variant)}")
        images = made(variant, caption, chosen["seed"])[1][:DRAWS]
        st.download_button("Picture", picture_of(images.tobytes()), "stackgan.png", "image/png", on_click="ignore",
                           help="The eight results.")  # fmt: skip


def yours(chosen: dict[str, Any]) -> str:
    """The caption typed, or the one that the attributes make; ValueError where no word is known."""
    if chosen["how"] == "own":
        typed = (st.session_state.get(f"{SLUG}:words") or "").strip() or EXAMPLES["duck"]
        captions.tokens([typed])
        return typed
    of = {key.key: chosen[key.key] for key in ATTRIBUTES if chosen[key.key] != ANY}
    return captions.sentence(fitting(of))


def fitting(of: dict[str, str]) -> dict[str, str]:
    """Attributes as captions can tell them: a place where no such drawing is goes untold."""
    bird = of["kind"] in BIRDS
    place = of.get("place")
    if place and place not in (POSES if bird else ROOTED):
        of = {key: value for key, value in of.items() if key != "place"}
    return of


def said_of(missing: list[str]) -> str:
    """Which words are not known, and the known ones nearest to each."""
    each = []
    for word in dict.fromkeys(missing):
        near = captions.nearest(word)
        each.append(f"{quoted(word)} (known: {', '.join(near)})" if near else quoted(word))
    return f"No caption that it learned from has the word{'s' * (len(each) > 1)} {', '.join(each)}; left out."


@lru_cache(maxsize=32)
def made(variant: str, caption: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stage 1's drawings (24, 16, 16, 3) and the results (24, 64, 64, 3) of one caption, bytes."""
    engine, n = model(variant), DRAWS * SETS
    phi = engine.embed(captions.tokens([caption])[0]).expand(n, -1)
    parts = engine.draw(phi, engine.noise(n, torch.Generator().manual_seed(seed)))
    return tuple(learning.to_bytes(part).cpu().numpy() for part in parts)  # type: ignore[return-value]


def doubled(coarse: np.ndarray) -> np.ndarray:
    """Stage 1's drawings at the size of the results, pixel by pixel: (N, 64, 64, 3)."""
    factor = SIDE // coarse.shape[1]
    return coarse.repeat(factor, axis=1).repeat(factor, axis=2)


def drawings(variant: str, caption: str, seed: int) -> Film:
    """A frame a set of noises: eight drawings, stage 1 above stage 2; beside them what the encoder read."""
    coarse, results = made(variant, caption, seed)
    coarse = doubled(coarse)
    read = notes.read(variant, caption)
    frames = []
    for i in range(SETS):
        at = slice(DRAWS * i, DRAWS * (i + 1))
        rows = [part[at][half] for half in (slice(0, 4), slice(4, 8)) for part in (coarse, results)]
        frames.append(Frame(step=i, arrays={"sheet": np.concatenate(rows), "made": results[at]}))
    stages = ("stage 1", "stage 2") if variant != "one-stage" else ("one stage", "the same")
    base = images_base(columns=4, rows=(*stages, *stages), share=0.84) | {
        "spare": 800,
        "layout": {
            "xaxis": {"title": "read, p", "range": [0, 1]},
            "yaxis": {"autorange": "reversed", "automargin": True},
            "margin": {"l": 10},
        },
        "traces": [
            {"type": "bar", "orientation": "h", "x": [p for _, _, p in read],
             "y": [labelled(field, value) for field, value, _ in read], "marker": {"color": "@first"}}
        ],
    }  # fmt: skip

    def draw(frame: Frame) -> dict[str, Any]:
        words = f"Noise {frame.step + 1} of {SETS}: eight drawings of one caption, stage 2 below stage 1."
        return {"images": frame.arrays["sheet"], "traces": {}, "caption": words, "alt": f"{words} {caption}"}

    return Film(frames=frames, base=base, draw=draw, numbers=partial(numbers, read))


def labelled(field: str, value: str) -> str:
    """A bar's label: what is read; no two are alike."""
    if value == "not told":
        return f"{field}?"
    return f"{value} inside" if field == "belly or centre" else value


def numbers(read: list[tuple[str, str, float]], frame: Frame) -> Blocks:
    said = judge("cpu").judged(torch.from_numpy(np.array(frame.arrays["made"])))
    rows = [["", "reads", "p", "seen"]]
    for field, value, p in read:
        key, raw = notes.KEY[field], notes.RAW.get(value, value)
        seen = "" if raw not in VALUES[key] else str(int((said[key].argmax(dim=1) == VALUES[key].index(raw)).sum()))
        rows.append([field, value, f"{p:.2f}", seen])
    return [
        {"text": "What the encoder takes the caption to tell, with its probability, and in how many of the eight "
                 "results the judge sees that."},
        {"table": rows},
    ]  # fmt: skip


@lru_cache(maxsize=8)
def picture_of(images: bytes) -> bytes:
    """Eight results in two rows as a PNG, four times as large."""
    return photos.png(tiled(np.frombuffer(images, dtype=np.uint8).reshape(8, SIDE, SIDE, 3), 4), 4)


# -- the walk --------------------------------------------------------------------------------------------------


def walk(variant: str, start: str, end: str, seed: int) -> Film:
    """From one caption's embedding to another's on a straight line, the noise as it is."""
    engine = model(variant)
    phi = engine.embed(captions.tokens([start, end])[0])
    noise = engine.noise(WALKERS, torch.Generator().manual_seed(seed))
    way = torch.linspace(0, 1, STEPS)
    among = torch.stack([torch.lerp(phi[0], phi[1], float(t)) for t in way]).repeat_interleave(WALKERS, dim=0)
    parts = engine.draw(among, tuple(part.repeat(STEPS, 1) for part in noise))
    coarse, results = (learning.to_bytes(part).cpu().numpy() for part in parts)
    sheets = np.stack([doubled(coarse), results]).reshape(2, STEPS, WALKERS, SIDE, SIDE, 3).swapaxes(0, 1)
    moved = np.abs(np.diff(results.reshape(STEPS, -1).astype(float), axis=0)).mean(axis=1)
    frames = []
    for i, sheet in enumerate(sheets):
        scalars = {"moved": float(moved[i - 1])} if i else {}
        frames.append(Frame(step=i, scalars=scalars, arrays={"sheet": sheet.reshape(-1, SIDE, SIDE, 3)}))

    def draw(frame: Frame) -> dict[str, Any]:
        share = round(100 * frame.step / (STEPS - 1))
        words = f"{100 - share} % {start} · {share} % {end}."
        return {"images": frame.arrays["sheet"], "caption": words}

    def said(frame: Frame) -> Blocks:
        t = frame.step / (STEPS - 1)
        step = (
            f" From the step before, the results moved by {frame.scalars['moved']:.1f} of 255 levels."
            if frame.step
            else ""
        )
        return [
            {"text": f"The embedding is {1 - t:.2f} of the first caption's and {t:.2f} of the second's; the noise "
                     f"stays.{step} All steps together are {moved.sum():.1f} levels, from end to end it is "
                     f"{np.abs(results[:WALKERS].astype(float) - results[-WALKERS:]).mean():.1f}."}
        ]  # fmt: skip

    sets = [curves("Moved since the step before", "levels of 255", moved="results")]
    stages = ("stage 1", "stage 2") if variant != "one-stage" else ("one stage", "the same")
    return Film(frames=frames, base=images_base(columns=WALKERS, rows=stages) | {"curve_sets": sets}, draw=draw,
                numbers=said)  # fmt: skip


# -- the training ----------------------------------------------------------------------------------------------


def training() -> Film:
    true = notes.tests()["image"][:FILMED]
    ceiling = 100 * card_of("")["test_obeyed_real"]
    base = images_base(columns=FILMED, rows=("stage 1", "stage 2", "true"))
    return shipped.film(
        SLUG,
        added=lambda frame: {"obeyed": 100 * frame.scalars["obeyed"], "true": ceiling},
        base=base | {"curve_sets": [OBEYED, STAGE1, STAGE2, MATCHING], "curve_log": True},
        draw=partial(learning_picture, true),
        numbers=notes.numbers,
    )


def learning_picture(true: np.ndarray, frame: Frame) -> dict[str, Any]:
    s, config = frame.scalars, shipped.card(SLUG)["config"]
    coarse = doubled(webp.unpack(frame.arrays["coarse"], height=COARSE)[:FILMED])
    results = webp.unpack(frame.arrays["made"], height=SIDE)[:FILMED]
    marks = (config["text_steps"], config["text_steps"] + config["stage1_steps"])
    stage = "The encoder learns to read" if s["batches"] < marks[0] else (
        "Stage 1 learns" if s["batches"] < marks[1] else "Stage 2 learns, stage 1 is frozen"
    )  # fmt: skip
    words = (
        f"After {s['batches']:,.0f} batches. {stage}. Of the attributes told by 64 test captions {s['obeyed']:.0f} % "
        f"are seen in the results; in the true drawings {s['true']:.0f} %."
    )
    return {"images": np.concatenate([coarse, results, true]), "caption": words}


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    for variant in PARTS:
        strip(WORDS[variant], shown(variant))
    strip("true drawing", notes.tests()["image"][list(notes.SHOWN)])
    st.caption(
        "Test captions, from left to right: " + "; ".join(notes.tests()["captions"][i] for i in notes.SHOWN) + "."
    )
    st.table(notes.table())
    st.caption(notes.measures())
    st.markdown(notes.agrees())


@lru_cache(maxsize=8)
def shown(variant: str) -> np.ndarray:
    """What a network draws for the test captions of the comparison: bytes (N, 64, 64, 3)."""
    engine, rows = model(variant), list(notes.SHOWN)
    phi = engine.embed(captions.tokens([notes.tests()["captions"][i] for i in rows])[0])
    return learning.to_bytes(engine.draw(phi, engine.noise(len(rows), learning.stream(0, 3)))[1]).cpu().numpy()


if __name__ == "__main__":
    main()
