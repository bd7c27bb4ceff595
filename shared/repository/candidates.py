"""The cases of a queue that somebody can claim, in order, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.repository.paging import SCAN_LIMIT, place
from shared.repository.reading import unless_unreadable

_SECOND = 20


def in_order(store: DocumentStore, query: Query) -> Iterator[list[Document]]:
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


def lapsed(
    store: DocumentStore, queue: Query, status: Sequence[str], now: datetime
) -> Iterator[list[Document]]:
    """The cases of `queue` with one of these statuses whose claim has lapsed, the longest first.

    The other filters of the queue are checked on the rows, because an index for each of them would
    be written with each change of a case.
    """
    over = (Filter("status", "in", list(status)), Filter("heldUntil", "<=", now))
    others = [one for one in queue.filters if one.field not in ("status", "assignedTo")]
    meets = unless_unreadable(lambda row: all(_meets(row.data.get(f.field), f) for f in others))
    for rows in in_order(store, Query(queue.collection, over, (Order("heldUntil"),))):
        yield list(filter(meets, rows))


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
