"""PG2 at tiny sizes: its losses as the paper writes them, stage by stage; that a difference map is what is added."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.train import record_steps
from engines.translation.pose_guided import VARIANTS, Poses
from engines.translation.poses import KEYPOINTS, MIRRORED, by_outfit, heat_maps, mean_in_pose, mirrored, paired

RNG = np.random.default_rng(0)
DATA = {
    "image": RNG.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
    "keypoints": RNG.integers(0, 64, size=(12, 7, 2), dtype=np.uint8),
    "visible": RNG.integers(0, 2, size=(12, 7), dtype=np.uint8),
    "mask": RNG.integers(0, 2, size=(12, 64, 64), dtype=np.uint8),
    "outfit": np.repeat([3, 5, 9], 4),
}
TINY = {"channels": 1, "n_features": 3, "stage1_steps": 2, "batch_size": 4, "n_steps": 6, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("pose_guided", **{**TINY, **settings})


def asked_of(engine):
    """What one batch asks of each player, in float64 and none of them moved: losses, and what went in."""
    engine.network.double().train()
    if "G2" in engine.network:
        torch.nn.init.normal_(engine.network["G2"].last.weight, generator=torch.Generator().manual_seed(5))
    engine.pixels = lambda images: type(engine).pixels(engine, images).double()
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch = engine.data.batch(engine.iteration, 4, engine.config.seed)
    engine.n_batch, engine.shared = 4, torch.zeros_like  # no pair is mirrored, which is tested by itself
    engine.learn(batch)
    maps = heat_maps(batch["keypoints"].double(), batch["visible"], engine.config.radius).double()
    return asked, engine.pixels(batch["source"]), maps, engine.pixels(batch["image"]), batch["mask"].double()


def written_out(made, true, mask, weight=1.0):
    """Eq. 1 as a mean, colour by colour."""
    off = sum(((made[:, c] - true[:, c]).abs() * (1 + weight * mask)).sum() for c in range(3))
    return off / made.numel()


def bce(p, label):
    return -(p.log() if label else (1 - p).log()).mean()


def test_stage_1_descends_equation_1():
    asked, source, maps, true, mask = asked_of(engine := tiny())
    coarse = engine.network["G1"](torch.cat([source, maps], dim=1))
    assert set(asked) == {"G1"}
    assert_close(asked["G1"], written_out(coarse, true, mask))
    asked, source, maps, true, mask = asked_of(engine := tiny(mask_weight=0.0))
    assert_close(asked["G1"], (engine.network["G1"](torch.cat([source, maps], dim=1)) - true).abs().mean())


def test_stage_2_descends_equations_2_and_3():
    engine = tiny()
    engine.iteration = 2
    asked, source, maps, true, mask = asked_of(engine)
    G1, G2, D = (engine.network[key] for key in ("G1", "G2", "D"))
    coarse = G1(torch.cat([source, maps], dim=1))
    made = coarse + G2(torch.cat([source, coarse], dim=1))
    real, fake = D(source, true).sigmoid(), D(source, made).sigmoid()
    assert set(asked) == {"D", "G2"}
    assert_close(asked["D"], bce(real, 1) + bce(fake, 0))
    assert_close(asked["G2"], bce(fake, 1) + 100 * written_out(made, true, mask))


def test_the_gradient_is_the_slope_of_the_loss():
    engine = tiny(adversarial=False)
    engine.iteration = 2
    asked, source, maps, true, mask = asked_of(engine)
    G1, G2 = engine.network["G1"], engine.network["G2"]
    weight, h = G2.last.weight, 1e-6
    (found,) = torch.autograd.grad(asked["G2"], weight)

    @torch.no_grad()
    def loss(by):
        weight[1, 0, 1, 2] += by
        coarse = G1(torch.cat([source, maps], dim=1))
        value = written_out(coarse + G2(torch.cat([source, coarse], dim=1)), true, mask)
        weight[1, 0, 1, 2] -= by
        return float(value)

    assert float(found[1, 0, 1, 2]) == pytest.approx((loss(h) - loss(-h)) / (2 * h), rel=1e-4, abs=1e-8)


def test_signature_a_difference_map_is_what_is_added_to_the_coarse_image():
    """What makes it PG2: before stage 2 the map is 0; afterwards it is not, and coarse image + map is the result. G1 is
    frozen from then on, and what G2 is shown is the coarse image beside the source.
    """
    engine = tiny()
    given = [DATA[key][:4] for key in ("image", "keypoints", "visible")]
    for _ in range(2):
        engine.step()
    coarse, difference, made = engine.pose(*given)
    assert float(difference.abs().max()) == 0
    assert torch.equal(made, coarse)
    frozen = {key: value.clone() for key, value in engine.network["G1"].state_dict().items()}
    while not engine.done:
        engine.step()
    assert all(torch.equal(value, frozen[key]) for key, value in engine.network["G1"].state_dict().items())
    after, difference, made = engine.pose(*given)
    assert torch.equal(after, coarse)
    assert float(difference.abs().max()) > 0
    assert_close(made - coarse, difference, rtol=0, atol=1e-6)
    shown = torch.cat([engine.pixels(given[0]), 2 * coarse.permute(0, 3, 1, 2) - 1], dim=1)
    with torch.no_grad():
        assert_close(engine.network["G2"](shown).permute(0, 2, 3, 1) / 2, difference, rtol=1e-5, atol=1e-6)


def test_the_discriminator_sees_the_source_beside_the_image():
    D, engine = (found := tiny()).network["D"], found
    images = engine.pixels(DATA["image"])
    beside = [D(images[:4], images[8:]), D(images[4:8], images[8:])]
    assert float((beside[0] - beside[1]).detach().abs().max()) > 1e-3


def test_variants_take_parts_away():
    players = lambda **settings: set(tiny(**settings).network)  # noqa: E731
    assert players() == {"G1", "G2", "D"}
    assert players(refine=False) == {"G1", "D"}
    assert players(refine=False, adversarial=False) == {"G1"}
    alone = tiny(refine=False, adversarial=False)
    alone.step()
    assert set(alone.running) == {"l1"}
    one = tiny(refine=False)
    one.step()  # against D from its first batch
    assert set(one.running) == {"l1", "gan", "d_loss", "d_real", "d_fake"}
    with pytest.raises(ValueError, match="stage1_steps must be from 0 to 6, got 7"):
        tiny(stage1_steps=7)


def test_the_rate_falls_to_0_in_either_stage_and_a_film_shows_both():
    engine = tiny(stage1_steps=20, n_steps=30)
    rates = []
    for engine.iteration in (0, 10, 20, 25):
        rates.append(engine.decayed)
    assert rates == pytest.approx([1, 0.5, 1, 0.5])
    assert engine.phase_starts == (0, 20)
    steps = sorted(record_steps(1000, 20, (0, 600)))
    assert steps[0] == 0
    assert 600 in steps
    assert 601 in steps
    assert 5 <= sum(step > 600 for step in steps) <= 10
    assert record_steps(1000, 20) == record_steps(1000, 20, (0, 5000))


# -- pairs and poses -------------------------------------------------------------------------------------


def test_a_source_is_another_picture_of_the_same_outfit():
    data = Poses.of(DATA, device=torch.device("cpu"))
    of = {DATA["image"][i].tobytes(): i for i in range(12)}
    met = set()
    for step in range(30):
        batch = data.batch(step, 4, 0)
        for source, image, outfit in zip(batch["source"], batch["image"], batch["outfit"], strict=True):
            a, b = of[source.numpy().tobytes()], of[image.numpy().tobytes()]
            assert a != b
            assert DATA["outfit"][a] == DATA["outfit"][b] == outfit
            met.add((a, b))
    assert len(met) >= 34  # of the 36 pairs there are
    again = [data.batch(7, 4, 0)["source"], data.batch(7, 4, 0)["source"]]
    assert torch.equal(*again)
    pairs = paired(data.test, torch.arange(12))
    assert [of[row.numpy().tobytes()] for row in pairs["source"]] == [1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8]
    with pytest.raises(ValueError, match="one behind the other"):
        Poses({**DATA, "outfit": DATA["outfit"][::-1].copy()})


def test_heat_maps_are_discs_and_hidden_keypoints_have_none():
    points = torch.tensor([[[10.0, 20.0], [0.0, 63.0]]])
    maps = heat_maps(points, torch.tensor([[1, 1]]), 2.0)
    assert maps.shape == (1, 2, 64, 64)
    inside = [(y, x) for y in range(64) for x in range(64) if (x - 10) ** 2 + (y - 20) ** 2 <= 4]
    assert sorted(map(tuple, torch.nonzero(maps[0, 0]).tolist())) == inside
    assert maps[0, 1, 63, 0] == 1
    assert float(maps[0, 1].sum()) == 6  # the quarter of the disc that lies in the picture
    assert float(heat_maps(points, torch.tensor([[0, 1]]), 2.0)[0, 0].sum()) == 0


def test_a_mirror_turns_picture_mask_and_keypoints_together_and_swaps_right_and_left():
    batch = paired({key: torch.from_numpy(value) for key, value in DATA.items()}, torch.arange(12))
    flipped = [i % 3 == 1 for i in range(12)]
    turned = mirrored(batch, torch.tensor(flipped))
    at = flipped.index(True)
    for key in ("image", "source", "mask"):
        assert torch.equal(turned[key][at], batch[key][at].flip(1))
    for k, name in enumerate(KEYPOINTS):
        side, part = name.split(" ") if " " in name else ("", name)
        other = KEYPOINTS.index(f"{'left' if side == 'right' else 'right'} {part}" if side else name)
        assert MIRRORED[k] == other
        x, y = batch["keypoints"][at, other].tolist()
        assert turned["keypoints"][at, k].tolist() == [63 - x, y]
        assert turned["visible"][at, k] == batch["visible"][at, other]
    same = flipped.index(False)
    assert all(torch.equal(turned[key][same], batch[key][same]) for key in batch)


def test_floors_and_intervals_are_over_outfits_and_poses():
    values = by_outfit(torch.tensor([1.0, 3.0, 10.0]), torch.tensor([4, 4, 7]))
    assert values.tolist() == [2.0, 10.0]
    train = {key: torch.from_numpy(DATA[key]) for key in ("image", "keypoints")}
    train["keypoints"] = train["keypoints"].clone()
    train["keypoints"][5] = train["keypoints"][0]
    found = mean_in_pose(train, {"keypoints": train["keypoints"][[0, 3]]})
    assert_close(found[0], (train["image"][0] / 255 + train["image"][5] / 255) / 2)
    assert_close(found[1], train["image"][3] / 255)


def test_what_is_measured_is_1_for_the_truth_and_the_floors_are_named():
    engine = tiny()
    found = engine.evaluate(engine.data.test)
    for key in ("ssim", "mask_ssim", "l1", "coarse_ssim", "copy_ssim", "mean_ssim", "pose_ssim", "pair"):
        assert found[f"{key}_low"] <= found[key] <= found[f"{key}_high"]
    assert found["pose_l1"] == pytest.approx(0, abs=1e-4)  # every pose is seen once: the mean is the picture
    assert found["pose_mask_ssim"] == pytest.approx(1, abs=1e-4)


# -- what ships ------------------------------------------------------------------------------------------


def card(variant):
    return json.loads((checkpoints.folder("pose_guided", variant) / "card.json").read_text())


@pytest.fixture(scope="module")
def test_side():
    return Poses.load("figures_poses").test


def test_signature_the_shipped_model_is_above_its_floors():
    """SSIM of the result above that of copying the input and of the mean image."""
    said = card("")["metrics"]
    for key in ("ssim", "mask_ssim"):
        assert said[f"test_{key}_low"] > said[f"test_copy_{key}_high"]
        assert said[f"test_{key}_low"] > said[f"test_mean_{key}_high"]
    assert said["test_l1_high"] < min(said["test_copy_l1_low"], said["test_mean_l1_low"])


@pytest.mark.parametrize("variant", ["", "stage1"])
def test_the_card_says_what_the_weights_do(variant, test_side):
    """A fixed sixth of the test outfits, evaluated anew: as near to the card as so few can be, on both sides."""
    few = {key: rows[:144] for key, rows in test_side.items()}
    found, said = engines.pretrained("pose_guided", variant).evaluate(few), card(variant)["metrics"]
    for key, within in (("ssim", 0.03), ("coarse_ssim", 0.03), ("copy_ssim", 0.03), ("mask_ssim", 0.06)):
        assert found[key] == pytest.approx(said[f"test_{key}"], abs=within), key
    assert found["l1"] == pytest.approx(said["test_l1"], rel=0.15)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_alike_but_for_what_they_take_away(variant):
    about = card(variant)
    assert about["config"] == {**card("")["config"], **VARIANTS[variant]}
    assert about["data"]["sha256"] == card("")["data"]["sha256"]
    assert about["steps"] == about["config"]["n_steps"]
    assert variant == "" or about["steps"] == card("small")["steps"]
