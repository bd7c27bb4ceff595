"""Which store a local run uses."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.__main__ import main
from local.server import ServerError, own_sqlite, usual_workers
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import Indexes, project_indexes
from tests.rows import each_row

FILE = Path("data/caseledger.db")


@each_row(
    ("environ", "used"),
    [
        ({}, "sqlite:///data/caseledger.db"),
        ({"CASELEDGER_STORE": ""}, "sqlite:///data/caseledger.db"),
        ({"CASELEDGER_STORE": "sqlite:////var/mine.db"}, "sqlite:////var/mine.db"),
    ],
)
def test_the_store_of_a_local_run_is_the_one_that_is_named(
    environ: dict[str, str], used: str
) -> None:
    assert own_sqlite(environ, FILE) == {"CASELEDGER_STORE": used}


def test_a_local_run_refuses_a_store_that_its_processes_would_not_share() -> None:
    with pytest.raises(ServerError, match="CASELEDGER_STORE names a store in memory"):
        own_sqlite({"CASELEDGER_STORE": "sqlite:///:memory:"}, FILE)


@pytest.mark.parametrize(("cores", "workers"), [(None, 1), (1, 1), (3, 3), (4, 4), (16, 4)])
def test_a_local_run_serves_a_file_with_a_worker_a_core_and_at_most_four(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)

    assert usual_workers() == workers


def test_the_file_of_an_earlier_release_is_indexed_before_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "old.db")
    EmbeddedStore(path, Indexes()).close()
    monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{path}")
    found: list[tuple[str]] = []

    @contextlib.contextmanager
    def serving(*_: object, **__: object) -> Iterator[str]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found.extend(connection.execute("SELECT definitions FROM indexed"))
        raise ServerError("not today")
        yield

    monkeypatch.setattr("local.server.running_server", serving)
    monkeypatch.setattr("local.__main__._DATA", tmp_path)
    monkeypatch.setattr("sys.argv", ["local", "run", "--port=1"])

    assert main() == 1
    assert found == [(repr(project_indexes()),)]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["local", "run", f"--port={port}"])

    with pytest.raises(SystemExit):
        main()

    assert "--port: must be a number from 1 to 65535" in capsys.readouterr().err
