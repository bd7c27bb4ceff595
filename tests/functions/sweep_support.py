"""What the tests of the scheduled functions share: seeds, runs, a store with meddlers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from shared.documents.port import Create, DocumentStore, Query, Write
from shared.ledger.attempt import Posting
from shared.ledger.decision import Before, Decision
from shared.ledger.events import from_document
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.listeners import Listeners
from shared.ledger.origin import Origin
from shared.models.case import CasePatch, NewCase, Status, StoredCase
from shared.models.events import Event, EventType
from shared.models.intervention import (
    InterventionStatus,
    InterventionType,
    NewIntervention,
    StoredIntervention,
)
from shared.models.roles import Role
from shared.models.settings import StoredSettings
from shared.models.subjects import Subject
from shared.models.worksheet import StoredWorksheet
from shared.repository.removal import PARTS
from shared.rules import asking
from shared.rules import cases as case_rules
from shared.rules.callers import Caller
from tests.client import Api, TestResponse

EXPIRE = "/scheduled/expireInterventions"
CLOSE = "/scheduled/closeApprovedCases"
PURGE = "/scheduled/purgeRecords"
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)

_AGENT = Caller("agent", None, "any", Role.AGENT)
_SEEDED_AT_ONCE = 250


def answered(api: Api, path: str, **headers: str) -> TestResponse:
    """The answer to a run, of an instance that knows who listens to the tenant's events."""
    runtime = api.runtime
    runtime.listeners.learn(runtime.store, [api.tenant], runtime.clock())
    return api.caller("scheduler").post(path, **headers)


def run(api: Api, path: str, **headers: str) -> dict[str, Any]:
    """What a run that succeeds says it did, but for how long that took."""
    answer = answered(api, path, **headers)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json or {}
    assert done.pop("durationMs") >= 0
    return done


def did(*, complete: bool = True, **counts: int) -> dict[str, Any]:
    """What a run says that did this much; examined is the sum unless it is given."""
    told = {name: counts.get(name, 0) for name in ("changed", "failed", "skipped")}
    return {"examined": sum(told.values()), **told, **counts, "complete": complete}


def broken_trails(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The errors that the log has of trails that do not hold, since it was last read."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [line for line in lines if line.get("securityEvent") == "trail_broken"]
    assert {line["severity"] for line in found} <= {"ERROR"}
    return found


def trigger(scheduled_for: datetime, job: str = "a-job") -> dict[str, str]:
    """The headers that Cloud Scheduler sends."""
    return {
        "x_cloudscheduler": "true",
        "x_cloudscheduler_jobname": job,
        "x_cloudscheduler_scheduletime": scheduled_for.isoformat(),
    }


def asked(at: datetime, **fields: Any) -> StoredIntervention:
    """An intervention as it was asked for."""
    new = NewIntervention(uow_id="uow", type=InterventionType.RESUME, title="May it?")
    return asking.requested(new, _AGENT, at).model_copy(update=fields)


def archived(at: datetime, **fields: Any) -> StoredIntervention:
    """An intervention that was rejected at a time."""
    over = {"status": InterventionStatus.REJECTED, "archived": True, "updated_at": at}
    return asked(at - DAY, sweep_at=at + DAY, **over, **fields)


def opened(at: datetime, case_id: str = "A", **fields: Any) -> StoredCase:
    """A case as it was opened."""
    new = NewCase(decision_type="seeded", title="Seeded")
    return case_rules.opened(case_id, new, by="seed", due_hours=72, now=at).model_copy(
        update=fields
    )


def approved(at: datetime, **fields: Any) -> StoredCase:
    """A case that was approved at a time."""
    case = opened(at - DAY, updated_at=at, **fields)
    for status in (Status.IN_REVIEW, Status.APPROVED):
        case = case_rules.changed("A", case, CasePatch(status=status), at)
    return case


def closed(at: datetime, **fields: Any) -> StoredCase:
    """A case that was closed at a time."""
    return case_rules.closed(opened(at - DAY, updated_at=at, **fields), "over", at)


def noted(at: datetime, case_id: str, user: str) -> StoredWorksheet:
    """A worksheet."""
    return StoredWorksheet(
        case_id=case_id,
        user_id=user,
        problem_statement="why",
        fsr_notes="",
        created_at=at,
        updated_at=at,
    )


def decided(at: datetime, **fields: Any) -> StoredSettings:
    """A tenant's settings."""
    return StoredSettings(updated_at=at, **fields)


def seed(store: DocumentStore, documents: Mapping[str, Subject]) -> None:
    """Puts subjects straight into the store, by their paths; only settings with their event."""
    writes: list[Write] = []
    for path, state in documents.items():
        if isinstance(state, StoredSettings):
            writes += _with_event(path, state)
        else:
            writes.append(Create(path, state.model_dump(by_alias=True)))
    for start in range(0, len(writes), _SEEDED_AT_ONCE):
        store.commit(writes[start : start + _SEEDED_AT_ONCE])


def _with_event(path: str, state: StoredSettings) -> list[Write]:
    """The writes of a change of a tenant's settings, as they are made by the ledger."""
    origin = Origin(path.split("/")[1], _AGENT.actor, "system", "seed", "r")
    nobody = Listeners()
    nobody.keep(origin.tenant, {}, state.updated_at)
    store = cast("DocumentStore", None)
    posting: Posting[StoredSettings] = Posting(store, origin, TENANT, listeners=nobody)
    decision = Decision(state, EventType.SETTINGS_CHANGED, "Seeded")
    before = Before(None, StoredSettings(updated_at=state.updated_at))
    return posting.prepared("", before, decision, state.updated_at)[1]


class Meddled:
    """A store with somebody at the door: `meddle` is told of each commit just before it is made.

    What it does to the store itself goes unnoticed by it. It may raise.
    """

    def __init__(self, store: DocumentStore, meddle: Callable[[Sequence[Write]], None]) -> None:
        self._store = store
        self._meddle: Callable[[Sequence[Write]], None] | None = meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        meddle, self._meddle = self._meddle, None
        try:
            if meddle:
                meddle(writes)
        finally:
            self._meddle = meddle
        self._store.commit(writes)


def meddle(api: Api, meddler: Callable[[Sequence[Write]], None]) -> None:
    """Has all commits of `api` pass `meddler` from now on."""
    api.runtime._store = Meddled(api.runtime.store, meddler)  # noqa: SLF001 - there is no other way in


def on_commit(number: int, act: Callable[[], object]) -> Callable[[Sequence[Write]], None]:
    """A meddler who acts before the commit of that number, from 1 on, and never again."""
    left = number

    def meddler(_: Sequence[Write]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    return meddler


def writes_to(path: str, act: Callable[[], object]) -> Callable[[Sequence[Write]], None]:
    """A meddler who acts before the first commit that writes to a document, and never again."""
    acted = False

    def meddler(writes: Sequence[Write]) -> None:
        nonlocal acted
        if not acted and path in {write.path for write in writes}:
            acted = True
            act()

    return meddler


def contents(
    store: DocumentStore, tenant: str, *, below: Sequence[str] = tuple(PARTS)
) -> dict[str, Any]:
    """How a tenant's subjects stand, and what is below its cases: by path."""
    found: dict[str, Any] = {}
    for name in ("cases", "interventions", "worksheets"):
        for row in store.query(Query(f"tenants/{tenant}/{name}")):
            found[row.path] = "purged" if "deletedAt" in row.data else row.data.get("status", "")
            if name == "cases":
                for kind in below:
                    rows = store.query(Query(f"{row.path}/{kind}"))
                    found |= {item.path: kind for item in rows}
    return found


def told(store: DocumentStore, tenant: str) -> Counter[tuple[str, str]]:
    """How many events of each type a tenant's subjects have, but for the tenant's own."""
    rows = store.query(Query(f"tenants/{tenant}/audit"))
    events = [(row.data["subject"], row.data["eventType"]) for row in rows]
    return Counter(event for event in events if event[0] != "tenant")


def purges(store: DocumentStore, tenant: str) -> list[Event]:
    """A tenant's events of purges, first to last."""
    events = [from_document(row) for row in store.query(Query(f"tenants/{tenant}/audit"))]
    found = [event for event in events if event.event_type == EventType.RECORDS_PURGED]
    return sorted(found, key=lambda event: event.sequence)


def purged_in_all(store: DocumentStore, tenant: str) -> dict[str, int]:
    """How many of each kind a tenant's purges say they removed."""
    metas = [event.meta for event in purges(store, tenant)]
    return {kind: sum(meta[kind] for meta in metas) for kind in ("cases", "interventions")}
