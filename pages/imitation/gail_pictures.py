"""Frames of imitation as pictures: D over the state space, what the policy does there, where both have been."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.engine import Frame
from engines.imitation.demonstrations import Demonstrations
from engines.imitation.environments import BODIES, environment, wrap
from engines.imitation.gail import BODY_PLACES, BODY_STEPS, FIELD, reward
from pages.ui import sheets
from pages.ui.live import Blocks
from pages.ui.maths import latex, number

AXES = {  # of the state, drawn
    "pendulum": (0, 1), "mountain-car": (0, 1), "cartpole": (2, 3), "acrobot": (0, 1), "halfcheetah": (9, 2),
}  # fmt: skip
RANGES = {
    "cartpole": ((-0.22, 0.22), (-2.2, 2.2)),
    "halfcheetah": ((-3, 7), (-2, 2)),
}  # of the axes, where less than all is of interest
EVERY = 4  # places of the grid between arrows
MAX_EXPERT = 600
CURVES = (
    (
        "Mean D",
        "probability",
        (("d_expert", "of the expert's pairs"), ("d_learner", "of the learner's")),
        0.5,
        "no telling",
    ),
    ("D's loss", "nats", (("d_loss", "D's loss"),), float(np.log(4)), "log 4: no telling"),
)


def layers_of(name: str, *, cloned: bool, expert: str) -> list[tuple[Any, ...]]:
    """What there is to switch: a state of two numbers has a field; a clone has no discriminator."""
    flat = len(environment(name).low) == 2
    shown: list[tuple[Any, ...]] = [("field", "D of its action")] if flat and not cloned else []
    shown += [("arrows", "Its action")] if flat else []
    shown += [
        ("expert", expert),
        ("learner", "The learner"),
        *([("paths", "Paths", flat)] if name not in BODIES else []),
    ]
    return shown


def base(
    shown: Demonstrations, *, names: tuple[str, str], expert: float, kl_limit: float, cloned: bool
) -> dict[str, Any]:
    """What all pictures of one run share; ``expert`` is the mean return that the demonstrations reach."""
    env = environment(shown.environment)
    i, j = AXES[env.name]
    xs, ys = (np.linspace(env.low[k], env.high[k], FIELD).astype(np.float32) for k in (i, j))
    field = {"type": "heatmap", "x": xs, "y": ys, "showscale": False, "zsmooth": "best", "hoverinfo": "skip"}
    scale = [[0, "@generated/75"], [0.5, "@ground/0"], [1, "@real/75"]]
    lines = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    path = line(env, shown.trajectories[0].states[: 0 if env.name in BODIES else None])
    at = place(env, every(shown.states, MAX_EXPERT))
    dots = {"type": "scatter", "mode": "markers", "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [
        {**field, "zmin": 0.1, "zmax": 0.9, "colorscale": scale, "meta": {"layer": "field"}},
        {
            **dots,
            "x": at[:, 0],
            "y": at[:, 1],
            "marker": {"size": 4, "color": "@real", "opacity": 0.55},
            "meta": {"layer": "expert"},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "marker": {"size": 5, "symbol": "diamond", "color": "@generated", "opacity": 0.7},
            "meta": {"layer": "learner", "pick": "component"},
        },
        {**lines, "line": {"width": 1.5, "color": "@text"}, "meta": {"layer": "arrows"}},
        {**lines, "x": path[:, 0], "y": path[:, 1], "line": {"width": 2, "color": "@real"}, "meta": {"layer": "paths"}},
        {**lines, "line": {"width": 2, "color": "@generated", "dash": "dot"}, "meta": {"layer": "paths"}},
    ]
    sets = [] if cloned else [
        {
            "name": "Return of the batch's episodes",
            "curve_label": "return",
            "curves": [{"scalar": "return", "name": "return", "colour": "@generated"}],
            "curve_mark": {"value": expert, "text": f"{names[0].lower()}: {whole(expert)}"},
        },
        *(
            {**sheets.curves(name, unit, **dict(shown_as)), "curve_mark": {"value": value, "text": text}}
            for name, unit, shown_as, value, text in CURVES
        ),
        {**sheets.curves("KL of the step", "nats", kl="KL"), "curve_mark": {"value": kl_limit, "text": "its limit"}},
    ]  # fmt: skip
    if cloned:
        sets = [sheets.curves("Losses", "a pair", loss="learned from", held_out_loss="held out")]
    first = shown.trajectories[0]
    ends = ((env.low[i], env.high[i]), (env.low[j], env.high[j]))
    return {
        "layout": {
            "xaxis": {"title": env.state_names[i], "range": list(RANGES.get(env.name, ends)[0]), "zeroline": False},
            "yaxis": {"title": env.state_names[j], "range": list(RANGES.get(env.name, ends)[1]), "zeroline": False},
        },
        "traces": traces,
        "curve_sets": sets,
        "pick": {"component": 0},
        **sheets.episodes_base(env.name, *episode(env, first), names=names, share=0.54),
    }


def episode(env: Any, one: Any) -> tuple[np.ndarray, np.ndarray]:
    """A demonstration as it is drawn: its states with the one that its last action leads to (L + 1, S), and its moves.

    Of a body as much as a frame holds of the learner's.
    """
    if env.name in BODIES:
        return one.states[: BODY_STEPS + 1, :BODY_PLACES], one.actions[:BODY_STEPS]
    last = env.step(one.states[-1:], one.actions[-1:])[0]
    return np.concatenate([one.states, last]), one.actions


def every(rows: np.ndarray, n: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int)]


def place(env: Any, states: np.ndarray) -> np.ndarray:
    """Where states (n, S) are drawn (n, 2); a jump around the circle leaves a gap."""
    at = np.asarray(states, dtype=np.float64)[:, list(AXES[env.name])]
    if env.name not in ("pendulum", "acrobot") or not len(at):
        return at.astype(np.float32)
    at = at.copy()
    at[:, 0] = wrap(at[:, 0])
    if env.name == "acrobot":
        at[:, 1] = wrap(at[:, 1])
    return at.astype(np.float32)


def line(env: Any, states: np.ndarray) -> np.ndarray:
    """A path as it is drawn, with gaps where it goes around."""
    at = place(env, states)
    jump = np.flatnonzero(np.abs(np.diff(at, axis=0)).max(axis=1) > np.pi) + 1 if env.name != "cartpole" else []
    return np.insert(at, jump, np.nan, axis=0)


def arrows(env: Any, policy: np.ndarray) -> dict[str, np.ndarray]:
    """Of the grid's places some, each with a line the way that the action changes the speed (upwards: more)."""
    xs, ys = (np.linspace(env.low[k], env.high[k], FIELD)[::EVERY] for k in (0, 1))
    pushed = policy[::EVERY, ::EVERY] / env.bound
    columns, rows = np.meshgrid(xs, ys)
    longest = 0.9 * (ys[1] - ys[0])
    x = np.stack([columns, columns, np.full_like(columns, np.nan)], axis=2).reshape(-1)
    y = np.stack([rows, rows + longest * pushed, np.full_like(rows, np.nan)], axis=2).reshape(-1)
    heads = np.tile([0.0, 7.0, 0.0], len(x) // 3)
    heads[1::3] *= np.abs(pushed.reshape(-1)) > 0.08
    marker = {"symbol": "arrow", "angleref": "previous", "size": heads.astype(np.float32), "color": "@text"}
    return {"x": x.astype(np.float32), "y": y.astype(np.float32), "mode": "lines+markers", "marker": marker}


def picture(frame: Frame, env: Any, *, cloned: bool) -> dict[str, Any]:
    """One step."""
    arrays = frame.arrays
    patches: dict[int, dict[str, Any]] = {}
    if "field" in arrays:
        patches[0] = {"z": (0.5 * (1 + np.tanh(arrays["field"] / 2))).astype(np.float32)}
    if "policy" in arrays:
        patches[3] = arrows(env, arrays["policy"])
    learner = place(env, arrays["learner"] if "learner" in arrays else arrays["path"])
    patches[2] = {"x": learner[:, 0], "y": learner[:, 1]}
    if env.name not in BODIES:
        drawn = line(env, arrays["path"])
        patches[5] = {"x": drawn[:, 0], "y": drawn[:, 1]}
    words = caption(frame, cloned=cloned)
    return {
        "traces": patches,
        "episodes": {"states": arrays["path"].astype(np.float32), "moves": arrays["moves"].astype(np.float32)},
        "step": frame.step,
        "caption": words,
        "alt": f"{words} Left, the expert's and the learner's episode; right, where both have been.",
    }


def caption(frame: Frame, *, cloned: bool) -> str:
    s = frame.scalars
    if cloned:
        return (
            f"Cloning, {s['updates']:,.0f} steps of Adam: the mean loss of a pair is {number(s['loss'])} where it "
            f"learned, {number(s['held_out_loss'])} on pairs held out."
        )
    if "d_expert" not in s:
        return "The learner acts alike everywhere; no pair has been judged yet."
    value = f"its last episodes returned {whole(s['return'])} on average" if "return" in s else "no episode is over yet"
    return (
        f"D takes the expert's pairs for the expert's with probability {s['d_expert']:.2f}, the learner's with "
        f"{s['d_learner']:.2f}; after {s['env_steps']:,.0f} steps in the environment, {value}."
    )


def whole(value: float) -> str:
    """A return without decimals, its minus a sign."""
    return f"{value:,.0f}".replace("-", "−")


def explain(frame: Frame, pick: dict[str, Any], *, env: Any, shown: Any, kind: str, kl_limit: float) -> Blocks:
    """A picked pair of the learner and one of the expert: D, the reward, the advantage; the step's KL and its limit."""
    import torch

    arrays, s = frame.arrays, frame.scalars
    if "logits" not in arrays:
        return [
            {"text": "Cloning has no discriminator and no reward: only the likelihood of the expert's actions."},
            {"table": [["mean loss of a pair", ""], ["learned from", number(s["loss"])],
                       ["held out", number(s["held_out_loss"])]]},
        ]  # fmt: skip
    if not len(arrays["logits"]):
        return [{"text": "No batch yet: press Step."}]
    states, actions = shown
    asked = pick.get("component", 0)
    j = int(asked) if isinstance(asked, int) and 0 <= asked < len(arrays["logits"]) else 0
    i = int(np.argmin(((env.observe(states) - env.observe(arrays["learner"][j : j + 1])) ** 2).sum(axis=1)))
    drawn = list(AXES[env.name]) if env.name in BODIES else slice(None)
    rows = [
        ["", "learner", "nearest of the expert"],
        ["speed, pitch" if env.name in BODIES else "state s"],
        ["action a"],
        ["D(s, a)"],
        ["reward r"],
        ["advantage"],
    ]
    for state, action, logit, made in (
        (arrays["learner"][j], arrays["actions"][j], arrays["logits"][j], number(arrays["advantages"][j])),
        (states[i], actions[i], arrays["expert_logits"][i], "—"),
    ):
        r = float(reward(torch.tensor([float(logit)], dtype=torch.float64), kind))
        where = "(" + ", ".join(f"{round(float(value), 2) + 0.0:.2f}" for value in state[drawn]) + ")"
        acted = (
            env.action_names[int(action)]
            if env.n_actions
            else ", ".join(f"{value:.{2 if np.ndim(action) == 0 else 1}f}" for value in np.atleast_1d(action))
        )
        shares = [where, acted, f"{1 / (1 + np.exp(-float(logit))):.3f}", f"{r:.3f}", made]
        for row, value in zip(rows[1:], shares, strict=True):
            row.append(value.replace("-", "\u2212"))
    formulas = {
        "positive": r"r(s, a) = -\log(1 - D(s, a))",
        "negative": r"r(s, a) = \log D(s, a)",
        "logit": r"r(s, a) = \log D(s, a) - \log(1 - D(s, a))",
    }
    step = "the step was taken" if s["accepted"] else "no length was acceptable, and the policy stayed"
    return [
        {"text": f"Learner's pair {j + 1} of {len(arrays['logits'])}. Click others to see them."},
        {"table": rows},
        {"math": latex(formulas[kind])},
        {"text": f"What follows an episode that ends of itself counts {number(s['after_end'])}."},
        {"math": latex(rf"\mathrm{{KL}} = {number(s['kl'], tex=True)} \le {kl_limit:g}")},
        {"text": f"The policy's last step: {step} after {s['halvings']:.0f} halvings; its entropy is "
                 f"{number(s['entropy'])} nats."},
    ]  # fmt: skip
