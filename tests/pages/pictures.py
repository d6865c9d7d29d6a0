"""Image files of all kinds, and how much memory they take."""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin


def image_files(folder: Path) -> None:
    """Files of at most 10 MB that would take far more once unpacked, and a small one that comes first."""
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 255, (75, 100, 3), dtype=np.uint8))

    def save(name: str, image: Image.Image, kind: str, **options) -> None:
        image.save(folder / name, kind, **options)
        assert (folder / name).stat().st_size <= 10_000_000

    save("00-small.png", smooth, "PNG")
    save("big.png", Image.new("RGB", (4000, 4000)), "PNG")
    save("grey.png", Image.new("L", (6300, 6300), 200), "PNG")
    save("palette.png", Image.new("P", (6300, 6300)), "PNG")
    save("bits.png", Image.new("1", (6300, 6300)), "PNG")
    save("deep.png", Image.new("I;16", (4400, 4400)), "PNG")
    save("limit.png", smooth.resize((3600, 2700)), "PNG")
    save("photo.jpg", smooth.resize((8000, 6000)), "JPEG", quality=60)
    save("progressive.jpg", smooth.resize((4000, 3000)), "JPEG", quality=60, progressive=True)
    save("huge.jpg", Image.new("RGB", (20_000, 20_000)), "JPEG", quality=20)
    save("photo.webp", smooth.resize((2000, 1500)), "WEBP")
    save("big.webp", Image.new("RGB", (8000, 8000)), "WEBP")
    save("grey.gif", Image.new("P", (6000, 6000)), "GIF")
    texts = PngImagePlugin.PngInfo()
    for i in range(60):
        texts.add(b"zTXt", f"k{i}".encode() + b"\0\0" + zlib.compress(bytes(1_000_000)))
    save("texts.png", smooth, "PNG", pnginfo=texts)


def rises_of(folder: Path) -> dict[str, float]:
    """By how many MB each file in turn raises the memory of a process of its own."""
    program = """
import sys, pathlib
import numpy, PIL.Image
from pages.ui import photos
from tests.memory import risen
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    raw = path.read_bytes()
    with risen() as rise:
        for make in (photos.figure, lambda raw: photos.colour(raw, 64)):
            try:
                make(raw)
            except ValueError as error:
                assert "\\n" not in str(error)
    print(path.name, round(rise[0], 1))
"""
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    rises = {name: float(rise) for name, rise in (line.split() for line in done.stdout.splitlines())}
    del rises["00-small.png"]  # it loads the code
    return rises
