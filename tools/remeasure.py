"""What ships is measured again by what `evaluate` says today: python -m tools.remeasure NAME[/VARIANT] ...

For figures that a card lacks, as intervals. Weights, settings and all that was said of the training stay; a figure that
was there may move by a hundredth of itself, or by a hundredth where it is a share: other machines add in another order.
"""

from __future__ import annotations

import json
import sys

from engines import checkpoints, engine


def remeasure(name: str, variant: str = "") -> dict[str, float]:
    """Measure and write the card; ValueError where a figure that was there moved, which leaves the card as it was."""
    found = checkpoints.read(checkpoints.folder(name, variant))
    about = found.card["data"]
    material = engine.engine_class(name).learns_from.load(about["name"])
    made = checkpoints.restore(found, device="cpu")
    metrics = {f"test_{key}": float(value) for key, value in made.evaluate(*material.held_out).items()}
    old = found.card["metrics"]
    for key in metrics.keys() & old.keys():
        if abs(metrics[key] - old[key]) > max(0.01, 0.01 * abs(old[key])):
            raise ValueError(
                f"{name}/{variant}: {key} was {old[key]:g} and is {metrics[key]:g}: the card is left as it was"
            )
    path = found.directory / checkpoints.CARD
    card = json.loads(path.read_text())
    card["metrics"] = old | metrics
    card["checksum"] = checkpoints.checksum(card)
    path.write_text(json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    return metrics


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(given, remeasure(*given.split("/")), file=sys.stderr, flush=True)
