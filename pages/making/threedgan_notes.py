"""What 3D-GAN's page says: measures of its networks beside test solids, the words beside them, its questions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from engines.engine import Frame
from engines.making import solids
from engines.making.solids import CLASSES, SIDE, Furniture
from engines.making.threedgan import FILLED, ThreeDGAN, of_kinds
from pages.ui import comparison, shipped
from pages.ui.comparison import column, picked
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # checkpoints/3dgan and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "not-held": "D not held back",
    "equal-rates": "equal learning rates",
    "not-turned": "without turns",
}
SEEN = {"": "D's features", "untrained": "an untrained D's features", "cells": "the cells"}
OPENING, ENDS = 9, (3, 12)  # codes
card_of = partial(comparison.metrics, "3dgan")


def model(variant: str) -> ThreeDGAN:
    return shipped.model("3dgan", variant)


@lru_cache(maxsize=1)
def furniture() -> Furniture:
    return Furniture.load("furniture")


def trained_on() -> torch.Tensor:
    """The solids that the network learned from: (N, 32, 32, 32) uint8."""
    rows = furniture().train
    return rows["voxels"][of_kinds(rows["label"], model("").config.kinds)]


def tests() -> dict[str, np.ndarray]:
    """The test solids of all classes."""
    return {key: value.numpy() for key, value in furniture().test.items()}


def nearest(variant: str, made: np.ndarray) -> tuple[np.ndarray, float, str]:
    """The training solid most like a made one, turned as it is, their IoU and its class."""
    rows = furniture().train
    own = of_kinds(rows["label"], model(variant).config.kinds)
    full = torch.from_numpy(made[None] >= FILLED)
    value, which, _ = solids.overlap(full, rows["voxels"][own])
    near = rows["voxels"][own][which]
    way = int(solids.overlap(near, full)[2][0])
    return solids.turn(near, way)[0].numpy(), float(value[0]), CLASSES[int(rows["label"][own][which[0]])]


@lru_cache(maxsize=1)
def verdicts() -> dict[str, np.ndarray]:
    """What each classifier says of every test solid."""
    return model("").verdicts(furniture().train, furniture().test)


# -- properties of solids, for the arithmetic --------------------------------------------------------------------


def height(full: np.ndarray) -> np.ndarray:
    """Layers that hold at least eight cells: (N, 32, 32, 32) -> (N,)."""
    return (full.sum(axis=(1, 3)) >= 8).sum(axis=1).astype(float)


def filled(full: np.ndarray) -> np.ndarray:
    return full.reshape(len(full), -1).sum(axis=1).astype(float)


def above(full: np.ndarray) -> np.ndarray:
    """The share of a solid's cells in the upper half of its height, in %."""
    layers = full.sum(axis=(1, 3)).astype(float)  # (N, 32), from the floor up
    shares = []
    for row in layers:
        held = np.flatnonzero(row >= 8)
        middle = (held[0] + held[-1] + 1) / 2 if len(held) else 0
        shares.append(100 * row[np.arange(SIDE) + 0.5 > middle].sum() / max(1, row.sum()))
    return np.array(shares)


PROPERTIES = {
    "height": ("tall", "layers", height),
    "filled": ("full", "cells", filled),
    "above": ("heavy above", "% of the cells in the upper half", above),
}


# -- measures --------------------------------------------------------------------------------------------------


def learned(variant: str) -> str:
    card = shipped.card("3dgan", variant)
    m, config = card["metrics"], card["config"]
    kinds = {"seats": "seats, beds and tables", "all": "all classes"}[config["kinds"]]
    return (
        f"Learned from {len(trained_on())} solids ({kinds}) in {card['steps']:,} batches of {config['batch_size']}. "
        f"Over 256 made solids, {interval(m, 'ratio', 2)} times as many cells are filled as in training solids, and "
        f"{interval(m, 'one_piece', factor=100)} % of the cells hang together; in test solids "
        f"{interval(m, 'one_piece_true', factor=100)} %."
    )


def table() -> dict[str, list[str]]:
    """Every network between the floor and true solids."""
    m = {words: card_of(variant) for variant, words in WORDS.items()}

    def between(key: str, digits: int = 2, factor: float = 1.0) -> list[str]:
        return column(m, key, digits, factor=factor, floors=[f"{key}_floor"], best=f"{key}_true")

    return {
        "": ["each cell by itself", *m, "true solids"],
        "filled cells": between("filled", 0),
        "in one piece, %": between("one_piece", 0, 100),
        "nearest training solid, IoU": between("nearest"),
        "test solids found, IoU": between("found"),
        "distance": between("energy"),
    }


MEASURES = (
    "Over 256 made solids; in brackets the 95 % interval (bootstrap). The networks below the first were trained alike "
    "and small: the same steps, width, solids and seed. Nearest: a made solid's best IoU with a training solid in any "
    "turn; near 1 it would be a copy. Of true solids it is the test solids'. Found: a test solid's best IoU with a "
    "made one; of true solids, with a training solid. Distance: the energy distance of made solids to the "
    "training solids "
    "in all turns, in their 24 principal components, 0 where both are alike; no network has a part in it. "
    "Each cell by itself: solids whose cells are filled as often as in training solids, but each for itself."
)


def probes() -> dict[str, list[str]]:
    m = card_of("")
    names = {"": "_", "untrained": "_untrained", "cells": "_cells"}
    return {
        "a linear classifier on": [*SEEN.values(), "nothing: always the most frequent class"],
        "test solids named rightly, %": [
            *(interval(m, f"probe{names[key].rstrip('_')}", factor=100) for key in SEEN),
            f"{100 * m['test_probe_chance']:.1f}",
        ],
        "less the cells', points": [interval(m, "gain", factor=100), "", "", ""],
    }


PROBED = (
    f"Ridge regression on {len(CLASSES)} classes, learned from the training solids of all classes, its weight decay by "
    "five-fold cross-validation among them; in brackets the 95 % interval over the test solids. D's features: its "
    "three layers, each pooled to its largest in 4 × 4 × 4 places. No class was told to D, and it has seen "
    "only the solids "
    "that it was trained on."
)
AVERAGES = (
    "Of 512 drawn codes, the mean of the tenth whose solids have most of a property less the mean of the tenth with "
    "least is added to your code, whose length is kept. No network names the property: it is measured on the cells."
)


def compared() -> dict[str, Mapping[str, float]]:
    return {words: card_of(variant) for variant, words in WORDS.items() if variant}


def off(m: Mapping[str, float]) -> float:
    """By how much the filled cells differ from the training solids', as a factor of at least 1."""
    return max(m["test_ratio"], 1 / max(m["test_ratio"], 1e-3))


def agrees() -> str:
    m = compared()
    ranked = sorted(m, key=lambda words: m[words]["test_energy"])
    a, b = (m[words] for words in ranked[:2])
    meet = a["test_energy_high"] >= b["test_energy_low"]
    whole = m["all parts"]
    worse = [
        words for words in ranked
        if words != "all parts" and m[words]["test_energy_low"] > whole["test_energy_high"]
    ]  # fmt: skip
    sure = f"Surely farther off than *all parts*: *{'*, *'.join(worse)}*." if worse else "None is surely farther off."
    return (
        f"**Here:** the least distance first, *{'*, *'.join(ranked)}*; the intervals of the first two "
        f"{'meet' if meet else 'do not meet'}. {sure}\n\n"
        "**In the paper** unequal rates and holding D back are given as the means against a D that learns much faster "
        "than G. Where one of them, taken away, leaves the solids no farther off here, these data and these few steps "
        "do not show the need for it."
    )


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card("3dgan")["config"]
    if "g_loss" not in s:
        return [{"text": "Nothing has been learned yet."}]
    return [
        {"text": "Averages over about the last 50 batches. G and D descend"},
        {"math": latex(rf"-\log D(G(z)) = {number(s['g_loss'], tex=True)}")},
        {"math": latex(rf"-\log D(x) - \log(1 - D(G(z))) = {number(s['d_loss'], tex=True)}")},
        {"text": f"Where D cannot tell, they are log 2 = 0.693 and log 4 = 1.386. D was right in {s['accuracy']:.0f} % "
                 f"and was held back on {s['held']:.0f} % of the batches. Learning rates: G "
                 f"{config['learning_rate']:g}, D {config['d_learning_rate']:g}."},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def starved(_: Any) -> str:
    m, whole = card_of("equal-rates"), card_of("small")
    alike, apart = model("equal-rates").running, model("small").running
    surely = m["test_energy_low"] > whole["test_energy_high"]
    return (
        f"*Symptom:* the solids shrink and crumble: {m['test_ratio']:.2f} times the cells of training solids, "
        f"distance {interval(m, 'energy', 2)}, and G's loss, -log D(G(z)), is {alike['g_loss']:.1f}. *Cause:* D learns "
        "as fast as G. It still waits after batches on which it was right too often, but each of its steps is "
        f"so long that G is left behind. *Cure:* a rate of D far below G's: {whole['test_ratio']:.2f} times the cells, "
        f"distance {interval(whole, 'energy', 2)}, loss {apart['g_loss']:.1f} after as many batches. "
        f"{'The solids are surely nearer.' if surely else 'The distances do not surely differ.'} {unheld()}"
    )


def unheld() -> str:
    """What D that never waits costs."""
    m, whole, running = card_of("not-held"), card_of("small"), model("not-held").running
    surely = m["test_energy_low"] > whole["test_energy_high"]
    return (
        f"A D that never waits is right in {100 * running['accuracy']:.0f} % of its answers (distance "
        f"{interval(m, 'energy', 2)}); on so few batches that is {'surely' if surely else 'not surely'} worse."
    )


SCENES = {
    "starved": Scene(
        title="A discriminator that runs ahead",
        text=starved,
        link={"by": "equal-rates"},
        cure={"by": "small"},
        cure_title="Slow D down",
    )
}

WHY = (
    r"""
A solid is a grid of $32^3$ cells. **3D-GAN** makes one from a code $z$ of 64 random numbers: the generator $G$ grows a
grid of $4^3$ places to $8^3$, $16^3$ and $32^3$ by transposed convolutions in space. A sigmoid gives every cell an
*occupancy* between 0 and 1, and where that reaches a threshold, the cell is filled. The discriminator $D$ goes the same
way back and says whether a solid $x$ is real.

$$
\min_G \max_D\ \mathbb{E}[\log D(x)] + \mathbb{E}[\log(1 - D(G(z)))]
$$

**Why hold $D$ back?** To say whether a grid of cells is a chair is easier than to make one. A $D$ that is always right
teaches little. So its learning rate is far below $G$'s, and it takes no step after a batch on which it was right
in more than 80 %.
""",
    r"""
**Codes have a meaning.** Halfway between two codes lies a solid of its own; a mixture of two *solids* only lays one
over the other. Averages of codes can be added and subtracted: move what makes
solids tall onto yours.

**$D$ has learned to see.** Nobody told it classes, yet its layers may serve to tell them: compare a linear classifier
on them with one on the bare cells, and with one on a $D$ that has learned nothing.

**What it cannot do.** Thin legs and slats are one cell wide and break; what is made resembles the few hundred solids it
has seen; and you cannot ask for a chair: the code means what training made of it.
""",
)


def check_held(answer: str) -> tuple[bool, str]:
    return answer == "it waits", "27 of 32 are 84 %, above 80 %: D takes no step on the next batch."


def check_farthest(answer: str) -> tuple[bool, str]:
    found = {words: m["test_energy"] for words, m in compared().items()}
    return picked(answer, found, "Distances:", "{:.3f}")


def check_gain(answer: str) -> tuple[bool, str]:
    m = card_of("")
    low, high = 100 * m["test_gain_low"], 100 * m["test_gain_high"]
    right = "D's features" if low > 0 else "the cells" if high < 0 else "one cannot tell"
    said = f"The difference is {100 * m['test_gain']:.1f} points, its interval {low:.1f} to {high:.1f}: {right}."
    return answer == right, said.replace("-", "−")


QUESTIONS = (
    Question(
        text="On a batch of 16 solids and 16 made ones D is right about 14 and 13. What does it do on the next batch?",
        kind="choice",
        options=("it takes a step", "it waits"),
        check=check_held,
        hint="Count how many of the 32 it was right about.",
    ),
    Question(
        text="Which of the networks trained alike makes solids at the greatest distance from the training solids?",
        kind="choice",
        options=tuple(words for variant, words in WORDS.items() if variant),
        check=check_farthest,
        hint="Take a part away, and read the last column.",
    ),
    Question(
        text="On which does a linear classifier surely (at 95 %) name more test solids rightly?",
        kind="choice",
        options=("D's features", "the cells", "one cannot tell"),
        check=check_gain,
        hint="What D has learned: an interval on both sides of 0 decides nothing.",
    ),
)
