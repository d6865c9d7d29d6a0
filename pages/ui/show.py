"""The stage of a page: a run in the player, its fork beside it, or frames that are ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from engines.engine import Frame
from engines.recorded import Recorded
from engines.run import Run
from pages.ui import forks, live, player, settings, stage
from pages.ui.settings import Choice
from pages.ui.stage import Scene


def run(
    slug: str,
    make: Callable[[], Scene],
    *,
    fixed: Mapping[str, Any],
    changing: Mapping[str, Any] | None = None,
    changes: Sequence[forks.Change] = (),
    on_event: Mapping[str, Callable[[dict[str, Any]], None]] | None = None,
    view: str = "player",
    **options: Any,
) -> live.Live | None:
    """The run for these settings in the player, its fork beside it; what goes wrong is said.

    ``on_event`` takes what the hand did on the stage ("points", "means", "cells"); a fork and a lost run are seen to.
    """
    run_slot, rival_slot = f"{slug}:run", f"{slug}:rival"
    with st.spinner("Preparing the stage"):
        record, problem = stage.keep(run_slot, fixed=fixed, changing=changing or {}, make=make)
    if problem:
        st.warning(problem)
    if record is None:
        return None
    st.session_state["stage:shown"] = record.token
    rival = forks.of(slug, record, rival_slot)

    def happened(key: str) -> Callable[[str], None]:
        def see(name: str) -> None:
            event = (st.session_state.get(key) or {}).get(name)
            if name == "gone":
                stage.drop(run_slot)
            elif event and name == "fork":
                forks.ask(slug, int(event.get("step", 0)))
            elif event and on_event and name in on_event:
                on_event[name](event)

        return see

    def shown(one: live.Live, key: str, **more: Any) -> None:
        present = st.query_params.get("present") == "1"
        player.player(
            one.token,
            key=key,
            on_event=happened(key),
            slug=slug,
            present=present,
            go=stage.goes(run_slot),
            **options | more,
        )

    if rival is None:
        shown(record, f"{slug}:player:{view}", numbers=record.explain is not None, forkable=bool(changes))
    else:
        left, right = st.columns(2)
        with left:
            shown(record, f"{slug}:player:{view}-a", title="The run as it was", lead=True, group=record.token)
        with right:
            shown(rival, f"{slug}:player:{view}-b", title=forks.title(slug), lead=False, open="end", group=record.token)
        st.button("Back to one run", on_click=forks.drop, args=(slug, rival_slot))
    forks.form(slug, record, rival_slot, changes)
    return record


def learn(
    slug: str, make: Callable[..., Scene], own: Sequence[Any], chosen: Mapping[str, Any], *, of: Any, **options: Any
) -> live.Live | None:
    """One that learns now, from its settings: ``live`` ones change it as it goes, and are what a fork may change."""
    fixed, changing = (settings.of_engine(own, chosen, live=on) for on in (False, True))
    changes = [forks.Change(field=s.field, choice=s, parse=s.kind) for s in own if s.live and isinstance(s, Choice)]
    return run(
        slug, lambda: make(**fixed, **changing), fixed={"of": of, **fixed}, changing=changing, changes=changes,
        **{"autoplay": True, "speed": "max", "wide": True, **options},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Frames that are ready, how one is drawn, and what it says in numbers."""

    frames: Sequence[Frame]
    base: dict[str, Any]
    draw: Callable[[Frame], dict[str, Any]]
    numbers: Callable[[Frame], live.Blocks] | None = None
    explain: Callable[[Frame, dict[str, Any]], live.Explanation] | None = None  # where the hand points at something


def film(slug: str, make: Callable[..., Film], *args: Any, **options: Any) -> live.Live | None:
    """``make(*args)`` in the player: a recorded training, or what a model makes of the arguments. It is made anew
    when they change.
    """

    def scene() -> Scene:
        made = make(*args)
        ready = Run(Recorded(made.frames), slots=live.SLOTS)
        ready.play(None)
        explain = made.explain or (made.numbers and (lambda frame, _: made.numbers(frame)))
        return Scene(run=ready, base=made.base, draw=made.draw, explain=explain)

    of = (make.__name__, *(arg.tobytes() if isinstance(arg, np.ndarray) else arg for arg in args))
    return run(
        slug, scene, fixed={"of": of}, view=make.__name__, **{"autoplay": True, "speed": 4, "wide": True, **options}
    )


def restart(slug: str) -> None:
    forks.drop(slug, f"{slug}:rival")
    stage.drop(f"{slug}:run")


def shown_last() -> str | None:
    """The token of what this run of the script put on the stage."""
    return st.session_state.pop("stage:shown", None)
