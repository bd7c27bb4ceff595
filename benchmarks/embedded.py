"""The embedded store behind a real server, beside a bare server and bare SQLite."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path

from benchmarks.commits import assign, assignment, case_id, new_case, open_case
from benchmarks.sealed import seal_all
from benchmarks.seed import seed
from benchmarks.server import (
    API,
    HELLO,
    TENANT,
    Connection,
    Request,
    embedded_variables,
    request,
    served,
)
from benchmarks.statements import Work, connect, recorded, run
from benchmarks.table import Row, milliseconds, timed
from benchmarks.timing import p50
from shared.documents.embedded.store import EmbeddedStore
from shared.models.case import Status
from shared.models.case_queries import CaseQuery
from shared.models.roles import Role
from shared.repository import case_rows
from shared.rules.callers import Caller

_VIEWER = Caller("viewer", None, TENANT, Role.VIEWER)

LARGE = 100_000
_SMALL, _MIDDLE = 1_000, 10_000
_ROUNDS = 100
_WARM_UP = 10
_GOAL = 2.0
_FLAT = 1.25
_STRIDE = 7_919  # a prime, so that the requests are spread over all cases
_FIRST_NEW = 8_000_000  # no store that is measured has so many


_Bare = Callable[[EmbeddedStore, int], object]


@dataclass(frozen=True, slots=True)
class _Operation:
    """The `turn`th request of one kind to a store of `size` cases, and the same on a bare store.

    What has no such is only compared with itself on stores of other sizes.
    """

    name: str
    request: Callable[[int, int], Request]
    bare: _Bare | None = None


def measured(directory: Path, large: int = LARGE) -> list[Row]:
    """The rows of this part, with stores of its own in `directory`, the largest of `large` cases.

    Raises RuntimeError where an operation reads other cases than it should.
    """
    started = time.perf_counter()
    paths = {size: directory / f"{size}.db" for size in (_SMALL, _MIDDLE, large)}
    for size, path in paths.items():
        seed(path, size)
        seal_all(path)
    took = time.perf_counter() - started
    works = _works(paths[_MIDDLE], directory / "recorded.db")
    shutil.copy(paths[_MIDDLE], directory / "bare.db")
    rows = []
    with ExitStack() as stack:
        servers = {
            size: stack.enter_context(served(API, embedded_variables(path)))
            for size, path in paths.items()
        }
        hello = stack.enter_context(served(HELLO))
        bare = stack.enter_context(closing(connect(directory / "bare.db")))
        for operation in _OPERATIONS:
            if operation.name == "stats":
                rows += [_counted(size, server) for size, server in servers.items()]
            rows += _compared(operation, servers, hello, bare, works.get(operation.name))
    return [
        *rows,
        Row("seeding", f"{took:.0f} s", named=f"{sum(paths):,} cases with their events, sealed"),
    ]


def _counted(size: int, server: Connection) -> Row:
    found = json.loads(server.send(_stats(size, 0)).body)["caseCount"]
    shown = f"{found:,}", f"{size:,}"
    return Row("stats, caseCount", *shown, "all", goal="==", met=found == size, exact=True)


def _works(source: Path, copy: Path) -> dict[str, list[Work]]:
    shutil.copy(source, copy)
    turns = range(_ROUNDS + _WARM_UP)
    return {
        operation.name: recorded(copy, (partial(_do, operation.bare, turn) for turn in turns))
        for operation in _OPERATIONS
        if operation.bare
    }


def _do(bare: _Bare, turn: int, store: EmbeddedStore) -> None:
    bare(store, turn)


def _compared(
    operation: _Operation,
    servers: Mapping[int, Connection],
    hello: Connection,
    bare: sqlite3.Connection,
    works: list[Work] | None,
) -> list[Row]:
    sides: dict[str, Callable[[], object]] = {
        str(size): partial(_send_next, connection, partial(operation.request, size), count())
        for size, connection in servers.items()
    }
    if works:
        to_hello = partial(operation.request, _MIDDLE)
        sides["hello"] = partial(_send_next, hello, to_hello, count())
        prepared = iter(works)
        sides["sqlite"] = lambda: run(bare, next(prepared))
    took = p50(sides, rounds=_ROUNDS, warm_up=_WARM_UP)
    small = took[str(_SMALL)]
    grown = [
        timed(
            f"{operation.name}, {size:,} cases",
            took[str(size)],
            small,
            f"at {_SMALL:,} cases",
            _FLAT,
        )
        for size in islice(servers, 1, None)
    ]
    return [_beside_bare(operation.name, took), *grown] if works else grown


def _beside_bare(name: str, took: dict[str, float]) -> Row:
    hello, sqlite = took["hello"], took["sqlite"]
    named = f"hello world {milliseconds(hello)} + SQLite {milliseconds(sqlite)}"
    return timed(f"{name}, {_MIDDLE:,} cases", took[str(_MIDDLE)], hello + sqlite, named, _GOAL)


def _send_next(connection: Connection, make: Callable[[int], Request], turns: count[int]) -> None:
    connection.send(make(next(turns)))


def _spread(size: int, turn: int) -> int:
    return turn * _STRIDE % size


def _get(size: int, turn: int) -> Request:
    return request("GET", f"/cases/{case_id(_spread(size, turn))}")


def _create(_: int, turn: int) -> Request:
    return request("POST", "/cases", new_case(_FIRST_NEW + turn))


def _patch(size: int, turn: int) -> Request:
    return request("PATCH", f"/cases/{case_id(_spread(size, turn))}", assignment(turn))


def _page(_: int, __: int) -> Request:
    return request("GET", "/cases?status=new&pageSize=50")


def _due_first(_: int, __: int) -> Request:
    return request("GET", "/cases?sort=dueAt&pageSize=50")


def _stats(_: int, __: int) -> Request:
    return request("GET", "/cases:stats")


def _bare_get(store: EmbeddedStore, turn: int) -> object:
    return case_rows.get(store, TENANT, case_id(_spread(_MIDDLE, turn)))


def _bare_create(store: EmbeddedStore, turn: int) -> None:
    open_case(store, _FIRST_NEW + turn)


def _bare_patch(store: EmbeddedStore, turn: int) -> None:
    assign(store, _spread(_MIDDLE, turn), turn)


def _bare_page(store: EmbeddedStore, _: int) -> object:
    return case_rows.listed(store, _VIEWER, CaseQuery(status=[Status.NEW]), datetime.now(UTC))


_OPERATIONS = (
    # The first of all, before there are events that are not sealed.
    _Operation("stats", _stats),
    _Operation("get", _get, _bare_get),
    _Operation("create", _create, _bare_create),
    _Operation("patch", _patch, _bare_patch),
    _Operation("page of 50", _page, _bare_page),
    _Operation("page of 50, due first", _due_first),
)
