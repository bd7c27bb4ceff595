"""The audit trail over HTTP: what each change leaves in it, how it is read, that it verifies."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    trail,
    when,
    wire,
)
from tests.reliability.independent import assert_chain
from tests.rows import each_row

Action = Callable[[Api], TestResponse]
CLIENT_TYPES = [
    "submission_received",
    "note_added",
    "attachment_added",
    "document_received",
    "state_changed",
    "agent_action",
    "error",
    "custom",
]
SYSTEM_TYPES = ["case_created", "status_changed", "assigned", "case_deleted", "settings_changed"]


def changes(event: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What an event says has changed: old and new by field."""
    return {change["field"]: (change["old"], change["new"]) for change in event["changes"]}


def report(api: Api, **fields: Any) -> TestResponse:
    """An agent's event on CASE-1."""
    event = {"eventType": "note_added", "message": "A note", **fields}
    return api.agent.post("/cases/CASE-1/audit", event)


MUTATIONS: dict[str, tuple[Action, str, str | None, dict[str, tuple[Any, Any]]]] = {
    "title": (
        lambda api: api.verifier.patch("/cases/CASE-1", {"title": "New", "reason": "A typo"}),
        "case_updated",
        "A typo",
        {"title": ("Old", "New")},
    ),
    "several fields": (
        lambda api: api.verifier.patch("/cases/CASE-1", {"summary": "New", "decisionType": "kyc"}),
        "case_updated",
        None,
        {"summary": (None, "New"), "decisionType": ("csf_practitioner", "kyc")},
    ),
    "status": (
        lambda api: api.verifier.patch(
            "/cases/CASE-1", {"status": "blocked", "reason": "Sanctions"}
        ),
        "status_changed",
        "Sanctions",
        {"status": ("new", "blocked")},
    ),
    "assignment": (
        lambda api: api.verifier.patch("/cases/CASE-1", {"assignedTo": "kim@example.com"}),
        "assigned",
        None,
        {"assignedTo": (None, "kim@example.com")},
    ),
    "due date": (
        lambda api: api.verifier.patch("/cases/CASE-1", {"dueAt": None}),
        "case_updated",
        None,
        {"dueAt": ("2026-03-05T09:00:00Z", None)},
    ),
    "claim": (
        lambda api: api.verifier.post("/cases/CASE-1:claim"),
        "assigned",
        None,
        {
            "assignedTo": (None, "verifier@example.com"),
            "assignedToSubject": (None, "verifier"),
        },
    ),
    "claim of the next": (
        lambda api: api.verifier.post("/cases:claimNext"),
        "assigned",
        None,
        {
            "assignedTo": (None, "verifier@example.com"),
            "assignedToSubject": (None, "verifier"),
        },
    ),
    "batch": (
        lambda api: api.pilot.post("/cases:close", {"caseIds": ["CASE-1"], "reason": "Over"}),
        "status_changed",
        "Over",
        {"status": ("new", "closed")},
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_change_leaves_one_event_that_says_what_why_who_and_when(
    api: Api, clock: Clock, mutation: str
) -> None:
    act, event_type, reason, expected = MUTATIONS[mutation]
    api.admin.create(id="CASE-1", title="Old")
    clock.advance(minutes=5)

    answer = act(api)

    assert answer.status_code == 200, answer.text
    created, event = trail(api, "CASE-1")
    assert created["eventType"] == "case_created"
    assert changes(event) == expected
    said = {name: event[name] for name in ("eventType", "reason", "severity", "source", "outcome")}
    assert said == {
        "eventType": event_type,
        "reason": reason,
        "severity": "info",
        "source": "system",
        "outcome": "success",
    }
    role = "pilot" if mutation == "batch" else "verifier"
    assert event["actor"] == {
        "subject": role,
        "email": f"{role}@example.com",
        "type": "user",
        "role": role,
    }
    assert (event["subject"], event["caseId"]) == ("cases/CASE-1", "CASE-1")
    assert (event["sequence"], when(event["createdAt"])) == (2, clock.now)
    assert event["requestId"] == answer.headers["X-Request-Id"]


def test_the_first_event_says_what_a_case_was_opened_with(api: Api) -> None:
    api.agent.create(id="CASE-1", title="A title", summary="A summary", submissionId="sub-1")

    (event,) = trail(api, "CASE-1")

    assert (event["eventType"], event["sequence"]) == ("case_created", 1)
    assert (event["actor"]["type"], event["actor"]["role"]) == ("service", "agent")
    opened = {name: new for name, (old, new) in changes(event).items() if old is None}
    given = {"title": "A title", "summary": "A summary", "submissionId": "sub-1", "status": "new"}
    assert given == {name: opened[name] for name in given}
    assert event["previousHash"] == "0" * 64


def test_the_last_event_of_a_deleted_case_says_what_it_was(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="A title", summary="A summary")

    api.admin.delete("/cases/CASE-1")

    event = trail(api, "CASE-1")[-1]
    assert event["eventType"] == "case_deleted"
    assert changes(event)["title"] == ("A title", None)
    assert changes(event)["summary"] == ("A summary", None)


def test_an_event_of_a_pause_says_how_the_due_date_moved(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt="2026-03-03T09:00:00Z")
    api.verifier.patch("/cases/CASE-1", {"status": "needs_info"})
    clock.advance(hours=2)

    api.verifier.patch("/cases/CASE-1", {"status": "in_review"})

    assert changes(trail(api, "CASE-1")[-1]) == {
        "status": ("needs_info", "in_review"),
        "dueAt": ("2026-03-03T09:00:00Z", "2026-03-03T11:00:00Z"),
    }


def test_a_reopening_leaves_its_reason_and_its_count(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.patch("/cases/CASE-1", {"status": "closed", "reason": "Done"})

    api.pilot.post("/cases/CASE-1:reopen", {"reason": "A new document came"})

    event = trail(api, "CASE-1")[-1]
    assert (event["eventType"], event["reason"]) == ("case_reopened", "A new document came")
    assert changes(event) == {"status": ("closed", "in_review"), "reopenCount": (0, 1)}


def test_what_is_refused_leaves_no_event(api: Api) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")

    for answer in (
        api.viewer.patch("/cases/CASE-1", {"title": "New"}),
        api.verifier.patch("/cases/CASE-1", {"title": ""}),
        api.verifier.patch("/cases/CASE-1", {"status": "approved"}),
        api.verifier.patch("/cases/CASE-1", {"title": "New"}, if_match='"stale"'),
        api.verifier.post("/cases/CASE-1:claim"),
        api.pilot.post("/cases/CASE-1:reopen", {"reason": "Why not"}),
    ):
        assert (answer.status_code >= 400, cost(answer)[1]) == (True, 0)

    assert event_types(api, "CASE-1") == ["case_created"]


@pytest.mark.parametrize("event_type", CLIENT_TYPES)
def test_clients_report_events_of_their_own_types(api: Api, clock: Clock, event_type: str) -> None:
    api.verifier.create(id="CASE-1")
    clock.advance(minutes=1)
    given = {
        "eventType": event_type,
        "message": "Two lines\nof text",
        "severity": "critical",
        "agentId": "researcher-7",
        "meta": {"evidenceCount": 2, "scores": [[0.5, 1], []], "ok": True, "none": None},
    }

    answer = api.agent.post("/cases/CASE-1/audit", given)

    assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/cases/CASE-1/audit")
    assert given == {name: answer.json[name] for name in given}
    assert (answer.json["source"], answer.json["sequence"]) == ("api", 2)
    assert trail(api, "CASE-1")[-1] == answer.json


@ON_EMBEDDED
@each_row("event_type", [*SYSTEM_TYPES, "NOTE_ADDED", "", "unheard_of"], apart=True)
def test_clients_cannot_report_events_of_other_types(api: Api, event_type: str) -> None:
    api.verifier.create(id="CASE-1")

    refused_field(report(api, eventType=event_type), "eventType")

    assert event_types(api, "CASE-1") == ["case_created"]


def test_notes_and_attachments_are_counted_on_the_case(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    for event_type in ("note_added", "attachment_added", "note_added", "custom"):
        report(api, eventType=event_type)

    case = api.viewer.get("/cases/CASE-1").json
    assert (case["notesCount"], case["attachmentsCount"]) == (2, 1)


@each_row("severity", ["info", "warning", "error", "critical"], apart=True)
def test_an_event_has_the_severity_it_was_reported_with(api: Api, severity: str) -> None:
    api.verifier.create(id="CASE-1")

    assert report(api, severity=severity).json["severity"] == severity
    assert report(api).json["severity"] == "info"


@ON_EMBEDDED
@each_row(
    "field",
    ["actor", "source", "sequence", "hash", "previousHash", "createdAt", "caseId", "id"],
    apart=True,
)
def test_nobody_reports_what_the_server_knows(api: Api, field: str) -> None:
    api.verifier.create(id="CASE-1")

    refused_field(report(api, **{field: "forged"}), field)


def test_a_trail_is_in_the_order_of_its_sequence_even_where_the_clock_went_back(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1")
    for minutes in (5, -60, 0, 20):
        clock.advance(minutes=minutes)
        report(api)

    by_sequence = [
        event["sequence"]
        for page in pages(api.viewer, "/cases/CASE-1/audit?pageSize=2", "events")
        for event in page
    ]
    by_time = [
        when(event["createdAt"])
        for page in pages(api.viewer, "/cases/CASE-1/audit?related=true&pageSize=2", "events")
        for event in page
    ]

    assert by_sequence == [5, 4, 3, 2, 1]
    assert (len(by_time), by_time) == (5, sorted(by_time, reverse=True))


def test_a_cases_trail_holds_no_other_cases_events(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.create(id="CASE-10")

    for related in ("false", "true"):
        (events,) = pages(api.viewer, f"/cases/CASE-1/audit?related={related}", "events")
        assert [event["caseId"] for event in events] == ["CASE-1"]


def busy_tenant(api: Api, clock: Clock) -> list[dict[str, Any]]:
    """Leaves events of many kinds; gives all of them, newest first."""
    severities = itertools.cycle(["info", "warning", "error"])
    agents = itertools.cycle([None, "researcher-7", "researcher-8", None])
    types = itertools.cycle(["note_added", "error", "custom", "agent_action", "note_added"])
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id)
        for index in range(12):
            clock.advance(minutes=index % 2)
            reporter = api.agent if index % 3 else api.verifier
            event = {
                "eventType": next(types),
                "message": "Reported",
                "severity": next(severities),
                "agentId": next(agents),
            }
            assert reporter.post(f"/cases/{case_id}/audit", event).status_code == 201
    api.admin.patch("/settings", {"autoCloseDays": 30})
    events: list[dict[str, Any]] = api.pilot.get("/audit?pageSize=200").json["events"]
    assert len(events) == 2 + 24 + 1
    return events


@pytest.mark.both_stores
def test_every_combination_of_filters_lists_its_events_newest_first(api: Api, clock: Clock) -> None:
    start = clock.now
    events = busy_tenant(api, clock)
    since, until = start + timedelta(minutes=2), start + timedelta(minutes=9)
    tests: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
        "subject": ("cases/CASE-1", lambda event: event["subject"] == "cases/CASE-1"),
        "actor": ("agent@example.com", lambda e: e["actor"]["email"] == "agent@example.com"),
        "eventType": ("note_added", lambda event: event["eventType"] == "note_added"),
        "severity": ("error", lambda event: event["severity"] == "error"),
        "agentId": ("researcher-7", lambda event: event["agentId"] == "researcher-7"),
        "since": (wire(since), lambda event: since <= when(event["createdAt"])),
        "until": (wire(until), lambda event: when(event["createdAt"]) < until),
    }
    newest_first = sorted(events, key=lambda e: (when(e["createdAt"]), e["id"]), reverse=True)
    assert events == newest_first
    page_sizes = itertools.cycle([7, 50, 200])

    for count in range(len(tests) + 1):
        for names in itertools.combinations(tests, count):
            query = {name: tests[name][0] for name in names} | {"pageSize": next(page_sizes)}
            found = [
                event
                for page in pages(api.pilot, f"/audit?{urlencode(query)}", "events")
                for event in page
            ]
            assert found == [e for e in events if all(tests[name][1](e) for name in names)], query


@ON_EMBEDDED
@each_row(
    ("query", "field"),
    [
        ("since=2026-03-02", "since"),
        ("since=2026-03-02T09:00:00", "since"),
        ("until=yesterday", "until"),
        ("until=1772442000", "until"),
        ("eventType=", "eventType"),
        ("severity=INFO", "severity"),
        ("actor=", "actor"),
        ("agentId=a%0Ab", "agentId"),
        ("subject=case/1", "subject"),
        ("caseId=CASE-1", "caseId"),
        ("pageSize=0", "pageSize"),
    ],
)
def test_a_list_of_events_refuses_a_wrong_filter(api: Api, query: str, field: str) -> None:
    answer = api.pilot.get(f"/audit?{query}")

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


def test_the_chain_of_a_subject_verifies_from_its_first_event_on(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    assert api.pilot.get("/audit:verify?subject=tenant").json == {
        "subject": "tenant",
        "valid": True,
        "events": 0,
        "headHash": "0" * 64,
    }

    actions: list[Callable[[], TestResponse]] = [
        lambda: api.verifier.patch("/cases/CASE-1", {"status": "in_review"}),
        lambda: api.verifier.patch("/cases/CASE-1", {"title": "Another"}),
        lambda: report(api),
        lambda: api.admin.delete("/cases/CASE-1"),
    ]
    for number, act in enumerate(actions, start=2):
        act()
        last = trail(api, "CASE-1")[-1]
        assert api.pilot.get("/audit:verify?subject=cases/CASE-1").json == {
            "subject": "cases/CASE-1",
            "valid": True,
            "events": number,
            "headHash": last["hash"],
        }


def test_the_tenants_own_chain_verifies(api: Api) -> None:
    api.admin.patch("/settings", {"autoCloseDays": 30})
    api.admin.patch("/settings", {"autoCloseDays": None})

    verified = api.pilot.get("/audit:verify?subject=tenant").json

    assert (verified["valid"], verified["events"]) == (True, 2)


@each_row("subject", [f"cases/{ABSENT}", f"interventions/{ABSENT}"], apart=True)
def test_what_never_was_has_no_chain_to_verify(api: Api, subject: str) -> None:
    refused(api.pilot.get(f"/audit:verify?subject={subject}"), 404, "NOT_FOUND")


@ON_EMBEDDED
@each_row(
    "subject",
    [
        "",
        "cases",
        "cases/",
        "cases/../settings",
        "cases/CASE-1/",
        "cases/CASE-1/evidence/1",
        "/cases/CASE-1",
        "audit/1",
        "tenants/other",
        "Tenant",
        "cases/__x__",
        "cases/a%00",
        "cases/a%0A",
        "x" * 255,
    ],
)
def test_a_subject_that_cannot_be_one_is_refused_before_anything_is_read(
    api: Api, subject: str
) -> None:
    answer = api.pilot.get(f"/audit:verify?subject={subject}")

    refused_field(answer, "subject")
    assert cost(answer) == (0, 0, 0)


def test_anybody_can_recompute_the_chain_from_the_answers(api: Api) -> None:
    api.verifier.create(id="CASE-1", title="Überprüfung “quoted” \\ / 🙂")
    report(api, meta={"z": 1, "é": [None, True, 0.5], "a": {"\u20ac": ""}})
    api.verifier.patch("/cases/CASE-1", {"status": "closed", "reason": "Done\tand dusted"})

    assert_chain(api.tenant, trail(api, "CASE-1"))


def test_the_workflow_console_can_do_its_work(api: Api, clock: Clock) -> None:
    """The examples of the workflow console's own description, one after the other."""
    verifier, agent, viewer = api.verifier, api.agent, api.viewer
    # 1. A case from a submission, due in 24 hours.
    api.admin.patch("/settings", {"slaHours": {"csf_practitioner": 24}})
    case = agent.create(
        title="Dr. Sarah Smith - CSF Application",
        summary="Application for controlled substance facilitation",
        submissionId="sub-12345",
    )
    path = f"/cases/{case['id']}"
    assert (case["status"], when(case["dueAt"])) == ("new", clock.now + timedelta(hours=24))
    note = {
        "eventType": "submission_received",
        "message": "Case created from submission sub-12345",
        "meta": {"submissionId": "sub-12345"},
    }
    assert agent.post(f"{path}/audit", note).status_code == 201
    # 2. It is assigned and taken into review.
    clock.advance(hours=1)
    patch = {"status": "in_review", "assignedTo": "verifier@example.com"}
    assert patch.items() <= verifier.patch(path, patch).json.items()
    # 4. The dashboard: new cases, mine, overdue ones, and a search.
    late = agent.create(title="Late", decisionType="kyc", dueAt=wire(clock.now))
    new = agent.create(title="Alice - CSF Application")
    clock.advance(minutes=1)

    def queue(query: str) -> list[str]:
        return [case["id"] for case in viewer.get(f"/cases?{query}").json["cases"]]

    assert sorted(queue("status=new")) == sorted([late["id"], new["id"]])
    assert queue("assignedTo=verifier@example.com&status=in_review") == [case["id"]]
    assert queue("overdue=true") == [late["id"]]
    assert queue("search=Dr.%20Smith") == [case["id"]]
    assert queue("search=alice") == [new["id"]]
    assert len(queue("decisionType=csf_practitioner")) == len(queue("unassigned=true")) == 2
    # The timeline, newest first, and the statistics.
    timeline = viewer.get(f"{path}/audit").json["events"]
    types = ["status_changed", "submission_received", "case_created"]
    assert [event["eventType"] for event in timeline] == types
    assert changes(timeline[0])["assignedTo"] == (None, "verifier@example.com")
    stats = viewer.get("/cases:stats").json
    assert (stats["caseCount"], stats["totalEvents"]) == (3, 1 + 3 + 2)
    counted = {"new": 2, "in_review": 1}
    assert stats["casesByStatus"] == {**dict.fromkeys(stats["casesByStatus"], 0), **counted}
    assert len(stats["casesByStatus"]) == 6
