"""The saved views of a person: one document, theirs alone.

They are settings of the person's own page and no part of the casework, so they leave no event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from shared.documents.port import Conflict, Create, Document, DocumentStore, Set
from shared.errors import Aborted, PreconditionFailed
from shared.models.views import Views
from shared.rules.callers import Caller


def path(tenant: str, subject: str) -> str:
    """Where a person's views are kept."""
    key = hashlib.sha256(subject.encode()).hexdigest()[:32]
    return f"tenants/{tenant}/views/{key}"


def etag(views: Views) -> str:
    """The entity tag of views: made of what they are."""
    return hashlib.sha256(views.model_dump_json().encode()).hexdigest()[:16]


def get(store: DocumentStore, caller: Caller) -> Views:
    """The caller's views; none where they have saved none."""
    return read(store.get(path(caller.tenant, caller.subject)))


def save(
    store: DocumentStore, caller: Caller, views: Views, matches: Callable[[str], bool] | None
) -> None:
    """Replaces all views of the caller. Raises PreconditionFailed, and Aborted for a lost race."""
    at = path(caller.tenant, caller.subject)
    document = store.get(at)
    old = read(document)
    if matches and not matches(etag(old)):
        raise PreconditionFailed("If-Match does not name the current version")
    if views == old:
        return
    data = views.model_dump(by_alias=True)
    write = Set(at, data, document.version) if document else Create(at, data)
    try:
        store.commit([write])
    except Conflict:
        raise Aborted("the views were saved by another request at the same time") from None


def read(document: Document | None) -> Views:
    """The views in a document; none where there is none."""
    return Views.model_validate(document.data) if document else Views(views=[])
