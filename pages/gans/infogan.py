"""InfoGAN: a part of the noise must be legible in the image, and comes to say which digit, how slanted and how bold."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.engine import Frame
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.comparison import column, metrics, networks, strip, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base
from pages.ui.tryit import Question

WORDS = {"": "all parts", "light": "λ = 0.001", "no-noise": "without noise", "twenty": "twenty categories"}
BY = networks(WORDS, "All were trained alike but for this.", plain="whole")
ROW = Number(key="row", label="Test image", low=0, high=999, default=0, slider=False)
DIAL = Choice(key="dial", label="Turn dial", options=("1", "2"))
VIEWS = {
    "film": ("Watch it learn", ()),
    "sort": ("Sort an image", (ROW, DIAL, BY)),
    "parts": ("Take a part away", ()),
}
LEGIBLE = curves("What Q gets wrong", "", category="category, nats", dials="dials, half squared")
LOSSES = curves("Losses of the game", "nats", d_loss="D", g_loss="G")
TURNS = (-2, -1, 0, 1, 2)  # of a dial, which was learned between -1 and 1


def main() -> None:
    with page(entry("infogan"), VIEWS, why=WHY, questions=QUESTIONS) as chosen:
        match chosen["view"]:
            case "film":
                show.film("infogan", training)
            case "sort":
                variant = "" if chosen["by"] == "whole" else chosen["by"]
                show.film("infogan", sorting, variant, chosen["row"], int(chosen["dial"]), board.drawn("infogan"))
                board.kept("infogan", "Draw your own digit", "It takes the test image's place until you clear it.")
            case "parts":
                parts()


def training() -> show.Film:
    names, rows = [f"c = {k}" for k in range(10)], [f"z{i}" for i in "₁₂₃₄₅₆₇"]
    return shipped.film(
        "infogan",
        base=images_base(columns=10, rows=rows, names=names) | {"curve_sets": [LEGIBLE, LOSSES]},
        draw=lambda frame: {"images": frame.arrays["made"], "caption": (
            f"After {frame.scalars['batches']:,.0f} batches. A column is a category c, a row one noise z and one "
            "setting of the dials. Nobody said what a category should be."
        )},
        numbers=numbers,
    )  # fmt: skip


def numbers(frame: Frame) -> Blocks:
    if "d_loss" not in (s := frame.scalars):
        return [{"text": "Nothing is learned yet."}]
    most, wrong, told = (number(x, tex=True) for x in (np.log(10), s["category"], np.log(10) - s["category"]))
    return [{"text": "Averages over about the last 50 batches, in nats. Of the category's log 10, Q reads"},
            {"math": latex(f"L_I = {most} - {wrong} = {told}")},
            {"text": f"Half the dials' squared error is {s['dials']:.3f}; 0.333 if Q always says 0."}]  # fmt: skip


def sorting(variant: str, row: int, dial: int, drawn: np.ndarray | None) -> show.Film:
    """An image above the category that Q sorts it into; below, every category with a dial turned."""
    engine, of = shipped.model("infogan", variant), f"Test image {row}, a {shipped.labels('mnist')[row]},"
    x = shipped.images("mnist").test["image"][row].numpy().reshape(28, 28)
    if drawn is not None:
        x, of = np.rint(255 * drawn).astype(np.uint8), "Your digit"
    q, dials = (found[0] for found in engine.read(x[None]))
    K, best = len(q), int(q.argmax())
    turned = dials.repeat(len(TURNS) * K, 1)  # the dials as Q reads them, but for the one that is turned
    turned[:, dial - 1] = torch.tensor(TURNS).repeat_interleave(K)
    z = engine.inputs(1, learning.stream(0, 3))[0].expand(len(turned), -1)
    made = engine.draw(z, engine.code(torch.arange(K).repeat(len(TURNS)), turned))
    top = np.zeros((K, 28, 28), dtype=np.uint8)
    top[best] = x
    words = (
        f"{of} is sorted into category {best} (Q: {q[best]:.2f}). Below, G draws each category as dial {dial} turns."
    )
    blocks: Blocks = [
        {"table": [["c", *map(str, range(K))], ["Q(c|x)", *(f"{p:.2f}" for p in q)]]},
        {"text": f"Q reads dial 1 at {dials[0]:.2f} and dial 2 at {dials[1]:.2f}. Of the last 5,000 test images "
                 f"{100 * metrics('infogan', variant)['test_found']:.1f} % are sorted by their digit."},
    ]  # fmt: skip
    base = images_base(columns=K, rows=("image", "−2", "−1", "0", "1", "2"), names=[f"c = {k}" for k in range(K)])
    images = np.concatenate([top, learning.to_bytes(made).numpy()])
    return show.still(base, words, lambda _: blocks, images=images)


def parts() -> None:
    for variant, words in WORDS.items():
        engine = shipped.model("infogan", variant)
        z, code = engine.inputs(1, learning.stream(0, 3))
        made = engine.draw(z.expand(10, -1), engine.code(torch.arange(10), code[:, -2:].expand(10, -1)))
        strip(words, learning.to_bytes(made).numpy(), ground=110)
    m = {words: metrics("infogan", variant) for variant, words in WORDS.items()}
    st.table({"": ["chance", *m, "at most"],
              "test images sorted by digit, %": column(m, "found", factor=100, floors=["about 11"], best="100"),
              "L_I, nats": column(m, "nats", 2, floors=["0"], best="2.30; 3.00 with twenty")})  # fmt: skip
    st.caption(
        "One noise, the first ten categories. A category is named after what most of the first 5,000 test images in it "
        "are; sorted: how many of the others are in one of their name. Q sorts by something even where G does not heed "
        "it. In brackets 95 % intervals over images or drawings. All: same steps, width, images and seed."
    )


WHY = (
    r"""
A GAN's noise $z$ decides everything, but no number of it means anything by itself. **InfoGAN** adds a code $c$ to it,
one of ten categories and two dials, and a network $Q$ that must read the code back from the image:

$$L_I = H(c) + \mathbb{E} \log Q(c \mid G(z, c)) \le I(c; G(z, c))$$

$$\min_{G, Q} \max_D \; \mathbb{E}_x \log D(x) + \mathbb{E} \log (1 - D(G(z, c))) - \lambda L_I$$

The drawings must look real to $D$, so the code cannot be written on them as a mark. It can only be what real digits
differ in anyway: their kind, their slant, their weight.
""",
    r"""
$H(c)$ is how much there is to know, $\log 10$ nats for the category; $I$ is how much of it the image says. $L_I$, with
weight $\lambda = 1$, is a lower bound, because $Q$ may read worse than one could.

**Nobody names a digit**, but somebody said *ten*. With twenty categories a digit may have two.

**If** $\lambda$ **is next to nothing**, $Q$ still learns to read what it can, but $G$ has no reason to be legible.

The paper reports that 95 % of MNIST's test digits are sorted right.
""",
)
QUESTIONS = (
    which("Which network's categories agree with the digits most?", "infogan", WORDS, "found", "Sorted by digit:"),
    Question(text="What was it told about the digits?", kind="choice", hint="Compare it with twenty categories.",
             options=("how many kinds there are", "which image is which digit", "nothing"),
             check=lambda answer: (answer.startswith("how many"), "The labels are used afterwards, to test it.")),
)  # fmt: skip


if __name__ == "__main__":
    main()
