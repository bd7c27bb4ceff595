"""Cases of a queue whose claim has lapsed, for whoever asks for the next one to claim."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.repository.paging import SCAN_LIMIT
from shared.repository.reading import unless_unreadable


def cases(
    store: DocumentStore, queue: Query, status: Sequence[str], now: datetime
) -> list[Document]:
    """The cases of `queue` with one of these statuses whose claim has lapsed, the longest first.

    One query reads the SCAN_LIMIT that lapsed first; the other filters are checked on these rows,
    because an index for each of them would be written with each change of a case.
    """
    lapsed = (Filter("status", "in", list(status)), Filter("heldUntil", "<=", now))
    query = Query(queue.collection, lapsed, (Order("heldUntil"),), limit=SCAN_LIMIT)
    others = [one for one in queue.filters if one.field not in ("status", "assignedTo")]
    meets = unless_unreadable(lambda row: all(_meets(row.data.get(f.field), f) for f in others))
    return [row for row in store.query(query) if meets(row)]


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
