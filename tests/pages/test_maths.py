"""Formulas as browsers draw them: thin spaces around functions, minus as a sign."""

from __future__ import annotations

import re

import pytest

from pages.ui.maths import latex, number

THIN = '<mspace width="0.167em" />'


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        (r"\log p(x)", f"<mi>log</mi>{THIN}<mi>p</mi>"),
        (r"x \log y", f"<mi>x</mi>{THIN}<mi>log</mi>{THIN}<mi>y</mi>"),
        (r"-\log 4", f"<mo>&#x02212;</mo><mi>log</mi>{THIN}<mn>4</mn>"),
        (r"\log(1 - D(x))", '<mi>log</mi><mo stretchy="false">&#x00028;</mo>'),
        (r"D(x)\log D(x)", f"&#x00029;</mo>{THIN}<mi>log</mi>{THIN}<mi>D</mi>"),
    ],
)
def test_a_function_stands_a_thin_space_from_its_neighbours(formula: str, part: str):
    made = latex(formula)
    assert part in made
    assert made.count("<mspace") == part.count("<mspace")


def test_formulas_are_not_translated_and_have_signs_for_minus():
    made = latex(rf"x = {number(-1.25, tex=True)}")
    assert re.match(r'<math translate="no" ', made)
    assert "&#x02212;" in made
    assert number(-1.25) == "−1.25"
    assert number(-3e-5) == "−3.00e−5"
    assert number(-1234.5) == "−1\u2009234.5"
