"""Attributes as numbers, packs and who is held out; the judge's loss and what ships of it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.data import zoo
from engines.people import attributes
from engines.people.attributes import PACKS, Portraits, one_hot, pixels, sizes, values_of

RNG = np.random.default_rng(0)
DATA = {"image": RNG.integers(0, 256, size=(9, 64, 64, 3), dtype=np.uint8), "attributes": RNG.integers(0, 2, (9, 8))}


@pytest.mark.parametrize("pack", PACKS)
def test_one_hot_has_a_one_in_every_block_and_goes_back(pack):
    numbers = torch.stack([torch.from_numpy(RNG.integers(0, n, size=20)) for n in sizes(pack)], dim=1)
    y = one_hot(numbers, pack)
    assert y.shape == (20, sum(sizes(pack)))
    assert (torch.stack([block.sum(dim=1) for block in y.split(sizes(pack), dim=1)]) == 1).all()
    assert_close(values_of(y, pack), numbers)


def test_values_are_the_packs_own():
    names = zoo.load("facesjs").text("names")["attributes"]
    assert {key: tuple(values) for key, values in names.items()} == dict(PACKS["facesjs"])
    info = zoo.load("heads_attr").text("info")
    assert all(tuple(info[key]) == PACKS["heads_attr"][key] for key in ("hair_style", "hair_colour"))
    with pytest.raises(ValueError, match="has no attributes to learn from"):
        Portraits.load("emoji")


def test_pixels_are_means_and_bad_pictures_are_refused():
    x = pixels(DATA["image"], 32)
    by_hand = DATA["image"].reshape(9, 32, 2, 32, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 127.5 - 1
    assert_close(x, torch.from_numpy(by_hand).float(), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="pictures must have shape"):
        pixels(DATA["image"][:, :16, :16], 32)


def test_no_test_pair_of_eyes_and_nose_and_no_test_person_is_learned_from():
    for name, key in (("facesjs", "eye_nose_pair"), ("heads_attr", "identity")):
        pack = zoo.load(name)
        who, held = pack[key], pack.rows("test")
        assert not set(who[pack.rows("train")].tolist()) & set(who[held].tolist())
        assert len(held) > 400
    data = Portraits.of(DATA, device=torch.device("cpu"))
    assert set(data.batch(0, 4, 0)) == {"image", "attributes"}


def test_the_judges_loss_is_the_sum_of_cross_entropies():
    engine = engines.create("attribute_judge", data=DATA, channels=1, n_features=4, shift=0, batch_size=5, device="cpu")
    engine.network.double().train()
    asked = []
    engine.descend = lambda loss: asked.append(loss)
    batch = engine.data.batch(0, 5, 0)
    original = attributes.pixels
    try:
        attributes.pixels = lambda *given: original(*given).double()
        engine.learn(batch)
        said = engine.network(attributes.pixels(batch["image"], 32))
    finally:
        attributes.pixels = original
    rows = torch.arange(5)
    by_hand = sum(-F.log_softmax(p, 1)[rows, batch["attributes"][:, i]].mean() for i, p in enumerate(said.values()))
    assert_close(asked[0], by_hand)


def test_the_judge_takes_pictures_of_any_size_from_its_own_up():
    for side in (32, 48):
        judge = engines.create("attribute_judge", side=side, channels=1, n_features=4, pack="avatars", device="cpu")
        assert judge.read(DATA["image"]).shape == (9, 8)
        assert judge.features(DATA["image"]).shape == (9, 4)
    with pytest.raises(ValueError, match="pack must be one of"):
        engines.create("attribute_judge", pack="nobody")


SHIPPED = [v for v in attributes.VARIANTS if checkpoints.folder("attribute_judge", v).joinpath("card.json").exists()]


@pytest.mark.parametrize("variant", SHIPPED)
def test_the_judge_that_ships_reads_as_its_card_says(variant):
    judge = engines.pretrained("attribute_judge", variant)
    m = checkpoints.read(checkpoints.folder("attribute_judge", variant)).card["metrics"]
    pack = zoo.load(judge.config.pack)
    rows = pack.rows("test")[:100]
    some = attributes.of_pack(pack, rows)
    right = (judge.read(some["image"]) == torch.from_numpy(some["attributes"])).double().mean()
    assert float(right) == pytest.approx(m["test_accuracy"], abs=0.05)
    assert all(m[f"test_{key}_low"] > m[f"test_chance_{key}"] for key in PACKS[judge.config.pack])
