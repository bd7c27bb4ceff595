"""What the functions ask of each store while the tests run, so that neither store is left out.

A call is broken up into what decides how a store answers it: the collection, the kind of each write
with its condition and increments, the filters and the sort of a query, and what came of it. Ids and
values are left out. `missing` names what was asked of the embedded store only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import flask

from functions.api import FUNCTIONS
from shared.documents import port
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.firestore.store import FirestoreStore
from shared.edge.exchange import Exchange
from shared.runtime import Runtime

STORES = {"embedded": EmbeddedStore, "emulator": FirestoreStore}
_SUCCESS = range(200, 300)
_OF_THE_FILE = " health: "
_DEMO = "test_demo_data.py"
_MOSTLY_ON_ONE = "tests/functions/"
R = TypeVar("R")


class StoreCalls:
    """What was asked of each store, in words, each with the first test that asked it."""

    def __init__(self) -> None:
        self.test = "no test"
        self.on_both = False
        """Whether the test under way runs on both stores."""
        self.asked: dict[str, dict[str, str]] = {store: {} for store in STORES}

    def add(self, asked: dict[str, dict[str, str]]) -> None:
        """Adds what another process recorded."""
        for store, found in asked.items():
            self.asked[store] = found | self.asked[store]

    def note(self, store: str, asked: Iterable[str]) -> None:
        """Keeps what the test under way asked.

        A test that runs on both stores asks both the same, but for races: what comes of these on
        one store is by chance. Tests that are not of the functions run on both.
        """
        if store == "embedded" and (self.on_both or not self.test.startswith(_MOSTLY_ON_ONE)):
            return
        for one in asked:
            self.asked[store].setdefault(one, self.test)

    def missing(self) -> list[str]:
        """A line for each thing that was asked of the embedded store and never of the emulator."""
        embedded, emulator = self.asked["embedded"], self.asked["emulator"]
        missing = embedded.keys() - emulator.keys()
        # What the demo's data happen to be asked is no test of a function.
        return sorted(f"{embedded[one]}: {one}" for one in missing if _DEMO not in embedded[one])

    def record(self) -> None:
        """Begins to record the calls that functions make in this process."""
        for store, kind in STORES.items():
            for method in _PARTS:
                setattr(kind, method, self._recorded(store, method, getattr(kind, method)))
        Exchange.finish = self._answered(Exchange.finish)  # type: ignore[method-assign]

    def _recorded(self, store: str, method: str, call: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(call)
        def recorded(kind: Any, argument: Any, *rest: Any) -> R:
            try:
                result = call(kind, argument, *rest)
            except port.Conflict as conflict:
                self._note(store, method, argument, type(conflict).__name__)
                raise
            done = "done" if method == "commit" else _outcome(result)
            self._note(store, method, argument, done)
            return result

        return recorded

    def _answered(self, finish: Callable[..., flask.Response]) -> Callable[..., flask.Response]:
        @functools.wraps(finish)
        def answered(exchange: Exchange, *answer: Any, **fields: Any) -> flask.Response:
            response = finish(exchange, *answer, **fields)
            # What strangers may ask, the health and the description, needs nothing of the store;
            # and a function that a test makes for itself is no function of the project.
            asked = response.status_code in _SUCCESS and exchange.tenant
            if asked and exchange.function in FUNCTIONS:
                store = "emulator" if Runtime.current().config.emulator else "embedded"
                self.note(store, [f"the function {exchange.function}, with success"])
            return response

        return answered

    def _note(self, store: str, method: str, argument: Any, outcome: str) -> None:
        # What the tests themselves ask, to look behind a function, is no promise to anybody.
        # The row that health writes is in the SQLite file only.
        if flask.has_request_context():
            asked = (f"{part}: {outcome}" for part in _PARTS[method](argument))
            self.note(store, (one for one in asked if _OF_THE_FILE not in one))


def _outcome(result: Any) -> str:
    return "something" if any(result if isinstance(result, list) else [result]) else "nothing"


def _collection(path: str) -> str:
    return "/".join(path.split("/")[::2])


def _read(path: str) -> Iterator[str]:
    yield f"read {_collection(path)}"


def _reads(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield from _read(path)


def _watch(path: str) -> Iterator[str]:
    yield f"watch {_collection(path)}"


def _writes(writes: Iterable[port.Write]) -> Iterator[str]:
    for write in writes:
        what = f"{type(write).__name__.lower()} {_collection(write.path)}"
        if getattr(write, "version", None) is not None:
            what += " at a version"
        if increments := getattr(write, "increments", None):
            what += f" adding to {', '.join(sorted(increments))}"
        yield what


def _query(query: port.Query) -> Iterator[str]:
    of = f"list all {query.collection}" if query.group else f"list {_collection(query.collection)}"
    filters = sorted(f"{each.field} {each.op}" for each in query.filters)
    order = ", ".join(f"{each.field}{' descending' * each.descending}" for each in query.order)
    yield f"{of} by [{order}] where [{', '.join(filters)}]"
    if query.after:
        yield f"{of} by [{order}] after a row"
    if query.select is not None:
        yield f"{of}, only some fields"


def _aggregations(aggregations: Iterable[port.Aggregation]) -> Iterator[str]:
    for each in aggregations:
        for part in _query(each.query):
            yield f"count, add {[*each.sums]}, average {[*each.averages]}: {part}"


_PARTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "get": _read,
    "watch": _watch,
    "get_many": _reads,
    "commit": _writes,
    "query": _query,
    "aggregate": _aggregations,
}
