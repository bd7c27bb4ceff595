"""Scheduled functions: what they expire and close, for whom, how often, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import bill
from shared.documents.port import (
    Conflict,
    Document,
    DocumentStore,
    Query,
    Unavailable,
    Update,
    Write,
)
from shared.models.intervention import InterventionStatus
from shared.models.subjects import Subject
from shared.schedules import SCHEDULES, Schedule
from shared.sweeps import run as sweep_run
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, refused, trail
from tests.functions.sweep_support import (
    CLOSE,
    DAY,
    EXPIRE,
    PURGE,
    TICK,
    answered,
    approved,
    archived,
    asked,
    closed,
    decided,
    did,
    meddle,
    on_commit,
    opened,
    purges,
    run,
    seed,
    told,
    trigger,
    writes_to,
)
from tests.reliability.support import in_parallel
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

ALL = (EXPIRE, CLOSE, PURGE)
NO_HEADERS: dict[str, str] = {}


def path(api: Api, name: str, tenant: str | None = None) -> str:
    """Where a document of a tenant is."""
    return f"tenants/{tenant or api.tenant}/{name}".rstrip("/")


def data(api: Api, name: str) -> dict[str, Any]:
    """What is in a document of this test's tenant."""
    found = api.runtime.store.get(path(api, name))
    assert found
    return found.data


def due_interventions(api: Api, clock: Clock, number: int) -> list[str]:
    """Puts so many interventions into the store that have run out; gives their ids."""
    names = [f"I-{index:04}" for index in range(number)]
    out = {"expires_at": clock.now - timedelta(hours=1)}
    seed(
        api.runtime.store,
        {path(api, f"interventions/{name}"): asked(clock.now - DAY, **out) for name in names},
    )
    return names


def everything(api: Api) -> list[Document]:
    """All documents that scheduled functions write for this test's tenant, and their guards."""
    names = ("cases", "interventions", "worksheets", "audit")
    collections = [*(path(api, name) for name in names), "tenants", "scheduledRuns"]
    return [row for name in collections for row in api.runtime.store.query(Query(name))]


def something_due(api: Api, clock: Clock) -> None:
    """Puts into the store what each of the functions has to do, once."""
    seed(
        api.runtime.store,
        {
            path(api, ""): decided(clock.now, auto_close_days=5, case_retention_days=5),
            path(api, "interventions/late"): asked(clock.now - DAY, expires_at=clock.now),
            path(api, "interventions/old"): archived(clock.now - 90 * DAY),
            path(api, "cases/approved"): approved(clock.now - 5 * DAY),
            path(api, "cases/closed"): closed(clock.now - 5 * DAY),
        }
        | {path(api, "cases/waits"): closed(clock.now - 2 * DAY)},
    )


# Expiry


@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_an_open_intervention_expires_at_its_time_and_not_before(
    api: Api, clock: Clock, status: str
) -> None:
    api.verifier.create(id="A")
    asking = {"uowId": "u", "type": "resume", "title": "T", "caseId": "A", "expiresInSeconds": 60}
    name = api.agent.post("/interventions", asking).json["id"]
    if status == "in_progress":
        api.pilot.post(f"/interventions/{name}:claim")
    expires_at = clock.now + timedelta(seconds=60)

    clock.now = expires_at - TICK
    assert did(changed=1) == run(api, EXPIRE)
    reminded = api.pilot.get(f"/audit?subject=interventions/{name}").json["events"][0]
    assert reminded["eventType"] == "intervention_reminded"
    clock.now = expires_at
    assert did(changed=1) == run(api, EXPIRE)

    found = api.viewer.get(f"/interventions/{name}").json
    assert (found["status"], found["archived"], found["decision"]) == ("expired", True, None)
    assert expires_at.isoformat().replace("+00:00", "Z") == found["actionAt"]
    event = api.pilot.get(f"/audit?subject=interventions/{name}").json["events"][0]
    assert (event["eventType"], event["severity"]) == ("intervention_expired", "warning")
    assert (
        event["source"],
        event["actor"]["type"],
        event["actor"]["role"],
    ) == ("scheduler", "system", "scheduler")
    assert ("A", clock.now) == (event["caseId"], clock.now)
    verified = api.pilot.get(f"/audit:verify?subject=interventions/{name}").json
    assert (True, event["sequence"]) == (verified["valid"], verified["events"])


def test_what_is_decided_or_has_time_left_or_no_end_does_not_expire(api: Api, clock: Clock) -> None:
    gone = {"expires_at": clock.now - DAY}
    others = {
        "decided": archived(clock.now - DAY, **gone),
        "approved": asked(clock.now - 2 * DAY, status=InterventionStatus.APPROVED, **gone),
        "later": asked(clock.now, expires_at=clock.now + TICK),
        "endless": asked(clock.now),
    }
    store = api.runtime.store
    seed(store, {path(api, f"interventions/{name}"): state for name, state in others.items()})
    before = everything(api)

    assert did() == run(api, EXPIRE)

    assert before == everything(api)


def test_interventions_of_all_tenants_expire_each_on_its_own_chain(api: Api, clock: Clock) -> None:
    tenants = [f"{api.tenant}-{number}" for number in range(3)]
    late = asked(clock.now - DAY, expires_at=clock.now)
    seed(api.runtime.store, {path(api, "interventions/I", tenant): late for tenant in tenants})

    assert did(changed=3) == run(api, EXPIRE)

    for tenant in tenants:
        pilot = api.caller("pilot", tenant=tenant)
        verified = pilot.get("/audit:verify?subject=interventions/I").json
        # They were put into the store without the event of their beginning.
        assert (verified["firstBroken"]["field"], verified["events"]) == ("uowId", 1)


@pytest.mark.parametrize(
    ("config", "due"),
    [
        *(("embedded", due) for due in (0, 1, 249, 250, 251, 500)),
        ("emulator", 250),
        ("emulator", 251),
    ],
    indirect=["config"],
)
def test_expiry_reads_what_is_due_and_writes_it_with_its_event_250_at_a_time(
    api: Api, clock: Clock, due: int
) -> None:
    due_interventions(api, clock, due)
    endings = not due % 250

    first = answered(api, EXPIRE)
    again = answered(api, EXPIRE)

    assert (due, True) == (first.json["changed"], first.json["complete"])
    pages = due // 250 + 1
    commits = -(-due // 250)
    # One read more finds nothing of which people are to be reminded.
    assert (due + endings + 1, 2 * due, pages + commits + 1) == cost(first)
    assert cost(again) == (2, 0, 2)
    assert again.json["examined"] == 0


@ON_EMBEDDED
def test_what_ran_out_first_expires_first(api: Api, clock: Clock) -> None:
    names = [f"I-{number}" for number in range(9)]
    ends = {name: clock.now - number * DAY for number, name in enumerate(names)}
    store = api.runtime.store
    late = {name: asked(clock.now - 20 * DAY, expires_at=end) for name, end in ends.items()}
    seed(store, {path(api, f"interventions/{name}"): state for name, state in late.items()})
    seen: list[str] = []

    def note(writes: Sequence[Write]) -> None:
        seen.extend(
            write.path.rpartition("/")[2] for write in writes if "/audit/" not in write.path
        )

    meddle(api, note)
    run(api, EXPIRE)

    assert names[::-1] == seen


@ON_EMBEDDED
def test_of_unreadable_documents_at_the_front_each_is_counted_and_left(
    api: Api, clock: Clock
) -> None:
    names = due_interventions(api, clock, 5)
    store = api.runtime.store
    broken = [path(api, f"interventions/{name}") for name in names[:2]]
    store.commit([Update(name, {"title": 7}) for name in broken])

    assert did(changed=3, failed=2) == run(api, EXPIRE)

    assert did(failed=2) == run(api, EXPIRE)
    assert [data(api, f"interventions/{name}")["status"] for name in names[:2]] == ["pending"] * 2
    assert told(store, api.tenant).total() == 3


@ON_EMBEDDED
def test_more_unreadable_documents_than_a_page_holds_keep_nobody_waiting(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_run, "BATCH", 25)
    names = due_interventions(api, clock, 30)
    broken = [path(api, f"interventions/{name}") for name in names[:26]]
    api.runtime.store.commit([Update(name, {"requiredRole": None}) for name in broken])

    assert did(changed=4, failed=26) == run(api, EXPIRE)


@ON_EMBEDDED
@pytest.mark.parametrize("error", [Conflict, Unavailable])
def test_a_batch_that_fails_is_split_and_all_of_it_is_done(
    api: Api, clock: Clock, error: type[Exception]
) -> None:
    due_interventions(api, clock, 9)

    def fail() -> None:
        raise error

    meddle(api, on_commit(1, fail))

    assert did(changed=9) == run(api, EXPIRE)
    assert told(api.runtime.store, api.tenant).total() == 9


@ON_EMBEDDED
def test_a_document_that_fails_again_and_again_is_counted_and_the_others_are_done(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.ledger.CONTENTION_SECONDS", 0.05)
    names = due_interventions(api, clock, 9)
    cursed = path(api, f"interventions/{names[4]}")

    def fail(writes: Sequence[Write]) -> None:
        if cursed in {write.path for write in writes}:
            raise Conflict

    meddle(api, fail)

    assert did(changed=8, failed=1) == run(api, EXPIRE)
    assert data(api, f"interventions/{names[4]}")["status"] == "pending"


@ON_EMBEDDED
def test_a_run_goes_on_where_the_time_of_the_one_before_was_over(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_run, "BATCH", 25)
    due_interventions(api, clock, 60)
    slow = iter(range(0, 100_000, 200))
    monkeypatch.setattr(sweep_run, "time", SimpleNamespace(monotonic=lambda: next(slow)))

    runs = [run(api, EXPIRE), run(api, EXPIRE)]

    # 480 seconds: two pages.
    assert [did(changed=50, complete=False), did(changed=10)] == runs


@ON_EMBEDDED
@pytest.mark.parametrize("function", ALL)
def test_a_run_without_time_does_nothing_and_says_that_there_may_be_more(
    api: Api, clock: Clock, function: str
) -> None:
    something_due(api, clock)
    api.runtime.config = replace(api.runtime.config, sweep_seconds=0)
    before = everything(api)

    assert did(complete=False) == run(api, function)

    assert before == everything(api)


# Closing


def test_an_approved_case_closes_after_the_days_that_its_tenant_has_set(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"autoCloseDays": 5})
    case_id = api.verifier.create()["id"]
    for status in ("in_review", "approved"):
        api.pilot.patch(f"/cases/{case_id}", {"status": status})
    approved_at = clock.now

    clock.now = approved_at + DAY
    assert did(skipped=1) == run(api, CLOSE)
    clock.now = approved_at + 5 * DAY - TICK
    assert did() == run(api, CLOSE)
    clock.now = approved_at + 5 * DAY
    assert did(changed=1) == run(api, CLOSE)

    case = api.viewer.get(f"/cases/{case_id}").json
    assert ("closed", case["updatedAt"]) == (case["status"], case["closedAt"])
    last = trail(api, case_id)[-1]
    assert ("status_changed", "scheduler", case_id) == (
        last["eventType"],
        last["source"],
        last["caseId"],
    )
    assert last["reason"]


def test_of_what_a_run_ends_together_each_stays_what_it_was(api: Api, clock: Clock) -> None:
    api.admin.patch("/settings", {"autoCloseDays": 1})
    titles: dict[str, str] = {}
    for title in ("One", "Two", "Three"):
        case_id = api.verifier.create(title=title)["id"]
        for status in ("in_review", "approved"):
            api.pilot.patch(f"/cases/{case_id}", {"status": status})
        asking = {"uowId": "u", "type": "resume", "title": title, "expiresInSeconds": 60}
        name = api.agent.post("/interventions", asking).json["id"]
        titles |= {f"cases/{case_id}": title, f"interventions/{name}": title}

    clock.now += DAY
    assert [run(api, EXPIRE), run(api, CLOSE)] == [did(changed=3)] * 2

    for subject, title in titles.items():
        found = api.viewer.get(f"/{subject}").json
        ended = "closed" if subject.startswith("cases/") else "expired"
        assert (found["title"], found["status"]) == (title, ended)
        assert api.pilot.get(f"/audit:verify?subject={subject}").json["valid"]


@ON_EMBEDDED
def test_what_is_not_approved_or_whose_tenant_closes_nothing_stays_open(
    api: Api, clock: Clock
) -> None:
    long_ago = clock.now - 1000 * DAY
    other = f"{api.tenant}-other"
    seed(
        api.runtime.store,
        {
            path(api, ""): decided(clock.now, auto_close_days=1),
            path(api, "cases/new"): opened(long_ago),
            path(api, "cases/closed"): closed(long_ago),
            path(api, "cases/A", other): approved(long_ago),
        },
    )

    assert did(skipped=1) == run(api, CLOSE)
    assert did() == run(api, CLOSE)

    assert told(api.runtime.store, api.tenant).total() == 0
    assert told(api.runtime.store, other).total() == 0


@ON_EMBEDDED
@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        (CLOSE, {"autoCloseDays": 30}, {"autoCloseDays": 2}),
        (CLOSE, {"autoCloseDays": None}, {"autoCloseDays": 3}),
        (PURGE, {"caseRetentionDays": 30}, {"caseRetentionDays": 2}),
        (PURGE, {"caseRetentionDays": None}, {"caseRetentionDays": 2}),
        (PURGE, {"interventionRetentionDays": 9}, {"interventionRetentionDays": 2}),
    ],
)
def test_settings_that_change_are_kept_by_what_waits_already(
    api: Api, clock: Clock, function: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    api.admin.patch("/settings", {"slaHours": {"default": 1}, **old})
    since = clock.now - 3 * DAY
    waiting: dict[str, tuple[str, Subject]] = {"autoCloseDays": ("cases/A", approved(since))}
    waiting["caseRetentionDays"] = ("cases/A", closed(since))
    waiting["interventionRetentionDays"] = ("interventions/A", archived(since))
    name, state = waiting[next(iter(old))]
    seed(api.runtime.store, {path(api, name): state})

    assert did(skipped=1) == run(api, function)
    assert did() == run(api, function)
    api.admin.patch("/settings", new)
    assert did(changed=1) == run(api, function)
    assert did() == run(api, function)


@ON_EMBEDDED
@pytest.mark.parametrize("function", [CLOSE, PURGE])
def test_settings_that_keep_things_for_longer_are_kept_too(
    api: Api, clock: Clock, function: str
) -> None:
    name = {CLOSE: "autoCloseDays", PURGE: "caseRetentionDays"}[function]
    state = {CLOSE: approved, PURGE: closed}[function](clock.now - 3 * DAY)
    api.admin.patch("/settings", {name: 4})
    seed(api.runtime.store, {path(api, "cases/A"): state})
    run(api, function)

    api.admin.patch("/settings", {name: 10})
    clock.advance(days=2)
    assert did(skipped=1) == run(api, function)
    clock.advance(days=5)
    assert did(changed=1) == run(api, function)


@ON_EMBEDDED
@pytest.mark.parametrize("function", [CLOSE, PURGE])
def test_what_somebody_changes_while_it_is_woken_is_woken_all_the_same(
    api: Api, clock: Clock, function: str
) -> None:
    name = {CLOSE: "autoCloseDays", PURGE: "caseRetentionDays"}[function]
    make = {CLOSE: approved, PURGE: closed}[function]
    store = api.runtime.store
    api.admin.patch("/settings", {name: 30})
    ids = [f"A-{number}" for number in range(4)]
    seed(store, {path(api, f"cases/{case}"): make(clock.now - 3 * DAY) for case in ids})
    run(api, function)
    api.admin.patch("/settings", {name: 2})
    note = {"eventType": "note_added", "message": "A note"}

    meddle(api, on_commit(1, lambda: api.agent.post("/cases/A-2/audit", note)))
    done = run(api, function)["changed"] + run(api, function)["changed"]

    assert done == 4


@ON_EMBEDDED
def test_settings_that_change_while_what_waited_is_woken_are_looked_at_again(
    api: Api, clock: Clock
) -> None:
    api.admin.patch("/settings", {"autoCloseDays": 30})
    seed(api.runtime.store, {path(api, "cases/A"): approved(clock.now - 3 * DAY)})
    run(api, CLOSE)
    api.admin.patch("/settings", {"autoCloseDays": 20})

    # Just before the run says that all are awake.
    settings = path(api, "")
    sooner = writes_to(settings, lambda: api.admin.patch("/settings", {"autoCloseDays": 2}))
    meddle(api, sooner)
    runs = [run(api, CLOSE), run(api, CLOSE)]

    assert sum(done["changed"] for done in runs) == 1


def test_settings_are_read_once_a_tenant_and_run(api: Api, clock: Clock) -> None:
    tenants = [f"{api.tenant}-{number}" for number in range(3)]
    settings = decided(clock.now, auto_close_days=5)
    cases: dict[str, Subject] = {
        path(api, f"cases/{number}", tenant): approved(clock.now - 5 * DAY)
        for tenant in tenants
        for number in range(10)
    }
    seed(api.runtime.store, cases | {path(api, "", tenant): settings for tenant in tenants})

    answer = answered(api, CLOSE)

    # One read finds that no settings were changed; who listens in each tenant is read together.
    assert cost(answer) == (1 + 30 + 3 + 3, 60, 4 + 1)


@pytest.mark.costs_of("expire_interventions", "close_approved_cases", "purge_records")
@ON_EMBEDDED
def test_hundreds_of_tenants_with_nothing_due_cost_no_read(api: Api, clock: Clock) -> None:
    settings = decided(clock.now, auto_close_days=5, case_retention_days=5)
    states = {
        "": settings,
        "/cases/approved": approved(clock.now),
        "/interventions/over": archived(clock.now),
    }
    for start in range(0, 300, 50):
        seed(
            api.runtime.store,
            {
                f"tenants/t-{number}{name}": state
                for number in range(start, start + 50)
                for name, state in states.items()
            },
        )

    # The empty results of their queries: the first also asks of what people are to be reminded,
    # two of them ask first whose settings have changed, and the purge asks what was left of a
    # removal and of an erasure, whose old events are erased, and which deliveries are over.
    for function, reads in ((EXPIRE, 2), (CLOSE, 2), (PURGE, 7)):
        answer = answered(api, function)
        assert (reads, 0, reads) == cost(answer)
        assert answer.json["examined"] == 0


@ON_EMBEDDED
def test_a_tenant_whose_settings_are_unreadable_keeps_no_other_waiting(
    api: Api, clock: Clock
) -> None:
    other = f"{api.tenant}-other"
    settings = decided(clock.now, auto_close_days=5, case_retention_days=5)
    states = {
        "cases/approved": approved(clock.now - 9 * DAY),
        "cases/closed": closed(clock.now - 9 * DAY),
        "interventions/old": archived(clock.now - 100 * DAY),
    }
    for tenant in (api.tenant, other):
        seed(
            api.runtime.store,
            {path(api, "", tenant): settings}
            | {path(api, name, tenant): state for name, state in states.items()},
        )
    api.runtime.store.commit([Update(f"tenants/{api.tenant}", {"slaHours": "none"})])

    assert did(changed=1, failed=1) == run(api, CLOSE)
    assert did(changed=2, failed=2) == run(api, PURGE)

    assert data(api, "cases/approved")["status"] == "approved"
    assert data(api, "cases/closed")["status"] == "closed"


@ON_EMBEDDED
def test_a_case_that_is_approved_anew_before_it_is_closed_has_its_time_again(
    api: Api, clock: Clock
) -> None:
    seed(
        api.runtime.store,
        {
            path(api, ""): decided(clock.now, auto_close_days=5),
            path(api, "cases/A"): approved(clock.now - 5 * DAY),
        },
    )

    def approve_anew() -> None:
        assert api.pilot.post("/cases/A:reopen", {"reason": "again"}).status_code == 200
        assert api.pilot.patch("/cases/A", {"status": "approved"}).status_code == 200

    meddle(api, on_commit(1, approve_anew))

    assert did(skipped=1) == run(api, CLOSE)
    assert data(api, "cases/A")["status"] == "approved"


# Dry runs


@pytest.mark.parametrize(
    ("function", "changed", "skipped"), [(EXPIRE, 1, 0), (CLOSE, 1, 0), (PURGE, 2, 1)]
)
def test_a_dry_run_says_what_would_be_and_changes_nothing(
    api: Api, clock: Clock, function: str, changed: int, skipped: int
) -> None:
    something_due(api, clock)
    before = everything(api)

    answer = answered(api, f"{function}?dryRun=true", **trigger(clock.now))

    assert cost(answer)[1] == 0
    assert before == everything(api)
    expected = did(changed=changed, skipped=skipped)
    assert expected == {name: answer.json[name] for name in expected}
    assert expected == run(api, function, **trigger(clock.now))
    assert before != everything(api)


@ON_EMBEDDED
@pytest.mark.parametrize("function", [CLOSE, PURGE])
def test_a_dry_run_leaves_what_waits_by_older_settings_to_the_next_run(
    api: Api, clock: Clock, function: str
) -> None:
    name = {CLOSE: "autoCloseDays", PURGE: "caseRetentionDays"}[function]
    state = {CLOSE: approved, PURGE: closed}[function](clock.now - 3 * DAY)
    seed(api.runtime.store, {path(api, "cases/A"): state})
    run(api, function)
    api.admin.patch("/settings", {name: 2})
    before = everything(api)

    run(api, f"{function}?dryRun=true")

    assert before == everything(api)
    assert did(changed=1) == run(api, function)


@ON_EMBEDDED
@each_row("value", ["perhaps", "2", ""], apart=True)
def test_a_dry_run_is_asked_for_by_true_or_false(api: Api, value: str) -> None:
    refused(answered(api, f"{EXPIRE}?dryRun={value}"), 400, "INVALID_ARGUMENT")


# Who may


@ON_EMBEDDED
@pytest.mark.parametrize("function", ALL)
def test_nobody_but_the_scheduler_has_anything_swept(api: Api, clock: Clock, function: str) -> None:
    something_due(api, clock)
    before = everything(api)

    for role in ("viewer", "verifier", "pilot", "admin", "agent"):
        answer = api.caller(role).post(function, **trigger(clock.now))
        refused(answer, 403, "PERMISSION_DENIED")
    for claim in (NO_HEADERS, {"x_tenant": "acme", "x_user_id": "scheduler"}):
        answer = api.stranger.post(function, **trigger(clock.now), **claim)
        refused(answer, 401, "UNAUTHENTICATED")

    assert before == everything(api)


# Once


def guards(api: Api) -> list[Document]:
    """What scheduled runs left that keeps them from being done twice."""
    return api.runtime.store.query(Query("scheduledRuns"))


def test_a_scheduled_run_that_is_delivered_ten_times_is_done_once(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 2)
    first = answered(api, EXPIRE, **trigger(clock.now))
    (guard,) = guards(api)
    more = [clock.now - TICK, clock.now]
    seed(
        api.runtime.store,
        {path(api, f"interventions/{at}"): asked(at - DAY, expires_at=at) for at in more},
    )

    again = [answered(api, EXPIRE, **trigger(clock.now)) for _ in range(10)]

    assert first.json["changed"] == 2
    assert "Idempotent-Replayed" not in first.headers
    assert {(first.data, "true")} == {
        (answer.data, answer.headers["Idempotent-Replayed"]) for answer in again
    }
    assert [guard] == guards(api)
    assert clock.now + 2 * DAY == guard.data["expireAt"]
    assert {0} == {cost(answer)[1] for answer in again}


def test_of_five_deliveries_at_once_one_does_the_run(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 20)

    answers = in_parallel(5, lambda _: answered(api, EXPIRE, **trigger(clock.now)))

    done = [answer for answer in answers if answer.status_code == 200]
    assert {20} == {answer.json["changed"] for answer in done}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    for answer in answers:
        if answer not in done:
            assert (answer.status_code, answer.json["error"]["status"]) == (409, "ABORTED")
    assert told(api.runtime.store, api.tenant).total() == 20


@pytest.mark.parametrize("function", ALL)
def test_a_scheduled_run_that_finds_nothing_to_do_writes_nothing(
    api: Api, clock: Clock, function: str
) -> None:
    first = answered(api, function, **trigger(clock.now))
    by_hand = answered(api, function)

    assert first.json["examined"] == 0
    assert guards(api) == []
    # The one read more is for the mark of another delivery, which may have done it all.
    assert cost(first) == (cost(by_hand)[0] + 1, 0, cost(by_hand)[2] + 1)


@ON_EMBEDDED
@pytest.mark.parametrize(
    "schedule",
    [one for one in SCHEDULES if one.function != "seal_audit"],  # which needs a key
    ids=lambda schedule: schedule.function,
)
def test_a_run_that_finds_nothing_to_do_costs_what_the_bill_says(
    api: Api, clock: Clock, schedule: Schedule
) -> None:
    idle = answered(api, schedule.path.removeprefix("/v1"), **trigger(clock.now))

    assert cost(idle)[:2] == (bill.IDLE_READS[schedule.function], 0)


@ON_EMBEDDED
def test_a_delivery_that_finds_all_done_by_another_one_gives_its_answer(
    api: Api, clock: Clock
) -> None:
    due_interventions(api, clock, 2)
    first = answered(api, EXPIRE, **trigger(clock.now))

    again = answered(api, EXPIRE, **trigger(clock.now))

    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")


def lose_the_first_answer(api: Api) -> None:
    """Has the answer to the next commit, which takes effect, not arrive."""
    plain = api.runtime.store

    class Lossy:
        lost = False

        def __getattr__(self, name: str) -> Any:
            return getattr(plain, name)

        def commit(self, writes: Sequence[Write]) -> None:
            plain.commit(writes)
            if not self.lost:
                self.lost = True
                raise Unavailable

    api.runtime._store = cast("DocumentStore", Lossy())  # noqa: SLF001 - to meddle


@ON_EMBEDDED
def test_a_mark_whose_first_answer_was_lost_is_ones_own(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 2)
    lose_the_first_answer(api)

    done = answered(api, EXPIRE, **trigger(clock.now))

    assert done.json["changed"] == 2
    (guard,) = guards(api)
    assert guard.data["answer"]


@ON_EMBEDDED
def test_a_run_that_is_under_way_answers_aborted_to_its_next_delivery(
    api: Api, clock: Clock
) -> None:
    due_interventions(api, clock, 2)
    others: list[Any] = []
    # The first commit is the guard.
    again = on_commit(2, lambda: others.append(answered(api, EXPIRE, **trigger(clock.now))))
    meddle(api, again)

    assert did(changed=2) == run(api, EXPIRE, **trigger(clock.now))

    refused(others[0], 409, "ABORTED")


def died(api: Api, clock: Clock) -> None:
    """A run that was begun at this time and ended with its instance."""

    class DiedError(BaseException):
        pass

    def die() -> None:
        raise DiedError

    plain = api.runtime._store  # noqa: SLF001 - to be put back
    meddle(api, on_commit(2, die))
    with pytest.raises(DiedError):
        answered(api, EXPIRE, **trigger(clock.now))
    api.runtime._store = plain  # noqa: SLF001 - as above


def test_a_run_that_died_is_taken_over_a_minute_after_its_time(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 2)
    same = trigger(clock.now)
    longest = timedelta(seconds=api.runtime.config.sweep_seconds, minutes=1)
    died(api, clock)
    begun = clock.now

    clock.now = begun + longest - TICK
    refused(answered(api, EXPIRE, **same), 409, "ABORTED")
    clock.now = begun + longest
    assert did(changed=2) == run(api, EXPIRE, **same)
    assert answered(api, EXPIRE, **same).headers["Idempotent-Replayed"] == "true"


def test_of_five_who_take_over_a_run_that_died_one_does(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 5)
    same = trigger(clock.now)
    died(api, clock)
    clock.advance(hours=1)

    answers = in_parallel(5, lambda _: answered(api, EXPIRE, **same))

    done = [answer for answer in answers if answer.status_code == 200]
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    assert {200, 409} >= {answer.status_code for answer in answers}
    assert told(api.runtime.store, api.tenant).total() == 5


def test_a_run_whose_store_fails_can_be_delivered_again_at_once(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.attempt.UNKNOWN_OUTCOMES", 1)
    due_interventions(api, clock, 1)

    def fail() -> None:
        raise Unavailable

    meddle(api, on_commit(2, fail))

    assert answered(api, EXPIRE, **trigger(clock.now)).status_code == 503
    assert guards(api) == []
    assert did(changed=1) == run(api, EXPIRE, **trigger(clock.now))


@ON_EMBEDDED
def test_a_run_that_does_not_know_of_its_own_mark_can_be_delivered_again_at_once(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.attempt.UNKNOWN_OUTCOMES", 1)
    due_interventions(api, clock, 1)
    lose_the_first_answer(api)

    assert answered(api, EXPIRE, **trigger(clock.now)).status_code == 503
    assert guards(api) == []
    assert did(changed=1) == run(api, EXPIRE, **trigger(clock.now))


@ON_EMBEDDED
def test_a_run_whose_answer_could_not_be_kept_is_done_again_and_finds_nothing(
    api: Api, clock: Clock
) -> None:
    due_interventions(api, clock, 1)

    def fail() -> None:
        raise Unavailable

    meddle(api, on_commit(3, fail))

    assert answered(api, EXPIRE, **trigger(clock.now)).status_code == 503
    refused(answered(api, EXPIRE, **trigger(clock.now)), 409, "ABORTED")
    scheduled_for = clock.now
    clock.advance(minutes=10)
    assert did() == run(api, EXPIRE, **trigger(scheduled_for))
    assert told(api.runtime.store, api.tenant).total() == 1


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_was_overtaken_leaves_the_mark_of_the_one_that_overtook_it(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    monkeypatch.setattr("shared.ledger.attempt.UNKNOWN_OUTCOMES", 1)
    due_interventions(api, clock, 1)
    same = trigger(clock.now)
    marks = []

    def overtaken() -> None:
        clock.advance(hours=1)
        assert did(changed=1) == run(api, EXPIRE, **same)
        marks.extend(guards(api))
        if fails:
            raise Unavailable

    meddle(api, on_commit(2, overtaken))

    assert answered(api, EXPIRE, **same).status_code == (503 if fails else 200)
    assert guards(api) == marks
    assert answered(api, EXPIRE, **same).json["changed"] == 1


@ON_EMBEDDED
def test_runs_of_other_times_and_jobs_and_by_hand_are_all_done(api: Api, clock: Clock) -> None:
    times = [clock.now, clock.now - timedelta(hours=2), clock.now - timedelta(hours=1)]
    headers = [trigger(time_) for time_ in times] + [trigger(clock.now, "another")]
    headers += [NO_HEADERS, NO_HEADERS, {"x_cloudscheduler_jobname": "a-job"}]
    headers += [{"x_cloudscheduler_scheduletime": clock.now.isoformat()}]

    for number, given in enumerate(headers):
        late = asked(clock.now - DAY, expires_at=clock.now)
        seed(api.runtime.store, {path(api, f"interventions/{number}"): late})
        assert did(changed=1) == run(api, EXPIRE, **given)

    assert len(guards(api)) == 4


@ON_EMBEDDED
@pytest.mark.parametrize("hours", [-1, 1])
def test_an_instance_whose_clock_is_an_hour_off_does_nothing_twice(
    api: Api, clock: Clock, hours: int
) -> None:
    due_interventions(api, clock, 3)
    same = trigger(clock.now)
    assert did(changed=3) == run(api, EXPIRE, **same)
    before = everything(api)

    clock.advance(hours=hours)

    again = answered(api, EXPIRE, **same)
    # A time that is far ahead is that of a run which is still to come.
    assert again.headers.get("Idempotent-Replayed") == ("true" if hours > 0 else None)
    assert did() == run(api, EXPIRE)
    assert before == everything(api)


@ON_EMBEDDED
def test_a_forced_run_that_carries_the_time_of_the_next_one_does_not_replace_it(
    api: Api, clock: Clock
) -> None:
    following = trigger(clock.now + timedelta(minutes=5))
    for number in range(3):
        late = asked(clock.now - DAY, expires_at=clock.now)
        seed(api.runtime.store, {path(api, f"interventions/{number}"): late})
        assert did(changed=1) == run(api, EXPIRE, **following)
    assert guards(api) == []

    clock.advance(minutes=4)  # clocks may differ by a minute
    late = asked(clock.now - DAY, expires_at=clock.now)
    seed(api.runtime.store, {path(api, "interventions/last"): late})
    run(api, EXPIRE, **following)
    assert len(guards(api)) == 1
    assert answered(api, EXPIRE, **following).headers["Idempotent-Replayed"] == "true"


@ON_EMBEDDED
def test_an_idempotency_key_or_an_if_match_keeps_no_run_from_what_is_due(
    api: Api, clock: Clock
) -> None:
    for number in range(2):
        seed(
            api.runtime.store,
            {
                path(api, f"interventions/old-{number}"): archived(clock.now - 100 * DAY),
                path(api, f"interventions/late-{number}"): asked(clock.now, expires_at=clock.now),
            },
        )
        for function in (EXPIRE, PURGE):
            done = run(api, function, idempotency_key="a-key", if_match='"x"')
            assert did(changed=1) == done
        assert number + 1 == len(purges(api.runtime.store, api.tenant))


@ON_EMBEDDED
def test_the_time_that_a_run_took_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[float] = []

    def monotonic() -> float:
        read.append(100 + 0.25 * len(read))
        return read[-1]

    monkeypatch.setattr(sweep_run, "time", SimpleNamespace(monotonic=monotonic))

    answer = answered(api, EXPIRE)

    assert answer.json["durationMs"] == 1000 * (read[-1] - read[0]) > 0


# What they last did


@pytest.mark.costs_of("list_scheduled")
def test_an_admin_sees_what_each_scheduled_function_last_did(api: Api, clock: Clock) -> None:
    due_interventions(api, clock, 2)
    begun = clock.now
    assert did(changed=2) == run(api, EXPIRE, **trigger(begun))
    # A run that finds nothing leaves nothing, and one by hand neither.
    clock.advance(minutes=1)
    run(api, EXPIRE, **trigger(clock.now))
    seed(api.runtime.store, {path(api, "cases/A"): approved(clock.now - 3 * DAY)})
    run(api, CLOSE)

    answer = api.admin.get("/scheduled")

    last = {"startedAt": f"{begun:%Y-%m-%dT%H:%M:%SZ}", "complete": True, "done": 2, "failed": 0}
    first, *others = answer.json["runs"]
    assert first == {"name": "expireInterventions", "cron": "* * * * *", "last": last}
    assert [(one["name"], one["last"]) for one in others] == [
        ("failStaleRuns", None),
        ("closeApprovedCases", None),
        ("deliverWebhooks", None),
        ("sealAudit", None),
        ("checkIntegrity", None),
        ("purgeRecords", None),
    ]
    assert cost(answer) == (len(SCHEDULES), 0, len(SCHEDULES))


@ON_EMBEDDED
def test_of_two_runs_the_later_is_shown_and_one_under_way_is_not(api: Api, clock: Clock) -> None:
    for number in (1, 2):
        clock.advance(minutes=1)
        late = asked(clock.now - DAY, expires_at=clock.now)
        names = [path(api, f"interventions/{number}-{one}") for one in range(number)]
        seed(api.runtime.store, dict.fromkeys(names, late))
        run(api, EXPIRE, **trigger(clock.now, "a-job"))
    due_interventions(api, clock, 1)
    clock.advance(minutes=1)
    died(api, clock)

    shown = api.admin.get("/scheduled").json["runs"][0]["last"]

    assert (shown["done"], shown["startedAt"]) == (
        2,
        f"{clock.now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
    )
