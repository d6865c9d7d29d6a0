r"""3D-GAN: solids from noise. Wu, Zhang, Xue, Freeman & Tenenbaum 2016 (arXiv:1610.07584), on small furniture.

    L_{3D-GAN} = log D(x) + log(1 - D(G(z)))                                       G minimises -log D(G(z))

x is a solid of 32^3 cells. G carries a code z through transposed convolutions in space, each of kernel 4 and stride 2,
with batch normalisation and ReLU between them, to an *occupancy* in 0..1 for every cell, a sigmoid. D mirrors G, with
LeakyReLU. What makes it learn, as the paper says, is that D is kept from running ahead, in two ways:

* *unequal learning rates*: G's is far above D's (0.0025 and 0.00001 there);
* *D is held back*: it takes a step only where its accuracy on the last batch was at most 80 % (``held_above``).

Departures: 32 cells a side instead of 64; width; batches of 16 instead of 100; D's rate is higher than the paper's,
because it has some thousand steps to learn in; z is uniform in -1..1; the solids are turned by quarters and mirrored at
random; what is shown is an average of G's weights (``average``), whose batch statistics follow G's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import learning
from engines.engine import Frame
from engines.making import solids
from engines.making.solids import SIDE, TURNS, Furniture
from engines.material import Fields
from engines.maths.intervals import named

SHOWN = 6  # solids of a frame
MEASURED = 256  # solids that measures rest on
DIMENSIONS = 24  # principal components that distances are taken in
FILLED = 0.5  # occupancy from which on a cell counts as filled

KINDS = {"all": tuple(range(len(solids.CLASSES))), "seats": (0, 1, 2, 3, 4, 5, 7)}  # and beds and tables

# Parts taken away; all of these, the whole model ("small") among them, are trained alike and small.
_SMALL: dict[str, Any] = {"channels": 8, "n_steps": 600}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "small": _SMALL,
    "not-held": {**_SMALL, "held_above": 1.0},
    "equal-rates": {**_SMALL, "d_learning_rate": 2.5e-3},
    "not-turned": {**_SMALL, "turned": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeDGANConfig(learning.LearnerConfig):
    latent_dim: int = 64
    channels: int = 12  # C: of the layers next to the solid; twice and four times as many further in
    kinds: str = "seats"
    batch_norm: bool = True
    turned: bool = True
    held_above: float = 0.8  # D takes no step after a batch on which it was right more often; 1: it always takes one
    learning_rate: float = 2.5e-3  # of G
    d_learning_rate: float = 5e-4
    average: float = 0.99
    beta1: float = 0.5
    batch_size: int = 16
    n_steps: int = 1_800

    def __post_init__(self) -> None:
        learning.check(
            self, latent_dim=(1, 1024), channels=(1, 256), held_above=(0, 1), d_learning_rate=(1e-9, 1),
            average=(0, 0.9999), batch_size=(2, 1024), n_steps=(1, 10**7),
        )  # fmt: skip
        if self.kinds not in KINDS:
            raise ValueError(f"kinds must be one of {', '.join(KINDS)}, got {self.kinds!r}")


def _norm(c: int, config: ThreeDGANConfig) -> list[nn.Module]:
    return [nn.BatchNorm3d(c)] if config.batch_norm else []


class Generator(nn.Module):
    """Codes (B, Z) -> the logit of every cell's occupancy (B, 32, 32, 32)."""

    def __init__(self, config: ThreeDGANConfig) -> None:
        super().__init__()
        c, bias = config.channels, not config.batch_norm
        self.start = nn.Sequential(
            nn.ConvTranspose3d(config.latent_dim, 4 * c, 4, bias=bias), *_norm(4 * c, config), nn.ReLU()
        )
        self.layers = nn.Sequential(
            nn.ConvTranspose3d(4 * c, 2 * c, 4, stride=2, padding=1, bias=bias), *_norm(2 * c, config), nn.ReLU(),
            nn.ConvTranspose3d(2 * c, c, 4, stride=2, padding=1, bias=bias), *_norm(c, config), nn.ReLU(),
        )  # fmt: skip
        self.out = nn.Conv3d(c, 8, 2, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z[:, :, None, None, None])  # (B, 4 C, 4, 4, 4)
        return blocks_to_cells(self.out(self.layers(h.contiguous(memory_format=torch.channels_last_3d))))


class Discriminator(nn.Module):
    """Occupancies (B, 32, 32, 32) in 0..1 -> the logit of "real" (B,). ``accuracy`` is that on the last batch."""

    accuracy: Tensor

    def __init__(self, config: ThreeDGANConfig) -> None:
        super().__init__()
        c, bias = config.channels, not config.batch_norm
        self.layers = nn.ModuleList(
            (
                nn.Sequential(nn.Conv3d(8, c, 2), nn.LeakyReLU(0.2)),
                nn.Sequential(
                    nn.Conv3d(c, 2 * c, 4, stride=2, padding=1, bias=bias), *_norm(2 * c, config), nn.LeakyReLU(0.2)
                ),
                nn.Sequential(
                    nn.Conv3d(2 * c, 4 * c, 4, stride=2, padding=1, bias=bias), *_norm(4 * c, config), nn.LeakyReLU(0.2)
                ),
            )
        )
        self.judge = nn.Conv3d(4 * c, 1, 4)
        self.register_buffer("accuracy", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.maps(x)[-1]).flatten()

    def maps(self, x: Tensor) -> list[Tensor]:
        """What each layer gives: (B, C, 16^3), (B, 2 C, 8^3), (B, 4 C, 4^3)."""
        h, maps = cells_to_blocks(x), []
        for layer in self.layers:
            maps.append(h := layer(h))
        return maps


def cells_to_blocks(x: Tensor) -> Tensor:
    """Cells (B, 32, 32, 32), with an empty one around, as 2^3 blocks of eight channels: (B, 8, 17, 17, 17).

    A convolution of kernel 2 over these is one of kernel 4 and stride 2 over the cells, in half the time on a CPU.
    """
    n = len(x)
    blocks = F.pad(x, (1,) * 6).reshape(n, 17, 2, 17, 2, 17, 2).permute(0, 2, 4, 6, 1, 3, 5).reshape(n, 8, 17, 17, 17)
    return blocks.contiguous(memory_format=torch.channels_last_3d)


def blocks_to_cells(blocks: Tensor) -> Tensor:
    """Back from (B, 8, 17, 17, 17) to (B, 32, 32, 32): of a convolution of kernel 2 and padding 1 it makes a transposed
    one of kernel 4 and stride 2.
    """
    n = len(blocks)
    cells = blocks.reshape(n, 2, 2, 2, 17, 17, 17).permute(0, 4, 1, 5, 2, 6, 3).reshape(n, 34, 34, 34)
    return cells[:, 1:-1, 1:-1, 1:-1]


class ThreeDGAN(learning.Learner):
    """Learns from solids; without data it makes them only."""

    name: ClassVar[str] = "3dgan"
    Config: ClassVar[type] = ThreeDGANConfig
    learns_from: ClassVar[type[Furniture]] = Furniture
    VARIANTS = VARIANTS

    def __init__(self, config: ThreeDGANConfig, *, data: Any = None, device: str = "auto") -> None:
        super().__init__(config, data=data, device=device)
        if self.data is not None:
            self.data.every = getattr(self.data, "every", self.data.train)  # of all kinds
            rows = of_kinds(self.data.every["label"], config.kinds)
            if not rows.any():
                raise ValueError(f"no solid is of the kinds {config.kinds!r}: choose others")
            self.data.train = {key: value[rows] for key, value in self.data.every.items()}

    def make(self) -> nn.Module:
        config = self.config
        return nn.ModuleDict({"G": Generator(config), "D": Discriminator(config), "mean": Generator(config)})

    def start(self, network: nn.Module) -> nn.Module:
        network["D"].accuracy.zero_()  # type: ignore[index]
        network["mean"].load_state_dict(network["G"].state_dict())  # type: ignore[index]
        return network

    def learning_rate_of(self, player: str) -> float:
        return self.config.d_learning_rate if player == "D" else self.config.learning_rate

    # -- learning --------------------------------------------------------------------------------------

    def learn(self, batch: Fields) -> dict[str, Tensor]:
        """A step of D, unless its accuracy on the last batch holds it back, then one of G, whose average follows."""
        G, D = self.learners["G"], self.learners["D"]
        x = batch["voxels"].float()
        if self.config.turned:
            x = solids.turned(x, self.shared(torch.randint(0, TURNS, (self.n_batch,), generator=self.rng)))
        made = G(self.shared(self.codes(self.n_batch, self.rng))).sigmoid()

        held = float(self.network["D"].accuracy) > self.config.held_above + 1e-6  # of rounding
        with torch.set_grad_enabled(not held):
            real, fake = D(x), D(made.detach())
            d_loss = F.softplus(-real).mean() + F.softplus(fake).mean()  # -log D(x) - log(1 - D(G(z)))
        right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
        if not held:
            self.descend(d_loss, "D")
        self.network["D"].accuracy.copy_(self.agreed(right.detach()))

        with self.held("D") as judge:
            g_loss = F.softplus(-judge(made)).mean()  # -log D(G(z))
        self.descend(g_loss, "G")
        now = self.network["G"].state_dict()
        for key, mean in self.network["mean"].state_dict().items():
            mean.lerp_(now[key], 1 - self.config.average) if mean.is_floating_point() else mean.copy_(now[key])
        return {"d_loss": d_loss, "g_loss": g_loss, "accuracy": right, "held": right.new_tensor(float(held)),
                "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}  # fmt: skip

    def agreed(self, right: Tensor) -> Tensor:
        """D's accuracy over all devices, so that all hold it back or none."""
        if self.world > 1:
            torch.distributed.all_reduce(right)
            right = right / self.world
        return right

    # -- the model -------------------------------------------------------------------------------------

    def codes(self, n: int, generator: torch.Generator) -> Tensor:
        """z: (n, Z), uniform in -1..1."""
        return 2 * torch.rand(n, self.config.latent_dim, generator=generator) - 1

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """Codes (N, Z) -> every cell's occupancy (N, 32, 32, 32) in 0..1."""
        codes = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        return torch.cat([self.network["mean"](part).sigmoid() for part in codes.split(32)])

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """``n`` solids: every cell's occupancy (n, 32, 32, 32) in 0..1."""
        return self.decode(self.codes(n, generator))

    @torch.no_grad()
    def features(self, x: Any) -> np.ndarray:
        """D's layers at solids (N, 32, 32, 32), each pooled to its largest in 4^3 places: (N, 7 C 64).

        D normalises by the solids at hand, as it did when it learned.
        """
        D = self.network["D"].train()
        before = {key: value.clone() for key, value in D.state_dict().items()}
        maps = D.maps(torch.as_tensor(x, device=self.device).float())
        D.load_state_dict(before)  # the running statistics stay as they were
        D.eval()
        return torch.cat([F.adaptive_max_pool3d(h, 4).flatten(1) for h in maps], dim=1).double().cpu().numpy()

    @torch.no_grad()
    def evaluate(self, test: Fields) -> dict[str, float]:
        """Measures of 256 made solids with 95 % intervals, beside test solids ("_true") and solids whose cells are
        each filled for themselves ("_floor"); test and training solids are those of the kinds learned from.

        ``filled``: cells filled at 1/2, and ``ratio``, that over the training solids'. ``one_piece``: the share in one
        piece. ``nearest``: the best IoU with a training solid in any turn. ``found``: for each test solid the best IoU
        with one of 256 made solids, with training solids ("_true"). ``energy``: the energy distance to the training
        solids in all turns, in their first 24 principal components. ``probe``: a linear classifier's accuracy
        over all classes on D's features, on an untrained D's
        ("_untrained") and on the cells themselves ("_cells"), ``gain`` the first less the last.
        """
        draw = learning.stream(self.config.seed, 2)
        made = (self.sample(MEASURED, generator=draw) >= FILLED).to(torch.uint8).cpu()
        own = of_kinds(test["label"], self.config.kinds)
        true = test["voxels"].cpu()[own.cpu()]
        result = {**self.shape_of("", made), **self.shape_of("_true", true)}
        if self.data is None:
            return result
        train = self.data.train["voxels"].cpu()
        floor = solids.by_cell(train, MEASURED, generator=draw)
        size = float(train.flatten(1).sum(dim=1).double().mean())
        result |= self.shape_of("_floor", floor)
        result |= named("ratio", made.flatten(1).sum(dim=1).double().numpy() / size)
        for key, some in (("", made), ("_floor", floor)):
            result |= named(f"nearest{key}", solids.overlap(some, train)[0])
            result |= named(f"found{key}", solids.overlap(true, some)[0])
        nearest = solids.overlap(true, train)[0]
        result |= {**named("nearest_true", nearest), **named("found_true", nearest)}

        mean, basis = solids.components(train, DIMENSIONS, generator=draw)
        seen = {"": made, "_floor": floor, "_true": every_way(true), "_whole": every_way(train)}
        rows = {key: ((solids.coarse(some) - mean) @ basis).double() for key, some in seen.items()}
        for key in ("", "_floor", "_true"):
            items = solids.energy(rows[key], rows["_whole"])
            result |= named(f"energy{key}", items.reshape(TURNS, -1).mean(axis=0) if key == "_true" else items)
        return result | self.probed(test)

    def shape_of(self, key: str, some: Tensor) -> dict[str, float]:
        filled = some.flatten(1).sum(dim=1).double().numpy()
        return {**named(f"filled{key}", filled), **named(f"one_piece{key}", solids.in_one_piece(some.numpy()))}

    def probed(self, test: Fields) -> dict[str, float]:
        said, true = self.verdicts(self.data.every, test), test["label"].cpu().numpy()
        right = {key: (rows == true).astype(float) for key, rows in said.items()}
        result = {f"probe{key and '_'}{key}": hits for key, hits in right.items()} | {
            "gain": right[""] - right["cells"]
        }
        most = np.bincount(self.data.every["label"].cpu().numpy()).argmax()
        values = {name: value for key, hits in result.items() for name, value in named(key, hits).items()}
        return {**values, "probe_chance": float((true == most).mean())}

    def verdicts(self, train: Fields, test: Fields) -> dict[str, np.ndarray]:
        """The class that linear classifiers, learned from all of ``train``, give each test solid (M,): on D's features,
        on those of an "untrained" D, and on the "cells" themselves.
        """
        labels, fresh = train["label"].cpu().numpy(), type(self)(self.config, device="cpu")
        views = {
            "": self.features,
            "untrained": fresh.features,
            "cells": lambda x: x.cpu().flatten(1).double().numpy(),
        }
        return {key: solids.probe(see(train["voxels"]), labels, see(test["voxels"])) for key, see in views.items()}

    # -- what a viewer sees ----------------------------------------------------------------------------

    @torch.no_grad()
    def frame(self) -> Frame:
        """``made``: solids from the same codes at every step, their cells at 1/2 as packed bits (6, 4096); ``filled``:
        how many cells of one are filled, and ``one_piece``, the share in one piece, means over 64 of them.
        """
        some = self.sample(64, generator=learning.stream(self.config.seed, 1)).cpu().numpy() >= FILLED
        packed = np.packbits(some[:SHOWN].reshape(SHOWN, -1), axis=1)
        scalars = {"filled": float(some.sum() / len(some)), "one_piece": float(solids.in_one_piece(some).mean())}
        return self.framed(scalars, made=packed)


def of_kinds(label: Tensor, kinds: str) -> Tensor:
    """Which rows are of the classes that ``kinds`` names: (N,) bool."""
    return torch.isin(label.long(), torch.tensor(KINDS[kinds], device=label.device))


def every_way(some: Tensor) -> Tensor:
    """Solids (N, 32, 32, 32) in all turns, one way after the other: (8 N, 32, 32, 32)."""
    return torch.cat([solids.turn(some, way) for way in range(TURNS)])


def unpacked(bits: np.ndarray) -> np.ndarray:
    """Packed bits (N, 4096) -> solids (N, 32, 32, 32) of 0 and 1."""
    return np.unpackbits(bits, axis=1).reshape(-1, SIDE, SIDE, SIDE)
