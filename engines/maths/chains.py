r"""Chains: the next symbol from the last few, with probabilities counted in data and smoothed by shorter memories.

    P_n(s|h) = (c(h, s) + T(h) P_{n-1}(s|h')) / (c(h) + T(h))       Witten & Bell 1991; Chen & Goodman 1999, eq. 19

c(h, s): how often s followed the context h; T(h): how many different symbols did; h': h without its oldest symbol. A
context that was never seen has c(h) = T(h) = 0 and leaves everything to the shorter one; below the last comes the
uniform distribution. So every context, seen or not, has probabilities that sum to one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

Symbol = Hashable
Context = tuple[Symbol, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """Counts of what followed every context of up to ``order`` - 1 symbols; made by `count`."""

    order: int  # symbols that hang together, the next one among them: 1 has no memory
    symbols: tuple[Symbol, ...]
    counts: dict[Context, Counter[Symbol]]

    def probabilities(self, past: Sequence[Symbol]) -> np.ndarray:
        """P(next | the last ``order`` - 1 symbols of ``past``), over ``symbols``: (V,), sums to 1."""
        p = np.full(len(self.symbols), 1 / len(self.symbols))
        memory = tuple(past[max(0, len(past) - self.order + 1) :]) if self.order > 1 else ()
        for length in range(len(memory) + 1):
            followers = self.counts.get(memory[len(memory) - length :])
            if not followers:
                break  # a longer context was not seen either
            seen = np.array([followers[symbol] for symbol in self.symbols], dtype=np.float64)
            kinds = np.count_nonzero(seen)
            p = (seen + kinds * p) / (seen.sum() + kinds)
        return p

    def remembered(self, past: Sequence[Symbol]) -> int:
        """How many of the last symbols make a context that the data held."""
        memory = tuple(past[max(0, len(past) - self.order + 1) :]) if self.order > 1 else ()
        return max(length for length in range(len(memory) + 1) if memory[len(memory) - length :] in self.counts)


def count(sequences: Sequence[Sequence[Symbol]], *, order: int) -> Chain:
    """The chain of these sequences; ValueError where the order is below 1 or beyond the longest of them."""
    longest = max((len(sequence) for sequence in sequences), default=0)
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}: 1 draws every symbol by its frequency alone")
    if order > longest:
        raise ValueError(
            f"order {order} is beyond the data, whose longest sequence has {longest:,} symbols: take a lower order"
        )
    counts: dict[Context, Counter[Symbol]] = defaultdict(Counter)
    for sequence in sequences:
        for i, symbol in enumerate(sequence):
            for length in range(min(order - 1, i) + 1):
                counts[tuple(sequence[i - length : i])][symbol] += 1
    symbols = tuple(sorted(counts[()], key=str))
    return Chain(order=order, symbols=symbols, counts=dict(counts))
