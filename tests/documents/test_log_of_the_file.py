"""The log (WAL) of the SQLite file stays short, whoever reads, and is merged at the end."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from shared.documents.embedded import file as database_file
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import Indexes
from shared.documents.port import Delete, Set

LIMIT = 256 * 1024
HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA user_version")
print(flush=True)
input()
"""
ROW = {"text": "x" * 30_000}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is; its log is long from 256 KiB on."""
    monkeypatch.setattr(database_file, "MAX_LOG_BYTES", LIMIT)
    monkeypatch.setattr(database_file, "_AGAIN_BYTES", LIMIT)
    return tmp_path / "rows.db"


def log_bytes(path: Path) -> int:
    return path.with_name("rows.db-wal").stat().st_size


def test_the_log_stays_short_while_others_read_all_the_time(path: Path) -> None:
    with closing(EmbeddedStore(str(path), Indexes())) as store:
        store.commit([Set("rows/0", ROW)])
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                store.get("rows/0")

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        sizes = []
        for number in range(60):
            store.commit([Set(f"rows/{number}", ROW)])
            sizes.append(log_bytes(path))
        done.set()
        for reader in readers:
            reader.join()

    assert max(sizes) < 4 * LIMIT
    assert path.stat().st_size > 60 * 30_000
    assert list(path.parent.iterdir()) == [path]


def test_a_long_reader_does_not_keep_others_from_writing_and_the_log_is_short_afterwards(
    path: Path,
) -> None:
    with closing(EmbeddedStore(str(path), Indexes())) as store:
        store.commit([Set("rows/0", ROW)])
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM documents").fetchone()
            for number in range(40):
                store.commit([Set(f"rows/{number}", ROW)])
            assert log_bytes(path) > LIMIT
        for number in range(10):
            store.commit([Set(f"rows/{number}", {**ROW, "n": 1})])

        assert log_bytes(path) <= 2 * LIMIT
        assert store.get("rows/39")


@pytest.mark.parametrize("secret", ["a secret " + "xyz" * 1_000, "a secret " + "x" * 5_000])
def test_what_is_deleted_or_overwritten_is_not_in_the_file_any_more(
    path: Path, secret: str
) -> None:
    paths = [f"rows/{number}" for number in range(20)]
    with closing(EmbeddedStore(str(path), Indexes())) as store:
        store.commit([Set(one, {"text": secret}) for one in paths])
        with closing(sqlite3.connect(path)) as reader:
            ((kept,),) = reader.execute("SELECT DISTINCT CAST(data AS BLOB) FROM documents")
        store.commit([Set(paths[0], {"text": "erased"}), *map(Delete, paths[1:])])

    # A page may begin within a document.
    assert (b"a secret" in kept) == (len(secret) > 4_096)
    assert kept[:50] not in path.read_bytes()
    assert kept[-50:] not in path.read_bytes()


def test_a_process_that_closes_the_file_merges_what_another_left_at_that_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddedStore(str(path), Indexes())
    store.commit([Set("rows/1", ROW)])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()

        def ended(_: float) -> None:
            other.kill()
            other.wait()

        monkeypatch.setattr("shared.documents.backoff.time.sleep", ended)
        store.close()
        other.kill()

    assert list(path.parent.iterdir()) == [path]
