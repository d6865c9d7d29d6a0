"""Train any engine and ship it: `python -m engines.train gmm --data mnist --n 20000 --pca 50 --set n_components=10`.

The loop knows nothing of the model: it takes steps until the engine is done (or --steps), then writes the
checkpoint and its card. Ctrl-C stops after the step under way and keeps the state in OUT/unfinished, where
`--resume` goes on from it, bit for bit on the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import signal
import sys
import time
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines import checkpoints, data, devices
from engines.data import bundled
from engines.data.registry import kind_of
from engines.engine import Engine, create, engine_class
from engines.maths.pca import fit_pca, project

HELD_OUT = 0.2  # of a measured set, which has no split of its own


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What an engine learns from and is tested on, (N, D) each, and how it came to be."""

    train: np.ndarray
    test: np.ndarray
    sha256: str
    about: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def prepare(name: str, *, n: int | None = None, n_dimensions: int | None = None, seed: int = 0) -> Material:
    """The set ``name``: its first ``n`` training rows and its test rows, through PCA where asked for.

    Images come as pixels in 0..1 with their own split. Of a toy set the test rows are a fresh draw; of a
    measured set every fifth row, drawn by ``seed``, is held out. The PCA is fitted to the training rows.
    """
    kind = kind_of(name)
    if kind == "images":
        # Cut before the pixels become floats: 60,000 images would take 376 MB.
        every, held = data.load(name), data.load(name, split="test")
        split, sha256 = "train[:n] and test", bundled.data_hash(name)
        count = len(every) if n is None else n
        train, test = every.x[:count].reshape(-1, 784) / 255.0, held.flat()
    elif kind == "toy":
        drawn, fresh = (data.load(name, n=n or 600, seed=s) for s in (seed, seed + 1))
        split, train, test = "a draw and a fresh draw", drawn.x, fresh.x
    else:
        x = data.load(name).x
        order = np.random.default_rng(seed).permutation(len(x))
        cut = round(HELD_OUT * len(x))
        split, train, test = "4/5 and 1/5 by seed", x[order[cut:]][:n], x[order[:cut]]
    if n is not None and n != len(train):
        raise ValueError(f"--n must be from 1 to {len(train):,} for {name}, got {n}")
    if kind != "images":
        sha256 = hashlib.sha256(np.ascontiguousarray(train).tobytes()).hexdigest()
    about = {"split": split, "n_train": len(train), "n_test": len(test), "n_dimensions": train.shape[1], "seed": seed}
    tensors = {}
    if n_dimensions is not None:
        pca = fit_pca(train, n_dimensions)
        train, test = project(pca, train), project(pca, test)
        tensors = {f"pca.{f}": getattr(pca, f) for f in pca.__slots__}
        about |= {"pca": n_dimensions, "explained": round(float(pca.explained_ratio.sum()), 4)}
    return Material(train=train, test=test, sha256=sha256, about=about, tensors=tensors)


def parse_settings(name: str, pairs: Sequence[str]) -> dict[str, Any]:
    """["n_components=10"] -> {"n_components": 10}, each value read as its Config field's type."""
    hints = typing.get_type_hints(engine_class(name).Config)
    settings = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign:
            raise ValueError(f"--set takes key=value, got {pair!r}: known keys: {', '.join(hints)}")
        # create() names an unknown key together with the known ones
        settings[key] = _parse(key, text, hints[key]) if key in hints else text
    return settings


def _parse(key: str, text: str, hint: Any) -> Any:
    options = typing.get_args(hint) if type(None) in typing.get_args(hint) else (hint,)
    if type(None) in options and text.lower() in ("none", ""):
        return None
    kind = next(option for option in options if option is not type(None))
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if kind in (int, float, str):
            return kind(text)
        value = json.loads(text)
    except (ValueError, KeyError):
        shown = getattr(kind, "__name__", str(kind))
        raise ValueError(f"--set {key} takes {shown}, got {text!r}: give for instance {_example(kind)}") from None
    return checkpoints.as_tuples(value)


def _example(kind: Any) -> str:
    return {bool: "true", int: "3", float: "0.5"}.get(kind, "[[0, 1], [2, 3]]")


def measure(engine: Engine, material: Material) -> dict[str, float]:
    """The last frame's scalars, and the mean log-likelihood of training and test rows in nats per row."""
    metrics = dict(engine.frame().scalars)
    log_prob = getattr(engine, "log_prob", None)
    if log_prob is not None:
        for split, x in (("train", material.train), ("test", material.test)):
            metrics[f"{split}_mean_log_prob"] = float(log_prob(np.array(x)).mean())  # a copy: torch wants it writable
    return metrics


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """A list that Ctrl-C fills instead of breaking off; a second Ctrl-C breaks off after all."""
    caught: list[int] = []

    def note(signum: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(signum)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)


def progress(engine: Engine, step: int, seconds: float, *, last: bool = False) -> None:
    """One line on stderr, in place on a terminal."""
    scalars = "  ".join(f"{key} {value:.6g}" for key, value in list(engine.frame().scalars.items())[:4])
    line = f"{engine.name}  step {step}  {scalars}  {seconds:.0f} s"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end="\n" if last else "", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when done, 2 on a wrong argument, 1 when the engine failed, 130 when interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m engines.train", description="Train an engine, write a checkpoint.")
    parser.add_argument("name", help="an engine's name, such as gmm")
    parser.add_argument("--data", default="blobs", help=f"one of {', '.join(data.names())}")
    parser.add_argument("--n", type=int, help="how many training rows, the first ones (default: all; 600 of a toy set)")
    parser.add_argument("--pca", type=int, metavar="M", help="learn from the first M principal components")
    parser.add_argument("--data-seed", type=int, default=0, help="draws toy points and held-out rows")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, repeatable")
    parser.add_argument("--variant", default="", help="write to checkpoints/NAME/VARIANT")
    parser.add_argument("--steps", type=int, help="at most this many steps in all (default: until done)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="where to write (default: checkpoints/NAME[/VARIANT])")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/unfinished")
    options = parser.parse_args(given)
    command = shlex.join(["python", "-m", "engines.train", *(word for word in given if word != "--resume")])
    try:
        return train(options, command)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, FloatingPointError, MemoryError) as error:
        print(f"error: {options.name} failed: {error}", file=sys.stderr)
        return 1


def train(options: argparse.Namespace, command: str) -> int:
    """The whole of it: material, engine, steps, checkpoint."""
    out = options.out or checkpoints.folder(options.name, options.variant)
    if options.steps is not None and options.steps < 1:
        raise ValueError(f"--steps must be >= 1, got {options.steps}")
    settings = parse_settings(options.name, options.set)
    material = prepare(options.data, n=options.n, n_dimensions=options.pca, seed=options.data_seed)
    engine = create(options.name, data=material.train, device=options.device, **settings)
    unfinished = out / "unfinished"
    step, before = _resume(engine, unfinished, material) if options.resume else (0, 0.0)
    print(f"{engine.name} on {devices.describe(engine.device)}: {options.data} {material.about}", file=sys.stderr)

    start = shown = time.monotonic()
    interval = 0.5 if sys.stderr.isatty() else 10.0
    with interruptible() as caught:
        while not caught and not engine.done and (options.steps is None or step < options.steps):
            engine.step()
            step += 1
            if time.monotonic() - shown > interval:
                shown = time.monotonic()
                progress(engine, step, before + shown - start)
        wall_time = before + time.monotonic() - start
        progress(engine, step, wall_time, last=True)
        checkpoints.save(
            unfinished if caught else out,
            engine,
            data_name=options.data,
            data_hash=material.sha256,
            metrics={} if caught else measure(engine, material),
            wall_time=wall_time,
            command=command,
            steps=step,
            variant=options.variant,
            about_data=material.about,
            data_tensors=material.tensors,
        )
    if caught:
        print(f"stopped after step {step}; go on with: {command} --resume", file=sys.stderr)
        return 130
    shutil.rmtree(unfinished, ignore_errors=True)
    print(f"wrote {out}", file=sys.stderr)
    return 0


def _resume(engine: Engine, unfinished: Path, material: Material) -> tuple[int, float]:
    """Put the kept state into ``engine``; returns the steps and seconds behind it."""
    if not unfinished.is_dir():
        raise ValueError(f"there is nothing to resume in {unfinished}: start without --resume")
    kept = checkpoints.read(unfinished, name=engine.name)
    was = kept.card["data"]
    if was.get("sha256") != material.sha256 or any(was.get(key) != value for key, value in material.about.items()):
        raise ValueError(f"{unfinished} was learning from other data ({was}): give the same --data, --n and --pca")
    if kept.config != engine.config:
        raise ValueError(f"{unfinished} has other settings ({kept.config}): give the same --set, or drop --resume")
    engine.load_state_dict(kept.state)
    return kept.card["steps"], kept.card["wall_time_s"]


if __name__ == "__main__":
    sys.exit(main())
