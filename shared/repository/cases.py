"""Cases in the store: opening, finding, changing, counting, deleting."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from shared import errors
from shared.documents.port import (
    Document,
    DocumentStore,
    Filter,
    Query,
    Set,
)
from shared.documents.values import MAX_WRITES
from shared.ledger.decision import Decider, Decision, Recorded, Seen, Unchanged
from shared.ledger.kinds import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import required
from shared.models.case import (
    CasePatch,
    CaseQuery,
    ClaimQuery,
    NewCase,
    Status,
    StoredCase,
)
from shared.models.events import EventType, NewEvent
from shared.models.settings import Settings
from shared.repository import evidence, packets
from shared.repository.listing import query_of
from shared.repository.paging import SCAN_LIMIT, page, place
from shared.repository.reading import tell, unless_unreadable
from shared.repository.removal import belongings, finish
from shared.rules import cases as case_rules
from shared.rules import search

_START = datetime(1, 1, 1, tzinfo=UTC)
_CLAIM_CANDIDATES = 20
_MAX_REMOVALS = MAX_WRITES - 2
"""The writes that the commit of a deletion has room for, besides the case and its event."""
_COUNTERS = {
    EventType.NOTE_ADDED: "notes_count",
    EventType.ATTACHMENT_ADDED: "attachments_count",
}


def create(ledger: Ledger, new: NewCase, settings: Settings) -> Recorded[StoredCase]:
    """Opens a case under its number, or a UUID. Raises AlreadyExists."""
    case_id = new.id or str(uuid.uuid4())
    due_hours = settings.due_hours(new.decision_type)

    def opened(now: datetime) -> Decision[StoredCase]:
        by = ledger.origin.actor.name
        case = case_rules.opened(case_id, new, by=by, due_hours=due_hours, now=now)
        created = Decision(case, EventType.CASE_CREATED, "Case created", case_id=case_id)
        return evidence.with_first(ledger, created, case_id, new.evidence, now)

    return ledger.create(CASES, case_id, opened)


def get(store: DocumentStore, tenant: str, case_id: str) -> StoredCase:
    """A case. Raises NotFound."""
    return required(CASES, store.get(CASES.path(tenant, case_id)), case_id)


def listed(
    store: DocumentStore, tenant: str, wanted: CaseQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of a queue, newest first, or longest overdue first; and the token of the next."""
    query = query_of(f"tenants/{tenant}", wanted, now)
    accept = _has_words(wanted.search) if wanted.search else None
    return page(store, query, wanted, accept=accept)


def update(ledger: Ledger, case_id: str, patch: CasePatch) -> Recorded[StoredCase]:
    """Changes fields of a case."""

    def changed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        new = case_rules.changed(case_id, old, patch, now)
        if new == old:
            return Unchanged()
        event_type, message = _described(old, new)
        decided = Decision(new, event_type, message, reason=patch.reason, case_id=case_id)
        if new.status is Status.APPROVED and old.status is not Status.APPROVED:
            return packets.frozen(ledger, decided, case_id, now)
        return decided

    return ledger.change(CASES, case_id, changed)


def claim(ledger: Ledger, case_id: str, seen: Seen | None = None) -> Recorded[StoredCase]:
    """Assigns an unassigned case to the caller. Raises FailedPrecondition naming the holder."""

    def claimed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        new = case_rules.claimed(old, ledger.origin.actor.name, now)
        if new == old:
            return Unchanged()
        return Decision(new, EventType.ASSIGNED, f"Claimed by {new.assigned_to}", case_id=case_id)

    return ledger.change(CASES, case_id, claimed, seen=seen)


def claim_next(ledger: Ledger, wanted: ClaimQuery) -> Recorded[StoredCase]:
    """Claims the unassigned case that is due first. Raises NotFound where none is left to claim.

    A caller who does not get the first case of the queue tries the following ones in random order,
    so that many callers at once try different cases.
    """
    lost = False
    for rows in _candidates(ledger.store, ledger.tenant, wanted, ledger.clock()):
        while rows:
            row = rows.pop(random.randrange(len(rows)) if lost else 0)  # noqa: S311 - no secret
            if claimed := _claimed_if_free(ledger, row):
                return claimed
            lost = True
    if replayed := ledger.replay(CASES):
        return replayed
    raise errors.NotFound("no case of this queue is left to claim")


def reopen(ledger: Ledger, case_id: str, reason: str) -> Recorded[StoredCase]:
    """Takes an approved or closed case into review again."""

    def reopened(old: StoredCase, now: datetime) -> Decision[StoredCase]:
        new = case_rules.reopened(old, now)
        return Decision(
            new, EventType.CASE_REOPENED, "Case reopened", reason=reason, case_id=case_id
        )

    return ledger.change(CASES, case_id, reopened)


def close_many(
    ledger: Ledger, case_ids: Sequence[str], reason: str
) -> list[Recorded[StoredCase] | errors.ApiError]:
    """Closes each case by the same rules as a single one; gives each outcome, in order."""

    def closer(case_id: str) -> Decider[StoredCase]:
        def closed(old: StoredCase, now: datetime) -> Decision[StoredCase]:
            new = case_rules.closed(old, reason, now)
            event_type, message = _described(old, new)
            return Decision(new, event_type, message, reason=reason, case_id=case_id)

        return closed

    return ledger.change_many(CASES, case_ids, closer)


def delete(ledger: Ledger, case_id: str) -> Recorded[StoredCase, bool]:
    """Deletes a case with everything that belongs to it; its events stay.

    Its id cannot be used again. Where one commit has no room for all of it, the first one deletes
    the case and says so, and the parts follow. Whoever deletes it again, or the purge, removes what
    is left of them. Raises FailedPrecondition for a case under a legal hold.
    """

    def deleted(old: StoredCase, now: datetime) -> Decision[StoredCase, bool]:
        if old.legal_hold:
            raise errors.Held("the case is under a legal hold", [{"legalHold": True}])
        writes = belongings(ledger, case_id, old, now)
        removed = [{"id": ref.id, "sha256": ref.sha256} for ref in old.evidence]
        sheets = sum(isinstance(write, Set) for write in writes)
        many = len(writes) > _MAX_REMOVALS
        return Decision(
            old,
            EventType.CASE_DELETED,
            "Case deleted",
            case_id=case_id,
            meta={"evidenceCount": 0, "removed": removed, "worksheets": sheets},
            deletes=True,
            leaves_parts=many,
            writes=() if many else tuple(writes),
            result=many,
        )

    try:
        recorded = ledger.change(CASES, case_id, deleted)
    except errors.NotFound:
        finish(ledger, case_id)
        raise
    if recorded.result or recorded.replayed:
        finish(ledger, case_id)
    return recorded


def report(ledger: Ledger, case_id: str, new: NewEvent) -> Recorded[StoredCase]:
    """Records an event that a client reports; notes and attachments are counted on the case."""
    counter = _COUNTERS.get(new.event_type)

    def reported(old: StoredCase, _: datetime) -> Decision[StoredCase]:
        counted = {counter: getattr(old, counter) + 1} if counter else {}
        return Decision(
            old.model_copy(update=counted),
            new.event_type,
            new.message,
            severity=new.severity,
            source="api",
            agent_id=new.agent_id,
            case_id=case_id,
            meta=new.meta,
        )

    return ledger.change(CASES, case_id, reported)


def _candidates(
    store: DocumentStore, tenant: str, wanted: ClaimQuery, now: datetime
) -> Iterator[list[Document]]:
    """The rows to claim from a queue, due first, some at a time.

    A search reads up to SCAN_LIMIT rows of the queue, which finds what many cases have; then the
    newest cases that have the words, for what is rare.
    """
    query = _claimable(tenant, wanted, now)
    accept = unless_unreadable(_has_words(wanted.search)) if wanted.search else None
    read = 0
    while read < SCAN_LIMIT:
        limit = min(max(_CLAIM_CANDIDATES, read), SCAN_LIMIT - read) if read else 1
        rows = store.query(replace(query, limit=limit))
        yield [row for row in rows if accept is None or accept(row)]
        if len(rows) < limit:
            return
        read += limit
        query = replace(query, after=place(rows[-1], query))
    if accept:
        rows = store.query(replace(_newest_with_words(tenant, wanted, now), limit=SCAN_LIMIT))
        found = [row for row in rows if accept(row) and _to_take_up(row, wanted, now)]
        placed = [row for row in found if "clockDueAt" in row.data]
        yield sorted(placed, key=lambda row: place(row, query))


def _to_take_up(row: Document, wanted: ClaimQuery, now: datetime) -> bool:
    """What `_claimable` asks of the clock."""
    due = row.data.get("clockDueAt")
    if wanted.overdue:
        return due is not None and due < now
    return due is not None or wanted.status is Status.NEEDS_INFO


def _claimed_if_free(ledger: Ledger, row: Document) -> Recorded[StoredCase] | None:
    try:
        return claim(ledger, row.id, seen=Seen(row))
    except (errors.FailedPrecondition, errors.NotFound):
        return None
    except errors.Unreadable:
        tell(row.path)
        return None


def _described(old: StoredCase, new: StoredCase) -> tuple[EventType, str]:
    if new.status is not old.status:
        return EventType.STATUS_CHANGED, f"Status changed from {old.status} to {new.status}"
    if new.assigned_to != old.assigned_to:
        to = f"Assigned to {new.assigned_to}" if new.assigned_to else "Assignment removed"
        return EventType.ASSIGNED, to
    return EventType.CASE_UPDATED, "Case updated"


def _claimable(tenant: str, wanted: ClaimQuery, now: datetime) -> Query:
    free = wanted.model_copy(update={"unassigned": True})
    query = query_of(f"tenants/{tenant}", free, now)
    if wanted.overdue or wanted.status is Status.NEEDS_INFO:
        return query
    # A case whose clock is stopped waits for somebody else, so it is claimed only where its status
    # is asked for.
    return replace(query, filters=(*query.filters, Filter("clockDueAt", ">", _START)))


def _newest_with_words(tenant: str, wanted: ClaimQuery, now: datetime) -> Query:
    given = {**dict(wanted), "unassigned": True, "overdue": False}
    return query_of(f"tenants/{tenant}", CaseQuery.model_construct(**given), now)


def _has_words(text: str) -> Callable[[Document], bool]:
    matches = search.matcher(text)

    def accept(row: Document) -> bool:
        case = StoredCase.row(row.data)
        return matches(row.id, case["title"], case["summary"], case["submissionId"])

    return accept
