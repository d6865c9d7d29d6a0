"""The registry, the measured sets, the bundled images and their PCA points."""

import hashlib
import os
import shutil

import numpy as np
import pytest
import sklearn.datasets
import sklearn.decomposition

from engines import data
from engines.data import bundled, points, real
from engines.maths.pca import project


def test_every_name_loads_and_says_what_it_is():
    for name in data.names():
        dataset = data.load(name)
        assert dataset.name == name
        assert dataset.title
        assert dataset.description
        assert dataset.source
        assert dataset.licence
        assert "\n" not in dataset.description
        assert set(np.unique(dataset.labels)) == set(range(len(dataset.class_names)))
        assert not dataset.x.flags.writeable
        assert np.isfinite(dataset.flat()[:1000]).all()
    assert data.names() == sum((data.names(kind) for kind in data.KINDS), ())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: data.load("mnits"),
            r"called 'mnits' \(did you mean 'mnist'\?\); known: blobs, .*fashion",
        ),
        (lambda: data.names("video"), "no kind of data is called 'video'; known: toy, real, images"),
        (lambda: data.load("iris", n=3), "'iris' has no option 'n'; known: none"),
        (lambda: data.load("blobs", split="test"), "'blobs' has no option 'split'; known: n, seed"),
        (lambda: data.images("cifar"), "no bundled set is called 'cifar'; known: mnist, fashion"),
        (lambda: data.images("mnist", "valid"), "mnist has no split 'valid'; known: train, test"),
        (lambda: data.images("mnist", labels=10), "mnist has labels 0 to 9, got 10"),
        (lambda: data.images("mnist", "test", n=0), "n must be from 1 to 10,000 .* got 0"),
        (lambda: data.images("mnist", "test", labels=3, n=1011), "n must be from 1 to 1,010 .* got 1011"),
        (lambda: data.load_points("blobs", n_dimensions=3), "blobs has 2 dimensions, fewer than the 3"),
        (lambda: data.load_points("iris", n=151), "n must be from 1 to 150 for iris, got 151"),
        (lambda: data.load_points("iris", n_dimensions=0), "n_dimensions must be >= 1, got 0"),
        (lambda: data.load("ring", seed=-1), "seed must be >= 0, got -1"),
        (lambda: data.images("mnist", "test", n=3, seed=-2), "seed must be >= 0, got -2"),
        (lambda: data.load_points("iris", n=3, seed=-1), "seed must be >= 0, got -1"),
        (lambda: data.load_points("nothing"), "no data set is called 'nothing'"),
    ],
)
def test_errors(call, said):
    with pytest.raises(ValueError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_measured_sets_are_scikit_learns():
    np.testing.assert_array_equal(data.load("iris").x, sklearn.datasets.load_iris().data)
    np.testing.assert_array_equal(data.load("digits").labels, sklearn.datasets.load_digits().target)
    raw = sklearn.datasets.load_wine().data
    np.testing.assert_allclose(data.load("wine").x, (raw - raw.mean(axis=0)) / raw.std(axis=0), atol=1e-12)
    assert data.load("iris").feature_names[0] == "sepal length"
    for name in ("wine", "cancer"):
        x = data.load(name).x
        assert "standardised" in real.make(name).description
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-12)


@pytest.mark.parametrize("file", bundled.SHA256)
def test_the_shipped_files_are_the_stated_ones_and_small_enough_for_a_space(file):
    raw = (bundled.FOLDER / file).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == bundled.SHA256[file]
    assert len(raw) < 10_000_000


def test_mnist_is_the_official_set():
    train, test = data.images("mnist"), data.images("mnist", "test")
    assert train.x.shape == (60_000, 28, 28)
    assert test.x.shape == (10_000, 28, 28)
    assert train.x.dtype == np.uint8
    assert train.x[:10_000].mean() / 255 == pytest.approx(0.1307, abs=0.002)
    assert train.x.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_fashion_is_balanced():
    assert np.bincount(data.images("fashion").labels).tolist() == [2000] * 10
    assert np.bincount(data.images("fashion", "test").labels).tolist() == [500] * 10


def test_subsets_are_drawn_by_seed_without_replacement():
    some, again, more = (data.images("mnist", "test", n=n, seed=5) for n in (50, 50, 80))
    np.testing.assert_array_equal(some.x, again.x)
    np.testing.assert_array_equal(some.x, more.x[:50])
    assert not np.array_equal(some.x, data.images("mnist", "test", n=50, seed=6).x)
    every = data.images("mnist", "test", labels=3, n=1010)
    assert len(np.unique(every.flat(), axis=0)) == 1010
    assert set(data.images("mnist", "test", labels=(1, 7)).labels) == {1, 7}
    assert set(data.images("mnist", "test", labels=np.int64(4)).labels) == {4}


def test_subsets_take_all_classes_alike():
    labels = data.images("mnist", n=5000, seed=0).labels
    share = np.bincount(labels) / 5000
    official = np.bincount(data.images("mnist").labels) / 60_000
    assert np.abs(share - official).max() < 0.02


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(bundled.FOLDER / "fashion_test.npz", tmp_path)
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    return tmp_path


def test_a_damaged_file_is_refused_even_after_a_good_read(folder):
    path = folder / "fashion_test.npz"
    data.images("fashion", "test")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(1, 1))
    found = hashlib.sha256(raw).hexdigest()[:4]
    with pytest.raises(ValueError, match="is damaged") as caught:
        data.images("fashion", "test")
    assert str(caught.value) == (
        f"assets/data/fashion_test.npz is damaged (sha256 starts {found}.., expected 31ad..): "
        "restore it with git checkout -- assets/data/fashion_test.npz"
    )


def test_a_truncated_or_missing_file_is_one_sentence(folder):
    path = folder / "fashion_test.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"is damaged .* restore it with git checkout"):
        data.images("fashion", "test")
    path.unlink()
    with pytest.raises(ValueError, match=r"^assets/data/fashion_test.npz is missing: restore it with git checkout"):
        data.images("fashion", "test")


def test_reading_again_is_cheap_and_bounded():
    first = data.images("mnist")
    assert np.shares_memory(first.x, data.images("mnist").x)
    data.images("mnist", "test")
    data.images("fashion")
    assert bundled._read_version.cache_info().currsize == bundled._read_version.cache_info().maxsize == 2
    assert points.load_points.cache_info().maxsize == points.MAX_CACHED


@pytest.mark.parametrize("name", ["iris", "mnist"])
def test_points_are_scikit_learns_pca(name):
    found = data.load_points(name, n=100, seed=2)
    if name == "iris":
        x = data.load("iris").x[np.random.default_rng(2).permutation(150)[:100]]
    else:
        x = data.images("mnist", n=100, seed=2).x.reshape(100, 784) / 255
    pca = sklearn.decomposition.PCA(2, svd_solver="full")
    np.testing.assert_allclose(found.x, pca.fit_transform(x), atol=1e-8)
    np.testing.assert_allclose(project(found.pca, x), found.x, atol=1e-12)
    assert found.axis_names[0] == f"PC 1 ({100 * pca.explained_variance_ratio_[0]:.0f} %)"
    assert len(found.labels) == len(found) == 100


def test_points_of_a_toy_set_are_left_alone():
    found = data.load_points("ring", n=40, seed=9)
    assert found.pca is None
    assert found.axis_names == ("x1", "x2")
    np.testing.assert_array_equal(found.x, data.load("ring", n=40, seed=9).x)
    assert data.load_points("ring", n=40, seed=9) is found
    assert data.load_points("digits", n_dimensions=10).x.shape == (1797, 10)
