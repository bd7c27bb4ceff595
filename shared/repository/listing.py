"""The query of a list, made from the marks on its query model (`shared/models/filters.py`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel

from shared.documents.port import Filter, Order, Query
from shared.errors import InvalidArgument
from shared.models.filters import (
    Filters,
    HasWords,
    Mark,
    Missing,
    Past,
    Since,
    SortedBy,
    Until,
)
from shared.rules import search


def query_of(parent: str, wanted: Filters, now: datetime) -> Query:
    """The rows that `wanted` asks for, of the collection of its list below `parent`.

    Raises InvalidArgument where parameters need different sorts, or one that this list has not.
    """
    filters: list[Filter] = []
    sorts = wanted.listing.sorts
    for name, mark, value in wanted.given():
        field = mark.fields[value] if isinstance(mark, SortedBy) else mark.field
        if isinstance(mark, Since | Until | Past | SortedBy):
            sorts = tuple(sort for sort in sorts if sort[0].field == field)
            if not sorts:
                raise InvalidArgument.field(to_camel(name), "needs another sort than this list has")
        if isinstance(mark, Mark):
            filters.append(_filter(mark, value, now))
    order = tuple(Order(one.field, descending=one.descending) for one in sorts[0])
    return Query(f"{parent}/{wanted.listing.collection}", tuple(filters), order)


def _filter(mark: Mark, value: Any, now: datetime) -> Filter:
    match mark:
        case HasWords():
            # The longest word is the most selective; the others are checked on the rows.
            value = max(search.words(value), key=len)
        case Past():
            value = now
        case Missing():
            value = None
    return Filter(mark.field, "in" if isinstance(value, list) else mark.op, value)
