"""MidiNet: compose eight bars to chords of your own, hear them, and see what links one bar to the next."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from engines.engine import Frame
from engines.foundations.melody import sound
from engines.making import bars
from engines.making.midinet import LONG, SHOWN, cells
from pages.catalogue import entry
from pages.making import midinet_notes as notes
from pages.making.midinet_notes import WORDS, card_of, chains, model, openings
from pages.ui import shipped, show
from pages.ui.comparison import networks
from pages.ui.live import Blocks, Live
from pages.ui.maths import latex
from pages.ui.page import page
from pages.ui.plain import quoted
from pages.ui.reel import Reel
from pages.ui.settings import Choice, Number
from pages.ui.sheets import curves, images_base, roll_base
from pages.ui.show import Film

SLUG = "midinet"
CHORDS = ("C", "Dm", "Em", "F", "G", "Am", "D", "E")  # of the chords that can be chosen; the first six are the key's
ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SEQUENCES = {
    "home": "C C F C G G C C",
    "round": "C Am F G C Am F G",
    "minor": "Am Am Dm Am Em Am Em Am",
    "fifths": "Am Dm G C F Dm G C",
}
BEATS = 120  # a minute
LOWEST = 45  # MIDI number of the lowest row drawn: the chords lie below the melody

BY = networks(WORDS, "All were trained alike.")
SEQUENCE = Choice(
    key="chords", label="Chords", options=(*SEQUENCES, "tune", "own"), default="home",
    labels={**SEQUENCES, "tune": "those of the opening's tune", "own": "your own"}, help="One a bar.",
)  # fmt: skip
OWN = tuple(
    Choice(
        key=f"c{i + 1}", label=f"Bar {i + 2}", options=CHORDS, default=name, fold="Your chords",
        help="D and E are rare in the tunes.", when=lambda chosen: chosen["chords"] == "own",
    )
    for i, name in enumerate(SEQUENCES["home"].split())
)  # fmt: skip
FIRST = Number(key="first", label="Opening", low=0, high=99, default=5, help="The first bar of one of 100 test tunes.")
STEER = Choice(
    key="steer", label="The bar before counts", options=("0", "0.25", "0.5", "0.75", "1"), default="1", slider=True,
    kind=float, when=lambda chosen: chosen["by"] != "no-previous",
    help="1: G sees the bar before; 0: it sees a bar of another tune instead; between, a mixture of the two.",
)  # fmt: skip
BESIDE = Choice(
    key="beside", label="Beside it", options=("nothing", "shuffled", "ngram", "tune"), default="nothing",
    labels={"shuffled": "the same noise, shown bars of other tunes", "ngram": "an n-gram of the same tunes",
            "tune": "how the tune went on"},
)  # fmt: skip
SEED = Number(key="seed", label="Seed", low=0, high=9999, default=0, slider=False, help="Of the noise.")
WHICH = Number(key="which", label="Melody", low=1, high=SHOWN, default=1, help="After which test bar.")
VIEWS = {
    "compose": ("Compose eight bars", (SEQUENCE, *OWN, FIRST, STEER, BESIDE, BY, SEED)),
    "film": ("Watch it learn", (WHICH,)),
    "parts": ("Take a part away", (FIRST,)),
}
TRACKS = ({"name": "melody", "colour": "@first", "wave": "triangle"},
          {"name": "chords", "colour": "@second", "wave": "sine"})  # fmt: skip
LAYERS = (("track0", "Melody"), ("track1", "Chords"))
BASE = roll_base(TRACKS, low=LOWEST, step_seconds=60 / BEATS / 4)


def main() -> None:
    with page(entry(SLUG), VIEWS, why=notes.WHY, questions=notes.QUESTIONS, scenes=notes.SCENES) as chosen:
        match chosen["view"]:
            case "compose":
                compose(chosen)
            case "film":
                show.film(SLUG, training, chosen["which"] - 1)
                st.caption(notes.learned())
            case "parts":
                show.film(SLUG, side_by_side, chosen["first"], autoplay=False, speed=1)
                st.table(notes.table())
                st.caption(notes.MEASURES)
                st.markdown(notes.agrees())


# -- compose ---------------------------------------------------------------------------------------------------


def compose(chosen: dict[str, Any]) -> None:
    of = asked(chosen)
    options: dict[str, Any] = {"layers": LAYERS, "speed": 4}
    if chosen["beside"] != "nothing":
        titles = (
            "MidiNet",
            {"ngram": "An n-gram, which knows no chords", "tune": "The tune"}.get(
                chosen["beside"], "The same noise, shown other bars"
            ),
        )
        options["other"] = show.Beside(titles=titles, make=lambda: live(composition(chosen["beside"], *of)))
    show.film(SLUG, composition, "midinet", *of, **options)
    pitch, onset = melody("midinet", *of)
    names = of[1]
    with st.container(key="lab-about"):
        st.caption(
            f"Bar 1 opens {quoted(openings()['titles'][of[2]])}, a test tune; bars 2 to 9 were made to "
            f"{' '.join(names)}. Press Listen on the stage."
        )
        with st.container(horizontal=True):
            st.download_button("MIDI", midi(pitch, onset, names), "midinet.mid", "audio/midi", on_click="ignore")
            st.download_button("WAV", wav(pitch, onset), "midinet.wav", "audio/wav", on_click="ignore",
                               help="The melody without the chords.")  # fmt: skip


def asked(chosen: dict[str, Any]) -> tuple[str, tuple[str, ...], int, float, int]:
    """The network, the chords of the eight bars, the opening, how much the bar before counts, the seed."""
    variant = "" if chosen["by"] == "trained" else chosen["by"]
    first = chosen["first"]
    match chosen["chords"]:
        case "own":
            names = tuple(chosen[one.key] for one in OWN)
        case "tune":
            names = openings()["chords"][first]
        case name:
            names = tuple(SEQUENCES[name].split())
    steer = float(chosen["steer"]) if variant != "no-previous" else 1.0
    return variant, names, first, steer, chosen["seed"]


def vector(name: str) -> np.ndarray:
    """A chord as the paper's 13 numbers: "Am" -> 1 at the root A, and 1 at the end because it is minor."""
    chord = np.zeros(13, dtype=np.uint8)
    chord[ROOTS.index(name.removesuffix("m"))] = 1
    chord[12] = name.endswith("m")
    return chord


@lru_cache(maxsize=64)
def melody(
    kind: str, variant: str, names: tuple[str, ...], first: int, steer: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The opening and the eight bars after it: pitches and onsets (9, 16)."""
    of, chords = openings(), np.stack([vector(name) for name in names])
    pitch, onset = of["pitch"][first], of["onset"][first]
    if kind == "tune":
        return pitch, onset
    if kind == "ngram":
        draw, made = np.random.default_rng(seed), [(pitch[0], onset[0])]
        for _ in range(LONG):
            made.append(bars.continued(chains(), *made[-1], draw))
        after = tuple(np.stack(part[1:]) for part in zip(*made, strict=True))
    else:
        rows = np.random.default_rng(seed).permutation(np.delete(np.arange(len(of["pitch"])), first))[:LONG]
        others = cells(of["pitch"][rows, 1], of["onset"][rows, 1])
        after = tuple(part[0] for part in model(variant).compose(
            pitch[:1], onset[:1], chords[None], generator=torch.Generator().manual_seed(seed), others=others,
            steer=0.0 if kind == "shuffled" else steer,
        ))  # fmt: skip
    return tuple(np.concatenate([own[:1], new]) for own, new in zip((pitch, onset), after, strict=True))  # type: ignore[return-value]


def composition(kind: str, variant: str, names: tuple[str, ...], first: int, steer: float, seed: int) -> Film:
    """A frame a bar: what has been made so far."""
    pitch, onset = melody(kind, variant, names, first, steer, seed)
    chords = np.stack([vector(name) for name in names])
    leap, key, chord = bars.leaps(pitch[:-1], pitch[1:]), bars.in_key(pitch[1:]), bars.on_chord(pitch[1:], chords)
    frames = []
    for i in range(LONG + 1):
        so_far = {} if i == 0 else {
            "leap": leap[:i].mean(), "key": 100 * key[:i].mean(), "chord": 100 * chord[:i].mean(),
        }  # fmt: skip
        arrays = {"leap": leap[:i], "key": key[:i], "chord": chord[:i]}
        frames.append(Frame(step=i, scalars={key: float(value) for key, value in so_far.items()}, arrays=arrays))
    sets = [
        curves("Leap over the bar lines", "semitones", leap="mean so far"),
        curves("Share of the time", "%", key="in key, so far", chord="on the chord, so far"),
    ]

    def draw(frame: Frame) -> dict[str, Any]:
        words = said(frame)
        return {"roll": rolled(pitch, onset, names, upto=frame.step + 1), "caption": words}

    return Film(frames=frames, base={**BASE, "curve_sets": sets}, draw=draw, numbers=partial(numbers, names=names))


def live(film: Film) -> Live:
    return Live(run=Reel(film.frames), base=film.base, draw=film.draw, explain=lambda frame, _: film.numbers(frame))


def said(frame: Frame) -> str:
    if frame.step == 0:
        return "The opening: the first bar of a test tune."
    m, leap = card_of(""), frame.scalars["leap"]
    return (
        f"{frame.step} bar{'s' * (frame.step > 1)} made. Over the bar lines the melody leaps {leap:.1f} semitones on "
        f"average; the test tunes {m['test_leap_true']:.1f}, bars of different tunes {m['test_leap_chance']:.1f}."
    )


def numbers(frame: Frame, names: tuple[str, ...]) -> Blocks:
    if frame.step == 0:
        return [{"text": "Nothing has been made yet."}]
    m = card_of("")
    rows = [["bar", "chord", "leap", "key", "tone"]]
    for i, (leap, key, chord) in enumerate(zip(*(frame.arrays[k] for k in ("leap", "key", "chord")), strict=True)):
        rows.append([str(i + 2), names[i], f"{leap:.0f}", f"{100 * key:.0f}", f"{100 * chord:.0f}"])
    s = frame.scalars
    rows.append(["mean", "", f"{s['leap']:.1f}", f"{s['key']:.0f}", f"{s['chord']:.0f}"])
    true = [f"{m['test_leap_true']:.1f}", *(f"{100 * m[f'test_{key}_true']:.0f}" for key in ("key", "chord"))]
    rows.append(["tunes", "", *true])
    return [
        {"table": rows},
        {"text": "The leap into a bar is in semitones, from the last note of the bar before to its first. Then the "
                 "share of its time, in %, in key, and on one of the chord's three tones; the chords of the test "
                 "tunes, the last row, were estimated from them."},
    ]  # fmt: skip


def rolled(pitch: np.ndarray, onset: np.ndarray, names: tuple[str, ...] = (), *, upto: int = 99) -> np.ndarray:
    """A piano roll of bars (L, 16), the first ``upto`` of them: (2, 16 L, P) bytes, melody and chords.

    The roll joins equal bytes to one note, so that notes are of two loudnesses in turn.
    """
    roll = np.zeros((2, pitch.size, bars.PITCHES + bars.LOW - LOWEST), dtype=np.uint8)
    at = 0
    for i, (row, length) in enumerate(bars.spelled(pitch.ravel(), onset.ravel())):
        roll[0, at : at + length, row + bars.LOW - LOWEST] = 254 + i % 2
        at += length
    for i, name in enumerate(names):
        for tone in tones(name):
            roll[1, bars.STEPS * (i + 1) : bars.STEPS * (i + 2), tone - LOWEST] = 128 + i % 2
    roll[:, bars.STEPS * upto :] = 0
    return roll


def tones(name: str) -> tuple[int, int, int]:
    """The MIDI numbers of a chord, its root from A2 on."""
    chord = vector(name)
    root = LOWEST + (int(chord[:12].argmax()) - LOWEST) % 12
    return root, root + 4 - int(chord[12]), root + 7


@lru_cache(maxsize=16)
def _midi(pitch: bytes, onset: bytes, names: tuple[str, ...]) -> bytes:
    steps, at, tune = [np.frombuffer(part, dtype=np.uint8) for part in (pitch, onset)], 0, []
    for row, length in bars.spelled(*steps):
        tune.append((row + bars.LOW, at, length))
        at += length
    chords = [(tone, bars.STEPS * (i + 1), bars.STEPS) for i, name in enumerate(names) for tone in tones(name)]
    return bars.midi([tune, chords], beats_per_minute=BEATS)


def midi(pitch: np.ndarray, onset: np.ndarray, names: tuple[str, ...]) -> bytes:
    """Melody and chords as a MIDI file."""
    return _midi(pitch.astype(np.uint8).tobytes(), onset.astype(np.uint8).tobytes(), names)


@lru_cache(maxsize=8)
def _wav(pitch: bytes, onset: bytes) -> bytes:
    steps = [np.frombuffer(part, dtype=np.uint8) for part in (pitch, onset)]
    return sound([(row + bars.LOW, length / 4) for row, length in bars.spelled(*steps)], beats_per_minute=BEATS)


def wav(pitch: np.ndarray, onset: np.ndarray) -> bytes:
    """The melody as a WAV file."""
    return _wav(pitch.astype(np.uint8).tobytes(), onset.astype(np.uint8).tobytes())


# -- the training ----------------------------------------------------------------------------------------------


def training(which: int) -> Film:
    sets = [
        curves("Leap over the bar line", "semitones", test_leap="64 test bars", true="the true bars"),
        curves("Losses", "nats", d_loss="D", gan="G, −log D(G(z))"),
        curves("Feature matching", "summed squares", feature="features", mean="cells"),
    ]
    true = bars.leaps(*notes.probe()).mean()
    base = roll_base(TRACKS[:1], low=bars.LOW, step_seconds=60 / BEATS / 4)
    return shipped.film(SLUG, added=lambda _: {"true": true}, base={**base, "curve_sets": sets, "curve_log": True},
                        draw=partial(learning, which), numbers=notes.numbers)  # fmt: skip


def learning(which: int, frame: Frame) -> dict[str, Any]:
    s = frame.scalars
    words = (
        f"After {s['batches']:,.0f} batches: eight bars, from the same noise at every step. After 64 test bars the "
        f"melody leaps {s['test_leap']:.1f} semitones on average, the tunes {s['true']:.1f}; "
        f"{100 * s['test_key']:.0f} % of the time is in key."
    )
    roll = rolled(frame.arrays["pitch"][which], frame.arrays["onset"][which])[:1, :, bars.LOW - LOWEST :]
    return {"roll": roll, "caption": words}


# -- take a part away ------------------------------------------------------------------------------------------

DRAWN = 6  # noises to look through


def side_by_side(first: int) -> Film:
    """One frame a noise: the same opening, chords and noise through every network, and the n-gram."""
    names = tuple(SEQUENCES["home"].split())
    kinds = [("midinet", variant) for variant in WORDS] + [("ngram", ""), ("tune", "")]
    said_of = [*WORDS.values(), "an n-gram", "the tune"]
    frames = []
    for seed in range(DRAWN):
        made = [melody(kind, variant, names, first, 1.0, seed) for kind, variant in kinds]
        leaps = {f"leap{i}": float(bars.leaps(pitch[:-1], pitch[1:]).mean()) for i, (pitch, _) in enumerate(made)}
        frames.append(Frame(step=seed, scalars=leaps, arrays={"rolls": np.stack([pictured(*one) for one in made])}))

    def draw(frame: Frame) -> dict[str, Any]:
        words = f"Noise {frame.step + 1} of {DRAWN}. Mean leap over the eight bar lines, in semitones: " + ", ".join(
            f"{name} {frame.scalars[f'leap{i}']:.1f}" for i, name in enumerate(said_of)
        )
        return {"images": frame.arrays["rolls"], "caption": words + ".", "alt": words}

    def table(frame: Frame) -> Blocks:
        rows = [["", "leap"], *([name, f"{frame.scalars[f'leap{i}']:.1f}"] for i, name in enumerate(said_of))]
        return [
            {"math": latex(r"\text{leap} = \vert\text{last pitch} - \text{first pitch}\vert")},
            {"table": rows},
            {"text": "Eight bar lines of one melody say little: the table below is over all test bars."},
        ]

    return Film(frames=frames, base=images_base(columns=1, rows=said_of), draw=draw, numbers=table)


def pictured(pitch: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """Bars (L, 16) as a picture, time twice as wide as pitch is high: (32, 32 L) bytes; notes start dark."""
    paper = np.full((bars.PITCHES, pitch.size), 255, dtype=np.uint8)
    paper[:, :: bars.STEPS] = 215
    steps = np.arange(pitch.size)
    paper[bars.PITCHES - 1 - pitch.ravel().astype(int), steps] = np.where(onset.ravel() > 0, 0, 110)
    return paper.repeat(2, axis=1)


if __name__ == "__main__":
    main()
