"""Time to fit and draw from the Bayes classifier, beside SciPy's `rvs`, which decomposes the covariance each call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

THREADS = 2
DRAWN = 100


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    import torch
    from scipy.stats import multivariate_normal
    from threadpoolctl import threadpool_limits

    import engines
    from engines import data
    from engines.foundations.bayes_classifier import fit

    torch.set_num_threads(THREADS)
    images = data.load("mnist")
    x, labels = np.array(images.x), np.array(images.labels)
    classes: list[Any] = []
    fitting = _median_ms(lambda: classes.append(fit(x, labels)), 3) / 1000
    fitted = classes[-1]
    engine: Any = engines.create("bayes_classifier", data=fitted, device="cpu")
    generator = torch.Generator().manual_seed(0)
    mixed = _median_ms(lambda: engine.sample(DRAWN, generator=generator), 15)
    one = _median_ms(lambda: engine.sample(DRAWN, generator=generator, y=3), 15)
    mean, covariance = fitted.of(3).mean.numpy(), fitted.of(3).covariance().numpy()
    with threadpool_limits(THREADS):
        rng = np.random.default_rng(0)
        theirs = _median_ms(lambda: multivariate_normal.rvs(mean, covariance, size=DRAWN, random_state=rng), 5)
    note = f"{THREADS} threads"
    return [
        {"name": "fit, ten classes x 784 on 60,000", "value": fitting, "unit": "s", "note": f"{note}; needs 5"},
        {"name": f"{DRAWN} samples, classes drawn", "value": mixed, "unit": "ms", "note": f"{note}; needs 30"},
        {"name": f"{DRAWN} samples, one class", "value": one, "unit": "ms", "note": f"{note}; needs 30"},
        {"name": f"SciPy's rvs, {DRAWN} samples, one class", "value": theirs, "unit": "ms", "note": note},
    ]


def _median_ms(action: Callable[[], Any], repeats: int) -> float:
    action()  # the first one warms up
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))
