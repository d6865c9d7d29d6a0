"""Every objective against a formula written out anew and its derivative by hand, in float64."""

import math

import pytest
import torch
from torch.testing import assert_close

import engines
from engines.gans import objectives
from engines.gans.objectives import OBJECTIVES, discriminator_loss, generator_loss, gradient_penalty, r1_penalty, value

REAL = torch.tensor([-2.0, -0.3, 0.4, 1.7, 3.1], dtype=torch.float64)
FAKE = torch.tensor([-1.5, 0.2, 0.9], dtype=torch.float64)


def sigma(a):
    return 1 / (1 + torch.exp(-a))


ZERO, ONE = torch.zeros_like, torch.ones_like
# name -> D's loss of a real logit, of a fake one, G's loss, and the derivative of each
LOGISTIC_D = (lambda r: -torch.log(sigma(r)), lambda f: -torch.log(1 - sigma(f)))
LOGISTIC_SLOPES = (lambda r: sigma(r) - 1, sigma)
SATURATING = (lambda f: torch.log(1 - sigma(f)), lambda f: -sigma(f))
NON_SATURATING = (lambda f: -torch.log(sigma(f)), lambda f: sigma(f) - 1)
CRITIC = ((lambda r: -r, lambda f: f), (lambda r: -ONE(r), ONE))
MINUS = (lambda f: -f, lambda f: -ONE(f))
WRITTEN_OUT = {
    "minimax": (LOGISTIC_D, LOGISTIC_SLOPES, SATURATING),
    "non-saturating": (LOGISTIC_D, LOGISTIC_SLOPES, NON_SATURATING),
    "r1": (LOGISTIC_D, LOGISTIC_SLOPES, NON_SATURATING),
    "spectral": (LOGISTIC_D, LOGISTIC_SLOPES, NON_SATURATING),
    "least-squares": (
        (lambda r: (r - 1) ** 2 / 2, lambda f: f**2 / 2),
        (lambda r: r - 1, lambda f: f),
        (lambda f: (f - 1) ** 2 / 2, lambda f: f - 1),
    ),
    "hinge": (
        (lambda r: torch.where(r < 1, 1 - r, ZERO(r)), lambda f: torch.where(f > -1, 1 + f, ZERO(f))),
        (lambda r: torch.where(r < 1, -ONE(r), ZERO(r)), lambda f: torch.where(f > -1, ONE(f), ZERO(f))),
        MINUS,
    ),
    "wgan-clip": (*CRITIC, MINUS),
    "wgan-gp": (*CRITIC, MINUS),
}


def test_every_objective_is_written_out_here():
    assert set(WRITTEN_OUT) == set(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_values_and_gradients_equal_the_written_out_formula(name):
    (d_real, d_fake), (slope_real, slope_fake), (g, g_slope) = WRITTEN_OUT[name]
    real, fake = REAL.clone().requires_grad_(True), FAKE.clone().requires_grad_(True)
    loss = discriminator_loss(name, logit_real=real, logit_fake=fake)
    assert_close(loss, d_real(REAL).mean() + d_fake(FAKE).mean(), atol=1e-6, rtol=0)
    by_real, by_fake = torch.autograd.grad(loss, (real, fake))
    assert_close(by_real, slope_real(REAL) / 5, atol=1e-6, rtol=0)
    assert_close(by_fake, slope_fake(FAKE) / 3, atol=1e-6, rtol=0)
    loss = generator_loss(name, logit_fake=fake)
    assert_close(loss, g(FAKE).mean(), atol=1e-6, rtol=0)
    assert_close(torch.autograd.grad(loss, fake)[0], g_slope(FAKE) / 3, atol=1e-6, rtol=0)


def test_the_value_is_minus_log_four_where_the_discriminator_cannot_tell():
    nothing = torch.zeros(7, dtype=torch.float64)
    assert_close(value(logit_real=nothing, logit_fake=nothing).item(), -math.log(4), atol=1e-12, rtol=0)
    assert_close(discriminator_loss("minimax", logit_real=nothing, logit_fake=nothing).item(), math.log(4))


def quadratic(x):
    """D(x) = x^T A x / 2 with gradient A x, for a symmetric A."""
    return (x @ A * x).sum(dim=1, keepdim=True) / 2


A = torch.tensor([[1.5, 0.4], [0.4, -0.7]], dtype=torch.float64)


def test_penalties_use_the_gradient_at_the_right_points():
    generator = torch.Generator().manual_seed(0)
    x_real, x_fake = torch.randn(2, 6, 2, generator=generator, dtype=torch.float64)
    mix = torch.rand(6, 1, generator=generator, dtype=torch.float64)
    between = mix * x_real + (1 - mix) * x_fake
    by_hand = ((torch.sqrt((between @ A).square().sum(dim=1)) - 1) ** 2).mean()
    assert_close(gradient_penalty(quadratic, x_real=x_real, x_fake=x_fake, mix=mix), by_hand, atol=1e-6, rtol=0)
    assert_close(r1_penalty(quadratic, x_real=x_real), (x_real @ A).square().sum(dim=1).mean() / 2, atol=1e-6, rtol=0)


def test_the_penalties_gradients_by_the_weights_equal_finite_differences():
    """Derived anew: a critic tanh(x W) v has the gradient W ((1 - tanh^2) * v); its penalty's slope by differences."""
    generator = torch.Generator().manual_seed(1)
    w = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    v = torch.randn(4, generator=generator, dtype=torch.float64)
    x_real, x_fake = torch.randn(2, 5, 2, generator=generator, dtype=torch.float64)
    mix = torch.rand(5, 1, generator=generator, dtype=torch.float64)

    def by_hand(kind, weights):
        at = x_real if kind == "r1" else mix * x_real + (1 - mix) * x_fake
        gradient = ((1 - torch.tanh(at @ weights) ** 2) * v) @ weights.T
        size = gradient.square().sum(dim=1)
        return size.mean() / 2 if kind == "r1" else ((size.sqrt() - 1) ** 2).mean()

    for kind in ("r1", "gp"):
        held = w.clone().requires_grad_(True)

        def critic(x, held=held):
            return torch.tanh(x @ held) @ v[:, None]

        if kind == "r1":
            ours = objectives.r1_penalty(critic, x_real=x_real)
        else:
            ours = objectives.gradient_penalty(critic, x_real=x_real, x_fake=x_fake, mix=mix)
        (slope,) = torch.autograd.grad(ours, held)
        h = 1e-6
        for i in range(2):
            for j in range(4):
                step = torch.zeros_like(w)
                step[i, j] = h
                expected = (by_hand(kind, w + step) - by_hand(kind, w - step)) / (2 * h)
                assert_close(slope[i, j], expected, atol=1e-6, rtol=1e-6)


# -- the engine's losses, in float64 --------------------------------------------------------------------------------


def layers_of(net):
    """Weights and biases as leaves of their own."""
    return [tuple(p.detach().clone().requires_grad_(True) for p in (layer.weight, layer.bias)) for layer in net.linear]


def run_through(layers, x, us=None):
    """tanh between linear layers; with ``us`` every weight is divided by u^T W v, v = W^T u / |W^T u| held fixed."""
    for i, (w, b) in enumerate(layers):
        if us is not None:
            v = (w.T @ us[i]).detach()
            w = w / (us[i] @ w @ (v / v.norm()))
        x = (torch.tanh(x) if i else x) @ w.T + b
    return x[:, 0] if x.shape[1] == 1 else x


def slope_at(layers, x):
    """The critic's gradient by its input, by the chain rule: for tanh between layers."""
    (w1, b1), (w2, b2), (w3, _) = layers
    a1 = x @ w1.T + b1
    a2 = torch.tanh(a1) @ w2.T + b2
    return (((1 - torch.tanh(a2) ** 2) * w3) @ w2 * (1 - torch.tanh(a1) ** 2)) @ w1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_games_losses_and_gradients_with_penalties_equal_the_written_out_ones(name):
    """Both players' whole losses as the engine takes them, and their gradients by every weight."""
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(3)).numpy()
    sizes = {"activation": "tanh", "g_width": 5, "d_width": 6}
    engine = engines.create("gan2d", data=points, objective=name, penalty=0.7, device="cpu", **sizes)
    engine.G.double(), engine.D.double()
    generator = torch.Generator().manual_seed(4)
    x_real, x_fake, z = torch.randn(3, 9, 2, generator=generator, dtype=torch.float64)
    mix = torch.rand(9, 1, generator=generator, dtype=torch.float64)
    d, g = layers_of(engine.D), layers_of(engine.G)
    us = [getattr(engine.D, f"u{i}") for i in range(3)] if name == "spectral" else None
    (d_real, d_fake), _, (g_fake, _) = WRITTEN_OUT[name]

    expected = d_real(run_through(d, x_real, us)).mean() + d_fake(run_through(d, x_fake, us)).mean()
    if name == "wgan-gp":
        size = slope_at(d, mix * x_real + (1 - mix) * x_fake).square().sum(dim=1).sqrt()
        expected = expected + 0.7 * ((size - 1) ** 2).mean()
    if name == "r1":
        expected = expected + 0.7 / 2 * slope_at(d, x_real).square().sum(dim=1).mean()
    asked = g_fake(run_through(d, run_through(g, z), us)).mean()
    for ours, theirs, net, leaves in (
        (engine.d_loss(x_real, x_fake, mix), expected, engine.D, d),
        (engine.g_loss(z), asked, engine.G, g),
    ):
        assert_close(ours, theirs, atol=1e-6, rtol=0)
        leaves = [leaf for pair in leaves for leaf in pair]
        slopes = torch.autograd.grad(theirs, leaves)
        found = torch.autograd.grad(ours, list(net.parameters()))
        for a, b in zip(found, slopes, strict=True):
            assert_close(a, b, atol=1e-6, rtol=0)
