"""PixelDTGAN's words: why, what the networks trained alike show, questions, and the scene of a part that is missing."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from engines.translation.pixeldtgan import VARIANTS
from pages.ui import comparison, shipped, show
from pages.ui.comparison import interval, order, sure, which
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "pixeldtgan"
WORDS = {  # checkpoints/pixeldtgan and its variants, in words
    "": "the trained network",
    "small": "all parts",
    "no-domain": "without the pair's discriminator",
    "no-real-fake": "without the real or fake one",
    "mse": "squared error alone",
}
ALIKE = ("mse", "no-domain", "no-real-fake", "small")
metrics = partial(comparison.metrics, SLUG)


def judged_by(variant: str) -> bool:
    """Whether a network has D_A."""
    return bool(VARIANTS[variant].get("domain", True))


def said_of(variant: str) -> str:
    """How a network was trained and how near it comes, with its scale."""
    card = shipped.card(SLUG, variant)
    m, config = card["metrics"], card["config"]
    return (
        f"Learned from {card['data']['n_train']:,} figures in {card['steps']:,} batches of {config['batch_size']}. "
        f"Over {card['data']['n_test']:,} test figures in other outfits it is off by {interval(m, 'rmse')} of 255 "
        f"levels, SSIM {interval(m, 'ssim', 2)}; where nobody wore the garment in training, {interval(m, 'rmse_new')} "
        f"and {interval(m, 'ssim_new', 2)}. The mean training garment: {m['test_rmse_mean']:.1f} and "
        f"{m['test_ssim_mean']:.2f}; the figure itself: {m['test_rmse_copy']:.1f} and {m['test_ssim_copy']:.2f}."
    )


def measured() -> dict[str, dict[str, float]]:
    """The measures of the networks trained alike, by their names in words."""
    return {WORDS[variant]: metrics(variant) for variant in ALIKE}


def agrees() -> str:
    m = measured()
    by_rmse, by_ssim, by_name = order(m, "rmse", least=True), order(m, "ssim"), order(m, "named")
    lost = m[WORDS["no-domain"]]
    return (
        f"**Here:** the least RMSE first: *{'*, *'.join(by_rmse)}*. {sure(m, by_rmse, 'rmse')} The greatest SSIM "
        f"first: *{'*, *'.join(by_ssim)}*. {sure(m, by_ssim, 'ssim')} The true garment is named most often by "
        f"*{by_name[0]}*. Without the pair's discriminator it is named in {100 * lost['test_named']:.0f} %: nothing "
        "ties what is made to the figure. Squared error is trained on what RMSE measures.\n\n"
        "**In the paper** networks are compared by RMSE and SSIM (section 5.5) and by people (section 5.4), on photos "
        "of people; that is another task than drawn figures, so its figures are not set beside these."
    )


# -- a scene ---------------------------------------------------------------------------------------------------


def nobodys(_: Any) -> str:
    lost, whole = metrics("no-domain"), metrics("small")
    n = round(lost["test_garments"])
    return (
        "*Symptom:* what is made hardly depends on the figure, and is not its garment: the nearest of all "
        f"{n} garments is the true one in {100 * lost['test_named']:.0f} % of test figures (chance: {100 / n:.1f} %). "
        "*Cause:* $D_R$ asks whether a garment is real, and any real one pleases it; nobody asks whose it is. *Cure:* "
        f"$D_A$ sees the figure beside the garment: {100 * whole['test_named']:.0f} % after as many batches. "
        "Dress the figure in another colour and see whether the prediction follows."
    )


SCENES = {
    "nobodys": Scene(
        title="A garment that is nobody's",
        text=nobodys,
        link={"by": "no-domain"},
        cure={"by": "small"},
        cure_title="Add the pair's discriminator",
    )
}

# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
Pixel for pixel, a person in a jacket and the jacket alone have little in common: it lies elsewhere, larger, without
arms in it. What they share is a meaning. **PixelDTGAN** turns the one into the other: a converter $C$ encodes the
figure $I_S$ into 64 numbers and decodes them into a garment $\hat I = C(I_S)$.

Two discriminators say whether that is good. $D_R$ asks: *is this a real garment?* $D_A$ sees a pair and asks: *does
this garment belong to this figure?* It learns from three kinds of pairs,

$$
L_A = -\log D_A(I_S, I_T) - \log\big(1 - D_A(I_S, I_T^-)\big) - \log\big(1 - D_A(I_S, \hat I)\big),
$$

the figure with its own garment $I_T$, with somebody else's $I_T^-$, and with the generated one, a third of
the time each. $C$ learns to be taken for the first kind by $D_A$ and for real by $D_R$, with weight one half each.
""",
    r"""
**Why the second kind?** Without $I_T^-$ every wrong garment that $D_A$ sees is a generated one, and it could tell those
by their looks alone. A real garment on the wrong figure can only be told by looking at both.

**Why not squared error?** Where a figure leaves the garment open, squared error is least at the mean of what it could
be, which is blurred. A discriminator takes one of them, sharp.

**Data.** 4,000 drawn figures from the game Flare: five designs in eight dyes for each of five places. Four upper
garments, and an eighth of the combinations of upper garment and legs, are never worn in training.

**What it cannot do.** It needs pairs. It has one garment to predict, the upper one; the other pieces it must learn to
look past.
""",
)


def check_balance(answer: float) -> tuple[bool, str]:
    best = 2 * math.log(2) / 3
    said = (
        "Associated and generated pairs then look the same, and the best answer to both is 1/2, which costs log 2 "
        f"each; the third costs nothing: (2 log 2 + 0) / 3 = {best:.3f} nats."
    )
    return abs(answer - best) < 0.006, said


def check_objects(answer: float) -> tuple[bool, str]:
    above = int(show.standing(SLUG, "above", "Swap one of a pair", "the pairs that stand")["above"])
    return round(answer) == above, f"D_A holds {above} of the others for likelier than the pair that belongs together."


QUESTIONS = (
    Question(
        text="C has become perfect: nobody can tell what it makes from the true garment. D_A still knows every garment "
        "that is somebody else's. How low can its loss L_A, a third for each kind, still go (in nats)?",
        kind="number",
        check=check_balance,
        hint="What is the best probability for two kinds of pairs that look the same, one to be called 1 and one 0?",
    ),
    which(
        "For which of the networks trained alike is the nearest of all garments most often the true one?",
        SLUG,
        {variant: WORDS[variant] for variant in ALIKE},
        "named",
        "Over the test figures:",
        hint="Take a part away, and look at the table.",
    ),
    Question(
        text="In “Swap one of a pair”: how many of the other pairs on the stage does D_A hold for likelier than the "
        "one that belongs together?",
        kind="whole",
        check=check_objects,
        hint="Compare the numbers above the columns with the first.",
    ),
)
