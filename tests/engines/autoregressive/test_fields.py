"""Receptive fields, measured by gradient, against what the masks say when they are followed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import engines
from tests.engines.autoregressive.small import make

SIZE = 15
ROW, COLUMN = 9, 6


def follow(first: int, n_later: int, kernel: int = 3, size: int = SIZE, at: tuple[int, int] = (ROW, COLUMN)) -> Any:
    """What a pixel sees through one mask A and n masks B: (size, size) bool, by walking back layer by layer."""
    seen = {at}
    for _ in range(n_later):
        seen = {(r + dr, c + dc) for r, c in seen for dr, dc in [*before(kernel), (0, 0)]}
    seen = {(r + dr, c + dc) for r, c in seen for dr, dc in before(first)}
    field = np.zeros((size, size), dtype=bool)
    for r, c in seen:
        if 0 <= r < size and 0 <= c < size:
            field[r, c] = True
    return field


def before(kernel: int) -> list[tuple[int, int]]:
    """The steps back in the raster within a kernel's reach."""
    reach = kernel // 2
    return [(dr, dc) for dr in range(-reach, 1) for dc in range(-reach, reach + 1) if (dr, dc) < (0, 0)]


@pytest.mark.parametrize(("first", "n_blocks", "kernel"), [(3, 1, 3), (3, 4, 3), (7, 2, 3), (3, 2, 5)])
def test_pixelcnn_misses_what_its_masks_say(first: int, n_blocks: int, kernel: int):
    engine = make("pixelcnn", size=SIZE, channels=6, first_kernel=first, n_blocks=n_blocks, kernel=kernel)
    expected = follow(first, n_blocks, kernel)
    assert np.array_equal(engine.dependence(ROW, COLUMN).numpy() != 0, expected)
    fields = engine.fields(ROW, COLUMN).numpy() != 0
    assert len(fields) == n_blocks + 1 == len(engine.network.reaches)
    for depth, (field, reach) in enumerate(zip(fields, engine.network.reaches, strict=True)):
        # Here only a feature's own place is measured, which mask B lets see no more than its neighbours had seen.
        assert np.array_equal(field, follow(first, depth, kernel))
        assert np.flatnonzero(field.any(axis=1)).min() == max(0, ROW - reach)


@pytest.mark.parametrize("variant", ["", "k3"])
def test_the_shipped_networks_miss_what_their_masks_say(variant: str):
    engine = engines.pretrained("pixelcnn", variant)
    config, at = engine.config, (14, 11)
    for depth, field in enumerate(engine.fields(*at).numpy()):
        assert np.array_equal(field != 0, follow(config.first_kernel, depth, config.kernel, size=28, at=at))


def test_the_blind_spot_is_a_wedge_to_the_right():
    """Four 3 x 3 layers: of the rows above, right of the pixel, only what lies within a slope of one."""
    field = follow(3, 3)
    for up in range(1, 5):
        right = np.flatnonzero(field[ROW - up, COLUMN:]).max()
        assert right == up  # in the row above one place to the right, in the next one two, ...
    assert not field[ROW - 1, COLUMN + 2]  # earlier in the raster, within reach of the kernels, and never seen


@pytest.mark.parametrize(("first", "n_layers"), [(3, 3), (7, 3)])
def test_gated_pixelcnn_misses_nothing_within_its_reach(first: int, n_layers: int):
    engine = make("gated_pixelcnn", size=SIZE, channels=6, first_kernel=first, n_layers=n_layers)
    seen = engine.dependence(ROW, COLUMN).numpy() != 0
    reach = first // 2 + n_layers - 1
    for r in range(SIZE):
        for c in range(SIZE):
            earlier = (r, c) < (ROW, COLUMN)
            within = ROW - r <= reach and abs(COLUMN - c) <= reach
            if earlier and within:
                assert seen[r, c], (r, c)
            if not earlier:
                assert not seen[r, c], (r, c)


def test_row_lstm_sees_a_triangle_and_diagonal_bilstm_all_but_one_pixel():
    row = make("row_lstm", size=SIZE, channels=6, n_layers=1, first_kernel=3).dependence(ROW, COLUMN).numpy() != 0
    for up in range(1, ROW):
        columns = np.flatnonzero(row[ROW - up])
        # One place a row by K^ss; to the left one more each by K^is and by the 3 x 3 mask A.
        assert columns.max() == min(SIZE - 1, COLUMN + up)
        assert columns.min() == max(0, COLUMN - 2 - up)
    whole = make("diagonal_bilstm", size=SIZE, channels=6, n_layers=1).dependence(ROW, COLUMN).numpy() != 0
    earlier = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) < ROW * SIZE + COLUMN
    assert np.argwhere(whole != earlier).tolist() == [[ROW - 1, SIZE - 1]]  # see the engine's first lines
