import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from engines import data
from engines.data import toy

MIXTURES = [name for name in toy.NAMES if name not in ("moons", "spiral")]


@pytest.mark.parametrize("name", toy.NAMES)
def test_the_same_seed_gives_the_same_points(name):
    first, again, other = (data.load(name, n=50, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert not np.array_equal(first.x, other.x)


@pytest.mark.parametrize("name", toy.NAMES)
def test_points_fill_the_picture_and_stay_within_it(name):
    x = data.load(name, n=5000).x
    assert x.shape == (5000, 2)
    assert x.dtype == np.float64
    assert (np.abs(x) < 4).mean() > 0.98
    assert (np.quantile(np.abs(x), 0.99, axis=0) > 1.5).all()


@pytest.mark.parametrize("name", MIXTURES)
def test_moments_are_those_of_the_stated_truth(name):
    dataset = data.load(name, n=200_000, seed=1)
    truth, n = dataset.truth, len(dataset)
    assert truth.weights.sum() == pytest.approx(1, abs=1e-12)
    for k in range(len(truth.weights)):
        x = dataset.x[dataset.labels == k]
        sd = np.sqrt(truth.covariances[k].diagonal())
        assert len(x) / n == pytest.approx(truth.weights[k], abs=5 * 0.5 / np.sqrt(n))
        assert (np.abs(x.mean(axis=0) - truth.means[k]) < 5 * sd / np.sqrt(len(x))).all()
        # the sample covariance's own standard deviation is at most sqrt(2/n) s_i s_j
        assert (np.abs(np.cov(x.T) - truth.covariances[k]) < 5 * np.sqrt(2 / len(x)) * np.outer(sd, sd)).all()
    mean = truth.weights @ truth.means
    spread = truth.means - mean
    covariance = np.einsum("k,kij->ij", truth.weights, truth.covariances) + (truth.weights * spread.T) @ spread
    np.testing.assert_allclose(dataset.x.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(dataset.x.T), covariance, atol=0.06)


def test_moons_are_half_circles_of_radius_2():
    dataset = data.load("moons", n=20_000)
    assert dataset.truth is None
    for label, centre in ((0, (-1, -0.5)), (1, (1, 0.5))):
        radius = np.hypot(*(dataset.x[dataset.labels == label] - centre).T)
        assert radius.mean() == pytest.approx(2.01, abs=0.02)  # E|r + noise| is 2 + 0.2^2 / (2 * 2)
        assert radius.std() == pytest.approx(0.2, abs=0.01)
    assert abs(dataset.labels.mean() - 0.5) < 0.02


def test_on_stretched_em_wins_over_k_means():
    dataset = data.load("stretched", seed=0)
    k_means = KMeans(3, n_init=10, random_state=0).fit_predict(dataset.x)
    em = GaussianMixture(3, random_state=0, tol=1e-6, max_iter=500, n_init=5).fit_predict(dataset.x)
    assert 0.2 < adjusted_rand_score(dataset.labels, k_means) < 0.7
    assert adjusted_rand_score(dataset.labels, em) > 0.97


def test_on_overlap_em_finds_both_gaussians():
    dataset = data.load("overlap", n=4000, seed=0)
    em = GaussianMixture(2, random_state=0, tol=1e-6, max_iter=500, n_init=3).fit(dataset.x)
    order = np.argsort(np.linalg.det(em.covariances_))
    np.testing.assert_allclose(em.means_[order], dataset.truth.means, atol=0.12)
    np.testing.assert_allclose(em.covariances_[order], dataset.truth.covariances, atol=0.25)


def test_the_truth_cannot_be_written_to():
    dataset = data.load("blobs")
    for array in (dataset.x, dataset.labels, dataset.truth.means, dataset.truth.covariances):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("n", [0, -5, 1_000_001])
def test_a_wrong_n_is_named(n):
    with pytest.raises(ValueError, match=f"n must be from 1 to 1,000,000 points, got {n}"):
        data.load("blobs", n=n)


def test_one_point_is_enough():
    assert data.load("ring", n=1).x.shape == (1, 2)
