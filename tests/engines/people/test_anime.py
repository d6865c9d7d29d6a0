"""The anime generator at tiny sizes: its penalty by finite differences, its losses written out, what it may see; what
ships."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import learning
from engines.data import zoo
from engines.people import anime
from engines.people.anime import COUNTS, FIELDS, PACK, VARIANTS, Avatars, Discriminator, classified, near, slopes
from engines.people.attributes import one_hot

RNG = np.random.default_rng(0)
DATA = {
    "image": RNG.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
    "attributes": np.stack([RNG.integers(0, n, size=12) for n in COUNTS], axis=1),
}
TINY = {"side": 16, "channels": 2, "blocks": 1, "latent_dim": 3, "batch_size": 4, "n_steps": 6}


def tiny(**settings):
    return engines.create("anime", data=DATA, device="cpu", **{**TINY, **settings})


def critic(side=8):
    rng = torch.Generator().manual_seed(0)
    return learning.build(lambda: Discriminator(2, side), generator=rng, device=torch.device("cpu")).double()


def test_the_penalty_is_a_finite_difference_gradient_norm_of_the_whole_picture():
    D, x = critic(), torch.from_numpy(RNG.uniform(-1, 1, size=(3, 3, 8, 8)))
    found = slopes(D, x)
    h, each = 1e-6, torch.eye(x[0].numel(), dtype=torch.float64).reshape(-1, 3, 8, 8)
    with torch.no_grad():
        for picture, norm in zip(x, found, strict=True):
            slope = (D(picture + h * each)[0] - D(picture - h * each)[0]) / (2 * h)  # one number for every pixel
            assert_close(norm, slope.norm(), rtol=1e-6, atol=1e-9)
            by_channel = slope.reshape(3, 8, 8).norm(dim=0)  # the mistake: a norm at every place
            assert abs(float(((by_channel - 1) ** 2).mean() - (norm - 1) ** 2)) > 1e-3


def test_a_pictures_gradient_knows_nothing_of_the_batch_and_what_is_real_decides_alone():
    D, x = critic(), torch.from_numpy(RNG.uniform(-1, 1, size=(3, 3, 8, 8)))
    assert_close(slopes(D, x)[:1], slopes(D, x[:1]))
    before = slopes(D, x).detach()
    torch.nn.init.ones_(D.classes.weight)  # the attributes' classifier has no part in it
    assert_close(slopes(D, x).detach(), before)


def test_points_lie_near_real_ones_by_half_the_batchs_deviation():
    x = torch.from_numpy(RNG.normal(size=(4, 3, 16, 16)))
    noise = torch.from_numpy(RNG.uniform(size=x.shape))
    assert_close(near(x, noise) - x, 0.5 * torch.std(x) * noise)


def test_the_penalty_moves_d_by_its_own_gradient():
    """Of the penalty by a weight, against a finite difference: the graph runs through the gradient."""
    D, x = critic(), torch.from_numpy(RNG.uniform(-1, 1, size=(2, 3, 8, 8)))

    def penalty():
        return (slopes(D, x) - 1).square().mean()

    weight = D.look[0].weight
    penalty().backward()
    moved, h = float(weight.grad[0, 0, 0, 0]), 1e-6
    with torch.no_grad():
        weight[0, 0, 0, 0] += h
        above = float(penalty())
        weight[0, 0, 0, 0] -= 2 * h
        below = float(penalty())
    assert moved == pytest.approx((above - below) / (2 * h), rel=1e-5)


def asked_of(engine):
    """What one batch asks each player to minimise, in float64 and none of them moved."""
    engine.network.double().train()
    for layer in engine.network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    pixels = engine.pixels
    engine.pixels = lambda images: pixels(images).double()
    return asked, {**engine.data.batch(0, 4, 0)}


@pytest.mark.parametrize("variant", ["", "plain", "no-cls", "on-made", "dcgan"])
def test_the_losses_are_the_papers(variant, monkeypatch):
    monkeypatch.setattr(anime, "one_hot", lambda a, pack: one_hot(a, pack).double())
    original = torch.randn
    monkeypatch.setattr(torch, "randn", lambda *a, **k: original(*a, **k).double())
    uniform = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *a, **k: uniform(*a, **k).double())
    engine = tiny(**{key: value for key, value in VARIANTS[variant].items() if key not in TINY})
    asked, batch = asked_of(engine)
    state = engine.rng.get_state()
    n_batch = engine.n_batch = 4
    said = engine.learn(batch)
    engine.rng.set_state(state)
    G, D, config = engine.network["G"], engine.network["D"], engine.config
    z = torch.randn(n_batch, 3, generator=engine.rng)
    x, known = engine.pixels(batch["image"]), batch["attributes"]
    other = known.roll(1, dims=0)
    made = G(z, one_hot(other, PACK).double())

    def log_p(logits, values):
        """log P of a picture's attributes, the mean over these and the batch."""
        parts = [part.log_softmax(1) for part in logits.split(COUNTS, dim=1)]
        rows = torch.arange(len(values))
        return torch.stack([part[rows, values[:, i]] for i, part in enumerate(parts)]).mean()

    (real, seen), (fake, made_seen) = D(x), D(made)
    adv = -torch.sigmoid(real).log().mean() - (1 - torch.sigmoid(fake)).log().mean()
    loss = adv - config.classes * (log_p(seen, known) + config.on_made * log_p(made_seen, other))
    if config.penalty:
        noise = torch.rand(x.shape, generator=engine.rng)
        steep = slopes(D, x + 0.5 * x.std() * noise)
        loss = loss + config.penalty * ((steep - 1) ** 2).mean()
    assert ("d_gp" in said) == (variant != "plain")
    assert_close(asked["D"], loss)
    of_g = -torch.sigmoid(fake).log().mean()
    assert_close(asked["G"], of_g if variant == "no-cls" else of_g - config.classes * log_p(made_seen, other))


def test_four_channels_become_four_pixels_and_begin_alike():
    """Sub-pixel layers begin without a grid: the four pixels of a square are one number."""
    G = tiny(side=16).network["G"]
    h = G.finer[1](G.finer[0](torch.randn(2, 16, 2, 2, generator=torch.Generator().manual_seed(0))))
    assert h.shape == (2, 8, 4, 4)
    squares = h.unfold(2, 2, 2).unfold(3, 2, 2)
    assert_close(squares, squares[..., :1, :1].expand_as(squares))


def test_only_g_normalises_by_the_batch():
    engine = tiny()
    kinds = {
        key: any(isinstance(layer, torch.nn.BatchNorm2d) for layer in engine.network[key].modules()) for key in "GD"
    }
    assert kinds == {"G": True, "D": False}


def test_no_exact_combination_of_the_test_side_was_seen_or_asked_for():
    pack = zoo.load(PACK)
    found = Avatars.load(PACK)
    rows = {tuple(row) for row in found.train["attributes"].tolist()}
    held = {tuple(row) for row in found.test["attributes"].tolist()}
    assert rows.isdisjoint(held)
    hair = [FIELDS.index("hair_style"), FIELDS.index("hair_colour")]
    pairs = {(row[hair[0]], row[hair[1]]) for row in rows}
    new = found.test["split"] == 2
    assert pairs.isdisjoint({tuple(row) for row in found.test["attributes"][new][:, hair].tolist()})
    assert {tuple(pair) for pair in pack.text("names")["held_out"]} == {
        tuple(row) for row in found.test["attributes"][new][:, hair].tolist()
    }
    assert len(found) > 5_500
    assert found.about["n_train"] == len(found)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="side must be a multiple of 8, got 36"):
        tiny(side=36)
    with pytest.raises(ValueError, match="penalty"):
        tiny(penalty=-1.0)


def test_attributes_spelled_out_or_counted_draw_the_same_and_lie_between():
    engine = tiny()
    c = torch.from_numpy(DATA["attributes"][:2])
    z = engine.noise(2, torch.Generator().manual_seed(0))
    made = engine.draw(z, c)
    assert made.shape == (2, 16, 16, 3)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1
    assert_close(engine.draw(z, one_hot(c, PACK)), made)


def test_classes_count_alike_for_every_attribute():
    logits = torch.zeros(5, sum(COUNTS), dtype=torch.float64)
    c = torch.zeros(5, len(COUNTS), dtype=torch.int64)
    assert float(classified(logits, c)) == pytest.approx(np.mean([math.log(n) for n in COUNTS]))


def test_what_ships_draws_without_d():
    engine = tiny()
    engine.step()
    state = {key: value for key, value in engine.state_dict().items() if not key.startswith(engine.training_state)}
    assert not any(key.startswith("network.D.") for key in state)
    again = tiny(seed=1)
    again.load_state_dict(state)
    assert (engine.has_d, again.has_d) == (True, False)
    z, c = engine.noise(2, torch.Generator().manual_seed(0)), torch.from_numpy(DATA["attributes"][:2])
    assert_close(again.draw(z, c), engine.draw(z, c))
