"""One SQLite file (or `:memory:`) for many threads and processes: connections and transactions.

Which release the file belongs to is in its `PRAGMA user_version`. Each transaction looks at it,
because another release may have taken the file over while this one runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock

from shared.documents.backoff import attempts
from shared.documents.port import OtherRelease, Unavailable

_PATIENCE_SECONDS = 2.5
_OUT_OF_REACH = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
SYNCHRONOUS = "FULL"
"""A commit waits for the disk. The tests set it off in their own process, to be faster."""


class Database:
    """Transactions on the file `path`. What is committed is on disk (WAL, synchronous=FULL)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mark: int | None = None
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._writing = Lock()
        # In memory there is one connection: a second one would have a database of its own.
        self._in_memory = path == ":memory:"
        if self._in_memory:
            self._idle.put(self._connect())
        else:
            Path(path).parent.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Closes the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def keep_to(self, mark: int) -> None:
        """From now on raises OtherRelease where the file does not have this mark."""
        self._mark = mark

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Everything read inside is from the same moment. Raises Unavailable."""
        with _errors_mapped(), self._connection() as connection:
            connection.execute("BEGIN")
            with _finished(connection):
                self._check_mark(connection)
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Everything written inside is kept, or nothing is. Raises Unavailable."""
        with _errors_mapped(), self._turn() as seconds, self._connection() as connection:
            _persist(connection, "BEGIN IMMEDIATE", seconds)
            with _finished(connection):
                self._check_mark(connection)
                yield connection

    def _check_mark(self, connection: sqlite3.Connection) -> None:
        if self._mark is not None and mark_of(connection) != self._mark:
            raise OtherRelease(
                "another release of Caseledger has taken over the SQLite file; this one has stopped"
            )

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """One thread at a time; gives the seconds that are left to wait for other processes."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        if not self._writing.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("SQLite: other threads keep writing")
        try:
            yield deadline - time.monotonic()
        finally:
            self._writing.release()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get(self._in_memory, _PATIENCE_SECONDS)
        except Empty:
            if self._in_memory:
                raise Unavailable("SQLite: other threads keep the connection") from None
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        _persist(connection, "PRAGMA journal_mode = WAL", _PATIENCE_SECONDS)
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        return connection


def mark_of(connection: sqlite3.Connection) -> int:
    """The mark of the release that the file belongs to; 0 in a new one."""
    (mark,) = connection.execute("PRAGMA user_version").fetchone()
    return int(mark)


def _persist(connection: sqlite3.Connection, statement: str, seconds: float) -> None:
    """Executes a statement that takes a lock, again and again while another process holds the lock.

    SQLite's own wait pauses longer each time, so that under many writers one of them starves.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        for _ in attempts(seconds, first=0.001, longest=0.004):
            if _executed(connection, statement):
                return
        raise Unavailable("SQLite: other processes keep writing")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_SECONDS * 1000:.0f}")


def _executed(connection: sqlite3.Connection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


@contextmanager
def _finished(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors SQLite has already rolled back.
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _errors_mapped() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) in _OUT_OF_REACH:
            raise Unavailable(f"SQLite: {error.sqlite_errorname}") from error
        raise


def _code(error: sqlite3.OperationalError) -> int | None:
    """The primary result code (sqlite.org/rescode.html), where the error comes from SQLite.

    One that the Python module raises by itself has none.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
