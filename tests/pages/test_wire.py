"""The wire format, decoded as the browser decodes it."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest

from pages.ui.wire import encode, pack


def decode(sent: dict[str, Any]) -> np.ndarray:
    """What the player makes of an array: little-endian numbers of the named type."""
    assert set(sent) == {"dtype", "shape", "bdata"}
    flat = np.frombuffer(base64.b64decode(sent["bdata"]), dtype=np.dtype(sent["dtype"]).newbyteorder("<"))
    return flat.reshape(sent["shape"])


def travelled(value: Any) -> Any:
    """``value`` packed, and read by a parser that takes no NaN or Infinity, as a browser's does."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(pack(value), parse_constant=refuse)


@pytest.mark.parametrize(
    ("dtype", "code"),
    [
        ("float64", "f4"),
        ("float32", "f4"),
        ("float16", "f4"),
        (">f8", "f4"),
        ("uint8", "u1"),
        ("bool", "u1"),
        ("int64", "i4"),
        ("int32", "i4"),
        ("int8", "i4"),
        ("uint16", "i4"),
    ],
)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (0, 3), (2, 2, 2)])
def test_an_array_arrives_with_its_type_shape_and_values(dtype, code, shape):
    size = math.prod(shape)
    array = (np.arange(size) % 2 if dtype == "bool" else np.arange(size)).astype(dtype).reshape(shape)
    sent = travelled({"a": array})["a"]
    assert sent["dtype"] == code
    assert decode(sent).shape == shape
    assert np.array_equal(decode(sent), array)


def test_extremes_of_the_types_arrive():
    for array in (
        np.array([0, 255], dtype=np.uint8),
        np.array([-(2**31), 2**31 - 1], dtype=np.int64),
        np.array([0, 65535], dtype=np.uint16),
        np.array([True, False]),
        np.array([1e-30, -3.4e38, 0.1], dtype=np.float32),
    ):
        assert np.array_equal(decode(encode(array)), array)


def test_float64_is_rounded_to_float32_and_no_further():
    array = np.random.default_rng(0).normal(size=100)
    assert np.array_equal(decode(encode(array)), array.astype(np.float32))


def test_strided_and_read_only_arrays_arrive_in_order():
    array = np.arange(24.0).reshape(4, 6)
    array.flags.writeable = False
    for view in (array.T, array[::2, ::-1], np.asfortranarray(array)):
        assert np.array_equal(decode(encode(view)), view)


def test_nan_and_infinities_stay_inside_arrays():
    array = np.array([1.0, np.nan, np.inf, -np.inf])
    assert np.array_equal(decode(travelled(array)), array.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf")])
def test_outside_arrays_what_is_not_finite_is_null(value):
    assert travelled({"a": value, "b": [value, 1.0]}) == {"a": None, "b": [None, 1.0]}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.25), 0.25),
        (np.int64(7), 7),
        (np.uint8(255), 255),
        (np.bool_(True), True),
        (np.str_("µ"), "µ"),
        (None, None),
        ("Σ ≤ ∞", "Σ ≤ ∞"),
    ],
)
def test_numpy_scalars_are_plain_values(value, plain):
    arrived = travelled([value])[0]
    assert arrived == plain
    assert type(arrived) is type(plain)


def test_nested_values_keep_their_structure():
    value = {"traces": {0: {"x": np.ones(2)}, 1: {"y": (1, 2.5, None)}}, "list": [[{"a": np.zeros((1, 2))}]], "s": "x"}
    arrived = travelled(value)
    assert list(arrived["traces"]) == ["0", "1"]  # a JSON object has text keys
    assert np.array_equal(decode(arrived["traces"]["0"]["x"]), [1, 1])
    assert arrived["traces"]["1"]["y"] == [1, 2.5, None]
    assert decode(arrived["list"][0][0]["a"]).shape == (1, 2)
    assert arrived["s"] == "x"
