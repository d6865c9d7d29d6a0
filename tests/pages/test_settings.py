"""What the page says about an address that it cannot follow."""

from __future__ import annotations

import pytest

from pages.ui.plain import quoted
from pages.ui.settings import Choice, Number, Real, Switch, notices, written

SETTINGS = (
    Choice(key="data", label="Data", options=("iris", "blobs"), default="iris"),
    Number(key="k", label="K", low=1, high=16, default=3),
    Number(key="shift", label="Shift", low=-5, high=5, default=0, slider=False),
    Switch(key="compare", label="Compare"),
)


def only(query: dict[str, str]) -> str:
    """The one sentence about this address."""
    sentences = notices(SETTINGS, query)
    assert len(sentences) == 1, sentences
    assert sentences[0].endswith(".")
    assert "\n" not in sentences[0]
    return sentences[0]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"data": "blobs"},
        {"k": "1"},
        {"k": "16"},
        {"shift": "-5"},
        {"compare": "true"},
        {"compare": "false"},
        {"compare": "True"},
        {"data": "iris", "k": "3", "shift": "0", "compare": "true"},
        {"present": "1", "scene": "anything"},  # the app's own
    ],
)
def test_nothing_is_said_where_all_is_well(query):
    assert notices(SETTINGS, query) == []


def test_an_unknown_key_is_named_with_the_known_ones():
    sentence = only({"foo": "1"})
    assert "`foo`" in sentence
    assert all(setting.key in sentence for setting in SETTINGS)


@pytest.mark.parametrize("text", ["0", "17", "-3", "1000000"])
def test_out_of_range_names_the_value_the_limits_and_the_default(text):
    assert only({"k": text}) == f"In the address, k is {text}; it goes from 1 to 16. The default, 3, is used instead."


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "nan", "NaN", "inf", "-inf", "1e999", "-1e999", "0.5", "16.5", "3,5", "0x3", "<b>", "1e9", "1e1"),
        "1_0",
        "\uff11\uff12",
        "\u0663",
        "+3",
        " 3",
        "9" * 400,
        "",
        " ",
    ],
)
def test_what_is_no_whole_number_is_named(text):
    sentence = only({"k": text})
    assert f"k is {quoted(text)};" in sentence
    assert "whole number from 1 to 16" in sentence
    assert "default, 3," in sentence


def test_a_number_is_what_the_control_would_write():
    assert [SETTINGS[1].parse(text) for text in ("7", "07", "2.5", "1e0", "99")] == [7, 7, 3, 3, 3]
    half = Real(key="h", label="h", low=0.0, high=1.0, default=0.2, step=0.05)
    said = ("0.5", "1", "1.0", "1e-1", "nan", ".5", "0.5_0", "2")
    assert [half.parse(text) for text in said] == [0.5, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert [half.parse(written(value)) for value in (0.15000000000000002, 1.0, 1e-05)] == [0.15, 1.0, 1e-05]


@pytest.mark.parametrize("text", ["nope", "", "IRIS", "iris,blobs"])
def test_an_unknown_choice_is_named_with_the_known_ones(text):
    sentence = only({"data": text})
    assert quoted(text) in sentence
    assert "iris, blobs" in sentence
    assert "default, iris," in sentence


@pytest.mark.parametrize("text", ["1", "yes", "t", " true", ""])
def test_a_switch_is_true_or_false(text):
    assert f"{quoted(text)}; it must be true or false. The default, false, is" in only({"compare": text})


def test_each_fault_gets_its_own_sentence_in_the_order_of_the_address():
    query = {"k": "99", "foo": "1", "data": "iris", "shift": "x", "compare": "maybe", "bar": "2"}
    sentences = notices(SETTINGS, query)
    named = ["99", "`foo`", "`x`", "`maybe`", "`bar`"]
    assert len(sentences) == len(named)
    assert all(name in sentence for name, sentence in zip(named, sentences, strict=True))


@pytest.mark.parametrize("key", ["data", "k", "compare", "x" * 5000])
def test_long_garbage_is_shortened(key):
    sentence = only({key: "9" * 5000})
    assert len(sentence) < 200
    assert sentence == only({key: "9" * 6000})


def test_at_most_five_unknown_keys_are_named():
    sentences = notices(SETTINGS, {f"key{i}": "1" for i in range(40)})
    assert len(sentences) == 6
    assert "35 more" in sentences[-1]


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example/a.png)",
        "<img src=x>",
        "`code` [a](b)",
        ":red[x] $x$",
        "www.evil.example",
        "a\nb\r# c",
    ],
)
def test_what_comes_from_outside_is_one_code_span(text):
    shown = quoted(text, 200)
    assert shown[0] == shown[-1] == "`"
    assert shown.count("`") == 2
    assert "\n" not in shown
    assert "\r" not in shown
