"""The environments that the hand drives, in JavaScript, against those of engines/imitation, step by step."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from engines.imitation.environments import environment
from pages.ui import drive

STATIC = Path(drive.player.STATIC)
SCRIPT = """
import {{ ENVIRONMENTS }} from "{module}";
let text = "";
for await (const part of process.stdin) text += part;
const asked = JSON.parse(text);
const env = ENVIRONMENTS[asked.name];
const steps = asked.states.map((state, i) => env.step(state, asked.actions[i]));
const starts = asked.starts.map((u) => env.start(u));
const drawn = asked.states.map((state, i) => env.shapes(state, asked.actions[i]).length);
const {{ limit, size, bound, choices }} = env;
console.log(JSON.stringify({{ steps, starts, drawn, limit, size, bound, choices }}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run JavaScript with")
@pytest.mark.parametrize("name", tuple(drive.REST))
def test_a_step_in_the_browser_is_the_engines_step(name: str):
    env, rng = environment(name), np.random.default_rng(0)
    states = env.low + rng.random((300, len(env.low))) * (env.high - env.low)
    actions = rng.integers(2, size=300) if env.n_actions else rng.uniform(-1.2 * env.bound, 1.2 * env.bound, 300)
    starts = rng.random((20, len(env.low)))
    asked = {"name": name, "states": states.tolist(), "actions": actions.tolist(), "starts": starts.tolist()}
    script = SCRIPT.format(module=(STATIC / "environments.js").as_uri())
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    new, rewards, ended = env.step(states, actions)
    assert np.allclose([step[0] for step in found["steps"]], new, atol=1e-12)
    assert np.allclose([step[1] for step in found["steps"]], rewards, atol=1e-9)
    assert [step[2] for step in found["steps"]] == ended.tolist()
    assert 0 < ended.sum() < 300 or name == "pendulum"
    assert np.allclose(found["starts"], env.start(starts), atol=1e-12)
    assert (found["limit"], found["size"], found["choices"]) == (env.limit, len(env.low), env.n_actions)
    assert found["bound"] == env.bound
    assert min(found["drawn"]) >= 3


def bars_of(model: Path, state: np.ndarray) -> np.ndarray:
    """The ends of the capsules of Gymnasium's model file in this state, by the matrices of its tree: (8, 2, 2)."""
    found: dict[str, np.ndarray] = {}
    joints = {"bthigh": 3, "bshin": 4, "bfoot": 5, "fthigh": 6, "fshin": 7, "ffoot": 8}

    def turn(angle: float) -> np.ndarray:  # about y: of (x, z)
        return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def numbers(element: Any, name: str) -> np.ndarray:
        return np.array([float(word) for word in element.get(name).split()])

    def walk(body: Any, origin: np.ndarray, frame: np.ndarray) -> None:
        name = body.get("name")
        origin = origin + frame @ numbers(body, "pos")[[0, 2]]
        if name == "torso":
            origin, frame = origin + state[:2], turn(state[2])
        else:
            frame = frame @ turn(state[joints[name]])
        for geom in body.findall("geom"):
            if geom.get("fromto"):
                ends = numbers(geom, "fromto").reshape(2, 3)[:, [0, 2]]
            else:
                middle, half = numbers(geom, "pos")[[0, 2]], numbers(geom, "size")[1]
                along = turn(numbers(geom, "axisangle")[3]) @ np.array([0.0, half])
                ends = np.stack([middle - along, middle + along])
            found[geom.get("name")] = origin + ends @ frame.T
        for child in body.findall("body"):
            walk(child, origin, frame)

    walk(ElementTree.parse(model).getroot().find("worldbody/body"), np.zeros(2), np.eye(2))
    return np.stack([found[k] for k in ("torso", "head", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")])


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run JavaScript with")
def test_the_body_is_drawn_where_its_model_file_has_it():
    import gymnasium

    model = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "half_cheetah.xml"
    states = np.random.default_rng(0).uniform(-1, 1, size=(20, 9))
    script = (
        f'import {{ ENVIRONMENTS }} from "{(STATIC / "environments.js").as_uri()}";'
        f"console.log(JSON.stringify({json.dumps(states.tolist())}.map((one) => ENVIRONMENTS.halfcheetah.bars(one))));"
    )
    command = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    drawn = np.array(json.loads(done.stdout))
    assert np.allclose(drawn, np.stack([bars_of(model, state) for state in states]), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"environment": "moon"}, "no environment is called 'moon'"),
        ({"states": [[0.0, 0.0]], "actions": [1.0]}, "demonstration 1 has length 1, the least is 2"),
        ({"states": "left"}, "something that is no number"),
        ({"actions": [float("nan")] * 3}, "not finite"),
        ({"actions": [9.0] * 3}, "holds the action 9"),
    ],
)
def test_what_the_browser_sends_is_checked(change: dict, said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drive.st, "session_state", {})
    event = {"environment": "pendulum", "states": [[0.1, 0.2]] * 3, "actions": [1.0] * 3, "terminated": False}
    assert drive.add(event) == ""
    assert [len(one) for one in drive.mine("pendulum")] == [3]
    drive.mine("pendulum").clear()
    assert said in drive.add(event | change)
    assert drive.mine("pendulum") == []
