"""Images by hand or from a file become what MNIST's are; what is no image is one sentence."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pages.ui import board, photos
from tests.memory import measured
from tests.pages.pictures import image_files, rises_of


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
    found = photos.figure(make(ink))
    assert found.shape == (28, 28)
    assert found.max() > 0.9
    rows, columns = (np.flatnonzero(found.max(axis=axis) > 0.2) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = found.sum()
    centre = [(found.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / mass for axis in (0, 1)]
    np.testing.assert_allclose(centre, 14, atol=0.6)
    np.testing.assert_allclose(found, photos.centred(ink), atol=0.15)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no image that can be read"),
        (b"GIF89a and nothing else", "no image that can be read"),
        (b"%PDF-1.7 not an image", "no image that can be read"),
        (png(np.full((40, 40), 255)), "the image is blank"),
        (png(np.stack([np.full((9, 9), 255)] * 3 + [np.zeros((9, 9))], axis=-1), "RGBA"), "the image is blank"),
        (png(np.zeros((4000, 4000, 3)), "RGB"), "4,000 × 4,000 pixels, the limit for its kind is 10,000,000 in all"),
        (bytes(10_000_001), "10,000,001 bytes, the limit is 10,000,000"),
        (png(np.random.default_rng(0).integers(0, 255, (60, 60)))[:900], "no image that can be read"),
    ],
)
def test_what_is_no_picture_is_one_sentence(raw, said):
    with pytest.raises(ValueError, match=said):
        photos.figure(raw)


def test_a_single_speck_in_a_corner_still_fits():
    ink = np.zeros((50, 300))
    ink[49, 299] = 1
    found = photos.centred(ink)
    assert found.sum() > 0


def rotated(ink: np.ndarray, orientation: int) -> bytes:
    """A photo whose EXIF data say how the camera was held."""
    out = io.BytesIO()
    image = Image.fromarray((255 * (1 - ink)).astype(np.uint8))
    turn = {3: 180, 6: 90, 8: 270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.rotate(turn, expand=True).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_is_turned_as_the_camera_was_held(orientation):
    ink = seven()
    np.testing.assert_allclose(photos.figure(rotated(ink, orientation)), photos.centred(ink), atol=0.15)


def test_a_shadow_over_the_page_is_no_ink():
    ink = np.kron(seven(), np.ones((6, 6)))
    y, x = np.mgrid[: len(ink), : len(ink)] / len(ink)
    light = 0.95 - 0.35 * x - 0.25 * y - 0.2 * (x + y > 1.1)  # slanting, and the edge of a hand
    noise = np.random.default_rng(0).normal(0, 0.01, ink.shape)
    photo = np.clip(light * (1 - 0.8 * ink) + noise, 0, 1)
    out = io.BytesIO()
    Image.fromarray((255 * photo).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1)).save(out, "JPEG", quality=85)
    found = photos.figure(out.getvalue())
    wanted = photos.centred(ink)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.95
    assert found[wanted == 0].mean() < 0.02


def test_a_hairline_is_still_seen_at_28_pixels():
    ink = np.zeros((1000, 1000))
    ink[100:900, 500] = 1
    ink[100, 300:700] = 1
    found = photos.figure(png(255 * (1 - ink)))
    assert found.max() > 0.9
    assert 20 <= (found > 0.5).sum() <= 60


def test_white_ink_on_nothing_is_ink():
    ink = seven()
    rgba = np.stack([np.full_like(ink, 255)] * 3 + [255 * ink], axis=-1)
    np.testing.assert_allclose(photos.figure(png(rgba, "RGBA")), photos.centred(ink), atol=0.15)


def test_of_a_colour_photo_the_middle_square_is_taken():
    image = np.zeros((200, 400, 3))
    image[:, 100:300] = (255, 0, 0)
    square = photos.colour(png(image, "RGB"), 64)
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.float32
    np.testing.assert_allclose(square[8:-8, 8:-8], np.broadcast_to([1, 0, 0], (48, 48, 3)), atol=0.02)


def test_a_long_strip_and_deep_greys_are_opened():
    strip = np.zeros((1, 30_000))
    strip[0, 10_000:20_000] = 255
    assert photos.opened(png(strip)).size == (1000, 1)
    deep = io.BytesIO()
    Image.fromarray((60_000 * (1 - seven())).astype(np.uint16)).save(deep, "PNG")
    np.testing.assert_allclose(photos.figure(deep.getvalue()), photos.centred(seven()), atol=0.15)


@measured
def test_no_file_of_ten_megabytes_takes_sixty_more(tmp_path):
    image_files(tmp_path)
    rises = rises_of(tmp_path)
    assert len(rises) == 13
    assert max(rises.values()) <= 60, rises
    assert max(rises.values()) > 10, rises  # it is seen at all
