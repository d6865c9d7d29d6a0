"""AnoGAN against PyTorch's own losses and Adam, scikit-learn's ROC, and images that the generator itself made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch.testing import assert_close

from engines import learning, material
from engines.making.anogan import AnoGAN, AnoGANConfig, Query, Search, SearchConfig, auc, auc_interval, damage, score

IMAGES = np.random.default_rng(0).integers(0, 256, size=(64, 784), dtype=np.uint8)


def tiny(**settings):
    config = {"channels": 2, "latent_dim": 4, "batch_size": 16, "n_steps": 20, "seed": 0, **settings}
    data = config.pop("data", IMAGES)
    return AnoGAN(AnoGANConfig(**config), data=data, device="cpu")


def search(gan, x, **settings):
    return Search(SearchConfig(**{"n_steps": 30, **settings}), data=Query(gan=gan, x=x), device="cpu")


def test_a_batch_takes_the_two_steps_of_the_game():
    ours, theirs = tiny(), tiny()
    g, d = (theirs.network[key].train() for key in "GD")
    z = torch.randn(16, 4, generator=theirs.rng)
    rows = material.batch_rows(0, n_rows=64, batch_size=16, seed=0)
    x = torch.tensor(IMAGES)[rows].float().reshape(16, 1, 28, 28) / 127.5 - 1
    adams = {key: torch.optim.Adam(theirs.network[key].parameters(), lr=2e-4, betas=(0.5, 0.999)) for key in "GD"}
    ours.step()

    fake = g(z)
    one, zero = torch.ones(16), torch.zeros(16)
    cross_entropy = F.binary_cross_entropy_with_logits
    (cross_entropy(d(x), one) + cross_entropy(d(fake.detach()), zero)).backward()
    adams["D"].step()
    cross_entropy(d(fake), one).backward()
    adams["G"].step()
    for (name, a), b in zip(ours.network.named_parameters(), theirs.network.parameters(), strict=True):
        assert_close(a, b, atol=1e-6, rtol=1e-5, msg=name)


def test_only_the_normal_class_is_learned():
    labels = torch.arange(64) % 10
    engine = tiny(data=material.LabelledImages({"image": IMAGES, "label": labels}), normal=3)
    assert_close(engine.data.train["image"], torch.tensor(IMAGES)[labels == 3])
    again = AnoGAN(engine.config, data=engine.data, device="cpu")  # as a fork makes it
    assert_close(again.data.train["image"], engine.data.train["image"])
    with pytest.raises(ValueError, match="no image is of class 9: choose another"):
        tiny(data=material.LabelledImages({"image": IMAGES, "label": labels % 9}), normal=9)


def test_both_losses_are_the_papers_with_means_for_sums():
    gan = tiny()
    gan.network.double()
    x, made = (torch.rand(5, 1, 28, 28, generator=learning.stream(0, i), dtype=torch.float64) for i in (1, 2))
    residual, discrimination = gan.parts(x, made)
    w, b = gan.network["D"].features[0].weight, gan.network["D"].features[0].bias
    w2, b2 = gan.network["D"].features[2].weight, gan.network["D"].features[2].bias

    def f(image):
        h = F.leaky_relu(F.conv2d(image, w, b, stride=2, padding=1), 0.2)
        return F.leaky_relu(F.conv2d(h, w2, b2, stride=2, padding=1), 0.2)

    for i in range(5):
        assert float(residual[i]) == pytest.approx(float((x[i] - made[i]).abs().sum()) / 784 / 2, rel=1e-12)
        apart = (f(x[i : i + 1]) - f(made[i : i + 1])).abs()
        assert float(discrimination[i].detach()) == pytest.approx(float(apart.detach().mean()), rel=1e-12)


def test_a_step_of_the_search_is_torchs_adam_on_the_score():
    gan = tiny()
    x = torch.rand(3, 1, 28, 28, generator=learning.stream(0, 1)) * 2 - 1
    ours = search(gan, x, weight=0.3)
    z = ours.z.clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=0.05)
    for _ in range(5):
        ours.step()
        made = gan.network["G"](z)
        residual, discrimination = gan.parts(x, made)
        adam.zero_grad()
        (0.7 * residual + 0.3 * discrimination).sum().backward()
        adam.step()
        assert_close(ours.z, z.detach(), atol=1e-5, rtol=1e-4)


def test_an_images_search_does_not_depend_on_the_others():
    gan = tiny()
    x = torch.rand(4, 1, 28, 28, generator=learning.stream(0, 1)) * 2 - 1
    together, alone = search(gan, x), search(gan, x[2:3])
    for _ in range(10):
        together.step()
        alone.step()
    assert_close(together.z[2:3], alone.z, atol=1e-5, rtol=1e-4)


def test_what_the_generator_can_make_is_found_and_scores_below_noise():
    gan = tiny(latent_dim=2)
    weights = {key: value.clone() for key, value in gan.network.state_dict().items()}
    with torch.no_grad():
        own = gan.network["G"](torch.randn(8, 2, generator=learning.stream(0, 3)))
    noise = torch.rand(8, 1, 28, 28, generator=learning.stream(0, 4)) * 2 - 1
    found = search(gan, torch.cat([own, noise]), n_steps=200)
    start = found.residual[:8].mean()
    while not found.done:
        found.step()
    assert found.residual[:8].mean() < 0.3 * start
    away = found.loss(found.residual, found.discrimination)
    assert away[:8].max() < away[8:].min()
    for key, value in gan.network.state_dict().items():  # the search moves codes, never weights
        assert torch.equal(value, weights[key]), key


def test_the_area_is_scikit_learns_and_the_interval_holds_it():
    draw = np.random.default_rng(0)
    scores, positive = np.round(draw.normal(size=300), 1), draw.random(300) < 0.3  # with ties
    scores[positive] += 1
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    low, high = auc_interval(scores, positive, draw)
    assert low < auc(scores, positive) < high
    # Hanley & McNeil 1982: the standard error of an area
    a, n, m = auc(scores, positive), positive.sum(), (~positive).sum()
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m))
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.25)
    assert auc(np.zeros(10), np.arange(10) < 5) == 0.5
    with pytest.raises(ValueError, match="both kinds are needed, got 0 positive and 10 negative"):
        auc(np.zeros(10), np.zeros(10, dtype=bool))
    parts = np.array([[1.0, 3.0]])
    assert score(parts, 0.25) == pytest.approx([1.5])


def test_damage_stays_within_its_mask_and_changes_something():
    draw = np.random.default_rng(0)
    images = np.zeros((50, 28, 28), dtype=np.uint8)
    images[:, 8:20, 10:16] = 200
    damaged, masks = damage(images, draw)
    assert np.array_equal(damaged[~masks], images[~masks])
    assert (damaged != images).any(axis=(1, 2)).mean() > 0.9
    assert ((masks.sum(axis=(1, 2)) >= 16) & (masks.sum(axis=(1, 2)) <= 42)).all()
    assert set(np.unique(damaged[masks])) == {0, 255}


def test_evaluation_scores_chance_as_chance_and_keeps_what_it_saw():
    """An untrained network on noise: nothing tells the classes apart."""
    gan = tiny()
    noise = np.random.default_rng(1).integers(0, 256, size=(160, 784), dtype=np.uint8)
    metrics = gan.evaluate(noise, np.arange(160) % 2)
    assert metrics["auc"] == pytest.approx(0.5, abs=0.15)  # three standard errors of 80 against 80
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert gan.scored.shape == (160, 4)
    rows, labels, parts = gan.scored[:, 0].long(), gan.scored[:, 1], gan.scored[:, 2:].numpy()
    assert_close(labels, (rows % 2).float())
    assert metrics["auc_at_0.5"] == pytest.approx(auc(score(parts, 0.5), labels.numpy() != 0), abs=1e-6)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="normal must be from 0 to 9, got 12"):
        tiny(normal=12)
    with pytest.raises(ValueError, match=r"weight must be from 0 to 1, got 1\.5"):
        SearchConfig(weight=1.5)
