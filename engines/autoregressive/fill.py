r"""Filling what is hidden of an image, a pixel a step: x_i from p(x_i | x_1, ..., x_{i-1}), in the model's own order.

The model has learned already; what moves here is its use. Several completions are drawn side by side, from the same
known pixels and different random numbers. A fork from a step, with another seed, draws the pixels after it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from engines import checks
from engines.autoregressive.filling import Filling
from engines.autoregressive.raster import RasterModel
from engines.engine import Engine, Frame
from engines.maths.levels import tempered


@dataclass(frozen=True, slots=True, kw_only=True)
class FillConfig:
    n: int = 4  # completions
    temperature: float = 1.0
    labels: tuple[int, ...] = ()  # of a conditional model: a class for all completions, or one each
    then: tuple[int, ...] = ()  # other classes, from row ``turn`` on
    turn: int = 14
    seed: int = 0

    def __post_init__(self) -> None:
        checks.within(self, n=(1, 64))
        checks.zero_or_more(self, "seed", "turn")
        tempered(torch.zeros(1, 2), self.temperature)  # names an impossible one
        for name in ("labels", "then"):
            if len(getattr(self, name)) not in (0, 1, self.n):
                raise ValueError(f"{name} must hold one class, or one for each of {self.n} completions")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """What is to be filled, and by what: levels (H, W), true in ``mask`` (H, W) where they are hidden."""

    model: RasterModel
    image: np.ndarray
    mask: np.ndarray


class Fill(Engine):
    """Draws the hidden pixels of a `Picture`."""

    name: ClassVar[str] = "fill"
    Config: ClassVar[type] = FillConfig
    n_threads: ClassVar[int] = 1

    def __init__(self, config: FillConfig, *, data: Any = None, device: str = "auto") -> None:  # noqa: ARG002
        if not isinstance(data, Picture):
            raise ValueError("fill needs data=Picture(model=..., image=..., mask=...)")
        if not np.asarray(data.mask).any():
            raise ValueError("nothing is hidden: hide a part of the image, or there is nothing to fill in")
        self.config, self.data, self.device = config, data, data.model.device
        self._start()

    def _start(self) -> None:
        config, model = self.config, self.data.model
        generator = torch.Generator().manual_seed(config.seed)
        self.filling = Filling(
            model,
            config.n,
            uniform=torch.rand(config.n, model.config.size**2, generator=generator),
            given=self.data.image,
            mask=self.data.mask,
            label=config.labels or None,
            temperature=config.temperature,
        )
        self.nats = torch.zeros(config.n, dtype=torch.float64)  # of the pixels drawn, -log p at temperature 1
        self.probabilities: torch.Tensor | None = None
        self.parameters: torch.Tensor | None = None
        self.turned = False  # to the classes of ``then``

    def classes_at(self, step: int) -> tuple[int, ...]:
        """The classes that the pixel of this step was drawn for, one for all or one each; () without classes."""
        row = int(self.filling.order[max(0, step - 1)]) // self.data.model.config.size
        return self.config.then if self.config.then and row >= self.config.turn else self.config.labels

    def step(self) -> None:
        """One pixel of every completion."""
        if self.done:
            return
        row, column = divmod(int(self.filling.order[self.filling.at]), self.data.model.config.size)
        if not self.turned and self.config.then and row >= self.config.turn:
            self.turned = True
            self.filling.relabel(self.config.then)
        self.probabilities = self.filling.advance()
        self.parameters = self.filling.parameters
        drawn = self.filling.x[:, row, column].long()
        self.nats -= self.filling.log_probs.gather(1, drawn[:, None])[:, 0].double().cpu()

    @property
    def done(self) -> bool:
        return self.filling.done

    def frame(self) -> Frame:
        """``position`` of the pixel drawn last (-1 at the start), ``entropy`` of its distribution and ``surprise`` of
        all pixels drawn so far, in nats, means over the completions; ``images`` (n, H, W) levels and
        ``probabilities`` (n, L) that the pixel was drawn from; of a mixture also its ``parameters`` (n, 3M).
        """
        at = self.filling.at
        arrays: dict[str, Any] = {"images": self.filling.x.cpu().numpy()}
        scalars = {"position": float(self.filling.order[at - 1]) if at else -1.0, "surprise": float(self.nats.mean())}
        if self.probabilities is not None:
            arrays["probabilities"] = self.probabilities.cpu().numpy()
            if self.data.model.config.output == "logistic" and self.parameters is not None:
                arrays["parameters"] = self.parameters.cpu().numpy()
            scalars["entropy"] = float(torch.special.entr(self.probabilities).sum(dim=1).mean())
        return Frame(step=at, phase="pixel" if at else "start", scalars=scalars, arrays=arrays)

    def state_dict(self) -> dict[str, Any]:
        kept = {"at": self.filling.at, "images": self.filling.x.cpu().clone(), "nats": self.nats.clone()}
        if self.probabilities is not None:
            kept["probabilities"] = self.probabilities.clone()
        if self.parameters is not None:
            kept["parameters"] = self.parameters.clone()
        return kept

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; ValueError where it has another number of completions, or another size."""
        if tuple(state["images"].shape) != tuple(self.filling.x.shape):
            raise ValueError(
                f"the state holds images {tuple(state['images'].shape)}, this fill {tuple(self.filling.x.shape)}: "
                "start again to change their number"
            )
        self._start()
        self.filling.go_to(state["at"], state["images"])
        self.nats = state["nats"].clone()
        self.probabilities, self.parameters = state.get("probabilities"), state.get("parameters")
