"""Which store a local run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.__main__ import main
from local.server import ServerError, own_sqlite, usual_workers

FILE = Path("data/caseledger.db")


@pytest.mark.parametrize(
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


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["local", "run", f"--port={port}"])

    with pytest.raises(SystemExit):
        main()

    assert "--port: must be a number from 1 to 65535" in capsys.readouterr().err
