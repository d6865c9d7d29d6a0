"""PixelCNN++: grey images, and the mixture of logistics that each pixel is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engines.autoregressive.raster import RasterModel
from engines.engine import Frame
from engines.maths.levels import bin_log_mass, mixture_parts
from engines.run import Run
from pages.autoregressive import fills, pixelcnn_pp_notes
from pages.catalogue import entry
from pages.ui import board, shipped
from pages.ui.live import Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.page import page
from pages.ui.traces import bars, curve, marks

LEVELS = 256
GRID = np.arange(LEVELS, dtype=np.float32)
FIRST = 3  # the fill's own traces come before: distribution, outline, pixel
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LAYERS = (*fills.LAYERS, ("bins", "P of each level"), ("components", "Components"))
ROW = fills.row(3)
VIEWS = {"fill": ("Complete a hidden part", (ROW, fills.HIDE, fills.images(), fills.TEMPERATURE, fills.SEED))}


def main() -> None:
    notes = pixelcnn_pp_notes
    with page(entry("pixelcnn-pp"), VIEWS, why=notes.WHY, questions=notes.QUESTIONS) as chosen:
        model, drawn = shipped.model("pixelcnn_pp"), board.drawn("pixelcnn-pp")
        image = fills.test_image("mnist", chosen["row"]) if drawn is None else fills.bytes_of(drawn)
        fills.fill(
            "pixelcnn-pp", model, chosen, of=(), image=fills.levels(model, image), mask=fills.hidden(chosen["hide"]),
            scene=scene_of, layers=LAYERS, changes=(fills.WARMTHS, fills.SEEDS), edit=True,
            code=fills.code_of("pixelcnn_pp", row=chosen["row"]) if drawn is None else "",
        )  # fmt: skip
        board.kept("pixelcnn-pp", "Draw an image of your own", "Clear the board to go back to the test image.")
        notes.measured()


def scene_of(run: Run) -> Live:
    """The stage of a fill with the mixture behind the pixel at hand."""
    engine: Any = run.engine
    picture, n, order = engine.data, engine.config.n, engine.filling.order
    base = fills.base(picture, n, order)
    n_components = picture.model.config.n_components
    base["layout"]["xaxis"] |= {"domain": [0.805, 1], "title": "level", "range": [-4, 259]}
    base["layout"]["yaxis"] |= {"type": "log", "range": [-5, 0.05], "dtick": 1, "exponentformat": "power"}
    base["layout"]["xaxis2"]["domain"] = [0, 0.72]
    base["beside"] |= {"most": 0.72, "gap": 0.085}
    base["traces"][0] = bars("@first", width=1, layer="bins")
    base["traces"] += [curve(f"@c{k}", dash=DASHES[k % 5], layer="components") for k in range(n_components)]
    base["traces"].append(marks(layer="drawn", marker={"symbol": "triangle-down", "size": 15, "color": "@second"}))

    def draw(frame: Frame) -> dict[str, Any]:
        drawn = fills.draw(frame, picture, order)
        position = int(frame.scalars["position"])
        if position >= 0 and "parameters" in frame.arrays:
            row, column = divmod(position, fills.SIDE)
            drawn["traces"] |= curves(frame.arrays["parameters"][0], int(frame.arrays["images"][0, row, column]))
        return drawn

    def ask(frame: Frame, pick: dict[str, Any]) -> Any:
        images = frame.arrays["images"]
        asked = fills.pixel_of(pick, n)
        if asked is None:
            position = int(frame.scalars["position"])
            if position < 0 or "parameters" not in frame.arrays:
                return fills.so_far(frame)
            row, column = divmod(position, fills.SIDE)
            heading = {"text": f"Completion 1, row {row + 1}, column {column + 1}:"}
            return [
                heading,
                *mixture_blocks(frame.arrays["parameters"][0], int(images[0, row, column]), model=picture.model),
            ]
        found = fills.explain(frame, pick, picture, order, ())
        image, row, column = asked
        parameters = picture.model.parameters(images[image][None])[0, :, row, column].cpu().numpy()
        value = int(images[image, row, column])
        known = not found["blocks"][0]["text"].endswith("not drawn yet.")
        found["blocks"] = [found["blocks"][0], *mixture_blocks(parameters, value, model=picture.model, known=known)]
        found["traces"] = curves(parameters, value if known else -1)
        mean = float((np.exp(log_probs(parameters)) * GRID).sum())
        found["tip"] = f"mean level {mean:.0f}" + (f", is {value}" if known else "")
        return found

    return Live(run=run, base=base, draw=draw, explain=ask, again=scene_of)


def parts(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    r"""\pi, \mu, s in levels, and the mass of each component in every bin (M, 256), of one pixel's numbers (3M,)."""
    log_weight, mean, log_scale = (part[0] for part in mixture_parts(torch.tensor(np.array(parameters))[None]))
    x = torch.arange(LEVELS)[None, :]
    mass = bin_log_mass(x, mean[:, None], log_scale[:, None], LEVELS).exp()
    half = (LEVELS - 1) / 2
    return log_weight.exp().numpy(), (mean.numpy() + 1) * half, log_scale.exp().numpy() * half, mass.numpy()


def log_probs(parameters: np.ndarray) -> np.ndarray:
    weight, _, _, mass = parts(parameters)
    return np.log(np.maximum((weight[:, None] * mass).sum(axis=0), 1e-30))


def curves(parameters: np.ndarray, value: int) -> dict[int, dict[str, Any]]:
    """Bars of P, each component's share as a curve over the bins, and a mark at the level drawn."""
    weight, _, _, mass = parts(parameters)
    shares = weight[:, None] * mass
    total = shares.sum(axis=0)
    found: dict[int, dict[str, Any]] = {0: {"x": GRID, "y": total.astype(np.float32)}}
    for k, share in enumerate(shares):
        found[FIRST + k] = {"x": GRID, "y": share.astype(np.float32)}
    at = np.array([value] if value >= 0 else [], dtype=np.float32)
    found[FIRST + len(shares)] = {"x": at, "y": total[at.astype(int)].astype(np.float32)}
    return found


def mixture_blocks(parameters: np.ndarray, value: int, *, model: RasterModel, known: bool = True) -> Blocks:
    weight, mean, scale, mass = parts(parameters)
    at = value if known else round(float((weight[:, None] * mass * GRID).sum()))
    order = np.argsort(-weight)
    table = [["component", "π", "μ", "s", f"mass in bin {at}"]]
    table += [
        [str(k + 1), f"{weight[k]:.3f}", f"{mean[k]:.1f}", f"{scale[k]:.2f}", f"{mass[k, at]:.4f}"] for k in order
    ]
    chance = float((weight * mass[:, at]).sum())
    network: Any = model.network
    width = network.out.in_channels
    numbers = 3 * model.config.n_components
    return [
        formula(r"P(x) = \sum_i \pi_i \left[\sigma(u_i^+) - \sigma(u_i^-)\right]"),
        formula(r"u_i^\pm = (x \pm \tfrac12 - \mu_i) / s_i"),
        {"table": table},
        formula(rf"P({at}) = {number(chance, tex=True)}, \quad -\log P = {number(-np.log(chance), tex=True)}"),
        {"text": f"in nats; μ and s in levels. The mixture takes {numbers} numbers a pixel and a last layer of "
                 f"{(width + 1) * numbers:,} weights; a softmax over 256 levels would take 256 and "
                 f"{(width + 1) * 256:,}, and not know that 127 lies beside 128."},
    ]  # fmt: skip


if __name__ == "__main__":
    main()
