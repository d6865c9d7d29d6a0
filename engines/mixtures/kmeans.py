r"""k-means (Lloyd 1982) as hard EM: the same two half-steps, with every point given wholly to one mean.

    E:  r_nk = 1 for the nearest mean, else 0        Bishop 2006, eq. 9.2
    M:  \mu_k = \sum_n r_nk x_n / \sum_n r_nk         eq. 9.4
    J = \sum_n \sum_k r_nk |x_n - \mu_k|^2, the inertia, falls in both                eq. 9.1

It is EM's limit for equal weights and one shared covariance \sigma^2 I as \sigma -> 0 (section 9.3.2): the
responsibilities become 0 and 1, and both stretch and size of the clusters are lost. The frames carry that
mixture's weights and round covariances, \sigma^2 = J / (N D), so that the two can be drawn alike.
An empty cluster keeps its mean.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from engines.engine import Frame
from engines.mixtures.mixture import Mixture, MixtureConfig
from engines.mixtures.start import choose_means

CHUNK = 1 << 16


class KMeans(Mixture):
    """Lloyd's algorithm on ``data`` (N, D), in float64."""

    name: ClassVar[str] = "kmeans"
    Config: ClassVar[type] = MixtureConfig

    def __init__(self, config: MixtureConfig, *, data: Any, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self.means = choose_means(self.data, config.init, config.n_components, config.means, self.generator)
        self._settled = False
        self._nearest, self.inertia = assign(self.data, self.means)  # what the next E step publishes
        self._assigned: Tensor | None = None  # (N,); None before the first E step

    def _e_step(self) -> None:
        """Every point to its nearest mean."""
        before, self._assigned = self._assigned, self._nearest
        self._settled = before is not None and bool((before == self._assigned).all())
        self.phase = "E"

    def _m_step(self) -> None:
        """Every mean to the middle of its points."""
        assert self._assigned is not None
        counts = torch.bincount(self._assigned, minlength=len(self.means)).to(self.data.dtype)  # (K,)
        sums = torch.zeros_like(self.means).index_add_(0, self._assigned, self.data)
        held = counts > 0
        self.means = torch.where(held[:, None], sums / counts.clamp_min(1)[:, None], self.means)
        self._nearest, self.inertia = assign(self.data, self.means)
        self.phase = "M"

    @property
    def done(self) -> bool:
        """No point changed hands, so no mean will move again."""
        return (self.phase == "E" and self._settled) or (
            self.phase == "M" and self.iteration >= self.config.max_iterations
        )

    def frame(self) -> Frame:
        """Scalars iteration and inertia (squared units of the data, after the latest half-step); arrays as
        of the mixture engine, with responsibilities (M, K) of zeros and ones.
        """
        n_points, n_dims = self.data.shape
        k = len(self.means)
        if self._assigned is None:
            counts = torch.full((k,), n_points / k, dtype=torch.float64)
            shares = torch.full((len(self.shown), k), 1 / k)
            inertia = self.inertia
        else:
            counts = torch.bincount(self._assigned, minlength=k).to(torch.float64)
            shares = torch.nn.functional.one_hot(self._assigned[torch.from_numpy(self.shown).to(self.device)], k)
            inertia = float((self.data - self.means[self._assigned]).square().sum())
        arrays = {
            "weights": torch.full((k,), 1 / k, dtype=torch.float64),
            "means": self.means,
            "counts": counts,
            "responsibilities": shares.to(torch.float32),
        }
        if n_dims <= 64:
            covariance = inertia / (n_points * n_dims) * torch.eye(n_dims, dtype=torch.float64)
            arrays["covariances"] = covariance.expand(k, n_dims, n_dims)
        return self.framed({"inertia": inertia}, arrays)

    def state_dict(self) -> dict[str, Any]:
        assigned = self._assigned if self._assigned is not None else torch.empty(0, dtype=torch.int64)
        return {
            "iteration": self.iteration,
            "phase": self.phase,
            "settled": self._settled,
            "means": self.means.clone(),
            "assigned": assigned.clone(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["means"].shape != self.means.shape:
            raise ValueError(
                f"the state has means of shape {tuple(state['means'].shape)} and this run {tuple(self.means.shape)}: "
                "start again to change the number of components or dimensions"
            )
        self.means = state["means"].to(self.device, torch.float64).clone()
        self.iteration, self.phase = int(state["iteration"]), str(state["phase"])
        self._settled = bool(state["settled"])
        self._assigned = state["assigned"].to(self.device).clone() if self.phase != "start" else None
        self.generator.set_state(state["generator"].cpu())
        self._nearest, self.inertia = assign(self.data, self.means)


def assign(x: Tensor, means: Tensor) -> tuple[Tensor, float]:
    """The nearest mean of every point and the sum of squared distances to it: (N, D), (K, D) -> (N,), float."""
    nearest = torch.empty(len(x), dtype=torch.int64, device=x.device)
    inertia = 0.0
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        squares = torch.cdist(part, means, compute_mode="donot_use_mm_for_euclid_dist").square()  # (c, K)
        least = squares.min(dim=1)
        nearest[start : start + CHUNK] = least.indices
        inertia += float(least.values.sum())
    return nearest, inertia
