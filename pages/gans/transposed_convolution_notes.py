"""The words around the transposed convolution's stage: scenes, the theory, questions."""

from __future__ import annotations

from pages.ui.strip import Scene
from pages.ui.tryit import Question, fact

ONES = {"values": "ones", "n": 5, "k": 3, "s": 2}
SCENES = {
    "checkerboard": Scene(
        title="The checkerboard", link=ONES, cure={**ONES, "how": "resize"}, cure_title="Resize, then convolve",
        text="Input and kernel hold nothing but ones, and yet the output is a pattern of 1, 2 and 4. **Why:** a kernel "
        "of 3 stamped every 2 cells overlaps in every other row and column. **Cure:** a kernel that is a multiple of "
        "the stride, or resizing first and convolving after, which treats all inner cells alike.",
        cured="Resized first, every inner cell of the output is the same sum of nine ones: no pattern, and less at the "
        "edge only, where the kernel reaches over it.",
    ),
    "even": Scene(
        title="A kernel that is a multiple of the stride", link={"values": "ones", "n": 4, "k": 4, "s": 2, "p": 1},
        cure={"values": "ones", "n": 4, "k": 3, "s": 2, "p": 1, "a": 1}, cure_title="Take a kernel of 3 instead",
        text="Kernel 4, stride 1/2, padding 1: the size doubles and every inner cell is covered four times. The "
        "generator that ships here uses such kernels; the DCGAN paper's are 5 × 5, which is no multiple of 2.",
        cured="With a kernel of 3 the size doubles as well, and cells are covered once, twice or four times.",
    ),
    "dcgan": Scene(
        title="A layer of a trained generator", link={"values": "dcgan-3"}, cure={"values": "dcgan-4"},
        cure_title="Its last layer",
        text="One channel of the shipped DCGAN on its way from 7 × 7 to 14 × 14, with the weights that it has learned. "
        "**Mind:** the real layer adds such outputs of all its input channels.",
        cured="One channel on its way from 14 × 14 to the image of 28 × 28.",
    ),
}  # fmt: skip


WHY = (
    r"""
A **convolution** with stride $s$ moves its kernel $s$ cells at a time, so its output is about $s$ times smaller. Its
**transpose** goes the other way: each input cell, times the kernel, is *stamped* into the output, and the next stamp
lands $s$ cells further on. One step in the input is $s$ steps in the output: a stride of $1/s$, hence
**fractionally-strided convolution**.

**Sizes.** With $n$ cells a side, a kernel of $k$, padding $p$ and output padding $a$:

$$
\begin{aligned}
o_{\text{convolution}} &= \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 \\
o_{\text{transposed}} &= (n-1)\,s - 2p + k + a
\end{aligned}
$$

Padding *adds* cells around a convolution's input, and *cuts* cells off a transposed one's output. Several sizes shrink
to the same one; the output padding says which of them to come back to.
""",
    r"""
**As a matrix.** Write the input as one long vector. A convolution is then a matrix $C$ with a row for every output
cell, holding the kernel's weights where they lie. The transposed convolution is $C^\top$, with a column for every
stamp. Below the grids stand the matrix of the operation and its transpose. $C^\top$ has the *shape* of an inverse,
not the values: it does not undo a convolution.

**With zeros.** The same result comes from an ordinary convolution of stride 1: put $s - 1$ zeros between the input
cells, $k - 1 - p$ around them, and turn the kernel by 180 degrees (*zero-inserted*). Most products are with zeros,
which is why nobody computes it so.

**The checkerboard.** Where $k$ is no multiple of $s$ the stamps cover some cells more often than others. A network can
learn to balance that, and often does not. DCGAN's own kernels, 5 × 5 at a stride of 1/2, are of this kind; the
generators that ship here have 4 × 4. Resizing first and convolving after has no such pattern.
""",
)


def questions() -> list[Question]:
    return [
        Question(
            text="A side of 7, kernel 4, stride 1/2, padding 1, no output padding: what side has the output?",
            kind="whole",
            check=fact(14, "(7 − 1) × 2 − 2 × 1 + 4 + 0 = 14."),
            hint="Set these sizes in the controls and read the formula beside the stage.",
        ),
        Question(
            text="Does a transposed convolution undo the convolution with the same kernel?",
            kind="choice",
            options=("yes", "no"),
            check=fact("no", "It undoes the change of size only: the transpose of a matrix is not its inverse."),
            hint="Take all ones: a convolution and then its transpose.",
        ),
    ]
