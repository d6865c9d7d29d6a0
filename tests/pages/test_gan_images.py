"""DCGAN's and the transposed convolution's pages: their pictures are the engines', bad input is a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import engines
from engines import data
from engines.gans.dcgan import scale, shuffled
from pages.catalogue import PAGES
from pages.gans import dcgan, dcgan_notes
from pages.gans import transposed_convolution as conv
from pages.gans import transposed_convolution_notes as conv_notes
from pages.gans import transposed_convolution_pictures as conv_pictures
from pages.ui import live, sheets, shipped
from pages.ui.wire import pack
from tests.pages.app import config, on_stage, opened, said, sound

pytestmark = pytest.mark.usefixtures("alone")

DCGAN = PAGES / "gans" / "dcgan.py"
CONV = PAGES / "gans" / "transposed_convolution.py"
RUN, STEPS = "dcgan:run", "transposed-convolution:run"
DEFAULTS = {setting.key: setting.default for setting in conv.SETTINGS}


def played(held):
    held.run.play()
    assert held.run.wait(20).state == "finished"
    return held.run.history.after(-1)


@pytest.mark.parametrize("view", ["film", "layers", "walk", "arithmetic", "scores"])
def test_every_view_of_the_shipped_networks_opens_and_draws(view):
    at = opened(DCGAN, view=view)
    assert said(at) == []
    held = on_stage(at, RUN)
    frames = played(held)
    for frame in (frames[0], frames[-1]):
        assert isinstance(pack(live.picture(held, frame)), bytes)  # with its sheet as an image file
        json.loads(pack(held.explain(frame, {})))
        drawn = held.draw(frame)
        assert drawn.get("images", drawn.get("sheet")).dtype == np.uint8


def test_the_recorded_film_is_the_same_codes_at_forty_or_more_steps_and_ends_as_the_shipped_generator():
    for name in ("mnist", "fashion"):
        frames = shipped.frames("dcgan", dcgan.VARIANTS[name])
        assert len(frames) >= 40
        steps = np.array([frame.step for frame in frames])
        assert steps[0] == 0
        assert (
            np.diff(np.log(steps[8:])).std() < 0.2 * np.diff(np.log(steps[8:])).mean() + 0.05
        )  # evenly in the logarithm
        now = dcgan.as_bytes(dcgan.model(name).decode(dcgan.codes(name, 0)))
        assert np.abs(now.reshape(64, -1).astype(int) - frames[-1].arrays["samples"]).max() <= 1


def test_layers_show_what_the_generator_computes():
    engine = dcgan.model("mnist")
    frames = dcgan.layer_by_layer("mnist", 0, 5).frames
    maps = engine.maps(dcgan.codes("mnist", 0)[5:6])
    assert [int(frame.scalars["side"]) for frame in frames] == [1, 4, 7, 14, 28]
    assert [int(frame.scalars["channels"]) for frame in frames] == [map_.shape[1] for map_ in maps]
    image = dcgan.as_bytes(engine.decode(dcgan.codes("mnist", 0)[5:6]))[0]
    assert np.abs(frames[-1].arrays["maps"][0].astype(int) - image).max() <= 1


def test_a_great_circle_keeps_lengths_and_ends():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 50, generator=generator)
    a, b = a / a.norm(), b / b.norm()
    path = dcgan.slerp(a, b, torch.linspace(0, 1, 9))
    torch.testing.assert_close(path[0], a)
    torch.testing.assert_close(path[-1], b)
    torch.testing.assert_close(path.norm(dim=1), torch.ones(9))
    torch.testing.assert_close(dcgan.slerp(a, a, torch.linspace(0, 1, 3)), a.expand(3, -1))


def test_arithmetic_ends_at_c_plus_a_minus_b():
    engine, z = dcgan.model("mnist"), dcgan.codes("mnist", 3)
    frames = dcgan.arithmetic("mnist", 3, 1, 2, 4).frames
    expected = dcgan.as_bytes(engine.decode((z[4] + z[1] - z[2])[None]))[0]
    last = frames[-1].arrays["sheet"][2:30, -30:-2]
    assert np.abs(last.astype(int) - expected).max() <= 1


def test_every_rule_of_the_recipe_reaches_the_engine_and_rates_apply_live():
    off = {"strided": "false", "norm": "false", "hidden": "true", "relu": "false", "leaky": "false", "small": "false"}
    at = opened(DCGAN, view="train", channels="8", beta1="0.9", size="32", **off)
    assert said(at) == []
    made = config(at, RUN)
    assert (made.strided, made.batch_norm, made.hidden_layer, made.generator_relu) == (False, False, True, False)
    assert (made.leaky, made.small_start, made.beta1, made.size) == (False, False, 0.9, 32)
    token = at.session_state[RUN]["token"]
    sound(next(s for s in at.select_slider if s.key.endswith(":rate")).set_value("1e-3").run())
    assert at.session_state[RUN]["token"] == token
    assert config(at, RUN).learning_rate == 1e-3


def test_questions_are_checked_on_the_recorded_run():
    first, second = dcgan_notes.questions({"data": "mnist"})
    right, sentence = first.check("the Fréchet distance")
    assert right
    assert "went from" in sentence
    assert second.check(28)[0]
    assert not second.check(27)[0]


def test_a_sheet_holds_every_image():
    images = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)
    sheet = sheets.sheet(images, 2)
    assert sheet.shape == (3 * 6 + 2, 2 * 6 + 2)
    np.testing.assert_array_equal(sheet[2 + 6 : 6 + 6, 2:6], images[2])


def test_the_images_judged_by_are_a_fair_draw():
    """The rows of any stretch of the test set come as often as they should: MNIST's first half is the clearer one."""
    drawn = shuffled(10_000)
    assert sorted(drawn) == list(range(10_000))
    spread = np.sqrt(2000 * 0.25 * 0.8)  # hypergeometric: 2,000 of 10,000, half of them in the first half
    assert abs((drawn[:2000] < 5000).sum() - 1000) < 4 * spread
    assert np.array_equal(drawn, shuffled(10_000))


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_real_images_and_noise_score_what_stands_beside_ours(name):
    assert scale(name) == pytest.approx(dcgan_notes.SCALE[name], abs=0.006)


def test_noise_is_never_called_clear():
    frames = shipped.frames("dcgan")
    assert frames[0].scalars["clear"] > 0.99
    words = dcgan.training_words(frames[1], "mnist")
    assert "clear" not in words
    assert "as sure of noise" in words
    assert "noise" not in dcgan.training_words(frames[-1], "mnist")
    table = next(block["table"] for block in dcgan.training_numbers(frames[-1], "mnist") if "table" in block)
    assert table[2][2] == f"{dcgan_notes.SCALE['mnist']['precision']:.3f}"


def test_the_discriminator_answers_as_it_learned():
    """By each batch's own statistics: then the samples' mean is what the end of the training curve says."""
    engine, z = dcgan.model("mnist"), dcgan.codes("mnist", 0)
    made = engine.decode(z)
    last = shipped.frames("dcgan")[-1].scalars
    assert float(engine.score(made).sigmoid().mean()) == pytest.approx(last["d_fake"], abs=0.04)
    real = np.array(data.load("mnist", split="test").x[:64])
    network = engine.network["D"]
    with torch.no_grad():
        running = float(network(engine._scored(real)).sigmoid().mean())
    assert float(engine.score(real).sigmoid().mean()) > running + 0.1
    assert not network.training
    alone = engine.score(made[:1], among=made[1:])
    torch.testing.assert_close(alone, engine.score(made)[:1])


def test_what_departs_from_the_paper_and_what_the_figures_rest_on_is_said():
    at = opened(DCGAN)
    words = " ".join(element.value for element in at.markdown)
    for said_of_it in ("5 × 5", "averages three", "authors' code"):
        assert said_of_it in words
    caption = " ".join(element.value for element in at.caption)
    assert "2,000 of the samples against 2,000 test images drawn at random" in caption
    assert "of noise: 100 %" in caption


# -- transposed convolution --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stamp", "zero-inserted", "convolution", "resize"])
def test_every_operation_plays_and_spells_out_its_sums(how):
    at = opened(CONV, how=how, n="4", k="3", s="2", p="1")
    assert said(at) == []
    held = on_stage(at, STEPS)
    engine = conv.engine_of({"how": how, "values": "numbers", "n": 4, "k": 3, "s": 2, "p": 1, "a": 0, "seed": 0})
    frames = played(held)
    drawn = live.picture(held, frames[-1])
    json.loads(pack(drawn))
    np.testing.assert_allclose(drawn["traces"][2]["z"], engine.result, rtol=1e-6)
    tips = held.base["tips"]
    assert len(tips) == engine.result.size
    for cell, tip in zip(np.ndindex(engine.result.shape), tips, strict=True):
        terms, _, total = tip.partition(" = ")[2].rpartition(" = ")
        plain = terms.replace("·", "*").replace("−", "-").replace("nothing", "0")
        assert eval(plain, {"__builtins__": {}}) == engine.result[cell] == float(total.replace("−", "-"))
    blocks = held.explain(frames[-1], {"component": 3})
    json.loads(pack(blocks))


def test_the_matrix_beside_it_gives_the_output():
    for mode in ("transposed", "inserted", "convolution", "resize"):
        engine = engines.create("transposed_convolution", mode=mode, size=4, kernel=3, stride=2, padding=1)
        table = conv_pictures.matrix_of(engine)
        np.testing.assert_allclose(table @ engine.input.ravel(), engine.result.ravel(), atol=1e-12)
        shown = [trace["z"] for trace in conv_pictures.base(engine)["traces"] if trace.get("xaxis") in ("x3", "x4")
                 and trace["type"] == "heatmap"]  # fmt: skip
        np.testing.assert_allclose(shown[0], table, rtol=1e-6)
        np.testing.assert_array_equal(shown[1], shown[0].T)


def test_no_zero_has_a_sign():
    written = [conv_pictures.short(x) for x in (-0.0, -0.001, 0.004, -1.0, -1.25)]
    assert written == ["0", "0.00", "0.00", "−1", "−1.25"]


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_a_trained_layer_has_the_generators_own_sizes(layer):
    at = opened(CONV, values=f"dcgan-{layer}")
    assert said(at) == []
    held = on_stage(at, STEPS)
    maps = dcgan.model("mnist").maps(dcgan.codes("mnist", 0)[:1])
    assert len(held.run.history.last.arrays["output"]) == maps[layer].shape[2]
    json.loads(pack([held.base, live.picture(held, held.run.history.last)]))
    assert len(held.base["tips"]) == maps[layer].shape[2] ** 2  # every cell's sum, in the largest too


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"p": "3"}, "Padding 3 must be below the kernel's side, 3"),
        ({"a": "2"}, "Output padding 2 must be below the stride, 2"),
        ({"how": "convolution", "n": "2", "k": "5"}, "A kernel of 5 does not fit into 2"),
        ({"n": "50"}, "n is 50; it goes from 1 to 7"),
    ],
)
def test_what_cannot_be_is_one_sentence(settings, sentence):
    assert any(sentence in text for text in said(opened(CONV, **settings)))


def test_the_scenes_say_what_the_grids_show():
    shown = {name: [conv.engine_of({**DEFAULTS, **values}).result for values in (scene.link, scene.cure)]
             for name, scene in conv_notes.SCENES.items()}  # fmt: skip
    assert set(shown["checkerboard"][0].ravel()) == {1, 2, 4}
    assert set(shown["checkerboard"][1][1:-1, 1:-1].ravel()) == {9}
    assert shown["even"][0].shape == (8, 8)
    assert set(shown["even"][0][1:-1, 1:-1].ravel()) == {4}
    assert shown["even"][1].shape == (8, 8)
    assert set(shown["even"][1].ravel()) == {1, 2, 4}
    assert [len(result) for result in shown["dcgan"]] == [14, 28]
