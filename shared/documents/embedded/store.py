"""The document store on SQLite: one file, many threads and processes, nothing to install.

It is laid out as Firestore is. The table `documents` holds the data; `entries` holds a row for each
document in each index of firestore.indexes.json and in each automatic single-field index, keyed by
bytes that sort as Firestore sorts (`keys.py`). So a query is a range of entries, a merge of indexes
is a join of entries on their common order, and a query that production would refuse because it has
no index is refused here as well. What a commit changes in `entries` is only noted with it, and done
for many documents at a time (`pending.py`).

A commit is on disk before it is acknowledged (`database.py`).

Where it differs from Google's emulator (tests/documents/test_differential.py holds the rest alike):

    a query without its index         MissingIndex, as in production; the emulator answers it
    a collection group, unfiltered    is sorted by paths as text; the emulator: segment by segment
    a commit of 4 to 10 MiB           done, as in production; the emulator: Unavailable
    changes in quick succession       a watch may see the last only; the emulator reports them all
    sums and averages of fractions    may differ in the last digits: additions have no fixed order
"""

from __future__ import annotations

import itertools
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from shared.documents.cost import current
from shared.documents.embedded import codec
from shared.documents.embedded.database import Connection, Database, mark_of
from shared.documents.embedded.entries import entries_of
from shared.documents.embedded.ownership import APPLICATION
from shared.documents.embedded.packed import pack
from shared.documents.embedded.pending import (
    NO_NOTES,
    TABLES,
    Changes,
    Notes,
    Snapshot,
    carry_out,
)
from shared.documents.embedded.rows import Row, number_of, rows_of, union
from shared.documents.embedded.scans import Scan, scan
from shared.documents.embedded.scopes import TABLE as SCOPES
from shared.documents.embedded.scopes import Scopes
from shared.documents.embedded.totals import totals
from shared.documents.embedded.writes import changed, outcome
from shared.documents.indexes import Indexes, counted, disjuncts
from shared.documents.port import (
    Aggregation,
    AlreadyExists,
    Create,
    Data,
    Delete,
    Document,
    OtherRelease,
    Query,
    StoreError,
    Totals,
    Write,
)
from shared.documents.values import (
    MAX_COMMIT_BYTES,
    MAX_DOCUMENT_BYTES,
    check_aggregation,
    check_document,
    check_path,
    check_query,
    check_writes,
    most_bytes,
)
from shared.documents.waiting import Waiting

_TABLES = (
    # `data` is a BLOB where it is compressed: see `packed.py`.
    """CREATE TABLE documents (
        number INTEGER PRIMARY KEY, parent TEXT NOT NULL, id TEXT NOT NULL,
        data TEXT NOT NULL, times TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (parent, id))""",
    """CREATE TABLE entries (
        scope INTEGER NOT NULL, key BLOB NOT NULL, document INTEGER NOT NULL,
        PRIMARY KEY (scope, key)) WITHOUT ROWID""",
    "CREATE TABLE indexed (definitions TEXT NOT NULL)",
)


FILE_VERSION = 4
"""Grows with each release that changes the tables above, `WORDS` or `firestore.indexes.json`.

So a release knows a newer file when it sees one. The first release left 0; version 1 had no
pending entries, version 2 had the entries themselves in its notes, and version 3 all documents as
texts, and longer keys.
"""
DIGEST_BITS = 16

# How often a watch checks whether the document has changed: a check takes about 80 microseconds.
_LOOK_SECONDS = 0.03


class _Found(NamedTuple):
    number: int
    document: Document


class EmbeddedStore:
    """A `DocumentStore` in the SQLite file `path`, or in memory with `:memory:`."""

    def __init__(self, path: str, definitions: Indexes) -> None:
        self.max_commit_bytes = MAX_COMMIT_BYTES
        self._definitions = definitions
        self._database = Database(path)
        self._notes = Notes(definitions)
        self._prepare()

    def close(self) -> None:
        """Carries out what is pending, if it can, and closes the idle connections."""
        with suppress(StoreError):
            self._carry_out()
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
                by_path = _by_path(writes)
                changes = Changes(connection, self._definitions, documents=len(by_path))
                for path, some in by_path.items():
                    _apply(connection, path, some, changes)
                changes.write()
            cost.writes += len(writes)

    def query(self, query: Query) -> list[Document]:
        """See `DocumentStore`."""
        check_query(query)
        parts = self._scans(query)
        with current().trip() as cost, self._database.reading() as connection:
            pending = self._pending(connection, parts)
            found = [rows_of(connection, part, query.limit, pending) for part in parts]
            rows = union(found, backwards=parts[0].backwards) if len(found) > 1 else found[0]
            documents = [_document(row, query) for row in itertools.islice(rows, query.limit)]
            cost.reads += max(1, len(documents))
        return documents

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        """See `DocumentStore`."""
        for aggregation in aggregations:
            check_aggregation(aggregation)
        plans = [self._scans(counted(aggregation)) for aggregation in aggregations]
        with current().trip() as cost, self._database.reading() as connection:
            pending = self._pending(connection, itertools.chain.from_iterable(plans))
            answers = [
                _totals(connection, aggregation, parts, pending)
                for aggregation, parts in zip(aggregations, plans, strict=True)
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

    def _scans(self, query: Query) -> list[Scan]:
        """How the rows of a query are read: a scan for each of its disjuncts."""
        return [scan(part, self._definitions.plan(part)) for part in disjuncts(query)]

    def _pending(self, connection: Connection, parts: Iterable[Scan]) -> Snapshot:
        """The entries that are pending, where any of `parts` reads entries."""
        return self._notes.read(connection) if any(part.range for part in parts) else NO_NOTES

    def _carry_out(self) -> None:
        with self._database.reading() as connection:
            waiting = connection.execute("SELECT 1 FROM pending LIMIT 1").fetchone()
        if waiting:
            with self._database.writing() as connection:
                carry_out(connection, self._definitions)

    def _prepare(self) -> None:
        """Makes the tables, and rebuilds all index entries if the definitions have changed.

        Raises OtherRelease for the file of a newer release.
        """
        definitions = repr(self._definitions)
        mark = _mark(definitions)
        with self._database.reading() as connection:
            # The first release knows no marks: it leaves them, but not the definitions.
            prepared = mark_of(connection) == mark and _definitions(connection) == definitions
        if not prepared:
            self._adopt(definitions, mark)
        self._database.keep_to(mark)

    def _adopt(self, definitions: str, mark: int) -> None:
        with self._database.writing() as connection:
            newest = mark_of(connection) >> DIGEST_BITS
            if newest > FILE_VERSION:
                raise OtherRelease(
                    f"the SQLite file has version {newest}, and this release of Caseledger knows"
                    f" {FILE_VERSION} at most: use the newer release"
                )
            known = _definitions(connection)
            if known is None:
                for statement in _TABLES:
                    connection.execute(statement)
            if newest < FILE_VERSION:
                for statement in (*TABLES, SCOPES):
                    connection.execute(statement)
            if newest < FILE_VERSION or known != definitions:
                connection.execute("DELETE FROM indexed")
                connection.execute("INSERT INTO indexed VALUES (?)", (definitions,))
                self._index_anew(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION:d}")
            connection.execute(f"PRAGMA user_version = {mark:d}")

    def _index_anew(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM entries")
        connection.execute("DELETE FROM pending")
        connection.execute("DELETE FROM scopes")
        scopes = Scopes(connection)
        rows = connection.execute("SELECT number, parent, id, data, times FROM documents")
        for number, parent, name, column, times in rows:
            data = codec.decode(column, times)
            found = entries_of(self._definitions, f"{parent}/{name}", data, frozenset(data))
            connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?)",
                [(scopes[scope], key, number) for scope, key in found],
            )


def _apply(
    connection: sqlite3.Connection, path: str, writes: Sequence[Write], changes: Changes
) -> None:
    if len(writes) == 1 and isinstance(writes[0], Create):
        data = writes[0].data
        changes.created(path, *_insert(connection, path, data), data)
        return
    old = _read(connection, path)
    new = outcome(old.document if old else None, writes)
    if new is None:
        if old:
            connection.execute("DELETE FROM documents WHERE number = ?", (old.number,))
            changes.deleted(path, old.number, old.document.data)
        return
    if old is None:
        changes.created(path, *_insert(connection, path, new), new)
        return
    before = old.document.data
    fields = changed(before, new)
    # A document that is deleted and made again is another one, even with the same data.
    if fields or isinstance(writes[0], Delete):
        version = _overwrite(connection, old, new)
        changes.updated(path, old.number, version, (before, new, fields))


def _by_path(writes: Sequence[Write]) -> dict[str, list[Write]]:
    found: dict[str, list[Write]] = {}
    for write in writes:
        found.setdefault(write.path, []).append(write)
    return found


def _mark(definitions: str) -> int:
    """The file's version, and a digest of what it is indexed by: two releases never share both."""
    return FILE_VERSION << DIGEST_BITS | zlib.crc32(definitions.encode()) % (1 << DIGEST_BITS)


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


def _insert(connection: sqlite3.Connection, path: str, data: Data) -> tuple[int, int]:
    """Adds a document; gives its number and version. Raises AlreadyExists."""
    parent, _, name = path.rpartition("/")
    columns, version = _columns(path, data), time.time_ns()
    cursor = connection.execute(
        "INSERT INTO documents (parent, id, data, times, version) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (parent, id) DO NOTHING",
        (parent, name, *columns, version),
    )
    if not cursor.rowcount:
        raise AlreadyExists(path)
    return cursor.lastrowid or 0, version


def _overwrite(connection: sqlite3.Connection, old: _Found, data: Data) -> int:
    """Gives the new version."""
    version = max(time.time_ns(), old.document.version + 1)
    connection.execute(
        "UPDATE documents SET data = ?, times = ?, version = ? WHERE number = ?",
        (*_columns(old.document.path, data), version, old.number),
    )
    return version


def _columns(path: str, data: Data) -> tuple[str | bytes, str]:
    """What a row has of a document. Raises Rejected for one that is too large."""
    text, times = codec.written(data)
    # Each write was checked by itself. Together they are counted where they may come to too much.
    if most_bytes(path, text) > MAX_DOCUMENT_BYTES:
        check_document(path, data)
    return pack(text, times)


def _totals(
    connection: sqlite3.Connection, aggregation: Aggregation, parts: list[Scan], pending: Snapshot
) -> Totals:
    if not (aggregation.sums or aggregation.averages):
        return Totals(sum(number_of(connection, part, pending) for part in parts))
    rows = (row for part in parts for row in rows_of(connection, part, None, pending))
    return totals(aggregation, (codec.decode(row[3], row[4]) for row in rows))


def _document(row: Row, query: Query) -> Document:
    _, parent, name, column, times, version = row
    data, size = codec.measured(column, times)
    if query.select is None:
        return Document(f"{parent}/{name}", data, version, size)
    data = {field: data[field] for field in query.select if field in data}
    return Document(f"{parent}/{name}", data, version)
