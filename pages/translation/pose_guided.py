"""PG2: a figure is put into another pose in two stages; how they learned it; what each part of them is for."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines.data import webp
from engines.engine import Frame
from engines.translation.poses import paired, shown
from pages.catalogue import entry
from pages.translation import posing
from pages.ui import comparison, shipped, show
from pages.ui.comparison import interval, networks, order, strip, sure, which
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG, ENGINE = "pose-guided", "pose_guided"
WORDS = {  # checkpoints/pose_guided and its variants, in words
    "": "the trained network",
    "small": "both stages",
    "no-gan": "both stages, no discriminator",
    "stage1": "stage 1 alone",
    "no-mask": "both stages, no pose mask",
    "one-stage": "one stage, with a discriminator",
}
PARTS = ("stage1", "no-mask", "no-gan", "one-stage", "small")
FLOORS = {
    "copy": "the figure as it was given",
    "mean": "mean training image",
    "pose": "mean training image of that pose",
}

BY = networks(WORDS)
FIGURE = Number(key="figure", label="Figure to begin with", low=0, high=69, default=12, slider=False)
POSE = Number(key="pose", label="Pose to begin with", low=0, high=89, default=78, slider=False,
              help="Of 90 poses; on the stage they have names.")  # fmt: skip
VIEWS = {
    "try": ("Try it out", (BY, FIGURE, POSE)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}
ALIKE = curves("SSIM with the true picture", "SSIM", test_ssim="result", coarse_ssim="coarse image")
OFF = curves("L1, the body twice", "of 2", l1="result", coarse_l1="coarse image")
LOSSES = curves("Losses", "nats", d_loss="D", gan="G2, −log D(I_A, result)")
SHOWN = (1, 113, 230, 322, 437, 549, 663, 775)  # test pictures in a row of the comparison
metrics = partial(comparison.metrics, ENGINE)


def main() -> None:
    with page(entry(SLUG), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        match chosen["view"]:
            case "try":
                variant = "" if chosen["by"] == "trained" else chosen["by"]
                posing.board(variant, key=f"{SLUG}:board", row=chosen["figure"], at=chosen["pose"])
                st.caption(learned(variant))
            case "film":
                show.film(SLUG, training)
                st.caption(learned(""))
            case "parts":
                parts()


def learned(variant: str) -> str:
    """How a network was trained and how near it comes, with its scale."""
    card = shipped.card(ENGINE, variant)
    m, config = card["metrics"], card["config"]
    stages = f", stage 1 in the first {config['stage1_steps']:,}" if config["refine"] else ""
    return (
        f"Learned from {card['data']['n_train']:,} pictures of 290 outfits in {card['steps']:,} batches of "
        f"{config['batch_size']}{stages}. On {card['data']['n_test']} pictures of 70 other outfits its SSIM with the "
        f"true picture is {interval(m, 'ssim', 3)}; the figure as it was given has {m['test_copy_ssim']:.3f}, the mean "
        f"of all training pictures {m['test_mean_ssim']:.3f}, the mean of those in the same pose "
        f"{m['test_pose_ssim']:.3f}, and the true picture itself 1."
    )


# -- a recorded training ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def filmed() -> tuple[np.ndarray, np.ndarray]:
    """The sources and true pictures of the test pairs in the film, which are the first 72 test pictures': bytes."""
    pairs, at = held_out(72), shown(72)
    return pairs["source"].numpy()[at], pairs["image"].numpy()[at]


def held_out(n: int | None = None) -> dict[str, torch.Tensor]:
    """The test pictures (the first ``n``), each with another picture of its outfit as ``source``."""
    keys = ("image", "keypoints", "visible", "mask", "outfit")
    fields = {key: torch.from_numpy(np.array(posing.tests()[key][:n])) for key in keys}
    fields["outfit"] = fields["outfit"].to(torch.int64)
    return paired(fields, torch.arange(len(fields["image"])))


def training() -> Film:
    source, true = filmed()
    return shipped.film(
        ENGINE,
        base=images_base(columns=len(true), rows=("figure", "coarse", "difference", "result", "true"))
        | {"curve_sets": [ALIKE, OFF, LOSSES]},
        draw=lambda frame: picture(frame, source, true),
        numbers=numbers,
    )


def picture(frame: Frame, source: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Five rows: the figure, the coarse image, what is added to it, the result, the true picture."""
    s, cut = frame.scalars, shipped.card(ENGINE)["config"]["stage1_steps"]
    made = [webp.unpack(frame.arrays[key], height=posing.SIDE) for key in ("coarse", "difference", "made")]
    stage = "Stage 1 learns" if s["batches"] < cut else "Stage 2 learns, stage 1 is frozen"
    words = (
        f"After {s['batches']:,.0f} batches. {stage}. SSIM with the true pictures of 72 test pairs: coarse image "
        f"{s['coarse_ssim']:.3f}, result {s['test_ssim']:.3f}. In the difference map grey is 0."
    )
    return {"images": np.concatenate([source, *made, true]), "caption": words}


def numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card(ENGINE)["config"]
    if "coarse_l1" not in s:
        return [{"text": "Nothing has been learned yet."}]
    first = [
        {"text": "Averages over about the last 50 batches of a stage. G1 descends"},
        {"math": latex(rf"\lVert(\hat I_{{B1}} - I_B) \odot (1 + M_B)\rVert_1 = {number(s['coarse_l1'], tex=True)}")},
    ]
    if "gan" not in s:
        return [*first, {"text": "G2 has not begun: its difference map is 0."}]
    weight = config["l1_weight"]
    total = s["gan"] + weight * s["l1"]
    said = r"L_{G2} = L^G_{adv} + \lambda\, \lVert(\hat I_{B2} - I_B) \odot (1 + M_B)\rVert_1"
    return [
        *first,
        {"text": "until stage 1 ends. G2 descends"},
        {"math": latex(said)},
        {"math": latex(rf"{number(s['gan'], tex=True)} + {weight:g} \cdot {number(s['l1'], tex=True)} = "
                       rf"{number(total, tex=True)}")},
        {"text": f"D's loss is {s['d_loss']:.3f}; it is 2 log 2 = 1.386 where D cannot tell. D takes true pairs for "
                 f"real with probability {s['d_real']:.2f}, pairs with a result with {s['d_fake']:.2f}."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    pairs, at = held_out(), list(SHOWN)
    strip("The figure", pairs["source"].numpy()[at])
    for variant in PARTS:
        strip(WORDS[variant], posed(variant))
    strip("The true picture", pairs["image"].numpy()[at])
    st.table(table())
    st.caption(
        "In brackets the 95 % interval over the 70 test outfits (bootstrap). Within the mask: around pixels of the "
        "pose mask alone. These networks were trained alike and small: the same batches, pictures and seed."
    )
    st.markdown(agrees())


@lru_cache(maxsize=8)
def posed(variant: str) -> np.ndarray:
    """What a network makes of the test pairs of the comparison: bytes (8, 64, 64, 3)."""
    pairs, at = held_out(), list(SHOWN)
    given = (pairs[key][at] for key in ("source", "keypoints", "visible"))
    return posing.as_bytes(shipped.model(ENGINE, variant).pose(*given)[2].cpu())


def table() -> dict[str, list[str]]:
    """Measures of the networks, between floors and ceiling."""
    whole = metrics("small")
    found = {
        words: {key: interval(whole, f"{floor}_{key}", d) for key, d in MEASURES} for floor, words in FLOORS.items()
    }
    for variant in PARTS:
        found[WORDS[variant]] = {key: interval(metrics(variant), key, d) for key, d in MEASURES}
    found["the true picture"] = {"ssim": "1", "mask_ssim": "1", "l1": "0"}
    return {
        "": list(found),
        "SSIM": [row["ssim"] for row in found.values()],
        "SSIM within the mask": [row["mask_ssim"] for row in found.values()],
        "off by, levels of 255, within the mask": [row["l1"] for row in found.values()],
    }


MEASURES = (("ssim", 3), ("mask_ssim", 3), ("l1", 1))


def measured() -> dict[str, dict[str, float]]:
    return {WORDS[variant]: metrics(variant) for variant in PARTS}


def agrees() -> str:
    m, whole = measured(), metrics("small")
    ranked, near = order(m, "ssim"), order(m, "l1", least=True)
    added = whole["test_ssim"] - whole["test_coarse_ssim"]
    masked = whole["test_mask_ssim"] - metrics("no-mask")["test_mask_ssim"]
    return (
        f"**Here:** by SSIM, the highest first: *{'*, *'.join(ranked)}*. {sure(m, ranked, 'ssim')} Least off within "
        f"the mask is *{near[0]}*. With both stages the difference map changes SSIM by {added:+.3f}, from "
        f"{whole['test_coarse_ssim']:.3f} to {whole['test_ssim']:.3f}; the pose mask changes SSIM within the mask by "
        f"{masked:+.3f}. {against_the_pose(m)}\n\n"
        "**In the paper** (section 4.3, table 1) the pose mask improves every measure on both sets, and the "
        "discriminator leads to comparable numbers: stage 1 with the pose mask has a higher SSIM than both stages, "
        "whose pictures are sharper, since blurry images often get a good SSIM. Its photos have backgrounds that "
        "change from picture to picture, which the mask was made for; here it makes the small body count for more. "
        "Stage 1 alone had all the batches for G1, the networks with two stages had fewer for it."
    )


def against_the_pose(m: dict[str, dict[str, float]]) -> str:
    """Which networks come nearer than the mean picture in the same pose, which knows the shape but not the clothes."""
    said = []
    for key, words, sign in (("ssim", "a higher SSIM", 1), ("l1", "less off within the mask", -1)):
        above = [name for name, of in m.items() if sign * (of[f"test_{key}"] - of[f"test_pose_{key}"]) > 0]
        said.append(
            f"{words}: {'none' if not above else 'all' if len(above) == len(m) else '*' + '*, *'.join(above) + '*'}"
        )
    return (
        "The mean training picture of the same pose knows the shape but not the clothes, and no network was told which "
        f"of the 90 poses it draws. Nearer than it are, by {said[0]}; by being {said[1]}."
    )


def blurred(_: Any) -> str:
    alone, whole = metrics("stage1"), metrics("small")
    return (
        f"*Symptom:* the image of stage 1 has soft edges, and yet its SSIM is {alone['test_ssim']:.3f}, beside "
        f"{whole['test_ssim']:.3f} with both stages. *Cause:* an L1 loss is least at the median of all pictures that "
        "are possible, and SSIM hardly minds. *Cure:* a second stage, whose discriminator asks whether figure and "
        "result look like a true pair. Change the network while the pose stands, and compare the edges."
    )


SCENES = {
    "blurred": Scene(
        title="The coarse image is blurred",
        text=blurred,
        link={"by": "stage1"},
        cure={"by": "small"},
        cure_title="Add stage 2",
    )
}


# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
You have one picture $I_A$ of a person and want another, $I_B$, in the pose $P_B$. The pose is given as **heat maps**:
one image a keypoint, 1 around the point and 0 elsewhere, so that a convolution can use them where they are.

**Stage 1** sees to the structure. $G_1(I_A, P_B) = \hat I_{B1}$ is a U-Net with a fully connected layer in its middle:
what the left foot wears must get to wherever the left foot goes, which is further than a convolution sees. Its loss is

$$
\lVert(\hat I_{B1} - I_B) \odot (1 + M_B)\rVert_1 ,
$$

where the pose mask $M_B$ is 1 on the body, which so counts twice, and $\odot$ multiplies pixel by pixel.
""",
    r"""
**Stage 2** sees to the details. The coarse image is already close, so $G_2$ need not draw the figure again: it makes a
**difference map** that is added,

$$
\hat I_{B2} = \hat I_{B1} + G_2(I_A, \hat I_{B1}) .
$$

The discriminator $D$ is shown *pairs*: $(I_A, I_B)$ against $(I_A, \hat I_{B2})$. Shown the second image alone it
would be content with $I_A$ itself, which is a true picture in the wrong pose.

**What it cannot do.** It has seen 90 poses. Drag a point to where no pose had it, and the figure dissolves there: the
keypoints say where, and the network knows how a body looks between them only from what it has seen.
""",
)


def check_mask(answer: float) -> tuple[bool, str]:
    return abs(answer - 8) < 1e-9, "On the body an error counts 1 + M = 2 times: (2 · 3 + 1 · 2) = 8."


def check_copy(answer: str) -> tuple[bool, str]:
    m = metrics("")
    copy, mean = m["test_copy_ssim"], m["test_mean_ssim"]
    higher = "the figure as it was given" if copy > mean else "the mean of all training pictures"
    said = f"The figure as it was given has {copy:.3f}, the mean of all training pictures {mean:.3f}."
    return answer == higher, f"{said} Most of a picture is white ground, which both have."


QUESTIONS = (
    Question(
        text="Two pixels: one on the body is off by 3, one on the ground by 2. What is the sum of their terms in the "
        "pose mask loss?",
        kind="number",
        check=check_mask,
        hint="Each difference is multiplied by 1 + M.",
    ),
    which(
        "Which of the networks trained alike has the highest SSIM with the true pictures?",
        ENGINE,
        {variant: WORDS[variant] for variant in PARTS},
        "ssim",
        "SSIM over the test pictures:",
        "{:.3f}",
        factor=1,
        hint="Take a part away, and read the table.",
    ),
    Question(
        text="Which has the higher SSIM with the true picture: the figure as it was given, or the mean of all training "
        "pictures?",
        kind="choice",
        options=("the figure as it was given", "the mean of all training pictures"),
        check=check_copy,
        hint="The line below the stage has both.",
    ),
)


if __name__ == "__main__":
    main()
