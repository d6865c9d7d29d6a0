"""The autoregressive pages: what they show is what the engines compute, bad input is a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from engines.autoregressive import coding
from engines.maths import levels
from pages.autoregressive import (
    fills,
    gated_pixelcnn,
    gated_pixelcnn_notes,
    likelihood,
    likelihood_notes,
    pixelcnn,
    pixelcnn_notes,
    pixelcnn_pp,
    pixelcnn_pp_notes,
    pixelrnn,
    pixelrnn_notes,
)
from pages.catalogue import PAGES
from pages.ui import live, shipped
from pages.ui.wire import pack
from tests.pages.app import config, on_stage, opened, press, said, sound

pytestmark = pytest.mark.usefixtures("alone")

FOLDER = PAGES / "autoregressive"
SIDE = 28


def played(held, until: int):
    """The first frames of a run."""
    for _ in range(until):
        held.run.step()
        held.run.wait(10)
    return held.run.history.after(-1)


@pytest.mark.parametrize(
    ("page", "view"),
    [
        *(("pixelcnn", view) for view in ("fill", "layers", "surprise")),
        *(("gated_pixelcnn", view) for view in ("classes", "turn", "blind spot")),
        *(("pixelrnn", view) for view in ("diagonal BiLSTM", "row LSTM", "multi-scale")),
        ("pixelcnn_pp", ""),
        ("likelihood", ""),
    ],
)
def test_every_view_opens_and_draws_and_explains(page: str, view: str):
    at = opened(FOLDER / f"{page}.py", **({"view": view} if view else {}))
    assert said(at) == []
    held = on_stage(at, f"{page.replace('_', '-')}:run")
    frames = held.run.history.after(-1) if held.run.engine is None else played(held, until=3)
    for frame in (frames[0], frames[-1]):
        shown = live.picture(held, frame)
        pack([shown, held.explain(frame, {})])
        assert len(shown["caption"]) < 260
        if "pixels" in held.base:
            found = held.explain(frame, {"pixel": [0, 5, 6]})
            assert found["overlay"]["alpha"].shape == (SIDE, SIDE)
            pack(found)


def test_a_fill_keeps_what_is_known_and_greys_what_is_not_drawn():
    model = shipped.model("pixelcnn")
    x = fills.levels(model, fills.test_image("mnist", 0), seed=0)
    made = fills.fill_scene(model, x, fills.hidden("block"), n=4, seed=1, temperature=1.0)
    frames = played(made, until=15)
    sheet = made.draw(frames[-1])["sheet"]
    first = sheet[2:30, 2:30]
    hidden = fills.hidden("block")
    assert np.array_equal(first[~hidden], 255 * x[~hidden])
    order = np.flatnonzero(hidden)
    assert set(np.unique(first.flat[order[:15]])) <= {0, 255}
    assert (first.flat[order[15:]] == fills.HIDDEN).all()
    assert made.base["pixels"]["steps"][order[3]] == 4
    assert made.base["pixels"]["steps"][0] == 0
    chance = made.draw(frames[5])["traces"][0]["y"]
    assert chance == pytest.approx(frames[5].arrays["probabilities"][:, 1])


def test_a_pixel_asked_about_has_the_model_s_own_numbers_and_looks_at_nothing_later():
    model = shipped.model("pixelcnn")
    x = fills.levels(model, fills.test_image("mnist", 3), seed=3)
    found = fills.about(model, x, (13, 12))
    log_probs = model.log_probs_of(model.parameters(x[None]))[0, :, 13, 12].numpy()
    rows = found["blocks"][1]["table"][1:]
    assert [float(row[1]) for row in rows] == pytest.approx(np.exp(log_probs), abs=1e-4)
    assert found["tip"] == f"P(white) = {np.exp(log_probs[1]):.3f}"
    alpha = found["overlay"]["alpha"].ravel()
    assert alpha[13 * SIDE + 11] > 0
    assert (alpha[13 * SIDE + 12 :] == 0).all()


@pytest.mark.parametrize(
    "pick",
    [{}, {"pixel": None}, {"pixel": [0, 1]}, {"pixel": [9, 0, 0]}, {"pixel": [0, 28, 0]}, {"pixel": [0, 1.5, "a"]}],
)
def test_a_question_about_no_pixel_is_answered_with_the_step(pick):
    assert fills.pixel_of(pick, 4) is None


def test_a_painted_mask_is_carried_by_the_address_and_checked():
    mask = fills.hidden(fills.painted([3, 3, 1, -1, 784, "x", 2.0, True]))
    assert np.flatnonzero(mask).tolist() == [1, 3]
    assert fills.painted("nonsense") == fills.painted([]) == "painted"
    generator = np.random.default_rng(0)
    for share in (0.01, 0.5, 1.0):
        cells = np.flatnonzero(generator.uniform(size=784) < share)
        text = fills.painted(cells.tolist())
        assert np.flatnonzero(fills.hidden(text)).tolist() == cells.tolist()
        assert (fills.HIDE.problem(text), fills.HIDE.parse(text)) == ("", text)
    for wrong in (
        "painted.",
        "painted.AAAA",
        "painted." + "A" * 131,
        "painted." + "é" * 131,
        "painted." + "A" * 10_000,
    ):
        assert not fills.hidden(wrong).any()
        assert "hide has no value" in fills.HIDE.problem(wrong)
    x, y = fills.edges(fills.hidden(fills.painted([0])))
    assert np.isnan(x).sum() == 4  # four pieces around one cell
    assert np.nanmax(x) == 1
    assert np.nanmax(y) == 1


@pytest.mark.parametrize("page", ["pixelcnn", "pixelcnn_pp"])
def test_nothing_painted_is_a_sentence_and_a_painted_mask_is_filled(page):
    at = opened(FOLDER / f"{page}.py", hide="painted")
    assert said(at) == [fills.NOTHING]
    text = fills.painted([100, 101, 130])
    at = opened(FOLDER / f"{page}.py", hide=text)
    assert said(at) == []
    assert on_stage(at, f"{page.replace('_', '-')}:run").run.engine.filling.order.tolist() == [100, 101, 130]
    assert text in at.query_params["hide"]


def test_settings_out_of_range_in_the_address_are_named():
    at = opened(FOLDER / "pixelcnn.py", t="99", hide="left", n="7", row="20000")
    words = " ".join(said(at))
    for part in ("t is 99", "hide has no value", "n has no value", "row is 20000"):
        assert part in words
    at = opened(FOLDER / "gated_pixelcnn.py", view="turn", y="12")
    assert "y is 12; it goes from 0 to 9" in " ".join(said(at))


def test_temperature_applies_live_and_other_settings_start_anew():
    at = opened(FOLDER / "pixelcnn.py")
    token = at.session_state["pixelcnn:run"]["token"]
    sound(next(s for s in at.slider if s.key.endswith(":t")).set_value(0.5).run())
    assert at.session_state["pixelcnn:run"]["token"] == token
    assert config(at, "pixelcnn:run").temperature == 0.5
    press(at, "New seed")
    assert at.session_state["pixelcnn:run"]["token"] != token


def test_a_pixel_is_rolled_again_in_one_click_and_all_before_it_stays():
    at = opened(FOLDER / "pixelcnn.py", n="1", hide="block")
    record = on_stage(at, "pixelcnn:run")
    frames = played(record, until=40)
    order = record.run.engine.filling.order
    row, column = divmod(int(order[20]), SIDE)
    wrong = ([0, 0, 0], [0, row + 5, column], [0, 99, 0], None)  # known from the start, not drawn yet, none

    def script() -> None:
        import streamlit as st

        from pages.autoregressive import fills

        fills.reroll("pixelcnn", st.session_state["asked"])

    for pixel in (*wrong, [0, row, column]):
        small = AppTest.from_function(script)
        small.session_state["pixelcnn:run"] = at.session_state["pixelcnn:run"]
        small.session_state["asked"] = {"pixel": pixel}
        sound(small.run())
        assert ("pixelcnn:rival" in small.session_state) is (pixel == [0, row, column])
    rival = on_stage(small, "pixelcnn:rival").run
    assert rival.engine.config.seed == record.run.engine.config.seed + 1
    assert rival.history.last.step == 20
    before = rival.history.last.arrays["images"][0]
    assert np.array_equal(before.flat[order[:20]], frames[20].arrays["images"][0].flat[order[:20]])


def test_surprise_is_a_sum_over_pixels():
    model = shipped.model("pixelcnn")
    made = pixelcnn.surprise(5, None)
    x = np.stack(list(pixelcnn.relatives(model, 5, None).values()))
    totals = np.array([float(text) for text in made.base["traces"][0]["text"]])
    assert totals == pytest.approx(-model.log_prob(x).numpy(), abs=0.51)
    assert totals[3] > totals[0]  # clothes surprise a model of digits


def test_the_layers_count_what_gradients_reach_and_the_blind_spot_is_cured():
    made = pixelcnn.layers("7", 14, 14)
    seen = [frame.scalars["seen"] for frame in made.frames]
    assert seen[0] == 24
    assert seen == sorted(seen)
    frames = gated_pixelcnn.blind_spot(14, 11).frames
    missed = [(frame.scalars["plain_missed"], frame.scalars["gated_missed"]) for frame in frames]
    assert missed[0] == (0, 0)
    # A slope of one after the first 7 x 7: 1 pixel is missed after one 3 x 3, then 3, 6, 10, ...
    assert [plain for plain, _ in missed[1:]] == [k * (k + 1) / 2 for k in range(1, len(missed))]
    assert all(gated == 0 for _, gated in missed)


def test_a_class_that_turns_is_the_one_that_a_pixel_is_asked_with():
    blank, everything = np.zeros((SIDE, SIDE), dtype=np.uint8), np.ones((SIDE, SIDE), dtype=bool)
    classes = {"labels": (3,), "then": (8,), "turn": 14, "n": 1, "seed": 0, "temperature": 1.0}
    made = fills.fill_scene(shipped.model("gated_pixelcnn"), blank, everything, **classes)
    engine = made.run.engine
    assert (engine.classes_at(1), engine.classes_at(14 * SIDE), engine.classes_at(14 * SIDE + 1)) == ((3,), (3,), (8,))
    for _ in range(14 * SIDE + 14):
        engine.step()
    frame = engine.frame()
    x = torch.tensor(frame.arrays["images"])
    model = shipped.model("gated_pixelcnn")
    row, column = divmod(14 * SIDE + 13, SIDE)  # in the middle of the row, where the classes differ
    for label, same in ((8, True), (3, False)):
        expected = model.log_probs_of(model.parameters(x, label))[0, :, row, column].exp().numpy()
        assert np.allclose(frame.arrays["probabilities"][0], expected, atol=1e-4) is same


def test_the_file_has_the_promised_length_and_damage_is_called_an_error():
    model = shipped.model("pixelcnn")
    x = fills.levels(model, fills.test_image("mnist", 0), seed=0)
    made = likelihood.compress("pixelcnn", x, 0)
    frames = made.frames
    assert "bit for bit" in made.draw(frames[-1])["caption"]
    encoded = coding.encode(model, x)
    sizes = likelihood.sizes(x, 2, encoded)
    assert sizes["plain bits"] == 98
    assert sizes["model's file"] == len(encoded.data) <= 1.02 * encoded.promised_bytes + 8
    assert sizes["promised"] == pytest.approx(-float(model.log_prob(x[None])) / np.log(2) / 8, rel=1e-5)
    made = likelihood.compress("pixelcnn", x, 6)
    frames = made.frames
    assert "An error, as it should be: the bytes are damaged" in made.draw(frames[-1])["caption"]


def test_plain_bits_hold_every_level():
    x = np.arange(784).reshape(SIDE, SIDE)
    for n_levels, size in ((2, 98), (4, 196), (16, 392), (256, 784)):
        assert len(likelihood.packed(x % n_levels, n_levels)) == size


def test_the_mixture_on_the_page_is_the_engine_s():
    parameters = np.random.default_rng(0).normal(size=15).astype(np.float32)
    found = pixelcnn_pp.curves(parameters, 77)
    expected = levels.mixture_log_probs(torch.tensor(parameters)[None], 256).exp()[0].numpy()
    assert found[0]["y"] == pytest.approx(expected, abs=1e-6)
    shares = sum(found[pixelcnn_pp.FIRST + k]["y"] for k in range(5))
    assert shares == pytest.approx(expected, abs=1e-6)
    assert found[0]["y"].sum() == pytest.approx(1, abs=1e-5)
    assert found[pixelcnn_pp.FIRST + 5]["y"] == pytest.approx(expected[77:78], abs=1e-6)


def test_the_diagonals_cross_the_whole_image():
    made = pixelrnn.diagonal_bilstm(17, 12)
    frames = made.frames
    assert len(frames) == 2 * 55 + 1
    top = 2 + pixelrnn.LOWER
    bright = sum((made.draw(frame)["sheet"][top : top + 28, 2:30] == pixelrnn.FRONT).sum() for frame in frames[:55])
    assert bright == 784  # every pixel lies on one diagonal
    assert "1 missed" in made.draw(frames[-1])["caption"]


def test_the_costs_are_those_of_the_cards():
    rows = pixelrnn_notes.from_cards()
    assert [row[0] for row in rows] == ["PixelCNN", "Row LSTM", "Diagonal BiLSTM", "Multi-scale"]
    assert [row[-1] for row in rows] == ["81.30", "80.54", "79.20", "–"]
    for row, (_, name, _) in zip(rows, pixelrnn_notes.MODELS, strict=True):
        found = shipped.card(name)
        assert row[1:6] == [
            f"{found['parameter_count']:,}",
            f"{found['wall_time_s'] / 60:.0f}",
            f"{found['steps'] * found['config']['batch_size'] / 60_000:.1f}",
            str(found["config"]["batch_size"]),
            nats(found["metrics"]),
        ]
    words = pixelrnn_notes.unequal()
    assert "no comparison of equals: PixelCNN has 8.6 times the weights of Diagonal BiLSTM" in words
    assert "PixelCNN was trained 12.5 times as long as Multi-scale" in words


def nats(metrics: dict[str, float]) -> str:
    """The likelihood with what another 10,000 test images might have given instead."""
    value, low, high = (metrics[f"test_nll{end}"] for end in ("", "_low", "_high"))
    assert 0.2 < high - value < 10
    assert high - value == pytest.approx(value - low)
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def test_two_kernels_are_compared_with_all_that_differs():
    narrow, wide = shipped.card("pixelcnn", "k3"), shipped.card("pixelcnn")
    words = gated_pixelcnn_notes.unequal(narrow, wide)
    for found in (narrow, wide):
        assert f"{found['steps']:,} batches" in words
        assert f"{found['parameter_count']:,} weights" in words
        assert f"{found['config']['n_blocks']} blocks" in words
        assert f"{nats(found['metrics'])} nats" in words


def test_what_is_said_of_sizes_holds():
    """Upside down mostly costs more, clothes always, some of them more than plain bits, and noise always does."""
    model = shipped.model("pixelcnn")

    def sizes(images: list[np.ndarray]) -> np.ndarray:
        x = np.stack([fills.levels(model, image, seed=i) for i, image in enumerate(images)])
        return -model.log_prob(x).numpy() / np.log(2) / 8 + coding.CHECK  # bytes

    digits = [fills.test_image("mnist", i) for i in range(60)]
    as_is, turned = sizes(digits), sizes([np.ascontiguousarray(digit[::-1]) for digit in digits])
    clothes = sizes([fills.test_image("fashion", i) for i in range(60)])
    noise = sizes([np.random.default_rng(i).integers(0, 256, size=(28, 28), dtype=np.uint8) for i in range(20)])
    assert 0.8 < (turned > as_is).mean() < 1
    assert (clothes > as_is).all()
    assert 0.03 < (clothes > 98).mean() < 0.4
    assert noise.min() > 98


def test_the_black_corner_is_a_component_below_zero():
    model = shipped.model("pixelcnn_pp")
    for row in (0, 3, 11):
        parameters = model.parameters(fills.levels(model, fills.test_image("mnist", row))[None])[0].cpu().numpy()
        for place in ((0, 0), (0, 27), (27, 0)):
            weight, mean, _, mass = pixelcnn_pp.parts(parameters[:, place[0], place[1]])
            assert mean[np.argmax(weight * mass[:, 0])] < 0


def test_questions_accept_the_right_answers_only():
    right = {
        pixelcnn_notes: (392, "no", 24),
        gated_pixelcnn_notes: ("the vertical one", "the class alone"),
        pixelrnn_notes: (55, "they have seen pixels to the right in their own row"),
        pixelcnn_pp_notes: (15, "a component with its mean below 0"),
        likelihood_notes: (15, "yes"),
    }
    for notes, answers in right.items():
        for question, answer in zip(notes.QUESTIONS, answers, strict=True):
            assert question.check(answer)[0]
            if question.kind == "number":
                wrong = [answer - 1, answer + 0.99, answer + 1]
            else:
                wrong = [o for o in question.options if o != answer]
            assert not any(question.check(each)[0] for each in wrong)
    assert likelihood_notes.QUESTIONS[0].check(14.97)[0]
