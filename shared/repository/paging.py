"""Pages: rows after a cursor, and the opaque token that carries the cursor.

A token is the order values and the id of the last row, with a digest over them, the tenant and the
filters: a token that was altered, or belongs to another tenant or list, is refused before anything
is read. It is no secret: a forged token, if it has the shape that the list's own tokens have, only
starts at another place of the same list.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import NoneType
from typing import Any

from pydantic_core import to_json

from shared.documents.port import Document, DocumentStore, Query, Rejected
from shared.documents.values import check_path
from shared.errors import InvalidArgument
from shared.models.base import Page
from shared.repository.reading import unless_unreadable

SCAN_LIMIT = 500
"""The most rows that are read for one page of a search of several words."""
SCAN_ROWS = 50
"""Rows read at least with each further query of such a search, so that it takes few of them."""
_DIGEST_BYTES = 12
_INT64 = 2**63
_Kind = type | tuple[type, type]
_STALE = "is not a token of this list with these filters"


def page(
    store: DocumentStore,
    query: Query,
    wanted: Page,
    *,
    accept: Callable[[Document], bool] | None = None,
) -> tuple[list[Document], str | None]:
    """The rows of one page, and the token of the next one.

    With `accept`, rows that it refuses are left out, and more are read, SCAN_ROWS or a page at a
    time, up to SCAN_LIMIT: a page may then come back short, or empty, with a token. It also comes
    back short where its rows are large: it ends with the row that reaches `wanted.max_bytes`.
    Raises InvalidArgument for a bad token.
    """
    # Without ranges, because the time that "overdue" compares with differs from page to page.
    equal = [(f.field, f.value) for f in query.filters if f.op == "=="]
    orders = [(order.field, order.descending) for order in query.order]
    binding = _binding(wanted, query.collection, equal, orders)
    after = _decode(wanted.page_token, binding, _shape(query)) if wanted.page_token else ()
    if accept:
        accept = unless_unreadable(accept)
    limit = size = wanted.page_size
    found: list[Document] = []
    read = 0
    text = 0
    while True:
        rows = store.query(replace(query, after=after, limit=limit))
        read += len(rows)
        for row in rows:
            if accept is None or accept(row):
                found.append(row)
                text += size_of(row)
            if len(found) == size or text >= wanted.max_bytes:
                return found, _next(found, query, binding)
        if len(rows) < limit:
            return found, None
        after = _last_place(rows, query)
        if not after:
            return found, None
        limit = min(max(size, SCAN_ROWS), SCAN_LIMIT - read)
        if limit <= 0:
            return found, _encode(after, binding)


def _next(rows: Sequence[Document], query: Query, binding: bytes) -> str | None:
    after = _last_place(rows, query)
    return _encode(after, binding) if after else None


def _last_place(rows: Sequence[Document], query: Query) -> tuple[Any, ...]:
    """The cursor at the last row that has one: not one of a row that was edited by hand."""
    shape = _shape(query)
    for row in reversed(rows):
        values = tuple(row.data.get(order.field) for order in query.order)
        if all(isinstance(value, kind) for value, kind in zip(values, shape, strict=False)):
            return place(row, query)
    return ()


def size_of(row: Document) -> int:
    """About how many bytes of JSON a row is."""
    return len(to_json(row.data)) if row.size is None else row.size


def place(row: Document, query: Query) -> tuple[Any, ...]:
    """The cursor at `row`: a query after it gives the rows that follow."""
    name = row.path if query.group else row.id
    return (*(row.data[order.field] for order in query.order), name)


def slice_of(
    places: Mapping[str, int], wanted: Page, collection: str, sizes: Mapping[str, int]
) -> tuple[list[str], str | None]:
    """The part of a list of ids that is one page, and the token of the next page.

    `places` are the ids in order, each with its number (`rules/positions.py`); the token has that
    of the last one. By their `sizes` in bytes, as far as those are known, a page ends with the one
    that reaches `wanted.max_bytes`. Raises InvalidArgument for a bad token.
    """
    binding = _binding(wanted, collection)
    last = _decode(wanted.page_token, binding, (int,))[0] if wanted.page_token else -1
    left = [name for name, number in places.items() if number > last]
    part: list[str] = []
    size = 0
    for name in left[: wanted.page_size]:
        part.append(name)
        size += sizes.get(name, 0)
        if size >= wanted.max_bytes:
            break
    more = len(part) < len(left)
    return part, _encode((places[part[-1]],), binding) if more else None


def _binding(wanted: Page, collection: str, *more: Any) -> bytes:
    asked = wanted.model_dump(exclude={"page_size", "page_token"})
    return to_json([collection, type(wanted).__name__, asked, *more])


def _digest(binding: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(binding + b"\0" + payload).digest()[:_DIGEST_BYTES]


def _encode(values: Sequence[Any], binding: bytes) -> str:
    tagged = [{"time": v.isoformat()} if isinstance(v, datetime) else v for v in values]
    payload = json.dumps(tagged, separators=(",", ":")).encode()
    return _text(_digest(binding, payload) + payload)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _shape(query: Query) -> tuple[_Kind, ...]:
    """Of which type each value of the query's cursor is: a time, a name or a number, and the id.

    The time by which the queues are sorted is null where the clock of a case stands.
    """
    kinds: dict[str, _Kind] = {"At": datetime, "me": str}
    return (
        *(
            (datetime, NoneType)
            if order.field == "clockDueAt"
            else kinds.get(order.field[-2:], int)
            for order in query.order
        ),
        str,
    )


def _decode(token: str, binding: bytes, shape: Sequence[_Kind]) -> tuple[Any, ...]:
    try:
        raw = base64.urlsafe_b64decode(token + "==")  # superfluous padding is ignored
    except ValueError:
        raise InvalidArgument.field("pageToken", _STALE) from None
    digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if digest != _digest(binding, payload) or _text(raw) != token:
        raise InvalidArgument.field("pageToken", _STALE)
    try:
        values = tuple(json.loads(payload))
        return tuple(_value(value, kind) for value, kind in zip(values, shape, strict=True))
    except (ValueError, TypeError, KeyError, RecursionError, Rejected):
        raise InvalidArgument.field("pageToken", _STALE) from None


def _value(value: Any, kind: _Kind) -> Any:
    """One value of a cursor. Raises one of what `_decode` expects where it is of another kind."""
    if isinstance(kind, tuple):
        return None if value is None else _value(value, kind[0])
    if kind is datetime:
        time = datetime.fromisoformat(value["time"])
        if time.utcoffset() != timedelta():
            raise ValueError
        return time
    if type(value) is not kind:
        raise TypeError
    if isinstance(value, int) and not 0 <= value < _INT64:
        raise ValueError
    if isinstance(value, str):
        check_path(f"rows/{value}")
    return value
