"""The rows of a scan, and their number: from the table of entries, and from the entries pending."""

from __future__ import annotations

import heapq
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from shared.documents.embedded.pending import Snapshot
from shared.documents.embedded.scans import Scan

_COLUMNS = "d.parent, d.id, d.data, d.times, d.version"

Row = tuple[bytes, str, str, str | bytes, str, int]
"""Its place in the order, and the document's parent, id, data, times and version."""


def rows_of(
    connection: sqlite3.Connection, part: Scan, limit: int | None, pending: Snapshot
) -> Iterator[Row]:
    """The rows of one scan in their order."""
    hidden = _in_table(part, pending)
    most = "" if limit is None else f" LIMIT {limit:d}"
    selected = f"SELECT {part.place}, {_COLUMNS}{part.sources}{part.documents}{part.where}"
    statement, arguments = _without(selected, part, hidden)
    rows: Iterator[Row] = connection.execute(f"{statement}{part.order}{most}", arguments)
    places = sorted(part.found(pending.now), reverse=part.backwards)
    if not places:
        return rows
    noted = _noted(connection, places[:limit])
    return heapq.merge(rows, noted, key=itemgetter(0), reverse=part.backwards)


def _noted(connection: sqlite3.Connection, places: Sequence[tuple[bytes, int]]) -> Iterator[Row]:
    numbers = json.dumps([number for _, number in places])
    rows = connection.execute(
        f"SELECT d.number, {_COLUMNS} FROM documents d"  # noqa: S608 - a constant
        " WHERE d.number IN (SELECT value FROM json_each(?))",
        (numbers,),
    )
    found = {number: row for number, *row in rows}
    return ((place, *found[number]) for place, number in places)


def number_of(connection: sqlite3.Connection, part: Scan, pending: Snapshot) -> int:
    """How many rows one scan has."""
    # To count and subtract is faster than to look at each row.
    statement = f"SELECT COUNT(*){part.sources}{part.where}"
    (count,) = connection.execute(statement, part.arguments).fetchone()
    noted = part.found(pending.now)
    return int(count) - len(_in_table(part, pending)) + len(noted)


def _in_table(part: Scan, pending: Snapshot) -> list[int]:
    """The documents that the table of entries would give, of those that have a note."""
    return [document for _, document in part.found(pending.in_table)]


def _without(statement: str, part: Scan, hidden: list[int]) -> tuple[str, list[Any]]:
    if not hidden:
        return statement, part.arguments
    others = " AND e0.document NOT IN (SELECT value FROM json_each(?))"
    return statement + others, [*part.arguments, json.dumps(hidden)]


def union(found: Sequence[Iterable[Row]], *, backwards: bool) -> Iterator[Row]:
    """The rows of several queries in their common order, each once."""
    merged = heapq.merge(*found, key=itemgetter(0), reverse=backwards)
    return (next(same) for _, same in itertools.groupby(merged, itemgetter(0)))
