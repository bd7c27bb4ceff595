"""Runs, records and escalations under kill -9, races and faults: nothing lost, nothing doubled."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import httpx
import pytest
import rfc8785

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.reliability.fault_proxy import Code, Fault, FaultProxy, Script
from tests.reliability.server import Server
from tests.reliability.support import (
    LOAD,
    all_pages,
    held_case,
    held_trail,
    in_parallel,
    persistent,
    types,
)

WRITERS = 4
ACKNOWLEDGED = 30
RACERS = 20
CASES = [f"A-{number}" for number in range(WRITERS)]
NEW = {"decisionType": "research_request", "title": "A case"}

EVENT_OF = {"/runs": "agent_started", "/records": "record_added", ":escalate": "escalated"}

Request = tuple[str, str, dict[str, Any]]


def codes(answers: list[TestResponse]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def records_of(api: Api, case_id: str) -> list[dict[str, Any]]:
    """The records of a case, oldest first, whose hashes are those of their data."""
    records = all_pages(api.viewer, f"/cases/{case_id}/records", "records")[::-1]
    for record in records:
        assert record["sha256"] == hashlib.sha256(rfc8785.dumps(record["data"])).hexdigest()
    return records


def assert_gapless(records: list[dict[str, Any]]) -> None:
    """Fails unless each record is the next version of its kind, and supersedes the one before."""
    latest: dict[str, tuple[int, str | None]] = {}
    for record in records:
        version, before = latest.get(record["kind"], (0, None))
        assert (record["version"], record["supersedes"]) == (version + 1, before)
        latest[record["kind"]] = (record["version"], record["id"])


class Agent(threading.Thread):
    """Works on a case of its own until the server is gone: a run, a record, its end, and again."""

    def __init__(self, server: Server, case_id: str, done: threading.Semaphore) -> None:
        super().__init__()
        self.sent: list[tuple[Request, str, dict[str, Any] | None]] = []
        self._server = server
        self._case = case_id
        self._done = done

    def run(self) -> None:
        """See `threading.Thread`."""
        with self._server.client("agent", timeout=10) as client:
            number = 0
            while all(self._send(client, request) for request in self._round(number)):
                number += 1

    def _round(self, number: int) -> Iterator[Request]:
        path, run_id = f"/cases/{self._case}", f"{self._case}-{number}"
        start = {"id": run_id, "agentId": "worker", "input": {"round": number}}
        yield "POST", f"{path}/runs", start
        record = {"kind": "report", "title": "A report", "data": [number], "runId": run_id}
        yield "POST", f"{path}/records", record
        yield "PATCH", f"{path}/runs/{run_id}", {"status": "completed", "output": number}
        yield "POST", f"{path}:escalate", {"reason": f"Round {number}"}

    def _send(self, client: httpx.Client, request: Request) -> bool:
        method, path, body = request
        key = uuid.uuid4().hex
        self.sent.append((request, key, None))
        try:
            answer = client.request(method, path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return False
        if answer.status_code not in (200, 201):
            return False
        self.sent[-1] = (request, key, answer.json())
        self._done.release()
        return True


def test_what_agents_did_survives_a_kill_and_what_they_repeat_has_one_effect(
    server_and_config: tuple[Server, Config],
) -> None:
    server, config = server_and_config
    done = threading.Semaphore(0)
    agents = [Agent(server, case_id, done) for case_id in CASES]
    with server.client("verifier", timeout=10) as client:
        for case_id in CASES:
            assert client.post("/cases", json={**NEW, "id": case_id}).status_code == 201
    for agent in agents:
        agent.start()
    for _ in range(ACKNOWLEDGED):
        assert done.acquire(timeout=30)

    server.kill()
    for agent in agents:
        agent.join()

    runtime = Runtime(config)
    api = Api(runtime)
    api.tenant = "acme"
    for agent, case_id in zip(agents, CASES, strict=True):
        # The last one was never answered: it took effect, or it did not.
        assert [answer for *_, answer in agent.sent].index(None) == len(agent.sent) - 1
        for request, key, first in agent.sent:
            answer = send(api, request, key)
            assert answer.status_code in (200, 201), answer.text
            if first:
                assert answer.headers["Idempotent-Replayed"] == "true"
                assert {**first, **outcome(answer.json)} == answer.json
        assert_one_effect_each(api, case_id, [path for (_, path, _), *_ in agent.sent])
    runtime.close()


def outcome(answer: dict[str, Any]) -> dict[str, Any]:
    """What may have become of a run since it was started."""
    later = ("status", "output", "finishedAt", "updatedAt", "durationSeconds", "timeoutAt")
    return {name: answer[name] for name in later if name in answer}


def assert_one_effect_each(api: Api, case_id: str, paths: list[str]) -> None:
    """Fails unless the requests to `paths` each left one event, and what the events tell of."""
    events = held_case(api, case_id)
    runs = all_pages(api.viewer, f"/runs?caseId={case_id}", "runs")
    records = records_of(api, case_id)
    asked = all_pages(api.viewer, f"/interventions?caseId={case_id}", "interventions")
    expected = Counter(
        EVENT_OF.get(path.rpartition(case_id)[2], "agent_completed") for path in paths
    )
    assert Counter(types(events)) == {"case_created": 1, **expected}
    assert expected["agent_started"] == len(runs)
    assert expected["record_added"] == len(records)
    assert expected["escalated"] == len(asked)
    completed = [run for run in runs if run["status"] == "completed"]
    assert expected["agent_completed"] == len(completed)
    assert_gapless(records)


@pytest.mark.parametrize("_round", range(LOAD))
def test_of_twenty_that_end_a_run_differently_one_wins_and_the_others_learn_how_it_stands(
    api: Api, _round: int
) -> None:
    api.verifier.create(id="A-1")
    api.agent.post("/cases/A-1/runs", {"id": "r-1", "agentId": "worker"})

    answers = in_parallel(
        RACERS,
        lambda n: persistent(
            api.agent,
            "PATCH",
            "/cases/A-1/runs/r-1",
            {"status": "completed" if n % 2 else "failed", "output": n},
        ),
    )

    assert codes(answers) == {200: 1, 409: RACERS - 1}
    (won,) = [answer.json for answer in answers if answer.status_code == 200]
    standing = {"status": won["status"], "finishedAt": won["finishedAt"], "allowed": []}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json["error"]["status"] == "FAILED_PRECONDITION"
            assert answer.json["error"]["details"] == [standing]
    assert api.viewer.get("/cases/A-1/runs/r-1").json == won
    steps = ["case_created", "agent_started", f"agent_{won['status']}"]
    assert types(held_case(api, "A-1")) == steps


def test_twenty_that_end_a_run_in_the_same_way_are_all_told_so_and_leave_one_event(
    api: Api,
) -> None:
    api.verifier.create(id="A-1")
    api.agent.post("/cases/A-1/runs", {"id": "r-1", "agentId": "worker"})
    end = {"status": "completed", "output": {"a": 1}}

    answers = in_parallel(
        RACERS, lambda _: persistent(api.agent, "PATCH", "/cases/A-1/runs/r-1", end)
    )

    assert codes(answers) == {200: RACERS}
    assert len({answer.data for answer in answers}) == 1
    steps = ["case_created", "agent_started", "agent_completed"]
    assert types(held_case(api, "A-1")) == steps


def test_twenty_records_of_one_kind_at_once_are_versions_one_to_twenty(api: Api) -> None:
    api.verifier.create(id="A-1")

    answers = in_parallel(
        RACERS,
        lambda n: persistent(
            api.agent,
            "POST",
            "/cases/A-1/records",
            {"kind": "report", "title": "A report", "data": {"by": n}},
        ),
    )

    assert codes(answers) == {201: RACERS}
    records = records_of(api, "A-1")
    assert [record["version"] for record in records] == list(range(1, RACERS + 1))
    assert_gapless(records)
    assert sorted(record["data"]["by"] for record in records) == list(range(RACERS))
    given = {answer.json["id"]: answer.json for answer in answers}
    assert given == {record["id"]: record for record in records}
    latest = api.viewer.get("/cases/A-1/records?latest=true").json["records"]
    assert latest == records[-1:]
    assert types(held_case(api, "A-1")) == ["case_created", *["record_added"] * RACERS]


@pytest.mark.parametrize("_round", range(3 * LOAD))
def test_of_two_that_start_a_run_with_one_id_one_starts_it_on_whichever_case(
    api: Api, _round: int
) -> None:
    for case_id in ("A-1", "A-2"):
        api.verifier.create(id=case_id)

    answers = in_parallel(
        4,
        lambda n: persistent(
            api.agent, "POST", f"/cases/A-{n % 2 + 1}/runs", {"id": "r-1", "agentId": f"a-{n}"}
        ),
    )

    assert codes(answers) == {201: 1, 409: 3}
    refused = [answer.json["error"] for answer in answers if answer.status_code == 409]
    assert {error["status"] for error in refused} == {"ALREADY_EXISTS"}
    (won,) = [answer.json for answer in answers if answer.status_code == 201]
    assert all_pages(api.viewer, "/runs", "runs") == [won]
    both = Counter([*types(held_case(api, "A-1")), *types(held_case(api, "A-2"))])
    assert both == {"case_created": 2, "agent_started": 1}


@pytest.mark.parametrize("_round", range(2 * LOAD))
def test_a_run_that_ends_as_its_time_is_over_ends_once(api: Api, clock: Clock, _round: int) -> None:
    api.verifier.create(id="A-1")
    for number in range(3):
        api.agent.post("/cases/A-1/runs", {"id": f"r-{number}", "agentId": "worker"})
    clock.advance(days=7)

    def act(number: int) -> TestResponse:
        if number >= 3:
            return api.caller("scheduler").post("/scheduled/failStaleRuns")
        path = f"/cases/A-1/runs/r-{number}"
        return persistent(api.agent, "PATCH", path, {"status": "completed"})

    *ends, one, other = in_parallel(5, act)

    assert codes([one, other]) == {200: 2}
    completed = codes(ends)[200]
    assert one.json["changed"] + other.json["changed"] == 3 - completed
    assert one.json["failed"] + other.json["failed"] == 0
    steps = Counter(types(held_case(api, "A-1")))
    ended = {"agent_completed": completed, "agent_failed": 3 - completed}
    assert steps == Counter({"case_created": 1, "agent_started": 3, **ended})


def test_a_case_that_is_deleted_while_agents_work_on_it_leaves_nothing_behind(api: Api) -> None:
    api.verifier.create(id="A-1")
    record = {"kind": "report", "title": "A report", "data": 1}

    def act(number: int) -> TestResponse:
        if number == 8:
            return persistent(api.admin, "DELETE", "/cases/A-1")
        if number % 2:
            return persistent(api.agent, "POST", "/cases/A-1/records", record)
        return persistent(api.agent, "POST", "/cases/A-1/runs", {"agentId": "worker"})

    *answers, deleted = in_parallel(9, act)

    assert deleted.status_code == 204
    assert codes(answers).keys() <= {201, 404}
    assert all_pages(api.viewer, "/runs", "runs") == []
    assert types(held_case(api, "A-1"))[-1] == "case_deleted"


LOST = [Fault(code, after=True) for code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)]
STEPS: dict[str, tuple[str, Callable[[int], Request]]] = {
    "start_run": (
        "agent_started",
        lambda n: ("POST", f"/cases/A-{n}/runs", {"id": f"r-{n}", "agentId": "worker"}),
    ),
    "start_run_without_id": (
        "agent_started",
        lambda n: ("POST", f"/cases/A-{n}/runs", {"agentId": "worker"}),
    ),
    "update_run": (
        "agent_completed",
        lambda n: ("PATCH", f"/cases/A-{n}/runs/old-{n}", {"status": "completed", "output": 1}),
    ),
    "add_record": (
        "record_added",
        lambda n: ("POST", f"/cases/A-{n}/records", {"kind": "k", "title": "t", "data": n}),
    ),
    "escalate_case": ("escalated", lambda n: ("POST", f"/cases/A-{n}:escalate", {"reason": "R"})),
}
FAULTS = [*((fault, key) for fault in LOST for key in ("", "key")), (Fault(Code.ABORTED), "")]


@pytest.mark.parametrize("step", STEPS)
def test_the_same_key_ten_times_at_once_has_one_effect_and_ten_equal_answers(
    api: Api, step: str
) -> None:
    event, request = STEPS[step]
    prepare(api, 0)

    answers = in_parallel(10, lambda _: send(api, request(0), "the-key"))

    assert len({(answer.status_code, answer.data) for answer in answers}) == 1
    marked = [answer for answer in answers if "Idempotent-Replayed" in answer.headers]
    assert len(marked) == 9
    assert_happened_once(api, 0, event, answers[0])


@pytest.mark.parametrize("step", STEPS)
def test_a_commit_that_fails_or_whose_answer_is_lost_has_one_effect(
    faulty: Api, proxy: FaultProxy, step: str
) -> None:
    event, request = STEPS[step]
    for number, (fault, key) in enumerate(FAULTS):
        prepare(faulty, number)
        script = Script("Commit", [fault])
        with proxy.following(script):
            answer = send(faulty, request(number), key and f"{key}-{number}")

        assert script.fired == 1
        assert answer.status_code in (200, 201), (fault, answer.text)
        assert "Idempotent-Replayed" not in answer.headers
        assert_happened_once(faulty, number, event, answer)


def test_a_commit_that_never_answers_has_one_effect_once_it_is_repeated(
    faulty: Api, proxy: FaultProxy
) -> None:
    steps = list(STEPS.values())
    for number in range(len(steps)):
        prepare(faulty, number)

    def send_step(number: int) -> TestResponse:
        return send(faulty, steps[number][1](number), f"key-{number}")

    with proxy.following(Script("Commit", repeat(Fault(after=True, hang=True)))):
        lost = in_parallel(len(steps), send_step)
    repeated = in_parallel(len(steps), send_step)

    for number, (event, _) in enumerate(steps):
        # The last look for the receipt may just have come in time.
        assert lost[number].status_code in (200, 201, 503), lost[number].text
        assert repeated[number].headers["Idempotent-Replayed"] == "true"
        assert_happened_once(faulty, number, event, repeated[number])


def prepare(api: Api, number: int) -> None:
    """Makes a case with a run that is under way."""
    case_id = f"A-{number}"
    api.verifier.create(id=case_id)
    body = {"id": f"old-{number}", "agentId": "worker"}
    assert api.agent.post(f"/cases/{case_id}/runs", body).status_code == 201


def send(api: Api, request: Request, key: str) -> TestResponse:
    headers = {"idempotency_key": key} if key else {}
    return api.agent.request(*request, **headers)


def assert_happened_once(api: Api, number: int, event: str, answer: TestResponse) -> None:
    """Fails unless there is one event, and what it tells of is there once, as it was answered."""
    case_id = f"A-{number}"
    before = ["case_created", "agent_started"]
    assert types(held_trail(api, f"cases/{case_id}")) == [*before, event]
    runs = all_pages(api.viewer, f"/runs?caseId={case_id}", "runs")
    records = records_of(api, case_id)
    asked = all_pages(api.viewer, f"/interventions?caseId={case_id}", "interventions")
    made = {"agent_started": (2, 0, 0), "record_added": (1, 1, 0), "escalated": (1, 0, 1)}
    assert (len(runs), len(records), len(asked)) == made.get(event, (1, 0, 0))
    assert answer.json in [*runs, *records, *asked]
