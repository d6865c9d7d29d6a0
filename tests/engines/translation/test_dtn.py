"""DTN at tiny sizes: its terms as the paper writes them, f frozen; then what the shipped weights reach."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.translation import dtn
from engines.translation.dtn import VARIANTS, Domains

RNG = np.random.default_rng(0)
DATA = {
    "image": RNG.integers(0, 256, size=(20, 32, 32, 3), dtype=np.uint8),
    "label": np.arange(20, dtype=np.uint8) % 10,
    "target": RNG.integers(0, 256, size=(30, 28, 28), dtype=np.uint8),
}
TINY = {"channels": 2, "n_features": 5, "f_steps": 2, "batch_size": 4, "n_steps": 8, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("dtn", **{**TINY, **settings})


def asked_of(engine):
    """What one batch, after f has learned, asks of each player, in float64 and none of them moved; x and t."""
    for _ in range(engine.config.f_steps):
        engine.step()
    engine.network.double().train()
    for layer in engine.network.modules():  # what is measured here must not move the running averages
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    engine.colour = lambda images: type(engine).colour(engine, images).double()
    engine.grey = lambda images: type(engine).grey(engine, images).double()
    engine.n_batch = 4
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch = engine.data.batch(engine.iteration, 4, engine.config.seed)
    engine.learn(batch)
    return asked, engine.colour(batch["image"]), engine.grey(batch["target"])


def test_the_losses_are_the_papers():
    engine = tiny(gamma=0.7)
    asked, x, t = asked_of(engine)
    f, g, D = (engine.network[key] for key in ("f", "g", "D"))
    f.eval()
    drawn_x, drawn_t = g(f(x)), g(f(t.repeat(1, 3, 1, 1)))
    p_x, p_t, p_real = (D(y).softmax(dim=1) for y in (drawn_x, drawn_t, t))
    assert_close(asked["D"], -(p_x[:, 0].log().mean() + p_t[:, 1].log().mean() + p_real[:, 2].log().mean()))
    gang = -p_x[:, 2].log().mean() - p_t[:, 2].log().mean()
    const = ((f(x) - f(drawn_x.repeat(1, 3, 1, 1))) ** 2).mean()
    tid = ((t - drawn_t) ** 2).mean()
    tv = (variation(drawn_x) + variation(drawn_t)) / 2
    assert_close(asked["g"], gang + 15 * const + 15 * tid + 0.7 * tv, rtol=1e-6, atol=1e-6)


def variation(y):
    """The total variation as a sum over pixels, each looked at by itself."""
    y = y[:, 0].detach().numpy()
    total, n = 0.0, 0
    for image in y:
        for i in range(31):
            for j in range(31):
                total += np.hypot(image[i, j + 1] - image[i, j], image[i + 1, j] - image[i, j])
                n += 1
    return torch.tensor(total / n)


def test_the_gradient_is_the_slope_of_the_loss():
    engine = tiny(adversarial=False)
    asked, x, t = asked_of(engine)
    f, g = engine.network["f"].eval(), engine.network["g"]
    weight, h = g.layers[-2].weight, 1e-6
    (found,) = torch.autograd.grad(asked["g"], weight)

    @torch.no_grad()
    def loss(by):
        weight[0, 0, 1, 1] += by
        drawn_x, drawn_t = g(f(x)), g(f(t.repeat(1, 3, 1, 1)))
        weight[0, 0, 1, 1] -= by
        const = ((f(x) - f(drawn_x.repeat(1, 3, 1, 1))) ** 2).mean()
        return float(15 * const + 15 * ((t - drawn_t) ** 2).mean())

    assert float(found[0, 0, 1, 1]) == pytest.approx((loss(h) - loss(-h)) / (2 * h), rel=1e-4, abs=1e-8)


def test_signature_f_learns_first_and_is_frozen_from_then_on():
    """What makes it DTN: G = g o f, and f does not move while g and D learn, nor do its averages."""
    engine = tiny()
    copy = lambda key: {k: v.clone() for k, v in engine.network[key].state_dict().items()}  # noqa: E731
    new = {key: copy(key) for key in ("f", "g", "D")}
    for _ in range(2):
        engine.step()
    learned = copy("f")
    assert not torch.equal(learned["body.0.weight"], new["f"]["body.0.weight"])
    assert torch.equal(engine.network["g"].layers[0].weight, new["g"]["layers.0.weight"])
    while not engine.done:
        engine.step()
    for key, value in engine.network["f"].state_dict().items():
        assert torch.equal(value, learned[key]), key
    assert not torch.equal(engine.network["g"].layers[0].weight, new["g"]["layers.0.weight"])
    assert not torch.equal(engine.network["D"].layers[0].weight, new["D"]["layers.0.weight"])


def test_terms_go_by_their_weights():
    without = tiny(adversarial=False)
    assert "D" not in without.network
    with pytest.raises(ValueError, match="nothing is left to learn by"):
        tiny(adversarial=False, alpha=0, beta=0)
    with pytest.raises(ValueError, match="f_steps must be from 0 to 8, got 9"):
        tiny(f_steps=9)


def test_source_and_target_come_in_orders_of_their_own():
    """No pair is given: which target goes with a source image changes from epoch to epoch."""
    data = Domains.of(DATA, device=torch.device("cpu"))
    met = [{}, {}]
    for epoch, beside in enumerate(met):
        for step in range(5 * epoch, 5 * epoch + 5):
            batch = data.batch(step, 4, 0)
            beside |= {
                image.sum().item(): t.sum().item() for image, t in zip(batch["image"], batch["target"], strict=True)
            }
    assert set(met[0]) == set(met[1])
    assert sum(met[0][key] == met[1][key] for key in met[0]) <= 4


def test_the_inner_pixels_are_cut_as_the_margin_was_added():
    engine = tiny()
    rows = DATA["target"][:3]
    assert_close(dtn.cut((engine.grey(rows)[:, 0] + 1) / 2), torch.from_numpy(rows / 255).float().flatten(1))


# -- what ships ----------------------------------------------------------------------------------------------


def card(variant):
    return json.loads((checkpoints.folder("dtn", variant) / "card.json").read_text())


@pytest.fixture(scope="module")
def digits():
    return Domains.load("fontdigits").test


def test_the_card_says_what_the_weights_do(digits):
    found, said = engines.pretrained("dtn").evaluate(digits), card("")["metrics"]
    for key in ("accuracy", "untranslated", "f", "clear", "const"):
        assert found[key] == pytest.approx(said[f"test_{key}"], rel=5e-3, abs=2e-3), key


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name])
def test_the_parts_cards_say_what_their_weights_do(variant, digits):
    """On 500 images: within three standard errors of a share of so many."""
    some = {key: rows[::6] for key, rows in digits.items()}
    found, said = engines.pretrained("dtn", variant).evaluate(some), card(variant)["metrics"]
    for key in ("accuracy", "untranslated", "clear"):
        share = said[f"test_{key}"]
        assert abs(found[key] - share) < 3 * (share * (1 - share) / len(some["label"])) ** 0.5, key
    assert found["const"] == pytest.approx(said["test_const"], rel=0.05)


def test_translated_digits_are_read_far_better_than_untranslated_ones():
    said = card("")["metrics"]
    assert said["test_accuracy_low"] > said["test_untranslated_high"] + 0.2
    assert said["test_accuracy_high"] < said["test_f_high"]  # what f does not know cannot be drawn


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_alike_but_for_what_they_take_away(variant):
    assert card(variant)["config"] == {**card("")["config"], **VARIANTS[variant]}


def test_the_same_f_stands_under_all_variants():
    whole, *others = (engines.pretrained("dtn", v).network["f"].state_dict() for v in VARIANTS)
    for other in others:
        assert all(torch.equal(other[key], whole[key]) for key in whole)
