"""What may be written and queried, in either store: Firestore's limits, checked before sending.

Source: firebase.google.com/docs/firestore/quotas, and
firebase.google.com/docs/firestore/storage-size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from shared.documents.port import (
    Aggregation,
    Create,
    Data,
    Delete,
    Filter,
    Merge,
    Op,
    Query,
    Rejected,
    Set,
    TooLarge,
    Update,
    Write,
)

MAX_DOCUMENT_BYTES = 1_048_576
MAX_VALUE_BYTES = 1_048_487
MAX_COMMIT_BYTES = 10 * 1_048_576
MAX_NAME_BYTES = 1500
MAX_DEPTH = 20
MAX_WRITES = 1000
"""Firestore itself now limits only the size of a request (release notes, 2023-03-29)."""
MAX_INCREMENTS = 500
MAX_DISJUNCTIONS = 30
DISJUNCTIVE: dict[Op, Op] = {"in": "==", "array_contains_any": "array_contains"}
"""What takes a list and stands for one query for each of its values, with this operator."""
MAX_AGGREGATES = 5
_ID = r"(?!\.{1,2}(?:/|\Z))(?!__[^/]*__(?:/|\Z))[^/\x00]+"
_PATH = re.compile(f"{_ID}(?:/{_ID})*")
_FIELD = re.compile(r"(?!__.*__\Z).+", re.DOTALL)
_FIELD_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_INT64 = 2**63


def check_path(path: str, *, collection: bool = False) -> None:
    """Raises Rejected unless `path` names a document (or a collection)."""
    if path.count("/") % 2 == (1 if collection else 0):
        raise Rejected("path names a document where a collection is meant, or the reverse")
    long = _utf8(path) > MAX_NAME_BYTES
    if not _PATH.fullmatch(path) or (
        long and any(_utf8(name) > MAX_NAME_BYTES for name in path.split("/"))
    ):
        raise Rejected("bad id in path")


def check_writes(writes: Sequence[Write], most_bytes: int) -> None:
    """Raises Rejected unless all of `writes` may be in one commit, TooLarge for too much of them.

    `most_bytes` is the `max_commit_bytes` of the store.
    """
    if len(writes) > MAX_WRITES:
        raise TooLarge(f"more than {MAX_WRITES} writes in one commit")
    _check_repeated(writes)
    if commit_bytes(writes) > most_bytes:
        raise TooLarge(f"commit is larger than {most_bytes} bytes")


def commit_bytes(writes: Sequence[Write]) -> int:
    """The size of the documents in `writes`. Raises Rejected for one that cannot be stored."""
    return sum(map(_write_size, writes))


def check_document(path: str, data: Data) -> int:
    """The size of a document. Raises Rejected unless `data` can be stored at `path`."""
    # One byte more for each segment of the name, and so for each slash and one.
    name = _utf8(path) + 1 + 16
    size = name + _map_size(data, 1) + 32
    if size > MAX_DOCUMENT_BYTES:
        raise Rejected("document is larger than 1 MiB")
    return size


def check_query(query: Query) -> None:
    """Raises Rejected unless `query` names a collection and fields, and storable values."""
    if query.group:
        check_path(f"{query.collection}/x")
        if "/" in query.collection:
            raise Rejected("a collection group is named by an id")
    else:
        check_path(query.collection, collection=True)
    if query.limit is not None and query.limit < 0:
        raise Rejected("limit is negative")
    _check_field_paths([f.field for f in query.filters] + [sort.field for sort in query.order])
    for name in query.select or ():
        _check_name(name)
    for condition in query.filters:
        _check_condition(condition)
    if query.after:
        _check_cursor(query)


def check_aggregation(aggregation: Aggregation) -> None:
    """Raises Rejected unless its query is allowed and its fields can be aggregated over it."""
    check_query(aggregation.query)
    fields = [*aggregation.sums, *aggregation.averages]
    _check_field_paths(fields)
    if len(fields) + 1 > MAX_AGGREGATES:
        raise Rejected(f"more than {MAX_AGGREGATES} aggregates, the count included")
    if aggregation.query.after:
        raise Rejected("an aggregation takes no cursor")
    if any(f.op == "array_contains_any" for f in aggregation.query.filters):
        raise Rejected("an aggregation would count a row twice that has two of the values")


def _check_repeated(writes: Sequence[Write]) -> None:
    written = set()
    for write in writes:
        if write.path in written and not isinstance(write, Merge):
            raise Rejected("two writes to one document in one commit, the second no merge")
        written.add(write.path)


def _write_size(write: Write) -> int:
    check_path(write.path)
    match write:
        case Create(data=data) | Set(data=data) | Update(fields=data) | Merge(fields=data):
            size = check_document(write.path, data)
        case Delete():
            size = 0
    if isinstance(write, Update):
        if len(write.increments) > MAX_INCREMENTS:
            raise Rejected(f"more than {MAX_INCREMENTS} increments of one document")
        size += _map_size(dict(write.increments), 1)
        if not all(type(step) is int for step in write.increments.values()):
            raise Rejected("an increment is not an integer")
        if not write.increments.keys().isdisjoint(write.fields):
            raise Rejected("a field is both replaced and incremented")
    return size


def _check_field_paths(fields: Iterable[str]) -> None:
    if not all(_FIELD_PATH.fullmatch(field) for field in fields):
        raise Rejected("bad field path")


def _check_condition(condition: Filter) -> None:
    _size(condition.value, 1)
    value = condition.value
    listed = condition.op in DISJUNCTIVE
    if listed and not isinstance(value, list):
        raise Rejected(f"`{condition.op}` takes a list")
    # Firestore accepts these, and finds nothing with them.
    if condition.op != "==" and (value is None or (listed and None in value)):
        raise Rejected("null is compared by == only")


def _check_cursor(query: Query) -> None:
    *values, last = query.after
    if len(values) != len(query.order):
        raise Rejected("the cursor has not one value for each order field and the name")
    if not query.order and any(f.op in ("<", "<=", ">", ">=") for f in query.filters):
        raise Rejected("a range filter with a cursor needs its order")
    for value in values:
        _size(value, 1)
    check_path(last if query.group else f"{query.collection}/{last}")


# Documents of a kind have the same field names.
@lru_cache(maxsize=4096)
def _check_name(name: Any) -> int:
    if not isinstance(name, str) or not _FIELD.fullmatch(name) or _utf8(name) > MAX_NAME_BYTES:
        raise Rejected("bad field name")
    return _utf8(name) + 1


def _map_size(value: dict[str, Any], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise Rejected(f"nested deeper than {MAX_DEPTH}")
    size = 0
    for name, item in value.items():
        size += _check_name(name) + (1 if item is None else _size(item, depth))
    return size


def _list_size(items: list[Any], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise Rejected(f"nested deeper than {MAX_DEPTH}")
    size = 0
    for item in items:
        if isinstance(item, list):
            raise Rejected("a list cannot hold a list")
        size += _size(item, depth)
    return size


def _size(value: Any, depth: int) -> int:
    if isinstance(value, str):
        if (size := _utf8(value) + 1) > MAX_VALUE_BYTES:
            raise Rejected("string is too long")
        return size
    if value is None or value is False or value is True:
        return 1
    if isinstance(value, dict):
        return _map_size(value, depth + 1)
    if isinstance(value, list):
        return _list_size(value, depth + 1)
    _check_scalar(value)
    return 8


def _check_scalar(value: Any) -> None:
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise Rejected("integer beyond 64 bits")
    elif isinstance(value, datetime):
        # To ask for an offset takes longer than all else here.
        if value.tzinfo is not UTC and value.utcoffset() != timedelta(0):
            raise Rejected("time is not UTC")
    elif not isinstance(value, float):
        raise Rejected(f"a {type(value).__name__} cannot be stored")
    elif not math.isfinite(value):
        raise Rejected("number is not finite")


def _utf8(text: str) -> int:
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise Rejected("text is not valid Unicode") from None
