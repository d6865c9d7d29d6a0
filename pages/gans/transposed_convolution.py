"""Transposed convolution by hand: stamps, sums, sizes, zeros, the matrix, and the checkerboard."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

import engines
from engines.run import Run
from pages.catalogue import entry
from pages.gans import transposed_convolution_notes as notes
from pages.gans import transposed_convolution_pictures as pictures
from pages.ui import frame, live, scenes, settings, stage
from pages.ui.live import SLOTS
from pages.ui.player import layers, player
from pages.ui.settings import Choice, Number
from pages.ui.stage import Scene

PAGE = entry("transposed-convolution")
MODES = {"stamp": "transposed", "zero-inserted": "inserted", "convolution": "convolution", "resize": "resize"}
HOW = Choice(
    key="how",
    label="Operation",
    options=tuple(MODES),
    default="stamp",
    help="stamp: transposed convolution; zero-inserted: the same by an ordinary convolution; convolution: the way "
    "back; resize: enlarge, then convolve.",
)
VALUES = Choice(
    key="values",
    label="Values",
    options=("numbers", "ones", "ramp", "dcgan-1", "dcgan-2", "dcgan-3", "dcgan-4"),
    default="numbers",
    help="Small whole numbers; all ones; a ramp under a kernel of ones; or a layer of the shipped DCGAN, which sets "
    "the sizes too.",
)
SIDE = Number(key="n", label="Input's side n", low=1, high=7, default=3)
KERNEL = Number(key="k", label="Kernel's side k", low=1, high=5, default=3)
STRIDE = Number(key="s", label="Stride (1/s where it enlarges)", low=1, high=3, default=2)
PADDING = Number(key="p", label="Padding p", low=0, high=4, default=0, help="Must be below the kernel's side.")
OUT = Number(key="a", label="Output padding a", low=0, high=2, default=0, help="Must be below the stride.")
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="Draws the numbers.")
ALL = (HOW, VALUES, SIDE, KERNEL, STRIDE, PADDING, OUT, SEED)
RUN = "transposed-convolution:run"


def main() -> None:
    frame.head(PAGE)
    scenes.begin(notes.SCENES, play_scene)
    settings.show_notices(PAGE.slug, ALL)
    chosen = {setting.key: settings.value(setting) for setting in ALL}
    scenes.show(notes.SCENES, play_scene)
    record, problem = stage.keep(RUN, fixed=chosen, changing={}, make=lambda: scene(chosen))
    if problem:
        st.warning(f"{problem[0].upper()}{problem[1:]}. The stage shows what was there before.", icon=":material/info:")
    if record is None:
        st.info("These sizes give no output. Take a smaller kernel or less padding in the controls.")
    else:
        options = {"slug": PAGE.slug, "layers": layers(*pictures.LAYERS), "speed": 2, "numbers": True}
        player(
            record.token,
            key="conv-player",
            on_event=on_event,
            autoplay=True,
            present=st.query_params.get("present") == "1",
            **options,
        )
        live.TABLE.wait_until_watched(record.token)
    with frame.controls():
        controls(chosen)
    if record is not None:
        download(record)
    frame.notes(PAGE, why=notes.why, questions=notes.questions())


def controls(chosen: dict[str, Any]) -> None:
    show, own = settings.show, not chosen["values"].startswith("dcgan")
    scenes.links(notes.SCENES, play_scene)
    show(HOW)
    show(VALUES)
    show(SIDE, when=own)
    show(KERNEL, when=own)
    show(STRIDE, when=own)
    show(PADDING, when=own and chosen["how"] != "resize")
    show(OUT, when=own and chosen["how"] in ("stamp", "zero-inserted"))
    show(SEED, when=chosen["values"] == "numbers")
    left, right = st.columns(2)
    left.button("Restart", on_click=stage.drop, args=(RUN,), width="stretch", help="From the first step.")
    if chosen["values"] == "numbers":
        right.button("New numbers", on_click=new_seed, width="stretch", help="The same sizes, other values.")


def new_seed() -> None:
    settings.next_of(SEED)


def play_scene(name: str, values: dict[str, Any] | None) -> None:
    """Put a scene on the stage, from its start; without values, only take its text away."""
    if values is None:
        st.query_params.pop("scene", None)
        return
    settings.apply(ALL, values)
    st.query_params["scene"] = name
    stage.drop(RUN)


def scene(chosen: dict[str, Any]) -> Scene:
    """The operation with these settings, one step a cell or a stamp."""
    mode, data = MODES[chosen["how"]], None
    sizes = {"size": chosen["n"], "kernel": chosen["k"], "stride": chosen["s"], "padding": chosen["p"]}
    own = {"output_padding": chosen["a"], "values": chosen["values"], "seed": chosen["seed"]}
    if chosen["values"].startswith("dcgan"):
        data, sizes = trained_layer(int(chosen["values"][-1]))
        own = {}
    if mode in ("convolution", "resize"):
        own.pop("output_padding", None)
    engine: Any = engines.create("transposed_convolution", data=data, mode=mode, **sizes, **own)
    final = engine.result
    return Scene(
        run=Run(engine, slots=SLOTS),
        base=pictures.base(engine),
        draw=lambda frame: pictures.picture(frame, engine, final),
        explain=lambda frame, pick: pictures.numbers(frame, engine, pick),
    )


@lru_cache(maxsize=4)
def trained_layer(i: int) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, int]]:
    """One input channel and one kernel of the i-th layer of the shipped generator, for its first code, and the sizes.

    The pair whose input channel speaks loudest, so that there is something to see.
    """
    from pages.gans import dcgan

    generator = dcgan.model("mnist")
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


def on_event(name: str) -> None:
    if name == "gone":
        stage.drop(RUN)


def download(record: Any) -> None:
    """The finished output, to take away."""
    engine: Any = record.run.engine
    if engine is None:
        return
    text = "\n".join(",".join(f"{value:.6g}" for value in row) for row in engine.result)
    with st.container(key="lab-about"):
        st.download_button("Output as CSV", text, "output.csv", "text/csv", on_click="ignore")


main()
