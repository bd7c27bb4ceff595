"""Erasures: one admin asks for it, and another confirms it, both with an event of the tenant.

The event that records the erasure is there before the first value is erased (`erasing.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.documents.port import (
    Create,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
)
from shared.errors import Held, NotFound, Unreadable
from shared.ledger import directory
from shared.ledger.decision import Decision, Recorded, Unchanged
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import problem_of, written
from shared.models.erasure import ErasureQuery, ErasureToAsk, StoredErasure
from shared.models.events import EventType
from shared.models.settings import StoredSettings
from shared.repository import erasure
from shared.repository.batches import rows_of
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.repository.reading import readable
from shared.rules import erasures as rules

_CASES_AT_ONCE = 200


def path(tenant: str, erasure_id: str) -> str:
    """Where an erasure is kept."""
    return f"tenants/{tenant}/erasures/{erasure_id}"


def get(store: DocumentStore, tenant: str, erasure_id: str) -> StoredErasure:
    """An erasure. Raises NotFound."""
    return required(store.get(path(tenant, erasure_id)), erasure_id)


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


def required(document: Document | None, erasure_id: str) -> StoredErasure:
    """The erasure in a document. Raises NotFound, and Unreadable."""
    if document is None:
        raise NotFound(f"erasures/{erasure_id} does not exist")
    return read(document)


def ask(ledger: Ledger, given: ErasureToAsk) -> Recorded[StoredSettings, StoredErasure]:
    """Asks for an erasure, which has the id of the event that records it.

    Raises NotFound for a subject without a trail, and Held.
    """
    own = ledger.without_match

    def asked(old: StoredSettings, now: datetime) -> Decision[StoredSettings, StoredErasure]:
        new = rules.asked(given, own.origin.actor, now)
        _require_unheld(own, new, _names(own, new))
        new = new.model_copy(update={"about_events": _about(own, new)})
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
        found = required(document, erasure_id)
        ledger.origin.require_match(rules.tag(found))
        names = _names(own, found)
        new = rules.confirmed(found, own.origin.actor, own.event_id, names, now)
        if new is None:
            return Unchanged()
        _require_unheld(own, new, names)
        new = new.model_copy(update={"about_events": _about(own, new)})
        return Decision(
            old,
            EventType.DATA_ERASED,
            "Personal data erased",
            reason=new.reason,
            meta=_told(erasure_id, new),
            writes=(written(at, document, new),),
        )

    return own.change(TENANT, "", confirmed)


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
    for case in rows_of(store, held, _CASES_AT_ONCE):
        for query in erasure.of_subject(tenant, f"cases/{case.id}"):
            events = rows_of(store, query, erasure.PAGE)
            if any(erasure.look([event], choose, "").erased for event in events):
                yield case.id


def _about(ledger: Ledger, found: StoredErasure) -> int:
    """How many events an erasure is about; of a person they are those of their own."""
    if found.person is not None:
        return erasure.count(ledger.store, [erasure.acts_of(ledger.tenant, found.person)])
    return erasure.count(ledger.store, erasure.of_subject(ledger.tenant, found.subject or ""))


def _told(erasure_id: str, found: StoredErasure) -> dict[str, Any]:
    """What the events say of an erasure. Of a person they say nothing but that it is one."""
    scope = "person" if found.subject is None else "subject"
    told = {
        "erasure": erasure_id,
        "scope": scope,
        "events": found.about_events,
        "legalBasis": found.legal_basis,
    }
    return told if found.subject is None else {**told, "erasedSubject": found.subject}
