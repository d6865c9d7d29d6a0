"""Colour images as the bytes of one WebP picture: a twentieth of their memory, for recorded runs and packs."""

from __future__ import annotations

import io

import numpy as np

MAX_PIXELS = 4_000_000


def pack(images: np.ndarray, *, quality: int = 80) -> np.ndarray:
    """Images (N, H, W, 3) uint8, one below the other, as (L,) uint8; the compression loses what the eye hardly sees."""
    from PIL import Image

    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images must be bytes (N, H, W, 3), got {images.dtype} {images.shape}")
    out = io.BytesIO()
    Image.fromarray(images.reshape(-1, images.shape[2], 3)).save(out, "WEBP", quality=quality, method=6)
    return np.frombuffer(out.getvalue(), dtype=np.uint8)


def unpack(packed: np.ndarray, *, height: int) -> np.ndarray:
    """What `pack` took, up to the compression: (N, height, W, 3) uint8; ValueError where it is no such picture."""
    from PIL import Image

    with Image.open(io.BytesIO(packed.tobytes()), formats=("WEBP",)) as picture:
        if picture.width * picture.height > MAX_PIXELS or picture.height % height:
            raise ValueError(f"a picture of {picture.size} does not hold images of {height} rows")
        return np.asarray(picture.convert("RGB")).reshape(-1, height, picture.width, 3)
