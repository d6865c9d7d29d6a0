"""pix2pix at tiny sizes: its losses as the paper writes them, what D and G see, its measures; what ships."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import engines
from engines import checkpoints, learning
from engines.translation import pix2pix
from engines.translation.pix2pix import PATCHES, SIDE, VARIANTS, PatchGAN, Pix2Pix, chroma

RNG = np.random.default_rng(0)
PAIRS = {
    "outline": RNG.integers(0, 256, size=(12, SIDE, SIDE), dtype=np.uint8),
    "flat": RNG.integers(0, 256, size=(12, SIDE, SIDE, 3), dtype=np.uint8),
}
TINY = {"channels": 2, "batch_size": 4, "n_steps": 6, "device": "cpu", "data": PAIRS}


def some(n):
    return {key: torch.from_numpy(rows[:n]) for key, rows in PAIRS.items()}


def tiny(**settings):
    return engines.create("pix2pix", **{**TINY, **settings})


def asked_of(engine):
    """What one batch asks each player to minimise, in float64 and none of them moved: {player: loss}, x, y, z."""
    engine.network.double().train()
    engine.n_batch = 4
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    kept = engine.rng.get_state()
    engine.pair = lambda rows: tuple(part.double() for part in type(engine).pair(engine, rows))
    engine.learn(some(4))
    engine.rng.set_state(kept)
    x, y = engine.jitter(*engine.pair(some(4)))
    return asked, x, y, [z.double() for z in engine.noise(4, engine.rng)]


@pytest.mark.parametrize("conditional", [True, False])
def test_the_losses_are_equations_1_to_4(conditional):
    engine = tiny(conditional=conditional)
    asked, x, y, z = asked_of(engine)
    G, D = engine.network["G"], engine.network["D"]
    p_real, p_fake = torch.sigmoid(D(x, y)), torch.sigmoid(D(x, G(x, z)))
    assert_close(asked["D"], -(p_real.log().mean() + (1 - p_fake).log().mean()) / 2)
    assert_close(asked["G"], -p_fake.log().mean() + 100 * (y - G(x, z)).abs().mean())


def test_the_gradient_is_the_slope_of_the_written_out_loss():
    engine = tiny()
    asked, x, y, z = asked_of(engine)
    G, D = engine.network["G"], engine.network["D"]
    bias, h = G.up[-1][0].bias, 1e-6
    (found,) = torch.autograd.grad(asked["G"], bias)

    @torch.no_grad()
    def loss(i, by):
        bias[i] += by
        made = G(x, z)
        bias[i] -= by
        return float(-torch.sigmoid(D(x, made)).log().mean() + 100 * (y - made).abs().mean())

    for i in range(3):
        assert float(found[i]) == pytest.approx((loss(i, h) - loss(i, -h)) / (2 * h), rel=1e-4, abs=1e-6)


def test_with_l1_alone_there_is_no_discriminator_and_with_the_gan_alone_no_l1():
    alone = tiny(adversarial=False)
    assert "D" not in alone.network
    asked, x, y, z = asked_of(alone)
    assert_close(asked["G"], 100 * (y - alone.network["G"](x, z)).abs().mean())
    engine = tiny(l1_weight=0.0)
    asked, x, y, z = asked_of(engine)
    assert_close(asked["G"], -torch.sigmoid(engine.network["D"](x, engine.network["G"](x, z))).log().mean())
    with pytest.raises(ValueError, match="nothing is left to learn by"):
        tiny(adversarial=False, l1_weight=0.0)


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def judge(patch, *, conditional=True):
    generator = torch.Generator().manual_seed(0)
    make = lambda: PatchGAN(2, patch, conditional=conditional)  # noqa: E731
    return learning.build(make, generator=generator, device=torch.device("cpu"))


@pytest.mark.parametrize("patch", PATCHES)
def test_an_answer_of_d_sees_a_patch_of_the_size_that_its_name_says(patch):
    D = judge(patch)
    D.layers = nn.Sequential(*(nn.Identity() if isinstance(m, nn.InstanceNorm2d) else m for m in D.layers))
    x, y = drawn(1, 1, SIDE, SIDE), drawn(1, 3, SIDE, SIDE).requires_grad_()
    answers = D(x, y)
    at = answers.shape[1] // 2
    answers[0, at, at].backward()
    seen = (y.grad.abs().sum(dim=(0, 1)) > 0).nonzero()
    stride, first, side = PATCHES[patch]
    begin, end = max(0, first + stride * at), min(SIDE, first + stride * at + side)
    assert answers.shape[1] == {"1": 64, "16": 30, "34": 14, "image": 6}[patch]
    assert (seen.min(dim=0).values.tolist(), seen.max(dim=0).values.tolist()) == ([begin] * 2, [end - 1] * 2)


def test_the_discriminator_sees_the_outline_only_where_it_is_conditional():
    x, y = drawn(2, 1, SIDE, SIDE), drawn(1, 3, SIDE, SIDE, seed=1).expand(2, -1, -1, -1)
    seen, blind = (judge("34", conditional=on)(x, y) for on in (True, False))
    assert (seen[0] - seen[1]).abs().max() > 1e-4
    assert_close(blind[0], blind[1], rtol=0, atol=0)


def test_noise_is_dropout_and_stays_at_test_time():
    engine, x = tiny(), PAIRS["outline"][:4]
    engine.network.train()  # before it has learned, running averages leave next to nothing of a small start
    once, again, other = (engine.translate(x, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert_close(once, again, rtol=0, atol=0)
    assert (once - other).abs().max() > 1e-4
    mask = engine.noise(50, torch.Generator().manual_seed(0))[0]
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    assert float(mask.mean()) == pytest.approx(1, abs=0.05)


def test_skips_carry_what_the_bottleneck_does_not():
    """A pixel reaches the output beside it through a skip; without skips only through maps of 2 x 2 places."""
    whole, without = tiny(), tiny(skips=False)
    assert whole.n_parameters > without.n_parameters
    for engine, most in ((whole, 1.0), (without, 0.05)):
        x = torch.zeros(1, 1, SIDE, SIDE, requires_grad=True)
        engine.network.eval()
        engine.network["G"](x, [])[0, :, 32, 32].sum().backward()
        near, far = x.grad[0, 0, 28:36, 28:36].abs().mean(), x.grad.abs().mean()
        assert (float(near / far) > 3) == (most == 1.0)


def test_pairs_are_moved_together():
    engine = tiny()
    engine.n_batch = 4
    x, _ = engine.pair(some(4))
    y = x.expand(-1, 3, -1, -1)  # x in three colours
    x, y = engine.jitter(x, y)
    assert_close(y, x.expand(-1, 3, -1, -1), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("rgb", "expected"), [((1, 0, 0), 104.55), ((0, 1, 0), 119.78), ((0, 0, 1), 133.81), ((0.5, 0.5, 0.5), 0.0)]
)
def test_chroma_of_the_primaries(rgb, expected):
    assert float(chroma(torch.tensor(rgb, dtype=torch.float64))) == pytest.approx(expected, abs=0.1)


def test_histograms_have_in_common_what_overlaps():
    a, b = np.zeros((1, 2, 32)), np.zeros((1, 2, 32))
    a[0, 0, :2], a[0, 1, 1:3] = 5, 50  # halves that overlap in one of two bins, whatever their number
    b[0, :, 7] = 1
    assert pix2pix.in_common(a) == pytest.approx(0.5)
    assert pix2pix.in_common(b) == 1
    assert pix2pix.mean_chroma(b[:, 0]) == pytest.approx(30)


def test_measures_know_a_perfect_translation_and_its_floors():
    engine = tiny()
    pairs = some(6)
    engine.translate = lambda _, **__: pairs["flat"] / 255  # all six at once
    measured = engine.evaluate(pairs)
    assert measured["l1"] == 0
    assert measured["spread"] == 1
    assert measured["chroma"] == measured["chroma_real"]
    outline, flat = (pairs[key].double() for key in ("outline", "flat"))
    assert measured["l1_copy"] == pytest.approx(float((flat - outline[..., None]).abs().mean()), rel=1e-5)
    assert measured["l1_low"] <= measured["l1"] <= measured["l1_high"]


# -- what ships ----------------------------------------------------------------------------------------------


def card(variant):
    return json.loads((checkpoints.folder("pix2pix", variant) / "card.json").read_text())


@pytest.fixture(scope="module")
def pairs():
    return Pix2Pix.learns_from.load("emoji").test


@pytest.mark.parametrize("variant", ["", "small"])
def test_the_card_says_what_the_weights_do(variant, pairs):
    found, said = engines.pretrained("pix2pix", variant).evaluate(pairs), card(variant)["metrics"]
    for key in ("l1", "l1_copy", "spread", "chroma", "exchange"):
        assert found[key] == pytest.approx(said[f"test_{key}"], rel=2e-3), key


def test_signature_the_answer_changes_when_the_outline_is_exchanged(pairs):
    """What makes it pix2pix: D judges a drawing for an outline. The unconditional one cannot."""
    found = {
        v: engines.pretrained("pix2pix", v).evaluate({key: rows[:64] for key, rows in pairs.items()})
        for v in ("", "small", "gan-l1")
    }
    assert found[""]["exchange_low"] > 0.02
    assert found["small"]["exchange_low"] > 0.01
    assert found["gan-l1"]["exchange"] == 0


def test_the_shipped_model_is_nearer_than_its_floors():
    said = card("")["metrics"]
    assert said["test_l1_high"] < said["test_l1_mean_low"] < said["test_l1_other"]
    assert said["test_l1_high"] < said["test_l1_copy_low"]


def test_l1_alone_is_greyer_than_the_whole_as_the_paper_says():
    grey, whole = card("l1")["metrics"], card("small")["metrics"]
    assert grey["test_chroma_high"] < whole["test_chroma_low"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_alike_but_for_what_they_take_away(variant):
    about = card(variant)
    assert about["config"] == {**card("")["config"], **VARIANTS[variant]}
    assert about["data"]["sha256"] == card("")["data"]["sha256"]
