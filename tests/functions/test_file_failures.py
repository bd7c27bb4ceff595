"""The SQLite file is gone, full, read-only or damaged: the answer is 503, and the log says why.

What is on disk is the embedded store's alone, so these are tested on it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import Unavailable
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import refused

connect = sqlite3.connect
NEW = {"decisionType": "kyc", "title": "A case", "summary": "x" * 8_000}


@pytest.fixture
def file(embedded_config: Config) -> Path:
    """The file of `api`."""
    return Path(str(embedded_config.sqlite))


@pytest.fixture
def api(embedded_config: Config, clock: Clock) -> Iterator[Api]:
    """Every function over a file of its own."""
    runtime = Runtime(embedded_config, clock)
    yield Api(runtime)
    runtime.close()


def causes(capsys: pytest.CaptureFixture[str]) -> list[str | None]:
    """What the lines of the log say of the store's part."""
    return [json.loads(line).get("cause") for line in capsys.readouterr().out.splitlines()]


def connecting(monkeypatch: pytest.MonkeyPatch, made: Callable[..., sqlite3.Connection]) -> None:
    """From now on connections are made by `made`."""
    monkeypatch.setattr(sqlite3, "connect", made)


def read_only(path: str, **options: Any) -> sqlite3.Connection:
    """A connection as SQLite makes it on a read-only file system."""
    opened: sqlite3.Connection = connect(f"file:{path}?mode=ro", uri=True, **options)
    return opened


def full(path: str, **options: Any) -> sqlite3.Connection:
    """A connection to a file that cannot grow."""
    connection: sqlite3.Connection = connect(path, **options)
    connection.execute("PRAGMA max_page_count = 1")
    return connection


def lost(_: str) -> None:
    """Stands for a read that brings no answer."""
    raise Unavailable("lost")


GONE = "the SQLite file was deleted or replaced while it was open"


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_acknowledged_once_the_file_was_deleted_or_replaced(
    api: Api, file: Path, clock: Clock, capsys: pytest.CaptureFixture[str], *, replaced: bool
) -> None:
    case = api.verifier.create()
    assert api.stranger.get("/health").status_code == 200
    moved = file.rename(file.with_name("moved.db"))
    if replaced:
        file.write_bytes(moved.read_bytes())
    clock.advance(seconds=2)
    capsys.readouterr()

    refused(api.verifier.post("/cases", NEW), 503, "UNAVAILABLE")
    refused(api.viewer.get(f"/cases/{case['id']}"), 503, "UNAVAILABLE")
    refused(api.stranger.get("/health"), 503, "UNAVAILABLE")
    assert causes(capsys) == [GONE] * 3
    assert file.exists() == replaced

    moved.rename(file)
    clock.advance(seconds=2)
    assert api.viewer.get(f"/cases/{case['id']}").json == case
    assert api.stranger.get("/health").status_code == 200


def test_a_file_whose_directory_is_no_directory_any_more_is_out_of_reach(
    api: Api, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api.viewer.get("/cases").status_code == 200
    moved = file.parent.rename(f"{file.parent}-moved")
    file.parent.touch()
    capsys.readouterr()

    refused(api.verifier.post("/cases", NEW), 503, "UNAVAILABLE")
    assert causes(capsys) == [GONE]

    file.parent.unlink()
    moved.rename(file.parent)
    assert api.viewer.get("/cases").status_code == 200


def test_a_file_system_that_is_writable_again_is_written_to_again(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connecting(monkeypatch, read_only)

    assert api.viewer.get("/cases").status_code == 200
    refused(api.verifier.post("/cases", NEW), 503, "UNAVAILABLE")
    refused(api.stranger.get("/health"), 503, "UNAVAILABLE")
    assert causes(capsys) == [None, "SQLITE_READONLY", "SQLITE_READONLY"]

    connecting(monkeypatch, connect)
    assert api.verifier.post("/cases", NEW).status_code == 201
    clock.advance(seconds=2)
    assert api.stranger.get("/health").status_code == 200


def test_a_full_disk_is_named_in_the_log_and_nothing_is_half_written(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connecting(monkeypatch, full)

    refused(api.verifier.post("/cases", NEW), 503, "UNAVAILABLE")

    assert causes(capsys) == ["SQLITE_FULL"]
    assert api.viewer.get("/cases").json["cases"] == []


def test_a_damaged_page_is_unavailable_and_is_named_in_the_log(
    api: Api, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.verifier.create()
    api.runtime.close()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))
    capsys.readouterr()

    refused(Api(Runtime(api.runtime.config)).viewer.get("/cases"), 503, "UNAVAILABLE")

    assert causes(capsys) == ["SQLITE_CORRUPT"]


def test_health_writes_once_in_ten_seconds_and_at_once_after_a_failure(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes() -> int:
        entry = api.stranger.get("/health").headers["Server-Timing"]
        return int(entry.partition("writes=")[2].partition(" ")[0])

    assert [writes() for _ in range(3)] == [1, 0, 0]
    seen = []
    for _ in range(5):
        clock.advance(seconds=2)
        seen.append(writes())
    assert seen == [0, 0, 0, 0, 1]
    store = api.runtime.store
    with monkeypatch.context() as broken:
        broken.setattr(store, "get", lost)
        clock.advance(seconds=2)
        refused(api.stranger.get("/health"), 503, "UNAVAILABLE")
    clock.advance(seconds=2)
    assert writes() == 1
