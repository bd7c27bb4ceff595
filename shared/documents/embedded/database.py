"""One SQLite file (or `:memory:`) for many threads and processes: connections and transactions.

Which release the file belongs to is in its `PRAGMA user_version`. Each transaction looks at it,
because another release may have taken the file over while this one runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, LifoQueue
from threading import Lock
from typing import Any

from shared.documents.backoff import attempts
from shared.documents.embedded.file import MERGED_PAGES, DatabaseFile
from shared.documents.embedded.group import Group
from shared.documents.embedded.ownership import check_file
from shared.documents.port import OtherRelease, Unavailable

_PATIENCE_SECONDS = 2.5
_NOBODY_CAME_SECONDS = 0.02
_MERGING_SECONDS = 0.05
_BROKEN = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
"""What a connection may say for ever, although the file is well again: one that was opened on a
read-only file system stays read-only."""
_OUT_OF_REACH = _BROKEN | {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}


class Connection(sqlite3.Connection):
    """A connection, with what its user remembers of what it has read last."""

    remembered: tuple[object, Any] | None = None


class Database:
    """Transactions on the file `path`. What is committed is on disk (WAL, synchronous=FULL).

    Raises WrongPlace; see `check_file`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._mark: int | None = None
        self._idle: LifoQueue[Connection] = LifoQueue()
        self._writing = Lock()
        self._group: Group[Connection] | None = None
        self._waiting = 0
        """How many threads wait to write."""
        self._counting = Lock()
        # In memory there is one connection: a second one would have a database of its own.
        self._in_memory = path == ":memory:"
        self._file = DatabaseFile(path, in_memory=self._in_memory)
        self._closed = False
        if self._in_memory:
            self._idle.put(self._connect())
        else:
            check_file(path)

    def close(self) -> None:
        """Closes the idle connections, and each of the others when its transaction has ended.

        The last one of all processes merges the log into the file.
        """
        self._closed = True
        self._close_idle()
        self._merge_what_is_left()

    def keep_to(self, mark: int) -> None:
        """From now on raises OtherRelease where the file does not have this mark."""
        self._mark = mark

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Everything read inside is from the same moment. Raises Unavailable."""
        with _errors_mapped(), self._connection() as connection:
            connection.execute("BEGIN")
            with _finished(connection):
                self._check_mark(connection)
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Everything written inside is kept, or nothing is. Raises Unavailable."""
        refused: Exception | None = None
        with _errors_mapped():
            with self._turn() as seconds:
                group = self._group = self._group or self._begun(seconds)
                try:
                    with group.member():
                        yield group.connection
                except Exception as error:  # noqa: BLE001 - is raised below
                    refused = error
                except BaseException:
                    self._end(group)
                    raise
                if group.full or not self._waiting:
                    self._end(group)
            self._wait_for(group)
            if not isinstance(refused, sqlite3.DatabaseError):
                group.check()
            if refused:
                raise refused

    def _begun(self, seconds: float) -> Group[Connection]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._connection())
            stack.callback(self._file.bound_log, connection)
            _persist(connection, "BEGIN IMMEDIATE", seconds)
            with _rolled_back_on_errors(connection):
                self._check_mark(connection)
            return Group(connection, stack.pop_all())

    def _end(self, group: Group[Connection]) -> None:
        self._group = None
        group.end()

    def _wait_for(self, group: Group[Connection]) -> None:
        """Returns when it has ended. Ends it where nobody came who was seen to wait."""
        while not group.ended.wait(_NOBODY_CAME_SECONDS):
            if self._writing.acquire(blocking=False):
                try:
                    if self._group is group:
                        self._end(group)
                finally:
                    self._writing.release()

    def _check_mark(self, connection: sqlite3.Connection) -> None:
        if self._mark is not None and mark_of(connection) != self._mark:
            raise OtherRelease(
                "another release of Caseledger has taken over the SQLite file; this one has stopped"
            )

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """One thread at a time; gives the seconds that are left to wait for other processes."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self._count(1)
        mine = self._writing.acquire(timeout=_PATIENCE_SECONDS)
        self._count(-1)
        if not mine:
            raise _busy("other threads keep writing")
        try:
            yield deadline - time.monotonic()
        finally:
            self._writing.release()

    def _count(self, step: int) -> None:
        with self._counting:
            self._waiting += step

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        self._file.check()
        connection = self._taken()
        broken = False
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            broken = _code(error) in _BROKEN and not self._in_memory
            raise
        finally:
            self._idle.put(connection)
            if broken or self._closed:
                self._close_idle()

    def _taken(self) -> Connection:
        try:
            return self._idle.get(self._in_memory, _PATIENCE_SECONDS)
        except Empty:
            if self._in_memory:
                raise _busy("other threads keep the connection") from None
        return self._connect()

    def _close_idle(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _merge_what_is_left(self) -> None:
        """Merges the log where nobody did, although nobody uses the file any more.

        Of processes that close it at the same moment, each takes the others for its users.
        """
        with suppress(sqlite3.DatabaseError, Unavailable):
            for _ in attempts(_MERGING_SECONDS):
                self._file.check()
                if not self._file.has_log():
                    return
                self._connect().close()

    def _connect(self) -> Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=_PATIENCE_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        _persist(connection, "PRAGMA journal_mode = WAL", _PATIENCE_SECONDS)
        connection.execute("PRAGMA synchronous = FULL")
        # What is erased is overwritten in the file. Not each build of SQLite does that by itself.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {MERGED_PAGES:d}")
        # From now on `_persist` waits instead of SQLite.
        connection.execute("PRAGMA busy_timeout = 0")
        self._file.was_opened()
        return connection


def mark_of(connection: sqlite3.Connection) -> int:
    """The mark of the release that the file belongs to; 0 in a new one."""
    (mark,) = _persist(connection, "PRAGMA user_version", _PATIENCE_SECONDS).fetchone()
    return int(mark)


def _persist(connection: sqlite3.Connection, statement: str, seconds: float) -> sqlite3.Cursor:
    """Executes a statement that takes a lock, again and again while another process holds the lock.

    SQLite's own wait pauses longer each time, so that under many writers one of them starves.
    """
    for _ in attempts(seconds, first=0.001, longest=0.004):
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
    raise _busy("other processes keep writing")


@contextmanager
def _finished(connection: sqlite3.Connection) -> Iterator[None]:
    with _rolled_back_on_errors(connection):
        yield
        connection.execute("COMMIT")


@contextmanager
def _rolled_back_on_errors(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # After some errors SQLite has already rolled back.
        with suppress(sqlite3.DatabaseError):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _errors_mapped() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _code(error) in _OUT_OF_REACH:
            name = error.sqlite_errorname
            raise Unavailable(f"SQLite: {name}", cause=name) from error
        raise


def _busy(why: str) -> Unavailable:
    return Unavailable(f"SQLite: {why}", cause=f"SQLITE_BUSY: {why}")


def _code(error: sqlite3.DatabaseError) -> int | None:
    """The primary result code (sqlite.org/rescode.html), where the error comes from SQLite.

    One that the Python module raises by itself has none.
    """
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
