"""StackGAN against losses written out in float64, and captions against the pack's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import engines
from engines import learning
from engines.data import zoo
from engines.making import captions, stackgan
from engines.making.captions import FIELDS, VALUES
from engines.making.stackgan import StackGAN, StackGANConfig, kl_to_standard
from engines.material import Captions

DRAW = np.random.default_rng(0)
TINY = {"channels": 2, "latent_dim": 4, "condition_dim": 5, "n_features": 6, "batch_size": 6, "text_steps": 2,
        "stage1_steps": 2, "n_steps": 6, "seed": 0}  # fmt: skip


def drawn(n: int = 12) -> dict[str, np.ndarray]:
    """Drawings and captions of noise, as the pack holds them."""
    attributes = np.stack([DRAW.integers(0, len(VALUES[field]), n) for field in FIELDS], axis=1)
    return {
        "image": DRAW.integers(0, 256, size=(n, 64, 64, 3), dtype=np.uint8),
        "tokens": DRAW.integers(1, 92, size=(n, 5, 25), dtype=np.uint8),
        "attributes": attributes.astype(np.uint8),
    }


def tiny(**settings) -> StackGAN:
    return StackGAN(StackGANConfig(**{**TINY, **settings}), data=Captions(drawn()), device="cpu")


def gradients(loss, *networks):
    return torch.autograd.grad(loss, [p for net in networks for p in net.parameters()], retain_graph=True)


@pytest.mark.parametrize("matching", [True, False])
@pytest.mark.parametrize("side", ["D0", "D"])
def test_ds_loss_and_gradient_are_the_written_out_ones(matching, side):
    engine = tiny(matching=matching)
    D = engine.network[side].double()
    size = 16 if side == "D0" else 64
    generator = learning.stream(0, 1)
    true, made = (torch.rand(6, 3, size, size, generator=generator).double() for _ in range(2))
    phi = torch.randn(6, 6, generator=generator).double()
    loss, said = engine.loss_of_d(D, true, made, phi)

    wrong_captions = phi[[5, 0, 1, 2, 3, 4]]
    real, fake, wrong = (torch.sigmoid(D(x, t)) for x, t in ((true, phi), (made, phi), (true, wrong_captions)))
    expected = -torch.log(real).mean()
    if matching:
        expected = expected - torch.log(1 - fake).mean() / 2 - torch.log(1 - wrong).mean() / 2
    else:
        expected = expected - torch.log(1 - fake).mean()
    assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    assert_close(said["d_wrong"], wrong.mean(), atol=1e-12, rtol=1e-12)
    for a, b in zip(gradients(loss, D), gradients(expected, D), strict=True):
        assert_close(a, b, atol=1e-12, rtol=1e-10)


def test_the_divergence_is_that_of_two_gaussians():
    generator = learning.stream(0, 1)
    mean, log_variance = (torch.randn(7, 5, generator=generator).double() for _ in range(2))
    one = torch.distributions.Normal(mean, (log_variance / 2).exp())
    zero = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    assert_close(kl_to_standard(mean, log_variance), torch.distributions.kl_divergence(one, zero).mean())
    assert kl_to_standard(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


@pytest.mark.parametrize("augmented", [True, False])
@pytest.mark.parametrize("stage", [1, 2])
def test_a_step_of_g_is_adams_on_its_written_out_loss(stage, augmented):
    r"""-log D(\hat I, t) + \lambda D_KL + \eta |\hat I - I|_1 of the generator and its augmentation, after D's step."""
    engine = tiny(kl_weight=0.7, pixel_weight=0.3, augmented=augmented, batch_size=6)
    while engine.stage < stage:
        engine.step()
    keys = ("CA0", "G0", "D0") if stage == 1 else ("CA", "G", "D")
    before = engine.state_dict()
    rng = torch.Generator()
    rng.set_state(engine.rng.get_state())
    at, batch = engine.iteration, engine.data.batch(engine.iteration, 6, 0)
    engine.step()

    other = tiny(kl_weight=0.7, pixel_weight=0.3, augmented=augmented, batch_size=6)
    other.data = engine.data
    other.load_state_dict(before)
    which = torch.randint(0, 5, (6,), generator=rng)
    z, *eps = (torch.randn(6, n, generator=rng) for n in (4, 5, 5))
    net = other.network.train()
    net["G0"].train(stage == 1)
    phi = other.embed(batch["tokens"][torch.arange(6), which]).detach()
    true = batch["image"].float().permute(0, 3, 1, 2) / 127.5 - 1

    def condition(player, noise):
        mean, log_variance = net[player].layer(phi).split(5, dim=1)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return (mean + torch.sqrt(log_variance.exp()) * noise if augmented else mean), kl

    c0, kl = condition("CA0", eps[0])
    made = net["G0"](z, c0)
    if stage == 1:
        true = true.reshape(6, 3, 16, 4, 16, 4).mean(dim=(3, 5))
    else:
        c, kl = condition("CA", eps[1])
        made = net["G"](made.detach(), c)
    made = torch.tanh(made)
    D = net[keys[2]]
    for key, loss in (
        (keys[2], lambda: other.loss_of_d(D, true, made.detach(), phi)[0]),
        (
            None,
            lambda: (
                -torch.log(torch.sigmoid(D(made, phi))).mean()
                + (0.7 * kl if augmented else 0)
                + 0.3 * (made - true).abs().mean()
            ),
        ),
    ):
        value = loss()
        players = [key] if key else list(keys[:2])
        for player in players:
            other.optimizers[player].zero_grad()
        found = torch.autograd.grad(value, [p for q in players for p in net[q].parameters()], allow_unused=True)
        for p, slope in zip((p for q in players for p in net[q].parameters()), found, strict=True):
            p.grad = slope
        for player in players:
            for group in other.optimizers[player].param_groups:
                group["lr"] = (1e-3 if stage == 1 else 4e-4) * learning.cosine(at - (2 if stage == 1 else 4), 2)
            other.optimizers[player].step()
    for key in keys:
        for (name, a), b in zip(engine.network[key].named_parameters(), net[key].parameters(), strict=True):
            sure = b.grad.abs() > 1e-6  # Adam makes a step of a rounding error, where a gradient is 0
            assert_close(a[sure], b[sure], atol=1e-5, rtol=1e-3, msg=f"{key}.{name}")
    for key in set(engine.network) - set(keys):  # the encoder and the other stage stand still
        for name, value in engine.network[key].state_dict().items():
            assert_close(value, before[f"network.{key}.{name}"], atol=0, rtol=0, msg=f"{key}.{name}")


def test_without_augmentation_a_caption_is_told_the_same_whatever_the_noise():
    for augmented in (True, False):
        engine = tiny(augmented=augmented)
        phi = engine.embed(engine.data.train["tokens"][:, 0])
        c = [engine.condition("CA0", phi, torch.full((12, 5), level))[0] for level in (0.0, 1.0)]
        assert bool((c[0] == c[1]).all()) is not augmented


def test_one_stage_draws_all_pixels_at_once():
    engine = tiny(stacked=False)
    assert "G" not in engine.network
    coarse, made = engine.draw(engine.embed(engine.data.train["tokens"][:, 0]), engine.noise(12, learning.stream(0, 1)))
    assert coarse.shape == made.shape == (12, 64, 64, 3)
    assert_close(coarse, made)
    assert engine.phase_starts == (0, 2)
    assert tiny().phase_starts == (0, 2, 4)


# -- captions --------------------------------------------------------------------------------------------------


def test_captions_are_read_as_the_pack_reads_them():
    pack = zoo.load("birds")
    theirs = pack.text("captions")
    for i in range(0, 10_000, 501):
        rows, unknown = captions.tokens(theirs[i])
        np.testing.assert_array_equal(rows, pack["tokens"][i])
        assert not any(unknown)
    assert {key: tuple(values) for key, values in pack.text("values").items()} == dict(VALUES)
    assert len(captions.words()) == captions.N_WORDS


def test_sentences_are_written_as_the_packs_are():
    pack = zoo.load("birds")
    said = pack.text("captions")
    for i in range(0, 10_000, 97):
        row = pack["attributes"][i]
        of = {field: VALUES[field][value] for field, value in zip(FIELDS, row, strict=True)}
        if of["pattern"] != "plain" or of["count"] != "one":
            continue
        theirs = said[i][0].replace(f" and a {of['beak_shape']} {of['beak']} beak", "")
        ours = captions.sentence({**of, "facing": ""})
        assert ours.replace(",", "") == theirs.replace(",", "")


def test_what_captions_tell_is_in_their_words():
    pack = zoo.load("birds")
    said, row = pack.text("captions"), pack["attributes"][:400]
    for five, told in zip(said, captions.told(row), strict=False):
        for sentence, values in zip(five, told, strict=True):
            for field in ("body", "second", "wing", "beak", "size"):
                value = values[FIELDS.index(field)]
                assert not value or VALUES[field][value - 1] in captions.split(sentence)
            words = captions.split(sentence)
            assert bool(values[FIELDS.index("facing")]) == ("facing" in words or "ahead" in words)
            assert bool(values[FIELDS.index("size")]) == any(size in words for size in VALUES["size"])


def test_unknown_words_are_named_and_left_out():
    rows, unknown = captions.tokens(["A red parrot, on the GRASS!"])
    known = captions.words()
    assert [known[i] for i in rows[0] if i] == ["a", "red", ",", "on", "the", "grass"]
    assert unknown == [["parrot"]]
    with pytest.raises(ValueError, match="no word that says anything"):
        captions.tokens(["the quick fox"])
    with pytest.raises(ValueError, match="at most 25 words"):
        captions.tokens(["red " * 26])


def test_a_recoloured_caption_differs_in_its_first_colour_alone():
    rows, _ = captions.tokens(["a large red bird with a white belly, sitting on a branch", "a pink tulip in a vase"])
    changed = captions.recoloured(rows, np.random.default_rng(0))
    assert (rows != changed).sum(axis=1).tolist() == [1, 1]
    for row, other, was in zip(rows, changed, ("red", "pink"), strict=True):
        at = int((row != other).argmax())
        assert captions.words()[row[at]] == was
        assert captions.words()[other[at]] in set(captions.COLOURS) - {was}


def test_no_test_combination_is_learned_from():
    pack = zoo.load("birds")
    row = pack["attributes"]
    birds = row[:, 0] < 4
    pairs = [(int(k) * (not bird), int(b), int(s)) if not bird else (-1, int(b), int(s))
             for (k, b, s), bird in zip(row[:, :3], birds, strict=True)]  # fmt: skip
    train, test = ({pairs[i] for i in pack.rows(side)} for side in ("train", "test"))
    assert not train & test
    assert len(test) == 24


def test_obedience_counts_what_was_asked_for():
    known = torch.zeros(4, len(FIELDS), dtype=torch.uint8)
    said = {field: torch.eye(len(VALUES[field]))[torch.tensor([0, 0, 0, 1])] for field in stackgan.TOLD}
    said["body"] = torch.eye(11)[torch.tensor([0, 1, 1, 1])]
    found = stackgan.obeyed(said, known)
    assert found["kind"] == 0.75
    assert found["body"] == 0.25
    assert found["obeyed"] == pytest.approx((4 * 0.75 + 0.25) / 5)
    assert found["obeyed_low"] < found["obeyed"] < found["obeyed_high"]


WRONG = [({"channels": 0}, "channels"), ({"text_steps": 9_999}, "text_steps"), ({"kl_weight": -1.0}, "kl_weight")]


@pytest.mark.parametrize(("settings", "said"), WRONG)
def test_a_setting_out_of_range_is_named(settings, said):
    with pytest.raises(ValueError, match=said):
        engines.create("stackgan", **settings)
