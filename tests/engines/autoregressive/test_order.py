"""Every autoregressive engine: a distribution that sums to one, an order that gradients keep, exact samplers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import engines
from engines import material
from tests.engines.autoregressive.small import NAMES, SMALL, make


@pytest.mark.parametrize(("size", "n_levels"), [(3, 2), (2, 4)])
@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("name", NAMES)
def test_probabilities_of_all_images_sum_to_one(name: str, output: str, size: int, n_levels: int):
    engine = make(name, size=size, n_levels=n_levels, output=output)
    every = torch.tensor(list(itertools.product(range(n_levels), repeat=size * size)))  # 2^9 or 4^4 images
    log_prob = engine.log_prob(every.reshape(-1, size, size))
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-6)
    assert log_prob.max() - log_prob.min() > 0.2  # not uniform, or the sum would say little


@pytest.mark.parametrize("name", NAMES)
def test_no_pixel_sees_itself_or_a_later_one(name: str):
    engine = make(name, size=6, n_levels=2, output="softmax")
    order = torch.from_numpy(engine.order)
    assert sorted(engine.order) == list(range(36))
    for i, position in enumerate(engine.order):
        seen = (engine.dependence(*divmod(int(position), 6)).flatten() != 0)[order]
        assert not seen[i:].any(), position
        assert seen.any() == (i > 0)  # something, at least, it does see


@pytest.mark.parametrize("name", NAMES)
def test_the_cached_sampler_draws_the_plain_one_s_images(name: str):
    engine = make(name, size=8, n_levels=4)
    plain, cached = (
        engine.sample(5, generator=torch.Generator().manual_seed(2), cached=cached) for cached in (False, True)
    )
    assert torch.equal(plain, cached)
    assert len(torch.unique(plain)) == 4
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 3:6] = True  # known pixels between the drawn ones and after them
    known = plain[:1]
    filled = [
        engine.sample(5, generator=torch.Generator().manual_seed(3), given=known, mask=mask, cached=cached)
        for cached in (False, True)
    ]
    assert torch.equal(*filled)
    assert torch.equal(filled[0][:, ~torch.from_numpy(mask)], known.expand(5, 8, 8)[:, ~torch.from_numpy(mask)])


@pytest.mark.parametrize("name", NAMES)
def test_samples_come_as_often_as_their_probability_says(name: str):
    engine = make(name, size=2, n_levels=2)
    every = torch.tensor(list(itertools.product(range(2), repeat=4)))
    expected = engine.log_prob(every.reshape(-1, 2, 2)).exp()
    x = engine.sample(20_000, generator=torch.Generator().manual_seed(0)).flatten(1)
    found = torch.bincount((x * torch.tensor([8, 4, 2, 1])).sum(dim=1), minlength=16) / 20_000
    assert (found - expected).abs().max() < 4 * 0.5 / np.sqrt(20_000)  # four standard errors


@pytest.mark.parametrize("name", NAMES)
def test_a_fill_that_hides_nothing_or_everything(name: str):
    engine = make(name, size=4)
    known = torch.ones(4, 4, dtype=torch.uint8)
    kept = engine.sample(2, generator=torch.Generator().manual_seed(0), given=known, mask=np.zeros((4, 4), dtype=bool))
    assert torch.equal(kept, known.expand(2, 4, 4))
    fresh, filled = (
        engine.sample(2, generator=torch.Generator().manual_seed(0), **given)
        for given in ({}, {"given": known, "mask": np.ones((4, 4), dtype=bool)})
    )
    assert torch.equal(fresh, filled)


@pytest.mark.parametrize("name", NAMES)
def test_temperature(name: str):
    engine = make(name, size=4, n_levels=4)
    coldest = [engine.sample(3, generator=torch.Generator().manual_seed(seed), temperature=0) for seed in (0, 1)]
    assert torch.equal(*coldest)
    assert torch.equal(coldest[0], coldest[0][:1].expand(3, 4, 4))  # the likeliest level, whatever the numbers
    hot = engine.sample(400, generator=torch.Generator().manual_seed(0), temperature=100)
    shares = torch.bincount(hot.flatten().long(), minlength=4) / hot.numel()
    assert (shares - 0.25).abs().max() < 0.05
    for wrong in (-1.0, 1e6, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="temperature must be from 0"):
            engine.sample(1, generator=torch.Generator(), temperature=wrong)


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_named(name: str):
    engine = make(name, size=4)
    with pytest.raises(ValueError, match=r"images must have shape \(B, 4, 4\), got \(2, 5, 5\)"):
        engine.log_prob(torch.zeros(2, 5, 5))
    with pytest.raises(ValueError, match="levels must be whole numbers from 0 to 1, got 0 to 7"):
        engine.log_prob(torch.tensor([[0] * 15 + [7]]))
    with pytest.raises(ValueError, match=r"mask must have shape \(4, 4\), got \(3, 3\)"):
        engine.sample(1, generator=torch.Generator(), given=np.zeros((4, 4)), mask=np.ones((3, 3)))
    with pytest.raises(ValueError, match="row and column must be from 0 to 3"):
        engine.dependence(4, 0)
    with pytest.raises(ValueError, match="no data to learn from"):
        engine.step()
    with pytest.raises(ValueError, match="n_levels must be one of 2, 4, 16, 256, got 3"):
        make(name, n_levels=3)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_what_the_pixels_say_of_each_other(name: str):
    """Images whose every row repeats its first pixel: of 16 pixels 4 are news, log 2 nats each."""
    rows = np.repeat(np.random.default_rng(0).integers(0, 2, size=(256, 4, 1)), 4, axis=2).astype(np.uint8) * 255
    data = material.Images(rows)
    engine = engines.create(name, data=data, device="cpu", **SMALL[name], size=4, learning_rate=0.01, n_steps=200)
    before = engine.frame().scalars["nll"]
    while not engine.done:
        engine.step()
    assert engine.evaluate(rows)["nll"] == pytest.approx(4 * np.log(2), abs=0.6)
    assert before > 2 * engine.frame().scalars["nll"]
