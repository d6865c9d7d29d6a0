"""CycleGAN: from flat to shaded emoji and back without pairs; how it was learned, its parts, what it hides."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp, zoo
from engines.engine import Frame
from engines.translation.cyclegan import features, nearest, off, shown, with_noise
from pages.catalogue import entry
from pages.translation.cyclegan_notes import ANSWERS, SCENES, WHY, WORDS, agreement, questions
from pages.ui import comparison, desk, shipped, show
from pages.ui.comparison import interval, networks, strip
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, levels, map_base
from pages.ui.show import Film

SLUG = "cyclegan"
N_TRIED = 48  # test emoji that are led there and back
MOST = 128  # levels of 255 at which an error is drawn brightest
NOISES = (0, 2, 4, 8, 16, 24, 32, 48, 64, 96)  # deviations, in levels of 255
STYLES = {"G": ("flat", "shaded"), "F": ("shaded", "flat")}  # what is given, what it is drawn as
FIELDS = {"flat": "flat", "shaded": "noto"}
SIDE_BY_SIDE = (0, 6, 27, 55, 90, 130, 171, 205)  # test emoji in a row of the comparison

BY = networks(WORDS)
WAY = Choice(
    key="way",
    label="Way",
    options=tuple(STYLES),
    default="G",
    labels={way: f"{given} → {made} → {given}" for way, (given, made) in STYLES.items()},
)
ROW = Number(key="row", label="Test emoji", low=0, high=N_TRIED - 1, default=2, slider=False)
FILMED = 6  # of the eight emoji in a frame, as many as are large in a narrow window
VIEWS = {
    "try": ("Try it out", (BY, WAY)),
    "own": ("Your own image", (BY,)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
    "hidden": ("A hidden message?", (BY, ROW)),
}


def main() -> None:
    with page(entry(SLUG), VIEWS, why=WHY, questions=questions, scenes=SCENES) as chosen:
        variant = "" if chosen["by"] == "trained" else chosen["by"]
        match chosen["view"]:
            case "try":
                show.film(SLUG, there_and_back, variant, chosen["way"], speed=1)
                st.caption(learned(variant))
            case "own":
                own(variant)
            case "film":
                show.film(SLUG, training)
                st.caption(learned(""))
            case "parts":
                parts()
            case "hidden":
                show.film(SLUG, hidden, variant, chosen["row"], speed=2)
                st.caption(ANSWERS["hidden"](variant))


def learned(variant: str) -> str:
    """How a network was trained and how well it finds partners, with the scale."""
    card = shipped.card(SLUG, variant)
    m, config = card["metrics"], card["config"]
    return (
        f"Learned in {card['steps']:,} batches of {config['batch_size']} from {card['data']['n_train']:,} flat and as "
        f"many shaded emoji at {config['side']} × {config['side']} pixels, without their pairs. Of "
        f"{card['data']['n_test']} test emoji {interval(m, 'partner', 0, factor=100)} % of the translations are "
        f"nearest to their own partner, {interval(m, 'untranslated', 0, factor=100)} % of the emoji as they are, "
        f"{100 * m['test_chance']:.1f} % by chance."
    )


# -- there and back --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """The test emoji: ``flat`` and ``noto`` (N, 64, 64, 3) bytes, row i of both the same, and their ``names``."""
    pack = zoo.load("emoji")
    rows, names = pack.rows("test"), pack.text("names")
    said = tuple(names[i].replace("-", " ") for i in rows)
    return {"flat": pack.take("flat", rows), "noto": pack.take("noto", rows), "names": said}


def sized(variant: str, images: np.ndarray) -> torch.Tensor:
    """Images (N, 64, 64, 3) at the network's size, in 0..1."""
    return shown(shipped.model(SLUG, variant).images(images.copy()))


@lru_cache(maxsize=4)
def seen(side: int, field: str) -> torch.Tensor:
    """The features of all test emoji of one style, at networks of this size: (N, F)."""
    variant = next(name for name in WORDS if shipped.model(SLUG, name).config.side == side)
    return features(sized(variant, tests()[field]))


@lru_cache(maxsize=12)
def led(variant: str, way: str) -> tuple[Frame, ...]:
    """One frame a test emoji: ``images`` (6, S, S, 3), itself, translated, led back, its true partner, the test emoji
    of the other style that the translation is nearest to (``found``), led back; ``off`` (1, S, S), where that misses.
    """
    model, (given, made) = shipped.model(SLUG, variant), (FIELDS[style] for style in STYLES[way])
    x = tests()[given][:N_TRIED]
    start, partners = sized(variant, x), sized(variant, tests()[made])
    there, back = model.cycle(x.copy(), way)
    of_partners = seen(model.config.side, made)
    found, plain = (nearest(features(images), of_partners).numpy() for images in (there, start))
    misses, frames = off(back, start), []
    for i in range(N_TRIED):
        six = torch.stack([start[i], there[i], back[i], partners[i], partners[found[i]], back[i]])
        error = 255 * (back[i] - start[i]).abs().mean(dim=2)
        scalars = {"off": misses[i], "found": found[i], "plain": plain[i], "row": i}
        arrays = {"images": learning.to_bytes(six).numpy(), "off": levels(error.numpy()[None], 0, MOST)}
        frames.append(Frame(step=i, scalars={key: float(v) for key, v in scalars.items()}, arrays=arrays))
    return tuple(frames)


def there_and_back(variant: str, way: str) -> Film:
    given, made = STYLES[way]
    names = (f"{given}: x", f"drawn as {made}: {way}(x)", f"led back: {'F' if way == 'G' else 'G'}({way}(x))",
             f"its true partner, {made}", f"nearest {made} test emoji", "where the way back misses")  # fmt: skip
    return Film(
        frames=led(variant, way),
        base=images_base(columns=3, names=names, over=map_base("way back off by, of 255", 0, MOST, cells=[5]))
        | {"curve_sets": [curves("The way back is off by", "levels of 255", off="each test emoji")]},
        draw=partial(there_picture, way),
        numbers=partial(there_numbers, way),
    )


def there_picture(way: str, frame: Frame) -> dict[str, Any]:
    names, s, made = tests()["names"], frame.scalars, STYLES[way][1]
    found = "its own partner" if s["found"] == s["row"] else f"the one called {names[int(s['found'])]}"
    words = (
        f"{names[int(s['row'])].capitalize()}: the way back is off by {s['off']:.1f} of 255 levels. Of "
        f"{len(names)} {made} test emoji the translation is nearest to {found}."
    )
    return {"images": frame.arrays["images"], "map": frame.arrays["off"], "caption": words}


def there_numbers(way: str, frame: Frame) -> Blocks:
    names, s = tests()["names"], frame.scalars
    back = "F" if way == "G" else "G"
    rows = [["nearest test emoji", "by the features"]]
    rows += [[words, names[int(s[key])]] for words, key in (("of x as it is", "plain"), (f"of {way}(x)", "found"))]
    return [
        {"math": latex(rf"\lVert {back}({way}(x)) - x\rVert_1 = {number(s['off'] / 127.5, tex=True)}")},
        {"text": f"That is the mean distance in -1..1, as the loss has it: {s['off']:.1f} of 255 levels."},
        {"table": rows},
        {"text": "The features are the last hidden layer of a classifier of clothes (Fashion-MNIST) for red, green and "
            "blue. It was trained on no emoji."},
    ]  # fmt: skip


def own(variant: str) -> None:
    """An image of the viewer's, or a test emoji, flat to shaded and back."""
    model = shipped.model(SLUG, variant)

    def there(x: np.ndarray) -> np.ndarray:
        return model.translate(x[None].astype(np.float32))[0].numpy()

    def back(x: np.ndarray) -> np.ndarray:
        return model.cycle(x[None].astype(np.float32))[1][0].numpy()

    def flat(x: np.ndarray) -> np.ndarray:
        return model.translate(x[None].astype(np.float32), "F")[0].numpy()

    models = {"drawn as shaded: G(x)": there, "and led back: F(G(x))": back, "drawn as flat: F(x)": flat}
    desk.desk(SLUG, models, examples=tests()["flat"])
    st.caption("It has seen emoji on white only. Whatever you give it, it draws in the colours and edges of those.")


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    config = shipped.card(SLUG)["config"]
    side = config["side"]
    x, y = (learning.to_bytes(sized("", tests()[key][:FILMED])).numpy() for key in ("flat", "noto"))
    return shipped.film(
        SLUG,
        base=images_base(columns=FILMED, rows=("flat x", "G(x)", "F(G(x))", "shaded y", "F(y)"),
                         names=tests()["names"][:FILMED])
        | {"curve_sets": [
            curves("Nearest to their own partner", "share of 64 test emoji", partner="translations"),
            curves("The way back is off by", "levels of 255", test_cycle="64 test emoji"),
            curves("Losses", "", gan="G and F, least squares", d_y="D of shaded", d_x="D of flat"),
        ]},
        draw=lambda frame: film_picture(frame, x, y, side),
        numbers=film_numbers,
    )  # fmt: skip


def film_picture(frame: Frame, x: np.ndarray, y: np.ndarray, side: int) -> dict[str, Any]:
    made, s = webp.unpack(frame.arrays["made"], height=side), frame.scalars
    there, back, flat = (part[: len(x)] for part in np.split(made, 3))
    words = (
        f"After {s['batches']:,.0f} batches {100 * s['partner']:.0f} % of 64 translations are nearest, among the 64 "
        f"shaded partners, to their own (chance: {100 / 64:.1f} %), and the way back is off by {s['test_cycle']:.1f} "
        "of 255 levels."
    )
    images = np.concatenate([x, there, back, y, flat])
    return {"images": images, "caption": words}


def film_numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card(SLUG)["config"]
    if "gan" not in s:
        return [{"text": "Nothing has been learned yet."}]
    terms = [(1, "gan"), (config["cycle_weight"], "cycle"), (config["identity_weight"], "identity")]
    given = " + ".join(
        (f"{weight:g} \\cdot " if weight != 1 else "") + number(s[key], tex=True) for weight, key in terms
    )
    total = number(sum(weight * s[key] for weight, key in terms), tex=True)
    return [
        {"text": "Averages over about the last 50 batches. G and F descend"},
        {"math": latex(r"L_{GAN} + \lambda L_{cyc} + \tfrac12 \lambda L_{identity}")},
        {"math": latex(f"{given} = {total}")},
        {"text": f"The discriminators' halved losses are {s['d_y']:.3f} (shaded) and {s['d_x']:.3f} (flat); 0.25 where "
            "all that they say is one half."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    rows = list(SIDE_BY_SIDE)
    flat, noto = tests()["flat"][rows], tests()["noto"][rows]
    strip("flat: x", learning.to_bytes(sized("small", flat)).numpy().repeat(2, 1).repeat(2, 2))
    for variant in PARTS:
        made = learning.to_bytes(shipped.model(SLUG, variant).translate(flat.copy())).numpy()
        strip(f"{WORDS[variant]}: G(x)", made.repeat(2, 1).repeat(2, 2))
    strip("true partner", noto)
    st.caption("Test emoji, from left to right: " + ", ".join(tests()["names"][i] for i in rows) + ".")
    st.table(table())
    config = shipped.card(SLUG, "small")["config"]
    st.caption(
        "In brackets the 95 % interval over the test emoji (bootstrap). Nearest: by the features of a classifier of "
        "clothes (Fashion-MNIST) that was trained on no emoji. All of these were trained alike and small: "
        f"{config['n_steps']:,} batches of {config['batch_size']}, {config['channels']} channels, {config['side']} "
        "pixels, the same images and seed. The GAN alone has no identity loss either, since its weight is a part of "
        "λ: compare it with *without the identity loss*."
    )
    st.markdown(agreement())


PARTS = ("no-cycle", "one-way", "no-identity", "small")


def table() -> dict[str, list[str]]:
    """Measures of the networks between floor and ceiling; the floors are the same for all of them."""
    cards = {WORDS[variant]: comparison.metrics(SLUG, variant) for variant in PARTS}
    whole = comparison.metrics(SLUG, "small")
    percent = partial(interval, digits=0, factor=100)
    chance = f"{100 * whole['test_chance']:.1f}"
    columns = {
        "G(x) nearest to its partner, %": (chance, percent(whole, "untranslated"), "partner", percent),
        "F(y) nearest to its partner, %": (chance, percent(whole, "back_untranslated"), "back", percent),
        "F(G(x)) off from x": (interval(whole, "cycle_mean"), "0", "cycle", interval),
        "G(F(y)) off from y": ("", "0", "cycle_back", interval),
        "G(x) off from its partner": ("", interval(whole, "off_untranslated"), "off", interval),
    }
    found = {"": ["chance, or the mean emoji", "untranslated", *cards]}
    for title, (floor, plain, key, say) in columns.items():
        found[title] = [floor, plain, *(say(m, key) for m in cards.values())]
    return found


# -- the hidden message ----------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def disturbed(variant: str) -> tuple[np.ndarray, np.ndarray]:
    """What noise of each deviation in NOISES on the translation of 48 test emoji does to the way back: how far it is
    off (K, 48), and how far the same noise on their true partners moves what F makes of those (K, 48).
    """
    model = shipped.model(SLUG, variant)
    x, y = (sized(variant, tests()[field][:N_TRIED]) for field in ("flat", "noto"))
    there, still = model.lead(x, "G"), model.lead(y, "F")
    misses, moved = [], []
    for noise in NOISES:
        draw = learning.stream(0, 3)
        misses.append(off(model.lead(with_noise(there, noise / 255, draw), "F"), x))
        moved.append(off(model.lead(with_noise(y, noise / 255, draw), "F"), still))
    return np.array(misses), np.array(moved)


def hidden(variant: str, row: int) -> Film:
    """One frame a deviation of the noise, which is its step."""
    model, (misses, moved) = shipped.model(SLUG, variant), disturbed(variant)
    start = sized(variant, tests()["flat"][row : row + 1])
    frames = []
    for i, noise in enumerate(NOISES):
        there = with_noise(model.lead(start, "G"), noise / 255, learning.stream(0, 3))
        back = model.lead(there, "F")
        error = 255 * (back - start).abs().mean(dim=3)
        scalars = {
            "noise": noise,
            "off": off(back, start)[0],
            "every": misses[i].mean(),
            "moved": moved[i].mean(),
            "quiet": misses[0].mean(),
        }
        arrays = {"images": learning.to_bytes(torch.cat([start, there, back, back])).numpy(),
                  "off": levels(error.numpy(), 0, MOST)}  # fmt: skip
        frames.append(Frame(step=noise, scalars={key: float(v) for key, v in scalars.items()}, arrays=arrays))
    names = ("flat: x", "G(x) and the noise", "led back by F", "where the way back misses")
    said = curves("The way back is off by", "levels of 255", every="48 test emoji", off="this one",
                  moved="what the noise does to true shaded ones")  # fmt: skip
    return Film(
        frames=frames,
        base=images_base(columns=2, names=names, over=map_base("way back off by, of 255", 0, MOST, cells=[3]))
        | {"curve_sets": [said]},
        draw=partial(hidden_picture, row),
        numbers=hidden_numbers,
    )


def hidden_picture(row: int, frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    noise = f"noise of {s['noise']:g} of 255 levels on G(x)" if s["noise"] else "no noise"
    words = (
        f"{tests()['names'][row].capitalize()}, {noise}: the way back is off by {s['off']:.1f} levels, over 48 test "
        f"emoji by {s['every']:.1f}."
    )
    return {"images": frame.arrays["images"], "map": frame.arrays["off"], "caption": words}


def hidden_numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    return [
        {"text": f"Noise of deviation {s['noise']:g} levels. Over 48 test emoji, in levels of 255:"},
        {"table": [["", ""], ["way back off by", f"{s['every']:.2f}"],
                   ["without noise", f"{s['quiet']:.2f}"],
                   ["the mean of all test emoji instead", f"{comparison.metrics(SLUG)['test_cycle_mean']:.2f}"],
                   ["by how much the noise moves F of true shaded emoji", f"{s['moved']:.2f}"]]},
    ]  # fmt: skip


if __name__ == "__main__":
    main()
