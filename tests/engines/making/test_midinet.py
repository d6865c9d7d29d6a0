"""MidiNet against losses written out in float64, melodies counted by hand, and MIDI files read back."""

from __future__ import annotations

import io

import mido
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from engines import learning, material
from engines.foundations.melody import sound
from engines.making import bars
from engines.making.midinet import MidiNet, MidiNetConfig, cells, played

DRAW = np.random.default_rng(0)


def drawn(n: int) -> dict[str, np.ndarray]:
    """Bars of noise, as a pack holds them."""
    cond = np.zeros((n, 13), dtype=np.uint8)
    cond[np.arange(n), DRAW.integers(0, 12, n)] = 1
    cond[:, 12] = DRAW.integers(0, 2, n)
    pitches = {key: DRAW.integers(0, 32, (n, 16)).astype(np.uint8) for key in ("pitch", "before")}
    onsets = {key: DRAW.integers(0, 2, (n, 16)).astype(np.uint8) for key in ("onset", "before_onset")}
    return {**pitches, **onsets, "cond": cond, "tune": np.arange(n) // 8}


def tiny(n: int = 32, **settings) -> MidiNet:
    config = {"channels": 2, "latent_dim": 4, "batch_size": 8, "n_steps": 20, "seed": 0, **settings}
    return MidiNet(MidiNetConfig(**config), data=material.Bars(drawn(n)), device="cpu")


def in_float64(engine: MidiNet):
    """The engine's networks and one batch in float64: x, bars that G made, the bars before, chords."""
    engine.network.double()
    rows = engine.data.batch(0, 8, 0)
    x, before = cells(rows["pitch"], rows["onset"]).double(), engine.before(rows).double()
    chord = rows["cond"].double()
    z = torch.randn(8, 4, generator=learning.stream(0, 1)).double()
    return x, engine.network["G"].train()(z, before, chord), before, chord


def gradients(loss, network):
    return torch.autograd.grad(loss, list(network.parameters()))


def test_ds_loss_and_gradient_are_the_written_out_ones():
    engine = tiny(r1_weight=0.7)
    x, made, before, chord = in_float64(engine)
    D = engine.network["D"]
    loss, said = engine.loss_of_d(x, made.detach(), before, chord)

    two = torch.cat([before, x], dim=2).requires_grad_()  # the bar before, then the bar
    real, fake = D(two, chord)[0], D(torch.cat([before, made.detach()], dim=2), chord)[0]
    (slope,) = torch.autograd.grad(real.sum(), two, create_graph=True)
    r1 = (slope**2).sum() / 8 / 2
    expected = -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean() + 0.7 * r1
    assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    assert_close(said["r1"], r1, atol=1e-12, rtol=1e-12)
    for a, b in zip(gradients(loss, D), gradients(expected, D), strict=True):
        assert_close(a, b, atol=1e-12, rtol=1e-10)


def test_gs_loss_and_gradient_are_the_written_out_ones():
    engine = tiny(mean_weight=0.3, feature_weight=0.6)
    x, made, before, chord = in_float64(engine)
    G, D = engine.network["G"], engine.network["D"]
    loss, _ = engine.loss_of_g(x, made, before, chord)

    fake, f_made = D(torch.cat([before, made], dim=2), chord)
    w, b = D.first[0].weight, D.first[0].bias
    f_true = F.leaky_relu(F.conv1d(torch.cat([before, x], dim=2), w, b, stride=2, padding=1), 0.2)
    mean = sum((x.mean(dim=0) - made.mean(dim=0)).flatten() ** 2) / 2
    feature = sum((f_true.mean(dim=0) - f_made.mean(dim=0)).flatten() ** 2) / 2
    expected = -torch.log(torch.sigmoid(fake)).mean() + 0.3 * mean + 0.6 * feature
    assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    loss = engine.loss_of_g(x, made, before, chord)[0]
    for a, b in zip(torch.autograd.grad(loss, list(G.parameters()), retain_graph=True), gradients(expected, G),
                    strict=True):  # fmt: skip
        assert_close(a, b, atol=1e-12, rtol=1e-10)


def test_a_step_is_adams_on_both_and_the_average_follows():
    ours, theirs = tiny(average=0.75), tiny(average=0.75)
    theirs.data = ours.data
    start = {key: value.clone() for key, value in ours.network["G"].state_dict().items()}
    ours.step()
    rows = ours.data.batch(0, 8, 0)
    theirs.network.train()
    x, before, chord = cells(rows["pitch"], rows["onset"]), theirs.before(rows), rows["cond"].float()
    made = theirs.network["G"](torch.randn(8, 4, generator=theirs.rng), before, chord)
    adams = {key: torch.optim.Adam(theirs.network[key].parameters(), lr=5e-4, betas=(0.5, 0.999)) for key in "GD"}
    theirs.loss_of_d(x, made.detach(), before, chord)[0].backward()
    adams["D"].step()
    adams["G"].zero_grad()
    theirs.loss_of_g(x, made, before, chord)[0].backward()
    adams["G"].step()
    for key in "GD":
        for (name, a), b in zip(ours.network[key].named_parameters(), theirs.network[key].parameters(), strict=True):
            # A bias before a batch norm has no gradient but rounding, which Adam would blow up to a whole step.
            none = b.grad is not None and float(b.grad.abs().max()) < 1e-6
            assert_close(a, b, atol=2 * 5e-4 if none else 2e-6, rtol=1e-5, msg=f"{key}.{name}")
    for key, mean in ours.network["mean"].state_dict().items():
        if mean.is_floating_point():
            assert_close(mean, 0.75 * start[key] + 0.25 * ours.network["G"].state_dict()[key], atol=1e-7, rtol=1e-6)


def reach(engine: MidiNet) -> np.ndarray:
    """Which steps of the bar before each step that G makes depends on: (16 made, 16 before)."""
    G = engine.network["G"].eval().double()
    before = torch.rand(1, 33, 16, generator=learning.stream(0, 1), dtype=torch.float64).requires_grad_()
    made = G(torch.zeros(1, 4).double(), before, torch.zeros(1, 13).double())
    slopes = [torch.autograd.grad(made[0, :, t].sum(), before, retain_graph=True)[0] for t in range(16)]
    return np.array([slope[0].abs().sum(dim=0).numpy() > 0 for slope in slopes])


def test_without_the_joined_map_the_first_half_never_sees_the_end_of_the_bar_before():
    halves = reach(tiny(joined=False, channels=8))
    expected = np.kron(np.eye(2), np.ones((8, 8))) > 0  # each half of the bar sees its own half of the bar before
    assert np.array_equal(halves, expected)
    assert reach(tiny(channels=8)).all()


def test_only_where_it_is_shown_does_the_bar_before_matter():
    rows = drawn(8)
    other = cells(rows["before"], rows["before_onset"]).flip(0)
    for settings, sees in (({}, True), ({"previous": False, "joined": False}, False)):
        engine = tiny(**settings)
        z, chord = torch.randn(8, 4, generator=learning.stream(0, 1)), torch.tensor(rows["cond"]).float()
        G = engine.network["mean"].eval()
        own = cells(rows["before"], rows["before_onset"])
        assert torch.equal(G(z, own, chord), G(z, other, chord)) != sees
        assert_close(G(z, own, chord, other, 0.0), G(z, other, chord))
        assert_close(G(z, own, chord, other, 1.0), G(z, own, chord), atol=1e-6, rtol=1e-5)


def test_cells_are_played_as_they_were_written():
    rows = drawn(20)
    pitch, onset = played(cells(rows["pitch"], rows["onset"]))
    assert np.array_equal(pitch, rows["pitch"])
    changes = np.ones((20, 16), dtype=bool)
    changes[:, 1:] = rows["pitch"][:, 1:] != rows["pitch"][:, :-1]
    assert np.array_equal(onset.numpy() > 0, (rows["onset"] > 0) | changes)


def test_a_composition_follows_bar_by_bar():
    engine = tiny()
    rows = drawn(2)
    chords = np.stack([drawn(3)["cond"]] * 2)
    pitch, onset = engine.compose(
        rows["before"], rows["before_onset"], chords, generator=torch.Generator().manual_seed(3)
    )
    assert pitch.shape == onset.shape == (2, 3, 16)
    draw = torch.Generator().manual_seed(3)
    last = rows["before"], rows["before_onset"]
    for i in range(3):
        last = engine.follow(cells(*last), chords[:, i], torch.randn(2, 4, generator=draw))
        assert np.array_equal(last[0], pitch[:, i])
        assert np.array_equal(last[1], onset[:, i])


# -- bars ------------------------------------------------------------------------------------------------------

SCALE = np.array([[5, 5, 7, 7, 9, 9, 10, 10, 12, 12, 12, 12, 12, 12, 13, 13]])  # C D E F G..., then G sharp
STARTS = np.array([[1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]])


def test_measures_are_counts():
    c_major, c_minor = np.zeros((1, 13)), np.zeros((1, 13))
    c_major[0, 0] = c_minor[0, 0] = c_minor[0, 12] = 1
    assert bars.spelled(SCALE[0], STARTS[0]) == [(5, 2), (7, 2), (9, 2), (10, 2), (12, 2), (12, 2), (12, 2), (13, 2)]
    assert bars.in_key(SCALE) == pytest.approx([14 / 16])
    assert bars.on_chord(SCALE, c_major) == pytest.approx([10 / 16])  # C, E and G
    assert bars.on_chord(SCALE, c_minor) == pytest.approx([8 / 16])  # C and G; E flat is not there
    assert bars.repeats(SCALE, STARTS).tolist() == [[2, 7]]
    assert bars.leaps(SCALE, SCALE) == pytest.approx([8])
    pairs = bars.by_tune(np.array([1.0, 2.0, 6.0]), np.array([4, 4, 9]))
    assert pairs.tolist() == [[3, 2], [6, 1]]
    assert bars.ratio(pairs) == pytest.approx(3)


def test_the_chain_goes_on_with_what_followed():
    """Two bars that follow each other in turn: the chain of order 3 can only go on with the other."""
    a, b = np.repeat([0, 4, 7, 9], 4), np.repeat([12, 11, 7, 5], 4)
    starts = np.tile([1, 0, 0, 0], 4)
    rows = {"pitch": np.array([b, a] * 50), "before": np.array([a, b] * 50), "onset": np.array([starts] * 100),
            "before_onset": np.array([starts] * 100)}  # fmt: skip
    chain = bars.chain_of(rows)
    follows = [bars.continued(chain, a, starts, np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean([np.array_equal(pitch, b) for pitch, _ in follows]) > 0.8  # smoothing leaves a little to chance
    long = bars.chain_of({key: np.zeros((4, 16), dtype=int) for key in rows}, order=1)
    pitch, onset = bars.continued(long, np.zeros(16, int), np.zeros(16, int), np.random.default_rng(0))
    assert (pitch.tolist(), onset.tolist()) == ([0] * 16, [1] + [0] * 15)  # a note of 32 steps is cut


def test_a_midi_file_is_read_back_as_it_was_written():
    melody = [(60, 0, 2), (60, 2, 2), (64, 4, 4), (67, 8, 8)]
    chords = [(48, 0, 16), (52, 0, 16)]
    file = mido.MidiFile(file=io.BytesIO(bars.midi([melody, chords], beats_per_minute=90)))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 3)
    assert file.length == pytest.approx(4 * 60 / 90)  # a bar of four beats
    for track, notes in zip(file.tracks[1:], (melody, chords), strict=True):
        now, held, found = 0, {}, []
        for message in track:
            now += message.time
            if message.type == "note_on":
                held[message.note] = now
            elif message.type == "note_off":
                start = held.pop(message.note)
                found.append((message.note, start // 120, (now - start) // 120))
        assert sorted(found) == sorted(notes)
        assert not held
        assert now == 16 * 120


def test_evaluation_has_its_scale_and_chance_is_chance():
    engine = tiny(n=80)
    metrics = engine.evaluate(engine.data.test)
    assert metrics["leap_true"] == pytest.approx(metrics["leap_chance"], rel=0.3)  # bars of noise
    for key in ("leap", "gain", "key", "chord", "repeated", "notes", "leap_ngram", "key_true", "chord_shuffled"):
        assert metrics[f"{key}_low"] <= metrics[key] <= metrics[f"{key}_high"], key
    assert metrics["key_true"] == pytest.approx(bars.KEY.mean(), abs=0.05)
    assert metrics["gain"] == pytest.approx(metrics["leap_shuffled"] - metrics["leap"], abs=1e-9)
    assert 0 < metrics["distinct"] <= metrics["distinct_true"] == 1


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="joined needs previous"):
        tiny(previous=False)
    with pytest.raises(ValueError, match=r"average must be from 0 to 0\.9999, got 1"):
        tiny(average=1.0)


def test_sound_of_a_bar_lasts_as_long_as_it_says():
    notes = [(row + bars.LOW, length / 4) for row, length in bars.spelled(SCALE[0], STARTS[0])]
    assert len(sound(notes, beats_per_minute=120)) == pytest.approx(44 + 2 * 22_050 * 2, abs=64)
