"""The embedded store's index entries: which ones a document has."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from shared.documents.indexes import ASCENDING, CONTAINS, DESCENDING, Index, Indexes
from shared.documents.keys import encode_directed
from shared.documents.port import Data

Entry = tuple[int, bytes]
_Field = tuple[str, str]
_ABSENT = object()


def entries_of(indexes: Indexes, path: str, data: Data, only: frozenset[str]) -> set[Entry]:
    """The (scope, key) of every entry that the top-level fields `only` of a document bring."""
    parent, _, name = path.rpartition("/")
    chosen = [index for index in _composites(indexes, parent) if not only.isdisjoint(index.named)]
    for field in only & data.keys():
        chosen += _singles(indexes, parent, field, data[field])
    keys: dict[_Field, list[bytes]] = {}
    ends: dict[tuple[bool, bool], bytes] = {}
    found: set[Entry] = set()
    for index in chosen:
        if (end := ends.get(index.end)) is None:
            end = ends[index.end] = name_key(parent, name, *index.end)
        joined = [b""]
        for one in index.fields:
            if (own := keys.get(one)) is None:
                own = keys[one] = _field_keys(data, *one)
            joined = [before + key for before in joined for key in own]
        found.update((index.scope, key + end) for key in joined)
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


class _Kept(NamedTuple):
    """An index as the documents of one collection are kept in it."""

    scope: int
    fields: tuple[_Field, ...]
    named: frozenset[str]
    """Their top-level names."""
    end: tuple[bool, bool]
    """Of the name: whether it is the whole path, and whether it is descending."""


def _kept(index: Index, parent: str) -> _Kept:
    scope = scope_of(index, "" if index.group else parent)
    named = frozenset(field.partition(".")[0] for field, _ in index.fields)
    return _Kept(scope, index.fields, named, (index.group, index.descending_name))


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


# Each case has collections of its own: those that are written to at present are kept.
@lru_cache(maxsize=1024)
def _composites(indexes: Indexes, parent: str) -> tuple[_Kept, ...]:
    collection = parent.rpartition("/")[2]
    return tuple(
        _kept(index, parent) for index in indexes.composites if index.collection == collection
    )


def _singles(indexes: Indexes, parent: str, field: str, value: Any) -> list[_Kept]:
    collection = parent.rpartition("/")[2]
    listed = isinstance(value, list)
    found = [_single(index, parent) for index in _automatic(indexes, collection, field, listed)]
    if isinstance(value, dict):
        for name, item in value.items():
            found += _singles(indexes, parent, f"{field}.{name}", item)
    return found


@lru_cache(maxsize=4096)
def _single(index: Index, parent: str) -> _Kept:
    return _kept(index, parent)


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
