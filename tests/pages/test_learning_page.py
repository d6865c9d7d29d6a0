"""The page on learning: every view opens, shows what its engine says, and answers bad input with a sentence."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

import engines
from engines.foundations.ngram import verse
from pages.catalogue import PAGES
from pages.foundations import learning_notes as notes
from pages.foundations import learning_runs as runs
from pages.ui import live
from pages.ui.wire import pack
from tests.pages.app import on_stage, opened, said, sound

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "foundations" / "learning.py"
RUN = "learning:run"


@pytest.mark.parametrize("query", [{"data": "blobs"}, {"data": "moons"}, {"view": "text"}, {"view": "melody"}])
def test_every_view_opens_and_draws(query):
    at = opened(PAGE, **query)
    assert said(at) == []
    held = on_stage(at, RUN)
    for _ in range(4):
        held.run.step()
        held.run.wait(5)
    for frame in held.run.history.after(-1):
        assert pack([live.picture(held, frame), held.explain(frame, {})])


def test_digits_are_drawn_from_a_mixture(monkeypatch):
    monkeypatch.setattr(runs, "DIGIT_IMAGES", 300)
    monkeypatch.setattr(runs, "DIGIT_STYLES", 4)
    runs.mixture.clear()
    at = opened(PAGE, view="drawing")
    assert said(at) == []
    held = on_stage(at, RUN)
    held.run.play()
    held.run.wait(10)
    frames = held.run.history.after(-1)
    assert len(frames) == runs.REDRAWS
    assert not np.array_equal(frames[0].arrays["images"], frames[1].arrays["images"])
    runs.mixture.clear()


def test_points_are_made_up_only_in_the_last_picture():
    made = runs.points("pair", 120, 0)
    pictures = [made.draw(frame) for frame in made.frames]
    assert [len(picture["cloud"]["x"]) for picture in pictures] == [120] * 4
    for picture in pictures[1:3]:
        np.testing.assert_array_equal(picture["cloud"]["x"], pictures[0]["cloud"]["x"])
    assert not np.array_equal(pictures[3]["cloud"]["x"], pictures[0]["cloud"]["x"])
    assert np.isfinite(pictures[1]["traces"][0]["z"]).all()
    assert np.isnan(pictures[0]["traces"][0]["z"]).all()


def test_the_bars_are_the_chances_of_the_next_letter():
    made = runs.text_scene("abracadabra", order=3, n_steps=10, seed=0)
    for _ in range(5):
        made.run.step()
        made.run.wait(5)
    frame = made.run.history.last
    engine = engines.create("ngram", data="abracadabra", order=3)
    expected = engine.chain.probabilities(runs.written(frame))
    bars = made.draw(frame)["traces"][1]
    assert bars["y"][0] == engine.chain.symbols[int(expected.argmax())]
    np.testing.assert_allclose(bars["x"], np.sort(expected)[::-1], rtol=1e-6)


def test_the_melody_can_be_heard_and_is_the_one_on_the_stage():
    raw = runs.melody_sound(3, 16, 2, 120)
    engine = engines.create("melody", order=3, n_steps=16, seed=2)
    while not engine.done:
        engine.step()
    with wave.open(io.BytesIO(raw)) as file:
        beats = sum(length for _, length in engine.notes)
        assert file.getnframes() / file.getframerate() == pytest.approx(beats / 2, abs=0.01)
        levels = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert np.abs(levels).max() > 20_000


def test_orders_out_of_range_and_beyond_the_text_are_sentences():
    assert any("order is 0; it goes from 1 to 12" in text for text in said(opened(PAGE, view="text", order="0")))
    at = opened(PAGE, view="text", order="9")
    sound(at.text_area[0].set_value("short").run())
    assert any("rder 9 is beyond the data" in text for text in said(at))


def test_questions_are_checked_on_the_verse():
    assert notes.questions()[1].check(len(set(verse())))[0]
    assert notes.questions()[0].check("p(x)")[0]
