"""The game: its signs, what a constant reward teaches, and that it learns what it is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import engines
from engines.imitation import demonstrations, experts, gail, trpo
from engines.imitation.environments import ENVIRONMENTS, environment


def create(name: str, **settings) -> gail.GAIL:
    return engines.create("gail", data=demonstrations.load(name), **settings)  # type: ignore[return-value]


# -- signs ---------------------------------------------------------------------------------------------


def test_rewards_are_the_logarithms_that_the_docstring_derives():
    logit = torch.linspace(-6, 6, 49, dtype=torch.float64)
    d = logit.sigmoid()
    assert torch.allclose(gail.reward(logit, "positive"), -torch.log(1 - d))
    assert torch.allclose(gail.reward(logit, "negative"), torch.log(d))
    assert torch.allclose(gail.reward(logit, "logit"), torch.log(d) - torch.log(1 - d))
    for kind in gail.REWARDS:
        assert (gail.reward(logit, kind).diff() > 0).all()  # whoever is taken for the expert is rewarded
    assert (gail.reward(logit, "positive") > 0).all()
    assert (gail.reward(logit, "negative") < 0).all()


def test_the_discriminator_learns_that_the_experts_pairs_are_the_experts():
    e, p = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.3, -2.0])
    w_e, w_p = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([3.0, 1.0])
    written = -(w_e * e.sigmoid().log()).sum() / w_e.sum() - (w_p * (1 - p.sigmoid()).log()).sum() / w_p.sum()
    assert torch.allclose(gail.discriminator_loss(e, p, w_e, w_p), written)
    assert float(gail.discriminator_loss(torch.zeros(3), torch.zeros(2))) == pytest.approx(np.log(4))
    engine = create("pendulum", n_steps=12, kl_limit=1e-6, d_steps=30)  # the policy hardly moves
    while not engine.done:
        engine.step()
    assert engine.said["d_expert"] > engine.said["d_learner"] + 0.1
    assert engine.said["d_loss"] < np.log(4)


@pytest.mark.parametrize("kind", gail.REWARDS)
def test_a_bad_expert_makes_a_bad_learner(kind: str):
    """Always left on MountainCar: the learner pushes left too, and the flag is never reached."""
    env = environment("mountain-car")
    shown = experts.demonstrate("mountain-car", experts.stubborn(env), n=4, seed=0)
    assert shown.n_terminated == 0
    engine = engines.create("gail", data=shown, reward=kind, n_steps=30, d_learning_rate=3e-3)
    while not engine.done:
        engine.step()
    _, moves, _, returns, terminated = trpo.play(env, engine.act, env.start(np.full((5, 2), 0.5)))  # type: ignore[attr-defined]
    assert not terminated.any()
    assert returns.max() < -20
    assert moves.mean() < -0.6


def test_at_one_half_the_reward_is_constant_and_the_policys_gradient_zero_within_sampling_error():
    engine = create("pendulum", n_envs=300, d_steps=0, seed=3)
    with torch.no_grad():
        for parameter in engine.D[-1].parameters():
            parameter.zero_()
    batch = engine.agent.collect(200)  # 300 whole episodes
    pairs, _ = engine.of_batch(batch)
    with torch.no_grad():
        logit = engine.D(pairs)[:, 0]
    assert torch.equal(logit.sigmoid(), torch.full_like(logit, 0.5))
    for kind, worth in (("positive", np.log(2)), ("negative", -np.log(2)), ("logit", 0.0)):
        assert torch.allclose(gail.reward(logit, kind), torch.tensor(float(worth)))

    def z_squared(rewards: np.ndarray) -> float:
        """The mean over parameters of (mean / standard error)^2 of 300 episodes' gradients: near 1 where it is zero."""
        to_go = np.cumsum(rewards[::-1], axis=0)[::-1].copy()
        to_go -= to_go.mean()
        policy, gradients = engine.agent.policy, []
        for n in range(300):
            x = engine.agent.inputs(batch.states[:, n])
            log_prob = policy.log_prob(policy(x), torch.from_numpy(batch.actions[:, n]))
            objective = (log_prob * torch.from_numpy(to_go[:, n]).float()).sum()
            gradients.append(trpo.flat(torch.autograd.grad(objective, list(policy.parameters()))))
        made = torch.stack(gradients)
        moving = made.std(dim=0) > 0
        z = made.mean(dim=0)[moving] / (made.std(dim=0)[moving] / 300**0.5)
        return float((z**2).mean())

    constant = np.full(batch.actions.shape, np.log(2))
    assert 0.1 < z_squared(constant) < 3.0
    told = engine.agent.executed(batch.actions)  # a reward that does depend on the action is found at once
    assert z_squared(told) > 30


def test_a_constant_reward_favours_staying_unless_the_end_is_judged_too():
    """CartPole, V(s) = r / (1 - discount) everywhere, which is what r for ever is worth."""
    engine = create("cartpole", seed=1)
    agent, worth = engine.agent, np.log(2) / 0.01
    with torch.no_grad():
        agent.value[-1].weight.zero_()
        agent.value[-1].bias.fill_(worth / 10)
    batch = agent.collect(200)
    constant = np.full(batch.actions.shape, np.log(2))
    assert batch.terminated.any()
    assert np.abs(agent.advantages(batch, constant, after_end=worth)).max() < 1e-3  # judged: nothing to gain
    assert agent.advantages(batch, constant, after_end=0.0)[batch.terminated] == pytest.approx(-0.99 * worth, rel=1e-3)


def test_what_follows_an_end_is_the_absorbing_state_for_ever():
    engine = create("mountain-car", reward="logit")
    r = float(engine.D(engine.absorbed()).detach())
    assert engine.after_end() == pytest.approx(sum(0.99**t * r for t in range(5000)), rel=1e-4)
    assert create("mountain-car", absorbing=False).after_end() == 0.0
    assert float(engine.expert_weight[-1]) == pytest.approx(4 * 100)  # four trajectories, each ended


# -- learning ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n_steps", "least"), [("pendulum", 60, 0.9), ("cartpole", 50, 0.9)])
def test_from_four_trajectories_it_comes_near_the_expert(name: str, n_steps: int, least: float):
    floor, ceiling = experts.scale(name)
    engine = create(name, n_steps=n_steps, seed=1)
    while not engine.done:
        engine.step()
        assert engine.said["kl"] <= engine.config.kl_limit
    assert (engine.evaluate()["return"] - floor) / (ceiling - floor) >= least


def test_a_frame_holds_what_its_docstring_says():
    engine = create("pendulum", n_steps=3)
    engine.step()
    frame = engine.frame()
    assert frame.arrays["field"].shape == frame.arrays["policy"].shape == (gail.FIELD, gail.FIELD)
    at = gail.grid(engine.env)[[5 * gail.FIELD + 7]]
    assert frame.arrays["policy"][5, 7] == pytest.approx(engine.act(at)[0], abs=1e-5)
    assert frame.arrays["field"][5, 7] == pytest.approx(engine.logit(at, engine.act(at))[0], abs=1e-5)
    assert np.allclose(frame.arrays["path"][0], engine.data.trajectories[0].states[0])
    assert "policy" not in create("cartpole", n_steps=1).frame().arrays


def test_cloning_maximises_the_likelihood_and_keeps_the_best_of_the_held_out():
    shown = demonstrations.load("cartpole")
    engine = engines.create("behavioural_cloning", data=shown, n_steps=400)
    losses = []
    while not engine.done:
        engine.step()
        losses.append(engine.held_loss())  # type: ignore[attr-defined]
    assert engine.best == pytest.approx(min(losses))  # type: ignore[attr-defined]
    expert = shown.first(4)
    agreed = (engine.act(expert.states) == expert.actions).mean()  # type: ignore[attr-defined]
    assert agreed > 0.9


# -- what cannot be ------------------------------------------------------------------------------------


def test_what_cannot_be_learned_from_is_said():
    shown = demonstrations.load("pendulum")
    for name in ("gail", "behavioural_cloning"):
        with pytest.raises(ValueError, match="learns from demonstrations"):
            engines.create(name)
        with pytest.raises(ValueError, match="n_trajectories is 50, there are 10 demonstrations: take fewer"):
            engines.create(name, data=shown, n_trajectories=50)
    with pytest.raises(ValueError, match="of 'pendulum', the settings say 'cartpole'"):
        engines.create("gail", data=shown, environment="cartpole")
    with pytest.raises(ValueError, match="reward 'best' is not known; choose one of positive, negative, logit"):
        engines.create("gail", data=shown, reward="best")


@pytest.mark.parametrize("name", tuple(ENVIRONMENTS))
def test_the_experts_shipped_are_experts(name: str):
    """Their demonstrations are what the expert does, and far above chance."""
    shown, act = demonstrations.load(name), experts.act(name)
    env = environment(name)
    assert len(shown.trajectories) == 10
    assert np.abs(act(shown.states) - shown.actions).max() <= (0 if env.n_actions else 1e-4 * env.bound)
    for one in shown.trajectories:
        again = demonstrations.trajectory(env, one.states, one.actions, terminated=one.terminated)
        assert again.value == pytest.approx(one.value, abs=0.05)
    floor, ceiling = experts.scale(name)
    assert experts.measure(name) == pytest.approx((floor, ceiling), rel=0.01, abs=0.1)
    assert (shown.returns.mean() - floor) / (ceiling - floor) == pytest.approx(1, abs=0.1)


def test_the_swing_up_adds_energy_until_there_is_enough_and_the_regulator_holds():
    env = environment("pendulum")
    state = np.array([[np.pi - 0.05, 0.1]])
    energies, angles = [], []
    for _ in range(200):
        energies.append(state[0, 1] ** 2 / 6 + 5 * np.cos(state[0, 0]))
        angles.append(abs(experts.wrap(state[0, 0])))
        state, _, _ = env.step(state, experts.swing_up(state))
    assert energies[0] < -4.9
    assert max(energies[:150]) > 4.5
    assert max(angles[-30:]) < 0.02
    # A regulator's closed loop is stable: both eigenvalues within the unit circle.
    k, dt = experts.regulator(), 0.05
    a = np.array([[1 + 15 * dt**2, dt], [15 * dt, 1]]) - np.outer([3 * dt**2, 3 * dt], k)
    assert np.abs(np.linalg.eigvals(a)).max() < 1
