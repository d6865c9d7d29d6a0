"""Images as bytes and back: the length that the likelihood promises, every bit returned, damage noticed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines.autoregressive import coding
from tests.engines.autoregressive.small import NAMES, make


def images(engine, n: int) -> np.ndarray:
    return engine.sample(n, generator=torch.Generator().manual_seed(4)).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_back_is_what_went_in(name: str):
    engine = make(name, size=8, n_levels=16)
    for x in images(engine, 3):
        encoded = coding.encode(engine, x)
        assert np.array_equal(coding.decode(engine, encoded.data), x)
        assert encoded.nats == pytest.approx(-float(engine.log_prob(x[None])), rel=1e-6)
        assert encoded.nats_per_pixel == pytest.approx(-engine.log_prob_per_pixel(x[None])[0].numpy(), abs=1e-6)
        promised = encoded.nats / np.log(2) / 8
        assert promised < len(encoded.data) <= 1.02 * promised + 8


def test_an_unlikely_image_costs_more_and_comes_back_too():
    engine = make("pixelcnn", size=8, n_levels=4)
    with torch.no_grad():
        engine.network.out.weight.mul_(1.5)  # surer of itself
    noise = np.random.default_rng(0).integers(0, 4, size=(300, 8, 8))
    order = engine.log_prob(noise).argsort()
    unlikely, likely = noise[int(order[0])], noise[int(order[-1])]
    found = [coding.encode(engine, x) for x in (likely, unlikely)]
    gap = found[1].promised_bytes - found[0].promised_bytes
    assert gap > 2
    assert len(found[1].data) - len(found[0].data) == pytest.approx(gap, abs=2)
    assert np.array_equal(coding.decode(engine, coding.encode(engine, unlikely).data), unlikely)


def test_a_class_drives_the_coder_too():
    engine = make("gated_pixelcnn", size=6, n_classes=3)
    x = engine.sample(1, generator=torch.Generator().manual_seed(0), label=2)[0].numpy()
    assert np.array_equal(coding.decode(engine, coding.encode(engine, x, 2).data, 2), x)
    with pytest.raises(ValueError, match="this gated_pixelcnn is conditional"):
        coding.encode(engine, x)


def test_damage_is_an_error_never_an_image():
    engine = make("pixelcnn", size=8, n_levels=4)
    data = coding.encode(engine, images(engine, 1)[0]).data
    broken = [data[:i] + bytes([data[i] ^ (1 << bit)]) + data[i + 1 :] for i in range(len(data)) for bit in (0, 4, 7)]
    broken += [data[:-1], data + b"\x01", data[1:], b"", b"\x00" * 3, bytes(30_000), data + bytes(4)]
    for wrong in broken:
        with pytest.raises(coding.DamagedError, match=r"damaged|an image has from"):
            coding.decode(engine, wrong)


def test_levels_that_are_none_are_named():
    engine = make("pixelcnn", size=8, n_levels=4)
    with pytest.raises(ValueError, match="levels must be whole numbers from 0 to 3"):
        coding.encode(engine, np.full((8, 8), 9))
    with pytest.raises(ValueError, match="images must have shape"):
        coding.encode(engine, np.zeros((7, 8)))
