"""Pictures on the wire: JSON in which a NumPy array is {"dtype", "shape", "bdata"} (base64, little-endian)."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

_DTYPES = {"f": "f4", "u": "u1", "i": "i4", "b": "u1"}


def pack(value: Any) -> str:
    """JSON text of nested dicts, lists, numbers and arrays; floats travel as float32, NaN as null outside arrays."""
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
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


def index(value: Any, count: int) -> int:
    """Which of ``count`` the browser means; the nearest there is, the first for what is no number."""
    try:
        return max(0, min(int(value), count - 1))
    except (TypeError, ValueError, OverflowError):
        return 0
