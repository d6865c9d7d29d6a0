r"""A body of six joints in MuJoCo as a pure function of a batch of states, like the environments of `environments`.

HalfCheetah is Gymnasium's ``HalfCheetah-v5``: its model file, its reward (forward speed less a tenth of the squared
controls), its starts. MuJoCo computes n bodies in one call of its `rollout`, each from its state alone (the solver
starts cold), so that a run can be saved and replayed bit for bit.

MuJoCo and Gymnasium are needed to take steps, and only for that (requirements-mujoco.txt): demonstrations, trained
policies and recorded films are read and drawn without.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
FRAME_SKIP = 5  # steps of MuJoCo, 0.01 s each, under one action


class HalfCheetah:
    """Two legs and a back in the plane. State: place, height, pitch and six joints, then how fast each changes."""

    name, title, limit, dt = "halfcheetah", "HalfCheetah", 1000, 0.05
    gymnasium = "HalfCheetah-v5"
    n_actions, n_controls, bound = 0, 6, 1.0
    joints = ("hind thigh", "hind shin", "hind foot", "fore thigh", "fore shin", "fore foot")
    state_names = (
        "place (m)", "height (m)", "pitch (rad)", *(f"{joint} (rad)" for joint in joints),
        "forward speed (m/s)", "upward speed (m/s)", "turn of the pitch (rad/s)",
        *(f"turn of the {joint} (rad/s)" for joint in joints),
    )  # fmt: skip
    # About what is reached; a place is not told to the policy. Angular velocities of joints are large and short.
    high = np.array([500, 1, 4, 1, 1, 1, 1.2, 1.2, 0.8, 10, 4, 10, 25, 25, 25, 25, 25, 25], dtype=np.float64)
    low = -high
    units = np.array([0.3, 1, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 3, 1.5, 3, 10, 10, 10, 10, 10, 10])

    def start(self, u: Array) -> Array:
        from scipy.special import ndtri

        return np.concatenate([0.2 * u[:, :9] - 0.1, 0.1 * ndtri(np.clip(u[:, 9:], 1e-9, 1 - 1e-9))], axis=1)

    def step(self, state: Array, action: Array) -> tuple[Array, Array, Array]:
        """ValueError where MuJoCo is missing."""
        action = np.clip(action, -self.bound, self.bound)
        new = physics().step(np.asarray(state, dtype=np.float64), action)
        reward = (new[:, 0] - state[:, 0]) / self.dt - 0.1 * (action**2).sum(axis=1)
        return new, reward, np.zeros(len(state), dtype=bool)

    def observation(self, state: Array) -> Array:
        return state[:, 1:]

    def observe(self, state: Array) -> Array:
        return state[:, 1:] / self.units


class Physics:
    """HalfCheetah's model in MuJoCo. It computes in the thread that asks: where others have the cores, bodies that are
    shared among threads wait for the slowest at every step.
    """

    def __init__(self) -> None:
        try:
            import gymnasium
            import mujoco
            from mujoco import rollout
        except ImportError as error:
            raise ValueError(
                f"HalfCheetah moves by MuJoCo, which is not installed ({error.name} is missing): run pip install -r "
                "requirements-mujoco.txt, or choose another environment"
            ) from None
        path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "half_cheetah.xml"
        self.model = mujoco.MjModel.from_xml_path(str(path))
        self.data = mujoco.MjData(self.model)
        self.rollout = rollout.Rollout(nthread=0).rollout
        self.lock = threading.Lock()

    def step(self, state: Array, action: Array) -> Array:
        """(n, 18), (n, 6) -> (n, 18)."""
        whole = np.concatenate([np.zeros((len(state), 1)), state], axis=1)  # MuJoCo's state begins with the time
        with self.lock:
            path, _ = self.rollout(
                self.model, self.data, whole, np.repeat(action[:, None].astype(np.float64), FRAME_SKIP, axis=1)
            )
        new: Array = path[:, -1, 1:]
        return new


@lru_cache(maxsize=1)
def physics() -> Any:
    return Physics()
