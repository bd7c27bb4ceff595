"""Cases in the store: opening, finding, changing, counting, deleting."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from shared import errors
from shared.documents.port import (
    Conflict,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Set,
    Write,
)
from shared.documents.values import MAX_WRITES
from shared.ledger.decision import Decision, Recorded, Rule, Seen
from shared.ledger.kinds import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load, required
from shared.models.case import (
    CaseFilters,
    CasePatch,
    CaseQuery,
    NewCase,
    Status,
    StoredCase,
)
from shared.models.events import EventType, NewEvent
from shared.models.settings import Settings
from shared.repository import evidence, packets
from shared.repository.paging import SCAN_LIMIT, page, place
from shared.repository.removal import belongings, shortened
from shared.rules import cases as case_rules
from shared.rules import search

_START = datetime(1, 1, 1, tzinfo=UTC)
_CLAIM_CANDIDATES = 20
_MAX_REMOVALS = MAX_WRITES - 2
"""What a deletion takes away in its one commit, besides the case and its event."""
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
    query = _queue(tenant, wanted, now)
    accept = _has_words(wanted.search) if wanted.search else None
    return page(store, query, wanted, accept=accept)


def update(ledger: Ledger, case_id: str, patch: CasePatch) -> Recorded[StoredCase]:
    """Changes fields of a case."""

    def changed(old: StoredCase, now: datetime) -> Decision[StoredCase] | None:
        new = case_rules.changed(case_id, old, patch, now)
        if new == old:
            return None
        event_type, message = _described(old, new)
        decided = Decision(new, event_type, message, reason=patch.reason, case_id=case_id)
        if new.status is Status.APPROVED and old.status is not Status.APPROVED:
            return packets.frozen(ledger, decided, case_id, now)
        return decided

    return ledger.change(CASES, case_id, changed)


def claim(ledger: Ledger, case_id: str, seen: Seen | None = None) -> Recorded[StoredCase]:
    """Assigns an unassigned case to the caller. Raises FailedPrecondition naming the holder."""

    def claimed(old: StoredCase, now: datetime) -> Decision[StoredCase] | None:
        new = case_rules.claimed(old, ledger.origin.actor.name, now)
        if new == old:
            return None
        return Decision(new, EventType.ASSIGNED, f"Claimed by {new.assigned_to}", case_id=case_id)

    return ledger.change(CASES, case_id, claimed, seen=seen)


def claim_next(ledger: Ledger, filters: CaseFilters) -> Recorded[StoredCase]:
    """Claims the unassigned case that is due first. Raises NotFound where none is left to claim.

    Who loses the first of the queue tries the following ones in random order, so that a crowd
    spreads.
    """
    lost = False
    for rows in _candidates(ledger.store, ledger.tenant, filters, ledger.clock()):
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
    """Closes each case by the rules of one; gives what became of each, in order."""

    def closer(case_id: str) -> Rule[StoredCase]:
        def closed(old: StoredCase, now: datetime) -> Decision[StoredCase]:
            new = case_rules.closed(old, reason, now)
            event_type, message = _described(old, new)
            return Decision(new, event_type, message, reason=reason, case_id=case_id)

        return closed

    return ledger.change_many(CASES, case_ids, closer)


def delete(ledger: Ledger, case_id: str) -> Recorded[StoredCase]:
    """Deletes a case with all that is its, unless it is held; its events stay.

    Its id is never used again. Raises FailedPrecondition.
    """

    def deleted(old: StoredCase, now: datetime) -> Decision[StoredCase]:
        if old.legal_hold:
            raise errors.Held("the case is under a legal hold", [{"legalHold": True}])
        writes = belongings(ledger, case_id, old, now)
        removed = [{"id": ref.id, "sha256": ref.sha256} for ref in old.evidence]
        sheets = sum(isinstance(write, Set) for write in writes)
        return Decision(
            old,
            EventType.CASE_DELETED,
            "Case deleted",
            case_id=case_id,
            meta={"evidenceCount": 0, "removed": removed, "worksheets": sheets},
            deletes=True,
            writes=tuple(_shortened(ledger, case_id, old, writes)),
        )

    return ledger.change(CASES, case_id, deleted)


def report(ledger: Ledger, case_id: str, new: NewEvent) -> Recorded[StoredCase]:
    """Records an event that a client reports; notes and attachments are counted on the case."""
    event_type = EventType(new.event_type)
    counter = _COUNTERS.get(event_type)

    def reported(old: StoredCase, _: datetime) -> Decision[StoredCase]:
        counted = {counter: getattr(old, counter) + 1} if counter else {}
        return Decision(
            old.model_copy(update=counted),
            event_type,
            new.message,
            severity=new.severity,
            source="api",
            agent_id=new.agent_id,
            case_id=case_id,
            meta=new.meta,
        )

    return ledger.change(CASES, case_id, reported)


def _shortened(ledger: Ledger, case_id: str, case: StoredCase, writes: list[Write]) -> list[Write]:
    """What one commit can still remove with a case, after the rest; Aborted if it changes."""
    if len(writes) <= _MAX_REMOVALS:
        return writes
    document = ledger.store.get(CASES.path(ledger.tenant, case_id))
    try:
        if document and load(CASES, document) == case:
            return shortened(ledger.store, document, writes, _MAX_REMOVALS)
    except Conflict:
        pass
    raise errors.Aborted("the case is changed at this moment; try again")


def _candidates(
    store: DocumentStore, tenant: str, filters: CaseFilters, now: datetime
) -> Iterator[list[Document]]:
    """The rows to claim from a queue, due first, some at a time.

    A search reads up to SCAN_LIMIT rows of the queue, which finds what many cases have; then the
    newest cases that have the words, for what is rare.
    """
    query = _claimable(tenant, filters, now)
    accept = _has_words(filters.search) if filters.search else None
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
        free = filters.model_copy(update={"unassigned": True, "overdue": False})
        rows = store.query(replace(_queue(tenant, free, now), limit=SCAN_LIMIT))
        found = [row for row in rows if accept(row) and _to_take_up(row, filters, now)]
        yield sorted(found, key=lambda row: place(row, query))


def _to_take_up(row: Document, filters: CaseFilters, now: datetime) -> bool:
    """What `_claimable` asks of the clock."""
    due = row.data["clockDueAt"]
    if filters.overdue:
        return due is not None and due < now
    return due is not None or filters.status is Status.NEEDS_INFO


def _claimed_if_free(ledger: Ledger, row: Document) -> Recorded[StoredCase] | None:
    try:
        return claim(ledger, row.id, seen=Seen(row))
    except (errors.FailedPrecondition, errors.NotFound):
        return None


def _described(old: StoredCase, new: StoredCase) -> tuple[EventType, str]:
    if new.status is not old.status:
        return EventType.STATUS_CHANGED, f"Status changed from {old.status} to {new.status}"
    if new.assigned_to != old.assigned_to:
        to = f"Assigned to {new.assigned_to}" if new.assigned_to else "Assignment removed"
        return EventType.ASSIGNED, to
    return EventType.CASE_UPDATED, "Case updated"


def _filters(filters: CaseFilters) -> tuple[Filter, ...]:
    conditions = []
    if filters.status:
        conditions.append(Filter("status", "==", filters.status))
    if filters.assigned_to or filters.unassigned:
        conditions.append(Filter("assignedTo", "==", filters.assigned_to))
    if filters.decision_type:
        conditions.append(Filter("decisionType", "==", filters.decision_type))
    return tuple(conditions)


def _word(filters: CaseFilters) -> tuple[Filter, ...]:
    """The word that a search has an index look for; the rest is checked on the rows.

    Words are indexed in the order of `createdAt` only. In other orders all is checked on the rows.
    """
    word = search.token(filters.search) if filters.search else None
    if not filters.search or not word:
        return ()
    words = sorted({word, search.former_token(filters.search)})
    return (Filter("searchTokens", "array_contains_any", words),)


def _queue(tenant: str, filters: CaseFilters, now: datetime) -> Query:
    collection = f"tenants/{tenant}/cases"
    if filters.overdue:
        overdue = (*_filters(filters), Filter("clockDueAt", "<", now))
        return Query(collection, overdue, (Order("clockDueAt"),))
    conditions = (*_filters(filters), *_word(filters))
    return Query(collection, conditions, (Order("createdAt", descending=True),))


def _claimable(tenant: str, filters: CaseFilters, now: datetime) -> Query:
    conditions = _filters(filters.model_copy(update={"unassigned": True}))
    if filters.overdue:
        conditions += (Filter("clockDueAt", "<", now),)
    elif filters.status is not Status.NEEDS_INFO:
        # Where the clock stands there is nothing to take up, unless it is asked for by name.
        conditions += (Filter("clockDueAt", ">", _START),)
    return Query(f"tenants/{tenant}/cases", conditions, (Order("clockDueAt"),))


def _has_words(text: str) -> Callable[[Document], bool]:
    matches = search.matcher(text)

    def accept(row: Document) -> bool:
        case = row.data
        return matches(row.id, case["title"], case.get("summary"), case.get("submissionId"))

    return accept
