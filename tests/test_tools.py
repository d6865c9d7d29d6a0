"""The tools around the app: set-up, deployment, and what the repository may hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.bench import __main__ as bench

ROOT = Path(__file__).resolve().parents[1]


def requirements(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_the_readme_begins_with_what_a_space_needs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    head, _, rest = text.removeprefix("---\n").partition("\n---\n")
    facts = dict(line.split(": ", 1) for line in head.splitlines())  # flat YAML; ": " inside a value would need quotes
    assert text.startswith("---\n")
    assert not any(": " in value for value in facts.values())
    assert facts["sdk"] == "docker"
    assert facts["app_port"] == "8501"
    assert facts["license"] == "mit"
    assert facts["title"]
    assert {facts["colorFrom"], facts["colorTo"]} <= {
        *("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
    }
    assert "make run" in rest[:120]
    assert "make test" in rest[:120]


def test_the_readme_points_at_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:engines|pages|assets|tests)/[\w/.]+|\.\w+/[\w.]+|[A-Z]\w+)`", text)
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    found = {
        name for name in [*named, *linked] if not re.search(r"SECTION|^[A-Z]+(_[A-Z]+)*$", name) or name == "LICENSE"
    }
    found -= {"Entry"}
    assert {"engines/engine.py", "assets/LICENSES.md", ".ci/run", "LICENSE"} <= found
    assert [name for name in sorted(found) if not (ROOT / name).exists()] == []


def test_the_docker_image_serves_the_port_that_the_space_expects():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "EXPOSE 8501" in text
    assert '"--server.port", "8501"' in text
    assert re.search(r"^ENV .*LAB_HOSTED=1", text, re.MULTILINE)
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for source in ("app.py", "pages", "engines", "assets", "checkpoints", ".streamlit", "requirements.txt"):
        assert source not in ignored


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_stops_before_the_next_major_version(name):
    for requirement in requirements(name):
        bounds = [part.operator for part in requirement.specifier]
        assert ">=" in bounds, requirement
        assert "<" in bounds, requirement


def test_torch_and_torchvision_are_both_named_for_the_cpu_index():
    names = [
        requirement.name for requirement in requirements("requirements.txt") if requirement.name.startswith("torch")
    ]
    assert sorted(names) == ["torch", "torchvision"]


def test_ci_runs_the_commands_of_the_readme():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.name == "nt" or os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert re.search(r"^make check$", text, re.MULTILINE)
    assert re.search(r"^make test$", text, re.MULTILINE)


def test_no_tracked_file_is_above_10_mb():
    large = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked() if path.stat().st_size > 10_000_000}
    assert large == {}


def test_the_settings_keep_tracebacks_and_statistics_away():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["browser"]["gatherUsageStats"] is False


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_are_strong_enough_for_a_projector(theme):
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][theme]
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(colours["textColor"], colours[ground]) > 12
        assert contrast(colours["linkColor"], colours[ground]) > 4.5
        assert contrast(colours["primaryColor"], colours[ground]) > 3
        assert contrast(colours["borderColor"], colours[ground]) > 3
    assert contrast(colours["primaryColor"], "#ffffff") >= 4.49  # a button's text is white


# --- make ---------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path):
    """The Makefile with requirements that install nothing, and a Python that is quick to set up."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").write_text("pip\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return tmp_path


def make(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=kept | env, capture_output=True, text=True, timeout=120, check=False
    )


def test_make_installs_again_only_when_the_requirements_content_changes(copy):
    def install() -> str:
        done = make(copy, "install", f"PYTHON={sys.executable}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = install()
    assert "Building .venv" in first
    assert "Installing" in first
    os.utime(copy / "requirements.txt", (1, 1))
    assert install() == ""
    os.utime(copy / "requirements.txt")
    assert install() == ""
    (copy / "requirements.txt").write_text("pip>=1\n")
    third = install()
    assert "Building" not in third
    assert "Installing" in third
    # A broken environment is built anew, and an install that fails says so and leaves no stamp.
    (copy / ".venv" / "bin" / "python").unlink()
    (copy / "requirements.txt").write_text("./no-such-package\n")
    done = make(copy, "install", f"PYTHON={sys.executable}")
    assert "Building .venv" in done.stdout
    assert done.returncode != 0
    assert not (copy / ".venv" / ".lab-run").exists()


def test_make_says_what_is_missing_where_no_python_is_new_enough(copy):
    old = copy / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make(copy, "install", f"PYTHON={old}")
    assert done.returncode != 0
    assert "Python 3.11 or newer" in done.stderr
    assert not (copy / ".venv").exists()


# --- make bench ---------------------------------------------------------------------------------


def test_bench_prints_a_table_and_a_failure_is_a_row(tmp_path, monkeypatch, capsys):
    for name in ("fine", "broken"):
        (tmp_path / f"bench_{name}.py").touch()
    fine = type(
        "fine", (), {"bench": staticmethod(lambda: [{"name": "step", "value": 1.23456, "unit": "ms", "note": ""}])}
    )
    monkeypatch.setitem(sys.modules, "tests.bench.bench_fine", fine)
    monkeypatch.setitem(sys.modules, "tests.bench.bench_broken", type("broken", (), {}))
    out = tmp_path / "bench.json"
    assert bench.main([], folder=tmp_path, out=out) == 0
    table = capsys.readouterr().out
    assert "1.235" in table
    assert "failed: AttributeError" in table
    written = json.loads(out.read_text())
    assert written["machine"]["cores"] == os.cpu_count()
    assert [row["value"] for row in written["rows"]] == [None, 1.23456]
    assert bench.main(["fine"], folder=tmp_path, out=out) == 0
    assert len(json.loads(out.read_text())["rows"]) == 1


# --- tools over checkpoints ---------------------------------------------------------------------


@pytest.fixture
def small_vae(tmp_path, monkeypatch):
    """A VAE of a few steps, where what ships would lie."""
    from engines import checkpoints
    from engines.train import main

    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    settings = ("width=16", "depth=1", "latent_dim=2", "n_steps=3", "batch_size=20")
    arguments = ["vae", "--data", "mnist", "--n", "100", *(word for one in settings for word in ("--set", one))]
    monkeypatch.setattr("engines.train.measure", lambda *_: {"test_elbo": -500.0})
    assert main([*arguments, "--out", str(tmp_path / "vae")]) == 0
    return tmp_path / "vae"


def test_weights_in_half_precision_are_half_as_large_and_say_the_same(small_vae):
    from engines import checkpoints
    from tools.halve_weights import halve

    full = checkpoints.read(small_vae)
    size = (small_vae / checkpoints.WEIGHTS).stat().st_size
    assert 0 < halve(small_vae) < 0.02
    assert (small_vae / checkpoints.WEIGHTS).stat().st_size < 0.6 * size
    half = checkpoints.read(small_vae)
    assert half.card["precision"] == "half"
    assert half.card["command"] == full.card["command"] + " --half"
    assert half.card["metrics"] == full.card["metrics"]
    key = "network.decoder.0.weight"
    assert float((half.state[key] - full.state[key]).abs().max()) < 1e-3


def test_what_is_measured_again_is_kept_unless_an_old_figure_moved(small_vae, monkeypatch):
    from engines import checkpoints
    from engines.autoencoders.vae import VariationalAutoencoder
    from tools.remeasure import remeasure

    monkeypatch.setattr(VariationalAutoencoder, "evaluate", lambda *_: {"elbo": -500.5, "elbo_low": -501.0})
    remeasure("vae")
    assert checkpoints.read(small_vae).card["metrics"] == {"test_elbo": -500.5, "test_elbo_low": -501.0}
    monkeypatch.setattr(VariationalAutoencoder, "evaluate", lambda *_: {"elbo": -600.0})
    with pytest.raises(ValueError, match=r"test_elbo was -500\.5 and is -600"):
        remeasure("vae")
    assert checkpoints.read(small_vae).card["metrics"]["test_elbo"] == -500.5
