r"""Behavioural cloning: imitation as supervised learning (Pomerleau 1991; the baseline of Ho & Ermon 2016).

    maximise_\theta  E_{(s, a) ~ expert}[ log pi_\theta(a | s) ]

for numbers with a Gaussian of fixed deviation, so that it is least squares. It asks nothing of the environment, and
learns nothing of what lies off the expert's path: an error leads to states that no pair is about, where the next
error is larger.

As in Ho & Ermon, 70 % of the pairs are learned from by Adam and 30 % are held out; the parameters kept are those with
the best likelihood of the held-out pairs. A visible step is ``batches_per_step`` steps of Adam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from engines import devices, learning
from engines.engine import Engine, Frame
from engines.imitation import trpo
from engines.imitation.demonstrations import Demonstrations, FromDemonstrations
from engines.imitation.environments import environment
from engines.imitation.gail import picture_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviouralCloningConfig(learning.LearnerConfig):
    n_trajectories: int = 4  # the first ones
    thin: int = 1  # every so many-th pair of them is used
    width: int = 32  # of both hidden layers, as the policies of gail
    learning_rate: float = 3e-3
    batch_size: int = 128
    n_steps: int = 2000  # of Adam
    batches_per_step: int = 20

    def __post_init__(self) -> None:
        learning.check(
            self, n_trajectories=(1, 200), thin=(1, 1000), width=(1, 256), batch_size=(1, 10_000), n_steps=(1, 10**6)
        )


class BehaviouralCloning(Engine):
    """A policy fitted to ``data``: Demonstrations."""

    name: ClassVar[str] = "behavioural_cloning"
    Config: ClassVar[type] = BehaviouralCloningConfig
    learns_from: ClassVar[type] = FromDemonstrations
    training_state: ClassVar[tuple[str, ...]] = learning.TRAINING_STATE
    n_threads: ClassVar[int] = 1

    def __init__(self, config: BehaviouralCloningConfig, *, data: Any = None, device: str = "auto") -> None:
        if not isinstance(data, Demonstrations):
            raise ValueError(
                "behavioural_cloning learns from demonstrations: create it with data=demonstrations.load(environment)"
            )
        self.config, self.data = config, data
        self.device = devices.resolve("cpu" if device == "auto" else device)
        self.env = environment(data.environment)
        self.rng = torch.Generator().manual_seed(config.seed)
        self.policy = trpo.policy_for(self.env, width=config.width, rng=self.rng)
        self.optimizer = learning.adam(self.policy.net, config.learning_rate)
        states, actions = data.first(config.n_trajectories).thinned(config.thin, seed=config.seed)
        x = torch.tensor(self.env.observe(states).astype(np.float32))
        a = torch.from_numpy((actions / (1 if self.env.n_actions else self.env.bound)).astype(np.float32))
        order = torch.randperm(len(x), generator=self.rng)
        cut = max(1, round(0.7 * len(x)))
        self.x, self.a = x[order[:cut]], a[order[:cut]]
        self.held_x, self.held_a = (x[order[cut:]], a[order[cut:]]) if cut < len(x) else (self.x, self.a)
        self.iteration = 0
        self.best = math.inf
        self.kept = self._weights()

    def _weights(self) -> dict[str, torch.Tensor]:
        return {key: value.detach().clone() for key, value in self.policy.net.state_dict().items()}

    def loss(self, x: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats, or mean squared error in units of the bound squared: (B, O), actions -> ()."""
        described = self.policy(x)
        if self.env.n_actions:
            return -self.policy.log_prob(described, a).mean()
        return ((described[:, : self.env.n_controls] - a.reshape(len(a), -1)) ** 2).mean()

    def step(self) -> None:
        """Steps of Adam, as many as are left; then a look at the held-out pairs."""
        for _ in range(self.config.batches_per_step):
            if self.done:
                break
            n = min(self.config.batch_size, len(self.x))
            rows = torch.randint(len(self.x), (n,), generator=self.rng)
            loss = self.loss(self.x[rows], self.a[rows])
            if not math.isfinite(float(loss.detach())):
                raise FloatingPointError(
                    f"the loss is {float(loss.detach())} after {self.iteration} steps: lower the learning rate (now "
                    f"{self.config.learning_rate:g})"
                )
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.param_groups[0]["lr"] = self.config.learning_rate
            self.optimizer.step()
            self.iteration += 1
        if (held := self.held_loss()) < self.best:
            self.best, self.kept = held, self._weights()

    @torch.no_grad()
    def held_loss(self) -> float:
        return float(self.loss(self.held_x, self.held_a))

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    @torch.no_grad()
    def act(self, states: np.ndarray) -> np.ndarray:
        """The likeliest action by the parameters kept, as the environment takes it: (n, S) -> (n,)."""
        x = torch.tensor(self.env.observe(states).astype(np.float32))
        described = torch.func.functional_call(self.policy, {f"net.{k}": v for k, v in self.kept.items()}, (x,))
        action = self.policy.likeliest(described).numpy()
        if self.env.n_actions:
            return action.astype(np.int64)
        return np.clip(action, -1.0, 1.0).astype(np.float64) * self.env.bound

    def evaluate(self, *_: Any) -> dict[str, float]:
        """Of 50 episodes by the likeliest action: the mean return, its standard deviation."""
        returns = trpo.evaluate(self.env, self.act)
        return {"return": float(returns.mean()), "return_deviation": float(returns.std(ddof=1))}

    def frame(self) -> Frame:
        """Arrays as of gail: ``path``, ``moves`` and perhaps ``policy``. Scalars: both losses, steps of Adam."""
        with torch.no_grad():
            scalars = {"loss": float(self.loss(self.x, self.a)), "held_out_loss": self.held_loss()}
        arrays = picture_of(self.env, self.act, self.data.trajectories[0].states[:1])
        step = math.ceil(self.iteration / self.config.batches_per_step)
        return Frame(step=step, scalars=scalars | {"updates": float(self.iteration)}, arrays=arrays)

    def state_dict(self) -> dict[str, Any]:
        return {
            "iteration": self.iteration,
            "best": torch.tensor(self.best, dtype=torch.float64),
            **{f"network.{key}": value for key, value in self._weights().items()},
            **{f"kept.{key}": value.clone() for key, value in self.kept.items()},
            **learning.optimizer_state(self.optimizer, self.policy.net),
            "generator": self.rng.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        learning.load_network(self.policy.net, state, self.name)
        learning.load_optimizer_state(self.optimizer, self.policy.net, state)
        self.iteration = int(state["iteration"])
        self.best = float(state["best"])
        self.kept = {key: state[f"kept.{key}"].clone() for key in self.kept}
        if "generator" in state:
            self.rng.set_state(state["generator"].cpu())
