"""The same engine on images: a mixture over MNIST pixels, each component drawn as its mean and samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

import engines
from engines import data, devices
from engines.engine import Frame
from engines.history import History
from engines.maths import gaussians
from engines.maths.pca import PCA, fit_pca, project, reconstruct
from engines.run import Run
from pages.mixtures import gmm_numbers
from pages.mixtures.gmm_runs import caption
from pages.ui import palette
from pages.ui.live import SLOTS, Blocks, Live
from pages.ui.maths import formula, number
from pages.ui.sheets import images_base
from pages.ui.traces import bars

N_IMAGES = 4_000
SAMPLES = 4  # rows below the means
SIDE = 28


@lru_cache(maxsize=4)
def images(digit: str, dimensions: int) -> tuple[np.ndarray, PCA]:
    """MNIST pixels in 0..1 through PCA: codes (N, M) and the projection that leads back to pixels."""
    label = None if digit == "all" else int(digit)
    limit = min(N_IMAGES, devices.limits().max_points)
    pixels = data.images("mnist", labels=label, n=limit, seed=0).flat()
    pca = fit_pca(pixels, dimensions)
    return project(pca, pixels), pca


def code_of(digit: str, dimensions: int) -> str:
    """The lines of Python that make `images`."""
    label = None if digit == "all" else int(digit)
    limit = min(N_IMAGES, devices.limits().max_points)
    return (
        "from engines import data as sets\nfrom engines.maths.pca import fit_pca, project\n"
        f'pixels = sets.images("mnist", labels={label}, n={limit}, seed=0).flat()\n'
        f"data = project(fit_pca(pixels, {dimensions}), pixels)"
    )


def scene(digit: str, dimensions: int, **settings: Any) -> Live:
    """EM on the codes; frames become a sheet of images: one column a component, its mean above its samples."""
    codes, _ = images(digit, dimensions)
    made = scene_of(Run(engines.create("gmm", data=codes, **settings), slots=SLOTS), digit, dimensions)
    made.data_code = code_of(digit, dimensions)
    return made


def scene_of(run: Run, digit: str, dimensions: int) -> Live:
    """How a run on these images is drawn and explained."""
    codes, pca = images(digit, dimensions)
    engine: Any = run.engine
    k, init = engine.config.n_components, engine.config.init
    # The same noise at every step, so that what moves is what was learned.
    noise = torch.randn(SAMPLES, 1, dimensions, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    rows = ("mean", *(f"sample {i + 1}" for i in range(SAMPLES)))
    colours = [palette.component(j) for j in range(k)]
    base = {
        **images_base(columns=k, rows=rows, names=[str(j + 1) for j in range(k)], share=0.8),
        "layout": {"xaxis": {"title": "component", "dtick": 1}, "yaxis": {"title": "weight", "rangemode": "tozero"}},
        "traces": [bars(colours, x=list(range(1, k + 1)))],
        "curves": [{"scalar": "log_likelihood", "name": "log-likelihood", "colour": "@first"}],
        "curve_label": "nats",
        "components": k,
        "pick": {"component": 0},
    }
    history = run.history
    return Live(
        run=run,
        base=base,
        draw=lambda frame: _picture(frame, history, pca, noise, init),
        explain=lambda frame, pick: _explain(frame, pick, len(codes)),
        again=lambda other: scene_of(other, digit, dimensions),
    )


def cells(frame: Frame, pca: PCA, noise: torch.Tensor) -> np.ndarray:
    """Means, then samples of every component: bytes ((S + 1) K, 28, 28), row by row."""
    means, covariances = torch.tensor(frame.arrays["means"]), torch.tensor(frame.arrays["covariances"])
    factors = gaussians.cholesky(covariances)  # (K, M, M)
    samples = means + torch.einsum("kij,snj->ski", factors, noise)  # (S, K, M)
    codes = torch.cat([means[None], samples]).flatten(0, 1).numpy()  # ((S + 1) K, M)
    return np.rint(255 * np.clip(reconstruct(pca, codes), 0, 1)).astype(np.uint8).reshape(-1, SIDE, SIDE)


def _picture(frame: Frame, history: History[Frame], pca: PCA, noise: torch.Tensor, init: str) -> dict[str, Any]:
    weights = frame.arrays["weights"]
    labels = [f"{k + 1} · {100 * w:.0f} %" for k, w in enumerate(weights)]
    words = caption(frame, history, init, regularised=True)
    alt = f"Step {frame.step}. {words} Mean images and samples of {len(weights)} components: " + ", ".join(labels) + "."
    bars = {0: {"y": weights.astype(np.float32)}}
    return {"images": cells(frame, pca, noise), "traces": bars, "caption": words, "alt": alt}


def _explain(frame: Frame, pick: dict[str, Any], n_images: int) -> Blocks:
    k = gmm_numbers.index(pick.get("component"), len(frame.arrays["weights"]))
    count, weight = frame.arrays["counts"][k], frame.arrays["weights"][k]
    rows = [["k", "πₖ", "Nₖ"]]
    rows += [
        [str(j + 1), f"{w:.3f}", f"{c:.1f}"]
        for j, (w, c) in enumerate(zip(frame.arrays["weights"], frame.arrays["counts"], strict=True))
    ]
    spread = float(np.trace(frame.arrays["covariances"][k]))
    return [
        {"text": f"Component {k + 1} of {len(rows) - 1}, over {n_images} images, at step {frame.step}."},
        formula(rf"N_{{{k + 1}}} = \sum_n \gamma_{{n{k + 1}}} = {count:.1f},\quad \pi_{{{k + 1}}} = {weight:.3f}"),
        formula(rf"\mathrm{{tr}}\,\Sigma_{{{k + 1}}} = {number(spread, tex=True)}"),
        {"table": rows},
    ]


def sample_named(run: Run, digit: str, dimensions: int, seed: int) -> tuple[np.ndarray, int]:
    """One image of the mixture as it stands, 28 x 28 in 0..1, and the component that was drawn for it."""
    engine: Any = run.engine
    if engine is None:
        raise ValueError("the run has ended: press Restart")
    _, pca = images(digit, dimensions)
    x, component = engine.sample_with_components(1, generator=torch.Generator().manual_seed(seed))
    return np.clip(reconstruct(pca, x.cpu().numpy()), 0, 1).reshape(SIDE, SIDE), int(component[0])
