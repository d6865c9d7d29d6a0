"""Weights kept in full precision are kept in half of it, as --half would have: python -m tools.halve_weights FOLDER ...

The card's figures stay, because they stay true: the bound of 1,000 test images under the same noise may move by at most
0.02 nats (their sampling leaves 0.3 open, on 10,000 images); a checkpoint that moves by more is left as it was.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import safetensors.torch
import torch

from engines import checkpoints, data

MOST = 0.02  # nats a test image


def bound(directory: Path) -> float:
    """The ELBO of 1,000 test images in nats, always from the same noise."""
    checkpoint = checkpoints.read(directory)
    engine = checkpoints.restore(checkpoint)
    x = data.load(checkpoint.card["data"]["name"], split="test").x[:1000]
    return float(engine.evaluate(x, n_samples=2)["elbo"])


def halve(directory: Path) -> float:
    """Halve the weights in ``directory``; by how many nats the bound moved. ValueError where that is too much."""
    card_path, weights_path = directory / checkpoints.CARD, directory / checkpoints.WEIGHTS
    old_card, old_weights, before = card_path.read_bytes(), weights_path.read_bytes(), bound(directory)
    card = json.loads(old_card)
    tensors = {key: value.half() if value.dtype == torch.float32 else value
               for key, value in safetensors.torch.load(old_weights).items()}  # fmt: skip
    raw = safetensors.torch.save(tensors)
    card |= {"precision": "half", "weights_sha256": hashlib.sha256(raw).hexdigest()}
    card["tensors"] = {key: text.replace("float32", "float16") for key, text in card["tensors"].items()}
    if "--half" not in card["command"]:
        card["command"] += " --half"
    card["checksum"] = checkpoints.checksum(card)
    weights_path.write_bytes(raw)
    card_path.write_text(json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    moved = abs(bound(directory) - before)
    if moved > MOST:
        card_path.write_bytes(old_card)
        weights_path.write_bytes(old_weights)
        raise ValueError(f"{directory} moved by {moved:.3f} nats, more than {MOST}: it is left as it was")
    return moved


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: the bound moved by {halve(Path(name)):.4f} nats", file=sys.stderr)
