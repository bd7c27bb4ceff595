"""`:wait`: an agent is held until people have decided, and never longer than it asked for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field
from tests.reliability.server import Server, running, token, wait_until

AT_MOST = 0.2
"""Seconds from a decision to the answer of who waits for it."""
NEW = {"uowId": "uow-1", "type": "resume", "title": "Go on?"}


@pytest.fixture
def api(config: Config) -> Iterator[Api]:
    """Every function over each kind of store, at the real time, for at most two who wait."""
    runtime = Runtime(replace(config, max_waits=2))
    yield Api(runtime)
    runtime.close()


def ask(api: Api, **fields: Any) -> str:
    response = api.agent.post("/interventions", {**NEW, **fields})
    assert response.status_code == 201, response.text
    intervention_id: str = response.json["id"]
    return intervention_id


def wait(api: Api, intervention_id: str, seconds: float) -> TestResponse:
    return api.agent.get(f"/interventions/{intervention_id}:wait?timeoutSeconds={seconds}")


def test_who_waits_is_answered_at_once_when_it_is_decided(api: Api) -> None:
    intervention_id = ask(api)
    wait(api, intervention_id, 0)  # opens the store
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: (wait(api, intervention_id, 20), time.monotonic()))
        time.sleep(0.4)
        decide = {"decision": "approve", "reason": "Fine"}
        decided = api.pilot.post(f"/interventions/{intervention_id}:decide", decide)
        decided_at = time.monotonic()
        answer, answered_at = waiting.result()

    assert answered_at - decided_at < AT_MOST
    assert answer.json == decided.json
    assert answer.headers["ETag"] == decided.headers["ETag"]
    assert cost(answer) == (2, 0, 1)


def test_a_claim_is_no_decision_so_who_waits_is_held_on(api: Api) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait, api, intervention_id, 1)
        time.sleep(0.3)
        api.pilot.post(f"/interventions/{intervention_id}:claim")
        answer = waiting.result()

    assert answer.status_code == 200
    assert answer.json["status"] == "in_progress"


@pytest.mark.costs_of("wait_intervention")
def test_in_time_the_current_state_is_the_answer(api: Api) -> None:
    intervention_id = ask(api)
    started = time.monotonic()

    answer = wait(api, intervention_id, 1)

    assert 0.9 < time.monotonic() - started < 1.9
    assert answer.json == api.agent.get(f"/interventions/{intervention_id}").json
    assert cost(answer) == (1, 0, 1)


def test_what_is_decided_already_is_answered_at_once(api: Api) -> None:
    intervention_id = ask(api)
    no = {"decision": "reject", "reason": "No"}
    decided = api.pilot.post(f"/interventions/{intervention_id}:decide", no).json
    started = time.monotonic()

    answer = wait(api, intervention_id, 30)

    assert time.monotonic() - started < 1
    assert answer.json == decided


def test_what_runs_out_is_answered_when_it_does(api: Api) -> None:
    intervention_id = ask(api, expiresInSeconds=1)
    started = time.monotonic()

    answer = wait(api, intervention_id, 30)

    assert time.monotonic() - started < 3
    assert answer.json["status"] == "expired"


def test_there_is_nothing_to_wait_for_where_nothing_is(api: Api) -> None:
    refused(wait(api, "nobody-asked", 30), 404, "NOT_FOUND")
    outsider = api.caller("agent", tenant="other-tenant")
    path = f"/interventions/{ask(api)}:wait?timeoutSeconds=30"
    refused(outsider.get(path), 404, "NOT_FOUND")


@ON_EMBEDDED
@pytest.mark.parametrize("seconds", ["-1", "56", "0.5", "1e1", "", "x", "999999999999999999999"])
def test_a_time_to_wait_is_a_whole_number_of_seconds_up_to_55(api: Api, seconds: str) -> None:
    path = f"/interventions/any:wait?timeoutSeconds={seconds}"

    refused_field(api.agent.get(path), "timeoutSeconds")


@ON_EMBEDDED
def test_more_than_an_instance_holds_are_told_to_come_later(api: Api) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        path = f"/interventions/{intervention_id}:wait?timeoutSeconds=1"
        held = [pool.submit(caller.get, path) for caller in (api.agent, api.viewer)]
        time.sleep(0.4)
        third = api.pilot.get(path)
        answers = [one.result().status_code for one in held]

    refused(third, 429, "RESOURCE_EXHAUSTED")
    assert int(third.headers["Retry-After"]) > 0
    assert answers == [200, 200]
    assert wait(api, intervention_id, 0).status_code == 200


@ON_EMBEDDED
def test_one_caller_takes_half_of_the_places_and_leaves_the_rest_to_others(api: Api) -> None:
    intervention_id = ask(api)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(wait, api, intervention_id, 2)
        time.sleep(0.4)
        second = wait(api, intervention_id, 1)
        other = api.pilot.get(f"/interventions/{intervention_id}:wait?timeoutSeconds=0")

    assert "of one caller" in refused(second, 429, "RESOURCE_EXHAUSTED")["message"]
    assert (held.result().status_code, other.status_code) == (200, 200)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A real server, which holds one request at a time."""
    store = {"CASELEDGER_STORE": f"sqlite:///{tmp_path / 'wait.db'}"}
    with running(Server(**store, CASELEDGER_MAX_WAITS="1")) as started:
        yield started


def test_who_hangs_up_leaves_the_place_to_others(server: Server) -> None:
    with server.client("agent") as agent:
        path = f"/interventions/{asked_of(agent)}:wait"
        held: list[socket.socket] = []

        def one_is_held() -> bool:
            # Another one each time: who asks may have had the place when the last one came.
            held.append(held_request(server, f"{path}?timeoutSeconds=50"))
            return agent.get(f"{path}?timeoutSeconds=0").status_code == 429

        wait_until(one_is_held, 20)
        for connection in held:
            connection.close()

        wait_until(lambda: agent.get(f"{path}?timeoutSeconds=0").status_code == 200, 20)


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
