"""What is sent again, with which key, after how long, and when the client gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import httpx
import pytest

from caseledger import AsyncClient, Client, Problem, Unreachable
from tests.python_client.conftest import Made
from tests.python_client.support import of_transport

ABORTED = httpx.Response(409, json={"error": {"code": 409, "status": "ABORTED", "message": "…"}})
GONE_WRONG = [
    httpx.ReadTimeout("too long"),
    httpx.ConnectError("refused"),
    httpx.RemoteProtocolError("hung up"),
    httpx.Response(429),
    httpx.Response(503),
    httpx.Response(502, text="<html>"),
    httpx.Response(504),
    ABORTED,
]


class Turns(httpx.BaseTransport):
    """Answers with one turn after the other, over and over with the last; keeps what was sent."""

    def __init__(self, *turns: httpx.Response | Exception) -> None:
        self._turns = chain(turns, repeat(turns[-1]))
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.sent.append(request)
        turn = next(self._turns)
        if isinstance(turn, Exception):
            raise turn
        return httpx.Response(turn.status_code, headers=turn.headers, content=turn.content)

    @property
    def keys(self) -> list[str | None]:
        """The key of each request that was sent."""
        return [request.headers.get("Idempotency-Key") for request in self.sent]


@pytest.mark.parametrize("turn", GONE_WRONG, ids=repr)
def test_what_failed_for_now_is_sent_again_with_the_same_key(
    made: Made, slept: list[float], turn: httpx.Response | Exception
) -> None:
    turns = Turns(turn, turn, httpx.Response(201, json={"id": "CASE-1"}))

    answer = made(turns).request("POST", "/cases", json={"title": "A case"})

    assert answer.json() == {"id": "CASE-1"}
    assert len(slept) == 2
    assert len(turns.sent) == 3
    assert len(set(turns.keys)) == 1
    assert turns.keys[0]


def test_two_changes_have_two_keys_and_a_read_has_none(made: Made) -> None:
    turns = Turns(httpx.Response(200, json={}))
    client = made(turns)

    client.request("POST", "/cases")
    client.request("PATCH", "/cases/CASE-1", key="mine")
    client.request("DELETE", "/cases/CASE-1")
    client.request("POST", "/interventions", key="")
    client.request("GET", "/cases")

    first, mine, second, *none = turns.keys
    assert first != second
    assert first
    assert second
    assert (mine, none) == ("mine", [None, None])


def test_it_waits_as_long_as_the_server_asks(made: Made, slept: list[float]) -> None:
    asked = httpx.Response(429, headers={"Retry-After": "7"})

    made(Turns(asked, httpx.Response(200, json={}))).request("GET", "/cases")

    assert slept == [7]


def test_it_waits_until_the_time_that_the_server_names(made: Made, slept: list[float]) -> None:
    asked = httpx.Response(503, headers={"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"})

    made(Turns(asked, httpx.Response(200, json={}))).request("GET", "/cases")

    assert slept == [0]


def test_a_server_that_asks_for_nothing_or_for_years_neither_is_flooded_nor_stops_a_client(
    made: Made, slept: list[float]
) -> None:
    at_once = [httpx.Response(503, headers={"Retry-After": "0"})] * 8
    much = [httpx.Response(503, headers={"Retry-After": asked}) for asked in ("9" * 400, "86400")]
    turns = Turns(*at_once, *much, httpx.Response(200, json={}))

    made(turns).request("GET", "/cases", retry_for=float("inf"))

    assert slept[0] == 0
    assert all(0.5 <= seconds <= 10 for seconds in slept[1:8])
    assert sum(slept[1:8]) > 15
    assert slept[8:] == [600, 600]


@pytest.mark.parametrize("code", [307, 400, 401, 403, 404, 409, 412, 422, 500])
def test_what_will_not_succeed_is_not_sent_again(made: Made, slept: list[float], code: int) -> None:
    field = {"field": "title", "description": "must not be empty"}
    error = {"code": code, "status": "SOME_STATUS", "message": "no", "details": [field]}
    headers = {"X-Request-Id": "r-1", "Location": "https://elsewhere.example/"}
    turns = Turns(httpx.Response(code, json={"error": error}, headers=headers))

    with pytest.raises(Problem) as caught:
        made(turns).request("POST", "/cases", json={})

    problem = caught.value
    assert (problem.code, problem.status, problem.message) == (code, "SOME_STATUS", "no")
    assert (problem.field, problem.details, problem.request_id) == ("title", [field], "r-1")
    assert (len(turns.sent), slept) == (1, [])


@pytest.mark.parametrize(
    "error", [7, [], {"details": 7}, {"details": ["x", None, {"field": "title"}]}, {"message": []}]
)
def test_what_does_not_come_from_the_api_is_a_problem_all_the_same(made: Made, error: Any) -> None:
    for content in ({"json": {"error": error}}, {"content": b"[" * 100_000}, {"content": b"\xff"}):
        with pytest.raises(Problem) as caught:
            made(Turns(httpx.Response(409, **content))).request("GET", "/cases")
        assert caught.value.field in (None, "title")


@pytest.mark.parametrize(
    ("turn", "error"),
    [(httpx.Response(503), Problem), (httpx.ConnectError("refused"), Unreachable)],
    ids=repr,
)
def test_it_gives_up_when_its_time_is_over(
    made: Made,
    slept: list[float],
    turn: httpx.Response | Exception,
    error: type[Exception],
) -> None:
    turns = Turns(turn)

    with pytest.raises(error):
        made(turns, retry_for=0.0).request("GET", "/cases")

    assert (len(turns.sent), slept) == (1, [])


def test_what_can_never_be_sent_is_not_tried_again(made: Made, slept: list[float]) -> None:
    turns = Turns(httpx.LocalProtocolError("Illegal header value b'Bearer '"))

    with pytest.raises(httpx.LocalProtocolError):
        made(turns).request("GET", "/cases")

    assert slept == []


@pytest.mark.parametrize("proxied", ["http://localhost:1", "https://caseledger.test"])
def test_what_runs_on_this_machine_is_never_behind_a_proxy(
    kind: str, proxied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://proxy.test:1")
    client = (Client if kind == "sync" else AsyncClient)(proxied, "a-token")

    used = [mount for mount in client._http._mounts.values() if mount]  # noqa: SLF001

    assert bool(used) == (proxied == "https://caseledger.test")


def test_the_asynchronous_client_awaits_a_token() -> None:
    turns = Turns(httpx.Response(200, json={}))

    async def token() -> str:
        return "awaited"

    async def asked() -> None:
        async with AsyncClient("http://localhost", token, transport=of_transport(turns)) as client:
            await client.request("GET", "/cases")

    asyncio.run(asked())
    assert turns.sent[0].headers["Authorization"] == "Bearer awaited"


def test_a_token_is_asked_for_before_each_request(made: Made, slept: list[float]) -> None:
    tokens = iter(["first", "second"])
    turns = Turns(httpx.Response(503), httpx.Response(200, json={}))
    ask: Callable[[], str] = lambda: next(tokens)  # noqa: E731

    made(turns, token=ask).request("GET", "/cases")

    told = [request.headers["Authorization"] for request in turns.sent]
    assert told == ["Bearer first", "Bearer second"]
    assert len(slept) == 1


def test_who_waits_for_a_server_that_is_away_is_told_which(
    made: Made, slept: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    turns = Turns(httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json={}))

    made(turns).request("GET", "/cases")

    first, second = caplog.messages
    assert first.startswith("GET http://localhost/v1/cases: ConnectError('refused'); again in ")
    assert second.startswith("GET http://localhost/v1/cases: <Response [503 ")
    assert len(slept) == 2


def test_who_waits_for_a_decision_asks_within_the_timeout_and_does_not_flood_a_server_that_stops(
    made: Made, slept: list[float]
) -> None:
    told = ("pending", "in_progress", "approved")
    turns = Turns(*(httpx.Response(200, json={"id": "q-7", "status": one}) for one in told))

    assert made(turns, timeout=10).wait("q-7")["status"] == "approved"

    assert [one.url.params["timeoutSeconds"] for one in turns.sent] == ["8"] * 3
    assert set(slept) == {1}


def test_who_waits_for_a_decision_goes_on_while_the_server_is_away(
    made: Made, slept: list[float]
) -> None:
    away: list[httpx.Response | Exception] = [httpx.Response(503), httpx.ConnectError("no")] * 5
    turns = Turns(*away, httpx.Response(200, json={"id": "q-7", "status": "approved"}))

    assert made(turns, retry_for=0.0).wait("q-7")["status"] == "approved"

    assert len(slept) == len(away)
