"""One step of a mixture in numbers: the page's equations with the values of the frame at hand in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engines.engine import Frame
from engines.maths import gaussians
from pages.ui.hand import index
from pages.ui.live import Blocks
from pages.ui.maths import formula, number

ABOVE_ONE: Blocks = [
    {"text": "A density is no probability, but one per unit of the data: where points lie close it is above 1 and its "
             "logarithm above 0. Its integral is 1."}
]  # fmt: skip


def mixture(frame: Frame, x: np.ndarray, pick: dict[str, Any]) -> Blocks:
    """Explain a point (how it is shared) or a component (what the M step makes of its share)."""
    if "component" in pick:
        return _component(frame, x, index(pick["component"], len(frame.arrays["means"])))
    return _point(frame, x, index(pick.get("point", 0), len(x)))


def shares_of(frame: Frame, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pi_k, N(x | k) and gamma_k of one point (2,) under the frame's parameters: three times (K,)."""
    weights, means, covariances = (torch.tensor(frame.arrays[n]) for n in ("weights", "means", "covariances"))
    x = torch.tensor(point, dtype=torch.float64)[None]
    density = gaussians.log_density(x, means, covariances).exp()[0]
    gamma = gaussians.responsibilities(x, weights, means, covariances)[0]
    return weights.numpy(), density.numpy(), gamma.numpy()


def _point(frame: Frame, x: np.ndarray, i: int) -> Blocks:
    weights, density, gamma = shares_of(frame, x[i])
    products = weights * density
    top, total = int(np.argmax(gamma)), products.sum()
    j = top + 1
    rows = [["k", "πₖ", "N(x | k)", "πₖ N(x | k)", "γₖ"]]
    rows += [
        [str(k + 1), number(weights[k]), number(density[k]), number(products[k]), f"{gamma[k]:.4f}"]
        for k in range(len(weights))
    ]
    rows.append(["sum", number(weights.sum()), "", number(total), f"{gamma.sum():.4f}"])
    place = f"({number(x[i][0])}, {number(x[i][1])})"
    return [
        {"text": f"Point {i} at {place}, with the parameters shown at step {frame.step}:"},
        {"table": rows},
        formula(
            rf"\gamma_{{{j}}} = \frac{{\pi_{{{j}}}\,N(x\mid\mu_{{{j}}},\Sigma_{{{j}}})}}"
            rf"{{\sum_k \pi_k\,N(x\mid\mu_k,\Sigma_k)}}"
        ),
        formula(
            rf"\gamma_{{{j}}} = \frac{{{number(products[top], tex=True)}}}{{{number(total, tex=True)}}}"
            rf" = {gamma[top]:.4f}"
        ),
        formula(rf"\log p(x) = \log {number(total, tex=True)} = {np.log(total):.3f}\ \text{{nats}}")
        if total > 0
        else {"text": "The density at this point is too small for a number: it is far from every component."},
        *ABOVE_ONE * bool(total > 1),
    ]


def _component(frame: Frame, x: np.ndarray, k: int) -> Blocks:
    arrays, j = frame.arrays, k + 1
    count, shares = arrays["counts"][k], arrays["responsibilities"][:, k].astype(np.float64)
    head = {"text": f"Component {j} at step {frame.step}."}
    now = {"table": _parameters(arrays["weights"][k], arrays["means"][k], arrays["covariances"][k])}
    if frame.phase == "start" or len(x) != round(arrays["counts"].sum()):
        # Some points are not on the stage: the sums would not be those of the whole data.
        return [head, formula(rf"N_{{{j}}} = \sum_n \gamma_{{n{j}}} = {count:.2f}"), now]
    held = shares.sum()
    if count == 0 or held == 0:
        return [head, {"text": "It holds no point, so the M step leaves it where it is:"}, now]
    new_mean = shares @ x / held
    offset = x - new_mean
    new_covariance = (shares[:, None] * offset).T @ offset / held
    return [
        head,
        formula(rf"N_{{{j}}} = \sum_n \gamma_{{n{j}}} = {held:.2f}"),
        formula(rf"\pi_{{{j}}} = \frac{{N_{{{j}}}}}{{N}} = \frac{{{held:.2f}}}{{{len(x)}}} = {held / len(x):.4f}"),
        formula(
            rf"\mu_{{{j}}} = \frac{{1}}{{N_{{{j}}}}}\sum_n \gamma_{{n{j}}}\,x_n"
            rf" = ({number(new_mean[0], tex=True)},\ {number(new_mean[1], tex=True)})"
        ),
        formula(
            rf"\Sigma_{{{j}}} = \frac{{1}}{{N_{{{j}}}}}\sum_n \gamma_{{n{j}}}"
            rf"(x_n-\mu_{{{j}}})(x_n-\mu_{{{j}}})^T = " + _matrix(new_covariance)
        ),
        {
            "text": "This M step has just made these the parameters (with the covariance in the chosen form):"
            if frame.phase == "M"
            else "The next M step will move the parameters from these to the values above:"
        },
        now,
    ]


def _parameters(weight: float, mean: np.ndarray, covariance: np.ndarray) -> list[list[str]]:
    return [
        ["", "shown now"],
        ["weight", f"{weight:.4f}"],
        ["mean", f"({number(mean[0])}, {number(mean[1])})"],
        ["variances", f"({number(covariance[0, 0])}, {number(covariance[1, 1])})"],
        ["covariance", number(covariance[0, 1])],
    ]


def _matrix(m: np.ndarray) -> str:
    cells = r" \\ ".join(" & ".join(number(v, tex=True) for v in row) for row in m)
    return rf"\begin{{pmatrix}} {cells} \end{{pmatrix}}"


def clusters(frame: Frame, x: np.ndarray, pick: dict[str, Any]) -> Blocks:
    """The same for k-means: squared distances, and the mean of what a cluster holds."""
    means = frame.arrays["means"]
    if "component" in pick:
        k = index(pick["component"], len(means))
        count = frame.arrays["counts"][k]
        return [
            {"text": f"Cluster {k + 1} at step {frame.step}."},
            formula(rf"N_{{{k + 1}}} = \sum_n r_{{n{k + 1}}} = {count:.0f}"),
            formula(rf"\mu_{{{k + 1}}} = ({number(means[k][0], tex=True)},\ {number(means[k][1], tex=True)})"),
        ]
    i = index(pick.get("point", 0), len(x))
    squares = np.square(means - x[i]).sum(axis=1)
    nearest = int(np.argmin(squares))
    rows = [["k", "|x − μₖ|²", "rₖ"]]
    rows += [[str(k + 1), number(squares[k]), "1" if k == nearest else "0"] for k in range(len(means))]
    return [
        {"text": f"Point {i} at ({number(x[i][0])}, {number(x[i][1])}), with the means shown at step {frame.step}:"},
        {"table": rows},
        formula(rf"\operatorname{{argmin}}_k |x-\mu_k|^2 = {nearest + 1}"),
    ]
