"""The words around the variational mixture's stage: scenes by link, the theory, questions."""

from __future__ import annotations

import numpy as np

from engines.mixtures.variational_gmm import ALIVE
from pages.ui import show, stage
from pages.ui.maths import number
from pages.ui.strip import Scene
from pages.ui.tryit import Question

# What can be seen by link, and what cures it.
SCENES = {
    "prune": Scene(
        title="Ten components, three clusters",
        link={"data": "blobs", "k": 10, "compare": True},
        cure={"data": "blobs", "k": 10, "conc": "100"},
        cure_title="Ask for equal weights instead",
        text="**What you see:** on the left most bars die, one by one; EM on the right keeps all ten. **Why:** "
        "each posterior pays a divergence for leaving its prior, and a component that explains too little does not "
        "earn it. **The dial:** a concentration below 1 favours few components, one far above 1 equal weights.",
    ),
    "little-data": Scene(
        title="Little data",
        link={"data": "blobs", "n": 50, "k": 3, "density": "both"},
        cure={"data": "blobs", "n": 50, "k": 3, "density": "plug-in"},
        cure_title="Show the plug-in density",
        text="**What you see:** contours of the predictive density, wider than the dashed ones of the plug-in "
        "density; the numbers say how both foresee fresh points. **Why:** "
        "with few points the covariances are uncertain, and averaging over what they might be gives each component the "
        "tails of a Student t. With more points the two meet.",
    ),
    "process": Scene(
        title="A Dirichlet process",
        link={"data": "stretched", "k": 12, "prior": "process"},
        cure={"data": "stretched", "k": 12, "prior": "dirichlet"},
        cure_title="A plain Dirichlet",
        text="**What you see:** the weights of the sticks; the caption says whether they fall from the first to the "
        "last. **Why:** a stick-breaking prior expects early components to be large, so their order means something, "
        "but the data may outweigh it; a Dirichlet treats all alike.",
    ),
}


WHY = (
    r"""
EM finds one best value for every parameter. Here the weights $\pi$, means $\mu_k$ and precisions $\Lambda_k$ (inverse
covariances) have priors, and what is sought is their **posterior** given the points $X$. It has no closed form, because
nobody says which component each point came from ($Z$). So it is approximated by a product,

$$
q(Z)\, q(\pi) \prod_k q(\mu_k, \Lambda_k),
$$

chosen to raise a bound on the evidence, the ELBO:

$$
\begin{aligned}
\log p(X) \ \ge\ & \mathbb{E}_q[\log p(X, Z, \pi, \mu, \Lambda)] \\
& - \mathbb{E}_q[\log q]
\end{aligned}
$$

Each factor is updated with the others held fixed, so the bound never falls while the prior stays. **The E step**
sets the responsibilities as in EM, but with the expectations of $\log \pi_k$ and $\log |\Lambda_k|$ in place of values.
**The M step** adds each component's points to its prior:

$$
\begin{aligned}
\alpha_k &= \alpha_0 + N_k \\
\beta_k &= \beta_0 + N_k \\
\nu_k &= \nu_0 + N_k
\end{aligned}
$$

with $N_k$ the points that component $k$ holds, $\alpha$ the Dirichlet's counts, $\beta_k$ and $\nu_k$ how firmly mean
and covariance are known.
""",
    r"""
**Why components die.** The bound is what the points earn less what the posteriors pay for leaving their priors
(a KL divergence each). A component that explains little goes back to its prior, which costs nothing: its weight falls
to $\alpha_0 / (N + K \alpha_0)$. EM has no such price, and needs BIC to choose $K$ from outside.

**The concentration** $\alpha_0$: below 1 the prior favours few components; large, equal weights. A **Dirichlet
process** breaks a stick of length one instead, $\pi_k = v_k \prod_{j<k} (1 - v_j)$, with $v_k$ from a Beta
distribution; it needs no $K$, only a largest one.

**Much data outweighs the prior.** All $K$ concentrations together count as $K \alpha_0$ points beside the $N$ of the
data. With hundreds of points a concentration of 1 and one of 0.01 give nearly the same weights; to see the dial at
work, take fewer points or a concentration near $N / K$.

**Prediction.** A new point's density averages over the whole posterior, which turns each Gaussian into a **Student t**:
wide where little is known. The plug-in density takes the posterior means for granted.

**From here to the VAE.** The same bound, with a network in place of the update formulas: the encoder *learns* to give
$q(z \mid x)$ for any $x$, and noise passed through it replaces the closed-form expectations. See *KL against
reconstruction*.
""",
)


def questions() -> list[Question]:
    return [
        Question(
            text="Let the run finish. How many components hold more than 1 % of the weight?",
            kind="number",
            check=check_alive,
            hint="Count the bars beside the points, or read the caption.",
        ),
        Question(
            text="Over your run, did the ELBO ever fall?",
            kind="choice",
            options=("yes", "no"),
            check=check_falls,
            hint="Look at the curve.",
        ),
    ]


def check_alive(answer: float) -> tuple[bool, str]:
    record = stage.current(show.slot("variational-gmm"))
    frames = record.run.history.after(-1) if record else []
    if record is None or not frames or record.run.status.state != "finished":
        raise ValueError("The run has not finished yet: let it play to its end first.")
    alive = int((frames[-1].arrays["weights"] > ALIVE).sum())
    return bool(answer == alive), f"At step {frames[-1].step} it is {alive} of {len(frames[-1].arrays['weights'])}."


def check_falls(answer: str) -> tuple[bool, str]:
    frames = show.frames("variational-gmm")
    if len(frames) < 2:
        raise ValueError("There are no two steps yet to compare: let the run go on first.")
    changes = np.diff([frame.scalars["lower_bound"] for frame in frames])
    worst, at = float(changes.min()), frames[int(changes.argmin()) + 1].step
    fell = worst < -1e-9 * abs(frames[-1].scalars["lower_bound"])
    why = " Another prior has another bound, which may lie lower." if fell else ""
    said = f"The smallest change from one step to the next was {number(worst)} nats, at step {at}.{why}"
    return answer == ("yes" if fell else "no"), said
