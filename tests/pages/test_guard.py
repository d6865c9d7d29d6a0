"""The app's own routes under hostile requests: one sentence or a refusal, never a traceback, never much memory."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pages.ui import guard, player
from pages.ui.guard import Guard, allowed, read_json
from tests.browser.driver import Server
from tests.memory import measured, risen
from tests.pages.fire import GOOD, ROUTES, closed_by_its_head, routes_under_fire


@pytest.fixture
def client():
    with TestClient(Starlette(routes=ROUTES, middleware=[Middleware(Guard)])) as running:
        yield running


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        (None, "lab.example", True),
        ("https://lab.example", "lab.example", True),
        ("http://localhost:8501", "localhost:8501", True),
        ("https://evil.example", "lab.example", False),
        ("https://lab.example.evil.example", "lab.example", False),
        ("http://[", "lab.example", False),
        ("null", "lab.example", False),
    ],
)
def test_only_the_same_site_may_ask(origin, host, may):
    assert allowed(origin, host) is may


def test_another_sites_page_reaches_neither_a_route_nor_a_run(client):
    from_elsewhere = {"origin": "https://evil.example"}
    good = {"mq": 0, "sq": 1, "mp": 0, "sp": 1, "n": 100, "seed": 0}
    assert client.post("/lab/kl", json=good).status_code == 200
    assert client.post("/lab/kl", json=good, headers=from_elsewhere).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/lab/run/x", headers=from_elsewhere),
    ):
        pass
    assert refused.value.code == 1008


def test_answers_are_not_sniffed(client):
    for answer in (client.post("/lab/kl", content=b"{"), client.get(f"/lab/static/{player.version()}/player.js")):
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_body_is_refused_before_it_is_read(client):
    def pieces():
        for _ in range(100):
            yield b" " * 65_536

    for content in (b" " * (guard.MAX_MESSAGE + 1), pieces()):
        assert client.post("/lab/kl", content=content).status_code == 413


def test_a_fault_and_a_browser_that_leaves_are_no_traceback():
    async def leaves(_request: Request) -> Response:
        raise ClientDisconnect

    async def fails(_request: Request) -> Response:
        raise RuntimeError("secret detail")

    routes = [Route("/lab/leaves", leaves), Route("/lab/fails", fails)]
    with TestClient(Starlette(routes=routes, middleware=[Middleware(Guard)])) as running:
        answer = running.get("/lab/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "reload" in answer.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1' + "0" * 308 + "}", "309 digits"),
        ('{"a": 1e400}', "finite"),
        ('{"a": NaN}', "finite"),
        ("[" * 900_000, "over the limit"),
        ("[" * 90_000, "too many brackets"),
        ("[1]", "must be a JSON object"),
        ("\ud800", "must be JSON"),
    ],
)
def test_what_is_no_message_is_one_sentence(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        read_json(text)
    assert len(str(caught.value)) < 200


@measured
def test_five_hundred_hostile_messages(client):
    """A 4xx or an answer, no 5xx, and memory stays."""
    for path, text in GOOD:
        assert client.post(path, content=text).status_code == 200
    with risen() as rise:
        seen = set(routes_under_fire(500, seed=0))
    assert seen <= {200, 400, 404, 405, 413}, seen
    assert {200, 400} <= seen
    assert rise[0] < 200


@pytest.mark.parametrize(("hosted", "megabytes"), [("1", 1), ("", 10)])
def test_streamlit_itself_refuses_larger_uploads(monkeypatch, hosted, megabytes):
    """Before their bytes are read, and only such as the app allows."""
    from streamlit import config

    monkeypatch.setenv("LAB_HOSTED", hosted)
    guard.limit_uploads()
    assert config.get_option("server.maxUploadSize") == megabytes
    assert config.get_option("server.maxMessageSize") == 1


def test_two_hundred_megabytes_on_a_socket_are_refused_by_their_head():
    """The server closes the socket before it has read a megabyte, with a token or without."""
    server = Server()
    try:
        for path in ("/_stcore/stream", "/lab/run/x"):
            assert closed_by_its_head(server, path, megabytes=200) < 60, path
    finally:
        server.stop()
