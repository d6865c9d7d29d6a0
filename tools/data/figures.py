"""Rebuild figures.npz (dressed figure -> one garment) and figures_poses.npz (same outfit, another pose).

Package (apt-get download flare-game; dpkg -x flare-game_*.deb DIR; --source DIR): flare-game 1.14-1 (Debian),
art CC-BY-SA-3.0 or later. Python: numpy, pillow.
    python tools/data/figures.py --source DIR --out figures.npz [--limit 60] [--sheet f.png]
    python tools/data/figures.py --source DIR --out figures_poses.npz --poses [--limit 60] [--sheet p.png]
    python tools/data/figures.py --source DIR --out wardrobe.npz --wardrobe      the layers themselves, in a few poses

The game draws a person from layers (feet, legs, hands, chest, head), each an image per action, frame and direction.
We take off the baked shadow, dye garments in 8 colours (skin stays), and compose random outfits.
"""

import argparse
import hashlib
import json
import os
from collections import deque

import numpy as np
from PIL import Image

MOD = "usr/share/games/flare/mods/fantasycore/"
SLOTS = ["chest", "legs", "feet", "hands", "head"]
DESIGNS = dict(
    chest=["cloth_shirt", "leather_chest", "chain_cuirass", "plate_cuirass", "mage_vest"],
    legs=["cloth_pants", "leather_pants", "chain_greaves", "plate_greaves", "mage_skirt"],
    feet=["cloth_sandals", "leather_boots", "chain_boots", "plate_boots", "mage_boots"],
    hands=["cloth_gloves", "leather_gloves", "chain_gloves", "plate_gauntlets", "mage_sleeves"],
    head=["hair", "leather_hood", "chain_coif", "plate_helm", "mage_hood"],
)
DYES = ["original", "red", "yellow", "green", "cyan", "blue", "purple", "white"]
RGB = [
    None,
    (200, 40, 40),
    (225, 185, 50),
    (60, 150, 60),
    (60, 175, 190),
    (55, 80, 200),
    (140, 60, 170),
    (225, 225, 225),
]
HELD_OUT = dict(chest=[(0, 1), (2, 5), (3, 2), (4, 3)], legs=[(0, 5), (1, 1), (3, 4), (4, 6)])  # (design, dye)
ACTIONS = [
    ("stance", (0,)),
    ("run", (0, 2, 4, 6)),
    ("swing", (1, 2, 3)),
    ("cast", (1, 2)),
    ("shoot", (1, 3)),
    ("hit", (1,)),
    ("block", (1,)),
]
WARDROBE = [
    "stance 0 direction 6",
    "stance 0 direction 5",
    "run 0 direction 7",
    "shoot 1 direction 7",
]  # poses of figures.npz
FRONT = (0, 4, 5, 6, 7)  # directions that show the chest: W, E, SE, S, SW
KEYPOINTS = ["head", "chest", "hips", "right hand", "left hand", "right foot", "left foot"]
C, CX, CY, X0, Y0, SIZE = 96, 48, 66, 16, 9, 64  # working canvas, its anchor, and the 64x64 window cut from it


class Flare:
    def __init__(self, source):
        self.root, self.cache, self.tints = os.path.join(source, MOD), {}, {}
        with open(self.root + "engine/hero_layers.txt") as f:
            self.order = [ln.split("=")[1].strip().split(",")[1:] for ln in f if ln.startswith("layer")]

    def sheet(self, sex, name):
        if (sex, name) not in self.cache:
            a = np.asarray(Image.open(f"{self.root}images/avatar/{sex}/{name}.png").convert("RGBA")).copy()
            a[(a[..., :3].max(-1) < 4) & (a[..., 3] <= 135)] = 0  # the baked shadow: black, half clear
            frames, action = {}, None
            with open(f"{self.root}animations/avatar/{sex}/{name}.txt") as f:
                lines = [ln.strip() for ln in f]
            for ln in lines:
                if ln.startswith("["):
                    action = ln[1:-1]
                elif ln.startswith("frame="):
                    i, d, *box = map(int, ln[6:].split(",")[:8])
                    frames[action, i, d] = box
            self.cache[sex, name] = a, frames
        return self.cache[sex, name]

    def layer(self, sex, name, pose):
        """One layer on the canvas, RGBA; None where the game has no such frame."""
        a, frames = self.sheet(sex, name)
        if pose not in frames:
            return None
        x, y, w, h, ox, oy = frames[pose]
        out = np.zeros((C, C, 4), np.uint8)
        out[CY - oy : CY - oy + h, CX - ox : CX - ox + w] = a[y : y + h, x : x + w]
        return out

    def skin_free(self, sex, slot, name, layer, pose):
        """Where the layer is cloth: sandals and fingerless gloves leave skin, the same as in the bare layer."""
        if name not in ("cloth_sandals", "cloth_gloves"):
            return layer[..., 3] > 0
        bare = self.layer(sex, "default_" + slot, pose)
        same = (np.abs(layer[..., :3].astype(int) - bare[..., :3]).max(-1) < 14) & (bare[..., 3] > 60)
        return (layer[..., 3] > 0) & ~same

    def dyed(self, sex, slot, design, dye, pose):
        key = sex, slot, design, dye, pose
        if key in self.tints:
            return self.tints[key]
        name = DESIGNS[slot][design]
        if name == "hair":
            name = "head_long" if sex == "female" else "head_short"
        a = self.layer(sex, name, pose)
        if dye:
            ref = self.tints.get((sex, slot, design))
            if ref is None:  # the cloth's own brightness, from one frame
                b = self.layer(sex, name, ("stance", 0, 6))
                m = self.skin_free(sex, slot, name, b, ("stance", 0, 6)) & (b[..., 3] > 200)
                ref = self.tints[sex, slot, design] = max(12.0, np.quantile(b[m][:, :3].mean(-1), 0.7))
            m = self.skin_free(sex, slot, name, a, pose)
            if slot == "head":  # keep the face: warm, bright pixels
                r, g, bl = (a[..., k].astype(int) for k in range(3))
                m &= ~((r > 95) & (r > bl * 1.5) & (r > g + 12))
            v = (a[..., :3].mean(-1) / ref)[..., None]
            c = np.array(RGB[dye], np.float32)
            new = c * np.minimum(v, 1) ** 0.8 + (255 - c) * np.clip(v - 1, 0, 1) * 0.45
            a = a.copy()
            a[..., :3] = np.where(m[..., None], np.clip(new, 0, 255), a[..., :3]).astype(np.uint8)
        self.tints[key] = a
        return a

    def figure(self, sex, outfit, pose):
        """outfit: (design, dye) for each slot; design -1 is the bare body."""
        im = Image.new("RGBA", (C, C), (255, 255, 255, 255))
        for slot in self.order[pose[2]]:
            if slot in SLOTS:
                design, dye = outfit[SLOTS.index(slot)]
                a = (
                    self.dyed(sex, slot, design, dye, pose)
                    if design >= 0
                    else self.layer(sex, bare_name(sex, slot), pose)
                )
                im.alpha_composite(Image.fromarray(a))
        return tidy(np.asarray(im)[..., :3][Y0 : Y0 + SIZE, X0 : X0 + SIZE])


def bare_name(sex, slot):
    return "default_" + slot if slot != "head" else ("head_long" if sex == "female" else "head_bald")


def tidy(rgb):
    """6 bits a channel: a third off the file; white stays 255."""
    q = rgb >> 2
    return ((q << 2) | (q >> 4)).astype(np.uint8)


def components(mask):
    lab, out = np.zeros(mask.shape, int), []
    for y, x in np.argwhere(mask):
        if lab[y, x]:
            continue
        lab[y, x], todo, pts = len(out) + 1, deque([(y, x)]), []
        while todo:
            p = todo.popleft()
            pts.append(p)
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    q = p[0] + dy, p[1] + dx
                    if 0 <= q[0] < mask.shape[0] and 0 <= q[1] < mask.shape[1] and mask[q] and not lab[q]:
                        lab[q] = lab[p]
                        todo.append(q)
        out.append(np.array(pts))
    return sorted(out, key=len, reverse=True)


def body(flare, sex, pose):
    """Keypoints (7,2) as x, y in the 64x64 window, visibility (7,), silhouette of the bare body."""
    right = [(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)][pose[2]]  # the person's right
    solid = {s: flare.layer(sex, bare_name(sex, s), pose)[..., 3] > 100 for s in SLOTS}
    kp, vis = np.zeros((7, 2)), np.zeros(7, np.uint8)
    for k, slot in enumerate(("head", "chest", "legs")):
        comp = components(solid[slot])
        if comp:
            kp[k], vis[k] = comp[0].mean(0)[::-1], len(comp[0]) >= 4
    for k, slot in ((3, "hands"), (5, "feet")):
        comp = [c for c in components(solid[slot]) if len(c) >= 4][:2]
        cen = [c.mean(0)[::-1] for c in comp]
        if len(cen) == 2:
            d = (cen[0] - cen[1]) @ np.array(right)
            first_is_right = d > 0
            if slot == "hands":  # the game's own weapon and shield tell the hands apart

                def gap(name, c):
                    a = flare.layer(sex, name, pose)
                    pts = np.argwhere(a[..., 3] > 100) if a is not None else []
                    return np.inf if not len(pts) else np.sqrt(((c[:, None] - pts[None]) ** 2).sum(-1)).min()

                g = [[gap(n, c) for c in comp] for n in ("dagger", "buckler")]
                score = (g[0][1] - g[0][0]) + (g[1][0] - g[1][1])  # >0: component 0 holds the dagger
                if np.isfinite(score) and abs(score) > 1:
                    first_is_right = score > 0
            kp[k], kp[k + 1] = (cen[0], cen[1]) if first_is_right else (cen[1], cen[0])
            vis[k : k + 2] = 1
        elif len(cen) == 1:  # one seen: it takes the side that it is nearer to
            side = 0 if (cen[0] - kp[1]) @ np.array(right) > 0 else 1
            kp[k + side], vis[k + side] = cen[0], 1
            kp[k + 1 - side] = kp[1] if slot == "hands" else kp[2]
        else:
            kp[k : k + 2] = kp[1] if slot == "hands" else kp[2]
    m = np.any([solid[s] for s in SLOTS], 0)
    lost = m.sum() - m[Y0 : Y0 + SIZE, X0 : X0 + SIZE].sum()
    return kp - (X0, Y0), vis, m[Y0 : Y0 + SIZE, X0 : X0 + SIZE], lost


def product(flare, sex, slot, design, dye, pose):
    """The garment alone, its largest piece, twice as large, centred on 64x64 white."""
    a = flare.dyed(sex, slot, design, dye, pose).copy()
    keep = np.zeros((C, C), bool)
    comp = components(a[..., 3] > 60)
    for c in comp:
        if len(c) >= 0.2 * len(comp[0]):
            keep[c[:, 0], c[:, 1]] = True
    a[~keep] = 0
    y, x = np.nonzero(keep)
    a = a[max(0, y.min() - 1) : y.max() + 2, max(0, x.min() - 1) : x.max() + 2]
    im = Image.fromarray(a)
    k = min(2.0, 60 / max(im.size))
    im = im.convert("RGBa").resize((round(im.width * k), round(im.height * k)), Image.BICUBIC).convert("RGBA")
    out = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 255))
    out.alpha_composite(im, ((SIZE - im.width) // 2, (SIZE - im.height) // 2))
    return tidy(np.asarray(out)[..., :3])


def best_pose(flare, sex, slot):
    """The frame, seen from the front, where most of the slot's bare layer shows in one piece."""
    best = []
    for act, frames in [*ACTIONS, ("stance", (1, 2, 3))]:
        for i in frames:
            for d in (5, 6):
                comp = components(flare.layer(sex, "default_" + slot, (act, i, d))[..., 3] > 100)
                best.append((len(comp[0]) if comp else 0, act, i, d))
    return max(best)[1:]


def sample_outfits(rng, n, split):
    """Split 0: no held-out garment; 2: at least one. Combinations (chest, legs) of split 1 are never in split 0."""
    free = {s: [(d, y) for d in range(5) for y in range(8) if (d, y) not in HELD_OUT.get(s, [])] for s in SLOTS}

    def combo_test(c, g):  # a fixed eighth of the pairs of a chest and a leg garment
        return (c[0] * 7 + c[1] * 11 + g[0] * 5 + g[1] * 3) % 8 == 0

    out, seen = [], set()
    while len(out) < n:
        pick = {s: free[s][rng.randint(len(free[s]))] for s in SLOTS}
        if split == 2:
            which = ("chest", "legs")[rng.randint(2)]
            pick[which] = HELD_OUT[which][rng.randint(4)]
        elif combo_test(pick["chest"], pick["legs"]) != (split == 1):
            continue
        sex, o = rng.randint(2), tuple(pick[s] for s in SLOTS)
        if (sex, o) not in seen:
            seen.add((sex, o))
            out.append((sex, o))
    return out


def wardrobe(flare, sexes, out):
    """Every dyed layer of the window in a few poses, in the order in which the game lays them over each other."""
    at = [(act, int(i), int(d)) for act, i, _, d in (name.split() for name in WARDROBE)]
    layers = np.zeros((len(at), 2, len(SLOTS), 40, SIZE, SIZE, 4), np.uint8)
    for p, pose in enumerate(at):
        for x, sex in enumerate(sexes):
            for j, slot in enumerate(SLOTS):
                for g in range(40):
                    whole = flare.dyed(sex, slot, g // 8, g % 8, pose)
                    layers[p, x, j, g] = whole[Y0 : Y0 + SIZE, X0 : X0 + SIZE]
    layers[layers[..., 3] == 0] = 0
    order = [[SLOTS.index(s) for s in flare.order[pose[2]] if s in SLOTS] for pose in at]
    np.savez_compressed(out, layers=layers, order=np.array(order, np.uint8), poses=np.array(json.dumps(WARDROBE)))
    with open(out, "rb") as f:
        print(os.path.getsize(out), "bytes, sha256", hashlib.sha256(f.read()).hexdigest())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True), ap.add_argument("--out", required=True)
    ap.add_argument("--poses", action="store_true"), ap.add_argument("--wardrobe", action="store_true")
    ap.add_argument("--seed", type=int, default=17)
    ap.add_argument("--limit", type=int, default=0), ap.add_argument("--sheet", default="")
    a = ap.parse_args()
    flare, rng = Flare(a.source), np.random.RandomState(a.seed)
    sexes = ["male", "female"]
    if a.wardrobe:
        wardrobe(flare, sexes, a.out)
        return
    poses, pk, pv, pm, dropped = [], [], [], [], 0
    for act, frames in ACTIONS:
        for i in frames:
            for d in range(8):
                both = [body(flare, s, (act, i, d)) for s in sexes]
                if max(b[3] for b in both) > 2:  # would be cut off by the 64x64 window
                    dropped += 1
                    continue
                poses.append((act, i, d))
                pk.append([b[0] for b in both]), pv.append([b[1] for b in both]), pm.append([b[2] for b in both])
    print(f"{len(poses)} poses, {dropped} dropped as clipped")
    scale = (a.limit or 4000) / 4000
    if a.poses:  # outfits x poses
        n, per = [max(2, round(x * scale)) for x in (290, 50, 20)], 12
        plan = [(sp, k, o) for sp in range(3) for k, o in enumerate(sample_outfits(rng, n[sp], sp))]
        rows = [
            (sp, oid, o, p) for oid, (sp, _, o) in enumerate(plan) for p in rng.choice(len(poses), per, replace=False)
        ]
    else:
        n = [max(4, round(x * scale)) for x in (3000, 600, 400)]
        front = [i for i, p in enumerate(poses) if p[2] in FRONT]
        rows, oid = [], 0
        for sp in range(3):
            for o in sample_outfits(rng, n[sp], sp):
                rows.append((sp, oid, o, front[rng.randint(len(front))]))
                oid += 1
    img = np.stack([flare.figure(sexes[o[0]], o[1], poses[p]) for _, _, o, p in rows])
    N = len(rows)
    out = dict(
        split=np.array([r[0] for r in rows], np.uint8),
        outfit=np.array([r[1] for r in rows], np.int16),
        sex=np.array([r[2][0] for r in rows], np.uint8),
        pose=np.array([r[3] for r in rows], np.uint8),
        direction=np.array([poses[r[3]][2] for r in rows], np.uint8),
    )
    for j, s in enumerate(SLOTS):  # garment id: design * 8 + dye
        out[s] = np.array([r[2][1][j][0] * 8 + r[2][1][j][1] for r in rows], np.uint8)
    names = dict(
        slots=SLOTS,
        designs=DESIGNS,
        dyes=DYES,
        sexes=sexes,
        keypoints=KEYPOINTS,
        poses=[f"{p[0]} {p[1]} direction {p[2]}" for p in poses],
        splits=["train", "new combination", "new garment"],
        held_out={k: [d * 8 + y for d, y in v] for k, v in HELD_OUT.items()},
    )
    if a.poses:
        out.update(
            image=img,
            pose_keypoints=np.round(np.array(pk)).clip(0, 63).astype(np.uint8),
            pose_visible=np.array(pv, np.uint8),
            pose_mask=np.array(pm).astype(np.uint8),
        )
    else:
        out["figure"] = img
        for s in ("chest", "legs"):  # the target pictures, one per sex and garment
            at = [best_pose(flare, sex, s) for sex in sexes]
            print("product pose", s, at)
            out["product_" + s] = np.stack(
                [[product(flare, sexes[k], s, d, y, at[k]) for d in range(5) for y in range(8)] for k in range(2)]
            )
    out["names"] = np.array(json.dumps(names))
    np.savez_compressed(a.out, **out)
    with open(a.out, "rb") as f:
        sha256 = hashlib.sha256(f.read()).hexdigest()
    flat = img.reshape(N, -1)
    print({k: (v.shape, str(v.dtype)) for k, v in out.items()})
    print(
        "rows",
        N,
        "split",
        np.bincount(out["split"]),
        "lowest std",
        round(float(flat.std(1).min()), 1),
        "exact duplicates",
        N - len(np.unique(flat[:, ::3], axis=0)),
        "bytes",
        os.path.getsize(a.out),
        "sha256",
        sha256,
    )
    if a.sheet:
        S = Image.new("RGB", (18 * 66, 12 * 66), (150, 150, 150))

        def put(im, c, r, pts=None, vis=None):
            im = im.copy()
            if pts is not None:
                for (x, y), v, col in zip(
                    pts,
                    vis,
                    ((255, 0, 0), (255, 160, 0), (220, 220, 0), (0, 200, 0), (0, 220, 220), (0, 0, 255), (255, 0, 255)),
                    strict=True,
                ):
                    if v:
                        im[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = col
            S.paste(Image.fromarray(im), (c * 66, r * 66))

        if a.poses:
            ids = [np.flatnonzero(out["split"] == s)[::12] for s in range(3)]
            show = [ids[0][0], ids[0][1], ids[0][2], ids[1][0], ids[1][1], ids[2][0]]
            for r, first in enumerate(show):
                for c in range(12):
                    i = int(first) + c
                    q, x = int(out["pose"][i]), int(out["sex"][i])
                    put(img[i], c, 2 * r)
                    soft = np.where(out["pose_mask"][q, x][..., None] > 0, 200, 255).astype(np.uint8).repeat(3, -1)
                    put(soft, c, 2 * r + 1, out["pose_keypoints"][q, x], out["pose_visible"][q, x])
        else:
            pick = np.concatenate(
                [rng.permutation(np.flatnonzero(out["split"] == s))[:m] for s, m in ((0, 36), (1, 18), (2, 18))]
            )
            for k, i in enumerate(pick):
                r, c = k // 18 * 3, k % 18
                put(img[i], c, r)
                for j, s in enumerate(("chest", "legs")):
                    put(out["product_" + s][out["sex"][i], out[s][i]], c, r + 1 + j)
        S.save(a.sheet)


if __name__ == "__main__":
    main()
