"""The words around the stage of learning: the theory, questions."""

from __future__ import annotations

import numpy as np

from pages.ui.tryit import Question, fact

WHY = (
    r"""
**Supervised learning** is given inputs $x$ with labels $y$, and learns $p(y \mid x)$: what to call a new input. Where
the likeliest label changes lies a boundary. It answers the question that it was trained for, and needs somebody to name
every example.

**Unsupervised learning** is given $x$ alone, and learns $p(x)$: where inputs lie. From that follow clusters, how
unusual an input is, and, above all, new inputs: **a model of $p(x)$ can be sampled**. A boundary cannot.

Most data have no labels. Almost everything in this course is about learning $p(x)$ well enough that what is drawn from
it looks real.
""",
    r"""
**Text.** An *n-gram* model counts which letter followed the last $n-1$ letters. A context that was seen $c(h)$ times
with $T(h)$ different followers leaves a share $T(h) / (c(h) + T(h))$ to the shorter context (Witten & Bell), so a
letter that never followed is unlikely, not impossible:

$$
P_n(s \mid h) = \frac{c(h, s) + T(h)\, P_{n-1}(s \mid h')}{c(h) + T(h)}
$$

With a low order it babbles; with a high one it recites. **Melodies** are the same over notes, a pitch with its length.

**Digits** come from a mixture of Gaussians: the first density here that knows what a digit looks like, without having
been told that there are ten.
""",
)


def questions() -> list[Question]:
    return [
        Question(
            text="You have photographs without captions and want new ones. Which do you learn?",
            kind="choice",
            options=("p(y | x)", "p(x)"),
            check=fact("p(x)", "New x come from a model of x; p(y | x) only names old ones."),
            hint="What would a boundary give you?",
        ),
        Question(
            text="The verse that ships has how many different letters, spaces and signs among them?",
            kind="number",
            check=_check_letters,
            hint="Under Text, letter by letter: the numbers beside the stage say it.",
        ),
    ]


def _check_letters(answer: float) -> tuple[bool, str]:
    from engines.foundations.ngram import verse

    n = len(set(verse()))
    return bool(answer == n), f"It has {n}; drawn at random each would cost log {n} = {np.log(n):.2f} nats."
