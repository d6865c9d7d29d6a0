"""The perceptual features against the network written out in NumPy, and that nothing moves or hides their weights."""

import json

import numpy as np
import pytest
import safetensors.numpy
import torch

from engines.making import features
from engines.making.features import NAMES, STAGES, load


def convolved(x: np.ndarray, weights: dict, key: str, stride: int = 1) -> np.ndarray:
    """(C, H, W) -> (D, ceil(H / stride), ...): place by place, outside is zero, the odd pixel below and right."""
    w, b = (weights[f"{key}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    k, (height, width) = w.shape[2], (-(-n // stride) for n in x.shape[1:])
    out = np.zeros((len(w), height, width))
    before = [max((m - 1) * stride + k - n, 0) // 2 for m, n in zip((height, width), x.shape[1:], strict=True)]
    for i in range(height):
        for j in range(width):
            for a in range(k):
                for c in range(k):
                    row, column = i * stride - before[0] + a, j * stride - before[1] + c
                    if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                        seen, by_itself = x[:, row, column], w.shape[1] == 1 and k > 1
                        out[:, i, j] += w[:, 0, a, c] * seen if by_itself else w[:, :, a, c] @ seen
    return out + b[:, None, None]


def written_out(image: np.ndarray) -> dict[str, np.ndarray]:
    """An image (3, H, W) in [-1, 1] -> every stage's map."""
    weights = safetensors.numpy.load((features.FOLDER / "weights.safetensors").read_bytes())
    byte = (image + 1) / 2 * 255
    h = np.clip(convolved((byte - 127) / 128, weights, "stem", 2), 0, 6)
    found = {"stem": h}
    for name, (_, stride, expansion, _, repeats) in STAGES.items():
        for i in range(repeats):
            x, at = h, f"{name}.{i}"
            if expansion > 1:
                h = np.clip(convolved(h, weights, f"{at}.expand"), 0, 6)
            h = np.clip(convolved(h, weights, f"{at}.depthwise", stride if i == 0 else 1), 0, 6)
            h = convolved(h, weights, f"{at}.project")
            h = h + x if i else h  # the first of a stage changes the channels
        found[name] = h
    return found


def test_every_stage_is_what_the_formula_says():
    image = np.random.default_rng(0).uniform(-1, 1, (3, 21, 32))  # an odd side: padding is uneven on every stage
    network = load().double()
    found = network(torch.from_numpy(image)[None], NAMES)
    expected = written_out(image)
    assert tuple(found) == NAMES
    for name in NAMES:
        assert found[name][0].shape == expected[name].shape
        np.testing.assert_allclose(found[name][0].numpy(), expected[name], atol=1e-9)


def test_frozen_yet_a_gradient_reaches_the_image():
    network = load()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    image = torch.zeros(2, 3, 16, 16, requires_grad=True)
    network(image, ["stage2"])["stage2"].square().sum().backward()
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum() > 0


def test_only_what_is_asked_for_and_known_names():
    image = torch.zeros(1, 3, 64, 48)
    found = load()(image, ("stage5", "stage2"))
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "stage2": (1, 24, 16, 12),
        "stage5": (1, 112, 4, 3),
    }
    with pytest.raises(ValueError, match="has no stage 'relu5_4'; known: stem, stage1"):
        load()(image, ("relu5_4",))


def test_the_weights_are_as_described_and_damage_is_one_sentence(tmp_path, monkeypatch):
    about = json.loads((features.FOLDER / "about.json").read_text())
    assert about["parameter_count"] == sum(p.numel() for p in load().parameters())
    assert "Apache" in (features.FOLDER / "LICENSE").read_text()
    assert min(p for shown in about["named"].values() if isinstance(shown, dict) for p in shown.values()) > 0.5
    monkeypatch.setattr(features, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="missing or damaged: restore it with git checkout"):
        load()
    (tmp_path / "about.json").write_text(json.dumps(about))
    (tmp_path / "weights.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="are damaged: restore it with git checkout"):
        load()
