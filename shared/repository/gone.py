"""Whether what is gone was removed as its trail says: deleted by an event, or purged by one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.documents.port import Document, DocumentStore, Filter, Query
from shared.documents.values import MAX_WRITES
from shared.ledger import events
from shared.ledger.subjects import DELETED_AT, PURGED_BY, tenant_of
from shared.models.audit import BrokenLink
from shared.models.base import is_id
from shared.models.events import Event, EventType
from shared.rules.canonical import canonical_hash
from shared.rules.interventions import TRANSITIONS
from shared.rules.replay import Replay, differs

_WITHOUT_EVENT = "the subject is gone without an event"
_NOT_OF_THE_PURGE = "the subject is gone, but the purge that it names did not remove it"
_PURGED_AFTER = {
    "cases": {"closed"},
    "interventions": {status.value for status, after in TRANSITIONS.items() if not after},
}
"""In which status a subject is when its retention is over."""
_DELETED_BY = {"cases": EventType.CASE_DELETED, "keys": EventType.KEY_REVOKED}
"""The event that deletes a subject, by its collection."""


def is_gone(document: Document) -> bool:
    """Whether a subject's document is only a tombstone."""
    return DELETED_AT in document.data


def is_purged(store: DocumentStore, document: Document) -> bool:
    """Whether a subject was purged after its retention; a worksheet is purged with its case."""
    if is_gone(document) and "/worksheets/" in document.path:
        case = _case_of(store, document)
        return case is not None and PURGED_BY in case.data
    return PURGED_BY in document.data


def hash_of(subjects: Iterable[str]) -> str:
    """What the event of a purge says of the subjects that it removed, in hex.

    It is the SHA-256 of the RFC 8785 form of their names in order.
    """
    return canonical_hash(sorted(subjects))


class Purges:
    """What purges are found to have removed; each is read once, which costs a read a subject."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._hashes: dict[tuple[str, str], str] = {}

    def hash_of(self, tenant: str, event_id: str) -> str:
        """The hash of the subjects whose tombstones name the event of a purge."""
        key = tenant, event_id
        if key not in self._hashes:
            self._hashes[key] = hash_of(purged_by(self._store, tenant, event_id))
        return self._hashes[key]


def purged_by(store: DocumentStore, tenant: str, event_id: str) -> list[str]:
    """The subjects whose tombstones name the event of a purge. It costs one read for each."""
    of_it = (Filter(PURGED_BY, "==", event_id),)
    queries = [
        Query(f"tenants/{tenant}/{name}", of_it, limit=MAX_WRITES, select=())
        for name in _PURGED_AFTER
    ]
    rows = [row for query in queries for row in store.query(query)]
    return ["/".join(row.path.split("/")[-2:]) for row in rows]


def otherwise(
    store: DocumentStore, document: Document, last: Event | None, replay: Replay, purges: Purges
) -> BrokenLink | None:
    """What is wrong with a tombstone, after its chain has held; None where nothing is.

    An event records that the subject was deleted: the last one of its chain; of a purge, the one on
    the tenant's chain that the tombstone names; of a worksheet, the one of its case.
    """
    reached = last.sequence if last else 0
    if purge := document.data.get(PURGED_BY):
        return _purged(store, document, str(purge), reached, replay, purges)
    if "/worksheets/" in document.path:
        case = _case_of(store, document)
        deleted = case is not None and is_gone(case)
        return None if deleted else BrokenLink(sequence=reached, problem=_WITHOUT_EVENT)
    deletion = _DELETED_BY.get(document.path.split("/")[-2])
    if last is None or last.event_type != deletion:
        return BrokenLink(sequence=reached, problem=_WITHOUT_EVENT)
    if document.data[DELETED_AT] != last.created_at:
        return differs(reached, DELETED_AT)
    return None


def _purged(  # noqa: PLR0913, PLR0917 - what is gone, and what its trail says
    store: DocumentStore,
    document: Document,
    purge: str,
    reached: int,
    replay: Replay,
    purges: Purges,
) -> BrokenLink | None:
    tenant, collection = tenant_of(document.path), document.path.split("/")[-2]
    told = store.get(events.path(tenant, purge)) if is_id(purge) else None
    event = events.valid(told) if told else None
    if event is None or event.event_type != EventType.RECORDS_PURGED:
        return BrokenLink(sequence=reached, problem=_WITHOUT_EVENT, field=PURGED_BY)
    status = replay.now("status")
    over = status is None or status in _PURGED_AFTER.get(collection, ())
    if not over and not _had_lapsed(replay, event.created_at):
        return BrokenLink(sequence=reached, problem=_NOT_OF_THE_PURGE, field=PURGED_BY)
    if document.data[DELETED_AT] != event.created_at:
        return differs(reached, DELETED_AT)
    if purges.hash_of(tenant, purge) != event.meta.get("sha256"):
        return BrokenLink(sequence=reached, problem=_NOT_OF_THE_PURGE, field=PURGED_BY)
    return None


def _had_lapsed(replay: Replay, at: datetime) -> bool:
    """Whether an approval had lapsed by then: its action was not started in time."""
    until = replay.now("actUntil")
    started = "startedBySubject" in replay.changed
    return until is not None and not started and datetime.fromisoformat(until) <= at


def _case_of(store: DocumentStore, worksheet: Document) -> Document | None:
    case_id = worksheet.id.partition(":")[0]
    return store.get(f"tenants/{tenant_of(worksheet.path)}/cases/{case_id}")
