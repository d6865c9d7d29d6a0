"""Why an explicit density matters: an image becomes as many bytes as its likelihood says, and comes back whole."""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np

from engines.autoregressive import coding
from engines.engine import Frame
from pages.autoregressive import fills, likelihood_notes
from pages.autoregressive.fills import SIDE
from pages.catalogue import entry
from pages.ui import board, shipped, show
from pages.ui.live import Blocks
from pages.ui.maths import formula, number
from pages.ui.page import page
from pages.ui.settings import Choice, Number
from pages.ui.sheets import GAP, OPEN, levels, sheet, sheet_axes, sheet_shape
from pages.ui.show import Film
from pages.ui.traces import bars

MODEL = Choice(
    key="model",
    label="Model and images",
    labels={"pixelcnn": "PixelCNN, black and white", "pixelcnn_pp": "PixelCNN++, 256 grey levels"},
)
SHOW = Choice(
    key="image",
    label="Image",
    labels={"digit": "A digit", "upside down": "The digit upside down", "clothes": "Clothes", "noise": "Noise"},
    help="A test image, or what the model has never learned from.",
)
ROW = fills.row(0)
DAMAGE = Number(
    key="damage", label="Byte to damage", low=0, high=40, default=0, help="One of its bits is changed. 0: none."
)
VIEWS = {"code": ("An image as bytes", (MODEL, SHOW, ROW, DAMAGE))}
CAP = 6.0  # bits that are drawn white on the map


def main() -> None:
    notes = likelihood_notes
    with page(entry("likelihood"), VIEWS, why=notes.WHY, questions=notes.QUESTIONS) as chosen:
        name = chosen["model"]
        of = name, chosen["image"], chosen["row"], board.drawn("likelihood")
        show.film("likelihood", sent, chosen["damage"], *of, speed=16)
        board.kept("likelihood", "Draw an image of your own", "Clear the board to go back to the test image.")
        notes.files(name, levels_of(*of))
        notes.against_gan()


def levels_of(name: str, image: str, row: int, drawn: np.ndarray | None) -> np.ndarray:
    """The image to encode, (28, 28), in the model's levels."""
    if drawn is not None:
        x = fills.bytes_of(drawn)
    elif image == "noise":
        x = np.random.default_rng(row).integers(0, 256, size=(SIDE, SIDE), dtype=np.uint8)
    elif image == "clothes":
        x = fills.test_image("fashion", row % 5000)
    else:
        x = fills.test_image("mnist", row)
    x = np.ascontiguousarray(x[::-1]) if image == "upside down" and drawn is None else x
    return fills.levels(shipped.model(name), x, seed=row)


def sent(damaged: int, name: str, image: str, row: int, drawn: np.ndarray | None) -> Film:
    return compress(name, levels_of(name, image, row, drawn), damaged)


def packed(x: np.ndarray, n_levels: int) -> bytes:
    """Levels without any model: as many bits a pixel as the levels need."""
    if n_levels == 256:
        return x.astype(np.uint8).tobytes()
    bits = int(np.log2(n_levels))
    planes = [(x >> b) & 1 for b in range(bits)]
    return np.packbits(np.stack(planes, axis=-1)).tobytes()


def png(x: np.ndarray, n_levels: int) -> bytes:
    """The smallest PNG that Pillow writes: of one bit a pixel where there are two levels."""
    from PIL import Image

    image = Image.fromarray(fills.as_bytes(x, n_levels))
    file = io.BytesIO()
    (image.convert("1", dither=Image.Dither.NONE) if n_levels == 2 else image).save(file, "PNG", optimize=True)
    return file.getvalue()


def sizes(x: np.ndarray, n_levels: int, encoded: coding.Encoded) -> dict[str, float]:
    """Bytes by format; the model's own also as its likelihood promised them."""
    plain = packed(x, n_levels)
    return {
        "plain bits": len(plain),
        "gzip": len(gzip.compress(plain, 9, mtime=0)),
        "PNG": len(png(x, n_levels)),
        "promised": encoded.promised_bytes,
        "model's file": len(encoded.data),
    }


def compress(name: str, x: np.ndarray, damaged: int) -> Film:
    """Encode the levels ``x`` (28, 28) row by row, then decode them; with byte ``damaged`` (from 1) of the file changed
    on the way.
    """
    model = shipped.model(name)
    encoded = coding.encode(model, x)
    data = bytearray(encoded.data)
    if damaged:
        data[min(damaged, len(data)) - 1] ^= 0b0001_0000
    back, problem = coding.read(model, bytes(data))
    bits = encoded.nats_per_pixel / np.log(2)
    total = sizes(x, model.config.n_levels, encoded)
    frames = []
    for step in range(2 * SIDE + 1):
        rows_in, rows_out = min(step, SIDE), max(0, step - SIDE)
        scalars = {"bits": float(bits[:rows_in].sum()), "rows_in": float(rows_in), "rows_out": float(rows_out)}
        frames.append(Frame(step=step, phase="encode" if step <= SIDE else "decode", scalars=scalars))
    n_levels = model.config.n_levels
    image, decoded = fills.as_bytes(x, n_levels), fills.as_bytes(back, n_levels)
    heat = levels(bits, 0, CAP)
    shape = sheet_shape(2, 2)
    wrong = np.where(back != x, 255, 0).astype(np.uint8)
    names = list(total)
    base = {
        "layout": {
            "xaxis": {"domain": [0.862, 1], "type": "category", "showgrid": False, "dtick": 1, "tickangle": -90},
            "yaxis": {"domain": [0.16, 0.98], "title": "bytes", "rangemode": "tozero"},
            **sheet_axes(shape, x=(0, 0.77)),
        },
        "beside": {"most": 0.77, "gap": 0.092, "aspect": 1},
        "narrow": {"xaxis": {"domain": [0, 1], "tickangle": 0}, "yaxis": {"domain": [0, 0.2]},
                   **sheet_axes(shape, x=(0, 1), y=(0.3, 1))},
        "traces": [
            bars(["@muted"] * 3 + ["@bound", "@first"], x=names, textposition="outside", cliponaxis=False),
            OPEN,
        ],
        "pixels": {"side": SIDE, "gap": GAP, "columns": 2, "n": 4},
        "curve_sets": [{"name": "Bits so far", "curve_label": "bits", "curve_step": "rows read, then written",
                        "curves": [{"scalar": "bits", "name": "promised", "colour": "@bound"}]}],
    }  # fmt: skip
    last = 2 * SIDE
    differ = int((back != x).sum())

    def draw(frame: Frame) -> dict[str, Any]:
        rows_in, rows_out = int(frame.scalars["rows_in"]), int(frame.scalars["rows_out"])
        parts = np.stack([image, heat, decoded, wrong])
        parts[1, rows_in:] = fills.HIDDEN
        parts[2:, rows_out:] = fills.HIDDEN
        lengths = [total[name] for name in names]
        lengths[3] = frame.scalars["bits"] / 8
        lengths[4] = total["model's file"] if rows_in == SIDE else 0
        text = [f"{value:.1f}" if i == 3 else f"{value:.0f}" for i, value in enumerate(lengths)]
        if frame.step == last:
            outcome = (
                f"An error, as it should be: {problem}. Below, what would have come out: {differ} pixels are wrong."
                if problem
                else "Decoded bit for bit: the same image."
            )
            words = f"{len(data)} bytes. {outcome}"
        elif frame.step > SIDE:
            words = f"The decoder asks the model the same questions and reads row {rows_out} from the bytes."
        else:
            words = (
                f"Row {rows_in} of {SIDE}: {frame.scalars['bits']:.0f} bits so far. Right, what each pixel costs; "
                f"white is {CAP:.0f} bits."
            )
        patch = {"y": np.array(lengths, dtype=np.float32), "text": text}
        return {"sheet": sheet(parts, 2), "traces": {0: patch}, "caption": words}

    def ask(frame: Frame, pick: dict[str, Any]) -> Any:
        asked = fills.pixel_of(pick, 4)
        if asked is None:
            return numbers(encoded, bytes(data), total, problem if frame.step == last else "")
        which, row, column = asked
        answer = fills.about(model, x, (row, column))
        answer["overlay"]["image"] = which
        answer["tip"] = f"{bits[row, column]:.3f} bits"
        return answer

    return Film(frames=frames, base=base, draw=draw, explain=ask)


def numbers(encoded: coding.Encoded, data: bytes, total: dict[str, float], problem: str) -> Blocks:
    bits = encoded.nats / np.log(2)
    table = [["format", "bytes"]]
    table += [[name, f"{size:.1f}" if name == "promised" else f"{size:.0f}"] for name, size in total.items()]
    shown = data.hex(" ") if len(data) <= 64 else data[:64].hex(" ") + " ..."
    blocks: Blocks = [
        formula(rf"-\log_2 p(x) = {number(bits, tex=True)} \text{{ bits}} = {number(bits / 8, tex=True)}"
                       r"\text{ bytes}"),
        {"table": table},
        {"text": f"The file, {coding.CHECK} bytes of checksum first: {shown}"},
    ]  # fmt: skip
    if problem:
        blocks.append({"text": f"The decoder says: {problem}."})
    return blocks


if __name__ == "__main__":
    main()
