"""The bare SQLite statements of the embedded store: recorded, then run again by themselves.

Statements that the same work does not need are left out: transactions that only read, and the reads
in those that write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import patch

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes


class Statement(NamedTuple):
    """One call of sqlite3, with its data."""

    sql: str
    data: Sequence[Any]
    many: bool = False


Work = list[Statement]
"""The statements of one operation."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the store's own pragmas."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def recorded(path: Path, operations: Iterable[Callable[[EmbeddedStore], object]]) -> list[Work]:
    """Runs each operation on the store at `path`; gives the statements of each.

    Raises RuntimeError if none was recorded: then the store reaches SQLite in another way.
    """
    statements: Work = []
    connect_to = partial(_connected, sqlite3.connect, statements)
    works = []
    with patch.object(sqlite3, "connect", connect_to):
        store = EmbeddedStore(str(path), project_indexes())
        for operate in operations:
            statements.clear()
            operate(store)
            works.append(_needed(statements))
        store.close()
    if not all(works):
        raise RuntimeError("an operation of the embedded store told SQLite nothing")
    return works


def run(connection: sqlite3.Connection, work: Work) -> None:
    """Runs the statements of one operation, and takes all rows they give."""
    for sql, data, many in work:
        if many:
            connection.executemany(sql, data)
        else:
            connection.execute(sql, data).fetchall()


def _needed(statements: Work) -> Work:
    kept: Work = []
    begun = ""
    for statement in statements:
        verb = statement.sql.split(None, 1)[0]
        if verb == "BEGIN":
            begun = statement.sql
        writes = begun not in ("", "BEGIN")
        dispensable = {"PRAGMA", "SELECT"} if writes else {"PRAGMA", "BEGIN", "COMMIT"}
        if verb not in dispensable:
            kept.append(statement)
        if verb == "COMMIT":
            begun = ""
    return kept


def _connected(
    connect_to: Callable[..., sqlite3.Connection], statements: Work, *where: Any, **how: Any
) -> sqlite3.Connection:
    return cast(sqlite3.Connection, _Recorder(connect_to(*where, **how), statements))


class _Recorder:
    """Stands in for a connection: passes every call on, and records it."""

    def __init__(self, connection: sqlite3.Connection, statements: Work) -> None:
        self._connection = connection
        self._statements = statements

    def execute(self, sql: str, data: Sequence[Any] = ()) -> sqlite3.Cursor:
        self._statements.append(Statement(sql, list(data)))
        return self._connection.execute(sql, data)

    def executemany(self, sql: str, data: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        rows = list(data)
        self._statements.append(Statement(sql, rows, many=True))
        return self._connection.executemany(sql, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
