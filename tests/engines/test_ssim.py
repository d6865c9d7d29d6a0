"""SSIM against its formula written out with SciPy's filter, and against what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.testing import assert_close

from engines.maths.ssim import ssim, ssim_map

RNG = np.random.default_rng(0)
X, Y = RNG.random((2, 3, 20, 17, 3))


def mean(image):
    return gaussian_filter(image, 1.5, mode="mirror", radius=5)


def written_out(x, y):
    """Equation 13 of one grey image (H, W)."""
    c1, c2 = 1e-4, 9e-4
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return (2 * mx * my + c1) * (2 * cov + c2) / (mx**2 + my**2 + c1) / (vx + vy + c2)


def test_it_is_the_formula_around_every_pixel_averaged_over_colours():
    found = ssim_map(torch.from_numpy(X), torch.from_numpy(Y))
    true = np.stack([[written_out(x[..., c], y[..., c]) for c in range(3)] for x, y in zip(X, Y, strict=True)])
    assert_close(found, torch.from_numpy(true.mean(axis=1)), rtol=1e-9, atol=1e-9)
    grey = ssim_map(torch.from_numpy(X[..., 0]), torch.from_numpy(Y[..., 0]))
    assert_close(grey[1], torch.from_numpy(written_out(X[1, ..., 0], Y[1, ..., 0])), rtol=1e-9, atol=1e-9)


def test_equal_images_reach_1_and_a_constant_shift_costs_what_the_formula_says():
    x = torch.from_numpy(X)
    assert_close(ssim(x, x), torch.ones(3, dtype=torch.float64))
    black, grey = torch.zeros(1, 12, 12, dtype=torch.float64), torch.full((1, 12, 12), 0.5, dtype=torch.float64)
    assert_close(ssim(black, grey), torch.tensor([1e-4 / (0.25 + 1e-4)], dtype=torch.float64))


def test_within_a_mask_only_its_pixels_count():
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    where = torch.zeros(3, 20, 17, dtype=torch.uint8)
    where[:, 4:9, 3:11] = 1
    assert_close(ssim(x, y, where), ssim_map(x, y)[:, 4:9, 3:11].mean(dim=(1, 2)))


def test_images_that_cannot_be_compared_are_named():
    with pytest.raises(ValueError, match="one shape"):
        ssim(torch.zeros(1, 20, 20), torch.zeros(1, 20, 21))
    with pytest.raises(ValueError, match="more than 5 pixels a side"):
        ssim(torch.zeros(1, 5, 20), torch.zeros(1, 5, 20))
