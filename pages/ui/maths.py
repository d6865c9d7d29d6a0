"""Formulas and numbers as the player shows them."""

from __future__ import annotations

import math
from functools import lru_cache


@lru_cache(maxsize=256)
def latex(formula: str) -> str:
    """LaTeX as MathML, which browsers draw themselves."""
    from latex2mathml.converter import convert

    return convert(formula, display="block")


def number(value: float, *, tex: bool = False) -> str:
    """Four significant digits, with a power of ten where that is shorter."""
    value = float(value)
    if math.isnan(value):
        return r"\text{NaN}" if tex else "NaN"
    if not math.isfinite(value):
        return (r"\infty" if tex else "∞") if value > 0 else ("-" + (r"\infty" if tex else "∞"))
    if value == 0:
        return "0"
    if 1e3 <= abs(value) < 1e7:
        text = f"{value:,.1f}".replace(",", r"\," if tex else "\u2009")  # thin spaces between thousands
        return text if tex else text.replace("-", "−")
    if 1e-3 <= abs(value) < 1e3:
        return f"{value:.4g}" if tex else f"{value:.4g}".replace("-", "−")
    mantissa, exponent = f"{value:.2e}".split("e")
    power = int(exponent)
    if tex:
        return rf"{mantissa}\cdot 10^{{{power}}}"
    return f"{mantissa}e{power}".replace("-", "−")
