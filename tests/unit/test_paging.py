"""Pages and their tokens, over a list for a store."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.errors import InvalidArgument
from shared.models.base import Page
from shared.repository.paging import SCAN_LIMIT, page, place, size_of, slice_of
from tests.rows import each_row
from tests.unit.examples import STABLE

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUERY = Query("tenants/acme/cases", order=(Order("createdAt", descending=True),))


class Rows:
    """So many rows, several at a time of the same moment, newest first; counts those read."""

    def __init__(self, number: int) -> None:
        self.read = 0
        self.rows = sorted(
            (
                Document(
                    f"tenants/acme/cases/{index:05}",
                    {"createdAt": START + timedelta(microseconds=index // 3)},
                    version=1,
                )
                for index in range(number)
            ),
            key=self._key,
            reverse=True,
        )

    def query(self, query: Query) -> list[Document]:
        """What follows the cursor."""
        found = [row for row in self.rows if not query.after or self._key(row) < query.after]
        self.read += len(found[: query.limit])
        return found[: query.limit]

    @staticmethod
    def _key(row: Document) -> tuple[Any, ...]:
        return row.data["createdAt"], row.id


def paged(
    rows: Rows, query: Query, wanted: Page, **options: Callable[[Document], bool]
) -> tuple[list[Document], str | None]:
    """A page of a store that holds these rows."""
    return page(cast("DocumentStore", rows), query, wanted, **options)


@STABLE
@given(number=st.integers(0, 40), size=st.integers(1, 15), every=st.integers(1, 5))
def test_a_walk_shows_every_row_that_is_accepted_once_and_in_order(
    number: int, size: int, every: int
) -> None:
    store, found, token = Rows(number), [], None

    for _ in range(number + 2):
        rows, token = paged(
            store,
            QUERY,
            Page(page_size=size, page_token=token),
            accept=lambda row: int(row.id) % every == 0,
        )
        assert len(rows) <= size
        found += rows
        if token is None:
            break

    assert token is None
    assert found == [row for row in store.rows if int(row.id) % every == 0]


@each_row(("size", "read"), [(1, 500), (49, 500), (50, 500), (200, 500)])
def test_a_page_for_which_nothing_is_accepted_ends_before_it_reads_too_much(
    size: int, read: int
) -> None:
    store = Rows(2_000)

    rows, token = paged(store, QUERY, Page(page_size=size), accept=lambda _: False)

    assert (rows, store.read) == ([], read)
    assert read <= SCAN_LIMIT
    assert token is not None


def token_of(query: Query, wanted: Page | None = None) -> str:
    """The token after the first row of a list."""
    _, token = paged(Rows(2), query, wanted or Page(page_size=1))
    assert token
    return token


@each_row(
    "other",
    [
        Query("tenants/other/cases", order=QUERY.order),
        Query("tenants/acme/audit", order=QUERY.order),
        Query(QUERY.collection, order=(Order("createdAt"),)),
        Query(QUERY.collection, (Filter("subject", "==", "cases/B"),), QUERY.order),
    ],
)
def test_a_token_is_of_one_list_only(other: Query) -> None:
    store = Rows(2)

    with pytest.raises(InvalidArgument):
        paged(store, other, Page(page_size=1, page_token=token_of(QUERY)))

    assert store.read == 0


def test_a_token_is_of_one_kind_of_request_only() -> None:
    class OtherPage(Page):
        """A page of something else."""

    with pytest.raises(InvalidArgument):
        paged(Rows(2), QUERY, OtherPage(page_size=1, page_token=token_of(QUERY)))


def test_a_token_outlives_the_moment_that_a_range_is_counted_from() -> None:
    queries = [
        Query(
            QUERY.collection,
            (Filter("clockDueAt", "<", START + timedelta(hours=hours)),),
            QUERY.order,
        )
        for hours in (0, 1)
    ]

    rows, _ = paged(Rows(2), queries[1], Page(page_size=1, page_token=token_of(queries[0])))

    assert [row.id for row in rows] == ["00000"]


@STABLE
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_other_text_is_a_token(raw: bytes) -> None:
    text = raw.decode("latin-1")
    store = Rows(2)

    if text:
        with pytest.raises(InvalidArgument):
            paged(store, QUERY, Page(page_size=1, page_token=text))
    assert store.read == 0


def test_the_place_of_a_row_is_its_order_values_and_its_id() -> None:
    row = Document("tenants/acme/audit/e1", {"sequence": 7, "subject": "tenant"}, version=1)

    assert place(row, Query("x", order=(Order("sequence"),))) == (7, "e1")


def test_the_place_of_a_row_among_those_of_several_collections_is_its_path() -> None:
    row = Document("tenants/acme/cases/A/runs/r1", {"sequence": 7}, version=1)

    assert place(row, Query("runs", order=(Order("sequence"),), group=True)) == (7, row.path)


@each_row("name", ["a", "ab", "abc"])
def test_a_token_is_made_of_what_an_address_takes_as_it_is_and_is_taken_back(name: str) -> None:
    row = Document(f"{QUERY.collection}/{name}", {"createdAt": START}, version=1)

    class Same:
        def query(self, _: Query) -> list[Document]:
            return [row]

    store = cast("DocumentStore", Same())
    _, token = page(store, QUERY, Page(page_size=1))

    assert token
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert page(store, QUERY, Page(page_size=1, page_token=token)) == ([row], token)


@each_row("value", [None, "yesterday", 7])
def test_a_list_ends_with_a_row_that_has_no_place_in_it(value: Any) -> None:
    class Spoilt:
        def query(self, query: Query) -> list[Document]:
            assert not query.after
            return [Document(f"{QUERY.collection}/a", {"createdAt": value}, version=1)]

    for accept in (None, lambda _: True, lambda _: False):
        store = cast("DocumentStore", Spoilt())
        assert page(store, QUERY, Page(page_size=1), accept=accept)[1] is None


class Short(Page):
    """A page of a hundred bytes."""

    max_bytes = 100


ROW = size_of(Rows(1).rows[0])


@each_row(("max_bytes", "shown"), [(1, 1), (ROW, 1), (ROW + 1, 2), (2 * ROW, 2), (2 * ROW + 1, 3)])
def test_a_page_ends_with_the_row_that_reaches_its_bytes(max_bytes: int, shown: int) -> None:
    wanted = Short(page_size=3)

    with patch.object(Short, "max_bytes", max_bytes):
        rows, _ = paged(Rows(3), QUERY, wanted)

    assert len(rows) == shown


@each_row(
    ("sizes", "shown"),
    [
        ([99, 1, 50], 2),
        ([100, 1, 1], 1),
        ([50, 49, 2], 3),
        ([50, 49, 0], 3),
        ([99], 3),
        ([], 3),
        ([1_000], 1),
    ],
)
def test_a_part_of_a_list_ends_with_the_row_that_reaches_the_bytes_of_a_page(
    sizes: list[int], shown: int
) -> None:
    places = {name: number for number, name in enumerate("abcd")}

    part, token = slice_of(places, Short(page_size=3), "x", dict(zip("abcd", sizes, strict=False)))

    assert part == list("abcd"[:shown])
    rest, end = slice_of(places, Short(page_size=200, page_token=token), "x", {})
    assert (rest, end) == (list("abcd"[shown:]), None)
