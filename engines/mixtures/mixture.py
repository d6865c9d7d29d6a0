"""What EM, k-means and variational inference share: points, two visible half-steps, and what a frame shows of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines import checks, devices
from engines.engine import Engine, Frame
from engines.maths import gaussians
from engines.mixtures.start import INITS, points_of
from engines.mixtures.survey import Features, Survey

GAP_POINTS = 1 << 18  # whose part of the gap is summed at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureConfig:
    n_components: int = 3  # K
    init: str = "kmeans++"
    means: tuple[tuple[float, ...], ...] = ()  # for init="given", one per component
    max_iterations: int = 200
    seed: int = 0
    shown: int = 2000  # points whose responsibilities a frame carries, evenly spaced over the data

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "n_components", "max_iterations", "shown")
        checks.known(self, init=INITS)
        if self.init == "given" and len(self.means) != self.n_components:
            given = len(self.means)
            raise ValueError(f"init 'given' needs {self.n_components} means, one per component; got {given}")


class Mixture(Engine):
    """Two half-steps in turn on ``data`` (N, D), in float64: `_e_step` shares the points out, `_m_step` moves the
    components; each says in ``phase`` that it was taken.
    """

    @classmethod
    def stand_in(cls, state: Mapping[str, Any]) -> np.ndarray | None:
        """The means (K, D) of a state: enough of data for a model that only scores and samples."""
        means = state.get("means")
        if means is None or means.ndim != 2:
            raise ValueError("the state lacks the tensor 'means' of shape (K, D)")
        return means.numpy().copy()

    def __init__(self, config: Any, *, data: Any, device: str = "auto") -> None:
        self.config = config
        self.device = devices.resolve(device, float64=True)
        self.data = points_of(data, config.n_components, self.device)  # (N, D)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.shown = np.unique(np.linspace(0, len(self.data) - 1, min(config.shown, len(self.data))).astype(int))
        self.iteration, self.phase = 0, "start"

    def step(self) -> None:
        """One half-step: E after the start or an M step, M after an E step."""
        if self.phase == "E":
            self._m_step()
        else:
            self.iteration += 1
            self._e_step()

    def _e_step(self) -> None:
        raise NotImplementedError

    def _m_step(self) -> None:
        raise NotImplementedError

    def framed(self, scalars: Mapping[str, float], arrays: Mapping[str, Tensor]) -> Frame:
        return Frame(
            step=2 * self.iteration - (self.phase == "E"),
            phase=self.phase,
            scalars={"iteration": self.iteration, **scalars},
            arrays=arrays,
        )


class SoftMixture(Mixture):
    """Points belong to every component in part. A model writes what both half-steps are made of: `_survey`, the pass
    over the data under some parameters (survey.py), and `_maximise`, the parameters from the sums of such a pass.
    """

    parameters: Any  # a dataclass of tensors, ``means`` (K, D) and ``covariances`` among them

    def __init__(self, config: Any, *, data: Any, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        self._features = Features(self.data, config.covariance_type)

    def begin(self, parameters: Any) -> None:
        """From these parameters, before the first E step."""
        self.iteration, self.phase, self._converged = 0, "start", False
        self.parameters = parameters
        self._previous = parameters  # those of the E step whose responsibilities show after an M step
        self._ready = self._survey(parameters)  # what the next half-steps publish
        self._responsibilities: Tensor | None = None  # (K, N); None before the first E step

    def _survey(self, parameters: Any) -> Survey:
        raise NotImplementedError

    def _maximise(self, survey: Survey) -> Any:
        raise NotImplementedError

    def objective(self) -> float:
        """What both half-steps raise, in nats; at the end by less than the tolerance a point."""
        raise NotImplementedError

    def settings_held(self) -> dict[str, Any]:
        """Settings under which the mixture converged: when they change, it may move again from where it had settled."""
        raise NotImplementedError

    def _e_step(self) -> None:
        r"""\gamma_nk for the present parameters; the survey made after the last M step holds them."""
        self._responsibilities = self._ready.responsibilities
        self._previous = self.parameters
        self.phase = "E"

    def _m_step(self) -> None:
        """Parameters from the responsibilities, then the survey that the next E step publishes."""
        before = self.objective()
        self.parameters = self._maximise(self._ready)
        self._ready = self._survey(self.parameters)
        self.phase = "M"
        self._converged = (self.objective() - before) / len(self.data) < self.config.tolerance

    @property
    def done(self) -> bool:
        return self.phase == "M" and (self._converged or self.iteration >= self.config.max_iterations)

    def gap(self) -> float:
        r"""\sum_n KL(\gamma_n || the present posterior of the components) in nats, which the next E step closes."""
        if self.phase != "M" or self._responsibilities is None:
            return 0.0
        gap = 0.0
        for start in range(0, len(self.data), GAP_POINTS):
            part = slice(start, start + GAP_POINTS)
            old, new = self._responsibilities[:, part], self._ready.responsibilities[:, part].clamp_min(1e-300)
            gap += float((torch.xlogy(old, old) - torch.xlogy(old, new)).sum())
        return gap

    def full_covariances(self) -> Tensor:
        """(K, D, D), whatever the type."""
        k, n_dims = self.parameters.means.shape
        return gaussians.to_full(self.parameters.covariances, self.config.covariance_type, k, n_dims)

    def shares(self, weights: Tensor) -> dict[str, Tensor]:
        """``counts`` (K,) of all points and ``responsibilities`` (M, K) of those ``shown``; before the first E step
        what the weights (K,) promise, and equal parts.
        """
        held = self._responsibilities
        if held is None:
            equal = torch.full((len(self.shown), len(weights)), 1 / len(weights))
            return {"counts": len(self.data) * weights, "responsibilities": equal}
        shown = held[:, torch.from_numpy(self.shown).to(held.device)].T
        return {"counts": held.sum(dim=1), "responsibilities": shown.to(torch.float32)}

    # -- saving ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        state = {"iteration": self.iteration, "phase": self.phase, "converged": self._converged, **self.settings_held()}
        for prefix, parameters in (("", self.parameters), ("previous.", self._previous)):
            state |= {prefix + field: getattr(parameters, field).clone() for field in parameters.__slots__}
        return {**state, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``, under this mixture's own settings; another size is a ValueError."""
        self.parameters, self._previous = [self._carried(state, prefix) for prefix in ("", "previous.")]
        self.iteration, self.phase = int(state["iteration"]), str(state["phase"])
        same = all(state[key] == value for key, value in self.settings_held().items())
        self._converged = bool(state["converged"]) and same
        self.generator.set_state(state["generator"].cpu())
        self._ready = self._survey(self.parameters)
        self._responsibilities = None
        if self.phase == "E":
            self._responsibilities = self._ready.responsibilities
        elif self.phase == "M":
            self._responsibilities = self._survey(self._previous).responsibilities

    def _carried(self, state: Mapping[str, Any], prefix: str) -> Any:
        """The parameters that a state holds; ValueError where they are of another size."""
        fields = self.parameters.__slots__
        for field in fields:
            found, wanted = tuple(state[prefix + field].shape), tuple(getattr(self.parameters, field).shape)
            if found != wanted:
                raise ValueError(
                    f"the state has {field} of shape {found} and this mixture {wanted}: start again to change the "
                    "number of components or dimensions, or the kind of prior"
                )
        made = (state[prefix + field].to(self.device, torch.float64).clone() for field in fields)
        return type(self.parameters)(*made)
