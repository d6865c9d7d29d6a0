"""MidiNet's page: what it draws, sounds and says is what the networks made, and what ships is measured again."""

from __future__ import annotations

import io
import wave

import mido
import numpy as np
import pytest
import torch

import engines
from engines import checkpoints, learning
from engines.data import zoo
from engines.making import bars
from engines.making.midinet import VARIANTS, cells
from engines.material import Bars
from pages.making import midinet, midinet_notes
from pages.ui import shipped
from tests.pages.app import opened, said

pytestmark = pytest.mark.usefixtures("alone")

HOME = tuple(midinet.SEQUENCES["home"].split())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_card_is_found_again(variant):
    """All test bars once more; the weights that ship are rounded to half precision, so a note may differ."""
    model = engines.pretrained("midinet", variant)
    card = checkpoints.read(checkpoints.folder("midinet", variant)).card
    test = Bars.load("tunes").test
    assert card["data"]["n_test"] == len(test["pitch"]) == 2221
    assert card["steps"] == model.config.n_steps
    z = torch.randn(2221, model.config.latent_dim, generator=learning.stream(model.config.seed, 2))
    made = model.follow(model.before(test), test["cond"].numpy(), z)
    found = bars.measured(*made, test)
    for key, off in (("leap", 0.05), ("key", 0.005), ("chord", 0.01), ("repeated", 0.01), ("notes", 0.1)):
        for end in ("", "_low", "_high"):
            assert found[key + end] == pytest.approx(card["metrics"][f"test_{key}{end}"], abs=off), key + end
    true = bars.measured(test["pitch"], test["onset"], test, "_true")
    assert true["leap_true_high"] == pytest.approx(card["metrics"]["test_leap_true_high"], abs=1e-9)


def test_what_is_shuffled_does_not_join():
    """The signature: shown the bar before, G leaps less than shown another tune's bar, and more than the tunes do."""
    m = midinet_notes.card_of("")
    assert m["test_gain_low"] > 0.5
    assert m["test_leap_true"] < m["test_leap"] < m["test_leap_shuffled"]
    assert m["test_leap_high"] < midinet_notes.card_of("paper")["test_leap_low"]
    assert m["test_chord_low"] > m["test_chord_shuffled_high"]
    assert m["test_key"] == pytest.approx(m["test_key_true"], abs=0.03)
    without = midinet_notes.card_of("no-previous")
    assert without["test_gain"] == 0  # it sees no bar before, whichever it is shown


def test_a_chord_is_the_papers_thirteen_numbers():
    assert np.flatnonzero(midinet.vector("C")).tolist() == [0]
    assert np.flatnonzero(midinet.vector("Am")).tolist() == [9, 12]
    assert np.flatnonzero(midinet.vector("Bb")).tolist() == [10]
    assert [tone % 12 for tone in midinet.tones("Dm")] == [2, 5, 9]
    of = midinet_notes.openings()
    assert len(of["pitch"]) == len(of["chords"]) == 100
    assert all(name.removesuffix("m") in midinet.ROOTS for row in of["chords"] for name in row)
    for row, names in zip(of["pitch"][:20], of["chords"], strict=False):
        vectors = np.stack([midinet.vector(name) for name in names])
        assert bars.on_chord(row[1:], vectors).mean() > 0.3  # they were estimated from these bars


def test_the_chords_said_to_be_rare_are():
    pack = zoo.load("tunes")
    names = np.array(pack.text("info")["chord_names"])[pack["chord"][pack.rows("train")]]
    shares = {name: (names == name).mean() for name in midinet.CHORDS}
    assert max(shares["D"], shares["E"]) < 0.01 < min(share for name, share in shares.items() if name not in "DE")


def test_the_roll_holds_the_notes_that_were_made():
    pitch, onset = midinet.melody("midinet", "", HOME, 4, 1.0, 0)
    assert pitch.shape == onset.shape == (9, 16)
    of = midinet_notes.openings()
    assert np.array_equal(pitch[0], of["pitch"][4, 0])
    roll = midinet.rolled(pitch, onset, HOME)
    assert roll.shape == (2, 144, 42)
    sounding = roll[0].argmax(axis=1) - (bars.LOW - midinet.LOWEST)
    assert np.array_equal(sounding, pitch.ravel())
    assert ((roll[0] > 0).sum(axis=1) == 1).all()
    loud = roll[0].max(axis=1).astype(int)
    starts = np.flatnonzero(np.diff(sounding) | np.diff(loud)) + 1
    assert len(starts) + 1 == len(bars.spelled(pitch.ravel(), onset.ravel()))  # repeated notes stay apart
    assert not roll[1, :16].any()
    assert ((roll[1, 16:] > 0).sum(axis=1) == 3).all()
    assert not midinet.rolled(pitch, onset, HOME, upto=3)[:, 48:].any()


def test_the_bar_before_steers_as_it_is_told():
    made = {steer: midinet.melody("midinet", "", HOME, 4, steer, 0)[0] for steer in (0.0, 1.0)}
    shuffled, _ = midinet.melody("shuffled", "", HOME, 4, 1.0, 0)
    assert np.array_equal(made[0.0], shuffled)
    assert not np.array_equal(made[1.0], shuffled)
    again, _ = midinet.melody("midinet", "", HOME, 4, 1.0, 1)
    assert not np.array_equal(made[1.0], again)
    ngram, _ = midinet.melody("ngram", "", HOME, 4, 1.0, 0)
    tune, _ = midinet.melody("tune", "", HOME, 4, 1.0, 0)
    assert np.array_equal(tune, midinet_notes.openings()["pitch"][4])
    assert np.array_equal(ngram[0], tune[0])


def test_what_is_said_is_measured_on_the_melody_shown():
    film = midinet.composition("midinet", "", HOME, 4, 1.0, 0)
    pitch, _ = midinet.melody("midinet", "", HOME, 4, 1.0, 0)
    assert [frame.step for frame in film.frames] == list(range(9))
    last = film.frames[-1]
    apart = np.abs(pitch[1:, 0].astype(int) - pitch[:-1, -1].astype(int))
    assert last.scalars["leap"] == pytest.approx(apart.mean())
    assert f"{apart.mean():.1f} semitones" in film.draw(last)["caption"]
    rows = next(block["table"] for block in film.numbers(last) if "table" in block)
    assert [row[2] for row in rows[1:9]] == [str(leap) for leap in apart]


def test_files_hold_the_melody():
    pitch, onset = midinet.melody("midinet", "", HOME, 4, 1.0, 0)
    notes = bars.spelled(pitch.ravel(), onset.ravel())
    file = mido.MidiFile(file=io.BytesIO(midinet.midi(pitch, onset, HOME)))
    played = [message.note for message in file.tracks[1] if message.type == "note_on"]
    assert played == [row + 55 for row, _ in notes]
    assert sum(message.type == "note_on" for message in file.tracks[2]) == 24
    assert file.length == pytest.approx(9 * 4 * 60 / midinet.BEATS)
    with wave.open(io.BytesIO(midinet.wav(pitch, onset))) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(9 * 4 * 60 / midinet.BEATS, abs=0.05)


def test_the_half_that_is_said_to_see_nothing_sees_nothing():
    assert midinet_notes.changed("paper")[0] == 0
    assert midinet_notes.changed("paper")[1] > 0
    assert midinet_notes.changed("")[0] > 0


def test_the_recording_begins_untrained_and_ends_as_the_card_says():
    frames = shipped.frames("midinet")
    film = midinet.training(0)
    before, true = midinet_notes.probe()
    assert film.frames[-1].scalars["true"] == pytest.approx(bars.leaps(before, true).mean())
    model = engines.pretrained("midinet")
    assert frames[-1].scalars["batches"] == model.config.n_steps
    assert frames[-1].scalars["test_leap"] < frames[0].scalars["test_leap"]
    roll = film.draw(film.frames[-1])["roll"]
    assert roll.shape == (1, 128, 32)
    assert np.array_equal(roll[0].argmax(axis=1), frames[-1].arrays["pitch"][0].ravel())


def test_own_chords_are_asked_for_and_played():
    at = opened(midinet.entry("midinet").file, chords="own", c1="Am", c8="E")
    assert said(at) == []
    assert at.session_state["midinet:c1"] == "Am"
    captions = " ".join(element.value for element in at.caption)
    assert "Am C F C G G C E" in captions


def test_every_network_composes_from_the_same_noise():
    z = torch.zeros(1, 100)
    of = midinet_notes.openings()
    for variant in VARIANTS:
        pitch, onset = midinet_notes.model(variant).follow(
            cells(of["pitch"][:1, 0], of["onset"][:1, 0]), np.stack([midinet.vector("C")]), z
        )
        assert pitch.shape == onset.shape == (1, 16)
        assert pitch.max() < 32
