"""The query of a list, from the marks on its query model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import pytest

from local.indexes import combinations
from shared.documents.port import Filter, Order, Query
from shared.errors import InvalidArgument
from shared.models.case import Status
from shared.models.filters import (
    Contains,
    Equal,
    Filters,
    HasWords,
    Listing,
    Missing,
    Past,
    Since,
    Sort,
    SortedBy,
    Until,
)
from shared.repository.listing import query_of
from tests.rows import each_row

NOW = datetime(2026, 3, 2, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
NEWEST = (Order("createdAt", descending=True),)
DUE_FIRST = (Order("clockDueAt"),)


class Wanted(Filters):
    """Every kind of filter."""

    listing: ClassVar[Listing] = Listing(
        "things", (Sort("createdAt", descending=True),), (Sort("clockDueAt"),)
    )

    status: Annotated[list[Status] | None, Equal("status")] = None
    held: Annotated[bool | None, Equal("legalHold")] = None
    unassigned: Annotated[bool, Missing("assignedTo")] = False
    tag: Annotated[str | None, Contains("tags")] = None
    search: Annotated[str | None, HasWords("searchTokens", sort="createdAt")] = None
    overdue: Annotated[bool, Past("clockDueAt")] = False
    created_since: Annotated[datetime | None, Since("createdAt")] = None
    due_until: Annotated[datetime | None, Until("clockDueAt")] = None
    sort: Annotated[
        Literal["newest", "due"] | None,
        SortedBy({"newest": "createdAt", "due": "clockDueAt"}),
    ] = None


@each_row(
    ("given", "filters", "order"),
    [
        ({}, (), NEWEST),
        ({"status": [Status.NEW]}, (Filter("status", "in", [Status.NEW]),), NEWEST),
        ({"held": False}, (Filter("legalHold", "==", value=False),), NEWEST),
        ({"unassigned": False, "overdue": False}, (), NEWEST),
        ({"unassigned": True}, (Filter("assignedTo", "==", None),), NEWEST),
        ({"tag": "a"}, (Filter("tags", "array_contains", "a"),), NEWEST),
        (
            {"search": "of it longest"},
            (Filter("searchTokens", "array_contains_any", ["longe", "longest"]),),
            NEWEST,
        ),
        ({"overdue": True}, (Filter("clockDueAt", "<", NOW),), DUE_FIRST),
        ({"created_since": EARLIER}, (Filter("createdAt", ">=", EARLIER),), NEWEST),
        ({"due_until": EARLIER}, (Filter("clockDueAt", "<", EARLIER),), DUE_FIRST),
        ({"sort": "due"}, (), DUE_FIRST),
        (
            {"sort": "newest", "created_since": EARLIER},
            (Filter("createdAt", ">=", EARLIER),),
            NEWEST,
        ),
    ],
)
def test_each_parameter_that_is_given_is_a_filter_and_ranges_choose_the_sort(
    given: dict[str, Any], filters: tuple[Filter, ...], order: tuple[Order, ...]
) -> None:
    assert query_of("tenants/t", Wanted(**given), NOW) == Query("tenants/t/things", filters, order)


def test_filters_combine_in_the_order_of_the_model() -> None:
    wanted = Wanted(overdue=True, unassigned=True, tag="a")

    names = [one.field for one in query_of("tenants/t", wanted, NOW).filters]
    assert names == ["assignedTo", "tags", "clockDueAt"]


@each_row(
    ("given", "field", "other"),
    [
        ({"overdue": True, "created_since": EARLIER}, "createdSince", "overdue"),
        ({"due_until": EARLIER, "sort": "newest"}, "sort", "dueUntil"),
    ],
)
def test_parameters_that_need_different_sorts_are_refused_by_name(
    given: dict[str, Any], field: str, other: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"^{field}: needs another sort than {other} does"):
        query_of("tenants/t", Wanted(**given), NOW)


def test_a_parameter_that_needs_a_sort_that_the_list_has_not_is_refused_by_name() -> None:
    class Newest(Wanted):
        """The same, sorted in one way only."""

        listing: ClassVar[Listing] = Listing("things", (Sort("createdAt", descending=True),))

    with pytest.raises(InvalidArgument, match=r"^overdue: needs another sort than this list has"):
        query_of("tenants/t", Newest(overdue=True), NOW)


class Sorted(Filters):
    """A list with two sorts."""

    flag: bool = False
    sort: Annotated[Literal["newest", "due"], SortedBy({})] = "newest"


def test_the_combinations_of_parameters_have_every_sort_in_them() -> None:
    assert list(combinations(Sorted)) == [
        {},
        {"flag": "true"},
        {"sort": "newest"},
        {"sort": "due"},
        {"flag": "true", "sort": "newest"},
        {"flag": "true", "sort": "due"},
    ]


def test_a_parameter_of_which_no_value_is_known_is_no_combination_less() -> None:
    class Odd(Filters):
        """A parameter that takes what nobody guesses."""

        word: Annotated[Literal[7], Equal("word")] | None = None

    with pytest.raises(LookupError, match=r"Odd\.word"):
        list(combinations(Odd))
