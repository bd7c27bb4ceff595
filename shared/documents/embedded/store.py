"""The document store on SQLite: one file, many threads and processes, nothing to install.

It is laid out as Firestore is. The table `documents` holds the data; `entries` holds a row for each
document in each index of firestore.indexes.json and in each automatic single-field index, keyed by
bytes that sort as Firestore sorts (`keys.py`). So a query is a range of entries, a merge of indexes
is a join of entries on their common order, and a query that production would refuse because it has
no index is refused here as well.

A commit is on disk before it is acknowledged (`database.py`).

Where it differs from Google's emulator (tests/documents/test_differential.py holds the rest alike):

    a query without its index         MissingIndex, as in production; the emulator answers it
    a collection group, unfiltered    is sorted by paths as text; the emulator: segment by segment
    a commit of 4 to 10 MiB           done, as in production; the emulator: Unavailable
    changes in quick succession       a watch may see the last only; the emulator reports them all
    sums and averages of fractions    may differ in the last digits: additions have no fixed order
"""

from __future__ import annotations

import heapq
import itertools
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from shared.documents.cost import current
from shared.documents.embedded import codec
from shared.documents.embedded.database import Database, mark_of
from shared.documents.embedded.entries import Entry, entries_of, scan
from shared.documents.embedded.ownership import APPLICATION
from shared.documents.embedded.totals import columns, totals
from shared.documents.embedded.writes import changed, outcome
from shared.documents.indexes import Indexes, counted, disjuncts
from shared.documents.port import (
    Aggregation,
    Data,
    Delete,
    Document,
    OtherRelease,
    Query,
    Totals,
    Write,
)
from shared.documents.values import (
    MAX_COMMIT_BYTES,
    check_aggregation,
    check_path,
    check_query,
    check_writes,
)
from shared.documents.waiting import Waiting

_TABLES = (
    """CREATE TABLE documents (
        number INTEGER PRIMARY KEY, parent TEXT NOT NULL, id TEXT NOT NULL,
        data TEXT NOT NULL, times TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (parent, id))""",
    """CREATE TABLE entries (
        scope INTEGER NOT NULL, key BLOB NOT NULL, document INTEGER NOT NULL,
        PRIMARY KEY (scope, key)) WITHOUT ROWID""",
    "CREATE TABLE indexed (definitions TEXT NOT NULL)",
)


FILE_VERSION = 1
"""Grows with each release that changes the tables above or `firestore.indexes.json`.

So a release knows a newer file when it sees one. The first release left 0.
"""
_DIGEST_BITS = 16

# How often a watch checks whether the document has changed: a check takes about 80 microseconds.
_LOOK_SECONDS = 0.03


_Row = tuple[bytes, str, str, str, str, int]


class _Found(NamedTuple):
    number: int
    document: Document


class EmbeddedStore:
    """A `DocumentStore` in the SQLite file `path`, or in memory with `:memory:`."""

    def __init__(self, path: str, definitions: Indexes) -> None:
        self.max_commit_bytes = MAX_COMMIT_BYTES
        self._definitions = definitions
        self._database = Database(path)
        self._prepare()

    def close(self) -> None:
        """Closes the idle connections."""
        self._database.close()

    def get(self, path: str) -> Document | None:
        """See `DocumentStore`."""
        return self.get_many([path])[0]

    def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        """See `DocumentStore`."""
        for path in paths:
            check_path(path)
        with current().trip() as cost, self._database.reading() as connection:
            found = {path: _read(connection, path) for path in paths}
            cost.reads += len(found)
        return [row and row.document for row in map(found.get, paths)]

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        check_writes(writes, self.max_commit_bytes)
        with current().trip() as cost:
            with self._database.writing() as connection:
                for path, some in _by_path(writes).items():
                    self._apply(connection, path, some)
            cost.writes += len(writes)

    def query(self, query: Query) -> list[Document]:
        """See `DocumentStore`."""
        check_query(query)
        statements = [self._select(part) for part in disjuncts(query)]
        with current().trip() as cost, self._database.reading() as connection:
            found = [connection.execute(*statement) for statement in statements]
            rows = _union(found) if len(found) > 1 else found[0]
            documents = [_document(row, query) for row in itertools.islice(rows, query.limit)]
            cost.reads += max(1, len(documents))
        return documents

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        """See `DocumentStore`."""
        for aggregation in aggregations:
            check_aggregation(aggregation)
        statements = [list(self._counts(aggregation)) for aggregation in aggregations]
        with current().trip() as cost, self._database.reading() as connection:
            answers = [
                totals(aggregation, [connection.execute(*one).fetchone() for one in parts])
                for aggregation, parts in zip(aggregations, statements, strict=True)
            ]
            cost.reads += sum(max(1, -(-answer.count // 1000)) for answer in answers)
        return answers

    def watch(
        self,
        path: str,
        until: Callable[[Document | None], bool],
        seconds: float,
        given_up: Callable[[], bool],
    ) -> Document | None:
        """See `DocumentStore`. Nothing is held between two checks of the version."""
        waiting = Waiting(seconds, given_up)
        found = self.get(path)
        while not until(found):
            found, before = self._changed(path, found, waiting), found
            if found is before:
                break
        return found

    def _changed(self, path: str, found: Document | None, waiting: Waiting) -> Document | None:
        """The document as soon as it differs from `found`; `found` when the waiting is over."""
        while not waiting.over():
            time.sleep(max(0.0, min(_LOOK_SECONDS, waiting.left)))
            with self._database.reading() as connection:
                if _version(connection, path) != (found and found.version):
                    current().reads += 1
                    row = _read(connection, path)
                    return row and row.document
        return found

    def _select(self, query: Query) -> tuple[str, list[Any]]:
        part = scan(query, self._definitions.plan(query))
        wanted = f"{part.place}, d.parent, d.id, d.data, d.times, d.version"
        limit = "" if query.limit is None else f" LIMIT {query.limit:d}"
        return f"SELECT {wanted}{part.sources}{part.documents}{part.rest}{limit}", part.arguments

    def _counts(self, aggregation: Aggregation) -> Iterable[tuple[str, list[Any]]]:
        sums = columns(aggregation)
        for query in disjuncts(counted(aggregation)):
            part = scan(query, self._definitions.plan(query))
            documents = part.documents if sums else ""
            yield f"SELECT COUNT(*){sums}{part.sources}{documents}{part.rest}", part.arguments

    def _apply(self, connection: sqlite3.Connection, path: str, writes: Sequence[Write]) -> None:
        old = _read(connection, path)
        new = outcome(old.document if old else None, writes)
        before, after = old.document.data if old else {}, new or {}
        fields = changed(before, after)
        # A document that is deleted and made again is another one, even with the same data.
        if old and new is not None and not fields and not isinstance(writes[0], Delete):
            return
        number = _write(connection, path, old, new)
        gone = entries_of(self._definitions, path, before, fields)
        come = entries_of(self._definitions, path, after, fields)
        connection.executemany("DELETE FROM entries WHERE scope = ? AND key = ?", gone - come)
        _insert(connection, come - gone, number)

    def _prepare(self) -> None:
        """Makes the tables, and rebuilds all index entries if the definitions have changed.

        Raises OtherRelease for the file of a newer release.
        """
        definitions = repr(self._definitions)
        mark = _mark(definitions)
        with self._database.reading() as connection:
            prepared = mark_of(connection) == mark
        if not prepared:
            self._adopt(definitions, mark)
        self._database.keep_to(mark)

    def _adopt(self, definitions: str, mark: int) -> None:
        with self._database.writing() as connection:
            newest = mark_of(connection) >> _DIGEST_BITS
            if newest > FILE_VERSION:
                raise OtherRelease(
                    f"the SQLite file has version {newest}, and this release of Caseledger knows"
                    f" {FILE_VERSION} at most: use the newer release"
                )
            known = _definitions(connection)
            if known is None:
                for statement in _TABLES:
                    connection.execute(statement)
            if known != definitions:
                connection.execute("DELETE FROM indexed")
                connection.execute("INSERT INTO indexed VALUES (?)", (definitions,))
                self._index_anew(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION:d}")
            connection.execute(f"PRAGMA user_version = {mark:d}")

    def _index_anew(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM entries")
        rows = connection.execute("SELECT number, parent, id, data, times FROM documents")
        for number, parent, name, text, times in rows:
            data = codec.decode(text, times)
            found = entries_of(self._definitions, f"{parent}/{name}", data, frozenset(data))
            _insert(connection, found, number)


def _union(found: Sequence[Iterable[_Row]]) -> Iterator[_Row]:
    """The rows of several queries in their common order, each once."""
    merged = heapq.merge(*found, key=itemgetter(0))
    return (next(same) for _, same in itertools.groupby(merged, itemgetter(0)))


def _by_path(writes: Sequence[Write]) -> dict[str, list[Write]]:
    found: dict[str, list[Write]] = {}
    for write in writes:
        found.setdefault(write.path, []).append(write)
    return found


def _mark(definitions: str) -> int:
    """The file's version, and a digest of what it is indexed by: two releases never share both."""
    return FILE_VERSION << _DIGEST_BITS | zlib.crc32(definitions.encode()) % (1 << _DIGEST_BITS)


def _definitions(connection: sqlite3.Connection) -> str | None:
    """The index definitions that the file was built with; None when it is new."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'indexed'").fetchone():
        return None
    (definitions,) = connection.execute("SELECT definitions FROM indexed").fetchone()
    return str(definitions)


def _read(connection: sqlite3.Connection, path: str) -> _Found | None:
    parent, _, name = path.rpartition("/")
    row = connection.execute(
        "SELECT number, data, times, version FROM documents WHERE parent = ? AND id = ?",
        (parent, name),
    ).fetchone()
    return row and _Found(row[0], Document(path, codec.decode(row[1], row[2]), row[3]))


def _version(connection: sqlite3.Connection, path: str) -> int | None:
    parent, _, name = path.rpartition("/")
    row = connection.execute(
        "SELECT version FROM documents WHERE parent = ? AND id = ?", (parent, name)
    ).fetchone()
    return row and int(row[0])


def _write(connection: sqlite3.Connection, path: str, old: _Found | None, new: Data | None) -> int:
    """Writes over `old`, removes it, or adds a document; gives its number."""
    if new is None:
        if old:
            connection.execute("DELETE FROM documents WHERE number = ?", (old.number,))
        return 0
    text, times = codec.encode(new)
    version = max(time.time_ns(), old.document.version + 1 if old else 0)
    if old:
        connection.execute(
            "UPDATE documents SET data = ?, times = ?, version = ? WHERE number = ?",
            (text, times, version, old.number),
        )
        return old.number
    parent, _, name = path.rpartition("/")
    cursor = connection.execute(
        "INSERT INTO documents (parent, id, data, times, version) VALUES (?, ?, ?, ?, ?)",
        (parent, name, text, times, version),
    )
    return cursor.lastrowid or 0


def _insert(connection: sqlite3.Connection, entries: Iterable[Entry], number: int) -> None:
    rows = [(*entry, number) for entry in entries]
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)


def _document(row: _Row, query: Query) -> Document:
    _, parent, name, text, times, version = row
    data = codec.decode(text, times)
    if query.select is not None:
        data = {field: data[field] for field in query.select if field in data}
    return Document(f"{parent}/{name}", data, version)
