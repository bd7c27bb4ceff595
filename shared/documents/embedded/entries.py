"""The embedded store's index entries: which ones a document has."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
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
_Key = bytes | list[bytes] | None
"""Of a field: one, those of the items of a list, or none."""
_ABSENT = object()
_NO_KEYS: frozenset[bytes] = frozenset()
_DEPTH_OF_CASES = "tenants/acme/cases".count("/")
_TURNED = {ASCENDING: DESCENDING, DESCENDING: ASCENDING}


def entries_of(indexes: Indexes, path: str, data: Data, only: frozenset[str]) -> set[Entry]:
    """The (scope, key) of every entry that the top-level fields `only` of a document bring."""
    if not data:
        return set()
    parent, _, name = path.rpartition("/")
    layout = _layout_of(indexes, parent, data, only)
    keys = [_field_key(data, *field) for field in layout.fields]
    keys += [name_key(parent, name, *end) for end in layout.ends]
    found: set[Entry] = set()
    for scope, parts_of, listed in layout.rows:
        parts = parts_of(keys)
        if None in parts:
            continue
        if listed:
            found.update(zip(itertools.repeat(scope), _joined(parts)))
        else:
            found.add((scope, b"".join(parts)))
    return found


class Keys:
    """The keys that a document has in each scope: computed where they are asked for."""

    def __init__(self, indexes: Indexes, path: str, data: Data) -> None:
        self._parent, _, self._name = path.rpartition("/")
        self._data = {field: data[field] for field in indexed(indexes, path, data)}
        self._indexes = _layout_of(indexes, self._parent, data, frozenset(data)).indexes
        self._known: dict[int, frozenset[bytes]] = {}

    def of(self, scope: int) -> frozenset[bytes]:
        """Those in one scope: several where the document has a list there."""
        if scope not in self._indexes:
            return _NO_KEYS
        if scope not in self._known:
            index = self._indexes[scope]
            parts = [_field_key(self._data, *field) for field in index.fields]
            end = name_key(self._parent, self._name, index.group, index.descending_name)
            self._known[scope] = frozenset(() if None in parts else _joined([*parts, end]))
        return self._known[scope]


def indexed(indexes: Indexes, path: str, fields: Iterable[str]) -> list[str]:
    """Those of the top-level fields of the document at `path` that an index may have."""
    named = _named(indexes, path.rsplit("/", 2)[-2])
    return [field for field in fields if named is None or field in named]


def stored(index: Index) -> Index:
    """How the table has an index: turned round where its last field is descending.

    Read backwards it is the same. But most indexes end in a time, and new entries have the newest
    one: SQLite fills the pages of an index that grows at its end, and leaves those half empty of
    one that grows at its beginning.
    """
    if not index.descending_name:
        return index
    fields = tuple((field, _TURNED.get(mode, mode)) for field, mode in index.fields)
    return replace(index, fields=fields)


def scope_of(index: Index, within: str) -> int:
    """Stands for an index's entries of the collection `within` ("" for all): a hash of both.

    It is negative for a collection below a case, and others that deep: see `scopes.py`.
    """
    digest = blake2b(f"{index}\0{within}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big") >> 1
    return ~number if within.count("/") > _DEPTH_OF_CASES else number


def name_key(parent: str, name: str, group: bool, descending: bool) -> bytes:  # noqa: FBT001
    """The end of a document's keys: it breaks ties."""
    # Joined by NUL, a path sorts segment by segment, as Firestore sorts it.
    text = f"{parent}/{name}".replace("/", "\0") if group else name
    return encode_directed(text, descending=descending)[1:]  # each of them is a string


class _Layout(NamedTuple):
    """The indexes that some fields of a collection's documents are in."""

    fields: tuple[_Field, ...]
    ends: tuple[_End, ...]
    indexes: Mapping[int, Index]
    """By their scopes."""
    rows: tuple[tuple[int, Callable[[list[_Key]], tuple[Any, ...]], bool], ...]
    """Of each index its scope, what takes the parts of its keys from the keys of `fields` and
    `ends`, and whether one of its fields is a list."""


def _layout_of(indexes: Indexes, parent: str, data: Data, only: frozenset[str]) -> _Layout:
    collection = parent.rpartition("/")[2]
    named = _named(indexes, collection)
    if named is not None:
        only &= named
    return _layout(indexes, parent, only, tuple(_inner(indexes, collection, data, only)))


# Each case has collections of its own: those that are written to at present are kept.
@lru_cache(maxsize=1024)
def _layout(indexes: Indexes, parent: str, only: frozenset[str], inner: tuple[str, ...]) -> _Layout:
    collection = parent.rpartition("/")[2]
    chosen = [
        stored(index)
        for index in indexes.composites
        if index.collection == collection
        and any(field.partition(".")[0] in only for field, _ in index.fields)
    ]
    chosen += (
        index for field in (*only, *inner) for index in _automatic(indexes, collection, field)
    )
    by_scope = {scope_of(index, "" if index.group else parent): index for index in chosen}
    fields = [*dict.fromkeys(field for index in chosen for field in index.fields)]
    ends = [*dict.fromkeys((index.group, index.descending_name) for index in chosen)]
    rows = tuple(
        (
            scope,
            itemgetter(
                *map(fields.index, index.fields),
                len(fields) + ends.index((index.group, index.descending_name)),
            ),
            any(mode == CONTAINS for _, mode in index.fields),
        )
        for scope, index in by_scope.items()
    )
    return _Layout(tuple(fields), tuple(ends), by_scope, rows)


def _field_key(data: Data, field: str, mode: str) -> _Key:
    value = _value(data, field) if "." in field else data.get(field, _ABSENT)
    if value is _ABSENT or (mode == CONTAINS and not isinstance(value, list)):
        return None
    try:
        if mode != CONTAINS:
            return encode_directed(value, descending=mode == DESCENDING)
        return [encode_directed(item, descending=False) for item in value]
    except (ValueError, ArithmeticError, struct.error):
        # Only who edits the file by hand can write a number that has no key.
        return None


def _joined(parts: Sequence[Any]) -> Iterator[bytes]:
    """The keys of these parts, of which some are lists."""
    several = [part if isinstance(part, list) else (part,) for part in parts]
    return map(b"".join, itertools.product(*several))


def _value(data: Data, field: str) -> Any:
    value: Any = data
    for part in field.split("."):
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _inner(indexes: Indexes, collection: str, data: Data, only: frozenset[str]) -> Iterator[str]:
    """The paths of what is in maps that have indexes of their own: it has them as well."""
    automatic = _automatic_fields(indexes, collection)
    for field in only if automatic is None else only & automatic:
        if isinstance(value := data.get(field), dict):
            yield from _paths(field, value)


def _paths(field: str, value: dict[str, Any]) -> Iterator[str]:
    for name, item in value.items():
        yield f"{field}.{name}"
        if isinstance(item, dict):
            yield from _paths(f"{field}.{name}", item)


@lru_cache(maxsize=1024)
def _automatic_fields(indexes: Indexes, collection: str) -> frozenset[str] | None:
    """The top-level fields that have indexes of their own, or something in them; None for all."""
    named = {field: modes for name, field, modes in indexes.overrides if name == collection}
    if named.get(EVERY_FIELD, ("",)):
        return None
    return frozenset(field.partition(".")[0] for field, modes in named.items() if modes)


@lru_cache(maxsize=1024)
def _named(indexes: Indexes, collection: str) -> frozenset[str] | None:
    """The top-level fields that are in any index; None for all."""
    automatic = _automatic_fields(indexes, collection)
    composites = (index for index in indexes.composites if index.collection == collection)
    fields = {field.partition(".")[0] for index in composites for field, _ in index.fields}
    return None if automatic is None else automatic | fields


def _automatic(indexes: Indexes, collection: str, field: str) -> Iterator[Index]:
    for mode in (ASCENDING, CONTAINS):
        for group in (False, True):
            # One ascending index serves both directions: for the other it is read backwards.
            directions = (mode,) if mode == CONTAINS else (ASCENDING, DESCENDING)
            if any(indexes.single(collection, field, way, group=group) for way in directions):
                yield Index(collection, ((field, mode),), group)
