r"""The experts, and the command that lets them demonstrate: `python -m engines.imitation.experts`.

Pendulum: analytic. Away from the top, torque pumps energy into the swing: with energy E = v^2 / 6 + 5 \cos\theta
(rod of mass and length 1, g = 10) it holds that dE/dt = v u, so u = k (E_top - E) v drives E to E_top = 5, that of
standing upright (Astrom & Furuta 2000, Automatica 36, "Swinging up a pendulum by energy control"). Near the top, a
linear-quadratic regulator of the environment's own cost for the equations made linear there.

MountainCar: analytic, push the way that you are rolling. Learning it from its reward fails: nothing is given before
the flag is reached, and every push costs.

CartPole and Acrobot: policies of TRPO (engines/imitation/trpo.py), trained on the environment's reward by
`python -m engines.train trpo`; the commands are in their cards.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engines.imitation import demonstrations
from engines.imitation.demonstrations import Demonstrations, Trajectory
from engines.imitation.environments import environment, wrap
from engines.imitation.trpo import evaluate, play

Act = Callable[[np.ndarray], np.ndarray]
SCALES = "returns.json"  # floor and ceiling by environment
ANALYTIC = ("pendulum", "mountain-car")


@lru_cache(maxsize=1)
def regulator() -> np.ndarray:
    """K of u = -K (angle, velocity): the linear-quadratic regulator of Pendulum at the top, (2,)."""
    from scipy.linalg import solve_discrete_are

    dt = 0.05
    # velocity' = velocity + (15 angle + 3 u) dt;   angle' = angle + velocity' dt
    a = np.array([[1 + 15 * dt**2, dt], [15 * dt, 1]])
    b = np.array([[3 * dt**2], [3 * dt]])
    q, r = np.diag([1.0, 0.1]), np.array([[0.001]])  # the environment's cost
    p = solve_discrete_are(a, b, q, r)
    return np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)[0]


def swing_up(states: np.ndarray) -> np.ndarray:
    """Pendulum's expert: (n, 2) -> torques (n,) within [-2, 2]."""
    angle, velocity = wrap(states[:, 0]), states[:, 1]
    energy = velocity**2 / 6 + 5 * np.cos(angle)
    pump = 0.6 * (5.0 - energy) * velocity
    hold = -(regulator()[0] * angle + regulator()[1] * velocity)
    # The regulator takes over where the torque that it asks for is not far beyond what the motor has.
    near = (np.abs(angle) < 0.5) & (np.abs(hold) < 8.0)
    return np.clip(np.where(near, hold, pump), -2.0, 2.0)


def roll(states: np.ndarray) -> np.ndarray:
    """MountainCar's expert: full power the way that the car rolls."""
    return np.where(states[:, 1] >= 0, 1.0, -1.0)


def act(name: str) -> Act:
    """The expert of an environment: states (n, S) -> actions (n,) in the environment's units."""
    environment(name)
    if name == "pendulum":
        return swing_up
    if name == "mountain-car":
        return roll
    import engines

    return engines.pretrained("trpo", name).agent.act  # type: ignore[attr-defined]


def at_random(env: Any, seed: int = 0) -> Act:
    """Who knows nothing: choices with equal chance, numbers evenly over what the environment takes."""
    rng = np.random.default_rng(seed)
    if env.n_actions:
        return lambda states: rng.integers(env.n_actions, size=len(states))
    shape = () if env.n_controls == 1 else (env.n_controls,)
    return lambda states: rng.uniform(-env.bound, env.bound, size=(len(states), *shape))


def stubborn(env: Any) -> Act:
    """A useless expert: always left."""
    return lambda states: np.full(len(states), 0 if env.n_actions else -env.bound)


def demonstrate(name: str, act: Act, *, n: int, seed: int) -> Demonstrations:
    """n episodes from starts drawn by ``seed``."""
    env = environment(name)
    starts = env.start(np.random.default_rng(seed).random((n, len(env.low))))
    path, taken, lengths, returns, terminated = play(env, act, starts)
    return Demonstrations(
        environment=name,
        trajectories=tuple(
            Trajectory(
                states=path[: lengths[i], i], actions=taken[: lengths[i], i].astype(np.float64),
                value=float(returns[i]),
                terminated=bool(terminated[i]),
            )
            for i in range(n)
        ),
    )  # fmt: skip


def measure(name: str) -> tuple[float, float]:
    """The mean returns of acting at random and of the expert over the same 200 starts: floor and ceiling."""
    env = environment(name)
    floor = evaluate(env, at_random(env), n=200, seed=1).mean()
    return float(floor), float(evaluate(env, act(name), n=200, seed=1).mean())


@lru_cache(maxsize=1)
def _scales() -> dict[str, list[float]]:
    held: dict[str, list[float]] = json.loads((demonstrations.FOLDER / SCALES).read_text(encoding="utf-8"))
    return held


def scale(name: str) -> tuple[float, float]:
    """What `measure` found when the demonstrations were made: floor and ceiling of an environment's returns."""
    environment(name)
    floor, ceiling = _scales()[name]
    return floor, ceiling


def main() -> int:
    parser = argparse.ArgumentParser(description="Let the experts demonstrate, into assets/imitation/NAME.npz.")
    parser.add_argument("names", nargs="*", default=list(demonstrations.names()))
    parser.add_argument("--n", type=int, default=10, help="trajectories")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=demonstrations.FOLDER)
    given = parser.parse_args()
    scales = {}
    for name in given.names:
        made = demonstrate(name, act(name), n=given.n, seed=given.seed)
        made.save(given.out / f"{name}.npz")
        scales[name] = [round(value, 4) for value in measure(name)]
        floor, ceiling = scales[name]
        print(f"{name}: returns {made.returns.round(1)}, at random {floor:.1f}, expert over 200 starts {ceiling:.1f}")
    held = json.loads((given.out / SCALES).read_text()) if (given.out / SCALES).exists() else {}
    (given.out / SCALES).write_text(json.dumps(held | scales, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
