"""The body in MuJoCo: against Gymnasium's where that is installed; without it, what is read and what is said."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

import engines
from engines import checkpoints
from engines.imitation import bodies, demonstrations, experts, gail, trpo
from engines.imitation.environments import environment

NAME = "halfcheetah"
needs_mujoco = pytest.mark.skipif(
    importlib.util.find_spec("mujoco") is None, reason="MuJoCo is not installed: pip install -r requirements-mujoco.txt"
)


def test_where_mujoco_is_missing_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    bodies.physics.cache_clear()
    engine = engines.create("trpo", environment=NAME, n_envs=2, horizon=2, width=4)
    with pytest.raises(ValueError, match=r"MuJoCo, which is not installed .* pip install -r requirements-mujoco\.txt"):
        engine.step()
    bodies.physics.cache_clear()


@needs_mujoco
def test_a_step_is_gymnasiums():
    import gymnasium

    env, rng = environment(NAME), np.random.default_rng(0)
    theirs: Any = gymnasium.make(env.gymnasium).unwrapped
    theirs.reset(seed=0)
    state = env.start(rng.random((1, 18)))
    for _ in range(30):
        action = rng.uniform(-1, 1, size=(1, 6))
        theirs.set_state(state[0, :9], state[0, 9:])
        theirs.data.qacc_warmstart[:] = 0  # ours starts its solver cold, so that a step follows from the state alone
        seen, reward, _, _, _ = theirs.step(action[0])
        state, ours, ended = env.step(state, action)
        assert np.allclose(env.observation(state)[0], seen, atol=1e-9)
        assert abs(ours[0] - reward) < 1e-9
        assert not ended.any()


@needs_mujoco
def test_bodies_do_not_touch_each_other():
    env, rng = environment(NAME), np.random.default_rng(1)
    states, actions = env.start(rng.random((5, 18))), rng.uniform(-1, 1, size=(5, 6))
    alone = [env.step(states[i : i + 1], actions[i : i + 1])[0][0] for i in range(5)]
    assert np.array_equal(env.step(states, actions)[0], np.stack(alone))


def test_starts_are_spread_as_gymnasiums():
    starts = environment(NAME).start(np.random.default_rng(0).random((20_000, 18)))
    assert np.abs(starts[:, :9]).max() <= 0.1
    assert np.allclose(starts[:, :9].std(axis=0), 0.2 / np.sqrt(12), rtol=0.03)
    assert np.allclose(starts[:, 9:].std(axis=0), 0.1, rtol=0.03)


def test_a_policy_of_several_numbers_has_the_densities_of_independent_gaussians():
    policy: Any = trpo.policy_for(environment(NAME), width=8, rng=torch.Generator().manual_seed(0))
    with torch.no_grad():
        policy.net[-1].weight.mul_(100)
        policy.log_std.copy_(torch.linspace(-1, 0.5, 6))
    rng = torch.Generator().manual_seed(1)
    x, noise = torch.randn(7, 17, generator=rng), torch.randn(7, 6, generator=rng)
    old, new = policy(x).detach(), policy(x + 0.3).detach()

    def theirs(described: torch.Tensor) -> Independent:
        return Independent(Normal(described[:, :6], described[:, 6:].exp()), 1)

    action = policy.draw(old, noise)
    assert torch.allclose(action, old[:, :6] + old[:, 6:].exp() * noise)
    assert torch.equal(policy.likeliest(old), old[:, :6])
    assert torch.allclose(policy.log_prob(new, action), theirs(new).log_prob(action), rtol=1e-4)
    assert torch.allclose(policy.entropy(old), theirs(old).entropy(), rtol=1e-5)
    assert torch.allclose(policy.kl(old, new), kl_divergence(theirs(old), theirs(new)), rtol=1e-4, atol=1e-6)


def test_what_ships_of_it_is_read_without_mujoco_and_its_returns_are_those_of_its_motion():
    shown, env = demonstrations.load(NAME), environment(NAME)
    for one in shown.trajectories:
        demonstrations.check(env, 1, one)
        gone = (one.states[-1, 0] - one.states[0, 0]) / env.dt - 0.1 * (one.actions[:-1] ** 2).sum()
        assert -1 < one.value - gone < 15  # the reward of the last step, whose next state is not kept
    floor, ceiling = experts.scale(NAME)
    assert floor < 0 < 1000 < ceiling
    assert abs(shown.returns.mean() - ceiling) < 0.2 * ceiling


def test_the_shipped_expert_acts_within_the_bounds():
    shown = demonstrations.load(NAME)
    states, actions = shown.states[::50], shown.actions[::50]
    found = experts.act(NAME)(states)
    assert np.allclose(found, actions, atol=0.02)  # kept as float32


def test_the_film_shows_a_learner_that_comes_near_its_expert():
    folder = checkpoints.folder("gail", NAME)
    frames, card = checkpoints.load_frames(folder / checkpoints.FRAMES), checkpoints.read(folder).card
    assert frames[0].step == 0
    assert frames[-1].step == card["steps"]
    config = gail.GAILConfig(**card["config"])
    for frame in frames[1:]:
        assert 0 <= frame.scalars["kl"] <= config.kl_limit
        assert frame.arrays["path"].shape == (gail.BODY_STEPS + 1, gail.BODY_PLACES)
        assert frame.arrays["moves"].shape == (gail.BODY_STEPS, 6)
    # How far it runs in the drawn steps grows with what it learns.
    ran = [float(frame.arrays["path"][-1, 0] - frame.arrays["path"][0, 0]) for frame in frames]
    assert ran[-1] > ran[0] + 5
    floor, ceiling = experts.scale(NAME)
    assert floor < card["metrics"]["test_return"] < 1.1 * ceiling
