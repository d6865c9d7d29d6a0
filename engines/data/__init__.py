"""Data to learn from: toy sets in the plane, small measured sets, bundled images, uploads, downloads.

>>> from engines import data
>>> data.load("stretched", n=500, seed=1).x.shape
(500, 2)
>>> points = data.load_points("mnist", n=2000)  # (2000, 2) through PCA
>>> points.pca.explained_ratio

Everything here is NumPy; engines take it to their device themselves.
"""

from __future__ import annotations

from engines.data.bundled import images
from engines.data.dataset import Dataset, Truth
from engines.data.points import Points, load_points
from engines.data.registry import KINDS, load, names
from engines.data.table import Table, read_csv

__all__ = ["KINDS", "Dataset", "Points", "Table", "Truth", "images", "load", "load_points", "names", "read_csv"]
