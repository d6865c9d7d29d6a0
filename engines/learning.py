r"""What engines that learn by gradient share: own initialisation, batches by step, an optimizer's state as tensors.

`Learner` is the one class that all of them are; what stands around it are its parts, for models that need a part
alone. It starts as one process on one device; `setup` hands networks and optimizers to Lightning Fabric, which brings
precision and many devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from engines import checks, devices
from engines.engine import Engine, Frame
from engines.material import Fields, Images, Rows, tensor_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Keys (or their beginnings) of an engine's state that only learning on needs: a finished checkpoint leaves them
# out, and a state without them starts the optimizer and the generator anew.
TRAINING_STATE = ("optimizer.", "generator")

_WEIGHED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)


def rows_of(x: Any, n_pixels: int, device: torch.device) -> Tensor:
    """Images (B, ...), bytes or levels in 0..1, as float32 (B, P) in 0..1 on the device."""
    rows = tensor_of(x).to(device)
    rows = rows.to(torch.float32) / 255 if rows.dtype == torch.uint8 else rows.to(torch.float32)
    if rows.dim() < 2 or rows[0].numel() != n_pixels:
        raise ValueError(f"x must be images of {n_pixels} pixels, (B, {n_pixels}), got {tuple(rows.shape)}")
    return rows.reshape(len(rows), -1)


def greys_of(images: Any, side: int, device: torch.device) -> Tensor:
    """Grey images (B, ...), bytes or levels in 0..1, as networks take them: (B, 1, S, S) in -1..1."""
    return 2 * rows_of(images, side * side, device).reshape(-1, 1, side, side) - 1


def pixels_of(images: Any, side: int, device: torch.device) -> Tensor:
    """Colour images (B, S, S, 3), bytes or levels in 0..1, as networks take them: (B, 3, S, S) in -1..1."""
    return 2 * rows_of(images, 3 * side * side, device).reshape(-1, side, side, 3).permute(0, 3, 1, 2) - 1


def build(make: Callable[[], nn.Module], *, generator: torch.Generator, device: torch.device) -> nn.Module:
    r"""The module that ``make`` makes, with PyTorch's own initialisation drawn from ``generator``.

    Layers draw from the global generator as they are made, except on the meta device, where nothing is drawn.
    Weights and biases of layers with fan-in n: uniform in \pm 1/\sqrt{n} (He et al. 2015 with a = \sqrt 5).
    """
    with torch.device("meta"):
        network = make()
    network = network.to_empty(device="cpu")
    for layer in network.modules():
        if isinstance(layer, _WEIGHED):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            if layer.bias is not None:
                fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
                nn.init.uniform_(layer.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=generator)
        elif isinstance(layer, _NORMS):
            layer.reset_parameters()
        elif next(layer.parameters(recurse=False), None) is not None:
            raise TypeError(f"build() does not know how to initialise {type(layer).__name__}: add it there")
    return network.to(device)


def perceptron(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Linear layers with an activation between them: (B, sizes[0]) -> (B, sizes[-1])."""
    layers = [layer for n_in, n_out in pairwise(sizes) for layer in (nn.Linear(n_in, n_out), activation())]
    return nn.Sequential(*layers[:-1])


def cosine(step: int, n_steps: int) -> float:
    """The factor on the learning rate at ``step``: from 1 to 0 along half a cosine (Loshchilov & Hutter 2016)."""
    return 0.5 * (1 + math.cos(math.pi * min(step / n_steps, 1)))


def adam(network: nn.Module, learning_rate: float, betas: tuple[float, float] = (0.9, 0.999)) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2014), its update as one kernel where torch has one: a third less of a small step's time."""
    fused = next(network.parameters()).device.type in ("cpu", "cuda")
    return torch.optim.Adam(network.parameters(), lr=learning_rate, betas=betas, fused=fused)


def optimizer_state(optimizer: torch.optim.Optimizer, network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """Adam's moments and step counts, named by parameter: "optimizer.exp_avg.encoder.0.weight".

    ``prefix`` names one of several networks that each have an optimizer: "generator".
    """
    kept = {}
    for name, parameter in network.named_parameters(prefix=prefix):
        state = optimizer.state.get(parameter, {})
        for key, shape in (("exp_avg", parameter.shape), ("exp_avg_sq", parameter.shape), ("step", ())):
            kept[f"optimizer.{key}.{name}"] = state[key].detach().clone() if key in state else torch.zeros(shape)
    return kept


def load_optimizer_state(
    optimizer: torch.optim.Optimizer, network: nn.Module, state: dict[str, Any], prefix: str = ""
) -> None:
    """What `optimizer_state` kept, put back; a state without it leaves the optimizer as new."""
    for name, parameter in network.named_parameters(prefix=prefix):
        optimizer.state.pop(parameter, None)
        if float(state.get(f"optimizer.step.{name}", 0)) == 0:
            continue
        device = parameter.device  # what is kept may lie on another
        at = {"exp_avg": device, "exp_avg_sq": device, "step": device if optimizer.defaults.get("fused") else "cpu"}
        # Only Adam's fused kernels count their steps on the device.
        optimizer.state[parameter] = {key: state[f"optimizer.{key}.{name}"].clone().to(at[key]) for key in at}


def load_network(network: nn.Module, state: dict[str, Any], name: str) -> None:
    """Weights under "network." of ``state`` into the network; ValueError names the first that does not fit."""
    for key, held in network.state_dict().items():
        found = state.get(f"network.{key}")
        if found is None or tuple(found.shape) != tuple(held.shape):
            shape = "nothing" if found is None else f"shape {tuple(found.shape)}"
            raise ValueError(
                f"the state has {shape} for {key}, this {name} needs {tuple(held.shape)}: start again to change "
                "the network's size"
            )
    network.load_state_dict({key: state[f"network.{key}"] for key in network.state_dict()})


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerConfig:
    """What `Learner` asks of every model's settings; beside these it knows ``decay`` and ``beta1``, where a model has
    them. The numbers are each model's own.
    """

    learning_rate: float = 1e-3
    batch_size: int = 64
    n_steps: int = 10_000  # batches in all
    batches_per_step: int = 1  # of a visible step: more of them where every batch would be too slow to watch
    seed: int = 0


class Learner(Engine):
    """An engine that learns by gradient. A model writes `make` (its network), `learn` (one batch) and `picture`, or a
    `frame` of its own.

    ``network`` is one module with one Adam, or a ModuleDict of players with an Adam each. In ``learners`` the same
    modules stand as Fabric wraps them; `rng` is the only source of chance. ``data`` is of the class ``learns_from``.
    """

    learns_from: ClassVar[type[Rows]] = Images
    Network: ClassVar[type]  # of a model that is one network, made of its config
    training_state: ClassVar[tuple[str, ...]] = TRAINING_STATE

    def __init__(self, config: Any, *, data: Any = None, device: str = "auto") -> None:
        self.config, self.device = config, devices.resolve(device)
        self.rng = torch.Generator().manual_seed(config.seed)
        self.data = None if data is None else self.learns_from.of(data, device=self.device, shapes=self.shapes)
        self.network: Any = self.start(build(self.make, generator=self.rng, device=torch.device("cpu")))
        self.network.to(self.device).eval()
        self.frozen = {key: net.to(self.device).eval().requires_grad_(False) for key, net in self.teachers().items()}
        players = dict(self.network.items()) if isinstance(self.network, nn.ModuleDict) else {"": self.network}
        self.learners: dict[str, Any] = dict(players)
        self.optimizers: dict[str, Any] = {
            key: adam(net, self.learning_rate_of(key), self.betas_of(key)) for key, net in players.items()
        }
        self.backward: Any = torch.Tensor.backward
        self.rank, self.world = 0, 1
        self.autocast: Any = nullcontext  # Fabric's, where a precision is asked for
        self.iteration = 0
        self.running: dict[str, float] = {}  # averages over about the last 50 batches

    # -- what a model writes ---------------------------------------------------------------------------

    def make(self) -> nn.Module:
        """The network, or a ModuleDict of the players. Layers are initialised from `rng` afterwards (`build`)."""
        return self.Network(self.config)

    def start(self, network: nn.Module) -> nn.Module:
        """The network before its first batch, where a paper starts it otherwise than PyTorch does."""
        return network

    def teachers(self) -> Mapping[str, nn.Module]:
        """Trained networks that this one learns with and that never change, nor are saved; they end in ``frozen``."""
        return {}

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """What one batch of ``learns_from`` does; gives what is worth a running average."""
        raise NotImplementedError

    def picture(self) -> Frame:
        """The frame of a model that has data, made without gradients."""
        raise NotImplementedError

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of a row of the data's fields, where the network depends on it."""
        return {}

    def learning_rate_of(self, player: str) -> float:  # noqa: ARG002
        """A player's learning rate at the start."""
        return self.config.learning_rate

    def betas_of(self, player: str) -> tuple[float, float]:  # noqa: ARG002
        """Adam's memory of a player's gradients and of their squares."""
        return (getattr(self.config, "beta1", 0.9), 0.999)

    @classmethod
    def shapes_of(cls, config: Any) -> dict[str, tuple[int, ...]]:
        bare = cls.__new__(cls)
        bare.config = config  # all that `make` may look at
        with torch.device("meta"):
            network = bare.make()
        return {f"network.{key}": tuple(value.shape) for key, value in network.state_dict().items()}

    # -- learning --------------------------------------------------------------------------------------

    def step(self) -> None:
        """``batches_per_step`` batches, as many as are left."""
        if self.data is None:
            raise ValueError(f"this {self.name} has no data to learn from: create it with data=...")
        config = self.config
        self.network.train()  # batch normalisation by each batch's own statistics
        for _ in range(config.batches_per_step):
            if not self.done:
                batch = self.data.batch(self.iteration, config.batch_size, config.seed)
                self.n_batch = len(next(iter(batch.values())))
                values = self.learn({key: self.shared(rows) for key, rows in batch.items()})
                self.iteration += 1
                self._note(values)
        self.network.eval()

    def descend(self, loss: Tensor, *players: str) -> None:
        """One step on ``loss`` () of the named players' optimizers (of the only one), each at its present rate."""
        optimizers = {key: self.optimizers[key] for key in players or ("",)}
        for optimizer in optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        for key, optimizer in optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate_of(key) * self.decayed
            optimizer.step()

    @contextmanager
    def held(self, player: str) -> Iterator[nn.Module]:
        """A player for the gradient to pass through without moving it."""
        network = self.network[player].requires_grad_(False)
        with self.autocast():
            yield network
        network.requires_grad_(True)

    def shared(self, values: Tensor) -> Tensor:
        """This process's part, every ``world``-th row, of what was drawn for all ``n_batch`` rows of a batch, on the
        device: the same seed gives the same run on any number of devices, up to rounding.
        """
        return values[self.rank :: self.world].to(self.device)

    def _note(self, values: dict[str, Tensor]) -> None:
        for key, tensor in values.items():
            value = float(tensor.detach())
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{key} is {value} after step {self.iteration}: lower the learning rate (now "
                    f"{self.present_learning_rate:g})"
                )
            self.running[key] = 0.98 * self.running.get(key, value) + 0.02 * value

    @property
    def decayed(self) -> float:
        """The factor on every learning rate now: 1, or along a cosine to 0 where the config says ``decay``."""
        return cosine(self.iteration, self.config.n_steps) if getattr(self.config, "decay", False) else 1.0

    @property
    def present_learning_rate(self) -> float:
        return self.config.learning_rate * self.decayed

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    @property
    def n_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    @torch.no_grad()
    def frame(self) -> Frame:
        """`picture`; without data the running averages alone."""
        return self.framed({}) if self.data is None else self.picture()

    def framed(self, scalars: dict[str, float], **arrays: Any) -> Frame:
        """A frame at this step: the running averages, and what the model adds."""
        common = {"batches": float(self.iteration), "learning_rate": self.present_learning_rate, **self.running}
        step = math.ceil(self.iteration / self.config.batches_per_step)
        return Frame(step=step, scalars=common | scalars, arrays=arrays)

    def state_dict(self) -> dict[str, Any]:
        kept = {f"network.{key}": value.detach().clone() for key, value in self.network.state_dict().items()}
        for key, optimizer in self.optimizers.items():
            kept |= optimizer_state(optimizer, self.network[key] if key else self.network, key)
        running = {f"running.{key}": value for key, value in self.running.items()}
        return {"iteration": self.iteration, **running, **kept, "generator": self.rng.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``, under this engine's own settings; another size is a ValueError."""
        load_network(self.network, state, self.name)
        for key, optimizer in self.optimizers.items():
            load_optimizer_state(optimizer, self.network[key] if key else self.network, state, key)
        self.iteration = int(state["iteration"])
        self.running = {key.removeprefix("running."): float(state[key]) for key in state if key.startswith("running.")}
        if "generator" in state:
            self.rng.set_state(state["generator"].cpu())

    def setup(self, fabric: Fabric) -> None:
        """All players on Fabric's devices, in its precision."""
        for key in self.learners:
            network = self.network[key] if key else self.network
            self.learners[key], self.optimizers[key] = fabric.setup(network, self.optimizers[key])
        self.autocast, self.backward = fabric.autocast, fabric.backward
        self.rank, self.world = fabric.global_rank, fabric.world_size


def stream(seed: int, use: int) -> torch.Generator:
    """A generator for one fixed use, apart from the one that the steps draw from."""
    return torch.Generator().manual_seed(seed * 16 + use)


def start_small(engine: Learner, network: nn.Module) -> nn.Module:
    """Radford et al. 2015, section 4: weights from N(0, 0.02^2). Normalisation's from N(1, 0.02^2), as the authors'
    code has them, and biases 0. A class whose whole network starts so says ``start = learning.start_small``.
    """
    rng = engine.rng
    for layer in network.modules():
        if isinstance(layer, _WEIGHED):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=rng)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(layer.weight, 1.0, 0.02, generator=rng)
    return network


def to_bytes(images: Tensor) -> Tensor:
    """Levels in 0..1 as bytes."""
    return (255 * images.clamp(0, 1)).round().to(torch.uint8)


def check(config: Any, **ranges: tuple[float, float]) -> None:
    """ValueError names the first setting outside its range; the learning rate is always looked at."""
    checks.within(config, **{"learning_rate": (1e-9, 1), "batches_per_step": (1, 10**6), **ranges})
