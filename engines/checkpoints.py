r"""Weights and their card, saved whole and loaded with suspicion; nothing is ever unpickled.

A checkpoint is a folder, `checkpoints/NAME[/VARIANT]`, of two files:

- `weights.safetensors`: the tensors of the engine's state, and, under the prefix `data.`, tensors that
  belong to its data (the PCA that leads back to pixels);
- `card.json`: what it is and where it comes from; the rest of the state (numbers, strings) under `state`.

Loading checks name, config, hash, keys, shapes, types, in that order; each failure is a CheckpointError,
one sentence that ends in a remedy. A setting that is younger than a checkpoint takes its default.

Writing: the new weights lie beside the old ones as `weights.safetensors.new`, then one move puts the new card in its
place, then the weights follow it. Wherever that is cut short, the card in place finds the weights that it names.
The card covers itself by a checksum. Sizes are compared with the card before anything is read, and the state with a
network that takes no memory before the engine is made.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines import devices
from engines.engine import Engine, Frame, check_types, engine_class
from engines.maths.pca import PCA

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "checkpoints"
WEIGHTS, CARD = "weights.safetensors", "card.json"
FRAMES = "frames.safetensors"  # a recorded run, beside the weights that it led to
FORMAT = 2
NEW = ".new"  # what a file is called until the card names it
MAX_WEIGHT_BYTES = 200 << 20
MAX_CARD_BYTES = 1 << 20
MAX_FRAMES_BYTES = 20 << 20
_DATA = "data."
_CARD_TYPES = {
    **dict.fromkeys(("engine", "variant", "weights_sha256", "checksum"), str),
    **dict.fromkeys(("config", "data", "metrics", "tensors", "state"), dict),
    "steps": int,
}


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, in one sentence."""


def _damaged(directory: Path, what: str) -> CheckpointError:
    """For what a copy from git mends."""
    shown = _shown(directory)
    return CheckpointError(f"{shown}/{what}: restore it with git checkout -- {shown}")


def _unfit(directory: Path, what: str, card: Mapping[str, Any]) -> CheckpointError:
    """For what the code of today cannot use."""
    remedy = f"train it again with python -m engines.train {card['engine']}"
    return CheckpointError(f"{_shown(directory)}: {what}: {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A checkpoint whose two files fit each other."""

    directory: Path
    card: Mapping[str, Any]
    config: Any  # the engine's own Config, validated
    state: dict[str, Any]  # what load_state_dict takes
    data: dict[str, Tensor] = field(default_factory=dict)  # tensors of its data, without the prefix

    @property
    def pca(self) -> PCA | None:
        """The map between the engine's space and the data's own (pixels in 0..1), where there is one."""
        if "pca.mean" not in self.data:
            return None
        names = ("mean", "components", "explained_variance", "explained_ratio")
        return PCA(**{name: self.data[f"pca.{name}"].numpy() for name in names})


def folder(name: str, variant: str = "") -> Path:
    """Where the checkpoint NAME[/VARIANT] lies."""
    for part in (name, variant or "x"):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", part):
            raise CheckpointError(
                f"{part[:80]!r} cannot name a checkpoint: use up to 64 small letters, digits, '-', '_' and '.'"
            )
    return FOLDER / name / variant if variant else FOLDER / name


def save(
    directory: str | Path,
    engine: Engine,
    *,
    data: Mapping[str, Any],
    metrics: Mapping[str, float],
    wall_time: float,
    command: str,
    steps: int | None = None,
    variant: str = "",
    data_tensors: Mapping[str, Any] | None = None,
    finished: bool = True,
    half: bool = False,
    frames: Sequence[Frame] = (),
) -> Path:
    """Write the engine's state and its card into ``directory``; returns the directory.

    ``wall_time`` in seconds; ``steps`` are those of the engine's frame unless given; ``data`` is what the card says of
    them (name, sha256, split, rows), ``data_tensors`` go into the weights file. A ``finished`` one leaves out what only
    learning on needs (the engine's ``training_state``: Adam's moments are twice the weights).
    ``frames`` are a recorded run that led there. CheckpointError where it cannot be written; what was there stays.
    ``half`` keeps float32 weights as float16, half the size; they are loaded as float32 again.
    """
    import safetensors.torch
    import torch

    tensors: dict[str, Tensor] = {}
    state: dict[str, Any] = {}
    for key, value in engine.state_dict().items():
        if finished and key.startswith(engine.training_state):
            continue
        if isinstance(value, torch.Tensor):
            tensors[key] = value
        else:
            state[key] = _to_json(key, value)
    if clash := [key for key in tensors if key.startswith(_DATA)]:
        raise CheckpointError(f"{engine.name} keeps {clash[0]!r} in its state: rename it, {_DATA!r} is for its data")
    weights = (t for key, t in tensors.items() if not key.startswith(engine.training_state))
    parameters = sum(t.numel() for t in weights if t.is_floating_point())
    for key, value in {**engine.tensors_of_data(), **(data_tensors or {})}.items():
        tensors[_DATA + key] = torch.as_tensor(np.array(value))
    # A clone each: safetensors takes neither views of one memory nor strides.
    tensors = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    if half:
        tensors = {key: _halved(key, value) for key, value in tensors.items()}
    raw = safetensors.torch.save(tensors)

    config = asdict(engine.config)
    card = {
        "format": FORMAT,
        "engine": engine.name,
        "variant": variant,
        "config": config,
        "data": dict(data),
        "seed": config.get("seed"),
        "steps": engine.frame().step if steps is None else steps,
        "device": devices.describe(engine.device),
        "wall_time_s": round(wall_time, 3),
        "parameter_count": int(engine.n_parameters or parameters),
        "metrics": {key: _to_json(key, value) for key, value in metrics.items()},
        "command": command,
        "commit": _commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "safetensors": safetensors.__version__,
        },
        "precision": "half" if half else "full",
        "weights_sha256": hashlib.sha256(raw).hexdigest(),
        "tensors": {key: _kind(value) for key, value in sorted(tensors.items())},
        "state": state,
    }
    files = {WEIGHTS: raw}
    if frames:
        files[FRAMES] = frames_as_bytes(frames)
        card["frames_sha256"] = hashlib.sha256(files[FRAMES]).hexdigest()
    card["checksum"] = checksum(card)
    directory = Path(directory)
    text = json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _commit_files(directory, files, text.encode())
    except OSError as error:
        raise CheckpointError(
            f"{_shown(directory)} cannot be written ({error.strerror or error}): make room or give another --out; "
            "what was there is as it was"
        ) from error
    return directory


def checksum(card: Mapping[str, Any]) -> str:
    """sha256 of all that a card says but its checksum."""
    rest = {key: value for key, value in card.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _commit_files(directory: Path, files: Mapping[str, bytes], card: bytes) -> None:
    """All files whole beside their places; then the card, in one move; then the rest follows."""
    staged = {name: directory / (name + NEW) for name in (*files, CARD)}
    try:
        for name, raw in {**files, CARD: card}.items():
            with staged[name].open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
        os.replace(staged[CARD], directory / CARD)
    except BaseException:
        for path in staged.values():
            path.unlink(missing_ok=True)
        raise
    for name in files:
        os.replace(staged[name], directory / name)


def _settle(directory: Path, card: Mapping[str, Any]) -> None:
    """Finish a writing that was cut short behind the card: the files that it names move to their places."""
    for name, key in ((WEIGHTS, "weights_sha256"), (FRAMES, "frames_sha256")):
        new = directory / (name + NEW)
        try:
            small = new.is_file() and new.stat().st_size <= MAX_WEIGHT_BYTES
            if small and hashlib.sha256(new.read_bytes()).hexdigest() == card.get(key):
                os.replace(new, directory / name)
        except OSError:
            continue  # a folder that cannot be written: then what is in place is looked at


def read(directory: str | Path, *, name: str | None = None, variant: str | None = None) -> Checkpoint:
    """The checkpoint in ``directory``, its two files checked against each other (and ``name``, if given)."""
    import torch

    directory = Path(directory)
    card = _read_card(directory)
    _settle(directory, card)
    for key, wanted in (("engine", name), ("variant", variant)):
        if wanted is not None and card[key] != wanted:
            raise _damaged(directory, f"{CARD} is of {key} {card[key]!r}, not {wanted!r} (ask for {card[key]!r})")
    config = _config(card, directory)

    tensors = _read_tensors(directory, card)
    described = card["tensors"]
    for key in sorted(set(described) ^ set(tensors)):
        where = f"{WEIGHTS} lacks" if key in described else f"{CARD} does not list"
        raise _damaged(directory, f"{where} the tensor {key!r}")
    for key, value in sorted(tensors.items()):
        if _kind(value) != described[key]:
            raise _damaged(directory, f"{WEIGHTS}: {key!r} is {_kind(value)}, but {CARD} says {described[key]}")
    if card.get("precision") == "half":
        tensors = {key: value.float() if value.dtype == torch.float16 else value for key, value in tensors.items()}
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise _unfit(directory, f"{key!r} holds numbers that are not finite", card)
    try:
        state = {key: _from_json(value) for key, value in card["state"].items()}
    except (ValueError, TypeError) as error:
        raise _damaged(directory, f"{CARD} has a damaged state ({_one_line(error)})") from error
    state |= {key: value for key, value in tensors.items() if not key.startswith(_DATA)}
    data = {key.removeprefix(_DATA): value for key, value in tensors.items() if key.startswith(_DATA)}
    return Checkpoint(directory=directory, card=card, config=config, state=state, data=data)


def load_engine(name: str, variant: str = "", *, data: Any = None, device: str = "auto") -> Engine:
    """The engine of ``checkpoints/NAME[/VARIANT]``, ready to sample, score and decode.

    It needs no training data. To let it learn on, give the ``data``; without it a mixture stands on its
    own means alone, so that its `step` and its log-likelihood over the data mean nothing.
    """
    directory = folder(name, variant)
    if not (directory / CARD).exists():
        raise CheckpointError(
            f"no checkpoint of {'/'.join(filter(None, (name, variant)))!r} is in {_shown(directory)}: known: "
            f"{', '.join(available()) or 'none'}, or make it with python -m engines.train {name}"
        )
    return restore(read(directory, name=name, variant=variant), data=data, device=device)


@lru_cache(maxsize=8)
def teacher(name: str, variant: str, device: str) -> Any:
    """The shipped network that teaches or judges others, frozen, loaded once for a device."""
    engine: Any = load_engine(name, variant, device=device)
    engine.network.requires_grad_(False)
    return engine


def restore(checkpoint: Checkpoint, *, data: Any = None, device: str = "auto") -> Engine:
    """The engine of a checkpoint, its state checked against what such an engine keeps."""
    card, state, directory = checkpoint.card, checkpoint.state, checkpoint.directory
    name = card["engine"]
    cls = engine_class(name)
    try:
        if data is None:
            data = cls.stand_in({**state, **{_DATA + key: value for key, value in checkpoint.data.items()}})
        for key, wanted in cls.shapes_of(checkpoint.config).items():  # before any of it is allocated
            found = tuple(state[key].shape) if key in state else "no tensor"
            if found != wanted:
                raise _unfit(directory, f"{key!r} has shape {found}, {name} keeps {wanted}", card)
        engine = cls(checkpoint.config, data=data, device=device)
    except CheckpointError:
        raise
    except Exception as error:  # whatever a hostile setting brings about
        raise _damaged(directory, f"{CARD} does not make a {name} ({_one_line(error)})") from error
    for key, value in engine.state_dict().items():
        if key not in state and key.startswith(engine.training_state):
            continue
        if key not in state:
            raise _unfit(directory, f"it lacks {key!r} of {name}'s state", card)
        wanted, found = _kind(value), _kind(state[key])
        if 0 in getattr(value, "shape", ()):  # what is empty at the start may have grown since
            wanted, found = wanted.split()[-1], found.split()[-1]
        if wanted != found and (value is not None or hasattr(state[key], "dtype")):  # None may have become a number
            raise _unfit(directory, f"{key!r} is {found}, {name} keeps {wanted}", card)
    try:
        engine.load_state_dict(state)
    except Exception as error:  # whatever a hostile state brings about
        raise _unfit(directory, f"it does not fit {name} ({_one_line(error)})", card) from error
    return engine


def available() -> tuple[str, ...]:
    """What ships: "gmm", "gmm/tied", ..."""
    return tuple(sorted(card.parent.relative_to(FOLDER).as_posix() for card in FOLDER.glob(f"**/{CARD}")))


# -- recorded runs -----------------------------------------------------------------------------------


def frames_as_bytes(frames: Sequence[Frame]) -> bytes:
    """A recorded run: all frames in one safetensors file, exactly as they are."""
    import safetensors.numpy

    arrays: dict[str, np.ndarray] = {}
    heads = []
    for i, frame in enumerate(frames):
        scalars = {key: _to_json(key, value) for key, value in frame.scalars.items()}
        heads.append({"step": frame.step, "phase": frame.phase, "scalars": scalars, "arrays": list(frame.arrays)})
        for name, array in frame.arrays.items():
            if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
                raise CheckpointError(f"frame {frame.step}: {name!r} is {array.dtype}: give booleans or numbers")
            arrays[f"{i}/{name}"] = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    raw = safetensors.numpy.save(arrays, {"frames": json.dumps(heads, allow_nan=False)})
    if len(raw) > MAX_FRAMES_BYTES:
        raise CheckpointError(
            f"{len(heads)} frames take {len(raw):,} bytes, the limit is {MAX_FRAMES_BYTES:,}: keep fewer frames"
        )
    return raw


def load_frames(path: str | Path) -> list[Frame]:
    """The frames of a recorded run; CheckpointError where the file is missing, too large or damaged."""
    import safetensors
    import safetensors.numpy

    path = Path(path)
    try:
        arrays = safetensors.numpy.load(_read_file(path, MAX_FRAMES_BYTES))
        with safetensors.safe_open(path, framework="np") as opened:
            heads = json.loads((opened.metadata() or {})["frames"])
        return [
            Frame(
                step=head["step"],
                phase=head["phase"],
                scalars={key: _from_json(value) for key, value in head["scalars"].items()},
                arrays={name: arrays[f"{i}/{name}"] for name in head["arrays"]},
            )
            for i, head in enumerate(heads)
        ]
    except CheckpointError:
        raise
    except (safetensors.SafetensorError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise _damaged(path.parent, f"{path.name} is no recorded run ({_one_line(error)})") from error


# -- the two files -----------------------------------------------------------------------------------


def _read_file(path: Path, most: int) -> bytes:
    """The bytes of a file of at most so many; what is no file (a pipe would wait for ever) is missing."""
    try:
        if not path.is_file():
            raise OSError
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError:
        raise _damaged(path.parent, f"{path.name} is missing") from None
    if len(raw) > most:
        raise _damaged(path.parent, f"{path.name} is damaged (more than {most:,} bytes, the limit)")
    return raw


def _read_card(directory: Path) -> dict[str, Any]:
    raw = _read_file(directory / CARD, MAX_CARD_BYTES)
    try:
        card = json.loads(raw)
    except (ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise _damaged(directory, f"{CARD} is damaged (no JSON record)")
    if card.get("format") != FORMAT:
        raise _damaged(directory, f"{CARD} has format {card.get('format')!r}, this version reads {FORMAT}")
    for key, kind in _CARD_TYPES.items():
        if not isinstance(card.get(key), kind):
            raise _damaged(directory, f"{CARD} lacks {key!r} as {kind.__name__}")
    if card["checksum"] != checksum(card):
        raise _damaged(directory, f"{CARD} is damaged: it does not add up to its checksum")
    return card


def _config(card: Mapping[str, Any], directory: Path) -> Any:
    """The Config that the card describes, validated by itself."""
    try:
        config = engine_class(card["engine"]).Config
    except ValueError as error:
        raise CheckpointError(f"{_shown(directory)}/{CARD}: {error}") from error
    known = [f.name for f in fields(config)]
    for key in card["config"]:
        if key not in known:
            what = f"has the setting {key!r}, which {card['engine']} does not know (known: {', '.join(known)})"
            raise _unfit(directory, f"{CARD} {what}", card)
    settings = {key: as_tuples(value) for key, value in card["config"].items()}
    try:
        check_types(config, settings)
        return config(**settings)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _damaged(directory, f"{CARD} has a wrong setting ({_one_line(error)})") from error


def _read_tensors(directory: Path, card: Mapping[str, Any]) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    least = _bytes_of(card, directory)
    raw = _read_file(directory / WEIGHTS, least + 1024 + 1024 * len(card["tensors"]))
    if len(raw) < least:
        raise _damaged(directory, f"{WEIGHTS} is damaged ({len(raw):,} bytes, the card's tensors take {least:,})")
    found, expected = hashlib.sha256(raw).hexdigest(), card["weights_sha256"]
    if found != expected:
        what = f"sha256 starts {found[:4]}.., expected {expected[:4]}.."
        raise _damaged(directory, f"{WEIGHTS} is damaged ({what})")
    try:
        return safetensors.torch.load(raw)
    except safetensors.SafetensorError as error:
        raise _damaged(directory, f"{WEIGHTS} is no safetensors file ({_one_line(error)})") from error


_ITEM_BYTES = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "float32": 4,
               "int64": 8, "float64": 8}  # fmt: skip


def _bytes_of(card: Mapping[str, Any], directory: Path) -> int:
    """What the tensors that a card lists take: "10x50x50 float64" each."""
    total = 0
    for key, text in card["tensors"].items():
        match = re.fullmatch(r"(scalar|[0-9]{1,10}(?:x[0-9]{1,10}){0,7}) ([a-z0-9]+)", str(text))
        if match is None or match[2] not in _ITEM_BYTES:
            raise _damaged(directory, f"{CARD}: {key!r} is {str(text)[:40]!r}, not a shape and type")
        shape = [] if match[1] == "scalar" else [int(n) for n in match[1].split("x")]
        total += math.prod(shape) * _ITEM_BYTES[match[2]]
    if total > MAX_WEIGHT_BYTES:
        raise _damaged(directory, f"{CARD} lists {total:,} bytes of tensors, the limit is {MAX_WEIGHT_BYTES:,}")
    return total


def _halved(key: str, value: Tensor) -> Tensor:
    """float32 as float16; CheckpointError where a number has no place there."""
    import torch

    if value.dtype != torch.float32:
        return value
    halved = value.half()
    if not bool(halved.isfinite().eq(value.isfinite()).all()):
        raise CheckpointError(f"{key!r} has numbers above 65,504: keep the weights in full precision, without --half")
    return halved


# -- small things ------------------------------------------------------------------------------------


def _to_json(key: str, value: Any) -> Any:
    """Numbers and strings as JSON holds them exactly; NaN and infinity as {"float": "nan"}."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise CheckpointError(f"{key!r} is a {type(value).__name__}: keep tensors, numbers, booleans or strings")


def _from_json(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"a whole number of {len(str(value))} digits")
    return float(value["float"]) if isinstance(value, dict) and "float" in value else value


def as_tuples(value: Any) -> Any:
    """A JSON value as a frozen Config holds it: lists, at every depth, as tuples."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value


def _kind(value: Any) -> str:
    """A tensor's shape and type, "10x50x50 float64", of a single number "scalar float64"; else "int", "str"."""
    if isinstance(value, np.generic):
        value = value.item()
    if not hasattr(value, "dtype"):
        return type(value).__name__
    return f"{'x'.join(map(str, value.shape)) or 'scalar'} {str(value.dtype).removeprefix('torch.')}"


@lru_cache(maxsize=1)
def _commit() -> str:
    """The commit of the code, "+changes" where engines/ differs from it; "" outside git."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", "engines") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _one_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".:")
