"""Many documents: reading more than memory holds, some at a time, and writing each if it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from shared.documents.port import Conflict, Document, DocumentStore, Query, Write
from shared.repository.paging import place, size_of

_FIRST, _MOST = 20, 250
_BYTES = 1_048_576

T = TypeVar("T")


class Pace:
    """How many documents to read next, by the size of those read last: they come to about a MiB.

    They are at most `most`, or come to about `size` bytes, where these are given.
    """

    def __init__(self, most: int | None = None, size: int = _BYTES) -> None:
        self.number = _FIRST
        self._most, self._size = most, size

    def note(self, rows: Sequence[Document | None]) -> None:
        """Takes into account what was read."""
        if rows:
            size = max(1, sum(size_of(row) for row in rows if row))
            self.number = max(1, min(self._most or _MOST, self._size * len(rows) // size))


def pages(
    store: DocumentStore,
    query: Query,
    size: int | Pace,
    go_on: Callable[[], bool] = lambda: True,
) -> Iterator[list[Document]]:
    """The rows of a query, `size` at a time, or by their pace, as long as `go_on()`."""
    while go_on():
        limit = size.number if isinstance(size, Pace) else size
        rows = store.query(replace(query, limit=limit))
        if rows:
            yield rows
        if len(rows) < limit:
            return
        if isinstance(size, Pace):
            size.note(rows)
        query = replace(query, after=place(rows[-1], query))


def rows_of(store: DocumentStore, query: Query, size: int | None = None) -> Iterator[Document]:
    """All rows of a query, read `size` at a time, or about a MiB."""
    for rows in pages(store, query, size or Pace()):
        yield from rows


def documents_of(
    store: DocumentStore, paths: Sequence[str]
) -> Iterator[tuple[str, Document | None]]:
    """The documents at paths, in their order; None where there is none."""
    pace, done = Pace(), 0
    while done < len(paths):
        part = paths[done : done + pace.number]
        found = store.get_many(part)
        yield from zip(part, found, strict=True)
        pace.note(found)
        done += len(part)


def made(store: DocumentStore, pairs: Sequence[tuple[T, Write]]) -> list[T]:
    """Commits writes together; gives what belongs to those that were made, in their order.

    Where a document is not any more as its write says, that write alone is not made.
    """
    if not pairs:
        return []
    try:
        store.commit([write for _, write in pairs])
    except Conflict:
        half = len(pairs) // 2
        parts = (pairs[:half], pairs[half:]) if half else ()
        return [one for part in parts for one in made(store, part)]
    return [one for one, _ in pairs]
