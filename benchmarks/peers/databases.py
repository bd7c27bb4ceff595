"""The peer's databases: SQLite in threads, PostgreSQL by asyncpg. Each commit is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.peers.tables import Base

P = ParamSpec("P")
R = TypeVar("R")
Operation = Callable[Concatenate[Session, P], R]
_CONNECTIONS = 8


class Database(Protocol):
    """Runs an operation in one transaction."""

    async def prepare(self) -> None:
        """Makes the tables that are not there."""

    async def read(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """What an operation that only reads gives."""

    async def write(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """What an operation gives, once it is committed."""

    async def close(self) -> None:
        """Closes all connections."""


class Sqlite:
    """A SQLite file. Readers have connections of their own, writers take turns for one.

    Without that, they would wait for each other in SQLite's sleeps.
    """

    def __init__(self, url: str) -> None:
        self._reader = _engine(url, "BEGIN", _CONNECTIONS)
        self._writer = _engine(url, "BEGIN IMMEDIATE", 1)
        self._reads = sessionmaker(self._reader, expire_on_commit=False)
        self._writes = sessionmaker(self._writer, expire_on_commit=False)

    async def prepare(self) -> None:
        """See `Database`."""
        Base.metadata.create_all(self._writer)

    async def read(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """See `Database`."""

        def run() -> R:
            with self._reads.begin() as session:
                return operation(session, *args, **named)

        return await run_in_threadpool(run)

    async def write(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """See `Database`."""

        def run() -> R:
            with self._writes.begin() as session:
                return operation(session, *args, **named)

        return await run_in_threadpool(run)

    async def close(self) -> None:
        """See `Database`."""
        self._reader.dispose()
        self._writer.dispose()


class Postgres:
    """A PostgreSQL database, by asyncpg."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url, pool_size=_CONNECTIONS, max_overflow=0)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    async def prepare(self) -> None:
        """See `Database`."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def read(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """See `Database`."""
        return await self.write(operation, *args, **named)

    async def write(self, operation: Operation[P, R], *args: P.args, **named: P.kwargs) -> R:
        """See `Database`."""
        async with self._sessions.begin() as session:
            return await session.run_sync(operation, *args, **named)

    async def close(self) -> None:
        """See `Database`."""
        await self._engine.dispose()


def database(url: str) -> Database:
    """The database of a URL of SQLAlchemy."""
    return Sqlite(url) if url.startswith("sqlite") else Postgres(url)


def _engine(url: str, begin: str, connections: int) -> Engine:
    engine = create_engine(url, pool_size=connections, max_overflow=0)

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: object) -> None:
        # The driver begins no transactions by itself: SQLAlchemy's manual says so.
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
