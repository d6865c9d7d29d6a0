"""Pictures on the wire: JSON in which a NumPy array is {"dtype", "shape", "bdata"} (base64, little-endian).

Images travel as PNG or WebP beside the JSON: a message that carries some is bytes, the length of the JSON in four
(little-endian), the JSON, then the files, to which ``{"at": [offset, length], "type", "shape"}`` points.
"""

from __future__ import annotations

import base64
import io
import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_DTYPES = {"f": "f4", "u": "u1", "i": "i4", "b": "u1"}


@dataclass(frozen=True, slots=True)
class Strip:
    """Images as one file: below each other, ``down`` to a column."""

    data: bytes
    mime: str
    shape: tuple[int, int, int]  # N, H, W
    down: int
    of: tuple[int, ...]  # the shape of the array that it was made from


MAX_DOWN = 8192  # rows of a strip: browsers draw no image that is much higher
EXACT = 400_000  # bytes of colour up to which nothing is lost


def strip(images: np.ndarray) -> Strip:
    """Images (..., H, W) or (N, H, W, 3), uint8, as PNG (grey) or WebP (colour).

    Grey and small colour images are exact; larger colour sheets are WebP of quality 90, a fifth of the bytes.
    ValueError for anything but bytes.
    """
    from PIL import Image

    array = np.asarray(images)
    if array.dtype != np.uint8 or array.ndim < 3 or not array.size:
        raise ValueError(f"images must be bytes (N, H, W) or (N, H, W, 3), got {array.dtype} {array.shape}")
    colour = array.ndim == 4 and array.shape[-1] == 3
    cells = array if colour else array.reshape(-1, *array.shape[-2:])
    n, height, width = cells.shape[:3]
    down = max(1, min(n, MAX_DOWN // height))
    columns = [cells[i : i + down].reshape(-1, *cells.shape[2:]) for i in range(0, n, down)]
    if len(columns) > 1:
        last = np.zeros_like(columns[0])
        last[: len(columns[-1])] = columns[-1]
        columns[-1] = last
    sheet = np.concatenate(columns, axis=1)
    out = io.BytesIO()
    if not colour:
        Image.fromarray(sheet).save(out, "PNG", compress_level=4)
    elif sheet.nbytes <= EXACT:
        Image.fromarray(sheet).save(out, "WEBP", lossless=True, method=0, quality=30)
    else:
        Image.fromarray(sheet).save(out, "WEBP", quality=90, method=1)
    return Strip(out.getvalue(), "image/webp" if colour else "image/png", (n, height, width), down, array.shape)


def pack(value: Any) -> str | bytes:
    """Nested dicts, lists, numbers, arrays and strips; floats travel as float32, NaN as null outside arrays."""
    files: list[bytes] = []
    text = json.dumps(_plain(value, files), separators=(",", ":"), allow_nan=False)
    if not files:
        return text
    head = text.encode()
    return b"".join([struct.pack("<I", len(head)), head, *files])


def _plain(value: Any, files: list[bytes]) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item, files) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, files) for item in value]
    if isinstance(value, Strip):
        offset = sum(map(len, files))
        files.append(value.data)
        place = {"at": [offset, len(value.data)], "type": value.mime, "down": value.down}
        return {**place, "shape": list(value.shape), "of": list(value.of)}
    if isinstance(value, np.ndarray):
        return encode(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def encode(array: np.ndarray) -> dict[str, Any]:
    """One array for the browser; unsigned integers must fit a byte."""
    code = _DTYPES[array.dtype.kind]
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        code = "i4"
    contiguous = np.ascontiguousarray(array, dtype=np.dtype(code).newbyteorder("<"))
    return {"dtype": code, "shape": list(array.shape), "bdata": base64.b64encode(contiguous.tobytes()).decode()}
