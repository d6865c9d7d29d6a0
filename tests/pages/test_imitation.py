"""The page of imitation as Streamlit runs it: its views, its scenes, the viewer's demonstrations, what goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from engines.imitation import demonstrations, experts
from engines.imitation.environments import environment
from pages.catalogue import entry
from pages.imitation import gail, gail_notes, gail_pictures
from tests.pages.app import on_stage, opened, said

pytestmark = pytest.mark.usefixtures("alone")

PAGE = entry("gail").file
RUN = "gail:run"


@pytest.mark.parametrize(
    "query",
    [
        {"env": "mountain-car"},
        {"env": "cartpole", "method": "behavioural_cloning"},
        {"env": "acrobot", "n": "1", "thin": "5"},
        {"expert": "useless", "env": "cartpole", "n": "10"},
        {"view": "count", "task": "cartpole"},
        {"view": "body"},
    ],
)
def test_every_view_opens_with_a_run(query: dict[str, str]):
    at = opened(PAGE, **query)
    assert said(at) == []
    record = on_stage(at, RUN)
    assert record.draw(record.run.history.after(-1)[0])["caption"]


def test_a_step_is_drawn_and_explained_with_its_own_figures():
    at = opened(PAGE, seed="3")
    record = on_stage(at, RUN)
    record.run.pause()
    record.run.step()
    assert record.run.wait(20).state in ("paused", "playing")
    frame = record.run.history.after(0)[0]
    picture = record.draw(frame)
    assert f"{frame.scalars['d_learner']:.2f}" in picture["caption"]
    assert picture["episodes"]["states"].shape == (201, 2)
    blocks = record.explain(frame, {"component": 5})
    table = next(block["table"] for block in blocks if "table" in block)
    logit = float(frame.arrays["logits"][5])
    assert table[4][1].replace("−", "-") == f"{logit:.3f}"  # the reward log D - log(1 - D) is the logit
    right, sentence = gail_notes._kl(round(frame.scalars["kl"], 4), record)
    assert sentence.endswith("it is kept.") or not right
    record.shown = 0
    with pytest.raises(ValueError, match="there is no KL"):  # said as it is, not as a wrong answer
        gail_notes._kl(0.01, record)
    with pytest.raises(ValueError, match="no run on the stage"):
        gail_notes._kl(0.01, None)


def test_scenes_set_what_they_say_and_their_cures_differ_in_one_thing():
    for name, scene in gail_notes.SCENES.items():
        at = opened(PAGE, scene=name)
        assert said(at) == []
        config: Any = on_stage(at, RUN).run.engine.config
        for key in ("reward", "absorbing"):
            if key in scene.link:
                assert getattr(config, key) == scene.link[key]
        assert len(set(scene.link.items()) ^ set(scene.cure.items())) == 1


def test_a_scene_says_how_long_episodes_last_and_how_long_its_experts_did():
    shown = gail.shown_by("cartpole", "useless")
    record = gail.training(shown, "gail", ("", ""), n_trajectories=10, reward="positive", absorbing=False)
    assert gail_notes.survives(None) == gail_notes.survives(record)  # before the first step there is nothing to count
    record.run.step()
    assert record.run.wait(20).step == 1
    frame, own = record.run.history.last, [len(one) for one in shown.trajectories]
    assert gail_notes.survives(record).endswith(
        f" At step 1 the learner's episodes last {frame.scalars['return']:.0f} steps on average; its useless expert's "
        f"lasted {sum(own) / len(own):.0f}."
    )


def test_what_an_address_cannot_mean_is_said():
    assert "env has no value `moon`" in said(opened(PAGE, env="moon"))[0]


@pytest.mark.parametrize("learner", ["gail", "behavioural_cloning"])
def test_the_learner_imitates_the_viewer(learner: str):
    at = opened(PAGE, view="drive", car="pendulum", learner=learner)
    assert "there is no demonstration of Pendulum: drive at least once" in said(at)[0]
    mine = list(demonstrations.load("pendulum").first(3).trajectories)
    at = opened(PAGE, {"gail:driven": {"pendulum": mine}}, view="drive", car="pendulum", learner=learner)
    assert said(at) == []
    engine: Any = on_stage(at, RUN).run.engine
    assert engine.name == learner
    assert len(engine.data) == 600


def test_contradictory_and_scarce_demonstrations_get_a_sentence():
    env = environment("cartpole")
    tossed = experts.demonstrate("cartpole", experts.at_random(env), n=30, seed=0)
    state = {"gail:driven": {"cartpole": list(tossed.trajectories)}}
    at = opened(PAGE, state, view="drive", learner="behavioural_cloning")
    assert "Your demonstrations contradict each other" in at.info[0].value
    good = demonstrations.load("cartpole").trajectories[0]
    few = demonstrations.trajectory(env, good.states[:60], good.actions[:60], terminated=False)
    at = opened(PAGE, {"gail:driven": {"cartpole": [few]}}, view="drive", learner="behavioural_cloning")
    assert "There are 60 pairs of you" in at.info[0].value


def test_layers_are_those_that_there_are():
    names = [name for name, *_ in gail_pictures.layers_of("cartpole", cloned=False, expert="you")]
    assert names == ["expert", "learner", "paths"]
    assert "field" in [name for name, *_ in gail_pictures.layers_of("pendulum", cloned=False, expert="you")]
    assert "field" not in [name for name, *_ in gail_pictures.layers_of("pendulum", cloned=True, expert="you")]


def test_the_recorded_comparison_is_whole_and_says_what_it_shows():
    held = gail_notes.compared()
    assert len(held["rows"]) == 2 * 4 * 5 * 2
    for name in held["tasks"]:
        near = sum(score >= 0.9 for score in gail_notes.scores(name, "gail", 1))
        assert f"GAIL comes 90 % of the way from random to expert for {near} of 5" in gail_notes.compared_words(name)
    # From four trajectories at least four of five seeds come 90 % of the way.
    for name in held["tasks"]:
        assert sum(score >= 0.9 for score in gail_notes.scores(name, "gail", 4)) >= 4
    film = gail.counted("pendulum")
    assert film.draw(film.frames[0])["caption"] == gail_notes.compared_words("pendulum")
