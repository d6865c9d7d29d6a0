"""PixelDTGAN at tiny sizes: its losses as the paper writes them, which pairs D_A sees, its measures; what ships."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.translation import pixeldtgan
from engines.translation.pixeldtgan import VARIANTS, Dressed, elsewhere, rmse

RNG = np.random.default_rng(0)
GARMENTS = RNG.integers(0, 256, size=(4, 64, 64, 3), dtype=np.uint8)
WORN = np.arange(12) % 4
DATA = {
    "figure": RNG.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
    "product": GARMENTS[WORN],
    "garment": WORN,
    "new": WORN == 3,
}
TINY = {"channels": 2, "batch_size": 4, "n_steps": 6, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("pixeldtgan", **{**TINY, **settings})


def asked_of(engine):
    """What one batch asks each player to minimise, in float64 and none of them moved; I_S, I_T and I_T^-."""
    engine.network.double().train()
    for layer in engine.network.modules():  # what is measured here must not move the running averages
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    engine.levels = lambda images: type(engine).levels(engine, images).double()
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch = engine.data.batch(0, 4, 0)
    engine.learn(batch)
    return asked, *(engine.levels(batch[key]) for key in ("figure", "product", "other"))


def log_d(player, *images, t):
    """-t log D + (t - 1) log(1 - D), with D as a probability."""
    p = torch.sigmoid(player(*images))
    return (-t * p.log() + (t - 1) * (1 - p).log()).mean()


def test_the_losses_are_section_4_2():
    engine = tiny()
    asked, source, target, other = asked_of(engine)
    C, D_R, D_A = (engine.network[key] for key in ("C", "D_R", "D_A"))
    made = C(source)
    l_r = log_d(D_R, target, t=1) + log_d(D_R, other, t=1) + log_d(D_R, made, t=0)
    l_a = log_d(D_A, source, target, t=1) + log_d(D_A, source, other, t=0) + log_d(D_A, source, made, t=0)
    assert_close(asked["D_R"], l_r / 3)
    assert_close(asked["D_A"], l_a / 3)
    assert_close(asked["C"], (log_d(D_R, made, t=1) + log_d(D_A, source, made, t=1)) / 2)


@pytest.mark.parametrize("gone", ["real_fake", "domain"])
def test_a_discriminator_that_is_taken_away_asks_nothing(gone):
    engine = tiny(**{gone: False}, mse_weight=0.5)
    asked, source, target, _ = asked_of(engine)
    kept = {"real_fake": "D_A", "domain": "D_R"}[gone]
    assert set(asked) == {"C", kept}
    made = engine.network["C"](source)
    images = (source, made) if kept == "D_A" else (made,)
    expected = log_d(engine.network[kept], *images, t=1) / 2 + 0.5 * ((made - target) ** 2).mean()
    assert_close(asked["C"], expected)


def test_the_gradient_is_the_slope_of_the_written_out_loss():
    engine = tiny()
    asked, source, _, _ = asked_of(engine)
    C, D_R, D_A = (engine.network[key] for key in ("C", "D_R", "D_A"))
    bias, h = C.layers[-2].bias, 1e-6
    (found,) = torch.autograd.grad(asked["C"], bias)

    @torch.no_grad()
    def loss(i, by):
        bias[i] += by
        made = C(source)
        bias[i] -= by
        return float(log_d(D_R, made, t=1) + log_d(D_A, source, made, t=1)) / 2

    for i in range(3):
        assert float(found[i]) == pytest.approx((loss(i, h) - loss(i, -h)) / (2 * h), rel=1e-4, abs=1e-8)


def test_nothing_moves_a_discriminator_but_its_own_loss():
    engine = tiny()
    held = {key: [p.clone() for p in engine.network[key].parameters()] for key in ("D_R", "D_A")}
    descend, engine.descend = engine.descend, lambda loss, player: None if player != "C" else descend(loss, player)
    engine.step()
    for key, before in held.items():
        assert all(torch.equal(a, b) for a, b in zip(before, engine.network[key].parameters(), strict=True)), key


def test_the_third_of_a_batch_is_a_garment_of_somebody_else():
    data, seen = Dressed(DATA), set()
    for step in range(60):
        batch = data.batch(step, 4, 0)
        own, other = (
            [next(i for i, g in enumerate(GARMENTS) if np.array_equal(g, image)) for image in batch[key].numpy()]
            for key in ("product", "other")
        )
        assert all(a != b for a, b in zip(own, other, strict=True))
        seen |= set(zip(own, other, strict=True))
        assert torch.equal(batch["other"], data.batch(step, 4, 0)["other"])
    assert len(seen) == 12  # every garment beside every other
    with pytest.raises(ValueError, match="needs two garments, got 1"):
        Dressed({**DATA, "garment": np.zeros(12, dtype=int)})


def test_a_pair_is_judged_alike_alone_and_among_others():
    engine = tiny()
    figures, garments = DATA["figure"], DATA["product"]
    together = engine.associated(figures, garments)
    assert_close(engine.associated(figures[2:3], garments[2:3]), together[2:3], rtol=1e-4, atol=1e-5)
    assert (engine.associated(figures, garments[::-1].copy()) - together).abs().max() > 1e-5


def test_elsewhere_is_another_garment():
    away = elsewhere(torch.tensor([0, 0, 0, 1, 0, 0, 1, 0]))
    assert [int(i) for i in torch.tensor([0, 0, 0, 1, 0, 0, 1, 0])[away]] == [1, 1, 1, 0, 1, 1, 0, 1]
    with pytest.raises(ValueError, match="all of these figures wear the same"):
        elsewhere(torch.zeros(4))


def test_measures_know_a_perfect_prediction_and_its_floors():
    engine = tiny()
    engine.convert = lambda figures: torch.from_numpy(DATA["product"]) / 255  # noqa: ARG005
    m = engine.evaluate({key: torch.from_numpy(value) for key, value in DATA.items()})
    assert m["rmse"] == pytest.approx(0, abs=1e-9)
    assert m["ssim"] == pytest.approx(1, abs=1e-5)
    assert (m["named"], m["named_new"], m["garments"]) == (1, 1, 4)
    off = np.sqrt(((DATA["figure"] - DATA["product"].astype(float)) ** 2).mean(axis=(1, 2, 3)))
    assert m["rmse_copy"] == pytest.approx(off.mean(), rel=1e-5)
    mean = DATA["product"].mean(axis=0)
    assert m["rmse_mean"] == pytest.approx(
        np.sqrt(((mean - DATA["product"]) ** 2).mean(axis=(1, 2, 3))).mean(), rel=1e-5
    )
    assert m["rmse_copy_low"] <= m["rmse_copy"] <= m["rmse_copy_high"]
    assert 0 <= m["prefers"] <= 1


def test_rmse_is_in_levels():
    made, true = torch.zeros(1, 64, 64, 3), torch.zeros(1, 64, 64, 3)
    made[0, :32] = 1  # half of the pixels off by 255
    assert float(rmse(made, true)) == pytest.approx(255 / np.sqrt(2))


def test_without_a_loss_nothing_is_left():
    with pytest.raises(ValueError, match="nothing is left to learn by"):
        tiny(real_fake=False, domain=False)
    assert pixeldtgan.PixelDTGANConfig(real_fake=False, domain=False, mse_weight=1.0).mse_weight == 1


# -- what ships ----------------------------------------------------------------------------------------------


def card(variant):
    return json.loads((checkpoints.folder("pixeldtgan", variant) / "card.json").read_text())


@pytest.fixture(scope="module")
def test_side():
    return Dressed.load("figures").test


def test_the_card_says_what_the_weights_do(test_side):
    net, said = engines.pretrained("pixeldtgan", device="cpu"), card("")["metrics"]
    figures, true, away = test_side["figure"], test_side["product"], elsewhere(test_side["garment"])
    made = torch.cat([net.convert(part) for part in figures.split(100)])
    assert float(rmse(made, true / 255).mean()) == pytest.approx(said["test_rmse"], rel=2e-3)
    own, swapped = (
        torch.cat([net.associated(*pair) for pair in zip(which.split(100), true.split(100), strict=True)])
        for which in (figures, figures[away])
    )
    assert float((own > swapped).double().mean()) == pytest.approx(said["test_prefers"], abs=0.004)


def test_the_rest_of_the_card_on_a_fixed_subset(test_side):
    """What takes long is measured on every tenth figure, and lies as near to the whole as a tenth may."""
    found = engines.pretrained("pixeldtgan", device="cpu").evaluate(
        {key: rows[::10] for key, rows in test_side.items()}
    )
    said = card("")["metrics"]
    for key, slack in (("ssim", 0.03), ("ssim_copy", 0.03), ("rmse_copy", 4.0), ("objects", 0.08)):
        assert found[key] == pytest.approx(said[f"test_{key}"], abs=slack), key


def test_signature_the_true_figure_is_preferred_to_another(test_side):
    """What makes it PixelDTGAN: D_A sees whether figure and garment belong together, of new outfits too."""
    assert card("")["metrics"]["test_prefers_low"] > 0.8
    new = {key: rows[test_side["new"]][:100] for key, rows in test_side.items()}
    assert engines.pretrained("pixeldtgan", device="cpu").evaluate(new)["prefers"] > 0.8


def test_the_shipped_model_is_nearer_than_its_floors():
    """Also than the mean garment, which is blurred as RMSE likes it."""
    said = card("")["metrics"]
    assert said["test_rmse_high"] < min(said[f"test_rmse_{floor}_low"] for floor in ("mean", "copy", "other"))
    assert said["test_ssim_low"] > max(said[f"test_ssim_{floor}_high"] for floor in ("mean", "copy", "other"))
    assert said["test_named_low"] > 2 / said["test_garments"]


def test_without_the_pairs_discriminator_nothing_ties_the_garment_to_the_figure():
    lost, whole = card("no-domain")["metrics"], card("small")["metrics"]
    assert lost["test_named_high"] < whole["test_named_low"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_alike_but_for_what_they_take_away(variant):
    about = card(variant)
    assert about["config"] == {**card("")["config"], **VARIANTS[variant]}
    assert about["steps"] == about["config"]["n_steps"]
    assert about["data"]["sha256"] == card("")["data"]["sha256"]
