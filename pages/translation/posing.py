"""A pose under the hand, and the figure in it: the component, and the routes that it asks past Streamlit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.ui import player
from pages.ui.questions import follow, network, route, whole

if TYPE_CHECKING:
    from engines.translation.pose_guided import PoseGuided

SIDE = 64
WALK = ("run 0", "run 2", "run 4", "run 6")


# -- the test figures ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> dict[str, Any]:
    """The test figures, 12 rows each: ``image`` (N, 64, 64, 3), ``pose`` (N,), ``keypoints``, ``visible``, ``mask``,
    ``sex``, ``outfit``; by figure its ``names`` and ``first`` row.
    """
    from engines.data import zoo

    pack = zoo.load("figures_poses")
    rows, names = pack.rows("test"), pack.text("names")
    found: dict[str, Any] = {key: pack.take(key, rows) for key in ("image", "pose", "sex", "outfit")}
    posed = (found["pose"], found["sex"])
    found |= {key: pack[f"pose_{key}"][posed] for key in ("keypoints", "visible", "mask")}
    first = np.flatnonzero(np.diff(found["outfit"], prepend=-1))
    said = []
    for n, row in enumerate(rows[first]):
        chest, legs = (int(pack[slot][row]) for slot in ("chest", "legs"))
        words = f"{n + 1}: {worn(names, 'chest', chest)}, {worn(names, 'legs', legs)}"
        said.append(words + (" (a garment never seen)" if pack["split"][row] == 2 else ""))
    return found | {"names": said, "first": first}


def worn(names: Any, slot: str, garment: int) -> str:
    """ "red leather chest": a garment's dye and design in words."""
    dye, design = names["dyes"][garment % 8], names["designs"][slot][garment // 8].replace("_", " ")
    return design if dye == "original" else f"{dye} {design}"


@lru_cache(maxsize=1)
def poses() -> list[dict[str, Any]]:
    """The 90 poses: the action and its step, the direction 0..7, keypoints and which are visible by sex."""
    from engines.data import zoo

    pack = zoo.load("figures_poses")
    found = []
    for i, name in enumerate(pack.text("names")["poses"]):
        action, _, direction = name.partition(" direction ")
        keypoints, visible = pack["pose_keypoints"][i].tolist(), pack["pose_visible"][i].tolist()
        found.append({"action": action, "direction": int(direction), "keypoints": keypoints, "visible": visible})
    return found


# -- what the routes answer ------------------------------------------------------------------------------


def model(variant: str) -> PoseGuided:
    """The shipped network; ValueError where there is none of that name."""
    from engines.translation.pose_guided import VARIANTS

    return network("pose_guided", variant, VARIANTS, "pose-guided network")


def pose(variant: str, question: dict[str, Any]) -> dict[str, Any]:
    """Test figure ``row``, from its picture ``source``, in a pose of 7 ``points`` and which are ``visible``: the bytes
    of the ``coarse`` image, the ``difference`` map about grey and what is ``made``, (64, 64, 3) each; ``words`` about
    them, with the picture ``truth`` of the same figure beside them unless it is -1.
    """
    import torch

    from engines.maths.ssim import ssim

    engine, figure = model(variant), tests()
    first, n = place(question.get("row"))
    source, truth = (whole(question.get(key, -1), key, n - 1, low) for key, low in (("source", 0), ("truth", -1)))
    points, visible = keypoints(question.get("points")), seen(question.get("visible"))
    given = figure["image"][first + source : first + source + 1]
    coarse, difference, made = (image[0].cpu() for image in engine.pose(given, points[None], visible[None]))
    words = f"Stage 2 adds {255 * float(difference.abs().mean()):.1f} of 255 levels on average, up or down."
    if truth >= 0:
        true = torch.from_numpy(figure["image"][first + truth] / 255).float()
        images = [image.clamp(0, 1) for image in (coarse, made, torch.from_numpy(given[0] / 255).float())]
        a, b, copied = (float(ssim(image[None], true[None])) for image in images)
        words += (
            f" SSIM with the true picture: coarse {a:.2f}, result {b:.2f}; the figure as it was given {copied:.2f}."
        )
    shown = {"coarse": coarse, "difference": difference / 2 + 0.5, "made": made}
    return {**{key: as_bytes(value) for key, value in shown.items()}, "words": words}


def figure(variant: str, question: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  # the same for all
    """Test figure ``row``: its ``images`` (n * 64, 64, 3) below each other, the ``poses`` (n,) that they show, its
    ``sex`` and which picture stands upright, ``first``.
    """
    found = tests()
    first, n = place(question.get("row"))
    rows = slice(first, first + n)
    sex = int(found["sex"][first])
    taken = [poses()[i] for i in found["pose"][rows]]
    calm = min(range(n), key=lambda i: (taken[i]["action"] != "stance 0", taken[i]["direction"] not in (5, 6)))
    images = np.ascontiguousarray(found["image"][rows].reshape(-1))
    return {"images": images, "poses": found["pose"][rows].astype(np.int32), "sex": sex, "first": calm}


def place(row: Any) -> tuple[int, int]:
    """The first row of a figure and how many it has."""
    first, total = tests()["first"], len(tests()["image"])
    at = whole(row, "row", len(first) - 1)
    return int(first[at]), int(first[at + 1] if at + 1 < len(first) else total) - int(first[at])


def keypoints(value: Any) -> np.ndarray:
    """Seven points [x, y] in pixels of the picture -> (7, 2); ValueError for anything else."""
    if not isinstance(value, list) or len(value) != 7:
        raise ValueError("points must be seven pairs of numbers, x and y: send one for each keypoint")
    for point in value:
        pair = point if isinstance(point, list) and len(point) == 2 else [None]
        if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in pair):
            raise ValueError(f"a point must be two numbers, got {repr(point)[:40]}")
        if not all(0 <= v <= SIDE - 1 for v in pair):
            raise ValueError(f"a point must lie from 0 to {SIDE - 1} both ways, got {repr(point)[:40]}")
    return np.array(value, dtype=np.float32)


def seen(value: Any) -> np.ndarray:
    if not isinstance(value, list) or len(value) != 7 or any(v not in (0, 1) for v in value):
        raise ValueError(f"visible must be seven of 0 or 1, got {repr(value)[:40]}")
    return np.array(value, dtype=np.int64)


def as_bytes(levels: Any) -> np.ndarray:
    return np.rint(255 * np.clip(np.asarray(levels), 0, 1)).astype(np.uint8)


ROUTES = [
    follow("/lab/pose-guided/{variant}/follow", pose),
    *(route(f"/lab/pose-guided/{{variant}}/{ask.__name__}", ask) for ask in (pose, figure)),
]


# -- the component ---------------------------------------------------------------------------------------


def board(variant: str, *, key: str, row: int, at: int) -> Any:
    """Figure ``row``, a pose under the hand that begins with pose ``at``, and what the network ``variant`` makes."""
    from engines.translation.poses import KEYPOINTS

    data = {
        "variant": variant or "default",
        "figures": tests()["names"],
        "row": row,
        "pose": at,
        "poses": poses(),
        "actions": list(dict.fromkeys(pose["action"] for pose in poses())),
        "walk": list(WALK),
        "keypoints": list(KEYPOINTS),
    }
    return player.mount("posing", key=key, data=data)
