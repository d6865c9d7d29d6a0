"""What is drawn of a mixture, held against closed forms and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import engines
from engines import data
from engines.engine import Frame
from engines.history import History
from engines.run import Run
from pages.mixtures import gmm_pictures, gmm_runs
from pages.mixtures.gmm_pictures import GRID, PATH_POINTS, contours, ellipse, extent, grid_along, paths
from pages.ui.wire import pack

WEIGHTS = np.array([0.2, 0.5, 0.3])
MEANS = np.array([[-2.0, 1.0], [0.5, -0.5], [3.0, 2.0]])
COVARIANCES = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.3, 0.0], [0.0, 2.0]], [[0.05, -0.02], [-0.02, 0.04]]])
RANGES = ((-5.0, 5.0), (-4.0, 4.0))


def history_of(frames: list[Frame]) -> History[Frame]:
    history: History[Frame] = History()
    for frame in frames:
        history.append(frame)
    return history


# -- ellipses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(3))
def test_ellipses_lie_at_one_and_two_standard_deviations(k):
    line = ellipse(MEANS[k], COVARIANCES[k])
    gap = np.flatnonzero(np.isnan(line[0]))
    assert line.shape == (2, 83)
    assert gap.tolist() == [41]
    offset = line.T.astype(np.float64) - MEANS[k]
    distance = np.sqrt(np.einsum("ni,ij,nj->n", offset, np.linalg.inv(COVARIANCES[k]), offset))
    np.testing.assert_allclose(distance[:41], 1, atol=1e-4)
    np.testing.assert_allclose(distance[42:], 2, atol=1e-4)
    np.testing.assert_allclose(line[:, 0], line[:, 40], atol=1e-5)  # closed
    np.testing.assert_allclose(np.nanmean(line[:, :40], axis=1), MEANS[k], atol=1e-5)  # all the way round


def test_an_ellipse_without_extent_is_a_point_or_a_line():
    np.testing.assert_array_equal(ellipse(np.array([1.0, 2.0]), np.zeros((2, 2)))[:, [0, 20, 50]].T, [[1.0, 2.0]] * 3)
    flat = ellipse(np.zeros(2), np.array([[1.0, 1.0], [1.0, 1.0]]))  # its smaller eigenvalue may come out below zero
    assert np.isfinite(np.delete(flat, 41, axis=1)).all()
    np.testing.assert_allclose(flat[0, :41], flat[1, :41], atol=1e-6)


# -- contours ---------------------------------------------------------------------------------------


def scipy_log_density(weights, means, covariances, ranges) -> np.ndarray:
    xs, ys = (grid_along(*axis) for axis in ranges)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)  # (G, G, 2), rows along y as Plotly has them
    parts = [multivariate_normal(m, c).logpdf(grid) for m, c in zip(means, covariances, strict=True)]
    return logsumexp(np.stack(parts), b=weights[:, None, None], axis=0)


def test_contours_are_the_log_density_on_the_grid():
    drawn = contours(WEIGHTS, MEANS, COVARIANCES, RANGES)
    truth = scipy_log_density(WEIGHTS, MEANS, COVARIANCES, RANGES)
    assert drawn["z"].shape == (GRID, GRID)
    np.testing.assert_allclose(drawn["z"], np.maximum(truth, truth.max() - 9), atol=1e-4)
    assert drawn["zmax"] == pytest.approx(truth.max(), abs=1e-4)
    lines = drawn["contours"]
    assert lines["size"] == 1
    assert lines["start"] == pytest.approx(truth.max() - 7, abs=1e-4)
    assert drawn["z"].min() < lines["start"] < lines["end"] < drawn["z"].max()


def test_contours_of_a_component_without_weight_or_spread():
    weights, covariances = np.array([0.4, 0.6, 0.0]), COVARIANCES.copy()
    with np.errstate(divide="ignore"):
        truth = scipy_log_density(weights, MEANS, covariances, RANGES)
    drawn = contours(weights, MEANS, covariances, RANGES)
    np.testing.assert_allclose(drawn["z"], np.maximum(truth, truth.max() - 9), atol=1e-4)
    covariances[:] = 0  # k-means with a mean on every point
    assert np.isfinite(contours(WEIGHTS, MEANS, covariances, RANGES)["z"]).all()


def test_the_grid_covers_the_ranges_evenly_and_beyond():
    along = grid_along(-2.0, 6.0)
    assert len(along) == GRID
    assert (along[0], along[-1]) == (-4, 8)
    np.testing.assert_allclose(np.diff(along), 12 / (GRID - 1))


# -- ranges -----------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(5)
CLOUDS = {
    "none": np.empty((0, 2)),
    "one": np.array([[3.0, -7.0]]),
    "identical": np.full((40, 2), 2.5),
    "identical and far": np.full((3, 2), 1e9),
    "identical and very far": np.full((3, 2), -1e30),
    "two": np.array([[0.0, 0.0], [1e-9, 0.0]]),
    "a horizontal line": np.stack([np.linspace(-100, 900, 20), np.zeros(20)], axis=1),
    "a vertical line": np.stack([np.full(20, 7.0), np.linspace(0, 1e-3, 20)], axis=1),
    "a cloud": GENERATOR.normal(size=(300, 2)) * [5, 0.2] + [100, -3],
    "small": GENERATOR.normal(size=(300, 2)) * 1e-6,
    "large": GENERATOR.normal(size=(300, 2)) * 1e12,
    "far and narrow": GENERATOR.normal(size=(300, 2)) + 1e7,
}


@pytest.mark.parametrize("name", CLOUDS)
def test_ranges_hold_all_points_and_are_never_empty(name):
    x = CLOUDS[name]
    ranges = np.array(extent(x))  # (2, 2)
    assert np.isfinite(ranges).all()
    assert (ranges[:, 0] < ranges[:, 1]).all()
    if len(x):
        assert (x > ranges[:, 0]).all()
        assert (x < ranges[:, 1]).all()
    width, height = ranges[:, 1] - ranges[:, 0]
    assert 0.3 <= width / height <= 4  # about the shape of the stage, since both axes have one scale
    for axis in ranges:
        assert (np.diff(grid_along(*axis)) > 0).all()


# -- paths ------------------------------------------------------------------------------------------


def moving(step: int) -> Frame:
    return Frame(step=step, arrays={"means": np.array([[step, 0.0], [0.0, -step]])})


@pytest.mark.parametrize("n", [0, 1, 2, 62, 63, 64, 65, 200, 1000])
def test_paths_lead_from_the_start_to_the_frame_and_stay_short(n):
    history = history_of([moving(step) for step in range(n + 10)])
    trail = paths(history.at(n), history)
    assert trail.shape[1:] == (2, 2)
    assert len(trail) <= PATH_POINTS
    assert len(trail) > min(n, PATH_POINTS // 2 - 1)
    assert trail[0, 0, 0] == 0
    assert trail[-1, 0, 0] == n
    assert (np.diff(trail[:, 0, 0]) > 0).all()
    np.testing.assert_array_equal(trail[:, 1, 1], -trail[:, 0, 0])


def test_a_path_does_not_show_the_future():
    history = history_of([moving(step) for step in range(20)])
    assert paths(history.at(5), history)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


# -- whole pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [gmm_runs.mixture_scene, gmm_runs.kmeans_scene])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_every_patch_fits_its_trace_and_travels(make, k):
    cloud = gmm_runs.bundled("blobs", 120)
    scene = make(cloud, n_components=k, seed=1)
    traces = scene.base["traces"]
    assert len(traces) == 2 + 2 * k
    assert scene.base["points"] == len(scene.base["cloud"]["x"]) == 120
    scene.run.play()
    assert scene.run.wait(20).state == "finished"
    for frame in scene.run.history.after(-1):
        drawn = scene.draw(frame)
        assert sorted(drawn["traces"]) == list(range(2 + 2 * k))
        assert drawn["cloud"]["mix"].shape == (120, k)
        assert drawn["cloud"]["mix"].dtype == np.uint8
        assert "nan" not in drawn["caption"].lower()
        assert f"Step {frame.step}." in drawn["alt"]
        assert drawn["alt"].count("component ") >= k
        pack({"base": scene.base, **drawn})


def test_the_colour_mix_is_the_responsibilities_in_255ths():
    x = data.load("overlap", n=80, seed=2).x
    em = engines.create("gmm", data=x, n_components=2, seed=0, device="cpu")
    em.step()
    frame = em.frame()
    ranges = extent(x)
    mix = gmm_pictures.picture(frame, history_of([frame]), ranges, "")["cloud"]["mix"]
    truth = em.responsibilities(x.copy()).numpy()
    assert np.abs(mix / 255 - truth).max() <= 0.5 / 255 + 1e-6
    assert ((mix > 30) & (mix < 225)).any()  # the set has points that are truly shared


def test_captions_tell_the_rise_of_the_log_likelihood():
    scene = gmm_runs.mixture_scene(gmm_runs.bundled("blobs", 100), n_components=3, seed=0)
    for _ in range(2):
        scene.run.step()
        scene.run.wait(5)
    start, e_step, m_step = scene.run.history.after(-1)
    assert scene.draw(start)["caption"].startswith("Start: the means are data points far from each other")
    rise = m_step.scalars["log_likelihood"] - e_step.scalars["log_likelihood"]
    assert rise > 0
    assert f"rises by {rise:.4g} to" in scene.draw(m_step)["caption"]
    assert "E step 1" in scene.draw(e_step)["caption"]


@pytest.mark.parametrize("n", [0, 1, 7])
def test_points_without_a_run_are_drawn(n):
    cloud = gmm_runs.drawn(gmm_runs.STARTER[:n])
    scene = gmm_runs.still_scene(cloud)
    drawn = scene.draw(scene.run.history.last)
    assert f"{n} points" in drawn["alt"]
    assert scene.base["points"] == n
    assert scene.run.status.state == "finished"
    pack({"base": scene.base, **drawn})


def test_a_fork_is_drawn_on_the_same_stage():
    cloud = gmm_runs.bundled("blobs", 100)
    scene = gmm_runs.mixture_scene(cloud, n_components=3, seed=0)
    scene.run.play()
    scene.run.wait(20)
    fork: Run = scene.run.fork(3, covariance_type="tied")
    again = scene.again(fork)
    assert again.run is fork
    assert pack(again.base) == pack(scene.base)
    assert again.draw(fork.history.at(2)) | {"traces": 0, "cloud": 0} == scene.draw(scene.run.history.at(2)) | {
        "traces": 0,
        "cloud": 0,
    }
