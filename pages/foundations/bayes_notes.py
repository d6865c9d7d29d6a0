"""What stands around the stage of Bayes' rule: a Gaussian under the hand, theory, questions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from engines.engine import Frame
from engines.maths.divergences import log_normal
from engines.maths.gaussians import ellipse
from pages.ui import palette, stage
from pages.ui.frame import Question
from pages.ui.maths import close


def gaussian(chosen: dict[str, Any]) -> None:
    """The density in one dimension, and in two as ellipses of one and two standard deviations."""
    import plotly.graph_objects as go

    dark = st.context.theme.type == "dark"
    colour = {role: palette.ROLES[role][dark] for role in ("posterior", "real", "muted")}
    mean, sd, second, rho = (chosen[key] for key in ("gm", "gs", "gt", "rho"))
    x = np.linspace(-8, 8, 401)
    left, right = st.columns(2)
    layout = {"height": 380, "margin": {"l": 10, "r": 10, "t": 10, "b": 10}, "showlegend": False}
    with left:
        figure = go.Figure(layout=layout)
        inside = np.abs(x - mean) <= sd
        density = np.exp(log_normal(x, mean, sd))
        figure.add_scatter(x=x[inside], y=density[inside], fill="tozeroy", mode="none", fillcolor=shade(colour["real"]))
        figure.add_scatter(x=x, y=density, mode="lines", line={"color": colour["posterior"], "width": 3})
        figure.update_xaxes(title="x", range=[-8, 8])
        figure.update_yaxes(title="density", rangemode="tozero")
        st.plotly_chart(figure, config={"displayModeBar": False}, key="bayes:one")
        peak = float(np.exp(log_normal(np.array([mean]), mean, sd))[0])
        st.markdown(
            rf"$N(x \mid \mu, \sigma^2)$ with $\mu = {mean:.1f}$, $\sigma = {sd:.1f}$: the peak is "
            rf"$1/(\sigma\sqrt{{2\pi}}) = {peak:.3f}$; 68.3 % of the mass lies in the shaded part."
        )
    with right:
        covariance = np.array([[sd**2, rho * sd * second], [rho * sd * second, second**2]])
        outline = ellipse(np.array([mean, 0.0]), covariance)
        draws = np.random.default_rng(0).multivariate_normal([mean, 0.0], covariance, size=300)
        figure = go.Figure(layout=layout)
        figure.add_scatter(x=draws[:, 0], y=draws[:, 1], mode="markers", marker={"size": 4, "color": colour["muted"]})
        figure.add_scatter(x=outline[0], y=outline[1], mode="lines", line={"color": colour["posterior"], "width": 3})
        figure.update_xaxes(title="first axis", range=[-8, 8])
        figure.update_yaxes(title="second axis", range=[-8, 8], scaleanchor="x")
        st.plotly_chart(figure, config={"displayModeBar": False}, key="bayes:two")
        st.markdown(
            rf"Covariance $\Sigma = \begin{{pmatrix}} {covariance[0, 0]:.2f} & {covariance[0, 1]:.2f} \\ "
            rf"{covariance[0, 1]:.2f} & {covariance[1, 1]:.2f} \end{{pmatrix}}$: ellipses of one and two standard "
            "deviations, which hold 39.3 % and 86.5 % of the mass, and 300 draws."
        )


def shade(colour: str) -> str:
    """A hex colour at two fifths of its strength."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},0.4)"


def why() -> None:
    left, right = st.columns(2)
    with left:
        st.markdown(
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
"""
        )
    with right:
        st.markdown(
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
"""
        )


def questions(chosen: dict[str, Any]) -> list[Question]:
    """Asked about the run on the stage."""
    record = lambda: stage.current("bayes:run")  # noqa: E731
    what = "chance of being ill" if chosen["view"] == "test" else "posterior mean"
    return [
        Question(
            text=f"At the newest step: what is the {what}, to three decimal places?",
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


NO_RUN = (False, "There is no run on the stage: choose the coin, the mean or the test, and let it play.")


def _check_mean(record: Any, answer: float) -> tuple[bool, str]:
    last = record.run.history.last if record else None
    if last is None:
        return NO_RUN
    mean = last.scalars["mean"]
    return bool(close(answer, mean, 3)), f"At step {last.step} it is {mean:.4f}."


def _check_variance(record: Any, answer: str) -> tuple[bool, str]:
    frames = list(record.run.history.after(-1)) if record else []
    if len(frames) < 3:
        return NO_RUN
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
