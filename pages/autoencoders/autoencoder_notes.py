"""What stands around the stage of the autoencoder: theory and questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.engine import Frame
from pages.ui.maths import close
from pages.ui.shipped import interval_of
from pages.ui.tryit import Question

WHY = (
    r"""
An autoencoder learns to give back what it was given, through a hidden layer that is too small to copy it:

$$
z = a(W x + b), \qquad \hat x = \mathrm{sigmoid}(W' z + b')
$$

Here $x$ holds the 784 pixels of an image in $0..1$, $z$ the $M$ numbers of its *code*, $a$ is the activation, and
$W, W', b, b'$ are learned. Nobody says what the code should mean; it is what helps most to rebuild the image.

**The loss** takes each pixel's level as the chance of being white and asks how surprised $\hat x$ is, in nats:

$$
-\sum_{i=1}^{784} \left( x_i \log \hat x_i + (1 - x_i) \log (1 - \hat x_i) \right)
$$
""",
    r"""
**PCA is its linear relative.** With a linear code and squared error, the best autoencoder spans the same directions as
the first $M$ principal components (Baldi & Hornik 1989). The axes of its code may lie anywhere in that plane; the
images that come back are the same. You can watch this: let one learn, linear, with squared error.

**What it cannot do.** A code drawn at random need not be the code of anything: the autoencoder says nothing about
where its codes lie. That is what the *variational* autoencoder adds, and what turns it into a generative model.

**Hidden units as images.** With one hidden layer, unit $m$ adds $z_m W'_{\cdot m}$ to the image before the
sigmoid: its outgoing weights are themselves an image. Orange adds ink, blue takes it away; each unit is scaled to its
largest weight.
""",
)


def questions(frames: Callable[[], Sequence[Frame]]) -> list[Question]:
    """Answered from the frames of the shipped models, a frame each."""

    def first_below(answer: str) -> tuple[bool, str]:
        by_width = {int(frame.scalars["code_dim"]): frame.scalars for frame in frames()}
        bar = by_width[8]["pca_error"]
        first = min(m for m, s in by_width.items() if s["squared_error"] < bar)
        return int(answer) == first, (
            f"PCA loses {interval_of(by_width[8], 'pca_error')} with 8 directions; the autoencoder "
            f"{interval_of(by_width[first], 'squared_error')} with M = {first}."
        )

    def error_of_two(answer: float) -> tuple[bool, str]:
        s = next(frame.scalars for frame in frames() if frame.scalars["code_dim"] == 2)
        said = f"It is {interval_of(s, 'squared_error')}, over 10,000 test images."
        return close(answer, s["squared_error"], places=1), said

    return [
        Question(
            text="With how many numbers in its code does the autoencoder first lose less than PCA with 8 directions?",
            kind="choice",
            options=("2", "8", "32", "128", "300"),
            check=first_below,
            hint="Under Through a bottleneck, compare the solid curve with the dashed one.",
        ),
        Question(
            text="What is the squared error per image of the model with M = 2, to one decimal place?",
            kind="number",
            check=error_of_two,
            hint="Under Through a bottleneck, go to the first step.",
        ),
    ]
