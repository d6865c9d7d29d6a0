"""AnoGAN: the nearest image that a generator of one class can make, and what is missing."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

import engines
from engines import data
from engines.engine import Frame
from engines.making.anogan import WEIGHTS, AnoGAN, Query, auc, damage, score
from engines.run import Run
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, map_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

SLUG = "anogan"
NORMALS = {"mnist-3": "The digit 3", "mnist-0": "The digit 0", "fashion-7": "Sneakers"}
NAMES = ("the image", "the nearest it can make", "what is missing", "where it is missing")
LAYERS = (("normal", "normal test images"), ("other", "others"), ("here", "this image"))
RIVALS = {"autoencoder": "autoencoder", "vae": "VAE"}
NORMAL = Choice(
    key="normal", label="Normal is", options=tuple(NORMALS), default="mnist-3", labels=NORMALS,
    help="The generator has seen images of this class only. Everything else is an anomaly.",
)  # fmt: skip
IMAGE = Choice(
    key="image", label="Look at", options=("normal", "other", "damaged", "over", "drawn"), default="damaged",
    labels={"normal": "A normal test image", "other": "An image of another class",
            "damaged": "A normal image with a defect", "over": "A normal image that you draw on",
            "drawn": "A drawing of your own"},
)  # fmt: skip
ROW = Number(key="row", label="Which one", low=0, high=99, default=0, help="Of 100 test images drawn at random.")
WEIGHT = Choice(
    key="weight", label="Weight λ of the features", options=("0", "0.1", "0.25", "0.5", "0.75", "1"), default="0.1",
    slider=True, field="weight", kind=float, live=True, help="0: pixels alone, 1: the discriminator's features alone.",
)  # fmt: skip
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, field="seed",
              help="Of the codes that the search starts from.")  # fmt: skip
BY_HAND = {  # the board's title, and what holds until something is drawn
    "drawn": ("Draw what is to be looked at", "Until you draw, the image is blank."),
    "over": ("Draw a defect", "Your strokes are laid over the image. Until you draw, it is as it was."),
}
VIEWS = {
    "search": ("Search for the nearest image", (NORMAL, IMAGE, ROW, WEIGHT, SEED)),
    "detect": ("How well it detects", (NORMAL,)),
    "film": ("Replay the training", (NORMAL,)),
}


def main() -> None:
    with page(entry(SLUG), VIEWS, why=WHY, questions=questions, scenes=SCENES) as chosen:
        normal = chosen["normal"]
        match chosen["view"]:
            case "search":
                drawn = board.drawn(SLUG) if chosen["image"] in BY_HAND else None
                of = (normal, chosen["image"], chosen["row"], None if drawn is None else drawn.tobytes())
                make = partial(searching, normal, chosen["image"], chosen["row"], drawn)
                show.learn(SLUG, make, (WEIGHT, SEED), chosen, of=of, speed=30, layers=LAYERS)
                if chosen["image"] in BY_HAND:
                    board.kept(SLUG, *BY_HAND[chosen["image"]])
            case "detect":
                show.film(SLUG, detection, normal, autoplay=False, layers=(("anogan", "AnoGAN"), *RIVALS.items()))
            case "film":
                show.film(SLUG, training, normal)


# -- the search ------------------------------------------------------------------------------------------------


def gan(normal: str) -> AnoGAN:
    return shipped.model("anogan", normal)


@lru_cache(maxsize=8)
def examples(normal: str, kind: str) -> np.ndarray:
    """A hundred test images (100, 28, 28) bytes of a kind, the same at every visit."""
    name, of = normal.split("-")
    tests = data.load(name, split="test")
    draw = np.random.default_rng(1)
    rows = np.flatnonzero((tests.labels == int(of)) == (kind != "other"))
    images = np.array(tests.x[draw.choice(rows, 100, replace=False)]).reshape(100, 28, 28)
    return damage(images, draw)[0] if kind == "damaged" else images


def searching(normal: str, kind: str, row: int, drawn: np.ndarray | None, **own: Any) -> Live:
    model, strokes = gan(normal), np.zeros((28, 28)) if drawn is None else drawn
    image = strokes if kind == "drawn" else examples(normal, kind)[row] / 255
    if kind == "over":
        image = np.maximum(image, strokes)
    query = Query(gan=model, x=model.images(np.asarray(image, dtype=np.float32)[None]))
    by_hand = kind == "drawn" or (kind == "over" and drawn is not None)
    code = "" if by_hand else code_of_query(normal, kind, row)
    return search_scene(Run(engines.create("anogan_search", data=query, **own), slots=SLOTS), normal, code)


def code_of_query(normal: str, kind: str, row: int) -> str:
    """The lines of Python that make what is searched for, a test image as `examples` draws them."""
    name, of = normal.split("-")
    lines = f"""import numpy as np
from engines.data import load
from engines.making.anogan import Query, damage
gan, tests, draw = engines.pretrained("anogan", {normal!r}), load({name!r}, split="test"), np.random.default_rng(1)
rows = draw.choice(np.flatnonzero(tests.labels {"!=" if kind == "other" else "=="} {of}), 100, replace=False)
images = np.array(tests.x[rows]).reshape(100, 28, 28)
data = Query(gan=gan, x=gan.images(images[{row}][None]))""".splitlines()
    return "\n".join(lines[:-1] + ["images = damage(images, draw)[0]"] * (kind == "damaged") + lines[-1:])


def search_scene(run: Run, normal: str, code: str) -> Live:
    weight = partial(weight_at, run)
    return Live(
        run=run,
        base=search_base(),
        draw=lambda frame: picture(frame, normal, weight(frame)),
        explain=lambda frame, _: numbers(frame, normal, weight(frame)),
        again=lambda fork: search_scene(fork, normal, code),
        data_code=code,
    )


def search_base() -> dict[str, Any]:
    """The images, and beside them where A lies among those of test images at the end of their own searches."""
    bars = {"type": "bar", "orientation": "h"}
    return images_base(columns=2, names=NAMES, share=0.72, over=map_base("missing", 0, 1, cells=[3])) | {
        "layout": {"xaxis": {"title": "images"}, "yaxis": {"title": "A", "rangemode": "tozero"}, "barmode": "overlay",
                   "bargap": 0},
        "traces": [
            {**bars, "marker": {"color": "@first/70"}, "meta": {"layer": "normal"}},
            {**bars, "marker": {"color": "@second/60"}, "meta": {"layer": "other"}},
            {"type": "scatter", "mode": "lines", "line": {"color": "@text", "width": 3}, "meta": {"layer": "here"}},
        ],
        "curve_sets": [curves("Distances", "", score="A", residual="R, pixels", discrimination="D, features")],
    }  # fmt: skip


def weight_at(run: Run, frame: Frame) -> float:
    """The weight under which this step was taken."""
    return run.config_at(max(0, frame.step - 1)).weight


def picture(frame: Frame, normal: str, weight: float) -> dict[str, Any]:
    above = beyond(normal, frame.scalars["score"], weight)
    words = (
        f"Step {frame.step}: A = {number(frame.scalars['score'])}. At the end of their searches {100 * above[0]:.0f} % "
        f"of normal test images score higher, and {100 * above[1]:.0f} % of the others."
    )
    shown = np.stack([frame.arrays[key][0] for key in ("x", "made", "missing", "x")])
    counts, middles = counted(normal, weight)
    here = np.full(2, frame.scalars["score"], dtype=np.float32)
    traces = {i: {"x": row, "y": middles} for i, row in enumerate(counts)}
    traces[2] = {"x": np.array([0, counts.max()], dtype=np.float32), "y": here}
    return {"images": shown, "map": frame.arrays["missing"][:1], "traces": traces, "caption": words}


def counted(normal: str, weight: float, bins: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """How many normal and how many other test images have an A in each bin, (2, bins), and the bins' middles."""
    scores, other = scored(normal, weight)
    edges = np.linspace(0, scores.max(), bins + 1)
    counts = np.stack([np.histogram(scores[which], edges)[0] for which in (~other, other)])
    return counts.astype(np.float32), ((edges[1:] + edges[:-1]) / 2).astype(np.float32)


def beyond(normal: str, found: float, weight: float) -> tuple[float, float]:
    """The shares of normal and of other scored test images whose A is above ``found``."""
    scores, other = scored(normal, weight)
    return float((scores[~other] > found).mean()), float((scores[other] > found).mean())


def scored(normal: str, weight: float) -> tuple[np.ndarray, np.ndarray]:
    """A of the test images that the card's evaluation looked at, and which of them are anomalies."""
    kept = gan(normal).scored.numpy()
    return score(kept[:, 2:], weight), kept[:, 1] != gan(normal).config.normal


def numbers(frame: Frame, normal: str, weight: float) -> Blocks:
    s = frame.scalars
    scores, other = scored(normal, weight)
    rows = [["200 test images", "lowest", "median", "highest"]]
    for label, which in (("normal", ~other), ("others", other)):
        rows.append([label, *(number(float(np.quantile(scores[which], q))) for q in (0, 0.5, 1))])
    return [
        {"math": latex(r"A(x) = (1 - \lambda)\, R(x) + \lambda\, D(x)")},
        {"math": latex(rf"{1 - weight:g} \cdot {number(s['residual'], tex=True)} + {weight:g} \cdot "
                       rf"{number(s['discrimination'], tex=True)} = {number(s['score'], tex=True)}")},
        {"text": f"The code's length is {s['length']:.2f}; a drawn one of {gan(normal).config.latent_dim} numbers has "
                 f"about {np.sqrt(gan(normal).config.latent_dim):.2f}."},
        {"table": rows},
        {"text": "Their searches took 200 steps at λ = 0.1."},
    ]  # fmt: skip


# -- how well it detects ---------------------------------------------------------------------------------------


def roc(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold, from the highest on: (N + 1,) each."""
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([[0], np.cumsum(positive[order])])
    misses = np.concatenate([[0], np.cumsum(~positive[order])])
    return misses / misses[-1], hits / hits[-1]


@lru_cache(maxsize=8)
def rivals(normal: str) -> dict[str, np.ndarray]:
    """The mean squared error of each rival's reconstruction of the same test images: (N,) each."""
    tests = data.load(normal.split("-")[0], split="test")
    rows = gan(normal).looked_at(tests.labels)
    x = torch.from_numpy(np.array(tests.x[rows]).reshape(len(rows), 784)).float() / 255
    errors = {}
    for name in RIVALS:
        model = shipped.model(name, f"only-{normal}")
        code = model.encode(x)
        made = model.decode(code[0] if isinstance(code, tuple) else code).reshape(x.shape)
        errors[name] = (x - made).square().mean(dim=1).numpy()
    return errors


def detection(normal: str) -> Film:
    """One frame a weight: the ROC curve of A at λ."""
    frames = []
    for step, weight in enumerate(np.linspace(0, 1, 21)):
        scores, other = scored(normal, float(weight))
        x, y = roc(scores, other)
        scalars = {"weight": float(weight), "auc": auc(scores, other)}
        frames.append(Frame(step=step, scalars=scalars, arrays={"x": x, "y": y}))
    return Film(frames=frames, base=detection_base(normal), draw=partial(detection_picture, normal),
                numbers=partial(detection_numbers, normal))  # fmt: skip


def detection_base(normal: str) -> dict[str, Any]:
    _, other = scored(normal, 0.1)
    lines = [{"x": [0], "y": [0], "meta": {"layer": "anogan"}, "line": {"color": "@first", "width": 3}}]
    for key, colour, dash in zip(RIVALS, ("@second", "@bound"), ("dot", "dash"), strict=True):
        x, y = roc(rivals(normal)[key], other)
        lines.append({"x": x, "y": y, "meta": {"layer": key}, "line": {"color": colour, "width": 2, "dash": dash}})
    lines.append({"x": [0, 1], "y": [0, 1], "line": {"color": "@grid", "width": 2}})
    chance = {"text": "chance", "x": 0.9, "y": 0.87, "showarrow": False, "font": {"size": 13, "color": "@text"}}
    axis = {"range": [-0.01, 1.01]}
    return {
        "layout": {"xaxis": {**axis, "title": {"text": "normal images called anomalies"}},
                   "yaxis": {**axis, "title": {"text": "anomalies found"}}, "annotations": [chance]},
        "traces": [{"type": "scatter", "mode": "lines", **line} for line in lines],
        "curve_sets": [curves("Area under the curve", "area", auc="AnoGAN")],
    }  # fmt: skip


def detection_picture(normal: str, frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    words = (
        f"λ = {s['weight']:.2f}: the area under the curve is {s['auc']:.3f}. It is 0.5 by chance and 1 where every "
        f"anomaly scores above every normal image. {NORMALS[normal]} against all other classes, 200 test images each."
    )
    curve = {"x": frame.arrays["x"].astype(np.float32), "y": frame.arrays["y"].astype(np.float32)}
    return {"traces": {0: curve}, "caption": words}


def detection_numbers(normal: str, frame: Frame) -> Blocks:
    _, other = scored(normal, 0.1)
    m = shipped.card("anogan", normal)["metrics"]
    rows = [["area under the ROC curve", ""], [f"AnoGAN, λ = {frame.scalars['weight']:.2f}",
                                               f"{frame.scalars['auc']:.3f}"]]  # fmt: skip
    rows += [[said, f"{auc(rivals(normal)[key], other):.3f}"] for key, said in RIVALS.items()]
    return [
        {"table": rows},
        {"text": f"At λ = 0.1 a bootstrap puts it at {m['test_auc_low']:.3f} to {m['test_auc_high']:.3f} (95 %)."},
        {"text": f"Normal against damaged normal images: {m['test_auc_damaged']:.3f}. The damaged pixels of an image "
                 f"against its others, by what is missing there: {m['test_auc_pixels']:.3f}."},
        {"text": "The rivals' score is the squared error of their reconstruction. All learned from the same images: "
                 f"AnoGAN in {batches('anogan', normal)}, "
                 + ", ".join(f"the {said} in {batches(key, f'only-{normal}')}" for key, said in RIVALS.items()) + "."},
    ]  # fmt: skip


def batches(name: str, variant: str) -> str:
    config = shipped.card(name, variant)["config"]
    return f"{config['n_steps']:,} batches of {config['batch_size']}"


# -- the training ----------------------------------------------------------------------------------------------


def training(normal: str) -> Film:
    losses = curves("Losses", "nats", d_loss="D", g_loss="G, −log D(G(z))")
    base = images_base() | {"curve_sets": [losses], "curve_log": True}
    return shipped.film("anogan", normal, base=base, draw=made, numbers=losses_of)


def made(frame: Frame) -> dict[str, Any]:
    words = f"After {frame.scalars['batches']:,.0f} batches: images from the same 32 codes at every step."
    return {"images": frame.arrays["made"].reshape(-1, 28, 28), "caption": words}


def losses_of(frame: Frame) -> Blocks:
    s = frame.scalars
    if "d_loss" not in s:
        return [{"text": "Nothing has been learned yet."}]
    return [
        {"text": "Averages over about the last 50 batches:"},
        {"math": latex(rf"-\log D(x) - \log(1 - D(G(z))) = {number(s['d_loss'], tex=True)}")},
        {"math": latex(rf"-\log D(G(z)) = {number(s['g_loss'], tex=True)}")},
        {"text": "Where D cannot tell, they are log 4 = 1.386 and log 2 = 0.693 nats."},
    ]


# -- a scene ---------------------------------------------------------------------------------------------------


def passes(_: Any) -> str:
    """What the shipped searches say of the class that comes nearest to the normal one."""
    (scores, other), kept = scored("mnist-3", 0.1), gan("mnist-3").scored.numpy()
    means = {int(y): float(scores[kept[:, 1] == y].mean()) for y in np.unique(kept[other, 1])}
    near = min(means, key=lambda y: means[y])
    areas = [shipped.card("anogan", name)["metrics"]["test_auc"] for name in ("mnist-3", "mnist-0")]
    return (
        f"*Symptom:* an image of another class ends with a lower score than most normal ones: see the line among the "
        f"bars. The digit {near} comes nearest, with a mean score of {means[near]:.3f}; threes have "
        f"{scores[~other].mean():.3f}. *Cause:* the score is a mean over all pixels, and where little is drawn little "
        f"can be missing. *Cure:* none that is free: no weight λ parts them. What can be told depends on the class: "
        f"the area under the curve is {areas[0]:.3f} for threes, {areas[1]:.3f} for zeros."
    )


SCENES = {
    "passes": Scene(
        title="An anomaly that passes",
        text=passes,
        link={"view": "search", "normal": "mnist-3", "image": "other", "row": 4},
        cure={"view": "search", "normal": "mnist-0", "image": "other", "row": 4},
        cure_title="Zeros as the normal class",
    )
}

# -- words -----------------------------------------------------------------------------------------------------

WHY = (
    r"""
A defect is rare and looks like nothing seen before: there are no examples to learn it from. **AnoGAN** learns what is
normal instead. A generator $G$ that has seen normal images only can make nothing else, so the nearest image it can
make to a new one, $x$, lacks what is not normal about $x$.

The nearest is searched: the code $z$ goes down the gradient of

$$
A = (1-\lambda) \underbrace{\textstyle\sum |x - G(z)|}_{R} + \lambda \underbrace{\textstyle\sum |f(x) - f(G(z))|}_{D},
$$

where $f$ is a layer of the discriminator. What $A$ is at the end is the anomaly score. Here both sums are means.
""",
    r"""
**Watch** what is missing from a damaged digit, the image below on the left: what stays bright is the defect, found
without ever having been shown one.

**What it cannot do.** A generator that cannot make every normal image calls some of them anomalies; one that makes too
much makes the anomaly as well. The search takes hundreds of steps for each image, which an encoder would do in one.

**The rivals** rebuild an image from a short code in one pass. They are trained on the same normal images.
""",
)


def questions(chosen: dict[str, Any]) -> list[Question]:
    normal = chosen["normal"]

    def best(answer: Any) -> tuple[bool, str]:
        m = shipped.card("anogan", normal)["metrics"]
        areas = {f"{weight:g}": m[f"test_auc_at_{weight:g}"] for weight in WEIGHTS}
        top = max(areas, key=lambda weight: areas[weight])
        said = ", ".join(f"{area:.3f} at {weight}" for weight, area in areas.items())
        return areas[str(answer)] == areas[top], f"The areas are {said}."

    def rival(answer: Any) -> tuple[bool, str]:
        _, other = scored(normal, 0.1)
        areas = {"AnoGAN at λ = 0.1": shipped.card("anogan", normal)["metrics"]["test_auc"]}
        areas |= {f"the {said}": auc(rivals(normal)[key], other) for key, said in RIVALS.items()}
        said = ", ".join(f"{area:.3f} for {name}" for name, area in areas.items())
        return answer == max(areas, key=lambda name: areas[name]), f"The areas are {said}."

    return [
        Question(
            text=f"Normal is: {NORMALS[normal]}. At which weight λ is the area under the curve largest?",
            kind="choice", options=tuple(f"{weight:g}" for weight in WEIGHTS), check=best,
            hint="Open “How well it detects” and move the scrubber: one step is 0.05 of λ.",
        ),
        Question(
            text="Which of the three tells this class from the others best?",
            kind="choice", options=("AnoGAN at λ = 0.1", "the autoencoder", "the VAE"), check=rival,
            hint="Open “How well it detects” and read the areas in the numbers.",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
