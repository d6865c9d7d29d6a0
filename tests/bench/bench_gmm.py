"""Time and memory of EM beside scikit-learn's: same process, same number of threads, full covariances."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = ((100_000, 2, 8), (1_000_000, 2, 8), (10_000, 50, 10))
THREADS = 2

# Peak memory of three iterations on a million points, beyond what the data and the libraries hold.
MEMORY = """
import numpy as np, engines
# Not ru_maxrss, which begins with the peak of the process that started this one.
peak = lambda: int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
warm = engines.create("gmm", data=np.random.default_rng(0).normal(size=(1000, 2)), n_components=8, device="cpu")
warm.step(); warm.step()
x = np.random.default_rng(1).normal(size=(1_000_000, 2))
before = peak()
em = engines.create("gmm", data=x, n_components=8, device="cpu", tolerance=0)
for _ in range(6):
    em.step()
em.frame()
print((peak() - before) / 1024)
"""


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    rows = []
    for n, d, k in SIZES:
        x = np.random.default_rng(0).normal(size=(n, d))
        repeats = 5 if n < 1_000_000 else 3
        ours, theirs = _ours(x, k, repeats), _sklearn(x, k, repeats)
        size = f"{n:,} x {d}, K = {k}"
        rows.append({"name": f"EM iteration, {size}", "value": ours, "unit": "ms", "note": f"{THREADS} threads"})
        rows.append({"name": f"scikit-learn, {size}", "value": theirs, "unit": "ms", "note": "E step, M step"})
        rows.append({"name": f"ratio, {size}", "value": ours / theirs, "unit": "", "note": "ours / scikit-learn's"})
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    note = "engine and three iterations, above the data"
    rows.append({"name": "peak memory, 1,000,000 x 2, K = 8", "value": float(done.stdout), "unit": "MB", "note": note})
    return rows


def _median_ms(action: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


def _ours(x: np.ndarray, k: int, repeats: int) -> float:
    import torch

    import engines

    torch.set_num_threads(THREADS)
    em: Any = engines.create("gmm", data=x, n_components=k, device="cpu", tolerance=0, max_iterations=10**6)

    def iterate() -> None:
        em.step()
        em.step()

    iterate()
    return _median_ms(iterate, repeats)


def _sklearn(x: np.ndarray, k: int, repeats: int) -> float:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    with threadpool_limits(THREADS), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture = GaussianMixture(k, max_iter=1, init_params="random_from_data", random_state=0).fit(x)

        def iterate() -> None:
            _, log_shares = mixture._e_step(x)
            mixture._m_step(x, log_shares)

        iterate()
        return _median_ms(iterate, repeats)
