"""What CycleGAN's page says and asks: every figure is of the cards that ship or of what is on the stage."""

from __future__ import annotations

from typing import Any

from pages.ui import show
from pages.ui.comparison import apart, interval, metrics, order, picked
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "cyclegan"
WORDS = {  # checkpoints/cyclegan and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "no-identity": "without the identity loss",
    "one-way": "the cycle x → y → x alone",
    "no-cycle": "the GAN alone",
}
WHY = (
    r"""
pix2pix needs pairs. Here are two heaps of emoji, one flat, one shaded, and nobody says which belongs to which.
$G$ draws a flat one, $x$, as shaded, and $D_Y$ judges whether $G(x)$ looks like one of the shaded heap. But *any*
shaded emoji would do: nothing says that it must be the same thing.

**CycleGAN** learns the way back as well, $F$, and asks that both ways undo each other:

$$
L_{cyc} = \mathbb{E}\lVert F(G(x)) - x\rVert_1 + \mathbb{E}\lVert G(F(y)) - y\rVert_1
$$
$$
L = L_{GAN}(G, D_Y) + L_{GAN}(F, D_X) + \lambda L_{cyc}, \qquad \lambda = 10
$$

What cannot be told from $G(x)$ cannot be led back, so $G$ keeps what $x$ shows.
""",
    r"""
**Least squares.** $L_{GAN}(G, D_Y) = \mathbb{E}(D_Y(G(x)) - 1)^2$; each $D$ descends
$\tfrac12 \mathbb{E}(D(y) - 1)^2 + \tfrac12 \mathbb{E}\,D(G(x))^2$, and sees translations out of a pool of the last 50.

**The identity loss**, $\mathbb{E}\lVert G(y) - y\rVert_1 + \mathbb{E}\lVert F(x) - x\rVert_1$ with weight
$\tfrac12\lambda$, asks that what is in the wanted style already stays as it is. The paper uses it to keep colours.

**What it cannot do.** The cycle says that nothing may be lost, not that the right thing is drawn: colours may be
exchanged as long as they can be exchanged back. And what $G(x)$ may not show, it could still hide: see *A hidden
message?*
""",
)


# -- the parts -------------------------------------------------------------------------------------------------


def agreement() -> str:
    """What the table says of each part, beside what the paper found."""
    whole, one, alone, gan = (metrics(SLUG, variant) for variant in ("small", "one-way", "no-identity", "no-cycle"))
    cards = {WORDS["no-cycle"]: gan, WORDS["one-way"]: one, WORDS["no-identity"]: alone, WORDS["small"]: whole}
    ranked = order(cards, "partner")
    return (
        f"**Here:** translations nearest to their own partner, the most first: *{'*, *'.join(ranked)}*. The cycle "
        f"(*without the identity loss* against *the GAN alone*): {compared(alone, gan, 'partner')}. The identity "
        f"loss: {compared(whole, alone, 'partner')}. The second half of the cycle: G(F(y)) is off by "
        f"{interval(whole, 'cycle_back')} with it, {interval(one, 'cycle_back')} without. Against the emoji as they "
        f"are, all parts change the share by {signed(whole)}, the network trained for longer by "
        f"{signed(metrics(SLUG))}.\n\n"
        "**In the paper** (section 5.1.4, on street scenes) both the GAN's loss and the cycle's are needed: from photo "
        "to labels the GAN alone reaches a class IoU of 0.07, the whole 0.16; from labels to photo 0.08 and 0.11. A "
        "cycle one way only often makes training unstable and lets modes collapse, above all in the direction that was "
        "taken away. There is no measure like ours in it, since most of its data has no pairs."
    )


def signed(m: dict[str, float]) -> str:
    """ "-2 points (-6 to +2, emoji by emoji)": by how much the translations' share is above that of the emoji."""
    gain, low, high = (100 * m[f"test_gain{end}"] for end in ("", "_low", "_high"))
    return f"{gain:+.0f} points ({low:+.0f} to {high:+.0f}, emoji by emoji)"


def compared(more: dict[str, float], less: dict[str, float], key: str) -> str:
    """ "42 % with it, 20 % without; the intervals do not meet"."""
    return (
        f"{100 * more[f'test_{key}']:.0f} % with it, {100 * less[f'test_{key}']:.0f} % without, and the intervals "
        f"{'do not meet' if apart(more, less, key) else 'meet'}"
    )


def hides(variant: str) -> str:
    """Whether the way back leans on what noise destroys, beside what the same noise does to true images."""
    m = metrics(SLUG, variant)
    worse = m["test_noisy"] - m["test_cycle"]
    found = (
        "So F reads something in G(x) that noise covers."
        if worse > m["test_noisy_other"]
        else "So F reads little in G(x) that so small a noise could cover: the way back breaks only where you see the "
        "noise. The two styles show much the same of a thing, and there is little to hide."
    )
    return (
        f"Noise of 4 of 255 levels on G(x) is hard to see. Over all test emoji it takes the way back from "
        f"{m['test_cycle']:.2f} levels off to {m['test_noisy']:.2f} ({worse:+.2f}); the same noise on true shaded "
        f"emoji moves what F makes of them by {m['test_noisy_other']:.2f}. {found} Chu et al. 2017 trained a CycleGAN "
        "from aerial photographs to maps, which show less: it hid in the maps, in a nearly imperceptible signal of "
        "high frequency, what the way back needed."
    )


ANSWERS = {"hidden": hides}


# -- the scene -------------------------------------------------------------------------------------------------


def lost(_: Any) -> str:
    gan, whole = metrics(SLUG, "no-cycle"), metrics(SLUG, "small")
    return (
        f"*Symptom:* the GAN alone cannot be led back: F(G(x)) is off by {gan['test_cycle']:.1f} of 255 levels, and "
        f"{100 * gan['test_partner']:.0f} % of its translations are nearest to their own partner. *Cause:* $D_Y$ asks "
        "whether G(x) looks shaded, not what it shows. *Cure:* the cycle: "
        f"{whole['test_cycle']:.1f} levels and {100 * whole['test_partner']:.0f} % after as many batches, with all "
        "parts."
    )


SCENES = {
    "lost": Scene(
        title="Nothing asks for the way back",
        text=lost,
        link={"by": "no-cycle"},
        cure={"by": "small"},
        cure_title="Add the cycle",
    )
}


# -- questions -------------------------------------------------------------------------------------------------


def check_parts(answer: str) -> tuple[bool, str]:
    found = {WORDS[v]: metrics(SLUG, v)["test_cycle"] for v in ("no-cycle", "one-way", "no-identity", "small")}
    return picked(answer, found, "F(G(x)) is off from x by, in levels of 255:", "{:.1f}")


def check_floor(answer: str) -> tuple[bool, str]:
    m = metrics(SLUG)
    right = "above" if m["test_gain_low"] > 0 else "below" if m["test_gain_high"] < 0 else "it cannot be told"
    said = (
        f"{interval(m, 'partner', 0, factor=100)} % against {interval(m, 'untranslated', 0, factor=100)} %; the "
        f"difference, emoji by emoji, is {interval(m, 'gain', 0, factor=100)} points."
    )
    return answer == right, said


def check_noise(answer: float) -> tuple[bool, str]:
    frames = show.frames(SLUG)
    if not frames or "noise" not in frames[-1].scalars or frames[-1].scalars["noise"] < 16:
        raise ValueError("Open A hidden message? and go to a noise of 16 levels or more first.")
    start = frames[0].scalars["every"]
    twice = next((f.scalars["noise"] for f in frames if f.scalars["every"] >= 1.5 * start), None)
    if twice is None:
        return (
            False,
            f"Up to the noise on your stage it has not: {start:.1f} without, {frames[-1].scalars['every']:.1f}.",
        )
    return (
        answer == twice,
        f"Without noise {start:.1f} levels; at a noise of {twice:g} it has passed {1.5 * start:.1f}.",
    )


def questions(chosen: dict[str, Any]) -> list[Question]:
    asked = [
        Question(
            text="Which of the networks trained alike leads x back worst?",
            kind="choice",
            options=tuple(WORDS[v] for v in ("no-cycle", "one-way", "no-identity", "small")),
            check=check_parts,
            hint="Take a part away: F(G(x)) off from x.",
        ),
        Question(
            text="Is the share of the trained network's translations that are nearest to their own partner above that "
            "of the emoji as they are, as far as these test emoji can tell?",
            kind="choice",
            options=("above", "below", "it cannot be told"),
            check=check_floor,
            hint="Under Try it out: the two shares with their intervals. The difference is taken emoji by emoji.",
        ),
        Question(
            text="All parts but the cycle: which of these may G do at no cost?",
            kind="choice",
            options=("draw the same good shaded emoji for every x", "draw a shaded emoji that D_Y takes for flat"),
            check=lambda answer: (
                answer.startswith("draw the same"),
                "D_Y sees one image at a time and asks only whether it looks shaded. Drawing the same for every x is "
                "the collapse of modes.",
            ),
            hint="What does D_Y see?",
        ),
    ]
    if chosen["view"] == "hidden":
        asked.append(
            Question(
                text="At which of the noises shown has the way back of the 48 test emoji become worse by half?",
                kind="number",
                check=check_noise,
                hint="Step through the noise and read the curve of 48 test emoji.",
            )
        )
    return asked
