"""The words around the game's stage: scenes by link, the theory, questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from pages.ui.frame import Question

# name -> the settings that make the scene (all others at their defaults), those that cure it, and what there is to see
SCENES: dict[str, dict[str, Any]] = {
    "collapse": {
        "title": "Mode collapse",
        "link": {"data": "ring", "gsteps": 5},
        "cure": {"data": "ring", "gsteps": 5, "dsteps": 5},
        "cure_title": "Let D learn as often",
        "text": "**Symptom:** all generated points sit on one or two of the eight modes, and jump from one to the "
        "next. **Cause:** G takes five steps for each of D's, so it moves everything to where D is most easily fooled "
        "now; D learns to reject that place, and the crowd moves on. **Cure:** D must keep up: five steps each.",
    },
    "oscillation": {
        "title": "Oscillation",
        "link": {"data": "pair", "gsteps": 5},
        "cure": {"data": "pair", "gsteps": 1},
        "cure_title": "One step each",
        "text": "**Symptom:** the points swing from one Gaussian to the other and back, and V goes up and down with "
        "them. **Cause:** each network answers where the other was; with many answers in a row the game circles, like "
        "two players on a saddle (view *equilibrium*). **Cure:** smaller answers: one step each.",
    },
    "saturating": {
        "title": "The loss that saturates",
        "link": {"data": "pair", "objective": "minimax", "opt": "sgd", "dlr": "0.3", "glr": "0.003", "dsteps": 10},
        "cure": {
            "data": "pair",
            "objective": "non-saturating",
            "opt": "sgd",
            "dlr": "0.3",
            "glr": "0.003",
            "dsteps": 10,
        },
        "cure_title": "The non-saturating loss",
        "text": "**Symptom:** D is sure of everything and the generated points hardly move; the arrows' mean length in "
        "the numbers is close to zero. **Cause:** the slope of log(1 - D) by D's logit is D itself, which is next to "
        "nothing where D knows a fake. **Cure:** minimise -log D instead, whose slope is 1 - D: the same direction, "
        "but strong just there. The points reach the data within a few hundred rounds, though not all of it: that a "
        "mode is lost is another trouble.",
    },
    "strong": {
        "title": "A discriminator too strong",
        "link": {"data": "pair", "objective": "minimax", "dlr": "0.03", "dsteps": 20, "glr": "0.0001"},
        "cure": {"data": "pair", "objective": "wgan-gp", "dlr": "0.003", "dsteps": 5, "glr": "0.001"},
        "cure_title": "A Wasserstein critic",
        "text": "**Symptom:** the field is flat but for one sharp edge, V is close to 0, its highest value, and G "
        "hardly moves. **Cause:** a perfect discriminator has no slope where the generated points are. "
        "**Cure:** a Wasserstein critic gives a distance, not a verdict: with a gradient penalty its slope is about 1 "
        "everywhere, and the better it is, the better the advice.",
    },
    "wasserstein": {
        "title": "Wasserstein cures it",
        "link": {"data": "pair", "objective": "wgan-gp", "dlr": "0.01", "dsteps": 10, "glr": "0.0003"},
        "cure": {"data": "pair", "objective": "minimax", "dlr": "0.01", "dsteps": 10, "glr": "0.0003"},
        "cure_title": "The same with minimax",
        "text": "**What you see:** D takes ten steps for each of G's, at thirty times its rate, and G covers both "
        "Gaussians all the same. **Why:** the critic's slope is kept near 1 wherever the generated points are, so a "
        "critic far ahead points the way. **Without it:** with minimax and nothing else changed, D is soon sure, G "
        "first stands still and then loses one of the two.",
    },
    "circle": {
        "title": "Why it circles",
        "link": {"view": "equilibrium", "method": "simultaneous"},
        "cure": {"view": "equilibrium", "method": "extragradient"},
        "cure_title": "Look ahead first",
        "text": "**Symptom:** x wants xy small, y wants it large, and the path winds away from the only equilibrium. "
        "**Cause:** at every place the two gradients together point along the circle, and a straight step leaves it "
        "outwards. **Cure:** take the gradients from one step ahead (extragradient).",
    },
}


def why(view: str = "game") -> None:
    """The theory of what is on the stage: of the game, or of the saddle."""
    left, right = st.columns(2)
    if view == "equilibrium":
        _why_it_circles(left, right)
        return
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

That is no descent on any one function, and need not settle (view *equilibrium*).

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

$\hat x$ is a random place between a real and a generated point, $\lambda$ and $\gamma$ are the weight of the gradient
penalty, $[a]_+ = \max(a, 0)$.

**What the stage shows.** Blue ground: D says real; orange: generated; the line: one half. G's grid is how G bends the
noise: every cell holds the same share of it, so small, dark cells are where G puts most points. The arrows are minus
the gradient of G's loss at each generated point: where the loss asks it to go.

**The measures.** JS is counted with 10,000 samples over 24 x 24 cells (corrected for chance, so that equal sets give
0). A mode is covered when it has at least a quarter of its fair share of 2,000 samples within three standard
deviations. The energy distance of 600 samples from 600 real points is
$2\,\mathbb{E}|A-B| - \mathbb{E}|A-A'| - \mathbb{E}|B-B'|$: 0 on average for two draws of the same.
"""
        )


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


def questions(record: Callable[[], Any]) -> list[Question]:
    return [
        Question(
            text="Both networks agree at last: D is one half everywhere. What is V(D, G) then, in nats?",
            kind="number",
            check=lambda answer: _check_equilibrium(record(), answer),
            hint="Two logarithms of one half.",
        ),
        Question(
            text="In your game so far, how many modes does the generator cover at most?",
            kind="number",
            check=lambda answer: _check_modes(record(), answer),
            hint="Choose Modes covered above the curve.",
        ),
        Question(
            text="Does a falling loss of G mean that its points get better?",
            kind="choice",
            options=("yes", "no"),
            check=lambda answer: _check_loss(record(), answer),
            hint="Compare the curves of the losses and of the Jensen-Shannon divergence.",
        ),
    ]


def _frames(record: Any) -> list[Any]:
    frames = list(record.run.history.after(-1)) if record else []
    return [frame for frame in frames if "js" in frame.scalars]


def _check_equilibrium(record: Any, answer: float) -> tuple[bool, str]:
    frames = _frames(record)
    now = f" In your game it is {frames[-1].scalars['value']:.3f} now." if frames else ""
    return abs(answer + np.log(4)) < 0.01, f"log ½ + log ½ = −log 4 = −1.386.{now}"


def _check_modes(record: Any, answer: float) -> tuple[bool, str]:
    seen = [frame.scalars["modes"] for frame in _frames(record) if "modes" in frame.scalars]
    if not seen:
        return False, "This data set has no modes to count: choose ring, grid or pair."
    return int(answer) == int(max(seen)), f"At most {max(seen):.0f}, and {seen[-1]:.0f} at the newest step."


def _check_loss(record: Any, answer: str) -> tuple[bool, str]:
    rows = [(f.scalars["g_loss"], f.scalars["js"]) for f in _frames(record) if "g_loss" in f.scalars]
    if len(rows) < 10:
        return False, "There are fewer than ten pictures to compare yet: let the game go on first."
    together = float(np.corrcoef(np.array(rows).T)[0, 1])
    return answer == "no", (
        "It is measured against a D that moves as well. In your game the correlation of G's loss with the "
        f"Jensen-Shannon divergence is {together:+.2f}."
    )
