"""What StackGAN's page says: measures of its networks over held-out captions, the words beside them, its questions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

import torch

from engines import checkpoints
from engines.data import zoo
from engines.engine import Frame
from engines.making import captions
from engines.making.captions import BIRDS, TOLD, VALUES
from engines.making.stackgan import StackGAN, kl_to_standard
from pages.ui import comparison, shipped
from pages.ui.comparison import column, order, picked, sure
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # checkpoints/stackgan and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "no-ca": "without conditioning augmentation",
    "no-wrong": "without wrong captions",
    "one-stage": "64 pixels in one stage",
}
_FOUND = tuple(
    variant for variant in WORDS if variant and (checkpoints.folder("stackgan", variant) / checkpoints.CARD).exists()
)
PARTS = _FOUND if "small" in _FOUND else ()  # the others are compared with it
SHOWN = (3, 160, 320, 480, 640, 800, 960, 1120)  # test captions in a row of the comparison
READ = MappingProxyType(
    {
        "kind": "kind",
        "body": "colour",
        "second": "belly or centre",
        "place": "place",
        "size": "size",
        "facing": "facing",
    }
)
KEY = {words: field for field, words in READ.items()}
SAID = MappingProxyType({"front": "ahead"})  # values in words
RAW = {words: value for value, words in SAID.items()}
card_of = partial(comparison.metrics, "stackgan")


def model(variant: str) -> StackGAN:
    return shipped.model("stackgan", variant)


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """The test drawings (1281, 64, 64, 3), their first captions, and their attributes (1281, 14)."""
    pack = zoo.load("birds")
    rows = pack.rows("test")
    said = pack.text("captions")
    return {
        "image": pack.take("image", rows),
        "captions": [said[i][0] for i in rows],
        "attributes": pack.take("attributes", rows),
    }


def read(variant: str, caption: str) -> list[tuple[str, str, float]]:
    """What the encoder takes a caption to tell: attribute, its likeliest value, how likely."""
    engine = model(variant)
    said = engine.understood(engine.embed(captions.tokens([caption])[0]))
    bird = int(said["kind"].argmax()) <= len(BIRDS)
    found = []
    for field, words in READ.items():
        if field == "facing" and not bird:
            continue
        p, at = said[field][0].max(dim=0)
        value = ("not told", *VALUES[field])[int(at)]
        found.append((words, SAID.get(value, value), float(p)))
    return found


# -- measures --------------------------------------------------------------------------------------------------


def learned(variant: str) -> str:
    """How a network was trained and how well it obeys, with its scale."""
    card = shipped.card("stackgan", variant)
    m, config = card["metrics"], card["config"]
    stages = (
        f"{config['text_steps']:,} for the encoder, {config['stage1_steps']:,} for stage 1 and the rest for stage 2"
        if config["stacked"]
        else f"{config['text_steps']:,} for the encoder"
    )
    return (
        f"Learned from {card['data']['n_train']:,} drawings with five captions each in {card['steps']:,} batches of "
        f"{config['batch_size']} ({stages}). Of what {card['data']['n_test']:,} captions tell, all of combinations of "
        f"colours that it never saw, a judge sees {interval(m, 'obeyed', 0, factor=100)} % in the results, "
        f"{interval(m, 'obeyed_real', 0, factor=100)} % in the true drawings, and "
        f"{interval(m, 'obeyed_other', 0, factor=100)} % in drawings made for another caption. {one_by_one(m)}"
    )


def one_by_one(m: Mapping[str, float]) -> str:
    """Each attribute that is told, with what chance would give, the best kept first; unsure ones are named."""
    ranked = sorted(TOLD, key=lambda field: -m[f"test_{field}"])
    said = ", ".join(
        f"{READ[field]} {100 * m[f'test_{field}']:.0f} % ({100 * m[f'test_{field}_other']:.0f} %)" for field in ranked
    )
    lost = [READ[field] for field in ranked if m[f"test_{field}_low"] <= m[f"test_{field}_other_high"]]
    unsure = f" Of *{'*, *'.join(lost)}* nothing sure is kept." if lost else ""
    return f"One by one, in brackets for another caption: {said}.{unsure}"


def table() -> dict[str, list[str]]:
    """Every network over all test captions, between floor and ceiling."""
    m = {WORDS[variant]: card_of(variant) for variant in PARTS}

    def percent(key: str) -> list[str]:
        return column(m, key, 0, factor=100, floors=[f"{key}_other"], best=f"{key}_real")

    return {
        "": ["drawings for another caption", *m, "true drawings"],
        "obeyed, %": percent("obeyed"),
        "kind": percent("kind"),
        "colour": percent("body"),
        "belly or centre": percent("second"),
        "place": percent("place"),
        "D prefers the right caption, %": column(m, "match", 0, factor=100),
        "and the right colour, %": column(m, "match_colour", 0, factor=100),
        "two drawings differ": column(m, "spread"),
        "Fréchet distance": column(m, "frechet", best="frechet_real"),
    }


def measures() -> str:
    m = shipped.card("bird_judge")["metrics"]
    floor = ", ".join(
        f"{words} {100 * m[f'test_{field}']:.0f} % ({100 * m[f'test_chance_{field}']:.0f} %)"
        for field, words in READ.items()
        if field in TOLD
    )
    return (
        "In brackets the 95 % interval over the test captions (bootstrap). All of these were trained alike and small: "
        "the same steps, width, drawings and seed. Obeyed: the share of the five attributes told (kind, colour, belly "
        "or centre, size, place) that a judge sees, a convolutional network which learned from true training drawings "
        "alone. Of true test drawings it names (in brackets the most frequent value's share): "
        f"{floor}. {100 * m['test_sure']:.0f} % of its answers on drawings are at 0.9 or more, on noise "
        f"{100 * m['test_sure_noise']:.0f} %. D prefers the right caption: how often it scores a true drawing higher "
        "beside its own caption than beside another's; and the right colour: than beside the same caption with another "
        "first colour; chance is 50 %. Two drawings of one caption differ, in levels of 255. The Fréchet distance is "
        "of the judge's features, to the test drawings; true drawings: training drawings."
    )


def agrees() -> str:
    cards = {WORDS[variant]: card_of(variant) for variant in PARTS}
    ranked, varied = order(cards, "obeyed"), order(cards, "spread")
    near = order(cards, "frechet", least=True)
    whole, without = cards["all parts"], cards.get("without wrong captions")
    said = ""
    if without is not None:
        apart = whole["test_match_low"] > without["test_match_high"]
        said = (
            f" Without wrong captions D prefers the right one in {100 * without['test_match']:.0f} %, with them in "
            f"{100 * whole['test_match']:.0f} %{'' if apart else ', and the intervals meet'}."
        )
    return (
        f"**Here:** by what is obeyed, the most first: *{'*, *'.join(ranked)}*. {sure(cards, ranked, 'obeyed')} "
        f"Nearest to true drawings: *{near[0]}*. Drawings of one caption differ most *{varied[0]}*.{said}\n\n"
        "**In the paper** conditioning augmentation is said to make the results more diverse and the training more "
        "stable, and the second stage to mend defects of the first and to add details. Its photos show 200 kinds of "
        "birds and 102 of flowers in 256 pixels; a drawing of 64 pixels has few details to add."
    )


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card("stackgan")["config"]
    if "gan0" not in s:
        if "text_loss" not in s:
            return [{"text": "Nothing has been learned yet."}]
        return [
            {
                "text": "The encoder descends −log p(what is told | caption), summed over fourteen attributes, which "
                "may be untold:"
            },
            {"math": latex(number(s["text_loss"], tex=True))},
        ]
    end, stage = ("", 2) if "gan" in s else ("0", 1)
    weight, eta = config["kl_weight"], config["pixel_weight"]
    gan, kl, l1, d_loss = (s[key + end] for key in ("gan", "kl", "l1", "d_loss"))
    name = "G" if stage == 2 else "G_0"
    return [
        {"text": f"Averages over about the last 50 batches of stage {stage}. {name.replace('_0', '₀')} descends"},
        {"math": latex(r"-\log D(\hat I, \varphi_t) + \lambda D_{KL} + \eta \lVert \hat I - I \rVert_1")},
        {"math": latex(rf"{number(gan, tex=True)} + {weight:g} \cdot {number(kl, tex=True)} + {eta:g} \cdot "
                       rf"{number(l1, tex=True)} = {number(gan + weight * kl + eta * l1, tex=True)}")},
        {"text": f"D's loss is {d_loss:.3f}; it is 2 log 2 = 1.386 where D cannot tell. D takes for real and right: "
                 f"true drawings beside their own caption with {s['d_real' + end]:.2f}, beside another's with "
                 f"{s['d_wrong' + end]:.2f}, made ones with {s['d_fake' + end]:.2f}."},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def ignored(_: Any) -> str:
    m, whole = card_of("no-wrong"), card_of("small")
    return (
        f"*Symptom:* D does not read: it prefers a drawing's own caption to another's in "
        f"{interval(m, 'match', 0, factor=100)} % of cases, and 50 % is chance. *Cause:* it was shown true drawings "
        "beside their own captions only, so it asks whether a drawing is real, and not whether it is the right one. "
        "*Cure:* true drawings beside wrong captions, which D must reject: "
        f"{interval(whole, 'match', 0, factor=100)} % after as many batches. The drawings of both keep to about as "
        f"much of what is told ({100 * m['test_obeyed']:.0f} and {100 * whole['test_obeyed']:.0f} %): L1 to the right "
        "drawing teaches it too."
    )


SCENES = (
    {}
    if not {"small", "no-wrong"} <= set(PARTS)
    else {
        "ignored": Scene(
            title="D does not read the caption",
            text=ignored,
            link={"by": "no-wrong"},
            cure={"by": "small"},
            cure_title="Show D wrong captions too",
        )
    }
)

WHY = (
    r"""
A caption $t$ becomes numbers, its embedding $\varphi_t$, by an encoder that is learned first and then frozen. A
generator draws from noise $z$ and from what it is told. **StackGAN** does three things so that this works.

**Two stages.** Stage 1 draws few pixels: what goes where, and in which colour. Stage 2 sees that drawing and reads the
caption *again*, for what stage 1 had no room to draw, and mends it.

**Conditioning augmentation.** The generator is not told $\varphi_t$ but a draw about it,

$$
c \sim \mathcal N(\mu(\varphi_t), \Sigma(\varphi_t)), \qquad
D_{KL}\big(\mathcal N(\mu(\varphi_t), \Sigma(\varphi_t)) \,\Vert\, \mathcal N(0, I)\big)
$$

with a penalty on how far the Gaussian, of mean $\mu$ and diagonal covariance $\Sigma$, is from the standard one. There
are few captions and much room between them; so the room is filled.
""",
    r"""
**Wrong captions.** The discriminator $D$ sees drawings *beside captions*. A true drawing $I$ beside its own caption is
right. A made drawing $\hat I$ is wrong, and so is a true drawing beside the caption $t'$ of another one:

$$
\max_D\ \log D(I, \varphi_t) + \tfrac12 \log(1 - D(\hat I, \varphi_t)) + \tfrac12 \log(1 - D(I, \varphi_{t'}))
$$

Without the last term $D$ can win by knowing what is real, and need not read. The generator descends
$-\log D(\hat I, \varphi_t) + \lambda D_{KL} + \eta \lVert \hat I - I \rVert_1$. The last term is not the paper's: it
draws the result to the drawing $I$ that the caption was written for, as a few minutes of the game alone leave stains.

**What it cannot do.** It knows 91 words and drawings of eight kinds. What no caption says it cannot be told, and a
sentence of another build than those it learned from may be misread: look at what the encoder reads.
""",
)
MEAN, VARIANCE = 1.0, 1.0


def check_kl(answer: float) -> tuple[bool, str]:
    value = float(kl_to_standard(torch.tensor([[MEAN]]), torch.tensor([[VARIANCE]]).log()))
    return abs(answer - value) < 0.005, f"(μ² + σ² − 1 − log σ²) / 2 = (1 + 1 − 1 − 0) / 2 = {value:g}."


def check_match(answer: str) -> tuple[bool, str]:
    found = {WORDS[variant]: 100 * card_of(variant)["test_match"] for variant in PARTS}
    return picked(answer, found, "D prefers the right caption in,", "{:.1f} %", least=True)


def check_hardest(answer: str) -> tuple[bool, str]:
    m = card_of("")
    found = {READ[field]: m[f"test_{field}"] for field in TOLD}
    said = ", ".join(f"{words} {100 * value:.0f} %" for words, value in found.items())
    return answer == min(found, key=lambda words: found[words]), f"The trained network obeys: {said}."


def check_noise(answer: str) -> tuple[bool, str]:
    whole, without = (card_of(variant)["test_spread"] for variant in ("small", "no-ca"))
    said = f"Two drawings of one caption differ by {whole:.1f} levels with it and by {without:.1f} without it."
    return (answer == "more") == (whole > without), said


QUESTIONS: tuple[Question, ...] = (
    Question(
        text="One number of c has mean 1 and variance 1. What is its part of the divergence, in nats?",
        kind="number",
        check=check_kl,
        hint="Half of the mean squared, plus the variance, minus 1, minus the logarithm of the variance.",
    ),
    Question(
        text="Which of the attributes told does the trained network obey least often?",
        kind="choice",
        options=tuple(READ[field] for field in TOLD),
        check=check_hardest,
        hint="Describe a few drawings, and look which attribute the judge does not see.",
    ),
)
if {"small", "no-ca"} <= set(PARTS):
    QUESTIONS += (
        Question(
            text="Which discriminator of the networks trained alike prefers the right caption least often?",
            kind="choice",
            options=tuple(WORDS[variant] for variant in PARTS),
            check=check_match,
            hint="Take a part away, and read the table.",
        ),
        Question(
            text="Do two drawings of one caption differ more or less with conditioning augmentation?",
            kind="choice",
            options=("more", "less"),
            check=check_noise,
            hint="Take a part away, and read how much two drawings differ.",
        ),
    )
