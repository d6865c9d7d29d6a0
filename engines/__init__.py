"""Generative models in motion: real algorithms on CPU or GPU, one visible step at a time.

>>> import engines
>>> em = engines.create("gmm", data=x, n_components=3, seed=0)
>>> em.step(); em.frame().scalars["log_likelihood"]
"""

from engines.checkpoints import load_engine as pretrained
from engines.engine import Engine, Frame, create, names

__all__ = ["Engine", "Frame", "create", "names", "pretrained"]
