"""Tables of networks, questions about them, and recorded trainings: made in one place for all pages."""

import numpy as np
import pytest

from engines.engine import Frame
from pages.ui import comparison, shipped

CARDS = {
    "all": {"test_a": 0.5, "test_a_low": 0.4, "test_a_high": 0.6, "test_a_floor": 0.1, "test_b": 2.0},
    "less": {"test_a": 0.25, "test_a_low": 0.2, "test_a_high": 0.3, "test_a_floor": 0.1},
}


def test_a_column_stands_between_its_floors_and_the_best():
    column = comparison.column(CARDS, "a", 0, factor=100, floors=("a_floor", "chance"), best="100")
    assert column == ["10", "chance", "50 (40 to 60)", "25 (20 to 30)", "100"]
    assert comparison.column(CARDS, "b", none="no b") == ["", "2.0", "no b", ""]
    assert comparison.column(CARDS, "a", 2, floors=(), best="a_floor") == [
        "0.50 (0.40 to 0.60)",
        "0.25 (0.20 to 0.30)",
        "0.10",
    ]


@pytest.mark.parametrize("least", [False, True])
def test_a_question_asks_which_network_has_the_most(monkeypatch, least):
    monkeypatch.setattr(comparison, "metrics", lambda _, variant="": CARDS[variant])
    words = {"all": "all parts", "less": "one less"}
    asked = comparison.which("Which?", "any", words, "a", "Shares:", "{:.0f} %", least=least)
    assert asked.options == ("all parts", "one less")
    right, wrong = ("one less", "all parts") if least else ("all parts", "one less")
    assert asked.check(right) == (True, "Shares: all parts: 50 %, one less: 25 %.")
    assert not asked.check(wrong)[0]


def test_a_recorded_training_has_what_a_page_adds(monkeypatch):
    frames = (Frame(step=0, scalars={"a": 1.0}, arrays={"x": np.ones(2)}), Frame(step=3, scalars={"a": 2.0}))
    monkeypatch.setattr(shipped, "frames", lambda *_: frames)
    film = shipped.film("any", "v", added=lambda frame: {"twice": 2 * frame.scalars["a"]}, base={}, draw=dict)
    assert [dict(frame.scalars) for frame in film.frames] == [{"a": 1.0, "twice": 2.0}, {"a": 2.0, "twice": 4.0}]
    assert film.frames[0].arrays["x"].tolist() == [1, 1]
    assert "checkpoints.folder('any', 'v')" in film.code
    assert shipped.film("any", base={}, draw=dict).frames is frames
