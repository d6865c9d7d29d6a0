"""Making: a batch of MidiNet and of 3D-GAN, and what the pages make: bars, a solid, a photo, a texture, drawings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def bench() -> list[dict[str, Any]]:
    """Rows for `make bench`."""
    from engines import create
    from engines.making.solids import Furniture
    from engines.material import Bars
    from pages.making import midinet, raising, srgan_notes, stackgan, threedgan

    names = tuple(midinet.SEQUENCES["home"].split())
    engine = create("midinet", data=Bars.load("tunes"), device="cpu")
    composed = median(lambda i: midinet.melody("midinet", "", names, 4, 1.0, i))
    crops = list(srgan_notes.tests()["crops"].values())
    enlarged = median(lambda i: srgan_notes.made_of(crops[i % 8], "bicubic"))

    def named(i: int) -> Any:
        return raising.see("default", {"sticker": i % 48, "ground": i % 6, "x": 90, "y": 90, "px": 8 + i % 8})

    described = median(lambda i: stackgan.drawings("", stackgan.EXAMPLES["owl"], 100 + i), 15)
    solids = create("3dgan", data=Furniture.load("furniture"), device="cpu")
    made = median(lambda i: threedgan.occupancy("", i + 1))
    return [
        {"name": "3D-GAN: a batch of 16", "value": median(lambda _: solids.step(), 8), "unit": "ms", "note": "CPU"},
        {"name": "3D-GAN: a solid", "value": made, "unit": "ms", "note": "at the server"},
        {"name": "StackGAN: 24 drawings of a caption", "value": described, "unit": "ms", "note": "at the server"},
        {"name": "SRGAN: a photo enlarged and measured", "value": enlarged, "unit": "ms", "note": "at the server"},
        {"name": "MidiNet: a batch of 72 bars", "value": median(lambda _: engine.step()), "unit": "ms", "note": "CPU"},
        {"name": "MidiNet: eight bars composed", "value": composed, "unit": "ms", "note": "at the server"},
        {
            "name": "Perceptual GAN: a sticker named, near and far",
            "value": median(named),
            "unit": "ms",
            "note": "at the server",
        },
        *textures(),
    ]


def textures() -> list[dict[str, Any]]:
    """One pass of MGAN, and the optimisation until it is as near to the texture, on one thread each."""
    from pages.making import mgan

    _, target, seconds = mgan.rival("gravel", 0)
    run = mgan.race("gravel", seed=0, learning_rate=0.02).run
    engine: Any = run.engine
    while engine.distance() > target and not engine.done:
        engine.step()
    run.close()
    near = f"{engine.iteration} steps" if engine.distance() <= target else f"not as near after {engine.iteration} steps"
    return [
        {"name": "MGAN: a texture of 128 pixels", "value": 1000 * seconds, "unit": "ms", "note": "one thread"},
        {"name": "MDAN: as near by optimisation", "value": 1000 * engine.seconds, "unit": "ms", "note": near},
        {"name": "MDAN's time in MGAN's", "value": engine.seconds / seconds, "unit": "times", "note": "at least 100"},
    ]


def median(do: Callable[[int], Any], n: int = 25) -> float:
    """Milliseconds of the last ``n`` - 5 calls."""
    times = []
    for i in range(n):
        began = time.perf_counter()
        do(i)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[5:])
