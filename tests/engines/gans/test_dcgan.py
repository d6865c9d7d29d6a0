"""DCGAN at tiny sizes: the recipe's parts, its two losses, its states; and what the shipped weights reach."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import engines
from engines import checkpoints, data
from engines.gans.dcgan import GAP, Discriminator, Generator, draw_codes

IMAGES = data.load("mnist").x[:64]
TINY = {"channels": 4, "latent_dim": 6, "batch_size": 16, "device": "cpu", "data": IMAGES}


def tiny(**settings):
    return engines.create("dcgan", **{**TINY, **settings})


@pytest.mark.parametrize("size", [28, 32])
def test_the_generator_grows_its_map_as_the_paper_says(size):
    engine = tiny(size=size)
    maps = engine.maps(torch.zeros(2, 6))
    generator = torch.Generator().manual_seed(0)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (6, 1, 1),
        (16, 4, 4),
        (8, size // 4, size // 4),
        (4, size // 2, size // 2),
        (1, size, size),
    ]
    assert engine.decode(torch.zeros(2, 6)).shape == (2, size, size)
    assert engine.score(engine.decode(torch.randn(3, 6, generator=generator))).shape == (3,)
    assert engine.score(IMAGES[:3]).shape == (3,)


def kinds(network):
    return [type(layer) for layer in network.modules() if not list(layer.children())]


def test_every_rule_of_the_recipe_is_a_switch():
    plain = tiny()
    g, d = kinds(plain.network["G"]), kinds(plain.network["D"])
    assert g.count(nn.ConvTranspose2d) == 4
    assert g.count(nn.BatchNorm2d) == 3
    assert g.count(nn.ReLU) == 3
    assert g[-1] is nn.Tanh
    assert nn.MaxPool2d not in d
    assert nn.LeakyReLU in d
    assert d.count(nn.BatchNorm2d) == 2  # not at the input
    assert nn.Upsample in kinds(tiny(strided=False).network["G"])
    assert nn.MaxPool2d in kinds(tiny(strided=False).network["D"])
    assert nn.BatchNorm2d not in kinds(tiny(batch_norm=False).network)
    assert kinds(tiny(hidden_layer=True).network["D"]).count(nn.Linear) == 2
    assert nn.ReLU not in kinds(tiny(generator_relu=False).network["G"])
    assert nn.LeakyReLU not in kinds(tiny(leaky=False).network["D"])
    small, wide = (tiny(small_start=on).network["D"].body[0].weight for on in (True, False))
    assert small.std().item() == pytest.approx(0.02, rel=0.3)
    assert wide.std().item() > 0.1
    assert plain.optimizers["G"].defaults["betas"] == (0.5, 0.999)


def test_a_round_takes_the_two_steps_of_the_paper():
    """Against the two steps written out with PyTorch's own cross-entropy and Adam, on copies of the networks."""
    engine = tiny(batch_norm=True)
    config = engine.config
    with torch.random.fork_rng():  # layers made plainly draw from the global generator
        g, d = Generator(config), Discriminator(config)
    g.load_state_dict(engine.network["G"].state_dict())
    d.load_state_dict(engine.network["D"].state_dict())
    g.train(), d.train()
    g_adam, d_adam = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (g, d))
    held = torch.Generator()
    held.set_state(engine.rng.get_state())
    z = torch.randn(16, 6, generator=held)
    rows = engines.material.batch_rows(0, n_rows=64, batch_size=16, seed=0)
    real = torch.tensor(IMAGES)[rows].float().reshape(16, 1, 28, 28) / 127.5 - 1
    engine.step()

    fake = g(z)
    one, zero = torch.ones(16), torch.zeros(16)
    cross_entropy = F.binary_cross_entropy_with_logits
    (cross_entropy(d(real), one) + cross_entropy(d(fake.detach()), zero)).backward()
    d_adam.step()
    cross_entropy(d(fake), one).backward()
    g_adam.step()
    for ours, theirs in ((engine.network["G"], g), (engine.network["D"], d)):
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert_close(a, b, atol=1e-6, rtol=1e-5, msg=name)


def test_switches_keep_away_from_zero_and_the_other_numbers_are_gaussian():
    n, engine = 50_000, tiny(switches=2)
    z = draw_codes(n, engine.config, generator=torch.Generator().manual_seed(0)).double()
    assert z[:, :2].abs().min() >= GAP
    switched = 1 + 2 * GAP * np.sqrt(2 / np.pi) + GAP**2  # E(GAP + |e|)^2 of a Gaussian e
    variance = torch.tensor([switched] * 2 + [1.0] * 4, dtype=torch.float64)
    assert_close(z.square().mean(dim=0), variance, rtol=0.04, atol=0)
    assert (z.mean(dim=0).abs() < 5 * (variance / n).sqrt()).all()
    with pytest.raises(ValueError, match="switches must be from 0 to latent_dim, 6, got 7"):
        tiny(switches=7)


def test_wrong_settings_and_codes_are_named():
    with pytest.raises(ValueError, match="size must be 28 or 32 pixels, got 64"):
        tiny(size=64)
    with pytest.raises(ValueError, match="at least 2 for batch normalisation"):
        tiny(batch_size=1)
    with pytest.raises(ValueError, match=r"codes must have shape \(B, 6\)"):
        tiny().decode(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="no data to learn from"):
        tiny(data=None).step()


def test_a_classifier_without_labels_or_with_too_many_is_named():
    with pytest.raises(ValueError, match="labelled images"):
        engines.create("classifier", data=IMAGES, device="cpu")
    with pytest.raises(ValueError, match="needs n_classes of at least 10"):
        engines.create("classifier", data=engines.material.Images.load("mnist", n=50), n_classes=3, device="cpu")


# -- what ships ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier():
    return engines.pretrained("classifier")


def test_the_shipped_classifier_is_a_good_measure(classifier):
    """99.2 % on all test images is its card's; here the first 1,500, whose share right varies by 0.2 %."""
    card = json.loads((checkpoints.folder("classifier") / "card.json").read_text())
    assert card["metrics"]["test_accuracy"] >= 0.992
    test = data.load("mnist", split="test")
    assert classifier.evaluate(test.x[:1500], test.labels[:1500])["accuracy"] >= 0.985


def test_the_shipped_dcgan_draws_clear_digits_of_every_class(classifier):
    """What its card says of 5,000 samples, seen again in 600, with the deviations that 600 have."""
    metrics = json.loads((checkpoints.folder("dcgan") / "card.json").read_text())["metrics"]
    assert metrics["test_clear"] >= 0.9
    assert metrics["test_frechet"] < 8
    assert metrics["test_frechet_real"] < metrics["test_frechet"]
    assert 0.04 <= metrics["test_rarest"] <= metrics["test_commonest"] <= 0.2
    engine = engines.pretrained("dcgan")
    samples = engine.sample(600, generator=torch.Generator().manual_seed(0))
    real = classifier.features(data.load("mnist", split="test").x[:1000]).numpy()
    found = engine.judge(samples, real=real, by=classifier)
    assert found["clear"] == pytest.approx(metrics["test_clear"], abs=0.05)
    assert 0.02 <= found["rarest"] <= found["commonest"] <= 0.23
    assert np.isfinite(list(found.values())).all()
