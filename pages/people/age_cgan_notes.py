"""Age-cGAN's words: why, what the ways of finding a code show, questions, and the scene of an age nobody minds."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from engines.maths.intervals import bootstrap
from engines.people.age_measures import SOURCES, WAYS
from engines.people.ages import AGES
from pages.ui import comparison, shipped, show
from pages.ui.comparison import interval, picked
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "age-cgan"
WORDS = {  # checkpoints/age_cgan and its variants, in words
    "": "trained longest",
    "small": "small, all parts",
    "no-age-in-d": "small, D not told the age",
    "short-code": "small, a code of 8 numbers",
}
PLAIN = ("small", "no-age-in-d", "short-code")
HEAD = "identity"  # the way that the page puts first: the paper's
FOUND = {  # how a code was found
    "guess": "the encoder's first guess",
    "pixels": "searched for the pixels",
    "identity": "searched for the person",
    "both": "for the person and the pixels",
    "blind": "for both, begun at the code 0",
}
SHORT = {"guess": "first guess", "pixels": "pixels", "identity": "person", "both": "person and pixels",
         "blind": "from the code 0"}  # fmt: skip
AIMS = {"identity": "the same person", "both": "the same person and pixels", "pixels": "the same pixels"}
metrics = partial(comparison.metrics, "age_cgan")


def named(choice: str) -> str:
    return "" if choice == "trained" else choice


@lru_cache(maxsize=16)
def kept_of(by: str, way: str) -> np.ndarray:
    """By test person, how often the person is kept at another age than the one given: (50,)."""
    hits = shipped.model("age_cgan", by).hits[0, WAYS.index(way)].numpy()
    other = np.ones((len(SOURCES), len(AGES)), dtype=bool)
    other[np.arange(len(SOURCES)), SOURCES] = False
    return hits[:, other].mean(axis=1)


def lost(more: tuple[str, str], less: tuple[str, str]) -> tuple[float, float, float]:
    """How much more often a person is kept by ``more`` than by ``less`` (network, way), paired, with a 95 % interval,
    in %.
    """
    return bootstrap(100 * (kept_of(*more) - kept_of(*less)))


def said_of(by: str) -> str:
    """How a network was trained and how often a person is kept, with its scale."""
    card = shipped.card("age_cgan", by)
    m, data, config = card["metrics"], card["data"], card["config"]
    n = round(m["test_people"])
    judge = shipped.card("age_judge", "judge")["metrics"]
    words = {"both": "after the search for the same person and pixels in", "identity": "for the person alone in",
             "pixels": "for the pixels alone in", "guess": "by the first guess in"}  # fmt: skip
    kept = ", ".join(f"{how} {interval(m, f'kept_{way}', factor=100)} %" for way, how in words.items())
    return (
        f"Rendered faces, which belong to nobody. Learned from {data['people']} people in {card['steps']:,} batches of "
        f"{config['batch_size']}. Of {n} people never seen, made at another age, a judge that took no part finds the "
        f"right one nearest: {kept}. True pictures: {interval(m, 'kept_true', factor=100)} %; chance: {100 / n:.1f} %. "
        f"The judge takes {100 * judge['test_same_noise']:.0f} % of pictures of noise for one of the people."
    )


def agrees() -> str:
    """What the three ways show, in words that the figures choose."""
    whole, found = metrics("small"), []
    for way, rival, words in (
        ("identity", "pixels", "Searched for the person instead of the pixels"),
        ("identity", "guess", "Searched for the person instead of left at the first guess"),
        ("both", "pixels", "Searched for both instead of the pixels alone"),
        ("both", "identity", "Searched for both instead of the person alone"),
        ("both", "blind", "Begun at the encoder's guess instead of the code 0"),
    ):
        found.append(f"{words}: {reading(*lost(('', way), ('', rival)))}.")
    for by in PLAIN[1:]:
        rank, name = metrics(by)[f"test_spearman_{HEAD}"], WORDS[by][:1].upper() + WORDS[by][1:]
        kept = reading(*lost((by, HEAD), ("small", HEAD)))
        easy = ", but what hardly ages is easily kept" if rank < 0.5 else ""
        found.append(
            f"*{name}* instead of all parts: {kept}{easy}; Spearman of the age read "
            f"{rank:.2f} instead of {whole[f'test_spearman_{HEAD}']:.2f}.".replace("-0", "−0")
        )
    return (
        f"**Here,** how often the person is kept. {' '.join(found)} Each network was trained once; another seed would "
        "move every row.\n\n"
        "**In the paper** the first guess, the search for the pixels and that for the person are compared, on photos "
        "and by another recogniser; its figures are not set beside these. To look at both is this page's, not the "
        "paper's."
    )


def reading(value: float, low: float, high: float) -> str:
    """What a paired difference says."""
    if low > 0:
        return f"{value:.1f} points more ({low:.1f} to {high:.1f})"
    if high < 0:
        return f"{-value:.1f} points less ({-high:.1f} to {-low:.1f})"
    return f"about the same ({value:+.1f}, the interval holds 0)".replace("-", "−")


# -- a scene ---------------------------------------------------------------------------------------------------


def ageless(_: Any) -> str:
    key = f"test_spearman_{HEAD}"
    rank, whole = f"{metrics('no-age-in-d')[key]:.2f}".replace("-", "−"), f"{metrics('small')[key]:.2f}"
    return (
        "*Symptom:* move the slider, and the face stays nearly as old as it was. The age that is read off follows the "
        f"one asked for with a correlation of ranks of {rank}; with "
        f"all parts it is {whole}. *Cause:* D was never told which age was asked for, so that any face "
        "passes under any age, and G need not mind y. *Cure:* y goes into D as well, behind its first layer: then an "
        "old face under a young age is found out."
    )


SCENES = {
    "ageless": Scene(
        title="An age nobody minds",
        text=ageless,
        link={"by": "no-age-in-d"},
        cure={"by": "small"},
        cure_title="Tell D the age",
    )
}

# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
A generator makes faces from a code $z$ and an age $y$. If $z$ is *who* and $y$ is *how old*, then a face at another age
is easy: keep $z$, change $y$. Two things are needed: that $y$ does what it says, and the $z$ of a face that the
generator has never made.

**The age.** $G$ is given $z$ and $y$; $D$ is shown a face together with the age that it should have, behind its first
layer, and calls the pair real or not:

$$
\min_G \max_D\; E \log D(x, y) + E \log(1 - D(G(z, y'), y')).
$$

**The code.** An encoder $E$ learns from faces that $G$ has made, whose $z$ is known. Its answer for a new face $x$ is a
first guess, $z_0 = E(x)$: of this kind, but not yet this person.
""",
    r"""
**The search.** From $z_0$ on, $z$ is moved for this one face until a network $FR$, which tells people apart, sees the
same person:

$$
z^* = \arg\min_z |FR(x) - FR(G(z, y))|^2.
$$

Searched for the same pixels instead, hair and ground weigh as much as eyes and mouth. This page also looks at both,
$|FR(x) - FR(G(z, y))|^2 + w\,\overline{|x - G(z, y)|^2} + p\,\overline{z^2}$ with weights $w$ and $p$, which keep the
search from faces that only $FR$ takes for this person's, and the code from where no faces lie.

**Who judges?** Two networks that took no part: one says whom a face shows, another how old it looks. No test person was
in any training.

**What it cannot do.** Two hundred and fifty rendered people are few: what none of them has, $G$ cannot make, and no
search finds it. Nothing forces $z$ to be the person alone; that it nearly is comes of $G$ being smooth. One light, one
ground; 12, 20 and 35 years look much alike. A real photo it has never seen.
""",
)


def check_stays(answer: str) -> tuple[bool, str]:
    return (
        answer == "the age y",
        "The code z was found once, for the picture given; asked for another age, y alone changes.",
    )


def check_best(answer: str) -> tuple[bool, str]:
    found = {FOUND[way]: 100 * metrics("")[f"test_kept_{way}"] for way in WAYS[:4]}
    return picked(answer, found, "Kept at another age, by the network trained longest:", "{:.1f} %")


def check_found(answer: str) -> tuple[bool, str]:
    s = show.standing(SLUG, f"{HEAD}_right", "Age a face", "the age that stands")
    right = {"yes": True, "no": False}[answer]
    who = "the right person" if s[f"{HEAD}_right"] else f"person {s[f'{HEAD}_who'] + 1:.0f}"
    return right == bool(s[f"{HEAD}_right"]), f"At {s['asked']:.0f} years the judge finds {who} nearest."


QUESTIONS = (
    Question(
        text="A face was found. What changes when you ask for another age?",
        kind="choice",
        options=("the code z", "the age y", "both"),
        check=check_stays,
        hint="Read the formula in the numbers.",
    ),
    Question(
        text="After which way of finding the code is the right person found most often, at another age?",
        kind="choice",
        options=tuple(FOUND[way] for way in WAYS[:4]),
        check=check_best,
        hint="Take a part away, and read the table.",
    ),
    Question(
        text="At the age on the stage: does the judge find the right person in the face searched for the person?",
        kind="choice",
        options=("yes", "no"),
        check=check_found,
        hint="The words beside the pictures say it, and so do the numbers.",
    ),
)
