"""Files of demonstrations: there and back, and every fault one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines.imitation import demonstrations, experts
from engines.imitation.demonstrations import Demonstrations, trajectory
from engines.imitation.environments import ENVIRONMENTS, environment


@pytest.mark.parametrize("name", tuple(ENVIRONMENTS))
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_what_is_saved_is_read_again(name: str, kind: str):
    shown = demonstrations.load(name).first(2)
    text = shown.to_json() if kind == "json" else shown.to_csv()
    again = demonstrations.read(text.encode(), of=name)
    assert np.allclose(again.states, shown.states, atol=1e-4)
    assert np.allclose(again.actions, shown.actions, atol=1e-4)
    assert again.returns == pytest.approx(shown.returns, abs=0.1)
    assert again.n_terminated == shown.n_terminated


def made(**change) -> bytes:
    one = {"states": [[0.1, 0.0]] * 30, "actions": [1.0] * 30, "terminated": False}
    whole = {"environment": "pendulum", "trajectories": [one]}
    return json.dumps({**whole, "trajectories": [{**one, **change}]} if change else whole).encode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "the first line of the file must be environment,trajectory,state_0,state_1,action,terminated"),
        (b"\x80\x04\x95", "the file is not text"),
        (b"{", "the file is not JSON with environment and trajectories"),
        (
            b'{"environment": "pendulum", "trajectories": []}',
            "there is no demonstration of Pendulum: drive at least once",
        ),
        (b'{"environment": "cartpole", "trajectories": []}', "of the environment 'cartpole', this is 'pendulum'"),
        (made(states=[[0.1, 0.0]], actions=[1.0]), "demonstration 1 has length 1, the least is 2"),
        (made(states=[[0.1, 0.0]] * 5, actions=[1.0] * 5), "hold 5 state-action pairs in all, at least 20 are needed"),
        (made(states=[[0.1, 0.0]] * 300, actions=[1.0] * 300), "length 300, Pendulum ends after 200 steps"),
        (made(states=[[0.1, float("nan")]] * 30), "demonstration 1 holds a number that is not finite"),
        (made(actions=[float("nan")] * 30), "demonstration 1 holds a number that is not finite"),
        (made(actions=[7.0] * 30), "holds the action 7; Pendulum takes -2 to 2"),
        (made(states=[[0.1, 900.0]] * 30), "holds a state of 900, far outside Pendulum"),
        (made(states=[[0.1]] * 30), "Pendulum needs states"),
        (made(actions=[1.0] * 29), "Pendulum needs states"),
        (made(states="left"), "holds something that is no number|needs states"),
        (b"environment,trajectory,state_0,state_1,action,terminated\npendulum,1,0,x,0,0", "line 2 holds a word"),
        (b"environment,trajectory,state_0,state_1,action,terminated\npendulum,1,0,0", "line 2 has 4 columns, 6 are"),
        (b"environment,trajectory,state_0\ncartpole,1,0", "of the environment 'cartpole', this is 'pendulum'"),
        (b"x" * (demonstrations.MAX_BYTES + 1), "the file has 5.0 MB, at most 5 MB are read"),
    ],
)
def test_every_fault_is_one_sentence(raw: bytes, said: str):
    with pytest.raises(ValueError, match=said) as caught:
        demonstrations.read(raw, of="pendulum")
    assert "\n" not in str(caught.value)


def test_a_choice_that_is_none_is_named():
    env = environment("cartpole")
    with pytest.raises(ValueError, match="holds the action 3; those of CartPole are 0, 1"):
        Demonstrations(
            environment="cartpole",
            trajectories=(trajectory(env, np.zeros((30, 4)), np.full(30, 3.0), terminated=False),),
        )


def test_contradiction_is_none_where_the_state_decides_and_about_one_where_it_does_not():
    env = environment("cartpole")
    decided = demonstrations.load("cartpole")
    tossed = experts.demonstrate("cartpole", experts.at_random(env), n=60, seed=0)
    assert decided.contradiction() < 0.4
    assert 0.8 < tossed.contradiction() < 1.2
    left = experts.demonstrate("cartpole", experts.stubborn(env), n=10, seed=0)
    assert left.contradiction() == 0.0


def test_thinning_keeps_every_so_many_th_pair_of_each_trajectory():
    shown = demonstrations.load("pendulum").first(3)
    states, actions = shown.thinned(20, seed=4)
    assert states.shape == (30, 2)
    assert actions.shape == (30,)
    assert all(any(np.array_equal(state, row) for row in shown.states) for state in states)
    assert not np.array_equal(states, shown.thinned(20, seed=5)[0])
    assert np.array_equal(shown.thinned(1, seed=0)[0], shown.states)
