"""A recorded run plays like any other."""

import pytest

from engines.recorded import Recorded
from engines.run import Run
from tests.engines.toy import walk


def frames(steps=(0, 1, 4, 9)):
    engine, kept = walk(), []
    for step in range(max(steps) + 1):
        if step in steps:
            kept.append(engine.frame())
        engine.step()
    return kept


def test_it_replays_the_frames_at_their_own_steps_and_ends():
    recorded = frames()
    run = Run(Recorded(recorded))
    run.play()
    assert run.wait(10).state == "finished"
    assert [frame.step for frame in run.history.after(-1)] == [0, 1, 4, 9]
    assert run.history.last.arrays["place"].tolist() == recorded[-1].arrays["place"].tolist()


def test_its_state_is_its_place():
    first, second = Recorded(frames()), Recorded(frames())
    first.step()
    first.step()
    second.load_state_dict(first.state_dict())
    assert second.frame().step == 4
    with pytest.raises(ValueError, match="at frame 7, this run has 4"):
        second.load_state_dict({"at": 7})
    with pytest.raises(ValueError, match="at least one frame"):
        Recorded([])
