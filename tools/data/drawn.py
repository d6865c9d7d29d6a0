"""What the recipes of drawn people share: labels in exact proportion, and an SVG as pixels."""

import io

import numpy as np
import resvg_py
from PIL import Image


def balanced(rng, n, k, odds):
    """n draws of k values in exact proportion, shuffled; the same number of each where ``odds`` is None."""
    odds = np.array(odds if odds is not None else [1 / k] * k)
    counts = np.floor(odds * n + 1e-9).astype(int)
    counts[: n - counts.sum()] += 1
    v = np.repeat(np.arange(k), counts)
    rng.shuffle(v)
    return v


def rasterised(svg, size):
    """On white, with 5 bits a channel, which halves the file: (size, size, 3) bytes."""
    im = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)))).convert("RGBA")
    a = np.asarray(im).astype(np.float32)
    rgb = a[..., :3] * a[..., 3:] / 255 + 255 - a[..., 3:]
    return np.round(np.round(rgb / 255 * 31) / 31 * 255).astype(np.uint8)
