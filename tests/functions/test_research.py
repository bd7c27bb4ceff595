"""What the research system's description lists before and after it had a database, here.

Before: state lost on restart, no audit trail, no historical queries, no way to track requests that
take days, nothing for compliance. After: each of these, as a test. Its `agent_executions` are runs;
its requirements, feasibility reports and deliveries are records; its escalations are escalations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
import rfc8785

from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import pages, refused, trail, when
from tests.reliability.independent import assert_chain

REQUEST = "REQ-1"
PATH = f"/cases/{REQUEST}"
REPORT = {"cohort": 120, "feasible": True, "confidence": 0.82}


@pytest.fixture
def restarted(api: Api, clock: Clock) -> Iterator[Api]:
    """The functions in a new instance, which has nothing of the first but its store."""
    runtime = Runtime(api.runtime.config, clock)
    instance = Api(runtime)
    instance.tenant = api.tenant
    yield instance
    runtime.close()


def ok(answer: Any) -> dict[str, Any]:
    """The content of an answer that must be a success."""
    assert answer.status_code in (200, 201), answer.text
    content: dict[str, Any] = answer.json
    return content


def run(api: Api, agent: str, **fields: Any) -> str:
    """Starts a run of an agent on the request; gives its path."""
    started = ok(api.agent.post(f"{PATH}/runs", {"agentId": agent, **fields}))
    return f"{PATH}/runs/{started['id']}"


def events(api: Api, query: str) -> list[dict[str, Any]]:
    """The events of a tenant that a query finds, newest first."""
    return [row for page in pages(api.pilot, f"/audit?{query}", "events") for row in page]


def research(api: Api, clock: Clock) -> dict[str, datetime]:
    """Five days of a request, from its submission to its delivery; gives when what happened."""
    at: dict[str, datetime] = {"received": clock.now}
    api.agent.create(id=REQUEST, decisionType="research_request", title="Diabetes cohort")
    gathering = run(api, "requirements-agent", input={"question": "HbA1c above 9"})
    clock.advance(hours=2)
    requirements = {"kind": "requirements", "title": "Requirements", "data": {"codes": ["E11"]}}
    ok(api.agent.post(f"{PATH}/records", requirements))
    ok(api.agent.patch(gathering, {"status": "completed", "output": {"complete": True}}))
    at["feasibility"] = clock.advance(days=1)
    failing = run(api, "phenotype-agent", packId="phenotype", version="1.0.0")
    clock.advance(minutes=5)
    error = {"status": "failed", "errors": [{"type": "Timeout", "message": "no answer"}]}
    ok(api.agent.patch(failing, error))
    at["failed"] = clock.now
    clock.advance(minutes=5)
    again = run(api, "phenotype-agent", packId="phenotype", version="1.0.1")
    clock.advance(days=2)
    report = {"kind": "feasibility", "title": "Feasibility", "data": REPORT}
    ok(api.agent.post(f"{PATH}/records", {**report, "data": {"feasible": None}}))
    ok(api.agent.post(f"{PATH}/records", report))
    ok(api.agent.patch(again, {"status": "completed"}))
    at["escalated"] = clock.advance(hours=1)
    question = ok(api.agent.post(f"{PATH}:escalate", {"reason": "Needs the board's approval"}))
    clock.advance(days=1)
    decision = {"decision": "approve", "response": {"text": "Approved by the board"}}
    ok(api.pilot.post(f"/interventions/{question['id']}:decide", decision))
    delivery = run(api, "delivery-agent")
    delivered = {"kind": "delivery", "title": "Delivery", "data": {"rows": 118}}
    ok(api.agent.post(f"{PATH}/records", delivered))
    ok(api.agent.patch(delivery, {"status": "completed"}))
    at["delivered"] = clock.now
    return at


def test_state_survives_a_restart_in_the_midst_of_a_run(
    api: Api, restarted: Api, clock: Clock
) -> None:
    api.agent.create(id=REQUEST, title="Diabetes cohort")
    path = run(api, "phenotype-agent", input=REPORT)
    ok(api.agent.post(f"{PATH}/records", {"kind": "draft", "title": "Draft", "data": REPORT}))
    before = ok(api.viewer.get(path))
    api.runtime.close()
    clock.advance(minutes=10)

    assert ok(restarted.viewer.get(path)) == before
    ended = ok(restarted.agent.patch(path, {"status": "completed", "output": REPORT}))
    assert (ended["input"], ended["output"], ended["durationSeconds"]) == (REPORT, REPORT, 600)
    (record,) = ok(restarted.viewer.get(f"{PATH}/records"))["records"]
    assert record["data"] == REPORT
    steps = ["case_created", "agent_started", "record_added", "agent_completed"]
    assert [event["eventType"] for event in trail(restarted, REQUEST)] == steps


def test_every_step_of_a_request_is_on_one_complete_trail(api: Api, clock: Clock) -> None:
    research(api, clock)

    own = trail(api, REQUEST)
    assert [event["eventType"] for event in own] == [
        "case_created",
        "agent_started",
        "record_added",
        "agent_completed",
        "agent_started",
        "agent_failed",
        "agent_started",
        "record_added",
        "record_added",
        "agent_completed",
        "escalated",
        "agent_started",
        "record_added",
        "agent_completed",
    ]
    assert_chain(api.tenant, own)
    (related,) = pages(api.viewer, f"{PATH}/audit?related=true&pageSize=200", "events")
    decided = {"intervention_requested", "intervention_decided"}
    assert decided == {e["eventType"] for e in related} - {e["eventType"] for e in own}
    assert {e["actor"]["subject"] for e in related} == {"agent", "pilot"}
    # What was handed over is what the trail says, to whoever finds its hash again.
    for record in ok(api.viewer.get(f"{PATH}/records"))["records"]:
        sha256 = hashlib.sha256(rfc8785.dumps(record["data"])).hexdigest()
        told = own[record["sequence"] - 1]["meta"]
        assert (told["recordId"], told["sha256"]) == (record["id"], sha256)


def test_the_trail_is_asked_by_severity_by_agent_and_by_time(api: Api, clock: Clock) -> None:
    at = research(api, clock)

    (error,) = events(api, "severity=error")
    assert (error["eventType"], error["agentId"]) == ("agent_failed", "phenotype-agent")
    assert when(error["createdAt"]) == at["failed"]
    assert [e["eventType"] for e in events(api, "severity=warning")] == ["escalated"]
    assert events(api, "severity=critical") == []
    phenotype = ["agent_completed", "agent_started", "agent_failed", "agent_started"]
    assert [e["eventType"] for e in events(api, "agentId=phenotype-agent")] == phenotype
    assert events(api, "agentId=phenotype-agent&severity=error") == [error]
    assert events(api, "agentId=delivery-agent&severity=error") == []
    since, until = (quote(at[name].isoformat()) for name in ("feasibility", "escalated"))
    window = events(api, f"since={since}&until={until}")
    assert window == [
        event
        for event in events(api, "pageSize=200")
        if at["feasibility"] <= when(event["createdAt"]) < at["escalated"]
    ]
    assert len(window) == 6


@pytest.mark.both_stores
def test_requests_and_runs_of_the_past_are_found_by_what_they_were(api: Api, clock: Clock) -> None:
    research(api, clock)
    ok(api.pilot.patch(PATH, {"status": "in_review"}))
    ok(api.pilot.patch(PATH, {"status": "closed", "reason": "Delivered"}))
    clock.advance(days=700)

    def runs(query: str) -> list[tuple[str, str]]:
        found = ok(api.viewer.get(f"/runs?{query}"))["runs"]
        return [(row["agentId"], row["status"]) for row in found]

    closed = ok(api.viewer.get("/cases?status=closed&decisionType=research_request"))["cases"]
    assert [case["id"] for case in closed] == [REQUEST]
    assert runs(f"caseId={REQUEST}&pageSize=200") == [
        ("delivery-agent", "completed"),
        ("phenotype-agent", "completed"),
        ("phenotype-agent", "failed"),
        ("requirements-agent", "completed"),
    ]
    assert runs("status=failed") == [("phenotype-agent", "failed")]
    assert len(runs("packId=phenotype")) == 2
    assert runs("agentId=requirements-agent") == [("requirements-agent", "completed")]
    latest = ok(api.viewer.get(f"{PATH}/records?latest=true"))["records"]
    kinds = [("delivery", 1), ("feasibility", 2), ("requirements", 1)]
    assert [(record["kind"], record["version"]) for record in latest] == kinds
    (escalation,) = ok(api.viewer.get(f"/interventions?caseId={REQUEST}"))["interventions"]
    assert (escalation["status"], escalation["decidedBy"]) == ("approved", "pilot@example.com")


def test_a_run_of_days_is_followed_to_its_end_and_one_that_hangs_is_ended(
    api: Api, restarted: Api, clock: Clock
) -> None:
    api.agent.create(id=REQUEST)
    long, hanging = run(api, "extraction-agent"), run(api, "crashed-agent")
    scheduler = restarted.caller("scheduler")
    for _ in range(6):
        clock.advance(days=1)
        assert ok(scheduler.post("/scheduled/failStaleRuns"))["changed"] == 0
        running = ok(restarted.viewer.get("/runs?status=running"))["runs"]
        assert len(running) == 2
    ended = ok(restarted.agent.patch(long, {"status": "completed"}))
    assert ended["durationSeconds"] == 6 * 86_400
    clock.advance(days=1)

    assert ok(scheduler.post("/scheduled/failStaleRuns"))["changed"] == 1

    assert ok(api.viewer.get(hanging))["errors"] == ["timed out"]
    assert ok(api.viewer.get("/runs?status=running"))["runs"] == []
    (error,) = events(api, "severity=error")
    assert (error["agentId"], error["source"]) == ("crashed-agent", "scheduler")
    late = restarted.agent.patch(hanging, {"status": "completed"})
    assert refused(late, 409, "FAILED_PRECONDITION")["details"][0]["status"] == "failed"
