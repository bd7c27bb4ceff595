"""The query of a list, made from the marks on its query model (`shared/models/filters.py`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel

from shared.documents.port import Filter, Order, Query
from shared.documents.values import DISJUNCTIVE, MAX_DISJUNCTIONS
from shared.errors import InvalidArgument
from shared.models.filters import (
    Begins,
    Filters,
    HasWords,
    Mark,
    Missing,
    Named,
    OfPerson,
    Past,
    Since,
    SortedBy,
    Until,
)
from shared.models.names import ME, normalised, searchable
from shared.rules import search

_LAST = "\U0010ffff"
"""Sorts behind whatever follows the beginning of a text."""


def query_of(parent: str, wanted: Filters, now: datetime, me: Sequence[str] = ()) -> Query:
    """The rows that `wanted` asks for, of the collection of its list below `parent`.

    `me` are the caller's keys (`rules/people.py`), for filters by a person.

    Raises InvalidArgument where parameters need different sorts, or one that this list has not.
    """
    filters: list[Filter] = []
    sorts = wanted.listing.sorts
    chosen_by = ""
    for name, mark, value in wanted.given():
        field = mark.fields[value] if isinstance(mark, SortedBy) else mark.field
        if isinstance(mark, Since | Until | Past | Begins | SortedBy):
            sorts = tuple(sort for sort in sorts if sort[0].field == field)
            if not sorts:
                other = f"{to_camel(chosen_by)} does" if chosen_by else "this list has"
                raise InvalidArgument.field(to_camel(name), f"needs another sort than {other}")
            chosen_by = name
        if isinstance(mark, Mark) and not isinstance(mark, HasWords):
            filters += _filters(mark, value, now, me)
    in_list = any(one.op in ("array_contains", "array_contains_any") for one in filters)
    for _, mark, value in wanted.given():
        if isinstance(mark, HasWords) and mark.sort == sorts[0][0].field and not in_list:
            filters += _words(mark, value)
    _require_few(wanted, filters)
    order = tuple(Order(one.field, descending=one.descending) for one in sorts[0])
    return Query(f"{parent}/{wanted.listing.collection}", tuple(filters), order)


def _require_few(wanted: Filters, filters: list[Filter]) -> None:
    """Raises InvalidArgument where parameters are repeated more often than one query can take."""
    if math.prod(len(one.value) for one in filters if one.op in DISJUNCTIVE) > MAX_DISJUNCTIONS:
        (name, *_) = [name for name, _, value in wanted.given() if isinstance(value, list)]
        raise InvalidArgument.field(to_camel(name), "asks for too many values, with the others")


def _words(mark: HasWords, text: str) -> Iterator[Filter]:
    """The word that the index is asked for, if it holds one; the rest is checked on the rows.

    Cases of the first release were indexed by other words, which are asked for as well.
    """
    if word := search.token(text):
        yield Filter(mark.field, mark.op, sorted({word, search.former_token(text)}))


def _filters(mark: Mark, value: Any, now: datetime, me: Sequence[str]) -> Iterator[Filter]:
    match mark:
        case Past():
            yield Filter(mark.field, mark.op, now)
        case Missing():
            yield Filter(mark.field, mark.op, None)
        case Begins():
            beginning = searchable(value)
            yield Filter(mark.field, mark.op, beginning)
            yield Filter(mark.field, "<", beginning + _LAST)
        case OfPerson() if value == ME:
            yield Filter(mark.key, "in", list(me))
        case OfPerson() | Named() if value != normalised(value):
            # The first release stored an address as it was written.
            yield Filter(mark.field, "in", [normalised(value), value])
        case _ if isinstance(value, list):
            yield Filter(mark.field, "in" if mark.op == "==" else "array_contains_any", value)
        case _:
            yield Filter(mark.field, mark.op, value)
