"""The Bayes classifier's page: its pictures are the engine's, and every view opens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines import data
from engines.foundations import bayes_classifier
from engines.mixtures.gmm import GaussianMixture
from engines.mixtures.variational_gmm import VariationalGaussianMixture
from pages.catalogue import PAGES
from pages.foundations import bayes_classifier_notes as notes
from pages.foundations import bayes_classifier_runs as runs
from pages.ui import code, live, shipped
from pages.ui.wire import pack
from tests.pages.app import on_stage, opened, press, said, sound

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "foundations" / "bayes_classifier.py"
RUN = "bayes-classifier:run"


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_fitted():
    """Whatever the page shows of these sets ships; a fit would make the viewer wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bayes_classifier, "fit_class", lambda *_, **__: pytest.fail("a class was fitted"))
        patch.setattr(GaussianMixture, "step", lambda *_: pytest.fail("a mixture was fitted"))
        patch.setattr(VariationalGaussianMixture, "step", lambda *_: pytest.fail("a mixture was fitted"))
        patch.setattr(runs, "REDRAWS", 2)
        yield


@pytest.mark.parametrize("view", ["draw", "styles", "directions", "classify"])
@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_every_view_opens_and_draws(view, name):
    at = opened(PAGE, view=view, data=name, d1="1.5")
    assert said(at) == []
    held = on_stage(at, RUN)
    for _ in range(2):
        held.run.step()
        held.run.wait(5)
    for frame in held.run.history.after(-1):
        assert pack([live.picture(held, frame), held.explain(frame, {})])


def test_the_model_lights_up_y_and_then_x():
    made = runs.draw_scene("mnist", raw=False, seed=1)
    for phase, lit in (("y", 1), ("x", 2)):
        made.run.step()
        made.run.wait(5)
        frame = made.run.history.last
        assert frame.phase == phase
        drawn = made.draw(frame)["traces"]
        assert drawn[lit]["marker"]["color"] == "@second/70"
        assert drawn[3 - lit]["marker"]["color"] == "@ground"
    sheet = made.draw(frame)["sheet"]
    expected = runs.as_bytes(frame.arrays["sample"], raw=False)
    np.testing.assert_array_equal(sheet[90:174:3, 3:87:3], expected)


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_the_code_of_a_step_draws_the_same_image(name, capsys):
    made = runs.draw_scene(name, raw=False, seed=3)
    for _ in range(2):
        made.run.step()
        made.run.wait(5)
    exec(code.of_step(made, 2), {})
    assert capsys.readouterr().out.strip() == str(dict(made.run.history.last.scalars))


def test_raw_levels_keep_what_lies_beyond_black_and_white():
    levels = np.linspace(-1, 2, 784)
    clipped, raw = (runs.as_bytes(levels, raw=raw) for raw in (False, True))
    assert (clipped == 0).sum() > 200
    assert len(np.unique(raw)) == 256


def test_the_posterior_shown_is_the_models_and_the_confusion_adds_up():
    made = runs.classify("mnist", 4, None)
    x = torch.tensor(np.array(data.load("mnist", split="test").x[4]), dtype=torch.float64).reshape(1, 784) / 255
    expected = runs.classes("mnist").log_posterior(x)[0].exp().numpy()
    np.testing.assert_allclose(made.base["traces"][0]["x"], expected, atol=1e-6)
    runs.confusion.clear()
    table = runs.confusion("mnist")
    assert table.sum() == 10_000
    metrics = shipped.card("bayes_classifier")["metrics"]  # of the weights before they were halved
    assert table.trace() / 10_000 == pytest.approx(metrics["test_accuracy"], abs=5e-4)
    assert metrics["test_accuracy_low"] < table.trace() / 10_000 < metrics["test_accuracy_high"]
    runs.confusion.clear()


def test_sliders_move_along_directions_and_go_back():
    at = opened(PAGE, view="directions", y="2", d1="2", d3="-1")
    press(at, "A random draw")
    amounts = [next(s for s in at.slider if s.key.endswith(f":d{i}")).value for i in range(1, 7)]
    assert all(-3 <= amount <= 3 for amount in amounts)
    press(at, "Back to the mean")
    assert [next(s for s in at.slider if s.key.endswith(f":d{i}")).value for i in range(1, 7)] == [0.0] * 6


def test_a_test_image_beyond_the_set_is_a_sentence_and_clothes_have_fewer():
    at = opened(PAGE, view="classify", data="fashion", row="9999")
    assert any("row is 9999; these images go from 0 to 4999" in text for text in said(at))
    at = opened(PAGE, view="classify", row="9999")
    assert said(at) == []
    sound(next(s for s in at.selectbox if s.key.endswith(":data")).set_value("fashion").run())
    assert any("The last one is shown" in text for text in said(at))
    press(at, "Another test image")


def test_questions_know_the_shares():
    right, sentence = notes.questions("mnist")[0].check("draw y from p(y)")
    assert right
    assert "p(y) goes from" in sentence
    assert notes.questions("mnist")[1].check(614_656)[0]
