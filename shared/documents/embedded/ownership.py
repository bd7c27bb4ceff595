"""Whether a file is the embedded store's: another program's is neither taken over nor changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from shared.documents.port import Unavailable, WrongPlace

APPLICATION = int.from_bytes(b"CASL")
"""What says in the file's header that it is ours (`PRAGMA application_id`). The first release left
0, and is known by its tables."""
_TABLES = {"documents", "entries", "indexed"}
_SINCE = {"pending", "scopes"}
"""The tables that files of later versions have besides."""
_HEADER = 100
_MAGIC = b"SQLite format 3\0"
_SECONDS = 2.5


def check_file(path: str) -> None:
    """Raises WrongPlace where `path` is in no directory, or is a file that is not ours.

    Raises Unavailable where that cannot be found out.
    """
    file = Path(path)
    try:
        if not file.parent.is_dir():
            raise WrongPlace(f"there is no directory {file.parent}")
        if file.exists() and not file.is_file():  # reading a pipe would wait for ever
            raise WrongPlace(f"{path} is a directory or a device, not a file")
        with file.open("rb") as opened:
            header = opened.read(_HEADER)
    except FileNotFoundError:
        return
    except OSError as error:
        name = type(error).__name__
        raise Unavailable(f"SQLite: {name}", cause=name) from error
    if header and not header.startswith(_MAGIC):
        raise WrongPlace(f"{path} is no SQLite file")
    # Where it is in a header: sqlite.org/fileformat.html#the_database_header
    application = int.from_bytes(header[68:72])
    if application not in (0, APPLICATION) or (not application and not _is_new_or_ours(path)):
        raise WrongPlace(f"{path} is the database of another program")


def _is_new_or_ours(path: str) -> bool:
    # What another program has not merged into the file from its log is not looked at, because
    # whoever closes a log merges it. Only where the file says nothing its log may say whose it is.
    with suppress(Unavailable):
        if told := _tables_and_version(path, "immutable=1"):
            return _ours(told[0])
    told = _tables_and_version(path, "mode=ro")
    return not told or _ours(told[0])


def _ours(tables: set[str]) -> bool:
    return tables - _SINCE == _TABLES


def _tables_and_version(path: str, how: str) -> tuple[set[str], int] | None:
    """What is in a file that is opened by a parameter of SQLite's URIs; None for nothing."""
    uri = f"{Path(path).absolute().as_uri()}?{how}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_SECONDS)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in found if not name.startswith("sqlite_")}
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        name = type(error).__name__
        raise Unavailable(f"SQLite: {name}", cause=name) from error
    return (tables, version) if tables or version else None
