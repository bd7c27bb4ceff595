"""The cases of a queue that somebody can claim, in order, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.models.case_queries import CaseQuery, ClaimQuery
from shared.repository.case_rows import has_words
from shared.repository.listing import query_of
from shared.repository.paging import SCAN_LIMIT, place
from shared.repository.reading import unless_unreadable
from shared.rules.cases import RUNNING

_SECOND = 20


def of_queue(
    store: DocumentStore, tenant: str, wanted: ClaimQuery, now: datetime, *, lapsing: bool
) -> Iterator[list[Document]]:
    """The rows to claim from a queue, due first.

    Where claims lapse (`lapsing`), those whose claim has lapsed follow, the longest first.

    A search reads up to SCAN_LIMIT rows of the queue, which finds what many cases have; then the
    newest cases that have the words, for what is rare.
    """
    query = query_of(f"tenants/{tenant}", ClaimQuery.model_construct(**_free(wanted)), now)
    accept = unless_unreadable(has_words(wanted.search)) if wanted.search else None
    number = 0
    for rows in _in_order(store, query):
        yield list(filter(accept, rows)) if accept else rows
        number += len(rows)
    if accept and number == SCAN_LIMIT:
        rows = store.query(replace(_newest_with_words(tenant, wanted, now), limit=SCAN_LIMIT))
        found = [row for row in rows if accept(row) and _in_time(row, wanted, now)]
        placed = [row for row in found if "clockDueAt" in row.data]
        yield sorted(placed, key=lambda row: place(row, query))
    if lapsing:
        for rows in _lapsed(store, query, now):
            yield list(filter(accept, rows)) if accept else rows


def _lapsed(store: DocumentStore, queue: Query, now: datetime) -> Iterator[list[Document]]:
    """The cases of a queue whose claim has lapsed.

    The other filters of the queue are checked on the rows, because an index for each of them would
    be written with each change of a case.
    """
    status = [one for one in queue.filters if one.field == "status"]
    over = (*status, Filter("heldUntil", "<=", now))
    others = [one for one in queue.filters if one.field not in ("status", "assignedTo")]
    meets = unless_unreadable(lambda row: all(_meets(row.data.get(f.field), f) for f in others))
    for rows in _in_order(store, Query(queue.collection, over, (Order("heldUntil"),))):
        yield list(filter(meets, rows))


def _in_order(store: DocumentStore, query: Query) -> Iterator[list[Document]]:
    """The first SCAN_LIMIT rows of a query: one, then 20, and then as many as before together."""
    read = 0
    while read < SCAN_LIMIT:
        limit = min(max(_SECOND, read), SCAN_LIMIT - read) if read else 1
        rows = store.query(replace(query, limit=limit))
        yield rows
        if len(rows) < limit:
            return
        read += limit
        query = replace(query, after=place(rows[-1], query))


def _free(wanted: ClaimQuery) -> dict[str, Any]:
    """What is asked for, of the cases that can be claimed.

    A case whose clock stands waits for somebody else, so it is claimed only where its status is
    asked for.
    """
    return {**dict(wanted), "unassigned": True, "status": wanted.status or list(RUNNING)}


def _newest_with_words(tenant: str, wanted: ClaimQuery, now: datetime) -> Query:
    given = {**_free(wanted), "overdue": False, "due_until": None}
    return query_of(f"tenants/{tenant}", CaseQuery.model_construct(**given), now)


def _in_time(row: Document, wanted: ClaimQuery, now: datetime) -> bool:
    """What the query of a claim asks of the clock."""
    before = [time for time in (now if wanted.overdue else None, wanted.due_until) if time]
    due = row.data.get("clockDueAt")
    return not before or (due is not None and due < min(before))


def _meets(value: Any, condition: Filter) -> bool:
    match condition.op:
        case "==":
            return bool(value == condition.value)
        case "in":
            return value in condition.value
        case "<":
            return bool(value is not None and value < condition.value)
        case "array_contains":
            return condition.value in value
        case _:
            return not set(condition.value).isdisjoint(value)
