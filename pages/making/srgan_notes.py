"""What SRGAN's page says: measures of its networks over held-out photos, the words beside them, its questions."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from engines.data import zoo
from engines.engine import Frame
from engines.making.features import NETWORK
from engines.making.srgan import JUDGE, SRGAN, contrast, shrunk
from pages.ui import comparison, shipped
from pages.ui.comparison import column, order, sure, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.shipped import interval
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {  # the small networks of checkpoints/srgan, in words, and what the paper calls them
    "mse": "pixels alone",
    "features": "features alone",
    "pixels-gan": "pixels and D",
    "small": "features and D",
}
IN_PAPER = {"mse": "SRResNet-MSE", "features": "SRResNet-VGG22", "pixels-gan": "SRGAN-MSE", "small": "SRGAN-VGG22"}
PHOTOS = {  # the test photos, by the file that they were cut from
    "chelsea.png": "cat",
    "coffee.png": "coffee",
    "astronaut.png": "spacesuit",
    "china.jpg": "palace",
    "flower.jpg": "flower",
    "european-honey-bee.jpg": "bee",
    "cincinnati-bridge.jpg": "bridge",
    "picosdeeuropa_by_Aitzol_Berasategi.jpg": "mountains",
}
WAYS = {"bicubic": "averaged", "fourth": "every fourth pixel", "noise": "averaged, with noise"}
NOISE = 8 / 255  # its standard deviation
KINDS = {
    "small": "the small photo",
    "bicubic": "bicubic",
    "mse": "SRResNet",
    "G": "SRGAN",
    "no-pixels": "SRGAN without pixels",
    "true": "true photo",
}
card_of = partial(comparison.metrics, "srgan")


def model(variant: str = "") -> SRGAN:
    return shipped.model("srgan", variant)


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """``crops``: one (256, 256, 3) of bytes for each test photo, by its short name; ``credits`` of each; ``patches``
    (12, 64, 64, 3), the first test patches, as frames show them, and ``of``, the short names of their photos; ``rows``,
    the liveliest test patch of each photo (8, 64, 64, 3), and its name.
    """
    pack = zoo.load("patches")
    photos, held = pack.text("photos"), pack.rows("test")
    names = [PHOTOS[photos[i]["file"]] for i in pack["crops_photo"]]
    credits = [f"{photos[i]['author']}, {photos[i]['licence']}" for i in pack["crops_photo"]]
    photo, detail = pack.take("photo", held), pack.take("detail", held)
    best = [held[photo == i][detail[photo == i].argmax()] for i in pack["crops_photo"]]
    return {
        "crops": dict(zip(names, pack["crops"], strict=True)),
        "credits": dict(zip(names, credits, strict=True)),
        "patches": pack.take("image", held[:12]),
        "of": [PHOTOS[photos[i]["file"]] for i in photo[:12]],
        "rows": (pack.take("image", np.array(best)), names),
    }


def liveliest(patches: np.ndarray, n: int) -> list[int]:
    """Which ``n`` of the patches (N, 64, 64, 3) have the most contrast, in their order."""
    return sorted(contrast(torch.from_numpy(np.float32(patches))).argsort(descending=True)[:n].tolist())


def reduced(photo: np.ndarray, way: str) -> np.ndarray:
    """A photo (H, W, 3) in 0..1 made four times smaller: (H / 4, W / 4, 3) in 0..1, in the 256 levels of a file."""
    if way == "fourth":
        return photo[2::4, 2::4]
    small = ((shrunk(model().levels(photo[None])).permute(0, 2, 3, 1) + 1) / 2)[0].numpy()
    if way == "noise":
        small = small + NOISE * np.random.default_rng(0).standard_normal(small.shape)
    return (np.round(255 * small.clip(0, 1)) / 255).astype(np.float32)


def made_of(photo: np.ndarray, way: str) -> dict[str, Any]:
    """All enlargements of the reduced photo (256, 256, 3), bytes or 0..1, by their kind, and ``measured`` of each."""
    levels = np.float32(photo) / 255 if photo.dtype == np.uint8 else np.float32(photo)
    small, engine = reduced(levels, way), model()
    made = {kind: engine.enlarge(small[None], kind) for kind in ("bicubic", "mse", "G")}
    made["no-pixels"] = model("no-pixels").enlarge(small[None])
    true = torch.from_numpy(np.array(levels))[None]
    measured = {
        kind: {key: float(value[0]) for key, value in engine.measured(image, true).items()}
        for kind, image in made.items()
    }
    images = {"small": small.repeat(4, axis=0).repeat(4, axis=1), **{k: v[0].numpy() for k, v in made.items()}}
    shown = {kind: np.round(255 * image).astype(np.uint8) for kind, image in {**images, "true": levels}.items()}
    return {"images": shown, "measured": measured}


@lru_cache(maxsize=24)
def of_test(name: str, way: str) -> dict[str, Any]:
    """`made_of` for a test photo."""
    return made_of(tests()["crops"][name], way)


# -- measures --------------------------------------------------------------------------------------------------


def judged() -> str:
    stages = " and ".join(stage.removeprefix("stage") for stage in shipped.card("srgan")["config"]["stages"])
    return (
        f"Feature distance: between maps of stage {JUDGE.removeprefix('stage')} of {NETWORK}, over the mean square of "
        f"the photo's. SRGAN learned by stage {stages} of the same network, so it is no independent judge."
    )


def learned() -> str:
    card, first = shipped.card("srgan"), shipped.card("srgan", "no-pixels")["config"]
    m, config = card["metrics"], card["config"]
    return (
        f"Learned from {card['data']['n_train']:,} patches in {first['mse_steps']:,} batches of "
        f"{first['batch_size']} by mean square, then {card['steps']:,} of {config['batch_size']} by features, pixels "
        f"and a discriminator. Over the patches of {m['test_photos']:.0f} test photos PSNR is {interval(m, 'psnr')} "
        f"dB, {interval(m, 'psnr_mse')} after the first part, {interval(m, 'psnr_bicubic')} by bicubic; the feature "
        f"distance {interval(m, 'feature', 2)}, {interval(m, 'feature_mse', 2)}, {interval(m, 'feature_bicubic', 2)}."
    )


@lru_cache(maxsize=1)
def recorded() -> tuple[Frame, ...]:
    """The first part, then the second: frames of two trainings, counted on."""
    card = shipped.card("srgan", "no-pixels")
    turn = card["config"]["mse_steps"]
    first = [frame for frame in shipped.frames("srgan", "no-pixels") if frame.step <= turn]
    on = [
        replace(frame, step=frame.step + turn, scalars={**frame.scalars, "batches": frame.scalars["batches"] + turn})
        for frame in shipped.frames("srgan")
        if frame.step > 0
    ]
    return (*first, *on)


def code_of_recorded() -> str:
    """The lines of Python that load them so."""
    turn = shipped.card("srgan", "no-pixels")["config"]["mse_steps"]
    return f"""from dataclasses import replace
{shipped.code_of_frames("srgan", "no-pixels")}
frames = [frame for frame in frames if frame.step <= {turn}]
for frame in checkpoints.load_frames(checkpoints.folder("srgan", "") / checkpoints.FRAMES):
    if frame.step:
        scalars = {{**frame.scalars, "batches": frame.scalars["batches"] + {turn}}}
        frames.append(replace(frame, step=frame.step + {turn}, scalars=scalars))"""


def table() -> dict[str, list[str]]:
    """The small networks, between bicubic interpolation and the photo itself."""
    m = {words: card_of(variant) for variant, words in WORDS.items()}
    return {
        "": ["bicubic", *m, "the photo"],
        "PSNR, dB": column(m, "psnr", floors=["psnr_bicubic"], best="no error"),
        "SSIM": column(m, "ssim", 3, floors=["ssim_bicubic"], best="1"),
        "feature distance": column(m, "feature", 3, floors=["feature_bicubic"], best="0"),
        "contrast of the photo's, %": column(m, "detail", 0, factor=100, floors=["detail_bicubic"], best="100"),
    }


def measures() -> str:
    config, m = shipped.card("srgan", "small")["config"], card_of("small")
    return (
        "Means over the patches of eight test photos; in brackets the 95 % interval over the photos (bootstrap), which "
        f"is wide because photos differ. {judged()} Another test patch in its place has "
        f"{interval(m, 'feature_other', 2)}. All were trained alike and small: {config['mse_steps']:,} batches by mean "
        f"square and {config['n_steps'] - config['mse_steps']:,} by their own loss, {config['channels']} channels, the "
        f"same patches and seed. Beside features stand pixels, too: {config['pixel_weight']:g} times the mean square."
    )


PAPER = (
    # PSNR, SSIM, mean opinion score on Set14: table 1 of the paper
    ("SRResNet-MSE", 28.49, 0.8184, 2.98),
    ("SRResNet-VGG22", 27.19, 0.7807, 3.15),
    ("SRGAN-MSE", 26.92, 0.7611, 3.43),
    ("SRGAN-VGG22", 26.44, 0.7518, 3.57),
    ("SRGAN-VGG54", 26.02, 0.7397, 3.72),
)


def paper() -> dict[str, list[str]]:
    ours = {theirs: WORDS[variant] for variant, theirs in IN_PAPER.items()}
    return {
        "in the paper": [name for name, *_ in PAPER],
        "here": [ours.get(name, "not here") for name, *_ in PAPER],
        "PSNR, dB": [f"{psnr:.2f}" for _, psnr, _, _ in PAPER],
        "SSIM": [f"{ssim:.4f}" for *_, ssim, _ in PAPER],
        "opinion, 1 to 5": [f"{score:.2f}" for *_, score in PAPER],
    }


def agrees() -> str:
    cards = {words: card_of(variant) for variant, words in WORDS.items()}
    by_psnr, by_feature = order(cards, "psnr"), order(cards, "feature", least=True)
    theirs = [WORDS[next(v for v, name in IN_PAPER.items() if name == row[0])] for row in PAPER[:4]]
    same = by_psnr == theirs
    return (
        f"**Here:** the highest PSNR first, *{'*, *'.join(by_psnr)}*; nearest in features first, "
        f"*{'*, *'.join(by_feature)}*. {sure(cards, by_feature, 'feature')}\n\n"
        "**In the paper** (table 1, the photos of Set14, features of VGG-19; by brightness alone, without a border) "
        f"PSNR falls from row to row and the mean opinion of 26 people rises. The order of PSNR "
        f"{'is the same here' if same else 'is another here'}; opinions were not asked, and a feature distance is no "
        "opinion: a network that learned by features is measured by the same network."
    )


def numbers(frame: Frame) -> Blocks:
    s, weight = frame.scalars, shipped.card("srgan")["config"]["adversarial_weight"]
    if "mse" not in s:
        return [{"text": "Nothing has been learned yet: G is bicubic interpolation."}]
    if "gen" not in s:
        return [
            {"text": "The first part. Average over about the last 50 batches, levels from -1 to 1:"},
            {"math": latex(rf"l_{{MSE}} = {number(s['mse'], tex=True)}")},
        ]
    total = s["content"] + weight * s["gen"]
    return [
        {"text": "The second part. Averages over about the last 50 batches; G descends features and pixels, and D's "
                 "verdict:"},
        {"math": latex(r"l_X + \lambda\, l_{Gen}")},
        {"math": latex(rf"{number(s['content'], tex=True)} + {weight:g} \cdot {number(s['gen'], tex=True)} = "
                       rf"{number(total, tex=True)}")},
        {"text": f"D's loss is {s['d_loss']:.3f}; it is log 4 = 1.386 where D cannot tell. D takes photos for photos "
                 f"with probability {s['d_real']:.2f}, G's enlargements with {s['d_fake']:.2f}."},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------

FAILS = "spacesuit"


def mesh(image: np.ndarray) -> float:
    """How much of the contrast of (H, W, 3) bytes takes turns, as on a chessboard: the mean of |a - b - c + d| over
    squares of two by two pixels, over the mean difference of neighbours.
    """
    x = image.astype(np.float64)
    turns = np.abs(x[1:, 1:] - x[1:, :-1] - x[:-1, 1:] + x[:-1, :-1]).mean()
    return float(turns / (np.abs(np.diff(x, axis=0)).mean() + np.abs(np.diff(x, axis=1)).mean()))


def meshed(_: Any) -> str:
    images = of_test(FAILS, "bicubic")["images"]
    found = {kind: 100 * mesh(image) / mesh(images["true"]) for kind, image in images.items()}
    return (
        "*Symptom:* trained by features and D alone, every second pixel is a little too light: come close to the "
        "image. How much of the contrast takes turns from pixel to pixel, over the same of the true photo: "
        f"{found['no-pixels']:.0f} %, {found['G']:.0f} % with pixels, {found['mse']:.0f} % by the SRResNet. *Cause:* "
        "the features skip every second place and hardly see what takes turns, and D is content with contrast of any "
        "kind. *Cure:* a little mean square beside the features."
    )


def noisy(_: Any) -> str:
    clean, noise = (of_test(FAILS, way)["measured"] for way in ("bicubic", "noise"))
    return (
        f"*Symptom:* the small photo has a little noise ({255 * NOISE:.0f} of 255 levels), and SRGAN draws specks: its "
        f"contrast goes from {100 * clean['G']['detail']:.0f} % to {100 * noise['G']['detail']:.0f} % of the photo's, "
        f"its PSNR from {clean['G']['psnr']:.1f} to {noise['G']['psnr']:.1f} dB, bicubic's from "
        f"{clean['bicubic']['psnr']:.1f} to {noise['bicubic']['psnr']:.1f}. *Cause:* it learned from photos that were "
        "reduced without noise, and takes every deviation for a detail. *Cure:* give it what it learned from, or train "
        "it on noisy ones."
    )


SCENES = {
    "mesh": Scene(
        title="A mesh of pixels",
        text=meshed,
        link={"photo": FAILS, "left": "no-pixels", "right": "true"},
        cure={"photo": FAILS, "left": "G", "right": "true"},
        cure_title="Add the pixels",
    ),
    "noise": Scene(
        title="Noise becomes texture",
        text=noisy,
        link={"photo": FAILS, "way": "noise", "left": "bicubic", "right": "G"},
        cure={"photo": FAILS, "way": "bicubic", "left": "bicubic", "right": "G"},
        cure_title="A clean small photo",
    ),
}

WHY = (
    r"""
Sixteen pixels become one, and many sharp photos have the same small one. Which of them should an enlargement show?

The **mean square error** has its least value at their mean, and the mean of sharp photos is blurred. A network trained
by it (*SRResNet*) gets the highest PSNR that it can, and looks soft. **SRGAN** starts from it and goes on with

$$
l = l_X + \lambda\, l_{Gen}, \qquad l_{Gen} = -\log D(G(I^{LR}))
$$

$I^{LR}$ is the small photo, $G$ the network that enlarges it, $D$ a discriminator that has learned to tell
enlargements from photos. $l_X$ compares enlargement and photo by the *features* of a network that names photos, where
a texture that is a pixel aside is still the same texture, and a little by pixels. $D$ asks for one sharp photo in place
of the mean of all.

**Fidelity against naturalness.** Each step to the left in the plane costs PSNR, each step down looks more like the
photo to that network. Watch the path of the training turn.
""",
    r"""
**Residual blocks and pixel shuffle.** $G$ works on the small image, where a convolution costs a sixteenth, and
enlarges at its end: a convolution makes four times the channels, and each four become a square of two by two pixels.
What it makes is added to the bicubic enlargement.

**PSNR** is $-10 \log_{10}$ of the mean square error, for levels from 0 to 1, in decibels. Ten more are a tenth of the
error.

**What it cannot do.** Detail that it draws is likely, not true: letters and faces come out as something else. It knows
one way in which photos become small; choose another under *Made small by*, or give a photo of yours.
""",
)


def check_psnr(answer: float) -> tuple[bool, str]:
    return round(answer) == 20, "The mean square error is 0.01, and −10 log₁₀ 0.01 = 20 dB."


def check_mean(answer: float) -> tuple[bool, str]:
    return abs(answer - 0.5) < 0.01, (
        "A level a costs (a² + (1 − a)²) / 2 on average, least at 0.5: a grey that is in neither photo."
    )


def check_won(answer: float) -> tuple[bool, str]:
    m = card_of("")
    n = int(m["test_photos"])
    gains = [m[f"test_psnr_mse_{i}"] - m[f"test_psnr_bicubic_{i}"] for i in range(n)]
    said = f"On {m['test_won']:.0f} of {n}; it gains {min(gains):.2f} to {max(gains):.2f} dB."
    return round(answer) == m["test_won"], said


QUESTIONS = (
    Question(
        text="Two sharp photos fit a small one equally well. In one a pixel has level 0, in the other 1. Which level "
        "has the least mean square error?",
        kind="number",
        check=check_mean,
        hint="Write down the error of a level a to both, and look for its least value.",
    ),
    Question(
        text="Every level of an enlargement is off by 0.1, up or down. What is its PSNR, in dB?",
        kind="whole",
        check=check_psnr,
        hint="The mean square error is the square of 0.1.",
    ),
    which(
        "Which of the networks trained alike is nearest to the photos in features?",
        "srgan",
        WORDS,
        "feature",
        "Feature distance over the test photos:",
        "{:.3f}",
        factor=1,
        least=True,
        hint="Take a part away, and read the fourth column.",
    ),
    Question(
        text="On how many of the eight test photos does the SRResNet have a higher PSNR than bicubic interpolation?",
        kind="whole",
        check=check_won,
        hint="Choose one photo after the other and compare the points in the plane.",
    ),
)
