"""The translation pages without a browser: every view opens, and the routes answer or say what is wrong."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import engines
from engines import checkpoints, learning
from pages.catalogue import PAGES
from pages.translation import colouring, posing
from pages.ui import comparison
from pages.ui.maths import latex, number
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


def test_discogan_learns_in_the_plane_by_the_address():
    at = opened(DISCOGAN, view="toy", rate="3e-3", width="16", seed="4")
    assert said(at) == []
    assert "all ten" in at.table[0].value.columns
    at = opened(DISCOGAN, chair="12")
    assert any("chair is 12; it goes from 1 to 11" in text for text in said(at))


def test_a_turn_shows_what_the_models_make_of_it():
    from pages.translation import discogan

    film = discogan.turning(3)
    assert [frame.scalars["yaw"] for frame in film.frames] == list(range(-90, 91, 10))
    engine, chairs = engines.pretrained("discogan"), discogan.tests()["chair"]
    heads = learning.to_bytes(engine.translate(chairs[2].copy()))
    named = dict(zip(film.base["images"]["names"], film.frames[4].arrays["shown"], strict=True))
    np.testing.assert_array_equal(named["the chair"], chairs[2, 4])
    np.testing.assert_array_equal(named["DiscoGAN"], heads[4])
    back = learning.to_bytes(engine.translate(engine.translate(chairs[2].copy()), "BA"))
    np.testing.assert_array_equal(named["DiscoGAN, led back"], back[4])
    for name, variant in (("a GAN", "gan"), ("with a way back", "reconstruction")):
        lesser = learning.to_bytes(engines.pretrained("discogan", variant).translate(chairs[2].copy()))
        np.testing.assert_array_equal(named[name], lesser[4])
    read = engines.translation.discogan.read(discogan.ruler(), heads)
    np.testing.assert_allclose([frame.scalars["discogan"] for frame in film.frames], read)
    picture = film.draw(film.frames[4])
    assert "The chair is turned by −50°" in picture["caption"]
    assert [discogan.degrees(value) for value in (-0.4, 0.2, -40, 40)] == ["0°", "0°", "−40°", "40°"]


def test_the_tables_say_what_the_cards_and_the_ten_seeds_say():
    from pages.translation import discogan

    table, metrics = discogan.table(), checkpoints.read(checkpoints.folder("discogan")).card["metrics"]
    assert len({len(column) for column in table.values()}) == 1
    row = table[""].index("DiscoGAN")
    assert table["correlation of the angles"][row].startswith(f"{metrics['test_correlation']:.2f}")
    assert table["chair led back off by, levels of 255"][table[""].index("a GAN")] == "no way back"
    found = discogan.pairs("discogan")
    assert engines.translation.discogan.correlated(found) == pytest.approx(metrics["test_correlation"], abs=0.01)
    value, low, high = discogan.reach("discogan")
    assert low < value < high
    assert value == pytest.approx(found[..., 1].std())
    assert discogan.true_reach() == pytest.approx(np.std(np.arange(-90, 91, 15)), rel=1e-6)  # 13 turns a person
    counts = [int(n) for n in discogan.seeds()["by seed, from 0 on"][2].split(", ")]
    assert discogan.seeds()["all ten"][2] == f"{counts.count(10)} of 10 seeds"


def test_a_frame_of_the_film_is_two_chairs_their_heads_and_the_way_back():
    from pages.translation import discogan

    film = discogan.training()
    picture = film.draw(film.frames[-1])
    assert picture["images"].shape == (42, 32, 32, 3)
    np.testing.assert_array_equal(picture["images"][21], discogan.tests()["chair"][3, 0])
    blocks, s = discogan.losses(film.frames[-1]), film.frames[-1].scalars
    weight = {"gan": 1.0, "feature": 9.0, "const": 2.5}
    total = sum(weight[kind] * s[f"{kind}_{side}"] for kind in weight for side in "ab")
    assert blocks[-2]["math"] == latex(f"L_G = {number(total, tex=True)}")


def test_discogan_is_ahead_of_the_lesser_models_by_chair():
    """Each seed's size of the correlation, and the difference of the means, which the interval lies about."""
    from pages.translation import discogan

    sizes = {
        model: [comparison.metrics("discogan", variant)["test_strength"] for variant in discogan.seeded(model)]
        for model in discogan.PANELS
    }
    for model, found in sizes.items():
        assert discogan.kept_by(model)[0] == pytest.approx(np.mean(found), abs=0.01)
    for lesser in ("gan", "reconstruction"):
        more, low, high = discogan.ahead(lesser)
        assert more == pytest.approx(np.mean(sizes["discogan"]) - np.mean(sizes[lesser]), abs=0.01)
        assert 0 < low < more < high


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
    frame = dtn.translation(variant, 40).frames[0]
    made = engines.pretrained("dtn", variant).translate(images[40:41])[0]
    np.testing.assert_allclose(frame.arrays["images"][1, :, :, 0] / 255, made, atol=1 / 255)


# -- a pose under the hand -------------------------------------------------------------------------------

POSE_GUIDED = PAGES / "translation" / "pose_guided.py"
POINTS = [[32, 14], [32, 24], [32, 35], [25, 34], [39, 34], [29, 54], [35, 54]]
ASKED = {"row": 3, "source": 0, "truth": -1, "points": POINTS, "visible": [1] * 7}


def test_a_figure_is_posed_and_the_difference_is_what_is_added():
    answer = posing.pose("default", ASKED)
    shapes = {answer[key].shape for key in ("coarse", "difference", "made")}
    assert shapes == {(64, 64, 3)}
    coarse, difference, made = (answer[key].astype(int) for key in ("coarse", "difference", "made"))
    inside = (made > 0) & (made < 255) & (coarse > 0) & (coarse < 255) & (difference > 0) & (difference < 255)
    assert inside.mean() > 0.05
    assert np.abs(coarse + 2 * (difference - 127.5) - made)[inside].max() <= 3  # rounding; grey stands for 0
    assert "SSIM" not in answer["words"]
    moved = posing.pose("default", {**ASKED, "points": [[10, 14], *POINTS[1:]]})
    assert np.abs(moved["made"].astype(int) - made).mean() > 0.1
    alone = posing.pose("stage1", ASKED)
    assert np.unique(alone["difference"]).tolist() == [128]
    np.testing.assert_array_equal(alone["made"], alone["coarse"])


def test_a_figure_of_the_test_outfits_is_given_with_its_poses():
    given = posing.figure("default", {"row": 69})
    assert given["images"].shape == (12 * 64 * 64 * 3,)
    assert len(set(given["poses"])) == 12
    at = int(given["first"])
    told = posing.pose("default", {**ASKED, "row": 69, "source": at, "truth": at})
    assert "the figure as it was given 1.00" in told["words"]
    assert len(posing.tests()["names"]) == 70
    assert sum("never seen" in name for name in posing.tests()["names"]) == 20
    walk = [pose for pose in posing.poses() if pose["action"] in posing.WALK]
    assert len(walk) == 32  # four steps in eight directions


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"row": 70}, "row must be a whole number from 0 to 69, got 70"),
        ({"row": True}, "got True"),
        ({"source": 12}, "source must be a whole number from 0 to 11, got 12"),
        ({"truth": -2}, "truth must be a whole number from -1 to 11, got -2"),
        ({"points": POINTS[1:]}, "seven pairs of numbers"),
        ({"points": [[1, float("nan")], *POINTS[1:]]}, "a point must be two numbers"),
        ({"points": [["a", 1], *POINTS[1:]]}, "a point must be two numbers"),
        ({"points": [[64, 1], *POINTS[1:]]}, r"from 0 to 63 both ways, got \[64, 1\]"),
        ({"visible": [1] * 6}, "seven of 0 or 1"),
        ({"visible": [2] * 7}, "seven of 0 or 1"),
    ],
)
def test_a_wrong_pose_is_answered_by_a_sentence(change, words):
    with pytest.raises(ValueError, match=words):
        posing.pose("default", {**ASKED, **change})


def test_the_parts_are_told_by_their_cards():
    from pages.translation import pose_guided

    rows = pose_guided.table()
    assert rows[""] == [
        *pose_guided.FLOORS.values(),
        *(pose_guided.WORDS[v] for v in pose_guided.PARTS),
        "the true picture",
    ]
    assert all(len(column) == 4 + len(pose_guided.PARTS) for column in rows.values())
    best = max(pose_guided.PARTS, key=lambda variant: pose_guided.metrics(variant)["test_ssim"])
    assert f"highest first: *{pose_guided.WORDS[best]}*" in pose_guided.agrees()
    asked = next(question for question in pose_guided.QUESTIONS if "highest SSIM" in question.text)
    assert asked.check(pose_guided.WORDS[best])[0]
    film = pose_guided.training()
    picture = film.draw(film.frames[-1])
    assert picture["images"].shape == (30, 64, 64, 3)
    assert "Stage 2 learns" in picture["caption"]
    assert "Stage 1 learns" in film.draw(film.frames[1])["caption"]
    assert any("G2 descends" in block.get("text", "") for block in pose_guided.numbers(film.frames[-1]))
