"""Rebuild facesjs.npz: cartoon 64x64 faces (facesjs) with balanced attribute labels, 24 colours each, as lossless WebP.

Package: npm install --ignore-scripts facesjs@5.0.3 (the folder that holds node_modules is --source; node 18 or later).
Python: numpy, pillow==13.0.0, resvg_py==0.5.0.
    python tools/data/facesjs.py --source DIR --out facesjs.npz [--limit 100] [--sheet facesjs.png]
Every field of a face is set here, so the library's own random generator is not used.
"""

# ruff: noqa: SIM905, E501

import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import tempfile

import numpy as np
from drawn import balanced, rasterised
from PIL import Image

JS = """
import {faceToSvgString} from 'facesjs'; import fs from 'fs';
const [src, dst] = process.argv.slice(2);
fs.writeFileSync(dst, JSON.stringify(JSON.parse(fs.readFileSync(src)).map(f => faceToSvgString(f))));
"""
COLOURS = {"black": "#1c1816", "brown": "#6b4226", "blond": "#e9c67b", "red": "#b5482e", "grey": "#c4c4c4"}
SKIN = {"light": "#f2d6cb", "tan": "#eab687", "brown": "#b07c60", "dark": "#74453d"}
SHORT = "short short2 short3 crop crop-fade2 hair parted middle-part messy messy-short spike2 spike4 high juice tall-fade".split()
HAIR = {  # group -> (hair, hairBg) drawings
    "bald": [("bald", "none"), ("short-bald", "none")],
    "short": [(h, "none") for h in SHORT],
    "curly": [(h, "none") for h in "afro afro2 curly curly2 curly3 blowoutFade".split()],
    "long": [
        (h, b)
        for h in "female1 female5 female6 female9 female12".split()
        for b in "female1 female2 female3 longHair".split()
    ],
}
FACIAL = {
    "none": ["none"],
    "mustache": ["mustache1", "goatee1-stache", "soul-stache"],
    "goatee": ["fullgoatee2", "fullgoatee4", "fullgoatee5", "harley2"],
    "full beard": ["beard1", "beard2", "beard3", "beard5", "beard6", "loganGoatee2Stache"],
}
GLASSES = {"none": ["none"], "worn": ["glasses1-primary", "glasses1-secondary", "glasses2-black", "glasses2-primary"]}
HAT = {"none": ["none"], "cap": ["hat", "hat2", "hat3"], "headband": ["headband", "headband-high"]}
MOUTH = {
    "straight": ["straight", "closed", "mouth6", "mouth4"],
    "smile": ["smile", "smile2", "smile3", "smile4", "smile-closed"],
    "angry": ["angry", "mouth"],
}
SHAPE = {"narrow": (0.0, 0.2), "wide": (0.8, 1.0)}
ATTRS = dict(
    hair=list(HAIR),
    hair_colour=list(COLOURS),
    skin=list(SKIN),
    facial_hair=list(FACIAL),
    glasses=list(GLASSES),
    hat=list(HAT),
    mouth=list(MOUTH),
    shape=list(SHAPE),
)
ODDS = dict(hair=[0.15, 0.3, 0.25, 0.3], facial_hair=[0.4, 0.2, 0.2, 0.2], glasses=[0.5, 0.5], hat=[0.6, 0.2, 0.2])
HEADS = [f"head{k}" for k in (1, 2, 3, 4, 5, 6, 10, 12, 13, 14, 17)]
EYES = [f"eye{k}" for k in range(1, 20)] + [f"female{k}" for k in range(1, 17)]
BROWS = [f"eyebrow{k}" for k in range(1, 21)]
NOSES = [f"nose{k}" for k in range(1, 15)] + ["small"]
TEAM = [["#89bfd3", "#7a1319", "#07364f"], ["#2f7d4f", "#d9a441", "#1f2d3a"], ["#7a4fa3", "#c0392b", "#2c3e50"]]
BOX = "-15 72 430 430"  # the head and a little of the shoulders, of 400x600


def rasterise(svg, size):
    svg = re.sub(r'viewBox="[^"]*"', f'viewBox="{BOX}"', svg, count=1)
    svg = re.sub(r'(width|height)="100%" ', "", svg, count=2)
    return rasterised(svg, size)


def packed(image):
    """One face in 24 colours, as the bytes of a lossless WebP picture."""
    few = Image.fromarray(image).quantize(24, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.convert("RGB").save(out, "WEBP", lossless=True, quality=60, method=4)
    return out.getvalue()


def fields(images, **rest):
    """What the file holds: pictures one behind the other, where each begins, and the rest as it is."""
    files = [packed(image) for image in images]
    offsets = np.cumsum([0, *map(len, files)]).astype(np.int64)
    return dict(webp=np.frombuffer(b"".join(files), np.uint8), offsets=offsets, **rest)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--count", type=int, default=4500)
    ap.add_argument("--limit", type=int, default=0)
    ap.add_argument("--seed", type=int, default=17)
    ap.add_argument("--size", type=int, default=64)
    ap.add_argument("--sheet", default="")
    a = ap.parse_args()
    n, rng = a.limit or a.count, np.random.RandomState(a.seed)
    lab = {k: balanced(rng, n, len(v), ODDS.get(k)) for k, v in ATTRS.items()}

    def pick(xs):
        return xs[rng.randint(len(xs))]

    def u(lo, hi):
        return round(float(rng.uniform(lo, hi)), 2)

    faces, seen, i = [], set(), 0
    while len(faces) < n:
        val = {k: ATTRS[k][lab[k][i]] for k in ATTRS}
        hair, bg = pick(HAIR[val["hair"]])
        skin = SKIN[val["skin"]]
        f = dict(
            fatness=u(*SHAPE[val["shape"]]),
            teamColors=pick(TEAM),
            hairBg=dict(id=bg),
            body=dict(id=pick(["body", "body2", "body4"]), color=skin, size=u(0.9, 1.0)),
            jersey=dict(id=pick(["jersey", "jersey2", "jersey3", "jersey4"])),
            ear=dict(id=pick(["ear1", "ear2"]), size=u(0.6, 1.1)),
            head=dict(id=pick(HEADS), shave="rgba(0,0,0,0)"),
            eyeLine=dict(id=pick(["none", "none", "line1", "line2"])),
            smileLine=dict(id="none", size=1),
            miscLine=dict(id="none"),
            facialHair=dict(id=pick(FACIAL[val["facial_hair"]])),
            eye=dict(id=pick(EYES), angle=int(rng.randint(-8, 12))),
            eyebrow=dict(id=pick(BROWS), angle=int(rng.randint(-10, 14))),
            hair=dict(id=hair, color=COLOURS[val["hair_colour"]], flip=bool(rng.randint(2))),
            mouth=dict(id=pick(MOUTH[val["mouth"]]), flip=bool(rng.randint(2))),
            nose=dict(id=pick(NOSES), flip=bool(rng.randint(2)), size=u(0.5, 1.1)),
            glasses=dict(id=pick(GLASSES[val["glasses"]])),
            accessories=dict(id=pick(HAT[val["hat"]])),
        )
        # identity: what an attribute edit leaves as it is
        ident = json.dumps([f[k] for k in ("head", "eye", "eyebrow", "nose", "ear", "fatness", "body")], sort_keys=True)
        if ident in seen:
            continue
        seen.add(ident)
        faces.append(f)
        i += 1
    src, out = os.path.abspath(a.source), []
    with tempfile.TemporaryDirectory(dir=src) as t:
        p = [os.path.join(t, x) for x in ("make.mjs", "in.json", "out.json")]
        with open(p[0], "w") as file:
            file.write(JS)
        for s in range(0, n, 500):
            with open(p[1], "w") as file:
                json.dump(faces[s : s + 500], file)
            subprocess.run(["node", *p], check=True)
            with open(p[2]) as file:
                out += [rasterise(x, a.size) for x in json.load(file)]
    img = np.stack(out)
    # test by drawing: a test face has an eye drawing and a nose drawing never seen in that pair in training
    pair = np.array([EYES.index(f["eye"]["id"]) * len(NOSES) + NOSES.index(f["nose"]["id"]) for f in faces])
    pairs = np.unique(np.arange(len(EYES) * len(NOSES)))
    test_pairs = np.random.RandomState(a.seed + 1).choice(pairs, len(pairs) // 10, replace=False)
    split = np.isin(pair, test_pairs).astype(np.uint8)
    data = fields(
        img,
        split=split,
        eye_nose_pair=pair.astype(np.int16),
        **{k: v.astype(np.uint8) for k, v in lab.items()},
        names=np.array(json.dumps(dict(attributes=ATTRS, splits=["train", "test"]))),
    )
    np.savez_compressed(a.out, **data)
    flat = img.reshape(n, -1)
    print({k: (v.shape, str(v.dtype)) for k, v in data.items()})
    print({k: np.bincount(v).tolist() for k, v in lab.items()})
    with open(a.out, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    print(
        "split",
        np.bincount(split),
        "lowest std",
        round(float(flat[:, ::5].std(1).min()), 1),
        "exact duplicates",
        n - len({x.tobytes() for x in flat}),
        "bytes",
        os.path.getsize(a.out),
        "sha256",
        digest,
    )
    if a.sheet:
        S_ = Image.new("RGB", (18 * 66, 10 * 66), (120, 120, 120))
        ids = np.concatenate([np.flatnonzero(split == s)[:m] for s, m in ((0, 144), (1, 36))])
        for k, j in enumerate(ids):
            S_.paste(Image.fromarray(img[j]), (k % 18 * 66, k // 18 * 66))
        S_.save(a.sheet)


if __name__ == "__main__":
    main()
