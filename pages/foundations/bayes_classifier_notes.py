"""The words around the Bayes classifier's stage: the confusion table, the theory, questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engines.maths import intervals
from pages.foundations import bayes_classifier_runs as runs
from pages.ui import shipped
from pages.ui.tryit import Question, fact


def confusion(name: str) -> None:
    """Accuracy and confusions over the test images, on demand: it takes some seconds."""
    with st.container(key="lab-more-confusion"):
        key = "bayes-classifier:confusion"
        words = "Ask about all test images"
        if st.button(words, help="Accuracy, and which classes are taken for which. It takes some seconds."):
            st.session_state[key] = name
        if st.session_state.get(key) != name:
            return
        with st.spinner("Asking", show_time=True):
            table = runs.confusion(name)
        metrics = intervals.of_mean("test_right", np.repeat([1.0, 0.0], [table.trace(), table.sum() - table.trace()]))
        right = shipped.interval(metrics, "right", factor=100)
        st.markdown(f"**{right} %** of {table.sum():,} are right. Rows: the truth; columns: the answer.")
        words = shipped.class_names(name)
        st.dataframe(
            [{"truth": words[i], **{words[j]: int(n) for j, n in enumerate(row)}} for i, row in enumerate(table)]
        )


WHY = (
    r"""
A classifier is usually asked for $p(y \mid x)$: what does this image show? A **Bayes classifier** learns the other
direction, a density of images for each class, and how common the classes are:

$$
p(x \mid y) = \mathcal{N}(x \mid \mu_y, \Sigma_y), \qquad p(y) = n_y / n
$$

$\mu_y$ and $\Sigma_y$ are the mean and the covariance of the $n_y$ images of class $y$, as vectors of 784 grey levels.

**So it can draw.** *First method:* choose $y$, draw $x$ from $p(x \mid y)$. *Second:* draw $y$ from $p(y)$ first; then
$x$ is a draw of $p(x)$, the density of all images. The arrow from $y$ to $x$ is this order.

**And it can answer**, by Bayes' rule: $p(y \mid x) = p(x \mid y)\, p(y) / p(x)$.
""",
    r"""
**Why the samples are blurred.** A Gaussian has one centre. The sevens with a bar and those without are averaged, and a
sample is the average plus noise along the directions in which the class varies most. With **several Gaussians a class**
(*styles*) a style is chosen first, and samples look written.

**Directions.** $\Sigma_y = V \Lambda V^\top$: the columns of $V$ are images, and $\lambda_d$ the variance along them. A
sample is $\mu_y + \sum_d \epsilon_d \sqrt{\lambda_d}\, v_d$ with $\epsilon$ from $\mathcal{N}(0, I)$.

**Corners.** A pixel that is black in every image has no variance, and $\Sigma_y$ no inverse. So a little of the unit
matrix is mixed in, $0.98\, \Sigma_y + 0.02\, I$; the faint noise of the samples' corners is that.

**What is missing.** Grey levels lie between 0 and 1, and strokes bend: no Gaussian knows that. A network that turns
simple noise into images can: that is where this course goes.
""",
)


def questions(name: str) -> list[Question]:
    return [
        Question(
            text="You want draws of p(x), all classes as common as in the data. Which method?",
            kind="choice",
            options=("choose y yourself", "draw y from p(y)"),
            check=fact("draw y from p(y)", _shares(name)),
            hint="p(x) is the sum of p(x|y) p(y) over y.",
        ),
        Question(
            text="How many numbers has the covariance matrix of one class?",
            kind="number",
            check=fact(784 * 784, "784 × 784 = 614,656, of which 307,720 differ: it is symmetric."),
            hint="An image has 28 × 28 pixels.",
        ),
    ]


def _shares(name: str) -> str:
    priors: Any = runs.classes(name).priors
    return f"In these data p(y) goes from {float(priors.min()):.3f} to {float(priors.max()):.3f}."
