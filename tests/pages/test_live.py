"""The table of live runs, the player's commands, and the socket, with the random walk as engine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from engines.engine import Frame
from engines.run import Run
from pages.ui import live
from pages.ui.live import Live, Table, carry_out, read_command, watch_run
from tests.engines.toy import walk, walked_alone
from tests.pages.app import threads, until

MADE: list[Live] = []


def record(session: str = "s", *, explain: bool = True, **settings: Any) -> Live:
    """A walk as a page would put it on the table."""

    def numbers(frame: Frame, pick: dict[str, Any]) -> live.Blocks:
        return [{"text": f"step {frame.step}"}, {"pick": sorted(pick)}]

    made = Live(
        run=Run(walk(**settings)),
        base={"title": "a walk"},
        draw=lambda frame: {"place": frame.arrays["place"].tolist()},
        explain=numbers if explain else None,
        session=session,
    )
    MADE.append(made)
    return made


@pytest.fixture(autouse=True)
def _runs_end() -> Iterator[None]:
    """No thread of one test computes on under the next."""
    yield
    for made in MADE:
        made.run.close()
    MADE.clear()
    until(lambda: not threads())


@pytest.fixture
def table() -> Table:
    return Table()


# -- the table --------------------------------------------------------------------------------------


def test_what_is_added_is_found_by_its_token_alone(table):
    one, other = record(), record()
    token = table.add(one)
    assert table.add(other) != token
    assert table.get(token) is one
    assert len(table) == 2
    assert len(token) >= 21  # 128 bits
    assert table.get("") is None
    assert table.get(None) is None
    assert table.get(token + "x") is None


def test_a_session_that_opens_one_more_loses_its_oldest(table):
    foreign = record("other")
    table.add(foreign)
    mine = [record("mine") for _ in range(live.MAX_PER_SESSION + 2)]
    for one in mine:
        table.add(one)
    assert [table.get(one.token) is one for one in mine] == [False] * 2 + [True] * live.MAX_PER_SESSION
    assert table.get(foreign.token) is foreign
    until(lambda: all(one.run.status.state == "closed" for one in mine[:2]))
    assert all(one.run.status.state == "paused" for one in [*mine[2:], foreign])


def test_a_full_table_drops_the_run_unwatched_for_longest(table, monkeypatch):
    monkeypatch.setattr(live, "MAX_LIVE", 3)
    watched, idle, long_idle = record("a"), record("b"), record("c")
    for one, since in ((watched, 1.0), (idle, 9.0), (long_idle, 5.0)):
        table.add(one)
        one.unwatched_since = since
    watched.watchers = 1
    table.add(record("d"))
    assert len(table) == 3
    assert table.get(long_idle.token) is None
    assert table.get(idle.token) is idle
    assert table.get(watched.token) is watched
    until(lambda: long_idle.run.status.state == "closed")


def test_where_every_place_is_watched_a_sentence_says_so(table, monkeypatch):
    monkeypatch.setattr(live, "MAX_LIVE", 2)
    for session in "ab":
        one = record(session)
        table.add(one)
        table.watch(one, +1)
    with pytest.raises(RuntimeError, match=r"2 runs are being watched on this server.*try again in a minute"):
        table.add(record("c"))
    assert len(table) == 2


def test_the_real_bounds_hold(table):
    for i in range(live.MAX_LIVE + 20):
        table.add(record(f"session {i}"))
    assert len(table) == live.MAX_LIVE


def test_remove_closes_the_run_and_may_be_repeated(table):
    one = record()
    token = table.add(one)
    one.run.play()
    table.remove(token)
    table.remove(token)
    table.remove(None)
    assert table.get(token) is None
    until(lambda: one.run.status.state == "closed" and not one.run.alive and one.run.engine is None)


def test_sweep_pauses_closes_and_spares():
    active = {"there"}
    table = Table(session_active=active.__contains__)
    here, gone, watched = record("there"), record("left"), record("left")
    for one in (here, gone, watched):
        table.add(one)
        one.run.play(200)
    table.watch(watched, +1)
    now = max(one.unwatched_since for one in (here, gone))

    table.sweep(now + live.PAUSE_AFTER - 1)
    assert all(one.run.status.state == "playing" for one in (here, gone, watched))
    table.sweep(now + live.PAUSE_AFTER + 0.1)
    assert [one.run.status.state for one in (here, gone, watched)] == ["paused", "paused", "playing"]
    assert len(table) == 3
    table.sweep(now + live.END_AFTER + 0.1)
    assert table.get(gone.token) is None
    assert table.get(here.token) is here
    until(lambda: gone.run.status.state == "closed")
    table.sweep(now + 1e6)  # an open page keeps its run for as long as it is open
    assert table.get(here.token) is here
    assert watched.run.status.state == "playing"

    active.clear()
    table.watch(watched, -1)
    table.sweep(time.monotonic() + live.END_AFTER + 0.1)
    assert len(table) == 0
    until(lambda: not threads())


def test_sweep_leaves_a_finished_run_finished(table):
    one = record(stop_at=3)
    table.add(one)
    one.run.play()
    one.run.wait(5)
    table.sweep(time.monotonic() + live.PAUSE_AFTER + 0.1)
    assert one.run.status.state == "finished"


def test_wait_until_drawn_returns_at_once_where_it_can(table):
    one = record()
    token = table.add(one)
    carry_out(one, {"do": "at", "step": 0})
    started = time.monotonic()
    table.wait_until_drawn(token, timeout=5)
    table.wait_until_drawn("unknown", timeout=5)
    table.wait_until_drawn(None, timeout=5)
    assert time.monotonic() - started < 4
    shy = record()
    table.wait_until_drawn(table.add(shy), timeout=0.03)  # and gives up where nobody comes


def obey(one: Live, text: str) -> dict[str, Any] | None:
    return carry_out(one, read_command(text))


# -- commands ---------------------------------------------------------------------------------------


def test_play_pause_step_stop():
    one = record()
    assert obey(one, '{"do":"step"}') is None
    until(lambda: one.run.status.step == 1 and not one.run.alive)
    obey(one, '{"do":"play","speed":500}')
    until(lambda: one.run.status.step > 4)
    obey(one, '{"do":"pause"}')
    assert one.run.wait(5).state == "paused"
    obey(one, '{"do":"play","speed":null}')
    until(lambda: one.run.status.state == "playing")
    obey(one, '{"do":"stop"}')
    assert one.run.wait(5).state == "stopped"
    assert one.run.status.step > 4


def test_play_to_the_end():
    one = record(stop_at=25)
    obey(one, '{"do":"play"}')
    assert one.run.wait(5).state == "finished"
    obey(one, '{"do":"play","speed":2}')  # nothing to do, nothing wrong
    assert one.run.status.state == "finished"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be JSON"),
        ("{", "must be JSON"),
        ('{"do":"play"', "must be JSON"),
        ("[" * 8000, "must be JSON"),
        ('{"do":"play","speed":' + "9" * 5000 + "}", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('"play"', "must be a JSON object"),
        ("7", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('{"do":"play","x":"' + "x" * 8200 + '"}', "over the limit of 8192"),
        ("{}", "unknown command None; known: play, pause, step, stop, at, explain, code"),
        ('{"do":"fly"}', "unknown command 'fly'"),
        ('{"do":["play"]}', "unknown command"),
        ('{"do":{"play":1}}', "unknown command"),
        ('{"do":true}', "unknown command True"),
        ('{"do":"play","speed":0}', "speed must be .*, got 0"),
        ('{"do":"play","speed":-1}', "speed must be .*, got -1"),
        ('{"do":"play","speed":"fast"}', "speed must be .*, got 'fast'"),
        ('{"do":"play","speed":"4"}', "speed must be .*, got '4'"),
        ('{"do":"play","speed":NaN}', "finite numbers"),
        ('{"do":"play","speed":Infinity}', "finite numbers"),
        ('{"do":"play","speed":-Infinity}', "finite numbers"),
        ('{"do":"play","speed":1e999}', "finite numbers"),
        ('{"do":"play","speed":1' + "0" * 400 + "}", "a whole number of 401 digits"),
        ('{"do":"play","speed":1e-320}', "speed must be"),
        ('{"do":"play","speed":1e-12}', "speed must be"),
        ('{"do":"play","speed":true}', "speed must be .*, got True"),
        ('{"do":"play","speed":false}', "speed must be .*, got False"),
        ('{"do":"play","speed":[4]}', "speed must be"),
        ('{"do":"play","speed":{}}', "speed must be"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_changes_nothing(text, said):
    one = record()
    before = one.run.status
    with pytest.raises(ValueError, match=said) as caught:
        obey(one, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert one.run.status == before
    assert not one.run.alive
    assert len(one.run.history) == 1


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("2", 2),
        ("0", 0),
        ("-7", 0),
        ("1e9", 3),
        ("2.9", 2),
        ('"1"', 1),
        ('"x"', 0),
        ("null", 0),
        ("[]", 0),
    ],
)
def test_explain_answers_for_the_step_or_the_nearest_kept(step, shown):
    one = record(stop_at=3)
    one.run.play()
    one.run.wait(5)
    answer = obey(one, f'{{"do":"explain","step":{step},"pick":{{"point":1}}}}')
    assert answer == {"type": "numbers", "step": shown, "blocks": [{"text": f"step {shown}"}, {"pick": ["point"]}]}


@pytest.mark.parametrize("pick", ["null", "[]", "3", '"x"'])
def test_explain_without_a_pick_answers_with_nothing(pick):
    nothing = {"type": "numbers", "step": -1, "blocks": []}
    assert obey(record(), f'{{"do":"explain","step":0,"pick":{pick}}}') == nothing
    assert obey(record(), '{"do":"explain"}') == nothing
    assert obey(record(explain=False), '{"do":"explain","step":0,"pick":{}}') == nothing


def test_commands_to_a_closed_run_do_no_harm():
    one = record()
    one.run.close()
    for do in ("play", "pause", "step", "stop"):
        obey(one, f'{{"do":"{do}"}}')
    assert obey(one, '{"do":"explain","step":0,"pick":{}}')["blocks"] == []
    assert one.run.status.state == "closed"
    assert not one.run.alive


# -- the socket -------------------------------------------------------------------------------------


class Watcher:
    """One open socket, and what it has received."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.hello: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {}
        self.others: list[dict[str, Any]] = []

    def receive(self) -> dict[str, Any]:
        message = json.loads(self.socket.recv(timeout=10))
        if message["type"] == "hello":
            self.hello, self.status = message, message["status"]
        elif message["type"] == "frames":
            assert len(message["frames"]) <= live.BATCH
            self.frames += message["frames"]
            self.status = message["status"]
        else:
            self.others.append(message)
        return message

    def until(self, condition: Callable[[], Any]) -> None:
        for _ in range(5000):
            if condition():
                return
            self.receive()
        raise AssertionError("5000 messages and still waiting")

    def send(self, text: str) -> None:
        self.socket.send(text)

    @property
    def steps(self) -> list[int]:
        return [frame["step"] for frame in self.frames]


Watch = Callable[..., AbstractContextManager[Watcher]]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[int, list[Table]]]:
    """A real server with the one route; it serves the table that is last in the list."""
    tables: list[Table] = []
    route = WebSocketRoute("/lab/run/{token}", lambda socket: watch_run(socket, tables[-1]))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[route]), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    thread.start()
    until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1], tables
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def watch(served, table) -> Watch:
    """``with watch(token, "?after=3") as watcher:`` opens a socket on a run of this test's table."""
    port, tables = served
    tables.append(table)

    @contextmanager
    def opened(token: str, query: str = "") -> Iterator[Watcher]:
        with connect(f"ws://127.0.0.1:{port}/lab/run/{token}{query}", proxy=None) as socket:
            yield Watcher(socket)

    return opened


def test_hello_comes_first_then_the_first_frame(watch, table):
    one = record(seed=1)
    with watch(table.add(one)) as watcher:
        watcher.until(lambda: watcher.frames)
        assert watcher.hello["base"] == {"title": "a walk"}
        assert watcher.hello["status"] == {"state": "paused", "step": 0, "message": "", "ahead": 0}
        first = {"step": 0, "phase": "walk", "scalars": {"x": 0.0}, "place": [0.0, 0.0, 0.0]}
        assert watcher.frames == [first | {"traces": {}, "alt": ""}]


def test_who_cannot_see_a_picture_is_told_its_caption_unless_it_says_more():
    one = record(seed=1)
    frame = one.run.history.after(-1)[0]
    for drawn, alt in (({"caption": "a"}, "a"), ({"caption": "a", "alt": "b"}, "b")):
        shown = live.picture(replace(one, draw=lambda _, drawn=drawn: drawn), frame)
        assert (shown["caption"], shown["alt"], shown["traces"]) == ("a", alt, {})


def test_play_sends_every_frame_in_order_to_the_end(watch, table):
    one = record(seed=4, stop_at=150)
    with watch(table.add(one)) as watcher:
        watcher.send('{"do":"play"}')
        watcher.until(lambda: watcher.status.get("state") == "finished" and watcher.steps[-1:] == [150])
    assert watcher.steps == list(range(151))
    truth = walked_alone(150, seed=4)
    assert all(frame["place"] == truth[frame["step"]].tolist() for frame in watcher.frames)
    assert watcher.others == []


def test_after_resumes_without_repeats(watch, table):
    one = record(stop_at=60)
    token = table.add(one)
    with watch(token) as watcher:
        watcher.send('{"do":"play","speed":2000}')
        watcher.until(lambda: len(watcher.frames) >= 10)
    last = watcher.steps[-1]
    with watch(token, f"?after={last}") as again:
        again.until(lambda: again.status.get("state") == "finished" and (again.steps or [last])[-1] == 60)
    assert watcher.steps + again.steps == list(range(61))


@pytest.mark.parametrize("after", ["abc", "", "nan", "1e3", "-99", "%00", "-1"])
def test_a_garbled_after_starts_from_the_first_frame(watch, table, after):
    one = record()
    with watch(table.add(one), f"?after={after}") as watcher:
        watcher.until(lambda: watcher.frames)
        assert watcher.steps == [0]


def test_after_the_end_says_the_status_and_no_frames(watch, table):
    one = record(stop_at=2)
    one.run.play()
    one.run.wait(5)
    with watch(table.add(one), "?after=" + "9" * 30) as watcher:
        assert watcher.receive()["type"] == "hello"
        assert watcher.receive() == {"type": "frames", "frames": [], "status": watcher.status}
        assert watcher.status["state"] == "finished"


@pytest.mark.parametrize("token", ["nobody-knows-this", "%00", "x" * 2000])
def test_an_unknown_token_is_gone_and_the_socket_ends(watch, token):
    with watch(token) as watcher:
        assert watcher.receive() == {"type": "gone"}
        with pytest.raises(ConnectionClosedOK):
            watcher.receive()


def test_a_wrong_command_is_answered_and_the_socket_stays_open(watch, table):
    one = record()
    with watch(table.add(one)) as watcher:
        wrong = ["{", "[]", '{"do":"fly"}', '{"do":"play","speed":true}', "x" * 9000, "[" * 8000]
        for text in wrong:
            watcher.send(text)
        watcher.until(lambda: len(watcher.others) == len(wrong))
        assert {message["type"] for message in watcher.others} == {"error"}
        assert "unknown command 'fly'" in watcher.others[2]["message"]
        watcher.send('{"do":"step"}')
        watcher.until(lambda: watcher.steps == [0, 1])


def test_explain_answers_over_the_socket(watch, table):
    one = record(stop_at=5)
    with watch(table.add(one)) as watcher:
        watcher.send('{"do":"play"}')
        watcher.until(lambda: watcher.status.get("state") == "finished" and 5 in watcher.steps)
        watcher.send('{"do":"explain","step":4,"pick":{"point":0}}')
        watcher.until(lambda: watcher.others)
    assert watcher.others == [{"type": "numbers", "step": 4, "blocks": [{"text": "step 4"}, {"pick": ["point"]}]}]


def test_one_viewers_questions_do_not_hold_up_anothers(watch, table):
    """A thousand questions of 50 ms each at once, and then one of another viewer: it waits for two of them at most."""
    greedy, modest = record("greedy"), record("modest")

    def slow(_frame, _pick):
        time.sleep(0.05)
        return [{"text": "slow"}]

    greedy.explain = slow
    with watch(table.add(greedy)) as one, watch(table.add(modest)) as other:
        other.until(lambda: other.frames)
        for _ in range(1000):
            one.send('{"do":"explain","step":0,"pick":{"pixel":[0,1,2]}}')
        one.until(lambda: one.others)
        waits = []
        for i in range(10):
            started = time.monotonic()
            other.send('{"do":"explain","step":0,"pick":{"point":0}}')
            other.until(lambda i=i: len(other.others) > i)
            waits.append(time.monotonic() - started)
        assert sorted(waits)[5] < 5  # a tenth of a second on a free machine; a thousand in line would be 50 s
        one.send('{"do":"explain","step":0,"pick":{}}')
        answered = len(one.others)
        one.until(lambda: len(one.others) > answered)
        assert len(one.others) < 500  # what a newer question of the same viewer has overtaken is left out


def test_a_failure_arrives_as_one_sentence_with_the_history(watch, table):
    one = record(fail_at=6)
    with watch(table.add(one)) as watcher:
        watcher.send('{"do":"play"}')
        watcher.until(lambda: watcher.status.get("state") == "failed" and 5 in watcher.steps)
    assert watcher.steps == [0, 1, 2, 3, 4, 5]
    assert "the walk fell" in watcher.status["message"]
    assert "\n" not in watcher.status["message"]


def test_a_picture_that_cannot_be_drawn_is_a_sentence_and_pauses_the_run(watch, table):
    one = record()
    good = one.draw
    one.draw = lambda frame: good(frame) if frame.step < 3 else 1 / 0
    with watch(table.add(one)) as watcher:
        watcher.send('{"do":"play","speed":100}')
        watcher.until(lambda: watcher.others)
        assert watcher.others[0]["type"] == "error"
        assert "cannot be drawn (ZeroDivisionError): restart" in watcher.others[0]["message"]
        assert watcher.steps == list(range(len(watcher.steps)))
        assert len(watcher.steps) <= 3
        until(lambda: one.run.status.state == "paused")
        watcher.send('{"do":"explain","step":0,"pick":{}}')  # the socket still answers
        watcher.until(lambda: len(watcher.others) == 2)


def test_watchers_are_counted_and_given_back(watch, table):
    one = record()
    token = table.add(one)
    with watch(token) as first:
        first.receive()
        assert one.watchers == 1
        with watch(token) as second:
            second.receive()
            assert one.watchers == 2
        until(lambda: one.watchers == 1)
        before = one.unwatched_since
    until(lambda: one.watchers == 0)
    assert one.unwatched_since >= before
    assert one.run._listeners == []


def test_two_watchers_see_the_same(watch, table):
    one = record(stop_at=80)
    token = table.add(one)
    with watch(token) as first, watch(token) as second:
        first.send('{"do":"play"}')
        for watcher in (first, second):
            watcher.until(lambda watcher=watcher: watcher.steps[-1:] == [80])
    assert first.frames == second.frames


def test_a_run_closed_under_its_watcher_says_closed(watch, table):
    one = record()
    token = table.add(one)
    with watch(token) as watcher:
        watcher.until(lambda: watcher.frames)
        table.remove(token)
        watcher.until(lambda: watcher.status["state"] == "closed")


def test_twenty_sockets_dropped_leave_no_thread(watch, table):
    records = [record(f"session {i}") for i in range(20)]
    for one in records:
        with watch(table.add(one)) as watcher:
            watcher.send('{"do":"play","speed":20}')
            watcher.until(lambda watcher=watcher: watcher.status.get("state") == "playing")
    until(lambda: not any(one.watchers for one in records))
    assert len(threads()) >= 20
    table.session_active = lambda session: False  # noqa: ARG005
    table.sweep(time.monotonic() + live.END_AFTER + 1)
    assert len(table) == 0
    until(lambda: not threads())
    until(lambda: all(one.run.engine is None for one in records))
    until(lambda: not [t for t in threading.enumerate() if t.name == "lab-close"])
