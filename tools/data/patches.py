"""patches.npz (training) and patches_test.npz: 64 x 64 colour patches of photos, for SRGAN x4 (Ledig et al. 2017).

Source (Debian 12): apt-get download lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 palapeli-data,
                    each unpacked with  dpkg -x PACKAGE.deb SRC/x_PACKAGE
Source (PyPI):      pip download --no-deps -d SRC scikit-image==0.26.0 scikit-learn==1.9.1
Run:                python tools/data/patches.py --source SRC --out assets/data/patches.npz  (and patches_test.npz)
Needs:              numpy, pillow

Photos are reduced to a short side of at most 800 pixels and cut on a grid without overlap; flat cells (sky, blur) are
left out, lively ones preferred. The split is by photo. Only photos whose archive states CC0, public domain, CC BY or
CC BY-SA are taken. A test photo also gives its liveliest 256 x 256 crop, without loss.
"""

import argparse
import glob
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

L16, L20, PALAPELI = "lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "palapeli-data"
SKIMAGE, SKLEARN = "scikit-image", "scikit-learn"
BY, BY_SA, PUBLIC = "CC-BY-4.0", "CC-BY-SA-4.0", "public domain"
# package, file, author, licence as the archive states it, side of the split (0 training, 1 test)
PHOTOS = [
    (L16, "Bridge_by_Sander_Klootwijk.jpg", "Sander Klootwijk", BY_SA, 0),
    (L16, "Dragonfly_by_Bolly.jpg", "Bolly", BY_SA, 0),
    (L16, "Picture_0B_by_freespace.jpg", 'Trevor "Freespace"', BY, 0),
    (L16, "Picture_1A_by_freespace.jpg", 'Trevor "Freespace"', BY, 0),
    (L16, "Wine_by_Jakkub_Mede.jpg", "Jakub Mede", BY, 0),
    (L16, "aitzgorri_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", BY, 0),
    (L16, "free_by_Peter_Nerlich.jpg", "Peter Nerlich", BY_SA, 0),
    (L16, "friends_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", BY, 0),
    (L16, "greentock_by_Peter_Nerlich.jpg", "Peter Nerlich", BY_SA, 0),
    (L16, "life_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", BY, 0),
    (L16, "picosdeeuropa_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", BY, 1),
    (L16, "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", "CC0-1.0", 0),
    (L16, "sunset_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", BY, 0),
    (L20, "Kleiber_by_Lukas_Baubkus.jpg", "Lukas Baubkus", "CC-BY-SA-3.0", 0),
    (PALAPELI, "cincinnati-bridge.jpg", "Derek Jensen", PUBLIC, 1),
    (PALAPELI, "citrus-fruits.jpg", "US Department of Agriculture", PUBLIC, 0),
    (PALAPELI, "european-honey-bee.jpg", "John Severns", PUBLIC, 1),
    (SKIMAGE, "astronaut.png", "NASA", PUBLIC, 1),
    (SKIMAGE, "chelsea.png", "Stefan van der Walt", "CC0", 1),
    (SKIMAGE, "coffee.png", "Rachel Michetti", "CC0", 1),
    (SKIMAGE, "rocket.jpg", "SpaceX", PUBLIC, 0),
    (SKIMAGE, "hubble_deep_field.jpg", "NASA", PUBLIC, 0),
    (SKIMAGE, "retina.jpg", "Mikael Häggström", "CC0", 0),
    (SKLEARN, "china.jpg", "danielbuechele", "CC-BY-2.0", 1),
    (SKLEARN, "flower.jpg", "danielbuechele (its address says vultilion)", "CC-BY-2.0", 1),
]
SIDE, CROP = 64, 256


def opened(source, package, name):
    if package in (SKIMAGE, SKLEARN):
        for wheel in sorted(glob.glob(str(source / "scikit_*.whl"))):
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.namelist():
                    if Path(member).name == name and ("skimage/data" in member or "datasets/images" in member):
                        return Image.open(io.BytesIO(archive.read(member))).convert("RGB")
    found = [path for path in sorted((source / f"x_{package}").rglob(name)) if not path.is_symlink()]
    if not found:
        raise SystemExit(f"missing: {package} {name}")
    photo = Image.open(found[0])
    if min(photo.size) >= 3200:  # the JPEG decoder halves the largest files
        photo.draft("RGB", (photo.width // 2, photo.height // 2))
    return photo.convert("RGB")


def detail(x):
    """Mean local contrast in levels, across and down."""
    grey = x.astype(np.float32).mean(-1)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def webp(x, quality):
    data = io.BytesIO()
    Image.fromarray(x).save(data, "WEBP", quality=min(quality, 100), method=4, lossless=quality > 100)
    return data.getvalue()


def pack(files):
    offsets = np.cumsum([0] + [len(data) for data in files]).astype(np.int64)
    return np.frombuffer(b"".join(files), np.uint8), offsets


def patches(x, rng, most):
    """Patches (uint8) of a photo and the detail of each."""
    height, width = x.shape[:2]
    top, left = (int(rng.integers(0, min(SIDE, n % SIDE + 1))) for n in (height, width))
    places = [(i, j) for i in range(top, height - SIDE + 1, SIDE) for j in range(left, width - SIDE + 1, SIDE)]
    cells = [x[i : i + SIDE, j : j + SIDE] for i, j in places]
    lively = np.array([detail(cell) for cell in cells])
    kept = np.flatnonzero([d > 2.2 and cell.std() > 6 for d, cell in zip(lively, cells, strict=True)])
    p = np.sqrt(np.clip(lively[kept], 0, 30))  # calm ones are not left out
    taken = np.sort(rng.choice(kept, min(len(kept), most), replace=False, p=p / p.sum()))
    return [cells[i] for i in taken], lively[taken]


def liveliest(x):
    """The crop of most detail, a little nearer to the middle."""
    height, width = x.shape[:2]
    best = max(
        (
            detail(x[i : i + CROP, j : j + CROP]) - 2e-5 * ((i + 128 - height / 2) ** 2 + (j + 128 - width / 2) ** 2),
            i,
            j,
        )
        for i in range(0, height - CROP + 1, 64)
        for j in range(0, width - CROP + 1, 64)
    )
    return x[best[1] : best[1] + CROP, best[2] : best[2] + CROP]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=180, help="at most so many patches of one photo")
    options = parser.parse_args()
    sides = {0: ([], [], []), 1: ([], [], [])}
    crops, of = [], []
    for k, (package, name, _, _, test) in enumerate(PHOTOS):
        rng = np.random.default_rng([0, k])
        photo = opened(options.source, package, name)
        scale = min(1.0, 800 / min(photo.size))  # large camera files are soft at full size
        if scale < 1:
            photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
        x = np.asarray(photo)
        cells, lively = patches(x, rng, 150 if test else options.each)
        for cell, d in zip(cells, lively, strict=True):
            for column, value in zip(sides[test], (webp(cell, 96), k, min(255, int(4 * d))), strict=True):
                column.append(value)
        if test:
            crops.append(webp(liveliest(x), 101))
            of.append(k)
        print(name, x.shape, len(cells), flush=True)
    photos = [dict(zip(("package", "file", "author", "licence", "test"), row, strict=True)) for row in PHOTOS]
    for test, (files, of_photo, lively) in sides.items():
        order = np.random.default_rng([0, 99, test]).permutation(len(files))
        data, offsets = pack([files[i] for i in order])
        fields = {"webp": data, "offsets": offsets, "photo": np.array(of_photo, np.uint8)[order]}
        fields |= {"detail": np.array(lively, np.uint8)[order], "photos": np.array(json.dumps(photos))}
        if test:
            fields["crops_webp"], fields["crops_offsets"] = pack(crops)
            fields["crops_photo"] = np.array(of, np.uint8)
        path = options.out.with_name("patches_test.npz") if test else options.out
        np.savez_compressed(path, **fields)
        print(path.name, len(files), "patches", path.stat().st_size / 1e6, "MB")


if __name__ == "__main__":
    main()
