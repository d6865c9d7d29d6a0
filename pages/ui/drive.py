"""An environment under the viewer's hand: the component, and the demonstrations that it gives."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.imitation import demonstrations
from engines.imitation.demonstrations import MAX_TRAJECTORIES, Trajectory
from engines.imitation.environments import environment
from pages.ui import player

REST = {"pendulum": [3.14159, 0.0], "cartpole": [0.0, 0.0, 0.03, 0.0], "mountain-car": [-0.5, 0.0]}


def show(name: str, *, key: str, speed: float) -> None:
    """The environment ``name`` to drive; an episode that is over joins the viewer's demonstrations."""
    data = {"environment": name, "rest": REST[name], "speed": speed}
    player.mount("drive", key=key, data=data, on_driven_change=lambda: driven(key))


def driven(key: str) -> None:
    """What the hand has driven, before the page runs again."""
    event = (st.session_state.get(key) or {}).get("driven")
    if event:
        st.session_state["gail:refused"] = add(event)


def mine(name: str) -> list[Trajectory]:
    """The viewer's demonstrations of an environment."""
    held: dict[str, list[Trajectory]] = st.session_state.setdefault("gail:driven", {})
    return held.setdefault(name, [])


def add(event: dict[str, Any]) -> str:
    """One more demonstration; a sentence where it is none."""
    try:
        env = environment(str(event.get("environment")))
        if len(mine(env.name)) >= MAX_TRAJECTORIES:
            return f"You have {MAX_TRAJECTORIES} demonstrations, the most that are kept: take some away first."
        one = demonstrations.trajectory(
            env, event.get("states"), event.get("actions"), terminated=event.get("terminated") is True
        )
        demonstrations.check(env, len(mine(env.name)) + 1, one)
    except ValueError as error:
        return str(error)
    mine(env.name).append(one)
    return ""
