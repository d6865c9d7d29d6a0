"""What stands around the stage of the bound: scenes, theory, questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.engine import Frame
from pages.ui.maths import added, close
from pages.ui.shipped import interval_of
from pages.ui.strip import Scene
from pages.ui.tryit import Question

# The settings that make a scene and those that cure it (all others at their defaults), and what there is to see.
SCENES = {
    "collapse": Scene(
        title="Posterior collapse",
        link={"view": "trade-off", "beta": "16"},
        cure={"view": "trade-off", "beta": "1"},
        cure_title="Lower beta to 1",
        text="**What you see:** most bars are gone, and the images that come back are blurred and much alike. "
        "**Why:** at β = 16 a nat of KL costs sixteen nats of reconstruction, so the encoder gives up every dimension "
        "that earns less: there q(z|x) = p(z). **Cure:** a smaller β. Letting β rise slowly from zero, so that "
        "dimensions are taken up before they cost, helps where they are given up early; it did not help here: all "
        "eight models were warmed up that way, this one too.",
        cured="**What you see:** at β = 1 most bars are back, and what comes back is told apart again.",
    ),
    "no-prior": Scene(
        title="Codes far from the prior",
        link={"view": "trade-off", "beta": "0.1"},
        cure={"view": "trade-off", "beta": "1"},
        cure_title="Raise beta to 1",
        text="**What you see:** the images come back sharp, while many draws from the prior, in the last row, are "
        "no clear digits. **Why:** the KL hardly counts, so codes lie where the encoder likes; the prior draws between "
        "them. **Cure:** a larger β.",
        cured="**What you see:** at β = 1 more of the draws are clear digits, if far from all.",
    ),
    "direction": Scene(
        title="The direction matters",
        link={"view": "divergence", "mq": 0.0, "sq": 0.4, "mp": 0.0, "sp": 2.0},
        cure={"view": "divergence", "mq": 0.0, "sq": 2.0, "mp": 0.0, "sp": 2.0},
        cure_title="Make them equal",
        text="**What you see:** q is narrow inside a wide p. KL(q || p) is small, KL(p || q) large. **Why:** the "
        "first asks only about places where q is; the second punishes q for calling most of p impossible. **Where both "
        "vanish:** only where the two coincide.",
        cured="**What you see:** both curves coincide, and both divergences vanish.",
    ),
}

WHY = (
    r"""
For every Gaussian $q(z \mid x)$ that the encoder may give,

$$
\log p(x) = \underbrace{\mathbb{E}_q[\log p(x \mid z)] - \mathrm{KL}(q(z \mid x) \,\|\, p(z))}_{\text{ELBO}}
+ \mathrm{KL}(q(z \mid x) \,\|\, p(z \mid x))
$$

The last term is never negative, so the ELBO lies below the log-likelihood of image $x$, by as much as $q$ differs from
the true posterior $p(z \mid x)$ of the code $z$.

**KL divergence** between two densities:

$$
\mathrm{KL}(q \,\|\, p) = \int q(z) \log \frac{q(z)}{p(z)}\, dz \ \ge\ 0
$$

zero only where the two coincide, and not symmetric. Between Gaussians with means $\mu_q, \mu_p$ and standard deviations
$\sigma_q, \sigma_p$:

$$
\mathrm{KL}(q \,\|\, p) = \log\frac{\sigma_p}{\sigma_q} + \frac{\sigma_q^2 + (\mu_q - \mu_p)^2}{2 \sigma_p^2} - \frac12
$$
""",
    r"""
**More samples, a tighter bound.** With $K$ codes $z_k$ drawn from $q$,

$$
L_K = \mathbb{E}\left[\log \frac1K \sum_{k=1}^{K} \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)}\right]
$$

rises with $K$ from the ELBO ($K = 1$) towards $\log p(x)$ (Burda et al. 2015). It is how the likelihood of such a model
is estimated.

**Rate and distortion.** The KL is a *rate*: how many nats the code carries about the image. The reconstruction term is
a *distortion*: how many nats are still missing once the code is known. Training with weight $\beta$,

$$
\text{loss} = \text{distortion} + \beta \cdot \text{rate},
$$

picks a point on the curve where its slope is $-\beta$. Dotted lines join points of the same ELBO (rate + distortion);
$\beta = 1$ seeks the lowest of them.

**Posterior collapse.** A dimension that earns less reconstruction than it costs is given up: there
$q(z_d \mid x) = p(z_d)$ for every image, and its bar is zero.
""",
)


def questions(sweep: Callable[[], Sequence[Frame]], image: Callable[[], Sequence[Frame]]) -> list[Question]:
    """Answered from the frames of the sweep, a frame a beta, and from those of the image on the stage."""

    def best(answer: str) -> tuple[bool, str]:
        s = max(sweep(), key=lambda frame: frame.scalars["elbo"]).scalars
        return float(answer) == s["beta"], (
            f"β = {s['beta']:g}, with −ELBO = {interval_of(s, 'elbo', factor=-1)} nats per image."
        )

    def used(answer: float) -> tuple[bool, str]:
        frame = next(frame for frame in sweep() if frame.scalars["beta"] == 16)
        n = int(frame.scalars["used_dimensions"])
        return answer == n, f"It uses {n} of {len(frame.arrays['kl'])}."

    def gap(answer: float) -> tuple[bool, str]:
        s = next((frame.scalars for frame in image() if frame.step == 500 and "bound" in frame.scalars), None)
        if s is None:
            raise ValueError("Choose One image's bound and let it play to K = 500 first.")
        parts = added(s["bound"], s["elbo"], weights=(1, -1))
        return close(answer, s["bound"] - s["elbo"], places=1), f"{parts} nats."

    return [
        Question(
            text="Which beta of the sweep has the best ELBO on the test images?",
            kind="choice",
            options=("0.1", "0.25", "0.5", "1", "2", "4", "8", "16"),
            check=best,
            hint="Under Rate against distortion, play through the models: the solid curve is −ELBO.",
        ),
        Question(
            text="How many of the 20 dimensions does the model with beta = 16 use?",
            kind="number",
            check=used,
            hint="Count the bars, or read the caption.",
        ),
        Question(
            text="For the image on the stage: by how many nats, to one decimal place, does the bound with 500 samples "
            "lie above the ELBO?",
            kind="number",
            check=gap,
            hint="Choose One image's bound and let it play to its end.",
        ),
    ]
