r"""A character n-gram model: text drawn letter by letter, each from what followed the last n - 1 letters in the data.

    p(text) = \prod_i p(letter_i | the n - 1 letters before it)              Shannon 1948, section 3

The conditional probabilities are smoothed (`engines/maths/chains.py`), so no letter is ever impossible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from engines import checks
from engines.engine import Engine, Frame
from engines.maths.chains import Chain, count

VERSE = Path(__file__).resolve().parents[2] / "assets" / "learning" / "verse.txt"


@lru_cache(maxsize=1)
def verse() -> str:
    """English verse in the public domain: sonnets by Shakespeare, Blake, Wordsworth, Shelley, Keats, Rossetti."""
    return VERSE.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class NGramConfig:
    order: int = 4  # n: letters that hang together
    n_steps: int = 400  # letters drawn
    seed: int = 0

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "order", "n_steps")


class NGram(Engine):
    """Draws text; ``data`` is the text to learn from, or nothing for the verse that ships."""

    name: ClassVar[str] = "ngram"
    Config: ClassVar[type] = NGramConfig

    def __init__(self, config: NGramConfig, *, data: str | None = None, device: str = "cpu") -> None:
        self.config, self.device = config, device
        self.data = verse() if data is None else data
        if not self.data:
            raise ValueError("the text is empty: give some letters to learn from")
        self.chain = _chain(self.data, config.order)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.text = ""
        self.log_prob_sum = 0.0

    def step(self) -> None:
        """One letter."""
        if self.done:
            return
        p = self.chain.probabilities(self.text)
        i = int(torch.multinomial(torch.tensor(p), 1, generator=self.generator))
        self.text += str(self.chain.symbols[i])
        self.log_prob_sum += math.log(p[i])

    @property
    def done(self) -> bool:
        return len(self.text) >= self.config.n_steps

    def log_prob(self, texts: Sequence[str]) -> np.ndarray:
        """log p of each text in nats; -inf where it holds a letter that the data do not: (B,)."""
        return np.array([self._log_prob(text) for text in texts])

    def _log_prob(self, text: str) -> float:
        total = 0.0
        for i, letter in enumerate(text):
            if letter not in self.chain.symbols:
                return -math.inf
            total += math.log(self.chain.probabilities(text[:i])[self.chain.symbols.index(letter)])
        return total

    def frame(self) -> Frame:
        """``text`` so far as code points, ``probabilities`` (V,) of the next letter, ``symbols`` (V,) as code points;
        scalars ``remembered``, the letters of context that the data held, and ``nats``, the mean cost of a letter.
        """
        scalars: dict[str, float] = {"remembered": self.chain.remembered(self.text), "letters": len(self.text)}
        if self.text:
            scalars["nats"] = -self.log_prob_sum / len(self.text)
        return Frame(
            step=len(self.text),
            phase="letter" if self.text else "start",
            scalars=scalars,
            arrays={
                "text": np.array([ord(letter) for letter in self.text], dtype=np.int32),
                "probabilities": self.chain.probabilities(self.text),
                "symbols": np.array([ord(str(symbol)) for symbol in self.chain.symbols], dtype=np.int32),
            },
        )

    def state_dict(self) -> dict[str, Any]:
        return {"text": self.text, "log_prob": self.log_prob_sum, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.text, self.log_prob_sum = str(state["text"]), float(state["log_prob"])
        self.generator.set_state(state["generator"])


@lru_cache(maxsize=8)
def _chain(text: str, order: int) -> Chain:
    return count([text], order=order)
