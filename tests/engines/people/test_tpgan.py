"""TP-GAN at tiny sizes: its losses written out, its patches and where they go, its people; what ships."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import engines
from engines import checkpoints
from engines.data import zoo
from engines.people import recogniser as recognisers
from engines.people import tpgan
from engines.people.heads import FRONT, SIDE, YAWS, Heads, mirrored, pixels
from engines.people.recogniser import first_hits
from engines.people.tpgan import BOX, PARTS, PATCH, TEMPLATE, VARIANTS

RNG = np.random.default_rng(0)
DATA = {
    "image": RNG.integers(0, 256, size=(26, SIDE, SIDE, 3), dtype=np.uint8),
    "landmarks": RNG.uniform(14, 50, size=(26, 6, 2)).astype(np.float32),
    "yaw": np.tile(YAWS, 2),
    "person": np.arange(26) // 13,
    "front": np.arange(26) // 13 * 13 + FRONT,
}
TINY = {"channels": 2, "n_code": 4, "people": 2, "batch_size": 3, "n_steps": 6, "device": "cpu", "data": DATA}


def tiny(**settings):
    return engines.create("tpgan", **{**TINY, **settings})


@pytest.fixture
def eye(monkeypatch):
    """A small recogniser in the place of the shipped ones, in float64."""
    found = engines.create("recogniser", people=2, width=2, n_features=4, device="cpu")
    found.network.double().eval().requires_grad_(False)
    monkeypatch.setattr(tpgan, "recogniser", lambda _variant, _device: found)
    return found.network


def asked_of(engine):
    """What one batch asks each player to minimise, in float64 and none of them moved, and the batch."""
    engine.network.double().train()
    for layer in engine.network.modules():  # what is measured here must not move the running averages
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.0
    asked = {}
    engine.descend = lambda loss, player: asked.update({player: loss})
    batch = engine.data.batch(0, 3, 0)
    return asked, batch


@pytest.fixture
def doubled(monkeypatch):
    monkeypatch.setattr(tpgan, "pixels", lambda images, device=None: pixels(images, device).double())
    original = tpgan.TPGAN.given
    monkeypatch.setattr(tpgan.TPGAN, "given", lambda self, x, y: original(self, x, torch.as_tensor(y).double()))


@pytest.mark.usefixtures("doubled")
def test_the_losses_are_the_papers(eye):
    engine = tiny()
    asked, batch = asked_of(engine)
    moved = torch.randint(-2, 3, (2,), generator=torch.Generator().set_state(engine.rng.get_state())).tolist()
    said = engine.learn(batch)
    config, G, D = engine.config, engine.network["G"], engine.network["D"]
    x, true, points = pixels(batch["image"]).double(), pixels(batch["frontal"]).double(), batch["landmarks"].double()
    for i in range(3):  # every face turns left
        if points[i, 2, 0] > points[i, :2, 0].mean():
            x[i], true[i], points[i] = x[i].flip(2), true[i].flip(2), mirrored(points[i : i + 1])[0]
    (small, middle, made), drawn, people = G(x, points)

    pixel = 1.5 * (small - F.avg_pool2d(true, 4)).abs().mean() + (middle - F.avg_pool2d(true, 2)).abs().mean()
    pixel = pixel + (made - true).abs().mean()
    part = 0.0
    for i, (u, v) in enumerate(TEMPLATE):
        h, w = PATCH[i]
        there = true[:, :, v - h // 2 : v + h // 2, u - w // 2 : u + w // 2]
        part = part + (drawn[i] - there).abs().mean() / 4
    kernel = torch.tensor([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]).double()[None, None].repeat(3, 1, 1, 1) / 4
    edges = F.conv2d(made, kernel, groups=3)
    sym = (edges[..., :31] - edges.flip(3)[..., :31]).abs().mean()
    tv = (made[..., 1:] - made[..., :-1]).abs().mean() + (made[:, :, 1:] - made[:, :, :-1]).abs().mean()
    cross = -people.log_softmax(1)[torch.arange(3), batch["person"]].mean()
    seen = [eye(torch.roll(image, moved, dims=(2, 3))) for image in (made, true)]
    ip = sum((a - b).abs().mean() for a, b in zip(*seen, strict=True))
    adv = -torch.sigmoid(D(made)).log().mean()
    for key, value in {"pixel": pixel, "part": part, "sym": sym, "tv": tv, "cross": cross, "ip": ip}.items():
        assert_close(said[key], value)
    total = pixel + config.part * part + config.symmetry * sym + config.adversarial * adv + config.identity * ip
    assert_close(asked["G"], total + config.variation * tv + config.cross * cross)
    d_loss = -torch.sigmoid(D(true)).log().mean() - (1 - torch.sigmoid(D(made))).log().mean()
    assert_close(asked["D"], d_loss)


@pytest.mark.usefixtures("eye", "doubled")
@pytest.mark.parametrize(
    ("variant", "missing"),
    [("no-identity", "ip"), ("no-gan", "adv"), ("no-local", "part"), ("no-symmetry", None)],
)
def test_a_variant_lacks_its_part(variant, missing):
    engine = tiny(**{**VARIANTS[variant], "channels": 2, "n_code": 4, "n_steps": 6})
    asked, batch = asked_of(engine)
    said = engine.learn(batch)
    assert missing not in said
    if variant == "no-symmetry":
        c = engine.config
        rest = c.part * said["part"] + c.adversarial * said["adv"] + c.identity * said["ip"] + c.cross * said["cross"]
        assert_close(asked["G"], said["pixel"] + rest + c.variation * said["tv"])


def test_only_the_hidden_half_is_pulled():
    made = torch.from_numpy(RNG.uniform(size=(2, 3, SIDE, SIDE))).requires_grad_()
    tpgan.symmetry_loss(made).backward()
    assert (made.grad[..., SIDE // 2 + 1 :] == 0).all()
    assert (made.grad[..., 1 : SIDE // 2 - 1].abs().sum(dim=(0, 1, 2)) > 0).all()
    even = torch.cat([made[..., : SIDE // 2], made[..., : SIDE // 2].flip(3)], dim=3)
    assert float(tpgan.symmetry_loss(even.detach())) == pytest.approx(0, abs=1e-12)


def test_patches_come_from_the_landmarks_and_go_to_the_template():
    """A patch cut at the template's place and put back there changes nothing."""
    x = torch.from_numpy(RNG.uniform(size=(2, 3, SIDE, SIDE))).float()
    points = torch.zeros(2, 6, 2)
    for i in range(3):
        points[:, i] = torch.tensor(TEMPLATE[i])
    points[:, 3], points[:, 4] = (torch.tensor(TEMPLATE[3]) + torch.tensor([d, 0]) for d in (5, -5))
    cuts = tpgan.patches(x, points)
    assert [tuple(c.shape[2:]) for c in cuts] == list(PATCH)
    back = tpgan.fused(cuts)
    inside = back.amax(dim=1) > 0
    assert_close(back[inside[:, None].expand_as(back)], x[inside[:, None].expand_as(x)])
    left, top, right, bottom = BOX
    assert inside.any(dim=0).nonzero().amin(dim=0).tolist() == [top, left]
    assert inside.any(dim=0).nonzero().amax(dim=0).tolist() == [bottom - 1, right - 1]
    assert len(PARTS) == len(TEMPLATE)


def test_a_patch_stays_inside_the_picture():
    x = torch.arange(SIDE * SIDE, dtype=torch.float32).reshape(1, 1, SIDE, SIDE).repeat(1, 3, 1, 1)
    patch = tpgan.cut(x, torch.tensor([[1.0, 62.0]]), (12, 24))
    assert_close(patch, x[:, :, 52:64, 0:24])


def test_a_mirrored_head_is_brought_to_the_mirrored_front():
    engine = tiny()
    x, points = torch.from_numpy(DATA["image"]), torch.from_numpy(DATA["landmarks"])
    keep = (points[:, 2, 0] - points[:, :2, 0].mean(dim=1)).abs() > 0.5
    made, put = engine.pathways(x[keep], points[keep])
    other, other_put = engine.pathways(x[keep].flip(2), mirrored(points[keep]))
    assert_close(other, made.flip(2))
    assert_close(other_put, put.flip(2))
    with pytest.raises(ValueError, match="pictures must have shape"):
        engine.front(x[:, :32], points)


def test_rank_one_counts_the_nearest():
    of = {"front": torch.from_numpy(DATA["front"])}
    features = F.normalize(torch.from_numpy(RNG.normal(size=(26, 5))))
    hits = first_hits(features, of)
    assert hits.shape == (2, 13)
    for i in range(26):
        cosines = [float(features[i] @ features[k * 13 + FRONT]) for k in range(2)]
        assert hits[i // 13, i % 13] == (int(np.argmax(cosines)) == i // 13)


def test_the_recognisers_loss_is_softmax_of_cosines():
    engine = engines.create("recogniser", data=DATA, people=2, width=2, n_features=4, batch_size=6, device="cpu")
    features = torch.from_numpy(RNG.normal(size=(6, 4)))
    engine.network.double()
    logits = engine.network.logits(features)
    w = engine.network.people.weight.detach()
    for i in range(6):
        for k in range(2):
            cosine = float(features[i] @ w[k]) / math.sqrt(float(features[i].square().sum() * w[k].square().sum()))
            assert float(logits[i, k].detach()) == pytest.approx(recognisers.SCALE * cosine)


# -- what ships ------------------------------------------------------------------------------------------------


def test_no_test_person_was_seen_in_training():
    """Of the pack's people those with k % 6 == 5 are in nothing that recognisers and TP-GAN learn from."""
    data, pack = Heads.load("heads_yaw"), zoo.load("heads_yaw")
    held, learned = set(data.test["identity"].tolist()), set(data.train["identity"].tolist())
    assert held == {k for k in range(510) if k % 6 == 5}
    assert not held & learned
    assert held | learned == set(pack["identity"].tolist())
    seen = {image.tobytes() for image in data.train["image"].numpy()}
    assert not any(image.tobytes() in seen for image in data.test["image"].numpy())
    for name, variants in (("tpgan", VARIANTS), ("recogniser", recognisers.VARIANTS)):
        for variant in variants:
            card = checkpoints.read(checkpoints.folder(name, variant)).card
            assert card["config"]["people"] == card["data"]["people"] == len(learned) == 425
            assert card["data"]["n_test"] == 13 * len(held) == 1105
            assert card["data_hash"] == data.sha256 if "data_hash" in card else True


@pytest.fixture(scope="module")
def first():
    """The first four test people, and the judge's features of all frontal pictures of test people."""
    pack = zoo.load("heads_yaw")
    rows = pack.rows("test")
    found = Heads.of_pack(pack, rows[: 4 * len(YAWS)])
    judge = tpgan.recogniser("judge", "cpu")
    return found, judge, judge.features(pack.take("image", rows[FRONT :: len(YAWS)]))


@pytest.mark.parametrize("variant", VARIANTS)
def test_hits_agree_with_the_card_and_are_found_again(variant, first):
    """Who was found is kept; of the first people it is counted once more, among all frontal pictures."""
    engine = engines.pretrained("tpgan", variant)
    m = checkpoints.read(checkpoints.folder("tpgan", variant)).card["metrics"]
    hits = engine.hits.numpy()
    assert hits.shape == (2, 85, 13)
    assert hits[0][:, tpgan.FAR].mean() == pytest.approx(m["test_rank1"], abs=1e-6)
    assert hits[1][:, tpgan.FAR].mean() == pytest.approx(m["test_near_rank1"], abs=1e-6)
    few, judge, gallery = first
    made = engine.front(few["image"], few["landmarks"])
    near = (judge.features(made) @ gallery.T).argmax(dim=1).reshape(4, 13)
    again = (near == torch.arange(4)[:, None]).numpy()
    assert (again == hits[0][:4].astype(bool)).mean() >= 0.95


def test_the_signature():
    """At 60 degrees and beyond: more people are recognised by what was made than by the pictures as they are."""
    m = checkpoints.read(checkpoints.folder("tpgan", "")).card["metrics"]
    assert m["test_near_gain_low"] > 0
    assert m["test_rank1"] > 30 / m["test_people"]
    assert m["test_psnr"] > m["test_mean_psnr_high"] > m["test_copy_psnr_high"]
