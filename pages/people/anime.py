"""The anime generator: choose what a character is to have, draw it, change one thing, mix two, pick from a sheet."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.people.anime import FIELDS, PACK, SHOWN, enlarged, judge
from engines.people.attributes import PACKS, one_hot
from pages.catalogue import entry
from pages.people import anime_notes as notes
from pages.people.anime_notes import NAMES, PARTS, WORDS, card_of, model
from pages.ui import photos, settings, shipped, show
from pages.ui.comparison import networks, strip
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, tiled
from pages.ui.show import Film

SLUG = "anime"
VALUES = PACKS[PACK]
DRAWS, SETS = 12, 3  # characters side by side, times that other noise is drawn
SHEET = 36  # characters to pick from
STEPS = 17  # of a walk from one character to another
FILMED = 8  # test characters in a row of the film
DEFAULT = {"hair_style": "curly or spiky", "hair_colour": "blue", "skin": "brown", "glasses": "none", "eyes": "open",
           "mouth": "smile", "feature": "none", "earrings": "none"}  # fmt: skip


ATTRIBUTES = tuple(
    Choice(key=field, label=NAMES[field].capitalize(), options=VALUES[field], default=DEFAULT[field])
    for field in FIELDS
)
BY = networks(
    {name: WORDS[name] for name in ("", *PARTS)},
    "The trained one; the others are small, draw fewer pixels and were trained alike but for the part taken away.",
)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=7, slider=False, help="Of the noise.")
PICK = Number(key="pick", label="Noise", low=1, high=SHEET, default=1, help="Which of this seed's 36 draws of noise.")
CHANGE = Choice(key="change", label="Attribute to change", options=FIELDS, default="hair_colour", labels=NAMES)
OTHER = Number(
    key="other", label="Mix with", low=1, high=SHEET, default=12, help="The number of a character on the sheet of 36."
)
VIEWS = {
    "draw": ("Draw a character", (*ATTRIBUTES, BY, SEED)),
    "change": ("Change one thing", (CHANGE, *ATTRIBUTES, PICK, BY, SEED)),
    "sheet": ("Pick from 36", (BY, SEED)),
    "mix": ("Mix two", (*ATTRIBUTES, PICK, OTHER, BY, SEED)),
    "film": ("Watch it learn", ()),
    "obeyed": ("What is obeyed", ()),
} | ({"parts": ("Take a part away", ())} if PARTS else {})


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        variant = "" if chosen["by"] == "trained" else chosen["by"]
        asked, seed = tuple(VALUES[field].index(chosen[field]) for field in FIELDS), chosen["seed"]
        match chosen["view"]:
            case "draw":
                show.film(SLUG, drawings, variant, asked, seed, autoplay=False, on_event={"cells": taken})
                offered(many(variant, (asked,) * DRAWS * SETS, seed)[:DRAWS], 4, notes.learned(variant))
            case "change":
                which, noise = chosen["change"], chosen["pick"] - 1
                show.film(SLUG, changed, variant, asked, which, noise, seed, autoplay=False,
                          on_event={"cells": partial(valued, which)})  # fmt: skip
                offered(many(variant, (asked,) * SHEET, seed)[[noise]], 1, notes.told(asked))
            case "sheet":
                show.film(SLUG, sheet, variant, seed, autoplay=False, on_event={"cells": partial(picked, seed)})
                offered(many(variant, people(seed), seed), 6, "Click one to go on with it. " + notes.learned(variant))
            case "mix":
                show.film(SLUG, walk, variant, asked, chosen["pick"] - 1, chosen["other"] - 1, seed)
                st.caption(notes.told(people(seed)[chosen["other"] - 1], "The other: "))
            case "film":
                show.film(SLUG, training)
                st.caption(notes.learned(""))
            case "obeyed":
                legend = [(key, words) for key, words, _, _ in BARS]
                show.film(SLUG, obeyed, autoplay=False, layers=legend)
                st.table(notes.by_attribute())
                st.caption(notes.about_judge())
            case "parts":
                parts()


def offered(images: np.ndarray, columns: int, words: str) -> None:
    with st.container(key="lab-about"):
        st.caption(words)
        st.download_button("Picture", picture_of(images.tobytes(), len(images), columns), "character.png", "image/png",
                           on_click="ignore", help="What stands here, as a PNG.")  # fmt: skip


@lru_cache(maxsize=16)
def picture_of(images: bytes, n: int, columns: int) -> bytes:
    """Characters (n, S, S, 3) as one PNG, so many in a row, large."""
    side = round((len(images) / n / 3) ** 0.5)
    cells = np.frombuffer(images, dtype=np.uint8).reshape(n, side, side, 3)
    return photos.png(tiled(cells, columns), max(2, 768 // (columns * side)))


# -- what a click does -----------------------------------------------------------------------------------------


def taken(event: dict[str, Any]) -> None:
    """A character among the twelve: its noise is kept."""
    settings.put({"view": "change", "pick": cell_of(event) + DRAWS * int(event.get("step", 0)) + 1})


def valued(which: str, event: dict[str, Any]) -> None:
    """A value of the attribute that is changed."""
    settings.put({which: VALUES[which][min(cell_of(event), len(VALUES[which]) - 1)]})


def picked(seed: int, event: dict[str, Any]) -> None:
    """A character of the sheet: its attributes and its noise."""
    i = cell_of(event)
    said = {field: VALUES[field][value] for field, value in zip(FIELDS, people(seed)[i], strict=True)}
    settings.put({**said, "pick": i + 1, "view": "change"})


def cell_of(event: dict[str, Any]) -> int:
    cells = event.get("cells") or [0]
    return min(max(int(cells[0]), 0), SHEET - 1)


# -- drawing ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def many(variant: str, asked: tuple[tuple[int, ...], ...], seed: int) -> np.ndarray:
    """A character for each of these attributes (N of 8), by the first N draws of the seed's noise: bytes."""
    engine = model(variant)
    z = engine.noise(SHEET, torch.Generator().manual_seed(seed))[: len(asked)]
    return learning.to_bytes(engine.draw(z, torch.tensor(asked))).cpu().numpy()


@lru_cache(maxsize=8)
def people(seed: int) -> tuple[tuple[int, ...], ...]:
    """What the 36 of a sheet are to have: every attribute by chance, its values as often as in the pictures."""
    known, rng = notes.known(), np.random.default_rng(seed)
    rows = np.stack([rng.choice(known[:, i], SHEET) for i in range(len(FIELDS))], axis=1)
    return tuple(tuple(int(value) for value in row) for row in rows)


@lru_cache(maxsize=32)
def read(images: bytes, n: int) -> np.ndarray:
    """What the judge reads in characters (n, S, S, 3): (n, 8)."""
    side = round((len(images) / n / 3) ** 0.5)
    x = torch.from_numpy(np.frombuffer(images, dtype=np.uint8).reshape(n, side, side, 3).copy()).float() / 255
    by = judge("cpu")
    return by.read(enlarged(x, by.config.side)).numpy()


def tips(seen: np.ndarray, asked: np.ndarray) -> list[str]:
    """Under the pointer: what the judge reads otherwise than it was asked for."""
    said = []
    for row, wanted in zip(seen, asked, strict=True):
        other = [f"{NAMES[f]} {VALUES[f][row[i]]}" for i, f in enumerate(FIELDS) if row[i] != wanted[i]]
        said.append(f"The judge reads {', '.join(other)}" if other else "As asked, says the judge")
    return said


def counted(seen: np.ndarray, asked: np.ndarray) -> Blocks:
    """In how many characters the judge reads each attribute as it was asked for."""
    alike = bool((asked == asked[0]).all())
    rows = [["", "asked", "read so", "mostly read"] if alike else ["", "read so"]]
    for i, field in enumerate(FIELDS):
        values, right = VALUES[field], f"{(seen[:, i] == asked[:, i]).sum()} of {len(seen)}"
        usual = values[np.bincount(seen[:, i], minlength=len(values)).argmax()]
        rows.append([NAMES[field], values[asked[0, i]], right, usual] if alike else [NAMES[field], right])
    return [{"text": "What was asked for, and in how many of these a judge reads it."}, {"table": rows}]


def drawings(variant: str, asked: tuple[int, ...], seed: int) -> Film:
    """A frame a set of noises: twelve characters that are to have the same attributes."""
    images = many(variant, (asked,) * DRAWS * SETS, seed)
    frames = [Frame(step=i, arrays={"made": images[DRAWS * i : DRAWS * (i + 1)]}) for i in range(SETS)]
    wanted = np.tile(asked, (DRAWS, 1))

    def draw(frame: Frame) -> dict[str, Any]:
        made = frame.arrays["made"]
        words = f"Noise {frame.step + 1} of {SETS}. {notes.told(asked)}"
        return {"images": made, "tips": tips(read(made.tobytes(), DRAWS), wanted), "caption": words}

    def numbers(frame: Frame) -> Blocks:
        return counted(read(frame.arrays["made"].tobytes(), DRAWS), wanted)

    return Film(frames=frames, base=images_base(pick="send"), draw=draw, numbers=numbers)


def changed(variant: str, asked: tuple[int, ...], which: str, noise: int, seed: int) -> Film:
    """One frame: the same noise with every value of one attribute; the chosen value is framed."""
    engine, i, n = model(variant), FIELDS.index(which), len(VALUES[which])
    z = engine.noise(SHEET, torch.Generator().manual_seed(seed))[noise].expand(n, -1)
    c = torch.tensor(asked).repeat(n, 1)
    c[:, i] = torch.arange(n)
    made, wanted = learning.to_bytes(engine.draw(z, c)).cpu().numpy(), c.numpy()
    seen = read(made.tobytes(), n)
    moved = np.abs(made.astype(float) - made[asked[i]]).mean(axis=(1, 2, 3))
    words = (
        f"{NAMES[which].capitalize()}: {', '.join(VALUES[which])}. The noise and all else stay. Click one to take it."
    )
    columns = {10: 4, 5: 3, 4: 2, 3: 3, 2: 2}[n]

    def draw(_: Frame) -> dict[str, Any]:
        side = made.shape[1]
        mark = [{"cell": asked[i], "box": [0, 0, side, side], "colour": "@first"}]
        return {"images": made, "marks": mark, "tips": tips(seen, wanted), "caption": words}

    def numbers(_: Frame) -> Blocks:
        rows = [[NAMES[which], "read", "others kept", "moved"]]
        for k, value in enumerate(VALUES[which]):
            kept = int((np.delete(seen[k], i) == np.delete(np.array(asked), i)).sum())
            rows.append([value, VALUES[which][seen[k, i]], f"{kept} of {len(FIELDS) - 1}", f"{moved[k]:.1f}"])
        return [
            {"text": "What the judge reads with each value, how many of the other seven it reads as they were asked "
                     "for, and how far the picture lies from the framed one, in levels of 255."},
            {"table": rows},
        ]  # fmt: skip

    base = images_base(columns=columns, names=VALUES[which], pick="send")
    return Film(frames=[Frame(step=0, arrays={"made": made})], base=base, draw=draw, numbers=numbers)


def sheet(variant: str, seed: int) -> Film:
    """One frame: 36 characters of attributes by chance."""
    asked = people(seed)
    made, wanted = many(variant, asked, seed), np.array(asked)
    seen = read(made.tobytes(), SHEET)
    share = round(100 * (seen == wanted).mean())
    words = f"36 characters with attributes drawn by chance. The judge reads {share} % as they were asked for."
    base = images_base(columns=6, pick="send")

    def draw(_: Frame) -> dict[str, Any]:
        hints = [f"{i + 1}: {notes.short(row)}" for i, row in enumerate(asked)]
        return {"images": made, "tips": hints, "caption": words}

    return Film(frames=[Frame(step=0, arrays={"made": made})], base=base, draw=draw,
                numbers=lambda _: counted(seen, wanted))  # fmt: skip


def walk(variant: str, asked: tuple[int, ...], noise: int, other: int, seed: int) -> Film:
    """From one character to another on a straight line: noise and attributes, the attributes alone, the noise alone;
    beside them both characters, and the mean of their pixels."""
    engine, goal = model(variant), people(seed)[other]
    z = engine.noise(SHEET, torch.Generator().manual_seed(seed))[[noise, other]]
    c = one_hot(torch.tensor([asked, goal]), PACK)
    ways = []
    for moves_z, moves_c in ((True, True), (False, True), (True, False)):
        steps = torch.linspace(0, 1, STEPS)[:, None]
        at_z = torch.lerp(z[0], z[1], steps if moves_z else 0 * steps)
        at_c = torch.lerp(c[0], c[1], steps if moves_c else 0 * steps)
        ways.append(learning.to_bytes(engine.draw(at_z, at_c)).cpu().numpy())
    yours, theirs = ways[0][0], ways[0][-1]
    frames = []
    for i in range(STEPS):
        share = i / (STEPS - 1)
        mean = np.round((1 - share) * yours + share * theirs).astype(np.uint8)
        shown = (yours, ways[0][i], theirs, ways[1][i], ways[2][i], mean)
        frames.append(Frame(step=i, arrays={"made": np.stack(shown)}))
    moved = np.stack([np.abs(np.diff(way.astype(float), axis=0)).mean(axis=(1, 2, 3)) for way in ways])
    frames = [
        Frame(
            step=f.step, arrays=f.arrays, scalars={k: float(moved[j, i - 1]) for j, k in enumerate(WAYS)} if i else {}
        )
        for i, f in enumerate(frames)
    ]
    seen = [read(way.tobytes(), STEPS) for way in ways]

    def draw(frame: Frame) -> dict[str, Any]:
        share = round(100 * frame.step / (STEPS - 1))
        words = f"{100 - share} % of yours, {share} % of number {other + 1}."
        return {"images": frame.arrays["made"], "caption": words}

    def numbers(frame: Frame) -> Blocks:
        rows = [["the judge reads", "yours", "the other"]]
        for name, way in zip(WAYS.values(), seen, strict=True):
            row = way[frame.step]
            rows.append([name, *(f"{int((row == np.array(end)).sum())} of 8" for end in (asked, goal))])
        return [{"text": "How many attributes the judge reads as yours are and as the other's are."}, {"table": rows}]

    sets = [curves("Moved since the step before", "levels of 255", **WAYS)]
    return Film(frames=frames, base=images_base(columns=3, names=MIXED) | {"curve_sets": sets},
                draw=draw, numbers=numbers)  # fmt: skip


MIXED = ("yours", "noise and attributes", "the other", "attributes alone", "noise alone", "the pixels' mean")
WAYS = {"both": "noise and attributes", "attributes": "attributes alone", "noise": "noise alone"}


# -- the training ----------------------------------------------------------------------------------------------


def training() -> Film:
    side = shipped.card(SLUG)["config"]["side"]
    true = learning.to_bytes(model("").reduced(notes.tests()["image"][:SHOWN])).numpy()
    ceiling = 100 * card_of("")["test_obeyed_real"]
    sets = [
        curves("Attributes obeyed", "%", obeyed="64 test characters", true="true pictures"),
        curves("The game", "nats", d_adv="D", g_adv="G, −log D"),
        curves("The classifier", "nats", d_cls="true pictures", g_cls="made ones"),
        curves("Slope of D near true pictures", "", slope="gradient norm"),
    ]
    rows = ("made", "true") * (SHOWN // FILMED)
    return shipped.film(
        SLUG,
        added=lambda frame: {"obeyed": 100 * frame.scalars["obeyed"], "true": ceiling},
        base=images_base(columns=FILMED, rows=rows) | {"curve_sets": sets, "curve_log": True},
        draw=partial(learning_picture, true, side),
        numbers=losses,
    )


def learning_picture(true: np.ndarray, side: int, frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    made = webp.unpack(frame.arrays["made"], height=side)[:SHOWN]
    both = [part[i : i + FILMED] for i in range(0, SHOWN, FILMED) for part in (made, true)]
    words = (
        f"After {s['batches']:,.0f} batches, for the attributes of true test pictures, which stand below: the judge "
        f"reads {s['obeyed']:.0f} % as they were asked for; in true pictures {s['true']:.0f} %."
    )
    return {"images": np.concatenate(both), "caption": words}


def losses(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card(SLUG)["config"]
    if "d_adv" not in s:
        return [{"text": "Nothing has been learned yet."}]
    weight, penalty = config["classes"], config["penalty"]
    of_d = (("L_adv", s["d_adv"], 1.0), ("L_cls, true pictures", s["d_cls"], weight), ("L_gp", s["d_gp"], penalty))
    of_g = (("−log D", s["g_adv"], 1.0), ("L_cls, made pictures", s["g_cls"], weight))
    blocks: Blocks = [{"text": "Averages over about the last 50 batches. D descends"}]
    for terms, name in ((of_d, "D"), (of_g, "G")):
        total = sum(value * by for _, value, by in terms)
        rows = [["term", "loss", "weight", "product"]]
        rows += [[said, f"{value:.3f}", f"{by:g}", f"{value * by:.3f}"] for said, value, by in terms]
        blocks += [{"math": latex(rf"L({name}) = {number(total, tex=True)}")}, {"table": rows}]
        if name == "D":
            blocks += [
                {"text": f"L_adv is 2 log 2 = 1.386 where D cannot tell. Its gradient norm near true pictures is "
                         f"{s['slope']:.2f} on average; the penalty pulls it to 1. G descends"}
            ]  # fmt: skip
    return blocks


# -- what is obeyed --------------------------------------------------------------------------------------------

# Measure, its words, colour and mark.
BARS = (
    ("real", "true pictures", "@text", "line-ns-open"),
    ("obeyed", "made, hair seen in this colour", "@c0", "circle"),
    ("new", "made, hair never seen in this colour", "@c1", "diamond"),
    ("most", "always the most frequent value", "@c3", "x"),
)


def obeyed() -> Film:
    """One frame: by attribute, what the judge reads as it was asked for, between floor and ceiling."""
    m = card_of("")
    names = [NAMES[field] for field in FIELDS]
    traces = []
    for j, (key, words, colour, symbol) in enumerate(BARS):
        measure = {"real": ("obeyed_", "_real"), "most": ("obeyed_", "_most")}.get(key, (f"{key}_", ""))
        keys = [f"test_{measure[0]}{field}{measure[1]}" for field in FIELDS]
        x = 100 * np.array([m[k] for k in keys])
        y, marker = np.arange(len(FIELDS)) + (j - 1.5) * 0.16, {"color": colour, "size": 10, "symbol": symbol}
        trace: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": x, "y": y, "name": words,
                                 "meta": {"layer": key}, "marker": {**marker, "line": {"width": 2}}}  # fmt: skip
        if key != "most":
            low, high = (100 * np.array([m[k + end] for k in keys]) for end in ("_low", "_high"))
            trace["error_x"] = {"type": "data", "symmetric": False, "array": high - x, "arrayminus": x - low,
                                "color": colour, "thickness": 1.5, "width": 3}  # fmt: skip
        traces.append(trace)
    base = {
        "layout": {"xaxis": {"title": {"text": "read by the judge as it was asked for, %"}, "range": [0, 102]},
                   "yaxis": {"tickvals": list(range(len(FIELDS))), "ticktext": names, "autorange": "reversed",
                             "automargin": True}},
        "traces": traces,
    }  # fmt: skip
    words = notes.summary()
    return show.still(base, words, lambda _: notes.figures())


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    for variant in PARTS:
        strip(WORDS[variant], shown(variant))
    strip("true picture", learning.to_bytes(model("small").reduced(notes.tests()["image"][notes.compared()])).numpy())
    st.caption("For the attributes of true test pictures; of the last four, hair was never seen in this colour.")
    st.table(notes.table())
    st.caption(notes.measures())
    st.markdown(notes.agrees())


@lru_cache(maxsize=8)
def shown(variant: str) -> np.ndarray:
    """What a network draws for the test attributes of the comparison: bytes (N, S, S, 3)."""
    engine, rows = model(variant), notes.compared()
    c = torch.from_numpy(notes.tests()["attributes"][rows])
    return learning.to_bytes(engine.draw(engine.noise(len(rows), learning.stream(0, 4)), c)).cpu().numpy()


if __name__ == "__main__":
    main()
