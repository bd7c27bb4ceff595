"""Escalations over HTTP: a case is marked, and people are asked about it, in one commit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.support import (
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    trail,
    when,
)

ESCALATE = "/cases/CASE-1:escalate"
WHY = {"reason": "The cohort is too small"}


@pytest.fixture
def case(api: Api) -> dict[str, Any]:
    """A case, after which this instance knows the tenant's settings."""
    return api.verifier.create(id="CASE-1", title="Feasibility of a study")


def escalated(api: Api, **fields: Any) -> dict[str, Any]:
    """The intervention that an escalation raises."""
    response = api.agent.post(ESCALATE, {**WHY, **fields})
    assert response.status_code == 201, response.text
    intervention: dict[str, Any] = response.json
    return intervention


def related(api: Api) -> list[dict[str, Any]]:
    """The timeline of the case with that of its interventions, newest first."""
    path = "/cases/CASE-1/audit?related=true"
    return [event for page in pages(api.viewer, path, "events") for event in page]


@pytest.mark.costs_of("escalate_case")
def test_a_case_is_marked_and_a_question_is_asked(
    api: Api, clock: Clock, case: dict[str, Any]
) -> None:
    clock.advance(hours=1)
    api.viewer.get("/settings")
    answer = api.agent.post(ESCALATE, WHY)
    asked = answer.json

    assert (answer.status_code, cost(answer)) == (201, (1, 4, 2))
    path = f"/interventions/{asked['id']}"
    assert answer.headers["Location"] == f"/v1{path}"
    read = api.viewer.get(path)
    assert (read.json, read.headers["ETag"]) == (asked, answer.headers["ETag"])
    expected = {
        "uowId": "CASE-1",
        "caseId": "CASE-1",
        "type": "clarification",
        "status": "pending",
        "priority": "high",
        "requiredRole": "pilot",
        "title": "Escalated: Feasibility of a study",
        "description": WHY["reason"],
        "createdBy": "agent@example.com",
        "expiresAt": None,
    }
    assert expected.items() <= asked.items()
    marked = api.viewer.get("/cases/CASE-1").json
    assert when(marked["escalatedAt"]) == when(asked["createdAt"]) == clock.now
    unchanged = {name: marked[name] for name in ("escalatedAt", "updatedAt")}
    assert marked == {**case, **unchanged, "openInterventions": 1}
    pending = api.viewer.get("/interventions:pending?caseId=CASE-1").json["interventions"]
    assert pending == [asked]


@pytest.mark.usefixtures("case")
def test_both_events_are_of_one_commit_each_on_the_chain_of_its_subject(
    api: Api, clock: Clock
) -> None:
    clock.advance(hours=1)
    asked = escalated(api)

    event = trail(api, "CASE-1")[-1]
    assert (event["eventType"], event["severity"]) == ("escalated", "warning")
    assert (event["reason"], event["meta"]) == (WHY["reason"], {"interventionId": asked["id"]})
    (change,) = event["changes"]
    assert (change["field"], change["old"]) == ("escalatedAt", None)
    subject = f"interventions/{asked['id']}"
    both = related(api)[:2]
    # Newest first, so the cause comes after its effect.
    assert [(e["subject"], e["eventType"]) for e in both] == [
        (subject, "intervention_requested"),
        ("cases/CASE-1", "escalated"),
    ]
    assert len({(e["createdAt"], e["requestId"]) for e in both}) == 1
    verified = api.pilot.get(f"/audit:verify?subject={subject}").json
    assert (verified["valid"], verified["events"]) == (True, 1)


@pytest.mark.usefixtures("case")
def test_what_is_decided_shows_on_the_timeline_of_the_case(api: Api, clock: Clock) -> None:
    path = f"/interventions/{escalated(api)['id']}"
    decision = {"decision": "approve", "response": {"text": "Widen the cohort"}}
    refused(api.verifier.post(f"{path}:decide", decision), 403, "PERMISSION_DENIED")
    clock.advance(minutes=1)
    assert api.pilot.post(f"{path}:claim").status_code == 200
    clock.advance(minutes=1)
    assert api.pilot.post(f"{path}:decide", decision).status_code == 200
    clock.advance(minutes=1)
    assert api.agent.post(f"{path}:complete", {"result": {"cohort": 200}}).status_code == 200

    newest = [event["eventType"] for event in related(api)[:3]]
    steps = ["intervention_completed", "intervention_decided", "intervention_claimed"]
    assert newest == steps
    assert {event["caseId"] for event in related(api)} == {"CASE-1"}
    # The case's own chain has its own steps alone.
    assert event_types(api, "CASE-1") == ["case_created", "escalated"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_who_is_asked_and_how_urgently_is_the_escalations_to_say(api: Api) -> None:
    asked = escalated(api, requiredRole="admin", priority="critical")

    assert (asked["requiredRole"], asked["priority"]) == ("admin", "critical")
    decision = {"decision": "reject", "reason": "No", "response": {"text": "No"}}
    path = f"/interventions/{asked['id']}:decide"
    refused(api.pilot.post(path, decision), 403, "PERMISSION_DENIED")
    assert api.admin.post(path, decision).json["status"] == "rejected"


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_who_escalates_does_not_decide(api: Api) -> None:
    asked = api.verifier.post(ESCALATE, {**WHY, "requiredRole": "verifier"}).json
    path = f"/interventions/{asked['id']}:decide"
    decision = {"decision": "approve", "response": {"text": "Yes"}}

    refused(api.verifier.post(path, decision), 403, "PERMISSION_DENIED")
    assert api.caller("verifier", "vera").post(path, decision).json["status"] == "approved"


@ON_EMBEDDED
def test_the_longest_title_is_cut_to_a_titles_length(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="x" * 300)

    assert escalated(api)["title"] == "Escalated: " + "x" * 289


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_second_escalation_asks_again_and_moves_the_mark(api: Api, clock: Clock) -> None:
    first = escalated(api)
    later = clock.advance(hours=1)

    second = escalated(api, reason="Still too small")

    assert first["id"] != second["id"]
    assert when(api.viewer.get("/cases/CASE-1").json["escalatedAt"]) == later
    pending = api.viewer.get("/interventions:pending").json["interventions"]
    assert [row["id"] for row in pending] == [first["id"], second["id"]]


@pytest.mark.usefixtures("case")
def test_an_escalation_sent_twice_with_one_key_asks_once(api: Api) -> None:
    first = api.agent.post(ESCALATE, WHY, idempotency_key="k")

    again = api.agent.post(ESCALATE, WHY, idempotency_key="k")

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = api.agent.post(ESCALATE, {"reason": "Another"}, idempotency_key="k")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    assert event_types(api, "CASE-1") == ["case_created", "escalated"]
    assert api.viewer.get("/interventions").json["interventions"] == [first.json]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_repeated_escalation_gives_the_question_as_it_stands_by_now(api: Api) -> None:
    asked = api.agent.post(ESCALATE, WHY, idempotency_key="k").json
    decision = {"decision": "approve", "response": {"text": "Yes"}}
    decided = api.pilot.post(f"/interventions/{asked['id']}:decide", decision).json
    api.pilot.patch("/cases/CASE-1", {"status": "closed", "reason": "Over"})

    again = api.agent.post(ESCALATE, WHY, idempotency_key="k")

    assert (again.status_code, again.json) == (201, decided)


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_closed_case_is_not_escalated_and_nobody_is_asked(api: Api) -> None:
    api.pilot.patch("/cases/CASE-1", {"status": "closed", "reason": "Over"})

    error = refused(api.agent.post(ESCALATE, WHY), 409, "FAILED_PRECONDITION")

    assert error["details"][0]["status"] == "closed"
    assert api.viewer.get("/cases/CASE-1").json["escalatedAt"] is None
    assert api.viewer.get("/interventions").json == {"interventions": []}


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_a_version_of_the_case_that_is_stale_is_not_escalated(api: Api) -> None:
    fresh = api.viewer.get("/cases/CASE-1").headers["ETag"]
    api.verifier.patch("/cases/CASE-1", {"title": "Another"})

    answer = api.agent.post(ESCALATE, WHY, if_match=fresh)

    refused(answer, 412, "FAILED_PRECONDITION")
    assert api.viewer.get("/interventions").json == {"interventions": []}


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_another_tenants_case_is_not_escalated(api: Api) -> None:
    stranger = api.caller("agent", tenant="other-tenant")

    refused(stranger.post(ESCALATE, WHY), 404, "NOT_FOUND")
    refused(api.agent.post("/cases/CASE-404:escalate", WHY), 404, "NOT_FOUND")
    assert event_types(api, "CASE-1") == ["case_created"]


@ON_EMBEDDED
@pytest.mark.usefixtures("case")
def test_an_escalation_that_is_never_decided_does_not_expire(api: Api, clock: Clock) -> None:
    asked = escalated(api)
    clock.now += timedelta(days=3_650)

    swept = api.caller("scheduler").post("/scheduled/expireInterventions")

    assert swept.json["changed"] == 0
    assert api.viewer.get(f"/interventions/{asked['id']}").json["status"] == "pending"


CONTROL = ["a\x00b", "a\x1bb", "a\u202eb"]
NOT_TEXT: list[Any] = [None, 1, True, [], {}]
BAD: dict[str, list[Any]] = {
    "reason": ["", " \n", "x" * 2_001, *CONTROL, *NOT_TEXT],
    "requiredRole": ["", "viewer", "agent", "scheduler", "PILOT", *NOT_TEXT],
    "priority": ["", "urgent", "HIGH", *NOT_TEXT],
}
FOREIGN = ["unknown", "caseId", "type", "title", "expiresAt", "context", "required_role"]


@pytest.fixture
def caller(api: Api, case: dict[str, Any]) -> Iterator[Client]:
    """An agent of a tenant in which a case is; after the test the case is as it was."""
    yield api.agent
    assert api.viewer.get("/cases/CASE-1").json == case
    assert api.viewer.get("/interventions").json == {"interventions": []}


def sent(caller: Client, body: dict[str, Any]) -> TestResponse:
    """The answer to a body, which went out as JSON in ASCII."""
    raw = json.dumps(body).encode()
    return caller.request("POST", ESCALATE, raw=raw, content_type="application/json")


@ON_EMBEDDED
@pytest.mark.parametrize("field", BAD)
def test_a_field_of_an_escalation_that_is_wrong_is_named(caller: Client, field: str) -> None:
    for value in BAD[field]:
        answer = sent(caller, {**WHY, field: value})

        refused_field(answer, field)
        assert cost(answer) == (0, 0, 0), value


@ON_EMBEDDED
def test_what_is_not_an_escalations_to_say_is_named(caller: Client) -> None:
    refused_field(sent(caller, {}), "reason")
    for name in FOREIGN:
        refused_field(sent(caller, {**WHY, name: "x"}), name)
    refused_field(caller.post("/cases/_x:escalate", WHY), "caseId")
    refused_field(caller.post(f"{ESCALATE}?reason=x", WHY), "reason")
