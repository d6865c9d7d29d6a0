"""CycleGAN at tiny sizes: its losses as the paper writes them, the pool of past images, and that no pair is given."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines.translation.cyclegan import POOL, Pool, Styles, coarse, features, nearest_is_own, with_noise

RNG = np.random.default_rng(0)
STYLES = {kind: RNG.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8) for kind in ("flat", "noto")}
TINY = {"side": 32, "channels": 2, "n_blocks": 1, "batch_size": 2, "n_steps": 6, "device": "cpu", "data": STYLES}


def tiny(**settings):
    return engines.create("cyclegan", **{**TINY, **settings})


def asked_of(engine):
    """What one batch asks of each player, in float64 and none of them moved; x and y."""
    engine.network.double().train()
    engine.n_batch = 2
    asked = {}
    engine.descend = lambda loss, *players: asked.update({"".join(players): loss})
    engine.images = lambda x: type(engine).images(engine, x).double()
    batch = engine.data.batch(0, 2, 0)
    engine.learn(batch)
    return asked, engine.images(batch["flat"]), engine.images(batch["noto"])


@pytest.mark.parametrize(
    "settings", [{}, {"both_ways": False}, {"cycle_weight": 0.0, "identity_weight": 0.0}, {"identity_weight": 0.0}]
)
def test_the_losses_are_the_papers(settings):
    engine = tiny(**settings)
    asked, x, y = asked_of(engine)
    G, F, D_X, D_Y = (engine.network[key] for key in ("G", "F", "D_X", "D_Y"))
    there, back = G(x), F(y)
    gan = ((D_Y(there) - 1) ** 2).mean() + ((D_X(back) - 1) ** 2).mean()
    cycle = (F(there) - x).abs().mean()
    if settings.get("both_ways", True):
        cycle = cycle + (G(back) - y).abs().mean()
    identity = (G(y) - y).abs().mean() + (F(x) - x).abs().mean()
    weights = {"cycle_weight": 10.0, "identity_weight": 5.0} | settings
    assert_close(asked["GF"], gan + weights["cycle_weight"] * cycle + weights["identity_weight"] * identity)
    # The pool is not full yet, so D sees what was made just now.
    assert_close(asked["D_Y"], (((D_Y(y) - 1) ** 2).mean() + (D_Y(there.detach()) ** 2).mean()) / 2)
    assert_close(asked["D_X"], (((D_X(x) - 1) ** 2).mean() + (D_X(back.detach()) ** 2).mean()) / 2)


def test_the_gradient_is_the_slope_of_the_loss():
    engine = tiny()
    asked, x, y = asked_of(engine)
    G, F, D_X, D_Y = (engine.network[key] for key in ("G", "F", "D_X", "D_Y"))
    bias, h = G[-2].bias, 1e-6
    (found,) = torch.autograd.grad(asked["GF"], bias)

    @torch.no_grad()
    def loss(i, by):
        bias[i] += by
        there, back = G(x), F(y)
        gan = ((D_Y(there) - 1) ** 2).mean() + ((D_X(back) - 1) ** 2).mean()
        cycle = (F(there) - x).abs().mean() + (G(back) - y).abs().mean()
        identity = (G(y) - y).abs().mean() + (F(x) - x).abs().mean()
        bias[i] -= by
        return float(gan + 10 * cycle + 5 * identity)

    for i in range(3):
        assert float(found[i]) == pytest.approx((loss(i, h) - loss(i, -h)) / (2 * h), rel=1e-4, abs=1e-7)


def test_the_pool_keeps_fifty_and_gives_back_an_older_one_half_of_the_time():
    pool, rng = Pool(4), torch.Generator().manual_seed(0)
    marked = torch.arange(1050.0)[:, None, None, None].expand(-1, 3, 4, 4)
    first = pool.exchange(marked[:POOL], rng)
    assert_close(first, marked[:POOL])
    out = torch.cat([pool.exchange(marked[i : i + 1], rng) for i in range(POOL, 1050)])[:, 0, 0, 0]
    given = torch.arange(POOL, 1050)
    older = out != given
    assert len(pool.images) == POOL
    assert float(older.double().mean()) == pytest.approx(0.5, abs=0.05)
    assert (out[older] < given[older]).all()
    assert len(set(out[older].tolist())) == int(older.sum())  # what has gone out does not come again


def test_no_pair_leaks_into_training():
    """Row i of both files is the same emoji; in the batches the rows of one say nothing of the other's."""
    n = 400
    index = np.arange(n, dtype=np.uint8 if n < 256 else np.int64)
    data = Styles({"flat": index, "noto": index})
    met = [data.batch(step, 4, 0) for step in range(100)]
    flat, noto = (torch.cat([batch[key] for batch in met]).double() for key in ("flat", "noto"))
    assert sorted(flat.tolist()) == sorted(noto.tolist()) == list(range(n))
    assert int((flat == noto).sum()) <= 5  # one is expected by chance
    assert abs(float(torch.corrcoef(torch.stack([flat, noto]))[0, 1])) < 0.15


def test_shuffling_the_pairs_in_the_files_changes_nothing():
    """Whatever partner stands beside an image in the files, the same weights are learned, bit for bit."""
    shuffled = {"flat": STYLES["flat"], "noto": STYLES["noto"][np.random.default_rng(1).permutation(12)]}
    states = []
    for data in (STYLES, shuffled):
        engine = tiny(data=data)
        while not engine.done:
            engine.step()
        states.append(engine.state_dict())
    for key, value in states[0].items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1][key])), key
    other = tiny(data={**STYLES, "noto": STYLES["noto"][::-1] // 2})
    other.step()
    first = tiny()
    first.step()
    assert not torch.equal(first.network["G"][0].weight, other.network["G"][0].weight)  # other images do change it


def test_the_partner_of_an_image_is_itself_and_of_noise_anyone():
    images, other = (torch.rand(40, 32, 32, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    for by in (features, coarse):
        assert nearest_is_own(by(images), by(images)).mean() == 1
        assert nearest_is_own(by(images), by(other)).mean() < 0.2
    assert features(images).shape == (40, 192)
    assert_close(features(images).norm(dim=1), torch.ones(40, dtype=torch.float64))


def test_the_measures_of_a_network_that_changes_nothing():
    """With the identity as G and F every gain is 0, and the way back meets its start."""
    engine = tiny()
    for key in ("G", "F"):
        engine.network[key] = torch.nn.Identity()
    m = engine.evaluate({kind: torch.from_numpy(rows) for kind, rows in STYLES.items()})
    assert m["gain"] == m["back_gain"] == m["changed"] == 0
    assert m["partner"] == m["untranslated"]
    assert m["cycle"] == pytest.approx(0, abs=1e-4)
    assert m["off"] == pytest.approx(m["off_untranslated"])
    assert m["chance"] == pytest.approx(1 / 12)
    assert m["noisy"] == pytest.approx(4 * np.sqrt(2 / np.pi), rel=0.05)  # E|N(0, 4^2)|, levels cut at 0 and 255


def test_the_way_back_begins_at_the_translation_and_noise_moves_it():
    engine = tiny()
    x = STYLES["flat"][:2]
    there, back = engine.cycle(x)
    assert_close(there, engine.translate(x))
    assert_close(back, engine.lead(there, "F"))
    noisy = with_noise(there, 0.01, torch.Generator().manual_seed(0))
    assert float((noisy - there).std()) == pytest.approx(0.01, rel=0.1)
    assert not torch.allclose(engine.lead(noisy, "F"), back, atol=1e-7)
