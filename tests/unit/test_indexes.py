"""Which index serves which query, and which query no index serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import indexes
from shared.documents.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    EVERY_FIELD,
    Index,
    Indexes,
    Leg,
    counted,
    disjuncts,
    project_indexes,
    required,
)
from shared.documents.port import Aggregation, Filter, MissingIndex, Order, Query, Rejected
from tests.rows import each_row

X, Y, Z = (Filter(field, "==", 1) for field in "xyz")
TAGGED = Filter("tags", "array_contains", "red")
NEWEST = (Order("at", descending=True),)


def index(*fields: tuple[str, str], group: bool = False) -> Index:
    return Index("rows", fields, group)


def rows(*filters: Filter, order: tuple[Order, ...] = (), group: bool = False) -> Query:
    return Query("rows" if group else "tenants/t/rows", filters, order, group=group)


X_NEWEST = index(("x", ASCENDING), ("at", DESCENDING))
Y_NEWEST = index(("y", ASCENDING), ("at", DESCENDING))
XY_NEWEST = index(("x", ASCENDING), ("y", ASCENDING), ("at", DESCENDING))
TAGS_NEWEST = index(("tags", CONTAINS), ("at", DESCENDING))
EXEMPT_X = (("rows", "x", ()),)


def test_a_plain_scan_needs_no_index() -> None:
    assert Indexes().plan(rows()) == ()
    assert Indexes().plan(rows(group=True)) == ()


@each_row(
    ("indexes", "covered"),
    [
        (Indexes(), True),
        (Indexes(overrides=(("rows", "x", ()),)), False),
        (Indexes(overrides=(("rows", "x", ((ASCENDING, True),)),)), True),
        (Indexes((index(("y", ASCENDING), ("x", DESCENDING)),), (("rows", "x", ()),)), True),
        (Indexes((index(("y", ASCENDING), ("z", DESCENDING)),), (("rows", "x", ()),)), False),
    ],
)
def test_a_field_is_covered_by_an_index_unless_it_is_exempted_and_in_no_composite(
    indexes: Indexes,
    covered: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    assert indexes.covers("rows", "x") is covered


@each_row(
    ("query", "legs"),
    [
        (rows(X), (Leg(index(("x", ASCENDING)), (X,)),)),
        (rows(TAGGED), (Leg(index(("tags", CONTAINS)), (TAGGED,)),)),
        (rows(order=(Order("at"),)), (Leg(index(("at", ASCENDING)), ()),)),
        (rows(order=NEWEST), (Leg(index(("at", ASCENDING)), (), backwards=True),)),
        (rows(Filter("at", ">", 1)), (Leg(index(("at", ASCENDING)), ()),)),
        (rows(X, Y), (Leg(index(("x", ASCENDING)), (X,)), Leg(index(("y", ASCENDING)), (Y,)))),
    ],
)
def test_single_field_indexes_serve_one_condition_or_equalities(
    query: Query, legs: tuple[Leg, ...]
) -> None:
    assert Indexes().plan(query) == legs


@each_row(
    "query",
    [
        rows(X, order=NEWEST),
        rows(X, Filter("at", ">", 1)),
        rows(order=(Order("at"), Order("x"))),
        rows(TAGGED, order=NEWEST),
        rows(X, group=True),
    ],
)
def test_anything_more_needs_an_index_of_its_own(query: Query) -> None:
    with pytest.raises(MissingIndex):
        Indexes().plan(query)
    indexes = Indexes(composites=(required(query),))
    assert [leg.index for leg in indexes.plan(query)] == [required(query)]


@each_row(
    ("field", "query"),
    [
        ("x", rows(X)),
        ("x", rows(X, Y)),
        ("m", rows(Filter("m.deep", "==", 1))),
        ("at", rows(order=NEWEST)),
    ],
)
def test_an_exempted_field_or_map_has_no_index_of_its_own(field: str, query: Query) -> None:
    with pytest.raises(MissingIndex):
        Indexes(overrides=(("rows", field, ()),)).plan(query)


def test_an_exemption_is_of_one_collection_and_lifted_deeper_in_a_map() -> None:
    ascending = ((ASCENDING, False),)
    indexes = Indexes(overrides=(("other", "x", ()), ("rows", "m", ()), ("rows", "m.x", ascending)))
    assert indexes.plan(rows(X))
    assert indexes.plan(rows(Filter("m.x", "==", 1)))


def test_an_exemption_of_every_field_leaves_those_that_have_an_entry_of_their_own() -> None:
    ascending = ((ASCENDING, False),)
    indexes = Indexes(
        overrides=(("rows", EVERY_FIELD, ()), ("rows", "x", ascending), ("rows", "m", ascending))
    )
    assert indexes.plan(rows(X))
    assert indexes.plan(rows(Filter("m.deep", "==", 1)))
    assert indexes.plan(Query("tenants/t/others", (Y,)))
    for query in (
        rows(Y),
        rows(X, Y),
        rows(order=(Order("x", descending=True),)),
        rows(X, group=True),
    ):
        with pytest.raises(MissingIndex):
            indexes.plan(query)


@each_row(
    ("query", "lacking"),
    [
        (rows(X), "collection rows: x ASCENDING"),
        (rows(Filter("z", ">", 1)), "collection rows: z ASCENDING"),
        (rows(order=NEWEST), "collection rows: at DESCENDING"),
        (rows(X, Y, TAGGED, order=NEWEST), "collection rows: tags CONTAINS, at DESCENDING"),
        (rows(Y, order=(Order("at"),)), "collection rows: y ASCENDING, at ASCENDING"),
        (rows(order=(*NEWEST, Order("z"))), "collection rows: at DESCENDING, z ASCENDING"),
        (rows(X, group=True), "collection group rows: x ASCENDING"),
    ],
)
def test_what_is_lacking_is_one_index_for_each_filter_that_has_none(
    query: Query, lacking: str
) -> None:
    indexes = Indexes((X_NEWEST, Y_NEWEST), overrides=(("rows", EVERY_FIELD, ()),))
    with pytest.raises(MissingIndex, match=f"to be added: {lacking}$"):
        indexes.plan(query)
    assert list(map(str, indexes.lacking(query))) == [lacking]


def test_a_composite_index_works_on_exempted_fields() -> None:
    indexes = Indexes(composites=(X_NEWEST,), overrides=EXEMPT_X)
    assert indexes.plan(rows(X, order=NEWEST)) == (Leg(X_NEWEST, (X,)),)


def test_indexes_that_share_the_order_are_merged() -> None:
    indexes = Indexes(composites=(X_NEWEST, Y_NEWEST, TAGS_NEWEST))
    legs = indexes.plan(rows(Y, X, TAGGED, order=NEWEST))
    assert legs == (Leg(X_NEWEST, (X,)), Leg(Y_NEWEST, (Y,)), Leg(TAGS_NEWEST, (TAGGED,)))


def test_an_index_that_serves_all_is_taken_alone() -> None:
    indexes = Indexes(composites=(X_NEWEST, Y_NEWEST, XY_NEWEST))
    assert indexes.plan(rows(Y, X, order=NEWEST)) == (Leg(XY_NEWEST, (X, Y)),)


@each_row(
    "query",
    [
        rows(X, order=(Order("at"),)),
        rows(X, Z, order=NEWEST),
        rows(Filter("x", "array_contains", 1), order=NEWEST),
        rows(order=NEWEST, group=True),
        rows(X, order=(*NEWEST, Order("z"))),
        Query("other", (X,), NEWEST),
    ],
)
def test_an_index_with_another_sort_mode_scope_or_collection_does_not_serve(query: Query) -> None:
    with pytest.raises(MissingIndex):
        Indexes(composites=(X_NEWEST, Y_NEWEST)).plan(query)


def test_equalities_are_not_served_from_an_index_that_would_reverse_the_names() -> None:
    reversing = index(("x", ASCENDING), ("y", DESCENDING))
    with pytest.raises(MissingIndex):
        Indexes(composites=(reversing,), overrides=EXEMPT_X).plan(rows(X, Y))


def test_a_collection_group_needs_an_index_of_its_scope() -> None:
    indexes = Indexes(overrides=(("rows", "x", ((ASCENDING, True),)),))
    (leg,) = indexes.plan(rows(X, group=True))
    assert leg.index == index(("x", ASCENDING), group=True)
    with pytest.raises(MissingIndex):
        indexes.plan(rows(X))


def test_the_index_required_has_equalities_by_name_and_then_the_order() -> None:
    query = rows(Y, TAGGED, X, order=NEWEST)
    assert (
        str(required(query))
        == "collection rows: tags CONTAINS, x ASCENDING, y ASCENDING, at DESCENDING"
    )


def test_each_combination_of_in_values_is_a_query() -> None:
    query = rows(Filter("x", "in", [1, 2]), Z, Filter("y", "in", ["a", "b"]))
    wanted = [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert [part.filters for part in disjuncts(query)] == [
        (Z, Filter("x", "==", x), Filter("y", "==", y)) for x, y in wanted
    ]


def test_values_that_are_equal_make_one_query() -> None:
    assert len(disjuncts(rows(Filter("x", "in", [1, 1.0, True, 1])))) == 2


@each_row("values", [[], [1] * 31])
def test_no_value_and_more_than_thirty_are_rejected(values: list[int]) -> None:
    with pytest.raises(Rejected):
        disjuncts(rows(Filter("x", "in", values)))


@each_row(
    ("query", "order"),
    [
        (rows(X), ("a", "b")),
        (rows(order=NEWEST), ("at", "a", "b")),
        (rows(Filter("z", ">", 1)), ("z", "a", "b")),
        (rows(order=(Order("b"),)), ("b", "a")),
    ],
)
def test_aggregated_fields_follow_the_order_of_the_query(
    query: Query, order: tuple[str, ...]
) -> None:
    aggregation = Aggregation(query, sums=("b",), averages=("a", "b"))
    assert tuple(sort.field for sort in counted(aggregation).order) == order


def test_the_indexes_of_the_project_load() -> None:
    indexes = project_indexes()
    assert indexes.composites
    assert len(set(indexes.composites)) == len(indexes.composites)


def test_every_kind_of_definition_is_read(tmp_path: Path) -> None:
    order, contains = {"order": "DESCENDING"}, {"arrayConfig": "CONTAINS"}
    fields = [{"fieldPath": "tags", **contains}, {"fieldPath": "at", **order}]
    scope = {"queryScope": "COLLECTION_GROUP"}
    file = tmp_path / "indexes.json"
    definitions = {
        "indexes": [{"collectionGroup": "rows", **scope, "fields": fields}],
        "fieldOverrides": [
            {"collectionGroup": "rows", "fieldPath": "x", "indexes": [{**order, **scope}]}
        ],
    }
    file.write_text(json.dumps(definitions))

    loaded = Indexes.load(file)
    assert loaded.composites == (index(("tags", CONTAINS), ("at", DESCENDING), group=True),)
    assert loaded.overrides == (("rows", "x", ((DESCENDING, True),)),)


def test_an_exemption_of_every_field_says_nothing_of_expiry() -> None:
    """Firestore refuses a request about the expiry of `*`, and `"ttl": false` makes it one."""
    overrides = json.loads(indexes.FILE.read_text())["fieldOverrides"]
    every = [entry for entry in overrides if entry["fieldPath"] == EVERY_FIELD]

    assert every
    assert [entry for entry in every if "ttl" in entry] == []


def test_the_command_adds_what_the_lists_need_and_nothing_twice(tmp_path: Path) -> None:
    whole = indexes.FILE.read_text()
    file = tmp_path / "indexes.json"
    kept = [line for line in whole.splitlines() if '"decisionType"' not in line]
    file.write_text("\n".join(line for line in kept if '"runs", "fieldPath"' not in line))

    added = indexes.add(file, indexes.of_lists().values())

    assert sorted(added) == [
        "collection cases: decisionType ASCENDING, clockDueAt ASCENDING",
        "collection cases: decisionType ASCENDING, createdAt DESCENDING",
        "collection runs: createdAt DESCENDING",
    ]
    again = file.read_text()
    assert indexes.add(file, indexes.of_lists().values()) == []
    assert file.read_text() == again
    assert Indexes.load(file).single("runs", "caseId", ASCENDING, group=False) is False


def test_the_command_leaves_a_file_that_lacks_nothing_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "indexes.json"
    file.write_text(indexes.FILE.read_text())

    assert indexes.add(file, indexes.of_lists().values()) == []
    assert file.read_text() == indexes.FILE.read_text()
