"""Small measured sets that come with scikit-learn, so that nothing is downloaded.

Wine and breast cancer mix units (grams, percent, hues), where the largest number would rule every
distance: each of their columns is standardised to mean 0 and standard deviation 1. Iris (all in
centimetres) and the digits (all in ink, 0 to 16) are as measured.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

import numpy as np

from engines.data.dataset import Dataset

_UCI = "UCI Machine Learning Repository, as scikit-learn ships it"
# name -> (loader in sklearn.datasets, title, standardised, description)
_SETS = MappingProxyType(
    {
        "iris": ("load_iris", "Iris", False, "150 flowers of three species: sepals and petals in centimetres"),
        "wine": ("load_wine", "Wine", True, "178 wines of three growers: 13 chemical measures, each standardised"),
        "cancer": (
            "load_breast_cancer",
            "Breast cancer",
            True,
            "569 tumours, malignant or benign: 30 measures of cell nuclei, each standardised",
        ),
        "digits": ("load_digits", "Digits 8x8", False, "1,797 handwritten digits of 8 x 8 pixels, ink from 0 to 16"),
    }
)
NAMES = tuple(_SETS)


@lru_cache(maxsize=4)
def make(name: str) -> Dataset:
    """The measured set ``name``."""
    if name not in _SETS:
        raise ValueError(f"no measured set is called {name!r}; known: {', '.join(NAMES)}")
    import sklearn.datasets

    loader, title, standardised, description = _SETS[name]
    bunch = getattr(sklearn.datasets, loader)()
    x = np.array(bunch.data, dtype=np.float64)
    if standardised:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    return Dataset(
        name=name,
        title=title,
        x=x,
        labels=bunch.target.astype(np.int64),
        feature_names=tuple(str(feature).removesuffix(" (cm)") for feature in bunch.feature_names),
        class_names=tuple(str(label) for label in bunch.target_names),
        source=_UCI,
        licence="CC BY 4.0",
        description=description,
    )
