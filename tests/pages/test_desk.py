"""Own input through several models: grey and in colour, of any size, drawn large."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.desk import big

PAGE = """
import numpy as np
from pages.ui.desk import desk

rows = np.random.default_rng(0).integers(0, 256, {shape}, dtype=np.uint8)
desk("try", {{"as it is": lambda x: x, "negative": lambda x: 1 - x}}, examples=rows)
"""


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 64, 64), (5, 64, 64, 3)])
def test_an_example_goes_through_every_model(shape):
    at = AppTest.from_string(PAGE.format(shape=shape), default_timeout=120).run()
    assert [error.value for error in at.exception] == []
    pictures = [element.proto.imgs[0].caption for element in at.get("image")]
    assert pictures == ["input", "as it is", "negative"]
    ways = at.get("button_group")[0].proto.options
    assert len(ways) == (3 if shape[1:] == (28, 28) else 2)  # there is a board for grey images of 28 pixels


@pytest.mark.parametrize("shape", [(28, 28), (64, 64, 3), (32, 32), (400, 400)])
def test_a_picture_is_large_and_its_pixels_are_squares(shape):
    image = np.random.default_rng(0).random(shape)
    drawn = big(image)
    times = drawn.shape[0] // shape[0]
    assert drawn.shape[0] >= 320
    assert drawn.shape[:2] == (times * shape[0], times * shape[1])
    np.testing.assert_array_equal(drawn[:: times or 1, :: times or 1], image)
