"""InfoGAN at tiny sizes: the game as the paper writes it, what Q reads, who gains by it; then the shipped weights."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints, data, learning
from engines.gans.infogan import VARIANTS

RNG = np.random.default_rng(0)
DATA = {"image": RNG.integers(0, 256, size=(40, 784), dtype=np.uint8), "label": np.arange(40) % 10}
TINY = {"n_noise": 3, "channels": 2, "hidden": 5, "batch_size": 4, "n_steps": 8, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("infogan", **{**TINY, **settings})


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_game_is_the_papers(variant, monkeypatch):
    engine = tiny(**{"information_weight": 0.7, **VARIANTS[variant]})
    engine.network.train().double()
    asked, given, greys_of, inputs = {}, {}, learning.greys_of, engine.inputs
    monkeypatch.setattr(learning, "greys_of", lambda *given: greys_of(*given).double())
    engine.inputs = lambda *of: given.setdefault("inputs", tuple(part.double() for part in inputs(*of)))
    engine.descend = lambda loss, player: asked.update({player: loss})
    engine.n_batch, batch = 4, engine.data.batch(0, 4, 0)
    engine.learn(batch)
    (z, code), (G, D) = given["inputs"], (engine.network["G"], engine.network["D"])
    K = 20 if variant == "twenty" else 10
    category, dials = code[:, :K].argmax(dim=1), code[:, K:]
    assert (code[:, :K] == torch.eye(K, dtype=torch.float64)[category]).all()
    made = G(z, code)
    real, fake = (D(x)[0].sigmoid() for x in (2 * batch["image"].double().reshape(4, 1, 28, 28) / 255 - 1, made))
    q = D(made)[1]
    log_q = q[:, :K].log_softmax(dim=1)[range(4), category] - ((q[:, K:] - dials) ** 2).sum(dim=1) / 2
    told = (0.001 if variant == "light" else 0.7) * log_q.mean()
    assert_close(asked["D"], -real.log().mean() - (1 - fake).log().mean() - told)
    assert_close(asked["G"], -fake.log().mean() - told)
    assert (z == 0).all() == (variant == "no-noise")


def test_a_step_of_one_player_leaves_the_other_where_it_is(moved_in_a_step):
    engine = tiny()
    moves = [("D", "G", False), ("D", "D", True), ("G", "G", True), ("G", "D", False)]
    assert moved_in_a_step(engine) == moves
    rates = {key: optimizer.param_groups[0]["lr"] for key, optimizer in engine.optimizers.items()}
    assert rates == {"G": engine.config.generator_rate, "D": engine.config.learning_rate}


def test_codes_are_drawn_evenly():
    z, code = tiny(n_categories=4).inputs(20_000, torch.Generator().manual_seed(0))
    assert_close(code[:, :4].mean(dim=0), torch.full((4,), 0.25), atol=0.02, rtol=0)
    assert code[:, 4:].abs().max() <= 1
    assert_close(code[:, 4:].square().mean(dim=0), torch.full((2,), 1 / 3), atol=0.02, rtol=0)
    assert_close(z.std(dim=0), torch.ones(3), atol=0.03, rtol=0)


@torch.no_grad()
def test_the_measures_are_what_they_say():
    engine = tiny(n_categories=3)
    into = torch.tensor([0, 0, 1, 1, 2, 0, 0, 1, 2, 2])
    labels = torch.tensor([7, 7, 3, 3, 5, 7, 3, 3, 5, 1])
    read = engine.read

    def told(x):
        return (torch.eye(3)[into], torch.zeros(10, 2)) if len(x) == 10 else read(x)

    engine.read = told
    m = engine.evaluate(torch.zeros(10, 784, dtype=torch.uint8), labels)
    assert m["found"] == pytest.approx(3 / 5)  # named 7, 3, 5 by the first half; right are 7, 3, 5 of 7, 3, 3, 5, 1
    z, code = engine.inputs(2000, learning.stream(0, 2))
    q = read(engine.draw(z, code))[0][range(2000), code[:, :3].argmax(dim=1)]
    assert m["nats"] == pytest.approx(float(np.log(3) + q.double().log().mean()), abs=1e-5)
    assert m["nats"] <= np.log(3)


def test_bad_settings_are_refused():
    for key, value in {"n_categories": 1, "n_noise": 0, "hidden": 0, "generator_rate": 0, "batch_size": 1}.items():
        with pytest.raises(ValueError, match=f"{key} must be from"):
            tiny(**{key: value})


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_the_shipped_ones_reach_what_their_cards_say(variant):
    engine = engines.pretrained("infogan", variant, device="cpu")
    m = checkpoints.read(checkpoints.folder("infogan", variant)).card["metrics"]
    test = data.load("mnist", split="test")
    into, digits = engine.read(test.x)[0].argmax(dim=1).numpy(), test.labels
    names = {k: np.bincount(digits[:5000][into[:5000] == k], minlength=10).argmax() for k in range(20)}
    right = np.mean([names[k] == digit for k, digit in zip(into[5000:], digits[5000:], strict=True)])
    assert right == pytest.approx(m["test_found"], abs=0.005)
    z, code = engine.inputs(500, torch.Generator().manual_seed(9))
    told = (engine.read(engine.draw(z, code))[0] * code[:, :-2]).sum(dim=1).log() + np.log(code.shape[1] - 2)
    assert float(told.mean()) == pytest.approx(m["test_nats"], abs=0.15)
