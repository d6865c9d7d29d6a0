"""The game in the plane: parts against whole rounds, frames against formulas, what may change and what diverges."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import data, devices
from engines.gans.gan2d import SPAN, Perceptron
from engines.gans.objectives import OBJECTIVES
from engines.maths.samples import cells, jensen_shannon
from engines.run import Run

RING = data.load("ring", n=2_000)
TINY = {"g_width": 8, "d_width": 8, "batch_size": 30, "device": "cpu"}


def game(**settings):
    return engines.create("gan2d", data=settings.pop("data", RING), **{**TINY, **settings})


def weights(engine):
    return torch.cat([p.detach().flatten() for net in (engine.G, engine.D) for p in net.parameters()])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_slow_motion_goes_where_whole_rounds_go_bit_for_bit(objective):
    fast, slow = (game(objective=objective, d_steps=2, slow=slow) for slow in (False, True))
    for _ in range(5):
        fast.step()
    said = []
    while slow.round < 5:
        slow.step()
        said.append(slow.frame().phase)
    assert torch.equal(weights(fast), weights(slow))
    d = ["noise", "generate", "score", "d-gradient", "d-step"]
    assert said[:13] == [*d, *d, "noise", "g-gradient", "g-step"]


def test_a_state_kept_in_the_middle_of_a_round_goes_on_exactly():
    straight, second = game(slow=True), game(slow=True, seed=5)
    for _ in range(12):
        straight.step()
    second.load_state_dict(straight.state_dict())
    for engine in (straight, second):
        for _ in range(7):
            engine.step()
    assert torch.equal(weights(straight), weights(second))


def test_one_player_may_learn_alone():
    for player, moves, stays in (("discriminator", "D", "G"), ("generator", "G", "D")):
        engine = game(play=player)
        before = {key: [p.detach().clone() for p in net.parameters()] for key, net in engine.networks.items()}
        for _ in range(3):
            engine.step()
        same = {
            key: all(torch.equal(a, b) for a, b in zip(before[key], net.parameters(), strict=True))
            for key, net in engine.networks.items()
        }
        assert not same[moves]
        assert same[stays]


def test_a_step_of_gradient_descent_is_the_one_written_out():
    """Linear networks, plain gradient descent, least squares: the generator's step by hand."""
    engine = game(objective="least-squares", optimizer="sgd", g_depth=0, d_depth=0, play="generator", slow=True)
    engine.step()
    z = engine.pending["z"].double()
    (w, b), (v, c) = ([p.detach().double().clone() for p in net.linear[0].parameters()] for net in (engine.G, engine.D))
    out = (z @ w.T + b) @ v[0] + c
    error = (out - 1)[:, None] / len(z)  # of (D - 1)^2 / 2, averaged
    engine.step()
    engine.step()
    rate = engine.config.g_learning_rate
    assert_close(engine.G.linear[0].weight.double(), w - rate * (v.T @ (error * z).sum(0)[None]), atol=1e-6, rtol=0)
    assert_close(engine.G.linear[0].bias.double(), b - rate * error.sum() * v[0], atol=1e-6, rtol=0)


def test_spectral_normalisation_nears_the_largest_singular_value():
    net = engines.learning.build(
        lambda: Perceptron(2, 1, depth=2, width=16, activation="relu"),
        generator=torch.Generator().manual_seed(0),
        device=torch.device("cpu"),
    )
    for i, layer in enumerate(net.linear):
        getattr(net, f"u{i}").copy_(torch.nn.functional.normalize(torch.ones(layer.out_features), dim=0))
    for _ in range(200):
        net.follow()
    for i in range(3):
        assert_close(torch.linalg.matrix_norm(net._normalised(i), 2).item(), 1.0, atol=1e-4, rtol=0)


def test_clipping_keeps_the_critic_in_its_box():
    engine = game(objective="wgan-clip", clip=0.03)
    for _ in range(5):
        engine.step()
    assert max(p.abs().max().item() for p in engine.D.parameters()) <= 0.03 + 1e-9


def test_a_frame_says_what_the_networks_say():
    engine = game()
    for _ in range(20):
        engine.step()
    frame = engine.frame()
    points = torch.tensor(frame.arrays["fake"])
    with torch.no_grad():
        assert_close(torch.tensor(frame.arrays["logit_fake"]), engine.D(points)[:, 0])
        at = torch.tensor([[(j + 0.5) / 40 * 2 * SPAN - SPAN, (i + 0.5) / 40 * 2 * SPAN - SPAN] for i, j in [(3, 7)]])
        assert_close(float(frame.arrays["field"][3, 7]), engine.D(at).item(), atol=1e-5, rtol=0)
    # The arrows: moving along one lowers the generator's loss of that point.
    pull = torch.tensor(frame.arrays["pull"])
    h = 1e-3 / pull.norm(dim=1, keepdim=True).clamp(min=1e-3)
    with torch.no_grad():
        gain = engine.D(points + h * pull)[:, 0] - engine.D(points)[:, 0]
    assert (gain > 0).float().mean() > 0.95
    real, fake = (torch.tensor(frame.arrays[key]) for key in ("logit_real", "logit_fake"))
    v = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    assert frame.scalars["value"] == pytest.approx(v.item(), abs=1e-5)


def test_the_measures_know_a_perfect_and_a_collapsed_generator():
    """Samples from the ring itself, and all of them in one place."""
    perfect = data.load("ring", n=10_000, seed=9).x
    shares = [cells(x, low=-SPAN, high=SPAN, n=24) for x in (data.load("ring", n=10_000).x, perfect)]
    assert jensen_shannon(*shares, n_p=10_000, n_q=10_000) < 0.01
    engine = game()
    with torch.no_grad():
        engine.G.linear[-1].weight.zero_()
        engine.G.linear[-1].bias.copy_(torch.tensor([3.0, 0.0]))
    scalars = engine.frame().scalars
    assert scalars["modes"] == 1
    assert 0.5 < scalars["js"] <= math.log(2)


def test_the_ring_is_covered_by_default_and_lost_when_g_learns_five_times_as_often():
    """One seed and few rounds of what `make bench` counts over ten."""
    ring = data.load("ring", n=10_000)
    default, collapse = (engines.create("gan2d", data=ring, seed=0, g_steps=steps) for steps in (1, 5))
    with devices.threads(1):
        for played, rounds in ((default, 1_500), (collapse, 1_000)):
            while played.round < rounds:
                played.step()
    assert default.frame().scalars["modes"] >= 7
    assert collapse.frame().scalars["modes"] <= 3


def test_what_may_change_while_it_runs_and_what_may_not():
    run = Run(game())
    for _ in range(3):
        run.step()
        run.wait(5)
    run.change(objective="wgan-gp", d_steps=3, g_learning_rate=1e-4, batch_size=50, play="generator", slow=True)
    run.step()
    assert run.wait(5).state == "paused"
    with pytest.raises(ValueError, match="start again to change"):
        run.change(g_width=16)


def test_a_rate_that_diverges_stops_with_a_sentence_and_can_be_rewound_and_forked():
    run = Run(game(d_learning_rate=1e30, g_learning_rate=1e30, optimizer="sgd", objective="wgan-gp"))
    run.play()
    status = run.wait(10)
    assert status.state == "failed"
    assert "lower" in status.message
    assert "\n" not in status.message
    fork = run.fork(0, d_learning_rate=1e-3, g_learning_rate=1e-3)
    fork.step()
    assert fork.wait(5).state == "paused"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objective": "best"}, "objective 'best' is not known; choose one of minimax"),
        ({"noise_dim": 3}, "noise_dim must be from 1 to 2, got 3"),
        ({"g_width": 500}, "g_width must be from 2 to 128, got 500"),
        ({"d_learning_rate": math.nan}, "d_learning_rate must be above zero"),
        ({"data": np.zeros((0, 2))}, "draw at least one"),
        ({"data": np.full((3, 2), 1e9)}, "within 1,000 of zero"),
        ({"data": None}, "create it with data=points"),
    ],
)
def test_bad_input_is_one_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        game(**settings)


def test_one_point_is_enough():
    engine = game(data=np.array([[1.0, 1.0]]))
    for _ in range(3):
        engine.step()
    assert np.isfinite(engine.frame().arrays["fake"]).all()
