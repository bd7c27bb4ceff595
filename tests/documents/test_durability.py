"""The embedded store among processes and threads: what it acknowledged is there, and whole."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from shared.documents.embedded import codec, database, pending
from shared.documents.embedded.entries import entries_of
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import ASCENDING, DESCENDING, Index, Indexes
from shared.documents.port import (
    Aggregation,
    Create,
    Delete,
    DocumentStore,
    Filter,
    MissingIndex,
    Order,
    Query,
    Set,
    Totals,
    Unavailable,
    Update,
    Write,
)
from tests.documents.processes import FORKED

PROCESSES, KILLED, COMMITS = 8, 3, 200
BY_WRITER = Indexes(composites=(Index("rows", (("writer", ASCENDING), ("n", DESCENDING))),))


def commit_of(writer: int, number: int) -> list[Write]:
    """The commits of one writer: rows made, changed and removed, now and then many at once.

    Each also sets the writer's own `last` and adds one to the count that all of them share.
    """
    draw = random.Random(f"{writer} {number}")  # noqa: S311 - the same on every run
    row = f"rows/{writer}-{number}"
    mark: list[Write] = [
        Set(f"writers/{writer}", {"last": number}),
        Update("writers/all", increments={"commits": 1}),
    ]
    data = {"writer": writer, "n": number, "tags": ["new", str(number % 7)]}
    match number % 5:
        case 1:
            return [*mark, Update(f"rows/{writer}-{number - 1}", {"n": -number})]
        case 2:
            return [*mark, Delete(f"rows/{writer}-{number - 2}")]
        case 3:
            parts = [Create(f"{row}/parts/{part}", data) for part in range(draw.randint(2, 6))]
            return [*mark, Create(row, {**data, "parts": len(parts)}), *parts]
    return [*mark, Create(row, data)]


def commit_in_turn(store: EmbeddedStore, writes: list[Write]) -> None:
    """Commits, however long the others take: a busy machine may let one wait for too long."""
    while True:
        with suppress(Unavailable):
            store.commit(writes)
            return


def write_rows(path: str, writer: int, acknowledged: Connection) -> None:
    """What each process does: its commits in order, each acknowledged as soon as it returns."""
    with closing(EmbeddedStore(path, BY_WRITER)) as store:
        for number in range(COMMITS):
            commit_in_turn(store, commit_of(writer, number))
            acknowledged.send_bytes(number.to_bytes(4, "big"))


def acknowledged_by(pipe: Connection) -> int:
    """How many commits a process said were done before it ended."""
    done = 0
    try:
        while True:
            done = int.from_bytes(pipe.recv_bytes(), "big") + 1
    except EOFError:
        return done


def start(path: str, writer: int) -> tuple[BaseProcess, Connection]:
    reader, sender = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=write_rows, args=(path, writer, sender))
    process.start()
    sender.close()
    return process, reader


def kill_midway(process: BaseProcess, pipe: Connection, after: int) -> int:
    """Kills a process somewhere behind its commit `after`; gives the number acknowledged."""
    for _ in range(after):
        pipe.recv_bytes()
    os.kill(process.pid or 0, signal.SIGKILL)
    return max(after, acknowledged_by(pipe))


def rows_after(writer: int, commits: int) -> dict[str, object]:
    """The documents that the first `commits` of a writer leave, by path, in memory."""
    rows: dict[str, object] = {}
    for write in (write for number in range(commits) for write in commit_of(writer, number)):
        if isinstance(write, Create | Set):
            rows[write.path] = write.data
        elif isinstance(write, Delete):
            del rows[write.path]
        elif write.fields:
            rows[write.path] = {**rows[write.path], **write.fields}  # type: ignore[dict-item]
    return rows


def stored(path: str) -> dict[str, object]:
    """All documents in the file, by path."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT parent, id, data, times FROM documents")
        return {f"{parent}/{name}": codec.decode(*text) for parent, name, *text in rows}


def check_file(path: str, indexes: Indexes) -> None:
    """SQLite finds no fault in the file, and its entries are just those of its documents."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        numbers = connection.execute("SELECT parent || '/' || id, number FROM documents")
        number_of = dict(numbers.fetchall())
        pending.carry_out(connection, indexes)
        entries = connection.execute(
            "SELECT COALESCE(hash, scope), key, document FROM entries"
            " LEFT JOIN scopes ON number = scope"
        ).fetchall()
    expected = {
        (*entry, number_of[name])
        for name, data in stored(path).items()
        if isinstance(data, dict)
        for entry in entries_of(indexes, name, data, frozenset(data))
    }
    assert len(entries) == len(expected)
    assert set(entries) == expected


@pytest.mark.timeout(120)
def test_what_eight_processes_were_told_is_done_is_there_though_some_are_killed(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "rows.db")
    with closing(EmbeddedStore(path, BY_WRITER)) as store:
        store.commit([Create("writers/all", {"commits": 0})])
    started = [start(path, writer) for writer in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as threads:
        ends = [
            threads.submit(kill_midway, process, pipe, 30 + 40 * writer)
            if writer < KILLED
            else threads.submit(acknowledged_by, pipe)
            for writer, (process, pipe) in enumerate(started)
        ]
        told = [end.result() for end in ends]
    for process, _ in started:
        process.join()
    exits = [process.exitcode for process, _ in started]
    assert exits == [-signal.SIGKILL] * KILLED + [0] * (PROCESSES - KILLED)
    assert told[KILLED:] == [COMMITS] * (PROCESSES - KILLED)

    check_file(path, BY_WRITER)
    found = stored(path)
    total = found.pop("writers/all")
    done = [found[f"writers/{writer}"]["last"] + 1 for writer in range(PROCESSES)]  # type: ignore[index]
    # A commit may have been kept just before its process was killed, and not been told of.
    assert all(0 <= kept - heard <= 1 for kept, heard in zip(done, told, strict=True))
    assert total == {"commits": sum(done)}
    expected = [rows_after(writer, commits) for writer, commits in enumerate(done)]
    assert found == {name: data for rows in expected for name, data in rows.items()}

    with closing(EmbeddedStore(path, BY_WRITER)) as store:
        store.commit([Create("rows/later", {"writer": 0, "n": COMMITS})])
        query = Query("rows", (Filter("writer", "==", 0),), (Order("n", descending=True),), limit=1)
        assert [document.id for document in store.query(query)] == ["later"]


def open_at_once(path: str, ready: Connection, moment: Connection) -> None:
    ready.send_bytes(b"ready")
    moment.recv_bytes()
    with closing(EmbeddedStore(path, BY_WRITER)) as store:
        store.commit([Create(f"rows/{os.getpid()}", {"n": 1})])


def test_processes_that_open_a_new_file_at_one_moment_all_succeed(tmp_path: Path) -> None:
    path = str(tmp_path / "new.db")
    processes, moments = [], []
    for _ in range(4):
        ready, say_ready = FORKED.Pipe(duplex=False)
        moment, say_moment = FORKED.Pipe(duplex=False)
        process = FORKED.Process(target=open_at_once, args=(path, say_ready, moment))
        process.start()
        processes.append((process, ready))
        moments.append(say_moment)
    for _, ready in processes:
        ready.recv_bytes()
    for say_moment in moments:
        say_moment.send_bytes(b"now")
    for process, _ in processes:
        process.join()
    assert [process.exitcode for process, _ in processes] == [0] * 4
    assert len(stored(path)) == 4
    check_file(path, BY_WRITER)


def test_documents_are_indexed_anew_when_the_definitions_have_changed(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.db")
    query = Query("rows", (Filter("writer", "==", 1),), (Order("n", descending=True),))
    with closing(EmbeddedStore(path, Indexes())) as store:
        store.commit([Set(f"rows/{n}", {"writer": n % 2, "n": n}) for n in range(6)])
        with pytest.raises(MissingIndex):
            store.query(query)
    with closing(EmbeddedStore(path, BY_WRITER)) as store:
        assert [document.id for document in store.query(query)] == ["5", "3", "1"]
    check_file(path, BY_WRITER)
    with closing(EmbeddedStore(path, Indexes())) as store, pytest.raises(MissingIndex):
        store.query(query)
    check_file(path, Indexes())


def test_opening_waits_for_nobody_when_nothing_has_changed(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.db")
    EmbeddedStore(path, BY_WRITER).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with closing(EmbeddedStore(path, BY_WRITER)) as store:
            assert store.get("rows/a") is None
        # Who waited for it would do so in vain, and fail.
        assert writer.in_transaction


def add_one(store: DocumentStore, thread: int) -> None:
    for number in range(50):
        name = f"rows/{thread}-{number}"
        store.commit([Update("rows/count", increments={"n": 1}), Create(name, {"writer": thread})])
        found = store.get_many(["rows/count", name])
        assert all(found)


@pytest.mark.parametrize("name", [":memory:", "rows.db"])
def test_many_threads_share_one_store(tmp_path: Path, name: str) -> None:
    path = name if name == ":memory:" else str(tmp_path / name)
    with closing(EmbeddedStore(path, Indexes())) as store, ThreadPoolExecutor(16) as threads:
        store.commit([Set("rows/count", {"n": 0})])
        list(threads.map(add_one, [store] * 16, range(16)))
        count = store.get("rows/count")
        assert count
        assert count.data == {"n": 800}
        assert store.aggregate([Aggregation(Query("rows"))]) == [Totals(801)]


def test_what_is_read_together_is_of_one_moment(tmp_path: Path) -> None:
    names = [f"rows/{name}" for name in "abcdefgh"]
    with closing(EmbeddedStore(str(tmp_path / "rows.db"), Indexes())) as store:
        store.commit([Set(name, {"n": 0}) for name in names])

        def count_up() -> None:
            for number in range(1, 100):
                store.commit([Set(name, {"n": number}) for name in names])

        with ThreadPoolExecutor(1) as threads:
            counting = threads.submit(count_up)
            while not counting.done():
                numbers = {row and row.data["n"] for row in store.get_many(names)}
                assert len(numbers) == 1
            counting.result()


def test_a_commit_waits_until_it_is_on_disk(tmp_path: Path) -> None:
    # As other processes load it: here the tests have it not wait, to be faster.
    spec = importlib.util.spec_from_file_location("as_others_load_it", database.__file__)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)

    with loaded.Database(str(tmp_path / "caseledger.db")).writing() as connection:
        (level,) = connection.execute("PRAGMA synchronous").fetchone()

    assert level == 2, "FULL, see https://sqlite.org/pragma.html#pragma_synchronous"


def test_a_memory_store_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(EmbeddedStore(":memory:", Indexes())) as one:
        one.commit([Set("rows/a", {})])
        with closing(EmbeddedStore(":memory:", Indexes())) as other:
            assert other.get("rows/a") is None
    assert list(tmp_path.iterdir()) == []
