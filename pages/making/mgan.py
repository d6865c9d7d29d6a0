"""MGAN: a texture of any size, or a photo in it, by one pass; the optimisation that the pass replaces, as it runs."""

from __future__ import annotations

import time
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

import engines
from engines import learning
from engines.data import webp, zoo
from engines.engine import Frame
from engines.making import patches
from engines.making.mdan import MDAN, Task
from engines.making.mgan import HELD_OUT, PHOTOS, SHOWN, SIDE, STRIP, TEXTURES
from engines.run import Run, threads
from pages.catalogue import entry
from pages.making.mgan_notes import PARTS, SCENES, SLUG, TRAINED, WHY, WORDS, agreement, questions
from pages.ui import board, photos, shipped, show
from pages.ui.comparison import column, interval, metrics, strip
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import PAPER, curves, images_base
from pages.ui.show import Film

RACE = 128  # pixels a side of what the optimisation makes
N_RACED = 4  # textures of MGAN's whose mean distance is to be reached
SMALL_SIDE = 128  # of the pictures of the comparison

WHAT = Choice(
    key="what", label="Draw", options=("texture", *PHOTOS, "own"), default="texture",
    labels={"texture": "plain texture", **{name: f"the photo: {name}" for name in PHOTOS}, "own": "a photo of yours"},
    help=f"The network has not learned from the photo called {HELD_OUT}.",
)  # fmt: skip
SIZE = Number(
    key="size", label="Pixels a side", low=64, high=512, default=256,
    help="The network is made of convolutions alone, so one network draws every size.",
)  # fmt: skip
SEED = Number(key="seed", label="Noise", low=0, high=9999, default=0, slider=False, field="seed")
RATE = Choice(
    key="rate", label="Step of the pixels", options=("0.005", "0.01", "0.02", "0.04"), default="0.02", slider=True,
    field="learning_rate", kind=float, live=True, help="Adam's learning rate; pixels go from -1 to 1.",
)  # fmt: skip
VIEWS = {
    "try": ("Try it out", (WHAT, SIZE, SEED)),
    "race": ("Against the optimisation", (RATE, SEED)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}


def main() -> None:
    with page(entry(SLUG), VIEWS, why=WHY, questions=questions, scenes=SCENES) as chosen:
        match chosen["view"]:
            case "try":
                desk("gravel", chosen["what"], chosen["size"], chosen["seed"])
            case "race":
                make = partial(race, "gravel")
                show.learn(SLUG, make, (RATE, SEED), chosen, of="race", weights=False)
                st.caption(f"Both make {RACE} × {RACE} pixels. Times are measured on this machine, as it is used now.")
            case "film":
                show.film(SLUG, training)
                st.caption(learned("gravel"))
            case "parts":
                parts()


def variant(by: str) -> str:
    return TRAINED.get(by, by)


@st.cache_resource(show_spinner="Loading the network")
def model(by: str) -> Any:
    """The network, after a first pass: the first one takes longer."""
    engine = shipped.model(SLUG, variant(by))
    engine.draw(64, 64, generator=learning.stream(0, 0))
    return engine


@lru_cache(maxsize=1)
def pack() -> tuple[np.ndarray, np.ndarray]:
    """Textures (8, 256, 256, 3) and photos (4, 256, 256, 3), bytes."""
    loaded = zoo.load("textures")
    return loaded["texture"], loaded["content"]


def learned(by: str) -> str:
    """How a network was trained and how near it comes, with its scale."""
    card = shipped.card(SLUG, variant(by))
    m, config = card["metrics"], card["config"]
    texture = config["texture"]
    return (
        f"Learned in {card['steps']:,} batches of {config['batch_size']} crops from one texture and three photos. "
        f"Distance of its patches from a strip of {texture} that was held out, over textures of {STRIP} × {SIDE} "
        f"pixels: {interval(m, 'distance', 2)}; true {texture} {interval(m, 'distance_real', 2)}, an untrained "
        f"generator {interval(m, 'distance_untrained', 2)}. It is taken in maps of {patches_network()}'s stage 3, "
        f"where no loss pulls towards the texture. In pixels: {interval(m, 'pixels', 2)}; true {texture} "
        f"{interval(m, 'pixels_real', 2)}, untrained {interval(m, 'pixels_untrained', 2)}."
    )


# -- one pass --------------------------------------------------------------------------------------------------


def desk(by: str, what: str, size: int, seed: int) -> None:
    """What the network makes, on the stage; a photo of one's own below it."""
    below, given = st.container(), None
    if what == "own":
        given, problem = board.photo("A photo", f"{SLUG}:file", SIDE)
        if problem:
            st.warning(problem)
    with below:
        if what == "own" and given is None:
            st.info("Choose an image file below.")
            return
        photo = None if what == "texture" else given if what == "own" else pack()[1][PHOTOS.index(what)]
        show.film(SLUG, one_pass, by, photo, size, seed)
        images, _ = made(by, None if photo is None else photo.tobytes(), size, seed)
        st.download_button("PNG", photos.png(images[1]), f"mgan-{by}.png", "image/png", on_click="ignore")
    st.caption(learned(by))


@lru_cache(maxsize=16)
def made(by: str, photo: bytes | None, size: int, seed: int) -> tuple[np.ndarray, float]:
    """(2, S, S, 3) bytes: what it is made from beside what is made; and the seconds that the pass took."""
    engine, generator = model(by), learning.stream(seed, 4)
    if photo is None:
        before = on_paper(pack()[0][TEXTURES.index(engine.config.texture)], size)
        began = time.perf_counter()
        drawn = engine.draw(size, size, generator=generator)
    else:
        before = resized(np.frombuffer(photo, np.uint8).reshape(SIDE, SIDE, 3), size)
        began = time.perf_counter()
        drawn = engine.paint(before[None].copy(), generator=generator)
    seconds = time.perf_counter() - began
    return np.stack([before, learning.to_bytes(drawn[0]).cpu().numpy()]), seconds


def on_paper(texture: np.ndarray, size: int) -> np.ndarray:
    """The example at its own scale: its middle where it is larger, on grey where it is smaller: (S, S, 3)."""
    if size <= SIDE:
        at = (SIDE - size) // 2
        return texture[at : at + size, at : at + size]
    sheet, at = np.full((size, size, 3), PAPER, dtype=np.uint8), (size - SIDE) // 2
    sheet[at : at + SIDE, at : at + SIDE] = texture
    return sheet


def resized(photo: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.LANCZOS))


def one_pass(by: str, photo: np.ndarray | None, size: int, seed: int) -> Film:
    engine = model(by)
    images, seconds = made(by, None if photo is None else photo.tobytes(), size, seed)
    texture = engine.config.texture
    before = f"{texture}, which it learned from" if photo is None else "the photo"
    m, n = metrics(SLUG, variant(by)), images.shape[1]
    words = f"{n:,} × {n:,} pixels in one pass of {1000 * seconds:.0f} ms on this machine."
    if photo is not None and n == SIDE and photo.tobytes() == pack()[1][PHOTOS.index(HELD_OUT)].tobytes():
        words += (
            f" The network has not learned from this photo. Distance of its patches from {texture}: "
            f"{m['test_painted_before']:.2f} before, {m['test_painted']:.2f} after."
        )
    blocks: Blocks = [
        {"text": f"A frozen part of {patches_network()} sees the photo, or pink noise where there is none: 40 maps of "
                 f"{-(-n // 8)} × {-(-n // 8)} places. The generator makes pixels of them and of white noise:"},
        {"math": latex(r"x \mapsto G(\Psi(x), z), \quad z \sim N(0, I)")},
        {"table": [["", ""],
                   ["numbers learned by G", f"{sum(p.numel() for p in engine.network['G'].parameters()):,}"],
                   ["this pass", f"{1000 * seconds:.0f} ms"],
                   ["pixels in a second", f"{n * n / seconds:,.0f}"]]},
    ]  # fmt: skip
    return Film(
        frames=[Frame(step=0, arrays={"images": images}, scalars={})],
        base=images_base(columns=2, names=(before, f"made: {WORDS[by]}")) | {"below": True},
        draw=lambda frame: {"images": frame.arrays["images"], "caption": words},
        numbers=lambda _: blocks,
    )


def patches_network() -> str:
    from engines.making.features import NETWORK

    return NETWORK


# -- against the optimisation ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def rival(by: str, seed: int) -> tuple[np.ndarray, float, float]:
    """MGAN's texture (128, 128, 3) bytes, the mean distance of four of them, and the seconds that one pass takes."""
    engine = model(by)
    reference = patches.Reference(engine.measured(held(by)))
    drawn, times = [], []
    with threads(MDAN.n_threads):  # as many as the optimisation has
        for i in range(N_RACED):
            began = time.perf_counter()
            drawn.append(engine.draw(RACE, RACE, generator=learning.stream(seed + i, 4)))
            times.append(time.perf_counter() - began)
    away = reference.distance(engine.measured(engine.images(torch.cat(drawn)))).mean()
    return learning.to_bytes(drawn[0][0]).cpu().numpy(), float(away), float(np.median(times))


def held(by: str) -> torch.Tensor:
    """The texture's held-out strip (1, 3, 256, 80) in -1..1."""
    engine = model(by)
    row = TEXTURES.index(engine.config.texture)
    return engine.images(pack()[0][row : row + 1, :, -STRIP:].copy())


def race(by: str, *, seed: int, **own: Any) -> Live:
    engine = model(by)
    row = TEXTURES.index(engine.config.texture)
    task = Task(texture=engine.images(pack()[0][row : row + 1].copy()))
    run = Run(engines.create("mdan", data=task, side=RACE, seed=seed, device="cpu", **own), slots=SLOTS)
    return race_stage(run, by, seed)


def code_of_task(by: str) -> str:
    """The lines of Python that make what the optimisation comes near to."""
    row = TEXTURES.index(model(by).config.texture)
    return f"""from engines.data import zoo
from engines.making.mdan import Task
gan = engines.pretrained({SLUG!r}, {variant(by)!r})
data = Task(texture=gan.images(zoo.load("textures")["texture"][{row} : {row + 1}].copy()))"""


def race_stage(run: Run, by: str, seed: int) -> Live:
    image, target, seconds = rival(by, seed)
    return Live(
        run=run,
        base=images_base(columns=2, names=("the optimisation", "MGAN: one pass"))
        | {"curve_sets": [curves("Distance of patches", "from held-out texture", distance="the optimisation")],
           "curve_mark": {"value": target, "text": "MGAN"}},
        draw=lambda frame: race_picture(run, frame, image, target, seconds),
        explain=lambda frame, _: race_numbers(run, frame, target, seconds),
        data_code=code_of_task(by),
        again=lambda fork: race_stage(fork, by, seed),
    )  # fmt: skip


def spent(run: Run, frame: Frame) -> float:
    """Seconds of computing up to a frame, by the mean time of the steps that this run took here."""
    engine: Any = run.engine
    return frame.step * engine.seconds / max(1, engine.iteration) if engine is not None else 0.0


def reached(run: Run, target: float) -> Frame | None:
    """The first frame that is as near as MGAN's textures."""
    return next((frame for frame in run.history.after(-1) if frame.scalars["distance"] <= target), None)


def race_picture(run: Run, frame: Frame, image: np.ndarray, target: float, seconds: float) -> dict[str, Any]:
    taken, first = spent(run, frame), reached(run, target)
    words = (
        f"Step {frame.step}, {taken:.1f} s of computing: the optimisation is at a distance of "
        f"{frame.scalars['distance']:.2f}. MGAN: {target:.2f} in {1000 * seconds:.0f} ms."
    )
    if first is not None and first.step <= frame.step:
        words += (
            f" The optimisation was as near after {first.step} steps, {spent(run, first):.1f} s: "
            f"{spent(run, first) / seconds:,.0f} times as long."
        )
    elif taken:
        words += f" So far it has taken {taken / seconds:,.0f} times as long, and is not as near."
    return {"images": np.stack([frame.arrays["image"], image]), "caption": words}


def race_numbers(run: Run, frame: Frame, target: float, seconds: float) -> Blocks:
    s, engine = frame.scalars, run.engine
    if "texture" not in s or engine is None:
        return [{"text": "The image is pink noise; nothing has moved yet."}]
    weight = engine.config.smooth_weight
    total = number(s["texture"] + weight * s["smooth"], tex=True)
    return [
        {"text": "The pixels descend, with D as it is at this step,"},
        {"math": latex(rf"E_t + \alpha_2 \Upsilon = {number(s['texture'], tex=True)} + {weight:g} \cdot "
                       rf"{number(s['smooth'], tex=True)} = {total}")},
        {"text": f"D's loss is {s['d_loss']:.2f}; it is 2 where all its scores are 0."},
        {"table": [["distance of patches", ""], ["the optimisation", f"{s['distance']:.3f}"],
                   [f"MGAN, mean of {N_RACED}", f"{target:.3f}"],
                   ["seconds", f"{spent(run, frame):.2f}"], ["MGAN", f"{seconds:.3f}"]]},
    ]  # fmt: skip


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    m = metrics(SLUG)
    return shipped.film(
        SLUG,
        base=images_base(columns=2, names=("texture, from the same noise", f"the held-out photo: {HELD_OUT}"))
        | {"curve_sets": [
            curves("Distance of patches", "from held-out texture", distance="two textures"),
            curves("Losses of G", "", gan="E_t", content="E_c"),
            curves("D's scores", "", s_real="crops of the texture", s_fake="what G makes"),
        ], "curve_mark": {"value": m["test_distance_real"], "text": "true texture"}},
        draw=film_picture,
        numbers=film_numbers,
    )  # fmt: skip


def film_picture(frame: Frame) -> dict[str, Any]:
    s, m = frame.scalars, metrics(SLUG)
    words = (
        f"After {s['batches']:,.0f} batches the textures' patches lie at a distance of {s['distance']:.2f} from "
        f"held-out {TEXTURES[2]}; true {TEXTURES[2]} lies at {m['test_distance_real']:.2f}."
    )
    images = webp.unpack(frame.arrays["made"], height=SHOWN)
    return {"images": images, "caption": words}


def film_numbers(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card(SLUG)["config"]
    if "gan" not in s:
        return [{"text": "Nothing has been learned yet."}]
    a, b = config["content_weight"], config["smooth_weight"]
    total = number(s["gan"] + a * s["content"] + b * s["smooth"], tex=True)
    n = {key: number(s[key], tex=True) for key in ("gan", "content", "smooth")}
    said = rf"{n['gan']} + {a:g} \cdot {n['content']} + {b:g} \cdot {n['smooth']} = {total}"
    return [
        {"text": "Averages over about the last 50 batches. G descends"},
        {"math": latex(r"E_t + \alpha_1 E_c + \alpha_2 \Upsilon")},
        {"math": latex(said)},
        {"text": f"D's hinges are {s['d_loss']:.2f} together, 2 where all its scores are 0. It gives patches of the "
                 f"texture {s['s_real']:.2f} on average, G's {s['s_fake']:.2f}."},
    ]  # fmt: skip


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    shown = np.stack([resized(photo, SMALL_SIDE) for photo in pack()[1][[1, 2, 0]]])
    blank = np.full((2, SMALL_SIDE, SMALL_SIDE, 3), 255, dtype=np.uint8)
    strip("Photos", np.concatenate([blank, shown]))
    for part in PARTS:
        strip(WORDS[part], side_by_side(part))
    texture = pack()[0][TEXTURES.index("gravel")]
    true = np.stack([texture[:SMALL_SIDE, :SMALL_SIDE], texture[SMALL_SIDE:, SMALL_SIDE:]])
    strip("True gravel", np.concatenate([true, np.full((3, *true.shape[1:]), 255, dtype=np.uint8)]))
    st.caption(f"Two plain textures, then three photos; {HELD_OUT}, the first, was not learned from.")
    st.table(table())
    st.caption(
        "In brackets the 95 % interval (bootstrap): over textures drawn anew, over thirds and tiles of the photo. "
        f"Distances are of patches of {patches_network()}'s stage 3, where no loss pulls towards the texture, and of "
        "pixels alone, without any network. All four were trained alike and small: the same steps, width, crops and "
        "seed."
    )
    st.markdown(agreement())


@lru_cache(maxsize=8)
def side_by_side(part: str) -> np.ndarray:
    """Two textures and three photos, the held-out one first, by a small network: (5, 128, 128, 3) bytes."""
    engine = model(part)
    shown = np.stack([resized(photo, SMALL_SIDE) for photo in pack()[1][[1, 2, 0]]])
    drawn = engine.draw(SMALL_SIDE, SMALL_SIDE, generator=learning.stream(0, 5), n=2)
    painted = engine.paint(shown, generator=learning.stream(0, 5))
    return learning.to_bytes(torch.cat([drawn, painted])).cpu().numpy()


def table() -> dict[str, list[str]]:
    """Measures of the small networks between floor and ceiling; both are the same for all of them."""
    m = {WORDS[part]: metrics(SLUG, part) for part in PARTS}

    def between(key: str) -> list[str]:
        return column(m, key, 2, floors=(f"{key}_untrained", f"{key}_noise"), best=f"{key}_real")

    return {
        "": ["untrained generator", "pink noise, or the photo", *m, "true texture"],
        "distance of textures": between("distance"),
        "in pixels": between("pixels"),
        f"distance of {HELD_OUT}": column(m, "painted", 2, floors=("", "painted_before")),
        f"E_c of {HELD_OUT}": column(m, "content", 2, floors=("", "0")),
        "E_c of plain texture": column(m, "content_other", 2, floors=("", "")),
    }


if __name__ == "__main__":
    main()
