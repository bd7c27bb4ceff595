"""`python -m local backup` and `restore`: a store in a SQLite file, while it is served.

A backup is one moment of the store, made by SQLite's own backup API (sqlite.org/backup.html) from
one transaction that reads: whoever writes meanwhile is not held up, and is not in it. It is a file
by itself. A copy of the store's file by other means would lack what is only in the log beside it
(the `-wal`), which is up to the last 8 MiB of changes, or be a mixture of two moments.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from local.files import Refused, check_ours, in_use, opened
from local.progress import Progress, say
from shared.documents.embedded.store import DIGEST_BITS, FILE_VERSION

_STEP_PAGES = 1024
_SECOND = 1_000_000_000
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file. What another file has left there it would mix with the new one.
"""
_WAL_FORMAT = 2
"""What byte 18 of a file with a log says (sqlite.org/fileformat.html#the_database_header)."""


class Counts(NamedTuple):
    """What must be the same in a copy: rows, and the version of the newest document."""

    documents: int
    entries: int
    newest: int

    @property
    def told(self) -> str:
        """The documents, and when the last of them was changed."""
        moment = datetime.fromtimestamp(self.newest // _SECOND, UTC)
        return f"{self.documents:,} documents, the last changed at {moment:%Y-%m-%dT%H:%M:%SZ}"


def backup(store: Path, to: Path) -> None:
    """Writes a backup of a store to a new file, and verifies it. Raises Refused."""
    check_ours(store)
    for one in (to, *_beside(to)):
        if one.exists():
            raise Refused(f"{one} exists, and is not replaced")
    with _new(to) as partial:
        counts = _copied(store, partial, "backed up, pages")
        partial.rename(to)
    _synced(to.parent)
    say(f"{to} is a whole backup of {store}: {counts.told}")
    say("The files of CASELEDGER_LOG_KEY and CASELEDGER_WEBHOOK_KEY are not in it: keep them")


def restore(saved: Path, store: Path, *, replace_newer: bool) -> None:
    """Makes a backup the store. What was there is kept beside it. Raises Refused."""
    check_ours(saved)
    with closing(opened(saved)) as connection:
        there = _checked(saved, connection)
    if _has_log(saved):
        say(
            f"{saved} was not made by this command, but copied. What was only in the log of the"
            f" store ({saved.name}-wal) at that moment is missing, unless that lies beside it"
        )
    kept = None
    if store.exists():
        check_ours(store)
        _refuse_in_use(store)
        _refuse_newer(store, there, replace_newer=replace_newer)
    if store.exists() or _beside(store):
        kept = store.with_name(f"{store.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    with _new(store) as partial:
        counts = _copied(saved, partial, "restored, pages")
        if kept:
            _keep(store, kept)
            _as_before(partial, kept)
        partial.replace(store)
    _synced(store.parent)
    say(f"{store} is what {saved} has: {counts.told}")
    if kept:
        names = ", ".join(str(one) for one in (kept, *_beside(kept)) if one.exists())
        say(f"What was there before is {names}: remove it when nobody needs it")
    say('The log of events needs what docs/operations.md says under "After a restore"')


def _refuse_newer(store: Path, saved: Counts, *, replace_newer: bool) -> None:
    with closing(opened(store)) as connection:
        try:
            now = _counts(connection)
        except sqlite3.DatabaseError:  # a damaged store is what is restored
            return
    if now.newest > saved.newest and not replace_newer:
        raise Refused(
            f"{store} is newer: {now.told}. The backup has {saved.told}. What came in between"
            " would be gone; --replace-newer restores it all the same"
        )


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """An empty file beside `path` for its owner only, removed in the end unless it is renamed."""
    if not path.parent.is_dir():
        raise Refused(f"there is no directory {path.parent}")
    partial = path.with_name(f"{path.name}.partial")
    try:
        _remove(partial)  # what a run left that was killed
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        yield partial
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"{path} was not written: {error}") from None
    finally:
        _remove(partial)


def _remove(partial: Path) -> None:
    for end in ("", *_BESIDE):
        partial.with_name(f"{partial.name}{end}").unlink(missing_ok=True)


def _copied(source: Path, to: Path, what: str) -> Counts:
    """Copies one moment of a file, and verifies the copy; gives what is in it. Raises Refused."""
    with closing(opened(source)) as reading, closing(opened(to)) as copy:
        # While this transaction is open, each step of the copy sees what it sees.
        reading.execute("BEGIN")
        expected = _counts(reading)
        with Progress(what, int(reading.execute("PRAGMA page_count").fetchone()[0])) as progress:
            reading.backup(
                copy, pages=_STEP_PAGES, progress=lambda _, left, all_: progress(all_ - left)
            )
        reading.execute("ROLLBACK")
        # Without a log the copy is one file. The store turns it on when it opens the file.
        copy.execute("PRAGMA journal_mode = DELETE")
        found = _checked(to, copy)
        if found != expected:
            raise Refused(f"{to} has {found.told}, and {source} had {expected.told}")
    with to.open("rb+") as file:
        os.fsync(file.fileno())
    return found


def _checked(path: Path, connection: sqlite3.Connection) -> Counts:
    """What is in a file. Raises Refused for one that is damaged, or of a newer release."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version >> DIGEST_BITS > FILE_VERSION:
            raise Refused(f"{path} is of a newer release of Caseledger: use that one")
        (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if said == "ok":
            return _counts(connection)
    except sqlite3.DatabaseError as error:
        said = error
    raise Refused(f"{path} is damaged: {said}")


def _counts(connection: sqlite3.Connection) -> Counts:
    row = connection.execute(
        "SELECT COUNT(*), (SELECT COUNT(*) FROM entries), COALESCE(MAX(version), 0) FROM documents"
    ).fetchone()
    return Counts(*row)


def _has_log(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18] == _WAL_FORMAT


def _beside(path: Path) -> list[Path]:
    """What lies beside a file, or beside where it was before somebody removed it."""
    found = (path.with_name(f"{path.name}{end}") for end in _BESIDE)
    return [one for one in found if one.exists()]


def _keep(store: Path, kept: Path) -> None:
    """Gives a store that nobody uses a second name, with all of its log in the file.

    Where somebody has removed the file alone, what is left beside it gets the new name.
    """
    if store.exists():
        _keep_file(store, kept)
    for one in _beside(store):  # those of a damaged file, or of one that was removed
        one.rename(kept.with_name(f"{kept.name}{one.name.removeprefix(store.name)}"))


def _keep_file(store: Path, kept: Path) -> None:
    _refuse_in_use(store)
    with suppress(sqlite3.DatabaseError), closing(opened(store)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    try:
        kept.hardlink_to(store)
    except OSError:  # not every file system can; then for a moment there is no store
        store.rename(kept)


def _as_before(partial: Path, kept: Path) -> None:
    """Gives the new file the owner and the mode of the one before, as far as one may."""
    if not kept.exists():  # only what lay beside it was left
        return
    before = kept.stat()
    partial.chmod(before.st_mode & 0o777)
    with suppress(OSError):
        os.chown(partial, before.st_uid, before.st_gid)


def _refuse_in_use(store: Path) -> None:
    if in_use(store):
        raise Refused(f"{store} is in use by another process: stop the services first")


def _synced(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
