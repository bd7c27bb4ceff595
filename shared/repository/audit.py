"""Reading the audit trail, and verifying it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from shared import log
from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import NotFound
from shared.ledger import events
from shared.ledger.subjects import DELETED_AT, PURGED_BY, tenant_of
from shared.models.audit import BrokenLink, CaseEventQuery, EventQuery, Verification
from shared.models.events import Event, EventType
from shared.models.subjects import Head
from shared.repository import sealed
from shared.repository.erased import unrecorded
from shared.repository.listing import query_of
from shared.repository.paging import page, place
from shared.repository.sealed_chain import SealedChain
from shared.rules.chain import Check

_VERIFY_PAGE = 300
_NEWEST_FIRST = (Order("createdAt", descending=True),)
_BY_SEQUENCE = (Order("sequence", descending=True),)


def of_case(
    store: DocumentStore, tenant: str, case_id: str, wanted: CaseEventQuery
) -> tuple[list[Document], str | None]:
    """A page of a case's own chain, or with `related` of all events about it.

    Raises NotFound.
    """
    if wanted.related:
        query = _events(tenant, (Filter("caseId", "==", case_id),), _NEWEST_FIRST)
    else:
        query = _events(tenant, (Filter("subject", "==", f"cases/{case_id}"),), _BY_SEQUENCE)
    rows, token = page(store, query, wanted)
    if not rows and not wanted.page_token:
        # Every case has an event from its creation on, and its events are never removed.
        raise NotFound(f"cases/{case_id} does not exist")
    return rows, token


def of_tenant(
    store: DocumentStore, tenant: str, wanted: EventQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of a tenant's events as they are stored, newest first."""
    rows, token = page(store, query_of(f"tenants/{tenant}", wanted, now), wanted)
    return rows, token


def verify(store: DocumentStore, tenant: str, subject: str) -> Verification:
    """Verifies a subject's chain, from its head back to its first event. Raises NotFound."""
    path = f"tenants/{tenant}" if subject == "tenant" else f"tenants/{tenant}/{subject}"
    document, state = store.get_many([path, sealed.state_path(tenant)])
    head = _head(document)
    query = _events(tenant, (Filter("subject", "==", subject),), _BY_SEQUENCE)
    check = Check(tenant, subject, head or Head())
    in_log = SealedChain(sealed.of(store, tenant, state))
    last = None
    if head and head.sequence:
        upto = (*query.filters, Filter("sequence", "<=", head.sequence))
        last = _follow(store, replace(query, filters=upto), check, in_log)
    check.finish()
    broken = _first(check.broken, in_log.broken, unrecorded(store, tenant, check.erasures))
    broken = broken or _ending(store, query, document, head, last)
    if document is None and broken is None and subject != "tenant":
        raise NotFound(f"{subject} does not exist")
    if broken:
        log.write(
            "ERROR",
            "a chain does not verify",
            tenant=tenant,
            subject=subject,
            sequence=broken.sequence,
        )
    return Verification(
        subject=subject,
        valid=broken is None,
        events=check.events,
        head_hash=(head or Head()).hash,
        erased_values=check.erased or None,
        purged=True if broken is None and document and _purged(store, document) else None,
        log=in_log.part,
        first_broken=broken,
    )


def _follow(store: DocumentStore, query: Query, check: Check, in_log: SealedChain) -> Event | None:
    newest: Event | None = None
    while rows := store.query(replace(query, limit=_VERIFY_PAGE)):
        found = [events.valid(row) for row in rows]
        newest = newest or found[0]
        check.follow(event or _sequence(row) for event, row in zip(found, rows, strict=True))
        in_log.follow(found)
        if len(rows) < _VERIFY_PAGE or _sequence(rows[-1]) is None:
            break
        query = replace(query, after=place(rows[-1], query))
    return newest


def _first(*found: BrokenLink | None) -> BrokenLink | None:
    return min(filter(None, found), key=lambda one: one.sequence, default=None)


def _ending(
    store: DocumentStore,
    query: Query,
    document: Document | None,
    head: Head | None,
    last: Event | None,
) -> BrokenLink | None:
    """What is wrong at the end of a chain that is valid up to its head."""
    reached = head.sequence if head else 0
    if document and head is None:
        return BrokenLink(sequence=0, problem="the subject's head cannot be read")
    if document and _gone(document) and last and not _deleted_by(store, document, last):
        return BrokenLink(sequence=reached, problem="the subject is gone without an event")
    beyond = (*query.filters, Filter("sequence", ">", reached))
    rows = store.query(replace(query, filters=beyond, limit=1))
    if not rows:
        return None
    # If it was recorded after the head was read, the head has moved too.
    now = _head(store.get(document.path)) if document else None
    if now and now.sequence > reached:
        return None
    return BrokenLink(sequence=reached + 1, problem="event lies beyond the head")


def _deleted_by(store: DocumentStore, document: Document, last: Event) -> bool:
    """Whether an event records that the subject was deleted or purged.

    It is the last one of its chain; of a purge, the one on the tenant's chain that the tombstone
    names; of a worksheet, the one of its case.
    """
    tenant = tenant_of(document.path)
    if purge := document.data.get(PURGED_BY):
        told = store.get(events.path(tenant, str(purge)))
        event = events.valid(told) if told else None
        return event is not None and event.event_type == EventType.RECORDS_PURGED
    if not last.subject.startswith("worksheets/"):
        return last.event_type == EventType.CASE_DELETED
    case = _case_of(store, document)
    return case is not None and _gone(case)


def _purged(store: DocumentStore, document: Document) -> bool:
    """Whether a subject was purged after its retention; a worksheet is purged with its case."""
    if _gone(document) and "/worksheets/" in document.path:
        case = _case_of(store, document)
        return case is not None and PURGED_BY in case.data
    return PURGED_BY in document.data


def _case_of(store: DocumentStore, worksheet: Document) -> Document | None:
    case_id = worksheet.id.partition(":")[0]
    return store.get(f"tenants/{tenant_of(worksheet.path)}/cases/{case_id}")


def _gone(document: Document) -> bool:
    return DELETED_AT in document.data


def _sequence(row: Document) -> int | None:
    sequence = row.data.get("sequence")
    return sequence if isinstance(sequence, int) else None


def _head(document: Document | None) -> Head | None:
    try:
        return Head.model_validate(document.data.get("head")) if document else None
    except ValidationError:
        return None


def _events(tenant: str, filters: tuple[Filter, ...], order: tuple[Order, ...]) -> Query:
    return Query(f"tenants/{tenant}/audit", filters, order)
