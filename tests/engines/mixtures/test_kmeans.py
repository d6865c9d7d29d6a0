"""k-means against scikit-learn, and as the limit of EM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.datasets import load_iris

import engines
from engines.maths import gaussians
from tests.engines.mixtures.points import blobs, same_frames, through_bytes


def make(x: np.ndarray | None = None, **settings: Any) -> Any:
    return engines.create("kmeans", data=blobs() if x is None else x, device="cpu", **settings)


def run(engine: Any) -> Any:
    while not engine.done:
        engine.step()
    return engine


@pytest.mark.parametrize(("x", "k"), [(load_iris().data, 3), (blobs(), 3), (blobs(), 7)])
def test_equals_scikit_learn_from_the_same_centres(x: np.ndarray, k: int):
    start = x[np.random.default_rng(2).permutation(len(x))[:k]]
    ours = run(make(x, n_components=k, init="given", means=tuple(map(tuple, start.tolist()))))
    theirs = SklearnKMeans(k, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(x)
    np.testing.assert_allclose(ours.means, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(ours.frame().arrays["responsibilities"].argmax(axis=1), theirs.labels_)
    assert ours.frame().scalars["inertia"] == pytest.approx(theirs.inertia_, rel=1e-9)


def test_inertia_never_rises_and_equals_its_definition():
    x = blobs()
    engine = make(x, n_components=5, init="bad", seed=3)
    before = np.inf
    while not engine.done:
        engine.step()
        frame = engine.frame()
        nearest = frame.arrays["responsibilities"].argmax(axis=1)
        written_out = np.square(x - frame.arrays["means"][nearest]).sum()
        assert frame.scalars["inertia"] == pytest.approx(written_out, rel=1e-9)
        assert written_out <= before * (1 + 1e-12)
        before = written_out


def test_it_is_the_limit_of_em():
    x = blobs()
    engine = make(x, n_components=3, seed=1)
    engine.step()
    means = engine.means
    tiny = 1e-4 * torch.eye(2, dtype=torch.float64).expand(3, 2, 2)
    gamma = gaussians.responsibilities(torch.tensor(x), torch.full((3,), 1 / 3, dtype=torch.float64), means, tiny)
    np.testing.assert_allclose(gamma, engine.frame().arrays["responsibilities"], atol=1e-6)


def test_an_empty_cluster_keeps_its_mean():
    engine = make(blobs(), n_components=2, init="given", means=((0.0, 2.0), (1e6, 1e6)))
    run(engine)
    np.testing.assert_array_equal(engine.means[1], [1e6, 1e6])


@pytest.mark.parametrize("at", [0, 3, 4])
def test_save_load_continue_is_bit_exact(at: int):
    straight, first, second = (make(n_components=6, init="bad", seed=5) for _ in range(3))
    for _ in range(8):
        straight.step()
    for _ in range(at):
        first.step()
    second.load_state_dict(through_bytes(first.state_dict()))
    assert same_frames(first, second)
    for _ in range(8 - at):
        second.step()
    assert same_frames(straight, second)
    with pytest.raises(ValueError, match="start again"):
        make(n_components=2).load_state_dict(first.state_dict())


def test_bad_input_gets_a_sentence():
    with pytest.raises(ValueError, match="n_components must be at least 1"):
        make(n_components=0)
    with pytest.raises(ValueError, match="use at most 2 or add points"):
        make(np.eye(2), n_components=3)
    with pytest.raises(ValueError, match="needs 3 means"):
        make(n_components=3, init="given")
