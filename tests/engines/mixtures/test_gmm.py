"""EM against scikit-learn, SciPy and closed forms, and against itself saved, forked and interleaved."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from torch.testing import assert_close

import engines
from engines.maths import gaussians
from engines.mixtures import survey
from engines.mixtures.survey import Parameters
from tests.engines.mixtures.points import blobs, same_frames, through_bytes

TYPES = gaussians.COVARIANCE_TYPES


SETS = {"iris": load_iris().data, "blobs": blobs()}


def make(x: Any = None, **settings: Any) -> Any:
    settings = {"n_components": 3, "tolerance": 0.0, **settings}
    return engines.create("gmm", data=SETS["blobs"] if x is None else x, device="cpu", **settings)


def scatter(k: int, d: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random but valid parameters: weights, means, covariances of the kind."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, d, d))
    full = torch.tensor(root @ root.transpose(0, 2, 1) + 0.5 * np.eye(d))
    weights = rng.dirichlet(np.full(k, 5.0))
    return weights, rng.normal(size=(k, d)) * 2, gaussians.from_full(full, kind, torch.tensor(weights)).numpy()


def precisions(covariances: np.ndarray, kind: str) -> np.ndarray:
    return np.linalg.inv(covariances) if kind in ("full", "tied") else 1 / covariances


# -- against scikit-learn --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", SETS)
def test_twenty_iterations_equal_scikit_learn(name: str, kind: str):
    x = SETS[name]
    rng = np.random.default_rng(1)
    means = x[rng.permutation(len(x))[:3]]
    spread = torch.tensor(np.broadcast_to(np.cov(x.T), (3, x.shape[1], x.shape[1])).copy())
    weights = np.array([0.2, 0.5, 0.3])
    covariances = gaussians.from_full(spread, kind, torch.tensor(weights)).numpy()
    em = make(x, covariance_type=kind)
    em.begin(Parameters(*map(torch.tensor, (weights, means, covariances))))
    reference = SklearnMixture(
        3,
        covariance_type=kind,
        tol=0,
        max_iter=1,
        warm_start=True,
        reg_covar=em.config.regularisation * em.variance,  # ours is in units of the data's mean variance
        weights_init=weights,
        means_init=means,
        precisions_init=precisions(covariances, kind),
    )
    for _ in range(20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference.fit(x)
        em.step()
        ours = em.frame().scalars["mean_log_likelihood"]
        assert ours == pytest.approx(reference.lower_bound_, rel=1e-9, abs=0)
        em.step()
    np.testing.assert_allclose(em.parameters.weights, reference.weights_, rtol=1e-6)
    np.testing.assert_allclose(em.parameters.means, reference.means_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(em.parameters.covariances, reference.covariances_, rtol=1e-5, atol=1e-7)
    assert em.bic() == pytest.approx(reference.bic(x), rel=1e-9)
    assert em.aic() == pytest.approx(reference.aic(x), rel=1e-9)
    assert em.n_parameters == reference._n_parameters()
    np.testing.assert_allclose(em.log_prob(x), reference.score_samples(x), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(em.responsibilities(x), reference.predict_proba(x), atol=1e-7)


# -- against SciPy and closed forms -------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 2), (4, 5)])
def test_densities_equal_scipy(kind: str, k: int, d: int):
    weights, means, covariances = scatter(k, d, kind, seed=k + d)
    x = np.random.default_rng(3).normal(size=(40, d)) * 3
    em = make(x, n_components=k, covariance_type=kind)
    em.begin(Parameters(*map(torch.tensor, (weights, means, covariances))))
    full = em.full_covariances().numpy()
    each = np.stack([multivariate_normal(means[j], full[j]).logpdf(x).reshape(-1) for j in range(k)], axis=1)
    np.testing.assert_allclose(gaussians.log_density(torch.tensor(x), *em._mixture()[1:]), each, rtol=1e-10)
    joint = each + np.log(weights)
    log_p = np.logaddexp.reduce(joint, axis=1)
    np.testing.assert_allclose(em.log_prob(x), log_p, rtol=1e-10)
    assert em.log_likelihood == pytest.approx(log_p.sum(), rel=1e-10)
    em.step()
    np.testing.assert_allclose(em.frame().arrays["responsibilities"], np.exp(joint - log_p[:, None]), atol=1e-6)


@pytest.mark.parametrize("kind", TYPES)
def test_one_gaussian_is_fitted_in_closed_form(kind: str):
    x = SETS["iris"]
    em = make(x, n_components=1, covariance_type=kind, regularisation=0.0)
    em.step()
    em.step()
    np.testing.assert_allclose(em.parameters.means[0], x.mean(axis=0), rtol=1e-12)
    scatter_matrix = torch.tensor(np.cov(x.T, bias=True))[None]
    expected = gaussians.from_full(scatter_matrix, kind, torch.ones(1, dtype=torch.float64))
    assert_close(em.parameters.covariances, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("init", ["kmeans++", "random", "bad"])
def test_the_likelihood_never_falls_and_the_bound_touches_it(kind: str, init: str):
    em = make(covariance_type=kind, init=init, seed=4, regularisation=0.0)
    before = em.frame().scalars
    for _ in range(40):
        em.step()
        now, phase = em.frame().scalars, em.phase
        slack = 1e-9 * abs(before["log_likelihood"])
        assert now["log_likelihood"] >= before["log_likelihood"] - slack
        assert now["lower_bound"] >= before["lower_bound"] - slack
        assert now["lower_bound"] <= now["log_likelihood"] + slack
        if phase == "E":
            assert now["lower_bound"] == pytest.approx(now["log_likelihood"], rel=1e-12)
        before = now


def test_the_bound_is_the_written_out_sum():
    em = make(seed=2)
    for _ in range(4):
        em.step()
    assert em.phase == "M"
    gamma = em._responsibilities.T
    joint = gaussians.log_joint(torch.tensor(SETS["blobs"]), *em._mixture())
    written_out = float((torch.xlogy(gamma, gamma) * -1 + gamma * joint).sum())
    assert em.lower_bound() == pytest.approx(written_out, rel=1e-10)
    assert em.lower_bound() < em.log_likelihood


def test_samples_have_the_mixtures_moments():
    weights, means, covariances = scatter(3, 2, "full", seed=8)
    em = make(n_components=3)
    em.begin(Parameters(*map(torch.tensor, (weights, means, covariances))))
    n = 100_000
    x, component = em.sample_with_components(n, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.bincount(component, minlength=3) / n, weights, atol=4 * 0.5 / np.sqrt(n))
    mean = weights @ means
    np.testing.assert_allclose(x.mean(dim=0), mean, atol=0.05)
    second = np.einsum("k,kij->ij", weights, covariances + means[:, :, None] * means[:, None, :])
    np.testing.assert_allclose(np.cov(x.T), second - np.outer(mean, mean), rtol=0.05, atol=0.05)
    again = em.sample(n, generator=torch.Generator().manual_seed(0))
    assert torch.equal(x, again)


# -- the two half-steps, and frames ---------------------------------------------------------------------


def test_e_shares_out_and_m_moves():
    em = make(seed=1)
    frames = [em.frame()]
    for _ in range(6):
        em.step()
        frames.append(em.frame())
    assert [frame.phase for frame in frames] == ["start", "E", "M", "E", "M", "E", "M"]
    assert [frame.step for frame in frames] == list(range(7))
    for before, after in pairwise(frames):
        moved = not np.array_equal(before.arrays["means"], after.arrays["means"])
        shared = not np.array_equal(before.arrays["responsibilities"], after.arrays["responsibilities"])
        assert (moved, shared) == (after.phase == "M", after.phase == "E")
        np.testing.assert_allclose(after.arrays["responsibilities"].sum(axis=1), 1, atol=1e-6)
        assert after.arrays["counts"].sum() == pytest.approx(300, rel=1e-9)


def test_shown_points_are_spread_over_the_data():
    em = make(shown=7)
    assert em.shown.tolist() == [0, 49, 99, 149, 199, 249, 299]
    assert em.frame().arrays["responsibilities"].shape == (7, 3)


def test_done_when_the_gain_is_small_or_the_iterations_are_used_up():
    em = make(tolerance=1e-3)
    while not em.done:
        em.step()
    assert em.phase == "M"
    assert em.iteration < 100
    short = make(max_iterations=2)
    for _ in range(4):
        assert not short.done
        short.step()
    assert short.done


# -- exactness ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("at", [0, 9, 10])
def test_save_load_continue_is_bit_exact(kind: str, at: int):
    straight = make(covariance_type=kind, seed=6)
    for _ in range(20):
        straight.step()
    first = make(covariance_type=kind, seed=6)
    for _ in range(at):
        first.step()
    second = make(covariance_type=kind, seed=99)
    second.load_state_dict(through_bytes(first.state_dict()))
    assert same_frames(first, second)
    for _ in range(20 - at):
        second.step()
    assert same_frames(straight, second)


def test_one_seed_one_run_and_another_another():
    runs = [make(seed=seed, init="random") for seed in (3, 3, 4)]
    for em in runs:
        for _ in range(6):
            em.step()
    assert same_frames(runs[0], runs[1])
    assert not same_frames(runs[0], runs[2])


def test_interleaved_engines_equal_the_same_stepped_alone():
    alone = [make(seed=seed) for seed in (1, 2)]
    for em in alone:
        for _ in range(8):
            em.step()
    together = [make(seed=seed) for seed in (1, 2)]
    for _ in range(8):
        for em in together:
            em.step()
    assert all(same_frames(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("kind", TYPES)
def test_chunks_do_not_change_the_result(kind: str, monkeypatch: pytest.MonkeyPatch):
    x = np.random.default_rng(5).normal(size=(3000, 3))
    whole = make(x, covariance_type=kind)
    monkeypatch.setattr(survey, "CHUNK_BYTES", 1)
    monkeypatch.setattr(survey, "KEPT_FEATURE_BYTES", 0)
    chunked = make(x, covariance_type=kind)
    for _ in range(10):
        whole.step()
        chunked.step()
    assert chunked.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    assert_close(chunked.parameters.covariances, whole.parameters.covariances, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_a_tiny_far_cluster_keeps_its_digits(kind: str):
    rng = np.random.default_rng(0)
    tiny = rng.normal(1000.0, 1e-2, (200, 2))  # variance 1e-4 beside an offset of 1e3
    x = np.concatenate([tiny, rng.normal(-1000.0, 1.0, (200, 2))])
    means = ((1000.0, 1000.0), (-1000.0, -1000.0))
    em = make(x, n_components=2, covariance_type=kind, init="given", means=means, regularisation=0.0)
    for _ in range(4):
        em.step()
    np.testing.assert_allclose(em.full_covariances()[0].diagonal(), tiny.var(axis=0), rtol=1e-6)


# -- carried over to other settings ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_a_state_goes_on_under_another_covariance_type(kind: str):
    source = make(seed=1)
    for _ in range(6):
        source.step()
    target = make(seed=1, covariance_type=kind)
    target.load_state_dict(source.state_dict())
    assert_close(target.parameters.means, source.parameters.means, rtol=0, atol=0)
    full = source.full_covariances()
    expected = gaussians.from_full(full, kind, source.parameters.weights)
    assert_close(target.parameters.covariances, expected, rtol=0, atol=0)
    before = target.log_likelihood
    target.step()
    target.step()
    assert target.log_likelihood >= before


def test_a_state_of_another_k_or_d_is_refused():
    source = make()
    for wrong in (make(n_components=2), make(SETS["iris"])):
        with pytest.raises(ValueError, match="start again to change the number of components or dimensions"):
            wrong.load_state_dict(source.state_dict())


# -- input ------------------------------------------------------------------------------------------------------


BAD = [
    (None, {}, "needs data"),
    (np.zeros((0, 2)), {}, "no points"),
    (np.zeros(5), {}, r"shape \(N, D\)"),
    (np.array([[1.0, 2.0], [np.nan, 1.0], [2.0, 2.0]]), {}, "row 2, column 1 is nan"),
    (np.array([[1.0, 2.0], [1.0, np.inf], [2.0, 2.0]]), {}, "row 2, column 2 is inf"),
    (np.eye(2), {"n_components": 5}, "n_components is 5 but there are only 2 points: use at most 2"),
    (np.ones((9, 2)), {"n_components": 1, "regularisation": 0.0}, "all points are the same.*regularisation"),
    (blobs(), {"n_components": 0}, "n_components must be at least 1, got 0"),
    (blobs(), {"covariance_type": "round"}, "'round' is not known; choose one of full"),
    (blobs(), {"init": "best"}, "'best' is not known; choose one of kmeans"),
    (blobs(), {"init": "given", "means": ((0.0, 0.0),)}, "needs 3 means"),
    (blobs(), {"init": "given", "means": ((0.0,), (1.0,), (2.0,))}, r"must have shape \(3, 2\)"),
    (blobs(), {"regularisation": -1.0}, "regularisation must be zero or more, got -1.0"),
    (blobs(), {"regularisation": float("nan")}, "regularisation must be zero or more"),
    (blobs(), {"tolerance": -1.0}, "tolerance must be zero or more"),
    (blobs(), {"max_iterations": 0}, "max_iterations must be at least 1"),
    (blobs(), {"componets": 3}, "no setting 'componets'"),
]


@pytest.mark.parametrize(("x", "settings", "words"), BAD)
def test_bad_input_gets_a_sentence(x: Any, settings: dict[str, Any], words: str):
    settings = {"n_components": 3, **settings}
    with pytest.raises(ValueError, match=words) as caught:
        engines.create("gmm", data=x, device="cpu", **settings)
    assert "\n" not in str(caught.value)


def test_wrong_shapes_after_the_start_get_a_sentence():
    em = make()
    with pytest.raises(ValueError, match=r"x must have shape \(B, 2\)"):
        em.log_prob(np.zeros((4, 3)))


def test_identical_points_run_with_regularisation():
    em = make(np.ones((9, 2)), n_components=1, regularisation=1e-3)
    for _ in range(6):
        em.step()
    np.testing.assert_allclose(em.parameters.means, 1.0, atol=1e-9)
    np.testing.assert_allclose(em.full_covariances()[0].diagonal(), 1e-3, rtol=1e-6)


def test_a_collapse_is_named_with_its_remedy_and_cured_by_it():
    x = np.concatenate([blobs(40), [[30.0, 30.0]]])
    settings = {"n_components": 2, "init": "given", "means": ((0.0, 2.0), (30.0, 30.0)), "max_iterations": 50}
    em = make(x, regularisation=0.0, **settings)

    def collapse() -> None:
        for _ in range(60):
            em.step()

    with pytest.raises(FloatingPointError, match=r"component 2 collapsed.*raise the regularisation"):
        collapse()
    cured = make(x, regularisation=1e-2, **settings)
    while not cured.done:
        cured.step()
    assert np.isfinite(cured.log_likelihood)


def test_float32_lists_and_tensors_are_computed_in_float64():
    x = SETS["blobs"].astype(np.float32)
    for given in (x, x.tolist(), torch.tensor(x)):
        assert make(given).data.dtype == torch.float64


def test_given_means_are_the_start():
    em = make(init="given", means=((0.0, 0.0), (1.0, 1.0), (2.0, 2.0)))
    np.testing.assert_array_equal(em.frame().arrays["means"], [[0, 0], [1, 1], [2, 2]])


def test_more_components_than_clusters_and_one_dimension():
    many = make(n_components=16, seed=1)
    line = make(np.random.default_rng(0).normal(size=(50, 1)), n_components=2)
    for _ in range(10):
        many.step()
        line.step()
    assert np.isfinite(many.log_likelihood)
    assert np.isfinite(line.log_likelihood)
