"""The embedded store against Google's emulator: what one answers to anything, the other answers.

Random documents, commits, queries and aggregations, the same on every run;
`HYPOTHESIS_PROFILE=nightly` tries many more, other ones each time.

Where the two differ, and what is therefore left out here:

    a query without its index       the embedded store refuses it; each query gets its index here
    a collection group, unfiltered  sorted in another way; groups have a filter or an order
    a commit of 4 to 10 MiB         the emulator refuses it; documents are small here
    sums and averages of fractions  rounded by the order of adding; compared to nine digits
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.firestore.store import FirestoreStore
from shared.documents.indexes import Index, Indexes, counted, disjuncts, required
from shared.documents.port import (
    Aggregation,
    Create,
    Data,
    Delete,
    Document,
    DocumentStore,
    Filter,
    Merge,
    Op,
    Order,
    Query,
    Rejected,
    Set,
    StoreError,
    Update,
    Write,
)

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def examples(number: int) -> settings:
    return settings(
        max_examples=50 * number if NIGHTLY else number,
        derandomize=not NIGHTLY,
        deadline=None,
        database=None,
    )


# Documents

IDS = st.sampled_from(["a", "b", "c", "B", "10", "9", "a.b", "é", "\uffff", "\U0001f600"])
EDGES = [0, 0.0, -0.0, 1, 1.0, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 2.0**63]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(EDGES),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.datetimes(timezones=st.just(UTC)),
)
NAMES = st.text(min_size=1, max_size=3).filter(
    lambda name: not (name.startswith("__") and name.endswith("__"))
)
MAPS = st.dictionaries(NAMES, st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=3)
LISTS = st.lists(st.one_of(SCALARS, MAPS), max_size=3)
VALUES = st.one_of(SCALARS, SCALARS, LISTS, MAPS)


def documents(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    """Documents whose fields hold `values`, or lists and maps of them, or are missing."""
    flat = values.filter(lambda value: not isinstance(value, list))
    return st.fixed_dictionaries(
        {"a": values},
        optional={
            "b": values,
            "tags": st.lists(flat, max_size=3),
            "m": st.one_of(values, st.fixed_dictionaries({"x": values})),
        },
    )


# Queries

FIELDS = ["a", "b", "tags", "m.x", "m"]
COMPARED: st.SearchStrategy[Op] = st.sampled_from(["==", "array_contains", "in"])
RANGES: st.SearchStrategy[Op] = st.sampled_from(["<", "<=", ">", ">="])


@st.composite
def filters(draw: st.DrawFn, field: str, values: st.SearchStrategy[Any]) -> Filter:
    op = draw(COMPARED)
    value = draw(st.lists(values, min_size=1, max_size=4) if op == "in" else values)
    return Filter(field, op, value)


@st.composite
def queries(draw: st.DrawFn, values: st.SearchStrategy[Any], rows: dict[str, Data]) -> Query:
    """A query that finds something as often as not; its cursor stands on a row, or beside one."""
    fields = draw(st.permutations(FIELDS))
    few = st.sampled_from([0, 0, 1, 1, 2])
    wanted = [draw(filters(field, values)) for field in fields[: draw(few)]]
    order = [Order(field, draw(st.booleans())) for field in fields[2 : 2 + draw(few)]]
    if draw(st.booleans()):
        ranged = order[0].field if order else fields[4]
        wanted += [Filter(ranged, draw(RANGES), draw(values)) for _ in range(1 + draw(few))]
    group = draw(st.booleans()) and bool(wanted or order)
    after: tuple[Any, ...] = ()
    if draw(st.booleans()):
        path = draw(st.sampled_from(sorted(rows)))
        places = (field_of(rows[path], sort.field, draw(values)) for sort in order)
        after = (*places, path if group else path.rpartition("/")[2])
    return Query(
        "rows",
        tuple(wanted),
        tuple(order),
        limit=draw(st.none() | st.integers(0, 4)),
        after=after,
        select=draw(st.none() | st.sampled_from([(), ("a",), ("m", "tags")])),
        group=group,
    )


def field_of(data: Data, path: str, otherwise: Any) -> Any:
    name, _, inner = path.partition(".")
    value = data.get(name, otherwise)
    if not inner:
        return value
    return value.get(inner, otherwise) if isinstance(value, dict) else otherwise


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, Data], list[Query]]:
    """Documents by path and queries, over the same few values, so that they meet and tie."""
    alike = st.lists(st.sampled_from(EDGES), min_size=3, max_size=5)
    values = st.sampled_from(draw(alike | st.lists(VALUES, min_size=2, max_size=5)))
    paths = IDS.map("rows/{}".format) | IDS.map("rows/a/rows/{}".format)
    rows = draw(st.dictionaries(paths, documents(values), min_size=6, max_size=14))
    return rows, draw(st.lists(queries(values, rows), min_size=4, max_size=8))


# Commits: each write with the version of its document now, an earlier one, or none

Versions = dict[str, list[int]]
PAIRS = ["rows/a", "rows/b", "rows/c"]


@st.composite
def merges(draw: st.DrawFn, path: str) -> Callable[[Versions], Write]:
    merge = Merge(path, {"m": draw(SCALARS), "n": draw(st.integers(-1, 1))})
    return lambda _: merge


@st.composite
def changes(draw: st.DrawFn, path: str) -> Callable[[Versions], Write]:
    kind = draw(st.sampled_from([Create, Update, Update, Merge, Set, Set, Delete]))
    data = draw(st.dictionaries(st.sampled_from(["n", "m", "a.b"]), SCALARS | MAPS, max_size=2))
    steps = draw(st.dictionaries(st.just("n"), st.integers(-(2**63), 2**63 - 1), max_size=1))
    back = draw(st.sampled_from([0, 0, 1, 1, 2]))

    def made(seen: Versions) -> Write:
        known = seen.get(path, [])
        version = known[-back] if back and len(known) >= back else None
        if kind is Create:
            return Create(path, data)
        if kind is Update:
            return Update(path, data, {} if "n" in data else steps, version)
        if kind is Merge:
            return Merge(path, data)
        return Set(path, data, version) if kind is Set else Delete(path, version)

    return made


@st.composite
def commits(draw: st.DrawFn) -> list[Callable[[Versions], Write]]:
    paths = draw(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=3, unique=True))
    again = draw(st.lists(st.sampled_from(paths), max_size=3))
    return [draw(changes(path)) for path in paths] + [draw(merges(path)) for path in again]


# Comparing


def exact(value: Any) -> Any:
    """`value` with what == does not tell apart told apart: 1, 1.0 and True; 0.0 and -0.0."""
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return repr(value)


def seen(document: Document | None) -> Any:
    return document and (document.path, exact(document.data))


def rows_of(store: DocumentStore, query: Query) -> list[Any]:
    return [*map(seen, store.query(query))]


def answer(call: Callable[[], Any]) -> Any:
    """What a call gives, or the class of its error."""
    try:
        return call()
    except StoreError as error:
        return type(error)


def indexes_for(asked: list[Query]) -> Indexes:
    """The composite indexes that serve the queries which are right at all."""
    found: list[Index] = []
    for query in asked:
        try:
            found += [required(part) for part in disjuncts(query)]
        except Rejected:
            continue
    return Indexes(composites=tuple(index for index in dict.fromkeys(found) if index.fields))


@contextmanager
def both(host: str, indexes: Indexes) -> Iterator[tuple[DocumentStore, DocumentStore]]:
    project = f"demo-{uuid.uuid4().hex[:16]}"
    with (
        closing(EmbeddedStore(":memory:", indexes)) as embedded,
        closing(FirestoreStore(project, "(default)", host)) as emulator,
    ):
        yield embedded, emulator


@examples(100)
@given(worlds())
def test_queries_give_the_same_rows_in_the_same_order(
    emulator_host: str, world: tuple[dict[str, Data], list[Query]]
) -> None:
    rows, asked = world
    with both(emulator_host, indexes_for(asked)) as stores:
        for store in stores:
            store.commit([Set(path, data) for path, data in rows.items()])
        for query in asked:
            embedded, emulator = (answer(partial(rows_of, store, query)) for store in stores)
            assert embedded == emulator, query


@examples(40)
@given(st.lists(commits(), min_size=2, max_size=10))
def test_commits_leave_the_same_documents_and_fail_with_the_same_errors(
    emulator_host: str, sequence: list[list[Callable[[Versions], Write]]]
) -> None:
    with both(emulator_host, Indexes()) as stores:
        histories: tuple[Versions, Versions] = ({}, {})
        for commit in sequence:
            results = []
            for store, versions in zip(stores, histories, strict=True):
                writes = [change(versions) for change in commit]
                error = answer(partial(store.commit, writes))
                found = store.get_many(PAIRS)
                results.append((error, [*map(seen, found)], remembered(versions, found)))
            assert results[0] == results[1], commit


def remembered(versions: Versions, found: list[Document | None]) -> list[bool]:
    """Adds the versions of `found` to those known; says which are new."""
    new = []
    for document in found:
        known = versions.setdefault(document.path, []) if document else []
        new.append(document is not None and known[-1:] != [document.version])
        if document and new[-1]:
            known.append(document.version)
    return new


NUMBERS = st.sampled_from([0, 1, -7, 0.25, -0.5, 1e6, 2**63 - 1, -(2**63)])
COUNTED = NUMBERS | NUMBERS | st.sampled_from([None, True, "1", [1]])


@st.composite
def tallies(draw: st.DrawFn) -> Aggregation:
    equal = draw(st.sampled_from([(), (Filter("k", "==", 1),), (Filter("k", "in", [1, "x", 2]),)]))
    order = draw(st.sampled_from([(), (Order("a", descending=True),), (Order("c"),)]))
    fields = st.lists(st.sampled_from(["a", "b", "m.x"]), max_size=2)
    limit = draw(st.none() | st.just(1))
    return Aggregation(
        Query("rows", equal, order, limit=limit), tuple(draw(fields)), tuple(draw(fields))
    )


ROWS = st.fixed_dictionaries(
    {"k": st.sampled_from([1, 2, 1.0, None])},
    optional={"a": COUNTED, "b": COUNTED, "c": COUNTED, "m": st.fixed_dictionaries({"x": COUNTED})},
)


@examples(60)
@given(st.dictionaries(IDS, ROWS, max_size=8), st.lists(tallies(), min_size=1, max_size=6))
def test_aggregations_give_the_same_totals(
    emulator_host: str, rows: dict[str, Data], asked: list[Aggregation]
) -> None:
    with both(emulator_host, indexes_for([*map(counted, asked)])) as stores:
        for store in stores:
            store.commit([Set(f"rows/{name}", data) for name, data in rows.items()])
        for wanted in asked:
            (embedded,), (emulator,) = (store.aggregate([wanted]) for store in stores)
            assert embedded.count == emulator.count, wanted
            assert embedded.sums == close_to(emulator.sums, rows), wanted
            assert embedded.averages == close_to(emulator.averages, rows), wanted


def close_to(totals: Mapping[str, float | None], rows: dict[str, Data]) -> Any:
    """Equal up to nine digits of the largest number that may have been added."""
    cells = [
        cell for data in rows.values() for cell in (*data.values(), data.get("m", {}).get("x"))
    ]
    largest = max((abs(cell) for cell in cells if isinstance(cell, int | float)), default=0)
    return {
        field: None if total is None else pytest.approx(total, rel=1e-9, abs=largest * 1e-9)
        for field, total in totals.items()
    }
