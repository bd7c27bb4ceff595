"""Carries confirmed erasures out: page by page, each in one commit with how far it has come.

Whoever stops anywhere leaves the rest to the next call, and to the nightly purge. Two at the same
erasure only get in each other's way: each page is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from shared.documents.backoff import attempts
from shared.documents.port import (
    Conflict,
    Delete,
    DocumentStore,
    Filter,
    Order,
    Query,
    Write,
)
from shared.errors import Unreadable
from shared.ledger import directory, events
from shared.ledger.ledger import CONTENTION_SECONDS
from shared.ledger.subjects import tenant_of, written
from shared.models.erasure import StoredErasure
from shared.models.events import EventType
from shared.repository import erasure, erasures, views
from shared.repository.paging import place
from shared.rules import chain
from shared.rules import erasures as rules


def carry_out(
    store: DocumentStore, at: str, clock: Callable[[], datetime], go_on: Callable[[], bool]
) -> StoredErasure:
    """Erases what a confirmed erasure still has to, a page at least and then while `go_on()`.

    `at` is where it is kept. A legal hold stops it. Raises NotFound, and Unreadable where no event
    says that it was confirmed.
    """
    pauses = attempts(CONTENTION_SECONDS)
    first = True
    while True:
        document = store.get(at)
        found = erasures.required(document, at.rpartition("/")[2])
        if document is None or found.unfinished_since is None or not (first or go_on()):
            return found
        if first:
            _require_confirmed(store, tenant_of(at), document.id, found)
        first = False
        new, writes = _next_page(store, tenant_of(at), found, clock)
        if new == found:
            return found
        try:
            store.commit([written(at, document, new), *writes])
        except Conflict:
            # Others are at it, or a case was changed.
            if next(pauses, None) is None:
                return found
        else:
            pauses = attempts(CONTENTION_SECONDS)
            if new.held_case is not None:
                return new


def unfinished(now: datetime) -> Query:
    """The query for the erasures of all tenants that are confirmed and not completed."""
    since = "unfinishedSince"
    return Query("erasures", (Filter(since, "<=", now),), (Order(since),), group=True)


def _require_confirmed(
    store: DocumentStore, tenant: str, erasure_id: str, found: StoredErasure
) -> None:
    """Raises Unreadable unless an event has confirmed it: whoever edits it makes nothing go."""
    document = store.get(events.path(tenant, found.event_id)) if found.event_id else None
    event = events.valid(document) if document else None
    known = event is not None and event.event_type == EventType.DATA_ERASED
    if event is None or not known or not chain.holds(tenant, event):
        raise Unreadable(f"erasures/{erasure_id} is confirmed by no event")
    told = event.meta.get("erasure"), event.meta.get("erasedSubject"), event.created_at
    if told != (erasure_id, found.subject, found.confirmed_at):
        raise Unreadable(f"erasures/{erasure_id} is not what its event says")


def _next_page(
    store: DocumentStore, tenant: str, found: StoredErasure, clock: Callable[[], datetime]
) -> tuple[StoredErasure, list[Write]]:
    """The erasure behind its next page of events, and the other writes that bring it there."""
    by = found.event_id or ""
    person = rules.Person(found.person, found.names) if found.person is not None else None
    # What is recorded after it was confirmed is not erased.
    until = found.confirmed_at or found.asked_at
    queries = _queries(tenant, found, until)
    query = queries[found.step]
    last_step = person is None or found.step + 1 == len(queries)
    rows = store.query(replace(query, after=tuple(found.after), limit=erasure.PAGE))
    last = len(rows) < erasure.PAGE
    while True:
        recorded = erasure.recorded_by(rows, until)
        looked = erasure.look(recorded, person.values if person else rules.everything, by)
        cases = erasure.cases_of(store, tenant, (one.case_id for one in looked.erased))
        held = [case_id for case_id, case in cases.items() if erasure.is_held(case)]
        if held:
            return found.model_copy(update={"held_case": held[0]}), []
        new = found.model_copy(
            update={
                "events": found.events + len(looked.erased),
                "values": found.values + looked.values,
                # A person's own events are looked at twice.
                "kept_events": found.kept_events + (looked.kept if last_step else 0),
                "held_case": None,
                "names": sorted(person.names) if person else [],
                "after": [] if last else list(place(rows[-1], query)),
                "step": found.step + int(last),
            }
        )
        writes: list[Write] = [one.write for one in looked.erased]
        writes += erasure.guards(cases.values())
        if last and new.step == len(queries):
            new = rules.completed(new, clock())
            writes += _belongings(tenant, found)
        if erasure.fits(store, writes) or len(rows) == 1:
            return new, writes
        rows, last = rows[: len(rows) // 2], False


def _queries(tenant: str, found: StoredErasure, until: datetime) -> list[Query]:
    if found.person is not None:
        queries = erasure.of_person(tenant, found.person)
    else:
        queries = erasure.of_subject(tenant, found.subject or "")
    return [erasure.until(query, until) for query in queries]


def _belongings(tenant: str, found: StoredErasure) -> Iterator[Write]:
    """The writes that remove what else is kept of a person alone: their entry, and their views."""
    if found.person is not None:
        yield Delete(directory.path(tenant, found.person))
        yield Delete(views.path(tenant, found.person))
