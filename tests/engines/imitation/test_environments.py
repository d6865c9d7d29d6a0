"""The environments against Gymnasium's own, step by step."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from engines.imitation.environments import ENVIRONMENTS, environment

NAMES = tuple(ENVIRONMENTS)


def actions(env, rng: np.random.Generator, n: int) -> np.ndarray:
    """Some beyond the bound, which an environment must clip."""
    return rng.integers(env.n_actions, size=n) if env.n_actions else rng.uniform(-1.3 * env.bound, 1.3 * env.bound, n)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_gymnasiums(name: str):
    env, rng = environment(name), np.random.default_rng(0)
    theirs = gymnasium.make(env.gymnasium).unwrapped
    theirs.reset(seed=0)
    u = rng.random((400, len(env.low)))
    states = env.low + u * (env.high - env.low) * 0.95  # from all over the state space
    chosen = actions(env, rng, 400)
    new, rewards, ended = env.step(states, chosen)
    for i in range(400):
        theirs.state = states[i].copy()
        if name == "cartpole":
            theirs.steps_beyond_terminated = None
        move = int(chosen[i]) if env.n_actions else np.array([chosen[i]])
        seen, reward, terminated, _, _ = theirs.step(move)
        assert np.allclose(env.observation(new[i : i + 1])[0], seen, atol=2e-6), i
        assert np.allclose(theirs.state, new[i], atol=1e-6), i
        assert rewards[i] == pytest.approx(reward, abs=1e-9)
        assert bool(ended[i]) == terminated


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_episode_is_gymnasiums(name: str):
    env, rng = environment(name), np.random.default_rng(1)
    theirs = gymnasium.make(env.gymnasium)
    theirs.reset(seed=3)
    state = np.asarray(theirs.unwrapped.state, dtype=np.float64)[None]
    for t in range(env.limit):
        action = actions(env, rng, 1)
        state, reward, ended = env.step(state, action)
        move = int(action[0]) if env.n_actions else action
        seen, their_reward, terminated, truncated, _ = theirs.step(move)
        assert np.allclose(env.observation(state)[0], seen, atol=1e-3), t
        assert reward[0] == pytest.approx(float(their_reward), abs=1e-2)
        assert bool(ended[0]) == terminated
        if terminated or truncated:
            assert terminated or t + 1 == env.limit  # the same limit of time
            break


@pytest.mark.parametrize("name", NAMES)
def test_starts_are_spread_as_gymnasiums(name: str):
    env = environment(name)
    theirs = gymnasium.make(env.gymnasium).unwrapped
    rng = np.random.default_rng(2)
    drawn = []
    for seed in range(300):
        theirs.reset(seed=seed)
        drawn.append(np.asarray(theirs.state, dtype=np.float64))
    ours = env.start(rng.random((300, len(env.low))))
    spread = np.ptp(np.stack(drawn), axis=0)
    assert np.allclose(ours.min(axis=0), np.min(drawn, axis=0), atol=0.05 * spread.max())
    assert np.allclose(ours.max(axis=0), np.max(drawn, axis=0), atol=0.05 * spread.max())
    assert np.abs(env.observe(ours)).max() <= 1.0001


def test_an_unknown_environment_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="no environment is called 'moon'; choose one of pendulum, cartpole"):
        environment("moon")
