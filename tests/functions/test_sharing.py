"""Collaborators and legal holds of a case, and what a deletion takes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.documents.port import Create, Update, Write
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import (
    ABSENT,
    ON_EMBEDDED,
    acquainted,
    cost,
    event_types,
    refused,
    refused_field,
    trail,
    when,
)
from tests.rows import each_row

CASE = "/cases/CASE-1"
HOLDS = f"{CASE}/holds"
READ = {"permission": "read"}


def person(user: str) -> str:
    """The path of a collaborator of CASE-1."""
    return f"{CASE}/collaborators/{user}"


def collaborators(api: Api) -> dict[str, str]:
    """Who works on CASE-1, as the case shows it."""
    found: dict[str, str] = api.viewer.get(CASE).json["collaborators"]
    return found


def held(api: Api, reason: str = "A lawsuit") -> str:
    """Places a hold on CASE-1; gives its id."""
    answer = api.admin.post(HOLDS, {"reason": reason})
    assert answer.status_code == 201, answer.text
    hold_id: str = answer.json["id"]
    return hold_id


@each_row("permission", ["read", "write", "admin"], apart=True)
def test_the_assignee_an_admin_and_a_collaborator_with_admin_name_others(
    api: Api, permission: str
) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")
    body = {"permission": permission}

    assert api.caller("viewer", "kim").put(person("lee"), body).status_code == 200
    assert api.admin.put(person("max"), {"permission": "admin"}).status_code == 200
    by_max = api.caller("viewer", "max").put(person("a|b:c+d@e.f"), body)

    expected = {"lee": permission, "max": "admin", "a|b:c+d@e.f": permission}
    assert (by_max.status_code, by_max.json["collaborators"]) == (200, expected)
    assert collaborators(api) == expected


@each_row("user", ["a.b", ".", "..x", "a:claim", "0"], apart=True)
def test_every_kind_of_user_id_can_be_set_and_removed(api: Api, user: str) -> None:
    api.verifier.create(id="CASE-1")
    if user == ".":
        user = "%2E%2E%2E"  # a path of one or two dots means another path
    shown = user.replace("%2E", ".")

    assert api.admin.put(person(user), READ).json["collaborators"] == {shown: "read"}
    assert api.admin.delete(person(user)).status_code == 204

    assert collaborators(api) == {}


def test_others_name_nobody(api: Api) -> None:
    api.verifier.create(id="CASE-1", assignedTo="kim@example.com")
    for user, permission in (("reader", "read"), ("writer", "write")):
        api.admin.put(person(user), {"permission": permission})
    before = collaborators(api)

    for caller in (
        api.viewer,
        api.pilot,
        api.agent,
        api.caller("pilot", "reader"),
        api.caller("pilot", "writer"),
    ):
        refused(caller.put(person("lee"), READ), 403, "PERMISSION_DENIED")
        refused(caller.delete(person("reader")), 403, "PERMISSION_DENIED")

    assert before == collaborators(api)


def test_an_agent_that_holds_the_case_or_has_admin_names_nobody_either(api: Api) -> None:
    api.verifier.create(id="CASE-1", assignedTo="agent@example.com")
    api.admin.put(person("agent"), {"permission": "admin"})

    refused(api.agent.put(person("lee"), READ), 403, "PERMISSION_DENIED")


def test_every_change_of_a_permission_is_an_event_and_the_same_again_is_none(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    api.admin.put(person("lee"), READ)
    api.admin.put(person("lee"), {"permission": "write"})

    again = api.admin.put(person("lee"), {"permission": "write"})
    api.admin.delete(person("lee"))

    assert cost(again) == (1, 0, 1)
    refused(api.admin.delete(person("lee")), 404, "NOT_FOUND")
    events = trail(api, "CASE-1")[1:]
    assert {"collaborator_changed"} == {event["eventType"] for event in events}
    changes = [(change["old"], change["new"]) for event in events for change in event["changes"]]
    assert changes == [
        ({}, {"lee": "read"}),
        ({"lee": "read"}, {"lee": "write"}),
        ({"lee": "write"}, {}),
    ]


@ON_EMBEDDED
@each_row("permission", [None, "", "owner", "READ", 1, ["read"]], apart=True)
def test_a_permission_outside_the_three_is_refused(api: Api, permission: Any) -> None:
    api.verifier.create(id="CASE-1")

    refused_field(api.admin.put(person("lee"), {"permission": permission}), "permission")

    assert collaborators(api) == {}


@ON_EMBEDDED
def test_a_case_has_at_most_a_hundred_collaborators(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    path = f"tenants/{api.tenant}{CASE}"
    hundred = {f"user-{number}": "read" for number in range(100)}
    api.runtime.store.commit([Update(path, {"collaborators": hundred})])

    refused(api.admin.put(person("lee"), READ), 409, "FAILED_PRECONDITION")

    assert api.admin.put(person("user-7"), {"permission": "write"}).status_code == 200


def test_holds_overlap_and_the_case_is_held_until_the_last_is_released(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1")
    first = held(api, "A lawsuit")
    clock.advance(days=1)
    second = held(api, "An inspection")

    holds = api.viewer.get(f"{CASE}?view=full").json["holds"]
    assert [(hold["id"], hold["reason"]) for hold in holds] == [
        (first, "A lawsuit"),
        (second, "An inspection"),
    ]
    assert (holds[1]["placedBy"], when(holds[1]["placedAt"])) == ("admin@example.com", clock.now)
    released = api.admin.post(f"{HOLDS}/{first}:release", {"reason": "Settled"})
    assert (released.status_code, released.json["legalHold"]) == (200, True)
    released = api.admin.post(f"{HOLDS}/{second}:release", {"reason": "Passed"})
    assert released.json["legalHold"] is False
    assert api.viewer.get(f"{CASE}?view=full").json["holds"] == []


def test_holds_leave_events_that_say_which_and_why(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    hold_id = held(api)
    placed_as = api.viewer.get(f"{CASE}?view=full").json["holds"]
    api.admin.post(f"{HOLDS}/{hold_id}:release", {"reason": "Settled"})

    _, placed, released = trail(api, "CASE-1")

    assert (placed["eventType"], placed["reason"]) == ("hold_placed", "A lawsuit")
    assert (released["eventType"], released["reason"]) == ("hold_released", "Settled")
    assert [placed["meta"]["hold"]] == [released["meta"]["hold"]] == placed_as
    assert placed["changes"] == [{"field": "legalHold", "old": False, "new": True}]


def test_a_repeated_hold_is_placed_and_released_once(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    body = {"reason": "A lawsuit"}

    placed = [api.admin.post(HOLDS, body, idempotency_key="k") for _ in range(2)]
    path = f"{HOLDS}/{placed[0].json['id']}:release"
    released = [api.admin.post(path, body, idempotency_key="k") for _ in range(2)]

    assert placed[0].json == placed[1].json
    assert placed[0].headers["Location"] == f"/v1{HOLDS}/{placed[0].json['id']}"
    assert [answer.status_code for answer in released] == [200, 200]
    assert event_types(api, "CASE-1") == ["case_created", "hold_placed", "hold_released"]


@pytest.mark.both_stores
def test_the_cases_under_a_hold_can_be_listed(api: Api) -> None:
    for case_id in ("CASE-1", "CASE-2"):
        api.verifier.create(id=case_id)
    held(api)

    for wanted, expected in (("true", ["CASE-1"]), ("false", ["CASE-2"])):
        found = api.viewer.get(f"/cases?legalHold={wanted}").json["cases"]
        assert [case["id"] for case in found] == expected


@ON_EMBEDDED
def test_holds_of_no_case_and_no_hold_are_not_found(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    body = {"reason": "A reason"}

    refused(api.admin.post(f"/cases/{ABSENT}/holds", body), 404, "NOT_FOUND")
    refused(api.admin.post(f"{HOLDS}/{ABSENT}:release", body), 404, "NOT_FOUND")
    refused_field(api.admin.post(HOLDS, {}), "reason")


@ON_EMBEDDED
def test_a_case_has_at_most_fifty_holds_at_once(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    hold_ids = [held(api, "\u00e9" * 2_000) for _ in range(50)]

    refused(api.admin.post(HOLDS, {"reason": "One more"}), 409, "FAILED_PRECONDITION")

    answer = api.admin.post(f"{HOLDS}/{hold_ids[0]}:release", {"reason": "Over"})
    assert (answer.status_code, held(api) in hold_ids) == (200, False)


def test_a_held_case_is_not_deleted_and_keeps_all_that_is_its(api: Api) -> None:
    api.verifier.create(id="CASE-1", evidence=[{"id": "ev-1", "title": "An item"}])
    hold_id = held(api)
    before = api.viewer.get(f"{CASE}?view=full").json

    error = refused(api.admin.delete(CASE), 409, "FAILED_PRECONDITION")

    assert error["details"] == [{"legalHold": True}]
    assert before == api.viewer.get(f"{CASE}?view=full").json
    api.admin.post(f"{HOLDS}/{hold_id}:release", {"reason": "Over"})
    assert api.admin.delete(CASE).status_code == 204


def test_a_deletion_takes_evidence_packets_and_worksheets_with_it(api: Api, clock: Clock) -> None:
    api.verifier.create(
        id="CASE-1", evidence=[{"id": "ev-1", "title": "An item", "includedInPacket": True}]
    )
    api.verifier.patch(CASE, {"status": "in_review"})
    api.verifier.patch(CASE, {"status": "approved"})
    for user in ("kim", "lee"):
        api.caller("viewer", user).put(f"{CASE}/worksheet", {"fsrNotes": "A secret"})
    frozen = api.viewer.get(f"{CASE}/packet").json

    clock.advance(days=1)
    acquainted(api)
    assert cost(api.admin.delete(CASE)) == (3, 6, 3)

    root = f"tenants/{api.tenant}"
    gone = [f"{root}{CASE}/evidence/ev-1", f"{root}{CASE}/packets/1"]
    assert api.runtime.store.get_many(gone) == [None, None]
    for user in ("kim", "lee"):
        left = api.runtime.store.get(f"{root}/worksheets/CASE-1:{user}")
        assert left is not None
        assert {"head", "deletedAt"} == set(left.data)
        assert left.data["deletedAt"] == clock.now
    last = trail(api, "CASE-1")[-1]
    assert last["meta"] == {
        "evidenceCount": 0,
        "removed": [frozen["manifest"][0]],
        "worksheets": 2,
    }


@pytest.mark.both_stores
def test_a_case_with_more_than_one_commit_takes_is_deleted_with_all_that_is_its(
    api: Api, clock: Clock
) -> None:
    evidence = [{"id": f"ev-{number}", "title": "An item"} for number in range(400)]
    api.verifier.create(id="CASE-1", evidence=evidence)
    root = seed_worksheets(api, 599)
    clock.advance(days=1)

    assert api.admin.delete(CASE).status_code == 204

    sheets = [f"{root}:user-{number}" for number in range(599)]
    left = api.runtime.store.get_many(sheets)
    assert [clock.now] * 599 == [sheet and sheet.data["deletedAt"] for sheet in left]
    items = [f"tenants/{api.tenant}/{CASE[1:]}/evidence/ev-{number}" for number in range(400)]
    assert api.runtime.store.get_many(items) == [None] * 400
    assert trail(api, "CASE-1")[-1]["meta"]["worksheets"] == 599


@ON_EMBEDDED
def test_a_large_case_that_is_held_meanwhile_is_not_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.verifier.create(id="CASE-1")
    root = seed_worksheets(api, 1_200)
    store = api.runtime.store
    commit = store.commit

    def held_before_the_first(writes: Sequence[Write]) -> None:
        monkeypatch.setattr(store, "commit", commit)
        assert api.admin.post(f"{CASE}/holds", {"reason": "A lawsuit"}).status_code == 201
        commit(writes)

    monkeypatch.setattr(store, "commit", held_before_the_first)

    assert api.admin.delete(CASE).status_code == 409
    assert refused(api.admin.delete(CASE), 409, "FAILED_PRECONDITION")
    left = store.get_many([f"{root}:user-{number}" for number in range(1_200)])
    assert not any(sheet is None or "deletedAt" in sheet.data for sheet in left)


def seed_worksheets(api: Api, number: int) -> str:
    """Puts so many worksheets on the case straight into the store; gives their common path."""
    api.caller("viewer", "user-0").put(f"{CASE}/worksheet", {"fsrNotes": "A note"})
    root = f"tenants/{api.tenant}/worksheets/CASE-1"
    sheet = api.runtime.store.get(f"{root}:user-0")
    assert sheet is not None
    writes = [
        Create(f"{root}:user-{n}", {**sheet.data, "userId": f"user-{n}"}) for n in range(1, number)
    ]
    for start in range(0, number, 500):
        api.runtime.store.commit(writes[start : start + 500])
    return root
