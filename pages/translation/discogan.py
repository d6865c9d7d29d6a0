"""DiscoGAN: two kinds of things and no pairs; a map there and a map back must undo each other."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines import checkpoints, devices, learning
from engines.data import webp, zoo
from engines.engine import Frame
from engines.maths.intervals import bootstrap
from engines.run import Run
from engines.translation import discogan, ten_modes
from engines.translation.discogan import N_TURNS, SHOWN, SIDE
from engines.translation.discogan2d import FIELD, N_A, N_B, RADIUS_B, SPAN, modes
from pages.catalogue import entry
from pages.ui import comparison, desk, shipped, show
from pages.ui.comparison import each, interval, order, strip
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base
from pages.ui.show import Film
from pages.ui.strip import Scene
from pages.ui.tryit import Question

WORDS = {"gan": "a GAN", "reconstruction": "with a way back", "discogan": "DiscoGAN"}
PANELS = ("gan", "reconstruction", "discogan")
VARIANT = {"gan": "gan", "reconstruction": "reconstruction", "discogan": ""}  # of checkpoints/discogan
LOOKS = ("discogan", "reconstruction", "gan")
LAYERS = (("field", "D's shading"),)
N_CHAIRS = 11

CHAIR = Number(key="chair", label="Test chair", low=1, high=N_CHAIRS, default=1, help="None of them was learned from.")
RATE = Choice(
    key="rate", label="Learning rate", options=("3e-4", "1e-3", "3e-3"), default="1e-3", slider=True,
    field="learning_rate", kind=float, live=True,
)  # fmt: skip
BATCH = Choice(
    key="batch",
    label="Batch size",
    options=("50", "200", "500"),
    default="200",
    field="batch_size",
    kind=int,
    live=True,
)
WIDTH = Choice(key="width", label="Units of a layer", options=("16", "32", "64"), default="64", field="width", kind=int)
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, field="seed")
TOY = (RATE, BATCH, WIDTH, SEED)
VIEWS = {
    "turn": ("Turn the chair", (CHAIR,)),
    "own": ("Your own image", ()),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", (CHAIR,)),
    "toy": ("In the plane", TOY),
}


def main() -> None:
    with page(entry("discogan"), VIEWS, why=WHY, questions=QUESTIONS, scenes=SCENES) as chosen:
        match chosen["view"]:
            case "turn":
                show.film("discogan", turning, chosen["chair"], speed=4)
                st.caption(learned())
            case "own":
                desk.desk("discogan", {WORDS[model]: partial(head_of, model) for model in LOOKS},
                          examples=tests()["chair"].reshape(-1, SIDE, SIDE, 3))  # fmt: skip
                st.caption(
                    "Every image becomes a head, a chair or not; of anything but a chair on a plain light ground the "
                    "networks have seen nothing."
                )
            case "film":
                show.film("discogan", training)
                st.caption(learned())
            case "parts":
                parts(chosen["chair"])
            case "toy":
                show.learn("discogan", plane, TOY, chosen, of="plane", layers=LAYERS)
                st.caption(
                    "All three learn from the same points, batch by batch; they differ in the terms of their loss "
                    "alone. Fork at a step to go on from there with another learning rate or batch size."
                )
                ten()


def learned() -> str:
    """How the network was trained and how well the angle is kept, with its scale."""
    card = shipped.card("discogan")
    m, config, data = card["metrics"], card["config"], card["data"]
    way = "the other way than" if m["test_correlation"] < 0 else "the same way as"
    return (
        f"Learned from {data['n_train']:,} pictures of chairs and {data['n_train_heads']:,} of heads, without pairs, "
        f"in {card['steps']:,} batches of {config['batch_size']}. Over {N_CHAIRS} test chairs heads turn {way} their "
        f"chairs: the angles' circular correlation is {interval(m, 'correlation', 2)}. By chance it is "
        f"{m['test_strength_chance']:.2f} in size, for true heads and their own angles "
        f"{m['test_correlation_real']:.2f}."
    )


# -- chairs and heads ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> dict[str, np.ndarray]:
    """The test ``chair``s (11, 19, 32, 32, 3) as bytes, turned by ``yaw`` (19,) degrees."""
    held = discogan.turns("turntables", "chair", "test")
    return {"chair": held["chair"].reshape(N_CHAIRS, N_TURNS, SIDE, SIDE, 3), "yaw": held["chair_yaw"][:N_TURNS]}


@lru_cache(maxsize=1)
def ruler() -> Any:
    """What reads a head's angle; it was fitted to true heads and lies in the checkpoint."""
    return checkpoints.read(checkpoints.folder("discogan")).data["ruler"]


@lru_cache(maxsize=len(VARIANT))
def made(model: str) -> dict[str, np.ndarray]:
    """Of all test chairs: the ``head``s and, where there is a way, the chairs led ``back`` (11, 19, 32, 32, 3), bytes,
    and the angle ``found`` in each head (11, 19), in degrees.
    """
    engine = shipped.model("discogan", VARIANT[model])
    heads = engine.translate(tests()["chair"].reshape(-1, SIDE, SIDE, 3))
    held = {"head": learning.to_bytes(heads)}
    if "G_BA" in engine.network:
        held["back"] = learning.to_bytes(engine.translate(heads, "BA"))
    shaped = {key: value.numpy().reshape(N_CHAIRS, N_TURNS, SIDE, SIDE, 3) for key, value in held.items()}
    return shaped | {"found": turns_of(VARIANT[model])}


@lru_cache(maxsize=3 * len(VARIANT))
def turns_of(variant: str) -> np.ndarray:
    """The angle found in the head made of each turn of each test chair (11, 19), in degrees."""
    heads = shipped.model("discogan", variant).translate(tests()["chair"].reshape(-1, SIDE, SIDE, 3))
    return discogan.read(ruler(), learning.to_bytes(heads)).reshape(N_CHAIRS, N_TURNS)


def head_of(model: str, x: np.ndarray) -> np.ndarray:
    """What a model makes of one image (32, 32, 3) in 0..1."""
    return shipped.model("discogan", VARIANT[model]).translate(x[None].astype(np.float32))[0].numpy()


TURNED = {
    "curve_step": "the chair is turned by",
    "curve_ticks": [f"{10 * k - 90}°".replace("-", "−") for k in range(N_TURNS)],
    "curve_sets": [curves("Turn of the head", "degrees", **{model: WORDS[model] for model in LOOKS})],
}


def turning(chair: int) -> Film:
    """One frame a turn of the chair, with what all three models make of it."""
    by = {model: {key: held[chair - 1] for key, held in made(model).items()} for model in LOOKS}
    whole, lesser, gan = by.values()
    frames = []
    for k, yaw in enumerate(tests()["yaw"]):
        shown = [tests()["chair"][chair - 1, k], whole["head"][k], whole["back"][k]]
        shown += [gan["head"][k], lesser["head"][k], lesser["back"][k]]
        scalars = {"yaw": float(yaw)} | {model: float(by[model]["found"][k]) for model in LOOKS}
        frames.append(Frame(step=k, scalars=scalars, arrays={"shown": np.stack(shown)}))
    names = ("the chair", "DiscoGAN", "DiscoGAN, led back", "a GAN", "with a way back", "with a way back, led back")
    return Film(frames=frames, base=images_base(columns=3, names=names) | TURNED, draw=turned,
                numbers=angles)  # fmt: skip


def turned(frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    said = ", ".join(f"{WORDS[model]} {degrees(s[model])}" for model in LOOKS)
    words = f"The chair is turned by {degrees(s['yaw'])}. What the heads made of it are turned by: {said}."
    return {"images": frame.arrays["shown"], "caption": words}


def degrees(value: float) -> str:
    return f"{value:.0f}°".replace("-0°", "0°").replace("-", "−")


def angles(frame: Frame) -> Blocks:
    m = shipped.card("discogan")["metrics"]
    rows = [["", "head turned by"], *([WORDS[model], degrees(frame.scalars[model])] for model in LOOKS)]
    return [
        {"text": f"The chair is turned by {degrees(frame.scalars['yaw'])}; a positive angle turns the front to the "
                 "right of the picture."},
        {"table": rows},
        {"text": "The angle is read by a ridge regression on 16 × 16 pixels that learned from true heads only. On "
                 f"true heads of people it has not seen it is off by {m['test_off_real']:.0f}° (root mean square). On "
                 "heads that a network made it may be off by more."},
    ]  # fmt: skip


# -- a recorded training ---------------------------------------------------------------------------------------

FOLLOWED = curves("Correlation of the angles", "correlation", correlation="over all test chairs")
LOSSES = curves("Losses of the GANs", "nats", d_loss="both D", gan_b="−log D_B(x_AB)", gan_a="−log D_A(x_BA)")
MATCHED = curves("D's features of made and true images", "apart", feature_b="heads", feature_a="chairs")
LED = curves("Off after the way back", "squared distance", const_a="d(x_ABA, x_A)", const_b="d(x_BAB, x_B)")


FILMED = 2  # of three recorded chairs, as many as are seen well


def training() -> Film:
    yaw = tests()["yaw"]
    chairs = tests()["chair"].reshape(-1, SIDE, SIDE, 3)[list(SHOWN)]
    across = len(SHOWN) // 3
    return shipped.film(
        "discogan",
        base=images_base(columns=across, rows=("chair", "head", "led back") * FILMED,
                         names=[degrees(yaw[row % N_TURNS]) for row in SHOWN[:across]])
        | {"curve_sets": [FOLLOWED, LOSSES, MATCHED, LED], "curve_log": True},
        draw=lambda frame: film_picture(frame, chairs),
        numbers=losses,
    )  # fmt: skip


def film_picture(frame: Frame, chairs: np.ndarray) -> dict[str, Any]:
    """Two test chairs at seven turns each, the heads made of them, and the chairs that those are led back to."""
    heads, back = np.split(webp.unpack(frame.arrays["made"], height=SIDE), 2)
    rows = np.stack([part.reshape(3, -1, SIDE, SIDE, 3) for part in (chairs, heads, back)], axis=1)[:FILMED]
    s, of_true = frame.scalars, comparison.metrics("discogan")["test_correlation_real"]
    words = (
        f"After {s['batches']:,.0f} batches the circular correlation of the chairs' angles with their heads' is "
        f"{s['correlation']:.2f}; that of true heads' with their own is {of_true:.2f}."
    )
    return {"images": rows.reshape(-1, SIDE, SIDE, 3), "caption": words}


def losses(frame: Frame) -> Blocks:
    s, config = frame.scalars, shipped.card("discogan")["config"]
    if "gan_b" not in s:
        return [{"text": "Nothing has been learned yet."}]
    weight = {"GAN": 1.0, "FEATURE": config["feature_weight"], "CONST": config["const_weight"]}
    blocks: Blocks = [{"text": "Averages over about the last 50 batches. Both generators descend the sum of"}]
    total = 0.0
    for kinds in (("GAN_B", "FEATURE_B", "CONST_A"), ("GAN_A", "FEATURE_A", "CONST_B")):
        weights, values = [weight[kind[:-2]] for kind in kinds], [s[kind.lower()] for kind in kinds]
        times = ["" if w == 1 else rf"{w:g} \cdot " for w in weights]
        named = " + ".join(rf"{by}L_{{{kind}}}" for by, kind in zip(times, kinds, strict=True))
        said = " + ".join(by + number(value, tex=True) for by, value in zip(times, values, strict=True))
        total += sum(w * value for w, value in zip(weights, values, strict=True))
        blocks += [{"math": latex(named)}, {"math": latex(f"= {said}")}]
    return [
        *blocks,
        {"math": latex(f"L_G = {number(total, tex=True)}")},
        {
            "text": f"Both discriminators' loss is {s['d_loss']:.3f} together; it is 4 log 2 = 2.773 where neither can "
            "tell."
        },
    ]


# -- take a part away ------------------------------------------------------------------------------------------


def parts(chair: int) -> None:
    every = slice(0, N_TURNS, 2)
    strip("Chair", tests()["chair"][chair - 1, every])
    for model in reversed(PANELS):
        held = made(model)
        strip(WORDS[model], held["head"][chair - 1, every])
        if "back" in held:
            strip("led back", held["back"][chair - 1, every])
    st.caption(f"Test chair {chair} from {degrees(-90)} to {degrees(90)}. The GAN has no way back.")
    st.table(table())
    st.caption(
        f"Over {N_CHAIRS} test chairs of {N_TURNS} turns each; in brackets the 95 % interval (bootstrap over chairs, "
        "for true heads over people). A negative correlation is a head that turns the other way; the second column "
        "allows for that and for a front that lies elsewhere. All three were trained alike: the same steps, width, "
        "images and seed."
    )
    for column, model in zip(st.columns(3), reversed(PANELS), strict=True):
        column.markdown(f"**{WORDS[model]}**: every turn of every test chair")
        column.vega_lite_chart(scatter(model), SCATTER)
    st.markdown(agrees())


SCATTER = {
    "height": 260,
    "mark": {"type": "circle", "size": 25, "opacity": 0.6},
    "encoding": {
        axis: {"field": field, "type": "quantitative", "title": f"the {field} is turned by, degrees",
               "scale": {"domain": [-span, span], "clamp": True}, "axis": {"values": [-90, -45, 0, 45, 90]}}
        for axis, field, span in (("x", "chair", 95), ("y", "head", 135))
    },
}  # fmt: skip


def scatter(model: str) -> dict[str, np.ndarray]:
    """The angle given and the angle found for every turn of every test chair."""
    return {"chair": np.tile(tests()["yaw"], N_CHAIRS), "head": made(model)["found"].ravel()}


def pairs(model: str) -> np.ndarray:
    """The same by chair: (11, 19, 2)."""
    return np.stack(list(scatter(model).values()), axis=1).reshape(N_CHAIRS, N_TURNS, 2)


def by_seed(model: str) -> np.ndarray:
    """Angles given and found by chair, with each of three seeds: (11, 3, 19, 2)."""
    found = np.stack([turns_of(variant) for variant in seeded(model)], axis=1)
    return np.stack([np.broadcast_to(tests()["yaw"], found.shape), found], axis=3)


def seeded(model: str) -> list[str]:
    """The variants that are this model with the seeds 0, 1 and 2."""
    return [VARIANT[model], *(f"{model}-{seed}" for seed in discogan.SEEDS[1:])]


def kept(x: np.ndarray) -> float:
    """The size of the correlation of angles (chairs, seeds, turns, 2), on average over seeds."""
    return float(np.mean([abs(discogan.correlated(x[:, i])) for i in range(x.shape[1])]))


@lru_cache(maxsize=len(VARIANT))
def kept_by(model: str) -> tuple[float, float, float]:
    """`kept`, with its 95 % interval over chairs."""
    return bootstrap(by_seed(model), kept)


@lru_cache(maxsize=len(VARIANT))
def ahead(lesser: str) -> tuple[float, float, float]:
    """DiscoGAN's `kept` less a lesser model's, of the same chairs, with its 95 % interval."""
    both = np.stack([by_seed("discogan"), by_seed(lesser)], axis=1)
    return bootstrap(both, lambda x: kept(x[:, 0]) - kept(x[:, 1]))


def measured() -> dict[str, dict[str, float]]:
    """The measures of the three models, by their names in words."""
    return {WORDS[model]: comparison.metrics("discogan", VARIANT[model]) for model in PANELS}


def table() -> dict[str, list[str]]:
    """Measures of the three models, between floor and ceiling."""
    of = measured()
    whole = of["DiscoGAN"]
    return {
        "": ["angles dealt out anew", "heads that all look one way", "the mean chair", *of, "true heads"],
        "correlation of the angles": [
            f"±{whole['test_strength_chance']:.2f} (up to {whole['test_strength_chance_high']:.2f})",
            "",
            "",
            *each(of, "correlation", 2),
            interval(whole, "correlation_real", 3),
        ],
        "its size with three seeds, and on average": [
            f"{whole['test_strength_chance']:.2f}",
            "",
            "",
            *(
                ", ".join(f"{abs(discogan.correlated(some)):.2f}" for some in by_seed(model).swapaxes(0, 1))
                + "; {:.2f} ({:.2f} to {:.2f})".format(*kept_by(model))
                for model in PANELS
            ),
            "",
        ],
        "head off by, degrees": [
            "",
            f"{whole['test_off_constant']:.1f}",
            "",
            *each(of, "off"),
            interval(whole, "off_real"),
        ],
        "deviation of the heads' turns, degrees": [
            "",
            "0",
            "",
            *("{:.1f} ({:.1f} to {:.1f})".format(*reach(model)) for model in PANELS),
            f"{true_reach():.1f}",
        ],
        "chair led back off by, levels of 255": [
            "",
            "",
            interval(whole, "const_mean"),
            *(said or "no way back" for said in each(of, "const")),
            "",
        ],
    }


@lru_cache(maxsize=len(VARIANT))
def reach(model: str) -> tuple[float, float, float]:
    """How far the heads made turn: the standard deviation of the angles found, with its 95 % interval over chairs."""
    return bootstrap(pairs(model)[..., 1], lambda found: float(found.std()))


@lru_cache(maxsize=1)
def true_reach() -> float:
    """How far true heads turn; the chairs are turned within the same 90 degrees."""
    heads = zoo.load("heads_yaw")
    return float(heads["yaw"][heads.rows("test")].std())


def agrees() -> str:
    of = measured()
    turns = {WORDS[model]: reach(model) for model in PANELS}
    farthest, next_to = sorted(turns, key=lambda words: -turns[words][0])[:2]
    clear = turns[farthest][1] > turns[next_to][2]
    far = (
        f"The heads of *{farthest}* turn farthest, by {turns[farthest][0]:.0f}° (standard deviation; true heads "
        f"{true_reach():.0f}°), before *{next_to}* with {turns[next_to][0]:.0f}°; the intervals "
        f"{'do not meet' if clear else 'meet'}."
    )
    ranked = sorted(PANELS, key=lambda model: -kept_by(model)[0])
    means = ", ".join(f"*{WORDS[model]}* {kept_by(model)[0]:.2f}" for model in ranked)
    said_of = []
    for model in PANELS[:2]:
        more, low, high = (f"{x:.2f}".replace("-", "−") for x in ahead(model))
        said_of.append(f"*{WORDS[model]}*'s by {more} ({low} to {high} over chairs)")
    sizes = [[abs(discogan.correlated(some)) for some in by_seed(model).swapaxes(0, 1)] for model in PANELS]
    apart = max(max(some) - min(some) for some in sizes)
    mirrored = [words for words, m in of.items() if m["test_correlation"] < 0]
    said = f" Mirrored: *{'*, *'.join(mirrored)}*." if mirrored else " None of them is mirrored."
    return (
        f"**Here** the correlations are by size, on average over three seeds and the greatest first: {means}. "
        f"DiscoGAN's exceeds {' and '.join(said_of)}; the seeds of one model lie up to {apart:.2f} apart.{said} Even a "
        "GAN may keep the angle: the narrowest layer of all three is a map of 4 × 4 places, so what lies left in the "
        f"chair is easiest drawn on one side of the head, with no loss that asks for it. {far} What each "
        "reconstruction is for is told best by the ten modes in the plane.\n\n"
        "**In the paper** the same three models are compared, and its abstract says that DiscoGAN keeps orientation; "
        "its authors' code trains them on cars, chairs and faces that turn, through a vector instead of a map. Its "
        "figures are of other data and in other units, and are not repeated here."
    )


# -- in the plane ----------------------------------------------------------------------------------------------


def ten() -> None:
    """Whether it was luck: the modes covered with ten seeds."""
    st.table(seeds())
    st.caption(
        f"Modes of B covered, of {N_B}, after {ten_modes.BATCHES[-1]:,} batches with ten seeds each, by the settings "
        "that this view opens with."
    )


def seeds() -> dict[str, list[str]]:
    found = ten_modes.covered(ten_modes.load(), ten_modes.BATCHES[-1])
    counts = [found[model] for model in PANELS]
    return {
        "": [WORDS[model] for model in PANELS],
        "all ten": [f"{sum(n == N_B for n in some)} of {len(some)} seeds" for some in counts],
        "on average": [f"{np.mean(some):.1f}" for some in counts],
        "by seed, from 0 on": [", ".join(map(str, some)) for some in counts],
    }


def plane(**own: Any) -> Live:
    """The three models, learning now from the same points."""
    n_steps = 5_000 if devices.hosted() else 50_000
    engine = engines.create("discogan2d", n_steps=n_steps, **own)
    return watched(Run(engine, slots=SLOTS, frame_interval=0.2))


def watched(run: Run) -> Live:
    return Live(run=run, base=plane_base(), draw=plane_picture, explain=lambda frame, _: plane_numbers(frame),
                again=watched)  # fmt: skip


def plane_base() -> dict[str, Any]:
    """Four squares: the points of A, and where each model puts them among the modes of B."""
    b, at = modes(N_B, RADIUS_B).numpy(), (np.arange(FIELD) + 0.5) / FIELD * 2 * SPAN - SPAN
    layout: dict[str, Any] = {"annotations": []}
    traces: list[dict[str, Any]] = []
    for i, words in enumerate(("A, the source", *(WORDS[model] for model in PANELS))):
        end = "" if i == 0 else str(i + 1)
        hidden = {"visible": False, "range": [-SPAN, SPAN]}
        left, low = 0.51 * (i % 2), 0.51 * (1 - i // 2)
        layout[f"xaxis{end}"] = {"domain": [left, left + 0.49], "anchor": f"y{end}", **hidden}
        layout[f"yaxis{end}"] = {"domain": [low, low + 0.49], "scaleanchor": f"x{end}",
                                 "anchor": f"x{end}", **hidden}  # fmt: skip
        title = {"text": words, "showarrow": False, "x": 0, "y": SPAN, "xref": f"x{end}", "yref": f"y{end}",
                 "yanchor": "top", "bgcolor": "@ground/75"}  # fmt: skip
        layout["annotations"].append(title)
        axes = {"xaxis": f"x{end}", "yaxis": f"y{end}", "hoverinfo": "skip"}
        if i:
            scale = [[0, "@ground/0"], [1, "@real/50"]]
            traces.append({"type": "heatmap", "x": at, "y": at, "zmin": 0, "zmax": 1, "showscale": False,
                           "zsmooth": "best", "colorscale": scale, "meta": {"layer": "field"}, **axes})  # fmt: skip
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": b[:, 0],
                    "y": b[:, 1],
                    "marker": {"size": 16, "color": "@ground/0", "line": {"width": 2, "color": "@text"}},
                    **axes,
                }
            )
        for k in range(N_A):
            traces.append({"type": "scatter", "mode": "markers", "x": [], "y": [],
                           "marker": {"size": 5, "color": f"@c{k}"}, **axes})  # fmt: skip
    return {"layout": layout, "traces": traces, "curve_sets": [COVERED, LED_BACK]}


COVERED = curves("Modes of B covered", "modes", **{f"{model}.modes": WORDS[model] for model in PANELS})
LED_BACK = curves("Off after the way back", "squared distance", **{"reconstruction.const_a": WORDS["reconstruction"],
                                                                  "discogan.const_a": WORDS["discogan"]})  # fmt: skip


def plane_picture(frame: Frame) -> dict[str, Any]:
    patches: dict[int, dict[str, Any]] = {}
    of, i = frame.arrays["mode"], 0
    for model in ("", *PANELS):
        points = frame.arrays[f"{model}.ab"] if model else frame.arrays["a"]
        if model:
            patches[i] = {"z": frame.arrays[f"{model}.field"].astype(np.float32)}
            i += 2
        for k in range(N_A):
            own = points[of == k].astype(np.float32)
            patches[i] = {"x": own[:, 0], "y": own[:, 1]}
            i += 1
    said = ", ".join(f"{WORDS[model]} {frame.scalars[f'{model}.modes']:.0f}" for model in PANELS)
    words = (
        f"After {frame.scalars['batches']:,.0f} batches. Points of A keep the colour of their mode; circles are the "
        f"ten modes of B, shading is where D takes points for B. Modes of B covered, of {N_B}: {said}."
    )
    return {"traces": patches, "caption": words}


def plane_numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    rows = [["", *(WORDS[model] for model in PANELS)]]
    for words, key, digits in (
        ("modes of B covered, of 10", "modes", 0),
        ("points that land in a mode", "near", 2),
        ("modes of B that several modes of A share", "shared", 0),
        ("−log D_B(x_AB)", "gan_b", 3),
        ("d(x_ABA, x_A)", "const_a", 3),
        ("−log D_A(x_BA)", "gan_a", 3),
        ("d(x_BAB, x_B)", "const_b", 3),
    ):
        rows.append([words, *(f"{s[f'{m}.{key}']:.{digits}f}" if f"{m}.{key}" in s else "" for m in PANELS)])
    return [
        {"text": "Covered: a quarter of a mode's share or more lies within three deviations. Losses are averages over "
            "about the last 50 batches; what stands empty the model does not have."},
        {"table": rows},
    ]  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------


def fewer(record: Live | None) -> str:
    frames = show.frames("discogan") if record is not None else []
    now = ""
    if frames and f"{PANELS[0]}.modes" in frames[-1].scalars:
        s = frames[-1].scalars
        now = " Now they cover " + ", ".join(f"{s[f'{model}.modes']:.0f} ({WORDS[model]})" for model in PANELS) + "."
    return (
        "*Symptom:* a GAN, and one with a way back, may leave modes of B unused. *Cause:* nothing asks where a point "
        "of B comes from: $D_B$ is content with any of its modes. *Cure:* a map back that must look like A and that "
        f"the map there undoes, for the points of B as well: the last square.{now}"
    )


def mirror(_: Live | None) -> str:
    m = comparison.metrics("discogan")
    _, shift = discogan.expected(pairs("discogan"))
    way = "the other way than" if m["test_correlation"] < 0 else "the same way as"
    return (
        f"*Symptom:* with this seed heads turn {way} their chairs, and {degrees(abs(shift))} farther to the "
        f"{'right' if shift > 0 else 'left'} on average. *Cause:* a mirror image can be led back just as well, and to "
        "$D_B$ it is as good a head; nothing in the loss says which way is right. *Cure:* a few pairs, or accepting "
        "either: the size of the correlation says how well the angle is kept, its sign which way it goes."
    )


SCENES = {
    "fewer": Scene(title="Modes that nothing asks for", text=fewer, link={"view": "toy", "seed": 3}),
    "mirror": Scene(title="Which way is right?", text=mirror, link={"view": "turn"}),
}
WHY = (
    r"""
You have things of two kinds, A (chairs) and B (heads), and nobody has said which go together. A GAN can make B out of
A: $G_{AB}$ draws what $D_B$ takes for a B. But *which* B? It may be the same one for all A.

**DiscoGAN** learns both directions at once and asks that they undo each other:

$$
x_{AB} = G_{AB}(x_A), \qquad x_{ABA} = G_{BA}(x_{AB})
$$
$$
L_{CONST_A} = d(x_{ABA}, x_A)
$$
$$
L_G = L_{GAN_B} + L_{CONST_A} + L_{GAN_A} + L_{CONST_B}
$$

$L_{GAN_B} = -\mathbb{E}\log D_B(x_{AB})$ and $d$ is the mean squared difference. Two things that become one cannot
both be led back, so what differs in A must differ in B. "With a way back" has the first two terms, "a GAN" the first.
For the images, as in the authors' code, the generators also match the means of what $D$'s layers see, nine times, and
both reconstructions count 2.5 times; the paper's formula has neither.
""",
    r"""
**A turn becomes a turn.** No loss names the angle. Chairs differ in it and so do heads, and a network finds it easiest
to keep in place what lies left and right. It may as well be mirrored: a mirror image can be led back too.

**Why both ways?** With one reconstruction the map there may use a part of B, and whatever lies outside is never asked
where it comes from. $L_{CONST_B}$ asks: every B must be led to A and back. In the plane you can count what is left
out: five modes of A onto ten of B. The networks are continuous, so to cover ten they tear modes of A apart, and points
remain on the way.

**What it cannot know.** Which person a chair should become. It must put the chair's colour and shape somewhere, and
puts them into hair and skin.
""",
)


def in_the_plane(batches: int = 0) -> dict[str, float]:
    """The scalars of the step on the stage; ValueError where the toy is not on it, or has not learned for so long."""
    frames = show.frames("discogan")
    if not frames or "discogan.modes" not in frames[-1].scalars:
        raise ValueError("Open In the plane and let it learn first.")
    s = dict(frames[-1].scalars)
    if s["batches"] < batches:
        raise ValueError(f"Let it learn from {batches} batches or more first.")
    return s


def check_modes(answer: float) -> tuple[bool, str]:
    s = in_the_plane()
    said = ", ".join(f"{WORDS[model]} {s[f'{model}.modes']:.0f}" for model in PANELS)
    return answer == s["discogan.modes"], f"After {s['batches']:,.0f} batches: {said}."


def check_nearest(answer: str) -> tuple[bool, str]:
    s = in_the_plane(500)
    found = {WORDS[model]: s[f"{model}.near"] for model in PANELS}
    said = ", ".join(f"{words} {100 * value:.0f} %" for words, value in found.items())
    return answer == max(found, key=lambda words: found[words]), f"After {s['batches']:,.0f} batches: {said}."


def check_kept(answer: str) -> tuple[bool, str]:
    of = measured()
    said = ", ".join(f"{words} {m['test_strength']:.2f}" for words, m in of.items())
    return answer == order(of, "strength")[0], f"The size of the correlation over all test chairs: {said}."


def check_way(answer: str) -> tuple[bool, str]:
    found = comparison.metrics("discogan")["test_correlation"]
    right = "to the right as well" if found > 0 else "to the left"
    return answer == right, f"The correlation over all test chairs is {found:.2f}."


QUESTIONS = (
    Question(
        text="A chair is turned to the right. Which way does DiscoGAN's head turn, most of the time?",
        kind="choice",
        options=("to the right as well", "to the left"),
        check=check_way,
        hint="Turn the chair: let several test chairs turn, and follow the line beside them.",
    ),
    Question(
        text="Whose angles correlate most with the chairs', whichever way the heads turn?",
        kind="choice",
        options=tuple(WORDS.values()),
        check=check_kept,
        hint="Take a part away: the first column of the table, without its sign.",
    ),
    Question(
        text="In the plane: how many of the ten modes of B does DiscoGAN cover at the step on your stage?",
        kind="whole",
        check=check_modes,
        hint="In the plane: the caption, and In numbers.",
    ),
    Question(
        text="In the plane: whose points land in a mode of B most often at the step on your stage?",
        kind="choice",
        options=tuple(WORDS.values()),
        check=check_nearest,
        hint="In numbers: points that land in a mode.",
    ),
)


if __name__ == "__main__":
    main()
