"""What status a case may take, and what that does to its clock, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.models.case import CasePatch
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import (
    ON_EMBEDDED,
    cost,
    event_types,
    pages,
    refused,
    refused_field,
    when,
    wire,
)
from tests.rows import each_row

ALLOWED = {
    "new": ["in_review", "needs_info", "blocked", "closed"],
    "in_review": ["needs_info", "approved", "blocked", "closed"],
    "needs_info": ["in_review", "blocked", "closed"],
    "blocked": ["in_review", "closed"],
    "approved": ["closed"],
    "closed": [],
}
STEPS = {
    "new": [],
    "in_review": ["in_review"],
    "needs_info": ["needs_info"],
    "approved": ["in_review", "approved"],
    "blocked": ["blocked"],
    "closed": ["closed"],
}
PAIRS = [(old, new) for old in ALLOWED for new in ALLOWED if old != new]
LEGAL = [pair for pair in PAIRS if pair[1] in ALLOWED[pair[0]]]
ILLEGAL = [pair for pair in PAIRS if pair[1] not in ALLOWED[pair[0]]]


def move(api: Api, *statuses: str) -> dict[str, object]:
    """Takes CASE-1 through the statuses; gives the case."""
    for status in statuses:
        moved = api.verifier.patch("/cases/CASE-1", {"status": status, "reason": "A reason"})
        assert moved.status_code == 200, moved.text
    case: dict[str, object] = api.viewer.get("/cases/CASE-1").json
    return case


def due(api: Api) -> timedelta:
    """How long after its opening CASE-1 is due."""
    case = api.viewer.get("/cases/CASE-1").json
    return when(case["dueAt"]) - when(case["createdAt"])


def overdue(api: Api) -> tuple[bool, list[str]]:
    """Whether CASE-1 says that it is overdue, and which cases the overdue queue shows."""
    case = api.viewer.get("/cases/CASE-1").json
    (queue,) = pages(api.viewer, "/cases?overdue=true")
    return case["overdue"], [case["id"] for case in queue]


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_a_status_may_become_what_the_table_allows(
    api: Api, clock: Clock, old: str, new: str
) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[old])
    clock.advance(minutes=1)

    case = api.verifier.patch("/cases/CASE-1", {"status": new, "reason": "A reason"}).json

    assert (new, clock.now) == (case["status"], when(case["statusChangedAt"]))
    assert (new == "closed") == (case["closedAt"] == case["statusChangedAt"])
    assert (new == "needs_info") == (case["pausedAt"] == case["statusChangedAt"])


@ON_EMBEDDED
@each_row(("old", "new"), ILLEGAL, apart=True)
def test_what_the_table_does_not_allow_is_refused_with_what_it_does(
    api: Api, old: str, new: str
) -> None:
    api.verifier.create(id="CASE-1")
    before = move(api, *STEPS[old])

    answer = api.verifier.patch("/cases/CASE-1", {"status": new, "reason": "A", "title": "New"})

    error = refused(answer, 409, "FAILED_PRECONDITION")
    assert error["details"] == [{"status": old, "allowed": ALLOWED[old]}]
    assert api.viewer.get("/cases/CASE-1").json == before


@ON_EMBEDDED
@each_row("status", ["blocked", "closed"])
@each_row("reason", [{}, {"reason": None}, {"reason": ""}], apart=True)
def test_blocking_and_closing_need_a_reason(
    api: Api, status: str, reason: dict[str, str | None]
) -> None:
    before = api.verifier.create(id="CASE-1")

    refused_field(api.verifier.patch("/cases/CASE-1", {"status": status, **reason}), "reason")

    assert api.viewer.get("/cases/CASE-1").json == before


@pytest.mark.parametrize("after", ["in_review", "blocked", "closed"])
def test_a_pause_moves_the_due_date_by_exactly_the_time_paused(
    api: Api, clock: Clock, after: str
) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=10)))
    clock.advance(hours=1)
    move(api, "needs_info")
    clock.advance(days=3, seconds=7, microseconds=1)

    moved = move(api, after)

    assert due(api) == timedelta(days=3, hours=10, seconds=7, microseconds=1)
    assert moved["pausedAt"] is None


def test_every_pause_counts_once(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=10)))
    for minutes in (5, 20, 60):
        move(api, "needs_info")
        clock.advance(minutes=minutes)
        api.verifier.patch("/cases/CASE-1", {"title": f"Paused for {minutes}"})
        move(api, "in_review")
        clock.advance(minutes=3)

    assert due(api) == timedelta(hours=10, minutes=85)


def test_the_due_date_stands_still_until_a_pause_ends(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=10)))
    move(api, "needs_info")
    clock.advance(days=30)

    assert due(api) == timedelta(hours=10)
    assert overdue(api) == (False, [])


def test_a_case_that_was_overdue_before_its_pause_stays_so_until_it_is_done(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=1)))
    clock.advance(hours=2)
    move(api, "needs_info")
    assert overdue(api) == (True, ["CASE-1"])
    clock.advance(hours=2)

    move(api, "in_review")

    assert overdue(api) == (True, ["CASE-1"])
    move(api, "approved")
    assert overdue(api) == (False, [])


def test_a_due_date_that_is_set_in_a_pause_moves_by_what_is_left_of_the_pause(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=1)))
    move(api, "needs_info")
    clock.advance(hours=10)
    due_at = clock.now + timedelta(hours=5)
    api.verifier.patch("/cases/CASE-1", {"dueAt": wire(due_at)})
    clock.advance(hours=2)

    after = move(api, "in_review")

    assert when(str(after["dueAt"])) == due_at + timedelta(hours=2)


def test_a_changed_decision_type_keeps_its_due_date(api: Api) -> None:
    api.admin.patch("/settings", {"slaHours": {"kyc": 1}})
    before = api.verifier.create(id="CASE-1")

    after = api.verifier.patch("/cases/CASE-1", {"decisionType": "kyc"}).json

    assert (after["decisionType"], after["dueAt"]) == ("kyc", before["dueAt"])


def test_a_case_is_not_overdue_at_its_due_time_but_right_after_it(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=1)))
    api.verifier.create(id="CASE-2", dueAt=wire(clock.now + timedelta(hours=9)))
    clock.advance(hours=1)
    assert overdue(api) == (False, [])

    clock.advance(microseconds=1)

    assert overdue(api) == (True, ["CASE-1"])


def test_a_clock_that_is_set_back_during_a_pause_moves_no_due_date(api: Api, clock: Clock) -> None:
    before = api.verifier.create(id="CASE-1")
    move(api, "needs_info")
    clock.advance(hours=-1)

    assert before["dueAt"] == move(api, "in_review")["dueAt"]


@pytest.mark.parametrize("status", ["approved", "closed", "needs_info"])
def test_a_stopped_clock_is_never_overdue(api: Api, clock: Clock, status: str) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=1)))
    move(api, *STEPS[status])

    clock.advance(days=365)

    assert overdue(api) == (False, [])


def test_a_case_without_a_due_date_is_never_overdue(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=1)))
    api.verifier.patch("/cases/CASE-1", {"dueAt": None})

    clock.advance(days=365)

    assert overdue(api) == (False, [])


@pytest.mark.parametrize("done", ["approved", "closed"])
def test_a_done_case_is_reopened_into_review_with_its_clock_where_it_stopped(
    api: Api, clock: Clock, done: str
) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=10)))
    move(api, *STEPS[done])
    clock.advance(days=7)

    reopened = api.pilot.post("/cases/CASE-1:reopen", {"reason": "A new document came"})

    assert reopened.status_code == 200
    case = reopened.json
    assert (case["status"], case["reopenCount"], case["closedAt"]) == ("in_review", 1, None)
    assert due(api) == timedelta(days=7, hours=10)
    assert event_types(api, "CASE-1")[-1] == "case_reopened"


def test_approval_and_the_closing_after_it_stop_the_clock_once(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1", dueAt=wire(clock.now + timedelta(hours=10)))
    move(api, "in_review", "approved")
    clock.advance(hours=2)
    move(api, "closed")
    assert due(api) == timedelta(hours=10)
    clock.advance(hours=3)

    api.pilot.post("/cases/CASE-1:reopen", {"reason": "Once more"})

    assert due(api) == timedelta(hours=15)


def test_every_reopening_is_counted(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    for count in (1, 2, 3):
        move(api, "closed")
        reopened = api.pilot.post("/cases/CASE-1:reopen", {"reason": "Again"})
        assert reopened.json["reopenCount"] == count


@each_row("status", ["new", "in_review", "needs_info", "blocked"], apart=True)
def test_only_a_done_case_is_reopened(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    before = move(api, *STEPS[status])

    answer = api.pilot.post("/cases/CASE-1:reopen", {"reason": "A reason"})

    (detail,) = refused(answer, 409, "FAILED_PRECONDITION")["details"]
    assert (status, ["approved", "closed"]) == (detail["status"], detail["allowed"])
    assert api.viewer.get("/cases/CASE-1").json == before


@ON_EMBEDDED
@each_row("body", [{}, {"reason": None}, {"reason": ""}], apart=True)
def test_reopening_needs_a_reason(api: Api, body: dict[str, str | None]) -> None:
    answer = api.pilot.post("/cases/CASE-1:reopen", body)

    refused_field(answer, "reason")
    assert cost(answer) == (0, 0, 0)


OTHERS: dict[str, Any] = {
    "title": "Another title",
    "summary": "Another summary",
    "decisionType": "another_type",
    "dueAt": "2026-09-01T00:00:00Z",
    "severity": "high",
    "tags": ["urgent"],
    "fields": {"channel": "web"},
}
ASSIGNED = {"assignedTo": "kim@example.com"}
KEPT = [
    (status, {name: value})
    for status, others in (("approved", OTHERS), ("closed", OTHERS | ASSIGNED))
    for name, value in others.items()
]


@each_row(("status", "patch"), KEPT, apart=True)
def test_a_done_case_keeps_what_it_says(api: Api, status: str, patch: dict[str, Any]) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[status])
    before = api.viewer.get("/cases/CASE-1")
    (field,) = patch

    for more in ({}, ASSIGNED, {"status": "closed", "reason": "Over"}):
        answer = api.admin.patch("/cases/CASE-1", {**more, **patch})
        error = refused(answer, 409, "FAILED_PRECONDITION")
        (detail,) = error["details"]
        assert (status, True) == (detail["status"], field in detail["fields"])
        assert field in error["message"]

    detail = refused(api.admin.patch("/cases/CASE-1", patch), 409, "FAILED_PRECONDITION")["details"]
    allowed = ["new", "in_review", "needs_info", "blocked"]
    allowed[3:3] = ["approved"] if field == "assignedTo" else []
    assert detail == [{"status": status, "fields": [field], "allowed": allowed}]
    after = api.viewer.get("/cases/CASE-1")
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])


@each_row("status", ["approved", "closed"], apart=True)
def test_a_done_case_takes_what_it_says_already(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1", summary="Text")
    case = move(api, *STEPS[status])

    same = {name: case[name] for name in [*OTHERS, "assignedTo", "status"]}
    answer = api.verifier.patch("/cases/CASE-1", same)

    assert (answer.json, cost(answer)) == (case, (1, 0, 1))


def test_an_approved_case_is_assigned_and_closed_still(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    case = move(api, "in_review", "approved")
    same = {name: case[name] for name in OTHERS}

    assigned = api.verifier.patch("/cases/CASE-1", ASSIGNED)
    assert (assigned.status_code, assigned.json["assignedTo"]) == (200, "kim@example.com")
    last = {**same, "assignedTo": None, "status": "closed", "reason": "Filed"}
    closed = api.pilot.patch("/cases/CASE-1", last)
    assert (closed.status_code, closed.json["status"]) == (200, "closed")
    assert closed.json["assignedTo"] is None


@each_row("status", ["approved", "closed"], apart=True)
def test_a_case_that_is_reopened_can_be_changed_again(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[status])
    api.pilot.post("/cases/CASE-1:reopen", {"reason": "A new document came"})

    answer = api.verifier.patch("/cases/CASE-1", OTHERS | ASSIGNED)

    assert answer.status_code == 200
    assert {name: answer.json[name] for name in OTHERS | ASSIGNED} == OTHERS | ASSIGNED


def test_a_decision_and_what_it_is_about_are_changed_together(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    move(api, "in_review")

    answer = api.verifier.patch("/cases/CASE-1", {**OTHERS, "status": "approved"})

    assert (answer.status_code, answer.json["title"]) == (200, "Another title")


def test_no_field_of_a_done_case_stays_changeable_unless_it_is_meant_to() -> None:
    """A field that is new in a patch is refused by default."""
    changeable = {"reason", "status", "assignedTo", "endOpen"}
    fields = {field.alias for field in CasePatch.model_fields.values()}

    assert fields - changeable == set(OTHERS)
