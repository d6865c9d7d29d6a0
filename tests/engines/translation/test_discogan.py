"""DiscoGAN at tiny sizes: its terms as the paper writes them, its two lesser models; ten modes on the toy."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines.translation import discogan
from engines.translation.discogan import MODELS, circular_correlation, discriminator_loss, generator_terms, those
from engines.translation.discogan2d import N_B, RADIUS_B, SPREAD_B, draw, modes

RNG = np.random.default_rng(0)
IMAGES = {kind: RNG.integers(0, 256, size=(n, 32, 32, 3), dtype=np.uint8) for kind, n in (("chair", 12), ("head", 20))}
TINY = {"channels": 2, "batch_size": 4, "n_steps": 6, "device": "cpu", "data": IMAGES}


def tiny(**settings):
    return engines.create("discogan", **{**TINY, **settings})


@pytest.mark.parametrize("model", MODELS)
def test_the_losses_are_the_papers(model):
    engine = tiny(model=model)
    engine.network.double().train()
    G, D = those(engine.network, "G_"), those(engine.network, "D_")
    a, b = (torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(i), dtype=torch.float64) for i in (0, 1))
    ab = G["AB"](a)
    expected = {"gan_b": -torch.sigmoid(D["B"](ab)).log().mean()}
    d_loss = -torch.sigmoid(D["B"](b)).log().mean() - (1 - torch.sigmoid(D["B"](ab))).log().mean()
    if model != "gan":
        expected["const_a"] = ((G["BA"](ab) - a) ** 2).mean()
    if model == "discogan":
        ba = G["BA"](b)
        expected["gan_a"] = -torch.sigmoid(D["A"](ba)).log().mean()
        expected["const_b"] = ((G["AB"](ba) - b) ** 2).mean()
        d_loss = d_loss - torch.sigmoid(D["A"](a)).log().mean() - (1 - torch.sigmoid(D["A"](ba))).log().mean()
    found = generator_terms(model, G, D, a, b)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert_close(found[key], value)
    assert_close(discriminator_loss(model, G, D, a, b), d_loss)


def test_the_lesser_models_lack_what_they_do_not_use():
    assert {model: set(tiny(model=model).network) for model in MODELS} == {
        "discogan": {"G_AB", "G_BA", "D_A", "D_B"},
        "reconstruction": {"G_AB", "G_BA", "D_B"},
        "gan": {"G_AB", "D_B"},
    }
    with pytest.raises(ValueError, match="this model has no way BA: it has AB"):
        tiny(model="gan").translate(IMAGES["head"][:2], "BA")
    with pytest.raises(ValueError, match="model must be one of discogan, reconstruction, gan, got 'cycle'"):
        tiny(model="cycle")


def test_a_step_moves_all_players_and_counts():
    engine = tiny()
    before = {key: value.clone() for key, value in engine.network.state_dict().items() if "weight" in key}
    engine.step()
    after = engine.network.state_dict()
    assert all(not torch.equal(before[key], after[key]) for key in before)
    assert {"gan_a", "gan_b", "const_a", "const_b", "d_loss"} <= set(engine.frame().scalars)


def test_circular_correlation():
    yaw = np.linspace(-90, 90, 25)
    assert circular_correlation(yaw, yaw) == pytest.approx(1)
    assert circular_correlation(yaw, -yaw) == pytest.approx(-1)
    assert circular_correlation(yaw, yaw + 40) == pytest.approx(1)  # a turn of all changes nothing
    assert abs(circular_correlation(RNG.uniform(-90, 90, 4000), RNG.uniform(-90, 90, 4000))) < 0.05


def test_the_ruler_is_ridge_regression():
    from sklearn.linear_model import Ridge

    heads = torch.from_numpy(RNG.integers(0, 256, size=(40, 32, 32, 3), dtype=np.uint8))
    yaw = torch.from_numpy(RNG.uniform(-90, 90, 40)).float()
    x = discogan._ruled(heads).numpy()
    expected = Ridge(alpha=10.0, fit_intercept=False).fit(x, yaw.numpy()).coef_
    np.testing.assert_allclose(discogan.fit_ruler(heads, yaw).numpy(), expected, rtol=1e-4, atol=1e-4)


def test_halved_images_are_means_of_four_pixels():
    x = RNG.integers(0, 256, size=(2, 64, 64, 3), dtype=np.uint8)
    assert discogan.halved(x)[1, 3, 5, 2] == round(float(x[1, 6:8, 10:12, 2].mean()))


# -- points --------------------------------------------------------------------------------------------------


def test_points_are_drawn_around_their_modes():
    x, of = draw(20_000, "B", generator=torch.Generator().manual_seed(0))
    spread = (x - modes(N_B, RADIUS_B)[of]).std(dim=0)
    assert torch.bincount(of).tolist() == pytest.approx([2000] * 10, rel=0.1)
    assert spread.tolist() == pytest.approx([SPREAD_B] * 2, rel=0.03)


def test_a_perfect_map_covers_all_modes_and_one_place_only_one():
    engine = engines.create("discogan2d", device="cpu")
    x, _ = draw(2000, "B", generator=torch.Generator().manual_seed(1))
    engine.translate = lambda *_: x
    assert engine.measures("gan")["modes"] == 10
    assert engine.measures("gan")["near"] == pytest.approx(1 - np.exp(-4.5), abs=0.01)  # within three deviations
    engine.translate = lambda *_: modes(N_B, RADIUS_B)[:1].expand(2000, 2)
    assert (engine.measures("gan")["modes"], engine.measures("gan")["shared"]) == (1, 1)


def test_signature_discogan_covers_the_ten_modes_and_the_lesser_models_do_not():
    engine = engines.create("discogan2d", device="cpu", seed=0, n_steps=2_500, batches_per_step=2_500)
    engine.step()
    found = {model: engine.measures(model)["modes"] for model in MODELS}
    assert found["discogan"] == 10
    assert found["gan"] < 10
    assert found["reconstruction"] < 10
