"""Erasures: one admin asks, another confirms, and then the events are changed, page by page.

Each page is one commit, with how far it has come: whoever stops anywhere leaves the rest to the
next call, and to the nightly purge. The event that records the erasure is committed first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.documents.backoff import attempts
from shared.documents.port import (
    Conflict,
    Create,
    Delete,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Write,
)
from shared.errors import Held, NotFound, Unreadable
from shared.ledger import directory
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds import TENANT
from shared.ledger.ledger import CONTENTION_SECONDS, Ledger
from shared.ledger.subjects import problem_of, tenant_of, written
from shared.models.erasure import ErasureQuery, ErasureToAsk, StoredErasure
from shared.models.events import EventType
from shared.models.settings import StoredSettings
from shared.repository import erasure, views
from shared.repository.listing import query_of
from shared.repository.paging import page, place
from shared.repository.reading import readable
from shared.rules import erasures as rules

_CASES_AT_ONCE = 200


def path(tenant: str, erasure_id: str) -> str:
    """Where an erasure is kept."""
    return f"tenants/{tenant}/erasures/{erasure_id}"


def get(store: DocumentStore, tenant: str, erasure_id: str) -> StoredErasure:
    """An erasure. Raises NotFound."""
    return _required(store.get(path(tenant, erasure_id)), erasure_id)


def listed(
    store: DocumentStore, tenant: str, wanted: ErasureQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of erasures, newest first; and the token of the next one."""
    return page(store, query_of(f"tenants/{tenant}", wanted, now), wanted)


def read(document: Document) -> StoredErasure:
    """The erasure in a document. Raises Unreadable."""
    try:
        return StoredErasure.read(document.data)
    except ValidationError as error:
        said = f"erasures/{document.id} cannot be read: {problem_of(error)}"
        raise Unreadable(said) from None


def ask(ledger: Ledger, given: ErasureToAsk) -> Recorded[StoredSettings, StoredErasure]:
    """Asks for an erasure, which has the id of the event that records it.

    Raises NotFound for a subject without a trail, and Held.
    """
    own = ledger.without_match

    def asked(old: StoredSettings, now: datetime) -> Decision[StoredSettings, StoredErasure]:
        new = rules.asked(given, own.origin.actor, now)
        _require_unheld(own, new, _names(own, new))
        return Decision(
            old,
            EventType.ERASURE_REQUESTED,
            "Erasure requested",
            reason=new.reason,
            meta=_told(own.event_id, new),
            writes=(Create(path(own.tenant, own.event_id), new.to_data()),),
            result=new,
        )

    recorded: Recorded[StoredSettings, StoredErasure] = own.change(TENANT, "", asked)
    return recorded


def confirm(ledger: Ledger, erasure_id: str) -> Recorded[StoredSettings]:
    """Confirms an erasure, so that it can be carried out.

    Raises NotFound; PreconditionFailed for a stale If-Match; FailedPrecondition where the caller
    asked for it, somebody else has confirmed it, or it has lapsed; and Held.
    """
    own, at = ledger.without_match, path(ledger.tenant, erasure_id)

    def confirmed(old: StoredSettings, now: datetime) -> Decision[StoredSettings] | Unchanged:
        document = own.beside(at)
        found = _required(document, erasure_id)
        ledger.origin.require_match(rules.tag(found))
        names = _names(own, found)
        new = rules.confirmed(found, own.origin.actor, own.event_id, names, now)
        if new is None:
            return Unchanged()
        _require_unheld(own, new, names)
        return Decision(
            old,
            EventType.DATA_ERASED,
            "Personal data erased",
            reason=new.reason,
            meta=_told(erasure_id, new),
            writes=(written(at, document, new),),
        )

    return own.change(TENANT, "", confirmed)


def carry_out(
    store: DocumentStore, at: str, clock: Callable[[], datetime], go_on: Callable[[], bool]
) -> StoredErasure:
    """Erases what a confirmed erasure still has to, a page at least and then while `go_on()`.

    `at` is where it is kept. A legal hold stops it. Raises NotFound.
    """
    pauses = attempts(CONTENTION_SECONDS)
    first = True
    while True:
        document = store.get(at)
        found = _required(document, at.rpartition("/")[2])
        if document is None or found.unfinished_since is None or not (first or go_on()):
            return found
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
        own = [row for row in rows if row.data["createdAt"] <= until]
        looked = erasure.look(own, person.values if person else rules.everything, by)
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


def _names(ledger: Ledger, found: StoredErasure) -> list[str]:
    """The address of a person that the directory has."""
    if found.person is None:
        return []
    document = ledger.beside(directory.path(ledger.tenant, found.person))
    known, _ = readable([document] if document else [], lambda row: row.data["email"])
    return [email for email in known if email is not None]


def _require_unheld(ledger: Ledger, found: StoredErasure, names: list[str]) -> None:
    """Raises Held where something that would be erased is about a case under a legal hold.

    Raises NotFound for a subject that has no events.
    """
    store, tenant = ledger.store, ledger.tenant
    if found.subject is not None:
        newest = store.query(replace(erasure.chain_of(tenant, found.subject), limit=1))
        if not newest:
            raise NotFound(f"{found.subject} does not exist")
        cases = erasure.cases_of(store, tenant, map(erasure.case_of, newest))
        held = next((name for name, case in cases.items() if erasure.is_held(case)), None)
    else:
        person = rules.Person(found.person or "", names)
        held = next(_held_cases_of(store, tenant, person.values), None)
    if held is not None:
        raise Held(f"cases/{held} is under a legal hold", [{"caseId": held, "legalHold": True}])


def _held_cases_of(store: DocumentStore, tenant: str, choose: erasure.Choose) -> Iterator[str]:
    """The held cases that have an event with something to erase."""
    held = Query(
        f"tenants/{tenant}/cases",
        (Filter("legalHold", "==", value=True),),
        (Order("createdAt", descending=True),),
        select=("createdAt",),
    )
    for case in _rows(store, held, _CASES_AT_ONCE):
        for query in erasure.of_subject(tenant, f"cases/{case.id}"):
            if any(erasure.look([row], choose, "").erased for row in _rows(store, query)):
                yield case.id


def _rows(store: DocumentStore, query: Query, at_once: int = erasure.PAGE) -> Iterator[Document]:
    """All rows of a query, a page at a time."""
    while rows := store.query(replace(query, limit=at_once)):
        yield from rows
        if len(rows) < at_once:
            return
        query = replace(query, after=place(rows[-1], query))


def _told(erasure_id: str, found: StoredErasure) -> dict[str, Any]:
    """What the events say of an erasure. Of a person they say nothing but that it is one."""
    scope = "person" if found.subject is None else "subject"
    told = {"erasure": erasure_id, "scope": scope, "legalBasis": found.legal_basis}
    return told if found.subject is None else {**told, "erasedSubject": found.subject}


def _required(document: Document | None, erasure_id: str) -> StoredErasure:
    if document is None:
        raise NotFound(f"erasures/{erasure_id} does not exist")
    return read(document)
