"""An object under the hand, near or far, and what a network says of it: the component and the routes that it asks."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.ui import photos, player
from pages.ui.questions import follow, network, real, route, whole
from pages.ui.sheets import tiled

if TYPE_CHECKING:
    from engines.making.perceptual_gan import PerceptualGAN

SCENE = 192  # pixels of a scene's side
FINE = 2  # pieces of photographs have as many times more
NEAR = 40  # pixels of the large one that a small sticker is compared with
SMALLEST, LARGEST = 6, 48
ROOM = 1.3  # how much larger than the object the crop is
NOISE = 4.0  # levels, as small objects of the training set have it
ACROSS = 14  # channels in a row of a picture of features


def model(variant: str) -> PerceptualGAN:
    """The shipped network; ValueError where there is none of that name."""
    from engines.making.perceptual_gan import VARIANTS

    return network("perceptual_gan", variant, VARIANTS, "Perceptual GAN")


# -- what lies in a scene ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def classes() -> tuple[str, ...]:
    from engines.data import zoo

    return tuple(zoo.load("scenes").text("names")["classes"])


@lru_cache(maxsize=1)
def held_out() -> dict[str, Any]:
    """Stickers never learned from, ``rgba`` (48, 96, 96, 4) with their ``label`` and ``names``; pieces of photographs
    never learned from, ``grounds`` (6, 384, 384, 3), and their ``photos``."""
    from engines.data import zoo

    pack = zoo.load("stickers")
    about = pack.text("names")
    names = [name.replace("-", " ") for name in about["stickers"]]
    photos = [name.split(".")[0].replace("_", " ") for name in about["photos"]]
    return {"rgba": pack["rgba"], "label": pack["label"], "names": names, "grounds": pack["scene"],
            "photos": [f"{photo}, {i % 2 + 1}" for i, photo in enumerate(photos)]}  # fmt: skip


@lru_cache(maxsize=1)
def scenes() -> dict[str, Any]:
    """Whole scenes of the test side: ``image`` (9, 192, 192, 3), and of each its ``boxes`` (n, 6): x, y, width, height,
    class, 1 where the object is small."""
    from engines.data import zoo

    pack = zoo.load("scenes")
    rows = np.flatnonzero(pack["scene_split"] == 1)
    boxes = [pack["scene_boxes"][pack["scene_boxes"][:, 0] == row][:, 1:].astype(int) for row in rows]
    return {"image": pack.take("scene", rows), "boxes": boxes}


def composed(sticker: int, ground: int, x: float, y: float, px: int) -> np.ndarray:
    """The sticker with a long side of ``px`` pixels, its middle at (x, y) of a scene of 192: bytes (192, 192, 3)."""
    from PIL import Image

    found = held_out()
    scene = Image.fromarray(found["grounds"][ground])
    size = FINE * px
    # Through premultiplied alpha, or the transparent rim would darken what is shrunk.
    one = Image.fromarray(found["rgba"][sticker]).convert("RGBa")
    one = one.resize((size, size), Image.Resampling.LANCZOS).convert("RGBA")
    scene.paste(one, (round(FINE * x - size / 2), round(FINE * y - size / 2)), one)
    return np.asarray(scene.resize((SCENE, SCENE), Image.Resampling.BOX))


def cropped(scene: np.ndarray, x: float, y: float, px: float, *, noise: bool = False) -> np.ndarray:
    """A square of 1.3 times the object's long side about its middle, within the scene: bytes (C, C, 3)."""
    side = min(max(4, round(ROOM * px)), SCENE)
    left, top = (round(min(max(0.0, at - side / 2), SCENE - side)) for at in (x, y))
    crop = scene[top : top + side, left : left + side].astype(np.float64)
    if noise:
        crop = crop + np.random.default_rng(0).normal(0, NOISE, crop.shape)
    return np.rint(crop).clip(0, 255).astype(np.uint8)


# -- what the routes answer --------------------------------------------------------------------------------


def see(variant: str, question: dict[str, Any]) -> dict[str, Any]:
    """A ``sticker`` on a ``ground`` at ``x``, ``y`` with ``px`` pixels; or, with a ``scene``, a ``box`` in it. What the
    network sees, ``crop`` and its ``side``; p(class) ``plain`` and ``raised``, and of the sticker seen from near,
    ``large``; pictures of the features (32, 56) bytes: ``map_small``, ``map_raised``, ``map_large``; ``words``.
    """
    import torch

    from engines.making.perceptual_gan import LARGE, as_bytes, look

    engine = model(variant)
    if "scene" in question:
        row = whole(question["scene"], "scene", len(scenes()["image"]) - 1)
        x, y, width, height = box(question.get("box"))
        px, near = max(width, height), None
        crop = cropped(scenes()["image"][row], x + width / 2, y + height / 2, px)
        true = whole(question.get("true", -1), "true", len(classes()) - 1, -1)
    else:
        found = held_out()
        sticker = whole(question.get("sticker"), "sticker", len(found["names"]) - 1)
        ground = whole(question.get("ground"), "ground", len(found["grounds"]) - 1)
        px = whole(question.get("px"), "px", LARGEST, SMALLEST)
        x, y = (real(question.get(key), key, 0, SCENE) for key in ("x", "y"))
        crop = cropped(composed(sticker, ground, x, y, px), x, y, px, noise=px < LARGE)
        near = near_features(sticker, ground, round(x), round(y))
        true = int(found["label"][sticker])
    early, pooled = look(crop[None])
    plain, raised = engine.standard(pooled), engine.raised(early, pooled, px)
    seen = {"small": plain, "raised": raised}
    if near is not None:
        seen["large"] = engine.standard(near)
    p = engine.named(torch.cat(list(seen.values()))).cpu().numpy().astype(np.float32)
    answer: dict[str, Any] = {
        "crop": crop.reshape(-1), "side": len(crop), "true": true, "px": round(px, 1),
        "plain": p[0], "raised": p[1], "words": said(p[0], p[1], true, px),
    }  # fmt: skip
    if near is not None:
        answer["large"] = p[2]
    answer |= {f"map_{key}": mosaic(as_bytes(z)[0].cpu().numpy()).reshape(-1) for key, z in seen.items()}
    return answer


@lru_cache(maxsize=128)  # 7 KB each: only the size of what lies there changes under the slider
def near_features(sticker: int, ground: int, x: int, y: int) -> Any:
    """F of the sticker with `NEAR` pixels, its middle at (x, y): (1, 112, 4, 4)."""
    from engines.making.perceptual_gan import look

    return look(cropped(composed(sticker, ground, x, y, NEAR), x, y, NEAR)[None])[1]


def said(plain: np.ndarray, raised: np.ndarray, true: int, px: float) -> str:
    """One sentence about what both say."""
    from engines.making.perceptual_gan import LARGE

    def one(p: np.ndarray) -> str:
        return f"{classes()[int(p.argmax())]} ({p.max():.2f})"

    known = f" It is of the class {classes()[true]}." if true >= 0 else ""
    if px >= LARGE:
        return f"{px:.0f} pixels, no fewer than {LARGE}: nothing is added. The network says {one(plain)}.{known}"
    return f"{px:.0f} pixels: the plain network says {one(plain)}, with the generator {one(raised)}.{known}"


def mosaic(maps: np.ndarray) -> np.ndarray:
    """112 channels of 4 x 4 as one picture, 14 in a row: (112, 4, 4) -> (32, 56)."""
    return tiled(maps, ACROSS)


def picture(variant: str, question: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  # the same for all
    """A ``kind`` of "ground", "sticker" or "scene" and its ``row``: the ``image`` as an address of its own data; of a
    scene its ``boxes`` (n * 6)."""
    kind, row = question.get("kind"), question.get("row")
    of: dict[Any, Any] = {"ground": held_out()["grounds"], "sticker": held_out()["rgba"], "scene": scenes()["image"]}
    if kind not in of:
        raise ValueError(f"kind must be ground, sticker or scene, got {repr(kind)[:40]}")
    at = whole(row, "row", len(of[kind]) - 1)
    answer: dict[str, Any] = {"image": address(of[kind][at])}
    if kind == "scene":
        answer["boxes"] = scenes()["boxes"][at].astype(np.int32).reshape(-1)
    return answer


def address(image: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(photos.png(image)).decode()


def box(value: Any) -> tuple[float, float, float, float]:
    """x, y, width and height in pixels of the scene, at least 4 wide or high."""
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("box must be four numbers, x, y, width and height: drag one over the scene")
    x, y, width, height = (real(one, "box", 0, SCENE) for one in value)
    if max(width, height) < 4 or x + width > SCENE or y + height > SCENE:
        raise ValueError("the box must be at least 4 pixels wide or high and lie in the scene: drag it anew")
    return x, y, width, height


ROUTES = [
    follow("/lab/perceptual/{variant}/follow", see),
    *(route(f"/lab/perceptual/{{variant}}/{ask.__name__}", ask) for ask in (see, picture)),
]


# -- the component -----------------------------------------------------------------------------------------


def show(variant: str, *, key: str, **given: Any) -> Any:
    """A sticker in a scene (``sticker``, ``ground``, ``px``) or a whole ``scene``, and what the network makes of it."""
    from engines.making.perceptual_gan import LARGE

    found = held_out()
    data = {
        "variant": variant or "default", "classes": list(classes()), "stickers": found["names"],
        "grounds": found["photos"], "scenes": len(scenes()["image"]), "limit": LARGE, "sizes": [SMALLEST, LARGEST],
        "side": SCENE, "room": ROOM, "near": NEAR, **given,
    }  # fmt: skip
    return player.mount("raising", key=key, data=data)
