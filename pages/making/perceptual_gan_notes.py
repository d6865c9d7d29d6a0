"""What Perceptual GAN's page says: measures of its networks over held-out objects, the words beside them, questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engines.engine import Frame
from engines.making import perceptual_seeds as seeds
from engines.making.perceptual_gan import LARGE, PerceptualGAN
from pages.ui import shipped
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "perceptual-gan"
WORDS = {  # checkpoints/perceptual_gan and its variants, in words
    "": "all parts",
    "no-adversarial": "without the adversarial branch",
    "no-perception": "without the perception branch",
    "from-pooled": "residual made from the pooled features",
    "perception-learns": "P goes on learning, with the generator",
    "fine-tuned": "P goes on learning, no generator",
}


def model(variant: str) -> PerceptualGAN:
    return shipped.model("perceptual_gan", variant)


def card_of(variant: str) -> dict[str, Any]:
    return shipped.card("perceptual_gan", variant)


def metrics(variant: str) -> Mapping[str, float]:
    return card_of(variant)["metrics"]


# -- measures --------------------------------------------------------------------------------------------------


def learned(variant: str) -> str:
    card = card_of(variant)
    m, config = card["metrics"], card["config"]
    first = config["perception_steps"]
    return (
        f"P learned from {card['data']['n_train']:,} large objects in {first:,} batches of {config['batch_size']}; "
        f"{card['steps'] - first:,} batches of small and large ones followed. Over {card['data']['n_test']:,} test "
        f"objects, drawings and photographs never learned from, it names rightly {interval(m, 'small', factor=100)} % "
        f"of the small ones without the generator, {interval(m, 'raised', factor=100)} % with it, and "
        f"{interval(m, 'large', factor=100)} % of the large ones; by chance {100 * m['test_chance']:.1f} %."
    )


def over(variant: str, key: str) -> str:
    """A share over the seeds, in %: "55.1 (52.0 to 58.2)"."""
    values = seeds.over_seeds(seeds.load(), variant, key)
    if len(values) < len(seeds.SEEDS):
        return ""
    mean, low, high = seeds.interval(values)
    return f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def table() -> dict[str, list[str]]:
    """Every network over all test objects, between chance and the large ones."""
    whole = metrics("")

    def percent(key: str) -> list[str]:
        return [interval(metrics(variant), key, factor=100) for variant in WORDS]

    chance = f"{100 * whole['test_chance']:.1f}"
    return {
        "": ["chance", "plain network", *WORDS.values(), "large objects"],
        "small, %": [chance, interval(whole, "small", factor=100), *percent("raised"),
                     interval(whole, "large", factor=100)],
        f"over {len(seeds.SEEDS)} seeds, %": ["", over("", "small"), *(over(variant, "raised") for variant in WORDS),
                                         over("", "large")],
        "large, %": [chance, interval(whole, "large", factor=100), *percent("large"), ""],
        "large, if raised too": ["", "", *percent("large_raised"), ""],
        "off": ["", interval(whole, "off", 2), *(interval(metrics(v), "off_raised", 2) for v in WORDS), "0"],
    }  # fmt: skip


MEASURES = (
    "Small: the share of test objects of 8 to 12 pixels that are named rightly; in brackets the 95 % interval over the "
    "test drawings (bootstrap). Then the mean of the seeds, with the interval for their mean (Student's t), "
    "where all were trained. Large: of "
    "32 to 48 pixels, where nothing is added; beside it, if the residual were added to large ones too. Off: the mean "
    "squared distance of the small object's features from those of the same object seen large, in deviations of a "
    "channel. All were trained alike: the same steps, width, objects and seed. P is the perception branch, which names "
    "the class; where it goes on learning, it learns from large and small objects alike."
)


def apart(variant: str, key: str = "raised") -> np.ndarray:
    """By how much all parts name more small objects rightly than a variant, with the same seed: (S,)."""
    by = {(row["variant"], row["seed"]): row for row in seeds.load()}
    both = [(by["", s], by[variant, s]) for s in seeds.SEEDS if ("", s) in by and (variant, s) in by]
    return np.array([a["raised"] - b[key] for a, b in both if "raised" in a and key in b])


def sure(values: np.ndarray) -> str:
    if len(values) < 2:
        return "one seed"
    _, low, high = seeds.interval(values)
    return f"{'sure' if low > 0 or high < 0 else 'not sure'} over {len(values)} seeds"


def agrees() -> str:
    rows = seeds.load()
    means = {v: float(seeds.over_seeds(rows, v, "raised").mean()) for v in WORDS}
    order = sorted(means, key=lambda v: -means[v])

    def against(variant: str) -> str:
        found = apart(variant)
        return f"{100 * abs(found.mean()):.1f} points {'above' if found.mean() > 0 else 'below'} ({sure(found)})"

    gain = apart("", "small")
    m = metrics("")
    over_drawings = "its interval over drawings lies above 0" if m["test_gain_low"] > 0 else "not sure over drawings"
    return (
        f"**Here:** the generator raises the share of small objects named rightly by {100 * gain.mean():.1f} points "
        f"({sure(gain)}; {over_drawings}), and large ones stay as they are. With all parts it lies "
        f"{against('no-adversarial')} the network without the adversarial branch, {against('no-perception')} the one "
        f"without the perception branch, and {against('from-pooled')} the one whose residual is made from the pooled "
        f"features. The plain rival, whose P goes on learning on small objects too, without a generator and with as "
        f"many batches: all parts lie {against('fine-tuned')} it. In order, best first: "
        f"*{'*, *'.join(WORDS[v] for v in order)}*.\n\n"
        "**In the paper** whole detectors of traffic signs and pedestrians (Tsinghua-Tencent 100K, Caltech) are "
        "measured, so only the direction can be compared: small objects gain. That a classifier which may learn from "
        "labelled small objects catches up, or does better, is seen here; it needs those labels, as the perception "
        "branch does."
    )


def by_size(variant: str) -> dict[str, list[Any]]:
    """Shares named rightly by size for seed 0, with their intervals over drawings, as columns."""
    row = next(r for r in seeds.load() if r["variant"] == variant and r["seed"] == 0)
    found: dict[str, list[Any]] = {"pixels": [], "network": [], "right": [], "low": [], "high": []}
    for how, words in (("raised", "with the generator"), ("plain", "plain network")):
        for px, (right, low, high) in zip(row["sizes"], row[f"{how}_at"], strict=True):
            for key, value in zip(found, (px, words, 100 * right, 100 * low, 100 * high), strict=True):
                found[key].append(value)
    return found


BY_SIZE = (
    "The large crops of all test objects, shrunk by averaging until the object has so many pixels (below 20 with the "
    "noise of small training objects). Bands: 95 % intervals over the test drawings. Here the generator is used at "
    f"every size; the page uses it below {LARGE} pixels only. It learned from objects of 8 to 12 pixels."
)


def gains() -> dict[int, float]:
    """Points that the generator adds at each size, seed 0."""
    row = next(r for r in seeds.load() if r["variant"] == "" and r["seed"] == 0)
    return {px: 100 * (b[0] - a[0]) for px, a, b in zip(row["sizes"], row["plain_at"], row["raised_at"], strict=True)}


def from_which_size() -> str:
    found = gains()
    best = max(found, key=lambda px: found[px])
    largest = max(found)
    said = f"The generator adds most at {best} pixels, {found[best]:.1f} points. "
    change = found[largest]
    return said + (
        f"Used at {largest} pixels it would {'cost' if change < 0 else 'add'} {abs(change):.1f} points: that is why it "
        "is skipped for large objects."
        if change < 0
        else f"At {largest} pixels it would add {change:.1f}."
    )


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, card_of("")["config"]
    if "perception_large" not in s:
        return [{"text": "Nothing has been learned yet."}]
    if "d_loss" not in s:
        return [{"text": "P, the perception branch, learns to name large objects. It descends its cross-entropy:"},
                {"math": latex(rf"-\log P(y \mid F_l) = {number(s['perception_large'], tex=True)}")},
                {"text": "G has not begun: what is raised is what there was."}]  # fmt: skip
    w_a, w_p = config["adversarial_weight"], config["perception_weight"]
    total = w_a * s["adversarial"] + w_p * s["perception"]
    shown = {key: number(s[key], tex=True) for key in ("adversarial", "perception", "d_loss")}
    return [
        {"text": "Averages over about the last 50 batches. G descends the adversarial and the perception branch:"},
        {"math": latex(rf"{w_a:g} \cdot {shown['adversarial']} + {w_p:g} \cdot {shown['perception']} "
                       rf"= {number(total, tex=True)}")},
        {"text": "D's adversarial branch descends"},
        {"math": latex(rf"-\log D_a(F_l) - \log(1 - D_a(F_s + G(f))) = {shown['d_loss']}")},
        {"text": f"which is log 4 = 1.386 where it cannot tell. It takes features of large objects for those of large "
                 f"ones with probability {s['d_large']:.2f}, raised ones with {s['d_raised']:.2f}."},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def nobodys(_: Any) -> str:
    m, whole = metrics("no-adversarial"), metrics("")
    unsure = m["test_gain_low"] <= 0 <= m["test_gain_high"]
    return (
        "*Symptom:* without the adversarial branch the generator changes small test objects from "
        f"{100 * m['test_small']:.1f} to {100 * m['test_raised']:.1f} % named rightly "
        f"({'not a sure gain' if unsure else 'a sure gain'}), and its features lie further from the large ones than "
        f"before: {m['test_off_raised']:.2f}, from {m['test_off']:.2f}. *Cause:* the perception branch alone takes "
        "any features that P names rightly in training, such as no large object has among them; on new drawings "
        "they mean little. *Cure:* the adversarial branch keeps the features among those of large objects: "
        f"{100 * whole['test_raised']:.1f} %, {whole['test_off_raised']:.2f} away, after as many batches."
    )


SCENES = {
    "nobodys": Scene(
        title="Features that nothing has",
        text=nobodys,
        link={"by": "no-adversarial"},
        cure={},
        cure_title="Add the adversarial branch",
    )
}

WHY = (
    r"""
A network that names objects well when they are large fails when they are small: what it sees of them, its *features*,
is another thing. **Perceptual GAN** does not enlarge the image. It corrects the features.

A base network turns an object into pooled features $F$, of the same size near and far: $F_l$ of a large one, $F_s$ of a
small one. An early layer still has details, $f$. The generator $G$ makes from them what is missing:
$F_s + G(f)$.

$$
\min_G \max_{D_a}\ \mathbb{E} \log D_a(F_l) + \mathbb{E} \log(1 - D_a(F_s + G(f)))
$$

$D_a$ is the discriminator's *adversarial branch*: are these the features of a large object? Its second branch, the
*perception branch* $P$, names the class $y$, and $G$ also descends $-\log P(y \mid F_s + G(f))$.
""",
    rf"""
**In turns.** First $P$ learns on large objects alone. Then it is held, and $D_a$ and $G$ take turns. No small object is
ever shown beside its large self.

**Large objects stay.** The generator learned from objects of 8 to 12 pixels; from {LARGE} on,
nothing is added. Look under *By size* at what would happen otherwise.

**The base** is EfficientNet-Lite0, trained to name ImageNet's photos, and never changed here. The features shown are
112 channels of $4 \times 4$, in deviations from their mean over large objects: orange above it, blue below.

**What it cannot do.** What is not in the pixels is guessed, from what small objects of a class usually lack. And who
has labelled small objects may also let $P$ learn from them: compare under *Take a part away*.
""",
)


def check_gain(answer: float) -> tuple[bool, str]:
    m = metrics("")
    gain = 100 * (m["test_raised"] - m["test_small"])
    return abs(answer - gain) <= 1, f"{100 * m['test_raised']:.1f} − {100 * m['test_small']:.1f} = {gain:.1f} points."


def check_best(answer: str) -> tuple[bool, str]:
    found = {words: float(seeds.over_seeds(seeds.load(), v, "raised").mean()) for v, words in WORDS.items()}
    said = "; ".join(f"{words}: {100 * value:.1f} %" for words, value in found.items())
    return answer == max(found, key=lambda words: found[words]), f"Means of the seeds. {said}."


def check_large(answer: str) -> tuple[bool, str]:
    m = metrics("")
    change = 100 * (m["test_large_raised"] - m["test_large"])
    right = "rise" if change > 0.05 else "fall" if change < -0.05 else "stay"
    return answer == right, f"It would go from {100 * m['test_large']:.1f} % to {100 * m['test_large_raised']:.1f} %."


QUESTIONS = (
    Question(
        text="By how many points does the generator raise the share of small test objects that are named rightly? "
        "(within 1 point)",
        kind="number",
        check=check_gain,
        hint="Take a part away: the network with all parts, less the plain network, in the first column.",
    ),
    Question(
        text="Which network names the most small test objects rightly, over the seeds?",
        kind="choice",
        options=tuple(WORDS.values()),
        check=check_best,
        hint="Take a part away, and read the column of the seeds.",
    ),
    Question(
        text="If the residual were added to large objects too, would the share named rightly rise, stay or fall?",
        kind="choice",
        options=("rise", "stay", "fall"),
        check=check_large,
        hint="Compare the columns of large objects.",
    ),
)
