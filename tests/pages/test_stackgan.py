"""StackGAN's page: what it draws and says is what the networks made, and what ships is measured again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import engines
from engines import checkpoints, learning
from engines.making import captions
from engines.making.stackgan import judge, obeyed
from engines.material import Captions
from pages.catalogue import PAGES
from pages.making import stackgan, stackgan_notes
from pages.making.stackgan_notes import PARTS
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")
PAGE = PAGES / "making" / "stackgan.py"
SOME = 192  # test captions that are drawn again


@pytest.fixture(scope="module")
def test_side():
    pack = stackgan_notes.tests()
    tokens = captions.tokens(pack["captions"])[0]
    fields = {"image": pack["image"], "attributes": pack["attributes"], "tokens": tokens[:, None]}
    return {key: torch.from_numpy(np.array(value)) for key, value in fields.items()}


@pytest.mark.parametrize("variant", ["", *PARTS])
def test_the_card_is_found_again(variant, test_side):
    """The first test captions once more, by the noise of the card: what is obeyed lies within four standard errors."""
    model = engines.pretrained("stackgan", variant)
    card = checkpoints.read(checkpoints.folder("stackgan", variant)).card
    assert card["steps"] == model.config.n_steps
    assert card["data"]["n_test"] == len(test_side["image"]) == 1281
    phi = model.embed(test_side["tokens"][:SOME, 0])
    made = model.draw(phi, tuple(part[:SOME] for part in model.noise(2 * 1281, learning.stream(model.config.seed, 2))))[
        1
    ]
    found = obeyed(judge("cpu").judged(made), test_side["attributes"][:SOME])
    assert found["obeyed"] == pytest.approx(card["metrics"]["test_obeyed"], abs=4 * 0.25 / SOME**0.5)
    own, other = model.score(test_side["image"][:SOME], phi, phi.roll(7, dims=0))
    assert float((own > other).double().mean()) == pytest.approx(card["metrics"]["test_match"], abs=4 * 0.5 / SOME**0.5)


def test_the_judges_card_is_found_again(test_side):
    card = checkpoints.read(checkpoints.folder("bird_judge")).card["metrics"]
    some = {key: value[:SOME] for key, value in test_side.items()}
    found = engines.pretrained("bird_judge").evaluate(some)
    for key in ("kind", "body", "second", "size", "place"):
        assert found[key] == pytest.approx(card[f"test_{key}"], abs=4 * 0.5 / SOME**0.5), key
        assert card[f"test_{key}_low"] > card[f"test_chance_{key}"]
    assert card["test_sure_noise"] < card["test_sure"]


def test_right_captions_score_above_wrong_ones():
    """The signature: a true drawing is scored higher beside its own caption, and captions are obeyed."""
    m = stackgan_notes.card_of("")
    assert m["test_match_low"] >= 0.9
    assert m["test_obeyed_other_high"] < m["test_obeyed_low"]
    assert m["test_obeyed_low"] <= m["test_obeyed"] <= m["test_obeyed_high"]


def test_no_test_caption_is_learned_from():
    about = checkpoints.read(checkpoints.folder("stackgan")).card["data"]
    pack = Captions.load("birds", n=8)
    assert about["n_train"] == 8719
    assert about["sha256"] == pack.sha256


def test_the_sheet_holds_stage_1_above_stage_2():
    coarse, results = stackgan.made("", stackgan.EXAMPLES["owl"], 0)
    sheet = stackgan.drawings("", stackgan.EXAMPLES["owl"], 0).frames[1].arrays["sheet"]
    assert sheet.shape == (16, 64, 64, 3)
    np.testing.assert_array_equal(sheet[4:8], results[8:12])
    np.testing.assert_array_equal(sheet[8:12, ::4, ::4], coarse[12:16])


def test_a_walk_begins_and_ends_at_its_captions():
    start, end = stackgan.EXAMPLES["daisy"], stackgan.EXAMPLES["owl"]
    frames = stackgan.walk("", start, end, 3).frames
    assert len(frames) == stackgan.STEPS
    engine = stackgan_notes.model("")
    noise = engine.noise(stackgan.WALKERS, torch.Generator().manual_seed(3))
    for frame, caption in ((frames[0], start), (frames[-1], end)):
        phi = engine.embed(captions.tokens([caption])[0]).expand(stackgan.WALKERS, -1)
        made = learning.to_bytes(engine.draw(phi, noise)[1]).numpy()
        assert np.abs(made.astype(int) - frame.arrays["sheet"][stackgan.WALKERS :]).max() <= 1


def test_a_place_where_no_such_drawing_is_goes_untold():
    assert "place" not in stackgan.fitting({"kind": "tulip", "body": "red", "place": "water"})
    assert stackgan.fitting({"kind": "duck", "body": "red", "place": "water"})["place"] == "water"
    for kind in captions.VALUES["kind"]:
        for place in captions.VALUES["place"]:
            caption = captions.sentence(stackgan.fitting({"kind": kind, "body": "red", "place": place}))
            assert not captions.tokens([caption])[1][0]


def test_your_words_are_drawn_and_unknown_ones_named():
    at = opened(PAGE, how="own")
    at.text_input(key="stackgan:words").set_value("a pruple bird on a rock").run()
    assert not at.exception
    assert "`pruple` (known: purple" in " ".join(said(at))
    at.text_input(key="stackgan:words").set_value("xylophone").run()
    assert "no word that says anything is known" in " ".join(said(at)).lower()


@pytest.mark.skipif(not PARTS, reason="no parts ship")
def test_the_table_has_floor_and_ceiling():
    table = stackgan_notes.table()
    assert {len(column) for column in table.values()} == {2 + len(PARTS)}
    assert table["obeyed, %"][0].split()[0] == f"{100 * stackgan_notes.card_of('small')['test_obeyed_other']:.0f}"


def test_every_question_has_its_right_answer():
    assert stackgan_notes.check_kl(0.5)[0]
    assert not stackgan_notes.check_kl(1.0)[0]
    for question in stackgan_notes.QUESTIONS[1:]:
        assert sum(question.check(option)[0] for option in question.options) == 1
