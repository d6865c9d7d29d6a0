"""AnoGAN's page: what it draws and says is what the engine found, and what ships finds it again."""

from __future__ import annotations

import numpy as np
import pytest

import engines
from engines import checkpoints, data
from engines.making.anogan import auc
from pages.making import anogan


@pytest.mark.parametrize("normal", anogan.NORMALS)
def test_the_card_is_found_again_on_a_fixed_subset(normal):
    model = engines.pretrained("anogan", normal)
    name, of = normal.split("-")
    assert model.config.normal == int(of)
    kept = model.scored.numpy()
    at = np.r_[0:8, 200:208]  # normal ones and others
    tests = data.load(name, split="test")
    rows = model.looked_at(tests.labels)
    np.testing.assert_allclose(kept[:, 0], rows, rtol=1e-3)  # kept in half precision
    np.testing.assert_array_equal(kept[:, 1], tests.labels[rows])
    x = np.array(tests.x[rows[at]])
    found = model.find(x, seed=model.config.seed)
    # The weights that ship are rounded to half precision, the card's were not: a search may end in another valley.
    close = np.isclose(found.residual.numpy(), kept[at, 2], rtol=0.1, atol=0.002)
    assert close.mean() >= 0.85
    metrics = checkpoints.read(checkpoints.folder("anogan", normal)).card["metrics"]
    scores, other = anogan.scored(normal, 0.1)
    assert auc(scores, other) == pytest.approx(metrics["test_auc"], abs=2e-3)
    assert metrics["test_auc"] > 0.8


def test_the_curve_drawn_has_the_area_that_is_said():
    for frame in anogan.detection("mnist-3").frames[::5]:
        x, y = frame.arrays["x"], frame.arrays["y"]
        assert np.trapezoid(y, x) == pytest.approx(frame.scalars["auc"], abs=1e-3)
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)


def test_the_shares_above_a_score_are_counts():
    scores, other = anogan.scored("mnist-3", 0.1)
    middle = float(np.median(scores[~other]))
    normal, anomalies = anogan.beyond("mnist-3", middle, 0.1)
    assert normal == pytest.approx(0.5, abs=0.01)
    assert anomalies == pytest.approx((scores[other] > middle).sum() / 200)


def test_every_test_image_is_in_one_bin_beside_the_search():
    counts, middles = anogan.counted("mnist-3", 0.1)
    assert counts.sum(axis=1).tolist() == [200, 200]
    scores, other = anogan.scored("mnist-3", 0.1)
    width = middles[1] - middles[0]
    assert counts[0] @ middles / 200 == pytest.approx(float(scores[~other].mean()), abs=float(width / 2))


def test_rivals_score_the_same_images():
    for errors in anogan.rivals("mnist-3").values():
        assert errors.shape == (400,)
        assert np.isfinite(errors).all()
    assert set(anogan.rivals("mnist-3")) == set(anogan.RIVALS)
