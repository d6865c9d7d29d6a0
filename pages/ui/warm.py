"""The heavy imports, once, in a thread of their own, while the first viewer reads the home page.

Two threads that import torch and scipy at the same time trip over each other: scipy asks any module called torch
that is on its way for its Tensor. So a page waits until they are there; it needs them anyway.
"""

from __future__ import annotations

import gc
import threading

_done = threading.Event()
_done.set()  # where nobody began, as in a test of one page, there is nothing to wait for


def begin() -> None:
    _done.clear()
    threading.Thread(target=_import, name="lab-warm", daemon=True).start()


def wait() -> None:
    _done.wait(timeout=120)


def _import() -> None:
    try:
        import sklearn.decomposition  # noqa: F401
        import torch  # noqa: F401

        import engines.mixtures.gmm  # noqa: F401

        # Streamlit collects all garbage after every run of a script, and everybody waits: modules are no garbage.
        gc.collect()
        gc.freeze()
    finally:
        _done.set()
