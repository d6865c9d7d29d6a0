"""The words around the game's stage: scenes by link, the theory, questions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from engines.engine import Frame
from pages.ui.live import Live
from pages.ui.strip import Scene
from pages.ui.tryit import Question


def collapse(record: Live | None) -> str:
    """What the run on the stage has shown of it so far, counted."""
    frames = _judged(record)
    covered = [frame.scalars["modes"] for frame in frames if "modes" in frame.scalars]
    jumps = sum(moved(a, b) for a, b in pairwise(frames))
    return (
        f"**So far** (round {_round(frames)}): {_many(covered)} of 8 modes covered, and the crowd has jumped by more "
        f"than a mode's distance {_times(jumps)} between two pictures. **Cause:** G takes five steps for each of D's: "
        "it moves everything to where D is most easily fooled now; D learns to reject that place, and the crowd moves "
        "on. **Cure:** D must keep up: five steps each."
    )


def moved(a: Frame, b: Frame) -> bool:
    """Whether the middle of the generated points went further than two modes of the ring lie apart (2.3)."""
    return bool(np.linalg.norm(a.arrays["fake"].mean(axis=0) - b.arrays["fake"].mean(axis=0)) > 2.3)


def oscillation(record: Live | None) -> str:
    frames = _judged(record)
    left = [float((frame.arrays["fake"][:, 0] < 0).mean()) for frame in frames] or [0.5]
    crossings = sum((a < 0.5) != (b < 0.5) for a, b in pairwise(left))
    return (
        f"**So far** (round {_round(frames)}): from {100 * min(left):.0f} to {100 * max(left):.0f} % of the generated "
        f"points lie on the left side, and the majority has changed sides {_times(crossings)}. **Cause:** each network "
        "answers where the other was; with many answers in a row the game circles, like two players on a saddle (view "
        "*Why it circles*). **Cure:** smaller answers: one step each."
    )


def saturating(record: Live | None) -> str:
    frames = _judged(record)
    return (
        f"**So far** (round {_round(frames)}): {_pull(frames)} {_still(frames)} **Cause:** the slope of log(1 − D) by "
        "D's logit is D itself, which is next to nothing where D knows a fake. **Cure:** minimise −log D instead, "
        "whose slope is 1 − D: the same direction, but strong just there."
    )


def strong(record: Live | None) -> str:
    frames = _judged(record)
    covered = [frame.scalars["modes"] for frame in frames if "modes" in frame.scalars]
    return (
        f"**So far** (round {_round(frames)}): {_still(frames)} {_pull(frames)} {_many(covered)} of 2 modes covered. "
        "**Cause:** a discriminator that is sure has next to no slope where the generated points are. **Cure:** a "
        "Wasserstein critic gives a distance, not a verdict: with a gradient penalty its slope is kept near 1, and the "
        "better it is, the better the advice."
    )


def wasserstein(record: Live | None) -> str:
    frames = _judged(record)
    covered = [frame.scalars["modes"] for frame in frames if "modes" in frame.scalars]
    now = f"{covered[-1]:.0f}" if covered else "not yet counted"
    return (
        f"D takes ten steps for each of G's, at thirty times its rate. **So far** (round {_round(frames)}): modes "
        f"covered now: {now} of 2. **Why:** the critic's slope is kept near 1 between real and generated points, so a "
        "critic far ahead points the way. **Compare** minimax with nothing else changed: a sure D gives G no slope."
    )


# How long V counts as near 0, its highest value: D is then sure of nearly all points.
SURE = -0.1


def _still(frames: list[Frame]) -> str:
    """For how long D has been sure, from V of each picture."""
    values = [(frame.scalars["round"], frame.scalars["value"]) for frame in frames if "value" in frame.scalars]
    sure = [at for at, v in values if v > SURE]
    if not sure:
        return f"V has not been above {SURE} yet: D is not sure of its points."
    if values[-1][1] > SURE:
        return f"V is {values[-1][1]:.2f}, close to 0, its highest value: D is sure."
    return f"V was close to 0 up to round {sure[-1]:,.0f}, and is {values[-1][1]:.2f} now: D has lost its hold."


def _pull(frames: list[Frame]) -> str:
    if not frames:
        return ""
    return f"G's loss asks {np.linalg.norm(frames[-1].arrays['pull'], axis=1).mean():.2g} of a point on average."


def _many(covered: list[float]) -> str:
    if not covered:
        return "nothing counted yet"
    return f"{min(covered):.0f}" if min(covered) == max(covered) else f"{min(covered):.0f} to {max(covered):.0f}"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _round(frames: list[Frame]) -> str:
    return f"{frames[-1].scalars['round']:,.0f}" if frames else "0"


def _judged(record: Live | None) -> list[Frame]:
    frames = record.run.history.after(-1) if record is not None else []
    return [frame for frame in frames if "js" in frame.scalars]


SATURATES = {"data": "pair", "opt": "sgd", "dlr": "0.3", "glr": "0.003", "dsteps": 10}
FAR_AHEAD = {"data": "pair", "dlr": "0.01", "dsteps": 10, "glr": "0.0003"}
SCENES = {
    "collapse": Scene(
        title="Mode collapse", text=collapse, link={"data": "ring", "gsteps": 5},
        cure={"data": "ring", "gsteps": 5, "dsteps": 5}, cure_title="Let D learn as often", beside=True,
    ),
    "oscillation": Scene(
        title="Oscillation", text=oscillation, link={"data": "pair", "gsteps": 5}, cure={"data": "pair"},
        cure_title="One step each", beside=True,
    ),
    "saturating": Scene(
        title="The loss that saturates", text=saturating, link={**SATURATES, "objective": "minimax"},
        cure={**SATURATES, "objective": "non-saturating"}, cure_title="The non-saturating loss", beside=True,
    ),
    "strong": Scene(
        title="A discriminator too strong", text=strong,
        link={"data": "pair", "objective": "minimax", "dlr": "0.03", "dsteps": 20, "glr": "0.0001"},
        cure={"data": "pair", "objective": "wgan-gp", "dlr": "0.003", "dsteps": 5, "glr": "0.001"},
        cure_title="A Wasserstein critic", beside=True,
    ),
    "wasserstein": Scene(
        title="A critic far ahead", text=wasserstein, link={**FAR_AHEAD, "objective": "wgan-gp"},
        cure={**FAR_AHEAD, "objective": "minimax"}, cure_title="The same with minimax", beside=True,
    ),
    "circle": Scene(
        title="Why it circles", link={"view": "equilibrium", "method": "simultaneous"},
        cure={"view": "equilibrium", "method": "extragradient"}, cure_title="Look ahead first",
        text="x wants xy small, y wants it large, and the path winds away from the only equilibrium. **Cause:** at "
        "every place the two gradients together point along the circle, and a straight step leaves it outwards. "
        "**Cure:** take the gradients from one step ahead (extragradient).",
        cured="With the gradients taken one step ahead the path winds inwards, to the equilibrium.",
    ),
}  # fmt: skip


def why() -> None:
    """The theory of the game, and of the saddle."""
    left, right = st.columns(2)
    with left:
        st.markdown(
            r"""
A **generator** $G$ turns noise $z$ into a point $G(z)$. A **discriminator** $D$ is shown points and says how likely it
thinks each one to be real. They play for one number:

$$
\begin{aligned}
\min_G \max_D\ V(D, G) ={}& \mathbb{E}_{x}[\log D(x)] \\
&+ \mathbb{E}_{z}[\log(1 - D(G(z)))]
\end{aligned}
$$

**If $D$ were perfect** for a given $G$, it would be $D^*(x) = p(x) / (p(x) + q(x))$, with $p$ the density of the data
and $q$ that of $G(z)$ (layer *Best D*). Put into $V$ this gives

$$
V(D^*, G) = -\log 4 + 2\, \mathrm{JS}(p \,\|\, q),
$$

with $\mathrm{JS}$ the Jensen-Shannon divergence: 0 for equal densities, $\log 2$ for ones that share nothing. So at the
end $D = \tfrac12$ everywhere and $V = -\log 4 \approx -1.386$.

**In practice** neither network is perfect and each takes small steps in turn. A round has three steps, which *Slow
motion* takes apart:

1. **Sample:** draw a batch of noise $z$ and of real points $x$; generate $G(z)$.
2. **D learns:** score both batches, take the gradient of D's loss, move D's weights down it. Repeated as often as
   *Steps of D* says, each time with new draws.
3. **G learns:** draw noise anew, take the gradient of G's loss through the D of that moment, move G's weights.

That is no descent on any one function, and need not settle (view *Why it circles*).

**What G minimises.** $\log(1 - D(G(z)))$ has almost no slope while $D$ wins, so $-\log D(G(z))$ is used: the same fixed
point, a strong slope where it is needed (*non-saturating*).
"""
        )
    with right:
        st.markdown(
            r"""
With $D$ for $D(x)$ at a real point and $\tilde D$ for $D(G(z))$ at a generated one:

| objective | D minimises | G minimises |
| --- | --- | --- |
| minimax | $-\log D - \log(1 - \tilde D)$ | $\log(1 - \tilde D)$ |
| non-saturating | the same | $-\log \tilde D$ |
| least-squares | $\frac12 (D-1)^2 + \frac12 \tilde D^2$ | $\frac12 (\tilde D-1)^2$ |
| hinge | $[1 - D]_+ + [1 + \tilde D]_+$ | $-\tilde D$ |
| wgan-clip | $\tilde D - D$, weights clipped | $-\tilde D$ |
| wgan-gp | the same $+\ \lambda\, (\lVert\nabla D(\hat x)\rVert - 1)^2$ | $-\tilde D$ |
| r1 | as non-saturating $+\ \frac{\gamma}{2} \lVert\nabla D(x)\rVert^2$ | $-\log \tilde D$ |
| spectral | as non-saturating, weights over their largest singular value | $-\log \tilde D$ |

**Apart from the papers.** The clipped critic's weights stay within 0.05 (0.01 in Arjovsky et al. 2017, who take five
critic steps and RMSProp); the gradient penalty has $\lambda = 1$ (10 in Gulrajani et al. 2017, with five critic steps
and Adam's $\beta_1 = 0$). Here every game starts with one step each and Adam with $\beta_1 = 0.5$, so that they can
be compared; the limit, $\lambda$ and the steps can be set to the papers' own. $V$ is drawn only where D gives a
probability.

$\hat x$ is a random place between a real and a generated point, $\lambda$ and $\gamma$ are the weight of the gradient
penalty, $[a]_+ = \max(a, 0)$.

**What the stage shows.** Blue ground: D says real; orange: generated; the line: one half. G's grid is how G bends the
noise: every cell holds the same share of it, so small, dark cells are where G puts most points. The arrows are minus
the gradient of G's loss at each generated point: where the loss asks it to go.

**The measures.** JS is counted with 10,000 samples over 24 × 24 cells and corrected for chance; two sets drawn alike
still come out a few thousandths above 0 (the numbers beside the stage say how much for these data). A mode is covered
when it has at least a quarter of its fair share of 2,000 samples within three standard deviations.
The energy distance of 600 samples from 600 real points is
$2\,\mathbb{E}|A-B| - \mathbb{E}|A-A'| - \mathbb{E}|B-B'|$: 0 on average for two draws of the same.
"""
        )
    st.markdown("#### Why it circles")
    _why_it_circles(*st.columns(2))


def _why_it_circles(left: Any, right: Any) -> None:
    left.markdown(
        r"""
Two numbers instead of two networks: $x$ wants $f$ small and may move only itself, $y$ wants $f$ large. On $f = xy$ the
only place where neither wants to move is $(0, 0)$.

**Where they want to go.** $x$ moves along $-\partial f/\partial x = -y$, and $y$ along $\partial f/\partial y = x$.
The joint direction $(-y, x)$ is at right angles to $(x, y)$: it goes *around* the equilibrium, never towards it. With
infinitely small steps $x^2 + y^2$ stays as it is for ever.

**A GAN does the same** near its end: D's best answer depends on where G is, G's on where D is, and each gradient
answers where the other one was.
"""
    )
    right.markdown(
        r"""
**Steps of size $h$** on $f = xy$, with $r$ the distance from $(0, 0)$:

| how they move | each step | where it leads |
| --- | --- | --- |
| simultaneous | $r \leftarrow \sqrt{1 + h^2}\; r$ | outwards, at any $h$ |
| alternating | $x^2 + y^2 - h x y$ is kept | around, for $h < 2$ |
| extragradient | $r \leftarrow \sqrt{1 - h^2 + h^4}\; r$ | inwards, for $h < 1$ |

*Simultaneous* takes both gradients at the same place. *Alternating* lets $y$ answer where $x$ is now, as GAN training
does. *Extragradient* makes a step on trial and takes the real one with the gradients found there (Korpelevich 1976;
Gidel et al. 2019, arXiv:1802.10551).

**With a slope,** $f = xy + \frac{c}{2}(x^2 - y^2)$, each player also has an optimum of its own. Simultaneous play then
comes in where $2c > h\,(1 + c^2)$, the two others at any small step. Gradient penalties (*r1*) give a GAN's D such a
slope.
"""
    )


def questions(frames: Callable[[], list[Frame]]) -> list[Question]:
    """Checked on ``frames()``: what is on the stage up to the step that the viewer sees."""
    return [
        Question(
            text="Both networks agree at last: D is one half everywhere. What is V(D, G) then, in nats?",
            kind="number",
            check=lambda answer: _check_equilibrium(frames(), answer),
            hint="Put one half into both logarithms of V under Why.",
        ),
        Question(
            text="Up to the step on the stage, how many modes has the generator covered at most?",
            kind="whole",
            check=lambda answer: _check_modes(frames(), answer),
            hint="Choose Modes covered above the curve, and look for its highest place.",
        ),
        Question(
            text="Does a falling loss of G mean that its points get better?",
            kind="choice",
            options=("yes", "no"),
            check=lambda answer: _check_loss(frames(), answer),
            hint="Compare the curves of the losses and of the Jensen-Shannon divergence.",
        ),
    ]


def _check_equilibrium(frames: list[Frame], answer: float) -> tuple[bool, str]:
    known = [frame.scalars for frame in frames if "value" in frame.scalars]
    now = f" In your game it is {known[-1]['value']:.3f} in round {known[-1]['round']:,.0f}." if known else ""
    return abs(answer + np.log(4)) < 0.006, f"log ½ + log ½ = −log 4 = −1.386.{now}"


def _check_modes(frames: list[Frame], answer: int) -> tuple[bool, str]:
    seen = [frame.scalars["modes"] for frame in frames if "modes" in frame.scalars]
    if not seen:
        raise ValueError("This data set has no modes to count: choose a ring, a grid or two Gaussians.")
    return answer == max(seen), f"At most {max(seen):.0f} up to the step shown, and {seen[-1]:.0f} there."


def _check_loss(frames: list[Frame], answer: str) -> tuple[bool, str]:
    rows = [(f.scalars["g_loss"], f.scalars["js"]) for f in frames if "g_loss" in f.scalars and "js" in f.scalars]
    if len(rows) < 10:
        raise ValueError("There are fewer than ten pictures to compare yet: let the game go on first.")
    together = float(np.corrcoef(np.array(rows).T)[0, 1])
    return answer == "no", (
        "It is measured against a D that moves as well. In your game so far the correlation of G's loss with the "
        f"Jensen-Shannon divergence is {together:+.2f}; a loss that told how good the points are would be near +1."
    )
