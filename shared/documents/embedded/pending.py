"""Index entries that are noted with a commit, and put into the table `entries` later.

A new case and its event have some fifty entries, each on another page of the table, and a commit
would have to write and sync all those pages. So it writes one note for each document instead: which
entries the document has now, and which ones the table has of it. Once there are `MOST` notes they
are carried out together, where neighbours share pages.

A query answers from both: from the table without the documents that have a note, and from the
notes. Notes are rows of the file as all else is, so that each reader sees those of its own moment.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.documents.embedded.database import Connection
from shared.documents.embedded.entries import Entry, entries_of
from shared.documents.indexes import Indexes
from shared.documents.port import Data

MOST = 128
"""How many notes there may be after a commit."""
TABLES = (
    """CREATE TABLE IF NOT EXISTS pending (
        document INTEGER PRIMARY KEY, version INTEGER NOT NULL, entries BLOB NOT NULL)""",
    # Which notes there are is on one page of this.
    "CREATE INDEX IF NOT EXISTS pending_versions ON pending (document, version)",
)

Keys = Mapping[int, Sequence[bytes]]
_Name = tuple[int, int]
"""A note's document and version."""


class Note(NamedTuple):
    """The entries of one document: those that only the table has, that both have, that are new."""

    stale: frozenset[Entry]
    kept: frozenset[Entry]
    new: frozenset[Entry]

    @property
    def in_table(self) -> frozenset[Entry]:
        """Those that the table has."""
        return self.stale | self.kept

    def become(self, entries: set[Entry]) -> Note:
        """The note after a change of the document that now has `entries`."""
        before = self.in_table
        return Note(before - entries, before & entries, frozenset(entries - before))


class Pending(NamedTuple):
    """A document with a note: the keys that it has in each scope, now and by the table."""

    document: int
    now: Keys
    in_table: Keys


Found = tuple[bytes, int, Keys]
"""A key in a scope, the document that has it, and the document's keys in each scope."""


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
                (key, one.document, one.now)
                for one in self._pending
                for key in one.now.get(scope, ())
            ]
        return self._now[scope]

    def in_table(self, scope: int) -> list[Found]:
        """The keys of a scope that the table has of these documents."""
        if scope not in self._in_table:
            self._in_table[scope] = [
                (key, one.document, one.in_table)
                for one in self._pending
                for key in one.in_table.get(scope, ())
            ]
        return self._in_table[scope]


NO_NOTES = Snapshot((), ())


class Notes:
    """The notes of a file as one process reads them: each is parsed once."""

    def __init__(self) -> None:
        self._parsed: dict[_Name, Pending] = {}
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
        known = self._parsed
        missing = [document for document, version in names if (document, version) not in known]
        rows = connection.execute(
            "SELECT document, version, entries FROM pending"
            " WHERE document IN (SELECT value FROM json_each(?))",
            (json.dumps(missing),),
        )
        known = known | {row[:2]: _pending(row[0], _parsed(row[2])) for row in rows}
        # Another thread may put its own in its place right after.
        parsed = self._parsed = {name: known[name] for name in names}
        return Snapshot(names, list(parsed.values()))


class Changes:
    """What one commit does to the index entries: it is collected, and then written in order.

    A commit of so many documents that its entries are neighbours already writes them at once.
    """

    def __init__(self, connection: sqlite3.Connection, indexes: Indexes, *, documents: int) -> None:
        self._connection = connection
        self._indexes = indexes
        self._at_once = documents > MOST
        self._gone: list[Entry] = []
        self._come: list[tuple[int, bytes, int]] = []
        self._notes: list[tuple[int, int, bytes]] = []
        # The documents that have a note: asked once, where a commit is of many.
        self._noted = _documents(connection) if self._at_once else None

    def created(self, path: str, number: int, version: int, data: Data) -> None:
        """A document was added."""
        self._change(number, version, Note(*_NOTHING).become(self._entries(path, data)))

    def updated(
        self, path: str, number: int, version: int, change: tuple[Data, Data, frozenset[str]]
    ) -> None:
        """A document was changed: its data before and after, and the fields that differ."""
        before, after, fields = change
        if note := self._note(number):
            self._change(number, version, note.become(self._entries(path, after)))
            return
        old, new = (entries_of(self._indexes, path, data, fields) for data in (before, after))
        kept = frozenset() if self._at_once else self._entries(path, after) - new
        note = Note(frozenset(old - new), frozenset(kept | (old & new)), frozenset(new - old))
        if note.stale or note.new:
            self._change(number, version, note)

    def deleted(self, path: str, number: int, data: Data) -> None:
        """A document was removed: so are its entries, at once."""
        note = self._note(number)
        self._gone += note.in_table if note else self._entries(path, data)

    def write(self) -> None:
        """Writes all of it."""
        _write(self._connection, self._gone, self._come)
        self._connection.executemany("INSERT INTO pending VALUES (?, ?, ?)", self._notes)
        if self._notes:
            (count,) = self._connection.execute(
                "SELECT COUNT(*) FROM pending INDEXED BY pending_versions"
            ).fetchone()
            if count > MOST:
                carry_out(self._connection)

    def _entries(self, path: str, data: Data) -> set[Entry]:
        return entries_of(self._indexes, path, data, frozenset(data))

    def _change(self, number: int, version: int, note: Note) -> None:
        if self._at_once:
            self._gone += note.stale
            self._come += ((*entry, number) for entry in note.new)
        else:
            self._notes.append((number, version, _packed(note)))

    def _note(self, number: int) -> Note | None:
        """Takes the document's note away."""
        if self._noted is not None and number not in self._noted:
            return None
        row = self._connection.execute(
            "SELECT entries FROM pending WHERE document = ?", (number,)
        ).fetchone()
        if row is None:
            return None
        self._connection.execute("DELETE FROM pending WHERE document = ?", (number,))
        return _parsed(row[0])


def carry_out(connection: sqlite3.Connection) -> None:
    """Puts what the notes say into the table, and removes them."""
    gone: list[Entry] = []
    come: list[tuple[int, bytes, int]] = []
    for number, text in connection.execute("SELECT document, entries FROM pending"):
        note = _parsed(text)
        gone += note.stale
        come += ((*entry, number) for entry in note.new)
    _write(connection, gone, come)
    connection.execute("DELETE FROM pending")


def _documents(connection: sqlite3.Connection) -> frozenset[int]:
    rows = connection.execute("SELECT document FROM pending INDEXED BY pending_versions")
    return frozenset(number for (number,) in rows)


def _write(
    connection: sqlite3.Connection, gone: list[Entry], come: list[tuple[int, bytes, int]]
) -> None:
    # In the order of the table, so that each page is looked for once.
    if gone:
        connection.executemany("DELETE FROM entries WHERE scope = ? AND key = ?", sorted(gone))
    if come:
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", sorted(come))


_NOTHING: tuple[frozenset[Entry], ...] = (frozenset(), frozenset(), frozenset())


def _packed(note: Note) -> bytes:
    """How many entries of each kind, the length of each key, each scope, and the keys."""
    entries = [entry for part in note for entry in part]
    counts = struct.pack("<3I", *map(len, note))
    lengths = struct.pack(f"<{len(entries)}I", *(len(key) for _, key in entries))
    scopes = struct.pack(f"<{len(entries)}q", *(scope for scope, _ in entries))
    return b"".join((counts, lengths, scopes, *(key for _, key in entries)))


def _parsed(text: bytes) -> Note:
    counts = struct.unpack_from("<3I", text)
    total = sum(counts)
    lengths = struct.unpack_from(f"<{total}I", text, 12)
    scopes = struct.unpack_from(f"<{total}q", text, 12 + 4 * total)
    at = 12 + 12 * total
    entries: list[Entry] = []
    for scope, length in zip(scopes, lengths, strict=True):
        entries.append((scope, text[at : at + length]))
        at += length
    stale, kept = counts[0], counts[0] + counts[1]
    return Note(
        frozenset(entries[:stale]), frozenset(entries[stale:kept]), frozenset(entries[kept:])
    )


def _pending(number: int, note: Note) -> Pending:
    return Pending(number, _by_scope((*note.kept, *note.new)), _by_scope(note.in_table))


def _by_scope(entries: Iterable[Entry]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for scope, key in entries:
        found.setdefault(scope, []).append(key)
    return found
