"""The lines of Python that make the step on the stage again, through `engines`, or find it in the training that ships;
the weights of what learned here.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engines.run import Run
from pages.ui import live
from pages.ui.reel import Reel

# A page says so where its engine is given no data and makes, or finds, its own.
OF_ITSELF = "# The engine has its data by itself."
ROOT = Path(__file__).parents[2]


def offered(record: live.Live) -> bool:
    """Whether this run can be written as code: an engine that takes no data, or whose data its page can name; frames
    that ship.
    """
    if isinstance(record.run, Reel):
        return bool(record.data_code)
    engine = getattr(record.run, "engine", None)
    return isinstance(record.run, Run) and engine is not None and (engine.data is None or bool(record.data_code))


def of_made(make: Callable[..., Any], args: Sequence[Any]) -> str:
    """The lines that make a film as its page does, by the function that stands there to be read; "" where it is made
    of what has no words, such as a drawing or a photo of one's own.
    """
    function = inspect.unwrap(make)
    file = Path(function.__code__.co_filename)
    if "." in function.__qualname__ or ROOT not in file.parents or not all(map(_has_words, args)):
        return ""
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    call = f"{function.__name__}({', '.join(map(repr, args))})"
    return f"from {module} import {function.__name__}\n\nfilm = {call}\nframes = film.frames"


def _has_words(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_has_words, value))
    return value is None or isinstance(value, (str, bool, int, float))


def of_step(record: live.Live, step: int) -> str:
    """The code; it prints the scalars of that step, or the caption of a picture that is made. ValueError where the run
    has ended or cannot be written down.
    """
    if not offered(record):
        raise ValueError("the code of this run cannot be written down: its engine is gone, or its data are your own")
    run: Any = record.run
    if isinstance(run, Reel):
        found = f"frame = next(frame for frame in frames if frame.step == {run.at(step).step})"
        shown = ["print(dict(frame.scalars))"]
        if "film = " in record.data_code:
            shown = ["picture = film.draw(frame)", 'print(picture["caption"])']
        return "\n".join([*record.data_code.splitlines(), "", found, *shown])
    engine = run.engine
    # The settings that it began with, and those after every change of them, up to this step; a fork may change step 0.
    held = {at: run.config_at(at) for at in range(-1, step + 1)}
    given = {f.name: getattr(held[-1], f.name) for f in fields(held[-1]) if getattr(held[-1], f.name) != f.default}
    settings = "".join(f", {name}={value!r}" for name, value in given.items())
    data = ", data=data" if "data = " in record.data_code else ""
    lines = ["import engines", *record.data_code.splitlines(), ""]
    lines.append(f'engine = engines.create("{engine.name}"{data}, device="{engine.device}"{settings})')
    done = 0
    for at in range(step + 1):
        if held[at] == held[at - 1]:
            continue
        changed = {f.name: getattr(held[at], f.name) for f in fields(held[at])}
        changed = {name: value for name, value in changed.items() if value != getattr(held[at - 1], name)}
        lines += _steps(at - done)
        lines.append(f"changed = rebuild(engine, **{changed!r})  # as it was changed at step {at}")
        lines += ["changed.load_state_dict(engine.state_dict())", "engine = changed"]
        done = at
    lines += [*_steps(step - done), "print(dict(engine.frame().scalars))"]
    if any(line.startswith("changed") for line in lines):
        lines.insert(1, "from engines.engine import rebuild")
    return "\n".join(lines)


def _steps(n: int) -> list[str]:
    return [f"for _ in range({n}):", "    engine.step()"] if n else []


def weights(request: Request) -> Response:
    """What the run of this token has learned so far, as one .npz of arrays named as in its state."""
    record = live.TABLE.get(PurePath(request.path_params["token"]).name)
    run = record.run if record else None
    if not isinstance(run, Run) or run.engine is None:
        return Response("There is no such run any more: start it again.", status_code=404)
    arrays = {}
    with run.steady() as engine:
        for name, value in engine.state_dict().items():
            if hasattr(value, "detach"):
                arrays[name] = value.detach().cpu().numpy().copy()
            elif isinstance(value, np.ndarray):
                arrays[name] = value.copy()
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return Response(out.getvalue(), media_type="application/octet-stream")


ROUTES = [Route("/lab/weights/{token}", weights)]
