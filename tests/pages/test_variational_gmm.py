"""The variational mixture: its pictures are the engine's, the dead are not drawn, bad input is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

import engines
from engines import data
from pages.catalogue import PAGES
from pages.mixtures import gmm_pictures, variational_gmm_notes, variational_gmm_runs
from pages.mixtures.gmm_runs import bundled
from pages.ui import stage
from pages.ui.wire import pack
from tests.pages.app import config, opened, press, said, sound

pytestmark = pytest.mark.usefixtures("alone")

PAGE = PAGES / "mixtures" / "variational_gmm.py"
SLOT = "variational-gmm:run"


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_the_drawn_predictive_density_is_the_engines(kind):
    x = np.array(data.load("blobs", n=60, seed=0).x)
    vb = engines.create("variational_gmm", data=x, covariance_type=kind, device="cpu")
    for _ in range(9):
        vb.step()
    grid = gmm_pictures.grid_points(((-4.0, 4.0), (-4.0, 4.0)))
    found = variational_gmm_runs.predictive_log_prob(vb.frame(), grid, kind == "diag")
    np.testing.assert_allclose(found, vb.log_prob(grid).numpy(), rtol=1e-9)


def test_pictures_leave_out_the_dead_and_show_every_weight(monkeypatch):
    scene = variational_gmm_runs.scene(bundled("blobs", 200), "plug-in", n_components=8, seed=1)
    scene.run.play()
    assert scene.run.wait(20).state == "finished"
    frame = scene.run.history.last
    drawn = scene.draw(frame)
    assert pack(drawn)
    weights = frame.arrays["weights"]
    alive = weights > 0.01
    assert 1 < alive.sum() < 8
    np.testing.assert_allclose(drawn["traces"][2 + 2 * 8]["x"], weights, rtol=1e-6)
    for k in range(8):
        assert (len(drawn["traces"][1 + k]["x"]) > 0) == alive[k]
    assert np.isnan(drawn["traces"][1 + 16]["x"]).sum() == (~alive).sum()
    blocks = scene.explain(frame, {"component": 3})
    assert blocks[0]["text"].startswith("Component 4 at step")
    assert blocks[0]["text"].endswith(f"{frame.arrays['counts'][3]:.1f} points.")
    alive_asked, fall_asked = variational_gmm_notes.questions()
    monkeypatch.setattr(stage, "current", lambda _slot: scene)
    for answer, right in ((alive.sum(), True), (alive.sum() - 0.01, False), (alive.sum() + 1, False)):
        assert alive_asked.check(float(answer))[0] is right
    assert fall_asked.check("no")[0]
    scene.run.change(concentration=1e6)  # another prior, whose bound lies lower
    scene.run.step()
    scene.run.wait(5)
    bounds = [frame.scalars["lower_bound"] for frame in scene.run.history.after(-1)]
    fell = min(np.diff(bounds)) < -1e-6
    assert fell
    assert fall_asked.check("yes")[0]
    assert not fall_asked.check("no")[0]


@pytest.mark.parametrize(
    ("n", "concentration", "outweighs"), [(600, 0.01, True), (600, 100.0, False), (30, 1.0, False)]
)
def test_that_much_data_outweighs_the_concentration_is_said_where_it_does(n, concentration, outweighs):
    scene = variational_gmm_runs.scene(
        bundled("blobs", n), "plug-in", n_components=4, seed=1, concentration=concentration
    )
    for _ in range(2):
        scene.run.step()
    scene.run.wait(10)
    words = " ".join(block.get("text", "") for block in scene.explain(scene.run.history.last, {}))
    assert f"points beside {n} of data" in words
    assert ("they outweigh it" in words) == outweighs == (4 * concentration < 0.05 * n)


@pytest.mark.parametrize("seed", range(6))
def test_whether_the_sticks_weights_fall_is_looked_at(seed):
    scene = variational_gmm_runs.scene(
        bundled("stretched", 300), "predictive", n_components=12, weight_prior="process", seed=seed
    )
    scene.run.play()
    assert scene.run.wait(20).state == "finished"
    frame = scene.run.history.last
    weights = frame.arrays["weights"]
    kept = weights[weights > 0.01]
    said_of_it = scene.draw(frame)["caption"]
    assert ("fall from the first stick to the last" in said_of_it) == bool((np.diff(kept) <= 0).all())
    assert ("outweighs the one kept before it" in said_of_it) == bool((np.diff(kept) > 0).any())


def test_most_bars_die_where_the_scene_says_so():
    scene = variational_gmm_runs.scene(bundled("blobs", 300), "predictive", n_components=10, seed=0)
    scene.run.play()
    assert scene.run.wait(20).state == "finished"
    assert (scene.run.history.last.arrays["weights"] > 0.01).sum() == 3


def test_both_densities_are_drawn_and_scored_on_points_that_the_run_has_not_seen():
    cloud = bundled("blobs", 50)
    scene = variational_gmm_runs.scene(cloud, "both", n_components=3, seed=0)
    for _ in range(8):
        scene.run.step()
        scene.run.wait(5)
    frame, engine = scene.run.history.last, scene.run.engine
    grid = gmm_pictures.grid_points(gmm_pictures.extent(cloud.x))
    traces = scene.draw(frame)["traces"]
    for trace, log_p in ((traces[0], engine.log_prob(grid)), (traces[3 + 6], engine.plug_in_log_prob(grid))):
        expected = gmm_pictures.contour_lines(log_p.numpy())
        np.testing.assert_allclose(trace["z"], expected["z"], rtol=1e-5)
    assert traces[9]["visible"] is True
    fresh = np.array(data.load("blobs", n=1000, seed=1).x)
    assert not np.isin(fresh[:, 0], cloud.x[:, 0]).any()
    table = scene.explain(frame, {})[-1]["table"]
    for row, log_p in ((table[1], engine.log_prob(fresh)), (table[2], engine.plug_in_log_prob(fresh))):
        assert float(row[1]) == pytest.approx(float(log_p.mean()), abs=6e-4)
        assert float(row[2]) == pytest.approx(float(log_p.min()), abs=6e-3)
    assert float(table[1][2]) > float(table[2][2])  # less surprised by the least likely


def test_the_concentration_changes_the_run_as_it_goes_and_the_rest_restarts():
    at = opened(PAGE)
    token = at.session_state[SLOT]["token"]
    slider = next(s for s in at.select_slider if s.key.endswith(":conc"))
    sound(slider.set_value("10").run())
    assert at.session_state[SLOT]["token"] == token
    assert config(at, SLOT).concentration == 10
    press(at, "New seed")
    assert at.session_state[SLOT]["token"] != token


def test_em_stands_beside_it_with_the_same_number():
    at = opened(PAGE, compare="true", k="7")
    assert config(at, "variational-gmm:rival").n_components == 7
    press(at, "BIC's choice of K")
    assert any("BIC is lowest at K" in element.value for element in at.markdown)


@pytest.mark.parametrize(
    ("query", "said_of_it"),
    [
        ({"k": "99"}, "k is 99; it goes from 1 to 16"),
        ({"conc": "0"}, "conc has no value `0`"),
        ({"prior": "flat"}, "prior has no value `flat`; choose one of dirichlet, process"),
    ],
)
def test_a_wrong_address_is_one_sentence(query, said_of_it):
    assert any(said_of_it in sentence for sentence in said(opened(PAGE, **query)))


def test_a_csv_is_asked_for():
    at = opened(PAGE, data="csv")
    assert "Choose a file" in at.info[0].value
