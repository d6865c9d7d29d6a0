"""The game's page: its pictures are the engine's, settings change it live or restart it, bad input is a sentence."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import engines
from engines import data, devices
from engines.gans.objectives import OBJECTIVES
from engines.maths.samples import cells
from pages.catalogue import PAGES
from pages.gans import gan as gan_page
from pages.gans import gan_notes, gan_pictures, gan_runs
from pages.ui import live
from pages.ui.wire import pack
from tests.pages.app import config, on_stage, opened, press, said, sound, value

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "gans" / "gan.py"
RUN = "gan:run"


def test_what_departs_from_the_wasserstein_papers_is_said_and_is_so():
    at = opened(PAGE)
    words = " ".join(" ".join(element.value for element in at.markdown).split())
    played, chosen = config(at, RUN), {setting.key: setting for setting in gan_page.GAME}
    assert (
        f"weights stay within {played.clip:g} (0.01 in Arjovsky et al. 2017, who take five critic steps and RMSProp)"
        in words
    )
    assert rf"$\lambda = {played.penalty:g}$ (10 in Gulrajani et al. 2017, with five critic steps" in words
    assert rf"one step each and Adam with $\beta_1 = {played.beta1:g}$" in words
    assert (played.d_steps, played.g_steps, played.optimizer) == (1, 1, "adam")
    assert r"the limit, $\lambda$ and the steps can be set to the papers' own" in words
    assert "0.01" in chosen["clip"].options
    assert "10" in chosen["penalty"].options
    assert chosen["dsteps"].high >= 5


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("noise_dim", [1, 2])
def test_a_picture_and_its_numbers_hold_what_the_frame_says(objective, noise_dim):
    made = gan_runs.game(gan_runs.points_of("ring"), objective=objective, noise_dim=noise_dim, seed=1)
    made.run.step()
    made.run.wait(5)
    frame = made.run.history.last
    drawn = made.draw(frame)
    json.loads(pack(drawn))
    field = drawn["traces"][0]["z"]
    assert field.shape == (40, 40)
    assert 0 <= field.min() <= field.max() <= 1
    fakes = drawn["traces"][6 + gan_pictures.LEVELS]
    np.testing.assert_array_equal(np.stack([fakes["x"], fakes["y"]], axis=1), frame.arrays["fake"])
    blocks = made.explain(frame, {"point": 3})
    json.loads(pack(blocks))
    if objective in ("minimax", "non-saturating", "r1", "spectral"):
        rows = blocks[1]["table"]
        y = 1 / (1 + math.exp(-frame.arrays["logit_real"][3]))
        assert rows[1][2:] == ["1", f"{y:.4g}", f"{-math.log(y):.4g}"]
        y = 1 / (1 + math.exp(-frame.arrays["logit_fake"][3]))
        assert rows[2][2:] == ["0", f"{y:.4g}", f"{-math.log(1 - y):.4g}"]


def test_the_best_discriminator_is_p_over_p_plus_q():
    """Where samples come from the data themselves it is one half, and next to one where no sample comes."""
    ring = gan_runs.points_of("ring")
    made = gan_runs.game(ring)
    shares = cells(data.load("ring", n=200_000, seed=5).x, low=-4.5, high=4.5, n=24).astype(np.float32)
    frame = made.run.history.last
    perfect = type(frame)(step=0, arrays={**frame.arrays, "shares": shares})
    p = gan_pictures.data_density(ring.truth, shares)
    best = gan_pictures.best(perfect, p)
    assert np.abs((best - 0.5) * (p > p.max() / 10)).max() < 0.2
    nowhere = type(frame)(step=0, arrays={**frame.arrays, "shares": np.eye(24, dtype=np.float32) / 24})
    assert gan_pictures.best(nowhere, p)[20, 33] > 0.95  # the mode at (3, 0)


def test_a_cell_of_the_grid_is_darker_where_it_is_smaller():
    grid = np.stack(np.meshgrid(np.arange(21) ** 2 / 50, np.arange(21) / 5), axis=2)
    outlines = gan_pictures.warp(grid)
    widths = [np.nanmean(np.abs(np.diff(outline[:2, 0]))) for outline in outlines]
    assert widths == sorted(widths, reverse=True)
    assert sum(np.isnan(outline[:, 0]).sum() for outline in outlines) == 400


def test_arrows_keep_their_proportions_and_none_is_none():
    at, by = np.zeros((20, 2)), np.tile([[1.0, 0.0], [0.5, 0.0]], (10, 1))
    line = gan_pictures.arrows(at, by, "@second")
    tips = line["x"][1::3]
    assert tips[0] == pytest.approx(2 * tips[1])
    assert len(gan_pictures.arrows(at, 0 * by, "@second")["x"]) == 0


def test_what_applies_live_and_what_restarts():
    at = opened(PAGE)
    token = at.session_state[RUN]["token"]
    sound(next(s for s in at.selectbox if s.key.endswith(":objective")).set_value("wgan-gp").run())
    sound(next(s for s in at.slider if s.key.endswith(":gsteps")).set_value(3).run())
    assert at.session_state[RUN]["token"] == token
    made = config(at, RUN)
    assert (made.objective, made.g_steps) == ("wgan-gp", 3)
    sound(next(s for s in at.slider if s.key.endswith(":gwidth")).set_value(8).run())
    assert at.session_state[RUN]["token"] != token
    press(at, "New seed")
    assert config(at, RUN).seed == 1


@pytest.mark.parametrize("name", ["line", "pair", "grid", "moons", "spiral", "draw"])
def test_every_data_set_opens(name):
    at = opened(PAGE, data=name, nz="1", noise="uniform")
    assert said(at) == []
    held = on_stage(at, RUN)
    json.loads(pack(live.picture(held, held.run.history.last)))


def test_nothing_drawn_is_a_sentence_and_one_point_runs():
    at = opened(PAGE, data="draw")
    at.session_state["gan:drawn"] = np.zeros((0, 2))
    sound(at.run())
    assert said(at) == []
    held = on_stage(at, RUN)
    assert "Choose Add points" in live.picture(held, held.run.history.last)["caption"]
    at.session_state["gan:drawn"] = np.array([[1.0, 2.0]])
    sound(at.run())
    held = on_stage(at, RUN)
    assert held.run.engine.name == "gan2d"
    held.run.step()
    assert held.run.wait(5).state == "paused"


def test_an_address_out_of_range_is_named():
    at = opened(PAGE, gsteps="99", glr="7", noise="pink")
    sentence = " ".join(said(at))
    assert "gsteps is 99; it goes from 1 to 20" in sentence
    assert "glr has no value `7`" in sentence
    assert "noise has no value `pink`" in sentence


def test_an_address_that_only_names_a_scene_plays_it_once():
    at = opened(PAGE, scene="wasserstein")
    for key, wanted in gan_notes.SCENES["wasserstein"].link.items():
        assert str(value(at, key)) == str(wanted)
    token = at.session_state[RUN]["token"]
    at.run()
    assert at.session_state[RUN]["token"] == token


def test_the_saddle_and_its_numbers():
    at = opened(PAGE, view="equilibrium", method="extragradient")
    held = on_stage(at, RUN)
    held.run.play()
    assert held.run.wait(10).state == "finished"
    frame = held.run.history.last
    assert frame.scalars["distance"] < 0.1
    json.loads(pack([live.picture(held, frame), held.explain(frame, {})]))


def played(rounds, **settings):
    made = gan_runs.game(gan_runs.points_of("pair"), "pair", batch_size=20, **settings)
    for _ in range(rounds):
        made.run.step()
        made.run.wait(5)
    return made


def test_questions_are_answered_from_the_step_on_the_stage():
    frames = played(12).run.history.after(-1)
    asked = gan_notes.questions(lambda: frames)
    assert asked[0].check(-1.386)[0]
    assert not asked[0].check(-1.36)[0]
    most = max(frame.scalars["modes"] for frame in frames)
    assert asked[1].check(most)[0]
    assert not asked[1].check(most + 1)[0]
    right, sentence = asked[2].check("no")
    assert right
    rows = np.array([(f.scalars["g_loss"], f.scalars["js"]) for f in frames if "g_loss" in f.scalars]).T
    assert f"{np.corrcoef(rows)[0, 1]:+.2f}" in sentence
    early = gan_notes.questions(lambda: frames[:3])
    assert f"At most {max(f.scalars['modes'] for f in frames[:3]):.0f}" in early[1].check(0)[1]
    with pytest.raises(ValueError, match="fewer than ten"):
        early[2].check("no")


def test_a_wrong_answer_shows_the_way_and_the_answer_on_request():
    at = opened(PAGE)
    at.session_state["gan:tabs"] = "Try it"
    sound(at.run())
    at.number_input(key="gan:try:0:answer").set_value(0.0)
    check = next(button for button in at.button if button.label == "Check" and "try:0" in button.proto.form_id)
    at = sound(check.click().run())
    assert said(at) == ["Not quite. Put one half into both logarithms of V under Why."]
    assert not any("1.386" in element.value for element in at.info)
    at = press(at, "Show the answer")
    assert any("1.386" in element.value for element in at.info)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_v_is_drawn_only_of_the_games_that_it_is_defined_for(objective):
    made = played(1, objective=objective)
    frame = made.run.history.last
    gives_a_probability = objective in ("minimax", "non-saturating", "r1", "spectral")
    assert ("value" in frame.scalars) == gives_a_probability
    assert (made.base["curve_sets"][0]["name"] == "V(D, G)") == gives_a_probability
    best = made.draw(frame)["traces"][2]["z"]
    assert np.isfinite(best).all() == gives_a_probability


@pytest.mark.parametrize("name", ["ring", "pair", "grid", "moons"])
def test_two_sets_drawn_alike_are_a_few_thousandths_of_a_nat_apart(name):
    assert 0 < gan_runs.floor_of(name) < 0.006


def test_a_scene_says_what_the_run_on_the_stage_has_shown():
    made = played(15, g_steps=5)
    frames = made.run.history.after(-1)
    covered = [frame.scalars["modes"] for frame in frames]
    assert f"(round {frames[-1].scalars['round']:.0f})" in gan_notes.collapse(made)
    assert gan_notes._many(covered) in gan_notes.collapse(made)
    left = [(frame.arrays["fake"][:, 0] < 0).mean() for frame in frames]
    assert f"{100 * min(left):.0f} to {100 * max(left):.0f} %" in gan_notes.oscillation(made)
    assert gan_notes.strong(None)
    values = [frame.scalars["value"] for frame in frames]
    said_of_it = gan_notes.strong(made)
    assert ("D is sure." in said_of_it) == (values[-1] > gan_notes.SURE)
    assert ("not sure of its points" in said_of_it) == (max(values) <= gan_notes.SURE)


ENGINE_KEYS = {"gsteps": "g_steps", "dsteps": "d_steps", "opt": "optimizer", "objective": "objective"}
ENGINE_RATES = {"glr": "g_learning_rate", "dlr": "d_learning_rate"}


def after(values, rounds):
    """The game of a scene's settings, some rounds on: its frame."""
    settings = {ENGINE_KEYS[key]: value for key, value in values.items() if key in ENGINE_KEYS}
    settings |= {ENGINE_RATES[key]: float(value) for key, value in values.items() if key in ENGINE_RATES}
    engine = engines.create("gan2d", data=gan_runs.points_of(values["data"]), **settings)
    with devices.threads(1):
        while engine.round < rounds:
            engine.step()
    return engine.frame()


@pytest.mark.parametrize("name", ["saturating", "strong"])
def test_where_the_discriminator_knows_all_the_generator_stands_still(name):
    frame = after(gan_notes.SCENES[name].link, 60)
    assert frame.scalars["value"] > -0.05
    assert frame.scalars["js"] > 0.65
    assert np.linalg.norm(frame.arrays["pull"], axis=1).mean() < 0.1


def test_the_non_saturating_loss_moves_it_from_there():
    frame = after(gan_notes.SCENES["saturating"].cure, 200)
    assert frame.scalars["js"] < 0.4


def test_a_wasserstein_critic_far_ahead_shows_the_way_where_minimax_loses_a_mode():
    scene = gan_notes.SCENES["wasserstein"]
    assert after(scene.link, 300).scalars["modes"] == 2
    assert after(scene.cure, 300).scalars["modes"] <= 1
