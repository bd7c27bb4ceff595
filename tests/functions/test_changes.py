"""What changed since a cursor: everything at least once, and nothing that is not for the caller."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.documents.port import Create
from shared.repository.changes import KEPT, OVERLAP, PAGE
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, refused_field
from tests.rows import each_row

pytestmark = pytest.mark.both_stores


def asked(client: Client, cursor: str | None = None) -> tuple[list[dict[str, Any]], str]:
    answer = client.get("/changes" + (f"?after={cursor}" if cursor else ""))
    assert answer.status_code == 200, answer.text
    return answer.json["changes"], answer.json["cursor"]


def seen(changes: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["subject"], one["sequence"]) for one in changes]


@pytest.mark.costs_of("list_changes")
def test_where_nothing_changed_it_costs_one_read_and_without_a_cursor_none(
    api: Api, clock: Clock
) -> None:
    api.verifier.create()
    clock.advance(minutes=1)

    first = api.viewer.get("/changes")
    second = api.viewer.get(f"/changes?after={first.json['cursor']}")

    assert (first.json["changes"], cost(first)) == ([], (0, 0, 0))
    assert (second.json["changes"], cost(second)) == ([], (1, 0, 1))


def test_changes_are_listed_by_time_with_subject_sequence_and_what_happened(
    api: Api, clock: Clock
) -> None:
    _, cursor = asked(api.viewer)
    api.verifier.create(id="CASE-1")
    clock.advance(seconds=1)
    api.verifier.patch("/cases/CASE-1", {"title": "Another"})

    changes, _ = asked(api.viewer, cursor)

    assert seen(changes) == [("cases/CASE-1", 1), ("cases/CASE-1", 2)]
    assert [one["eventType"] for one in changes] == ["case_created", "case_updated"]
    assert {one["caseId"] for one in changes} == {"CASE-1"}


def test_a_change_that_is_committed_late_is_delivered_too(api: Api, clock: Clock) -> None:
    api.verifier.create(id="CASE-1")
    api.verifier.create(id="CASE-2")
    path = f"tenants/{api.tenant}/audit"
    (late,) = [
        row for row in api.runtime.store.query(_all(path)) if row.data["subject"] == "cases/CASE-2"
    ]
    clock.advance(minutes=1)
    began = clock.now
    _, cursor = asked(api.viewer)
    clock.advance(seconds=5)
    _, cursor = asked(api.viewer, cursor)
    clock.advance(seconds=5)
    _, cursor = asked(api.viewer, cursor)

    # Its time is older than two of the cursors that were given out before it could be seen.
    data = {**late.data, "createdAt": began, "sequence": 7}
    api.runtime.store.commit([Create(f"{path}/late", data)])

    changes, cursor = asked(api.viewer, cursor)
    assert seen(changes) == [("cases/CASE-2", 7)]
    clock.advance(seconds=OVERLAP.total_seconds() + 11)
    _, cursor = asked(api.viewer, cursor)
    assert asked(api.viewer, cursor)[0] == []


def _all(path: str) -> Any:
    from shared.documents.port import Query  # noqa: PLC0415 - for this one helper

    return Query(path)


def test_more_changes_than_a_page_are_delivered_over_several_and_the_late_ones_after_them(
    api: Api, clock: Clock
) -> None:
    api.verifier.create(id="CASE-1")
    path = f"tenants/{api.tenant}/audit"
    (event,) = api.runtime.store.query(_all(path))
    clock.advance(minutes=1)
    _, cursor = asked(api.viewer)

    def committed(first: int, last: int) -> None:
        api.runtime.store.commit(
            [
                Create(
                    f"{path}/e-{number:04}",
                    {**event.data, "sequence": number, "createdAt": clock.now},
                )
                for number in range(first, last)
            ]
        )

    committed(1000, 1000 + PAGE + 50)
    one, cursor = asked(api.viewer, cursor)
    committed(500, 501)  # of the same time, before the last row of the page
    two, cursor = asked(api.viewer, cursor)
    three, _ = asked(api.viewer, cursor)

    assert (len(one), len(two)) == (PAGE, 50)
    assert seen(three)[0] == ("cases/CASE-1", 500)
    assert {number for _, number in seen(one + two)} == set(range(1000, 1000 + PAGE + 50))


def test_who_keeps_a_worksheet_is_told_to_themselves_alone(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    cursors = {who: asked(api.caller(who))[1] for who in ("viewer", "admin")}
    api.viewer.put("/cases/CASE-1/worksheet", {"fsrNotes": "A note"})

    own = seen(asked(api.viewer, cursors["viewer"])[0])
    others = seen(asked(api.admin, cursors["admin"])[0])

    assert ("worksheets/CASE-1:viewer", 1) in own
    assert not [subject for subject, _ in others if subject.startswith("worksheets/")]


def test_another_tenants_changes_are_not_told(api: Api) -> None:
    stranger = api.caller("admin", tenant="another")
    _, cursor = asked(stranger)
    api.verifier.create(id="CASE-1")

    assert asked(stranger, cursor)[0] == []
    assert seen(asked(api.viewer, cursor)[0]) == [("cases/CASE-1", 1)]


@ON_EMBEDDED
@each_row("cursor", ["x", "e30=", "W10=", "WzEsMiwzLDRd", "bnVsbA==", "\u00fc", "a" * 401])
def test_what_is_no_cursor_is_refused(api: Api, cursor: str) -> None:
    refused_field(api.viewer.get(f"/changes?after={cursor}"), "after")


@ON_EMBEDDED
def test_a_cursor_that_is_too_old_is_refused(api: Api, clock: Clock) -> None:
    _, cursor = asked(api.viewer)
    clock.now += KEPT

    refused_field(api.viewer.get(f"/changes?after={cursor}"), "after")


@ON_EMBEDDED
def test_a_change_that_cannot_be_read_stops_no_others(api: Api) -> None:
    _, cursor = asked(api.viewer)
    api.verifier.create(id="CASE-1")
    store = api.runtime.store
    (event,) = store.query(_all(f"tenants/{api.tenant}/audit"))
    broken = replace(event, data={**event.data, "sequence": "one"})
    store.commit([Create(f"tenants/{api.tenant}/audit/broken", broken.data)])

    assert seen(asked(api.viewer, cursor)[0]) == [("cases/CASE-1", 1)]
