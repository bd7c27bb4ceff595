"""What a legal hold has preserved below a case, in the store.

`shared/ledger/preserved.py` writes it. It is never changed, and goes with its case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic_core import from_json

from shared.documents.port import Delete, Document, DocumentStore, Query, Write
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.preserved import PRESERVED
from shared.ledger.subjects import required
from shared.models.case import StoredCase
from shared.models.preserved import PreservedFields, PreservedQuery, StoredPreserved
from shared.repository.listing import query_of
from shared.repository.paging import page

_SHOWN = PreservedFields.aliases()


def listed(
    store: DocumentStore, tenant: str, case_id: str, wanted: PreservedQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of what was preserved of a case, newest first; and the token of the next one.

    Raises NotFound.
    """
    path = CASES.path(tenant, case_id)
    rows, token = page(store, query_of(path, wanted, now), wanted)
    if not rows:
        required(CASES, store.get(path), case_id)
    return rows, token


def removals(ledger: Ledger, case_id: str, case: StoredCase) -> list[Write]:
    """The writes that remove all that was preserved of a case."""
    if not case.was_held:
        return []
    query = Query(f"{CASES.path(ledger.tenant, case_id)}/{PRESERVED}", select=())
    return [Delete(row.path) for row in ledger.store.query(query)]


def shown_row(document: Document) -> dict[str, Any]:
    """The JSON fields of preserved content as a client sees it."""
    data = StoredPreserved.row(document.data)
    content = from_json(data["content"])
    if data["collection"] == "evidence":
        # Stored as JSON text, as in the item itself.
        content["metadata"] = from_json(content["metadata"])
    return {"id": document.id, **{name: data[name] for name in _SHOWN}, "content": content}
