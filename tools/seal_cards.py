"""Cards of checkpoints from before they had a checksum (format 1) get one: python -m tools.seal_cards

Nothing that was measured is touched. What changes: ``format`` becomes 2, ``checksum`` (and ``frames_sha256`` where a
recorded run lies beside the card) are added, and the running loss is called ``running.loss``, as every learner calls
it now; a mixture's state names its regularisation. A card whose weights do not have the hash that it names stays.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from engines import checkpoints


def seal(path: Path) -> bool:
    """True where the card was of format 1 and now is of format 2."""
    card = json.loads(path.read_text())
    weights = path.parent / checkpoints.WEIGHTS
    if card.get("format") != 1 or hashlib.sha256(weights.read_bytes()).hexdigest() != card["weights_sha256"]:
        return False
    card["format"] = 2
    if "loss" in card["state"]:
        card["state"]["running.loss"] = card["state"].pop("loss")
    if card["engine"] == "gmm":  # its state says since under which regularisation it is
        card["state"].setdefault("regularisation", card["config"]["regularisation"])
    frames = path.parent / checkpoints.FRAMES
    if frames.exists():
        card["frames_sha256"] = hashlib.sha256(frames.read_bytes()).hexdigest()
    card["checksum"] = checkpoints.checksum(card)
    path.write_text(json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    return True


if __name__ == "__main__":
    sealed = [path for path in sorted(checkpoints.FOLDER.glob("**/card.json")) if seal(path)]
    print("\n".join(map(str, sealed)) or "every card has its checksum", file=sys.stderr)
