r"""A Markov chain over notes: a melody drawn note by note, each from what followed the last ones in a few old tunes.

A note is a pitch and a length together, so rhythm and tune are learned at once; the tunes are all in C major. The
probabilities are those of `engines/maths/chains.py`, as for text.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.io import wavfile

from engines import checks
from engines.engine import Engine, Frame
from engines.maths.chains import Chain, count

TUNES = Path(__file__).resolve().parents[2] / "assets" / "learning" / "tunes.json"
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
RATE = 22_050  # samples a second of the sound

Note = tuple[int, float]  # MIDI number of the pitch (60 is middle C), length in beats


@lru_cache(maxsize=1)
def tunes() -> dict[str, tuple[Note, ...]]:
    """The tunes that ship, by name."""
    written = json.loads(TUNES.read_text(encoding="utf-8"))["tunes"]
    return {name: tuple(read(note) for note in notes.split()) for name, notes in written.items()}


def read(note: str) -> Note:
    """ "G4:1.5" -> (67, 1.5); ValueError for anything else."""
    found = re.fullmatch(r"([A-G])([2-6]):(\d+(?:\.\d+)?)", note)
    if not found or not 0 < float(found[3]) <= 16:
        raise ValueError(
            f"{note!r} is no note: write a letter from A to G, an octave from 2 to 6, and beats, as in G4:1.5"
        )
    return 12 * (int(found[2]) + 1) + SEMITONES[found[1]], float(found[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class MelodyConfig:
    order: int = 3  # notes that hang together
    n_steps: int = 48  # notes drawn
    seed: int = 0

    def __post_init__(self) -> None:
        checks.at_least(self, 1, "order", "n_steps")


class Melody(Engine):
    """Draws notes; ``data`` are tunes (sequences of notes), or nothing for those that ship."""

    name: ClassVar[str] = "melody"
    Config: ClassVar[type] = MelodyConfig

    def __init__(
        self, config: MelodyConfig, *, data: Sequence[Sequence[Note]] | None = None, device: str = "cpu"
    ) -> None:
        self.config, self.device = config, device
        self.data = tuple(tunes().values()) if data is None else tuple(tuple(tune) for tune in data)
        if not any(self.data):
            raise ValueError("there is no note to learn from: give at least one tune")
        self.chain: Chain = count(self.data, order=config.order)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.notes: list[Note] = []

    def step(self) -> None:
        """One note."""
        if not self.done:
            p = self.chain.probabilities(self.notes)
            i = int(torch.multinomial(torch.tensor(p), 1, generator=self.generator))
            self.notes.append(self.chain.symbols[i])  # type: ignore[arg-type]

    @property
    def done(self) -> bool:
        return len(self.notes) >= self.config.n_steps

    def frame(self) -> Frame:
        """``notes`` (N, 2): pitch and beats; ``probabilities`` (V,) of the next and ``symbols`` (V, 2)."""
        return Frame(
            step=len(self.notes),
            phase="note" if self.notes else "start",
            scalars={"remembered": self.chain.remembered(self.notes), "beats": sum(beats for _, beats in self.notes)},
            arrays={
                "notes": np.array(self.notes, dtype=np.float64).reshape(-1, 2),
                "probabilities": self.chain.probabilities(self.notes),
                "symbols": np.array(self.chain.symbols, dtype=np.float64),
            },
        )

    def state_dict(self) -> dict[str, Any]:
        notes = torch.tensor(self.notes, dtype=torch.float64).reshape(-1, 2)
        return {"notes": notes, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.notes = [(int(pitch), float(beats)) for pitch, beats in state["notes"]]
        self.generator.set_state(state["generator"])


def sound(notes: Sequence[Note], *, beats_per_minute: float = 132) -> bytes:
    """The notes as a WAV file: 16 bits, one channel, 22,050 samples a second. ValueError where there is no note.

    Every note is a tone with three overtones that dies away, f = 440 * 2^{(pitch - 69) / 12} Hz.
    """
    if not notes:
        raise ValueError("there is no note to play yet: let some be drawn first")
    parts = []
    for pitch, beats in notes:
        n = max(1, round(RATE * beats * 60 / beats_per_minute))
        t = np.arange(n) / RATE
        phase = 2 * math.pi * 440 * 2 ** ((pitch - 69) / 12) * t
        tone = sum(np.sin(k * phase) / k**1.5 for k in (1, 2, 3, 4))
        fade = np.exp(-3 * t) * np.minimum(1, (n - np.arange(n)) / (0.01 * RATE)) * np.minimum(1, t / 0.005)
        parts.append(tone * fade)
    samples = np.concatenate(parts)
    levels = np.rint(0.8 * 32_767 * samples / np.abs(samples).max()).astype("<i2")
    file = io.BytesIO()
    wavfile.write(file, RATE, levels)
    return file.getvalue()
