"""The SQLite file of a store as its operator handles it: whose it is, who uses it, how it is held.

Nothing here opens it as the functions do, which would bring a file of an earlier release up to this
one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shared.config import DEFAULT_FILE, MEMORY, Config, ConfigError
from shared.documents.embedded.ownership import check_file
from shared.documents.port import StoreError, Unavailable

_SCHEME = "sqlite:///"
_SECONDS = 5.0
_WHOSE = "Run the command as the user of the services, and look at the disk"


class Refused(Exception):
    """Why a command does nothing, or nothing more: a sentence for the operator."""


def named(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The file that is given, or else that of the functions. Raises Refused."""
    if given:
        return given
    url = environ.get("CASELEDGER_STORE") or f"{_SCHEME}{DEFAULT_FILE}"
    try:
        path = Config.from_environment({"CASELEDGER_STORE": url}).sqlite
    except ConfigError as error:
        raise Refused(str(error)) from None
    if not path or path == MEMORY:
        raise Refused("CASELEDGER_STORE names a store in memory, which ends with its process")
    return Path(path)


def check_ours(path: Path) -> None:
    """Raises Refused unless the file is there and is a store of Caseledger."""
    if not path.exists():
        raise Refused(f"there is no file {path}")
    if not path.stat().st_size:
        raise Refused(f"{path} is empty")
    try:
        check_file(str(path))
    except Unavailable as error:
        raise Refused(f"{path} cannot be read: {error.cause}. {_WHOSE}") from None
    except StoreError as error:
        raise Refused(str(error)) from None


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists, without SQLite's own transactions."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_SECONDS, isolation_level=None)


def in_use(path: Path) -> bool:
    """Whether another process, or another connection of this one, has the file open.

    Who has used a file in WAL mode holds a shared lock until it closes it (sqlite.org/wal.html),
    which is in the way of an exclusive one. What is only in the log goes into the file by this.
    Raises Refused where the file cannot be written.
    """
    if not path.exists():
        return False
    try:
        with closing(opened(path)) as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return True
        raise Refused(f"{path} cannot be written: {error}. {_WHOSE}") from None
    return False


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody writes to the file meanwhile; reading goes on. Raises Refused."""
    with closing(opened(path)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Refused(f"{path} is written to: {error}") from None
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
