"""Perceptual GAN against losses written out in float64, its two phases, what stays as it is, and its measures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from engines import learning
from engines.making import perceptual_gan as pg
from engines.making.perceptual_gan import LARGE, VARIANTS, NearAndFar, PerceptualGAN, PerceptualGANConfig

N = 24


def rows(n: int = N, *, mirrored: bool = True, seed: int = 0) -> dict[str, torch.Tensor]:
    """Features of noise, as the base's are laid out."""
    draw = torch.Generator().manual_seed(seed)
    view = (2,) if mirrored else ()
    large, small = (torch.randn(n, *view, *pg.POOLED, generator=draw) for _ in range(2))
    found = {"large": 2 * large + 1, "small": small, "early": torch.randn(n, *view, *pg.EARLY, generator=draw)}
    return {**found, "label": torch.arange(n) % pg.CLASSES}


def held_out(n: int = N) -> dict[str, torch.Tensor]:
    found = rows(n, mirrored=False, seed=1)
    return {**found, "early_large": found["early"].flip(0), "sticker": torch.arange(n) // 2}


def tiny(**settings) -> PerceptualGAN:
    config = {"channels": 2, "blocks": 1, "batch_size": 6, "perception_steps": 2, "n_steps": 5, **settings}
    return PerceptualGAN(PerceptualGANConfig(**config), data=NearAndFar(rows(), held_out()), device="cpu")


def in_float64(**settings):
    """An engine past P's phase, and a batch: large and small features in standard units, f, the classes."""
    engine = tiny(**settings)
    torch.nn.init.normal_(engine.network["G"].layers[-1].weight, generator=learning.stream(0, 5))
    engine.network.double().train()
    batch = engine.data.batch(0, 6, 0)
    P = engine.network["P"]
    large, small = ((batch[key].double() - P.mean) / P.deviation for key in ("large", "small"))
    return engine, large, small, batch["early"].double(), batch["label_small"]


def perceived(P, x):
    """P's cross-entropy terms by its own weights: log-probabilities (B, 18)."""
    h = torch.clamp(x.flatten(1) @ P.first.weight.T + P.first.bias, min=0)
    logits = h @ P.second.weight.T + P.second.bias
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


def test_gs_loss_and_gradient_are_the_written_out_ones():
    engine, _, small, early, label = in_float64(adversarial_weight=0.7, perception_weight=1.3)
    G, D, P = (engine.network[key] for key in "GDP")
    loss, _ = engine.loss_of_g(small + G(early), label)
    raised = small + G(early)
    adversarial = -torch.log(torch.sigmoid(D(raised))).mean()
    perception = -perceived(P, raised)[torch.arange(6), label].mean()
    expected = 0.7 * adversarial + 1.3 * perception
    assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    for a, b in zip(*(torch.autograd.grad(one, list(G.parameters())) for one in (loss, expected)), strict=True):
        assert_close(a, b, atol=1e-12, rtol=1e-9)


def test_a_step_is_adams_on_both_games_and_leaves_p_where_it_was():
    ours, theirs = tiny(), tiny()
    ours.iteration = 2
    G, D, P = (theirs.network[key].train() for key in "GDP")
    batch = theirs.data.batch(2, 6, 0)
    large, small = theirs.standard(batch["large"]), theirs.standard(batch["small"])
    adams = {key: torch.optim.Adam(theirs.network[key].parameters(), lr=5e-4, betas=(0.5, 0.999)) for key in "GD"}
    raised = small + G(batch["early"])
    d_loss = -torch.log(torch.sigmoid(D(large))).mean() - torch.log(1 - torch.sigmoid(D(raised.detach()))).mean()
    d_loss.backward()
    adams["D"].step()
    g_loss = -torch.log(torch.sigmoid(D(raised))).mean() + F.cross_entropy(P(raised), batch["label_small"])
    adams["G"].zero_grad()
    g_loss.backward()
    adams["G"].step()
    ours.step()
    assert ours.running["d_loss"] == pytest.approx(float(d_loss.detach()), rel=1e-5)
    for key in "GDP":
        for (name, a), b in zip(ours.network[key].named_parameters(), theirs.network[key].parameters(), strict=True):
            near = (a - b).abs() < 2e-6 + 1e-5 * b.abs()
            assert near.double().mean() > 0.999, name  # Adam's first step is a sign: rounding turns some about 0


def test_first_p_learns_alone_and_then_it_is_held():
    engine = tiny()
    states = [engine.state_dict()]
    while not engine.done:
        engine.step()
        states.append(engine.state_dict())

    def moved(i: int, player: str) -> bool:
        keys = [key for key in states[0] if key.startswith(f"network.{player}.") and key.endswith(("weight", "bias"))]
        return any(not torch.equal(states[i][key], states[i + 1][key]) for key in keys)

    assert [[moved(i, player) for player in "PDG"] for i in range(4)] == [[True, False, False]] * 2 + [
        [False, True, True]
    ] * 2
    learns = tiny(**VARIANTS["perception-learns"])
    for _ in range(2):
        learns.step()
    before = learns.network["P"].first.weight.clone()
    learns.step()
    assert not torch.equal(before, learns.network["P"].first.weight)


def test_g_starts_at_nothing_and_never_touches_a_large_object():
    engine, test = tiny(), held_out()
    assert torch.equal(engine.raised(test["early"], test["small"]), engine.standard(test["small"]))
    torch.nn.init.normal_(engine.network["G"].layers[-1].weight, generator=learning.stream(0, 5))
    px = torch.tensor([10, LARGE - 1, LARGE, 40] * (N // 4))
    change = (
        (engine.raised(test["early"], test["large"], px) - engine.standard(test["large"])).abs().amax(dim=(1, 2, 3))
    )
    assert torch.equal(change > 0, px < LARGE)
    own = engine.residual(test["early"], test["small"])
    assert not torch.equal(own, engine.residual(test["early"].flip(0), test["small"]))  # it is made from f
    assert torch.equal(own, engine.residual(test["early"], test["large"]))  # and from nothing else
    pooled = tiny(source="pooled")
    torch.nn.init.normal_(pooled.network["G"].layers[-1].weight, generator=learning.stream(0, 5))
    own = pooled.residual(test["early"], test["small"])
    assert torch.equal(own, pooled.residual(test["early"].flip(0), test["small"]))


def test_features_are_in_the_units_of_large_training_objects():
    engine = tiny()
    standard = engine.standard(engine.data.train["large"].flatten(0, 1))
    assert_close(standard.mean(dim=(0, 2, 3)), torch.zeros(112), atol=1e-5, rtol=0)
    assert_close(standard.std(dim=(0, 2, 3)), torch.ones(112), atol=1e-5, rtol=0)
    kept = PerceptualGAN(engine.config, device="cpu")
    kept.load_state_dict(engine.state_dict())
    assert torch.equal(kept.network["P"].mean, engine.network["P"].mean)


def test_a_batch_holds_no_pairs():
    data = NearAndFar(rows(), held_out())
    batch = data.batch(3, 12, 0)
    near = [int((batch["large"][i] == data.train["large"]).flatten(2).all(dim=2).nonzero()[0, 0]) for i in range(12)]
    far = [int((batch["small"][i] == data.train["small"]).flatten(2).all(dim=2).nonzero()[0, 0]) for i in range(12)]
    assert near != far
    assert torch.equal(batch["label"], data.train["label"][near])
    assert torch.equal(batch["label_small"], data.train["label"][far])
    assert all(torch.equal(batch["early"][i], e) or torch.equal(batch["early"][i], m)
               for i, (e, m) in enumerate(data.train["early"][far]))  # fmt: skip


def test_evaluation_has_its_scale_and_chance_is_chance():
    n = 360
    engine = tiny()
    found = held_out(n)
    metrics = engine.evaluate({**found, "small": found["large"].clone()})
    assert metrics["small"] == metrics["large"] == metrics["raised"]
    assert metrics["gain"] == metrics["off"] == 0
    assert metrics["large"] == pytest.approx(metrics["chance"], abs=0.06)
    metrics = engine.evaluate(found)
    assert metrics["off"] == pytest.approx(1 + 1 / 4 + 1 / 4, rel=0.05)  # N(1, 2^2) and N(0, 1) in units of the first
    for key in ("large", "small", "raised", "gain", "off"):
        assert metrics[f"{key}_low"] <= metrics[key] <= metrics[f"{key}_high"], key


def test_intervals_are_over_drawings():
    """Ten objects of one drawing are one item: all right or all wrong, so the interval is that of four throws."""
    right, drawing = np.repeat([1.0, 0.0, 1.0, 0.0], 10), np.repeat(np.arange(4), 10)
    found = pg.over_drawings("x", right, drawing)
    assert found == {"x": 0.5, "x_low": 0.0, "x_high": 1.0}


def test_far_away_is_averaged():
    images = np.full((2, 48, 48, 3), 100, dtype=np.uint8)
    images[:, :24] = 200
    assert pg.shrunk(images, 40).shape == (2, 48, 48, 3)
    assert np.array_equal(pg.shrunk(images, 37), images)
    far = pg.shrunk(images, 9).astype(float)  # 12 pixels, each of 16
    assert far.shape == (2, 12, 12, 3)
    assert far[:, :6].mean() == pytest.approx(200, abs=1)
    assert far[:, 6:].mean() == pytest.approx(100, abs=1)
    assert far[:, :6].std() == pytest.approx(4, rel=0.2)


def test_dropout_is_drawn_from_the_engines_own_generator():
    state = torch.random.get_rng_state()
    one, two = tiny(), tiny()
    torch.manual_seed(5)
    one.step()
    torch.manual_seed(6)
    two.step()
    torch.random.set_rng_state(state)
    assert torch.equal(one.network["P"].first.weight, two.network["P"].first.weight)
    one.n_batch = 400
    mask, _ = one.dropout()
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    assert float(mask.mean()) == pytest.approx(1, abs=0.01)


def test_the_base_sees_crops_of_any_side():
    crops = np.random.default_rng(0).integers(0, 256, (2, 14, 14, 3), dtype=np.uint8)
    early, pooled = pg.look(crops)
    assert early.shape == (2, *pg.EARLY)
    assert pooled.shape == (2, *pg.POOLED)
    again = F.interpolate(torch.from_numpy(crops).permute(0, 3, 1, 2).double() / 127.5 - 1, size=64, mode="bicubic")
    assert_close(pg.base()(again.clamp(-1, 1).float(), ("stage5",))["stage5"], pooled, atol=1e-3, rtol=1e-3)
    with torch.no_grad():
        assert_close(pg.look(crops / 255)[1], pooled, atol=1e-3, rtol=1e-3)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="source must be early or pooled, got 'late'"):
        tiny(source="late")
    with pytest.raises(ValueError, match="G learns by nothing"):
        tiny(adversarial_weight=0.0, perception_weight=0.0)
    with pytest.raises(ValueError, match="perception_steps must be from 0 to 5, got 6"):
        tiny(perception_steps=6)
