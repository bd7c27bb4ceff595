"""The functions over HTTP on Google's emulator, beside the stock client without any HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

from benchmarks.commits import COLLECTION, assigning, assignment, case_id, new_case, opening
from benchmarks.server import API, Connection, emulator_variables, request, served
from benchmarks.stock import Stock
from benchmarks.table import Row, timed
from benchmarks.timing import p50
from shared.documents.firestore.store import FirestoreStore
from shared.documents.port import Document

_SEEDED = 300
_FIRST_NEW = 800_000
_FIRST_STOCK = 900_000
_ROUNDS = 100
_WARM_UP = 20
_GOAL = 1.5
_PAGE_GOAL = 1.0
_NAMED = "stock client, no HTTP"


def measured(host: str, project: str) -> list[Row]:
    """The rows of this part; the project is new, and never holds 2,000 documents."""
    start = datetime.now(UTC) - timedelta(seconds=_SEEDED)
    with closing(FirestoreStore(project, "(default)", host)) as store:
        for number in range(_SEEDED):
            store.commit(opening(number, start + timedelta(seconds=number)))
        document = store.get(f"{COLLECTION}/{case_id(0)}")
    if document is None:
        raise RuntimeError("what was written is not there")
    with (
        served(API, emulator_variables(host, project)) as server,
        closing(Stock(project, host)) as stock,
    ):
        return [
            _page(server, stock),
            _get(server, stock),
            _create(server, stock),
            _patch(server, stock, document),
        ]


def _page(server: Connection, stock: Stock) -> Row:
    wanted = request("GET", "/cases?status=new&pageSize=50")
    return _compared(
        "page of 50", lambda _: server.send(wanted), lambda _: stock.page(COLLECTION), _PAGE_GOAL
    )


def _get(server: Connection, stock: Stock) -> Row:
    def ours(turn: int) -> object:
        return server.send(request("GET", f"/cases/{case_id(turn)}"))

    return _compared("get", ours, lambda turn: stock.get(f"{COLLECTION}/{case_id(turn)}"))


def _create(server: Connection, stock: Stock) -> Row:
    prepared = [opening(_FIRST_STOCK + turn, datetime.now(UTC)) for turn in _turns()]

    def ours(turn: int) -> object:
        return server.send(request("POST", "/cases", new_case(_FIRST_NEW + turn)))

    return _compared("create", ours, lambda turn: stock.create(prepared[turn]))


def _patch(server: Connection, stock: Stock, document: Document) -> Row:
    # The stock client changes the later cases, which are like the first.
    prepared = [assigning(_SEEDED - 1 - turn, document, turn) for turn in _turns()]

    def ours(turn: int) -> object:
        return server.send(request("PATCH", f"/cases/{case_id(turn)}", assignment(turn)))

    return _compared("patch", ours, lambda turn: stock.change(*prepared[turn]))


def _turns() -> range:
    return range(_ROUNDS + _WARM_UP)


def _compared(
    what: str,
    ours: Callable[[int], object],
    theirs: Callable[[int], object],
    goal: float = _GOAL,
) -> Row:
    our_turns, their_turns = iter(_turns()), iter(_turns())
    took = p50(
        {"ours": lambda: ours(next(our_turns)), "theirs": lambda: theirs(next(their_turns))},
        rounds=_ROUNDS,
        warm_up=_WARM_UP,
    )
    return timed(what, took["ours"], took["theirs"], _NAMED, goal)
