"""Rebuild birds.npz: drawings of birds and flowers with captions, for StackGAN (Zhang et al. 2017).

Everything is drawn here; no source is read.
Python: numpy==2.4.6, pillow==13.0.0, skia-python==144.1.
    python tools/data/birds.py --out FILE [--n N]
"""

# ruff: noqa: ARG001, B905, E501, E731, E741, RUF005

import argparse
import hashlib
import io
import json
import math

import numpy as np
import skia
from PIL import Image

COLOURS = dict(
    red=(208, 50, 46),
    blue=(58, 112, 205),
    yellow=(245, 208, 62),
    green=(84, 158, 78),
    brown=(140, 94, 58),
    white=(247, 245, 240),
    black=(42, 42, 50),
    orange=(240, 138, 44),
    pink=(243, 150, 182),
    purple=(132, 82, 168),
    grey=(146, 150, 158),
)
CN = list(COLOURS)
BELLY = ["white", "yellow", "orange", "red", "pink", "blue", "grey", "brown"]
BEAKC = ["yellow", "orange", "black", "red", "grey"]
PETAL = ["red", "blue", "yellow", "white", "orange", "pink", "purple"]
CENTRE = ["yellow", "orange", "brown", "white", "red"]
KIND = ["bird", "duck", "owl", "heron", "daisy", "flower", "tulip", "rose"]
PLACE = ["branch", "grass", "sky", "water", "snow", "rock", "night", "sunset", "pot", "vase", "plain"]
SIZE = ["small", "medium", "large"]
FIELDS = [
    "kind",
    "body",
    "second",
    "wing",
    "beak",
    "beak_shape",
    "crest",
    "tail",
    "pattern",
    "size",
    "pose",
    "facing",
    "place",
    "count",
]
VALUES = dict(
    kind=KIND,
    body=CN,
    second=CN,
    wing=CN,
    beak=CN,
    beak_shape=["short", "long", "curved"],
    crest=["none", "crest"],
    tail=["short", "long"],
    pattern=["plain", "spotted", "striped"],
    size=SIZE,
    pose=["perched", "standing", "flying", "swimming", "growing"],
    facing=["left", "right", "front"],
    place=PLACE,
    count=["one", "two", "three"],
)


def col(c, a=1.0):
    return skia.Color4f(*[float(min(1, max(0, x / 255))) for x in c], a)


def mix(a, b, t):
    return tuple(x + (y - x) * t for x, y in zip(a, b))


class Pen:
    def __init__(self, canvas, rng):
        self.c, self.r = canvas, rng

    def paint(self, c, stroke=0, alpha=1.0):
        p = skia.Paint(AntiAlias=True)
        p.setColor4f(col(c, alpha))
        if stroke:
            p.setStyle(skia.Paint.kStroke_Style)
            p.setStrokeWidth(stroke)
            p.setStrokeCap(skia.Paint.kRound_Cap)
            p.setStrokeJoin(skia.Paint.kRound_Join)
        return p

    def grad(self, c1, c2, p1, p2, radial=False):
        p = skia.Paint(AntiAlias=True)
        cs = [col(c1).toColor(), col(c2).toColor()]
        if radial:
            p.setShader(skia.GradientShader.MakeRadial(skia.Point(*p1), p2, cs))
        else:
            p.setShader(skia.GradientShader.MakeLinear([skia.Point(*p1), skia.Point(*p2)], cs))
        return p

    def path(self, d):
        """[('M',x,y), ('L',x,y), ('Q',x1,y1,x,y), ('C',...), ('Z',)] -> skia path"""
        p = skia.Path()
        for k, *v in d:
            {"M": p.moveTo, "L": p.lineTo, "Q": p.quadTo, "C": p.cubicTo, "Z": p.close}[k](*[float(x) for x in v])
        return p

    def fill(self, d, p):
        self.c.drawPath(
            d if isinstance(d, skia.Path) else self.path(d), p if isinstance(p, skia.Paint) else self.paint(p)
        )

    def line(self, pts, c, w):
        d = [("M", *pts[0])] + ([("Q", *pts[1], *pts[2])] if len(pts) == 3 else [("L", *q) for q in pts[1:]])
        self.c.drawPath(self.path(d), self.paint(c, stroke=w))

    def oval(self, x, y, rx, ry, p, rot=0):
        self.c.save()
        self.c.translate(float(x), float(y))
        self.c.rotate(float(rot))
        self.c.drawOval(
            skia.Rect(float(-rx), float(-ry), float(rx), float(ry)), p if isinstance(p, skia.Paint) else self.paint(p)
        )
        self.c.restore()


def jit(rng, c, s=12):
    return tuple(np.clip(np.array(c) + rng.normal(0, s * 0.5) + rng.normal(0, s * 0.5, 3), 0, 255))


def background(P, place, rng, bird):
    """Fills the 100 x 100 sheet; returns the ground colour."""
    j = lambda *c: jit(rng, c, 14)
    sky = {
        "sunset": (j(250, 190, 130), j(214, 110, 120)),
        "night": (j(28, 36, 78), j(62, 74, 130)),
        "snow": (j(205, 220, 236), j(238, 243, 248)),
        "plain": (j(236, 226, 206), j(226, 214, 192)),
    }.get(place, (j(140, 196, 236), j(214, 236, 246)))
    if place == "plain":
        b = [(236, 226, 206), (214, 230, 218), (222, 222, 240), (246, 222, 218)][rng.integers(4)]
        sky = (jit(rng, b, 8), jit(rng, mix(b, (255, 255, 255), 0.35), 8))
    if place in ("pot", "vase"):
        b = [(232, 214, 190), (196, 216, 226), (224, 206, 222), (206, 222, 196)][rng.integers(4)]
        sky = (jit(rng, b, 8), jit(rng, mix(b, (255, 255, 255), 0.3), 8))
    P.fill(
        [("M", 0, 0), ("L", 100, 0), ("L", 100, 100), ("L", 0, 100), ("Z",)], P.grad(sky[0], sky[1], (0, 0), (0, 85))
    )
    hz = rng.uniform(66, 76)

    def cloud(x, y, s, c):
        for dx, dy, r in ((-8, 1, 5), (0, -2, 7), (8, 1, 5.5), (3, 2, 6), (-4, 2, 5)):
            P.oval(x + dx * s, y + dy * s, r * s * 1.2, r * s * 0.8, c)

    def hills(y, c, n=2):
        for k in range(n):
            a, x = rng.uniform(4, 11), rng.uniform(0, 100)
            P.fill(
                [
                    ("M", -5, 101),
                    ("L", -5, y),
                    ("C", x - 40, y - a, x - 20, y - a, x, y - 2),
                    ("C", x + 20, y + a * 0.5, x + 50, y - a, 105, y),
                    ("L", 105, 101),
                    ("Z",),
                ],
                mix(c, (255, 255, 255), 0.25 - 0.25 * k / max(1, n - 1) if n > 1 else 0),
            )
            y += 5

    def tuft(x, y, h, c):
        for _ in range(3):
            dx = rng.uniform(-3, 3)
            P.line([(x, y), (x + dx * 0.3, y - h * 0.6), (x + dx, y - h)], c, 1.0)

    if place == "sky":
        for _ in range(rng.integers(2, 5)):
            cloud(rng.uniform(0, 100), rng.uniform(8, 92), rng.uniform(0.6, 1.3), (252, 253, 255))
        if rng.random() < 0.4:
            P.oval(rng.choice([14, 86]), 14, 8, 8, (255, 236, 150))
    elif place == "sunset":
        x, y = rng.uniform(15, 85), hz - rng.uniform(2, 12)
        P.oval(x, y, 20, 20, P.grad((255, 226, 150), mix(sky[1], (255, 200, 140), 0.5), (0, 0), 20, True))
        P.oval(x, y, 9, 9, (255, 238, 190))
        hills(hz, j(110, 66, 86))
    elif place == "night":
        for _ in range(rng.integers(8, 18)):
            r = rng.uniform(0.4, 0.9)
            P.oval(rng.uniform(0, 100), rng.uniform(0, 64), r, r, (250, 246, 214))
        x = rng.choice([18, 82])
        P.oval(x, 18, 9, 9, (250, 242, 200))
        if rng.random() < 0.5:
            P.oval(x + 4, 16, 8, 8, sky[0])
        hills(hz + 4, j(24, 46, 52))
    elif place == "snow":
        hills(hz, (246, 249, 253))
        for _ in range(rng.integers(14, 30)):
            r = rng.uniform(0.6, 1.3)
            P.oval(rng.uniform(0, 100), rng.uniform(0, 100), r, r, (255, 255, 255))
    elif place == "grass":
        hills(hz, j(112, 176, 84))
        for _ in range(rng.integers(6, 14)):
            tuft(rng.uniform(0, 100), rng.uniform(hz + 8, 100), rng.uniform(5, 9), j(70, 138, 58))
        for _ in range(rng.integers(0, 6)):
            P.oval(rng.uniform(0, 100), rng.uniform(hz + 8, 98), 1.3, 1.3, (250, 240, 170))
    elif place == "water":
        hills(hz - 6, j(124, 176, 110), 1)
        w = j(92, 160, 206)
        P.fill(
            [("M", 0, hz - 4), ("L", 100, hz - 4), ("L", 100, 100), ("L", 0, 100), ("Z",)],
            P.grad(mix(w, (255, 255, 255), 0.3), w, (0, hz - 4), (0, 100)),
        )
        for _ in range(7):
            x, y, l = rng.uniform(0, 100), rng.uniform(hz, 98), rng.uniform(5, 14)
            P.line([(x, y), (x + l / 2, y + 1.4), (x + l, y)], mix(w, (255, 255, 255), 0.5), 0.9)
        for _ in range(rng.integers(0, 4)):
            x = rng.choice([rng.uniform(2, 14), rng.uniform(86, 98)])
            P.line([(x, hz + 12), (x, hz - 12)], j(96, 130, 70), 1.2)
            P.oval(x, hz - 14, 1.5, 4, (120, 82, 50))
    elif place == "rock":
        if rng.random() < 0.6:
            cloud(rng.uniform(10, 90), rng.uniform(8, 26), 1, (252, 253, 255))
        hills(hz + 2, j(150, 166, 140))
    elif place == "branch":
        for _ in range(rng.integers(2, 6)):
            g = j(150, 196, 128)
            P.oval(
                rng.choice([rng.uniform(-5, 25), rng.uniform(75, 105)]),
                rng.uniform(0, 100),
                rng.uniform(8, 18),
                rng.uniform(7, 14),
                P.paint(g, alpha=0.55),
            )
    elif place in ("pot", "vase"):
        t = j(166, 120, 82)
        P.fill(
            [("M", 0, 84), ("L", 100, 84), ("L", 100, 100), ("L", 0, 100), ("Z",)],
            P.grad(mix(t, (255, 255, 255), 0.2), t, (0, 84), (0, 100)),
        )
    return hz


def branch(P, y, rng, c=None):
    c = c or jit(rng, (112, 78, 52), 16)
    t = rng.uniform(-4, 4)
    P.line([(-4, y + 2 + t), (45, y - 1), (104, y + 3 - t)], mix(c, (0, 0, 0), 0.25), 5.2)
    P.line([(-4, y + 1 + t), (45, y - 2), (104, y + 2 - t)], c, 3.6)
    for _ in range(rng.integers(2, 6)):
        x, s = rng.choice([rng.uniform(2, 26), rng.uniform(72, 98)]), rng.choice([-1, 1])
        g = jit(rng, (96, 160, 72), 22)
        P.oval(x + 4, y + s * 5, 5.5, 2.5, g, rot=s * 38 + rng.uniform(-15, 15))
        P.line([(x, y + s * 2), (x + 8, y + s * 8)], mix(g, (0, 0, 0), 0.3), 0.5)


def beak(P, x, y, shape, c, k=1.0):
    L = {"short": 8, "long": 18, "curved": 12}[shape] * k
    d = mix(c, (0, 0, 0), 0.3)
    if shape == "curved":
        P.fill(
            [
                ("M", x - 1, y - 3.6 * k),
                ("C", x + L * 0.6, y - 4.6 * k, x + L, y - 1, x + L * 0.86, y + 5.4 * k),
                ("C", x + L * 0.66, y + 2, x + L * 0.3, y + 2, x - 1, y + 2.6 * k),
                ("Z",),
            ],
            c,
        )
        P.line([(x, y + 0.6), (x + L * 0.45, y + 0.2), (x + L * 0.72, y + 1.8)], d, 0.7)
    else:
        P.fill([("M", x - 1, y - 3.2 * k), ("L", x + L, y + 0.4), ("L", x - 1, y + 2.8 * k), ("Z",)], c)
        P.line([(x - 0.5, y + 0.3), (x + L * 0.85, y + 0.4)], d, 0.7)


def eye(P, x, y, r=2.1, dark=True, body=None):
    lum = sum(body) / 3 if body is not None else 200
    if lum < 110:
        P.oval(x, y, r * 1.45, r * 1.45, (246, 244, 236))
    P.oval(x, y, r, r, (24, 22, 26))
    P.oval(x + r * 0.3, y - r * 0.35, r * 0.38, r * 0.38, (255, 255, 255))


def pattern(P, clip, kind, c, box, rng):
    if kind == "plain":
        return
    P.c.save()
    P.c.clipPath(clip if isinstance(clip, skia.Path) else P.path(clip), True)
    x0, y0, x1, y1 = box
    lum = sum(c) / 3
    d = mix(c, (0, 0, 0), 0.5) if lum > 90 else mix(c, (255, 255, 255), 0.6)
    if kind == "spotted":
        for y in np.arange(y0, y1, 4.6):
            for x in np.arange(x0 + (int(y * 10) % 2) * 2, x1, 5.2):
                P.oval(x + rng.uniform(-0.8, 0.8), y + rng.uniform(-0.8, 0.8), 1.15, 1.15, d)
    else:
        for x in np.arange(x0 - 10, x1 + 10, 5.0):
            P.line([(x, y0), (x + 8, y1)], d, 1.7)
    P.c.restore()


def songbird(P, A, C, rng):
    b, s, w, k = C["body"], C["second"], C["wing"], C["beak"]
    dk = mix(b, (0, 0, 0), 0.28)
    hy, fat = rng.uniform(-1.5, 1.5), rng.uniform(0.92, 1.1)
    fly = A["pose"] == "flying"
    P.c.save()
    if fly:
        P.c.rotate(rng.uniform(-14, 10))
    tl = 29 if A["tail"] == "long" else 12
    ty = rng.uniform(3, 12) if not fly else 3
    tw = mix(w, (0, 0, 0), 0.12)
    P.fill([("M", -12, 2), ("L", -18 - tl, ty + 2), ("L", -17 - tl, ty + 8), ("L", -12, 12), ("Z",)], tw)
    P.line([(-14, 6), (-16 - tl, ty + 4.6)], mix(tw, (0, 0, 0), 0.3), 0.8)
    if not fly:
        for x in (-2, 5):
            P.line([(x, 12), (x + 1, 21)], mix(k, (60, 40, 30), 0.5), 1.3)
            P.line([(x - 2, 21.5), (x + 4, 21.5)], mix(k, (60, 40, 30), 0.5), 1.3)
    if fly:  # far wing
        up = A["_up"]
        P.fill(
            [
                ("M", 6, -6),
                ("C", 10, -18 * up, 14, -26 * up, 16, -36 * up),
                ("C", 4, -32 * up, -6, -18 * up, -8, -2),
                ("Z",),
            ],
            mix(w, (0, 0, 0), 0.3),
        )
    body = P.path(
        [
            ("M", -21, 8),
            ("C", -17, -8, -3, -13, 5, -19 + hy),
            ("C", 6, -31 + hy, 27, -32 + hy, 27, -18 + hy),
            ("C", 27, -10, 22, -8, 22, -3),
            ("C", 23, 11 * fat, 8, 18 * fat, -6, 15 * fat),
            ("C", -14, 14, -19, 12, -21, 8),
            ("Z",),
        ]
    )
    P.fill(body, P.grad(mix(b, (255, 255, 255), 0.12), dk, (4, -26), (-4, 18)))
    P.c.save()
    P.c.clipPath(body, True)
    P.oval(12, 8, 17, 13 * fat, P.grad(mix(s, (255, 255, 255), 0.15), s, (0, 0), 14, True), rot=-38)
    P.c.restore()
    if A["pattern"] == "spotted":
        P.c.save()
        P.c.clipPath(body, True)
        for y in np.arange(-2, 16, 4.4):
            for x in np.arange(3, 22, 4.6):
                P.oval(
                    x + rng.uniform(-0.7, 0.7) + (y % 3), y + rng.uniform(-0.7, 0.7), 1.0, 1.0, mix(s, (0, 0, 0), 0.62)
                )
        P.c.restore()
    if A["crest"] == "crest":
        cc = mix(b, (0, 0, 0), 0.12)
        for i, (x, y) in enumerate(((2, -38), (-3, -33), (8, -41))):
            P.fill(
                [
                    ("M", 8, -25 + hy),
                    ("Q", x + 4, y + 3 + hy, x, y + hy),
                    ("Q", x + 9, y + 4 + hy, 17, -27 + hy),
                    ("Z",),
                ],
                mix(cc, (255, 255, 255), 0.06 * i),
            )
    if fly:
        up = A["_up"]
        wing = P.path(
            [
                ("M", 8, -5),
                ("C", 4, -20 * up, -4, -34 * up, -12, -42 * up),
                ("C", -18, -30 * up, -20, -14 * up, -13, 2),
                ("Z",),
            ]
        )
    else:
        wing = P.path(
            [
                ("M", 6, -9),
                ("C", 12, 2, 2, 11, -10, 10),
                ("C", -16, 10, -22, 9, -26, 11),
                ("C", -20, 0, -10, -12, 6, -9),
                ("Z",),
            ]
        )
    P.fill(wing, P.grad(mix(w, (255, 255, 255), 0.1), mix(w, (0, 0, 0), 0.2), (4, -10), (-14, 10)))
    if A["pattern"] == "striped":
        pattern(P, wing, "striped", w, (-26, -40, 12, 12) if fly else (-26, -12, 12, 12), rng)
    else:
        d = mix(w, (0, 0, 0), 0.35) if sum(w) > 200 else mix(w, (255, 255, 255), 0.3)
        for i in range(3):
            if fly:
                up = A["_up"]
                P.line([(3 - 5 * i, -6), (-4 - 4 * i, -18 * up), (-10 - 2.2 * i, -34 * up + 6 * i * up)], d, 0.7)
            else:
                P.line([(3 - 4 * i, 4 + 1.2 * i), (-8 - 2 * i, 7 + 0.3 * i), (-17 - 2.4 * i, 7 + 0.8 * i)], d, 0.7)
    beak(P, 26, -18 + hy, A["beak_shape"], k)
    eye(P, 18.5, -20.5 + hy, body=b)
    P.c.restore()


def duck(P, A, C, rng):
    b, s, w, k = C["body"], C["second"], C["wing"], C["beak"]
    dk = mix(b, (0, 0, 0), 0.25)
    n = rng.uniform(-2, 2)
    if A["pose"] != "swimming":
        for x in (-3, 6):
            P.line([(x, 14), (x, 23)], mix(k, (70, 40, 20), 0.25), 1.8)
            P.fill([("M", x - 2, 24), ("L", x + 6, 24), ("L", x + 0.5, 21), ("Z",)], mix(k, (70, 40, 20), 0.25))
    tl = 8 if A["tail"] == "long" else 0
    P.fill([("M", -20, 2), ("L", -31 - tl, -6 - tl * 0.5), ("L", -24, 8), ("Z",)], mix(w, (0, 0, 0), 0.1))
    body = P.path(
        [
            ("M", -28, 0),
            ("C", -18, -4, -4, -4, 8, -8),
            ("C", 12, -14, 12, -20, 12, -24 + n),
            ("C", 13, -36 + n, 30, -36 + n, 30, -24 + n),
            ("C", 30, -17 + n, 24, -14, 24, -6),
            ("C", 28, 10, 14, 17, -4, 16),
            ("C", -18, 16, -27, 10, -28, 0),
            ("Z",),
        ]
    )
    P.fill(body, P.grad(mix(b, (255, 255, 255), 0.12), dk, (8, -32), (-4, 16)))
    P.c.save()
    P.c.clipPath(body, True)
    P.oval(17, 8, 15, 14, s)
    if A["pattern"] == "spotted":
        for y in np.arange(-4, 16, 4.4):
            for x in np.arange(6, 26, 4.6):
                P.oval(x + rng.uniform(-0.7, 0.7), y + rng.uniform(-0.7, 0.7), 1.0, 1.0, mix(s, (0, 0, 0), 0.62))
    P.c.restore()
    if A["crest"] == "crest":
        P.fill(
            [("M", 13, -30 + n), ("Q", 2, -34 + n, 0, -27 + n), ("Q", 6, -27 + n, 14, -22 + n), ("Z",)],
            mix(b, (0, 0, 0), 0.15),
        )
    wing = P.path([("M", 8, -2), ("C", 10, 10, -6, 13, -24, 3), ("C", -14, -6, 2, -10, 8, -2), ("Z",)])
    P.fill(wing, P.grad(mix(w, (255, 255, 255), 0.1), mix(w, (0, 0, 0), 0.2), (4, -8), (-10, 10)))
    pattern(P, wing, "striped" if A["pattern"] == "striped" else "plain", w, (-26, -10, 12, 14), rng)
    if A["pattern"] != "striped":
        P.line(
            [(4, 4), (-6, 8), (-16, 4)], mix(w, (0, 0, 0), 0.35) if sum(w) > 200 else mix(w, (255, 255, 255), 0.3), 0.8
        )
    L = {"short": 8, "long": 14, "curved": 11}[A["beak_shape"]]
    y = -22 + n
    P.fill(
        [
            ("M", 28, y - 4),
            ("C", 28 + L * 0.5, y - 2, 28 + L * 0.8, y - 2, 28 + L, y + (3 if A["beak_shape"] == "curved" else 0)),
            ("C", 28 + L, y + 4, 28 + L * 0.5, y + 3.4, 28, y + 3),
            ("Z",),
        ],
        k,
    )
    eye(P, 22, -26 + n, body=b)


def owl(P, A, C, rng):
    b, s, w, k = C["body"], C["second"], C["wing"], C["beak"]
    fat = rng.uniform(0.95, 1.1)
    if A["tail"] == "long":
        P.fill([("M", -6, 12), ("L", -7, 36), ("L", 7, 36), ("L", 6, 12), ("Z",)], mix(w, (0, 0, 0), 0.15))
    for x in (-6, 6):
        for d in (-2, 0, 2):
            P.oval(x + d, 21, 1.3, 2.4, mix(k, (60, 40, 20), 0.3))
    body = P.path(
        [
            ("M", 0, -32),
            ("C", 24 * fat, -33, 21 * fat, -8, 21 * fat, 2),
            ("C", 20 * fat, 16, 10, 21, 0, 21),
            ("C", -10, 21, -20 * fat, 16, -21 * fat, 2),
            ("C", -21 * fat, -8, -24 * fat, -33, 0, -32),
            ("Z",),
        ]
    )
    if A["crest"] == "crest":
        for sx in (-1, 1):
            P.fill([("M", sx * 6, -30), ("L", sx * 17, -43), ("L", sx * 18, -22), ("Z",)], mix(b, (0, 0, 0), 0.15))
    P.fill(body, P.grad(mix(b, (255, 255, 255), 0.1), mix(b, (0, 0, 0), 0.25), (0, -30), (0, 20)))
    P.oval(0, 6, 12 * fat, 14, s)
    if A["pattern"] != "plain":
        cl = skia.Path()
        cl.addOval(skia.Rect(-12 * fat, -8, 12 * fat, 20))
        pattern(P, cl, A["pattern"], s, (-13, -7, 13, 20), rng)
    for sx in (-1, 1):
        P.fill(
            [
                ("M", sx * 17 * fat, -10),
                ("C", sx * 29 * fat, 0, sx * 24 * fat, 16, sx * 13 * fat, 20),
                ("C", sx * 15 * fat, 10, sx * 14 * fat, 0, sx * 17 * fat, -10),
                ("Z",),
            ],
            P.grad(w, mix(w, (0, 0, 0), 0.25), (0, -10), (0, 20)),
        )
    dx = {"left": -1.6, "right": 1.6, "front": 0}[A["facing"]] * (-1 if A["_flip"] else 1)
    face = mix(b, (255, 255, 255), 0.45)
    for sx in (-1, 1):
        P.oval(sx * 8.2, -17, 9, 9.2, face)
        P.oval(sx * 8.2, -17, 6, 6, (250, 214, 80) if sum(face) > 0 else face)
        P.oval(sx * 8.2 + dx, -17, 3.5, 3.6, (22, 20, 26))
        P.oval(sx * 8.2 + dx + 1.2, -18.4, 1.1, 1.1, (255, 255, 255))
    L = {"short": 5, "long": 10, "curved": 7}[A["beak_shape"]]
    P.fill(
        [
            ("M", -3, -14),
            ("L", 3, -14),
            ("Q", 2, -12 + L * 0.6, (2 if A["beak_shape"] == "curved" else 0), -13 + L),
            ("Z",),
        ],
        k,
    )


def heron(P, A, C, rng):
    b, s, w, k = C["body"], C["second"], C["wing"], C["beak"]
    leg = mix(k, (70, 50, 40), 0.35)
    bend = rng.random() < 0.35
    P.line([(-4, 4), (-3, 30)], leg, 1.5)
    P.line([(2, 4), (10, 14), (3, 22)] if bend else [(2, 4), (5, 30)], leg, 1.5)
    for x in (-3,) if bend else (-3, 5):
        P.line([(x - 2, 30.5), (x + 4, 30.5)], leg, 1.3)
    tl = 16 if A["tail"] == "long" else 7
    P.fill([("M", -14, -6), ("L", -20 - tl, 6), ("L", -14 - tl * 0.5, 8), ("L", -8, 4), ("Z",)], mix(w, (0, 0, 0), 0.1))
    n = rng.uniform(-3, 3)
    neck = P.path([("M", 8, -2), ("C", 24, -10, 2 + n, -20, 12 + n, -31)])
    P.c.drawPath(neck, P.paint(mix(b, (0, 0, 0), 0.08), stroke=5.4))
    P.c.drawPath(neck, P.paint(b, stroke=4.2))
    body = P.path(
        [
            ("M", -20, -2),
            ("C", -10, -16, 6, -14, 13, -6),
            ("C", 14, 4, 2, 9, -6, 8),
            ("C", -14, 7, -18, 3, -20, -2),
            ("Z",),
        ]
    )
    P.fill(body, P.grad(mix(b, (255, 255, 255), 0.1), mix(b, (0, 0, 0), 0.2), (0, -14), (0, 9)))
    P.c.save()
    P.c.clipPath(body, True)
    P.oval(6, 6, 14, 8, s, rot=-15)
    if A["pattern"] == "spotted":
        for x in np.arange(-6, 14, 4):
            for y in (1, 5):
                P.oval(x + rng.uniform(-0.6, 0.6) + y % 3, y, 0.95, 0.95, mix(s, (0, 0, 0), 0.62))
    P.c.restore()
    wing = P.path([("M", 6, -9), ("C", 6, 0, -8, 5, -24, 4), ("C", -16, -6, -8, -15, 6, -9), ("Z",)])
    P.fill(wing, P.grad(mix(w, (255, 255, 255), 0.1), mix(w, (0, 0, 0), 0.2), (4, -12), (-14, 6)))
    pattern(P, wing, "striped" if A["pattern"] == "striped" else "plain", w, (-26, -16, 8, 6), rng)
    hx, hy = 13 + n, -34
    if A["crest"] == "crest":
        P.line([(hx - 1, hy - 3), (hx - 8, hy - 6), (hx - 15, hy - 1)], mix(b, (0, 0, 0), 0.25), 1.6)
        P.line([(hx - 1, hy - 2), (hx - 8, hy - 2), (hx - 13, hy + 3)], mix(b, (0, 0, 0), 0.25), 1.4)
    P.oval(hx, hy, 6.4, 5.2, P.grad(mix(b, (255, 255, 255), 0.1), b, (0, -3), 8, True))
    beak(P, hx + 5, hy + 0.5, A["beak_shape"], k, 0.95)
    eye(P, hx + 1.6, hy - 1, 1.6, body=b)


def blossom(P, A, C, x, y, r, rng):
    b, s = C["body"], C["second"]
    k = A["kind"]
    P.c.save()
    P.c.translate(float(x), float(y))
    P.c.rotate(float(rng.uniform(-14, 14)))
    dk = mix(b, (0, 0, 0), 0.22)
    if k in ("daisy", "flower"):
        n = int(rng.integers(11, 16)) if k == "daisy" else int(rng.integers(5, 7))
        sq = rng.uniform(0.82, 1)
        P.c.scale(1, float(sq))
        for i in range(n):
            P.c.save()
            P.c.rotate(360 * i / n + float(rng.uniform(-3, 3)))
            if k == "daisy":
                P.oval(0, -r * 0.64, r * 0.19, r * 0.44, P.grad(dk, b, (0, r * 0.4), (0, -r * 0.4)))
                P.line([(0, -r * 0.4), (0, -r * 0.9)], dk, 0.5)
            else:
                P.oval(
                    0,
                    -r * 0.55,
                    r * 0.40,
                    r * 0.46,
                    P.grad(dk, mix(b, (255, 255, 255), 0.12), (0, r * 0.45), (0, -r * 0.35)),
                )
                P.line([(0, -r * 0.3), (0, -r * 0.7)], dk, 0.7)
            P.c.restore()
        c = r * (0.32 if k == "daisy" else 0.26)
        P.oval(0, 0, c, c, P.grad(mix(s, (255, 255, 255), 0.2), mix(s, (0, 0, 0), 0.15), (0, 0), c, True))
        for _ in range(9):
            a, q = rng.uniform(0, 6.28), c * math.sqrt(rng.random()) * 0.85
            P.oval(q * math.cos(a), q * math.sin(a), 0.6, 0.6, mix(s, (0, 0, 0), 0.35))
    elif k == "tulip":
        P.fill(
            [
                ("M", -r * 0.62, -r * 0.8),
                ("L", r * 0.62, -r * 0.8),
                ("Q", r * 0.7, r * 0.8, 0, r * 0.8),
                ("Q", -r * 0.7, r * 0.8, -r * 0.62, -r * 0.8),
                ("Z",),
            ],
            dk,
        )
        for i in range(3):
            P.oval((i - 1) * r * 0.26, -r * 0.66, r * 0.09, r * 0.26, s)
        for sx in (-1, 1):
            P.fill(
                [
                    ("M", 0, r * 0.85),
                    ("C", sx * r * 0.95, r * 0.8, sx * r * 0.9, -r * 0.4, sx * r * 0.72, -r),
                    ("C", sx * r * 0.3, -r * 0.5, 0, -r * 0.2, 0, r * 0.85),
                    ("Z",),
                ],
                P.grad(mix(b, (255, 255, 255), 0.12), dk, (0, -r), (0, r)),
            )
        P.fill(
            [
                ("M", 0, r * 0.9),
                ("C", -r * 0.62, r * 0.5, -r * 0.5, -r * 0.3, 0, -r * 0.86),
                ("C", r * 0.5, -r * 0.3, r * 0.62, r * 0.5, 0, r * 0.9),
                ("Z",),
            ],
            P.grad(mix(b, (255, 255, 255), 0.22), b, (0, -r), (0, r)),
        )
    else:  # rose: turning layers round an eye of the second colour
        for i, q in enumerate((1, 0.82, 0.64, 0.47)):
            n = 5
            for j in range(n):
                a = 6.283 * j / n + i * 0.6
                P.oval(
                    q * r * 0.52 * math.cos(a),
                    q * r * 0.52 * math.sin(a),
                    q * r * 0.46,
                    q * r * 0.46,
                    mix(b, (0, 0, 0), (0.26, 0.04, 0.2, 0)[i]),
                )
        P.oval(0, 0, r * 0.2, r * 0.2, s)
        P.line([(-r * 0.1, 0), (0, -r * 0.16), (r * 0.12, 0.04 * r)], mix(s, (0, 0, 0), 0.3), 0.7)
    P.c.restore()


def flowers(P, A, C, rng, ground):
    n = A["count_n"]
    base = {"pot": 74, "vase": 66}.get(A["place"], 96)
    R = {"small": 13.5, "medium": 17, "large": 21}[A["size"]] * (1, 0.78, 0.66)[n - 1]
    xs = {1: [50], 2: [34, 66], 3: [24, 50, 76]}[n]
    g = jit(rng, (70, 136, 62), 18)
    pts = []
    for i, x in enumerate(xs):
        tall = A["tail"] == "long"
        top = (30 if tall else 44) + rng.uniform(-3, 3) + (9 if n > 1 and i % 2 == 0 else 0) - (6 if n == 1 else 0)
        top = max(top, R + 4)
        pts.append((x + rng.uniform(-3, 3), top))
    for x, y in pts:
        bx = 50 + (x - 50) * (0.25 if A["place"] in ("pot", "vase") else 0.8)
        P.line([(bx, base + 2), ((x + bx) / 2 + rng.uniform(-4, 4), (y + base) / 2), (x, y)], g, 2.1)
        if A["crest"] == "crest":
            for sx in (-1, 1):
                my = y + (base - y) * rng.uniform(0.5, 0.75)
                mx = bx + (x - bx) * 0.4
                P.fill(
                    [
                        ("M", mx, my),
                        ("C", mx + sx * 3, my - 9, mx + sx * 11, my - 11, mx + sx * 14, my - 12),
                        ("C", mx + sx * 12, my - 3, mx + sx * 7, my + 1, mx, my),
                        ("Z",),
                    ],
                    mix(g, (255, 255, 255), 0.12 if sx > 0 else 0),
                )
    if A["place"] == "pot":
        c = jit(rng, (190, 100, 66), 14)
        P.fill(
            [("M", 33, 74), ("L", 67, 74), ("L", 62, 95), ("L", 38, 95), ("Z",)],
            P.grad(mix(c, (255, 255, 255), 0.15), mix(c, (0, 0, 0), 0.2), (33, 74), (67, 74)),
        )
        P.fill([("M", 30, 70), ("L", 70, 70), ("L", 69, 76), ("L", 31, 76), ("Z",)], c)
    if A["place"] == "vase":
        c = jit(rng, (110, 160, 196), 16)
        P.fill(
            [
                ("M", 41, 64),
                ("L", 59, 64),
                ("C", 55, 74, 70, 80, 60, 95),
                ("L", 40, 95),
                ("C", 30, 80, 45, 74, 41, 64),
                ("Z",),
            ],
            P.grad(mix(c, (255, 255, 255), 0.35), mix(c, (0, 0, 0), 0.1), (34, 70), (66, 90)),
        )
    for x, y in pts:
        blossom(P, A, C, x, y, R, rng)


def pick(rng, seq, p=None):
    return seq[int(rng.choice(len(seq), p=None if p is None else np.array(p) / np.sum(p)))]


def sample(rng):
    if rng.random() < 0.66:
        k = pick(rng, KIND[:4], [0.5, 0.18, 0.16, 0.16])
        body = pick(rng, CN)
        second = pick(rng, [c for c in BELLY if c != body])
        wing = body if rng.random() < 0.45 else pick(rng, [c for c in CN if c != body])
        pose = {
            "bird": pick(rng, ["perched", "standing", "flying"], [0.4, 0.3, 0.3]),
            "duck": pick(rng, ["swimming", "standing"], [0.65, 0.35]),
            "owl": pick(rng, ["perched", "standing"], [0.75, 0.25]),
            "heron": "standing",
        }[k]
        place = {
            "perched": lambda: pick(rng, ["branch", "branch", "night", "sunset", "snow", "plain"]),
            "standing": lambda: pick(rng, ["grass", "rock", "snow", "water" if k == "heron" else "grass", "plain"]),
            "flying": lambda: pick(rng, ["sky", "sky", "sunset", "night", "grass"]),
            "swimming": lambda: pick(rng, ["water", "water", "sunset"]),
        }[pose]()
        return dict(
            kind=k,
            body=body,
            second=second,
            wing=wing,
            beak=pick(rng, [c for c in BEAKC if c != body] or BEAKC),
            beak_shape=pick(rng, VALUES["beak_shape"]),
            crest=pick(rng, VALUES["crest"], [0.6, 0.4]),
            tail=pick(rng, VALUES["tail"]),
            pattern=pick(rng, VALUES["pattern"], [0.5, 0.25, 0.25]),
            size=pick(rng, SIZE),
            pose=pose,
            facing="front" if k == "owl" else pick(rng, ["left", "right"]),
            place=place,
            count="one",
        )
    k = pick(rng, KIND[4:], [0.25, 0.3, 0.25, 0.2])
    body = pick(rng, PETAL)
    return dict(
        kind=k,
        body=body,
        second=pick(rng, [c for c in CENTRE if c != body]),
        wing="green",
        beak="green",
        beak_shape="short",
        crest=pick(rng, VALUES["crest"], [0.3, 0.7]),
        tail=pick(rng, VALUES["tail"]),
        pattern="plain",
        size=pick(rng, SIZE),
        pose="growing",
        facing="front",
        place=pick(rng, ["grass", "sky", "snow", "night", "sunset", "pot", "vase", "plain"]),
        count=pick(rng, VALUES["count"], [0.5, 0.25, 0.25]),
    )


def draw(A, rng, px=64, ss=3):
    A = dict(A)
    A["count_n"] = VALUES["count"].index(A["count"]) + 1
    A["_up"] = pick(rng, [1, 1, 0.75, -0.55])
    A["_flip"] = False
    C = {f: jit(rng, COLOURS[A[f]], 13) for f in ("body", "second", "wing", "beak")}
    if A["wing"] == A["body"]:
        C["wing"] = mix(C["body"], (0, 0, 0), 0.2) if sum(C["body"]) > 240 else mix(C["body"], (255, 255, 255), 0.16)
    n = px * ss
    surf = skia.Surface(n, n)
    c = surf.getCanvas()
    c.scale(n / 100, n / 100)
    P = Pen(c, rng)
    bird = KIND.index(A["kind"]) < 4
    hz = background(P, A["place"], rng, bird)
    if bird:
        z = {"small": 0.70, "medium": 0.91, "large": 1.13}[A["size"]] * rng.uniform(0.96, 1.04)
        foot = {"heron": 31, "duck": 24, "owl": 22}.get(A["kind"], 21.5)
        x = 50 + rng.uniform(-4, 4)
        if A["pose"] == "flying":
            y = 52 + rng.uniform(-6, 6) + (8 if A["_up"] > 0 else -4)
        elif A["pose"] == "swimming":
            y = 82 - 13 * z
        else:
            gy = rng.uniform(80, 86) if A["pose"] == "standing" else rng.uniform(74, 79)
            if A["kind"] == "heron":
                gy = rng.uniform(84, 90)
            y = gy - foot * z
            if A["pose"] == "perched":
                branch(P, gy + 2, rng, (58, 42, 44) if A["place"] == "night" else None)
            elif A["place"] == "rock":
                r = jit(rng, (134, 132, 136), 16)
                P.fill(
                    [
                        ("M", 12, 101),
                        ("C", 14, gy - 2, 32, gy - 3, 50, gy - 1),
                        ("C", 70, gy - 3, 84, gy + 2, 90, 101),
                        ("Z",),
                    ],
                    P.grad(mix(r, (255, 255, 255), 0.2), mix(r, (0, 0, 0), 0.25), (0, gy), (0, 100)),
                )
                P.line([(34, gy + 6), (40, gy + 12), (38, 99)], mix(r, (0, 0, 0), 0.3), 1)
            elif A["place"] == "plain":
                P.oval(x, gy + 0.5, 24 * z, 3 * z, P.paint((90, 80, 70), alpha=0.25))
        c.save()
        c.translate(float(x), float(y))
        c.scale(float(z), float(z))
        if A["facing"] == "left" or (A["kind"] == "owl" and rng.random() < 0.5):
            c.scale(-1, 1)
        c.translate({"bird": 4.0 if A["tail"] == "long" else -4.0, "duck": -3.0, "heron": -2.0}.get(A["kind"], 0.0), 0)
        {"bird": songbird, "duck": duck, "owl": owl, "heron": heron}[A["kind"]](P, A, C, rng)
        c.restore()
        if A["pose"] == "swimming":  # water line over the duck's keel
            w = jit(rng, (92, 160, 206), 10) if A["place"] == "water" else jit(rng, (150, 96, 112), 10)
            P.fill(
                [
                    ("M", 0, 82),
                    ("Q", 25, 79.5, 50, 82),
                    ("Q", 75, 84.5, 100, 82),
                    ("L", 100, 100),
                    ("L", 0, 100),
                    ("Z",),
                ],
                P.grad(mix(w, (255, 255, 255), 0.25), w, (0, 80), (0, 100)),
            )
            for d in (0, 6):
                P.line([(26 - d, 84 + d), (50, 87 + d), (76 + d, 84 + d)], mix(w, (255, 255, 255), 0.55), 0.9)
        elif A["place"] == "water":
            for d in (0, 3):
                P.line([(40 - d, gy + d), (50, gy + 1.5 + d), (60 + d, gy + d)], (226, 240, 248), 0.9)
    else:
        flowers(P, A, C, rng, hz)
    im = Image.fromarray(surf.toarray(colorType=skia.kRGBA_8888_ColorType)[..., :3].copy())
    return im.resize((px, px), Image.BOX)


def an(w):
    return ("an " if w[0] in "aeiou" else "a ") + w


PLACES = dict(
    branch="on a branch",
    grass="in the grass",
    sky="in the blue sky",
    water="in the water",
    snow="in the snow",
    rock="on a rock",
    night="at night under the moon",
    sunset="at sunset",
    pot="in a pot",
    vase="in a vase",
    plain="on a plain background",
)
PLURAL = dict(daisy="daisies", flower="flowers", tulip="tulips", rose="roses")


def captions(A, rng):
    k, b, s, w = A["kind"], A["body"], A["second"], A["wing"]
    place = PLACES[A["place"]]
    if KIND.index(k) < 4:
        if A["pose"] == "flying":
            place = {"grass": "over the grass", "sky": "in the blue sky"}.get(A["place"], place)
        if A["pose"] == "perched":
            place = {"branch": "on a branch"}.get(A["place"], "on a branch " + place)
        if A["pose"] == "swimming" and A["place"] == "sunset":
            place = "in the water at sunset"
        verb = dict(perched="sitting", standing="standing", flying="flying", swimming="swimming")[A["pose"]]
        bk = f"{A['beak_shape']} {A['beak']} beak"
        face = "looking ahead" if A["facing"] == "front" else "facing " + A["facing"]
        wings = f"{w} wings" if A["pattern"] != "striped" else (f"striped {w} wings" if k != "owl" else f"{w} wings")
        belly = {"plain": s, "spotted": "spotted " + s, "striped": ("striped " + s) if k == "owl" else s}[
            A["pattern"]
        ] + " belly"
        ext = (["a crest" if k != "owl" else "two ear tufts"] if A["crest"] == "crest" else []) + [
            f"a {A['tail']} tail"
        ]
        return [
            f"a {A['size']} {b} {k} with {an(belly)} and {an(bk)}, {verb} {place}",
            f"this {k} is {b} with {wings} and {an(belly)}, and it is {verb} {place}",
            f"{an(b)} {k} {verb} {place}, {face}, with {' and '.join(ext)}",
            f"{an(b)} {k} with {an(belly)}",
            f"the {k} has {an(b)} body, {wings}, {an(bk)}{' and a crest' if A['crest'] == 'crest' and k != 'owl' else ''}, it is {A['size']} and {face}",
        ]
    n = A["count_n"] if "count_n" in A else VALUES["count"].index(A["count"]) + 1
    noun = k if n == 1 else PLURAL[k]
    mid = {"tulip": "tips inside", "rose": "heart"}.get(k, "centre")
    mid = f"{s} {mid}" if k == "tulip" else an(f"{s} {mid}")
    stem = f"a {A['tail']} stem" if n == 1 else f"{A['tail']} stems"
    leaf = "green leaves" if A["crest"] == "crest" else "no leaves"
    head = f"a {A['size']} {b} {noun}" if n == 1 else f"{A['count']} {A['size']} {b} {noun}"
    head2 = f"{an(b)} {noun}" if n == 1 else f"{A['count']} {b} {noun}"
    it, has = ("it is", "has") if n == 1 else ("they are", "have")
    return [
        f"{head} with {mid} {place}",
        f"{'this' if n == 1 else 'these'} {noun} {has} {b} petals and {mid}, and {it} {place}",
        f"{head2} with {stem} and {leaf} {place}",
        f"{head2} with {mid}",
        f"the {noun} {has} {b} petals, {mid}, {stem} and {leaf}, and {it} {A['size']}",
    ]


def words(s):
    return s.replace(",", " ,").split()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--n", type=int, default=10000)
    ap.add_argument("--quality", type=int, default=84)
    a = ap.parse_args()
    rng = np.random.default_rng(a.seed)
    bird_pairs = [(b, s) for b in CN for s in BELLY if b != s]
    flower_pairs = [(k, b, s) for k in KIND[4:] for b in PETAL for s in CENTRE if b != s]
    hr = np.random.default_rng(1)  # the held-out combinations do not depend on --seed
    held = {bird_pairs[i] for i in hr.choice(len(bird_pairs), 10, replace=False)} | {
        flower_pairs[i] for i in hr.choice(len(flower_pairs), 14, replace=False)
    }
    att, caps, data, off, split = [], [], [], [0], []
    while len(att) < a.n:
        A = sample(rng)
        one = np.random.default_rng([a.seed, len(att)])
        b = io.BytesIO()
        draw(A, one).save(b, "WEBP", quality=a.quality, method=6)
        key = (A["body"], A["second"]) if KIND.index(A["kind"]) < 4 else (A["kind"], A["body"], A["second"])
        att.append([VALUES[f].index(A[f]) for f in FIELDS])
        caps.append(captions(A, one))
        data.append(b.getvalue())
        off.append(off[-1] + len(data[-1]))
        split.append(int(key in held))
    vocab = ["<pad>"] + sorted({w for c in caps for s in c for w in words(s)})
    L = max(len(words(s)) for c in caps for s in c)
    tok = np.zeros((len(caps), 5, L), np.uint8)
    for i, c in enumerate(caps):
        for j, s in enumerate(c):
            w = [vocab.index(x) for x in words(s)]
            tok[i, j, : len(w)] = w
    buf = np.frombuffer(b"".join(data), np.uint8)
    np.savez_compressed(
        a.out,
        webp=buf,
        offsets=np.array(off, np.int64),
        attributes=np.array(att, np.uint8),
        tokens=tok,
        split=np.array(split, np.uint8),
        captions=np.frombuffer(json.dumps(caps).encode(), np.uint8),
        vocab=np.array(json.dumps(vocab)),
        fields=np.array(json.dumps(FIELDS)),
        values=np.array(json.dumps(VALUES)),
        held_out=np.array(json.dumps(sorted(map(list, held)))),
        colours=np.array(json.dumps(COLOURS)),
    )
    print(len(att), "images", off[-1] / len(att), "bytes each", "vocab", len(vocab), "longest", L, "test", sum(split))
    print(hashlib.sha256(buf.tobytes() + tok.tobytes() + bytes(split)).hexdigest()[:16])


if __name__ == "__main__":
    main()
