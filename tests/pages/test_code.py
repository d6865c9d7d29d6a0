"""The code that a viewer takes along makes the step that was on the stage."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest

import engines
from engines.run import Run
from pages.autoencoders import vae
from pages.autoregressive import fills
from pages.catalogue import entry
from pages.foundations import bayes, learning_runs
from pages.gans import dcgan, gan_runs
from pages.imitation import gail
from pages.making import anogan
from pages.mixtures import gmm_digits, gmm_runs
from pages.ui import code
from pages.ui.live import Live
from pages.ui.reel import Reel
from tests.pages.app import PAGED, of, on_stage, opened

# Views that replay a training that ships; VAE's has a stage of its own.
FILMS = [(item, view) for item in PAGED for view in of(item, "VIEWS") if view == "film" and item.slug != "vae"]


def printed(text: str) -> dict[str, float]:
    """What the code prints when it runs by itself."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "<code of a step>", "exec"), {})
    return eval(out.getvalue(), {"nan": float("nan"), "inf": float("inf")})


@pytest.mark.parametrize(
    ("record", "step"),
    [
        (lambda: gmm_runs.mixture_scene(gmm_runs.bundled("blobs", 200), n_components=4, seed=3), 5),
        (lambda: gmm_runs.kmeans_scene(gmm_runs.bundled("iris", 150), n_components=3, seed=1), 2),
        (lambda: Live(run=Run(engines.create("equilibrium")), base={}, draw=lambda _: {}), 4),
        (lambda: vae.training("mnist", latent_dim=2, width=20, seed=0, beta=1.0, learning_rate=1e-3), 2),
        (lambda: bayes.scene(model="coin", n_data=9, truth=0.7, a=1.0, b=1.0, seed=3), 6),
        (lambda: learning_runs.text_scene(None, order=3, n_steps=40, seed=1), 12),
        (lambda: learning_runs.melody_scene(order=2, n_steps=40, seed=1), 12),
        (lambda: gmm_digits.scene("3", 8, n_components=3, seed=2), 4),
        (lambda: gan_runs.game(gan_runs.points_of("ring"), "ring", seed=4), 3),
        (lambda: dcgan.training("mnist", seed=1, channels=8), 1),
        (lambda: film_of("cartpole", "good"), 1),
        (lambda: film_of("pendulum", "useless"), 1),
    ],
)
def test_it_prints_the_scalars_of_the_step(record, step: int):
    one = record()
    try:
        for _ in range(step):
            one.run.engine.step()
        shown = dict(one.run.engine.frame().scalars)
        text = code.of_step(one, step)
        said = printed(text)
        assert said.keys() == shown.keys()
        for name, value in shown.items():
            assert said[name] == pytest.approx(value, rel=1e-6, abs=1e-9, nan_ok=True), name
    finally:
        one.run.close()


def film_of(name: str, expert: str) -> Live:
    shown = gail.shown_by(name, expert)
    return gail.training(shown, "gail", ("", ""), gail.code_of(name, expert), n_trajectories=2, seed=1)


@pytest.mark.parametrize(("item", "view"), FILMS, ids=[item.slug for item, _ in FILMS])
@pytest.mark.usefixtures("alone")
def test_a_recorded_training_is_found_again_by_its_code(item, view):
    """What it prints is what the stage has of that step, in percent where the page says percent."""
    record = on_stage(opened(item.file, view=view), f"{item.slug}:run")
    assert isinstance(record.run, Reel)
    frame = record.run.frames[len(record.run) // 2]
    said = printed(code.of_step(record, frame.step))
    assert len(said) > 1
    for name, value in said.items():
        shown = frame.scalars[name]
        assert shown in (pytest.approx(value, nan_ok=True), pytest.approx(100 * value, nan_ok=True)), name


@pytest.mark.parametrize("item", PAGED, ids=lambda item: item.slug)
@pytest.mark.usefixtures("alone")
def test_pictures_that_are_made_are_made_again_by_their_code(item):
    """Of every view whose stage shows what a model makes, not a run."""
    for view in of(item, "VIEWS"):
        record = on_stage(opened(item.file, view=view), f"{item.slug}:run")
        if record is None or not isinstance(record.run, Reel) or "checkpoints.load_frames" in record.data_code:
            continue
        frame, made = record.run.frames[len(record.run) // 2], {}
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code.of_step(record, frame.step), "<code of a picture>", "exec"), made)
        shown = record.draw(frame)
        assert without_time(out.getvalue().strip()) == without_time(shown["caption"].strip())
        for kind in ("images", "compare", "volume", "roll", "map"):
            assert np.array_equal(made["picture"].get(kind), shown.get(kind))


def without_time(words: str) -> str:
    return re.sub(r"[\d,.]+ m?s\b", "", words)


@pytest.mark.parametrize(
    ("slug", "query"),
    [
        ("pixelcnn", {"hide": "block", "row": 7, "n": 4}),
        ("pixelcnn", {"hide": fills.painted([3, 4, 500, 783]), "t": 0.5}),
        ("pixelcnn-pp", {"row": 3, "seed": 5}),
        ("gated-pixelcnn", {"view": "turn", "turn": 1}),
        ("pixelrnn", {"view": "multi-scale"}),
        ("anogan", {"view": "search", "image": "damaged"}),
        ("anogan", {"view": "search", "image": "other", "normal": "fashion-7"}),
        ("age-cgan", {"view": "search"}),
        ("mgan", {"view": "race"}),
    ],
)
@pytest.mark.usefixtures("alone")
def test_a_fill_or_a_search_is_made_again_by_its_code_also_after_a_fork(slug, query):
    record = on_stage(opened(entry(slug).file, **query), f"{slug}:run")
    forked = record.again(record.run.fork(0, seed=321))
    for one in (record, forked):
        for _ in range(3):
            one.run.engine.step()
        shown = dict(one.run.engine.frame().scalars)
        assert printed(code.of_step(one, 3)) == pytest.approx(shown, rel=1e-4, abs=1e-6)  # two threads, or one
    forked.run.close()


def test_a_setting_changed_on_the_way_is_in_it():
    one = Live(
        run=Run(engines.create("gmm", data=gmm_runs.bundled("blobs", 200).x, seed=0, n_components=3)),
        base={},
        draw=lambda _: {},
    )
    one.data_code = gmm_runs.bundled("blobs", 200).code
    try:
        for _ in range(3):
            one.run.step()
            while one.run.status.state == "playing":
                one.run.wait(0.05)
        before = one.run.status.step
        one.run.change(regularisation=0.5)
        one.run.step()
        one.run.wait(5)
        step = one.run.status.step
        assert step > before >= 1
        said = printed(code.of_step(one, step))
        assert said["log_likelihood"] == pytest.approx(one.run.history.at(step).scalars["log_likelihood"], rel=1e-6)
        assert "regularisation" in code.of_step(one, step)
        assert "regularisation" not in code.of_step(one, before - 1)
    finally:
        one.run.close()


@pytest.mark.parametrize(
    "made",
    [
        lambda: gmm_runs.mixture_scene(gmm_runs.drawn(gmm_runs.bundled("blobs", 60).x), n_components=2),
        lambda: anogan.searching("mnist-3", "drawn", 0, None),  # nothing is drawn yet
        lambda: anogan.searching("mnist-3", "over", 0, np.ones((28, 28))),
    ],
)
def test_own_data_cannot_be_named(made):
    one = made()
    try:
        assert not code.offered(one)
        with pytest.raises(ValueError, match="your own"):
            code.of_step(one, 0)
    finally:
        one.run.close()
