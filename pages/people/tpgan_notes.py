"""TP-GAN's words: why, what the networks trained alike show, questions, and the scene of a part that is missing."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from engines.maths.intervals import bootstrap
from engines.people.tpgan import FAR
from pages.ui import comparison, shipped, show
from pages.ui.comparison import interval, which
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "tpgan"
WORDS = {  # checkpoints/tpgan and its variants, in words
    "": "trained longest",
    "small": "all parts",
    "no-local": "without the four patches",
    "no-identity": "without the identity loss",
    "no-gan": "without the discriminator",
    "no-symmetry": "without the symmetry loss",
}
ALIKE = ("small", "no-local", "no-identity", "no-gan", "no-symmetry")
# The recognisers that say whom a picture shows, as `TPGAN.hits` has them, and how their measures begin.
JUDGES = {"judge": "", "near": "near_"}
metrics = partial(comparison.metrics, SLUG)


def said_of(variant: str) -> str:
    """How a network was trained and how often the right person is found, with its scale."""
    card = shipped.card(SLUG, variant)
    m, data, config = card["metrics"], card["data"], card["config"]
    n = round(m["test_people"])
    return (
        f"Rendered heads, which belong to nobody. Learned from {data['people']} people in {card['steps']:,} batches of "
        f"{config['batch_size']} pictures. At 60° and beyond, a judge that has learned from turns up to 45° finds the "
        f"right one of {n} people never seen in {interval(m, 'near_rank1', factor=100)} % by what was made, in "
        f"{interval(m, 'near_raw', factor=100)} % by the pictures as they are; one that has learned from all turns in "
        f"{interval(m, 'rank1', factor=100)} % and {interval(m, 'raw', factor=100)} %. By chance: {100 / n:.1f} %."
    )


@lru_cache(maxsize=16)
def far_hits(variant: str, judge: str = "near") -> np.ndarray:
    """By test person, the share of pictures at 60 degrees and beyond in which the person is found: (N,)."""
    return shipped.model(SLUG, variant).hits[list(JUDGES).index(judge)].numpy()[:, FAR].mean(axis=1)


def lost(variant: str, judge: str = "near") -> tuple[float, float, float]:
    """How much more often all parts find the person than ``variant``, paired by person, with a 95 % interval, in %."""
    value, low, high = bootstrap(100 * (far_hits("small", judge) - far_hits(variant, judge)))
    return value, low, high


def agrees() -> str:
    """Which parts are seen to matter, in words that the figures choose."""
    by_near, by_all = (reading({v: lost(v, judge) for v in ALIKE[1:]}) for judge in ("near", "judge"))
    return (
        f"**Here,** by the judge of turns up to 45°: {by_near} By the judge of all turns: {by_all} Each network was "
        "trained once; another seed would move every row.\n\n"
        "**In the paper** the same four parts are taken away, and rank-1 is given by angle, on photos and with larger "
        "networks; its figures are not set beside these."
    )


def reading(found: dict[str, tuple[float, float, float]]) -> str:
    """What the paired losses say, those whose interval leaves 0 out apart from the others."""
    sure = [WORDS[v] for v, (_, low, _) in found.items() if low > 0]
    better = [WORDS[v] for v, (_, _, high) in found.items() if high < 0]
    open_ = [WORDS[v] for v, (_, low, high) in found.items() if low <= 0 <= high]
    said = []
    if sure:
        said.append(f"the right person is found less often *{'*, *'.join(sure)}*.")
    if open_:
        said.append(f"*{'*, *'.join(open_)}*: the interval holds 0, so these people do not decide it.")
    if better:
        said.append(f"more often *{'*, *'.join(better)}*.")
    return " ".join(said)


# -- a scene ---------------------------------------------------------------------------------------------------


def somebody(_: Any) -> str:
    without, whole = metrics("no-identity"), metrics("small")
    value, low, high = lost("no-identity")
    nearer = "nearer to" if without["test_psnr"] > whole["test_psnr"] else "nearly as near to"
    return (
        f"*Symptom:* the picture is {nearer} the true one, PSNR {without['test_psnr']:.1f} dB against "
        f"{whole['test_psnr']:.1f} with all parts, yet it may be somebody else's: at 60° and beyond the judge finds "
        f"the right person in {100 * without['test_near_rank1']:.0f} % of pictures, with the identity loss in "
        f"{100 * whole['test_near_rank1']:.0f} % (a difference of {value:.1f}, {low:.1f} to {high:.1f} points). "
        "*Cause:* most pixels are hair, skin and ground; the few that tell two people apart weigh little in a mean "
        "over all. *Cure:* compare what a network sees that tells people apart."
    )


SCENES = {
    "somebody": Scene(
        title="A face, but whose?",
        text=somebody,
        link={"by": "no-identity", "person": 12},
        cure={"by": "small", "person": 12},
        cure_title="Add the identity loss",
    )
}

# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
Two pictures of one person at different turns differ more than two people seen from the front. So **bring every head to
the front** first, and compare there. Half of the face is hidden in a profile: what is not seen must be made up, and yet
be this person's.

**Two pathways.** One network sees the whole picture and gets hair, outline and light right. Four small ones see a patch
each, around an eye, the other eye, the nose and the mouth; what they make is put where that part stands in a frontal
face. At the end both are fused.

$$
L = L_{pixel} + \lambda_1 L_{sym} + \lambda_2 L_{adv} + \lambda_3 L_{ip} + \lambda_4 L_{tv}
$$

$L_{pixel}$ is the mean difference from the true frontal picture, at 16, 32 and 64 pixels a side.
""",
    r"""
$L_{sym}$ pulls the hidden half of the face to the mirror image of the other. $L_{adv}$: a discriminator calls frontal
pictures real or not. $L_{ip}$ compares the last two layers of a network that tells people apart: not whether the pixels
agree, but whether the person does. $L_{tv}$ keeps neighbours alike.

**Who judges?** Networks of the same kind, trained apart, which take no part in the training. They see grey levels and
no shirt. One has learned from turns of up to 45° alone, for most pictures of people are taken near the front: to it a
profile is strange. Another has learned from all turns, and needs TP-GAN less. No test person was in any training.

**What it cannot do.** The people are rendered: one light, one ground, one age, and a hair style that is theirs at every
turn, which helps to recognise them. The places of eyes, nose and mouth are given. A real photo it has never seen.
""",
)


def check_eye(answer: str) -> tuple[bool, str]:
    return answer == "the left one", (
        "The face turns right, so that its left side in the picture is towards you. That eye is seen; the network of "
        "the hidden one, at the right, is shown it too, mirrored."
    )


def check_found(answer: str) -> tuple[bool, str]:
    s = show.standing(SLUG, "made_right", "Turn the head", "the turn that stands")
    right = {"both": (1, 1), "what was made": (1, 0), "the turned head": (0, 1), "neither": (0, 0)}
    now = (int(s["made_right"]), int(s["raw_right"]))
    return right[answer] == now, (
        f"With what was made the judge finds {'the right person' if now[0] else 'somebody else'}, with the turned head "
        f"{'the right person' if now[1] else 'somebody else'}."
    )


QUESTIONS = (
    Question(
        text="A face turns to the right of the picture. Which of its eyes, as they lie in the picture, is shown to two "
        "of the four networks?",
        kind="choice",
        options=("the left one", "the right one"),
        check=check_eye,
        hint="One eye is nearly hidden. What would you like to know to draw it?",
    ),
    which(
        "Which of the networks trained alike has the right person found most often, at 60° and beyond, by the judge of "
        "turns up to 45°?",
        SLUG,
        {variant: WORDS[variant] for variant in ALIKE},
        "near_rank1",
        "At 60° and beyond, by the judge of turns up to 45°:",
        hint="Take a part away, and read the table.",
    ),
    Question(
        text="At the turn on the stage: with which picture does the judge find the right person?",
        kind="choice",
        options=("both", "what was made", "the turned head", "neither"),
        check=check_found,
        hint="Compare the lower row with the true front.",
    ),
)
