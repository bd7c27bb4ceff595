"""Index entries that go into the table `entries` later than the commit that they come from.

A new case and its event have some fifty entries, each on another page of the table, and a commit
would have to compute them, and to write and sync all those pages. So it writes one note for each
document instead: what the table has the document's entries of. Once there are `MOST` notes they are
carried out together, where neighbours share pages.

A query answers from both: from the table without the documents that have a note, and from the
notes. Notes are rows of the file as all else is, so that each reader sees those of its own moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.documents.embedded import codec
from shared.documents.embedded.database import Connection
from shared.documents.embedded.entries import Entry, Keys, entries_of, indexed
from shared.documents.embedded.scopes import Scopes
from shared.documents.embedded.writes import changed
from shared.documents.indexes import Indexes
from shared.documents.port import Data

MOST = 128
"""How many notes there may be after a commit."""
TABLES = (
    "DROP TABLE IF EXISTS pending",
    # `data` and `times` are the fields that the table has the document's entries of.
    """CREATE TABLE pending (
        document INTEGER PRIMARY KEY, version INTEGER NOT NULL,
        data TEXT NOT NULL, times TEXT NOT NULL)""",
    # Which notes there are is on one page of this.
    "CREATE INDEX pending_versions ON pending (document, version)",
)
_NOTHING = codec.encode({})
_NOTED = """SELECT p.document, p.version, d.parent, d.id, d.data, d.times, p.data, p.times
    FROM pending p CROSS JOIN documents d ON d.number = p.document"""

_Name = tuple[int, int]
"""A note's document and version."""


class Pending(NamedTuple):
    """A document with a note: the keys that it has, now and by the table."""

    document: int
    now: Keys
    in_table: Keys


Found = tuple[bytes, int, Keys]
"""A key in a scope, the document that has it, and all keys of the document."""


class Snapshot:
    """All notes of one moment."""

    def __init__(self, names: Sequence[_Name], pending: Sequence[Pending]) -> None:
        self.names = names
        self._pending = pending
        self._now: dict[int, list[Found]] = {}
        self._in_table: dict[int, list[Found]] = {}

    def now(self, scope: int) -> list[Found]:
        """The keys of a scope that the documents have."""
        if scope not in self._now:
            self._now[scope] = [
                (key, one.document, one.now) for one in self._pending for key in one.now.of(scope)
            ]
        return self._now[scope]

    def in_table(self, scope: int) -> list[Found]:
        """The keys of a scope that the table has of these documents."""
        if scope not in self._in_table:
            self._in_table[scope] = [
                (key, one.document, one.in_table)
                for one in self._pending
                for key in one.in_table.of(scope)
            ]
        return self._in_table[scope]


NO_NOTES = Snapshot((), ())


class Notes:
    """The notes of a file as one process reads them: each document is read once."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._known: dict[_Name, Pending] = {}
        self._latest = NO_NOTES

    def read(self, connection: Connection) -> Snapshot:
        """All notes, in a transaction that has read something already."""
        (others,) = connection.execute("PRAGMA data_version").fetchone()
        moment = (others, connection.total_changes)
        if connection.remembered and connection.remembered[0] == moment:
            found: Snapshot = connection.remembered[1]
            return found
        names = connection.execute(
            "SELECT document, version FROM pending INDEXED BY pending_versions"
        ).fetchall()
        latest = self._latest
        if latest.names != names:
            self._latest = latest = self._snapshot(connection, names)
        connection.remembered = (moment, latest)
        return latest

    def _snapshot(self, connection: sqlite3.Connection, names: list[_Name]) -> Snapshot:
        known = self._known
        missing = [document for document, version in names if (document, version) not in known]
        rows = _noted(
            connection, " WHERE p.document IN (SELECT value FROM json_each(?))", json.dumps(missing)
        )
        known = known | {(row.number, row.version): self._pending(row) for row in rows}
        # A document may have been removed from the file by hand. Another thread may put its own in
        # the place of these right after.
        mine = self._known = {name: known[name] for name in names if name in known}
        return Snapshot(names, list(mine.values()))

    def _pending(self, row: _Row) -> Pending:
        keys = (Keys(self._indexes, row.path, data) for data in (row.data, row.in_table))
        return Pending(row.number, *keys)


class Changes:
    """What one commit does to the index entries: it is collected, and then written in order.

    A commit of so many documents that its entries are neighbours already writes them at once.
    """

    def __init__(self, connection: sqlite3.Connection, indexes: Indexes, *, documents: int) -> None:
        self._connection = connection
        self._indexes = indexes
        self._at_once = documents > MOST
        self._table = _Table(indexes)
        self._notes: list[tuple[int, int, str | bytes, str]] = []
        # The documents that have a note: asked once, where a commit is of many.
        self._noted = _documents(connection) if self._at_once else None

    def created(self, path: str, number: int, version: int, data: Data) -> None:
        """A document was added."""
        if self._at_once:
            self._table.change(number, path, {}, data, frozenset(data))
        elif indexed(self._indexes, path, data):
            self._notes.append((number, version, *_NOTHING))

    def updated(
        self, path: str, number: int, version: int, change: tuple[Data, Data, frozenset[str]]
    ) -> None:
        """A document was changed: its data before and after, and the fields that differ."""
        before, after, fields = change
        if self._at_once:
            had = self._in_table(number, before)
            differing = fields if had is before else changed(had, after)
            self._table.change(number, path, had, after, differing)
        elif indexed(self._indexes, path, fields):
            former = {name: before[name] for name in indexed(self._indexes, path, before)}
            self._notes.append((number, version, *codec.encode(former)))

    def deleted(self, path: str, number: int, data: Data) -> None:
        """A document was removed: so are its entries, at once."""
        had = self._in_table(number, data)
        self._table.change(number, path, had, {}, frozenset(had))

    def write(self) -> None:
        """Writes all of it."""
        self._table.write(self._connection)
        # What the table has stays the same, however often a document changes.
        self._connection.executemany(
            "INSERT INTO pending VALUES (?, ?, ?, ?)"
            " ON CONFLICT (document) DO UPDATE SET version = excluded.version",
            self._notes,
        )
        if self._notes:
            (count,) = self._connection.execute(
                "SELECT COUNT(*) FROM pending INDEXED BY pending_versions"
            ).fetchone()
            if count > MOST:
                carry_out(self._connection, self._indexes)

    def _in_table(self, number: int, data: Data) -> Data:
        """What the table has the entries of: `data`, unless a note says more. Takes it away."""
        if self._noted is not None and number not in self._noted:
            return data
        row = self._connection.execute(
            "SELECT data, times FROM pending WHERE document = ?", (number,)
        ).fetchone()
        if row is None:
            return data
        self._connection.execute("DELETE FROM pending WHERE document = ?", (number,))
        return codec.decode(*row)


def carry_out(connection: sqlite3.Connection, indexes: Indexes) -> None:
    """Puts the entries of all documents that have a note into the table, and removes the notes."""
    table = _Table(indexes)
    for row in _noted(connection):
        fields = changed(row.in_table, row.data)
        table.change(row.number, row.path, row.in_table, row.data, fields)
    table.write(connection)
    connection.execute("DELETE FROM pending")


class _Row(NamedTuple):
    """A document with a note: its data, and the data that the table has the entries of."""

    number: int
    version: int
    path: str
    data: Data
    in_table: Data


class _Table:
    """What changes in the table of entries."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._gone: list[Entry] = []
        self._come: list[tuple[int, bytes, int]] = []

    def change(
        self, number: int, path: str, before: Data, after: Data, fields: frozenset[str]
    ) -> None:
        """What the table has of a document becomes what the document has, which differ in `fields`.

        These are the entries of `before` and of `after`.
        """
        old, new = (entries_of(self._indexes, path, data, fields) for data in (before, after))
        self._gone += old - new
        self._come += ((*entry, number) for entry in new - old)

    def write(self, connection: sqlite3.Connection) -> None:
        """In the order of the table, so that each page is looked for once."""
        scopes = Scopes(connection)
        if self._gone:
            gone = sorted((scopes[scope], key) for scope, key in self._gone)
            connection.executemany("DELETE FROM entries WHERE scope = ? AND key = ?", gone)
        if self._come:
            come = sorted((scopes[scope], key, number) for scope, key, number in self._come)
            # One may be there already where somebody has edited the document in the file.
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", come)


def _noted(connection: sqlite3.Connection, where: str = "", *arguments: str) -> Iterator[_Row]:
    rows = connection.execute(f"{_NOTED}{where}", arguments)
    for number, version, parent, name, text, times, *former in rows:
        data, in_table = codec.decode(text, times), codec.decode(*former)
        yield _Row(number, version, f"{parent}/{name}", data, in_table)


def _documents(connection: sqlite3.Connection) -> frozenset[int]:
    rows = connection.execute("SELECT document FROM pending INDEXED BY pending_versions")
    return frozenset(number for (number,) in rows)
