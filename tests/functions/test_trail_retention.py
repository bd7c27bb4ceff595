"""`trailPersonalDataDays`: the purge erases what is old, once, and later what had to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.documents.port import Query, Set
from shared.repository import erasure
from tests.client import Api
from tests.conftest import Clock
from tests.functions.erasure_support import SECRET, busy_case, events_of, hold, stored_events
from tests.functions.support import cost, refused_field
from tests.functions.sweep_support import PURGE, answered, meddle, on_commit, run
from tests.reliability.support import types, verification
from tests.rows import each_row

DAYS = 365
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def keep(api: Api, days: int | None = DAYS) -> None:
    """Sets the tenant's retention of personal data; its interventions and cases are kept."""
    body = {"trailPersonalDataDays": days, "interventionRetentionDays": 36_500}
    assert api.admin.patch("/settings", body).status_code == 200


def closed_case(api: Api, case_id: str) -> tuple[str, str, str]:
    """A case with everything, which is closed."""
    subjects = busy_case(api, case_id)
    over = {"status": "closed", "reason": SECRET}
    assert api.admin.patch(f"/cases/{case_id}", over).status_code == 200
    return subjects


def personal(api: Api, *subjects: str) -> bool:
    """Whether the trail still says something personal of any subject; the chains hold."""
    for subject in subjects:
        assert verification(api, subject)["valid"]
    return SECRET in str([events_of(api, subject) for subject in subjects])


def recorded(api: Api) -> list[dict[str, Any]]:
    """The tenant's own events of what was erased, first to last, on a chain that holds."""
    assert verification(api, "tenant")["valid"]
    events = events_of(api, "tenant")
    return [event for event in events if event["eventType"] == "data_erased"]


@pytest.mark.both_stores
def test_what_is_older_than_the_days_is_erased_once_and_what_is_younger_stays(
    api: Api, clock: Clock
) -> None:
    keep(api)
    old = closed_case(api, "OLD")
    clock.advance(days=100)
    young = closed_case(api, "YOUNG")

    clock.advance(days=DAYS - 101)
    assert run(api, PURGE)["changed"] == 0
    clock.advance(days=1)
    first = run(api, PURGE)
    again = run(api, PURGE)

    number = sum(len(stored_events(api, subject)) for subject in (*old, "tenant")) - 1
    assert (first["changed"], again["changed"], again["examined"]) == (number, 0, 0)
    assert not personal(api, *old)
    assert personal(api, *young)
    (event,) = recorded(api)
    assert (event["source"], event["actor"]["type"]) == ("scheduler", "system")
    assert event["meta"] == {"scope": "retention", "days": DAYS}
    assert {one["erasedBy"] for one in events_of(api, old[0])} == {event["id"]}


@pytest.mark.both_stores
@pytest.mark.parametrize("mark", [{}, {"after": "x"}, {"after": [LATER, "z"]}])
def test_nobody_keeps_old_texts_by_editing_how_far_they_were_erased(
    api: Api, clock: Clock, mark: dict[str, Any]
) -> None:
    keep(api)
    old = closed_case(api, "OLD")
    api.runtime.store.commit([Set(f"tenants/{api.tenant}/trailRetention/mark", mark)])
    clock.advance(days=DAYS + 1)

    assert run(api, PURGE)["failed"] == 0

    assert not personal(api, *old)


def test_without_the_setting_nothing_is_erased(api: Api, clock: Clock) -> None:
    subjects = closed_case(api, "A")
    clock.advance(days=5000)

    run(api, PURGE)

    assert personal(api, *subjects)


@each_row("days", [0, 29, 36_501, "30"], apart=True)
def test_the_days_are_30_at_least(api: Api, days: Any) -> None:
    refused_field(
        api.admin.patch("/settings", {"trailPersonalDataDays": days}), "trailPersonalDataDays"
    )


@pytest.mark.both_stores
def test_what_is_about_an_open_or_a_held_case_waits_until_it_is_closed_and_released(
    api: Api, clock: Clock
) -> None:
    keep(api)
    opened = busy_case(api, "OPEN")
    held = closed_case(api, "HELD")
    over = closed_case(api, "OVER")
    release = hold(api, "HELD")
    clock.advance(days=DAYS)

    run(api, PURGE)
    assert personal(api, *opened)
    assert personal(api, *held)
    assert not personal(api, *over)
    waiting = run(api, PURGE)
    assert (waiting["examined"], waiting["changed"]) == (0, 0)

    api.admin.patch("/cases/OPEN", {"status": "closed", "reason": "It is over"})
    assert release()
    run(api, PURGE)
    assert not personal(api, *opened)
    assert not personal(api, *held)
    assert not events_of(api, "cases/OPEN")[-1].get("erased"), "what is new stays"
    assert api.runtime.store.query(Query(f"tenants/{api.tenant}/trailRetention")), "the mark"
    assert len(recorded(api)) == 2


def test_a_night_that_erases_nothing_leaves_no_event(api: Api, clock: Clock) -> None:
    keep(api)
    clock.advance(days=1)
    subjects = busy_case(api, "OPEN")
    clock.advance(days=DAYS - 1)
    run(api, PURGE)
    assert len(recorded(api)) == 1, "of the settings"
    clock.advance(days=1)

    assert run(api, PURGE)["examined"] > 0

    assert personal(api, *subjects)
    assert len(recorded(api)) == 1


def test_what_is_about_a_deleted_case_is_erased(api: Api, clock: Clock) -> None:
    keep(api)
    subjects = busy_case(api, "A")
    assert api.admin.delete("/cases/A").status_code == 204
    clock.advance(days=DAYS)

    run(api, PURGE)

    assert not personal(api, *subjects)


@pytest.mark.both_stores
def test_a_hold_that_comes_at_the_same_moment_is_not_missed(api: Api, clock: Clock) -> None:
    keep(api)
    subjects = closed_case(api, "A")
    clock.advance(days=1)
    run(api, PURGE)
    clock.advance(days=DAYS)
    # The first commit records the erasure, the second one makes it.
    meddle(api, on_commit(2, lambda: hold(api, "A")))

    run(api, PURGE)

    assert personal(api, *subjects)


@pytest.mark.both_stores
def test_a_run_that_is_killed_anywhere_is_made_up_for_by_the_next_one(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 4)
    keep(api)
    subjects = closed_case(api, "A")
    clock.advance(days=1)
    run(api, PURGE)
    clock.advance(days=DAYS)

    # The first commit records the erasure, and each of the others erases a page.
    for number in range(1, 4):
        meddle(api, on_commit(number, _killed))
        assert answered(api, PURGE).status_code == 500
        api.runtime._store = api.runtime.store._store  # type: ignore[attr-defined]  # noqa: SLF001
    assert personal(api, *subjects)
    run(api, PURGE)

    assert not personal(api, *subjects)
    assert types(recorded(api)) == ["data_erased"] * 3, "one for each run that came so far"


def _killed() -> None:
    raise RuntimeError


def test_a_dry_run_counts_and_changes_nothing(api: Api, clock: Clock) -> None:
    keep(api)
    subjects = closed_case(api, "A")
    clock.advance(days=DAYS)

    counted = run(api, f"{PURGE}?dryRun=true")

    assert personal(api, *subjects)
    assert counted["changed"] == run(api, PURGE)["changed"] > 0


def test_each_night_reads_only_what_is_new(api: Api, clock: Clock) -> None:
    keep(api)
    closed_case(api, "A")
    clock.advance(days=DAYS)
    first = answered(api, PURGE)
    number = first.json["changed"]
    # The six empty results, the tenant, its notes; the interventions and the case that wait for
    # their retention, which are looked at a day after their end; the trail, and the case beside it;
    # the settings, for the event.
    assert cost(answered(api, PURGE)) == (6 + 1 + 1 + 1, 0, 9)
    assert number > 5
    clock.advance(days=1)
    assert cost(answered(api, PURGE)) == (6 + 1 + 1 + 1, 0, 9)
