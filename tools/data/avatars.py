"""Rebuild avatars.npz: drawn 64x64 portraits (DiceBear 'Adventurer') with their options as labels.

Packages: npm install --ignore-scripts @dicebear/core@9.4.3 @dicebear/adventurer@9.4.3 (the folder that holds
node_modules is --source; node 18 or later). Python: numpy, pillow, resvg_py==0.5.0.
    python tools/data/avatars.py --source DIR --out avatars.npz [--limit 100] [--sheet avatars.png]
"""

# ruff: noqa: B905, E731, RUF017, SIM115

import argparse
import hashlib
import json
import os
import subprocess
import tempfile

import numpy as np
from drawn import balanced, rasterised
from PIL import Image

JS = """
import {createAvatar} from '@dicebear/core'; import * as style from '@dicebear/adventurer'; import fs from 'fs';
const [src, dst] = process.argv.slice(2);
fs.writeFileSync(dst, JSON.stringify(JSON.parse(fs.readFileSync(src)).map(o => createAvatar(style, o).toString())));
"""
HAIR = {  # style group -> the drawings in it
    "shaved": ["short04", "short12", "short13"],
    "short": [
        "short01",
        "short02",
        "short06",
        "short07",
        "short08",
        "short09",
        "short10",
        "short11",
        "short14",
        "long02",
    ],
    "curly or spiky": ["short03", "short15", "short16", "short17", "short18"],
    "long": ["long01", "long04", "long05", "long07", "long09", "long17", "long21", "long22", "long24", "long26"],
    "tied up": ["long10", "long11", "long12", "long13", "long14", "long15", "long16", "long19", "long23", "short05"],
}
HAIR_COLOURS = {
    "black": "0e0e0e",
    "brown": "6a4e35",
    "red": "ab2a18",
    "orange": "cb6820",
    "blond": "e5d7a3",
    "grey": "afafaf",
    "green": "3eac2c",
    "blue": "85c2c6",
    "pink": "dba3be",
    "purple": "592454",
}
SKIN = {"light": "f2d3b1", "tan": "ecad80", "brown": "9e5622", "dark": "763900"}
GLASSES = {"none": [], "clear": ["variant02", "variant04", "variant05"], "dark": ["variant01"]}
V = lambda *n: [f"variant{k:02d}" for k in n]
EYES = {
    "open": V(1, 2, 3, 8, 9, 10, 15, 18, 23, 24, 25, 26),
    "narrow": V(4, 5, 11, 12, 13, 14, 16, 17),
    "closed": V(19, 20),
}
MOUTH = {
    "line": V(2, 4, 9, 10, 19, 29),
    "smile": V(1, 5, 22, 23, 25, 26, 27, 28, 30),
    "open": V(3, 7, 14, 15, 24),
    "small": V(6, 8, 17, 18, 20, 21),
}
BROWS = V(*range(1, 16))
FEATURE = {"none": None, "blush": "blush", "mustache": "mustache", "freckles": "freckles"}
ATTRS = dict(
    hair_style=list(HAIR),
    hair_colour=list(HAIR_COLOURS),
    skin=list(SKIN),
    glasses=list(GLASSES),
    eyes=list(EYES),
    mouth=list(MOUTH),
    feature=list(FEATURE),
    earrings=["none", "worn"],
)
ODDS = dict(
    glasses=[0.5, 0.25, 0.25], eyes=[0.4, 0.3, 0.3], feature=[0.4, 0.2, 0.2, 0.2], earrings=[0.6, 0.4]
)  # others even
HELD_OUT = {(0, 8), (1, 6), (2, 4), (3, 2), (4, 0), (1, 9), (3, 7)}  # (hair style, hair colour), never in training


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True), ap.add_argument("--out", required=True)
    ap.add_argument("--count", type=int, default=8000), ap.add_argument("--limit", type=int, default=0)
    ap.add_argument("--seed", type=int, default=17), ap.add_argument("--size", type=int, default=64)
    ap.add_argument("--sheet", default="")
    a = ap.parse_args()
    n, rng = a.limit or a.count, np.random.RandomState(a.seed)
    lab = {k: balanced(rng, n, len(v), ODDS.get(k)) for k, v in ATTRS.items()}
    val = lambda k, i: ATTRS[k][lab[k][i]]
    opts, seen, hair_ids, hair_names = [], set(), [], sum(HAIR.values(), [])
    i = 0
    while len(opts) < n:
        pick = lambda xs: xs[rng.randint(len(xs))]
        g, f, e = GLASSES[val("glasses", i)], FEATURE[val("feature", i)], val("earrings", i) == "worn"
        o = dict(
            seed="s",
            size=96,
            hair=[pick(HAIR[val("hair_style", i)])],
            hairColor=[HAIR_COLOURS[val("hair_colour", i)]],
            skinColor=[SKIN[val("skin", i)]],
            eyes=[pick(EYES[val("eyes", i)])],
            mouth=[pick(MOUTH[val("mouth", i)])],
            eyebrows=[pick(BROWS)],
            glasses=[pick(g)] if g else V(1),
            glassesProbability=100 if g else 0,
            features=[f or "blush"],
            featuresProbability=100 if f else 0,
            earrings=[pick(V(1, 2, 3, 4, 5, 6))],
            earringsProbability=100 if e else 0,
        )
        key = json.dumps(o, sort_keys=True)
        if key in seen:  # the same person: draw the details anew
            continue
        seen.add(key)
        opts.append(o), hair_ids.append(hair_names.index(o["hair"][0]))
        i += 1
    src, out = os.path.abspath(a.source), []
    with tempfile.TemporaryDirectory(dir=src) as t:
        p = [os.path.join(t, x) for x in ("make.mjs", "in.json", "out.json")]
        open(p[0], "w").write(JS)
        for s in range(0, n, 1000):  # in parts, to keep memory low
            json.dump(opts[s : s + 1000], open(p[1], "w"))
            subprocess.run(["node", *p], check=True)
            out += [rasterised(x, a.size) for x in json.load(open(p[2]))]
    img = np.stack(out)

    # split: held-out style-colour pairs -> 2; a tenth of the rest -> 1; whole look-alike sets stay together
    split = np.zeros(n, np.uint8)
    ho = np.array([(s, c) in HELD_OUT for s, c in zip(lab["hair_style"], lab["hair_colour"])])
    split[ho] = 2
    look = {}
    for k in range(n):  # the same picture at an eighth of the size and depth
        small = np.asarray(Image.fromarray(img[k]).resize((16, 16), Image.BOX)) >> 4
        look.setdefault(small.tobytes(), []).append(k)
    sets = [v for v in look.values() if not ho[v[0]]]
    rng.shuffle(sets)
    got = 0
    for v in sets:
        if got < 0.1 * (~ho).sum():
            split[[k for k in v if not ho[k]]] = 1
            got += len(v)
    data = dict(
        image=img,
        split=split,
        hair_id=np.array(hair_ids, np.uint8),
        **{k: v.astype(np.uint8) for k, v in lab.items()},
        names=np.array(
            json.dumps(
                dict(
                    attributes=ATTRS,
                    hair_ids=hair_names,
                    splits=["train", "test", "new hair pair"],
                    held_out=sorted(HELD_OUT),
                )
            )
        ),
    )
    np.savez_compressed(a.out, **data)
    flat = img.reshape(n, -1)
    print({k: (v.shape, str(v.dtype)) for k, v in data.items()})
    print({k: np.bincount(v).tolist() for k, v in lab.items()})
    print(
        "split",
        np.bincount(split),
        "lowest std",
        round(float(flat[:, ::5].std(1).min()), 1),
        "exact duplicates",
        n - len({x.tobytes() for x in flat}),
        "look-alike sets >1:",
        sum(len(v) > 1 for v in look.values()),
        "bytes",
        os.path.getsize(a.out),
        "sha256",
        hashlib.sha256(open(a.out, "rb").read()).hexdigest(),
    )
    if a.sheet:
        S = Image.new("RGB", (18 * 66, 10 * 66), (120, 120, 120))
        ids = np.concatenate([np.flatnonzero(split == s)[:m] for s, m in ((0, 126), (1, 36), (2, 18))])
        for k, j in enumerate(ids):
            S.paste(Image.fromarray(img[j]), (k % 18 * 66, k // 18 * 66))
        S.save(a.sheet)


if __name__ == "__main__":
    main()
