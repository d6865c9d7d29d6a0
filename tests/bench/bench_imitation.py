"""Imitation: what a step costs, and how far GAIL and cloning come from four demonstrations, beside a peer.

The peer is the package ``imitation`` (1.0.1) with Stable-Baselines3's PPO, in the settings of its own example for
CartPole. It asks for older versions of much else; into a folder of its own it goes by
``pip install --no-deps --target DIR imitation stable-baselines3 tensorboard ...``, and PYTHONPATH=DIR has it found.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from typing import Any

import numpy as np
import torch

import engines
from engines.imitation import demonstrations, experts, trpo
from engines.imitation.environments import environment

STEPS = {"pendulum": 80, "cartpole": 60}  # of 2,000 steps of the environment
THIN = {"pendulum": 1, "cartpole": 20}  # every so many-th pair


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`: one seed each; assets/imitation/compare.json has five."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as a run does
    try:
        rows = [row for name in STEPS for row in _ours(name)]
        if importlib.util.find_spec("imitation"):
            rows += [_peers(name) for name in STEPS]
    finally:
        torch.set_num_threads(before)
    return rows


def _ours(name: str) -> list[dict[str, Any]]:
    shown, (floor, ceiling) = demonstrations.load(name), experts.scale(name)
    rows = []
    for method, more in (("behavioural_cloning", {}), ("gail", {"n_steps": STEPS[name]})):
        began, n = time.perf_counter(), 0
        engine: Any = engines.create(method, data=shown, device="cpu", n_trajectories=4, thin=THIN[name], **more)
        while not engine.done:
            engine.step()
            n += 1
        seconds = time.perf_counter() - began
        score = 100 * (engine.evaluate()["return"] - floor) / (ceiling - floor)
        note = f"{seconds:.0f} s in all" + (
            f", {engine.agent.env_steps:,} steps of the environment" * (method == "gail")
        )
        title = f"{name}, {method}"
        rows.append({"name": f"{title}: random to expert", "value": score, "unit": "%", "note": note})
        rows.append({"name": f"{title}: a visible step", "value": 1000 * seconds / n, "unit": "ms", "note": "1 thread"})
    return rows


def _peers(name: str) -> dict[str, Any]:
    """GAIL of the package ``imitation`` from the same pairs, for as many steps of the environment."""
    import gymnasium
    from imitation.algorithms.adversarial.gail import GAIL
    from imitation.data.types import Transitions
    from imitation.data.wrappers import RolloutInfoWrapper
    from imitation.rewards.reward_nets import BasicRewardNet
    from imitation.util.logger import configure
    from imitation.util.networks import RunningNorm
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    env, (floor, ceiling) = environment(name), experts.scale(name)
    states, actions = demonstrations.load(name).first(4).thinned(THIN[name], seed=0)
    taken: Any = actions.astype(np.int64) if env.n_actions else actions
    after = env.step(states, taken)[0]
    pairs = Transitions(
        obs=env.observation(states).astype(np.float32),
        acts=taken if env.n_actions else taken.astype(np.float32)[:, None],
        infos=np.array([{}] * len(states)), next_obs=env.observation(after).astype(np.float32),
        dones=np.zeros(len(states), dtype=bool),
    )  # fmt: skip
    venv = DummyVecEnv([lambda: RolloutInfoWrapper(gymnasium.make(env.gymnasium)) for _ in range(8)])
    venv.seed(0)
    ppo = PPO("MlpPolicy", venv, batch_size=64, ent_coef=0.0, learning_rate=4e-4, gamma=0.95, n_epochs=5, seed=0)
    net = BasicRewardNet(venv.observation_space, venv.action_space, normalize_input_layer=RunningNorm)
    peer = GAIL(
        demonstrations=pairs, demo_batch_size=min(1024, len(states)), gen_replay_buffer_capacity=512,
        n_disc_updates_per_round=8, venv=venv, gen_algo=ppo, reward_net=net, allow_variable_horizon=True,
        log_dir=tempfile.mkdtemp(), custom_logger=configure(tempfile.mkdtemp(), []),
    )  # fmt: skip
    began, n = time.perf_counter(), 2000 * STEPS[name]
    peer.train(n)
    seconds = time.perf_counter() - began

    def act(at: np.ndarray) -> np.ndarray:
        found = ppo.predict(env.observation(at).astype(np.float32), deterministic=True)[0]
        return found if env.n_actions else found[:, 0].astype(np.float64)

    score = 100 * (trpo.evaluate(env, act).mean() - floor) / (ceiling - floor)
    note = f"{seconds:.0f} s in all, {n:,} steps of the environment"
    return {"name": f"{name}, imitation 1.0.1: random to expert", "value": score, "unit": "%", "note": note}
