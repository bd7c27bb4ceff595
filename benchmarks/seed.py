"""Many cases in a new embedded store, in seconds.

One commit of `create_case` is the pattern for all cases: its documents and index entries are copied
with ids and times replaced, and each event is hashed as it is then. Some copies are compared with
what the functions and the store would have made.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic_core import to_json

from benchmarks.commits import opening
from benchmarks.server import TENANT
from shared.documents.embedded import codec
from shared.documents.embedded.entries import Entry, entries_of
from shared.documents.embedded.packed import pack
from shared.documents.embedded.scopes import Scopes
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.keys import encode
from shared.documents.port import Create, Document
from shared.ledger import events
from shared.models.events import Event
from shared.rules import chain
from shared.rules.canonical import canonical
from shared.rules.cases import NEVER
from shared.rules.disclosures import hashed

_AT_ONCE = 10_000
_PATTERN = 731_902  # digits that occur nowhere else in its documents
_INVERSE = bytes(255 - byte for byte in range(256))


T = TypeVar("T")
Pairs = list[tuple[T, T]]
"""The texts to replace, each with its replacement."""


class _Copy(NamedTuple):
    """A document's row, without its number, and its index entries."""

    parent: str
    name: str
    data: str
    times: str
    entries: list[Entry]


class _Copied(NamedTuple):
    """A document to be copied. Its keys are joined, because no replacement changes a length."""

    row: tuple[str, str, str, str]
    keys: bytes
    slices: list[tuple[int, slice]]

    @classmethod
    def of(cls, create: Create) -> _Copied:
        """The document that `create` creates."""
        parent, _, name = create.path.rpartition("/")
        entries = sorted(_entries(create.path, create.data))
        ends = list(itertools.accumulate(len(key) for _, key in entries))
        slices = [
            (scope, slice(end - len(key), end))
            for (scope, key), end in zip(entries, ends, strict=True)
        ]
        keys = b"".join(key for _, key in entries)
        return cls((parent, name, *codec.written(create.data)), keys, slices)

    def copy(self, texts: Pairs[str], keys: Pairs[bytes]) -> _Copy:
        """The document with all of `texts` replaced, and `keys` in its entries' keys."""
        parent, name, data, times = self.row
        joined = self.keys
        name, data = _replaced(name, texts), _replaced(data, texts)
        for old_key, new_key in keys:
            joined = joined.replace(old_key, new_key)
        entries = [(scope, joined[part]) for scope, part in self.slices]
        return _Copy(parent, name, data, times, entries)


def seed(path: Path, count: int) -> None:
    """Puts `count` cases, each with its event, into a new store: one a second, until now."""
    EmbeddedStore(str(path), project_indexes()).close()
    pattern = _Pattern(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=count))
    for number in range(0, count, count // 3):
        pattern.check(number)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {pragma}")
        for first in range(0, count, _AT_ONCE):
            _insert(connection, pattern, range(first, min(first + _AT_ONCE, count)))


class _Pattern:
    """The documents of one case that was opened at `start`, and how those of another differ."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        creates = opening(_PATTERN, start)
        self._documents = [_Copied.of(create) for create in creates]
        values = [value for create in creates for value in create.data.values()]
        self._times = {v for v in values if isinstance(v, datetime) and v != NEVER}
        self._event_id = self._documents[1].row[1]
        event = _event(self._documents[1].copy([], []))
        self._hash = event.hash
        # What is hashed of an event differs from copy to copy as the event does.
        content = {**hashed(event.content()), "tenant": TENANT}
        self._hashed = canonical(content).decode()

    def copies(self, number: int) -> list[_Copy]:
        """The documents of case `number`."""
        texts, keys = self._replacements(number)
        case, event = (document.copy(texts, keys) for document in self._documents)
        content = _replaced(self._hashed, texts)
        proven = hashlib.sha256(content.encode()).hexdigest()
        return [one._replace(data=one.data.replace(self._hash, proven)) for one in (case, event)]

    def check(self, number: int) -> None:
        """Compares a copy with the real thing. Raises AssertionError."""
        copies = self.copies(number)
        for copy in copies:
            data = codec.decode(copy.data, copy.times)
            if set(copy.entries) != _entries(f"{copy.parent}/{copy.name}", data):
                raise AssertionError(f"{copy.name}: a copy has not the entries it should have")
        real = opening(number, self._start + timedelta(seconds=number))[0]
        data = codec.decode(copies[0].data, copies[0].times)
        if {**real.data, "head": None} != {**data, "head": None}:
            raise AssertionError(f"{real.path}: a copy is not what create_case makes")
        if not chain.holds(TENANT, _event(copies[1])):
            raise AssertionError(
                f"{real.path}: a copy's event has not the hash that it should have"
            )

    def _replacements(self, number: int) -> tuple[Pairs[str], Pairs[bytes]]:
        names = [(f"{_PATTERN:06d}", f"{number:06d}"), (self._event_id, uuid.uuid4().hex)]
        later = timedelta(seconds=number)
        moved = [(time, time + later) for time in self._times]
        # A case is also found by the beginnings of its number.
        words = list(zip(_beginnings(_PATTERN), _beginnings(number), strict=True))
        texts = names + [(f'"{old}"', f'"{new}"') for old, new in words]
        texts += [(_json(old), _json(new)) for old, new in moved]
        keys = [(old.encode(), new.encode()) for old, new in names]
        keys += [(encode(old), encode(new)) for old, new in (*words, *moved)]
        inverted = [(old.translate(_INVERSE), new.translate(_INVERSE)) for old, new in keys]
        return texts, keys + inverted


def _replaced(text: str, texts: Pairs[str]) -> str:
    for old, new in texts:
        text = text.replace(old, new)
    return text


def _event(copy: _Copy) -> Event:
    data = codec.decode(copy.data, copy.times)
    return events.from_document(Document(f"{copy.parent}/{copy.name}", data, 0))


def _beginnings(number: int) -> list[str]:
    digits = f"{number:06d}"
    return [digits[:3], digits[:5], f"case{digits[:1]}", f"case{digits[:4]}"]


def _insert(connection: sqlite3.Connection, pattern: _Pattern, numbers: range) -> None:
    (taken,) = connection.execute("SELECT COALESCE(MAX(number), 0) FROM documents").fetchone()
    copies = [copy for number in numbers for copy in pattern.copies(number)]
    rows = [
        (copy.parent, copy.name, *pack(copy.data, copy.times), taken + place)
        for place, copy in enumerate(copies, 1)
    ]
    connection.execute("BEGIN")
    scopes = Scopes(connection)
    entries = [(scopes[scope], key, row[-1]) for row, copy in zip(rows, copies, strict=True)
               for scope, key in copy.entries]  # fmt: skip
    connection.executemany(
        "INSERT INTO documents (parent, id, data, times, number, version)"
        " VALUES (?, ?, ?, ?, ?, 1)",
        rows,
    )
    # Inserted in the order of the table, which is ten times as fast.
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", sorted(entries))
    connection.execute("COMMIT")


def _entries(path: str, data: dict[str, Any]) -> set[Entry]:
    return entries_of(project_indexes(), path, data, frozenset(data))


def _json(time: datetime) -> str:
    return to_json(time).decode().strip('"')
