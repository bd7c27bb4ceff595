"""Cases over HTTP, on both stores: opening, reading, changing, deleting."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.client import Api
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
from tests.rows import each_row

FIELDS = {
    "id",
    "createdAt",
    "updatedAt",
    "createdBy",
    "createdBySubject",
    "decisionType",
    "severity",
    "tags",
    "fields",
    "title",
    "summary",
    "status",
    "statusChangedAt",
    "closedAt",
    "assignedTo",
    "assignedToSubject",
    "assignedAt",
    "heldUntil",
    "dueAt",
    "overdue",
    "pausedAt",
    "packetVersion",
    "submissionId",
    "packetEvidenceIds",
    "evidenceCount",
    "notesCount",
    "attachmentsCount",
    "collaborators",
    "legalHold",
    "reopenCount",
    "escalatedAt",
    "openInterventions",
    "openRuns",
}


def test_a_new_case_is_answered_with_its_location_and_can_be_read(api: Api) -> None:
    created = api.verifier.post(
        "/cases", {"decisionType": "csf_practitioner", "title": "Dr. Smith"}
    )

    assert created.status_code == 201
    location = created.headers["Location"].removeprefix("/v1")
    read = api.viewer.get(location)
    assert (read.status_code, read.json) == (200, created.json)
    assert read.headers["ETag"] == created.headers["ETag"]


def test_a_case_keeps_all_that_it_was_opened_with(api: Api, clock: Clock) -> None:
    given = {
        "id": "CASE-2024-001",
        "decisionType": "csf_practitioner",
        "title": "Dr. Sarah Smith, CSF Application",
        "summary": "Application\nfor controlled substance facilitation",
        "submissionId": "sub-12345",
        "assignedTo": "pat@example.com",
        "dueAt": "2026-03-04T10:30:00.25+02:00",
        "severity": "high",
        "tags": ["fraud", "Überfällig"],
        "fields": {"region": "EU", "amount": 12.5, "count": 3, "vip": True, "filed": "2026-03-31"},
    }

    case = api.verifier.create(**given)

    assert set(case) == FIELDS
    now = clock.now.isoformat().replace("+00:00", "Z")
    assert case == {
        **given,
        "dueAt": "2026-03-04T08:30:00.250000Z",
        "createdAt": now,
        "updatedAt": now,
        "createdBy": "verifier@example.com",
        "createdBySubject": "verifier",
        "assignedToSubject": None,
        "status": "new",
        "statusChangedAt": now,
        "closedAt": None,
        "assignedAt": now,
        "heldUntil": None,
        "overdue": False,
        "pausedAt": None,
        "packetVersion": 0,
        "packetEvidenceIds": [],
        "evidenceCount": 0,
        "notesCount": 0,
        "attachmentsCount": 0,
        "collaborators": {},
        "legalHold": False,
        "reopenCount": 0,
        "escalatedAt": None,
        "openInterventions": 0,
        "openRuns": 0,
    }


def test_a_case_without_a_number_gets_a_random_uuid(api: Api) -> None:
    case = api.verifier.create(id=None)

    assert uuid.UUID(case["id"]).version == 4
    assert (case["summary"], case["assignedTo"]) == (None, None)


@each_row("case_id", ["67890", "CASE-2024-001", "a", "A.b_c-9", "x" * 100], apart=True)
def test_a_case_can_be_opened_and_read_under_its_number(api: Api, case_id: str) -> None:
    created = api.agent.post("/cases", {"id": case_id, "decisionType": "kyc", "title": "A case"})

    assert created.headers["Location"] == f"/v1/cases/{case_id}"
    assert api.viewer.get(f"/cases/{case_id}").json["id"] == case_id


def test_a_number_that_is_taken_is_refused_and_the_case_stays_as_it_was(api: Api) -> None:
    first = api.verifier.create(id="CASE-1", title="First")

    again = api.verifier.post("/cases", {"id": "CASE-1", "decisionType": "kyc", "title": "Second"})

    refused(again, 409, "ALREADY_EXISTS")
    assert api.viewer.get("/cases/CASE-1").json == first
    assert event_types(api, "CASE-1") == ["case_created"]


def test_the_same_number_in_another_tenant_is_another_case(api: Api) -> None:
    own = api.verifier.create(id="CASE-1", title="Ours")
    other = api.caller("verifier", tenant="other-tenant")

    theirs = other.create(id="CASE-1", title="Theirs")

    assert (own["title"], theirs["title"]) == ("Ours", "Theirs")
    assert api.viewer.get("/cases/CASE-1").json == own


@pytest.mark.parametrize(
    ("sla_hours", "decision_type", "due_in"),
    [
        ({}, "kyc", 72),
        ({"default": 24}, "kyc", 24),
        ({"default": 24, "urgent": 2}, "urgent", 2),
        ({"default": 24, "urgent": 2}, "kyc", 24),
        ({"default": None, "urgent": 2}, "urgent", 2),
        ({"default": None}, "kyc", None),
        ({"default": 87_600}, "kyc", 87_600),
    ],
)
def test_without_a_due_date_the_tenants_hours_for_the_decision_type_set_it(
    api: Api, clock: Clock, sla_hours: dict[str, int], decision_type: str, due_in: int | None
) -> None:
    assert api.admin.patch("/settings", {"slaHours": sla_hours}).status_code == 200

    case = api.verifier.create(decisionType=decision_type)

    due_at = when(case["dueAt"]) if case["dueAt"] else None
    assert due_at == (clock.now + timedelta(hours=due_in) if due_in else None)


def test_a_new_sla_moves_no_existing_due_date(api: Api) -> None:
    before = api.verifier.create()

    api.admin.patch("/settings", {"slaHours": {"default": 1}})

    assert api.viewer.get(f"/cases/{before['id']}").json["dueAt"] == before["dueAt"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Another title"),
        ("summary", "Another summary"),
        ("assignedTo", "kim@example.com"),
        ("dueAt", "2026-05-01T12:00:00Z"),
        ("decisionType", "another_type"),
        ("status", "in_review"),
    ],
)
def test_a_patch_changes_the_field_it_names_and_no_other(
    api: Api, clock: Clock, field: str, value: str
) -> None:
    before = api.verifier.create(id="CASE-1")
    clock.advance(minutes=5)

    patched = api.verifier.patch("/cases/CASE-1", {field: value})

    assert (200, value) == (patched.status_code, patched.json[field])
    follows = {"status": {"statusChangedAt"}, "assignedTo": {"assignedAt"}}.get(field, set())
    changed = {name for name in before if before[name] != patched.json[name]}
    assert changed == {field, "updatedAt", *follows}
    assert clock.now == when(patched.json["updatedAt"])
    assert api.viewer.get("/cases/CASE-1").json == patched.json


def test_a_patch_changes_several_fields_with_one_event(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    patch = {"status": "in_review", "assignedTo": "kim@example.com", "title": "Now"}
    patched = api.verifier.patch("/cases/CASE-1", patch).json

    assert patch == {name: patched[name] for name in patch}
    assert event_types(api, "CASE-1") == ["case_created", "status_changed"]


@each_row("field", ["summary", "assignedTo", "dueAt"], apart=True)
def test_null_clears_a_field_that_may_be_empty(api: Api, field: str) -> None:
    api.verifier.create(id="CASE-1", summary="Text", assignedTo="kim@example.com")

    patched = api.pilot.patch("/cases/CASE-1", {field: None})

    assert (patched.status_code, patched.json[field]) == (200, None)
    assert (patched.json["assignedAt"] is None) == (field == "assignedTo")


@each_row("field", ["title", "status", "decisionType"], apart=True)
def test_null_is_refused_for_a_field_that_may_not_be_empty(api: Api, field: str) -> None:
    before = api.verifier.create(id="CASE-1")

    refused_field(api.verifier.patch("/cases/CASE-1", {field: None}), field)

    assert api.viewer.get("/cases/CASE-1").json == before


@pytest.mark.parametrize(
    "patch",
    [{}, {"reason": "For no change"}, {"title": "Same"}, {"status": "new"}, {"summary": None}],
)
def test_a_patch_that_changes_nothing_writes_nothing(
    api: Api, clock: Clock, patch: dict[str, Any]
) -> None:
    before = api.verifier.create(id="CASE-1", title="Same")
    clock.advance(minutes=5)

    patched = api.verifier.patch("/cases/CASE-1", patch)

    assert (200, before) == (patched.status_code, patched.json)
    assert cost(patched) == (1, 0, 1)
    assert event_types(api, "CASE-1") == ["case_created"]


@each_row(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "A title"}),
        ("DELETE", "", None),
        ("POST", ":claim", None),
        ("POST", ":reopen", {"reason": "Why not"}),
        ("GET", "/audit", None),
        ("POST", "/audit", {"eventType": "note_added", "message": "A note"}),
    ],
)
def test_a_case_that_does_not_exist_is_not_found(
    api: Api, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = api.admin.request(method, f"/cases/{ABSENT}{path}", body)

    refused(answer, 404, "NOT_FOUND")


def test_a_deleted_case_is_gone_from_everywhere_but_the_trail(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.create(id="CASE-2")

    deleted = api.admin.delete("/cases/CASE-1")

    assert (deleted.status_code, deleted.data) == (204, b"")
    refused(api.viewer.get("/cases/CASE-1"), 404, "NOT_FOUND")
    (listed,) = pages(api.viewer, "/cases")
    assert [case["id"] for case in listed] == ["CASE-2"]
    assert list(pages(api.viewer, "/cases?search=case-1")) == [[]]
    assert api.viewer.get("/cases:stats").json["caseCount"] == 1
    refused(api.viewer.get("/cases:validate?caseId=CASE-1"), 404, "NOT_FOUND")
    (checked,) = api.viewer.post("/cases:check", {"caseIds": ["CASE-1"]}).json["results"]
    assert (checked["valid"], checked["status"]) == (False, "invalid")
    last = trail(api, "CASE-1")[-1]
    assert (last["eventType"], last["actor"]["email"]) == ("case_deleted", "admin@example.com")


def test_what_is_left_of_a_deleted_case_says_when_it_went(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    clock.advance(hours=1)
    api.admin.delete("/cases/CASE-1")
    clock.advance(hours=1)

    left = api.runtime.store.get(f"tenants/{api.tenant}/cases/CASE-1")
    assert left is not None
    assert left.data["deletedAt"] == clock.now - timedelta(hours=1)


@each_row(
    ("method", "path", "body", "code"),
    [
        ("PATCH", "/cases/CASE-1", {"title": "Back"}, 404),
        ("DELETE", "/cases/CASE-1", None, 404),
        ("POST", "/cases/CASE-1:claim", None, 404),
        ("POST", "/cases/CASE-1:reopen", {"reason": "Back"}, 404),
        ("POST", "/cases/CASE-1/audit", {"eventType": "note_added", "message": "Back"}, 404),
        ("POST", "/cases", {"id": "CASE-1", "decisionType": "kyc", "title": "Back"}, 409),
    ],
    apart=True,
)
def test_nothing_brings_a_deleted_case_or_its_number_back(
    api: Api, method: str, path: str, body: dict[str, str] | None, code: int
) -> None:
    api.verifier.create(id="CASE-1")
    api.admin.delete("/cases/CASE-1")

    answer = api.admin.request(method, path, body)

    refused(answer, code, {404: "NOT_FOUND", 409: "ALREADY_EXISTS"}[code])
    assert event_types(api, "CASE-1") == ["case_created", "case_deleted"]


def test_due_dates_are_kept_to_the_microsecond(api: Api, clock: Clock) -> None:
    due_at = clock.now + timedelta(days=1, microseconds=1)

    case = api.verifier.create(dueAt=wire(due_at))

    assert when(case["dueAt"]) == due_at


def test_fields_change_one_by_one_and_an_event_shows_them_as_they_were_and_are(api: Api) -> None:
    api.verifier.create(id="CASE-1", fields={"region": "EU", "count": 1})
    assert api.viewer.get("/cases/CASE-1").json["fields"] == {"region": "EU", "count": 1}

    changes: list[tuple[dict[str, Any] | None, dict[str, Any]]] = [
        ({"count": True}, {"region": "EU", "count": True}),
        ({"region": None, "filed": "2026-03-31"}, {"count": True, "filed": "2026-03-31"}),
        (None, {}),
        ({"amount": 0.5}, {"amount": 0.5}),
    ]
    before: dict[str, Any] = {"region": "EU", "count": 1}
    for given, after in changes:
        case = api.verifier.patch("/cases/CASE-1", {"fields": given}).json
        assert json.dumps(case["fields"], sort_keys=True) == json.dumps(after, sort_keys=True)
        (change,) = trail(api, "CASE-1")[-1]["changes"]
        told = {"field": "fields", "old": before or None, "new": after or None}
        assert json.dumps(change, sort_keys=True) == json.dumps(told, sort_keys=True)
        before = after
    assert cost(api.verifier.patch("/cases/CASE-1", {"fields": {"amount": 0.5}}))[1] == 0


def test_severity_and_tags_are_changed_as_a_whole(api: Api) -> None:
    assert api.verifier.create(id="CASE-1", tags=["a", "b", "a"])["tags"] == ["a", "b"]
    assert api.viewer.get("/cases/CASE-1").json["severity"] == "normal"

    case = api.verifier.patch("/cases/CASE-1", {"severity": "critical", "tags": ["c"]}).json

    assert (case["severity"], case["tags"]) == ("critical", ["c"])


@ON_EMBEDDED
@each_row(
    ("given", "field"),
    [
        ({"severity": "urgent"}, "severity"),
        ({"severity": None}, "severity"),
        ({"tags": [str(number) for number in range(21)]}, "tags"),
        ({"tags": ["x" * 51]}, "tags[0]"),
        ({"tags": ["\u200b"]}, "tags[0]"),
        ({"tags": "a"}, "tags"),
        ({"fields": {f"f{number}": 1 for number in range(51)}}, "fields"),
        ({"fields": {"": 1}}, "fields."),
        ({"fields": {"a.b": 1}}, "fields.a.b"),
        ({"fields": {"__x__": 1}}, "fields.__x__"),
        ({"fields": {"a": []}}, "fields.a"),
        ({"fields": {"a": {}}}, "fields.a"),
        ({"fields": {"a": "x" * 1001}}, "fields.a"),
        ({"fields": {"a": 2**53}}, "fields.a"),
        ({"fields": {"a": "\x00"}}, "fields.a"),
        ({"fields": []}, "fields"),
    ],
    apart=True,
)
def test_a_severity_tag_or_field_that_is_wrong_is_refused_by_name(
    api: Api, given: dict[str, Any], field: str
) -> None:
    api.verifier.create(id="CASE-1")

    for answer in (
        api.verifier.post("/cases", {"decisionType": "kyc", "title": "A case", **given}),
        api.verifier.patch("/cases/CASE-1", given),
    ):
        refused_field(answer, field)


def test_no_more_than_fifty_fields_come_together(api: Api) -> None:
    api.verifier.create(id="CASE-1", fields={f"f{number}": number for number in range(50)})

    refused_field(api.verifier.patch("/cases/CASE-1", {"fields": {"more": 1}}), "fields")
    assert (
        api.verifier.patch("/cases/CASE-1", {"fields": {"f1": None, "more": 1}}).status_code == 200
    )


def test_a_null_takes_no_room_in_the_fields_of_a_new_case(api: Api) -> None:
    refused(
        api.verifier.post(
            "/cases", {"decisionType": "kyc", "title": "A case", "fields": {"a": None}}
        ),
        400,
        "INVALID_ARGUMENT",
    )
