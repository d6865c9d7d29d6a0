"""SRGAN: a photo made small is enlarged again, under an edge that you move; what is gained and lost; its parts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from engines.data import webp
from engines.engine import Frame
from pages.catalogue import entry
from pages.making import srgan_notes as notes
from pages.making.srgan_notes import KINDS, PHOTOS, WAYS, WORDS, learned, model, of_test, tests
from pages.ui import board, photos, show
from pages.ui.comparison import strip
from pages.ui.live import Blocks
from pages.ui.page import page
from pages.ui.settings import Choice
from pages.ui.sheets import compare_base, curves, images_base
from pages.ui.show import Film

SLUG, SIDE = "srgan", 256
FILMED = 3  # patches of the film, the liveliest that it has
OWN = f"{SLUG}:own"  # the photo that was given, (256, 256, 3) in 0..1

PHOTO = Choice(
    key="photo", label="Photo", options=(*PHOTOS.values(), "own"), default="spacesuit",
    labels={**{name: name for name in PHOTOS.values()}, "own": "one of yours"}, help="None of them was trained on.",
)  # fmt: skip
LEFT, RIGHT = (
    Choice(key=key, label=label, options=tuple(KINDS), default=default, labels=KINDS)
    for key, label, default in (("left", "Left of the edge", "mse"), ("right", "Right of it", "G"))
)
WAY = Choice(
    key="way", label="Made small by", options=tuple(WAYS), default="bicubic", labels=WAYS,
    help="The networks learned from photos that were averaged (bicubic, with antialiasing).",
)  # fmt: skip
VIEWS = {
    "try": ("Enlarge a photo", (PHOTO, LEFT, RIGHT, WAY)),
    "film": ("Watch it learn", ()),
    "parts": ("Take a part away", ()),
}
MARKS = {"bicubic": ("@text", "square"), "mse": ("@first", "circle"), "G": ("@second", "diamond")}
FOURTH = ("no-pixels", ("@muted", "cross"))  # marked only where it stands at the edge


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        match chosen["view"]:
            case "try":
                enlarge(chosen)
            case "film":
                show.film(SLUG, training)
                st.caption(learned())
            case "parts":
                parts()


# -- enlarge a photo -------------------------------------------------------------------------------------------


def enlarge(chosen: dict[str, Any]) -> None:
    given = st.session_state.get(OWN) if chosen["photo"] == "own" else None
    name = PHOTO.default if chosen["photo"] == "own" else chosen["photo"]
    show.film(SLUG, compared, name, chosen["left"], chosen["right"], chosen["way"], given, autoplay=False)
    if chosen["photo"] == "own":
        upload()
    with st.container(key="lab-about"):
        if given is None:
            st.caption(f"The photo of the {name}: {tests()['credits'][name]}.")
        found = enlarged(name, chosen["way"], given)
        st.download_button("Keep the enlargement", photos.png(found["images"]["G"]), "srgan.png", "image/png",
                           on_click="ignore", help="What SRGAN made, as a PNG file.")  # fmt: skip


def upload() -> None:
    """A photo of the viewer's in a fold: its middle square, made 256 pixels wide; a new one runs the page again."""
    with st.container(key="lab-more-own"), st.expander("Your photo", icon=":material/image:", expanded=True):
        photo, problem = board.upload(f"{SLUG}-upload", SIDE)
        if problem:
            st.warning(f"{problem[:1].upper()}{problem[1:]}.")
        before = st.session_state.get(OWN)
        if (photo is None) != (before is None) or (photo is not None and not np.array_equal(before, photo)):
            st.session_state[OWN] = photo
            st.rerun()
        st.caption(f"It is brought to {SIDE} × {SIDE} pixels, made four times smaller, and enlarged again. Until you "
                   f"give one, the stage shows a test photo.")  # fmt: skip


def enlarged(name: str, way: str, given: np.ndarray | None) -> dict[str, Any]:
    return of_test(name, way) if given is None else notes.made_of(given, way)


def compared(name: str, left: str, right: str, way: str, given: np.ndarray | None) -> Film:
    """One frame: two enlargements under the edge, and where all of them lie in the plane."""
    found = enlarged(name, way, given)
    marked = MARKS | (dict([FOURTH]) if FOURTH[0] in (left, right) else {})
    measured = {kind: found["measured"][kind] for kind in marked}
    scalars = {f"{kind}.{key}": value for kind, own in measured.items() for key, value in own.items()}
    pair = np.stack([found["images"][kind] for kind in (left, right)])

    def draw(frame: Frame) -> dict[str, Any]:
        words = said(frame.scalars)
        traces = {i: {"x": np.float32([own["psnr"]]), "y": np.float32([own["feature"]])}
                  for i, own in enumerate(measured.values())}  # fmt: skip
        return {"compare": pair, "traces": traces, "caption": words}

    return Film(
        frames=[Frame(step=0, scalars=scalars)],
        base=compare_base(KINDS[left], KINDS[right], share=0.7) | plane([own["psnr"] for own in measured.values()],
                                                                         [own["feature"] for own in measured.values()],
                                                                         marked),
        draw=draw,
        numbers=numbers,
    )  # fmt: skip


def said(s: Any) -> str:
    lost, nearer = s["mse.psnr"] - s["G.psnr"], s["mse.feature"] - s["G.feature"]
    other = FOURTH[0]
    more = f" {KINDS[other]}: {s[f'{other}.psnr']:.1f} dB, {s[f'{other}.feature']:.2f}." if f"{other}.psnr" in s else ""
    return (
        f"PSNR: bicubic {s['bicubic.psnr']:.1f} dB, SRResNet {s['mse.psnr']:.1f}, SRGAN {s['G.psnr']:.1f}, "
        f"{abs(lost):.1f} {'less' if lost > 0 else 'more'}. In features SRGAN is "
        f"{'nearer to' if nearer > 0 else 'farther from'} the photo: {s['G.feature']:.2f}, SRResNet "
        f"{s['mse.feature']:.2f}, bicubic {s['bicubic.feature']:.2f}.{more}"
    )


def numbers(frame: Frame) -> Blocks:
    s = frame.scalars
    marked = [kind for kind in (*MARKS, FOURTH[0]) if f"{kind}.psnr" in s]
    said = {"psnr": ("dB", 1), "ssim": ("SSIM", 2), "feature": ("features", 2)}  # four columns are what the panel holds
    rows = [["", *(words for words, _ in said.values())]]
    rows += [
        [KINDS[kind], *(f"{s[f'{kind}.{key}']:.{digits}f}" for key, (_, digits) in said.items())] for kind in marked
    ]
    contrast = ", ".join(f"{KINDS[kind]} {100 * s[f'{kind}.detail']:.0f} %" for kind in marked)
    return [
        {"text": "Each beside the true photo; dB is the PSNR:"},
        {"table": rows},
        {"text": f"{notes.judged()} Contrast, the mean difference of neighbouring pixels, of the photo's: {contrast}."},
    ]


def plane(across: list[float], up: list[float], marked: Mapping[str, tuple[str, str]] | None = None) -> dict[str, Any]:
    """PSNR to the right, feature distance upwards: the best place is below at the right. The ``marked`` enlargements,
    or without any the path of a training.
    """
    (x0, x1), (y0, y1) = ((min(v), max(v)) for v in (across, up))
    dx, dy = max(0.4 * (x1 - x0), 0.3), max(0.25 * (y1 - y0), 0.02)
    layout = {
        "xaxis": {"title": "PSNR, dB →", "range": [x0 - dx, x1 + dx]},
        "yaxis": {"title": "← feature distance", "range": [y0 - dy, y1 + dy]},
    }
    if marked is None:
        marks = [
            {"type": "scatter", "mode": "lines+markers", "line": {"color": "@muted"},
             "marker": {"size": 5, "color": "@muted"}},
            {"type": "scatter", "mode": "markers", "marker": {"color": "@second", "size": 14}},
        ]  # fmt: skip
    else:
        marks = [
            {"type": "scatter", "mode": "markers+text", "text": [KINDS[kind]], "textposition": "top center",
             "marker": {"color": colour, "symbol": symbol, "size": 14}}
            for kind, (colour, symbol) in marked.items()
        ]  # fmt: skip
    return {"layout": layout, "traces": marks, "spare": 560}


# -- a recorded training ---------------------------------------------------------------------------------------


def training() -> Film:
    frames, of = notes.recorded(), tests()
    shown = notes.liveliest(of["patches"], FILMED)
    patches, names = of["patches"][shown], [of["of"][i] for i in shown]
    way = np.array([[f.scalars["test_psnr"], f.scalars["test_feature"]] for f in frames], dtype=np.float32)
    return Film(
        frames=frames,
        base=images_base(columns=FILMED, rows=("reduced", "by G", "true"), names=names, share=0.68)
        | plane(way[:, 0].tolist(), way[:, 1].tolist())
        | {
            "curve_sets": [
                curves("PSNR", "dB", test_psnr="test patches"),
                curves("Feature distance", "", test_feature="test patches"),
                curves("Contrast", "of the photo's", test_detail="test patches"),
                curves("Losses of the second part", "", content="features", d_loss="D", gen="G, −log D"),
            ],
        },
        draw=partial(picture, shown=shown, patches=patches, small=pixels(patches), way=way),
        numbers=notes.numbers,
        code=notes.code_of_recorded(),
    )


def pixels(patches: np.ndarray) -> np.ndarray:
    """Patches (N, 64, 64, 3) made small, every pixel of the small ones as a square of 4 x 4."""
    small = np.stack([notes.reduced(np.float32(patch) / 255, "bicubic") for patch in patches])
    return np.round(255 * small).astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2)


def picture(
    frame: Frame, *, shown: list[int], patches: np.ndarray, small: np.ndarray, way: np.ndarray
) -> dict[str, Any]:
    made, s = webp.unpack(frame.arrays["made"], height=64)[shown], frame.scalars
    part = "by mean square" if "content" not in s else "by features and D"
    words = (
        f"After {s['batches']:,.0f} batches, learning {part}: PSNR {s['test_psnr']:.2f} dB, feature distance "
        f"{s['test_feature']:.3f} over the test patches that are watched."
    )
    if not s["batches"]:
        words = f"At the start G is bicubic interpolation: PSNR {s['test_psnr']:.2f} dB over the test patches."
    now = np.float32([[s["test_psnr"], s["test_feature"]]])
    upto = np.concatenate([way[: max(1, int(np.searchsorted(_steps(), frame.step)))], now])
    traces = {0: {"x": upto[:, 0], "y": upto[:, 1]}, 1: {"x": now[:, 0], "y": now[:, 1]}}
    return {"images": np.concatenate([small, made, patches]), "traces": traces, "caption": words}


def _steps() -> list[int]:
    return [frame.step for frame in notes.recorded()]


# -- take a part away ------------------------------------------------------------------------------------------


def parts() -> None:
    patches, names = tests()["rows"]
    small = np.stack([notes.reduced(np.float32(patch) / 255, "bicubic") for patch in patches])
    strip("small photo", pixels(patches))
    for variant, words in WORDS.items():
        made = model(variant).enlarge(small)
        strip(words, np.round(255 * made.numpy()).astype(np.uint8))
    strip("true", patches)
    st.caption("Test patches, from left to right: " + ", ".join(names) + ".")
    st.table(notes.table())
    st.caption(notes.measures())
    st.table(notes.paper())
    st.markdown(notes.agrees())


if __name__ == "__main__":
    main()
