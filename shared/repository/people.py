"""The directory of a tenant's people in the store: who has which name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.ledger import directory
from shared.ledger.ledger import Ledger
from shared.models.names import folded
from shared.models.person import PeopleQuery, StoredPerson
from shared.repository.listing import query_of
from shared.repository.paging import page
from shared.repository.reading import readable
from shared.rules import people


def subject_of(ledger: Ledger, name: str | None) -> str | None:
    """The subject of who is called `name`, as far as that is known.

    The caller's own costs nothing; another's is looked up in the directory: one read. Of several
    whom a name has belonged to it is the one who was seen last.
    """
    if name is None:
        return None
    key, caller = folded(name), ledger.origin.actor
    if key == people.known_as(caller):
        return caller.subject
    last_first = (Order("lastSeenAt", descending=True),)
    collection = f"tenants/{ledger.tenant}/people"
    query = Query(collection, (Filter("knownAs", "==", key),), last_first, limit=1)
    found, _ = readable(ledger.store.query(query), _subject)
    return found[0] if found else None


def listed(
    store: DocumentStore, tenant: str, wanted: PeopleQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of the directory, by name; and the token of the next."""
    return page(store, query_of(f"tenants/{tenant}", wanted, now), wanted)


def entries(store: DocumentStore, tenant: str, subjects: Sequence[str]) -> dict[str, Document]:
    """The entries of people by their subjects, at one read each; who was erased has none."""
    paths = [directory.path(tenant, subject) for subject in subjects]
    documents = store.get_many(paths) if paths else []
    each = zip(subjects, documents, strict=True)
    return {subject: document for subject, document in each if document is not None}


def names(store: DocumentStore, tenant: str, subjects: Sequence[str]) -> dict[str, str]:
    """The names of people by their subjects, at one read each; who was erased has none.

    Of who cannot be read it is the subject.
    """
    known = entries(store, tenant, subjects)
    found, _ = readable(known.values(), _known)
    return {subject: subject for subject in known} | dict(found)


def _known(document: Document) -> tuple[str, str]:
    person = StoredPerson.read(document.data)
    return person.subject, person.name


def _subject(document: Document) -> str:
    return StoredPerson.read(document.data).subject


def shown_row(document: Document) -> dict[str, Any]:
    """The JSON fields of a person as a client sees them."""
    data = StoredPerson.row(document.data)
    shown = {name: data[name] for name in ("subject", "name", "email", "role")}
    return {**shown, "lastSeenOn": data["lastSeenAt"].date()}
