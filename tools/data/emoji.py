"""Rebuild emoji.npz: same-name emoji in three drawn styles (outline, flat, noto), 64x64 on white.

Packages (npm pack NAME@VERSION, the .tgz files lie in --source):
    @iconify-json/fluent-emoji-high-contrast@1.2.6   -> outline
    @iconify-json/fluent-emoji-flat@1.2.6            -> flat
    @iconify-json/noto@1.2.9                         -> noto
Python: numpy, pillow, resvg_py==0.5.0.
    python tools/data/emoji.py --source DIR --out emoji.npz [--limit 100] [--sheet emoji.png]
"""

import argparse
import glob
import hashlib
import io
import json
import os
import re
import tarfile

import numpy as np
import resvg_py
from PIL import Image, ImageFilter

SETS = dict(outline="fluent-emoji-high-contrast", flat="fluent-emoji-flat", noto="noto")
SIZE = 64
CATEGORIES = [
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
]
# in 'Smileys & Emotion' but no round face
NOT_FACE = re.compile(
    r"heart|cat|monkey|alien|robot|ghost|skull|poo$|goblin|ogre|symbol$|balloon|bubble|bomb|collision|"
    r"dashing|^dizzy|^hole|hundred|kiss-mark|letter|droplets|zzz"
)
FACE_TOO = re.compile(r"symbols-on-mouth|heart-eyes|with-hearts|^(smiling|face)-.*heart")


def read(source, name):
    paths = sorted(glob.glob(os.path.join(source, f"iconify-json-{name}-[0-9]*.tgz")))
    with tarfile.open(paths[-1]) as t:
        return [json.load(t.extractfile("package/" + f)) for f in ("icons.json", "metadata.json")]


def render(icons, name):
    i = icons["icons"][name]
    w = i.get("width", icons.get("width", icons.get("height", 16)))
    h = i.get("height", icons.get("height", 16))
    m = max(w, h)  # a few icons are 32x33: centre them in a square
    box = f"{i.get('left', 0) - (m - w) / 2} {i.get('top', 0) - (m - h) / 2} {m} {m}"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}">'
        f"{i['body'].replace('currentColor', '#000')}</svg>"
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIZE, height=SIZE))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def on_white(a):
    al = a[..., 3:].astype(np.float32) / 255
    return np.round(a[..., :3] * al + 255 * (1 - al)).astype(np.uint8)


def dilate(m, k):
    return np.asarray(Image.fromarray(m.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(2 * k + 1))) > 0


def iou(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def alignment(outline, flat):
    """min(share of the outline's ink on or near the flat shape, share of the flat shape's rim near ink)."""
    ink, shape = outline[..., 3] > 127, flat[..., 3] > 100
    p = np.pad(shape, 1)
    rim = shape & ~(p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:])
    return min((ink & dilate(shape, 4)).sum() / max(1, ink.sum()), (rim & dilate(ink, 3)).sum() / max(1, rim.sum()))


def base_name(n):
    """Variants of one drawing share a base name, so that they fall on the same side of the split."""
    n = re.sub(r"-facing-right$|-medium$|-large$|-small$", "", n)
    if re.search(r"-oclock$|-thirty$", n):
        return "clock-face"
    if re.search(r"moon", n) and "cake" not in n and "viewing" not in n:
        return "moon"
    n = re.sub(r"^(man|woman|person|men|women|people|mens|womens|boy|girl|mr|mrs|mx|old|older)s?-", "", n)
    n = re.sub(r"-(man|woman|person|men|women|people|boy|girl)$", "", n)
    n = {
        "man": "person",
        "woman": "person",
        "boy": "child",
        "girl": "child",
        "prince": "royal",
        "princess": "royal",
    }.get(n, n)
    for end in ("heart", "circle", "square", "book", "arrow"):  # colour or direction variants of one shape
        if re.fullmatch(
            r"(red|orange|yellow|green|blue|light-blue|purple|brown|black|white|grey|pink|up|down|left|right|"
            r"up-down|left-right|(up|down)-(left|right)|large|black-large|white-large)-" + end,
            n,
        ):
            return end + "-variants"
    return n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True), ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=17), ap.add_argument("--limit", type=int, default=0)
    ap.add_argument("--test", type=float, default=0.15), ap.add_argument("--sheet", default="")
    a = ap.parse_args()
    data = {k: read(a.source, n) for k, n in SETS.items()}
    names = sorted(set.intersection(*[set(d[0]["icons"]) for d in data.values()]))
    names = [n for n in names if "skin-tone" not in n]
    print("same-name triples without skin tones:", len(names))
    if a.limit:
        names = names[:: max(1, len(names) // a.limit)][: a.limit]
    category = {n: c for k in ("flat", "outline") for c, ns in data[k][1]["categories"].items() for n in ns}

    keep, rgba, align = [], {k: [] for k in SETS}, []
    dropped = []
    for n in names:
        r = {k: render(data[k][0], n) for k in SETS}
        s = alignment(r["outline"], r["flat"])
        grey = on_white(r["flat"]).astype(int)
        same = np.abs(grey - on_white(r["outline"])).mean() < 3  # flat is only the outline again
        faint = min(on_white(v).std() for v in r.values()) < 18  # almost nothing visible on white
        if s < 0.8 or same or faint:
            dropped.append((n, round(float(s), 2), "same" if same else "faint" if faint else "align"))
            continue
        keep.append(n), align.append(s)
        for k in SETS:
            rgba[k].append(r[k])
    names, n = keep, len(keep)
    print("dropped:", dropped)
    outline = np.stack([on_white(x)[..., 0] for x in rgba["outline"]])
    flat, noto = (np.stack([on_white(x) for x in rgba[k]]) for k in ("flat", "noto"))
    pair = np.array([iou(f[..., 3] > 100, q[..., 3] > 100) for f, q in zip(rgba["flat"], rgba["noto"], strict=False)])

    # groups: same base name, or nearly the same picture in any style
    parent = list(range(n))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first = {}
    for i, nm in enumerate(names):
        b = base_name(nm)
        parent[root(i)] = root(first.setdefault(b, i))
    near = 0
    for pics, limit in ((outline[:, ::2, ::2], 12), (flat[:, ::2, ::2], 6), (noto[:, ::2, ::2], 6)):
        flatp = pics.reshape(n, -1).astype(np.int16)
        for i in range(n):
            for j in np.flatnonzero(np.abs(flatp[i + 1 :] - flatp[i]).mean(1) < limit) + i + 1:
                parent[root(int(j))] = root(i)
                near += 1
    roots = np.array([root(i) for i in range(n)])
    _, group = np.unique(roots, return_inverse=True)
    cat = np.array([CATEGORIES.index(category.get(x, "Symbols")) for x in names], np.uint8)
    face = np.array(
        [
            c == 0 and (not NOT_FACE.search(x) or bool(FACE_TOO.search(x))) and "cat" not in x
            for c, x in zip(cat, names, strict=False)
        ],
        np.uint8,
    )

    # split by group, within each category (faces apart)
    rng, test = np.random.RandomState(a.seed), np.zeros(n, np.uint8)
    stratum = cat.astype(int) * 2 + face
    lead = {g: stratum[group == g][0] for g in np.unique(group)}
    for s in np.unique(list(lead.values())):
        gs = [g for g in lead if lead[g] == s]
        rng.shuffle(gs)
        want, got = a.test * sum((group == g).sum() for g in gs), 0
        for g in gs:
            size = int((group == g).sum())
            if got + size <= want + 0.5 and size <= 12:
                test[group == g] = 1
                got += size
    np.savez_compressed(
        a.out,
        outline=outline,
        flat=flat,
        noto=noto,
        category=cat,
        is_face=face,
        group=group.astype(np.int16),
        test=test,
        align=np.round(np.array(align) * 100).astype(np.uint8),
        flat_noto_iou=np.round(pair * 100).astype(np.uint8),
        names=np.array(json.dumps(names)),
        categories=np.array(json.dumps(CATEGORIES)),
    )
    with open(a.out, "rb") as file:
        h = hashlib.sha256(file.read()).hexdigest()
    sizes = np.bincount(group)
    print(
        f"{n} triples, train {int((test == 0).sum())}, test {int(test.sum())}, faces {int(face.sum())} "
        f"({int((face * test).sum())} test), groups {len(sizes)}, largest {sorted(sizes)[-6:]}, near pairs {near}"
    )
    big = np.argsort(-sizes)[:6]
    for g in big:
        print(g, [names[i] for i in np.flatnonzero(group == g)][:40])
    print("categories", np.bincount(cat, minlength=9), "bytes", os.path.getsize(a.out), "sha256", h)
    if a.sheet:
        pick = np.random.RandomState(1).permutation(n)
        show = np.concatenate([pick[test[pick] == 0][:40], pick[test[pick] == 1][:40]])
        S = Image.new("RGB", (20 * 66, -(-len(show) // 20) * (3 * 66 + 4)), (90, 90, 90))
        for k, i in enumerate(show):
            for j, im in enumerate((outline[i], flat[i], noto[i])):
                S.paste(Image.fromarray(im).convert("RGB"), ((k % 20) * 66, (k // 20) * 202 + j * 66))
        S.save(a.sheet)


if __name__ == "__main__":
    main()
