"""Two Gaussians to drag, and the KL between them: a component, and the route that computes for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engines.maths.divergences import integrand, kl_three_ways, log_normal
from pages.ui import player
from pages.ui.questions import real, route, whole

LOW, HIGH = -7.0, 7.0  # of the axis
MEANS = (-5.0, 5.0)
SPREADS = (0.2, 3.0)
POINTS = 281
MAX_SAMPLES = 100_000


def compare(question: dict[str, Any]) -> dict[str, Any]:
    """Curves and both divergences of q and p: {"mq", "sq", "mp", "sp", "n", "seed"} -> what the component draws."""
    mq, mp = (real(question.get(key), key, *MEANS) for key in ("mq", "mp"))
    sq, sp = (real(question.get(key), key, *SPREADS) for key in ("sq", "sp"))
    n, seed = whole(question.get("n"), "n", MAX_SAMPLES, 2), whole(question.get("seed"), "seed", 9999)
    x = np.linspace(LOW, HIGH, POINTS)
    generator = np.random.default_rng(seed)
    both = {}
    for name, (a, b, c, d) in (("qp", (mq, sq, mp, sp)), ("pq", (mp, sp, mq, sq))):
        kl = kl_three_ways(a, b, c, d, n_samples=n, generator=generator)
        both[name] = {
            "integrand": integrand(x, a, b, c, d),
            "closed": kl.closed,
            "integral": kl.integral,
            "estimate": kl.estimate,
            "standard_error": kl.standard_error,
        }
    return {"x": x, "q": np.exp(log_normal(x, mq, sq)), "p": np.exp(log_normal(x, mp, sp)), **both}


ROUTES = [route("/lab/kl", compare)]


def show(*, key: str, values: dict[str, Any], on_moved: Callable[[], None]) -> Any:
    """The two curves; ``values`` are the route's settings. ``moved`` holds new ones when a drag ends."""
    data = {"limits": {"m": MEANS, "s": SPREADS, "x": (LOW, HIGH)}, **values}
    return player.mount("gaussians", key=key, data=data, on_moved_change=on_moved)
