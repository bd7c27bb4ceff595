"""The people whose decisions the first release counted, in a collection of its own, by their names.

Figures are counted of the trail now: each counter becomes the entry of a person in the directory.
"""

from __future__ import annotations

from shared.documents.port import (
    Create,
    Delete,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Write,
)
from shared.ledger import directory
from shared.ledger.subjects import tenant_of
from shared.models.roles import Actor

PILOTS = "pilots"
"""The collection of the counters, one a name."""


def moved(store: DocumentStore, row: Document) -> list[Write]:
    """The writes that replace a counter by the entry of whom the trail knows by its name last.

    None where the trail has no such name.
    """
    tenant = tenant_of(row.path)
    last_first = (Order("createdAt", descending=True),)
    named = (Filter("actorName", "==", row.data["pilot"]),)
    found = store.query(Query(f"tenants/{tenant}/audit", named, last_first, limit=1))
    if not found:
        return []
    actor = Actor.model_validate(found[0].data["actor"])
    path, gone = directory.path(tenant, actor.subject), Delete(row.path, version=row.version)
    if store.get(path):
        return [gone]
    return [Create(path, directory.fields(actor, found[0].data["createdAt"])), gone]
