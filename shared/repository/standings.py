"""Figures about cases, and whether a case number is known and its case open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from shared import errors
from shared.documents.port import Aggregation, Document, DocumentStore, Filter, Order, Query
from shared.ledger.kinds.cases import CASES
from shared.ledger.subjects import load, tell
from shared.models.case import CaseStanding, CaseStats, Status
from shared.repository import tallies
from shared.rules.cases import DONE


def stats(store: DocumentStore, tenant: str, me: Sequence[str], now: datetime) -> CaseStats:
    """Counts by what was counted of the trail; and three counts of open work.

    These are aggregations of what there is now. `me` are the caller's keys (`rules/people.py`), for
    the count of their own cases.
    """
    counted = tallies.totals(store, tenant, now)
    collection = f"tenants/{tenant}/cases"
    overdue = Query(collection, (Filter("clockDueAt", "<", now),))
    # In the order of the lists, so that their index serves.
    newest = (Order("createdAt", descending=True),)
    waiting = Query(collection, (Filter("waiting", "==", value=True),), newest)
    undone = Filter("status", "in", [status for status in Status if status not in DONE])
    mine = Query(collection, (undone, Filter("assigneeKey", "in", list(me))), newest)
    totals = store.aggregate([Aggregation(one) for one in (overdue, waiting, mine)])
    overdue_ones, waiting_ones, mine_ones = (total.count for total in totals)
    by_status = counted.totals.by(2, "cases")
    return CaseStats(
        as_of=counted.as_of,
        case_count=sum(by_status.values()),
        total_events=counted.totals.sum("events"),
        cases_by_status={status: by_status.get(status, 0) for status in Status},
        overdue=overdue_ones,
        waiting=waiting_ones,
        mine=mine_ones,
        unassigned=counted.totals.sum("unassigned"),
    )


def standings(store: DocumentStore, tenant: str, case_ids: Sequence[str]) -> list[CaseStanding]:
    """Whether each case number is known and its case open, in the order asked. Reads each once."""
    unique = list(dict.fromkeys(case_ids))
    documents = (
        store.get_many([CASES.path(tenant, case_id) for case_id in unique]) if unique else []
    )
    found = dict(zip(unique, documents, strict=True))
    return [_standing(tenant, case_id, found[case_id]) for case_id in case_ids]


def _standing(tenant: str, case_id: str, document: Document | None) -> CaseStanding:
    problem = None
    try:
        exists = load(CASES, document) is not None
    except errors.Unreadable as error:
        tell(CASES.path(tenant, case_id))
        problem, exists = error.message, True
    closed = exists and document is not None and document.data.get("status") == Status.CLOSED
    known: Literal["open", "closed"] = "closed" if closed else "open"
    return CaseStanding(
        case_id=case_id,
        valid=exists,
        is_closed=closed,
        status=known if exists else "invalid",
        unreadable=problem,
    )
