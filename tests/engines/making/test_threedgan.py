"""3D-GAN against losses in float64, PyTorch's own convolutions, solids counted by hand, files read back."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch.testing import assert_close

from engines import learning
from engines.data import zoo
from engines.making import solids, threedgan
from engines.making.solids import Furniture
from engines.making.threedgan import Generator, ThreeDGAN, ThreeDGANConfig, blocks_to_cells, cells_to_blocks

DRAW = np.random.default_rng(0)


def boxes(n: int) -> dict[str, np.ndarray]:
    """Boxes of random measures, as a pack holds solids."""
    voxels = np.zeros((n, 32, 32, 32), dtype=np.uint8)
    for solid in voxels:
        (x, y, z), (a, b, c) = DRAW.integers(1, 16, 3), DRAW.integers(4, 16, 3)
        solid[x : x + a, y : y + b, z : z + c] = 1
    return {"voxels": voxels, "label": np.arange(n) % 6}


def tiny(n: int = 12, **settings) -> ThreeDGAN:
    config = {"channels": 1, "latent_dim": 3, "batch_size": 4, "n_steps": 20, "seed": 0, **settings}
    return ThreeDGAN(ThreeDGANConfig(**config), data=Furniture(boxes(n)), device="cpu")


def test_blocks_make_the_papers_convolutions():
    """Of kernel 4, stride 2 and padding 1, down and up: the same sums in another order."""
    draw = learning.stream(0, 1)
    x = torch.randn(2, 32, 32, 32, generator=draw, dtype=torch.float64)
    weight = torch.randn(3, 8, 2, 2, 2, generator=draw, dtype=torch.float64)  # of blocks: offset, then which block
    at = weight.reshape(3, 2, 2, 2, 2, 2, 2).permute(0, 4, 1, 5, 2, 6, 3).reshape(3, 1, 4, 4, 4)
    assert_close(F.conv3d(cells_to_blocks(x), weight), F.conv3d(x[:, None], at, stride=2, padding=1))

    h = torch.randn(2, 3, 16, 16, 16, generator=draw, dtype=torch.float64)
    up = torch.randn(8, 3, 2, 2, 2, generator=draw, dtype=torch.float64)
    flipped = up.flip(2, 3, 4).reshape(2, 2, 2, 3, 2, 2, 2).permute(3, 4, 0, 5, 1, 6, 2).reshape(3, 1, 4, 4, 4)
    ours = blocks_to_cells(F.conv3d(h, up, padding=1))
    assert_close(ours, F.conv_transpose3d(h, flipped, stride=2, padding=1)[:, 0])


def test_the_losses_and_gradients_are_the_written_out_ones():
    """One step on each player's loss, in float64, is Adam's on what the paper writes."""
    ours, theirs = tiny(d_learning_rate=1e-3), tiny(d_learning_rate=1e-3)
    theirs.data = ours.data
    for engine in (ours, theirs):
        engine.network.double().train()
    rows = ours.data.batch(0, 4, 0)
    ours.n_batch = 4
    ours.learners["G"], ours.learners["D"] = ours.network["G"], ours.network["D"]
    ours.codes = lambda n, g: ThreeDGAN.codes(ours, n, g).double()
    solids_float, batch = rows["voxels"], {**rows, "voxels": rows["voxels"].double()}
    ours.learn({**batch, "voxels": _Double(batch["voxels"])})

    G, D, rng = theirs.network["G"], theirs.network["D"], theirs.rng
    x = solids.turned(solids_float.double(), torch.randint(0, 8, (4,), generator=rng))
    made = torch.sigmoid(G((2 * torch.rand(4, 3, generator=rng) - 1).double()))
    d_loss = -torch.log(torch.sigmoid(D(x))).mean() - torch.log(1 - torch.sigmoid(D(made.detach()))).mean()
    adams = {"D": torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999)),
             "G": torch.optim.Adam(G.parameters(), lr=2.5e-3, betas=(0.5, 0.999))}  # fmt: skip
    d_loss.backward()
    adams["D"].step()
    (-torch.log(torch.sigmoid(D(made))).mean()).backward()
    adams["G"].step()
    for key in "GD":
        for (name, a), b in zip(ours.network[key].named_parameters(), theirs.network[key].parameters(), strict=True):
            assert_close(a, b, atol=1e-9, rtol=1e-7, msg=name)


class _Double(torch.Tensor):
    """Stays in float64 where an engine asks for floats."""

    def float(self) -> torch.Tensor:
        return self.as_subclass(torch.Tensor).double()


def parameters(engine: ThreeDGAN, player: str) -> list[torch.Tensor]:
    return [value.clone() for value in engine.network[player].parameters()]


@pytest.mark.parametrize(("accuracy", "held_above", "moves"), [(0.81, 0.8, False), (0.8, 0.8, True), (1.0, 1.0, True)])
def test_d_is_held_back_exactly_where_it_was_right_too_often(accuracy, held_above, moves):
    engine = tiny(held_above=held_above, batch_norm=False)
    engine.network["D"].accuracy.fill_(accuracy)
    before = {key: parameters(engine, key) for key in "DG"}
    engine.step()
    assert all(torch.equal(a, b) for a, b in zip(before["D"], parameters(engine, "D"), strict=True)) != moves
    assert not all(torch.equal(a, b) for a, b in zip(before["G"], parameters(engine, "G"), strict=True))
    assert engine.running["held"] == float(not moves)
    assert float(engine.network["D"].accuracy) == pytest.approx(engine.running["accuracy"])


def test_what_holds_d_back_goes_with_the_state():
    one, other = tiny(), tiny()
    one.network["D"].accuracy.fill_(0.95)
    other.load_state_dict(one.state_dict())
    assert float(other.network["D"].accuracy) == pytest.approx(0.95)


def test_the_average_follows_g():
    engine = tiny(average=0.75)
    start = {key: value.clone() for key, value in engine.network["G"].state_dict().items()}
    engine.step()
    now = engine.network["G"].state_dict()
    for key, mean in engine.network["mean"].state_dict().items():
        if mean.is_floating_point():
            assert_close(mean, 0.75 * start[key] + 0.25 * now[key], atol=1e-6, rtol=1e-5)


def test_features_leave_d_as_it_was_and_know_the_solids_at_hand():
    engine = tiny()
    before = {key: value.clone() for key, value in engine.network["D"].state_dict().items()}
    found = engine.features(torch.as_tensor(boxes(5)["voxels"]))
    assert found.shape == (5, 7 * 1 * 64)
    assert all(torch.equal(value, before[key]) for key, value in engine.network["D"].state_dict().items())
    assert not engine.network["D"].training


def test_a_variant_takes_one_part_away():
    small = threedgan.VARIANTS["small"]
    for name, settings in threedgan.VARIANTS.items():
        assert name in ("", "small") or len(set(settings.items()) - set(small.items())) == 1
        ThreeDGANConfig(**settings)
    with torch.device("meta"):
        bare = Generator(ThreeDGANConfig(batch_norm=False))
    assert not any(isinstance(layer, torch.nn.BatchNorm3d) for layer in bare.modules())
    with pytest.raises(ValueError, match="kinds must be one of all, seats, got 'cars'"):
        tiny(kinds="cars")
    with pytest.raises(ValueError, match="no solid is of the kinds"):
        ThreeDGAN(ThreeDGANConfig(), data=Furniture({**boxes(4), "label": np.full(4, 16)}), device="cpu")


# -- solids ----------------------------------------------------------------------------------------------------


def test_eight_turns_are_eight_and_stand_upright():
    x = torch.as_tensor(DRAW.integers(0, 2, (1, 32, 32, 32)))
    ways = [solids.turn(x, way) for way in range(8)]
    assert len({tuple(way.flatten().tolist()) for way in ways}) == 8
    assert all(torch.equal(way.sum(dim=(1, 3)), x.sum(dim=(1, 3))) for way in ways)  # every layer keeps its cells
    each = solids.turned(x.expand(8, -1, -1, -1).contiguous(), torch.arange(8))
    assert torch.equal(each, torch.cat(ways))


def test_measures_are_counts():
    some = np.zeros((3, 32, 32, 32), dtype=np.uint8)
    some[0, 2:4, 0, 0] = 1
    some[0, 4, 1, 0] = 1  # touches at an edge only
    some[1, :2, :2, :2] = 1
    assert solids.in_one_piece(some) == pytest.approx([2 / 3, 1, 0])
    a, b = torch.as_tensor(some[:2]), torch.zeros(2, 32, 32, 32, dtype=torch.uint8)
    b[1, 0, 0, 28:30] = 1  # the first one's two, turned by a quarter
    value, which, way = solids.overlap(a, b)
    assert value[0] == pytest.approx(2 / 3)
    assert which[0] == 1
    assert torch.equal(solids.turn(a[0], way[0]) & b[1], b[1])


def test_the_floor_fills_as_often_as_the_solids_and_hangs_together_less():
    some = torch.as_tensor(boxes(40)["voxels"])
    floor = solids.by_cell(some, 40, generator=learning.stream(0, 1))
    assert floor.float().mean() == pytest.approx(float(some.float().mean()), rel=0.05)
    assert solids.in_one_piece(floor.numpy()).mean() < solids.in_one_piece(some.numpy()).mean() == 1


def test_components_are_those_of_a_full_decomposition():
    some = torch.as_tensor(boxes(12)["voxels"])
    mean, basis = solids.components(some, 3, generator=learning.stream(0, 1))
    rows = torch.cat([solids.coarse(solids.turn(some, way)) for way in range(8)]).double()
    values = torch.linalg.svdvals(rows - rows.mean(dim=0))[:3]
    assert_close(mean.double(), rows.mean(dim=0), atol=1e-6, rtol=1e-5)
    assert_close(((rows - mean) @ basis.double()).norm(dim=0), values, rtol=1e-2, atol=0)
    assert_close(basis.T @ basis, torch.eye(3), atol=1e-5, rtol=0)


def test_the_energy_is_that_of_its_definition():
    x, y = torch.randn(60, 2, generator=learning.stream(0, 1)), torch.randn(80, 2, generator=learning.stream(0, 2)) + 1
    both = [[float((a - b).norm()) for b in y] for a in x]
    own = [[float((a - b).norm()) for b in x] for a in x]
    other = [[float((a - b).norm()) for b in y] for a in y]
    expected = 2 * np.mean(both) - np.sum(own) / (60 * 59) - np.mean(other)
    assert solids.energy(x, y).mean() == pytest.approx(expected, rel=1e-4)


def test_a_probe_finds_what_is_linear_and_nothing_in_noise():
    x, labels = DRAW.normal(size=(200, 30)), DRAW.integers(0, 3, 200)
    noise = (solids.probe(x[:150], labels[:150], x[150:]) == labels[150:]).mean()
    assert 0.1 < noise < 0.6
    x[np.arange(200), labels] += 6
    assert (solids.probe(x[:150], labels[:150], x[150:]) == labels[150:]).mean() > 0.95


def test_files_hold_the_outside_of_the_solid():
    solid = np.zeros((32, 32, 32), dtype=np.uint8)
    solid[4:7, 0:2, 3] = 1  # 3 x 2 x 1 cells: 22 faces
    assert solids.faces(solid).shape == (22, 4, 3)
    lines = solids.obj(solid).decode().splitlines()
    corners = np.array([line.split()[1:] for line in lines if line.startswith("v ")], dtype=float)
    assert sum(line.startswith("f ") for line in lines) == 22
    assert corners.min(axis=0).tolist() == [4, 0, 3]
    assert corners.max(axis=0).tolist() == [7, 2, 4]
    raw = solids.stl(solid)
    assert struct.unpack("<I", raw[80:84]) == (44,)
    rows = np.frombuffer(raw[84:], dtype=[("n", "<f4", 3), ("c", "<f4", (3, 3)), ("a", "<u2")])
    volume = np.einsum("ij,ij->i", rows["c"][:, 0], np.cross(rows["c"][:, 1], rows["c"][:, 2])).sum() / 6
    assert volume == pytest.approx(6)  # closed, and every face looks outwards
    assert np.allclose(np.linalg.norm(rows["n"], axis=1), 1)


# -- furniture -------------------------------------------------------------------------------------------------


def test_the_furniture_is_the_packs_without_the_mixed_bag():
    rows, pack = Furniture.load("furniture"), zoo.load("furniture")
    assert (
        (rows.about["n_train"], rows.about["n_test"])
        == (len(rows.train["label"]), len(rows.test["label"]))
        == (436, 87)
    )
    assert tuple(name.replace(" or ", "_") for name in solids.CLASSES) == tuple(pack.text("info")["classes"][:-1])
    assert pack.text("info")["classes"][-1] == "other"
    best = solids.overlap(rows.test["voxels"][:20], rows.train["voxels"], ways=(0,))[0]
    assert best.max() < 0.76  # no test solid among the training solids
    pieces = ndimage.label(rows.train["voxels"][0].numpy())[1]
    assert pieces >= 1
    with pytest.raises(ValueError, match="--n must be from 1 to 436"):
        Furniture.load("furniture", n=437)


def test_evaluation_has_its_scale(monkeypatch):
    monkeypatch.setattr(threedgan, "MEASURED", 16)
    engine = tiny(n=24)
    metrics = engine.evaluate(Furniture(boxes(24)).train)
    for key in ("filled", "ratio", "one_piece", "nearest", "found", "energy", "probe", "gain"):
        for end in ("", "_true", "_floor", "_untrained", "_cells"):
            if f"{key}{end}" in metrics:
                assert metrics[f"{key}{end}_low"] <= metrics[key + end] <= metrics[f"{key}{end}_high"] + 1e-9, key + end
    assert metrics["one_piece_true"] == 1
    assert metrics["gain"] == pytest.approx(metrics["probe"] - metrics["probe_cells"])
    assert metrics["energy_true"] < metrics["energy_floor"]
