"""Formulas and numbers as the player shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=256)
def latex(formula: str) -> str:
    """LaTeX as MathML, which browsers draw themselves."""
    from latex2mathml.converter import convert

    text = convert(formula, display="block").replace("<math ", '<math translate="no" ', 1)
    # Bars are signs of their own, not operators: MathML Core would set them apart from what they enclose.
    text = re.sub(
        r"<mo(?: stretchy=\"false\")?>(&#x0007C;|&#x02016;)</mo>",
        r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>',
        text,
    )
    # A function's name stands a thin space from what it is applied to and from a factor before it, but not from a
    # bracket: MathML Core gives <mi>log</mi> none.
    text = re.sub(rf"({_NAMES})(?!<mo stretchy=\"false\">&#x0002[89B];|<mo[^>]*>&#x0005B;|</)", rf"\1{_THIN}", text)
    return re.sub(rf"(</(?:mi|mn|msub|msup|msubsup|mfrac)>|&#x00029;</mo>)({_NAMES})", rf"\1{_THIN}\2", text)


def formula(text: str) -> dict[str, str]:
    """LaTeX as one of the blocks that explain a step."""
    return {"math": latex(text)}


_NAMES = "<mi>(?:log|ln|exp|sin|cos|tan|tanh|det|erf)</mi>"
_THIN = '<mspace width="0.167em" />'


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


def added(*parts: float, weights: Sequence[float] = (), places: int = 2, tex: bool = False) -> str:
    """The parts, each with its sign, and their sum: "202.8 + 0.8 = 203.7 (rounded)". Every figure is rounded by itself,
    as it stands elsewhere; where the rounded ones do not add up, it is said, in a formula by ≈. A weight stands before
    its part: only its sign where it is 1 or -1.
    """
    weights = weights or (1,) * len(parts)
    total, shown = math.fsum(w * v for w, v in zip(weights, parts, strict=True)), ""
    for weight, part in zip(weights, parts, strict=True):
        factor = "" if abs(weight) == 1 else f"{abs(weight):g}" + (r"\cdot " if tex else " · ")
        sign = (" + ", " − ")[weight < 0] if shown else ("", "−")[weight < 0]
        figure = f"{part:.{places}f}"
        shown += sign + factor + (f"({figure})" if part < 0 and (weight < 0 or shown) else figure)
    said = "" if adds_up(parts, total, weights=weights, places=places) else " (rounded)"
    if tex:
        equals = r"\approx" if said else "="
        return f"{shown} {equals} {total:.{places}f}".replace("−", "-")
    text = f"{shown} = {total:.{places}f}"
    return text.replace("-", "−") + said


def adds_up(parts: Sequence[float], total: float, *, weights: Sequence[float] = (), places: int = 2) -> bool:
    """Whether the figures as shown, rounded to so many places, add up to the shown total."""
    weights = weights or (1,) * len(parts)
    shown = math.fsum(w * round(v, places) for w, v in zip(weights, parts, strict=True))
    return abs(shown - round(total, places)) < 0.5 * 10.0**-places


def close(answer: float, truth: float, places: int = 0) -> bool:
    """Whether an answer is right to so many decimal places: within half a unit of the last one."""
    return abs(answer - truth) <= 0.5 * 10.0**-places + 1e-9
