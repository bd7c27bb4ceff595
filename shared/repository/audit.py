"""Reading the audit trail, and verifying it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from shared import log
from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import Aborted, NotFound
from shared.ledger import events
from shared.ledger.subjects import version_of
from shared.models.audit import BrokenLink, CaseEventQuery, EventQuery, Verification
from shared.models.events import Event
from shared.models.subjects import Head
from shared.repository import gone, sealed
from shared.repository.batches import pages
from shared.repository.erased import unrecorded
from shared.repository.integrity import Trail, first_of
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.repository.sealed_chain import SealedChain
from shared.rules.chain import Check, Unread

_VERIFY_PAGE = 300
_ATTEMPTS = 5
"""How often a subject is read that others change in between."""
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


def verify(
    store: DocumentStore,
    tenant: str,
    subject: str,
    now: datetime,
    purges: gone.Purges | None = None,
) -> Verification:
    """Verifies a subject's chain, from its head back to its first event, and what is stored of it.

    What is stored must be what the events say (`integrity.py`). A subject that was changed while it
    was read is read again. Who verifies many gives the same `purges` to each: they are read once.
    Raises NotFound, and Aborted for a subject that does not stand still.
    """
    paths = [f"tenants/{tenant}" if subject == "tenant" else f"tenants/{tenant}/{subject}"]
    paths.append(sealed.state_path(tenant))
    document, state = store.get_many(paths)
    purges = purges or gone.Purges(store)
    for _ in range(_ATTEMPTS):
        in_log = SealedChain(sealed.of(store, tenant, state), now)
        found = _verified(store, tenant, subject, document, in_log, purges)
        if found.first_broken is None:
            if document is None and subject != "tenant":
                raise NotFound(f"{subject} does not exist")
            return found
        # What broke may be a change that was made meanwhile, and that was read in part.
        before = document
        document, state = store.get_many(paths)
        if version_of(document) == version_of(before):
            _tell(tenant, subject, found.first_broken)
            return found
    raise Aborted("the subject was changed each time that it was read; try again")


def _tell(tenant: str, subject: str, broken: BrokenLink) -> None:
    """Names what is broken in the log, without what is stored."""
    log.write(
        "ERROR",
        "a chain does not verify",
        securityEvent="trail_broken",
        tenant=tenant,
        subject=subject,
        sequence=broken.sequence,
        field=broken.field,
    )


def _verified(  # noqa: PLR0913, PLR0917 - a subject, and what it is compared with
    store: DocumentStore,
    tenant: str,
    subject: str,
    document: Document | None,
    in_log: SealedChain,
    purges: gone.Purges,
) -> Verification:
    head = _head(document)
    query = _events(tenant, (Filter("subject", "==", subject),), _BY_SEQUENCE)
    trail = Trail(subject)
    check = Check(tenant, subject, head or Head(), trail.take)
    last = None
    if head and head.sequence:
        upto = (*query.filters, Filter("sequence", "<=", head.sequence))
        last = _follow(store, replace(query, filters=upto), check, in_log)
    check.finish()
    taken = unrecorded(store, tenant, subject, check.erasures)
    broken = first_of((check.broken, taken, in_log.broken))
    broken = broken or _ending(store, query, document, head)
    if broken is None and document:
        broken = trail.contradiction() or (
            gone.otherwise(store, document, last, trail.replay, purges)
            if gone.is_gone(document)
            else trail.otherwise(store, document)
        )
    return Verification(
        subject=subject,
        valid=broken is None,
        events=check.events,
        head_hash=(head or Head()).hash,
        erased_values=check.erased or None,
        purged=True if broken is None and document and gone.is_purged(store, document) else None,
        log=in_log.part,
        first_broken=broken,
    )


def _follow(store: DocumentStore, query: Query, check: Check, in_log: SealedChain) -> Event | None:
    newest: Event | None = None
    for rows in pages(store, query, _VERIFY_PAGE):
        found = [events.valid(row) for row in rows]
        newest = newest or found[0]
        check.follow(event or _unread(row) for event, row in zip(found, rows, strict=True))
        in_log.follow(found)
        if _sequence(rows[-1]) is None:
            break
    return newest


def _unread(row: Document) -> Unread:
    return Unread(_sequence(row), events.bad_field(row))


def _ending(
    store: DocumentStore,
    query: Query,
    document: Document | None,
    head: Head | None,
) -> BrokenLink | None:
    """What is wrong at the end of a chain that is valid up to its head."""
    reached = head.sequence if head else 0
    if document and head is None:
        return BrokenLink(sequence=0, problem="the subject's head cannot be read")
    beyond = (*query.filters, Filter("sequence", ">", reached))
    if store.query(replace(query, filters=beyond, limit=1)):
        return BrokenLink(sequence=reached + 1, problem="event lies beyond the head")
    return None


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
