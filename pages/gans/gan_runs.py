"""From the page's settings to games on the stage, and one step of a game in numbers."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

import engines
from engines import data
from engines.data.dataset import Dataset
from engines.engine import Frame
from engines.gans import objectives
from engines.gans.gan2d import CELLS, FIELD, SPAN
from engines.gans.objectives import LOGISTIC
from engines.maths import samples
from engines.run import Run
from pages.gans import gan_pictures
from pages.ui.hand import index
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.reel import Reel

FRAME_INTERVAL = 0.1  # seconds at full speed: ten pictures, about 4 ms each
N_POINTS = 10_000  # enough for the Jensen-Shannon divergence to mean something


@lru_cache(maxsize=10)
def points_of(name: str) -> Dataset:
    return data.load(name, n=N_POINTS)


@lru_cache(maxsize=10)
def floor_of(name: str) -> float:
    """The Jensen-Shannon divergence, as it is counted here, of these points from as many others of the same source."""
    one, other = points_of(name).x, data.load(name, n=N_POINTS, seed=1).x
    shares = [shares_of(x) for x in (one, other)]
    return samples.jensen_shannon(*shares, n_p=len(one), n_q=len(other))


def shares_of(x: np.ndarray) -> np.ndarray:
    """How the points lie over the cells of the plane."""
    return samples.cells(x, low=-SPAN, high=SPAN, n=CELLS)


def game(points: Dataset | np.ndarray, name: str = "", **settings: Any) -> Live:
    """The game on these points, an empty stage where there are none; settings are those of the engine."""
    if not len(points.x if isinstance(points, Dataset) else points):
        words = "No points yet. Choose Add points above the stage, then click on it."
        still = {"caption": words}
        return Live(run=Reel([Frame(step=0)]), base=gan_pictures.still_base(), draw=lambda _: still)
    engine = engines.create("gan2d", data=points, **settings)
    ships = bool(name) and isinstance(points, Dataset)
    made = game_of(Run(engine, slots=SLOTS, frame_interval=FRAME_INTERVAL), floor_of(name) if ships else None)
    made.data_code = f"from engines.data import load\ndata = load({name!r}, n={N_POINTS})" if ships else ""
    return made


def game_of(run: Run, floor: float | None) -> Live:
    """How a game is drawn and explained."""
    engine: Any = run.engine
    real = engine.shown_real.cpu().numpy()
    truth = engine.truth
    p = gan_pictures.data_density(truth, shares_of(engine.x.cpu().numpy()))
    base = gan_pictures.base(truth, engine.config.objective)
    base |= {"cloud": gan_pictures.cloud(real), "points": len(real), "pick": {"point": 0}}
    return Live(
        run=run,
        base=base,
        draw=lambda frame: gan_pictures.picture(frame, objective_at(run, frame.step), len(real), p),
        explain=partial(explain, run=run, real=real, p=p, floor=floor),
        again=lambda other: game_of(other, floor),
    )


def objective_at(run: Run, step: int) -> str:
    """The objective that made the frame of ``step``, which may have changed since."""
    return str(run.config_at(step - 1).objective)


def explain(
    frame: Frame, pick: dict[str, Any], *, run: Run, real: np.ndarray, p: np.ndarray, floor: float | None
) -> Blocks:
    """A real and a generated point: target, D's answer, cross-entropy; both losses and V over all that are shown."""
    objective = objective_at(run, frame.step)
    fake = frame.arrays["fake"]
    i, j = (index(pick.get(key, pick.get(other, 0)), n) for key, other, n in
            (("point", "component", len(real)), ("component", "point", len(fake))))  # fmt: skip
    logit_real, logit_fake = (
        torch.tensor(frame.arrays[key], dtype=torch.float64) for key in ("logit_real", "logit_fake")
    )
    pair = (("real", real[i], 1, float(logit_real[i])), ("generated", fake[j], 0, float(logit_fake[j])))
    said = objectives.discriminator_loss(objective, logit_real=logit_real, logit_fake=logit_fake)
    asked = objectives.generator_loss(objective, logit_fake=logit_fake)
    said_of = f"Real point {i + 1} of {len(real)}, generated point {j + 1} of {len(fake)}. Click others to see them."
    blocks: Blocks = [{"text": f"Round {frame.scalars['round']:.0f}. {said_of}"}]
    if objective in LOGISTIC:
        rows = [["point", "at", "target t", "D's output y", "cross-entropy, nats"]]
        for name, where, t, logit in pair:
            y = 1 / (1 + np.exp(-logit))
            cost = np.logaddexp(0, -logit if t else logit)  # -t log y - (1 - t) log(1 - y)
            rows.append([name, f"({where[0]:.2f}, {where[1]:.2f})", str(t), number(y), number(cost)])
        blocks.append({"table": rows})
        real_sum = float(np.logaddexp(0, -logit_real.numpy()).sum())
        fake_sum = float(np.logaddexp(0, logit_fake.numpy()).sum())
        v = float(objectives.value(logit_real=logit_real, logit_fake=logit_fake))
        saturating = float(objectives.generator_loss("minimax", logit_fake=logit_fake))
        other = float(objectives.generator_loss("non-saturating", logit_fake=logit_fake))
        blocks += [
            formula(r"-\sum_i \big[ t_i \log y_i + (1-t_i)\log(1-y_i) \big]"),
            formula(rf"= {number(real_sum, tex=True)} + {number(fake_sum, tex=True)} = "
                     rf"{number(real_sum + fake_sum, tex=True)}"),
            {"text": f"D's loss as the sum over all {len(real)} real and {len(fake)} generated points shown."},
            formula(rf"\tfrac1n \sum \log(1 - D(G(z))) = {number(saturating, tex=True)}"),
            formula(rf"-\tfrac1n \sum \log D(G(z)) = {number(other, tex=True)}"),
            {"text": "G's loss in both forms: saturating, and non-saturating."},
            formula(rf"V(D, G) = {number(v, tex=True)}"),
            formula(rf"-\log 4 = {number(-np.log(4), tex=True)}\ \text{{where D cannot tell}}"),
        ]  # fmt: skip
    else:
        rows = [["point", "at", "D's number"]]
        rows += [[name, f"({where[0]:.2f}, {where[1]:.2f})", number(logit)] for name, where, _, logit in pair]
        blocks += [
            {"table": rows},
            formula(rf"L_D = {number(float(said), tex=True)}, \qquad L_G = {number(float(asked), tex=True)}"),
            {"text": "Both losses over the points shown, without penalty."},
        ]
    truth = run.engine.truth if run.engine is not None else None  # type: ignore[attr-defined]
    if truth is not None and objective in LOGISTIC:
        best = gan_pictures.best(frame, p)
        rows = [["point", "D", "best D = p/(p+q)"]]
        for name, where, _, logit in pair:
            cell = np.clip(((where + SPAN) * FIELD / (2 * SPAN)).astype(int), 0, FIELD - 1)
            rows.append([name, number(1 / (1 + np.exp(-logit))), number(float(best[cell[1], cell[0]]))])
        blocks.append({"table": rows})
    if floor is not None:
        js = f"Jensen-Shannon divergence {number(frame.scalars['js'])} nats; two sets of {N_POINTS:,} drawn alike from "
        blocks.append({"text": f"{js}these data have {number(floor)}, sets with nothing in common log 2 = 0.693."})
    pull = float(np.linalg.norm(frame.arrays["pull"], axis=1).mean())
    blocks.append({"text": f"Mean length of what G's loss asks of a point: {number(pull)}."})
    return blocks


def saddle(**settings: Any) -> Live:
    """Two players on a saddle; settings are those of the engine."""
    return saddle_of(Run(engines.create("equilibrium", **settings), slots=SLOTS))


def saddle_of(run: Run) -> Live:
    return Live(
        run=run,
        base=gan_pictures.saddle_base(),
        draw=gan_pictures.saddle_picture,
        explain=lambda frame, _: saddle_numbers(frame, run),
        again=saddle_of,
    )


def saddle_numbers(frame: Frame, run: Run) -> Blocks:
    from engines.gans.equilibrium import slopes

    config = run.config_at(frame.step - 1)
    x, y = frame.scalars["x"], frame.scalars["y"]
    f_x, f_y = slopes(config)(x, y)
    h = config.learning_rate
    blocks: Blocks = [
        formula(
            rf"\partial f/\partial x = {number(f_x, tex=True)},\quad \partial f/\partial y = {number(f_y, tex=True)}"
        )
    ]
    if config.form == "bilinear" and config.method != "alternating":
        factor = np.sqrt(1 + h * h) if config.method == "simultaneous" else np.sqrt(1 - h * h + h**4)
        under = r"\sqrt{1+h^2}" if config.method == "simultaneous" else r"\sqrt{1-h^2+h^4}"
        blocks.append(
            formula(rf"\frac{{\text{{distance after}}}}{{\text{{distance before}}}} = {under} = {factor:.4f}")
        )
    elif config.form == "bilinear":
        kept = x * x + y * y - h * x * y
        blocks.append(formula(rf"x^2 + y^2 - h x y = {number(kept, tex=True)}\ \text{{at every step}}"))
    return blocks
