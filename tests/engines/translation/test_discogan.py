"""DiscoGAN at tiny sizes: its terms as the paper writes them, its two lesser models; ten modes on the toy."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.translation import discogan, ten_modes
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


@pytest.mark.parametrize("model", MODELS)
def test_features_are_matched_after_the_first_layer(model):
    """Of every D that judges, layer by layer as the network lists them, and weighed as the settings say."""
    engine = tiny(model=model, feature_weight=3.0, const_weight=0.5)
    engine.network.double().train()
    G, D = those(engine.network, "G_"), those(engine.network, "D_")
    a, b = (torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(i), dtype=torch.float64) for i in (0, 1))

    def apart(judge, made, real):
        squares = 0.0
        for end in (5, 8):  # behind the second and third LeakyReLU
            squares = squares + ((judge[:end](made).mean(0) - judge[:end](real).mean(0)) ** 2).mean()
        return squares

    found = generator_terms(model, G, D, a, b, match=True)
    assert_close(found["feature_b"], apart(D["B"], G["AB"](a), b))
    assert ("feature_a" in found) == (model == "discogan")
    if model == "discogan":
        assert_close(found["feature_a"], apart(D["A"], G["BA"](b), a))

    asked = {}
    engine.descend = lambda loss, *players: asked.update({players: loss})
    discogan.take_turns(engine, model, a, b, const_weight=0.5, feature_weight=3.0)
    weight = {"gan": 1.0, "const": 0.5, "feature": 3.0}
    total = sum(weight[key.split("_")[0]] * value for key, value in found.items())
    assert_close(next(loss for players, loss in asked.items() if "G_AB" in players), total)


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
    assert {"gan_a", "gan_b", "const_a", "const_b", "feature_a", "feature_b", "d_loss"} <= set(engine.frame().scalars)


def test_circular_correlation():
    yaw = np.linspace(-90, 90, 25)
    assert circular_correlation(yaw, yaw) == pytest.approx(1)
    assert circular_correlation(yaw, -yaw) == pytest.approx(-1)
    assert circular_correlation(yaw, yaw + 40) == pytest.approx(1)  # a turn of all changes nothing
    assert abs(circular_correlation(RNG.uniform(-90, 90, 4000), RNG.uniform(-90, 90, 4000))) < 0.05


def test_a_head_may_turn_the_other_way_and_from_another_front():
    yaw = np.tile(np.arange(-90.0, 91, 10), (11, 1))
    noise = RNG.normal(0, 8, yaw.shape)
    x = np.stack([yaw, 25 - yaw + noise], axis=2)
    sign, shift = discogan.expected(x)
    assert (sign, shift) == (-1, pytest.approx(25, abs=2))
    assert discogan.missed(x) == pytest.approx(noise.std(), rel=0.02)
    assert discogan.correlated(x) == pytest.approx(-0.98, abs=0.02)
    alike = np.stack([yaw, np.full_like(yaw, 40)], axis=2)
    assert discogan.missed(alike) == pytest.approx(yaw.std(), rel=1e-6)
    over = np.stack([yaw, yaw + 350], axis=2)  # 350 degrees are -10
    assert discogan.expected(over) == (1, pytest.approx(-10))
    assert discogan.missed(over) == pytest.approx(0, abs=1e-6)


def test_chance_is_what_angles_dealt_out_anew_correlate():
    x = RNG.uniform(-90, 90, (11, 19, 2))
    found = discogan.chance(x, np.random.default_rng(0))
    # |r| of n independent pairs is about half-normal with deviation 1/sqrt(n): mean sqrt(2/(pi n)).
    assert found["strength_chance"] == pytest.approx(np.sqrt(2 / np.pi / 209), rel=0.1)
    assert found["strength_chance_high"] == pytest.approx(2.24 / np.sqrt(209), rel=0.15)


def test_angles_go_to_whose_they_are():
    of, given = torch.tensor([7, 3, 7, 3]), torch.tensor([0.0, 0.0, 10.0, 10.0])
    found = discogan.pairs(of, given, np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.tolist() == [[[0, 2], [10, 4]], [[0, 1], [10, 3]]]


def test_the_weight_is_of_both_reconstructions():
    """Where they weigh nothing, a way back that no D judges learns nothing; where they do, it learns."""
    for weight, still in ((0.0, True), (1.0, False)):
        engine = tiny(model="reconstruction", const_weight=weight)
        before = {key: value.clone() for key, value in engine.network["G_BA"].named_parameters()}
        engine.step()
        after = dict(engine.network["G_BA"].named_parameters())
        assert all(torch.equal(before[key], after[key]) == still for key in before if before[key].dim() > 1)


def test_turns_are_within_90_degrees_of_the_front_and_of_test_chairs_only():
    held = discogan.turns("turntables", "chair", "test", n=40)
    assert held["chair"].shape == (40, 32, 32, 3)
    assert held["chair_yaw"].tolist() == [*range(-90, 91, 10), *range(-90, 91, 10), -90, -80]
    assert len(np.unique(held["chair_of"])) == 3
    from engines.data import zoo

    pack = zoo.load("turntables")
    assert not np.isin(held["chair_of"], pack["identity"][pack.rows("train")]).any()


@pytest.mark.parametrize("variant", discogan.VARIANTS)
def test_a_card_is_found_again(variant):
    """Over the same test chairs, from the weights in half precision."""
    checkpoint = checkpoints.read(checkpoints.folder("discogan", variant))
    engine = engines.pretrained("discogan", variant)
    held = discogan.turns("turntables", "chair", "test")
    test = {key: torch.from_numpy(value) for key, value in held.items()} | {"ruler": checkpoint.data["ruler"]}
    found, card = engine.turned(test), checkpoint.card["metrics"]
    assert found.shape == (11, 19, 2)
    assert discogan.correlated(found) == pytest.approx(card["test_correlation"], abs=0.01)
    assert discogan.missed(found) == pytest.approx(card["test_off"], abs=0.5)
    assert card["test_off_constant"] == pytest.approx(held["chair_yaw"].std(), rel=1e-6)


def test_signature_a_turn_becomes_a_turn_without_pairs():
    """All were trained alike; what DiscoGAN keeps of the angle lies far above chance, and on average over three seeds
    above the lesser models.
    """
    cards = {variant: checkpoints.read(checkpoints.folder("discogan", variant)).card for variant in discogan.VARIANTS}
    whole = cards[""]["metrics"]
    assert whole["test_strength_low"] > 2 * whole["test_strength_chance_high"]
    assert whole["test_correlation_real"] > 0.99  # the ruler reads true heads
    assert whole["test_const"] < whole["test_const_mean"]
    strength = {model: [] for model in MODELS}
    for card in cards.values():
        strength[card["config"]["model"]].append(card["metrics"]["test_strength"])
        assert {**card["config"], "model": "", "seed": 0} == {**cards[""]["config"], "model": "", "seed": 0}
        assert (card["steps"], card["data"]) == (cards[""]["steps"], cards[""]["data"])
    assert {len(found) for found in strength.values()} == {len(discogan.SEEDS)}
    assert np.mean(strength["discogan"]) > max(np.mean(strength[lesser]) for lesser in ("gan", "reconstruction"))


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


def test_signature_all_ten_modes_with_most_seeds_and_fewer_by_the_lesser_models():
    """The figures that ship; `python -m engines.translation.ten_modes` counts them."""
    rows = ten_modes.load()
    for batches in (2_500, 5_000):
        found = ten_modes.covered(rows, batches)
        assert {model: len(counts) for model, counts in found.items()} == dict.fromkeys(MODELS, 10)
        assert sum(n == N_B for n in found["discogan"]) >= 8
        for lesser in ("gan", "reconstruction"):
            assert all(n < whole for n, whole in zip(found[lesser], found["discogan"], strict=True))


def test_a_row_of_the_ten_seeds_is_what_the_model_measures():
    (*_, last) = ten_modes.measure(3, (100,))
    engine = engines.create("discogan2d", device="cpu", seed=3, n_steps=100, batches_per_step=100)
    engine.step()
    assert last == {"seed": 3, "model": MODELS[-1], "batches": 100} | {
        key: round(value, 4) for key, value in engine.measures(MODELS[-1]).items()
    }
