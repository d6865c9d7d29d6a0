"""Is it luck, and from which size on does it help? `python -m engines.making.perceptual_seeds`.

Every variant of `perceptual_gan` learns with each seed from the same objects; seed 0 is the one that ships. What
`evaluate` says of it, and the share of test objects named rightly at every size of `SIZES`, without and with the
generator (whatever the size), with its interval over drawings, is written to assets/making/perceptual_gan.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = (0, 1, 2)
SIZES = (6, 8, 10, 12, 16, 20, 24, 32, 37)  # pixels of the object's long side; large crops hold it at about 37
FILE = Path(__file__).resolve().parents[2] / "assets" / "making" / "perceptual_gan.json"


def measure(variant: str, seed: int, sizes: dict[int, Any], data: Any) -> dict[str, Any]:
    """One row: a network trained with a seed, measured."""
    import engines
    from engines.making.perceptual_gan import VARIANTS, over_drawings

    if seed == 0:
        engine: Any = engines.pretrained("perceptual_gan", variant)
    else:
        engine = engines.create("perceptual_gan", data=data, device="cpu", **{**VARIANTS[variant], "seed": seed})
        while not engine.done:
            engine.step()
    found = engine.evaluate(data.test)
    row: dict[str, Any] = {"variant": variant, "seed": seed}
    row |= {key: round(found[key], 4) for key in ("large", "small", "raised", "large_raised", "off", "off_raised")}
    label, drawing = data.test["label"], data.test["sticker"].numpy()
    for way in ("plain", "raised"):
        row[f"{way}_at"] = at = []
        for early, pooled in sizes.values():
            z = engine.standard(pooled) if way == "plain" else engine.raised(early, pooled)
            right = (engine.named(z).argmax(dim=1) == label).double().numpy()
            at.append([round(value, 4) for value in over_drawings("at", right, drawing).values()])
    return {**row, "sizes": list(sizes)}


@lru_cache(maxsize=1)
def load() -> list[dict[str, Any]]:
    """The rows that ship."""
    return json.loads(FILE.read_text(encoding="utf-8"))["rows"]


def over_seeds(rows: list[dict[str, Any]], variant: str, key: str) -> np.ndarray:
    """A measure of a variant, one value a seed: (S,)."""
    return np.array([row[key] for row in rows if row["variant"] == variant and key in row])


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of a few seeds (S,) with its 95 % interval, mean and standard error by Student's t."""
    from scipy.stats import t

    mean, n = float(values.mean()), len(values)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    return mean, mean - half, mean + half


def seen_at() -> dict[int, Any]:
    """f and F of all test objects at every size."""
    from engines.data import zoo
    from engines.making.perceptual_gan import look, shrunk

    pack = zoo.load("scenes")
    crops = pack.take("large", pack.rows("test"))
    return {px: look(shrunk(crops, px)) for px in SIZES}


def main() -> int:
    import torch

    from engines.making.perceptual_gan import VARIANTS, NearAndFar

    parser = argparse.ArgumentParser(description="All variants with all seeds, into assets/making/perceptual_gan.json")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="variants to measure anew; '' has all parts")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data, sizes, rows = NearAndFar.load("scenes"), seen_at(), []
    for variant in given.only:
        for seed in SEEDS:
            rows.append(measure(variant, seed, sizes, data))
            print({key: value for key, value in rows[-1].items() if not isinstance(value, list)}, flush=True)
    kept = json.loads(FILE.read_text(encoding="utf-8"))["rows"] if FILE.exists() else []
    rows += [row for row in kept if row["variant"] not in given.only]
    rows.sort(key=lambda row: (list(VARIANTS).index(row["variant"]), row["seed"]))
    FILE.parent.mkdir(exist_ok=True)
    command = "python -m engines.making.perceptual_seeds"
    FILE.write_text(json.dumps({"command": command, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
