"""What an expert did: trajectories of states and actions, checked; and who the experts are, by environment.

A file of demonstrations is JSON or CSV (what a hand drove) or NumPy's npz (what ships), read with suspicion: every
fault is a ValueError of one sentence that names the value, the limit and the remedy. Nothing is ever unpickled.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.imitation.environments import ENVIRONMENTS, environment
from engines.material import Material

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "imitation"
MAX_BYTES = 5 << 20
MAX_TRAJECTORIES = 200
LEAST = 20  # pairs that there must be in all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trajectory:
    """One episode: states (L, S), actions (L,) in the environment's units, its return, whether it ended of itself."""

    states: np.ndarray
    actions: np.ndarray
    value: float  # the sum of the environment's rewards
    terminated: bool

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demonstrations:
    """Trajectories of one expert in one environment; ValueError where nothing can be learned from them."""

    environment: str
    trajectories: tuple[Trajectory, ...]

    def __post_init__(self) -> None:
        env = environment(self.environment)
        if not self.trajectories:
            raise ValueError(f"there is no demonstration of {env.title}: drive at least once, or load a file")
        if len(self.trajectories) > MAX_TRAJECTORIES:
            raise ValueError(
                f"there are {len(self.trajectories)} demonstrations, at most {MAX_TRAJECTORIES} are taken: leave some "
                "out"
            )
        for i, one in enumerate(self.trajectories, start=1):
            check(env, i, one)
        if len(self) < LEAST:
            raise ValueError(
                f"the demonstrations hold {len(self)} state-action pairs in all, at least {LEAST} are needed: drive "
                "longer"
            )

    def __len__(self) -> int:
        """Pairs in all."""
        return sum(len(one) for one in self.trajectories)

    @property
    def states(self) -> np.ndarray:
        """(N, S)."""
        return np.concatenate([one.states for one in self.trajectories])

    @property
    def actions(self) -> np.ndarray:
        """(N,), in the environment's units."""
        return np.concatenate([one.actions for one in self.trajectories])

    @property
    def returns(self) -> np.ndarray:
        return np.array([one.value for one in self.trajectories])

    @property
    def n_terminated(self) -> int:
        return sum(one.terminated for one in self.trajectories)

    def first(self, n: int) -> Demonstrations:
        """The first n trajectories; ValueError where there are fewer."""
        if n > (there := len(self.trajectories)):
            raise ValueError(f"n_trajectories is {n}, there are {there} demonstrations: take fewer")
        return Demonstrations(environment=self.environment, trajectories=self.trajectories[:n])

    def thinned(self, every: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Every ``every``-th pair of each trajectory from a random place on, as Ho & Ermon do: (M, S), (M,).

        Neighbours in time are nearly equal; thinned, the same number of trajectories says less.
        """
        rng = np.random.default_rng(seed)
        rows = [(one, slice(int(rng.integers(min(every, len(one)))), None, every)) for one in self.trajectories]
        return (
            np.concatenate([one.states[kept] for one, kept in rows]),
            np.concatenate([one.actions[kept] for one, kept in rows]),
        )

    def contradiction(self) -> float:
        """How far actions differ where states are alike: 0 (the state decides) to about 1 (as if the state said
        nothing). Of every pair the nearest state of *another* moment is looked up; the mean squared difference of
        their actions is divided by that of pairs at random.
        """
        from scipy.spatial import cKDTree

        env = environment(self.environment)
        x, a = env.observe(self.states), self.actions.astype(np.float64)
        spread = 2 * a.var()
        if spread < 1e-12 or len(a) < 4:
            return 0.0
        tree = cKDTree(x)
        near = tree.query(x, k=2)[1][:, 1]
        return float(((a - a[near]) ** 2).mean() / spread)

    # -- files ---------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        trajectories = [
            {
                "states": np.round(one.states, 5).tolist(),
                "actions": np.round(one.actions, 5).tolist(),
                "return": round(one.value, 4),
                "terminated": one.terminated,
            }
            for one in self.trajectories
        ]
        return json.dumps({"format": 1, "environment": self.environment, "trajectories": trajectories})

    def to_csv(self) -> str:
        """A row a step: environment, trajectory, state_0 ..., action, terminated (of the whole trajectory)."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        n = self.trajectories[0].states.shape[1]
        rows.writerow(["environment", "trajectory", *(f"state_{i}" for i in range(n)), "action", "terminated"])
        for i, one in enumerate(self.trajectories, start=1):
            for state, action in zip(one.states, one.actions, strict=True):
                shown = [f"{float(value):.6g}" for value in (*state, action)]
                rows.writerow([self.environment, i, *shown, int(one.terminated)])
        return text.getvalue()

    def save(self, path: Path) -> None:
        """As npz: states (N, S) float32, actions (N,), lengths, returns, terminated (n,)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            environment=np.array(self.environment),
            states=self.states.astype(np.float32),
            actions=self.actions.astype(np.float32),
            lengths=np.array([len(one) for one in self.trajectories]),
            returns=self.returns,
            terminated=np.array([one.terminated for one in self.trajectories]),
        )


def check(env: Any, i: int, one: Trajectory) -> None:
    """ValueError says what is wrong with the i-th trajectory."""
    n_state = len(env.low)
    wide = () if env.n_controls == 1 else (env.n_controls,)
    if one.states.ndim != 2 or one.states.shape[1] != n_state or one.actions.shape != (len(one.states), *wide):
        raise ValueError(
            f"demonstration {i} has states {one.states.shape} and actions {one.actions.shape}; {env.title} needs "
            f"states (L, {n_state}) and actions ({', '.join(map(str, ('L', *wide)))})"
        )
    if len(one) < 2:
        raise ValueError(f"demonstration {i} has length {len(one)}, the least is 2: drive longer, or leave it out")
    if len(one) > env.limit:
        raise ValueError(f"demonstration {i} has length {len(one)}, {env.title} ends after {env.limit} steps: cut it")
    if not (np.isfinite(one.states).all() and np.isfinite(one.actions).all()):
        raise ValueError(f"demonstration {i} holds a number that is not finite (NaN or infinite): leave it out")
    far = np.abs(one.states) > 10 * np.maximum(np.abs(env.low), np.abs(env.high))
    if env.name == "pendulum":
        far[:, 0] = False  # an angle may have gone around
    if far.any():
        value = one.states[far][0]
        raise ValueError(f"demonstration {i} holds a state of {value:.4g}, far outside {env.title}: check its columns")
    if env.n_actions:
        if not np.isin(one.actions, np.arange(env.n_actions)).all():
            known = ", ".join(str(k) for k in range(env.n_actions))
            wrong = one.actions[~np.isin(one.actions, np.arange(env.n_actions))][0]
            raise ValueError(f"demonstration {i} holds the action {wrong:g}; those of {env.title} are {known}")
    elif np.abs(one.actions).max() > env.bound * 1.001:
        value = one.actions.flat[np.abs(one.actions).argmax()]
        raise ValueError(
            f"demonstration {i} holds the action {value:.4g}; {env.title} takes -{env.bound:g} to {env.bound:g}"
        )


def trajectory(env: Any, states: Any, actions: Any, *, terminated: bool) -> Trajectory:
    """A trajectory whose return is computed from the environment's own rewards."""
    try:
        states, actions = np.asarray(states, dtype=np.float64), np.asarray(actions, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "a demonstration holds something that is no number, or rows of unequal length: check states and actions"
        ) from None
    if states.ndim != 2 or states.shape[1] != len(env.low) or len(states) != len(actions) or not len(states):
        raise ValueError(
            f"a demonstration has states {states.shape} and {actions.shape} actions; {env.title} needs states "
            f"(L, {len(env.low)}) and L actions"
        )
    with np.errstate(invalid="ignore"):
        rewards = env.step(
            states, actions.astype(np.int64) if env.n_actions and np.isfinite(actions).all() else actions
        )[1]
    value = float(rewards.sum())
    return Trajectory(
        states=states, actions=actions, value=value if math.isfinite(value) else 0.0, terminated=terminated
    )


def read(raw: bytes, *, of: str) -> Demonstrations:
    """Demonstrations of the environment ``of`` from a file's bytes: JSON or CSV; ValueError says what is wrong."""
    if len(raw) > MAX_BYTES:
        raise ValueError(f"the file has {len(raw) / 2**20:.1f} MB, at most {MAX_BYTES >> 20} MB are read: split it")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the file is not text: give demonstrations saved here, as JSON or CSV") from None
    return _of_json(text, of) if text.lstrip().startswith(("{", "[")) else _of_csv(text, of)


def _same(found: Any, of: str) -> None:
    if found != of:
        raise ValueError(
            f"the file is of the environment {str(found)[:40]!r}, this is {of!r}: choose that one, or another file"
        )


def _of_json(text: str, of: str) -> Demonstrations:
    try:
        found = json.loads(text)
        name, listed = found["environment"], found["trajectories"]
        rows = [(one["states"], one["actions"], bool(one["terminated"])) for one in listed]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError(
            "the file is not JSON with environment and trajectories (states, actions, terminated): save one here to "
            "see it"
        ) from None
    _same(name, of)
    return _made(of, rows)


def _of_csv(text: str, of: str) -> Demonstrations:
    env = environment(of)
    n = len(env.low)
    rows = list(csv.reader(io.StringIO(text)))
    header = ["environment", "trajectory", *(f"state_{i}" for i in range(n)), "action", "terminated"]
    if len(rows) > 1 and rows[0][:2] == header[:2]:
        _same(rows[1][0] if rows[1] else "", of)
    if not rows or rows[0] != header:
        raise ValueError(f"the first line of the file must be {','.join(header)}")
    grouped: dict[str, list[list[float]]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise ValueError(f"line {number} has {len(row)} columns, {len(header)} are needed")
        _same(row[0], of)
        try:
            grouped.setdefault(row[1], []).append([float(word) for word in row[2:]])
        except ValueError:
            raise ValueError(f"line {number} holds a word where a number is needed") from None
    made = [([r[:n] for r in one], [r[n] for r in one], bool(one[-1][n + 1])) for one in grouped.values()]
    return _made(of, made)


def _made(of: str, rows: Sequence[tuple[Any, Any, bool]]) -> Demonstrations:
    env = environment(of)
    if len(rows) > MAX_TRAJECTORIES:
        raise ValueError(f"there are {len(rows)} demonstrations, at most {MAX_TRAJECTORIES} are taken: leave some out")
    made = tuple(trajectory(env, states, actions, terminated=ended) for states, actions, ended in rows)
    return Demonstrations(environment=of, trajectories=made)


def load(name: str) -> Demonstrations:
    """The demonstrations that ship for an environment, by its expert (engines/imitation/experts.py)."""
    environment(name)
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as held:
        states, actions = held["states"].astype(np.float64), held["actions"].astype(np.float64)
        ends = np.cumsum(held["lengths"])
        pieces = zip(np.split(states, ends[:-1]), np.split(actions, ends[:-1]), strict=True)
        made = tuple(
            Trajectory(states=s, actions=a, value=float(value), terminated=bool(ended))
            for (s, a), value, ended in zip(pieces, held["returns"], held["terminated"], strict=True)
        )
    return Demonstrations(environment=name, trajectories=made)


class FromDemonstrations(Material):
    """An engine learns from what an environment's expert did; it is tested by acting."""

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Material:
        """The shipped demonstrations of the environment ``name``, the first ``n`` trajectories."""
        shown = load(name)
        shown = shown if n is None else shown.first(min(n, len(shown.trajectories)))
        about = {"kind": "demonstrations", "n_trajectories": len(shown.trajectories),
                 "mean_return": float(shown.returns.mean())}  # fmt: skip
        return cls(shown, about=about, sha256=hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest())


class FromEnvironment(Material):
    """An engine learns from an environment's reward."""

    @classmethod
    def load(cls, name: str, *, n: int | None = None) -> Material:  # noqa: ARG003
        """The environment ``name``; there is nothing to count."""
        environment(name)
        made = cls(None, about={"kind": "environment"}, sha256=hashlib.sha256(name.encode()).hexdigest())
        made.settings = {"environment": name}
        return made


def names() -> tuple[str, ...]:
    return tuple(ENVIRONMENTS)
