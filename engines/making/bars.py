r"""Bars of a melody: sixteen steps of one voice, as notes, as a chain of notes, as a MIDI file; and what is measured.

A bar is two rows of 16 numbers: the row of the pitch that sounds at each step (0..31, MIDI 55..86) and 1 where a note
starts. The chain beside MidiNet is the course's own n-gram (`engines/maths/chains.py`): a symbol is a note, that is a
pitch and a length in steps; it is told the bar before, as MidiNet is, but no chord and not where in the bar it is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engines.maths.chains import Chain, count
from engines.maths.intervals import named

PITCHES, STEPS, LOW = 32, 16, 55  # rows, steps of a bar, the MIDI number of row 0 (G3)
KEY = np.isin((np.arange(PITCHES) + LOW) % 12, [0, 2, 4, 5, 7, 9, 11])  # the white keys: C major and A minor
ORDER = 3  # notes of the chain that hang together
TICKS = 120  # of a MIDI file, a step: 480 a beat

Note = tuple[int, int]  # row of the pitch, length in steps


def spelled(pitch: np.ndarray, onset: np.ndarray) -> list[Note]:
    """Steps (T,) and where notes start (T,) as notes. The first step begins one."""
    starts = np.flatnonzero((onset != 0) | (np.arange(len(pitch)) == 0))
    return [(int(pitch[a]), int(b - a)) for a, b in zip(starts, [*starts[1:], len(pitch)], strict=True)]


# -- a chain of notes ------------------------------------------------------------------------------------------


def chain_of(rows: Mapping[str, Any], order: int = ORDER) -> Chain:
    """The n-gram of every bar with the bar before it: ``pitch``, ``onset``, ``before``, ``before_onset`` (N, 16)."""
    pitch = np.concatenate([np.asarray(rows["before"]), np.asarray(rows["pitch"])], axis=1)
    onset = np.concatenate([np.asarray(rows["before_onset"]), np.asarray(rows["onset"])], axis=1)
    return count([spelled(p, o) for p, o in zip(pitch, onset, strict=True)], order=order)


def continued(chain: Chain, pitch: np.ndarray, onset: np.ndarray, draw: np.random.Generator) -> tuple[Any, Any]:
    """The bar that the chain draws after a bar (16,), (16,): its pitches and onsets. A note too long is cut."""
    past = spelled(pitch, onset)
    rows, starts = np.zeros(STEPS, dtype=np.uint8), np.zeros(STEPS, dtype=np.uint8)
    at = 0
    while at < STEPS:
        p = chain.probabilities(past)
        note: Any = chain.symbols[draw.choice(len(p), p=p)]
        row, length = note
        rows[at : at + length], starts[at] = row, 1
        past.append(note)
        at += length
    return rows, starts


def drawn_after(train: Mapping[str, Any], test: Mapping[str, Any], *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What the chain of the training bars draws after each test bar's bar before: pitches and onsets (N, 16)."""
    chain, draw = chain_of(train), np.random.default_rng(seed)
    pairs = zip(np.asarray(test["before"]), np.asarray(test["before_onset"]), strict=True)
    drawn = [continued(chain, *pair, draw) for pair in pairs]
    return np.stack([pitch for pitch, _ in drawn]), np.stack([onset for _, onset in drawn])


# -- measures --------------------------------------------------------------------------------------------------


def leaps(before: Any, after: Any) -> np.ndarray:
    """Semitones from the last pitch of one bar (N, 16) to the first of the next (N, 16): (N,)."""
    return np.abs(np.asarray(before)[:, -1].astype(float) - np.asarray(after)[:, 0].astype(float))


def in_key(pitch: Any) -> np.ndarray:
    """The share of each bar's steps that sound in C major: (N, 16) -> (N,)."""
    return KEY[np.asarray(pitch)].mean(axis=1)


def on_chord(pitch: Any, cond: Any) -> np.ndarray:
    """The share of each bar's steps that sound a tone of its chord: (N, 16) and 13 numbers (N, 13) -> (N,)."""
    pitch, cond = np.asarray(pitch).astype(int), np.asarray(cond).astype(int)
    above = (pitch + LOW - cond[:, :12].argmax(axis=1)[:, None]) % 12  # the root
    third = 4 - cond[:, 12:]  # 3 where it is minor
    return ((above == 0) | (above == third) | (above == 7)).mean(axis=1)


def repeats(pitch: Any, onset: Any) -> np.ndarray:
    """Of each bar's notes that follow one in it: how many have its pitch, and how many there are: (N, 2)."""
    pitch, starts = np.asarray(pitch), np.asarray(onset)[:, 1:] != 0
    same = pitch[:, 1:] == pitch[:, :-1]
    return np.stack([(same & starts).sum(axis=1), starts.sum(axis=1)], axis=1)


def over(name: str, values: np.ndarray, tune: Any) -> dict[str, float]:
    """The mean of what was measured on bars, (N,) or sums and counts (N, 2), with its 95 % interval. Bars of one tune
    depend on each other, so the interval is drawn over tunes."""
    return named(name, by_tune(values, tune), ratio)


def by_tune(values: np.ndarray, tune: Any) -> np.ndarray:
    """Sums and counts a tune: (N,) or (N, 2) -> (T, 2)."""
    pairs = values if values.ndim == 2 else np.stack([values, np.ones(len(values))], axis=1)
    _, which = np.unique(np.asarray(tune), return_inverse=True)
    return np.stack([np.bincount(which, weights=column) for column in pairs.T], axis=1)


def ratio(pairs: np.ndarray) -> float:
    """The mean over all bars of sums and counts (T, 2)."""
    total, n = pairs.sum(axis=0)
    return float(total / n)


def measured(pitch: Any, onset: Any, rows: Mapping[str, Any], end: str = "") -> dict[str, float]:
    """Of bars (N, 16) that follow ``rows``'s bars before, to their chords, with intervals: ``leap``, ``key``,
    ``chord``, ``repeated``, ``notes`` a bar; and ``distinct``, the share of bars left when each is counted once."""
    kinds = {"leap": leaps(rows["before"], pitch), "key": in_key(pitch), "chord": on_chord(pitch, rows["cond"]),
             "repeated": repeats(pitch, onset), "notes": np.asarray(onset).sum(axis=1)}  # fmt: skip
    result: dict[str, float] = {}
    for name, values in kinds.items():
        result |= over(f"{name}{end}", values, rows["tune"])
    whole = np.concatenate([pitch, onset], axis=1)
    return result | {f"distinct{end}": len(np.unique(whole, axis=0)) / len(whole)}


# -- files -----------------------------------------------------------------------------------------------------


def midi(tracks: Sequence[Sequence[tuple[int, int, int]]], *, beats_per_minute: float = 120) -> bytes:
    """A MIDI file (format 1): notes (MIDI number, first step, length in steps) a track, after one with the tempo."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=4 * TICKS)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_per_minute))]))
    for channel, notes in enumerate(tracks):
        # At one tick what ends goes before what starts, or a repeated note would be cut at once.
        events = sorted(
            event
            for number, start, length in notes
            for event in ((start * TICKS, 1, number), ((start + length) * TICKS, 0, number))
        )
        track, now = mido.MidiTrack(), 0
        for tick, on, number in events:
            kind = "note_on" if on else "note_off"
            track.append(mido.Message(kind, channel=channel, note=number, velocity=80, time=tick - now))
            now = tick
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()
