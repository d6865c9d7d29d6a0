"""TP-GAN: turn a head, see it brought to the front; where its patches go, who is recognised, parts taken away."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.people.heads import FRONT, SIDE, YAWS, Heads
from engines.people.tpgan import PARTS, PATCH, TEMPLATE, TPGAN, corners, middles, watched
from pages.catalogue import entry
from pages.people import tpgan_notes as notes
from pages.people.tpgan_notes import ALIKE, JUDGES, WORDS, lost, metrics, said_of
from pages.ui import shipped, show
from pages.ui.comparison import interval, networks, strip
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film

SLUG = "tpgan"
N_PEOPLE = 85
COLOURS = ("@first", "@second", "@bound", "@c4")  # of the four patches
ANGLES = tuple(range(15, 91, 15))

PERSON = Number(key="person", label="Person", low=1, high=N_PEOPLE, default=8, help="None of them was learned from.")
BY = networks(WORDS, "All but the one trained longest are smaller and were trained alike.")
JUDGE = Choice(
    key="judge", label="Judge, trained on", options=("near", "judge"), default="near",
    labels={"near": "turns up to 45°", "judge": "all turns"},
    help="A network that tells people apart, trained on other people and apart from TP-GAN.",
)  # fmt: skip
LINES = Choice(
    key="lines", label="Networks", options=("trained", "alike"), default="trained",
    labels={"trained": "the one trained longest", "alike": "those trained alike"},
)  # fmt: skip
TURN = Choice(
    key="turn", label="Turned by", options=tuple(map(str, YAWS)), default="-75", kind=int, slider=True,
    labels={str(yaw): f"{yaw}°".replace("-", "−") for yaw in YAWS}, help="Of the strips.",
)  # fmt: skip
VIEWS = {
    "turn": ("Turn the head", (PERSON, BY, JUDGE)),
    "film": ("Watch it learn", ()),
    "angles": ("Who is recognised", (JUDGE, LINES)),
    "parts": ("Take a part away", (TURN,)),
}
SHOWN_PARTS = (3, 10, 22, 31, 40, 52, 60, 71)  # test people in a row of the comparison


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        match chosen["view"]:
            case "turn":
                variant = named(chosen["by"])
                show.film(SLUG, turning, variant, chosen["person"] - 1, chosen["judge"], speed=2)
                st.caption(said_of(variant))
            case "film":
                show.film(SLUG, training)
                st.caption(said_of(""))
            case "angles":
                names = [said for _, _, said in lines_of(chosen["judge"], chosen["lines"])]
                legend = [(f"line{i}", said) for i, said in enumerate(names)]
                show.film(SLUG, recognised, chosen["judge"], chosen["lines"], autoplay=False, layers=legend)
                st.caption(about_judge(chosen["judge"]))
            case "parts":
                parts(YAWS.index(int(chosen["turn"])))


def named(choice: str) -> str:
    return "" if choice == "trained" else choice


def model(variant: str) -> TPGAN:
    return shipped.model(SLUG, variant)


def degrees(value: float) -> str:
    return f"{value:.0f}°".replace("-", "−")


# -- the people ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> dict[str, np.ndarray]:
    """The test people, 13 rows each, as `Heads` has them."""
    from engines.data import zoo

    pack = zoo.load("heads_yaw")
    return Heads.of_pack(pack, pack.rows("test"))


@lru_cache(maxsize=2)
def gallery(judge: str) -> torch.Tensor:
    """The judge's features of everyone's frontal picture: (85, F)."""
    return shipped.model("recogniser", judge).features(tests()["image"][FRONT :: len(YAWS)]).cpu()


def rows_of(person: int) -> slice:
    return slice(len(YAWS) * person, len(YAWS) * (person + 1))


# -- turn the head ---------------------------------------------------------------------------------------------

NAMES = ("the head, turned", "brought to the front", "the true front", "the four patches, put back",
         "whom the judge sees in what was made", "whom the judge sees in the turned head")  # fmt: skip
TURNED = {
    "curve_step": "turned by",
    "curve_ticks": [degrees(yaw) for yaw in YAWS],
    "curve_sets": [curves("Like the person's true front", "cosine", made="what was made", raw="the turned head")],
}


def turning(variant: str, person: int, judge: str) -> Film:
    """One frame a turn: the head, what is made of it, the patches, and whom the judge takes both for."""
    engine, found, at = model(variant), tests(), rows_of(person)
    image, landmarks = found["image"][at], found["landmarks"][at]
    made, put = (learning.to_bytes(part).cpu().numpy() for part in engine.pathways(image, landmarks))
    likeness = {
        key: (shipped.model("recogniser", judge).features(picture).cpu() @ gallery(judge).T).numpy()
        for key, picture in (("made", made), ("raw", image))
    }
    fronts, frames = found["image"][FRONT :: len(YAWS)], []
    for k, yaw in enumerate(YAWS):
        who = {key: int(values[k].argmax()) for key, values in likeness.items()}
        shown = np.stack([image[k], made[k], fronts[person], put[k], fronts[who["made"]], fronts[who["raw"]]])
        scalars = {"yaw": float(yaw), "person": float(person)}
        for key, values in likeness.items():
            scalars |= {key: float(values[k, person]), f"{key}_right": float(who[key] == person)}
            scalars |= {f"{key}_who": float(who[key]), f"{key}_best": float(values[k].max())}
        frames.append(Frame(step=k, scalars=scalars, arrays={"shown": shown}))
    boxes = marks(engine, image, landmarks)
    return Film(
        frames=frames,
        base=images_base(columns=3, names=NAMES) | TURNED,
        draw=lambda frame: turned(frame, boxes[frame.step]),
        numbers=likeness_of,
    )


def marks(engine: TPGAN, images: np.ndarray, landmarks: np.ndarray) -> list[list[dict[str, Any]]]:
    """For each picture, a box around every patch that is taken, and one where it is put back."""
    if not engine.config.local:
        return [[] for _ in images]
    mirrored, _, points = engine.given(images, landmarks)
    found: list[list[dict[str, Any]]] = [[] for _ in images]
    for i, (middle, (height, width)) in enumerate(zip(middles(points), PATCH, strict=True)):
        for k, (top, left) in enumerate(corners(middle, (height, width)).tolist()):
            x, y = TEMPLATE[i]
            for cell, high, across in ((0, top, left), (3, y - height // 2, x - width // 2)):
                across = SIDE - across - width if mirrored[k] else across
                found[k].append({"cell": cell, "box": [high, across, height, width], "colour": COLOURS[i]})
    return found


def turned(frame: Frame, boxes: list[dict[str, Any]]) -> dict[str, Any]:
    s = frame.scalars

    def who(key: str) -> str:
        return "the right person" if s[f"{key}_right"] else f"person {s[f'{key}_who'] + 1:.0f} instead"

    words = (
        f"Person {s['person'] + 1:.0f}, turned by {degrees(s['yaw'])}. Of {N_PEOPLE} true frontal pictures the judge "
        f"finds nearest: with what was made {who('made')}, with the turned head {who('raw')}."
    )
    return {"images": frame.arrays["shown"], "marks": boxes, "caption": words}


def likeness_of(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["the judge's cosine with", "what was made", "the turned head"]]
    rows.append(["the person's true front", f"{s['made']:.2f}", f"{s['raw']:.2f}"])
    rows.append([f"the nearest of all {N_PEOPLE}", f"{s['made_best']:.2f}", f"{s['raw_best']:.2f}"])
    return [
        {"text": "The judge gives each picture 64 numbers; two pictures are as like as the cosine between these, 1 "
                 "where they are the same."},
        {"math": latex(r"\cos(f(x), f(y)) = \frac{f(x) \cdot f(y)}{|f(x)|\,|f(y)|}")},
        {"table": rows},
        {"text": "A patch is framed in one colour where it is taken and where it is put back: "
                 + ", ".join(PARTS) + "."},
    ]  # fmt: skip


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    at = watched(Heads.n_probe)
    given, true = tests()["image"][at], tests()["image"][tests()["front"][at]]
    names = [degrees(yaw) for yaw in tests()["yaw"][at]]
    near = curves("Near the true front", "dB", test_psnr="PSNR, twelve test people")
    terms = curves("Terms", "", pixel="L_pixel", ip="L_ip", part="the patches' own")
    game = curves("The discriminator", "nats", d_loss="D", adv="−log D of what is made")
    return shipped.film(
        SLUG,
        base=images_base(names=names) | {"curve_sets": [near, terms, game], "curve_log": True},
        draw=lambda frame: picture(frame, given, true),
        numbers=losses,
    )


def picture(frame: Frame, given: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    made, s = webp.unpack(frame.arrays["made"], height=SIDE), frame.scalars
    words = (
        f"The head, what is made of it, the true front. After {s['batches']:,.0f} batches: {s['test_psnr']:.1f} dB "
        "over all turns of twelve people never seen."
    )
    return {"images": np.concatenate([given, made, true], axis=2), "caption": words}


def losses(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card(SLUG)["config"]
    if "pixel" not in s:
        return [{"text": "Nothing has been learned yet."}]
    terms = (("pixel", 1.0, "L_pixel, three sizes"), ("part", config["part"], "the patches' own"),
             ("sym", config["symmetry"], "L_sym"), ("adv", config["adversarial"], "L_adv"),
             ("ip", config["identity"], "L_ip"), ("tv", config["variation"], "L_tv"),
             ("cross", config["cross"], "L_cross, whose code"))  # fmt: skip
    rows = [["term", "loss", "weight", "product"]]
    rows += [[said, f"{s[key]:.4f}", f"{weight:g}", f"{weight * s[key]:.4f}"] for key, weight, said in terms]
    total = sum(weight * s[key] for key, weight, _ in terms)
    return [
        {"text": "Averages over about the last 50 batches. G descends the sum of the products,"},
        {"math": latex(rf"L_{{syn}} = {number(total, tex=True)}")},
        {"table": rows},
        {"text": f"D's loss is {s['d_loss']:.3f}; it is 2 log 2 = 1.386 where it cannot tell."},
    ]


# -- who is recognised -----------------------------------------------------------------------------------------


def lines_of(judge: str, lines: str) -> list[tuple[str, str, str]]:
    """Each line's network, the measure it shows, and its name."""
    key, of = f"{JUDGES[judge]}rank1", ALIKE if lines == "alike" else ("",)
    made = [(v, key, WORDS[v] if lines == "alike" else "brought to the front") for v in of]
    return [*made, ("", f"{JUDGES[judge]}raw", "the pictures as they are")]


def recognised(judge: str, lines: str) -> Film:
    """One frame: rank-1 by angle, of what networks make and of the pictures as they are."""
    shown = lines_of(judge, lines)
    looks = [("@c0", "solid"), ("@c1", "dash"), ("@c2", "dot"), ("@c3", "dashdot"), ("@c4", "longdash")]
    traces, rows, over = [], [["%", *(f"{a}°" for a in ANGLES[2:])]], [["%", "60° and beyond"]]
    for i, (variant, key, said) in enumerate(shown):
        m = metrics(variant)
        values, low, high = (
            np.array([100 * m[f"test_{key}_{a}{end}"] for a in ANGLES]) for end in ("", "_low", "_high")
        )
        colour, dash = ("@text", "solid") if key.endswith("raw") else looks[i]
        spread = {"type": "data", "symmetric": False, "array": high - values, "arrayminus": values - low,
                  "color": colour, "thickness": 1.5, "width": 4}  # fmt: skip
        x = np.array(ANGLES) + (i - (len(shown) - 1) / 2) * 0.9  # beside each other, so that no interval hides another
        line, marker = {"color": colour, "dash": dash, "width": 2.5}, {"color": colour, "size": 7}
        traces.append({"type": "scatter", "mode": "lines+markers", "x": x, "y": values, "name": said,
                       "error_y": spread, "line": line, "marker": marker, "meta": {"layer": f"line{i}"}})  # fmt: skip
        rows.append([said, *(f"{value:.0f}" for value in values[2:])])
        over.append([said, interval(m, key, factor=100)])
    n, ceiling = round(metrics("")["test_people"]), f"test_{JUDGES[judge]}rank1_mirror"
    base = {
        "layout": {"xaxis": {"title": {"text": "turned by, degrees (left and right together)"}, "range": [10, 95],
                             "tickvals": list(ANGLES)},
                   "yaxis": {"title": {"text": "right person nearest, %"}, "range": [0, 102]}},
        "traces": traces,
    }  # fmt: skip
    words = (
        f"How often the right one of {n} people never seen is found, by angle, with 95 % intervals over the people. By "
        f"chance: {100 / n:.1f} %. The true front, mirrored: {100 * metrics('')[ceiling]:.0f} %."
    )
    return show.still(base, words, lambda _: [{"table": over}, {"table": rows}])


def about_judge(judge: str) -> str:
    card = shipped.card("recogniser", judge)
    m = card["metrics"]
    turns = "turns of up to 45°, as most pictures of people are" if judge == "near" else "all their turns"
    return (
        f"The judge learned to tell {card['data']['people']} other people apart, from {turns}; it sees grey levels "
        "without the shoulders, and is another network than the one of the identity loss. It takes "
        f"{100 * m['test_confident_noise']:.0f} % of pictures of noise for one of the people (nearer to someone than "
        f"99 % of pairs of people are), and {100 * m['test_confident']:.0f} % of true frontal pictures, mirrored."
    )


# -- take a part away ------------------------------------------------------------------------------------------


def parts(turn: int) -> None:
    rows = [len(YAWS) * person + turn for person in SHOWN_PARTS]
    strip("Turned head", tests()["image"][rows])
    for variant in (*ALIKE, ""):
        strip(WORDS[variant], fronts(variant, turn))
    strip("True front", tests()["image"][tests()["front"][rows]])
    st.caption(f"Test people turned by {degrees(YAWS[turn])}; rendered heads, which belong to nobody.")
    st.table(table())
    st.caption(
        "In brackets the 95 % interval over the test people (bootstrap); all at 60° and beyond. What is lost is "
        "paired: the same people with all parts and without this one. But for the one trained longest, these were "
        "trained alike: the same batches, width, people and seed. Asymmetry is the symmetry loss of what is made."
    )
    st.markdown(notes.agrees())


@lru_cache(maxsize=len(WORDS))
def fronts(variant: str, turn: int) -> np.ndarray:
    rows = [len(YAWS) * person + turn for person in SHOWN_PARTS]
    made = model(variant).front(tests()["image"][rows], tests()["landmarks"][rows])
    return learning.to_bytes(made).cpu().numpy()


def table() -> dict[str, list[str]]:
    """Measures of the networks trained alike, between floors and ceiling."""
    whole, order = metrics("small"), (*ALIKE, "")
    n = round(whole["test_people"])

    def column(key: str, digits: int, factor: float, floors: tuple[str, str], best: str) -> list[str]:
        return [*floors, *(interval(metrics(v), key, digits, factor=factor) for v in order), best]

    def less(judge: str) -> list[str]:
        found = ["" if v in ("small", "") else "{:+.1f} ({:+.1f} to {:+.1f})".format(*lost(v, judge)) for v in order]
        return ["", "", *(text.replace("-", "−") for text in found), ""]

    columns = {
        "": ["mean training face", "the turned head itself", *(WORDS[v] for v in order), "the true front, mirrored"]
    }
    for judge, words in (("near", "of turns up to 45°"), ("judge", "of all turns")):
        key = f"{JUDGES[judge]}rank1"
        floors = (f"{100 / n:.1f}", interval(whole, f"{JUDGES[judge]}raw", factor=100))
        columns[f"right person of {n} by the judge {words}, %"] = column(
            key, 1, 100, floors, interval(whole, f"{key}_mirror", factor=100)
        )
        columns[f"lost by it ({words}), points"] = less(judge)
    return columns | {
        "PSNR, dB": column("psnr", 1, 1, (interval(whole, "mean_psnr"), interval(whole, "copy_psnr")), ""),
        "SSIM": column("ssim", 3, 1, (interval(whole, "mean_ssim", 3), interval(whole, "copy_ssim", 3)), "1"),
        "asymmetry": column("asymmetry", 4, 1, ("", ""), f"{whole['test_asymmetry_true']:.4f}"),
    }


if __name__ == "__main__":
    main()
