"""Cases as they are read: one, or a page of a queue. What only reads loads nothing of the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.documents.port import Document, DocumentStore, Filter
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import required
from shared.models.case import StoredCase
from shared.repository import listing, paging
from shared.rules import cases as case_rules
from shared.rules import people, search
from shared.rules.callers import Caller

if TYPE_CHECKING:
    from shared.models.case_queries import CaseQuery

_DUE = Filter("clockDueAt", ">", datetime(1, 1, 1, tzinfo=UTC))
"""Leaves out the cases whose clock stands."""


def get(store: DocumentStore, tenant: str, case_id: str) -> StoredCase:
    """A case. Raises NotFound."""
    return required(CASES, store.get(CASES.path(tenant, case_id)), case_id)


def listed(
    store: DocumentStore, caller: Caller, wanted: CaseQuery, now: datetime
) -> tuple[list[Document], str | None]:
    """A page of a queue, newest first, or longest overdue first; and the token of the next."""
    query = listing.query_of(f"tenants/{caller.tenant}", wanted, now, people.keys(caller.actor))
    if wanted.sort == "dueAt" and case_rules.STANDING.isdisjoint(wanted.status or ()):
        query = replace(query, filters=(*query.filters, _DUE))
    accept = has_words(wanted.search) if wanted.search else None
    return paging.page(store, query, wanted, accept=accept)


def has_words(text: str) -> Callable[[Document], bool]:
    """Whether a search for `text` finds the case in a row."""
    matches = search.matcher(text)

    def accept(row: Document) -> bool:
        case = StoredCase.row(row.data)
        return matches(row.id, case["title"], case["summary"], case["submissionId"])

    return accept
