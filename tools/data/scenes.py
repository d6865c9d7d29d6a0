"""Rebuild scenes.npz: drawn objects on photographs, seen large (32-48 px) and small (8-12 px), with class labels.

Packages, all files in --source:
    pip download --no-deps scikit-image==0.26.0              -> photographs (CC0 or public domain), read from the wheel
    npm pack @iconify-json/fluent-emoji-flat@1.2.6 @iconify-json/noto@1.2.9 @iconify-json/twemoji@1.2.5   -> stickers
Python: numpy, pillow, resvg_py==0.5.0.
    python tools/data/scenes.py --source DIR --out scenes.npz [--limit 200] [--sheet scenes.png]
    python tools/data/scenes.py --source DIR --stickers-of scenes.npz --out stickers.npz
The second writes held-out stickers and pieces of held-out photographs, for a scene to be put together anew.
"""

import argparse
import glob
import hashlib
import io
import json
import os
import tarfile
import zipfile

import numpy as np
import resvg_py
from PIL import Image, ImageEnhance

STYLES = {"flat": "fluent-emoji-flat", "noto": "noto", "twemoji": "twemoji"}
PHOTOS = {
    "train": ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "brick.png", "gravel.png", "coins.png"],
    "test": ["camera.png", "grass.png", "hubble_deep_field.jpg"],
}
CLASSES = {
    name: words.split()
    for name, words in {
        "bird": "bird eagle duck owl parrot penguin rooster chicken flamingo dove swan peacock turkey goose "
        "baby-chick front-facing-baby-chick black-bird dodo",
        "cat face": "cat-face grinning-cat grinning-cat-with-smiling-eyes cat-with-tears-of-joy "
        "smiling-cat-with-heart-eyes cat-with-wry-smile kissing-cat weary-cat crying-cat pouting-cat",
        "smiley": "grinning-face smiling-face-with-sunglasses winking-face neutral-face pensive-face crying-face "
        "angry-face astonished-face face-with-tears-of-joy smiling-face-with-heart-eyes sleeping-face "
        "zipper-mouth-face nerd-face grinning-squinting-face confused-face face-with-monocle",
        "car": "automobile oncoming-automobile taxi oncoming-taxi police-car oncoming-police-car "
        "sport-utility-vehicle pickup-truck racing-car ambulance minibus delivery-truck fire-engine bus "
        "oncoming-bus",
        "plant": "deciduous-tree evergreen-tree palm-tree christmas-tree tanabata-tree cactus potted-plant seedling "
        "herb four-leaf-clover shamrock sheaf-of-rice",
        "flower": "cherry-blossom rose hibiscus sunflower blossom tulip hyacinth lotus bouquet white-flower "
        "wilted-flower",
        "fruit": "red-apple green-apple pear peach tangerine lemon mango pineapple strawberry grapes melon "
        "watermelon kiwi-fruit cherries banana blueberries",
        "fish": "fish tropical-fish blowfish shark dolphin whale spouting-whale",
        "insect": "lady-beetle beetle ant honeybee bug butterfly cricket cockroach spider mosquito fly",
        "ball": "soccer-ball basketball volleyball baseball softball tennis american-football rugby-football "
        "pool-8-ball",
        "heart": "red-heart orange-heart yellow-heart green-heart blue-heart purple-heart brown-heart black-heart "
        "white-heart pink-heart light-blue-heart grey-heart sparkling-heart heart-with-arrow broken-heart "
        "growing-heart",
        "building": "house house-with-garden office-building bank hospital school church castle factory hotel "
        "convenience-store post-office derelict-house japanese-castle mosque synagogue",
        "boat": "sailboat speedboat ferry passenger-ship motor-boat ship canoe",
        "shoe": "running-shoe hiking-boot mans-shoe high-heeled-shoe womans-sandal womans-boot flat-shoe "
        "ballet-shoes thong-sandal roller-skate",
        "drink": "hot-beverage beer-mug wine-glass cocktail-glass tropical-drink teacup-without-handle bubble-tea "
        "cup-with-straw beverage-box tumbler-glass glass-of-milk sake",
        "animal face": "dog-face wolf fox bear panda koala tiger-face lion cow-face pig-face mouse-face hamster "
        "rabbit-face frog monkey-face polar-bear raccoon",
        "hat": "top-hat billed-cap womans-hat graduation-cap military-helmet rescue-workers-helmet crown",
        "hand": "thumbs-up thumbs-down waving-hand ok-hand victory-hand raised-fist raised-hand vulcan-salute "
        "crossed-fingers oncoming-fist sign-of-the-horns love-you-gesture hand-with-fingers-splayed "
        "backhand-index-pointing-up",
    }.items()
}
BIG, SMALL = 48, 16  # stored sides of the large and the small crop


def stickers(source):
    out = {}
    for style, pack in STYLES.items():
        with tarfile.open(sorted(glob.glob(os.path.join(source, f"iconify-json-{pack}-[0-9]*.tgz")))[-1]) as t:
            d = json.load(t.extractfile("package/icons.json"))
        for ci, names in enumerate(CLASSES.values()):
            for n in names:
                i = d["icons"].get(n)
                if i is None:
                    continue
                w = i.get("width", d.get("width", d.get("height", 16)))
                h = i.get("height", d.get("height", 16))
                svg = (
                    f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                    f'viewBox="{i.get("left", 0)} {i.get("top", 0)} {w} {h}">'
                    f"{i['body'].replace('currentColor', '#000')}</svg>"
                )
                im = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=128)))).convert("RGBA")
                box = im.getchannel("A").point(lambda v: 255 * (v > 20)).getbbox()
                out.setdefault(ci, {}).setdefault(n, {})[style] = im.crop(box)
    return out


def photos(source):
    wheel = sorted(glob.glob(os.path.join(source, "scikit_image-*.whl")))[-1]
    with zipfile.ZipFile(wheel) as z:
        return {
            p: Image.open(io.BytesIO(z.read("skimage/data/" + p))).convert("RGB") for s in PHOTOS.values() for p in s
        }


def backdrop(rng, im, size):
    """A random square of the photograph, at a random scale, turned left-right at random."""
    side = int(rng.randint(size, min(im.size) * 3 // 4 + 1)) if min(im.size) * 3 // 4 > size else size
    x, y = rng.randint(0, im.width - side + 1), rng.randint(0, im.height - side + 1)
    out = im.crop((x, y, x + side, y + side)).resize((size, size), Image.LANCZOS if side > size else Image.BICUBIC)
    return out.transpose(Image.FLIP_LEFT_RIGHT) if rng.randint(2) else out


def dress(rng, sticker, long_side):
    """Turned a little, lit a little differently, scaled so that its long side is as asked."""
    im = sticker.transpose(Image.FLIP_LEFT_RIGHT) if rng.randint(2) else sticker
    im = im.convert("RGBa").rotate(rng.uniform(-15, 15), Image.BICUBIC, expand=True).convert("RGBA")
    im = im.crop(im.getchannel("A").point(lambda v: 255 * (v > 20)).getbbox())
    im = ImageEnhance.Brightness(im).enhance(rng.uniform(0.75, 1.1))
    k = long_side / max(im.size)
    return (
        im.convert("RGBa")
        .resize((max(1, round(im.width * k)), max(1, round(im.height * k))), Image.LANCZOS)
        .convert("RGBA")
    )


def noisy(rng, im, sd=3):
    a = np.asarray(im).astype(np.float32)
    return np.clip(np.round(a + rng.normal(0, sd, a.shape)), 0, 255).astype(np.uint8)


def jpeg(a, q=90):
    b = io.BytesIO()
    Image.fromarray(a).save(b, "JPEG", quality=q, subsampling=0)
    return b.getvalue()


def pack(parts):
    return np.frombuffer(b"".join(parts), np.uint8), np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(
        np.int32
    )


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def held_out_stickers(a):
    """Three test names a class, each in one style, 96 px with their edge; six pieces of test photographs, 384 px."""
    rng, st = np.random.RandomState(a.seed), stickers(a.source)
    with np.load(a.stickers_of) as made:
        names = json.loads(str(made["names"]))
        test = sorted(
            {(int(c), int(s)) for c, s, held in zip(made["label"], made["sticker"], made["split"], strict=True) if held}
        )
    rgba, label, said, styles = [], [], [], []
    for ci in range(len(CLASSES)):
        own = [names["stickers"][s] for c, s in test if c == ci]
        for n in sorted(rng.permutation(own)[:3]):
            style = sorted(st[ci][n])[rng.randint(len(st[ci][n]))]
            im = st[ci][n][style]
            k = 96 / max(im.size)
            im = im.convert("RGBa").resize((max(1, round(im.width * k)), max(1, round(im.height * k))), Image.LANCZOS)
            square = Image.new("RGBA", (96, 96))
            square.paste(im.convert("RGBA"), ((96 - im.width) // 2, (96 - im.height) // 2))
            rgba.append(np.asarray(square)), label.append(ci), said.append(str(n)), styles.append(style)
    bg = photos(a.source)
    pieces = [jpeg(np.asarray(backdrop(rng, bg[p], 384)), 86) for p in PHOTOS["test"] for _ in range(2)]
    sb, so = pack(pieces)
    about = dict(stickers=said, styles=styles, photos=[p for p in PHOTOS["test"] for _ in range(2)])
    np.savez_compressed(
        a.out,
        rgba=np.stack(rgba),
        label=np.array(label, np.uint8),
        scene_jpeg=sb,
        scene_offset=so,
        split=np.ones(len(rgba), np.uint8),
        names=np.array(json.dumps(about)),
    )
    print(len(rgba), "stickers", os.path.getsize(a.out), digest(a.out))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--source", required=True), ap.add_argument("--out", required=True)
    ap.add_argument("--count", type=int, default=3780), ap.add_argument("--limit", type=int, default=0)
    ap.add_argument("--seed", type=int, default=17), ap.add_argument("--sheet", default="")
    ap.add_argument("--stickers-of", default="")
    a = ap.parse_args()
    if a.stickers_of:
        held_out_stickers(a)
        return
    rng, bg, st = np.random.RandomState(a.seed), photos(a.source), stickers(a.source)
    classes = list(CLASSES)
    sticker_split, ids = {}, {}
    for ci in range(len(classes)):  # a quarter of the names of each class, in every style
        names = sorted(st[ci])
        for n in names:
            ids[ci, n] = len(ids)
        test = set(rng.permutation(len(names))[: max(2, round(len(names) * 0.25))].tolist())
        sticker_split.update({(ci, n): int(k in test) for k, n in enumerate(names)})
    total = a.limit or a.count
    rows = dict(label=[], split=[], sticker=[], style=[], photo=[], large_px=[], small_px=[])
    large, small = [], []
    all_photos = PHOTOS["train"] + PHOTOS["test"]
    for k in range(total):
        ci, sp = k % len(classes), int(k // len(classes) % 5 == 4)  # every fifth round is test
        names = [n for n in sorted(st[ci]) if sticker_split[ci, n] == sp]
        n = names[rng.randint(len(names))]
        style = sorted(st[ci][n])[rng.randint(len(st[ci][n]))]
        ph = PHOTOS["test" if sp else "train"][rng.randint(len(PHOTOS["test" if sp else "train"]))]
        L, s = int(rng.randint(32, 49)), int(rng.randint(8, 13))
        # the same thing near and far: one scene of 96 px, its crop for the near view; the far one is shrunk first
        scene = backdrop(rng, bg[ph], 96)
        obj = dress(rng, st[ci][n][style], L)
        x, y = 48 - obj.width // 2 + rng.randint(-3, 4), 48 - obj.height // 2 + rng.randint(-3, 4)
        scene.paste(obj, (x, y), obj)
        cx, cy, side = x + obj.width / 2, y + obj.height / 2, L * 1.3
        cx, cy = cx + rng.uniform(-0.06, 0.06) * L, cy + rng.uniform(-0.06, 0.06) * L
        box = (cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2)
        large.append(np.asarray(scene.resize((BIG, BIG), Image.BICUBIC, box=box)))
        f = s / L  # far away: the scene shrunk, the crop cut out of that
        far = scene.resize((max(8, round(96 * f)),) * 2, Image.BOX)
        far = Image.fromarray(noisy(rng, far, 4))
        g = far.width / 96
        c = max(4, round(side * g))  # whole pixels: nothing is sharpened by the crop
        x0, y0 = (min(max(0, round(v * g - c / 2)), far.width - c) for v in (cx, cy))
        small.append(np.asarray(far.crop((x0, y0, x0 + c, y0 + c)).resize((SMALL, SMALL), Image.BICUBIC)))
        for key, v in (
            ("label", ci),
            ("split", sp),
            ("sticker", ids[ci, n]),
            ("style", list(STYLES).index(style)),
            ("photo", all_photos.index(ph)),
            ("large_px", L),
            ("small_px", s),
        ):
            rows[key].append(v)
    # whole scenes with boxes, for showing: 8 small and 3 large objects each
    scenes, boxes = [], []
    for k in range(max(4, total // 105)):
        sp = int(k % 4 == 3)
        ph = PHOTOS["test" if sp else "train"][k // 4 % len(PHOTOS["test" if sp else "train"])]
        S, used = backdrop(rng, bg[ph], 192), []
        for t in range(11):
            ci = rng.randint(len(classes))
            names = [n for n in sorted(st[ci]) if sticker_split[ci, n] == sp]
            n = names[rng.randint(len(names))]
            size = int(rng.randint(32, 49) if t < 3 else rng.randint(8, 13))
            obj = dress(rng, st[ci][n][sorted(st[ci][n])[rng.randint(len(st[ci][n]))]], size)
            for _ in range(50):
                x, y = rng.randint(2, 190 - obj.width), rng.randint(2, 190 - obj.height)
                if all(
                    x + obj.width + 3 < u or u + w + 3 < x or y + obj.height + 3 < v or v + h + 3 < y
                    for u, v, w, h in used
                ):
                    S.paste(obj, (x, y), obj)
                    used.append((x, y, obj.width, obj.height))
                    boxes.append((k, x, y, obj.width, obj.height, ci, int(t >= 3)))
                    break
        scenes.append((sp, np.asarray(S)))
    lb, lo = pack([jpeg(x, 86) for x in large])
    sb, so = pack([jpeg(x, 86) for _, x in scenes])
    data = dict(
        large_jpeg=lb,
        large_offset=lo,
        small=np.stack(small),
        scene_jpeg=sb,
        scene_offset=so,
        scene_split=np.array([s for s, _ in scenes], np.uint8),
        scene_boxes=np.array(boxes, np.uint8),
        **{k: np.array(v, np.uint8 if k != "sticker" else np.int16) for k, v in rows.items()},
        names=np.array(
            json.dumps(
                dict(
                    classes=classes,
                    styles=list(STYLES),
                    photos=all_photos,
                    stickers=[n for _, n in ids],
                    splits=["train", "test"],
                    scene_boxes=["scene", "x", "y", "width", "height", "class", "is_small"],
                )
            )
        ),
    )
    np.savez_compressed(a.out, **data)
    sm = data["small"].reshape(total, -1)
    print({k: (v.shape, str(v.dtype)) for k, v in data.items()})
    print("per class: names", [len(st[c]) for c in range(len(classes))], "rows", np.bincount(rows["label"])[:3], "...")
    tr, te = (set(data["sticker"][data["split"] == s]) for s in (0, 1))
    print(
        "split",
        np.bincount(data["split"]),
        "stickers shared",
        len(tr & te),
        "lowest std small",
        round(float(sm.std(1).min()), 1),
        "large",
        round(min(float(x.std()) for x in large), 1),
        "duplicates",
        total - len({x.tobytes() for x in sm}),
        "bytes",
        os.path.getsize(a.out),
        "sha256",
        digest(a.out),
    )
    if a.sheet:
        S = Image.new("RGB", (18 * 66, 12 * 66 + 200), (60, 60, 60))
        idx = [i for i in range(total) if data["split"][i] == 0][:72] + [
            i for i in range(total) if data["split"][i] == 1
        ][:36]
        for k, i in enumerate(idx):
            for j, p in enumerate((large[i], small[i])):
                S.paste(Image.fromarray(p).resize((64, 64), Image.BICUBIC), (k % 18 * 66, (k // 18 * 2 + j) * 66))
        for k in range(min(6, len(scenes))):
            S.paste(Image.fromarray(scenes[k][1]), (k * 196, 12 * 66 + 4))
        S.save(a.sheet)


if __name__ == "__main__":
    main()
