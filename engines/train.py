"""Train any engine and ship it: `python -m engines.train vae --data mnist --set latent_dim=20 --devices 2`.

The loop knows nothing of the model: it takes steps until the engine is done (or --steps), then writes the
checkpoint and its card. Every two minutes, before measuring and on Ctrl-C (after the step under way) the state is kept
in OUT/unfinished, where `--resume` goes on from it, bit for bit on the same machine and number of threads: what ends
the process loses no more. OUT is tried and locked first; what lies there is replaced in one move at the end.

Engines that learn by gradient run on Lightning Fabric: the same command serves one CPU, a GPU, several of them
(--devices) and several machines (--nodes, started by torchrun or a cluster's own launcher), in full or mixed
precision. Every process draws the same batch and takes its share of it, so that N devices take the steps that
one would take. --frames N records the run at N steps, spaced evenly in the logarithm, for pages to play.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import shutil
import signal
import sys
import tempfile
import time
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from engines import checkpoints, data, devices
from engines.engine import Engine, Frame, create, engine_class
from engines.material import Points

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


def load_material(options: argparse.Namespace) -> Any:
    """The set named by --data, as the engine's class for it loads it."""
    kind = engine_class(options.name).learns_from or Points
    if issubclass(kind, Points):
        if options.only is not None:
            raise ValueError(f"{options.name} learns from rows of numbers: leave out --only")
        return kind.load(options.data, n=options.n, n_dimensions=options.pca, seed=options.data_seed)
    if options.pca is not None:
        raise ValueError(f"{options.name} learns from {kind.__name__}: leave out --pca")
    rows: Any = kind.load(options.data, n=options.n)
    return rows if options.only is None else rows.only(options.only)


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
        example = {bool: "true", int: "3", float: "0.5"}.get(kind, "[[0, 1], [2, 3]]")
        raise ValueError(f"--set {key} takes {shown}, got {text!r}: give for instance {example}") from None
    return checkpoints.as_tuples(value)


def measure(engine: Engine, material: Any) -> dict[str, float]:
    """What the engine's own ``evaluate`` says of the held-out rows, as "test_..."; without one the last frame's
    scalars and the mean log-likelihood of training and test rows in nats per row.
    """
    if measured := engine.evaluate(*material.held_out):
        return {f"test_{key}": value for key, value in measured.items()}
    metrics = dict(engine.frame().scalars)
    with suppress(NotImplementedError):
        for split, x in (("train", material.given), ("test", *material.held_out)):
            metrics[f"{split}_mean_log_prob"] = float(engine.log_prob(np.array(x)).mean())  # a copy: torch writes to it
    return metrics


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """The folder, made, tried and locked before any work is done; ValueError says what is in the way."""
    place = next(path for path in (out, *out.parents) if path.exists())
    if not place.is_dir():
        raise ValueError(f"{place} is a file: move it, or give another --out")
    lock = FileLock(out / ".lock")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as trial:
            trial.write(bytes(1 << 16))
        lock.acquire(blocking=False)
    except Timeout:
        raise ValueError(f"another training writes to {out}: wait for it, or give another --out") from None
    except OSError as error:
        raise ValueError(f"{out} cannot be written ({error.strerror}): give another --out") from None
    for left in (*out.glob("*" + checkpoints.NEW), *out.glob("unfinished/*" + checkpoints.NEW)):
        if not (left.parent / checkpoints.CARD).exists():  # of a first writing that was cut short
            left.unlink(missing_ok=True)
    try:
        yield
    finally:
        lock.release()
        (out / ".lock").unlink(missing_ok=True)
        with suppress(OSError):
            out.rmdir()  # where nothing came of it


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


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when done, 2 on a wrong argument, 1 when the engine failed, 130 when interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m engines.train", description="Train an engine, write a checkpoint.")
    parser.add_argument("name", help="an engine's name, such as gmm")
    parser.add_argument("--data", default="blobs", help=f"one of {', '.join(data.names())}")
    parser.add_argument("--n", type=int, help="how many training rows, the first ones (default: all; 600 of a toy set)")
    parser.add_argument("--only", type=int, metavar="LABEL", help="learn from the images of one class alone")
    parser.add_argument("--pca", type=int, metavar="M", help="learn from the first M principal components")
    parser.add_argument("--data-seed", type=int, default=0, help="draws toy points and held-out rows")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, repeatable")
    parser.add_argument(
        "--variant",
        default="",
        help="an ablation of the engine's VARIANTS, with its settings; any word writes to checkpoints/NAME/VARIANT",
    )
    parser.add_argument("--steps", type=int, help="at most this many steps in all (default: until done)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument("--devices", type=int, default=1, help="how many GPUs (or, on a CPU, processes) share a batch")
    parser.add_argument("--nodes", type=int, default=1, help="how many machines, each with --devices")
    parser.add_argument("--precision", default="32-true", choices=PRECISIONS)
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="record the run at N steps")
    parser.add_argument("--half", action="store_true", help="keep the weights in half precision")
    parser.add_argument("--out", type=Path, help="where to write (default: checkpoints/NAME[/VARIANT])")
    parser.add_argument(
        "--save-every", type=float, default=120, metavar="S", help="keep the state every S seconds in OUT/unfinished"
    )
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
    for option, least in (("steps", 1), ("devices", 1), ("nodes", 1), ("frames", 0), ("save_every", 1)):
        if (value := getattr(options, option)) is not None and value < least:
            raise ValueError(f"--{option.replace('_', '-')} must be >= {least}, got {value}")
    material = load_material(options)
    # A variant that the engine does not know only names the folder.
    settings = material.settings | dict(engine_class(options.name).VARIANTS.get(options.variant, {}))
    settings |= parse_settings(options.name, options.set)
    by_gradient = hasattr(engine_class(options.name), "setup")  # a Learner: it goes on Fabric's devices
    if not by_gradient and (options.devices, options.nodes, options.precision) != (1, 1, PRECISIONS[0]):
        raise ValueError(
            f"{options.name} does not learn by gradient, on one device: leave out --devices, --nodes and --precision"
        )
    fabric = start_fabric(options) if by_gradient else None
    device = options.device if fabric is None else str(fabric.device)
    engine = create(options.name, data=material.given, device=device, **settings)
    if fabric is not None:
        engine.setup(fabric)  # type: ignore[attr-defined]
    first = fabric is None or fabric.is_global_zero
    with alone_in(out) if first else nullcontext():
        step, stopped = learn(engine, material, options, command, out, fabric)
    if fabric is not None:
        fabric.barrier()
    if first:
        said = f"stopped after step {step}; go on with: {command} --resume" if stopped else f"wrote {out}"
        print(said, file=sys.stderr)
    return 130 if stopped else 0


def learn(
    engine: Engine, material: Any, options: argparse.Namespace, command: str, out: Path, fabric: Fabric | None
) -> tuple[int, bool]:
    """Steps until done, the state kept in OUT/unfinished every --save-every seconds and before measuring, then the
    checkpoint. The steps taken, and True where Ctrl-C stopped it before."""
    unfinished, first = out / "unfinished", fabric is None or fabric.is_global_zero
    step, before, frames = _resume(engine, unfinished, material) if options.resume else (0, 0.0, [])
    total = total_steps(engine, options.steps)
    recorded = record_steps(total, options.frames, getattr(engine, "phase_starts", (0,)))
    if first:
        print(f"{engine.name} on {devices.describe(engine.device)}: {options.data} {material.about}", file=sys.stderr)

    start = saved_at = time.monotonic()

    def keep(directory: Path, *, finished: bool, metrics: Mapping[str, float] = MappingProxyType({})) -> None:
        checkpoints.save(
            directory,
            engine,
            data={"name": options.data, "sha256": material.sha256, **material.about},
            metrics=metrics,
            wall_time=before + learned_until - start,
            command=command,
            steps=step,
            variant=options.variant,
            data_tensors=material.tensors,
            finished=finished,
            half=options.half and finished,
            frames=frames,
        )

    interval = 0.5 if sys.stderr.isatty() else 30.0
    bar = tqdm(total=total, initial=step, desc=out.name, unit="step", mininterval=interval, disable=not first)
    stopped = False
    with interruptible() as caught, bar:
        while not engine.done and (options.steps is None or step < options.steps):
            if first and step in recorded and (not frames or frames[-1].step < step):
                frames.append(engine.frame())
            if stopped := stop_now(caught, fabric, step):
                break
            engine.step()
            step += 1
            learned_until = time.monotonic()
            if first and learned_until - saved_at > options.save_every:
                try:
                    keep(unfinished, finished=False)
                except checkpoints.CheckpointError as error:  # room may be made until the next time
                    bar.write(f"not kept at step {step}: {error}", file=sys.stderr)
                saved_at = time.monotonic()
            if bar.update():  # True when the bar was drawn anew
                scalars = list(engine.frame().scalars.items())[:4]
                bar.set_postfix({key: f"{value:.5g}" for key, value in scalars}, refresh=False)
        learned_until = time.monotonic()
        if first:
            bar.close()
            keep(unfinished, finished=False)  # measuring takes its time
        if first and not stopped:
            if options.frames and (not frames or frames[-1].step < step):
                frames.append(engine.frame())
            keep(out, finished=True, metrics=measure(engine, material))
            shutil.rmtree(unfinished, ignore_errors=True)
    return step, stopped


def start_fabric(options: argparse.Namespace) -> Fabric:
    """Fabric on the devices asked for, its processes started."""
    from lightning_fabric import Fabric

    device = devices.resolve(options.device)
    if device.index is not None and options.devices > 1:
        raise ValueError(f"--device {device} names one device: give --device {device.type} with --devices")
    accelerator = {"cpu": "cpu", "cuda": "cuda", "mps": "mps"}[device.type]
    wanted = options.devices if device.index is None else [device.index]
    fabric = Fabric(accelerator=accelerator, devices=wanted, num_nodes=options.nodes, precision=options.precision)
    fabric.launch()
    return fabric


def stop_now(caught: list[int], fabric: Fabric | None, step: int) -> bool:
    """True once Ctrl-C was pressed; several processes agree every 20 steps, so that none waits for another."""
    if fabric is None or fabric.world_size == 1:
        return bool(caught)
    if step % 20:
        return False
    import torch

    pressed = fabric.all_reduce(torch.tensor(float(bool(caught)), device=fabric.device), reduce_op="sum")
    return float(pressed) > 0  # type: ignore[arg-type]  # a tensor, as it was given one


def total_steps(engine: Engine, limit: int | None) -> int | None:
    """How many visible steps there will be at most; None where nothing but convergence ends the run."""
    n_batches = getattr(engine.config, "n_steps", None)
    planned = None if n_batches is None else math.ceil(n_batches / getattr(engine.config, "batches_per_step", 1))
    return min((n for n in (limit, planned) if n is not None), default=None)


def record_steps(total: int | None, n: int, starts: Sequence[int] = (0,)) -> frozenset[int]:
    """About ``n`` steps from 0 to ``total``; the last frame is taken at the end. They lie evenly in the logarithm
    of the steps taken, where an engine learns in stages of the steps since each of their ``starts``.
    """
    if n == 0:
        return frozenset()
    if total is None:
        raise ValueError("--frames needs a known number of steps: give --steps")
    found: set[int] = set()
    starts = [start for start in starts if start < total]
    for start, end in pairwise([*starts, total]):
        spaced = np.geomspace(1, end - start, max(2, n // len(starts))) if end - start > 1 else np.ones(1)
        found |= {start, *(start + round(float(step)) for step in spaced[:-1])}
    return frozenset(found)


def _resume(engine: Engine, unfinished: Path, material: Any) -> tuple[int, float, list[Frame]]:
    """Put the kept state into ``engine``; returns the steps and seconds behind it, and the frames recorded."""
    if not unfinished.is_dir():
        raise ValueError(f"there is nothing to resume in {unfinished}: start without --resume")
    kept = checkpoints.read(unfinished, name=engine.name)
    was = kept.card["data"]
    if was.get("sha256") != material.sha256 or any(was.get(key) != value for key, value in material.about.items()):
        raise ValueError(f"{unfinished} was learning from other data ({was}): give the same --data, --n and --pca")
    if kept.config != engine.config:
        raise ValueError(f"{unfinished} has other settings ({kept.config}): give the same --set, or drop --resume")
    engine.load_state_dict(kept.state)
    path = unfinished / checkpoints.FRAMES
    frames = checkpoints.load_frames(path) if path.exists() else []
    return kept.card["steps"], kept.card["wall_time_s"], frames


if __name__ == "__main__":
    sys.exit(main())
