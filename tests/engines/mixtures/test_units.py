"""A fit is the same in all units, and says so when there are fewer different points than components."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engines
from engines import data
from engines.maths import gaussians

POINTS = np.add(data.load_points("iris").x, (3.0, -1.0))
FITS = [("gmm", {"covariance_type": kind, "regularisation": 1e-3}) for kind in gaussians.COVARIANCE_TYPES]
FITS += [("gmm", {"init": init}) for init in ("random", "bad")]
FITS += [("kmeans", {}), ("variational_gmm", {"n_components": 6}), ("variational_gmm", {"covariance_type": "diag"})]
FITS += [("variational_gmm", {"weight_prior": "process", "n_components": 6})]


def fitted(name: str, x: np.ndarray, **settings: Any) -> Any:
    engine: Any = engines.create(name, data=x, device="cpu", **{"n_components": 3, "seed": 2, **settings})
    while not engine.done:
        engine.step()
    return engine.frame()


@pytest.mark.parametrize(("name", "settings"), FITS)
@pytest.mark.parametrize("unit", [1e-6, 1e-3, 0.3, 1e4, 1e6])
def test_a_fit_is_the_same_in_all_units(name: str, settings: dict[str, Any], unit: float):
    usual, scaled = fitted(name, POINTS, **settings), fitted(name, POINTS * unit, **settings)
    assert scaled.step == usual.step > 4
    for key, power in (("weights", 0), ("means", 1), ("covariances", 2), ("responsibilities", 0)):
        wanted, found = usual.arrays[key], scaled.arrays[key] / unit**power
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
    n_points, n_dims = POINTS.shape
    for key in ("log_likelihood", "lower_bound"):  # a density is per unit of the data
        if key in usual.scalars:
            wanted = usual.scalars[key] - n_points * n_dims * np.log(unit)
            assert scaled.scalars[key] == pytest.approx(wanted, rel=1e-9)
    if name == "kmeans":
        assert scaled.scalars["inertia"] / unit**2 == pytest.approx(usual.scalars["inertia"], rel=1e-9)


@pytest.mark.parametrize("name", ["gmm", "kmeans", "variational_gmm"])
def test_more_components_than_different_points_get_a_sentence(name: str):
    x = np.repeat([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]], 2000, axis=0)
    with pytest.raises(ValueError, match="n_components is 8 but only 3 of the 6,000 points differ: use at most 3"):
        engines.create(name, data=x, n_components=8, device="cpu")
    assert len(engines.create(name, data=x, n_components=3, device="cpu").frame().arrays["means"]) == 3
