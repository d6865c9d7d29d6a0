"""The Bayes classifier against SciPy's densities, scikit-learn's discriminant analysis and its own moments."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from torch.testing import assert_close

import engines
from engines import data
from engines.foundations.bayes_classifier import GaussianClasses, fit, fit_class
from engines.material import Images
from engines.maths.pca import fit_pca, project

RNG = np.random.default_rng(0)
SHAPE = RNG.normal(size=(3, 5, 5))
POINTS = np.concatenate([RNG.normal(size=(80, 5)) @ SHAPE[k] + 2 * k for k in range(3)])
LABELS = np.repeat(np.arange(3), 80)


def test_log_densities_equal_scipys():
    classes = fit(POINTS, LABELS, regularisation=0.05)
    found = classes.log_density(torch.tensor(POINTS)).numpy()
    for y in range(3):
        part = POINTS[y == LABELS]
        covariance = 0.95 * np.cov(part, rowvar=False, bias=True) + 0.05 * np.eye(5)
        assert_close(classes.of(y).covariance(), torch.tensor(covariance), atol=1e-12, rtol=1e-10)
        expected = multivariate_normal(part.mean(axis=0), covariance).logpdf(POINTS)
        np.testing.assert_allclose(found[:, y], expected, rtol=1e-8)


def test_on_digits_density_equals_scipys_and_accuracy_scikit_learns():
    train, test = data.load("mnist"), data.load("mnist", split="test")
    x, labels, held = train.flat()[:3000], train.labels[:3000], test.flat()[:500]
    classes = fit(train.x[:3000], labels, regularisation=0.1)
    covariance = 0.9 * np.cov(x[labels == 3], rowvar=False, bias=True) + 0.1 * np.eye(784)
    expected = multivariate_normal(x[labels == 3].mean(axis=0), covariance).logpdf(held[:20])
    np.testing.assert_allclose(classes.log_density(torch.tensor(held[:20]))[:, 3], expected, rtol=1e-8)
    # Scikit-learn refuses pixels that never vary, so both see 30 principal components.
    pca = fit_pca(x, 30)
    small, held_small = project(pca, x), project(pca, held)
    theirs = QuadraticDiscriminantAnalysis(reg_param=0.1).fit(small, labels)
    classes = fit(small, labels, regularisation=0.1)
    ours = classes.log_posterior(torch.tensor(np.array(held_small)))
    np.testing.assert_array_equal(ours.argmax(dim=1).numpy(), theirs.predict(held_small))
    np.testing.assert_allclose(ours.exp(), theirs.predict_proba(held_small), atol=1e-8)


def test_fifty_thousand_samples_reproduce_mean_and_covariance():
    classes = fit(POINTS, LABELS, regularisation=0.05)
    generator = torch.Generator().manual_seed(0)
    n = 50_000
    drawn = classes.draw(torch.full((n,), 1), torch.randn(n, 5, generator=generator, dtype=torch.float64))
    covariance = classes.of(1).covariance()
    error = covariance.diagonal().sqrt() / n**0.5
    assert ((drawn.mean(dim=0) - classes.of(1).mean).abs() < 5 * error).all()
    spread = (torch.outer(covariance.diagonal(), covariance.diagonal()) + covariance.square()).sqrt() / n**0.5
    assert ((torch.cov(drawn.T) - covariance).abs() < 5 * spread).all()


def test_fifty_thousand_images_reproduce_mean_and_covariance_of_their_pixels():
    images = data.load("mnist")
    classes = fit(np.array(images.x[:3000, ::2, ::2]), images.labels[:3000], regularisation=0.02)
    engine = engines.create("bayes_classifier", data=classes, device="cpu")
    generator, n, y = torch.Generator().manual_seed(0), 50_000, 3
    total, products = torch.zeros(196, dtype=torch.float64), torch.zeros(196, 196, dtype=torch.float64)
    for _ in range(10):
        part = engine.sample(n // 10, generator=generator, y=y) - classes.of(y).mean
        total += part.sum(dim=0)
        products += part.T @ part
    covariance = classes.of(y).covariance()
    assert ((total / n).abs() < 5 * covariance.diagonal().sqrt() / n**0.5).all()
    spread = (torch.outer(covariance.diagonal(), covariance.diagonal()) + covariance.square()).sqrt() / n**0.5
    away = (products / n - covariance) / spread  # 19,306 different entries, about N(0, 1) each
    assert away.abs().max() < 6
    assert away.square().mean() == pytest.approx(1, abs=0.05)


def test_classes_come_as_often_as_their_shares_and_y_comes_before_x():
    shares = np.repeat([0, 1], [180, 60])
    images = Images({"image": RNG.random((240, 6)), "label": shares})
    engine = engines.create("bayes_classifier", data=images, n_steps=4000, device="cpu")
    phases = []
    while not engine.done:
        engine.step()
        phases.append(engine.frame().phase)
    assert phases == ["y", "x"] * 2000
    counts = engine.frame().arrays["counts"]
    assert counts.sum() == 2000
    assert counts[0] / 2000 == pytest.approx(0.75, abs=5 * (0.75 * 0.25 / 2000) ** 0.5)


def test_moving_along_a_direction_is_so_many_standard_deviations():
    classes = fit(POINTS, LABELS)
    moved = classes.move(2, torch.tensor([2.0, -1.0], dtype=torch.float64))
    along = (moved - classes.of(2).mean) @ classes.of(2).directions
    expected = torch.zeros(5, dtype=torch.float64)
    expected[:2] = torch.tensor([2.0, -1.0]) * classes.of(2).variances[:2].sqrt()
    assert_close(along, expected, atol=1e-10, rtol=0)
    assert (classes.of(2).variances[:-1] >= classes.of(2).variances[1:]).all()


@pytest.mark.parametrize(
    ("x", "labels", "settings", "words"),
    [
        (POINTS[:81], np.array([0] * 80 + [1]), {}, "class 1 has 1 image: a covariance needs at least 2"),
        (POINTS[:80], np.array([0] * 40 + [2] * 40), {}, "class 1 has 0 images"),
        (np.zeros((10, 4)), np.zeros(10, dtype=int), {"regularisation": 0.0}, "class 0 is singular .10 rows of 4"),
        (POINTS, LABELS, {"regularisation": 1.5}, "regularisation must be from 0 to 1, got 1.5"),
        (POINTS, LABELS[:5], {}, "240 rows and 5 labels"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(x, labels, settings, words):
    with pytest.raises(ValueError, match=words):
        fit(x, labels, **settings)


def test_few_numbers_hold_the_classes():
    """Blank pixels and directions that hardly vary are left out, and what is left says the same."""
    x = np.concatenate([POINTS, np.zeros((240, 3))], axis=1)
    classes = fit(x, LABELS, regularisation=0.05)
    kept = classes.tensors()
    assert kept["directions.0"].shape == (5, 5)
    back = GaussianClasses.from_tensors(kept)
    for y in range(3):
        assert_close(back.of(y).covariance(), classes.of(y).covariance(), atol=1e-5, rtol=1e-5)
        assert back.of(y).total_variance == pytest.approx(float(torch.trace(classes.of(y).covariance())), rel=1e-6)
    assert_close(back.log_density(torch.tensor(x)), classes.log_density(torch.tensor(x)), atol=1e-3, rtol=1e-5)
    noise = torch.randn(240, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor(LABELS)
    assert_close(back.draw(labels, noise), classes.draw(labels, noise), atol=1e-4, rtol=1e-4)


def test_a_direction_that_hardly_varies_shares_one_variance():
    x = np.concatenate([POINTS, 1e-3 * RNG.normal(size=(240, 4))], axis=1)
    classes = fit(x, LABELS, regularisation=0.05)
    back = GaussianClasses.from_tensors(classes.tensors())
    assert len(back.of(1).variances) == 5
    assert back.of(1).rest == pytest.approx(float(classes.of(1).variances[5:].mean()), rel=1e-12)
    away = (back.log_density(torch.tensor(x)) - classes.log_density(torch.tensor(x))).abs().max()
    assert 0 < away < 1e-3


@pytest.mark.parametrize(("name", "variant", "y"), [("mnist", "", 3), ("fashion", "fashion", 8)])
def test_what_ships_is_the_fit_within_half_precision(name, variant, y):
    """Of a class afresh: densities within .3 nats of 600, draws within a grey level."""
    train, test = data.load(name), data.load(name, split="test")
    fresh = fit_class(torch.tensor(train.x[train.labels == y]).flatten(1), y)
    engine = engines.pretrained("bayes_classifier", variant, device="cpu")
    shipped = engine.data.of(y)
    x = torch.tensor(test.flat()[test.labels == y][:300], dtype=torch.float64)
    away = (shipped.log_density(x) - fresh.log_density(x)).abs()
    assert away.mean() < 0.05
    assert away.max() < 0.3
    noise = torch.randn(50, 784, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert (shipped.draw(noise) - fresh.draw(noise)).abs().max() < 1 / 255
    assert_close(shipped.mean, fresh.mean, atol=1e-12, rtol=0)
    assert engine.data.priors[y] == pytest.approx((train.labels == y).mean(), abs=1e-12)
    assert engine.n_parameters == 10 * (784 + 784 * 785 // 2) + 9


def test_what_does_not_fit_together_is_refused():
    kept = fit(POINTS, LABELS, regularisation=0.05).tensors()
    for key, value, words in (
        ("means", kept["means"][:2], "of the same classes"),
        ("variances.1", kept["variances.1"][:3], "directions of class 1 do not fit"),
        ("variances.2", -kept["variances.2"], "class 2 has a variance that is not above zero"),
    ):
        with pytest.raises(ValueError, match=words):
            GaussianClasses.from_tensors({**kept, key: value})


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="given must be a class from 0 to 2, got 7"):
        engines.create("bayes_classifier", data=fit(POINTS, LABELS), given=7, device="cpu")
