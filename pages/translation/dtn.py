"""DTN: a printed digit becomes handwriting, because a network that knows digits must see the same digit in both."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from engines import learning
from engines.engine import Frame
from engines.foundations import classifier
from engines.translation.dtn import SIDE, cut
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.comparison import each, interval, metrics, networks, order, strip, sure, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # checkpoints/dtn and its variants, in words
    "": "all terms",
    "no-const": "without L_CONST",
    "no-tid": "without L_TID",
    "no-gan": "without the discriminator",
}
PARTS = {words: variant for variant, words in WORDS.items()}
BY = networks(WORDS, "All were trained alike but for a term of the loss.", plain="whole")
ROW = Number(key="row", label="Test image", low=0, high=2999, default=2, slider=False)
VIEWS = {
    "try": ("Try it out", (BY, ROW)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}
FILMED = 12  # test images in the film
READ = curves("Read right", "share", accuracy="by the classifier trained on MNIST")
TERMS = curves("Terms", "", const="L_CONST", tid="L_TID", gang="L_GANG")
SHOWN_IN_A_ROW = 12


def main() -> None:
    with page(entry("dtn"), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        match chosen["view"]:
            case "try":
                desk("" if chosen["by"] == "whole" else chosen["by"], chosen["row"])
            case "film":
                show.film("dtn", training)
                st.caption(learned(""))
            case "parts":
                parts()


# -- your own digit --------------------------------------------------------------------------------------------


def desk(variant: str, row: int) -> None:
    """The image and its handwriting on the stage; under it, what f sees in both."""
    below = st.container()  # the stage stands above the upload, whose file it shows
    given, problem = board.photo("Or a photo of a digit", "dtn:file", SIDE, ", so let one digit stand in it")
    if problem:
        st.warning(problem)
    with below:
        show.film("dtn", translation, variant, row, given)
    engine, x = shipped.model("dtn", variant), tests()[0][row] if given is None else given
    f_x, f_made = (f[0].cpu() for f in engine.features(x[None]))
    left, right = st.columns(2)
    with left:
        st.markdown("What $f$'s own last layer reads in the image and in the drawing:")
        p_x, p_made = (engine.named(f[None])[0].numpy() for f in (f_x, f_made))
        beside({"digit": list("0123456789"), "in x": p_x, "in G(x)": p_made}, "probability")
    with right:
        st.markdown("$f$ itself, 64 numbers from −1 to 1, before and after:")
        number = [f"{i:02d}" for i in range(1, len(f_x) + 1)]
        beside({"number": number, "f(x)": f_x.numpy(), "f(G(x))": f_made.numpy()}, "value")
    st.caption(learned(variant))


def beside(columns: dict[str, Any], words: str) -> None:
    """Two bars for each of the first column's names."""
    x, *y = columns
    st.bar_chart(columns, x=x, y=y, x_label=x, y_label=words, stack=False, height=230)


def translation(variant: str, row: int, given: np.ndarray | None = None) -> Film:
    """One frame: a test image or the one given, (32, 32, 3) bytes, and what G draws of it."""
    engine, (images, labels) = shipped.model("dtn", variant), tests()
    x, words = images[row], f"Test image {row}: a {labels[row]}, in type that was not learned from."
    if given is not None:
        x, words = given, "Your image."
    made = engine.translate(x[None])
    reads = classifier.shipped("mnist", "cpu").log_posterior(cut(made.cpu())).exp()[0].numpy()
    drawn = np.repeat(learning.to_bytes(made[0]).cpu().numpy()[..., None], 3, axis=2)
    said = (
        f"{words} A classifier trained on MNIST reads a {int(reads.argmax())} in its handwriting (probability "
        f"{float(reads.max()):.2f})."
    )
    f_x, f_made = engine.features(x[None])
    off, over = float(((f_x - f_made) ** 2).mean()), metrics("dtn", variant)["test_const"]
    blocks = [
        {"text": "What f sees in the image and in the drawing differs by (mean square of its 64 numbers)"},
        {"math": latex(rf"\frac{{1}}{{64}} \lVert f(x) - f(G(x)) \rVert^2 = {number(off, tex=True)}")},
        {"text": f"and by {over:.3f} over the test images."},
    ]
    frame = Frame(step=0, arrays={"images": np.stack([x, drawn])}, scalars={})
    return Film(
        frames=[frame],
        base=images_base(columns=2, names=("image", "handwriting")) | {"below": True},
        draw=lambda f: {"images": f.arrays["images"], "caption": said},
        numbers=lambda _: blocks,
    )


@st.cache_resource(show_spinner="Reading the test images")
def tests() -> tuple[np.ndarray, np.ndarray]:
    """Test images (N, 32, 32, 3) bytes and their digits (N,)."""
    from engines.data import zoo

    pack = zoo.load("fontdigits")
    rows = pack.rows("test")
    return pack.take("image", rows), pack.take("label", rows)


def learned(variant: str) -> str:
    card = shipped.card("dtn", variant)
    m, config = card["metrics"], card["config"]
    return (
        f"f learned from {card['data']['n_train']:,} labelled images in {config['f_steps']:,} batches of "
        f"{config['batch_size']}, then g and D from {card['steps'] - config['f_steps']:,} batches. Over "
        f"{card['data']['n_test']:,} test images the classifier trained on MNIST reads "
        f"{interval(m, 'accuracy', factor=100)} % of the translations right and "
        f"{interval(m, 'untranslated', factor=100)} % of the untranslated images (chance: 10 %); f itself reads "
        f"{interval(m, 'f', factor=100)} % of the images right."
    )


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    images, _ = tests()
    return shipped.film(
        "dtn",
        base=images_base(columns=FILMED // 2, rows=("image", "drawn") * 2) | {"curve_sets": [READ, TERMS]},
        draw=lambda frame: picture(frame, images[:FILMED]),
        numbers=numbers,
    )


def picture(frame: Frame, images: np.ndarray) -> dict[str, Any]:
    """Six test images, what G makes of them, and six more."""
    made, s = np.repeat(frame.arrays["made"][:FILMED][..., None], 3, axis=3), frame.scalars
    if s["batches"] <= shipped.card("dtn")["config"]["f_steps"]:
        words = f"After {s['batches']:,.0f} batches: f learns to read the images; g has not begun."
    else:
        words = (
            f"After {s['batches']:,.0f} batches {100 * s['accuracy']:.0f} % of the translations of 500 test images are "
            "read right by a classifier trained on MNIST (chance: 10 %)."
        )
    rows = [part for half in (slice(0, FILMED // 2), slice(FILMED // 2, FILMED)) for part in (images[half], made[half])]
    return {"images": np.concatenate(rows), "caption": words}


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card("dtn")["config"]
    if "const" not in s:
        return [
            {"text": f"f's cross-entropy is {s['f_loss']:.3f} nats." if "f_loss" in s else "Nothing is learned yet."}
        ]
    alpha, beta = config["alpha"], config["beta"]
    total = s["gang"] + alpha * s["const"] + beta * s["tid"]
    n = {key: number(s[key], tex=True) for key in ("gang", "const", "tid")}
    said = rf"L_G = {n['gang']} + {alpha:g} \cdot {n['const']} + {beta:g} \cdot {n['tid']} = {number(total, tex=True)}"
    return [
        {"text": "Averages over about the last 50 batches: the discriminator's answer, what f must see again, what "
                 "must stay:"},
        {"math": latex(said)},
        {"text": f"D's loss is {s['d_loss']:.3f}; three answers by chance cost 3 log 3 = {3 * np.log(3):.3f}."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    images, labels = tests()
    strip("Image", images[:SHOWN_IN_A_ROW])
    for words, variant in PARTS.items():
        made = shipped.model("dtn", variant).translate(images[:SHOWN_IN_A_ROW])
        strip(words, learning.to_bytes(made).cpu().numpy(), ground=110)
    st.caption(f"Test images: {', '.join(str(label) for label in labels[:SHOWN_IN_A_ROW])}.")
    m = {words: metrics("dtn", variant) for words, variant in PARTS.items()}
    whole = m["all terms"]
    st.table(
        {
            "": ["untranslated images", *m, "f on the images"],
            "read right, %": [
                interval(whole, "untranslated", factor=100),
                *each(m, "accuracy", factor=100),
                interval(whole, "f", factor=100),
            ],
            "clear, %": ["", *each(m, "clear", factor=100), ""],
            "L_CONST": ["", *each(m, "const", 3), ""],
        }
    )
    ranked = order(m, "accuracy")
    st.caption(
        "Read by a classifier trained on MNIST alone; in brackets the 95 % interval over the test images. Clear: it "
        f"gives one digit 0.9 or more. That alone says little: of uniform noise it is as sure in "
        f"{100 * whole['test_clear_noise']:.0f} % of cases. All four were trained alike: the same f, steps, "
        "width, images and seed."
    )
    st.markdown(f"Most read right, first to last: *{'*, *'.join(ranked)}*. {sure(m, ranked, 'accuracy')}")


def lost(_: Any) -> str:
    without, whole = metrics("dtn", "no-const"), metrics("dtn")
    return (
        f"*Symptom:* without $L_{{CONST}}$ {100 * without['test_accuracy']:.0f} % of the translations are read as the "
        "digit of the image. *Cause:* the discriminator asks whether it looks like handwriting, not which digit it is. "
        "*Cure:* $f$ must see in the drawing what it saw in the image: "
        f"{100 * whole['test_accuracy']:.0f} % after as many batches."
    )


SCENES = {
    "another-digit": Scene(
        title="Handwriting, but of which digit?",
        text=lost,
        link={"by": "no-const"},
        cure={"by": "whole"},
        cure_title="Put L_CONST back",
    )
}


# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
You have labelled digits on photos, handwriting without labels, and **no pairs**. What must stay when a digit changes
its looks? **DTN** lets a network say it: $f$ is a classifier's last hidden layer, learned on the photos and frozen. The
generator is $G = g \circ f$: what $f$ does not see, $g$ cannot draw.

$$
L_G = L_{GANG} + \alpha L_{CONST} + \beta L_{TID} + \gamma L_{TV}
$$

- $L_{GANG}$: the discriminator takes $G(x)$ for a real target image, be $x$ from the source $s$ or the target $t$.
- $L_{CONST} = \mathbb{E}_s \lVert f(x) - f(G(x)) \rVert^2$: $f$ finds in the drawing what it found in the image.
- $L_{TID} = \mathbb{E}_t \lVert x - G(x) \rVert^2$: an image that is a target already stays as it is.
- $L_{TV}$ makes images smooth; its weight $\gamma$ is 0 here. $\alpha = \beta = 15$.
""",
    r"""
**A discriminator with three answers**: made from a source image, made from a target image, a real target image. $G$
wants the third for both.

**Why keep $f$ frozen?** If it could move, $L_{CONST}$ would be least where $f$ says nothing at all.

**What it cannot do.** $f$ must know both worlds to some degree: it learned on colour photos and is asked about white
handwriting on black. And what $f$ throws away, the slant of a digit or its thickness, is lost on the way.
""",
)


def check_floor(answer: float) -> tuple[bool, str]:
    m = metrics("dtn")
    gain = 100 * (m["test_accuracy"] - m["test_untranslated"])
    return abs(answer - gain) <= 1, f"{100 * m['test_accuracy']:.1f} − {100 * m['test_untranslated']:.1f} = {gain:.1f}."


QUESTIONS = (
    Question(
        text="By how many points of per cent does translating help the classifier trained on MNIST?",
        kind="number",
        check=check_floor,
        hint="Below the stage of Try it out: translations against untranslated images.",
    ),
    which("Without which term are the translations read worst?", "dtn", WORDS, "accuracy", "Read right:", least=True),
    Question(
        text="A 7 is translated. May its handwriting show the same slant as the print?",
        kind="choice",
        options=("only if f tells slants apart", "always", "never"),
        check=lambda answer: (
            answer == "only if f tells slants apart",
            "g sees the 64 numbers of f and nothing else of the image.",
        ),
        hint="G = g of f.",
    ),
)


if __name__ == "__main__":
    main()
