"""The purge: what goes in time and with what, what stays, and what the audit trail tells of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import rfc8785

from shared.documents.port import Conflict, Delete, Set, Unavailable, Update, Write
from shared.models.intervention import InterventionStatus
from shared.models.sharing import Hold
from shared.models.subjects import Subject
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import conflict, done
from tests.functions.support import ON_EMBEDDED, cost, refused
from tests.functions.sweep_support import (
    DAY,
    EXPIRE,
    PURGE,
    TICK,
    answered,
    archived,
    asked,
    closed,
    contents,
    decided,
    did,
    meddle,
    noted,
    on_commit,
    purged_in_all,
    purges,
    run,
    seed,
    told,
    writes_to,
)
from tests.functions.test_actions import approved, start
from tests.reliability.support import held_trail, trail, types, verification

pytestmark = pytest.mark.both_stores

LONG = 100 * DAY
KEPT = {"case_retention_days": 30, "intervention_retention_days": 30}


def path(api: Api, name: str, tenant: str | None = None) -> str:
    """Where a document of a tenant is."""
    return f"tenants/{tenant or api.tenant}/{name}".rstrip("/")


def filled(api: Api, clock: Clock, states: Mapping[str, Subject], **settings: Any) -> None:
    """Puts a tenant with 30 days of retention into the store, and what is below it."""
    tenant = {path(api, ""): decided(clock.now, **{**KEPT, **settings})}
    seed(api.runtime.store, tenant | {path(api, name): state for name, state in states.items()})


def left(api: Api) -> dict[str, Any]:
    """How this test's tenant's documents stand, by their paths below it."""
    found = contents(api.runtime.store, api.tenant)
    return {name.removeprefix(f"tenants/{api.tenant}/"): state for name, state in found.items()}


def purged(api: Api, *subjects: str) -> None:
    """Checks that subjects are gone, that chains hold, and that it is called purged."""
    for subject in subjects:
        found = verification(api, subject)
        assert (found["valid"], found.get("purged")) == (True, True), found
        assert "firstBroken" not in found


def digest(*subjects: str) -> str:
    """The SHA-256 of the RFC 8785 form of what was purged."""
    return hashlib.sha256(rfc8785.dumps(sorted(subjects))).hexdigest()


def held_by_somebody(clock: Clock) -> dict[str, Any]:
    """The fields of a case under a legal hold."""
    hold = Hold(id="h", reason="Court", placed_at=clock.now, placed_by="admin")
    return {"holds": [hold], "legal_hold": True}


# What goes


@ON_EMBEDDED
@pytest.mark.parametrize("days", [90, 7])
def test_a_terminal_intervention_goes_after_the_days_that_its_tenant_has_set(
    api: Api, clock: Clock, days: int
) -> None:
    if days != 90:
        api.admin.patch("/settings", {"interventionRetentionDays": days})
    asking = {"uowId": "u", "type": "resume", "title": "T"}
    ids = [api.agent.post("/interventions", asking).json["id"] for _ in range(2)]
    api.pilot.post(f"/interventions/{ids[0]}:decide", {"decision": "reject", "reason": "no"})
    over_at = clock.now

    clock.now = over_at + DAY
    assert did(skipped=1) == run(api, PURGE)
    clock.now = over_at + days * DAY - TICK
    assert did() == run(api, PURGE)
    clock.now = over_at + days * DAY
    assert did(changed=1) == run(api, PURGE)
    assert did() == run(api, PURGE)

    refused(api.viewer.get(f"/interventions/{ids[0]}"), 404, "NOT_FOUND")
    shown = api.viewer.get("/interventions").json["interventions"]
    assert [ids[1]] == [row["id"] for row in shown]
    purged(api, f"interventions/{ids[0]}")
    events = trail(api, f"interventions/{ids[0]}")
    assert types(events) == ["intervention_requested", "intervention_decided"]


@ON_EMBEDDED
def test_every_terminal_status_goes_and_no_other(api: Api, clock: Clock) -> None:
    since = clock.now - LONG
    over = {
        name: archived(since).model_copy(update={"status": InterventionStatus(name)})
        for name in ("rejected", "expired", "completed")
    }
    waiting = {
        name: asked(since, status=InterventionStatus(name))
        for name in ("pending", "in_progress", "approved")
    }
    filled(api, clock, {f"interventions/{name}": row for name, row in (over | waiting).items()})

    assert did(changed=3) == run(api, PURGE)

    expected = dict.fromkeys(over, "purged") | {name: name for name in waiting}
    assert {f"interventions/{name}": state for name, state in expected.items()} == left(api)


def test_a_closed_case_goes_with_all_that_is_its_own_and_its_trail_stays(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 30})
    api.verifier.create(id="A")
    api.verifier.attach("A", {"id": "e1", "title": "One"}, {"id": "e2", "title": "Two"})
    for user in ("kim", "pat"):
        api.caller("verifier", user).put("/cases/A/worksheet", {"fsrNotes": "x"})
    for status in ("in_review", "approved"):
        api.pilot.patch("/cases/A", {"status": status})
    api.pilot.post("/cases/A:reopen", {"reason": "again"})
    api.verifier.patch("/cases/A/evidence/e1", {"includedInPacket": True})
    for status in ("approved", "closed"):
        api.pilot.patch("/cases/A", {"status": status, "reason": "over"})
    before = trail(api, "cases/A")
    assert len(left(api)) == 7

    clock.advance(days=30)
    assert did(changed=1) == run(api, PURGE)

    subjects = ["cases/A", "worksheets/A:kim", "worksheets/A:pat"]
    assert dict.fromkeys(subjects, "purged") == {
        name: state or "purged" for name, state in left(api).items()
    }
    refused(api.viewer.get("/cases/A"), 404, "NOT_FOUND")
    refused(api.viewer.get("/cases/A/evidence"), 404, "NOT_FOUND")
    assert api.viewer.get("/cases").json["cases"] == []
    purged(api, *subjects)
    assert before == trail(api, "cases/A")
    assert before[::-1] == api.viewer.get("/cases/A/audit").json["events"]
    taken = api.verifier.post("/cases", {"id": "A", "decisionType": "kyc", "title": "T"})
    refused(taken, 409, "ALREADY_EXISTS")
    assert types_of_tenant(api) == ["settings_changed", "records_purged"]


def types_of_tenant(api: Api) -> list[str]:
    """The types of the tenant's own events since `filled`, on a chain that holds."""
    return types([one for one in held_trail(api, "tenant") if one["message"] != "Seeded"])


@ON_EMBEDDED
def test_cases_never_go_where_the_tenant_has_not_said_when(api: Api, clock: Clock) -> None:
    filled(api, clock, {"cases/A": closed(clock.now - 5000 * DAY)}, case_retention_days=None)

    assert did(skipped=1) == run(api, PURGE)
    clock.advance(days=5000)
    assert did() == run(api, PURGE)

    assert left(api) == {"cases/A": "closed"}


def test_one_event_of_a_tenant_and_run_tells_how_many_went_and_which(
    api: Api, clock: Clock
) -> None:
    since = clock.now - LONG
    filled(
        api,
        clock,
        {
            "cases/A": closed(since),
            "cases/B": closed(since),
            "interventions/of-a": archived(since, case_id="A"),
            "interventions/of-b": archived(since, case_id="B"),
            "interventions/of-b-too": archived(since, case_id="B"),
            "interventions/of-none": archived(since, case_id="NONE"),
            "interventions/alone": archived(since),
        },
    )

    assert did(changed=7) == run(api, PURGE)

    assert {"purged"} == set(left(api).values())
    (event,) = purges(api.runtime.store, api.tenant)
    rejected = {"interventions": {"resume": {"normal": {"rejected": 5}}}}
    gone = {"cases": {"seeded": 2}, "asked": {(since - DAY).date().isoformat(): rejected}}
    told = {"cases": 2, "interventions": 5, "sha256": digest(*left(api)), "purged": gone}
    assert event.meta == told
    assert (event.subject, event.source, event.actor.type) == ("tenant", "scheduler", "system")
    purged(api, *left(api))
    assert types_of_tenant(api) == ["records_purged"]


def test_tenants_that_are_due_in_turn_have_one_event_each(api: Api, clock: Clock) -> None:
    tenants = [f"{api.tenant}-{number}" for number in range(3)]
    states = {
        path(api, f"interventions/{number}", tenants[number % 3]): archived(
            clock.now - LONG - timedelta(minutes=number)
        )
        for number in range(300)
    }
    seed(api.runtime.store, states)

    assert did(changed=300) == run(api, PURGE)

    for tenant in tenants:
        (event,) = purges(api.runtime.store, tenant)
        assert (event.meta["cases"], event.meta["interventions"]) == (0, 100)


@pytest.mark.parametrize(
    ("config", "due"),
    [("embedded", 250), ("embedded", 251), ("embedded", 501), ("emulator", 250)],
    indirect=["config"],
)
def test_a_purge_of_many_writes_each_once_and_reads_what_is_due(
    api: Api, clock: Clock, due: int
) -> None:
    states = {f"interventions/{number:04}": archived(clock.now - LONG) for number in range(due)}
    filled(api, clock, states)

    answer = answered(api, PURGE)

    events = len(purges(api.runtime.store, api.tenant))
    reads, writes, _ = cost(answer)
    assert (due, True) == (answer.json["changed"], answer.json["complete"])
    assert -(-due // 500) == events
    assert due + 2 * events == writes
    # The settings, one empty result of each query, and the tenant again before each next event.
    assert due + 1 + 6 + (not due % 250) + events - 1 == reads
    assert {"cases": 0, "interventions": due} == purged_in_all(api.runtime.store, api.tenant)
    assert cost(answered(api, PURGE)) == (7, 0, 7)


def test_a_case_with_more_than_a_commit_takes_goes_in_several(api: Api, clock: Clock) -> None:
    since = clock.now - LONG
    sheets = {f"worksheets/A:u{number}": noted(since, "A", f"u{number}") for number in range(1200)}
    filled(api, clock, {"cases/A": closed(since), **sheets})

    assert did(changed=1) == run(api, PURGE)

    rows = api.runtime.store.get_many([path(api, name) for name in sheets])
    assert [clock.now] * 1200 == [row and row.data["deletedAt"] for row in rows]
    case = api.runtime.store.get(path(api, "cases/A"))
    assert case is not None
    assert case.data["deletedAt"] == clock.now
    (event,) = purges(api.runtime.store, api.tenant)
    assert (1, digest("cases/A")) == (event.meta["cases"], event.meta["sha256"])
    purged(api, "cases/A")


@ON_EMBEDDED
@pytest.mark.parametrize("commit", [1, 2])
def test_a_hold_on_so_large_a_case_comes_before_all_of_its_removal_or_finds_nothing(
    api: Api, clock: Clock, commit: int
) -> None:
    since = clock.now - LONG
    sheets = {f"worksheets/A:u{number}": noted(since, "A", f"u{number}") for number in range(1200)}
    filled(api, clock, {"cases/A": closed(since), **sheets})
    placed = []
    reason = {"reason": "Court"}
    meddle(
        api,
        on_commit(commit, lambda: placed.append(api.admin.post("/cases/A/holds", reason))),
    )

    first = run(api, PURGE)
    run(api, PURGE)

    rows = api.runtime.store.get_many([path(api, name) for name in sheets])
    gone = sum("deletedAt" in row.data for row in rows if row)
    held = commit == 1
    assert [answer.status_code for answer in placed] == [201 if held else 404]
    assert first == (did(skipped=1) if held else did(changed=1))
    assert gone == (0 if held else 1200)
    assert len(purges(api.runtime.store, api.tenant)) == (0 if held else 1)


# What stays


def test_nothing_under_a_hold_goes_and_it_is_looked_at_again_the_next_day(
    api: Api, clock: Clock
) -> None:
    since = clock.now - LONG
    filled(
        api,
        clock,
        {
            "cases/A": closed(since),
            "cases/B": closed(since),
            "worksheets/A:kim": noted(since, "A", "kim"),
            "interventions/of-a": archived(since, case_id="A"),
            "interventions/of-b": archived(since, case_id="B"),
        },
    )
    hold = api.admin.post("/cases/A/holds", {"reason": "Court"}).json["id"]

    assert did(changed=2, skipped=2) == run(api, PURGE)
    assert did() == run(api, PURGE)
    clock.advance(days=1)
    assert did(skipped=2) == run(api, PURGE)
    assert {name: state for name, state in left(api).items() if state != "purged"} == {
        "cases/A": "closed",
        "interventions/of-a": "rejected",
        "worksheets/A:kim": "",
    }
    api.admin.post(f"/cases/A/holds/{hold}:release", {"reason": "Settled"})
    assert did() == run(api, PURGE)
    clock.advance(days=1)
    assert did(changed=2) == run(api, PURGE)
    purged(api, "cases/A", "cases/B", "interventions/of-a", "interventions/of-b")
    purged(api, "worksheets/A:kim")


@ON_EMBEDDED
def test_held_interventions_cost_one_commit(api: Api, clock: Clock) -> None:
    since = clock.now - LONG
    waiting = {f"interventions/{number}": archived(since, case_id="A") for number in range(50)}
    filled(api, clock, {"cases/A": closed(clock.now, **held_by_somebody(clock)), **waiting})

    answer = answered(api, PURGE)

    assert answer.json["skipped"] == 50
    # What is due, its settings, its case; six empty results.
    assert cost(answer) == (50 + 1 + 1 + 6, 50, 10)


@ON_EMBEDDED
def test_a_case_that_is_reopened_in_time_escapes_and_its_days_count_anew(
    api: Api, clock: Clock
) -> None:
    since = clock.now - 30 * DAY + TICK
    filled(api, clock, {"cases/A": closed(since)})
    assert did(skipped=1) == run(api, PURGE)
    api.pilot.post("/cases/A:reopen", {"reason": "again"})

    clock.advance(days=10)
    assert did() == run(api, PURGE)
    api.pilot.patch("/cases/A", {"status": "closed", "reason": "over"})
    clock.advance(days=29)
    assert did(skipped=1) == run(api, PURGE)
    clock.advance(days=1)
    assert did(changed=1) == run(api, PURGE)


ESCAPES: dict[str, Callable[[Api], Any]] = {
    "held": lambda api: api.admin.post("/cases/B/holds", {"reason": "Court"}),
    "reopened": lambda api: api.pilot.post("/cases/B:reopen", {"reason": "again"}),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_case_that_is_held_or_reopened_just_before_the_commit_escapes_with_all_its_own(
    api: Api, clock: Clock, escape: str
) -> None:
    since = clock.now - LONG
    names = ("A", "B", "C")
    filled(
        api,
        clock,
        {f"cases/{name}": closed(since) for name in names}
        | {f"worksheets/{name}:kim": noted(since, name, "kim") for name in names}
        | {f"interventions/{name}": archived(since, case_id=name) for name in names},
    )
    meddle(api, writes_to(path(api, "cases/B"), lambda: ESCAPES[escape](api)))

    done = run(api, PURGE)

    assert (done["changed"], done["skipped"]) == (4, 2)
    kept = {name for name, state in left(api).items() if state != "purged"}
    assert {"cases/B", "worksheets/B:kim", "interventions/B"} == kept
    assert api.viewer.get("/cases/B").status_code == 200
    assert purged_in_all(api.runtime.store, api.tenant) == {"cases": 2, "interventions": 2}
    types_of_tenant(api)


@ON_EMBEDDED
def test_a_hold_placed_just_before_the_commit_saves_the_interventions_of_a_case_that_stays(
    api: Api, clock: Clock
) -> None:
    states = {f"interventions/{n}": archived(clock.now - LONG, case_id="A") for n in range(3)}
    filled(api, clock, {"cases/A": closed(clock.now), **states})
    meddle(api, on_commit(1, lambda: api.admin.post("/cases/A/holds", {"reason": "Court"})))

    assert did(skipped=3) == run(api, PURGE)
    assert did(skipped=3) == run(api, PURGE)

    assert {"closed", "rejected"} == set(left(api).values())


@ON_EMBEDDED
def test_a_purge_is_dated_by_its_commit_so_that_no_event_of_the_chain_goes_back_in_time(
    api: Api, clock: Clock
) -> None:
    filled(api, clock, {"interventions/A": archived(clock.now - LONG)})

    def while_it_runs() -> None:
        clock.advance(minutes=5)
        api.admin.patch("/settings", {"autoCloseDays": 77})

    meddle(api, on_commit(1, while_it_runs))

    assert did(changed=1) == run(api, PURGE)

    events = api.pilot.get("/audit?subject=tenant&pageSize=200").json["events"]
    by_sequence = sorted(events, key=lambda event: event["sequence"])
    assert by_sequence == sorted(by_sequence, key=lambda event: event["createdAt"])
    assert [event["eventType"] for event in by_sequence[-2:]] == [
        "settings_changed",
        "records_purged",
    ]
    tombstone = api.runtime.store.get(path(api, "interventions/A"))
    assert tombstone is not None
    assert clock.now == tombstone.data["deletedAt"]


@ON_EMBEDDED
def test_settings_that_change_just_before_the_commit_split_nothing_and_leave_nothing(
    api: Api, clock: Clock
) -> None:
    states = {f"interventions/{number}": archived(clock.now - LONG) for number in range(5)}
    filled(api, clock, states)
    meddle(api, on_commit(1, lambda: api.admin.patch("/settings", {"autoCloseDays": 9})))

    assert did(changed=5) == run(api, PURGE)

    assert types_of_tenant(api) == ["settings_changed", "records_purged"]
    assert api.viewer.get("/settings").json["autoCloseDays"] == 9


@ON_EMBEDDED
def test_interventions_of_a_case_go_in_the_same_run_however_many_they_are(
    api: Api, clock: Clock
) -> None:
    since = clock.now - LONG
    states = {f"interventions/{n:03}": archived(since, case_id="A") for n in range(300)}
    filled(api, clock, {"cases/A": closed(since), **states})

    assert did(changed=301) == run(api, PURGE)

    assert {"purged"} == set(left(api).values())


# What fails


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("broken", "failed"),
    [
        ({"cases/B": {"status": "closed", "title": None}}, {"cases/B", "interventions/B"}),
        ({"worksheets/B:kim": {"fsrNotes": 7}}, {"cases/B"}),
        ({"interventions/B": {"type": "unheard-of"}}, {"interventions/B"}),
    ],
)
def test_what_is_unreadable_is_counted_and_left_and_the_rest_goes(
    api: Api, clock: Clock, broken: dict[str, Any], failed: set[str]
) -> None:
    since = clock.now - LONG
    names = ("A", "B", "C")
    filled(
        api,
        clock,
        {f"cases/{name}": closed(since - (name == "B") * DAY) for name in names}
        | {f"worksheets/{name}:kim": noted(since, name, "kim") for name in names}
        | {f"interventions/{name}": archived(since, case_id=name) for name in names},
    )
    api.runtime.store.commit([Update(path(api, name), data) for name, data in broken.items()])

    assert did(changed=6 - len(failed), failed=len(failed)) == run(api, PURGE)

    kept = {name for name, state in left(api).items() if state != "purged"}
    assert failed == kept - {"worksheets/B:kim"}
    assert ("cases/B" in failed) == ("worksheets/B:kim" in kept)
    assert did(failed=len(failed)) == run(api, PURGE)


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("error", "expected"),
    [(Conflict, did(changed=8, skipped=1)), (Unavailable, did(changed=8, failed=1))],
)
def test_a_batch_that_fails_is_split_and_what_fails_alone_is_left(
    api: Api, clock: Clock, error: type[Exception], expected: dict[str, Any]
) -> None:
    filled(api, clock, {f"interventions/{n}": archived(clock.now - LONG) for n in range(9)})
    cursed = path(api, "interventions/4")

    def fail(writes: Sequence[Write]) -> None:
        if cursed in {write.path for write in writes}:
            raise error

    meddle(api, fail)

    assert expected == run(api, PURGE)

    assert Counter(left(api).values()) == {"purged": 8, "rejected": 1}
    assert purged_in_all(api.runtime.store, api.tenant) == {"cases": 0, "interventions": 8}
    types_of_tenant(api)


@ON_EMBEDDED
def test_a_purge_whose_answer_is_lost_is_counted_once(api: Api, clock: Clock) -> None:
    filled(api, clock, {f"interventions/{n}": archived(clock.now - LONG) for n in range(3)})
    store = api.runtime.store

    def lose(writes: Sequence[Write]) -> None:
        store.commit(writes)
        raise Unavailable

    meddle(api, lose)

    assert did(changed=3) == run(api, PURGE)

    assert types_of_tenant(api) == ["records_purged"]
    assert purged_in_all(store, api.tenant) == {"cases": 0, "interventions": 3}


# What the trail tells


FORGERIES: dict[str, Callable[[Api], list[Write]]] = {
    "no event": lambda api: [
        Set(path(api, "cases/B"), {**tombstone(api, "cases/A"), "purgedBy": "nobody"})
    ],
    "another event": lambda api: [
        Set(path(api, "cases/B"), {**tombstone(api, "cases/B"), "purgedBy": any_event(api)})
    ],
    "an event that is gone": lambda api: [
        Delete(path(api, f"audit/{tombstone(api, 'cases/B')['purgedBy']}"))
    ],
}


def tombstone(api: Api, name: str) -> dict[str, Any]:
    """What is left of a subject."""
    found = api.runtime.store.get(path(api, name))
    assert found
    return found.data


def any_event(api: Api) -> str:
    """The id of an event that tells of no purge."""
    events = api.pilot.get("/audit?subject=cases/B").json["events"]
    return str(events[0]["id"])


@ON_EMBEDDED
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_tombstone_that_no_purge_tells_of_is_a_broken_chain(
    api: Api, clock: Clock, forgery: str
) -> None:
    api.admin.patch("/settings", {"caseRetentionDays": 1})
    for name in ("A", "B"):
        api.verifier.create(id=name)
        api.pilot.patch(f"/cases/{name}", {"status": "closed", "reason": "over"})
    clock.advance(days=1)
    assert did(changed=2) == run(api, PURGE)
    purged(api, "cases/A", "cases/B")

    api.runtime.store.commit(FORGERIES[forgery](api))

    found = verification(api, "cases/B")
    assert (found["valid"], found.get("purged")) == (False, None)


@ON_EMBEDDED
def test_what_was_deleted_by_hand_is_not_called_purged(api: Api) -> None:
    api.verifier.create(id="A")
    api.verifier.put("/cases/A/worksheet", {"fsrNotes": "x"})
    api.admin.delete("/cases/A")

    for subject in ("cases/A", "worksheets/A:verifier"):
        found = verification(api, subject)
        assert (found["valid"], "purged" in found) == (True, False)


@ON_EMBEDDED
def test_what_expired_by_the_sweep_goes_as_long_after_as_what_was_decided(
    api: Api, clock: Clock
) -> None:
    filled(api, clock, {"interventions/I": asked(clock.now - LONG, expires_at=clock.now - LONG)})
    assert did() == run(api, PURGE)
    assert did(changed=1) == run(api, EXPIRE)
    clock.advance(days=29)
    assert did(skipped=1) == run(api, PURGE)
    clock.advance(days=1)
    assert did(changed=1) == run(api, PURGE)

    purged(api, "interventions/I")
    assert told(api.runtime.store, api.tenant) == {("interventions/I", "intervention_expired"): 1}


@ON_EMBEDDED
def test_an_approval_that_has_lapsed_goes_also_where_nobody_tried_to_start_it(
    api: Api, clock: Clock
) -> None:
    tried, forgotten, started = (approved(api, act_within_seconds=60) for _ in range(3))
    approved(api)
    done(start(api, started))
    clock.advance(seconds=60)
    conflict(start(api, tried), writes=2)
    lapsed_at = clock.now
    clock.now = lapsed_at + DAY
    assert did(skipped=2) == run(api, PURGE)
    # Settings that change have everything looked at again.
    api.admin.patch("/settings", {"interventionRetentionDays": 30})
    still = approved(api, act_within_seconds=31_536_000)
    run(api, PURGE)
    clock.now = lapsed_at + 30 * DAY - TICK
    assert did() == run(api, PURGE)
    clock.now = lapsed_at + 30 * DAY
    assert did(changed=2) == run(api, PURGE)

    purged(api, *(f"interventions/{name}" for name in (tried, forgotten)))
    left_over = {row["id"] for row in api.viewer.get("/interventions").json["interventions"]}
    assert {started, still} < left_over
    assert len(left_over) == 3
    done(start(api, still))
    run(api, PURGE)
    clock.advance(days=500)
    assert did() == run(api, PURGE)
