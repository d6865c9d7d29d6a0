import time

import numpy as np
import pytest
import sklearn.decomposition

from engines.data import bundled
from engines.maths.pca import CHUNK_ROWS, fit_pca, project, reconstruct


def correlated(n: int, d: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, d)) @ generator.standard_normal((d, d)) + 7 * np.arange(d)


@pytest.mark.parametrize(("n", "d", "m"), [(500, 6, 3), (6, 6, 4), (5, 12, 5), (2, 3, 1), (CHUNK_ROWS + 3, 3, 3)])
def test_agrees_with_scikit_learn(n, d, m):
    x = correlated(n, d)
    theirs = sklearn.decomposition.PCA(m, svd_solver="full").fit(x)
    ours = fit_pca(x, m)
    np.testing.assert_allclose(ours.mean, theirs.mean_, atol=1e-9, rtol=0)
    np.testing.assert_allclose(ours.explained_variance[: n - 1], theirs.explained_variance_[: n - 1], rtol=1e-9)
    np.testing.assert_allclose(ours.explained_ratio, theirs.explained_variance_ratio_, atol=1e-9, rtol=0)
    real = min(m, n - 1)  # centred data has no N-th direction
    np.testing.assert_allclose(ours.components[:real], theirs.components_[:real], atol=1e-7, rtol=0)
    np.testing.assert_allclose(project(ours, x)[:, :real], theirs.transform(x)[:, :real], atol=1e-6, rtol=0)


def test_components_are_orthonormal_and_all_of_them_lose_nothing():
    x = correlated(300, 5)
    pca = fit_pca(x, 5)
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(reconstruct(pca, project(pca, x)), x, atol=1e-10)
    assert pca.explained_ratio.sum() == pytest.approx(1, abs=1e-12)


def test_what_is_lost_is_the_variance_left_out():
    x = correlated(400, 8)
    pca, full = fit_pca(x, 3), fit_pca(x, 8)
    lost = ((x - reconstruct(pca, project(pca, x))) ** 2).sum() / (len(x) - 1)
    assert lost == pytest.approx(full.explained_variance[3:].sum(), rel=1e-9)


def test_the_sign_does_not_depend_on_the_data_being_mirrored():
    x = correlated(200, 4)
    pca, mirrored = fit_pca(x, 4), fit_pca(-x, 4)
    np.testing.assert_allclose(pca.components, mirrored.components, atol=1e-9)
    assert (pca.components[np.arange(4), np.abs(pca.components).argmax(axis=1)] > 0).all()


def test_data_with_no_variance():
    pca = fit_pca(np.full((10, 3), 5.0), 2)
    assert pca.explained_variance.tolist() == [0, 0]
    assert pca.explained_ratio.tolist() == [0, 0]
    np.testing.assert_allclose(reconstruct(pca, project(pca, np.full((1, 3), 5.0))), 5.0)


@pytest.mark.parametrize(
    ("x", "m", "said"),
    [
        (np.zeros((1, 3)), 1, "at least 2 rows"),
        (np.zeros(3), 1, r"\(N, D\) with N >= 2, got shape \(3,\)"),
        (np.zeros((5, 3)), 4, "n_components must be from 1 to 3 for 5 x 3 data, got 4"),
        (np.zeros((2, 3)), 3, "from 1 to 2"),
        (np.zeros((5, 3)), 0, "got 0"),
        (np.array([[1.0, np.nan], [0, 1], [1, 1]]), 1, "got NaN or infinity"),
        (np.array([[1.0, np.inf], [0, -np.inf], [1, 1]]), 1, "got NaN or infinity"),
    ],
)
def test_errors(x, m, said):
    with pytest.raises(ValueError, match=said):
        fit_pca(x, m)


def test_shapes_are_checked():
    pca = fit_pca(correlated(10, 3), 2)
    with pytest.raises(ValueError, match=r"takes \(N, 3\), got shape \(4, 2\)"):
        project(pca, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"takes back \(N, 2\), got shape \(4, 3\)"):
        reconstruct(pca, np.zeros((4, 3)))


def test_10_000_images_take_about_a_second():
    x = bundled.images("mnist", n=10_000).flat()
    start = time.process_time()
    pca = fit_pca(x, 50)
    assert time.process_time() - start < 4  # of all threads together; 0.5 s on the clock when alone
    assert 0.80 < pca.explained_ratio.sum() < 0.85  # the 82 % known for 50 components
