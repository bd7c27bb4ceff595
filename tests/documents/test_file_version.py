"""The file of the embedded store says which release it belongs to; no other works on it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import flask
import pytest

from shared.config import Config
from shared.documents.embedded import store as embedded
from shared.documents.embedded.entries import entries_of
from shared.documents.embedded.store import FILE_VERSION, EmbeddedStore
from shared.documents.indexes import ASCENDING, DESCENDING, Index, Indexes
from shared.documents.port import (
    Aggregation,
    Create,
    DocumentStore,
    Filter,
    Order,
    OtherRelease,
    Query,
    Update,
    WrongPlace,
)
from shared.edge import application
from shared.runtime import Runtime
from tests.client import Api
from tests.documents.processes import FORKED

OLD = Indexes()
NEW = Indexes(composites=(Index("rows", (("kind", ASCENDING), ("n", DESCENDING))),))
ROWS = Query("rows")
PENDING_OF_2 = """CREATE TABLE pending (
    document INTEGER PRIMARY KEY, version INTEGER NOT NULL, entries BLOB NOT NULL)"""
CALLS: dict[str, Callable[[DocumentStore], object]] = {
    "get": lambda store: store.get("rows/a"),
    "get_many": lambda store: store.get_many(["rows/a", "rows/b"]),
    "commit": lambda store: store.commit([Create("rows/c", {})]),
    "query": lambda store: store.query(ROWS),
    "aggregate": lambda store: store.aggregate([Aggregation(ROWS)]),
    "watch": lambda store: store.watch("rows/a", lambda _: False, 5, lambda: False),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "rows.db")


def version(path: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def set_version(path: str, number: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {number:d}")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_running_store_stops_when_another_release_has_taken_its_file(
    path: str, call: Callable[[DocumentStore], object]
) -> None:
    with closing(EmbeddedStore(path, OLD)) as running:
        running.commit([Create("rows/a", {"kind": "x", "n": 1})])
        EmbeddedStore(path, NEW).close()

        with pytest.raises(OtherRelease, match="has taken over the SQLite file"):
            call(running)

    with closing(EmbeddedStore(path, NEW)) as newer:
        assert [row.id for row in newer.query(ROWS)] == ["a"]


def _work_until_stopped(path: str, told: Connection) -> None:
    with closing(EmbeddedStore(path, OLD)) as running:
        told.send("running")
        number = 0
        while True:
            try:
                running.commit([Create(f"rows/{number}", {"kind": "x", "n": number})])
            except OtherRelease as error:
                told.send((number, str(error)))
                return
            number += 1


def test_another_process_stops_at_once_and_all_that_it_acknowledged_is_found(path: str) -> None:
    told, tell = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=_work_until_stopped, args=(path, tell))
    process.start()
    try:
        assert told.recv() == "running"

        with closing(EmbeddedStore(path, NEW)) as newer:
            committed, why = told.recv()
            kinds = Query("rows", (Filter("kind", "==", "x"),), (Order("n", descending=True),))
            found = [row.data["n"] for row in newer.query(kinds)]
    finally:
        process.join()

    assert "another release of Caseledger" in why
    assert found == [*range(committed)][::-1]


def test_stores_of_one_release_share_a_file(path: str) -> None:
    with closing(EmbeddedStore(path, NEW)) as one, closing(EmbeddedStore(path, NEW)) as other:
        one.commit([Create("rows/a", {})])

        assert other.get("rows/a")


@pytest.mark.parametrize("former", [0, 1, 2, 3])
def test_a_file_of_an_earlier_version_is_adopted_with_its_documents(path: str, former: int) -> None:
    with closing(EmbeddedStore(path, NEW)) as store:
        store.commit([Create(f"rows/{name}", {"kind": "x", "n": 1}) for name in "ac"])
    mark = version(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE scopes")
        # Its entries have other scopes and keys, under which nothing is found any more.
        connection.execute("UPDATE entries SET scope = -scope, key = CAST('x' || key AS BLOB)")
        if former < 3:
            connection.execute("DROP TABLE pending")
        if former == 2:
            connection.execute("DELETE FROM entries")
            connection.execute(PENDING_OF_2)
            connection.execute("INSERT INTO pending SELECT number, version, X'' FROM documents")
    set_version(path, former << 16 | (mark & 0xFFFF if former else 0))

    with closing(EmbeddedStore(path, NEW)) as store:
        store.commit([Create("rows/b", {"kind": "x", "n": 2}), Update("rows/a", {"n": 3})])
        kinds = Query("rows", (Filter("kind", "==", "x"),), (Order("n", descending=True),))
        assert [row.id for row in store.query(kinds)] == ["a", "b", "c"]
    assert version(path) == mark


def test_a_file_that_the_first_release_has_indexed_since_is_adopted_again(path: str) -> None:
    data = {"kind": "x", "n": 1}
    kinds = Query("rows", (Filter("kind", "==", "x"),), (Order("n", descending=True),))
    running = EmbeddedStore(path, NEW)
    running.commit([Create("rows/a", data)])
    with closing(sqlite3.connect(path)) as connection, connection:
        # It knows no versions and no notes, and leaves both as they are.
        connection.execute("DELETE FROM entries")
        connection.execute("UPDATE indexed SET definitions = ?", (repr(OLD),))
        (number,) = connection.execute("SELECT number FROM documents").fetchone()
        connection.execute("DELETE FROM scopes")
        rows = [(*entry, number) for entry in entries_of(OLD, "rows/a", data, frozenset(data))]
        connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)

    with closing(EmbeddedStore(path, NEW)) as store:
        for order in ("n", "kind"):
            assert [row.id for row in store.query(Query("rows", order=(Order(order),)))] == ["a"]
        assert [row.id for row in store.query(kinds)] == ["a"]
    running.close()


def test_a_file_of_a_newer_release_is_not_opened_and_stays_as_it_is(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "FILE_VERSION", FILE_VERSION + 1)
    EmbeddedStore(path, NEW).close()
    before = version(path)
    monkeypatch.undo()

    with pytest.raises(OtherRelease, match=f"knows {FILE_VERSION} at most"):
        EmbeddedStore(path, OLD)
    assert version(path) == before


def test_a_request_to_a_release_that_lost_its_file_says_why_it_fails(
    embedded_config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = Runtime(embedded_config)
    api = Api(runtime)
    api.verifier.create(id="CASE-1")
    set_version(embedded_config.sqlite or "", (FILE_VERSION + 1) << 16)

    answers = [
        api.viewer.get("/cases/CASE-1"),
        api.verifier.patch("/cases/CASE-1", {"title": "Lost"}, idempotency_key="k"),
        api.stranger.get("/health"),
    ]
    runtime.close()

    for answer in answers:
        assert answer.status_code == 503
        assert "another release of Caseledger" in answer.json["error"]["message"]
    logged = capsys.readouterr().out.splitlines()[-3:]
    assert all("another release of Caseledger" in line for line in logged)


def foreign(statement: str) -> Callable[[str], None]:
    """Makes a file with a statement of another program."""

    def make(path: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)

    return make


def crashed(path: str) -> None:
    """Leaves the file of a program that ended before it merged its log."""
    with closing(sqlite3.connect(f"{path}.running")) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("CREATE TABLE moz_places (id)")
        running.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        running.execute("CREATE TABLE moz_pages (id)")
        for end in ("", "-wal"):
            shutil.copy(f"{path}.running{end}", f"{path}{end}")


FOREIGN: dict[str, Callable[[str], object]] = {
    "another application's": foreign("PRAGMA application_id = 252006673"),
    "with another table": foreign("CREATE TABLE moz_places (id)"),
    "with a table called as one of ours": foreign("CREATE TABLE documents (id)"),
    "without tables but with a version": foreign("PRAGMA user_version = 7"),
    "with a log that is not merged": crashed,
    "a pipe": os.mkfifo,
    "a text": lambda path: Path(path).write_text("Dear diary,"),
    "a directory": lambda path: Path(path).mkdir(),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_of_another_program_is_refused_and_stays_as_it_is(
    path: str, make: Callable[[str], object]
) -> None:
    make(path)
    before = contents(path)

    with pytest.raises(WrongPlace, match=Path(path).name):
        EmbeddedStore(path, NEW)

    assert contents(path) == before


def test_another_program_whose_tables_are_all_in_its_log_is_refused(path: str) -> None:
    with closing(sqlite3.connect(f"{path}.running")) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("CREATE TABLE moz_places (id)")
        for end in ("", "-wal"):
            shutil.copy(f"{path}.running{end}", f"{path}{end}")

    with pytest.raises(WrongPlace, match="another program"):
        EmbeddedStore(path, NEW)


def test_a_file_in_no_directory_is_named_in_the_log_and_to_no_caller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    api = Api(Runtime(Config(sqlite=str(gone / "rows.db"), unsigned_tokens=True)))

    for answer in (api.stranger.get("/health"), api.viewer.get("/cases/CASE-1")):
        assert answer.status_code == 503
        assert str(gone) not in answer.text
    assert capsys.readouterr().out.count(f'"cause": "there is no directory {gone}"') == 2


def contents(path: str) -> dict[str, bytes]:
    """The files beside the path and at it, with their bytes."""
    found = Path(path).parent.rglob("*")
    return {file.name: file.read_bytes() for file in found if file.is_file()}


def test_a_directory_that_does_not_exist_is_refused_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    with pytest.raises(WrongPlace, match=f"no directory {missing}"):
        EmbeddedStore(str(missing / "rows.db"), NEW)

    assert not missing.exists()


def test_an_empty_file_and_one_that_another_process_is_still_making_are_new(path: str) -> None:
    Path(path).touch()
    EmbeddedStore(path, NEW).close()
    with closing(sqlite3.connect(f"{path}2")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    EmbeddedStore(f"{path}2", NEW).close()

    for made in (path, f"{path}2"):
        with closing(sqlite3.connect(made)) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (0x4341534C,)


def test_a_file_of_the_first_release_is_known_by_its_tables(path: str) -> None:
    EmbeddedStore(path, OLD).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0")
    set_version(path, 0)

    EmbeddedStore(path, NEW).close()

    assert contents(path)[Path(path).name][68:72] == b"CASL"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CASELEDGER_STORE": "sqlite:///{}/missing/x.db"}, "CASELEDGER_STORE: there is no"),
        ({"CASELEDGER_STORE": "sqlite:///{}/diary.txt"}, "CASELEDGER_STORE: {}/diary.txt is no"),
        ({}, "CASELEDGER_STORE: .local cannot be made: FileExistsError"),
        ({"CASELEDGER_STOER": "x"}, "do you mean CASELEDGER_STORE?"),
        ({"CASELEDGER_UNSIGNED_TOKENS": "yes"}, "CASELEDGER_UNSIGNED_TOKENS must be loopback"),
    ],
)
def test_a_server_with_a_wrong_configuration_ends_at_its_start_with_one_line_that_names_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environ: dict[str, str],
    said: str,
) -> None:
    for name in ("diary.txt", ".local"):
        (tmp_path / name).write_text("Dear diary,")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CASELEDGER_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(tmp_path))

    with pytest.raises(SystemExit) as ended:
        application.set_up(flask.Flask("new"), lambda _: flask.Response())

    assert ended.value.code == 1
    (line,) = capsys.readouterr().out.splitlines()
    message = json.loads(line)["message"]
    assert message.startswith("the configuration is wrong: ")
    assert said.format(tmp_path) in message
    assert {file.name for file in tmp_path.iterdir()} == {"diary.txt", ".local"}
