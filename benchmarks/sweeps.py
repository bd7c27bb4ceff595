"""What touches a thousand documents at once: expiry, the purge, and closing many cases.

Each is done once by our code. Beside it stand the same reads and commits, made bare by the store
alone or by the stock client, which are given the documents to write. So the ratio shows what
deciding, hashing and linking cost.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks.commits import case_id, opening
from benchmarks.server import TENANT
from benchmarks.stock import Stock
from benchmarks.table import Row, milliseconds, timed
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.firestore.store import FirestoreStore
from shared.documents.indexes import project_indexes
from shared.documents.port import Delete, DocumentStore, Query, Set, Update, Write
from shared.documents.values import MAX_COMMIT_BYTES
from shared.ledger.directory import Directory
from shared.ledger.ledger import Ledger
from shared.ledger.listeners import Listeners
from shared.ledger.origin import Origin
from shared.models.intervention import InterventionType, NewIntervention
from shared.models.roles import Role
from shared.models.settings import Settings
from shared.repository import cases, questions
from shared.rules.callers import Caller
from shared.sweeps import expiry, purge
from shared.sweeps.run import SweepRun

_MANY = 1_000
_CASES = 200
_AT_ONCE = 100
"""Writes in a commit of what is measured later; an emulator that has just started is slow."""
_EXPIRE_GOAL = 0.150
_FLOOR_GOAL = 1.0
_SECONDS = 600.0
_MINUTE, _RETENTION = timedelta(minutes=1), timedelta(days=91)
_AGENT = Caller("agent", "agent@example.com", TENANT, Role.AGENT)
_PILOT = Caller("pilot", "pilot@example.com", TENANT, Role.PILOT)
_SCHEDULER = Caller("scheduler", None, TENANT, Role.SCHEDULER)

Commit = Callable[[Sequence[Write]], None]


class Floor(Protocol):
    """What does the same reads and commits bare."""

    def get(self, path: str) -> Any:
        """A document."""

    def get_many(self, paths: Sequence[str]) -> Any:
        """Documents."""

    def query(self, query: Query) -> Any:
        """The documents of a query."""

    def commit(self, writes: Sequence[Write]) -> None:
        """Writes together."""


class Recording:
    """Stands before a store, or for one, and keeps what it is asked for."""

    def __init__(self, store: DocumentStore | None = None) -> None:
        self._store = store
        self.max_commit_bytes = store.max_commit_bytes if store else MAX_COMMIT_BYTES
        self.calls: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, path: str) -> Any:
        """See `DocumentStore`."""
        return self._asked("get", path)

    def get_many(self, paths: Sequence[str]) -> Any:
        """See `DocumentStore`."""
        return self._asked("get_many", paths)

    def query(self, query: Query) -> Any:
        """See `DocumentStore`."""
        return self._asked("query", query)

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        self._asked("commit", writes)

    def _asked(self, name: str, given: Any) -> Any:
        self.calls.append((name, given))
        return getattr(self._store, name)(given) if self._store else None


def embedded(directory: Path) -> list[Row]:
    """The rows of the embedded store, with files of its own in `directory`."""
    with _embedded(directory / "swept.db") as ours, _embedded(directory / "floor.db") as floor:
        expired, *others = _measured(ours, floor, "the same reads and commits, bare")
    goal = f"< {milliseconds(_EXPIRE_GOAL)}"
    row, took = expired
    return [replace(row, goal=goal, met=took < _EXPIRE_GOAL), *(row for row, _ in others)]


def emulator(host: str) -> list[Row]:
    """The rows of the emulator, in two new projects of it."""
    projects = [f"demo-{uuid.uuid4().hex[:16]}" for _ in range(2)]
    store = FirestoreStore(projects[0], "(default)", host)
    with closing(store), closing(Stock(projects[1], host)) as stock:
        rows = _measured(store, stock, "stock client, the same reads and commits")
    return [
        replace(row, goal=f"<= {_FLOOR_GOAL:g}", met=float(row.ratio) <= _FLOOR_GOAL)
        for row, _ in rows
    ]


@contextmanager
def _embedded(path: Path) -> Iterator[EmbeddedStore]:
    with closing(EmbeddedStore(str(path), project_indexes())) as store:
        yield store


def _measured(store: DocumentStore, floor: Floor, named: str) -> list[tuple[Row, float]]:
    """The rows of each work on one store, with how many seconds ours took."""
    start = datetime.now(UTC)
    _prepare(start, store.commit, floor.commit)
    works: dict[str, Callable[[DocumentStore], object]] = {
        f"expire {_MANY:,}": lambda on: expiry.expire(_run(on, start + _MINUTE)),
        f"purge {_MANY:,}": lambda on: purge.purge(_run(on, start + _RETENTION)),
        f"close {_CASES} cases": lambda on: cases.close_many(
            _ledger(on, _PILOT, start), [case_id(number) for number in range(_CASES)], "Done"
        ),
    }
    return [_beside(name, do, store, floor, named) for name, do in works.items()]


def _beside(
    name: str,
    do: Callable[[DocumentStore], object],
    store: DocumentStore,
    floor: Floor,
    named: str,
) -> tuple[Row, float]:
    recording = Recording(store)
    started = time.perf_counter()
    do(cast(DocumentStore, recording))
    ours = time.perf_counter() - started
    bare = [
        (getattr(floor, name), _unconditional(given) if name == "commit" else given)
        for name, given in recording.calls
    ]
    started = time.perf_counter()
    for ask, given in bare:
        ask(given)
    return timed(name, ours, time.perf_counter() - started, named), ours


def _prepare(start: datetime, *sides: Commit) -> None:
    """Interventions that expire in a second, and open cases, on each side."""
    recording = Recording()
    ledger = _ledger(cast(DocumentStore, recording), _AGENT, start)
    new = NewIntervention(
        uow_id="uow-1",
        type=InterventionType.RESUME,
        title="Go on?",
        context={"step": 1},
        expires_in_seconds=1,
    )
    for _ in range(_MANY):
        questions.create(ledger, _AGENT, new, Settings())
    writes = [write for _, commit in recording.calls for write in commit]
    writes += [write for number in range(_CASES) for write in opening(number, start)]
    for commit in sides:
        for first in range(0, len(writes), _AT_ONCE):
            commit(writes[first : first + _AT_ONCE])


def _run(store: DocumentStore, now: datetime) -> SweepRun:
    return SweepRun(_ledger(store, _SCHEDULER, now), _SECONDS, lambda: False, dry=False)


def _ledger(store: DocumentStore, caller: Caller, now: datetime) -> Ledger:
    origin = Origin(TENANT, caller.actor, "system", "bench", uuid.uuid4().hex)
    directory = Directory()
    directory.keep(TENANT, caller.actor, now)
    listeners = Listeners()
    listeners.keep(TENANT, {}, now)
    return Ledger(store, origin, lambda: now, directory, listeners)


def _unconditional(writes: Sequence[Write]) -> list[Write]:
    """The writes without the versions of the documents, which are others on the other side."""
    return [
        replace(write, version=None) if isinstance(write, Update | Set | Delete) else write
        for write in writes
    ]
