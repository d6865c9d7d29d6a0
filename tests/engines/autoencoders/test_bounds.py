"""What one image's bound is made of: parts that sum to the whole, and a bound that rises to log p(x)."""

import numpy as np
import pytest
import torch

import engines
from engines import data
from engines.autoencoders.bounds import COUNTS, bound_frames


@pytest.fixture(scope="module")
def vae():
    return engines.pretrained("vae")


def test_the_parts_sum_to_the_whole_and_the_elbo_lies_below(vae):
    images = data.load("mnist", split="test").x[:3]
    for i, image in enumerate(images):
        x = vae.binarise(image[None], generator=torch.Generator().manual_seed(i))
        frames = bound_frames(vae, x, generator=torch.Generator().manual_seed(100 + i))
        assert [frame.step for frame in frames] == list(COUNTS)
        s, arrays = frames[-1].scalars, frames[-1].arrays
        assert arrays["pixels"].astype(float).sum() == pytest.approx(s["reconstruction"], abs=1e-4)
        assert arrays["kl"].astype(float).sum() == pytest.approx(s["kl"], abs=1e-4)
        assert s["elbo"] == pytest.approx(s["reconstruction"] - s["kl"], abs=1e-9)
        assert s["elbo"] <= s["bound"]
        exact = vae.log_prob(x, n_samples=20_000).item()
        assert s["bound"] == pytest.approx(exact, abs=max(0.25, 5 * s["standard_error"]))


def test_the_bound_rises_on_average(vae):
    x = vae.binarise(data.load("mnist", split="test").x[3][None], generator=torch.Generator().manual_seed(0))
    frames = bound_frames(vae, x, counts=(1, 5, 50, 500), repeats=40, generator=torch.Generator().manual_seed(1))
    bounds = [frame.scalars["bound"] for frame in frames]
    assert bounds == sorted(bounds)
    assert bounds[0] == pytest.approx(frames[0].scalars["elbo"], abs=5 * frames[0].scalars["standard_error"])
    assert np.isfinite(bounds).all()
