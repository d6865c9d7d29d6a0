"""DCGAN: the same noise over a whole training, the generator layer by layer, and what lies between two codes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

import engines
from engines import data, devices
from engines.engine import Frame
from engines.gans.dcgan import DCGAN, GAP, SURE, draw_codes
from pages.catalogue import entry
from pages.gans import dcgan_notes
from pages.gans.dcgan_notes import SCALE, VARIANTS
from pages.ui import board, sheets, shipped, show
from pages.ui.live import Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number, Switch, seed
from pages.ui.show import Film
from pages.ui.traces import bars, curve, marks

N_CODES = 64  # of which the viewer chooses
LAST = N_CODES - 1
WALK = 25  # images of a walk
SHOWN = 32  # channels of a layer

DATA = Choice(key="data", label="Images", labels=shipped.SETS, help="Which images were learned from.")
CODE_SEED = Number(
    key="codes", label="Set of codes", low=0, high=9999, default=0, slider=False, help="0: the recorded ones."
)
A = Number(key="a", label="Code a", low=0, high=LAST, default=0, help="Counted row by row in the sheet of 64.")
B = Number(key="b", label="Code b", low=0, high=LAST, default=9, help="Counted row by row in the sheet of 64.")
C = Number(key="c", label="Code c", low=0, high=LAST, default=18, help="Counted row by row in the sheet of 64.")
SIZE = Choice(key="size", label="Pixels a side", options=("28", "32"), default="28", field="size", kind=int)
CHANNELS = Choice(
    key="channels",
    label="Channels next to the image",
    options=("8", "16", "32", "64"),
    default="16",
    slider=True,
    field="channels",
    kind=int,
    help="Twice and four times as many below it. The shipped one has 64.",
)
LATENT = Choice(
    key="nz", label="Numbers in a code", options=("2", "16", "32", "100"), default="16", field="latent_dim", kind=int
)
STRIDED = Switch(
    key="strided", label="Strided convolutions", default=True, field="strided", help="Off: resize and pool instead."
)
NORM = Switch(key="norm", label="Batch normalisation", default=True, field="batch_norm", help="In both networks.")
HIDDEN = Switch(key="hidden", label="A fully connected hidden layer", field="hidden_layer", help="The recipe has none.")
RELU = Switch(key="relu", label="ReLU in the generator", default=True, field="generator_relu", help="Off: tanh.")
LEAKY = Switch(key="leaky", label="LeakyReLU in the discriminator", default=True, field="leaky", help="Off: ReLU.")
SMALL = Switch(
    key="small", label="Weights from N(0, 0.02²)", default=True, field="small_start", help="Off: uniform by fan-in."
)
BETA = Choice(
    key="beta1",
    label="Adam's β₁",
    options=("0", "0.5", "0.9"),
    default="0.5",
    field="beta1",
    kind=float,
    help="0.5 in the recipe.",
)
RATE = Choice(
    key="rate",
    label="Learning rate",
    options=("2e-5", "2e-4", "1e-3", "1e-2"),
    default="2e-4",
    slider=True,
    field="learning_rate",
    kind=float,
    live=True,
    help="0.0002 in the recipe.",
)
TWICE = Number(key="gsteps", label="Steps of G a batch", low=1, high=4, default=1, field="g_steps", live=True)
BATCH = Choice(
    key="batch", label="Batch size", options=("32", "64", "128"), default="64", field="batch_size", kind=int, live=True
)
SEED = seed("The same seed, the same run.", field="seed")
TRAIN = (SIZE, CHANNELS, LATENT, STRIDED, NORM, HIDDEN, RELU, LEAKY, SMALL, BETA, RATE, TWICE, BATCH, SEED)
VIEWS = {
    "film": ("Replay the training", (DATA,)),
    "layers": ("Layer by layer", (DATA, CODE_SEED, A)),
    "walk": ("Between two codes", (DATA, CODE_SEED, A, B)),
    "arithmetic": ("Code arithmetic", (DATA, CODE_SEED, A, B, C)),
    "scores": ("Ask the discriminator", (DATA, CODE_SEED)),
    "train": ("Train one now", (DATA, *TRAIN)),
}
LAYERS = (("images", "Images"), ("scores", "D's scores"))
BINS = 20
MEASURES = [
    sheets.curves("Losses", "nats", d_loss="D", g_loss="G"),
    sheets.curves("What D says", "mean probability of real", "@real", "@generated",
                  d_real="of real images", d_fake="of generated ones"),
]  # fmt: skip
JUDGED = [
    sheets.curves("Fréchet distance", "distance", "@bound", frechet="Fréchet distance"),
    sheets.curves("Precision and recall", "share", precision="precision", recall="recall"),
    sheets.curves("Samples that the classifier is sure of", "share", "@bound", clear="one class at 0.9 or more"),
]


def main() -> None:
    with page(entry("dcgan"), VIEWS, why=dcgan_notes.WHY, questions=dcgan_notes.questions) as chosen:
        name, seed, a, b, c = (chosen[key] for key in ("data", "codes", "a", "b", "c"))
        match chosen["view"]:
            case "film":
                show.film("dcgan", recorded, name, layers=LAYERS)
                dcgan_notes.measured(name)
            case "layers":
                show.film("dcgan", layer_by_layer, name, seed, a, speed=1)
            case "walk":
                show.film("dcgan", walk, name, seed, a, b, speed=8)
            case "arithmetic":
                show.film("dcgan", arithmetic, name, seed, a, b, c, speed=8)
            case "scores":
                show.film("dcgan", scores, name, seed, board.drawn("dcgan"), autoplay=False)
                board.kept("dcgan", "Draw an image and ask the discriminator", "Clear the board to take it away again.")
            case "train":
                show.learn("dcgan", partial(training, name), TRAIN, chosen, of=name, layers=LAYERS)
        if chosen["view"] in ("layers", "walk", "arithmetic"):
            dcgan_notes.sheet(sheet_of(name, seed), f"{name}-{seed}")


# -- training --------------------------------------------------------------------------------------------------


def recorded(name: str) -> Film:
    return shipped.film(
        "dcgan",
        VARIANTS[name],
        base=training_base(recorded=True),
        draw=partial(film_picture, name=name),
        numbers=partial(training_numbers, name=name),
    )


def training(name: str, **own: Any) -> Live:
    """Networks that start to learn now."""
    n_steps = 2_000 if devices.hosted() else 50_000
    engine = engines.create("dcgan", data=shipped.images(name), n_steps=n_steps, **own)
    how = {
        "base": training_base(recorded=False),
        "draw": training_picture,
        "explain": lambda frame, _: training_numbers(frame),
    }
    return show.learning(engine, how, shipped.code_of(name))


def training_base(*, recorded: bool) -> dict[str, Any]:
    """The 64 images on the left, what D says of real and generated images on the right."""
    shared = {
        **sheets.images_base(columns=8, share=0.8),
        "curve_sets": [*JUDGED, *MEASURES] if recorded else MEASURES,
        "curve_log": recorded,
    }
    if recorded:  # its single scores were taken under running averages, which D never learned with: the means were not
        return {
            **shared,
            "layout": {
                "xaxis": {"type": "category"},
                "yaxis": {"title": "D's mean output as it learned", "range": [0, 1]},
            },
            "traces": [bars(["@real", "@generated"], layer="scores", x=["real", "generated"])],
        }
    bins = {"layer": "scores", "x": ((np.arange(BINS) + 0.5) / BINS).astype(np.float32), "width": 1 / BINS}
    generated = bars("@generated/60", name="generated", **bins)
    generated["marker"]["pattern"] = {"shape": "/", "size": 6}
    return {
        **shared,
        "layout": {
            "xaxis": {"title": "D's output<br>(hatched: generated)", "range": [0, 1]},
            "yaxis": {"title": "images", "rangemode": "tozero"},
            "barmode": "overlay",
            "bargap": 0,
        },
        "traces": [bars("@real/60", name="real", **bins), generated],
    }


def score_bars(frame: Frame) -> dict[int, dict[str, Any]]:
    """How many of its images D gives which score, of real and of generated ones."""
    patches = {}
    for i, key in enumerate(("score_real", "score_fake")):
        if key in frame.arrays:
            counts, _ = np.histogram(frame.arrays[key], bins=BINS, range=(0, 1))
            patches[i] = {"y": counts.astype(np.float32)}
    return patches


def training_picture(frame: Frame, name: str = "") -> dict[str, Any]:
    samples = frame.arrays["samples"]
    side = round(samples.shape[1] ** 0.5)
    words = training_words(frame, name)
    return {
        "images": samples.reshape(-1, side, side),
        "traces": score_bars(frame),
        "caption": words,
        "alt": f"64 generated images. {words}",
    }


def film_picture(frame: Frame, name: str) -> dict[str, Any]:
    """A frame of the recorded training: D's means over the last batches instead of single scores."""
    means = np.array([frame.scalars.get(key, np.nan) for key in ("d_real", "d_fake")], dtype=np.float32)
    return {**training_picture(frame, name), "traces": {0: {"y": means}}}


def training_words(frame: Frame, name: str = "") -> str:
    s = frame.scalars
    if not s["batches"]:
        return "Before learning: 64 codes, and what a random generator makes of them."
    words = f"After {s['batches']:,.0f} {'batch' if s['batches'] == 1 else 'batches'}: the same 64 codes."
    if "frechet" in s:
        words += f" Fréchet distance {s['frechet']:.0f}; the classifier is sure of {100 * s['clear']:.0f} % of 2,000."
        if name and s["frechet"] > FAR and SCALE[name]["noise"] > 0.5:
            words += " It is as sure of noise: that says nothing yet."
    elif "d_real" in s:
        words += f" D gives real images {s['d_real']:.2f} and generated ones {s['d_fake']:.2f} on average."
    return words


FAR = 100  # a Fréchet distance at which the samples are nothing like the data


def training_numbers(frame: Frame, name: str = "mnist") -> Blocks:
    s = frame.scalars
    if "d_loss" not in s:
        return [{"text": "Nothing has been learned yet. Press play."}]
    blocks: Blocks = [
        {"text": "Averages over about the last 50 batches:"},
        formula(rf"-\log D(x) - \log(1 - D(G(z))) = {number(s['d_loss'], tex=True)}"),
        formula(rf"-\log D(G(z)) = {number(s['g_loss'], tex=True)}"),
        {"text": "Where D cannot tell, the first is log 4 = 1.386 and the second log 2 = 0.693, in nats."},
    ]
    if "frechet" in s:
        scale = SCALE[name]
        rows = [["2,000 of each", "generated", "real"]]
        rows += [["Fréchet distance", f"{s['frechet']:.1f}", ""]]
        rows += [[key, f"{s[key]:.3f}", f"{scale[key]:.3f}"] for key in ("precision", "recall")]
        rows += [[f"sure: one class at {SURE:g} or more", f"{100 * s['clear']:.1f} %", f"{100 * scale['clear']:.1f} %"]]
        rows += [["rarest class", f"{100 * s['rarest']:.1f} %", ""]]
        rows += [["commonest class", f"{100 * s['commonest']:.1f} %", ""]]
        blocks += [
            {"table": rows},
            {"text": f"The classifier is as sure of {100 * scale['noise']:.0f} % of pure noise."},
            {"text": "In the features of the shipped classifier: not FID, and not to be compared with it."},
        ]
    return blocks


# -- codes -----------------------------------------------------------------------------------------------------


def model(name: str) -> DCGAN:
    return shipped.model("dcgan", VARIANTS[name])


def codes(name: str, seed: int) -> torch.Tensor:
    """The 64 codes of a seed, seed 0 the recorded ones: (64, D)."""
    engine = model(name)
    if seed == 0:
        return engine.codes
    return draw_codes(N_CODES, engine.config, generator=torch.Generator().manual_seed(seed))


def sheet_of(name: str, seed: int) -> np.ndarray:
    """All 64 images of a seed as one sheet, to choose from."""
    return sheets.sheet(as_bytes(model(name).decode(codes(name, seed))), 8)


def as_bytes(images_: torch.Tensor) -> np.ndarray:
    return (255 * images_).round().to(torch.uint8).cpu().numpy()


def layer_by_layer(name: str, seed: int, i: int) -> Film:
    """The generator's maps for one code, a layer a step."""
    maps = [map_[0].cpu().numpy() for map_ in model(name).maps(codes(name, seed)[i : i + 1])]
    frames = layers_frames(maps)
    draw = partial(layers_picture, last=len(frames) - 1)
    return Film(frames=frames, base=layers_base(frames), draw=draw, numbers=partial(layer_numbers, engine=model(name)))


def layer_numbers(frame: Frame, engine: DCGAN) -> Blocks:
    if frame.step == 0:
        config = engine.config
        words = f"The code has {config.latent_dim} numbers, drawn from N(0, 1)."
        if config.switches:
            words += f" The first {config.switches} are switches: each is moved {GAP:g} further away from zero."
        return [{"text": words}]
    layer = engine.network["G"].layers[frame.step - 1][0]
    kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    n = sum(parameter.numel() for parameter in engine.network["G"].layers[frame.step - 1].parameters())
    before = 1 if frame.step == 1 else (int(frame.scalars["side"]) + 2 * padding - kernel) // stride + 1
    rows = [["fractionally-strided convolution", ""]]
    rows += [["channels", f"{layer.in_channels} to {layer.out_channels}"], ["kernel", f"{kernel} × {kernel}"]]
    rows += [["stride", f"1/{stride}"], ["padding", str(padding)], ["weights", f"{n:,}"]]
    side = int(frame.scalars["side"])
    return [
        {"table": rows},
        {"text": f"Size: ({before} − 1) × {stride} − 2 × {padding} + {kernel} = {side}."},
        {"text": "Open Transposed convolution to do one by hand."},
    ]


def walk(name: str, seed: int, start: int, end: int) -> Film:
    """From one code to another along a great circle, so that lengths on the way lie between its ends' lengths."""
    engine, z = model(name), codes(name, seed)
    shares = torch.linspace(0, 1, WALK)
    path = slerp(z[start], z[end], shares)
    made = as_bytes(engine.decode(path))
    ends = as_bytes(engine.decode(z[[start, end]]))

    def words(frame: Frame) -> str:
        return f"{100 * frame.scalars['share']:.0f} % of the way from code {start} to code {end}."

    return path_film(engine, path, lambda i: [ends[0], made[i], ends[1]], shares, words, "step of the walk")


def arithmetic(name: str, seed: int, a: int, b: int, c: int) -> Film:
    """c + t (a - b): what tells a from b, put onto c, from none of it to all."""
    engine, z = model(name), codes(name, seed)
    shares = torch.linspace(0, 1, WALK)
    path = z[c] + shares[:, None] * (z[a] - z[b])
    made, given = as_bytes(engine.decode(path)), as_bytes(engine.decode(z[[a, b, c]]))

    def words(frame: Frame) -> str:
        return f"a is code {a}, b code {b}, c code {c}; at the right c + {frame.scalars['share']:.2f} (a − b)."

    return path_film(engine, path, lambda i: [*given, made[i]], shares, words, "step to c + a − b")


def path_film(engine: DCGAN, path: torch.Tensor, row: Any, shares: torch.Tensor, words: Any, title: str) -> Film:
    # A walk's images are alike; D is asked about them among the recorded codes', so that it sees a batch as it learned.
    scores = engine.score(engine.decode(path), among=engine.decode(engine.codes)).cpu().numpy()
    frames = [
        Frame(
            step=i,
            scalars={"share": float(share), "logit": float(scores[i])},
            arrays={"sheet": sheets.sheet(np.stack(row(i)), len(row(i)))},
        )
        for i, share in enumerate(shares)
    ]
    return Film(
        frames=frames,
        base=path_base(frames[0].arrays["sheet"].shape, len(frames), title),
        draw=lambda frame: path_picture(frame, scores, words(frame)),
        numbers=lambda frame: path_numbers(frame, path, engine.config.switches),
    )


def path_numbers(frame: Frame, path: torch.Tensor, switches: int) -> Blocks:
    z = path[frame.step]
    usual = (len(z) + switches * (GAP**2 + 2 * GAP * (2 / np.pi) ** 0.5)) ** 0.5  # the root of E|z|^2
    return [
        {"text": f"The code's length is {number(float(z.norm()))}; that of a drawn one is about {usual:.2f}."},
        {"text": f"Its first numbers: {', '.join(f'{v:+.2f}' for v in z[:6])}."},
        {"text": f"D's logit {frame.scalars['logit']:+.3f}: a probability of "
                 f"{1 / (1 + np.exp(-frame.scalars['logit'])):.3f} that the image is real."},
    ]  # fmt: skip


def slerp(a: torch.Tensor, b: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Codes on the great circle from a to b, lengths in between as well: (D,), (D,), (T,) -> (T, D). White 2016."""
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if float(angle.sin()) < 1e-4:  # the same direction: a straight line is the circle
        return a + shares[:, None] * (b - a)
    t = shares[:, None]
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


def scores(name: str, seed: int, drawn: np.ndarray | None) -> Film:
    """What D says of 64 real and 64 generated images, the most real first; a drawing takes the first place."""
    engine = model(name)
    made = engine.decode(codes(name, seed))
    real = np.array(data.load(name, split="test").x[:64])
    score_real, score_fake = engine.score(real).cpu().numpy(), engine.score(made).cpu().numpy()
    inner = as_bytes(made)
    rows = [real[np.argsort(-score_real)], inner[np.argsort(-score_fake)]]
    both = np.concatenate([sheets.sheet(part[:32], 8) for part in rows])
    probability = [1 / (1 + np.exp(-score)) for score in (score_real, score_fake)]
    scalars = {"real": float(probability[0].mean()), "fake": float(probability[1].mean())}
    if drawn is not None:
        scalars["drawn"] = float(
            torch.sigmoid(engine.score(torch.as_tensor(drawn, dtype=torch.float32)[None], among=real))
        )
    frame = Frame(
        step=0, scalars=scalars, arrays={"sheet": both, "score_real": probability[0], "score_fake": probability[1]}
    )
    base = scores_base(both.shape)
    return Film(frames=[frame], base=base, draw=scores_picture, numbers=scores_numbers)


def scores_picture(frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    words = (
        f"Upper half: real test images, lower half: generated ones, the most convincing of 64 first. D gives real ones "
        f"{s['real']:.2f} on average, generated ones {s['fake']:.2f}."
    )
    if "drawn" in s:
        words += f" Your drawing: {s['drawn']:.3f}."
    return {"sheet": frame.arrays["sheet"], "traces": score_bars(frame), "caption": words}


def scores_numbers(frame: Frame) -> Blocks:
    rows = [["", "mean", "lowest", "highest"]]
    for label, key in (("real", "score_real"), ("generated", "score_fake")):
        found = frame.arrays[key]
        rows.append([label, f"{found.mean():.3f}", f"{found.min():.3f}", f"{found.max():.3f}"])
    blocks: Blocks = [{"text": "D's probability of real:"}, {"table": rows}]
    if "drawn" in frame.scalars:
        blocks.append({"text": f"Your drawing: {frame.scalars['drawn']:.4f}."})
    blocks.append(
        {"text": "D has learned to tell this generator from data, not to know a good digit when it sees one."}
    )
    return blocks


# -- their pictures ---------------------------------------------------------------------------------------------


def layers_frames(maps: list[np.ndarray]) -> list[Frame]:
    """The maps of one image, (C, H, W) each, as frames: a layer each, its first channels as bytes."""
    frames = []
    for step, map_ in enumerate(maps):
        part = map_[:SHOWN].astype(np.float64)
        low, high = (-1.0, 1.0) if step == len(maps) - 1 else (float(part.min()), float(part.max()))
        levels = np.rint(255 * np.clip((part - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)
        scalars = {"layer": step, "channels": len(map_), "side": map_.shape[1], "low": low, "high": high}
        frames.append(Frame(step=step, scalars=scalars, arrays={"maps": levels}))
    return frames


def layers_base(frames: list[Frame]) -> dict[str, Any]:
    names = ["code", *(f"{f.scalars['side']:.0f} × {f.scalars['side']:.0f}" for f in frames[1:])]
    sizes = [f.scalars["channels"] * f.scalars["side"] ** 2 for f in frames]
    return {
        **sheets.images_base(share=0.76),
        "layout": {
            "xaxis": {"type": "category", "title": "layer"},
            "yaxis": {"title": "numbers", "type": "log", "dtick": 1},
            "barmode": "overlay",
        },
        "traces": [
            bars("@muted", x=names, y=np.array(sizes, dtype=np.float32)),
            bars("@second", x=names),
        ],
    }


def layers_picture(frame: Frame, last: int) -> dict[str, Any]:
    """One layer's maps."""
    maps, s = frame.arrays["maps"], frame.scalars
    n, side = len(maps), maps.shape[1]
    if frame.step == 0:
        words = f"The code: {s['channels']:.0f} numbers, a map of one pixel and {s['channels']:.0f} channels."
    elif frame.step == last:
        words = f"Layer {frame.step}: one channel of {side} × {side} pixels, through tanh: the image."
    else:
        words = (
            f"Layer {frame.step}: {s['channels']:.0f} channels of {side} × {side}, the first {n} shown; black is "
            f"{number(s['low'])}, white {number(s['high'])}."
        )
    bars = np.full(last + 1, np.nan, dtype=np.float32)
    bars[frame.step] = s["channels"] * s["side"] ** 2
    return {"images": maps, "traces": {1: {"y": bars}}, "caption": words}


def path_base(shape: tuple[int, int], n: int, title: str) -> dict[str, Any]:
    """Images on a path through the codes, and D's score along it, as high as what their one row leaves of it."""
    rows, columns = shape
    top = 1 - 1.35 * rows / columns
    return {
        "layout": {
            "xaxis": {"title": title, "range": [-0.5, n - 0.5]},
            "yaxis": {"title": "D's logit of real", "domain": [0, top - 0.1]},
            **sheets.sheet_axes(shape, x=(0, 1), y=(top - 0.02, 1)),
        },
        "traces": [
            curve("@first"),
            sheets.OPEN,
            marks(marker={"size": 14, "color": "@second"}),
        ],
    }


def path_picture(frame: Frame, scores: np.ndarray, words: str) -> dict[str, Any]:
    at = np.arange(len(scores), dtype=np.float32)
    here = slice(frame.step, frame.step + 1)
    return {
        "sheet": frame.arrays["sheet"],
        "traces": {
            0: {"x": at, "y": scores.astype(np.float32)},
            2: {"x": at[here], "y": scores[here].astype(np.float32)},
        },
        "caption": f"{words} D's logit is {number(scores[frame.step])}.",
    }


def scores_base(shape: tuple[int, int]) -> dict[str, Any]:
    base = training_base(recorded=False)
    del base["images"]  # real and generated images with a gap between them: one sheet
    base["layout"]["xaxis"] |= {"domain": [0.68, 1]}
    base["layout"] |= sheets.sheet_axes(shape, x=(0, 0.6))
    return {**base, "traces": [*base["traces"], sheets.OPEN], "curve_sets": []}


if __name__ == "__main__":
    main()
