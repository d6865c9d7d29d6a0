"""PixelDTGAN: dress a figure and see its upper garment predicted; ask the pair's discriminator; take parts away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.maths.ssim import ssim
from engines.translation import wardrobe
from engines.translation.pixeldtgan import SIDE, Dressed, PixelDTGAN, rmse, watched
from engines.translation.wardrobe import DESIGNS, DYES, SLOTS
from pages.catalogue import entry
from pages.translation import pixeldtgan_notes
from pages.translation.pixeldtgan_notes import ALIKE, WORDS, judged_by, metrics, said_of
from pages.ui import settings, shipped, show
from pages.ui.comparison import column, networks, strip
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, levels, map_base
from pages.ui.show import Film

SLUG = "pixeldtgan"
OTHERS = 7  # figures that a garment is put beside, besides its own
FOLD = "Feet, hands and head"
NAMES = ("dressed figure", "garment predicted", "true garment", "where the prediction is off")
BESIDE = 2  # other networks whose predictions stand beside the chosen one's
FAR = 0.5  # as a share of 255 levels: what the map of where it is off shows brightest


def piece(slot: str, words: str, design: str, dye: str) -> tuple[Choice, Choice]:
    """The two settings of one piece of clothing."""
    fold = "" if slot in ("chest", "legs") else FOLD
    said = {name: name.replace("_", " ") for name in DESIGNS[slot]}
    return (
        Choice(key=slot, label=words, options=DESIGNS[slot], default=design, labels=said, fold=fold),
        Choice(key=f"{slot}-dye", label="its dye", options=DYES, default=dye, fold=fold),
    )


BY = networks(WORDS, plain="all")
SEX = Choice(key="sex", label="Who", options=("male", "female"), default="female",
             labels={"male": "a man", "female": "a woman"})  # fmt: skip
POSE = Choice(key="pose", label="Pose", options=("0", "1", "2", "3"), default="0",
              labels=dict(zip("0123", wardrobe.POSES, strict=True)), kind=int)  # fmt: skip
PIECES = (
    *piece("chest", "Upper garment", "plate_cuirass", "red"),
    *piece("legs", "Trousers or skirt", "mage_skirt", "cyan"),
    *piece("feet", "Shoes", "leather_boots", "original"),
    *piece("hands", "Gloves", "cloth_gloves", "original"),
    *piece("head", "Head", "hair", "original"),
)
ROW = Number(key="row", label="Test figure", low=0, high=999, default=17, slider=False,
             help="From 0 to 599: outfits never seen in training; from 600 on: with a garment never seen.")  # fmt: skip
SWAP = Choice(key="swap", label="Swap", options=("figure", "garment"), default="figure",
              labels={"figure": "the figure, under this garment", "garment": "the garment by this figure"})  # fmt: skip
JUDGE = Choice(
    key="judge",
    label="Network",
    options=tuple(name or "all" for name in WORDS if judged_by(name)),
    default="all",
    labels={name or "all": words for name, words in WORDS.items()},
)
VIEWS = {
    "dress": ("Dress a figure", (SEX, POSE, *PIECES, BY)),
    "swap": ("Swap one of a pair", (ROW, SWAP, JUDGE)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}
SHOWN_PARTS = (3, 77, 150, 301, 444, 610, 702, 888)  # test figures in a row of the comparison


def main() -> None:
    with page(
        entry(SLUG),
        VIEWS,
        why=pixeldtgan_notes.WHY,
        questions=pixeldtgan_notes.QUESTIONS,
        scenes=pixeldtgan_notes.SCENES,
    ) as chosen:
        match chosen["view"]:
            case "dress":
                outfit = {s.key: chosen[s.key] for s in (SEX, POSE, *PIECES)}
                show.film(SLUG, dressed, named(chosen["by"]), tuple(outfit.items()), autoplay=False)
                with st.container(horizontal=True, key="lab-more-dress"):
                    st.button("Another outfit", on_click=dress_anew)
                    st.button("One with a garment never seen", on_click=dress_anew, args=(True,))
                st.caption(said_of(named(chosen["by"])))
            case "swap":
                show.film(SLUG, swapped, named(chosen["judge"]), chosen["row"], chosen["swap"], autoplay=False)
                st.caption(said_of(named(chosen["judge"])))
            case "film":
                show.film(SLUG, training)
                st.caption(said_of(""))
            case "parts":
                parts()


def named(choice: str) -> str:
    return "" if choice == "all" else choice


def model(variant: str) -> PixelDTGAN:
    return shipped.model(SLUG, variant)


@lru_cache(maxsize=1)
def tests() -> dict[str, np.ndarray]:
    """The test figures, their garments, which these are and whether they were never worn in training."""
    return {key: value.numpy() for key, value in Dressed.load("figures").test.items()}


# -- dress a figure --------------------------------------------------------------------------------------------


def dress_anew(unseen: bool = False) -> None:
    """Any outfit; ``unseen``: with an upper garment that nobody wore in training. For a button."""
    draw = np.random.default_rng()
    found: dict[str, Any] = {s.key: s.options[draw.integers(len(s.options))] for s in (SEX, POSE, *PIECES)}
    if unseen:
        garment = draw.choice([g for g in range(wardrobe.N_GARMENTS) if (0, g) not in wardrobe.training().garments])
        found |= {"chest": DESIGNS["chest"][garment // len(DYES)], "chest-dye": DYES[garment % len(DYES)]}
    settings.put(found)


def worn_by(outfit: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """The sex and the number of each garment, as the wardrobe counts them."""
    worn = {s: len(DYES) * DESIGNS[s].index(outfit[s]) + DYES.index(outfit[f"{s}-dye"]) for s in SLOTS}
    return SEX.options.index(outfit["sex"]), worn


def seen(sex: int, worn: Mapping[str, int]) -> str:
    """What of an outfit training has shown."""
    if (sex, worn["chest"]) not in wardrobe.training().garments:
        return "Nobody wore this upper garment in training."
    if (worn["chest"], worn["legs"]) not in wardrobe.training().outfits:
        return "Nobody wore this upper garment with these trousers or skirt in training."
    return "This upper garment was worn with these trousers or skirt in training."


def dressed(variant: str, chosen: tuple[tuple[str, str], ...]) -> Film:
    """One frame: the figure, its upper garment as the network predicts it, and as it is."""
    outfit = dict(chosen)
    sex, worn = worn_by(outfit)
    figure, true = wardrobe.dress(int(outfit["pose"]), sex, worn), wardrobe.product(sex, worn["chest"])
    net = model(variant)
    made = net.convert(figure[None].copy()).cpu()
    truth = torch.from_numpy(true.copy())[None] / 255
    scalars = {"rmse": float(rmse(made, truth)[0]), "ssim": float(ssim(made, truth)[0])}
    if "D_R" in net.network:
        both = net.real(torch.cat([made, truth])).sigmoid()
        scalars |= {"real_made": float(both[0]), "real_true": float(both[1])}
    if "D_A" in net.network:
        both = net.associated(np.stack([figure, figure]), torch.cat([made, truth])).sigmoid()
        scalars |= {"pair_made": float(both[0]), "pair_true": float(both[1])}
    others = [v for v in ALIKE if v != variant][:BESIDE]
    theirs = [learning.to_bytes(model(v).convert(figure[None].copy()).cpu()[0]).numpy() for v in others]
    images = np.stack([figure, learning.to_bytes(made[0]).numpy(), true, true, *theirs])
    off = levels((made - truth).abs().mean(dim=3).numpy(), 0, FAR)
    words = (
        f"{seen(sex, worn)} The prediction is off by {scalars['rmse']:.1f} of 255 levels (over all test figures "
        f"{metrics(variant)['test_rmse']:.1f}; the mean garment {metrics(variant)['test_rmse_mean']:.1f})."
    )
    return Film(
        frames=[Frame(step=0, scalars=scalars, arrays={"images": images})],
        base=images_base(
            names=(*NAMES, *(f"predicted, {WORDS[v]}" for v in others)),
            over=map_base("off by", 0, 255 * FAR, cells=[3]),
        ),
        draw=lambda frame: {"images": frame.arrays["images"], "map": off, "caption": words},
        numbers=judged,
    )


def judged(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["probability of", "predicted", "true"]]
    if "real_made" in s:
        rows.append(["a real garment, D_R", f"{s['real_made']:.2f}", f"{s['real_true']:.2f}"])
    if "pair_made" in s:
        rows.append(["belonging to the figure, D_A", f"{s['pair_made']:.2f}", f"{s['pair_true']:.2f}"])
    table: Blocks = [{"table": rows}] if len(rows) > 1 else [{"text": "This network has no discriminator."}]
    return [
        {"text": f"Predicted and true garment: RMSE {s['rmse']:.1f} of 255, SSIM {s['ssim']:.2f} (1: the same)."},
        *table,
    ]


# -- swap one of a pair ----------------------------------------------------------------------------------------


def pairs(row: int) -> np.ndarray:
    """The test figure and seven others in other garments, no two alike: rows (8,)."""
    garment, found = tests()["garment"], [row]
    for other in np.random.default_rng(row).permutation(len(garment)):
        if garment[other] not in garment[found]:
            found.append(int(other))
        if len(found) == 1 + OTHERS:
            break
    return np.array(found)


def swapped(variant: str, row: int, swap: str) -> Film:
    """One frame: a pair that belongs together, and seven in which the figure, or the garment, is another's."""
    at = pairs(row)
    own = np.full_like(at, row)
    of, beside = (at, own) if swap == "figure" else (own, at)
    figures, garments = tests()["figure"][of], tests()["product"][beside]
    logits = model(variant).associated(figures, garments)
    p = logits.sigmoid().cpu().numpy()
    above = int((logits[1:] >= logits[0]).sum())
    new = " Nobody wore its garment in training." if tests()["new"][row] else ""
    least = metrics(variant)["test_prefers" if swap == "figure" else "test_objects"]
    words = (
        f"First: test figure {row} and its own garment.{new} Of the {OTHERS} others D_A holds {above} for likelier. "
        f"Over all test figures it prefers the pair that belongs together to one other in {100 * least:.0f} %; by "
        "chance 50 %."
    )
    names = (f"its own: {p[0]:.2f}", *(f"{value:.2f}" for value in p[1:]))
    images = np.concatenate([figures, garments], axis=2)
    return Film(
        frames=[
            Frame(
                step=0, scalars={"above": float(above), "own": float(p[0])}, arrays={"p": p, "z": logits.cpu().numpy()}
            )
        ],
        base=images_base(names=names),
        draw=lambda _: {"images": images, "caption": words},
        numbers=probabilities,
    )


def probabilities(frame: Frame) -> Blocks:
    rows = [["pair", "logit", "D_A"]]
    for i, (z, p) in enumerate(zip(frame.arrays["z"], frame.arrays["p"], strict=True)):
        rows.append(["its own" if i == 0 else str(i), f"{z:.2f}", f"{p:.3f}"])
    return [
        {"text": "D_A's probability that figure and garment belong together, row by row."},
        {"math": latex(r"D_A = \frac{1}{1 + e^{-\text{logit}}}")},
        {"table": rows},
    ]


# -- a recorded training ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def probe() -> dict[str, np.ndarray]:
    """The test figures that the film shows, with their garments."""
    return {key: watched(value).numpy() for key, value in Dressed.load("figures").probe.items()}


def training() -> Film:
    figures, true = probe()["figure"], probe()["product"]
    names = tuple("a new garment" if new else "a new outfit" for new in probe()["new"])
    off = curves("Off by", "levels of 255", test_rmse="test figures", rmse="training figures")
    losses = curves("Losses", "nats", r_loss="L_R, real or fake", a_loss="L_A, the pair", gan_a="−log D_A of C's")
    prefers = curves("D_A prefers the true figure", "share of test pairs", test_prefers="test figures")
    return shipped.film(
        SLUG,
        base=images_base(names=names) | {"curve_sets": [off, losses, prefers], "curve_log": True},
        draw=lambda frame: picture(frame, figures, true),
        numbers=numbers,
    )


def picture(frame: Frame, figures: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    made, s = webp.unpack(frame.arrays["made"], height=SIDE), frame.scalars
    words = (
        f"Figure, prediction, truth. After {s['batches']:,.0f} batches C is off by {s['test_rmse']:.1f} of 255 levels "
        f"on test figures (the mean garment by {metrics('')['test_rmse_mean']:.1f}), and D_A prefers the true figure "
        f"in {100 * s['test_prefers']:.0f} % of pairs."
    )
    return {"images": np.concatenate([figures, made, true], axis=2), "caption": words}


def numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    if "r_loss" not in s:
        return [{"text": "Nothing has been learned yet."}]
    r, a = (number(s[key], tex=True) for key in ("gan_r", "gan_a"))
    total = number((s["gan_r"] + s["gan_a"]) / 2, tex=True)
    return [
        {"text": "Averages over about the last 50 batches. C descends"},
        {"math": latex(rf"-\tfrac12 \log D_R(\hat I) - \tfrac12 \log D_A(I_S, \hat I) = ({r} + {a}) / 2 = {total}")},
        {"table": [
            ["", "loss", "says yes to"],
            ["D_R", f"{s['r_loss']:.3f}", f"real {s['r_real']:.2f}, generated {s['r_fake']:.2f}"],
            ["D_A", f"{s['a_loss']:.3f}", f"associated {s['associated']:.2f}, not associated "
                                          f"{s['not_associated']:.2f}, generated {s['generated']:.2f}"],
        ]},
        {"text": "In nats; a discriminator that always says 1/2 has log 2 = 0.693."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    rows = list(SHOWN_PARTS)
    strip("Figure", tests()["figure"][rows])
    for variant in ALIKE:
        strip(WORDS[variant], converted(variant, SHOWN_PARTS))
    strip("True garment", tests()["product"][rows])
    new = [i for i, row in enumerate(rows, 1) if tests()["new"][row]]
    which = ", ".join(map(str, new)) or "none"
    st.caption(f"Test figures. Nobody wore the garment of these, counted from the left, in training: {which}.")
    st.table(table())
    st.caption(
        "In brackets the 95 % interval over the test figures (bootstrap). All of these were trained alike and "
        "small: the same steps, width, figures and seed."
    )
    st.markdown(pixeldtgan_notes.agrees())


@lru_cache(maxsize=8)
def converted(variant: str, rows: tuple[int, ...]) -> np.ndarray:
    return learning.to_bytes(model(variant).convert(tests()["figure"][list(rows)])).cpu().numpy()


def table() -> dict[str, list[str]]:
    """Measures of the networks trained alike, between floors and ceiling."""
    m = pixeldtgan_notes.measured()
    n = round(metrics("small")["test_garments"])
    percent = partial(column, m, factor=100, best="100", none="no D_A")
    return {
        "": ["mean training garment", "the figure itself", "another's garment", *m, "the best there is"],
        "RMSE, levels of 255": column(m, "rmse", floors=("rmse_mean", "rmse_copy", "rmse_other"), best="0"),
        "SSIM": column(m, "ssim", 3, floors=("ssim_mean", "ssim_copy", "ssim_other"), best="1"),
        f"nearest of {n} garments is the true one, %": percent("named", floors=(f"{100 / n:.1f}", "", "")),
        "D_A prefers the true figure, %": percent("prefers", floors=("50 by chance", "", "")),
    }


if __name__ == "__main__":
    main()
