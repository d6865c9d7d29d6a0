"""The autoencoders' pages as Streamlit runs them: their numbers are the engines', their controls do what they say."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from engines import checkpoints
from pages.autoencoders import (
    autoencoder,
    autoencoder_notes,
    autoencoder_pictures,
    elbo,
    elbo_notes,
    elbo_pictures,
    gaussians,
    latent,
    vae,
    vae_notes,
    vae_pictures,
)
from pages.catalogue import PAGES
from pages.ui import board, live, sheets, shipped
from pages.ui.maths import added, close
from pages.ui.settings import Real
from pages.ui.wire import pack
from tests.pages.app import on_stage, opened, press, said, sound, value

pytestmark = pytest.mark.usefixtures("alone")

VAE, ELBO, AUTOENCODER = (PAGES / "autoencoders" / f"{name}.py" for name in ("vae", "elbo", "autoencoder"))


def metrics(name: str, variant: str) -> dict[str, float]:
    return dict(checkpoints.read(checkpoints.folder(name, variant)).card["metrics"])


def choose(at: Any, key: str, wanted: Any) -> Any:
    widgets = (*at.selectbox, *at.slider, *at.select_slider, *at.number_input, *at.button_group)
    box = next(w for w in widgets if w.key.endswith(f":{key}"))
    return sound(box.set_value(wanted).run())


# -- /vae ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["mnist", "fashion", "mnist-20", "mnist-32"])
def test_every_model_opens_with_codes_that_its_encoder_gives(model):
    at = opened(VAE, model=model)
    assert said(at) == []
    variant, name, _ = vae.MODELS[model]
    found, nats = vae.codes_of(variant or "default", name)
    engine = latent.model(variant or "default")
    assert found.shape == (1000, engine.config.latent_dim)
    assert nats.shape == (engine.config.latent_dim,)
    assert nats.min() >= 0


def test_a_model_of_ones_own_is_asked_for_and_then_there():
    at = opened(VAE, model="mine")
    assert "No model has learned in this visit yet" in at.info[0].value
    at = opened(VAE, view="train", dims="3", width="32")
    record = on_stage(at, "vae:run")
    record.run.step()
    record.run.wait(20)
    at = choose(at, "view", "explore")
    at = choose(at, "model", "mine")
    assert said(at) == []
    token = at.session_state["vae:run"]["token"]
    assert latent.model(token).config.latent_dim == 3
    status = latent.decode(token, {"z": [[0.0, 0.0, 0.0]]})
    assert status["images"].shape == (1, 784)


def test_beta_and_the_learning_rate_change_the_run_as_it_goes():
    at = opened(VAE, view="train", width="32")
    token = at.session_state["vae:run"]["token"]
    at = choose(at, "beta", "4")
    at = choose(at, "rate", "1e-4")
    assert at.session_state["vae:run"]["token"] == token
    config = on_stage(at, "vae:run").run.engine.config
    assert (config.beta, config.learning_rate) == (4.0, 1e-4)
    at = choose(at, "dims", 5)
    assert at.session_state["vae:run"]["token"] != token


def test_a_fork_keeps_the_past_and_changes_one_thing():
    at = opened(VAE, view="train", width="32")
    record = on_stage(at, "vae:run")
    for _ in range(2):
        record.run.step()
        record.run.wait(20)
    at.session_state["vae:fork-at"] = 1
    sound(at.run())
    choose(at, "fork:Beta", "8")
    press(at, "Branch")
    fork = on_stage(at, "vae:rival").run
    assert fork.engine.config.beta == 8
    np.testing.assert_array_equal(fork.history.at(1).arrays["means"], record.run.history.at(1).arrays["means"])


def test_the_film_is_the_recorded_training():
    at = opened(VAE, view="film")
    run = on_stage(at, "vae-film:run").run
    frames = shipped.frames("vae")
    assert [f.step for f in run.history.after(-1)] == [f.step for f in frames]
    assert len(frames) >= 38
    picture = vae_pictures.picture(frames[-1], 2)
    s = frames[-1].scalars
    assert f"= {-s['elbo']:.1f}" in picture["caption"]
    assert picture["scalars"]["negative_elbo"] == pytest.approx(s["reconstruction"] + s["kl"], abs=1e-4)
    json.loads(pack(picture))


def test_questions_are_checked_against_the_frames():
    frames = list(shipped.frames("vae"))
    larger, moves, bound = vae_notes.questions(lambda: frames)
    assert larger.check("reconstruction")[0]
    assert not larger.check("KL")[0]
    kl = [frame.scalars["kl"] for frame in frames if "kl" in frame.scalars]
    assert moves.check("no")[0] is any(b < a for a, b in pairwise(kl))
    assert moves.check("yes")[0] is not moves.check("no")[0]
    rising = [frame for frame in frames if frame.scalars.get("kl") in np.maximum.accumulate(kl)]
    assert vae_notes.questions(lambda: rising)[1].check("yes")[0]  # judged by every step, not by the two ends
    nats = -frames[-1].scalars["elbo"]
    assert bound.check(round(nats))[0]
    assert bound.check(nats)[0]
    assert not bound.check(round(nats) + 1)[0]
    assert not bound.check(round(nats) - 1)[0]
    for question, answer in zip(vae_notes.questions(list), ("KL", "no", 100), strict=True):
        with pytest.raises(ValueError, match="no step with figures yet"):  # said as it is, not as a wrong answer
            question.check(answer)


@pytest.mark.parametrize(
    ("page", "query", "said_of_it"),
    [
        (VAE, {"dims": "1"}, "dims is 1; it goes from 2 to 50"),
        (VAE, {"model": "gan"}, "model has no value `gan`"),
        (VAE, {"beta": "-3"}, "beta has no value `-3`"),
        (ELBO, {"mq": "nan"}, "mq is `nan`; it must be a number from -5 to 5"),
        (ELBO, {"sq": "0"}, "sq is 0; it goes from 0.2 to 3"),
        (ELBO, {"sq": "wide"}, "sq is `wide`; it must be a number from 0.2 to 3"),
        (ELBO, {"row": "1000"}, "row is 1000; it goes from 0 to 999"),
        (ELBO, {"scene": "nowhere"}, "There is no scene called `nowhere`"),
        (AUTOENCODER, {"code": "784"}, "code is 784; it goes from 1 to 300"),
        (AUTOENCODER, {"colour": "red"}, "The address sets `colour`, which this page does not know"),
    ],
)
def test_a_wrong_address_is_one_sentence(page, query, said_of_it):
    assert any(said_of_it in sentence for sentence in said(opened(page, **query)))


# -- /elbo -----------------------------------------------------------------------------------------------


def test_the_sweep_shows_the_figures_of_the_cards():
    for frame, beta in zip(elbo.sweep_frames(), elbo.BETAS, strict=True):
        card = metrics("vae", f"beta-{beta}")
        assert frame.scalars["beta"] == float(beta)
        for key in ("kl", "reconstruction", "elbo", "nll", "used_dimensions"):
            assert frame.scalars[key] == card[f"test_{key}"]
        assert frame.scalars["kl"] + frame.scalars["reconstruction"] == pytest.approx(-frame.scalars["elbo"], abs=1e-4)
        shown = elbo_pictures.sweep_picture(frame)
        assert (
            f"rate {card['test_kl']:.1f} ({card['test_kl_low']:.1f} to {card['test_kl_high']:.1f})" in shown["caption"]
        )
        assert f"−ELBO {-card['test_elbo']:.1f} ({-card['test_elbo_high']:.1f} to" in shown["caption"]
        for row in next(block["table"] for block in elbo_pictures.sweep_numbers(frame) if "table" in block)[1:]:
            assert re.fullmatch(r"\d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)", row[1]), row
        json.loads(pack(shown))


def test_the_bars_of_the_sweep_agree_with_the_cards():
    for frame in elbo.sweep_frames():
        assert frame.arrays["kl"].sum() == pytest.approx(frame.scalars["kl"], rel=0.1)  # 500 images against 10,000


@pytest.mark.parametrize("model", list(elbo.MODELS))
def test_the_shown_parts_of_one_images_bound_sum_to_the_shown_total(model):
    for row in (0, 7, 33):
        frames = elbo.image_frames(model, row, None, seed=1)
        assert frames[-1].scalars["elbo"] <= frames[-1].scalars["bound"]
        blocks = elbo_pictures.image_numbers(frames[-1])
        text = next(block["text"] for block in blocks if "pixels sum to" in block.get("text", ""))
        pixels = float(re.search(r"sum to (-?[0-9.]+);", text)[1])
        total_kl = float(next(b["table"] for b in blocks if "table" in b)[-1][1])
        s = frames[-1].scalars
        assert pixels == pytest.approx(s["reconstruction"], abs=1e-4)
        assert pixels - total_kl == pytest.approx(s["elbo"], abs=2e-4)  # two figures rounded at the fourth place
        heat = elbo_pictures.image_base(frames)["traces"][0]["z"]
        assert heat.astype(float).sum() == pytest.approx(s["elbo"] + s["kl"], abs=1e-3)


@pytest.fixture
def drawn(monkeypatch) -> np.ndarray:
    """A stroke that the viewer has put on the drawing board."""
    stroke = np.zeros((28, 28))
    stroke[6:22, 13:15] = 1
    monkeypatch.setattr(board, "show", lambda *_args, **_more: stroke)
    return stroke


def test_a_drawing_takes_the_place_of_the_test_image(drawn):
    at = opened(ELBO, view="image")
    seen = on_stage(at, "elbo:run").run.history.at(0)
    np.testing.assert_array_equal(seen.arrays["seen"].reshape(28, 28), drawn)


def test_the_collapsed_model_was_warmed_up_too_and_gives_images_much_alike():
    """What the scene says of the model on the stage."""
    kept = {}
    for beta in ("1", "16"):
        card = checkpoints.read(checkpoints.folder("vae", f"beta-{beta}")).card
        assert card["config"]["warm_up"] > 0
        model = latent.model(f"beta-{beta}")
        probe = shipped.images("mnist").probe["image"][:500]
        back = model.decode(model.encode(latent.seen(model, probe.numpy()))[0])
        kept[beta] = float(back.var(dim=0).sum() / (probe / 255).var(dim=0).sum())
    assert 0.7 < kept["1"] < 0.95
    assert 0.1 < kept["16"] < 0.3


def test_draws_from_the_prior_are_clear_less_often_than_reconstructions_and_more_often_at_beta_1():
    judge = shipped.model("classifier")

    def clear(x: Any) -> float:
        return float((judge.log_posterior(x).exp().max(dim=1).values > 0.9).double().mean())

    drawn, back = {}, {}
    for beta in ("0.1", "1"):
        model = latent.model(f"beta-{beta}")
        drawn[beta] = clear(model.sample(500, generator=torch.Generator().manual_seed(1), mean=True))
        x = latent.seen(model, shipped.images("mnist").probe["image"][:500].numpy())
        back[beta] = clear(model.decode(model.encode(x)[0]))
    assert 0.2 < drawn["0.1"] < 0.45 < drawn["1"] < 0.6
    assert 0.9 < back["0.1"] <= 1


def test_a_sum_says_when_its_rounded_parts_do_not_add_up():
    assert added(202.84, 0.84, places=1) == "202.8 + 0.8 = 203.7 (rounded)"
    assert added(168.676, 1.788) == "168.68 + 1.79 = 170.46 (rounded)"
    assert added(129.21, 6.82, places=1) == "129.2 + 6.8 = 136.0"
    assert added(-99.5, 4.25, weights=(1, -1), places=2) == "−99.50 − 4.25 = −103.75"
    assert added(-1.0, -2.0, weights=(1, -1)) == "−1.00 − (−2.00) = 1.00"
    assert added(10.0, 2.0, weights=(1, 0.5)) == "10.00 + 0.5 · 2.00 = 11.00"
    assert added(168.676, 1.788, tex=True) == r"168.68 + 1.79 \approx 170.46"
    generator = np.random.default_rng(0)
    for a, b in generator.uniform(0, 300, size=(500, 2)):
        shown = added(a, b)
        left, right, total = (float(text) for text in re.findall(r"[0-9.]+", shown))
        assert (abs(left + right - total) < 1e-6) is ("rounded" not in shown)
        assert total == round(a + b, 2)


def test_an_answer_is_right_within_half_a_unit_of_the_place_asked_for():
    truth = 83 / np.log(2) / 8  # 14.97
    assert [close(x, truth) for x in (15, 14.97, 14.48, 15.99, 14.4)] == [True, True, True, False, False]
    assert [close(x, 0.57, places=2) for x in (0.57, 0.574, 0.1, 1.05)] == [True, True, False, False]


def test_collapse_and_its_cure_are_scenes():
    at = opened(ELBO, scene="collapse", beta="16")
    assert "Posterior collapse" in " ".join(element.value for element in at.markdown)
    press(at, "Lower beta to 1")
    assert at.query_params.get("beta") is None  # the default, 1
    sweep = elbo.sweep_frames()
    used = {frame.scalars["beta"]: frame.scalars["used_dimensions"] for frame in sweep}
    assert used[16] < used[1] / 2


def test_equal_gaussians_have_no_divergence():
    at = opened(ELBO, view="divergence", mp="2", sp="0.5")
    press(at, "Make q equal to p")
    assert (value(at, "mq"), value(at, "sq")) == (2.0, 0.5)
    answer = gaussians.compare({"mq": 2, "sq": 0.5, "mp": 2, "sp": 0.5, "n": 100, "seed": 0})
    for way in ("qp", "pq"):
        assert answer[way]["closed"] == pytest.approx(0, abs=1e-12)
        assert answer[way]["integral"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        ({"mq": 6}, "mq must be a number from -5 to 5, got 6"),
        ({"sq": 0}, "sq must be a number from 0.2 to 3, got 0"),
        ({"sp": float("nan")}, "sp must be a number"),
        ({"mp": None}, "mp must be a number"),
        ({"n": 1}, "n must be a whole number from 2 to 100,000, got 1"),
        ({"n": 10**7}, "n must be a whole number from 2 to 100,000"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_a_wrong_question_about_gaussians_is_refused(change, said_of_it):
    with pytest.raises(ValueError, match=re.escape(said_of_it)):
        gaussians.compare({"mq": 0, "sq": 1, "mp": 0, "sp": 1, "n": 100, "seed": 0, **change})


def test_a_real_setting_reads_numbers_and_nothing_else():
    setting = Real(key="x", label="x", low=-1.0, high=2.0, default=0.5, step=0.1)
    assert [setting.parse(text) for text in ("1.25", "-1", "3", "nan", "x")] == [1.25, -1.0, 0.5, 0.5, 0.5]
    assert setting.problem("1.25") == ""
    assert setting.problem("nan")


# -- /autoencoder ----------------------------------------------------------------------------------------


def test_the_narrowing_shows_the_figures_of_the_cards_and_pcas():
    frames = autoencoder.narrowing_frames(0, None)
    assert [int(frame.scalars["code_dim"]) for frame in frames] == [2, 8, 32, 128, 300]
    for frame, (m, variant) in zip(frames, autoencoder.SHIPPED.items(), strict=True):
        card = metrics("autoencoder", variant)
        assert frame.scalars["squared_error"] == card["test_squared_error"]
        assert frame.scalars["cross_entropy"] == card["test_cross_entropy"]
        engine = autoencoder.network(m)
        originals = frame.arrays["rows"][0]
        back = np.rint(255 * engine.reconstruct(originals).numpy())
        np.testing.assert_array_equal(frame.arrays["rows"][1 + list(autoencoder.SHIPPED).index(m)], back)
        shown = autoencoder_pictures.narrowing_picture(frame)
        json.loads(pack(shown))
        for key in ("squared_error", "pca_error"):
            value, low, high = (f"{frame.scalars[f'{key}{end}']:.1f}" for end in ("", "_low", "_high"))
            assert f"{value} ({low} to {high})" in shown["caption"]
            assert frame.scalars[f"{key}_low"] < frame.scalars[key] < frame.scalars[f"{key}_high"]
    errors = [frame.scalars["pca_error"] for frame in frames]
    assert errors == sorted(errors, reverse=True)


def test_a_drawn_digit_goes_through_every_bottleneck(drawn):
    at = opened(AUTOENCODER)
    rows = on_stage(at, "autoencoder:run").run.history.at(0).arrays["rows"]
    np.testing.assert_array_equal(rows[0, 0].reshape(28, 28), 255 * drawn)
    assert rows[5, 0].reshape(28, 28)[10, 13] > 128  # the widest one gives the stroke back


@pytest.mark.parametrize("query", [{"code": "2"}, {"code": "12", "depth": "1", "units": "16", "act": "relu"}])
def test_one_learns_live_and_its_pictures_can_be_drawn(query):
    at = opened(AUTOENCODER, view="train", **query)
    record = on_stage(at, "autoencoder:run")
    record.run.step()
    record.run.wait(20)
    shown = live.picture(record, record.run.history.last)
    assert "After 20 batches" in shown["caption"]
    pack(shown)
    blocks = record.explain(record.run.history.last, {"point": 3})
    assert "Test image 3" in blocks[0]["text"]
    at = choose(at, "rate", "1e-4")
    assert on_stage(at, "autoencoder:run").token == record.token
    assert record.run.engine.config.learning_rate == 1e-4


def test_sheets_hold_their_images_where_they_belong():
    images = np.arange(3 * 784).reshape(3, 784).astype(np.uint8)
    sheet = sheets.rows_sheet([images, images[:1]], 3)
    assert sheet.shape == (62, 92)
    np.testing.assert_array_equal(sheet[2:30, 32:60], images[1].reshape(28, 28))
    assert (sheet[32:60, 32:60] == sheets.PAPER).all()
    units = autoencoder_pictures.units_sheet(np.full((2, 784), -4.0), autoencoder_pictures.units_shape(2))
    assert np.nanmin(units) == -1
    assert np.isnan(units[0]).all()
    assert units.shape == (32, 62)  # two units stand side by side


def test_the_questions_are_answered_by_the_shipped_models():
    frames = autoencoder.narrowing_frames(0, None)
    first, error = autoencoder_notes.questions(lambda: frames)
    bar = frames[1].scalars["pca_error"]
    right = next(str(int(f.scalars["code_dim"])) for f in frames if f.scalars["squared_error"] < bar)
    assert [option for option in first.options if first.check(option)[0]] == [right]
    truth = frames[0].scalars["squared_error"]
    assert [error.check(truth + off)[0] for off in (0, 0.04, -0.04, 0.06, -0.06)] == [True] * 3 + [False] * 2
    ready = elbo.image_frames("mnist-20", 0, None, 0)
    best, used, gap = elbo_notes.questions(elbo.sweep_frames, lambda: ready)
    assert [option for option in best.options if best.check(option)[0]] == ["1"]
    assert [n for n in range(21) if used.check(n)[0]] == [5]
    s = ready[-1].scalars
    truth = s["bound"] - s["elbo"]
    assert [gap.check(truth + off)[0] for off in (0, 0.04, -0.04, 0.06, -0.06)] == [True] * 3 + [False] * 2
    with pytest.raises(ValueError, match="let it play to K = 500 first"):
        elbo_notes.questions(elbo.sweep_frames, list)[2].check(truth)
