"""pix2pix: an outline is coloured under the hand; how the network learned it; what each part of it is for."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.translation.pix2pix import BINS, MOST, SIDE, chroma_histogram, coloured
from pages.catalogue import entry
from pages.translation import colouring
from pages.ui import comparison, shipped, show
from pages.ui.comparison import each, interval, networks, order, strip, sure, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # checkpoints/pix2pix and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "l1": "L1 alone",
    "cgan": "GAN alone",
    "gan-l1": "L1, and a GAN that does not see the outline",
    "encoder-decoder": "without skips",
    "patch-1": "patches of 1 pixel",
    "patch-16": "patches of 16 pixels",
    "patch-image": "the whole image",
}
PARTS = {
    "losses": ("l1", "cgan", "gan-l1", "small"),
    "skips": ("encoder-decoder", "small"),
    "patches": ("patch-1", "patch-16", "small", "patch-image"),
}

BY = networks(WORDS)
ROW = Number(key="row", label="Test outline to begin with", low=0, high=231, default=132, slider=False)
PART = Choice(
    key="part",
    label="What the networks differ in",
    options=tuple(PARTS),
    default="losses",
    labels={"losses": "the loss", "skips": "skips", "patches": "what D sees of the image"},
)
VIEWS = {
    "try": ("Try it out", (BY, ROW)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", (PART,)),
}
FILMED = 6  # test outlines in the film
OFF = curves("Off by", "levels of 255", test_l1="test outlines", l1="training outlines")
LOSSES = curves("Losses", "nats", d_loss="D", gan="G, −log D(x, G(x))")
SHOWN = (132, 16, 40, 75, 101, 160, 187, 205)  # test outlines in a row of the comparison
metrics = partial(comparison.metrics, "pix2pix")


def main() -> None:
    with page(entry("pix2pix"), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        match chosen["view"]:
            case "try":
                variant = "" if chosen["by"] == "trained" else chosen["by"]
                colouring.board(variant, key="pix2pix:board", row=chosen["row"])
                st.caption(learned(variant))
            case "film":
                show.film("pix2pix", training)
                st.caption(learned(""))
            case "parts":
                parts(chosen["part"])


def learned(variant: str) -> str:
    """How a network was trained and how near it comes, with its scale."""
    card = shipped.card("pix2pix", variant)
    m, config = card["metrics"], card["config"]
    return (
        f"Learned from {card['data']['n_train']:,} pairs in {card['steps']:,} batches of {config['batch_size']}. "
        f"Over {card['data']['n_test']} test outlines it is off by {interval(m, 'l1')} of 255 levels; the mean of all "
        f"training drawings is off by {m['test_l1_mean']:.1f}, the outline itself by {m['test_l1_copy']:.1f}."
    )


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    pairs = colouring.tests()
    outlines, true = np.repeat(pairs["outline"][:FILMED][..., None], 3, axis=3), pairs["flat"][:FILMED]
    return shipped.film(
        "pix2pix",
        base=images_base(columns=FILMED, rows=("outline", "made", "true"), names=pairs["names"][:FILMED])
        | {"curve_sets": [OFF, LOSSES], "curve_log": True},
        draw=lambda frame: picture(frame, outlines, true),
        numbers=numbers,
    )


def picture(frame: Frame, outlines: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Three rows: outlines, what G makes of them, what they were taken from."""
    made, s = webp.unpack(frame.arrays["made"], height=SIDE)[:FILMED], frame.scalars
    words = (
        f"After {s['batches']:,.0f} batches G is off by {s['test_l1']:.1f} of 255 levels on test outlines; "
        f"the mean of all training drawings is off by {metrics('')['test_l1_mean']:.1f}."
    )
    return {"images": np.concatenate([outlines, made, true]), "caption": words}


def numbers(frame: Frame) -> Blocks:
    s, weight = frame.scalars, shipped.card("pix2pix")["config"]["l1_weight"]
    if "l1" not in s:
        return [{"text": "Nothing has been learned yet."}]
    l1 = s["l1"] / 127.5  # in levels on the film, in -1..1 in the loss
    said = rf"-\log D(x, G) + {weight:g}\,\lVert y - G\rVert_1 = {number(s['gan'], tex=True)} + {weight:g} \cdot "
    return [
        {"text": "Averages over about the last 50 batches. G descends"},
        {"math": latex(said + rf"{number(l1, tex=True)} = {number(s['gan'] + weight * l1, tex=True)}")},
        {"text": f"D's loss, halved, is {s['d_loss']:.3f}; it is log 2 = 0.693 where D cannot tell. D takes patches of "
                 f"real drawings for real with probability {s['d_real']:.2f}, G's with {s['d_fake']:.2f}."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts(what: str) -> None:
    pairs, shown = colouring.tests(), list(SHOWN)
    strip("Outline", np.repeat(pairs["outline"][shown][..., None], 3, axis=3))
    for variant in PARTS[what]:
        strip(WORDS[variant], translated(variant, SHOWN))
    strip("True drawing", pairs["flat"][shown])
    st.caption("Test outlines, from left to right: " + ", ".join(pairs["names"][i] for i in SHOWN) + ".")
    st.table(table(what))
    st.caption(
        "In brackets the 95 % interval over the test drawings (bootstrap). All of these were trained alike and small: "
        "the same steps, width, pairs and seed."
    )
    st.line_chart(
        spread(what), x="chroma", x_label="chroma (0 is grey)", y_label="share of coloured pixels", height=280
    )
    st.markdown(AGREES[what]())


@lru_cache(maxsize=16)
def translated(variant: str, rows: tuple[int, ...] | None = None) -> np.ndarray:
    """What a network makes of test outlines, of all without ``rows``, by a fixed dropout: bytes
    (N, 64, 64, 3).
    """
    x = colouring.tests()["outline"]
    x = x if rows is None else x[list(rows)]
    engine, draw = shipped.model("pix2pix", variant), learning.stream(0, 2)
    made = [engine.translate(part.copy(), generator=draw) for part in np.split(x, range(64, len(x), 64))]
    return learning.to_bytes(torch.cat(made)).cpu().numpy()


def table(what: str) -> dict[str, list[str]]:
    """Measures of the networks of a comparison, between floor and ceiling."""
    cards = measured(what)
    whole = metrics("small")
    return {
        "": ["mean training drawing", "outline itself", *cards, "training drawings"],
        "off by, levels of 255": [interval(whole, "l1_mean"), interval(whole, "l1_copy"), *each(cards, "l1"), ""],
        "chroma": ["", "0", *each(cards, "chroma"), interval(whole, "chroma_real")],
        "colours in common": ["", "", *each(cards, "spread", 2), interval(whole, "spread_real", 2)],
        "D changes its mind": ["", "", *(said or "no D" for said in each(cards, "exchange", 2)), ""],
    }


def measured(what: str) -> dict[str, dict[str, float]]:
    """The measures of a comparison's networks, by their names in words."""
    return {WORDS[variant]: metrics(variant) for variant in PARTS[what]}


def spread(what: str) -> dict[str, Any]:
    """Histograms of chroma where the true drawings are not white, one of the drawings and one a network."""
    true = torch.from_numpy(colouring.tests()["flat"] / 255)
    where = coloured(true)
    shares = {"true drawings": chroma_histogram(true, where)}
    for variant in PARTS[what]:
        shares[WORDS[variant]] = chroma_histogram(torch.from_numpy(translated(variant) / 255), where)
    return {
        "chroma": (np.arange(BINS) + 0.5) * MOST / BINS,
        **{words: counts.sum(axis=0) / counts.sum() for words, counts in shares.items()},
    }


def agrees_losses() -> str:
    m = measured("losses")
    nearest, greyest = min(m, key=lambda w: m[w]["test_l1"]), min(m, key=lambda w: m[w]["test_chroma"])
    ranked = order(m, "spread")
    return (
        f"**Here:** nearest to the true drawings is *{nearest}*, and the greyest is *{greyest}*: where several colours "
        "fit an outline, the least L1 lies at the median of each of red, green and blue. Colours in common, the most "
        f"first: *{'*, *'.join(ranked)}*. {sure(m, ranked, 'spread')}\n\n"
        "**In the paper** (table 1) a network that knows street scenes reads the translations; it gets right of the "
        "pixels 66 % with L1 + cGAN, 64 % with L1 + GAN, 57 % with cGAN, 42 % with L1 and 22 % with GAN alone, and its "
        "figure 6 shows L1's colours narrower than the true ones. The measures are not the same: reading a scene asks "
        "for shapes, which an emoji's outline gives away, so here it is colour that tells the networks apart."
    )


def agrees_skips() -> str:
    m = measured("skips")
    without, whole = (m[words]["test_l1"] for words in m)
    apart = m["all parts"]["test_l1_high"] < m["without skips"]["test_l1_low"]
    return (
        f"**Here:** off by {without:.1f} levels without skips, {whole:.1f} with them; "
        f"{'the intervals do not meet' if apart else 'the intervals meet, so the order is not sure'}. Without skips "
        "every line must pass a map of 2 × 2 places. **In the paper** (figure 4, section 4.3) the U-Net is the better "
        "one under both losses."
    )


def agrees_patches() -> str:
    m = measured("patches")
    ranked = order(m, "spread")
    return (
        f"**Here:** colours in common, the most first: *{'*, *'.join(ranked)}*. {sure(m, ranked, 'spread')} "
        "*All parts* has patches of 34 pixels.\n\n"
        "**In the paper** (table 2; images of 256 pixels, share of pixels that a network reads right): 39 % with "
        "patches of 1 pixel, 65 % with 16, 66 % with 70, 42 % with the whole image. Seventy of 256 pixels are about 18 "
        "of 64."
    )


AGREES = {"losses": agrees_losses, "skips": agrees_skips, "patches": agrees_patches}


def greyness(_: Any) -> str:
    grey, whole = metrics("l1"), metrics("small")
    return (
        f"*Symptom:* trained by L1 alone, the colours are dull: mean chroma {grey['test_chroma']:.1f}, true drawings "
        f"{grey['test_chroma_real']:.1f}. *Cause:* of all colours that fit an outline, the least L1 has the median of "
        "each of red, green and blue. *Cure:* a discriminator that judges whether colours look drawn: "
        f"{whole['test_chroma']:.1f} after as many batches."
    )


SCENES = {
    "grey": Scene(
        title="Grey where it cannot know",
        text=greyness,
        link={"by": "l1"},
        cure={"by": "small"},
        cure_title="Add the discriminator",
    )
}


# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
A GAN draws something from noise. **pix2pix** draws something *for an input*: the generator $G$ sees an outline $x$,
and the discriminator $D$ sees the outline beside the drawing $y$, so that a good drawing of something else is caught.

$$
\min_G \max_D\ \mathbb{E}[\log D(x, y)] + \mathbb{E}[\log(1 - D(x, G(x, z)))]
+ \lambda\,\mathbb{E}\lVert y - G(x, z)\rVert_1
$$

$\lambda = 100$ weighs the L1 distance. The noise $z$ is dropout in two layers of $G$, and stays when you use it: press
*Other noise* and see how little it changes. The paper found the same.

**Why both terms?** Many colours fit one outline. The one with the least expected L1 is their median. $D$ knows no
median and asks whether a drawing looks like one, but alone it does not care which.
""",
    r"""
**A U-Net.** Outline and drawing share their edges. Without skips every edge would have to pass a map of
$2 \times 2$ places.

**A PatchGAN.** L1 sees to the coarse shape, so $D$ need only judge what is small: it says of each patch of
$34 \times 34$ pixels whether it is real, and the answers are averaged. Show what it says and move over the picture.

**What it cannot do.** It needs pairs: 1,319 emoji, each as an outline and as a flat drawing, taught this one. What an
outline does not say (the colour of a car) it can only guess, and it draws one guess, not all of them.
""",
)
LEVELS = (250, 250, 250, 10, 10)


def check_median(answer: float) -> tuple[bool, str]:
    off = {level: sum(abs(level - other) for other in LEVELS) / len(LEVELS) for level in range(256)}
    best = min(off, key=lambda level: off[level])
    mean = sum(LEVELS) / len(LEVELS)
    said = f"Level {best} is off by {off[best]:.0f} on average, the mean {mean:.0f} by {off[round(mean)]:.0f}."
    return round(answer) == best, said


def check_noise(answer: str) -> tuple[bool, str]:
    x = colouring.tests()["outline"][list(SHOWN)]
    engine = shipped.model("pix2pix")
    once, again = (engine.translate(x.copy(), generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    change, off = 255 * float((once - again).abs().mean()), metrics("")["test_l1"]
    said = f"On the eight outlines of the comparison other noise changes {change:.1f} levels; G is off by {off:.1f}."
    return (answer == "less") == (change < off), said


QUESTIONS = (
    Question(
        text="A pixel's red level was 250 in three of five drawings that fit an outline and 10 in two. Which level has "
        "the least mean L1 distance to the five?",
        kind="whole",
        check=check_median,
        hint="The sum of distances changes only where the level passes one of the five.",
    ),
    which(
        "Which of the networks trained alike has the greyest colours?",
        "pix2pix",
        {variant: WORDS[variant] for variant in PARTS["losses"]},
        "chroma",
        "Mean chroma over the test drawings:",
        "{:.1f}",
        factor=1,
        least=True,
        hint="Take away losses, and look at chroma in the table.",
    ),
    Question(
        text="Does other noise change the trained network's drawing more or less than it is off by?",
        kind="choice",
        options=("more", "less"),
        check=check_noise,
        hint="Press Other noise a few times.",
    ),
)


if __name__ == "__main__":
    main()
