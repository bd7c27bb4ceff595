"""The embedded store's index entries: which ones a document has, and how a query reads them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from shared.documents.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    Index,
    Indexes,
    Leg,
    conditions,
)
from shared.documents.keys import after, encode, encode_directed, inverted_range, type_bounds
from shared.documents.port import Data, Filter, Query

Entry = tuple[int, bytes]
_ABSENT = object()


def entries_of(indexes: Indexes, path: str, data: Data, only: frozenset[str]) -> set[Entry]:
    """The (scope, key) of every entry that the top-level fields `only` of a document bring."""
    parent, _, name = path.rpartition("/")
    collection = parent.rpartition("/")[2]
    chosen = [
        index
        for index in _composites(indexes, collection)
        if not only.isdisjoint(field.partition(".")[0] for field, _ in index.fields)
    ]
    for field in only & data.keys():
        chosen += _singles(indexes, collection, field, data[field])
    keys: dict[tuple[str, str], list[bytes]] = {}
    found: set[Entry] = set()
    for index in chosen:
        end = _name(index, parent, name)
        scope = _scope(index, "" if index.group else parent)
        found.update((scope, key + end) for key in _index_keys(index, data, keys))
    return found


class Scan(NamedTuple):
    """SQL from FROM to ORDER BY, its arguments, and the expression for a row's place in the order.

    In it `d` is the document; a count needs no document, so `d` is joined by `documents`.
    """

    place: str
    sources: str
    documents: str
    rest: str
    arguments: list[Any]


def scan(query: Query, legs: tuple[Leg, ...]) -> Scan:
    """How the rows of one planned query are read."""
    if not legs and query.group:
        return _whole_group(query)
    if not legs:
        after_id = query.after[-1] if query.after else ""
        rest = " WHERE d.parent = ? AND d.id > ? ORDER BY d.id"
        return Scan("''", " FROM documents d", "", rest, [query.collection, after_id])
    first, *others = legs
    start = len(_prefix(first)) + 1
    joins, arguments = "", []
    for number, leg in enumerate(others, 1):
        # CROSS JOIN keeps the written order: each further index is one point look-up for each row.
        same_place = f"CAST(? || substr(e0.key, {start}) AS BLOB)"
        joins += (
            f" CROSS JOIN entries e{number} ON e{number}.scope = ? AND e{number}.key = {same_place}"
        )
        arguments += [_scope(leg.index, _within(query)), _prefix(leg)]
    low, high = _bounds(query, first)
    arguments += [_scope(first.index, _within(query)), low, high]
    rest = " WHERE e0.scope = ? AND e0.key >= ? AND e0.key < ?"
    rest += f" ORDER BY e0.key{' DESC' if first.backwards else ''}"
    documents = " CROSS JOIN documents d ON d.number = e0.document"
    return Scan(f"substr(e0.key, {start})", f" FROM entries e0{joins}", documents, rest, arguments)


def _whole_group(query: Query) -> Scan:
    """All documents of a group, through the key of the documents: without an index of its own."""
    end = f"/{query.collection}"
    parent, _, last = query.after[-1].rpartition("/") if query.after else ("", "", "")
    rest = " WHERE (d.parent, d.id) > (?, ?) AND substr('/' || d.parent, ?) = ?"
    rest += " ORDER BY d.parent, d.id"
    return Scan("''", " FROM documents d", "", rest, [parent, last, -len(end), end])


def _within(query: Query) -> str:
    return "" if query.group else query.collection


def _bounds(query: Query, leg: Leg) -> tuple[bytes, bytes]:
    prefix = _prefix(leg)
    low, high = prefix, after(prefix) if prefix else b"\xff" * 8
    descending = not leg.backwards and bool(query.order) and query.order[0].descending
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
    descending = [sort.descending and not leg.backwards for sort in order]
    keys = [
        encode_directed(value, descending=down)
        for value, down in zip(values, descending, strict=True)
    ]
    parent, _, last = name.rpartition("/") if query.group else (query.collection, "", name)
    return b"".join(keys) + _name(leg.index, parent, last)


def _prefix(leg: Leg) -> bytes:
    modes = (mode for _, mode in leg.index.fields)
    return b"".join(
        encode_directed(condition.value, descending=mode == DESCENDING)
        for condition, mode in zip(leg.equal, modes, strict=False)
    )


def _index_keys(
    index: Index, data: Data, keys: dict[tuple[str, str], list[bytes]]
) -> Iterator[bytes]:
    """The keys of a document in an index; `keys` caches those of each field for the next index."""
    parts = []
    for field in index.fields:
        if field not in keys:
            keys[field] = _field_keys(data, *field)
        parts.append(keys[field])
    return map(b"".join, itertools.product(*parts))


def _field_keys(data: Data, field: str, mode: str) -> list[bytes]:
    value = _value(data, field)
    if value is _ABSENT or (mode == CONTAINS and not isinstance(value, list)):
        return []
    values = value if mode == CONTAINS else [value]
    return [encode_directed(item, descending=mode == DESCENDING) for item in values]


def _value(data: Data, field: str) -> Any:
    value: Any = data
    for part in field.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _name(index: Index, parent: str, name: str) -> bytes:
    # Joined by NUL, a path sorts segment by segment, as Firestore sorts it.
    text = f"{parent}/{name}".replace("/", "\0") if index.group else name
    return encode_directed(text, descending=index.descending_name)


@lru_cache(maxsize=65536)
def _scope(index: Index, within: str) -> int:
    # A hash instead of a table of numbers, which processes would have to keep in step.
    digest = blake2b(f"{index}\0{within}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache
def _composites(indexes: Indexes, collection: str) -> tuple[Index, ...]:
    return tuple(index for index in indexes.composites if index.collection == collection)


def _singles(indexes: Indexes, collection: str, field: str, value: Any) -> Iterator[Index]:
    yield from _automatic(indexes, collection, field, isinstance(value, list))
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _singles(indexes, collection, f"{field}.{name}", item)


@lru_cache(maxsize=4096)
def _automatic(indexes: Indexes, collection: str, field: str, listed: bool) -> tuple[Index, ...]:  # noqa: FBT001
    found = []
    for mode in (ASCENDING, CONTAINS) if listed else (ASCENDING,):
        for group in (False, True):
            # One ascending index serves both directions: for the other it is read backwards.
            directions = (mode,) if mode == CONTAINS else (ASCENDING, DESCENDING)
            if any(indexes.single(collection, field, way, group=group) for way in directions):
                found.append(Index(collection, ((field, mode),), group))
    return tuple(found)
