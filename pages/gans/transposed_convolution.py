"""Transposed convolution by hand: stamps, sums, sizes, zeros, the matrix, and the checkerboard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

import engines
from pages.catalogue import entry
from pages.gans import transposed_convolution_notes as notes
from pages.gans import transposed_convolution_pictures as pictures
from pages.ui import shipped, show
from pages.ui.page import page
from pages.ui.settings import Choice, Number, seed
from pages.ui.show import Film

MODES = {"stamp": "transposed", "zero-inserted": "inserted", "convolution": "convolution", "resize": "resize"}


def own(chosen: Mapping[str, Any]) -> bool:
    """Whether the sizes are the viewer's, not a trained layer's."""
    return not chosen["values"].startswith("dcgan")


HOW = Choice(
    key="how",
    label="Operation",
    labels={
        "stamp": "Stamp (transposed convolution)",
        "zero-inserted": "Insert zeros, then convolve",
        "convolution": "Convolution, the way back",
        "resize": "Resize, then convolve",
    },
)
VALUES = Choice(
    key="values",
    label="Values",
    labels={
        "numbers": "Small whole numbers",
        "ones": "All ones",
        "ramp": "A ramp under ones",
        **{f"dcgan-{i}": f"DCGAN's layer {i}" for i in range(1, 5)},
    },
    help="Small whole numbers; all ones; a ramp under a kernel of ones; or a layer of the shipped DCGAN, which sets "
    "the sizes too.",
)
SIDE = Number(key="n", when=own, label="Input's side n", low=1, high=7, default=3)
KERNEL = Number(key="k", when=own, label="Kernel's side k", low=1, high=5, default=3)
STRIDE = Number(key="s", when=own, label="Stride (1/s where it enlarges)", low=1, high=3, default=2)
PADDING = Number(
    key="p",
    when=lambda chosen: own(chosen) and chosen["how"] != "resize",
    label="Padding p",
    low=0,
    high=4,
    default=0,
    help="Must be below the kernel's side.",
)
OUT = Number(
    key="a",
    when=lambda chosen: own(chosen) and chosen["how"] in ("stamp", "zero-inserted"),
    label="Output padding a",
    low=0,
    high=2,
    default=0,
    help="Must be below the stride.",
)
SEED = seed("Draws the numbers.", when=lambda chosen: chosen["values"] == "numbers")
SETTINGS = (HOW, VALUES, SIDE, KERNEL, STRIDE, PADDING, OUT, SEED)
VIEWS = {"steps": ("Step by step", SETTINGS)}


def main() -> None:
    with page(entry("transposed-convolution"), VIEWS, why=notes.WHY, questions=notes.questions(),
              scenes=notes.SCENES) as chosen:  # fmt: skip
        show.film("transposed-convolution", steps, *(chosen[setting.key] for setting in SETTINGS),
                  layers=pictures.LAYERS, speed=2, wide=False)  # fmt: skip
        download(chosen)


def engine_of(chosen: Mapping[str, Any]) -> Any:
    """The operation with these settings; ValueError where they give no output."""
    mode, data = MODES[chosen["how"]], None
    sizes = {"size": chosen["n"], "kernel": chosen["k"], "stride": chosen["s"], "padding": chosen["p"]}
    more = {"output_padding": chosen["a"], "values": chosen["values"], "seed": chosen["seed"]}
    if chosen["values"].startswith("dcgan"):
        data, sizes = trained_layer(int(chosen["values"][-1]))
        more = {}
    if mode in ("convolution", "resize"):
        more.pop("output_padding", None)
    return engines.create("transposed_convolution", data=data, mode=mode, **sizes, **more)


def steps(*values: Any) -> Film:
    """One step a cell or a stamp; ``values`` of the settings, in their order."""
    engine = engine_of({setting.key: value for setting, value in zip(SETTINGS, values, strict=True)})
    frames = [engine.frame()]
    while not engine.done:
        engine.step()
        frames.append(engine.frame())
    return Film(
        frames=frames,
        base=pictures.base(engine),
        draw=lambda frame: pictures.picture(frame, engine),
        explain=lambda frame, pick: pictures.numbers(frame, engine, pick),
    )


@lru_cache(maxsize=4)
def trained_layer(i: int) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, int]]:
    """One input channel and one kernel of the i-th layer of the shipped generator, for its first code, and the sizes.

    The pair whose input channel speaks loudest, so that there is something to see.
    """
    generator = shipped.model("dcgan")
    map_ = generator.maps(generator.codes[:1])[i - 1][0]  # (C, n, n)
    layer = generator.network["G"].layers[i - 1][0]
    channel = int(map_.abs().sum(dim=(1, 2)).argmax())
    weight = layer.weight[channel].detach()  # (C', k, k)
    kernel = weight[int(weight.abs().sum(dim=(1, 2)).argmax())]
    sizes = {
        "size": map_.shape[1],
        "kernel": layer.kernel_size[0],
        "stride": layer.stride[0],
        "padding": layer.padding[0],
    }
    return (map_[channel].cpu().double().numpy(), kernel.cpu().double().numpy()), sizes


def download(chosen: dict[str, Any]) -> None:
    """The finished output, to take away."""
    try:
        result = engine_of(chosen).result
    except ValueError:  # said above the stage
        return
    text = "\n".join(",".join(f"{value:.6g}" for value in row) for row in result)
    with st.container(key="lab-about"):
        st.download_button("Output as CSV", text, "output.csv", "text/csv", on_click="ignore")


if __name__ == "__main__":
    main()
