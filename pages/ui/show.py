"""The stage of a page: a run in the player, its fork or its cure beside it, or frames that are ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from engines.engine import Frame
from engines.run import Run
from pages.ui import code, forks, live, player, settings, stage
from pages.ui.live import Live
from pages.ui.reel import Reel
from pages.ui.settings import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Another run that plays with the one on the stage: the titles of both, what makes it, what changes as it goes."""

    titles: tuple[str, str]
    make: Callable[[], Live]
    changing: Mapping[str, Any] = field(default_factory=dict)


def slot(slug: str) -> str:
    return f"{slug}:run"


def run(
    slug: str,
    make: Callable[[], Live],
    *,
    fixed: Mapping[str, Any],
    changing: Mapping[str, Any] | None = None,
    changes: Sequence[forks.Change] = (),
    cured: Callable[[Mapping[str, Any]], Live] | None = None,
    on_event: Mapping[str, Callable[[dict[str, Any]], None]] | None = None,
    view: str = "player",
    other: Beside | None = None,
    **options: Any,
) -> Live | None:
    """The run for these settings in the player, its fork or the ``other`` beside it; what goes wrong is said.

    ``on_event`` takes what the hand did on the stage ("points", "means", "cells", "reroll"); forks and lost runs are
    seen to.
    """
    run_slot, rival_slot = slot(slug), f"{slug}:rival"
    with st.spinner("Preparing the stage"):
        record, problem = stage.keep(run_slot, fixed=fixed, changing=changing or {}, make=make)
    if problem:
        before = " The stage shows what was there before." if record is not None else ""
        st.warning(f"{problem[:1].upper()}{problem[1:].rstrip('.')}.{before}")
    if record is None:
        return None
    if cured is not None and (wanted := st.session_state.pop(f"{slug}:beside", None)):
        title, values = wanted
        stage.put(rival_slot, cured(values))
        forks.name(slug, record, title)
    rival = forks.of(slug, record, rival_slot)
    forked, titles = rival is not None, ("The run as it was", forks.title(slug))
    if other is not None and not forked:
        titles = other.titles
        its = {**fixed, "beside": titles}
        rival, problem = stage.keep(rival_slot, fixed=its, changing=other.changing, make=other.make)
        if problem:
            st.warning(problem)
    elif not forked:
        stage.drop(rival_slot)

    def happened(key: str) -> Callable[[str], None]:
        def see(name: str) -> None:
            event = (st.session_state.get(key) or {}).get(name)
            if name == "gone":
                stage.drop(run_slot)
            elif event and name == "fork" and "pixel" in event and on_event and "reroll" in on_event:
                on_event["reroll"](event)
            elif event and name == "fork":
                forks.ask(slug, int(event.get("step", 0)))
            elif event and on_event and name in on_event:
                on_event[name](event)

        return see

    def shown(one: Live, key: str, **more: Any) -> None:
        player.player(
            one.token,
            key=key,
            on_event=happened(key),
            slug=slug,
            go=stage.goes(run_slot),
            code=code.offered(one),
            **options | more,
        )

    if rival is None:
        shown(record, f"{slug}:stage:{view}", numbers=record.explain is not None, forkable=bool(changes))
    else:
        left, right = st.columns(2)
        with left:
            shown(record, f"{slug}:stage:{view}-a", title=titles[0], lead=True, group=record.token)
        with right:
            opening = {"open": "end"} if forked else {}
            shown(rival, f"{slug}:stage:{view}-b", title=titles[1], lead=False, group=record.token, **opening)
        if forked:
            st.button("Back to one run", on_click=forks.drop, args=(slug, rival_slot))
    live.TABLE.wait_until_drawn(record.token)
    forks.form(slug, record, rival_slot, changes)
    return record


def learn(
    slug: str,
    make: Callable[..., Live],
    own: Sequence[Any],
    chosen: Mapping[str, Any],
    *,
    of: Any,
    changes: Sequence[forks.Change] = (),
    **options: Any,
) -> Live | None:
    """One that learns now, from its settings: ``live`` ones change it as it goes. A fork may change the ``changes``,
    or else the live choices.
    """
    fixed, changing = (settings.of_engine(own, chosen, live=on) for on in (False, True))
    choices = [setting for setting in own if setting.live and isinstance(setting, Choice)]
    changes = changes or [forks.Change(field=s.field, choice=s, parse=s.kind) for s in choices]

    def made() -> Live:
        return make(**fixed, **changing)

    def cured(values: Mapping[str, Any]) -> Live:
        other = {key: value for on in (False, True) for key, value in settings.of_engine(own, values, live=on).items()}
        return make(**other)

    return run(
        slug, made, fixed={"of": of, **fixed}, changing=changing, changes=changes, cured=cured,
        **{"autoplay": True, "speed": "max", "wide": True, "weights": True, **options},
    )  # fmt: skip


def learning(engine: Any, how: Mapping[str, Any], code: str) -> Live:
    """An engine that starts to learn now, for `learn`. ``how`` is its base, draw and explain, the same for a fork;
    ``code`` are the lines that make its data. Once a second is enough: watching must not slow it.
    """

    def of(run: Run) -> Live:
        return Live(run=run, again=of, data_code=code, **how)

    return of(Run(engine, slots=live.SLOTS, frame_interval=1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Frames that are ready, how one is drawn, and what it says in numbers."""

    frames: Sequence[Frame]
    base: dict[str, Any]
    draw: Callable[[Frame], dict[str, Any]]
    numbers: Callable[[Frame], live.Blocks] | None = None
    explain: Callable[[Frame, dict[str, Any]], live.Explanation] | None = None  # where what is picked matters
    code: str = ""  # the lines of Python that load `frames`, where they ship


def still(base: dict[str, Any], words: str, numbers: Callable[[Frame], live.Blocks], **held: Any) -> Film:
    """One picture: what it holds, such as ``images``, beside what the base holds."""
    said = {**held, "caption": words}
    return Film(frames=[Frame(step=0)], base=base, draw=lambda _: dict(said), numbers=numbers)


def film(slug: str, make: Callable[..., Film], *args: Any, **options: Any) -> Live | None:
    """``make(*args)`` in the player: a recorded training, or what a model makes of the arguments. It is made anew
    when they change.
    """

    def ready() -> Live:
        made = make(*args)
        explain = made.explain or (made.numbers and (lambda frame, _: made.numbers(frame)))
        lines = made.code or code.of_made(make, args)
        return Live(run=Reel(made.frames), base=made.base, draw=made.draw, explain=explain, data_code=lines)

    of = (make.__name__, *(arg.tobytes() if isinstance(arg, np.ndarray) else arg for arg in args))
    return run(
        slug, ready, fixed={"of": of}, view=make.__name__, **{"autoplay": True, "speed": 4, "wide": True, **options}
    )


def restart(slug: str) -> None:
    """From the first step; for a callback."""
    alone(slug)
    stage.drop(slot(slug))


def beside(slug: str, title: str, values: Mapping[str, Any]) -> None:
    """A second run with other settings beside the one on the stage, both from their start; for a callback."""
    restart(slug)
    st.session_state[f"{slug}:beside"] = (title, values)


def alone(slug: str) -> None:
    """Take away what stands beside the run."""
    forks.drop(slug, f"{slug}:rival")


def frames(slug: str) -> list[Frame]:
    """The frames on the stage up to the step that the viewer sees: what a question is checked on."""
    record = stage.current(slot(slug))
    if record is None:
        return []
    upto = record.shown
    return [frame for frame in record.run.history.after(-1) if upto is None or frame.step <= upto]


def standing(slug: str, key: str, view: str, what: str) -> dict[str, float]:
    """The scalars of the step on the stage; ValueError where it is not the view that says ``key``."""
    found = frames(slug)
    if not found or key not in found[-1].scalars:
        raise ValueError(f"Open “{view}” first: this is about {what} there.")
    return dict(found[-1].scalars)
