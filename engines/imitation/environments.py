r"""Four environments of classic control as pure functions of a batch of states: (n, S) and actions in, (n, S) out.

They are Gymnasium's (``Pendulum-v1``, ``CartPole-v1``, ``MountainCarContinuous-v0``, ``Acrobot-v1``), equation by
equation, and tested against it step by step. Gymnasium's own are objects that keep their state and a random
generator inside; here the state is an argument, so that a run can be saved, forked and replayed bit for bit, and
n environments take one step in one call of NumPy.

Each has
- ``name``, ``title``, ``limit`` (steps after which an episode is cut off), ``dt`` (seconds of a step, as it is shown);
- ``n_actions``: 0 where an action is a number in [-bound, bound], else how many there are to choose from;
- ``n_controls``: how many numbers an action has; actions are (n,), and (n, n_controls) where that is more than 1;
- ``start(u)``: uniform numbers (n, S) in 0..1 -> states (n, S) to begin from;
- ``step(state, action)``: -> next states (n, S), rewards (n,), whether the episode has ended of itself (n,);
- ``observe(state)``: -> what a policy is told, (n, O), each number about within [-1, 1];
- ``observation(state)``: the same in Gymnasium's own units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.imitation.bodies import HalfCheetah

Array = np.ndarray


def wrap(angle: Array) -> Array:
    """An angle in radians into [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


class Pendulum:
    """A rod that hangs from a motor too weak to lift it at once. State: angle from upright, angular velocity."""

    name, title, limit, dt = "pendulum", "Pendulum", 200, 0.05
    gymnasium = "Pendulum-v1"
    n_actions, n_controls, bound = 0, 1, 2.0
    state_names = ("angle (0: upright)", "angular velocity (rad/s)")
    low, high = np.array([-np.pi, -8.0]), np.array([np.pi, 8.0])

    def start(self, u: Array) -> Array:
        return (2 * u - 1) * np.array([np.pi, 1.0])

    def step(self, state: Array, action: Array) -> tuple[Array, Array, Array]:
        angle, velocity = state.T
        torque = np.clip(action, -self.bound, self.bound)
        cost = wrap(angle) ** 2 + 0.1 * velocity**2 + 0.001 * torque**2
        # g = 10, a rod of length 1 and mass 1 turning about its end: inertia 1/3.
        velocity = np.clip(velocity + (15.0 * np.sin(angle) + 3.0 * torque) * 0.05, -8.0, 8.0)
        angle = angle + velocity * 0.05
        return np.stack([angle, velocity], axis=1), -cost, np.zeros(len(state), dtype=bool)

    def observation(self, state: Array) -> Array:
        angle, velocity = state.T
        return np.stack([np.cos(angle), np.sin(angle), velocity], axis=1)

    def observe(self, state: Array) -> Array:
        return self.observation(state) / np.array([1.0, 1.0, 8.0])


class CartPole:
    """A pole on a cart that is pushed left or right at every step. State: place, speed, angle, angular velocity."""

    name, title, limit, dt = "cartpole", "CartPole", 500, 0.02
    gymnasium = "CartPole-v1"
    n_actions, n_controls, bound = 2, 1, 1.0
    action_names = ("left", "right")
    state_names = ("place (m)", "speed (m/s)", "angle (0: upright)", "angular velocity (rad/s)")
    low, high = np.array([-2.4, -3.0, -0.2095, -3.5]), np.array([2.4, 3.0, 0.2095, 3.5])
    fall = 12 * 2 * np.pi / 360  # rad

    def start(self, u: Array) -> Array:
        return (2 * u - 1) * 0.05

    def step(self, state: Array, action: Array) -> tuple[Array, Array, Array]:
        x, speed, angle, turn = state.T
        force = np.where(action == 1, 10.0, -10.0)
        cos, sin = np.cos(angle), np.sin(angle)
        # A cart of 1 kg, a pole of 0.1 kg whose half length is 0.5 m.
        push = (force + 0.05 * turn**2 * sin) / 1.1
        turning = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        moving = push - 0.05 * turning * cos / 1.1
        new = [x + 0.02 * speed, speed + 0.02 * moving, angle + 0.02 * turn, turn + 0.02 * turning]
        ended = (np.abs(new[0]) > 2.4) | (np.abs(new[2]) > self.fall)
        return np.stack(new, axis=1), np.ones(len(state)), ended

    def observation(self, state: Array) -> Array:
        return state

    def observe(self, state: Array) -> Array:
        return state / self.high


class MountainCar:
    """A car in a valley, too weak to drive straight up the right slope. State: place, speed."""

    name, title, limit, dt = "mountain-car", "MountainCarContinuous", 999, 0.02
    gymnasium = "MountainCarContinuous-v0"
    n_actions, n_controls, bound = 0, 1, 1.0
    state_names = ("place", "speed (a step)")
    low, high = np.array([-1.2, -0.07]), np.array([0.6, 0.07])

    def start(self, u: Array) -> Array:
        return np.stack([-0.6 + 0.2 * u[:, 0], np.zeros(len(u))], axis=1)

    def step(self, state: Array, action: Array) -> tuple[Array, Array, Array]:
        x, speed = state.T
        force = np.clip(action, -1.0, 1.0)
        speed = np.clip(speed + 0.0015 * force - 0.0025 * np.cos(3 * x), -0.07, 0.07)
        x = np.clip(x + speed, -1.2, 0.6)
        speed = np.where((x == -1.2) & (speed < 0), 0.0, speed)
        ended = (x >= 0.45) & (speed >= 0)
        return np.stack([x, speed], axis=1), 100.0 * ended - 0.1 * action**2, ended

    def observation(self, state: Array) -> Array:
        return state

    def observe(self, state: Array) -> Array:
        return (state - np.array([-0.3, 0.0])) / np.array([0.9, 0.07])


class Acrobot:
    """Two rods in a chain, driven only at the joint between them; the free end must rise above a line.

    State: angle of the first rod from hanging down, of the second from the first, and how fast they turn.
    """

    name, title, limit, dt = "acrobot", "Acrobot", 500, 0.06
    gymnasium = "Acrobot-v1"
    n_actions, n_controls, bound = 3, 1, 1.0
    action_names = ("torque -1", "no torque", "torque +1")
    state_names = ("angle 1 (rad)", "angle 2 (rad)", "velocity 1 (rad/s)", "velocity 2 (rad/s)")
    low, high = np.array([-np.pi, -np.pi, -4 * np.pi, -9 * np.pi]), np.array([np.pi, np.pi, 4 * np.pi, 9 * np.pi])

    def start(self, u: Array) -> Array:
        return (2 * u - 1) * 0.1

    def step(self, state: Array, action: Array) -> tuple[Array, Array, Array]:
        torque, h = action.astype(np.float64) - 1.0, 0.2
        k1 = self._slope(state, torque)
        k2 = self._slope(state + h / 2 * k1, torque)
        k3 = self._slope(state + h / 2 * k2, torque)
        k4 = self._slope(state + h * k3, torque)
        new = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)  # Runge and Kutta's fourth order
        new[:, :2] = wrap(new[:, :2])
        new[:, 2:] = np.clip(new[:, 2:], self.low[2:], self.high[2:])
        ended = -np.cos(new[:, 0]) - np.cos(new[:, 0] + new[:, 1]) > 1.0
        return new, np.where(ended, 0.0, -1.0), ended

    def _slope(self, state: Array, torque: Array) -> Array:
        """d state / dt (n, 4): Sutton & Barto's book; rods of length, mass and moment 1, centres at 0.5, g = 9.8."""
        a1, a2, v1, v2 = state.T
        d1 = 0.25 + (1.25 + np.cos(a2)) + 2.0
        d2 = 0.25 + 0.5 * np.cos(a2) + 1.0
        phi2 = 0.5 * 9.8 * np.cos(a1 + a2 - np.pi / 2)
        phi1 = -0.5 * v2**2 * np.sin(a2) - v2 * v1 * np.sin(a2) + 1.5 * 9.8 * np.cos(a1 - np.pi / 2) + phi2
        w2 = (torque + d2 / d1 * phi1 - 0.5 * v1**2 * np.sin(a2) - phi2) / (1.25 - d2**2 / d1)
        w1 = -(d2 * w2 + phi1) / d1
        return np.stack([v1, v2, w1, w2], axis=1)

    def observation(self, state: Array) -> Array:
        a1, a2, v1, v2 = state.T
        return np.stack([np.cos(a1), np.sin(a1), np.cos(a2), np.sin(a2), v1, v2], axis=1)

    def observe(self, state: Array) -> Array:
        return self.observation(state) / np.array([1.0, 1.0, 1.0, 1.0, 4 * np.pi, 9 * np.pi])


ENVIRONMENTS: dict[str, Any] = {one.name: one() for one in (Pendulum, CartPole, MountainCar, Acrobot)}
BODIES: dict[str, Any] = {HalfCheetah.name: HalfCheetah()}  # moved by MuJoCo, where that is installed


def environment(name: str) -> Any:
    """The environment called ``name``; ValueError lists the known ones."""
    known = ENVIRONMENTS | BODIES
    if name not in known:
        raise ValueError(f"no environment is called {str(name)[:40]!r}; choose one of {', '.join(known)}")
    return known[name]
