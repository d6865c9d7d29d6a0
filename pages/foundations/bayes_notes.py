"""What stands around the stage of Bayes' rule: theory, questions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from engines.engine import Frame
from pages.ui import stage
from pages.ui.maths import close
from pages.ui.tryit import Question

WHY = (
    r"""
Something is not known: call it $z$. What is believed of it before looking is the **prior** $p(z)$. A datum $x$ has a
**likelihood** $p(x \mid z)$: how probable it was, for each $z$. Bayes' rule turns the two into the **posterior**:

$$
p(z \mid x) = \frac{p(x \mid z)\, p(z)}{p(x)}
$$

$$
p(x) = \int p(x \mid z)\, p(z)\, dz
$$

The **evidence** $p(x)$ does not depend on $z$: it makes the posterior sum to one, and says how well prior and model
foresaw the data.

**One by one or all at once.** If the data are independent given $z$, the posterior after the first is the prior for the
second. The result is the same as taking them together, in any order.
""",
    r"""
**A coin.** With a Beta prior, heads and tails are simply counted: $\mathrm{Beta}(a, b)$ becomes
$\mathrm{Beta}(a + \text{heads},\ b + \text{tails})$. A prior of this kind is called *conjugate*.

**A mean.** For data with known spread $\sigma$, precisions (one over variance) add up:

$$
\frac{1}{s_n^2} = \frac{1}{s_0^2} + \frac{n}{\sigma^2}
$$

$$
m_n = s_n^2 \left( \frac{m_0}{s_0^2} + \frac{\sum_i x_i}{\sigma^2} \right)
$$

with prior mean $m_0$ and spread $s_0$, and $n$ data $x_i$.

**A medical test.** Where an illness is rare, most positive answers come from healthy people: there are so many more of
them. With 1 % ill, 90 % sensitivity and 95 % specificity, one positive answer leaves 15 %.

**Why a generative model needs this.** A latent code $z$ and an image $x$ stand in the same relation: the decoder is
$p(x \mid z)$, and finding the code of an image is finding $p(z \mid x)$.
""",
)


def questions(chosen: dict[str, Any]) -> list[Question]:
    """Asked about the run on the stage."""
    record = lambda: stage.current("bayes:run")  # noqa: E731
    what = "chance of being ill" if chosen["view"] == "test" else "posterior mean"
    return [
        Question(
            text=f"At the step on the stage: what is the {what}, to three decimal places?",
            kind="number",
            check=lambda answer: _check_mean(record(), answer),
            hint="It is in the numbers beside the stage.",
        ),
        Question(
            text="In this run, did one more observation ever raise the posterior's variance?",
            kind="choice",
            options=("yes", "no"),
            check=lambda answer: _check_variance(record(), answer),
            hint="Step slowly and compare the variances in the numbers; a surprise can make you less sure.",
        ),
    ]


def seen(record: Any, least: int = 1) -> list[Frame]:
    """The beliefs on the stage, up to the step that the viewer sees; there are none in the view of the density."""
    frames = record.run.history.after(-1) if record is not None else []
    found = [f for f in frames if "mean" in f.scalars and (record.shown is None or f.step <= record.shown)]
    if len(found) < least:
        raise ValueError("There is no run on the stage: choose the coin, the mean or the test, and let it play.")
    return found


def _check_mean(record: Any, answer: float) -> tuple[bool, str]:
    last = seen(record)[-1]
    mean = last.scalars["mean"]
    return bool(close(answer, mean, 3)), f"At step {last.step} it is {mean:.4f}."


def _check_variance(record: Any, answer: str) -> tuple[bool, str]:
    frames = seen(record, least=3)
    rises = [after.step for before, after in pairwise(frames) if rose(before, after)]
    if record.run.engine is not None and record.run.engine.config.model == "mean":
        more = "For the mean of a Gaussian it must fall each time: precisions add up."
    else:
        more = "A coin or a test that surprises you can raise it."
    said = f"It rose {len(rises)} times in {len(frames) - 1} steps, first at step {rises[0]}" if rises else (
        f"It fell at each of {len(frames) - 1} steps")  # fmt: skip
    return answer == ("yes" if rises else "no"), f"{said}. {more}"


def rose(before: Frame, after: Frame) -> bool:
    """Whether the variance is larger, beyond rounding."""
    return after.scalars["variance"] > before.scalars["variance"] * (1 + 1e-9)
