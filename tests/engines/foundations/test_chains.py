"""Chains of letters and notes: probabilities by hand, sums of one, sound that can be heard."""

import io
import itertools
import wave

import numpy as np
import pytest

import engines
from engines.foundations.melody import RATE, read, sound, tunes
from engines.foundations.ngram import verse
from engines.maths.chains import count


def test_probabilities_are_the_formula_by_hand():
    """abab a: after "a" came b twice; Witten-Bell with T = 1 over the unigram (3 a, 2 b, T = 2) over a half each."""
    chain = count(["ababa"], order=2)
    assert chain.symbols == ("a", "b")
    a, b = (3 + 2 * 0.5) / 7, (2 + 2 * 0.5) / 7
    assert chain.probabilities("") == pytest.approx([a, b], abs=1e-12)
    assert chain.probabilities("xxa") == pytest.approx([(0 + a) / 3, (2 + b) / 3], abs=1e-12)
    assert chain.probabilities("zz") == pytest.approx([a, b], abs=1e-12)  # never seen: the shorter memory
    assert [chain.remembered(past) for past in ("a", "z")] == [1, 0]


@pytest.mark.parametrize("order", [1, 2, 3, 5, 9])
def test_every_context_seen_or_not_sums_to_one(order):
    engine = engines.create("ngram", order=order)
    text = verse()
    rng = np.random.default_rng(order)
    seen = [text[max(0, i - order) : i] for i in rng.integers(1, len(text), 100)]
    unseen = ["".join(rng.choice(list("abcxyz,QZ"), size=order)) for _ in range(100)]
    for past in [*seen, *unseen, ""]:
        p = engine.chain.probabilities(past)
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert (p > 0).all()


def test_all_texts_of_three_letters_sum_to_one():
    engine = engines.create("ngram", data="abcabcaab", order=3)
    total = np.exp(engine.log_prob(["".join(letters) for letters in itertools.product("abc", repeat=3)])).sum()
    assert total == pytest.approx(1, abs=1e-12)
    assert engine.log_prob(["z"])[0] == -np.inf


def test_a_higher_order_fits_the_verse_better_and_the_text_looks_it():
    cost = []
    for order in (1, 2, 4):
        engine = engines.create("ngram", order=order)
        cost.append(-engine.log_prob([verse()[:300]])[0] / 300)
    assert cost == sorted(cost, reverse=True)
    engine = engines.create("ngram", order=6, n_steps=200)
    while not engine.done:
        engine.step()
    assert sum(word in verse() for word in engine.text.split()) > 0.7 * len(engine.text.split())


def test_tunes_are_read_and_a_melody_keeps_to_their_notes():
    assert len(tunes()) >= 10
    assert read("G4:1.5") == (67, 1.5)
    engine = engines.create("melody", order=2, n_steps=60)
    while not engine.done:
        engine.step()
    known = {note for tune in tunes().values() for note in tune}
    assert set(engine.notes) <= known
    assert engine.frame().arrays["probabilities"].sum() == pytest.approx(1, abs=1e-12)


def test_the_sound_is_a_wav_of_the_right_length_and_pitch():
    raw = sound([(69, 4.0), (60, 2.0)], beats_per_minute=120)
    with wave.open(io.BytesIO(raw)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        levels = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
    assert len(levels) == RATE * 3
    assert np.abs(levels).max() > 20_000
    for part, frequency in ((levels[: 2 * RATE], 440.0), (levels[2 * RATE :], 261.63)):
        spectrum = np.abs(np.fft.rfft(part))
        assert spectrum.argmax() * RATE / len(part) == pytest.approx(frequency, abs=2)


@pytest.mark.parametrize("name", ["ngram", "melody"])
def test_orders_that_cannot_be_are_one_sentence(name):
    with pytest.raises(ValueError, match="order must be at least 1, got 0"):
        engines.create(name, order=0)
    with pytest.raises(ValueError, match="order 99999999 is beyond the data"):
        engines.create(name, order=99_999_999)


def test_nothing_to_learn_from_or_to_play_is_one_sentence():
    with pytest.raises(ValueError, match="the text is empty"):
        engines.create("ngram", data="")
    with pytest.raises(ValueError, match="no note to learn from"):
        engines.create("melody", data=[])
    with pytest.raises(ValueError, match="no note to play"):
        sound([])
    with pytest.raises(ValueError, match="is no note"):
        read("H9:0")
