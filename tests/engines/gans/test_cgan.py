"""CGAN at tiny sizes: the game as the paper writes it, who is told what; then what the shipped weights reach."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints, data, learning
from engines.gans.cgan import VARIANTS

RNG = np.random.default_rng(0)
DATA = {"image": RNG.integers(0, 256, size=(40, 784), dtype=np.uint8), "label": np.arange(40) % 10}
TINY = {"n_noise": 3, "channels": 2, "batch_size": 4, "n_steps": 8, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("cgan", **{**TINY, **settings})


def asked_of(engine, monkeypatch):
    """What one batch asks of each player, none of them moved; its images, labels and noises."""
    asked, given = {}, {}
    engine.n_batch, noise = 4, engine.noise
    engine.rng.manual_seed(3)
    engine.network.double()
    greys_of = learning.greys_of
    monkeypatch.setattr(learning, "greys_of", lambda *given: greys_of(*given).double())
    engine.hot = lambda labels: type(engine).hot(engine, labels).double()
    engine.noise = lambda n, rng: given.setdefault("z", noise(n, rng).double())
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch = engine.data.batch(0, 4, 0)
    engine.learn(batch)
    return asked, 2 * batch["image"].double().reshape(4, 1, 28, 28) / 255 - 1, batch["label"], given["z"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_game_is_the_papers(variant, monkeypatch):
    engine = tiny(**VARIANTS[variant])
    engine.network.train()
    asked, x, labels, z = asked_of(engine, monkeypatch)
    G, D = engine.network["G"], engine.network["D"]
    y = torch.eye(10, dtype=torch.float64)[labels]
    told = torch.zeros_like(y) if variant == "untold" else y
    seen = torch.zeros_like(y) if variant in ("untold", "blind") else y
    made = G(z, told)
    real, fake = torch.sigmoid(D(x, seen)), torch.sigmoid(D(made, seen))
    if variant == "pairs":  # a third question: a real image beside a wrong label
        torch.randn(4, 3, generator=engine.rng.manual_seed(3))
        off = torch.randint(1, 10, (4,), generator=engine.rng)
        wrong = torch.sigmoid(D(x, torch.eye(10, dtype=torch.float64)[(labels + off) % 10]))
        assert_close(asked["D"], -real.log().mean() - ((1 - fake).log().mean() + (1 - wrong).log().mean()) / 2)
    else:
        assert_close(asked["D"], -real.log().mean() - (1 - fake).log().mean())
    assert_close(asked["G"], -fake.log().mean())
    assert (z == 0).all() == (variant == "no-noise")


def test_a_step_of_one_player_leaves_the_other_where_it_is(moved_in_a_step):
    engine = tiny()
    moves = [("D", "G", False), ("D", "D", True), ("G", "G", True), ("G", "D", False)]
    assert moved_in_a_step(engine) == moves


@torch.no_grad()
def test_who_is_told_the_label():
    rng = torch.Generator().manual_seed(0)
    x, z = torch.rand(3, 28, 28, generator=rng), torch.randn(3, 3, generator=rng)
    for variant, settings in VARIANTS.items():
        engine = tiny(**settings)
        drawn = [engine.draw(z, torch.full((3,), k)) for k in (1, 7)]
        assert torch.equal(*drawn) == (variant == "untold")
        judged = engine.judge(x)
        assert judged.shape == (3, 10)
        assert bool((judged == judged[:, :1]).all()) == (variant in ("untold", "blind"))
        for k in range(0 if variant in ("untold", "blind") else 10):  # the k-th column is D's answer beside k
            y = torch.eye(10)[[k] * 3]
            assert_close(judged[:, k], torch.sigmoid(engine.network["D"](2 * x[:, None] - 1, y)))


@torch.no_grad()
def test_a_mixed_label_is_between():
    engine, z = tiny(), torch.ones(1, 3)
    assert_close(engine.draw(z, torch.eye(10)[[4]]), engine.draw(z, torch.tensor([4])))
    assert engine.draw(z, torch.eye(10)[[4]] / 2).shape == (1, 28, 28)


@torch.no_grad()
def test_the_measures_are_what_they_say():
    engine = tiny(noisy=False)  # one drawing a label: no variety at all
    images, labels = torch.from_numpy(DATA["image"]), torch.from_numpy(DATA["label"])
    m = engine.evaluate(images, labels)
    assert m["spread"] == pytest.approx(0, abs=1e-9)
    by = engines.pretrained("classifier")
    drawn = engine.draw(torch.zeros(10, 3), torch.arange(10))
    right = by.log_posterior(drawn).argmax(dim=1) == torch.arange(10)
    assert m["accuracy"] == pytest.approx(float(right.double().mean()))
    assert m["real"] == pytest.approx(float((by.log_posterior(images).argmax(dim=1) == labels).double().mean()))
    blind = tiny(judged_by_label=False).evaluate(images, labels)
    assert blind["own"] == 0.5
    varied = tiny().evaluate(images, labels)  # the scale: two real images of a label, by a double loop
    pairs = [(a, b) for a in range(40) for b in range(40) if a != b and labels[a] == labels[b]]
    apart = np.mean([((images[a].double() - images[b].double()) / 255).square().sum() for a, b in pairs])
    engine = tiny()
    z = engine.noise(2_000, torch.Generator().manual_seed(5))
    y = torch.arange(1_000) % 10
    made = [engine.draw(part, y) for part in z.split(1_000)]
    wanted = float((made[0] - made[1]).square().sum(dim=(1, 2)).mean()) / apart
    assert varied["spread"] == pytest.approx(wanted, rel=0.1)


def test_bad_settings_are_refused():
    for key, value in {"n_noise": 0, "channels": 0, "batch_size": 1, "n_steps": 0}.items():
        with pytest.raises(ValueError, match=f"{key} must be from"):
            tiny(**{key: value})


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_the_shipped_ones_reach_what_their_cards_say(variant):
    engine = engines.pretrained("cgan", variant, device="cpu")
    m = checkpoints.read(checkpoints.folder("cgan", variant)).card["metrics"]
    asked = torch.arange(1_000) % 10
    made = engine.draw(engine.noise(1_000, torch.Generator().manual_seed(9)), asked)
    read = engines.pretrained("classifier").log_posterior(made).argmax(dim=1) == asked
    assert float(read.double().mean()) == pytest.approx(m["test_accuracy"], abs=0.06)
    test = data.load("mnist", split="test")
    belief, known = engine.judge(test.x[:500]), torch.as_tensor(test.labels[:500]).long()
    own = belief.gather(1, known[:, None])
    others = ((belief < own).double() + (belief == own).double() / 2).sum(dim=1) - 0.5  # of nine
    assert float(others.mean() / 9) == pytest.approx(m["test_own"], abs=0.05)
