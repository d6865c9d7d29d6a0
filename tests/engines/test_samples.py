"""Measures of samples against closed forms, quadrature, SciPy and sets made for it."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from engines.maths.samples import (
    cells,
    energy_distance,
    frechet_distance,
    frechet_named,
    jensen_shannon,
    modes_covered,
    precision_recall,
)

RNG = np.random.default_rng


def gaussians(seed, n=200_000):
    """Two Gaussians whose Jensen-Shannon divergence a fine sum gives."""
    draws = RNG(seed).standard_normal((2, n, 2))
    return draws[0] * 0.8, draws[1] * [1.1, 0.7] + [1.2, 0.3]


def quadrature():
    at = np.linspace(-8, 8, 801)
    x, y = np.meshgrid(at, at)
    p = scipy.stats.norm.pdf(x, 0, 0.8) * scipy.stats.norm.pdf(y, 0, 0.8)
    q = scipy.stats.norm.pdf(x, 1.2, 1.1) * scipy.stats.norm.pdf(y, 0.3, 0.7)
    m, area = (p + q) / 2, (at[1] - at[0]) ** 2

    def part(a):
        return np.where(a > 0, a * np.log(np.where(a > 0, a, 1) / np.where(m > 0, m, 1)), 0).sum() * area

    return (part(p) + part(q)) / 2


@pytest.mark.parametrize("n", [10_000, 200_000])
def test_jensen_shannon_of_two_gaussians_is_the_integral(n):
    p, q = (cells(x[:n], low=-4.5, high=4.5, n=24) for x in gaussians(0))
    assert jensen_shannon(p, q, n_p=n, n_q=n) == pytest.approx(quadrature(), abs=0.02)


def test_jensen_shannon_is_zero_for_one_distribution_and_log_two_for_disjoint_ones():
    n = 10_000
    found = []
    for seed in range(20):
        p, q = (cells(x, low=-4.5, high=4.5, n=24) for x in RNG(seed).standard_normal((2, n, 2)))
        assert p.sum() == pytest.approx(1, abs=1e-12)
        found.append(jensen_shannon(p, q, n_p=n, n_q=n))
    assert np.mean(found) < 0.003  # without the correction 0.008
    a, b = (cells(RNG(0).normal(centre, 0.2, (n, 2)), low=-4.5, high=4.5, n=24) for centre in (-2, 2))
    assert jensen_shannon(a, b) == pytest.approx(math.log(2), abs=1e-12)
    with pytest.raises(ValueError, match="same cells"):
        jensen_shannon(np.ones(4) / 4, np.ones(5) / 5)


def test_cells_lose_no_point():
    x = np.array([[-100.0, 100.0], [0.1, 0.1], [4.5, -4.5]])
    shares = cells(x, low=-4.5, high=4.5, n=3)
    assert shares == pytest.approx(np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]) / 3)


def test_energy_distance_equals_scipys_on_a_line_and_is_zero_on_average():
    a, b = RNG(1).normal(0, 1, 400), RNG(2).normal(0.7, 1.3, 400)
    ours = energy_distance(np.stack([a, 0 * a], axis=1), np.stack([b, 0 * b], axis=1))
    with_itself = scipy.stats.energy_distance(a, b) ** 2  # counts pairs of a point with itself, and takes the root
    of_itself = sum(np.abs(x[:, None] - x).mean() / (len(x) - 1) for x in (a, b))
    assert ours == pytest.approx(with_itself - of_itself, abs=1e-5)
    same = [energy_distance(*RNG(seed).standard_normal((2, 200, 2))) for seed in range(50)]
    assert abs(np.mean(same)) < 3 * np.std(same) / math.sqrt(50)


def test_frechet_distance_equals_the_closed_form_with_scipys_square_root():
    rng = RNG(3)
    a, b = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6)), rng.standard_normal((400, 6)) + 0.5
    c_a, c_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(c_a @ c_b).real
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(c_a + c_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2.0) == pytest.approx(4.0 * 6, rel=1e-9)
    with pytest.raises(ValueError, match="shape"):
        frechet_distance(a, b[:, :3])


def test_precision_and_recall_of_sets_made_for_them():
    real = RNG(4).normal(0, 1, (400, 3))
    assert precision_recall(real, real) == (1.0, 1.0)
    assert precision_recall(real, real + 100) == (0.0, 0.0)
    half = real[real[:, 0] > 0]  # a generator that knows half of it
    precision, recall = precision_recall(real, half)
    assert precision == 1.0
    assert 0.45 < recall < 0.75
    with pytest.raises(ValueError, match="more than k"):
        precision_recall(real[:3], real)


def test_modes_covered_counts_what_has_its_share():
    means, deviations = np.array([[0.0, 0], [5, 0], [0, 5]]), np.full(3, 0.1)
    near = np.repeat(means, [600, 350, 50], axis=0)
    assert modes_covered(near, means, deviations) == 2
    assert modes_covered(near + 1, means, deviations) == 0


def test_the_interval_of_a_frechet_distance_lies_about_it():
    rng = np.random.default_rng(0)
    true, made = rng.normal(size=(40, 8)), rng.normal(0.5, 1, size=(40, 8))  # few items: redrawn sets lie farther apart
    found = frechet_named("f", true, made)
    assert found["f"] == frechet_distance(true, made)
    assert found["f_low"] < found["f"] < found["f_high"]
    assert found["f"] - found["f_low"] == pytest.approx(found["f_high"] - found["f"])
