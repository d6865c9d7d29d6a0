"""The trust region step against written-out algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from engines import learning
from engines.imitation import trpo
from engines.imitation.environments import environment


def small_policy(n_actions: int, seed: int = 0) -> trpo.Policy:
    rng = torch.Generator().manual_seed(seed)
    net = learning.build(
        lambda: nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, n_actions or 1)),
        generator=rng,
        device=torch.device("cpu"),
    ).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64) * 0.7)
    return trpo.Policy(net, n_actions).double()


def explicit_fisher(policy: trpo.Policy, x: torch.Tensor) -> torch.Tensor:
    """E_s E_a[ grad log pi grad log pi^T ], the expectation over actions exact: a sum, or Gauss-Hermite quadrature."""
    parameters = list(policy.parameters())
    size = sum(parameter.numel() for parameter in parameters)
    fisher = torch.zeros(size, size, dtype=torch.float64)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)  # exact for polynomials of degree 15 of the action
    for row in x:
        with torch.no_grad():
            described = policy(row[None])
        if policy.n_actions:
            tries = [(float(described[0, k].exp()), float(k)) for k in range(policy.n_actions)]
        else:
            mean, std = float(described[0, 0]), float(described[0, 1].exp())
            tries = [(w / weights.sum(), mean + std * node) for node, w in zip(nodes, weights, strict=True)]
        for weight, action in tries:
            score = policy.log_prob(policy(row[None]), torch.tensor([action], dtype=torch.float64))[0]
            g = trpo.flat(torch.autograd.grad(score, parameters))
            fisher += weight / len(x) * torch.outer(g, g)
    return fisher


@pytest.mark.parametrize("n_actions", [0, 3])
def test_the_natural_gradient_is_the_solve_with_the_explicit_fisher_matrix(n_actions: int):
    policy, rng = small_policy(n_actions), torch.Generator().manual_seed(1)
    x = torch.randn(40, 3, generator=rng, dtype=torch.float64)
    fisher = explicit_fisher(policy, x)
    g = torch.randn(len(fisher), generator=rng, dtype=torch.float64)
    for damping in (0.1, 1e-3):
        found = trpo.conjugate_gradient(trpo.fisher_product(policy, x, damping=damping), g, n_steps=200)
        solved = torch.linalg.solve(fisher + damping * torch.eye(len(g), dtype=torch.float64), g)
        assert float((found - solved).norm() / solved.norm()) < 1e-4


@pytest.mark.parametrize("n_actions", [0, 3])
def test_distributions_are_torchs(n_actions: int):
    policy, rng = small_policy(n_actions), torch.Generator().manual_seed(2)
    other = small_policy(n_actions, seed=5)
    if not n_actions:
        with torch.no_grad():
            other.log_std.fill_(0.3)
    x = torch.randn(20, 3, generator=rng, dtype=torch.float64)
    a, b = policy(x), other(x)

    def theirs(described):
        if n_actions:
            return torch.distributions.Categorical(logits=described)
        return torch.distributions.Normal(described[:, 0], described[:, 1].exp())

    noise = torch.rand(20, generator=rng) if n_actions else torch.randn(20, generator=rng)
    action = policy.draw(a, noise)
    assert torch.allclose(policy.log_prob(a, action), theirs(a).log_prob(action))
    assert torch.allclose(policy.entropy(a), theirs(a).entropy())
    assert torch.allclose(policy.kl(a, b), torch.distributions.kl_divergence(theirs(a), theirs(b)))
    many = policy.draw(
        a[:1].repeat(20_000, 1),
        torch.rand(20_000, generator=rng) if n_actions else torch.randn(20_000, generator=rng),
    )
    if n_actions:
        shares = torch.bincount(many, minlength=n_actions) / 20_000
        assert torch.allclose(shares.double(), a[0].exp(), atol=0.015)
    else:
        assert float(many.detach().mean()) == pytest.approx(float(a[0, 0].detach()), abs=0.02)
        assert float(many.detach().std()) == pytest.approx(float(a[0, 1].detach().exp()), abs=0.02)


@pytest.mark.parametrize("n_actions", [0, 3])
@pytest.mark.parametrize("limit", [1e-3, 0.01, 0.3])
def test_every_accepted_step_keeps_its_limit_and_gains(n_actions: int, limit: float):
    accepted = 0
    for seed in range(8):
        policy, rng = small_policy(n_actions, seed), torch.Generator().manual_seed(seed)
        x = torch.randn(200, 3, generator=rng, dtype=torch.float64)
        with torch.no_grad():
            old = policy(x)
        noise = torch.rand(200, generator=rng) if n_actions else torch.randn(200, generator=rng)
        action = policy.draw(old, noise).double()
        advantage = torch.randn(200, generator=rng, dtype=torch.float64)
        said = trpo.trust_region_step(policy, x, action, advantage, limit=limit, entropy_weight=0.01)
        with torch.no_grad():
            kl = float(policy.kl(old, policy(x)).mean())
        assert kl == pytest.approx(said["kl"], abs=1e-12)
        assert kl <= limit
        if said["accepted"]:
            accepted += 1
            assert said["gain"] > 0
            assert kl > 0.05 * limit
    assert accepted >= 6


def test_where_nothing_can_be_gained_the_policy_stays():
    policy, x = small_policy(3), torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = [parameter.detach().clone() for parameter in policy.parameters()]
    said = trpo.trust_region_step(
        policy, x, torch.zeros(50), torch.zeros(50, dtype=torch.float64), limit=0.01, entropy_weight=0.0
    )
    assert said["accepted"] == 0
    assert said["kl"] == 0
    assert all(torch.equal(a, b) for a, b in zip(before, policy.parameters(), strict=True))


def double_sum(rewards, values, following, ended, *, discount, trace):
    r"""A_t = (1 - lambda) sum_k lambda^{k-1} A_t^{(k)}, A_t^{(k)} = sum_{l<k} gamma^l delta_{t+l} (Schulman et al.
    2016, equations 14 to 16), over the steps left in the episode; the last k takes all the weight that is left."""
    made = np.zeros_like(rewards)
    n_steps, n_envs = rewards.shape
    for n in range(n_envs):
        for t in range(n_steps):
            last = t
            while last < n_steps - 1 and not ended[last, n]:
                last += 1
            n_left = last - t + 1
            for k in range(1, n_left + 1):
                weight = trace ** (k - 1) * ((1 - trace) if k < n_left else 1.0)
                estimate = sum(
                    discount**i * (rewards[t + i, n] + discount * following[t + i, n] - values[t + i, n])
                    for i in range(k)
                )
                made[t, n] += weight * estimate
    return made


@pytest.mark.parametrize("trace", [0.0, 0.7, 1.0])
def test_advantages_are_the_double_sum_written_out(trace: float):
    rng = np.random.default_rng(0)
    rewards, values, following = (rng.normal(size=(30, 3)) for _ in range(3))
    ended = rng.random((30, 3)) < 0.15
    made = trpo.advantages(rewards, values, following, ended, discount=0.93, trace=trace)
    assert np.allclose(made, double_sum(rewards, values, following, ended, discount=0.93, trace=trace), atol=1e-10)


def test_an_episode_cut_off_goes_on_in_its_value_and_an_ended_one_in_what_follows_the_end():
    agent = trpo.Agent("cartpole", width=8, n_envs=4, seed=0, discount=0.9, trace=1.0)
    agent.ages[:] = 495  # cut off after five steps
    batch = agent.collect(60)
    assert batch.ended[4].all()
    assert not batch.terminated[4].all()
    assert batch.terminated.any()
    made = agent.advantages(batch, batch.rewards, after_end=7.0)
    shape = batch.states.shape[:2]
    values = agent._values(agent.inputs(batch.states), shape)
    following = agent._values(agent.inputs(batch.next_states), shape)
    cut = batch.ended & ~batch.terminated
    assert np.allclose(made[cut], 1 + 0.9 * following[cut] - values[cut])
    over = batch.terminated
    assert np.allclose(made[over], 1 + 0.9 * 7.0 - values[over])


def test_a_batch_holds_the_steps_that_the_environment_takes():
    agent = trpo.Agent("pendulum", width=8, n_envs=3, seed=0, discount=0.99, trace=0.95)
    batch = agent.collect(250)
    env = environment("pendulum")
    flat = batch.states.reshape(-1, 2)
    new, rewards, _ = env.step(flat, agent.executed(batch.actions).reshape(-1))
    assert np.array_equal(new, batch.next_states.reshape(-1, 2))
    assert np.array_equal(rewards, batch.rewards.reshape(-1))
    assert np.array_equal(np.flatnonzero(batch.ended[:, 0]), [199])
    assert batch.returns == pytest.approx(batch.rewards[:200].sum(axis=0))


def test_trpo_learns_cartpole():
    engine = trpo.TRPO(trpo.TRPOConfig(environment="cartpole", n_steps=25))
    while not engine.done:
        engine.step()
        assert engine.said["kl"] <= 0.01
    assert engine.evaluate()["return"] > 400


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"environment": "moon"}, "no environment is called 'moon'"),
        ({"kl_limit": 0.0}, "kl_limit must be from 1e-06 to 1, got 0"),
        ({"horizon": 1}, "horizon must be from 2"),
    ],
)
def test_settings_out_of_range_are_named(wrong: dict, said: str):
    with pytest.raises(ValueError, match=said):
        trpo.TRPOConfig(**wrong)
