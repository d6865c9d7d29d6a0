"""The anime generator's words and figures: what is obeyed, networks trained alike, why, a scene, questions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from engines import checkpoints
from engines.data import zoo
from engines.people.anime import FIELDS, PACK, Anime
from engines.people.attributes import PACKS, of_pack
from pages.ui import comparison, shipped
from pages.ui.comparison import column, order, picked, sure
from pages.ui.live import Blocks
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "anime"
WORDS = {  # checkpoints/anime and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "plain": "without the penalty",
    "no-cls": "G without the classifier",
}
_FOUND = tuple(
    variant for variant in WORDS if variant and (checkpoints.folder(SLUG, variant) / checkpoints.CARD).exists()
)
PARTS = _FOUND if "small" in _FOUND and len(_FOUND) > 1 else ()  # the others are compared with it
NAMES = MappingProxyType(
    {
        "hair_style": "hair",
        "hair_colour": "hair colour",
        "skin": "skin",
        "glasses": "glasses",
        "eyes": "eyes",
        "mouth": "mouth",
        "feature": "feature",
        "earrings": "earrings",
    }
)
# Hair styles and colours that were never seen together, as the pack holds them out.
NEW_PAIRS = (
    ("shaved", "pink"), ("short", "green"), ("short", "purple"), ("curly or spiky", "blond"), ("long", "red"),
    ("long", "blue"), ("tied up", "black"),
)  # fmt: skip
N_SEEN, N_NEW = 4, 4  # test characters in a row of the comparison: hair seen in this colour, and never
card_of = partial(comparison.metrics, SLUG)


def model(variant: str) -> Anime:
    return shipped.model(SLUG, variant)


@lru_cache(maxsize=1)
def tests() -> dict[str, np.ndarray]:
    """The test pictures (1834, 64, 64, 3), their attributes (1834, 8) and ``split``, 2 where the hair is a new pair."""
    pack = zoo.load(PACK)
    rows = pack.rows("test")
    return {**of_pack(pack, rows), "split": pack.take("split", rows)}


@lru_cache(maxsize=1)
def known() -> np.ndarray:
    """The attributes of all training pictures: (N, 8)."""
    pack = zoo.load(PACK)
    rows = pack.rows("train")
    return np.stack([pack.take(field, rows) for field in FIELDS], axis=1)


@lru_cache(maxsize=1)
def compared() -> list[int]:
    """The test rows that the comparison shows."""
    split = tests()["split"]
    return [*np.flatnonzero(split == 1)[:N_SEEN].tolist(), *np.flatnonzero(split == 2)[:N_NEW].tolist()]


# -- attributes in words ---------------------------------------------------------------------------------------


def short(asked: Any) -> str:
    """ "long purple hair, light skin, clear glasses, ..."; what there is none of goes unsaid."""
    of = {field: PACKS[PACK][field][int(value)] for field, value in zip(FIELDS, asked, strict=True)}
    said = [f"{of['hair_style']} {of['hair_colour']} hair", f"{of['skin']} skin"]
    if of["glasses"] != "none":
        said.append(f"{of['glasses']} glasses")
    said += [
        f"eyes {of['eyes']}",
        {"line": "mouth a line", "smile": "a smile"}.get(of["mouth"], f"{of['mouth']} mouth"),
    ]
    if of["feature"] != "none":
        said.append(of["feature"])
    return ", ".join([*said, *(["earrings"] if of["earrings"] == "worn" else [])])


def told(asked: Any, before: str = "") -> str:
    """What was asked for, as a sentence; it says where that hair was never seen in that colour."""
    said = short(asked)
    hair = tuple(PACKS[PACK][field][int(value)] for field, value in zip(FIELDS[:2], asked[:2], strict=True))
    never = " Hair of this kind was never seen in this colour." if hair in NEW_PAIRS else ""
    return f"{before}{said if before else said[:1].upper() + said[1:]}.{never}"


# -- measures --------------------------------------------------------------------------------------------------


def learned(variant: str) -> str:
    """How a network was trained and how well it obeys, with its scale."""
    card = shipped.card(SLUG, variant)
    m, config, data = card["metrics"], card["config"], card["data"]
    return (
        "The people are drawn and belong to nobody. Learned from "
        f"{data['n_train']:,} pictures of {config['side']} pixels in {card['steps']:,} batches of "
        f"{config['batch_size']}. {reach(m)}"
    )


def reach(m: Mapping[str, float]) -> str:
    """What is obeyed on average, with floor and ceiling, and the attribute that is obeyed least."""
    low = worst(m)
    return (
        f"Of the eight attributes asked for, all in combinations never seen, a judge reads "
        f"{interval(m, 'obeyed', 1, factor=100)} % as asked; {interval(m, 'new', 1, factor=100)} % where hair of that "
        f"kind was never seen in that colour. In true pictures it reads {100 * m['test_obeyed_real']:.1f} and "
        f"{100 * m['test_new_real']:.1f} %; by the most frequent value it would be {100 * m['test_obeyed_most']:.1f} "
        f"and {100 * m['test_new_most']:.1f} %. Obeyed least: *{NAMES[low]}*, "
        f"{interval(m, f'obeyed_{low}', 0, factor=100)} % (true pictures: "
        f"{100 * m[f'test_obeyed_{low}_real']:.0f} %)."
    )


def worst(m: Mapping[str, float]) -> str:
    return min(FIELDS, key=lambda field: m[f"test_obeyed_{field}"])


def summary() -> str:
    m = card_of("")
    low = worst(m)
    return (
        f"Read as they were asked for, on average: {100 * m['test_obeyed']:.1f} %, where hair was never seen in that "
        f"colour {100 * m['test_new']:.1f} %; in true pictures {100 * m['test_obeyed_real']:.1f} %. Least: "
        f"{NAMES[low]}, {100 * m[f'test_obeyed_{low}']:.0f} %."
    )


def figures() -> Blocks:
    m = card_of("")
    rows = [["%", "made", "made, new pair", "true", "most frequent"]]
    keys = (("all eight", ""), *((NAMES[field], f"_{field}") for field in FIELDS))
    for words, key in keys:
        rows.append([words, *(f"{100 * m[f'test_{k}']:.1f}" for k in (f"obeyed{key}", f"new{key}", f"obeyed{key}_real",
                                                                      f"obeyed{key}_most"))])  # fmt: skip
    return [{"table": rows}]


def by_attribute() -> dict[str, list[str]]:
    """Every attribute, with intervals, between floor and ceiling, on pairs of hair seen and never seen."""
    m = card_of("")
    keys = ["", *(f"_{field}" for field in FIELDS)]
    table = {"": ["all eight", *NAMES.values()]}
    for key, words in (("obeyed", "hair seen in this colour"), ("new", "never seen in this colour")):
        table[f"{words}: made, %"] = [interval(m, key + end, 1, factor=100) for end in keys]
        table[f"{words}: true pictures, %"] = [interval(m, f"{key}{end}_real", 1, factor=100) for end in keys]
        table[f"{words}: most frequent value, %"] = [f"{100 * m[f'test_{key}{end}_most']:.1f}" for end in keys]
    return table


def about_judge() -> str:
    m, data = shipped.card("attribute_judge", PACK)["metrics"], shipped.card(SLUG)["data"]
    return (
        f"In brackets the 95 % interval (bootstrap) over {data['n_test'] - data['n_new']:,} test pictures' attributes, "
        f"and over {data['n_new']:,} whose hair was never seen in that colour; no combination of all eight was ever "
        "seen, or asked for in training. The judge is a convolutional network of its own that learned from true "
        "training pictures alone and takes part in no other training; true pictures are brought to the size of the "
        f"made ones. {100 * m['test_sure']:.0f} % of its answers on true test pictures are at 0.9 or more, on noise "
        f"{100 * m['test_sure_noise']:.0f} %: it is no judge of whether there is a face at all. Dark glasses hide the "
        "eyes and long hair the earrings, in true pictures too."
    )


def table() -> dict[str, list[str]]:
    """Every network over all test attributes, between floor and ceiling."""
    m = {WORDS[variant]: card_of(variant) for variant in PARTS}

    def percent(key: str) -> list[str]:
        return column(m, key, factor=100, floors=[f"{key}_most"], best=f"{key}_real")

    return {
        "": ["the most frequent value", *m, "true pictures"],
        "obeyed, %": percent("obeyed"),
        "obeyed, hair new in this colour, %": percent("new"),
        "Fréchet distance": column(m, "frechet", best="frechet_real"),
        "two of the same attributes differ": column(m, "spread"),
        "slope of D near true pictures": column(m, "slope", 2),
    }


def measures() -> str:
    config = shipped.card(SLUG, "small")["config"]
    return (
        "In brackets the 95 % interval over the test attributes (bootstrap). All of these were trained alike and "
        f"small: {config['side']} pixels, {config['n_steps']:,} batches, the same pictures and seed. The Fréchet "
        "distance is of the judge's features, to true test pictures; true pictures: training pictures. How much two "
        "characters differ is in levels of 255. The slope is the norm of the gradient of D's logit, over the whole "
        "picture. Each network was trained once; another seed would move every row."
    )


def agrees() -> str:
    cards = {WORDS[variant]: card_of(variant) for variant in PARTS}
    ranked, near = order(cards, "obeyed"), order(cards, "frechet", least=True)
    return (
        f"**Here:** by what is obeyed, the most first: *{'*, *'.join(ranked)}*. {sure(cards, ranked, 'obeyed')} By the "
        f"Fréchet distance, the nearest first: *{'*, *'.join(near)}*. {sure(cards, near, 'frechet')} {penalised()}\n\n"
        "**In the paper** a generator of residual blocks and sub-pixel layers with DRAGAN's penalty is said to train "
        "stably, on drawings of 128 pixels; its figures are of other pictures and another "
        "distance, and are not set beside these."
    )


def penalised() -> str:
    """What the penalty changed, in words that the figures choose."""
    if "plain" not in PARTS:
        return ""
    plain, whole = card_of("plain"), card_of("small")
    better = (
        "nearer to true pictures" if whole["test_frechet"] < plain["test_frechet"] else "farther from true pictures"
    )
    return (
        f"With the penalty the slope of D near true pictures is {whole['test_slope']:.2f}, without it "
        f"{plain['test_slope']:.2f}; the drawings made with it lie {better}"
        f"{'' if comparison.apart(plain, whole, 'frechet') else ', but the intervals meet'}."
    )


# -- words -----------------------------------------------------------------------------------------------------


def unheard(_: Any) -> str:
    m, whole = card_of("no-cls"), card_of("small")
    return (
        f"*Symptom:* faces, but not the ones asked for: a judge reads {interval(m, 'obeyed', 1, factor=100)} % of the "
        f"attributes as they were asked for, and always the most frequent value would give "
        f"{100 * m['test_obeyed_most']:.1f} %. *Cause:* D only says whether a picture is real, and a real face with "
        "the wrong hair is real: nothing tells G to look at what it was asked. *Cure:* G also descends the loss of the "
        f"classifier on D: {interval(whole, 'obeyed', 1, factor=100)} % after as many batches."
    )


def steep(_: Any) -> str:
    m, whole = card_of("plain"), card_of("small")
    return (
        f"*Symptom:* torn faces: their Fréchet distance from true pictures is {interval(m, 'frechet', 1)}, with the "
        f"penalty it is {interval(whole, 'frechet', 1)}; a judge reads {interval(m, 'obeyed', 1, factor=100)} % as "
        f"asked, with it {interval(whole, 'obeyed', 1, factor=100)} %. *Cause:* D is steep near true pictures: the "
        f"norm of its gradient is {m['test_slope']:.1f} there. Where it is steep, a small change of a picture turns "
        "its answer, and what it tells G. *Cure:* keep that norm near 1, around true pictures; it is "
        f"{whole['test_slope']:.2f} then, after as many batches."
    )


_SCENES = {
    "steep": Scene(
        title="A steep discriminator",
        text=steep,
        link={"by": "plain"},
        cure={"by": "small"},
        cure_title="Hold its slope near 1",
    ),
    "unheard": Scene(
        title="Nobody listens",
        text=unheard,
        link={"by": "no-cls"},
        cure={"by": "small"},
        cure_title="Let the classifier tell G",
    ),
}
SCENES = {key: scene for key, scene in _SCENES.items() if scene.link["by"] in PARTS}

WHY = (
    r"""
The generator $G$ is given noise $z$ and the attributes $c$ that a character is to have. The discriminator $D$ gives two
answers to a picture: whether it is real, and, by a classifier, which attributes it has. $G$ descends

$$
-\log D(G(z, c)) - \lambda_{cls} \log P_D(c \mid G(z, c))
$$

be taken for real, *and* be read as what was asked for; $\lambda_{cls}$ is the weight of the second. $D$ tells true
pictures $x$ from made ones, and its classifier learns to name the attributes of true ones.

**Residual blocks and sub-pixels.** $G$ turns noise and attributes into a small map, adds corrections block by block,
and doubles the side three times: each time four channels become the four pixels of a square.
""",
    r"""
**DRAGAN.** Where $D$ becomes steep near true pictures, $G$ gets gradients that lead nowhere. The penalty

$$
\lambda_{gp}\, \mathbb E\, (\lVert \nabla D(\hat x) \rVert_2 - 1)^2, \qquad \hat x = x + \delta
$$

keeps $D$'s gradient at a length near 1 at points $\hat x$ around true pictures $x$, $\delta$ being uniform noise of
half the pixels' standard deviation. The length is that of the *whole picture's* gradient, all pixels together, and $D$
does without batch normalisation, so that a picture's gradient is its own.

**What it cannot do.** At this size a freckle is a pixel or less, and an earring two. It knows one style of drawing, one
size and one direction to look. It has seen few batches: what it draws is grainy, and fine lines break. All people are
drawn, and belong to nobody; the drawings that it learned from are a remix of "Adventurer" by Lisa Wischofsky
(CC BY 4.0).
""",
)
SLOPE = (3.0, 4.0)


def check_penalty(answer: float) -> tuple[bool, str]:
    norm = float(np.hypot(*SLOPE))
    value = (norm - 1) ** 2
    return abs(answer - value) < 0.005, f"The norm is √(3² + 4²) = {norm:g}, so (5 − 1)² = {value:g}."


def check_worst(answer: str) -> tuple[bool, str]:
    m = card_of("")
    said = ", ".join(f"{NAMES[field]} {100 * m[f'test_obeyed_{field}']:.0f} %" for field in FIELDS)
    return answer == NAMES[worst(m)], f"Read as asked: {said}."


def check_listens(answer: str) -> tuple[bool, str]:
    found = {WORDS[variant]: 100 * card_of(variant)["test_obeyed"] for variant in PARTS}
    return picked(answer, found, "Read as asked,", "{:.1f} %", least=True)


def check_slope(answer: str) -> tuple[bool, str]:
    plain, whole = card_of("plain")["test_slope"], card_of("small")["test_slope"]
    right = "steeper" if plain > whole else "flatter"
    return answer == right, f"The gradient norm is {plain:.2f} without the penalty and {whole:.2f} with it."


QUESTIONS: tuple[Question, ...] = (
    Question(
        text="A picture of two pixels has D(x) = 3 x₁ + 4 x₂. What is its penalty, before its weight?",
        kind="number",
        check=check_penalty,
        hint="One norm for the whole picture, then its distance from 1, squared.",
    ),
    Question(
        text="Which attribute does the trained network obey least often?",
        kind="choice",
        options=tuple(NAMES.values()),
        check=check_worst,
        hint="Look at what is obeyed, and think of what hides what.",
    ),
)
if "plain" in PARTS:
    QUESTIONS += (
        Question(
            text="Which of the networks trained alike obeys least?",
            kind="choice",
            options=tuple(WORDS[variant] for variant in PARTS),
            check=check_listens,
            hint="Take a part away, and read the table.",
        ),
        Question(
            text="Is D steeper or flatter near true pictures without the penalty?",
            kind="choice",
            options=("steeper", "flatter"),
            check=check_slope,
            hint="The last column of the table.",
        ),
    )
