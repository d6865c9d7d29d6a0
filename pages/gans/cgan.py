"""CGAN: the label says which digit, the noise says how; and what a discriminator forgets that is never asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.engine import Frame
from engines.gans.cgan import SHOWN
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.comparison import each, interval, metrics, networks, order, strip, sure, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {
    "": "both told the label",
    "blind": "D not told",
    "untold": "neither told (a plain GAN)",
    "no-noise": "without noise",
    "pairs": "wrong pairs shown to D too",
}
BY = networks(WORDS, "All were trained alike but for what each player is given.", plain="whole")
A = Number(key="a", label="From digit", low=0, high=9, default=4)
B = Number(key="b", label="To digit", low=0, high=9, default=9)
SEED = Number(key="seed", label="Noise by seed", low=0, high=9999, default=0, slider=False)
ROW = Number(key="row", label="Test image", low=0, high=999, default=0, slider=False)
VIEWS = {
    "film": ("Watch it learn", ()),
    "between": ("Between two labels", (BY, A, B, SEED)),
    "judge": ("Ask the discriminator", (BY, ROW)),
    "parts": ("Take a part away", ()),
}
READ = curves("Read as asked", "share", accuracy="by the classifier trained on MNIST")
LOSSES = curves("Losses", "nats", d_loss="D", g_loss="G")
ROWS, DIGITS = tuple(f"z{'₁₂₃₄₅₆₇'[i]}" for i in range(SHOWN)), [str(k) for k in range(10)]


def main() -> None:
    with page(entry("cgan"), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        variant = "" if chosen["by"] == "whole" else chosen["by"]
        match chosen["view"]:
            case "film":
                show.film("cgan", training)
            case "between":
                show.film("cgan", between, variant, chosen["a"], chosen["b"], chosen["seed"])
            case "judge":
                show.film("cgan", judged, variant, chosen["row"], board.drawn("cgan"))
                board.kept("cgan", "Draw your own digit", "It stays in place of the test image until you clear it.")
            case "parts":
                parts()


def training() -> Film:
    return shipped.film(
        "cgan",
        base=images_base(columns=10, rows=ROWS, names=DIGITS) | {"curve_sets": [READ, LOSSES]},
        draw=lambda frame: {"images": frame.arrays["made"], "caption": (
            f"After {frame.scalars['batches']:,.0f} batches. A column is a label, a row one noise. Of 500 others "
            f"{100 * frame.scalars['accuracy']:.0f} % are read as the digit that was asked for (chance: 10 %)."
        )},
        numbers=numbers,
    )  # fmt: skip


def numbers(frame: Frame) -> Blocks:
    if "d_loss" not in (s := frame.scalars):
        return [{"text": "Nothing is learned yet."}]
    d, g = (number(s[key], tex=True) for key in ("d_loss", "g_loss"))
    return [{"text": "Averages over about the last 50 batches, in nats:"},
            {"math": latex(rf"L_D = {d}, \quad L_G = {g}")},
            {"text": f"A D that cannot tell them apart: {2 * np.log(2):.3f} and {np.log(2):.3f}."}]  # fmt: skip


def between(variant: str, a: int, b: int, seed: int) -> Film:
    """Seven noises, and eight labels from all of a to all of b: each row one hand."""
    engine, share = shipped.model("cgan", variant), torch.linspace(0, 1, 8)[:, None]
    labels = (1 - share) * torch.eye(10)[a] + share * torch.eye(10)[b]  # (8, 10)
    z = engine.noise(SHOWN, torch.Generator().manual_seed(seed))
    made = learning.to_bytes(engine.draw(z.repeat_interleave(8, 0), labels.repeat(SHOWN, 1))).cpu().numpy()
    words = f"From left to right the label goes from {a} to {b}; a row keeps its noise. Only the ends were learned."
    names = [f"{100 * float(one):.0f} % {b}" for one in share]
    if a == b:
        words, names = (
            f"The label is {a} throughout; a row keeps its noise. Choose another digit at one end.",
            [str(a)] * 8,
        )
    if not engine.config.told:
        words = f"From {a} to {b}, but this G is told no label: along a row nothing changes."
    base = images_base(columns=8, rows=ROWS, names=names)
    return show.still(base, words, lambda _: reached(variant), images=made)


def judged(variant: str, row: int, drawn: np.ndarray | None) -> Film:
    """An image, and what G draws for the label that D finds truest beside it."""
    engine, of = shipped.model("cgan", variant), f"Test image {row}, a {shipped.labels('mnist')[row]}"
    x = shipped.images("mnist").test["image"][row].numpy().reshape(28, 28)
    if drawn is not None:
        x, of = np.rint(255 * drawn).astype(np.uint8), "Your digit"
    found = engine.judge(x[None])[0].cpu().numpy()
    best = int(found.argmax())
    made = engine.draw(engine.noise(1, torch.Generator().manual_seed(0)), torch.tensor([best]))
    words = f"{of}: truest to D beside the label {best} ({found[best]:.2f}). Right: what G draws for it."
    if np.ptp(found) < 1e-6:
        words = f"{of}: this D is told no label and says {found[0]:.2f} beside each. Right: what G draws for {best}."
    rows = [["y", *DIGITS], ["D(x|y)", *(f"{p:.2f}" for p in found)]]
    own = interval(metrics("cgan", variant), "own", factor=100)
    blocks: Blocks = [
        {"text": "How real D finds the image beside each label:"},
        {"table": rows},
        {"text": f"In {own} % of all test images it prefers the own label to another (chance 50 %)."},
    ]
    pair = np.stack([x, learning.to_bytes(made[0]).cpu().numpy()])
    return show.still(images_base(columns=2, names=("image", "drawn by G")), words, lambda _: blocks, images=pair)


def reached(variant: str) -> Blocks:
    m, card = metrics("cgan", variant), shipped.card("cgan", variant)
    n = "5,000" if card["config"]["noisy"] else "its ten"  # without noise a label has one drawing
    return [{"text": f"{card['steps']:,} batches of {card['config']['batch_size']}. Of {n} drawings "
                     f"{interval(m, 'accuracy', factor=100)} % are read as asked (chance 10 %, test images "
                     f"{interval(m, 'real', factor=100)} %)."}]  # fmt: skip


def parts() -> None:
    z = torch.Generator().manual_seed(0)
    for variant, words in WORDS.items():
        engine = shipped.model("cgan", variant)
        made = engine.draw(engine.noise(1, z.manual_seed(0)).expand(10, -1), torch.arange(10))
        strip(words, learning.to_bytes(made).cpu().numpy(), ground=110)
    m = {words: metrics("cgan", variant) for variant, words in WORDS.items()}
    st.table({"": [*m, "test images"],
              "read as asked, %": [*each(m, "accuracy", factor=100), interval(m[WORDS[""]], "real", factor=100)],
              "variety within a label": [*each(m, "spread", 2), "1"],
              "D prefers the own label, %": [*each(m, "own", factor=100), ""]})  # fmt: skip
    ranked = order(m, "accuracy")
    st.caption(
        "One noise, the labels 0 to 9. Read by a classifier trained on MNIST alone, chance 10 %; variety: squared "
        "distance between two drawings for one label, over that of two test images of it; D's preference: chance 50 %. "
        "In brackets 95 % intervals over the drawings or test images. All: same steps, width, images and seed. "
        f"Most read as asked: {', '.join(ranked)}. {sure(m, ranked, 'accuracy')}"
    )


def share(variant: str, key: str) -> str:
    return f"{100 * metrics('cgan', variant)[f'test_{key}']:.0f} %"


def disobeyed(_: Any) -> str:
    return (
        "*Symptom:* the label changes and the digit need not. *Cause:* this D sees the image alone, so a good 3 is as "
        f"good when a 7 was asked for: {share('blind', 'accuracy')} are read as asked, chance is 10 %. *Cure:* show D "
        f"the label too: {share('', 'accuracy')}."
    )


def forgotten(_: Any) -> str:
    return (
        "*Symptom:* D does not know the image's own label: it prefers it to another for "
        f"{share('', 'own')} of the test images, chance is 50 %. *Cause:* G obeys, so D meets no image beside a wrong "
        f"label. *Cure:* show it such pairs as well: {share('pairs', 'own')}."
    )


SCENES = {
    "disobeyed": Scene(title="Told, but not held to it", text=disobeyed, link={"view": "between", "by": "blind"},
                       cure={"view": "between", "by": "whole"}, cure_title="Show D the label"),
    "forgotten": Scene(title="A judge that forgets", text=forgotten, link={"view": "judge", "by": "whole"},
                       cure={"view": "judge", "by": "pairs"}, cure_title="Show D wrong pairs too"),
}  # fmt: skip
WHY = (
    r"""
A GAN draws something real, but you cannot say what. A **conditional GAN** gives the label $y$ to both players:

$$\min_G \max_D \; \mathbb{E}_x \log D(x \mid y) + \mathbb{E}_z \log (1 - D(G(z \mid y) \mid y))$$

- $G$ turns noise $z$ and the label into an image. The noise is left with all that the label does not say: slant, width.
- $D$ judges a **pair**: is $x$ a real image, *and* of this label? Only that makes $G$ obey.
""",
    r"""
**If D is not told**, nothing in the game rewards $G$ for obeying; it may use the label as a little more noise.

**If G obeys**, $D$ meets no real image beside a wrong label, and what it says there is left to chance. It is then no
classifier. Reed and others show it such pairs as a second kind of made ones.

**Without noise** there is one drawing a label, and nothing that asks for another.

**Between two labels** $G$ was never trained. What it draws there is how it happens to continue.
""",
)


QUESTIONS = (
    which("Which network is obeyed most?", "cgan", WORDS, "accuracy", "Read as asked:"),
    Question(text="Why is it not enough to tell G alone?", kind="choice", hint="The scene Told, but not held to it.",
             options=("D would not notice a wrong digit", "G would see no noise", "D would always win"),
             check=lambda answer: (answer.startswith("D would not"), "D would take any good digit for any label.")),
)  # fmt: skip


if __name__ == "__main__":
    main()
