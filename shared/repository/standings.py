"""Figures about cases, and whether a case number is known and its case open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from shared.documents.port import Aggregation, DocumentStore, Filter, Order, Query
from shared.ledger.kinds import CASES
from shared.ledger.subjects import load
from shared.models.case import CaseStanding, CaseStats, Status, StoredCase


def stats(store: DocumentStore, tenant: str, now: datetime) -> CaseStats:
    """Counts by status and of events: aggregations side by side, no document read."""
    collection = f"tenants/{tenant}/cases"
    queries = [Query(collection, (Filter("status", "==", status),)) for status in Status]
    overdue = Query(collection, (Filter("clockDueAt", "<", now),))
    # In the order of the lists, so that their index serves.
    newest = (Order("createdAt", descending=True),)
    waiting = Query(collection, (Filter("waiting", "==", value=True),), newest)
    queries += [overdue, waiting, Query(f"tenants/{tenant}/audit")]
    totals = store.aggregate([Aggregation(query) for query in queries])
    *cases, overdue_ones, waiting_ones, events = (total.count for total in totals)
    by_status = dict(zip(Status, cases, strict=True))
    return CaseStats(
        case_count=sum(by_status.values()),
        total_events=events,
        cases_by_status=by_status,
        overdue=overdue_ones,
        waiting=waiting_ones,
    )


def standings(store: DocumentStore, tenant: str, case_ids: Sequence[str]) -> list[CaseStanding]:
    """Whether each case number is known and its case open, in the order asked. Reads each once."""
    unique = list(dict.fromkeys(case_ids))
    documents = (
        store.get_many([CASES.path(tenant, case_id) for case_id in unique]) if unique else []
    )
    found = {
        case_id: load(CASES, document) for case_id, document in zip(unique, documents, strict=True)
    }
    return [_standing(case_id, found[case_id]) for case_id in case_ids]


def _standing(case_id: str, case: StoredCase | None) -> CaseStanding:
    closed = case is not None and case.status is Status.CLOSED
    known: Literal["open", "closed"] = "closed" if closed else "open"
    return CaseStanding(
        case_id=case_id,
        valid=case is not None,
        is_closed=closed,
        status=known if case else "invalid",
    )
