"""The file under the connections: whether it is still the one that was opened, and its log."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from shared.documents.port import Unavailable

MAX_LOG_BYTES = 8 * 1_048_576
"""How long the log (WAL) may be when a commit is done. SQLite itself starts it anew only at a
moment when nobody reads, so that readers who follow one another let it grow without end."""
MERGED_PAGES = 1_900
"""At how many pages of the log a commit merges it into the file, if no reader is in the way, and
the log starts anew at its beginning. That takes two more waits for the disk than a commit alone;
it stays below `MAX_LOG_BYTES`, because a file that is cut is slower to write to again."""
_AGAIN_BYTES = 1_048_576
_READERS_MILLISECONDS = 50
_GONE = "the SQLite file was deleted or replaced while it was open"


class DatabaseFile:
    """The file `path`. In memory there is none: then nothing is checked, and nothing grows."""

    def __init__(self, path: str, *, in_memory: bool) -> None:
        self._path = None if in_memory else path
        self._opened: tuple[int, int] | None = None
        self._most = MAX_LOG_BYTES

    def was_opened(self) -> None:
        """Remembers the file that the first connection has opened; later ones must be to it."""
        if self._path and self._opened is None:
            self._opened = _identity(self._path)
        self.check()

    def check(self) -> None:
        """Raises Unavailable where what is at the path now is another file, or none.

        What is written to a file that was deleted is gone when the last process closes it.
        """
        if self._path and self._opened and _identity(self._path) != self._opened:
            raise Unavailable(f"SQLite: {_GONE}", cause=_GONE)

    def has_log(self) -> bool:
        """Whether a log lies beside the file: somebody uses it, or did not end well."""
        return self._path is not None and os.path.exists(f"{self._path}-wal")  # noqa: PTH110 - as below

    def bound_log(self, connection: sqlite3.Connection) -> None:
        """Merges the log into the file once it is too long, unless readers keep that from ending.

        In that case it is tried again when the log has grown further.
        """
        size = self._log_bytes()
        if size <= self._most:
            return
        connection.execute(f"PRAGMA busy_timeout = {_READERS_MILLISECONDS}")
        with suppress(sqlite3.DatabaseError):  # what was committed stays so
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("PRAGMA busy_timeout = 0")
        left = self._log_bytes()
        self._most = MAX_LOG_BYTES if left < size else left + _AGAIN_BYTES

    def _log_bytes(self) -> int:
        if self._path:
            with suppress(OSError):  # the commit is done, whatever this says
                return os.stat(f"{self._path}-wal").st_size  # noqa: PTH116 - half the time
        return 0


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of a Path, for each transaction
    except OSError:  # it is not there, or out of reach
        return None
    return found.st_dev, found.st_ino
