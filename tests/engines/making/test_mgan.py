"""MGAN and MDAN at tiny sizes: the hinges as written, what D may see, any size, the measure; what ships."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import learning
from engines.making import mgan, patches
from engines.making.mdan import Task
from engines.making.mgan import HELD_OUT, PHOTOS, STRIP, Textures, pink_noise

RNG = np.random.default_rng(0)
DATA = {
    "texture": RNG.integers(0, 256, size=(1, 72, 80, 3), dtype=np.uint8),
    "photo": RNG.integers(0, 256, size=(2, 64, 64, 3), dtype=np.uint8),
}
TINY = {"channels": 2, "d_channels": 1, "crop": 64, "batch_size": 2, "n_steps": 6, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("mgan", **{**TINY, **settings})


def asked_of(engine, monkeypatch):
    """What one batch asks each player to minimise, in float64 and none of them moved; the crops, x, z and the maps."""
    engine.network.double().train()
    phi = engine.frozen["phi"]
    monkeypatch.setattr(
        phi, "forward", lambda x, stages, see=phi.forward: {k: v.double() for k, v in see(x.float(), stages).items()}
    )
    engine.images = lambda rows: type(engine).images(engine, rows).double()
    engine.white = lambda *given: [z.double() for z in type(engine).white(engine, *given)]
    engine.n_batch, asked = 2, {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch, kept = engine.data.batch(0, 2, 0), engine.rng.get_state()
    said = engine.learn(batch)
    engine.rng.set_state(kept)
    texture, photo = (engine.cut(engine.images(batch[key])) for key in ("texture", "photo"))
    x = torch.cat([photo[:1], engine.pink(1, 64, 64, engine.rng)])
    return asked, said, texture, x, engine.white(2, 64, 64, engine.rng)


def test_the_losses_are_the_hinges_and_what_has_to_stay(monkeypatch):
    engine = tiny(content_weight=0.5, smooth_weight=0.1)
    asked, _, texture, x, z = asked_of(engine, monkeypatch)
    G, D = engine.network["G"], engine.network["D"]
    made = G(engine.given(x), z)
    real, fake = D(engine.seen(texture)), D(engine.seen(made))
    assert_close(asked["D"], (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean())
    kept = ((engine.given(made)[0] - engine.given(x)[0]) ** 2).mean()  # of the photo, not of the noise
    down, across = made.diff(dim=2).square().mean(), made.diff(dim=3).square().mean()
    assert_close(asked["G"], (1 - fake).clamp(min=0).mean() + 0.5 * kept + 0.1 * (down + across))


def test_the_gradient_is_the_slope_of_the_written_out_hinge():
    scores = torch.tensor([0.3, 1.7, -0.4], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(mgan.texture_loss(scores), scores)
    assert_close(found, torch.tensor([-1 / 3, 0.0, -1 / 3], dtype=torch.float64))
    (found,) = torch.autograd.grad(mgan.hinge_d(torch.zeros(3, dtype=torch.float64), scores), scores)
    assert_close(found, torch.tensor([1 / 3, 1 / 3, 1 / 3], dtype=torch.float64))


def test_d_sees_maps_of_features_and_no_pixel_but_where_it_is_told_to():
    engine, blind = tiny(), tiny(judged="pixels")
    assert set(engine.network["D"]) == {"stage1", "stage2"}
    assert set(blind.network["D"]) == {"pixels"}
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = engine.seen(x)
    before = engine.network["D"](seen)
    assert_close(engine.network["D"](seen | {"pixels": torch.zeros_like(x)}), before, rtol=0, atol=0)
    assert before.shape == (1, 8 * 8 + 4 * 4)  # a score for every fourth place of each map


def test_a_part_taken_away_is_not_there():
    alone = tiny(adversarial=False)
    assert "D" not in alone.network
    alone.step()
    assert "gan" not in alone.running
    free = tiny(content_weight=0.0)
    free.step()
    assert "content" not in free.running
    with pytest.raises(ValueError, match="nothing is left to learn by"):
        tiny(adversarial=False, content_weight=0.0)


def test_it_draws_and_paints_any_size_and_the_same_noise_draws_the_same():
    engine = tiny()
    once, again = (engine.draw(70, 41, generator=learning.stream(0, 1)) for _ in range(2))
    assert once.shape == (1, 70, 41, 3)
    assert_close(once, again, rtol=0, atol=0)
    painted = engine.paint(DATA["photo"][:1, :50, :33], generator=learning.stream(0, 1))
    assert painted.shape == (1, 50, 33, 3)
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


def test_pink_noise_loses_power_with_the_frequency():
    power = torch.fft.rfft2(pink_noise(64, 64, 64, torch.Generator().manual_seed(0))).abs().square().mean(dim=(0, 1))
    assert float(power[0, 4] / power[0, 16]) == pytest.approx(4, rel=0.3)


def test_what_is_held_out_is_not_learned_from():
    data = Textures.load("textures")
    assert data.train["texture"].shape == (8, 256, 256 - STRIP, 3)
    assert len(data.train["photo"]) == 3
    from engines.data import zoo

    cat = zoo.load("textures")["content"][PHOTOS.index(HELD_OUT)]
    assert not any(np.array_equal(photo, cat) for photo in data.train["photo"].numpy())
    assert np.array_equal(data.test["photo"][0].numpy(), cat)


def test_the_distance_is_the_sliced_wasserstein_distance_of_patches():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 14, 14, generator=generator).double().split(1)
    reference = patches.Reference(a)
    assert float(reference.distance(a)) == pytest.approx(0, abs=1e-12)
    along = patches.directions(27).double()
    heaps = [
        patches.patches_of(maps / a.std(dim=(0, 2, 3), keepdim=True))[0].numpy() @ along.numpy() for maps in (a, b)
    ]
    at = (np.arange(128) + 0.5) / 128
    gap = np.quantile(heaps[0], at, axis=0) - np.quantile(heaps[1], at, axis=0)
    assert float(reference.distance(b)) == pytest.approx(np.sqrt((gap**2).mean()), rel=1e-6)
    assert float(reference.distance(a + 1)) > float(reference.distance(b))


def test_the_optimisation_moves_the_pixels_and_needs_no_generator():
    texture = torch.rand(1, 3, 64, 160, generator=torch.Generator().manual_seed(0)) * 2 - 1
    engine = engines.create("mdan", data=Task(texture=texture), device="cpu", side=64, d_channels=1, n_steps=4)
    before = engine.x.detach().clone()
    engine.step()
    assert 0 < float((engine.x.detach() - before).abs().max()) <= 0.02 + 1e-4  # Adam's first step
    assert engine.seconds > 0
    with pytest.raises(ValueError, match="must be of 64 pixels"):
        engines.create("mdan", data=Task(texture=texture, photo=torch.zeros(1, 3, 32, 32)), device="cpu", side=64)
