"""Age-cGAN at tiny sizes: its losses written out, L-BFGS against SciPy, the search and its aim; what ships."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize, rosen, rosen_der
from scipy.stats import spearmanr
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.data import zoo
from engines.maths.lbfgs import LBFGS
from engines.people import age_cgan, age_judge, ages
from engines.people.age_judge import matches, spearman, threshold
from engines.people.age_measures import SEARCHES, SOURCES, WAYS
from engines.people.age_search import AgeSearch, AgeSearchConfig, Query
from engines.people.ages import AGES, SIDE, pixels

RNG = np.random.default_rng(0)
DATA = {
    "image": RNG.integers(0, 256, size=(16, SIDE, SIDE, 3), dtype=np.uint8),
    "age": np.tile(np.arange(8), 2),
    "person": np.arange(16) // 8,
}
TINY = {"channels": 2, "n_latent": 4, "batch_size": 4, "n_steps": 8, "n_encoder": 4, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("age_cgan", **{**TINY, **settings})


def fr():
    found = engines.create("age_judge", people=2, width=2, n_features=4, device="cpu")
    found.network.requires_grad_(False)
    return found


def doubled(engine, monkeypatch):
    """The networks in float64 and what is asked of each player, none of them moved."""
    monkeypatch.setattr(age_cgan, "pixels", lambda images, device=None: pixels(images, device).double())
    engine.network.double().train()
    monkeypatch.setattr(engine, "said", lambda age: F.one_hot(torch.as_tensor(age), len(AGES)).double())
    monkeypatch.setattr(engine, "follow", lambda: None)
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    engine.n_batch = 4
    return asked


@pytest.mark.parametrize("told", [True, False])
def test_the_players_losses_are_written_out(monkeypatch, told):
    engine = tiny(told=told)
    asked, batch = doubled(engine, monkeypatch), engine.data.batch(0, 4, 0)
    z = torch.from_numpy(RNG.normal(size=(4, 4)))
    ages_drawn = torch.tensor([7, 0, 3, 3])
    monkeypatch.setattr(engine, "drawn", lambda: (z, engine.said(ages_drawn)))
    monkeypatch.setattr(engine, "moved", lambda x: x)
    flip = torch.randint(0, 2, (4,), generator=torch.Generator().set_state(engine.rng.get_state())) == 1
    engine.play(batch)
    G, D = engine.network["G"], engine.network["D"]
    x = pixels(batch["image"]).double()
    x[flip] = x[flip].flip(3)
    y, claimed = (torch.eye(8).double()[a] * told for a in (batch["age"], ages_drawn))
    made = G(z, torch.eye(8).double()[ages_drawn])
    d = -torch.log(torch.sigmoid(D(x, y))).mean() - torch.log(1 - torch.sigmoid(D(made, claimed))).mean()
    assert_close(asked["D"], d)
    assert_close(asked["G"], -torch.log(torch.sigmoid(D(made, claimed))).mean())


def test_the_encoder_undoes_what_the_generator_made(monkeypatch):
    engine = tiny()
    asked = doubled(engine, monkeypatch)
    z = torch.from_numpy(RNG.normal(size=(4, 4)))
    y = torch.eye(8).double()[[1, 2, 3, 4]]
    monkeypatch.setattr(engine, "drawn", lambda: (z, y))
    engine.iteration = 6
    engine.mean = {key: value.clone() for key, value in engine.network["G"].state_dict().items()}
    before = engine.network["G"].state_dict()["layers.0.running_mean"].clone()
    engine.undo()
    assert_close(engine.network["G"].state_dict()["layers.0.running_mean"], before)
    G, E = engine.network["G"], engine.network["E"]
    assert all(p.requires_grad and p.grad is None for p in G.parameters())
    assert G.training
    x = G.eval()(z, y).detach()
    assert_close(asked["E"], ((z - E(x)) ** 2).mean())


def test_the_age_enters_at_the_generators_input_and_behind_the_discriminators_first_layer():
    engine = tiny()
    G, D = engine.network["G"], engine.network["D"]
    assert G.start[0].weight.shape[1] == 4 + len(AGES)
    x, y = torch.from_numpy(RNG.uniform(size=(2, 3, SIDE, SIDE))).float(), torch.eye(8)[:2]
    seen = []
    D.first.register_forward_hook(lambda _m, given, out: seen.append((given[0].shape[1], out.shape[1])))
    D.rest[0].register_forward_hook(lambda _m, given, _out: seen.append(given[0]))
    D(x, y)
    assert seen[0] == (3, 4)
    assert_close(seen[1][:, 4:], y[:, :, None, None].expand(-1, -1, 24, 24))


def test_the_mean_of_the_weights_takes_the_generators_place():
    engine = tiny(mean=0.9)
    for _ in range(4):
        engine.step()
    for key, value in engine.network["G"].state_dict().items():
        assert_close(value, engine.mean[key])
    before = [p.clone() for p in engine.network["G"].parameters()]
    while not engine.done:
        engine.step()
    assert all(torch.equal(a, b) for a, b in zip(before, engine.network["G"].parameters(), strict=True))
    assert "e_loss" in engine.running


# -- L-BFGS ----------------------------------------------------------------------------------------------------


def rosenbrock(x, _rows):
    values = torch.tensor([rosen(v) for v in x.numpy()])
    return values, torch.tensor(np.stack([rosen_der(v) for v in x.numpy()]))


def test_lbfgs_finds_what_scipy_finds():
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (3, 4))
    search = LBFGS(rosenbrock, torch.tensor(starts))
    for _ in range(80):
        search.step()
    for value, start in zip(search.value, starts, strict=True):
        found = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B").fun
        assert float(value) == pytest.approx(found, abs=1e-6)


def test_one_problem_does_not_touch_another_and_nothing_rises():
    starts = torch.tensor(np.random.default_rng(1).uniform(-1.5, 1.5, (3, 4)))
    together, alone = LBFGS(rosenbrock, starts), LBFGS(rosenbrock, starts[1:2])
    for _ in range(12):
        before = together.value
        together.step()
        alone.step()
        assert (together.value <= before).all()
        assert_close(together.x[1:2], alone.x)


def test_the_direction_is_the_inverse_hessian_of_the_pairs():
    """On a quadratic with as many exact pairs as dimensions it is Newton's."""
    a = torch.diag(torch.tensor([1.0, 4.0, 9.0])).double()
    search = LBFGS(lambda x, _: ((x @ a * x).sum(1) / 2, x @ a), torch.ones(1, 3).double(), memory=3)
    search.s = torch.eye(3).double()[:, None]
    search.y = search.s @ a
    assert_close(search.direction(), -torch.ones(1, 3).double())


# -- the search ------------------------------------------------------------------------------------------------


def searched(**settings):
    gan, x = tiny(data=None), torch.from_numpy(RNG.uniform(-1, 1, size=(2, 3, SIDE, SIDE))).float()
    return AgeSearch(AgeSearchConfig(**settings), data=Query(gan=gan, x=x, age=torch.tensor([1, 6]), fr=fr()))


@pytest.mark.parametrize("aim", ["identity", "pixels"])
def test_the_aims_are_written_out(aim):
    search = searched(aim=aim, prior=0.1)
    for network in (search.gan.network, search.fr):
        network.double()
    search.x, search.y = search.x.double(), search.y.double()
    search.known = search.seen(search.x)
    z, rows = torch.from_numpy(RNG.normal(size=(1, 4))), torch.tensor([1])
    made = search.gan.network["G"](z, search.y[1:])
    (_, a), (_, b) = (search.fr(v) for v in (search.x[1:], made))
    away = (a / a.norm() - b / b.norm()).square().sum() if aim == "identity" else (search.x[1:] - made).square().mean()
    value, gradient = search.objective(z, rows)
    assert_close(value[0], (away + 0.1 * z.square().mean()).detach())
    step = 1e-5 * torch.eye(4).double()[2:3]
    slope = (search.objective(z + step, rows)[0] - search.objective(z - step, rows)[0]) / 2e-5
    assert_close(gradient[0, 2], slope[0], rtol=1e-3, atol=1e-6)


def test_a_search_starts_at_the_first_guess_and_comes_nearer():
    search = searched(n_steps=5)
    assert_close(search.z, search.gan.network["E"](search.x))
    before = search.search.value
    z = search.run()
    assert (search.search.value < before).all()
    faces = search.gan.ages_of(z)
    assert faces.shape == (2, 8, SIDE, SIDE, 3)
    assert_close(faces[1, 6], search.gan.face(z[1:], [6])[0])
    with pytest.raises(ValueError, match=r"aim .* is not known; choose one of identity, pixels"):
        AgeSearchConfig(aim="both")


# -- measures --------------------------------------------------------------------------------------------------


def test_whom_faces_show_is_counted():
    gallery = F.normalize(torch.from_numpy(RNG.normal(size=(6, 8, 5))), dim=2)
    found, same = matches(gallery, gallery)
    assert found.shape == same.shape == (6, 8, 8)
    assert found[:, range(8), range(8)].all()
    for i, a, b in ((0, 2, 5), (3, 7, 1)):
        cosines = gallery[:, b] @ gallery[i, a]
        assert found[i, a, b] == (int(cosines.argmax()) == i)
        others = torch.stack([gallery[j, a] @ gallery[k, b] for j in range(6) for k in range(6) if j != k])
        assert float(threshold(gallery)[a, b]) == pytest.approx(float(others.quantile(0.99)))
        assert same[i, a, b] == (cosines[i] > others.quantile(0.99))


def test_spearman_is_scipys():
    pairs = RNG.normal(size=(7, 3, 2)).round(1)
    assert spearman(pairs) == pytest.approx(spearmanr(*pairs.reshape(-1, 2).T).statistic)


def test_a_face_is_the_square_of_the_picture_that_holds_it():
    class Pack:
        def take(self, field, rows):
            size = (len(rows), 64, 64, 3)
            return {"identity": np.repeat([4, 9], 8), "age": np.tile(AGES, 2),
                    "image": np.arange(np.prod(size)).reshape(size)}[field]  # fmt: skip

    found = ages.Ages.of_pack(Pack(), np.arange(16))
    assert_close(found["image"][3, 0, 0, 0], Pack().take("image", np.arange(16))[3, 4, 8, 0])
    assert found["image"].shape == (16, SIDE, SIDE, 3)
    assert found["person"].tolist() == [0] * 8 + [1] * 8
    judged = engines.create("age_judge", people=2, width=2, task="age", device="cpu")
    with pytest.raises(ValueError, match="pictures must have shape"):
        judged.years(np.zeros((2, 64, 64, 3)))
    assert ((judged.years(DATA["image"]) >= AGES[0]) & (judged.years(DATA["image"]) <= AGES[-1])).all()
    with pytest.raises(ValueError, match="task must be person or age"):
        age_judge.AgeJudgeConfig(task="hair")


# -- what ships ------------------------------------------------------------------------------------------------


def card(name, variant=""):
    return checkpoints.read(checkpoints.folder(name, variant)).card


def test_no_test_person_was_seen_in_training():
    """Of the pack's people those with k % 6 == 5 are in nothing that judges and Age-cGAN learn from."""
    pack = zoo.load("heads_age")
    people = {split: set(pack["identity"][pack.rows(split)].tolist()) for split in ("train", "test")}
    assert people["test"] == {k for k in range(300) if k % 6 == 5}
    assert not people["test"] & people["train"]
    data, offsets = pack["data"].tobytes(), pack["offsets"]
    files = {split: {data[offsets[i] : offsets[i + 1]] for i in pack.rows(split)} for split in people}
    assert not files["train"] & files["test"]
    given = ages.Ages.load("heads_age", n=16)
    assert set(given.train["identity"].tolist()) == {0, 1}
    for name, variants in (("age_cgan", age_cgan.VARIANTS), ("age_judge", age_judge.VARIANTS)):
        for variant in variants:
            about = card(name, variant)["data"]
            assert (about["people"], about["n_train"], about["n_test"]) == (250, 2000, 400)
            assert about["sha256"] == zoo.SHA256["heads_age.npz"]


@pytest.mark.parametrize("variant", age_cgan.VARIANTS)
def test_what_was_found_agrees_with_the_card(variant):
    engine, m = engines.pretrained("age_cgan", variant), card("age_cgan", variant)["metrics"]
    other = np.ones((3, 8), dtype=bool)
    other[range(3), SOURCES] = False
    assert engine.hits.shape == (2, len(WAYS), 50, 3, 8)
    for w, way in enumerate(WAYS):
        assert float(engine.hits[0, w].numpy()[:, other].mean()) == pytest.approx(m[f"test_kept_{way}"], abs=1e-4)
        read = engine.read[w][:, torch.from_numpy(other)]
        asked = torch.tensor(AGES)[torch.arange(8).expand(3, 8)[torch.from_numpy(other)]].expand_as(read)
        found = spearman(torch.stack([read, asked], dim=2).numpy())
        assert found == pytest.approx(m[f"test_spearman_{way}"], abs=0.01)


def test_what_was_found_is_found_again():
    """The searches of two people once more: nearly the same codes' worth, and the same hits."""
    engine, pack = engines.pretrained("age_cgan"), zoo.load("heads_age")
    image = ages.Ages.of_pack(pack, pack.rows("test")[:16])["image"].reshape(2, 8, SIDE, SIDE, 3)[:, SOURCES[1]]
    age = torch.full((2,), SOURCES[1])
    for way, settings in SEARCHES.items():
        search = AgeSearch.of(engine, image, age, **{**settings, "n_steps": 10})
        search.run()
        kept = search.objective(engine.codes[WAYS.index(way), :2, 1], torch.arange(2))[0]
        assert (kept <= search.search.value * 1.02).all()  # after all steps it is nearer than after ten
    guess = engine.guess(image)
    assert_close(guess, engine.codes[0, :2, 1], atol=0.02, rtol=0.02)
    who, old = age_cgan.judge("judge", "cpu"), age_cgan.judge("age", "cpu")
    top, left = ages.TOP, ages.LEFT
    given = pack.take("image", pack.rows("test")[SOURCES[1] :: 8])[:, top : top + SIDE, left : left + SIDE]
    gallery = who.features(given)
    faces = engine.ages_of(engine.codes[WAYS.index("both"), :2, 1])
    nearest = (who.features(faces.flatten(0, 1)) @ gallery.T).argmax(dim=1).reshape(2, 8)
    again = (nearest == torch.arange(2)[:, None]).float()
    assert float((again == engine.hits[0, WAYS.index("both"), :2, 1]).float().mean()) >= 0.9
    read = old.years(faces.flatten(0, 1)).reshape(2, 8)
    assert_close(read, engine.read[WAYS.index("both"), :2, 1], atol=1.0, rtol=0.02)


def test_the_signature():
    """The person is kept more often after the search that looks at the person than after either other way, and the age
    read off follows the age asked for.
    """
    m = card("age_cgan")["metrics"]
    for way in ("identity", "both"):
        assert m[f"test_kept_{way}_over_pixels_low"] > 0
        assert m[f"test_kept_{way}_over_guess_low"] > 0
        assert m[f"test_spearman_{way}_low"] >= 0.8
        assert m[f"test_kept_{way}_high"] < m["test_kept_true_low"]
    assert m["test_kept_guess_low"] > 1 / m["test_people"]
