"""Rebuild furniture.npz (32^3 solid voxel shapes) and turntables.npz (chairs seen from 36 sides).

Package (CC0 and CC-BY models; not the nonfree one):
    apt-get download sweethome3d-furniture=1.8-1 && dpkg -x *.deb DIR
Python: numpy==2.4.6, pillow==13.0.0, numba==0.68.1.
    python tools/data/furniture.py --source DIR --pack furniture|turntables --out FILE [--limit N]
"""

# ruff: noqa: E501, E741, RUF046, SIM300, B905, B007

import argparse
import glob
import hashlib
import io
import json
import math
import os
import re
import zipfile

import numpy as np
from numba import njit
from PIL import Image

N = 32
SIZE, SS, ELEV = 64, 3, 20
LICENCE = {
    "BlendSwap-CC-0": "CC0-1.0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}
OWNER = {
    "BlendSwap-CC-0": "BlendSwap contributors",
    "BlendSwap-CC-BY": "BlendSwap contributors",
    "KatorLegaz": "Andrew Kator & Jennifer Legaz",
    "Reallusion": "Reallusion",
    "Scopia": "Emmanuel Puybaret / eTeks and Scopia Visual Interfaces Systems, s.l.",
}
DROP = r"socket|plug|switch|parking|crossing|carpet|rug|\bbill\b|\barrow|mat\b|curtain|sidewalk|rails|tatami|newspaper|contemporary living room|escalator|shower curtain|ticket|calendar|card game"
CLASSES = [  # the first that fits the catalogue's name (or category) wins
    ("stool", r"stool|ottoman|puff"),
    ("bench", r"\bbench|\bbank\b|lounge"),
    ("armchair", r"armchair|relax chair"),
    ("chair", r"chair|class seat"),
    ("sofa", r"sofa|couch|futon"),
    ("bed", r"\bbed\b|crib|hammock|mattress"),
    ("lamp", r"lamp|lantern|light|candle|spotlight"),
    ("table", r"(?<!bedside )(?<!dressing )\btable\b(?! tennis| fan)(?!.*bat)|\bdesk\b|workbench|island(?! bath)"),
    (
        "cupboard",
        r"wardrobe|cabinet|cupboard|bookcase|shelves|dresser|bedside|vanity|chest(?! freezer)|tv stand|locker|commode|drawers|dressing",
    ),
    (
        "appliance",
        r"fridge|refrigerator|washing machine|oven|stove|dryer|cooker|freezer|microwave|furnace|boiler|heater|radiator|hood|air conditioning|cooktop",
    ),
    ("bathroom", r"basin|bath|bidet|toilets unit|urinal|sink|lavatory|shower|potty|jacuzzi"),
    ("vehicle", r"^@Vehicles"),
    ("figure", r"^@Characters|teddy|deer|doll$|mannequin"),
    ("door_window", r"^@Doors"),
    (
        "plant",
        r"plant|tree|bamboo|ficus|cypress|pine|palm|bush|hedge|cactus|tulip|orchid|lily|yucca|maple|poplar|acacia|beech|flower|spathi|peach",
    ),
    (
        "vessel",
        r"bottle|vase|\bglass\b|cup\b(?! cake)|mug|bowl|\bpot\b|jar|teapot|flacon|barrel|can\b|trashcan|bin\b|dustbin|basket\b|pan\b|creamer|kettle|pottery|milk",
    ),
    (
        "electronics",
        r"\btv\b|computer|laptop|imac|ibook|(?<!xylo)phone|radio|stereo|speaker|screen|playstation|camera|printer|player|mp3|projector|keyboard|tablet|amplifier|blender|mixer|toaster|brewer|coffee m|fryer",
    ),
    ("other", r"."),
]
NAMES = [c for c, _ in CLASSES]


def catalogue(source):
    """(archive, entry) for each model, in the archives' order."""
    for f in sorted(glob.glob(os.path.join(source, "usr/share/sweethome3d/furniture/*.sh3f"))):
        items = {}
        for l in zipfile.ZipFile(f).read("PluginFurnitureCatalog.properties").decode("latin1").splitlines():
            m = re.match(r"(\w+)#(\d+)=(.*)", l)
            if m:
                items.setdefault(int(m[2]), {})[m[1]] = (
                    m[3].encode("latin1").decode("unicode_escape") if "\\u" in m[3] else m[3]
                )
        for k in sorted(items):
            yield f, items[k]


def klass(d):
    for c, r in CLASSES:
        if re.search(r, "@" + d["category"] if r.startswith("^@") else d["name"].lower()) or (
            r.startswith("^@") and any(re.search(q, d["name"].lower()) for q in r.split("|")[1:])
        ):
            return c
    return None


def load(f, d):
    """Triangles (M, 3, 3) in catalogue centimetres, front towards +z, up +y, floor at 0; colours (M, 3)."""
    z = zipfile.ZipFile(f)
    p = d["model"].lstrip("/")
    V, Q, M, cur, lib, mats = [], [], [], 0, [], [""]
    for l in z.read(p).decode("latin1").splitlines():
        c = l[:2]
        if c == "v ":
            V.append(l)
        elif c == "f ":
            q = [int(a.split("/", 1)[0]) for a in l.split()[1:]]
            Q.append([a - 1 if a > 0 else len(V) + a for a in q])
            M.append(cur)
        elif c == "us":
            mats.append(l[6:].strip())
            cur = len(mats) - 1
        elif c == "mt":
            lib.append(l[6:].strip())
    V = np.array([l.split()[1:4] for l in V], float)
    M = np.array(M)
    n = np.array([len(q) for q in Q])
    F, FM = [], []
    for k in np.unique(n[n >= 3]):  # polygons to fans of triangles
        i = np.flatnonzero(n == k)
        q = np.array([Q[j] for j in i])
        for j in range(1, k - 1):
            F.append(q[:, [0, j, j + 1]])
            FM.append(M[i])
    F, M = np.concatenate(F), np.concatenate(FM)
    R = np.array(d.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), float).reshape(3, 3)
    V = V @ R.T
    used = V[np.unique(F)]
    lo, hi = used.min(0), used.max(0)
    size = np.array([float(d[k]) for k in ("width", "height", "depth")])
    V = (V - [(lo[0] + hi[0]) / 2, lo[1], (lo[2] + hi[2]) / 2]) * (size / np.maximum(hi - lo, 1e-9))
    kd, tex, alpha = {}, {}, {}
    for name in lib:
        try:
            t = z.read(os.path.join(os.path.dirname(p), name)).decode("latin1")
        except KeyError:
            continue
        m = None
        for l in t.splitlines():
            s = l.split()
            if not s:
                continue
            if s[0] == "newmtl":
                m = l.strip()[6:].strip()
            elif s[0] == "Kd":
                kd[m] = [float(x) for x in s[1:4]]
            elif s[0] == "d":
                alpha[m] = float(s[-1])
            elif s[0] == "map_Kd":
                try:
                    im = (
                        Image.open(io.BytesIO(z.read(os.path.join(os.path.dirname(p), l.split(None, 1)[1].strip()))))
                        .convert("RGB")
                        .resize((8, 8), Image.BOX)
                    )
                    tex[m] = np.asarray(im, float).mean((0, 1)) / 255
                except Exception:
                    pass
    col = np.array([tex.get(m, kd.get(m, [0.6, 0.6, 0.6])) for m in mats], float)
    keep = np.array([alpha.get(m, 1) > 0.05 for m in mats])[M]  # invisible parts
    if keep.sum() < 4:
        keep[:] = True
    return V[F][keep], col[M][keep]


@njit(cache=True)
def surface(T, n):
    """Marks each voxel that a triangle passes through (points no further apart than 0.4 voxel)."""
    G = np.zeros((n, n, n), np.uint8)
    for t in range(T.shape[0]):
        e = 0.0
        for a in range(3):
            b = (a + 1) % 3
            e = max(
                e,
                math.sqrt(
                    (T[t, a, 0] - T[t, b, 0]) ** 2 + (T[t, a, 1] - T[t, b, 1]) ** 2 + (T[t, a, 2] - T[t, b, 2]) ** 2
                ),
            )
        k = int(e / 0.4) + 1
        for i in range(k + 1):
            for j in range(k + 1 - i):
                u = i / k
                v = j / k
                w = 1 - u - v
                x = int(u * T[t, 0, 0] + v * T[t, 1, 0] + w * T[t, 2, 0])
                y = int(u * T[t, 0, 1] + v * T[t, 1, 1] + w * T[t, 2, 1])
                z = int(u * T[t, 0, 2] + v * T[t, 1, 2] + w * T[t, 2, 2])
                if 0 <= x < n and 0 <= y < n and 0 <= z < n:
                    G[x, y, z] = 1
    return G


@njit(cache=True)
def solid(G):
    """Fills what cannot be reached from outside through faces."""
    n = G.shape[0]
    m = n + 2
    O = np.zeros((m, m, m), np.uint8)
    st = np.empty((m * m * m, 3), np.int32)
    k = 1
    st[0, :] = 0
    O[0, 0, 0] = 1
    while k > 0:
        k -= 1
        x, y, z = st[k, 0], st[k, 1], st[k, 2]
        for a in range(6):
            X = x + (1 if a == 0 else -1 if a == 1 else 0)
            Y = y + (1 if a == 2 else -1 if a == 3 else 0)
            Z = z + (1 if a == 4 else -1 if a == 5 else 0)
            if X < 0 or Y < 0 or Z < 0 or X >= m or Y >= m or Z >= m or O[X, Y, Z]:
                continue
            if 1 <= X <= n and 1 <= Y <= n and 1 <= Z <= n and G[X - 1, Y - 1, Z - 1]:
                continue
            O[X, Y, Z] = 1
            st[k, 0] = X
            st[k, 1] = Y
            st[k, 2] = Z
            k += 1
    return (1 - O[1:-1, 1:-1, 1:-1]).astype(np.uint8)


def voxels(T):
    """Longest side 30 of 32 voxels, centred sideways, standing on the second layer."""
    lo, hi = T.min((0, 1)), T.max((0, 1))
    s = (N - 2 - 1e-3) / (hi - lo).max()
    P = (T - [(lo[0] + hi[0]) / 2, lo[1], (lo[2] + hi[2]) / 2]) * s + [N / 2, 1 + 5e-4, N / 2]
    return solid(surface(P, N))


@njit(cache=True)
def paint(S, nrm, col, W, bg):
    Z = np.full((W, W), -1e9)
    out = np.empty((W, W, 3))
    L = np.array([-0.42, 0.62, 0.66])
    for y in range(W):
        for k in range(3):
            out[y, :, k] = bg[k] * (1.04 - 0.10 * y / W)
    for t in range(S.shape[0]):
        ax, ay, bx, by, cx, cy = S[t, 0, 0], S[t, 0, 1], S[t, 1, 0], S[t, 1, 1], S[t, 2, 0], S[t, 2, 1]
        d = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(d) < 1e-9:
            continue
        n0, n1, n2 = nrm[t, 0], nrm[t, 1], nrm[t, 2]
        if n2 < 0:
            n0 = -n0
            n1 = -n1
            n2 = -n2
        dif = max(0.0, (n0 * L[0] + n1 * L[1] + n2 * L[2] + 0.15) / 1.15)
        li = 0.34 * (0.75 + 0.25 * n1) + 0.72 * dif + 0.10 * max(0.0, n0)
        for y in range(
            max(0, int(math.ceil(min(ay, by, cy) - 0.5))), min(W - 1, int(math.floor(max(ay, by, cy) - 0.5))) + 1
        ):
            for x in range(
                max(0, int(math.ceil(min(ax, bx, cx) - 0.5))), min(W - 1, int(math.floor(max(ax, bx, cx) - 0.5))) + 1
            ):
                px, py = x + 0.5, y + 0.5
                w1 = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / d
                w2 = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / d
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * S[t, 0, 2] + w1 * S[t, 1, 2] + w2 * S[t, 2, 2]
                if z > Z[y, x]:
                    Z[y, x] = z
                    for k in range(3):
                        out[y, x, k] = col[t, k] * li
    return out


def render(T, col, yaw, size=SIZE):
    """Yaw 0 shows the front; a positive yaw turns the front to the right of the picture, as for the heads."""
    lo, hi = T.min((0, 1)), T.max((0, 1))
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    ce, se = math.cos(math.radians(ELEV)), math.sin(math.radians(ELEV))
    M = np.array([[1, 0, 0], [0, ce, -se], [0, se, ce]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    X = T - [0, (lo[1] + hi[1]) / 2, 0]
    rad = math.sqrt(((hi[0] - lo[0]) / 2) ** 2 + ((hi[2] - lo[2]) / 2) ** 2)
    span = 2.10 * max(rad, (hi[1] - lo[1]) / 2 * ce + rad * se)
    Y = X @ M.T / span
    f = 4 / (4 - Y[..., 2:])
    W = size * SS
    n = np.cross(Y[:, 1] - Y[:, 0], Y[:, 2] - Y[:, 0])
    n /= np.linalg.norm(n, axis=1, keepdims=True) + 1e-12
    S = np.concatenate([W / 2 + Y[..., :1] * f * W, W / 2 - Y[..., 1:2] * f * W, Y[..., 2:]], -1)
    lin = (0.04 + 0.90 * np.clip(col, 0, 1)) ** 2.2
    img = paint(S, n, lin, W, (np.array([206, 214, 222]) / 255) ** 2.2).reshape(size, SS, size, SS, 3).mean((1, 3))
    return (np.clip(img, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def models(source, limit=None, only=None):
    """Each usable model: entry, class, triangles, colours."""
    k = 0
    for f, d in catalogue(source):
        c = klass(d)
        if re.search(DROP, d["name"].lower()) or (only and c not in only):
            continue
        try:
            T, col = load(f, d)
        except Exception as e:
            print("left out", d["name"], repr(e)[:80])
            continue
        k += 1
        if limit and k > limit:
            return
        yield f, d, c, T, col


def credit(f, d):
    a = os.path.basename(f)[:-5]
    return dict(
        name=d["name"],
        creator=d.get("creator", ""),
        owner=OWNER[a],
        licence=LICENCE[a],
        archive=a,
        path=d["model"].lstrip("/"),
    )


def build_furniture(source, limit):
    G, cl, info = [], [], []
    for f, d, c, T, col in models(source, limit):
        g = voxels(T)
        if g.sum() < 60 or min(np.ptp(np.argwhere(g), axis=0)) < 1:
            print("too thin", d["name"], g.sum())
            continue
        G.append(g)
        cl.append(NAMES.index(c))
        info.append(credit(f, d))
        if len(G) % 100 == 0:
            print(len(G), flush=True)
    G, cl = np.array(G, bool), np.array(cl)
    F = G.reshape(len(G), -1).astype(np.float32)
    inter = F @ F.T
    s = F.sum(1)
    iou = inter / (s[:, None] + s[None] - inter)
    first = np.array([not (iou[i, :i] > 0.985).any() for i in range(len(G))])  # one of each shape
    print("same shape as an earlier one:", (~first).sum())
    G, cl, info, iou = G[first], cl[first], [q for q, k in zip(info, first) if k], iou[np.ix_(first, first)]
    group = np.arange(len(G))  # look-alikes stay on one side of the split
    for i in range(len(G)):
        for j in np.flatnonzero(iou[i, :i] > 0.75):
            group[group == group[i]] = group[j]
    rng = np.random.default_rng(7)
    test = np.zeros(len(G), bool)
    for c in range(len(NAMES)):
        ids = np.flatnonzero(cl == c)
        gs = rng.permutation(np.unique(group[ids]))
        want = round(0.15 * len(ids))
        for g in gs:
            m = np.flatnonzero(group == g)
            if test[ids].sum() + len(m) <= want and not test[m].any():
                test[m] = True
    return dict(
        voxels=np.packbits(G.reshape(len(G), -1), axis=1),
        label=cl.astype(np.uint8),
        test=test,
        filled=G.reshape(len(G), -1).sum(1).astype(np.uint16),
        info=np.array(
            json.dumps(
                dict(
                    size=N,
                    axes="x right, y up, z front; G[x, y, z]",
                    classes=NAMES,
                    source="sweethome3d-furniture 1.8-1",
                    models=info,
                )
            )
        ),
    )


def build_turntables(source, limit):
    rows, blobs, info, hard = [], [], [], []
    for f, d, c, T, col in models(source, limit, ("chair", "armchair")):
        k = len(info)
        info.append(credit(f, d))
        small = render(T, col, 35, 32).astype(np.float32)
        same = [j for j, s in enumerate(hard) if np.abs(s - small).mean() < 3]
        if same:
            print("same as", info[same[0]]["name"], d["name"])
            info.pop()
            continue
        hard.append(small)
        for y in range(-180, 180, 10):
            b = io.BytesIO()
            Image.fromarray(render(T, col, y)).save(b, "WEBP", quality=95, method=6, use_sharp_yuv=True)
            blobs.append(b.getvalue())
            rows.append((k, y, NAMES.index(c)))
        if k % 10 == 0:
            print(k, d["name"], len(T), flush=True)
    t = np.random.default_rng(7).permutation(len(info))[: round(0.18 * len(info))]
    r = np.array(rows)
    return dict(
        data=np.frombuffer(b"".join(blobs), np.uint8),
        offsets=np.cumsum([0] + [len(b) for b in blobs]).astype(np.int64),
        identity=r[:, 0].astype(np.int16),
        yaw=r[:, 1].astype(np.int16),
        label=r[:, 2].astype(np.uint8),
        test=np.isin(r[:, 0], t),
        info=np.array(
            json.dumps(
                dict(
                    size=SIZE,
                    format="webp",
                    classes=NAMES,
                    elevation=ELEV,
                    source="sweethome3d-furniture 1.8-1",
                    models=info,
                )
            )
        ),
    )


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--pack", required=True, choices=["furniture", "turntables"])
    ap.add_argument("--limit", type=int)
    a = ap.parse_args()
    np.savez_compressed(a.out, **(build_furniture if a.pack == "furniture" else build_turntables)(a.source, a.limit))
    with open(a.out, "rb") as file:
        print(os.path.getsize(a.out), hashlib.sha256(file.read()).hexdigest())
