r"""Trust region policy optimisation (Schulman et al. 2015, arXiv:1502.05477): the policy step of imitation and experts.

With states s and actions a of a batch drawn by the present policy \pi_0 and advantages A(s, a), a step solves

    maximise_\theta  L(\theta) = E[ \pi_\theta(a|s) / \pi_0(a|s) A(s, a) ] + \lambda E[ H(\pi_\theta(.|s)) ]
    subject to       E_s[ KL(\pi_0(.|s) || \pi_\theta(.|s)) ] <= \delta                                  (their eq. 14)

to first order in L and second order in the KL, whose Hessian at \theta_0 is the Fisher matrix F: the direction is
x = F^{-1} g with g = grad L, found by conjugate gradients from products F v alone (their appendix C); the length is
\sqrt{2 \delta / x^T F x}; and a line search halves it until the *true* KL keeps its limit and L has grown. The
entropy term is Ho & Ermon's \lambda H(\pi).

Advantages are generalised (Schulman et al. 2016, arXiv:1506.02438, eq. 16):

    A_t = \sum_l (\gamma \lambda)^l \delta_{t+l},   \delta_t = r_t + \gamma V(s_{t+1}) - V(s_t)

An episode that is cut off by its time limit goes on in V(s_{t+1}); one that ends of itself goes on in ``after_end``,
0 unless the caller says what an ended episode is worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from engines import checks, devices, learning
from engines.engine import Engine, Frame
from engines.imitation.demonstrations import FromEnvironment
from engines.imitation.environments import ENVIRONMENTS, environment

DAMPING = 0.1  # added to F's diagonal, as the authors' implementation did, so that F + damping is well conditioned
CG_STEPS = 10
HALVINGS = 10  # of the line search


# -- the policy ------------------------------------------------------------------------------------------


def perceptron(n_in: int, n_out: int, width: int) -> nn.Sequential:
    """Two hidden layers of tanh units, as in both papers."""
    return learning.perceptron((n_in, width, width, n_out), nn.Tanh)


class Policy(nn.Module):
    r"""pi(a | s): (B, O) -> what describes the distribution of the action, (B, K).

    Of ``n_actions`` choices: their log-probabilities, K = n_actions. Of A numbers (``n_actions`` 0): the means of
    independent Gaussians and the logarithms of their standard deviations, K = 2 A, in units of the environment's bound;
    the deviations do not depend on the state. Actions are (B,), and (B, A) where A > 1. One outside the bound is
    clipped by who carries it out.
    """

    def __init__(self, net: nn.Module, n_actions: int, n_controls: int = 1) -> None:
        super().__init__()
        self.n_actions, self.n_controls, self.net = n_actions, n_controls, net
        self.log_std = nn.Parameter(torch.full((n_controls,), -0.5)) if not n_actions else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.net(x)
        if self.log_std is None:
            return torch.log_softmax(out, dim=1)
        return torch.cat([out, self.log_std.expand(len(out), self.n_controls)], dim=1)

    def draw(self, described: Tensor, noise: Tensor) -> Tensor:
        """Actions from noise of their shape: uniform in 0..1 for choices, normal for numbers."""
        if self.log_std is None:
            return (described.exp().cumsum(dim=1) < noise[:, None]).sum(dim=1).clamp(max=self.n_actions - 1)
        mean, log_std = described.chunk(2, dim=1)
        return (mean + log_std.exp() * noise.reshape(mean.shape)).reshape(noise.shape)

    def likeliest(self, described: Tensor) -> Tensor:
        if self.log_std is None:
            return described.argmax(dim=1)
        return described[:, 0] if self.n_controls == 1 else described[:, : self.n_controls]

    def log_prob(self, described: Tensor, action: Tensor) -> Tensor:
        """log pi(a | s) in nats: (B, K), (B,) or (B, A) -> (B,)."""
        if self.log_std is None:
            return described.gather(1, action.long()[:, None])[:, 0]
        mean, log_std = described.chunk(2, dim=1)
        off = (action.reshape(mean.shape) - mean) / log_std.exp()
        return (-0.5 * off**2 - log_std - 0.5 * math.log(2 * math.pi)).sum(dim=1)

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """KL(old || new) in nats: (B, K), (B, K) -> (B,)."""
        if self.log_std is None:
            return (old.exp() * (old - new)).sum(dim=1)
        (m0, l0), (m1, l1) = old.chunk(2, dim=1), new.chunk(2, dim=1)
        return (l1 - l0 + ((2 * l0).exp() + (m0 - m1) ** 2) / (2 * (2 * l1).exp()) - 0.5).sum(dim=1)

    def entropy(self, described: Tensor) -> Tensor:
        """H(pi(. | s)) in nats; of numbers in units of the bound: (B, K) -> (B,)."""
        if self.log_std is None:
            return -(described.exp() * described).sum(dim=1)
        return (described[:, self.n_controls :] + 0.5 * math.log(2 * math.pi * math.e)).sum(dim=1)


def policy_for(env: Any, *, width: int, rng: torch.Generator) -> Policy:
    """A new policy, which acts alike everywhere."""
    n_in = env.observe(env.low[None]).shape[1]
    net: Any = learning.build(
        lambda: perceptron(n_in, env.n_actions or env.n_controls, width), generator=rng, device=torch.device("cpu")
    )
    with torch.no_grad():
        net[-1].weight.mul_(0.01)
        net[-1].bias.zero_()
    return Policy(net, env.n_actions, env.n_controls)


# -- the step --------------------------------------------------------------------------------------------


def advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    next_values: np.ndarray,
    ended: np.ndarray,
    *,
    discount: float,
    trace: float,
) -> np.ndarray:
    """Generalised advantages of a batch, time first: (T, N) each -> (T, N).

    ``next_values`` is what follows a step, where an episode has ended too; ``ended`` says that the next row belongs to
    another episode, so that no later difference flows back over it. ``trace`` is the paper's lambda.
    """
    differences = rewards + discount * next_values - values
    made, running = np.zeros_like(differences), np.zeros(differences.shape[1])
    for t in reversed(range(len(differences))):
        running = differences[t] + discount * trace * np.where(ended[t], 0.0, running)
        made[t] = running
    return made


def conjugate_gradient(product: Callable[[Tensor], Tensor], g: Tensor, *, n_steps: int = CG_STEPS) -> Tensor:
    """x with ``product(x)`` = g, for a symmetric positive definite matrix known by its products: (P,) -> (P,)."""
    x, residual = torch.zeros_like(g), g.clone()
    direction, size = residual.clone(), residual @ residual
    for _ in range(n_steps):
        if size < 1e-20:
            break
        image = product(direction)
        length = size / (direction @ image)
        x = x + length * direction
        residual = residual - length * image
        direction = residual + (residual @ residual) / size * direction
        size = residual @ residual
    return x


def flat(tensors: Any) -> Tensor:
    return torch.cat([one.reshape(-1) for one in tensors])


def fisher_product(policy: Policy, x: Tensor, *, damping: float = DAMPING) -> Callable[[Tensor], Tensor]:
    """v -> (F + damping) v at the policy's present parameters, F the Hessian of the mean KL over states x (B, O)."""
    parameters = list(policy.parameters())
    described = policy(x)
    kl = policy.kl(described.detach(), described).mean()
    gradient = flat(torch.autograd.grad(kl, parameters, create_graph=True))

    def product(v: Tensor) -> Tensor:
        return flat(torch.autograd.grad(gradient @ v, parameters, retain_graph=True)).detach() + damping * v

    return product


@torch.no_grad()
def put(vector: Tensor, parameters: Sequence[nn.Parameter]) -> None:
    """The numbers of a vector, copied into the parameters.

    Torch's own `vector_to_parameters` makes them views of it, at places in memory where some processors' kernels round
    otherwise: a run that is loaded again would drift.
    """
    for parameter, part in zip(parameters, vector.split([one.numel() for one in parameters]), strict=True):
        parameter.copy_(part.view_as(parameter))


def trust_region_step(
    policy: Policy, x: Tensor, action: Tensor, advantage: Tensor, *, limit: float, entropy_weight: float
) -> dict[str, float]:
    """One step of TRPO on (B, O), (B,) or (B, A), (B,). The policy is left as it was where no length is acceptable.

    Says: ``kl`` (mean, of the step taken), ``gain`` (of L), ``halvings``, ``accepted``, ``entropy``, ``gradient`` (its
    norm).
    """
    parameters = list(policy.parameters())
    with torch.no_grad():
        old = policy(x)
        old_log_prob = policy.log_prob(old, action)

    def objective() -> tuple[Tensor, Tensor]:
        new = policy(x)
        ratio = (policy.log_prob(new, action) - old_log_prob).exp()
        return (ratio * advantage).mean() + entropy_weight * policy.entropy(new).mean(), policy.kl(old, new).mean()

    before, _ = objective()
    g = flat(torch.autograd.grad(before, parameters))
    if not torch.isfinite(g).all():
        raise FloatingPointError("the policy's gradient is no longer finite: lower the discriminator's learning rate")
    product = fisher_product(policy, x)
    direction = conjugate_gradient(product, g)
    curvature = float(direction @ product(direction))
    start = parameters_to_vector(parameters).detach().clone()
    said = {"kl": 0.0, "gain": 0.0, "halvings": float(HALVINGS), "accepted": 0.0, "gradient": float(g.norm())}
    if curvature > 0:
        length = math.sqrt(2 * limit / curvature)
        with torch.no_grad():
            for halving in range(HALVINGS):
                put(start + length * 0.5**halving * direction, parameters)
                after, kl = objective()
                if float(kl) <= limit and float(after) > float(before):
                    gain = float(after) - float(before)
                    said |= {"kl": float(kl), "gain": gain, "halvings": float(halving), "accepted": 1.0}
                    break
            else:
                put(start, parameters)
    with torch.no_grad():
        said["entropy"] = float(policy.entropy(policy(x)).mean())
    return said


# -- who acts --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What n environments did in T steps, time first."""

    states: np.ndarray  # (T, N, S)
    next_states: np.ndarray  # (T, N, S), before a new episode begins
    actions: np.ndarray  # (T, N) or (T, N, A): a choice, or numbers in units of the bound, as the policy drew them
    rewards: np.ndarray  # (T, N), the environment's own, which an imitator is never told
    terminated: np.ndarray  # (T, N): the episode has ended of itself
    ended: np.ndarray  # (T, N): or was cut off
    returns: tuple[float, ...]  # of the episodes that came to their end in it


class Agent:
    """A policy, a value function, and ``n_envs`` environments that go on from batch to batch."""

    def __init__(self, name: str, *, width: int, n_envs: int, seed: int, discount: float, trace: float) -> None:
        self.env = environment(name)
        self.discount, self.trace, self.n_envs = discount, trace, n_envs
        self.rng = torch.Generator().manual_seed(seed)
        self.n_state = len(self.env.low)
        self.n_in = self.env.observe(self.env.low[None]).shape[1]

        self.policy = policy_for(self.env, width=width, rng=self.rng)
        self.value: Any = learning.build(
            lambda: perceptron(self.n_in, 1, width), generator=self.rng, device=torch.device("cpu")
        )
        self.network: Any = nn.ModuleDict({"policy": self.policy, "value": self.value})
        self.optimizer = learning.adam(self.value, 1e-3)
        self.states = self._start(n_envs)
        self.ages = np.zeros(n_envs, dtype=np.int64)
        self.sums = np.zeros(n_envs)
        self.env_steps = 0
        self.last_return = math.nan

    def _start(self, n: int) -> np.ndarray:
        return self.env.start(torch.rand(n, self.n_state, generator=self.rng, dtype=torch.float64).numpy())

    def inputs(self, states: np.ndarray) -> Tensor:
        """States (..., S) as the networks see them: (prod, O) float32."""
        flat_states = states.reshape(-1, states.shape[-1])
        # Copied into memory of torch, which begins at a multiple of 64 bytes: where NumPy's begins is a matter of luck,
        # and a product of matrices may be rounded by it.
        return torch.tensor(self.env.observe(flat_states).astype(np.float32))

    @torch.no_grad()
    def collect(self, n_steps: int) -> Batch:
        """n_steps of every environment; a new episode begins where one ends."""
        shape = (n_steps, self.n_envs)
        draw = torch.rand if self.env.n_actions else torch.randn
        acts = shape if self.env.n_controls == 1 else (*shape, self.env.n_controls)
        noise = draw(*acts, generator=self.rng)
        states, following = (np.zeros((*shape, self.n_state)) for _ in range(2))
        actions, rewards = np.zeros(acts, dtype=np.float32), np.zeros(shape)
        terminated, ended = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        returns: list[float] = []
        for t in range(n_steps):
            action = self.policy.draw(self.policy(self.inputs(self.states)), noise[t]).numpy()
            states[t], actions[t] = self.states, action
            self.states, rewards[t], terminated[t] = self.env.step(self.states, self.executed(action))
            following[t] = self.states
            self.ages += 1
            self.sums += rewards[t]
            ended[t] = terminated[t] | (self.ages >= self.env.limit)
            if ended[t].any():
                over = ended[t]
                returns += self.sums[over].tolist()
                self.states = np.where(over[:, None], self._start(self.n_envs), self.states)
                self.ages[over], self.sums[over] = 0, 0.0
        self.env_steps += n_steps * self.n_envs
        if returns:
            self.last_return = float(np.mean(returns))
        return Batch(
            states=states, next_states=following, actions=actions, rewards=rewards, terminated=terminated, ended=ended,
            returns=tuple(returns),
        )  # fmt: skip

    def executed(self, action: np.ndarray) -> np.ndarray:
        """An action as the environment takes it: numbers within the bound and in its units."""
        if self.env.n_actions:
            return action.astype(np.int64)
        return np.clip(action, -1.0, 1.0).astype(np.float64) * self.env.bound

    def improve(
        self, batch: Batch, rewards: np.ndarray, *, limit: float, entropy_weight: float, after_end: float = 0.0
    ) -> dict[str, float]:
        """A trust region step on rewards (T, N), then the value function towards the returns that they make."""
        x = self.inputs(batch.states)
        made = self.made = self.advantages(batch, rewards, after_end=after_end)
        normal = torch.from_numpy(((made - made.mean()) / (made.std() + 1e-8)).astype(np.float32)).reshape(-1)
        said = trust_region_step(
            self.policy, x, torch.from_numpy(batch.actions).flatten(0, 1), normal, limit=limit,
            entropy_weight=entropy_weight,
        )  # fmt: skip
        with torch.no_grad():
            targets = torch.from_numpy((made + self._values(x, batch.states.shape[:2])).astype(np.float32)).reshape(-1)
        self._fit_value(x, targets)
        return said

    def advantages(self, batch: Batch, rewards: np.ndarray, *, after_end: float) -> np.ndarray:
        """(T, N) by the present value function."""
        shape = batch.states.shape[:2]
        values = self._values(self.inputs(batch.states), shape)
        following = np.where(batch.terminated, after_end, self._values(self.inputs(batch.next_states), shape))
        return advantages(rewards, values, following, batch.ended, discount=self.discount, trace=self.trace)

    @torch.no_grad()
    def _values(self, x: Tensor, shape: tuple[int, ...]) -> np.ndarray:
        # The network answers in units of ten steps' reward: outputs of order one are quicker to learn.
        return 10 * self.value(x)[:, 0].double().numpy().reshape(shape)

    def _fit_value(self, x: Tensor, targets: Tensor, n_epochs: int = 5, n_rows: int = 256) -> None:
        for _ in range(n_epochs):
            for rows in torch.randperm(len(x), generator=self.rng).split(n_rows):
                loss = ((self.value(x[rows])[:, 0] - targets[rows] / 10) ** 2).mean()
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()

    def act(self, states: np.ndarray) -> np.ndarray:
        """The likeliest action in every state, as the environment takes it: (n, S) -> (n,)."""
        with torch.no_grad():
            return self.executed(self.policy.likeliest(self.policy(self.inputs(states))).numpy())

    def state_dict(self) -> dict[str, Any]:
        kept = {f"network.{key}": value.detach().clone() for key, value in self.network.state_dict().items()}
        return {
            **kept,
            **learning.optimizer_state(self.optimizer, self.value),
            "states": torch.from_numpy(self.states.copy()),
            "ages": torch.from_numpy(self.ages.copy()),
            "sums": torch.from_numpy(self.sums.copy()),
            "env_steps": self.env_steps,
            "last_return": torch.tensor(self.last_return, dtype=torch.float64),
            "generator": self.rng.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        learning.load_network(self.network, state, "policy")
        learning.load_optimizer_state(self.optimizer, self.value, state)
        if len(state.get("states", ())) == self.n_envs:  # a finished checkpoint keeps none
            self.states = state["states"].numpy().copy()
            self.ages, self.sums = state["ages"].numpy().copy(), state["sums"].numpy().copy()
        self.env_steps = int(state["env_steps"])
        self.last_return = float(state["last_return"])
        if "generator" in state:
            self.rng.set_state(state["generator"].cpu())


def play(
    env: Any, act: Callable[[np.ndarray], np.ndarray], starts: np.ndarray, *, n_steps: int | None = None
) -> tuple[np.ndarray, ...]:
    """Whole episodes from starts (n, S), or their first steps, side by side, each frozen once it has ended.

    Gives states (L + 1, n, S), actions (L, n) as the environment takes them, lengths (n,), returns (n,) and whether
    each has ended of itself (n,); L is the longest length.
    """
    states, n = starts.copy(), len(starts)
    path, taken = [states], []
    alive, lengths, returns, terminated = np.ones(n, bool), np.zeros(n, int), np.zeros(n), np.zeros(n, bool)
    for _ in range(n_steps or env.limit):
        action = act(states)
        new, rewards, ended = env.step(states, action)
        states = np.where(alive[:, None], new, states)
        lengths, returns = lengths + alive, returns + np.where(alive, rewards, 0.0)
        path.append(states)
        taken.append(action)
        terminated |= alive & ended
        alive = alive & ~ended
        if not alive.any():
            break
    return np.stack(path), np.stack(taken), lengths, returns, terminated


def evaluate(env: Any, act: Callable[[np.ndarray], np.ndarray], *, n: int = 50, seed: int = 1) -> np.ndarray:
    """Returns (n,) of n episodes from starts drawn by ``seed``, the same for all who are compared."""
    u = np.random.default_rng(seed).random((n, len(env.low)))
    return play(env, act, env.start(u))[3]


# -- the engine ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TRPOConfig:
    environment: str = "cartpole"
    width: int = 32  # of both hidden layers
    n_envs: int = 10
    horizon: int = 200  # steps of every environment in a batch
    kl_limit: float = 0.01
    discount: float = 0.99
    trace: float = 0.95  # lambda of the advantages
    entropy_weight: float = 0.0
    n_steps: int = 200  # of the policy
    batches_per_step: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check(self)


def check(config: Any) -> None:
    """ValueError names the first setting that cannot be."""
    environment(config.environment or next(iter(ENVIRONMENTS)))
    checks.within(config, width=(1, 256), n_envs=(1, 1000), horizon=(2, 10_000), n_steps=(1, 10**6))
    checks.within(config, kl_limit=(1e-6, 1), discount=(0, 0.9999), trace=(0, 1), entropy_weight=(0, 10))


class TRPO(Engine):
    """An expert in the making: it learns from the environment's own reward."""

    name: ClassVar[str] = "trpo"
    Config: ClassVar[type] = TRPOConfig
    learns_from: ClassVar[type] = FromEnvironment
    training_state: ClassVar[tuple[str, ...]] = (*learning.TRAINING_STATE, "states", "ages", "sums")
    n_threads: ClassVar[int] = 1

    def __init__(self, config: TRPOConfig, *, data: Any = None, device: str = "auto") -> None:
        self.config, self.data = config, data
        self.device = devices.resolve("cpu" if device == "auto" else device)
        self.agent = Agent(
            config.environment, width=config.width, n_envs=config.n_envs, seed=config.seed, discount=config.discount,
            trace=config.trace,
        )  # fmt: skip
        self.iteration = 0
        self.said: dict[str, float] = {}

    def step(self) -> None:
        if self.done:
            return
        batch = self.agent.collect(self.config.horizon)
        self.said = self.agent.improve(
            batch, batch.rewards, limit=self.config.kl_limit, entropy_weight=self.config.entropy_weight
        )
        self.iteration += 1

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    def frame(self) -> Frame:
        """Scalars: the mean return of the episodes that ended last, steps of the environment, what the step said."""
        known = {"return": self.agent.last_return} if math.isfinite(self.agent.last_return) else {}
        scalars = {**known, "env_steps": float(self.agent.env_steps), **self.said}
        return Frame(step=self.iteration, scalars=scalars)

    def evaluate(self, *_: Any) -> dict[str, float]:
        """The mean and the standard deviation of 50 episodes' returns, acting by the likeliest action."""
        returns = evaluate(self.agent.env, self.agent.act)
        return {"return": float(returns.mean()), "return_deviation": float(returns.std(ddof=1))}

    def state_dict(self) -> dict[str, Any]:
        said = {f"said.{key}": value for key, value in self.said.items()}
        return {"iteration": self.iteration, **said, **self.agent.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.agent.load_state_dict(state)
        self.iteration = int(state["iteration"])
        self.said = {key.removeprefix("said."): float(state[key]) for key in state if key.startswith("said.")}
