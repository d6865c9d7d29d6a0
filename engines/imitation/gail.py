r"""Generative adversarial imitation learning (Ho & Ermon 2016, arXiv:1606.03476), algorithm 1.

The paper seeks a saddle point of (its equation 16, with its D written D_p)

    E_\pi[ log D_p(s, a) ] + E_{\pi_E}[ log(1 - D_p(s, a)) ] - \lambda H(\pi)

which D_p ascends and \pi descends: D_p nears 1 on the policy's pairs, and \log D_p is a *cost*. Here, as in the
course's GANs, D(s, a) is the probability that a pair is the *expert's*: D = 1 - D_p. Put in, D ascends

    E_{\pi_E}[ log D(s, a) ] + E_\pi[ log(1 - D(s, a)) ]

and \pi descends E_\pi[ log(1 - D) ] - \lambda H(\pi): it is rewarded with

    positive:   r(s, a) = -log(1 - D(s, a))      the paper's, minus its cost; above 0 everywhere
    negative:   r(s, a) =  log D(s, a)           Goodfellow's non-saturating form; below 0 everywhere
    logit:      r(s, a) =  log D(s, a) - log(1 - D(s, a))      their sum (Fu et al. 2018, AIRL); of both signs

All three grow with D, so they agree on which pair is better; they disagree on whether one more step is worth having.
Where an episode can end of itself, and what follows is taken as 0, a reward above 0 pays for staying, whatever the
expert did, and one below 0 for leaving (Kostrikov et al. 2019, arXiv:1809.02925, section 4). Their cure is
``absorbing``: an ended episode goes on for ever in a state of its own, which D learns to judge like any other, so
that what follows the end is r(absorbing) / (1 - discount) and not 0.

One visible step: collect a batch, ``d_steps`` steps of Adam on D, one trust region step of the policy.

Departures from the paper: small networks (two layers of 32 tanh units, the paper's have 100), batches of 2,000 pairs
(5,000), KL limit 0.02 (0.01), absorbing states, the reward ``logit`` by default (``positive``), which was the
quicker and the surer on the environments here, a penalty on the slope of D at the data (Mescheder et al. 2018, R1)
that keeps D from being certain of a few hundred pairs, and a value function fitted by Adam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engines import checks, devices, learning
from engines.engine import Engine, Frame
from engines.imitation import trpo
from engines.imitation.demonstrations import Demonstrations, FromDemonstrations
from engines.imitation.environments import BODIES, environment
from engines.imitation.trpo import Agent, Batch, perceptron

REWARDS = ("positive", "negative", "logit")
FIELD = 41  # places a side of what is drawn over a state space of two numbers
SHOWN = 400  # pairs of the learner in a frame
BODY_STEPS, BODY_PLACES = 200, 9  # what a frame holds of a body's episode: so many steps, and numbers of each state


@dataclass(frozen=True, slots=True, kw_only=True)
class GAILConfig:
    environment: str = ""  # that of the demonstrations; given, it must be the same
    n_trajectories: int = 4  # the first ones
    thin: int = 1  # every so many-th pair of them is used
    reward: str = "logit"
    absorbing: bool = True
    width: int = 32  # of every hidden layer
    n_envs: int = 10
    horizon: int = 200  # steps of every environment in a batch
    kl_limit: float = 0.02
    discount: float = 0.99
    trace: float = 0.95  # lambda of the advantages
    entropy_weight: float = 0.01  # lambda of the policy's entropy
    d_steps: int = 5  # of Adam on D, in a visible step
    d_learning_rate: float = 1e-3
    penalty: float = 1.0  # on D's slope at the expert's pairs
    n_steps: int = 120
    batches_per_step: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        trpo.check(self)
        checks.known(self, reward=REWARDS)
        checks.within(self, n_trajectories=(1, 200), thin=(1, 1000), d_steps=(0, 100), penalty=(0, 100))
        checks.within(self, d_learning_rate=(1e-9, 1))


def reward(logit: Tensor, kind: str) -> Tensor:
    """r of D's logit, log D - log(1 - D): (B,) -> (B,). softplus(l) = -log(1 - D), -softplus(-l) = log D."""
    if kind == "positive":
        return nn.functional.softplus(logit)
    return -nn.functional.softplus(-logit) if kind == "negative" else logit


def discriminator_loss(
    logit_expert: Tensor, logit_policy: Tensor, w_expert: Tensor | None = None, w_policy: Tensor | None = None
) -> Tensor:
    """Minus what D ascends, each mean weighted: (B,), (C,) -> ()."""
    expert, policy = nn.functional.softplus(-logit_expert), nn.functional.softplus(logit_policy)
    w_expert = torch.ones_like(expert) if w_expert is None else w_expert
    w_policy = torch.ones_like(policy) if w_policy is None else w_policy
    return (w_expert * expert).sum() / w_expert.sum() + (w_policy * policy).sum() / w_policy.sum()


class GAIL(Engine):
    """The game between a policy and a discriminator, from ``data``: Demonstrations."""

    name: ClassVar[str] = "gail"
    Config: ClassVar[type] = GAILConfig
    learns_from: ClassVar[type] = FromDemonstrations
    training_state: ClassVar[tuple[str, ...]] = (*learning.TRAINING_STATE, "states", "ages", "sums", "shown", "d.optim")
    n_threads: ClassVar[int] = 1  # networks this small are quickest on one

    def __init__(self, config: GAILConfig, *, data: Any = None, device: str = "auto") -> None:
        if not isinstance(data, Demonstrations):
            raise ValueError("gail learns from demonstrations: create it with data=demonstrations.load(environment)")
        if config.environment and config.environment != data.environment:
            raise ValueError(
                f"these demonstrations are of {data.environment!r}, the settings say {config.environment!r}: choose one"
            )
        self.config, self.data = config, data
        self.device = devices.resolve("cpu" if device == "auto" else device)
        self.env = environment(data.environment)
        self.agent = Agent(
            data.environment, width=config.width, n_envs=config.n_envs, seed=config.seed, discount=config.discount,
            trace=config.trace,
        )  # fmt: skip
        self.n_pair = self.agent.n_in + (self.env.n_actions or self.env.n_controls) + 1
        self.D: Any = learning.build(
            lambda: perceptron(self.n_pair, 1, config.width), generator=self.agent.rng, device=torch.device("cpu")
        )
        self.optimizer = learning.adam(self.D, config.d_learning_rate, (0.5, 0.999))
        used = data.first(config.n_trajectories)
        states, actions = used.thinned(config.thin, seed=config.seed)
        self.expert, self.expert_weight = self._with_end(self.pairs(states, actions), used.n_terminated / len(used))
        self.iteration = 0
        self.said: dict[str, float] = {}
        self.shown = np.zeros((0, len(self.env.low)))  # states that the learner came through in the last batch
        self.shown_actions, self.shown_advantages = np.zeros(0), np.zeros(0)
        self.watched = pairs_asked(data, config)

    # -- pairs -------------------------------------------------------------------------------------------

    def pairs(self, states: np.ndarray, actions: np.ndarray) -> Tensor:
        """(n, S) and actions in the environment's units as D sees them: (n, P) float32, the last column 0."""
        x = self.agent.inputs(states)
        if self.env.n_actions:
            a = nn.functional.one_hot(torch.from_numpy(actions.astype(np.int64)), self.env.n_actions).float()
        else:
            a = torch.tensor((actions / self.env.bound).astype(np.float32)).reshape(len(x), self.env.n_controls)
        return torch.cat([x, a, torch.zeros(len(x), 1)], dim=1)

    def absorbed(self) -> Tensor:
        """The absorbing state as D sees it: (1, P), zeros and a last 1."""
        end = torch.zeros(1, self.n_pair)
        end[0, -1] = 1.0
        return end

    def _with_end(self, pairs: Tensor, ends_per_pair: float) -> tuple[Tensor, Tensor]:
        """Pairs and their weights, (n + 1, P) and (n + 1,): an ended episode stays at its end, which counts as the
        1 / (1 - discount) steps that its value is made of."""
        weight = torch.ones(len(pairs))
        if not self.config.absorbing:
            return pairs, weight
        stays = len(pairs) * ends_per_pair / (1 - self.config.discount)
        return torch.cat([pairs, self.absorbed()]), torch.cat([weight, torch.tensor([stays])])

    def of_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The policy's pairs of a batch, and their weights."""
        states = batch.states.reshape(-1, batch.states.shape[-1])
        actions = self.agent.executed(batch.actions)
        pairs = self.pairs(states, actions.reshape(-1, *actions.shape[2:]))
        return self._with_end(pairs, float(batch.terminated.mean()))

    @torch.no_grad()
    def logit(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """log D - log(1 - D) of pairs (n, S), (n,) in the environment's units: (n,)."""
        return self.D(self.pairs(states, actions))[:, 0].numpy()

    # -- the game ----------------------------------------------------------------------------------------

    def step(self) -> None:
        """A batch, D's steps, the policy's step; FloatingPointError when it diverges."""
        if self.done:
            return
        batch = self.agent.collect(self.config.horizon)
        learner, weight = self.of_batch(batch)
        for _ in range(self.config.d_steps):
            d_loss = self.discriminate(learner, weight)
        with torch.no_grad():
            logit, logit_expert = self.D(learner)[:, 0], self.D(self.expert)[:, 0]
            n = batch.rewards.size
            rewards = reward(logit[:n], self.config.reward).double().numpy().reshape(batch.rewards.shape)
            after_end = self.after_end()
        said = self.agent.improve(
            batch, rewards, limit=self.config.kl_limit, entropy_weight=self.config.entropy_weight, after_end=after_end
        )
        n_expert = len(self.expert) - self.config.absorbing
        self.said = said | {
            "d_loss": d_loss if self.config.d_steps else math.log(4),
            "d_expert": float(logit_expert[:n_expert].sigmoid().mean()),
            "d_learner": float(logit[:n].sigmoid().mean()),
            "reward": float(rewards.mean()),
            "after_end": after_end,
        }
        rows = np.linspace(0, n - 1, min(SHOWN, n)).round().astype(int)
        self.shown = batch.states.reshape(-1, batch.states.shape[-1])[rows]
        acted = self.agent.executed(batch.actions)
        self.shown_actions = acted.reshape(-1, *acted.shape[2:])[rows].astype(np.float64)
        self.shown_advantages = self.agent.made.reshape(-1)[rows]
        self.iteration += 1

    def discriminate(self, learner: Tensor, weight: Tensor) -> float:
        """One step of Adam on D, given the learner's pairs; its loss in nats, log 4 where D says 1/2 of all."""
        expert = self.expert.clone().requires_grad_(True)
        logit_expert, logit_policy = self.D(expert)[:, 0], self.D(learner)[:, 0]
        loss = discriminator_loss(logit_expert, logit_policy, self.expert_weight, weight)
        value = float(loss.detach())
        if self.config.penalty:
            (slope,) = torch.autograd.grad(logit_expert.sum(), expert, create_graph=True)
            loss = loss + self.config.penalty / 2 * (slope[:, :-1] ** 2).sum(dim=1).mean()
        if not math.isfinite(float(loss.detach())):
            raise FloatingPointError(
                f"the discriminator's loss is {value} in step {self.iteration + 1}: lower its learning rate (now "
                f"{self.config.d_learning_rate:g})"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.param_groups[0]["lr"] = self.config.d_learning_rate
        self.optimizer.step()
        return value

    @torch.no_grad()
    def after_end(self) -> float:
        """What follows an episode that has ended of itself, in reward: 0 without the absorbing state."""
        if not self.config.absorbing:
            return 0.0
        return float(reward(self.D(self.absorbed())[:, 0], self.config.reward)) / (1 - self.config.discount)

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    def act(self, states: np.ndarray) -> np.ndarray:
        return self.agent.act(states)

    def evaluate(self, *_: Any) -> dict[str, float]:
        """Of 50 episodes by the likeliest action: the mean return, its standard deviation."""
        returns = trpo.evaluate(self.env, self.act)
        return {"return": float(returns.mean()), "return_deviation": float(returns.std(ddof=1))}

    # -- what a viewer sees ------------------------------------------------------------------------------

    def frame(self) -> Frame:
        """Arrays: ``learner`` (n <= 400, S) states of the last batch with ``actions`` and ``advantages`` (n,), and
        ``logits`` (n,), D's of these pairs; ``expert_logits`` (m <= 400,) of the expert's ``watched`` pairs; ``path``
        (L + 1, S), an episode from the expert's first start by the likeliest actions ``moves`` (L,); where a state is
        two numbers, ``policy`` (41, 41), the likeliest action, and ``field`` (41, 41), D's logit of it, first row
        lowest.
        Scalars: the mean return of the episodes that ended last, steps of the environment, D's loss in nats, mean D of
        the expert's and the learner's pairs, the mean reward, and what the trust region step said.
        """
        arrays = picture_of(self.agent.env, self.act, self.data.trajectories[0].states[:1])
        if "policy" in arrays:
            arrays["field"] = self.logit(grid(self.env), arrays["policy"].reshape(-1)).reshape(FIELD, FIELD)
        arrays |= {
            "learner": self.shown.astype(np.float32),
            "actions": self.shown_actions.astype(np.float32),
            "advantages": self.shown_advantages.astype(np.float32),
            "logits": self.logit(self.shown, self.shown_actions),
            "expert_logits": self.logit(*self.watched),
        }
        known = {"return": self.agent.last_return} if math.isfinite(self.agent.last_return) else {}
        scalars = {**known, "env_steps": float(self.agent.env_steps), **self.said}
        return Frame(step=self.iteration, scalars=scalars, arrays=arrays)

    # -- saving ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        said = {f"said.{key}": value for key, value in self.said.items()}
        weights = {f"network.D.{key}": value.detach().clone() for key, value in self.D.state_dict().items()}
        return {
            "iteration": self.iteration,
            **said,
            **weights,
            **learning.optimizer_state(self.optimizer, self.D, "D"),
            **self.agent.state_dict(),
            "shown": torch.from_numpy(self.shown.copy()),
            "shown_actions": torch.from_numpy(self.shown_actions.copy()),
            "shown_advantages": torch.from_numpy(self.shown_advantages.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state`` under this engine's own settings; another size is a ValueError."""
        part = {key.replace("network.D.", "network."): value for key, value in state.items() if ".D." in key}
        learning.load_network(self.D, part, "discriminator")
        learning.load_optimizer_state(self.optimizer, self.D, state, "D")
        self.agent.load_state_dict(state)
        self.iteration = int(state["iteration"])
        self.said = {key.removeprefix("said."): float(state[key]) for key in state if key.startswith("said.")}
        if "shown" in state:
            self.shown, self.shown_actions, self.shown_advantages = (
                state[key].numpy().copy() for key in ("shown", "shown_actions", "shown_advantages")
            )


def pairs_asked(data: Demonstrations, config: GAILConfig) -> tuple[np.ndarray, np.ndarray]:
    """The expert's pairs that D is asked about in every frame: states (m <= 400, S) and actions."""
    states, actions = data.first(config.n_trajectories).thinned(config.thin, seed=config.seed)
    rows = np.linspace(0, len(states) - 1, min(SHOWN, len(states))).round().astype(int)
    return states[rows], actions[rows]


def grid(env: Any) -> np.ndarray:
    """Places over a state space of two numbers, first row lowest: (41 * 41, 2)."""
    x, y = (np.linspace(low, high, FIELD) for low, high in zip(env.low, env.high, strict=True))
    columns, rows = np.meshgrid(x, y)
    return np.stack([columns.reshape(-1), rows.reshape(-1)], axis=1)


def picture_of(env: Any, act: Any, start: np.ndarray) -> dict[str, np.ndarray]:
    """What of a policy is drawn: its episode from ``start`` (1, S), of a body the places of its parts in the first 200
    steps; over a state space of two numbers its actions.
    """
    path, moves, lengths, _, _ = trpo.play(env, act, start, n_steps=BODY_STEPS if env.name in BODIES else env.limit)
    n = int(lengths[0])
    path = path[..., :BODY_PLACES] if env.name in BODIES else path
    arrays = {"path": path[: n + 1, 0].astype(np.float32), "moves": moves[:n, 0].astype(np.float32)}
    if len(env.low) == 2:
        arrays["policy"] = act(grid(env)).reshape(FIELD, FIELD).astype(np.float32)
    return arrays
