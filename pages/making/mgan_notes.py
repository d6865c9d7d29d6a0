"""What MGAN's page says and asks: every figure is of the cards that ship or computed here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from engines import learning
from engines.data import zoo
from engines.making.mgan import HELD_OUT, PHOTOS
from pages.ui import shipped
from pages.ui.comparison import metrics, order, sure
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "mgan"
LITTLE, MUCH = 64, 320  # pixels a side: too few for a face of stones, and enough
TRAINED = {"gravel": ""}  # as the page calls them -> checkpoints/mgan
WORDS = {
    "gravel": "gravel",
    "small": "all parts",
    "pixels": "D sees pixels",
    "no-adversarial": "without D",
    "no-content": "without E_c",
}
PARTS = ("no-adversarial", "pixels", "no-content", "small")

WHY = (
    r"""
Older methods make a texture by **optimisation**: take noise, and move its pixels until its statistics are those of the
example. That takes hundreds of steps for every image. **MGAN** does the work once: it trains a generator $G$ that gives
the result in one pass, for one texture, at any size.

What does *looks like this texture* mean? A frozen network $\Phi$ that was trained to name photos turns an image into
maps. The discriminator $D$ gives every patch $i$ **of those maps** a score $s_i$, so it judges edges and corners rather
than pixels, and only what lies near together (*Markovian*).

$$
L_D = \tfrac1N \sum_i \max(0, 1 - s_i(x_t)) + \tfrac1N \sum_i \max(0, 1 + s_i(G(x)))
$$
$$
L_G = \underbrace{\tfrac1N \sum_i \max(0, 1 - s_i(G(x)))}_{E_t} + \alpha_1 E_c + \alpha_2 \Upsilon
$$

$x_t$ are crops of the texture. $D$ stops pushing once a patch is right by a margin of 1.
""",
    r"""
**A photo in a texture.** $x$ is a photo, and
$E_c = \operatorname{mean}\,(\Psi(G(x)) - \Psi(x))^2$ asks that maps $\Psi$ of a deeper stage stay as they were: a
contour stays a contour, while $D$ decides what it is made of. For plain texture $x$ is pink noise, of which nothing
has to stay. $\Upsilon$ sums squared differences of neighbouring pixels.

**Any size.** $G$ and what it is given are convolutions, which do not ask how large an image is.

**What it costs.** One network for each texture, and its training. The paper says that a pass is at least 500 times
faster than earlier methods; *Against the optimisation* measures it here.

**What it cannot do.** $D$ sees patches of about 50 pixels: it knows no larger order, such as rows of bricks or a slow
change of light. And what the frozen network does not tell apart, no loss here can.
""",
)


def agreement() -> str:
    """What the table says of each part."""
    cards = {WORDS[part]: metrics(SLUG, part) for part in PARTS}
    ranked = order(cards, "distance", least=True)
    whole, without = metrics(SLUG, "small"), metrics(SLUG, "no-content")
    untrained = whole["test_distance_untrained"]
    ratios = ", ".join(f"*{words}* {untrained / m['test_distance']:.1f}" for words, m in cards.items())
    in_pixels = order(cards, "pixels", least=True)
    apart = whole["test_content_high"] < without["test_content_low"]
    stays = (
        "The intervals do not meet: the photo stays because of it."
        if apart
        else "The intervals meet: in so short a training $E_c$ does not hold the photo against $D$. The trained "
        f"network is off by {metrics(SLUG)['test_content']:.2f}, plain gravel by "
        f"{metrics(SLUG)['test_content_other']:.2f}."
    )
    return (
        f"**Nearest to the texture**, first to last: *{'*, *'.join(ranked)}*. {sure(cards, ranked, 'distance')} In "
        f"pixels: *{'*, *'.join(in_pixels)}*. How many times nearer than an untrained generator: {ratios}.\n\n"
        f"**The photo**: without $E_c$ its maps are off by {without['test_content']:.2f}, with it by "
        f"{whole['test_content']:.2f}; plain texture in the photo's place is off by "
        f"{whole['test_content_other']:.2f}. {stays}"
    )


@lru_cache(maxsize=4)
def kept(size: int) -> tuple[float, float]:
    """E_c of the held-out photo at this size: as the network draws it, and with plain texture in its place."""
    from PIL import Image

    engine = shipped.model(SLUG)
    photo = zoo.load("textures")["content"][PHOTOS.index(HELD_OUT)]
    small = np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.LANCZOS))[None]
    of_photo = engine.given(engine.images(small.copy()))
    drawn = engine.paint(small.copy(), generator=learning.stream(0, 4))
    plain = engine.draw(size, size, generator=learning.stream(0, 4))
    painted, other = (float((engine.given(engine.images(x)) - of_photo).square().mean()) for x in (drawn, plain))
    return painted, other


def lost(_: Any) -> str:
    (painted, other), (large, large_other) = kept(LITTLE), kept(MUCH)
    return (
        f"*Symptom:* at {LITTLE} pixels a side the cat is hard to find among the stones: $E_c$ is {painted:.2f}, and "
        f"{other:.2f} where plain gravel stands for the photo, {painted / other:.0%} of that. *Cause:* a stone has the "
        "size that it has in the example, whatever the size of the image, and here a stone is as large as an eye. "
        f"*Cure:* more pixels. At {MUCH} a side $E_c$ is {large:.2f}, plain gravel's {large_other:.2f}: "
        f"{large / large_other:.0%}."
    )


SCENES = {
    "small": Scene(
        title="Stones as large as the eyes",
        text=lost,
        link={"what": HELD_OUT, "size": LITTLE},
        cure={"what": HELD_OUT, "size": MUCH},
        cure_title="More pixels",
    )
}


# -- questions -------------------------------------------------------------------------------------------------


def scores(side: int) -> tuple[int, int]:
    """How many scores D gives maps of stages 1 and 2 of a crop: a place every 2 and every 4 pixels, halved twice."""
    first, second = ((side // every // 4) ** 2 for every in (2, 4))
    return first, second


def check_scores(answer: float) -> tuple[bool, str]:
    first, second = scores(96)
    said = f"24 places a side, halved twice: 6 × 6 = {second}. The finer map of stage 1 has 48 and gives {first}."
    return round(answer) == second, said


def check_times(answer: float) -> tuple[bool, str]:
    m = metrics(SLUG)
    times = m["test_distance_untrained"] / m["test_distance"]
    said = f"{m['test_distance_untrained']:.2f} / {m['test_distance']:.2f} = {times:.1f}."
    return abs(answer - times) <= 0.2, said


def check_size(answer: str) -> tuple[bool, str]:
    said = "Four times the pixels are four times the work of every convolution; the numbers learned stay the same."
    return answer == "about 4 times the time, the same numbers learned", said


questions = (
    Question(
        text="A crop of 96 × 96 pixels becomes, at stage 2, a map of 24 × 24 places. D halves it twice. How many "
        "patches of that map does it score?",
        kind="whole",
        check=check_scores,
        hint="Each halving leaves half as many places a side.",
    ),
    Question(
        text="How many times nearer to held-out gravel are the trained network's textures than an untrained one's?",
        kind="number",
        check=check_times,
        hint="The line below the stage of Try it out has both distances.",
    ),
    Question(
        text="You double the side of the texture. What does one pass need?",
        kind="choice",
        options=(
            "about 4 times the time, the same numbers learned",
            "the same time, 4 times the numbers learned",
            "a network that was trained for that size",
        ),
        check=check_size,
        hint="Try it out: move Pixels a side, and read the time.",
    ),
)
