"""The embedded store's index entries: which ones a document has."""

from __future__ import annotations

import itertools
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from shared.documents.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    EVERY_FIELD,
    Index,
    Indexes,
)
from shared.documents.keys import encode_directed
from shared.documents.port import Data

Entry = tuple[int, bytes]
_Field = tuple[str, str]
"""Its name, and the mode it is indexed in."""
_End = tuple[bool, bool]
"""Of a key's name: whether it is the whole path, and whether it is descending."""
_ABSENT = object()


def entries_of(indexes: Indexes, path: str, data: Data, only: frozenset[str]) -> set[Entry]:
    """The (scope, key) of every entry that the top-level fields `only` of a document bring."""
    parent, _, name = path.rpartition("/")
    layout = _layout(indexes, parent, only)
    keys = [_field_keys(data, *field) for field in layout.fields]
    ends = {end: name_key(parent, name, *end) for end in layout.ends}
    found = {
        (scope, b"".join(key) + ends[end])
        for scope, places, end in layout.indexes
        for key in itertools.product(*[keys[place] for place in places])
    }
    collection = parent.rpartition("/")[2]
    for single in _automatic_fields(indexes, collection, data) & only:
        for index in _singles(indexes, collection, single, data[single]):
            scope = _single_scope(index, "" if index.group else parent)
            end_key = name_key(parent, name, index.group, index.descending_name)
            found.update((scope, key + end_key) for key in _field_keys(data, *index.fields[0]))
    return found


def scope_of(index: Index, within: str) -> int:
    """The number under which an index has its entries of the collection `within` ("" for all)."""
    # A hash instead of a table of numbers, which processes would have to keep in step.
    digest = blake2b(f"{index}\0{within}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def name_key(parent: str, name: str, group: bool, descending: bool) -> bytes:  # noqa: FBT001
    """The end of a document's keys: it breaks ties."""
    # Joined by NUL, a path sorts segment by segment, as Firestore sorts it.
    text = f"{parent}/{name}".replace("/", "\0") if group else name
    return encode_directed(text, descending=descending)


class _Layout(NamedTuple):
    """The composite indexes that some fields of a collection's documents are in."""

    fields: tuple[_Field, ...]
    ends: frozenset[_End]
    indexes: tuple[tuple[int, tuple[int, ...], _End], ...]
    """Of each its scope, the places of its fields in `fields`, and how its keys end."""


# Each case has collections of its own: those that are written to at present are kept.
@lru_cache(maxsize=1024)
def _layout(indexes: Indexes, parent: str, only: frozenset[str]) -> _Layout:
    collection = parent.rpartition("/")[2]
    chosen = [
        index
        for index in indexes.composites
        if index.collection == collection
        and any(field.partition(".")[0] in only for field, _ in index.fields)
    ]
    fields = [*dict.fromkeys(field for index in chosen for field in index.fields)]
    rows = tuple(
        (
            scope_of(index, "" if index.group else parent),
            tuple(map(fields.index, index.fields)),
            (index.group, index.descending_name),
        )
        for index in chosen
    )
    return _Layout(tuple(fields), frozenset(end for _, _, end in rows), rows)


def _field_keys(data: Data, field: str, mode: str) -> list[bytes]:
    value = _value(data, field) if "." in field else data.get(field, _ABSENT)
    if value is _ABSENT or (mode == CONTAINS and not isinstance(value, list)):
        return []
    if mode != CONTAINS:
        return [encode_directed(value, descending=mode == DESCENDING)]
    return [encode_directed(item, descending=False) for item in value]


def _value(data: Data, field: str) -> Any:
    value: Any = data
    for part in field.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _automatic_fields(indexes: Indexes, collection: str, data: Data) -> AbstractSet[str]:
    """The top-level fields of a document that may have indexes of their own."""
    named = _not_exempted(indexes, collection)
    return data.keys() if named is None else data.keys() & named


@lru_cache(maxsize=1024)
def _not_exempted(indexes: Indexes, collection: str) -> frozenset[str] | None:
    """What a collection's overrides name, where all its other fields are exempted."""
    named = {field: modes for name, field, modes in indexes.overrides if name == collection}
    if named.get(EVERY_FIELD, ("",)):
        return None
    return frozenset(field.partition(".")[0] for field, modes in named.items() if modes)


def _singles(indexes: Indexes, collection: str, field: str, value: Any) -> list[Index]:
    found = [*_automatic(indexes, collection, field, isinstance(value, list))]
    if isinstance(value, dict):
        for name, item in value.items():
            found += _singles(indexes, collection, f"{field}.{name}", item)
    return found


@lru_cache(maxsize=4096)
def _single_scope(index: Index, within: str) -> int:
    return scope_of(index, within)


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
