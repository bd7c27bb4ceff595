"""`:wait`: an agent is held until people have decided, and never longer than it asked for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from select import select
from threading import Semaphore
from typing import Any

import httpx
import pytest

from shared.config import Config
from shared.documents import waiting
from shared.documents.port import Document
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field
from tests.reliability.server import ForkedServer, Server, running, token, wait_until
from tests.rows import each_row
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.both_stores

LONG = 50
"""Seconds that nobody waits for unless a test fails."""
NEW = {"uowId": "uow-1", "type": "resume", "title": "Go on?"}


@pytest.fixture
def configured(config: Config) -> Config:
    """For at most two who wait."""
    return replace(config, max_waits=2)


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """The clock by which the time to wait ends."""
    made = Stopwatch()
    monkeypatch.setattr(waiting, "time", made)
    return made


@pytest.fixture
def held(api: Api, monkeypatch: pytest.MonkeyPatch) -> Semaphore:
    """Is released for each state that a held request has seen, and that does not end it."""
    states = Semaphore(0)
    store = api.runtime.store
    watch = store.watch

    def watched(path: str, until: Callable[[Document | None], bool], *rest: Any) -> Any:
        def asked(document: Document | None) -> bool:
            ended = until(document)
            if not ended:
                states.release()
            return ended

        return watch(path, asked, *rest)

    monkeypatch.setattr(store, "watch", watched)
    return states


def ask(api: Api, **fields: Any) -> str:
    response = api.agent.post("/interventions", {**NEW, **fields})
    assert response.status_code == 201, response.text
    intervention_id: str = response.json["id"]
    return intervention_id


def wait(api: Api, intervention_id: str, seconds: float) -> TestResponse:
    return api.agent.get(f"/interventions/{intervention_id}:wait?timeoutSeconds={seconds}")


def test_who_waits_is_answered_when_it_is_decided(api: Api, held: Semaphore) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(wait, api, intervention_id, LONG)
        assert held.acquire(timeout=LONG)
        decide = {"decision": "approve", "reason": "Fine"}
        decided = api.pilot.post(f"/interventions/{intervention_id}:decide", decide)
        answer = answered.result()

    assert answer.json == decided.json
    assert answer.headers["ETag"] == decided.headers["ETag"]
    assert cost(answer) == (2, 0, 1)


def test_a_claim_is_no_decision_so_who_waits_is_held_on(api: Api, held: Semaphore) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(wait, api, intervention_id, LONG)
        assert held.acquire(timeout=LONG)
        api.pilot.post(f"/interventions/{intervention_id}:claim")
        assert held.acquire(timeout=LONG)
        api.pilot.post(f"/interventions/{intervention_id}:decide", {"decision": "approve"})
        answer = answered.result()

    assert answer.status_code == 200
    assert answer.json["status"] == "approved"


@pytest.mark.costs_of("wait_intervention")
def test_in_time_and_not_earlier_the_current_state_is_the_answer(
    api: Api, held: Semaphore, stopwatch: Stopwatch
) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(wait, api, intervention_id, 55)
        assert held.acquire(timeout=LONG)
        stopwatch.advance(25)
        stopwatch.passed()
        early = answered.done()
        stopwatch.advance(30)
        answer = answered.result()

    assert not early
    assert answer.json == api.agent.get(f"/interventions/{intervention_id}").json
    assert cost(answer) == (1, 0, 1)


def test_what_is_decided_already_is_answered_at_once(api: Api) -> None:
    intervention_id = ask(api)
    no = {"decision": "reject", "reason": "No"}
    decided = api.pilot.post(f"/interventions/{intervention_id}:decide", no).json

    assert wait(api, intervention_id, LONG).json == decided


def test_what_runs_out_is_answered_when_it_does(api: Api, held: Semaphore, clock: Clock) -> None:
    intervention_id = ask(api, expiresInSeconds=1)
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(wait, api, intervention_id, LONG)
        assert held.acquire(timeout=LONG)
        clock.advance(seconds=1)
        answer = answered.result()

    assert answer.json["status"] == "expired"


def test_there_is_nothing_to_wait_for_where_nothing_is(api: Api) -> None:
    refused(wait(api, "nobody-asked", 30), 404, "NOT_FOUND")
    outsider = api.caller("agent", tenant="other-tenant")
    path = f"/interventions/{ask(api)}:wait?timeoutSeconds=30"
    refused(outsider.get(path), 404, "NOT_FOUND")


@ON_EMBEDDED
@each_row("seconds", ["-1", "56", "0.5", "1e1", "", "x", "999999999999999999999"])
def test_a_time_to_wait_is_a_whole_number_of_seconds_up_to_55(api: Api, seconds: str) -> None:
    path = f"/interventions/any:wait?timeoutSeconds={seconds}"

    refused_field(api.agent.get(path), "timeoutSeconds")


@ON_EMBEDDED
def test_more_than_an_instance_holds_are_told_to_come_later(api: Api, held: Semaphore) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        path = f"/interventions/{intervention_id}:wait?timeoutSeconds={LONG}"
        both = [pool.submit(caller.get, path) for caller in (api.agent, api.viewer)]
        for _ in both:
            assert held.acquire(timeout=LONG)
        third = api.pilot.get(path)
        api.pilot.post(f"/interventions/{intervention_id}:decide", {"decision": "approve"})
        answers = [one.result().status_code for one in both]

    refused(third, 429, "RESOURCE_EXHAUSTED")
    assert int(third.headers["Retry-After"]) > 0
    assert answers == [200, 200]
    assert wait(api, intervention_id, 0).status_code == 200


@ON_EMBEDDED
def test_one_caller_takes_half_of_the_places_and_leaves_the_rest_to_others(
    api: Api, held: Semaphore
) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(wait, api, intervention_id, LONG)
        assert held.acquire(timeout=LONG)
        second = wait(api, intervention_id, LONG)
        other = api.pilot.get(f"/interventions/{intervention_id}:wait?timeoutSeconds=0")
        api.pilot.post(f"/interventions/{intervention_id}:decide", {"decision": "approve"})

    assert "of one caller" in refused(second, 429, "RESOURCE_EXHAUSTED")["message"]
    assert (first.result().status_code, other.status_code) == (200, 200)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real server, which holds one request at a time."""
    store = {"CASELEDGER_STORE": f"sqlite:///{tmp_path / 'wait.db'}"}
    with running(ForkedServer(**store, CASELEDGER_MAX_WAITS="1")) as started:
        yield started


def test_who_hangs_up_leaves_the_place_to_others(server: Server) -> None:
    with server.client("agent") as agent:
        path = f"/interventions/{asked_of(agent)}:wait"
        free = partial(agent.get, f"{path}?timeoutSeconds=0")
        hung_up = held_request(server, f"{path}?timeoutSeconds=50")
        while free().status_code == 200:
            # To ask takes the one place for a moment, in which the other may have been refused.
            if select([hung_up], [], [], 0)[0]:
                hung_up.close()
                hung_up = held_request(server, f"{path}?timeoutSeconds=50")
        hung_up.close()

        wait_until(lambda: free().status_code == 200, LONG)


def test_a_restart_loses_neither_what_is_asked_nor_what_is_decided(server: Server) -> None:
    with server.client("agent") as agent, server.client("pilot") as pilot:
        intervention_id = asked_of(agent)
        path = f"/interventions/{intervention_id}"
        cut_off = held_request(server, f"{path}:wait?timeoutSeconds=50")
        server.kill()
        server.start()
        (pending,) = pilot.get("/interventions:pending").json()["interventions"]
        decided = pilot.post(f"{path}:decide", json={"decision": "approve"}).json()
        server.kill()
        server.start()
        answer = agent.get(f"{path}:wait?timeoutSeconds=50").json()
        cut_off.close()

    assert pending["id"] == intervention_id
    assert answer == decided


def asked_of(agent: httpx.Client) -> str:
    intervention_id: str = agent.post("/interventions", json=NEW).json()["id"]
    return intervention_id


def held_request(server: Server, path: str) -> socket.socket:
    """A GET that is sent, and whose answer nobody reads."""
    opened = socket.create_connection(server.address)
    lines = (
        f"GET /v1{path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token('agent')}",
    )
    opened.sendall("\r\n".join((*lines, "", "")).encode())
    return opened
