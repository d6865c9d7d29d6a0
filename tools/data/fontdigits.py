"""fontdigits.npz: colour digits in the manner of SVHN, drawn with free fonts, for DTN (Taigman et al. 2016).

Source (Debian 12): apt-get download of the packages in TRAIN and TEST below, each unpacked with
                    dpkg -x PACKAGE.deb SRC/x_PACKAGE
Source (PyPI):      pip download --no-deps -d SRC scikit-image==0.26.0 scikit-learn==1.9.1   (background photos)
Run:                python tools/data/fontdigits.py --source SRC --out fontdigits.npz
Needs:              numpy, pillow
"""

import argparse
import glob
import hashlib
import io
import itertools
import json
import os
import re
import zipfile

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

TEST = [
    "fonts-play",
    "fonts-vollkorn",
    "fonts-comic-neue",
    "fonts-league-spartan",
    "fonts-dosis",
    "fonts-goudybookletter",
    "fonts-b612",
    "fonts-averia-sans-gwf",
]
TRAIN = [
    "fonts-3270",
    "fonts-adf-gillius",
    "fonts-allerta",
    "fonts-arapey",
    "fonts-bebas-neue",
    "fonts-beteckna",
    "fonts-breip",
    "fonts-cabin",
    "fonts-cabinsketch",
    "fonts-cantarell",
    "fonts-comfortaa",
    "fonts-courier-prime",
    "fonts-dancingscript",
    "fonts-dejavu-core",
    "fonts-ebgaramond",
    "fonts-ecolier-court",
    "fonts-gfs-artemisia",
    "fonts-hack",
    "fonts-humor-sans",
    "fonts-inconsolata",
    "fonts-jetbrains-mono",
    "fonts-junction",
    "fonts-jura",
    "fonts-karla",
    "fonts-kristi",
    "fonts-lato",
    "fonts-leckerli-one",
    "fonts-liberation2",
    "fonts-lobster",
    "fonts-lobstertwo",
    "fonts-manrope",
    "fonts-national-park",
    "fonts-oldstandard",
    "fonts-open-sans",
    "fonts-opendin",
    "fonts-prociono",
    "fonts-quattrocento",
    "fonts-quicksand",
    "fonts-roboto-unhinted",
    "fonts-routed-gothic",
    "fonts-sora",
    "fonts-tomsontalks",
    "fonts-tuffy",
    "fonts-yanone-kaffeesatz",
]
SKIP = re.compile(
    r"italic|oblique|thin|hairline|extralight|ultralight|outline|tamil|\[wght\]|bookletterfixed|mac\.ttf|BoldIt|MisiaIt|cond|display",
    re.I,
)
PHOTOS = [
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "brick.png",
    "grass.png",
    "gravel.png",
    "coins.png",
    "china.jpg",
    "flower.jpg",
]
N = 32


def photos(source):
    out = {}
    for w in sorted(glob.glob(os.path.join(source, "scikit_*.whl"))):
        z = zipfile.ZipFile(w)
        for n in z.namelist():
            b = os.path.basename(n)
            if b in PHOTOS and ("skimage/data" in n or "datasets/images" in n):
                im = Image.open(io.BytesIO(z.read(n))).convert("RGB")
                s = 512 / min(im.size)
                out[b] = im.resize((round(im.width * s), round(im.height * s)), Image.LANCZOS)
    if len(out) != len(PHOTOS):
        raise SystemExit("photos missing: %s" % (set(PHOTOS) - set(out)))
    return [out[b] for b in PHOTOS]


def fonts(source):
    """[(package, file name, [mask of 0..9], test)]; a font counts only if its ten digits are there and differ."""
    out = []
    for test, names in ((0, TRAIN), (1, TEST)):
        for p in names:
            fs = sorted(
                f
                for e in ("ttf", "otf")
                for f in glob.glob(os.path.join(source, "x_" + p, "**", "*." + e), recursive=True)
                if not SKIP.search(os.path.basename(f)) and not os.path.islink(f)
            )
            seen, got = set(), 0
            for f in fs:
                stem = os.path.splitext(os.path.basename(f))[0].lower().replace(" ", "")
                if stem in seen or got >= 4:
                    continue
                try:
                    ft = ImageFont.truetype(f, 72)
                    ms = []
                    for d in range(10):
                        im = Image.new("L", (150, 150))
                        ImageDraw.Draw(im).text((75, 75), str(d), font=ft, fill=255, anchor="mm")
                        ms.append(im.crop(im.getbbox()))
                except Exception:
                    continue
                if (
                    len({m.tobytes() for m in ms}) < 10
                    or min(m.height for m in ms) < 20
                    or min(np.asarray(m).mean() for m in ms) < 30
                ):
                    continue
                seen.add(stem)
                got += 1
                out.append((p, os.path.basename(f), ms, test))
            if not got:
                raise SystemExit("no font in " + p)
    return out


def coeffs(dst, src):
    """Perspective coefficients that PIL wants: dst points -> src points."""
    A = []
    for (x, y), (u, v) in zip(dst, src, strict=False):
        A += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.linalg.solve(np.array(A, float), np.array([c for p in src for c in p], float))


def lum(c):
    return c @ np.array([0.3, 0.59, 0.11])


def draw(rng, ft, label, pics):
    S = N * 2  # drawn at twice the size
    # ground
    kind = rng.choice(3, p=[0.45, 0.4, 0.15])
    base = rng.integers(0, 256, 3).astype(float) * 0.75 + rng.integers(20, 236) * 0.25
    if kind == 0:
        im = pics[rng.integers(len(pics))]
        w = int(rng.integers(40, 200))
        x, y = rng.integers(0, im.width - w), rng.integers(0, im.height - w)
        bg = np.asarray(im.resize((S, S), Image.BILINEAR, box=(x, y, x + w, y + w)), float)
        a = rng.uniform(0.25, 0.75)  # a photo tinted towards one colour, like a painted wall
        bg = bg * (1 - a) + base * a if rng.random() < 0.75 else bg
    elif kind == 1:
        g = np.stack(np.meshgrid(np.linspace(-1, 1, S), np.linspace(-1, 1, S)), -1) @ rng.normal(0, 1, 2)
        bg = base + g[..., None] * rng.normal(0, 16, 3)
    else:
        small = rng.normal(0, 1, (6, 6, 3)) * rng.uniform(8, 34)
        t = np.stack(
            [
                np.asarray(Image.fromarray(small[..., k].astype(np.float32)).resize((S, S), Image.BICUBIC))
                for k in range(3)
            ],
            -1,
        )
        bg = base + t
    bg = np.clip(bg, 0, 255)
    m = bg.reshape(-1, 3).mean(0)
    for _ in range(40):
        c = (
            rng.integers(0, 256, 3).astype(float)
            if rng.random() < 0.6
            else np.full(3, rng.choice([15.0, 240.0])) + rng.normal(0, 12, 3)
        )
        if abs(lum(c) - lum(m)) > rng.uniform(38, 90):
            break
    else:
        c = np.full(3, 245.0 if lum(m) < 128 else 12.0)
    c = np.clip(c, 0, 255)
    # the digit and its neighbours on a strip
    h = S * rng.uniform(0.62, 0.92)
    ms = ft[2]
    top = max(x.height for x in ms)
    sc = h / top
    strip = Image.new("L", (S * 3, S * 3))
    gap = rng.uniform(-0.02, 0.22) * h

    def put(d, x, side):
        g = ms[d]
        wx = rng.uniform(0.92, 1.08)
        g = g.resize((max(2, int(g.width * sc * wx)), max(2, int(g.height * sc))), Image.BILINEAR)
        x0 = x - (g.width / 2 if side == 0 else g.width if side < 0 else 0)
        strip.paste(
            255, (int(x0), int(1.5 * S - g.height / 2 + (g.height < 0.8 * h) * rng.uniform(-0.05, 0.05) * h)), g
        )
        return x0, x0 + g.width

    left, right = put(label, 1.5 * S, 0)
    nb = rng.choice(4, p=[0.3, 0.2, 0.2, 0.3])  # none, left, right, both
    if nb in (1, 3):
        put(int(rng.integers(10)), left - gap - 1, -1)
    if nb in (2, 3):
        put(int(rng.integers(10)), right + gap + 1, 1)
    a, sh = np.deg2rad(rng.normal(0, 6)), rng.normal(0, 0.12)
    R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.array([[1, sh], [0, 1]])
    q = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * S / 2
    src = q @ R.T + rng.normal(0, S * 0.045, (4, 2)) + rng.normal(0, S * 0.03, 2) + 1.5 * S
    mask = strip.transform((S, S), Image.PERSPECTIVE, coeffs(q + S / 2, src), Image.BILINEAR)
    M = np.asarray(mask, float) / 255
    style = rng.random()
    out = bg
    if style < 0.22:  # shadow
        d = rng.integers(1, 5, 2)
        s = np.roll(np.asarray(mask.filter(ImageFilter.GaussianBlur(1.2)), float) / 255, d, (0, 1))
        s[: d[0]] = 0
        s[:, : d[1]] = 0
        out = out * (1 - 0.55 * s[..., None])
    elif style < 0.36:  # outline of the other tone
        o = np.asarray(mask.filter(ImageFilter.MaxFilter(5)), float) / 255
        oc = np.full(3, 20.0 if lum(c) > 128 else 235.0)
        out = out * (1 - o[..., None]) + oc * o[..., None]
    grad = 1 + (
        np.linspace(-1, 1, S)[:, None] * rng.normal(0, 0.08) + np.linspace(-1, 1, S)[None] * rng.normal(0, 0.08)
    )
    out = out * (1 - M[..., None]) + c * M[..., None]
    out = out * grad[..., None]
    im = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(abs(rng.normal(0, 1.1)))
    )
    im = im.resize((N, N), Image.BOX)
    x = np.asarray(im, float) + rng.normal(0, abs(rng.normal(0, 5)), (N, N, 3))
    return np.clip(x, 0, 255).astype(np.uint8), nb


def sheets(X, quality, cols=32):
    """Images -> JPEG sheets of 32 x 32 tiles. A 4:2:0 block is 16 px, so no tile leaks into another."""
    data = []
    for i in range(0, len(X), cols * cols):
        t = X[i : i + cols * cols]
        S = np.zeros((cols * cols, N, N, 3), np.uint8)
        S[: len(t)] = t
        S = S.reshape(cols, cols, N, N, 3).swapaxes(1, 2).reshape(cols * N, cols * N, 3)
        b = io.BytesIO()
        Image.fromarray(S).save(b, "JPEG", quality=quality, subsampling=2, optimize=True)
        data.append(b.getvalue())
    return np.frombuffer(b"".join(data), np.uint8), np.cumsum([0] + [len(d) for d in data]).astype(np.int64)


def load(buf, off, n, tile=N, cols=32):
    """How to read the sheets back: -> uint8 (n, 32, 32, 3)."""
    out = []
    for a, b in itertools.pairwise(off):
        s = np.asarray(Image.open(io.BytesIO(buf[a:b].tobytes())))
        out.append(s.reshape(cols, tile, cols, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3))
    return np.concatenate(out)[:n]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--train", type=int, default=24000)
    ap.add_argument("--test", type=int, default=3000)
    ap.add_argument("--quality", type=int, default=80)
    a = ap.parse_args()
    pics, F = photos(a.source), fonts(a.source)
    groups = {t: sorted({f[0] for f in F if f[3] == t}) for t in (0, 1)}
    by = {p: [i for i, f in enumerate(F) if f[0] == p] for g in groups.values() for p in g}
    res = {}
    for t, n in ((0, a.train), (1, a.test)):
        X, y, fid, nb = [], [], [], []
        for i in range(n):
            rng = np.random.default_rng([a.seed, t, i])
            g = groups[t]
            f = by[g[int(rng.integers(len(g)))]]  # first the family, then one of its faces
            f = f[int(rng.integers(len(f)))]
            x, b = draw(rng, F[f], i % 10, pics)
            X.append(x)
            y.append(i % 10)
            fid.append(f)
            nb.append(b)
        o = np.random.default_rng([a.seed, t, n]).permutation(n)
        X, y, fid, nb = np.array(X)[o], np.array(y, np.uint8)[o], np.array(fid, np.uint8)[o], np.array(nb, np.uint8)[o]
        buf, off = sheets(X, a.quality)
        s = ("train", "test")[t]
        res.update({s + "_jpeg": buf, s + "_offsets": off, s + "_label": y, s + "_font": fid, s + "_neighbours": nb})
        print(s, n, "fonts", len({*fid.tolist()}), "families", len(groups[t]), len(buf) / 1e6, "MB")
    info = dict(
        fonts=[[f[0], f[1], int(f[3])] for f in F], neighbours=["none", "left", "right", "both"], tile=N, columns=32
    )
    np.savez_compressed(a.out, info=np.array(json.dumps(info)), **res)
    print(hashlib.sha256(res["train_jpeg"].tobytes() + res["test_jpeg"].tobytes()).hexdigest()[:16])


if __name__ == "__main__":
    main()
