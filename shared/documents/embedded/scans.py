"""How the embedded store reads a query: as ranges of index entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from shared.documents.embedded.entries import name_key, scope_of, stored
from shared.documents.embedded.pending import Found
from shared.documents.embedded.scopes import column
from shared.documents.indexes import DESCENDING, Index, Leg, conditions
from shared.documents.keys import after, encode, encode_directed, inverted_range, type_bounds
from shared.documents.port import Filter, Query


class Range(NamedTuple):
    """The entries of a scope with `low` <= key < `high`."""

    scope: int
    low: bytes
    high: bytes


class Scan(NamedTuple):
    """A planned query in SQL: what to select from, its condition and order, and their arguments.

    In it `d` is the document; a count needs no document, so `d` is joined by `documents`. `place`
    is the expression for a row's place in the order. A scan of `entries` has a range of them, and
    `others`: the scope of each index that is merged with it, and how its keys begin.
    """

    place: str
    sources: str
    documents: str
    where: str
    order: str
    arguments: list[Any]
    range: Range | None = None
    others: tuple[tuple[int, bytes], ...] = ()
    start: int = 0
    backwards: bool = False

    def found(self, keys_in: Callable[[int], Iterable[Found]]) -> list[tuple[bytes, int]]:
        """Those of the keys in a scope that are in the result: each one's place and document."""
        if self.range is None:
            return []
        scope, low, high = self.range
        return [
            (key[self.start :], document)
            for key, document, all_keys in keys_in(scope)
            if low <= key < high
            if all(
                prefix + key[self.start :] in all_keys.of(other) for other, prefix in self.others
            )
        ]


def scan(query: Query, legs: tuple[Leg, ...]) -> Scan:
    """How the rows of one planned query are read."""
    if not legs and query.group:
        return _whole_group(query)
    if not legs:
        after_id = query.after[-1] if query.after else ""
        where = " WHERE d.parent = ? AND d.id > ?"
        arguments = [query.collection, after_id]
        return Scan("''", " FROM documents d", "", where, " ORDER BY d.id", arguments)
    first, *others = map(_stored, legs)
    start = len(_prefix(first))
    joins, arguments, prefixes = "", [], []
    for number, leg in enumerate(others, 1):
        # CROSS JOIN keeps the written order: each further index is one point look-up for each row.
        same_place = f"CAST(? || substr(e0.key, {start + 1}) AS BLOB)"
        scope = _scope(leg.index, _within(query))
        joins += (
            f" CROSS JOIN entries e{number} ON e{number}.scope = {column(scope)}"
            f" AND e{number}.key = {same_place}"
        )
        prefixes.append((scope, _prefix(leg)))
        arguments += prefixes[-1]
    found = Range(_scope(first.index, _within(query)), *_bounds(query, first))
    return Scan(
        place=f"substr(e0.key, {start + 1})",
        sources=f" FROM entries e0{joins}",
        documents=" CROSS JOIN documents d ON d.number = e0.document",
        where=f" WHERE e0.scope = {column(found.scope)} AND e0.key >= ? AND e0.key < ?",
        order=f" ORDER BY e0.key{' DESC' if first.backwards else ''}",
        arguments=[*arguments, *found],
        range=found,
        others=tuple(prefixes),
        start=start,
        backwards=first.backwards,
    )


def _whole_group(query: Query) -> Scan:
    """All documents of a group, through the key of the documents: without an index of its own."""
    end = f"/{query.collection}"
    parent, _, last = query.after[-1].rpartition("/") if query.after else ("", "", "")
    where = " WHERE (d.parent, d.id) > (?, ?) AND substr('/' || d.parent, ?) = ?"
    order, arguments = " ORDER BY d.parent, d.id", [parent, last, -len(end), end]
    return Scan("''", " FROM documents d", "", where, order, arguments)


def _stored(leg: Leg) -> Leg:
    """The scan of an index as the table has it. All legs of a plan have the same order."""
    index = stored(leg.index)
    return replace(leg, index=index, backwards=leg.backwards or index != leg.index)


def _within(query: Query) -> str:
    return "" if query.group else query.collection


def _bounds(query: Query, leg: Leg) -> tuple[bytes, bytes]:
    prefix = _prefix(leg)
    low, high = prefix, after(prefix) if prefix else b"\xff" * 8
    descending = (bool(query.order) and query.order[0].descending) != leg.backwards
    for condition in query.filters:
        if condition.op in ("<", "<=", ">", ">="):
            bounds = _range(condition)
            start, stop = inverted_range(*bounds) if descending else bounds
            low, high = max(low, prefix + start), min(high, prefix + stop)
    if query.after:
        place = prefix + _cursor(query, leg)
        low, high = (low, min(high, place)) if leg.backwards else (max(low, after(place)), high)
    return low, high


def _range(condition: Filter) -> tuple[bytes, bytes]:
    low, high = type_bounds(condition.value)
    key = encode(condition.value)
    match condition.op:
        case "<":
            return low, key
        case "<=":
            return low, after(key)
        case ">":
            return after(key), high
    return key, high


def _cursor(query: Query, leg: Leg) -> bytes:
    _, order = conditions(query)
    *values, name = query.after
    descending = [sort.descending != leg.backwards for sort in order]
    keys = [
        encode_directed(value, descending=down)
        for value, down in zip(values, descending, strict=True)
    ]
    parent, _, last = name.rpartition("/") if query.group else (query.collection, "", name)
    return b"".join(keys) + name_key(parent, last, leg.index.group, leg.index.descending_name)


def _prefix(leg: Leg) -> bytes:
    modes = (mode for _, mode in leg.index.fields)
    return b"".join(
        encode_directed(condition.value, descending=mode == DESCENDING)
        for condition, mode in zip(leg.equal, modes, strict=False)
    )


@lru_cache(maxsize=65536)
def _scope(index: Index, within: str) -> int:
    return scope_of(index, within)
