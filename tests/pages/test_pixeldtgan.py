"""PixelDTGAN's page: what is worn is what is drawn, what was never seen is said so, what D_A says is what it said."""

from __future__ import annotations

import numpy as np
import pytest

from pages.catalogue import PAGES
from pages.translation import pixeldtgan as page
from pages.translation import pixeldtgan_notes as notes
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")

OUTFIT = tuple((s.key, s.default) for s in (page.SEX, page.POSE, *page.PIECES))


def changed(**values):
    return tuple((dict(OUTFIT) | values).items())


def test_what_an_address_gets_wrong_is_named():
    at = opened(PAGES / "translation" / "pixeldtgan.py", chest="toga", pose="9")
    assert any("chest has no value" in text and "pose has no value" in text for text in said(at))


def test_a_piece_changes_the_figure_and_the_upper_one_the_garment():
    before = page.dressed("", OUTFIT).frames[0].arrays["images"]
    shoes = page.dressed("", changed(**{"feet-dye": "yellow"})).frames[0].arrays["images"]
    shirt = page.dressed("", changed(**{"chest-dye": "green"})).frames[0].arrays["images"]
    assert before.shape == (4 + page.BESIDE, 64, 64, 3)
    assert (shoes[0] != before[0]).any()
    np.testing.assert_array_equal(shoes[2], before[2])
    assert all((shirt[i] != before[i]).any() for i in range(3))


def test_the_prediction_follows_the_dye():
    """Of a garment dyed red and the same dyed blue, the prediction for the red one is the redder."""
    made = [
        page.dressed("", changed(chest="cloth_shirt", **{"chest-dye": dye})).frames[0].arrays["images"][1].astype(int)
        for dye in ("red", "blue")
    ]
    assert (made[0][..., 0] - made[0][..., 2]).mean() > (made[1][..., 0] - made[1][..., 2]).mean() + 10


@pytest.mark.parametrize(
    ("sex", "chest", "legs", "words"),
    [
        (0, 1, 0, "Nobody wore this upper garment in training."),
        (1, 0, 0, "with these trousers or skirt in training"),
    ],
)
def test_what_training_has_not_shown_is_said(sex, chest, legs, words):
    assert words in page.seen(sex, {"chest": chest, "legs": legs})
    assert page.seen(sex, {"chest": chest, "legs": legs}).startswith("Nobody")


def test_a_garment_seen_is_not_called_new():
    chest, legs = next(iter(page.wardrobe.training().outfits))
    sex = next(s for s in (0, 1) if (s, chest) in page.wardrobe.training().garments)
    assert page.seen(sex, {"chest": chest, "legs": legs}).startswith("This upper garment was worn")


@pytest.mark.parametrize("swap", ["figure", "garment"])
def test_swapped_pairs_are_counted_as_they_stand(swap):
    film = page.swapped("", 17, swap)
    frame, picture = film.frames[0], film.draw(film.frames[0])
    assert picture["images"].shape == (8, 64, 128, 3)
    fixed = picture["images"][:, :, 64:] if swap == "figure" else picture["images"][:, :, :64]
    assert all(np.array_equal(image, fixed[0]) for image in fixed)
    assert len({page.tests()["garment"][i] for i in page.pairs(17)}) == 8
    p = frame.arrays["p"]
    assert frame.scalars["above"] == (frame.arrays["z"][1:] >= frame.arrays["z"][0]).sum()
    again = page.model("").associated(page.tests()["figure"][17:18], page.tests()["product"][17:18]).sigmoid()
    assert float(again[0]) == pytest.approx(float(p[0]), abs=1e-4)


def test_a_table_has_a_row_for_every_network_and_floor():
    table = page.table()
    assert {len(column) for column in table.values()} == {4 + len(notes.ALIKE)}
    assert table["D_A prefers the true figure, %"][3] == "no D_A"  # squared error alone has none


def test_the_balance_of_the_question_is_the_least_loss():
    p = np.linspace(0.01, 0.99, 981)
    least = ((-np.log(p) - np.log(1 - p) + 0) / 3).min()
    assert notes.check_balance(least)[0]
    assert not notes.check_balance(0.693)[0]
