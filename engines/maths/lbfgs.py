r"""L-BFGS for many problems at once, each with a memory and a step length of its own (Liu & Nocedal 1989).

A visible step is one iteration: the direction by the two-loop recursion over the last ``memory`` pairs s, y, then a
length by backtracking, halved until f has fallen enough (Armijo's condition). No problem's path depends on the others'.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ENOUGH = 1e-4  # of the fall that the gradient promises
N_TRIALS = 8  # lengths that are tried: 1, 1/2, .. 1/128
Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # points and which rows they are of -> values, gradients


class LBFGS:
    """The state of the search from ``x`` (B, N) for the minimum of ``objective``: values (R,) and gradients (R, N) of
    points (R, N) of the problems ``rows`` (R,).
    """

    def __init__(self, objective: Objective, x: Tensor, *, memory: int = 10) -> None:
        self.objective, self.x = objective, x.clone()
        self.value, self.gradient = objective(self.x, torch.arange(len(x), device=x.device))
        self.s, self.y = (x.new_zeros(memory, *x.shape) for _ in range(2))  # the newest pair last; 0 where none is

    def direction(self) -> Tensor:
        r"""-H g, H the inverse Hessian that the pairs describe: (B, N)."""
        curvature = (self.s * self.y).sum(dim=2)  # (M, B)
        weight = torch.where(curvature > 0, 1 / curvature.clamp(min=1e-30), torch.zeros_like(curvature))
        q, alphas = self.gradient.clone(), []
        for s, y, w in zip(self.s.flip(0), self.y.flip(0), weight.flip(0), strict=True):
            alphas.append(alpha := w * (s * q).sum(dim=1))
            q -= alpha[:, None] * y
        length = self.y[-1].square().sum(dim=1)
        first = 1 / self.gradient.norm(dim=1).clamp(min=1)
        q *= torch.where(length > 0, curvature[-1] / length.clamp(min=1e-30), first)[:, None]
        for s, y, w, alpha in zip(self.s, self.y, weight, reversed(alphas), strict=True):
            q += (alpha - w * (y * q).sum(dim=1))[:, None] * s
        return -q

    def step(self) -> None:
        """One iteration of every problem; where no length lowers f, the point stays and the pairs are forgotten."""
        way = self.direction()
        slope = (way * self.gradient).sum(dim=1)
        rows = torch.arange(len(self.x), device=self.x.device)
        x, value, gradient = self.x.clone(), self.value.clone(), self.gradient.clone()
        for trial in range(N_TRIALS):
            tried = self.x[rows] + 0.5**trial * way[rows]
            found, slopes = self.objective(tried, rows)
            good = found <= self.value[rows] + ENOUGH * 0.5**trial * slope[rows]
            x[rows[good]], value[rows[good]], gradient[rows[good]] = tried[good], found[good], slopes[good]
            rows = rows[~good]
            if len(rows) == 0:
                break
        s, y = x - self.x, gradient - self.gradient
        kept = ((s * y).sum(dim=1) > 1e-10 * y.square().sum(dim=1))[:, None]
        moved = torch.cat([self.s[1:], s[None]]), torch.cat([self.y[1:], y[None]])
        self.s, self.y = (torch.where(kept, new, old) for new, old in zip(moved, (self.s, self.y), strict=True))
        self.s[:, rows], self.y[:, rows] = 0, 0
        self.x, self.value, self.gradient = x, value, gradient
