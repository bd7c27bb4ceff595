"""Whoever asks, decides, closes or deletes at once: nothing is open on a closed or deleted case."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api, TestResponse
from tests.reliability.support import LOAD, all_pages, held_trail, in_parallel, persistent

ROUNDS = {"embedded": 8 * LOAD, "emulator": 8 * LOAD}
"""Rounds with every commit; 200 and more at night."""
AT_ONCE = 3
OPEN = ("pending", "in_progress")
QUESTION = {"uowId": "u", "type": "resume", "title": "Go on?"}
YES = {"decision": "approve"}


def rounds(request: pytest.FixtureRequest) -> int:
    """How many rounds the store of a test gets."""
    return ROUNDS[request.node.callspec.params["config"]]


def ask(api: Api, case_id: str, **fields: Any) -> TestResponse:
    """The answer to a question about a case."""
    body = {**QUESTION, "caseId": case_id, **fields}
    return persistent(api.agent, "POST", "/interventions", body)


def open_on(api: Api, case_id: str) -> tuple[int, int]:
    """How many interventions and runs of a case are open, counted one by one."""
    asked = all_pages(api.viewer, f"/interventions?caseId={case_id}", "interventions")
    runs = all_pages(api.viewer, f"/runs?caseId={case_id}", "runs")
    return (
        sum(one["status"] in OPEN for one in asked),
        sum(one["status"] in ("pending", "running") for one in runs),
    )


def counted_on(api: Api, case_id: str) -> tuple[int, int]:
    """How many the case says."""
    case = api.viewer.get(f"/cases/{case_id}").json
    return case["openInterventions"], case["openRuns"]


@pytest.mark.parametrize("config", ROUNDS, indirect=True)
@pytest.mark.parametrize("end", [True, False])
def test_nothing_is_open_on_a_case_that_is_closed_while_people_ask(
    api: Api, request: pytest.FixtureRequest, *, end: bool
) -> None:
    closing = {"status": "closed", "reason": "Over", "endOpen": end}
    for number in range(rounds(request)):
        case_id = f"CASE-{number}"
        api.verifier.create(id=case_id)

        def act(who: int, case_id: str = case_id) -> TestResponse:
            match who:
                case 0:
                    return persistent(api.pilot, "PATCH", f"/cases/{case_id}", closing)
                case 1:
                    body = {"id": f"run-{case_id}", "agentId": "a"}
                    return persistent(api.agent, "POST", f"/cases/{case_id}/runs", body)
            return ask(api, case_id)

        closed, *others = in_parallel(AT_ONCE + 1, act)

        assert {answer.status_code for answer in others} <= {201, 409}
        assert open_on(api, case_id) == counted_on(api, case_id)
        if end:
            assert closed.status_code == 200, closed.text
        if closed.status_code == 200:
            assert open_on(api, case_id) == (0, 0)
        else:
            assert closed.status_code == 409
            assert open_on(api, case_id) != (0, 0)


@pytest.mark.parametrize("config", ROUNDS, indirect=True)
def test_a_question_is_decided_or_withdrawn_when_its_case_is_deleted_or_closed_meanwhile(
    api: Api, request: pytest.FixtureRequest
) -> None:
    for number in range(rounds(request)):
        case_id = f"CASE-{number}"
        api.verifier.create(id=case_id)
        asked = [ask(api, case_id).json["id"] for _ in range(AT_ONCE)]
        over = {"caseIds": [case_id], "reason": "Over", "endOpen": True}

        def act(
            who: int,
            case_id: str = case_id,
            asked: list[str] = asked,
            over: Any = over,
            deletes: int = number % 2,
        ) -> TestResponse:
            if who < AT_ONCE:
                return persistent(api.pilot, "POST", f"/interventions/{asked[who]}:decide", YES)
            if deletes:
                return persistent(api.admin, "DELETE", f"/cases/{case_id}")
            return persistent(api.pilot, "POST", "/cases:close", over)

        *decided, gone = in_parallel(AT_ONCE + 1, act)

        assert gone.status_code in (200, 204), gone.text
        for one, answer in zip(asked, decided, strict=True):
            assert answer.status_code in (200, 409), answer.text
            ended = "decided" if answer.status_code == 200 else "withdrawn"
            trail = held_trail(api, f"interventions/{one}")
            assert [event["eventType"] for event in trail][1:] == [f"intervention_{ended}"]
        assert open_on(api, case_id) == (0, 0)
        if number % 2:
            document = api.runtime.store.get(f"tenants/{api.tenant}/cases/{case_id}")
            assert document
            assert document.data.keys() == {"head", "deletedAt"}
        else:
            assert counted_on(api, case_id) == (0, 0)


@pytest.mark.parametrize("config", ROUNDS, indirect=True)
def test_a_run_that_ends_while_it_asks_leaves_no_question_of_its_own(
    api: Api, request: pytest.FixtureRequest
) -> None:
    api.verifier.create(id="CASE-1")
    for number in range(rounds(request)):
        run = f"/cases/CASE-1/runs/run-{number}"
        start = {"id": f"run-{number}", "agentId": "a"}
        assert api.agent.post("/cases/CASE-1/runs", start).status_code == 201

        def act(who: int, run: str = run, run_id: str = start["id"]) -> TestResponse:
            if who == 0:
                return persistent(api.agent, "PATCH", run, {"status": "completed"})
            return ask(api, "CASE-1", runId=run_id)

        ended, *asked = in_parallel(AT_ONCE, act)

        assert ended.status_code == 200, ended.text
        assert {answer.status_code for answer in asked} <= {201, 409}
    assert open_on(api, "CASE-1") == counted_on(api, "CASE-1") == (0, 0)


def test_a_crowd_on_one_case_is_counted_to_the_last(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    asked = [answer.json["id"] for answer in in_parallel(20, lambda _: ask(api, "CASE-1"))]
    assert counted_on(api, "CASE-1") == (20, 0)

    def act(number: int) -> int:
        path = f"/interventions/{asked[number]}"
        verb, body = ("decide", YES) if number % 2 else ("withdraw", {})
        return persistent(api.pilot, "POST", f"{path}:{verb}", body).status_code

    assert set(in_parallel(20, act)) == {200}
    assert open_on(api, "CASE-1") == counted_on(api, "CASE-1") == (0, 0)
