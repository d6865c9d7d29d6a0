"""Images drawn pixel by pixel: what is hidden from what is known and what was drawn before (the chain rule at work)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.material import tensor_of
from engines.maths import levels as maths

if TYPE_CHECKING:
    from engines.autoregressive.raster import RasterModel


class Filling:
    """Images being drawn, a pixel at a time in raster order: what is hidden from what is known and what came before.

    ``uniform`` (n, P) in [0, 1) are all the random numbers there are: the same ones give the same images.
    """

    def __init__(
        self,
        model: RasterModel,
        n: int,
        *,
        uniform: Tensor,
        given: Any = None,
        mask: Any = None,
        label: Any = None,
        temperature: float = 1.0,
        cached: bool = True,
    ) -> None:
        size = model.config.size
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        if (given is None) != (mask is None):
            raise ValueError("given and mask go together: the known image, and where it is hidden")
        self.model, self.temperature, self.label = model, temperature, label
        self.uniform = uniform.to(model.device)
        if given is None:
            self.x = torch.zeros(n, size, size, dtype=torch.uint8, device=model.device)
            hidden = np.ones((size, size), dtype=bool)
        else:
            given = tensor_of(given)
            given = model._levels(given[None] if given.dim() == 2 and given.shape == (size, size) else given)
            if len(given) not in (1, n):
                raise ValueError(f"given must be one image or {n}, got {len(given)}")
            hidden = np.asarray(mask, dtype=bool)
            if hidden.shape != (size, size):
                raise ValueError(
                    f"mask must have shape ({size}, {size}), got {hidden.shape}: true where a pixel is hidden"
                )
            self.x = given.expand(n, size, size).clone()
            self.x[:, torch.from_numpy(hidden).to(model.device)] = 0  # what is hidden is not there to be seen
        self.chain = model.order
        self.order = self.chain[hidden.flat[self.chain]]  # raster positions to draw
        self.at = 0  # how many of them are drawn
        self._values = model._as_input(self.x)  # (n, 1, H, W), what the network reads; kept level with x
        maths.tempered(torch.zeros(1, 2), temperature)  # an impossible temperature is named here
        self._classes, self._cached = model._labels(label, n), cached
        self._read()

    def _read(self) -> None:
        """A reader that has read the image as it lies; from the next pixel drawn on, everything is read anew."""
        model = self.model
        with torch.no_grad():
            make = model.network.reader if self._cached else lambda *read: _Plain(model.network, *read)
            self._reader = make(self._values, self._classes)
        self._next = 0 if self.done else int(np.flatnonzero(self.chain == self.order[self.at])[0])

    def go_to(self, at: int, x: Tensor) -> None:
        """On from where the first ``at`` pixels were drawn as in ``x`` (n, H, W)."""
        self.at = at
        self.x.copy_(x)
        self._values.copy_(self.model._as_input(self.x))
        self._read()

    def relabel(self, label: Any) -> None:
        """Other classes from the next pixel on."""
        self._classes = self.model._labels(label, len(self.x))
        self._read()

    @property
    def done(self) -> bool:
        return self.at >= len(self.order)

    @torch.no_grad()
    def advance(self) -> Tensor:
        """Draw the next pixel of all n images; gives the probabilities it was drawn from: (n, L)."""
        if self.done:
            raise ValueError("nothing is left to draw")
        size, position = self.model.config.size, int(self.order[self.at])
        while (known := int(self.chain[self._next])) != position:
            self._reader.at(
                *divmod(known, size)
            )  # a known pixel after a drawn one: its features depend on what was drawn
            self._next += 1
        row, column = divmod(position, size)
        self.parameters = self._reader.at(row, column)  # (n, K)
        self.log_probs = self.model.log_probs_of(self.parameters)  # (n, L)
        self._next += 1
        probabilities = maths.tempered(self.log_probs, self.temperature)
        level = maths.draw(probabilities, self.uniform[:, position])
        self.x[:, row, column] = level.to(torch.uint8)
        self._values[:, 0, row, column] = level / (self.model.config.n_levels - 1)
        self.at += 1
        return probabilities


class _Plain:
    """The reader that keeps nothing: the whole image through the network for every pixel."""

    def __init__(self, network: nn.Module, x: Tensor, label: Tensor | None) -> None:
        self.network, self.x, self.label = network, x, label

    def at(self, row: int, column: int) -> Tensor:
        return self.network(self.x, self.label)[:, :, row, column]
