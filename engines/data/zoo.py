"""The packs of colour images, solids, tunes and captions in assets/data: one file each, checked by sha256, read lazily.

    pack = zoo.load("emoji")
    pack["outline"]  # (1551, 64, 64) uint8, all of it
    pack.take("flat", pack.rows("test")[:8])  # these pictures and no others are decoded
    pack.text("names")  # what the file holds as JSON

What a field means, who made it and under which licence: assets/LICENSES.md. Every pack has its own split, by identity
(people, photos, drawings, tunes, combinations): what is in "test" was never trained on.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engines.data.dataset import read_checked, read_only

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "data"
SHA256 = MappingProxyType(
    {
        "avatars.npz": "008c06afe54eae75dafbc4923f62d0160708ab7c07e3f4da4b88581e3f059eef",
        "birds.npz": "92cb06990fc4629c76090325b62b1f021c30724fa9a87f3ead24c27b6daf028a",
        "emoji.npz": "b77c9754f675288ee781c425128962d3072a67299ecd53388382224b0bca7756",
        "facesjs.npz": "f59c6d3bdfa23a12d7bd052eb047a968ddc36c79ce2f4acfd4eef51f653b6441",
        "figures.npz": "0c7db129c0185eba1411d931cae73074345aa15a9b27cd41a0332890330a1a34",
        "figures_poses.npz": "ca4e8746564b382c8a819cde9528aa6eed3dfd892dabeb48eec0bfcbd9bc46dc",
        "fontdigits.npz": "dc814abf867c4106a1475eb722bb927bd2af9cb75db3beb613047b468baa02f6",
        "furniture.npz": "dec4893c74dfa6afdf03d19bf11a7df27423fe36adc818c746b5478f3e2865c1",
        "heads_age.npz": "6aaa90effb24a1a00b1a7555ff831be7b3036f781fceab0d9c9de22ffefab182",
        "heads_attr.npz": "e6afa13496cf902ec771dec8918f6ec2714b905f8309d2be3856850e399de1f3",
        "heads_yaw.npz": "64eb9ee418e7e545465791d7183aa34233c372096a17bca09236e34d08603bcf",
        "patches.npz": "4f65f5e5423c6b62f6ce1e0835f9894bc583adebd64573c2ee8d9a3e0628ef0e",
        "patches_test.npz": "e210ec85dee82ef55b95d2eb8fb5a7ab148979cc2c278b9e037b436a3e93330f",
        "scenes.npz": "bbe10fbe2d551798fc84e0761c11be7e58a29c2087a21e3892e7c53164ab9364",
        "stickers.npz": "e163418c57954b3336d61ebe9ed8bfed67b5f34177399d421d786505612c23bb",
        "textures.npz": "bf039e2b7d21766c1102405d6dd5b3e0b6c4d3973acbf5f0d30ca98b6910f37c",
        "tunes.npz": "75ff0fa89e9b264b7a34eef7e5e3abb1c251735dcc2a427fd44a98d1856b0bd1",
        "turntables.npz": "d41ce88697e7e4740c131394ca45f0dd258ecae31c21860955bcbe2e37e5e8ab",
        "wardrobe.npz": "165d739153f5d04ebf36ecce13687976a4d2c0ae4cfd01ae6aa02f3999a96f9b",
    }
)
NAMES = tuple(name.removesuffix(".npz") for name in SHA256)
# Pictures that lie as files, one behind the other: field -> (the bytes, where each begins).
_FILES = {
    "image": (("webp", "offsets"), ("data", "offsets")),
    "large": (("large_jpeg", "large_offset"),),
    "scene": (("scene_jpeg", "scene_offset"),),
    "crops": (("crops_webp", "crops_offsets"),),
}
_reading = threading.Lock()


class Pack:
    """One file's fields by name; pictures kept as WebP or JPEG are decoded when they are asked for."""

    def __init__(self, name: str, members: Mapping[str, np.ndarray], sha256: str) -> None:
        self.name, self.sha256, self._members = name, sha256, members

    def __contains__(self, field: str) -> bool:
        return field in self._members or self._file(field) is not None

    def __getitem__(self, field: str) -> np.ndarray:
        """All of a field, as it lies in the file (N, ...)."""
        return self.take(field)

    def take(self, field: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A field's ``rows`` (all without), read-only; ValueError lists the fields."""
        if found := self._file(field):
            data, offsets = (self._members[key] for key in found)
            at = np.arange(len(offsets) - 1) if rows is None else np.asarray(rows)
            return np.stack([_picture(data[offsets[i] : offsets[i + 1]]) for i in at])
        if field not in self._members:
            raise ValueError(f"{self.name} has no field {field!r}; known: {', '.join(self._members)}")
        array = self._members[field]
        return read_only(array if rows is None else array[rows])

    def text(self, field: str) -> Any:
        """A field of JSON (class names, sources, captions)."""
        array = self[field]
        return json.loads(array.tobytes() if array.dtype == np.uint8 else str(array))

    def rows(self, split: str = "train") -> np.ndarray:
        """The rows of "train" or of "test" (N,), ascending. A pack without a split is all "train"."""
        if split not in ("train", "test"):
            raise ValueError(f"{self.name} has no split {split!r}; known: train, test")
        held = next((self[key] for key in ("test", "split") if key in self._members), np.zeros(len(self), np.uint8))
        return np.flatnonzero(held.astype(bool) == (split == "test"))

    def __len__(self) -> int:
        return max(len(array) for key, array in self._members.items() if key in ("test", "split", "texture", "order"))

    def _file(self, field: str) -> tuple[str, str] | None:
        return next((pair for pair in _FILES.get(field, ()) if all(key in self._members for key in pair)), None)


def load(name: str) -> Pack:
    """The pack ``name``; ValueError: an unknown name, a missing or damaged file."""
    if name not in NAMES:
        raise ValueError(f"no pack is called {name!r}; known: {', '.join(NAMES)}")
    with _reading:  # two viewers who ask at once must not read it twice
        return _load(name)


@lru_cache(maxsize=4)  # up to 100 MB each once all of it is open
def _load(name: str) -> Pack:
    members = _members(f"{name}.npz")
    if name == "patches":
        members = _joined(members, _members("patches_test.npz"))
    elif name == "fontdigits":
        members = _tiles(members)
    elif name == "furniture":
        solid = np.unpackbits(members["voxels"], axis=1).reshape(-1, 32, 32, 32)
        members = {**members, "voxels": solid}  # [x right, y up, z front]
    return Pack(name, members, SHA256[f"{name}.npz"])


def _members(file: str) -> dict[str, np.ndarray]:
    return read_checked(FOLDER / file, SHA256[file])


def _joined(train: dict[str, np.ndarray], test: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Patches of two files as one, with "test" to tell them apart."""
    both = {key: np.concatenate([train[key], test[key]]) for key in ("webp", "photo", "detail")}
    offsets = np.concatenate([train["offsets"], test["offsets"][1:] + train["offsets"][-1]])
    held = np.repeat([False, True], [len(train["photo"]), len(test["photo"])])
    return {**test, **both, "offsets": offsets, "test": held}


def _tiles(members: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Font digits lie on JPEG sheets of 32 x 32 tiles of 32 pixels: (27000, 32, 32, 3), the training ones first."""
    parts: dict[str, list[np.ndarray]] = {"image": [], "label": [], "font": [], "neighbours": [], "test": []}
    for split in ("train", "test"):
        data, offsets = members[f"{split}_jpeg"], members[f"{split}_offsets"]
        sheets = [_picture(data[a:b]) for a, b in pairwise(offsets)]
        tiles = [sheet.reshape(32, 32, 32, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3) for sheet in sheets]
        n = len(members[f"{split}_label"])
        parts["image"].append(np.concatenate(tiles)[:n])
        for key in ("label", "font", "neighbours"):
            parts[key].append(members[f"{split}_{key}"])
        parts["test"].append(np.full(n, split == "test"))
    return {**{key: np.concatenate(part) for key, part in parts.items()}, "info": members["info"]}


def _picture(data: np.ndarray) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(data.tobytes())) as picture:
        return np.asarray(picture.convert("RGB"))
