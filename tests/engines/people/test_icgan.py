"""IcGAN at tiny sizes: its losses written out, where y enters, wrong attributes, true edits; what ships."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.data import zoo
from engines.people import attributes, icgan
from engines.people.attributes import PACKS, Portraits, one_hot, sizes
from engines.people.icgan import VARIANTS, true_edits

RNG = np.random.default_rng(0)
NUMBERS = np.stack([RNG.integers(0, n, size=12) for n in sizes("facesjs")], axis=1)
DATA = {"image": RNG.integers(0, 256, size=(12, 32, 32, 3), dtype=np.uint8), "attributes": NUMBERS}
TINY = {"channels": 2, "latent_dim": 3, "batch_size": 4, "read_steps": 1, "gan_steps": 2, "n_steps": 4, "again": 0.0}


def tiny(**settings):
    return engines.create("icgan", **{**TINY, "data": DATA, "device": "cpu", **settings})


@pytest.fixture
def doubled(monkeypatch):
    """All numbers in float64."""
    own, hot = attributes.pixels, one_hot
    monkeypatch.setattr(icgan, "pixels", lambda *given: own(*given).double())
    monkeypatch.setattr(icgan, "one_hot", lambda *given: hot(*given).double())
    randn = torch.randn
    monkeypatch.setattr(icgan.torch, "randn", lambda *given, **more: randn(*given, **more, dtype=torch.float64))


def asked_of(engine, at):
    """What the batch ``at`` asks each player to minimise, in float64 and none of them moved; z, x, y and y' of it."""
    engine.network.double().train()
    for layer in engine.network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    asked, engine.iteration = {}, at
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch, engine.n_batch = engine.data.batch(at, 4, 0), 4
    before = engine.rng.get_state()
    engine.learn(batch)
    engine.rng.set_state(before)
    z = torch.randn(4, 3, generator=engine.rng)  # as `doubled` has it
    x, y = icgan.pixels(batch["image"], 32), icgan.one_hot(batch["attributes"], "facesjs")
    return asked, z, x, y, icgan.one_hot(engine.wrong(batch["attributes"]), "facesjs")


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("settings", [{}, {"y_at": "input"}, {"y_at": "last"}, {"wrong": "none"}, {"again": 0.5}])
def test_the_games_losses_are_the_papers(settings):
    engine = tiny(**settings)
    asked, z, x, y, wrong = asked_of(engine, 1)
    G, D, Ez = (engine.network[player] for player in ("G", "D", "Ez"))
    if "again" in settings:
        with torch.no_grad():
            code = Ez.eval()(x)[0]
        Ez.train()
        made, again = G(torch.cat([z, code]), torch.cat([y, y])).split(4)
        assert_close(asked["Ez"], ((z - Ez(made)[0]) ** 2).sum(dim=1).mean())
    else:
        made = G(z, y)
        assert set(asked) == {"G", "D"}
    real, fake, other = (torch.sigmoid(D(*pair)) for pair in ((x, y), (made, y), (x, wrong)))
    if settings.get("wrong") == "none":
        by_hand = -real.log().mean() - (1 - fake).log().mean()
    else:
        by_hand = -real.log().mean() - ((1 - fake).log().mean() + (1 - other).log().mean()) / 2
    assert_close(asked["D"], by_hand)
    more = 0.5 * (x - again).abs().mean() if "again" in settings else 0
    assert_close(asked["G"], -fake.log().mean() + more)
    asked["G"].backward()
    asked["D"].backward()
    assert all(p.grad is not None for p in [*G.parameters(), *D.parameters()])


@pytest.mark.usefixtures("doubled")
@pytest.mark.parametrize("joint", [False, True])
def test_z_is_learned_of_made_faces_and_y_of_true_ones(joint):
    engine = tiny(joint=joint)
    asked, z, x, y, _ = asked_of(engine, 3)
    made, net = engine.network["G"].eval()(z, y).detach(), engine.network
    if joint:
        codes, said = net["E"](torch.cat([made, x]))
        assert_close(asked["E"], ((codes[:4] - z) ** 2).sum(1).mean() + ((said[4:] - y) ** 2).sum(1).mean())
        return
    assert_close(asked["Ez"], ((net["Ez"](made)[0] - z) ** 2).sum(1).mean())
    engine = tiny()
    asked, z, x, y, _ = asked_of(engine, 0)
    assert_close(asked["Ey"], ((engine.network["Ey"](x)[0] - y) ** 2).sum(1).mean())


@pytest.mark.parametrize("at", icgan.WHERE)
def test_y_enters_d_where_it_is_said(at):
    n_y, D = sum(sizes("facesjs")), tiny(y_at=at).network["D"]
    assert D.first[0].in_channels == 3 + n_y * (at == "input")
    assert D.middle[0].in_channels == 2 + n_y * (at == "first")
    assert D.last.in_channels == 8 + n_y * (at == "last")
    x = torch.from_numpy(RNG.uniform(size=(3, 3, 32, 32))).float()
    y = one_hot(torch.from_numpy(NUMBERS[:3]), "facesjs")
    assert not torch.equal(D(x, y), D(x, y.roll(1, dims=1)))


def test_wrong_attributes_differ_in_one_and_take_every_other_value():
    engine, seen = tiny(), set()
    engine.n_batch = 12
    known = torch.from_numpy(NUMBERS)
    for _ in range(300):
        wrong = engine.wrong(known)
        assert ((wrong != known).sum(dim=1) == 1).all()
        assert (wrong >= 0).all()
        assert (wrong < torch.tensor(sizes("facesjs"))).all()
        seen |= {(row, column, int(wrong[row, column])) for row, column in (wrong != known).nonzero().tolist()}
    assert len(seen) == 12 * sum(n - 1 for n in sizes("facesjs"))
    engine = tiny(wrong="all")
    assert_close(engine.wrong(known), known.roll(1, dims=0))


def test_the_parts_follow_each_other_and_rates_fall_in_each():
    engine, parts = tiny(), []
    while not engine.done:
        parts.append((engine.part, engine.decayed))
        engine.step()
    assert [part for part, _ in parts] == ["read", "game", "game", "invert"]
    assert parts[1][1] == 1 > parts[2][1] > 0.1
    with pytest.raises(ValueError, match="set it to 0 for joint encoders"):
        tiny(joint=True, again=0.1)
    with pytest.raises(ValueError, match="y_at must be one of first, input, last"):
        tiny(y_at="middle")


def test_true_edits_are_found():
    known = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 0], [2, 1], [2, 0], [0, 1]])
    start, end, which = true_edits(known, torch.tensor([5, 5, 5, 5, 7, 7, 7]))
    assert (start.tolist(), end.tolist(), which.tolist()) == ([0, 4, 4], [1, 5, 6], [0, 1, 0])


def test_correlation_is_the_mean_of_pearsons():
    pairs = RNG.normal(size=(40, 2, 3))
    by_hand = np.mean([np.corrcoef(pairs[:, 0, i], pairs[:, 1, i])[0, 1] for i in range(3)])
    assert icgan.correlation(pairs) == pytest.approx(by_hand)


# -- what ships ------------------------------------------------------------------------------------------------

SHIPPED = [v for v in VARIANTS if checkpoints.folder("icgan", v).joinpath("card.json").exists()]


@pytest.fixture(scope="module")
def faces():
    pack = zoo.load("facesjs")
    rows = pack.rows("test")[:100]
    return attributes.of_pack(pack, rows)


@pytest.mark.parametrize("variant", [v for v in SHIPPED if v != "heads"])
def test_what_ships_does_what_its_card_says(variant, faces):
    engine = engines.pretrained("icgan", variant)
    m = checkpoints.read(checkpoints.folder("icgan", variant)).card["metrics"]
    known = torch.from_numpy(faces["attributes"])
    z, found = engine.taken_apart(faces["image"])
    assert float((found == known).double().mean()) == pytest.approx(m["test_y"], abs=0.04)
    again, x = engine.draw(z, found), torch.from_numpy(faces["image"].reshape(-1, 32, 2, 32, 2, 3).mean((2, 4)) / 255)
    assert 255 * float((again - x).abs().mean()) == pytest.approx(m["test_error"], rel=0.12)
    drawn = torch.randn(100, engine.config.latent_dim, generator=torch.Generator().manual_seed(9))
    back = engine.encode(engine.draw(drawn, known))[0]
    pairs = torch.stack([drawn, back], dim=1).double().numpy()
    assert icgan.correlation(pairs) == pytest.approx(m["test_z"], abs=0.08)


def test_no_test_pair_of_eyes_and_nose_is_learned_from(monkeypatch):
    """What is given out to learn from, row by row, has none of the pairs that are held out; the card counts them."""
    monkeypatch.setattr(attributes, "of_pack", lambda _, rows: {"image": rows, "attributes": rows})
    data, pack = Portraits.load("facesjs"), zoo.load("facesjs")
    pairs = pack["eye_nose_pair"]
    learned, held = (set(pairs[side["image"].numpy()].tolist()) for side in (data.train, data.test))
    assert not learned & held
    assert held == set(data.test["eye_nose_pair"].tolist())
    assert len(data.train["image"]) + len(data.test["image"]) == len(pairs)
    for variant in SHIPPED:
        about = checkpoints.read(checkpoints.folder("icgan", variant)).card["data"]
        if about["name"] == "facesjs":
            assert about["n_train"] == len(data.train["image"])


@pytest.mark.skipif("" not in SHIPPED, reason="nothing ships yet")
def test_the_signature():
    """z is found again, an edit changes what was asked for and little else; each bar is named where it is not held."""
    m = checkpoints.read(checkpoints.folder("icgan", "")).card["metrics"]
    assert m["test_z_low"] > 0.8
    assert abs(m["test_z_other"]) < 0.05
    assert m["test_changed_low"] >= 0.8
    assert m["test_others_high"] <= 0.15
    keys = list(PACKS["facesjs"])
    assert [key for key in keys if m[f"test_changed_{key}"] < 0.8] == ["mouth"]
    assert all(m[f"test_others_{key}"] <= 0.15 for key in keys)
    assert m["test_error_high"] < m["test_drawn_error_low"]
