"""Interventions from the question to the answer, over HTTP.

The rules alone are in tests/unit/test_decisions.py, the lists in test_pending.py, the figures in
test_metrics.py. The tests that the source document names are these:

Create
- basic request: test_what_was_asked_is_given_back
- priority: test_a_kill_switch_is_critical_and_all_else_normal_unless_it_says_otherwise
- expiration: test_it_expires_at_the_time_or_after_the_seconds_that_are_given
- context: test_the_context_is_any_json_up_to_64_kib
Read
- single request: test_what_was_asked_is_given_back
- pending requests: test_the_queue_shows_what_waits_and_nothing_else
- pagination: test_the_queue_comes_in_pages_with_every_row_once_under_ties
- sorting by priority: test_the_queue_is_critical_to_low_then_oldest_first
- by status, by priority, by pilot:
  test_every_combination_of_filters_gives_its_interventions_in_order_page_by_page
Update
- status: test_each_step_is_seen_by_everybody_and_is_an_event
- pilot: test_who_claims_it_holds_it_and_the_next_one_is_told_who_does
- history: test_what_is_done_is_archived_and_stays_where_it_was
- non-existent record: test_what_does_not_exist_can_be_neither_read_nor_moved
Metrics
- empty database: test_an_empty_tenant_has_zeros_and_no_averages
- mixed requests: test_metrics_that_are_counted_anew_are_those_of_a_plain_model
- by type: test_metrics_that_are_counted_anew_are_those_of_a_plain_model
- by priority: test_metrics_that_are_counted_anew_are_those_of_a_plain_model
- average resolution time: test_the_average_is_of_what_was_resolved_and_of_nothing_else
- top pilots: test_the_top_pilots_are_the_ten_who_decided_most
Bulk
- expiration: test_a_sweep_marks_what_has_run_out_and_nothing_else
- archive cleanup: test_a_purge_removes_what_is_archived_for_longer_than_the_tenant_keeps_it
Integration
- full workflow: test_each_step_is_seen_by_everybody_and_is_an_event
- many requests: test_many_questions_are_answered_side_by_side
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from local.tokens import unsigned_token
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.intervention_support import (
    QUESTION,
    act,
    ask,
    chain,
    conflict,
    decide,
    done,
    listed,
    shown,
    steps,
)
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    cost,
    pages,
    refused,
    refused_field,
    trail,
    when,
    wire,
)
from tests.rows import each_row

TYPES = ["kill_switch", "clarification", "waive_violation", "resume", "cancel"]
VERBS: dict[str, Any] = {
    "claim": None,
    "release": None,
    "decide": {"decision": "approve", "reason": "Fine"},
    "complete": {"result": {"done": True}},
}


def test_every_test_that_the_source_document_names_is_here() -> None:
    named = re.findall(r"\btest_\w+\b(?!\.py)", __doc__ or "")
    tests = "".join(
        (Path(__file__).parent / f"test_{topic}.py").read_text()
        for topic in ("interventions", "pending", "metrics")
    )

    assert [name for name in named if f"def {name}(" not in tests] == []


def test_what_was_asked_is_given_back(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    started = api.agent.post("/cases/CASE-1/runs", {"id": "run-1", "agentId": "a"})
    assert started.status_code == 201
    body = {
        "uowId": "uow-7",
        "type": "waive_violation",
        "priority": "high",
        "title": "Waive the second signature?",
        "description": "It is\nmissing.",
        "context": {"rule": "R-7", "seen": [1, 2.5, None, {"deep": True}]},
        "caseId": "CASE-1",
        "runId": "run-1",
        "requiredRole": "admin",
        "expiresAt": "2026-03-03T10:00:00.000001+01:00",
    }

    created = api.agent.post("/interventions", body)

    assert created.status_code == 201, created.text
    intervention_id = created.json["id"]
    assert created.headers["Location"] == f"/v1/interventions/{intervention_id}"
    read = api.viewer.get(f"/interventions/{intervention_id}")
    assert (read.json, read.headers["ETag"]) == (created.json, created.headers["ETag"])
    nothing_yet = ["assignedTo", "decision", "decidedBy", "actionReason", "actionAt"]
    nothing_yet += ["resolutionSeconds", "response", "result", "assignedToSubject"]
    nothing_yet += ["decidedBySubject", "completedBy", "completedBySubject", "completedAt"]
    nothing_yet += ["action", "actionHash", "responseSchema", "actWithinSeconds", "heldUntil"]
    nothing_yet += ["approvedArguments", "approvedActionHash", "actUntil"]
    nothing_yet += ["startedAt", "startedBy", "startedBySubject", "lapsedAt"]
    assert read.json == {
        **body,
        **dict.fromkeys(nothing_yet),
        "decisions": ["approve", "reject"],
        "approvalsRequired": 1,
        "approvals": [],
        "raisePriority": False,
        "createdBySubject": "agent",
        "id": intervention_id,
        "status": "pending",
        "createdBy": "agent@example.com",
        "createdAt": "2026-03-02T09:00:00Z",
        "updatedAt": "2026-03-02T09:00:00Z",
        "expiresAt": "2026-03-03T09:00:00.000001Z",
        "remindAt": "2026-03-02T21:00:00Z",
        "archived": False,
    }


@ON_EMBEDDED
def test_a_kill_switch_is_critical_and_all_else_normal_unless_it_says_otherwise(api: Api) -> None:
    found = {kind: ask(api.agent, type=kind)["priority"] for kind in TYPES}

    assert found == {**dict.fromkeys(TYPES, "normal"), "kill_switch": "critical"}
    assert ask(api.agent, type="kill_switch", priority="low")["priority"] == "low"


def test_it_expires_at_the_time_or_after_the_seconds_that_are_given(api: Api, clock: Clock) -> None:
    at = clock.now + timedelta(microseconds=1)
    last = "9999-12-31T23:59:59.999999Z"

    asked = [
        ask(api.agent, expires_at=wire(at)),
        ask(api.agent, expires_in_seconds=90),
        ask(api.agent, expires_at=last),
        ask(api.agent),
    ]

    shown_again = [shown(api, one["id"])["expiresAt"] for one in asked]
    assert shown_again == [one["expiresAt"] for one in asked]
    assert [when(text) for text in shown_again[:2]] == [at, clock.now + timedelta(seconds=90)]
    assert shown_again[2:] == [last, None]


@ON_EMBEDDED
@each_row(
    ("expiry", "field"),
    [
        ({"expiresAt": "2026-03-02T09:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2026-03-02T08:59:59.999999Z"}, "expiresAt"),
        ({"expiresAt": "0001-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2026-03-02T10:00:00Z", "expiresInSeconds": 1}, "expiresInSeconds"),
        ({"expiresInSeconds": 0}, "expiresInSeconds"),
        ({"expiresInSeconds": -1}, "expiresInSeconds"),
        ({"expiresInSeconds": 315_360_001}, "expiresInSeconds"),
    ],
)
def test_an_expiry_that_is_past_or_said_twice_is_refused_by_name(
    api: Api, expiry: dict[str, Any], field: str
) -> None:
    refused_field(api.agent.post("/interventions", {**QUESTION, **expiry}), field)

    assert listed(api.viewer, "/interventions") == []


CONTEXTS: list[Any] = [
    0,
    False,
    "",
    [],
    {},
    -1.5,
    "text",
    [[1, [None, {"a": []}]]],
    {"\U0001f600": 1, "\ufb33": 2, "": {"a.b": "`", "__name__": None}},
    "x" * 65_534,
    ["ä" * 32_766],
]


def test_the_context_is_any_json_up_to_64_kib(api: Api) -> None:
    for context in CONTEXTS:
        found = shown(api, ask(api.agent, context=context)["id"])["context"]
        assert (context, type(context)) == (found, type(found))

    for context in ("x" * 65_535, ["ä" * 32_766, 1], {"a": "x" * 65_529}):
        answer = api.agent.post("/interventions", {**QUESTION, "context": context})
        refused_field(answer, "context")


def test_each_step_is_seen_by_everybody_and_is_an_event(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    asked = ask(api.agent, type="clarification", case_id="CASE-1", context={"b": 1, "a": 2.0})
    asked_id = asked["id"]
    clock.advance(minutes=1)
    claimed = done(act(api.pilot, asked_id, "claim"))
    clock.advance(minutes=1)
    released = done(act(api.pilot, asked_id, "release"))
    clock.advance(minutes=1)
    response = {"text": "Use the second one"}
    decided = done(decide(api.admin, asked_id, response=response))
    clock.advance(minutes=1)
    completed = done(act(api.agent, asked_id, "complete", {"result": [1, None]}))

    assert shown(api, asked_id) == completed
    states = (asked, claimed, released, decided, completed)
    assert [(one["status"], one["assignedTo"]) for one in states] == [
        ("pending", None),
        ("in_progress", "pilot@example.com"),
        ("pending", None),
        ("approved", "admin@example.com"),
        ("completed", "admin@example.com"),
    ]
    assert (decided["decision"], decided["decidedBy"]) == ("approve", "admin@example.com")
    assert (decided["actionReason"], decided["response"]) == ("Looked at it", response)
    assert (decided["resolutionSeconds"], completed["resolutionSeconds"]) == (180, 180)
    assert (decided["actionAt"], completed["actionAt"]) == ("2026-03-02T09:03:00Z",) * 2
    events = chain(api, asked_id)
    assert [event["eventType"].removeprefix("intervention_") for event in events] == [
        "requested",
        "claimed",
        "released",
        "decided",
        "completed",
    ]
    assert {"CASE-1"} == {event["caseId"] for event in events}
    assert [event["reason"] for event in events] == [None, None, None, "Looked at it", None]
    assert [event["actor"]["subject"] for event in events] == [
        "agent",
        "pilot",
        "pilot",
        "admin",
        "agent",
    ]


def test_events_show_of_any_json_only_the_hash_of_its_canonical_form(api: Api) -> None:
    context: dict[str, Any] = {"z": [1.0, 1e21, {"\U0001f600": 1, "\ufb33": 2}], "a": "secret"}
    response: dict[str, Any] = {"text": "a secret too", "n": 0.1}
    result: list[Any] = ["secret", 3]
    asked_id = ask(api.agent, type="clarification", context=context)["id"]
    done(decide(api.pilot, asked_id, response=response))
    done(act(api.agent, asked_id, "complete", {"result": result}))

    events = chain(api, asked_id)

    told = {
        change["field"]: change["new"]
        for event in events
        for change in event["changes"]
        if change["field"] in ("context", "response", "result")
    }
    assert told == {
        name: f"sha256:{hashlib.sha256(rfc8785.dumps(value)).hexdigest()}"
        for name, value in (("context", context), ("response", response), ("result", result))
    }
    assert "secret" not in str(events)


def test_a_cases_timeline_shows_its_interventions_where_it_is_asked_to(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.create(id="CASE-10")
    clock.advance(minutes=1)
    asked_id = ask(api.agent, case_id="CASE-1")["id"]
    ask(api.agent, case_id="CASE-10")
    ask(api.agent)
    clock.advance(minutes=1)
    done(decide(api.pilot, asked_id))

    (related,) = pages(api.viewer, "/cases/CASE-1/audit?related=true", "events")

    subject = f"interventions/{asked_id}"
    assert [(event["subject"], event["eventType"]) for event in related] == [
        (subject, "intervention_decided"),
        (subject, "intervention_requested"),
        ("cases/CASE-1", "case_created"),
    ]
    assert [event["eventType"] for event in trail(api, "CASE-1")] == ["case_created"]


def test_who_claims_it_holds_it_and_the_next_one_is_told_who_does(api: Api) -> None:
    asked_id = ask(api.agent)["id"]
    assert done(act(api.pilot, asked_id, "claim"))["assignedTo"] == "pilot@example.com"

    losers = [
        act(api.admin, asked_id, "claim"),
        decide(api.admin, asked_id),
        act(api.caller("pilot", "kim"), asked_id, "release"),
        act(api.caller("pilot", "kim"), asked_id, "complete", {}),
        act(api.agent, asked_id, "complete", {}),
    ]

    for loser in losers:
        told = conflict(loser)
        assert (told["status"], told["assignedTo"]) == ("in_progress", "pilot@example.com")
    assert steps(api, asked_id) == ["requested", "claimed"]


def test_who_comes_after_a_decision_is_told_who_decided_how_why_and_when(
    api: Api, clock: Clock
) -> None:
    asked_id = ask(api.agent)["id"]
    clock.advance(seconds=90)
    decided = done(decide(api.pilot, asked_id, "reject", reason="Too risky"))
    clock.advance(seconds=90)

    losers = [
        decide(api.admin, asked_id),
        decide(api.pilot, asked_id, "reject"),
        *(act(api.pilot, asked_id, verb, body) for verb, body in VERBS.items()),
    ]

    for loser in losers:
        assert conflict(loser) == {
            "status": "rejected",
            "assignedTo": "pilot@example.com",
            "decision": "reject",
            "decidedBy": "pilot@example.com",
            "actionReason": "Too risky",
            "actionAt": "2026-03-02T09:01:30Z",
            "allowed": [],
        }
    assert shown(api, asked_id) == decided
    assert steps(api, asked_id) == ["requested", "decided"]


def test_who_holds_it_may_claim_it_again_without_an_event(api: Api, clock: Clock) -> None:
    asked_id = ask(api.agent)["id"]
    first = act(api.pilot, asked_id, "claim")
    clock.advance(minutes=5)

    again = act(api.pilot, asked_id, "claim")

    assert (200, first.json) == (again.status_code, again.json)
    assert first.headers["ETag"] == again.headers["ETag"]
    assert cost(again) == (1, 0, 1)
    assert steps(api, asked_id) == ["requested", "claimed"]


def test_who_decided_it_cannot_claim_it(api: Api) -> None:
    asked_id = ask(api.agent)["id"]
    done(decide(api.pilot, asked_id))

    assert conflict(act(api.pilot, asked_id, "claim"))["status"] == "approved"


@ON_EMBEDDED
def test_who_held_it_when_it_expired_cannot_claim_it(api: Api, clock: Clock) -> None:
    asked_id = ask(api.agent, expires_in_seconds=60)["id"]
    done(act(api.pilot, asked_id, "claim"))
    clock.advance(minutes=1)

    told = [conflict(act(api.pilot, asked_id, "claim"), writes=writes) for writes in (2, 0)]

    assert [one["status"] for one in told] == ["expired", "expired"]


def test_an_admin_releases_what_another_holds(api: Api) -> None:
    asked_id = ask(api.agent)["id"]
    done(act(api.pilot, asked_id, "claim"))

    released = done(act(api.admin, asked_id, "release"))

    assert (released["status"], released["assignedTo"]) == ("pending", None)
    assert done(act(api.caller("pilot", "kim"), asked_id, "claim"))["status"] == "in_progress"


@ON_EMBEDDED
def test_what_nobody_holds_cannot_be_released(api: Api) -> None:
    asked_id = ask(api.agent)["id"]

    assert conflict(act(api.admin, asked_id, "release"))["status"] == "pending"


@ON_EMBEDDED
def test_an_agent_completes_only_what_is_approved(api: Api) -> None:
    asked_id = ask(api.agent)["id"]
    assert conflict(act(api.agent, asked_id, "complete", {}))["status"] == "pending"
    done(decide(api.pilot, asked_id))
    assert conflict(act(api.caller("pilot", "kim"), asked_id, "complete", {}))["status"]

    completed = done(act(api.caller("agent", "another"), asked_id, "complete", {"result": 7}))

    assert (completed["status"], completed["result"]) == ("completed", 7)
    assert conflict(act(api.agent, asked_id, "complete", {}))["status"] == "completed"


def test_who_holds_it_may_complete_it_without_a_decision(api: Api, clock: Clock) -> None:
    asked_id = ask(api.agent)["id"]
    done(act(api.pilot, asked_id, "claim"))
    clock.advance(seconds=30)

    completed = done(act(api.pilot, asked_id, "complete", {}))

    assert (completed["status"], completed["decision"]) == ("completed", None)
    assert (completed["resolutionSeconds"], completed["result"]) == (30, None)
    assert api.pilot.get("/interventions:metrics").json["topPilots"] == []
    assert steps(api, asked_id) == ["requested", "claimed", "completed"]


@ON_EMBEDDED
@each_row("kind", TYPES, apart=True)
def test_each_type_has_its_rules_of_what_a_decision_needs(api: Api, kind: str) -> None:
    asked_id = ask(api.agent, type=kind)["id"]

    refused_field(act(api.pilot, asked_id, "decide", {"decision": "reject"}), "reason")
    bare = act(api.pilot, asked_id, "decide", {"decision": "approve"})
    if kind == "waive_violation":
        refused_field(bare, "reason")
        bare = act(api.pilot, asked_id, "decide", {"decision": "approve", "reason": "Once"})
    if kind == "clarification":
        refused_field(bare, "response.text")
        answer = {"decision": "approve", "response": {"text": "The second one"}}
        bare = act(api.pilot, asked_id, "decide", answer)
    assert done(bare)["status"] == "approved"


@ON_EMBEDDED
@each_row("required", ["verifier", "pilot", "admin"])
@each_row("role", ["verifier", "pilot", "admin"], apart=True)
def test_the_required_role_or_above_claims_releases_and_decides(
    api: Api, required: str, role: str
) -> None:
    order = ["verifier", "pilot", "admin"]
    enough = order.index(role) >= order.index(required)
    asked_id = ask(api.agent, required_role=required)["id"]
    caller = api.caller(role, "kim")

    for verb in ("claim", "release", "decide"):
        answer = act(caller, asked_id, verb, VERBS[verb])
        if enough:
            done(answer)
        else:
            refused(answer, 403, "PERMISSION_DENIED")


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("sub", "email"),
    [("vera", "vera@example.com"), ("vera", "other@example.com"), ("vera-2", "vera@example.com")],
    ids=["the same", "another address", "another account"],
)
def test_nobody_claims_or_decides_what_they_asked_themselves(
    api: Api, sub: str, email: str
) -> None:
    asked_id = ask(api.caller("verifier", "vera"))["id"]
    token = unsigned_token(sub=sub, tenant=api.tenant, role="admin", email=email)
    own = Client(api.app, token, {})

    for verb in ("claim", "decide"):
        refused(act(own, asked_id, verb, VERBS[verb]), 403, "PERMISSION_DENIED")
    assert done(decide(api.pilot, asked_id))["status"] == "approved"


Prepared = Callable[[Api, str], Any]
REPLAYED: dict[str, tuple[Prepared, Callable[[Api], Client], Any, Any]] = {
    "claim": (lambda _, __: None, lambda api: api.pilot, None, None),
    "release": (lambda api, i: act(api.pilot, i, "claim"), lambda api: api.pilot, None, None),
    "decide": (
        lambda _, __: None,
        lambda api: api.pilot,
        {"decision": "approve"},
        {"decision": "reject", "reason": "No"},
    ),
    "complete": (
        lambda api, i: decide(api.pilot, i),
        lambda api: api.agent,
        {"result": 1},
        {"result": 2},
    ),
}


@pytest.mark.both_stores
@each_row("verb", REPLAYED, apart=True)
def test_a_step_is_safe_to_repeat_with_its_key_whatever_came_after(api: Api, verb: str) -> None:
    prepare, caller, body, another = REPLAYED[verb]
    asked_id, other_id = ask(api.agent)["id"], ask(api.agent)["id"]
    prepare(api, asked_id)
    first = act(caller(api), asked_id, verb, body, idempotency_key="k-1")
    done(first)
    taken = steps(api, asked_id)

    again = act(caller(api), asked_id, verb, body, idempotency_key="k-1")

    assert (200, first.json) == (again.status_code, again.json)
    assert (
        again.headers["Idempotent-Replayed"],
        first.headers.get("Idempotent-Replayed"),
    ) == ("true", None)
    assert cost(again)[1] == 0
    # The key belongs to this request: not to one of another intervention, or with another body.
    other = act(caller(api), other_id, verb, body, idempotency_key="k-1")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    if another:
        other = act(caller(api), asked_id, verb, another, idempotency_key="k-1")
        refused(other, 422, "UNPROCESSABLE_CONTENT")
    if verb == "claim":
        done(act(api.admin, asked_id, "release"))
        taken.append("released")
        again = act(caller(api), asked_id, verb, body, idempotency_key="k-1")
        assert done(again)["status"] == "pending"
        assert again.headers["Idempotent-Replayed"] == "true"
    assert steps(api, asked_id) == taken


def test_a_question_is_safe_to_repeat_with_its_key(api: Api, clock: Clock) -> None:
    first = api.agent.post("/interventions", QUESTION, idempotency_key="k-1")
    clock.advance(minutes=5)

    again = api.agent.post("/interventions", QUESTION, idempotency_key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json, first.headers["Location"]) == (again.json, again.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert cost(again)[1] == 0
    other = api.agent.post("/interventions", {**QUESTION, "title": "X"}, idempotency_key="k-1")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    assert listed(api.viewer, "/interventions") == [first.json]


def test_a_question_is_safe_to_repeat_with_its_key_after_its_expiry(api: Api, clock: Clock) -> None:
    body = {**QUESTION, "expiresAt": wire(clock.now + timedelta(minutes=1))}
    first = api.agent.post("/interventions", body, idempotency_key="k-1")
    clock.advance(minutes=1)

    again = api.agent.post("/interventions", body, idempotency_key="k-1")

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert (first.json["id"], "expired") == (again.json["id"], again.json["status"])
    refused_field(api.agent.post("/interventions", body, idempotency_key="k-2"), "expiresAt")


HOLDERS = [("claim", False), ("decide", False)] + [(verb, True) for verb in VERBS]


@ON_EMBEDDED
@pytest.mark.parametrize(("verb", "held"), HOLDERS)
def test_a_microsecond_before_its_expiry_a_step_is_taken(
    api: Api, clock: Clock, verb: str, *, held: bool
) -> None:
    asked_id = ask(api.agent, expires_in_seconds=60)["id"]
    if held:
        done(act(api.pilot, asked_id, "claim"))
    clock.advance(seconds=59, microseconds=999_999)

    after = done(act(api.pilot, asked_id, verb, VERBS[verb]))

    assert after["status"] != "expired"
    assert "expired" not in steps(api, asked_id)


@pytest.mark.parametrize(("verb", "held"), HOLDERS)
def test_at_its_expiry_a_step_expires_it_in_that_commit_and_is_refused(
    api: Api, clock: Clock, verb: str, *, held: bool
) -> None:
    asked = ask(api.agent, expires_in_seconds=60)
    if held:
        done(act(api.pilot, asked["id"], "claim"))
    clock.advance(seconds=60)

    first = act(api.pilot, asked["id"], verb, VERBS[verb], idempotency_key="k-1")

    # The commit of a person's first change of the day also notes them in the directory.
    assert conflict(first, writes=2 if held else 3) == {
        "status": "expired",
        "assignedTo": "pilot@example.com" if held else None,
        "decision": None,
        "decidedBy": None,
        "actionReason": None,
        "actionAt": asked["expiresAt"],
        "allowed": [],
    }
    again = act(api.pilot, asked["id"], verb, VERBS[verb], idempotency_key="k-1")
    assert (first.json, 0) == (again.json, cost(again)[1])
    assert conflict(decide(api.pilot, asked["id"], "reject"))["status"] == "expired"
    taken = ["requested", *(["claimed"] if held else []), "expired"]
    assert steps(api, asked["id"]) == taken
    after = shown(api, asked["id"])
    assert (after["status"], after["archived"], after["decision"]) == ("expired", True, None)
    metrics = api.pilot.get("/interventions:metrics").json
    assert (metrics["byStatus"]["expired"], metrics["byStatus"]["rejected"]) == (1, 0)
    assert (metrics["topPilots"], metrics["averageResolutionSeconds"]) == ([], None)


def test_what_has_run_out_is_shown_as_expired_without_a_sweep(api: Api, clock: Clock) -> None:
    pending, held = (ask(api.agent, expires_in_seconds=60)["id"] for _ in range(2))
    done(act(api.pilot, held, "claim"))
    clock.advance(seconds=60)

    rows = {row["id"]: row for row in listed(api.viewer, "/interventions")}

    assert {pending: "expired", held: "expired"} == {i: rows[i]["status"] for i in rows}
    assert {i: shown(api, i) for i in rows} == rows
    assert {(row["archived"], row["actionAt"]) for row in rows.values()} == {
        (True, "2026-03-02T09:01:00Z")
    }
    for path in ("/interventions:pending", "/interventions:pending?status=in_progress"):
        assert listed(api.viewer, path) == []
    for status in ("pending", "in_progress"):
        assert listed(api.viewer, f"/interventions?status={status}") == []
    gone = listed(api.viewer, "/interventions?status=expired&pageSize=1")
    assert [row["id"] for row in gone] == list(rows)
    metrics = done(api.viewer.get("/interventions:metrics?since=2026-03-01T00:00:00Z&daily=true"))
    for counts in (metrics, done(api.viewer.get("/interventions:metrics"))):
        told = counts["byStatus"]
        assert (told["pending"], told["in_progress"], told["expired"]) == (0, 0, 2)
    assert sum(day["expired"] for day in metrics["daily"]) == 2
    assert [steps(api, i)[-1] for i in (pending, held)] == ["requested", "claimed"]


def test_a_list_of_the_expired_ones_is_walked_to_its_end_while_they_are_swept(
    api: Api, clock: Clock
) -> None:
    asked_ids = []
    for number in range(9):
        seconds = {"expires_in_seconds": 60} if number % 3 else {}
        asked_ids.append(ask(api.agent, **seconds)["id"])
        clock.advance(seconds=1)
    clock.advance(seconds=60)
    path = "/interventions?status=expired&status=approved&pageSize=2"
    first = api.viewer.get(path)
    assert scheduled(api, "expireInterventions")["changed"] == 6

    found, token = first.json["interventions"], first.json["nextPageToken"]
    while token:
        answer = api.viewer.get(f"{path}&pageToken={token}").json
        found, token = found + answer["interventions"], answer.get("nextPageToken")

    found = [row["id"] for row in found]
    assert found == [asked_ids[number] for number in (8, 7, 5, 4, 2, 1)]


def test_a_list_of_the_expired_ones_costs_one_read_more_and_the_open_ones_before_a_sweep(
    api: Api, clock: Clock
) -> None:
    for seconds in (60, 60, 3600):
        ask(api.agent, expires_in_seconds=seconds)
        clock.advance(seconds=1)

    def of_list() -> tuple[int, int, int]:
        return cost(api.viewer.get("/interventions?status=expired"))

    assert of_list() == (2, 0, 2)
    clock.advance(seconds=60)
    assert of_list() == (1 + 3, 0, 2)
    in_period = "/interventions:metrics?since=2026-03-01T00:00:00Z"
    # The totals, alone and with two days, three events that are not sealed, and what has run out.
    assert cost(api.viewer.get(in_period)) == (1 + 3 + 3 + 2, 0, 4)
    scheduled(api, "expireInterventions")
    assert of_list() == (1 + 2, 0, 2)
    assert cost(api.viewer.get(in_period)) == (1 + 3 + 5 + 1, 0, 4)


def scheduled(api: Api, name: str) -> dict[str, int]:
    """What a run of a scheduled function says that it did."""
    answer = done(api.caller("scheduler").post(f"/scheduled/{name}"))
    return {count: answer[count] for count in ("examined", "changed", "failed", "skipped")}


def test_a_sweep_marks_what_has_run_out_and_nothing_else(api: Api, clock: Clock) -> None:
    late, held, later, never, decided = (
        ask(api.agent, **({"expires_in_seconds": seconds} if seconds else {}))["id"]
        for seconds in (60, 60, 61, None, 60)
    )
    done(act(api.pilot, held, "claim"))
    done(decide(api.pilot, decided))
    clock.advance(seconds=60)

    first, second = scheduled(api, "expireInterventions"), scheduled(api, "expireInterventions")

    # That which has a second left is one of which people are reminded.
    assert first == {"examined": 3, "changed": 3, "failed": 0, "skipped": 0}
    assert second == {"examined": 0, "changed": 0, "failed": 0, "skipped": 0}
    ids = (late, held, later, never, decided)
    statuses = [shown(api, i)["status"] for i in ids]
    assert statuses == ["expired", "expired", "pending", "pending", "approved"]
    assert steps(api, held) == ["requested", "claimed", "expired"]
    event = chain(api, late)[-1]
    assert (event["eventType"], event["source"]) == ("intervention_expired", "scheduler")
    assert conflict(decide(api.pilot, late))["status"] == "expired"


def test_what_is_done_is_archived_and_stays_where_it_was(api: Api, clock: Clock) -> None:
    rejected, completed, expired, approved, pending = (
        ask(api.agent, expires_in_seconds=3600)["id"] for _ in range(5)
    )
    done(decide(api.pilot, rejected, "reject"))
    done(decide(api.pilot, completed))
    done(act(api.agent, completed, "complete", {}))
    done(decide(api.pilot, approved))
    clock.advance(hours=1)
    conflict(decide(api.pilot, expired), writes=2)

    history = {
        status: {row["id"] for row in listed(api.viewer, f"/interventions?status={status}")}
        for status in ("rejected", "completed", "expired", "approved")
    }

    assert history == {
        "rejected": {rejected},
        "completed": {completed},
        "expired": {pending, expired},
        "approved": {approved},
    }
    archived = {row["id"] for row in listed(api.viewer, "/interventions") if row["archived"]}
    assert archived == {rejected, completed, expired, pending}


def test_a_purge_removes_what_is_archived_for_longer_than_the_tenant_keeps_it(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"interventionRetentionDays": 30})
    rejected, pending, approved = (ask(api.agent)["id"] for _ in range(3))
    done(decide(api.pilot, rejected, "reject"))
    done(decide(api.pilot, approved))
    clock.advance(days=29, hours=23)
    assert scheduled(api, "purgeRecords")["changed"] == 0
    clock.advance(hours=1)

    assert scheduled(api, "purgeRecords")["changed"] == 1

    refused(api.viewer.get(f"/interventions/{rejected}"), 404, "NOT_FOUND")
    rows = [row["id"] for row in listed(api.viewer, "/interventions")]
    assert sorted([pending, approved]) == sorted(rows)
    assert steps(api, rejected) == ["requested", "decided"]
    assert api.viewer.get("/interventions:metrics").json["total"] == 2


def test_what_does_not_exist_can_be_neither_read_nor_moved(api: Api) -> None:
    refused(api.viewer.get(f"/interventions/{ABSENT}"), 404, "NOT_FOUND")
    for verb, body in VERBS.items():
        refused(act(api.admin, ABSENT, verb, body), 404, "NOT_FOUND")


def test_many_questions_are_answered_side_by_side(api: Api, clock: Clock) -> None:
    pilots = [api.caller("pilot", name) for name in ("kim", "pat")]
    asked = [ask(api.agent, type=TYPES[index % 5], uow_id=f"uow-{index}") for index in range(10)]
    clock.advance(seconds=10)

    for index, one in enumerate(asked):
        done(act(pilots[index % 2], one["id"], "claim"))
    for index, one in enumerate(asked[:8]):
        verdict = "reject" if index % 4 == 3 else "approve"
        done(decide(pilots[index % 2], one["id"], verdict, response={"text": "So"}))

    metrics = api.pilot.get("/interventions:metrics").json
    assert metrics["byStatus"] == {
        "pending": 0,
        "in_progress": 2,
        "approved": 6,
        "rejected": 2,
        "expired": 0,
        "completed": 0,
        "withdrawn": 0,
    }
    assert metrics["topPilots"] == [
        {"pilot": "kim@example.com", "decided": 4, "approved": 4, "rejected": 0},
        {"pilot": "pat@example.com", "decided": 4, "approved": 2, "rejected": 2},
    ]
    assert metrics["averageResolutionSeconds"] == 10
    holders = [row["assignedTo"] for row in listed(api.viewer, "/interventions?status=in_progress")]
    assert sorted(holders) == ["kim@example.com", "pat@example.com"]


def test_what_is_resolved_before_it_was_asked_by_a_clock_set_back_took_no_time(
    api: Api, clock: Clock
) -> None:
    asked = ask(api.agent)
    clock.advance(hours=-1)

    assert done(decide(api.pilot, asked["id"]))["resolutionSeconds"] == 0
