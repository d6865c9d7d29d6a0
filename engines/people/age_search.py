r"""The search for a face's code: z* = argmin_z |FR(x) - FR(G(z, y))|^2 or argmin_z |x - G(z, y)|^2, from z_0 = E(x).

By L-BFGS with backtracking, as Antipov et al. 2017 (arXiv:1702.01983) search; a visible step is one iteration for all
faces, each of which has its own path. `age_cgan` says what G, E and FR are.

    f(z) = \sum_l m_l |FR_l(x) - FR_l(G(z, y))|^2  +  w mean|x - G(z, y)|^2  +  p mean z^2

With the aim "identity" FR_l are the features of length 1 of FR, seen from ``n_views`` places; w is 0 as in the paper
unless set, and p pulls z to where faces lie. With the aim "pixels" only the second term is left, with w = 1, and p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from engines import checks, learning
from engines.engine import Engine, Frame
from engines.maths.lbfgs import LBFGS
from engines.people.age_cgan import AgeCGAN, judge
from engines.people.ages import levels, pixels

if TYPE_CHECKING:
    from engines.people.age_judge import AgeJudge

VIEWS = ((0, 0), (-1, 1), (1, -1), (-1, -1), (1, 1))  # pixels down and right that FR's view is moved by


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeSearchConfig:
    aim: str = "identity"  # or "pixels"
    start: str = "encoder"  # at E(x), or "zero"
    pixels: float = 0.0  # w, with the aim "identity"
    prior: float = 0.0  # p
    maps: float = 0.0  # weight of FR's last maps beside its features
    n_views: int = 1
    memory: int = 10
    n_steps: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        checks.known(self, aim=("identity", "pixels"), start=("encoder", "zero"))
        checks.within(self, pixels=(0, 1000), prior=(0, 1000), maps=(0, 1000), memory=(1, 100))
        checks.within(self, n_steps=(1, 10_000), n_views=(1, len(VIEWS)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What a search is about: a trained AgeCGAN, pictures (B, 3, 48, 48) in -1..1 and their ages, places in AGES; and
    FR where it is another than the one that ships.
    """

    gan: AgeCGAN
    x: Tensor
    age: Tensor
    fr: AgeJudge | None = None


class AgeSearch(Engine):
    """The codes of faces; each step is one iteration of L-BFGS."""

    name: ClassVar[str] = "age_search"
    Config: ClassVar[type] = AgeSearchConfig
    n_threads: ClassVar[int | None] = 1

    def __init__(self, config: AgeSearchConfig, *, data: Query, device: str = "auto") -> None:  # noqa: ARG002
        self.config, self.data, self.device = config, data, data.gan.device
        self.gan, self.x, self.iteration = data.gan, data.x, 0
        self.y, self.fr = self.gan.said(data.age), (data.fr or judge("", str(self.device))).network
        with torch.no_grad():
            self.known = self.seen(self.x)
            self.first = self.gan.network["E"](self.x) * float(config.start == "encoder")
        self.search = LBFGS(self.objective, self.first, memory=config.memory)

    @classmethod
    def of(cls, gan: AgeCGAN, images: Any, age: Any, **settings: Any) -> AgeSearch:
        """The search for pictures (B, 48, 48, 3), bytes or 0..1, of ages (B,), before its first step."""
        query = Query(gan=gan, x=pixels(images, gan.device), age=torch.as_tensor(age, device=gan.device))
        return cls(AgeSearchConfig(**settings), data=query)

    def seen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """FR's features of length 1 (B, V, F), and its maps (B, V, ...) with a mean square of 1."""
        views = torch.cat([torch.roll(x, move, dims=(2, 3)) for move in VIEWS[: self.config.n_views]])
        maps, features = self.fr(views)
        maps = maps / (maps.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-6).sqrt()
        both = (F.normalize(features), maps)
        return tuple(v.reshape(self.config.n_views, len(x), -1).transpose(0, 1) for v in both)  # type: ignore[return-value]

    def terms(self, z: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """|FR(x) - FR(G)|^2, the mean square over FR's maps, and over the pixels: (R,) each."""
        made = self.gan.network["G"](z, self.y[rows])
        away = (made - self.x[rows]).square().mean(dim=(1, 2, 3))
        features, maps = (a - b[rows] for a, b in zip(self.seen(made), self.known, strict=True))
        return features.square().sum(dim=2).mean(dim=1), maps.square().mean(dim=(1, 2)), away

    def objective(self, z: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """f and its gradient: codes (R, Z) of the faces ``rows`` -> (R,) and (R, Z)."""
        config = self.config
        z = z.detach().requires_grad_()
        if config.aim == "pixels":
            value = (self.gan.network["G"](z, self.y[rows]) - self.x[rows]).square().mean(dim=(1, 2, 3))
        else:
            features, maps, away = self.terms(z, rows)
            value = features + config.maps * maps + config.pixels * away
        value = value + config.prior * z.square().mean(dim=1)
        (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient

    @property
    def goal(self) -> str:
        """What is minimised, in a word."""
        c = self.config
        return f"{c.aim} {c.pixels:g} {c.prior:g} {c.maps:g} {c.n_views}"

    @property
    def z(self) -> Tensor:
        return self.search.x

    def step(self) -> None:
        self.search.step()
        self.iteration += 1
        if not torch.isfinite(self.z).all():
            raise FloatingPointError(f"a code is not finite after step {self.iteration}")

    def run(self) -> Tensor:
        """All steps; the codes (B, Z)."""
        while not self.done:
            self.step()
        return self.z

    @property
    def done(self) -> bool:
        return self.iteration >= self.config.n_steps

    @torch.no_grad()
    def frame(self) -> Frame:
        """``x`` and ``made`` (B, 48, 48, 3) bytes, ``z`` (B, Z); of the first face the distances, |z| and f."""
        features, maps, away = (float(v[0]) for v in self.terms(self.z, torch.arange(len(self.z))))
        made = self.gan.face(self.z, self.data.age)
        arrays = {key: learning.to_bytes(v).cpu().numpy() for key, v in (("x", levels(self.x)), ("made", made))}
        scalars = {"identity": features, "maps": maps, "pixels": away, "objective": float(self.search.value[0]),
                   "length": float(self.z[0].norm())}  # fmt: skip
        return Frame(step=self.iteration, scalars=scalars, arrays={**arrays, "z": self.z.cpu().numpy()})

    def state_dict(self) -> dict[str, Any]:
        s = self.search
        kept = {"x": s.x, "value": s.value, "gradient": s.gradient, "s": s.s, "y": s.y}
        return {"iteration": self.iteration, "goal": self.goal, **{key: value.clone() for key, value in kept.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key in ("x", "value", "gradient", "s", "y"):
            if state[key].shape != getattr(self.search, key).shape:
                shape = tuple(getattr(self.search, key).shape)
                raise ValueError(f"{key} has shape {tuple(state[key].shape)}, this search has {shape}")
            setattr(self.search, key, state[key].to(self.device).clone())
        self.iteration = int(state["iteration"])
        if state["goal"] != self.goal:  # what is minimised has changed since: so have values, slopes and curvature
            s = self.search
            s.value, s.gradient = self.objective(s.x, torch.arange(len(s.x), device=self.device))
            s.s.zero_()
            s.y.zero_()
