"""IcGAN: take a drawn face apart into attributes and the rest, change one, see it made again."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines import learning
from engines.data import webp
from engines.engine import Frame
from engines.people import attributes
from engines.people.attributes import PACKS, sizes
from engines.people.icgan import SIDE, judge, true_edits
from pages.catalogue import entry
from pages.people import icgan_notes as notes
from pages.people.icgan_notes import ALIKE, CHANGES, WORDS, card_of, metrics, model
from pages.ui import photos, settings, shipped, show
from pages.ui.comparison import networks, strip
from pages.ui.live import Blocks
from pages.ui.maths import latex, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, tiled
from pages.ui.show import Film

SLUG = "icgan"
PACK = "facesjs"
N_FACES = 450
FOUND = "found"
DRAWS, STEPS = 12, 13  # faces composed at once; pictures of a walk
FRESH = 3  # pictures of another z beside the changes
SHOWN = (3, 10, 17, 24)  # test faces of the comparison
NAMES = {key: key.replace("_", " ") for pack in PACKS.values() for key in pack} | {
    "shape": "head", "male": "sex", "hair_style": "hair", "mouth_open": "open mouth"
}  # fmt: skip
VALUES = PACKS[PACK]

FACE = Number(key="face", label="Face", low=1, high=N_FACES, default=10, help="None of them was learned from.")
OTHER = Number(key="other", label="Other face", low=1, high=N_FACES, default=12, help="The one to swap or walk with.")
BY = networks(WORDS, "All but the one trained longest are smaller and were trained alike.")
SEED = Number(key="seed", label="Noise", low=0, high=99, default=0, help="Another number draws other z.")
EDITS = tuple(
    Choice(key=key, label=NAMES[key].capitalize(), options=(FOUND, *values), default=FOUND,
           labels={FOUND: "as found"})
    for key, values in VALUES.items()
)  # fmt: skip
_DEFAULTS = {"hair": "curly", "hair_colour": "red", "glasses": "worn", "mouth": "smile", "facial_hair": "goatee"}
NEW = tuple(
    Choice(key=f"new_{key}", label=NAMES[key].capitalize(), options=values, default=_DEFAULTS.get(key, values[0]))
    for key, values in VALUES.items()
)
PERSON = Number(key="person", label="Person", low=1, high=30, default=4, help="Rendered, and never learned from.")
VIEWS = (
    {
        "each": ("Change a face", (FACE, *EDITS, BY)),
        "edit": ("Side by side", (FACE, *EDITS, BY)),
        "compose": ("Compose a face", (*NEW, SEED, BY)),
        "swap": ("Swap attributes", (FACE, OTHER, BY)),
        "walk": ("Walk z", (FACE, OTHER, BY)),
        "film": ("Watch it learn", ()),
        "figures": ("By attribute", (BY,)),
    }
    | ({"parts": ("Take a part away", ())} if ALIKE else {})
    | ({"truth": ("Against the truth", (PERSON,))} if notes.HEADS else {})
)


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        variant = "" if chosen["by"] == "trained" else chosen["by"]
        face, other = chosen["face"] - 1, chosen["other"] - 1
        wanted = tuple(chosen[setting.key] for setting in EDITS)
        match chosen["view"]:
            case "each":
                took = {"cells": partial(taken, face, variant, wanted)}
                show.film(SLUG, each, variant, face, wanted, autoplay=False, on_event=took)
                about(variant)
            case "edit":
                show.film(SLUG, edited, variant, face, wanted, autoplay=False)
                about(variant, picture_of(variant, face, wanted), f"icgan-{face + 1}.png")
            case "compose":
                new = tuple(chosen[setting.key] for setting in NEW)
                show.film(SLUG, composed, variant, new, chosen["seed"], autoplay=False)
                about(variant, composed_file(variant, new, chosen["seed"]), "icgan-composed.png")
            case "swap":
                show.film(SLUG, swapped, variant, face, other, speed=2)
                about(variant)
            case "walk":
                show.film(SLUG, walk, variant, face, other, speed=4)
                about(variant)
            case "film":
                show.film(SLUG, training)
                about("")
            case "figures":
                legend = (("changed", "the attribute asked for"), ("others", "the others"))
                show.film(SLUG, figures, variant, autoplay=False, layers=legend)
                st.caption(notes.judged())
            case "parts":
                parts()
            case "truth":
                show.film(SLUG, truth, chosen["person"] - 1, speed=1)
                with st.container(key="lab-about"):
                    st.caption(notes.said_of_truth())


def about(variant: str, file: bytes | None = None, name: str = "") -> None:
    with st.container(key="lab-about"):
        st.caption(notes.said_of(variant))
        if file is not None:
            st.download_button("Picture", file, name, "image/png", on_click="ignore")


# -- faces -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tests() -> dict[str, np.ndarray]:
    """The test faces at the size that the networks see: ``image`` (450, 32, 32, 3) bytes, ``attributes`` (450, 8)."""
    from engines.data import zoo

    pack = zoo.load(PACK)
    found = attributes.of_pack(pack, pack.rows("test"))
    return found | {"image": small(found["image"])}


def small(images: np.ndarray) -> np.ndarray:
    return learning.to_bytes((attributes.pixels(images, SIDE).permute(0, 2, 3, 1) + 1) / 2).numpy()


@lru_cache(maxsize=64)
def apart(variant: str, face: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z (1, Z) and the attributes (1, 8) found in a test face, and y as E_y says it (1, Y)."""
    engine = model(variant)
    z, y = engine.encode(tests()["image"][face : face + 1])
    return z, attributes.values_of(y, PACK), y


def made(variant: str, z: torch.Tensor, values: torch.Tensor) -> np.ndarray:
    return learning.to_bytes(model(variant).draw(z, values)).cpu().numpy()


def read(images: np.ndarray) -> np.ndarray:
    """What the judge reads: bytes (N, 32, 32, 3) -> numbers of values (N, 8)."""
    return judge(PACK, "cpu").read(np.array(images)).numpy()


def word(i: int, value: int) -> str:
    return list(VALUES.values())[i][int(value)]


def listed(values: Any) -> str:
    return ", ".join(f"{NAMES[key]}: {word(i, values[i])}" for i, key in enumerate(VALUES))


def asked(found: torch.Tensor, wanted: tuple[str, ...]) -> torch.Tensor:
    """The attributes found (1, 8), with those that are wanted otherwise."""
    values = found.clone()
    for i, (value, options) in enumerate(zip(wanted, VALUES.values(), strict=True)):
        if value != FOUND:
            values[:, i] = options.index(value)
    return values


# -- edit a face -----------------------------------------------------------------------------------------------


def three(variant: str, face: int, wanted: tuple[str, ...]) -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """The face, made again, and made with what is wanted: bytes (3, 32, 32, 3); the attributes found, and asked for."""
    z, found, _ = apart(variant, face)
    values = asked(found, wanted)
    images = made(variant, z.expand(2, -1), torch.cat([found, values]))
    return np.concatenate([tests()["image"][face : face + 1], images]), found[0], values[0]


def edited(variant: str, face: int, wanted: tuple[str, ...]) -> Film:
    images, found, values = three(variant, face, wanted)
    before, after = read(images[1:])
    scalars = {"changes": float((values != found).sum()), "face": float(face)}
    frame = Frame(step=0, scalars=scalars, arrays={"images": images})
    changes = [f"{NAMES[key]}: {word(i, values[i])}" for i, key in enumerate(VALUES) if values[i] != found[i]]
    hit = sum(int(after[i] == values[i]) for i in range(len(VALUES)) if values[i] != found[i])
    rest = [i for i in range(len(VALUES)) if values[i] == found[i]]
    moved = [NAMES[list(VALUES)[i]] for i in rest if after[i] != before[i]]
    words = f"Found: {listed(found)}."
    if changes:
        words += f" Asked for: {', '.join(changes)}; the judge reads {hit} of {len(changes)}."
        words += f" Also read otherwise: {', '.join(moved)}." if moved else " The others are read as before."

    def numbers(_: Frame) -> Blocks:
        rows = [["", "asked for", "read before", "after"]]
        for i, key in enumerate(VALUES):
            rows.append([NAMES[key], word(i, values[i]), word(i, before[i]), word(i, after[i])])
        away = np.abs(images[1].astype(float) - images[0]).mean()
        return [
            *apart_numbers(variant, face),
            {"table": rows},
            {"text": "Read: by the judge, in the face made again, before and after your changes. The face made again "
                     f"is {away:.1f} of 255 levels from the true one."},
        ]  # fmt: skip

    base = images_base(columns=3, names=("the face", "made again from (z, y)", "with your changes"))
    return Film(
        frames=[frame],
        base=base,
        draw=lambda f: {"images": f.arrays["images"], "caption": words},
        numbers=numbers,
    )


@lru_cache(maxsize=8)
def picture_of(variant: str, face: int, wanted: tuple[str, ...]) -> bytes:
    return png(three(variant, face, wanted)[0])


def png(images: np.ndarray, columns: int = 0) -> bytes:
    """Pictures beside each other as a PNG, eight times as large."""
    return photos.png(tiled(images, columns or len(images)), 8)


# -- one attribute at a time -----------------------------------------------------------------------------------


def singles(values: torch.Tensor) -> list[tuple[int, int]]:
    """Attribute and value of every change of one of these (8,), in order."""
    return [(i, v) for i, n in enumerate(sizes(PACK)) for v in range(n) if v != int(values[i])]


def taken(face: int, variant: str, wanted: tuple[str, ...], event: dict[str, Any]) -> None:
    """A click: the change that a picture shows is made; the face itself takes all changes back."""
    cell = int((event.get("cells") or [1])[0])
    found = apart(variant, face)[1]
    pairs = singles(asked(found, wanted)[0])
    if cell == 0:
        settings.put(dict.fromkeys(VALUES, FOUND))
    elif 2 <= cell < 2 + len(pairs):
        i, value = pairs[cell - 2]
        key = list(VALUES)[i]
        settings.put({key: FOUND if value == int(found[0, i]) else VALUES[key][value]})


def each(variant: str, face: int, wanted: tuple[str, ...]) -> Film:
    """The face, made again with what is wanted, and every change of one attribute from there."""
    z, found, _ = apart(variant, face)
    base = asked(found, wanted)
    pairs = singles(base[0])
    values = base.repeat(len(pairs) + 1, 1)
    for k, (i, value) in enumerate(pairs):
        values[k + 1, i] = value
    codes = torch.cat(
        [z.expand(len(values), -1), torch.randn(FRESH, z.shape[1], generator=torch.Generator().manual_seed(0))]
    )
    images = made(variant, codes, torch.cat([values, base.expand(FRESH, -1)]))
    after = read(images)
    hits = [bool(after[k + 1, i] == value) for k, (i, value) in enumerate(pairs)]
    rest = [int((np.delete(after[k + 1], i) != np.delete(after[0], i)).sum()) for k, (i, _) in enumerate(pairs)]
    changed = [f"{NAMES[key]} {word(i, base[0, i])}" for i, key in enumerate(VALUES) if base[0, i] != found[0, i]]
    names = ["the face", "made again" + (", changed" if changed else ""),
             *(f"{NAMES[list(VALUES)[i]]}: {word(i, v)}" for i, v in pairs), *(FRESH * ("another z",))]  # fmt: skip
    sheet = np.concatenate([tests()["image"][face : face + 1], images])
    marks = [{"cell": k + 2, "box": [0, 0, SIDE, SIDE], "colour": "@second"} for k, hit in enumerate(hits) if not hit]
    words = (
        f"{'Changed: ' + ', '.join(changed) + '. ' if changed else ''}One attribute more is changed in each picture, z "
        f"stays; in the last {FRESH} it is drawn anew. The judge reads what was asked for in {sum(hits)} of {len(hits)}"
        f"{', not in those framed' if marks else ''}; of the others {sum(rest)} of {len(rest) * (len(VALUES) - 1)} are "
        "read otherwise. Click a picture to make its change, or the face to take all back."
    )
    scalars = {"hits": float(sum(hits)), "changes": float(len(hits)), "moved": float(sum(rest))}

    def numbers(_: Frame) -> Blocks:
        return [
            *apart_numbers(variant, face),
            {"text": "By the judge, against what it reads in the second picture:"},
            {"table": [["changed to", "read", "others moved"]]
             + [[names[k + 2], "yes" if hits[k] else f"no, {word(i, after[k + 1, i])}", str(rest[k])]
                for k, (i, _) in enumerate(pairs)]},
        ]  # fmt: skip

    return Film(
        frames=[Frame(step=0, scalars=scalars, arrays={"images": sheet})],
        base=images_base(names=names, pick="send"),
        draw=lambda f: {"images": f.arrays["images"], "marks": marks, "caption": words},
        numbers=numbers,
    )


def apart_numbers(variant: str, face: int) -> Blocks:
    """What was found in a face: y, how E_y says it, and z."""
    z, found, y = apart(variant, face)
    rows = [["", "true", "found", "said"]]
    for i, (key, block) in enumerate(zip(VALUES, y[0].split(sizes(PACK)), strict=True)):
        said = f"{float(block.max()):.2f}"
        rows.append([NAMES[key], word(i, tests()["attributes"][face][i]), word(i, found[0, i]), said])
    return [
        {"math": latex(r"(z, y) = (E_z(x), E_y(x)), \quad \hat x = G(z, y')")},
        {"table": rows},
        {"text": f"Said: the number that E_y gives for what it found, about 1 where it is sure. z are {z.shape[1]} "
                 f"numbers: {', '.join(f'{v:.1f}' for v in z[0].tolist()[:6])}, ... Its length is "
                 f"{float(z.norm()):.1f}; of a drawn one it is about {z.shape[1] ** 0.5:.1f}."},
    ]  # fmt: skip


# -- compose a face --------------------------------------------------------------------------------------------


def drawn(variant: str, wanted: tuple[str, ...], seed: int) -> tuple[np.ndarray, torch.Tensor]:
    """Twelve faces of these attributes, each of another z; the attributes as numbers."""
    values = torch.tensor([[options.index(v) for v, options in zip(wanted, VALUES.values(), strict=True)]])
    chance = torch.Generator().manual_seed(seed)
    z = torch.randn(DRAWS, model(variant).config.latent_dim, generator=chance)
    return made(variant, z, values.expand(DRAWS, -1)), values[0]


@lru_cache(maxsize=8)
def composed_file(variant: str, wanted: tuple[str, ...], seed: int) -> bytes:
    return png(drawn(variant, wanted, seed)[0], columns=4)


def composed(variant: str, wanted: tuple[str, ...], seed: int) -> Film:
    images, values = drawn(variant, wanted, seed)
    right = read(images) == values.numpy()
    words = (
        f"Twelve z, one y. The judge reads {100 * right.mean():.0f} % of the attributes asked for, all eight in "
        f"{int(right.all(axis=1).sum())} of {DRAWS} faces."
    )

    def numbers(_: Frame) -> Blocks:
        rows = [["", "asked for", f"read, of {DRAWS}"]]
        rows += [[NAMES[key], word(i, values[i]), str(int(right[:, i].sum()))] for i, key in enumerate(VALUES)]
        return [{"math": latex(r"\hat x = G(z, y), \quad z \sim N(0, I)")}, {"table": rows}]

    return Film(
        frames=[Frame(step=0, scalars={"right": float(right.mean())}, arrays={"images": images})],
        base=images_base(),
        draw=lambda f: {"images": f.arrays["images"], "caption": words, "alt": f"{words} {listed(values)}"},
        numbers=numbers,
    )


# -- two faces -------------------------------------------------------------------------------------------------

CORNERS = ("one face", "its z, attributes on their way to the other's", "the other face",
           "the other's z, attributes on their way to the one's")  # fmt: skip


def swapped(variant: str, face: int, other: int) -> Film:
    """A frame an attribute: more and more of them are swapped, in the order of the sidebar."""
    (z, y, _), (z2, y2, _) = apart(variant, face), apart(variant, other)
    true, frames = tests()["image"], []
    differ = [i for i in range(len(VALUES)) if int(y[0, i]) != int(y2[0, i])]
    for k in range(len(differ) + 1):
        one, two = y.clone(), y2.clone()
        for i in differ[:k]:
            one[0, i], two[0, i] = y2[0, i], y[0, i]
        images = made(variant, torch.cat([z, z2]), torch.cat([one, two]))
        right = int((read(images) == torch.cat([one, two]).numpy()).sum())
        sheet = np.stack([true[face], images[0], true[other], images[1]])
        last = f"{differ[k - 1]}" if k else "-1"
        scalars = {"swapped": float(k), "right": float(right), "last": float(last)}
        frames.append(Frame(step=k, scalars=scalars, arrays={"images": sheet}))

    def draw(frame: Frame) -> dict[str, Any]:
        names = [NAMES[list(VALUES)[i]] for i in differ[: frame.step]]
        words = f"{frame.step} of {len(differ)} attributes swapped" + (f": {', '.join(names)}." if names else ".")
        if not differ:
            words = "The two faces were found to have the same attributes: choose another one."
        words += f" The judge reads {frame.scalars['right']:.0f} of the {2 * len(VALUES)} asked for."
        return {"images": frame.arrays["images"], "caption": words}

    def numbers(_: Frame) -> Blocks:
        rows = [["found", "one face", "the other"]]
        rows += [[NAMES[key], word(i, y[0, i]), word(i, y2[0, i])] for i, key in enumerate(VALUES)]
        return [{"math": latex(r"\hat x_1 = G(z_1, y_2), \quad \hat x_2 = G(z_2, y_1)")}, {"table": rows}]

    return Film(frames=frames, base=images_base(columns=2, names=CORNERS), draw=draw, numbers=numbers)


def walk(variant: str, face: int, other: int) -> Film:
    """From one face's z to another's on a straight line, with the attributes of each held fixed."""
    (z, y, _), (z2, y2, _) = apart(variant, face), apart(variant, other)
    way = torch.linspace(0, 1, STEPS)[:, None]
    path = torch.lerp(z.expand(STEPS, -1), z2.expand(STEPS, -1), way)
    one, two = (made(variant, path, values.expand(STEPS, -1)) for values in (y, y2))
    kept = [(read(images) == values.numpy()).mean(axis=1) for images, values in ((one, y), (two, y2))]
    true, frames = tests()["image"], []
    for k in range(STEPS):
        scalars = {"t": float(way[k]), "kept": 100 * float((kept[0][k] + kept[1][k]) / 2)}
        if k:
            scalars["moved"] = float(np.abs(one[k].astype(float) - one[k - 1]).mean())
        sheet = np.stack([true[face], one[k], true[other], two[k]])
        frames.append(Frame(step=k, scalars=scalars, arrays={"images": sheet}))
    names = ("one face", "its attributes, z on its way", "the other face", "the other's attributes, z on its way")
    total = np.abs(one[-1].astype(float) - one[0]).mean()

    def draw(frame: Frame) -> dict[str, Any]:
        t = frame.scalars["t"]
        words = (
            f"z is {100 * (1 - t):.0f} % of the one face's and {100 * t:.0f} % of the other's; y stays. The judge "
            f"reads {frame.scalars['kept']:.0f} % of the attributes that are held."
        )
        return {"images": frame.arrays["images"], "caption": words}

    def numbers(frame: Frame) -> Blocks:
        moved = frame.scalars.get("moved")
        step = f"This step moved the upper picture by {moved:.1f} of 255 levels. " if moved is not None else ""
        return [
            {"math": latex(r"\hat x_t = G((1 - t)\, z_1 + t\, z_2, \; y)")},
            {"text": f"{step}From one end to the other it is {total:.1f}: what z changes while all attributes stay."},
        ]

    sets = [curves("Moved since the step before", "levels of 255", moved="upper picture")]
    return Film(frames=frames, base=images_base(columns=2, names=names) | {"curve_sets": sets}, draw=draw,
                numbers=numbers)  # fmt: skip


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    n = 6
    true = tests()["image"][:n]
    found = curves("Attributes", "%", obeyed="read in faces made", kept="in reconstructions", y="found by E_y")
    inner = curves("z found again", "mean correlation", z="of z and E_z's")
    game = curves("The game", "nats", d_loss="D", g_loss="G, −log D")
    sides = curves("D takes for real and right", "probability", d_real="true, own y", d_wrong="true, wrong y",
                   d_fake="made")  # fmt: skip
    frames = [
        Frame(step=f.step, scalars={**f.scalars, **{k: 100 * f.scalars[k] for k in ("obeyed", "kept", "y")}},
              arrays=f.arrays)
        for i, f in enumerate(shipped.frames(SLUG))
        if i % 6 == 0 or f.scalars["batches"] > card_of("")["config"]["read_steps"]  # before that G makes nothing
    ]  # fmt: skip
    base = images_base(columns=n, rows=("true", "their y, a drawn z", "made again"))

    def draw(frame: Frame) -> dict[str, Any]:
        new, again = (webp.unpack(frame.arrays[key], height=SIDE)[:n] for key in ("made", "again"))
        s = frame.scalars
        words = (
            f"After {s['batches']:,.0f} batches. {notes.part_at(s['batches'])} Of 64 test faces' attributes the judge "
            f"reads {s['obeyed']:.0f} % in faces made of a drawn z, {s['kept']:.0f} % in reconstructions."
        )
        return {"images": np.concatenate([true, new, again]), "caption": words}

    return Film(frames=frames, base=base | {"curve_sets": [found, inner, game, sides], "curve_log": True}, draw=draw,
                numbers=losses, code=shipped.code_of_frames(SLUG))  # fmt: skip


def losses(frame: Frame) -> Blocks:
    s, config = frame.scalars, card_of("")["config"]
    if "y_loss" not in s:
        return [{"text": "Nothing has been learned yet."}]
    blocks: Blocks = [{"text": "Averages over about the last 50 batches, of each part once it has begun."}]
    rows = [["squared error", "", "a number"], ["E_y, of y", f"{s['y_loss']:.3f}", f"{s['y_loss'] / 27:.4f}"]]
    if "z_loss" in s:
        rows.append(["E_z, of z", f"{s['z_loss']:.3f}", f"{s['z_loss'] / config['latent_dim']:.3f}"])
    blocks.append({"table": rows})
    if "d_loss" in s:
        blocks.append({"math": latex(rf"L_D = {number(s['d_loss'], tex=True)}, \quad "
                                     rf"-\log D(\hat x, y) = {number(s['g_loss'], tex=True)}")})  # fmt: skip
        weight = config["again"]
        blocks.append({"math": latex(rf"L_G = {number(s['g_loss'], tex=True)} + {weight:g} \times "
                                     rf"{number(s['again'], tex=True)}")})  # fmt: skip
        blocks.append(
            {
                "text": "The second term of G's is the mean difference between a true face and the one made again. "
                f"D's loss is 2 log 2 = {2 * np.log(2):.3f} where it cannot tell."
            }
        )
    return blocks


# -- by attribute ----------------------------------------------------------------------------------------------


def figures(variant: str) -> Film:
    """One frame: of each attribute, how often an edit is read, and how much else is."""
    m, keys = metrics(variant), list(VALUES)
    traces, looks = [], {"changed": ("@first", "circle"), "others": ("@second", "diamond")}
    for shift, (name, (colour, symbol)) in zip((-0.12, 0.12), looks.items(), strict=True):
        value, low, high = (
            np.array([100 * m[f"test_{name}_{key}{end}"] for key in keys]) for end in ("", "_low", "_high")
        )
        spread = {"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
                  "color": colour, "thickness": 1.5, "width": 4}  # fmt: skip
        said = {"changed": "the attribute asked for", "others": "the others"}[name]
        traces.append({"type": "scatter", "mode": "markers", "x": np.arange(len(keys)) + shift, "y": value,
                       "name": said, "error_y": spread, "meta": {"layer": name},
                       "marker": {"color": colour, "symbol": symbol, "size": 10}})  # fmt: skip
    base = {
        "layout": {
            "xaxis": {"title": {"text": "attribute that is changed"}, "range": [-0.5, len(keys) - 0.5],
                      "tickvals": list(range(len(keys))), "ticktext": [NAMES[key] for key in keys]},
            "yaxis": {"title": {"text": "read otherwise than before, %"}, "range": [0, 102]},
        },
        "traces": traces,
    }  # fmt: skip
    words = notes.worst(variant)

    def numbers(_: Frame) -> Blocks:
        def table(**columns: str) -> dict[str, Any]:
            rows = [["%", *columns]]
            for key in ["", *keys]:
                end = f"_{key}" if key else ""
                values = (f"{100 * m[f'test_{name}{end}']:.0f}" for name in columns.values())
                rows.append([NAMES[key] if key else "all", *values])
            return {"table": rows}

        return [
            table(edit="changed", others="others", before="already"),
            table(made="obeyed", true="obeyed_real"),
            {"text": "Edit: the value asked for is read after it. Others: the share of other attributes read otherwise "
                     "than in the reconstruction. Before: the value asked for is read there already. Made: what is "
                     "asked for is read in faces of a drawn z. True: in the test faces, the judge's ceiling."},
        ]  # fmt: skip

    return show.still(base, words, numbers)


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    true = tests()["image"][list(SHOWN)]
    strip("Test face", np.stack([true, np.full_like(true, 255)], axis=1).reshape(-1, *true.shape[1:]))
    for variant in (*ALIKE, ""):
        strip(WORDS[variant], flipped(variant))
    st.caption(
        "Above the test faces; below, made again, and each beside it with an edit: "
        + ", ".join(f"{NAMES[key]} {value}" for key, value in CHANGES)
        + ". Drawn faces, which belong to nobody."
    )
    st.table(notes.table())
    st.caption(notes.measures())
    st.markdown(notes.agrees())


@lru_cache(maxsize=len(WORDS))
def flipped(variant: str) -> np.ndarray:
    """Reconstructions of four test faces, each beside an edit: bytes (8, 32, 32, 3)."""
    images = []
    for face, (key, value) in zip(SHOWN, CHANGES, strict=False):
        z, found, _ = apart(variant, face)
        values = found.repeat(2, 1)
        values[1, list(VALUES).index(key)] = VALUES[key].index(value)
        images.append(made(variant, z.expand(2, -1), values))
    return np.concatenate(images)


# -- against the truth -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def heads() -> dict[str, Any]:
    """The test people: pictures at the networks' size, and which picture is the true edit of which."""
    from engines.data import zoo

    pack = zoo.load("heads_attr")
    rows = pack.rows("test")
    found = attributes.of_pack(pack, rows)
    identity = pack.take("identity", rows).astype(np.int64)
    start, end, which = true_edits(torch.from_numpy(found["attributes"]), torch.from_numpy(identity))
    return found | {"image": small(found["image"]), "identity": identity, "edits": (start, end, which)}


def truth(person: int) -> Film:
    """A frame a true edit of this person: before, made again, the edit that was made, and the true one."""
    engine, data = model("heads"), heads()
    start, end, which = (part.numpy() for part in data["edits"])
    who = np.unique(data["identity"])[person]
    rows = np.flatnonzero(data["identity"][start] == who)
    z, found = engine.taken_apart(data["image"][start[rows]])
    known = torch.from_numpy(data["attributes"])
    wanted = found.clone()
    at = torch.from_numpy(which[rows])
    wanted[torch.arange(len(rows)), at] = known[end[rows], at]
    again, edits = (learning.to_bytes(engine.draw(z, values)).cpu().numpy() for values in (found, wanted))
    keys, frames = list(PACKS["heads_attr"]), []
    for k, row in enumerate(rows):
        true = data["image"][end[row]]
        away = {
            key: float(np.abs(image.astype(float) - true).mean())
            for key, image in (("edit", edits[k]), ("copy", data["image"][start[row]]), ("again", again[k]))
        }
        sheet = np.stack([data["image"][start[row]], again[k], edits[k], true])
        frames.append(Frame(step=k, scalars=away, arrays={"images": sheet}))
    names = [f"{NAMES[keys[i]]}: {PACKS['heads_attr'][keys[i]][int(known[end[row], i])].replace('_', ' ')}"
             for row, i in zip(rows, which[rows], strict=True)]  # fmt: skip

    def draw(frame: Frame) -> dict[str, Any]:
        s = frame.scalars
        words = (
            f"{names[frame.step].capitalize()}. From the true picture of this edit: the edit {s['edit']:.1f} of 255 "
            f"levels, the picture before it {s['copy']:.1f}, that one made again {s['again']:.1f}."
        )
        return {"images": frame.arrays["images"], "caption": words}

    def numbers(_: Frame) -> Blocks:
        return [{"table": notes.truths()}, {"text": notes.said_of_truth()}]

    sets = [curves("From the truth", "levels of 255", edit="the edit", copy="before it", again="made again")]
    names_of = ("the person", "made again", "the edit", "the true edit")
    return Film(frames=frames, base=images_base(columns=2, names=names_of) | {"curve_sets": sets,
                "curve_step": "edit"}, draw=draw, numbers=numbers)  # fmt: skip


if __name__ == "__main__":
    main()
