"""What engines that learn by gradient share: initialisation, batches, an optimizer's state, images."""

import numpy as np
import pytest
import torch
from torch import nn

import engines
from engines import learning
from engines.learning import build, cosine
from engines.material import Images, batch_rows


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(400, 300), nn.ReLU(), nn.Unflatten(1, (3, 10, 10)), nn.ConvTranspose2d(3, 5, 4))


def test_own_initialisation_has_pytorchs_distribution_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    ours = build(net, generator=torch.Generator().manual_seed(1), device=torch.device("cpu"))
    assert torch.equal(before, torch.get_rng_state())
    again = build(net, generator=torch.Generator().manual_seed(1), device=torch.device("cpu"))
    other = build(net, generator=torch.Generator().manual_seed(2), device=torch.device("cpu"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = net()
    for (name, mine), same, differs, reference in zip(
        ours.named_parameters(), again.parameters(), other.parameters(), theirs.parameters(), strict=True
    ):
        assert torch.equal(mine, same), name
        assert not torch.equal(mine, differs), name
        rel = 0.7 if mine.dim() == 1 else 0.05
        assert mine.abs().max().item() == pytest.approx(reference.abs().max().item(), rel=rel)
        if mine.numel() > 1000:
            assert mine.std().item() == pytest.approx(reference.std().item(), rel=0.03), name
            assert abs(mine.mean().item()) < 0.02 * mine.std().item(), name


def test_a_layer_that_build_does_not_know_is_refused():
    with pytest.raises(TypeError, match="does not know how to initialise PReLU"):
        build(lambda: nn.Sequential(nn.PReLU()), generator=torch.Generator(), device=torch.device("cpu"))


def test_an_epoch_shows_every_row_once_and_the_next_in_another_order():
    epochs = [torch.cat([batch_rows(e * 6 + i, n_rows=60, batch_size=10, seed=4) for i in range(6)]) for e in range(2)]
    for rows in epochs:
        assert sorted(rows.tolist()) == list(range(60))
    assert not torch.equal(*epochs)
    assert len(batch_rows(3, n_rows=5, batch_size=10, seed=0)) == 5  # fewer rows than a batch


def test_shares_of_a_batch_make_up_the_batch():
    learner, parts = engines.create("autoencoder", device="cpu"), []
    for learner.rank in range(3):
        learner.world = 3
        parts.append(learner.shared(torch.arange(12)))
    assert sorted(torch.cat(parts).tolist()) == list(range(12))


def test_the_cosine_goes_from_one_to_zero():
    assert cosine(0, 100) == 1
    assert cosine(50, 100) == pytest.approx(0.5)
    assert cosine(100, 100) == pytest.approx(0, abs=1e-15)
    assert cosine(250, 100) == pytest.approx(0, abs=1e-15)


def test_adams_state_goes_on_bit_for_bit():
    x = torch.randn(8, 400, generator=torch.Generator().manual_seed(0))

    def make() -> tuple[nn.Module, torch.optim.Optimizer]:
        network = build(net, generator=torch.Generator().manual_seed(3), device=torch.device("cpu"))
        return network, learning.adam(network, 1e-2)

    def descend(network: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()

    straight, first, second = make(), make(), make()
    descend(*straight, 6)
    descend(*first, 3)
    second[0].load_state_dict(first[0].state_dict())
    kept = learning.optimizer_state(first[1], first[0])
    learning.load_optimizer_state(second[1], second[0], kept)
    descend(*second, 3)
    for a, b in zip(straight[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(a, b)
    learning.load_optimizer_state(second[1], second[0], {})
    assert all(value.eq(0).all() for value in learning.optimizer_state(second[1], second[0]).values())


def test_images_are_bytes_and_what_is_no_image_is_named():
    levels = np.random.default_rng(0).random((7, 4, 4))
    images = Images.of(levels, shapes={"image": (16,)}, device=torch.device("cpu"))
    assert images.train["image"].dtype == torch.uint8
    np.testing.assert_allclose(images.train["image"].numpy() / 255, levels.reshape(7, 16), atol=0.5 / 255 + 1e-12)
    for wrong, said in (
        (levels * 3, "from 0 to 1"),
        (np.full((2, 16), np.nan), "from 0 to 1"),
        (np.zeros(16), r"must have shape \(N, P\)"),
        (np.zeros((3, 15)), r"must have shape \(N, 16\), got \(3, 15\)"),
    ):
        with pytest.raises(ValueError, match=said):
            Images.of(wrong, shapes={"image": (16,)}, device=torch.device("cpu"))


def test_a_diverging_loss_is_one_sentence():
    import engines

    images = np.random.default_rng(0).integers(0, 256, size=(40, 16), dtype=np.uint8)
    ae = engines.create("autoencoder", data=images, n_pixels=16, code_dim=2, activation="linear", loss="squared",
                        learning_rate=1.0, device="cpu")  # fmt: skip
    with torch.no_grad():
        ae.network.decoder[0].weight.fill_(1e30)
    with pytest.raises(FloatingPointError, match=r"loss is (inf|nan) after step 1: lower the learning rate"):
        ae.step()
    assert ae.running == {}
