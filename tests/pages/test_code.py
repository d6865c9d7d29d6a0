"""The code that a viewer takes along makes the step that was on the stage."""

from __future__ import annotations

import contextlib
import io

import pytest

import engines
from engines.run import Run
from pages.autoencoders import vae
from pages.mixtures import gmm_runs
from pages.ui import code
from pages.ui.live import Live


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


def test_own_data_cannot_be_named():
    one = gmm_runs.mixture_scene(gmm_runs.drawn(gmm_runs.bundled("blobs", 60).x), n_components=2)
    try:
        assert not code.offered(one)
        with pytest.raises(ValueError, match="your own"):
            code.of_step(one, 0)
    finally:
        one.run.close()
