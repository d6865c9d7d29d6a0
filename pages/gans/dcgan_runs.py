"""From the page's settings to what the player shows: a recorded training, one that learns now, the shipped networks."""

from __future__ import annotations

import threading
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

import engines
from engines import checkpoints, data, devices
from engines.engine import Frame
from engines.gans.dcgan import DCGAN, GAP, draw_codes
from engines.recorded import Recorded
from engines.run import Run
from pages.autoencoders.images import images
from pages.gans import dcgan_pictures
from pages.ui import sheets
from pages.ui.live import SLOTS, Blocks
from pages.ui.maths import number
from pages.ui.stage import Scene

VARIANTS = {"mnist": "", "fashion": "fashion"}
N_CODES = 64  # of which the viewer chooses
WALK = 25  # images of a walk
FRAME_INTERVAL = 1.0  # seconds, of a run at full speed
_loading = threading.Lock()


def model(name: str) -> DCGAN:
    """The shipped networks for a set of images, loaded once."""
    with _loading:
        return _shipped(name)


@lru_cache(maxsize=2)
def _shipped(name: str) -> Any:
    return engines.pretrained("dcgan", VARIANTS[name])


@lru_cache(maxsize=2)
def recorded_frames(name: str) -> tuple[Frame, ...]:
    """The frames that the training left, 3 MB each."""
    return tuple(checkpoints.load_frames(checkpoints.folder("dcgan", VARIANTS[name]) / checkpoints.FRAMES))


@lru_cache(maxsize=2)
def card(name: str) -> dict[str, Any]:
    """The card of the shipped model; its metrics are over 5,000 samples."""
    return dict(checkpoints.read(checkpoints.folder("dcgan", VARIANTS[name])).card)


def film(name: str) -> Scene:
    """The recorded training: the same 64 codes at every step."""
    return training_scene(Run(Recorded(recorded_frames(name)), slots=SLOTS))


def live_scene(name: str, **settings: Any) -> Scene:
    """Networks that start to learn now."""
    hosted = devices.hosted()
    engine = engines.create("dcgan", data=images(name), n_steps=2_000 if hosted else 50_000, **settings)
    return training_scene(Run(engine, slots=SLOTS, frame_interval=FRAME_INTERVAL))


def training_scene(run: Run) -> Scene:
    first = run.history.last
    side = 28 if first is None else round(first.arrays["samples"].shape[1] ** 0.5)
    recorded = isinstance(run.engine, Recorded)
    judged = recorded and "frechet" in run.engine.frames[-1].scalars
    return Scene(
        run=run,
        base=dcgan_pictures.training_base(side, recorded=recorded, judged=judged),
        draw=dcgan_pictures.training_picture,
        explain=lambda frame, _: dcgan_pictures.training_numbers(frame),
        again=training_scene,
    )


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


def layers_scene(name: str, seed: int, i: int) -> Scene:
    """The generator's maps for one code, a layer a step."""
    maps = [map_[0].cpu().numpy() for map_ in model(name).maps(codes(name, seed)[i : i + 1])]
    frames = dcgan_pictures.layers_frames(maps)
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=dcgan_pictures.layers_base(frames),
        draw=partial(dcgan_pictures.layers_picture, last=len(frames) - 1),
        explain=lambda frame, _: layer_numbers(frame, model(name)),
    )


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
    rows += [["channels", f"{layer.in_channels} to {layer.out_channels}"], ["kernel", f"{kernel} x {kernel}"]]
    rows += [["stride", f"1/{stride}"], ["padding", str(padding)], ["weights", f"{n:,}"]]
    side = int(frame.scalars["side"])
    return [
        {"table": rows},
        {"text": f"Size: ({before} - 1) x {stride} - 2 x {padding} + {kernel} = {side}."},
        {"text": "Open Transposed convolution to do one by hand."},
    ]


def walk_scene(name: str, seed: int, start: int, end: int) -> Scene:
    """From one code to another along a great circle, so that every code on the way is as likely as its ends."""
    engine, z = model(name), codes(name, seed)
    shares = torch.linspace(0, 1, WALK)
    path = slerp(z[start], z[end], shares)
    made = as_bytes(engine.decode(path))
    ends = as_bytes(engine.decode(z[[start, end]]))

    def words(frame: Frame) -> str:
        return f"{100 * frame.scalars['share']:.0f} % of the way from code {start} to code {end}."

    return path_scene(engine, path, lambda i: [ends[0], made[i], ends[1]], shares, words, "step of the walk")


def arithmetic_scene(name: str, seed: int, a: int, b: int, c: int) -> Scene:
    """c + t (a - b): what tells a from b, put onto c, from none of it to all."""
    engine, z = model(name), codes(name, seed)
    shares = torch.linspace(0, 1, WALK)
    path = z[c] + shares[:, None] * (z[a] - z[b])
    made, given = as_bytes(engine.decode(path)), as_bytes(engine.decode(z[[a, b, c]]))

    def words(frame: Frame) -> str:
        return f"a is code {a}, b code {b}, c code {c}; at the right c + {frame.scalars['share']:.2f} (a − b)."

    return path_scene(engine, path, lambda i: [*given, made[i]], shares, words, "step to c + a − b")


def path_scene(engine: DCGAN, path: torch.Tensor, row: Any, shares: torch.Tensor, words: Any, title: str) -> Scene:
    scores = engine.score(engine.decode(path)).cpu().numpy()
    frames = [
        Frame(
            step=i,
            scalars={"share": float(share), "logit": float(scores[i])},
            arrays={"sheet": sheets.sheet(np.stack(row(i)), len(row(i)))},
        )
        for i, share in enumerate(shares)
    ]
    return Scene(
        run=Run(Recorded(frames), slots=SLOTS),
        base=dcgan_pictures.path_base(frames[0].arrays["sheet"].shape, len(frames), title),
        draw=lambda frame: dcgan_pictures.path_picture(frame, scores, words(frame)),
        explain=lambda frame, _: path_numbers(frame, path, engine.config.switches),
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


def scores_scene(name: str, seed: int, drawn: np.ndarray | None) -> Scene:
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
        scalars["drawn"] = float(torch.sigmoid(engine.score(torch.as_tensor(drawn, dtype=torch.float32)[None])))
    frame = Frame(
        step=0, scalars=scalars, arrays={"sheet": both, "score_real": probability[0], "score_fake": probability[1]}
    )
    return Scene(
        run=Run(Recorded([frame]), slots=SLOTS),
        base=dcgan_pictures.scores_base(both.shape),
        draw=lambda frame: scores_picture(frame),
        explain=lambda frame, _: scores_numbers(frame),
    )


def scores_picture(frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    words = (
        f"Upper half: real test images, lower half: generated ones, the most convincing of 64 first. D gives real ones "
        f"{s['real']:.2f} on average, generated ones {s['fake']:.2f}."
    )
    if "drawn" in s:
        words += f" Your drawing: {s['drawn']:.3f}."
    patches = {}
    for i, key in enumerate(("score_real", "score_fake")):
        counts, _ = np.histogram(frame.arrays[key], bins=dcgan_pictures.BINS, range=(0, 1))
        patches[i] = {"y": counts.astype(np.float32)}
    return {"sheet": frame.arrays["sheet"], "traces": patches, "caption": words, "alt": words}


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
