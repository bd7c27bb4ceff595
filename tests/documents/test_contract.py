"""What both stores promise: the same answers, the same errors, the same bill."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.documents.cost import Cost, counted
from shared.documents.firestore.store import FirestoreStore
from shared.documents.port import (
    Aggregation,
    AlreadyExists,
    Create,
    Data,
    Delete,
    DocumentStore,
    Filter,
    Merge,
    Missing,
    MissingIndex,
    Order,
    Query,
    Rejected,
    Set,
    Stale,
    StoreError,
    TooLarge,
    Totals,
    Unavailable,
    Update,
    Write,
)

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
EVERYTHING: Data = {
    "none": None,
    "yes": True,
    "least": -(2**63),
    "greatest": 2**63 - 1,
    "half": 0.5,
    "text": "naïve \U0001f600 \x00 end",
    "time": NOON,
    "list": [1, None, {"deep": [NOON]}],
    "map": {"a.b": 1, "c d": {"`": "\\"}, "empty": {}},
}


def version_of(store: DocumentStore, path: str) -> int:
    found = store.get(path)
    assert found
    return found.version


def data_of(store: DocumentStore, path: str) -> Data | None:
    found = store.get(path)
    return found.data if found else None


def ids(store: DocumentStore, query: Query) -> list[str]:
    return [document.id for document in store.query(query)]


def fill(store: DocumentStore, collection: str, documents: dict[str, Data]) -> None:
    store.commit([Set(f"{collection}/{name}", data) for name, data in documents.items()])


# Reading and writing one document


def test_a_document_that_is_not_there_is_none(store: DocumentStore) -> None:
    assert store.get("notes/a") is None


def test_every_type_of_value_comes_back_as_it_was_written(store: DocumentStore) -> None:
    store.commit([Create("notes/a", EVERYTHING)])
    found = store.get("notes/a")
    assert found
    assert found.data == EVERYTHING
    assert (found.path, found.id) == ("notes/a", "a")


def test_numbers_keep_their_type_and_their_sign(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"whole": 1, "real": 1.0, "zero": -0.0})])
    data = data_of(store, "notes/a")
    assert repr(sorted((data or {}).items())) == "[('real', 1.0), ('whole', 1), ('zero', -0.0)]"


def test_many_documents_come_in_the_order_asked_with_none_for_missing_ones(
    store: DocumentStore,
) -> None:
    fill(store, "notes", {"a": {"n": 1}, "b": {"n": 2}})
    found = store.get_many(["notes/b", "notes/none", "notes/a", "notes/b"])
    assert [document and document.id for document in found] == ["b", None, "a", "b"]


def test_no_documents_asked_are_no_documents(store: DocumentStore) -> None:
    assert store.get_many([]) == []


def test_set_replaces_the_whole_document(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"old": 1})])
    store.commit([Set("notes/a", {"new": 2})])
    assert data_of(store, "notes/a") == {"new": 2}


@pytest.mark.parametrize("name", ["plain", "dotted.name", "two words", "1st", "`\\", "é"])
def test_update_replaces_the_fields_it_names_and_no_others(store: DocumentStore, name: str) -> None:
    store.commit([Set("notes/a", {name: {"old": 1}, "kept": 1})])
    store.commit([Update("notes/a", {name: {"new": 2}})])
    assert data_of(store, "notes/a") == {name: {"new": 2}, "kept": 1}


def test_a_deleted_document_is_gone(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    store.commit([Delete("notes/a")])
    assert store.get("notes/a") is None
    assert store.query(Query("notes", filters=(Filter("n", "==", 1),))) == []


def test_deleting_what_is_not_there_succeeds(store: DocumentStore) -> None:
    store.commit([Delete("notes/a")])


def test_a_document_outlives_the_one_above_it(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {}), Set("notes/a/parts/p", {"n": 1})])
    store.commit([Delete("notes/a")])
    assert data_of(store, "notes/a/parts/p") == {"n": 1}


def test_an_empty_commit_succeeds(store: DocumentStore) -> None:
    store.commit([])


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        ({"n": 1}, 2, 3),
        ({"n": 1.5}, -2, -0.5),
        ({}, 5, 5),
        ({"n": None}, 5, 5),
        ({"n": "text"}, 5, 5),
        ({"n": True}, 5, 5),
        ({"n": 2**63 - 2}, 9, 2**63 - 1),
        ({"n": -(2**63)}, -1, -(2**63)),
    ],
)
def test_increment_adds_to_numbers_and_stops_at_64_bits(
    store: DocumentStore, before: Data, step: int, after: float
) -> None:
    store.commit([Set("notes/a", before)])
    store.commit([Update("notes/a", {"other": 1}, increments={"n": step})])
    assert data_of(store, "notes/a") == {"n": after, "other": 1}


@pytest.mark.parametrize("fields", [{"a.b": {"x": 1}}, {"text": "x", "n": -(2**63)}, {}])
def test_merge_makes_a_document_where_there_is_none(store: DocumentStore, fields: Data) -> None:
    store.commit([Merge("notes/a", fields)])
    assert data_of(store, "notes/a") == fields


@pytest.mark.parametrize("name", ["plain", "dotted.name", "`\\"])
def test_merge_replaces_the_fields_it_names_and_no_others(store: DocumentStore, name: str) -> None:
    store.commit([Set("notes/a", {name: {"old": 1}, "kept": 1, "n": 1})])
    store.commit([Merge("notes/a", {name: {"new": 2}, "n": 3})])
    assert data_of(store, "notes/a") == {name: {"new": 2}, "kept": 1, "n": 3}


def test_what_is_merged_is_found_by_queries(store: DocumentStore) -> None:
    store.commit([Merge("notes/a", {"kind": "x", "n": 2})])
    store.commit([Merge("notes/a", {"kind": "y"})])
    assert ids(store, Query("notes", filters=(Filter("kind", "==", "y"),))) == ["a"]
    assert ids(store, Query("notes", filters=(Filter("n", "==", 2),))) == ["a"]
    assert ids(store, Query("notes", filters=(Filter("kind", "==", "x"),))) == []


def test_a_commit_merges_into_what_it_wrote_before(store: DocumentStore) -> None:
    store.commit([Set("notes/old", {"n": 1}), Set("notes/gone", {"n": 1})])
    store.commit(
        [
            Create("notes/new", {"n": 1, "kept": 1}),
            Update("notes/old", {"m": 1}),
            Delete("notes/gone"),
            Merge("notes/new", {"x": 1, "n": 3}),
            Merge("notes/old", {"m": 2, "n": 3}),
            Merge("notes/gone", {"x": 1}),
        ]
    )
    assert data_of(store, "notes/new") == {"n": 3, "kept": 1, "x": 1}
    assert data_of(store, "notes/old") == {"n": 3, "m": 2}
    assert data_of(store, "notes/gone") == {"x": 1}


def test_merges_of_one_document_in_one_commit_follow_each_other(store: DocumentStore) -> None:
    store.commit([Merge("notes/a", {"last": n, str(n): n}) for n in range(1, 101)])
    assert data_of(store, "notes/a") == {"last": 100} | {str(n): n for n in range(1, 101)}


def test_a_document_may_be_too_large_between_two_merges_of_one_commit(
    store: DocumentStore,
) -> None:
    store.commit([Set("notes/a", {"one": "x" * 700_000})])
    store.commit([Merge("notes/a", {"two": "x" * 700_000}), Merge("notes/a", {"one": ""})])
    assert data_of(store, "notes/a") == {"one": "", "two": "x" * 700_000}


# Versions and preconditions


def test_the_version_grows_with_every_change(store: DocumentStore) -> None:
    versions = []
    for write in (
        Create("notes/a", {"n": 1}),
        Update("notes/a", {"n": 2}),
        Update("notes/a", increments={"n": 1}),
        Merge("notes/a", {"n": 4}),
        Set("notes/a", {"n": 4.0}),
        Set("notes/a", {}),
    ):
        store.commit([write])
        versions.append(version_of(store, "notes/a"))
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    "write",
    [
        Set("notes/a", {"m": {"y": 2, "x": 1}, "n": 1}),
        Update("notes/a", {"n": 1}),
        Update("notes/a"),
        Update("notes/a", increments={"n": 0}),
        Merge("notes/a", {"n": 1}),
    ],
)
def test_a_write_that_changes_nothing_leaves_the_version(
    store: DocumentStore, write: Write
) -> None:
    store.commit([Set("notes/a", {"n": 1, "m": {"x": 1, "y": 2}})])
    before = version_of(store, "notes/a")
    store.commit([write])
    assert version_of(store, "notes/a") == before


def test_merges_that_cancel_each_other_leave_the_version(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"n": 1, "m": 1})])
    before = version_of(store, "notes/a")
    store.commit([Merge("notes/a", {"m": 2, "n": 2}), Merge("notes/a", {"m": 1, "n": 1})])
    assert version_of(store, "notes/a") == before


def test_what_is_deleted_and_made_again_has_a_new_version(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    before = version_of(store, "notes/a")
    store.commit([Delete("notes/a"), Merge("notes/a", {"n": 1})])
    assert version_of(store, "notes/a") > before


def test_a_write_for_the_current_version_succeeds(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    store.commit([Update("notes/a", {"n": 2}, version=version_of(store, "notes/a"))])
    store.commit([Set("notes/a", {"n": 3}, version=version_of(store, "notes/a"))])
    store.commit([Delete("notes/a", version=version_of(store, "notes/a"))])
    assert store.get("notes/a") is None


def versioned(path: str, version: int) -> list[Write]:
    return [
        Update(path, {"n": 9}, version=version),
        Set(path, {"n": 9}, version=version),
        Delete(path, version=version),
    ]


@pytest.mark.parametrize("kind", range(3))
def test_a_write_for_an_older_version_is_stale(store: DocumentStore, kind: int) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    seen = version_of(store, "notes/a")
    store.commit([Set("notes/a", {"n": 2})])
    with pytest.raises(Stale):
        store.commit([versioned("notes/a", seen)[kind]])
    assert data_of(store, "notes/a") == {"n": 2}


@pytest.mark.parametrize("kind", range(3))
def test_a_write_for_the_version_of_a_deleted_document_is_stale(
    store: DocumentStore, kind: int
) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    seen = version_of(store, "notes/a")
    store.commit([Delete("notes/a")])
    with pytest.raises(Stale):
        store.commit([versioned("notes/a", seen)[kind]])
    assert store.get("notes/a") is None


def test_creating_what_exists_is_refused(store: DocumentStore) -> None:
    store.commit([Create("notes/a", {"n": 1})])
    with pytest.raises(AlreadyExists):
        store.commit([Create("notes/a", {"n": 2})])
    assert data_of(store, "notes/a") == {"n": 1}


def test_updating_what_is_not_there_is_refused(store: DocumentStore) -> None:
    with pytest.raises(Missing):
        store.commit([Update("notes/a", {"n": 1})])
    assert store.get("notes/a") is None


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (Create("notes/there", {}), AlreadyExists),
        (Update("notes/none", {}), Missing),
        (Set("notes/there", {}, version=1_000), Stale),
        (Delete("notes/there", version=1_000), Stale),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_failing_write_undoes_the_whole_commit(
    store: DocumentStore, failing: Write, error: type[StoreError], place: int
) -> None:
    store.commit([Set("notes/there", {"n": 1})])
    writes: list[Write] = [Create("notes/new", {"n": 1}), Merge("notes/other", {"n": 1})]
    writes.insert(place, failing)
    with pytest.raises(error):
        store.commit(writes)
    assert ids(store, Query("notes")) == ["there"]
    assert data_of(store, "notes/there") == {"n": 1}


def test_the_first_failing_write_names_the_error(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {})])
    with pytest.raises(Missing):
        store.commit([Update("notes/none", {}), Create("notes/a", {})])


# Queries

VALUES: dict[str, Data] = {
    "absent": {"m": 1},
    "array": {"n": [1, "x"]},
    "big": {"n": 2**53 + 1},
    "emoji": {"n": "\U0001f600"},
    "false": {"n": False},
    "map": {"n": {"a": 1}},
    "null": {"n": None},
    "one": {"n": 1},
    "one-real": {"n": 1.0},
    "private": {"n": "\uffff"},
    "real": {"n": 2.0**53},
    "text": {"n": "text"},
    "time": {"n": NOON},
    "true": {"n": True},
    "zero": {"n": -0.0},
}


@pytest.fixture
def values(store: DocumentStore) -> DocumentStore:
    fill(store, "notes", VALUES)
    return store


IN_ORDER = (
    "null false true zero one one-real real big time text private emoji array map".split()  # noqa: SIM905
)


def test_values_of_all_types_are_sorted_and_documents_without_the_field_left_out(
    values: DocumentStore,
) -> None:
    assert ids(values, Query("notes", order=(Order("n"),))) == IN_ORDER


def test_a_descending_order_reverses_ties_as_well(values: DocumentStore) -> None:
    assert ids(values, Query("notes", order=(Order("n", descending=True),))) == IN_ORDER[::-1]


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("==", None, ["null"]),
        ("==", 1, ["one", "one-real"]),
        ("==", 0.0, ["zero"]),
        ("==", 2**53 + 1, ["big"]),
        ("==", True, ["true"]),
        ("==", [1, "x"], ["array"]),
        ("==", {"a": 1}, ["map"]),
        ("==", NOON, ["time"]),
        ("==", "", []),
        ("<", 1, ["zero"]),
        ("<=", 1.0, ["zero", "one", "one-real"]),
        (">", 1, ["real", "big"]),
        (">=", 2**53, ["real", "big"]),
        ("<", "text\x00", ["text"]),
        (">", "text", ["private", "emoji"]),
        (">=", False, ["false", "true"]),
        ("<", NOON, []),
        ("<=", NOON, ["time"]),
        (">=", [], ["array"]),
        (">", {}, ["map"]),
        ("array_contains", 1.0, ["array"]),
        ("array_contains", "y", []),
        ("in", [1, "text", 1.0, 7], ["one", "one-real", "text"]),
    ],
)
def test_a_filter_finds_values_of_its_type_only(
    values: DocumentStore, op: Any, value: Any, expected: list[str]
) -> None:
    assert ids(values, Query("notes", filters=(Filter("n", op, value),))) == expected


def test_two_bounds_make_a_range(values: DocumentStore) -> None:
    bounds = (Filter("n", ">", 0), Filter("n", "<", 2**53))
    assert ids(values, Query("notes", filters=bounds)) == ["one", "one-real"]


def test_a_field_inside_a_map_is_found_by_its_path(store: DocumentStore) -> None:
    fill(store, "notes", {"a": {"m": {"deep": {"n": 1}}}, "b": {"m": {"deep": 1}}, "c": {}})
    assert ids(store, Query("notes", filters=(Filter("m.deep.n", "==", 1),))) == ["a"]
    assert ids(store, Query("notes", order=(Order("m.deep"),))) == ["b", "a"]


def test_equalities_alone_are_combined_without_a_composite_index(store: DocumentStore) -> None:
    fill(store, "notes", {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 1}})
    both = (Filter("x", "==", 1), Filter("y", "==", 1))
    assert ids(store, Query("notes", filters=both)) == ["a", "c"]


def test_without_filter_and_order_all_documents_come_by_id(store: DocumentStore) -> None:
    names = ["-", "10", "9", "B", "a", "a b", "é", "\uffff", "\U0001f600"]
    fill(store, "notes", {name: {} for name in reversed(names)})
    fill(store, "notes/a/notes", {"below": {}})
    assert ids(store, Query("notes")) == names
    assert ids(store, Query("notes", limit=2, after=("9",))) == ["B", "a"]


def test_select_returns_only_the_fields_named(store: DocumentStore) -> None:
    store.commit([Set("notes/a", {"a.b": 1, "m": {"x": 1}, "z": 2})])
    (some,) = store.query(Query("notes", select=("a.b", "m", "none")))
    (none,) = store.query(Query("notes", select=()))
    assert some.data == {"a.b": 1, "m": {"x": 1}}
    assert none.data == {}


@pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (3, 3), (9, 3)])
def test_a_limit_bounds_the_rows(store: DocumentStore, limit: int, expected: int) -> None:
    fill(store, "notes", {"a": {}, "b": {}, "c": {}})
    assert len(store.query(Query("notes", limit=limit))) == expected


# Queries that need composite indexes

RANKED: dict[str, Data] = {
    "a": {"kind": "x", "rank": 1, "size": 5, "tags": ["red"]},
    "b": {"kind": "x", "rank": 2, "size": 5, "tags": ["red", "blue"]},
    "c": {"kind": "y", "rank": 2, "size": 6, "tags": ["blue"]},
    "d": {"kind": "x", "rank": 2, "size": 7, "tags": []},
    "e": {"kind": None, "rank": 2, "size": 8, "tags": ["red"]},
    "f": {"kind": "x", "rank": None, "size": 9},
    "g": {"kind": "x", "size": 9},
}
BY_RANK, BY_RANK_DOWN = (Order("rank"),), (Order("rank", descending=True),)
IS_X = Filter("kind", "==", "x")
RED_OR_BLUE = Filter("tags", "array_contains_any", ["red", "blue", "none"])


@pytest.fixture
def ranked(indexed: DocumentStore) -> DocumentStore:
    fill(indexed, "notes", RANKED)
    return indexed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("notes", (IS_X,), BY_RANK), "f a b d"),
        (Query("notes", (IS_X,), BY_RANK_DOWN), "d b a f"),
        (Query("notes", (Filter("kind", "==", None),), BY_RANK_DOWN), "e"),
        (Query("notes", (Filter("kind", "in", ["y", "x"]),), BY_RANK), "f a b c d"),
        (Query("notes", (Filter("kind", "in", ["x", "y"]),), BY_RANK_DOWN, limit=2), "d c"),
        (Query("notes", (IS_X, Filter("rank", ">=", 2)), BY_RANK), "b d"),
        (Query("notes", (IS_X, Filter("rank", "<", 2)), BY_RANK_DOWN), "a"),
        (Query("notes", (IS_X, Filter("rank", ">", 1))), "b d"),
        (Query("notes", (Filter("tags", "array_contains", "red"),), BY_RANK_DOWN), "e b a"),
        (Query("notes", (IS_X, Filter("tags", "array_contains", "red")), BY_RANK_DOWN), "b a"),
        (Query("notes", (RED_OR_BLUE,), BY_RANK_DOWN), "e c b a"),
        (Query("notes", (IS_X, RED_OR_BLUE), BY_RANK_DOWN, limit=1), "b"),
        (Query("notes", (), (Order("rank"), Order("size", descending=True))), "f a e d c b"),
        (Query("notes", (Filter("size", "==", 5), IS_X), BY_RANK), "a b"),
    ],
)
def test_filters_and_orders_combine(ranked: DocumentStore, query: Query, expected: str) -> None:
    assert ids(ranked, query) == expected.split()


@pytest.mark.parametrize("order", [BY_RANK, BY_RANK_DOWN])
@pytest.mark.parametrize("filters", [(), (IS_X,), (Filter("kind", "in", ["x", "y"]),)])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_by_cursor_show_every_row_once_through_ties(
    ranked: DocumentStore, order: tuple[Order, ...], filters: tuple[Filter, ...], size: int
) -> None:
    query = Query("notes", filters, order)
    found: list[str] = []
    after: tuple[Any, ...] = ()
    while page := ranked.query(Query("notes", filters, order, limit=size, after=after)):
        found += [document.id for document in page]
        after = (page[-1].data["rank"], page[-1].id)
    assert found == ids(ranked, query)


def test_a_cursor_need_not_be_a_row(ranked: DocumentStore) -> None:
    query = Query("notes", (IS_X,), BY_RANK, after=(2, "bb"))
    assert ids(ranked, query) == ["d"]


def test_a_collection_group_is_every_collection_of_that_name_in_order_of_path(
    indexed: DocumentStore,
) -> None:
    paths = [
        "notes/a/parts/p",
        "notes/a-b/parts/p",
        "notes/a/parts/q",
        "parts/p",
        "notes/a/other/p",
    ]
    indexed.commit([Set(path, {"kind": "x"}) for path in paths])
    query = Query("parts", (IS_X,), group=True)
    expected = ["notes/a/parts/p", "notes/a/parts/q", "notes/a-b/parts/p", "parts/p"]
    assert [document.path for document in indexed.query(query)] == expected
    later = Query("parts", (IS_X,), group=True, after=("notes/a/parts/q",), limit=1)
    assert [document.path for document in indexed.query(later)] == ["notes/a-b/parts/p"]
    assert ids(indexed, Query("notes/a/parts", (IS_X,))) == ["p", "q"]


# Aggregations


def test_aggregations_of_nothing_are_zero_and_no_average(store: DocumentStore) -> None:
    wanted = Aggregation(Query("notes"), sums=("n",), averages=("n",))
    assert store.aggregate([wanted]) == [Totals(0, {"n": 0}, {"n": None})]


def test_aggregations_are_answered_side_by_side(store: DocumentStore) -> None:
    fill(store, "notes", {"a": {"n": 1}, "b": {"n": 2.5}, "c": {"n": "x"}, "d": {}})
    numbers = Aggregation(Query("notes"), sums=("n",), averages=("n",))
    everything = Aggregation(Query("notes", limit=1))
    assert store.aggregate([numbers, everything]) == [
        Totals(3, {"n": 3.5}, {"n": 1.75}),
        Totals(4),
    ]


def test_a_field_inside_a_map_is_summed(store: DocumentStore) -> None:
    fill(store, "notes", {"a": {"m": {"n": 1}}, "b": {"m": {"n": 2}}, "c": {"m": 3}})
    wanted = Aggregation(Query("notes"), sums=("m.n", "m.n"))
    assert store.aggregate([wanted]) == [Totals(2, {"m.n": 3})]


@pytest.mark.parametrize(
    ("numbers", "total"),
    [([2**62, 2**62 - 1], 2**63 - 1), ([-1, -1], -2), ([2**63 - 1] * 2, 2.0**64), ([], 0)],
)
def test_a_sum_is_exact_up_to_64_bits_and_a_float_beyond(
    store: DocumentStore, numbers: list[int], total: float
) -> None:
    fill(store, "notes", {f"d{place}": {"n": n} for place, n in enumerate(numbers)})
    (found,) = store.aggregate([Aggregation(Query("notes"), sums=("n",))])
    assert (found.sums["n"], type(found.sums["n"])) == (total, type(total))


def test_aggregations_follow_filters_and_skip_documents_without_the_field(
    ranked: DocumentStore,
) -> None:
    some = Query("notes", (Filter("kind", "in", ["x", "y"]),))
    wanted = Aggregation(some, sums=("rank",), averages=("rank",))
    assert ranked.aggregate([wanted, Aggregation(some)]) == [
        Totals(5, {"rank": 7}, {"rank": 1.75}),
        Totals(6),
    ]


# Limits


def nested(depth: int) -> Data:
    data: Data = {}
    for _ in range(depth - 1):
        data = {"n": data}
    return data


BAD_DATA: dict[str, Data] = {
    "larger than 1 MiB": {f"n{part}": "x" * 700_000 for part in range(2)},
    "a string over the limit": {"n": "x" * 1_048_487},
    "nested too deep": nested(21),
    "lists and maps too deep": {"n": [nested(19)]},
    "a list in a list": {"n": [[1]]},
    "not a number": {"n": math.nan},
    "infinite": {"n": [-math.inf]},
    "over 64 bits": {"n": 2**63},
    "under 64 bits": {"n": -(2**63) - 1},
    "naive time": {"n": NOON.replace(tzinfo=None)},
    "bytes": {"n": b"x"},
    "a lone surrogate": {"n": "\ud800"},
    "a field without a name": {"": 1},
    "a reserved field": {"__n__": 1},
    "a field name over the limit": {"n" * 1501: 1},
}


@pytest.mark.parametrize("data", BAD_DATA.values(), ids=BAD_DATA.keys())
@pytest.mark.parametrize("write", [Create, Set, Update, Merge])
def test_what_cannot_be_stored_is_rejected_and_nothing_is_written(
    store: DocumentStore, write: Callable[[str, Data], Write], data: Data
) -> None:
    store.commit([Set("notes/a", {"n": 1})])
    path = "notes/new" if write is Create else "notes/a"
    with pytest.raises(Rejected):
        store.commit([Set("notes/other", {}), write(path, data)])
    assert [(d.id, d.data) for d in store.query(Query("notes"))] == [("a", {"n": 1})]


def test_what_is_just_within_the_limits_is_stored(store: DocumentStore) -> None:
    data = {"deep": nested(19), "n" * 1500: "x" * 1_000_000}
    store.commit([Set("notes/" + "i" * 1500, data)])
    assert data_of(store, "notes/" + "i" * 1500) == data


@pytest.mark.parametrize("half", ["x" * 700_000, [0] * 70_000], ids=["a text", "numbers"])
@pytest.mark.parametrize("write", [Update, Merge])
def test_an_update_that_makes_a_document_too_large_is_rejected(
    store: DocumentStore, write: type[Update | Merge], half: object
) -> None:
    store.commit([Set("notes/a", {"one": half})])
    with pytest.raises(Rejected):
        store.commit([write("notes/a", {"two": half})])
    assert (data_of(store, "notes/a") or {}).keys() == {"one"}


BAD_PATHS = ["notes", "notes/", "/a", "notes/.", "notes/..", "notes/__x__", "notes/a/b"]
BAD_PATHS += [
    "notes//",
    "",
    "notes/" + "i" * 1501,
    "notes/" + "é" * 751,
    "notes/\x00",
    "notes/\ud800",
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: ascii(path[:12]))
def test_a_bad_path_is_rejected_by_every_call(store: DocumentStore, path: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.get(path),
        lambda: store.get_many(["notes/a", path]),
        lambda: store.commit([Set("notes/a", {}), Set(path, {})]),
        lambda: store.commit([Delete(path)]),
        lambda: store.commit([Merge(path)]),
        lambda: store.query(Query(f"{path}/parts")),
    ]
    for call in calls:
        with pytest.raises(Rejected):
            call()
    assert store.get("notes/a") is None


BAD_COMMITS: dict[str, Sequence[Write]] = {
    "over 1,000 writes": [Set(f"notes/{number}", {}) for number in range(1_001)],
    "two writes to one document": [Set("notes/a", {}), Delete("notes/a")],
    "a write after a merge": [Merge("notes/a"), Update("notes/a")],
    "over 500 increments of one document": [
        Update("notes/a", increments={f"n{number}": 1 for number in range(501)})
    ],
    "over 10 MiB": [Set(f"notes/{number}", {"n": "x" * 1_000_000}) for number in range(11)],
    "a fractional increment": [Update("notes/a", increments={"n": 0.5})],  # type: ignore[dict-item]
    "an increment over 64 bits": [Update("notes/a", increments={"n": 2**63})],
    "a field replaced and incremented": [Update("notes/a", {"n": 1}, {"n": 1})],
    "a reserved field incremented": [Update("notes/a", increments={"__n__": 1})],
}


@pytest.mark.parametrize("name", ["over 1,000 writes", "over 10 MiB"])
def test_a_commit_that_is_too_large_is_told_from_one_that_no_size_makes_right(
    store: DocumentStore, name: str
) -> None:
    with pytest.raises(TooLarge):
        store.commit(BAD_COMMITS[name])


@pytest.mark.parametrize("writes", BAD_COMMITS.values(), ids=BAD_COMMITS.keys())
def test_a_bad_commit_is_rejected_and_nothing_is_written(
    store: DocumentStore, writes: Sequence[Write]
) -> None:
    with pytest.raises(Rejected):
        store.commit(writes)
    assert store.query(Query("notes")) == []


def test_1000_writes_are_one_commit(store: DocumentStore) -> None:
    store.commit([Set(f"notes/{number}", {}) for number in range(1_000)])
    assert store.aggregate([Aggregation(Query("notes"))]) == [Totals(1_000)]


BAD_QUERIES: dict[str, Query] = {
    "over 30 disjunctions": Query("notes", (Filter("n", "in", list(range(31))),)),
    "over 30 combinations": Query(
        "notes", (Filter("n", "in", list(range(6))), Filter("m", "in", list(range(6))))
    ),
    "no disjunction": Query("notes", (Filter("n", "in", []),)),
    "in without a list": Query("notes", (Filter("n", "in", "abc"),)),
    "any without a list": Query("notes", (Filter("n", "array_contains_any", "abc"),)),
    "null in a list of any": Query("notes", (Filter("n", "array_contains_any", [1, None]),)),
    "null in a list": Query("notes", (Filter("n", "in", [1, None]),)),
    "null in a range": Query("notes", (Filter("n", ">=", None),)),
    "null in an array": Query("notes", (Filter("n", "array_contains", None),)),
    "two array_contains": Query(
        "notes", (Filter("n", "array_contains", 1), Filter("m", "array_contains", 1))
    ),
    "equal twice": Query("notes", (Filter("n", "==", 1), Filter("n", "==", 2))),
    "equal and sorted": Query("notes", (Filter("n", "==", 1),), (Order("n"),)),
    "a range not sorted first": Query("notes", (Filter("n", ">", 1),), (Order("m"),)),
    "a range, a cursor, no order": Query("notes", (Filter("n", ">", 1),), after=("a",)),
    "not a number": Query("notes", (Filter("n", "==", math.nan),)),
    "a reserved field": Query("notes", order=(Order("__name__"),)),
    "no field": Query("notes", order=(Order("a..b"),)),
    "a reserved field selected": Query("notes", select=("__name__",)),
    "a negative limit": Query("notes", limit=-1),
    "a cursor too short": Query("notes", order=(Order("n"),), after=("a",)),
    "a cursor with a bad id": Query("notes", after=("..",)),
    "a cursor with a bad value": Query("notes", order=(Order("n"),), after=(math.inf, "a")),
    "a document's path": Query("notes/a"),
    "a group with a path": Query("notes/a/parts", group=True),
}


def test_a_group_is_read_whole_page_by_page_without_an_index(store: DocumentStore) -> None:
    paths = [f"notes/{note}/parts/{part}" for note in ("a", "b-1", "b") for part in ("p", "q")]
    others = ["parts/top", "notes/a/sparts/s", "notes/a"]
    store.commit([Create(path, {"n": 1}) for path in (*paths, *others)])
    query = Query("parts", limit=2, group=True)

    found: list[str] = []
    while rows := store.query(query):
        found += [row.path for row in rows]
        query = replace(query, after=(rows[-1].path,))

    assert sorted(found) == sorted([*paths, "parts/top"])
    assert store.aggregate([Aggregation(Query("parts", group=True))])[0].count == len(found)


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES.keys())
def test_a_bad_query_is_rejected(store: DocumentStore, query: Query) -> None:
    with pytest.raises(Rejected) as refused:
        store.query(query)
    assert not isinstance(refused.value, MissingIndex)
    with pytest.raises(Rejected):
        store.aggregate([Aggregation(query)])


@pytest.mark.parametrize(
    "wanted",
    [
        Aggregation(Query("notes"), sums=("a", "b", "c"), averages=("d", "e")),
        Aggregation(Query("notes"), sums=("a'b",)),
        Aggregation(Query("notes", after=("a",))),
        Aggregation(Query("notes", (Filter("n", "array_contains_any", [1, 2]),))),
        Aggregation(Query("notes", (Filter("n", "==", 1),)), sums=("n",)),
    ],
)
def test_a_bad_aggregation_is_rejected(store: DocumentStore, wanted: Aggregation) -> None:
    with pytest.raises(Rejected):
        store.aggregate([wanted])


def test_a_query_without_its_index_is_refused_by_the_embedded_store(
    indexed_embedded: DocumentStore,
) -> None:
    query = Query("notes", (Filter("size", "==", 1),), BY_RANK_DOWN)
    with pytest.raises(MissingIndex, match="notes: size ASCENDING, rank DESCENDING"):
        indexed_embedded.query(query)
    with pytest.raises(MissingIndex):
        indexed_embedded.aggregate([Aggregation(query)])


# Cost


@pytest.mark.parametrize(
    ("call", "reads", "writes"),
    [
        (lambda store: store.get("notes/a"), 1, 0),
        (lambda store: store.get("notes/none"), 1, 0),
        (lambda store: store.get_many(["notes/a", "notes/none", "notes/a"]), 2, 0),
        (lambda store: store.commit([Delete("notes/none"), Set("notes/new", {})]), 0, 2),
        (lambda store: store.commit([Merge("notes/a", {"n": 1})] * 3), 0, 3),
        (lambda store: store.query(Query("notes")), 3, 0),
        (lambda store: store.query(Query("notes", limit=2)), 2, 0),
        (lambda store: store.query(Query("empty")), 1, 0),
        (lambda store: store.query(Query("notes", (Filter("n", "in", [1, 2]),))), 2, 0),
        (lambda store: store.aggregate([Aggregation(Query("notes"))]), 1, 0),
        (lambda store: store.aggregate([Aggregation(Query("empty"))] * 3), 3, 0),
    ],
)
def test_every_call_counts_what_is_billed_and_one_round_trip(
    store: DocumentStore, call: Callable[[DocumentStore], object], reads: int, writes: int
) -> None:
    fill(store, "notes", {"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}})
    with counted() as cost:
        call(store)
    assert (cost.reads, cost.writes, cost.trips) == (reads, writes, 1)
    assert cost.seconds > 0
    assert cost.lost == 0


def test_a_refused_commit_costs_its_round_trip_and_no_write(store: DocumentStore) -> None:
    with counted() as cost, pytest.raises(Missing):
        store.commit([Set("notes/a", {}), Update("notes/none", {})])
    assert (cost.reads, cost.writes, cost.trips) == (0, 0, 1)


def test_a_rejected_call_costs_nothing(store: DocumentStore) -> None:
    with counted() as cost:
        for call in (lambda: store.get(".."), lambda: store.query(Query("notes", limit=-1))):
            with pytest.raises(Rejected):
                call()
    assert cost == Cost()


def test_every_thousand_counted_documents_are_a_read(store: DocumentStore) -> None:
    for start in range(0, 1500, 500):
        store.commit([Set(f"notes/{start + number}", {}) for number in range(500)])
    with counted() as cost:
        assert store.aggregate([Aggregation(Query("notes"))]) == [Totals(1500)]
    assert cost.reads == 2


# Out of reach

UNREACHABLE_CALLS: dict[str, Callable[[DocumentStore], object]] = {
    "get": lambda store: store.get("notes/a"),
    "commit": lambda store: store.commit([Set("notes/a", {})]),
    "query": lambda store: store.query(Query("notes")),
}


@pytest.mark.parametrize("call", UNREACHABLE_CALLS.values(), ids=UNREACHABLE_CALLS.keys())
def test_a_store_out_of_reach_is_unavailable_once_the_patience_is_over(
    project: str, call: Callable[[DocumentStore], object]
) -> None:
    store = FirestoreStore(project, "(default)", "127.0.0.1:9")
    with counted() as cost:
        for _ in range(2):
            with pytest.raises(Unavailable):
                call(store)
    assert 2 <= cost.lost <= cost.seconds
    store.close()
