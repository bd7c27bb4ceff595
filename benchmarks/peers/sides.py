"""The servers that are compared: ours on the embedded store, and the peer on each database."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from benchmarks.commits import case_id, new_case
from benchmarks.peers import postgres
from benchmarks.peers.app import URL
from benchmarks.peers.cases import create_case
from benchmarks.peers.databases import database
from benchmarks.peers.models import NewCase
from benchmarks.peers.recording import Caller
from benchmarks.peers.tables import Base, CaseRow, EventRow
from benchmarks.sealed import seal_all
from benchmarks.seed import seed
from benchmarks.server import API, embedded_variables, framework, listening
from benchmarks.wire import TENANT, Client
from local.ports import free_port

OURS, SQLITE, POSTGRES = "ours", "FastAPI on SQLite", "FastAPI on PostgreSQL"
_WITHOUT_LIMITS = {
    # They are counted, and never reached.
    "CASELEDGER_RATE_LIMITS": "read=9999999 write=9999999 expensive=9999999",
    "CASELEDGER_MAX_EXPENSIVE": "16",
}
_AT_ONCE = 1_000
_BENCH = Caller("bench", "bench@example.com", TENANT, "admin")


@dataclass(slots=True)
class Side:
    """A server, with one connection to it, and what has been asked of it so far."""

    name: str
    port: int
    pids: tuple[int, ...]
    cases: int
    """How many cases it had at first."""
    size: Callable[[], int]
    """How many bytes its store has."""
    client: Client
    settle: Callable[[], None] = lambda: None
    """Does what is done each minute beside the server."""
    turns: dict[str, count[int]] = field(default_factory=dict)
    ids: deque[str] = field(default_factory=deque)
    """Interventions that are open, to be decided."""

    def turn(self, operation: str) -> int:
        """The number of the next request for an operation."""
        return next(self.turns.setdefault(operation, count()))


@contextmanager
def ours(directory: Path, cases: int) -> Iterator[Side]:
    """Our server on a new embedded store with so many cases."""
    path = directory / "ours.db"
    seed(path, cases)
    seal_all(path)
    port = free_port()
    variables = {**embedded_variables(path), **_WITHOUT_LIMITS}
    with (
        listening(framework(API, port), port, variables) as process,
        closing(Client(port)) as client,
    ):
        pids, size, settle = (process.pid,), partial(_pages, path), partial(seal_all, path)
        yield Side(OURS, port, pids, cases, size, client, settle)


@contextmanager
def on_sqlite(directory: Path, cases: int) -> Iterator[Side]:
    """The peer on a new SQLite file with so many cases."""
    path = directory / "peer.db"
    with _peer(f"sqlite:///{path}", cases) as (port, pid), closing(Client(port)) as client:
        yield Side(SQLITE, port, (pid,), cases, partial(_pages, path), client)


@contextmanager
def on_postgres(_: Path, cases: int) -> Iterator[Side]:
    """The peer on a PostgreSQL of its own with so many cases. Raises `postgres.NotFound`."""
    with (
        postgres.running() as server,
        _peer(server.url, cases) as (port, pid),
        closing(Client(port)) as client,
    ):
        size = partial(_database_size, server.url)
        yield Side(POSTGRES, port, (pid, server.pid), cases, size, client)


@contextmanager
def _peer(url: str, cases: int) -> Iterator[tuple[int, int]]:
    asyncio.run(_seeded(url, cases))
    port = free_port()
    command = Path(sys.executable).parent / "uvicorn"
    where = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "info")
    told: list[str | Path] = [command, "--factory", "benchmarks.peers.app:application", *where]
    with listening(told, port, {URL: url}, stderr=subprocess.DEVNULL) as process:
        yield port, process.pid


async def _seeded(url: str, cases: int) -> None:
    kept = database(url)
    await kept.prepare()
    await kept.write(_seed, cases)
    await kept.close()


def _seed(session: Session, cases: int) -> None:
    """One case that was opened by the peer's own code is the pattern for all."""
    start = datetime.now(UTC) - timedelta(seconds=cases)
    create_case(session, _BENCH, NewCase.model_validate(new_case(0)))
    case = _values(session, CaseRow)
    event = _values(session, EventRow)
    for first in range(1, cases, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, cases))
        session.execute(insert(CaseRow), [_case(case, number, start) for number in numbers])
        session.execute(insert(EventRow), [_event(event, number, start) for number in numbers])
    session.execute(text("ANALYZE"))


def _values(session: Session, table: type[Base]) -> dict[str, Any]:
    row = session.scalars(select(table)).one()
    return {column.key: getattr(row, column.key) for column in table.__mapper__.column_attrs}


def _case(pattern: dict[str, Any], number: int, start: datetime) -> dict[str, Any]:
    at = start + timedelta(seconds=number)
    due = at + (pattern["due_at"] - pattern["created_at"])
    times = dict.fromkeys(("created_at", "updated_at", "status_changed_at"), at)
    return {**pattern, **times, "due_at": due, "clock_due_at": due, "id": case_id(number)}


def _event(pattern: dict[str, Any], number: int, start: datetime) -> dict[str, Any]:
    of = case_id(number)
    own = {"subject": f"cases/{of}", "case_id": of, "id": f"{pattern['id'][:-12]}{number:012}"}
    return {**pattern, **own, "created_at": start + timedelta(seconds=number)}


def _pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        return int(pages * size)


def _database_size(url: str) -> int:
    return asyncio.run(_size_of_database(url))


async def _size_of_database(url: str) -> int:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()
