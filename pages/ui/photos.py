"""Image files of one's own, opened within bounds: grey figures as MNIST has them, and colour photos of a given side.

What an image will cost is known from its head: no file is unpacked that would take more than MAX_UNPACKED bytes.
JPEGs are unpacked at an eighth of their size where that is enough; the others are made small in bands.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

SIDE, BOX = 28, 20  # of MNIST's images and the box that its figures are fitted into
MAX_BYTES = 10_000_000  # on disk
MAX_UNPACKED = 40_000_000  # bytes
WORKING = 1024  # pixels of the longer side that is worked with
BAND = 1 << 20  # pixels converted at a time
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
UNEVEN = 0.15  # range of grey along the border from which light is taken to be uneven


def figure(raw: bytes, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """Any image as MNIST has them: grey, the ink white on black, fitted into 20 x 20, centred by mass: (28, 28).

    Transparency counts as white paper, or, where the ink is white, as the ground. Uneven light is taken out. Where the
    border is light the image is turned into its negative. ValueError: too large, no image, or nothing on it.
    """
    small = opened(raw, max_bytes)
    ink = _ink(_levels(_on_white(small).convert("L")))
    if ink.max() < 0.1:
        alpha = _levels(small.getchannel("A"))
        ink = alpha - alpha.min()
    if ink.max() < 0.1:
        raise ValueError("the image is blank: give one with a figure on it")
    return centred(ink / ink.max())


def colour(raw: bytes, side: int, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """The middle square of the image in colour: (side, side, 3) in 0..1."""
    from PIL import Image, ImageOps

    flat = _on_white(opened(raw, max_bytes)).convert("RGB")
    return np.asarray(ImageOps.fit(flat, (side, side), Image.Resampling.LANCZOS), dtype=np.float32) / 255


def png(image: np.ndarray, times: int = 1) -> bytes:
    """An image of bytes as a PNG, each pixel ``times`` as wide and high."""
    from PIL import Image

    picture, out = Image.fromarray(image), io.BytesIO()
    if times > 1:
        picture = picture.resize((times * picture.width, times * picture.height), Image.Resampling.NEAREST)
    picture.save(out, "PNG")
    return out.getvalue()


def opened(raw: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """An upright RGBA image of at most WORKING pixels a side; ValueError where it is too large or none."""
    from PIL import Image, PngImagePlugin

    if len(raw) > max_bytes:
        raise ValueError(f"the file has {len(raw):,} bytes, the limit is {max_bytes:,}: make the image smaller")
    PngImagePlugin.MAX_TEXT_MEMORY = 4_000_000  # of compressed texts beside the picture
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            problem = _too_large(image)
            if not problem:
                image.draft(None, (WORKING, WORKING))
                image.load()
                return _upright(_small(image), image)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"the file is no image that can be read ({type(error).__name__}): give a PNG or JPEG"
        ) from None
    raise ValueError(problem)


def _on_white(image: Any) -> Any:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _levels(image: Any) -> np.ndarray:
    """A grey image (H, W) in 0..1."""
    return np.asarray(image, dtype=np.float32) / 255


def _too_large(image: Any) -> str:
    """A sentence where unpacking would take too much, by what the head says; nothing is unpacked yet."""
    width, height = image.size
    if image.format == "JPEG":
        shrunk = max(1, min(8, max(width, height) // WORKING)) ** 2
        each = 4 / shrunk
        if image.info.get("progressive"):  # all coefficients are kept, two bytes each
            most = max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
            each += 2 * sum(h * v for _, h, v, _ in image.layer) / most
    elif image.format == "WEBP":
        each = 12.0  # two canvases and the image
    else:
        each = {"1": 1.0, "L": 1.0, "P": 1.0, "I;16": 2.0}.get(image.mode, 4.0)
    limit = int(MAX_UNPACKED / each)
    if width * height <= limit:
        return ""
    return f"the image has {width:,} × {height:,} pixels, the limit for its kind is {limit:,} in all: make it smaller"


def _small(image: Any) -> Any:
    """RGBA with a longer side of at most WORKING, by averages of blocks, a band at a time."""
    from PIL import Image

    width, height = image.size
    across, down = (-(-length // WORKING) for length in (width, height))
    if min(width, height) >= max(across, down):  # of a thin strip one factor for both sides would leave nothing
        across = down = max(across, down)
    out = Image.new("RGBA", (-(-width // across), -(-height // down)))
    rows = max(1, BAND // (width * down)) * down
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(height, top + rows)))
        if band.mode.startswith("I"):
            band = Image.fromarray((np.asarray(band) >> 8).astype(np.uint8))
        if band.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            band = band.convert("RGB")
        # Colours of what is transparent must not bleed into their neighbours: averages of premultiplied ones.
        band = band.convert("RGBA").convert("RGBa").reduce((across, down)).convert("RGBA")
        out.paste(band, (0, top // down))
    return out


def _upright(small: Any, image: Any) -> Any:
    """Turned as its EXIF data say it was held."""
    from PIL import Image

    turns = Image.Transpose
    try:
        held = image.getexif().get(0x0112, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):  # a picture is no worse for broken EXIF data
        held = 1
    turn = {
        2: turns.FLIP_LEFT_RIGHT, 3: turns.ROTATE_180, 4: turns.FLIP_TOP_BOTTOM, 5: turns.TRANSPOSE,
        6: turns.ROTATE_270, 7: turns.TRANSVERSE, 8: turns.ROTATE_90,
    }.get(held)  # fmt: skip
    return small if turn is None else small.transpose(turn)


def _ink(grey: np.ndarray) -> np.ndarray:
    """How far each pixel is from the ground: (H, W) in 0..1."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = float(np.median(border))
    if np.quantile(border, 0.95) - np.quantile(border, 0.05) <= UNEVEN:
        return np.abs(grey - ground)
    return _without_shadow(grey if ground > 0.5 * grey.max() else 1 - grey)


def _without_shadow(grey: np.ndarray) -> np.ndarray:
    """Dark ink on paper whose light varies: what is missing of the paper's light around, beyond its noise.

    The paper is what a closing (the least of the largest values near by) leaves: strokes are narrower than its window.
    """
    from PIL import Image, ImageFilter
    from scipy import ndimage

    scale = max(grey.shape) / 128
    size = tuple(max(1, round(length / scale)) for length in grey.shape[::-1])
    coarse = Image.fromarray(np.rint(255 * grey).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    for step in (ImageFilter.MaxFilter(21), ImageFilter.MinFilter(21), ImageFilter.GaussianBlur(3)):
        coarse = coarse.filter(step)
    paper = _levels(coarse.resize(grey.shape[::-1], Image.Resampling.BILINEAR))
    ink = np.clip(1 - grey / np.maximum(paper, 0.02), 0, 1)
    noise = float(np.quantile(ink, 0.5))
    ink = np.clip(ink - max(3 * noise, 0.25 * float(np.quantile(ink, 0.995))), 0, 1)
    # What touches the border is where a shadow ends, unless it is the figure itself.
    parts, n_parts = ndimage.label(ink > 0)
    mass = ndimage.sum_labels(ink, parts, np.arange(n_parts + 1))
    mass[0] = 0
    at_border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    ink[np.isin(parts, at_border[mass[at_border] < mass.max()])] = 0
    return ink


def centred(ink: np.ndarray) -> np.ndarray:
    """Ink (H, W) in 0..1 -> (28, 28): its box scaled to 20 x 20, its centre of mass in the middle.

    A line thinner than a pixel of the result is kept: the largest of each block first, then averages, then as bright
    as the brightest tenth.
    """
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.15) for axis in (1, 0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(box.shape)
    height, width = (max(1, round(scale * side)) for side in box.shape)
    if (block := max(box.shape) // (4 * BOX)) > 1:
        padded = np.pad(box, [(0, -length % block) for length in box.shape])
        box = padded.reshape(padded.shape[0] // block, block, -1, block).max(axis=(1, 3))
    small = Image.fromarray(np.rint(255 * box).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    levels = np.asarray(small, dtype=np.float64) / 255
    if (seen := levels[levels > 0.05]).size:
        levels = np.minimum(levels / np.quantile(seen, 0.9), 1)
    mass = levels.sum() or 1.0
    along = [(levels.sum(axis=1 - axis) * (np.arange(levels.shape[axis]) + 0.5)).sum() / mass for axis in (0, 1)]
    top, left = (
        min(max(0, round(SIDE / 2 - centre)), SIDE - side) for centre, side in zip(along, levels.shape, strict=True)
    )
    out = np.zeros((SIDE, SIDE))
    out[top : top + height, left : left + width] = levels
    return out
