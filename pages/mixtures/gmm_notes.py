"""The words around the mixture's stage: scenes by link, the theory, questions, BIC, single samples."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

import engines
from pages.mixtures import gmm_digits, own_table
from pages.ui import palette, show, stage
from pages.ui.maths import close, number
from pages.ui.strip import Scene
from pages.ui.tryit import Question

# What can be seen by link, and what cures it.
SCENES = {
    "local-optimum": Scene(
        title="A local optimum",
        link={"data": "stretched", "init": "random", "seed": 7},
        cure={"data": "stretched", "init": "random", "seed": 0},
        cure_title="Restart from another seed",
        text="**What you see:** two components share one band while a third covers two bands; EM stops there. "
        "**Why:** every step climbs, but only to the nearest top. **Cure:** start again from elsewhere and keep the "
        "run with the highest log-likelihood: compare where the curves end.",
    ),
    "collapse": Scene(
        title="A component collapses",
        link={"data": "blobs", "n": 50, "k": 5, "init": "random", "reg": "0"},
        cure={"data": "blobs", "n": 50, "k": 5, "init": "random", "reg": "1e-2"},
        cure_title="Add regularisation",
        text="**What you see:** one component shrinks onto a few points in a line and the log-likelihood shoots up, "
        "until the run stops. **Why:** a Gaussian on a single point has a density without bound, so maximum "
        "likelihood has no maximum. **Cure:** add a little to every variance.",
    ),
    "too-many": Scene(
        title="Too many components",
        link={"data": "blobs", "k": 8},
        cure={"data": "blobs", "k": 3},
        cure_title="As many as BIC says",
        text="**What you see:** eight components cut three clusters into pieces. **Why:** the likelihood only grows "
        "with K. **Cure:** BIC charges for every parameter; press *BIC for every K* below and find its lowest point.",
    ),
    "stretched": Scene(
        title="EM against k-means",
        link={"data": "stretched", "compare": True},
        cure={"data": "blobs", "compare": True},
        cure_title="Where the two agree",
        text="**What you see:** the same stretched clusters under both methods. k-means cuts across them, EM fits "
        "them. **Why:** k-means measures distance alone, as if every cluster were the same round ball; EM learns each "
        "one's shape. On round blobs the two agree.",
    ),
}


WHY = (
    r"""
A mixture says that each point came from one of $K$ Gaussians, and does not say from which:

$$
p(x) = \sum_{k=1}^{K} \pi_k\, N(x \mid \mu_k, \Sigma_k)
$$

Here $\pi_k$ is the weight of component $k$ (the weights sum to one), $\mu_k$ its mean and $\Sigma_k$ its covariance.
If you knew each point's component you could fit each Gaussian at once; if you knew the Gaussians you could tell each
point's component by Bayes' rule. EM goes back and forth between the two.

**E step.** The *responsibility* of component $k$ for point $x_n$ is its posterior probability:

$$
\gamma_{nk} = \frac{\pi_k\, N(x_n \mid \mu_k, \Sigma_k)}{\sum_j \pi_j\, N(x_n \mid \mu_j, \Sigma_j)}
$$

**M step.** With $N_k = \sum_n \gamma_{nk}$, the parameters become weighted averages:

$$
\pi_k = \frac{N_k}{N}, \quad \mu_k = \frac{1}{N_k}\sum_n \gamma_{nk}\, x_n, \quad
\Sigma_k = \frac{1}{N_k}\sum_n \gamma_{nk}\,(x_n-\mu_k)(x_n-\mu_k)^T
$$
""",
    r"""
**Why the log-likelihood does not fall.** For any shares $\gamma$, the *lower bound*

$$
L(\gamma, \theta) = \sum_{n,k} \gamma_{nk} \log \frac{\pi_k\, N(x_n \mid \mu_k, \Sigma_k)}{\gamma_{nk}}
\le \sum_n \log p(x_n)
$$

lies below the log-likelihood by $\sum_n \mathrm{KL}(\gamma_n \,\|\, \text{posterior})$, where $\theta$ stands for all
parameters. The E step sets $\gamma$ to the posterior, which closes the gap; the M step raises the bound, and with it
the log-likelihood above it. Both are drawn beside the stage, in nats. *Regularisation* adds a share of the data's mean
variance to every variance after the M step: what comes out is no longer its maximum, and the log-likelihood may fall a
little.

**A log-likelihood above 0** is no error: a density is a probability per unit of the data, so it is above 1 where points
lie close, and it changes with the unit.

**What can go wrong.** The top that EM reaches depends on its start. A component on a single point makes the likelihood
infinite. And the likelihood alone always prefers more components, which is why model choice charges for parameters:

$$
\mathrm{BIC} = -2\log p(X) + P \log N
$$

with $P$ the number of free parameters. **k-means** is the limit of equal weights and one shared round covariance that
shrinks to zero: the responsibilities become 0 or 1.

The solid curve is the log-likelihood, the dotted one the bound. Ellipses are one and two standard deviations;
contours of the density are one nat apart.
""",
)


def questions() -> list[Question]:
    """Asked of the viewer, answered from the run up to the step that is shown."""
    return [
        Question(
            text="Let the run finish. After how many iterations was it within 1 nat of its final log-likelihood?",
            kind="number",
            check=check_iterations,
            hint="An iteration is one E and one M step. Click on the curve to jump to a step.",
        ),
        Question(
            text="Which half-step moves the ellipses?",
            kind="choice",
            options=("E", "M"),
            check=check_mover,
            hint="Go step by step with the arrow keys and watch the means.",
        ),
        Question(
            text="How large is the largest component's weight at the step shown, in whole percent?",
            kind="number",
            check=check_weight,
            hint="Pick a component and read its weight in the numbers.",
        ),
    ]


NO_RUN = "There is no run yet to check against: let one finish first."


def check_iterations(answer: float) -> tuple[bool, str]:
    record = stage.current(show.slot("gmm"))
    frames = record.run.history.after(-1) if record else []
    ends = [f for f in frames if f.phase == "M" and "log_likelihood" in f.scalars]
    if not ends:
        raise ValueError("There is no run of EM yet to check against: let one finish first.")
    if record is None or record.run.status.state != "finished":
        raise ValueError("The run has not finished yet: let it play to its end first.")
    final = ends[-1].scalars["log_likelihood"]
    first = next(f for f in ends if f.scalars["log_likelihood"] >= final - 1)
    count = int(first.scalars["iteration"])
    return bool(answer == count), (
        f"In this run it took {count} iteration{'s' if count != 1 else ''}: "
        f"{first.scalars['log_likelihood']:.2f} nats, against {final:.2f} at the end."
    )


def check_mover(answer: str) -> tuple[bool, str]:
    moved = {"E": 0.0, "M": 0.0}
    for before, after in pairwise(show.frames("gmm")):
        if after.phase in moved and "means" in after.arrays:
            moved[after.phase] += float(np.abs(after.arrays["means"] - before.arrays["means"]).max())
    if not any(moved.values()):
        raise ValueError(NO_RUN)
    return answer == "M", (
        f"In your run the means moved by {number(moved['M'])} in all over the M steps and by {number(moved['E'])} over "
        "the E steps: the E step only shares out the points."
    )


def check_weight(answer: float) -> tuple[bool, str]:
    last = next(iter(show.frames("gmm")[-1:]), None)
    if last is None or "weights" not in last.arrays:
        raise ValueError(NO_RUN)
    weights = last.arrays["weights"]
    top = int(np.argmax(weights))
    return bool(close(answer, 100 * weights[top])), (
        f"At step {last.step} it is component {top + 1}, with {100 * weights[top]:.1f} %."
    )


def about(cloud: Any, name: str, words: str, covariance: str, regularisation: float, seed: int) -> None:
    """About the data, what can be taken away, and BIC's choice of K."""
    with st.container(key="lab-about"):
        st.caption(cloud.about)
        own_table.show_first(cloud)
        left, middle, _ = st.columns([1, 1, 3])
        text = partial(own_table.as_csv, np.asarray(cloud.x))
        left.download_button("Points as CSV", text, f"{name}.csv", "text/csv", on_click="ignore")
        middle.button(words, on_click=ask_bic, help="Fits K = 1 to 10 by EM and compares them.")
    show_bic(cloud, covariance, regularisation, seed)


def ask_bic() -> None:
    st.session_state["gmm:bic"] = True


@st.cache_data(max_entries=16, show_spinner="Fitting K = 1 to 10")
def bic_table(points: np.ndarray, covariance: str, regularisation: float, seed: int) -> list[dict[str, float]]:
    """The best of three runs for every K: log-likelihood, BIC and AIC."""
    rows = []
    for k in range(1, min(10, len(points)) + 1):
        fits = []
        for start in range(3):
            engine: Any = engines.create(
                "gmm",
                data=points,
                n_components=k,
                covariance_type=covariance,
                regularisation=max(regularisation, 1e-6),
                seed=seed + start,
                max_iterations=100,
                shown=1,
            )
            while not engine.done:
                engine.step()
            fits.append(engine)
        best = max(fits, key=lambda fit: fit.log_likelihood)
        rows.append({"K": k, "log-likelihood": best.log_likelihood, "BIC": best.bic(), "AIC": best.aic()})
    return rows


def grown(rows: list[dict[str, float]]) -> str:
    """What the log-likelihood does from the first K to the last."""
    values = [row["log-likelihood"] for row in rows]
    grows = all(after >= before for before, after in pairwise(values))
    how = "only grows" if grows else "does not grow at every K: each fit is only the best of three"
    return (
        f"The log-likelihood alone {how}; it is {number(values[0])} nats at K = 1 and {number(values[-1])} at "
        f"K = {rows[-1]['K']:.0f}."
    )


def show_bic(cloud: Any, covariance: str, regularisation: float, seed: int) -> None:
    """BIC and AIC against K, the lowest marked."""
    if not st.session_state.get("gmm:bic"):
        return
    import plotly.graph_objects as go

    with st.container(border=True, key="lab-more-bic"):
        if len(cloud.x) == 0:
            st.info("BIC compares fits, and there are no points to fit yet.")
            return
        try:
            rows = bic_table(np.asarray(cloud.x)[:2000], covariance, regularisation, seed)
        except (ValueError, FloatingPointError) as error:
            st.warning(str(error))
            return
        ks = [row["K"] for row in rows]
        best = min(rows, key=lambda row: row["BIC"])
        dark = st.context.theme.type == "dark"
        figure = go.Figure()
        for name, role, dash in (("BIC", "first", "solid"), ("AIC", "second", "dash")):
            line = {"color": palette.ROLES[role][dark], "dash": dash, "width": 2.5}
            figure.add_scatter(x=ks, y=[row[name] for row in rows], name=name, line=line, mode="lines+markers")
        figure.update_layout(
            height=260,
            margin={"l": 10, "r": 10, "t": 10, "b": 10},
            xaxis={"title": "components K", "dtick": 1},
            yaxis={"title": "−2 log p + charge, lower is better"},
        )
        first = " on the first 2,000 points" if len(cloud.x) > 2000 else ""
        st.markdown(
            f"**BIC is lowest at K = {best['K']:.0f}** ({best['BIC']:.1f}). {grown(rows)} Each K is the best of three "
            f"runs{first}. BIC and AIC are twice a number of nats, with the sign turned."
        )
        st.plotly_chart(figure, config={"displayModeBar": False}, key="gmm:bic:chart")
        st.button("Close", on_click=lambda: st.session_state.pop("gmm:bic", None), key="gmm:bic:close")


@st.fragment
def draw_samples(run: Any, digit: str, dimensions: int) -> None:
    """Single samples of the mixture as it stands now, with the component each came from."""
    with st.container(key="lab-more-samples", border=True):
        st.markdown("**Sample the mixture.** First a component is drawn by its weight, then an image from it.")
        kept = st.session_state.setdefault("gmm:samples", [])
        if st.button("Draw a sample", icon=":material/casino:"):
            try:
                image, component = gmm_digits.sample_named(run, digit, dimensions, seed=len(kept) + 1)
            except (ValueError, FloatingPointError) as error:
                st.warning(str(error))
                return
            kept.append((image, component, run.status.step))
            del kept[:-8]
        if not kept:
            st.caption("Nothing drawn yet: press the button.")
        for column, (image, component, step) in zip(st.columns(8), reversed(kept), strict=False):
            column.image(image, caption=f"component {component + 1}, step {step}", width="stretch", clamp=True)
