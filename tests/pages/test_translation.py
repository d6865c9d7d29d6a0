"""The translation pages without a browser: every view opens, and the routes answer or say what is wrong."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import engines
from pages.catalogue import PAGES
from pages.translation import colouring
from tests.pages.app import opened, said, until

pytestmark = pytest.mark.usefixtures("alone")

PIX2PIX = PAGES / "translation" / "pix2pix.py"
DTN = PAGES / "translation" / "dtn.py"
DISCOGAN = PAGES / "translation" / "discogan.py"
BLANK = base64.b64encode(bytes([255]) * 4096).decode()


def test_what_an_address_gets_wrong_is_named():
    at = opened(PIX2PIX, by="nothing", row="900")
    assert any("by has no value" in text and "row is 900; it goes from 0 to 231" in text for text in said(at))


def test_an_outline_is_coloured_and_judged():
    answer = colouring.colour("default", {"x": BLANK, "seed": 3})
    assert answer["made"].shape == (64, 64, 3)
    assert answer["made"].dtype == np.uint8
    assert answer["made"].mean() > 240  # nothing is drawn, nothing is coloured
    assert answer["map"].shape == (1, 14, 14)
    assert "map" not in colouring.colour("l1", {"x": BLANK})
    again = colouring.colour("default", {"x": BLANK, "seed": 3})
    np.testing.assert_array_equal(answer["made"], again["made"])


def test_a_test_pair_is_given():
    pair = colouring.example("default", {"row": 7})
    assert pair["outline"].shape == (1, 64, 64)
    assert pair["drawing"].shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("ask", "question", "words"),
    [
        (colouring.colour, {"x": "AAAA"}, "an outline must be 4,096 bytes in base64, got 3"),
        (colouring.colour, {"x": "?"}, "got 0"),
        (colouring.colour, {}, "got 3"),
        (colouring.colour, {"x": BLANK, "seed": -1}, "must be a whole number >= 0, got -1"),
        (colouring.colour, {"x": BLANK, "seed": True}, "got True"),
        (colouring.example, {"row": 232}, "row must be from 0 to 231, got 232"),
        (colouring.example, {"row": 0.5}, "got 0.5"),
    ],
)
def test_a_wrong_question_is_answered_by_a_sentence(ask, question, words):
    with pytest.raises(ValueError, match=words):
        ask("default", question)


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match=r"no pix2pix is called '\.\./secret': known are default, small, l1"):
        colouring.colour("../secret", {"x": BLANK})


@pytest.mark.parametrize("query", [{}, {"rate": "3e-3", "width": "16", "seed": "4"}, {"scene": "fewer"}])
def test_discogan_opens_and_learns(query):
    at = opened(DISCOGAN, **query)
    assert said(at) == []


def test_a_picture_of_the_plane_has_as_many_traces_as_its_base():
    from pages.translation import discogan

    record = discogan.plane(learning_rate=1e-3, batch_size=20, width=8, seed=0)
    record.run.step()
    until(lambda: record.run.history.last.step >= 1)
    frame = record.run.history.last
    picture = record.draw(frame)
    assert set(picture["traces"]) <= set(range(len(record.base["traces"])))
    heat = [i for i, trace in enumerate(record.base["traces"]) if trace["type"] == "heatmap"]
    assert all("z" in picture["traces"][i] for i in heat)
    points = sum(len(patch["x"]) for patch in picture["traces"].values() if "x" in patch)
    assert points == 4 * 300  # the source and three translations
    assert len(discogan.plane_numbers(frame)) == 2
    record.run.close()


@pytest.mark.parametrize(("by", "variant"), [("whole", ""), ("no-gan", "no-gan")])
def test_a_digit_is_translated_by_the_network_that_was_asked_for(by, variant):
    from pages.translation import dtn

    at = opened(DTN, by=by, row="40")
    assert said(at) == []
    images, _ = dtn.tests()
    frame = dtn.translation(variant, images[40], "x").frames[0]
    made = engines.pretrained("dtn", variant).translate(images[40:41])[0]
    np.testing.assert_allclose(frame.arrays["images"][1, :, :, 0] / 255, made, atol=1 / 255)
