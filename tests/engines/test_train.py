import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from engines import checkpoints, create, data, engine
from engines.autoencoders.vae import VariationalAutoencoder
from engines.data import bundled
from engines.material import Images, Points
from engines.maths.pca import fit_pca, project
from engines.train import interruptible, main, parse_settings
from tests.engines.toy import Walk, walk


@pytest.fixture(autouse=True)
def walks(monkeypatch):
    monkeypatch.setattr(engine, "ENGINES", {**engine.ENGINES, "walk": "tests.engines.toy:Walk"})


def card(directory) -> dict:
    return json.loads((directory / "card.json").read_text())


def test_training_ends_in_a_checkpoint_with_true_figures(tmp_path):
    arguments = ["gmm", "--data", "blobs", "--n", "400", "--data-seed", "5", "--set", "n_components=2"]
    assert main([*arguments, "--set", "seed=7", "--device", "cpu", "--out", str(tmp_path)]) == 0
    checkpoint = checkpoints.read(tmp_path, name="gmm")
    x, fresh = (data.load("blobs", n=400, seed=seed).x for seed in (5, 6))
    em = create("gmm", data=np.array(x), n_components=2, seed=7, device="cpu")
    steps = 0
    while not em.done:
        em.step()
        steps += 1
    assert torch.equal(em.state_dict()["means"], checkpoint.state["means"])
    assert checkpoint.card["steps"] == steps
    weights, means, covariances = (checkpoint.state[key].numpy() for key in ("weights", "means", "covariances"))
    for rows, split in ((x, "train"), (fresh, "test")):
        mixture = zip(weights, means, covariances, strict=True)
        parts = [np.log(w) + multivariate_normal(m, c).logpdf(rows) for w, m, c in mixture]
        expected = logsumexp(parts, axis=0).mean()
        assert checkpoint.card["metrics"][f"{split}_mean_log_prob"] == pytest.approx(expected, abs=1e-9)
    assert checkpoint.card["command"].startswith("python -m engines.train gmm --data blobs --n 400")
    assert checkpoint.card["data"]["n_test"] == 400
    assert not (tmp_path / "unfinished").exists()


def test_steps_bound_the_run(tmp_path):
    assert main(["walk", "--steps", "4", "--out", str(tmp_path)]) == 0
    assert card(tmp_path)["steps"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gmmm"], r"no engine is called 'gmmm' (did you mean 'gmm'?); known: bayes, gmm, "),
        (["gmm", "--set", "n_component=3"], "gmm has no setting 'n_component' (did you mean 'n_components'?); known: "),
        (["gmm", "--set", "n_components"], "--set takes key=value, got 'n_components': known keys: n_components, "),
        (["gmm", "--set", "n_components=three"], "--set n_components takes int, got 'three'"),
        (["gmm", "--set", "n_components=2.5"], "--set n_components takes int, got '2.5'"),
        (["gmm", "--set", "n_components=0"], "n_components must be"),
        (["gmm", "--data", "mnits"], "no data set is called 'mnits' (did you mean 'mnist'?)"),
        (["gmm", "--data", "iris", "--n", "121"], "--n must be from 1 to 120 for iris, got 121"),
        (["gmm", "--data", "iris", "--pca", "5"], "n_components must be from 1 to 4"),
        (["gmm", "--steps", "0"], "--steps must be >= 1, got 0"),
        (["gmm", "--device", "gpu"], "device 'gpu' is not a device"),
        (["gmm", "--variant", "../x"], "'../x' cannot name a checkpoint"),
        (["gmm", "--resume"], "there is nothing to resume in"),
    ],
)
def test_a_wrong_argument_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert not list(tmp_path.rglob("card.json"))


def test_an_engine_that_fails_leaves_no_checkpoint(tmp_path, capsys):
    assert main(["walk", "--set", "fail_at=3", "--out", str(tmp_path / "w")]) == 1
    assert "error: walk failed: the walk fell" in capsys.readouterr().err
    assert not list(tmp_path.rglob("card.json"))


def test_settings_are_read_as_their_fields_types():
    given = ["n_components=4", "tolerance=1e-3", "init=given", "means=[[0, 1], [2, 3.5]]"]
    settings = parse_settings("gmm", given)
    assert settings == {"n_components": 4, "tolerance": 1e-3, "init": "given", "means": ((0, 1), (2, 3.5))}
    assert type(settings["tolerance"]) is float


def test_ctrl_c_keeps_a_state_from_which_the_run_goes_on_bit_for_bit(tmp_path, capsys, monkeypatch):
    out = tmp_path / "walk"
    arguments = ["walk", "--set", "stop_at=40", "--out", str(out)]
    before = signal.getsignal(signal.SIGINT)
    honest = Walk.step

    def interrupted(walker: Walk) -> None:
        if walker.steps == 6:
            signal.raise_signal(signal.SIGINT)  # as if pressed in the middle of the seventh step
        honest(walker)

    monkeypatch.setattr(Walk, "step", interrupted)
    assert main(arguments) == 130
    monkeypatch.setattr(Walk, "step", honest)
    assert signal.getsignal(signal.SIGINT) is before
    assert "--resume" in capsys.readouterr().err
    kept = card(out / "unfinished")
    assert kept["steps"] == 7
    assert not (out / "card.json").exists()

    assert main([*arguments, "--set", "seed=1", "--resume"]) == 2
    assert "has other settings" in capsys.readouterr().err
    assert main([*arguments, "--data", "ring", "--resume"]) == 2
    assert "was learning from other data" in capsys.readouterr().err

    assert main([*arguments, "--resume"]) == 0
    alone = walk()
    for _ in range(40):
        alone.step()
    assert torch.equal(checkpoints.read(out).state["place"], alone.place)
    assert card(out)["steps"] == 40
    assert card(out)["wall_time_s"] >= kept["wall_time_s"]
    assert "--resume" not in card(out)["command"]
    assert not (out / "unfinished").exists()


def test_a_second_ctrl_c_breaks_off():
    with interruptible() as caught, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert caught == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)


def test_images_go_through_a_pca_of_their_training_rows():
    material = Points.load("mnist", n=2000, n_dimensions=5)
    x = data.images("mnist").x[:2000].reshape(2000, 784) / 255
    pca = fit_pca(x, 5)
    np.testing.assert_array_equal(material.train, project(pca, x))
    np.testing.assert_array_equal(material.test, project(pca, data.images("mnist", "test").flat()))
    np.testing.assert_array_equal(material.tensors["pca.components"], pca.components)
    assert material.sha256 == bundled.SHA256["mnist_train.npz"]
    assert material.about["n_train"] == 2000


def test_held_out_rows_are_not_trained_on():
    material = Points.load("digits", seed=3)
    assert len(material.test) == 359
    together = np.concatenate([material.train, material.test])
    assert together.sum() == data.load("digits").x.sum()
    assert len(together) == 1797
    again = Points.load("digits", seed=3)
    assert again.sha256 == material.sha256
    assert Points.load("digits", seed=4).sha256 != material.sha256


# -- engines that learn by gradient, on Fabric ---------------------------------------------------------

VAE = ["vae", "--data", "mnist", "--n", "200", "--device", "cpu", "--set", "width=8", "--set", "batch_size=20"]


def weights(directory) -> dict:
    return {key: value for key, value in checkpoints.read(directory).state.items() if key.startswith("network.")}


@pytest.fixture
def quick(monkeypatch):
    """Evaluate on few images with few samples: what is tested here is the loop."""
    honest = VariationalAutoencoder.evaluate
    monkeypatch.setattr(VariationalAutoencoder, "evaluate", lambda self, x: honest(self, x[:20], n_samples=2))


@pytest.mark.usefixtures("quick")
def test_fabric_takes_the_engines_own_steps_and_records_them(tmp_path):
    assert main([*VAE, "--set", "n_steps=12", "--frames", "5", "--out", str(tmp_path)]) == 0
    alone = create("vae", data=Images.load("mnist", n=200), width=8, batch_size=20, n_steps=12, device="cpu")
    frames = [alone.frame()]
    while not alone.done:
        alone.step()
        frames.append(alone.frame())
    for key, value in weights(tmp_path).items():
        assert torch.equal(value, alone.state_dict()[key]), key
    assert not [key for key in checkpoints.read(tmp_path).state if key.startswith(("optimizer.", "generator"))]
    recorded = checkpoints.load_frames(tmp_path / checkpoints.FRAMES)
    assert [frame.step for frame in recorded] == [0, 1, 2, 3, 6, 12]
    for frame in recorded:
        np.testing.assert_array_equal(frame.arrays["means"], frames[frame.step].arrays["means"])
        assert dict(frame.scalars) == dict(frames[frame.step].scalars)
    shown = card(tmp_path)
    assert shown["parameter_count"] == alone.n_parameters
    figures = ("reconstruction", "kl", "elbo", "used_dimensions", "nll", "gap")
    assert set(shown["metrics"]) == {f"test_{figure}{end}" for figure in figures for end in ("", "_low", "_high")}
    assert shown["data"]["sha256"] == bundled.SHA256["mnist_train.npz"]


@pytest.mark.usefixtures("quick")
def test_learning_stops_and_goes_on_bit_for_bit_with_its_recording(tmp_path, monkeypatch, capsys):
    arguments = [*VAE, "--set", "n_steps=10", "--frames", "4"]
    assert main([*arguments, "--out", str(tmp_path / "straight")]) == 0
    honest = VariationalAutoencoder.step

    def interrupted(engine: VariationalAutoencoder) -> None:
        if engine.iteration == 4:
            signal.raise_signal(signal.SIGINT)
        honest(engine)

    out = tmp_path / "stopped"
    monkeypatch.setattr(VariationalAutoencoder, "step", interrupted)
    assert main([*arguments, "--out", str(out)]) == 130
    monkeypatch.setattr(VariationalAutoencoder, "step", honest)
    assert "stopped after step 5; go on with" in capsys.readouterr().err
    assert main([*arguments, "--out", str(out), "--resume"]) == 0
    straight, resumed = weights(tmp_path / "straight"), weights(out)
    assert all(torch.equal(value, resumed[key]) for key, value in straight.items())
    steps = [
        [f.step for f in checkpoints.load_frames(tmp_path / d / checkpoints.FRAMES)] for d in ("straight", "stopped")
    ]
    assert steps[0] == steps[1]
    restored = checkpoints.restore(checkpoints.read(out), device="cpu")
    assert restored.iteration == 10


def test_two_processes_take_the_steps_that_one_takes(tmp_path):
    """A real start of two processes, as with two GPUs; they share each batch and average their gradients."""
    arguments = ["autoencoder", *VAE[1:], "--set", "n_steps=15", "--set", "code_dim=4"]
    assert main([*arguments, "--out", str(tmp_path / "one")]) == 0
    command = [sys.executable, "-m", "engines.train", *arguments, "--devices", "2", "--out", str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=checkpoints.ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gmm", "--devices", "2"], "gmm does not learn by gradient, on one device: leave out --devices"),
        (["gmm", "--precision", "bf16-mixed"], "leave out --devices, --nodes and --precision"),
        (
            ["vae", "--data", "iris"],
            "'iris' holds no grey images, which this engine learns from: choose one of mnist, fashion",
        ),
        (["vae", "--data", "mnist", "--pca", "5"], "vae learns from Images: leave out --pca"),
        (["vae", "--data", "mnist", "--n", "0"], "--n must be from 1 to 60,000 for mnist, got 0"),
        (["vae", "--data", "mnist", "--devices", "0"], "--devices must be >= 1, got 0"),
        (["gmm", "--frames", "5"], "--frames needs a known number of steps: give --steps"),
    ],
)
def test_a_wrong_wish_for_learning_is_one_sentence(tmp_path, capsys, arguments, said):
    assert main([*arguments, "--out", str(tmp_path / "x")]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "x").exists()
