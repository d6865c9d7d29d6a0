"""textures.npz: eight free textures and four free photos at 256 x 256, for MGAN (Li and Wand 2016).

Source (PyPI):      pip download --no-deps -d SRC scikit-image==0.26.0
Source (Debian 12): apt-get download mypaint-data-extras palapeli-data lomiri-wallpapers-16.04
                    lomiri-wallpapers-20.04, each unpacked with  dpkg -x PACKAGE.deb SRC/x_PACKAGE
Run:                python textures.py --source SRC --out textures.npz
Needs:              numpy, pillow
"""

import argparse
import glob
import hashlib
import io
import json
import os
import zipfile

import numpy as np
from PIL import Image

N = 256
# name, file, box as shares of the picture (left, top, right, bottom), author, licence, what it is
TEX = [
    ("brick", "brick.png", (0, 0, 1, 1), "CC0Textures (Bricks25)", "CC0", "a brick wall, grey"),
    ("grass", "grass.png", (0, 0, 1, 1), "linolafett", "CC0", "grass blades, grey"),
    ("gravel", "gravel.png", (0, 0, 1, 1), "CC0Textures (Gravel04)", "CC0", "gravel, grey"),
    ("cork", "HR_Cork.png", (0, 0, 0.6, 0.6), "Ramon Miranda", "CC0-1.0", "cork board, colour"),
    (
        "stars",
        "hubble_deep_field.jpg",
        (0.05, 0.05, 0.65, 0.65),
        "NASA",
        "public domain",
        "the Hubble deep field, colour",
    ),
    (
        "citrus",
        "citrus-fruits.jpg",
        (0, 0.1, 0.9, 0.9),
        "US Department of Agriculture",
        "public domain",
        "cut citrus fruits, colour",
    ),
    (
        "seed head",
        "seeding_by_Clements_Engelhardt.jpg",
        (0.27, 0.24, 0.42, 0.49),
        "Clemens Engelhardt",
        "CC0-1.0",
        "a dandelion clock, colour",
    ),
    (
        "bark",
        "Kleiber_by_Lukas_Baubkus.jpg",
        (0.10, 0.30, 0.30, 0.66),
        "Lukas Baubkus",
        "CC-BY-SA-3.0",
        "tree bark, colour",
    ),
]
CON = [
    ("astronaut", "astronaut.png", (0.18, 0, 0.78, 0.60), "NASA", "public domain", "portrait of Eileen Collins"),
    ("cat", "chelsea.png", (0.10, 0, 0.7652, 1), "Stefan van der Walt", "CC0", "the cat Chelsea"),
    ("coffee", "coffee.png", (0.12, 0.05, 0.72, 0.95), "Rachel Michetti", "CC0", "a cup of coffee"),
    ("rocket", "rocket.jpg", (0.2, 0, 0.8672, 1), "SpaceX", "public domain", "a rocket on its pad"),
]


def picture(source, name):
    for w in sorted(glob.glob(os.path.join(source, "scikit_image*.whl"))):
        z = zipfile.ZipFile(w)
        if "skimage/data/" + name in z.namelist():
            return Image.open(io.BytesIO(z.read("skimage/data/" + name))).convert("RGB")
    g = [p for p in glob.glob(os.path.join(source, "x_*", "**", name), recursive=True) if not os.path.islink(p)]
    if not g:
        raise SystemExit("missing: " + name)
    return Image.open(g[0]).convert("RGB")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    res, meta = {}, {}
    for key, rows in (("texture", TEX), ("content", CON)):
        X = []
        for _, f, b, *_ in rows:
            im = picture(a.source, f)
            box = (b[0] * im.width, b[1] * im.height, b[2] * im.width, b[3] * im.height)
            s = min(box[2] - box[0], box[3] - box[1])  # square, from the box's upper left
            X.append(np.asarray(im.resize((N, N), Image.LANCZOS, box=(box[0], box[1], box[0] + s, box[1] + s))))
        res[key] = np.array(X)
        meta[key] = [
            {"name": row[0], "file": row[1], "author": row[3], "licence": row[4], "what": row[5]} for row in rows
        ]
    np.savez_compressed(a.out, info=np.array(json.dumps(meta)), **res)
    print(
        {k: v.shape for k, v in res.items()},
        os.path.getsize(a.out) / 1e6,
        "MB",
        hashlib.sha256(res["texture"].tobytes() + res["content"].tobytes()).hexdigest()[:16],
    )


if __name__ == "__main__":
    main()
