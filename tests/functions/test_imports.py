"""Cases from another system: as they were there, once for each row, and the trail says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import Update
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.erasure_support import erased
from tests.functions.export_support import KEY, exported, sealed, verified
from tests.functions.sealing_support import seal, with_keys
from tests.functions.support import acquainted, cost, refused, refused_field, trail, when
from tests.functions.sweep_support import PURGE, run
from tests.reliability.support import in_parallel, verification
from tests.rows import each_row

IMPORT = "/cases:import"
OPENED, CLOSED = "2025-06-02T08:00:00Z", "2025-06-05T08:00:00Z"
HISTORY = [
    {"at": "2025-06-04T09:30:00Z", "by": "Kim Smith", "text": "Called Dr. Jones"},
    {"at": "2025-06-03T09:30:00Z", "text": "Letter came in"},
]


def row(**fields: Any) -> dict[str, Any]:
    """What a client sends of a row."""
    named = {"source": "jira", "rowKey": "LEG-17", "decisionType": "csf", "title": "An old case"}
    return {**named, "createdAt": OPENED, **fields}


def brought(client: Client, **fields: Any) -> dict[str, Any]:
    """The case of a row that is imported now."""
    answer = client.post(IMPORT, row(**fields))
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json
    return case


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key, so that events are sealed and counted."""
    return with_keys(config, tmp_path, KEY)


@pytest.mark.both_stores
def test_a_closed_case_is_as_it_was_there_and_its_trail_says_when_it_came(
    api: Api, clock: Clock
) -> None:
    case = brought(
        api.admin,
        id="LEG-17",
        status="closed",
        closedAt=CLOSED,
        reason="Settled",
        assignedTo="kim@example.com",
        history=HISTORY,
    )

    assert case == api.viewer.get("/cases/LEG-17").json
    assert (case["createdAt"], case["closedAt"], case["statusChangedAt"]) == (
        OPENED,
        CLOSED,
        CLOSED,
    )
    assert (case["status"], case["assignedTo"], case["createdBy"]) == (
        "closed",
        "kim@example.com",
        "admin@example.com",
    )
    assert when(case["updatedAt"]) == when(case["assignedAt"]) == clock.now
    created, *items = trail(api, "LEG-17")
    assert (created["eventType"], created["reason"]) == ("case_created", "Settled")
    assert created["meta"]["imported"] == {"source": "jira", "rowKey": "LEG-17"}
    assert {when(event["createdAt"]) for event in (created, *items)} == {clock.now}
    assert [(one["eventType"], one["meta"]) for one in items] == [
        ("imported", {"at": "2025-06-03T09:30:00Z", "by": None, "text": "Letter came in"}),
        ("imported", HISTORY[0]),
    ]


@pytest.mark.parametrize("status", ["new", "in_review", "needs_info", "blocked", "closed"])
def test_work_goes_on_from_each_status_and_the_trail_holds(
    api: Api, clock: Clock, status: str
) -> None:
    api.admin.patch("/settings", {"slaHours": {"csf": 48}})
    case = brought(api.admin, id="A", status=status, history=HISTORY[:1])
    assert case["status"] == status
    assert case["dueAt"] == "2025-06-04T08:00:00Z"
    assert when(case["statusChangedAt"]) == (when(OPENED) if status == "new" else clock.now)
    assert case["overdue"] is (status != "closed")
    overdue = api.viewer.get("/cases?overdue=true").json["cases"]
    assert overdue == ([case] if case["overdue"] else [])
    trail(api, "A")

    clock.advance(days=1)
    if status == "closed":
        assert api.pilot.post("/cases/A:reopen", {"reason": "New facts"}).status_code == 200
        trail(api, "A")
    clock.advance(days=1)
    for to in ("needs_info", "in_review", "approved", "closed"):
        clock.advance(hours=1)
        body = {"status": to, "reason": "Next"}
        if to != api.viewer.get("/cases/A").json["status"]:
            answer = api.pilot.patch("/cases/A", body)
            assert answer.status_code in (200, 409), answer.text
        trail(api, "A")
    assert api.viewer.get("/cases/A").json["status"] == "closed"


def test_it_comes_with_its_evidence_to_an_assignee_whom_the_directory_knows(api: Api) -> None:
    subject = api.pilot.create()["createdBySubject"]
    letter = {"id": "e-1", "title": "A letter"}

    case = brought(api.admin, id="A", assignedTo="pilot@example.com", evidence=[letter])

    assert case["assignedToSubject"] == subject
    (item,) = api.viewer.get("/cases/A?view=full").json["evidence"]
    assert (item["id"], item["title"]) == ("e-1", "A letter")
    (created,) = trail(api, "A")
    assert [one["id"] for one in created["meta"]["added"]] == ["e-1"]


@pytest.mark.both_stores
def test_a_row_is_imported_once_whoever_asks_for_it_and_whatever_else_they_say(api: Api) -> None:
    first = brought(api.admin)
    api.verifier.patch(f"/cases/{first['id']}", {"title": "Renamed here"})

    again = api.caller("admin", "second").post(IMPORT, row(id="B", title="Otherwise"))

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert (again.json["id"], again.json["title"]) == (first["id"], "Renamed here")
    assert brought(api.admin, source="thehive")["id"] != first["id"]
    assert len(api.viewer.get("/cases").json["cases"]) == 2
    assert api.admin.delete(f"/cases/{first['id']}").status_code == 204
    refused(api.admin.post(IMPORT, row()), 404, "NOT_FOUND")


@pytest.mark.both_stores
def test_of_many_who_import_a_row_at_once_all_get_the_one_case(api: Api) -> None:
    def ask(number: int) -> TestResponse:
        return api.caller("admin", f"admin-{number % 3}").post(IMPORT, row(history=HISTORY))

    answers = in_parallel(12, ask)

    assert sorted(answer.status_code for answer in answers) == [*[200] * 11, 201]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(trail(api, answers[0].json["id"])) == 3


@each_row(
    ("field", "fields"),
    [
        ("createdAt", {"createdAt": "2027-01-01T00:00:00Z"}),
        ("createdAt", {"createdAt": "2025-06-02 08:00"}),
        ("closedAt", {"status": "closed", "closedAt": "2027-01-01T00:00:00Z"}),
        ("closedAt", {"status": "closed", "closedAt": "2025-06-01T00:00:00Z"}),
        ("closedAt", {"closedAt": CLOSED}),
        ("status", {"status": "approved"}),
        ("status", {"status": "Done"}),
        ("history[0].at", {"history": [{"at": "2027-01-01T00:00:00Z", "text": "x"}]}),
        ("history[0].text", {"history": [{"at": OPENED, "text": ""}]}),
        ("history", {"history": [{"at": OPENED, "text": "x"}] * 101}),
        ("source", {"source": "our old system"}),
        ("rowKey", {"rowKey": " "}),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    api: Api, field: str, fields: dict[str, Any]
) -> None:
    refused_field(api.admin.post(IMPORT, row(**fields)), field)
    assert api.viewer.get("/cases").json["cases"] == []


def test_a_number_that_another_case_has_is_refused_and_the_row_can_come_under_another(
    api: Api,
) -> None:
    api.verifier.create(id="A")

    refused(api.admin.post(IMPORT, row(id="A")), 409, "ALREADY_EXISTS")

    assert brought(api.admin, id="B")["id"] == "B"


def test_as_much_history_as_a_case_can_have_comes_in_one_commit(api: Api) -> None:
    items = [{"at": OPENED, "text": f"Letter {number}"} for number in range(100)]

    brought(api.admin, id="A", history=items)

    assert [one["meta"]["text"] for one in trail(api, "A")[1:]] == [one["text"] for one in items]


@pytest.mark.both_stores
def test_figures_count_it_on_the_days_on_which_it_was_opened_and_closed(
    api: Api, clock: Clock
) -> None:
    opened, closed = clock.now - timedelta(days=9), clock.now - timedelta(days=8)
    times = {"createdAt": opened.isoformat(), "closedAt": closed.isoformat()}
    due = {"dueAt": (closed - timedelta(hours=1)).isoformat()}
    brought(api.admin, status="closed", **times, **due)
    brought(api.admin, rowKey="LEG-18", createdAt=times["createdAt"])
    figures = f"/figures?since={closed.date()}T00:00:00Z&until={clock.now.date()}T00:00:00Z"

    before = api.viewer.get(figures).json
    clock.advance(seconds=61)
    seal(api)
    counted = api.viewer.get(figures).json

    for found in (before, counted):
        assert found["closed"] == [{"decisionType": "csf", "inTime": 0, "late": 1}]
        assert found["sampled"]["closed"] == 1
    stats = api.viewer.get("/cases:stats").json["casesByStatus"]
    assert (stats["new"], stats["closed"]) == (1, 1)


@pytest.mark.both_stores
def test_its_history_can_be_erased_and_the_trail_still_holds(api: Api) -> None:
    brought(api.admin, id="A", status="closed", closedAt=CLOSED, history=HISTORY)

    erased(api, subject="cases/A")

    events = trail(api, "A")
    assert "Kim Smith" not in str(events)
    assert "Jones" not in str(events)
    assert events[0]["meta"]["imported"] == "erased"
    again = api.admin.post(IMPORT, row())
    assert (again.status_code, again.json["id"]) == (200, "A")


def test_its_export_is_complete_and_verifies_without_the_server(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    brought(api.admin, id="A", status="closed", closedAt=CLOSED, history=HISTORY)
    sealed(api, clock)

    found = exported(api.pilot, "/cases/A:export")

    assert (found.manifest["complete"], len(found.lines)) == (True, 3)
    assert verified(api, tmp_path, found.content) == (0, [])


@pytest.mark.parametrize("field", ["createdAt", "closedAt", "statusChangedAt", "clockStoppedAt"])
def test_a_time_that_was_changed_in_the_store_is_noticed(
    api: Api, clock: Clock, field: str
) -> None:
    brought(api.admin, id="A", status="closed", closedAt=CLOSED)
    path = f"tenants/{api.tenant}/cases/A"
    stored = api.runtime.store.get(path)
    assert stored
    api.runtime.store.commit([Update(path, {field: clock.now}, version=stored.version)])

    found = verification(api, "cases/A")

    assert (found["valid"], found["firstBroken"]["field"]) == (False, field)


def test_what_was_closed_long_ago_is_purged_as_its_retention_says(api: Api, clock: Clock) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 200})
    brought(api.admin, id="OLD", status="closed", closedAt=CLOSED)
    recent = (clock.now - timedelta(days=100)).isoformat()
    brought(api.admin, id="RECENT", rowKey="2", status="closed", closedAt=recent)

    run(api, PURGE)

    assert [one["id"] for one in api.viewer.get("/cases").json["cases"]] == ["RECENT"]


@pytest.mark.both_stores
@pytest.mark.costs_of("import_case")
def test_it_costs_a_write_for_the_case_its_event_and_each_item_of_its_history(api: Api) -> None:
    acquainted(api)
    brought(api.admin, rowKey="LEG-16")
    answer = api.admin.post(IMPORT, row(history=HISTORY))
    assert (answer.status_code, cost(answer)) == (201, (0, 4, 1))
    # The row's event is its receipt.
    again = api.admin.post(IMPORT, row(history=HISTORY))
    assert (again.status_code, cost(again)[1]) == (200, 0)
    assert cost(again)[0] <= 3


def test_only_admins_import(api: Api) -> None:
    for client in (api.pilot, api.agent, api.verifier):
        refused(client.post(IMPORT, row()), 403, "PERMISSION_DENIED")


def test_a_dry_run_says_what_would_be_and_imports_nothing(api: Api) -> None:
    api.admin.patch("/settings", {"slaHours": {"csf": 48}})
    api.verifier.create(id="TAKEN")
    dry = f"{IMPORT}?dryRun=true"

    answer = api.admin.post(dry, row(id="A", history=HISTORY))

    assert (answer.status_code, cost(answer)[1]) == (200, 0)
    assert not {"Idempotent-Replayed", "Location", "ETag"}.intersection(answer.headers.keys())
    refused(api.admin.post(dry, row(id="TAKEN")), 409, "ALREADY_EXISTS")
    refused_field(api.admin.post(dry, row(createdAt="2027-01-01T00:00:00Z")), "createdAt")
    refused(api.viewer.get("/cases/A"), 404, "NOT_FOUND")
    assert brought(api.admin, id="A", history=HISTORY) == answer.json
    again = api.admin.post(dry, row(id="B"))
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == ("A", "true")
