"""Dressing a figure as tools/data/figures.py does: the pack's layers, laid over each other on white.

    dress(pose=0, sex=1, worn={"chest": 9, "legs": 20, "feet": 0, "hands": 8, "head": 3})  # (64, 64, 3)

A garment's number is 8 * design + dye. What was worn in training is counted in the pack itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from engines.data import zoo
from engines.data.dataset import read_only

SLOTS = ("chest", "legs", "feet", "hands", "head")
DESIGNS = MappingProxyType(
    {
        "chest": ("cloth_shirt", "leather_chest", "chain_cuirass", "plate_cuirass", "mage_vest"),
        "legs": ("cloth_pants", "leather_pants", "chain_greaves", "plate_greaves", "mage_skirt"),
        "feet": ("cloth_sandals", "leather_boots", "chain_boots", "plate_boots", "mage_boots"),
        "hands": ("cloth_gloves", "leather_gloves", "chain_gloves", "plate_gauntlets", "mage_sleeves"),
        "head": ("hair", "leather_hood", "chain_coif", "plate_helm", "mage_hood"),
    }
)
DYES = ("original", "red", "yellow", "green", "cyan", "blue", "purple", "white")
POSES = ("stands, from the front", "stands, from a side", "runs", "shoots")  # of the wardrobe, in its order
N_GARMENTS = 5 * len(DYES)  # of a slot


def check(sex: int, worn: Mapping[str, int]) -> None:
    """ValueError names the first piece that is missing or is none."""
    if sex not in (0, 1):
        raise ValueError(f"sex must be 0 or 1, got {sex}")
    for slot in SLOTS:
        if not 0 <= worn.get(slot, -1) < N_GARMENTS:
            raise ValueError(f"{slot} must be a garment from 0 to {N_GARMENTS - 1}, got {worn.get(slot)}")


def dress(pose: int, sex: int, worn: Mapping[str, int]) -> np.ndarray:
    """The figure in this outfit (64, 64, 3) uint8, six bits a channel as the pack's; ValueError as in `check`."""
    from PIL import Image

    check(sex, worn)
    wardrobe = zoo.load("wardrobe")
    if not 0 <= pose < len(wardrobe["order"]):
        raise ValueError(f"pose must be from 0 to {len(wardrobe['order']) - 1}, got {pose}")
    picture = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
    for j in wardrobe["order"][pose]:  # what is behind comes first
        picture.alpha_composite(Image.fromarray(wardrobe["layers"][pose, sex, j, worn[SLOTS[j]]]))
    q = np.asarray(picture)[..., :3] >> 2
    return (q << 2) | (q >> 4)


@dataclass(frozen=True, slots=True)
class Training:
    """What the training figures wear: ``garments`` by sex and number, ``outfits`` by upper and leg garment."""

    garments: frozenset[tuple[int, int]]
    outfits: frozenset[tuple[int, int]]


@lru_cache(maxsize=1)
def training() -> Training:
    pack = zoo.load("figures")
    sex, chest, legs = (pack.take(key, pack.rows("train")).tolist() for key in ("sex", "chest", "legs"))
    return Training(frozenset(zip(sex, chest, strict=True)), frozenset(zip(chest, legs, strict=True)))


def product(sex: int, chest: int) -> np.ndarray:
    """The upper garment alone (64, 64, 3) uint8."""
    return read_only(zoo.load("figures")["product_chest"][sex, chest])
