"""Mixtures a class: the engines of mixtures/ on each class's components, and what ships of them."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from torch.testing import assert_close

import engines
from engines import data
from engines.material import Images

DIGITS = Images.load("mnist", n=4000)


def test_a_class_has_scikit_learns_density():
    config = {"n_components": 1, "n_dimensions": 5, "n_images": 200, "n_classes": 2}
    engine = engines.create("class_mixtures", data=DIGITS, device="cpu", **config)
    while not engine.done:
        engine.step()
    ones = DIGITS.train["image"][DIGITS.train["label"] == 1][:200].double().numpy() / 255
    codes = PCA(5, svd_solver="full").fit_transform(ones)
    theirs = GaussianMixture(1, reg_covar=1e-6 * codes.var(axis=0).mean(), random_state=0).fit(codes)
    found = engine.log_density(1, torch.tensor(ones)).numpy()
    np.testing.assert_allclose(found, theirs.score_samples(codes), rtol=1e-3)


def test_draws_have_the_mixtures_moments():
    engine = engines.pretrained("class_mixtures", device="cpu")
    weights, means, factors = engine.mixture(4)
    n = 20_000
    styles, drawn = engine.draw(4, n, generator=torch.Generator().manual_seed(0))
    expected = engine.pixels(4, weights @ means)
    spread = drawn.std(dim=0) / n**0.5
    assert ((drawn.mean(dim=0) - expected).abs() < 5 * spread + 1e-9).all()
    assert len(torch.unique(styles.round(decimals=6), dim=0)) == int((weights > 1e-3).sum())
    within = torch.einsum("k,kij->ij", weights, factors @ factors.mT)
    away = means - weights @ means
    total = torch.trace(within + torch.einsum("k,ki,kj->ij", weights, away, away))
    codes_total = float(drawn.var(dim=0).sum())  # the directions are orthonormal
    assert codes_total == pytest.approx(float(total), rel=0.03)


@pytest.mark.parametrize(("name", "variant"), [("mnist", ""), ("fashion", "fashion-variational")])
def test_what_ships_is_the_fit_within_half_precision(name, variant):
    shipped = engines.pretrained("class_mixtures", variant, device="cpu")
    images = data.load(name)
    rows = np.flatnonzero(images.labels == 0)[:1000]
    afresh = Images({"image": images.x[rows].reshape(-1, 784), "label": torch.zeros(1000, dtype=torch.int64)})
    config = {"kind": shipped.config.kind, "n_classes": 1}
    fresh = engines.create("class_mixtures", data=afresh, device="cpu", **config)
    fresh.step()
    a, b = (engine.mixture(0) for engine in (shipped, fresh))
    assert_close(a[0], b[0], atol=2e-3, rtol=0)
    assert_close(shipped.pixels(0, a[1]), fresh.pixels(0, b[1]), atol=5e-3, rtol=0)
    x = torch.tensor(images.x[rows[:200]].reshape(-1, 784)).double() / 255
    assert (shipped.log_density(0, x) - fresh.log_density(0, x)).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "kmeans"}, "kind 'kmeans' is not known"),
        ({"n_dimensions": 2000}, "n_dimensions must be at most 784"),
        ({"n_components": 0}, "n_components must be from 1"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        engines.create("class_mixtures", data=DIGITS, device="cpu", **settings)


def test_too_few_images_of_a_class():
    few = Images({"image": DIGITS.train["image"][:30], "label": DIGITS.train["label"][:30]})
    engine = engines.create("class_mixtures", data=few, device="cpu")
    with pytest.raises(ValueError, match="class 0 has"):
        engine.step()
