"""Taking up work: claiming a case, and the next one of a queue. Races are in tests/reliability."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import (
    ON_EMBEDDED,
    cost,
    event_types,
    refused,
    refused_field,
    trail,
    when,
    wire,
)
from tests.functions.sweep_support import meddle, writes_to
from tests.functions.test_status import STEPS, move
from tests.rows import each_row


def test_who_claims_an_unassigned_case_holds_it(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    clock.advance(minutes=5)

    claimed = api.caller("verifier", "kim").post("/cases/CASE-1:claim")

    assert (claimed.status_code, claimed.json["assignedTo"]) == (200, "kim@example.com")
    assert clock.now == when(claimed.json["assignedAt"])
    assert claimed.json["status"] == "new"
    last = trail(api, "CASE-1")[-1]
    assert (last["eventType"], last["actor"]["subject"]) == ("assigned", "kim")


def test_who_holds_a_case_may_claim_it_again_without_an_event(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    first = api.verifier.post("/cases/CASE-1:claim")
    clock.advance(minutes=5)

    again = api.verifier.post("/cases/CASE-1:claim")

    assert (200, first.json) == (again.status_code, again.json)
    assert cost(again) == (1, 0, 1)
    assert event_types(api, "CASE-1") == ["case_created", "assigned"]


def test_anothers_case_is_refused_naming_the_holder(api: Api) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")

    answer = api.admin.post("/cases/CASE-1:claim")

    error = refused(answer, 409, "FAILED_PRECONDITION")
    assert error["details"] == [{"assignedTo": "kim@example.com"}]
    assert api.viewer.get("/cases/CASE-1").json["assignedTo"] == "kim@example.com"


@each_row("status", ["approved", "closed"], apart=True)
def test_a_done_case_cannot_be_claimed(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    before = move(api, *STEPS[status])

    answer = api.verifier.post("/cases/CASE-1:claim")

    (detail,) = refused(answer, 409, "FAILED_PRECONDITION")["details"]
    assert detail["status"] == status
    assert detail["allowed"] == ["new", "in_review", "needs_info", "blocked"]
    assert api.viewer.get("/cases/CASE-1").json == before


@each_row("status", ["new", "in_review", "needs_info", "blocked"], apart=True)
def test_any_open_case_can_be_claimed(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[status])

    claimed = api.verifier.post("/cases/CASE-1:claim")

    assert (200, status) == (claimed.status_code, claimed.json["status"])


def test_the_next_case_is_the_most_urgent_one_until_none_is_left(api: Api, clock: Clock) -> None:
    for case_id, hours in (("C-3", 30), ("C-1", -1), ("C-2", 3), ("C-4", 99)):
        api.verifier.create(id=case_id, dueAt=wire(clock.now + timedelta(hours=hours)))
    api.verifier.create(id="C-5")
    api.verifier.patch("/cases/C-5", {"dueAt": None})

    claimed = [api.verifier.post("/cases:claimNext").json for _ in range(5)]

    assert [case["id"] for case in claimed] == ["C-1", "C-2", "C-3", "C-4", "C-5"]
    assert {"verifier@example.com"} == {case["assignedTo"] for case in claimed}
    refused(api.verifier.post("/cases:claimNext"), 404, "NOT_FOUND")


def test_the_next_case_is_claimed_with_an_event_and_an_etag(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    claimed = api.verifier.post("/cases:claimNext")

    read = api.viewer.get("/cases/CASE-1")
    assert (read.json, read.headers["ETag"]) == (claimed.json, claimed.headers["ETag"])
    assert event_types(api, "CASE-1") == ["case_created", "assigned"]


@each_row("status", ["approved", "closed", "needs_info"], apart=True)
def test_the_next_case_is_never_one_whose_clock_stands(api: Api, status: str) -> None:
    api.verifier.create(id="CASE-1")
    move(api, *STEPS[status])

    refused(api.verifier.post("/cases:claimNext"), 404, "NOT_FOUND")


def test_the_next_case_is_never_one_that_somebody_holds(api: Api) -> None:
    api.verifier.create(assignedTo="kim@example.com")

    refused(api.verifier.post("/cases:claimNext"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("decisionType=kyc", "C-2"),
        ("status=in_review", "C-3"),
        ("status=needs_info", "C-4"),
        ("search=quick%20fox", "C-2"),
        ("overdue=true", "C-1"),
        ("unassigned=true", "C-1"),
        ("decisionType=kyc&search=fox", "C-2"),
        ("overdue=true&search=fox", None),
        ("decisionType=kyc&status=blocked", None),
        ("search=fo%20brown", None),
    ],
)
def test_the_next_case_is_one_of_the_queue_asked_for(
    api: Api, clock: Clock, query: str, expected: str | None
) -> None:
    for case_id, hours, decision_type, title in (
        ("C-1", -1, "csf", "A lazy dog"),
        ("C-2", 2, "kyc", "The quick red fox"),
        ("C-3", 3, "csf", "Another dog"),
        ("C-4", 4, "csf", "A third dog"),
    ):
        due_at = wire(clock.now + timedelta(hours=hours))
        api.verifier.create(id=case_id, dueAt=due_at, decisionType=decision_type, title=title)
    api.verifier.patch("/cases/C-3", {"status": "in_review"})
    api.verifier.patch("/cases/C-4", {"status": "needs_info"})

    answer = api.verifier.post(f"/cases:claimNext?{query}")

    if expected is None:
        refused(answer, 404, "NOT_FOUND")
    else:
        assert (200, expected) == (answer.status_code, answer.json["id"])


@ON_EMBEDDED
@each_row(
    ("query", "field"),
    [
        ("assignedTo=kim@example.com", "assignedTo"),
        ("status=approved", "status"),
        ("status=closed", "status"),
        ("status=open", "status"),
        ("overdue=perhaps", "overdue"),
        ("pageSize=10", "pageSize"),
        ("pageToken=x", "pageToken"),
    ],
)
def test_filters_that_leave_nothing_to_claim_are_refused(api: Api, query: str, field: str) -> None:
    answer = api.verifier.post(f"/cases:claimNext?{query}")

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


TAKEN = {"assignedTo": "lee@example.com"}


@each_row("to", ["lee@example.com", "pat@example.com", None], apart=True)
def test_a_verifier_takes_no_case_from_its_holder(api: Api, to: str | None) -> None:
    before = api.verifier.create(id="CASE-1", assignedTo="kim@example.com")

    patch = {"assignedTo": to, "title": "Another", "status": "in_review"}
    answer = api.caller("verifier", "lee").patch("/cases/CASE-1", patch)

    error = refused(answer, 403, "PERMISSION_DENIED")
    assert error["details"] == [{"assignedTo": "kim@example.com"}]
    assert api.viewer.get("/cases/CASE-1").json == before
    assert event_types(api, "CASE-1") == ["case_created"]


@each_row("to", ["lee@example.com", None])
@each_row(("role", "who"), [("verifier", "kim"), ("pilot", "pat"), ("admin", "al")], apart=True)
def test_the_holder_a_pilot_and_an_admin_assign_a_held_case_anew(
    api: Api, role: str, who: str, to: str | None
) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")

    answer = api.caller(role, who).patch("/cases/CASE-1", {"assignedTo": to})

    assert (answer.status_code, answer.json["assignedTo"]) == (200, to)
    assert event_types(api, "CASE-1") == ["case_created", "assigned"]


def test_a_verifier_assigns_a_free_case_to_anyone(api: Api) -> None:
    api.verifier.create(id="CASE-1")

    assert api.verifier.patch("/cases/CASE-1", TAKEN).json["assignedTo"] == "lee@example.com"


def test_a_verifier_works_on_anothers_case_as_long_as_its_holder_stays(api: Api) -> None:
    api.verifier.create(id="CASE-1", **TAKEN)

    answer = api.verifier.patch("/cases/CASE-1", {"title": "Another", **TAKEN})

    assert (answer.status_code, answer.json["title"]) == (200, "Another")


@pytest.mark.both_stores
def test_who_is_second_to_assign_a_free_case_takes_it_from_nobody(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    meddle(
        api,
        writes_to(
            f"tenants/{api.tenant}/cases/CASE-1",
            lambda: api.caller("verifier", "kim").post("/cases/CASE-1:claim"),
        ),
    )

    answer = api.caller("verifier", "lee").patch("/cases/CASE-1", TAKEN)

    assert answer.status_code == 403
    assert api.viewer.get("/cases/CASE-1").json["assignedTo"] == "kim@example.com"


@pytest.mark.both_stores
def test_a_paused_case_is_claimed_only_where_its_status_is_asked_for_overdue_or_not(
    api: Api, clock: Clock
) -> None:
    for case_id, hours in (("LATE", 1), ("IN-TIME", 9)):
        api.verifier.create(id=case_id, dueAt=wire(clock.now + timedelta(hours=hours)))
    clock.advance(hours=2)
    for case_id in ("LATE", "IN-TIME"):
        patch = {"status": "needs_info"}
        assert api.verifier.patch(f"/cases/{case_id}", patch).status_code == 200

    for query in ("", "?overdue=true", "?search=case", "?overdue=true&search=case"):
        answer = api.verifier.post(f"/cases:claimNext{query}")
        refused(answer, 404, "NOT_FOUND")
    found = api.verifier.post("/cases:claimNext?status=needs_info&status=new&overdue=true")

    assert found.json["id"] == "LATE"
    assert cost(found) == (1, 2, 2)


@pytest.mark.both_stores
def test_the_next_case_is_claimed_by_severity_tag_and_time(api: Api, clock: Clock) -> None:
    for case_id, severity, tags in (
        ("A", "low", ["x"]),
        ("B", "high", ["x"]),
        ("C", "high", ["y", "x"]),
    ):
        api.verifier.create(
            id=case_id,
            severity=severity,
            tags=tags,
            dueAt=wire(clock.now + timedelta(hours=ord(case_id))),
        )

    assert api.verifier.post("/cases:claimNext?severity=high&tags=x&tags=z").json["id"] == "B"
    assert api.verifier.post("/cases:claimNext?search=case&tags=y").json["id"] == "C"
    due = wire(clock.now + timedelta(hours=ord("A")))
    refused(api.verifier.post(f"/cases:claimNext?{urlencode({'dueUntil': due})}"), 404, "NOT_FOUND")


def test_a_key_is_of_all_values_of_a_repeated_parameter(api: Api) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id)
    path = "/cases:claimNext?status=new&status="

    first = api.verifier.post(f"{path}blocked", idempotency_key="k")
    again = api.verifier.post(f"{path}blocked", idempotency_key="k")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["id"] == first.json["id"]
    assert api.verifier.post(f"{path}in_review", idempotency_key="k").status_code == 422


# Claims that lapse


@pytest.mark.both_stores
def test_a_claim_of_a_case_is_free_for_the_next_one_from_the_time_until_which_it_is_held(
    api: Api, clock: Clock
) -> None:
    assert api.admin.patch("/settings", {"claimMinutes": 30}).status_code == 200
    kim, pat = api.caller("verifier", "kim"), api.caller("verifier", "pat")
    api.verifier.create(id="CASE-1")
    claimed = kim.post("/cases/CASE-1:claim").json
    assert when(claimed["heldUntil"]) == clock.now + timedelta(minutes=30)

    clock.advance(minutes=29)
    (detail,) = refused(pat.post("/cases/CASE-1:claim"), 409, "FAILED_PRECONDITION")["details"]
    assert detail == {"assignedTo": "kim@example.com", "heldUntil": claimed["heldUntil"]}
    refused(pat.post("/cases:claimNext"), 404, "NOT_FOUND")
    clock.advance(minutes=1)
    # The assignee stays until somebody claims it; to take it by a PATCH needs more than that.
    assert kim.patch("/cases/CASE-1", {"title": "Theirs"}).json["assignedTo"] == "kim@example.com"
    refused(pat.patch("/cases/CASE-1", {"assignedTo": None}), 403, "PERMISSION_DENIED")
    taken = pat.post("/cases/CASE-1:claim")

    assert cost(taken)[0::2] == (1, 2)
    assert taken.json["assignedTo"] == "pat@example.com"
    assert when(taken.json["assignedAt"]) == clock.now
    assert when(taken.json["heldUntil"]) == clock.now + timedelta(minutes=30)
    assert event_types(api, "CASE-1")[-2:] == ["case_updated", "assigned"]
    # Who is assigned it holds it without an end.
    assigned = pat.patch("/cases/CASE-1", {"assignedTo": "kim@example.com"}).json
    assert (assigned["assignedTo"], assigned["heldUntil"]) == ("kim@example.com", None)
    clock.advance(hours=1)
    refused(pat.post("/cases/CASE-1:claim"), 409, "FAILED_PRECONDITION")
    assert cost(kim.post("/cases/CASE-1:claim"))[1] == 0
    assert api.pilot.get("/audit:verify?subject=cases/CASE-1").json["valid"] is True


def test_to_claim_a_held_case_again_holds_it_for_as_long_again_unless_it_is_done(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"claimMinutes": 30})
    api.verifier.create(id="CASE-1")
    api.verifier.post("/cases/CASE-1:claim")
    clock.advance(minutes=10)

    again = api.verifier.post("/cases/CASE-1:claim").json
    assert when(again["heldUntil"]) == clock.now + timedelta(minutes=30)
    move(api, *STEPS["closed"])
    clock.advance(hours=1)

    assert cost(api.verifier.post("/cases/CASE-1:claim"))[1] == 0
    refused(api.pilot.post("/cases/CASE-1:claim"), 409, "FAILED_PRECONDITION")


@pytest.mark.both_stores
def test_the_next_case_is_one_whose_claim_has_lapsed_where_none_is_unassigned(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"claimMinutes": 30})
    kim, pat = api.caller("verifier", "kim"), api.caller("verifier", "pat")
    for case_id, fields in (
        ("C-1", {"decisionType": "kyc", "tags": ["x"]}),
        ("C-2", {"severity": "high", "title": "A lazy dog"}),
        ("C-3", {"dueAt": wire(clock.now + timedelta(minutes=40))}),
        ("C-4", {}),
    ):
        api.verifier.create(id=case_id, **fields)
        clock.advance(minutes=1)
        assert kim.post(f"/cases/{case_id}:claim").status_code == 200
    kim.patch("/cases/C-4", {"status": "needs_info"})
    clock.advance(hours=1)

    pat.get("/settings")
    first = pat.post("/cases:claimNext?decisionType=kyc&tags=y&tags=x&waiting=false")
    # The queue is empty, and the first of the lapsed ones is of it.
    assert (first.json["id"], cost(first)) == ("C-1", (2, 3, 3))
    assert pat.post("/cases:claimNext?search=lazy").json["id"] == "C-2"
    refused(pat.post("/cases:claimNext?createdBy=pat@example.com"), 404, "NOT_FOUND")
    assert pat.post("/cases:claimNext?overdue=true").json["id"] == "C-3"
    refused(pat.post("/cases:claimNext"), 404, "NOT_FOUND")
    assert pat.post("/cases:claimNext?status=needs_info").json["id"] == "C-4"
    api.verifier.create(id="C-5")
    clock.advance(hours=1)
    assert kim.post("/cases:claimNext").json["id"] == "C-5"
    assert kim.post("/cases:claimNext").json["id"] == "C-1"
