"""Run: what it plays, keeps, forks and survives, held against the same engine stepped alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
import torch

from engines.engine import Frame
from engines.history import History
from engines.run import Run
from engines.slots import Slots
from tests.engines.toy import Config, Walk, places, walk, walked_alone


def until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def same(seen: dict[int, np.ndarray], truth: dict[int, np.ndarray]) -> bool:
    return all(np.array_equal(place, truth[step]) for step, place in seen.items())


def test_plays_to_the_end_and_equals_the_engine_alone():
    run = Run(walk(stop_at=40, seed=3))
    assert run.status.state == "paused"
    assert [frame.step for frame in run.history.after(-1)] == [0]
    run.play()
    assert run.wait(5).state == "finished"
    assert [frame.step for frame in run.history.after(-1)] == list(range(41))
    assert same(places(run.history.after(-1)), walked_alone(40, seed=3))
    assert not run.alive


def test_steps_one_at_a_time_and_several_at_once():
    run = Run(walk())
    run.step()
    until(lambda: run.status.step == 1 and run.status.state == "paused")
    for _ in range(3):
        run.step()
    until(lambda: run.status.step == 4 and run.status.state == "paused")
    time.sleep(0.05)
    assert run.status.step == 4
    assert run.history.last.step == 4


def test_pause_holds_and_play_goes_on():
    run = Run(walk(seed=1))
    run.play(200)
    until(lambda: run.status.step > 5)
    run.pause()
    run.wait(5)
    paused_at = run.status.step
    time.sleep(0.1)
    assert run.status.step == paused_at
    assert run.status.state == "paused"
    assert run.history.last.step == paused_at
    run.play()
    until(lambda: run.status.step > paused_at + 5)
    run.close()


def test_speed_paces_the_steps():
    run = Run(walk())
    started = time.monotonic()
    run.play(50)
    until(lambda: run.status.step >= 20)
    taken = time.monotonic() - started
    run.close()
    assert 0.3 <= taken <= 5  # 20 steps at 50 a second are 0.4 s; as fast as it goes they are a hundredth of that


def test_a_paused_wait_at_slow_speed_ends_at_once():
    run = Run(walk())
    run.play(0.1)
    until(lambda: run.status.step == 1)
    started = time.monotonic()
    run.pause()
    run.wait(5)
    assert time.monotonic() - started < 4  # the next step would come after 10 s
    assert not run.alive


def test_frame_interval_keeps_few_frames_but_the_last():
    run = Run(walk(stop_at=3000), frame_interval=0.05)
    run.play()
    run.wait(20)
    assert run.history.last.step == 3000
    assert len(run.history) < 1500


def test_failure_stops_the_run_keeps_history_and_says_one_sentence():
    run = Run(walk(fail_at=6))
    run.play()
    status = run.wait(5)
    assert status.state == "failed"
    assert "the walk fell" in status.message
    assert "\n" not in status.message
    assert "details" not in status.message
    assert [frame.step for frame in run.history.after(-1)] == list(range(6))


def test_nan_stops_the_run_and_names_the_array():
    run = Run(walk(nan_at=4))
    run.play()
    status = run.wait(5)
    assert status.state == "failed"
    assert "place became NaN at step 4" in status.message
    assert run.history.last.step == 3


def test_a_failed_run_can_be_forked_from_before_the_failure():
    run = Run(walk(fail_at=6, seed=2))
    run.play()
    run.wait(5)
    fork = run.fork(4, fail_at=-1, stop_at=12)
    fork.play()
    assert fork.wait(5).state == "finished"
    assert same(places(fork.history.after(-1)), walked_alone(12, seed=2))


@pytest.mark.parametrize("step", [0, 1, 7, 13, 29, 30])
def test_fork_is_bit_exact_up_to_its_step_and_beyond(step):
    run = Run(walk(seed=5, stop_at=30))
    run.play()
    run.wait(5)
    fork = run.fork(step, stop_at=60)
    assert fork.status.step == step
    assert [frame.step for frame in fork.history.after(-1)] == list(range(step + 1))
    fork.play()
    fork.wait(5)
    assert same(places(fork.history.after(-1)), walked_alone(60, seed=5))


def test_fork_with_a_changed_setting_departs_after_its_step_only():
    run = Run(walk(seed=5, stop_at=30))
    run.play()
    run.wait(5)
    fork = run.fork(10, stride=2.0)
    fork.play()
    until(lambda: fork.status.step >= 20)
    fork.close()
    original, truth = places(run.history.after(-1)), walked_alone(30, seed=5)
    assert same(original, truth)


def test_fork_of_a_fork():
    run = Run(walk(seed=7, stop_at=30))
    run.play()
    run.wait(5)
    second = run.fork(20).fork(10, stop_at=35)
    second.play()
    second.wait(5)
    assert same(places(second.history.after(-1)), walked_alone(35, seed=7))


def test_fork_refuses_what_does_not_exist():
    run = Run(walk(stop_at=5))
    with pytest.raises(KeyError, match="not in this run's history"):
        run.fork(-1)
    with pytest.raises(ValueError, match=r"no setting 'strid'.*did you mean 'stride'"):
        run.fork(0, strid=2.0)
    with pytest.raises(ValueError, match="stride must be > 0"):
        run.fork(0, stride=-1.0)


def test_change_applies_live_and_forks_before_it_keep_the_old_setting():
    run = Run(walk(seed=9, stop_at=10))
    run.play()
    run.wait(5)
    run.change(stride=3.0, stop_at=20)
    assert run.status.state == "paused"
    run.play()
    assert run.wait(5).state == "finished"
    truth = walked_alone(10, seed=9)
    assert same({step: place for step, place in places(run.history.after(-1)).items() if step <= 10}, truth)
    run2 = run.fork(15)
    run2.play()
    run2.wait(5)
    assert same(places(run2.history.after(-1)), places(run.history.after(-1)))
    again = run.fork(10)
    again.play()
    again.wait(5)
    assert same(places(again.history.after(-1)), places(run.history.after(-1)))
    early = run.fork(5)
    early.play()
    early.wait(5)
    assert same({s: p for s, p in places(early.history.after(-1)).items() if s <= 10}, truth)


def test_a_bad_live_change_leaves_the_run_as_it_was():
    run = Run(walk(seed=9, stop_at=10))
    with pytest.raises(ValueError, match="stride must be > 0"):
        run.change(stride=0.0)
    run.play()
    run.wait(5)
    assert same(places(run.history.after(-1)), walked_alone(10, seed=9))


def test_two_runs_side_by_side_do_not_disturb_each_other():
    runs = [Run(walk(seed=seed, stop_at=300), slots=Slots(2)) for seed in (1, 2, 1)]
    for run in runs:
        run.play()
    for run, seed in zip(runs, (1, 2, 1), strict=True):
        assert run.wait(10).state == "finished"
        assert same(places(run.history.after(-1)), walked_alone(300, seed=seed))


class Counted(Walk):
    """Notes on how many threads of torch it has computed."""

    n_threads: ClassVar[int] = 3

    def step(self) -> None:
        super().step()
        self.data.append(torch.get_num_threads())

    def frame(self) -> Frame:
        self.data.append(torch.get_num_threads())
        return super().frame()


def test_a_run_and_its_fork_compute_on_as_many_threads_of_torch_and_leave_the_callers():
    before, counts = torch.get_num_threads(), []
    run = Run(Counted(Config(stop_at=12, seed=2), data=counts))
    run.play()
    assert run.wait(5).state == "finished"
    fork = run.fork(5)  # recomputed by this thread
    fork.play()
    assert fork.wait(5).state == "finished"
    assert set(counts) == {3}
    assert len(counts) > 12 + 13 + 7
    assert torch.get_num_threads() == before


def test_close_ends_the_thread_and_frees_everything():
    run = Run(walk())
    run.play()
    until(lambda: run.status.step > 3)
    run.close()
    run.wait(5)
    assert not run.alive
    assert run.status.state == "closed"
    assert len(run.history) == 0
    assert run.engine is None
    run.play()
    assert run.status.state == "closed"
    with pytest.raises(ValueError, match="has ended"):
        run.fork(0)


def test_stop_keeps_the_history():
    run = Run(walk())
    run.play()
    until(lambda: run.status.step > 3)
    run.stop()
    run.wait(5)
    assert run.status.state == "stopped"
    assert len(run.history) > 3


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_bad_speed_is_refused(speed):
    with pytest.raises(ValueError, match="speed must be a positive number"):
        Run(walk()).play(speed)


def test_history_is_bounded_and_keeps_both_ends():
    history = History(max_items=50)
    for step in range(1000):
        history.append(Frame(step=step))
    steps = [frame.step for frame in history.after(-1)]
    assert len(steps) <= 50
    assert steps[0] == 0
    assert steps[-1] == 999
    gaps = np.diff(steps)
    assert gaps.max() <= 32  # the whole past stays evenly covered


def test_history_is_bounded_in_bytes():
    history = History(max_bytes=1 << 20)
    for step in range(100):
        history.append(Frame(step=step, arrays={"a": np.zeros(10_000)}))
    assert history.nbytes <= 1 << 20
    assert history.last.step == 99


def test_history_finds_frames():
    history = History()
    for step in (0, 2, 4, 8):
        history.append(Frame(step=step))
    assert [f.step for f in history.after(2)] == [4, 8]
    assert [f.step for f in history.after(-1, limit=2)] == [0, 2]
    assert [history.at(step).step for step in (-5, 0, 3, 4, 100)] == [0, 0, 2, 4, 8]
    with pytest.raises(ValueError, match="steps must rise"):
        history.append(Frame(step=8))


def test_frames_cannot_be_changed_afterwards():
    source = np.zeros(3)
    frame = Frame(step=0, arrays={"a": source})
    source[0] = 1
    assert frame.arrays["a"][0] == 0
    with pytest.raises(ValueError, match="read-only"):
        frame.arrays["a"][0] = 2


def test_slots_cap_what_computes_at_once_and_say_who_waits():
    slots = Slots(1)
    running, most = [0], [0]
    lock = threading.Lock()

    class Counting(type(walk())):
        def step(self) -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            super().step()
            with lock:
                running[0] -= 1

    engines = [Counting(walk(stop_at=3, seconds=0.4).config) for _ in range(3)]
    runs = [Run(engine, slots=slots) for engine in engines]
    seen: set[tuple[str, bool]] = set()
    for run in runs:
        run.subscribe(lambda run=run: seen.add((run.status.state, run.status.ahead > 0)))
        run.play()
    for run in runs:
        assert run.wait(20).state == "finished"
    assert most[0] == 1
    assert ("queued", True) in seen


def test_a_queued_run_can_be_paused():
    slots = Slots(1)
    busy = Run(walk(seconds=0.5, stop_at=60), slots=slots)
    busy.play()
    until(lambda: slots._busy == 1)  # a worker that has only begun may be overtaken
    waiting = Run(walk(), slots=slots)
    waiting.play()
    until(lambda: waiting.status.state == "queued")
    waiting.pause()
    waiting.wait(2)
    assert waiting.status.state == "paused"
    assert waiting.status.step == 0
    busy.close()


def test_a_single_step_goes_before_those_who_play():
    """Five play over one slot: who presses once waits for the step in hand, not for the line."""
    slots = Slots(1)
    playing = [Run(walk(seconds=0.05), slots=slots) for _ in range(5)]
    for run in playing:
        run.play()
    until(lambda: all(run.status.step > 0 for run in playing))
    pressed = Run(walk(), slots=slots)
    taken = lambda: sum(run.status.step for run in playing)  # noqa: E731
    ahead = []
    for _ in range(10):
        before = taken()
        pressed.step()
        pressed.wait(5)
        ahead.append(taken() - before)
    for run in playing:
        run.close()
    assert pressed.status.step == 10
    assert sorted(ahead)[5] <= 2  # in line it would be five


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_ends_an_engine_no_run_says_that_it_plays(error):
    class Ending(type(walk())):
        def step(self) -> None:
            raise error

    run = Run(Ending(walk().config))
    run.play()
    run.wait(5)
    assert run.status.state == "failed"
    assert error.__name__ in run.status.message
    assert not run.alive


def test_all_runs_together_keep_no_more_than_the_server_allows():
    slots = Slots(2, max_bytes=400_000)
    runs = [Run(walk(stop_at=300), slots=slots) for _ in range(4)]
    for run in runs:
        run.play()
    for run in runs:
        run.wait(20)
    kept = [run.history.nbytes + run._states.nbytes for run in runs]
    assert 100_000 < sum(kept) <= 400_000
    assert all(run.history.at(0).step == 0 and run.history.last.step == 300 for run in runs)
    more = [Run(walk(), slots=slots) for _ in range(4)]  # the first ones give way
    assert sum(run.history.nbytes + run._states.nbytes for run in (*runs, *more)) <= 400_000
