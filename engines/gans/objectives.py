r"""What the two players of a GAN minimise: eight objectives as pure functions of the discriminator's output.

A logit is the discriminator's output before the sigmoid, D = sigma(logit), higher = more real; a Wasserstein critic
and the least-squares discriminator use the number itself. softplus(a) = log(1 + e^a) = -log sigma(-a).

    minimax          D: -log D(x) - log(1 - D(G(z)))    G: log(1 - D(G(z)))      Goodfellow et al. 2014, eq. 1
    non-saturating   D: the same                        G: -log D(G(z))          2014, section 3
    least-squares    D: (D(x)-1)^2/2 + D(G(z))^2/2      G: (D(G(z))-1)^2/2       Mao et al. 2017, eq. 2, a=0, b=c=1
    hinge            D: [1-D(x)]_+ + [1+D(G(z))]_+      G: -D(G(z))              Miyato et al. 2018, eq. 16, 17
    wgan-clip        D: D(G(z)) - D(x)                  G: -D(G(z))              Arjovsky et al. 2017, weights clipped
    wgan-gp          the same, + lambda (|grad D(x^)| - 1)^2                     Gulrajani et al. 2017, eq. 3
    r1               non-saturating, + gamma/2 |grad D(x)|^2                     Mescheder et al. 2018, eq. 9
    spectral         non-saturating, every weight of D divided by its largest singular value    Miyato et al. 2018
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

OBJECTIVES = ("minimax", "non-saturating", "least-squares", "hinge", "wgan-clip", "wgan-gp", "r1", "spectral")
LOGISTIC = ("minimax", "non-saturating", "r1", "spectral")  # those whose D is a probability


def discriminator_loss(objective: str, *, logit_real: Tensor, logit_fake: Tensor) -> Tensor:
    """What the discriminator minimises, without penalties: logits (B,) and (B',) -> (), each batch's mean."""
    if objective in LOGISTIC:
        return F.softplus(-logit_real).mean() + F.softplus(logit_fake).mean()
    if objective == "least-squares":
        return (logit_real - 1).square().mean() / 2 + logit_fake.square().mean() / 2
    if objective == "hinge":
        return (1 - logit_real).relu().mean() + (1 + logit_fake).relu().mean()
    return logit_fake.mean() - logit_real.mean()


def generator_loss(objective: str, *, logit_fake: Tensor) -> Tensor:
    """What the generator minimises: logits of its samples (B,) -> ()."""
    if objective == "minimax":
        return -F.softplus(logit_fake).mean()  # log(1 - D)
    if objective in LOGISTIC:
        return F.softplus(-logit_fake).mean()
    if objective == "least-squares":
        return (logit_fake - 1).square().mean() / 2
    return -logit_fake.mean()


def value(*, logit_real: Tensor, logit_fake: Tensor) -> Tensor:
    r"""V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))] in nats: (B,), (B',) -> (); -log 4 where D is 1/2 everywhere."""
    return -F.softplus(-logit_real).mean() - F.softplus(logit_fake).mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], *, x_real: Tensor, x_fake: Tensor, mix: Tensor) -> Tensor:
    r"""E[(|\nabla D(\hat x)| - 1)^2] at \hat x = \epsilon x + (1 - \epsilon) G(z): x (B, D), \epsilon (B, 1) -> ()."""
    x = (mix * x_real + (1 - mix) * x_fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.norm(dim=1) - 1).square().mean()


def r1_penalty(critic: Callable[[Tensor], Tensor], *, x_real: Tensor) -> Tensor:
    r"""E[|\nabla D(x)|^2] / 2 at real points: (B, D) -> ()."""
    x = x_real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.square().sum(dim=1).mean() / 2
