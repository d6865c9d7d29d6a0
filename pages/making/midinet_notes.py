"""What MidiNet's page says: measures of its networks over held-out tunes, the words beside them, its questions."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from engines.data import zoo
from engines.engine import Frame
from engines.making import bars
from engines.making.midinet import LONG, MidiNet, cells
from engines.material import Bars
from engines.maths.chains import Chain
from pages.ui import comparison, shipped
from pages.ui.comparison import each
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # checkpoints/midinet and its variants, in words
    "": "all parts",
    "not-joined": "bar before beside the layers only",
    "paper": "the paper's form",
    "no-previous": "without the bar before",
    "no-matching": "without feature matching",
}
card_of = partial(comparison.metrics, "midinet")


def model(variant: str) -> MidiNet:
    return shipped.model("midinet", variant)


@lru_cache(maxsize=1)
def openings() -> dict[str, Any]:
    """A hundred test tunes with nine bars in a row: ``pitch`` and ``onset`` (100, 9, 16), their estimated ``chords``
    from the second bar on, by name, and their ``titles``.
    """
    pack = zoo.load("tunes")
    before, rows = pack["prev"], pack.rows("test")
    first = [
        row for row in rows if before[row] < 0 and (before[row + 1 : row + 1 + LONG] == row + np.arange(LONG)).all()
    ]
    _, once = np.unique(pack["tune"][first], return_index=True)  # a tune may begin anew in its middle
    at = np.array(first)[once][:100, None] + np.arange(LONG + 1)
    names, tunes = pack.text("info")["chord_names"], pack.text("tunes")
    return {
        "pitch": pack["pitch"][at],
        "onset": pack["onset"][at],
        "chords": [tuple(names[chord] for chord in row[1:]) for row in pack["chord"][at]],
        "titles": [tunes[tune]["title"] for tune in pack["tune"][at[:, 0]]],
    }


@lru_cache(maxsize=1)
def chains() -> Chain:
    """The n-gram of all training bars."""
    return bars.chain_of({key: value.numpy() for key, value in Bars.load("tunes").train.items()})


@lru_cache(maxsize=1)
def probe() -> tuple[np.ndarray, np.ndarray]:
    """The test bars that a recorded training watches: the bars before (64, 16) and the true ones (64, 16)."""
    kept = Bars.load("tunes").probe
    return kept["before"].numpy(), kept["pitch"].numpy()


# -- measures --------------------------------------------------------------------------------------------------


def learned() -> str:
    card = shipped.card("midinet")
    m, config = card["metrics"], card["config"]
    return (
        f"Learned from {card['data']['n_train']:,} bars in {card['steps']:,} batches of {config['batch_size']}. Over "
        f"{card['data']['n_test']:,} test bars the leap over the bar line is {interval(m, 'leap')} semitones, "
        f"{interval(m, 'leap_shuffled')} where G is shown a bar of another tune; for true bars it is "
        f"{interval(m, 'leap_true')}, after a bar of another tune {interval(m, 'leap_chance')}."
    )


def table() -> dict[str, list[str]]:
    """Every network over all test bars, the n-gram, and the true bars."""
    cards = {words: card_of(variant) for variant, words in WORDS.items()}
    whole = cards["all parts"]

    def column(key: str, digits: int = 1, factor: float = 1.0) -> list[str]:
        ends = [interval(whole, f"{key}_{end}", digits, factor=factor) for end in ("ngram", "true")]
        return [*each(cards, key, digits, factor=factor), *ends]

    return {
        "": [*cards, "an n-gram", "true bars"],
        "leap, semitones": column("leap"),
        "shown another bar": [*each(cards, "leap_shuffled"), "", interval(whole, "leap_chance")],
        "on the chord, %": column("chord", 0, 100),
        "told another chord": [*each(cards, "chord_shuffled", 0, factor=100), "", ""],
        "in key, %": column("key", 1, 100),
        "repeated notes, %": column("repeated", 0, 100),
        "notes a bar": column("notes"),
        "different bars, %": column("distinct", 0, 100),
    }


MEASURES = (
    "Each network makes the bar after the true bar before, to its chord, over all test bars; in brackets the 95 % "
    "interval over the test tunes (bootstrap). All networks were trained alike: the same steps, width, bars and seed. "
    "Shown another bar: the leap from the true bar before where G saw a bar of another tune, which for true bars is "
    "the leap from a bar of another tune. Repeated notes: of a bar's notes after its first, those of the pitch before. "
    "The n-gram (three notes hang together) learned from the same bars and sees the bar before, but no chord."
)


def agrees() -> str:
    cards = {words: card_of(variant) for variant, words in WORDS.items()}
    order = sorted(cards, key=lambda words: cards[words]["test_leap"])
    linked = [words for words in order if cards[words]["test_gain_low"] > 0]
    sure = (
        f"The bar before matters (the interval of what another bar costs lies above 0) for *{'*, *'.join(linked)}*."
        if linked
        else "For no network does another bar cost anything sure."
    )
    return (
        f"**Here:** the smallest leaps first, *{'*, *'.join(order)}*. {sure}\n\n"
        "**In the paper** listeners judged melodies of eight bars: MidiNet's about as realistic and pleasant as those "
        "of MelodyRNN, a recurrent network, and more interesting. That is another question than how bars join."
    )


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card("midinet")["config"]
    if "gan" not in s:
        return [{"text": "Nothing has been learned yet."}]
    mean, feature = config["mean_weight"], config["feature_weight"]
    total = s["gan"] + mean * s["mean"] + feature * s["feature"]
    shown = {key: number(s[key], tex=True) for key in ("gan", "mean", "feature", "d_loss", "r1")}
    return [
        {"text": "Averages over about the last 50 batches. G descends −log D(G(z)) and feature matching, of cells and "
                 "of features:"},
        {"math": latex(rf"{shown['gan']} + {mean:g} \cdot {shown['mean']} + {feature:g} \cdot {shown['feature']} "
                       rf"= {number(total, tex=True)}")},
        {"text": "D descends −log D(x) − log(1 − D(G(z))) and the penalty on its slope at true bars:"},
        {"math": latex(rf"{shown['d_loss']} + {config['r1_weight']:g} \cdot {shown['r1']} = "
                       rf"{number(s['d_loss'] + config['r1_weight'] * s['r1'], tex=True)}")},
        {"text": f"Where D cannot tell, the first terms are log 2 = 0.693 and log 4 = 1.386. D takes true bars for "
                 f"true with probability {s['d_real']:.2f}, G's with {s['d_fake']:.2f}."},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def unlinked(_: Any) -> str:
    m, whole = card_of("paper"), card_of("")
    costs = m["test_leap_shuffled"] - m["test_leap"]
    unsure = m["test_gain_low"] <= 0 <= m["test_gain_high"]
    return (
        f"*Symptom:* bars stand side by side without a link. Over the test bars the leap is {m['test_leap']:.1f} "
        f"semitones, {m['test_leap_shuffled']:.1f} where G is shown a bar of another tune "
        f"({'no sure difference' if unsure else f'{costs:.1f} more'}); in the tunes it is {m['test_leap_true']:.1f}. "
        "*Cause:* in the paper's form D judges one bar, so that nothing asks for a link, and G's first half of a bar "
        "depends on the first half of the bar before, never on its end. *Cure:* D judges two bars in a row, and G gets "
        f"all of the bar before beside its noise: {whole['test_leap']:.1f} semitones after as many batches."
    )


SCENES = {
    "unlinked": Scene(
        title="Bars that do not join",
        text=unlinked,
        link={"by": "paper", "chords": "round"},
        cure={"chords": "round"},
        cure_title="Let both see the bar before",
    )
}

WHY = (
    r"""
A melody is written bar by bar. A bar is a picture of 32 pitches by 16 steps, so a convolutional GAN can draw it from
noise $z$. **MidiNet** adds two conditions. A *chord*, 13 numbers (which of twelve roots, and whether it is minor), is
laid beside every layer. The *bar before* goes through a convolutional *conditioner*, which runs as the generator $G$
does but backwards, from 16 steps to 2, so that each of its maps fits beside one of $G$'s.

$$
-\log D(G(z)) + \tfrac{\lambda_1}{2} \lVert \mathbb{E}\,x - \mathbb{E}\,G(z) \rVert^2
+ \tfrac{\lambda_2}{2} \lVert \mathbb{E} f(x) - \mathbb{E} f(G(z)) \rVert^2
$$

is what $G$ descends; $x$ are true bars, $D$ is the discriminator and $f$ its first layer. The last two terms are
*feature matching*: a batch of made bars shall have the averages of a batch of true ones.
""",
    r"""
**What links two bars?** In the paper $D$ sees one bar, and asks for no link. And $G$'s layers pair steps, so the
first half of a bar sees only the first half of the bar before: the note it has to go on from lies in the second. Here
$D$ also sees the bar before, and $G$ gets all of it at once beside its noise. Take these parts away and compare the
leaps.

**Move** *The bar before counts* to 0: the noise and the chords stay, but $G$ is shown bars of other tunes.

**What it cannot do.** It remembers one bar: no theme comes back, no section ends. An n-gram, which draws note by note
from what followed the last two, links notes better and knows neither bars nor chords.
""",
)
BEFORE, AFTER = 64, 72  # MIDI numbers, E4 and C5


def check_leap(answer: float) -> tuple[bool, str]:
    leap = bars.leaps(np.full((1, 16), BEFORE - bars.LOW), np.full((1, 16), AFTER - bars.LOW))[0]
    return round(answer) == leap, f"It is {leap:.0f} semitones: the difference of the MIDI numbers."


def check_smallest(answer: str) -> tuple[bool, str]:
    leaps = {words: card_of(variant)["test_leap"] for variant, words in WORDS.items()}
    return answer == min(leaps, key=lambda w: leaps[w]), ", ".join(f"{w}: {v:.2f}" for w, v in leaps.items()) + "."


def check_half(answer: str) -> tuple[bool, str]:
    first, second = changed("paper")
    said = (
        f"Over {len(openings()['pitch'])} openings, {100 * first:.0f} % of the steps in the first half of the new bar "
        f"change, and {100 * second:.0f} % in the second."
    )
    return (answer == "yes") == (first > 0), said


@lru_cache(maxsize=4)
def changed(variant: str) -> tuple[float, float]:
    """The shares of steps in each half of the new bar that change with the second half of the bar before."""
    of, engine = openings(), model(variant)
    pitch, onset = of["pitch"][:, 0], of["onset"][:, 0]
    half = [np.concatenate([own[:, :8], np.roll(own, 1, axis=0)[:, 8:]], axis=1) for own in (pitch, onset)]
    z = torch.randn(len(pitch), engine.config.latent_dim, generator=torch.Generator().manual_seed(0))
    chord = np.tile(np.eye(13)[0], (len(pitch), 1))
    one, other = (engine.follow(cells(*before), chord, z)[0] for before in ((pitch, onset), half))
    return float((one != other)[:, :8].mean()), float((one != other)[:, 8:].mean())


QUESTIONS = (
    Question(
        text=f"A bar ends on E4, MIDI number {BEFORE}, and the next begins on C5, MIDI number {AFTER}. How many "
        "semitones is the leap?",
        kind="whole",
        check=check_leap,
        hint="A semitone is one MIDI number.",
    ),
    Question(
        text="Which network has the smallest leap over the bar line on the test tunes?",
        kind="choice",
        options=tuple(WORDS.values()),
        check=check_smallest,
        hint="Take a part away, and read the first column.",
    ),
    Question(
        text="In the paper's form, exchange the second half of the bar before. Does the first half of the new bar "
        "change?",
        kind="choice",
        options=("yes", "no"),
        check=check_half,
        hint="Read on the right of Why which steps see which.",
    ),
)
