"""Images by hand or from a file become what MNIST's are; what is no image is one sentence."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pages.ui import board


def png(array: np.ndarray, mode: str = "L", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array.astype(np.uint8), mode).save(out, options.pop("format", "PNG"), **options)
    return out.getvalue()


def seven(size: int = 120) -> np.ndarray:
    """Ink in 0..1: a bar and a stem, off the middle."""
    ink = np.zeros((size, size))
    ink[10:20, 10:60] = 1
    ink[20:80, 50:60] = 1
    return ink


def test_what_the_browser_sends_is_read_or_refused():
    image = np.arange(784, dtype=np.uint8)
    found = board.read(base64.b64encode(image.tobytes()).decode())
    np.testing.assert_allclose(found, image.reshape(28, 28) / 255)
    blank = base64.b64encode(bytes(784)).decode()
    for nothing in ("", blank, "not base64", base64.b64encode(b"short").decode(), None, 7, {"a": 1}):
        assert board.read(nothing) is None


@pytest.mark.parametrize("make", [
    lambda ink: png(255 * ink),  # white on black
    lambda ink: png(255 * (1 - ink)),  # black on white
    lambda ink: png(90 + 60 * ink),  # pale grey on grey
    lambda ink: png(np.stack([np.zeros_like(ink)] * 3 + [255 * ink], axis=-1), "RGBA"),  # black on nothing
    lambda ink: png(np.stack([255 * (1 - ink)] * 3, axis=-1), "RGB", format="JPEG", quality=95),
])  # fmt: skip
def test_any_file_becomes_white_ink_fitted_and_centred(make):
    ink = seven()
    found = board.from_file(make(ink))
    assert found.shape == (28, 28)
    assert found.max() > 0.9
    rows, columns = (np.flatnonzero(found.max(axis=axis) > 0.2) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = found.sum()
    centre = [(found.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / mass for axis in (0, 1)]
    np.testing.assert_allclose(centre, 14, atol=0.6)
    np.testing.assert_allclose(found, board.centred(ink), atol=0.15)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no image that can be read"),
        (b"GIF89a and nothing else", "no image that can be read"),
        (b"%PDF-1.7 not an image", "no image that can be read"),
        (png(np.full((40, 40), 255)), "the image is blank"),
        (png(np.stack([np.full((9, 9), 255)] * 3 + [np.zeros((9, 9))], axis=-1), "RGBA"), "the image is blank"),
        (png(np.zeros((4100, 4100))), "4,100 x 4,100 pixels, the limit is 16,000,000"),
        (bytes(5_000_001), "5,000,001 bytes, the limit is 5,000,000"),
        (png(np.random.default_rng(0).integers(0, 255, (60, 60)))[:900], "no image that can be read"),
    ],
)
def test_what_is_no_picture_is_one_sentence(raw, said):
    with pytest.raises(ValueError, match=said):
        board.from_file(raw)


def test_a_single_speck_in_a_corner_still_fits():
    ink = np.zeros((50, 300))
    ink[49, 299] = 1
    found = board.centred(ink)
    assert found.sum() > 0
