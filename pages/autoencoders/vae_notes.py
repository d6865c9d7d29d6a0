"""What stands around the stage of the variational autoencoder: theory and questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from engines.engine import Frame
from pages.ui.maths import added, close
from pages.ui.tryit import Question

WHY = (
    r"""
An autoencoder squeezes an image $x$ through a few numbers $z$. A *variational* one says how sure it is: the encoder
gives a whole Gaussian of codes,

$$
q(z \mid x) = N\!\left(z \mid \mu(x),\ \mathrm{diag}\,\sigma^2(x)\right),
$$

and the decoder gives every pixel's chance of being white, $p(x_i = 1 \mid z)$. Codes are meant to come from the prior
$p(z) = N(0, I)$: then you can draw $z$ yourself and get an image. That is **prior predictive sampling**; drawing $z$
from $q(z \mid x)$ of an image instead is **posterior predictive**.

The likelihood $p(x) = \int p(x \mid z)\, p(z)\, dz$ has no closed form. What is raised instead is a bound on it:

$$
\log p(x) \ \ge\ \underbrace{\mathbb{E}_{q(z \mid x)}\left[\log p(x \mid z)\right]}_{\text{reconstruction}}
\ -\ \underbrace{\mathrm{KL}\left(q(z \mid x)\,\|\,p(z)\right)}_{\text{price of the code}}
$$

the *evidence lower bound*, ELBO, in nats.
""",
    r"""
**Learning through a random draw.** The draw is written as $z = \mu + \sigma \epsilon$ with $\epsilon$ from $N(0, I)$,
so that the gradient passes to $\mu$ and $\sigma$ (the *reparameterisation trick*).

**The KL in closed form**, for $D$ latent dimensions:

$$
\mathrm{KL} = \tfrac12 \sum_{d=1}^{D} \left(\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2\right)
$$

**Beta** weighs it: the loss is $-\text{reconstruction} + \beta\,\mathrm{KL}$. A small $\beta$ gives sharp images and
codes that lie far from the prior, so that draws from the prior fall between them; a large $\beta$ gives up dimensions
one by one.

**The mean is not a sample.** The decoder's mean image is smooth, and it is what papers print. A sample of the model
draws every pixel from its chance, and is rough, because the decoder takes the pixels as independent given $z$.

**A path between codes** passes through images that the decoder draws; a blend of pixels passes through double
exposures. Not every place on the way is as likely under the prior: where few codes lie, the images are poorer.
""",
)


def questions(frames: Callable[[], Sequence[Frame]]) -> list[Question]:
    """Asked of the viewer, answered from the frames of the viewer's own run, or of the recorded training."""
    return [
        Question(
            text="Which of the two terms of the ELBO is larger, in nats, at the step on the stage?",
            kind="choice",
            options=("reconstruction", "KL"),
            check=lambda answer: _larger(frames(), answer),
            hint="See the curves beside the stage, or its numbers.",
        ),
        Question(
            text="From the first step to the one on the stage, does the KL rise all the way?",
            kind="choice",
            options=("yes", "no"),
            check=lambda answer: _kl_moves(frames(), answer),
            hint="A code that says nothing costs nothing. See the dashed curve beside the stage.",
        ),
        Question(
            text="How many nats is −ELBO at the step on the stage, to the nearest whole number?",
            kind="number",
            check=lambda answer: _bound(frames(), answer),
            hint="It is the sum of the reconstruction term and the KL.",
        ),
    ]


def _measured(frames: Sequence[Frame], least: int = 1) -> Sequence[Frame]:
    found = [frame for frame in frames if "elbo" in frame.scalars]
    if len(found) < least:
        raise ValueError("There is no step with figures yet: let the run go on for a moment.")
    return found


def _larger(frames: Sequence[Frame], answer: str) -> tuple[bool, str]:
    last = _measured(frames)[-1]
    s = last.scalars
    larger = "reconstruction" if s["reconstruction"] > s["kl"] else "KL"
    return (
        answer == larger,
        f"At step {last.step}: reconstruction {s['reconstruction']:.1f}, KL {s['kl']:.1f} nats.",
    )


def _kl_moves(frames: Sequence[Frame], answer: str) -> tuple[bool, str]:
    found = _measured(frames, least=2)
    first, last = found[0], found[-1]
    falls = [b for a, b in pairwise(found) if b.scalars["kl"] < a.scalars["kl"]]
    said = (
        f"It falls {len(falls)} times, first before step {falls[0].step}."
        if falls
        else "It never falls on the way: the code comes to say more about the image."
    )
    return (answer == "no") == bool(falls), (
        f"From {first.scalars['kl']:.2f} nats at step {first.step} to {last.scalars['kl']:.2f} at step {last.step}. "
        + said
    )


def _bound(frames: Sequence[Frame], answer: float) -> tuple[bool, str]:
    last = _measured(frames)[-1]
    s = last.scalars
    said = f"At step {last.step} it is {added(s['reconstruction'], s['kl'], places=1)} nats."
    return close(answer, -s["elbo"]), said
